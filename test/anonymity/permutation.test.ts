import { createHash } from "node:crypto";
import { expect, test } from "@jest/globals";
import { createPermutation, type Part, sharedBits } from "../../src/anonymity/permutation.ts";

const KEY = Buffer.alloc(32, 7);

/** Numbers that look random and are the same in each run. */
const numbers = (count: number, bytes: number): number[][] =>
  Array.from({ length: count }, (_, index) => [...createHash("sha256").update(`${index}`).digest().subarray(0, bytes)]);

const PARTS: readonly Part[] = [
  { bytes: [10, 0], bits: 8, fixed: false },
  { bytes: [0x7f, 0], bits: 8, fixed: true },
  { bytes: [0x7f, 0x80], bits: 9, fixed: false },
];

test("two bytes: each number has one pseudonym, no two have the same one, and it leads back", () => {
  const { forth, back } = createPermutation(KEY, "test", PARTS);
  const images = new Set<number>();
  const lost: number[] = [];
  for (let number = 0; number < 65_536; number++) {
    const bytes = [number >> 8, number & 255];
    const image = forth(bytes);
    images.add(((image[0] ?? 0) << 8) | (image[1] ?? 0));
    const [first = 0, second = 0] = back(image);
    if (((first << 8) | second) !== number) lost.push(number);
  }
  expect({ images: images.size, lost }).toEqual({ images: 65_536, lost: [] });
});

test("a fixed part stays, a closed one stays among itself, also where one is inside the other", () => {
  const { forth } = createPermutation(KEY, "test", PARTS);
  for (let last = 0; last < 256; last++) {
    expect(forth([10, last])[0]).toBe(10);
    const [first, second = 0] = forth([0x7f, last]);
    expect(first).toBe(0x7f);
    if (last < 128) expect(second).toBe(last);
    else expect(second).toBeGreaterThanOrEqual(128);
    expect(forth([11, last])[0]).not.toBe(10);
  }
  expect(Array.from({ length: 128 }, (_, low) => forth([0x7f, 128 + low])[1] === 128 + low)).toContain(false);
});

test.each([4, 6, 16])("%d bytes: what shares n bits shares exactly n bits afterwards", (length) => {
  const { forth } = createPermutation(KEY, "test", []);
  const [base = [], ...others] = numbers(40, length);
  for (let bits = 0; bits < 8 * length; bits++) {
    // The same first bits, another one, and then anything.
    const other = others[bits % others.length] ?? [];
    const flipped = base.map((byte, index) => {
      const mask = 0xff & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * index)));
      const one = index === bits >> 3 ? 0x80 >> (bits & 7) : 0;
      return (byte & (mask | one)) ^ one ^ ((other[index] ?? 0) & ~(mask | one) & 0xff);
    });
    expect(sharedBits(base, flipped)).toBe(bits);
    expect(sharedBits(forth(base), forth(flipped))).toBe(bits);
  }
});

test("of a network the bits after its prefix stay, and the others are those of its members", () => {
  const { forth, back } = createPermutation(KEY, "test", []);
  for (const bits of [0, 1, 7, 8, 9, 15, 16, 23, 24, 31, 32]) {
    const address = [0xb5, 0x5a, 0x33, 0xcc];
    const network = address.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * index))) & 0xff);
    const image = forth(network, bits);
    expect(sharedBits(image, forth(address))).toBeGreaterThanOrEqual(bits);
    expect(image.map((byte, index) => byte & (0xff >> Math.min(8, Math.max(0, bits - 8 * index))))).toEqual([
      0, 0, 0, 0,
    ]);
    expect(back(image, bits)).toEqual(network);
  }
});

test("another key, and another space, is another permutation", () => {
  const image = (key: Buffer, name: string): string => createPermutation(key, name, []).forth([1, 2, 3, 4]).join(".");
  expect(new Set([image(KEY, "one"), image(KEY, "other"), image(Buffer.alloc(32, 8), "one")]).size).toBe(3);
});
