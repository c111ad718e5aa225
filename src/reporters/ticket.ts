import { isLoopbackIp, parseIp, parseZonedIp, sameIp } from "../model/address.ts";
import { familyOf, plainName } from "../model/hosts.ts";
import type { Family } from "../model/observation.ts";
import type { AddressResult, Blame, Cause, Finding, Report } from "../model/report.ts";
import { duration, fill, wrap } from "../model/text.ts";
import { bracketed, toUrl, unbracketed } from "../model/url.ts";
import { inAscii } from "./brief.ts";
import type { Style } from "./pretty.ts";
import { isPublic, type Told, testOf } from "./ticket-commands.ts";
import { ASKS, type Ask, codeOf, groupOf, placeOf, stageOf, unique, wordsOf } from "./ticket-words.ts";

/** Whose faults somebody else mends: who looks after the firewall, the proxy, the nameserver, the other host. */
const OTHERS: ReadonlySet<Blame["party"]> = new Set(["network", "proxy", "resolver", "remote-host", "remote-service"]);
const AT_THE_OTHER_END: ReadonlySet<Blame["party"]> = new Set(["remote-host", "remote-service"]);

/** CrowdSec's own list of what a host needs, those of its parts among each other included. */
const NETWORK_DOCS = "https://docs.crowdsec.net/docs/next/configuration/network_management";

const WILDCARD_IPS = ["0.0.0.0", "::"].flatMap((address) => {
  const ip = parseIp(address);
  return ip === undefined ? [] : [ip];
});

/** Loopback and wildcards, however they are written: wherever somebody reads them, they mean another host. */
const isNowhereElse = (host: string): boolean => {
  const ip = parseZonedIp(host);
  if (ip === undefined) return plainName(host) === "localhost";
  return isLoopbackIp(ip) || WILDCARD_IPS.some((wildcard) => sameIp(wildcard, ip));
};

/** This host asked itself: nobody else can do anything about that. What connections left from is an address of its own. */
const isOwn = ({ target, addresses = [] }: Finding, findings: readonly Finding[]): boolean => {
  if (target?.host === undefined && target?.path !== undefined) return true;
  const sources = new Set(findings.flatMap((one) => (one.addresses ?? []).flatMap(({ source }) => source ?? [])));
  const isHere = (host: string): boolean => isNowhereElse(host) || sources.has(host);
  if (target?.host !== undefined && isHere(target.host)) return true;
  return addresses.length > 0 && addresses.every(({ address }) => isHere(address));
};

const faultyOf = ({ explains }: Cause, findings: readonly Finding[]): readonly Finding[] =>
  explains.flatMap(
    (instance) =>
      findings.find((one) => one.instance === instance && (one.status === "fail" || one.status === "warn")) ?? [],
  );

/** Whether somebody else mends it: not what this host alone is about, whoever is blamed. */
const isTheirs = (cause: Cause, findings: readonly Finding[]): boolean => {
  const faulty = faultyOf(cause, findings);
  return OTHERS.has(cause.blame.party) && (faulty.length === 0 || !faulty.every((one) => isOwn(one, findings)));
};

/** The findings of a cause that are about the same thing as the one that shows it best; what merely follows from it is not. */
const membersOf = (cause: Cause, findings: readonly Finding[]): readonly Finding[] => {
  const faulty = faultyOf(cause, findings).filter((one) => !isOwn(one, findings));
  const first = faulty.find((one) => wordsOf(codeOf(one)) !== undefined) ?? faulty[0];
  if (first === undefined) return [];
  const alike = faulty.filter(
    (one) =>
      stageOf(one) === stageOf(first) &&
      one.vantage.route === first.vantage.route &&
      one.vantage.proxy === first.vantage.proxy &&
      (one.blame?.party === first.blame?.party || groupOf(one) === groupOf(first)),
  );
  return [first, ...alike.filter((one) => one !== first)];
};

const SHORT: Readonly<Record<string, string>> = {
  "tcp-refused": "refused",
  "tcp-timeout": "silent",
  "tcp-unreachable": "unreachable",
  "tcp-reset": "reset",
};

const CONNECTING: ReadonlySet<string> = new Set([...Object.keys(SHORT), "proxy-unreachable"]);

/** The addresses of a name; of a connection's fault, those that went another way than it says, with how they went. */
const addressesOf = (members: readonly Finding[]): string => {
  const told = new Map<string, string>();
  for (const { addresses = [], fault } of members)
    for (const { address, ok, code = "" } of addresses) {
      const differs = CONNECTING.has(fault?.code ?? "") && code !== fault?.code;
      told.set(address, differs ? `${address} ${ok ? "connects" : (SHORT[code] ?? code)}` : address);
    }
  return [...told.values()].join(", ");
};

