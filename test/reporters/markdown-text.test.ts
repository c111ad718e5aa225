import { describe, expect, test } from "@jest/globals";
import { cell, code, fenced, prose } from "../../src/reporters/markdown-text.ts";

describe("prose", () => {
  test.each([
    ["Put the right password in, then don't start half-open things again.", undefined],
    ["Waited 5.1 s, 87% of it (for nothing); why? Nobody knows!", undefined],
    ["agent → Local API · 日本 é", undefined],
    ["look at /etc/crowdsec/config.yaml:47.", "look at `/etc/crowdsec/config.yaml:47`."],
    ["dial tcp 10.3.7.9:8080: i/o timeout", "dial tcp `10.3.7.9:8080`: i/o timeout"],
    ["taken from bookworm/main, and/or by hand", undefined],
    ["a/b/c, /etc/x, tcp/443, ./x", "`a/b/c`, `/etc/x`, `tcp/443`, `./x`"],
    ["api.crowdsec.net refuses (10.0.0.5, fe80::1)", "`api.crowdsec.net` refuses (`10.0.0.5`, `fe80::1`)"],
    ["Look with `ss -ltn 'sport = :80'`, then wait.", "Look with `ss -ltn 'sport = :80'`, then wait."],
    ['he said "api_key" (`a b`).', 'he said "`api_key`" (`a b`).'],
    ["two  spaces\nand a line", "two spaces and a line"],
    ["", undefined],
  ])("%j stays a sentence, in which what is no word is code", (text, expected) => {
    expect(prose(text)).toBe(expected ?? text);
  });

  test.each([
    ...["<script>alert(1)</script>", "<!--", "&amp;", "</details>", "<@123>"],
    ...[
      "@everyone",
      "@crowdsecurity/team",
      "me@mail.example",
      "#123",
      "a/b#12",
      "a/b@c",
      "a/b@deadbeef1",
      "//x",
      "GH-12",
      "deadbeef1",
    ],
    ...["https://x.example/?y=1", "www.x.example", "x.com", "ftp://x", "[x](http://y)", "![x](y)", "[ ]", "[quote]"],
    ...["# h", "---", "===", "***", "**b**", "_e_", "~~s~~", "||s||", "> q", "- x", "+ x", "* x"],
    ...["$x$", ":warning:", ":)", "\\", "x\\", "(c)", "|"],
  ])("%j is shown letter by letter, and is nothing but text", (text) => {
    const letters = (shown: string): string => shown.replace(/[` ]/g, "");
    expect(letters(prose(text))).toBe(letters(text));
    expect(bare(prose(text))).toMatch(INERT);
  });

  test("a number at the beginning begins no list, anywhere else it is a number", () => {
    expect(prose("1. x")).toBe("`1.` x");
    expect(prose("1) x")).toBe("`1)` x");
    expect(prose("of the 5. try")).toBe("of the 5. try");
  });
});

/** Without its code, by the rule of CommonMark: as many backticks as opened it close it. */
const bare = (text: string): string => text.replace(/(?<!`)(`+)(?!`)(.*?[^`])\1(?!`)/g, "");

/** What can be neither mark-up nor a link, a mention or a reference. */
const INERT = /^(?:[\p{L}\p{M}\p{N}\s.,;:!?…"'’()%→·–—-]|(?<=\p{L})\/(?=\p{L}))*$/u;

/** Always the same, so that a failure can be looked at again. */
const createRandom = (): ((below: number) => number) => {
  let state = 42;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
};

test("nothing but words is left outside of code, whatever stands beside what", () => {
  const random = createRandom();
  const bits = [
    "`",
    "``",
    "```",
    "|",
    "\\",
    "<b>",
    "@x",
    "#1",
    "*",
    "_",
    "[x](y)",
    "http://x",
    "i/o",
    "word",
    "(",
    ")",
    '"',
    ".",
  ];
  for (let round = 0; round < 20_000; round += 1) {
    const parts = Array.from({ length: 1 + random(7) }, () => `${bits[random(bits.length)]}${random(2) ? " " : ""}`);
    const shown = bare(prose(parts.join("")));
    expect({ parts, shown }).toEqual({ parts, shown: expect.stringMatching(INERT) });
  }
});

test.each([
  ["a", "`a`"],
  ["a`b", "``a`b``"],
  ["`", "`` ` ``"],
  ["```", "```` ``` ````"],
  ["a\nb\u202ec", "`a b c`"],
  ["", ""],
])("code of %j has a fence that is longer than what it holds", (text, expected) => {
  expect(code(text)).toBe(expected);
});

test("a bar does not end a cell, with a backslash before it either", () => {
  expect(cell("`a|b||c`")).toBe("`a\\|b\\|\\|c`");
  expect(cell("`a\\|b`")).toBe("`a\\¦b`");
});

test("commands are a block of their own, that none of them can end", () => {
  expect(fenced(["ls", "echo ````"], 2)).toEqual(["  `````sh", "  ls", "  echo ````", "  `````"]);
  expect(fenced(["a\n```\nb"], 0)).toEqual(["````sh", "a ``` b", "````"]);
});
