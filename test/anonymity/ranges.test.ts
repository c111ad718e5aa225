import { expect, test } from "@jest/globals";
import { IPV4_PARTS, IPV6_PARTS, MAC_PARTS, turned, turnedBack } from "../../src/anonymity/ranges.ts";

test("a MAC address that was turned is turned back", () => {
  for (let first = 0; first < 256; first++)
    expect(turnedBack(turned([first, 1, 2, 3, 4, 5]))).toEqual([first, 1, 2, 3, 4, 5]);
  expect(turned([2, 0, 0, 0, 0, 0])[0]).toBe(0x80);
});

test.each([
  ["IPv4", IPV4_PARTS, 4],
  ["IPv6", IPV6_PARTS, 16],
  ["MAC", MAC_PARTS, 6],
] as const)("each part of %s is written without bits after its prefix, once", (_, parts, length) => {
  for (const { bytes, bits } of parts) {
    expect(bytes).toHaveLength(length);
    const rest = bytes.map((byte, index) => byte & (0xff >> Math.min(8, Math.max(0, bits - 8 * index))));
    expect([bytes, bits, rest]).toEqual([bytes, bits, bytes.map(() => 0)]);
  }
  expect(new Set(parts.map(({ bytes, bits }) => `${bytes.join(".")}/${bits}`)).size).toBe(parts.length);
});
