import { X509Certificate } from "node:crypto";
import http from "node:http";
import net from "node:net";
import tls from "node:tls";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import {
  type Conversation,
  conversationOf,
  FILLER,
  newNonce,
  PATHS,
  proofOf,
  readHello,
  seal,
} from "../../src/listen/handshake.ts";
import { type OpenListener, openListener } from "../../src/listen/listener.ts";
import type { PeerAnswered, PeerObservation, PeerQuestion } from "../../src/model/observation.ts";
import type { ProxyServer } from "../../src/model/proxy.ts";
import { Secret } from "../../src/model/secret.ts";
import { probePeer } from "../../src/probes/peer.ts";
import { createTrustContexts } from "../../src/probes/trust-store.ts";
import { makeCertificates, type Shown } from "../support/certificates.ts";
import { httpProxy, socksProxy } from "../support/proxies.ts";
import { closedPort, createServers } from "../support/servers.ts";

const certificates = makeCertificates();
afterAll(certificates.remove);

const servers = createServers();
afterEach(servers.close);

const TOKEN = new Secret("canary-token-of-these-tests");

/** The listeners of a test. */
const listeners: OpenListener[] = [];
afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
});

/** A listener on a port of its own, and what it made of those who came. */
const listening = async (shows?: Shown) => {
  const identity = shows && {
    key: new Secret(shows.key),
    cert: shows.cert,
    fingerprint: new X509Certificate(shows.cert).fingerprint256.replaceAll(":", "").toLowerCase(),
    given: true,
  };
  const opened = await openListener({
    ports: [0],
    address: "127.0.0.1",
    token: TOKEN,
    expected: [],
    observe: () => {},
    ...(identity && { tls: identity }),
  });
  if ("ok" in opened) throw new Error(opened.message);
  listeners.push(opened);
  const complaints = () => opened.peers().map((peer) => peer.complaints);
  return { port: opened.listening[0]?.port ?? 0, opened, complaints };
};

/** What a listener says that has nothing to complain about. */
const SOUND = {
  seen: { address: "127.0.0.1", port: 40_000 },
  at: { address: "127.0.0.1", port: 8080 },
  got: [],
  sent: [],
  filler: "x".repeat(FILLER),
};

/** A listener that knows the token, and answers as another version or a defect has it. */
const answering = (prove: unknown, idle?: unknown): http.Server => {
  let conversation: Conversation | undefined;
  return http.createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const hello = readHello(body);
    if (hello) {
      const nonce = newNonce();
      conversation = conversationOf(TOKEN, hello.name, hello.nonce, nonce);
      response.end(JSON.stringify({ nonce, proof: proofOf(TOKEN, hello.nonce, nonce) }));
    } else if (conversation === undefined) response.destroy();
    else if (request.url === PATHS.prove) response.end(seal(conversation, "prove!", prove));
    else response.end(seal(conversation, "idle!", idle));
  });
};

