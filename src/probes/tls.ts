import { X509Certificate } from "node:crypto";
import net from "node:net";
import tls from "node:tls";
import { parseIp, sameIp } from "../model/address.ts";
import type { Failed, FailureCode, TlsSeen, Trust } from "../model/observation.ts";
import { printable } from "../model/text.ts";
import { stopwatch } from "./clock.ts";
import { failed, failure } from "./failure.ts";
import { signedByPublicAuthority } from "./public-authority.ts";
import type { Limits } from "./tcp.ts";

/** `CN=R3\nO=Let's Encrypt` → `CN=R3, O=Let's Encrypt`. */
const oneLine = (name: string | undefined): string => printable((name ?? "").split("\n").join(", "), 200) || "no name";

/** RFC 3339; a date that nobody can read is the beginning of time. */
const isoDate = (date: string): string => new Date(Date.parse(date) || 0).toISOString();

const seenOf = (socket: tls.TLSSocket, certificate: X509Certificate): TlsSeen => ({
  protocol: socket.getProtocol() ?? "unknown",
  subject: oneLine(certificate.subject),
  issuer: oneLine(certificate.issuer),
  names: (certificate.subjectAltName ?? "")
    .split(", ")
    .filter((name) => name !== "")
    .slice(0, 50)
    .map((name) => printable(name, 100)),
  validFrom: isoDate(certificate.validFrom),
  validTo: isoDate(certificate.validTo),
  publicAuthority: signedByPublicAuthority(certificate),
});

const hexOf = ({ fingerprint256 }: X509Certificate): string => fingerprint256.replaceAll(":", "").toLowerCase();

/** Go's matchHostnames: a star stands for a whole first label. OpenSSL wants two more labels behind it; Go does not. */
const matches = (pattern: string, host: string): boolean => {
  const parts = pattern.toLowerCase().split(".");
  const wanted = host.toLowerCase().split(".");
  return (
    parts.length === wanted.length &&
    parts.every((part, index) => (index === 0 && part === "*") || part === wanted[index])
  );
};

/** `DNS:a.test, IP Address:127.0.0.1`; Node writes a value with anything unusual in it in quotes. */
const NAME = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)/g;

/** An address is held against addresses only, however they are written, and a name against names. */
const namedRight = (certificate: X509Certificate, host: string): boolean => {
  const names = [...(certificate.subjectAltName ?? "").matchAll(NAME)];
  const ip = parseIp(host);
  return names.some(([, kind, value = ""]) => {
    if (ip === undefined) return kind === "DNS" && matches(value, host);
    const named = kind === "IP Address" ? parseIp(value) : undefined;
    return named !== undefined && sameIp(named, ip);
  });
};

/** The certificates above a peer's own, each the signer's of the one before, as far as they are known. */
interface Above {
  readonly signers: readonly X509Certificate[];
  /** The last of them was not shown by the peer: it is one of those that are trusted here. */
  readonly endsInStore: boolean;
}

const MAX_CHAIN = 20;

/** @param detailed Must be asked for before the X509Certificate: after that, Node 20 has none any more. */
const aboveOf = (leaf: X509Certificate, detailed: tls.DetailedPeerCertificate): Above => {
  // All that the peer showed, in its order; what it may show is bounded by TLS.
  const shown = new Set([leaf.fingerprint256]);
  for (let next = leaf.issuerCertificate; next; next = next.issuerCertificate) shown.add(next.fingerprint256);
  const signers: X509Certificate[] = [];
  for (let one = detailed; signers.length < MAX_CHAIN && one.issuerCertificate && one.issuerCertificate !== one; ) {
    one = one.issuerCertificate;
    signers.push(new X509Certificate(one.raw));
  }
  const last = signers.at(-1);
  return { signers, endsInStore: last !== undefined && !shown.has(last.fingerprint256) };
};

const SERVER = ["1.3.6.1.5.5.7.3.1", "2.5.29.37.0"];

