import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { ArchiveError } from "../../src/archive/zip.ts";
import { checkManifest, type Manifest, makeManifest, readManifest } from "../../src/bundle/manifest.ts";
import { NOW } from "../support/run.ts";

const ENTRIES = [
  { name: "report.md", what: "the report", content: "# Größe\n" },
  { name: "files/etc/hosts", what: "names", content: "" },
];
const text = makeManifest({
  tool: { name: "crowdsec-preflight", version: "0.1.0" },
  at: NOW,
  host: "web1",
  runId: "11111111-2222-3333-4444-555555555555",
  anonymized: false,
  entries: ENTRIES,
});
const manifest = readManifest(Buffer.from(text));
const archived = ENTRIES.map(({ name, content }) => ({ name, content: Buffer.from(content) }));
const withManifest = [...archived, { name: "manifest.json", content: Buffer.from(text) }];

test("a manifest says of every file what it is, its length in bytes and its hash", () => {
  const sha256 = createHash("sha256").update("# Größe\n").digest("hex");
  expect(manifest).toEqual({
    schemaVersion: "1.0",
    tool: { name: "crowdsec-preflight", version: "0.1.0" },
    madeAt: "2026-06-15T12:00:00.000Z",
    host: "web1",
    runId: "11111111-2222-3333-4444-555555555555",
    anonymized: false,
    files: [
      { name: "report.md", bytes: 10, sha256, what: "the report" },
      { name: "files/etc/hosts", bytes: 0, sha256: expect.stringMatching(/^e3b0c442/), what: "names" },
    ],
  });
});

test("an archive that holds what was put in has nothing to complain about", () => {
  expect(checkManifest(manifest, withManifest)).toEqual([]);
});

test.each([
  ["a file is missing", withManifest.slice(1), "its report.md is missing: manifest.json lists it"],
  [
    "a file is of another length",
    withManifest.map((file) => (file.name === "report.md" ? { ...file, content: Buffer.from("# Größe") } : file)),
    "its report.md is not what was put in: it was changed, or damaged on the way",
  ],
  [
    "a file of the same length was changed",
    withManifest.map((file) => (file.name === "report.md" ? { ...file, content: Buffer.from("# Grösse\n") } : file)),
    "its report.md is not what was put in: it was changed, or damaged on the way",
  ],
  [
    "a file was added",
    [...withManifest, { name: "evil\u001b[2J.sh", content: Buffer.alloc(0) }],
    "its evil [2J.sh was added to it: manifest.json does not list it",
  ],
])("where %s, it is said in a sentence", (_what, files, sentence) => {
  expect(checkManifest(manifest, files)).toEqual([sentence]);
});

test("a manifest that lists a file twice is not believed", () => {
  const twice: Manifest = { ...manifest, files: [...manifest.files, ...manifest.files.slice(0, 1)] };
  expect(checkManifest(twice, withManifest)).toEqual(["its manifest.json lists a file twice"]);
});

describe("what is no manifest of this tool is refused with the reason", () => {
  const changed = (change: Record<string, unknown>): string => JSON.stringify({ ...JSON.parse(text), ...change });
  test.each([
    ["no JSON", "{", "its manifest.json is no JSON object"],
    ["a list", "[]", "its manifest.json is no JSON object"],
    ["something else's", '{"name":"x"}', "its manifest.json has no schemaVersion: it is that of something else"],
    ["a later one", changed({ schemaVersion: "2.0" }), "is of version 2.0, and this tool reads 1.0"],
    ["one without a tool", changed({ tool: "x" }), "its manifest.json names no tool"],
    ["one without a host", changed({ host: 1 }), "its manifest.json has no host"],
    ["one without a time", changed({ madeAt: undefined }), "its manifest.json has no madeAt"],
    ["one without a run", changed({ runId: null }), "its manifest.json has no runId"],
    ["one that does not say", changed({ anonymized: "no" }), "does not say whether it is anonymized"],
    ["one without files", changed({ files: {} }), "its manifest.json lists no files"],
    [
      "one with a file without a hash",
      changed({ files: [{ name: "x", what: "", bytes: 1, sha256: "x" }] }),
      "lists no files",
    ],
    ["one with half a byte", changed({ files: [{ ...manifest.files[0], bytes: 0.5 }] }), "lists no files"],
  ])("%s", (_what, content, sentence) => {
    const reading = () => readManifest(Buffer.from(content));
    expect(reading).toThrow(ArchiveError);
    expect(reading).toThrow(sentence);
  });

  test("a later one of the same major version is read", () => {
    expect(readManifest(Buffer.from(changed({ schemaVersion: "1.7", more: true })))).toMatchObject({ host: "web1" });
  });
});
