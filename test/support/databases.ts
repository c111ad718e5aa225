import { createHash } from "node:crypto";
import net from "node:net";
import tls from "node:tls";
import type { DatabaseQuestion } from "../../src/model/observation.ts";
import { Secret } from "../../src/model/secret.ts";
import type { Shown } from "./certificates.ts";

export const USER = "crowdsec";
export const PASSWORD = "pa55-w0rd!";
export const TABLES = ["machines", "bouncers", "alerts"];

export const login = (password = PASSWORD): NonNullable<DatabaseQuestion["login"]> => ({
  user: USER,
  password: new Secret(password),
  database: "crowdsec",
  tables: TABLES,
});

/** Hands whole messages to `take`, in order; `size` says how long the first one is. Stopped, it gives back the rest. */
const framed = (
  socket: net.Socket,
  size: (bytes: Buffer) => number | undefined,
  take: (message: Buffer) => void,
): (() => void) => {
  let rest = Buffer.alloc(0);
  let stopped = false;
  const onData = (chunk: Buffer): void => {
    rest = Buffer.concat([rest, chunk]);
    for (let length = size(rest); !stopped && length !== undefined && rest.length >= length; length = size(rest)) {
      const message = rest.subarray(0, length);
      rest = rest.subarray(length);
      take(message);
    }
  };
  socket.on("data", onData).on("error", () => {});
  return () => {
    stopped = true;
    socket.off("data", onData).pause();
    if (rest.length > 0) socket.unshift(rest);
  };
};

/** Rows of text for a query, the server's words against it, or nothing at all. */
export type Answer = readonly (readonly (string | null)[])[] | Buffer | "silence";

const tlsServer = (socket: net.Socket, shown: Shown): tls.TLSSocket => {
  const secure = new tls.TLSSocket(socket, { isServer: true, ...shown });
  secure.on("error", () => {});
  return secure;
};

// PostgreSQL

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
};
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

/** One message of a PostgreSQL server. */
export const message = (kind: string, ...parts: readonly (Buffer | string)[]): Buffer => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from(kind), int32(body.length + 4), body]);
};

/** An ErrorResponse. */
export const pgError = (sqlState: string, words: string, routine = "whatever"): Buffer =>
  message("E", `SFATAL\0VFATAL\0C${sqlState}\0M${words}\0R${routine}\0\0`);

export const AUTHENTICATED = message("R", int32(0));
export const CLEARTEXT = message("R", int32(3));
export const READY = message("Z", "I");
const TEXT_OID = 25;
const BOOL_OID = 16;

const resultOf = (rows: readonly (readonly (string | null)[])[]): Buffer => {
  const [first = []] = rows;
  const columns = first.map((value) =>
    Buffer.concat([
      Buffer.from("column\0"),
      int32(0),
      int16(0),
      int32(value === "t" || value === "f" ? BOOL_OID : TEXT_OID),
      int16(0xffff),
      int32(-1),
      int16(0),
    ]),
  );
  const data = rows.map((row) =>
    message(
      "D",
      int16(row.length),
      ...row.flatMap((value) => (value === null ? [int32(-1)] : [int32(Buffer.byteLength(value)), value])),
    ),
  );
  return Buffer.concat([
    message("T", int16(columns.length), ...columns),
    ...data,
    message("C", `SELECT ${rows.length}\0`),
  ]);
};

export interface PgScript {
  /** Answers SSLRequest with `S` and goes on with this certificate; without it, `N`. */
  readonly shown?: Shown;
  /** Against a session without TLS, and against one with it. */
  readonly plain?: Buffer;
  readonly secure?: Buffer;
  /** Asks for a password, in clear; without it, lets anybody in. */
  readonly password?: string;
  /** What a query is answered with, by a word in it. */
  readonly queries?: Readonly<Record<string, Answer>>;
}

/** What a server saw of its clients. */
export interface Log {
  connections: number;
  /** Logins that were let in. */
  logins: number;
  readonly startups: Record<string, string>[];
  readonly passwords: string[];
  readonly queries: string[];
  farewells: number;
}

const newLog = (): Log => ({ connections: 0, logins: 0, startups: [], passwords: [], queries: [], farewells: 0 });

