import { expect, test } from "@jest/globals";
import { createRedactor } from "../../src/redaction/create.ts";
import { redactVariable, studyVariable } from "../../src/redaction/variables.ts";

const shownAs = (name: string, value: string): string => {
  const redactor = createRedactor();
  studyVariable(redactor, name, value, "/proc/1/environ");
  const result = redactVariable(redactor, name, value);
  expect(redactor.leaks(result)).toEqual([]);
  expect(redactVariable(redactor, name, result)).toBe(result);
  return result;
};

test.each([
  ["TZ", "UTC", "UTC"],
  ["LANG", "C", "C"],
  ["EMPTY", "", ""],
  ["AGENT_PASSWORD", "canary-77", "REDACTED-1"],
  ["AGENT_PASSWORD", 'can "a" r\\y', "REDACTED-1 "],
  ["AGENT_PASSWORD", "two\nlines", "REDACTED-1 "],
  ["AGENT_PASSWORD", "ends\\", "REDACTED-1 "],
  ["HTTPS_PROXY", "http://me:can%40ary@p:3128", "http://me:REDACTED-1@p:3128"],
  ["HTTPS_PROXY", "http://p:3128", "http://p:3128"],
  ["COMPANY", "Example Ltd", "REMOVED"],
  ["COMPANY", "'Example Ltd'", "REMOVED"],
])("the variable %s of a process with %j is shown as %j", (name, value, expected) => {
  expect(shownAs(name, value)).toBe(expected);
});
