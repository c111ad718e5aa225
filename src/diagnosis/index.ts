import type { Cause, Finding } from "../model/report.ts";
import { isOwnAddress, type Topology } from "../model/topology.ts";

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
  "proxy-invalid": "a proxy variable that Go cannot use keeps {n} hosts out of reach",
  "proxy-unreachable": "the proxy that CrowdSec goes through cannot be reached, and with it {n} hosts",
  "proxy-auth-required": "the proxy wants a login, or refuses the one that it gets, for {n} hosts",
  "proxy-denied": "the proxy denies {n} hosts that CrowdSec needs",
  "proxy-upstream": "the proxy does not get to {n} hosts itself",
  "proxy-protocol": "what CrowdSec is told to use as a proxy is none ({n} hosts)",
  "tls-reset": "a filter on the way cuts off TLS to {n} hosts",
  "tls-stalled": "TLS to {n} hosts stalls after the ClientHello: path MTU or a filter",
  "tls-not-tls": "something that does not speak TLS answers for {n} hosts: a captive portal?",
  "tls-untrusted":
    "{n} hosts show certificates of an authority that this system does not trust: TLS inspection, or an old CA store",
  "tls-expired": "the certificates of {n} hosts have expired, or the clock of this host is wrong",
  "tls-not-yet-valid": "the certificates of {n} hosts are not valid yet: the clock of this host is most likely wrong",
};

const familyOf = (id: string): string => id.split("-")[0] ?? id;

/** Failures that have one reason have one key: outgoing names by code, clients of one Local API by its address. */
const keyOf = ({ id, instance, fault, blame, target }: Finding): string => {
  const family = familyOf(id);
  if (family === "outgoing" || id === "metrics-target")
    return `${id === "metrics-target" ? id : family} ${fault?.code} ${blame?.party}`;
  // Clients of one file share its faults.
  // Of several nameservers, all of them fail together.
  if (id === "resolver") return id;
  if (id === "config-agreement" || id === "credentials") return `${id} ${fault?.code} ${target?.path}`;
  if (family === "lapi") return `${id} ${fault?.code} ${target?.host ?? target?.path}:${target?.port}`;
  return instance;
};

const CONFIDENCE = ["certain", "likely", "possible"] as const;

/** One failure speaks for itself; several do together, in a sentence of their own where there is one. */
const summaryOf = (group: readonly Finding[], first: Finding): string => {
  if (group.length === 1 || !["outgoing", "metrics"].includes(familyOf(first.id))) return first.summary;
  const shared = familyOf(first.id) === "outgoing" ? SHARED[first.fault?.code ?? ""] : undefined;
  const hosts = group.map(({ target }) => target?.host ?? "").join(", ");
  if (shared === undefined) return `${first.summary}; the same with ${group.length - 1} more`;
  return `${shared.replace("{n}", String(group.length))}: ${hosts}`;
};

/** A Local API that should run on this host and is not there, or is but has lost its database. */
const isMissingHere = (finding: Finding, stopper: Finding, topology: Topology): boolean => {
  const { id, status, fault, addresses = [], target } = finding;
  const gone =
    ["tcp-refused", "lapi-went-away", "socket-missing"].includes(fault?.code ?? "") ||
    (id === "lapi-database" && stopper.id === "database") ||
    // Whoever holds the port answers there.
    (id === "lapi-identity" && stopper.id === "port-lapi");
  const here = target?.path !== undefined || addresses.some(({ address }) => isOwnAddress(topology, address));
  return familyOf(id) === "lapi" && status === "fail" && gone && here;
};

/** The agent's credentials and those of the Local API's own start; a bouncer's are its own trouble. */
const stopsTheAgent = new Set(["credentials@agent", "credentials@cscli"]);

/**
 * What keeps the Local API of this host from starting, in the order of a start: files, database, port, agent. An error
 * of the agent counts where both share a process.
 */
const stops = (finding: Finding, { files, sharedProcess }: Topology): boolean => {
  const { id, instance, status, target } = finding;
  if (status !== "fail") return false;
  switch (id) {
    case "proxy":
      // systemd does not start it.
      return instance === "proxy@crowdsec" && finding.fault?.code === "environment-file-missing";
    case "config-files":
      return !files.find(({ path }) => path === target?.path)?.purpose.startsWith("bouncer");
    case "database":
    case "port-lapi":
      return true;
    case "agent-config":
    case "port-appsec":
      return sharedProcess;
    case "credentials":
      return sharedProcess && stopsTheAgent.has(instance);
    default:
      return false;
  }
};
const ORDER = ["proxy", "config-files", "database", "port-lapi", "agent-config", "port-appsec", "credentials"];

/** The failure that explains why the Local API of this host is not there: the first in the order of its start. */
const stopperOf = (findings: readonly Finding[], topology: Topology): Finding | undefined =>
  findings.filter((finding) => stops(finding, topology)).sort((a, b) => ORDER.indexOf(a.id) - ORDER.indexOf(b.id))[0];

/** A nameserver that fails, where all of them do: then no name resolves. */
const deadResolverOf = ({ fault, id }: Finding, findings: readonly Finding[]): Finding | undefined =>
  id !== "resolver" && fault?.phase === "resolve"
    ? findings.find(
        (one) =>
          one.id === "resolver" &&
          one.status === "fail" &&
          // SERVFAIL may be about one name only.
          (one.fault?.code === fault.code || one.fault?.code !== "dns-servfail"),
      )
    : undefined;

/** Whose own file sends him elsewhere than this host's Local API listens, finds nothing there for that reason. */
const disagreementOf = ({ id, instance }: Finding, findings: readonly Finding[]): Finding | undefined =>
  familyOf(id) === "lapi"
    ? findings.find((one) => one.status === "fail" && one.instance === `config-agreement@${instance.split("@")[1]}`)
    : undefined;

const causeOf = (group: readonly Finding[], findings: readonly Finding[]): Cause[] => {
  const [first] = group;
  if (first?.blame === undefined || first.fault === undefined) return [];
  const own = group.map(({ instance }) => instance);
  const following = findings
    .filter(({ because }) => because?.some((instance) => own.includes(instance)))
    .map(({ instance }) => instance);
  const alike = group.filter((one) => keyOf(one) === keyOf(first));
  const summary = summaryOf(alike, first);
  // Every failure in its own words, unless they are the cause's.
  const others = group.filter((one) => one !== first || !summary.startsWith(one.summary));
  const evidence = [...first.blame.evidence, ...others.map((one) => one.summary)];
  return [
    {
      id: `${familyOf(first.id)}-${first.fault.code}`,
      summary,
      blame: { ...first.blame, evidence: [...new Set(evidence)] },
      explains: [...new Set([...own, ...following])],
      remedy: first.remedy,
    },
  ];
};

/**
 * Failures with one reason are one cause, and what was skipped because of them follows from it. A Local API of this host
 * that is not there is explained by what keeps it from starting. The most certain come first; of equals, the one that
 * explains most.
 */
export const findCauses = (findings: readonly Finding[], topology: Topology): readonly Cause[] => {
  const stopper = stopperOf(findings, topology);
  const groups = new Map<string, Finding[]>(stopper && [[keyOf(stopper), [stopper]]]);
  for (const finding of findings) {
    if (finding.status !== "fail" || finding === stopper) continue;
    const stopped = stopper && isMissingHere(finding, stopper, topology) ? stopper : undefined;
    const key = keyOf(stopped ?? disagreementOf(finding, findings) ?? deadResolverOf(finding, findings) ?? finding);
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
