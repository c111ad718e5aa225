import { catalogue, causes } from "../../checks/index.ts";
import type { FailOn } from "../model/report.ts";
import { startProgress } from "../progress.ts";
import { makeReport } from "../report.ts";
import { type Format, reporters, ticket } from "../reporters/index.ts";
import type { Style } from "../reporters/pretty.ts";
import { runChecks } from "../runner/index.ts";
import { inSession, type SessionOptions, type Tool } from "./session.ts";
import { type Streams, wantsColor, write } from "./streams.ts";

export interface CheckOptions extends SessionOptions {
  readonly isSelected: (id: string) => boolean;
  readonly output: Format;
  /** In place of the report, what to send to those who can mend what this host's owner cannot. */
  readonly ticket: boolean;
  readonly failOn: FailOn;
  readonly concurrency: number;
  readonly detail: Style["detail"];
  readonly color?: boolean;
  readonly ascii: boolean;
}

const DEFAULT_COLUMNS = 100;

/** The main job. Returns the exit code. */
export const check = async (options: CheckOptions, tool: Tool, streams: Streams): Promise<number> => {
  const { isSelected, output, failOn, deadlineMs, concurrency } = options;
  const { environment, stdout, stderr } = streams;
  const startedMs = performance.now();
  const asked = catalogue.map(({ id }) => id).filter(isSelected);
  const progress = await startProgress(stderr, asked);
  try {
    return await inSession(options, tool, environment, async ({ context, signal, interruption, knownVersion }) => {
      const findings = await runChecks({
        checks: catalogue,
        isSelected,
        context,
        concurrency,
        signal,
        observe: progress.observe,
      });
      const interrupted = interruption();
      const report = makeReport({
        tool,
        startedAt: context.now,
        durationMs: Math.round(performance.now() - startedMs),
        deadlineMs,
        failOn,
        ...(interrupted && { interruption: interrupted }),
        topology: context.topology,
        version: await knownVersion(),
        findings,
        causes,
      });
      progress.stop();
      const style: Style = {
        color: wantsColor(options.color, stdout, environment),
        ascii: options.ascii,
        width: stdout.columns || DEFAULT_COLUMNS,
        detail: options.detail,
      };
      await write(stdout, options.ticket ? ticket(report, style) : reporters[output](report, style));
      return report.summary.exitCode;
    });
  } finally {
    progress.stop();
  }
};
