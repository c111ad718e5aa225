import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "@jest/globals";
import type { Report } from "../../src/model/report.ts";
import { short } from "../../src/reporters/short.ts";
import { finding } from "../support/findings.ts";
import { EVERY_OUTCOME, judged, manyFindings, withEverywhere } from "../support/judged.ts";
import { REPORTS } from "../support/reports.ts";

const PLAIN = { color: false, ascii: false };
const linesOf = (report: Report, style = PLAIN): readonly string[] => short(report, style).trimEnd().split("\n");

const cause = (instance: string, ...commands: readonly string[]) => ({
  id: `cause-${instance}`,
  summary: `cause of ${instance}`,
  blame: { party: "this-host", confidence: "certain", evidence: [] } as const,
  explains: [instance],
  remedy: [
    { text: "Mend it.", commands },
    { text: "Or mend another.", commands: ["false"] },
  ],
});

describe("the first line is the answer", () => {
  test("with the host and the counts", () => {
    const report = judged([finding("clock", "pass"), finding("database", "fail"), finding("metrics", "skip")]);
    expect(linesOf(report)[0]).toBe("✗ NOT READY on web-1: 1 pass, 1 fail, 1 skip in 812 ms");
  });

  test("of every outcome: the verdict with its own mark", () => {
    const marks = {
      ready: "✓ READY",
      "ready-with-warnings": "! READY, WITH WARNINGS",
      "not-ready": "✗ NOT READY",
      unknown: "? UNKNOWN",
    };
    for (const [, report] of EVERY_OUTCOME)
      expect(linesOf(report)[0]?.startsWith(`${marks[report.summary.verdict]} on web-1: `)).toBe(true);
  });

  test("and nothing follows where all is well", () => {
    expect(short(judged([finding("clock", "pass"), finding("metrics", "skip")]), PLAIN).split("\n")).toHaveLength(2);
  });
});

test("that it was judged from a bundle is said before anything else of it", () => {
  const from = { bundle: "/tmp/b.zip", toolVersion: "1.0.0", judgedAt: "2026-07-01T00:00:00Z" };
  expect(linesOf(judged([finding("clock", "pass")], { run: { from } }))[1]).toBe(
    "Judged from /tmp/b.zip: seen on web-1 at 2026-06-15T12:00:00.000Z by version 1.0.0; nothing was asked anew.",
  );
});

describe("a cause", () => {
  const told = (...commands: readonly string[]): readonly string[] =>
    linesOf(judged([finding("clock", "fail")], { causes: [cause("clock", ...commands)] })).slice(1);
  const LINE = "✗ FAIL cause of clock; whose: this host (certain)";

  test("is told with whose it is and the first command that mends it, ready to be copied", () => {
    expect(told("chronyc makestep", "date")).toEqual([LINE, "  $ chronyc makestep"]);
    expect(told()).toEqual([LINE]);
  });

  test("is told without a command that would have to be cut", () => {
    expect(told("x".repeat(200))).toEqual([LINE, `  $ ${"x".repeat(200)}`]);
    expect(told("x".repeat(201))).toEqual([LINE]);
  });

  test("stands before what none explains, which is told without commands", () => {
    const report = judged(
      [finding("metrics", "warn", { remedy: [{ text: "Mend it.", commands: ["true"] }] }), finding("clock", "fail")],
      { causes: [cause("clock")] },
    );
    expect(linesOf(report).slice(1)).toEqual([
      LINE,
      "! WARN metrics: summary of metrics; whose: the network between (likely)",
    ]);
  });
});

describe("it stays short", () => {
  test("40 lines at most, of which the last says how much is left out", () => {
    const failing = (count: number) =>
      judged(Array.from({ length: count }, (_, index) => finding(`clock@${index}`, "fail")));
    expect(linesOf(failing(39))).toHaveLength(40);
    expect(linesOf(failing(39)).at(-1)).toMatch(/^✗ FAIL clock@38: /);
    expect(linesOf(failing(40))).toHaveLength(40);
    expect(linesOf(failing(40)).at(-1)).toBe("and 2 more");
  });

  test("a command is not parted from its cause", () => {
    const causes = Array.from({ length: 30 }, (_, index) => cause(`clock@${index}`, "true"));
    const lines = linesOf(
      judged(
        causes.map(({ explains: [instance = ""] }) => finding(instance, "fail")),
        { causes },
      ),
    );
    expect(lines).toHaveLength(40);
    expect(lines.slice(-2)).toEqual(["  $ true", "and 11 more"]);
  });

  test("of 5,000 findings", () => {
    const report = manyFindings(5000);
    const lines = linesOf(report);
    expect(lines).toHaveLength(40);
    expect(lines.at(-1)).toMatch(/^and \d+ more$/);
    for (const line of lines) expect(line.length).toBeLessThan(500);
  });
});

test.each(Object.entries(REPORTS))("control characters from outside change no line: %s", (_name, report) => {
  const hostile = withEverywhere(report, "\u001b[2J\r\n\u202e");
  const lines = linesOf({ ...hostile, summary: report.summary });
  const without = linesOf(report).filter((line) => !line.startsWith("  $ "));
  // Commands are left out: without these characters they would be other commands.
  expect(lines.map((line) => line.slice(0, 6))).toEqual(without.map((line) => line.slice(0, 6)));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  for (const line of lines) expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
});

test.each(Object.entries(REPORTS))("colour and ASCII change no word: %s", (_name, report) => {
  const plain = short(report, PLAIN);
  const colored = short(report, { color: true, ascii: false });
  expect(colored).not.toBe(plain);
  expect(stripVTControlCharacters(colored)).toBe(plain);
  const ascii = short(report, { color: false, ascii: true });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII
  expect(ascii).toMatch(/^[\u0000-\u007f]*$/);
  expect(ascii.match(/[A-Za-z]{2,}/g)).toEqual(plain.match(/[A-Za-z]{2,}/g));
});
