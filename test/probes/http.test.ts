import http from "node:http";
import https from "node:https";
import net from "node:net";
import tls from "node:tls";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { HttpObservation, HttpRequest } from "../../src/model/observation.ts";
import type { ProxyServer } from "../../src/model/proxy.ts";
import { holdsSecret, Secret } from "../../src/model/secret.ts";
import { hostAndPort } from "../../src/model/url.ts";
import { loadGot, probeHttp } from "../../src/probes/http.ts";
import { createTrustContexts } from "../../src/probes/trust-store.ts";
import { type LeafName, makeCertificates } from "../support/certificates.ts";
import { makeFolder } from "../support/folder.ts";
import { httpProxy, socksProxy } from "../support/proxies.ts";
import { closedPort, createServers } from "../support/servers.ts";

const certificates = makeCertificates();
afterAll(certificates.remove);
const folder = makeFolder();
afterAll(folder.remove);
// The first import takes a while; it must not count against a time limit.
beforeAll(async () => {
  await loadGot();
});

const servers = createServers();
afterEach(servers.close);

interface Asking extends Partial<Omit<HttpRequest, "url">> {
  readonly scheme?: "http" | "https";
  readonly host?: string;
  readonly path?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Sends one request to a server that trusts nobody's system store but the tests' own authority. */
const ask = async (
  server: net.Server,
  { scheme, host = "lapi.test", path = "/", timeoutMs = 5000, signal, ...request }: Asking = {},
): Promise<HttpObservation> => {
  const port = await servers.listen(server, request.address ?? "127.0.0.1");
  const chosen = scheme ?? (server instanceof https.Server ? "https" : "http");
  return probeHttp(
    { url: `${chosen}://${host}:${port}${path}`, address: "127.0.0.1", ...request },
    {
      limits: { timeoutMs, signal: signal ?? new AbortController().signal },
      userAgent: "preflight-test/1.2.3",
      context: createTrustContexts(async () => ({ certificates: 1, from: [], lookedAt: [], pems: [certificates.ca] })),
    },
  );
};

/** The first request that a server got, and the headers as they came. */
const heard = (answer = "ok"): { server: http.Server; requests: http.IncomingMessage[]; bodies: string[] } => {
  const requests: http.IncomingMessage[] = [];
  const bodies: string[] = [];
  const server = http.createServer((request, response) => {
    requests.push(request);
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      bodies.push(body);
      response.end(answer);
    });
  });
  return { server, requests, bodies };
};

const showing = (leaf: LeafName, options: https.ServerOptions = {}, handler?: http.RequestListener): https.Server =>
  https.createServer(
    { ...certificates.leaves[leaf], ...options },
    handler ?? ((_request, response) => response.end("ok")),
  );

/** A server that answers the first bytes with raw text. */
const raw = (text: string | Buffer, then: (socket: net.Socket) => void = (socket) => socket.end()): net.Server =>
  net.createServer((socket) =>
    socket.once("data", () => {
      socket.write(text);
      then(socket);
    }),
  );

test("status, headers and body come back, with how long each layer took", async () => {
  const server = http.createServer((_request, response) => {
    response.writeHead(418, { "X-Mixed-Case": "a", "Set-Cookie": ["a=1", "b=2"] });
    response.end("körper");
  });
  const saw = await ask(server);
  expect(saw).toMatchObject({
    ok: true,
    status: 418,
    headers: { "x-mixed-case": "a", "set-cookie": "a=1, b=2" },
    body: "körper",
    truncated: false,
    elapsedMs: expect.any(Number),
    layers: [
      { phase: "connect", ok: true, durationMs: expect.any(Number), detail: "127.0.0.1" },
      { phase: "response", ok: true, durationMs: expect.any(Number), detail: "HTTP 418" },
    ],
  });
  expect(saw).not.toHaveProperty("tls");
});

test("over TLS the handshake is a layer of its own, and the certificate is kept", async () => {
  const saw = await ask(showing("good"));
  expect(saw).toMatchObject({
    ok: true,
    status: 200,
    body: "ok",
    tls: { protocol: "TLSv1.3", subject: "O=Preflight tests, CN=lapi.test" },
    layers: [
      { phase: "connect", ok: true },
      { phase: "handshake", ok: true, detail: "TLSv1.3, O=Preflight tests, CN=ca" },
      { phase: "response", ok: true },
    ],
  });
});

test("the request is a bare GET with the User-Agent as given, for the host of the URL", async () => {
  const { server, requests, bodies } = heard();
  await ask(server, { path: "/v1/decisions?scope=ip&value=1.2.3.4" });
  const [request] = requests;
  const { port } = server.address() as net.AddressInfo;
  expect([request?.method, request?.url, bodies]).toEqual(["GET", "/v1/decisions?scope=ip&value=1.2.3.4", [""]]);
  expect(request?.headers).toEqual({
    "user-agent": "preflight-test/1.2.3",
    host: `lapi.test:${port}`,
    accept: "*/*",
    "accept-encoding": "identity",
    connection: expect.any(String),
  });
});

