import { expect, test } from "@jest/globals";
import { EXIT_UNJUDGED, exitCodeOf, exitCodeWhenDone, verdictOf } from "../src/exit-code.ts";
import type { RunVerdict } from "../src/model/report.ts";

type Row = readonly [
  pass: number,
  warn: number,
  fail: number,
  unknown: number,
  skip: number,
  verdict: RunVerdict,
  exit: number,
  exitOnWarn: number,
];

const TABLE: readonly Row[] = [
  // pass, warn, fail, unknown, skip → verdict, exit code, exit code with --fail-on warn
  [0, 0, 0, 0, 0, "unknown", 3, 3],
  [0, 0, 0, 0, 5, "unknown", 3, 3],
  [0, 0, 0, 5, 0, "unknown", 3, 3],
  [0, 0, 0, 5, 5, "unknown", 3, 3],
  [1, 0, 0, 0, 0, "ready", 0, 0],
  [1, 0, 0, 0, 5, "ready", 0, 0],
  [1, 0, 0, 1, 0, "unknown", 0, 0],
  [0, 1, 0, 0, 0, "ready-with-warnings", 0, 1],
  [1, 1, 0, 0, 0, "ready-with-warnings", 0, 1],
  [1, 1, 0, 1, 1, "unknown", 0, 1],
  [0, 0, 1, 0, 0, "not-ready", 2, 2],
  [9, 0, 1, 0, 0, "not-ready", 2, 2],
  [9, 9, 1, 9, 9, "not-ready", 2, 2],
  [0, 0, 1, 5, 5, "not-ready", 2, 2],
];

test.each(TABLE)(
  "%d pass, %d warn, %d fail, %d unknown, %d skip: %s, exit %d, and %d with --fail-on warn",
  (pass, warn, fail, unknown, skip, verdict, exit, exitOnWarn) => {
    const counts = { pass, warn, fail, unknown, skip };
    expect([verdictOf(counts), exitCodeOf(counts, "fail"), exitCodeOf(counts, "warn")]).toEqual([
      verdict,
      exit,
      exitOnWarn,
    ]);
    expect([exitCodeOf(counts, "fail", "SIGINT"), exitCodeOf(counts, "warn", "SIGTERM")]).toEqual([130, 143]);
  },
);

test("what cannot be judged has the code of a Nagios plugin's UNKNOWN", () => {
  expect(EXIT_UNJUDGED).toBe(3);
});

test.each([
  [0, true, 0],
  [1, true, 1],
  [0, false, 3],
  [1, false, 3],
  [2, false, 2],
  [3, false, 3],
  [130, false, 130],
])("of %d, all done: %s, becomes %d", (exitCode, isDone, told) => {
  expect(exitCodeWhenDone(exitCode, isDone)).toBe(told);
});
