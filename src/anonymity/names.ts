import { createHmac } from "node:crypto";
import { domainToASCII } from "node:url";
import { parseFour, parseSix } from "./addresses.ts";
import { isOrdinary } from "./ordinary.ts";
import { isEnding, isPrivateSuffix, isPublicName, looksLikeName, publicLabels } from "./public-names.ts";

/** `anon` and eight letters or digits: a label that nobody gives to a host, and that is one to every program. */
const PSEUDONYM = /anon[a-z2-7]{8}/g;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const MAX_NAME = 253;
/** So many labels of a longer word are looked at at once. */
const MAX_LABELS = 12;
/** A label of this length, or one with a digit, is also replaced where a hyphen joins it to another word. */
const DISTINCTIVE = 4;
/** Of a private domain a label with so many letters is replaced as a word too. */
const LETTERS = 4;
/** An address within a label: `static-10-0-0-5`. */
const DASHED = /^(|.*[^\d-]-?)(\d{1,3}(?:-\d{1,3}){3})(|-?[^\d-].*)$/;

export interface Names {
  /** @param own it is this host's: its first label is then a name of its own */
  know(name: string, own: boolean): void;
  /** Notes words of a text that look like pseudonyms, so that none of these becomes one. */
  reserve(text: string): void;
  /** Whether exactly this was noted. */
  isNoted(word: string): boolean;
  /** Whether some name without dots has this length. */
  isNotedLength(length: number): boolean;
  /** What it is replaced by as a host name; undefined where it is none, or one that everybody knows. */
  nameFor(word: string): string | undefined;
  /** Of a word that is no host name as a whole: the names in it replaced. */
  replaceIn(word: string): string;
  /** Pseudonym → original, of each label. */
  readonly labels: ReadonlyMap<string, string>;
}

