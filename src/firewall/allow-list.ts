import { parseZonedIp } from "../model/address.ts";
import type { OutgoingEndpoint } from "../model/endpoint.ts";
import { familyOf, plainName } from "../model/hosts.ts";
import type { Address, DnsObservation } from "../model/observation.ts";
import { type Route, routeTo } from "../model/proxy.ts";
import type { Finding } from "../model/report.ts";
import { printableDeep } from "../model/text.ts";
import {
  type Component,
  componentOf,
  environmentOf,
  hasRole,
  isOwnAddress,
  type LapiClient,
  type Topology,
} from "../model/topology.ts";
import { bracketed, hostAndPort, isWildcard, unbracketed } from "../model/url.ts";
import { showVersion, type Version } from "../model/version.ts";
import type { AllowList, Clients, InRule, OutRule, ProxiedName, Rule } from "./rule.ts";
import { isHostName, oneLine } from "./words.ts";

/** All that an allow-list is made from. */
export interface Seen {
  /** Of the outgoing list; others are not needed. */
  readonly findings: readonly Finding[];
  readonly topology: Topology;
  readonly endpoints: readonly OutgoingEndpoint[];
  readonly version?: Version | undefined;
  /** When the names were looked up. */
  readonly at: Date;
  /** What is known of names, each by itself; `unknownNames` says which are wanted. */
  readonly names: ReadonlyMap<string, DnsObservation>;
  /** What a resolver on this host asks in turn; undefined where nothing tells it. */
  readonly upstream?: readonly string[];
  /** Ranges that may come in. */
  readonly from: Readonly<Record<Clients, readonly string[]>>;
}

interface Made {
  readonly rules: readonly Rule[];
  readonly proxied: readonly ProxiedName[];
  readonly omitted: AllowList["omitted"];
  readonly notes: readonly string[];
}

const NOTHING: Made = { rules: [], proxied: [], omitted: [], notes: [] };
const omit = (what: string, reason: string): Made => ({ ...NOTHING, omitted: [{ what, reason }] });
const note = (text: string): Made => ({ ...NOTHING, notes: [text] });

const LINK_LOCAL = /^(169\.254\.|fe[89ab][\da-f]:)/i;
const LOOPBACK = /^(localhost$|127\.|::1$)/;

/** Without its zone, which no rule has room for. */
const addressOf = (text: string): Address | undefined => {
  const family = familyOf(text);
  return family === undefined || parseZonedIp(text) === undefined
    ? undefined
    : { address: text.replace(/%.*$/, ""), family };
};

const unique = <T>(items: readonly T[], key: (item: T) => string): readonly T[] => [
  ...new Map(items.map((item) => [key(item), item])).values(),
];

/** What is wanted somewhere else, before it is known where that is. */
interface Wanted {
  readonly host: string;
  readonly port: number;
  readonly component: string;
  readonly why: string;
  readonly optional?: boolean;
  /** A name of the internet. */
  readonly public?: true;
  readonly behind?: string;
  /** What a finding has seen of it. */
  readonly addresses?: readonly Address[];
}

/** A way out to there; nothing where it ends on this host. */
const outTo = (wanted: Wanted, { topology, names }: Seen): Made => {
  const { port, component, why, optional = false, behind } = wanted;
  const literal = addressOf(unbracketed(wanted.host));
  const name = plainName(wanted.host);
  if (name === "localhost") return NOTHING;
  if (literal === undefined && !isHostName(name)) return omit(oneLine(wanted.host), "it is no host name");
  const base = { direction: "out", protocols: ["tcp"], port, components: [component], why, optional } as const;
  const elsewhere = (address: Address): boolean => !isOwnAddress(topology, address.address);
  if (literal !== undefined)
    return elsewhere(literal) ? { ...NOTHING, rules: [{ ...base, addresses: [literal], stable: "yes" }] } : NOTHING;
  const saw = names.get(name);
  const found = [...(wanted.addresses ?? []), ...(saw?.ok ? saw.addresses : [])].flatMap(
    ({ address }) => addressOf(address) ?? [],
  );
  const addresses = unique(found.filter(elsewhere), ({ address }) => address);
  // A service of one's own on this very host needs no hole; a name of the internet that points here does.
  if (found.length > 0 && addresses.length === 0 && !wanted.public) return NOTHING;
  const lack = saw && !saw.ok ? oneLine(saw.message) : "it was not looked up";
  const unresolved =
    found.length > 0 ? `it resolves to ${found[0]?.address}, this host itself: the answer of a filter` : lack;
  const rule: OutRule = {
    ...base,
    name,
    addresses,
    ...(addresses.length === 0 && { unresolved }),
    stable: wanted.public ? "no" : "own-dns",
    ...(behind !== undefined && { behind }),
  };
  return { ...NOTHING, rules: [rule] };
};

