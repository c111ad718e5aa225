import { userInfo } from "node:os";
import { engineVersion } from "../../checks/index.ts";
import { exitCodeOfSignal, INTERRUPTIONS, type Interruption } from "../exit-code.ts";
import type { Context } from "../model/check.ts";
import { duration } from "../model/text.ts";
import type { Env } from "../model/topology.ts";
import type { Version } from "../model/version.ts";
import { createProber } from "../probes/index.ts";
import { findTopology, type TopologyOverrides } from "../topology/index.ts";
import type { Streams } from "./streams.ts";
import { UsageError } from "./usage-error.ts";

/** What of the command line decides what is looked at, and for how long; every command that looks has it. */
export interface SessionOptions {
  readonly overrides: TopologyOverrides;
  readonly env: Env;
  readonly allowWrites: boolean;
  readonly deadlineMs: number;
  readonly timeoutMs: number;
  readonly family?: 4 | 6;
}

export interface Tool {
  readonly name: string;
  readonly version: string;
}

/** A host that was found, with the probes to look at it, until the deadline or an interrupt. */
export interface Session {
  readonly context: Context;
  readonly signal: AbortSignal;
  readonly interruption: () => Interruption | undefined;
  /** What of the version is known by now; undefined too when nobody has asked. */
  readonly knownVersion: () => Promise<Version | undefined>;
}

/** The running engine's metrics tell its version; nobody waits longer than this for it, milliseconds. */
const VERSION_MS = 1000;

const userName = (): string => {
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry in the password file, as in many containers.
    return String(process.getuid?.() ?? "unknown");
  }
};

/** Ends the run at its deadline or at a signal of the operating system; the reason is what cut-off findings say. */
const createEnd = (
  deadlineMs: number,
): {
  readonly signal: AbortSignal;
  readonly interruption: () => Interruption | undefined;
  readonly release: () => void;
} => {
  const controller = new AbortController();
  let interruption: Interruption | undefined;
  const timer = setTimeout(() => controller.abort(`cut off by --deadline ${duration(deadlineMs)}`), deadlineMs);
  const onSignal = (name: Interruption): void => {
    // Asked twice, it is over at once.
    if (interruption) process.exit(exitCodeOfSignal(name));
    interruption = name;
    controller.abort("interrupted");
  };
  for (const name of INTERRUPTIONS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    interruption: () => interruption,
    release: () => {
      clearTimeout(timer);
      for (const name of INTERRUPTIONS) process.off(name, onSignal);
      // Sockets that are still open must not hold the process.
      controller.abort("over");
    },
  };
};

/** A file that is never read to its end would hold the run for ever; it gets this much grace, milliseconds. */
const GRACE_MS = 1000;

/** Rejects when the run has ended and what every check needs is still not known: then there is nothing to report. */
const tooLate = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    const giveUp = (): void => reject(new UsageError(`${signal.reason}, before this host's files could be read.`));
    signal.addEventListener("abort", () => setTimeout(giveUp, GRACE_MS).unref(), { once: true });
  });

const withinTime = <T>(promise: Promise<T>, ms: number): Promise<T | undefined> =>
  Promise.race([
    promise,
    new Promise<undefined>((resolve) => {
      setTimeout(() => resolve(undefined), ms).unref();
    }),
  ]);

/** Finds this host's deployment, hands it over, and leaves nothing open behind. */
export const inSession = async <T>(
  { overrides, env, allowWrites, deadlineMs, timeoutMs, family }: SessionOptions,
  tool: Tool,
  environment: Streams["environment"],
  use: (session: Session) => Promise<T>,
): Promise<T> => {
  const now = new Date();
  const end = createEnd(deadlineMs);
  const platform = process.platform;
  const probe = createProber({
    signal: end.signal,
    timeoutMs,
    platform,
    userAgent: `${tool.name}/${tool.version}`,
    ...(family && { family }),
  });
  try {
    const prepared = Promise.all([
      findTopology({ probe, environment, user: userName(), platform, env, overrides }),
      probe.prepare(),
    ]);
    const [topology] = await Promise.race([prepared, tooLate(end.signal)]);
    let known: Promise<Version | undefined> | undefined;
    const version = (): Promise<Version | undefined> => {
      // A stopped engine tells nothing; the installed program is then all there is to go by.
      known ??= withinTime(engineVersion(context), VERSION_MS).then((running) => running ?? topology.installed?.value);
      return known;
    };
    const context: Context = { topology, probe, now, version, allowWrites };
    const knownVersion = async (): Promise<Version | undefined> => known && withinTime(known, 0);
    return await use({ context, signal: end.signal, interruption: end.interruption, knownVersion });
  } finally {
    end.release();
  }
};
