import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Folder } from "./folder.ts";

/** A certificate to be made: who signs it, for how long, and what it says. */
interface Wanted {
  readonly name: string;
  /** Its signer's name; its own: self-signed. */
  readonly by: string;
  /** Lines of an extension section of openssl. */
  readonly says: readonly string[];
  /** Days from now; else from yesterday on, for 300 days. */
  readonly from?: number;
  readonly to?: number;
  readonly subject?: string;
  /** What `openssl req -newkey` and `-pkeyopt` take; else a P-256 key. */
  readonly key?: readonly [string, ...string[]];
  readonly digest?: string;
  readonly serial?: string;
}

/** What a server shows, whom its client trusts, and which hosts the client takes it for. */
export interface CertificateCase {
  readonly title: string;
  /** Made certificates, the server's own first. */
  readonly shown: readonly [string, ...string[]];
  readonly trusted: readonly string[];
  readonly hosts: readonly string[];
}

const CA = "basicConstraints=critical,CA:TRUE";
const NAMED = "subjectAltName=DNS:lapi.test";
const RSA = (bits: number): readonly [string, string] => ["rsa", `rsa_keygen_bits:${bits}`];
const curve = (name: string): readonly [string, string] => ["ec", `ec_paramgen_curve:${name}`];

const AUTHORITIES: readonly Wanted[] = [
  { name: "ca", by: "ca", says: [CA] },
  { name: "stranger", by: "stranger", says: [CA] },
  { name: "expired-ca", by: "expired-ca", says: [CA], from: -40, to: -1 },
  { name: "future-ca", by: "future-ca", says: [CA], from: 40 },
  { name: "sha1-ca", by: "sha1-ca", says: [CA], digest: "sha1" },
  { name: "rsa1024-ca", by: "rsa1024-ca", says: [CA], key: RSA(1024) },
  { name: "names-ca", by: "names-ca", says: [CA, "nameConstraints=critical,permitted;DNS:lapi.test"] },
  { name: "no-sign-ca", by: "no-sign-ca", says: [CA, "keyUsage=critical,cRLSign"] },
  { name: "client-ca", by: "client-ca", says: [CA, "extendedKeyUsage=clientAuth"] },
  { name: "leafy-ca", by: "leafy-ca", says: ["basicConstraints=critical,CA:FALSE"] },
  { name: "plain-ca", by: "plain-ca", says: ["keyUsage=keyCertSign,digitalSignature"] },
  { name: "old-ca", by: "old-ca", says: [] },
  { name: "short-ca", by: "short-ca", says: ["basicConstraints=critical,CA:TRUE,pathlen:0"] },
  { name: "between", by: "ca", says: [CA] },
  { name: "between-expired", by: "ca", says: [CA], from: -40, to: -1 },
  { name: "between-future", by: "ca", says: [CA], from: 40 },
  { name: "between-leafy", by: "ca", says: ["basicConstraints=critical,CA:FALSE"] },
  { name: "between-plain", by: "ca", says: ["keyUsage=keyCertSign"] },
  { name: "between-no-sign", by: "ca", says: [CA, "keyUsage=critical,digitalSignature"] },
  { name: "between-sha1", by: "ca", says: [CA], digest: "sha1" },
  { name: "between-client", by: "ca", says: [CA, "extendedKeyUsage=clientAuth"] },
  { name: "between-server", by: "ca", says: [CA, "extendedKeyUsage=serverAuth"] },
  { name: "between-short", by: "short-ca", says: [CA] },
  { name: "between-permitted", by: "ca", says: [CA, "nameConstraints=critical,permitted;DNS:test"] },
  { name: "between-dotted", by: "ca", says: [CA, "nameConstraints=critical,permitted;DNS:.test"] },
  { name: "between-other", by: "ca", says: [CA, "nameConstraints=critical,permitted;DNS:other.test"] },
  { name: "between-excluded", by: "ca", says: [CA, "nameConstraints=critical,excluded;DNS:lapi.test"] },
  { name: "between-loopback", by: "ca", says: [CA, "nameConstraints=critical,permitted;IP:127.0.0.0/255.0.0.0"] },
  { name: "between-private", by: "ca", says: [CA, "nameConstraints=critical,permitted;IP:10.0.0.0/255.0.0.0"] },
  { name: "between-mail", by: "ca", says: [CA, "nameConstraints=critical,permitted;email:test"] },
  { name: "between-critical", by: "ca", says: [CA, "1.2.3.4=critical,ASN1:UTF8String:unknown"] },
  { name: "between-expired-stranger", by: "stranger", says: [CA], from: -40, to: -1 },
];

