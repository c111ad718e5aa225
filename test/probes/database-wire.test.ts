import { once } from "node:events";
import net from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import {
  type Framing,
  type Guard,
  guarded,
  hear,
  mysqlFirst,
  mysqlServer,
  within,
} from "../../src/probes/database-wire.ts";
import { greeting, mysqlError, packet, pgError } from "../support/databases.ts";
import { createServers } from "../support/servers.ts";

const servers = createServers();
afterEach(servers.close);

test.each([
  ["8.0.39", "MySQL 8.0.39"],
  ["8.0.39-0ubuntu0.22.04.1", "MySQL 8.0.39"],
  ["5.5.5-10.11.6-MariaDB-0+deb12u1", "MariaDB 10.11.6"],
  ["11.4.2-MariaDB-ubu2404", "MariaDB 11.4.2"],
  ["5.7.25-TiDB-v7.1.0", "MySQL 5.7.25"],
  ["", "MySQL"],
  ["mariadb of mine", "MariaDB"],
  ["9".repeat(900), `MySQL ${"9".repeat(20)}`],
])("the version %p is %s", (version, server) => {
  expect(mysqlServer(version)).toBe(server);
});

test("MySQL's first packet is known by its first five bytes", () => {
  const whole = greeting();
  for (const bytes of [whole, whole.subarray(0, 5), whole.subarray(0, 20)])
    expect(mysqlFirst(bytes)).toBe(whole.length);
  const error = packet(0, mysqlError(1040, "Too many connections"));
  expect(mysqlFirst(error)).toBe(error.length);
});

test.each([
  ["four bytes", greeting().subarray(0, 4)],
  ["an error of PostgreSQL", pgError("28P01", "no")],
  ["a second packet", packet(1, Buffer.from([10]), "8.0")],
  ["an old protocol", packet(0, Buffer.from([9]), "3.20")],
  ["a version that is none", packet(0, Buffer.from([10]), "x.y.z")],
  ["a packet too long for a greeting", Buffer.from([0, 9, 0, 0, 10, 0x38])],
  ["HTTP", Buffer.from("HTTP/1.1 400 Bad Request")],
])("%s is no first packet of MySQL", (_what, bytes) => {
  expect(mysqlFirst(bytes)).toBeUndefined();
});

test("what comes in time is given, and what does not is replaced", async () => {
  const in50 = (): Promise<string> => new Promise((resolve) => setTimeout(() => resolve("work"), 50));
  expect(await within(2000, in50(), "late")).toBe("work");
  expect(await within(5, in50(), "late")).toBe("late");
});

/** A connection to a server that does `then` with it. */
const connected = async (then: (socket: net.Socket) => void): Promise<net.Socket> => {
  const port = await servers.listen(net.createServer(then));
  const socket = net.connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
};

describe("hear", () => {
  test("waits for enough, and loses nothing of what comes later", async () => {
    const socket = await connected((peer) => {
      peer.write("ab");
      setTimeout(() => peer.write("cd"), 30);
      setTimeout(() => peer.write("ef"), 60);
    });
    const first = await hear(socket, 2000, (bytes) => bytes.length >= 4);
    expect(first.rest.toString()).toBe("abcd");
    await new Promise((resolve) => setTimeout(resolve, 60));
    const second = await hear(socket, 2000, () => true);
    expect(second).toEqual({ messages: 0, rest: Buffer.from("ef") });
    socket.destroy();
  });

  test("ends with the time, with what was said until then", async () => {
    const socket = await connected((peer) => peer.write("ab"));
    expect(await hear(socket, 50, () => false)).toEqual({ messages: 0, rest: Buffer.from("ab") });
    socket.destroy();
  });

  test("ends with the connection, and with one that has ended already", async () => {
    const socket = await connected((peer) => peer.end("ab"));
    expect(await hear(socket, 2000, () => false)).toMatchObject({ rest: Buffer.from("ab"), closed: true });
    socket.destroy();
    expect(await hear(socket, 2000, () => false)).toMatchObject({ closed: true });
  });

  test("does not listen without end", async () => {
    const socket = await connected((peer) => {
      const pour = (): void => {
        while (peer.writable && peer.write(Buffer.alloc(10_000))) {}
      };
      peer.on("drain", pour);
      pour();
    });
    const { rest } = await hear(socket, 5000, () => false);
    expect(rest.length).toBeLessThan(1024 * 1024);
    socket.destroy();
  });
});

