import net from "node:net";
import tls from "node:tls";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import type { Failed, Trust } from "../../src/model/observation.ts";
import type { ProxyServer } from "../../src/model/proxy.ts";
import { Secret } from "../../src/model/secret.ts";
import {
  type Entered,
  enter,
  isForwarded,
  judgeForwarded,
  proxyAuthorization,
  withoutCredentials,
} from "../../src/probes/proxy.ts";
import { dial } from "../../src/probes/tcp.ts";
import { type LeafName, makeCertificates } from "../support/certificates.ts";
import { httpProxy, socksProxy } from "../support/proxies.ts";
import { createServers } from "../support/servers.ts";

const certificates = makeCertificates();
afterAll(certificates.remove);

const servers = createServers();
const clients: net.Socket[] = [];
afterEach(async () => {
  // TLS before what is below it.
  for (const socket of clients.splice(0).reverse()) socket.destroy();
  await servers.close();
});

const login = { user: "us er", password: "p@ss:wörd" };
const credentials = { user: new Secret(login.user), password: new Secret(login.password) };

interface Asking extends Partial<Pick<ProxyServer, "scheme" | "host" | "credentials">> {
  readonly target?: { readonly host: string; readonly port: number };
  readonly forwarded?: boolean;
  readonly trust?: Trust;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Goes through a proxy, and gives what that came to with the connection that it went by. */
const walk = async (
  server: net.Server,
  asking: Asking = {},
): Promise<{ readonly saw: Entered | Failed; readonly raw: net.Socket }> => {
  const { scheme = "http", host = "second.test", target = { host: "lapi.test", port: 443 } } = asking;
  const port = await servers.listen(server);
  const limits = { timeoutMs: asking.timeoutMs ?? 5000, signal: asking.signal ?? new AbortController().signal };
  const dialed = await dial({ address: "127.0.0.1", port }, limits);
  if (!dialed.ok) throw new Error(dialed.message);
  clients.push(dialed.socket);
  const proxy: ProxyServer = {
    scheme,
    host,
    port,
    shown: `${scheme}://${host}:${port}`,
    ...(asking.credentials && { credentials: asking.credentials }),
  };
  const context = tls.createSecureContext({ ca: [certificates.ca] });
  const way = { proxy, target, forwarded: asking.forwarded ?? false, context, trust: asking.trust };
  const saw = await enter(dialed.socket, way, limits);
  if (saw.ok) clients.push(saw.socket);
  return { saw, raw: dialed.socket };
};
const through = async (server: net.Server, asking?: Asking): Promise<Entered | Failed> =>
  (await walk(server, asking)).saw;

/** A server that gives the first bytes of a client an answer, and keeps what it was sent. */
const answering = (
  answer: string | Buffer,
  then: (socket: net.Socket) => void = (socket) => socket.end(),
): { readonly server: net.Server; readonly sent: Promise<string> } => {
  const server = net.createServer();
  const sent = new Promise<string>((resolve) => {
    server.on("connection", (socket) =>
      socket.once("data", (bytes) => {
        resolve(bytes.toString("latin1"));
        socket.write(answer, "latin1");
        then(socket);
      }),
    );
  });
  return { server, sent };
};
const staying = (): void => {};

/** A TCP server that gives back what it hears, behind a greeting of its own. */
const echo = (greeting = ""): net.Server =>
  net.createServer((socket) => {
    socket.write(greeting);
    socket.pipe(socket);
  });

/** What comes next out of a tunnel, after `say` was sent into it. */
const next = (saw: Entered | Failed, say = ""): Promise<string> =>
  new Promise((resolve, reject) => {
    if (saw.ok) {
      saw.socket.once("data", (bytes) => resolve(bytes.toString()));
      saw.socket.write(say);
    } else reject(new Error(saw.message));
  });

test.each([
  ["http", "http://a.test/", true],
  ["https", "http://a.test/", true],
  ["socks5", "http://a.test/", false],
  ["http", "https://a.test/", false],
  ["https", "https://a.test/", false],
  ["socks5", "https://a.test/", false],
] as const)("an %s proxy and %s: the proxy gets the request itself: %p", (scheme, url, expected) => {
  expect(isForwarded({ scheme, host: "p", port: 1, shown: "" }, url)).toBe(expected);
});

test("credentials are sent as Go sends them, and shown to nobody", () => {
  const sent = proxyAuthorization({ scheme: "http", host: "p", port: 1, shown: "", credentials });
  expect(sent?.reveal()).toBe(`Basic ${Buffer.from("us er:p@ss:wörd", "utf8").toString("base64")}`);
  expect(`${sent}`).not.toMatch(/Basic/);
  expect(proxyAuthorization({ scheme: "http", host: "p", port: 1, shown: "" })).toBeUndefined();
});

test("CONNECT says what Go's transport says, and no more", async () => {
  const open = answering("HTTP/1.1 200 OK\r\n\r\n", staying);
  expect(await through(open.server)).toMatchObject({ ok: true, detail: "CONNECT HTTP 200" });
  expect(await open.sent).toBe(
    "CONNECT lapi.test:443 HTTP/1.1\r\nHost: lapi.test:443\r\nUser-Agent: Go-http-client/1.1\r\n\r\n",
  );
  const closed = answering("HTTP/1.1 200 OK\r\n\r\n", staying);
  expect(await through(closed.server, { credentials, target: { host: "::1", port: 8080 } })).toMatchObject({
    ok: true,
  });
  expect(await closed.sent).toBe(
    "CONNECT [::1]:8080 HTTP/1.1\r\nHost: [::1]:8080\r\nUser-Agent: Go-http-client/1.1\r\n" +
      `Proxy-Authorization: ${proxyAuthorization({ scheme: "http", host: "", port: 1, shown: "", credentials })?.reveal()}\r\n\r\n`,
  );
});

test.each([
  ["without credentials", undefined],
  ["with credentials", login],
])("an HTTP proxy %s opens a tunnel to the target", async (_what, wanted) => {
  const port = await servers.listen(echo());
  const { handler } = httpProxy(wanted);
  const saw = await through(net.createServer(handler), {
    target: { host: "127.0.0.1", port },
    ...(wanted && { credentials }),
  });
  expect(saw).toMatchObject({ ok: true, elapsedMs: expect.any(Number), detail: "CONNECT HTTP 200" });
  expect(await next(saw, "there")).toBe("there");
});

test("an answer in pieces of one byte is an answer", async () => {
  const server = net.createServer((socket) => {
    socket.setNoDelay(true);
    socket.once("data", async () => {
      for (const byte of "HTTP/1.1 200 Connection established\r\nVia: 1.1 x\r\n\r\n") {
        await new Promise((resolve) => socket.write(byte, resolve));
        await new Promise(setImmediate);
      }
      socket.pipe(socket);
    });
  });
  const saw = await through(server);
  expect(saw).toMatchObject({ ok: true, detail: "CONNECT HTTP 200" });
  expect(await next(saw, "there")).toBe("there");
});

test.each(["HTTP/1.0 200\r\n\r\n", "HTTP/1.1  200 OK\n\n", "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nX: b\r\n\r\n"])(
  "%j is taken, as Go takes it",
  async (answer) => {
    expect(await through(answering(answer, staying).server)).toMatchObject({ ok: true, detail: "CONNECT HTTP 200" });
  },
);

test("what a proxy sends along with its answer is dropped, as Go drops it; what it sends later is not", async () => {
  const saw = await through(answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray", staying).server);
  expect(saw).toMatchObject({ ok: true, detail: "CONNECT HTTP 200, and 5 bytes that belong to nothing" });
  const later = (socket: net.Socket): void => {
    setTimeout(() => socket.write("later"), 50);
  };
  expect(await next(await through(answering("HTTP/1.1 200 OK\r\n\r\n", later).server))).toBe("later");
});

test.each([
  [undefined, " to a request without credentials"],
  [{ user: new Secret("Proxy"), password: new Secret("wrong") }, " to the credentials of its URL"],
])("a proxy that wants other credentials is told from one that wants some", async (given, says) => {
  const { handler } = httpProxy(login);
  expect(await through(net.createServer(handler), given && { credentials: given })).toMatchObject({
    ok: false,
    phase: "proxy",
    code: "proxy-auth-required",
    message: `HTTP 407 Proxy Authentication Required${says} (it wants Basic realm="lab")`,
  });
});

test("wrong credentials are told from a denied host also where the proxy says 401, as tinyproxy does", async () => {
  const answer = "HTTP/1.1 401 Unauthorized\r\nServer: tinyproxy/1.11.1\r\n\r\n<title>401 Unauthorized</title>";
  expect(await through(answering(answer).server, { credentials })).toMatchObject({
    code: "proxy-auth-required",
    message: "HTTP 401 Unauthorized to the credentials of its URL (Server: tinyproxy/1.11.1)",
  });
});

test("a proxy that wants what Go cannot do is named as such", async () => {
  const answer =
    "HTTP/1.1 407 Denied\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n";
  expect(await through(answering(answer).server, { credentials })).toMatchObject({
    code: "proxy-auth-required",
    message: "HTTP 407 Denied to the credentials of its URL, and Go can do Basic only (it wants Negotiate, NTLM)",
  });
});

test("a proxy that repeats the credentials does not make us show them", async () => {
  const token = Buffer.from(`${login.user}:${login.password}`).toString("base64");
  const page = `<title>No entry for ${login.user} with ${login.password}</title>`;
  const answer = Buffer.from(`HTTP/1.1 407 ${token}\r\nVia: ${login.password}\r\nServer: ${token}\r\n\r\n${page}`);
  const saw = await through(answering(answer).server, { credentials });
  expect(saw).toMatchObject({ code: "proxy-auth-required", message: expect.stringContaining("No entry for [secret]") });
  const told = JSON.stringify(saw);
  for (const secret of [login.user, login.password, Buffer.from(login.password).toString("latin1"), token]) {
    expect(told).not.toContain(secret);
  }
});

const SQUID_PAGE =
  "<!DOCTYPE html>\n<html><head>\n<title>ERROR: The requested\n URL could not be retrieved</title>\n</head></html>";
const squid = (status: string, error: string): string =>
  `HTTP/1.1 ${status}\r\nServer: squid/5.7\r\nX-Squid-Error: ${error}\r\nVia: 1.1 proxy.corp (squid/5.7)\r\n` +
  `Content-Type: text/html\r\nContent-Length: ${SQUID_PAGE.length}\r\nConnection: keep-alive\r\n\r\n${SQUID_PAGE}`;

test.each([
  ["403 Forbidden", "ERR_ACCESS_DENIED 0", "proxy-denied"],
  ["503 Service Unavailable", "ERR_DNS_FAIL 0", "proxy-upstream"],
])("of a refusal (%s) the user reads what helps to recognise the proxy", async (status, error, code) => {
  const begun = performance.now();
  expect(await through(answering(squid(status, error), staying).server)).toMatchObject({
    ok: false,
    phase: "proxy",
    code,
    message:
      `HTTP ${status} (X-Squid-Error: ${error}; "ERROR: The requested URL could not be retrieved"; ` +
      "Server: squid/5.7; Via: 1.1 proxy.corp (squid/5.7))",
  });
  expect(performance.now() - begun).toBeLessThan(4500);
});

test.each([
  ["301 Moved Permanently", "proxy-denied"],
  ["400 Bad Request", "proxy-protocol"],
  ["403 Forbidden", "proxy-denied"],
  ["404 Not Found", "proxy-protocol"],
  ["429 Too Many Requests", "proxy-denied"],
  ["500 Internal Server Error", "proxy-upstream"],
  ["502 Bad Gateway", "proxy-upstream"],
  ["503 Service Unavailable", "proxy-upstream"],
  ["504 Gateway Timeout", "proxy-upstream"],
  ["100 Continue", "proxy-protocol"],
  ["201 Created", "proxy-protocol"],
  ["204 No Content", "proxy-protocol"],
  ["405 Method Not Allowed", "proxy-protocol"],
  ["501 Not Implemented", "proxy-protocol"],
  ["505 HTTP Version Not Supported", "proxy-protocol"],
])("HTTP %s to CONNECT is %s", async (status, code) => {
  expect(await through(answering(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`).server)).toMatchObject({
    ok: false,
    phase: "proxy",
    code,
    message: `HTTP ${status}`,
  });
});

test("of a login page, the host is named and nothing else of its address", async () => {
  const saw = await through(answering("HTTP/1.1 302 Found\r\nLocation: https://login.corp/?k=s3cret\r\n\r\n").server);
  expect(saw).toMatchObject({ code: "proxy-denied", message: "HTTP 302 Found (redirects to login.corp)" });
});

test("a refusal whose page never ends does not keep us", async () => {
  const begun = performance.now();
  const saw = await through(answering("HTTP/1.1 403 Forbidden\r\n\r\n<html>", staying).server);
  expect(saw).toMatchObject({ code: "proxy-denied", message: "HTTP 403 Forbidden" });
  expect(performance.now() - begun).toBeLessThan(4500);
});

test("a refusal whose page is as large as the proxy likes is cut off", async () => {
  const server = answering("HTTP/1.1 403 Forbidden\r\n\r\n", (socket) => {
    const more = (): void => {
      while (!socket.destroyed && socket.write("x".repeat(10_000)));
    };
    socket.on("drain", more);
    more();
  });
  expect(await through(server.server)).toMatchObject({ code: "proxy-denied", message: "HTTP 403 Forbidden" });
});

test("what a proxy writes is made fit for a terminal", async () => {
  const answer = `HTTP/1.1 403 \u001b[31mNo\r\nServer: a\u0007b${"c".repeat(5000)}\r\n\r\n`;
  const saw = await through(answering(answer).server);
  expect(saw).toMatchObject({
    code: "proxy-denied",
    message: expect.stringMatching(/^HTTP 403 {2}\[31mNo \(Server: a bc/),
  });
  expect(!saw.ok && saw.message.length).toBeLessThanOrEqual(300);
});

test("a proxy that takes the CONNECT and says nothing does not get there itself", async () => {
  const saw = await through(answering("", staying).server, { timeoutMs: 200 });
  expect(saw).toMatchObject({
    ok: false,
    phase: "proxy",
    code: "proxy-upstream",
    message: "no answer to CONNECT within 200 ms",
  });
  expect(saw.elapsedMs).toBeLessThan(3000);
});

test.each([
  ["an SSH server", "SSH-2.0-OpenSSH_9.2\r\n", staying, "an SSH server answers there"],
  ["SOCKS5", Buffer.from([5, 255]), staying, "a SOCKS5 proxy answers there, not an HTTP one"],
  ["a TLS server", Buffer.from([21, 3, 3, 0, 2, 2, 70]), staying, "a TLS server answers there, asked without TLS"],
  ["garbage", "what?\r\n", staying, 'what answers there speaks another protocol: "what?"'],
  ["a version that is none", "HTTP/2 200\r\n\r\n", staying, 'malformed HTTP response "HTTP/2 200"'],
  ["no status", "HTTP/1.1 OK\r\n\r\n", staying, 'malformed HTTP response "HTTP/1.1 OK"'],
  ["a header without a colon", "HTTP/1.1 200 OK\r\nwhat\r\n\r\n", staying, 'malformed MIME header: "what"'],
  ["nothing, and closes", "", undefined, "the connection was closed without an answer to CONNECT"],
  ["half an answer, and closes", "HTTP/1.1 200 OK\r\nX-A", undefined, "the answer to CONNECT breaks off"],
  [
    "a header block without end",
    `HTTP/1.1 200 OK\r\nX-A: ${"x".repeat(100_000)}`,
    staying,
    "a header block of more than 16384 bytes",
  ],
  [
    "a header block that is too large",
    `HTTP/1.1 200 OK\r\nX-A: ${"x".repeat(20_000)}\r\n\r\n`,
    staying,
    "a header block of more than 16384 bytes",
  ],
])("what answers with %s is no proxy", async (_what, answer, then, message) => {
  expect(await through(answering(answer, then).server, { timeoutMs: 400 })).toMatchObject({
    ok: false,
    phase: "proxy",
    code: "proxy-protocol",
    message,
  });
});

test.each(["HT", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nX-A"])(
  "a proxy that is slower than the time limit, but says %j in time, is told from what is no proxy",
  async (begun) => {
    expect(await through(answering(begun, staying).server, { timeoutMs: 300 })).toMatchObject({
      ok: false,
      phase: "proxy",
      code: "proxy-upstream",
      message: "it began to answer and did not finish within 300 ms",
    });
  },
);

test("what resets the connection is no proxy, and the system's word is kept", async () => {
  const { server } = answering("", (socket) => socket.resetAndDestroy());
  expect(await through(server)).toMatchObject({ phase: "proxy", code: "proxy-protocol", errno: "ECONNRESET" });
});

test.each(["http", "socks5"] as const)(
  "after every failure at an %s proxy the connection is closed",
  async (scheme) => {
    for (const answer of ["HTTP/1.1 403 Forbidden\r\n\r\n", "garbage", Buffer.from([5, 255])]) {
      const { server } = answering(answer, staying);
      const closed = new Promise((resolve) => server.once("connection", (socket) => socket.on("close", resolve)));
      const { saw, raw } = await walk(server, { scheme });
      expect([saw.ok, raw.destroyed]).toEqual([false, true]);
      await closed;
    }
  },
);

test.each(["http", "socks5", "https"] as const)(
  "the end of the run ends the dialogue with an %s proxy",
  async (scheme) => {
    const stop = new AbortController();
    const { server } = answering("", () => setTimeout(() => stop.abort(), 20));
    const saw = await through(server, { scheme, signal: stop.signal, timeoutMs: 20_000 });
    expect(saw).toMatchObject({ ok: false, phase: "proxy", errno: "ABORT_ERR" });
    expect(saw.elapsedMs).toBeLessThan(10_000);
  },
);

const showing = (leaf: LeafName, handler: (socket: net.Socket) => void, options: tls.TlsOptions = {}): tls.Server =>
  tls.createServer({ ...certificates.leaves[leaf], ...options }, (socket) => {
    socket.on("error", () => {});
    handler(socket);
  });

test("an https proxy gets its CONNECT over TLS", async () => {
  const port = await servers.listen(echo());
  const { handler, asked } = httpProxy(login);
  const target = { host: "127.0.0.1", port };
  const saw = await through(showing("good", handler), { scheme: "https", credentials, target });
  expect(saw).toMatchObject({ ok: true, detail: "TLSv1.3, CONNECT HTTP 200" });
  expect(asked).toEqual([expect.stringMatching(/^CONNECT 127\.0\.0\.1:\d+ /)]);
  expect(await next(saw, "there")).toBe("there");
});

test("an https proxy that is to pass a request on gets its TLS, and nothing before the request", async () => {
  const { handler, asked } = httpProxy();
  const saw = await through(showing("good", handler), { scheme: "https", forwarded: true });
  expect(saw).toMatchObject({ ok: true, detail: "TLSv1.3" });
  expect(asked).toEqual([]);
  expect(await through(net.createServer(handler), { forwarded: true })).toEqual({
    ok: true,
    socket: expect.any(net.Socket),
    elapsedMs: expect.any(Number),
  });
});

test.each([
  ["byStranger", "certificate signed by an authority that is not trusted here"],
  ["otherName", "certificate is not valid for lapi.test"],
  ["expired", "certificate expired on"],
] as const)("an https proxy whose certificate is refused (%s) is not used, and gets no secret", async (leaf, says) => {
  const { handler, asked } = httpProxy(login);
  const saw = await through(showing(leaf, handler), { scheme: "https", host: "lapi.test", credentials });
  expect(saw).toMatchObject({
    ok: false,
    phase: "proxy",
    code: "proxy-unreachable",
    message: expect.stringMatching(new RegExp(`^TLS with the proxy: ${says}.*, issuer .*CN=`)),
  });
  // What is shown as the peer's certificate is the target's only.
  expect(saw).not.toHaveProperty("tls");
  expect(asked).toEqual([]);
});

test("insecure_skip_verify counts for an https proxy too, as in Go", async () => {
  const trust = { caFiles: [], only: false, skipVerify: true };
  const { handler } = httpProxy();
  expect(await through(showing("byStranger", handler), { scheme: "https", forwarded: true, trust })).toMatchObject({
    ok: true,
  });
});

test.each(["TLSv1.2", "TLSv1.3"] as const)(
  "an https proxy that demands a client certificate (%s) says so",
  async (version) => {
    const options = { requestCert: true, ca: [certificates.ca], minVersion: version, maxVersion: version };
    const { handler } = httpProxy();
    const saw = await through(showing("good", handler, options), { scheme: "https" });
    expect(saw).toMatchObject({
      ok: false,
      phase: "proxy",
      code: "proxy-denied",
      message: expect.stringMatching(/^the proxy demands a client certificate/),
    });
  },
);

test.each([
  ["answers in plain text", "HTTP/1.1 400 Bad Request\r\n\r\n", undefined],
  ["waits for the rest of a line", "", staying],
  ["hangs up", "", undefined],
])("a proxy whose URL says https, and that %s, is named as one without TLS", async (_what, answer, then) => {
  const saw = await through(answering(answer, then).server, { scheme: "https", timeoutMs: 300 });
  expect(saw).toMatchObject({
    ok: false,
    phase: "proxy",
    code: "proxy-protocol",
    message: expect.stringMatching(/^no TLS, although its URL says https \(.+\)$/),
  });
});

test.each([
  ["lapi.test", "3 lapi.test 443"],
  ["192.0.2.7", "1 192.0.2.7 443"],
  ["2001:db8::7", "4 2001:0db8:0000:0000:0000:0000:0000:0007 443"],
  ["::", "4 0000:0000:0000:0000:0000:0000:0000:0000 443"],
  ["::ffff:c000:207", "1 192.0.2.7 443"],
])("SOCKS5 leaves a name to the proxy, and writes an address as such (%s)", async (host, expected) => {
  const { handler, asked } = socksProxy();
  await through(net.createServer(handler), { scheme: "socks5", target: { host, port: 443 }, timeoutMs: 300 });
  expect(asked).toEqual([expected]);
});

test.each([
  ["without credentials", undefined],
  ["with credentials", login],
])("a SOCKS5 proxy %s opens a tunnel, of which no byte is lost", async (_what, wanted) => {
  const port = await servers.listen(echo("hello"));
  const { handler, asked } = socksProxy(wanted);
  const saw = await through(net.createServer(handler), {
    scheme: "socks5",
    target: { host: "target.test", port },
    ...(wanted && { credentials }),
  });
  expect(saw).toMatchObject({ ok: true, detail: "SOCKS5" });
  expect(asked).toEqual([`3 target.test ${port}`]);
  expect(await next(saw)).toBe("hello");
});

/** A server that says the next of these at each message, and keeps the messages. */
const scripted = (...answers: readonly (readonly number[])[]): { server: net.Server; sent: number[][] } => {
  const sent: number[][] = [];
  const server = net.createServer((socket) =>
    socket.on("data", (bytes) => {
      const answer = answers[sent.length];
      sent.push([...bytes]);
      if (answer) socket.write(Buffer.from(answer));
    }),
  );
  return { server, sent };
};

test("a SOCKS5 answer with a name and the target's first bytes behind it is read to the byte", async () => {
  const { server, sent } = scripted([5, 0], [5, 0, 0, 3, 2, 97, 98, 0, 80, 104, 105]);
  const saw = await through(server, { scheme: "socks5", target: { host: "a.b", port: 258 } });
  expect(await next(saw)).toBe("hi");
  expect(sent).toEqual([
    [5, 1, 0],
    [5, 1, 0, 3, 3, 97, 46, 98, 1, 2],
  ]);
});

test("a SOCKS5 proxy that takes everybody gets no password", async () => {
  const { server, sent } = scripted([5, 0], [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  expect(await through(server, { scheme: "socks5", credentials })).toMatchObject({ ok: true });
  expect(sent[0]).toEqual([5, 2, 0, 2]);
  expect(sent).toHaveLength(2);
});

const REPLY = [0, 0, 1, 0, 0, 0, 0, 0, 0];

test.each([
  ["wants a login, without credentials", undefined, [[5, 255]], "proxy-auth-required", /it wants a login, and none/],
  ["knows other logins only", credentials, [[5, 255]], "proxy-auth-required", /does not take user and password/],
  ["wants GSSAPI", credentials, [[5, 1]], "proxy-auth-required", /unsupported authentication method 1/],
  ["wants what was not offered", undefined, [[5, 2]], "proxy-auth-required", /unsupported authentication method 2/],
  [
    "refuses the credentials",
    credentials,
    [
      [5, 2],
      [1, 1],
    ],
    "proxy-auth-required",
    /authentication failed/,
  ],
  [
    "has another login protocol",
    credentials,
    [
      [5, 2],
      [5, 0],
    ],
    "proxy-protocol",
    /invalid username\/password version/,
  ],
  [
    "wants a password, which is empty",
    { user: new Secret("a"), password: new Secret("") },
    [[5, 2]],
    "proxy-auth-required",
    /of 1 to 255 bytes/,
  ],
  [
    "fails",
    undefined,
    [
      [5, 0],
      [5, 1, ...REPLY.slice(1)],
    ],
    "proxy-upstream",
    /general SOCKS server failure \(1\)/,
  ],
  [
    "has a rule against it",
    undefined,
    [
      [5, 0],
      [5, 2, ...REPLY.slice(1)],
    ],
    "proxy-denied",
    /not allowed by ruleset/,
  ],
  [
    "has no network",
    undefined,
    [
      [5, 0],
      [5, 3, ...REPLY.slice(1)],
    ],
    "proxy-upstream",
    /network unreachable/,
  ],
  [
    "finds no host",
    undefined,
    [
      [5, 0],
      [5, 4, ...REPLY.slice(1)],
    ],
    "proxy-upstream",
    /host unreachable/,
  ],
  [
    "is refused",
    undefined,
    [
      [5, 0],
      [5, 5, ...REPLY.slice(1)],
    ],
    "proxy-upstream",
    /connection refused/,
  ],
  [
    "runs out of hops",
    undefined,
    [
      [5, 0],
      [5, 6, ...REPLY.slice(1)],
    ],
    "proxy-upstream",
    /TTL expired/,
  ],
  [
    "knows no CONNECT",
    undefined,
    [
      [5, 0],
      [5, 7, ...REPLY.slice(1)],
    ],
    "proxy-protocol",
    /command not supported/,
  ],
  [
    "knows no such address",
    undefined,
    [
      [5, 0],
      [5, 8, ...REPLY.slice(1)],
    ],
    "proxy-protocol",
    /address type/,
  ],
  [
    "says what nobody knows",
    undefined,
    [
      [5, 0],
      [5, 99, ...REPLY.slice(1)],
    ],
    "proxy-protocol",
    /unknown code \(99\)/,
  ],
  ["has another version", undefined, [[4, 0]], "proxy-protocol", /another protocol/],
  [
    "changes its version",
    undefined,
    [
      [5, 0],
      [4, 0, ...REPLY.slice(1)],
    ],
    "proxy-protocol",
    /version 4/,
  ],
  [
    "has a reserved field",
    undefined,
    [
      [5, 0],
      [5, 0, 1, 1],
    ],
    "proxy-protocol",
    /non-zero reserved field/,
  ],
  [
    "has a strange address",
    undefined,
    [
      [5, 0],
      [5, 0, 0, 9],
    ],
    "proxy-protocol",
    /unknown address type 9/,
  ],
  [
    "says half of it",
    undefined,
    [
      [5, 0],
      [5, 0, 0, 1, 1],
    ],
    "proxy-protocol",
    /^it began to answer and did not finish within 300 ms$/,
  ],
  ["says nothing at all", undefined, [], "proxy-protocol", /no answer to SOCKS5's greeting within 300 ms/],
  ["says nothing to the login", credentials, [[5, 2]], "proxy-protocol", /no answer to SOCKS5's login/],
  ["takes the request and waits", undefined, [[5, 0]], "proxy-upstream", /no answer to SOCKS5's request/],
] as const)("a SOCKS5 proxy that %s", async (_what, given, answers, code, message) => {
  const { server } = scripted(...answers);
  const saw = await through(server, { scheme: "socks5", timeoutMs: 300, ...(given && { credentials: given }) });
  expect(saw).toMatchObject({ ok: false, phase: "proxy", code, message: expect.stringMatching(message) });
  expect(saw.elapsedMs).toBeLessThan(3000);
});

test.each([
  ["an HTTP proxy", "HTTP/1.1 400 Bad Request\r\n\r\n", staying, /an HTTP server answers there, not a SOCKS5 proxy/],
  ["one byte of something", "H", undefined, /answer to SOCKS5's greeting breaks off/],
  ["what closes", "", undefined, /closed without an answer to SOCKS5's greeting/],
])("%s is no SOCKS5 proxy", async (_what, answer, then, message) => {
  expect(await through(answering(answer, then).server, { scheme: "socks5" })).toMatchObject({
    ok: false,
    code: "proxy-protocol",
    message: expect.stringMatching(message),
  });
});

test("a name too long for SOCKS5 is not cut short", async () => {
  const { server, sent } = scripted([5, 0]);
  expect(await through(server, { scheme: "socks5", target: { host: "a".repeat(256), port: 1 } })).toMatchObject({
    ok: false,
    phase: "proxy",
    message: "SOCKS5: FQDN too long",
  });
  expect(sent).toEqual([]);
});

const proxy: ProxyServer = { scheme: "http", host: "p", port: 1, shown: "http://p:1" };
const knowing: ProxyServer = { ...proxy, credentials };
const answered = { ok: true, headers: {}, body: "", truncated: false } as const;
const broken = { ok: false, phase: "response", message: "m", elapsedMs: 1 } as const;

test.each([200, 302, 403, 404, 502])("whose answer a %i through a proxy is, its check decides", (status) => {
  const reply = { ...answered, status };
  expect(judgeForwarded(proxy, reply, 1)).toBe(reply);
});

test.each([
  ["a 407", { ...answered, status: 407 }, "proxy-auth-required"],
  ["silence", { ...broken, code: "http-timeout" }, "proxy-upstream"],
  ["no HTTP", { ...broken, code: "http-invalid", errno: "HPE_INVALID_CONSTANT" }, "proxy-protocol"],
  ["a demand for a certificate", { ...broken, code: "tls-client-cert" }, "proxy-denied"],
] as const)("%s to a request that the proxy was to pass on is the proxy's own", (_what, reply, code) => {
  expect(judgeForwarded(proxy, reply, 7)).toMatchObject({ ok: false, phase: "proxy", code });
});

test("a request that could not be written is no fault of the proxy", () => {
  const reply = { ...broken, code: "http-invalid", errno: "ERR_INVALID_CHAR" } as const;
  expect(judgeForwarded(proxy, reply, 1)).toBe(reply);
});

const token = Buffer.from(`${login.user}:${login.password}`).toString("base64");

test.each([
  ["as they are", `${login.user}:${login.password}`],
  ["as they were sent", `Basic ${token}`],
  ["in base64 without its padding", token.replace(/=+$/, "")],
  ["in base64 within a URL", `?auth=${encodeURIComponent(token)}`],
  ["read as latin1", Buffer.from(login.password).toString("latin1")],
  ["with %-escapes", encodeURIComponent(`${login.user}:${login.password}`)],
  ["with %-escapes in small letters", encodeURIComponent(login.password).toLowerCase()],
  ["with %-escapes where a URL needs them", "http://us%20er:p%40ss:w%C3%B6rd@p:1/"],
  ["with %-escapes of latin1", "p%40ss:w%F6rd"],
  ["with every letter escaped", "%70%40%73%73%3a%77%c3%b6%72%64"],
  ["in HTML", "us&#32;er:p&#64;ss&#x3A;w&#xf6;rd"],
  ["in JSON", '"us\\u0020er:p@ss:w\\u00f6rd"'],
  ["as a form", "u=us+er&p=p%40ss%3Aw%C3%B6rd"],
])("credentials that a proxy repeats %s in its answer are shown to nobody", (_what, text) => {
  const reply = {
    ...answered,
    status: 503,
    headers: { server: text, via: `1.1 p (${text})`, [`x-${text.toLowerCase()}`]: "a", date: "today" },
    body: `<title>${text}</title>{"code":503}${text}`,
  };
  for (const saw of [judgeForwarded(knowing, reply, 1), judgeForwarded(knowing, { ...reply, status: 407 }, 1)]) {
    const told = JSON.stringify(saw);
    expect(told).toContain("[secret]");
    expect(told).not.toMatch(/us(?: |%20|\+|&#32;|\\\\u0020)er|ss(?:.|%3A|&#x3A;)w|%77|rd|dXMg/i);
  }
  expect(judgeForwarded(knowing, reply, 1)).toMatchObject({
    status: 503,
    headers: { server: expect.any(String), date: "today" },
    body: expect.stringContaining('{"code":503}'),
  });
});

test("of an answer that says nothing of the credentials, not a letter is another", () => {
  const words = { user: new Secret("a"), password: new Secret("in") };
  const reply = { ...answered, status: 200, headers: { server: "nginx" }, body: '{"name":"alain","min":1}' };
  expect(judgeForwarded({ ...proxy, credentials: words }, reply, 1)).toEqual(reply);
  expect(judgeForwarded(knowing, reply, 1)).toEqual(reply);
  const empty = { user: new Secret(""), password: new Secret("") };
  expect(judgeForwarded({ ...proxy, credentials: empty }, reply, 1)).toEqual(reply);
});

test("a short user or password is found where it stands alone", () => {
  const credentials = { user: new Secret("bob"), password: new Secret("x1") };
  const body = "no bob:x1 (bob), login%3Abob%3Ax1; bobby, x10 may";
  expect(judgeForwarded({ ...proxy, credentials }, { ...answered, status: 200, body }, 1)).toMatchObject({
    body: "no [secret]:[secret] ([secret]), login%3A[secret]%3A[secret]; bobby, x10 may",
  });
});

test.each([5, 8, 9])("a password that an answer's end cuts off after %i letters is not shown in part", (length) => {
  const body = `It was ${login.password.slice(0, length)}`;
  const reply = { ...answered, status: 200, body };
  expect(judgeForwarded(knowing, { ...reply, truncated: true }, 1)).toMatchObject({ body: "It was [secret]" });
  const escaped = { ...reply, body: "It was p%40ss%3Aw%C3", truncated: true };
  expect(judgeForwarded(knowing, escaped, 1)).toMatchObject({ body: "It was [secret]" });
});

test("in what comes out of a tunnel with TLS, the user's name is a word like any other", () => {
  const credentials = { user: new Secret("crowdsec"), password: new Secret("hunter22") };
  const reply = { ...answered, status: 200, body: "crowdsec hunter22" };
  const saw = withoutCredentials({ ...proxy, credentials }, reply, { keepUser: true });
  expect(saw).toMatchObject({ body: "crowdsec [secret]" });
  expect(withoutCredentials({ ...proxy, credentials }, reply)).toMatchObject({ body: "[secret] [secret]" });
});

test("a large answer is searched for long credentials at once", () => {
  const credentials = { user: new Secret("u".repeat(500)), password: new Secret("%25&amp;".repeat(60)) };
  const body = "%25&amp;u".repeat(120_000);
  const begun = performance.now();
  const saw = judgeForwarded({ ...proxy, credentials }, { ...answered, status: 200, body, truncated: true }, 1);
  expect(saw).toMatchObject({ ok: true, status: 200 });
  expect(performance.now() - begun).toBeLessThan(3000);
});
