import { describe, expect, test } from "@jest/globals";
import { asTold, confirm, keyOf } from "../../src/cron/confirm.ts";
import {
  LONGEST_NAME,
  LONGEST_SUMMARY,
  MOST_INSTANCES,
  readState,
  type State,
  stateText,
} from "../../src/cron/state.ts";
import {
  cronReport,
  DAY_MS,
  EVERY_MS,
  HOUR_MS,
  MINUTE_MS,
  type Played,
  type PlayOptions,
  play,
  playLetters,
  reportOf,
  runAt,
  START,
  TWO_OF_THREE,
} from "../support/cron-runs.ts";
import { finding } from "../support/findings.ts";
import { REPORTS } from "../support/reports.ts";

/** What each run tells: `W` worse, `o` another fault, `b` better, `g` well again, `.` nothing. */
const MARKS = { worse: "W", other: "o", better: "b", well: "g" } as const;
const told = (played: readonly Played[]): string =>
  played.map(({ confirmed }) => confirmed.changes.map(({ kind }) => MARKS[kind]).join("") || ".").join("");
const codes = (played: readonly Played[]): string => played.map(({ confirmed }) => confirmed.exitCode).join("");

type Row = readonly [what: string, sees: string, tells: string, exits: string, rule?: readonly [number, number]];

const ROWS: readonly Row[] = [
  ["nothing is wrong", "GGGG", "....", "0000"],
  ["what is wrong at the first run counts at once", "BBBB", "W...", "2222"],
  ["a warning at the first run too", "WWWW", "W...", "1111"],
  ["what nobody can know at the first run too", "UUUU", "W...", "0000"],
  ["one lost packet wakes nobody", "GGBGGG", "......", "000000"],
  ["nor does one in every three", "GBGGBGGBGG", "..........", "0000000000"],
  ["two runs in a row count", "GBBB", "..W.", "0022"],
  ["two of the last three count, and every other run after that is no news", "GBGBGBGB", "...W....", "00022222"],
  ["well again counts after two good runs in a row", "BBGGG", "W..g.", "22200"],
  ["one good run is not well again", "BBGBBGB", "W......", "2222222"],
  ["what is well again may get bad again, by two runs", "BGGBGBG", "W.g..W.", "2200022"],
  ["each of two long troubles is told", "GBBGGBBGG", "..W.g.W.g", "002200220"],
  ["another fault counts after two runs in a row", "BCCC", "W.o.", "2222"],
  ["faults that change back and forth are one trouble", "BCBCBC", "W.....", "222222"],
  ["two different faults in two runs are something failed", "GBC", "..W", "002"],
  ["of a warning and a failure the warning is confirmed", "GWBG", "..W.", "0011"],
  ["a warning that fails is worse", "WBB", "W.W", "112"],
  ["a failure that only warns is better", "BWW", "W.b", "221"],
  ["a failure that is now fine, now warns, is a warning at most", "BGWG", "W.b.", "2211"],
  ["a failure that nobody can judge any more is told as that", "BUU", "W.b", "220"],
  ["what was skipped because of another is no news", "B----B", "W.....", "222222"],
  ["what was skipped in the middle counts neither way", "GB-B", "...W", "0002"],
  ["and does not make well again of it", "BG-G", "W..g", "2220"],
  ["what one run did not select stays as it was", "BB..BB", "W.....", "220022"],
  ["an instance that is gone is well again after two runs", "BB000", "W..g.", "22200"],
  ["an instance that comes back is the same trouble", "B0B0B", "W....", "22222"],
  ["what does not apply any more is well again", "BNN", "W.g", "220"],
  ["an instance that is new is damped as well", "0BB", "..W", "002"],
  ["what files and processes say counts at once, both ways", "GbGGbG", ".Wg.Wg", "020020"],
  ["another of their faults too", "bcc", "Wo.", "222"],
  [
    "a service that crashes and starts all the time is told no more after a while",
    "GbGbGbGbG",
    ".WgW.....",
    "020222222",
  ],
  ["also where every look finds another state of it", "wcwcwcwc", "WWbW....", "12122222"],
  ["what was seen on the network is not gone with one look at a file", "BwBwB", "W....", "22222"],
  ["a fault in a file does not hide what the network says for long", "bBBGG", "W.o.g", "22220"],
  ["without damping everything counts at once", "GBGWCUG", ".WgWWbg", "0201200", [1, 1]],
  ["three of five: two do not count", "GBGBGGB", ".......", "0000000", [3, 5]],
  ["three of five: three do", "GBGBGBGG", ".....W..", "00000222", [3, 5]],
  ["three of five: well again after three in a row", "BBBGGBGGG", "W.......g", "222222220", [3, 5]],
  ["what made up one trouble is no evidence for the next", "GBBGGB", "..W.g.", "002200", [2, 5]],
  ["both of the last two", "GBGBB", "....W", "00002", [2, 2]],
  ["one of the last three counts at once, and well again too", "GBGB", ".WgW", "0202", [1, 3]],
];

