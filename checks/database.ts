import { type Context, defineCheck, type Evidence, type Verdict } from "../src/model/check.ts";
import type { DatabaseAnswered, DatabaseQuestion, Failed } from "../src/model/observation.ts";
import type { NetworkDatabase, SqliteConfig } from "../src/model/topology.ts";
import { bracketed } from "../src/model/url.ts";
import { certificateWords, layerFaults } from "./layers.ts";

/** CrowdSec makes these in every version (pkg/database/ent/schema). */
const TABLES = ["alerts", "bouncers", "decisions", "machines"];

const MIB = 1024 * 1024;
/** A busy engine writes this much in a day or two. */
const LITTLE_BYTES = 200 * MIB;
const NO_BYTES = 5 * MIB;

const DOCS = "https://docs.crowdsec.net/docs/next/local_api/database";

const AT_SERVER = "On the database's host ({host})";

const NAME = {
  blame: "resolver",
  remedy: [
    {
      text: "Correct db_config.host ({origin}), or make the name known to the nameserver or /etc/hosts.",
      commands: ["getent ahosts {host}"],
    },
  ],
} as const;
const WAY = {
  blame: "network",
  remedy: [
    {
      text: "Let tcp/{port} through from this host to {host}; only the Local API's host needs it.",
      commands: ["ufw allow from THIS_HOST to any port {port} proto tcp"],
      undo: ["ufw delete allow from THIS_HOST to any port {port} proto tcp"],
    },
  ],
} as const;
const CERTIFICATE = {
  blame: "configuration",
  remedy: [
    {
      text: "Name the CA that signed the database's certificate (db_config.ssl_ca_cert, from CrowdSec 1.6.6 on), use the certificate's name as db_config.host, or choose an sslmode that verifies less.",
      url: DOCS,
    },
  ],
} as const;
const DATES = {
  blame: "remote-service",
  remedy: [
    {
      text: `${AT_SERVER}: renew its certificate, and compare the clocks of both hosts.`,
      commands: [
        "date -u",
        "openssl s_client -starttls {starttls} -connect {place} </dev/null 2>/dev/null | openssl x509 -noout -dates",
      ],
    },
  ],
} as const;
const HANDSHAKE = {
  blame: "network",
  remedy: [
    {
      text: "TLS to the database breaks off: a filter on the way, or a server that is set up for it only half. See its log.",
      commands: ["openssl s_client -starttls {starttls} -connect {place} </dev/null"],
    },
  ],
} as const;
const CLIENT_CERTIFICATE = {
  blame: "configuration",
  remedy: [
    {
      text: "The database wants a certificate of its client: db_config.ssl_client_cert and ssl_client_key, from CrowdSec 1.6.6 on.",
      url: DOCS,
    },
  ],
} as const;
/** How the database is reached: its remedies differ. */
const SOCKET = "socket";
const NETWORK = "network";

const AS_POSTGRES = "runuser -u postgres --";