/** A place with its addresses, where these say more than the place itself. */
const withAddresses = (place: string, addresses: string): string =>
  addresses === "" || place.includes(addresses) ? place : `${place} (${addresses})`;

/** How long was waited in vain, milliseconds. */
const waitedMs = (members: readonly Finding[], code: string): number =>
  Math.max(
    0,
    ...members
      .filter((one) => codeOf(one) === code)
      .flatMap(({ addresses = [], layers }) => [
        ...addresses.filter((one) => one.code === code).map(({ durationMs }) => durationMs),
        ...layers.filter(({ ok }) => !ok).map(({ durationMs }) => durationMs),
      ]),
  );

/** Those that went the way that the fault tells of. */
const faultyAddressesOf = (members: readonly Finding[]): readonly AddressResult[] =>
  members.flatMap(({ addresses = [], fault }) => addresses.filter(({ code }) => code === fault?.code));

const hostsOf = (members: readonly Finding[]): readonly string[] =>
  unique(members.flatMap(({ target }) => target?.host ?? []));

const allOf = (findings: readonly Finding[]): readonly AddressResult[] =>
  findings.flatMap(({ addresses = [] }) => addresses);

const sourcesIn = (results: readonly AddressResult[], families: ReadonlySet<Family>): readonly string[] => {
  const seen = [...results].sort((a, b) => a.family - b.family).flatMap(({ source }) => source ?? []);
  return unique(seen).filter((source) => !isNowhereElse(source) && families.has(familyOf(source) ?? 4));
};

/** Of this host's own addresses, those that the other side sees; `elsewhere`: as seen on the way to somewhere else. */
interface Sources {
  readonly addresses: readonly string[];
  readonly elsewhere: boolean;
}

/** In which families it went there: by the addresses of the fault, else by an address that is configured; of a mere name, either. */
const familiesOf = (told: Told): ReadonlySet<Family> => {
  const { members, first, servers } = told;
  const own = faultyAddressesOf(members);
  const seen = own.length > 0 ? own : allOf(members);
  if (seen.length > 0) return new Set(seen.map(({ family }) => family));
  const { route, proxy = "" } = first.vantage;
  const through = route === "proxy" ? toUrl(proxy) : undefined;
  const there = through ? [unbracketed(through.hostname)] : hostsOf(members);
  const families = (stageOf(first) === "names" ? servers : there).map(familyOf);
  const known = families.flatMap((family) => family ?? []);
  return new Set(known.length === families.length && known.length > 0 ? known : [4, 6]);
};

/** On the way that the fault is about, else on the others of the same finding; else those of other ways stand in. */
const sourcesOf = (told: Told, findings: readonly Finding[]): Sources => {
  const families = familiesOf(told);
  const { members } = told;
  const [addresses] = [faultyAddressesOf(members), allOf(members)]
    .map((results) => sourcesIn(results, families))
    .filter((sources) => sources.length > 0);
  return addresses === undefined
    ? { addresses: sourcesIn(allOf(findings), families), elsewhere: true }
    : { addresses, elsewhere: false };
};

/** A proxy that does not even take a connection: it is what was to be reached. */
const isProxyGone = (first: Finding): boolean => codeOf(first) === "proxy-unreachable";

const protocolOf = ({ id, target, vantage: { route, proxy = "" } }: Finding): string => {
  const scheme = target?.url === undefined ? undefined : target.url.startsWith("http:") ? "HTTP" : "HTTPS (TLS)";
  if (route === "proxy") return `${scheme ?? "TCP"} through the proxy ${proxy}`;
  if (scheme !== undefined) return `TCP, ${scheme}`;
  return id === "database" ? "TCP, that of the database" : "TCP";
};

const expectedOf = ({ first }: Told): string => {
  if (codeOf(first) === "lapi-database-down")
    return 'the Local API reaches its database, and answers "ent: machine not found" to the login below, of a machine that does not exist.';
  const secure = isPublic(first) && first.target?.url?.startsWith("https:");
  const authority = secure ? "TLS shows a certificate of a public authority" : "";
  switch (stageOf(first)) {
    case "names":
      return "an address for each name, within a second.";
    case "connect":
      return `the TCP connection is accepted${authority && `, and ${authority}`}.`;
    case "proxy":
      return `the proxy takes the connection and makes the tunnel${authority && `; in it, ${authority}`}.`;
    case "answer":
      if (authority !== "") return `${authority} for the name that is asked, and the service itself answers.`;
      return first.target?.url?.startsWith("http:")
        ? "CrowdSec's own service answers, within a few seconds."
        : "TLS 1.2 or newer with a certificate for the name that is asked, valid today; then the service itself answers.";
    case "login":
      return "CrowdSec's login is accepted, and what it asks for is done.";
    default:
      return "the service does what CrowdSec asks for.";
  }
};

