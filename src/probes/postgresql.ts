import type net from "node:net";
import type { Client } from "pg";
import type { Failed, TlsSeen } from "../model/observation.ts";
import { printable } from "../model/text.ts";
import { stopwatch } from "./clock.ts";
import {
  brokenOff,
  type Call,
  encrypt,
  type Found,
  type Framing,
  guarded,
  hear,
  mysqlFirst,
  parted,
  phaseOf,
  refused,
  type Spoken,
  SSL_REQUEST,
  within,
} from "./database-wire.ts";
import { inVain, refusalCode } from "./failure.ts";

/** Imported when a login is asked for, and before any clock runs. */
export const loadPg = (): Promise<typeof import("pg")> => import("pg");

/** Fields that one server sends in an error, by their letters; undefined for a body that is not built like that. */
const errorFields = (body: Buffer): ReadonlyMap<string, string> | undefined => {
  const fields = new Map<string, string>();
  let at = 0;
  while (body[at]) {
    const end = body.indexOf(0, at + 1);
    if (end === -1) return undefined;
    fields.set(String.fromCharCode(body[at] ?? 0), body.toString("utf8", at + 1, end));
    at = end + 1;
  }
  return at === body.length - 1 ? fields : undefined;
};

/** Whether `count` parts, each ending where `next` says, are all there is after the leading 16-bit count. */
const isListOf = (body: Buffer, next: (at: number) => number): boolean => {
  if (body.length < 2) return false;
  let at = 2;
  for (let left = body.readUInt16BE(0); left > 0; left -= 1) {
    at = next(at);
    if (at > body.length) return false;
  }
  return at === body.length;
};

const BEYOND = Number.POSITIVE_INFINITY;
const isColumns = (body: Buffer): boolean =>
  isListOf(body, (at) => {
    const end = body.indexOf(0, at);
    return end === -1 ? BEYOND : end + 1 + 18;
  });
const isRow = (body: Buffer): boolean =>
  isListOf(body, (at) => {
    if (at + 4 > body.length) return BEYOND;
    const length = body.readInt32BE(at);
    return at + 4 + (length === -1 ? 0 : length >>> 0);
  });
const isText = (body: Buffer): boolean => body.length > 0 && body.indexOf(0) === body.length - 1;
const isPair = (body: Buffer): boolean => isText(body.subarray(body.indexOf(0) + 1)) && body.indexOf(0) !== -1;
const isEmpty = (body: Buffer): boolean => body.length === 0;

/** Requests for authentication that pg knows, and the bytes that follow: OK, cleartext, MD5, SASL's three. */
const AUTHENTICATIONS: Readonly<Record<number, (body: Buffer) => boolean>> = {
  0: isEmpty,
  3: isEmpty,
  5: (body) => body.length === 4,
  10: (body) => body.length > 1 && body.readUInt16BE(body.length - 2) === 0,
  11: () => true,
  12: () => true,
};

/** Messages of a PostgreSQL server that can come in these dialogues, and what each is made of (protocol-message-formats). */
const MESSAGES: Readonly<Record<string, (body: Buffer) => boolean>> = {
  R: (body) => body.length >= 4 && (AUTHENTICATIONS[body.readUInt32BE(0)]?.(body.subarray(4)) ?? false),
  K: (body) => body.length === 8,
  S: isPair,
  Z: (body) => body.length === 1,
  T: isColumns,
  D: isRow,
  C: isText,
  E: (body) => errorFields(body) !== undefined,
  N: () => true,
  A: () => true,
  I: isEmpty,
};
/** Remarks, and news of other sessions: nothing that pg needs to know. */
const KEPT_BACK = "NA";

const HEADER = 5;

const size = (bytes: Buffer): number | undefined => {
  if (bytes.length > 0 && !(String.fromCharCode(bytes[0] ?? 0) in MESSAGES)) return 0;
  if (bytes.length < HEADER) return undefined;
  const length = bytes.readUInt32BE(1);
  return length < 4 ? 0 : length + 1;
};

