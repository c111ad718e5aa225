import { createHash } from "node:crypto";
import { expect, test } from "@jest/globals";
import { createAddresses, formatMac, formatSix, parseFour, parseSix } from "../../src/anonymity/addresses.ts";
import { sharedBits } from "../../src/anonymity/permutation.ts";
import { inRange, parseIp, parseRange } from "../../src/model/address.ts";

const KEY = Buffer.alloc(32, 3);
const forth = createAddresses(KEY, "forth");
const back = createAddresses(KEY, "back");

const random = (count: number, bytes: number): number[][] =>
  Array.from({ length: count }, (_, index) => [
    ...createHash("sha256").update(`a${index}`).digest().subarray(0, bytes),
  ]);

/** An address of a range, its other bits taken from elsewhere. */
const inside = (range: string, bits: readonly number[]): readonly number[] => {
  const { ip = [], bits: length = 0 } = parseRange(range) ?? {};
  const four = !range.includes(":");
  return (four ? ip.slice(12) : ip).map((byte, index) => {
    const own = 0xff & (0xff00 >> Math.min(8, Math.max(0, length - (four ? 96 : 0) - 8 * index)));
    return (byte & own) | ((bits[index] ?? 0) & ~own & 0xff);
  });
};
const image = (bytes: readonly number[]): readonly number[] =>
  bytes.length === 4 ? forth.four(bytes) : forth.six(bytes);
const text = (bytes: readonly number[]): string => (bytes.length === 4 ? bytes.join(".") : formatSix(bytes));
const isIn = (range: string, bytes: readonly number[]): boolean => {
  const parsed = parseRange(range);
  const ip = parseIp(text(bytes));
  return parsed !== undefined && ip !== undefined && inRange(parsed, ip);
};

const CLOSED = [
  ...["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15"],
  ...["fc00::/8", "fd00::/8", "fe80::/10", "fe80::/64", "fec0::/10", "2000::/3", "2001::/32", "200::/7"],
  ...["64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "ff02::1:ff00:0/104"],
];

test.each(CLOSED)("%s is mapped onto itself: one of it stays of its kind, and changes", (range) => {
  const members = random(200, 16).map((bits) => inside(range, bits));
  for (const member of members) expect([text(member), isIn(range, image(member))]).toEqual([text(member), true]);
  expect(members.filter((member) => text(image(member)) !== text(member)).length).toBeGreaterThan(150);
});

const FIXED = [
  ...[
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "198.51.100.0/24",
    "203.0.113.0/24",
  ],
  ...["224.0.0.0/4", "240.0.0.0/4", "::/10", "100::/8", "2001:db8::/32", "3fff::/20", "4000::/2", "ff02::/64"],
];
test.each(FIXED)("%s stays as it is", (range) => {
  for (const bits of random(100, 16)) {
    const member = inside(range, bits);
    if (text(member).startsWith("ff02::1:ff") || member.slice(0, 12).join("") === "0000000000255255") continue;
    expect(text(image(member))).toBe(text(member));
  }
});

test.each([
  ...["0.0.0.0", "255.255.255.255", "255.255.255.0", "255.255.0.0", "127.0.0.1", "127.0.0.53", "169.254.169.254"],
  ...["1.1.1.1", "8.8.8.8", "9.9.9.9", "168.63.129.16", "::", "::1", "ff02::1", "2001:4860:4860::8888"],
])("%s, which everybody has, stays", (address) => {
  const bytes = parseFour(address) ?? parseSix(address) ?? [];
  expect(text(image(bytes))).toBe(address);
});

test("what is public stays public", () => {
  const special = [...CLOSED, ...FIXED, "192.88.99.0/24"].filter((range) => !range.includes(":"));
  const isPublic = (bytes: readonly number[]): boolean => !special.some((range) => isIn(range, bytes));
  const members = random(1200, 4).filter(isPublic);
  expect(members.length).toBeGreaterThan(800);
  for (const member of members) expect([text(member), isPublic(image(member))]).toEqual([text(member), true]);
});

test("every address leads back, and two that share n bits share n bits afterwards", () => {
  for (const [one = [], other = []] of random(600, 4).map((bytes, index, all) => [bytes, all[index + 1] ?? bytes])) {
    expect(back.four(forth.four(one))).toEqual(one);
    expect(sharedBits(forth.four(one), forth.four(other))).toBe(sharedBits(one, other));
    const near = [...one.slice(0, 3), (one[3] ?? 0) ^ 5];
    expect(sharedBits(forth.four(one), forth.four(near))).toBe(sharedBits(one, near));
  }
  for (const bytes of [
    ...random(300, 16),
    ...CLOSED.filter((range) => range.includes(":")).map((range) => inside(range, random(1, 16)[0] ?? [])),
  ])
    expect(text(back.six(forth.six(bytes)))).toBe(text(bytes));
});

test.each(["::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "2002:a01:203::"])(
  "IPv4 in %s is the same as without",
  (address) => {
    const four = forth.four([10, 1, 2, 3]);
    const six = forth.six(parseSix(address) ?? []);
    expect(six.slice(address.startsWith("2002") ? 2 : 12).slice(0, 4)).toEqual(four);
  },
);

test("a MAC address stays unicast or multicast, and global or local, and leads back", () => {
  for (const bytes of random(500, 6)) {
    const mac = forth.mac(bytes);
    expect((mac[0] ?? 0) & 3).toBe((bytes[0] ?? 0) & 3);
    expect(back.mac(mac)).toEqual(bytes);
  }
  for (const known of ["ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "01:00:5e:00:00:fb", "33:33:00:00:00:01"]) {
    const bytes = known.split(":").map((pair) => Number.parseInt(pair, 16));
    expect(formatMac(forth.mac(bytes), ":")).toBe(known);
  }
  // The end of an IPv6 address stands in it.
  const solicited = [0x33, 0x33, 0xff, 0xaa, 0xbb, 0xcc];
  expect(forth.mac(solicited).slice(0, 3)).toEqual([0x33, 0x33, 0xff]);
  expect(forth.mac(solicited)).not.toEqual(solicited);
});

test.each([
  ["2001:db8::1", "", "2001:db8::1"],
  ["2001:db8:0:0:0:0:0:1", "2001:db8:0:0:0:0:0:1", "2001:db8:0:0:0:0:0:1"],
  ["2001:db8::1", "2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:0DB8:0000:0000:0000:0000:0000:0001"],
  ["::ffff:10.0.0.1", "::ffff:10.9.9.9", "::ffff:10.0.0.1"],
  ["::ffff:10.0.0.1", "::ffff:a00:9", "::ffff:a00:1"],
  ["::", "::1", "::"],
  ["1::", "", "1::"],
  ["1:0:2:0:0:3:4:5", "", "1:0:2::3:4:5"],
  ["1:0:2:3:4:5:6:7", "", "1:0:2:3:4:5:6:7"],
])("%s is written as %j is: %s", (address, like, written) => {
  expect(formatSix(parseSix(address) ?? [], like)).toBe(written);
});

test("IPv4 is four numbers, zeros before them or not", () => {
  expect(parseFour("010.001.2.3")).toEqual([10, 1, 2, 3]);
  for (const text of ["1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.x", ""]) expect(parseFour(text)).toBeUndefined();
});
