import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { parseEnvironmentFile, parsePamEnvironment } from "../../src/topology/environment-file.ts";
import { makeFolder } from "../support/folder.ts";

const valuesOf = (...lines: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(parseEnvironmentFile(lines.join("\n")).map(({ name, value }) => [name, value]));

/** Lines of EnvironmentFile=, and what systemd 252 makes of them. */
const RULES: readonly (readonly [string, readonly string[], Readonly<Record<string, string>>])[] = [
  ["a plain value, without the blanks around it", [" A = plain  "], { A: "plain" }],
  ["a value with spaces", ["A=one two  three "], { A: "one two  three" }],
  ["double quotes, in which a shell's escapes go away", ['A="x \\" \\\\ \\x \\$y"  '], { A: 'x " \\ \\x $y' }],
  ["single quotes, in which nothing is one", ["A='x \" \\'"], { A: 'x " \\' }],
  ["quotes that end before the value does", ['A="a"b c"d"'], { A: 'ab c"d"' }],
  ["a value over two lines", ["A=a\\", "  b"], { A: "a  b" }],
  ["a quoted value over two lines", ['A="two', 'lines"', "B=1"], { A: "two\nlines", B: "1" }],
  ["a backslash before any character", ["A=a\\ b\\n"], { A: "a bn" }],
  ["a blank that a backslash keeps", ["A=tail\\ ", "B=1"], { A: "tail ", B: "1" }],
  ["comments, which begin a line and end with it", ["# A=1", "; B=1", "C=x;y#z"], { C: "x;y#z" }],
  ["a line without an equals sign", ["no variable", "A=1"], { A: "1" }],
  ["a name that is none", ["BAD-N=1", "1A=1", "export K=1", "A=1"], { A: "1" }],
  ["the last of several of one name", ["A=1", "A=2"], { A: "2" }],
  ["a file that ends in the middle of a value", ['A="open'], { A: "open" }],
  ["a file that ends in a backslash", ["A=x\\"], { A: "x" }],
];

test.each(RULES)("EnvironmentFile: %s is read as systemd reads it", (_what, lines, variables) => {
  expect(valuesOf(...lines)).toEqual(variables);
});

test("an empty value is a variable too, which takes the place of one with a value", () => {
  expect(valuesOf("A=1", "A=", "C=x\ty")).toEqual({ A: "", C: "x\ty" });
});

test("a variable is known by the line on which it begins", () => {
  const lines = parseEnvironmentFile(["# proxy", 'A="one', 'two"', "", "B=x\\", "y", "C=1"].join("\n"));
  expect(lines.map(({ name, line }) => [name, line])).toEqual([
    ["A", 2],
    ["B", 5],
    ["C", 7],
  ]);
});

const GENERATOR = "/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator";

/** What it prints is a shell's: `NAME=value` with quotes where needed. */
const unquoted = (text: string): string =>
  /^"(.*)"$/s.exec(text)?.[1]?.replace(/\\(.)/gs, (_whole, char: string) => (char === "n" ? "\n" : char)) ?? text;

(existsSync(GENERATOR) ? describe : describe.skip)("beside the parser of the systemd that is installed here", () => {
  const folder = makeFolder();
  afterAll(folder.remove);

  // environment.d(5) is read by the same code; `$` is left out, which only that one expands.
  test.each(RULES.filter(([, lines]) => !lines.join("").includes("$")))("%s", (_what, lines, variables) => {
    folder.write("environment.d/90-test.conf", lines.join("\n"));
    const { stdout } = spawnSync(GENERATOR, {
      env: { XDG_CONFIG_HOME: folder.path, HOME: folder.path },
      encoding: "utf8",
    });
    const shown = new Map(stdout.split("\n").map((line) => [line.replace(/=.*/s, ""), line.replace(/^[^=]*=/, "")]));
    expect(Object.fromEntries(Object.keys(variables).map((name) => [name, unquoted(shown.get(name) ?? "")]))).toEqual(
      variables,
    );
    expect(["K", "BAD-N", "1A"].filter((name) => shown.has(name))).toEqual([]);
  });
});

test.each([
  ["a plain one", "http_proxy=http://proxy:3128", "http://proxy:3128"],
  ["one in double quotes", 'http_proxy="http://proxy:3128"', "http://proxy:3128"],
  ["one in single quotes, exported", "  export http_proxy='http://proxy:3128'  ", "http://proxy:3128"],
  ["one with a comment behind it", "http_proxy=http://proxy:3128 # ours", "http://proxy:3128"],
  ["one in half a pair of quotes", 'http_proxy="http://proxy:3128', "http://proxy:3128"],
])("/etc/environment: %s is read as pam_env reads it", (_what, line, value) => {
  expect(parsePamEnvironment(`# comment\n\n${line}\n`)).toEqual([{ name: "http_proxy", value, line: 3 }]);
});

test("/etc/environment: what is no assignment is passed over", () => {
  expect(parsePamEnvironment("a-b=1\n=x\nword\n#c=1\n")).toEqual([]);
});
