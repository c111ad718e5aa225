import type { NamedCause } from "../../src/model/cause.ts";
import type { Finding } from "../../src/model/report.ts";
import { exemptionOf } from "../endpoints.ts";
import {
  codeOf,
  hasCode,
  hasFailed,
  hostOf,
  hostsOf,
  isDirect,
  isFaulty,
  isJudged,
  isOutgoing,
  isResolved,
  told,
  withWarnings,
} from "./findings.ts";

const CONF = "cat /etc/resolv.conf";

/** What a nameserver that serves nobody gives, whatever the name. */
const DEAD = ["dns-timeout", "dns-no-resolver", "dns-unreachable", "dns-refused", "dns-servfail"] as const;
/** What one that works says of single names. */
const SELECTIVE = ["dns-nxdomain", "dns-nodata", "dns-sinkhole", "dns-servfail"] as const;

const HOW: Readonly<Record<string, string>> = {
  "dns-timeout": "no nameserver of this host answers",
  "dns-no-resolver": "nothing serves DNS at the address that this host asks",
  "dns-unreachable": "this host cannot reach its nameserver (no route, or a packet filter of its own)",
  "dns-refused": "the nameserver refuses to serve this host",
  "dns-servfail": "the nameserver of this host fails on every name",
};

/** Which remedy fits. */
const WHEN: Readonly<Record<string, string>> = {
  "dns-timeout": "silent",
  "dns-no-resolver": "nobody",
  "dns-unreachable": "unreachable",
  "dns-refused": "refused",
};

const isUnresolved = (finding: Finding): boolean => isFaulty(finding) && finding.fault?.phase === "resolve";

/** Names that were asked on the internet, whatever came of it. */
const askedNames = (findings: readonly Finding[]): readonly Finding[] =>
  findings.filter((finding) => isDirect(finding) && isJudged(finding));

export const resolverDead: NamedCause = {
  id: "resolver-dead",
  title: "No nameserver serves this host",
  why: "Every name fails in the same way: silence, a refusal, SERVFAIL, or nobody at the nameserver's address. Then it is not about one name, and nothing behind the names was looked at. Names that fail while others resolve are another cause (resolver-selective).",
  blame: "resolver",
  says: "{how}, so {n} of {asked} names that were asked do not resolve: {hosts}",
  remedy: [
    {
      when: "silent",
      text: "See that the nameserver runs and that udp/53 and tcp/53 to it are open; or name another one, where /etc/resolv.conf comes from.",
      commands: [CONF, "getent ahosts api.crowdsec.net"],
    },
    {
      when: "nobody",
      text: "Start the local resolver, or name a nameserver that runs, where /etc/resolv.conf comes from.",
      commands: [CONF, "ss -lnup 'sport = :53'"],
    },
    {
      when: "unreachable",
      text: "No question leaves this host: see its route, its interface, and its own packet filter (udp/53 and tcp/53 out to the nameserver).",
      commands: [CONF, "ip -4 route", "nft list ruleset"],
    },
    {
      when: "refused",
      text: "Have the nameserver serve this host's address, or name another one, where /etc/resolv.conf comes from.",
      commands: [CONF],
    },
    {
      when: "fails",
      text: "The nameserver itself does not get anywhere: look at its own way out (udp/53 and tcp/53 to the internet or to its forwarder) and at its DNSSEC validation; a wrong clock there breaks that too.",
      commands: [CONF, "getent ahosts api.crowdsec.net"],
    },
  ],
  find(failures, { findings }) {
    const servers = findings.filter((finding) => finding.id === "resolver" && hasFailed(finding));
    const names = askedNames(findings);
    const dead = (code: string): boolean =>
      servers.some((server) => codeOf(server) === code && code !== "dns-servfail") ||
      (names.length > 1 && names.every((name) => hasCode(name, ...DEAD)));
    const members = failures.filter(
      (finding) =>
        finding.id === "resolver" || (isUnresolved(finding) && hasCode(finding, ...DEAD) && dead(codeOf(finding))),
    );
    const [first] = members;
    // A dead nameserver that stands in nobody's way is the check's own business.
    if (first === undefined || members.every(({ id }) => id === "resolver")) return [];
    const code = codeOf(servers[0] ?? first);
    const all = withWarnings(members, findings);
    const unresolved = all.filter(({ id }) => id !== "resolver");
    const local = members.some(({ blame }) => blame?.party === "this-host");
    return [
      {
        members: [...members.filter(({ id }) => id === "resolver"), ...unresolved],
        data: {
          how: HOW[code] ?? "no name resolves",
          n: unresolved.length,
          asked: Math.max(names.length, unresolved.length),
          hosts: hostsOf(unresolved),
        },
        when: WHEN[code] ?? "fails",
        confidence: servers.length > 0 ? "certain" : "likely",
        ...(local && { party: "this-host" }),
        evidence: told(members),
      },
    ];
  },
};

