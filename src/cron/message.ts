import { shellQuote } from "../model/remedy.ts";
import {
  type Blame,
  type Cause,
  checkFamily,
  type Finding,
  type Remedy,
  type Report,
  type Status,
} from "../model/report.ts";
import { whoseIs } from "../model/shown.ts";
import { counted, printable } from "../model/text.ts";
import { asTold, type Change, type Confirmed, isSilent, keyOf } from "./confirm.ts";
import { weightOf } from "./decide.ts";
import type { Level, Remembered, State } from "./state.ts";

export interface MessageInput {
  readonly report: Report;
  /** What was remembered before this run; nothing at the first one. */
  readonly before: State | undefined;
  readonly confirmed: Confirmed;
  /** The same as `confirm` had. */
  readonly now: Date;
  /** After how long what is still wrong is told again, milliseconds; without it, never. */
  readonly remindMs?: number | undefined;
  /** This program, as it is called. */
  readonly name: string;
}

export interface Message {
  /** Ends in a newline; empty when there is nothing to say. */
  readonly text: string;
  /**
   * To be saved once the text is delivered, or empty. Where it is lost, `confirmed.state` is saved in its place, and the
   * next run tells it all.
   */
  readonly state: State;
}

/** A mail that is read at night. */
const MOST_LINES = 60;
/** Names in a row; characters of a sentence, and of a command, which is there to be copied. */
const NAMED = 6;
const SENTENCE = 400;
const COMMAND = 2000;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Runs do not start to the second: a daily one reminds every day. At most this, and this part of the time. */
const SLACK_MS = 2 * MINUTE_MS;
const SLACK_PART = 20;

const WORDS: Readonly<Record<Level, string>> = { fine: "GOOD", unknown: "UNKNOWN", warn: "WARN", fail: "FAIL" };
const LEVEL_OF: Readonly<Record<Status, Level>> = {
  pass: "fine",
  skip: "fine",
  unknown: "unknown",
  warn: "warn",
  fail: "fail",
};

/** One line of whatever was in it, in letters that any mail shows. */
const line = (text: string, most = SENTENCE): string =>
  printable(text, most).replaceAll("…", "...").replaceAll("→", "->");

/** `2026-06-15 10:05 UTC`. */
const clock = (time: string): string => `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;

/** `less than a minute`, `35 minutes`, `2 hours 5 minutes`, `3 days`. */
const span = (ms: number): string => {
  const minutes = Math.round(ms / MINUTE_MS);
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return counted(minutes, "minute");
  if (ms >= 2 * DAY_MS) return counted(Math.round(ms / DAY_MS), "day");
  const rest = minutes % 60;
  return `${counted(Math.floor(minutes / 60), "hour")}${rest === 0 ? "" : ` ${counted(rest, "minute")}`}`;
};

const inRow = (names: readonly string[]): string => {
  // One more is as short as its number.
  const shown = names.length <= NAMED + 1 ? names : names.slice(0, NAMED);
  const more = names.length - shown.length;
  return `${shown.map((one) => line(one, 100)).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
};

