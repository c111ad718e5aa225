import { expect, test } from "@jest/globals";
import { isHostName, isRange, quotable } from "../../src/firewall/words.ts";
import { HOSTILE } from "./lists.ts";

test.each<[string, boolean]>([
  ["api.crowdsec.net", true],
  ["db_1", true],
  ["xn--bcher-kva.example", true],
  ["a".repeat(63), true],
  ["a".repeat(64), false],
  [`${"a.".repeat(126)}ab`, false],
  ["10.0.0.1", false],
  ["", false],
  [".example", false],
  ["a..b", false],
  ["-a.example", false],
  ["a example", false],
  ["a\nb", false],
  ["a;b", false],
  ["$(a)", false],
  ["a'b", false],
  ["bücher.example", false],
  [HOSTILE, false],
])("whether %j is a host name, which may stand in a rule: %p", (text, expected) => {
  expect(isHostName(text)).toBe(expected);
});

test.each<[string, boolean]>([
  ["10.0.0.0/8", true],
  ["10.0.0.1", true],
  ["2001:db8::/32", true],
  ["2001:db8::1", true],
  ["10.0.0.0/33", false],
  ["10.0.0.0/8; reboot", false],
  ["fe80::1%eth0", false],
  ["example", false],
  ["", false],
])("whether %j is a range: %p", (text, expected) => {
  expect(isRange(text)).toBe(expected);
});

test("nothing that could end a comment in quotation marks is left in it", () => {
  expect(quotable(HOSTILE, 120)).toMatch(/^[\w .,:;/()@-]+$/);
  expect(quotable("x".repeat(500), 120)).toHaveLength(120);
});
