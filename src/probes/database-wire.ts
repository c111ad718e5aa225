import type net from "node:net";
import { Duplex } from "node:stream";
import type tls from "node:tls";
import type { DatabaseQuestion, Failed, FailureCode, Layer, Phase } from "../model/observation.ts";
import { printable } from "../model/text.ts";
import { failed, failure } from "./failure.ts";
import type { Limits } from "./tcp.ts";
import { handshake, type TlsOpened } from "./tls.ts";

/** One question on its way, for the two protocols: what was asked, how to connect once more, and what is done so far. */
export interface Call {
  readonly question: DatabaseQuestion;
  readonly limits: Limits;
  /** The TLS context that the question asks for; a bare one where it asks for none. */
  readonly context: tls.SecureContext;
  /** One more connection, to the address that connected. */
  readonly redial: () => Promise<{ readonly ok: true; readonly socket: net.Socket } | Failed>;
  /** Grows as the layers are gone through. */
  readonly layers: Layer[];
}

/** What a dialogue with a database server came to; see `DatabaseAnswered`. */
export interface Spoken {
  readonly ok: true;
  readonly encrypted: boolean;
  readonly server?: string;
  readonly tables?: readonly string[];
  readonly closedTables?: readonly string[];
  readonly mayCreate?: boolean;
}

/** `Spoken` while it grows. */
export type Found = { -readonly [Key in Exclude<keyof Spoken, "ok" | "encrypted">]?: Spoken[Key] };

/** What `work` gives, or `otherwise` after `ms` milliseconds; `work` itself goes on, and may not throw. */
export const within = async <T>(ms: number, work: Promise<T>, otherwise: T): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};

/** How long a session has for its farewell, milliseconds. */
export const FAREWELL_MS = 500;

/** What one message may hold, and what a whole dialogue may: far more than any answer to what is asked here. */
const MAX_MESSAGE = 64 * 1024;
const MAX_BYTES = 1024 * 1024;

/** PostgreSQL's SSLRequest: its length and its magic number (protocol-message-formats in its manual). */
export const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** The phase of what is neither connection nor TLS: a question without a login only hears how the server greets. */
export const phaseOf = ({ login }: DatabaseQuestion): Phase => (login ? "login" : "response");

/** `failed` of text from outside, from which the password is taken out should a server ever repeat it. */
export const refused = (
  { question }: Call,
  code: FailureCode,
  text: string,
  elapsedMs: number,
  phase?: Phase,
): Failed => failed(phase ?? phaseOf(question), code, withoutSecret(question, text), elapsedMs);

const withoutSecret = ({ login }: DatabaseQuestion, text: string): string => {
  const secret = login?.password.reveal() ?? "";
  if (secret === "") return text;
  // Bytes that are no known protocol are read as latin1.
  const forms = [secret, Buffer.from(secret).toString("latin1")];
  return forms.reduce((rest, form) => rest.replaceAll(form, String(login?.password)), text);
};

const cstring = (bytes: Buffer, start: number): string => {
  const end = bytes.indexOf(0, start);
  return bytes.toString("latin1", start, end === -1 ? bytes.length : end);
};

/** `5.5.5-10.11.6-MariaDB-0+deb12u1` → `MariaDB 10.11.6`; the prefix is there for old replication clients. */
export const mysqlServer = (version: string): string => {
  const [, number] = /^(?:5\.5\.5-)?(\d+(?:\.\d+)*)/.exec(version) ?? [];
  const name = /mariadb/i.test(version) ? "MariaDB" : "MySQL";
  return number === undefined ? name : `${name} ${number.slice(0, 20)}`;
};

/** The protocol version with which every greeting of MySQL since 3.21 begins, and the mark of an error in its place. */
const GREETING = 10;
const REFUSAL = 0xff;
/** Longer than any greeting. */
const MAX_GREETING = 1024;

/** Bytes of MySQL's first packet, which comes unasked; undefined when these are none. Five bytes tell. */
export const mysqlFirst = (bytes: Buffer): number | undefined => {
  if (bytes.length < 5 || bytes[3] !== 0) return undefined;
  const length = bytes.readUIntLE(0, 3);
  if (length < 4 || length > MAX_GREETING) return undefined;
  const isGreeting = bytes[4] === GREETING && (bytes.length < 6 || /\d/.test(String.fromCharCode(bytes[5] ?? 0)));
  return isGreeting || bytes[4] === REFUSAL ? length + 4 : undefined;
};

interface Speaker {
  readonly name: string;
  readonly protocol?: DatabaseQuestion["protocol"];
}

