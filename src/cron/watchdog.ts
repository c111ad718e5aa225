import { Worker, type WorkerOptions } from "node:worker_threads";
import type { LockFile } from "./lock.ts";

interface WatchdogOptions {
  /** From now on, milliseconds. */
  readonly afterMs: number;
  /** What is said then on stderr; a whole line. */
  readonly words: string;
  /** What is given back then. */
  readonly lock?: LockFile;
}

export interface Watchdog {
  /** From here on, nothing is ended any more. */
  readonly stop: () => void;
}

/** Neither arguments nor environment of this process: a module that NODE_OPTIONS names is none of a watchdog's business. */
const BARE = { eval: true, env: {}, execArgv: [] } as const satisfies WorkerOptions;

/** It holds next to nothing. */
const SMALL = {
  maxOldGenerationSizeMb: 16,
  maxYoungGenerationSizeMb: 2,
  stackSizeMb: 1,
} as const satisfies WorkerOptions["resourceLimits"];

/** Last words may not get through: nobody reads stderr, or the lock is on a file system that hangs. Milliseconds. */
const LAST_MS = 2000;

const LAST_WORDS = `
const { readFileSync, rmSync, writeSync } = require("node:fs");
const { words, lock } = require("node:worker_threads").workerData;
try {
  if (lock && readFileSync(lock.path, "utf8") === lock.content) rmSync(lock.path);
} catch {}
try {
  writeSync(2, words);
} catch {}
`;

/** Asleep until the time has come, or it is told that there is nothing to wait for: 1 in the flag; 2 is its own. */
const WATCH = `
const { Worker, workerData } = require("node:worker_threads");
const { flag, afterMs, last, options } = workerData;
const kill = () => process.kill(process.pid, "SIGKILL");
if (Atomics.wait(flag, 0, 0, afterMs) === "timed-out" && Atomics.compareExchange(flag, 0, 0, 2) === 0) {
  setTimeout(kill, ${LAST_MS});
  try {
    new Worker(last, { ...options, workerData }).on("error", kill).on("exit", kill);
  } catch {
    kill();
  }
}
`;

/**
 * The hard end of this process, which comes even when Node itself hangs: it opens /etc/resolv.conf while everything else
 * waits, and where that is a pipe it waits for ever. A thread of its own kills the process then. It keeps nothing alive.
 */
export const startWatchdog = ({ afterMs, words, lock }: WatchdogOptions): Watchdog => {
  const flag = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const options: WorkerOptions = { ...BARE, resourceLimits: SMALL };
  try {
    const worker = new Worker(WATCH, {
      ...options,
      workerData: { flag, afterMs, words, lock, last: LAST_WORDS, options },
    });
    // Without a thread to spare there is no hard end, and a run all the same.
    worker.on("error", () => {});
    worker.unref();
  } catch {
    // The same, known at once.
  }
  return {
    stop: () => {
      Atomics.compareExchange(flag, 0, 0, 1);
      Atomics.notify(flag, 0);
    },
  };
};