/** Its extended key usage names servers, or anything, or is not there. */
const isForServers = ({ keyUsage }: X509Certificate): boolean =>
  // Node names the extended key usage so, and has undefined where there is none.
  (keyUsage as readonly string[] | undefined)?.some((use) => SERVER.includes(use)) ?? true;

/** Whether `version` says 3: then an authority must say that it is one. It stands first inside, in a tag of its own. */
const isVersion3 = ({ raw }: X509Certificate): boolean => {
  const inside = (at: number): number => at + 2 + ((raw[at + 1] ?? 0) > 0x80 ? (raw[at + 1] ?? 0) & 0x7f : 0);
  const at = inside(inside(0));
  return raw[at] === 0xa0 && raw[at + 4] === 2;
};

const signed = (child: X509Certificate, parent: X509Certificate): boolean => {
  try {
    return parent.ca && child.verify(parent.publicKey);
  } catch {
    // A kind of key that OpenSSL does not know.
    return false;
  }
};

/** What is wrong with a certificate's dates. */
const datesOf = (
  { validFrom, validTo }: X509Certificate,
  now: number,
): { readonly code: FailureCode; readonly own: string; readonly above: string } | undefined => {
  if (now < Date.parse(validFrom)) {
    const own = `certificate is not valid before ${isoDate(validFrom)}`;
    return { code: "tls-not-yet-valid", own, above: "a certificate above the server's own is not valid yet" };
  }
  if (now > Date.parse(validTo)) {
    const own = `certificate expired on ${isoDate(validTo)}`;
    return { code: "tls-expired", own, above: "a certificate above the server's own has expired" };
  }
  return undefined;
};

/**
 * What Go's crypto/x509 says of the leaf, in Go's order: its dates, then its names, then who signed it, then what it is
 * for (Verify in crypto/x509/verify.go). A common name counts for nothing there since Go 1.15, although OpenSSL and Node
 * accept it. Whether the signers are trusted OpenSSL says; what Go sees otherwise is mended here, and proved beside Go in
 * test/lab/go.test.ts.
 */
const verdictOf = (
  certificate: X509Certificate,
  { signers, endsInStore }: Above,
  host: string,
  openssl: string | undefined,
  now: number,
): { code: FailureCode; message: string } | undefined => {
  const untrusted = (message: string) => ({ code: "tls-untrusted", message }) as const;
  const dates = datesOf(certificate, now);
  if (dates) return { code: dates.code, message: dates.own };
  if (!namedRight(certificate, host)) {
    return certificate.subjectAltName === undefined
      ? { code: "tls-no-san", message: "certificate has no subject alternative name, only a common name" }
      : { code: "tls-wrong-host", message: `certificate is not valid for ${host}` };
  }
  const chain = [certificate, ...signers];
  const links =
    openssl === undefined
      ? []
      : signers.map((parent, index) => ({ parent, holds: signed(chain[index] ?? parent, parent) }));
  if (openssl !== undefined) {
    // Go looks at a signer's dates as soon as it has signed, whoever stands above it.
    const broken = links.findIndex(({ holds }) => !holds);
    const bad = links.slice(0, broken < 0 ? links.length : broken).find(({ parent }) => datesOf(parent, now));
    const above = bad && datesOf(bad.parent, now);
    if (above) return { code: above.code, message: above.above };
    if (openssl === "CERT_HAS_EXPIRED")
      return { code: "tls-expired", message: "a certificate above the server's own has expired" };
    if (openssl === "CERT_NOT_YET_VALID") {
      return { code: "tls-not-yet-valid", message: "a certificate above the server's own is not valid yet" };
    }
  }
  if (!chain.every(isForServers)) {
    return untrusted("certificate, or one above it, is not for servers: its extended key usage names other uses only");
  }
  // Go asks for the extended key usage alone; OpenSSL wants more, and says so in place of what it said before: then the
  // signers must be seen to lead to the store.
  if (openssl === "INVALID_PURPOSE" && endsInStore && links.every(({ holds }) => holds)) return undefined;
  if (openssl === undefined) {
    return signers.some((parent) => !parent.ca && isVersion3(parent))
      ? untrusted("certificate signed by one that is no authority: it lacks basicConstraints CA:TRUE")
      : undefined;
  }
  return untrusted(`certificate signed by an authority that is not trusted here (${openssl})`);
};

