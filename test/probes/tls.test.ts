import http from "node:http";
import net from "node:net";
import tls from "node:tls";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import type { Failed, Trust } from "../../src/model/observation.ts";
import { dial } from "../../src/probes/tcp.ts";
import { handshake, type TlsOpened } from "../../src/probes/tls.ts";
import { type LeafName, makeCertificates } from "../support/certificates.ts";
import { createServers } from "../support/servers.ts";

const certificates = makeCertificates();
afterAll(certificates.remove);

const servers = createServers();
const clients: tls.TLSSocket[] = [];
afterEach(async () => {
  for (const socket of clients.splice(0)) socket.destroy();
  await servers.close();
});

interface Client {
  readonly host?: string;
  /** PEM of the authorities that it trusts. */
  readonly ca?: readonly string[];
  readonly trust?: Trust;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const shake = async (
  server: net.Server,
  { host = "lapi.test", ca = [certificates.ca], trust, timeoutMs = 5000, signal }: Client = {},
): Promise<{ readonly saw: TlsOpened | Failed; readonly raw: net.Socket }> => {
  const port = await servers.listen(server);
  const limits = { timeoutMs, signal: signal ?? new AbortController().signal };
  const dialed = await dial({ address: "127.0.0.1", port }, limits);
  if (!dialed.ok) throw new Error(dialed.message);
  const context = tls.createSecureContext({ ca: [...ca] });
  const saw = await handshake(dialed.socket, { host, context, trust }, limits);
  if (saw.ok) clients.push(saw.socket);
  return { saw, raw: dialed.socket };
};

const showing = (name: LeafName, options: tls.TlsOptions = {}): tls.Server =>
  tls.createServer({ ...certificates.leaves[name], ...options });

/** A server that answers a client's first bytes by doing `then`. */
const after = (then: (socket: net.Socket) => void): net.Server =>
  net.createServer((socket) => socket.once("data", () => then(socket)));

/** The opened connection's fault, or undefined when it has none. */
const refusal = (saw: TlsOpened | Failed): Failed | undefined => {
  if (!saw.ok) throw new Error(`no handshake at all: ${saw.message}`);
  return saw.refused;
};

test.each([
  ["a name of its list", "good", "lapi.test"],
  ["another name of its list", "good", "second.test"],
  ["a name with a final dot", "good", "lapi.test."],
  ["a name under its wildcard", "wildcard", "a.wild.test"],
  // OpenSSL wants two labels behind the star, Go does not: think of *.internal.
  ["a name under its wildcard of one label", "shortWildcard", "lapi.test"],
  ["an IPv4 address of its list", "address", "127.0.0.1"],
  ["an IPv6 address of its list", "address", "::1"],
  ["its name, with an intermediate that it shows", "byIntermediate", "lapi.test"],
] as const)("a certificate is accepted for %s", async (_what, leaf, host) => {
  const { saw } = await shake(showing(leaf), { host });
  expect(refusal(saw)).toBeUndefined();
});

test.each([
  ["has expired", "expired", "lapi.test", "tls-expired"],
  ["is not valid yet", "notYetValid", "lapi.test", "tls-not-yet-valid"],
  ["is for another name", "otherName", "lapi.test", "tls-wrong-host"],
  ["is for a name below its wildcard's", "wildcard", "a.b.wild.test", "tls-wrong-host"],
  ["is for the wildcard's own domain", "wildcard", "wild.test", "tls-wrong-host"],
  ["has a wildcard for a part of a label", "partialWildcard", "lapi.wild.test", "tls-wrong-host"],
  ["is for another address", "address", "127.0.0.2", "tls-wrong-host"],
  ["is for an address, not the name", "address", "lapi.test", "tls-wrong-host"],
  ["is for a name, not the address", "good", "127.0.0.1", "tls-wrong-host"],
  ["has the name as its common name alone", "commonNameOnly", "lapi.test", "tls-no-san"],
  ["is signed by a stranger", "byStranger", "lapi.test", "tls-untrusted"],
  ["has an expired certificate above it", "byExpiredIntermediate", "lapi.test", "tls-expired"],
  // Go looks at the dates first, then at the names, then at the signature.
  ["has expired and is for another name", "expired", "other.test", "tls-expired"],
  ["is not valid yet and is for another name", "notYetValid", "other.test", "tls-not-yet-valid"],
  ["is for another name and signed by a stranger", "byStranger", "other.test", "tls-wrong-host"],
] as const)("a certificate that %s is refused", async (_what, leaf, host, code) => {
  const { saw } = await shake(showing(leaf), { host });
  expect(refusal(saw)).toMatchObject({ ok: false, phase: "handshake", code });
});

test("a refusal says what OpenSSL called it, when OpenSSL minded too", async () => {
  const { saw: stranger } = await shake(showing("byStranger"));
  expect(refusal(stranger)).toMatchObject({
    tlsCode: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    message: expect.stringContaining("UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
  });
  const { saw: otherName } = await shake(showing("otherName"));
  expect(refusal(otherName)).not.toHaveProperty("tlsCode");
});

test("wrong dates of the server's own certificate are told from those of one above it", async () => {
  const { saw: own } = await shake(showing("expired"));
  const { saw: above } = await shake(showing("byExpiredIntermediate"));
  expect(refusal(own)?.message).toMatch(/^certificate expired on \d{4}-\d\d-\d\dT/);
  expect(refusal(above)?.message).toBe("a certificate above the server's own has expired");
  const { saw: early } = await shake(showing("notYetValid"));
  expect(refusal(early)?.message).toMatch(/^certificate is not valid before \d{4}-\d\d-\d\dT/);
});

test("an intermediate that the server keeps to itself leaves its certificate untrusted", async () => {
  const { key, cert } = certificates.leaves.byIntermediate;
  const [leafAlone = ""] = cert.split(/(?<=-----END CERTIFICATE-----\n)/);
  const { saw } = await shake(tls.createServer({ key, cert: leafAlone }));
  expect(refusal(saw)).toMatchObject({ code: "tls-untrusted" });
});

test("a client that trusts nobody refuses every certificate", async () => {
  const { saw } = await shake(showing("good"), { ca: [] });
  expect(refusal(saw)).toMatchObject({ code: "tls-untrusted" });
});

test.each(["expired", "otherName", "commonNameOnly", "byStranger"] as const)(
  "insecure_skip_verify refuses nothing (%s), and still shows the certificate",
  async (leaf) => {
    const { saw } = await shake(showing(leaf), { trust: { caFiles: [], only: false, skipVerify: true } });
    expect(saw).toMatchObject({ ok: true, seen: { subject: "O=Preflight tests, CN=lapi.test" } });
    expect(refusal(saw)).toBeUndefined();
  },
);

test("what the peer showed is kept, with an accepted certificate and with a refused one", async () => {
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
  const { saw } = await shake(showing("good"));
  expect(saw).toMatchObject({
    ok: true,
    elapsedMs: expect.any(Number),
    seen: {
      protocol: "TLSv1.3",
      subject: "O=Preflight tests, CN=lapi.test",
      issuer: "O=Preflight tests, CN=ca",
      names: ["DNS:lapi.test", "DNS:second.test"],
      validFrom: time,
      validTo: time,
    },
  });
  const { saw: refused } = await shake(showing("expired"));
  const days = (Date.now() - Date.parse(refusal(refused)?.tls?.validTo ?? "")) / 86_400_000;
  expect(days).toBeCloseTo(1, 1);
  const { saw: nameless } = await shake(showing("commonNameOnly", { maxVersion: "TLSv1.2" }));
  expect(refusal(nameless)?.tls).toMatchObject({ protocol: "TLSv1.2", names: [] });
});

test.each([
  ["lapi.test", "lapi.test"],
  ["lapi.test.", "lapi.test"],
  ["127.0.0.1", false],
])("for the host %s the server is asked by the name %s", async (host, servername) => {
  const server = showing("good");
  const asked = new Promise((resolve) => {
    server.once("secureConnection", (socket: tls.TLSSocket & { servername?: string | false }) => {
      resolve(socket.servername);
    });
  });
  await shake(server, { host });
  expect(await asked).toBe(servername);
});

test("the connection of an accepted and of a refused certificate stays open for the caller, past the time limit", async () => {
  for (const leaf of ["good", "expired"] as const) {
    const server = showing(leaf);
    server.on("secureConnection", (socket) => socket.pipe(socket));
    const { saw } = await shake(server, { timeoutMs: 1000 });
    if (!saw.ok) throw new Error(saw.message);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    saw.socket.write("still here");
    expect(String(await new Promise((resolve) => saw.socket.once("data", resolve)))).toBe("still here");
  }
});

test.each([
  ["resets the connection", () => after((socket) => socket.resetAndDestroy()), "tls-reset"],
  ["closes the connection", () => after((socket) => socket.end()), "tls-reset"],
  ["says nothing", () => after(() => {}), "tls-stalled"],
  ["speaks HTTP", () => http.createServer(), "tls-not-tls"],
  ["speaks SSH", () => after((socket) => socket.write("SSH-2.0-OpenSSH_9.2\r\n")), "tls-not-tls"],
  ["speaks SMTP", () => after((socket) => socket.write("220 mail.test ESMTP\r\n")), "tls-not-tls"],
  ["sends zeros", () => after((socket) => socket.write(Buffer.alloc(64))), "tls-not-tls"],
  [
    "knows TLS 1.1 at most",
    () => showing("good", { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" }),
    "tls-version",
  ],
  [
    "has no cipher in common",
    () => showing("good", { maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-GCM-SHA256" }),
    "tls-alert",
  ],
  [
    "demands a client certificate in TLS 1.2",
    () =>
      showing("good", { maxVersion: "TLSv1.2", requestCert: true, rejectUnauthorized: true, ca: [certificates.ca] }),
    "tls-client-cert",
  ],
] as const)("a server that %s after the ClientHello", async (_what, server, code) => {
  const { saw, raw } = await shake(server(), { timeoutMs: code === "tls-stalled" ? 300 : 5000 });
  expect(saw).toMatchObject({ ok: false, phase: "handshake", code, message: expect.stringMatching(/./) });
  expect(raw.destroyed).toBe(true);
});

test.each([
  [21, "client certificate missed, as older Go servers say it", 42, "tls-client-cert"],
  [21, "protocol version", 70, "tls-version"],
  [21, "unrecognized name", 112, "tls-alert"],
  [21, "internal error", 80, "tls-alert"],
] as const)("alert record %i: %s (%i) is %s", async (type, _what, alert, code) => {
  const { saw } = await shake(after((socket) => socket.end(Buffer.from([type, 3, 3, 0, 2, 2, alert]))));
  expect(saw).toMatchObject({ ok: false, phase: "handshake", code, tlsCode: expect.stringMatching(/^ERR_SSL_/) });
});

test("a client certificate that is asked for and not insisted on is no hindrance", async () => {
  const { saw } = await shake(showing("good", { requestCert: true, rejectUnauthorized: false }));
  expect(refusal(saw)).toBeUndefined();
});

test("a signal ends a handshake that is under way", async () => {
  const stop = new AbortController();
  const server = after(() => setTimeout(() => stop.abort(), 20));
  const { saw, raw } = await shake(server, { timeoutMs: 20_000, signal: stop.signal });
  expect(saw).toMatchObject({ ok: false, phase: "handshake" });
  expect(saw.elapsedMs).toBeLessThan(10_000);
  expect(raw.destroyed).toBe(true);
});

test("a private authority is told from a public one, trusted or not, whatever else the server shows", async () => {
  const { key, cert } = certificates.leaves.good;
  const besides = tls.createServer({ key, cert: `${cert}\n${tls.rootCertificates[0]}` });
  const { saw: trusted } = await shake(besides);
  expect(refusal(trusted)).toBeUndefined();
  expect(trusted).toMatchObject({ ok: true, seen: { publicAuthority: false } });
  const { saw: refused } = await shake(showing("byStranger"));
  expect(refusal(refused)?.tls?.publicAuthority).toBe(false);
});
