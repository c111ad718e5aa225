import { createHash } from "node:crypto";
import { exitCodeOf } from "../exit-code.ts";
import { checkOf, type Finding, NOT_SELECTED, type Report, type Status } from "../model/report.ts";
import { printable } from "../model/text.ts";
import { begin, decide, weightOf } from "./decide.ts";
import {
  DIGEST,
  type Level,
  LONGEST_CODE,
  LONGEST_NAME,
  LONGEST_SUMMARY,
  MOST_INSTANCES,
  type Remembered,
  type Rule,
  type Seen,
  STATE_VERSION,
  type State,
  type Told,
  type Words,
} from "./state.ts";

/** What is confirmed and not told yet: of one instance, by what was last told of it. */
export interface Change {
  readonly instance: string;
  /** `other`: another fault, as bad as that before. */
  readonly kind: "worse" | "other" | "better" | "well";
  /** What was last told; nothing where it was fine. */
  readonly was?: Told;
  readonly is: Seen;
  /** Since when it is so, RFC 3339, UTC. */
  readonly since: string;
  /** Of `well`: how long the whole trouble was, milliseconds. */
  readonly afterMs?: number;
  readonly summary: string;
}

export interface Confirmed {
  /** With nothing in it as told: to be saved where what `message` says is not delivered. Of an interrupted run, the state before. */
  readonly state: State;
  readonly changes: readonly Change[];
  readonly exitCode: number;
}

const FINE: Seen = { level: "fine" };

/** A longer pause than this many times the usual one, and than an hour, is a host that slept. */
const PAUSE = 4;
const HOUR_MS = 3_600_000;

/** A reader takes 4 MB. */
const MOST_BYTES = 3_000_000;

/** Of a longer name, this much, and a digest of the rest. */
const KEPT_NAME = 280;

/** By what an instance is remembered: its name, unless that is longer than a name should be. */
export const keyOf = (instance: string): string => {
  const name = printable(instance, Number.POSITIVE_INFINITY);
  if (name.length <= LONGEST_NAME) return name;
  return `${name.slice(0, KEPT_NAME)}~${createHash("sha256").update(name).digest("hex").slice(0, DIGEST)}`;
};

/** A clock that was set back: what seems to come from later happened now at the latest. */
const notAfter =
  (now: string): ((time: string) => string) =>
  (time) =>
    time > now ? now : time;

/** The state, as far as it holds at this time. */
const broughtTo = (state: State, now: Date): State => {
  const at = now.toISOString();
  const past = notAfter(at);
  const { ranAt, paceMs, toldAt } = state;
  const gapMs = Math.max(0, now.getTime() - Date.parse(ranAt));
  // What one run saw before a long sleep, and one after it, when the network may not be up yet, are not two in a row.
  const slept = paceMs !== undefined && gapMs > HOUR_MS && gapMs > PAUSE * paceMs;
  const toldBy = ({ words, ...told }: Told): Told => ({
    ...told,
    since: past(told.since),
    ...(words && { words: { ...words, at: past(words.at) } }),
  });
  const brought = (one: Remembered): Remembered => ({
    ...one,
    since: past(one.since),
    seen: slept ? [] : one.seen,
    at: slept ? [] : one.at.map(past),
    ...(one.told && { told: toldBy(one.told) }),
  });
  return {
    ...state,
    ranAt: past(ranAt),
    paceMs: Math.max(gapMs, Math.floor((paceMs ?? 0) / 2)),
    ...(toldAt !== undefined && { toldAt: past(toldAt) }),
    instances: Object.fromEntries(Object.entries(state.instances).map(([key, one]) => [key, brought(one)])),
  };
};

/** It was skipped because of something else, or left out: no news. */
export const isSilent = ({ status, reason, because }: Finding): boolean =>
  status === "skip" && (because !== undefined || reason === NOT_SELECTED);

const seenOf = ({ status, fault }: Finding): Seen => {
  if (status === "unknown") return { level: "unknown" };
  if (status !== "warn" && status !== "fail") return FINE;
  return {
    level: status,
    ...(fault && { code: printable(fault.code, LONGEST_CODE) }),
    ...(fault?.phase === "host" && { sure: true }),
  };
};

