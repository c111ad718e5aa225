import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a TLS server shows, as PEM: ready for `tls.createServer`. */
export interface Shown {
  readonly key: string;
  readonly cert: string;
}

const LEAVES = {
  good: { names: "DNS:lapi.test,DNS:second.test" },
  expired: { names: "DNS:lapi.test", from: -40, to: -1 },
  notYetValid: { names: "DNS:lapi.test", from: 40, to: 80 },
  otherName: { names: "DNS:other.test" },
  wildcard: { names: "DNS:*.wild.test" },
  shortWildcard: { names: "DNS:*.test" },
  partialWildcard: { names: "DNS:la*.wild.test" },
  commonNameOnly: { names: "" },
  address: { names: "IP:127.0.0.1,IP:::1" },
  byStranger: { names: "DNS:lapi.test", authority: "stranger" },
  byIntermediate: { names: "DNS:lapi.test", authority: "intermediate" },
  byExpiredIntermediate: { names: "DNS:lapi.test", authority: "expiredIntermediate" },
} as const;

export type LeafName = keyof typeof LEAVES;

export interface Certificates {
  readonly folder: string;
  /** The authority that clients of these tests trust: a PEM file, and its content. */
  readonly caFile: string;
  readonly ca: string;
  /** Every leaf is for `lapi.test` but for what its name says; the two with an intermediate show that too. */
  readonly leaves: Readonly<Record<LeafName, Shown>>;
  remove(): void;
}

/** `openssl ca` wants `YYMMDDHHMMSSZ`; days count from now. */
const inDays = (days: number): string =>
  `${new Date(Date.now() + days * 86_400_000).toISOString().replace(/[-:T]/g, "").slice(2, 14)}Z`;

/** A private authority, a stranger's, two intermediates and a leaf for each fault, made with `openssl` in a new folder. */
export const makeCertificates = (): Certificates => {
  const folder = mkdtempSync(join(tmpdir(), "preflight-certificates-"));
  const path = (name: string): string => join(folder, name);
  const read = (name: string): string => readFileSync(path(name), "utf8");
  const openssl = (...parts: readonly string[]): void => {
    execFileSync("openssl", parts, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  };
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  writeFileSync(path("index.txt"), "");
  writeFileSync(
    path("ca.cnf"),
    `[ca]
default_ca = test
[test]
database = ${path("index.txt")}
new_certs_dir = ${folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
organizationName = optional
commonName = supplied
`,
  );
  const sign = (name: string, authority: string, csr: string, extensions: string, from = -1, to = 300): void => {
    writeFileSync(path("ext.cnf"), extensions);
    openssl(
      ...["ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", `${authority}.crt`, "-keyfile", `${authority}.key`],
      ...["-in", csr, "-out", `${name}.crt`, "-startdate", inDays(from), "-enddate", inDays(to)],
      ...["-extfile", "ext.cnf"],
    );
  };

  for (const name of ["ca", "stranger"]) {
    openssl(
      ...["req", "-x509", ...newKey, "-keyout", `${name}.key`, "-out", `${name}.crt`, "-days", "3650"],
      ...["-subj", `/O=Preflight tests/CN=${name}`, "-addext", "basicConstraints=critical,CA:TRUE"],
    );
  }
  for (const [name, from, to] of [
    ["intermediate", -40, 300],
    ["expiredIntermediate", -40, -1],
  ] as const) {
    openssl("req", ...newKey, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    sign(name, "ca", `${name}.csr`, "basicConstraints=critical,CA:TRUE\n", from, to);
  }
  openssl("req", ...newKey, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/O=Preflight tests/CN=lapi.test");
  const leaf = (name: string): Shown => {
    const about: { names: string; from?: number; to?: number; authority?: string } = LEAVES[name as LeafName];
    const authority = about.authority ?? "ca";
    sign(name, authority, "leaf.csr", about.names && `subjectAltName=${about.names}\n`, about.from, about.to);
    const above = authority.endsWith("ntermediate") ? read(`${authority}.crt`) : "";
    return { key: read("leaf.key"), cert: read(`${name}.crt`) + above };
  };
  return {
    folder,
    caFile: path("ca.crt"),
    ca: read("ca.crt"),
    leaves: Object.fromEntries(Object.keys(LEAVES).map((name) => [name, leaf(name)])) as Record<LeafName, Shown>,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};
