import net from "node:net";
import type { Failed, TcpObservation, TcpQuestion } from "../model/observation.ts";
import { stopwatch } from "./clock.ts";
import { failed, failure } from "./failure.ts";

/** Limits of one probe. `signal` ends everything: the run's deadline or an interrupt. */
export interface Limits {
  /** Milliseconds for each phase. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Opens a connection to an address (never a name: no lookup happens here). The caller owns the socket. */
export const dial = (
  { address, port }: { readonly address: string; readonly port: number },
  { timeoutMs, signal }: Limits,
): Promise<{ readonly ok: true; readonly socket: net.Socket; readonly elapsedMs: number } | Failed> =>
  new Promise((resolve) => {
    const elapsed = stopwatch();
    const socket = net.connect({ host: address, port, signal });
    const timer = setTimeout(() => {
      end(failed("connect", "tcp-timeout", `no answer within ${timeoutMs} ms`, elapsed()));
    }, timeoutMs);
    const end = (result: Failed): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    socket.on("error", (error) => end(failure("connect", error, elapsed())));
    socket.once("connect", () => {
      clearTimeout(timer);
      resolve({ ok: true, socket, elapsedMs: elapsed() });
    });
  });

/** Connects and closes. */
export const probeTcp = async (question: TcpQuestion, limits: Limits): Promise<TcpObservation> => {
  const dialed = await dial(question, limits);
  if (!dialed.ok) return dialed;
  dialed.socket.destroy();
  return { ok: true, elapsedMs: dialed.elapsedMs };
};
