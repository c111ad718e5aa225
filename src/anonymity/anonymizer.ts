import { randomBytes } from "node:crypto";
import { type Addresses, createAddresses, formatMac, formatSix, parseFour, parseSix } from "./addresses.ts";
import { hostNamesIn, mailDomainsIn } from "./evidence.ts";
import { createNames, isPseudonym, revealLabels } from "./names.ts";
import { isEnding } from "./public-names.ts";
import { createRewriter } from "./rewrite.ts";
import { createSightings, isPublicFour } from "./sightings.ts";

/** What leads from pseudonyms back to originals: for this host only, mode 0600. JSON. */
export interface AnonymityMap {
  readonly version: 1;
  /** 32 random bytes, base64. Whoever has it can undo every address. */
  readonly key: string;
  /** Pseudonym → original: IPv4, IPv6, networks that were written as such (`10.1.2.0/24`), MAC addresses. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Pseudonym → original of each label: names are replaced label by label. */
  readonly names: Readonly<Record<string, string>>;
}

/**
 * Replaces addresses and host names by pseudonyms. First every text is studied, then each is anonymized once: to do it
 * twice is a mistake, since a pseudonym looks like an original and would get a pseudonym of its own.
 */
export interface Anonymizer {
  /** Notes a host name, or `HOST:PORT`, because whoever read it knows that it is one. Addresses and empty texts are fine. */
  know(name: string): void;
  /** Notes what a text shows to be host names: URLs, hosts-file lines, resolv.conf, `user@host`, certificates, syslog… */
  study(text: string): void;
  /** Of any text: JSON, YAML, a log, Markdown, a path. Its structure stays; the same word has the same pseudonym everywhere. */
  anonymize(text: string): string;
  /** With what was seen so far; of a given map, all of that too. */
  map(): AnonymityMap;
}

const KEY_BYTES = 32;
/** So many keys are tried for one whose pseudonyms are no addresses in use. Of thousands of addresses some always are. */
const KEYS_TRIED = 64;
const ADDRESSES_COMPARED = 1000;

const IDENTITY: Addresses = { four: (bytes) => bytes, six: (bytes) => bytes, mac: (bytes) => bytes };

/** What becomes of addresses under a key, in their shortest spelling. */
const imagesBy = (key: Buffer): ((text: string) => string) => {
  const { four, six } = createAddresses(key, "forth");
  return (text) => {
    const bytes = parseFour(text);
    if (bytes !== undefined) return four(bytes).join(".");
    const long = parseSix(text);
    return long === undefined ? text : formatSix(six(long));
  };
};

/** The best of some random keys: one of these addresses should not be the pseudonym of another one, nor its own. */
const chooseKey = (originals: ReadonlySet<string>): Buffer => {
  const [one, other] = [imagesBy(randomBytes(KEY_BYTES)), imagesBy(randomBytes(KEY_BYTES))];
  // What stays under two keys stays under all: loopback and its kin.
  const moving = [...originals]
    .filter((text) => one(text) !== text || other(text) !== text)
    .slice(0, ADDRESSES_COMPARED);
  let best: Buffer = randomBytes(KEY_BYTES);
  let least = Number.POSITIVE_INFINITY;
  for (let tried = 0; tried < KEYS_TRIED && least > 0; tried++) {
    const key = tried === 0 ? best : randomBytes(KEY_BYTES);
    const image = imagesBy(key);
    const count = moving.filter((text) => originals.has(image(text))).length;
    if (count < least) [best, least] = [key, count];
  }
  return best;
};

