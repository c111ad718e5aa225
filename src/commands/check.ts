import { hostname } from "node:os";
import { catalogue, causes } from "../../checks/index.ts";
import type { FailOn, Report } from "../model/report.ts";
import { startProgress } from "../progress.ts";
import { makeReport, type ReportInput } from "../report.ts";
import { type Format, reporters, ticket } from "../reporters/index.ts";
import type { Style } from "../reporters/pretty.ts";
import { runChecks } from "../runner/index.ts";
import { type Look, type Select, waitUntilGood } from "../runner/wait.ts";
import { catchInterrupts, cutOffBy, type Interrupts, inSession, type SessionOptions, type Tool } from "./session.ts";
import { type Streams, wantsColor, write } from "./streams.ts";
import { UsageError } from "./usage-error.ts";

export interface CheckOptions extends SessionOptions {
  /** A bundle to judge, in place of this host. */
  readonly from?: string;
  readonly isSelected: (id: string) => boolean;
  readonly output: Format;
  /** In place of the report, what to send to those who can mend what this host's owner cannot. */
  readonly ticket: boolean;
  readonly failOn: FailOn;
  /** How long it may wait, after a first complete look, for what failed and can recover, milliseconds. */
  readonly waitMs?: number;
  readonly concurrency: number;
  readonly detail: Style["detail"];
  readonly color?: boolean;
  readonly ascii: boolean;
}

const DEFAULT_COLUMNS = 100;

/** What was seen of a host, and by which run. */
type Seen = Look & Pick<ReportInput, "host" | "before" | "startedAt" | "durationMs" | "deadlineMs" | "interruption">;

/** Looks at this host, as long and as often as the options say. */
const lookHere = async (options: CheckOptions, tool: Tool, { environment, stderr }: Streams): Promise<Seen> => {
  const { isSelected, failOn, deadlineMs, concurrency, waitMs } = options;
  const startedAt = new Date();
  const startedMs = performance.now();
  const asked = catalogue.map(({ id }) => id).filter(isSelected);
  const progress = await startProgress(stderr, asked, tool.name);
  const interrupts = catchInterrupts();
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
    const last =
      waitMs === undefined || interrupts.interruption()
        ? first
        : await waitUntilGood(first, {
            checks: catalogue,
            failOn,
            waitMs,
            cutOff: cutOffBy(deadlineMs),
            interrupted: interrupts.signal,
            look: lookAgain,
            observe: progress.wait,
          });
    const interruption = interrupts.interruption();
    const durationMs = Math.round(performance.now() - startedMs);
    return { ...last, host: hostname(), startedAt, durationMs, deadlineMs, ...(interruption && { interruption }) };
  } finally {
    progress.stop();
    interrupts.release();
  }
};

/** The main job. Returns the exit code. */
export const check = async (options: CheckOptions, tool: Tool, streams: Streams): Promise<number> => {
  const { from, output, failOn } = options;
  const { environment, stdout } = streams;
  const judged = (seen: Seen): Report => makeReport({ ...seen, tool, failOn, causes });
  // Most runs look at a host, and read no archive.
  const report =
    from === undefined
      ? judged(await lookHere(options, tool, streams))
      : await (await import("./replay.ts")).replay(from, options, judged);
  const style: Style = {
    color: wantsColor(options.color, stdout, environment),
    ascii: options.ascii,
    width: stdout.columns || DEFAULT_COLUMNS,
    detail: options.detail,
  };
  await write(stdout, options.ticket ? ticket(report, style) : reporters[output](report, style));
  return report.summary.exitCode;
};
