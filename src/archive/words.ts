const KIB = 1024;
const MIB = KIB * KIB;

/** Rounded up, so that what is larger than a limit also looks larger. */
const tenths = (amount: number): string => `${Math.ceil(amount * 10) / 10}`;

/** `1 byte`, `812 bytes`, `1.5 KiB`, `25 MiB`. */
export const size = (bytes: number): string => {
  if (bytes < KIB) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  return bytes < MIB ? `${tenths(bytes / KIB)} KiB` : `${tenths(bytes / MIB)} MiB`;
};

/** What bytes seem to be; `zip` and `gzip` are what is read here. */
export type Format =
  | "zip"
  | "gzip"
  | "empty"
  | "tar"
  | "xz"
  | "bzip2"
  | "zstd"
  | "7z"
  | "rar"
  | "pdf"
  | "elf"
  | "json"
  | "html"
  | "utf-16"
  | "text"
  | "unknown";

/** Completes "no zip archive, but …". */
export const FORMAT_WORDS: Readonly<Record<Format, string>> = {
  zip: "a zip archive",
  gzip: "a gzip file, such as .gz or .tar.gz",
  empty: "an empty file",
  tar: "a tar archive",
  xz: "an xz file, such as .xz or .tar.xz",
  bzip2: "a bzip2 file",
  zstd: "a zstd file",
  "7z": "a 7z archive",
  rar: "a RAR archive",
  pdf: "a PDF document",
  elf: "a program",
  json: "JSON text, such as a report of -o json",
  html: "a page in HTML or XML",
  "utf-16": "text in UTF-16",
  text: "plain text",
  unknown: "a file of another kind",
};

/** How files of a format begin, as latin1. */
const BEGINNINGS: readonly (readonly [Format, string])[] = [
  ["zip", "PK\x03\x04"],
  // An archive without files, and the first of several parts.
  ["zip", "PK\x05\x06"],
  ["zip", "PK\x07\x08"],
  ["gzip", "\x1f\x8b"],
  ["xz", "\xfd7zXZ\x00"],
  ["bzip2", "BZh"],
  ["zstd", "\x28\xb5\x2f\xfd"],
  ["7z", "7z\xbc\xaf\x27\x1c"],
  ["rar", "Rar!\x1a\x07"],
  ["pdf", "%PDF-"],
  ["elf", "\x7fELF"],
  ["utf-16", "\xff\xfe"],
  ["utf-16", "\xfe\xff"],
];

/** Of a file, bytes that are enough to tell what it is. */
const HEAD = 4096;
const TAR_MAGIC = { text: "ustar", offset: 257 };

const isText = (head: Buffer): boolean =>
  !head.includes(0) &&
  // A character that the end of the head cuts in two is no mistake.
  !head.toString("utf8").slice(0, -1).includes("\ufffd");

/** What bytes are, by how they begin. */
export const formatOf = (bytes: Buffer): Format => {
  if (bytes.length === 0) return "empty";
  const head = bytes.subarray(0, HEAD);
  const latin = head.toString("latin1");
  const [begun] = BEGINNINGS.find(([, beginning]) => latin.startsWith(beginning)) ?? [];
  if (begun) return begun;
  if (latin.startsWith(TAR_MAGIC.text, TAR_MAGIC.offset)) return "tar";
  if (!isText(head)) return "unknown";
  const text = head
    .toString("utf8")
    .replace(/^\ufeff/, "")
    .trimStart();
  if (/^\{\s*["}]|^\[\s*[{["\]\d]/.test(text)) return "json";
  return text.startsWith("<") ? "html" : "text";
};
