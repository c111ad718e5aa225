import { sameIp } from "../model/address.ts";
import { type Addresses, formatMac, formatSix, parseFour, parseSix } from "./addresses.ts";

/** What becomes of the parts of a text. */
export interface Replacement {
  readonly addresses: Addresses;
  /** Told of each address that is replaced, or would be: as it was and as it is now, in their shortest spelling. */
  onAddress(original: string, image: string): void;
  /** Whether this IPv4 address is known: then it is also one with other signs, in reverse, or with letters beside it. */
  isSeen(bytes: readonly number[]): boolean;
  /** Whether these four numbers, written with dots, are a version, and stay. */
  isVersion(bytes: readonly number[]): boolean;
  /** Whether this MAC address is known: then it is also one without colons. */
  isSeenMac(bytes: readonly number[]): boolean;
  /** Whether exactly this is known to be a host name. */
  isNoted(word: string): boolean;
  /** Whether a word of this length can be one without dots and hyphens; a guess that saves the rest. */
  isNotedLength(length: number): boolean;
  /** A word with or without dots as a whole, as it was written; undefined where it is no host name. */
  name(word: string): string | undefined;
  /** What is left: a word that may hold names. */
  rest(word: string): string;
}

/** Four numbers with the same sign between them. */
const QUAD = /\d{1,3}([-_.])\d{1,3}\1\d{1,3}\1\d{1,3}/g;
/** What can stand before and after an address; what cannot, even where the address is known. */
const BEFORE_DOTTED = /(?:[\da-z]|\d\.|\.so\.)$/i;
const AFTER_DOTTED = /^(?:[\da-z]|\.\d)/i;
const BEFORE_DASHED = /(?:^|[^\da-z-]|[^\da-z]-)ip-$/i;
const AFTER_DASHED = /^(?:[\da-z]|-[\da-z])/i;
const BEFORE_ANY = /(?:\d|\d\.)$/;
const AFTER_ANY = /^(?:\d|\.\d)/;
/** As it is written where it shall not be a link (`10.1.2[.]3`), and in regular expressions (`10\\.1\\.2\\.3`). */
const DEFANGED =
  /(?<![\da-z]|\d\.)\d{1,3}(?:(?:\.|\\{0,8}[[(]\\{0,8}(?:\.|dot)\\{0,8}[\])]|\\{1,8}\.)\d{1,3}){3}(?![\da-z]|\.\d)/gi;
const NUMBER = /\d{1,3}/g;
const IS_DEFANGED = /\d\\{0,8}(?:[[(]\\{0,8}(?:\.|dot)|\\\.)/i;
const DASHED_MAC = /(?<![\da-z]|[\da-z]-)[\da-f]{2}(?:-[\da-f]{2}){5}(?![\da-z]|-[\da-z])/gi;
/** Names of network cards that were named after their MAC address: `enx001122334455`. */
const NAMED_MAC = /(?<![\da-z])((?:en|wl|ww)x)([\da-f]{12})(?![\da-z])/i;
const NAMED_MAC_LENGTH = 15;
/** As switches write it, and without any sign. */
const BARE_MAC =
  /(?<![\da-z]|[\da-f]{4}\.)(?:[\da-f]{4}\.[\da-f]{4}\.[\da-f]{4}|[\da-f]{12})(?![\da-z]|\.[\da-f]{4})/gi;
const BARE_MAC_LENGTH = 12;
/** Of /proc/net/tcp and its kin: the kernel's own words, in the byte order of nearly all machines. */
const KERNEL_SOCKET = /^(?:[\dA-F]{8}|[\dA-F]{32}):[\dA-F]{4}$/;

const bytesOf = (hex: string): number[] => (hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
const swapped = (bytes: readonly number[]): number[] =>
  bytes.map((_, index) => bytes[(index & ~3) + 3 - (index & 3)] ?? 0);
const hexOf = (bytes: readonly number[]): string => bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Whether all bits after the first `bits` are zero, and some are left: a network, not an address with its prefix. */
const isNetwork = (bytes: readonly number[], bits: number): boolean =>
  bits < 8 * bytes.length &&
  bytes.every((byte, index) => (byte & (0xff >> Math.min(8, Math.max(0, bits - 8 * index)))) === 0);

const isPunctuation = (code: number): boolean => code === 46 || code === 45;

/** A word without the dots and hyphens around it: [before, word, after]. */
const stripped = (text: string): readonly [string, string, string] => {
  let start = 0;
  let end = text.length;
  while (start < end && isPunctuation(text.charCodeAt(start))) start++;
  while (end > start && isPunctuation(text.charCodeAt(end - 1))) end--;
  return [text.slice(0, start), text.slice(start, end), text.slice(end)];
};

/** Longer words are not remembered, and no more than so many. */
const MAX_REMEMBERED_LENGTH = 200;
const REMEMBERED = 50_000;

/** What a character is in a word: none of it; a letter or a digit; what joins words. */
const OUTSIDE = 0;
const LETTER = 1;
const JOINT = 2;
const KINDS: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/[\da-z]/i.test(character)) return LETTER;
  return /[.:_-]/.test(character) ? JOINT : OUTSIDE;
});
/** Letters beyond ASCII, of international names; typographic signs are between these. */
const isForeignLetter = (code: number): boolean => (code >= 0xc0 && code < 0x2000) || (code >= 0x2c00 && code < 0xd800);
const kindOf = (code: number): number =>
  code < 128 ? (KINDS[code] ?? OUTSIDE) : isForeignLetter(code) ? JOINT : OUTSIDE;

