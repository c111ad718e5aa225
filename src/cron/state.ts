import { printable } from "../model/text.ts";

/** The format below; a state of another version is set aside. */
export const STATE_VERSION = 1;

/** How bad an instance is, from the least on; a skip that is not because of another finding is fine too. */
export const LEVELS = ["fine", "unknown", "warn", "fail"] as const;
export type Level = (typeof LEVELS)[number];

/** What one run saw of an instance. */
export interface Seen {
  readonly level: Level;
  /** The fault's code, of `warn` and `fail`. */
  readonly code?: string;
  /** Of `warn` and `fail`: read from files and processes, where no packet can get lost. */
  readonly sure?: true;
}

/** How something was told. */
export interface Words {
  /** When it was told with all that helps, RFC 3339, UTC. */
  readonly at: string;
  /** The cause's id, where it was told as what a cause explains. */
  readonly cause?: string;
  readonly sentence: string;
  /** A digest of each remedy that was told, in order. */
  readonly advice: readonly string[];
}

/** What was last told of an instance. */
export interface Told {
  readonly level: Exclude<Level, "fine">;
  readonly code?: string;
  /** When the trouble began, however its level changed meanwhile; RFC 3339, UTC. */
  readonly since: string;
  /** Missing where nothing is known of it. */
  readonly words?: Words;
}

/** An instance that is not fine, or was not of late. */
export interface Remembered {
  /** What counts; a single run does not change it. */
  readonly confirmed: Seen;
  /** Since when that is so, RFC 3339, UTC: the first of the runs that confirmed it. */
  readonly since: string;
  /** What the last runs saw, the newest last; at most as many as are looked at to confirm something. */
  readonly seen: readonly Seen[];
  /** When each of them was, RFC 3339, UTC. */
  readonly at: readonly string[];
  /** What a report said when it was last not fine. */
  readonly summary: string;
  /** Without it, nothing was told, or last that it is well again. */
  readonly told?: Told;
  /** It was seen, and not confirmed yet, when a cause was told that explains it. */
  readonly foretold?: true;
}

/** What `--cron` remembers from run to run. */
export interface State {
  readonly schemaVersion: typeof STATE_VERSION;
  /** End of the last run, RFC 3339, UTC. */
  readonly ranAt: string;
  /** The longest time between two runs of late, half as much with each run since; milliseconds. */
  readonly paceMs?: number;
  /** Of the flags that decide what is looked at; missing where none does. */
  readonly selection?: string;
  /** When something was last told, RFC 3339, UTC. */
  readonly toldAt?: string;
  /** Of what is confirmed. */
  readonly exitCode: number;
  /** By instance; what is not here is fine. */
  readonly instances: Readonly<Record<string, Remembered>>;
}

/** N of M: a change for the worse counts once `needed` of the last `of` runs saw it. */
export interface Rule {
  readonly needed: number;
  readonly of: number;
}

/** The most runs that a rule looks at. */
export const MOST_RUNS = 20;
/** What comes from outside is kept up to here: instances; characters of a name, of a sentence, and of a code. */
export const MOST_INSTANCES = 10_000;
export const LONGEST_NAME = 300;
export const LONGEST_SUMMARY = 300;
export const LONGEST_CODE = 100;
/** Remedies of a fault that are remembered as told, and the digits of a digest. */
export const MOST_ADVICE = 20;
export const DIGEST = 16;
const LONGEST_SELECTION = 40;

/** Why a text is no state; completes "the state file FILE is damaged: …", without a full stop. */
export class StateError extends Error {}

/** Takes a value from outside as what it should be, or throws a StateError. @param at where it stands: `toldAt` */
type Reader<T> = (value: unknown, at: string) => T;

const shown = (at: string): string => printable(at, 80);
const wrong = (at: string, wanted: string): StateError => new StateError(`${shown(at)} should be ${wanted}`);

const text =
  (longest: number): Reader<string> =>
  (value, at) => {
    // Whatever is written here was made fit to show before.
    if (typeof value !== "string" || value.length > longest || printable(value, longest) !== value)
      throw wrong(at, `printable text of at most ${longest} characters`);
    return value;
  };

const whole =
  (most: number): Reader<number> =>
  (value, at) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > most)
      throw wrong(at, `a whole number from 0 to ${most}`);
    return value;
  };

/** Also no 31st of February. */
const isTime = (value: unknown): value is string =>
  typeof value === "string" &&
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value) &&
  !Number.isNaN(Date.parse(value)) &&
  new Date(value).toISOString() === value;

const time: Reader<string> = (value, at) => {
  if (!isTime(value)) throw wrong(at, "a time such as 2026-06-15T12:00:00.000Z");
  return value;
};

const word =
  <T extends string>(words: readonly T[]): Reader<T> =>
  (value, at) => {
    const found = words.find((one) => one === value);
    if (found === undefined) throw wrong(at, `one of ${words.join(", ")}`);
    return found;
  };

