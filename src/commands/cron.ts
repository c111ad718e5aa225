import { randomInt } from "node:crypto";
import { resolve } from "node:path";
import { PlaceError } from "../archive/place.ts";
import { confirm } from "../cron/confirm.ts";
import { acquireLock, type HeldBy, LockError } from "../cron/lock.ts";
import { message } from "../cron/message.ts";
import type { Rule, State } from "../cron/state.ts";
import { findStateFile, loadState, lockOf, peekState, StoreError, saveState, stateFile } from "../cron/store.ts";
import { startWatchdog } from "../cron/watchdog.ts";
import { EXIT_UNJUDGED, exitCodeOfSignal, exitCodeWhenDone } from "../exit-code.ts";
import type { Report } from "../model/report.ts";
import { duration, printable } from "../model/text.ts";
import type { Pinger } from "../ping/pinger.ts";
import { sleep } from "../runner/wait.ts";
import type { ReportFile } from "./report-files.ts";
import { catchInterrupts, type Interrupts, type Tool } from "./session.ts";
import { stateOwner } from "./state-owner.ts";
import { type Streams, write } from "./streams.ts";
import { UsageError } from "./usage-error.ts";

export interface CronOptions {
  /** The state file; without it, where the system keeps such files. */
  readonly state?: string;
  /** Of the flags that decide what is looked at, as letters and digits; empty where none does. */
  readonly selection: string;
  /** It begins after a random part of this, milliseconds. */
  readonly splayMs: number;
  /** After how long what is still wrong is told again, milliseconds; without it, never. */
  readonly remindMs?: number;
  readonly rule: Rule;
  /** Of the look, milliseconds. */
  readonly deadlineMs: number;
}

/** What a run is made of. */
export interface CronSteps {
  readonly look: () => Promise<Report>;
  /** Writes the report into files; false when one was not written, which is said then. */
  readonly place: (report: Report) => Promise<boolean>;
  /** With the text that goes along. */
  readonly ping?: Pinger & { readonly short: (report: Report) => Promise<string> };
}

/** Pings are over by then, or given up, milliseconds; each has two tries of ten seconds. */
const PINGS_MS = 60_000;
/** Beyond the deadline and the pings: files are written, and a terminal is slow. Milliseconds. */
const SPARE_MS = 30_000;
/** The lock outlasts the hard end by this, milliseconds: whoever finds it overdue finds a run that could not be ended. */
const LOCK_SPARE_MS = 5000;

const pathOf = ({ state, selection }: CronOptions, environment: Streams["environment"]): string => {
  try {
    return stateFile(state, environment, stateOwner(environment), selection);
  } catch (error) {
    throw error instanceof StoreError ? new UsageError(`${error.message}.`) : error;
  }
};

/** A report in place of the state would be taken for a damaged one, over and over. */
export const refuseAsState = (
  options: CronOptions,
  reports: readonly ReportFile[],
  environment: Streams["environment"],
): void => {
  const path = findStateFile(options.state, environment, stateOwner(environment), options.selection)?.path;
  if (path === undefined) return;
  const report = reports.find((one) => [path, lockOf(path)].includes(resolve(one.path)));
  if (report)
    throw new UsageError(
      `--report ${report.format}=${printable(report.path)} is where --cron remembers: another file.`,
    );
};

/** Whether all of it was taken; a reader that has left (EPIPE) has not read it. */
const tell = (stdout: Streams["stdout"], text: string): Promise<boolean> =>
  new Promise((resolve) => {
    stdout.write(text, (error) => resolve(!error));
  });

/** Who is at work, as a sentence begins. */
const otherRun = ({ pid, since, host }: HeldBy): string => {
  if (pid === undefined) return "another run";
  return `another run, process ${pid}${host === undefined ? "" : ` on ${host}`} since ${since},`;
};

/** Another run is at work, and will tell: this one has nothing to say, but for the exit code. */
const standBack = async (
  path: string,
  selection: string,
  heldBy: HeldBy,
  say: (sentence: string) => Promise<void>,
): Promise<number> => {
  const state = await peekState(path, selection);
  if (heldBy.isOverdue) {
    await say(
      `${otherRun(heldBy)} should have ended by now, and holds ${printable(lockOf(path))}: nothing is looked at until it is gone.`,
    );
    return exitCodeWhenDone(state?.exitCode ?? EXIT_UNJUDGED, false);
  }
  if (state) return state.exitCode;
  await say(`${otherRun(heldBy)} is at work, and nothing is known yet of an earlier one.`);
  return EXIT_UNJUDGED;
};