/** Names of what does not resolve, and who should have told; a nameserver stands for itself. */
const dnsOf = (members: readonly Finding[], findings: readonly Finding[]): Pick<Told, "hosts" | "servers"> => {
  const isServer = ({ id }: Finding): boolean => id === "resolver";
  const failing = hostsOf(members.filter(isServer));
  return {
    hosts: hostsOf(members.filter((one) => !isServer(one))),
    // A resolver of this host itself asks others in turn, whom it does not name.
    servers: failing.length > 0 ? failing : hostsOf(findings.filter((one) => isServer(one) && !isOwn(one, findings))),
  };
};

/** Where it wanted to go: nameservers, the proxy, or names with their addresses. */
const destinationsOf = ({ members, first, servers }: Told): readonly string[] => {
  if (stageOf(first) === "names")
    return servers.length === 0 ? ["the nameservers of this host"] : servers.map((server) => `${bracketed(server)}:53`);
  const { route, proxy = "" } = first.vantage;
  if (isProxyGone(first)) return [withAddresses(proxy, addressesOf(members))];
  const places = unique(members.map(placeOf));
  // Through a proxy the addresses are the proxy's.
  if (route === "proxy") return places;
  return places.map((place) => withAddresses(place, addressesOf(members.filter((one) => placeOf(one) === place))));
};

/** What was to be had there, where the destination does not say it: names of a nameserver, hosts behind a proxy. */
const wantedOf = ({ members, first, hosts }: Told): readonly [label: string, lines: readonly string[]] => {
  if (stageOf(first) === "names") return ["Names:", hosts];
  return ["Behind it:", isProxyGone(first) ? unique(members.map(placeOf)) : []];
};

/** Of a name that does not resolve, the port tells nothing. */
const nameOf = (one: Finding): string => (stageOf(one) === "names" ? one.target?.host : undefined) ?? placeOf(one);

const happenedOf = ({ members }: Told): string => {
  const codes = unique(members.map(codeOf));
  const sentences = codes.map((code) => {
    const own = members.filter((one) => codeOf(one) === code);
    // As long as the limit that was waited for, not a hair longer.
    const ms = duration(Math.round(waitedMs(own, code) / 10) * 10);
    const text = fill(wordsOf(code)?.happened ?? own[0]?.fault?.message ?? "", { ms });
    return codes.length > 1 ? `${text} (${unique(own.map(nameOf)).join(", ")})` : text;
  });
  return `${sentences.join("; ")}.`;
};

/** What to ask for; undefined for a fault that only its own sentence can tell. */
const askOf = (first: Finding, party: Blame["party"]): Ask | undefined => {
  const words = wordsOf(codeOf(first));
  if (words === undefined) return undefined;
  const name = AT_THE_OTHER_END.has(party) ? (words.askThere ?? words.ask) : words.ask;
  // Only of names on the internet is it known that they exist.
  const own = name === "names" && groupOf(first) !== "outgoing" && first.id !== "resolver";
  return ASKS[own ? "own-names" : name];
};

const sentence = (text: string): string => `${text.replace(/\.$/, "")}.`;

/** The subject, and the request below it: several things are counted in the one and pointed to in the other. */
const requestOf = (told: Told, cause: Cause, { addresses, elsewhere }: Sources): Ask => {
  const { members, first, hosts, servers } = told;
  const ask = askOf(first, cause.blame.party);
  const words = (many: (count: number, things: string) => string): Readonly<Record<string, string>> => {
    const word = (things: readonly string[], plural: string): string =>
      things.length === 1 ? (things[0] ?? "") : many(things.length, plural);
    return {
      from: addresses.length > 0 && elsewhere ? "the host below" : addresses.join(" and ") || "our CrowdSec host",
      to: word(unique(members.map(placeOf)), "destinations"),
      names: hosts.length === 0 ? "every name" : word(hosts, "names"),
      servers: servers.length === 0 ? "the nameserver" : word(servers, "nameservers"),
      through: first.vantage.proxy ?? "",
    };
  };
  const short = words((count, things) => `${count} ${things}`);
  const long = words((count, things) => `the ${count} ${things} below`);
  if (ask !== undefined) return { subject: fill(ask.subject, short), asked: fill(ask.asked, long) };
  const [remedy] = cause.remedy;
  const asked = [`Please look at ${long["to"]}: ${cause.summary}`, ...(remedy ? [remedy.text] : [])].map(sentence);
  return { subject: `please look at ${short["to"]}`, asked: asked.join(" ") };
};

