import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { chmodSync, symlinkSync } from "node:fs";
import tls, { rootCertificates } from "node:tls";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import type { CaStore, Failed, Trust } from "../../src/model/observation.ts";
import { dial } from "../../src/probes/tcp.ts";
import { handshake } from "../../src/probes/tls.ts";
import { createTrustContexts, createTrustStores, loadTrustStore, type Trusted } from "../../src/probes/trust-store.ts";
import { makeCertificates } from "../support/certificates.ts";
import { makeFolder } from "../support/folder.ts";
import { createServers } from "../support/servers.ts";

const certificates = makeCertificates();
const folder = makeFolder();
const servers = createServers();
afterEach(servers.close);
afterAll(() => {
  certificates.remove();
  folder.remove();
});

// Certificates that stand for those of a system.
const [ONE = "", TWO = "", THREE = "", FOUR = ""] = rootCertificates.map((pem) => `${pem}\n`);
const BROKEN = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
const NOWHERE = `${folder.path}/nowhere`;

const bundle = folder.write("bundle.pem", `# a comment\n${ONE}some text\n${TWO}`);
folder.write("a/three.pem", THREE);
folder.write("a/README", "no certificate");
folder.write("b/four.pem", FOUR);
const [a, b] = [`${folder.path}/a`, `${folder.path}/b`];

test("SSL_CERT_FILE and SSL_CERT_DIR take the place of the system's, and count together", async () => {
  const store = await loadTrustStore({ file: bundle, directories: `${a}:${b}` }, "linux");
  expect(store).toMatchObject({ certificates: 3 + 1, from: [bundle, a, b], lookedAt: [bundle, a, b] });
  expect([...store.pems].sort()).toEqual([ONE, TWO, THREE, FOUR].map((pem) => pem.trim()).sort());
});

test("a certificate that is in two places counts once", async () => {
  folder.write("twice/one.pem", ONE.replaceAll("\n", "\r\n"));
  const twice = `${folder.path}/twice`;
  expect(await loadTrustStore({ file: bundle, directories: twice }, "linux")).toMatchObject({
    certificates: 2,
    from: [bundle],
    lookedAt: [bundle, twice],
  });
});

test("a certificate behind a link to its neighbour counts once, and one behind a link to elsewhere counts", async () => {
  const linked = `${folder.path}/linked`;
  folder.write("linked/plain.pem", FOUR);
  symlinkSync("plain.pem", `${linked}/hash.0`);
  symlinkSync("../a/three.pem", `${linked}/elsewhere.0`);
  const store = await loadTrustStore({ file: NOWHERE, directories: linked }, "linux");
  expect(store).toMatchObject({ certificates: 2, from: [linked] });
});

test.each([
  [
    "linux",
    [
      "/etc/ssl/certs/ca-certificates.crt",
      "/etc/pki/tls/certs/ca-bundle.crt",
      "/etc/ssl/ca-bundle.pem",
      "/etc/pki/tls/cacert.pem",
      "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
      "/etc/ssl/cert.pem",
      "/etc/ssl/certs",
      "/etc/pki/tls/certs",
    ],
  ],
  [
    "freebsd",
    [
      "/usr/local/etc/ssl/cert.pem",
      "/etc/ssl/cert.pem",
      "/usr/local/share/certs/ca-root-nss.crt",
      "/etc/openssl/certs/ca-certificates.crt",
      "/etc/ssl/certs",
      "/usr/local/share/certs",
      "/etc/openssl/certs",
    ],
  ],
])("on %s the places are those of Go's crypto/x509, in its order", async (platform, places) => {
  expect((await loadTrustStore({}, platform)).lookedAt).toEqual(places);
});

test("each variable replaces its own half of the places", async () => {
  const { lookedAt: withFile } = await loadTrustStore({ file: bundle }, "linux");
  expect(withFile).toEqual([bundle, "/etc/ssl/certs", "/etc/pki/tls/certs"]);
  const { lookedAt: withDirectory } = await loadTrustStore({ directories: a }, "linux");
  expect([withDirectory[0], withDirectory.length, withDirectory.at(-1)]).toEqual([
    "/etc/ssl/certs/ca-certificates.crt",
    7,
    a,
  ]);
});

test.each([
  ["places that are not there", { file: NOWHERE, directories: `${NOWHERE}:${NOWHERE}2` }],
  ["a file in place of a directory", { file: NOWHERE, directories: bundle }],
  ["a directory in place of a file", { file: a, directories: NOWHERE }],
])("%s give an empty store", async (_what, store) => {
  expect(await loadTrustStore(store, "linux")).toMatchObject({ certificates: 0, from: [], pems: [] });
});

