import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, describe, expect, jest, test } from "@jest/globals";
import { acquireLock, type Lock, LockError } from "../../src/cron/lock.ts";
import { compileInto } from "../support/compiled.ts";
import { makeFolder } from "../support/folder.ts";

/** Processes are started, twenty at once: a busy machine takes its time. */
jest.setTimeout(120_000);

const folder = makeFolder();
afterAll(folder.remove);
const module = compileInto(folder, ["cron/lock", "model/text"]);

const isRoot = process.getuid?.() === 0;
const mayMount = isRoot && spawnSync("unshare", ["-m", "true"]).status === 0;
const hasProc = existsSync("/proc/self/stat");

const HOUR_MS = 3_600_000;
const FOR = { forMs: HOUR_MS };

/** Where a lock may be, in a new folder. */
let count = 0;
const newPlace = (): string => {
  count += 1;
  mkdirSync(`${folder.path}/${count}`);
  return `${folder.path}/${count}/state.json.lock`;
};
const beside = (path: string): readonly string[] => readdirSync(path.replace(/\/[^/]*$/, ""));

const children = new Set<ChildProcess>();
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
});

/** A Node that has `acquireLock` and `path`; `lines` waits for its words, one line after the other. */
const startNode = (path: string, script: string) => {
  const source = `const { acquireLock } = await import(${JSON.stringify(module)}); const path = ${JSON.stringify(path)}; ${script}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], { stdio: ["pipe", "pipe", "inherit"] });
  children.add(child);
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
};
type Started = ReturnType<typeof startNode>;
const says = async ({ lines }: Started): Promise<string> => (await lines.next()).value ?? "";

const HOLD = `const lock = await acquireLock(path, { forMs: ${HOUR_MS} }); console.log(lock.ok); setInterval(() => {}, 1000);`;
const holder = async (path: string): Promise<ChildProcess> => {
  const started = startNode(path, HOLD);
  expect(await says(started)).toBe("true");
  return started.child;
};

const taken = async (path: string): Promise<Extract<Lock, { ok: true }>> => {
  const lock = await acquireLock(path, FOR);
  if (!lock.ok) throw new Error(`held by ${JSON.stringify(lock.heldBy)}`);
  return lock;
};

/** Leaves a lock with other words in it than this process would write. */
const leave = async (path: string, other: Readonly<Record<string, unknown>>): Promise<string> => {
  const lock = await taken(path);
  await lock.release();
  const content = `${JSON.stringify({ ...JSON.parse(lock.content), ...other })}\n`;
  writeFileSync(path, content);
  return content;
};

/** The number of a process that has just ended. */
const goneProcess = (): number => spawnSync("true").pid;

const refusal = async (path: string): Promise<string> => {
  const error: unknown = await acquireLock(path, FOR).catch((thrown: unknown) => thrown);
  if (!(error instanceof LockError)) throw new Error(`not refused: ${JSON.stringify(error)}`);
  // One line, which follows on "the lock FILE: ".
  expect(error.message).toMatch(/^[a-z/][^\n]*[^.\n]$/);
  return error.message;
};

describe("one run at a time", () => {
  test("a lock is a small file for this user alone, which goes when it is given back", async () => {
    const path = newPlace();
    const lock = await taken(path);
    expect(readFileSync(path, "utf8")).toBe(lock.content);
    expect([JSON.parse(lock.content).pid, statSync(path).mode & 0o7777]).toEqual([process.pid, 0o600]);
    await lock.release();
    expect(beside(path)).toEqual([]);
    await (await taken(path)).release();
  });

  test("whoever comes second is told who has it, since when, and takes nothing", async () => {
    const path = newPlace();
    const before = new Date().toISOString();
    const child = await holder(path);
    const content = readFileSync(path, "utf8");
    const second = await acquireLock(path, FOR);
    if (second.ok) throw new Error("two have it");
    expect(second.heldBy).toEqual({ pid: child.pid, since: expect.any(String), isOverdue: false });
    expect(String(second.heldBy.since) >= before).toBe(true);
    expect(readFileSync(path, "utf8")).toBe(content);
    expect(beside(path)).toEqual([basename(path)]);
  });

  test.each([
    ["where no lock is", () => {}],
    ["where one was left", (path: string) => leave(path, { pid: goneProcess(), id: "left" })],
    [
      "where only half of one was left",
      (path: string) => {
        writeFileSync(path, '{"id":');
        utimesSync(path, new Date(0), new Date(0));
      },
    ],
  ])("of twenty that come at once, exactly one gets it: %s", async (_where, prepare) => {
    const path = newPlace();
    const script = `console.log("here"); process.stdin.once("data", async () => {
      const lock = await acquireLock(path, { forMs: ${HOUR_MS} });
      console.log(lock.ok ? "has it" : lock.heldBy.pid);
    });`;
    const all = Array.from({ length: 20 }, () => startNode(path, script));
    expect(await Promise.all(all.map(says))).toEqual(all.map(() => "here"));
    await prepare(path);
    for (const { child } of all) child.stdin.write("go\n");
    const words = await Promise.all(all.map(says));
    const winner = all[words.indexOf("has it")];
    expect(words.filter((word) => word === "has it")).toHaveLength(1);
    expect(new Set(words)).toEqual(new Set(["has it", String(winner?.child.pid)]));
    expect(beside(path)).toEqual([basename(path)]);
  });

  test("never two at once, however often locks are left and taken over", async () => {
    const path = newPlace();
    const gone = goneProcess();
    // Who has it looks whether nobody else is inside, and goes away without giving it back; the lock says then that its
    // process is gone, so that all others are about to take it over.
    const script = `
      const { openSync, closeSync, rmSync, renameSync, writeFileSync } = await import("node:fs");
      process.setMaxListeners(0);
      const inside = path + "-inside", own = path + "-" + process.pid;
      let entered = 0;
      for (const end = Date.now() + 4000; Date.now() < end; ) {
        const lock = await acquireLock(path, { forMs: ${HOUR_MS} });
        if (!lock.ok) continue;
        closeSync(openSync(inside, "wx"));
        entered += 1;
        writeFileSync(own, JSON.stringify({ ...JSON.parse(lock.content), pid: ${gone} }));
        rmSync(inside);
        renameSync(own, path);
      }
      console.log(entered);
      process.exit();`;
    const all = Array.from({ length: 8 }, () => startNode(path, script));
    const entered = await Promise.all(all.map(async (one) => Number(await says(one))));
    // Whoever finds somebody inside ends with an error, and says no number.
    expect(entered.every((times) => times > 0)).toBe(true);
    expect(beside(path).filter((name) => !name.includes("-"))).toEqual([basename(path)]);
  });
});

describe("a lock that was left is taken over", () => {
  const takenOver = async (path: string): Promise<void> => {
    const lock = await taken(path);
    expect(readFileSync(path, "utf8")).toBe(lock.content);
    expect(beside(path)).toEqual([basename(path)]);
    await lock.release();
  };

  test("its process was killed", async () => {
    const path = newPlace();
    const child = await holder(path);
    child.kill("SIGKILL");
    await once(child, "exit");
    await takenOver(path);
  });

  (hasProc ? test : test.skip)("its process was killed, and nobody has asked yet how it ended", async () => {
    const path = newPlace();
    const script = `const { acquireLock } = await import(${JSON.stringify(module)}); console.log((await acquireLock(${JSON.stringify(path)}, { forMs: 1 })).ok, process.pid); setInterval(() => {}, 1000);`;
    // The shell becomes a program that knows of no child.
    const args = ["-c", '"$@" & exec sleep 60', "sh", process.execPath, "--input-type=module", "-e", script];
    const parent = spawn("sh", args, { stdio: ["ignore", "pipe", "inherit"] });
    children.add(parent);
    const [line] = await once(createInterface({ input: parent.stdout }), "line");
    const pid = Number(/^true (\d+)$/.exec(line)?.[1]);
    process.kill(pid, "SIGKILL");
    while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"))) await new Promise(setImmediate);
    await takenOver(path);
  });

  (hasProc ? test : test.skip)("its number belongs to another process by now", async () => {
    const path = newPlace();
    const child = await holder(path);
    const left = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify({ ...left, startTicks: left.startTicks - 1 }));
    await takenOver(path);
    expect(child.exitCode).toBeNull();
  });

  test.each<[string, Readonly<Record<string, unknown>>]>([
    ["the host was started anew", { bootId: "another", pid: process.pid }],
    [
      "another namespace, a minute after its end",
      { pidNamespace: "pid:[1]", untilMs: Number(process.hrtime.bigint() / 1_000_000n) - 61_000 },
    ],
    [
      "another host, a minute after its end",
      { host: "other", bootId: "another", startedAt: new Date(Date.now() - HOUR_MS - 61_000).toISOString() },
    ],
    [
      "another host, whose clock is years ahead",
      { host: "other", bootId: "another", startedAt: "2099-01-01T00:00:00.000Z" },
    ],
  ])("%s", async (_why, other) => {
    const path = newPlace();
    await leave(path, other);
    await takenOver(path);
  });

  test.each([
    ["nothing", ""],
    ["garbage", "\0\xff\x1b[2J"],
    ["half of one", '{"id":"1","pid":'],
    ["another JSON", "[]"],
    ["a number that means every process", JSON.stringify({ pid: -1 })],
    ["much", "x".repeat(100_000)],
  ])("what cannot be read, after a minute: %s", async (_what, content) => {
    const path = newPlace();
    writeFileSync(path, content);
    const moment = await acquireLock(path, FOR);
    // It may be one that is being made.
    expect(moment).toEqual({ ok: false, heldBy: { isOverdue: false } });
    const old = new Date(Date.now() - 61_000);
    utimesSync(path, old, old);
    await takenOver(path);
  });

  test.each<[string, Readonly<Record<string, unknown>>]>([
    ["group of processes", { pid: 0 }],
    ["every process", { pid: -1 }],
    ["half a process", { pid: 1.5 }],
    ["an end that never comes", { forMs: 1e300 }],
    ["no time", { startedAt: "yesterday" }],
    ["no text", { host: { toString: 1 } }],
    ["text without end", { id: "x".repeat(301) }],
  ])("hostile words are none, and no process is asked for: %s", async (_what, other) => {
    const path = newPlace();
    await leave(path, { pidNamespace: "pid:[1]", ...other });
    expect(await acquireLock(path, FOR)).toEqual({ ok: false, heldBy: { isOverdue: false } });
    utimesSync(path, new Date(0), new Date(0));
    await takenOver(path);
  });

  test("even if a run was killed in the very moment of taking over", async () => {
    const path = newPlace();
    const content = await leave(path, { pid: goneProcess() });
    const mark = createHash("sha256")
      .update(`${statSync(path).ino} ${content}`)
      .digest("hex")
      .slice(0, 16);
    writeFileSync(`${path}.${mark}`, content.replace(/"id":"/, '"id":"2'));
    await takenOver(path);
  });
});

describe("a lock that somebody may still need stays", () => {
  test.each<[string, Readonly<Record<string, unknown>>, object]>([
    ["of another namespace", { pidNamespace: "pid:[1]", pid: 1 }, { pid: 1, isOverdue: false }],
    [
      "of another namespace, within a minute after its end",
      { pidNamespace: "pid:[1]", untilMs: Number(process.hrtime.bigint() / 1_000_000n) - 1000 },
      { pid: process.pid, isOverdue: true },
    ],
    [
      "of another host",
      { host: "other\x1b[2J", bootId: "another", untilMs: 0 },
      { pid: process.pid, host: "other [2J", isOverdue: false },
    ],
    [
      "of another host, whose clock is a little ahead",
      { host: "other", bootId: "another", startedAt: new Date(Date.now() + 30_000).toISOString() },
      { pid: process.pid, host: "other", isOverdue: false },
    ],
    [
      "of a process that runs on and on, whatever its end should have been",
      { forMs: 1, untilMs: 0, startedAt: "2001-01-01T00:00:00.000Z" },
      { pid: process.pid, isOverdue: true },
    ],
  ])("%s", async (_whose, other, heldBy) => {
    const path = newPlace();
    const content = await leave(path, other);
    const lock = await acquireLock(path, FOR);
    expect(lock).toEqual({ ok: false, heldBy: { since: expect.any(String), ...heldBy } });
    expect(readFileSync(path, "utf8")).toBe(content);
  });

  (mayMount ? test : test.skip)("of a container, whose process 1 is not this host's (needs a namespace)", async () => {
    const path = newPlace();
    const source = `const { acquireLock } = await import(${JSON.stringify(module)}); console.log((await acquireLock(${JSON.stringify(path)}, { forMs: ${HOUR_MS} })).ok, process.pid); setInterval(() => {}, 1000);`;
    const args = ["-pf", "--mount-proc", "--kill-child", process.execPath, "--input-type=module", "-e", source];
    const child = spawn("unshare", args, { stdio: ["ignore", "pipe", "inherit"] });
    children.add(child);
    expect(await once(createInterface({ input: child.stdout }), "line")).toEqual(["true 1"]);
    expect(await acquireLock(path, FOR)).toMatchObject({ ok: false, heldBy: { pid: 1, isOverdue: false } });
  });
});

describe("it is given back", () => {
  test.each([
    ["when the process ends by itself", ""],
    ["when it exits early", "process.exit(3);"],
    ["when something is thrown", "setTimeout(() => { throw new Error('of the test'); });"],
    [
      "when a caught signal ends it",
      "process.on('SIGTERM', () => process.exit(143)); process.kill(process.pid, 'SIGTERM');",
    ],
  ])("%s", async (_when, ending) => {
    const path = newPlace();
    const script = `console.log((await acquireLock(path, { forMs: 1 })).ok); ${ending}`;
    const source = `const { acquireLock } = await import(${JSON.stringify(module)}); const path = ${JSON.stringify(path)}; ${script}`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", source], { encoding: "utf8" });
    expect([stdout, beside(path)]).toEqual(["true\n", []]);
  });

  test("unless it is another's by now", async () => {
    const path = newPlace();
    const lock = await taken(path);
    writeFileSync(path, "another's");
    await lock.release();
    expect(readFileSync(path, "utf8")).toBe("another's");
  });

  test("and leaves no listener behind", async () => {
    const before = process.listenerCount("exit");
    const lock = await taken(newPlace());
    await lock.release();
    await lock.release();
    expect(process.listenerCount("exit")).toBe(before);
  });
});

describe("what cannot be is said in one sentence, and leaves nothing", () => {
  const INSTEAD = "something that is no file has this name";
  test.each<[string, (path: string) => string, (path: string) => string]>([
    ["no folder", (path) => `${path}/missing/x`, (path) => `there is no folder ${path}/missing`],
    [
      "a folder that is a file",
      (path) => {
        writeFileSync(path, "");
        return `${path}/x`;
      },
      (path) => `${path} is no folder`,
    ],
    [
      "a folder in its place",
      (path) => {
        mkdirSync(path);
        return path;
      },
      () => INSTEAD,
    ],
    [
      "a pipe in its place",
      (path) => {
        execFileSync("mkfifo", [path]);
        return path;
      },
      () => INSTEAD,
    ],
    [
      "a link in its place, which leads elsewhere",
      (path) => {
        symlinkSync("/etc/hostname", path);
        return path;
      },
      () => "a link has this name",
    ],
    ["a name that is too long", (path) => `${path}${"n".repeat(256)}`, () => "its name is too long"],
  ])("%s", async (_what, prepare, words) => {
    const path = newPlace();
    const target = prepare(path);
    const before = beside(path);
    expect(await refusal(target)).toBe(words(path));
    expect(beside(path)).toEqual(before);
  });

  /** What a Node says of a lock, after some JavaScript. */
  const said = (path: string, before: string): string => {
    const source = `const { acquireLock } = await import(${JSON.stringify(module)}); ${before} console.log(await acquireLock(${JSON.stringify(path)}, { forMs: 1 }).catch((error) => error.message));`;
    return spawnSync(process.execPath, ["--input-type=module", "-e", source], { encoding: "utf8" }).stdout;
  };

  test("a folder in which this user may not write", () => {
    const path = newPlace();
    const place = path.replace(/\/[^/]*$/, "");
    chmodSync(folder.path, 0o755);
    chmodSync(place, 0o555);
    const before = isRoot ? "process.setegid(65534); process.seteuid(65534);" : "";
    expect(said(path, before)).toBe(`this user may not write in ${place}, or the lock is another user's\n`);
    expect(readdirSync(place)).toEqual([]);
  });

  (mayMount ? test : test.skip)("a full disk (needs a mount namespace)", () => {
    const path = newPlace();
    const place = path.replace(/\/[^/]*$/, "");
    const source = `const { acquireLock } = await import(${JSON.stringify(module)}); console.log(await acquireLock(${JSON.stringify(path)}, { forMs: 1 }).catch((error) => error.message));`;
    const script = `mount -t tmpfs -o size=64k none "$0" && head -c 1m /dev/zero > "$0/full" 2>/dev/null; "$@"; ls -A "$0"`;
    const { stdout } = spawnSync(
      "unshare",
      [
        "-m",
        "--propagation",
        "private",
        "sh",
        "-c",
        script,
        place,
        process.execPath,
        "--input-type=module",
        "-e",
        source,
      ],
      { encoding: "utf8" },
    );
    expect(stdout).toBe(`no space is left in ${place}\nfull\n`);
  });
});
