import type { Phase } from "../model/observation.ts";
import { type Finding, type Report, STATUSES, type Status } from "../model/report.ts";
import { type Seen, type Trait, traitsOf } from "./common.ts";
import { COMPARE_SCHEMA_VERSION, type Document } from "./document.ts";
import { byWeight } from "./rank.ts";
import { counted, listed, showTime } from "./sheet.ts";

export interface MergedHost {
  /** What it calls itself; where its report does not say, the file's name. */
  readonly name: string;
  readonly document: string;
  /** RFC 3339, UTC. */
  readonly startedAt: string;
  readonly verdict: Report["summary"]["verdict"];
  readonly exitCode: number;
  readonly roles: readonly string[];
  readonly engineVersion?: string;
}

/** A check on all hosts. */
export interface CheckRow {
  readonly id: string;
  readonly title: string;
  readonly counts: Readonly<Record<Status, number>>;
  /** The worst of each host's findings, in the order of `hosts`; null where its report does not know the check. */
  readonly statuses: readonly (Status | null)[];
}

/** Hosts on which a check fails alike. */
export interface FailureGroup {
  readonly phase: Phase;
  readonly code: string;
  readonly hosts: readonly string[];
  /** What tells them from the hosts on which it passes. */
  readonly traits: readonly Trait[];
}

/** Checks that fail on the same hosts, in the same way. */
export interface Failure {
  readonly checks: readonly string[];
  readonly failing: readonly string[];
  readonly passing: readonly string[];
  readonly groups: readonly FailureGroup[];
}

export interface SharedCause {
  readonly id: string;
  /** In the words of the first host that has it. */
  readonly summary: string;
  readonly hosts: readonly string[];
}

export interface MergeReport {
  readonly schemaVersion: typeof COMPARE_SCHEMA_VERSION;
  readonly kind: "merge";
  readonly exitCode: number;
  /** What to know before one reads it, a sentence each. */
  readonly remarks: readonly string[];
  readonly hosts: readonly MergedHost[];
  /** The worst first. */
  readonly checks: readonly CheckRow[];
  readonly failures: readonly Failure[];
  /** The most common first. */
  readonly causes: readonly SharedCause[];
}

/** `dir/agent-03.json` → `agent-03`. */
const stem = (path: string): string => (path.split("/").at(-1) ?? path).replace(/(?<=.)\.(?:json|zip)$/i, "");

interface Named {
  readonly name: string;
  readonly document: Document;
}

/** Each document with its host's name; files of one name in several folders are no one host. */
const named = (documents: readonly Document[]): readonly Named[] => {
  const stems = documents.filter(({ report }) => !report.run.host).map(({ name }) => stem(name));
  const isUnique = (name: string): boolean => stems.filter((one) => one === name).length === 1;
  return documents.map((document) => {
    const { host } = document.report.run;
    const short = stem(document.name);
    return { document, name: host || (isUnique(short) ? short : document.name) };
  });
};

/** Of several reports of one host the newest; of equal ones the one given last. */
const newestOfEach = (
  all: readonly Named[],
): { readonly hosts: readonly Named[]; readonly remarks: readonly string[] } => {
  const groups = new Map<string, Named[]>();
  for (const one of all) groups.set(one.name, [...(groups.get(one.name) ?? []), one]);
  const startOf = ({ document }: Named): string => document.report.run.startedAt;
  const hosts: Named[] = [];
  const remarks: string[] = [];
  for (const [name, group] of groups) {
    const newest = group.reduce((best, one) => (startOf(one) >= startOf(best) ? one : best));
    hosts.push(newest);
    const others = group.filter((one) => one !== newest);
    if (others.length === 0) continue;
    const told = others.map((one) => `${one.document.name} (${showTime(startOf(one))})`);
    remarks.push(
      `${name} is there ${group.length} times: the newest counts, ${newest.document.name} (${showTime(startOf(newest))}), not ${listed(told)}.`,
    );
  }
  return { hosts, remarks };
};

/** Failed here, could not be judged, a warning where it was asked for, nothing. */
const EXIT_CODES = [2, 3, 1, 0] as const;

/**
 * The exit code of the worst report. That something failed says more than that something could not be judged: the one
 * is known, and must not be hidden by the other. A report that was interrupted (130, 143) has judged in part, so it counts
 * as not judged unless something failed in it.
 */
export const worstExitCode = (reports: readonly Report[]): number => {
  const codes = reports.map(({ summary: { exitCode, counts } }) => {
    if (counts.fail > 0) return 2;
    return EXIT_CODES.find((code) => code === exitCode) ?? 3;
  });
  return EXIT_CODES.find((code) => codes.includes(code)) ?? 3;
};

/** A check's findings on each host, in the order of the hosts; the checks in the order in which reports name them. */
const byCheck = (hosts: readonly Named[]): ReadonlyMap<string, readonly (readonly Finding[])[]> => {
  const checks = new Map<string, Finding[][]>();
  for (const [index, { document }] of hosts.entries()) {
    for (const finding of document.report.findings) {
      let own = checks.get(finding.id);
      if (own === undefined) {
        own = hosts.map(() => []);
        checks.set(finding.id, own);
      }
      own[index]?.push(finding);
    }
  }
  return checks;
};

const worstOf = (findings: readonly Finding[]): Status | undefined =>
  findings.map(({ status }) => status).sort(byWeight)[0];

const rowOf = (id: string, perHost: readonly (readonly Finding[])[]): CheckRow => {
  const statuses = perHost.map((findings) => worstOf(findings) ?? null);
  return {
    id,
    title: perHost.flat()[0]?.title ?? id,
    counts: Object.fromEntries(
      STATUSES.map((status) => [status, statuses.filter((one) => one === status).length]),
    ) as Record<Status, number>,
    statuses,
  };
};

