import http from "node:http";
import https from "node:https";
import net from "node:net";
import tls from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { Secret } from "../../src/model/secret.ts";
import { pingBody } from "../../src/ping/body.ts";
import type { PingResult } from "../../src/ping/pinger.ts";
import { createPinger, type PingerOptions, type PingTransport } from "../../src/ping/send.ts";
import { parseHosts, parseResolvConf } from "../../src/probes/go-resolver.ts";
import { loadGot } from "../../src/probes/http.ts";
import { createProber } from "../../src/probes/index.ts";
import { type LeafName, makeCertificates } from "../support/certificates.ts";
import { type Nameservers, startNameservers, type Zone } from "../support/dns-server.ts";
import { httpProxy, socksProxy } from "../support/proxies.ts";
import { closedPort, createServers } from "../support/servers.ts";

const RUN = "2f8f0a9e-3c9b-4a57-9d3c-0f6a3f0f7f11";
/** Who knows it can ping too; nothing that comes back may hold it. */
const SECRET = "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278";

const certificates = makeCertificates();
afterAll(certificates.remove);
// The first import takes a while; it must not count against a time limit.
beforeAll(async () => {
  await loadGot();
});

const servers = createServers();
/** Of every server of a test, as it saw them. */
const connections = new Set<net.Socket>();
let nameservers: Nameservers;
const ZONE: Zone = {
  "hc.test": { A: ["127.0.0.1"] },
  "lapi.test": { A: ["127.0.0.1"] },
  "gone.test": { rcode: "NXDOMAIN" },
};
beforeEach(async () => {
  nameservers = await startNameservers(ZONE);
});
afterEach(async () => {
  await servers.close();
  await nameservers.close();
  connections.clear();
});

/** The tool's own prober; names are those of the tests' nameserver. */
const probe =
  (hosts = ""): PingTransport =>
  (limits) => {
    const prober = createProber({
      ...limits,
      platform: process.platform,
      userAgent: "crowdsec-preflight/1.2.3",
      resolver: {
        config: { ...parseResolvConf("options timeout:1 attempts:1"), servers: ["127.0.0.1"] },
        hosts: parseHosts(hosts),
        port: nameservers.port,
      },
    });
    return {
      tcp: prober.tcp,
      http: prober.http,
      // The C library would ask this machine's own nameserver; of these two it knows that itself.
      dns: (question) =>
        prober.dns(question.by === "libc" && question.name !== "localhost" ? { ...question, name: "-" } : question),
    };
  };

const open = (port: number | string, host = "127.0.0.1", scheme = "http"): string =>
  `${scheme}://${host}:${port}/ping/${SECRET}`;

const pinger = (url: string, options: Partial<PingerOptions> = {}) =>
  createPinger(new Secret(url), {
    runId: RUN,
    probe: probe(),
    environment: {},
    limitMs: 5000,
    pauseMs: 20,
    ...options,
  });

/** The result of one ping; whatever it says, it must not hold the secret part. */
const ping = async (url: string, options?: Partial<PingerOptions>): Promise<PingResult> => {
  const result = await pinger(url, options).started();
  expect(JSON.stringify(result)).not.toMatch(new RegExp(`${SECRET}|${RUN}|/ping|/start|rid`));
  return result;
};

const problemOf = async (url: string, options?: Partial<PingerOptions>): Promise<string> => {
  const result = await ping(url, options);
  return result.ok ? "delivered" : result.problem;
};

interface Heard {
  readonly line: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

type Answer = (response: http.ServerResponse, request: http.IncomingMessage) => void;

const OK: Answer = (response) => response.end("OK");

const answering = (
  ...answers: readonly Answer[]
): { readonly handler: http.RequestListener; readonly heard: Heard[] } => {
  const heard: Heard[] = [];
  return {
    heard,
    handler: (request, response) => {
      connections.add(request.socket);
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        const answer = answers[heard.length] ?? answers.at(-1) ?? OK;
        heard.push({ line: `${request.method} ${request.url}`, headers: request.headers, body });
        answer(response, request);
      });
    },
  };
};