interface Asking extends Partial<Omit<PeerQuestion, "proxy">> {
  readonly scheme?: "http" | "https";
  readonly proxy?: Partial<ProxyServer>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Talks to whatever listens on this port of loopback. */
const ask = async (port: number, asking: Asking = {}): Promise<PeerObservation> => {
  const { scheme = "http", timeoutMs = 2000, signal = new AbortController().signal, proxy, ...question } = asking;
  const server = proxy && { scheme: "http" as const, host: "127.0.0.1", port, shown: "http://proxy", ...proxy };
  return probePeer(
    {
      url: `${scheme}://127.0.0.1:${port}/`,
      address: "127.0.0.1",
      token: TOKEN,
      name: "agent1",
      idleMs: 0,
      ...(server && { proxy: server }),
      ...question,
    },
    {
      limits: { timeoutMs, signal },
      userAgent: "preflight-test/1.2.3",
      context: createTrustContexts(async () => ({ certificates: 0, from: [], lookedAt: [], pems: [] })),
    },
  );
};
const answeredBy = async (port: number, asking?: Asking): Promise<PeerAnswered> => {
  const saw = await ask(port, asking);
  if (!saw.ok) throw new Error(`${saw.code}: ${saw.message}`);
  return saw;
};

interface Relayed {
  /** What is done with a piece before it goes on; undefined: it is lost. */
  readonly there?: (bytes: Buffer) => Buffer | undefined;
  readonly back?: (bytes: Buffer) => Buffer | undefined;
  /** Milliseconds without a byte after which the connection is given up. */
  readonly idleMs?: number;
  /** Both ends are reset; or nothing passes any more, and nobody is told. */
  readonly how?: "reset" | "end" | "silent";
}

/** A middlebox that passes bytes on, and what it had to pass. */
const relay = (target: number, { there, back, idleMs, how = "reset" }: Relayed = {}) => {
  const connections: number[] = [];
  const server = net.createServer((socket) => {
    connections.push(socket.remotePort ?? 0);
    const upstream = net.connect(target, "127.0.0.1");
    upstream.on("error", () => socket.destroy());
    let dead = false;
    const giveUp = (): void => {
      dead = true;
      if (how === "silent") return;
      if (how === "end") socket.end();
      else socket.resetAndDestroy();
      upstream.destroy();
    };
    const arm = (): NodeJS.Timeout | undefined => (idleMs === undefined ? undefined : setTimeout(giveUp, idleMs));
    let timer = arm();
    const pass =
      (to: net.Socket, change: Relayed["there"]) =>
      (bytes: Buffer): void => {
        clearTimeout(timer);
        timer = arm();
        const next = change ? change(bytes) : bytes;
        if (!dead && next) to.write(next);
      };
    socket.on("data", pass(upstream, there)).on("close", () => upstream.destroy());
    upstream.on("data", pass(socket, back)).on("close", () => socket.destroy());
    socket.on("close", () => clearTimeout(timer));
  });
  return { server, connections };
};

/** A proxy that passes each request on over a connection of its own to the target. `closes`: after each answer, and says so, or does not. */
const forwarding = (asked: string[] = [], closes?: "said" | "unsaid"): http.Server =>
  http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const { "proxy-authorization": _login, ...headers } = request.headers;
    const passed = http.request(
      request.url ?? "",
      { method: "POST", headers: { ...headers, via: "1.1 gateway" } },
      (answer) => {
        const { connection: _hop, ...back } = answer.headers;
        const kept = closes === undefined ? "keep-alive" : "close";
        if (closes === "unsaid") {
          response.removeHeader("connection");
          response.on("finish", () => request.socket.end());
        }
        response.writeHead(answer.statusCode ?? 502, {
          ...back,
          "x-cache": "MISS",
          ...(closes !== "unsaid" && { connection: kept }),
        });
        answer.pipe(response);
      },
    );
    passed.on("error", () => response.writeHead(502, { server: "gateway" }).end("<title>502 No way</title>"));
    request.pipe(passed);
  });

/** A server that gives the first bytes of a client an answer. */
const raw = (text: string | Buffer, then: (socket: net.Socket) => void = (socket) => socket.end()): net.Server =>
  net.createServer((socket) =>
    socket.once("data", () => {
      socket.write(text);
      then(socket);
    }),
  );
const html = (status: number, body: string, headers: http.OutgoingHttpHeaders = {}): http.Server =>
  http.createServer((_request, response) => response.writeHead(status, headers).end(body));

/** Connections of this process, both ends. */
const openSockets = (): number =>
  process.getActiveResourcesInfo().filter((name) => /TCPSocketWrap|TLSWrap/.test(name)).length;

/** Ends once no more of them are left than there were; what is left for good lets the test run into its limit. */
const settled = async (before: number): Promise<void> => {
  while (openSockets() > before) await new Promise((resolve) => setTimeout(resolve, 10));
};

