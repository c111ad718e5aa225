import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import net from "node:net";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { MAX_WRONG } from "../../src/listen/caps.ts";
import {
  alterations,
  conversationOf,
  FILLER,
  isProof,
  MAX_LARGE,
  newNonce,
  PATHS,
  readHelloAnswer,
  seal,
} from "../../src/listen/handshake.ts";
import type { Event } from "../../src/listen/listener.ts";
import { Secret } from "../../src/model/secret.ts";
import { probePeer } from "../../src/probes/peer.ts";
import { closedPort } from "../support/command-line.ts";
import { type Opened, opened, say, TOKEN, type Visitor, visitor } from "./visitor.ts";

jest.setTimeout(90_000);

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanup.splice(0).reverse()) await one();
});

const start = async (options: Parameters<typeof opened>[0] = {}): Promise<Opened> => {
  const listener = await opened(options);
  cleanup.push(listener.close);
  return listener;
};
const visit = (port: number, from?: string): Visitor => {
  const one = visitor(port, from);
  cleanup.push(one.leave);
  return one;
};
const strange = (as: string) => (event: Extract<Event, { kind: "stranger" }>) => event.as === as;

const hello = (name = "a", nonce = newNonce()): string => JSON.stringify({ name, nonce });
const request = (body: string, { method = "POST", path = PATHS.hello as string, head = "" } = {}): string =>
  `${method} ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${head}\r\n${body}`;

