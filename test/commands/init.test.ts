import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { type InitOptions, init } from "../../src/commands/init.ts";
import { UsageError } from "../../src/commands/usage-error.ts";
import { INIT_KINDS, type InitKind } from "../../src/init/file.ts";
import { runProgram } from "../support/command-line.ts";
import { type Folder, makeFolder } from "../support/folder.ts";

jest.setTimeout(90_000);

const TOOL = { name: "crowdsec-preflight", version: "1.2.3" };
/** Any file that stays: where this checkout is, and whether that is a folder for temporary files, nobody knows. */
const SCRIPT = realpathSync("/usr/bin/env");
const CRON = "/etc/cron.d/crowdsec-preflight";
const SUDOERS = "/etc/sudoers.d/crowdsec-preflight";

let folder: Folder;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

/** A stream that keeps what it takes. */
const collector = () => {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, taken: () => Buffer.concat(chunks).toString() };
};

interface Told {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const asked = async (kind: InitKind, options: Partial<InitOptions> = {}): Promise<Told> => {
  const [stdout, stderr] = [collector(), collector()];
  const started = [process.execPath, SCRIPT] as const;
  const code = await init(kind, { write: false, folder: folder.path, started, ...options }, TOOL, {
    stdout: stdout.stream,
    stderr: stderr.stream,
    environment: {},
  });
  return { code, stdout: stdout.taken(), stderr: stderr.taken() };
};

const refusal = (kind: InitKind, options: Partial<InitOptions>): Promise<string> =>
  asked(kind, options).then(
    () => "it was not refused",
    (error) => (error instanceof UsageError ? error.message : `${error}`),
  );

/** The host's folders, as if these packages were installed. */
const make = (...paths: readonly string[]): void => {
  for (const path of paths) mkdirSync(join(folder.path, path), { recursive: true });
};
const contentOf = (path: string): string => readFileSync(join(folder.path, path), "utf8");

describe("init KIND", () => {
  test.each(INIT_KINDS)("%s prints every file with its place, and writes nothing", async (kind) => {
    make("/etc/cron.d", "/etc/systemd/system");
    const { code, stdout, stderr } = await asked(kind);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^# FILE: \/\S+\n# [^\n]+\.\n/);
    expect(stdout).toContain("1.2.3");
    expect(readdirSync(folder.path, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())).toEqual(
      [],
    );
  });

  test("calls this very program by absolute paths, links followed: cron would find neither node nor a link's way", async () => {
    symlinkSync(SCRIPT, join(folder.path, "crowdsec-preflight"));
    const { stdout } = await asked("cron", { started: [process.execPath, join(folder.path, "crowdsec-preflight")] });
    expect(stdout).toContain(`root ${process.execPath} ${SCRIPT} --cron`);
  });

  test("several files are divided, and what makes them count comes after them", async () => {
    const { stdout } = await asked("systemd");
    const [service = "", timer = "", ...others] = stdout.split(/^#-{70,}$/m);
    expect(others).toEqual([]);
    expect(service).toContain("# FILE: /etc/systemd/system/crowdsec-preflight.service\n");
    expect(timer).toContain("# FILE: /etc/systemd/system/crowdsec-preflight.timer\n");
    expect(timer.trimEnd().split("\n").slice(-3)).toEqual([
      "# THEN:",
      "#   systemctl daemon-reload",
      "#   systemctl enable --now crowdsec-preflight.timer",
    ]);
  });

  test("a copy that npx fetched for one run, or in a temporary folder, is told to install itself first", async () => {
    for (const path of ["npm/_npx/0a1b/node_modules/crowdsec-preflight/bin/x.js", "bin/x.js"]) {
      const script = folder.write(path, "");
      const { code, stdout, stderr } = await asked("cron", { started: [process.execPath, script] });
      expect(code).toBe(0);
      expect(stdout).toContain(script);
      // What is not published is nobody's to install by its name alone: it may be somebody else's by then.
      expect(stderr).toContain("npm install -g ./crowdsec-preflight-1.2.3.tgz, and run init from there");
      make("/etc/cron.d");
      expect(await refusal("cron", { write: true, started: [process.execPath, script] })).toContain(
        "nothing was written: crowdsec-preflight runs from",
      );
      expect(existsSync(join(folder.path, CRON))).toBe(false);
    }
  });

  test("a path that no line can hold is refused by name", async () => {
    const script = folder.write("a\nb/x.js", "");
    expect(await refusal("cron", { started: [process.execPath, script] })).toContain("control character");
  });
});

describe("init KIND --write", () => {
  test("puts a file in its place, for everybody to read, and says so", async () => {
    make("/etc/cron.d");
    const before = process.umask(0o077);
    const told = await asked("cron", { write: true }).finally(() => process.umask(before));
    expect(told).toEqual({ code: 0, stdout: `written ${CRON}\n`, stderr: "" });
    expect(statSync(join(folder.path, CRON)).mode & 0o7777).toBe(0o644);
    expect(contentOf(CRON)).toContain(`root ${process.execPath} ${SCRIPT} --cron`);
    expect(readdirSync(join(folder.path, "/etc/cron.d"))).toEqual(["crowdsec-preflight"]);
  });

  test("what says the same already stays, also when it was printed into its place", async () => {
    make("/etc/cron.d");
    const { stdout } = await asked("cron");
    folder.write(CRON, stdout);
    const before = statSync(join(folder.path, CRON)).mtimeMs;
    expect(await asked("cron", { write: true })).toMatchObject({
      code: 0,
      stdout: `unchanged ${CRON}: it says the same already\n`,
    });
    expect(statSync(join(folder.path, CRON)).mtimeMs).toBe(before);
  });

  test("what somebody has edited is never replaced, and the way to compare is told", async () => {
    folder.write(CRON, "0 * * * * root mine\n");
    const { code, stdout, stderr } = await asked("cron", { write: true });
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toContain(`refused ${CRON}: it is there and says something else`);
    expect(stderr).toContain(`crowdsec-preflight init cron | diff ${CRON} -`);
    expect(contentOf(CRON)).toBe("0 * * * * root mine\n");
  });

  test("a unit that was masked by a link stays masked", async () => {
    make("/etc/systemd/system");
    symlinkSync("/dev/null", join(folder.path, "/etc/systemd/system/crowdsec-preflight.timer"));
    const { code, stderr, stdout } = await asked("systemd", { write: true });
    expect(code).toBe(3);
    expect(stderr).toContain("refused /etc/systemd/system/crowdsec-preflight.timer: a device, and no file");
    expect(stdout).toContain("written /etc/systemd/system/crowdsec-preflight.service");
    expect(stdout).not.toContain("enable");
  });

  test("of the kinds of Nagios it writes what this host has a place for, names the rest, and what comes then", async () => {
    make("/etc/nagios/nrpe.d");
    const { code, stdout } = await asked("nagios", { write: true });
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        "skipped /etc/nagios4/conf.d/crowdsec-preflight.cfg: there is no folder /etc/nagios4/conf.d (Debian's package nagios4-core makes it)",
        "written /etc/nagios/nrpe.d/crowdsec-preflight.cfg",
        "skipped /etc/icinga2/conf.d/crowdsec-preflight.conf: there is no folder /etc/icinga2/conf.d (Debian's package icinga2-common makes it)",
        "skipped /etc/sudoers.d/crowdsec-preflight: there is no folder /etc/sudoers.d (Debian's package sudo makes it)",
        "Then:",
        "  systemctl reload nagios-nrpe-server",
        "",
      ].join("\n"),
    );
  });

  test("what sudo needs comes along with a mode that sudo takes, and with the command that tries it", async () => {
    make("/etc/nagios/nrpe.d", "/etc/sudoers.d");
    const { code, stdout } = await asked("nagios", { write: true });
    expect(code).toBe(0);
    expect(stdout).toContain(`written ${SUDOERS}\n`);
    expect(stdout).toContain(`\n  visudo -cf ${SUDOERS}\n`);
    expect(statSync(join(folder.path, SUDOERS)).mode & 0o7777).toBe(0o440);
    expect(statSync(join(folder.path, "/etc/nagios/nrpe.d/crowdsec-preflight.cfg")).mode & 0o7777).toBe(0o644);
  });

  test("on a host without Nagios nobody is let through sudo", async () => {
    make("/etc/sudoers.d");
    const { code, stdout } = await asked("nagios", { write: true });
    expect(code).toBe(3);
    expect(stdout).toContain(`skipped ${SUDOERS}: this host has a place for none of the others\n`);
    expect(readdirSync(join(folder.path, "/etc/sudoers.d"))).toEqual([]);
  });

  test.each(INIT_KINDS)(
    "where there is no place for any file of %s, that is no success, and whose package makes one is told",
    async (kind) => {
      const { code, stdout } = await asked(kind, { write: true });
      expect(code).toBe(3);
      for (const line of stdout.trimEnd().split("\n"))
        expect(line).toMatch(
          /^skipped \S+: (?:there is no folder \S+ \(.+\)|this host has a place for none of the others)$/,
        );
    },
  );

  test("where nothing can be written, the reason is told", async () => {
    folder.write("/etc/cron.d", "a file");
    const { code, stdout, stderr } = await asked("cron", { write: true });
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toMatch(/^refused \/etc\/cron\.d\/crowdsec-preflight: .*\/etc\/cron\.d is no folder\n$/);
  });
});

test("the command line knows it, its kinds and its flag", async () => {
  const printed = await runProgram(["init", "systemd"]);
  expect({ code: printed.code, stderr: printed.stderr }).toEqual({ code: 0, stderr: "" });
  expect(printed.stdout).toContain("# FILE: /etc/systemd/system/crowdsec-preflight.service\n");
  const wrong = await runProgram(["init", "upstart"]);
  expect(wrong.code).toBe(3);
  expect(wrong.stderr).toContain("cron, systemd, nagios, prometheus");
});
