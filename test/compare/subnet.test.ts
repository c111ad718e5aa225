import { describe, expect, test } from "@jest/globals";
import { commonSubnet, familyOf, isTelling, placed, showSubnet } from "../../src/compare/subnet.ts";
import { type Ip, inRange, parseIp, parseRange } from "../../src/model/address.ts";

const ip = (text: string): Ip => {
  const read = parseIp(text);
  if (read === undefined) throw new Error(`no address: ${text}`);
  return read;
};
const common = (...texts: string[]): string | undefined => {
  const subnet = commonSubnet(texts.map(ip));
  return subnet && showSubnet(subnet);
};

test.each<[string, string[]]>([
  ["10.3.0.0/16", ["10.3.0.1", "10.3.200.7", "10.3.17.4"]],
  ["10.0.0.5", ["10.0.0.5", "::ffff:10.0.0.5"]],
  ["10.0.0.4/31", ["10.0.0.5", "10.0.0.4"]],
  ["0.0.0.0/0", ["10.0.0.1", "192.168.0.1"]],
  ["2001:db8::/32", ["2001:db8::1", "2001:db8:8000::1"]],
  ["2001:db8:1::/63", ["2001:db8:1:0::7", "2001:db8:1:1::7"]],
  ["fe80::1", ["fe80::1"]],
  ["::/2", ["2001:db8::1", "::2"]],
])("%s is the smallest subnet of %j", (subnet, texts) => {
  expect(common(...texts)).toBe(subnet);
});

test("there is none of no address, and none of both families", () => {
  expect(common()).toBeUndefined();
  expect(common("10.0.0.1", "2001:db8::1")).toBeUndefined();
});

test.each([
  ["2001:db8::", "2001:db8:0:0:0:0:0:0"],
  ["::", "0:0:0:0:0:0:0:0"],
  ["::1", "0:0:0:0:0:0:0:1"],
  ["1::", "1:0:0:0:0:0:0:0"],
  ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
  // Of two runs the longer one, of equal ones the first.
  ["1:0:0:4::7", "1:0:0:4:0:0:0:7"],
  ["1::4:0:0:7:8", "1:0:0:4:0:0:7:8"],
  ["10:0:0:100::", "10:0:0:100:0:0:0:0"],
])("IPv6 is written as people write it: %s", (shown, written) => {
  expect(common(written)).toBe(shown);
});

describe("of any addresses", () => {
  /** The same every time. */
  const random = ((state: number) => () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  })(7);
  const digits = (count: number): number => Math.floor(random() * count);
  /** Addresses that have a random number of their first bits in common. */
  const some = (family: 4 | 6): readonly Ip[] => {
    const width = family === 4 ? 4 : 16;
    const base = Array.from({ length: width }, () => digits(256));
    const kept = digits(8 * width + 1);
    return Array.from({ length: 1 + digits(6) }, () => {
      const own = base.map((byte, index) => {
        const mask = (0xff00 >> Math.min(8, Math.max(0, kept - 8 * index))) & 0xff;
        return (byte & mask) | (digits(256) & ~mask & 0xff);
      });
      return family === 4 ? ip(own.join(".")) : own;
    });
  };

  test.each([4, 6] as const)("the subnet holds all, and no smaller one does: IPv%d", (family) => {
    for (let round = 0; round < 200; round += 1) {
      const ips = some(family);
      // Sixteen random bytes are never IPv4 in the spelling of IPv6.
      const subnet = commonSubnet(ips);
      if (subnet === undefined) throw new Error("no subnet");
      expect(ips.every((one) => inRange(subnet, one))).toBe(true);
      const smaller = { ip: subnet.ip, bits: subnet.bits + 1 };
      expect(subnet.bits === 128 || !ips.every((one) => inRange(smaller, one))).toBe(true);
      // What is shown is read as the same range.
      const shown = showSubnet(subnet);
      const read = parseRange(shown.includes("/") ? shown : `${shown}/${family === 4 ? 32 : 128}`);
      expect(read?.bits).toBe(subnet.bits);
      expect(read && ips.every((one) => inRange(read, one))).toBe(true);
    }
  });
});

test("what is shared by half of the world says nothing", () => {
  const telling = (text: string): boolean => {
    const range = parseRange(text);
    return range !== undefined && isTelling(range);
  };
  expect(["10.0.0.0/8", "10.0.0.0/7", "2001::/16", "2000::/3"].map(telling)).toEqual([true, false, true, false]);
});

test("loopback and what is no address say nothing of where a host stands", () => {
  const found = placed(["127.0.0.1", "::1", "10.0.0.7", "fe80::1%eth0", "lapi", ""]);
  expect(found.map((one) => [familyOf(one), showSubnet({ ip: one, bits: 128 })])).toEqual([
    [4, "10.0.0.7"],
    [6, "fe80::1"],
  ]);
});
