import { spawn } from "node:child_process";
import dgram from "node:dgram";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import net from "node:net";
import { Worker } from "node:worker_threads";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { dial, probeSocket, probeTcp } from "../../src/probes/tcp.ts";
import { makeFolder } from "../support/folder.ts";
import { closedPort, createServers } from "../support/servers.ts";

const folder = makeFolder();
afterAll(folder.remove);

const servers = createServers();
afterEach(servers.close);

const limits = (timeoutMs = 5000): { timeoutMs: number; signal: AbortSignal } => ({
  timeoutMs,
  signal: new AbortController().signal,
});

/**
 * A listener in a thread that sleeps: it accepts nobody, so after two connections its queue is full and the kernel
 * gives the third no answer; at a unix socket it says so at once.
 */
const deafListener = async (
  where: net.ListenOptions = { port: 0, host: "127.0.0.1" },
): Promise<{ readonly port: number; end(): Promise<void> }> => {
  const worker = new Worker(
    `const { parentPort, workerData } = require("node:worker_threads");
     const server = require("node:net").createServer().listen({ ...workerData, backlog: 1 }, () => {
       parentPort.postMessage(server.address().port ?? 0);
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
     });`,
    { eval: true, workerData: where },
  );
  const [port] = await once(worker, "message");
  const waiting = await Promise.all(
    [1, 2].map(async () => {
      const socket = where.path === undefined ? net.connect(port, "127.0.0.1") : net.connect(where.path);
      socket.on("error", () => {});
      await once(socket, "connect");
      return socket;
    }),
  );
  return {
    port,
    end: async () => {
      for (const socket of waiting) socket.destroy();
      await worker.terminate();
    },
  };
};

test.each([
  ["127.0.0.1", 4],
  ["::1", 6],
] as const)("a listener at %s is reached, and the connection is closed again", async (address, family) => {
  const server = net.createServer();
  const port = await servers.listen(server, address);
  const accepted = once(server, "connection") as Promise<[net.Socket]>;
  const saw = await probeTcp({ address, family, port }, limits());
  expect(saw).toEqual({ ok: true, elapsedMs: expect.any(Number), source: address });
  const [socket] = await accepted;
  socket.resume();
  if (!socket.closed) await once(socket, "close");
  expect(socket.bytesRead).toBe(0);
});

test.each([
  ["127.0.0.1", 4],
  ["::1", 6],
] as const)(
  "who is refused at %s is told which of this host's addresses a firewall's log has",
  async (address, family) => {
    const server = net.createServer();
    const port = await servers.listen(server, address);
    await servers.close();
    const saw = await probeTcp({ address, family, port }, limits());
    expect(saw).toMatchObject({ ok: false, code: "tcp-refused", source: address });
  },
);

test("looking for the address to leave from sends nothing", async () => {
  const peer = dgram.createSocket("udp4");
  peer.bind(0, "127.0.0.1");
  await once(peer, "listening");
  const received: unknown[] = [];
  peer.on("message", (message) => received.push(message));
  const { port } = peer.address();
  // Nothing listens at this port of TCP, so the probe looks for the address after the refusal.
  const saw = await probeTcp({ address: "127.0.0.1", family: 4, port }, limits());
  expect(saw).toMatchObject({ ok: false, source: "127.0.0.1" });
  // What comes first, came first.
  const sender = dgram.createSocket("udp4");
  sender.send("last", port, "127.0.0.1");
  await once(peer, "message");
  expect(received.map(String)).toEqual(["last"]);
  sender.close();
  peer.close();
});

test("a port where nothing listens refuses", async () => {
  const port = await closedPort(servers, net.createServer());
  const saw = await probeTcp({ address: "127.0.0.1", family: 4, port }, limits());
  expect(saw).toMatchObject({ ok: false, phase: "connect", code: "tcp-refused", errno: "ECONNREFUSED" });
});

test("an address that the kernel will not dial is unreachable", async () => {
  // TCP has no broadcast: the kernel says no at once, and nothing is sent.
  const saw = await probeTcp({ address: "255.255.255.255", family: 4, port: 9 }, limits());
  expect(saw).toMatchObject({ ok: false, phase: "connect", code: "tcp-unreachable" });
  expect(saw).not.toHaveProperty("source");
});

test("a listener that gives no answer is a time-out", async () => {
  const listener = await deafListener();
  try {
    const saw = await probeTcp({ address: "127.0.0.1", family: 4, port: listener.port }, limits(300));
    expect(saw).toMatchObject({
      ok: false,
      phase: "connect",
      code: "tcp-timeout",
      message: "no answer within 300 ms",
      source: "127.0.0.1",
    });
    expect(saw.elapsedMs).toBeGreaterThanOrEqual(290);
  } finally {
    await listener.end();
  }
});

test("a signal ends a connection attempt that is under way", async () => {
  const listener = await deafListener();
  try {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    const saw = await probeTcp(
      { address: "127.0.0.1", family: 4, port: listener.port },
      { timeoutMs: 20_000, signal: stop.signal },
    );
    expect(saw).toMatchObject({ ok: false, phase: "connect", errno: "ABORT_ERR" });
    expect(saw.elapsedMs).toBeLessThan(10_000);
  } finally {
    await listener.end();
  }
});

