import { describe, expect, test } from "@jest/globals";
import { readPeers } from "../../src/commands/peers.ts";
import { UsageError } from "../../src/commands/usage-error.ts";
import { Secret } from "../../src/model/secret.ts";

const TOKEN = new Secret("abcde-fghjk-mnpqr-stuvw");
const IDLE_MS = 45_000;

const peer = (text: string) => readPeers([text], TOKEN, IDLE_MS)[0];
const refusal = (text: string, { token }: { readonly token: Secret | undefined } = { token: TOKEN }): string => {
  try {
    readPeers([text], token, IDLE_MS);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error("it was not refused");
};

describe("a peer", () => {
  test.each([
    ["10.0.0.5:8080", "10.0.0.5:8080", "http://10.0.0.5:8080/"],
    ["lapi.test:8080", "lapi.test:8080", "http://lapi.test:8080/"],
    ["http://lapi.test:8080/", "lapi.test:8080", "http://lapi.test:8080/"],
    ["https://lapi.test:8080", "lapi.test:8080", "https://lapi.test:8080/"],
    ["HTTPS://LAPI.test:8080", "lapi.test:8080", "https://lapi.test:8080/"],
    ["[2001:db8::5]:8080", "[2001:db8::5]:8080", "http://[2001:db8::5]:8080/"],
    ["lapi.test:80", "lapi.test:80", "http://lapi.test:80/"],
    ["https://lapi.test:443", "lapi.test:443", "https://lapi.test:443/"],
    [" lapi.test:8080 ", "lapi.test:8080", "http://lapi.test:8080/"],
  ])("%s is %s", (text, name, url) => {
    expect(peer(text)).toEqual({ name, url: { value: url, origin: "--peer" }, token: TOKEN, idleMs: IDLE_MS });
  });

  test("named twice is asked once", () => {
    expect(readPeers(["a.test:1", "A.test:1", "a.test:2"], TOKEN, 0).map(({ name }) => name)).toEqual([
      "a.test:1",
      "a.test:2",
    ]);
  });

  test.each([
    ["lapi.test", "without a port"],
    ["http://lapi.test", "without a port"],
    ["https://lapi.test/", "without a port"],
    ["lapi.test:0", "port 0"],
    ["lapi.test:65536", "not a URL"],
    ["lapi.test:8080/v1", "more than that"],
    ["ftp://lapi.test:8080", "neither http:// nor https://"],
    ["", "not a URL"],
    [":8080", "not a URL"],
  ])("%p is refused: %s", (text, problem) => {
    expect(refusal(text)).toContain(problem);
  });

  test("with a password in it is not repeated", () => {
    const message = refusal("http://me:hunter2@lapi.test:8080");
    expect(message).toContain("a URL with credentials in it");
    expect(message).not.toContain("hunter2");
  });

  test("needs the token, and the refusal says where that goes", () => {
    expect(refusal("lapi.test:8080", { token: undefined })).toMatch(
      /needs the token .* CROWDSEC_PREFLIGHT_TOKEN, or by --token-file FILE/,
    );
  });
});
