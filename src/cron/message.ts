import { createHash } from "node:crypto";
import { shellQuote } from "../model/remedy.ts";
import {
  type Blame,
  type Cause,
  checkFamily,
  checkOf,
  type Finding,
  type Remedy,
  type Report,
  type Status,
} from "../model/report.ts";
import { whoseIs } from "../model/shown.ts";
import { counted, printable } from "../model/text.ts";
import { asTold, type Change, type Confirmed, isSilent, keyOf } from "./confirm.ts";
import { weightOf } from "./decide.ts";
import {
  DIGEST,
  type Level,
  LONGEST_NAME,
  LONGEST_SUMMARY,
  MOST_ADVICE,
  type Remembered,
  type State,
  type Words,
} from "./state.ts";

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
    const id = checkOf(instance);
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
    const { instance, one, finding, change } = trouble;
    const { level, code } = one.confirmed;
    // An unknown has none: it is no consequence of a fault.
    const cause = finding && level !== "unknown" ? causeOf.get(instance) : undefined;
    // What is only remembered is told by one of its sentences.
    const kind = finding ? finding.summary : checkFamily(instance);
    const key = cause ? `cause ${cause.id}` : JSON.stringify([level, code, finding !== undefined, kind, change?.kind]);
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

const commandsOf = ({ commands = [] }: Remedy): readonly string[] =>
  commands.map((command) => `    $ ${printable(command, COMMAND)}`);

const remedies = (list: readonly Remedy[]): readonly string[] =>
  list.flatMap((remedy, index) => [
    `  ${index === 0 ? "Fix: " : ""}${line(remedy.text)}`,
    ...commandsOf(remedy),
    ...(remedy.undo?.length ? ["    to undo:", ...commandsOf({ text: "", commands: remedy.undo })] : []),
    ...(remedy.url === undefined ? [] : [`    ${line(remedy.url)}`]),
  ]);

const remediesOf = ({ cause, troubles: [first] }: Group): readonly Remedy[] =>
  cause?.remedy ?? first.finding?.remedy ?? [];

const digestOf = ({ text, commands }: Remedy): string =>
  createHash("sha256")
    .update(JSON.stringify([text, commands]))
    .digest("hex")
    .slice(0, DIGEST);

const adviceOf = (group: Group): readonly string[] => remediesOf(group).slice(0, MOST_ADVICE).map(digestOf);

const causeIdOf = ({ cause }: Group): string | undefined => cause && printable(cause.id, LONGEST_NAME);
const rememberedSentence = (group: Group): string => printable(sentenceOf(group), LONGEST_SUMMARY);

/** The group as it is told now. */
const wordsOf = (group: Group, at: string): Words => {
  const cause = causeIdOf(group);
  return { at, ...(cause !== undefined && { cause }), sentence: rememberedSentence(group), advice: adviceOf(group) };
};

/** How the cause of a group was told the last time, if it was. */
const toldAs = (group: Group, { instances }: State): Words | undefined => {
  if (group.cause === undefined) return undefined;
  const own = new Set(group.troubles.map(({ instance }) => instance));
  return Object.entries(instances)
    .flatMap(([key, { told }]) => {
      const words = told?.words;
      if (words === undefined) return [];
      // Alone, it may have been told without a cause.
      const isIt = words.cause === causeIdOf(group) || (own.has(key) && words.sentence === rememberedSentence(group));
      return isIt ? [words] : [];
    })
    .sort((one, other) => (one.at < other.at ? 1 : -1))[0];
};

/** What helps against it was told, and nothing else helps now. */
const isToldSo = (group: Group): boolean => {
  if (group.troubles.every(({ finding }) => finding === undefined)) return true;
  const advice = adviceOf(group).join();
  return group.troubles.some(({ one: { told } }) => {
    const words = told?.words;
    return words !== undefined && words.cause === causeIdOf(group) && words.advice.join() === advice;
  });
};

/** What was told of it last time. */
const formerly = ({ change, finding, one }: Trouble): readonly string[] => {
  if (change?.was === undefined) return [];
  const { kind, was } = change;
  if (kind !== "other")
    return [`  ${kind === "better" ? "Better" : "Worse"} than before: that was ${WORDS[was.level]}`];
  const sentence = was.words?.sentence;
  const isAnother = sentence !== undefined && sentence !== printable(finding?.summary ?? one.summary, LONGEST_SUMMARY);
  const before = isAnother ? line(sentence) : was.code;
  return before === undefined ? [] : [`  Another fault than before, which was: ${before}`];
};