test("a signal given before the probe lets nothing through", async () => {
  const server = net.createServer();
  let connections = 0;
  server.on("connection", () => {
    connections += 1;
  });
  const port = await servers.listen(server);
  const saw = await probeTcp(
    { address: "127.0.0.1", family: 4, port },
    { timeoutMs: 5000, signal: AbortSignal.abort() },
  );
  expect(saw.ok).toBe(false);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(connections).toBe(0);
});

test("a dialed socket is the caller's, and outlives the time limit of dialing", async () => {
  const server = net.createServer((socket) => socket.pipe(socket));
  const port = await servers.listen(server);
  const dialed = await dial({ address: "127.0.0.1", port }, limits(200));
  if (!dialed.ok) throw new Error(dialed.message);
  await new Promise((resolve) => setTimeout(resolve, 300));
  dialed.socket.write("still here");
  expect(String((await once(dialed.socket, "data"))[0])).toBe("still here");
  dialed.socket.destroy();
});

/** A server at the path of a unix socket. */
const listenAt = async (path: string): Promise<net.Server> => {
  const server = net.createServer().listen(path);
  await once(server, "listening");
  return server;
};

test("a unix socket is reached, and the connection is closed again with nothing said", async () => {
  const path = `${folder.path}/lapi.sock`;
  const server = await listenAt(path);
  const accepted = once(server, "connection") as Promise<[net.Socket]>;
  expect(await probeSocket({ path }, limits())).toEqual({ ok: true, elapsedMs: expect.any(Number) });
  const [socket] = await accepted;
  socket.resume();
  if (!socket.closed) await once(socket, "close");
  expect(socket.bytesRead).toBe(0);
  server.close();
});

test.each([
  ["is not there", () => `${folder.path}/missing.sock`, "socket-missing", "ENOENT"],
  ["is below a file", () => `${folder.write("plain", "")}/lapi.sock`, "socket-missing", "ENOTDIR"],
  ["is an ordinary file", () => folder.write("file", ""), "tcp-refused", "ECONNREFUSED"],
])("a unix socket that %s", async (_what, path: () => string, code, errno) => {
  expect(await probeSocket({ path: path() }, limits())).toMatchObject({ ok: false, phase: "connect", code, errno });
});

test("a unix socket whose server is gone refuses", async () => {
  const path = `${folder.path}/stale.sock`;
  const server = spawn(process.execPath, [
    ...["-e", "require('net').createServer().listen(process.argv[1], () => console.log('ready'))"],
    path,
  ]);
  await once(server.stdout, "data");
  expect(await probeSocket({ path }, limits())).toMatchObject({ ok: true });
  server.kill("SIGKILL");
  await once(server, "exit");
  const saw = await probeSocket({ path }, limits());
  expect(saw).toMatchObject({ ok: false, phase: "connect", code: "tcp-refused", errno: "ECONNREFUSED" });
});

test("a unix socket whose server takes nobody in is a time-out", async () => {
  const path = `${folder.path}/deaf.sock`;
  const listener = await deafListener({ path });
  try {
    expect(await probeSocket({ path }, limits())).toMatchObject({ ok: false, phase: "connect", code: "tcp-timeout" });
  } finally {
    await listener.end();
  }
});

test("a path that no socket can have is not cut short to another one's", async () => {
  const long = `${folder.path}/${"x".repeat(200)}`;
  // As much of it as a socket address holds, where Node would connect; and the longest that Go takes.
  const [cut, longest] = [await listenAt(long.slice(0, 108)), await listenAt(long.slice(0, 107))];
  const saw = await probeSocket({ path: long }, limits());
  expect(saw).toMatchObject({ ok: false, phase: "connect", code: "socket-missing" });
  expect(await probeSocket({ path: long.slice(0, 107) }, limits())).toMatchObject({ ok: true });
  for (const server of [cut, longest]) server.close();
});

test("a relative path is a file's, never a name to look up", async () => {
  const saw = await probeSocket({ path: "no-such.sock" }, limits());
  expect(saw).toMatchObject({ ok: false, code: "socket-missing", errno: "ENOENT" });
});

const asOrdinaryUser = process.getuid?.() === 0 ? test.skip : test;

asOrdinaryUser("a unix socket in a folder that is closed to this user is denied", async () => {
  mkdirSync(`${folder.path}/closed`, { mode: 0 });
  const saw = await probeSocket({ path: `${folder.path}/closed/lapi.sock` }, limits());
  expect(saw).toMatchObject({ ok: false, phase: "connect", code: "socket-denied", errno: "EACCES" });
});

test("a signal given before lets nothing through to a unix socket", async () => {
  const path = `${folder.path}/aborted.sock`;
  const server = await listenAt(path);
  const saw = await probeSocket({ path }, { timeoutMs: 5000, signal: AbortSignal.abort() });
  expect(saw.ok).toBe(false);
  server.close();
});
