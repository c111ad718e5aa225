import { randomUUID } from "node:crypto";
import { findCauses } from "./diagnosis/index.ts";
import { exitCodeOf, type Interruption, verdictOf } from "./exit-code.ts";
import type { CauseCatalogue } from "./model/cause.ts";
import { type FailOn, type Finding, type Report, SCHEMA_VERSION, STATUSES, type Status } from "./model/report.ts";
import { printableDeep } from "./model/text.ts";
import type { Topology } from "./model/topology.ts";
import { showVersion, type Version } from "./model/version.ts";

export interface ReportInput {
  readonly tool: { readonly name: string; readonly version: string };
  /** The host's own name. */
  readonly host: string;
  /** Of what was looked at before, and is judged again: that run. */
  readonly before?: Pick<Report["run"], "id" | "interrupted" | "from">;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly deadlineMs: number;
  readonly failOn: FailOn;
  readonly interruption?: Interruption;
  readonly topology: Topology;
  /** Of CrowdSec on this host. */
  readonly version: Version | undefined;
  /** Before an install: what that would bring. */
  readonly candidate?: Version | undefined;
  readonly findings: readonly Finding[];
  readonly causes: CauseCatalogue;
}

/** Known only at the end of the run: until then the engine may still say which it is. */
const judgedFor = (finding: Finding, version: Version): Finding => ({
  ...finding,
  vantage: { ...finding.vantage, engineVersion: showVersion(version) },
});

/** Puts the report together: the one place that counts, judges, and makes text from outside fit to show. */
export const makeReport = ({
  tool,
  host,
  before,
  startedAt,
  durationMs,
  deadlineMs,
  failOn,
  interruption,
  topology,
  version,
  candidate,
  findings,
  causes,
}: ReportInput): Report => {
  const counts = Object.fromEntries(
    STATUSES.map((status) => [status, findings.filter((finding) => finding.status === status).length]),
  ) as Record<Status, number>;
  const judged = version ?? candidate;
  return printableDeep({
    schemaVersion: SCHEMA_VERSION,
    tool: { ...tool, runtime: `node ${process.version}` },
    run: {
      id: randomUUID(),
      host,
      startedAt: startedAt.toISOString(),
      durationMs,
      phase: topology.phase.value,
      roles: topology.roles.map(({ value }) => value),
      ...(version && { engineVersion: showVersion(version) }),
      ...(version === undefined && candidate && { candidateVersion: showVersion(candidate) }),
      env: topology.env,
      deadlineMs,
      failOn,
      interrupted: interruption !== undefined,
      ...before,
    },
    summary: { verdict: verdictOf(counts), exitCode: exitCodeOf(counts, failOn, interruption), counts },
    causes: findCauses({ findings, topology, version: judged }, causes),
    findings: judged ? findings.map((finding) => judgedFor(finding, judged)) : findings,
  });
};
