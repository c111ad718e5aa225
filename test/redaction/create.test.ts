import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { parseAllDocuments } from "yaml";
import { createRedactor } from "../../src/redaction/create.ts";
import { isKnownWord } from "../../src/redaction/ordinary.ts";
import type { Kind } from "../../src/redaction/redactor.ts";
import { parseYaml } from "../../src/topology/yaml-tree.ts";
import { bundleIn } from "../support/bundles.ts";

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
    for (let round = 0; round < 30; round += 1) {
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

const SECRET = `s3cr&t "x"\\y%'zü`;
const FORMS: readonly (readonly [string, (secret: string) => string])[] = [
  ["plain", (s) => s],
  ["in JSON", (s) => JSON.stringify(s)],
  ["in JSON within JSON", (s) => JSON.stringify(JSON.stringify(s))],
  ["in Go's JSON", (s) => JSON.stringify(s).replaceAll("&", "\\u0026")],
  ["in JSON without letters beyond ASCII", (s) => JSON.stringify(s).replaceAll("ü", "\\u00fc")],
  ["in an address", encodeURIComponent],
  ["in an address, in small letters", (s) => encodeURIComponent(s).toLowerCase()],
  ["in a form", (s) => new URLSearchParams({ s }).toString().slice(2)],
  ["in HTML", (s) => s.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("'", "&#39;")],
  ["in a shell's single quotes", (s) => `'${s.replaceAll("'", "'\\''")}'`],
  ["in a shell's double quotes", (s) => `"${s.replace(/["\\$`]/g, "\\$&")}"`],
  ["in YAML's single quotes", (s) => `'${s.replaceAll("'", "''")}'`],
  ["in CSV", (s) => `"${s.replaceAll('"', '""')}"`],
  ["on two lines", (s) => s.replace(" ", "\n    ")],
  ["in hexadecimal digits", (s) => Buffer.from(s).toString("hex")],
  ["in base64", (s) => Buffer.from(s).toString("base64")],
  ["in base64 behind something", (s) => Buffer.from(`a${s}`).toString("base64")],
  ["in base64 behind more", (s) => Buffer.from(`user:pw:${s} and more`).toString("base64")],
  ["in base64 for addresses", (s) => Buffer.from(`ab${s}`).toString("base64url")],
];

test.each(FORMS)("a value that is known for a secret is taken out %s, and found there before", (_what, write) => {
  const redactor = createRedactor();
  const standIn = redactor.note(SECRET, "key api_key");
  const text = `one\nsaw ${write(SECRET)} here\nthree`;
  expect(redactor.leaks(text)).toMatchObject([{ secret: "key api_key", line: _what === "on two lines" ? 1 : 2 }]);
  const result = redactor.redact(text, "text");
  expect(result.text).toContain(standIn);
  expect(result.text.split("\n").length).toBe(text.split("\n").length);
  expect(redactor.leaks(result.text)).toEqual([]);
  expect(result.removals).toEqual([{ line: 2, rule: "value known from elsewhere", count: 1 }]);
});

test("what one file shows to be secret is taken out of all, under the same name", () => {
  const redactor = createRedactor();
  redactor.study("Jan 1 rejected canary-77 of 10.0.0.1", "text", "/var/log/x");
  redactor.study("api_key: canary-77\n", "yaml", "/etc/b.yaml");
  expect(redactor.redact("Jan 1 rejected canary-77 of 10.0.0.1", "text")).toEqual({
    text: "Jan 1 rejected REDACTED-1 of 10.0.0.1",
    removals: [{ line: 1, rule: "value known from elsewhere", count: 1 }],
  });
  expect(redactor.redact("api_key: canary-77\n", "yaml").removals).toEqual([
    { line: 1, rule: "key api_key", count: 1 },
  ]);
});

test("a leak says by which rule and where the secret was noted, how it is written and where it stands, and not what it is", () => {
  const redactor = createRedactor();
  redactor.study("x: 1\napi_key: canary-77\n", "yaml", "/etc/b.yaml");
  expect(redactor.leaks("one\ntwo Y2FuYXJ5LTc3 canary-77")).toEqual([
    { secret: "key api_key, /etc/b.yaml:2", form: "base64", line: 2 },
    { secret: "key api_key, /etc/b.yaml:2", form: "plain", line: 2 },
  ]);
});