/** A server, its port, and what it heard. */
const serve = async (...answers: readonly Answer[]): Promise<{ readonly port: number; readonly heard: Heard[] }> => {
  const { handler, heard } = answering(...answers);
  return { port: await servers.listen(http.createServer(handler)), heard };
};

const serveTls = async (leaf: LeafName, ...answers: readonly Answer[]) => {
  const { handler, heard } = answering(...answers);
  return { port: await servers.listen(https.createServer(certificates.leaves[leaf], handler)), heard };
};

const status =
  (code: number, headers: http.OutgoingHttpHeaders = {}): Answer =>
  (response) =>
    response.writeHead(code, headers).end();

const START = `POST /ping/${SECRET}/start?rid=${RUN}`;

/** Every connection that a server saw is closed: a ping leaves none behind. */
const allClosed = async (): Promise<void> => {
  await Promise.all(
    [...connections].map((socket) => socket.destroyed || new Promise((resolve) => socket.once("close", resolve))),
  );
};

describe("the service learns of a run from its start to its end", () => {
  test("start and end come in this order, with the same run id, and the end with the exit code and the report", async () => {
    // The start has to be tried again; the end is asked for meanwhile, and waits.
    const { port, heard } = await serve(status(503), OK);
    const { started, ended } = pinger(open(port));
    const body = pingBody("NOT READY\nlapi-tls: größer\n", (text) => text);
    expect(await Promise.all([started(), ended(2, body)])).toEqual([{ ok: true }, { ok: true }]);
    expect(heard.map(({ line }) => line)).toEqual([START, START, `POST /ping/${SECRET}/2?rid=${RUN}`]);
    expect(heard.map((one) => one.body)).toEqual(["", "", "NOT READY\nlapi-tls: größer"]);
    expect(heard[2]?.headers).toMatchObject({
      host: `127.0.0.1:${port}`,
      "user-agent": "crowdsec-preflight/1.2.3",
      "content-type": "text/plain; charset=utf-8",
      "content-length": String(Buffer.byteLength("NOT READY\nlapi-tls: größer")),
    });
    await allClosed();
  });

  test("a second run with the same exit code is sent anew, not remembered", async () => {
    const { port, heard } = await serve();
    const { ended } = pinger(open(port));
    expect([await ended(0, "same"), await ended(0, "same")]).toEqual([{ ok: true }, { ok: true }]);
    expect(heard).toHaveLength(2);
  });

  test("the end is told also where the start could not be", async () => {
    const { port, heard } = await serve(status(404), OK);
    const { started, ended } = pinger(open(port));
    expect(await Promise.all([started(), ended(0, "")])).toEqual([{ ok: false, problem: "HTTP 404" }, { ok: true }]);
    expect(heard).toHaveLength(2);
  });

  test("a check that the first ping made (201) has taken it", async () => {
    const { port, heard } = await serve(status(201));
    expect(await ping(`${open(port)}?create=1`)).toEqual({ ok: true });
    expect(heard[0]?.line).toBe(`POST /ping/${SECRET}/start?create=1&rid=${RUN}`);
  });
});

