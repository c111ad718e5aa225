import { userInfo } from "node:os";
import { catalogue, engineVersion } from "../../checks/index.ts";
import { exitCodeOfSignal, INTERRUPTIONS, type Interruption } from "../exit-code.ts";
import type { Context } from "../model/check.ts";
import type { FailOn } from "../model/report.ts";
import { duration } from "../model/text.ts";
import type { Env } from "../model/topology.ts";
import type { Version } from "../model/version.ts";
import { createProber } from "../probes/index.ts";
import { startProgress } from "../progress.ts";
import { makeReport } from "../report.ts";
import { type Format, reporters } from "../reporters/index.ts";
import type { Style } from "../reporters/pretty.ts";
import { runChecks } from "../runner/index.ts";
import { findTopology, type TopologyOverrides } from "../topology/index.ts";
import { type Streams, wantsColor, write } from "./streams.ts";
import { UsageError } from "./usage-error.ts";

export interface CheckOptions {
  readonly overrides: TopologyOverrides;
  readonly env: Env;
  readonly isSelected: (id: string) => boolean;
  readonly allowWrites: boolean;
  readonly output: Format;
  readonly failOn: FailOn;
  readonly deadlineMs: number;
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly family?: 4 | 6;
  readonly detail: Style["detail"];
  readonly color?: boolean;
  readonly ascii: boolean;
}

export interface Tool {
  readonly name: string;
  readonly version: string;
}

/** The running engine's metrics tell its version; nobody waits longer than this for it, milliseconds. */
const VERSION_MS = 1000;

const DEFAULT_COLUMNS = 100;

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

/** The main job. Returns the exit code. */
export const check = async (options: CheckOptions, tool: Tool, streams: Streams): Promise<number> => {
  const { overrides, env, isSelected, allowWrites, output, failOn, deadlineMs, timeoutMs, concurrency, family } =
    options;
  const { environment, stdout, stderr } = streams;
  const startedAt = new Date();
  const startedMs = performance.now();
  const end = createEnd(deadlineMs);
  const platform = process.platform;
  const probe = createProber({
    signal: end.signal,
    timeoutMs,
    platform,
    userAgent: `${tool.name}/${tool.version}`,
    ...(family && { family }),
  });
  const asked = catalogue.map(({ id }) => id).filter(isSelected);
  const progress = await startProgress(stderr, asked);
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
    const context: Context = { topology, probe, now: startedAt, version, allowWrites };
    const findings = await runChecks({
      checks: catalogue,
      isSelected,
      context,
      concurrency,
      signal: end.signal,
      observe: progress.observe,
    });
    const interruption = end.interruption();
    const report = makeReport({
      tool,
      startedAt,
      durationMs: Math.round(performance.now() - startedMs),
      deadlineMs,
      failOn,
      ...(interruption && { interruption }),
      topology,
      version: known && (await withinTime(known, 0)),
      findings,
    });
    progress.stop();
    const style: Style = {
      color: wantsColor(options.color, stdout, environment),
      ascii: options.ascii,
      width: stdout.columns || DEFAULT_COLUMNS,
      detail: options.detail,
    };
    await write(stdout, reporters[output](report, style));
    return report.summary.exitCode;
  } finally {
    progress.stop();
    end.release();
  }
};