test.each(ROWS)("%s: %s", (_what, sees, tells, exits, [needed, of] = [2, 3]) => {
  const played = playLetters(sees, { rule: { needed, of } });
  expect({ tells: told(played), exits: codes(played) }).toEqual({ tells, exits });
});

describe("whatever is seen in whatever order", () => {
  const sequences = (length: number, letters: string): readonly string[] =>
    length === 0 ? [""] : sequences(length - 1, letters).flatMap((head) => [...letters].map((one) => head + one));
  const MANY = [
    ...sequences(8, "GB"),
    ...sequences(5, "GB-"),
    ...sequences(4, "GBCWU-"),
    ...sequences(6, "GBCW").filter((_, index) => index % 13 === 0),
  ];
  const SOME = MANY.filter((_, index) => index % 5 === 0);
  const playAll = (all: readonly string[], options?: PlayOptions) =>
    all.map((letters) => ({ letters, played: playLetters(letters, options) }));
  const all = playAll(MANY);

  /** The runs for which it does not hold. */
  const breaches = (
    holds: (index: number, played: readonly Played[], letters: string) => boolean,
    among: ReturnType<typeof playAll> = all,
  ): readonly string[] =>
    among.flatMap(({ letters, played }) =>
      [...played.keys()].filter((index) => !holds(index, played, letters)).map((index) => `${letters}[${index}]`),
    );
  const seenOf = (played: Played | undefined) => played?.state.instances["lapi-reachable"]?.confirmed;
  /** What counts: level and code. */
  const factOf = (played: Played | undefined): string =>
    JSON.stringify([seenOf(played)?.level ?? "fine", seenOf(played)?.code]);
  const NOTHING = factOf(undefined);

  test("it is told exactly when what counts has changed, and never twice", () => {
    const holds = (index: number, played: readonly Played[]): boolean =>
      (played[index]?.text !== "") === (factOf(played[index]) !== factOf(played[index - 1]));
    expect(breaches(holds)).toEqual([]);
  });

  test("the exit code is that of what counts", () => {
    const CODES: Readonly<Record<string, number>> = { fine: 0, unknown: 0, warn: 1, fail: 2 };
    const holds = (index: number, played: readonly Played[]): boolean => {
      const { confirmed, state } = played[index] ?? {};
      return (
        confirmed?.exitCode === CODES[seenOf(played[index])?.level ?? "fine"] && state?.exitCode === confirmed?.exitCode
      );
    };
    expect(breaches(holds)).toEqual([]);
  });

  test("a single bad run among good ones is never told", () => {
    const holds = (index: number, played: readonly Played[], letters: string): boolean =>
      !/GG[^G]$/.test(letters.slice(0, index + 1)) || played[index]?.text === "";
    expect(breaches(holds)).toEqual([]);
  });

  test("what two runs in a row saw is what counts", () => {
    const LEVELS: Readonly<Record<string, string>> = { G: "fine", B: "fail", C: "fail", W: "warn", U: "unknown" };
    const holds = (index: number, played: readonly Played[], letters: string): boolean => {
      const level = LEVELS[letters[index] ?? ""];
      return (
        letters[index] !== letters[index - 1] ||
        level === undefined ||
        (seenOf(played[index])?.level ?? "fine") === level
      );
    };
    expect(breaches(holds)).toEqual([]);
  });

  test("after enough good runs nothing is remembered", () => {
    for (const letters of SOME) expect(playLetters(`${letters}GGG`).at(-1)?.state.instances).toEqual({});
  });

  test("no more is remembered than is looked at", () => {
    const holds = (index: number, played: readonly Played[]): boolean =>
      Object.values(played[index]?.state.instances ?? {}).every(
        ({ seen, at }) => seen.length <= 3 && at.length === seen.length,
      );
    expect(breaches(holds)).toEqual([]);
  });

  test("what was not delivered is told at the next run, as far as it still holds", () => {
    const delivered = (index: number): boolean => index % 2 === 1;
    for (const { letters, played } of playAll(SOME, { delivered })) {
      let known = NOTHING;
      for (const [index, run] of played.entries()) {
        const fact = factOf(run);
        // That it is well waits while it is seen not to be.
        const isWaiting = fact === NOTHING && /[BCWU]/.test(letters[index] ?? "");
        expect({ letters, index, told: run.text !== "" }).toEqual({
          letters,
          index,
          told: fact !== known && !isWaiting,
        });
        if (run.text !== "" && delivered(index)) known = fact;
      }
    }
  });

  test("what was not delivered does not change what counts", () => {
    const codesOf = (options?: PlayOptions) => playAll(SOME, options).map(({ played }) => codes(played));
    expect(codesOf({ delivered: () => false })).toEqual(codesOf());
  });
});

