import { expect, test } from "@jest/globals";
import type { DatabaseCode, Failed, FailureCode, Phase } from "../../src/model/observation.ts";
import { failed, failure, refusalCode } from "../../src/probes/failure.ts";

const seen = (phase: Phase, code: string): Failed => failure(phase, Object.assign(new Error("words"), { code }), 7);

const ROWS: Partial<Record<Phase, Readonly<Record<string, FailureCode>>>> = {
  connect: {
    ECONNREFUSED: "tcp-refused",
    ETIMEDOUT: "tcp-timeout",
    ECONNRESET: "tcp-reset",
    EHOSTUNREACH: "tcp-unreachable",
    ENETUNREACH: "tcp-unreachable",
    EADDRNOTAVAIL: "tcp-unreachable",
    EACCES: "tcp-unreachable",
    EPERM: "tcp-unreachable",
    EWHATEVER: "tcp-unreachable",
  },
  handshake: {
    ERR_SSL_WRONG_VERSION_NUMBER: "tls-not-tls",
    ERR_SSL_PACKET_LENGTH_TOO_LONG: "tls-not-tls",
    ERR_SSL_HTTP_REQUEST: "tls-not-tls",
    ERR_SSL_UNKNOWN_PROTOCOL: "tls-not-tls",
    ERR_SSL_BAD_RECORD_TYPE: "tls-not-tls",
    ERR_SSL_RECORD_LAYER_FAILURE: "tls-not-tls",
    ERR_SSL_UNEXPECTED_MESSAGE: "tls-not-tls",
    ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: "tls-version",
    ERR_SSL_UNSUPPORTED_PROTOCOL: "tls-version",
    ERR_SSL_VERSION_TOO_LOW: "tls-version",
    ERR_SSL_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED: "tls-version",
    ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "tls-client-cert",
    ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "tls-client-cert",
    "ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE": "tls-client-cert",
    ERR_SSL_TLS_ALERT_BAD_CERTIFICATE: "tls-client-cert",
    ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: "tls-alert",
    ERR_SSL_TLSV1_UNRECOGNIZED_NAME: "tls-alert",
    ERR_SSL_NEVER_HEARD_OF: "tls-alert",
    ECONNRESET: "tls-reset",
    EPIPE: "tls-reset",
    ECONNABORTED: "tls-reset",
    ETIMEDOUT: "tls-stalled",
    EWHATEVER: "tls-reset",
  },
  response: {
    ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "tls-client-cert",
    ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "tls-client-cert",
    ETIMEDOUT: "http-timeout",
    ECONNRESET: "http-invalid",
    HPE_INVALID_CONSTANT: "http-invalid",
    EWHATEVER: "http-invalid",
  },
  host: {
    ENOENT: "file-missing",
    ENOTDIR: "file-missing",
    EACCES: "file-denied",
    EPERM: "file-denied",
    EIO: "file-error",
    EISDIR: "file-error",
  },
};

for (const [phase, rows] of Object.entries(ROWS)) {
  test.each(Object.entries(rows))(`in phase ${phase}, %s is %s`, (code, expected) => {
    expect(seen(phase as Phase, code).code).toBe(expected);
  });
}

test("an error keeps its time, its words and the system's name for it", () => {
  expect(seen("connect", "ECONNREFUSED")).toEqual({
    ok: false,
    phase: "connect",
    code: "tcp-refused",
    message: "words",
    elapsedMs: 7,
    errno: "ECONNREFUSED",
  });
});

test("OpenSSL's code is told apart from the system's", () => {
  const saw = seen("handshake", "ERR_SSL_WRONG_VERSION_NUMBER");
  expect(saw).toMatchObject({ tlsCode: "ERR_SSL_WRONG_VERSION_NUMBER" });
  expect(saw).not.toHaveProperty("errno");
});

test("a client certificate that is missed during the request is still a fault of the handshake", () => {
  expect(seen("response", "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED").phase).toBe("handshake");
  expect(seen("response", "ECONNRESET").phase).toBe("response");
});

test("OpenSSL's short reason is preferred to its long message", () => {
  const error = Object.assign(new Error("0070:error:0A00010B:SSL routines::wrong version number:../deps"), {
    code: "ERR_SSL_WRONG_VERSION_NUMBER",
    reason: "wrong version number",
  });
  expect(failure("handshake", error, 0).message).toBe("wrong version number");
});

test.each([
  ["a string", "broken", "broken"],
  ["null", null, "null"],
  ["undefined", undefined, "undefined"],
  ["an object without a code", {}, ""],
])("%s that is thrown has no code and is no crash", (_what, thrown, message) => {
  const saw = failure("response", thrown, 1);
  expect(saw).toEqual({ ok: false, phase: "response", code: "http-invalid", message, elapsedMs: 1 });
});

test("control characters in a message become spaces, and a long message is cut", () => {
  expect(failure("response", new Error("a\u001b[2Jb\r\nc"), 0).message).toBe("a [2Jb c");
  expect(failed("response", "http-invalid", "\u0007x".repeat(400), 0).message).toHaveLength(300);
});

test.each<[string, DatabaseCode]>([
  ["28P01", "db-auth-failed"],
  ["28000", "db-host-denied"],
  ["28ABC", "db-auth-failed"],
  ["3D000", "db-missing-database"],
  ["42501", "db-no-privilege"],
  ["53300", "db-too-many-connections"],
  ["53200", "db-unavailable"],
  ["57P01", "db-unavailable"],
  ["57P03", "db-unavailable"],
  ["08P01", "db-protocol"],
  ["0A000", "db-protocol"],
  ["XX000", "db-unavailable"],
  ["1040", "db-too-many-connections"],
  ["1203", "db-too-many-connections"],
  ["1226", "db-too-many-connections"],
  ["1043", "db-protocol"],
  ["1044", "db-no-privilege"],
  ["1142", "db-no-privilege"],
  ["1045", "db-auth-failed"],
  ["1698", "db-auth-failed"],
  ["3118", "db-auth-failed"],
  ["4151", "db-auth-failed"],
  ["1049", "db-missing-database"],
  ["1129", "db-host-denied"],
  ["1130", "db-host-denied"],
  ["3159", "db-tls-required"],
  ["2800", "db-unavailable"],
  ["", "db-unavailable"],
])("a database's %s is %s", (refusal, expected) => {
  expect(refusalCode(refusal)).toBe(expected);
});
