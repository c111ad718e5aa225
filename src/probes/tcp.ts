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
  dialed.socket.destroy();
  return { ok: true, elapsedMs: dialed.elapsedMs };
};

/** Connects and closes. */
export const probeTcp = (question: TcpQuestion, limits: Limits): Promise<TcpObservation> =>
  connectAndClose(question, limits);

/** Connects to a unix socket and closes. */
export const probeSocket = ({ path }: SocketQuestion, limits: Limits): Promise<TcpObservation> =>
  connectAndClose({ address: absolute(path), port: 0 }, limits);
