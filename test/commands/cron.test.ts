import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { PassThrough } from "node:stream";
import { text as textOf } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, describe, expect, jest, test } from "@jest/globals";
import { type CronOptions, type CronSteps, cron } from "../../src/commands/cron.ts";
import type { Streams } from "../../src/commands/streams.ts";
import { UsageError } from "../../src/commands/usage-error.ts";
import { acquireLock } from "../../src/cron/lock.ts";
import { readState, type State } from "../../src/cron/state.ts";
import { INTERRUPTIONS } from "../../src/exit-code.ts";
import type { Report } from "../../src/model/report.ts";
import { cronReport, reportOf, TWO_OF_THREE } from "../support/cron-runs.ts";
import { makeFolder } from "../support/folder.ts";

/** Some tests start Node anew: a busy machine takes its time. */
jest.setTimeout(60_000);

const TOOL = { name: "crowdsec-preflight", version: "1.2.3" };
const isRoot = process.getuid?.() === 0;

const folder = makeFolder();
afterAll(folder.remove);

/** A state file's path in a new folder. */
let count = 0;
const newState = (): string => {
  count += 1;
  mkdirSync(`${folder.path}/${count}`);
  return `${folder.path}/${count}/state.json`;
};
const placeOf = (path: string): string => path.replace(/\/[^/]*$/, "");
const stateIn = (path: string): State => readState(readFileSync(path, "utf8"));

const children = new Set<ChildProcess>();
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
});

const optionsOf = (state: string, rest: Partial<CronOptions> = {}): CronOptions => ({
  state,
  selection: "",
  splayMs: 0,
  rule: TWO_OF_THREE,
  deadlineMs: 30_000,
  ...rest,
});

const stepsOf = (report: Report, rest: Partial<CronSteps> = {}): CronSteps => ({
  look: async () => report,
  place: async () => true,
  ...rest,
});

const GOOD = reportOf("G");
const BAD = reportOf("B");
/** Read from files and processes, so it counts at once. */
const STOPPED = reportOf("b");
const WARNED = reportOf("w");

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One run, and what it says. */
const runOnce = async (
  options: CronOptions,
  steps: CronSteps,
  streams: { readonly stdout?: Streams["stdout"]; readonly isTerminal?: boolean } = {},
): Promise<Said> => {
  const said = { stdout: "", stderr: "" };
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  stdout.on("data", (chunk) => {
    said.stdout += chunk;
  });
  stderr.on("data", (chunk) => {
    said.stderr += chunk;
  });
  const code = await cron(options, steps, TOOL, {
    stdout: streams.stdout ?? stdout,
    stderr: Object.assign(stderr, { isTTY: streams.isTerminal ?? false }),
    environment: {},
  });
  return { code, ...said };
};

const SILENT = { stdout: "", stderr: "" };

describe("from run to run", () => {
  test("nothing is said while all is well, and what is remembered is for this user alone", async () => {
    const path = newState();
    for (let run = 0; run < 3; run += 1)
      expect(await runOnce(optionsOf(path), stepsOf(GOOD))).toEqual({ code: 0, ...SILENT });
    expect(readdirSync(placeOf(path))).toEqual(["state.json"]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(stateIn(path)).toMatchObject({ exitCode: 0, instances: {} });
  });

  test("trouble is told once, and once that it is over", async () => {
    const path = newState();
    const told: string[] = [];
    const codes: number[] = [];
    for (const report of [GOOD, BAD, BAD, BAD, GOOD, GOOD, GOOD]) {
      const { code, stdout, stderr } = await runOnce(optionsOf(path), stepsOf(report));
      told.push(stdout === "" ? "" : /well again/.test(stdout) ? "well" : "trouble");
      codes.push(code);
      expect(stderr).toBe("");
    }
    expect(told).toEqual(["", "", "trouble", "", "", "well", ""]);
    expect(codes).toEqual([0, 0, 2, 2, 2, 0, 0]);
  });

  test("what is wrong at the first run is told at once, a warning too, with its exit code", async () => {
    const failed = await runOnce(optionsOf(newState()), stepsOf(BAD));
    expect([failed.code, failed.stderr]).toEqual([2, ""]);
    expect(failed.stdout).toContain("it refuses");
    const warned = await runOnce(optionsOf(newState()), stepsOf(WARNED));
    expect(warned.code).toBe(1);
    expect(warned.stdout).toContain("it starts");
  });

  test("what is still wrong is told again after --remind", async () => {
    const path = newState();
    await runOnce(optionsOf(path), stepsOf(BAD));
    const soon = { remindMs: 1 };
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await runOnce(optionsOf(path, soon), stepsOf(BAD))).stdout).toContain("it refuses");
    expect((await runOnce(optionsOf(path, { remindMs: 3_600_000 }), stepsOf(BAD))).stdout).toBe("");
  });

  test("the rule is the one that was asked for", async () => {
    const path = newState();
    const rule = { needed: 1, of: 1 };
    await runOnce(optionsOf(path, { rule }), stepsOf(GOOD));
    expect((await runOnce(optionsOf(path, { rule }), stepsOf(BAD))).code).toBe(2);
  });
});

