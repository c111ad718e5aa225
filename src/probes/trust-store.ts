import { createPrivateKey, X509Certificate } from "node:crypto";
import { readdir, readFile, readlink, stat } from "node:fs/promises";
import tls from "node:tls";
import type { CaStore, Failed, Trust, TrustStoreObservation } from "../model/observation.ts";
import { stopwatch } from "./clock.ts";
import { failed, failure } from "./failure.ts";
import { once } from "./once.ts";

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

export interface LoadedStore extends TrustStoreObservation {
  readonly pems: readonly string[];
}

/**
 * Reads the CA store as a Go program with these variables does (loadSystemRoots in golang/go, crypto/x509/root_unix.go):
 * the first readable bundle of the list, which SSL_CERT_FILE replaces, and besides it every file of the directories,
 * which SSL_CERT_DIR replaces, several separated by colons. Each variable replaces its own half only.
 */
export const loadTrustStore = async ({ file, directories: named }: CaStore, platform: string): Promise<LoadedStore> => {
  const places = PLACES[platform] ?? { files: [], directories: [] };
  const files = file ? [file] : places.files;
  const directories = named ? named.split(":") : places.directories;
  const pems = new Set<string>();
  const from: string[] = [];
  const add = async (path: string): Promise<boolean> => {
    const content = await readPems(path);
    if (content === undefined) return false;
    for (const pem of content.match(PEM) ?? []) pems.add(pem.replaceAll("\r", ""));
    return true;
  };
  for (const bundle of files) {
    const before = pems.size;
    const wasRead = await add(bundle);
    if (pems.size > before) from.push(bundle);
    // A bundle that can be read ends the search, whatever is in it.
    if (wasRead) break;
  }
  for (const directory of directories) {
    const names = await uniqueEntries(directory).catch(() => []);
    const before = pems.size;
    await Promise.all(names.map((name) => add(`${directory}/${name}`)));
    if (pems.size > before) from.push(directory);
  }
  return { certificates: pems.size, from, lookedAt: [...files, ...directories], pems: [...pems] };
};

/** Reads each store once. */
export const createTrustStores = (platform: string): ((store: CaStore) => Promise<LoadedStore>) => {
  const load = once((store: Required<CaStore>) => loadTrustStore(store, platform));
  // In one order, whoever wrote it in which.
  return ({ file = "", directories = "" }) => load({ file, directories });
};

/** The client's own certificate and its key, PEM. */
interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** One certificate that OpenSSL cannot read must not spoil the others: Go skips such entries too. */
const contextOf = (
  pems: readonly string[],
  identity: Identity | undefined,
  maxVersion: tls.SecureVersion,
): tls.SecureContext => {
  // Any certificate of the pool is an anchor to Go; OpenSSL by itself wants a root.
  const trusting = (ca: string[]): tls.SecureContext =>
    tls.createSecureContext({ ca, allowPartialTrustChain: true, minVersion: "TLSv1.2", maxVersion, ...identity });
  try {
    return trusting([...pems]);
  } catch {
    return trusting(pems.filter((pem) => succeeds(() => new X509Certificate(pem))));
  }
};

const succeeds = (make: () => unknown): boolean => {
  try {
    make();
    return true;
  } catch {
    return false;
  }
};

/** A file that a client cannot do without: its failure names the file and says why, and nothing of what is in it. */
const refuse = (path: string, why: string): Failed => failed("host", "file-error", `${path}: ${why}`, 0);

/** The text of a file that a configuration names: PEM, so whatever is in it is latin1. */
const readNamed = async (path: string): Promise<string | Failed> => {
  try {
    const about = await stat(path);
    if (!about.isFile()) return refuse(path, "not a regular file");
    if (about.size > MAX_BYTES) return { ...refuse(path, `larger than ${MAX_BYTES} bytes`), code: "file-large" };
    return await readFile(path, "latin1");
  } catch (error) {
    const saw = failure("host", error, 0);
    return { ...saw, message: refuse(path, saw.errno ?? "cannot be read").message };
  }
};

/** The certificates of a file of authorities: one that can be read at least. */
const readAuthorities = async (path: string): Promise<readonly string[] | Failed> => {
  const content = await readNamed(path);
  if (typeof content !== "string") return content;
  const pems = content.match(PEM) ?? [];
  return pems.some((pem) => succeeds(() => new X509Certificate(pem))) ? pems : refuse(path, "holds no certificate");
};

/** A client certificate and its key, which must belong together. */
const readIdentity = async ({ certFile, keyFile }: NonNullable<Trust["certificate"]>): Promise<Identity | Failed> => {
  const [cert, key] = await Promise.all([readNamed(certFile), readNamed(keyFile)]);
  if (typeof cert !== "string") return cert;
  if (typeof key !== "string") return key;
  if (!succeeds(() => new X509Certificate(cert))) return refuse(certFile, "holds no certificate");
  if (!succeeds(() => createPrivateKey(key))) return refuse(keyFile, "holds no private key that can be read");
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
    return refuse(keyFile, `is not the key of ${certFile}`);
  }
  // What is left are OpenSSL's own limits, such as a key that is too short.
  return succeeds(() => tls.createSecureContext({ cert, key }))
    ? { cert, key }
    : refuse(certFile, "is not accepted by OpenSSL");
};

export interface Trusted {
  readonly ok: true;
  readonly context: tls.SecureContext;
}

const isFailed = (value: object | undefined): value is Failed => value !== undefined && "ok" in value;

/** All that a context is made from. */
interface Wanted extends Pick<Trust, "caFiles" | "only" | "certificate"> {
  readonly store: CaStore;
  readonly maxVersion: tls.SecureVersion;
}

/**
 * Makes one TLS context for each trust configuration, and keeps it: building one costs more than a handshake. Files that
 * the configuration names must be there and good: CrowdSec stops with an error where they are not.
 */
export const createTrustContexts = (
  load: (store: CaStore) => Promise<LoadedStore>,
): ((trust: Trust | undefined, maxVersion?: tls.SecureVersion) => Promise<Trusted | Failed>) => {
  const made = once(async ({ caFiles, only, certificate, store, maxVersion }: Wanted): Promise<Trusted | Failed> => {
    const elapsed = stopwatch();
    const [identity, ...own] = await Promise.all([
      certificate && readIdentity(certificate),
      ...caFiles.map(readAuthorities),
    ]);
    const bad = [...own, identity].find(isFailed);
    if (bad) return { ...bad, elapsedMs: elapsed() };
    const system = only ? [] : (await load(store)).pems;
    const authorities = own.flatMap((pems) => (isFailed(pems) ? [] : pems));
    return {
      ok: true,
      context: contextOf([...system, ...authorities], isFailed(identity) ? undefined : identity, maxVersion),
    };
  });
  return (trust, maxVersion = "TLSv1.3") => {
    const { caFiles = [], only = false, certificate, store = {} } = trust ?? {};
    return made({ caFiles, only, ...(certificate && { certificate }), store: only ? {} : store, maxVersion });
  };
};
