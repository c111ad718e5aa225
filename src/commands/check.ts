import { randomUUID } from "node:crypto";
import { causes } from "../../checks/index.ts";
import { exitCodeWhenDone } from "../exit-code.ts";
import type { Report } from "../model/report.ts";
import type { Secret } from "../model/secret.ts";
import { pingHost } from "../ping/url.ts";
import { makeReport } from "../report.ts";
import { type Format, loadTicket, reporterOf } from "../reporters/index.ts";
import type { Style } from "../reporters/pretty-page.ts";
import type { CronOptions } from "./cron.ts";
import { type LookOptions, look } from "./look.ts";
import { PLAIN, placeReports, type ReportFile } from "./report-files.ts";
import type { Tool } from "./session.ts";
import { type Streams, wantsColor, write } from "./streams.ts";

export interface CheckOptions extends LookOptions {
  /** A bundle to judge, in place of this host. */
  readonly from?: string;
  readonly output: Format;
  /** Where the report goes besides. */
  readonly reports: readonly ReportFile[];
  /** In place of the report, what to send to those who can mend what this host's owner cannot. */
  readonly ticket: boolean;
  readonly cron?: CronOptions;
  /** Whoever has it can ping too. */
  readonly pingUrl?: Secret;
  /** In place of a run, what it would touch. */
  readonly dryRun: boolean;
  readonly detail: Style["detail"];
  readonly color?: boolean;
  readonly ascii: boolean;
}

const DEFAULT_COLUMNS = 100;

/** The main job. Returns the exit code. */
export const check = async (options: CheckOptions, tool: Tool, streams: Streams): Promise<number> => {
  const { from, output, failOn, reports, ascii, cron, pingUrl } = options;
  const { environment, stdout, stderr } = streams;
  if (options.dryRun) return (await import("./dry-run.ts")).dryRun(options, tool, streams);

  const runId = randomUUID();
  const say = (sentence: string): Promise<void> => write(stderr, `${tool.name}: ${sentence}\n`).catch(() => {});
  const here = async (): Promise<Report> => {
    const looked = await look(options, tool, streams, runId);
    if (looked.problem !== undefined) await say(looked.problem);
    return looked.report;
  };
  const place = async (report: Report): Promise<boolean> => {
    const problems = await placeReports(report, reports, ascii);
    for (const problem of problems) await say(problem);
    return problems.length === 0;
  };
  const short = async (one: Report): Promise<string> => (await reporterOf("short"))(one, PLAIN);
  const ping = pingUrl && (await (await import("./ping.ts")).createPing(pingUrl, runId, tool, environment));
  if (cron) {
    const runs = await import("./cron.ts");
    runs.refuseAsState(cron, reports, environment);
    return runs.cron(cron, { look: here, place, ...(ping && { ping: { ...ping, short } }) }, tool, streams);
  }

  // Most runs look at a host, and read no archive.
  const begun = ping?.started();
  const report =
    from === undefined
      ? await here()
      : await (await import("./replay.ts")).replay(from, options, (seen) =>
          makeReport({ ...seen, tool, failOn, causes }),
        );
  const style: Style = {
    color: wantsColor(options.color, stdout, environment),
    ascii,
    width: stdout.columns || DEFAULT_COLUMNS,
    detail: options.detail,
  };
  const exitCode = exitCodeWhenDone(report.summary.exitCode, await place(report));
  const reporter = await (options.ticket ? loadTicket() : reporterOf(output));
  // What is said of the exit code is true, whatever became of the files.
  await write(stdout, reporter({ ...report, summary: { ...report.summary, exitCode } }, style));
  if (ping) {
    const delivered = [await begun, await ping.ended(exitCode, await short(report))].find(
      (result) => result?.ok === false,
    );
    if (delivered?.ok === false) await say(`the ping to ${pingHost(pingUrl)} was not delivered: ${delivered.problem}`);
  }
  return exitCode;
};
