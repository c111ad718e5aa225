import type net from "node:net";
import type { SecureContext } from "node:tls";
import type { Failed, HttpRequest, Layer, SocketEnd } from "../model/observation.ts";
import type { ProxyServer } from "../model/proxy.ts";
import { hostAndPort } from "../model/url.ts";
import { enter, isForwarded, unreachable } from "./proxy.ts";
import { dial, type Limits } from "./tcp.ts";
import { handshake, type TlsOpened } from "./tls.ts";

/** Where a connection is to lead; as of an HTTP request. */
export type Opening = Pick<HttpRequest, "url" | "address" | "proxy" | "trust">;

/** A connection over which a request can be sent. The caller owns the socket. */
export interface Opened {
  readonly ok: true;
  readonly socket: net.Socket;
  /** This end of the connection that was dialed: to the proxy, where there is one. */
  readonly own: SocketEnd;
  /** The proxy that is to pass the request on. */
  readonly forwarder: ProxyServer | undefined;
  readonly tls?: TlsOpened;
}

/** Connection, proxy and TLS; each layer that went well is added to `layers`, but for TLS, whose certificate is the caller's to judge. */
export const open = async (
  { url, address, proxy, trust }: Opening,
  context: SecureContext | undefined,
  limits: Limits,
  layers: Layer[],
): Promise<Opened | Failed> => {
  const target = hostAndPort(url);
  const dialed = await dial({ address, port: proxy?.port ?? target.port }, limits);
  if (!dialed.ok) return proxy ? unreachable(dialed) : dialed;
  const detail = proxy ? `${address}, proxy` : address;
  layers.push({ phase: "connect", ok: true, durationMs: dialed.elapsedMs, detail });

  let socket: net.Socket = dialed.socket;
  const own = { address: socket.localAddress ?? "", port: socket.localPort ?? 0 };
  const forwarder = proxy && isForwarded(proxy, url) ? proxy : undefined;
  if (proxy) {
    const entered = await enter(socket, { proxy, target, forwarded: forwarder !== undefined, context, trust }, limits);
    if (!entered.ok) return entered;
    socket = entered.socket;
    if (entered.detail !== undefined) {
      layers.push({ phase: "proxy", ok: true, durationMs: entered.elapsedMs, detail: entered.detail });
    }
  }
  if (!url.startsWith("https:") || context === undefined) return { ok: true, socket, own, forwarder };
  const tls = await handshake(socket, { host: target.host, context, trust }, limits);
  return tls.ok ? { ok: true, socket: tls.socket, own, forwarder, tls } : tls;
};

/** Of TLS that went well, with a certificate that will do. */
export const handshakeLayer = ({ elapsedMs, seen }: TlsOpened): Layer => ({
  phase: "handshake",
  ok: true,
  durationMs: elapsedMs,
  detail: `${seen.protocol}, ${seen.issuer}`,
});
