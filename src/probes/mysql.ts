import type net from "node:net";
import type { Connection } from "mysql2";
import type { Failed, TlsSeen } from "../model/observation.ts";
import { printable } from "../model/text.ts";
import { stopwatch } from "./clock.ts";
import {
  brokenOff,
  type Call,
  encrypt,
  type Found,
  type Guard,
  guarded,
  type Heard,
  hear,
  mysqlFirst,
  mysqlServer,
  parted,
  phaseOf,
  refused,
  type Spoken,
  SSL_REQUEST,
  within,
} from "./database-wire.ts";
import { inVain, refusalCode } from "./failure.ts";
import { signEd25519 } from "./mariadb-ed25519.ts";
import { ERROR, HEADER, mysqlFraming, newSession } from "./mysql-framing.ts";

/** Imported when a login is asked for, and before any clock runs. */
export const loadMysql = (): Promise<typeof import("mysql2")> => import("mysql2");

/** Capability flags (Protocol::HandshakeV10): PROTOCOL_41, and that the server has TLS. */
const PROTOCOL_41 = 0x0200;
const SSL = 0x0800;
/** Where MariaDB's own flags are, from the first of the others on. */
const EXTENDED = 2 + 1 + 2 + 2 + 1 + 6;

interface Refusal {
  readonly number: number;
  readonly sqlState: string;
  readonly message: string;
}

/** The words of an ERR packet. Before the greeting it has no SQLSTATE. */
const refusalOf = (body: Buffer): Refusal => {
  const marked = body[3] === 0x23;
  return {
    number: body.readUInt16LE(1),
    sqlState: marked ? body.toString("latin1", 4, 9) : "",
    message: body.toString("utf8", marked ? 9 : 3),
  };
};

const refusal = (call: Call, { number, sqlState, message }: Refusal, elapsedMs: number): Failed => {
  const state = printable(sqlState, 5);
  // As CrowdSec's driver writes it into the log.
  const text = state === "" ? `Error ${number}: ${message}` : `Error ${number} (${state}): ${message}`;
  return { ...refused(call, refusalCode(String(number)), text, elapsedMs), ...(state !== "" && { sqlState: state }) };
};

interface Greeting {
  readonly ok: true;
  /** The whole packet, as mysql2 is to see it. */
  readonly packet: Buffer;
  readonly server: string;
  readonly offersTls: boolean;
  readonly socket: net.Socket;
}

/** A greeting, or an error in its place; undefined for half of one and for what is none. */
const greetingOf = (
  call: Call,
  { rest }: Heard,
  socket: net.Socket,
  elapsedMs: number,
): Greeting | Failed | undefined => {
  const length = mysqlFirst(rest);
  if (length === undefined || rest.length < length) return undefined;
  const packet = rest.subarray(0, length);
  if (packet[HEADER] === ERROR) return refusal(call, refusalOf(packet.subarray(HEADER)), elapsedMs);
  const end = packet.indexOf(0, HEADER + 1);
  // A connection id, eight random bytes and a zero stand between the version and the flags.
  const flags = end + 1 + 4 + 8 + 1;
  if (end === -1 || packet.length < flags + 2 || rest.length > length) return undefined;
  const capabilities = packet.readUInt16LE(flags);
  if ((capabilities & PROTOCOL_41) === 0) return undefined;
  const server = mysqlServer(packet.toString("latin1", HEADER + 1, end));
  // Extended metadata of MariaDB, in the last four reserved bytes: mysql2 would ask for them, and nobody here reads them.
  const plain = Buffer.from(packet);
  plain.fill(0, flags + EXTENDED, flags + EXTENDED + 4);
  return { ok: true, packet: plain, server, offersTls: (capabilities & SSL) !== 0, socket };
};

/** Whether these bytes are all of a greeting, or none. */
const complete = (bytes: Buffer): boolean => bytes.length >= 5 && bytes.length >= (mysqlFirst(bytes) ?? 0);

/**
 * Waits for the greeting. A PostgreSQL server waits too, so after half of the time it is asked whether it is one. A MySQL
 * server that greets only then was looking up this host's name: its dialogue is spoilt, and another is begun.
 */
const awaitGreeting = async (call: Call, socket: net.Socket): Promise<Greeting | Failed> => {
  const elapsed = stopwatch();
  const { timeoutMs } = call.limits;
  const half = Math.floor(timeoutMs / 2);
  const early = await hear(socket, half, complete);
  if (early.rest.length > 0 || early.closed) {
    return greetingOf(call, early, socket, elapsed()) ?? brokenOff(call, early, elapsed());
  }
  socket.write(SSL_REQUEST);
  const late = await hear(socket, timeoutMs - half, (bytes) => bytes.length === 1 || complete(bytes));
  if (mysqlFirst(late.rest) === undefined) return brokenOff(call, late, elapsed());
  socket.destroy();
  const again = await call.redial();
  if (!again.ok) return again;
  const heard = await hear(again.socket, timeoutMs, complete);
  return greetingOf(call, heard, again.socket, elapsed()) ?? brokenOff(call, heard, elapsed());
};

