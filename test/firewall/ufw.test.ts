import { expect, test } from "@jest/globals";
import { ufw } from "../../src/firewall/ufw.ts";
import { LISTENING, listOf } from "./lists.ts";

const from = { clients: ["10.0.0.0/8", "2001:db8::/32"], prometheus: ["10.0.0.3"] };
const commandsOf = (text: string): readonly string[] => text.split("\n").filter((line) => line.startsWith("ufw "));

test("each address and protocol is a command of its own, and nothing but rules that open is run", async () => {
  const commands = commandsOf(ufw(await listOf({ topology: LISTENING, from })));
  expect(commands.slice(0, 4)).toEqual([
    "ufw allow out proto udp to 9.9.9.9 port 53 comment 'crowdsec: 9.9.9.9'",
    "ufw allow out proto tcp to 9.9.9.9 port 53 comment 'crowdsec: 9.9.9.9'",
    "ufw allow out proto tcp to 2001:db8::7 port 443 comment 'crowdsec: api.crowdsec.net'",
    "ufw allow out proto tcp to 203.0.113.7 port 443 comment 'crowdsec: api.crowdsec.net'",
  ]);
  expect(commands.slice(-4)).toEqual([
    "ufw allow in proto tcp from 10.0.0.0/8 to any port 8080 comment 'crowdsec'",
    "ufw allow in proto tcp from 2001:db8::/32 to any port 8080 comment 'crowdsec'",
    "ufw allow in proto tcp from 10.0.0.3 to any port 6060 comment 'crowdsec'",
    "ufw allow in proto tcp from 10.0.0.0/8 to 192.0.2.10 port 7422 comment 'crowdsec'",
  ]);
});

test("every command has its undo, and closing the rest is left to the reader", async () => {
  const text = ufw(await listOf({ topology: LISTENING, from }));
  const undo = text.slice(text.indexOf("# Undo:")).split("\n");
  for (const command of commandsOf(text))
    expect(undo).toContain(command.replace("ufw allow", "# ufw delete allow").replace(/ comment .*/, ""));
  expect(text).toContain("\n# ufw default deny outgoing\n");
  expect(text).toContain("\n# ufw default allow outgoing\n");
});

test("without clients the command waits, with a word to replace", async () => {
  const text = ufw(await listOf({ topology: LISTENING }));
  expect(text).toContain("\n# ufw allow in proto tcp from YOUR_CLIENTS to any port 8080 comment 'crowdsec'\n");
  expect(text).toContain("\n# ufw allow in proto tcp from YOUR_PROMETHEUS to any port 6060 comment 'crowdsec'\n");
  expect(commandsOf(text).join("\n")).not.toContain("YOUR_");
});
