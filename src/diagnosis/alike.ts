import type { Group } from "../model/cause.ts";
import { checkFamily, type Finding } from "../model/report.ts";

/** What several failures with one code have in common, when they are of the outgoing list. `{n}`. */
const SHARED: Readonly<Record<string, string>> = {
  "dns-nxdomain": "the nameserver of this host denies {n} names that CrowdSec needs",
  "dns-nodata": "the nameserver of this host gives no address for {n} names that CrowdSec needs",
  "dns-servfail": "the nameserver of this host fails on {n} names that CrowdSec needs",
  "dns-refused": "the nameserver refuses to serve this host ({n} names)",
  "dns-timeout": "no nameserver of this host answers ({n} names)",
  "dns-sinkhole": "a DNS filter blocks {n} names that CrowdSec needs",
  "dns-no-resolver": "nothing answers DNS at the address in /etc/resolv.conf ({n} names)",
  "dns-unreachable": "no question leaves this host for its nameserver ({n} names)",
  "tcp-refused": "a firewall rejects outgoing tcp/443 to {n} hosts",
  "tcp-timeout": "outgoing tcp/443 to {n} hosts is dropped on the way",
  "tcp-unreachable": "{n} hosts on the internet cannot be reached from here",
  "tcp-reset": "something on the way resets outgoing connections to {n} hosts",
  "proxy-invalid": "a proxy variable that Go cannot use keeps {n} hosts out of reach",
  "proxy-protocol": "what CrowdSec is told to use as a proxy is none ({n} hosts)",
  "tls-reset": "a filter on the way cuts off TLS to {n} hosts",
  "tls-stalled": "TLS to {n} hosts stalls after the ClientHello: path MTU or a filter",
  "tls-not-tls": "something that does not speak TLS answers for {n} hosts: a captive portal?",
  "tls-untrusted":
    "{n} hosts show certificates of an authority that this system does not trust: TLS inspection, or an old CA store",
  "tls-expired": "the certificates of {n} hosts have expired, or the clock of this host is wrong",
  "tls-not-yet-valid": "the certificates of {n} hosts are not valid yet: the clock of this host is most likely wrong",
};

const placeOf = ({ target }: Finding): string =>
  target?.path ?? (target?.host === undefined ? "" : `${target.host}:${target.port}`);

/** Failures that have one reason have one key: outgoing names by code, clients of one Local API by its address. */
const keyOf = (finding: Finding): string => {
  const { id, instance, fault, blame, target } = finding;
  const family = checkFamily(id);
  if (family === "outgoing" || id === "metrics-target")
    return `${id === "metrics-target" ? id : family} ${fault?.code} ${blame?.party}`;
  // Of several nameservers, all of them fail together.
  if (id === "resolver") return id;
  // Clients of one file share its faults.
  if (id === "config-agreement" || id === "credentials") return `${id} ${fault?.code} ${target?.path}`;
  if (family === "lapi") return `${id} ${fault?.code} ${placeOf(finding)}`;
  return instance;
};

/** What the group's id has behind it; names of the internet and targets of Prometheus are many, and told in the sentence. */
const aboutOf = (finding: Finding): string | undefined => {
  const { id, instance } = finding;
  if (checkFamily(id) === "outgoing" || id === "metrics-target" || id === "resolver") return undefined;
  if (checkFamily(id) === "lapi") return placeOf(finding) || undefined;
  return instance === id ? undefined : instance.slice(id.length + 1);
};

/** One failure speaks for itself; several do together, in a sentence of their own where there is one. */
const summaryOf = (group: readonly Finding[], first: Finding): string => {
  if (group.length === 1 || !["outgoing", "metrics"].includes(checkFamily(first.id))) return first.summary;
  const shared = checkFamily(first.id) === "outgoing" ? SHARED[first.fault?.code ?? ""] : undefined;
  const hosts = group.map(({ target }) => target?.host ?? "").join(", ");
  if (shared === undefined) return `${first.summary}; the same with ${group.length - 1} more`;
  return `${shared.replace("{n}", String(group.length))}: ${hosts}`;
};

/** Where it was seen, of what no probe speaks for. */
export const seenIn = ({ id, target }: Finding): string => {
  const place = target?.origin ?? target?.path;
  // A file, by its path; a default or a flag was read nowhere.
  return place === undefined || !place.startsWith("/") ? `found by the check ${id}` : `read in ${place}`;
};

/** Failures without a cause that has a name: alike are those with one fault about one thing. */
export const groupAlike = (failures: readonly Finding[]): readonly Group[] => {
  const groups = new Map<string, Finding[]>();
  for (const finding of failures) groups.set(keyOf(finding), [...(groups.get(keyOf(finding)) ?? []), finding]);
  return [...groups.values()].flatMap((members): readonly Group[] => {
    const [first] = members;
    if (first?.blame === undefined) return [];
    const summary = summaryOf(members, first);
    const about = aboutOf(first);
    // Every failure in its own words, unless they are the cause's.
    const others = members.filter((one) => one !== first || !summary.startsWith(one.summary));
    return [
      {
        members,
        ...(about !== undefined && { about }),
        data: { summary },
        confidence: first.blame.confidence,
        evidence: [...first.blame.evidence, ...others.map((one) => one.summary)],
      },
    ];
  });
};