/** mysql2's own errors have words for codes; the server's have its numbers. */
interface MysqlError {
  readonly errno?: number;
  readonly sqlState?: string;
  readonly sqlMessage?: string;
  readonly message?: string;
}

/** The fixed part of a HandshakeResponse, which an SSLRequest consists of: flags, packet size, character set, filler. */
const RESPONSE_HEAD = 32;

/** SSLRequest: the head of the answer that is to follow over TLS, so that the server reads both alike. */
const sslRequest = (response: Buffer): Buffer =>
  Buffer.concat([Buffer.from([RESPONSE_HEAD, 0, 0, 1]), response.subarray(HEADER, HEADER + RESPONSE_HEAD)]);

interface Session {
  readonly ok: true;
  readonly connection: Connection;
  readonly guard: Guard;
  readonly socket: net.Socket;
  readonly elapsedMs: number;
  readonly seen?: TlsSeen;
}

/** One login. TLS is done here rather than by mysql2: its verdict on a certificate is not Go's, and too late. */
const logIn = async (call: Call, greeting: Greeting, secure: boolean): Promise<Session | Failed> => {
  const { createConnection } = await loadMysql();
  const { question, limits } = call;
  const { user = "", database = "", password } = question.login ?? {};
  const secret = password?.reveal() ?? "";
  const dialogue = newSession(secure ? 1 : 0);
  const guard = guarded(mysqlFraming(dialogue));
  const clear = (): Buffer => Buffer.from(`${secret}\0`);
  const connection = createConnection({
    stream: guard.stream,
    user,
    password: secret,
    ...(database !== "" && { database }),
    // No server is to read a file of this host. That there is TLS is told here, since mysql2 does not do it.
    flags: ["-LOCAL_FILES", "-SESSION_TRACK", ...(secure ? ["SSL"] : [])],
    // Nothing is dialed: it tells mysql2 that nobody listens to the line, as with TLS and over a unix socket.
    ...((secure || "socket" in question.addresses) && { socketPath: "safe" }),
    authPlugins: {
      client_ed25519: () => (scramble) => signEd25519(secret, scramble.subarray(0, 32)),
      ...(secure && { sha256_password: () => clear }),
    },
    disableEval: true,
    connectTimeout: 0,
  });
  const ended = new Promise<MysqlError | undefined>((resolve) => {
    connection.on("error", resolve);
    connection.once("connect", () => resolve(undefined));
  });
  guard.say(greeting.packet);
  // A greeting that mysql2 cannot read has it give up without an answer.
  const response = await Promise.race([guard.written, ended]);
  const elapsed = stopwatch();
  let socket = greeting.socket;
  let seen: TlsSeen | undefined;
  if (!(response instanceof Buffer)) {
    return brokenOff(call, { messages: 0, rest: greeting.packet }, elapsed());
  }
  if (secure) {
    socket.write(sslRequest(response));
    const opened = await encrypt(call, socket);
    if (!opened.ok) {
      guard.stream.destroy();
      return opened;
    }
    ({ socket, seen } = opened);
  }
  const begun = stopwatch();
  guard.attach(socket);
  const late: MysqlError = new Error("late");
  const error = await within(limits.timeoutMs, ended, late);
  const elapsedMs = begun();
  const shown = seen && { tls: seen };
  if (error === undefined) return { ok: true, connection, guard, socket, elapsedMs, ...(seen && { seen }) };
  guard.stream.destroy();
  const { errno: number = 0, sqlState = "", sqlMessage = "", message = "" } = error;
  if (sqlMessage !== "" || number > 0) {
    return { ...refusal(call, { number, sqlState, message: sqlMessage }, elapsedMs), ...shown };
  }
  const { closed, strange } = guard.heard;
  if (error === late || closed || strange || limits.signal.aborted) {
    return { ...brokenOff(call, guard.heard, elapsedMs), ...shown };
  }
  // What is left are ways to convince the server that neither mysql2 nor CrowdSec's driver speaks.
  const words = dialogue.method === undefined ? message : `the server wants a login by ${dialogue.method}`;
  return { ...refused(call, "db-auth-failed", words, elapsedMs), ...shown };
};

/** `'crowdsec'@'%'`, as the privilege tables write the account `crowdsec@%`: the host has no `@`, a name may have. */
const grantee = (account: string): string => {
  const at = account.lastIndexOf("@");
  return `'${account.slice(0, at)}'@'${account.slice(at + 1)}'`;
};

