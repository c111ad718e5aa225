import { expect, test } from "@jest/globals";
import { createFinder, createProof } from "../../src/redaction/search.ts";

/** Numbers that look random and are the same each time. */
const numbers = (seed: number): ((below: number) => number) => {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % below;
  };
};

const WAYS = [
  ["by skipping", createFinder],
  ["by sums", createProof],
] as const;

test.each(WAYS)("many words are found %s, each wherever it stands, also where they overlap", (_way, create) => {
  const random = numbers(7);
  const letters = Array.from("ab\u00e9\u6f22");
  const word = (length: number): string => Array.from({ length }, () => letters[random(letters.length)]).join("");
  for (let round = 0; round < 200; round += 1) {
    const words = Array.from({ length: 1 + random(12) }, () => word(6 + random(4)));
    const text = word(random(400)) + (words[0] ?? "");
    const expected = words.flatMap((each, which) => {
      const found: string[] = [];
      for (let at = text.indexOf(each); at >= 0; at = text.indexOf(each, at + 1))
        found.push(`${at} ${at + each.length} ${which}`);
      return found;
    });
    const hits = create(words)(text).map(({ start, end, which }) => `${start} ${end} ${which}`);
    expect(hits.sort()).toEqual(expected.sort());
  }
});

test.each(WAYS)("words that are too short to be told from others are passed over, %s", (_way, create) => {
  expect(create(["abcde", ""])("abcde abcde")).toEqual([]);
  expect(create(["abcdef"])("abc")).toEqual([]);
  expect(create(["abcdef"])("abcdef")).toEqual([{ start: 0, end: 6, which: 0 }]);
});
