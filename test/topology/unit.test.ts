import { expect, test } from "@jest/globals";
import { unitCommand } from "../../src/topology/unit.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";

const UNIT = "crowdsec.service";
const VENDOR = `/usr/lib/systemd/system/${UNIT}`;
const ADMIN = `/etc/systemd/system/${UNIT}`;

const service = (...lines: readonly string[]): string => `[Unit]\nDescription=x\n[Service]\n${lines.join("\n")}\n`;
const PACKAGED = service(
  "Type=notify",
  "ExecStartPre=/usr/bin/crowdsec -t",
  "ExecStart=/usr/bin/crowdsec -c /etc/config.yaml",
);

const commandIn = (files: Readonly<Record<string, string>>, folders: World["folders"] = {}) =>
  unitCommand(fakeProber({ files, folders }), UNIT);

test("the packaged unit's own command line, with the file that holds it", async () => {
  expect(await commandIn({ [VENDOR]: PACKAGED })).toEqual({
    argv: ["/usr/bin/crowdsec", "-c", "/etc/config.yaml"],
    origin: VENDOR,
  });
});

test("the administrator's unit stands in place of the package's", async () => {
  const own = service("ExecStart=-/opt/crowdsec -no-api");
  expect(await commandIn({ [VENDOR]: PACKAGED, [ADMIN]: own })).toEqual({
    argv: ["/opt/crowdsec", "-no-api"],
    origin: ADMIN,
  });
});

test("a drop-in takes the command back and gives another; the last by name wins, of two with one name that of /etc", async () => {
  const etc = `/etc/systemd/system/${UNIT}.d`;
  const run = `/run/systemd/system/${UNIT}.d`;
  const files = {
    [VENDOR]: PACKAGED,
    [`${etc}/20-agent.conf`]: service(
      "ExecStart=",
      'ExecStart=/usr/bin/crowdsec -c "/etc/my config.yaml" \\',
      "  -no-cs",
    ),
    [`${run}/20-agent.conf`]: service("ExecStart=", "ExecStart=/usr/bin/crowdsec -no-api"),
    [`${etc}/10-early.conf`]: service("ExecStart=", "ExecStart=/bin/false"),
    [`${etc}/30-other.conf`]: service("Restart=always"),
    [`${etc}/notes.txt`]: service("ExecStart=", "ExecStart=/bin/true"),
  };
  const folders = { [etc]: ["20-agent.conf", "10-early.conf", "30-other.conf", "notes.txt"], [run]: ["20-agent.conf"] };
  expect(await commandIn(files, folders)).toEqual({
    argv: ["/usr/bin/crowdsec", "-c", "/etc/my config.yaml", "-no-cs"],
    origin: `${etc}/20-agent.conf`,
  });
});

test("what stands in another section, or in a comment, is no command", async () => {
  const unit = "[Install]\nExecStart=/bin/a\n[Service]\n#ExecStart=/bin/b\nExecStart=/bin/c\n";
  expect((await commandIn({ [VENDOR]: unit }))?.argv).toEqual(["/bin/c"]);
});

test("no unit, or one without a command: nothing is known", async () => {
  expect(await commandIn({})).toBeUndefined();
  expect(await commandIn({ [VENDOR]: service("Type=simple") })).toBeUndefined();
});
