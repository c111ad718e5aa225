import { type Addresses, formatMac, formatSix, parseFour, parseSix } from "./addresses.ts";

/** What becomes of the parts of a text. */
export interface Replacement {
  readonly addresses: Addresses;
  /** Told of each address that is replaced, or would be: as it was and as it is now, in their shortest spelling. */
  onAddress(original: string, image: string): void;
  /** Whether exactly this is known to be a host name. */
  isNoted(word: string): boolean;
  /** A word with or without dots as a whole, as it was written; undefined where it is no host name. */
  name(word: string): string | undefined;
  /** What is left: a word that may hold names. */
  rest(word: string): string;
}

const CHARACTER = "[\\w\\u00c0-\\u1fff\\u2c00-\\ud7ff.:-]";

/**
 * A word, with what stands before it and is no part of it (an escape of JSON or of an URL, a color of a terminal) and the
 * length of a prefix after it. The class of a word and what may come before it begin differently, so nothing is tried twice.
 */
const WORD = new RegExp(
  `(\\\\{1,16}(?:u[\\da-f]{4}|x[\\da-f]{2}|[nrtbf])|%[\\da-f]{2}|\\[[\\d;]{0,12}m)?(${CHARACTER}+)(?:(\\\\?/)(\\d{1,3})(?!\\w|[.:]\\w))?`,
  "gi",
);

const QUAD = /(?<![\da-z]|\d\.|\.so\.)\d{1,3}(?:\.\d{1,3}){3}(?![\da-z]|\.\d)/gi;
const DASHED_QUAD = /(?<![\da-z]|[\da-z]-)ip-\d{1,3}(?:-\d{1,3}){3}(?![\da-z]|-[\da-z])/gi;
const DASHED_MAC = /(?<![\da-z]|[\da-z]-)[\da-f]{2}(?:-[\da-f]{2}){5}(?![\da-z]|-[\da-z])/gi;
/** Names of network cards that were named after their MAC address: `enx001122334455`. */
const NAMED_MAC = /(?<![\da-z])((?:en|wl|ww)x)([\da-f]{12})(?![\da-z])/gi;
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
const REMEMBERED = 200_000;

/** Replaces words of a text by what becomes of each, alone. */
export const createRewriter = (replacement: Replacement): ((text: string) => string) => {
  const { addresses, onAddress } = replacement;

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
    return formatSix(image, like);
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

  const inside = (word: string): string => {
    let text = word;
    if (/\d/.test(word))
      text = text
        .replace(QUAD, (quad) => {
          const bytes = parseFour(quad);
          return bytes === undefined ? quad : four(bytes);
        })
        .replace(DASHED_QUAD, (quad) => {
          const bytes = parseFour(quad.slice(3).replaceAll("-", "."));
          return bytes === undefined ? quad : `${quad.slice(0, 3)}${four(bytes).replaceAll(".", "-")}`;
        })
        .replace(DASHED_MAC, (text) => mac(bytesOf(text.replaceAll("-", "")), text))
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
      bytes === undefined
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

  const GROUP = /^(?:[\da-f]{0,4}|(?:\d{1,3}\.){3}\d{1,3}|[\da-f]{1,4}\.\d{1,5})$/i;
  const MAX_GROUPS = 15;

  /** Of a stretch with two colons or more. */
  const colons = (text: string, bits?: number): string => {
    const [, , after] = stripped(text);
    const parts = text.slice(0, text.length - after.length).split(/([:_-])/);
    const done: string[] = [];
    let pending = "";
    let start = 0;
    while (start < parts.length) {
      let end = start;
      while (GROUP.test(parts[end] ?? "") && parts[end + 1] === ":" && GROUP.test(parts[end + 2] ?? "")) end += 2;
      let found: string | undefined;
      let length = 0;
      for (let first = start; first < end && found === undefined; first += 2)
        for (let last = Math.min(end, first + 2 * MAX_GROUPS); last > first && found === undefined; last -= 2) {
          const candidate = parts.slice(first, last + 1).join("");
          // A colon after an address is none of it; neither is a port after all eight groups.
          const following = parts.slice(last + 1, end + 1).join("");
          const whole = first === start && (following === "" || /^:\d{0,5}$/.test(following));
          found = address(
            candidate,
            (last - first) / 2 + 1,
            whole,
            last === parts.length - 1 && after === "" ? bits : undefined,
          );
          if (found === undefined) continue;
          pending += parts.slice(start, first).join("");
          length = last + 1 - start;
        }
      if (found === undefined) {
        pending += parts.slice(start, end + 2).join("");
        start = end + 2;
        continue;
      }
      done.push(words(pending), found);
      pending = parts[start + length] ?? "";
      start += length + 1;
    }
    return `${done.join("")}${words(pending, bits)}${after}`;
  };

  const rewrite = (text: string, bits?: number): string => {
    if (KERNEL_SOCKET.test(text)) {
      const bytes = swapped(bytesOf(text.slice(0, text.indexOf(":"))));
      const image = bytes.length === 4 ? parseFour(four(bytes)) : parseSix(six(bytes, ""));
      return `${hexOf(swapped(image ?? bytes)).toUpperCase()}${text.slice(text.indexOf(":"))}`;
    }
    const first = text.indexOf(":");
    return first !== -1 && text.includes(":", first + 1) ? colons(text, bits) : words(text, bits);
  };

  const whole = (before: string, text: string, bits?: number): string => {
    if (before === "") return rewrite(text, bits);
    // `\nweb1` is a line's end and `web1`, unless there is a name `nweb1`: a text that is not escaped has a backslash too.
    const joined = `${/[\da-z]{0,2}$/i.exec(before)?.[0] ?? ""}${text}`;
    const one = before.startsWith("\\") ? joined.slice(-text.length - 1) : joined;
    return !before.startsWith("[") && replacement.isNoted(one)
      ? `${before.slice(0, text.length - one.length)}${replacement.name(one) ?? one}`
      : `${before}${rewrite(text, bits)}`;
  };

  const remembered = new Map<string, string>();
  return (text) =>
    text.replace(
      WORD,
      (
        match,
        before: string | undefined,
        core: string,
        slash: string | undefined,
        digits: string | undefined,
        at: number,
      ) => {
        const known = remembered.get(match);
        let image = known;
        if (image === undefined) {
          image = whole(before ?? "", core, digits === undefined ? undefined : Number(digits));
          if (digits !== undefined) image += `${slash}${digits}`;
          if (remembered.size >= REMEMBERED) remembered.clear();
          if (match.length <= MAX_REMEMBERED_LENGTH) remembered.set(match, image);
        }
        // A key of JSON stays, whatever a host is called.
        return image !== match && isKey(text, at, match) ? match : image;
      },
    );
};

/** Whether a single word is a key of an object, however often its JSON was escaped: only names with dots are replaced there. */
const isKey = (text: string, at: number, word: string): boolean => {
  const after = at + word.length;
  return /^[\w-]+$/.test(word) && text[at - 1] === '"' && /^\\{0,16}"\s{0,8}:/.test(text.slice(after, after + 30));
};