test("a listener is reached both ways: who saw whom, what arrived, and how long each layer took", async () => {
  const { port, opened } = await listening();
  const saw = await answeredBy(port, { idleMs: 60 });
  expect(saw).toMatchObject({
    own: { address: "127.0.0.1", port: expect.any(Number) },
    seen: { address: "127.0.0.1", port: saw.own.port },
    listener: { address: "127.0.0.1", port },
    altered: [],
    intercepted: false,
    bytes: FILLER,
    idle: { survived: true, ms: 60 },
    layers: [
      { phase: "connect", ok: true, detail: "127.0.0.1" },
      { phase: "response", ok: true, detail: "hello" },
      { phase: "request", ok: true, detail: "64 KiB each way" },
      { phase: "response", ok: true, detail: "silence of 60 ms" },
    ],
  });
  expect(saw.layers[3]?.durationMs).toBeGreaterThanOrEqual(55);
  expect(saw).not.toHaveProperty("tls");
  expect(saw).not.toHaveProperty("certificate");
  expect(opened.peers()).toMatchObject([
    {
      name: "agent1",
      seen: saw.own,
      answered: true,
      idle: { askedMs: 60, end: "answered", arrived: true },
      complaints: [],
      finishedAt: expect.any(Date),
    },
  ]);
  expect(opened.strangers()).toEqual([]);
});

test("all of it goes over one connection, which is gone afterwards", async () => {
  const before = openSockets();
  const { port, opened } = await listening();
  const box = relay(port);
  await answeredBy(await servers.listen(box.server), { idleMs: 20 });
  expect(box.connections).toHaveLength(1);
  await Promise.all([servers.close(), opened.close()]);
  await settled(before);
});

test("no silence is asked for where none is wanted", async () => {
  const { port } = await listening();
  expect(await answeredBy(port)).not.toHaveProperty("idle");
});

test("the token itself is never sent", async () => {
  const bytes: Buffer[] = [];
  const { port } = await listening();
  const keep = (piece: Buffer): Buffer => {
    bytes.push(piece);
    return piece;
  };
  await answeredBy(await servers.listen(relay(port, { there: keep }).server));
  const sent = Buffer.concat(bytes).toString("latin1");
  expect(sent).toContain("POST /crowdsec-preflight/1/bye");
  expect(sent).not.toContain(TOKEN.reveal());
});

test("a long name is cut, and a host without one still has something to be called", async () => {
  const { port, opened } = await listening();
  await answeredBy(port, { name: "x".repeat(100) });
  await answeredBy(port, { name: "" });
  expect(opened.peers().map(({ name }) => name)).toEqual(["x".repeat(64), "unnamed"]);
});

describe("over TLS", () => {
  test("any certificate will do here, and it is held against what the listener says under seal", async () => {
    const { port } = await listening(certificates.leaves.byStranger);
    const saw = await answeredBy(port, { scheme: "https" });
    expect(saw).toMatchObject({
      intercepted: false,
      certificate: "given",
      tls: { issuer: "O=Preflight tests, CN=stranger" },
      own: { address: "127.0.0.1", port: saw.seen.port },
    });
    expect(saw.layers.map(({ phase }) => phase)).toEqual(["connect", "handshake", "response", "request"]);
  });

  test.each([
    ["encrypts it anew", certificates.leaves.good],
    ["hands it on in the clear", undefined],
  ])("somebody on the way who opens it and %s is told", async (_what, shows) => {
    const { port: target, complaints } = await listening(shows);
    const opener = tls.createServer(certificates.leaves.byStranger, (socket) => {
      const upstream = shows
        ? tls.connect({ port: target, host: "127.0.0.1", rejectUnauthorized: false })
        : net.connect(target, "127.0.0.1");
      upstream.on("error", () => {});
      socket.pipe(upstream).pipe(socket);
      socket.on("close", () => upstream.destroy());
    });
    const saw = await answeredBy(await servers.listen(opener), { scheme: "https" });
    expect(saw.intercepted).toBe(true);
    expect(complaints()).toEqual([["peer-intercepted"]]);
  });

  test("somebody on the way who puts it on is told: it was asked without, and the listener has it", async () => {
    const { port: target, complaints } = await listening(certificates.leaves.good);
    const wrapper = net.createServer((socket) => {
      const upstream = tls.connect({ port: target, host: "127.0.0.1", rejectUnauthorized: false });
      upstream.on("error", () => {});
      socket.pipe(upstream).pipe(socket);
      socket.on("close", () => upstream.destroy());
    });
    const saw = await answeredBy(await servers.listen(wrapper));
    expect(saw).toMatchObject({ intercepted: true, certificate: "given" });
    expect(saw).not.toHaveProperty("tls");
    expect(complaints()).toEqual([["peer-intercepted"]]);
  });

  test("a listener without it is told as such", async () => {
    const { port } = await listening();
    expect(await ask(port, { scheme: "https" })).toMatchObject({
      ok: false,
      phase: "handshake",
      code: "tls-reset",
    });
    const web = await servers.listen(html(400, ""));
    expect(await ask(web, { scheme: "https" })).toMatchObject({ phase: "handshake", code: "tls-not-tls" });
  });

  test("and one with it, asked without", async () => {
    const { port } = await listening(certificates.leaves.good);
    expect(await ask(port)).toMatchObject({ phase: "response", code: "http-invalid" });
    const alert = raw(Buffer.from([21, 3, 1, 0, 2, 2, 70]));
    expect(await ask(await servers.listen(alert))).toMatchObject({
      code: "peer-foreign",
      message: "a TLS server answers there, asked without TLS",
    });
  });
});

