import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { parseZonedIp } from "../model/address.ts";
import type { Alteration } from "../model/observation.ts";
import { Secret } from "../model/secret.ts";

/**
 * What a listener (`crowdsec-preflight listen`) and a peer (`check --peer`) say to each other, both ends in one place.
 * Four messages, each a POST over the same connection, so that whatever stands between sees ordinary HTTP:
 *
 * 1. `hello`: the peer's name and nonce; the listener answers with its nonce, and proves that it knows the token.
 * 2. `prove`: the peer proves the same, and sends a large message; the answer is as large, and tells what arrived.
 * 3. `idle`: the listener says nothing for a while, then answers.
 * 4. `bye`: what the peer made of it all, for the listener's table.
 *
 * The token itself is never sent, and what one conversation proved is of no use in another. docs/listen.md says it in full.
 */
export const PATHS = {
  hello: "/crowdsec-preflight/1/hello",
  prove: "/crowdsec-preflight/1/prove",
  idle: "/crowdsec-preflight/1/idle",
  bye: "/crowdsec-preflight/1/bye",
} as const;
export type Message = keyof typeof PATHS;

/** Characters that make a large message larger than any path's MTU, tunnels and jumbo frames included. */
export const FILLER = 64 * 1024;
/** A hello, or a small answer, is never longer, bytes. */
export const MAX_SMALL = 2 * 1024;
/** A message with a filler is never longer, bytes. */
export const MAX_LARGE = 2 * FILLER;
/** The longest silence that a listener grants, milliseconds. */
export const MAX_IDLE_MS = 120_000;
/** Characters of a peer's name that are kept. */
export const MAX_NAME = 64;

export interface Hello {
  readonly name: string;
  /** The peer's. */
  readonly nonce: string;
}
export interface HelloAnswer {
  /** The listener's; from now on it names the conversation. */
  readonly nonce: string;
  /** That the listener knows the token: `proofOf`. */
  readonly proof: string;
}

/** Fields of a message's head, in their order and spelling. */
export type Head = readonly (readonly [name: string, value: string])[];

/** Sealed; from the peer. */
export interface Prove {
  readonly filler: string;
}
/** Sealed; `used`: this name has proved itself before, when and from where. */
export type ProveAnswer =
  | {
      /** The peer's end of the connection, as the listener's kernel has it; and the listener's own. */
      readonly seen: { readonly address: string; readonly port: number };
      readonly at: { readonly address: string; readonly port: number };
      /** The request's head, as it arrived. */
      readonly got: Head;
      /** The answer's head, as it is sent. */
      readonly sent: Head;
      /** Of TLS: SHA-256 of the listener's own certificate (DER), hex; and whether it was given by `--cert`. */
      readonly certificate?: { readonly fingerprint: string; readonly given: boolean };
      readonly filler: string;
    }
  | { readonly refused: "used"; readonly by: string; readonly at: string }
  | { readonly refused: "full" };

/** Sealed. */
export interface Idle {
  readonly idleMs: number;
}
export interface IdleAnswer {
  readonly heldMs: number;
}
/** Sealed: the codes of what the peer has to complain about; empty when all is well. */
export interface Bye {
  readonly complaints: readonly string[];
}

/** What a sealed message looks like on the wire; `nonce` is the listener's. */
interface Envelope {
  readonly nonce: string;
  readonly said: string;
  readonly seal: string;
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

const equal = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
};

export const newNonce = (): string => randomBytes(16).toString("hex");
const NONCE = /^[0-9a-f]{32}$/;

/** Letters and digits that nobody mistakes for each other when read aloud. */
const ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS = 6;
const GROUP = 5;

/** A token of 30 characters, some 148 bits. */
export const newToken = (): Secret => {
  const letters = Array.from({ length: GROUPS * GROUP }, () => {
    // 31 letters do not divide 256: what is left over would make the first ones likelier.
    for (;;) {
      const [byte = 255] = randomBytes(1);
      if (byte < 256 - (256 % ALPHABET.length)) return ALPHABET[byte % ALPHABET.length];
    }
  }).join("");
  return new Secret(letters.match(new RegExp(`.{${GROUP}}`, "g"))?.join("-") ?? letters);
};

