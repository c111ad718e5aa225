import { once } from "node:events";
import net from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { probeBind } from "../../src/probes/bind.ts";
import { bindFailure } from "../../src/probes/failure.ts";
import { probeListeners } from "../../src/probes/listeners.ts";
import { closedPort, createServers } from "../support/servers.ts";

const servers: net.Server[] = [];
/** A port that nobody has. */
const unused = (): Promise<number> => closedPort(createServers(), net.createServer());
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((done) => server.close(done));
});

/** Holds a port, by default any; resolves to it. */
const hold = async (host: string, port = 0, ipv6Only = false): Promise<number> => {
  const server = net.createServer();
  servers.push(server);
  server.listen({ host, port, ipv6Only });
  await once(server, "listening");
  return (server.address() as net.AddressInfo).port;
};

const at = (address: string, port: number) => ({ address, family: address.includes(":") ? 6 : 4, port }) as const;

const codeAt = async (address: string, port: number): Promise<string> => {
  const saw = await probeBind(at(address, port));
  return saw.ok ? "free" : saw.code;
};

describe("an address that nobody has", () => {
  test.each(["127.0.0.1", "127.0.0.7", "::1", "0.0.0.0", "::"])("%s can be had, and is given back", async (address) => {
    const port = await unused();
    expect(await probeBind(at(address, port))).toEqual({ ok: true, elapsedMs: expect.any(Number) });
    const seen = await probeListeners();
    expect(seen.ok && seen.listeners.filter((listener) => listener.port === port)).toEqual([]);
    await hold(address, port);
  });

  test("can be had again and again, by several at once", async () => {
    const port = await unused();
    const codes = await Promise.all(["127.0.0.1", "0.0.0.0", "::", "127.0.0.1"].map((each) => codeAt(each, port)));
    expect(codes).toEqual(["free", "free", "free", "free"]);
  });
});

// What CrowdSec, a Go program, would meet.
test.each<[held: string, wanted: string, code: string]>([
  ["127.0.0.1", "127.0.0.1", "bind-in-use"],
  ["0.0.0.0", "127.0.0.1", "bind-in-use"],
  ["::", "127.0.0.1", "bind-in-use"],
  ["::", "::1", "bind-in-use"],
  ["127.0.0.1", "0.0.0.0", "bind-in-use"],
  ["127.0.0.1", "::", "bind-in-use"],
  ["::1", "0.0.0.0", "bind-in-use"],
  ["::1", "127.0.0.1", "free"],
  ["127.0.0.7", "127.0.0.1", "free"],
])("where another listens on %s, %s is %s", async (held, wanted, code) => {
  expect(await codeAt(wanted, await hold(held))).toBe(code);
});

test("who listens on all of IPv6 and nothing else leaves IPv4 free", async () => {
  const port = await hold("::", 0, true);
  expect([await codeAt("127.0.0.1", port), await codeAt("0.0.0.0", port)]).toEqual(["free", "bind-in-use"]);
});

test("what a connection leaves behind (TIME_WAIT) is in nobody's way", async () => {
  const server = net.createServer((socket) => socket.end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  const client = net.connect(port, "127.0.0.1").resume();
  await once(client, "close");
  await new Promise((done) => server.close(done));
  expect(await codeAt("127.0.0.1", port)).toBe("free");
});

test("UDP on the same port is in nobody's way", async () => {
  const { createSocket } = await import("node:dgram");
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  expect(await codeAt("127.0.0.1", socket.address().port)).toBe("free");
  socket.close();
});

test("a connection that leaves from that port is found, which no table of listeners shows", async () => {
  const client = net.connect(await hold("127.0.0.1"), "127.0.0.1");
  await once(client, "connect");
  const { localPort: port = 0 } = client;
  const seen = await probeListeners();
  expect(seen.ok && seen.listeners.filter((listener) => listener.port === port)).toEqual([]);
  expect(await codeAt("127.0.0.1", port)).toBe("bind-in-use");
  client.destroy();
});

test.each(["192.0.2.1", "2001:db8::1"])("%s, which no interface here has, is told as such", async (address) => {
  expect(await probeBind(at(address, await unused()))).toMatchObject({
    ok: false,
    phase: "host",
    code: "bind-no-address",
    errno: "EADDRNOTAVAIL",
  });
});

test("a name is not looked up, and a port that is none is no exception", async () => {
  expect(await codeAt("localhost", 8080)).toBe("bind-error");
  expect(await codeAt("127.0.0.1", 65_536)).toBe("bind-error");
});

test.each([
  ["EACCES", "bind-denied"],
  ["EPERM", "bind-denied"],
  ["EADDRINUSE", "bind-in-use"],
  ["EADDRNOTAVAIL", "bind-no-address"],
  ["EMFILE", "bind-error"],
])("the system's %s is %s", (code, expected) => {
  expect(bindFailure({ code, message: "no" }, 3)).toEqual({
    ok: false,
    phase: "host",
    code: expected,
    message: "no",
    elapsedMs: 3,
    errno: code,
  });
});

test("who connects in that moment is not answered", async () => {
  const port = await unused();
  let answered = 0;
  const knock = (): Promise<void> =>
    new Promise((done) => {
      const socket = net.connect(port, "127.0.0.1");
      socket.on("data", () => {
        answered += 1;
      });
      socket.on("error", () => {});
      socket.on("close", () => done());
    });
  const knocks: Promise<void>[] = [];
  for (let count = 0; count < 50; count++) {
    knocks.push(knock());
    expect((await probeBind(at("127.0.0.1", port))).ok).toBe(true);
  }
  await Promise.all(knocks);
  expect(answered).toBe(0);
});