/** Ways to authenticate that neither pg nor CrowdSec's driver speaks, by their number. */
const FOREIGN: Readonly<Record<number, string>> = { 2: "Kerberos V5", 6: "SCM", 7: "GSSAPI", 9: "SSPI" };

/** `wants` gets the name of a way to authenticate that is not spoken here. */
const framing = (wants: (method: string) => void): Framing => ({
  size,
  admit: (message) => {
    const kind = String.fromCharCode(message[0] ?? 0);
    const body = message.subarray(HEADER);
    if (!MESSAGES[kind]?.(body)) {
      const method = kind === "R" && body.length >= 4 ? FOREIGN[body.readUInt32BE(0)] : undefined;
      if (method !== undefined) wants(method);
      return undefined;
    }
    return KEPT_BACK.includes(kind) ? Buffer.alloc(0) : message;
  },
});

interface Refusal {
  readonly message?: string | undefined;
  readonly code?: string | undefined;
  /** The function in PostgreSQL's source that refused. */
  readonly routine?: string | undefined;
}

/**
 * 28000 stands for much. pg_hba.conf without a line for this host, or with one that rejects it, is said by
 * ClientAuthentication (src/backend/libpq/auth.c); a failed peer, ident or certificate login, and a role that is unknown
 * or may not log in, by these two.
 */
const OF_THE_USER = new Set(["auth_failed", "InitializeSessionUserId"]);

const refusal = (call: Call, { message = "", code = "", routine = "" }: Refusal, elapsedMs: number): Failed => ({
  ...refused(
    call,
    code === "28000" && OF_THE_USER.has(routine) ? "db-auth-failed" : refusalCode(code),
    message,
    elapsedMs,
  ),
  ...(code !== "" && { sqlState: printable(code, 5) }),
});

/** Asks whether the server would go on with TLS: `S`, or `N` for no. */
const requestTls = async (call: Call, socket: net.Socket): Promise<"S" | "N" | Failed> => {
  const elapsed = stopwatch();
  socket.write(SSL_REQUEST);
  const isError = (bytes: Buffer): boolean => bytes[0] === 0x45 && mysqlFirst(bytes) === undefined;
  const heard = await hear(
    socket,
    call.limits.timeoutMs,
    (bytes) => !isError(bytes) || bytes.length >= (size(bytes) || BEYOND),
  );
  const bytes = heard.rest;
  if (bytes.length === 1 && (bytes[0] === 0x53 || bytes[0] === 0x4e)) return bytes[0] === 0x53 ? "S" : "N";
  const fields = isError(bytes) ? errorFields(bytes.subarray(HEADER, size(bytes))) : undefined;
  if (fields)
    return refusal(call, { message: fields.get("M"), code: fields.get("C"), routine: fields.get("R") }, elapsed());
  // A postmaster that cannot start a process for this connection says so in the words of protocol 2.
  if (isError(bytes) && bytes.indexOf(0) === bytes.length - 1) {
    return refused(call, "db-unavailable", bytes.toString("utf8", 1), elapsed());
  }
  return brokenOff(call, heard, elapsed());
};

interface Session {
  readonly ok: true;
  readonly client: Client;
  readonly elapsedMs: number;
  /** Breaks it off. */
  destroy(): void;
}

/** More than any server asks for by default (4096), and still less than a second of work. */
const MAX_ITERATIONS = 1_000_000;

