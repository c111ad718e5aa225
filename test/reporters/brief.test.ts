import { describe, expect, test } from "@jest/globals";
import { briefly, inAscii, lineOf } from "../../src/reporters/brief.ts";
import { finding } from "../support/findings.ts";
import { judged } from "../support/judged.ts";
import { REPORTS } from "../support/reports.ts";

const cause = (instance: string) => ({
  id: `cause-${instance}`,
  summary: `cause of ${instance}`,
  blame: { party: "this-host", confidence: "certain", evidence: [] } as const,
  explains: [instance],
  remedy: [{ text: "Mend it.", commands: ["true"] }],
});

describe("what is wrong comes worst first", () => {
  const briefs = briefly(
    judged(
      [
        finding("clock", "unknown"),
        finding("trust-store", "warn"),
        finding("metrics", "pass"),
        finding("database", "fail"),
        finding("lapi-reachable", "fail"),
        finding("lapi-tls", "skip"),
      ],
      { causes: [cause("lapi-reachable")] },
    ),
  );

  test("causes, then failures that none explains, warnings, and what could not be judged", () => {
    expect(briefs.map(lineOf)).toEqual([
      "cause of lapi-reachable; whose: this host (certain)",
      "database: summary of database; whose: the network between (likely)",
      "trust-store: summary of trust-store; whose: the network between (likely)",
      "clock: summary of clock",
    ]);
    expect(briefs.map(({ status }) => status)).toEqual(["fail", "fail", "warn", "unknown"]);
  });

  test("with what to do first", () => {
    expect(briefs.map(({ remedy }) => remedy?.text)).toEqual([
      "Mend it.",
      "Mend database.",
      "Mend trust-store.",
      undefined,
    ]);
  });
});

test("findings that say the same are told once, with the checks that say it, and how often", () => {
  const same = (instance: string) => finding(instance, "unknown", { summary: "interrupted" });
  const told = (...instances: readonly string[]): readonly string[] => briefly(judged(instances.map(same))).map(lineOf);
  expect(told("lapi-tls@agent")).toEqual(["lapi-tls@agent: interrupted"]);
  expect(told("lapi-tls@agent", "lapi-tls@cscli", "clock")).toEqual(["lapi-tls (2), clock: interrupted"]);
  expect(told("a", "b", "c", "d")).toEqual(["a, b, c, d: interrupted"]);
  expect(told("a", "b", "c", "d", "e")).toEqual(["a, b, c and 2 more: interrupted"]);
});

test("a cause that explains warnings only is a warning", () => {
  const [brief] = briefly(judged([finding("clock", "warn")], { causes: [cause("clock")] }));
  expect(brief?.status).toBe("warn");
});

test("nothing is told of what is fine, skipped, or explained by a cause", () => {
  for (const report of Object.values(REPORTS)) {
    const explained = new Set(report.causes.flatMap(({ explains }) => explains));
    const left = report.findings.filter(
      ({ instance, status }) =>
        !explained.has(instance) && (status === "fail" || status === "warn" || status === "unknown"),
    );
    const sentences = new Set(left.map(({ status, summary }) => `${status} ${summary}`));
    expect(briefly(report)).toHaveLength(report.causes.length + sentences.size);
  }
});

test("of letters that ASCII has not, a question mark is left", () => {
  expect(inAscii("a → b… ¦ é 😀")).toBe("a -> b... ? ? ?");
});