/** What a run has to say of an instance: what it saw, no news, or that it is not what the run was about. */
type News = Seen | "silent" | "not selected";

/** Of any instance that there is or was. */
const newsOf = (findings: ReadonlyMap<string, Finding>): ((key: string) => News) => {
  const of = (finding: Finding): News => {
    if (!isSilent(finding)) return seenOf(finding);
    return finding.reason === NOT_SELECTED ? "not selected" : "silent";
  };
  return (key) => {
    const own = findings.get(key);
    if (own) return of(own);
    // A check that did not get as far as to know its targets says nothing of them.
    const whole = findings.get(checkOf(key));
    const said = whole ? of(whole) : FINE;
    if (typeof said === "string") return said;
    return said.level === "unknown" ? "silent" : FINE;
  };
};

const levelTold = ({ told }: Remembered): Level => told?.level ?? "fine";

/** Nothing of it has to be known at the next run. */
const isForgotten = (one: Remembered): boolean =>
  one.told === undefined && [one.confirmed, ...one.seen].every(({ level }) => level === "fine");

/** As it is once it is told, in these words. */
const toldOf = ({ told: before, foretold: _foretold, ...one }: Remembered, words = before?.words): Remembered => {
  const { level, code } = one.confirmed;
  if (level === "fine") return one;
  const since = before?.since ?? one.since;
  return { ...one, told: { level, ...(code !== undefined && { code }), since, ...(words && { words }) } };
};

/** A state is to be read again; how something was told is the least of it. */
const withoutWords = ({ told, ...one }: Remembered): Remembered => {
  if (told === undefined) return one;
  const { words: _words, ...rest } = told;
  return { ...one, told: rest };
};

const isSeen = ({ seen }: Remembered): boolean => (seen.at(-1)?.level ?? "fine") !== "fine";

/**
 * The state once everything that is confirmed is told.
 * @param said how, by instance: what was told, and what stands under the causes that were told, so that it is no news once
 * it is confirmed
 */
export const asTold = (state: State, said: ReadonlyMap<string, Words | undefined>, now: Date): State => {
  const entries = Object.entries(state.instances)
    .map(([key, one]): [string, Remembered] => {
      const isAhead = one.confirmed.level === "fine" && said.has(key) && isSeen(one);
      return [key, isAhead ? { ...toldOf(one), foretold: true } : toldOf(one, said.get(key))];
    })
    .filter(([, one]) => !isForgotten(one));
  const isTooMuch = Buffer.byteLength(JSON.stringify(entries)) > MOST_BYTES;
  return {
    ...state,
    toldAt: now.toISOString(),
    instances: Object.fromEntries(isTooMuch ? entries.map(([key, one]) => [key, withoutWords(one)]) : entries),
  };
};

const changeOf = (instance: string, one: Remembered): readonly Change[] => {
  const { told, confirmed, since, summary } = one;
  const difference = weightOf(confirmed.level) - weightOf(levelTold(one));
  if (difference === 0 && confirmed.code === told?.code) return [];
  const isWell = confirmed.level === "fine";
  const kind = difference > 0 ? "worse" : difference === 0 ? "other" : isWell ? "well" : "better";
  const afterMs = told && isWell ? Math.max(0, Date.parse(since) - Date.parse(told.since)) : undefined;
  return [
    {
      instance,
      kind,
      ...(told && { was: told }),
      is: confirmed,
      since,
      ...(afterMs !== undefined && { afterMs }),
      summary,
    },
  ];
};

/** The worst first, as many as a state may hold. */
const bounded = (entries: readonly (readonly [string, Remembered])[]): readonly (readonly [string, Remembered])[] => {
  let bytes = 0;
  const weight = ([, one]: readonly [string, Remembered]): number =>
    Math.max(weightOf(one.confirmed.level), weightOf(levelTold(one)));
  const kept = new Set(
    [...entries]
      .sort((one, other) => weight(other) - weight(one))
      .slice(0, MOST_INSTANCES)
      .filter((entry) => {
        bytes += Buffer.byteLength(JSON.stringify(entry));
        return bytes <= MOST_BYTES;
      }),
  );
  return entries.filter((entry) => kept.has(entry));
};

