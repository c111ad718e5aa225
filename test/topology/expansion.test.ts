import { describe, expect, test } from "@jest/globals";
import type { Version } from "../../src/model/version.ts";
import { expand, expansionOfConfig, expansionOfCredentials, references } from "../../src/topology/expansion.ts";

/** `${NAME}`, which the linter would take for a mistake. */
const braced = (name: string): string => `$\{${name}}`;

const ENVIRONMENT = { PORT: "6060", EMPTY: "", A_1: "a", HOME: "/root", B: "$PORT" };

describe("which rules hold", () => {
  test.each<[string, Version | undefined, string, string]>([
    ["1.4.6", [1, 4, 6], "empty", "untouched"],
    ["1.5.0", [1, 5, 0], "strict", "untouched"],
    ["1.6.2", [1, 6, 2], "strict", "untouched"],
    ["1.6.3", [1, 6, 3], "strict", "strict"],
    ["1.7.8", [1, 7, 8], "strict", "strict"],
    ["a version that nobody knows", undefined, "strict", "strict"],
  ])("in %s", (_name, version, config, credentials) => {
    expect([expansionOfConfig(version), expansionOfCredentials(version)]).toEqual([config, credentials]);
  });
});

test.each(["$PORT", braced("PORT"), "pa$$w0rd", "$NOWHERE"])("where nothing is expanded, %s stays", (text) => {
  expect(expand(text, "untouched", ENVIRONMENT)).toBe(text);
});

describe("strictly, as CrowdSec since 1.5.0", () => {
  test.each([
    ["$PORT", "6060"],
    [braced("PORT"), "6060"],
    [`127.0.0.1:${braced("PORT")}/`, "127.0.0.1:6060/"],
    ["$PORT$A_1", "6060a"],
    ["x$EMPTY.", "x."],
    ["$B", "$PORT"],
  ])("%s becomes %s", (text, expected) => {
    expect(expand(text, "strict", ENVIRONMENT)).toBe(expected);
  });

  test.each([
    "$NOWHERE",
    braced("NOWHERE"),
    "$PORTX",
    "pa$$w0rd",
    "$",
    "a$",
    "$-",
    braced(""),
    braced("PORT").slice(0, -1),
    "$constructor",
    braced("toString"),
    "$__proto__",
  ])("%s stays as it is: a password may hold a dollar sign", (text) => {
    expect(expand(text, "strict", ENVIRONMENT)).toBe(text);
  });
});

describe("as os.ExpandEnv does, CrowdSec 1.4", () => {
  test.each([
    ["$PORT", "6060"],
    [braced("PORT"), "6060"],
    ["$PORT$A_1", "6060a"],
    ["$B", "$PORT"],
    // What the real 1.4.6 makes of such a password.
    ["pa$$w0rd", "paw0rd"],
    ["pa$w0rd", "pa"],
    ["pa$1word", "paword"],
    ["$NOWHERE", ""],
    [`a${braced("NOWHERE")}b`, "ab"],
    ["$constructor.", "."],
    ["a$!b$?c$*d$#e$@f$-g", "abcdefg"],
    [braced("$"), ""],
    [braced(""), ""],
    [`pa${braced("word").slice(0, -1)}`, "paword"],
  ])("%s becomes %j", (text, expected) => {
    expect(expand(text, "empty", ENVIRONMENT)).toBe(expected);
  });

  test.each(["$", "a$", "$%", "$ PORT", "$/x", "100 $."])("a dollar sign before no name stays: %s", (text) => {
    expect(expand(text, "empty", ENVIRONMENT)).toBe(text);
  });
});

test("the names that a text refers to are found, each form of them", () => {
  expect(references(`brokers: [$HOST:9092]\npassword: ${braced("SASL_1")}x$HOST\nprice: 5$ $$ \n`)).toEqual([
    "HOST",
    "SASL_1",
    "HOST",
  ]);
});
