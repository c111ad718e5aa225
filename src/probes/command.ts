import { spawn } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { CommandObservation, CommandQuestion, Failed, FailureCode } from "../model/observation.ts";
import { Secret } from "../model/secret.ts";
import { printable } from "../model/text.ts";
import { stopwatch } from "./clock.ts";
import { failed, failure } from "./failure.ts";

/** Output kept, bytes: the end of it, where programs say why they stop. */
const MAX_OUTPUT = 64 * 1024;
/** How long to wait for output that is still held open after a program's end; milliseconds. */
const DRAIN_MS = 500;
/** How long to wait for killed processes to be gone: where nobody collects the dead, as in many containers, they stay. */
const GONE_MS = 100;
const POLL_MS = 5;
const FOLDER = "{folder}";

const COMMAND: Readonly<Record<string, FailureCode>> = {
  ENOENT: "command-missing",
  ENOTDIR: "command-missing",
  EACCES: "command-denied",
  EPERM: "command-denied",
};

/** Of `failure`, with the codes of commands. */
const commandFailure = (error: unknown, elapsedMs: number): Failed => {
  const saw = failure("host", error, elapsedMs);
  return { ...saw, code: COMMAND[saw.errno ?? ""] ?? "command-error" };
};

/** What is left to end and to remove when this process exits in the middle. */
const leftovers = new Set<() => void>();
const removeLeftovers = (): void => {
  for (const remove of leftovers) remove();
};

/** Has `remove` called at the exit of this process, unless it is given up before. */
const atExit = (remove: () => void): (() => void) => {
  if (leftovers.size === 0) process.on("exit", removeLeftovers);
  leftovers.add(remove);
  return () => {
    leftovers.delete(remove);
    if (leftovers.size === 0) process.off("exit", removeLeftovers);
  };
};

/** Signals every process of a group; false when there is none left. */
const signalGroup = (group: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Kills a group, and waits until it is gone: what dies may write until then. */
const endGroup = async (group: number): Promise<void> => {
  const elapsed = stopwatch();
  if (!signalGroup(group, "SIGKILL")) return;
  while (signalGroup(group, 0) && elapsed() < GONE_MS) await pause(POLL_MS);
};

/** Keeps the last bytes of what it is given, in a memory of that size. */
const createTail = (size: number): { readonly add: (chunk: Buffer) => void; readonly text: () => string } => {
  const ring = Buffer.alloc(size);
  let total = 0;
  return {
    add: (chunk) => {
      const last = chunk.subarray(-size);
      total += chunk.length - last.length;
      const fitting = last.copy(ring, total % size);
      last.copy(ring, 0, fitting);
      total += last.length;
    },
    text: () => {
      if (total <= size) return ring.toString("utf8", 0, total);
      const start = total % size;
      // What is left of a character that was cut in two is none.
      return Buffer.concat([ring.subarray(start), ring.subarray(0, start)])
        .toString("utf8")
        .replace(/^\ufffd+/, "");
    },
  };
};

/** ECMA-48: control sequences (colours), operating system commands (titles, links), and the short escapes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this expression is for
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b\n]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g;

/** A program's output, fit to show, line by line. */
const printableLines = (text: string): string =>
  text
    .replace(ESCAPES, "")
    .split(/\r?\n/)
    .map((line) => printable(line, MAX_OUTPUT))
    .join("\n");

const revealed = (content: string | Secret): string => (content instanceof Secret ? content.reveal() : content);

/** A new folder for this user alone, which goes with `remove`, or with this process. */
const makeFolder = (
  place: string,
): {
  readonly path: string;
  readonly started: (pid: number) => void;
  readonly remove: () => Promise<void>;
} => {
  // At once, so that no exit can come between the folder and its removal.
  const path = realpathSync(mkdtempSync(join(place, "preflight-")));
  let group: number | undefined;
  const release = atExit(() => {
    if (group !== undefined) signalGroup(group, "SIGKILL");
    try {
      rmSync(path, { recursive: true, force: true, maxRetries: 3 });
    } catch {
      // Nobody is left to tell.
    }
  });
  return {
    path,
    started: (pid) => {
      group = pid;
    },
    remove: async () => {
      if (group !== undefined) await endGroup(group);
      await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }).catch(() => {});
      release();
    },
  };
};

