import { createServer, isIP } from "node:net";
import pLimit from "p-limit";
import type { BindObservation, BindQuestion, Failed } from "../model/observation.ts";
import { stopwatch } from "./clock.ts";
import { bindFailure, failed } from "./failure.ts";

/** This system has no IPv6: Go listens on IPv4 alone then (net/ipsock_posix.go, `favoriteAddrFamily`). */
const NO_IPV6 = new Set(["EAFNOSUPPORT", "EADDRNOTAVAIL", "EPROTONOSUPPORT"]);

/** One at a time: two of ours would find each other's in the way. */
const inTurn = pLimit(1);

/**
 * Listens, and closes in the same turn: nothing is accepted in between. Like Go, libuv sets SO_REUSEADDR, which lets pass
 * what connections leave behind for a while (TIME_WAIT), and gives `::` both families.
 */
const listen = (host: string, port: number): Promise<BindObservation> =>
  new Promise((resolve) => {
    const elapsed = stopwatch();
    const server = createServer({ pauseOnConnect: true }, (socket) => socket.destroy());
    server.once("error", (error) => resolve(bindFailure(error, elapsed())));
    server.once("listening", () => {
      const elapsedMs = elapsed();
      // Only when it is given back may the next one try.
      server.close(() => resolve({ ok: true, elapsedMs }));
    });
    try {
      server.listen({ host, port, backlog: 1, exclusive: true });
    } catch (error) {
      resolve(bindFailure(error, elapsed()));
    }
  });

const isWithoutIpv6 = (saw: BindObservation): saw is Failed => !saw.ok && NO_IPV6.has(saw.errno ?? "");

/** Whether an address can be listened on, as Go's net.Listen would: a wildcard of either family is both. */
export const probeBind = ({ address, port }: BindQuestion): Promise<BindObservation> =>
  inTurn(async () => {
    // Anything else would be looked up, as a name.
    if (isIP(address) === 0) return failed("host", "bind-error", `${address} is no address`, 0);
    if (address !== "0.0.0.0" && address !== "::") return listen(address, port);
    const saw = await listen("::", port);
    return isWithoutIpv6(saw) ? listen("0.0.0.0", port) : saw;
  });
