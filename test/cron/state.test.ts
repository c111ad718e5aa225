import { describe, expect, test } from "@jest/globals";
import {
  LONGEST_NAME,
  LONGEST_SUMMARY,
  MOST_INSTANCES,
  MOST_RUNS,
  type Remembered,
  readState,
  type State,
  StateError,
  stateText,
} from "../../src/cron/state.ts";

const AT = "2026-06-15T12:00:00.000Z";
const ONE: Remembered = {
  confirmed: { level: "fail", code: "tcp-refused" },
  since: AT,
  seen: [{ level: "fine" }, { level: "warn", code: "slow", sure: true }],
  at: [AT, AT],
  summary: "127.0.0.1:8080 refuses the connection → …",
  told: {
    level: "unknown",
    since: AT,
    words: { at: AT, cause: "lapi-refused", sentence: "it refuses", advice: ["0123456789abcdef", "00"] },
  },
  foretold: true,
};
const STATE: State = {
  schemaVersion: 1,
  ranAt: AT,
  paceMs: 300_000,
  toldAt: AT,
  exitCode: 2,
  instances: { "lapi-reachable@agent": ONE, clock: { ...ONE, seen: [], at: [] } },
};

const problemOf = (content: string): string => {
  try {
    readState(content);
  } catch (error) {
    if (error instanceof StateError) return error.message;
    throw error;
  }
  return "none";
};
const damaged = (state: object): string => problemOf(JSON.stringify(state));
const one = (rest: object): string => damaged({ ...STATE, instances: { "lapi-tls": { ...ONE, ...rest } } });

test("what is written is what is read", () => {
  expect(readState(stateText(STATE))).toEqual(STATE);
  const { paceMs: _paceMs, toldAt: _toldAt, ...least } = STATE;
  expect(readState(stateText({ ...least, instances: {} }))).toEqual({ ...least, instances: {} });
  expect(stateText(STATE).endsWith("}\n")).toBe(true);
});

test("what a later version adds is left out", () => {
  const { told, ...rest } = ONE;
  const more = { ...STATE, more: 1, instances: { clock: { ...rest, more: [], told: { ...told, more: {} } } } };
  expect(readState(JSON.stringify(more))).toEqual({ ...STATE, instances: { clock: { ...rest, told } } });
});

describe("a damaged file is told by what is wrong with it", () => {
  test("no text, half of it, or another file", () => {
    expect(problemOf("")).toBe("it is empty");
    expect(problemOf(" \n")).toBe("it is empty");
    expect(problemOf("\u0000".repeat(4096))).toBe("it is not JSON");
    expect(problemOf("null")).toBe("the whole should be an object");
    expect(problemOf("[]")).toBe("the whole should be an object");
    expect(problemOf("{}")).toBe("it has no schemaVersion");
  });

  test("truncated anywhere", () => {
    const text = stateText(STATE).trimEnd();
    for (let length = 0; length < text.length; length++)
      expect(problemOf(text.slice(0, length))).toMatch(/^it is (?:empty|not JSON)$/);
  });

  test("of another format", () => {
    expect(damaged({ ...STATE, schemaVersion: 2 })).toBe("it is of format 2, and this version knows 1");
    expect(damaged({ ...STATE, schemaVersion: "1" })).toBe("it has no schemaVersion");
  });

  test.each([
    [
      "ranAt",
      [
        undefined,
        null,
        0,
        "",
        "yesterday",
        "2026-02-31T00:00:00.000Z",
        "2026-06-15",
        `${AT} `,
        "2026-06-15T25:00:00.000Z",
      ],
    ],
    ["toldAt", [null, 0, "2026-06-15T12:00:00Z"]],
    ["paceMs", [null, -1, 0.5, "1", 1e300]],
    ["exitCode", [undefined, -1, 4, 130, 0.5, "0", null]],
    ["instances", [undefined, null, [], "x", 1]],
  ] as const)("%s", (key, values) => {
    for (const value of values) expect(damaged({ ...STATE, [key]: value })).toMatch(new RegExp(`^${key} should be `));
  });

  test.each([
    [
      "confirmed",
      [undefined, null, [], {}, { level: "bad" }, { level: "fail", code: 1 }, { level: "fail", code: "x".repeat(101) }],
    ],
    [
      "confirmed",
      [
        { level: "fail", sure: false },
        { level: "fail", sure: 1 },
        { level: "fail", code: "a\u001b[31m" },
      ],
    ],
    ["since", [undefined, "never", 1]],
    [
      "seen",
      [undefined, {}, [1], [{ level: "fine" }, null], Array.from({ length: MOST_RUNS + 1 }, () => ({ level: "fine" }))],
    ],
    ["at", [undefined, [AT], [AT, "then"], [AT, AT, AT]]],
    ["summary", [undefined, 1, "x".repeat(LONGEST_SUMMARY + 1), "two\nlines", "\u202e", " x"]],
    ["told", [null, {}, { level: "fine", since: AT }, { level: "fail" }, { level: "fail", code: [], since: AT }]],
    [
      "told.words",
      [
        null,
        {},
        { at: "then", sentence: "", advice: [] },
        { at: AT, sentence: "", advice: "x" },
        { at: AT, sentence: "", advice: ["x".repeat(17)] },
        { at: AT, sentence: "", advice: Array.from({ length: 21 }, () => "x") },
        { at: AT, sentence: "x".repeat(LONGEST_SUMMARY + 1), advice: [] },
        { at: AT, cause: 1, sentence: "", advice: [] },
      ],
    ],
    ["foretold", [false, 1, null]],
  ] as const)("%s of an instance", (key, values) => {
    for (const value of values)
      expect(one(key === "told.words" ? { told: { ...ONE.told, words: value } } : { [key]: value })).toMatch(
        new RegExp(`^instances\\.lapi-tls\\.${key}.* should be `),
      );
  });

  test("with more instances than there can be, or names that are none", () => {
    const many = Object.fromEntries(Array.from({ length: MOST_INSTANCES + 1 }, (_, index) => [`a@${index}`, ONE]));
    expect(damaged({ ...STATE, instances: many })).toBe(`instances should be of at most ${MOST_INSTANCES} instances`);
    for (const name of ["x".repeat(LONGEST_NAME + 1), "a\u0007", "a\nb"])
      expect(damaged({ ...STATE, instances: { [name]: ONE } })).toMatch(
        /^the name of an instance should be printable text/,
      );
  });

  test("and what is told of it is fit to show, whatever is in there", () => {
    const name = `${"x".repeat(200)}`;
    const message = damaged({ ...STATE, instances: { [name]: { ...ONE, since: "\u001b[31m" } } });
    expect(message).toMatch(/^instances\.x+… should be a time/);
    expect(message.length).toBeLessThan(150);
  });
});

test("names that every object knows are names like any other", () => {
  const text = stateText(STATE).replace('"clock"', '"__proto__"');
  const read = readState(text);
  expect(Object.keys(read.instances)).toEqual(["lapi-reachable@agent", "__proto__"]);
  expect(Object.getPrototypeOf(read.instances)).toBe(Object.prototype);
  expect(stateText(read)).toBe(text);
  // What stands in a prototype is not what stands in the file.
  expect(damaged({ schemaVersion: 1, ranAt: AT, exitCode: 0, toString: 1 })).toBe("instances should be an object");
});