const STATUS: Readonly<Record<Level, Status>> = { fine: "pass", unknown: "unknown", warn: "warn", fail: "fail" };

/** Every finding counts as what is confirmed of it, and so does what is confirmed and stands in the report no more. */
const countsOf = (
  findings: ReadonlyMap<string, Finding>,
  state: State["instances"],
  news: (key: string) => News,
): Readonly<Record<Status, number>> => {
  const counts: Record<Status, number> = { pass: 0, warn: 0, fail: 0, skip: 0, unknown: 0 };
  for (const key of new Set([...findings.keys(), ...Object.keys(state)])) {
    const finding = findings.get(key);
    const confirmed = Object.hasOwn(state, key) ? state[key]?.confirmed.level : undefined;
    if (news(key) === "not selected") counts.skip += finding ? 1 : 0;
    else if (confirmed !== undefined && confirmed !== "fine") counts[STATUS[confirmed]] += 1;
    else if (finding) counts[finding.status === "skip" ? "skip" : "pass"] += 1;
  }
  return counts;
};

/**
 * What counts after this run, and what of that was not told yet.
 * @param before without it, this is the first run of all: what it saw counts at once
 */
export const confirm = (before: State | undefined, report: Report, rule: Rule, now: Date): Confirmed => {
  const at = now.toISOString();
  const { run, summary } = report;
  if (run.interrupted) {
    const nothing: State = { schemaVersion: STATE_VERSION, ranAt: at, exitCode: 0, instances: {} };
    return { state: before ?? nothing, changes: [], exitCode: summary.exitCode };
  }
  const past = before && broughtTo(before, now);
  const known = new Map(Object.entries(past?.instances ?? {}));
  const findings = new Map(report.findings.map((finding) => [keyOf(finding.instance), finding]));
  const news = newsOf(findings);

  const after = (key: string): Remembered | undefined => {
    const one = known.get(key);
    const seen = news(key);
    if (typeof seen === "string") return one;
    if (one === undefined && seen.level === "fine") return undefined;
    const blank = { confirmed: FINE, since: past?.ranAt ?? at, seen: [], at: [] };
    const history = past === undefined ? begin(seen, at) : decide(one ?? blank, seen, at, rule);
    // While nothing is confirmed, it is that of what may be; then that of what is as bad as that.
    const isIts = seen.level !== "fine" && ["fine", seen.level].includes(history.confirmed.level);
    const sentence = findings.get(key)?.summary ?? "";
    return {
      ...history,
      summary: one === undefined || isIts ? printable(sentence, LONGEST_SUMMARY) : one.summary,
      ...(one?.told && { told: one.told }),
      ...(one?.foretold && { foretold: true }),
    };
  };
  const next = new Map([...findings.keys(), ...known.keys()].map((key) => [key, after(key)]));
  const causes = report.causes.map(({ explains }) => explains.map(keyOf));
  /** Something as bad, of the same cause, that was told and stands. */
  const saidOf = (key: string, level: Level): Remembered | undefined =>
    causes
      .filter((keys) => keys.includes(key))
      .flatMap((keys) => keys.flatMap((other) => next.get(other) ?? []))
      .find((one) => one.confirmed.level !== "fine" && weightOf(levelTold(one)) >= weightOf(level));

  const entries = [...next].flatMap(([key, one]) => {
    if (one === undefined || isForgotten(one)) return [];
    const { level } = one.confirmed;
    const said = one.foretold && level !== "fine" ? saidOf(key, level) : undefined;
    return [[key, said ? toldOf(one, said.told?.words) : one] as const];
  });
  const instances = Object.fromEntries(bounded(entries));
  const exitCode = exitCodeOf(countsOf(findings, instances, news), run.failOn);
  return {
    state: {
      schemaVersion: STATE_VERSION,
      ranAt: at,
      ...(past?.paceMs !== undefined && { paceMs: past.paceMs }),
      ...(past?.toldAt !== undefined && { toldAt: past.toldAt }),
      exitCode,
      instances,
    },
    changes: Object.entries(instances).flatMap(([key, one]) => changeOf(key, one)),
    exitCode,
  };
};
