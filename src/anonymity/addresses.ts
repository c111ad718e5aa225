import { type Ip, parseIp } from "../model/address.ts";
import { createPermutation } from "./permutation.ts";
import { IPV4_PARTS, IPV6_PARTS, MAC_PARTS, turned, turnedBack } from "./ranges.ts";

/** From original to pseudonym, or back. Bytes are those of the address; `bits` of a network: those of its prefix. */
export interface Addresses {
  four(bytes: readonly number[], bits?: number): readonly number[];
  six(bytes: readonly number[], bits?: number): readonly number[];
  mac(bytes: readonly number[]): readonly number[];
}

const NAT64: Ip = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];
const MAPPED: Ip = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
const SIX_TO_FOUR: Ip = [0x20, 0x02];

const startsWith = (bytes: readonly number[], prefix: readonly number[]): boolean =>
  prefix.every((byte, index) => byte === bytes[index]);

const isZero = (bytes: readonly number[]): boolean => bytes.every((byte) => byte === 0);

export const createAddresses = (key: Buffer, direction: "forth" | "back"): Addresses => {
  const four = createPermutation(key, "ipv4", IPV4_PARTS)[direction];
  const six = createPermutation(key, "ipv6", IPV6_PARTS)[direction];
  // Of 6to4 what follows the IPv4 address.
  const rest = createPermutation(key, "6to4", [])[direction];
  const mac = createPermutation(key, "mac", MAC_PARTS)[direction];
  return {
    four,
    six: (bytes, bits = 128) => {
      // Where IPv4 stands in IPv6, it is the same address as without.
      if (startsWith(bytes, MAPPED) || startsWith(bytes, NAT64))
        return [...bytes.slice(0, 12), ...four(bytes.slice(12), Math.max(0, bits - 96))];
      if (startsWith(bytes, SIX_TO_FOUR))
        return [
          ...SIX_TO_FOUR,
          ...four(bytes.slice(2, 6), Math.min(32, Math.max(0, bits - 16))),
          ...rest(bytes.slice(6), Math.max(0, bits - 48)),
        ];
      return six(bytes, bits);
    },
    mac: (bytes) => {
      // All zeros is no address; what would become that goes one round more, so that each still has its own.
      if (isZero(bytes)) return bytes;
      const image = mac(turned(bytes));
      return turnedBack(isZero(image) ? mac(image) : image);
    },
  };
};

/** Four decimal numbers; zeros before a number are overlooked, as the programs do that write them. */
export const parseFour = (text: string): readonly number[] | undefined => {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)
    ? parts.map(Number)
    : undefined;
};

/** Of IPv6 only. */
export const parseSix = (text: string): readonly number[] | undefined =>
  text.includes(":") ? parseIp(text) : undefined;

const hex = (byte: number): string => byte.toString(16).padStart(2, "0");

/** The longest stretch of zero groups, two at least: [start, end). */
const longestZeros = (groups: readonly number[]): readonly [number, number] => {
  let best: readonly [number, number] = [0, 0];
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > Math.max(1, best[1] - best[0])) best = [start, end];
  }
  return best;
};

/** As RFC 5952 has it. @param dotted the last four bytes as IPv4 */
const compressed = (bytes: readonly number[], dotted: boolean): string => {
  const groups = Array.from({ length: dotted ? 6 : 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  const [start, end] = longestZeros(groups);
  const texts = groups.map((group) => group.toString(16));
  if (dotted) texts.push(bytes.slice(12).join("."));
  return end === 0 ? texts.join(":") : `${texts.slice(0, start).join(":")}::${texts.slice(end).join(":")}`;
};

/** In the spelling of another one: compressed or not, upper or lower case, with an IPv4 address at its end or not. */
export const formatSix = (bytes: readonly number[], like = ""): string => {
  const dotted = like.includes(".");
  const text =
    like.includes("::") || !/(?:^|:)(?:0[\da-f]{1,3}|0:0)(?=:|$)/i.test(like)
      ? compressed(bytes, dotted)
      : Array.from({ length: dotted ? 6 : 8 }, (_, index) => {
          const group = `${hex(bytes[2 * index] ?? 0)}${hex(bytes[2 * index + 1] ?? 0)}`;
          return /(?:^|:)0[\da-f]{1,3}(?=:|$)/i.test(like) ? group : group.replace(/^0{1,3}/, "");
        })
          .concat(dotted ? [bytes.slice(12).join(".")] : [])
          .join(":");
  return /[A-F]/.test(like) ? text.toUpperCase() : text;
};

/** @param like upper or lower case, with hyphens or colons */
export const formatMac = (bytes: readonly number[], like: string): string => {
  const text = bytes.map(hex).join(like.includes("-") ? "-" : ":");
  return /[A-F]/.test(like) ? text.toUpperCase() : text;
};