/** Alert 40, as OpenSSL names it. */
const HANDSHAKE_FAILURE = "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE";

export interface TlsOpened {
  readonly ok: true;
  readonly socket: tls.TLSSocket;
  readonly elapsedMs: number;
  readonly seen: TlsSeen;
  /** SHA-256 of its certificate (DER), hex. */
  readonly fingerprint: string;
  /** What ended the connection after the handshake: a TLS 1.3 server refuses a missing client certificate only then. */
  readonly broken: () => Failed | undefined;
  /** The certificate's fault, when it has one; the socket is open all the same, so that the peer's `Date` can be asked for. */
  readonly refused?: Failed;
}

/** Does a TLS handshake over an open connection, and judges the certificate as Go would. The caller owns the socket. */
export const handshake = (
  raw: net.Socket,
  {
    host: named,
    context,
    trust,
  }: { readonly host: string; readonly context: tls.SecureContext; readonly trust: Trust | undefined },
  { timeoutMs }: Limits,
): Promise<TlsOpened | Failed> =>
  new Promise((resolve) => {
    const elapsed = stopwatch();
    // Go leaves the final dot of a rooted name out of SNI and of the comparison.
    const host = named.replace(/\.$/, "");
    const socket = tls.connect({
      socket: raw,
      secureContext: context,
      // Verified below, as Go does it: Node's own verdict differs on names, and ends the connection.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ...(net.isIP(host) === 0 && { servername: host }),
    });
    const timer = setTimeout(() => {
      end(failed("handshake", "tls-stalled", `no answer to the TLS ClientHello within ${timeoutMs} ms`, elapsed()));
    }, timeoutMs);
    let broken: Failed | undefined;
    const end = (result: Failed): void => {
      clearTimeout(timer);
      broken ??= result;
      // Over a connection that is gone already, Node 20 has crashed here: destroying that ends the TLS above it too.
      if (!raw.destroyed) socket.destroy();
      raw.destroy();
      resolve(result);
    };
    const endWith = (error: unknown): void => {
      const saw = failure("handshake", error, elapsed());
      const shown = socket.getPeerX509Certificate();
      // A server that has shown its certificate and then says no more than "handshake failure" missed ours (TLS 1.2).
      const missed = saw.tlsCode === HANDSHAKE_FAILURE && shown !== undefined;
      end({ ...saw, ...(missed && { code: "tls-client-cert" }), ...(shown && { tls: seenOf(socket, shown) }) });
    };
    raw.on("error", endWith);
    socket.on("error", endWith);
    socket.once("close", () =>
      end(failed("handshake", "tls-reset", "connection closed during the TLS handshake", elapsed())),
    );
    socket.once("secureConnect", () => {
      clearTimeout(timer);
      const elapsedMs = elapsed();
      const detailed = socket.getPeerCertificate(true);
      const certificate = socket.getPeerX509Certificate();
      if (certificate === undefined) {
        end(failed("handshake", "tls-untrusted", "the server showed no certificate", elapsedMs));
        return;
      }
      const seen = seenOf(socket, certificate);
      // authorizationError is a string code at run time, whatever its declared type.
      const openssl = socket.authorized ? undefined : String(socket.authorizationError);
      const verdict = trust?.skipVerify
        ? undefined
        : verdictOf(certificate, aboveOf(certificate, detailed), host, openssl, Date.now());
      resolve({
        ok: true,
        socket,
        elapsedMs,
        seen,
        fingerprint: hexOf(certificate),
        broken: () => broken,
        ...(verdict && {
          refused: {
            ...failed("handshake", verdict.code, verdict.message, elapsedMs),
            tls: seen,
            ...(openssl !== undefined && { tlsCode: openssl }),
          },
        }),
      });
    });
  });
