import { hostname } from "node:os";
import { catalogue, causes } from "../../checks/index.ts";
import type { FailOn, Report } from "../model/report.ts";
import { startProgress } from "../progress.ts";
import { makeReport, type ReportInput, unjudgedReport } from "../report.ts";
import { runChecks } from "../runner/index.ts";
import { type Look, type Select, waitUntilGood } from "../runner/wait.ts";
import {
  catchInterrupts,
  cutOffBy,
  type Interrupts,
  inSession,
  type SessionOptions,
  type Tool,
  userName,
} from "./session.ts";
import type { Streams } from "./streams.ts";
import { UsageError } from "./usage-error.ts";

export interface LookOptions extends SessionOptions {
  readonly isSelected: (id: string) => boolean;
  readonly failOn: FailOn;
  /** How long it may wait, after a first complete look, for what failed and can recover, milliseconds. */
  readonly waitMs?: number;
  readonly concurrency: number;
}

/** What was seen of a host, and by which run. */
export type Seen = Look &
  Pick<ReportInput, "id" | "host" | "before" | "startedAt" | "durationMs" | "deadlineMs" | "interruption">;

/** Looks at this host, as long and as often as the options say. */
const lookHere = async (
  options: LookOptions,
  tool: Tool,
  { environment, stderr }: Streams,
  interrupts: Interrupts,
): Promise<Look> => {
  const { isSelected, failOn, deadlineMs, concurrency, waitMs } = options;
  const asked = catalogue.map(({ id }) => id).filter(isSelected);
  const progress = await startProgress(stderr, asked, tool.name);
  /** A session of its own each time: files, services and names may have changed. */
  const look = (select: Select, end: Interrupts): Promise<Look> =>
    inSession(
      options,
      tool,
      environment,
      async ({ context, signal, knownVersion, candidate }) => {
        const { topology } = context;
        const { checks, isAsked } = select(topology);
        const findings = await runChecks({
          checks,
          isSelected: (id) => isSelected(id) && isAsked(id),
          context,
          concurrency,
          signal,
          observe: progress.observe,
        });
        return { topology, version: await knownVersion(), candidate: await candidate(), findings };
      },
      { interrupts: end },
    );
  const lookAgain = async (select: Select, signal: AbortSignal): Promise<Look | undefined> => {
    try {
      const seen = await look(select, { ...interrupts, signal });
      return signal.aborted ? undefined : seen;
    } catch (error) {
      // Files that could not be read in time may be read the next time.
      if (error instanceof UsageError) return undefined;
      throw error;
    }
  };
  try {
    const first = await look(() => ({ checks: catalogue, isAsked: () => true }), interrupts);
    if (waitMs === undefined || interrupts.interruption()) return first;
    return await waitUntilGood(first, {
      checks: catalogue,
      failOn,
      waitMs,
      cutOff: cutOffBy(deadlineMs),
      interrupted: interrupts.signal,
      look: lookAgain,
      observe: progress.wait,
    });
  } finally {
    progress.stop();
  }
};

export interface Looked {
  readonly report: Report;
  /** Why nothing in it could be judged; a sentence. */
  readonly problem?: string;
}

/** Looks at this host. Whatever happens, there is a report in the end: who reads it by program is to find one. */
export const look = async (options: LookOptions, tool: Tool, streams: Streams, id: string): Promise<Looked> => {
  const { failOn, deadlineMs, isSelected, env, overrides } = options;
  const startedAt = new Date();
  const startedMs = performance.now();
  const interrupts = catchInterrupts();
  const base = (): Pick<Seen, "id" | "host" | "startedAt" | "durationMs" | "deadlineMs" | "interruption"> => {
    const interruption = interrupts.interruption();
    const durationMs = Math.round(performance.now() - startedMs);
    return { id, host: hostname(), startedAt, durationMs, deadlineMs, ...(interruption && { interruption }) };
  };
  try {
    const seen = await lookHere(options, tool, streams, interrupts);
    return { report: makeReport({ ...seen, ...base(), tool, failOn, causes }) };
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    const isOurs = !(error instanceof UsageError);
    const reason = isOurs ? `internal error, please report it: ${message}` : message;
    const report = unjudgedReport({
      ...base(),
      tool,
      failOn,
      checks: catalogue,
      isSelected,
      env,
      phase: overrides.phase,
      roles: overrides.roles ?? [],
      user: userName(),
      reason,
      ...(isOurs && { stack }),
    });
    return { report, problem: reason };
  } finally {
    interrupts.release();
  }
};
