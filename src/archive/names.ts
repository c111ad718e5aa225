import { printable } from "../model/text.ts";

/** Of a name, bytes: no system has longer paths. */
const MAX_BYTES = 4096;

/** A name as it is compared: some file systems take upper and lower case, and composed characters, for the same. */
const keyOf = (name: string): string => name.normalize("NFC").toLowerCase();

/** What a reader could not see as it is; blanks at an end are of no matter here. */
const hides = (name: string): boolean => printable(`x${name}x`, Number.POSITIVE_INFINITY) !== `x${name}x`;

/** Why a name is not fit for a file of an archive: completes "a file whose name …"; undefined where it is. */
export const nameProblem = (name: string): string | undefined => {
  if (name === "") return "is empty";
  if (Buffer.byteLength(name) > MAX_BYTES) return `is longer than ${MAX_BYTES} bytes`;
  if (name.includes("\0")) return "holds a NUL byte";
  if (hides(name)) return "holds control characters";
  if (name.includes("\\")) return "holds a backslash";
  if (/^[A-Za-z]:/.test(name)) return "begins with the letter of a drive";
  if (name.startsWith("/")) return "is an absolute path";
  const parts = name.split("/");
  if (parts.includes("..")) return "leads upwards, out of the archive";
  if (parts.includes("") || parts.includes(".")) return "has an empty part";
  // Half of a character cannot be written down.
  return Buffer.from(name).toString() === name ? undefined : "holds half a character";
};

const SLASH = 0x2f;

/** A name's key with NUL, which is in no name and comes before all else, for slashes: a folder's files follow its name. */
const sortKey = (name: string): Buffer => {
  const key = Buffer.from(keyOf(name));
  for (let at = key.indexOf(SLASH); at >= 0; at = key.indexOf(SLASH, at + 1)) key[at] = 0;
  return key;
};

const isSameOrBelow = (key: Buffer, other: Buffer): boolean =>
  key.subarray(0, other.length).equals(other) && (key[other.length] ?? 0) === 0;

/** A name that is there twice, also where only the case differs, or that is a file and a folder at once. */
export const clash = (names: readonly string[]): string | undefined => {
  const sorted = names.map((name) => ({ name, key: sortKey(name) })).sort((a, b) => Buffer.compare(a.key, b.key));
  return sorted.find(({ key }, index) => {
    const next = sorted[index + 1];
    return next !== undefined && isSameOrBelow(next.key, key);
  })?.name;
};

/** Below the length that a name may have, for what is added to it; characters have up to four bytes. */
const ROOM = MAX_BYTES / 8;

/** A name without whatever is not fit for one. */
const fitParts = (wanted: string): readonly string[] => {
  const parts = wanted
    .slice(0, ROOM)
    .split("/")
    .map((part) => [...part].map((each) => (hides(each) || each === "\\" ? "_" : each)).join(""))
    .map((part) => Buffer.from(part).toString().replaceAll("\ufffd", "_"))
    .filter((part) => part !== "" && part !== "." && part !== "..");
  const [first = "_", ...others] = parts;
  return [first.replace(/^([A-Za-z]):/, "$1_"), ...others];
};

/** Makes names fit for an archive, each another one: `a\b` becomes `a_b`, and a second one `a_b~2`. */
export const createNames = (): ((wanted: string) => string) => {
  const files = new Set<string>();
  const folders = new Set<string>();
  const numbered = (name: string, taken: (key: string) => boolean): string => {
    let free = name;
    for (let count = 2; taken(keyOf(free)); count += 1) free = `${name}~${count}`;
    return free;
  };
  return (wanted) => {
    const parts = fitParts(wanted);
    let path = "";
    for (const part of parts.slice(0, -1)) {
      const folder = numbered(`${path}${part}`, (key) => files.has(key));
      folders.add(keyOf(folder));
      path = `${folder}/`;
    }
    const name = numbered(`${path}${parts.at(-1)}`, (key) => files.has(key) || folders.has(key));
    files.add(keyOf(name));
    return name;
  };
};
