import { expect, test } from "@jest/globals";
import { viewsOf } from "../../src/redaction/views.ts";

/** Where a value is read in any view, as it was written. */
const written = (text: string, value: string): readonly string[] => [
  ...new Set(
    [...viewsOf(text, true)].flatMap(({ view }) => {
      const at = view.text.indexOf(value);
      return at < 0 ? [] : [text.slice(view.begin(at), view.end(at + value.length))];
    }),
  ),
];

test.each([
  ["x a\\u0062c y", "abc", "a\\u0062c"],
  ["x \\x61bc y", "abc", "\\x61bc"],
  ['x a\\\\\\"c y', 'a"c', 'a\\\\\\"c'],
  ["x a%62c y", "abc", "a%62c"],
  ["x %c3%a9t y", "ét", "%c3%a9t"],
  ["x a+b y", "a b", "a+b"],
  ["x a&amp;b&#39;c y", "a&b'c", "a&amp;b&#39;c"],
  ["x 'a''b' y", "a'b", "a''b"],
  ["x 'a'\\''b' y", "a'b", "a'\\''b"],
  ["x a\n   b y", "a b", "a\n   b"],
  ["x a\\\n   b y", "ab", "a\\\n   b"],
  ["%zz abc", "abc", "abc"],
])("in %j, %j is read where %j stands", (text, value, expected) => {
  expect(written(text, value)).toContain(expected);
});
