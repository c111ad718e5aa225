import { execFileSync } from "node:child_process";
import { expect, test } from "@jest/globals";
import { probeLibc } from "../../src/probes/libc.ts";

const limits = (timeoutMs = 10_000, signal = new AbortController().signal) => ({ timeoutMs, signal });

/** Children of this process that ask the C library. */
const asking = (): string =>
  execFileSync("ps", ["-o", "args=", "--ppid", String(process.pid)], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes("node:dns"))
    .join("\n");

test("a name that the C library knows is answered by it", async () => {
  const saw = await probeLibc({ name: "localhost" }, limits());
  expect(saw).toMatchObject({ ok: true, from: "libc", nameservers: [] });
  for (const { address } of saw.ok ? saw.addresses : []) expect(["127.0.0.1", "::1"]).toContain(address);
});

test("one family alone is asked for where one alone is wanted", async () => {
  const saw = await probeLibc({ name: "localhost", family: 4 }, limits());
  expect(saw).toMatchObject({ ok: true, addresses: [{ address: "127.0.0.1", family: 4 }] });
});

test.each([
  ["192.0.2.7", 4],
  ["2001:db8::7", 6],
] as const)("the literal address %s is its own answer, without a process", async (name, family) => {
  expect(await probeLibc({ name }, limits(1))).toMatchObject({ ok: true, addresses: [{ address: name, family }] });
  const other = family === 4 ? 6 : 4;
  expect(await probeLibc({ name, family: other }, limits(1))).toMatchObject({ ok: false, code: "dns-nodata" });
});

// Names that getaddrinfo refuses before it asks anybody.
test.each([
  ["an empty label", "a..test"],
  ["a label of more than 63 characters", `${"x".repeat(64)}.test`],
  ["what looks like an option of a program", "--version..test"],
])("a name with %s is not found, in the system's own words", async (_what, name) => {
  expect(await probeLibc({ name }, limits())).toMatchObject({
    ok: false,
    phase: "resolve",
    code: "dns-nxdomain",
    errno: "ENOTFOUND",
    message: expect.stringContaining(name),
  });
});

test.each(["", "a b", "a\0b", "a\nb", "x".repeat(300), "\u00fcber.test"])(
  "%j is no host name, and nobody is asked",
  async (name) => {
    expect(await probeLibc({ name }, limits(1))).toMatchObject({ code: "dns-nxdomain", message: "it is no host name" });
  },
);

test("what takes longer than its time is a time-out, and its process is gone", async () => {
  const start = performance.now();
  // No process starts within a millisecond.
  expect(await probeLibc({ name: "localhost" }, limits(1))).toMatchObject({ ok: false, code: "dns-timeout" });
  expect(performance.now() - start).toBeLessThan(1000);
  for (let turn = 0; turn < 50 && asking() !== ""; turn++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(asking()).toBe("");
});

test("the run's end ends the wait, and a run that has ended starts no process", async () => {
  const stop = new AbortController();
  const waiting = probeLibc({ name: "localhost" }, limits(10_000, stop.signal));
  setTimeout(() => stop.abort(), 1);
  expect(await waiting).toMatchObject({ ok: false, code: "dns-timeout" });
  const late = probeLibc({ name: "localhost" }, limits(10_000, stop.signal));
  expect(asking()).toBe("");
  expect(await late).toMatchObject({ ok: false, code: "dns-timeout" });
});

test("many names at once are all answered, a few processes at a time", async () => {
  const names = Array.from({ length: 6 }, () => probeLibc({ name: "localhost" }, limits()));
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(asking().split("\n").length).toBeLessThanOrEqual(4);
  expect((await Promise.all(names)).map(({ ok }) => ok)).toEqual(Array(6).fill(true));
});
