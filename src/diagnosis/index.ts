import type { Cause, Finding } from "../model/report.ts";

/** What several failures with one code have in common, when they are of the outgoing list. `{n}`, `{hosts}`. */
const SHARED: Readonly<Record<string, string>> = {
  "dns-nxdomain": "the nameserver of this host denies {n} names that CrowdSec needs",
  "dns-nodata": "the nameserver of this host gives no address for {n} names that CrowdSec needs",
  "dns-servfail": "the nameserver of this host fails on {n} names that CrowdSec needs",
  "dns-refused": "the nameserver refuses to serve this host ({n} names)",
  "dns-timeout": "no nameserver of this host answers ({n} names)",
  "dns-sinkhole": "a DNS filter blocks {n} names that CrowdSec needs",
  "dns-no-resolver": "nothing answers DNS at the address in /etc/resolv.conf ({n} names)",
  "tcp-refused": "a firewall rejects outgoing tcp/443 to {n} hosts",
  "tcp-timeout": "outgoing tcp/443 to {n} hosts is dropped on the way",
  "tcp-unreachable": "{n} hosts on the internet cannot be reached from here",
  "tcp-reset": "something on the way resets outgoing connections to {n} hosts",
  "tls-reset": "a filter on the way cuts off TLS to {n} hosts",
  "tls-stalled": "TLS to {n} hosts stalls after the ClientHello: path MTU or a filter",
  "tls-not-tls": "something that does not speak TLS answers for {n} hosts: a captive portal?",
  "tls-untrusted":
    "{n} hosts show certificates of an authority that this system does not trust: TLS inspection, or an old CA store",
  "tls-expired": "the certificates of {n} hosts have expired, or the clock of this host is wrong",
  "tls-not-yet-valid": "the certificates of {n} hosts are not valid yet: the clock of this host is most likely wrong",
};

const familyOf = (id: string): string => id.split("-")[0] ?? id;

const keyOf = ({ id, fault, blame }: Finding): string => `${familyOf(id)} ${fault?.code} ${blame?.party}`;

const CONFIDENCE = ["certain", "likely", "possible"] as const;

/** One failure speaks for itself; several do together, in a sentence of their own where there is one. */
const summaryOf = (group: readonly Finding[], first: Finding): string => {
  if (group.length === 1) return first.summary;
  const shared = SHARED[first.fault?.code ?? ""];
  const hosts = group.map(({ target }) => target?.host ?? "").join(", ");
  if (shared === undefined) return `${first.summary}; the same with ${group.length - 1} more: ${hosts}`;
  return `${shared.replace("{n}", String(group.length))}: ${hosts}`;
};

const causeOf = (group: readonly Finding[], findings: readonly Finding[]): Cause[] => {
  const [first] = group;
  if (first?.blame === undefined || first.fault === undefined) return [];
  const own = group.map(({ instance }) => instance);
  const following = findings
    .filter(({ because }) => because?.some((instance) => own.includes(instance)))
    .map(({ instance }) => instance);
  const evidence = group.length > 1 ? group.map(({ summary }) => summary) : first.blame.evidence;
  return [
    {
      id: `${familyOf(first.id)}-${first.fault.code}`,
      summary: summaryOf(group, first),
      blame: { ...first.blame, evidence },
      explains: [...own, ...following],
      remedy: first.remedy,
    },
  ];
};

/**
 * Failures of one family with one code and one party are one cause, and what was skipped because of them follows from
 * it. The most certain come first; of equals, the one that explains most.
 */
export const findCauses = (findings: readonly Finding[]): readonly Cause[] => {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    if (finding.status !== "fail") continue;
    const key = familyOf(finding.id) === "outgoing" ? keyOf(finding) : finding.instance;
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.values()]
    .flatMap((group) => causeOf(group, findings))
    .sort(
      (a, b) =>
        CONFIDENCE.indexOf(a.blame.confidence) - CONFIDENCE.indexOf(b.blame.confidence) ||
        b.explains.length - a.explains.length,
    );
};
