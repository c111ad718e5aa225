import type { ConditionalRemedy, Context, Evidence, Fault } from "../src/model/check.ts";
import type {
  Address,
  DnsAnswer,
  DnsObservation,
  Failed,
  HttpAnswered,
  HttpRequest,
  LayerCode,
  TcpObservation,
  TcpQuestion,
  TlsSeen,
} from "../src/model/observation.ts";
import { type ProxyServer, type Route, routeTo } from "../src/model/proxy.ts";
import type { Party } from "../src/model/report.ts";
import { usesLibc } from "../src/model/resolver.ts";
import { type Component, environmentOf } from "../src/model/topology.ts";
import { bracketed, hostAndPort, toUrl } from "../src/model/url.ts";

/** What each fault of the layers says; whose it is and how it is mended depends on the service. */
const SAYS: Readonly<Record<LayerCode, string>> = {
  "dns-nxdomain": "{host} does not resolve: {message}",
  "dns-nodata": "{host} has no usable address: {message}",
  "dns-servfail": "{host} does not resolve: {message}",
  "dns-refused": "{host} does not resolve: {message}",
  "dns-timeout": "{host} does not resolve: {message} within {ms} ms",
  "dns-sinkhole": "{host} resolves to {addresses}, which is no address of it: the answer of a filter ({message})",
  "dns-no-resolver": "{host} does not resolve: {message}",
  "dns-unreachable": "{host} does not resolve: {message}",
  "tcp-refused": "{place} refuses the connection ({addresses})",
  "tcp-timeout": "{place} does not answer within {ms} ms ({addresses})",
  "tcp-unreachable": "{place} cannot be reached: {message} ({addresses})",
  "tcp-reset": "{place} resets the connection ({addresses})",
  "proxy-invalid": "{place}: {variable} of {component} is {message}, so Go refuses every request",
  "proxy-unreachable": "{place} is asked through the proxy {proxy}, which cannot be reached: {message}",
  "proxy-auth-required": "{place} is asked through the proxy {proxy}, which wants a login: {message}",
  "proxy-denied": "{place} is asked through the proxy {proxy}, which denies it: {message}",
  "proxy-upstream": "{place} is asked through the proxy {proxy}, which does not get there itself: {message}",
  "proxy-protocol": "{place} is asked through the proxy {proxy}, and what answers there is no proxy: {message}",
  "tls-reset": "{place} accepts the connection, then cuts it off during the TLS handshake",
  "tls-stalled": "{place} accepts the connection, then never answers the TLS ClientHello ({ms} ms)",
  "tls-not-tls": "{place} does not speak TLS: something else answers there",
  "tls-untrusted": "the certificate of {place} is signed by an authority that this system does not trust: {issuer}",
  "tls-expired": "the certificate of {place} has expired: valid until {validTo}, it is {now} here{peer}",
  "tls-not-yet-valid": "the certificate of {place} is not valid yet: from {validFrom}, it is {now} here{peer}",
  "tls-wrong-host": "the certificate of {place} is for other names: {names}",
  "tls-no-san":
    "the certificate of {place} names it only as common name ({subject}), which CrowdSec, a Go program, refuses",
  "tls-version": "{place} offers no TLS 1.2 or newer",
  "tls-client-cert": "{place} demands a client certificate",
  "tls-alert": "{place} refuses the TLS handshake: {message}",
  "http-timeout": "{place} accepts the connection, then never answers the request ({ms} ms)",
  "http-status": "{place} answers HTTP {status}",
  "http-redirect": "{place} redirects to {location}",
  "http-invalid": "{place} gives no valid HTTP answer: {message}",
  "identity-mismatch": "something else answers on {place}: {seen}",
};

export interface LayerFault {
  readonly blame: Party;
  readonly confidence?: "certain" | "likely" | "possible";
  readonly remedy: readonly ConditionalRemedy[];
}

/**
 * What waiting does not mend: a certificate that is wrong and the store that does not know it, what a variable says, and a
 * login at the proxy that was refused, which is never tried again.
 */
const STAYING: ReadonlySet<string> = new Set<LayerCode>([
  "proxy-invalid",
  "proxy-auth-required",
  "tls-untrusted",
  "tls-expired",
  "tls-wrong-host",
  "tls-no-san",
  "tls-version",
  "tls-client-cert",
]);

