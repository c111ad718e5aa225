import { readdir, readFile, readlink, stat } from "node:fs/promises";
import tls from "node:tls";
import type { Trust, TrustStoreObservation } from "../model/observation.ts";

/** Where Go's crypto/x509 looks on each system: root_linux.go, root_bsd.go in golang/go. */
const PLACES: Readonly<Record<string, { readonly files: readonly string[]; readonly directories: readonly string[] }>> =
  {
    linux: {
      files: [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/pki/tls/cacert.pem",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ssl/cert.pem",
      ],
      directories: ["/etc/ssl/certs", "/etc/pki/tls/certs"],
    },
    freebsd: {
      files: [
        "/usr/local/etc/ssl/cert.pem",
        "/etc/ssl/cert.pem",
        "/usr/local/share/certs/ca-root-nss.crt",
        "/etc/openssl/certs/ca-certificates.crt",
      ],
      directories: ["/etc/ssl/certs", "/usr/local/share/certs", "/etc/openssl/certs"],
    },
  };

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Far more than any bundle holds. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Undefined for what cannot be read as a file: a FIFO or a device would never end. */
const readPems = async (path: string): Promise<string | undefined> => {
  const about = await stat(path).catch(() => undefined);
  return about?.isFile() && about.size <= MAX_BYTES ? readFile(path, "latin1").catch(() => undefined) : undefined;
};

/** Entries of a directory as Go reads them: links to a neighbour are the same certificate twice, so they are left out. */
const uniqueEntries = async (directory: string): Promise<string[]> => {
  const entries = await readdir(directory, { withFileTypes: true });
  const kept = await Promise.all(
    entries.map(async (entry) => {
      if (!entry.isSymbolicLink()) return entry.name;
      const target = await readlink(`${directory}/${entry.name}`).catch(() => "");
      return target.includes("/") ? entry.name : undefined;
    }),
  );
  return kept.filter((name) => name !== undefined);
};

interface Loaded extends TrustStoreObservation {
  readonly pems: readonly string[];
}

/**
 * Reads the CA store as Go does: the first readable bundle of the list (`SSL_CERT_FILE` replaces the list), and besides
 * it every file of the directories (`SSL_CERT_DIR` replaces those, several separated by colons).
 */
export const loadTrustStore = async (
  environment: Readonly<Record<string, string | undefined>>,
  platform: string,
): Promise<Loaded> => {
  const places = PLACES[platform] ?? { files: [], directories: [] };
  const files = environment["SSL_CERT_FILE"] ? [environment["SSL_CERT_FILE"]] : places.files;
  const directories = environment["SSL_CERT_DIR"] ? environment["SSL_CERT_DIR"].split(":") : places.directories;
  const pems = new Set<string>();
  const from: string[] = [];
  const add = async (path: string): Promise<boolean> => {
    const content = await readPems(path);
    if (content === undefined) return false;
    for (const pem of content.match(PEM) ?? []) pems.add(pem.replaceAll("\r", ""));
    return true;
  };
  for (const file of files) {
    if (await add(file)) {
      from.push(file);
      break;
    }
  }
  for (const directory of directories) {
    const names = await uniqueEntries(directory).catch(() => []);
    const before = pems.size;
    await Promise.all(names.map((name) => add(`${directory}/${name}`)));
    if (pems.size > before) from.push(directory);
  }
  return { certificates: pems.size, from, lookedAt: [...files, ...directories], pems: [...pems] };
};

/** One certificate that OpenSSL cannot read must not spoil the others: Go skips such entries too. */
const contextOf = (pems: readonly string[]): tls.SecureContext => {
  const ca = [...pems];
  try {
    return tls.createSecureContext({ ca });
  } catch {
    return tls.createSecureContext({ ca: ca.filter((pem) => readable(pem)) });
  }
};

const readable = (pem: string): boolean => {
  try {
    tls.createSecureContext({ ca: pem });
    return true;
  } catch {
    return false;
  }
};

/** Makes one TLS context for each trust configuration, and keeps it: building one costs more than a handshake. */
export const createTrustContexts = (
  load: () => Promise<Loaded>,
): ((trust: Trust | undefined) => Promise<tls.SecureContext>) => {
  const contexts = new Map<string, Promise<tls.SecureContext>>();
  return (trust) => {
    const caFiles = trust?.caFiles ?? [];
    const only = trust?.only ?? false;
    const key = JSON.stringify([caFiles, only]);
    const known = contexts.get(key);
    if (known) return known;
    const made = (async () => {
      const own = await Promise.all(caFiles.map(async (path) => (await readPems(path)) ?? ""));
      const system = only ? [] : (await load()).pems;
      return contextOf([...system, ...own.flatMap((content) => content.match(PEM) ?? [])]);
    })();
    contexts.set(key, made);
    return made;
  };
};
