import net from "node:net";
import tls from "node:tls";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import type { Layer } from "../../src/model/observation.ts";
import { handshakeLayer, type Opening, open } from "../../src/probes/open.ts";
import { makeCertificates } from "../support/certificates.ts";
import { httpProxy } from "../support/proxies.ts";
import { closedPort, createServers } from "../support/servers.ts";

const certificates = makeCertificates();
afterAll(certificates.remove);

const servers = createServers();
afterEach(servers.close);

const limits = { timeoutMs: 2000, signal: new AbortController().signal };
const context = tls.createSecureContext({ ca: [certificates.ca] });

const opened = async (opening: Opening) => {
  const layers: Layer[] = [];
  const saw = await open(opening, context, limits, layers);
  if (saw.ok) saw.socket.destroy();
  return { saw, layers };
};

test("a connection knows its own end, as the other end sees it", async () => {
  let seen: number | undefined;
  const server = net.createServer((socket) => {
    seen = socket.remotePort;
  });
  const port = await servers.listen(server);
  const arrived = new Promise((resolve) => server.once("connection", resolve));
  const { saw, layers } = await opened({ url: `http://lapi.test:${port}/`, address: "127.0.0.1" });
  await arrived;
  expect(saw).toMatchObject({ ok: true, own: { address: "127.0.0.1", port: seen }, forwarder: undefined });
  expect(layers).toMatchObject([{ phase: "connect", ok: true, detail: "127.0.0.1" }]);
});

test("TLS is no layer until somebody has judged the certificate, which a stranger signed here", async () => {
  const port = await servers.listen(tls.createServer(certificates.leaves.byStranger));
  const { saw, layers } = await opened({ url: `https://lapi.test:${port}/`, address: "127.0.0.1" });
  expect(layers.map(({ phase }) => phase)).toEqual(["connect"]);
  if (!saw.ok || !saw.tls) throw new Error("no TLS");
  expect(saw.tls.refused?.code).toBe("tls-untrusted");
  expect(saw.tls.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  expect(handshakeLayer(saw.tls)).toMatchObject({
    phase: "handshake",
    ok: true,
    detail: "TLSv1.3, O=Preflight tests, CN=stranger",
  });
});

test("a proxy that is to pass the request on is named; one that makes a tunnel is a layer", async () => {
  const target = await servers.listen(tls.createServer(certificates.leaves.good));
  const port = await servers.listen(net.createServer(httpProxy().handler));
  const proxy = { scheme: "http", host: "127.0.0.1", port, shown: "http://proxy" } as const;
  const plain = await opened({ url: `http://lapi.test:${target}/`, address: "127.0.0.1", proxy });
  expect(plain.saw).toMatchObject({ ok: true, forwarder: proxy });
  const secure = await opened({ url: `https://lapi.test:${target}/`, address: "127.0.0.1", proxy });
  expect(secure.saw).toMatchObject({ ok: true, forwarder: undefined });
  expect(secure.layers.map(({ phase, detail }) => [phase, detail])).toEqual([
    ["connect", "127.0.0.1, proxy"],
    ["proxy", "CONNECT HTTP 200"],
  ]);
});

test("whoever is not there is the target, or else the proxy", async () => {
  const port = await closedPort(servers, net.createServer());
  const at = { url: `http://lapi.test:${port}/`, address: "127.0.0.1" };
  expect((await opened(at)).saw).toMatchObject({ phase: "connect", code: "tcp-refused" });
  const proxy = { scheme: "http", host: "127.0.0.1", port, shown: "http://proxy" } as const;
  expect((await opened({ ...at, proxy })).saw).toMatchObject({ phase: "proxy", code: "proxy-unreachable" });
});