/** By the way that a component takes: straight there, or to its proxy, which has to reach it then. */
const outBy = (route: Route | undefined, wanted: Wanted, seen: Seen): Made => {
  if (route?.via === "refused")
    return omit(
      oneLine(wanted.host),
      `${route.variable} of ${wanted.component} is unusable: ${oneLine(route.problem)}; every request of Go fails`,
    );
  if (route?.via !== "proxy") return outTo(wanted, seen);
  const { host, port, shown } = route.proxy;
  const { component, why, optional = false } = wanted;
  const name = unbracketed(plainName(wanted.host));
  if (!isHostName(name) && addressOf(name) === undefined) return omit(oneLine(wanted.host), "it is no host name");
  const place = oneLine(shown);
  const made = outTo(
    { host, port, component, why: `the proxy ${place}; without it: nothing behind it is reached` },
    seen,
  );
  const own = `The proxy ${place} is on this host: what it needs itself to go out is not in this list.`;
  return {
    ...made,
    ...(made.rules.length === 0 && made.omitted.length === 0 && { notes: [own] }),
    proxied: [{ name, port: wanted.port, proxy: place, components: [component], why, optional }],
  };
};

/** The program in whose place a finding was asked. */
const askedAs = ({ vantage: { env } }: Finding, { components }: Topology): Component | undefined =>
  components.find(({ name }) => env?.startsWith(`${name}: `));

/** cscli, and what runs it: by hand, with sudo, every day. */
const CSCLI = ["cscli", "cscli-sudo", "crowdsec-hubupdate"];

/** Who asks what this finding is about: what is cscli's is asked by all that run it, each in an environment of its own. */
const askersOf = (finding: Finding, topology: Topology): readonly (Component | undefined)[] => {
  // What was never asked is judged as the engine would ask it.
  const asked = askedAs(finding, topology) ?? componentOf(topology, "crowdsec");
  if (asked === undefined || !CSCLI.includes(asked.name)) return [asked];
  const every = CSCLI.flatMap((name) => componentOf(topology, name) ?? []);
  // An installer is fetched by hand.
  return topology.phase.value === "install" ? every.filter(({ name }) => name !== "crowdsec-hubupdate") : every;
};

const CLOUDFRONT = /\.cloudfront\.net$/;

