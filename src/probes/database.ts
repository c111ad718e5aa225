import type net from "node:net";
import { posix } from "node:path";
import process from "node:process";
import tls from "node:tls";
import type { DatabaseObservation, DatabaseQuestion, Failed, FailureCode, Layer, Trust } from "../model/observation.ts";
import { stopwatch } from "./clock.ts";
import type { Call } from "./database-wire.ts";
import { failed, failedAfter, inVain } from "./failure.ts";
import { askMysql, loadMysql } from "./mysql.ts";
import { askPostgresql, loadPg } from "./postgresql.ts";
import { dial, type Limits } from "./tcp.ts";
import { createTrustContexts, loadTrustStore, type Trusted } from "./trust-store.ts";

/** pgx's own, for a socket that is configured without a port. */
const POSTGRESQL_PORT = 5432;

/** Where the driver looks: pgx takes a path for a folder unless it has the name of a socket in it (NetworkAddress in pgconn/config.go). */
const targetsOf = ({ protocol, addresses, port }: DatabaseQuestion): readonly string[] => {
  if (!("socket" in addresses)) return addresses;
  const path = posix.resolve("/", addresses.socket);
  return protocol === "mysql" || path.includes("/.s.PGSQL.")
    ? [path]
    : [posix.join(path, `.s.PGSQL.${port || POSTGRESQL_PORT}`)];
};

/** Of several failures, the one that says most: a host that answers no is nearer than one that does not answer. */
const TELLING: readonly FailureCode[] = ["socket-denied", "tcp-refused", "tcp-reset", "tcp-timeout"];
const weight = ({ code }: Failed): number => (TELLING.includes(code) ? TELLING.indexOf(code) : TELLING.length);

interface Connected {
  readonly ok: true;
  readonly address: string;
  readonly socket: net.Socket;
}

/** The first address that connects; those before it stay in the layers. */
const connect = async (question: DatabaseQuestion, limits: Limits, layers: Layer[]): Promise<Connected | Failed> => {
  const failures: Failed[] = [];
  for (const address of targetsOf(question)) {
    const dialed = await dial({ address, port: question.port }, limits);
    if (dialed.ok) {
      layers.push(...failures.map(inVain));
      layers.push({ phase: "connect", ok: true, durationMs: dialed.elapsedMs, detail: address });
      return { ok: true, address, socket: dialed.socket };
    }
    const { message } = dialed;
    failures.push({ ...dialed, message: message.includes(address) ? message : `${address}: ${message}` });
    if (limits.signal.aborted) break;
  }
  const [first, ...rest] = failures.toSorted((one, other) => weight(one) - weight(other));
  layers.push(...rest.map(inVain));
  return first ?? failed("connect", "tcp-unreachable", "there is no address to connect to", 0);
};

/**
 * Whom the driver trusts: pgx nobody but the `caFile` where there is one (configTLS in pgconn/config.go), MySQL's the
 * system besides (ConnectionString in CrowdSec's pkg/csconfig/database.go).
 */
const trustOf = ({ protocol, caFile, certificate }: DatabaseQuestion): Trust => ({
  caFiles: caFile === undefined ? [] : [caFile],
  only: caFile !== undefined && protocol === "postgresql",
  skipVerify: false,
  ...(certificate && { certificate }),
});

/** Makes TLS contexts; `createTrustContexts` of the run's own trust store. */
type Contexts = (trust: Trust | undefined) => Promise<Trusted | Failed>;

/**
 * Asks a database server who it is, or, with `login`, whether it lets this user in and what he finds there: at most one
 * complete login, reading queries in read-only transactions, and a farewell.
 */
export const probeDatabase = async (
  question: DatabaseQuestion,
  limits: Limits,
  contexts: Contexts = createTrustContexts(() => loadTrustStore({}, process.platform)),
): Promise<DatabaseObservation> => {
  const speak = question.protocol === "postgresql" ? askPostgresql : askMysql;
  // What takes long to load is no latency of the server.
  if (question.login) await (question.protocol === "postgresql" ? loadPg() : loadMysql());
  const needsTrust = question.login && question.tls !== "disable";
  const trusted = needsTrust ? await contexts(trustOf(question)) : undefined;

  const elapsed = stopwatch();
  const layers: Layer[] = [];
  const fail = failedAfter(layers, elapsed);
  if (trusted?.ok === false) return fail(trusted);
  const connected = await connect(question, limits, layers);
  if (!connected.ok) return fail(connected);

  const { address, socket } = connected;
  const sockets = [socket];
  const call: Call = {
    question,
    limits,
    context: trusted?.context ?? tls.createSecureContext(),
    layers,
    redial: async () => {
      const dialed = await dial({ address, port: question.port }, limits);
      if (dialed.ok) sockets.push(dialed.socket);
      return dialed;
    },
  };
  try {
    const saw = await speak(call, socket);
    return saw.ok ? { ...saw, elapsedMs: elapsed(), address, layers } : fail(saw);
  } finally {
    for (const open of sockets) open.destroy();
  }
};
