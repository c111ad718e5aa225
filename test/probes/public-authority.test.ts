import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import tls, { rootCertificates } from "node:tls";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { createSignedBy, signedByPublicAuthority } from "../../src/probes/public-authority.ts";
import { makeCertificates } from "../support/certificates.ts";
import { createServers } from "../support/servers.ts";

const certificates = makeCertificates();
afterAll(certificates.remove);
const servers = createServers();
afterEach(servers.close);

const { folder, ca } = certificates;
const read = (name: string): string => readFileSync(join(folder, name), "utf8");
const openssl = (...parts: readonly string[]): void => {
  execFileSync("openssl", parts, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
};
const NAME = "/O=Preflight tests/CN=ca";

// The tests' authority, signed by the stranger: as a young authority is by one that everybody knows.
writeFileSync(join(folder, "cross.ext"), "basicConstraints=critical,CA:TRUE\n");
openssl("req", "-new", "-key", "ca.key", "-subj", NAME, "-out", "cross.csr");
openssl(
  ...["x509", "-req", "-in", "cross.csr", "-CA", "stranger.crt", "-CAkey", "stranger.key", "-set_serial", "7"],
  ...["-days", "30", "-extfile", "cross.ext", "-out", "cross.crt"],
);
// Of the same name as the tests' authority, with another key.
openssl(
  ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "other.key"],
  ...["-out", "namesake.crt", "-days", "30", "-subj", NAME, "-addext", "basicConstraints=critical,CA:TRUE"],
);
const [STRANGER, CROSS, NAMESAKE] = ["stranger.crt", "cross.crt", "namesake.crt"].map(read) as [string, string, string];
const [PUBLIC = ""] = rootCertificates;

const { good, byStranger, byIntermediate } = certificates.leaves;
const [LEAF = "", INTERMEDIATE = ""] = byIntermediate.cert.split(/(?<=-----END CERTIFICATE-----\n)/);

/** The certificate as a client gets it from a server that shows these. */
const shownBy = async (key: string, ...shown: readonly string[]): Promise<X509Certificate> => {
  const port = await servers.listen(tls.createServer({ key, cert: shown.join("\n") }));
  const socket = tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  if (certificate === undefined) throw new Error("no certificate");
  return certificate;
};

test.each([
  ["whose authority signed it itself", good, [good.cert], [ca], true],
  ["whose authority is one of several", good, [good.cert], [STRANGER, PUBLIC, ca], true],
  ["with its intermediate", byIntermediate, [LEAF, INTERMEDIATE], [ca], true],
  ["with its intermediate and its authority", byIntermediate, [LEAF, INTERMEDIATE, ca], [ca], true],
  ["in disorder", byIntermediate, [LEAF, PUBLIC, ca, INTERMEDIATE], [ca], true],
  ["without its intermediate", byIntermediate, [LEAF], [ca], false],
  ["of another authority", byStranger, [byStranger.cert], [ca], false],
  ["of an authority of the same name", good, [good.cert], [NAMESAKE], false],
  ["beside which an authority is merely shown", byStranger, [byStranger.cert, ca], [ca], false],
  // What a young authority signed is good by itself and by the old one that signed it in turn, whoever of them is known.
  ["of an authority shown as signed by an older one", byIntermediate, [LEAF, INTERMEDIATE, CROSS], [ca], true],
  ["of an authority that only an older one stands for", byIntermediate, [LEAF, INTERMEDIATE, CROSS], [STRANGER], true],
  ["of an authority that an unknown one stands for", byIntermediate, [LEAF, INTERMEDIATE, CROSS], [PUBLIC], false],
] as const)("a certificate %s is judged rightly", async (_what, { key }, shown, authorities, expected) => {
  const signedBy = createSignedBy(authorities);
  const certificate = await shownBy(key, ...shown);
  expect([signedBy(certificate), signedBy(certificate)]).toEqual([expected, expected]);
});

test("every authority that Node brings along is found by its name, in whatever letters that is written", () => {
  const missed = rootCertificates
    .map((pem) => new X509Certificate(pem))
    .filter((root) => !signedByPublicAuthority(root))
    .map(({ subject }) => subject);
  expect(missed).toEqual([]);
});

test("a private authority is no public one, whatever it calls itself", async () => {
  expect(signedByPublicAuthority(await shownBy(good.key, good.cert))).toBe(false);
  const { subject } = new X509Certificate(PUBLIC);
  const parts = subject.split("\n").map((part) => `/${part.replaceAll("/", "\\/")}`);
  openssl(
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "box.key"],
    ...["-out", "box.crt", "-days", "30", "-subj", parts.join("")],
  );
  const certificate = await shownBy(read("box.key"), read("box.crt"));
  expect(certificate.subject).toBe(subject);
  expect(signedByPublicAuthority(certificate)).toBe(false);
});