describe("since when", () => {
  test("a trouble is as old as the first run that saw it", () => {
    const [change] = playLetters("GBGB")[3]?.confirmed.changes ?? [];
    expect(change).toMatchObject({ kind: "worse", since: runAt(1).toISOString(), summary: "it refuses" });
  });

  test("it is over with the first good run, and was as long as all of it", () => {
    const [change] = playLetters("GBBGCWWGG")[8]?.confirmed.changes ?? [];
    expect(change).toMatchObject({ kind: "well", since: runAt(7).toISOString(), afterMs: 6 * EVERY_MS });
    expect(change?.was).toMatchObject({ level: "warn", since: runAt(1).toISOString() });
  });

  test("another fault does not make it younger", () => {
    const [change] = playLetters("BCC")[2]?.confirmed.changes ?? [];
    expect(change).toMatchObject({ kind: "other", since: runAt(0).toISOString(), is: { code: "tcp-timeout" } });
  });

  test("the remembered sentence is one of what counts, not of a single other run", () => {
    const summaryOf = (letters: string) => playLetters(letters).at(-1)?.state.instances["lapi-reachable"]?.summary;
    expect(summaryOf("WWB")).toBe("it is slow");
    expect(summaryOf("GWB")).toBe("it is slow");
    expect(summaryOf("BG")).toBe("it refuses");
    expect(summaryOf("BC")).toBe("it is silent");
  });
});

