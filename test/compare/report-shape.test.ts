import { describe, expect, test } from "@jest/globals";
import { Misfit, readReport } from "../../src/compare/report-shape.ts";
import type { Report } from "../../src/model/report.ts";
import { agentReport, reportOf } from "../support/comparisons.ts";
import { finding } from "../support/findings.ts";
import { REPORTS } from "../support/reports.ts";

type Json = Record<string, unknown>;

const GOOD = agentReport({ name: "web-1", source: "10.3.0.7", lapi: "refused" });

/** A copy with one place changed: `findings.3.status`. */
const changed = (place: string, value: unknown): unknown => {
  const copy = structuredClone(GOOD) as unknown as Json;
  const keys = place.split(".");
  const last = keys.pop() ?? "";
  const at = keys.reduce<Json>((here, key) => here[key] as Json, copy);
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
};

const refusal = (value: unknown): string => {
  try {
    readReport(value);
  } catch (error) {
    if (error instanceof Misfit) return error.message;
    throw error;
  }
  return "(it was taken)";
};

test.each(Object.entries(REPORTS))("every report of this version is read as it is: %s", (_name, report) => {
  expect(readReport(JSON.parse(JSON.stringify(report)))).toEqual(report);
});

test("so is one with everything in it that a report can have", () => {
  const full: Report = reportOf(
    [
      {
        ...finding("lapi-reachable@agent", "fail", { because: ["a"], reason: "b" }),
        target: { host: "h", port: 1, url: "u", path: "p", origin: "o" },
        vantage: {
          role: "agent",
          user: "root",
          namespace: "container",
          env: "crowdsec: process 1",
          route: "proxy",
          proxy: "http://p",
          noProxy: "x",
          family: 6,
          engineVersion: "1.7.8",
        },
        layers: [{ phase: "connect", ok: false, durationMs: 1, detail: "d" }],
        addresses: [
          { address: "10.0.0.1", family: 4, ok: false, code: "tcp-reset", durationMs: 1, source: "10.0.0.2" },
        ],
        fault: {
          code: "c",
          phase: "connect",
          message: "m",
          errno: "e",
          tlsCode: "t",
          httpStatus: 500,
          sqlState: "28P01",
        },
        remedy: [{ text: "t", commands: ["c"], undo: ["u"], url: "u" }],
      },
    ],
    {
      host: "web-1",
      candidateVersion: "1.7.8",
      from: { bundle: "b.zip", toolVersion: "1.0.0", judgedAt: "2026-06-15T12:00:00.000Z" },
      causes: [
        {
          id: "x@y",
          summary: "s",
          blame: { party: "network", confidence: "likely", evidence: ["e"] },
          explains: ["lapi-reachable@agent"],
          modelled: "m",
          remedy: [],
        },
      ],
    },
  );
  expect(readReport(JSON.parse(JSON.stringify(full)))).toEqual(full);
});

