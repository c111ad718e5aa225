import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { probeLibc } from "../../src/probes/libc.ts";
import { makeFolder } from "../support/folder.ts";

const folder = makeFolder();
afterAll(folder.remove);

const limits = (timeoutMs = 10_000, signal = new AbortController().signal) => ({ timeoutMs, signal });

/** Children of this process that ask the C library. */
const asking = (): readonly string[] =>
  execFileSync("ps", ["-o", "args=", "--ppid", String(process.pid)], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes("getent"));

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const until = async (holds: () => boolean): Promise<boolean> => {
  for (let turn = 0; turn < 150 && !holds(); turn++) await pause(20);
  return holds();
};

/** A list of aliases that nobody writes: whoever looks up a name without a dot there waits. No packet is sent. */
const stuck = (): Readonly<Record<string, string>> => {
  const path = join(folder.path, "aliases");
  execFileSync("sh", ["-c", 'test -p "$1" || mkfifo "$1"', "sh", path]);
  return { HOSTALIASES: path };
};

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
])("a name with %s is not found, by the word of the system", async (_what, name) => {
  expect(await probeLibc({ name }, limits())).toMatchObject({
    ok: false,
    phase: "resolve",
    code: "dns-nxdomain",
    errno: "ENOTFOUND",
    message: expect.stringContaining(name),
  });
});

test.each(["", "a b", "a\0b", "a\nb", "x".repeat(300), "\u00fcber.test", "--version", "-A"])(
  "%j is no host name, and nobody is asked",
  async (name) => {
    expect(await probeLibc({ name }, limits(1))).toMatchObject({ code: "dns-nxdomain", message: "it is no host name" });
  },
);

test("what takes longer than its time is a time-out, and its process is gone", async () => {
  const start = performance.now();
  const waiting = probeLibc({ name: "slow" }, limits(1000), stuck());
  expect(await until(() => asking().length === 1)).toBe(true);
  expect(await waiting).toMatchObject({ ok: false, code: "dns-timeout" });
  expect(performance.now() - start).toBeLessThan(3000);
  expect(await until(() => asking().length === 0)).toBe(true);
});

test("the run's end ends the wait, and a run that has ended starts no process", async () => {
  const stop = new AbortController();
  const waiting = probeLibc({ name: "slow" }, limits(10_000, stop.signal), stuck());
  expect(await until(() => asking().length === 1)).toBe(true);
  stop.abort();
  expect(await waiting).toMatchObject({ ok: false, code: "dns-timeout" });
  expect(await until(() => asking().length === 0)).toBe(true);
  const late = probeLibc({ name: "slow" }, limits(10_000, stop.signal), stuck());
  await pause(20);
  expect(asking()).toEqual([]);
  expect(await late).toMatchObject({ ok: false, code: "dns-timeout" });
});

test("of many names at once a few are asked for, the others after them", async () => {
  const stop = new AbortController();
  const names = Array.from({ length: 6 }, () => probeLibc({ name: "slow" }, limits(10_000, stop.signal), stuck()));
  expect(await until(() => asking().length === 4)).toBe(true);
  await pause(100);
  expect(asking()).toHaveLength(4);
  stop.abort();
  expect((await Promise.all(names)).map(({ ok }) => ok)).toEqual(Array(6).fill(false));
  const next = Array.from({ length: 6 }, () => probeLibc({ name: "localhost" }, limits()));
  expect((await Promise.all(next)).map(({ ok }) => ok)).toEqual(Array(6).fill(true));
});

test("each address comes once, though the system names it for every type of socket", async () => {
  const saw = await probeLibc({ name: "localhost" }, limits());
  const addresses = saw.ok ? saw.addresses.map(({ address }) => address) : [];
  expect(addresses.length).toBeGreaterThan(0);
  expect(new Set(addresses).size).toBe(addresses.length);
});

test("an IPv4 address in IPv6 clothes is none of IPv6", async () => {
  const saw = await probeLibc({ name: "localhost", family: 6 }, limits());
  // Whether this host knows ::1 by that name is its own matter.
  if (saw.ok) expect(saw.addresses).toEqual([{ address: "::1", family: 6 }]);
  else expect(saw).toMatchObject({ code: "dns-nodata", message: "localhost has no IPv6 address" });
});

test("the asking process has the environment that is given, and nothing of this one's", async () => {
  const waiting = probeLibc({ name: "slow" }, limits(1000), { ...stuck(), PREFLIGHT_CANARY: "1" });
  expect(await until(() => asking().length === 1)).toBe(true);
  const [pid] = execFileSync("ps", ["-o", "pid=,args=", "--ppid", String(process.pid)], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes("getent"))
    .map((line) => line.trim().split(" ")[0]);
  const variables = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  expect(variables.flatMap((each) => (each === "" ? [] : [each.split("=")[0]])).sort()).toEqual([
    "HOSTALIASES",
    "PREFLIGHT_CANARY",
  ]);
  await waiting;
});

test("a process that cannot start is no word on the name", async () => {
  // Longer than what the system lets a program have.
  const environment = { LOCALDOMAIN: "x".repeat(300_000) };
  expect(await probeLibc({ name: "localhost" }, limits(), environment)).toMatchObject({
    ok: false,
    code: "dns-servfail",
    message: "the C library's resolver could not be asked",
  });
});