test("a POST carries its body as JSON", async () => {
  const { server, requests, bodies } = heard();
  const body = JSON.stringify({ machine_id: "ä" });
  expect(await ask(server, { method: "POST", body })).toMatchObject({ ok: true, status: 200 });
  expect(bodies).toEqual([body]);
  expect(requests[0]?.method).toBe("POST");
  expect(requests[0]?.headers).toMatchObject({
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
  });
});

test("a POST without a body is sent too", async () => {
  const { server, requests, bodies } = heard();
  expect(await ask(server, { method: "POST" })).toMatchObject({ ok: true, status: 200 });
  expect([requests[0]?.method, bodies]).toEqual(["POST", [""]]);
});

test("a HEAD has no body, whatever length its answer names", async () => {
  const server = http.createServer((request, response) => {
    response.writeHead(request.method === "HEAD" ? 403 : 500, { "content-length": "100000", "x-a": "b" }).end();
  });
  const begun = performance.now();
  const saw = await ask(server, { method: "HEAD" });
  expect(saw).toMatchObject({ ok: true, status: 403, headers: { "x-a": "b" }, body: "", truncated: false });
  expect(performance.now() - begun).toBeLessThan(4000);
});

test("headers are sent as given, beside and in place of the usual ones", async () => {
  const { server, requests } = heard();
  await ask(server, { headers: { "x-api-key": "abc", "user-agent": "other/9.9", "content-type": "text/plain" } });
  expect(requests[0]?.headers).toMatchObject({
    "x-api-key": "abc",
    "user-agent": "other/9.9",
    "content-type": "text/plain",
    accept: "*/*",
  });
});

test("a secret reaches its service, and is nowhere in what comes back", async () => {
  const { server, requests, bodies } = heard();
  const saw = await ask(server, {
    method: "POST",
    headers: { "x-api-key": new Secret("k3y") },
    body: new Secret('{"password":"p4ssw0rd"}'),
  });
  expect(requests[0]?.headers).toMatchObject({ "x-api-key": "k3y", "content-type": "application/json" });
  expect(bodies).toEqual(['{"password":"p4ssw0rd"}']);
  expect(JSON.stringify(saw)).not.toMatch(/k3y|p4ssw0rd/);
});

test.each(["k3y\nx-evil: 1", "k3y\0", "k\u20acy"])(
  "a secret that no header can carry (%j) is no answer, and not shown",
  async (key) => {
    const { server, requests } = heard();
    const saw = await ask(server, { headers: { "x-api-key": new Secret(key) } });
    expect(saw).toMatchObject({
      ok: false,
      phase: "response",
      code: "http-invalid",
      message: expect.stringMatching(/./),
    });
    expect(JSON.stringify(saw)).not.toMatch(/k3y|k\u20acy/);
    expect(requests).toEqual([]);
  },
);

/** A server at the path of a unix socket. */
const listenAt = async (name: string, server: net.Server): Promise<string> => {
  const path = `${folder.path}/${name}`;
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  return path;
};

test("over a unix socket the request is an ordinary one, for the host that the URL names", async () => {
  const { server, requests } = heard("hello");
  const address = await listenAt("lapi.sock", server);
  const limits = { timeoutMs: 5000, signal: new AbortController().signal };
  const context = (): never => {
    throw new Error("no need for a context");
  };
  // A colon in the path is what got would take for the end of a socket's path.
  const url = "http://unix/v1/decisions?range=2001:db8::/32";
  const saw = await probeHttp({ url, address }, { limits, userAgent: "a/1", context });
  expect(saw).toMatchObject({
    ok: true,
    status: 200,
    body: "hello",
    layers: [
      { phase: "connect", ok: true, detail: address },
      { phase: "response", ok: true },
    ],
  });
  expect(requests[0]?.url).toBe("/v1/decisions?range=2001:db8::/32");
  expect(requests[0]?.headers.host).toBe("unix");
  const missing = `${folder.path}/missing.sock`;
  expect(await probeHttp({ url, address: missing }, { limits, userAgent: "a/1", context })).toMatchObject({
    ok: false,
    phase: "connect",
    code: "socket-missing",
    layers: [{ phase: "connect", ok: false }],
  });
  server.close();
});

test("the address is dialed, whatever the host's name", async () => {
  const { server, requests } = heard();
  const saw = await ask(server, { host: "no-such-name.invalid" });
  expect(saw).toMatchObject({ ok: true });
  expect(requests[0]?.headers.host).toMatch(/^no-such-name\.invalid:/);
});

