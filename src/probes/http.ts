import type { EventEmitter } from "node:events";
import http from "node:http";
import type net from "node:net";
import type { SecureVersion } from "node:tls";
import type { Failed, FailureCode, HttpObservation, HttpRequest, Layer, Trust } from "../model/observation.ts";
import type { ProxyServer } from "../model/proxy.ts";
import { holdsSecret, Secret } from "../model/secret.ts";
import { stopwatch } from "./clock.ts";
import { failed, failedAfter, failure } from "./failure.ts";
import { handshakeLayer, open } from "./open.ts";
import { judgeForwarded, proxyAuthorization, withoutCredentials } from "./proxy.ts";
import type { Limits } from "./tcp.ts";
import type { TlsOpened } from "./tls.ts";
import type { Trusted } from "./trust-store.ts";

/** Imported when the first run needs it, since it costs more than all else; before any clock runs (see `prepare`). */
export const loadGot = (): Promise<typeof import("got")> => import("got");

/** Body bytes kept when a request names no limit of its own. */
const MAX_BODY = 64 * 1024;

/** What a conversation over HTTP needs besides its question. */
export interface Tools {
  readonly limits: Limits;
  readonly userAgent: string;
  readonly context: (trust: Trust | undefined, maxVersion?: SecureVersion) => Promise<Trusted | Failed>;
}

type Reply = Omit<Extract<HttpObservation, { ok: true }>, "elapsedMs" | "layers" | "tls">;

const revealed = (value: string | Secret): string => (value instanceof Secret ? value.reveal() : value);

/** got takes the host "unix" for a way to name a socket's path; the connection is open already, and `Host` is set. */
const requestUrl = (url: URL): URL => {
  const plain = new URL(url);
  if (plain.hostname === "unix") plain.hostname = "localhost";
  return plain;
};

/** For a proxy that passes a request on, its first line names the whole URL; got would name the path only. */
const absolutely =
  ({ origin, pathname, search }: URL): typeof http.request =>
  (url: unknown, options: unknown) =>
    http.request(url as URL, { ...(options as http.RequestOptions), path: `${origin}${pathname}${search}` });

/**
 * Sends one request over an open connection. No redirect is followed, nothing is tried again, nothing unpacked.
 * @param forwarder The proxy that is to pass it on, where the connection is one to a proxy.
 */
const exchange = async (
  socket: net.Socket,
  request: HttpRequest,
  { limits, userAgent }: Tools,
  forwarder?: ProxyServer,
): Promise<Reply | Failed> => {
  const elapsed = stopwatch();
  const { got } = await loadGot();
  if (socket.destroyed) return failed("response", "http-invalid", CLOSED, elapsed());
  const maxBytes = request.maxBytes ?? MAX_BODY;
  const url = new URL(request.url);
  const body = request.body === undefined ? undefined : revealed(request.body);
  const authorization = forwarder && proxyAuthorization(forwarder);
  const headers = Object.entries(request.headers ?? {}).map(([name, value]) => [name, revealed(value)] as const);
  return new Promise((resolve) => {
    const stream = got.stream(requestUrl(url), {
      method: request.method ?? "GET",
      createConnection: () => socket,
      headers: {
        // Node would add ":80" to a host without a port: over a given connection it knows no default one.
        host: url.host,
        "user-agent": userAgent,
        accept: "*/*",
        "accept-encoding": "identity",
        ...(body !== undefined && { "content-type": "application/json" }),
        ...Object.fromEntries(headers),
        ...(authorization && { "proxy-authorization": authorization.reveal() }),
      },
      ...(forwarder && { request: absolutely(url) }),
      ...(body !== undefined && { body }),
      decompress: false,
      followRedirect: false,
      retry: { limit: 0 },
      throwHttpErrors: false,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    let head: Pick<Reply, "status" | "headers"> | undefined;
    let settled = false;
    const before = socket.bytesRead;
    const settle = (result: Reply | Failed): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      stream.destroy();
      socket.destroy();
      resolve(result);
    };
    const finish = (truncated: boolean): void => {
      if (head)
        settle({ ok: true, ...head, body: Buffer.concat(chunks).subarray(0, maxBytes).toString("utf8"), truncated });
    };
    // Not got's own limit: that one ends with the first byte of an answer such as "101 Switching Protocols".
    const timer = setTimeout(() => {
      // A body that never ends still had a status and headers: those are the answer.
      finish(true);
      const begun = forwarder !== undefined && socket.bytesRead > before;
      const says = begun ? "it began to answer and did not finish" : "no HTTP response";
      settle(failed("response", "http-timeout", `${says} within ${limits.timeoutMs} ms`, elapsed()));
    }, limits.timeoutMs);
    stream.on(
      "response",
      (response: { statusCode: number; headers: Record<string, string | string[] | undefined> }) => {
        head = {
          status: response.statusCode,
          headers: Object.fromEntries(
            Object.entries(response.headers).map(([name, value]) => [
              name,
              Array.isArray(value) ? value.join(", ") : (value ?? ""),
            ]),
          ),
        };
      },
    );
    stream.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > maxBytes) finish(true);
    });
    // got listens to the request's first error only; a second one, of a socket that the run's end destroys, would end us.
    stream.on("request", (sent: EventEmitter) => sent.on("error", () => {}));
    stream.on("end", () => finish(false));
    stream.on("error", (error: Error & { cause?: unknown }) => {
      // A body that breaks off still had a status and headers too.
      finish(true);
      settle(failure("response", error, elapsed()));
    });
    socket.once("close", () => {
      if (!head) settle(failed("response", "http-invalid", CLOSED, elapsed()));
    });
    if (body === undefined && request.method === "POST") stream.end();
  });
};

