import { posix } from "node:path";
import type { DatabaseTls } from "../model/observation.ts";
import { Secret } from "../model/secret.ts";
import type { DatabaseConfig, Malformed, NetworkDatabase, Sourced } from "../model/topology.ts";
import { atLeast, type Version } from "../model/version.ts";
import type { Reader } from "./crowdsec-files.ts";
import { shownOf } from "./route.ts";

const POSTGRESQL = ["postgres", "postgresql", "pgx"];
const TYPES = ["sqlite", "mysql", ...POSTGRESQL];

const LIBPQ: readonly DatabaseTls[] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
/** lib/pq, CrowdSec's driver before 1.5.0 but for type pgx, has no `allow` and no `prefer` (github.com/lib/pq, ssl.go). */
const LIB_PQ = LIBPQ.filter((mode) => mode !== "allow" && mode !== "prefer");
/** Values of the MySQL driver's `tls` parameter (github.com/go-sql-driver/mysql, "tls"). */
const MYSQL: Readonly<Record<string, DatabaseTls>> = {
  ...Object.fromEntries(["1", "true", "TRUE", "True"].map((word) => [word, "verify-full"] as const)),
  ...Object.fromEntries(["0", "false", "FALSE", "False"].map((word) => [word, "disable"] as const)),
  "skip-verify": "require",
  preferred: "prefer",
};

const NO_MODE = "no sslmode that the driver knows";

/**
 * What the driver of this version makes of `sslmode`. CrowdSec 1.4 hands `postgres` and `postgresql` to lib/pq, where an
 * empty mode means require; pgx, since 1.5.0 for all three, takes it for prefer (pkg/database/database.go). MySQL has
 * TLS since 1.6.6 (pkg/csconfig/database.go).
 */
const tlsOf = (reader: Reader, type: string, version: Version | undefined): Sourced<DatabaseTls> | Malformed => {
  const mode = reader.text("db_config", "sslmode");
  const origin = mode?.origin ?? "default";
  if (type === "mysql") {
    if (!atLeast(version, [1, 6, 6])) return { value: "disable", origin: "CrowdSec before 1.6.6: MySQL without TLS" };
    const own = reader.has("db_config", "ssl_ca_cert") || reader.has("db_config", "ssl_client_cert");
    if (own) return { value: "verify-full", origin: reader.origin("db_config", "ssl_ca_cert") ?? origin };
    const value = mode === undefined ? "disable" : Object.hasOwn(MYSQL, mode.value) ? MYSQL[mode.value] : undefined;
    return value === undefined && mode
      ? { malformed: shownOf(mode), problem: NO_MODE }
      : { value: value ?? "disable", origin };
  }
  if (mode === undefined) {
    const pq = type !== "pgx" && !atLeast(version, [1, 5, 0]);
    return {
      value: pq ? "require" : "prefer",
      origin: pq ? "default of lib/pq, CrowdSec's driver before 1.5.0" : "default",
    };
  }
  const known = type !== "pgx" && !atLeast(version, [1, 5, 0]) ? LIB_PQ : LIBPQ;
  const value = known.find((each) => each === mode.value);
  return value === undefined ? { malformed: shownOf(mode), problem: NO_MODE } : { value, origin };
};

const HOST = /^([\w.-]+|[\da-fA-F:.]*:[\da-fA-F:.]*:[\da-fA-F:.]*)$/;
const MAX_PORT = 65_535;

const networked = (
  reader: Reader,
  type: Sourced<string>,
  version: Version | undefined,
): NetworkDatabase | Malformed => {
  const text = (key: string): Sourced<string> | undefined => reader.text("db_config", key);
  const missing = (value: string): Sourced<string> => ({ value, origin: type.origin });
  const host = text("host");
  if (host && !HOST.test(host.value)) {
    const withPort = /^[\w.-]+:\d+$/.test(host.value);
    return {
      malformed: withPort ? host : { ...host, value: "[secret]" },
      problem: withPort ? "a host with a port in it; the port is db_config.port" : "no host name or address",
    };
  }
  const socket = text("db_path");
  const port = reader.integer("db_config", "port") ?? {
    value: 0,
    origin: reader.origin("db_config", "port") ?? type.origin,
  };
  if (port.value < 0 || port.value > MAX_PORT)
    return { malformed: { value: String(port.value), origin: port.origin }, problem: "no port number" };
  const tls = tlsOf(reader, type.value, version);
  if ("malformed" in tls) return tls;
  // pkg/csconfig/database.go puts these into "host=… user=… password=…" as they are.
  const breaks =
    type.value === "mysql"
      ? undefined
      : ["user", "password", "db_name"].flatMap((key) => {
          const found = text(key);
          return found && /[\s'\\]/.test(found.value) ? [{ value: key, origin: found.origin }] : [];
        })[0];
  // pkg/csconfig/database.go, since 1.5.0: a socket where there is neither a host nor a port.
  const bySocket = host === undefined && port.value === 0 && socket !== undefined && atLeast(version, [1, 5, 0]);
  const file = (key: string): string | undefined => {
    const found = atLeast(version, [1, 6, 6]) ? text(key) : undefined;
    return found && posix.resolve("/", found.value);
  };
  const [caFile, certFile, keyFile] = ["ssl_ca_cert", "ssl_client_cert", "ssl_client_key"].map(file);
  return {
    kind: "network",
    protocol: type.value === "mysql" ? "mysql" : "postgresql",
    type,
    at: bySocket
      ? { socket: { ...socket, value: posix.resolve("/", socket.value) } }
      : { host: host ?? missing(""), port },
    user: text("user") ?? missing(""),
    password: new Secret(text("password")?.value ?? ""),
    ...(breaks && { unescaped: breaks }),
    name: text("db_name") ?? missing(""),
    tls,
    ...(caFile !== undefined && { caFile }),
    ...(certFile !== undefined && keyFile !== undefined && { certificate: { certFile, keyFile } }),
  };
};

/** `db_config` as this version of CrowdSec reads it; undefined when there is none. */
export const findDatabase = (reader: Reader, version: Version | undefined): DatabaseConfig | Malformed | undefined => {
  if (!reader.has("db_config")) return undefined;
  const origin = reader.origin("db_config") ?? "";
  const type = reader.text("db_config", "type");
  if (type === undefined || !TYPES.includes(type.value))
    return {
      malformed: type ? shownOf(type) : { value: "without a type", origin },
      problem: `none of ${TYPES.join(", ")}`,
    };
  if (type.value !== "sqlite") return networked(reader, type, version);
  const path = reader.text("db_config", "db_path");
  if (path === undefined)
    return { malformed: { value: "without a db_path", origin: type.origin }, problem: "no place for SQLite" };
  const wal = reader.boolean("db_config", "use_wal");
  return { kind: "sqlite", path: { ...path, value: posix.resolve("/", path.value) }, ...(wal && { wal }) };
};
