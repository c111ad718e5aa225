import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "@jest/globals";
import type { Failed } from "../../src/model/observation.ts";
import { probeFile } from "../../src/probes/file.ts";
import { probePath } from "../../src/probes/path.ts";
import { readUnit, unitCommand, unitUser } from "../../src/topology/unit.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";
import { makeFolder } from "../support/folder.ts";

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

test("a masked unit is known as such: what the package brought is not started", async () => {
  const link: Failed = { ok: false, phase: "host", code: "file-error", message: "not a regular file", elapsedMs: 0 };
  for (const mask of [link, ""]) {
    const paths = { [ADMIN]: { kind: "other", guarded: false } } as const;
    const probe = fakeProber({ files: { [VENDOR]: PACKAGED, [ADMIN]: mask }, paths });
    expect(await readUnit(probe, UNIT)).toEqual({ name: UNIT, path: ADMIN, masked: true, settings: [], denied: [] });
    expect(await unitCommand(probe, UNIT)).toBeUndefined();
  }
});

describe("whether a unit is masked, or nobody can read it, is known of", () => {
  const folder = makeFolder();
  afterAll(folder.remove);
  const path = `${folder.path}/${UNIT}`;
  const make: Readonly<Record<string, () => unknown>> = {
    "a link to /dev/null": () => symlinkSync("/dev/null", path),
    "an empty file": () => writeFileSync(path, ""),
    "a link to itself": () => symlinkSync(path, path),
    "a FIFO": () => execFileSync("mkfifo", ["-m", "644", path]),
    "a folder": () => mkdirSync(path),
    "a binary file": () => writeFileSync(path, "\0"),
  };

  test.each([
    ["a link to /dev/null", { masked: true }],
    ["an empty file", { masked: true }],
    ["a link to itself", { masked: false, broken: expect.stringContaining("ELOOP") }],
    ["a FIFO", { masked: false, broken: "not a regular file" }],
    ["a folder", { masked: false, broken: "not a regular file" }],
    ["a binary file", { masked: false, broken: expect.stringContaining("NUL") }],
  ] as const)("%s: %j", async (what, expected) => {
    make[what]?.();
    const [file, at] = await Promise.all([probeFile(path), probePath(path)]);
    rmSync(path, { recursive: true });
    const probe = fakeProber({
      files: { [VENDOR]: PACKAGED, [ADMIN]: file },
      paths: { [ADMIN]: at },
    });
    expect(await readUnit(probe, UNIT)).toEqual({ name: UNIT, path: ADMIN, settings: [], denied: [], ...expected });
    expect(await unitCommand(probe, UNIT)).toBeUndefined();
  });
});

test("a service's user is the last that is named, and root again after an empty one", async () => {
  const userOf = async (...lines: readonly string[]): Promise<string | undefined> => {
    const unit = await readUnit(fakeProber({ files: { [VENDOR]: service(...lines) } }), UNIT);
    return unit && unitUser(unit);
  };
  expect(await userOf("Type=notify")).toBeUndefined();
  expect(await userOf("User=a", "User=crowdsec")).toBe("crowdsec");
  expect(await userOf("User=a", "User=")).toBeUndefined();
});

test("files of a unit that this user may not read are named", async () => {
  const denied: Failed = { ok: false, phase: "host", code: "file-denied", message: "EACCES", elapsedMs: 0 };
  const dropIn = `${ADMIN}.d/proxy.conf`;
  const probe = fakeProber({
    files: { [VENDOR]: PACKAGED, [dropIn]: denied },
    folders: { [`${ADMIN}.d`]: ["proxy.conf"] },
  });
  expect(await readUnit(probe, UNIT)).toMatchObject({ path: VENDOR, denied: [dropIn] });
});

test("a drop-in that is a link to /dev/null takes one of the same name away", async () => {
  const link: Failed = { ok: false, phase: "host", code: "file-error", message: "not a regular file", elapsedMs: 0 };
  const packaged = `/usr/lib/systemd/system/${UNIT}.d`;
  const files = {
    [VENDOR]: PACKAGED,
    [`${ADMIN}.d/10.conf`]: link,
    [`${packaged}/10.conf`]: service("ExecStart=", "ExecStart=/bin/false"),
  };
  const probe = fakeProber({ files, folders: { [`${ADMIN}.d`]: ["10.conf"], [packaged]: ["10.conf"] } });
  expect((await unitCommand(probe, UNIT))?.argv).toEqual(["/usr/bin/crowdsec", "-c", "/etc/config.yaml"]);
});

test("each setting is known by the line on which it begins", async () => {
  const unit = await readUnit(
    fakeProber({ files: { [VENDOR]: "[Service]\r\nA=1\r\n# x\\\r\nB=2 \\\r\n;\r\n 3\r\n\r\nC = 4" } }),
    UNIT,
  );
  expect(unit?.settings.map(({ name, value, origin }) => [name, value, origin])).toEqual([
    ["A", "1", `${VENDOR}:2`],
    ["B", "2   3", `${VENDOR}:4`],
    ["C", "4", `${VENDOR}:8`],
  ]);
});
