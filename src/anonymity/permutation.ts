import { createHmac } from "node:crypto";

/** The numbers of a space that begin with the first `bits` bits of `bytes`. */
export interface Part {
  readonly bytes: readonly number[];
  readonly bits: number;
  /** Each number of it stays itself; otherwise they only stay among themselves. Of parts inside each other, the smallest counts. */
  readonly fixed: boolean;
}

/** Of numbers of one length, each byte 0 to 255. */
export interface Permutation {
  /** @param bits how many of the first bits may change; the others stay */
  forth(bytes: readonly number[], bits?: number): readonly number[];
  /** The other way round. */
  back(bytes: readonly number[], bits?: number): readonly number[];
}

/** How many prefixes are remembered before all are forgotten; 10 MB or so. */
const REMEMBERED = 65_536;

/** How many first bits two numbers share. */
export const sharedBits = (one: readonly number[], other: readonly number[]): number => {
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index++) {
    const difference = (one[index] ?? 0) ^ (other[index] ?? 0);
    if (difference !== 0) return 8 * index + Math.clz32(difference) - 24;
  }
  return 8 * length;
};

/**
 * A permutation that preserves prefixes, as Crypto-PAn's: two numbers that share exactly n first bits do so afterwards. A
 * bit is flipped or not by what stands before it, and never where a part of `parts` lies on one side of it and not on the
 * other: so each part is mapped onto itself. What stands beside a part therefore keeps as many bits as it shares with it,
 * and one more.
 */
export const createPermutation = (key: Buffer, name: string, parts: readonly Part[]): Permutation => {
  const remembered = new Map<string, Buffer>();
  /** 256 bits: those of the binary tree of the byte that follows this prefix, its root being bit 1. */
  const flipsAfter = (prefix: string): Buffer => {
    const known = remembered.get(prefix);
    if (known !== undefined) return known;
    const flips = createHmac("sha256", key).update(`${name}:${prefix}`).digest();
    if (remembered.size >= REMEMBERED) remembered.clear();
    remembered.set(prefix, flips);
    return flips;
  };
  /** How many first bits stay: the same number for a number and for its image. */
  const keptBits = (bytes: readonly number[]): number => {
    let kept = 0;
    let smallest = -1;
    let fixed = false;
    for (const part of parts) {
      const shared = sharedBits(bytes, part.bytes);
      kept = Math.max(kept, Math.min(shared + 1, part.bits));
      if (shared >= part.bits && part.bits > smallest) {
        smallest = part.bits;
        fixed = part.fixed;
      }
    }
    return fixed ? 8 * bytes.length : kept;
  };
  const walk = (bytes: readonly number[], bits: number, inverse: boolean): readonly number[] => {
    const kept = keptBits(bytes);
    let prefix = "";
    return bytes.map((byte, index) => {
      const first = 8 * index;
      if (first >= bits) return byte;
      const flips = first + 8 > kept ? flipsAfter(prefix) : undefined;
      let node = 1;
      let image = 0;
      for (let bit = 0; bit < 8; bit++) {
        const given = (byte >> (7 - bit)) & 1;
        const free = flips !== undefined && first + bit >= kept && first + bit < bits;
        const flip = free ? ((flips[node >> 3] ?? 0) >> (node & 7)) & 1 : 0;
        image = (image << 1) | (given ^ flip);
        node = (node << 1) | (inverse ? given ^ flip : given);
      }
      // Both ways the prefix is that of the original.
      prefix += String.fromCharCode(inverse ? image : byte);
      return image;
    });
  };
  return {
    forth: (bytes, bits = 8 * bytes.length) => walk(bytes, bits, false),
    back: (bytes, bits = 8 * bytes.length) => walk(bytes, bits, true),
  };
};
