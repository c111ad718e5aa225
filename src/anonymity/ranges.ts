import { parseRange } from "../model/address.ts";
import type { Part } from "./permutation.ts";

const part = (text: string, fixed: boolean): Part => {
  const range = parseRange(text);
  if (range === undefined) throw new Error(`${text} is no range`);
  return text.includes(":")
    ? { bytes: range.ip, bits: range.bits, fixed }
    : { bytes: range.ip.slice(12), bits: range.bits - 96, fixed };
};

const fixed = (texts: readonly string[]): readonly Part[] => texts.map((text) => part(text, true));
const closed = (texts: readonly string[]): readonly Part[] => texts.map((text) => part(text, false));

/**
 * Resolvers that everybody may ask: which of them a host asks tells nothing about it, and much about its trouble. Of
 * Cloudflare, Google, Quad9, OpenDNS, and the one that Azure has inside of every network.
 */
const PUBLIC_RESOLVERS_4 =
  "1.1.1.1 1.0.0.1 8.8.8.8 8.8.4.4 9.9.9.9 149.112.112.112 208.67.222.222 208.67.220.220 168.63.129.16".split(" ");
const PUBLIC_RESOLVERS_6 =
  "2606:4700:4700::1111 2606:4700:4700::1001 2001:4860:4860::8888 2001:4860:4860::8844 2620:fe::fe 2620:fe::9".split(
    " ",
  );

/**
 * What kind an IPv4 address is (https://www.iana.org/assignments/iana-ipv4-special-registry). Fixed: "this network",
 * loopback, link-local, documentation, 6to4 relays, multicast, reserved with all netmasks from /4 on, and broadcast.
 * Closed: private, carrier-grade NAT, benchmarking.
 */
export const IPV4_PARTS: readonly Part[] = [
  ...fixed(["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24"]),
  ...fixed(["203.0.113.0/24", "192.88.99.0/24", "224.0.0.0/4", "240.0.0.0/4"]),
  ...fixed(PUBLIC_RESOLVERS_4.map((address) => `${address}/32`)),
  ...closed(["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15"]),
];

/**
 * The same of IPv6 (https://www.iana.org/assignments/iana-ipv6-special-registry), where what holds an IPv4 address is
 * mapped with that (addresses.ts). Solicited-node multicast holds the end of an address, so it is only closed; 200::/7 is
 * unassigned, and what an overlay network uses.
 */
export const IPV6_PARTS: readonly Part[] = [
  ...fixed(["::/8", "100::/8", "400::/6", "800::/5", "1000::/4", "2001:db8::/32", "3fff::/20", "4000::/2", "8000::/2"]),
  ...fixed(["c000::/3", "e000::/4", "f000::/5", "f800::/6", "fe00::/9", "ff00::/8"]),
  ...fixed(PUBLIC_RESOLVERS_6.map((address) => `${address}/128`)),
  ...closed(["::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "200::/7", "2000::/3", "2001::/23", "2001::/32"]),
  ...closed(["2002::/16", "fc00::/8", "fd00::/8", "fe80::/10", "fe80::/64", "fec0::/10", "ff02::1:ff00:0/104"]),
];

/** The bits of a MAC address that say what it is, multicast and local, stand first, so that they are a prefix. */
export const turned = (mac: readonly number[]): readonly number[] =>
  mac.map((byte, index) => (index === 0 ? ((byte & 3) << 6) | (byte >> 2) : byte));
export const turnedBack = (mac: readonly number[]): readonly number[] =>
  mac.map((byte, index) => (index === 0 ? ((byte << 2) & 0xff) | (byte >> 6) : byte));

/** Multicast of Ethernet, IPv4 and IPv6, and broadcast, are fixed; solicited-node multicast is only closed. */
export const MAC_PARTS: readonly Part[] = [
  ...[0, 1, 2, 3].map((kind): Part => ({ bytes: [kind << 6, 0, 0, 0, 0, 0], bits: 2, fixed: false })),
  ...[
    { bytes: [0x01, 0x00, 0x5e, 0, 0, 0], bits: 24, fixed: true },
    { bytes: [0x01, 0x80, 0xc2, 0, 0, 0], bits: 24, fixed: true },
    { bytes: [0x33, 0x33, 0, 0, 0, 0], bits: 17, fixed: true },
    { bytes: [0x33, 0x33, 0xff, 0, 0, 0], bits: 24, fixed: false },
    { bytes: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], bits: 48, fixed: true },
  ].map((each): Part => ({ ...each, bytes: turned(each.bytes) })),
];
