import { expect } from "@jest/globals";
import { causes } from "../../checks/causes/index.ts";
import type { Check } from "../../src/model/check.ts";
import type { Phase } from "../../src/model/observation.ts";
import type { Finding, Party, Report, Status } from "../../src/model/report.ts";
import type { Topology } from "../../src/model/topology.ts";
import type { Version } from "../../src/model/version.ts";
import { makeReport } from "../../src/report.ts";
import { json } from "../../src/reporters/json.ts";
import { runChecks } from "../../src/runner/index.ts";
import { fakeProber, type World } from "./fake-prober.ts";
import { asReport } from "./schema.ts";
import { packageInstall } from "./topology.ts";
import { HEALTHY } from "./world.ts";

export const NOW = new Date("2026-06-15T12:00:00.000Z");

/** The findings as every reader gets them: through the report and its schema, no sentence left unfilled, no secret told. */
export const reported = (
  findings: readonly Finding[],
  topology: Topology = packageInstall(),
  rest: Partial<Parameters<typeof makeReport>[0]> = {},
): Report => {
  const report = makeReport({
    tool: { name: "crowdsec-preflight", version: "0.0.0" },
    host: "web-1",
    startedAt: NOW,
    durationMs: 1,
    deadlineMs: 30_000,
    failOn: "fail",
    topology,
    version: undefined,
    findings,
    causes,
    ...rest,
  });
  const text = json(report);
  // With $ or % before it, it is another's placeholder: an installer's, or curl's.
  expect(text.match(/(?<![$%])\{\w+\}/g)).toBeNull();
  // Every password, key and token of these tests begins with it.
  expect(text).not.toContain("canary-");
  return asReport(text);
};

export interface Given {
  readonly world?: World;
  readonly topology?: Partial<Topology>;
  readonly version?: Version;
  readonly allowWrites?: boolean;
}

/** Runs checks against a world that is healthy unless told otherwise, on an ordinary package install. */
export const runIn = async (
  checks: readonly Check[],
  { world = HEALTHY, topology: overrides, version, allowWrites = false }: Given = {},
): Promise<{ readonly report: Report; readonly findings: readonly Finding[]; readonly asked: readonly string[] }> => {
  const probe = fakeProber(world);
  const topology = packageInstall(overrides);
  const findings = await runChecks({
    checks,
    isSelected: () => true,
    context: { topology, probe, now: NOW, version: async () => version, allowWrites },
    concurrency: 64,
    signal: new AbortController().signal,
    observe: () => {},
  });
  const report = reported(findings, topology, { version });
  return { report, findings: report.findings, asked: probe.asked };
};

/** One check's one finding. */
export const findingOf = async (check: Check, given?: Given): Promise<Finding> => {
  const { findings } = await runIn([check], given);
  const [finding] = findings;
  if (finding === undefined || findings.length !== 1) throw new Error(`${check.id} made ${findings.length} findings`);
  return finding;
};

/** What one fault must look like, and what shows it where the test's own loop does not say. */
export type FaultCase = readonly [phase: Phase, status: Extract<Status, "warn" | "fail">, party: Party, given?: Given];

/** The finding of a fault, held against its row; what can fail must say how it is mended. */
export const expectFault = (finding: Finding, code: string, [phase, status, party]: FaultCase): void => {
  expect({
    status: finding.status,
    code: finding.fault?.code,
    phase: finding.fault?.phase,
    party: finding.blame?.party,
  }).toEqual({ status, code, phase, party });
  expect(finding.remedy.length).toBeGreaterThan(0);
};