describe("a conversation", () => {
  test("shows each end what arrived of the other, and how the connection looks from here", async () => {
    const listener = await start();
    const peer = visit(listener.port);
    const conversation = await peer.begin("agent1");
    const { rawHeaders, body } = await peer.post("prove", seal(conversation, "prove", { filler: "x" }), {
      "X-Odd": "1",
    });
    const said = JSON.parse(JSON.parse(body).said);
    expect(said.got).toContainEqual(["X-Odd", "1"]);
    const back = Array.from({ length: rawHeaders.length / 2 }, (_, index) =>
      rawHeaders.slice(2 * index, 2 * index + 2),
    );
    expect(back).toEqual(said.sent);
    expect(alterations("back", said.sent, back as never)).toEqual([]);
    expect(said.filler).toHaveLength(FILLER);
    expect(said.at).toEqual({ address: "127.0.0.1", port: listener.port });
    expect(said.seen.address).toBe("127.0.0.1");
    expect(await peer.idle(conversation, 50)).toMatchObject({ heldMs: expect.any(Number) });
    await peer.bye(conversation, ["peer-altered"]);
    expect(listener.peers()).toMatchObject([
      {
        name: "agent1",
        answered: true,
        idle: { askedMs: 50, end: "answered", arrived: true },
        complaints: ["peer-altered"],
        finishedAt: expect.any(Date),
      },
    ]);
    expect(listener.peers()[0]?.sent).toBe(Buffer.byteLength(body));
    expect(listener.strangers()).toEqual([]);
  });

  test("the token does not go over the wire", async () => {
    const listener = await start();
    const heard: Buffer[] = [];
    const between = net.createServer((near) => {
      const far = net.connect(listener.port, "127.0.0.1");
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        one.on("data", (chunk) => heard.push(chunk));
        one.on("error", () => {});
        one.pipe(other);
      }
    });
    between.listen(0, "127.0.0.1");
    await once(between, "listening");
    cleanup.push(() => between.close());
    const peer = visit((between.address() as net.AddressInfo).port);
    await peer.all("agent1");
    peer.leave();
    const wire = Buffer.concat(heard).toString("latin1");
    expect(wire.length).toBeGreaterThan(2 * FILLER);
    expect(wire).not.toContain(TOKEN.reveal());
  });

  test("two hundred peers at once from one address all get through", async () => {
    const listener = await start({ expected: Array.from({ length: 200 }, (_, index) => `host${index}`) });
    const limits = { timeoutMs: 20_000, signal: new AbortController().signal };
    const context = async (): Promise<never> => {
      throw new Error("no TLS here");
    };
    const seen = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        probePeer(
          {
            url: `http://127.0.0.1:${listener.port}/`,
            address: "127.0.0.1",
            token: TOKEN,
            name: `host${index}`,
            idleMs: 1000,
          },
          { limits, userAgent: "test/1", context },
        ),
      ),
    );
    expect(seen.filter(({ ok }) => !ok)).toEqual([]);
    await listener.allCame;
    expect(listener.peers().filter(({ idle }) => idle?.arrived)).toHaveLength(200);
    expect(listener.missing()).toEqual([]);
    expect(listener.strangers()).toEqual([]);
  });

  test("over a proxy that closes after each answer, the messages belong together all the same", async () => {
    const listener = await start();
    const nonce = newNonce();
    const close = { Connection: "close" };
    const peer = (): Visitor => visit(listener.port);
    const answer = readHelloAnswer((await peer().post("hello", hello("agent1", nonce), close)).body);
    const conversation = conversationOf(TOKEN, "agent1", nonce, answer?.nonce ?? "");
    expect((await peer().post("prove", seal(conversation, "prove", { filler: "" }), close)).status).toBe(200);
    await peer().post("bye", seal(conversation, "bye", { complaints: [] }), close);
    expect(listener.peers()).toMatchObject([{ name: "agent1", finishedAt: expect.any(Date) }]);
    // All that would be said later is said at the end.
    await listener.close();
    expect(listener.events.map(({ kind }) => kind)).toEqual(["proved", "finished"]);
  });

  test("HTTP/1.0 and a whole URL, as some proxies send them, are answered", async () => {
    const { port } = await start();
    const body = hello();
    const said = (
      await say(port, `POST http://x:1${PATHS.hello} HTTP/1.0\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    ).toString();
    expect(said).toMatch(
      /^HTTP\/1\.1 200 OK\r\nContent-Type: application\/json\r\nContent-Length: \d+\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n\{/,
    );
  });

  test("a silence that the other end breaks is told with its time", async () => {
    const listener = await start();
    const peer = visit(listener.port);
    const conversation = await peer.begin("agent1");
    await peer.prove(conversation);
    const silence = peer.idle(conversation, 20_000).catch(() => undefined);
    await listener.event("silence");
    setTimeout(() => peer.leave(), 300);
    await silence;
    const { peer: gone } = await listener.event("broken");
    expect(gone.idle).toMatchObject({ askedMs: 20_000, arrived: false, end: expect.stringMatching(/closed|reset/) });
    expect(gone.idle?.heldMs).toBeGreaterThanOrEqual(250);
    expect(gone.idle?.heldMs).toBeLessThan(5000);
  });

  test("after a cut silence the peer's last word comes over a new connection", async () => {
    const listener = await start();
    const peer = visit(listener.port);
    const conversation = await peer.begin("agent1");
    await peer.prove(conversation);
    const silence = peer.idle(conversation, 60_000).catch(() => undefined);
    await listener.event("silence");
    // The peer knows that the connection is dead; nothing has told the listener.
    await visit(listener.port).bye(conversation, ["peer-idle-cut"]);
    await silence;
    expect(listener.peers()).toMatchObject([
      { complaints: ["peer-idle-cut"], idle: { end: "closed", arrived: false } },
    ]);
    expect(listener.peers()[0]?.idle?.heldMs).toBeLessThan(10_000);
  });

  test("nothing at all goes over a silent connection, not even a keepalive of the kernel", async () => {
    const listener = await start();
    const socket = net.connect(listener.port, "127.0.0.1");
    cleanup.push(() => socket.destroy());
    const nonce = newNonce();
    let got = "";
    socket.on("data", (chunk) => {
      got += chunk;
    });
    const until = async (text: RegExp): Promise<string> => {
      for (;;) {
        const found = text.exec(got);
        if (found) return found[0];
        await once(socket, "data");
      }
    };
    socket.write(request(hello("a", nonce)));
    const answer = readHelloAnswer(await until(/\{.*\}/));
    const conversation = conversationOf(TOKEN, "a", nonce, answer?.nonce ?? "");
    got = "";
    socket.write(request(seal(conversation, "prove", { filler: "" }), { path: PATHS.prove }));
    await until(/"seal":"[0-9a-f]{64}"\}$/);
    const before = socket.bytesRead;
    socket.write(request(seal(conversation, "idle", { idleMs: 1500 }), { path: PATHS.idle }));
    const begun = performance.now();
    await listener.event("silence");
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(socket.bytesRead).toBe(before);
    // The listener's end in the kernel's table; behind `tr`: no timer runs, that of a keepalive would be 02.
    const hex = (port: number | undefined): string => (port ?? 0).toString(16).toUpperCase().padStart(4, "0");
    const ends = new RegExp(`:${hex(listener.port)} \\S+:${hex(socket.localPort)} 01 \\S+ (\\d\\d):`);
    expect(ends.exec(readFileSync("/proc/net/tcp", "utf8"))?.[1]).toBe("00");
    await once(socket, "data");
    expect(performance.now() - begun).toBeGreaterThan(1400);
  });
});

describe("a peer that has the token and talks nonsense", () => {
  const NONSENSE: readonly unknown[] = [null, 5, "x", [], { filler: 1, idleMs: "1", complaints: "all" }];

  test.each(["prove", "idle", "bye"] as const)(
    "as %s loses its connection, and nobody else notices",
    async (message) => {
      const listener = await start({ expected: ["agent1"] });
      await visit(listener.port).all("before");
      const bystander = visit(listener.port);
      const its = await bystander.begin("agent1");
      await bystander.prove(its);
      for (const [index, said] of NONSENSE.entries()) {
        const peer = visit(listener.port);
        const conversation = await peer.begin(`odd${index}`);
        if (message !== "prove") await peer.prove(conversation);
        await expect(peer.post(message, seal(conversation, message, said))).rejects.toThrow();
      }
      await bystander.bye(its);
      await listener.allCame;
      expect(listener.peers().filter(({ finishedAt }) => finishedAt)).toMatchObject([
        { name: "before", complaints: [] },
        { name: "agent1", complaints: [] },
      ]);
      if (message === "prove") {
        expect(listener.peers()).toHaveLength(2);
        await listener.event("stranger", ({ stranger }) => stranger.kinds["other-request"] === NONSENSE.length);
      }
    },
  );

  test("has its conversation still, over another connection", async () => {
    const listener = await start();
    const peer = visit(listener.port);
    const conversation = await peer.begin("agent1");
    await peer.prove(conversation);
    await expect(peer.post("bye", seal(conversation, "bye", null))).rejects.toThrow();
    await visit(listener.port).bye(conversation, ["peer-altered"]);
    expect(listener.peers()).toMatchObject([{ complaints: ["peer-altered"], finishedAt: expect.any(Date) }]);
  });

  test("what goes wrong in answering one ends neither the listener nor its table", async () => {
    const listener = await start({
      observe: (event) => {
        if (event.kind === "silence") throw new Error("canary");
      },
    });
    const peer = visit(listener.port);
    const conversation = await peer.begin("agent1");
    await peer.prove(conversation);
    await expect(peer.idle(conversation, 10)).rejects.toThrow();
    await visit(listener.port).all("agent2");
    expect(listener.peers().map(({ name, finishedAt }) => [name, finishedAt !== undefined])).toEqual([
      ["agent1", false],
      ["agent2", true],
    ]);
  });
});

describe("the token", () => {
  test("serves each name once, and says who used it", async () => {
    const listener = await start();
    await visit(listener.port).all("agent1");
    const again = await visit(listener.port, "127.0.0.2").all("AGENT1");
    expect(again).toEqual({ refused: "used", by: "127.0.0.1", at: expect.stringMatching(/^20\d\d-.*Z$/) });
    expect(listener.peers()).toMatchObject([{ name: "agent1", refused: 1, finishedAt: expect.any(Date) }]);
    expect(listener.events.at(-1)).toMatchObject({ kind: "refused", peer: "AGENT1", from: { address: "127.0.0.2" } });
  });

  test("is not used up by a conversation that broke, and refused to a second one beside it", async () => {
    const listener = await start();
    const first = visit(listener.port);
    await first.prove(await first.begin("agent1"));
    expect(await visit(listener.port).all("agent1")).toMatchObject({ refused: "used" });
    first.leave();
    await listener.event("broken");
    expect(await visit(listener.port).all("agent1")).not.toHaveProperty("refused");
  });

  test("may be used again by who had something to complain about", async () => {
    const listener = await start();
    const first = visit(listener.port);
    const conversation = await first.begin("agent1");
    await first.prove(conversation);
    await first.bye(conversation, ["peer-idle-cut"]);
    await visit(listener.port).all("agent1");
    expect(listener.peers()).toMatchObject([{ complaints: [], refused: 0 }]);
  });

  test("a wrong one is refused without a word, and told with the name", async () => {
    const listener = await start();
    const peer = visit(listener.port);
    const conversation = await peer.begin("agent1", new Secret("another-token-altogether"));
    const answer = await peer.post("prove", seal(conversation, "prove", { filler: "" }));
    expect(answer).toEqual({ status: 403, body: "", rawHeaders: expect.arrayContaining(["Content-Length", "0"]) });
    const { stranger } = await listener.event("stranger");
    expect(stranger).toEqual({ address: "127.0.0.1", connections: 1, kinds: { "wrong-token": 1 }, names: ["agent1"] });
    expect(listener.peers()).toEqual([]);
  });

  test("ten wrong ones shut an address out, but neither others nor one from which a peer came", async () => {
    const listener = await start();
    await visit(listener.port, "127.0.0.3").all("neighbour");
    const tryWrong = async (from: string): Promise<number> => {
      const peer = visit(listener.port, from);
      const conversation = await peer.begin("x", new Secret("another-token-altogether"));
      return (await peer.post("prove", seal(conversation, "prove", { filler: "" }))).status;
    };
    for (const from of ["127.0.0.2", "127.0.0.3"]) {
      for (let index = 0; index < MAX_WRONG; index++) expect(await tryWrong(from)).toBe(403);
    }
    await expect(tryWrong("127.0.0.2")).rejects.toThrow();
    await visit(listener.port, "127.0.0.4").all("other");
    await visit(listener.port, "127.0.0.3").all("another");
    // One that has the right token is let in as soon as a wrong one is forgotten.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await visit(listener.port, "127.0.0.2").all("late");
    expect(listener.peers().map(({ name }) => name)).toEqual(["neighbour", "other", "another", "late"]);
  });

  test("what one conversation proved is of no use in another, nor twice in the same", async () => {
    const listener = await start();
    const peer = visit(listener.port);
    const conversation = await peer.begin("agent1");
    const proof = seal(conversation, "prove", { filler: "" });
    const farewell = seal(conversation, "bye", { complaints: [] });
    await peer.post("prove", proof);
    await expect(visit(listener.port).post("prove", proof)).rejects.toThrow();
    await peer.post("bye", farewell);
    for (const [message, body] of [
      ["prove", proof],
      ["bye", farewell],
    ] as const) {
      await expect(visit(listener.port).post(message, body)).rejects.toThrow();
    }
    // The recorded proof under the nonce of a new conversation, which anybody can begin.
    const thief = visit(listener.port);
    const { nonce } = await thief.hello("agent2");
    expect((await thief.post("prove", JSON.stringify({ ...JSON.parse(proof), nonce }))).status).toBe(403);
    expect(listener.peers()).toHaveLength(1);
    await listener.event("stranger", strange("replayed"));
  });

  test("a listener proves that it knows it, without telling more", async () => {
    const { port } = await start();
    const nonce = newNonce();
    const { nonce: its, proof } = await visit(port).hello("agent1", nonce);
    expect(isProof(proof, TOKEN, nonce, its)).toBe(true);
    expect(isProof(proof, new Secret("another-token-altogether"), nonce, its)).toBe(false);
  });
});

describe("of strangers nobody gets a byte", () => {
  const CLIENT_HELLO = Buffer.concat([Buffer.from("16030100a5010000a10303", "hex"), randomBytes(0xa0)]);
  const conversation = conversationOf(TOKEN, "a", newNonce(), newNonce());

  test.each<[string, string | Buffer, string]>([
    ["random bytes", Buffer.concat([Buffer.from([0x00, 0xff]), randomBytes(600)]), "garbage"],
    ["a TLS ClientHello", CLIENT_HELLO, "spoke-tls"],
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "garbage"],
    ["SSH", "SSH-2.0-OpenSSH_9.2p1\r\n", "garbage"],
    ["another path", request("", { method: "GET", path: "/" }), "other-request"],
    ["the Local API's own path", request("", { method: "GET", path: "/v1/heartbeat" }), "other-request"],
    ["another method", request("", { method: "GET" }), "other-request"],
    ["HEAD", request("", { method: "HEAD" }), "other-request"],
    ["OPTIONS *", request("", { method: "OPTIONS", path: "*" }), "other-request"],
    ["an unknown method", request("", { method: "FROB" }), "garbage"],
    ["CONNECT", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n", "other-request"],
    ["an upgrade", request(hello(), { head: "Connection: Upgrade\r\nUpgrade: h2c\r\n" }), "other-request"],
    ["Expect: 100-continue", request(hello(), { head: "Expect: 100-continue\r\n" }), "other-request"],
    ["another expectation", request(hello(), { head: "Expect: the-unexpected\r\n" }), "other-request"],
    ["a hello that is no JSON", request("hello"), "other-request"],
    ["a hello without a name", request(JSON.stringify({ nonce: newNonce() })), "other-request"],
    ["a hello with a bad nonce", request(JSON.stringify({ name: "a", nonce: "0" })), "other-request"],
    ["a hello that is too long", request(hello().padEnd(4096)), "other-request"],
    ["a head that is too long", `POST ${PATHS.hello} HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, "garbage"],
    ["too many fields", `POST ${PATHS.hello} HTTP/1.1\r\n${"X: y\r\n".repeat(5000)}\r\n`, "garbage"],
    ["two lengths", request("", { head: "Content-Length: 7\r\n" }), "garbage"],
    ["a length beside chunks", request("", { head: "Transfer-Encoding: chunked\r\n" }), "garbage"],
    ["a bad chunk", `POST ${PATHS.hello} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`, "garbage"],
    ["a proof of nothing", request(seal(conversation, "prove", {}), { path: PATHS.prove }), "replayed"],
    ["a silence of nobody", request(seal(conversation, "idle", { idleMs: 1 }), { path: PATHS.idle }), "replayed"],
    ["a bye of nobody", request(seal(conversation, "bye", {}), { path: PATHS.bye }), "replayed"],
    [
      "a body without end",
      `POST ${PATHS.prove} HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n${"x".repeat(MAX_LARGE)}`,
      "stalled",
    ],
    [
      "chunks without end",
      `POST ${PATHS.hello} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${"400\r\n".concat("x".repeat(1024), "\r\n").repeat(64)}`,
      "other-request",
    ],
  ])("%s", async (_name, bytes, as) => {
    const listener = await start();
    expect((await say(listener.port, bytes)).toString()).toBe("");
    const { stranger } = await listener.event("stranger");
    expect(stranger).toMatchObject({ address: "127.0.0.1", connections: 1, kinds: { [as]: 1 } });
    await visit(listener.port).all("agent1");
  });

  test("messages in one go: the first is answered, the rest ends the connection", async () => {
    const listener = await start();
    const said = (await say(listener.port, request(hello()) + request(hello()))).toString();
    expect(said.match(/HTTP\/1\.1/g)?.length ?? 0).toBeLessThanOrEqual(1);
    await visit(listener.port).all("agent1");
  });

  test("who says nothing, stops in the middle or dribbles, is cut off in time; peers get through meanwhile", async () => {
    const listener = await start();
    const begun = performance.now();
    const slow = net.connect(listener.port, "127.0.0.1");
    slow.on("error", () => {});
    const dribble = setInterval(() => slow.write("X"), 200);
    cleanup.push(() => clearInterval(dribble));
    const half = net.connect({ port: listener.port, host: "127.0.0.1", allowHalfOpen: true });
    half.end(`POST ${PATHS.hello} HTTP/1.1\r\nContent-Length: 50\r\n\r\n`);
    half.resume();
    const stalled = `POST ${PATHS.prove} HTTP/1.1\r\nContent-Length: 70000\r\n\r\n${"x".repeat(1200)}`;
    const all = Promise.all([
      say(listener.port, ""),
      say(listener.port, `POST ${PATHS.hello} HTTP/1.1\r\nHost:`),
      say(listener.port, stalled),
      once(slow, "close"),
      once(half, "close"),
    ]);
    await visit(listener.port, "127.0.0.7").all("agent1");
    const [silent, stopped, large] = await all;
    expect([silent, stopped, large].map(String)).toEqual(["", "", ""]);
    expect(performance.now() - begun).toBeLessThan(16_000);
    await listener.event("stranger", ({ stranger }) => stranger.connections === 5);
    expect(listener.strangers()[0]?.kinds).toMatchObject({ silent: 1, slow: expect.any(Number), stalled: 1 });
  });

  test("a flood from one address leaves room for the peers of others", async () => {
    const listener = await start();
    const sockets = Array.from({ length: 1200 }, () =>
      net.connect({ port: listener.port, host: "127.0.0.1", localAddress: "127.0.0.9" }),
    );
    for (const socket of sockets) socket.on("error", () => {});
    cleanup.push(() => {
      for (const socket of sockets) socket.destroy();
    });
    await Promise.all(
      sockets.map((socket) => (socket.destroyed ? undefined : once(socket, "connect").catch(() => {}))),
    );
    await Promise.all(Array.from({ length: 20 }, (_, index) => visit(listener.port, "127.0.0.10").all(`host${index}`)));
    expect(listener.peers()).toHaveLength(20);
    const flood = listener.strangers().find(({ address }) => address === "127.0.0.9");
    expect(flood?.kinds["too-many"]).toBeGreaterThan(0);
    expect(listener.strangers().find(({ address }) => address === "127.0.0.10")).toBeUndefined();
  });

  test("a connection without a word is no stranger's when a peer comes from there: it looked whether the port is open", async () => {
    const listener = await start();
    for (const from of ["127.0.0.5", "127.0.0.6", "127.0.0.8"]) {
      const socket = net.connect({ port: listener.port, host: "127.0.0.1", localAddress: from });
      await once(socket, "connect");
      socket.destroy();
    }
    await visit(listener.port, "127.0.0.5").all("agent1");
    const wrong = visit(listener.port, "127.0.0.8");
    const conversation = await wrong.begin("agent2", new Secret("another-token-altogether"));
    await wrong.post("prove", seal(conversation, "prove", { filler: "" }));
    await listener.event("stranger", strange("silent"));
    await listener.close();
    expect(listener.strangers().map(({ address, kinds }) => [address, kinds])).toEqual([
      ["127.0.0.8", { "wrong-token": 1 }],
      ["127.0.0.6", { silent: 1 }],
    ]);
  });

  test("a hello without more is told with its name", async () => {
    const listener = await start();
    const peer = visit(listener.port);
    await peer.hello("agent\u001b[31m1");
    peer.leave();
    const { stranger } = await listener.event("stranger");
    expect(stranger).toMatchObject({ kinds: { "left-after-hello": 1 }, names: ["agent [31m1"] });
  });
});

