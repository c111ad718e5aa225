import { expect, test } from "@jest/globals";
import { formsOf } from "../../src/redaction/forms.ts";

const formsWith = (value: string): ReadonlyMap<string, string> =>
  new Map(formsOf(value).map(({ text, form }) => [text, form]));

test("a value is known in the forms that programs write", () => {
  const value = `a b"c'd\\e%é<&>/`;
  const forms = formsWith(value);
  expect(forms.get(value)).toBe("plain");
  expect(forms.get(JSON.stringify(value).slice(1, -1))).toBe("JSON-escaped");
  expect(forms.get(encodeURIComponent(value))).toBe("URL-escaped");
  expect(forms.get(new URLSearchParams({ v: value }).toString().slice(2))).toBe("URL-escaped");
  expect(forms.get(Buffer.from(value).toString("hex"))).toBe("hex");
});

test.each([0, 1, 2, 3])("in base64, a value is found behind %i bytes of something else", (before) => {
  for (const value of ["canary", "canary7", "canary78", "canary-9é"]) {
    const forms = formsOf(value).filter(({ form }) => form === "base64");
    for (const after of ["", "x", "xy", "xyz"]) {
      const whole = Buffer.from("z".repeat(before) + value + after).toString("base64");
      expect(forms.some(({ text }) => whole.includes(text))).toBe(true);
    }
  }
});
