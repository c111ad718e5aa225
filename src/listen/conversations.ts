import { randomBytes } from "node:crypto";
import type { SocketEnd } from "../model/observation.ts";
import type { Secret } from "../model/secret.ts";
import { printable } from "../model/text.ts";
import { MAX_PENDING } from "./caps.ts";
import {
  type Conversation,
  conversationOf,
  FILLER,
  type Head,
  type HelloAnswer,
  type IdleAnswer,
  newNonce,
  nonceOf,
  open,
  type ProveAnswer,
  proofOf,
  readBye,
  readHello,
  readIdle,
  readProve,
  seal,
} from "./handshake.ts";
import type { Came, PeerState, Peers, Silence } from "./peers.ts";

/** A message as it arrived. */
export interface Arrived {
  readonly text: string;
  /** The connection that brought it: the same object each time. */
  readonly over: object;
  readonly seen: SocketEnd;
  readonly at: SocketEnd;
  readonly got: Head;
}

/** The body of an answer whose head may stand in it. */
export type BodyOf = (sent: Head) => string;

/** How a silence ended, as far as the connection shows it. */
export type Held = Pick<Silence, "heldMs" | "end">;

export type Reply =
  /** `last`: the connection is of no more use. `instead`: the one that this one came in place of. */
  | { readonly kind: "answer"; readonly bodyOf: BodyOf; readonly last: boolean; readonly instead?: object }
  /** To be silent for this long, and then to ask what is to be answered. */
  | { readonly kind: "hold"; readonly ms: number; readonly after: (held: Held) => BodyOf }
  | { readonly kind: "wrong-token"; readonly name: string }
  /** Nothing is said. */
  | { readonly kind: "drop"; readonly as: "other-request" | "replayed" };

/** What is to be told of peers, as it happens. */
export type News =
  | { readonly kind: "proved"; readonly peer: Came }
  | { readonly kind: "refused"; readonly peer: string; readonly from: SocketEnd; readonly earlier?: Came }
  | { readonly kind: "silence"; readonly peer: Came; readonly ms: number }
  | { readonly kind: "finished"; readonly peer: Came }
  | { readonly kind: "broken"; readonly peer: Came };

/** A conversation that began and is not proved. */
interface Pending {
  readonly name: string;
  readonly conversation: Conversation;
  readonly over: object;
}

/** One whose peer knows the token, and how far it is. */
interface Proven {
  readonly conversation: Conversation;
  readonly peer: PeerState;
  over: object;
  stage: "proved" | "silent" | "spoken";
}

export interface Conversations {
  hello(arrived: Arrived): Reply;
  prove(arrived: Arrived): Reply;
  idle(arrived: Arrived): Reply;
  bye(arrived: Arrived): Reply;
  /** What a hello over this connection, which nobody has proved since, called itself; the conversation is then over. */
  readonly abandon: (over: object) => string | undefined;
  /** Whether one over this connection is not proved yet. */
  readonly isPending: (over: object) => boolean;
  /** The connection has gone; what its peers say over another one still counts. */
  readonly leave: (over: object) => void;
  /** Peers that have not finished, and of whom nothing has come since this connection went. */
  readonly lost: (over: object) => readonly Came[];
  /** Whether a peer who proved himself has not finished, and can. */
  readonly areOpen: () => boolean;
}

interface Options {
  readonly token: Secret;
  readonly peers: Peers;
  /** Of TLS. */
  readonly certificate?: { readonly fingerprint: string; readonly given: boolean };
  readonly observe: (news: News) => void;
}

const DROP_REQUEST = { kind: "drop", as: "other-request" } as const;
const DROP_REPLAY = { kind: "drop", as: "replayed" } as const;

