import { createPrivateKey, randomBytes, sign } from "node:crypto";
import { expect, test } from "@jest/globals";
import { signEd25519 } from "../../src/probes/mariadb-ed25519.ts";

/** What PKCS #8 puts before the seed of an Ed25519 key (RFC 8410). */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

test("a password of 32 bytes signs as the Ed25519 of RFC 8032 would with that seed", () => {
  for (let round = 0; round < 8; round += 1) {
    const seed = randomBytes(16).toString("hex");
    const scramble = randomBytes(32);
    const key = createPrivateKey({ key: Buffer.concat([PKCS8, Buffer.from(seed)]), format: "der", type: "pkcs8" });
    expect(signEd25519(seed, scramble).toString("hex")).toBe(sign(null, scramble, key).toString("hex"));
  }
});

test("a password of any length signs", () => {
  const scramble = Buffer.alloc(32, 7);
  const signatures = ["", "a", "a much longer password than a seed of 32 bytes is", "pässwörd"].map((password) =>
    signEd25519(password, scramble).toString("hex"),
  );
  expect(new Set(signatures).size).toBe(4);
  for (const signature of signatures) expect(signature).toHaveLength(128);
});
