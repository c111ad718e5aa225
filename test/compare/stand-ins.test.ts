import { expect, test } from "@jest/globals";
import { hasStandIn, withoutNames, withoutNumbers } from "../../src/compare/stand-ins.ts";

test("numbers of stand-ins say nothing, other numbers do", () => {
  expect(withoutNumbers("http://REDACTED-3:REDACTED-12@a-7/")).toBe("http://REDACTED:REDACTED@a-7/");
});

test.each([
  ["REDACTED-1", true],
  ["http://u:REDACTED@a/", true],
  ["PREDACTED", false],
  ["", false],
])("a secret stood in %j: %s", (text, expected) => {
  expect(hasStandIn(text)).toBe(expected);
});

test.each([
  ["http://10.0.0.5:8080/", "http://192.0.2.9:8080/", true],
  ["fd00::1", "2001:db8::7", true],
  ["lapi.corp.example:8080", "host-1.example:8080", true],
  ["[10.0.0.0/8, ::1]", "[10.0.0.0/16, ::1]", false],
  ["info", "debug", false],
  ["/var/log/a", "/srv/log/a", false],
])("%j and %j can be one thing and its pseudonym: %s", (one, other, expected) => {
  expect(withoutNames(one) === withoutNames(other)).toBe(expected);
});