/** Who speaks like that, as far as the first bytes tell. */
const speaker = (bytes: Buffer): Speaker | undefined => {
  const text = bytes.toString("latin1");
  if (mysqlFirst(bytes) !== undefined) {
    const name = bytes[4] === REFUSAL ? "MariaDB or MySQL" : mysqlServer(cstring(bytes, 5));
    return { name, protocol: "mysql" };
  }
  // PostgreSQL's answers to SSLRequest; an error, or a request for a password, to anything else.
  if (text === "S" || text === "N" || /^[ER]\0\0[\s\S]{2}[A-Z\0]/.test(text)) {
    return { name: "PostgreSQL", protocol: "postgresql" };
  }
  if (/^HTTP\/\d/.test(text)) return { name: "an HTTP server" };
  if (text.startsWith("SSH-")) return { name: "an SSH server" };
  // A TLS alert or handshake record.
  if ((bytes[0] === 21 || bytes[0] === 22) && bytes[1] === 3) return { name: "a TLS server" };
  return undefined;
};

const NAMES = { postgresql: "PostgreSQL", mysql: "MySQL" } as const;

const stranger = (call: Call, bytes: Buffer, elapsedMs: number): Failed => {
  const { protocol } = call.question;
  const wanted = NAMES[protocol];
  const known = speaker(bytes);
  if (known && known.protocol !== protocol) {
    return refused(call, "db-protocol", `${known.name} answers there, not ${wanted}`, elapsedMs);
  }
  const said = printable(withoutSecret(call.question, bytes.subarray(0, 4096).toString("latin1")), 40);
  return refused(call, "db-protocol", `what answers there does not speak ${wanted}: "${said}"`, elapsedMs);
};

/** What has been heard of a server so far. */
export interface Heard {
  /** Whole messages that it said. */
  messages: number;
  /** Bytes of a message that is not whole yet. */
  rest: Buffer;
  /** What it said that is no message of the protocol, and whatever came with it. */
  strange?: Buffer;
  closed?: true;
  error?: NodeJS.ErrnoException;
}

/** The run's deadline or an interrupt: nothing is said of the server. */
const ended = (call: Call, elapsedMs: number): Failed => ({
  ...refused(call, "db-silent", "the run was ended before the answer", elapsedMs),
  errno: "ABORT_ERR",
});

/** Why a dialogue broke off, judged by what has been heard: nothing, half a message, or something strange. */
export const brokenOff = (call: Call, heard: Heard, elapsedMs: number): Failed => {
  const { messages, rest, strange, closed, error } = heard;
  if (call.limits.signal.aborted) return ended(call, elapsedMs);
  // A TLS server that misses the client's certificate says so after its handshake.
  if (error?.code?.startsWith("ERR_SSL")) return failure("handshake", error, elapsedMs);
  if (strange) return stranger(call, strange, elapsedMs);
  if (rest.length > 0 && messages === 0) return stranger(call, rest, elapsedMs);
  const errno = error?.code === undefined ? {} : { errno: error.code };
  if (rest.length > 0) return { ...refused(call, "db-protocol", "the answer breaks off", elapsedMs), ...errno };
  if (!closed) return refused(call, "db-silent", `no answer within ${call.limits.timeoutMs} ms`, elapsedMs);
  return messages === 0
    ? { ...refused(call, "db-silent", "the connection was closed without a word", elapsedMs), ...errno }
    : { ...refused(call, "db-unavailable", "the server closed the connection", elapsedMs), ...errno };
};

/** Hears a socket until `enough` of it, its end, or the time's. The socket is paused then, nothing of it lost. */
export const hear = (socket: net.Socket, timeoutMs: number, enough: (bytes: Buffer) => boolean): Promise<Heard> =>
  new Promise((resolve) => {
    const heard: Heard = { messages: 0, rest: Buffer.alloc(0) };
    const settle = (): void => {
      clearTimeout(timer);
      socket.off("data", onData).off("error", onError).off("end", onClose).off("close", onClose);
      socket.pause();
      resolve(heard);
    };
    const onData = (chunk: Buffer): void => {
      heard.rest = Buffer.concat([heard.rest, chunk]);
      if (enough(heard.rest) || heard.rest.length > MAX_MESSAGE) settle();
    };
    const onClose = (): void => {
      heard.closed = true;
      settle();
    };
    const onError = (error: Error): void => {
      heard.error = error;
    };
    const timer = setTimeout(settle, timeoutMs);
    socket.on("data", onData).on("error", onError).on("end", onClose).on("close", onClose);
    if (socket.destroyed) onClose();
    socket.resume();
  });

/** How the messages of a protocol are told apart, and which of them a library can bear. */
export interface Framing {
  /** Bytes of the message that these begin; undefined while they are too few to tell, 0 for what begins no message. */
  readonly size: (bytes: Buffer) => number | undefined;
  /** A whole message as the library shall see it; undefined for one that no such server sends. */
  readonly admit: (message: Buffer) => Buffer | undefined;
  /** What the library sends, as the server shall see it. */
  readonly send?: (bytes: Buffer) => Buffer;
}

