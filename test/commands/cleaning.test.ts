import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { checkManifest, makeManifest, readManifest } from "../../src/bundle/manifest.ts";
import { cleanArchive, cleanPieces, kindFor, leakIn, textOf } from "../../src/commands/cleaning.ts";

describe("what can be cleaned", () => {
  test.each([
    ["a log", Buffer.from("time=x\n")],
    ["nothing", Buffer.alloc(0)],
    ["JSON", Buffer.from('{"a":1}')],
    [
      "a log with a scan's bytes in it",
      Buffer.concat([Buffer.from([0xff, 0x16, 3]), Buffer.from("GET / 400\n".repeat(99))]),
    ],
    ["a log that a crash filled up", Buffer.concat([Buffer.from("line\n".repeat(9999)), Buffer.alloc(99)])],
  ])("is text: %s", (_name, bytes) => {
    expect(textOf(bytes)).toEqual({ text: bytes.toString("utf8") });
  });

  test.each([
    ["a profile", gzipSync("x"), "a gzip file, such as .gz or .tar.gz"],
    ["an archive in an archive", Buffer.from("PK\x03\x04"), "a zip archive"],
    ["a program", Buffer.from("\x7fELF\x02\x01"), "a program"],
    ["Windows' UTF-16", Buffer.from("\ufeffx", "utf16le"), "text in UTF-16"],
    ["anything else", Buffer.from([1, 0, 0, 3, 255, 254, 0, 0, 7]), "no text"],
  ])("is not %s, which is named", (_name, bytes, why) => {
    expect(textOf(bytes)).toEqual({ why });
  });
});

describe("how a text is read", () => {
  test.each([
    ["config/acquis/___etc___crowdsec___acquis.yaml", "", "yaml"],
    ["files/etc/crowdsec/bouncers/crowdsec-nginx-bouncer.conf", "", "settings"],
    ["/tmp/crowdsec-nginx-bouncer.conf", "", "settings"],
    ["files/etc/default/crowdsec", "", "environment"],
    ["files/etc/systemd/system/crowdsec.service", "", "unit"],
    ["/var/log/crowdsec.log.gz", "a=b", "text"],
    ["log/crowdsec.log", "a: b\n", "text"],
    ["/tmp/paste.txt", "a: b\n", "yaml"],
    ["standard input", 'time="x" level=info msg="y"\n', "text"],
    ["lapi/bouncers.txt", '[\n  {\n "api_key": "x" }]', "json"],
    ["standard input", '\n {"a": 1}', "json"],
    ["standard input", "# x\napi_url: y\nlist:\n  - z\n", "yaml"],
    ["standard input", "API_URL=x\n# y\nAPI_KEY=z\n", "settings"],
    ["standard input", "SHELL=/bin/sh\nHOME=/root\nX=y\n", "environment"],
    ["standard input", "[GIN] 2026/11/23 - 07:12:01 | 200 |\n", "text"],
    ["standard input", "", "text"],
    ["files/etc/nsswitch.conf", "passwd: files\n", "text"],
    ["/etc/xdg/x.conf", "TOKEN=x\n", "settings"],
    ["/var/log/auth.log", "sudo: root: COMMAND=/usr/bin/cscli machines add web1 --password x\n", "arguments"],
    ["/var/log/auth.log", "sudo: root: COMMAND=/usr/bin/curl -ubob:hunterzz http://x\n", "arguments"],
    ["/var/log/auth.log", "sudo: root: COMMAND=/usr/bin/cscli bouncers add n -kHunter2zz\n", "arguments"],
    ["notes", "I ran\ncurl -u me:x http://127.0.0.1:8080\n", "arguments"],
    ["notes", "a well-known - or not so well -- known thing\n", "text"],
    ["standard input", "Nov 23 07:12:01 web1 crowdsec[1]: key: value\n", "text"],
  ])("%s, which begins with %j, as %s", (name, text, kind) => {
    expect(kindFor({ name, text })).toBe(kind);
  });
});

test.each([
  "sudo: root : USER=root ; COMMAND=/usr/bin/curl -ubob:Hunter2zz http://x",
  "sudo: root : USER=root ; COMMAND=/usr/bin/cscli bouncers add n -kHunter2zz",
  "sudo: root : USER=root ; COMMAND=/usr/bin/mysql -pHunter2zz",
])("a secret that stands at its option at once is taken out of a log: %s", (line) => {
  const { pieces, redactor } = cleanPieces([{ name: "/var/log/auth.log", text: `${line}\n` }]);
  const text = pieces[0]?.text ?? "";
  expect(text).toBe(`${line.replace("Hunter2zz", "REDACTED-1")}\n`);
  expect(redactor.leaks(text)).toEqual([]);
});

test("what one text shows to be secret is taken out of all, and names are texts too", () => {
  const secret = "cnry-s3cret-0123456789";
  const { pieces, removals, redactor } = cleanPieces([
    { name: `log of ${secret}.log`, text: `it is ${secret}\n` },
    { name: "config.yaml", text: `a: 1\npassword: ${secret}\n` },
  ]);
  expect(JSON.stringify([pieces, removals])).not.toContain(secret);
  expect(removals.map(({ file, line }) => [file, line])).toEqual([
    [pieces[0]?.name, 1],
    ["config.yaml", 2],
  ]);
  expect(redactor.leaks(`x ${secret}`)).toHaveLength(1);
});