/** In lower case and ASCII, without wildcard, user, port, brackets and outer dots; undefined where no name is left. */
export const plainName = (text: string): string | undefined => {
  const [, host = ""] = /^(?:[^@]*@)*\[?([^[\]@]*?)\]?(?::\d{1,5})?$/.exec(text.slice(0, 1000)) ?? [];
  const name = host.replace(/^[*.]+|\.+$/g, "");
  const ascii = ascii7(name);
  // A word with an underscore is a key or a file, unless a domain follows.
  if (/^[^.]+_[^.]*$/.test(name)) return undefined;
  return name === "" || parseFour(name) !== undefined || parseSix(host) !== undefined || !isName(ascii)
    ? undefined
    : ascii;
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ASCII = /^[\u0000-\u007f]*$/;
const ascii7 = (name: string): string => (ASCII.test(name) ? name.toLowerCase() : domainToASCII(name));

const isName = (name: string): boolean =>
  name.length <= MAX_NAME && /[a-z]/.test(name) && name.split(".").every((label) => LABEL.test(label));

/** A domain that nobody registers, or that no registry has. */
const isPrivate = (labels: readonly string[]): boolean => isPrivateSuffix(labels) || publicLabels(labels) === 0;

/** Where four labels are an address; -1 where none are. */
const quadAt = (labels: readonly string[]): number =>
  labels.findIndex((_, at) => parseFour(labels.slice(at, at + 4).join(".")) !== undefined);

/** @param key asked for when the first pseudonym is made @param address what an IPv4 address in a name is replaced by (`ip-10-0-0-5`), its numbers in their order; if nothing else tells, they are reversed or not */
export const createNames = (
  key: () => Buffer,
  given: Readonly<Record<string, string>>,
  address: (bytes: readonly number[], isReversed: boolean) => readonly number[],
): Names => {
  const labels = new Map(Object.entries(given));
  const pseudonyms = new Map(Object.entries(given).map(([pseudonym, label]) => [label, pseudonym]));
  const reserved = new Set<string>();
  /** Names with dots, and the domains that these are in. */
  const domains = new Set<string>();
  const singles = new Set<string>();
  const lengths = new Uint8Array(MAX_NAME + 1);
  const addSingle = (label: string): void => {
    singles.add(label);
    lengths[label.length] = 1;
  };
  /** First labels of this host's names. */
  const hosts = new Set<string>();

  const fresh = (label: string): string => {
    for (let round = 0; ; round++) {
      const digest = createHmac("sha256", key()).update(`name:${round}:${label}`).digest();
      const pseudonym = `anon${Array.from(digest.subarray(0, 8), (byte) => ALPHABET[byte & 31]).join("")}`;
      if (!labels.has(pseudonym) && !reserved.has(pseudonym)) return pseudonym;
    }
  };
  const pseudonymOf = (label: string): string => {
    const known = pseudonyms.get(label);
    if (known !== undefined) return known;
    const pseudonym = fresh(label);
    pseudonyms.set(label, pseudonym);
    labels.set(pseudonym, label);
    return pseudonym;
  };
  /** Of a label with an address and nothing else that tells whose it is, what it becomes. */
  const dashed = (label: string): string | undefined => {
    const [, before = "", quad = "", after = ""] = DASHED.exec(label) ?? [];
    const four = parseFour(quad.replaceAll("-", "."));
    const isPlain = [before, after].every((part) => isOrdinary(part.replace(/^-|-$/g, "")));
    return four === undefined || !isPlain ? undefined : `${before}${address(four, false).join("-")}${after}`;
  };
  const labelFor = (label: string): string => dashed(label) ?? pseudonymOf(label);
  const isKnown = (parts: readonly string[]): boolean =>
    parts.some((_, start) => domains.has(parts.slice(start).join(".")));

  /** @param done addresses in it have been replaced */
  const replaceName = (parts: readonly string[], done: boolean): string => {
    const open = parts.length - publicLabels(parts);
    // The label that somebody registered is always replaced. Where nobody registers any, `proxy.lan` may stay.
    const registered = isPrivateSuffix(parts) ? -1 : open - 1;
    const at = quadAt(parts.slice(0, open));
    const four = at === -1 ? [] : parts.slice(at, at + 4).map(Number);
    // Providers name hosts by reversed addresses, as in-addr.arpa has them; `10.0.0.5.nip.io` is none of these.
    const image = done || at === -1 ? four : address(four, at > 0);
    return parts
      .map((label, index) => {
        if (index >= open || label.startsWith("_")) return label;
        if (at !== -1 && index >= at && index < at + 4) return `${image[index - at]}`;
        if (done && DASHED.test(label)) return label;
        return dashed(label) ?? (index !== registered && isOrdinary(label) ? label : labelFor(label));
      })
      .join(".");
  };

  const nameFor = (word: string, done = false): string | undefined => {
    const name = ascii7(word);
    if (!isName(name)) return undefined;
    const parts = name.split(".");
    if (parts.length === 1) return singles.has(name) || /^ip-\d/.test(name) ? labelFor(name) : undefined;
    if (isPublicName(name)) return undefined;
    if (isKnown(parts) || looksLikeName(parts, word.slice(word.lastIndexOf(".") + 1))) return replaceName(parts, done);
    return undefined;
  };

  /** The longest beginning of it that ends as a known domain does, or that looks like a name once endings of files are gone. */
  const headOf = (word: string): string | undefined => {
    const parts = word.split(".");
    let end = parts.length;
    while (end > 1 && isEnding(parts[end - 1]?.toLowerCase() ?? "")) {
      end--;
      const head = parts.slice(0, end).join(".");
      if (end > 1 && nameFor(head, true) !== undefined) return head;
    }
    for (end = Math.min(parts.length - 1, 4 * MAX_LABELS); end > 1; end--)
      for (let start = Math.max(0, end - MAX_LABELS); start < end - 1; start++)
        if (domains.has(ascii7(parts.slice(start, end).join(".")))) return parts.slice(0, end).join(".");
    return undefined;
  };

  const isDistinctive = (label: string): boolean =>
    singles.has(label) && (label.length >= DISTINCTIVE || /\d/.test(label));

  /** Of a stretch without dots. */
  const replaceSingles = (stretch: string): string => {
    const lower = ascii7(stretch);
    if (singles.has(lower)) return labelFor(lower);
    if (singles.size === 0 || !/[-_]/.test(stretch)) return stretch;
    const parts = stretch.split(/([-_])/);
    const done: string[] = [];
    for (let start = 0; start < parts.length; ) {
      // The longest that begins here.
      let label = "";
      let best: readonly [string, number] | undefined;
      for (let at = start; at < Math.min(parts.length, start + 2 * MAX_LABELS); at++) {
        // `corp_acme` is `corp-acme` where no underscore may be.
        label += parts[at] === "_" ? "-" : (parts[at] ?? "").toLowerCase();
        if (at % 2 === start % 2 && lengths[label.length] === 1 && isDistinctive(label)) best = [label, at + 1];
      }
      done.push(best === undefined ? (parts[start] ?? "") : labelFor(best[0]));
      const next = best?.[1] ?? start + 1;
      done.push(parts[next] ?? "");
      start = next + 1;
    }
    return done.join("");
  };

  const replaceIn = (word: string): string => {
    const head = word.length <= 4 * MAX_NAME && word.includes(".") ? headOf(word) : undefined;
    const name = head === undefined ? undefined : nameFor(head, true);
    const rest = head === undefined || name === undefined ? word : word.slice(head.length);
    return (rest === word ? "" : (name ?? "")) + rest.split(".").map(replaceSingles).join(".");
  };

  return {
    know: (text, own) => {
      const name = plainName(text);
      if (name === undefined || isPublicName(name)) return;
      const parts = name.split(".");
      const [first = ""] = parts;
      if ((own || parts.length === 1) && !isOrdinary(first)) addSingle(first);
      if (own) hosts.add(first);
      const open = parts.length - publicLabels(parts);
      // Of domains that URLs mention, most are everybody's: `slack` is a word.
      const isDomain = /^[*.]/.test(text);
      if (parts.length > 1 && (isPrivate(parts) || isDomain || hosts.has(first)))
        for (const label of parts.slice(isDomain ? 0 : 1, open))
          if (label.replace(/[^a-z]/g, "").length >= LETTERS && !isOrdinary(label)) addSingle(label);
      // `.acme`, of NO_PROXY or of resolv.conf: a domain that no registry has.
      if (parts.length === 1 && /^[*.]/.test(text) && publicLabels(parts) === 0) domains.add(first);
      if (parts.length > 1)
        for (let start = 0; start < open && start < parts.length - 1; start++)
          domains.add(parts.slice(start).join("."));
    },
    reserve: (text) => {
      for (const [word] of text.matchAll(PSEUDONYM)) if (!labels.has(word)) reserved.add(word);
    },
    isNoted: (word) => singles.has(ascii7(word)) || domains.has(ascii7(word)),
    isNotedLength: (length) => lengths[length] === 1,
    nameFor: (word) => nameFor(word),
    replaceIn,
    labels,
  };
};

export const isPseudonym = (label: string): boolean => /^anon[a-z2-7]{8}$/.test(label);

/** The labels that a map knows, put back. */
export const revealLabels = (word: string, names: Readonly<Record<string, string>>): string =>
  word.replace(PSEUDONYM, (pseudonym) => names[pseudonym] ?? pseudonym);
