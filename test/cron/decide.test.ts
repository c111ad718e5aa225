import { describe, expect, test } from "@jest/globals";
import { begin, decide, type History, weightOf } from "../../src/cron/decide.ts";
import { LEVELS, type Rule, type Seen } from "../../src/cron/state.ts";

const FINE: Seen = { level: "fine" };
const FAIL: Seen = { level: "fail", code: "tcp-refused" };
const OTHER: Seen = { level: "fail", code: "tcp-timeout" };
const WARN: Seen = { level: "warn", code: "slow" };
const FILE: Seen = { level: "fail", code: "config-syntax", sure: true };
const RULE: Rule = { needed: 2, of: 3 };

const timeOf = (index: number): string => new Date(Date.UTC(2026, 5, 15, 10, index)).toISOString();
const NEVER: History = { confirmed: FINE, since: timeOf(0), seen: [], at: [] };
/** From the second minute on, a run each minute. */
const following = (seen: readonly Seen[], rule = RULE, past = NEVER): History =>
  seen.reduce((history, one, index) => decide(history, one, timeOf(index + 1), rule), past);

test("levels are in order, the worst last", () => {
  expect(LEVELS.map(weightOf)).toEqual([0, 1, 2, 3]);
});

test("the first of all runs counts at once", () => {
  expect(begin(FAIL, timeOf(0))).toEqual({ confirmed: FAIL, since: timeOf(0), seen: [FAIL], at: [timeOf(0)] });
});

describe("since when it counts", () => {
  test.each([
    ["one of the runs that saw it", [FAIL, FINE, FAIL], FAIL, 1],
    ["not a run that is too long ago", [FAIL, FINE, FINE, FAIL, FAIL], FAIL, 4],
    ["as bad as both saw it", [FAIL, WARN], WARN, 1],
    ["worse than it was", [WARN, WARN, FAIL, FAIL], FAIL, 3],
    ["better since the first run that saw it better", [FAIL, FAIL, FINE, WARN], WARN, 3],
    ["well since the first good run", [FAIL, FAIL, FINE, FAIL, FINE, FINE], FINE, 5],
    ["another fault, as old as the trouble", [FAIL, FAIL, OTHER, OTHER], OTHER, 1],
    ["a file, from its own run on", [FAIL, FILE], FILE, 2],
    [
      "another mistake in a file, as old as the trouble",
      [FILE, { ...FILE, code: "config-empty" }],
      { ...FILE, code: "config-empty" },
      1,
    ],
    ["a mended file, from its own run on", [FILE, FILE, FINE], FINE, 3],
  ] as const)("%s", (_what, seen, confirmed, since) => {
    expect(following(seen)).toMatchObject({ confirmed, since: timeOf(since) });
  });
});

describe("what is remembered", () => {
  test("is as many runs as are looked at, with their times", () => {
    const { seen, at } = following([FAIL, WARN, FINE, FAIL]);
    expect(seen).toEqual([WARN, FINE, FAIL]);
    expect(at).toEqual([2, 3, 4].map(timeOf));
  });

  test("of a trouble that is over, no more than what said so", () => {
    expect(following([FAIL, FAIL, FAIL, FINE, FINE], { needed: 2, of: 5 }).seen).toEqual([FINE, FINE]);
  });

  test("is cut to the rule of this run", () => {
    const long = following([FAIL, FINE, FAIL, FINE, FINE], { needed: 5, of: 10 });
    expect(long.seen).toHaveLength(5);
    expect(decide(long, FINE, timeOf(9), RULE).seen).toEqual([FINE, FINE, FINE]);
  });
});

test("what a run sees of files never waits to be worse, however restless it is", () => {
  const restless = following([FILE, FINE, FILE, FINE, FINE]);
  expect(restless.confirmed).toEqual(FINE);
  expect(decide(restless, FILE, timeOf(9), RULE).confirmed).toEqual(FILE);
});

test("what cannot be judged is not mended", () => {
  expect(following([FILE, { level: "unknown" }]).confirmed).toEqual(FILE);
  expect(following([FILE, { level: "unknown" }, { level: "unknown" }]).confirmed).toEqual({ level: "unknown" });
});