test("a password that is a word of the system is taken out as a value, stays as a word, and is said to be one", () => {
  const redactor = createRedactor();
  const config = "db_config:\n  user: crowdsec\n  password: crowdsec\n  db_name: crowdsec\n";
  redactor.study(config, "yaml", "/etc/crowdsec/config.yaml");
  const log = `crowdsec started; password=crowdsec postgres://crowdsec:crowdsec@db/crowdsec {"Password":"crowdsec"} /etc/crowdsec`;
  expect(redactor.redact(config, "yaml").text).toBe(
    "db_config:\n  user: crowdsec\n  password: REDACTED-1\n  db_name: crowdsec\n",
  );
  expect(redactor.redact(log, "text").text).toBe(
    `crowdsec started; password=REDACTED-1 postgres://crowdsec:REDACTED-1@db/crowdsec {"Password":"REDACTED-1"} /etc/crowdsec`,
  );
  expect(redactor.ordinary).toEqual(["/etc/crowdsec/config.yaml:3 (key password)"]);
  expect(redactor.leaks("crowdsec /etc/crowdsec user=crowdsec")).toEqual([]);
  expect(redactor.leaks("x\nPASSWORD=crowdsec")).toMatchObject([{ form: "plain", line: 2 }]);
  expect(redactor.leaks("http://a:crowdsec@b/")).toMatchObject([{ form: "plain", line: 1 }]);
});

test.each([
  ["too short", "ab1"],
  ["a part of a stand-in", "ACTED-1"],
  ["a port", "8080123"],
  ["a user of this host", "jane"],
  ["a part of a common word", "crowds"],
  ["a folder of this host", "backupserver"],
])("a password that is %s does not take such words out everywhere", (_what, password) => {
  const redactor = createRedactor();
  redactor.study("jane:x:1000:1000::/home/jane:/bin/sh\n", "accounts", "/etc/passwd");
  redactor.study("log_dir: /srv/backupserver/log\n", "yaml", "/etc/x.yaml");
  redactor.study(`password: ${password}\n`, "yaml", "/etc/y.yaml");
  const text = `word ${password} crowdsec`;
  expect(redactor.redact(text, "text").text).toBe(text);
  expect(redactor.ordinary).toEqual(["/etc/y.yaml:1 (key password)"]);
});

test("what a machine has made is looked for everywhere, also where it stands in a path", () => {
  const redactor = createRedactor();
  redactor.study("url: /v1/a8F3kQ27xYpL\n", "yaml", "/etc/x.yaml");
  redactor.study("token: a8F3kQ27xYpL\n", "yaml", "/etc/y.yaml");
  expect(redactor.redact("GET /v1/a8F3kQ27xYpL", "text").text).toBe("GET /v1/REDACTED-1");
  expect(redactor.ordinary).toEqual([]);
});

test("a stand-in stands for itself, and what cannot be secret for nothing", () => {
  const redactor = createRedactor();
  expect(redactor.note("canary-77", "x")).toBe("REDACTED-1");
  expect(redactor.note("canary-77", "y")).toBe("REDACTED-1");
  expect(redactor.note("REDACTED-9", "x")).toBe("REDACTED-9");
  expect(redactor.standIn("REDACTED-9")).toBe("REDACTED-9");
  expect(redactor.standIn("REDACTED-9 ")).toBe("REDACTED-9");
  expect(redactor.standIn("canary-77")).toBe("REDACTED-1");
  expect(redactor.standIn("other")).toBeUndefined();
  expect(redactor.note("", "x")).toBe("");
  expect(redactor.note("true", "x")).toBe("true");
  expect(redactor.redact("REDACTED-9 REDACTED-1", "text")).toEqual({ text: "REDACTED-9 REDACTED-1", removals: [] });
});

test("a private key that nobody noted is still found by the proof", () => {
  const key = `-----BEGIN PRIVATE KEY-----\n${"Ab1+".repeat(16)}\n-----END PRIVATE KEY-----`;
  expect(createRedactor().leaks(key)).toEqual([{ secret: "private key", form: "plain", line: 1 }]);
});

test("a secret that stands in a plain place too is no plain word for that", () => {
  const redactor = createRedactor();
  redactor.study('{"body": "logged in with correcthorse", "note": "correcthorse"}', "json", "a reply");
  redactor.study("x: &a correcthorse\npassword: *a\nlabel: correcthorse\n", "yaml", "/etc/x.yaml");
  expect(redactor.ordinary).toEqual([]);
  expect(redactor.redact('{"body": "logged in with correcthorse"}', "json").text).toBe(
    '{"body": "logged in with REDACTED-1"}',
  );
});

test.each<[Kind, string, string]>([
  ["yaml", "a: 1\r\npassword: canary-7\r\nb: 2\r\n", "a: 1\r\npassword: REDACTED-1\r\nb: 2\r\n"],
  ["settings", "API_KEY=canary-7\r\nB=2\r\n", "API_KEY=REDACTED-1\r\nB=2\r\n"],
  ["environment", "DB_PASSWORD=canary-7\r\nTZ=UTC\r\n", "DB_PASSWORD=REDACTED-1\r\nTZ=UTC\r\n"],
  ["text", "password: canary-7\r\nx\r\n", "password: REDACTED-1\r\nx\r\n"],
])("lines that end as on Windows are kept in %s", (kind, text, expected) => {
  expect(shown(text, kind)).toBe(expected);
});