const FAULTS = {
  "db-config-invalid": {
    blame: "configuration",
    confidence: "certain",
    says: "db_config ({origin}) is {value}, which is {problem}: CrowdSec does not start with it",
    remedy: [{ text: "Correct {origin}.", url: DOCS }],
  },
  "db-address-missing": {
    blame: "configuration",
    confidence: "certain",
    says: "db_config ({origin}) has no {missing}, and CrowdSec has no default for it{meaning}",
    remedy: [{ text: "Write db_config.{missing}; {usual} is the usual one.", url: DOCS }],
  },
  "db-config-unescaped": {
    blame: "configuration",
    confidence: "certain",
    says: "db_config.{key} ({origin}) holds a blank, a quote or a backslash, which CrowdSec puts into PostgreSQL's connection string unescaped: the login cannot go well",
    remedy: [{ text: "Choose one without these characters, at the database and in {origin}.", url: DOCS }],
  },
  ...layerFaults({
    "dns-nxdomain": NAME,
    "dns-nodata": NAME,
    "dns-servfail": NAME,
    "dns-refused": NAME,
    "dns-timeout": NAME,
    "dns-no-resolver": NAME,
    "dns-unreachable": NAME,
    "tcp-refused": {
      blame: "remote-service",
      remedy: [
        {
          text: `${AT_SERVER}: start the database, and let it listen on an address that this host reaches (PostgreSQL: listen_addresses; MariaDB: bind-address).`,
          when: NETWORK,
          commands: ["systemctl status postgresql mariadb mysql --no-pager", "ss -ltnp 'sport = :{port}'"],
        },
        {
          text: "The socket is left over, and no database listens on it: start the database on this host.",
          when: SOCKET,
          commands: ["systemctl status postgresql mariadb mysql --no-pager", "ss -lxp | grep {place}"],
        },
      ],
    },
    "tcp-timeout": WAY,
    "tcp-unreachable": WAY,
    "tcp-reset": WAY,
    "tls-reset": HANDSHAKE,
    "tls-stalled": HANDSHAKE,
    "tls-not-tls": HANDSHAKE,
    "tls-untrusted": CERTIFICATE,
    "tls-expired": DATES,
    "tls-not-yet-valid": DATES,
    "tls-wrong-host": CERTIFICATE,
    "tls-no-san": CERTIFICATE,
    "tls-version": HANDSHAKE,
    "tls-client-cert": CLIENT_CERTIFICATE,
    "tls-alert": HANDSHAKE,
  }),
  "socket-missing": {
    blame: "remote-service",
    phase: "connect",
    says: "the database's socket {place} does not exist ({origin})",
    remedy: [
      {
        text: "Start the database on this host, or correct db_config.db_path ({origin}).",
        commands: ["ls -l {place}"],
      },
    ],
  },
  "socket-denied": {
    blame: "this-host",
    phase: "connect",
    // Who may use it is a matter of permissions, which nobody changes by starting anything.
    recovers: false,
    says: "the database's socket {place} may not be used by this user ({origin})",
    remedy: [{ text: "CrowdSec's user needs access to the socket and its folder.", commands: ["namei -l {place}"] }],
  },
  "db-auth-failed": {
    blame: "credentials",
    confidence: "certain",
    // A password that was refused is never tried again: an account could be locked.
    recovers: false,
    says: "the database {place} refuses user {user} with the configured password: {message}",
    remedy: [
      {
        text: `${AT_SERVER}: give the user the password of db_config, with \\password {user} in psql. In db_config, a password with special characters must stand in quotes.`,
        when: "postgresql",
        commands: [`${AS_POSTGRES} psql`],
        url: DOCS,
      },
      {
        text: `${AT_SERVER}: give the user the password of db_config, for the host that it comes from.`,
        when: "mysql",
        commands: ['mysql -e "SELECT user, host FROM mysql.user"'],
        url: DOCS,
      },
    ],
  },
  "db-host-denied": {
    blame: "remote-service",
    confidence: "certain",
    // A login that was refused is never tried again: a host could be locked out.
    recovers: false,
    says: "the database {place} lets user {user} in from elsewhere only: {message}",
    remedy: [
      {
        text: `${AT_SERVER}: add a line to pg_hba.conf, whose place the first command tells, then reload: host {database} {user} THIS_HOST/32 scram-sha-256.`,
        when: "postgresql",
        commands: [`${AS_POSTGRES} psql -c 'SHOW hba_file'`, `${AS_POSTGRES} psql -c 'SELECT pg_reload_conf()'`],
      },
      {
        text: `${AT_SERVER}: allow the user from this host; a host that was blocked after many errors is freed by the second command.`,
        when: "mysql",
        commands: ['mysql -e "SELECT user, host FROM mysql.user"', "mysqladmin flush-hosts"],
      },
    ],
  },
  "db-missing-database": {
    blame: "remote-service",
    confidence: "certain",
    says: "the database server {place} has no database {database} ({nameOrigin})",
    remedy: [
      {
        text: `${AT_SERVER}: make it, or correct db_config.db_name.`,
        when: "postgresql",
        commands: [`${AS_POSTGRES} createdb -O {user} {database}`],
        undo: [`${AS_POSTGRES} dropdb {database}`],
        url: DOCS,
      },
      {
        text: `${AT_SERVER}: make it and grant the user all on it, as the host that he comes from (GRANT ALL ON database.* TO user@host), or correct db_config.db_name.`,
        when: "mysql",
        commands: ["mysqladmin create {database}", 'mysql -e "SELECT user, host FROM mysql.user"'],
        undo: ["mysqladmin drop {database}"],
        url: DOCS,
      },
    ],
  },
  "db-no-privilege": {
    blame: "remote-service",
    confidence: "certain",
    phase: "login",
    says: "user {user} may not do in database {database} at {place} what CrowdSec needs: {message}",
    remedy: [
      {
        text: `${AT_SERVER}: CrowdSec makes and changes its own tables. From PostgreSQL 15 on, the right to create in schema public must be given.`,
        when: "postgresql",
        commands: [`echo 'GRANT ALL ON SCHEMA public TO :"role"' | ${AS_POSTGRES} psql -d {database} -v role={user}`],
        undo: [`echo 'REVOKE ALL ON SCHEMA public FROM :"role"' | ${AS_POSTGRES} psql -d {database} -v role={user}`],
        url: DOCS,
      },
      {
        text: `${AT_SERVER}: CrowdSec makes and changes its own tables; grant the user all on the database (GRANT ALL ON database.* TO user@host).`,
        when: "mysql",
        commands: ['mysql -e "SELECT user, host FROM mysql.user"'],
        url: DOCS,
      },
    ],
  },
  "db-tls-required": {
    blame: "configuration",
    confidence: "certain",
    // What sslmode says stays.
    recovers: false,
    says: "the database {place} takes encrypted connections only, and sslmode is {tls} ({tlsOrigin})",
    remedy: [
      {
        text: "Write db_config.sslmode: require (PostgreSQL), or true or skip-verify (MySQL and MariaDB, from CrowdSec 1.6.6 on).",
        url: DOCS,
      },
    ],
  },
  "db-tls-refused": {
    blame: "configuration",
    confidence: "certain",
    // What sslmode says stays.
    recovers: false,
    says: "the database {place} offers no encryption, and CrowdSec insists on it: sslmode {tls} ({tlsOrigin})",
    remedy: [
      {
        text: "Switch TLS on at the database, or write db_config.sslmode: disable if the way to it is safe.",
        url: DOCS,
      },
    ],
  },
  "db-too-many-connections": {
    blame: "remote-service",
    confidence: "certain",
    says: "the database {place} takes no more connections: {message}",
    remedy: [
      {
        text: `${AT_SERVER}: see who holds them, and raise max_connections; CrowdSec itself takes up to db_config.max_open_conns, 100 by default.`,
        commands: [
          `${AS_POSTGRES} psql -c 'SELECT usename, client_addr, count(*) FROM pg_stat_activity GROUP BY 1, 2'`,
        ],
        when: "postgresql",
      },
      {
        text: `${AT_SERVER}: see who holds them, and raise max_connections; CrowdSec itself takes up to db_config.max_open_conns, 100 by default.`,
        commands: ['mysql -e "SHOW PROCESSLIST"'],
        when: "mysql",
      },
    ],
  },
  "db-protocol": {
    blame: "configuration",
    confidence: "certain",
    says: "{place} is no {type}: {message}",
    remedy: [
      {
        text: "Correct db_config.type ({typeOrigin}) or its address ({origin}): 5432 is PostgreSQL's port, 3306 MySQL's. With the wrong one CrowdSec hangs without a word.",
        url: DOCS,
      },
    ],
  },
  "db-silent": {
    blame: "remote-service",
    says: "{place} accepts the connection, then says nothing: {message}",
    remedy: [
      {
        text: "The database hangs, or another service holds the port: look at its log and its load.",
        when: NETWORK,
        commands: ["ss -ltnp 'sport = :{port}'"],
      },
      {
        text: "The database hangs, or another service holds the socket: look at its log and its load.",
        when: SOCKET,
        commands: ["ss -lxp | grep {place}"],
      },
    ],
  },
  "db-unavailable": {
    blame: "remote-service",
    confidence: "certain",
    says: "the database {place} runs but serves nobody now: {message}",
    remedy: [
      {
        text: "It is starting, stopping or recovering: look at its log, and wait for it.",
        commands: ["systemctl status postgresql mariadb mysql --no-pager"],
      },
    ],
  },
  "sqlite-folder-missing": {
    blame: "this-host",
    confidence: "certain",
    // The installation makes it.
    recovers: true,
    says: "the folder {folder} of CrowdSec's database ({origin}) does not exist: CrowdSec does not make it",
    remedy: [
      { text: "Make it, or correct db_config.db_path.", commands: ["mkdir -p {folder}"], undo: ["rmdir {folder}"] },
    ],
  },
  "sqlite-not-writable": {
    blame: "this-host",
    confidence: "certain",
    says: "CrowdSec's database {path} ({origin}) cannot be written: {message}",
    remedy: [
      {
        text: "See the permissions, and whether its file system is mounted read-only.",
        commands: ["namei -l {path}", "findmnt -T {folder}"],
      },
    ],
  },
  "sqlite-no-space": {
    blame: "this-host",
    confidence: "certain",
    says: "the disk of CrowdSec's database {path} has {free} left",
    remedy: [
      {
        text: "Make room: with a full disk the Local API can write no decision.",
        commands: ["df -h {folder}", "du -xsh /var/log /var/lib/crowdsec"],
      },
    ],
  },
  "sqlite-network-filesystem": {
    severity: "warning",
    blame: "this-host",
    confidence: "certain",
    says: "CrowdSec's database {path} lies on a network file system ({filesystem}): SQLite's locks are not reliable there{wal}",
    remedy: [{ text: "Move it to a local disk (db_config.db_path), or use PostgreSQL or MySQL.", url: DOCS }],
  },
} as const;

