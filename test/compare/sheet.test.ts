import { expect, test } from "@jest/globals";
import { createSheet, listed, showTime } from "../../src/compare/sheet.ts";
import { counted } from "../../src/model/text.ts";

const PLAIN = { color: false, ascii: false, width: 80 };
const names = (count: number): string[] => Array.from({ length: count }, (_none, index) => `h${index + 1}`);

test("long lists are cut, and say by how much", () => {
  expect(listed(names(3))).toBe("h1, h2, h3");
  expect(listed(names(13))).not.toContain("more");
  expect(listed(names(14))).toMatch(/, h12 and 2 more$/);
  expect(listed(["x".repeat(5000)]).length).toBeLessThan(200);
});

test("a paragraph is indented under its symbol, and no line is wider than the screen", () => {
  const lines = createSheet(PLAIN).marked("fail", "word ".repeat(60));
  expect(lines[0]).toMatch(/^✗ word/);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  for (const line of lines.slice(1)) expect(line).toMatch(/^ {2}word/);
});

test("text of any length ends, in time that people wait", () => {
  const begun = performance.now();
  const lines = createSheet(PLAIN).paragraph(0, "a ".repeat(1_000_000));
  expect(lines.join(" ").length).toBeLessThan(2000);
  expect(performance.now() - begun).toBeLessThan(2000);
});

test("with --ascii nothing else is there", () => {
  const { marked, page } = createSheet({ ...PLAIN, ascii: true });
  expect(page(marked("pass", "a → b … é"))).toBe("+ a -> b ... ?\n");
});

test("with colour the symbol keeps its word", () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what colour is made of
  expect(createSheet({ ...PLAIN, color: true }).badge("fail", "fail")).toMatch(/^\u001b\[31m✗ fail\u001b\[39m$/);
});

test("numbers and times are as people write them", () => {
  expect([counted(1, "host"), counted(2, "host")]).toEqual(["1 host", "2 hosts"]);
  expect(showTime("2026-06-15T12:00:00.000Z")).toBe("2026-06-15 12:00:00Z");
  expect(showTime("whenever")).toBe("whenever");
});
