import { parseIp } from "../model/address.ts";

/** Connections that are open at the same time, in all and of those that nobody has proved himself on yet. */
export const MAX_OPEN = 1024;
export const MAX_UNPROVEN = 512;
/** New connections from one place: this many at once, then so many a second. Two hundred peers, with two connections each, can share an address. */
export const BURST = 600;
export const PER_SECOND = 50;
/** Of a request's head, bytes. */
export const MAX_HEAD = 8 * 1024;
/** A message must have come whole after this; so must the next one after an answer, milliseconds. */
export const MESSAGE_MS = 10_000;
/** A connection without any proof lives no longer, milliseconds. */
export const UNPROVEN_MS = 15_000;
/** After a hello whose connection has gone, the proof may still come over another one, as proxies do it; milliseconds. */
export const GRACE_MS = 2000;
/** A connection that said nothing may have been a peer's, which looks whether the port is open; it is no stranger's when a peer comes from there in this time. */
export const QUIET_MS = 5000;
/** Conversations that began and are not proved, and peers that are remembered. */
export const MAX_PENDING = 512;
export const MAX_PEERS = 1000;
/** Wrong tokens from one place before its hellos are left unanswered; each second one of them is forgotten. */
export const MAX_WRONG = 10;
const FORGOTTEN_PER_SECOND = 1;
/** Places that an account is kept of; all others share one. */
const MAX_PLACES = 1000;

/** What is counted together: an IPv4 address, or the /64 that one host has for itself alone of IPv6. */
const placeOf = (address: string): string => {
  const ip = parseIp(address);
  return ip === undefined || !address.includes(":") ? address : ip.slice(0, 8).join(".");
};

/** An amount that drains by itself. */
interface Bucket {
  level: number;
  atMs: number;
}

const drained = ({ level, atMs }: Bucket, perSecond: number, nowMs: number): number =>
  Math.max(0, level - ((nowMs - atMs) / 1000) * perSecond);

const add = (bucket: Bucket, perSecond: number, nowMs: number): void => {
  bucket.level = drained(bucket, perSecond, nowMs) + 1;
  bucket.atMs = nowMs;
};

/** What is known of one place that connections come from. */
interface Account<Connection> {
  readonly came: Bucket;
  readonly wrong: Bucket;
  /** Somebody there knows the token. */
  proven: boolean;
  /** In the order in which they came. */
  readonly unproven: Set<Connection>;
}

/** Who may come in. A connection is anything that is the same object each time. */
export interface Gate<Connection> {
  /** Whether there is room for it; `instead`: the one that must give way for that. */
  enter(connection: Connection, address: string): { readonly instead?: Connection } | "full";
  prove(connection: Connection, address: string): void;
  leave(connection: Connection, address: string): void;
  wrong(address: string): void;
  /** Whether a hello from there is answered. */
  isHeard(address: string): boolean;
}

/** @param clock milliseconds, never backwards */
export const createGate = <Connection>(clock: () => number = () => performance.now()): Gate<Connection> => {
  const accounts = new Map<string, Account<Connection>>();
  const open = new Set<Connection>();
  const newAccount = (): Account<Connection> => ({
    came: { level: 0, atMs: clock() },
    wrong: { level: 0, atMs: clock() },
    proven: false,
    unproven: new Set(),
  });
  const shared = newAccount();

  const isIdle = ({ came, wrong, proven, unproven }: Account<Connection>): boolean =>
    !proven &&
    unproven.size === 0 &&
    drained(came, PER_SECOND, clock()) + drained(wrong, FORGOTTEN_PER_SECOND, clock()) === 0;

  const accountOf = (address: string): Account<Connection> => {
    const place = placeOf(address);
    const known = accounts.get(place);
    if (known !== undefined) return known;
    if (accounts.size >= MAX_PLACES) {
      for (const [other, account] of accounts) if (isIdle(account)) accounts.delete(other);
    }
    if (accounts.size >= MAX_PLACES) return shared;
    const account = newAccount();
    accounts.set(place, account);
    return account;
  };

  /** Where most are without proof, the oldest of them: a scanner gives way before a peer does. */
  const greediest = (): Connection | undefined => {
    const [most] = [shared, ...accounts.values()].sort((a, b) => b.unproven.size - a.unproven.size);
    const [oldest] = most?.unproven ?? [];
    return oldest;
  };

  const unprovenCount = (): number =>
    [shared, ...accounts.values()].reduce((sum, { unproven }) => sum + unproven.size, 0);

  return {
    enter: (connection, address) => {
      const account = accountOf(address);
      if (drained(account.came, PER_SECOND, clock()) > BURST - 1) return "full";
      add(account.came, PER_SECOND, clock());
      const isFull = open.size >= MAX_OPEN || unprovenCount() >= MAX_UNPROVEN;
      const instead = isFull ? greediest() : undefined;
      if (isFull && instead === undefined) return "full";
      open.add(connection);
      account.unproven.add(connection);
      return { ...(instead !== undefined && { instead }) };
    },
    prove: (connection, address) => {
      const account = accountOf(address);
      account.unproven.delete(connection);
      shared.unproven.delete(connection);
      if (account !== shared) account.proven = true;
    },
    leave: (connection, address) => {
      open.delete(connection);
      accountOf(address).unproven.delete(connection);
      shared.unproven.delete(connection);
    },
    wrong: (address) => add(accountOf(address).wrong, FORGOTTEN_PER_SECOND, clock()),
    isHeard: (address) => {
      const { proven, wrong } = accountOf(address);
      return proven || drained(wrong, FORGOTTEN_PER_SECOND, clock()) <= MAX_WRONG - 1;
    },
  };
};
