import type { Group, NamedCause } from "../../src/model/cause.ts";
import type { Finding } from "../../src/model/report.ts";
import { hasFamily, worksOver } from "../layers.ts";
import { hasCode, hostsOf, isConnected, isDirect, isJudged, told, withWarnings } from "./findings.ts";

const NETWORK_DOCS = "https://docs.crowdsec.net/docs/next/configuration/network_management";
/** ICMP's and the kernel's word for "no route"; every other unreachable is what a firewall says. */
const NO_ROUTE = "ENETUNREACH";

/** With an address to try. */
const askedDirectly = (findings: readonly Finding[]): readonly Finding[] =>
  findings.filter((finding) => isDirect(finding) && isJudged(finding) && finding.fault?.phase !== "resolve");

/** The one family of all its addresses; undefined when there are both, or none. */
const onlyFamily = ({ addresses = [] }: Finding): 4 | 6 | undefined => {
  const [first] = addresses;
  return first !== undefined && addresses.every(({ family }) => family === first.family) ? first.family : undefined;
};

const ALLOW = {
  text: "Have outgoing tcp/443 allowed from this host to these names, or name a proxy that may (HTTPS_PROXY of the crowdsec service). `crowdsec-preflight firewall` prints the list, `crowdsec-preflight --ticket` the text for whoever runs the firewall.",
  commands: ["curl -sS -o /dev/null -w '%{http_code}\\n' --max-time 10 https://{host}/"],
  url: NETWORK_DOCS,
} as const;

/** Nothing of the outgoing list can be connected to, and there was more than one to try. */
const allOf = (
  failures: readonly Finding[],
  findings: readonly Finding[],
  fits: (finding: Finding) => boolean,
): readonly Group[] => {
  const asked = askedDirectly(findings);
  const members = failures.filter((finding) => isDirect(finding) && fits(finding));
  const all = withWarnings(members, findings);
  if (members.length === 0 || asked.length < 2 || asked.some(isConnected)) return [];
  const [first] = members;
  return [
    {
      members: all,
      data: { n: all.length, asked: asked.length, hosts: hostsOf(all), host: first?.target?.host ?? "" },
      confidence: all.length === asked.length ? "certain" : "likely",
      evidence: [...told(members), `none of ${asked.length} hosts on the internet takes a connection`],
    },
  ];
};

export const egressDropped: NamedCause = {
  id: "egress-dropped",
  title: "Outgoing tcp/443 is dropped",
  why: "Every name resolves, and no address of any host answers: packets to port 443 vanish on the way, here or on a firewall. One silent host among others that connect is another cause (host-blocked).",
  blame: "network",
  says: "outgoing tcp/443 is dropped on the way: {n} of {asked} hosts on the internet stay silent: {hosts}",
  remedy: [ALLOW],
  find: (failures, { findings }) => allOf(failures, findings, (finding) => hasCode(finding, "tcp-timeout")),
};

export const egressRejected: NamedCause = {
  id: "egress-rejected",
  title: "Outgoing tcp/443 is rejected",
  why: "Every name resolves, and every connection is refused, reset or answered by an ICMP prohibition at once: a firewall says no, here or on the way, since servers of different owners do not all refuse port 443.",
  blame: "network",
  says: "outgoing tcp/443 is rejected by a firewall: {n} of {asked} hosts on the internet refuse at once: {hosts}",
  remedy: [ALLOW],
  find: (failures, { findings }) =>
    allOf(
      failures,
      findings,
      (finding) =>
        hasCode(finding, "tcp-refused", "tcp-reset") ||
        (hasCode(finding, "tcp-unreachable") && finding.fault?.errno !== NO_ROUTE),
    ),
};

export const noRoute: NamedCause = {
  id: "no-route",
  title: "This host has no way to the internet",
  why: "The kernel refuses each connection before a packet leaves: there is no route, most often no default route, or the interface is down.",
  blame: "this-host",
  says: "this host has no route to the internet: {n} of {asked} hosts are unreachable from the start: {hosts}",
  remedy: [
    {
      text: "Give this host a default route, or a proxy that it can reach (HTTPS_PROXY of the crowdsec service).",
      commands: ["ip -4 route", "ip -6 route"],
    },
  ],
  find: (failures, { findings }) =>
    allOf(failures, findings, (finding) => hasCode(finding, "tcp-unreachable") && finding.fault?.errno === NO_ROUTE),
};

