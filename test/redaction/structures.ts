import { expect } from "@jest/globals";
import { createRedactor } from "../../src/redaction/create.ts";
import type { Kind } from "../../src/redaction/redactor.ts";

/** A text as it is shown when it is all that there is; it holds no secret any more, and nothing changes when it is done again. */
export const shown = (text: string, kind: Kind, name = "/etc/file"): string => {
  const redactor = createRedactor();
  redactor.study(text, kind, name);
  const result = redactor.redact(text, kind).text;
  expect(redactor.leaks(result)).toEqual([]);
  expect(redactor.redact(result, kind).text).toBe(result);
  expect(result.split("\n").length).toBe(text.split("\n").length);
  return result;
};