describe("the order of a run", () => {
  const noted = (path: string) => {
    const events: string[] = [];
    const stdout = new PassThrough();
    stdout.on("data", () => events.push(`told, ${existsSync(path) ? "saved" : "not saved"}`));
    const look = async (): Promise<Report> => {
      events.push(existsSync(`${path}.lock`) ? "looked, locked" : "looked, unlocked");
      return BAD;
    };
    const place = async (): Promise<boolean> => events.push("placed") > 0;
    return { events, stdout, look, place };
  };

  test("ping, look, files, message, state, ping, all under the lock", async () => {
    const path = newState();
    const { events, stdout, look, place } = noted(path);
    const ping: NonNullable<CronSteps["ping"]> = {
      started: async () => ({ ok: events.push("started") > 0 }) as { ok: true },
      ended: async (exitCode, body) => {
        events.push(`ended ${exitCode} ${body}, ${existsSync(path) ? "saved" : "not saved"}`);
        return { ok: true };
      },
      short: async ({ run }) => `short report of ${run.host}`,
    };
    await runOnce(optionsOf(path), { look, place, ping }, { stdout });
    expect(events).toEqual([
      "started",
      "looked, locked",
      "placed",
      "told, not saved",
      "ended 2 short report of web1, saved",
    ]);
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  test("the ping says what is confirmed, not what one run saw", async () => {
    const path = newState();
    const codes: number[] = [];
    const ping: NonNullable<CronSteps["ping"]> = {
      started: async () => ({ ok: true }),
      ended: async (exitCode) => ({ ok: codes.push(exitCode) > 0 }) as { ok: true },
      short: async () => "",
    };
    for (const report of [GOOD, BAD, BAD]) await runOnce(optionsOf(path), stepsOf(report, { ping }));
    expect(codes).toEqual([0, 0, 2]);
  });

  test.each<[string, Partial<NonNullable<CronSteps["ping"]>>]>([
    ["not delivered", { started: async () => ({ ok: false, problem: "HTTP 500" }) }],
    ["thrown", { started: async () => Promise.reject(new Error("of the test")) }],
    ["not delivered at the end", { ended: async () => ({ ok: false, problem: "HTTP 500" }) }],
    ["thrown at the end", { ended: async () => Promise.reject(new Error("of the test")) }],
    ["without its text", { short: async () => Promise.reject(new Error("of the test")) }],
  ])("a ping that fails changes nothing: %s", async (_how, other) => {
    const ping = {
      started: async () => ({ ok: true }) as const,
      ended: async () => ({ ok: true }) as const,
      short: async () => "",
      ...other,
    };
    expect(await runOnce(optionsOf(newState()), stepsOf(GOOD, { ping }))).toEqual({ code: 0, ...SILENT });
  });

  test("it waits for a random part of --splay, and says so on a terminal", async () => {
    const words = new Set<string>();
    for (let run = 0; run < 6; run += 1) {
      const { stderr } = await runOnce(optionsOf(newState(), { splayMs: 200 }), stepsOf(GOOD), { isTerminal: true });
      const ms = Number(/^crowdsec-preflight: begins in (\d+) ms \(--splay\)\.\n$/.exec(stderr || " ")?.[1] ?? 0);
      expect(ms).toBeLessThanOrEqual(200);
      words.add(stderr);
    }
    // Six times the same of 201: one in 3e11.
    expect(words.size).toBeGreaterThan(1);
    expect(await runOnce(optionsOf(newState(), { splayMs: 20 }), stepsOf(GOOD))).toEqual({ code: 0, ...SILENT });
  });

  test("nothing is left of it: no listener, no timer, no lock", async () => {
    const listening = (): readonly number[] => [...INTERRUPTIONS, "exit"].map((name) => process.listenerCount(name));
    const before = listening();
    const path = newState();
    await runOnce(optionsOf(path, { splayMs: 5 }), stepsOf(GOOD));
    const failing = stepsOf(GOOD, { look: () => Promise.reject(new Error("of the test")) });
    await expect(runOnce(optionsOf(path), failing)).rejects.toThrow("of the test");
    expect(listening()).toEqual(before);
    expect(readdirSync(placeOf(path))).toEqual(["state.json"]);
  });
});

describe("what goes wrong", () => {
  test("an error in the look gives the lock back, and what was remembered stays", async () => {
    const path = newState();
    await runOnce(optionsOf(path), stepsOf(BAD));
    const before = readFileSync(path, "utf8");
    const failing = stepsOf(GOOD, { look: () => Promise.reject(new Error("of the test")) });
    await expect(runOnce(optionsOf(path), failing)).rejects.toThrow("of the test");
    expect(readFileSync(path, "utf8")).toBe(before);
    expect(readdirSync(placeOf(path))).toEqual(["state.json"]);
  });

  test.each([
    [130, "SIGINT"],
    [143, "SIGTERM"],
  ])("a run that was interrupted tells nothing, writes nothing and remembers nothing (%d)", async (code) => {
    const path = newState();
    await runOnce(optionsOf(path), stepsOf(GOOD));
    const before = readFileSync(path, "utf8");
    const { summary } = STOPPED;
    const cut = cronReport(STOPPED.findings, { run: { interrupted: true } });
    const steps = stepsOf(
      { ...cut, summary: { ...summary, exitCode: code } },
      {
        place: () => Promise.reject(new Error("placed")),
        ping: {
          started: async () => ({ ok: true }),
          ended: () => Promise.reject(new Error("pinged")),
          short: () => Promise.reject(new Error("shortened")),
        },
      },
    );
    expect(await runOnce(optionsOf(path), steps)).toEqual({ code, ...SILENT });
    expect(readFileSync(path, "utf8")).toBe(before);
    expect(readdirSync(placeOf(path))).toEqual(["state.json"]);
  });

  test.each<[string, Report, number]>([
    ["all is well", GOOD, 3],
    ["there is a warning", WARNED, 3],
    ["something failed, which is the greater news", STOPPED, 2],
  ])("a report file that was not written is not passed over, where %s", async (_what, report, code) => {
    const path = newState();
    const steps = stepsOf(report, { place: async () => false });
    expect((await runOnce(optionsOf(path), steps)).code).toBe(code);
    // What is confirmed is another matter.
    expect(stateIn(path).exitCode).toBe(report.summary.exitCode);
  });

  /** As the program's own: what breaks is told by the write that it broke. */
  const heeded = (stream: Streams["stdout"]): Streams["stdout"] => stream.on("error", () => {});
  const unread = async (): Promise<Streams["stdout"]> => {
    const child = spawn("true", { stdio: ["pipe", "ignore", "ignore"] });
    await once(child, "exit");
    return heeded(child.stdin);
  };
  const onFullDisk = async (): Promise<Streams["stdout"]> => heeded(createWriteStream("/dev/full"));

  test.each([
    ["its reader has left", unread],
    ["the disk is full", onFullDisk],
  ])("what could not be told is told by the next run: %s", async (_why, broken) => {
    const path = newState();
    const lost = await runOnce(optionsOf(path), stepsOf(WARNED), { stdout: await broken() });
    expect(lost).toEqual({
      code: 3,
      stdout: "",
      stderr: "crowdsec-preflight: what there is to tell could not be written; the next run tells it.\n",
    });
    const worse = await runOnce(optionsOf(path), stepsOf(STOPPED), { stdout: await broken() });
    expect(worse.code).toBe(2);
    expect(readdirSync(placeOf(path))).toEqual(["state.json"]);
    const next = await runOnce(optionsOf(path), stepsOf(STOPPED));
    expect([next.code, next.stderr]).toEqual([2, ""]);
    expect(next.stdout).toContain("it is stopped");
    expect((await runOnce(optionsOf(path), stepsOf(STOPPED))).stdout).toBe("");
  });

  test("a broken output is no matter where there is nothing to tell", async () => {
    const { code, stderr } = await runOnce(optionsOf(newState()), stepsOf(GOOD), { stdout: await unread() });
    expect([code, stderr]).toEqual([0, ""]);
  });

  test.each<[Report, number]>([
    [GOOD, 3],
    [STOPPED, 2],
  ])("a state that cannot be saved is said, and there is no silence the next time", async (report, code) => {
    const path = newState();
    // In the meantime, a folder takes its name.
    const steps = stepsOf(report, { place: async () => mkdirSync(path) === undefined });
    const saved = await runOnce(optionsOf(path), steps);
    expect(saved.code).toBe(code);
    expect(saved.stderr).toBe(
      `crowdsec-preflight: the state file ${path}: a folder has this name. The next run will not know of this one.\n`,
    );
    expect(readdirSync(placeOf(path))).toEqual(["state.json"]);
  });

  test("a damaged state is set aside with a warning, and the run begins anew", async () => {
    const path = newState();
    writeFileSync(path, '{"schemaVersion":1,"ranAt"');
    const { code, stdout, stderr } = await runOnce(optionsOf(path), stepsOf(STOPPED));
    expect(code).toBe(2);
    expect(stdout).toContain("it is stopped");
    expect(stderr).toBe(
      `crowdsec-preflight: the state file ${path} is damaged: it is not JSON. It is ${path}.broken now, and this run begins anew, as if it were the first.\n`,
    );
    expect(readdirSync(placeOf(path))).toEqual(["state.json", "state.json.broken"]);
    expect(await runOnce(optionsOf(path), stepsOf(STOPPED))).toEqual({ code: 2, ...SILENT });
  });

  test.each<[string, (path: string) => string, (path: string) => string]>([
    [
      "a state file that is a folder",
      (path) => {
        mkdirSync(path);
        return path;
      },
      (path) => `the state file ${path}: a folder, and no file.`,
    ],
    [
      "a state file in a folder that is not there",
      (path) => `${path}/missing/a`,
      (path) =>
        `the lock ${path}/missing/a.lock: there is no folder ${path}/missing. --state FILE names another place.`,
    ],
    [
      "another file by mistake",
      (path) => {
        writeFileSync(path, "api:\n  server: {}\n");
        return path;
      },
      (path) => `the state file ${path}: no state of this tool, but another text, which is left as it is.`,
    ],
  ])("%s is said before anything is looked at", async (_what, prepare, words) => {
    const path = newState();
    const target = prepare(path);
    const steps = stepsOf(GOOD, { look: () => Promise.reject(new Error("looked")) });
    const error: unknown = await runOnce(optionsOf(target), steps).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toBe(words(path));
    expect(readdirSync(placeOf(path)).filter((name) => name.endsWith(".lock"))).toEqual([]);
  });
});

describe("while another run is at work", () => {
  const idle = stepsOf(GOOD, { look: () => Promise.reject(new Error("looked")) });
  const held = async (path: string, other?: Readonly<Record<string, unknown>>): Promise<() => Promise<void>> => {
    const lock = await acquireLock(`${path}.lock`, { forMs: 60_000 });
    if (!lock.ok) throw new Error("held by another");
    if (other) writeFileSync(lock.path, JSON.stringify({ ...JSON.parse(lock.content), ...other }));
    return lock.release;
  };

  test("this one is silent, with the exit code of what was last confirmed", async () => {
    const path = newState();
    await runOnce(optionsOf(path), stepsOf(STOPPED));
    const release = await held(path);
    expect(await runOnce(optionsOf(path), idle)).toEqual({ code: 2, ...SILENT });
    await release();
  });

  test.each([
    ["nothing is remembered yet", undefined],
    ["the state is damaged, which is left to whoever has the lock", "{"],
  ])("and says why it cannot judge where %s", async (_why, content) => {
    const path = newState();
    if (content !== undefined) writeFileSync(path, content);
    const release = await held(path);
    const { code, stdout, stderr } = await runOnce(optionsOf(path), idle);
    expect([code, stdout]).toEqual([3, ""]);
    expect(stderr).toMatch(
      new RegExp(
        `^crowdsec-preflight: another run, process ${process.pid} since \\d{4}-\\S+Z, is at work, and nothing is known yet of an earlier one\\.\\n$`,
      ),
    );
    expect(existsSync(`${path}.broken`)).toBe(false);
    await release();
  });

  test.each<[string, Report, number]>([
    ["all was well", GOOD, 3],
    ["something had failed", STOPPED, 2],
  ])("and says so when that one should have ended long ago, where %s", async (_what, report, code) => {
    const path = newState();
    await runOnce(optionsOf(path), stepsOf(report));
    await held(path, { forMs: 1, untilMs: 0, startedAt: "2026-01-01T00:00:00.000Z" });
    const ran = await runOnce(optionsOf(path), idle);
    expect([ran.code, ran.stdout]).toEqual([code, ""]);
    expect(ran.stderr).toBe(
      `crowdsec-preflight: another run, process ${process.pid} since 2026-01-01T00:00:00.000Z, should have ended by now, and holds ${path}.lock: nothing is looked at until it is gone.\n`,
    );
  });

  test("of five at once, one looks and tells", async () => {
    const path = newState();
    await runOnce(optionsOf(path), stepsOf(GOOD));
    let looks = 0;
    const slow = stepsOf(STOPPED, {
      look: async () => {
        looks += 1;
        await new Promise((resolve) => setTimeout(resolve, 300));
        return STOPPED;
      },
    });
    const all = await Promise.all(Array.from({ length: 5 }, () => runOnce(optionsOf(path), slow)));
    expect(looks).toBe(1);
    expect(all.filter(({ stdout }) => stdout !== "")).toHaveLength(1);
    expect(all.map(({ code }) => code).sort()).toEqual([0, 0, 0, 0, 2]);
    expect(all.map(({ stderr }) => stderr).join("")).toBe("");
  });
});

describe("as a process of its own", () => {
  const module = pathToFileURL("dist/src/commands/cron.js").href;

  interface Started {
    readonly child: ChildProcess;
    readonly says: (text: RegExp) => Promise<void>;
    readonly ended: Promise<Said & { readonly signal: string | null }>;
  }

  /** The command with steps of the test, as the program calls it; `report` and `options` are at hand. */
  const start = (options: CronOptions, report: Report, steps: string, before = ""): Started => {
    const source = `
      const { cron } = await import(${JSON.stringify(module)});
      const { writeSync } = await import("node:fs");
      const [options, report] = ${JSON.stringify([options, report])};
      const say = (word) => writeSync(2, word + "\\n");
      const never = () => new Promise(() => setInterval(() => {}, 1000));
      const place = async () => true;
      const look = async () => report;
      ${before}
      const { stdout, stderr } = process;
      stdout.on("error", () => {});
      const streams = { stdout, stderr, environment: {} };
      process.exit(await cron(options, { look, place, ...${steps} }, { name: "crowdsec-preflight" }, streams)
        .catch((error) => { say(error.constructor.name + ": " + error.message); return 3; }));`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", source], { stdio: ["ignore", "pipe", "pipe"] });
    children.add(child);
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const ended = (async () => {
      const [stdout, [code, signal]] = await Promise.all([
        // A test may close it early.
        textOf(child.stdout).catch(() => ""),
        once(child, "close"),
      ]);
      return { code, signal, stdout, stderr };
    })();
    const says = async (words: RegExp): Promise<void> => {
      while (!words.test(stderr)) await once(child.stderr, "data");
    };
    return { child, says, ended };
  };

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 143],
  ] as const)("%s ends its wait at once, with %d, and nothing is left", async (name, code) => {
    const path = newState();
    const looked = `{ look: async () => { say("looked"); return report; } }`;
    const begun = performance.now();
    const { child, says, ended } = start(
      optionsOf(path, { splayMs: 86_400_000 }),
      STOPPED,
      looked,
      "process.stderr.isTTY = true;",
    );
    await says(/begins in/);
    expect(existsSync(`${path}.lock`)).toBe(true);
    child.kill(name);
    const ran = await ended;
    expect([ran.code, ran.signal, ran.stdout]).toEqual([code, null, ""]);
    expect(ran.stderr).toMatch(/^crowdsec-preflight: begins in [\d.]+ s \(--splay\)\.\n$/);
    expect(readdirSync(placeOf(path))).toEqual([]);
    expect(performance.now() - begun).toBeLessThan(30_000);
  });

  test("a second signal ends a run that does not heed the first, and its lock is gone", async () => {
    const path = newState();
    const { child, says, ended } = start(optionsOf(path), GOOD, `{ look: () => { say("looks"); return never(); } }`);
    await says(/looks/);
    child.kill("SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(child.exitCode).toBeNull();
    child.kill("SIGTERM");
    expect((await ended).code).toBe(143);
    expect(readdirSync(placeOf(path))).toEqual([]);
  });

  test("a signal while it pings ends the ping; what was told is remembered", async () => {
    const path = newState();
    const ping = `{ ping: {
      started: async () => ({ ok: true }), short: async () => "", ended: () => { say("pings"); return never(); } } }`;
    const { child, says, ended } = start(optionsOf(path), STOPPED, ping);
    await says(/pings/);
    child.kill("SIGTERM");
    const { code, stdout } = await ended;
    expect(code).toBe(143);
    expect(stdout).toContain("it is stopped");
    expect(stateIn(path).exitCode).toBe(2);
    expect(readdirSync(placeOf(path))).toEqual(["state.json"]);
  });

  test("a run that was killed does not keep the next one from running", async () => {
    const path = newState();
    const { child, says, ended } = start(optionsOf(path), GOOD, `{ look: () => { say("looks"); return never(); } }`);
    await says(/looks/);
    child.kill("SIGKILL");
    await ended;
    expect(readdirSync(placeOf(path))).toEqual(["state.json.lock"]);
    expect(await runOnce(optionsOf(path), stepsOf(GOOD))).toEqual({ code: 0, ...SILENT });
    expect(readdirSync(placeOf(path))).toEqual(["state.json"]);
  });

  test("two at once: one looks, the other one has its exit code and nothing to say", async () => {
    const path = newState();
    await runOnce(optionsOf(path), stepsOf(WARNED));
    const slow = `{ look: async () => { say("looks"); await new Promise((done) => setTimeout(done, 1500)); return report; } }`;
    const first = start(optionsOf(path), STOPPED, slow);
    await first.says(/looks/);
    const second = await start(optionsOf(path), STOPPED, slow).ended;
    expect(second).toEqual({ code: 1, signal: null, ...SILENT });
    expect(await first.ended).toMatchObject({ code: 2, stderr: "looks\n" });
  });

  test("a reader that has left loses nothing", async () => {
    const path = newState();
    const { child, says, ended } = start(
      optionsOf(path),
      WARNED,
      `{ look: async () => { say("looks"); await new Promise((done) => setTimeout(done, 300)); return report; } }`,
    );
    await says(/looks/);
    child.stdout?.destroy();
    const { code, stderr } = await ended;
    expect([code, stderr]).toEqual([3, expect.stringContaining("could not be written; the next run tells it")]);
    expect((await runOnce(optionsOf(path), stepsOf(WARNED))).stdout).toContain("it starts");
  });

  const asNobody = isRoot ? "process.setegid(65534); process.seteuid(65534);" : "";

  test("a folder in which this user may not write is said, and nothing is looked at", async () => {
    const path = newState();
    chmodSync(folder.path, 0o755);
    chmodSync(placeOf(path), 0o555);
    const { ended } = start(optionsOf(path), GOOD, `{ look: async () => { say("looked"); return report; } }`, asNobody);
    expect(await ended).toEqual({
      code: 3,
      signal: null,
      stdout: "",
      stderr: `UsageError: the lock ${path}.lock: this user may not write in ${placeOf(path)}, or the lock is another user's. --state FILE names another place.\n`,
    });
  });

  (isRoot ? test : test.skip)("a state of another user is not passed over (needs root)", async () => {
    const path = newState();
    await runOnce(optionsOf(path), stepsOf(STOPPED));
    chmodSync(folder.path, 0o755);
    chownSync(placeOf(path), 65534, 65534);
    const { ended } = start(optionsOf(path), GOOD, "{}", asNobody);
    expect(await ended).toMatchObject({
      code: 3,
      stderr: `UsageError: the state file ${path}: this user may not read it.\n`,
    });
    expect(readdirSync(placeOf(path))).toEqual(["state.json"]);
  });
});
