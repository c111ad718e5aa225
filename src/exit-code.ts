import type { FailOn, RunVerdict, Status } from "./model/report.ts";

/** Bad usage, nothing to judge, or an error of ours. */
export const EXIT_UNJUDGED = 3;
const EXIT_FAILED = 2;
const EXIT_WARNED = 1;

export type Interruption = "SIGINT" | "SIGTERM";
const SIGNALS: Readonly<Record<Interruption, number>> = { SIGINT: 130, SIGTERM: 143 };

/** The one place that gives the exit code of a run; the same for every format. */
export const exitCodeOf = (
  counts: Readonly<Record<Status, number>>,
  failOn: FailOn,
  interruption?: Interruption,
): number => {
  if (interruption) return SIGNALS[interruption];
  if (counts.fail > 0) return EXIT_FAILED;
  if (counts.pass + counts.warn === 0) return EXIT_UNJUDGED;
  return counts.warn > 0 && failOn === "warn" ? EXIT_WARNED : 0;
};

/** What could not be judged keeps a host from being called ready; that alone does not change the exit code. */
export const verdictOf = (counts: Readonly<Record<Status, number>>): RunVerdict => {
  if (counts.fail > 0) return "not-ready";
  if (counts.unknown > 0 || counts.pass + counts.warn === 0) return "unknown";
  return counts.warn > 0 ? "ready-with-warnings" : "ready";
};