/** The least that keeps a token from being guessed, by trying it on what was overheard. */
export const MIN_TOKEN = 16;

/** That the listener knows the token: both nonces under it. */
export const proofOf = (token: Secret, peerNonce: string, listenerNonce: string): string =>
  hmac(token.reveal(), `listener|${peerNonce}|${listenerNonce}`).toString("hex");

export const isProof = (proof: string, token: Secret, peerNonce: string, listenerNonce: string): boolean =>
  equal(proof, proofOf(token, peerNonce, listenerNonce));

/** One conversation: what both ends seal their messages with, once the nonces are known. */
export interface Conversation {
  readonly nonce: string;
  readonly key: Buffer;
}

export const conversationOf = (
  token: Secret,
  name: string,
  peerNonce: string,
  listenerNonce: string,
): Conversation => ({
  nonce: listenerNonce,
  key: hmac(token.reveal(), `conversation|${peerNonce}|${listenerNonce}|${name}`),
});

/** @param way `prove`, `idle` or `bye` from the peer; the same with a mark behind it from the listener: no message is taken for another. */
export const seal = (conversation: Conversation, way: Message | `${Message}!`, value: unknown): string => {
  const said = JSON.stringify(value);
  const { nonce } = conversation;
  return JSON.stringify({
    nonce,
    said,
    seal: hmac(conversation.key, `${way}|${said}`).toString("hex"),
  } satisfies Envelope);
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};

const fields = (text: string): Readonly<Record<string, unknown>> => fieldsOf(parse(text));

/** The nonce of a sealed message, by which the listener finds the conversation; undefined for what is no such message. */
export const nonceOf = (text: string): string | undefined => {
  const { nonce } = fields(text);
  return typeof nonce === "string" && NONCE.test(nonce) ? nonce : undefined;
};

/** What a sealed message says; undefined when it is none, or its seal is not this conversation's. Whoever sealed it knows the token; its shape nobody vouches for. */
export const open = <T = unknown>(
  conversation: Conversation,
  way: Message | `${Message}!`,
  text: string,
): T | undefined => {
  const { nonce, said, seal: given } = fields(text);
  if (nonce !== conversation.nonce || typeof said !== "string" || typeof given !== "string") return undefined;
  if (!equal(given, hmac(conversation.key, `${way}|${said}`).toString("hex"))) return undefined;
  return parse(said) as T;
};

/** From anybody: nothing of it is trusted. */
export const readHello = (text: string): Hello | undefined => {
  const { name, nonce } = fields(text);
  if (typeof name !== "string" || name === "" || name.length > MAX_NAME) return undefined;
  return typeof nonce === "string" && NONCE.test(nonce) ? { name, nonce } : undefined;
};

export const readProve = (said: unknown): Prove | undefined => {
  const { filler } = fieldsOf(said);
  return typeof filler === "string" ? { filler } : undefined;
};

export const readIdle = (said: unknown): Idle | undefined => {
  const { idleMs } = fieldsOf(said);
  return typeof idleMs === "number" && idleMs >= 0 ? { idleMs: Math.min(idleMs, MAX_IDLE_MS) } : undefined;
};

/** Complaints that are kept, characters of each, and what they look like: fault codes. */
const MAX_COMPLAINTS = 10;
const MAX_COMPLAINT = 40;
const COMPLAINT = /^[a-z][a-z\d]*(?:-[a-z\d]+)*$/;

/** Another word among the complaints spoils them all: without it, the peer would seem to have none. */
export const readBye = (said: unknown): Bye | undefined => {
  const { complaints } = fieldsOf(said);
  if (!Array.isArray(complaints)) return undefined;
  const isWord = (one: unknown): one is string =>
    typeof one === "string" && one.length <= MAX_COMPLAINT && COMPLAINT.test(one);
  return complaints.every(isWord) ? { complaints: complaints.slice(0, MAX_COMPLAINTS) } : undefined;
};

