import { createHash } from "node:crypto";

/** The curve of RFC 8032, section 5.1: its field, the order of its base point, the base point, and d. */
const P = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
const BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202n;
const BASE_Y = 46316835694926478169428394003475163141307993866256225615783033603165251855960n;

/** A point in extended coordinates: x = X/Z, y = Y/Z, x·y = T/Z. */
type Point = readonly [X: bigint, Y: bigint, Z: bigint, T: bigint];

const mod = (value: bigint, modulus = P): bigint => ((value % modulus) + modulus) % modulus;

const add = ([x1, y1, z1, t1]: Point, [x2, y2, z2, t2]: Point): Point => {
  const a = mod((y1 - x1) * (y2 - x2));
  const b = mod((y1 + x1) * (y2 + x2));
  const c = mod(2n * t1 * t2 * D);
  const d = mod(2n * z1 * z2);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
};

const timesBase = (scalar: bigint): Point => {
  let sum: Point = [0n, 1n, 1n, 0n];
  let power: Point = [BASE_X, BASE_Y, 1n, mod(BASE_X * BASE_Y)];
  for (let rest = scalar; rest > 0n; rest >>= 1n) {
    if (rest & 1n) sum = add(sum, power);
    power = add(power, power);
  }
  return sum;
};

const inverse = (value: bigint): bigint => {
  let [result, base] = [1n, value];
  for (let rest = P - 2n; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * base);
    base = mod(base * base);
  }
  return result;
};

const fromLittleEndian = (bytes: Buffer): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
const toLittleEndian = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse();

const encode = ([x, y, z]: Point): Buffer => {
  const byZ = inverse(z);
  const bytes = toLittleEndian(mod(y * byZ));
  if (mod(x * byZ) & 1n) bytes[31] = (bytes[31] ?? 0) | 0x80;
  return bytes;
};

const sha512 = (...parts: readonly Buffer[]): Buffer => createHash("sha512").update(Buffer.concat(parts)).digest();

/**
 * How MariaDB's `client_ed25519` answers the server's 32 random bytes: Ed25519 with the password in place of the 32-byte
 * seed, which is why Node's own cannot do it (plugin/auth_ed25519 in github.com/MariaDB/server). CrowdSec's driver
 * speaks it too; mysql2 does not.
 */
export const signEd25519 = (password: string, scramble: Buffer): Buffer => {
  const secret = sha512(Buffer.from(password));
  const clamped = Buffer.from(secret.subarray(0, 32));
  clamped[0] = (clamped[0] ?? 0) & 248;
  clamped[31] = ((clamped[31] ?? 0) & 63) | 64;
  const scalar = fromLittleEndian(clamped);
  const publicKey = encode(timesBase(scalar));
  const r = mod(fromLittleEndian(sha512(secret.subarray(32), scramble)), ORDER);
  const commitment = encode(timesBase(r));
  const challenge = mod(fromLittleEndian(sha512(commitment, publicKey, scramble)), ORDER);
  return Buffer.concat([commitment, toLittleEndian(mod(r + challenge * scalar, ORDER))]);
};
