import { setTimeout as pause } from "node:timers/promises";
import type { Address, Failed, FailureCode, HttpAnswered, Prober, Trust } from "../model/observation.ts";
import { type ProxyServer, readProxies, routeTo } from "../model/proxy.ts";
import { Secret } from "../model/secret.ts";
import { fill, printable } from "../model/text.ts";
import { hostAndPort, toUrl } from "../model/url.ts";
import type { Pinger, PingResult } from "./pinger.ts";
import { pingUrls } from "./url.ts";

/** The ways to the world that a ping needs. */
type Way = Pick<Prober, "dns" | "tcp" | "http">;

/**
 * A new prober, for one try: it remembers no answer of the try before, has no deadline but this one, and `signal` ends
 * whatever is still open.
 */
export type PingTransport = (limits: { readonly timeoutMs: number; readonly signal: AbortSignal }) => Way;

export interface PingerOptions {
  /** A UUID. */
  readonly runId: string;
  readonly probe: PingTransport;
  /** Of this shell: HTTPS_PROXY, HTTP_PROXY and NO_PROXY count, SSL_CERT_FILE and SSL_CERT_DIR too. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** For one try with all that belongs to it, milliseconds. */
  readonly limitMs?: number;
  /** Between two tries, milliseconds. */
  readonly pauseMs?: number;
}

const LIMIT_MS = 10_000;
const PAUSE_MS = 1000;
const TRIES = 2;

/** For a try to come to its end when its time is up, milliseconds. */
const GRACE_MS = 250;

/** Addresses of a name that are tried. */
const MOST_ADDRESSES = 4;

/** Bytes of an answer that are read: of Healthchecks' own it is a word or two. */
const MOST_OF_ANSWER = 1024;

const seconds = (ms: number): string => `${ms / 1000} s`;

const SILENT = "no answer within {limit}";
const UNRESOLVED = "{host} does not resolve";
const UNTRUSTED = "the certificate of {host} is not trusted by this system";
const MISNAMED = "the certificate of {host} is for another name";
const CUT_OFF = "{host} cuts the connection off";

/** Failures in a few words. They are made from codes alone: what others say may repeat the URL. */
const PROBLEMS: Partial<Record<FailureCode, string>> = {
  "dns-nxdomain": UNRESOLVED,
  "dns-nodata": UNRESOLVED,
  "dns-servfail": UNRESOLVED,
  "dns-refused": UNRESOLVED,
  "dns-timeout": UNRESOLVED,
  "dns-no-resolver": UNRESOLVED,
  "dns-unreachable": UNRESOLVED,
  "tcp-refused": "{host} refuses the connection",
  "tcp-timeout": SILENT,
  "tcp-unreachable": "{host} cannot be reached from this host",
  "tcp-reset": CUT_OFF,
  "proxy-unreachable": "the proxy {proxy} cannot be reached",
  "proxy-auth-required": "the proxy {proxy} wants a login",
  "proxy-denied": "the proxy {proxy} denies it",
  "proxy-upstream": "the proxy {proxy} does not get there itself",
  "proxy-protocol": "what answers at {proxy} is no proxy",
  "tls-reset": CUT_OFF,
  "tls-stalled": SILENT,
  "tls-not-tls": "{host} does not speak TLS there",
  "tls-untrusted": UNTRUSTED,
  "tls-expired": "the certificate of {host} has expired",
  "tls-not-yet-valid": "the certificate of {host} is not valid yet",
  "tls-wrong-host": MISNAMED,
  "tls-no-san": MISNAMED,
  "tls-version": "{host} offers no TLS 1.2 or newer",
  "tls-client-cert": "{host} demands a client certificate",
  "tls-alert": "{host} refuses the TLS handshake",
  "http-timeout": SILENT,
  "http-invalid": "{host} gives no HTTP answer",
};