/** One login over an open connection; `asked` hears that the server wants a password, an empty one is not sent. */
const logIn = async (
  call: Call,
  socket: net.Socket,
  password: string,
  asked: () => void = () => {},
): Promise<Session | Failed> => {
  const { Client, DatabaseError } = await loadPg();
  const elapsed = stopwatch();
  const { user = "", database = "" } = call.question.login ?? {};
  let wanted = false;
  let method: string | undefined;
  const guard = guarded(
    framing((name) => {
      method = name;
    }),
  );
  const noop = (): void => {};
  const stream = Object.assign(guard.stream, {
    connect: () => queueMicrotask(() => guard.stream.emit("connect")),
    setNoDelay: noop,
    setKeepAlive: noop,
    ref: noop,
    unref: noop,
  });
  const config = {
    stream: () => stream,
    ssl: false,
    host: "localhost",
    port: 5432,
    user,
    database,
    sslnegotiation: "postgres",
    scramMaxIterations: MAX_ITERATIONS,
    password: () => {
      wanted = true;
      asked();
      if (password === "") throw new Error("no password");
      return password;
    },
  } as const;
  const client = new Client(config);
  // pg would fill in what is empty, and more, from this process's environment: PGUSER, PGOPTIONS.
  Object.assign(client, { getStartupConf: () => ({ user, ...(database !== "" && { database }) }) });
  client.on("error", noop);
  guard.attach(socket);
  const connected = new Promise<unknown>((resolve) => client.connect((error: unknown) => resolve(error ?? undefined)));
  const late = new Error("late");
  const error = await within(call.limits.timeoutMs, connected, late);
  const elapsedMs = elapsed();
  if (error === undefined) return { ok: true, client, elapsedMs, destroy: () => guard.stream.destroy() };
  guard.stream.destroy();
  if (error instanceof DatabaseError) return refusal(call, error, elapsedMs);
  if (method !== undefined) {
    return refused(call, "db-auth-failed", `the server wants a login by ${method}`, elapsedMs);
  }
  if (wanted && password === "") {
    return refused(call, "db-auth-failed", "the server asks for a password, and there is none", elapsedMs);
  }
  const { closed, strange } = guard.heard;
  if (error === late || closed || strange || call.limits.signal.aborted) return brokenOff(call, guard.heard, elapsedMs);
  // What is left are pg's own: a server that cannot prove that it knows the password, or asks for what pg does not speak.
  return refused(call, "db-auth-failed", error instanceof Error ? error.message : String(error), elapsedMs);
};

const TABLE_PRIVILEGES = ["SELECT", "INSERT", "UPDATE", "DELETE"];

/** What this user sees and may do. Fills `found`; what cannot be asked is left out. */
const lookAround = async (client: Client, names: readonly string[], found: Found): Promise<void> => {
  // One round trip each, and no write whatever the query were.
  const ask = async (sql: string): Promise<readonly (readonly unknown[])[] | undefined> => {
    try {
      const results: unknown = await client.query({ text: `BEGIN READ ONLY; ${sql}; ROLLBACK`, rowMode: "array" });
      return (results as readonly { rows: unknown[][] }[])[1]?.rows;
    } catch {
      await client.query("ROLLBACK").catch(() => {});
      return undefined;
    }
  };
  const [version] = (await ask("SELECT version()"))?.[0] ?? [];
  const server = /^\D*\d[\w.]*/.exec(String(version ?? ""))?.[0];
  if (server !== undefined) found.server = printable(server, 60);
  // Without a schema that the search path leads to, there is no place for a table; a standby takes none.
  const [mayCreate] =
    (
      await ask("SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AND NOT pg_is_in_recovery()")
    )?.[0] ?? [];
  if (typeof mayCreate === "boolean") found.mayCreate = mayCreate;
  const list = names.map((name) => client.escapeLiteral(name)).join(", ");
  const may = TABLE_PRIVILEGES.map((privilege) => `has_table_privilege(c.oid, '${privilege}')`).join(" AND ");
  const rows =
    list === ""
      ? []
      : await ask(
          `SELECT c.relname, ${may} FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'f') AND c.relname IN (${list})`,
        );
  if (rows === undefined) return;
  const open = new Map(rows.map(([name, allowed]) => [name, allowed === true]));
  found.tables = names.filter((name) => open.has(name));
  found.closedTables = names.filter((name) => open.get(name) === false);
};

