import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { Secret } from "../model/secret.ts";

/** What a listener shows in TLS, as PEM. */
export interface Identity {
  readonly key: Secret;
  /** The listener's own first, then those above it. */
  readonly cert: string;
  /** SHA-256 of the listener's own certificate (DER), hex. */
  readonly fingerprint: string;
  readonly given: boolean;
}

/** Why there is none: one sentence that names the file. */
export interface NoIdentity {
  readonly ok: false;
  readonly problem: string;
}

const fingerprintOf = (certificate: X509Certificate): string =>
  certificate.fingerprint256.replaceAll(":", "").toLowerCase();

/** Peers whose clock is behind by less than this take it all the same, milliseconds. */
const BEFORE_MS = 3_600_000;
const AFTER_MS = 86_400_000;

/** What a DNS name of a certificate may consist of; no host name with anything else would be any use there. */
const NAME = /^[a-z\d](?:[a-z\d.-]{0,61}[a-z\d])?$/i;

/** A certificate for these names and addresses that signs itself; its key is kept in memory alone. */
export const throwAway = async (
  names: readonly string[],
  addresses: readonly string[],
  ttlMs: number,
): Promise<Identity> => {
  // Most listeners speak no TLS, or have a certificate.
  const { generate } = await import("selfsigned");
  const fit = names.filter((name) => NAME.test(name));
  const { private: key, cert } = await generate([{ name: "commonName", value: fit[0] ?? "crowdsec-preflight" }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    notBeforeDate: new Date(Date.now() - BEFORE_MS),
    notAfterDate: new Date(Date.now() + ttlMs + AFTER_MS),
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          ...[...new Set([...fit, "localhost"])].map((value) => ({ type: 2, value }) as const),
          ...[...new Set(addresses.filter((address) => isIP(address) > 0))].map((ip) => ({ type: 7, ip }) as const),
        ],
      },
    ],
  });
  return { key: new Secret(key), cert, fingerprint: fingerprintOf(new X509Certificate(cert)), given: false };
};

const CODES: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "this user may not read it",
  EPERM: "this user may not read it",
  EISDIR: "it is a folder",
};

const MAX_BYTES = 1024 * 1024;

const readPem = async (flag: string, path: string): Promise<string | NoIdentity> => {
  try {
    const content = await readFile(path, "utf8");
    return content.length > MAX_BYTES
      ? { ok: false, problem: `${flag} ${path} is no PEM file: it is too large.` }
      : content;
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    return { ok: false, problem: `${flag} ${path} cannot be read: ${CODES[code] ?? message}.` };
  }
};

/** @returns a problem in place of what cannot be parsed */
const certificateOf = (pem: string, path: string): X509Certificate | NoIdentity => {
  try {
    return new X509Certificate(pem);
  } catch {
    return { ok: false, problem: `--cert ${path} holds no certificate in PEM (-----BEGIN CERTIFICATE-----).` };
  }
};

const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

const keyOf = (pem: string, path: string): KeyObject | NoIdentity => {
  if (ENCRYPTED.test(pem))
    return {
      ok: false,
      problem: `--key ${path} is encrypted, and CrowdSec could not read it either: it wants a key without a passphrase.`,
    };
  try {
    return createPrivateKey(pem);
  } catch {
    return { ok: false, problem: `--key ${path} holds no private key in PEM (-----BEGIN PRIVATE KEY-----).` };
  }
};

const isNone = (value: object | string): value is NoIdentity => typeof value === "object" && "problem" in value;

/** The certificate and key that the Local API is to have, as its owner wrote them. What is wrong with their dates or names, the peers say. */
export const readIdentity = async (certFile: string, keyFile: string): Promise<Identity | NoIdentity> => {
  const [cert, key] = [await readPem("--cert", certFile), await readPem("--key", keyFile)];
  if (isNone(cert)) return cert;
  if (isNone(key)) return key;
  const certificate = certificateOf(cert, certFile);
  if (isNone(certificate)) return certificate;
  const privateKey = keyOf(key, keyFile);
  if (isNone(privateKey)) return privateKey;
  if (!certificate.checkPrivateKey(privateKey))
    return {
      ok: false,
      problem: `--key ${keyFile} does not belong to --cert ${certFile}, whose first certificate is ${certificate.subject.replaceAll("\n", ", ")}.`,
    };
  return { key: new Secret(key), cert, fingerprint: fingerprintOf(certificate), given: true };
};
