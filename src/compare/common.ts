import { type Ip, inRange } from "../model/address.ts";
import type { Finding, Report } from "../model/report.ts";
import { commonSubnet, familyOf, isTelling, placed, showSubnet } from "./subnet.ts";

/** What can tell hosts on which a check fails from those on which it passes, the most telling first. */
export const TRAITS = [
  "subnet",
  "target",
  "address",
  "proxy",
  "route",
  "resolver",
  "engine",
  "role",
  "namespace",
  "family",
  "environment",
  "user",
  "phase",
  "tool",
] as const;
export type TraitKind = (typeof TRAITS)[number];

/** All hosts of one side have it, and none of the other. */
export interface Trait {
  readonly kind: TraitKind;
  readonly value: string;
  readonly of: "failing" | "passing";
}

/** A check on one host. */
export interface Seen {
  readonly report: Report;
  /** Those that speak for it there: of a check that fails, what fails. */
  readonly findings: readonly Finding[];
}

type SetKind = Exclude<TraitKind, "subnet">;

const given = (value: string | undefined): readonly string[] => (value === undefined ? [] : [value]);

/** `203.0.113.7 from 9.9.9.9` of a resolve layer. */
const nameserverOf = ({ layers }: Finding): readonly string[] =>
  layers.flatMap(({ phase, ok, detail = "" }) => {
    const [, server = ""] = /(?:^|\s)from (\S+)$/.exec(detail) ?? [];
    return phase === "resolve" && ok && placed([server]).length > 0 ? [server] : [];
  });

/** The nameservers of a host: one finding of the check `resolver` for each, or those that gave an answer. */
const nameserversOf = ({ findings }: Report): readonly string[] => {
  const listed = findings.flatMap(({ id, instance }) =>
    id === "resolver" && instance.startsWith("resolver@") ? [instance.slice("resolver@".length)] : [],
  );
  return listed.length > 0 ? listed : findings.flatMap(nameserverOf);
};

const targetOf = ({ target }: Finding): readonly string[] =>
  target?.host === undefined ? given(target?.path) : [`${target.host}:${target.port}`];

/** The values that a host has of each; all of them are sets. */
const VALUES: Readonly<Record<SetKind, (seen: Seen) => readonly string[]>> = {
  target: ({ findings }) => findings.flatMap(targetOf),
  address: ({ findings }) => findings.flatMap(({ addresses = [] }) => addresses.map(({ address }) => address)),
  proxy: ({ findings }) => findings.flatMap(({ vantage }) => given(vantage.proxy)),
  // A finding without a layer was never on its way.
  route: ({ findings }) => findings.flatMap(({ vantage, layers }) => (layers.length > 0 ? [vantage.route] : [])),
  resolver: ({ report }) => nameserversOf(report),
  engine: ({ report: { run } }) => given(run.engineVersion ?? run.candidateVersion),
  role: ({ report }) => report.run.roles,
  namespace: ({ report }) => given(report.findings[0]?.vantage.namespace),
  family: ({ findings }) =>
    findings.flatMap(({ vantage }) => (vantage.family === undefined ? [] : [`IPv${vantage.family}`])),
  // A process has another number on each host.
  environment: ({ findings }) =>
    findings.flatMap(({ vantage }) => given(vantage.env?.replace(/\bprocess \d+/g, "process"))),
  user: ({ report }) => given(report.findings[0]?.vantage.user),
  phase: ({ report }) => [report.run.phase],
  tool: ({ report }) => [report.tool.version],
};

/** Of which a host that shows none has none; of the others, it is only not known. */
const COMPLETE: ReadonlySet<TraitKind> = new Set(["proxy", "role", "namespace", "phase", "tool"]);

/** What all of the first have and none of the second. */
const separating = (have: readonly ReadonlySet<string>[], lack: readonly ReadonlySet<string>[]): readonly string[] =>
  [...(have[0] ?? [])].filter((value) => have.every((set) => set.has(value)) && !lack.some((set) => set.has(value)));

/** This host's own addresses that connections of the findings left from. */
const sourcesOf = (findings: readonly Finding[]): ReadonlySet<string> =>
  new Set(findings.flatMap(({ addresses = [] }) => addresses.flatMap(({ source }) => given(source))));

/** Of them, those that say where it stands. */
export const placedSources = (findings: readonly Finding[]): ReadonlySet<string> =>
  new Set([...sourcesOf(findings)].filter((source) => placed([source]).length > 0));

/**
 * The smallest subnet that all of the first leave from and none of the second. Where a check got nowhere near a
 * connection on some of them, the addresses count that these hosts had for anything else; then they do for all.
 */
const subnets = (have: readonly Seen[], lack: readonly Seen[]): readonly string[] => {
  const own = [...have, ...lack].map(({ findings }) => placed(sourcesOf(findings)));
  const isEverywhere = own.every((ips) => ips.length > 0);
  const known = isEverywhere ? own : [...have, ...lack].map(({ report }) => placed(sourcesOf(report.findings)));
  const [failing, passing] = [known.slice(0, have.length), known.slice(have.length)];
  return ([4, 6] as const).flatMap((family) => {
    const inFamily = failing.map((ips) => ips.filter((ip) => familyOf(ip) === family));
    const subnet = inFamily.some((ips) => ips.length === 0) ? undefined : commonSubnet(inFamily.flat());
    if (subnet === undefined || !isTelling(subnet)) return [];
    // Of a host without any, nobody knows where it stands.
    const isElsewhere = (ips: readonly Ip[]): boolean => ips.length > 0 && !ips.some((ip) => inRange(subnet, ip));
    return passing.every(isElsewhere) ? [showSubnet(subnet)] : [];
  });
};

/** The addresses of a target say nothing more where the target itself, or the proxy, is another. */
const IMPLIED: Partial<Readonly<Record<TraitKind, readonly TraitKind[]>>> = {
  target: ["address"],
  proxy: ["address", "route", "family"],
  route: ["address"],
};

/**
 * What separates hosts on which a check fails from those on which it passes: what all of the failing have and none of the
 * passing, or where there is no such thing, the other way round. Nothing where either side is empty; of a single host
 * on one side, no subnet, and nothing of the passing one, since everything of one host is unlike the others.
 */
export const traitsOf = (failing: readonly Seen[], passing: readonly Seen[]): readonly Trait[] => {
  if (failing.length === 0 || passing.length === 0) return [];
  const found = TRAITS.flatMap((kind): readonly Trait[] => {
    const between = (have: readonly Seen[], lack: readonly Seen[]): readonly string[] => {
      if (kind === "subnet") return have.length > 1 ? subnets(have, lack) : [];
      const sets = (hosts: readonly Seen[]) => hosts.map((seen) => new Set(VALUES[kind](seen)));
      const others = sets(lack);
      return COMPLETE.has(kind) || others.every(({ size }) => size > 0) ? separating(sets(have), others) : [];
    };
    const ofFailing = between(failing, passing).map((value) => ({ kind, value, of: "failing" as const }));
    if (ofFailing.length > 0 || passing.length < 2) return ofFailing;
    return between(passing, failing).map((value) => ({ kind, value, of: "passing" as const }));
  });
  const implied = new Set(found.flatMap(({ kind }) => IMPLIED[kind] ?? []));
  return found.filter(({ kind }) => !implied.has(kind));
};