/** @param given the map of an earlier time: what had a pseudonym then has the same one again. */
export const createAnonymizer = (given?: AnonymityMap): Anonymizer => {
  let key: Buffer | undefined = given && Buffer.from(given.key, "base64");
  const seen = new Set<string>();
  const addresses = new Map(Object.entries(given?.addresses ?? {}));
  const sightings = createSightings();
  for (const original of addresses.values()) {
    seen.add(original);
    const bytes = parseFour(original);
    if (bytes !== undefined) sightings.note(bytes);
  }
  const theKey = (): Buffer => {
    key ??= chooseKey(seen);
    return key;
  };
  let own: Addresses | undefined;
  const theAddresses = (): Addresses => {
    own ??= createAddresses(theKey(), "forth");
    return own;
  };
  const names = createNames(theKey, given?.names ?? {}, (bytes, isReversed) => {
    const [forward, backward] = [sightings.isSeen(bytes), sightings.isSeen(bytes.toReversed())];
    const reversed = backward !== forward ? backward : isReversed;
    const original = reversed ? bytes.toReversed() : bytes;
    const image = theAddresses().four(original);
    addresses.set(image.join("."), original.join("."));
    return reversed ? image.toReversed() : image;
  });
  const look = createRewriter({
    addresses: IDENTITY,
    onAddress: (original) => seen.add(original),
    isSeen: () => false,
    isVersion: () => false,
    isSeenMac: () => false,
    isNoted: () => false,
    isNotedLength: () => false,
    name: () => undefined,
    rest: (word) => word,
  });
  let rewrite: ((text: string) => string) | undefined;
  const theRewriter = (): ((text: string) => string) => {
    rewrite ??= createRewriter({
      addresses: theAddresses(),
      onAddress: (original, image) => {
        if (image !== original) addresses.set(image, original);
      },
      isSeen: sightings.isSeen,
      isVersion: sightings.isVersion,
      isSeenMac: (bytes) => seen.has(formatMac(bytes, ":")),
      isNoted: names.isNoted,
      isNotedLength: names.isNotedLength,
      name: names.nameFor,
      rest: names.replaceIn,
    });
    return rewrite;
  };
  const know = (name: string, isOwn: boolean): void => {
    names.know(name, isOwn);
    // It remembers what became of words.
    rewrite = undefined;
  };
  return {
    know: (name) => know(name, true),
    study: (text) => {
      rewrite = undefined;
      look(text);
      sightings.study(text);
      names.reserve(text);
      for (const name of hostNamesIn(text)) know(name, false);
      for (const domain of mailDomainsIn(text)) if (!isEnding(domain.split(".").at(-1) ?? "")) know(domain, false);
    },
    anonymize: (text) => theRewriter()(text),
    map: () => ({
      version: 1,
      key: theKey().toString("base64"),
      addresses: Object.fromEntries(addresses),
      names: Object.fromEntries(names.labels),
    }),
  };
};

/** An anonymized text as it was, but for the case of names and the spelling of addresses. */
export const reveal = (text: string, { key, addresses, names }: AnonymityMap): string => {
  const isIn = (original: string): boolean => Object.hasOwn(addresses, original);
  return createRewriter({
    addresses: createAddresses(Buffer.from(key, "base64"), "back"),
    onAddress: () => {},
    isSeen: (bytes) => isIn(bytes.join(".")),
    isVersion: (bytes) => isPublicFour(bytes) && !isIn(bytes.join(".")),
    isSeenMac: (bytes) => isIn(formatMac(bytes, ":")),
    isNoted: (word) => Object.hasOwn(names, word),
    isNotedLength: () => true,
    name: (word) => (Object.hasOwn(names, word) ? names[word] : undefined),
    rest: (word) => revealLabels(word, names),
  })(text);
};

const isTexts = (value: unknown): value is Readonly<Record<string, string>> =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((inner) => typeof inner === "string");

/** A map as the file of an earlier bundle holds it. @throws Error whose message completes "FILE: …", for people */
export const readMap = (text: string): AnonymityMap => {
  const wrong = "this is no map of pseudonyms of an earlier bundle";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(wrong);
  }
  if (typeof value !== "object" || value === null) throw new Error(wrong);
  const { version, key, addresses, names } = value as Partial<Record<keyof AnonymityMap, unknown>>;
  if (typeof version === "number" && version > 1) throw new Error("this map is of a newer crowdsec-preflight");
  if (version !== 1 || typeof key !== "string" || Buffer.from(key, "base64").length !== KEY_BYTES)
    throw new Error(wrong);
  if (!isTexts(addresses) || !isTexts(names) || !Object.keys(names).every(isPseudonym)) throw new Error(wrong);
  return { version, key, addresses, names };
};