/** What a second try a moment later does not mend. */
const FINAL: ReadonlySet<FailureCode> = new Set<FailureCode>([
  "proxy-auth-required",
  "proxy-denied",
  "tls-untrusted",
  "tls-expired",
  "tls-not-yet-valid",
  "tls-wrong-host",
  "tls-no-san",
  "tls-version",
  "tls-client-cert",
]);

/** Redirects that keep the method, or that a ping may take for such. */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 307, 308]);

/**
 * What hc-ping.com answers with status 200 to a ping that it did not take: a check pinged by its UUID gets no other
 * (https://healthchecks.io/docs/http_api/).
 */
const NOT_TAKEN: Readonly<Record<string, string>> = {
  "OK (not found)": "HTTP 200, but it knows no such check",
  "OK (rate limited)": "HTTP 200, but it takes no more pings in this minute",
};

/** How one try ended; `again`: another one may do better. */
interface Tried {
  readonly result: PingResult;
  readonly again: boolean;
}

const DELIVERED: Tried = { result: { ok: true }, again: false };

const undelivered = (problem: string, again: boolean): Tried => ({
  result: { ok: false, problem: printable(problem) },
  again,
});

/** Where to dial, and what is known of it for the words about a failure. */
interface Destination {
  readonly url: URL;
  readonly proxy: ProxyServer | undefined;
}