/**
 * How many first characters of a word are none of it, by the character before it: the rest of an escape, of JSON (`\\nweb1`)
 * or of an URL (`%2Fweb1`), or of a terminal's color (`[36mweb1`).
 */
const escapeIn = (before: string, word: string): number => {
  const expression =
    before === "\\"
      ? /^(?:u[\da-f]{4}|x[\da-f]{2}|[nrtbf])/i
      : before === "%"
        ? /^[\da-f]{2}/i
        : before === "[" || before === ";"
          ? /^\d{1,3}m/
          : undefined;
  return expression?.exec(word)?.[0].length ?? 0;
};

const ESCAPES: ReadonlySet<string> = new Set(["\\", "%", "[", ";"]);

/** The length of a network's prefix, as it stands after a word: `/24`. */
const PREFIX = /\\?\/(\d{1,3})(?!\w|[.:]\w)/y;

const GROUP = /^(?:[\da-f]{0,4}|(?:\d{1,3}\.){3}\d{1,3}|[\da-f]{1,4}\.\d{1,5})$/i;
/** More than any address has, and than the kernel's firewall writes in one. */
const MAX_GROUPS = 15;
/** Of `::`, which is split at its colons. */
const MAX_EMPTY = 3;

/** Replaces words of a text by what becomes of each, alone. */
export const createRewriter = (replacement: Replacement): ((text: string) => string) => {
  const { addresses, onAddress } = replacement;

  const isBareMac = (text: string): boolean => /^[\da-f]+$/i.test(text) && replacement.isSeenMac(bytesOf(text));

  /** Of a word of letters and digits: it is noted, or has a MAC address in it. */
  const mayBeName = (text: string, start: number, end: number): boolean =>
    (replacement.isNotedLength(end - start) && replacement.isNoted(text.slice(start, end))) ||
    (end - start >= NAMED_MAC_LENGTH && NAMED_MAC.test(text.slice(start, end))) ||
    (end - start === BARE_MAC_LENGTH && isBareMac(text.slice(start, end)));

  const four = (bytes: readonly number[], bits = 32): string => {
    const network = isNetwork(bytes, bits);
    const image = addresses.four(bytes, network ? bits : 32).join(".");
    const suffix = network ? `/${bits}` : "";
    onAddress(`${bytes.join(".")}${suffix}`, `${image}${suffix}`);
    return image;
  };
  const six = (bytes: readonly number[], like: string, bits = 128): string => {
    const network = isNetwork(bytes, bits);
    const image = addresses.six(bytes, network ? bits : 128);
    const suffix = network ? `/${bits}` : "";
    onAddress(`${formatSix(bytes)}${suffix}`, `${formatSix(image)}${suffix}`);
    return sameIp(bytes, image) ? like : formatSix(image, like);
  };
  const mac = (bytes: readonly number[], like: string): string => {
    const image = addresses.mac(bytes);
    onAddress(formatMac(bytes, ":"), formatMac(image, ":"));
    return formatMac(image, like);
  };

  /** `5.0.0.10.in-addr.arpa`, and less of it: the zone of a network. */
  const reverseFour = (labels: readonly string[]): string | undefined => {
    const bytes = labels.map(Number).reverse();
    if (labels.length > 4 || !labels.every((label) => /^\d{1,3}$/.test(label) && Number(label) < 256)) return undefined;
    const whole = [0, 1, 2, 3].map((index) => bytes[index] ?? 0);
    const image = four(whole, 8 * bytes.length).split(".");
    return `${image.slice(0, bytes.length).reverse().join(".")}`;
  };
  /** The same by hexadecimal digits. */
  const reverseSix = (labels: readonly string[]): string | undefined => {
    if (labels.length > 32 || !labels.every((label) => /^[\da-f]$/i.test(label))) return undefined;
    const bytes = bytesOf(labels.toReversed().join("").padEnd(32, "0"));
    const bits = 4 * labels.length;
    const image = addresses.six(bytes, bits);
    const suffix = bits < 128 ? `/${bits}` : "";
    onAddress(`${formatSix(bytes)}${suffix}`, `${formatSix(image)}${suffix}`);
    return Array.from(hexOf(image).slice(0, labels.length)).reverse().join(".");
  };
  const reverse = (word: string): string | undefined => {
    const [, zone = "", family = ""] = /^((?:[\da-f]{1,3}\.){1,32})(in-addr|ip6)\.arpa$/i.exec(word) ?? [];
    if (zone === "") return undefined;
    const labels = zone.slice(0, -1).split(".");
    const image = family.toLowerCase() === "ip6" ? reverseSix(labels) : reverseFour(labels);
    return image === undefined ? undefined : `${image}${word.slice(zone.length - 1)}`;
  };

  /** Its image, by the address that is known: in a name it often stands in reverse. */
  const turned = (bytes: readonly number[]): string => {
    const reversed = bytes.toReversed();
    return !replacement.isSeen(bytes) && replacement.isSeen(reversed)
      ? four(reversed).split(".").reverse().join(".")
      : four(bytes);
  };

  /** Of four numbers within a word, their image; undefined where they are no address. */
  const quadImage = (text: string, sign: string, before: string, after: string): string | undefined => {
    const bytes = parseFour(text.replaceAll(sign, "."));
    if (bytes === undefined) return undefined;
    const isSeen = replacement.isSeen(bytes) || replacement.isSeen(bytes.toReversed());
    const isOne =
      (isSeen && !BEFORE_ANY.test(before) && !AFTER_ANY.test(after)) ||
      (sign === "." && !BEFORE_DOTTED.test(before) && !AFTER_DOTTED.test(after) && !replacement.isVersion(bytes)) ||
      (sign === "-" && BEFORE_DASHED.test(before) && !AFTER_DASHED.test(after));
    if (!isOne) return undefined;
    // Between dots or other signs the order is that of the name; alone it is that of an address.
    const isAlone = sign === "." && !/[\da-z]\.$/i.test(before) && !/^\.[a-z]/i.test(after);
    return (isAlone ? four(bytes) : turned(bytes)).replaceAll(".", sign);
  };

  const quads = (text: string): string => {
    const done: string[] = [];
    let kept = 0;
    QUAD.lastIndex = 0;
    for (let found = QUAD.exec(text); found !== null; found = QUAD.exec(text)) {
      const [quad, sign = ""] = found;
      const end = found.index + quad.length;
      const image = quadImage(
        quad,
        sign,
        text.slice(Math.max(0, found.index - 5), found.index),
        text.slice(end, end + 2),
      );
      if (image === undefined) {
        // The next number may begin one.
        QUAD.lastIndex = found.index + quad.indexOf(sign) + 1;
        continue;
      }
      done.push(text.slice(kept, found.index), image);
      kept = end;
    }
    return `${done.join("")}${text.slice(kept)}`;
  };

  const inside = (word: string): string => {
    let text = word;
    if (/\d/.test(word))
      text = quads(text)
        .replace(DASHED_MAC, (text) => mac(bytesOf(text.replaceAll("-", "")), text))
        .replace(BARE_MAC, (text) => {
          const bytes = bytesOf(text.replaceAll(".", ""));
          if (!replacement.isSeenMac(bytes)) return text;
          const digits = mac(bytes, text).replaceAll(":", "");
          return text.includes(".") ? digits.replace(/(.{4})(?!$)/g, "$1.") : digits;
        })
        .replace(
          NAMED_MAC,
          (_, kind: string, digits: string) => `${kind}${mac(bytesOf(digits), "").replaceAll(":", "")}`,
        );
    return replacement.rest(text);
  };

  /** @param bits of the prefix that follows it */
  const word = (text: string, bits?: number): string => {
    const [before, core, after] = stripped(text);
    if (core === "") return text;
    const own = after === "" ? bits : undefined;
    const quad = parseFour(core);
    // The fifth number is a port, as BSD's programs write it.
    const socket = /^(\d{1,3}(?:\.\d{1,3}){3})(\.\d{1,5})$/.exec(core);
    const bytes = quad ?? (socket === null ? undefined : parseFour(socket[1] ?? ""));
    const image =
      bytes === undefined || (own === undefined && replacement.isVersion(bytes))
        ? (reverse(core) ?? replacement.name(core) ?? inside(core))
        : `${four(bytes, quad === undefined ? 32 : own)}${socket?.[2] ?? ""}`;
    return `${before}${image}${after}`;
  };

  const words = (text: string, bits?: number): string => {
    const parts = text.split(":");
    return parts.map((part, index) => word(part, index === parts.length - 1 ? bits : undefined)).join(":");
  };

  /** Of a stretch of groups with colons that may be an address, its image. @param whole nothing of the kind stands beside it */
  const address = (text: string, groups: number, whole: boolean, bits?: number): string | undefined => {
    if (whole && /^[\da-f]{2}(?::[\da-f]{2})+$/i.test(text)) {
      // 14: destination, source and type, as the kernel's firewall logs them.
      if (groups === 6) return mac(bytesOf(text.replaceAll(":", "")), text);
      if (groups === 14)
        return `${address(text.slice(0, 17), 6, true)}:${address(text.slice(18, 35), 6, true)}${text.slice(35)}`;
      return undefined;
    }
    const double = text.includes("::");
    if (double && text.indexOf("::") !== text.lastIndexOf("::")) return undefined;
    if (!double && !(whole && (groups === 8 || text.includes(".")))) return undefined;
    // Words of programs: `a::b`.
    if (double && /[a-f]/i.test(text) && !/\d|^[\da-f]{4}:/i.test(text)) return undefined;
    const socket = /^(.*:[\da-f]{1,4})(\.\d{1,5})$/i.exec(text);
    const bytes = parseSix(text) ?? (socket === null ? undefined : parseSix(socket[1] ?? ""));
    if (bytes === undefined) return undefined;
    return socket === null || parseSix(text) !== undefined
      ? six(bytes, text, bits)
      : `${six(bytes, socket[1] ?? "")}${socket[2]}`;
  };

  /** The first address of `parts` from `start` on, the longest that begins there: [first, last part, image]. */
  const findIn = (
    parts: readonly string[],
    start: number,
    end: number,
    bits: number | undefined,
  ): readonly [number, number, string] | undefined => {
    const isGroup = (at: number): boolean => GROUP.test(parts[at] ?? "");
    const begins = start === 0 || parts[start - 1] !== ":" || !isGroup(start - 2);
    for (let first = start; first < end; first += 2) {
      let empty = 0;
      for (let at = first; at <= end; at += 2) if (parts[at] === "") empty++;
      for (let last = end; last > first; last -= 2) {
        // A colon after an address is none of it; neither is a port after all eight groups.
        const port = last === end || (last + 2 === end && /^\d{0,5}$/.test(parts[end] ?? ""));
        const whole = begins && first === start && port && (end - start) / 2 <= MAX_GROUPS;
        const possible = whole || (empty > 0 && empty <= MAX_EMPTY);
        if (parts[last] === "") empty--;
        if (!possible) continue;
        const own = last === parts.length - 1 ? bits : undefined;
        const image = address(parts.slice(first, last + 1).join(""), (last - first) / 2 + 1, whole, own);
        if (image !== undefined) return [first, last, image];
      }
    }
    return undefined;
  };

  /** Of a stretch with two colons or more. */
  const colons = (text: string, bits?: number): string => {
    const [, , after] = stripped(text);
    const parts = text.slice(0, text.length - after.length).split(/([:_-])/);
    const done: string[] = [];
    let pending = "";
    let start = 0;
    while (start < parts.length) {
      let end = start;
      const isGroup = GROUP.test(parts[start] ?? "");
      while (isGroup && end - start <= 2 * MAX_GROUPS && parts[end + 1] === ":" && GROUP.test(parts[end + 2] ?? ""))
        end += 2;
      const found = isGroup ? findIn(parts, start, end, after === "" ? bits : undefined) : undefined;
      if (found === undefined) {
        pending += parts.slice(start, end + 2).join("");
        start = end + 2;
      } else {
        const [first, last, image] = found;
        done.push(words(pending + parts.slice(start, first).join("")), image);
        pending = parts[last + 1] ?? "";
        start = last + 2;
      }
    }
    return `${done.join("")}${words(pending, bits)}${after}`;
  };

  const rewrite = (text: string, bits?: number): string => {
    if (KERNEL_SOCKET.test(text)) {
      const bytes = swapped(bytesOf(text.slice(0, text.indexOf(":"))));
      const image = bytes.length === 4 ? parseFour(four(bytes)) : parseSix(six(bytes, formatSix(bytes)));
      return `${hexOf(swapped(image ?? bytes)).toUpperCase()}${text.slice(text.indexOf(":"))}`;
    }
    const first = text.indexOf(":");
    return first !== -1 && text.includes(":", first + 1) ? colons(text, bits) : words(text, bits);
  };

  const remembered = new Map<string, string>();
  const remember = (text: string, bits?: number): string => {
    const name = bits === undefined ? text : `${text}/${bits}`;
    const known = remembered.get(name);
    if (known !== undefined) return known;
    const image = rewrite(text, bits);
    if (remembered.size >= REMEMBERED) remembered.clear();
    if (text.length <= MAX_REMEMBERED_LENGTH) remembered.set(name, image);
    return image;
  };
  /** @param before the character before the word */
  const replace = (before: string, text: string, bits?: number): string => {
    const length = escapeIn(before, text);
    // In a text that is not escaped the whole word may be one.
    return length === 0 || replacement.isNoted(text) || parseFour(text) !== undefined
      ? remember(text, bits)
      : `${text.slice(0, length)}${remember(text.slice(length), bits)}`;
  };

  const defanged = (text: string): string =>
    text.replace(DEFANGED, (quad) => {
      const bytes = quad.match(NUMBER)?.map(Number) ?? [];
      if (!IS_DEFANGED.test(quad) || bytes.some((byte) => byte > 255) || replacement.isVersion(bytes)) return quad;
      const image = four(bytes).split(".");
      return quad.replace(NUMBER, () => image.shift() ?? "");
    });

  return (original) => {
    const text = IS_DEFANGED.test(original) ? defanged(original) : original;
    const done: string[] = [];
    let kept = 0;
    let at = 0;
    while (at < text.length) {
      const start = at;
      let joints = 0;
      for (let kind = kindOf(text.charCodeAt(at)); kind !== OUTSIDE; kind = kindOf(text.charCodeAt(at))) {
        if (kind === JOINT) joints++;
        at++;
      }
      if (at === start) {
        at++;
        continue;
      }
      const before = text.charAt(start - 1);
      // Most words are one of these: nothing but letters, and no name.
      if (joints === 0 && !ESCAPES.has(before) && !mayBeName(text, start, at)) continue;
      PREFIX.lastIndex = at;
      const code = text.charCodeAt(at);
      const digits = joints > 0 && (code === SLASH || code === BACKSLASH) ? PREFIX.exec(text)?.[1] : undefined;
      const word = text.slice(start, at);
      const image = replace(before, word, digits === undefined ? undefined : Number(digits));
      // A key of JSON stays, whatever a host is called.
      if (image === word || isKey(text, start, word)) continue;
      done.push(text.slice(kept, start), image);
      kept = at;
    }
    return kept === 0 ? text : `${done.join("")}${text.slice(kept)}`;
  };
};

const SLASH = 47;
const BACKSLASH = 92;

/** Whether a single word is a key of an object, however often its JSON was escaped: only names with dots, and addresses, are replaced there. */
const isKey = (text: string, at: number, word: string): boolean => {
  const after = at + word.length;
  if (/\d([-_])\d{1,3}\1\d{1,3}\1\d|^[\da-f]{12}$/i.test(word)) return false;
  return /^[\w-]+$/.test(word) && text[at - 1] === '"' && /^\\{0,16}"\s{0,8}:/.test(text.slice(after, after + 30));
};