test("an IPv6 host in brackets is dialed and verified by its bare address", async () => {
  expect(await ask(showing("address"), { host: "[::1]", address: "::1" })).toMatchObject({ ok: true, status: 200 });
  expect(await ask(showing("good"), { host: "[::1]", address: "::1" })).toMatchObject({ code: "tls-wrong-host" });
});

test.each([301, 302, 307, 308])("a redirect (%i) is an answer, and is not followed", async (status) => {
  const { server: target, requests } = heard();
  const port = await servers.listen(target);
  const server = http.createServer((_request, response) => {
    response.writeHead(status, { location: `http://127.0.0.1:${port}/` });
    response.end();
  });
  expect(await ask(server)).toMatchObject({ ok: true, status, headers: { location: `http://127.0.0.1:${port}/` } });
  expect(requests).toEqual([]);
});

test.each([429, 500, 503])("an error status (%i) is an answer, and nothing is tried again", async (status) => {
  let count = 0;
  const server = http.createServer((_request, response) => {
    count += 1;
    response.writeHead(status, { "retry-after": "0" }).end("busy");
  });
  expect(await ask(server)).toMatchObject({ ok: true, status, body: "busy" });
  expect(count).toBe(1);
});

test.each([204, 304])("an answer without a body (%i) has an empty one", async (status) => {
  const server = http.createServer((_request, response) => response.writeHead(status).end());
  expect(await ask(server)).toMatchObject({ ok: true, status, body: "", truncated: false });
});

test.each([
  ["shorter than the limit", 99, 99, false],
  ["as long as the limit", 100, 100, false],
  ["longer than the limit", 101, 100, true],
  ["many times the limit", 1_000_000, 100, true],
])("a body %s", async (_what, length, kept, truncated) => {
  const server = http.createServer((_request, response) => response.end("x".repeat(length)));
  const saw = await ask(server, { maxBytes: 100 });
  expect(saw).toMatchObject({ ok: true, truncated });
  expect(saw.ok && saw.body.length).toBe(kept);
});

test("64 KiB of a body are kept when nothing else is asked for", async () => {
  const saw = await ask(http.createServer((_request, response) => response.end("x".repeat(70_000))));
  expect(saw.ok && [saw.body.length, saw.truncated]).toEqual([65_536, true]);
});

test("a body that never ends is cut at the limit, and the server is rid of the client", async () => {
  let gone: Promise<unknown> | undefined;
  const server = http.createServer((_request, response) => {
    gone = new Promise((resolve) => response.on("close", resolve));
    const more = (): void => {
      while (response.write("x".repeat(1000)));
    };
    response.on("drain", more);
    more();
  });
  expect(await ask(server, { maxBytes: 5000 })).toMatchObject({ ok: true, truncated: true });
  await gone;
});

test.each([
  ["trickles on", () => raw("HTTP/1.1 200 OK\r\nX-A: b\r\n\r\npart", () => {})],
  ["breaks off", () => raw("HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 100\r\n\r\npart")],
])("of a body that %s, what came is the answer", async (_what, server) => {
  const saw = await ask(server(), { timeoutMs: 300 });
  expect(saw).toMatchObject({ ok: true, status: 200, headers: { "x-a": "b" }, body: "part", truncated: true });
});

test("a packed body is not unpacked", async () => {
  const bomb = gzipSync("x".repeat(1_000_000));
  const server = http.createServer((_request, response) => {
    response.writeHead(200, { "content-encoding": "gzip" }).end(bomb);
  });
  const saw = await ask(server);
  expect(saw).toMatchObject({ ok: true, headers: { "content-encoding": "gzip" }, body: bomb.toString("utf8") });
});

test("an answer that changes the protocol and then says nothing is a time-out too", async () => {
  const server = http.createServer();
  server.on("connection", (socket) =>
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
  );
  const saw = await ask(server, { timeoutMs: 300 });
  expect(saw).toMatchObject({ ok: false, phase: "response", code: "http-timeout" });
  expect(saw.elapsedMs).toBeLessThan(5000);
});

test("a server that says nothing is a time-out of the response", async () => {
  const saw = await ask(http.createServer(), { timeoutMs: 300 });
  expect(saw).toMatchObject({
    ok: false,
    phase: "response",
    code: "http-timeout",
    layers: [
      { phase: "connect", ok: true },
      { phase: "response", ok: false },
    ],
  });
});