const outgoing = (seen: Seen): readonly Made[] => {
  const { findings, topology, endpoints } = seen;
  return endpoints.flatMap((row): readonly Made[] => {
    const own = findings.filter(({ id }) => id === row.id);
    return own.flatMap((finding): readonly Made[] => {
      const { status, reason = "", target, summary, vantage } = finding;
      if (status === "skip") return [omit(row.host, oneLine(reason.replace(/^not applicable: /, "")))];
      // An address that is configured and cannot be used.
      if (target?.host === undefined && status !== "unknown") return [omit(row.host, oneLine(summary))];
      const host = target?.host ?? row.host;
      const doubt = status === "unknown" ? [note(`${host} is in the list by default: ${oneLine(reason)}.`)] : [];
      const redirected = target?.origin?.startsWith("redirect of ") ?? false;
      const where = redirected ? `where ${row.host} redirects to: ${row.purpose}` : row.purpose;
      const behind = CLOUDFRONT.test(host) ? "CloudFront" : host === row.host ? row.behind : undefined;
      const wanted = {
        host,
        port: target?.port ?? row.port,
        why: `${where}; without it: ${row.breaks}`,
        optional: status === "warn" || row.optional,
        public: true,
        ...(behind !== undefined && { behind }),
        ...(vantage.route === "direct" && finding.addresses && { addresses: finding.addresses }),
      } as const;
      const url = `https://${bracketed(host)}:${wanted.port}/`;
      const ways = askersOf(finding, topology).map((asker) => {
        const route = environmentOf(asker) && routeTo(environmentOf(asker)?.proxies ?? topology.shell.proxies, url);
        return outBy(
          route,
          { ...wanted, component: row.phase === "install" ? "installer" : (asker?.name ?? "crowdsec") },
          seen,
        );
      });
      return [...ways, ...doubt, ...lacksRedirect(row, own)];
    });
  });
};

/** The host that the packages themselves come from has a name only in the repository's answer. */
const lacksRedirect = ({ id, host }: OutgoingEndpoint, own: readonly Finding[]): readonly Made[] => {
  if (id !== "outgoing-packages" || own.some(({ target }) => target?.origin?.startsWith("redirect of "))) return [];
  return [
    note(
      `${host} sends apt and dnf on to a host of CloudFront for the packages themselves, and this run could not see to which: once ${host} is open, print this list again. https://packagecloud.io/docs/security`,
    ),
  ];
};

const DNS_PORT = 53;

const resolvers = ({ topology: { resolver }, upstream }: Seen): readonly Made[] => {
  const rule = (address: Address, why: string): Made => ({
    ...NOTHING,
    rules: [
      {
        direction: "out",
        protocols: ["udp", "tcp"],
        port: DNS_PORT,
        addresses: [address],
        components: ["every component"],
        why,
        optional: false,
        stable: "yes",
      },
    ],
  });
  const named = [...new Set(resolver.servers)].map((server) => ({ server, address: addressOf(server) }));
  const local = named.filter(({ address }) => address && LOOPBACK.test(address.address));
  const elsewhere = named.flatMap(({ address }) => (address && !LOOPBACK.test(address.address) ? [address] : []));
  const upstreams = (local.length === 0 ? [] : (upstream ?? [])).flatMap((server) => {
    const address = addressOf(server);
    return address && !LOOPBACK.test(address.address) ? [address] : [];
  });
  const listed = local.map(({ server }) => server).join(", ");
  const unnamed = resolver.configured ? "" : ", which is what Go asks since /etc/resolv.conf names none";
  const asks =
    upstreams.length > 0
      ? `it asks ${upstreams.map(({ address }) => address).join(", ")} in turn (/run/systemd/resolve/resolv.conf), which are in this list`
      : "the nameservers that it asks in turn have to be allowed too (udp and tcp, port 53), AND ARE NOT IN THIS LIST: resolvectl status, or its own configuration, names them";
  return [
    ...elsewhere.map((address) => rule(address, "the nameserver of /etc/resolv.conf; without it: no name is found")),
    ...upstreams.map((address) =>
      rule(address, "the nameserver that this host's own asks; without it: no name is found"),
    ),
    ...(local.length > 0
      ? [note(`Names are asked for at this host's own resolver (${listed}${unnamed}): ${asks}.`)]
      : []),
  ];
};

const LAPI_BREAKS: Readonly<Record<LapiClient["kind"], string>> = {
  machine: "its alerts do not arrive, and an agent does not start",
  bouncer: "it gets no decisions and blocks nobody new",
  self: "",
};

