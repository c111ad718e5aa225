import { expect, test } from "@jest/globals";
import { duration, fill, printable, printableDeep } from "../../src/model/text.ts";

test("control characters and bidirectional overrides become a space", () => {
  expect(printable("a\u001b[31mred\u0007\u009b0m\u202edne\r\nend")).toBe("a [31mred 0m dne end");
});

test("long text ends with an ellipsis at the limit", () => {
  expect(printable("x".repeat(500), 10)).toBe(`${"x".repeat(9)}…`);
});

test("every string in a value is cleaned, everything else stays", () => {
  expect(printableDeep({ a: ["\u0000x", 1, null, true], b: { c: "y\u001b" } })).toEqual({
    a: ["x", 1, null, true],
    b: { c: "y" },
  });
});

test("placeholders are filled once; an unknown one stays visible; a filled value is not filled again", () => {
  expect(fill("{host}:{port} {nothing}", { host: "{port}", port: 443 })).toBe("{port}:443 {nothing}");
});

test("durations read as a person says them", () => {
  expect([duration(0.4), duration(41.6), duration(999.4), duration(1800)]).toEqual([
    "0 ms",
    "42 ms",
    "999 ms",
    "1.8 s",
  ]);
});