/** Leaves of a case each: what differs from the good one, and which hosts are asked for. */
type Leaf = Partial<Omit<Wanted, "name">> & {
  readonly hosts?: readonly string[];
  readonly with?: readonly string[];
  readonly trusted?: readonly string[];
};

const san = (names: string): Leaf => ({ says: [`subjectAltName=${names}`] });
const through = (between: string, leaf: Leaf = {}): Leaf => ({ by: between, with: [between], ...leaf });

const LEAVES: Readonly<Record<string, Leaf>> = {
  good: { hosts: ["lapi.test", "LAPI.Test", "lapi.test.", "second.test", "test", "a.lapi.test", "127.0.0.1", "::1"] },
  "several names": {
    ...san("DNS:lapi.test,DNS:second.test,IP:127.0.0.1"),
    hosts: ["second.test", "127.0.0.1", "third.test"],
  },
  "upper case": { ...san("DNS:LAPI.Test"), hosts: ["lapi.test", "LAPI.TEST"] },
  underscore: { ...san("DNS:my_lapi.test"), hosts: ["my_lapi.test", "my-lapi.test"] },
  "single label": { ...san("DNS:lapi"), hosts: ["lapi", "lapi.", "lapi.test"] },
  "final dot": { ...san("DNS:lapi.test."), hosts: ["lapi.test", "lapi.test."] },
  "names inside a name": {
    says: ["subjectAltName=@names", "[names]", "DNS=x\\, DNS:lapi.test\\, DNS:y"],
    hosts: ["lapi.test"],
  },
  "a hyphen first": { ...san("DNS:-lapi.test"), hosts: ["lapi.test"] },
  "common name only": { says: [], hosts: ["lapi.test", "second.test", "127.0.0.1"] },
  "a common name that is a star": { says: [], subject: "/CN=*.test", hosts: ["lapi.test"] },
  "e-mail only": { ...san("email:lapi@lapi.test"), hosts: ["lapi.test"] },
  "URI only": { ...san("URI:https://lapi.test/"), hosts: ["lapi.test"] },
  "empty subject": { says: ["subjectAltName=critical,DNS:lapi.test"], subject: "/", hosts: ["lapi.test"] },
  "no subject, no names": { says: [], subject: "/", hosts: ["lapi.test"] },
  "a star": {
    ...san("DNS:*.lapi.test"),
    hosts: ["a.lapi.test", "A.LAPI.test.", "lapi.test", "a.b.lapi.test", "*.lapi.test"],
  },
  "a star with letters before": { ...san("DNS:a*.lapi.test"), hosts: ["ab.lapi.test", "a.lapi.test"] },
  "a star with letters behind": { ...san("DNS:*a.lapi.test"), hosts: ["ba.lapi.test"] },
  "two stars": { ...san("DNS:*.*.lapi.test"), hosts: ["a.b.lapi.test"] },
  "a star in the middle": { ...san("DNS:a.*.lapi.test"), hosts: ["a.b.lapi.test"] },
  "a star below the top": { ...san("DNS:*.test"), hosts: ["lapi.test", "test"] },
  "a star alone": { ...san("DNS:*"), hosts: ["lapi", "lapi.test"] },
  "a star with an underscore": { ...san("DNS:*.my_lapi.test"), hosts: ["a.my_lapi.test"] },
  "an address": { ...san("IP:127.0.0.1"), hosts: ["127.0.0.1", "127.0.0.2", "lapi.test", "::ffff:127.0.0.1", "::1"] },
  "an IPv6 address": { ...san("IP:::1"), hosts: ["::1", "0:0:0:0:0:0:0:1", "127.0.0.1", "::2"] },
  "an IPv4 address in IPv6": { ...san("IP:::ffff:127.0.0.1"), hosts: ["127.0.0.1", "::ffff:127.0.0.1"] },
  "an address as a name": { ...san("DNS:127.0.0.1"), hosts: ["127.0.0.1"] },
  "an address as a name with a star": { ...san("DNS:*.0.0.1"), hosts: ["127.0.0.1"] },
  "an address as a common name": { says: [], subject: "/CN=127.0.0.1", hosts: ["127.0.0.1"] },

  expired: { from: -40, to: -1 },
  "expired, another name": { from: -40, to: -1, ...san("DNS:other.test") },
  "expired, by a stranger": { from: -40, to: -1, by: "stranger" },
  "not yet valid": { from: 40 },
  "not yet valid, by a stranger": { from: 40, by: "stranger" },
  "for a century": { to: 36_500 },

  "by a stranger": { by: "stranger" },
  "by a stranger, another name": { by: "stranger", ...san("DNS:other.test") },
  "by a stranger, common name only": { by: "stranger", says: [] },
  "by a stranger who is shown": { by: "stranger", with: ["stranger"] },
  "by a stranger's namesake": { by: "stranger", trusted: ["ca", "namesake"] },
  "self-signed": { by: "self-signed" },
  "self-signed, trusted": { by: "self-signed, trusted", trusted: ["self-signed, trusted"] },
  "self-signed, no authority, trusted": {
    by: "self-signed, no authority, trusted",
    says: [NAMED, "basicConstraints=critical,CA:FALSE"],
    trusted: ["self-signed, no authority, trusted"],
  },
  "self-signed, an authority, trusted": {
    by: "self-signed, an authority, trusted",
    says: [NAMED, CA],
    trusted: ["self-signed, an authority, trusted"],
  },
  "self-signed, an authority that only signs, trusted": {
    by: "self-signed, an authority that only signs, trusted",
    says: [NAMED, CA, "keyUsage=critical,keyCertSign,cRLSign"],
    trusted: ["self-signed, an authority that only signs, trusted"],
  },
  "self-signed, expired, trusted": {
    by: "self-signed, expired, trusted",
    from: -40,
    to: -1,
    trusted: ["self-signed, expired, trusted"],
  },
  "itself trusted, not its signer": { trusted: ["itself trusted, not its signer"] },
  "itself trusted, not its signer, another name": {
    ...san("DNS:other.test"),
    trusted: ["itself trusted, not its signer, another name"],
  },

  "through an intermediate": through("between"),
  "through an intermediate that is missing": { by: "between" },
  "through an intermediate, the root shown too": through("between", { with: ["between", "ca"] }),
  "through an intermediate in wrong order": through("between", { with: ["ca", "between"] }),
  "through an intermediate among others": through("between", {
    with: ["stranger", "between-other", "between", "between-expired"],
  }),
  "through an intermediate among others for clients": through("between", {
    with: ["between-client", "plain-ca", "between"],
  }),
  "for anything, through an intermediate among others": through("between", {
    says: [NAMED, "extendedKeyUsage=anyExtendedKeyUsage"],
    with: ["between-client", "between-expired", "between"],
  }),
  "for anything, through a stranger's among others": through("between-expired-stranger", {
    says: [NAMED, "extendedKeyUsage=anyExtendedKeyUsage"],
    with: ["ca", "between", "between-expired-stranger", "stranger"],
  }),
  "through an intermediate that is trusted, not the root": { by: "between", trusted: ["between"] },
  "through an intermediate that is shown and trusted, not the root": through("between", { trusted: ["between"] }),
  "through an expired intermediate": through("between-expired"),
  "through an expired intermediate, another name": through("between-expired", san("DNS:other.test")),
  "through an expired intermediate that is trusted": through("between-expired", { trusted: ["between-expired"] }),
  "through an expired intermediate of a stranger": through("between-expired-stranger"),
  "through an intermediate not yet valid": through("between-future"),
  "through no authority": through("between-leafy"),
  "through no authority, without a word about it": through("between-plain"),
  "through an authority that may not sign": through("between-no-sign"),
  "through an intermediate too many": through("between-short", { trusted: ["short-ca"] }),
  "through an intermediate for clients": through("between-client"),
  "through an intermediate for servers": through("between-server"),
  "through an intermediate with a critical extension": through("between-critical"),
  "by an expired root": { by: "expired-ca", trusted: ["expired-ca"] },
  "by a root not yet valid": { by: "future-ca", trusted: ["future-ca"] },
  "by a root that is no authority": { by: "leafy-ca", trusted: ["leafy-ca"] },
  "by a root without a word about it": { by: "plain-ca", trusted: ["plain-ca"] },
  "by a root of version 1": { by: "old-ca", trusted: ["old-ca"] },
  "by a root without a word about it, which is shown": { by: "plain-ca", with: ["plain-ca"], trusted: ["plain-ca"] },
  "to sign certificates only, by a stranger": { by: "stranger", says: [NAMED, "keyUsage=critical,keyCertSign"] },
  "to sign certificates only, by a stranger who is shown": {
    by: "stranger",
    says: [NAMED, "keyUsage=critical,keyCertSign"],
    with: ["stranger"],
  },
  "to sign certificates only, itself, and nobody trusts it": {
    by: "to sign certificates only, itself, and nobody trusts it",
    says: [NAMED, CA, "keyUsage=critical,keyCertSign"],
  },
  "to sign certificates only, through an intermediate": through("between", {
    says: [NAMED, "keyUsage=critical,keyCertSign"],
  }),
  "for anything, through an intermediate": through("between", {
    says: [NAMED, "extendedKeyUsage=anyExtendedKeyUsage"],
  }),
  "for anything, through no authority": through("between-leafy", {
    says: [NAMED, "extendedKeyUsage=anyExtendedKeyUsage"],
  }),
  "for anything, through an expired intermediate": through("between-expired", {
    says: [NAMED, "extendedKeyUsage=anyExtendedKeyUsage"],
  }),
  "for anything, outside of permitted names": through("between-other", {
    says: [NAMED, "extendedKeyUsage=anyExtendedKeyUsage"],
  }),
  "by a root that may not sign": { by: "no-sign-ca", trusted: ["no-sign-ca"] },
  "by a root for clients": { by: "client-ca", trusted: ["client-ca"] },

  "within permitted names": through("between-permitted", { hosts: ["lapi.test"] }),
  "within permitted names with a dot": through("between-dotted", { hosts: ["lapi.test"] }),
  "outside of permitted names": through("between-other"),
  "outside of permitted names, another name": through("between-other", san("DNS:third.test")),
  "one name inside, one outside": through("between-other", san("DNS:lapi.test,DNS:other.test")),
  "an excluded name": through("between-excluded"),
  "below an excluded name": through("between-excluded", { ...san("DNS:a.lapi.test"), hosts: ["a.lapi.test"] }),
  "beside an excluded name": through("between-excluded", { ...san("DNS:second.test"), hosts: ["second.test"] }),
  "within permitted addresses": through("between-loopback", { ...san("IP:127.0.0.1"), hosts: ["127.0.0.1"] }),
  "outside of permitted addresses": through("between-private", { ...san("IP:127.0.0.1"), hosts: ["127.0.0.1"] }),
  "a name where addresses are constrained": through("between-private", { hosts: ["lapi.test"] }),
  "a name where mail is constrained": through("between-mail", { hosts: ["lapi.test"] }),
  "a common name outside of permitted names": through("between-other", {
    ...san("DNS:other.test"),
    subject: "/CN=lapi.test",
    hosts: ["other.test"],
  }),
  "a star within permitted names": through("between-permitted", { ...san("DNS:*.lapi.test"), hosts: ["a.lapi.test"] }),
  "within a root's permitted names": { by: "names-ca", trusted: ["names-ca"] },
  "outside of a root's permitted names": {
    by: "names-ca",
    trusted: ["names-ca"],
    ...san("DNS:other.test"),
    hosts: ["other.test"],
  },

  "for servers": { says: [NAMED, "extendedKeyUsage=serverAuth"] },
  "for clients only": { says: [NAMED, "extendedKeyUsage=clientAuth"] },
  "for clients and servers": { says: [NAMED, "extendedKeyUsage=clientAuth,serverAuth"] },
  "for anything": { says: [NAMED, "extendedKeyUsage=anyExtendedKeyUsage"] },
  "for clients and anything": { says: [NAMED, "extendedKeyUsage=clientAuth,anyExtendedKeyUsage"] },
  "for an unknown use": { says: [NAMED, "extendedKeyUsage=1.2.3.4"] },
  "for Netscape's step-up": { says: [NAMED, "extendedKeyUsage=nsSGC"] },
  "for clients only, another name": { says: ["subjectAltName=DNS:other.test", "extendedKeyUsage=clientAuth"] },
  "to sign data": { says: [NAMED, "keyUsage=critical,digitalSignature"] },
  "to encipher keys only": { says: [NAMED, "keyUsage=critical,keyEncipherment"] },
  "to sign certificates only": { says: [NAMED, "keyUsage=critical,keyCertSign"] },
  "an authority as a server": { says: [NAMED, CA] },
  "an authority as a server, to sign only": { says: [NAMED, CA, "keyUsage=critical,keyCertSign"] },
  "Netscape's type: client": { says: [NAMED, "nsCertType=client"] },

  "signed with SHA-1": { digest: "sha1" },
  "signed with SHA-1, by RSA": { digest: "sha1", by: "rsa1024-ca", trusted: ["rsa1024-ca"] },
  "signed with MD5": { digest: "md5", by: "rsa1024-ca", trusted: ["rsa1024-ca"] },
  "signed with SHA-512": { digest: "sha512" },
  "by a root that signed itself with SHA-1": { by: "sha1-ca", trusted: ["sha1-ca"] },
  "through an intermediate signed with SHA-1": through("between-sha1"),
  "by a root with RSA 1024": { by: "rsa1024-ca", trusted: ["rsa1024-ca"] },
  "RSA 2048": { key: RSA(2048) },
  "RSA 1024": { key: RSA(1024) },
  "P-384": { key: curve("secp384r1") },
  "P-521": { key: curve("secp521r1") },
  Ed25519: { key: ["ed25519"] },

  "an unknown critical extension": { says: [NAMED, "1.2.3.4=critical,ASN1:UTF8String:unknown"] },
  "an unknown extension": { says: [NAMED, "1.2.3.4=ASN1:UTF8String:unknown"] },
  "another authority's key identifier": {
    says: [NAMED, "authorityKeyIdentifier=DER:30:16:80:14:00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13"],
  },
  "a serial number of zero": { serial: "0" },
  "a negative serial number": { serial: "-15" },
  "a long serial number": { serial: `0x${"7F".repeat(20)}` },
};

