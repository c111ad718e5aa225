import { type Ip, type IpRange, isLoopbackIp, parseZonedIp } from "../model/address.ts";

/** IPv4 stands behind this many bits of the sixteen bytes. */
const FOUR_BITS = 96;

const isFour = (ip: Ip): boolean => ip.slice(0, 10).every((byte) => byte === 0) && ip[10] === 255 && ip[11] === 255;

export const familyOf = (ip: Ip): 4 | 6 => (isFour(ip) ? 4 : 6);

/** How many bits two addresses have in common from the left, 0 to 128. */
const sharedBits = (one: Ip, other: Ip): number => {
  const differs = one.findIndex((byte, index) => byte !== other[index]);
  return differs === -1 ? 128 : 8 * differs + Math.clz32((one[differs] ?? 0) ^ (other[differs] ?? 0)) - 24;
};

/** The smallest range that holds all of them; undefined of none, and of both families together. */
export const commonSubnet = (ips: readonly Ip[]): IpRange | undefined => {
  const [first] = ips;
  if (first === undefined || ips.some((ip) => isFour(ip) !== isFour(first))) return undefined;
  return { ip: first, bits: ips.reduce((least, ip) => Math.min(least, sharedBits(first, ip)), 128) };
};

/** As RFC 5952 has it: of two zero groups or more in a row, the longest run is `::`. */
const showSix = (ip: Ip): string => {
  const groups = Array.from({ length: 8 }, (_none, index) =>
    (((ip[2 * index] ?? 0) << 8) | (ip[2 * index + 1] ?? 0)).toString(16),
  );
  const text = groups.join(":");
  const [longest] = [...text.matchAll(/\b0(?::0\b)+/g)].map(([run]) => run).sort((a, b) => b.length - a.length);
  // Where the run stands at an end, or in the middle, its neighbours' colons become one pair.
  return longest === undefined ? text : text.replace(new RegExp(`(?:^|:)\\b${longest}\\b(?::|$)`), "::");
};

/** CIDR notation; a single address without a length. */
export const showSubnet = ({ ip, bits }: IpRange): string => {
  const network = ip.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * index))) & 0xff);
  const address = isFour(ip) ? network.slice(12).join(".") : showSix(network);
  return bits === 128 ? address : `${address}/${isFour(ip) ? bits - FOUR_BITS : bits}`;
};

/** Wider than these, what addresses have in common is chance; bits of all sixteen bytes. */
const WIDEST = { 4: FOUR_BITS + 8, 6: 16 } as const;

export const isTelling = ({ ip, bits }: IpRange): boolean => bits >= WIDEST[familyOf(ip)];

/** Addresses that say where a host stands: what can be read, and is not its own loopback. */
export const placed = (texts: Iterable<string>): readonly Ip[] =>
  [...texts].flatMap((text) => {
    const ip = parseZonedIp(text);
    return ip === undefined || isLoopbackIp(ip) ? [] : [ip];
  });