/** A check that fails on more hosts stands before one that fails on fewer; equals in the order of the reports. */
const byBadness = ({ counts: one }: CheckRow, { counts: other }: CheckRow): number =>
  other.fail - one.fail || other.unknown - one.unknown || other.warn - one.warn;

/** How a check fails on a host: that of its failing findings which comes first in the report. */
const wayOf = (findings: readonly Finding[]): { readonly phase: Phase; readonly code: string } => {
  const fault = findings.find(({ status }) => status === "fail")?.fault;
  return { phase: fault?.phase ?? "host", code: fault?.code ?? "unknown" };
};

const failureOf = (id: string, perHost: readonly (readonly Finding[])[], hosts: readonly Named[]): Failure => {
  const seen = hosts.map(({ name, document }, index) => {
    const findings = perHost[index] ?? [];
    return { name, status: worstOf(findings), findings, report: document.report };
  });
  const passing = seen.filter(({ status }) => status === "pass" || status === "warn");
  const failing = seen
    .filter(({ status }) => status === "fail")
    .map((one) => ({ ...one, findings: one.findings.filter(({ status }) => status === "fail") }));
  const ways = new Map<string, (typeof failing)[number][]>();
  for (const one of failing) {
    const key = JSON.stringify(wayOf(one.findings));
    ways.set(key, [...(ways.get(key) ?? []), one]);
  }
  const asSeen = ({ report, findings }: (typeof seen)[number]): Seen => ({ report, findings });
  const groups = [...ways.values()]
    .map((group) => ({
      ...wayOf(group[0]?.findings ?? []),
      hosts: group.map(({ name }) => name),
      traits: traitsOf(group.map(asSeen), passing.map(asSeen)),
    }))
    .sort((one, other) => other.hosts.length - one.hosts.length);
  const names = (list: typeof seen): readonly string[] => list.map(({ name }) => name);
  return { checks: [id], failing: names(failing), passing: names(passing), groups };
};

/** Checks that fail on the same hosts in the same way are one failure; of their traits, those that they share. */
const together = (failures: readonly Failure[]): readonly Failure[] => {
  const groups = new Map<string, Failure>();
  for (const failure of failures) {
    const ways = failure.groups.map(({ phase, code, hosts }) => [phase, code, hosts]);
    const key = JSON.stringify([ways, failure.passing]);
    const known = groups.get(key);
    const merged = known && {
      ...known,
      checks: [...known.checks, ...failure.checks],
      groups: known.groups.map((group, index) => {
        const others = new Set(failure.groups[index]?.traits.map((trait) => JSON.stringify(trait)));
        return { ...group, traits: group.traits.filter((trait) => others.has(JSON.stringify(trait))) };
      }),
    };
    groups.set(key, merged ?? failure);
  }
  return [...groups.values()];
};

const causesOf = (hosts: readonly Named[]): readonly SharedCause[] => {
  const causes = new Map<string, { readonly id: string; readonly summary: string; readonly hosts: string[] }>();
  for (const { name, document } of hosts) {
    for (const { id, summary } of document.report.causes) {
      const known = causes.get(id);
      if (known === undefined) causes.set(id, { id, summary, hosts: [name] });
      else if (known.hosts.at(-1) !== name) known.hosts.push(name);
    }
  }
  return [...causes.values()].sort((one, other) => other.hosts.length - one.hosts.length);
};

const remarksOf = (hosts: readonly Named[]): readonly string[] => {
  const versions = new Map<string, number>();
  for (const { document } of hosts) {
    const { version } = document.report.tool;
    versions.set(version, (versions.get(version) ?? 0) + 1);
  }
  const told = [...versions].map(([version, count]) => `${version} (${counted(count, "host")})`);
  const interrupted = hosts.filter(({ document }) => document.report.run.interrupted).map(({ name }) => name);
  return [
    ...(versions.size > 1
      ? [
          `They were looked at by several versions of crowdsec-preflight: ${listed(told)}. A newer one knows more checks.`,
        ]
      : []),
    ...(interrupted.length > 0 ? [`Interrupted, so not looked at in full: ${listed(interrupted)}.`] : []),
  ];
};

const hostOf = ({ name, document: { name: file, report } }: Named): MergedHost => {
  const { run, summary } = report;
  return {
    name,
    document: file,
    startedAt: run.startedAt,
    verdict: summary.verdict,
    exitCode: summary.exitCode,
    roles: run.roles,
    ...(run.engineVersion !== undefined && { engineVersion: run.engineVersion }),
  };
};

/** Many hosts in one table, and what those have in common on which a check fails. */
export const merge = (documents: readonly Document[]): MergeReport => {
  const { hosts, remarks } = newestOfEach(named(documents));
  const checks = byCheck(hosts);
  const rows = [...checks].map(([id, perHost]) => rowOf(id, perHost)).sort(byBadness);
  const failures = rows
    .filter(({ counts }) => counts.fail > 0)
    .map(({ id }) => failureOf(id, checks.get(id) ?? [], hosts));
  return {
    schemaVersion: COMPARE_SCHEMA_VERSION,
    kind: "merge",
    exitCode: worstExitCode(hosts.map(({ document }) => document.report)),
    remarks: [...remarks, ...remarksOf(hosts)],
    hosts: hosts.map(hostOf),
    checks: rows,
    failures: together(failures),
    causes: causesOf(hosts),
  };
};