/** What this user sees and may do. Fills `found`; what cannot be asked is left out. */
const lookAround = async (connection: Connection, names: readonly string[], found: Found): Promise<void> => {
  const ask = (sql: string, values: readonly unknown[] = []): Promise<readonly (readonly unknown[])[] | undefined> =>
    new Promise((resolve) => {
      connection.query({ sql, values: [...values], rowsAsArray: true }, (error, rows) => {
        resolve(error === null && Array.isArray(rows) ? (rows as unknown[][]) : undefined);
      });
    });
  // Five queries, none of which could write; before 5.6 there are no such transactions.
  await ask("START TRANSACTION READ ONLY");
  const [version, account] = (await ask("SELECT VERSION(), CURRENT_USER()"))?.[0] ?? [];
  if (typeof version === "string") found.server = mysqlServer(version);
  const rows =
    names.length === 0
      ? []
      : await ask(
          "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN (?)",
          [names],
        );
  if (rows) {
    const there = new Set(rows.map(([name]) => String(name).toLowerCase()));
    found.tables = names.filter((name) => there.has(name.toLowerCase()));
  }
  // A database's name is a pattern there, in which _ and % stand for any letters unless a backslash is before them.
  const grants = await ask(
    "SELECT GRANTEE FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE = 'CREATE' UNION ALL SELECT GRANTEE FROM information_schema.SCHEMA_PRIVILEGES WHERE PRIVILEGE_TYPE = 'CREATE' AND DATABASE() LIKE TABLE_SCHEMA",
  );
  // NULL, or NONE in MySQL. What a role grants does not show above; servers without roles have no such function.
  const roles = await ask("SELECT CURRENT_ROLE()");
  const [role] = roles?.[0] ?? [];
  if (grants && typeof account === "string") {
    if (grants.some(([holder]) => holder === grantee(account))) found.mayCreate = true;
    else if (role === undefined || role === null || role === "NONE") found.mayCreate = false;
  }
  await ask("ROLLBACK");
};

/** One login, over TLS or not, and a look around. */
const attempt = async (call: Call, greeting: Greeting, secure: boolean): Promise<Spoken | Failed> => {
  if (secure && !greeting.offersTls) {
    return refused(call, "db-tls-refused", "the server offers no TLS", 0, "handshake");
  }
  const session = await logIn(call, greeting, secure);
  if (!session.ok) return session;
  const { connection, guard, socket, elapsedMs } = session;
  const found: Found = { server: greeting.server };
  const looked = lookAround(connection, call.question.login?.tables ?? [], found).then(() => true);
  const done = await within(call.limits.timeoutMs, looked, false);
  call.layers.push({ phase: "login", ok: true, durationMs: elapsedMs, ...(found.server && { detail: found.server }) });
  if (done) connection.end();
  else guard.stream.destroy();
  await parted(socket);
  return { ...found, ok: true, encrypted: secure };
};

/** SQLSTATE of error 1045, with which a login is refused for its password and for its want of TLS alike. */
const ACCESS_DENIED = "28000";

/** Whether the same login is let in over TLS. */
const worksOverTls = async (call: Call): Promise<boolean> => {
  const again = await call.redial();
  if (!again.ok) return false;
  const greeting = await awaitGreeting(call, again.socket);
  if (!greeting.ok) return false;
  const session = await logIn({ ...call, layers: [] }, greeting, true);
  if (!session.ok) return false;
  session.connection.end();
  await parted(session.socket);
  return true;
};

/** Without TLS at first. */
const plainly = async (call: Call, greeting: Greeting): Promise<Spoken | Failed> => {
  const saw = await attempt(call, greeting, false);
  if (saw.ok || !greeting.offersTls) return saw;
  const demanded = saw.code === "db-tls-required";
  const denied = saw.code === "db-auth-failed" && saw.sqlState === ACCESS_DENIED;
  if (!demanded && !denied) return saw;
  if (call.question.tls === "disable") {
    // MariaDB with require_secure_transport, and an account that is to REQUIRE SSL anywhere, say no more than 1045.
    return denied && (await worksOverTls(call)) ? { ...saw, code: "db-tls-required" } : saw;
  }
  call.layers.push(inVain(saw));
  const again = await call.redial();
  if (!again.ok) return again;
  const second = await awaitGreeting(call, again.socket);
  return second.ok ? attempt(call, second, true) : second;
};

/**
 * Speaks with a MySQL or MariaDB server over an open connection, as github.com/go-sql-driver/mysql would, whose
 * `preferred` is `prefer`; it knows no `allow`. Not modelled: `partial_revokes` of MySQL 8 in `mayCreate`.
 */
export const askMysql = async (call: Call, socket: net.Socket): Promise<Spoken | Failed> => {
  const { question, layers } = call;
  const elapsed = stopwatch();
  const greeting = await awaitGreeting(call, socket);
  if (!greeting.ok) return greeting;
  if (!question.login) {
    const { server } = greeting;
    layers.push({ phase: phaseOf(question), ok: true, durationMs: elapsed(), detail: server });
    return { ok: true, encrypted: false, server };
  }
  if (question.tls === "disable" || question.tls === "allow") return plainly(call, greeting);
  return attempt(call, greeting, question.tls !== "prefer" || greeting.offersTls);
};