export interface Guard {
  /** For the library. */
  readonly stream: Duplex;
  readonly heard: Heard;
  /** The first bytes that the library writes; they are held back until there is a socket. */
  readonly written: Promise<Buffer>;
  /** Says something to the library. */
  say(message: Buffer): void;
  /** From here on, the library and the server speak with each other. */
  attach(socket: net.Socket): void;
}

/**
 * A stream between a server and a library that trusts it: the parsers of pg and mysql2 throw, print or loop on messages
 * that no real server sends, and keep whatever they are given. Only whole, well-formed messages pass, of bounded size.
 */
export const guarded = ({ size, admit, send = (bytes) => bytes }: Framing): Guard => {
  const heard: Heard = { messages: 0, rest: Buffer.alloc(0) };
  let socket: net.Socket | undefined;
  let held: (() => void) | undefined;
  let total = 0;
  let announce: (bytes: Buffer) => void = () => {};
  const written = new Promise<Buffer>((resolve) => {
    announce = resolve;
  });
  const stream = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      announce(chunk);
      const go = (): void => {
        socket?.write(send(chunk), done);
      };
      if (socket) go();
      else held = go;
    },
    final: (done) => {
      if (socket) socket.end(done);
      else done();
    },
    destroy: (error, done) => {
      socket?.destroy();
      done(error);
    },
  });
  // Whoever waits for an answer sees the end; nobody is to die of it.
  stream.on("error", () => {});
  const take = (chunk: Buffer): void => {
    if (stream.destroyed) return;
    total += chunk.length;
    heard.rest = Buffer.concat([heard.rest, chunk]);
    for (let length = size(heard.rest); length !== undefined; length = size(heard.rest)) {
      const bounded = length > 0 && length <= MAX_MESSAGE && total <= MAX_BYTES;
      if (bounded && heard.rest.length < length) return;
      const message = bounded ? admit(heard.rest.subarray(0, length)) : undefined;
      if (message === undefined) {
        heard.strange = heard.rest;
        stream.destroy();
        return;
      }
      heard.rest = heard.rest.subarray(length);
      heard.messages += 1;
      stream.push(message);
    }
  };
  return {
    stream,
    heard,
    written,
    say: (message) => {
      stream.push(message);
    },
    attach: (open) => {
      socket = open;
      open.on("data", take);
      open.on("error", (error) => {
        heard.error = error;
      });
      open.on("close", () => {
        heard.closed = true;
        stream.destroy();
      });
      // A library that hears of the end before the last message is read would not read it.
      open.on("end", () => {
        heard.closed = true;
        stream.push(null);
      });
      if (open.destroyed) stream.destroy();
      held?.();
      open.resume();
    },
  };
};

/** Whether the question wants the certificate judged; `require` does where a CA is given, as libpq has it. */
const verifies = ({ tls: mode, caFile }: DatabaseQuestion): boolean =>
  mode === "verify-full" || mode === "verify-ca" || (mode === "require" && caFile !== undefined);

/** OpenSSL's codes for a certificate above the leaf, whose own dates were looked at first. */
const CHAIN: Readonly<Record<string, FailureCode>> = {
  CERT_HAS_EXPIRED: "tls-expired",
  CERT_NOT_YET_VALID: "tls-not-yet-valid",
};

/** A name that is not there counts for `verify-full` only: what is wrong besides it, if anything. */
const besidesName = ({ socket, refused: fault }: TlsOpened): Failed | undefined => {
  if (fault?.code !== "tls-wrong-host" && fault?.code !== "tls-no-san") return fault;
  if (socket.authorized) return undefined;
  const openssl = String(socket.authorizationError);
  return {
    ...fault,
    code: CHAIN[openssl] ?? "tls-untrusted",
    message: `the certificate's authorities are not trusted here (${openssl})`,
  };
};

/** Does TLS over an open connection, and judges the certificate as far as the question wants it. */
export const encrypt = async (call: Call, raw: net.Socket): Promise<TlsOpened | Failed> => {
  const { question, context, limits, layers } = call;
  const trust = verifies(question) ? undefined : { caFiles: [], only: true, skipVerify: true };
  const opened = await handshake(raw, { host: question.host, context, trust }, limits);
  if (!opened.ok) return limits.signal.aborted ? ended(call, opened.elapsedMs) : opened;
  const fault = question.tls === "verify-full" ? opened.refused : besidesName(opened);
  if (fault) {
    opened.socket.destroy();
    return fault;
  }
  layers.push({ phase: "handshake", ok: true, durationMs: opened.elapsedMs, detail: opened.seen.protocol });
  return opened;
};

/** Waits for a socket to close after the farewell was said, and sees to it that it does. */
export const parted = (socket: net.Socket): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve();
    };
    const timer = setTimeout(end, FAREWELL_MS);
    if (socket.destroyed) end();
    else socket.once("close", end);
  });
