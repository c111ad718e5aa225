import type { FailOn, RunVerdict, Status } from "./model/report.ts";

/** Bad usage, nothing to judge, or an error of ours. */
export const EXIT_UNJUDGED = 3;
const EXIT_FAILED = 2;
const EXIT_WARNED = 1;

/** What ends a run early, its report still printed; a lost terminal (SIGHUP) too, so that nothing is left behind. */
export const INTERRUPTIONS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
export type Interruption = (typeof INTERRUPTIONS)[number];
export const exitCodeOfSignal = (name: Interruption): number => (name === "SIGINT" ? 130 : 143);

/** The one place that gives the exit code of a run; the same for every format. */
export const exitCodeOf = (
  counts: Readonly<Record<Status, number>>,
  failOn: FailOn,
  interruption?: Interruption,
): number => {
  if (interruption) return exitCodeOfSignal(interruption);
  if (counts.fail > 0) return EXIT_FAILED;
  if (counts.pass + counts.warn === 0) return EXIT_UNJUDGED;
  return counts.warn > 0 && failOn === "warn" ? EXIT_WARNED : 0;
};

/** A run that has not done all of its job, such as to write its report; that something failed is the greater news. */
export const exitCodeWhenDone = (exitCode: number, isDone: boolean): number =>
  isDone || exitCode >= EXIT_FAILED ? exitCode : EXIT_UNJUDGED;

/** What could not be judged keeps a host from being called ready; that alone does not change the exit code. */
export const verdictOf = (counts: Readonly<Record<Status, number>>): RunVerdict => {
  if (counts.fail > 0) return "not-ready";
  if (counts.unknown > 0 || counts.pass + counts.warn === 0) return "unknown";
  return counts.warn > 0 ? "ready-with-warnings" : "ready";
};