/** Faults for a set of layer codes: the common sentence, the service's own blame and remedy. */
export const layerFaults = <K extends LayerCode>(
  rows: Readonly<Record<K, LayerFault>>,
  severity?: "warning",
): Readonly<Record<K, Fault>> =>
  Object.fromEntries(
    Object.entries<LayerFault>(rows).map(([code, row]) => [
      code,
      {
        ...row,
        ...(severity && { severity }),
        ...(STAYING.has(code) && { recovers: false }),
        says: SAYS[code as K],
      },
    ]),
  ) as Record<K, Fault>;

/** The codes that a walk through a proxy can end with, before its target is reached. */
export const PROXY_CODES = [
  "proxy-invalid",
  "proxy-unreachable",
  "proxy-auth-required",
  "proxy-denied",
  "proxy-upstream",
  "proxy-protocol",
] as const satisfies readonly LayerCode[];

/** The codes that a walk to a name can end with, before anything is read from the answer. */
export const DNS_CODES = [
  "dns-nxdomain",
  "dns-nodata",
  "dns-servfail",
  "dns-refused",
  "dns-timeout",
  "dns-sinkhole",
  "dns-no-resolver",
  "dns-unreachable",
] as const satisfies readonly LayerCode[];

export interface Walked {
  readonly evidence: Evidence;
  /** The family that this host lacks and the name has only. */
  readonly missing?: 4 | 6;
  readonly failed?: Failed;
  readonly reply?: HttpAnswered;
  /** For the sentences of `layerFaults`. */
  readonly data: Readonly<Record<string, string | number>>;
  /** A family whose every address failed although the other works, and not merely for want of a route. */
  readonly brokenFamily?: { readonly family: 4 | 6; readonly code: string };
  /** What else was seen: stands behind a fault's sentence, and in the note of a pass. */
  readonly also: readonly string[];
}

export interface Way {
  readonly url: string;
  /** In place of the URL's host: a unix socket's path. */
  readonly socket?: string;
  readonly origin: string;
  /** In whose place it is asked: its proxies, its CA store and its resolver count. Without one, straight there. */
  readonly component?: Component;
  /** Why this client takes no proxy, whatever its environment says. */
  readonly neverProxied?: string;
  /** A name of the internet: an answer that points at this host itself is a filter's. */
  readonly public: boolean;
  readonly request: Omit<HttpRequest, "url" | "address">;
  readonly path: string;
}

const SELF = /^(0\.0\.0\.0|127\.\d+\.\d+\.\d+|::|::1)$/;

/** Worst last: when addresses fail in different ways, the one that says most speaks for all. */
const TELLING = ["tcp-unreachable", "tcp-reset", "tcp-refused", "tcp-timeout"];

/** Of loopback and of the link itself: no way to anywhere else. */
const NO_WAY_OUT = /^(127\.|169\.254\.|::1$|fe80:)/i;

/** Tens of milliseconds are precise enough for a sentence, and a limit reads as the limit that it was. */
const roundMs = (ms: number): number => Math.round(ms / 10) * 10;

/** What a request can be sent over. */
interface Connected extends Walked {
  /** An address, or a unix socket's path; undefined when nothing connects. */
  readonly over?: string;
  /** The proxy whose address that is. */
  readonly proxy?: ProxyServer;
  /** An address of the other family that connects too. */
  readonly other?: Address;
}

const connectSocket = async (
  context: Context,
  { socket: path = "", origin, component }: Destination,
  look: number | undefined,
): Promise<Connected> => {
  const saw = await context.probe.socket({ path, ...(look !== undefined && { look }) });
  const evidence: Evidence = { target: { path, origin }, socket: saw, ...(component && { component }) };
  const data = { host: path, port: "", place: path, addresses: "unix socket", origin, ...told(component) };
  if (saw.ok) return { over: path, evidence, data, also: [] };
  return { failed: saw, evidence, data: { ...data, message: saw.message, ms: roundMs(saw.elapsedMs) }, also: [] };
};

/** Where a walk goes, and as whom, whatever is asked there. */
export type Destination = Pick<Way, "url" | "socket" | "origin" | "public" | "component" | "neverProxied">;

/** What the sentences about a proxy need, whether there is one or not. */
const told = (component: Component | undefined): Readonly<Record<string, string>> => ({
  proxy: "",
  proxyPlace: "",
  variable: "",
  component: component?.name ?? "this tool",
  environment: environmentOf(component)?.origin ?? "unknown",
});

