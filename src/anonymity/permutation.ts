import { createCipheriv, createHmac } from "node:crypto";

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

/** Bytes of a block of AES, and how many of them it takes for the tree of one byte: 256 bits. */
const BLOCK = 16;
const TREE = 2 * BLOCK;
/** Of an address of IPv6. */
const MAX_BYTES = 16;

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
 * A permutation that preserves prefixes, as Crypto-PAn does and with AES as it does: two numbers that share exactly n first bits do so afterwards. A
 * bit is flipped or not by what stands before it, and never where a part of `parts` lies on one side of it and not on the
 * other: so each part is mapped onto itself. What stands beside a part therefore keeps as many bits as it shares with it,
 * and one more.
 */
export const createPermutation = (key: Buffer, name: string, parts: readonly Part[]): Permutation => {
  const secret = createHmac("sha256", key).update(name).digest();
  const cipher = createCipheriv("aes-256-ecb", secret, null).setAutoPadding(false);
  /**
   * For each byte from `from` to `to` the binary tree of what it can be, a bit at each node, the root being bit 1: by the
   * bytes before it, which together with their number fill a block.
   */
  const treesOf = (bytes: readonly number[], from: number, to: number): Buffer => {
    const blocks = Buffer.alloc(TREE * (to - from));
    for (let index = from; index < to; index++) {
      const at = TREE * (index - from);
      for (let before = 0; before < index; before++)
        blocks[at + before] = blocks[at + BLOCK + before] = bytes[before] ?? 0;
      blocks[at + BLOCK - 1] = index;
      blocks[at + TREE - 1] = MAX_BYTES | index;
    }
    return cipher.update(blocks);
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
    if (kept >= bits) return bytes;
    const original = [...bytes];
    const image = [...bytes];
    const from = kept >> 3;
    const to = Math.ceil(bits / 8);
    // The trees are those of the original: on the way back each byte is known only after the one before it.
    const trees = inverse ? undefined : treesOf(original, from, to);
    for (let index = from; index < to; index++) {
      const tree = trees?.subarray(TREE * (index - from)) ?? treesOf(original, index, index + 1);
      const byte = bytes[index] ?? 0;
      let node = 1;
      let result = 0;
      for (let bit = 0; bit < 8; bit++) {
        const given = (byte >> (7 - bit)) & 1;
        const free = 8 * index + bit >= kept && 8 * index + bit < bits;
        const flip = free ? ((tree[node >> 3] ?? 0) >> (node & 7)) & 1 : 0;
        result = (result << 1) | (given ^ flip);
        node = (node << 1) | (inverse ? given ^ flip : given);
      }
      if (inverse) original[index] = result;
      image[index] = result;
    }
    return image;
  };
  return {
    forth: (bytes, bits = 8 * bytes.length) => walk(bytes, bits, false),
    back: (bytes, bits = 8 * bytes.length) => walk(bytes, bits, true),
  };
};