test("a report of ours keeps its counts and its layout, and loses a secret in any of its texts", () => {
  const secret = "cnry-s3cret-0123456789";
  const report = (url: string): string =>
    `${JSON.stringify(
      {
        schemaVersion: "1.0",
        tool: { name: "crowdsec-preflight", version: "1.2.3" },
        summary: { counts: { pass: 11, fail: 2 } },
        findings: [{ summary: 'first\n"second"', proxy: url }],
      },
      null,
      2,
    )}\n`;
  const clean = report("http://proxy.example:3128/");
  expect(cleanPieces([{ name: "report.json", text: clean }])).toMatchObject({
    pieces: [{ text: clean }],
    removals: [],
  });
  const { pieces, removals } = cleanPieces([{ name: "r", text: report(`http://me:${secret}@proxy.example:3128/`) }]);
  expect(pieces[0]?.text).not.toContain(secret);
  expect(JSON.parse(pieces[0]?.text ?? "")).toMatchObject({ summary: { counts: { pass: 11 } } });
  expect(removals.map(({ line }) => line)).toContain(16);
});

test("what is left of a secret is found in whatever form, and told without repeating it", () => {
  const secret = "cnry-s3cret-0123456789";
  const { pieces, redactor } = cleanPieces([{ name: "config.yaml", text: `password: ${secret}\n` }]);
  expect(leakIn(redactor, "config.yaml", [pieces[0]?.text ?? secret])).toBeUndefined();
  for (const form of [secret, Buffer.from(secret).toString("base64")]) {
    const said = leakIn(redactor, `of ${secret}`, ["clean\n", `clean\nnot clean: ${form}\n`]);
    expect(said).toMatch(/^of REDACTED-\d+:2 would still hold a secret \(.+; .+\)$/);
    expect(said).not.toContain("cnry");
  }
});

describe("an archive", () => {
  const file = (name: string, content: string | Buffer) => ({ name, content: Buffer.from(content) });
  const namesOf = (files: readonly { readonly name: string }[]): readonly string[] => files.map(({ name }) => name);
  const textIn = (files: ReturnType<typeof cleanArchive>["files"], name: string): string | undefined =>
    files.find((one) => one.name === name)?.content.toString();

  test("gets an account of what was taken out and left out", () => {
    const { files, leftOut } = cleanArchive([
      file("a.yaml", "password: cnry-s3cret-0123456789\n"),
      file("pprof/heap.pprof", gzipSync("x")),
      file("old.zip", "PK\x03\x04"),
    ]);
    expect(namesOf(files)).toEqual(["a.yaml", "removals.txt"]);
    expect(leftOut.map(({ name }) => name)).toEqual(["pprof/heap.pprof", "old.zip"]);
    const account = textIn(files, "removals.txt");
    expect(account).toMatch(/^a\.yaml:1 /m);
    expect(account).toMatch(/^pprof\/heap\.pprof: a profile of the running program/m);
    expect(account).toMatch(/^old\.zip: a zip archive$/m);
  });

  test("stays as it is where there is nothing to take out", () => {
    const files = [file("b.txt", "x\n"), file("a.yaml", "a: 1\n")];
    expect(cleanArchive(files)).toMatchObject({ files, removals: [], leftOut: [] });
  });

  test("keeps the account of an earlier run", () => {
    const { files } = cleanArchive([
      file("removals.txt", "config.yaml:1  key password  1\n"),
      file("a.yaml", "password: cnry-s3cret-0123456789\n"),
    ]);
    expect(textIn(files, "removals.txt")).toMatch(
      /^config\.yaml:1 {2}key password {2}1\n\nLater, by clean:\n\n(?:.*\n)*a\.yaml:1 /,
    );
  });

  const manifest = (content: string): string =>
    makeManifest({
      tool: { name: "crowdsec-preflight", version: "1.2.3" },
      at: new Date("2026-11-23T07:00:00Z"),
      host: "web1",
      runId: "1",
      anonymized: false,
      entries: [{ name: "a.yaml", content, what: "a file" }],
    });

  test("of ours can still be opened, since its manifest follows what was changed", () => {
    const content = "password: cnry-s3cret-0123456789\n";
    const { files } = cleanArchive([file("a.yaml", content), file("manifest.json", manifest(content))]);
    expect(namesOf(files)).toEqual(["a.yaml", "removals.txt", "manifest.json"]);
    const anew = readManifest(Buffer.from(textIn(files, "manifest.json") ?? ""));
    expect(checkManifest(anew, files)).toEqual([]);
    expect(anew).toMatchObject({ madeAt: "2026-11-23T07:00:00.000Z", host: "web1" });
    expect(anew.files[0]?.what).toBe("a file");
  });

  test("of ours without a secret is the same letter by letter", () => {
    const given = [file("a.yaml", "a: 1\n"), file("manifest.json", manifest("a: 1\n"))];
    expect(cleanArchive(given).files).toEqual(given);
  });

  test("with somebody else's manifest has that cleaned as any file", () => {
    const { files } = cleanArchive([file("manifest.json", '{"password":"cnry-s3cret-0123456789"}\n'), file("x", "y")]);
    expect(files.map(({ content }) => content.toString()).join()).not.toContain("cnry");
  });
});