/** What somebody sends to have it taken out of a bundle: words, paths, addresses, names that stand everywhere. */
const POISON: readonly (readonly [string, string])[] = [
  ["password", "/tmp/xa/t"],
  ["secret", "level=error"],
  ["token", "crowdsecurity/ssh-bf"],
  ["secret", "config.yaml"],
  ["token", "127.0.0.1:8089"],
  ["token", "crowdsecurity/http-cve-2021-41773"],
  ["password", "2026-11-23T07:00:00Z"],
  ["api_key", "files/etc/crowdsec/local_api_credentials.yaml"],
  ["password", "ip-10-0-0-12.internal"],
  ["password", "11"],
];

test.each(POISON)("a stranger who sends %s=%s has nothing else taken out by it", (name, value) => {
  const redactor = createRedactor();
  const log = `10.0.0.1 "GET /?${name}=${value} HTTP/1.1" 404`;
  const other = `time="x" ${value} and "${value}", (${value}) {"pass": ${JSON.stringify(value)}, "n": 11}`;
  redactor.study(log, "text", "/var/log/crowdsec.log");
  const plain = `see ${value} and "${value}", (${value})`;
  expect(redactor.redact(log, "text").text).toBe(`10.0.0.1 "GET /?${name}=REDACTED-1 HTTP/1.1" 404`);
  expect(redactor.redact(plain, "text").text).toBe(plain);
  expect(redactor.leaks(plain)).toEqual([]);
  expect(redactor.leaks(redactor.redact(other, "text").text)).toEqual([]);
  expect(redactor.standIn(value)).toBeUndefined();
  expect(redactor.ordinary).toEqual([]);
});

test("a name of a file or of a key cannot be taken out by who sends it", () => {
  const redactor = createRedactor();
  const name = "files/var/a1B2c3D4e5F6g7H8/x.json";
  redactor.study('{"q9W8e7R6t5Y4u3": 1}', "json", name);
  redactor.study("GET /?token=a1B2c3D4e5F6g7H8&key=q9W8e7R6t5Y4u3 HTTP/1.1", "text", "a.log");
  expect(redactor.leaks(`${name} {"q9W8e7R6t5Y4u3": 1}`)).toEqual([]);
  expect(redactor.redact(name, "text").text).toBe(name);
});

test("a made password in a log is looked for everywhere, and so is any that a file of this host has", () => {
  const redactor = createRedactor();
  redactor.study("login with password=a8F3kQ27xYpL", "text", "a.log");
  redactor.study("GET /?token=correcthorse HTTP/1.1", "text", "a.log");
  expect(redactor.redact("saw a8F3kQ27xYpL correcthorse", "text").text).toBe("saw REDACTED-1 correcthorse");
  redactor.study("password: correcthorse\n", "yaml", "/etc/x.yaml");
  expect(redactor.redact("saw a8F3kQ27xYpL correcthorse", "text").text).toBe("saw REDACTED-1 REDACTED-2");
  expect(redactor.leaks("correcthorse")).toHaveLength(1);
});

test("a key that a log wrote line by line does not make the log's own words a secret, and the proof sees it", () => {
  const body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
  const log = `Nov 23 07:00:00 h app[1]: -----BEGIN RSA PRIVATE KEY-----\nNov 23 07:00:01 h app[1]: ${body}\n`;
  expect(createRedactor().leaks(log)).toHaveLength(1);
  expect(createRedactor().leaks(`h: ${body}\nh: -----END PRIVATE KEY-----`)).toHaveLength(1);
  const redactor = createRedactor();
  redactor.study(log, "text", "a.log");
  expect(redactor.redact("Nov 23 07:00:02 x", "text").text).toBe("Nov 23 07:00:02 x");
});

test.each([
  ["Tom & Jerry's+1", "Tom+&+Jerry's+1"],
  [`Sec''zz12%2""`, `'Sec''''zz12%2""'`],
])("what the proof would find of %s is taken out before", (secret, text) => {
  const redactor = createRedactor();
  redactor.note(secret, "x");
  const { text: result } = redactor.redact(`a ${text} b`, "text");
  expect(redactor.leaks(result)).toEqual([]);
  expect(result).toContain("REDACTED-1");
});