export const resolverSelective: NamedCause = {
  id: "resolver-selective",
  title: "The nameserver denies some names",
  why: "The nameserver answers, and of some names that exist on the internet it says that they do not, gives no address, an address of this host, or SERVFAIL. A filter (Pi-hole, AdGuard, a protective DNS service), a resolver that knows the internal network only, or a broken zone does that. All other names work.",
  blame: "resolver",
  says: "the nameserver of this host {what} {n} of {asked} names that CrowdSec needs: {hosts}",
  remedy: [
    {
      when: "filter",
      text: "Put {exemption} on the allow-list of the DNS filter.",
      commands: [CONF, "getent ahosts {host}"],
    },
    {
      when: "hidden",
      text: "These names exist on the internet. Have the nameserver resolve them (a forwarder, or a zone of its own that hides them), put {exemption} on the allow-list of a DNS filter, or use another nameserver.",
      commands: [CONF, "getent ahosts {host}"],
    },
    {
      when: "fails",
      text: "The nameserver could not resolve these: look at its own way to them, and at its DNSSEC validation.",
      commands: [CONF, "getent ahosts {host}"],
    },
  ],
  find(failures, { findings }) {
    const names = askedNames(findings);
    const own = failures.filter(
      (finding) => isOutgoing(finding) && isUnresolved(finding) && hasCode(finding, ...SELECTIVE),
    );
    const groups = [
      { codes: ["dns-sinkhole"], when: "filter", what: "answers with an address that is none for" },
      { codes: ["dns-nxdomain", "dns-nodata"], when: "hidden", what: "denies" },
      { codes: ["dns-servfail"], when: "fails", what: "fails on" },
    ];
    // One filter may deny some names and redirect others: told as one.
    const mixed =
      own.some((each) => hasCode(each, "dns-sinkhole")) &&
      own.some((each) => hasCode(each, "dns-nxdomain", "dns-nodata"));
    const wanted = mixed
      ? [{ codes: ["dns-sinkhole", "dns-nxdomain", "dns-nodata"], when: "filter", what: "hides" }, groups[2]]
      : groups;
    return wanted.flatMap((kind) => {
      if (kind === undefined) return [];
      const members = own.filter((finding) => hasCode(finding, ...kind.codes));
      const [first] = members;
      if (first === undefined) return [];
      const all = withWarnings(members, findings);
      const others = names.filter(isResolved).length;
      return [
        {
          members: all,
          ...(wanted.length > 1 && own.length > members.length && { about: kind.when }),
          data: {
            what: kind.what,
            n: all.length,
            asked: names.length,
            hosts: hostsOf(all),
            host: first.target?.host ?? "",
            exemption: exemptionOf(all.map(hostOf)),
          },
          when: kind.when,
          confidence: kind.codes.includes("dns-sinkhole") ? ("certain" as const) : ("likely" as const),
          evidence: [
            ...told(members),
            others > 0
              ? `${others} other names resolve`
              : "no name of the internet resolves: it may know this network only",
          ],
        },
      ];
    });
  },
};
