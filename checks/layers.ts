import type { ConditionalRemedy, Context, Evidence, Fault } from "../src/model/check.ts";
import type {
  Address,
  DnsAnswer,
  Failed,
  HttpAnswered,
  HttpRequest,
  LayerCode,
  TcpObservation,
  TcpQuestion,
  TlsSeen,
} from "../src/model/observation.ts";
import type { Party } from "../src/model/report.ts";
import { bracketed, hostAndPort } from "../src/model/url.ts";

/** What each fault of the layers says; whose it is and how it is mended depends on the service. */
const SAYS: Readonly<Record<LayerCode, string>> = {
  "dns-nxdomain": "{host} does not resolve: {message}",
  "dns-nodata": "{host} has no usable address: {message}",
  "dns-servfail": "{host} does not resolve: {message}",
  "dns-refused": "{host} does not resolve: {message}",
  "dns-timeout": "{host} does not resolve: {message} within {ms} ms",
  "dns-sinkhole": "{host} resolves to {addresses}, which is no address of it: the answer of a filter ({message})",
  "dns-no-resolver": "{host} does not resolve: {message}",
  "tcp-refused": "{place} refuses the connection ({addresses})",
  "tcp-timeout": "{place} does not answer within {ms} ms ({addresses})",
  "tcp-unreachable": "{place} cannot be reached: {message} ({addresses})",
  "tcp-reset": "{place} resets the connection ({addresses})",
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

/** Faults for a set of layer codes: the common sentence, the service's own blame and remedy. */
export const layerFaults = <K extends LayerCode>(
  rows: Readonly<Record<K, LayerFault>>,
  severity?: "warning",
): Readonly<Record<K, Fault>> =>
  Object.fromEntries(
    Object.entries<LayerFault>(rows).map(([code, row]) => [
      code,
      { ...row, ...(severity && { severity }), says: SAYS[code as K] },
    ]),
  ) as Record<K, Fault>;

/** The codes that a walk to a name can end with, before anything is read from the answer. */
export const DNS_CODES = [
  "dns-nxdomain",
  "dns-nodata",
  "dns-servfail",
  "dns-refused",
  "dns-timeout",
  "dns-sinkhole",
  "dns-no-resolver",
] as const satisfies readonly LayerCode[];

export interface Walked {
  readonly evidence: Evidence;
  readonly failed?: Failed;
  readonly reply?: HttpAnswered;
  /** For the sentences of `layerFaults`. */
  readonly data: Readonly<Record<string, string | number>>;
  /** A family whose every address failed although the other works, and not merely for want of a route. */
  readonly brokenFamily?: { readonly family: 4 | 6; readonly code: string };
}

export interface Way {
  readonly url: string;
  /** In place of the URL's host: a unix socket's path. */
  readonly socket?: string;
  readonly origin: string;
  /** A name of the internet: an answer that points at this host itself is a filter's. */
  readonly public: boolean;
  readonly request: Omit<HttpRequest, "url" | "address">;
  readonly path: string;
}

const SELF = /^(0\.0\.0\.0|127\.\d+\.\d+\.\d+|::|::1)$/;

/** Worst last: when addresses fail in different ways, the one that says most speaks for all. */
const TELLING = ["tcp-unreachable", "tcp-reset", "tcp-refused", "tcp-timeout"];

const sorted = (addresses: readonly Address[]): readonly Address[] =>
  [...addresses].sort((a, b) => b.family - a.family);

/** Tens of milliseconds are precise enough for a sentence, and a limit reads as the limit that it was. */
const roundMs = (ms: number): number => Math.round(ms / 10) * 10;

/** What a request can be sent over. */
interface Connected extends Walked {
  /** An address, or a unix socket's path; undefined when nothing connects. */
  readonly over?: string;
}

const connectSocket = async (
  context: Context,
  path: string,
  origin: string,
  look: number | undefined,
): Promise<Connected> => {
  const saw = await context.probe.socket({ path, ...(look !== undefined && { look }) });
  const evidence: Evidence = { target: { path, origin }, socket: saw };
  const data = { host: path, port: "", place: path, addresses: "unix socket", origin };
  if (saw.ok) return { over: path, evidence, data };
  return { failed: saw, evidence, data: { ...data, message: saw.message, ms: roundMs(saw.elapsedMs) } };
};

/** Name and TCP: every address of each family is tried. Or the unix socket, where there is one. */
export const connect = async (
  context: Context,
  { url, socket, origin, public: isPublic }: Pick<Way, "url" | "socket" | "origin" | "public">,
  look?: number,
): Promise<Connected> => {
  if (socket !== undefined) return connectSocket(context, socket, origin, look);
  const { host, port } = hostAndPort(url);
  const target = { host, port, url, origin };
  const dns = await context.probe.dns({ name: host });
  const words = { host, port, place: `${bracketed(host)}:${port}`, origin };
  if (!dns.ok)
    return {
      failed: dns,
      evidence: { target, dns },
      data: { ...words, message: dns.message, ms: roundMs(dns.elapsedMs) },
    };
  const addresses = dns.addresses.map(({ address }) => address).join(", ");
  if (isPublic && dns.addresses.every(({ address }) => SELF.test(address))) {
    const failed: Failed = {
      ok: false,
      phase: "resolve",
      code: "dns-sinkhole",
      message: `answered by ${whoAnswered(dns)}`,
      elapsedMs: dns.elapsedMs,
    };
    return {
      failed,
      evidence: { target, dns: failed },
      data: { ...words, addresses, message: failed.message },
    };
  }
  const tcp = await Promise.all(
    dns.addresses.map(async (address) => {
      const at: TcpQuestion = { ...address, port, ...(look !== undefined && { look }) };
      return { at, saw: await context.probe.tcp(at) };
    }),
  );
  const evidence: Evidence = { target, dns, tcp };
  const reachable = sorted(
    tcp.filter(({ saw }) => saw.ok).map(({ at }) => ({ address: at.address, family: at.family })),
  );
  const failures = tcp.flatMap(({ saw }) => (saw.ok ? [] : [saw]));
  const telling = [...failures].sort((a, b) => TELLING.indexOf(b.code) - TELLING.indexOf(a.code))[0];
  const data = { ...words, addresses, message: telling?.message ?? "", ms: roundMs(telling?.elapsedMs ?? 0) };
  const [first] = reachable;
  if (first === undefined && telling) return { failed: telling, evidence, data };
  const broken = brokenFamilyOf(tcp);
  return { ...(first && { over: first.address }), evidence, data, ...(broken && { brokenFamily: broken }) };
};

const whoAnswered = (dns: DnsAnswer): string => (dns.from === "hosts" ? "/etc/hosts" : `nameserver ${dns.from}`);

const brokenFamilyOf = (tcp: readonly { at: TcpQuestion; saw: TcpObservation }[]): Walked["brokenFamily"] => {
  for (const family of [4, 6] as const) {
    const failures = tcp.filter(({ at }) => at.family === family).map(({ saw }) => saw);
    const worst = failures.find((saw): saw is Failed => !saw.ok && saw.code !== "tcp-unreachable");
    if (worst && failures.every(({ ok }) => !ok)) return { family, code: worst.code };
  }
  return undefined;
};

/** Layer by layer: name, TCP to every address, TLS, and one request without credentials. */
export const walk = async (context: Context, way: Way): Promise<Walked> => {
  const connected = await connect(context, way);
  const { over } = connected;
  if (connected.failed || over === undefined) return connected;
  const url = new URL(way.path, way.url).href;
  const http = await context.probe.http({ url, address: over, ...way.request });
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
  return {
    ...connected,
    failed: http,
    evidence,
    data: { ...data, message: http.message, ms: roundMs(lastLayerMs(http)), now: context.now.toISOString(), peer },
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
  if (location === undefined || !URL.canParse(location, base)) return "nowhere";
  const { origin, pathname } = new URL(location, base);
  return `${origin}${pathname}`;
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
