import type { BindCode, DatabaseCode, Failed, FailureCode, Layer, Phase } from "../model/observation.ts";
import { printable } from "../model/text.ts";

/** An error as Node hands it over; every field may be missing. */
interface SystemError {
  readonly code?: string;
  readonly message?: string;
  readonly reason?: string;
}

const asSystemError = (error: unknown): SystemError =>
  error !== null && typeof error === "object" ? (error as SystemError) : { message: String(error) };

const CONNECT: Readonly<Record<string, FailureCode>> = {
  ECONNREFUSED: "tcp-refused",
  ETIMEDOUT: "tcp-timeout",
  ECONNRESET: "tcp-reset",
  EHOSTUNREACH: "tcp-unreachable",
  ENETUNREACH: "tcp-unreachable",
  EADDRNOTAVAIL: "tcp-unreachable",
  // Linux gives these when a local packet filter forbids the way out.
  EACCES: "tcp-unreachable",
  EPERM: "tcp-unreachable",
};

/** OpenSSL's words for a peer that does not speak TLS at all. */
const NOT_TLS = new Set([
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  "ERR_SSL_HTTP_REQUEST",
  "ERR_SSL_UNKNOWN_PROTOCOL",
  "ERR_SSL_BAD_RECORD_TYPE",
  "ERR_SSL_RECORD_LAYER_FAILURE",
  "ERR_SSL_UNEXPECTED_MESSAGE",
]);
const VERSION = new Set([
  "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
  "ERR_SSL_UNSUPPORTED_PROTOCOL",
  "ERR_SSL_VERSION_TOO_LOW",
  "ERR_SSL_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED",
]);
/** TLS 1.3's own alert, and those with which Go's and OpenSSL's TLS 1.2 servers ask for the missing certificate. */
const CLIENT_CERTIFICATE = new Set([
  "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
  "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE",
  "ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE",
  "ERR_SSL_TLS_ALERT_BAD_CERTIFICATE",
]);

const FILE: Readonly<Record<string, FailureCode>> = {
  ENOENT: "file-missing",
  ENOTDIR: "file-missing",
  EACCES: "file-denied",
  EPERM: "file-denied",
};

const BIND: Readonly<Record<string, BindCode>> = {
  EADDRINUSE: "bind-in-use",
  EADDRNOTAVAIL: "bind-no-address",
  EACCES: "bind-denied",
  EPERM: "bind-denied",
};

const handshakeCode = (code: string): FailureCode => {
  if (NOT_TLS.has(code)) return "tls-not-tls";
  if (VERSION.has(code)) return "tls-version";
  if (CLIENT_CERTIFICATE.has(code)) return "tls-client-cert";
  if (code.includes("ALERT")) return "tls-alert";
  // A peer that closes, resets or breaks the pipe before the handshake is done.
  if (code === "ECONNRESET" || code === "EPIPE" || code === "ECONNABORTED") return "tls-reset";
  if (code === "ETIMEDOUT") return "tls-stalled";
  return code.startsWith("ERR_SSL") ? "tls-alert" : "tls-reset";
};

const requestCode = (code: string): FailureCode => {
  // TLS 1.3 servers refuse a missing client certificate only after the client has sent its request.
  if (CLIENT_CERTIFICATE.has(code)) return "tls-client-cert";
  return code === "ETIMEDOUT" ? "http-timeout" : "http-invalid";
};

const codeFor = (phase: Phase, code: string): FailureCode => {
  switch (phase) {
    case "connect":
      return CONNECT[code] ?? "tcp-unreachable";
    case "handshake":
      return handshakeCode(code);
    case "host":
      return FILE[code] ?? "file-error";
    default:
      return requestCode(code);
  }
};

/**
 * The one place where errors of Node and OpenSSL become our codes. It looks at `error.code` only, never at message
 * text; OpenSSL's own code is kept as `tlsCode`, the system's as `errno`.
 */
export const failure = (phase: Phase, error: unknown, elapsedMs: number): Failed => {
  const { code = "", message = "", reason } = asSystemError(error);
  const openssl = code.startsWith("ERR_SSL");
  return {
    ok: false,
    phase: phase !== "handshake" && CLIENT_CERTIFICATE.has(code) ? "handshake" : phase,
    code: codeFor(phase, code),
    message: printable(reason ?? message, 300),
    elapsedMs,
    ...(code !== "" && (openssl ? { tlsCode: code } : { errno: code })),
  };
};

/** Of `failure`, with the codes of an address that cannot be listened on. */
export const bindFailure = (error: unknown, elapsedMs: number): Failed => {
  const saw = failure("host", error, elapsedMs);
  return { ...saw, code: BIND[saw.errno ?? ""] ?? "bind-error" };
};

/** A failure that no error object stands for: a limit of ours, or an answer that says no. */
export const failed = (phase: Phase, code: FailureCode, message: string, elapsedMs: number): Failed => ({
  ok: false,
  phase,
  code,
  message: printable(message, 300),
  elapsedMs,
});

/**
 * What database servers refuse with: PostgreSQL's SQLSTATEs, or their classes (appendix "PostgreSQL Error Codes" of its
 * manual), and the error numbers of MySQL and MariaDB ("Server Error Message Reference", "MariaDB Error Codes").
 */
const REFUSALS: Readonly<Record<string, DatabaseCode>> = {
  "28P01": "db-auth-failed",
  "28000": "db-host-denied",
  "28": "db-auth-failed",
  "3D000": "db-missing-database",
  "42501": "db-no-privilege",
  "53300": "db-too-many-connections",
  "08P01": "db-protocol",
  "0A000": "db-protocol",
  // Too many connections, and of one user at once or in an hour.
  1040: "db-too-many-connections",
  1203: "db-too-many-connections",
  1226: "db-too-many-connections",
  // Bad handshake; packets out of order.
  1043: "db-protocol",
  1156: "db-protocol",
  1044: "db-no-privilege",
  1142: "db-no-privilege",
  1143: "db-no-privilege",
  1227: "db-no-privilege",
  1370: "db-no-privilege",
  // The last two: no password was given; the account's plugin wants what the client cannot do.
  1045: "db-auth-failed",
  1698: "db-auth-failed",
  1251: "db-auth-failed",
  // The password has expired, the account is locked (MySQL, MariaDB).
  1820: "db-auth-failed",
  1862: "db-auth-failed",
  3118: "db-auth-failed",
  4151: "db-auth-failed",
  1049: "db-missing-database",
  // The host is blocked after too many errors; it is not allowed at all.
  1129: "db-host-denied",
  1130: "db-host-denied",
  3159: "db-tls-required",
};

/** The code for a refusal by SQLSTATE or by error number. What has none here is a server that cannot serve just now. */
export const refusalCode = (code: string): DatabaseCode =>
  REFUSALS[code] ?? (code.length === 5 ? REFUSALS[code.slice(0, 2)] : undefined) ?? "db-unavailable";

/** A layer that was gone through in vain. */
export const inVain = ({ phase, elapsedMs, message }: Failed): Layer => ({
  phase,
  ok: false,
  durationMs: elapsedMs,
  detail: message,
});

/** A probe that ends with this, with the layers that it went through by then, the failed one last. */
export const failedAfter =
  (layers: readonly Layer[], elapsed: () => number) =>
  (saw: Failed): Failed => ({ ...saw, elapsedMs: elapsed(), layers: [...layers, inVain(saw)] });