describe("a clock and a host that do not keep time", () => {
  const times = (...minutes: readonly number[]): PlayOptions => ({
    timeOf: (index) => new Date(START.getTime() + (minutes[index] ?? 0) * MINUTE_MS),
  });
  const month = 30 * 24 * 60;

  test("what was seen before a long sleep is no evidence for what is seen after it", () => {
    expect(told(playLetters("GGBB", times(0, 5, 10, 15)))).toBe("...W");
    expect(told(playLetters("GGBBB", times(0, 5, 10, 10 + month, 15 + month)))).toBe("....W");
    expect(told(playLetters("GGBBG", times(0, 5, 10, 10 + month, 15 + month)))).toBe(".....");
  });

  test("what counted before it goes on to count", () => {
    const played = playLetters("BBBBGG", times(0, 5, 10, 10 + month, 15 + month, 20 + month));
    expect({ told: told(played), codes: codes(played) }).toEqual({ told: "W....g", codes: "222220" });
    expect(played[5]?.confirmed.changes[0]?.afterMs).toBe((15 + month) * MINUTE_MS);
  });

  test("a daily run, a weekly one, and one by hand in between are damped like any other", () => {
    const day = 24 * 60;
    expect(told(playLetters("GBB", times(0, day, 2 * day)))).toBe("..W");
    expect(told(playLetters("GBB", times(0, 7 * day, 14 * day)))).toBe("..W");
    expect(told(playLetters("GGBB", times(0, 5, 6, 10)))).toBe("...W");
    // Two lines of a crontab that share a state and come right after each other.
    const pairs = Array.from({ length: 12 }, (_, index) => Math.floor(index / 2) * day + (index % 2) / 10);
    expect(told(playLetters("GGGGBBBBBBBB", { ...times(...pairs), rule: { needed: 3, of: 5 } }))).toBe("......W.....");
  });

  test("another interval costs one run at most", () => {
    expect(told(playLetters("GGBBB", times(0, 5, 10, 10 + 12 * 60, 10 + 24 * 60)))).toBe("....W");
  });

  test("a clock that is set back leaves nothing in the future", () => {
    const before = playLetters("BB", times(month, month + 5)).at(-1)?.state;
    const [first, ...rest] = playLetters("BGG", { before });
    expect(first?.text).toBe("");
    for (const time of JSON.stringify(first?.state).match(/\d{4}-\d\d-\d\dT[^"]+/g) ?? [])
      expect(Date.parse(time)).toBeLessThanOrEqual(START.getTime());
    expect(told(rest)).toBe(".g");
    expect(rest[1]?.confirmed.changes[0]?.afterMs).toBe(EVERY_MS);
  });
});

describe("another --confirm than before", () => {
  const changed = (letters: string, rule: PlayOptions["rule"], next: string, then: PlayOptions["rule"]): string => {
    const before = playLetters(letters, { ...(rule && { rule }) }).at(-1)?.state;
    const timeOf = (index: number): Date => runAt(letters.length + index);
    return told(playLetters(next, { before, timeOf, ...(then && { rule: then }) }));
  };

  test("takes what was seen under the one before", () => {
    expect(changed("GBGB", { needed: 3, of: 5 }, "GG", { needed: 2, of: 3 })).toBe("..");
    expect(changed("GBGB", { needed: 3, of: 5 }, "B", { needed: 2, of: 3 })).toBe("W");
    expect(changed("GB", { needed: 2, of: 3 }, "BBB", { needed: 4, of: 6 })).toBe("..W");
    expect(changed("GB", { needed: 2, of: 3 }, "B", { needed: 1, of: 1 })).toBe("W");
  });

  test("never makes something bad of a run that saw it well", () => {
    expect(changed("GB", { needed: 3, of: 5 }, "G", { needed: 1, of: 3 })).toBe(".");
  });
});

describe("a run that could judge nothing", () => {
  const bare = cronReport([finding("clock", "unknown"), finding("lapi-reachable", "unknown")]);
  const full = cronReport([finding("clock", "pass"), finding("lapi-reachable@agent", "pass")]);
  const bad = cronReport([finding("clock", "pass"), finding("lapi-reachable@agent", "fail")]);

  test("is damped, and counts when it goes on", () => {
    expect(codes(play([full, bare, full, bare, bare]))).toBe("00033");
    expect(codes(play([bare, bare]))).toBe("33");
    expect(told(play([bare, full, full]))).toBe("WW.gg");
  });

  test("says nothing of the targets that it did not get to", () => {
    expect(codes(play([bad, bare, bare, bare, bad]))).toBe("22222");
    expect(told(play([bad, bare, bad, full, full]))).toBe("W...g");
  });
});

describe("two lines of a crontab that share a state", () => {
  const one = (status: "pass" | "fail") =>
    cronReport([finding("clock", status), finding("lapi-reachable", "skip", { summary: "not selected" })]);
  const other = (status: "pass" | "fail") =>
    cronReport([
      finding("clock", "skip", { summary: "not selected" }),
      finding("lapi-reachable@agent", status),
      finding("lapi-reachable@cscli", "pass"),
    ]);

  test("leave each other's findings alone, and exit by their own", () => {
    const played = play([
      one("pass"),
      other("fail"),
      one("pass"),
      other("fail"),
      one("pass"),
      one("pass"),
      other("fail"),
    ]);
    expect({ told: told(played), codes: codes(played) }).toEqual({ told: "...W...", codes: "0002002" });
    expect(Object.keys(played.at(-1)?.state.instances ?? {})).toEqual(["lapi-reachable@agent"]);
  });
});

test("an interrupted run changes nothing and tells nothing", () => {
  const before = playLetters("GB").at(-1)?.state;
  const interrupted = REPORTS["interrupted"];
  if (!interrupted || !before) throw new Error("there is no such report");
  expect(confirm(before, interrupted, TWO_OF_THREE, runAt(9))).toEqual({ state: before, changes: [], exitCode: 130 });
  const [first] = play([interrupted]);
  expect(first).toMatchObject({ text: "", confirmed: { exitCode: 130, changes: [] } });
});

test("at the first run, the exit code is the report's own, whatever it saw", () => {
  for (const report of Object.values(REPORTS))
    expect(confirm(undefined, report, TWO_OF_THREE, runAt(0)).exitCode).toBe(report.summary.exitCode);
});

test("the exit code of a warning is 0 where the run was asked for failures only", () => {
  const report = (letter: string) => ({
    ...reportOf(letter),
    run: { ...reportOf(letter).run, failOn: "fail" as const },
  });
  const played = play([report("W"), report("W")]);
  expect({ told: told(played), codes: codes(played) }).toEqual({ told: "W.", codes: "00" });
});

describe("names and sentences from outside", () => {
  test("may be called like what every object has", () => {
    const names = ["__proto__", "constructor", "hasOwnProperty", "toString"];
    const played = play([
      cronReport([]),
      cronReport([]),
      ...[1, 2].map(() => cronReport(names.map((name) => finding(name, "fail")))),
    ]);
    expect(played.at(-1)?.confirmed.changes.map(({ instance }) => instance)).toEqual(names);
    expect(Object.keys(played.at(-1)?.state.instances ?? {})).toEqual(names);
    expect(({} as Readonly<Record<string, unknown>>)["confirmed"]).toBeUndefined();
    // Of names that nobody reported, nothing is known.
    expect(codes(play([reportOf("G"), cronReport(names.map((name) => finding(name, "pass")))]))).toBe("00");
  });

  test("of any length are told apart, and the state can be read again", () => {
    const long = `config-files@/${"x".repeat(2000)}`;
    const report = cronReport(
      [`${long}1`, `${long}2`, "a\u202eb\nc"].map((name) => finding(name, "fail", { summary: `s\u0007${long}` })),
    );
    const [first] = play([report, report]);
    const keys = Object.keys(first?.state.instances ?? {});
    expect(keys).toEqual([keyOf(`${long}1`), keyOf(`${long}2`), "a b c"]);
    expect(new Set(keys).size).toBe(3);
    for (const key of keys) expect(key.length).toBeLessThanOrEqual(LONGEST_NAME);
  });

  test("are more than a state holds: the worst are kept, and it can be read again", () => {
    const findings = Array.from({ length: MOST_INSTANCES + 500 }, (_, index) =>
      finding(`metrics-target@${index}`, index >= MOST_INSTANCES ? "fail" : "warn", { summary: "é".repeat(500) }),
    );
    const { state } = confirm(undefined, cronReport(findings), TWO_OF_THREE, runAt(0));
    const text = stateText(state);
    expect(Buffer.byteLength(text)).toBeLessThan(4_000_000);
    expect(readState(text)).toEqual(state);
    expect(Object.values(state.instances).filter(({ confirmed }) => confirmed.level === "fail")).toHaveLength(500);

    const words = { at: state.ranAt, sentence: "é".repeat(LONGEST_SUMMARY), advice: ["0123456789abcdef"] };
    const told = asTold(state, new Map(Object.keys(state.instances).map((key) => [key, words])), runAt(0));
    expect(Buffer.byteLength(stateText(told))).toBeLessThan(4_000_000);
    expect(Object.values(told.instances).every((one) => one.told !== undefined && !one.told.words)).toBe(true);
    expect(readState(stateText(told))).toEqual(told);
  });
});

test("how long the longest pause was is forgotten by halves", () => {
  const pace = (state: State | undefined): number => state?.paceMs ?? -1;
  const gaps = [0, 5 * MINUTE_MS, DAY_MS, 5 * MINUTE_MS, 5 * MINUTE_MS];
  let now = START.getTime();
  const times = gaps.map((gap) => {
    now += gap;
    return new Date(now);
  });
  const played = playLetters("GGGGG", { timeOf: (index) => times[index] ?? START });
  expect(played.map(({ state }) => pace(state))).toEqual([-1, 5 * MINUTE_MS, DAY_MS, 12 * HOUR_MS, 6 * HOUR_MS]);
});
