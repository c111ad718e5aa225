import { printable } from "../model/text.ts";
import type { Framing } from "./database-wire.ts";

/** Bytes of a packet before its body: a length of three, and a number. */
export const HEADER = 4;

/** First bytes of a server's packets. */
const OK = 0x00;
const EOF = 0xfe;
/** During the login, what is an EOF later asks for another way to log in. */
const SWITCH = EOF;
export const ERROR = 0xff;
/** A packet that begins like an EOF is one only when it is as short as that. */
const MAX_EOF = 9;

/** Where a session is: its login, between two queries, or at a part of an answer. */
type Step = "login" | "idle" | "answer" | "columns" | "end of columns" | "rows";

export interface Session {
  step: Step;
  /** Packets of the login are numbered on; with TLS one later than mysql2 knows, since the SSLRequest is not its own. */
  readonly shift: 0 | 1;
  /** The number of the last packet in either direction. */
  last: number;
  /** Columns of the answer that comes, and those of them that are described already. */
  columns: number;
  described: number;
  /** How the server wants to be convinced, when it said so. */
  method?: string;
}

export const newSession = (shift: 0 | 1): Session => ({ step: "login", shift, last: 0, columns: 0, described: 0 });

/** Where a length-encoded string that begins `at` ends; past every end when it is none. */
const afterString = (body: Buffer, at: number): number => {
  const tag = body[at];
  if (tag === undefined) return Number.POSITIVE_INFINITY;
  if (tag < 0xfb) return at + 1 + tag;
  // NULL.
  if (tag === 0xfb) return at + 1;
  // Longer ones, of three bytes and more for the length, are in no answer here.
  return tag === 0xfc && at + 3 <= body.length ? at + 3 + body.readUInt16LE(at + 1) : Number.POSITIVE_INFINITY;
};

const afterStrings = (body: Buffer, count: number): number => {
  let at = 0;
  for (let left = count; left > 0 && at <= body.length; left -= 1) at = afterString(body, at);
  return at;
};

/** Six strings, then twelve bytes and their number in front. */
const isColumn = (body: Buffer): boolean => {
  const at = afterStrings(body, 6);
  return body[at] === 0x0c && body.length === at + 13;
};

const isEof = (body: Buffer): boolean => body[0] === EOF && body.length < MAX_EOF;

/** The next step of a session after this packet of an answer; undefined for one that does not belong there. */
const nextStep = (session: Session, body: Buffer): Step | undefined => {
  const kind = body[0];
  switch (session.step) {
    case "answer":
      if (kind === ERROR) return "idle";
      // Nothing was changed, so both numbers are below 251 and the packet is of a known length.
      if (kind === OK)
        return body.length >= 7 && (body[1] ?? ERROR) < 0xfb && (body[2] ?? ERROR) < 0xfb ? "idle" : undefined;
      // A number of columns; 0xfb would be the wish to read a file of this host.
      session.columns = kind ?? 0;
      session.described = 0;
      return body.length === 1 && session.columns < 0xfb ? "columns" : undefined;
    case "columns":
      session.described += 1;
      if (!isColumn(body)) return undefined;
      return session.described === session.columns ? "end of columns" : "columns";
    case "end of columns":
      return isEof(body) ? "rows" : undefined;
    case "rows":
      if (isEof(body) || kind === ERROR) return "idle";
      return afterStrings(body, session.columns) === body.length ? "rows" : undefined;
    default:
      return undefined;
  }
};

/**
 * How packets of a MySQL server reach mysql2: in their order, none that it would print a trace of, and with the numbers
 * that it expects.
 */
export const mysqlFraming = (session: Session): Framing => ({
  size: (bytes) => {
    if (bytes.length < HEADER) return undefined;
    const length = bytes.readUIntLE(0, 3);
    return length === 0 ? 0 : length + HEADER;
  },
  admit: (packet) => {
    const body = packet.subarray(HEADER);
    const number = packet[3] ?? 0;
    if (number !== ((session.last + 1) & 0xff) || (body[0] === ERROR && body.length < 3)) return undefined;
    session.last = number;
    if (session.step !== "login") {
      const step = nextStep(session, body);
      if (step === undefined) return undefined;
      session.step = step;
      return packet;
    }
    if (body[0] === SWITCH) session.method = printable(body.toString("latin1", 1).split("\0")[0] ?? "", 40);
    if (body[0] === OK || body[0] === ERROR) session.step = "idle";
    const seen = Buffer.from(packet);
    seen[3] = number - session.shift;
    return seen;
  },
  send: (packet) => {
    const sent = Buffer.from(packet);
    if (session.step === "login") sent[3] = (packet[3] ?? 0) + session.shift;
    else session.step = "answer";
    session.last = sent[3] ?? 0;
    return sent;
  },
});