describe("guarded", () => {
  /** A length, then as many letters; no X, and @ is for nobody. */
  const FRAMING: Framing = {
    size: (bytes) => (bytes.length === 0 ? undefined : bytes[0] === 0 ? 0 : 1 + (bytes[0] ?? 0)),
    admit: (message) => {
      if (message.includes("X")) return undefined;
      return message.includes("@") ? Buffer.alloc(0) : message;
    },
  };
  const through = async (then: (socket: net.Socket) => void): Promise<{ readonly guard: Guard; read(): string }> => {
    const guard = guarded(FRAMING);
    const chunks: Buffer[] = [];
    guard.stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    guard.attach(await connected(then));
    return { guard, read: () => Buffer.concat(chunks).toString() };
  };
  const closed = (guard: Guard): Promise<unknown> =>
    guard.stream.closed ? Promise.resolve() : once(guard.stream, "close");

  test("passes whole messages on, in whatever pieces they came", async () => {
    const { guard, read } = await through((peer) => {
      for (const [at, piece] of ["\x03a", "bc\x01", "d\x02ef\x05gh"].entries())
        setTimeout(() => peer.write(piece), 20 * at);
      setTimeout(() => peer.end(), 80);
    });
    await closed(guard);
    expect(read()).toBe("\x03abc\x01d\x02ef");
    expect(guard.heard).toMatchObject({ messages: 3, rest: Buffer.from("\x05gh"), closed: true });
  });

  test("keeps back what the library is not to see", async () => {
    const { guard, read } = await through((peer) => peer.end("\x01a\x01@\x01b"));
    await closed(guard);
    expect(read()).toBe("\x01a\x01b");
    expect(guard.heard.messages).toBe(3);
  });

  test.each([
    ["a message that no server sends", "\x01a\x01Xrest", "\x01Xrest"],
    ["a message of no length", "\x01a\x00rest", "\x00rest"],
  ])("breaks off at %s, and keeps it for the report", async (_what, bytes, strange) => {
    const { guard, read } = await through((peer) => peer.write(bytes));
    await closed(guard);
    expect(read()).toBe("\x01a");
    expect(guard.heard.strange).toEqual(Buffer.from(strange));
  });

  test("breaks off when more is said than any answer holds", async () => {
    const { guard } = await through((peer) => {
      const pour = (): void => {
        while (peer.writable && peer.write("\x01a".repeat(10_000))) {}
      };
      peer.on("drain", pour);
      pour();
    });
    await closed(guard);
    expect(guard.heard.strange).toBeDefined();
  });

  test("holds back what the library writes until there is a socket, and shows it", async () => {
    const said: Buffer[] = [];
    const guard = guarded({ ...FRAMING, send: (bytes) => Buffer.from(bytes.toString().toUpperCase()) });
    guard.stream.write("first ");
    guard.stream.write("second");
    expect((await guard.written).toString()).toBe("first ");
    guard.attach(await connected((peer) => peer.on("data", (chunk) => said.push(chunk))));
    guard.stream.end();
    await closed(guard);
    expect(Buffer.concat(said).toString()).toBe("FIRST SECOND");
  });

  test("an error of the connection is kept, and kills nobody", async () => {
    const { guard } = await through((peer) => setTimeout(() => peer.resetAndDestroy(), 20));
    await closed(guard);
    expect(guard.heard).toMatchObject({ closed: true, error: { code: "ECONNRESET" } });
  });
});
