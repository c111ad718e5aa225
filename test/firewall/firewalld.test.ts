import { expect, test } from "@jest/globals";
import { firewalld } from "../../src/firewall/firewalld.ts";
import { LISTENING, listOf } from "./lists.ts";

const from = { clients: ["10.0.0.0/8", "2001:db8::/32"], prometheus: ["10.0.0.3"] };
const commandsOf = (text: string): readonly string[] =>
  text.split("\n").filter((line) => line.startsWith("firewall-cmd "));

test("a policy from this host to everywhere, with a rule for each address", async () => {
  const commands = commandsOf(firewalld(await listOf()));
  expect(commands.slice(0, 4)).toEqual([
    "firewall-cmd --permanent --new-policy=crowdsec-out",
    "firewall-cmd --permanent --policy=crowdsec-out --add-ingress-zone=HOST",
    "firewall-cmd --permanent --policy=crowdsec-out --add-egress-zone=ANY",
    `firewall-cmd --permanent --policy=crowdsec-out --add-rich-rule='rule family="ipv4" destination address="9.9.9.9" port port="53" protocol="udp" accept'`,
  ]);
  expect(commands.at(-1)).toBe("firewall-cmd --reload");
});

test("who comes in does so by a rule of the default zone, with its undo", async () => {
  const text = firewalld(await listOf({ topology: LISTENING, from }));
  const rules = [
    `'rule family="ipv4" source address="10.0.0.0/8" port port="8080" protocol="tcp" accept'`,
    `'rule family="ipv6" source address="2001:db8::/32" port port="8080" protocol="tcp" accept'`,
    `'rule family="ipv4" source address="10.0.0.3" port port="6060" protocol="tcp" accept'`,
    `'rule family="ipv4" source address="10.0.0.0/8" destination address="192.0.2.10" port port="7422" protocol="tcp" accept'`,
  ];
  expect(commandsOf(text).slice(-5, -1)).toEqual(
    rules.map((rule) => `firewall-cmd --permanent --add-rich-rule=${rule}`),
  );
  for (const rule of rules) expect(text).toContain(`\n# firewall-cmd --permanent --remove-rich-rule=${rule}\n`);
  expect(text).toContain("\n# firewall-cmd --permanent --delete-policy=crowdsec-out\n");
});

test("closing the rest, and clients that nobody has named, are left to the reader", async () => {
  const text = firewalld(await listOf({ topology: LISTENING }));
  expect(commandsOf(text).join("\n")).not.toMatch(/YOUR_|set-target/);
  expect(text).toContain("\n# firewall-cmd --permanent --policy=crowdsec-out --set-target=DROP\n");
  expect(text).toMatch(/\n# firewall-cmd .*source address="YOUR_CLIENTS".*8080/);
  expect(text).toMatch(/firewalld 0\.9 or newer/);
});
