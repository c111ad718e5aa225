import { expect, test } from "@jest/globals";
import { nagiosFiles } from "../../src/init/nagios.ts";
import { byShell } from "./words.ts";

const command = ["/opt/node js/node", "/opt/a;b/$x/bin/crowdsec-preflight.js"];
const plugin = ["/usr/bin/sudo", "-n", ...command, "-o", "nagios", "--deadline", "30s"];
const files = nagiosFiles({ command, version: "1.2.3" });
const contentOf = (path: string): string => files.find((file) => file.path === path)?.content ?? "";
const unmacro = (text = ""): string => text.replaceAll("$$", "$");

test("one file for each of Nagios, NRPE, Icinga and sudo, where Debian's packages look for it", () => {
  expect(files.map(({ path }) => path)).toEqual([
    "/etc/nagios4/conf.d/crowdsec-preflight.cfg",
    "/etc/nagios/nrpe.d/crowdsec-preflight.cfg",
    "/etc/icinga2/conf.d/crowdsec-preflight.conf",
    "/etc/sudoers.d/crowdsec-preflight",
  ]);
});

test("all three make the same call, whatever is in the paths", () => {
  const nagios = /^ {4}command_line +(.*)$/m.exec(contentOf("/etc/nagios4/conf.d/crowdsec-preflight.cfg"))?.[1];
  expect(byShell(unmacro(nagios?.replaceAll("\\;", ";")))).toEqual(plugin);
  const nrpe = /^command\[check_crowdsec_preflight\]=(.*)$/m.exec(
    contentOf("/etc/nagios/nrpe.d/crowdsec-preflight.cfg"),
  )?.[1];
  expect(byShell(unmacro(nrpe))).toEqual(plugin);
  const icinga = /^ {2}command = (.*)$/m.exec(contentOf("/etc/icinga2/conf.d/crowdsec-preflight.conf"))?.[1];
  expect(JSON.parse(icinga ?? "[]").map(unmacro)).toEqual(plugin);
});

test("whoever waits for it waits longer than its deadline", () => {
  expect(contentOf("/etc/icinga2/conf.d/crowdsec-preflight.conf")).toContain("  timeout = 60s\n");
  expect(contentOf("/etc/nagios/nrpe.d/crowdsec-preflight.cfg")).toContain("check_nrpe -H HOST -t 60 ");
});

test("each says what a dead Local API would look like without sudo", () => {
  for (const { content } of files) {
    expect(content).toMatch(/^# crowdsec-preflight 1\.2\.3: /);
    expect(content.replaceAll("\n# ", " ")).toContain(
      "Without it, what only root may read is unknown, and a Local API that is down stays green.",
    );
  }
});

test("sudo lets user nagios run what the others call, these words and no others; its file is no one's to change", () => {
  const { content = "", mode, isCompanion, afterwards } = files.at(-1) ?? {};
  expect({ mode, isCompanion, afterwards }).toEqual({
    mode: 0o440,
    isCompanion: true,
    afterwards: ["visudo -cf /etc/sudoers.d/crowdsec-preflight"],
  });
  expect(content.split("\n").filter((line) => line !== "" && !line.startsWith("#"))).toEqual([
    String.raw`nagios ALL=(root) NOPASSWD: /opt/node\ js/node /opt/a;b/$x/bin/crowdsec-preflight.js -o nagios --deadline 30s`,
  ]);
  expect(content).toContain("such as nrpe or icinga");
  // A name with a dot sudo would leave alone.
  expect(files.at(-1)?.path).toMatch(/^\/etc\/sudoers\.d\/[a-z-]+$/);
});
