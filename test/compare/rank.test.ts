import { expect, test } from "@jest/globals";
import { byVerdict, byWeight, isWorse, isWorseVerdict } from "../../src/compare/rank.ts";
import type { RunVerdict } from "../../src/model/report.ts";
import { STATUSES } from "../../src/model/report.ts";
import { VERDICTS } from "../../src/model/shown.ts";

test("a failure is worse than what could not be judged, that than a warning, that than a pass", () => {
  expect([...STATUSES].sort(byWeight)).toEqual(["fail", "unknown", "warn", "pass", "skip"]);
  expect(isWorse("fail", "unknown")).toBe(true);
  expect(isWorse("warn", "warn")).toBe(false);
});

test("verdicts stand in the order of what follows from them", () => {
  const verdicts = Object.keys(VERDICTS) as RunVerdict[];
  expect(verdicts.sort(byVerdict)).toEqual(["not-ready", "unknown", "ready-with-warnings", "ready"]);
  expect(isWorseVerdict("unknown", "ready-with-warnings")).toBe(true);
  expect(isWorseVerdict("ready", "ready")).toBe(false);
});