type Folder = ReturnType<typeof makeFolder>;

/** How a program ended, or why it was ended or never began. */
type End = { readonly ok: true; readonly exitCode: number } | Failed;

const endedWithRun = (elapsedMs: number): Failed => ({
  ...failed("host", "command-error", "ended together with the run", elapsedMs),
  errno: "ABORT_ERR",
});

const run = (question: CommandQuestion, folder: Folder, signal: AbortSignal): Promise<CommandObservation> =>
  new Promise((resolve) => {
    const elapsed = stopwatch();
    const [program = "", ...rest] = question.argv.map((word) => word.replaceAll(FOLDER, folder.path));
    // A group of its own, so that what it starts can be ended with it.
    const child = spawn(program, rest, {
      cwd: folder.path,
      env: Object.fromEntries(
        Object.entries(question.environment ?? {}).map(([name, value]) => [name, revealed(value)]),
      ),
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const { pid } = child;
    if (pid !== undefined) folder.started(pid);
    const tail = createTail(MAX_OUTPUT);
    child.stdout.on("data", tail.add);
    child.stderr.on("data", tail.add);
    // A stream that breaks has nothing more to say.
    child.stdout.on("error", () => {});
    child.stderr.on("error", () => {});
    let settled = false;
    const settle = (end: End): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      clearTimeout(drain);
      signal.removeEventListener("abort", abort);
      // Whatever still holds them is no concern of ours, and must not hold this process.
      child.stdout.destroy();
      child.stderr.destroy();
      if (!end.ok) {
        resolve(end);
        return;
      }
      const output = printableLines(tail.text().replaceAll(folder.path, FOLDER));
      resolve({ ok: true, elapsedMs: elapsed(), exitCode: end.exitCode, output });
    };
    let drain: NodeJS.Timeout | undefined;
    const timer = setTimeout(
      () => settle(failed("host", "command-timeout", `no end within ${question.timeoutMs} ms`, elapsed())),
      question.timeoutMs,
    );
    const abort = (): void => settle(endedWithRun(elapsed()));
    signal.addEventListener("abort", abort, { once: true });
    child.on("error", (error) => settle(commandFailure(error, elapsed())));
    child.once("exit", (code, name) => {
      if (settled) return;
      const end: End = { ok: true, exitCode: code ?? 128 + constants.signals[name ?? "SIGKILL"] };
      if (pid !== undefined) signalGroup(pid, "SIGKILL");
      child.once("close", () => settle(end));
      // A process that left the group may hold the output open for ever.
      drain = setTimeout(() => settle(end), DRAIN_MS);
    });
  });

/** The folder's path stands in files and arguments as it is: one with other characters would change their meaning. */
const plainTemporary = (): string => (/^[\w./-]+$/.test(tmpdir()) ? tmpdir() : "/tmp");

/** Runs a program in a folder of `place` that is there for this alone; neither it nor a process of the group is left. */
export const probeCommand = async (
  question: CommandQuestion,
  { signal, place = plainTemporary() }: { readonly signal: AbortSignal; readonly place?: string },
): Promise<CommandObservation> => {
  const elapsed = stopwatch();
  let folder: Folder | undefined;
  try {
    signal.throwIfAborted();
    folder = makeFolder(place);
    for (const [name, content] of Object.entries(question.files ?? {})) {
      const file = join(folder.path, name);
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await writeFile(file, revealed(content).replaceAll(FOLDER, folder.path), { mode: 0o600, flag: "wx" });
    }
    signal.throwIfAborted();
    return await run(question, folder, signal).catch((error: unknown) => commandFailure(error, elapsed()));
  } catch (error) {
    return signal.aborted ? endedWithRun(elapsed()) : { ...failure("host", error, elapsed()), code: "command-error" };
  } finally {
    await folder?.remove();
  }
};