export const readHelloAnswer = (text: string): HelloAnswer | undefined => {
  const { nonce, proof } = fields(text);
  if (typeof nonce !== "string" || !NONCE.test(nonce) || typeof proof !== "string") return undefined;
  return { nonce, proof };
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const readEnd = (value: unknown): { readonly address: string; readonly port: number } | undefined => {
  if (!isRecord(value)) return undefined;
  const { address, port } = value;
  if (typeof address !== "string" || parseZonedIp(address) === undefined) return undefined;
  const isPort = typeof port === "number" && Number.isInteger(port) && port >= 0 && port <= 65_535;
  return isPort ? { address, port } : undefined;
};

const readHead = (value: unknown): Head | undefined => {
  if (!Array.isArray(value)) return undefined;
  const isField = (field: unknown): field is readonly [string, string] =>
    Array.isArray(field) && field.length === 2 && field.every((part) => typeof part === "string");
  return value.every(isField) ? value : undefined;
};

const readCertificate = (value: unknown): { readonly fingerprint: string; readonly given: boolean } | undefined => {
  if (!isRecord(value)) return undefined;
  const { fingerprint, given } = value;
  if (typeof fingerprint !== "string" || !/^[0-9a-f]{64}$/.test(fingerprint)) return undefined;
  return typeof given === "boolean" ? { fingerprint, given } : undefined;
};

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;

/** Whoever sealed it knows the token, and may be of another version: undefined for what this one does not know. */
export const readProveAnswer = (value: unknown): ProveAnswer | { readonly refused: "other" } | undefined => {
  if (!isRecord(value)) return undefined;
  const { refused, filler } = value;
  if (refused === "full") return { refused };
  if (refused === "used") {
    const { by, at } = value;
    if (typeof by !== "string" || parseZonedIp(by) === undefined) return undefined;
    return typeof at === "string" && INSTANT.test(at) ? { refused, by, at } : undefined;
  }
  if (typeof refused === "string") return { refused: "other" };
  const [seen, at, got, sent] = [
    readEnd(value["seen"]),
    readEnd(value["at"]),
    readHead(value["got"]),
    readHead(value["sent"]),
  ];
  if (refused !== undefined || !seen || !at || !got || !sent || typeof filler !== "string") return undefined;
  if (value["certificate"] === undefined) return { seen, at, got, sent, filler };
  const certificate = readCertificate(value["certificate"]);
  return certificate && { seen, at, got, sent, certificate, filler };
};

/** The same of a silence; twice the longest that is granted is one that nobody held. */
export const readIdleAnswer = (value: unknown): IdleAnswer | undefined => {
  const heldMs = isRecord(value) ? value["heldMs"] : undefined;
  return typeof heldMs === "number" && heldMs >= 0 && heldMs <= 2 * MAX_IDLE_MS ? { heldMs } : undefined;
};

/** Field by field, in whatever order and spelling of names; of one that stands there twice, both values. */
const byName = (head: Head): ReadonlyMap<string, string> => {
  const found = new Map<string, string>();
  for (const [name, value] of head) {
    const key = name.toLowerCase();
    const earlier = found.get(key);
    found.set(key, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return found;
};

/** What became of a head on its way. */
export const alterations = (direction: Alteration["direction"], sent: Head, got: Head): readonly Alteration[] => {
  const [before, after] = [byName(sent), byName(got)];
  return [
    ...[...before.keys()]
      .filter((name) => !after.has(name))
      .map((name) => ({ direction, kind: "removed", name }) as const),
    ...[...after].flatMap(([name, value]): readonly Alteration[] => {
      const original = before.get(name);
      if (original === undefined) return [{ direction, kind: "added", name, value }];
      return original === value ? [] : [{ direction, kind: "changed", name, value }];
    }),
  ];
};