/** How this component's request gets there: its own environment decides, unless the client takes no proxy at all. */
const routeFor = ({ url, component, neverProxied }: Destination): Route | undefined => {
  if (neverProxied !== undefined) return { via: "direct", because: "never", detail: neverProxied };
  const environment = environmentOf(component);
  return environment && routeTo(environment.proxies, url);
};

interface Names {
  readonly dns: DnsObservation;
  readonly also: readonly string[];
}

/**
 * As this component resolves a name: by Go's own resolver; or by the C library, where its build can ask that and the
 * system's files want it to. What only the C library knows is told, since a shell reaches it all the same.
 */
const resolve = async (context: Context, host: string, component: Component | undefined): Promise<Names> => {
  const dns = await context.probe.dns({ name: host });
  // Of Prometheus' targets there can be thousands, and asking the C library is a process each.
  if (dns.ok || component === undefined) return { dns, also: [] };
  const names = environmentOf(component)?.names;
  const seen = {
    ...context.topology.resolver,
    ...(names?.forced && { forced: names.forced }),
    ...(names?.because !== undefined && { wantsLibc: names.because }),
  };
  const reason = component.build?.resolver === "libc" ? usesLibc(seen, host, component.build.goVersion) : undefined;
  // Nameservers that fail are no answer; only who asks elsewhere too can still get one.
  if (reason === undefined && dns.code !== "dns-nxdomain" && dns.code !== "dns-nodata") return { dns, also: [] };
  const libc = await context.probe.dns({ name: host, by: "libc" });
  if (!libc.ok) return { dns, also: [] };
  const { modules } = seen;
  const knows = `the C library (nsswitch.conf: ${modules.join(" ") || "no hosts line"})`;
  const addresses = libc.addresses.map(({ address }) => address).join(", ");
  if (reason !== undefined)
    return {
      dns: libc,
      also: [`only ${knows} knows the name, and this build of ${component.name} asks it (${reason})`],
    };
  const build =
    component.build === undefined
      ? "CrowdSec's official builds do not ask it, Debian's may"
      : `this build of ${component.name} does not ask it`;
  return { dns, also: [`${knows} knows it as ${addresses}, but ${build}`] };
};

/** Every address of each family is tried. */
const dialAll = (
  context: Context,
  dns: DnsAnswer,
  port: number,
  look: number | undefined,
): Promise<readonly { readonly at: TcpQuestion; readonly saw: TcpObservation }[]> =>
  Promise.all(
    dns.addresses.map(async (address) => {
      const at: TcpQuestion = { ...address, port, ...(look !== undefined && { look }) };
      return { at, saw: await context.probe.tcp(at) };
    }),
  );

type Dialed = Awaited<ReturnType<typeof dialAll>>;

/** Addresses that connected, IPv6 first as Go tries them; and of the failures, the one that says most. */
const outcome = (tcp: Dialed): { readonly reachable: readonly Address[]; readonly telling: Failed | undefined } => {
  const reachable = tcp
    .filter(({ saw }) => saw.ok)
    .map(({ at: { address, family } }) => ({ address, family }))
    .sort((a, b) => b.family - a.family);
  const failures = tcp.flatMap(({ saw }) => (saw.ok ? [] : [saw]));
  const [telling] = failures.sort((a, b) => TELLING.indexOf(b.code) - TELLING.indexOf(a.code));
  return { reachable, telling };
};

/** To the proxy: what its name and its port say is not the target's fault. */
const connectProxy = async (
  context: Context,
  { proxy, variable }: Extract<Route, { readonly via: "proxy" }>,
  base: { readonly evidence: Evidence; readonly data: Walked["data"]; readonly component: Component | undefined },
  look: number | undefined,
): Promise<Connected> => {
  const data = { ...base.data, proxy: proxy.shown, proxyPlace: `${bracketed(proxy.host)}:${proxy.port}`, variable };
  const unreachable = (saw: Failed, message: string, evidence: Evidence): Connected => ({
    failed: { ...saw, phase: "proxy", code: "proxy-unreachable", message },
    evidence: { ...base.evidence, ...evidence },
    data: { ...data, message },
    also: [],
  });
  const { dns } = await resolve(context, proxy.host, base.component);
  if (!dns.ok) return unreachable(dns, `${proxy.host} does not resolve: ${dns.message}`, { dns });
  const tcp = await dialAll(context, dns, proxy.port, look);
  const { reachable, telling } = outcome(tcp);
  const [first] = reachable;
  if (first === undefined && telling) return unreachable(telling, telling.message, { dns, tcp });
  return {
    ...(first && { over: first.address }),
    proxy,
    evidence: { ...base.evidence, dns, tcp },
    data: { ...data, addresses: reachable.map(({ address }) => address).join(", ") },
    also: [],
  };
};