type Code = keyof typeof FAULTS;

const folderOf = (path: string): string => path.replace(/\/[^/]*$/, "") || "/";

const amount = (bytes: number): string => `${Math.floor(bytes / MIB)} MiB`;

const judgeSqlite = async ({ probe, topology }: Context, { path: at, wal }: SqliteConfig): Promise<Verdict<Code>> => {
  const { value: path, origin } = at;
  const folder = folderOf(path);
  const [file, around] = await Promise.all([probe.path(path), probe.path(folder)]);
  const evidence: Evidence = { target: { path, origin } };
  const data = { path, folder, origin };
  const root = topology.user === "root";
  const cannot = (message: string): Verdict<Code> =>
    root
      ? { status: "fault", fault: "sqlite-not-writable", data: { ...data, message }, message, evidence }
      : { status: "unknown", reason: `run as root: whether ${path} can be written (${message})`, evidence };
  if (!around.ok && around.code === "file-missing")
    return { status: "fault", fault: "sqlite-folder-missing", data, message: around.message, evidence };
  if (!around.ok) return cannot(around.message);
  if (!file.ok && file.code !== "file-missing") return cannot(file.message);
  if (file.ok && file.kind !== "file") return cannot("it is no file");
  // SQLite writes its journal beside the file.
  if (!around.writable) return cannot(`no writing to ${folder}`);
  if (file.ok && !file.writable) return cannot("no writing to the file");
  if (around.freeBytes < LITTLE_BYTES) {
    const severity = around.freeBytes < NO_BYTES ? {} : ({ severity: "warning" } as const);
    const told = { ...data, free: amount(around.freeBytes) };
    return { status: "fault", fault: "sqlite-no-space", data: told, evidence, ...severity };
  }
  if (around.networkFilesystem !== undefined) {
    const told = {
      filesystem: around.networkFilesystem,
      wal: wal?.value ? `, and use_wal (${wal.origin}) makes that worse` : "",
    };
    return { status: "fault", fault: "sqlite-network-filesystem", data: { ...data, ...told }, evidence };
  }
  const there = file.ok ? "SQLite" : "SQLite, not there yet: CrowdSec makes it at its first start";
  return {
    status: "pass",
    note: `${there}, ${amount(around.freeBytes)} free${wal?.value ? ", WAL" : ", without WAL"}`,
    evidence,
  };
};