/** Speaks as much of PostgreSQL's protocol as a login and simple queries take. */
export const postgresql = (script: PgScript = {}): { readonly server: net.Server; readonly log: Log } => {
  const log = newLog();
  const session = (socket: net.Socket, secure: boolean): void => {
    let started = false;
    const letIn = (): void => {
      log.logins += 1;
      socket.write(
        Buffer.concat([
          AUTHENTICATED,
          message("S", "server_version\0" + "15.8\0"),
          message("N", "SNOTICE\0C00000\0Mwelcome\0\0"),
          message("K", int32(1), int32(2)),
          READY,
        ]),
      );
    };
    const stop = framed(
      socket,
      (bytes) => {
        const at = started ? 1 : 0;
        return bytes.length < at + 4 ? undefined : at + bytes.readUInt32BE(at);
      },
      (bytes) => {
        if (!started && bytes.readUInt32BE(4) === 80877103) {
          socket.write(script.shown ? "S" : "N");
          if (!script.shown) return;
          stop();
          session(tlsServer(socket, script.shown), true);
          return;
        }
        if (!started) {
          started = true;
          const words = bytes.toString("utf8", 8).split("\0");
          log.startups.push(
            Object.fromEntries(
              words.flatMap((word, at) => (at % 2 === 0 && word ? [[word, words[at + 1] ?? ""]] : [])),
            ),
          );
          const against = secure ? script.secure : script.plain;
          if (against) socket.end(against);
          else if (script.password === undefined) letIn();
          else socket.write(CLEARTEXT);
          return;
        }
        const kind = String.fromCharCode(bytes[0] ?? 0);
        const text = bytes.toString("utf8", 5, bytes.length - 1);
        if (kind === "p") {
          log.passwords.push(text);
          if (text === script.password) letIn();
          else socket.end(pgError("28P01", `password authentication failed for user "${USER}"`, "auth_failed"));
        } else if (kind === "X") {
          log.farewells += 1;
          socket.end();
        } else if (kind === "Q") {
          log.queries.push(text);
          const [, answer] = Object.entries(script.queries ?? {}).find(([word]) => text.includes(word)) ?? [];
          if (answer === "silence") return;
          if (Buffer.isBuffer(answer)) socket.write(Buffer.concat([answer, READY]));
          else if (text === "ROLLBACK") socket.write(Buffer.concat([message("C", "ROLLBACK\0"), READY]));
          else
            socket.write(
              Buffer.concat([message("C", "BEGIN\0"), resultOf(answer ?? []), message("C", "ROLLBACK\0"), READY]),
            );
        }
      },
    );
  };
  const server = net.createServer((socket) => {
    log.connections += 1;
    session(socket, false);
  });
  return { server, log };
};

// MySQL

/** One packet of MySQL's protocol. */
export const packet = (number: number, ...parts: readonly (Buffer | string)[]): Buffer => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const header = Buffer.alloc(4);
  header.writeUIntLE(body.length, 0, 3);
  header[3] = number;
  return Buffer.concat([header, body]);
};

const SCRAMBLE = Buffer.from("abcdefghijklmnopqrst");
const SSL = 0x0800;
/** LONG_PASSWORD, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION; PLUGIN_AUTH, LENENC. */
const LOW = 0x0001 | 0x0008 | 0x0200 | 0x2000 | 0x8000;
const HIGH = 0x0008 | 0x0020;

/** What a server says first. */
export const greeting = (version = "8.0.39", { offersTls = false, plugin = "mysql_native_password" } = {}): Buffer => {
  const flags = Buffer.alloc(2);
  flags.writeUInt16LE(LOW | (offersTls ? SSL : 0));
  const high = Buffer.alloc(2);
  high.writeUInt16LE(HIGH);
  return packet(
    0,
    Buffer.from([10]),
    `${version}\0`,
    Buffer.from([7, 0, 0, 0]),
    SCRAMBLE.subarray(0, 8),
    Buffer.from([0]),
    flags,
    Buffer.from([45, 2, 0]),
    high,
    Buffer.from([21]),
    Buffer.alloc(10),
    SCRAMBLE.subarray(8),
    Buffer.from([0]),
    `${plugin}\0`,
  );
};

/** An error; before the greeting it carries no SQLSTATE. */
export const mysqlError = (number: number, words: string, sqlState?: string): Buffer => {
  const code = Buffer.alloc(2);
  code.writeUInt16LE(number);
  return Buffer.concat([Buffer.from([0xff]), code, Buffer.from(sqlState ? `#${sqlState}${words}` : words)]);
};

const OK = Buffer.from([0, 0, 0, 2, 0, 0, 0]);
const EOF = Buffer.from([0xfe, 0, 0, 2, 0]);

const hash = (kind: string, ...parts: readonly Buffer[]): Buffer =>
  createHash(kind).update(Buffer.concat(parts)).digest();
const xor = (one: Buffer, other: Buffer): Buffer => Buffer.from(one.map((byte, at) => byte ^ (other[at] ?? 0)));
const native = (password: string): Buffer => {
  const once = hash("sha1", Buffer.from(password));
  return xor(once, hash("sha1", SCRAMBLE, hash("sha1", once)));
};
const sha2 = (password: string): Buffer => {
  const once = hash("sha256", Buffer.from(password));
  return xor(once, hash("sha256", hash("sha256", once), SCRAMBLE));
};

const lenenc = (value: string): Buffer => Buffer.concat([Buffer.from([Buffer.byteLength(value)]), Buffer.from(value)]);

