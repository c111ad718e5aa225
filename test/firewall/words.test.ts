import { expect, test } from "@jest/globals";
import { isHostName, quotable, rangeOf } from "../../src/firewall/words.ts";
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

test.each<[string, string | undefined]>([
  ["10.0.0.0/8", "10.0.0.0/8"],
  ["10.0.0.1", "10.0.0.1"],
  ["2001:db8::/32", "2001:db8::/32"],
  ["2001:db8::1", "2001:db8::1"],
  ["0.0.0.0/0", "0.0.0.0/0"],
  ["::/0", "::/0"],
  // What no rule of IPv6 ever matches.
  ["::ffff:1.2.3.4", "1.2.3.4"],
  ["::FFFF:102:304", "1.2.3.4"],
  ["0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4"],
  ["::ffff:10.0.0.0/104", "10.0.0.0/8"],
  ["::ffff:0:0/96", "0.0.0.0/0"],
  ["::ffff:0:0/90", "::ffff:0:0/90"],
  ["10.0.0.0/33", undefined],
  ["10.0.0.0/8; reboot", undefined],
  ["fe80::1%eth0", undefined],
  ["example", undefined],
  ["", undefined],
])("%j stands in a rule as %j", (text, expected) => {
  expect(rangeOf(text)).toBe(expected);
});

test("nothing that could end a comment in quotation marks is left in it", () => {
  expect(quotable(HOSTILE, 120)).toMatch(/^[\w .,:;/()@-]+$/);
  expect(quotable("x".repeat(500), 120)).toHaveLength(120);
});