export const noIpv4: NamedCause = {
  id: "no-ipv4",
  title: "This host has no IPv4, and a name has nothing else",
  why: "The names have IPv4 addresses only, and this host has an IPv6 address only. It is no fault of those servers, and no firewall's.",
  blame: "this-host",
  says: "this host has no IPv4 address, and {n} names that CrowdSec needs have no IPv6 one: {hosts}",
  remedy: [
    {
      text: "Give this host a way over IPv4: an address, NAT64 with DNS64 at its nameserver, or a proxy that has both (HTTPS_PROXY of the crowdsec service).",
      commands: ["ip -4 address", "ip -4 route"],
    },
  ],
  find(failures, { findings, topology }) {
    if (hasFamily(topology.interfaces, 4) || !hasFamily(topology.interfaces, 6)) return [];
    const members = failures.filter(
      (finding) => isDirect(finding) && hasCode(finding, "tcp-unreachable") && onlyFamily(finding) === 4,
    );
    if (members.length === 0) return [];
    const all = withWarnings(members, findings);
    const evidence = ["its interfaces have IPv6 addresses only", ...told(members).slice(0, 2)];
    return [{ members: all, data: { n: all.length, hosts: hostsOf(all) }, confidence: "certain", evidence }];
  },
};

export const ipv6Broken: NamedCause = {
  id: "ipv6-broken",
  title: "IPv6 connects, and carries nothing",
  why: "Over IPv6 the connection opens and then stalls, over IPv4 the same works: a tunnel with a small MTU, or a filter. Go, and so CrowdSec, tries IPv6 first and stays with what connected. Where IPv6 does not even connect, Go turns to IPv4 after 300 ms by itself, which is no failure.",
  blame: "network",
  says: "IPv6 is broken on the way: {n} hosts connect over it and then fail, while the same works over IPv4: {hosts}",
  remedy: [
    {
      text: "Mend IPv6 on this network (try a smaller MTU on the tunnel), or take it off this host until then.",
      commands: ["ip -6 route", "ping -c 1 -M do -s 1400 {address}"],
    },
  ],
  find(failures, { findings }) {
    const members = failures.filter((finding) => isDirect(finding) && worksOver(finding.summary) === 4);
    const [first] = members;
    if (first === undefined) return [];
    const broken = findings.filter(
      (finding) =>
        hasCode(finding, "family-broken") && finding.addresses?.some(({ ok, family }) => !ok && family === 6),
    );
    const all = [...withWarnings(members, findings), ...broken];
    const address = first.addresses?.find(({ family }) => family === 6)?.address ?? "";
    return [
      {
        members: all,
        data: { n: all.length, hosts: hostsOf(all), address },
        confidence: "certain",
        evidence: told(members),
      },
    ];
  },
};

interface Blocked {
  readonly about: string;
  readonly codes: readonly string[];
  readonly what: string;
}
/** What a rule against single hosts does to their packets. */
const BLOCKED: readonly Blocked[] = [
  { about: "dropped", codes: ["tcp-timeout"], what: "silent" },
  { about: "rejected", codes: ["tcp-refused", "tcp-reset", "tcp-unreachable"], what: "rejected at once" },
  { about: "tls-reset", codes: ["tls-reset", "tls-alert"], what: "cut off when TLS names it" },
  { about: "tls-stalled", codes: ["tls-stalled"], what: "silent when TLS names it" },
];

export const hostBlocked: NamedCause = {
  id: "host-blocked",
  title: "Single hosts are blocked, others are not",
  why: "Some hosts of the outgoing list cannot be reached while others, on the same port, can: a rule about addresses or names, most often an allow-list that lacks some, or addresses of a CDN that have moved since the rule was made.",
  blame: "network",
  says: "{hosts}: {n} of {asked} hosts on the internet cannot be reached ({what}), while {others}",
  remedy: [
    {
      text: "Have these hosts added to the allow-list for outgoing tcp/443, by name where the firewall can: addresses of a CDN move. `crowdsec-preflight firewall` prints the whole list, `crowdsec-preflight --ticket` the text for whoever runs the firewall.",
      commands: ["curl -sS -o /dev/null -w '%{http_code}\\n' --max-time 10 https://{host}/"],
      url: NETWORK_DOCS,
    },
  ],
  find(failures, { findings }) {
    const asked = askedDirectly(findings);
    return BLOCKED.flatMap(({ about, codes, what }): readonly Group[] => {
      const members = failures.filter((finding) => isDirect(finding) && hasCode(finding, ...codes));
      const [first] = members;
      const all = withWarnings(members, findings);
      // Of those that connect, for what comes after; of the rest, for the connection itself.
      const passes = (finding: Finding): boolean =>
        about.startsWith("tls-") ? finding.status === "pass" : isConnected(finding);
      const others = asked.filter((finding) => !all.includes(finding) && passes(finding));
      if (first === undefined || others.length === 0) return [];
      return [
        {
          members: all,
          about,
          data: {
            hosts: hostsOf(all),
            host: first.target?.host ?? "",
            n: all.length,
            asked: asked.length,
            what,
            others: others.length === 1 ? "another can" : `${others.length} others can`,
          },
          confidence: others.length > 1 ? "certain" : "likely",
          evidence: [...told(members), `reached: ${hostsOf(others)}`],
        },
      ];
    });
  },
};

export const egress: readonly NamedCause[] = [noIpv4, ipv6Broken, noRoute, egressDropped, egressRejected, hostBlocked];