describe("a moment of trouble costs no ping, and lasting trouble is told in a few words", () => {
  test.each([500, 502, 503])("HTTP %i is tried once more", async (code) => {
    const { port, heard } = await serve(status(code), OK);
    expect(await ping(open(port))).toEqual({ ok: true });
    expect(heard.map(({ line }) => line)).toEqual([START, START]);
    const lasting = await serve(status(code));
    expect(await problemOf(open(lasting.port))).toBe(`HTTP ${code}`);
    expect(lasting.heard).toHaveLength(2);
  });

  test.each([400, 403, 404, 409, 413, 429])("HTTP %i is an answer, and not tried again", async (code) => {
    const { port, heard } = await serve(status(code));
    expect(await problemOf(open(port))).toBe(`HTTP ${code}`);
    expect(heard).toHaveLength(1);
  });

  test.each([
    ["OK (not found)", "HTTP 200, but it knows no such check"],
    ["OK (rate limited)", "HTTP 200, but it takes no more pings in this minute"],
  ])("hc-ping.com's %j is no delivery", async (body, problem) => {
    const { port, heard } = await serve((response) => response.end(body));
    expect(await problemOf(open(port))).toBe(problem);
    expect(heard).toHaveLength(1);
  });

  test("a connection that is cut off is tried once more", async () => {
    const { port, heard } = await serve((_response, request) => request.socket.destroy(), OK);
    expect(await ping(open(port))).toEqual({ ok: true });
    expect(heard).toHaveLength(2);
    const lasting = await serve((_response, request) => request.socket.destroy());
    expect(await problemOf(open(lasting.port))).toBe("127.0.0.1 gives no HTTP answer");
  });

  test("silence ends with the time limit, twice, and nothing stays open", async () => {
    const { port, heard } = await serve(() => {});
    const begun = performance.now();
    expect(await problemOf(open(port), { limitMs: 200 })).toBe("no answer within 0.2 s");
    expect(performance.now() - begun).toBeLessThan(4000);
    expect(heard).toHaveLength(2);
    await allClosed();
  });

  test("the limit is one for all of a try: a server that is slow at every step does not multiply it", async () => {
    const raw = net.createServer((socket) => {
      connections.add(socket);
      socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\n"));
    });
    const port = await servers.listen(raw);
    expect(await problemOf(open(port), { limitMs: 200 })).toBe("no answer within 0.2 s");
    await allClosed();
  });

  test("a nameserver that never answers ends with the time limit too", async () => {
    await nameservers.close();
    nameservers = await startNameservers({ "hc.test": { silent: true } });
    expect(await problemOf(open(80, "hc.test"), { limitMs: 200 })).toBe("no answer within 0.2 s");
  });

  test("a name that nobody knows", async () => {
    expect(await problemOf(open(80, "gone.test"))).toBe("gone.test does not resolve");
  });

  test("a port where nothing listens", async () => {
    const port = await closedPort(servers, net.createServer());
    expect(await problemOf(open(port))).toBe("127.0.0.1 refuses the connection");
  });

  test("what answers is no HTTP server", async () => {
    const port = await servers.listen(
      net.createServer((socket) => socket.once("data", () => socket.end(`\u001b]0;${SECRET}\u0007 no HTTP\r\n\r\n`))),
    );
    expect(await problemOf(open(port))).toBe("127.0.0.1 gives no HTTP answer");
  });

  test("an error of the prober itself is a problem like any other, without its words", async () => {
    const broken = { dns: () => Promise.reject(new Error(open(1))) };
    const result = await ping(open(1), { probe: (limits) => ({ ...probe()(limits), ...broken }) });
    expect(result).toEqual({ ok: false, problem: "an error of this tool" });
  });
});

describe("a hostile service gets nothing out of it", () => {
  test("an endless body counts by its status, and the connection is closed", async () => {
    const endless: Answer = (response) => {
      const more = (): void => {
        while (response.write("x".repeat(1000)));
      };
      response.on("drain", more);
      more();
    };
    const { port } = await serve(endless);
    expect(await ping(open(port))).toEqual({ ok: true });
    await allClosed();
  });

  test("a body that trickles on counts by its status when the time is up", async () => {
    const { port, heard } = await serve((response) => void response.write("O"));
    expect(await ping(open(port), { limitMs: 300 })).toEqual({ ok: true });
    expect(heard).toHaveLength(1);
    await allClosed();
  });

  test("endless headers are no answer", async () => {
    const { port } = await serve((_response, request) => {
      request.socket.write(`HTTP/1.1 200 OK\r\n${`X-A: ${"x".repeat(1000)}\r\n`.repeat(100)}`);
    });
    expect(await problemOf(open(port))).toBe("127.0.0.1 gives no HTTP answer");
  });

  test("what it says is never repeated", async () => {
    const { port } = await serve((_response, request) => {
      request.socket.end(`HTTP/1.1 418 \u001b[31m${SECRET}\r\nX-A: ${SECRET}\r\n\r\n\u001b]0;${SECRET}\u0007`);
    });
    expect(await problemOf(open(port))).toBe("HTTP 418");
  });
});