const resultSet = (rows: readonly (readonly (string | null)[])[]): Buffer => {
  const [first = ["x"]] = rows;
  const column = Buffer.concat([
    ...["def", "", "", "", "column", ""].map(lenenc),
    Buffer.from([0x0c, 45, 0, 255, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0]),
  ]);
  const bodies = [
    Buffer.from([first.length]),
    ...first.map(() => column),
    EOF,
    ...rows.map((row) => Buffer.concat(row.map((value) => (value === null ? Buffer.from([0xfb]) : lenenc(value))))),
    EOF,
  ];
  return Buffer.concat(bodies.map((body, at) => packet(at + 1, body)));
};

export interface MysqlScript {
  readonly version?: string;
  readonly shown?: Shown;
  readonly plugin?: "mysql_native_password" | "caching_sha2_password";
  /** Milliseconds before the greeting. */
  readonly greetsAfter?: number;
  /** Instead of an answer to a login without TLS, and with it. */
  readonly plain?: Buffer;
  readonly secure?: Buffer;
  readonly password?: string;
  /** Asks for another way to log in first, with these data. */
  readonly switchTo?: readonly [plugin: string, data: Buffer];
  /** What the answer to that must be. */
  readonly switched?: (answer: Buffer) => boolean;
  readonly queries?: Readonly<Record<string, Answer>>;
}

/** Speaks as much of MySQL's protocol as a login and text queries take. */
export const mysql = (script: MysqlScript = {}): { readonly server: net.Server; readonly log: Log } => {
  const log = newLog();
  const { plugin = "mysql_native_password", password = PASSWORD } = script;
  const session = (socket: net.Socket, secure: boolean): void => {
    let step: "login" | "switched" | "clear" | "in" = "login";
    const finish = (number: number, good: boolean): void => {
      if (good) {
        step = "in";
        log.logins += 1;
        socket.write(packet(number, OK));
      } else socket.end(packet(number, mysqlError(1045, `Access denied for user '${USER}'@'localhost'`, "28000")));
    };
    const stop = framed(
      socket,
      (bytes) => (bytes.length < 4 ? undefined : bytes.readUIntLE(0, 3) + 4),
      (bytes) => {
        const number = (bytes[3] ?? 0) + 1;
        const body = bytes.subarray(4);
        // Another protocol's: the greeting was late.
        if (body.length === 0) return;
        if (step === "login" && body.length === 32 && script.shown && (body.readUInt16LE(0) & SSL) !== 0) {
          stop();
          session(tlsServer(socket, script.shown), true);
          return;
        }
        if (step === "login") {
          const end = body.indexOf(0, 32);
          const length = body[end + 1] ?? 0;
          const token = body.subarray(end + 2, end + 2 + length);
          log.startups.push({
            user: body.toString("utf8", 32, end),
            number: String(bytes[3]),
            secure: String(secure),
            // CLIENT_LOCAL_FILES.
            givesFiles: String((body.readUInt16LE(0) & 0x80) !== 0),
          });
          const against = secure ? script.secure : script.plain;
          if (against) socket.end(packet(number, against));
          else if (script.switchTo) {
            step = "switched";
            socket.write(packet(number, Buffer.from([0xfe]), `${script.switchTo[0]}\0`, script.switchTo[1]));
          } else if (plugin === "caching_sha2_password" && secure) {
            step = "clear";
            socket.write(packet(number, Buffer.from([1, 4])));
          } else finish(number, token.equals(plugin === "caching_sha2_password" ? sha2(password) : native(password)));
          return;
        }
        if (step === "switched") return finish(number, script.switched?.(body) ?? false);
        if (step === "clear") {
          log.passwords.push(body.toString("utf8", 0, body.length - 1));
          return finish(number, body.equals(Buffer.from(`${password}\0`)));
        }
        if (body[0] === 1) {
          log.farewells += 1;
          socket.end();
          return;
        }
        const text = body.toString("utf8", 1);
        log.queries.push(text);
        const [, answer] = Object.entries(script.queries ?? {}).find(([word]) => text.includes(word)) ?? [];
        if (answer === "silence") return;
        if (Buffer.isBuffer(answer)) socket.write(packet(1, answer));
        else if (answer) socket.write(resultSet(answer));
        else if (/^(START|ROLLBACK)/.test(text)) socket.write(packet(1, OK));
        else socket.write(packet(1, mysqlError(1064, "not asked for", "42000")));
      },
    );
  };
  const server = net.createServer((socket) => {
    log.connections += 1;
    const greet = (): void => {
      socket.write(greeting(script.version, { offersTls: script.shown !== undefined, plugin }));
    };
    if (script.greetsAfter === undefined) greet();
    else setTimeout(greet, script.greetsAfter);
    session(socket, false);
  });
  return { server, log };
};
