import { execFileSync } from "node:child_process";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "@jest/globals";
import { FORMAT_WORDS, type Format, formatOf, size } from "../../src/archive/words.ts";
import { makeFolder } from "../support/folder.ts";
import { makeZip } from "../support/zips.ts";

const folder = makeFolder();
afterAll(folder.remove);

test.each([
  [0, "0 bytes"],
  [1, "1 byte"],
  [1023, "1023 bytes"],
  [1024, "1 KiB"],
  [1025, "1.1 KiB"],
  [25 * 1024 * 1024, "25 MiB"],
  [25 * 1024 * 1024 + 1, "25.1 MiB"],
])("%i bytes are told so that more than a limit looks like more: %s", (bytes, words) => {
  expect(size(bytes)).toBe(words);
});

const tar = (): Buffer => {
  folder.write("in/file", "x");
  return execFileSync("tar", ["-cf", "-", "-C", folder.path, "in"]);
};

const CASES: Readonly<Record<Format, readonly Buffer[]>> = {
  zip: [makeZip([{ name: "a" }]), makeZip([])],
  gzip: [gzipSync("x")],
  empty: [Buffer.alloc(0)],
  tar: [tar()],
  xz: [Buffer.from("fd377a585a000004", "hex")],
  bzip2: [Buffer.from("BZh91AY&SY")],
  zstd: [Buffer.from("28b52ffd2401", "hex")],
  "7z": [Buffer.from("377abcaf271c0004", "hex")],
  rar: [Buffer.from("526172211a0700", "hex"), Buffer.from("526172211a070100", "hex")],
  pdf: [Buffer.from("%PDF-1.7\n")],
  elf: [Buffer.from("7f454c46020101", "hex")],
  json: [Buffer.from("{}"), Buffer.from('\ufeff{\n\t"a": 1}'), Buffer.from("[1, 2]"), Buffer.from(' [ {"a":1} ]')],
  html: [Buffer.from("<!DOCTYPE html>\n"), Buffer.from("<?xml version='1.0'?>")],
  "utf-16": [Buffer.from("\ufefftext", "utf16le")],
  text: [
    Buffer.from("time=2024-05-06 level=info\n"),
    Buffer.from("[api]\nkey = value\n"),
    Buffer.from("{{ template }}"),
    // The last character is cut in two where the head ends.
    Buffer.from(`${"x".repeat(4095)}é`),
  ],
  unknown: [Buffer.from([0, 1, 2, 3]), Buffer.from([0x74, 0xe9, 0x78, 0x74])],
};

test.each(Object.entries(CASES))("a file is called what it is: %s", (format, samples) => {
  expect(samples.map(formatOf)).toEqual(samples.map(() => format));
  expect(FORMAT_WORDS[format as Format]).toMatch(/^(an?|plain|text|JSON) /);
});