/** What a try has besides its question. */
interface Means extends Pick<PingerOptions, "environment"> {
  readonly way: Way;
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

const failedAs = ({ url, proxy }: Destination, { code }: Failed, { limitMs, signal }: Means): Tried => {
  const ofProxy = proxy !== undefined && /^(?:dns|tcp)-/.test(code);
  // What the end of its time cut off fails in any way.
  const template = signal.aborted ? SILENT : (PROBLEMS[ofProxy ? "proxy-unreachable" : code] ?? "no answer");
  const data = { host: url.hostname, proxy: proxy?.shown ?? "", limit: seconds(limitMs) };
  return undelivered(fill(template, data), !FINAL.has(code));
};

/** As Go resolves a name, and then as the C library does: a server of one's own may be known by mDNS only. */
const resolve = async ({ dns }: Way, name: string): Promise<readonly Address[] | Failed> => {
  const asked = await dns({ name });
  const answer = asked.ok ? asked : await dns({ name, by: "libc" });
  if (!answer.ok) return answer;
  // Of each family in turn, so that one that leads nowhere does not take all the places.
  const place = (one: Address): number => answer.addresses.filter(({ family }) => family === one.family).indexOf(one);
  return [...answer.addresses].sort((a, b) => place(a) - place(b)).slice(0, MOST_ADDRESSES);
};

const TELLS_LITTLE = "tcp-unreachable";

/** All are dialed at once, so that a silent one costs nothing; a single one needs no trial. */
const firstToConnect = ({ tcp }: Way, addresses: readonly Address[], port: number): Promise<Address | Failed> => {
  const [only, ...others] = addresses;
  if (only !== undefined && others.length === 0) return Promise.resolve(only);
  return new Promise((resolve, reject) => {
    const failures: Failed[] = [];
    for (const at of addresses) {
      tcp({ ...at, port }).then((saw) => {
        if (saw.ok) return resolve(at);
        failures.push(saw);
        if (failures.length === addresses.length) resolve(failures.find(({ code }) => code !== TELLS_LITTLE) ?? saw);
      }, reject);
    }
  });
};

/** Where a redirect leads, if that is the same over https: the path is a secret, which nobody else gets to see. */
const redirected = (from: URL, { status, headers }: HttpAnswered): URL | undefined => {
  const { location } = headers;
  const to = REDIRECTS.has(status) && location !== undefined ? toUrl(location, from.href) : undefined;
  if (to === undefined) return undefined;
  const path = ({ pathname, search }: URL): string => `${pathname.replace(/\/+$/, "")}${search}`;
  const same = to.hostname === from.hostname && to.username + to.password === "" && path(to) === path(from);
  return to.protocol === "https:" && same ? to : undefined;
};

/** Trust as a Go program with this environment has it; without these variables, this system's store. */
const trustOf = ({ SSL_CERT_FILE: file, SSL_CERT_DIR: directories }: PingerOptions["environment"]): Trust => ({
  caFiles: [],
  only: false,
  skipVerify: false,
  store: { ...(file && { file }), ...(directories && { directories }) },
});

/** Resolves, connects and sends. The body is a secret even where it is empty: then the prober remembers nothing of it. */
const send = async (url: URL, body: Secret, means: Means, redirects = 1): Promise<Tried> => {
  const { way, environment } = means;
  const route = routeTo(readProxies(environment), url.href);
  if (route.via === "refused") return undelivered(`what ${route.variable} names is no proxy to be used`, false);
  const proxy = route.via === "proxy" ? route.proxy : undefined;
  const to: Destination = { url, proxy };
  const { host, port } = proxy ?? hostAndPort(url.href);
  const addresses = await resolve(way, host);
  if ("ok" in addresses) return failedAs(to, addresses, means);
  const at = await firstToConnect(way, addresses, port);
  if ("ok" in at) return failedAs(to, at, means);
  const saw = await way.http({
    url: url.href,
    address: at.address,
    ...(proxy && { proxy }),
    method: "POST",
    body,
    headers: { "content-type": "text/plain; charset=utf-8" },
    trust: trustOf(environment),
    maxBytes: MOST_OF_ANSWER,
  });
  if (!saw.ok) return failedAs(to, saw, means);
  const next = redirects > 0 ? redirected(url, saw) : undefined;
  if (next !== undefined) return send(next, body, means, redirects - 1);
  const { status } = saw;
  if (status < 200 || status > 299) return undelivered(`HTTP ${status}`, status > 499);
  const refusal = NOT_TAKEN[saw.body.trim()];
  return refusal === undefined ? DELIVERED : undelivered(refusal, false);
};

/** One try within its time; whatever it left open is closed then. */
const attempt = async (
  url: Secret,
  body: string,
  { probe, environment, limitMs = LIMIT_MS }: PingerOptions,
): Promise<Tried> => {
  const end = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  const later = (ms: number, what: () => void): void => void timers.push(setTimeout(what, ms));
  // An answer whose body never ends has a status all the same, which comes to light as the connection is closed.
  later(limitMs, () => end.abort());
  const hung = new Promise<Tried>((resolve) =>
    later(limitMs + GRACE_MS, () => resolve(undelivered(fill(SILENT, { limit: seconds(limitMs) }), true))),
  );
  try {
    const way = probe({ timeoutMs: limitMs, signal: end.signal });
    const means: Means = { way, environment, limitMs, signal: end.signal };
    return await Promise.race([send(new URL(url.reveal()), new Secret(body), means), hung]);
  } catch {
    // A bug of ours; its words may hold the URL.
    return undelivered("an error of this tool", false);
  } finally {
    for (const timer of timers) clearTimeout(timer);
    end.abort();
  }
};

const deliver = async (url: Secret, body: string, options: PingerOptions): Promise<PingResult> => {
  for (let tries = 1; ; tries++) {
    const { result, again } = await attempt(url, body, options);
    if (result.ok || !again || tries === TRIES) return result;
    await pause(options.pauseMs ?? PAUSE_MS);
  }
};

/**
 * Sends a run's pings, in their order: the second one waits for the first. A ping takes some 21 seconds at most, and
 * never rejects.
 */
export const createPinger = (url: Secret, options: PingerOptions): Pinger => {
  const urls = pingUrls(url, options.runId);
  let before: Promise<unknown> = Promise.resolve();
  const inOrder = (to: Secret, body: string): Promise<PingResult> => {
    const sent = before.then(() => deliver(to, body, options));
    before = sent;
    return sent;
  };
  return {
    started: () => inOrder(urls.start, ""),
    ended: (exitCode, body) => inOrder(urls.end(exitCode), body),
  };
};
