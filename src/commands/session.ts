import { userInfo } from "node:os";
import { candidateVersion, engineVersion } from "../../checks/index.ts";
import { exitCodeOfSignal, INTERRUPTIONS, type Interruption } from "../exit-code.ts";
import type { Context } from "../model/check.ts";
import type { Prober } from "../model/observation.ts";
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
  /** Of CrowdSec on this host, asked now: what an install would bring does not count. */
  readonly versionHere: () => Promise<Version | undefined>;
  /** Before an install: the version that it would bring, as far as that is known by now. */
  readonly candidate: () => Promise<Version | undefined>;
}

/** The running engine's metrics tell its version; nobody waits longer than this for it, milliseconds. */
const VERSION_MS = 1000;

/** As CrowdSec's Local API wants it: exactly one slash. */
export const userAgent = ({ name, version }: Tool): string => `${name}/${version}`;

export const userName = (): string => {
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry in the password file, as in many containers.
    return String(process.getuid?.() ?? "unknown");
  }
};

/** Signals of the operating system, caught until they are released. */
export interface Interrupts {
  /** Aborted by the first of them. */
  readonly signal: AbortSignal;
  readonly interruption: () => Interruption | undefined;
  readonly release: () => void;
}

export const catchInterrupts = (): Interrupts => {
  const controller = new AbortController();
  let interruption: Interruption | undefined;
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
      for (const name of INTERRUPTIONS) process.off(name, onSignal);
    },
  };
};

/** What findings say that the deadline cut off. */
export const cutOffBy = (deadlineMs: number): string => `cut off by --deadline ${duration(deadlineMs)}`;

/** The reason of the end that comes when all is done. */
const OVER = "over";

/** Ends the run at its deadline, or when it is interrupted; the reason is what cut-off findings say. */
const createEnd = (
  deadlineMs: number,
  interrupted: AbortSignal,
): { readonly signal: AbortSignal; readonly release: () => void } => {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(cutOffBy(deadlineMs)), deadlineMs);
  const onInterrupt = (): void => controller.abort(interrupted.reason);
  if (interrupted.aborted) onInterrupt();
  else interrupted.addEventListener("abort", onInterrupt, { once: true });
  return {
    signal: controller.signal,
    release: () => {
      clearTimeout(timer);
      interrupted.removeEventListener("abort", onInterrupt);
      // Sockets that are still open must not hold the process.
      controller.abort(OVER);
    },
  };
};

/** A file that is never read to its end would hold the run for ever; it gets this much grace, milliseconds. */
const GRACE_MS = 1000;

/** Rejects when the run has ended and what every check needs is still not known: then there is nothing to report. */
const tooLate = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    const giveUp = (): void => reject(new UsageError(`${signal.reason}, before this host's files could be read.`));
    const onEnd = (): void => {
      if (signal.reason !== OVER) setTimeout(giveUp, GRACE_MS).unref();
    };
    if (signal.aborted) onEnd();
    else signal.addEventListener("abort", onEnd, { once: true });
  });

const withinTime = async <T>(promise: Promise<T>, ms: number): Promise<T | undefined> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms).unref();
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
};

/** A package manager that reads all its lists takes a moment, milliseconds. */
const CANDIDATE_MS = 5000;

/** What a deployment is found in, and with: this host, or what a bundle holds of one. */
export interface World {
  readonly probe: Prober;
  readonly environment: Streams["environment"];
  readonly user: string;
  readonly platform: string;
  readonly now: Date;
  /** What a run found out before, in place of asking again. */
  readonly versions?: { readonly here?: Version | undefined; readonly candidate?: Version | undefined };
}

/** A deployment, and what is known of its version; all of a session that does not depend on time. */
export type Found = Pick<Session, "context" | "knownVersion" | "versionHere" | "candidate">;

/** Finds the deployment of a world. */
export const findDeployment = async (
  { probe, environment, user, platform, now, versions = {} }: World,
  { overrides, env, allowWrites }: Pick<SessionOptions, "overrides" | "env" | "allowWrites">,
): Promise<Found> => {
  const topology = await findTopology({ probe, environment, user, platform, env, overrides });
  let known: Promise<Version | undefined> | undefined = versions.here && Promise.resolve(versions.here);
  // A stopped engine tells nothing; the installed program is then all there is to go by.
  const here = (): Promise<Version | undefined> => {
    known ??= withinTime(engineVersion(context), VERSION_MS).then((running) => running ?? topology.installed?.value);
    return known;
  };
  let coming: Promise<Version | undefined> | undefined = versions.candidate && Promise.resolve(versions.candidate);
  // What an installation would bring is what its checks are for; nobody is told that it is here.
  const version = async (): Promise<Version | undefined> => {
    const found = await here();
    if (found !== undefined || topology.phase.value !== "install") return found;
    coming ??= withinTime(candidateVersion(context), CANDIDATE_MS);
    return coming;
  };
  const context: Context = { topology, probe, now, version, allowWrites };
  const knownVersion = async (): Promise<Version | undefined> => known && withinTime(known, 0);
  const candidate = async (): Promise<Version | undefined> => coming && withinTime(coming, 0);
  return { context, knownVersion, versionHere: here, candidate };
};

/** What a session is given by who opens several, or looks over its shoulder. */
export interface SessionTools {
  /** Who catches signals for several sessions; without it, this session does. */
  readonly interrupts?: Interrupts;
  /** Stands between the session and its prober. */
  readonly wrap?: (prober: Prober, signal: AbortSignal) => Prober;
}

/** Finds this host's deployment, hands it over, and leaves nothing open behind. */
export const inSession = async <T>(
  options: SessionOptions,
  tool: Tool,
  environment: Streams["environment"],
  use: (session: Session) => Promise<T>,
  { interrupts: given, wrap = (prober) => prober }: SessionTools = {},
): Promise<T> => {
  const { deadlineMs, timeoutMs, family } = options;
  const now = new Date();
  const interrupts = given ?? catchInterrupts();
  const { interruption } = interrupts;
  const end = createEnd(deadlineMs, interrupts.signal);
  const platform = process.platform;
  const prober = createProber({
    signal: end.signal,
    timeoutMs,
    platform,
    userAgent: userAgent(tool),
    ...(family && { family }),
  });
  const world: World = { probe: wrap(prober, end.signal), environment, user: userName(), platform, now };
  try {
    const prepared = Promise.all([findDeployment(world, options), prober.prepare()]);
    const [found] = await Promise.race([prepared, tooLate(end.signal)]);
    return await use({ ...found, signal: end.signal, interruption });
  } finally {
    end.release();
    if (given === undefined) interrupts.release();
  }
};
