import { randomUUID } from "node:crypto";
import { findCauses } from "./diagnosis/index.ts";
import { exitCodeOf, type Interruption, verdictOf } from "./exit-code.ts";
import type { CauseCatalogue } from "./model/cause.ts";
import type { Check } from "./model/check.ts";
import {
  type FailOn,
  type Finding,
  NOT_SELECTED,
  type Report,
  SCHEMA_VERSION,
  STATUSES,
  type Status,
  type Vantage,
} from "./model/report.ts";
import { printableDeep } from "./model/text.ts";
import type { Role, RunPhase, Topology } from "./model/topology.ts";
import { showVersion, type Version } from "./model/version.ts";

export interface ReportInput {
  readonly tool: { readonly name: string; readonly version: string };
  /** Of the run; without it, a new one. */
  readonly id?: string;
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

const countsOf = (findings: readonly Finding[]): Readonly<Record<Status, number>> =>
  Object.fromEntries(
    STATUSES.map((status) => [status, findings.filter((finding) => finding.status === status).length]),
  ) as Record<Status, number>;

/** What of a run every report tells. */
type RunInput = Pick<ReportInput, "tool" | "id" | "host" | "startedAt" | "durationMs" | "deadlineMs" | "failOn"> & {
  readonly interruption?: Interruption | undefined;
};

/** Puts a report together: the one place that counts, judges, and makes text from outside fit to show. */
const assemble = (
  { tool, id = randomUUID(), host, startedAt, durationMs, deadlineMs, failOn, interruption }: RunInput,
  run: Pick<Report["run"], "phase" | "roles" | "env"> & Partial<Report["run"]>,
  { findings, causes }: Pick<Report, "findings" | "causes">,
): Report => {
  const counts = countsOf(findings);
  return printableDeep({
    schemaVersion: SCHEMA_VERSION,
    tool: { ...tool, runtime: `node ${process.version}` },
    run: {
      id,
      host,
      startedAt: startedAt.toISOString(),
      durationMs,
      deadlineMs,
      failOn,
      interrupted: interruption !== undefined,
      ...run,
    },
    summary: { verdict: verdictOf(counts), exitCode: exitCodeOf(counts, failOn, interruption), counts },
    causes,
    findings,
  });
};

/** The report of what was seen. */
export const makeReport = (input: ReportInput): Report => {
  const { before, topology, version, candidate, findings, causes } = input;
  const judged = version ?? candidate;
  return assemble(
    input,
    {
      phase: topology.phase.value,
      roles: topology.roles.map(({ value }) => value),
      ...(version && { engineVersion: showVersion(version) }),
      ...(version === undefined && candidate && { candidateVersion: showVersion(candidate) }),
      env: topology.env,
      ...before,
    },
    {
      causes: findCauses({ findings, topology, version: judged }, causes),
      findings: judged ? findings.map((finding) => judgedFor(finding, judged)) : findings,
    },
  );
};

export interface UnjudgedInput extends RunInput {
  readonly checks: readonly Pick<Check, "id" | "title">[];
  readonly isSelected: (id: string) => boolean;
  readonly env: Topology["env"];
  readonly phase?: RunPhase | undefined;
  readonly roles: readonly Role[];
  readonly user: string;
  /** Why nothing could be judged. */
  readonly reason: string;
  /** Of an error of ours. */
  readonly stack?: string | undefined;
}

/** The report of a run that came to nothing: who reads it by program finds all that a report has. */
export const unjudgedReport = (input: UnjudgedInput): Report => {
  const { checks, isSelected, env, phase = "run", roles, user, reason, stack } = input;
  const vantage: Vantage = { user, route: "local" };
  const findings = checks.map(({ id: check, title }): Finding => {
    const base = { id: check, instance: check, title, vantage, layers: [], remedy: [] };
    if (!isSelected(check)) return { ...base, status: "skip", summary: NOT_SELECTED, reason: NOT_SELECTED };
    return {
      ...base,
      status: "unknown",
      summary: reason,
      reason,
      ...(stack !== undefined && { fault: { code: "internal-error", phase: "host", message: stack } }),
    };
  });
  return assemble(input, { phase, roles, env }, { causes: [], findings });
};