/** Whether the next run will know of this one. */
const save = async (path: string, state: State, say: (sentence: string) => Promise<void>): Promise<boolean> => {
  try {
    await saveState(path, state);
    return true;
  } catch (error) {
    if (!(error instanceof PlaceError)) throw error;
    await say(`the state file ${printable(path)}: ${error.message}. The next run will not know of this one.`);
    return false;
  }
};

interface Run {
  readonly options: CronOptions;
  readonly steps: CronSteps;
  readonly tool: Tool;
  readonly streams: Streams;
  readonly interrupts: Interrupts;
  readonly path: string;
  readonly waitMs: number;
  readonly say: (sentence: string) => Promise<void>;
}

/** A run that has the lock. Whatever it throws, the exit code is that of an error, and the state as it was. */
const underLock = async ({ options, steps, tool, streams, interrupts, path, waitMs, say }: Run): Promise<number> => {
  const { rule, remindMs, selection } = options;
  const { look, place, ping } = steps;
  const { stdout, stderr } = streams;
  const { state: before, setAside, problem } = await loadState(path, selection);
  if (problem !== undefined) throw new UsageError(`the state file ${printable(path)}: ${problem}.`);
  if (setAside !== undefined) await say(setAside);

  if (waitMs > 0 && stderr.isTTY) await say(`begins in ${duration(waitMs)} (--splay).`);
  await sleep(waitMs, interrupts.signal);
  const early = interrupts.interruption();
  if (early) return exitCodeOfSignal(early);

  // Whether a ping arrives changes nothing; not even when, so nobody waits for it here.
  const begun = ping?.started().catch(() => undefined);
  const report = await look();
  if (report.run.interrupted) return report.summary.exitCode;
  const now = new Date();
  const confirmed = confirm(before, report, rule, now);
  const isPlaced = await place(report);
  const { text, state } = message({ report, before, confirmed, now, remindMs, name: tool.name });
  const isTold = text === "" || (await tell(stdout, text));
  if (!isTold) await say("what there is to tell could not be written; the next run tells it.");
  const isSaved = await save(
    path,
    { ...(isTold ? state : confirmed.state), ...(selection !== "" && { selection }) },
    say,
  );
  const exitCode = exitCodeWhenDone(confirmed.exitCode, isPlaced && isTold && isSaved);
  if (ping) {
    const ended = async (): Promise<void> => {
      await begun;
      await ping.ended(exitCode, await ping.short(report));
    };
    const over = new AbortController();
    const signal = AbortSignal.any([interrupts.signal, over.signal]);
    await Promise.race([ended().catch(() => undefined), sleep(PINGS_MS, signal)]);
    over.abort();
  }
  const late = interrupts.interruption();
  return late ? exitCodeOfSignal(late) : exitCode;
};

/**
 * A run for cron and timers: looks at this host, and tells only what has changed. Returns the exit code of what is
 * confirmed.
 */
export const cron = async (options: CronOptions, steps: CronSteps, tool: Tool, streams: Streams): Promise<number> => {
  const { splayMs, deadlineMs } = options;
  // Whether anybody reads it changes nothing.
  const say = (sentence: string): Promise<void> => write(streams.stderr, `${tool.name}: ${sentence}\n`).catch(() => {});
  const interrupts = catchInterrupts();
  try {
    const path = pathOf(options, streams.environment);
    const waitMs = splayMs > 0 ? randomInt(splayMs + 1) : 0;
    const afterMs = waitMs + deadlineMs + (steps.ping ? PINGS_MS : 0) + SPARE_MS;
    const lock = await acquireLock(lockOf(path), { forMs: afterMs + LOCK_SPARE_MS }).catch((error: unknown) => {
      if (!(error instanceof LockError)) throw error;
      throw new UsageError(`the lock ${printable(lockOf(path))}: ${error.message}. --state FILE names another place.`);
    });
    if (!lock.ok) return await standBack(path, options.selection, lock.heldBy, say);
    const words = `${tool.name}: this run hangs, and was killed ${duration(afterMs)} after its start.\n`;
    const watchdog = startWatchdog({ afterMs, words, lock: { path: lock.path, content: lock.content } });
    try {
      return await underLock({ options, steps, tool, streams, interrupts, path, waitMs, say });
    } finally {
      watchdog.stop();
      await lock.release();
    }
  } finally {
    interrupts.release();
  }
};