describe("the end", () => {
  test("comes when everybody who was expected has finished, on every port", async () => {
    const listener = await start({ ports: [await closedPort(), await closedPort()], expected: ["agent1"] });
    const [one = 0, other = 0] = listener.listening.map(({ port }) => port);
    let over = false;
    const end = listener.allCame.then(() => {
      over = true;
    });
    await visit(one).all("stranger-with-token");
    await visit(one).all("agent1.example.com");
    expect(over).toBe(false);
    expect(listener.missing()).toEqual([{ expected: "agent1", ports: [other], begun: false }]);
    await visit(other).all("agent1.example.com");
    await end;
    expect(listener.peers().map(({ name, at, expected }) => [name, at.port, expected])).toEqual([
      ["stranger-with-token", one, undefined],
      ["agent1.example.com", one, "agent1"],
      ["agent1.example.com", other, "agent1"],
    ]);
    await expect(visit(one).hello("late")).rejects.toThrow();
  });

  test("waits for those in the middle, whom nobody expected", async () => {
    const listener = await start({ expected: ["agent1"] });
    const other = visit(listener.port);
    const conversation = await other.begin("other");
    await other.prove(conversation);
    const silence = other.idle(conversation, 700);
    await listener.event("silence");
    await visit(listener.port).all("agent1");
    expect(await silence).toBeDefined();
    await other.bye(conversation);
    await listener.allCame;
    expect(listener.peers().map(({ name, finishedAt }) => [name, finishedAt !== undefined])).toEqual([
      ["other", true],
      ["agent1", true],
    ]);
  });

  test("leaves nothing open, not even for those in the middle", async () => {
    const listener = await start();
    const peer = visit(listener.port);
    const conversation = await peer.begin("agent1");
    await peer.prove(conversation);
    const silence = peer.idle(conversation, 60_000);
    await listener.event("silence");
    const begun = performance.now();
    await listener.close();
    await expect(silence).rejects.toThrow();
    expect(performance.now() - begun).toBeLessThan(20_000);
    expect(listener.peers()).toMatchObject([{ idle: { askedMs: 60_000, end: "ended" } }]);
    expect(listener.events.map(({ kind }) => kind)).toEqual(["proved", "silence"]);
    await expect(visit(listener.port).hello("late")).rejects.toThrow();
  });
});

test("a port that is taken is told by its number and errno, and nothing stays open", async () => {
  const first = await start();
  await expect(opened({ ports: [0, first.port] })).rejects.toThrow(/EADDRINUSE/);
});