/** Checks, each once, with how often where that is more than once: `lapi-reachable (4)`. */
const checksOf = (instances: readonly string[]): readonly string[] => {
  const counts = new Map<string, number>();
  for (const instance of instances) {
    const id = instance.split("@")[0] ?? instance;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return [...counts].map(([id, count]) => (count === 1 ? id : `${id} (${count})`));
};

/** Instances by name; many of them by their checks. */
const listed = (instances: readonly string[]): string =>
  inRow(instances.length > NAMED + 1 ? checksOf(instances) : instances);

/** An instance that is confirmed not to be fine. */
interface Trouble {
  readonly instance: string;
  readonly one: Remembered;
  /** What this run says of it, when that is not another thing: flapping, it may be fine now. */
  readonly finding?: Finding;
  /** This run looked, and saw another thing. */
  readonly isHidden: boolean;
  readonly change?: Change;
}

/** Troubles that are told together: of one cause, or saying the same. */
interface Group {
  readonly cause?: Cause;
  readonly troubles: readonly [Trouble, ...Trouble[]];
}

const levelOf = ({ troubles }: Group): Level =>
  troubles
    .map(({ one }) => one.confirmed.level)
    .reduce((one, other) => (weightOf(other) > weightOf(one) ? other : one));

const sentenceOf = ({ cause, troubles: [first] }: Group): string =>
  cause?.summary ?? first.finding?.summary ?? first.one.summary;

const earliest = (times: readonly string[]): string => [...times].sort()[0] ?? "";

const sinceOf = ({ troubles }: Group): string => earliest(troubles.map(({ one }) => one.told?.since ?? one.since));

/** By cause where this run has one, in the order of the causes; the worst first. */
const grouped = (troubles: readonly Trouble[], causes: readonly Cause[]): readonly Group[] => {
  const causeOf = new Map<string, Cause>();
  for (const cause of causes)
    for (const instance of cause.explains.map(keyOf)) if (!causeOf.has(instance)) causeOf.set(instance, cause);
  const groups = new Map<string, Group>();
  for (const trouble of troubles) {
    const { instance, one, finding } = trouble;
    const { level, code } = one.confirmed;
    // An unknown has none: it is no consequence of a fault.
    const cause = finding && level !== "unknown" ? causeOf.get(instance) : undefined;
    // What is only remembered is told by one of its sentences.
    const kind = finding ? finding.summary : checkFamily(instance);
    const key = cause ? `cause ${cause.id}` : JSON.stringify([level, code, finding !== undefined, kind]);
    const group = groups.get(key);
    groups.set(key, {
      ...(cause && { cause }),
      troubles: group ? [group.troubles[0], ...group.troubles.slice(1), trouble] : [trouble],
    });
  }
  const rank = ({ cause }: Group): number => (cause ? causes.indexOf(cause) : causes.length);
  return [...groups.values()].sort(
    (one, other) => weightOf(levelOf(other)) - weightOf(levelOf(one)) || rank(one) - rank(other),
  );
};

const namesOf = ({ troubles }: Group): string => listed(troubles.map(({ instance }) => instance));

/** Nothing of a group is to be seen in this run. */
const isHidden = ({ troubles }: Group): boolean => troubles.every((one) => one.isHidden);

const headOf = (group: Group): string => {
  const whose = group.cause ? "" : `${namesOf(group)}: `;
  return line(`${WORDS[levelOf(group)]} ${whose}${sentenceOf(group)}`);
};

const remedies = (list: readonly Remedy[]): readonly string[] =>
  list.flatMap(({ text, commands = [], undo = [], url }, index) => [
    `  ${index === 0 ? "Fix: " : ""}${line(text)}`,
    ...commands.map((command) => `    $ ${printable(command, COMMAND)}`),
    ...(undo.length > 0 ? ["    to undo:", ...undo.map((command) => `    $ ${printable(command, COMMAND)}`)] : []),
    ...(url === undefined ? [] : [`    ${line(url)}`]),
  ]);

/** What was told of it last time. */
const formerly = ({ change }: Trouble): readonly string[] => {
  if (change?.was === undefined) return [];
  const { kind, was } = change;
  if (kind === "other") return was.code === undefined ? [] : [`  Another fault than before: that was ${was.code}`];
  return [`  ${kind === "better" ? "Better" : "Worse"} than before: that was ${WORDS[was.level]}`];
};

interface Page {
  readonly now: string;
  readonly name: string;
}

/** All that helps. */
const inFull = (group: Group, { now, name }: Page): readonly string[] => {
  const { cause, troubles } = group;
  const [first] = troubles;
  const { finding, one } = first;
  const { level, code } = one.confirmed;
  const blame: Blame | undefined = cause?.blame ?? finding?.blame;
  const since = sinceOf(group);
  const remedy = cause?.remedy ?? finding?.remedy ?? [];
  const about = code ?? checksOf([first.instance])[0] ?? "";
  const explained = cause && cause.explains.length > 1 ? checksOf(cause.explains) : [];
  return [
    headOf(group),
    ...(since === now ? [] : [`  Since ${clock(since)}${isHidden(group) ? ", though not seen in this run" : ""}`]),
    ...formerly(first),
    ...(explained.length === 0 ? [] : [`  Explains: ${inRow(explained)}`]),
    ...(cause?.modelled === undefined
      ? []
      : [`  ${line(`Modelled from CrowdSec's source, not seen: ${cause.modelled}`)}`]),
    ...(blame ? [`  Whose: ${whoseIs(blame)}`] : []),
    ...(remedy.length > 0 || level === "unknown"
      ? remedies(remedy)
      : [`  More about it: ${name} explain ${shellQuote(about)}`]),
  ];
};

const inShort = (group: Group): string => {
  const whose = group.cause ? "" : `, ${namesOf(group)}`;
  const hidden = isHidden(group) ? " (not seen in this run)" : "";
  return line(`${WORDS[levelOf(group)]} since ${clock(sinceOf(group))}${whose}: ${sentenceOf(group)}${hidden}`);
};

/** How it became well: mended, or gone. */
const wellBy = (change: Change, finding: Finding | undefined): string => {
  const after = span(change.afterMs ?? 0);
  if (change.was?.level === "unknown") return `could be judged again after ${after}`;
  if (finding === undefined) return "is not there any more";
  return finding.status === "skip" && !isSilent(finding) ? "does not matter any more" : `well again after ${after}`;
};

const wellLines = (changes: readonly Change[], findings: ReadonlyMap<string, Finding>): readonly string[] => {
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    const key = JSON.stringify([wellBy(change, findings.get(change.instance)), change.was?.code]);
    groups.set(key, [...(groups.get(key) ?? []), change]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const names = listed(group.map(({ instance }) => instance));
    const how = wellBy(first, findings.get(first.instance));
    return [line(`${WORDS.fine} ${names}: ${how}; it was: ${first.summary}`)];
  });
};

/** The answer: which host, and how it is. */
const headline = (
  { report, before, confirmed, name }: MessageInput,
  troubles: readonly Trouble[],
  isReminder: boolean,
): string => {
  const count = (level: Level): number => troubles.filter(({ one }) => one.confirmed.level === level).length;
  const [failed, warned, unknown] = [count("fail"), count("warn"), count("unknown")];
  const host = line(report.run.host ?? name, 100);
  const still = isReminder ? "still " : "";
  const afterMs = Math.max(0, ...confirmed.changes.map((change) => change.afterMs ?? 0));
  if (troubles.length === 0) return `${host}: CrowdSec is well again after ${span(afterMs)}`;
  const counts = [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(warned > 0 ? [counted(warned, "warning")] : []),
    ...(unknown > 0 ? [`${unknown} unknown`] : []),
  ].join(", ");
  const verdict =
    failed > 0
      ? `CrowdSec ${still}cannot work as it should`
      : unknown > 0
        ? `${still}not known whether CrowdSec works`
        : `CrowdSec works, ${still}with warnings`;
  const worst = Math.max(...troubles.map(({ one }) => weightOf(one.confirmed.level)));
  const since = earliest(
    troubles.filter(({ one }) => weightOf(one.confirmed.level) === worst).map(({ one }) => one.since),
  );
  const wasFine = troubles.every(({ one }) => one.told === undefined) && confirmed.changes.every(({ was }) => !was);
  const when = before === undefined ? "" : ` (${wasFine ? "fine until" : "since"} ${clock(since)})`;
  return `${host}: ${verdict}: ${counts}${when}`;
};

/** Parts of a text under their titles, each part at least its first line, as long as there is room. */
const page = (
  top: string,
  sections: readonly (readonly [title: string, parts: readonly (readonly string[])[]])[],
): string => {
  const lines = [top];
  let left = 0;
  for (const [title, parts] of sections) {
    const before = ["", ...(title === "" ? [] : [title])];
    for (const [index, part] of parts.entries()) {
      const head = index === 0 ? before : [];
      const room = MOST_LINES - lines.length - head.length;
      // In short rather than not at all.
      if (left > 0 || room < 1) left += 1;
      else lines.push(...head, ...(part.length <= room ? part : part.slice(0, 1)));
    }
  }
  return `${[...lines, ...(left > 0 ? [`and ${left} more`] : [])].join("\n")}\n`;
};

/** Since when the runs see less of it than what is confirmed; nothing where the last one still saw it. */
const betterSince = ({ confirmed, seen, at }: Remembered): string | undefined =>
  at[seen.findLastIndex(({ level }) => weightOf(level) >= weightOf(confirmed.level)) + 1];

/**
 * Good news alone can wait for the rest of it, a run or two: for what went away together with it, over the network, and
 * needs more than one run; or for what this run has seen instead.
 */
const isWaiting = ({ state, changes }: Confirmed): boolean => {
  if (changes.some(({ kind }) => kind === "worse" || kind === "other")) return false;
  const known = Object.values(state.instances);
  // What this run did not look at can stay as it is for ever.
  const looked = known.filter(({ at }) => at.at(-1) === state.ranAt);
  const isFine = ({ confirmed }: Remembered): boolean => confirmed.level === "fine";
  if (known.every(isFine)) return looked.some(({ seen }) => (seen.at(-1)?.level ?? "fine") !== "fine");
  const last = [...changes.map(({ since }) => since)].sort().at(-1) ?? "";
  return looked.some((one) => {
    const since = isFine(one) ? undefined : betterSince(one);
    return since !== undefined && since <= last;
  });
};

const isDue = ({ toldAt }: State, now: Date, remindMs: number | undefined): boolean =>
  remindMs !== undefined &&
  remindMs > 0 &&
  toldAt !== undefined &&
  now.getTime() - Date.parse(toldAt) >= remindMs - Math.min(SLACK_MS, remindMs / SLACK_PART);

/**
 * What a mail says of a run: what is wrong, at the first run; what has changed, later; from time to time what is still wrong;
 * and that all is well again.
 */
export const message = (input: MessageInput): Message => {
  const { report, before, confirmed, now, remindMs, name } = input;
  const { state, changes } = confirmed;
  const findings = new Map(report.findings.map((finding) => [keyOf(finding.instance), finding]));
  const changeOf = new Map(changes.map((change) => [change.instance, change]));
  const troubles = Object.entries(state.instances).flatMap(([instance, one]): readonly Trouble[] => {
    const { level } = one.confirmed;
    if (level === "fine") return [];
    const [finding, change] = [findings.get(instance), changeOf.get(instance)];
    const sees = finding && !isSilent(finding) ? LEVEL_OF[finding.status] : undefined;
    const isIts = finding !== undefined && sees === level;
    const isHidden = sees !== undefined && weightOf(sees) < weightOf(level);
    return [{ instance, one, isHidden, ...(isIts && { finding }), ...(change && { change }) }];
  });
  const isReminder = changes.length === 0;
  const isQuiet = isReminder
    ? // What is still wrong is best told by a run that sees it.
      !isDue(state, now, remindMs) || troubles.every((one) => one.isHidden)
    : isWaiting(confirmed);
  if (report.run.interrupted || isQuiet) return { text: "", state };

  const { causes } = report;
  const of = (...kinds: readonly Change["kind"][]): readonly Group[] =>
    grouped(
      troubles.filter(({ change }) => (change ? kinds.includes(change.kind) : isReminder)),
      causes,
    );
  const fresh = of("worse", "other");
  const better = isReminder ? [] : of("better");
  const told = new Set([...fresh, ...better].map(({ cause }) => cause));
  const standing = isReminder ? [] : troubles.filter(({ change }) => change === undefined);
  // A cause that is told in full says it of them too.
  const stays = grouped(standing, causes).filter(({ cause }) => cause === undefined || !told.has(cause));
  const well = wellLines(
    changes.filter(({ kind }) => kind === "well"),
    findings,
  );
  const full = (groups: readonly Group[]): readonly (readonly string[])[] =>
    groups.map((group) => inFull(group, { now: now.toISOString(), name }));
  const text = page(headline(input, troubles, isReminder), [
    [isReminder ? "Still wrong:" : before === undefined ? "" : "New:", full(fresh)],
    ["Better:", full(better)],
    ["As before:", stays.map((group) => [inShort(group)])],
    ["Well again:", well.map((one) => [one])],
  ]);
  const explained = [...fresh, ...better, ...stays].flatMap(({ cause }) => cause?.explains ?? []);
  return { text, state: asTold(state, new Set(explained.map(keyOf)), now) };
};
