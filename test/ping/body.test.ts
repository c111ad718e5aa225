import { expect, test } from "@jest/globals";
import { MOST_BYTES, pingBody } from "../../src/ping/body.ts";

const asIs = (text: string): string => text;
const size = (text: string): number => Buffer.byteLength(text);

test("a short report is sent as it is, with its lines and what they are indented by", () => {
  expect(pingBody("NOT READY\n  ✗ lapi-tls\n\n12 pass, 1 fail\n", asIs)).toBe(
    "NOT READY\n  ✗ lapi-tls\n\n12 pass, 1 fail",
  );
  expect(pingBody("", asIs)).toBe("");
});

test("what may be a secret is taken out, also where the text is cut", () => {
  const secret = "hunter2".repeat(3);
  const redact = (text: string): string => text.replaceAll(secret, "REDACTED");
  const long = `${"x".repeat(99)}\n`.repeat(99);
  // The cut would go through the middle of it.
  const body = pingBody(`${long}${"y".repeat(40)}${secret.repeat(10)}\n${"z".repeat(200)}`, redact);
  expect(body).not.toContain("hunter2");
  expect(pingBody(`token ${secret}`, redact)).toBe("token REDACTED");
});

test("a long report is cut at a line, and says so", () => {
  const lines = Array.from({ length: 1000 }, (_, index) => `line ${index} ${"ä".repeat(20)}`);
  const body = pingBody(lines.join("\n"), asIs);
  expect(size(body)).toBeLessThanOrEqual(MOST_BYTES);
  expect(size(body)).toBeGreaterThan(MOST_BYTES - 100);
  const kept = body.split("\n");
  expect(kept.at(-1)).toBe("… and more");
  expect(kept.slice(0, -1)).toEqual(lines.slice(0, kept.length - 1));
});

test.each([
  [MOST_BYTES, false],
  [MOST_BYTES + 1, true],
])("%i bytes are cut: %p", (length, cut) => {
  const text = `${"a".repeat(99)}\n`.repeat(99) + "b".repeat(length - 9900);
  expect(size(text)).toBe(length);
  expect(pingBody(text, asIs).endsWith("… and more")).toBe(cut);
});

test("one endless line leaves room for the others", () => {
  const body = pingBody(`first\n${"ä".repeat(100_000)}\nlast`, asIs);
  expect(size(body)).toBeLessThanOrEqual(MOST_BYTES);
  expect(body).toMatch(/^first\nä+…\nlast$/);
});

test("control characters of others do not reach the service", () => {
  expect(pingBody("a\u001b[31mb\r\nc\u0000d\u202ee\tf", asIs)).toBe("a [31mb\nc d e f");
});