const record: Reader<(key: string) => unknown> = (value, at) => {
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw wrong(at, "an object");
  return (key) => (Object.hasOwn(value, key) ? (value as Readonly<Record<string, unknown>>)[key] : undefined);
};

const list =
  <T>(reader: Reader<T>, most: number): Reader<readonly T[]> =>
  (value, at) => {
    if (!Array.isArray(value) || value.length > most) throw wrong(at, `a list of at most ${most}`);
    return value.map((item, index) => reader(item, `${at}[${index}]`));
  };

/** The key with what it holds, unless it is left out. */
const optional = <Key extends string, T>(
  own: (key: string) => unknown,
  key: Key,
  reader: Reader<T>,
  at: string,
): { readonly [K in Key]?: T } => {
  const value = own(key);
  return value === undefined ? {} : ({ [key]: reader(value, at) } as { readonly [K in Key]: T });
};

const yes: Reader<true> = (value, at) => {
  if (value !== true) throw wrong(at, "true, or left out");
  return value;
};

const code = text(LONGEST_CODE);

const seen: Reader<Seen> = (value, at) => {
  const own = record(value, at);
  return {
    level: word(LEVELS)(own("level"), `${at}.level`),
    ...optional(own, "code", code, `${at}.code`),
    ...optional(own, "sure", yes, `${at}.sure`),
  };
};

const words: Reader<Words> = (value, at) => {
  const own = record(value, at);
  return {
    at: time(own("at"), `${at}.at`),
    ...optional(own, "cause", text(LONGEST_NAME), `${at}.cause`),
    sentence: text(LONGEST_SUMMARY)(own("sentence"), `${at}.sentence`),
    advice: list(text(DIGEST), MOST_ADVICE)(own("advice"), `${at}.advice`),
  };
};

const told: Reader<Told> = (value, at) => {
  const own = record(value, at);
  return {
    level: word(["unknown", "warn", "fail"])(own("level"), `${at}.level`),
    ...optional(own, "code", code, `${at}.code`),
    since: time(own("since"), `${at}.since`),
    ...optional(own, "words", words, `${at}.words`),
  };
};

const remembered: Reader<Remembered> = (value, at) => {
  const own = record(value, at);
  const read = {
    confirmed: seen(own("confirmed"), `${at}.confirmed`),
    since: time(own("since"), `${at}.since`),
    seen: list(seen, MOST_RUNS)(own("seen"), `${at}.seen`),
    at: list(time, MOST_RUNS)(own("at"), `${at}.at`),
    summary: text(LONGEST_SUMMARY)(own("summary"), `${at}.summary`),
    ...optional(own, "told", told, `${at}.told`),
    ...optional(own, "foretold", yes, `${at}.foretold`),
  };
  if (read.at.length !== read.seen.length) throw wrong(`${at}.at`, "as long as seen");
  return read;
};

const instances: Reader<State["instances"]> = (value, at) => {
  record(value, at);
  const entries = Object.entries(value as Readonly<Record<string, unknown>>);
  if (entries.length > MOST_INSTANCES) throw wrong(at, `of at most ${MOST_INSTANCES} instances`);
  const name = text(LONGEST_NAME);
  // Own properties, whatever they are called.
  return Object.fromEntries(
    entries.map(([key, inner]) => [name(key, "the name of an instance"), remembered(inner, `${at}.${key}`)]),
  );
};

const TOO_LONG_MS = Number.MAX_SAFE_INTEGER;
/** Of a run that came to its end. */
const HIGHEST_EXIT_CODE = 3;

const parse = (content: string): unknown => {
  try {
    return JSON.parse(content);
  } catch {
    throw new StateError(content.trim() === "" ? "it is empty" : "it is not JSON");
  }
};

/** A state from a text of whatever origin: what the types know and nothing else. Throws a StateError. */
export const readState = (content: string): State => {
  const own = record(parse(content), "the whole");
  const version = own("schemaVersion");
  if (version !== STATE_VERSION)
    throw new StateError(
      Number.isInteger(version)
        ? `it is of format ${version}, and this version knows ${STATE_VERSION}`
        : "it has no schemaVersion",
    );
  return {
    schemaVersion: STATE_VERSION,
    ranAt: time(own("ranAt"), "ranAt"),
    ...optional(own, "paceMs", whole(TOO_LONG_MS), "paceMs"),
    ...optional(own, "selection", text(LONGEST_SELECTION), "selection"),
    ...optional(own, "toldAt", time, "toldAt"),
    exitCode: whole(HIGHEST_EXIT_CODE)(own("exitCode"), "exitCode"),
    instances: instances(own("instances"), "instances"),
  };
};

/** What `readState` reads. */
export const stateText = (state: State): string => `${JSON.stringify(state)}\n`;