/** Where to ask, or the verdict when there is nowhere. */
const addressesOf = async (
  context: Context,
  { at }: NetworkDatabase,
): Promise<
  | {
      readonly question: Pick<DatabaseQuestion, "addresses" | "port" | "host">;
      readonly evidence: Evidence;
      readonly place: string;
    }
  | { readonly failed: Failed; readonly evidence: Evidence; readonly place: string }
> => {
  if ("socket" in at) {
    const { value: path, origin } = at.socket;
    return {
      question: { addresses: { socket: path }, port: DEFAULT_PORTS.postgresql, host: "localhost" },
      evidence: { target: { path, origin } },
      place: path,
    };
  }
  const { value: host, origin } = at.host;
  const port = at.port.value;
  const place = `${bracketed(host)}:${port}`;
  const dns = await context.probe.dns({ name: host });
  const evidence: Evidence = { target: { host, port, origin }, dns };
  if (!dns.ok) return { failed: dns, evidence, place };
  return { question: { addresses: dns.addresses.map(({ address }) => address), port, host }, evidence, place };
};

const DEFAULT_PORTS = { postgresql: 5432, mysql: 3306 } as const;

/** What is missing in `db_config`, where CrowdSec has no default. */
const missingIn = (config: NetworkDatabase): Verdict<Code> | undefined => {
  const { at, name, user, protocol } = config;
  const lacks = (missing: string, origin: string, usual: string, meaning = ""): Verdict<Code> => ({
    status: "fault",
    fault: "db-address-missing",
    data: { missing, origin, usual, meaning },
  });
  if ("host" in at) {
    if (at.host.value === "") return lacks("host", at.host.origin, "the database's name or address");
    if (at.port.value === 0) return lacks("port", at.port.origin, String(DEFAULT_PORTS[protocol]), ": it dials port 0");
  }
  const { unescaped } = config;
  if (unescaped)
    return { status: "fault", fault: "db-config-unescaped", data: { key: unescaped.value, origin: unescaped.origin } };
  if (user.value === "") return lacks("user", user.origin, "crowdsec");
  return name.value === "" ? lacks("db_name", name.origin, "crowdsec") : undefined;
};

