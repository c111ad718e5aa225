import { inspect } from "node:util";
import { expect, test } from "@jest/globals";
import { Secret } from "../../src/model/secret.ts";
import { printableDeep } from "../../src/model/text.ts";

const VALUE = "canary-4dd1-secret";
const secret = new Secret(VALUE);
const around = { login: "me", password: secret, more: [secret] };

test("who sends it to its own service can have it", () => {
  expect(secret.reveal()).toBe(VALUE);
});

test.each<[string, string]>([
  ["JSON", JSON.stringify(around)],
  ["indented JSON", JSON.stringify(around, null, 2)],
  ["a template", `password ${secret}`],
  ["a sum of texts", "password ".concat(String(secret))],
  ["a list as text", [secret].join()],
  ["the debugger", inspect(around, { depth: null, showHidden: true })],
  ["the debugger, short", inspect(around, { depth: 0 })],
  ["a copy of its fields", JSON.stringify({ ...secret, keys: Reflect.ownKeys(secret), all: Object.entries(secret) })],
  ["a report's text", JSON.stringify(printableDeep(around))],
  [
    "an error's message",
    new Error("it was refused", { cause: secret }).message + inspect(new Error("x", { cause: secret })),
  ],
])("nobody gets it from %s", (_what, text) => {
  expect(text).not.toContain(VALUE);
});

test("what is shown in its place says that there is one", () => {
  expect([JSON.stringify(secret), `${secret}`, inspect(secret)]).toEqual(['"[secret]"', "[secret]", "[secret]"]);
});
