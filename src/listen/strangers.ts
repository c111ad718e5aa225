import { printable } from "../model/text.ts";
import { MAX_NAME } from "./handshake.ts";

/** What a connection was on which nobody proved himself. */
export type Strangeness =
  | "silent"
  | "slow"
  | "garbage"
  | "spoke-tls"
  | "spoke-no-tls"
  | "other-request"
  | "left-after-hello"
  | "stalled"
  | "wrong-token"
  | "replayed"
  | "too-many";

/** Connections of one address that were no peer's. */
export interface Stranger {
  readonly address: string;
  readonly connections: number;
  readonly kinds: Readonly<Partial<Record<Strangeness, number>>>;
  /** What those called themselves who said hello; nobody vouches for that. */
  readonly names: readonly string[];
}

/** Addresses that are remembered; of the rest there is one count. */
const MAX_ADDRESSES = 100;
/** Of one address. */
const MAX_NAMES = 5;

/** In place of the address of those that are not remembered one by one. */
export const OTHERS = "others";

export interface Strangers {
  note(address: string, kind: Strangeness, name?: string): void;
  /** Most connections first. */
  readonly all: () => readonly Stranger[];
}

/** @param observe told of each one, with all that is known of its address */
export const createStrangers = (observe: (stranger: Stranger, kind: Strangeness) => void): Strangers => {
  const strangers = new Map<string, Stranger>();
  return {
    note: (address, kind, name) => {
      const key = strangers.has(address) || strangers.size < MAX_ADDRESSES ? address : OTHERS;
      const before = strangers.get(key) ?? { address: key, connections: 0, kinds: {}, names: [] };
      const called = name === undefined ? [] : [printable(name, MAX_NAME) || "?"];
      const stranger: Stranger = {
        address: key,
        connections: before.connections + 1,
        kinds: { ...before.kinds, [kind]: (before.kinds[kind] ?? 0) + 1 },
        names: [...new Set([...before.names, ...called])].slice(0, MAX_NAMES),
      };
      strangers.set(key, stranger);
      observe(stranger, kind);
    },
    all: () => [...strangers.values()].sort((a, b) => b.connections - a.connections),
  };
};