describe("only the same URL over https is followed, once", () => {
  const environment = { SSL_CERT_FILE: certificates.caFile };

  test.each([301, 302, 307, 308])("from http (%i), with the body", async (code) => {
    const target = await serveTls("good");
    const location = `${open(target.port, "lapi.test", "https")}/0?rid=${RUN}`;
    const { port, heard } = await serve(status(code, { location }));
    const { ended } = pinger(open(port, "lapi.test"), { environment });
    expect(await ended(0, "report")).toEqual({ ok: true });
    expect([heard.length, target.heard[0]?.line, target.heard[0]?.body]).toEqual([
      1,
      `POST /ping/${SECRET}/0?rid=${RUN}`,
      "report",
    ]);
  });

  test("to another slash at the end", async () => {
    const target = await serveTls("good", (response, request) => {
      if (request.url?.includes("/start/?")) OK(response, request);
      else status(404)(response, request);
    });
    const { port } = await serve(
      status(301, { location: `${open(target.port, "lapi.test", "https")}/start/?rid=${RUN}` }),
    );
    expect(await ping(open(port, "lapi.test"), { environment })).toEqual({ ok: true });
  });

  test("a second one is not", async () => {
    const location = (port: number): string => `${open(port, "lapi.test", "https")}/start?rid=${RUN}`;
    const last = await serveTls("good");
    const second = await serveTls("good", status(301, { location: location(last.port) }));
    const { port } = await serve(status(301, { location: location(second.port) }));
    expect(await problemOf(open(port, "lapi.test"), { environment })).toBe("HTTP 301");
    expect([second.heard.length, last.heard.length]).toEqual([1, 0]);
  });

  test.each<[string, (port: number) => string | undefined]>([
    ["to another host", (port) => `https://127.0.0.1:${port}/ping/${SECRET}/start?rid=${RUN}`],
    ["to http", (port) => `http://lapi.test:${port}/ping/${SECRET}/start?rid=${RUN}`],
    ["to a page to log in, which would answer 200", (port) => `https://lapi.test:${port}/accounts/login/`],
    ["with another query", (port) => `https://lapi.test:${port}/ping/${SECRET}/start?rid=${RUN}&a=b`],
    ["with a user", (port) => `https://u:p@lapi.test:${port}/ping/${SECRET}/start?rid=${RUN}`],
    ["to no URL", () => "https://["],
    ["nowhere", () => undefined],
  ])("%s it is not", async (_what, to) => {
    const target = await serveTls("good");
    const location = to(target.port);
    const { port, heard } = await serve(status(302, location === undefined ? {} : { location }));
    expect(await problemOf(open(port, "lapi.test"), { environment })).toBe("HTTP 302");
    expect([heard.length, target.heard.length]).toEqual([1, 0]);
  });
});