test("a bundle without a certificate ends the search all the same, and gave none", async () => {
  const empty = folder.write("empty.pem", "no certificate");
  expect(await loadTrustStore({ file: empty, directories: a }, "linux")).toMatchObject({ certificates: 1, from: [a] });
});

test("each store is read once, however many components share it", async () => {
  const stores = createTrustStores("linux");
  const shared = stores({ file: bundle, directories: a });
  expect(stores({ directories: a, file: bundle })).toBe(shared);
  expect(stores({ file: bundle, directories: b })).not.toBe(shared);
  expect(stores({})).not.toBe(shared);
  expect(await shared).toMatchObject({ certificates: 3, from: [bundle, a] });
});

test("an unknown system has no places, and an empty variable is none", async () => {
  expect(await loadTrustStore({ file: "", directories: "" }, "sunos")).toEqual({
    certificates: 0,
    from: [],
    lookedAt: [],
    pems: [],
  });
});

/** The context that must come of good files. */
const contextOf = async (made: Promise<Trusted | Failed>): Promise<tls.SecureContext> => {
  const trusted = await made;
  if (!trusted.ok) throw new Error(trusted.message);
  return trusted.context;
};

/** Whether a client with this context takes the certificate of the tests' own authority; the code when it does not. */
const verdict = async (context: tls.SecureContext): Promise<string> => {
  const port = await servers.listen(tls.createServer({ ...certificates.leaves.good }));
  const limits = { timeoutMs: 5000, signal: new AbortController().signal };
  const dialed = await dial({ address: "127.0.0.1", port }, limits);
  if (!dialed.ok) throw new Error(dialed.message);
  const saw = await handshake(dialed.socket, { host: "lapi.test", context, trust: undefined }, limits);
  if (!saw.ok) return saw.code;
  saw.socket.destroy();
  return saw.refused?.code ?? "accepted";
};

const loaded =
  (...pems: readonly string[]) =>
  async () => ({ certificates: pems.length, from: [], lookedAt: [], pems });

test.each([
  ["the system's store", [certificates.ca], undefined, "accepted"],
  ["an empty store", [], undefined, "tls-untrusted"],
  ["another store", [ONE], undefined, "tls-untrusted"],
  ["a store with a broken certificate before the good one", [BROKEN, certificates.ca], undefined, "accepted"],
  ["a store with a broken certificate behind the good one", [certificates.ca, BROKEN], undefined, "accepted"],
  ["a file of its own besides the system's store", [ONE], { caFiles: [certificates.caFile], only: false }, "accepted"],
  ["the system's store besides a file of its own", [certificates.ca], { caFiles: [bundle], only: false }, "accepted"],
  ["a file of its own only", [], { caFiles: [certificates.caFile], only: true }, "accepted"],
  ["another file only", [certificates.ca], { caFiles: [bundle], only: true }, "tls-untrusted"],
])("by %s the authority of the tests is judged rightly", async (_what, system, trust, expected) => {
  const context = createTrustContexts(loaded(...system));
  expect(await verdict(await contextOf(context(trust && { ...trust, skipVerify: false })))).toBe(expected);
});

test("a context is made once for each trust, and the store is not read where it is left out", async () => {
  let loads = 0;
  const context = createTrustContexts(async () => {
    loads += 1;
    return loaded(ONE)();
  });
  const own = { caFiles: [certificates.caFile], only: true, skipVerify: false };
  expect(await context(own)).toBe(await context({ ...own, skipVerify: true }));
  expect(loads).toBe(0);
  expect(await context(undefined)).toBe(await context({ caFiles: [], only: false, skipVerify: false }));
  expect(await context(undefined)).not.toBe(await context(own));
  expect(loads).toBe(1);
  expect(await context({ ...own, only: false })).not.toBe(await context(own));
});

test("each component is judged by the store of its own environment", async () => {
  const file = folder.write("corporate.pem", certificates.ca);
  const context = createTrustContexts(createTrustStores("linux"));
  const trust = { caFiles: [], only: false, skipVerify: false };
  const by = async (store?: CaStore): Promise<string> =>
    verdict(await contextOf(context(store ? { ...trust, store } : trust)));
  expect(await by({ file, directories: NOWHERE })).toBe("accepted");
  expect(await by({ file: NOWHERE, directories: NOWHERE })).toBe("tls-untrusted");
  expect(await by({ file: bundle, directories: folder.path })).toBe("accepted");
  expect(await by()).toBe("tls-untrusted");
  // Without a word about a store, or with an empty one, it is the same context.
  expect(await context({ ...trust, store: {} })).toBe(await context(undefined));
  expect(await context({ ...trust, store: { file } })).not.toBe(await context(undefined));
});

const NOTHING = folder.write("nothing.pem", "no certificate");
const UNREADABLE = folder.write("unreadable.pem", "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n");

