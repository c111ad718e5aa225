import { parseIp, sameIp } from "../model/address.ts";
import type { SocketEnd } from "../model/observation.ts";
import { printable } from "../model/text.ts";
import { MAX_PEERS } from "./caps.ts";
import { MAX_NAME } from "./handshake.ts";

/** A peer that proved that it knows the token, on one port. */
export interface Came {
  /** As it calls itself, fit to show. */
  readonly name: string;
  /** Its end of the connection, and the listener's. */
  readonly seen: SocketEnd;
  readonly at: SocketEnd;
  readonly provedAt: Date;
  readonly finishedAt?: Date;
  /** Of `--expect`: as it stands there; undefined for one that nobody expected. */
  readonly expected?: string;
  /** Bytes of the large message from the peer, and of the answer. */
  readonly received: number;
  readonly sent: number;
  /** The peer got the answer: it went on speaking. */
  readonly answered: boolean;
  readonly idle?: Silence;
  /** Codes. */
  readonly complaints: readonly string[];
  /** How often its name came again and was refused. */
  readonly refused: number;
}

/** What became of a connection on which nothing was said. */
export interface Silence {
  /** For how long the peer wanted it, and how long it lasted; milliseconds. */
  readonly askedMs: number;
  readonly heldMs: number;
  /** `answered`: the listener broke it by its answer; `ended`: it came to its own end; else the connection did. */
  readonly end: "answered" | "ended" | "closed" | "reset";
  /** The peer got that answer. */
  readonly arrived: boolean;
}

export type Claim =
  | { readonly ok: true; readonly peer: PeerState }
  | { readonly ok: false; readonly refused: "used"; readonly earlier: Came }
  | { readonly ok: false; readonly refused: "full" };

/** A peer whose conversation goes on. */
export interface PeerState {
  readonly now: () => Came;
  readonly learn: (news: Partial<Came>) => void;
  /** Its connection has gone: its name may come again. */
  readonly leave: () => void;
  /** It speaks again, over another connection; false when somebody came in its name meanwhile. */
  readonly resume: () => boolean;
  readonly isOpen: () => boolean;
  /** Nobody came in its name since. */
  readonly isCurrent: () => boolean;
}

/** Who of those that were expected has not finished, and on which ports. */
export interface Missing {
  readonly expected: string;
  readonly ports: readonly number[];
  /** It came there, and did not finish. */
  readonly begun: boolean;
}

/** Everybody who knows the token. */
export interface Peers {
  claim(name: string, came: Pick<Came, "seen" | "at" | "received">): Claim;
  readonly all: () => readonly Came[];
  readonly missing: () => readonly Missing[];
}

interface Entry {
  came: Came;
  open: boolean;
}

/** A name as it is compared. */
const bare = (name: string): string => name.toLowerCase().replace(/\.$/, "");

/** Each name of `--expect` once, as it stands there first: nobody could come for a second one. */
export const distinct = (expected: readonly string[]): readonly string[] => {
  const keys = expected.map((name) => parseIp(name)?.join(".") ?? bare(name));
  return expected.filter((_name, index) => keys.indexOf(keys[index] ?? "") === index);
};

const short = (name: string): string => name.split(".")[0] ?? "";

/** How well a peer is the one that was expected; 0: it is another one. */
const likeness = (expected: string, name: string, address: string): number => {
  const [wanted, called] = [bare(expected), bare(name)];
  const [ip, its] = [parseIp(wanted), parseIp(address)];
  if (ip !== undefined) return its !== undefined && sameIp(ip, its) ? 2 : 0;
  if (wanted === called) return 3;
  // Of two full names the short part says nothing.
  return !(wanted.includes(".") && called.includes(".")) && short(wanted) === short(called) ? 1 : 0;
};

const isFinished = ({ finishedAt }: Came): boolean => finishedAt !== undefined;

/**
 * Of several ports each has peers of its own: a peer speaks with every one of them.
 * @param ports asked for when they are known
 */
export const createPeers = (expected: readonly string[], ports: () => readonly number[]): Peers => {
  const entries = new Map<string, Entry>();
  const keyOf = (name: string, { port }: SocketEnd): string => `${port} ${name.toLowerCase()}`;
  const all = (): readonly Came[] => [...entries.values()].map(({ came }) => came);
  const cameAs = (word: string): readonly Came[] => all().filter((came) => came.expected === word);

  /** The likeliest; of several that are as likely, one that has not come to this port. */
  const expectedOf = (name: string, { seen, at }: Pick<Came, "seen" | "at">): string | undefined => {
    const isThere = (word: string): boolean => cameAs(word).some((came) => came.at.port === at.port);
    const [best] = expected
      .map((word) => ({ word, likeness: likeness(word, name, seen.address) }))
      .filter((one) => one.likeness > 0)
      .sort((a, b) => b.likeness - a.likeness || Number(isThere(a.word)) - Number(isThere(b.word)));
    return best?.word;
  };

  return {
    claim: (name, { seen, at, received }) => {
      const key = keyOf(name, at);
      const earlier = entries.get(key);
      // Who had something to complain about may look again when that is mended.
      if (earlier && (earlier.open || (isFinished(earlier.came) && earlier.came.complaints.length === 0))) {
        earlier.came = { ...earlier.came, refused: earlier.came.refused + 1 };
        return { ok: false, refused: "used", earlier: earlier.came };
      }
      if (earlier === undefined && entries.size >= MAX_PEERS) return { ok: false, refused: "full" };
      const word = earlier?.came.expected ?? expectedOf(name, { seen, at });
      const entry: Entry = {
        open: true,
        came: {
          name: printable(name, MAX_NAME) || "?",
          seen,
          at,
          provedAt: new Date(),
          ...(word !== undefined && { expected: word }),
          received,
          sent: 0,
          answered: false,
          complaints: [],
          refused: earlier?.came.refused ?? 0,
        },
      };
      entries.set(key, entry);
      const isCurrent = (): boolean => entries.get(key) === entry;
      return {
        ok: true,
        peer: {
          now: () => entry.came,
          learn: (news) => {
            entry.came = { ...entry.came, ...news };
          },
          leave: () => {
            entry.open = false;
          },
          resume: () => {
            entry.open = isCurrent();
            return entry.open;
          },
          isOpen: () => entry.open,
          isCurrent,
        },
      };
    },
    all,
    missing: () =>
      expected.flatMap((word): readonly Missing[] => {
        const came = cameAs(word);
        const lacking = ports().filter((port) => !came.some((one) => one.at.port === port && isFinished(one)));
        if (lacking.length === 0) return [];
        return [{ expected: word, ports: lacking, begun: came.some((one) => lacking.includes(one.at.port)) }];
      }),
  };
};