describe("the URL goes to the service whose certificate this system trusts, and to nobody else", () => {
  const environment = { SSL_CERT_FILE: certificates.caFile };

  test("over TLS", async () => {
    const { port, heard } = await serveTls("good");
    expect(await ping(open(port, "lapi.test", "https"), { environment })).toEqual({ ok: true });
    expect(heard.map(({ line }) => line)).toEqual([START]);
  });

  test("an authority that this system does not know", async () => {
    const { port, heard } = await serveTls("good");
    expect(await problemOf(open(port, "lapi.test", "https"))).toBe(
      "the certificate of lapi.test is not trusted by this system",
    );
    expect(heard).toEqual([]);
  });

  test.each<[LeafName, string]>([
    ["expired", "the certificate of lapi.test has expired"],
    ["notYetValid", "the certificate of lapi.test is not valid yet"],
    ["otherName", "the certificate of lapi.test is for another name"],
    ["commonNameOnly", "the certificate of lapi.test is for another name"],
    ["byStranger", "the certificate of lapi.test is not trusted by this system"],
  ])("a certificate that will not do: %s", async (leaf, problem) => {
    const { port, heard } = await serveTls(leaf);
    expect(await problemOf(open(port, "lapi.test", "https"), { environment })).toBe(problem);
    // Not even the look at the peer's clock that follows a certificate's dates may name the path.
    expect(JSON.stringify(heard)).not.toContain(SECRET);
  });

  test("no TLS at all", async () => {
    const { port } = await serve();
    expect(await problemOf(open(port, "lapi.test", "https"), { environment })).toBe(
      "lapi.test does not speak TLS there",
    );
  });

  test("a client certificate is wanted", async () => {
    const { handler } = answering();
    const options: https.ServerOptions = {
      ...certificates.leaves.good,
      ca: certificates.ca,
      requestCert: true,
      rejectUnauthorized: true,
    };
    const port = await servers.listen(https.createServer(options, handler));
    expect(await problemOf(open(port, "lapi.test", "https"), { environment })).toBe(
      "lapi.test demands a client certificate",
    );
  });
});

