import { describe, expect, test } from "@jest/globals";
import lapiIdentity from "../checks/lapi-identity.ts";
import type { Finding } from "../src/model/report.ts";
import { type UnjudgedInput, unjudgedReport } from "../src/report.ts";
import { finding } from "./support/findings.ts";
import { NOW, reported, runIn } from "./support/run.ts";
import { asReport } from "./support/schema.ts";
import { from, packageInstall } from "./support/topology.ts";
import { answered, HEALTHY } from "./support/world.ts";

const ONE_OF_EACH: readonly Finding[] = (["pass", "warn", "fail", "skip", "unknown"] as const).map((status) =>
  finding(`check-${status}`, status),
);

test("counts, verdict, exit code and causes are made from the findings", () => {
  const report = reported([...ONE_OF_EACH, finding("another", "pass")]);
  expect(report.summary).toEqual({
    verdict: "not-ready",
    exitCode: 2,
    counts: { pass: 2, warn: 1, fail: 1, skip: 1, unknown: 1 },
  });
  expect(report.causes.map(({ explains }) => explains)).toEqual([["check-fail"]]);
  expect(report.findings).toHaveLength(6);
});

test("a run without findings has a report too", () => {
  expect(reported([]).summary).toEqual({
    verdict: "unknown",
    exitCode: 3,
    counts: { pass: 0, warn: 0, fail: 0, skip: 0, unknown: 0 },
  });
});

test("the run is told: when, how long, as what, and with which limits", () => {
  const topology = packageInstall({ roles: [from("agent", "--role")], phase: from("install", "--phase") });
  const { run, tool } = reported([], topology, { durationMs: 812, failOn: "warn", version: [1, 7, 8] });
  expect(run).toEqual({
    id: expect.any(String),
    host: "web-1",
    startedAt: NOW.toISOString(),
    durationMs: 812,
    phase: "install",
    roles: ["agent"],
    engineVersion: "1.7.8",
    env: "auto",
    deadlineMs: 30_000,
    failOn: "warn",
    interrupted: false,
  });
  expect(tool.runtime).toBe(`node ${process.version}`);
});

test("what was judged again names the run that saw it, and who judges now", () => {
  const from = { bundle: "x.zip", toolVersion: "0.0.1", judgedAt: NOW.toISOString() };
  const id = "00000000-0000-4000-8000-000000000001";
  const { run, tool } = reported([], packageInstall(), { before: { id, interrupted: true, from } });
  expect(run).toMatchObject({ id, interrupted: true, from });
  expect(tool.version).toBe("0.0.0");
});

test("an unknown version is left out, not null", () => {
  expect(reported([]).run).not.toHaveProperty("engineVersion");
  expect(reported([]).run).not.toHaveProperty("candidateVersion");
});

test("what an install would bring is what findings are judged for, and nobody is told that it is here", () => {
  const { run, findings } = reported([finding("one", "pass")], packageInstall(), { candidate: [1, 4, 6] });
  expect(run).toMatchObject({ candidateVersion: "1.4.6" });
  expect(run).not.toHaveProperty("engineVersion");
  expect(findings.map(({ vantage }) => vantage.engineVersion)).toEqual(["1.4.6"]);
  const installed = reported([], packageInstall(), { version: [1, 7, 8], candidate: [1, 4, 6] }).run;
  expect(installed).toMatchObject({ engineVersion: "1.7.8" });
  expect(installed).not.toHaveProperty("candidateVersion");
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s marks the run as interrupted", (interruption, exitCode) => {
  const { run, summary } = reported(ONE_OF_EACH, packageInstall(), { interruption });
  expect([run.interrupted, summary.exitCode, summary.verdict]).toEqual([true, exitCode, "not-ready"]);
});

test("each run has its own id", () => {
  expect(reported([]).run.id).not.toBe(reported([]).run.id);
});

describe("the report of a run that came to nothing", () => {
  const INPUT: UnjudgedInput = {
    tool: { name: "crowdsec-preflight", version: "0.0.0" },
    host: "web-1",
    startedAt: NOW,
    durationMs: 30_000,
    deadlineMs: 30_000,
    failOn: "fail",
    checks: [lapiIdentity, { id: "other", title: "Another" }],
    isSelected: (id) => id !== "other",
    env: "auto",
    roles: ["agent"],
    user: "root",
    reason: "cut off\u001b[1m",
  };

  test("has every check, unknown for one reason, and is as the schema wants it", () => {
    const report = asReport(JSON.stringify(unjudgedReport(INPUT)));
    expect(report.summary).toMatchObject({ verdict: "unknown", exitCode: 3, counts: { unknown: 1, skip: 1 } });
    expect(report.findings.map(({ id, status, reason }) => [id, status, reason])).toEqual([
      ["lapi-identity", "unknown", "cut off [1m"],
      ["other", "skip", "not selected"],
    ]);
    expect(report.run).toMatchObject({ phase: "run", roles: ["agent"], interrupted: false });
  });

  test("of an error of ours has the stack, for whoever mends it", () => {
    const [finding] = unjudgedReport({ ...INPUT, stack: "at x.ts:1" }).findings;
    expect(finding?.fault).toEqual({ code: "internal-error", phase: "host", message: "at x.ts:1" });
  });

  test("that was interrupted has that exit code", () => {
    expect(unjudgedReport({ ...INPUT, interruption: "SIGTERM" }).summary.exitCode).toBe(143);
  });
});

describe("a hostile server's words", () => {
  const NASTY = "evil\u001b[31m\r\nX-Injected: 1\u0007\u009b0m\u202edesrever\u2066";

  test.each([
    ["its Server header", answered({ headers: { server: NASTY } })],
    ["its title", answered({ body: `<title>${NASTY}</title>` })],
    ["its redirect", answered({ status: 302, headers: { location: `https://x/${NASTY}` } })],
    ["its content type", answered({ headers: { "content-type": NASTY } })],
  ])("cannot bring control characters into the report: %s", async (_name, reply) => {
    const { report } = await runIn([lapiIdentity], { world: { ...HEALTHY, http: () => reply } });
    const text = JSON.stringify(report);
    expect(text).toContain("evil");
    // In JSON, control characters would stand escaped.
    expect(text).not.toMatch(/\\u00|\\[rn]|[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
  });

  test("is cut where it is longer than anybody reads", async () => {
    const world = { ...HEALTHY, http: () => answered({ headers: { server: "x".repeat(100_000) } }) };
    const { report } = await runIn([lapiIdentity], { world });
    expect(JSON.stringify(report).length).toBeLessThan(15_000);
  });
});