describe("the token", () => {
  test("another one is told by the listener's own proof, and the listener learns of it too", async () => {
    const { port, opened } = await listening();
    const saw = await ask(port, { token: new Secret("canary-another-token") });
    expect(saw).toMatchObject({ ok: false, phase: "login", code: "peer-token-refused" });
    expect(opened.peers()).toEqual([]);
    expect(opened.strangers()).toMatchObject([
      { address: "127.0.0.1", kinds: { "wrong-token": 1 }, names: ["agent1"] },
    ]);
  });

  test("used before by this name: from where, and when", async () => {
    const { port } = await listening();
    await answeredBy(port);
    expect(await ask(port)).toMatchObject({
      phase: "login",
      code: "peer-token-used",
      message: expect.stringMatching(/^used from 127\.0\.0\.1, at \d{4}-\d\d-\d\dT/),
    });
  });

  test("a listener that takes no more says so", async () => {
    const port = await servers.listen(answering({ refused: "full" }));
    expect(await ask(port)).toMatchObject({ phase: "login", code: "peer-full" });
  });
});

describe("a listener of another version, or with a defect,", () => {
  const FINGERPRINT = "ab".repeat(32);
  test.each([
    ["null", null],
    ["a list", [1]],
    ["a number", 5],
    ["text", "x"],
    ["nothing", {}],
    ["no filler", { ...SOUND, filler: undefined }],
    ["a filler that only has a length", { ...SOUND, filler: { length: 2 * FILLER } }],
    ["nobody that it saw", { ...SOUND, seen: null }],
    ["an address that is none", { ...SOUND, seen: { address: "999.1.1.1", port: 1 } }],
    ["an address that is a number", { ...SOUND, at: { address: 5, port: 1 } }],
    ["a port that is none", { ...SOUND, at: { address: "127.0.0.1", port: -5 } }],
    ["no head", { ...SOUND, got: null }],
    ["a head of numbers", { ...SOUND, got: [[1, 2]] }],
    ["a head of half fields", { ...SOUND, sent: [["via"]] }],
    ["a head of text", { ...SOUND, sent: ["xx"] }],
    ["a certificate that is none", { ...SOUND, certificate: null }],
    ["a fingerprint that is none", { ...SOUND, certificate: { fingerprint: "x", given: true } }],
    ["a certificate of unknown origin", { ...SOUND, certificate: { fingerprint: FINGERPRINT, given: 1 } }],
    ["a refusal without its facts", { refused: "used" }],
    ["a refusal with a time that is none", { refused: "used", by: "10.0.0.9", at: "now\u001b[31m" }],
    ["a refusal from nowhere", { refused: "used", by: "nowhere", at: "2026-01-01T00:00:00.000Z" }],
    ["a refusal that is none", { refused: null }],
  ])("answers %s: that is told, and nothing of it is taken", async (_what, prove) => {
    expect(await ask(await servers.listen(answering(prove)))).toMatchObject({
      ok: false,
      phase: "login",
      code: "peer-foreign",
      message: "it answers the large message in a way that this version does not know",
    });
  });

  test("refuses for another reason: that is no want of room", async () => {
    expect(await ask(await servers.listen(answering({ refused: "tired" })))).toMatchObject({
      phase: "login",
      code: "peer-foreign",
      message: "it refuses this host for a reason that this version does not know",
    });
  });

  test("sends less than it got", async () => {
    expect(await ask(await servers.listen(answering({ ...SOUND, filler: "x" })))).toMatchObject({
      phase: "login",
      code: "peer-foreign",
      message: `it sends 1 bytes in place of ${FILLER}`,
    });
  });

  test.each([
    ["null", null],
    ["nothing", {}],
    ["a list", [60]],
    ["text", { heldMs: "60" }],
    ["less than nothing", { heldMs: -5000 }],
    ["no number", { heldMs: Number.NaN }],
    ["more than anybody grants", { heldMs: 1e18 }],
  ])("ends a silence with %s: that is no silence survived", async (_what, idle) => {
    expect(await ask(await servers.listen(answering(SOUND, idle)), { idleMs: 60 })).toMatchObject({
      ok: false,
      phase: "login",
      code: "peer-foreign",
      message: "it ends the silence with an answer that this version does not know",
    });
  });

  test.each([
    ["as long as was asked", 45_000],
    ["longer than was asked", 100_000],
  ])("answers at once and calls it a silence %s: the time that passed here counts", async (_what, heldMs) => {
    const saw = await ask(await servers.listen(answering(SOUND, { heldMs })), { idleMs: 45_000 });
    expect(saw).toMatchObject({
      ok: false,
      code: "peer-foreign",
      message: expect.stringMatching(/^it says that it was silent for \d+\.0 s, and answered after \d+ ms$/),
    });
  });

  test("ends a silence early and says so: that is what was survived", async () => {
    const saw = await answeredBy(await servers.listen(answering(SOUND, { heldMs: 1 })), { idleMs: 45_000 });
    expect(saw.idle).toEqual({ survived: true, ms: 1 });
  });
});

