import type { RunVerdict, Status } from "../model/report.ts";

/**
 * How bad a status is, as the verdict has it (src/exit-code.ts): what could not be judged weighs more than a warning,
 * since nobody knows then that the host is ready. What was skipped says nothing.
 */
const WEIGHT: Readonly<Record<Status, number>> = { skip: 0, pass: 1, warn: 2, unknown: 3, fail: 4 };

export const isWorse = (one: Status, than: Status): boolean => WEIGHT[one] > WEIGHT[than];

/** The worst first. */
export const byWeight = (one: Status, other: Status): number => WEIGHT[other] - WEIGHT[one];

const VERDICT_WEIGHT: Readonly<Record<RunVerdict, number>> = {
  ready: 0,
  "ready-with-warnings": 1,
  unknown: 2,
  "not-ready": 3,
};

export const isWorseVerdict = (one: RunVerdict, than: RunVerdict): boolean =>
  VERDICT_WEIGHT[one] > VERDICT_WEIGHT[than];

/** The worst first. */
export const byVerdict = (one: RunVerdict, other: RunVerdict): number => VERDICT_WEIGHT[other] - VERDICT_WEIGHT[one];