/** One login, over TLS where the server has it (`may`) or not at all (`must`), and a look around. */
const attempt = async (call: Call, raw: net.Socket, tls: "no" | "may" | "must"): Promise<Spoken | Failed> => {
  let socket = raw;
  let seen: TlsSeen | undefined;
  if (tls !== "no") {
    const elapsed = stopwatch();
    const answer = await requestTls(call, raw);
    if (typeof answer !== "string") return answer;
    if (answer === "N" && tls === "must")
      return refused(call, "db-tls-refused", "the server refuses TLS", elapsed(), "handshake");
    if (answer === "S") {
      const opened = await encrypt(call, raw);
      if (!opened.ok) return opened;
      ({ socket, seen } = opened);
    }
  }
  const { tables = [], password } = call.question.login ?? {};
  const session = await logIn(call, socket, password?.reveal() ?? "");
  if (!session.ok) return { ...session, ...(seen && { tls: seen }) };
  const found: Found = {};
  const { client, elapsedMs } = session;
  const done = await within(
    call.limits.timeoutMs,
    lookAround(client, tables, found).then(() => true),
    false,
  );
  call.layers.push({
    phase: "login",
    ok: true,
    durationMs: elapsedMs,
    ...(found.server !== undefined && { detail: found.server }),
  });
  if (done) void client.end().catch(() => {});
  else session.destroy();
  await parted(socket);
  return { ...found, ok: true, encrypted: seen !== undefined };
};

/** Whether the server would let this user go on over TLS: as far as its request for a password, and no further. */
const wantsTls = async (call: Call): Promise<boolean> => {
  const again = await call.redial();
  if (!again.ok) return false;
  const answer = await requestTls(call, again.socket);
  if (answer !== "S") return false;
  const opened = await encrypt({ ...call, layers: [] }, again.socket);
  if (!opened.ok) return false;
  let asked = false;
  const session = await logIn(call, opened.socket, "", () => {
    asked = true;
  });
  if (!session.ok) return asked;
  void session.client.end().catch(() => {});
  await parted(opened.socket);
  return true;
};

const greet = async (call: Call, socket: net.Socket): Promise<Spoken | Failed> => {
  const elapsed = stopwatch();
  const answer = await requestTls(call, socket);
  if (typeof answer !== "string") return answer;
  const server = "PostgreSQL";
  call.layers.push({ phase: phaseOf(call.question), ok: true, durationMs: elapsed(), detail: server });
  return { ok: true, encrypted: false, server };
};

/**
 * Speaks with a PostgreSQL server over an open connection, as pgx would: ConnectConfig in github.com/jackc/pgx,
 * pgconn/pgconn.go. Not modelled: `clientcert` in pg_hba.conf without a certificate of ours is said with the same 28000
 * as a host that is denied.
 */
export const askPostgresql = async (call: Call, socket: net.Socket): Promise<Spoken | Failed> => {
  const { question, redial, layers } = call;
  if (!question.login) return greet(call, socket);
  // There is no TLS over a unix socket, whatever the mode.
  const local = "socket" in question.addresses;
  const mode = local ? "disable" : question.tls;
  const again = async (first: Failed, tls: "no" | "must"): Promise<Spoken | Failed> => {
    layers.push(inVain(first));
    const dialed = await redial();
    return dialed.ok ? attempt(call, dialed.socket, tls) : dialed;
  };
  if (mode === "disable" || mode === "allow") {
    const saw = await attempt(call, socket, "no");
    if (saw.ok || saw.code !== "db-host-denied" || local) return saw;
    if (mode === "disable") return (await wantsTls(call)) ? { ...saw, code: "db-tls-required" } : saw;
    const secure = await again(saw, "must");
    return !secure.ok && secure.code === "db-tls-refused" ? saw : secure;
  }
  const saw = await attempt(call, socket, mode === "prefer" ? "may" : "must");
  // Whatever TLS failed of, plain is tried then; a refusal by the server's rules is not asked for twice.
  return mode === "prefer" && !saw.ok && saw.phase === "handshake" ? again(saw, "no") : saw;
};