describe("what is no report is refused in one sentence that says where", () => {
  test.each<[string, unknown, string]>([
    ["a word", "report", "no report of crowdsec-preflight: its JSON is a string"],
    ["null", null, "no report of crowdsec-preflight: its JSON is null"],
    ["a list", [GOOD], "no report of crowdsec-preflight: its JSON is a list"],
    ["JSON of nobody", {}, "JSON, but no report of crowdsec-preflight"],
    [
      "another tool's",
      { tool: { name: "trivy\u001b[2J" } },
      "JSON, but no report of crowdsec-preflight: it is of trivy [2J",
    ],
    [
      "what diff printed",
      { kind: "diff" },
      "what `crowdsec-preflight diff` printed; wanted is what `crowdsec-preflight check -o json` prints, or a bundle",
    ],
    [
      "a report of listen",
      { schemaVersion: "1.0", tool: { name: "crowdsec-preflight" }, listening: [] },
      "a report of `crowdsec-preflight listen`; wanted is what `crowdsec-preflight check -o json` prints, or a bundle",
    ],
    [
      "a later schema",
      changed("schemaVersion", "2.1"),
      "a report of schema 2.1, and this version reads 1.x: use the crowdsec-preflight that made it",
    ],
    [
      "a schema of another kind",
      changed("schemaVersion", 1),
      "no report of crowdsec-preflight: schemaVersion should be a version such as 1.0",
    ],
  ])("%s", (_name, value, expected) => {
    expect(refusal(value)).toBe(expected);
  });

  test.each<[place: string, value: unknown, expected: string]>([
    ["findings", undefined, "findings is missing"],
    ["findings", {}, "findings should be a list, and is an object"],
    [
      "findings.3.status",
      "broken",
      'findings[3].status should be one of pass, warn, fail, skip, unknown, and is "broken"',
    ],
    ["findings.3.status", null, "findings[3].status should be one of pass, warn, fail, skip, unknown, and is null"],
    ["findings.0", "x", "findings[0] should be an object, and is a string"],
    ["findings.0.layers", "x", "findings[0].layers should be a list, and is a string"],
    ["findings.3.layers.1.durationMs", "12", "findings[3].layers[1].durationMs should be a number, and is a string"],
    ["findings.3.layers.1.ok", 1, "findings[3].layers[1].ok should be true or false, and is a number"],
    ["findings.3.addresses.0.family", 5, "findings[3].addresses[0].family should be one of 4, 6, and is 5"],
    [
      "findings.3.vantage.route",
      "tunnel",
      'findings[3].vantage.route should be one of direct, proxy, local, and is "tunnel"',
    ],
    ["findings.1.instance", "trust-store", "findings[1].instance stands there twice: trust-store"],
    ["causes.0.explains.0", 7, "causes[0].explains[0] should be a string, and is a number"],
    ["run.startedAt", "yesterday", "run.startedAt should be a time such as 2026-06-15T12:00:00.000Z"],
    ["run.host", ["a"], "run.host should be a string, and is a list"],
    ["summary.counts.fail", null, "summary.counts.fail should be a number, and is null"],
    [
      "summary.verdict",
      "fine",
      'summary.verdict should be one of ready, ready-with-warnings, not-ready, unknown, and is "fine"',
    ],
  ])("%s: %j", (place, value, expected) => {
    expect(refusal(changed(place, value))).toBe(`no report of crowdsec-preflight: ${expected}`);
  });

  test("a list that no run can make", () => {
    const value = changed("run.roles", Array(200_000).fill("agent"));
    expect(refusal(value)).toBe("no report of crowdsec-preflight: run.roles has 200000 items");
  });
});

test("what later versions of schema 1 add is passed over, and their words are taken", () => {
  const later = changed("schemaVersion", "1.7") as Report;
  const added = {
    ...later,
    novelty: { deep: [1] },
    run: { ...later.run, roles: ["agent", "watcher"], phase: "upgrade" },
  };
  expect(readReport(added)).toMatchObject({ run: { roles: ["agent", "watcher"], phase: "upgrade" } });
  expect(readReport(added)).not.toHaveProperty("novelty");
});

test("nothing of a prototype gets in, and nothing of it is read", () => {
  const text = JSON.stringify(GOOD).replace(
    "{",
    '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},',
  );
  const read = readReport(JSON.parse(text));
  expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  expect(({} as Json)["polluted"]).toBeUndefined();
  expect(JSON.stringify(read)).not.toContain("polluted");
  // A required key that stands in the prototype alone is missing.
  expect(refusal(JSON.parse(`{"__proto__":${JSON.stringify(GOOD)}}`))).toBe(
    "JSON, but no report of crowdsec-preflight",
  );
});

test("text is fit to show, whatever stood there", () => {
  const read = readReport(changed("findings.3.summary", `\u001b[2J\u202egone\n${"x".repeat(5000)}`));
  expect(read.findings[3]?.summary).toMatch(/^\[2J gone x+…$/);
  expect(read.findings[3]?.summary.length).toBeLessThanOrEqual(2000);
});
