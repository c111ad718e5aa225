import dgram from "node:dgram";
import net from "node:net";
import { resolve as absolute } from "node:path";
import type { Failed, FailureCode, SocketQuestion, TcpObservation, TcpQuestion } from "../model/observation.ts";
import { stopwatch } from "./clock.ts";
import { failed, failure } from "./failure.ts";

/** Limits of one probe. `signal` ends everything: the run's deadline or an interrupt. */
export interface Limits {
  /** Milliseconds for each phase. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Of a unix socket's path, bytes: what a socket address has room for. A longer one would be cut short in silence. */
const MAX_PATH = 107;

/** What the system says of a unix socket where it means something else than of a port. */
const SOCKET: Readonly<Record<string, FailureCode>> = {
  ENOENT: "socket-missing",
  ENOTDIR: "socket-missing",
  EACCES: "socket-denied",
  EPERM: "socket-denied",
  // Linux: the listener's queue is full, and nobody takes from it.
  EAGAIN: "tcp-timeout",
};

/** Of `failure`, with the codes of unix sockets. */
const socketFailure = (error: unknown, elapsedMs: number): Failed => {
  const saw = failure("connect", error, elapsedMs);
  return { ...saw, code: SOCKET[saw.errno ?? ""] ?? saw.code };
};

/**
 * Opens a connection to an address (never a name: no lookup happens here). An address that begins with a slash is the
 * path of a unix socket, which has no port. The caller owns the socket.
 */
export const dial = (
  { address, port }: { readonly address: string; readonly port: number },
  { timeoutMs, signal }: Limits,
): Promise<{ readonly ok: true; readonly socket: net.Socket; readonly elapsedMs: number } | Failed> =>
  new Promise((resolve) => {
    const elapsed = stopwatch();
    const isPath = address.startsWith("/");
    if (isPath && Buffer.byteLength(address) > MAX_PATH) {
      resolve(
        failed(
          "connect",
          "socket-missing",
          `the path of a socket has at most ${MAX_PATH} bytes: ${address}`,
          elapsed(),
        ),
      );
      return;
    }
    const socket = net.connect({ ...(isPath ? { path: address } : { host: address, port }), signal });
    const timer = setTimeout(() => {
      end(failed("connect", "tcp-timeout", `no answer within ${timeoutMs} ms`, elapsed()));
    }, timeoutMs);
    const end = (result: Failed): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    socket.on("error", (error) => end(isPath ? socketFailure(error, elapsed()) : failure("connect", error, elapsed())));
    socket.once("connect", () => {
      clearTimeout(timer);
      resolve({ ok: true, socket, elapsedMs: elapsed() });
    });
  });

const connectAndClose = async (
  target: { readonly address: string; readonly port: number },
  limits: Limits,
): Promise<TcpObservation> => {
  const dialed = await dial(target, limits);
  if (!dialed.ok) return dialed;
  const source = dialed.socket.localAddress;
  dialed.socket.destroy();
  return { ok: true, elapsedMs: dialed.elapsedMs, ...(source !== undefined && { source }) };
};

/** For the kernel to look into its tables, milliseconds; it does so at once. */
const ROUTE_MS = 250;

/**
 * This host's address that a connection would leave from; undefined where no route leads there. A UDP socket that is
 * connected and sends nothing tells it: no packet leaves this host.
 */
const sourceFor = ({ address, family, port }: TcpQuestion): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = dgram.createSocket(family === 6 ? "udp6" : "udp4");
    let open = true;
    const end = (source?: string): void => {
      if (!open) return;
      open = false;
      clearTimeout(timer);
      socket.close();
      resolve(source);
    };
    const timer = setTimeout(() => end(), ROUTE_MS);
    socket.on("error", () => end());
    socket.on("connect", () => end(socket.address().address));
    try {
      socket.connect(port, address);
    } catch {
      end();
    }
  });

/** Connects and closes. */
export const probeTcp = async (question: TcpQuestion, limits: Limits): Promise<TcpObservation> => {
  const saw = await connectAndClose(question, limits);
  if (saw.ok || limits.signal.aborted) return saw;
  const source = await sourceFor(question);
  return { ...saw, ...(source !== undefined && { source }) };
};

/** Connects to a unix socket and closes. */
export const probeSocket = ({ path }: SocketQuestion, limits: Limits): Promise<TcpObservation> =>
  connectAndClose({ address: absolute(path), port: 0 }, limits);
