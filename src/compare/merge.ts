import type { Phase } from "../model/observation.ts";
import { type Finding, type Report, STATUSES, type Status } from "../model/report.ts";
import { counted } from "../model/text.ts";
import { placedSources, type Seen, type Trait, traitsOf } from "./common.ts";
import { COMPARE_SCHEMA_VERSION, type Document } from "./document.ts";
import { byWeight } from "./rank.ts";
import { listed, showTime } from "./sheet.ts";

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

const startOf = ({ document }: Named): string => document.report.run.startedAt;

const groupedBy = <T>(all: readonly T[], keyOf: (one: T) => string): readonly (readonly T[])[] => {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    if (group) group.push(one);
    else groups.set(keyOf(one), [one]);
  }
  return [...groups.values()];
};

interface Chosen {
  readonly hosts: readonly Named[];
  readonly remarks: readonly string[];
}

/** One and the same run counts once: as it was judged last, and of equals as it was given last. */
const onceEach = (all: readonly Named[]): Chosen => {
  const remarks: string[] = [];
  const hosts = groupedBy(all, ({ name, document }) => JSON.stringify([name, document.report.run.id])).map((group) => {
    const judgedAt = (one: Named): string => one.document.report.run.from?.judgedAt ?? startOf(one);
    const last = group.reduce((best, one) => (judgedAt(one) >= judgedAt(best) ? one : best));
    const files = [...new Set(group.map(({ document }) => document.name))];
    const [first = ""] = files;
    if (files.length === 1 && group.length > 1)
      remarks.push(`${first} is named ${group.length === 2 ? "twice" : `${group.length} times`}: it counts once.`);
    else if (group.length > 1)
      remarks.push(`${listed(files)} are of one and the same run: it counts once, as in ${last.document.name}.`);
    return last;
  });
  return { hosts, remarks };
};

/** What one host keeps from run to run. */
interface Stable {
  /** Own addresses that connections left from. */
  readonly addresses: ReadonlySet<string>;
  readonly roles: string;
  readonly namespace: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly to: number;
}

const stableOf = ({ document: { report } }: Named): Stable => {
  const { roles, startedAt, durationMs } = report.run;
  const from = Date.parse(startedAt);
  return {
    addresses: placedSources(report.findings),
    roles: [...roles].sort().join(", "),
    namespace: report.findings[0]?.vantage.namespace ?? "",
    from,
    to: from + durationMs,
  };
};

/** Why two reports of one host name are of two hosts; undefined where nothing says so. */
const apartBy = (one: Stable, other: Stable): string | undefined => {
  const areKnown = one.addresses.size > 0 && other.addresses.size > 0;
  if (areKnown && ![...one.addresses].some((address) => other.addresses.has(address))) return "their own addresses";
  if (one.roles !== other.roles) return "their roles";
  if (one.namespace !== other.namespace) return "their namespaces";
  // Clones of one image are asked by one script, at one time; one host runs it once at a time.
  return one.from <= other.to && other.from <= one.to ? "runs at the same time" : undefined;
};

/** Reports of one host name, by the hosts that they are of: each is held against all that are known. */
const hostsOf = (
  group: readonly Named[],
): { readonly hosts: readonly (readonly Named[])[]; readonly by: readonly string[] } => {
  const known: { readonly members: Named[]; readonly stables: Stable[] }[] = [];
  const by = new Set<string>();
  for (const one of [...group].sort((a, b) => (startOf(a) < startOf(b) ? 1 : -1))) {
    const stable = stableOf(one);
    let isPlaced = false;
    for (const host of known) {
      const why = host.stables.flatMap((each) => apartBy(stable, each) ?? [])[0];
      if (why !== undefined) {
        by.add(why);
        continue;
      }
      host.members.push(one);
      host.stables.push(stable);
      isPlaced = true;
      break;
    }
    if (!isPlaced) known.push({ members: [one], stables: [stable] });
  }
  return { hosts: known.map(({ members }) => members), by: [...by] };
};

/** Of several reports of one host the newest. Hosts that share a name and nothing else stand under their files' names. */
const newestOfEach = (all: readonly Named[]): Chosen => {
  const once = onceEach(all);
  const remarks = [...once.remarks];
  const chosen = groupedBy(once.hosts, ({ name }) => name).flatMap((group) => {
    const name = group[0]?.name ?? "";
    const { hosts, by } = hostsOf(group);
    const newest = hosts.flatMap(([first, ...others]) => {
      if (first === undefined) return [];
      const told = others.map((one) => `${one.document.name} (${showTime(startOf(one))})`);
      if (told.length > 0)
        remarks.push(
          `${name} is there ${told.length + 1} times: the newest counts, ${first.document.name} (${showTime(startOf(first))}), not ${listed(told)}. If these are several hosts, give each a host name of its own.`,
        );
      return [first];
    });
    if (newest.length < 2) return newest;
    remarks.push(
      `${name} is the name of ${newest.length} hosts: they are told apart by ${listed(by)}, and stand here with their files' names. If they are one host, give its newest report alone.`,
    );
    const stems = newest.map(({ document }) => stem(document.name));
    return newest.map(({ document }, index) => {
      const short = stems[index] ?? "";
      const isUnique = stems.filter((one) => one === short).length === 1;
      return { name: `${name} (${isUnique ? short : document.name})`, document };
    });
  });
  const order = new Map(all.map(({ document }, index) => [document, index]));
  const at = ({ document }: Named): number => order.get(document) ?? 0;
  return { hosts: chosen.sort((one, other) => at(one) - at(other)), remarks };
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