const localApis = (seen: Seen): readonly Made[] => {
  const { topology } = seen;
  const { clients } = topology;
  if ("hidden" in clients) return [omit("the Local API", clients.hidden)];
  if ("absent" in clients) return [omit("the Local API", clients.absent)];
  return clients.map((client): Made => {
    const { name, way, kind } = client;
    if (kind === "self") return NOTHING;
    const what = `the Local API of ${name}`;
    if ("hidden" in way) return omit(what, way.hidden);
    if ("absent" in way) return omit(what, way.absent);
    if ("malformed" in way) return omit(what, `its address (${way.malformed.origin}) is ${way.problem}`);
    if (way.socket !== undefined) return NOTHING;
    const url = way.url.value;
    const { host, port } = hostAndPort(url);
    const environment = environmentOf(componentOf(topology, client.component));
    const route = client.neverProxied === undefined && environment ? routeTo(environment.proxies, url) : undefined;
    const why = `the Local API (${way.url.origin}); without it: ${LAPI_BREAKS[kind]}`;
    const made = outBy(route, { host, port, component: client.component ?? name, why }, seen);
    if (route?.via !== "proxy") return made;
    return {
      ...made,
      notes: [
        `${name} asks the Local API ${host}:${port} through the proxy ${route.proxy.shown}, which is seldom meant: NO_PROXY=${host} keeps it out of it.`,
      ],
    };
  });
};

const database = (seen: Seen): Made => {
  const { database: config } = seen.topology;
  if ("hidden" in config) return omit("the database", config.hidden);
  if ("malformed" in config) return omit("the database", `db_config (${config.malformed.origin}) is ${config.problem}`);
  if ("absent" in config || config.kind === "sqlite" || "socket" in config.at) return NOTHING;
  const { host, port } = config.at;
  const why = `the database (${host.origin}); without it: the Local API does not start`;
  return outTo({ host: host.value, port: port.value, component: "crowdsec", why }, seen);
};

const targets = (seen: Seen): readonly Made[] =>
  seen.topology.targets.map(({ url }) => {
    const why = `metrics that Prometheus scrapes (${url.origin}); without it: its dashboards stay empty`;
    return outTo({ ...hostAndPort(url.value), component: "prometheus", why }, seen);
  });

/** What listens beyond loopback lets others in; nothing else has to be open. */
const inTo = (
  seen: Seen,
  listener: { readonly what: string; readonly host: string; readonly port: number; readonly origin: string },
  clients: Clients,
  why: string,
): Made => {
  const { what, origin, port } = listener;
  const host = unbracketed(listener.host);
  if (LOOPBACK.test(host))
    return omit(`inbound tcp/${port}`, `${what} listens on ${host} only (${origin}), so nobody from outside needs it`);
  const literal = addressOf(host);
  const rule: InRule = {
    direction: "in",
    protocols: ["tcp"],
    port,
    addresses: isWildcard(host) || literal === undefined ? [] : [literal],
    clients,
    from: seen.from[clients],
    components: ["crowdsec"],
    why: `${what} (${oneLine(origin)}); without it: ${why}`,
  };
  return { ...NOTHING, rules: [rule] };
};

const METRICS_NOTE =
  "The port of the metrics carries the profiler too (/debug/pprof, without a switch of its own): it should be open to Prometheus' address only.";

const inbound = (seen: Seen): readonly Made[] => {
  const { listen, metrics } = seen.topology;
  const { uri } = listen;
  const lapi = (): readonly Made[] => {
    if (uri === undefined || !hasRole(seen.topology, "lapi")) return [];
    if ("malformed" in uri)
      return [omit("inbound, the Local API", `listen_uri (${uri.malformed.origin}) is ${uri.problem}`)];
    const listener = { what: "the Local API", ...uri.value, origin: uri.origin };
    return [inTo(seen, listener, "clients", "agents and bouncers elsewhere get no answer")];
  };
  const scraped = (): readonly Made[] => {
    if ("hidden" in metrics) return [omit("inbound, the metrics", metrics.hidden)];
    if ("absent" in metrics || "malformed" in metrics || !metrics.enabled.value) return [];
    const { listenAddress, listenPort } = metrics;
    const at = { host: listenAddress.value, port: listenPort.value, origin: listenAddress.origin };
    const made = inTo(
      seen,
      { what: "the metrics endpoint", ...at },
      "prometheus",
      "a Prometheus elsewhere gets no metrics",
    );
    return [made.rules.length > 0 ? { ...made, notes: [METRICS_NOTE] } : made];
  };
  const appsec = listen.appsec.map(({ value, origin }) =>
    inTo(seen, { what: "AppSec", ...value, origin }, "clients", "web servers elsewhere cannot have requests judged"),
  );
  return [...lapi(), ...scraped(), ...appsec];
};