/** Whether this host has an address of this family that leads anywhere else. */
export const hasFamily = (interfaces: readonly Address[], family: 4 | 6): boolean =>
  interfaces.some((own) => own.family === family && !NO_WAY_OUT.test(own.address));

/** Why no address can be dialed: a host of one family and a name of the other. */
const familiesApart = (dns: DnsAnswer, interfaces: readonly Address[]): 4 | 6 | undefined => {
  const [first] = dns.addresses;
  if (first === undefined || dns.addresses.some(({ family }) => family !== first.family)) return undefined;
  return hasFamily(interfaces, first.family) ? undefined : first.family;
};

/** Name and TCP; or the unix socket, where there is one; or the proxy, where this component takes one. */
export const connect = async (context: Context, to: Destination, look?: number): Promise<Connected> => {
  if (to.socket !== undefined) return connectSocket(context, to, look);
  const { url, origin, component } = to;
  const { host, port } = hostAndPort(url);
  const target = { host, port, url, origin };
  const route = routeFor(to);
  const base: Evidence = { target, ...(component && { component }), ...(route && { route }) };
  const words = {
    host,
    port,
    place: `${bracketed(host)}:${port}`,
    origin,
    proxy: "",
    variable: "",
    ...told(component),
  };
  if (route?.via === "refused") {
    const { variable, problem: message } = route;
    const failed: Failed = { ok: false, phase: "proxy", code: "proxy-invalid", message, elapsedMs: 0 };
    return { failed, evidence: base, data: { ...words, variable, message, ms: 0 }, also: [] };
  }
  if (route?.via === "proxy") return connectProxy(context, route, { evidence: base, data: words, component }, look);

  const { dns, also } = await resolve(context, host, component);
  if (!dns.ok)
    return {
      failed: dns,
      evidence: { ...base, dns },
      data: { ...words, message: dns.message, ms: roundMs(dns.elapsedMs) },
      also,
    };
  const addresses = dns.addresses.map(({ address }) => address).join(", ");
  if (to.public && dns.addresses.every(({ address }) => SELF.test(address))) {
    const failed: Failed = {
      ok: false,
      phase: "resolve",
      code: "dns-sinkhole",
      message: `answered by ${whoAnswered(dns)}`,
      elapsedMs: dns.elapsedMs,
    };
    return {
      failed,
      evidence: { ...base, dns: failed },
      data: { ...words, addresses, message: failed.message },
      also,
    };
  }
  const tcp = await dialAll(context, dns, port, look);
  const evidence: Evidence = { ...base, dns, tcp };
  const { reachable, telling } = outcome(tcp);
  const data = { ...words, addresses, message: telling?.message ?? "", ms: roundMs(telling?.elapsedMs ?? 0) };
  const [first] = reachable;
  if (first === undefined && telling) {
    const missing = telling.code === "tcp-unreachable" ? familiesApart(dns, context.topology.interfaces) : undefined;
    const apart = missing && `this host has no IPv${missing} address, and the name has no other`;
    return { failed: telling, evidence, data, also: [...also, ...(apart ? [apart] : [])], ...(missing && { missing }) };
  }
  const broken = brokenFamilyOf(tcp);
  const pinned = dns.from === "hosts" && dns.origin !== undefined ? [`pinned by ${dns.origin}`] : [];
  const other = reachable.find(({ family }) => family !== first?.family);
  return {
    ...(first && { over: first.address }),
    ...(other && { other }),
    evidence,
    data,
    also: [...also, ...pinned],
    ...(broken && { brokenFamily: broken }),
  };
};

const whoAnswered = ({ from, origin }: DnsAnswer): string => {
  if (from === "hosts") return origin ?? "/etc/hosts";
  return from === "libc" ? "the C library" : `nameserver ${from}`;
};