/** A login that went well: are CrowdSec's tables there, or may it make them? */
const judgeTables = (
  saw: DatabaseAnswered,
  data: Readonly<Record<string, string | number>>,
  when: string,
  evidence: Evidence,
): Verdict<Code> => {
  const { tables, closedTables = [], mayCreate, server = "the database", encrypted } = saw;
  const denied = (message: string): Verdict<Code> => ({
    status: "fault",
    fault: "db-no-privilege",
    data: { ...data, message },
    message,
    when,
    evidence,
  });
  const how = `${server}, ${encrypted ? "encrypted" : "not encrypted"}`;
  if (tables === undefined) return { status: "pass", note: `${how}; its tables could not be listed`, evidence };
  const missing = TABLES.filter((table) => !tables.includes(table));
  if (missing.length > 0 && mayCreate === false)
    return denied(`tables ${missing.join(", ")} are missing, and it may create none`);
  if (closedTables.length > 0) return denied(`tables ${closedTables.join(", ")} may not be read and written`);
  if (missing.length === TABLES.length)
    return { status: "pass", note: `${how}; empty, CrowdSec makes its tables at its first start`, evidence };
  const there =
    missing.length === 0 ? "CrowdSec's tables are there" : `CrowdSec will make the tables ${missing.join(", ")}`;
  return { status: "pass", note: `${how}; ${there}`, evidence };
};

const judgeNetwork = async (context: Context, config: NetworkDatabase): Promise<Verdict<Code>> => {
  const missing = missingIn(config);
  if (missing) return missing;
  const { protocol, at, user, password, name, tls, type, caFile, certificate } = config;
  const asked = await addressesOf(context, config);
  const [host, port, origin] =
    "socket" in at ? [at.socket.value, "", at.socket.origin] : [at.host.value, at.port.value, at.port.origin];
  const data = {
    host,
    port,
    origin,
    place: asked.place,
    type: type.value,
    typeOrigin: type.origin,
    user: user.value,
    database: name.value,
    nameOrigin: name.origin,
    tls: tls.value,
    tlsOrigin: tls.origin,
    starttls: protocol === "mysql" ? "mysql" : "postgres",
    addresses: asked.evidence.dns?.ok ? asked.evidence.dns.addresses.map(({ address }) => address).join(", ") : host,
  };
  const fault = (failed: Failed, evidence: Evidence): Verdict<Code> => {
    if (!(failed.code in FAULTS)) return { status: "unknown", reason: `${failed.code}: ${failed.message}`, evidence };
    const certificate = { ...certificateWords(failed.tls), now: context.now.toISOString(), peer: "" };
    const words = { ...data, ...certificate, message: failed.message, ms: Math.round(failed.elapsedMs) };
    const way = "socket" in at ? SOCKET : NETWORK;
    const when = failed.code === "tcp-refused" || failed.code === "db-silent" ? way : protocol;
    return { status: "fault", fault: failed.code as Code, data: words, failed, when, evidence };
  };
  if ("failed" in asked) return fault(asked.failed, asked.evidence);
  const saw = await context.probe.database({
    ...asked.question,
    protocol,
    tls: tls.value,
    ...(caFile !== undefined && { caFile }),
    ...(certificate && { certificate }),
    login: { user: user.value, password, database: name.value, tables: TABLES },
  });
  const evidence: Evidence = { ...asked.evidence, database: saw };
  return saw.ok ? judgeTables(saw, data, protocol, evidence) : fault(saw, evidence);
};

/** Without its database the Local API does not start, and a running one refuses everybody. */
export default defineCheck({
  id: "database",
  title: "CrowdSec's database serves the Local API",
  why: "CrowdSec opens its database before anything else; without it nothing listens on 8080. It is asked from the Local API's host only: nobody else needs it. One complete login as configured, reading only.",
  roles: ["lapi"],
  phase: "run",
  contacts:
    "the database of db_config: name, connection, TLS as sslmode has it, one login, and questions that read; or SQLite's file, without opening it",
  faults: FAULTS,
  async run(context) {
    const { database } = context.topology;
    if ("hidden" in database) return { status: "unknown", reason: database.hidden };
    if ("absent" in database) return { status: "skip", reason: `not applicable: ${database.absent}` };
    if ("malformed" in database) {
      const { malformed, problem } = database;
      return { status: "fault", fault: "db-config-invalid", data: { ...malformed, problem } };
    }
    return database.kind === "sqlite" ? judgeSqlite(context, database) : judgeNetwork(context, database);
  },
});