describe("it goes where this host can go", () => {
  const environment = { SSL_CERT_FILE: certificates.caFile };

  test.each<[string, "http" | "https", "HTTP_PROXY" | "https_proxy"]>([
    ["http, passed on by the proxy", "http", "HTTP_PROXY"],
    ["https, by a tunnel", "https", "https_proxy"],
  ])("%s", async (_what, scheme, variable) => {
    const { port, heard } = await (scheme === "https" ? serveTls("good") : serve());
    const proxy = httpProxy();
    const proxyPort = await servers.listen(net.createServer(proxy.handler));
    // The proxy alone resolves it: our nameserver does not know the name.
    const host = scheme === "https" ? "lapi.test" : "gone.test";
    const result = await ping(open(port, host, scheme), {
      environment: { ...environment, [variable]: `http://127.0.0.1:${proxyPort}` },
    });
    expect(result).toEqual({ ok: true });
    expect([heard.length, proxy.asked.length]).toEqual([1, 1]);
    if (scheme === "https") {
      expect(proxy.asked[0]).toMatch(new RegExp(`^CONNECT lapi.test:${port} `));
      expect(proxy.asked[0]).not.toContain(SECRET);
    }
  });

  test("through a SOCKS5 proxy, which resolves the name, and an https one", async () => {
    const { port, heard } = await serveTls("good");
    const socks = socksProxy();
    const socksPort = await servers.listen(net.createServer(socks.handler));
    const over = httpProxy();
    const overPort = await servers.listen(tls.createServer(certificates.leaves.good, over.handler));
    for (const proxy of [`socks5://127.0.0.1:${socksPort}`, `https://lapi.test:${overPort}`]) {
      const result = await ping(open(port, "lapi.test", "https"), {
        environment: { ...environment, HTTPS_PROXY: proxy },
      });
      expect(result).toEqual({ ok: true });
    }
    expect([heard.length, socks.asked, over.asked.length]).toEqual([2, [`3 lapi.test ${port}`], 1]);
  });

  test("NO_PROXY keeps it from the proxy", async () => {
    const { port } = await serve();
    const proxy = httpProxy();
    const proxyPort = await servers.listen(net.createServer(proxy.handler));
    const variables = { http_proxy: `http://127.0.0.1:${proxyPort}`, NO_PROXY: ".test" };
    expect(await ping(open(port, "hc.test"), { environment: variables })).toEqual({ ok: true });
    expect(proxy.asked).toEqual([]);
  });

  test("what is wrong with the proxy is said of the proxy, without its password", async () => {
    const { port } = await serve();
    const proxy = httpProxy({ user: "u", password: "p4ssw0rd" });
    const proxyPort = await servers.listen(net.createServer(proxy.handler));
    const closed = await closedPort(servers, net.createServer());
    const through = (variable: string): Promise<string> =>
      problemOf(open(port, "hc.test"), { environment: { HTTP_PROXY: variable } });
    expect(await through(`http://u:p4ssw0rd@127.0.0.1:${proxyPort}`)).toBe("delivered");
    expect(await through(`http://u:wr0ng@127.0.0.1:${proxyPort}`)).toBe(
      `the proxy http://127.0.0.1:${proxyPort} wants a login`,
    );
    expect(proxy.asked).toHaveLength(2);
    expect(await through(`http://u:p4ssw0rd@127.0.0.1:${closed}`)).toBe(
      `the proxy http://127.0.0.1:${closed} cannot be reached`,
    );
    expect(await through(`http://gone.test:${proxyPort}`)).toBe(
      `the proxy http://gone.test:${proxyPort} cannot be reached`,
    );
    expect(await through("ftp://u:p4ssw0rd@a.test")).toBe("what HTTP_PROXY names is no proxy to be used");
  });

  test("a proxy that denies it, does not get there, or is none", async () => {
    const raw = (answer: string): Promise<number> =>
      servers.listen(net.createServer((socket) => socket.once("data", () => socket.end(answer))));
    const through = async (answer: string): Promise<readonly string[]> => {
      const port = await raw(answer);
      const problem = await problemOf(open(443, "hc.test", "https"), {
        environment: { HTTPS_PROXY: `http://127.0.0.1:${port}` },
      });
      return problem.split(`http://127.0.0.1:${port}`);
    };
    expect(await through("HTTP/1.1 403 Forbidden\r\n\r\n")).toEqual(["the proxy ", " denies it"]);
    expect(await through("HTTP/1.1 502 Bad Gateway\r\n\r\n")).toEqual(["the proxy ", " does not get there itself"]);
    expect(await through("SSH-2.0-OpenSSH_9.2\r\n\r\n")).toEqual(["what answers at ", " is no proxy"]);
  });

  test("of several addresses the one that connects is taken, over IPv6 too, and at most four are dialed", async () => {
    const { port, heard } = await serve();
    // The server listens on 127.0.0.1 alone.
    const dead = ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6"];
    const hosts = (addresses: readonly string[]): Partial<PingerOptions> => ({
      probe: probe(addresses.map((address) => `${address} many.test`).join("\n")),
    });
    expect(await ping(open(port, "many.test"), hosts(["127.0.0.2", "::1", "127.0.0.1"]))).toEqual({ ok: true });
    expect(await ping(open(port, "many.test"), hosts([...dead.slice(0, 3), "127.0.0.1"]))).toEqual({ ok: true });
    expect(heard).toHaveLength(2);
    expect(await problemOf(open(port, "many.test"), hosts([...dead, "127.0.0.1"]))).toBe(
      "many.test refuses the connection",
    );
    const six = answering();
    const sixPort = await servers.listen(http.createServer(six.handler), "::1");
    // One of each family in turn: the only good one is the first of its own.
    expect(await ping(open(sixPort, "many.test"), hosts([...dead, "::1"]))).toEqual({ ok: true });
    expect(await ping(open(sixPort, "[::1]"))).toEqual({ ok: true });
    expect(six.heard).toHaveLength(2);
  });

  test("an address that swallows packets costs no time where another one answers", async () => {
    const { port } = await serve();
    // Outside of this host nothing is dialed: the prober's own dial is held back for the address that stands for it.
    const stalling: PingTransport = (limits) => {
      const way = probe("127.0.0.2 many.test\n127.0.0.1 many.test")(limits);
      return { ...way, tcp: (at) => (at.address === "127.0.0.2" ? new Promise(() => {}) : way.tcp(at)) };
    };
    const begun = performance.now();
    expect(await ping(open(port, "many.test"), { probe: stalling })).toEqual({ ok: true });
    expect(performance.now() - begun).toBeLessThan(4000);
  });

  test("a name that only the C library knows is found", async () => {
    const { port, heard } = await serve();
    await nameservers.close();
    nameservers = await startNameservers({ localhost: { rcode: "NXDOMAIN" } });
    expect(await ping(open(port, "localhost"))).toEqual({ ok: true });
    expect(heard).toHaveLength(1);
  });
});
