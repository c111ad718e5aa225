import http from "node:http";
import net from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { Secret } from "../../src/model/secret.ts";
import { parseHosts, parseResolvConf } from "../../src/probes/go-resolver.ts";
import type { PreparedProber, ProberOptions } from "../../src/probes/index.ts";
import { createProber } from "../../src/probes/index.ts";
import { makeCertificates } from "../support/certificates.ts";
import { type Nameservers, startNameservers, type Zone } from "../support/dns-server.ts";
import { makeFolder } from "../support/folder.ts";
import { createServers } from "../support/servers.ts";

const folder = makeFolder();
afterAll(folder.remove);

const servers = createServers();
let nameservers: Nameservers | undefined;
afterEach(async () => {
  await servers.close();
  await nameservers?.close();
  nameservers = undefined;
});

const prober = (options: Partial<ProberOptions> = {}): PreparedProber =>
  createProber({
    signal: new AbortController().signal,
    timeoutMs: 5000,
    platform: "linux",
    userAgent: "preflight-test/1.2.3",
    ...options,
  });

/** A prober whose resolver knows `lapi.test` and two more names. */
const resolving = async (options: Partial<ProberOptions> = {}, zone: Zone = {}): Promise<PreparedProber> => {
  const both = { A: ["192.0.2.1"], AAAA: ["2001:db8::1"] };
  nameservers = await startNameservers({ "lapi.test": both, "other.test": both, ...zone });
  return prober({
    resolver: {
      config: { ...parseResolvConf(""), servers: ["127.0.0.1"] },
      hosts: parseHosts("192.0.2.9 pinned.test"),
      port: nameservers.port,
    },
    ...options,
  });
};

const counting = async (server: net.Server): Promise<{ readonly port: number; connections(): number }> => {
  let count = 0;
  server.on("connection", () => {
    count += 1;
  });
  const port = await servers.listen(server);
  return { port, connections: () => count };
};

test("a TCP question is asked once, a second look is another question", async () => {
  const { port, connections } = await counting(net.createServer());
  const probe = prober();
  const question = { address: "127.0.0.1", family: 4, port } as const;
  const [first, second] = await Promise.all([probe.tcp(question), probe.tcp({ ...question })]);
  expect(first).toMatchObject({ ok: true });
  expect(second).toBe(first);
  expect(await probe.tcp(question)).toBe(first);
  const again = await probe.tcp({ ...question, look: 2 });
  expect(again).toMatchObject({ ok: true });
  expect(again).not.toBe(first);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(connections()).toBe(2);
});

test("an HTTP question is asked once; another path, method or look is another question", async () => {
  const { port, connections } = await counting(
    http.createServer((request, response) => response.end(`${request.headers["user-agent"]} ${request.url}`)),
  );
  const probe = prober();
  const request = { url: `http://lapi.test:${port}/a`, address: "127.0.0.1" };
  const [first, second] = await Promise.all([probe.http(request), probe.http({ ...request })]);
  expect(first).toMatchObject({ ok: true, body: "preflight-test/1.2.3 /a" });
  expect(second).toBe(first);
  expect(connections()).toBe(1);
  await probe.http({ ...request, url: `http://lapi.test:${port}/b` });
  await probe.http({ ...request, method: "POST" });
  await probe.http({ ...request, look: 2 });
  expect(connections()).toBe(4);
});

test("a failure is remembered like an answer", async () => {
  const { port, connections } = await counting(net.createServer((socket) => socket.destroy()));
  const probe = prober();
  const request = { url: `http://lapi.test:${port}/`, address: "127.0.0.1" };
  const saw = await probe.http(request);
  expect(saw).toMatchObject({ ok: false, code: "http-invalid" });
  expect(await probe.http(request)).toBe(saw);
  expect(connections()).toBe(1);
});

test.each([
  ["a header", { headers: { "x-api-key": new Secret("k3y") } }],
  ["a body", { method: "POST", body: new Secret("k3y") }],
] as const)("a request with a secret in %s is sent as often as it is asked", async (_what, part) => {
  const { port, connections } = await counting(http.createServer((_request, response) => response.end()));
  const probe = prober();
  const request = { url: `http://lapi.test:${port}/`, address: "127.0.0.1", ...part };
  expect(await probe.http(request)).not.toBe(await probe.http(request));
  expect(connections()).toBe(2);
});

