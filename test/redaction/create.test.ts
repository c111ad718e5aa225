import { describe, expect, test } from "@jest/globals";
import { parseAllDocuments } from "yaml";
import { createRedactor } from "../../src/redaction/create.ts";
import type { Kind } from "../../src/redaction/redactor.ts";
import { parseYaml } from "../../src/topology/yaml-tree.ts";

/** A text as it is shown when it is all that there is. */
const shown = (text: string, kind: Kind): string => {
  const redactor = createRedactor();
  redactor.study(text, kind, "file");
  return redactor.redact(text, kind).text;
};

/** Numbers that look random and are the same each time (Mulberry32). */
const randomness = (seed: number): ((below: number) => number) => {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
};

const ALPHABET = Array.from("abcXYZ019'\"\\%$&<>{}[]:;,#@!?/|~`^*+=-_. éß漢🔑");
const secretOf = (random: (below: number) => number): string => {
  const length = 10 + random(30);
  return `k${Array.from({ length }, () => ALPHABET[random(ALPHABET.length)]).join("")}7`;
};

const SYNTAXES: readonly (readonly [string, Kind, (secret: string) => string])[] = [
  ["YAML's single quotes", "yaml", (s) => `api:\n  password: '${s.replaceAll("'", "''")}' # kept\n  port: 1\n`],
  ["YAML's double quotes", "yaml", (s) => `api:\n  password: ${JSON.stringify(s)}\n  port: 1\n`],
  ["YAML's flow", "yaml", (s) => `{api: {password: ${JSON.stringify(s)}, port: 1}}\n`],
  ["YAML's literal block", "yaml", (s) => `api:\n  password: |\n    ${s}\n    second\n  port: 1\n`],
  ["YAML's folded block", "yaml", (s) => `api:\n  password: >-\n    ${s}\n    second\n\n  port: 1\n`],
  ["YAML's anchors", "yaml", (s) => `x: &pw ${JSON.stringify(s)}\napi:\n  password: *pw\n`],
  [
    "YAML on several lines",
    "yaml",
    (s) => `api:\n  password: "one\n    ${JSON.stringify(s).slice(1, -1)}\n    two" # c\n  port: 1\n`,
  ],
  ["the second document of YAML", "yaml", (s) => `a: 1\n---\nsmtp_password: ${JSON.stringify(s)}\n`],
  ["JSON", "json", (s) => JSON.stringify({ a: [{ lapi_key: s, port: 1 }] }, null, 1)],
  ["JSON within JSON", "json", (s) => JSON.stringify({ body: JSON.stringify({ password: s }), password: s })],
  ["a bouncer's settings", "settings", (s) => `API_URL=http://127.0.0.1:8080\nAPI_KEY=${s}\nMODE=live\n`],
  ["Apache's directives", "directives", (s) => `CrowdsecURL http://127.0.0.1\nCrowdsecAPIKey ${s}\n`],
  ["a file of variables", "environment", (s) => `A=1\nDB_PASSWORD='${s.replaceAll("'", `'"'"'`)}'\nB=2\n`],
  ["what env prints", "environment", (s) => `HOME=/root\nDB_PASSWORD=${s}\nLANG=C\n`],
  [
    "a unit",
    "unit",
    (s) => `[Service]\nEnvironment="DB_PASSWORD=${s.replace(/["\\]/g, "\\$&")}" LANG=C\nRestart=always\n`,
  ],
  ["arguments", "arguments", (s) => `/usr/bin/tool --password='${s.replaceAll("'", "_")}' --port 1\n`],
  ["an address", "text", (s) => `proxy http://crowdsec:${encodeURIComponent(s)}@10.0.0.1:3128/ taken\n`],
];

describe.each(SYNTAXES)("a secret in %s", (_what, kind, write) => {
  test("is gone, whatever it is made of, and the lines are as many", () => {
    const random = randomness(kind.length * 7919 + _what.length);
    for (let round = 0; round < 60; round += 1) {
      const secret = kind === "arguments" ? secretOf(random).replaceAll("'", "_") : secretOf(random);
      const text = write(secret);
      const redactor = createRedactor();
      redactor.study(text, kind, "file");
      const { text: result, removals } = redactor.redact(text, kind);
      expect({ secret, leaks: redactor.leaks(result), result }).toMatchObject({ leaks: [] });
      expect(removals.length).toBeGreaterThan(0);
      for (const form of [
        secret,
        JSON.stringify(secret).slice(1, -1),
        encodeURIComponent(secret),
        Buffer.from(secret).toString("hex"),
      ])
        expect({ text, result, has: result.includes(form) }).toMatchObject({ has: false });
      expect({ text, result, lines: result.split("\n").length }).toMatchObject({ lines: text.split("\n").length });
      expect({ result, again: redactor.redact(result, kind).text }).toEqual({ result, again: result });
      const afresh = shown(result, kind);
      expect({ text, afresh }).toEqual({ text, afresh: result });
      if (kind === "yaml") {
        const [before, after] = [text, result].map((each) =>
          parseAllDocuments(each, { uniqueKeys: false }).map((document) => ({
            errors: document.errors.map(String),
            keys: keysOf(document.toJS()),
          })),
        );
        expect({ text, result, after }).toEqual({ text, result, after: before });
      }
    }
  });
});

const keysOf = (value: unknown): unknown =>
  value !== null && typeof value === "object"
    ? Object.entries(value).map(([key, inner]) => [key, keysOf(inner)])
    : typeof value === "number"
      ? value
      : "text";

test("what stands for a password is read as such, and still breaks a connection string where the password did", () => {
  const result = shown(`db_config:\n  password: "a b'c"\n  user: x\n`, "yaml");
  const parsed = parseYaml(result, "/f");
  expect(result).toBe(`db_config:\n  password: "REDACTED-1 "\n  user: x\n`);
  expect(parsed.ok).toBe(true);
});