/** One rule for what several components need; what one of them cannot do without is not optional. */
const merged = <T extends { readonly components: readonly string[]; readonly optional?: boolean }>(
  items: readonly T[],
  key: (item: T) => string,
): readonly T[] => {
  const found = new Map<string, T>();
  for (const item of items) {
    const known = found.get(key(item));
    const components = [...new Set([...(known?.components ?? []), ...item.components])];
    const optional =
      known === undefined || item.optional === undefined ? {} : { optional: item.optional && known.optional };
    found.set(key(item), { ...(known ?? item), components, ...optional });
  }
  return [...found.values()];
};

const ruleKey = (rule: Rule): string =>
  JSON.stringify([
    rule.direction,
    rule.protocols,
    rule.port,
    rule.direction === "out" && rule.name,
    rule.addresses.map(({ address }) => address).sort(),
  ]);

/** As connections leave it, as far as one has been seen; else every address that others could know it by. */
const sourcesOf = ({ findings, topology }: Seen): readonly Address[] => {
  const used = findings.flatMap(({ addresses = [] }) =>
    addresses.flatMap(({ source }) => addressOf(source ?? "") ?? []),
  );
  const sources = used.length > 0 ? used : topology.interfaces.flatMap(({ address }) => addressOf(address) ?? []);
  return unique(
    sources.filter(({ address }) => !LOOPBACK.test(address) && !LINK_LOCAL.test(address)),
    ({ address }) => address,
  );
};

/** From what is configured here, and what a run has seen, to what a firewall must let through. */
export const allowList = (seen: Seen): AllowList => {
  const { topology, version, at } = seen;
  const made = [
    ...resolvers(seen),
    ...outgoing(seen),
    ...localApis(seen),
    database(seen),
    ...targets(seen),
    ...inbound(seen),
  ];
  const bouncers = hasRole(topology, "bouncer")
    ? ["Bouncers need their Local API and a nameserver, and never the internet."]
    : [];
  // Files, answers and configurations of others end in text that is copied and run.
  return printableDeep<AllowList>({
    host: isHostName(topology.resolver.hostname ?? "") ? (topology.resolver.hostname ?? "") : "this host",
    roles: topology.roles.map(({ value }) => value),
    phase: topology.phase.value,
    ...(version && { version: showVersion(version) }),
    lookedUpAt: at.toISOString(),
    sources: sourcesOf(seen),
    rules: merged(
      made.flatMap(({ rules }) => rules),
      ruleKey,
    ),
    proxied: merged(
      made.flatMap(({ proxied }) => proxied),
      ({ name, port, proxy }) => JSON.stringify([name, port, proxy]),
    ),
    omitted: unique(
      made.flatMap(({ omitted }) => omitted),
      (item) => JSON.stringify(item),
    ),
    notes: [...new Set([...bouncers, ...made.flatMap(({ notes }) => notes)])],
  });
};

const namesWithoutAddress = (rules: readonly Rule[]): readonly string[] => [
  ...new Set(
    rules.flatMap((rule) =>
      rule.direction === "out" && rule.addresses.length === 0 && rule.name !== undefined ? [rule.name] : [],
    ),
  ),
];

/** Names that an allow-list has no address for yet; to be looked up, and the list made once more. */
export const unknownNames = ({ rules }: AllowList): readonly string[] => namesWithoutAddress(rules);

/** Those of them that CrowdSec cannot do without: a firewall of addresses alone shuts it off. */
export const lackingNames = ({ rules }: AllowList): readonly string[] =>
  namesWithoutAddress(rules.filter((rule) => rule.direction === "out" && !rule.optional));