const sourceLine = ({ addresses, elsewhere }: Sources, { vantage: { namespace } }: Finding): string => {
  if (addresses.length === 0) return "(please fill in; it could not be seen)";
  const another = elsewhere ? " (seen on another way; yours may show another)" : "";
  const inside = namespace === undefined ? "" : ` (seen inside ${namespace}; outside it may be another)`;
  return `${addresses.join(", ")}${another}${inside}`;
};

/** Columns of a label, with what is between it and its text. */
const LABEL = 14;
const NARROWEST = 40;

/** Paragraphs behind one label; what does not fit on a line of a list stands a little further in. */
const field = (label: string, texts: readonly string[], width: number): readonly string[] =>
  texts
    .flatMap((text) =>
      wrap(text, width - LABEL - 2).map((line, index) => (index === 0 || texts.length === 1 ? line : `  ${line}`)),
    )
    .map((line, index) => `${(index === 0 ? label : "").padEnd(LABEL)}${line}`);

const timeOf = ({ startedAt, durationMs }: Report["run"]): string =>
  `${startedAt.replace(/\.\d+Z$/, "Z")} (UTC), looked at for ${duration(durationMs)}`;

const sureOf = ({ confidence }: Blame): readonly string[] =>
  confidence === "certain" ? [] : [`${confidence}: all of this was seen from that host alone`];

/** Of a cause that no finding of this report stands for. */
const bareTicket = ({ summary, remedy, blame }: Cause, { run }: Report, width: number): readonly string[] => [
  "Subject: CrowdSec: please look at what is below",
  "",
  ...wrap([summary, ...remedy.slice(0, 1).map(({ text }) => text)].map(sentence).join(" "), width),
  "",
  ...field("Time:", [timeOf(run)], width),
  ...field("How sure:", sureOf(blame), width),
  ...field("Required by:", [NETWORK_DOCS], width),
];

const ticketOf = (cause: Cause, report: Report, width: number): readonly string[] => {
  const { run, findings } = report;
  const members = membersOf(cause, findings);
  const [first] = members;
  if (first === undefined) return bareTicket(cause, report, width);
  const told: Told = { members, first, ...dnsOf(members, findings) };
  const sources = sourcesOf(told, findings);
  const { subject, asked } = requestOf(told, cause, sources);
  const stage = stageOf(first);
  const [wanted, things] = wantedOf(told);
  const protocol = stage === "names" ? ["DNS, UDP and TCP"] : unique(members.map(protocolOf));
  const { says, commands } = testOf(told);
  const known = wordsOf(codeOf(first)) !== undefined;
  const fields: readonly (readonly [label: string, texts: readonly string[]])[] = [
    ["Source:", [sourceLine(sources, first)]],
    ["Destination:", destinationsOf(told)],
    [wanted, things],
    ["Protocol:", protocol],
    ["Time:", [timeOf(run)]],
    ["Seen:", [happenedOf(told)]],
    // Of a connection all is said; what is behind one has words of its own.
    ["For example:", known && stage !== "connect" ? [first.summary] : []],
    ["Expected:", [expectedOf(told)]],
    ["How sure:", sureOf(cause.blame)],
    ["Required by:", [NETWORK_DOCS]],
    ["Test:", [`On the source host. ${says}`]],
  ];
  return [
    `Subject: CrowdSec: ${subject}`,
    "",
    ...wrap(asked, width),
    "",
    ...fields.flatMap(([label, texts]) => field(label, texts, width)),
    "",
    // Never wrapped: they are there to be copied.
    ...commands.map((command) => `  ${command}`),
  ];
};

const RULE = "-".repeat(NARROWEST);

/** What a person who cannot mend it sends to whoever can: a short plain text for each cause that is somebody else's. */
export const ticket = (report: Report, { ascii, width: columns }: Style): string => {
  const width = Math.max(columns, NARROWEST);
  const theirs = report.causes.filter((cause) => isTheirs(cause, report.findings));
  const ours = report.causes.filter((cause) => !theirs.includes(cause)).map(({ summary }) => summary);
  const left = ours.length > 0 ? ours.join("; ") : "nothing that was asked has failed";
  const lines =
    theirs.length === 0
      ? wrap(sentence(`Nothing here is for somebody else to mend: ${left}`), width)
      : theirs.flatMap((cause, index) => [...(index === 0 ? [] : ["", RULE, ""]), ...ticketOf(cause, report, width)]);
  const text = `${lines.join("\n")}\n`;
  return ascii ? inAscii(text) : text;
};