/** The listener's part in every conversation, without its sockets. */
export const createConversations = ({ token, peers, certificate, observe }: Options): Conversations => {
  /** By the listener's nonce. */
  const pending = new Map<string, Pending>();
  const proven = new Map<string, Proven>();

  const forget = (over: object): string | undefined => {
    for (const [nonce, { over: its, name }] of pending) {
      if (its !== over) continue;
      pending.delete(nonce);
      return name;
    }
    return undefined;
  };

  const answer = (conversation: Conversation, way: "idle!" | "bye!", value: unknown): BodyOf => {
    const body = seal(conversation, way, value);
    return () => body;
  };

  const prove = ({ text, over, seen, at, got }: Arrived): Reply => {
    const nonce = nonceOf(text) ?? "";
    const begun = pending.get(nonce);
    if (begun === undefined) return DROP_REPLAY;
    const { conversation, name } = begun;
    pending.delete(nonce);
    const opened = open(conversation, "prove", text);
    if (opened === undefined) return { kind: "wrong-token", name };
    if (readProve(opened) === undefined) return DROP_REQUEST;
    const said = (value: ProveAnswer): string => seal(conversation, "prove!", value);
    const claim = peers.claim(name, { seen, at, received: Buffer.byteLength(text) });
    if (!claim.ok) {
      const shown = printable(name);
      if (claim.refused === "full") {
        observe({ kind: "refused", peer: shown, from: seen });
        return { kind: "answer", bodyOf: () => said({ refused: "full" }), last: true };
      }
      const { earlier } = claim;
      observe({ kind: "refused", peer: shown, from: seen, earlier });
      const refused = { refused: "used", by: earlier.seen.address, at: earlier.provedAt.toISOString() } as const;
      return { kind: "answer", bodyOf: () => said(refused), last: true };
    }
    const { peer } = claim;
    // Of one whose name came anew, nothing is awaited any more.
    for (const [other, its] of proven) if (!its.peer.isCurrent()) proven.delete(other);
    proven.set(nonce, { conversation, peer, over, stage: "proved" });
    observe({ kind: "proved", peer: peer.now() });
    // What cannot be compressed on its way.
    const filler = randomBytes(FILLER / 2).toString("hex");
    const bodyOf: BodyOf = (sent) => {
      const body = said({ seen, at, got, sent, ...(certificate && { certificate }), filler });
      peer.learn({ sent: Buffer.byteLength(body) });
      return body;
    };
    return { kind: "answer", bodyOf, last: false };
  };

  /** A further message of a conversation that is proved; or why it is none. */
  const goOn = <T>(
    way: "idle" | "bye",
    read: (said: unknown) => T | undefined,
    { text, over }: Arrived,
  ): { readonly said: T; readonly its: Proven; readonly before: object } | Extract<Reply, { kind: "drop" }> => {
    const its = proven.get(nonceOf(text) ?? "");
    const opened = its && open(its.conversation, way, text);
    if (its === undefined || opened === undefined || (way === "idle" && its.stage !== "proved")) return DROP_REPLAY;
    const said = read(opened);
    if (said === undefined) return DROP_REQUEST;
    if (!its.peer.resume()) return DROP_REPLAY;
    const before = its.over;
    its.over = over;
    its.peer.learn({ answered: true });
    return { said, its, before };
  };

  return {
    hello: ({ text, over }) => {
      const hello = readHello(text);
      if (hello === undefined) return DROP_REQUEST;
      // One at a time over one connection.
      forget(over);
      const [oldest] = pending.keys();
      if (pending.size >= MAX_PENDING && oldest !== undefined) pending.delete(oldest);
      const nonce = newNonce();
      pending.set(nonce, {
        name: hello.name,
        conversation: conversationOf(token, hello.name, hello.nonce, nonce),
        over,
      });
      const body = JSON.stringify({ nonce, proof: proofOf(token, hello.nonce, nonce) } satisfies HelloAnswer);
      return { kind: "answer", bodyOf: () => body, last: false };
    },
    prove,
    idle: (arrived) => {
      const next = goOn("idle", readIdle, arrived);
      if ("kind" in next) return next;
      const { said, its } = next;
      const { conversation, peer } = its;
      const askedMs = said.idleMs;
      its.stage = "silent";
      observe({ kind: "silence", peer: peer.now(), ms: askedMs });
      const after = ({ heldMs, end }: Held): BodyOf => {
        its.stage = "spoken";
        peer.learn({ idle: { askedMs, heldMs, end, arrived: false } });
        return answer(conversation, "idle!", { heldMs } satisfies IdleAnswer);
      };
      return { kind: "hold", ms: askedMs, after };
    },
    bye: (arrived) => {
      const next = goOn("bye", readBye, arrived);
      if ("kind" in next) return next;
      const { said, its, before } = next;
      const { conversation, peer } = its;
      proven.delete(conversation.nonce);
      const { complaints } = said;
      const { idle } = peer.now();
      // Only the peer knows: behind a proxy each message comes over a connection of its own, whatever became of the others.
      const heard = idle?.end === "answered" && !complaints.includes("peer-idle-cut");
      peer.learn({ finishedAt: new Date(), complaints, ...(heard && { idle: { ...idle, arrived: true } }) });
      peer.leave();
      observe({ kind: "finished", peer: peer.now() });
      return {
        kind: "answer",
        bodyOf: answer(conversation, "bye!", {}),
        last: true,
        ...(before !== arrived.over && { instead: before }),
      };
    },
    abandon: forget,
    isPending: (over) => [...pending.values()].some((one) => one.over === over),
    leave: (over) => {
      for (const { over: its, peer } of proven.values()) if (its === over) peer.leave();
    },
    lost: (over) =>
      [...proven.values()].flatMap(({ over: its, peer }) => (its === over && !peer.isOpen() ? [peer.now()] : [])),
    areOpen: () => [...proven.values()].some(({ peer }) => peer.isOpen()),
  };
};