test("a unix socket is asked once, a second look is another question", async () => {
  const path = `${folder.path}/lapi.sock`;
  let connections = 0;
  const server = net.createServer(() => {
    connections += 1;
  });
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  const probe = prober();
  const first = await probe.socket({ path });
  expect(first).toMatchObject({ ok: true });
  expect(await probe.socket({ path })).toBe(first);
  expect(await probe.socket({ path, look: 2 })).not.toBe(first);
  server.close();
  await pause(20);
  expect(connections).toBe(2);
});

/** A database server that counts, and hangs up on everybody. */
const hangingUp = (): Promise<{ readonly port: number; connections(): number }> =>
  counting(net.createServer((socket) => socket.destroy()));

test("a database is asked once; with another password it is another question", async () => {
  const { port, connections } = await hangingUp();
  const probe = prober();
  const password = new Secret("one");
  const question = (secret: Secret) =>
    ({
      protocol: "postgresql",
      addresses: ["127.0.0.1"],
      port,
      host: "db.test",
      tls: "disable",
      login: { user: "crowdsec", password: secret, database: "crowdsec", tables: [] },
    }) as const;
  const first = await probe.database(question(password));
  expect(first.ok).toBe(false);
  expect(await probe.database(question(password))).toBe(first);
  const before = connections();
  expect(before).toBeGreaterThan(0);
  expect(await probe.database(question(new Secret("two")))).not.toBe(first);
  expect(connections()).toBe(2 * before);
});

test("a name is asked for once", async () => {
  const probe = await resolving();
  const [first, second] = await Promise.all([probe.dns({ name: "lapi.test" }), probe.dns({ name: "lapi.test" })]);
  expect(first).toMatchObject({ ok: true, from: "127.0.0.1" });
  expect(second).toBe(first);
  expect(await probe.dns({ name: "other.test" })).toMatchObject({ ok: true });
  expect(nameservers?.servers[0]?.asked.map((question) => question.slice(4)).sort()).toEqual([
    "A lapi.test",
    "A other.test",
    "AAAA lapi.test",
    "AAAA other.test",
  ]);
});

test.each([
  [4, "A", "192.0.2.1"],
  [6, "AAAA", "2001:db8::1"],
] as const)("with the option family %i every name is asked for in that family only", async (family, type, address) => {
  const probe = await resolving({ family });
  expect(await probe.dns({ name: "lapi.test" })).toMatchObject({ ok: true, addresses: [{ address, family }] });
  expect(nameservers?.servers[0]?.asked).toEqual([`udp ${type} lapi.test`]);
});

test("the hosts file of the resolver is looked at", async () => {
  const probe = await resolving();
  expect(await probe.dns({ name: "pinned.test" })).toMatchObject({ ok: true, from: "hosts" });
});

test("this host's own resolver is used when none is given", async () => {
  // Every system's hosts file has this name; no nameserver is needed for it.
  expect(await prober().dns({ name: "localhost" })).toMatchObject({ ok: true, from: "hosts" });
});

test("no more than 64 names are asked for at once, and all of them are answered", async () => {
  const names = Array.from({ length: 100 }, (_, index) => `name-${index}.test`);
  const probe = await resolving(
    {},
    Object.fromEntries(names.map((name) => [name, { A: ["192.0.2.1"], delayMs: 1000 }])),
  );
  const answers = Promise.all(names.map((name) => probe.dns({ name, family: 4 })));
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(nameservers?.servers[0]?.asked).toHaveLength(64);
  expect((await answers).every(({ ok }) => ok)).toBe(true);
  expect(nameservers?.servers[0]?.asked).toHaveLength(100);
});

test("a file is read once", async () => {
  const path = folder.write("config.yaml", "before");
  const probe = prober();
  expect(await probe.file(path)).toMatchObject({ ok: true, content: "before" });
  folder.write("config.yaml", "after");
  expect(await probe.file(path)).toMatchObject({ ok: true, content: "before" });
  expect(await prober().file(path)).toMatchObject({ ok: true, content: "after" });
});

test("a path and a folder are looked at once", async () => {
  const path = folder.write("seen/file", "before");
  const probe = prober();
  expect(await probe.path(path)).toMatchObject({ ok: true, bytes: 6 });
  expect(await probe.folder(`${folder.path}/seen`)).toMatchObject({ ok: true, names: ["file"] });
  folder.write("seen/file", "afterwards");
  folder.write("seen/another", "");
  expect(await probe.path(path)).toMatchObject({ ok: true, bytes: 6 });
  expect(await probe.folder(`${folder.path}/seen`)).toMatchObject({ ok: true, names: ["file"] });
});

