import type { AddressResult, Blame, Cause, Finding, Report } from "../model/report.ts";
import { duration, fill, wrap } from "../model/text.ts";
import { bracketed } from "../model/url.ts";
import type { Style } from "./pretty.ts";
import { isPublic, type Told, testOf } from "./ticket-commands.ts";
import { ASKS, type Ask, codeOf, groupOf, placeOf, stageOf, unique, wordsOf } from "./ticket-words.ts";

/** Whose faults somebody else mends: who looks after the firewall, the proxy, the nameserver, the other host. */
const OTHERS: ReadonlySet<Blame["party"]> = new Set(["network", "proxy", "resolver", "remote-host", "remote-service"]);
const AT_THE_OTHER_END: ReadonlySet<Blame["party"]> = new Set(["remote-host", "remote-service"]);

/** CrowdSec's own list of what a host needs, those of its parts among each other included. */
const NETWORK_DOCS = "https://docs.crowdsec.net/docs/next/configuration/network_management";

/** This host asked itself: nobody else can do anything about that. */
const isOwn = ({ addresses = [] }: Finding): boolean =>
  addresses.length > 0 && addresses.every(({ address, source }) => address === source);

/** The findings of a cause that are about the same thing as the one that shows it best; what merely follows from it is not. */
const membersOf = ({ explains }: Cause, findings: readonly Finding[]): readonly Finding[] => {
  const faulty = explains.flatMap(
    (instance) =>
      findings.find((one) => one.instance === instance && (one.status === "fail" || one.status === "warn")) ?? [],
  );
  const first = faulty.find((one) => wordsOf(codeOf(one)) !== undefined) ?? faulty[0];
  if (first === undefined) return [];
  const alike = faulty.filter(
    (one) =>
      stageOf(one) === stageOf(first) &&
      one.vantage.route === first.vantage.route &&
      one.vantage.proxy === first.vantage.proxy &&
      (one.blame?.party === first.blame?.party || groupOf(one) === groupOf(first)) &&
      (one === first || !isOwn(one)),
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

const LOOPBACK = /^(127\.|::1$|0\.0\.0\.0$|::$)/;

const sourcesIn = (results: readonly AddressResult[]): readonly string[] => {
  const seen = [...results].sort((a, b) => a.family - b.family).flatMap(({ source }) => source ?? []);
  return unique(seen).filter((source) => !LOOPBACK.test(source));
};

/**
 * This host's own addresses: on the way that the fault is about, else on the others of the same finding; of questions to
 * a nameserver none is known, so those of its other ways stand in.
 */
const sourcesOf = (members: readonly Finding[], findings: readonly Finding[]): readonly string[] => {
  const own = members.flatMap(({ addresses = [], fault }) => addresses.filter(({ code }) => code === fault?.code));
  const all = (list: readonly Finding[]): readonly AddressResult[] => list.flatMap(({ addresses = [] }) => addresses);
  return [own, all(members), all(findings)].map(sourcesIn).find((sources) => sources.length > 0) ?? [];
};

/** A proxy that does not even take a connection: it is what was to be reached. */
const isProxyGone = (first: Finding): boolean => codeOf(first) === "proxy-unreachable";

const protocolOf = ({ id, target, vantage: { route, proxy = "" } }: Finding): string => {
  if (target?.host === undefined && target?.path !== undefined) return "a unix socket";
  const scheme = target?.url === undefined ? undefined : target.url.startsWith("http:") ? "HTTP" : "HTTPS (TLS)";
  if (route === "proxy") return `${scheme ?? "TCP"} through the proxy ${proxy}`;
  if (scheme !== undefined) return `TCP, ${scheme}`;
  return id === "database" ? "TCP, that of the database" : "TCP";
};

const expectedOf = ({ first }: Told): string => {
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
  const hostOf = ({ target }: Finding): readonly string[] => (target?.host === undefined ? [] : [target.host]);
  const isServer = ({ id }: Finding): boolean => id === "resolver";
  const failing = members.filter(isServer).flatMap(hostOf);
  return {
    hosts: unique(members.filter((one) => !isServer(one)).flatMap(hostOf)),
    servers: unique(failing.length > 0 ? failing : findings.filter(isServer).flatMap(hostOf)),
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
const requestOf = (told: Told, cause: Cause, sources: readonly string[]): Ask => {
  const { members, first, hosts, servers } = told;
  const ask = askOf(first, cause.blame.party);
  const words = (many: (count: number, things: string) => string): Readonly<Record<string, string>> => {
    const word = (things: readonly string[], plural: string): string =>
      things.length === 1 ? (things[0] ?? "") : many(things.length, plural);
    return {
      from: sources.join(" and ") || "our CrowdSec host",
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
  const sources = sourcesOf(members, findings);
  const { subject, asked } = requestOf(told, cause, sources);
  const stage = stageOf(first);
  const { namespace } = first.vantage;
  const inside = namespace === undefined ? "" : ` (seen inside ${namespace}; outside it may be another)`;
  const [wanted, things] = wantedOf(told);
  const protocol = stage === "names" ? ["DNS, UDP and TCP"] : unique(members.map(protocolOf));
  const { says, commands } = testOf(told);
  const known = wordsOf(codeOf(first)) !== undefined;
  const fields: readonly (readonly [label: string, texts: readonly string[]])[] = [
    ["Source:", [sources.length > 0 ? `${sources.join(", ")}${inside}` : "(please fill in; it could not be seen)"]],
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
    ["Test:", [`On that host. ${says}`]],
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
  const theirs = report.causes.filter(({ blame }) => OTHERS.has(blame.party));
  const ours = report.causes.filter(({ blame }) => !OTHERS.has(blame.party)).map(({ summary }) => summary);
  const left = ours.length > 0 ? ours.join("; ") : "nothing that was asked has failed";
  const lines =
    theirs.length === 0
      ? wrap(sentence(`Nothing here is for somebody else to mend: ${left}`), width)
      : theirs.flatMap((cause, index) => [...(index === 0 ? [] : ["", RULE, ""]), ...ticketOf(cause, report, width)]);
  const text = `${lines.join("\n")}\n`;
  if (!ascii) return text;
  return text
    .replaceAll("…", "...")
    .replaceAll("→", "->")
    .replace(/\P{ASCII}/gu, "?");
};
