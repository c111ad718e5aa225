import { parseFour } from "./addresses.ts";
import { sharedBits } from "./permutation.ts";
import { IPV4_PARTS } from "./ranges.ts";

/** Which of the four numbers that a text shows are addresses, and which are nothing but versions. */
export interface Sightings {
  study(text: string): void;
  /** Notes one that is known to be an address. */
  note(bytes: readonly number[]): void;
  /** Whether it stood somewhere as a plain address: then it is one in other spellings too. */
  isSeen(bytes: readonly number[]): boolean;
  /** Whether it only ever stood as a version: then it stays. */
  isVersion(bytes: readonly number[]): boolean;
}

/** So many characters before four numbers say what these are. */
const BEFORE = 64;
const AFTER = 8;

/** After these, though letters and a sign, four numbers are an address: `ban/203.0.113.7`. */
const ADDRESS_WORDS: ReadonlySet<string> = new Set(
  `access addr address agent at backup ban banned block blocked bouncer by captcha client daddr decision dns dst file for
  from gateway gw host inet inet4 ip ipaddr ipaddress ipv4 lapi lan listen local lookup machine net network node ns peer
  ping public range remote route saddr scope server source src static subnet target tcp tcp4 to udp udp4 value via vpn
  wan web whois`.split(/\s+/),
);

/** A letter or a digit that an escape ends with (`\n`, `\u000a`, `%2F`, a terminal's color) does not belong to the numbers. */
const ESCAPED = /(?:\\[nrtbf]|\\u[\da-f]{4}|%[\da-f]{2}|\[[\d;]{1,9}m)$/i;
/** `nginx/1.22.1.4`, where no path and no address stands before the word. */
const PRODUCT = /(?:^|[\s"'`(,;=[>{|]|\\[nrt])([a-z][a-z\d+._-]{0,50})\/$/i;
/** `cmeel_qhull-8.0.2.1`. */
const PACKAGE = /([a-z\d+]{0,50}[a-z])(?:[-_]|==)$/i;
/** `version 4.14.0.94`, `"kernelVersion": "…"`, `VERSION_ID="…"`. */
const SAID = /(?:version|release)[a-z_]{0,12}\\{0,8}["'`]?\s{0,4}[:=]?\s{0,4}\\{0,8}["'`]?$/i;
const KERNEL = /\b(?:kernel|linux)\\{0,8}["'`]?\s{0,4}[:=]?\s{0,4}\\{0,8}["'`]?$/i;
/** Debian's: `1.2.3.4+dfsg`, `1.2.3.4~rc1`. */
const SUFFIX = /^[+~][a-z\d]/i;

/** Numbers of versions are small. Two of the last three of an address are so by chance in one of twenty. */
const SMALL = 32;
const isSmall = ([, ...last]: readonly number[]): boolean => last.filter((number) => number < SMALL).length >= 2;

/** A port, or the length of a prefix. */
const ADDRESSED = /^(?::\d|\\?\/\d)/;

const isVersionAt = (bytes: readonly number[], before: string, after: string): boolean => {
  if (ADDRESSED.test(after)) return false;
  if (SAID.test(before)) return true;
  if (!isSmall(bytes)) return false;
  const word = (PRODUCT.exec(before) ?? PACKAGE.exec(before))?.[1]?.toLowerCase();
  // Of `cmeel-qhull/` and its kin the last word.
  const last = word?.split(/[-_.]/).at(-1) ?? "";
  return (word !== undefined && !ADDRESS_WORDS.has(last)) || KERNEL.test(before) || SUFFIX.test(after);
};

/** Whether no letter, digit or label touches four numbers: of `5.0.0.10.clients.example` these are none by themselves. */
const isApart = (before: string, after: string): boolean =>
  (!/(?:[\da-z]|[\da-z]\.)$/i.test(before) || ESCAPED.test(before)) && !/^(?:[\da-z]|\.[\da-z])/i.test(after);

/** Not one of a range that is private or otherwise special. */
export const isPublicFour = (bytes: readonly number[]): boolean =>
  !IPV4_PARTS.some((part) => sharedBits(bytes, part.bytes) >= part.bits);

export const createSightings = (): Sightings => {
  const seen = new Set<string>();
  const versions = new Set<string>();
  return {
    study: (text) => {
      for (const { 0: quad, index } of text.matchAll(/\d{1,3}(?:\.\d{1,3}){3}/g)) {
        if (seen.has(quad)) continue;
        const bytes = parseFour(quad);
        if (bytes === undefined) continue;
        const before = text.slice(Math.max(0, index - BEFORE), index);
        const after = text.slice(index + quad.length, index + quad.length + AFTER);
        if (isPublicFour(bytes) && isVersionAt(bytes, before, after)) versions.add(bytes.join("."));
        else if (isApart(before, after)) seen.add(bytes.join("."));
      }
    },
    note: (bytes) => seen.add(bytes.join(".")),
    isSeen: (bytes) => seen.has(bytes.join(".")),
    isVersion: (bytes) => {
      const text = bytes.join(".");
      return versions.has(text) && !seen.has(text);
    },
  };
};