const brokenFamilyOf = (tcp: readonly { at: TcpQuestion; saw: TcpObservation }[]): Walked["brokenFamily"] => {
  for (const family of [4, 6] as const) {
    const failures = tcp.filter(({ at }) => at.family === family).map(({ saw }) => saw);
    const worst = failures.find((saw): saw is Failed => !saw.ok && saw.code !== "tcp-unreachable");
    if (worst && failures.every(({ ok }) => !ok)) return { family, code: worst.code };
  }
  return undefined;
};

/** Whom this component trusts: what the client's settings say, with the store that its environment names. */
const trustOf = ({ request, component }: Way): Pick<HttpRequest, "trust"> => {
  const store = environmentOf(component)?.store ?? {};
  if (store.file === undefined && store.directories === undefined) return request.trust ? { trust: request.trust } : {};
  return { trust: { ...(request.trust ?? { caFiles: [], only: false, skipVerify: false }), store } };
};

/** Whether it also fails over the other family: Go turns to that one only when the connection itself fails. */
const overOther = async (
  { probe }: Context,
  other: Address | undefined,
  request: HttpRequest,
): Promise<readonly string[]> => {
  // What is more than a look is sent once.
  if (other === undefined || request.method !== undefined || request.headers !== undefined) return [];
  const saw = await probe.http({ ...request, address: other.address });
  if (!saw.ok) return [];
  return [`over IPv${other.family} (${other.address}) the same works, but CrowdSec stays with what connected first`];
};

/** The family over which the same worked, if a finding's sentence says so (`overOther`). */
export const worksOver = (summary: string): 4 | 6 | undefined => {
  const family = /over IPv([46]) \(\S+\) the same works/.exec(summary)?.[1];
  return family === undefined ? undefined : family === "4" ? 4 : 6;
};

/** Layer by layer: name, TCP to every address, or to the proxy's; TLS, and one request without credentials. */
export const walk = async (context: Context, way: Way): Promise<Walked> => {
  const connected = await connect(context, way, way.request.look);
  const { over, proxy, other } = connected;
  if (connected.failed || over === undefined) return connected;
  const url = new URL(way.path, way.url).href;
  const request: HttpRequest = { ...way.request, ...trustOf(way), url, address: over, ...(proxy && { proxy }) };
  const http = await context.probe.http(request);
  const evidence = { ...connected.evidence, http };
  const data = { ...connected.data, ...certificateWords(http.tls) };
  if (http.ok) {
    const answer = {
      status: http.status,
      location: shownLocation(http.headers["location"], url),
      seen: describe(http),
    };
    return { ...connected, reply: http, evidence, data: { ...data, ...answer } };
  }
  const peer = http.peerDate === undefined ? "" : `, and ${http.peerDate} by the server's own clock`;
  const byNode = http.code === "tls-untrusted" && http.tls?.publicAuthority;
  const also = [
    ...connected.also,
    ...(await overOther(context, other, request)),
    ...(byNode ? ["Node's own list of authorities would trust it, and a check made by Node would pass"] : []),
  ];
  return {
    ...connected,
    failed: http,
    evidence,
    data: { ...data, message: http.message, ms: roundMs(lastLayerMs(http)), now: context.now.toISOString(), peer },
    also,
  };
};

/** What the sentences about a certificate need. */
export const certificateWords = (tls: TlsSeen | undefined): Readonly<Record<string, string>> => ({
  issuer: tls?.issuer ?? "none shown",
  subject: tls?.subject ?? "none shown",
  names: tls?.names.join(", ") || "none",
  validFrom: tls?.validFrom ?? "unknown",
  validTo: tls?.validTo ?? "unknown",
});

/** Where a redirect leads, without its query: a session may stand in it. */
const shownLocation = (location: string | undefined, base: string): string => {
  const url = location === undefined ? undefined : toUrl(location, base);
  return url ? `${url.origin}${url.pathname}` : "nowhere";
};

const lastLayerMs = ({ layers, elapsedMs }: Failed): number => layers?.at(-1)?.durationMs ?? elapsedMs;

/** An answer in a few words, so that a person recognises what is there: `HTTP 200, Server: nginx, "Welcome to nginx!"`. */
export const describe = ({ status, headers, body }: HttpAnswered): string => {
  const title = /<title[^>]{0,200}>([^<]{1,80})/i.exec(body.slice(0, 4096))?.[1]?.trim();
  const server = headers["server"];
  const type = headers["content-type"]?.split(";")[0];
  const words = [`HTTP ${status}`, server && `Server: ${server}`, title ? `"${title}"` : type];
  return words.filter(Boolean).join(", ");
};
