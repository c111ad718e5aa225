import type { Failed, FailureCode, Phase } from "../model/observation.ts";
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

/** A failure that no error object stands for: a limit of ours, or an answer that says no. */
export const failed = (phase: Phase, code: FailureCode, message: string, elapsedMs: number): Failed => ({
  ok: false,
  phase,
  code,
  message: printable(message, 300),
  elapsedMs,
});
