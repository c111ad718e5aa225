import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { type Identity, type PemFile, readIdentity, throwAway } from "../../src/listen/certificate.ts";
import { createProber } from "../../src/probes/index.ts";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { opened, say, TOKEN } from "./visitor.ts";

jest.setTimeout(90_000);

let certificates: Certificates;
let folder: Folder;
beforeAll(() => {
  certificates = makeCertificates();
  folder = makeFolder();
});
afterAll(() => {
  certificates.remove();
  folder.remove();
});

const TEN_MINUTES = 600_000;

describe("a throw-away certificate", () => {
  test("is for this host's names and addresses, and not valid for long", async () => {
    const { cert, key, fingerprint, given } = await throwAway(
      ["lapi.example.com"],
      ["10.0.0.5", "fd00::5", "::1"],
      TEN_MINUTES,
    );
    const certificate = new X509Certificate(cert);
    expect(certificate.subject).toBe("CN=lapi.example.com");
    expect(certificate.subjectAltName).toBe(
      "DNS:lapi.example.com, DNS:localhost, IP Address:10.0.0.5, IP Address:FD00:0:0:0:0:0:0:5, IP Address:0:0:0:0:0:0:0:1",
    );
    expect(certificate.fingerprint256.replaceAll(":", "").toLowerCase()).toBe(fingerprint);
    expect(given).toBe(false);
    // A peer whose clock is half an hour behind takes it.
    expect(Date.now() - Date.parse(certificate.validFrom)).toBeGreaterThan(1_800_000);
    expect(Date.parse(certificate.validTo) - Date.now()).toBeGreaterThan(TEN_MINUTES);
    expect(Date.parse(certificate.validTo) - Date.now()).toBeLessThan(2 * 86_400_000);
    tls.createSecureContext({ cert, key: key.reveal() });
  });

  test.each(["host,CN=evil", "a b", "", "x".repeat(70), "-"])("leaves out a name that is none: %j", async (name) => {
    const certificate = new X509Certificate((await throwAway([name], [], TEN_MINUTES)).cert);
    expect(certificate.subject).toBe("CN=crowdsec-preflight");
    expect(certificate.subjectAltName).toBe("DNS:localhost");
  });
});

describe("a certificate and key that were given", () => {
  const good = (name: "cert" | "key"): PemFile => ({
    path: `/good.${name}`,
    content: certificates.leaves.good[name],
  });
  const made = (name: string): PemFile => ({
    path: `/${name}`,
    content: readFileSync(join(folder.path, name), "utf8"),
  });
  const openssl = (...args: readonly string[]): void => {
    execFileSync("openssl", args, { cwd: folder.path, stdio: "pipe" });
  };
  const selfSigned = (...args: readonly string[]): [cert: PemFile, key: PemFile] => {
    const files = ["-keyout", "own.key", "-out", "own.crt"];
    openssl("req", "-x509", "-nodes", "-subj", "/CN=a", "-days", "1", ...files, ...args);
    return [made("own.crt"), made("own.key")];
  };

  test("are read, the certificate's fingerprint with them", () => {
    const { fingerprint256 } = new X509Certificate(certificates.leaves.good.cert);
    expect(readIdentity(good("cert"), good("key"))).toMatchObject({
      given: true,
      fingerprint: fingerprint256.replaceAll(":", "").toLowerCase(),
    });
  });

  test.each<[string, () => [cert: PemFile, key: PemFile], RegExp]>([
    [
      "an empty certificate",
      () => [{ path: "/empty", content: "" }, good("key")],
      /^--cert \/empty holds no certificate/,
    ],
    ["a key in place of it", () => [good("key"), good("key")], /^--cert \/good\.key holds no certificate/],
    ["a certificate as key", () => [good("cert"), good("cert")], /^--key \/good\.cert holds no private key/],
    [
      "another's key",
      () => [good("cert"), selfSigned("-newkey", "rsa:2048")[1]],
      /^--key \/own\.key does not belong to --cert \/good\.cert/,
    ],
    [
      "an encrypted key",
      () => {
        folder.write("good.key", certificates.leaves.good.key);
        openssl("pkcs8", "-topk8", "-in", "good.key", "-passout", "pass:canary", "-out", "encrypted.key");
        return [good("cert"), made("encrypted.key")];
      },
      /^--key \/encrypted\.key is encrypted/,
    ],
    [
      "a key that is too short for TLS",
      () => selfSigned("-newkey", "rsa:512"),
      /^--cert \/own\.crt cannot be used for TLS on this host: its key is too short; RSA wants 2048 bits or more\.$/,
    ],
  ])("%s is told in one sentence with the file", (_name, files, expected) => {
    const none = readIdentity(...files());
    expect(none).toEqual({ ok: false, problem: expect.stringMatching(expected) });
    expect((none as { problem: string }).problem).not.toContain("\n");
  });
});

describe("a listener with TLS", () => {
  const prober = () => {
    const controller = new AbortController();
    const options = { signal: controller.signal, timeoutMs: 5000, platform: "linux", userAgent: "test/1" };
    return { probe: createProber(options), end: () => controller.abort() };
  };

  test.each(["throw-away", "given"] as const)(
    "shows the certificate that is %s, and says so under seal",
    async (kind) => {
      const identity =
        kind === "given"
          ? readIdentity(
              { path: "/c", content: certificates.leaves.good.cert },
              { path: "/k", content: certificates.leaves.good.key },
            )
          : await throwAway(["lapi.example.com"], ["127.0.0.1"], TEN_MINUTES);
      const listener = await opened({ tls: identity as Identity });
      const { probe, end } = prober();
      try {
        const url = `https://127.0.0.1:${listener.port}/`;
        const saw = await probe.peer({ url, address: "127.0.0.1", token: TOKEN, name: "agent1", idleMs: 200 });
        expect(saw).toMatchObject({
          ok: true,
          certificate: kind,
          intercepted: false,
          idle: { survived: true },
          altered: [],
        });
        expect(listener.peers()).toMatchObject([{ name: "agent1", complaints: [], finishedAt: expect.any(Date) }]);
        expect(listener.strangers()).toEqual([]);
      } finally {
        end();
        await listener.close();
      }
    },
  );

  test.each<[string, string | Buffer, string]>([
    ["HTTP without TLS", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "spoke-no-tls"],
    ["garbage", Buffer.from("0001ff00", "hex"), "spoke-no-tls"],
    ["nothing but the first byte of TLS", Buffer.from("16", "hex"), "slow"],
  ])("does not answer %s", async (_name, bytes, as) => {
    const listener = await opened({ tls: await throwAway(["a"], [], TEN_MINUTES) });
    try {
      expect(await say(listener.port, bytes)).toEqual(Buffer.alloc(0));
      expect((await listener.event("stranger")).stranger.kinds).toEqual({ [as]: 1 });
    } finally {
      await listener.close();
    }
  });

  test("does not answer requests of strangers over TLS either", async () => {
    const listener = await opened({ tls: await throwAway(["a"], [], TEN_MINUTES) });
    try {
      const socket = tls.connect({ port: listener.port, host: "127.0.0.1", rejectUnauthorized: false });
      let got = "";
      socket.on("data", (chunk) => {
        got += chunk;
      });
      socket.on("error", () => {});
      socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await new Promise((resolve) => socket.once("close", resolve));
      expect(got).toBe("");
      expect((await listener.event("stranger")).stranger.kinds).toEqual({ "other-request": 1 });
    } finally {
      await listener.close();
    }
  });
});