/** The words of a connection that ends without an answer. */
const CLOSED = "connection closed before an HTTP response";

const dateOf = (reply: Reply | Failed): string | undefined => {
  const date = reply.ok ? Date.parse(reply.headers["date"] ?? "") : Number.NaN;
  return Number.isNaN(date) ? undefined : new Date(date).toISOString();
};

/** Alerts of a handshake that say why a server did not like its client. */
const REFUSALS: ReadonlySet<FailureCode> = new Set(["tls-client-cert", "tls-alert"]);

/**
 * Why a TLS 1.3 server ended the connection instead of answering. Its alert for a client certificate that is missing, or
 * that it does not take, comes after the handshake, and often gets lost in the reset that follows; TLS 1.2 has it inside
 * the handshake, so that is tried then.
 */
const refusalBehind = async (
  request: HttpRequest,
  { limits, context }: Tools,
  { seen, broken }: TlsOpened,
): Promise<Failed | undefined> => {
  const late = broken();
  if (late && REFUSALS.has(late.code)) return { ...late, phase: "handshake" };
  if (seen.protocol !== "TLSv1.3" || limits.signal.aborted) return undefined;
  const older = await context(request.trust, "TLSv1.2");
  if (!older.ok) return undefined;
  const again = await open(request, older.context, limits, []);
  if (again.ok) again.socket.destroy();
  if (again.ok || again.phase !== "handshake") return undefined;
  // There too, the alert can get lost; but only after both have shown their certificates.
  if (again.code === "tls-reset" && again.tls)
    return {
      ...again,
      code: "tls-client-cert",
      message: `reset after the certificates were exchanged: ${again.message}`,
    };
  return REFUSALS.has(again.code) ? again : undefined;
};

/**
 * Connects to the address, goes through the proxy where there is one, does TLS when the URL says https, and sends one
 * request. What the trust needs comes before any of that: without its files nothing is dialed, and making the context is
 * no latency of the network.
 */
export const probeHttp = async (request: HttpRequest, tools: Tools): Promise<HttpObservation> => {
  const { url, address, proxy, trust } = request;
  const { limits } = tools;
  const trusted = url.startsWith("https:") || proxy?.scheme === "https" ? await tools.context(trust) : undefined;
  const elapsed = stopwatch();
  const layers: Layer[] = [];
  const fail = failedAfter(layers, elapsed);

  if (trusted?.ok === false) return fail(trusted);
  const opened = await open(request, trusted?.context, limits, layers);
  if (!opened.ok) return fail(opened);
  const { socket, forwarder, tls } = opened;
  const seen = tls?.seen;
  if (tls?.refused) {
    const { code } = tls.refused;
    // Whose clock is wrong, the peer's own Date tells; for every other fault nothing more is sent.
    // Nobody has vouched for this peer, so it gets no secret; a path may be one too.
    const question = holdsSecret(request) ? { url: new URL("/", url).href, address } : request;
    const reply =
      code === "tls-expired" || code === "tls-not-yet-valid" ? await exchange(socket, question, tools) : undefined;
    socket.destroy();
    const peerDate = reply && dateOf(reply);
    return fail({ ...tls.refused, ...(peerDate !== undefined && { peerDate }) });
  }
  if (tls) layers.push(handshakeLayer(tls));

  const beforeRequest = elapsed();
  const said = await exchange(socket, request, tools, forwarder);
  const elapsedMs = elapsed();
  const durationMs = Math.round((elapsedMs - beforeRequest) * 10) / 10;
  // Of what the end of the run cut off, nobody is to blame.
  const reply =
    forwarder && !limits.signal.aborted
      ? judgeForwarded(forwarder, said, durationMs)
      : proxy
        ? withoutCredentials(proxy, said, { keepUser: tls !== undefined })
        : said;
  if (!reply.ok) {
    const refusal = tls && reply.code === "http-invalid" ? await refusalBehind(request, tools, tls) : undefined;
    return fail({ ...(refusal ?? reply), ...(seen && { tls: seen }) });
  }
  layers.push({ phase: "response", ok: true, durationMs, detail: `HTTP ${reply.status}` });
  return { ...reply, elapsedMs, layers, ...(seen && { tls: seen }) };
};