interface Page {
  readonly now: string;
  readonly name: string;
  readonly state: State;
  readonly findings: ReadonlyMap<string, Finding>;
}

const isBad = (finding: Finding | undefined): boolean => finding?.status === "fail" || finding?.status === "warn";

/** What of a cause fails in this run, and how many were not looked at because of it. */
const shownBy = (cause: Cause | undefined, { findings }: Page): { readonly bad: readonly string[]; rest: number } => {
  const instances = [...new Set((cause?.explains ?? []).map(keyOf))];
  return {
    bad: instances.filter((instance) => isBad(findings.get(instance))),
    rest: instances.filter((instance) => findings.get(instance)?.status === "skip").length,
  };
};

const consequences = (cause: Cause | undefined, page: Page): readonly string[] => {
  const { bad, rest } = shownBy(cause, page);
  const parts = [
    ...(bad.length > 1 ? [`Failing: ${inRow(checksOf(bad))}`] : []),
    ...(rest > 0 ? [`${bad.length > 1 ? `${rest} more` : counted(rest, "check")} not looked at because of it`] : []),
  ];
  return parts.length === 0 ? [] : [`  ${parts.join("; ")}`];
};

/** All that helps. */
const inFull = (group: Group, page: Page): readonly string[] => {
  const { cause, troubles } = group;
  const [first] = troubles;
  const { finding, one } = first;
  const { level, code } = one.confirmed;
  const blame: Blame | undefined = cause?.blame ?? finding?.blame;
  const since = sinceOf(group);
  const remedy = remediesOf(group);
  const about = code ?? checksOf([first.instance])[0] ?? "";
  return [
    headOf(group),
    ...(since === page.now ? [] : [`  Since ${clock(since)}${isHidden(group) ? ", though not seen in this run" : ""}`]),
    ...formerly(troubles.find(({ change }) => change !== undefined) ?? first),
    ...consequences(cause, page),
    ...(cause?.modelled === undefined
      ? []
      : [`  ${line(`Modelled from CrowdSec's source, not seen: ${cause.modelled}`)}`]),
    ...(blame ? [`  Whose: ${whoseIs(blame)}`] : []),
    ...(remedy.length > 0 || level === "unknown"
      ? remedies(remedy)
      : [`  More about it: ${page.name} explain ${shellQuote(about)}`]),
  ];
};

/** What has come to a cause that was told: that, and what to type. */
const inAddition = (group: Group, told: Words, page: Page): readonly string[] => {
  const order = (group.cause?.explains ?? []).map(keyOf);
  const fresh = group.troubles
    .filter(({ change }) => change?.kind === "worse")
    .sort((one, other) => order.indexOf(one.instance) - order.indexOf(other.instance));
  const [first = group.troubles[0], ...more] = fresh;
  const known = new Set(Object.entries(page.state.instances).flatMap(([key, { told: then }]) => (then ? [key] : [])));
  const isNew = (instance: string): boolean => fresh.some((one) => one.instance === instance) || !known.has(instance);
  const names = order.filter((instance) => isNew(instance) && isBad(page.findings.get(instance)));
  const level = levelOf({ troubles: [first, ...more] });
  const since = earliest(fresh.map(({ one }) => one.since));
  const list = remediesOf(group);
  // The first step in any case, and what was not told yet.
  const shown = list.filter((remedy, index) => index === 0 || !told.advice.includes(digestOf(remedy)));
  return [
    line(`${WORDS[level]} ${first.finding?.summary ?? first.one.summary}`),
    `  Since ${clock(since)}, because of what was told at ${clock(told.at)}`,
    ...(names.length > 1 ? [`  Failing now: ${inRow(checksOf(names))}`] : []),
    ...shown.flatMap((remedy, index) => [`  ${index === 0 ? "Fix: " : ""}${line(remedy.text)}`, ...commandsOf(remedy)]),
    ...(shown.length < list.length ? ["  What else helps is as told then."] : []),
  ];
};

const inShort = (group: Group): string => {
  const whose = group.cause ? "" : `, ${namesOf(group)}`;
  const hidden = isHidden(group) ? " (not seen in this run)" : "";
  return line(`${WORDS[levelOf(group)]} since ${clock(sinceOf(group))}${whose}: ${sentenceOf(group)}${hidden}`);
};

const WELL_AGAIN = "well again";

/** How it became well: mended, or gone. */
const wellBy = (change: Change, finding: Finding | undefined): string => {
  const after = span(change.afterMs ?? 0);
  if (change.was?.level === "unknown") return `could be judged again after ${after}`;
  if (finding === undefined) return "is not there any more";
  return finding.status === "skip" && !isSilent(finding) ? "does not matter any more" : `${WELL_AGAIN} after ${after}`;
};

interface Well {
  readonly instances: readonly string[];
  readonly isOfCause: boolean;
  readonly how: string;
  readonly was: string;
}

/** What is well again; what was told as one cause, as that. */
const wellAgain = (changes: readonly Change[], findings: ReadonlyMap<string, Finding>): readonly Well[] => {
  const groups = new Map<string, Well>();
  for (const change of changes) {
    const { instance, was, summary } = change;
    const words = was?.words;
    const how = wellBy(change, findings.get(instance));
    const isOfCause = words?.cause !== undefined;
    const key = JSON.stringify(isOfCause ? [words.cause] : [how, was?.code]);
    const group = groups.get(key);
    groups.set(key, {
      instances: [...(group?.instances ?? []), instance],
      isOfCause,
      // What follows from something can be gone with it.
      how: group === undefined || (how.startsWith(WELL_AGAIN) && !group.how.startsWith(WELL_AGAIN)) ? how : group.how,
      was: group?.was ?? (isOfCause ? words.sentence : summary),
    });
  }
  return [...groups.values()];
};

const wellNames = ({ instances, isOfCause }: Well): string =>
  isOfCause && instances.length > 1 ? inRow(checksOf(instances)) : listed(instances);

const wellLines = (groups: readonly Well[]): readonly string[] =>
  groups.map((group) => line(`${WORDS.fine} ${wellNames(group)}: ${group.how}; it was: ${group.was}`));

/** What a check, or those of a family, are about; others go by their own names. */
const ABOUT: Readonly<Record<string, string>> = {
  "agent-config": "the agent's configuration",
  lapi: "the Local API",
  service: "crowdsec",
  "service-manager": "what starts crowdsec",
  resolver: "the nameserver",
  outgoing: "the way out",
};

/** What is well again, in a word or two, when nothing like it stays wrong. */
const newlyWell = (groups: readonly Well[], troubles: readonly Trouble[]): string => {
  const stay = new Set(troubles.map(({ instance }) => checkFamily(instance)));
  const instances = groups.filter(({ how }) => how.startsWith(WELL_AGAIN)).flatMap((group) => group.instances);
  const nameOf = (instance: string): string => {
    const id = checkOf(instance);
    const family = checkFamily(id);
    const key = [id, family].find((one) => Object.hasOwn(ABOUT, one));
    return (stay.has(family) || key === undefined ? undefined : ABOUT[key]) ?? instance;
  };
  const names = [...new Set(instances.map(nameOf))];
  if (names.length === 0) return "";
  const shown = names.length <= 3 ? names : [...names.slice(0, 2), `${names.length - 2} more`];
  const [last = "", ...others] = [...shown].reverse().map((name) => line(name, 60));
  return others.length === 0
    ? `${last} is well again`
    : `${[...others].reverse().join(", ")} and ${last} are well again`;
};

/** A part of a message with what stands in it. */
interface Section {
  readonly title: string;
  readonly parts: readonly (readonly string[])[];
}

/** The rows below, by how bad they are: `2 failed, 1 warning`. */
const countsOf = (groups: readonly Group[]): string => {
  const count = (level: Level): number => groups.filter((group) => levelOf(group) === level).length;
  const [failed, warned, unknown] = [count("fail"), count("warn"), count("unknown")];
  return [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(warned > 0 ? [counted(warned, "warning")] : []),
    ...(unknown > 0 ? [`${unknown} unknown`] : []),
  ].join(", ");
};

/** How many checks are in these rows, where that is another number. */
const checksIn = (groups: readonly Group[], page: Page): readonly string[] => {
  const checks = new Set(
    groups.flatMap((group) => [...group.troubles.map(({ instance }) => instance), ...shownBy(group.cause, page).bad]),
  ).size;
  return checks > groups.length ? [counted(checks, "check")] : [];
};

/** The answer: which host, and how it is. */
const headline = (
  { report, before, confirmed, name }: MessageInput,
  groups: readonly Group[],
  well: readonly Well[],
  page: Page,
): string => {
  const troubles = groups.flatMap((group) => group.troubles);
  const { changes } = confirmed;
  const has = (level: Level): boolean => troubles.some(({ one }) => one.confirmed.level === level);
  const host = line(report.run.host ?? name, 100);
  const afterMs = Math.max(0, ...changes.map((change) => change.afterMs ?? 0));
  if (troubles.length === 0) return `${host}: CrowdSec is well again after ${span(afterMs)}`;
  const isGood = changes.length > 0 && changes.every(({ kind }) => kind === "well" || kind === "better");
  const news = isGood ? newlyWell(well, troubles) : "";
  const still = changes.length === 0 || news !== "" ? "still " : "";
  const counts = countsOf(groups);
  const verdict = has("fail")
    ? `CrowdSec ${still}cannot work as it should: ${counts}`
    : has("unknown")
      ? `${still}not known whether CrowdSec works: ${counts}`
      : news === ""
        ? `CrowdSec works, ${still}with warnings: ${counts}`
        : `${counts} ${groups.length === 1 ? "stays" : "stay"}`;
  const worst = Math.max(...troubles.map(({ one }) => weightOf(one.confirmed.level)));
  const since = earliest(
    troubles.filter(({ one }) => weightOf(one.confirmed.level) === worst).map(({ one }) => one.since),
  );
  const wasFine = troubles.every(({ one }) => one.told === undefined) && changes.every(({ was }) => !was);
  const more = [
    ...checksIn(groups, page),
    ...(before === undefined ? [] : [`${wasFine ? "fine until" : "since"} ${clock(since)}`]),
  ].join("; ");
  return `${host}: ${news === "" ? "" : `${news}; `}${verdict}${more === "" ? "" : ` (${more})`}`;
};

/** Parts of a text under their titles, each part at least its first line, as long as there is room. */
const paged = (top: string, sections: readonly Section[]): string => {
  const lines = [top];
  let left = 0;
  for (const { title, parts } of sections) {
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

/** Where a group is told. */
type Place = "fresh" | "worse" | "better" | "left" | "standing";

const placeOf = (group: Group, told: Words | undefined, isReminder: boolean): Place => {
  const kinds = new Set(group.troubles.map(({ change }) => change?.kind));
  if (isReminder) return "fresh";
  if (kinds.has("worse")) {
    const wasBad = group.cause === undefined && group.troubles.every(({ change }) => change?.was !== undefined);
    return told !== undefined || wasBad ? "worse" : "fresh";
  }
  if (kinds.has("other")) return "fresh";
  if (kinds.has("better")) return "better";
  return isToldSo(group) ? "standing" : "left";
};

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

  const at = now.toISOString();
  const page: Page = { now: at, name, state, findings };
  const rows = grouped(troubles, report.causes).map((group) => {
    const told = toldAs(group, state);
    return { group, told, place: placeOf(group, told, isReminder) };
  });
  const inPlace = (place: Place): typeof rows => rows.filter((row) => row.place === place);
  const full = (place: Place): readonly (readonly string[])[] => inPlace(place).map(({ group }) => inFull(group, page));
  const well = wellAgain(
    changes.filter(({ kind }) => kind === "well"),
    findings,
  );
  const groups = rows.map(({ group }) => group);
  const [only] = well;
  const top = headline(input, groups, well, page);
  const text =
    groups.length === 0 && only !== undefined && well.length === 1 && only.how.startsWith(WELL_AGAIN)
      ? paged(top, [{ title: "", parts: [[line(`It was ${wellNames(only)}: ${only.was}`)]] }])
      : paged(top, [
          { title: isReminder ? "Still wrong:" : before === undefined ? "" : "New:", parts: full("fresh") },
          {
            title: "Worse:",
            parts: inPlace("worse").map(({ group, told }) =>
              told ? inAddition(group, told, page) : inFull(group, page),
            ),
          },
          { title: "Better:", parts: full("better") },
          { title: "Well again:", parts: wellLines(well).map((one) => [one]) },
          { title: "What is left:", parts: full("left") },
          { title: "As before:", parts: inPlace("standing").map(({ group }) => [inShort(group)]) },
        ]);
  const said = new Map<string, Words | undefined>();
  for (const { group, told, place } of rows) {
    const words = wordsOf(group, place === "worse" && told ? told.at : at);
    const keys = [...(group.cause?.explains ?? []).map(keyOf), ...group.troubles.map(({ instance }) => instance)];
    // What this run did not see, or see otherwise, keeps the words that it was told in.
    const isKept = place === "standing" || group.troubles.every(({ finding }) => finding === undefined);
    for (const key of keys) if (!said.has(key)) said.set(key, isKept ? undefined : words);
  }
  return { text, state: asTold(state, said, now) };
};