test.each([
  ["is not there", [NOWHERE], "file-missing", `${NOWHERE}: ENOENT`],
  ["is not there, beside a good one,", [certificates.caFile, NOWHERE], "file-missing", `${NOWHERE}: ENOENT`],
  ["is a folder", [a], "file-error", `${a}: not a regular file`],
  ["holds no certificate", [NOTHING], "file-error", `${NOTHING}: holds no certificate`],
  ["holds none that can be read", [UNREADABLE], "file-error", `${UNREADABLE}: holds no certificate`],
])("a named file of authorities that %s is a failure of this host, as CrowdSec stops there", async (...row) => {
  const [, caFiles, code, message] = row;
  const context = createTrustContexts(loaded(certificates.ca));
  const expected = { ok: false, phase: "host", code, message };
  expect(await context({ caFiles, only: false, skipVerify: false })).toMatchObject(expected);
  expect(await context({ caFiles, only: true, skipVerify: true })).toMatchObject(expected);
});

test("a broken certificate beside a good one in a named file is passed over, as Go does it", async () => {
  const file = folder.write("mixed.pem", `${BROKEN}${certificates.ca}`);
  const context = createTrustContexts(loaded());
  expect(await verdict(await contextOf(context({ caFiles: [file], only: true, skipVerify: false })))).toBe("accepted");
});

const asOrdinaryUser = process.getuid?.() === 0 ? test.skip : test;

asOrdinaryUser("a named file that this user may not read is denied", async () => {
  const file = folder.write("denied.pem", certificates.ca);
  chmodSync(file, 0);
  const context = createTrustContexts(loaded());
  expect(await context({ caFiles: [file], only: false, skipVerify: false })).toMatchObject({
    ok: false,
    phase: "host",
    code: "file-denied",
    message: `${file}: EACCES`,
  });
});

const { cert: CERT, key: KEY } = certificates.leaves.good;
const certFile = folder.write("client.crt", CERT);
const keyFile = folder.write("client.key", KEY);
const client = (certificate: NonNullable<Trust["certificate"]>): Trust => ({
  caFiles: [certificates.caFile],
  only: true,
  skipVerify: false,
  certificate,
});

test.each([
  ["in two files", certFile, keyFile],
  ["in one file, the key first", folder.write("both.pem", KEY + CERT), `${folder.path}/both.pem`],
  ["in one file, the certificate first", folder.write("both2.pem", CERT + KEY), `${folder.path}/both2.pem`],
])("a client certificate and its key %s are shown to a server that demands them", async (...[, certificate, key]) => {
  const server = tls.createServer({
    ...certificates.leaves.good,
    requestCert: true,
    rejectUnauthorized: true,
    ca: [certificates.ca],
  });
  const shown = new Promise((resolve) => {
    server.once("secureConnection", (socket) => resolve(socket.getPeerX509Certificate()?.subject));
  });
  const port = await servers.listen(server);
  const context = createTrustContexts(loaded());
  const socket = tls.connect({
    port,
    host: "127.0.0.1",
    servername: "lapi.test",
    secureContext: await contextOf(context(client({ certFile: certificate, keyFile: key }))),
  });
  expect(await shown).toBe("O=Preflight tests\nCN=lapi.test");
  socket.destroy();
});

const otherKey = folder.write(
  "other.key",
  generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey.export({ format: "pem", type: "pkcs8" }),
);
const lockedKey = folder.write(
  "locked.key",
  createPrivateKey(KEY).export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase: "p4ssw0rd" }),
);

test.each([
  ["whose certificate is not there", NOWHERE, keyFile, "file-missing", `${NOWHERE}: ENOENT`],
  ["whose key is not there", certFile, NOWHERE, "file-missing", `${NOWHERE}: ENOENT`],
  ["without a certificate", keyFile, keyFile, "file-error", `${keyFile}: holds no certificate`],
  ["without a key", certFile, certFile, "file-error", `${certFile}: holds no private key that can be read`],
  [
    "whose key has a passphrase",
    certFile,
    lockedKey,
    "file-error",
    `${lockedKey}: holds no private key that can be read`,
  ],
  ["with another one's key", certFile, otherKey, "file-error", `${otherKey}: is not the key of ${certFile}`],
])("a client certificate %s is a failure that names the file", async (_what, certificate, key, code, message) => {
  const context = createTrustContexts(loaded(certificates.ca));
  const saw = await context(client({ certFile: certificate, keyFile: key }));
  expect(saw).toMatchObject({ ok: false, phase: "host", code, message });
});

test("a context with a client certificate is another one than that without", async () => {
  const context = createTrustContexts(loaded());
  const withOne = client({ certFile, keyFile });
  const { certificate: _, ...without } = withOne;
  expect(await context(withOne)).toBe(await context({ ...withOne }));
  expect(await context(withOne)).not.toBe(await context(without));
});