test.each([
  ["garbage", () => raw("SSH-2.0-OpenSSH_9.2\r\n")],
  ["a wrong first line", () => raw("HTTP/9.9 abc\r\n\r\n")],
  ["nothing, and closes", () => raw("")],
  ["half a head, and closes", () => raw("HTTP/1.1 200 OK\r\nX-A")],
  ["nothing, and resets", () => raw("", (socket) => socket.resetAndDestroy())],
  ["a header of a megabyte", () => raw(`HTTP/1.1 200 OK\r\nX-A: ${"x".repeat(1_000_000)}\r\n\r\n`)],
  [
    "headers without end",
    () =>
      raw("HTTP/1.1 200 OK\r\n", (socket) => {
        const more = (): void => {
          while (!socket.destroyed && socket.write("X-A: 1\r\n".repeat(100)));
        };
        socket.on("drain", more);
        more();
      }),
  ],
  ["a TLS alert", () => raw(Buffer.from([21, 3, 3, 0, 2, 2, 70]))],
])("a server that sends %s does not speak HTTP", async (_what, server) => {
  const saw = await ask(server(), { timeoutMs: 3000 });
  expect(saw).toMatchObject({
    ok: false,
    phase: "response",
    code: "http-invalid",
    message: expect.stringMatching(/./),
  });
});