describe("somebody else answers", () => {
  test.each([
    [
      "a web server",
      html(404, "<title>Not\u0007here</title>", { server: "nginx" }),
      'HTTP 404, Server: nginx, "Not here"',
    ],
    ["a Local API", html(404, '{"message":"page not found"}'), 'HTTP 404, "{"message":"page not found"}"'],
    ["a portal", html(200, "<title>Log in</title>"), 'HTTP 200, "Log in"'],
    ["one that wants a login", html(401, ""), "HTTP 401"],
    ["a JSON that is no answer", html(200, '{"nonce":"x","proof":1}'), 'HTTP 200, "{"nonce":"x","proof":1}"'],
    ["an SSH server", raw("SSH-2.0-OpenSSH_9.2p1\r\n"), 'no HTTP: "SSH-2.0-OpenSSH_9.2p1"'],
    ["binary garbage", raw(Buffer.from([0, 1, 2, 3, 27, 91, 50, 74])), 'no HTTP: "[2J"'],
  ])("%s: what it said is told, fit to be shown", async (_who, server, message) => {
    expect(await ask(await servers.listen(server))).toMatchObject({
      ok: false,
      phase: "response",
      code: "peer-foreign",
      message,
      layers: [
        { phase: "connect", ok: true },
        { phase: "response", ok: false, detail: message },
      ],
    });
  });

  test("an answer without an end is read no further than needed", async () => {
    let written = 0;
    const endless = http.createServer((_request, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(4096))) written += 4096;
      };
      response.on("drain", more);
      more();
    });
    const saw = await ask(await servers.listen(endless));
    expect(saw).toMatchObject({ code: "peer-foreign", message: expect.stringMatching(/^HTTP 200, "x+…"$/) });
    expect(written).toBeLessThan(50_000_000);
  });

  test("headers without an end are no answer either", async () => {
    const saw = await ask(await servers.listen(raw(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(40_000)}`)));
    expect(saw).toMatchObject({ code: "peer-foreign" });
  });

  test("one that accepts and says nothing is a timeout, and no longer than that", async () => {
    const saw = await ask(await servers.listen(net.createServer(() => {})), { timeoutMs: 150 });
    expect(saw).toMatchObject({
      phase: "response",
      code: "http-timeout",
      message: "no HTTP response within 150 ms",
    });
    expect(saw.elapsedMs).toBeLessThan(1000);
  });

  test("one that drips is a timeout too", async () => {
    const drip = raw("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", (socket) => {
      const timer = setInterval(() => socket.write("."), 20);
      socket.on("close", () => clearInterval(timer));
    });
    expect(await ask(await servers.listen(drip), { timeoutMs: 200 })).toMatchObject({
      code: "http-timeout",
      message: "HTTP 200, which did not end within 200 ms",
    });
  });

  test("one that hangs up", async () => {
    const saw = await ask(await servers.listen(net.createServer((socket) => socket.end())));
    expect(saw).toMatchObject({ phase: "response", code: "http-invalid" });
  });

  test("nobody at all", async () => {
    expect(await ask(await closedPort(servers, net.createServer()))).toMatchObject({
      phase: "connect",
      code: "tcp-refused",
    });
  });
});

/** From the first large piece on, nothing gets through: what comes after it waits for it in vain. */
const noneLarge = (): NonNullable<Relayed["there"]> => {
  let lost = false;
  return (bytes) => {
    lost ||= bytes.length > 1400;
    return lost ? undefined : bytes;
  };
};

describe("what stands between", () => {
  test("large pieces that get lost, as with a path MTU that nobody tells of, are told from a port that is shut", async () => {
    const { port } = await listening();
    const box = relay(port, { there: noneLarge() });
    const saw = await ask(await servers.listen(box.server), { timeoutMs: 250 });
    expect(saw).toMatchObject({
      phase: "request",
      code: "peer-stalled",
      message: "64 KiB, after a small message that was answered: no HTTP response within 250 ms",
    });
    expect(saw).not.toHaveProperty("errno");
  });

  test("and so they are on the way back", async () => {
    const { port } = await listening();
    const box = relay(port, { back: noneLarge() });
    const saw = await ask(await servers.listen(box.server), { timeoutMs: 250 });
    expect(saw).toMatchObject({ phase: "request", code: "peer-stalled" });
  });

  test("a connection that is cut under a large message says so with the system's own code", async () => {
    const { port: target } = await listening();
    const box = net.createServer((socket) => {
      const upstream = net.connect(target, "127.0.0.1");
      upstream.pipe(socket);
      socket.on("data", (bytes) => {
        if (bytes.length > 1400) socket.resetAndDestroy();
        else upstream.write(bytes);
      });
      socket.on("close", () => upstream.destroy());
    });
    expect(await ask(await servers.listen(box))).toMatchObject({
      code: "peer-stalled",
      errno: expect.stringMatching(/^(ECONNRESET|EPIPE)$/),
    });
  });

  test("a gateway that takes no large message is told with its answer", async () => {
    const { port: target } = await listening();
    const gateway = http.createServer((request, response) => {
      if (request.url === PATHS.prove) response.writeHead(413, { server: "gateway" }).end("<title>Too large</title>");
      else {
        const on = { port: target, path: request.url, method: "POST", headers: request.headers };
        request.pipe(http.request(on, (answer) => answer.pipe(response.writeHead(200))));
      }
    });
    expect(await ask(await servers.listen(gateway))).toMatchObject({
      code: "peer-foreign",
      message: 'HTTP 413, Server: gateway, "Too large", to 64 KiB, after a small message that the listener answered',
    });
  });

  test("fields that are added, changed or taken away are told for each way", async () => {
    const { port, complaints } = await listening();
    const swap =
      (from: RegExp, to: string) =>
      (bytes: Buffer): Buffer =>
        Buffer.from(bytes.toString("latin1").replace(from, to), "latin1");
    const box = relay(port, {
      there: swap(/User-Agent: .*\r\nAccept: .*\r\n/, "User-Agent: Box\r\nX-Forwarded-For: 10.0.0.20\r\n"),
      back: swap(/Content-Type: application\/json\r\n/, "Via: 1.1 box\r\n"),
    });
    const saw = await answeredBy(await servers.listen(box.server));
    expect(saw.altered).toEqual([
      { direction: "there", kind: "removed", name: "accept" },
      { direction: "there", kind: "changed", name: "user-agent", value: "Box" },
      { direction: "there", kind: "added", name: "x-forwarded-for", value: "10.0.0.20" },
      { direction: "back", kind: "removed", name: "content-type" },
      { direction: "back", kind: "added", name: "via", value: "1.1 box" },
    ]);
    expect(complaints()).toEqual([["peer-altered"]]);
  });

  test.each([
    ["a reset", "reset"],
    ["an end", "end"],
  ] as const)(
    "a silence that is ended by %s is told with its time, and the listener learns of it",
    async (_what, how) => {
      const { port, complaints } = await listening();
      const box = relay(port, { idleMs: 100, how });
      const { idle } = await answeredBy(await servers.listen(box.server), { idleMs: 800 });
      expect(idle).toMatchObject({ survived: false, how: "cut", message: expect.stringMatching(/./) });
      expect(idle && !idle.survived && idle.afterMs).toBeLessThan(700);
      expect(box.connections).toHaveLength(2);
      expect(complaints()).toEqual([["peer-idle-cut"]]);
    },
  );

  test("a silence after which nothing passes any more is waited for, and told as that", async () => {
    const { port, complaints } = await listening();
    const box = relay(port, { idleMs: 60, how: "silent" });
    const saw = await answeredBy(await servers.listen(box.server), { idleMs: 200, timeoutMs: 200 });
    expect(saw.idle).toMatchObject({ survived: false, how: "silent" });
    expect(saw.idle && !saw.idle.survived && saw.idle.afterMs).toBeGreaterThanOrEqual(390);
    expect(saw.layers.at(-1)).toMatchObject({ phase: "response", ok: false });
    expect(complaints()).toEqual([["peer-idle-cut"]]);
  });
});

describe("through a proxy", () => {
  const login = { user: "lab", password: "canary-proxy-password" };
  const credentials = { user: new Secret(login.user), password: new Secret(login.password) };

  test("that forwards, its marks are told, and nothing of them is a complaint", async () => {
    const { port, complaints } = await listening();
    const asked: string[] = [];
    const proxy = { port: await servers.listen(forwarding(asked)) };
    const saw = await answeredBy(port, { proxy, idleMs: 20 });
    expect(asked).toEqual(Object.values(PATHS).map((path) => `POST http://127.0.0.1:${port}${path}`));
    expect(saw.seen.port).not.toBe(saw.own.port);
    expect(saw.altered).toEqual(
      expect.arrayContaining([
        { direction: "there", kind: "added", name: "via", value: "1.1 gateway" },
        { direction: "back", kind: "added", name: "x-cache", value: "MISS" },
      ]),
    );
    expect(saw.layers[0]).toMatchObject({ phase: "connect", detail: "127.0.0.1, proxy" });
    expect(complaints()).toEqual([[]]);
  });

  test.each([
    ["and says so", "said"],
    ["and does not say so, as tinyproxy", "unsaid"],
  ] as const)("that closes after each answer %s, each message has a connection of its own", async (_how, closes) => {
    const { port } = await listening();
    const asked: string[] = [];
    const proxy = { port: await servers.listen(forwarding(asked, closes)) };
    expect(await answeredBy(port, { proxy, idleMs: 20 })).toMatchObject({ idle: { survived: true } });
    expect(asked).toHaveLength(4);
  });

  test("that forwards and wants a login, it gets one, and neither the listener nor the report has it", async () => {
    const { port } = await listening();
    const leaky = http.createServer((request, response) => {
      const { headers } = request;
      const on = { method: "POST", headers: { ...headers, via: `1.1 ${headers["proxy-authorization"]}` } };
      request.pipe(
        http.request(request.url ?? "", on, (answer) => {
          response.writeHead(200, answer.headers);
          answer.pipe(response);
        }),
      );
    });
    const saw = await answeredBy(port, { proxy: { port: await servers.listen(leaky), credentials } });
    expect(saw.altered).toContainEqual({ direction: "there", kind: "added", name: "via" });
    expect(saw.altered.map(({ name }) => name)).not.toContain("proxy-authorization");
    expect(JSON.stringify(saw)).not.toContain(Buffer.from("lab:canary-proxy-password").toString("base64"));
  });

  test("that forwards and does not let it in, is the one that is told", async () => {
    const proxy = { port: await servers.listen(net.createServer(httpProxy(login).handler)) };
    expect(await ask(8080, { proxy })).toMatchObject({ phase: "proxy", code: "proxy-auth-required" });
  });

  test("that forwards and does not get there, answers itself", async () => {
    const proxy = { port: await servers.listen(forwarding()) };
    const closed = await closedPort(servers, net.createServer());
    expect(await ask(closed, { proxy })).toMatchObject({
      code: "peer-foreign",
      message: 'HTTP 502, Server: gateway, "502 No way"',
    });
  });

  test("that forwards and waits in vain", async () => {
    const proxy = { port: await servers.listen(net.createServer(() => {})) };
    expect(await ask(8080, { proxy, timeoutMs: 150 })).toMatchObject({ phase: "proxy", code: "proxy-upstream" });
  });

  test.each(["http", "socks5"] as const)("that tunnels (%s), nothing is altered", async (scheme) => {
    const { port } = await listening(certificates.leaves.good);
    const { handler } = scheme === "http" ? httpProxy(login) : socksProxy(login);
    const proxy = { scheme, port: await servers.listen(net.createServer(handler)), credentials };
    const saw = await answeredBy(port, { proxy, scheme: "https", idleMs: 20 });
    expect(saw).toMatchObject({ altered: [], intercepted: false, idle: { survived: true } });
    expect(saw.layers.map(({ phase }) => phase)).toEqual([
      ...["connect", "proxy", "handshake", "response", "request", "response"],
    ]);
  });

  test("that cannot be reached", async () => {
    const proxy = { port: await closedPort(servers, net.createServer()) };
    expect(await ask(8080, { proxy })).toMatchObject({ phase: "proxy", code: "proxy-unreachable" });
  });
});

describe("the end of the run", () => {
  test.each([
    ["in the silence", { idleMs: 60_000 }],
    ["before the first answer", {}],
  ])("%s ends it at once, without a socket left", async (_when, asking) => {
    const before = openSockets();
    const { port, opened } = await listening();
    const target = "idleMs" in asking ? port : await servers.listen(net.createServer(() => {}));
    const stop = new AbortController();
    setTimeout(() => stop.abort("over"), 150);
    const saw = await ask(target, { ...asking, timeoutMs: 30_000, signal: stop.signal });
    expect(saw).toMatchObject({ ok: false, errno: "ABORT_ERR" });
    expect(saw.elapsedMs).toBeLessThan(2000);
    await Promise.all([servers.close(), opened.close()]);
    await settled(before);
  });

  test("before the first byte", async () => {
    const { port } = await listening();
    const saw = await ask(port, { signal: AbortSignal.abort("over") });
    expect(saw).toMatchObject({ ok: false, phase: "connect" });
  });
});
