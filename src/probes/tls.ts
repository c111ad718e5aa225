import type { X509Certificate } from "node:crypto";
import net from "node:net";
import tls from "node:tls";
import type { Failed, FailureCode, TlsSeen, Trust } from "../model/observation.ts";
import { printable } from "../model/text.ts";
import { stopwatch } from "./clock.ts";
import { failed, failure } from "./failure.ts";
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
});

/** Go's matchHostnames: a star stands for a whole first label. OpenSSL wants two more labels behind it; Go does not. */
const matches = (pattern: string, host: string): boolean => {
  const parts = pattern.toLowerCase().split(".");
  const wanted = host.toLowerCase().split(".");
  return (
    parts.length === wanted.length &&
    parts.every((part, index) => (index === 0 && part === "*") || part === wanted[index])
  );
};

const namedRight = (certificate: X509Certificate, host: string): boolean => {
  if (net.isIP(host) !== 0) return certificate.checkIP(host) !== undefined;
  const names = (certificate.subjectAltName ?? "").split(", ").filter((name) => name.startsWith("DNS:"));
  return names.some((name) => matches(name.slice("DNS:".length), host));
};

/**
 * What Go's crypto/x509 says of the leaf, in Go's order: its dates, then its names, then who signed it (Verify in
 * crypto/x509/verify.go). A common name counts for nothing there since Go 1.15, although OpenSSL and Node accept it.
 */
const verdictOf = (
  certificate: X509Certificate,
  host: string,
  openssl: string | undefined,
  now: number,
): { code: FailureCode; message: string } | undefined => {
  if (now < Date.parse(certificate.validFrom))
    return {
      code: "tls-not-yet-valid",
      message: `certificate is not valid before ${isoDate(certificate.validFrom)}`,
    };
  if (now > Date.parse(certificate.validTo))
    return { code: "tls-expired", message: `certificate expired on ${isoDate(certificate.validTo)}` };
  if (certificate.subjectAltName === undefined && !namedRight(certificate, host)) {
    return { code: "tls-no-san", message: "certificate has no subject alternative name, only a common name" };
  }
  if (!namedRight(certificate, host))
    return { code: "tls-wrong-host", message: `certificate is not valid for ${host}` };
  if (openssl === undefined) return undefined;
  // The leaf's own dates were good, so these speak of a certificate above it.
  if (openssl === "CERT_HAS_EXPIRED")
    return { code: "tls-expired", message: "a certificate above the server's own has expired" };
  if (openssl === "CERT_NOT_YET_VALID")
    return { code: "tls-not-yet-valid", message: "a certificate above the server's own is not valid yet" };
  return { code: "tls-untrusted", message: `certificate signed by an authority that is not trusted here (${openssl})` };
};

/** Alert 40, as OpenSSL names it. */
const HANDSHAKE_FAILURE = "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE";

export interface TlsOpened {
  readonly ok: true;
  readonly socket: tls.TLSSocket;
  readonly elapsedMs: number;
  readonly seen: TlsSeen;
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
      minVersion: "TLSv1.2",
      ...(net.isIP(host) === 0 && { servername: host }),
    });
    const timer = setTimeout(() => {
      end(failed("handshake", "tls-stalled", `no answer to the TLS ClientHello within ${timeoutMs} ms`, elapsed()));
    }, timeoutMs);
    const end = (result: Failed): void => {
      clearTimeout(timer);
      socket.destroy();
      raw.destroy();
      resolve(result);
    };
    raw.on("error", (error) => end(failure("handshake", error, elapsed())));
    socket.on("error", (error) => {
      const saw = failure("handshake", error, elapsed());
      // A server that has shown its certificate and then says no more than "handshake failure" missed ours (TLS 1.2).
      const missed = saw.tlsCode === HANDSHAKE_FAILURE && socket.getPeerX509Certificate() !== undefined;
      end(missed ? { ...saw, code: "tls-client-cert" } : saw);
    });
    socket.once("close", () =>
      end(failed("handshake", "tls-reset", "connection closed during the TLS handshake", elapsed())),
    );
    socket.once("secureConnect", () => {
      clearTimeout(timer);
      const elapsedMs = elapsed();
      const certificate = socket.getPeerX509Certificate();
      if (certificate === undefined) {
        end(failed("handshake", "tls-untrusted", "the server showed no certificate", elapsedMs));
        return;
      }
      const seen = seenOf(socket, certificate);
      // authorizationError is a string code at run time, whatever its declared type.
      const openssl = socket.authorized ? undefined : String(socket.authorizationError);
      const verdict = trust?.skipVerify ? undefined : verdictOf(certificate, host, openssl, Date.now());
      resolve({
        ok: true,
        socket,
        elapsedMs,
        seen,
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
