import { expect, test } from "@jest/globals";
import {
  isAwkward,
  isDuration,
  isNoSecret,
  isPath,
  isRandom,
  percentDecoded,
  referencesOf,
} from "../../src/redaction/values.ts";

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are CrowdSec's
test.each([
  "",
  " ",
  "${KEY}",
  "$KEY",
  "<API_KEY>",
  "{{ .Env.KEY }}",
  "true",
  "No",
  "null",
  "~",
  "REDACTED-12",
  "REMOVED",
  "[secret]",
  "****",
  "XXXXX",
  "xxx-xxx",
  "a****z",
  "…",
])("%j is no secret", (value) => expect(isNoSecret(value)).toBe(true));
test.each([
  "x1",
  "$ecret",
  "pre-${KEY}",
  "<x",
  "12345",
  "REDACTED-",
  "REDACTEDx",
  "truely",
  "*a",
  "secret",
  "ChangeMe",
  "/x",
])("%j may be one", (value) => expect(isNoSecret(value)).toBe(false));

test("references are found by their names", () => {
  expect(referencesOf("a ${B} $C d")).toEqual(["B", "C"]);
});
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: these are CrowdSec's

test("shapes of values are told apart", () => {
  expect(["1h", "1h30m", "168h0m0s", "500ms"].map(isDuration)).toEqual([true, true, true, true]);
  expect(["h", "1", "1hour", "secret1h"].map(isDuration)).toEqual([false, false, false, false]);
  expect(["/etc/x/y.key", "./a/b", "x.pem", "C:\\a\\b"].map(isPath)).toEqual([true, true, true, true]);
  expect(["/x", "a8/F3+kQ27xY", "secret"].map(isPath)).toEqual([false, false, false]);
  expect(isRandom("a9F3kQ27xYpL0zRt")).toBe(true);
  expect(isRandom("container_label")).toBe(false);
  expect(["a b", "a'b", "a\\b", "ab%"].map(isAwkward)).toEqual([true, true, true, false]);
});

test("percent escapes are taken away, and what is none stays", () => {
  expect(percentDecoded("a%40b%c3%a9%zz%ff")).toBe("a@bé%zzÿ");
});
