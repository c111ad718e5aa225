import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { createSecureContext } from "node:tls";
import { Secret } from "../model/secret.ts";
import { printable } from "../model/text.ts";

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

/** A file that somebody named, and what is in it. */
export interface PemFile {
  readonly path: string;
  readonly content: string;
}

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

const isNone = (value: object): value is NoIdentity => "problem" in value;

/** Why OpenSSL, as this host has set it up, refuses a certificate, by its codes. */
const REFUSED: Readonly<Record<string, string>> = {
  ERR_SSL_EE_KEY_TOO_SMALL: "its key is too short; RSA wants 2048 bits or more",
  ERR_SSL_CA_KEY_TOO_SMALL: "the key of a certificate above it is too short; RSA wants 2048 bits or more",
  ERR_SSL_CA_MD_TOO_WEAK: "it is signed with a hash that is too weak; SHA-256 is not",
};

/** A pair that parses may still be one with which TLS cannot be spoken. */
const refusalOf = (cert: PemFile, key: PemFile): NoIdentity | undefined => {
  try {
    createSecureContext({ cert: cert.content, key: key.content });
    return undefined;
  } catch (error) {
    const { code = "", reason, message } = error as NodeJS.ErrnoException & { readonly reason?: string };
    const why = REFUSED[code] ?? printable(reason ?? message, 200);
    return { ok: false, problem: `--cert ${cert.path} cannot be used for TLS on this host: ${why}.` };
  }
};

/** The certificate and key that the Local API is to have, as its owner wrote them. What is wrong with their dates or names, the peers say. */
export const readIdentity = (cert: PemFile, key: PemFile): Identity | NoIdentity => {
  const certificate = certificateOf(cert.content, cert.path);
  if (isNone(certificate)) return certificate;
  const privateKey = keyOf(key.content, key.path);
  if (isNone(privateKey)) return privateKey;
  if (!certificate.checkPrivateKey(privateKey))
    return {
      ok: false,
      problem: `--key ${key.path} does not belong to --cert ${cert.path}, whose first certificate is ${certificate.subject.replaceAll("\n", ", ")}.`,
    };
  const refusal = refusalOf(cert, key);
  if (refusal) return refusal;
  return { key: new Secret(key.content), cert: cert.content, fingerprint: fingerprintOf(certificate), given: true };
};