/** Lines that a stranger can have written into a log, of which no bundle may die. */
const HARMFUL: readonly (readonly [string, string])[] = [
  [
    "a date",
    'request: "GET /?password=n2026/11/23 HTTP/1.1"\nreferrer: "http://x/?password="\n2026/11/23 10:00:00 [x]',
  ],
  ["a name", 'GET /?password=ntime=\ntime="x" msg="http://x/?password="\ntime="y" msg=z'],
  ["a key that is none", '1.2.3.4 GET / 404 "-----BEGIN PRIVATE KEY----- AAAAAAAAAAAAAAAA x"'],
  ["a sentence about a key", "-----BEGIN PRIVATE KEY----- misconfiguration found"],
  ["a key's begin before a backslash", "-----BEGIN PRIVATE KEY-----\\\nAAAAAAAAAAAAAAAAAAAA x"],
  ["a key's begin and end", `-----BEGIN PRIVATE KEY----- -----END PRIVATE KEY-----\nx ${"Ab1".repeat(20)}\n`],
  ["another key's begin", `-----BEGIN PRIVATE KEY----- -----BEGIN CERTIFICATE-----\nx ${"Ab1".repeat(20)}\n`],
  ["a key's end behind lines", `-----x ${"Ab1".repeat(20)}\nx -----END PRIVATE KEY-----\n`],
];

test.each(HARMFUL)("a stranger who sends %s does not keep a bundle from being made", (_what, log) => {
  const redactor = createRedactor();
  redactor.study("db_config:\n  password: crowdsec\n", "yaml", "/etc/crowdsec/config.yaml");
  redactor.study(log, "text", "/var/log/nginx/error.log");
  const result = redactor.redact(log, "text").text;
  for (const text of [result, JSON.stringify(result), JSON.stringify(result.split("\n"), null, 1)])
    expect({ text, leaks: redactor.leaks(text) }).toEqual({ text, leaks: [] });
  expect(redactor.redact(result, "text").text).toBe(result);
});

test("a word in JSON's escapes is no value, and a value in them is", () => {
  const redactor = createRedactor();
  redactor.study("password: ntimes\nuser: ntimes\n", "yaml", "/etc/x.yaml");
  redactor.study("path: /srv/ntimes/x\n", "yaml", "/etc/y.yaml");
  expect(redactor.ordinary).toHaveLength(1);
  expect(redactor.leaks(JSON.stringify("?password=\ntimes x"))).toEqual([]);
  expect(redactor.leaks(JSON.stringify('?password="\ntimes x'))).toEqual([]);
  expect(redactor.leaks(JSON.stringify('x "password": "ntimes"'))).toHaveLength(1);
});

/** What everybody can look up, or what a host is called. */
const PUBLIC = [
  "0af3b1c2".repeat(8),
  "v1.6.3-linux-4b1c2a3d",
  "123e4567-e89b-12d3-a456-426614174000",
  "i-0a1b2c3d4e5f6a7b8",
  "ip-10-0-0-1-1a2b3c4d5e",
  "crowdsec-agent-7d9f8b6c5d-x2x4z",
];

test.each(PUBLIC)("a stranger who sends %s as a token has it taken out there only", (value) => {
  const redactor = createRedactor();
  const log = `GET /?token=${value} HTTP/1.1`;
  redactor.study(log, "text", "/var/log/x");
  expect(redactor.redact(log, "text").text).toBe("GET /?token=REDACTED-1 HTTP/1.1");
  expect(redactor.redact(`x ${value} y`, "text").text).toBe(`x ${value} y`);
  expect(redactor.leaks(value)).toEqual([]);
});

test("what every bundle has in it is nobody's secret: a password of that name does not keep it from being made", async () => {
  const { bundle } = await bundleIn({});
  const words = new Set(bundle.names);
  for (const file of ["model/report", "model/observation", "bundle/manifest", "bundle/recording"]) {
    const source = readFileSync(new URL(`../../src/${file}.ts`, import.meta.url), "utf8");
    for (const [, key = ""] of source.matchAll(/readonly (\w{6,})\??:/g)) words.add(key);
  }
  expect(words.size).toBeGreaterThan(50);
  expect([...words].filter((word) => !isKnownWord(word))).toEqual([]);
});

test.each(["observations", "schemaVersion", "manifest", "removals.txt", "sha256", "report.json", "crowdsec-preflight"])(
  "the password %s is taken out where it is a value, and not of the bundle's own words",
  (word) => {
    const redactor = createRedactor();
    redactor.study(`password: ${word}\n`, "yaml", "/etc/x.yaml");
    expect(redactor.leaks(`{"${word}": 1, "name": "${word}"}`)).toEqual([]);
    expect(redactor.redact(`password=${word}`, "text").text).toBe("password=REDACTED-1");
    expect(redactor.ordinary).toHaveLength(1);
  },
);