test("the end of a log is read once", async () => {
  const path = folder.write("crowdsec.log", "before\n");
  const probe = prober();
  expect(await probe.tail(path)).toMatchObject({ ok: true, content: "before\n", cut: false });
  folder.write("crowdsec.log", "after\n");
  expect(await probe.tail(path)).toMatchObject({ ok: true, content: "before\n" });
  expect(await prober().tail(path)).toMatchObject({ ok: true, content: "after\n" });
});

test("the manager of services and its journal are asked once", async () => {
  const probe = prober();
  const [service, journal] = [await probe.service("no-such-service"), await probe.journal("no-such.service")];
  expect(await probe.service("no-such-service")).toBe(service);
  expect(await probe.journal("no-such.service")).toBe(journal);
  expect(await probe.service("another-service")).not.toBe(service);
});

test("a command is run once, however many ask; one that brings files along, which may be secret, each time", async () => {
  const file = `${folder.path}/runs`;
  const question = { argv: ["/bin/sh", "-c", `echo ran >> ${file}; cat ${file}`], timeoutMs: 20_000 } as const;
  const probe = prober();
  const asked = [probe.command(question), probe.command({ ...question })];
  expect(await Promise.all(asked)).toMatchObject([
    { ok: true, output: "ran\n" },
    { ok: true, output: "ran\n" },
  ]);
  expect(await probe.command({ ...question, files: { x: "y" } })).toMatchObject({ ok: true, output: "ran\nran\n" });
  expect(await probe.command({ ...question, files: { x: "y" } })).toMatchObject({
    ok: true,
    output: "ran\nran\nran\n",
  });
});

test("the end of the run ends a command", async () => {
  const stop = new AbortController();
  const asked = prober({ signal: stop.signal }).command({ argv: ["/bin/sleep", "30"], timeoutMs: 60_000 });
  await pause(50);
  stop.abort();
  const saw = await asked;
  expect(saw).toMatchObject({ ok: false, errno: "ABORT_ERR" });
  expect(saw.elapsedMs).toBeLessThan(10_000);
});

test("the listeners are looked for once, and this process's are its own", async () => {
  const port = await servers.listen(net.createServer());
  const probe = prober();
  const seen = await probe.listeners();
  expect(seen.ok && seen.listeners.find((listener) => listener.port === port)).toMatchObject({
    address: "127.0.0.1",
    family: 4,
    owner: { pid: process.pid },
  });
  expect(await probe.listeners()).toBe(seen);
});

test("the interfaces have loopback among them, each address with its family", async () => {
  const interfaces = await prober().interfaces();
  expect(interfaces).toContainEqual({ address: "127.0.0.1", family: 4 });
  for (const { address, family } of interfaces) expect(net.isIP(address)).toBe(family);
});

test("a trust store is shown, without its certificates, and read once", async () => {
  const certificates = makeCertificates();
  const file = folder.write("store.pem", certificates.ca);
  certificates.remove();
  const probe = prober();
  const named = { file, directories: `${folder.path}/nowhere` };
  const store = { certificates: 1, from: [file], lookedAt: [file, `${folder.path}/nowhere`] };
  expect(await probe.trustStore(named)).toEqual(store);
  folder.write("store.pem", "");
  expect(await probe.trustStore({ ...named })).toEqual(store);
});

test("preparing asks nothing of the network", async () => {
  const probe = await resolving({});
  await probe.prepare();
  expect(nameservers?.servers[0]?.asked).toEqual([]);
});

test("processes are looked for once", async () => {
  const probe = prober();
  expect(await probe.processes("no-such-program")).toBe(await probe.processes("no-such-program"));
});

test("the signal ends what is under way", async () => {
  const stop = new AbortController();
  const server = http.createServer(() => setTimeout(() => stop.abort(), 20));
  const { port } = await counting(server);
  const saw = await prober({ signal: stop.signal, timeoutMs: 20_000 }).http({
    url: `http://lapi.test:${port}/`,
    address: "127.0.0.1",
  });
  expect(saw.ok).toBe(false);
  expect(saw.elapsedMs).toBeLessThan(10_000);
});
