import { symlinkSync } from "node:fs";
import tls, { rootCertificates } from "node:tls";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { dial } from "../../src/probes/tcp.ts";
import { handshake } from "../../src/probes/tls.ts";
import { createTrustContexts, loadTrustStore } from "../../src/probes/trust-store.ts";
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
  const store = await loadTrustStore({ SSL_CERT_FILE: bundle, SSL_CERT_DIR: `${a}:${b}` }, "linux");
  expect(store).toMatchObject({ certificates: 3 + 1, from: [bundle, a, b], lookedAt: [bundle, a, b] });
  expect([...store.pems].sort()).toEqual([ONE, TWO, THREE, FOUR].map((pem) => pem.trim()).sort());
});

test("a certificate that is in two places counts once", async () => {
  folder.write("twice/one.pem", ONE.replaceAll("\n", "\r\n"));
  const twice = `${folder.path}/twice`;
  expect(await loadTrustStore({ SSL_CERT_FILE: bundle, SSL_CERT_DIR: twice }, "linux")).toMatchObject({
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
  const store = await loadTrustStore({ SSL_CERT_FILE: NOWHERE, SSL_CERT_DIR: linked }, "linux");
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
  const { lookedAt: withFile } = await loadTrustStore({ SSL_CERT_FILE: bundle }, "linux");
  expect(withFile).toEqual([bundle, "/etc/ssl/certs", "/etc/pki/tls/certs"]);
  const { lookedAt: withDirectory } = await loadTrustStore({ SSL_CERT_DIR: a }, "linux");
  expect([withDirectory[0], withDirectory.length, withDirectory.at(-1)]).toEqual([
    "/etc/ssl/certs/ca-certificates.crt",
    7,
    a,
  ]);
});

test.each([
  ["places that are not there", { SSL_CERT_FILE: NOWHERE, SSL_CERT_DIR: `${NOWHERE}:${NOWHERE}2` }],
  ["a file in place of a directory", { SSL_CERT_FILE: NOWHERE, SSL_CERT_DIR: bundle }],
  ["a directory in place of a file", { SSL_CERT_FILE: a, SSL_CERT_DIR: NOWHERE }],
])("%s give an empty store", async (_what, environment) => {
  expect(await loadTrustStore(environment, "linux")).toMatchObject({ certificates: 0, from: [], pems: [] });
});

test("an unknown system has no places, and an empty variable is none", async () => {
  expect(await loadTrustStore({ SSL_CERT_FILE: "", SSL_CERT_DIR: "" }, "sunos")).toEqual({
    certificates: 0,
    from: [],
    lookedAt: [],
    pems: [],
  });
});

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

const UNREADABLE = folder.write("unreadable.pem", "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n");

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
  ["two files, one not there", [], { caFiles: [NOWHERE, certificates.caFile], only: true }, "accepted"],
  ["two files, one unreadable", [], { caFiles: [UNREADABLE, certificates.caFile], only: true }, "accepted"],
  ["a file that is not there", [certificates.ca], { caFiles: [NOWHERE], only: true }, "tls-untrusted"],
])("by %s the authority of the tests is judged rightly", async (_what, system, trust, expected) => {
  const context = createTrustContexts(loaded(...system));
  expect(await verdict(await context(trust && { ...trust, skipVerify: false }))).toBe(expected);
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