/** `openssl ca` wants `YYYYMMDDHHMMSSZ`; days count from now. */
const inDays = (days: number): string =>
  `${new Date(Date.now() + days * 86_400_000).toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`;

export interface CertificateCases {
  readonly cases: readonly CertificateCase[];
  /** PEM of made certificates, one behind the other. */
  readonly pem: (names: readonly string[]) => string;
  /** PEM of the key of the first. */
  readonly key: (name: string) => string;
}

/** Makes them all with openssl. */
export const makeCertificateCases = (folder: Folder): CertificateCases => {
  const fileOf = (name: string, ending: string): string => `${folder.path}/${name.replace(/\W+/g, "-")}.${ending}`;
  const openssl = (...parts: readonly string[]): void => {
    execFileSync("openssl", parts, { cwd: folder.path, stdio: ["ignore", "ignore", "pipe"] });
  };
  folder.write("index.txt", "");
  const config = folder.write(
    "ca.cnf",
    `[req]
distinguished_name = none
[none]
[ca]
default_ca = test
[test]
database = ${folder.path}/index.txt
new_certs_dir = ${folder.path}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
organizationName = optional
commonName = optional
`,
  );
  const make = ({ name, by, says, from = -1, to = 300, subject, key, digest, serial }: Wanted): void => {
    const [algorithm, ...options] = key ?? curve("prime256v1");
    const [keyFile, request, file] = [fileOf(name, "key"), fileOf(name, "csr"), fileOf(name, "crt")];
    const keyOptions = options.flatMap((option) => ["-pkeyopt", option]);
    openssl(
      ...["req", "-config", config, "-newkey", algorithm, ...keyOptions, "-nodes", "-keyout", keyFile],
      ...["-out", request, "-subj", subject ?? `/O=Go and this tool/CN=${name}`],
    );
    const extensions = folder.write("ext.cnf", `${says.join("\n")}\n`);
    if (serial !== undefined) {
      openssl(
        ...["x509", "-req", "-in", request, "-out", file, "-set_serial", serial, "-days", String(to)],
        ...["-CA", fileOf(by, "crt"), "-CAkey", fileOf(by, "key"), "-extfile", extensions],
      );
      return;
    }
    openssl(
      ...["ca", "-batch", "-notext", "-config", config, "-keyfile", fileOf(by, "key")],
      ...(by === name ? ["-selfsign"] : ["-cert", fileOf(by, "crt")]),
      ...["-in", request, "-out", file, "-md", digest ?? "sha256", "-extfile", extensions],
      ...["-startdate", inDays(from), "-enddate", inDays(to)],
    );
  };
  for (const wanted of AUTHORITIES) make(wanted);
  make({ name: "namesake", by: "namesake", says: [CA], subject: "/O=Go and this tool/CN=stranger" });
  for (const [name, { hosts: _, with: __, trusted: ___, ...leaf }] of Object.entries(LEAVES)) {
    make({ name, by: "ca", says: [NAMED], subject: "/O=Go and this tool/CN=lapi.test", ...leaf });
  }
  const read = (name: string, ending: string): string => readFileSync(fileOf(name, ending), "latin1");
  return {
    cases: Object.entries(LEAVES).map(([title, leaf]) => ({
      title,
      shown: [title, ...(leaf.with ?? [])],
      trusted: leaf.trusted ?? ["ca"],
      hosts: leaf.hosts ?? ["lapi.test"],
    })),
    pem: (names) => names.map((name) => read(name, "crt")).join(""),
    key: (name) => read(name, "key"),
  };
};