test("an interim answer (103) is passed over", async () => {
  const server = raw("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  expect(await ask(server)).toMatchObject({ ok: true, status: 200, body: "ok" });
});

test("where nothing listens the connection is refused, and no later layer is listed", async () => {
  const port = await closedPort(servers, net.createServer());
  const saw = await probeHttp(
    { url: `http://lapi.test:${port}/`, address: "127.0.0.1" },
    {
      limits: { timeoutMs: 5000, signal: new AbortController().signal },
      userAgent: "a/1",
      context: () => Promise.reject(new Error("no need for a context without TLS")),
    },
  );
  expect(saw).toMatchObject({
    ok: false,
    phase: "connect",
    code: "tcp-refused",
    layers: [{ phase: "connect", ok: false }],
  });
});

test("https to a server that speaks HTTP fails in the handshake", async () => {
  const { server } = heard();
  const saw = await ask(server, { scheme: "https" });
  expect(saw).toMatchObject({
    ok: false,
    phase: "handshake",
    code: "tls-not-tls",
    layers: [
      { phase: "connect", ok: true },
      { phase: "handshake", ok: false },
    ],
  });
});

test.each(["byStranger", "otherName", "commonNameOnly"] as const)(
  "behind a certificate that is refused (%s) nothing is sent, and its Date is not known",
  async (leaf) => {
    let requests = 0;
    const server = showing(leaf, {}, (_request, response) => {
      requests += 1;
      response.end();
    });
    const saw = await ask(server);
    expect(saw).toMatchObject({ ok: false, phase: "handshake", tls: { protocol: "TLSv1.3" } });
    expect(saw).not.toHaveProperty("peerDate");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(requests).toBe(0);
  },
);

test.each([
  ["expired", "tls-expired"],
  ["notYetValid", "tls-not-yet-valid"],
] as const)("behind a certificate with wrong dates (%s) the peer's own Date is asked for", async (leaf, code) => {
  const server = showing(leaf, {}, (_request, response) => {
    response.writeHead(200, { date: "Sun, 06 Nov 1994 08:49:37 GMT" }).end();
  });
  expect(await ask(server)).toMatchObject({
    ok: false,
    phase: "handshake",
    code,
    peerDate: "1994-11-06T08:49:37.000Z",
    layers: [
      { phase: "connect", ok: true },
      { phase: "handshake", ok: false },
    ],
  });
});

test.each([
  [
    "no Date",
    (_request: unknown, response: http.ServerResponse) => {
      response.sendDate = false;
      response.end();
    },
  ],
  [
    "a Date that is none",
    (_request: unknown, response: http.ServerResponse) => {
      response.setHeader("date", "soon");
      response.end();
    },
  ],
  [
    "no answer",
    (_request: unknown, response: http.ServerResponse) => {
      response.destroy();
    },
  ],
])("an expired certificate with %s behind it is still an expired certificate", async (_what, handler) => {
  const saw = await ask(showing("expired", {}, handler));
  expect(saw).toMatchObject({ ok: false, phase: "handshake", code: "tls-expired" });
  expect(saw).not.toHaveProperty("peerDate");
});

test.each(["TLSv1.2", "TLSv1.3"] as const)(
  "a server that demands a client certificate with %s is told from one that breaks off",
  async (version) => {
    const server = showing("good", {
      minVersion: version,
      maxVersion: version,
      requestCert: true,
      rejectUnauthorized: true,
      ca: [certificates.ca],
    });
    // The alert of TLS 1.3 can come before, while or after the request is sent.
    for (let turn = 0; turn < 15; turn++) {
      const saw = await ask(server);
      expect(saw).toMatchObject({ ok: false, phase: "handshake", code: "tls-client-cert" });
      await servers.close();
    }
  },
);

test("a peer with an expired certificate gets no secret, and still tells its Date", async () => {
  const requests: http.IncomingMessage[] = [];
  const bodies: string[] = [];
  const server = showing("expired", {}, (request, response) => {
    requests.push(request);
    request.on("data", (chunk) => bodies.push(String(chunk)));
    response.writeHead(200, { date: "Sun, 06 Nov 1994 08:49:37 GMT" }).end();
  });
  const saw = await ask(server, {
    method: "POST",
    headers: { "x-api-key": new Secret("k3y") },
    body: new Secret("p4ssw0rd"),
  });
  expect(saw).toMatchObject({ code: "tls-expired", peerDate: "1994-11-06T08:49:37.000Z" });
  expect(requests.map(({ method, headers }) => [method, headers["x-api-key"]])).toEqual([["GET", undefined]]);
  expect(bodies).toEqual([]);
});

test("a server that demands a client certificate gets the one that the trust names", async () => {
  const server = showing("good", { requestCert: true, rejectUnauthorized: true, ca: [certificates.ca] });
  const certFile = folder.write("client.crt", certificates.leaves.good.cert);
  const keyFile = folder.write("client.key", certificates.leaves.good.key);
  const trust = { caFiles: [], only: false, skipVerify: false, certificate: { certFile, keyFile } };
  expect(await ask(server, { trust })).toMatchObject({ ok: true, status: 200, body: "ok" });
});

test("a trust whose files are not there is a failure of this host, and nothing is dialed", async () => {
  const server = showing("good");
  let connections = 0;
  server.on("connection", () => {
    connections += 1;
  });
  const missing = `${folder.path}/missing.pem`;
  const saw = await ask(server, { trust: { caFiles: [missing], only: false, skipVerify: true } });
  expect(saw).toMatchObject({
    ok: false,
    phase: "host",
    code: "file-missing",
    message: `${missing}: ENOENT`,
    layers: [{ phase: "host", ok: false }],
  });
  expect(connections).toBe(0);
});

test("insecure_skip_verify takes every certificate", async () => {
  const saw = await ask(showing("byStranger"), { trust: { caFiles: [], only: false, skipVerify: true } });
  expect(saw).toMatchObject({ ok: true, status: 200, tls: { subject: "O=Preflight tests, CN=lapi.test" } });
});

test("with only its own file of authorities, a client leaves the system's store out", async () => {
  const own = { caFiles: [certificates.caFile], only: true, skipVerify: false };
  expect(await ask(showing("good"), { trust: own })).toMatchObject({ ok: true, status: 200 });
  expect(await ask(showing("good"), { trust: { ...own, caFiles: [] } })).toMatchObject({ code: "tls-untrusted" });
});

test.each([
  ["HTTP", () => http.createServer()],
  ["HTTPS", () => showing("good", {}, () => {})],
])("a signal ends a request over %s that is under way, and nothing is thrown", async (_what, make) => {
  const stop = new AbortController();
  const server = make();
  server.on("request", () => setTimeout(() => stop.abort(), 20));
  const saw = await ask(server, { timeoutMs: 20_000, signal: stop.signal });
  expect(saw).toMatchObject({ ok: false, phase: "response" });
  expect(saw.elapsedMs).toBeLessThan(10_000);
  // An error that nobody listens to would come with the next turns of the event loop.
  await new Promise((resolve) => setTimeout(resolve, 50));
});

test("after every answer the connection is closed", async () => {
  for (const server of [heard().server, showing("good")]) {
    const closed = new Promise((resolve) => server.once("connection", (socket) => socket.on("close", resolve)));
    expect(await ask(server)).toMatchObject({ ok: true });
    await closed;
  }
});

test.each([
  ["http://lapi.test/", 80],
  ["https://lapi.test/", 443],
  ["http://lapi.test:8080/", 8080],
  ["https://[::1]:8443/", 8443],
])("the port of %s is %i", (url, port) => {
  expect(hostAndPort(url).port).toBe(port);
});

const login = { user: "crowd", password: "pr0xy-pass" };
const credentials = { user: new Secret(login.user), password: new Secret(login.password) };

/** A proxy of the tests that listens, and what it was asked. */
const startProxy = async (
  scheme: ProxyServer["scheme"],
  options: { readonly login?: typeof login; readonly leaf?: LeafName } = {},
): Promise<{ readonly proxy: ProxyServer; readonly asked: readonly string[]; readonly server: net.Server }> => {
  const { asked, handler } = scheme === "socks5" ? socksProxy(options.login) : httpProxy(options.login);
  const server =
    scheme === "https"
      ? tls.createServer(certificates.leaves[options.leaf ?? "good"], (socket) => {
          socket.on("error", () => {});
          handler(socket);
        })
      : net.createServer(handler);
  const port = await servers.listen(server);
  const proxy = { scheme, host: "second.test", port, shown: `${scheme}://second.test:${port}` } as const;
  return { proxy: { ...proxy, ...(options.login && { credentials }) }, asked, server };
};

const SCHEMES = ["http", "https", "socks5"] as const;

test.each(SCHEMES.flatMap((scheme) => [[scheme, undefined] as const, [scheme, login] as const]))(
  "over an %s proxy (login: %p) an https host is asked through a tunnel, and sees nothing of the proxy",
  async (scheme, wanted) => {
    const { proxy, asked } = await startProxy(scheme, wanted && { login: wanted });
    const headers: http.IncomingHttpHeaders[] = [];
    const server = showing("good", {}, (request, response) => {
      headers.push(request.headers);
      response.end("hello");
    });
    const saw = await ask(server, { proxy, path: "/v1/x?y=z" });
    expect(saw).toMatchObject({
      ok: true,
      status: 200,
      body: "hello",
      tls: { subject: "O=Preflight tests, CN=lapi.test" },
      layers: [
        { phase: "connect", ok: true, detail: "127.0.0.1, proxy" },
        {
          phase: "proxy",
          ok: true,
          durationMs: expect.any(Number),
          detail: { http: "CONNECT HTTP 200", https: "TLSv1.3, CONNECT HTTP 200", socks5: "SOCKS5" }[scheme],
        },
        { phase: "handshake", ok: true },
        { phase: "response", ok: true, detail: "HTTP 200" },
      ],
    });
    const { port } = server.address() as net.AddressInfo;
    // The name, which nobody here has resolved.
    expect(asked).toEqual([expect.stringContaining(scheme === "socks5" ? `3 lapi.test ${port}` : `lapi.test:${port}`)]);
    expect(headers).toEqual([expect.not.objectContaining({ "proxy-authorization": expect.anything() })]);
    expect(JSON.stringify(saw)).not.toMatch(/pr0xy-pass|crowd/);
  },
);

test.each(["http", "https"] as const)(
  "over an %s proxy an http host is asked for by its whole URL, with the credentials for the proxy only",
  async (scheme) => {
    const { proxy, asked } = await startProxy(scheme, { login });
    const { server, requests, bodies } = heard("hello");
    const saw = await ask(server, { proxy, path: "/v1/x?y=z", method: "POST", body: "{}" });
    expect(saw).toMatchObject({
      ok: true,
      status: 200,
      body: "hello",
      layers: [
        { phase: "connect", ok: true, detail: "127.0.0.1, proxy" },
        ...(scheme === "https" ? [{ phase: "proxy", ok: true, detail: "TLSv1.3" }] : []),
        { phase: "response", ok: true, detail: "HTTP 200" },
      ],
    });
    const { port } = server.address() as net.AddressInfo;
    const token = Buffer.from(`${login.user}:${login.password}`).toString("base64");
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatch(new RegExp(`^POST http://lapi\\.test:${port}/v1/x\\?y=z HTTP/1\\.1\r\n`));
    expect(asked[0]).toMatch(new RegExp(`^host: lapi\\.test:${port}\r$`, "im"));
    expect(asked[0]).toMatch(new RegExp(`^proxy-authorization: Basic ${token}\r$`, "im"));
    expect(requests[0]?.headers).not.toHaveProperty("proxy-authorization");
    expect(bodies).toEqual(["{}"]);
  },
);

test("over a socks5 proxy an http host is asked through a tunnel too", async () => {
  const { proxy, asked } = await startProxy("socks5", { login });
  const { server, requests } = heard("hello");
  expect(await ask(server, { proxy, path: "/x" })).toMatchObject({
    ok: true,
    body: "hello",
    layers: [{ phase: "connect" }, { phase: "proxy", detail: "SOCKS5" }, { phase: "response" }],
  });
  expect(asked).toHaveLength(1);
  expect(requests[0]?.url).toBe("/x");
  expect(requests[0]?.headers).not.toHaveProperty("proxy-authorization");
});

test.each(SCHEMES)("over an %s proxy the target's certificate must be for the target's own name", async (scheme) => {
  const { proxy } = await startProxy(scheme);
  // The proxy is called second.test, and the certificate is good for that as well.
  expect(await ask(showing("good"), { proxy, host: "third.test" })).toMatchObject({
    ok: false,
    phase: "handshake",
    code: "tls-wrong-host",
    layers: [{ phase: "connect" }, { phase: "proxy", ok: true }, { phase: "handshake", ok: false }],
  });
});

test("over a proxy an IPv6 address of a URL reaches its target", async () => {
  for (const scheme of SCHEMES) {
    const { proxy, asked } = await startProxy(scheme);
    const port = await servers.listen(showing("address"), "::1");
    const saw = await probeHttp(
      { url: `https://[::1]:${port}/`, address: "127.0.0.1", proxy },
      {
        limits: { timeoutMs: 5000, signal: new AbortController().signal },
        userAgent: "a/1",
        context: createTrustContexts(async () => ({
          certificates: 1,
          from: [],
          lookedAt: [],
          pems: [certificates.ca],
        })),
      },
    );
    expect(saw).toMatchObject({ ok: true, status: 200 });
    expect(asked).toHaveLength(1);
  }
});

test("a proxy with an expired certificate behind it: the peer's own Date is asked for through the tunnel", async () => {
  const { proxy, asked } = await startProxy("http", { login });
  const headers: http.IncomingHttpHeaders[] = [];
  const server = showing("expired", {}, (request, response) => {
    headers.push(request.headers);
    response.writeHead(200, { date: "Sun, 06 Nov 1994 08:49:37 GMT" }).end();
  });
  expect(await ask(server, { proxy, headers: { "x-api-key": new Secret("k3y") } })).toMatchObject({
    phase: "handshake",
    code: "tls-expired",
    peerDate: "1994-11-06T08:49:37.000Z",
  });
  expect(asked).toHaveLength(1);
  expect(Object.keys(headers[0] ?? {})).not.toEqual(expect.arrayContaining(["x-api-key"]));
  expect(headers[0]).not.toHaveProperty("proxy-authorization");
});

test("a proxy that is not there is told from a target that is not there", async () => {
  const port = await closedPort(servers, net.createServer());
  const gone: ProxyServer = { scheme: "http", host: "second.test", port, shown: "" };
  expect(await ask(showing("good"), { proxy: gone })).toMatchObject({
    ok: false,
    phase: "proxy",
    code: "proxy-unreachable",
    errno: "ECONNREFUSED",
    message: `connect ECONNREFUSED 127.0.0.1:${port}`,
    layers: [{ phase: "proxy", ok: false }],
  });
  const { proxy } = await startProxy("http");
  const nobody = await closedPort(servers, net.createServer());
  const tools = {
    limits: { timeoutMs: 5000, signal: new AbortController().signal },
    userAgent: "a/1",
    context: createTrustContexts(async () => ({ certificates: 1, from: [], lookedAt: [], pems: [certificates.ca] })),
  };
  expect(await probeHttp({ url: `https://lapi.test:${nobody}/`, address: "127.0.0.1", proxy }, tools)).toMatchObject({
    ok: false,
    phase: "proxy",
    code: "proxy-upstream",
    message: "HTTP 502 Bad Gateway",
    layers: [
      { phase: "connect", ok: true },
      { phase: "proxy", ok: false },
    ],
  });
});

test("an https proxy that is not trusted gets no request, neither by CONNECT nor one to pass on", async () => {
  for (const scheme of ["https", "http"] as const) {
    const { proxy, asked } = await startProxy("https", { login, leaf: "otherName" });
    expect(await ask(showing("good"), { proxy, scheme })).toMatchObject({
      ok: false,
      phase: "proxy",
      code: "proxy-unreachable",
      layers: [
        { phase: "connect", ok: true },
        { phase: "proxy", ok: false },
      ],
    });
    expect(asked).toEqual([]);
  }
});

test("a client certificate is shown to the target behind a proxy, and to an https proxy that asks, as Go does", async () => {
  const options = { requestCert: true, rejectUnauthorized: true, ca: [certificates.ca] };
  const certFile = folder.write("own.crt", certificates.leaves.good.cert);
  const keyFile = folder.write("own.key", certificates.leaves.good.key);
  const trust = { caFiles: [], only: false, skipVerify: false, certificate: { certFile, keyFile } };
  const { handler } = httpProxy();
  const server = tls.createServer({ ...certificates.leaves.good, ...options }, handler);
  const port = await servers.listen(server);
  const proxy: ProxyServer = { scheme: "https", host: "second.test", port, shown: "" };
  expect(await ask(showing("good", options), { proxy, trust })).toMatchObject({ ok: true, status: 200 });
  expect(await ask(showing("good"), { proxy })).toMatchObject({ phase: "proxy", code: "proxy-denied" });
});

/** Sends an http request to be passed on by what answers like that. */
const forwarded = async (server: net.Server, asking: Asking = {}): Promise<HttpObservation> => {
  const port = await servers.listen(server);
  const proxy: ProxyServer = { scheme: "http", host: "second.test", port, shown: "", ...asking.proxy };
  return ask(net.createServer(), { ...asking, scheme: "http", proxy });
};

test("a 407 to a request that was to be passed on is the proxy's own", async () => {
  const answer =
    'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="corp"\r\nServer: squid\r\nContent-Length: 0\r\n\r\n';
  expect(await forwarded(raw(answer))).toMatchObject({
    ok: false,
    phase: "proxy",
    code: "proxy-auth-required",
    message:
      "HTTP 407 Proxy Authentication Required to a request without credentials " +
      '(it wants Basic realm="corp"; Server: squid)',
    layers: [
      { phase: "connect", ok: true },
      { phase: "proxy", ok: false },
    ],
  });
});

test.each([200, 302, 403, 502, 503])("a %i to a request that was to be passed on is an answer", async (status) => {
  const saw = await forwarded(raw(`HTTP/1.1 ${status} Any\r\nX-Squid-Error: a\r\nContent-Length: 2\r\n\r\nok`));
  expect(saw).toMatchObject({ ok: true, status, headers: { "x-squid-error": "a" }, body: "ok" });
});

test.each([
  ["says nothing", () => http.createServer(), "proxy-upstream"],
  ["is an SSH server", () => raw("SSH-2.0-OpenSSH_9.2\r\n"), "proxy-protocol"],
  ["closes", () => raw(""), "proxy-protocol"],
  ["resets", () => raw("", (socket) => socket.resetAndDestroy()), "proxy-protocol"],
])("what is to pass a request on and %s is named as the proxy", async (_what, server, code) => {
  const saw = await forwarded(server(), { timeoutMs: 300 });
  expect(saw).toMatchObject({ ok: false, phase: "proxy", code, message: expect.stringMatching(/./) });
});

test.each([
  ["http", false],
  ["https", false],
  ["socks5", false],
  ["http", true],
] as const)(
  "over an %s proxy (end of the run: %p), credentials in an answer are nowhere in what is handed on",
  async (scheme, ends) => {
    const token = Buffer.from(`${login.user}:${login.password}`).toString("base64");
    const stop = new AbortController();
    const page = `<title>${login.user} ${login.password}</title>${encodeURIComponent(login.password)}`;
    const answer = `HTTP/1.1 503 ${login.password}\r\nServer: ${login.password}\r\nVia: Basic ${token}\r\n\r\n${page}`;
    const target = raw(answer, (socket) => (ends ? setTimeout(() => stop.abort(), 50) : socket.end()));
    const { proxy } = await startProxy(scheme, { login });
    const saw = await ask(target, { scheme: "http", proxy, signal: stop.signal });
    expect(saw).toMatchObject({ ok: true, status: 503, headers: { server: "[secret]" } });
    expect(JSON.stringify(saw)).not.toMatch(new RegExp(`${login.password}|${login.user}|${token.slice(0, 8)}`));
  },
);

test.each(["http", "https"] as const)(
  "an %s proxy that passes a request on too slowly has begun to answer, or has not",
  async (scheme) => {
    for (const [begun, says] of [
      ["HTTP/1.1 20", "it began to answer and did not finish within 400 ms"],
      ["", "no HTTP response within 400 ms"],
    ] as const) {
      const handler = (socket: net.Socket) => socket.on("error", () => {}).once("data", () => socket.write(begun));
      const server =
        scheme === "https" ? tls.createServer(certificates.leaves.good, handler) : net.createServer(handler);
      const port = await servers.listen(server);
      const proxy: ProxyServer = { scheme, host: "second.test", port, shown: "" };
      const saw = await ask(net.createServer(), { scheme: "http", proxy, timeoutMs: 400 });
      expect(saw).toMatchObject({ ok: false, phase: "proxy", code: "proxy-upstream", message: says });
    }
  },
);

test("a secret that no header can carry is no fault of the proxy", async () => {
  const saw = await forwarded(http.createServer(), { headers: { "x-api-key": new Secret("k3y\nx: 1") } });
  expect(saw).toMatchObject({ ok: false, phase: "response", code: "http-invalid" });
  expect(JSON.stringify(saw)).not.toContain("k3y");
});

test("a proxy's credentials do not keep an answer from being remembered; the request's own do", () => {
  const proxy: ProxyServer = { scheme: "http", host: "p", port: 1, shown: "", credentials };
  const request = { url: "http://a.test/", address: "127.0.0.1", proxy };
  expect(holdsSecret(request)).toBe(false);
  expect(holdsSecret({ ...request, headers: { "x-api-key": new Secret("k3y") } })).toBe(true);
});

test.each(SCHEMES)("after an answer over an %s proxy every connection is closed", async (scheme) => {
  for (const [secure, target] of [
    [true, showing("good")],
    [true, showing("byStranger")],
    [false, heard().server],
  ] as const) {
    const { proxy, server } = await startProxy(scheme);
    const closed = new Promise((resolve) => server.once("connection", (socket) => socket.on("close", resolve)));
    await ask(target, { proxy, scheme: secure ? "https" : "http" });
    await closed;
  }
});

test.each(SCHEMES.flatMap((scheme) => [[scheme, "https"] as const, [scheme, "http"] as const]))(
  "a signal ends a request over an %s proxy to an %s host, and nothing is thrown or put on the proxy",
  async (scheme, secure) => {
    const stop = new AbortController();
    const { proxy, server: at } = await startProxy(scheme);
    const closed = new Promise((resolve) => at.once("connection", (socket) => socket.on("close", resolve)));
    const server = secure === "https" ? showing("good", {}, () => {}) : http.createServer();
    server.on("request", () => setTimeout(() => stop.abort(), 20));
    const saw = await ask(server, { proxy, timeoutMs: 20_000, signal: stop.signal });
    expect(saw).toMatchObject({ ok: false, phase: "response" });
    expect(saw.elapsedMs).toBeLessThan(10_000);
    await closed;
  },
);
