import { describe, expect, test } from "@jest/globals";
import { connect, describe as describeAnswer, layerFaults, walk } from "../../checks/layers.ts";
import type { Context } from "../../src/model/check.ts";
import type { FailureCode, HttpRequest } from "../../src/model/observation.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";
import { NOW } from "../support/run.ts";
import { crowdsecWith, packageInstall } from "../support/topology.ts";
import { answered, BLOCK_PAGE, CONNECTED, failedWith, HEALTHY, recording, resolved } from "../support/world.ts";

const contextOf = (world: World): Context => ({
  topology: packageInstall(),
  probe: fakeProber(world),
  now: NOW,
  version: async () => undefined,
  allowWrites: false,
});
const WAY = { url: "https://service.example/", origin: "default", public: true };

/** Every address of the name, with how connecting to it fails; `undefined`: it connects. */
const addressed = (codes: Readonly<Record<string, FailureCode | undefined>>): World => ({
  ...HEALTHY,
  dns: () => resolved(...Object.keys(codes)),
  tcp: ({ address }) => {
    const code = codes[address];
    return code === undefined ? CONNECTED : failedWith(code, { elapsedMs: 900 });
  },
});

describe("connect", () => {
  test.each<[FailureCode[], FailureCode]>([
    [["tcp-unreachable", "tcp-reset"], "tcp-reset"],
    [["tcp-refused", "tcp-reset", "tcp-unreachable"], "tcp-refused"],
    [["tcp-refused", "tcp-timeout"], "tcp-timeout"],
    [["tcp-timeout", "tcp-refused"], "tcp-timeout"],
  ])("of addresses that fail by %p, the one that tells most speaks: %s", async (codes, told) => {
    const world = addressed(Object.fromEntries(codes.map((code, index) => [`203.0.113.${index}`, code])));
    const { failed, over, evidence } = await connect(contextOf(world), WAY);
    expect([failed?.code, over, evidence.tcp?.length]).toEqual([told, undefined, codes.length]);
  });

  test("one address that connects is enough; of several, IPv6 comes first", async () => {
    const world = addressed({ "203.0.113.1": undefined, "203.0.113.2": "tcp-refused", "2001:db8::1": undefined });
    const { failed, over, brokenFamily } = await connect(contextOf(world), WAY);
    expect([failed, brokenFamily, over]).toEqual([undefined, undefined, "2001:db8::1"]);
  });

  test.each<[string, Record<string, FailureCode | undefined>, unknown]>([
    ["every address of it is silent", { "2001:db8::1": "tcp-timeout", "2001:db8::2": "tcp-timeout" }, 6],
    [
      "some are silent and the rest have no route",
      { "2001:db8::1": "tcp-unreachable", "2001:db8::2": "tcp-timeout" },
      6,
    ],
    ["none of it has a route", { "2001:db8::1": "tcp-unreachable" }, undefined],
    ["one of it connects", { "2001:db8::1": "tcp-timeout", "2001:db8::2": undefined }, undefined],
  ])("beside IPv4 that works, IPv6 is broken or not when %s", async (_name, codes, family) => {
    const { brokenFamily } = await connect(contextOf(addressed({ "203.0.113.1": undefined, ...codes })), WAY);
    expect(brokenFamily?.family).toBe(family);
  });

  test("an internal name may point at this host itself", async () => {
    const context = contextOf(addressed({ "127.0.0.1": undefined }));
    expect((await connect(context, { ...WAY, public: false })).failed).toBeUndefined();
    expect((await connect(context, WAY)).failed?.code).toBe("dns-sinkhole");
  });
});

describe("a unix socket", () => {
  const SOCKET = { url: "http://unix/", socket: "/run/crowdsec.sock", origin: "file:1", public: false };

  test("is connected to in place of a name, and the request goes over it", async () => {
    const { world, requests } = recording();
    const context = contextOf(world);
    const walked = await walk(context, { ...SOCKET, path: "v1/heartbeat", request: {} });
    expect(requests).toEqual([{ url: "http://unix/v1/heartbeat", address: "/run/crowdsec.sock" }]);
    expect(walked.evidence).toMatchObject({ target: { path: "/run/crowdsec.sock", origin: "file:1" } });
    expect(walked.evidence).not.toHaveProperty("dns");
  });

  test("that is not there ends the walk, told by its path", async () => {
    const world = { ...HEALTHY, sockets: () => failedWith("socket-missing") };
    const { failed, data, reply } = await walk(contextOf(world), { ...SOCKET, path: "", request: {} });
    expect([failed?.code, data["place"], reply]).toEqual(["socket-missing", "/run/crowdsec.sock", undefined]);
  });

  test("is looked at anew for a second look", async () => {
    const looks: unknown[] = [];
    const sockets: World["sockets"] = ({ look }) => {
      looks.push(look);
      return CONNECTED;
    };
    await connect(contextOf({ ...HEALTHY, sockets }), SOCKET);
    await connect(contextOf({ ...HEALTHY, sockets }), SOCKET, 2);
    expect(looks).toEqual([undefined, 2]);
  });
});

test.each([
  ["http://service.example/", "service.example:80"],
  ["https://service.example:8443/", "service.example:8443"],
  ["http://[2001:db8::1]:8080/", "[2001:db8::1]:8080"],
])("%s is told as %s", async (url, place) => {
  expect((await connect(contextOf(HEALTHY), { ...WAY, url })).data["place"]).toBe(place);
});

describe("walk", () => {
  test("dials an address that connected, keeps the name in the URL, and sends nothing after a failure", async () => {
    const requests: HttpRequest[] = [];
    const http: World["http"] = (request) => {
      requests.push(request);
      return answered();
    };
    const way = { ...WAY, path: "a/b?c=1", request: {} };
    await walk(contextOf({ ...addressed({ "203.0.113.1": "tcp-refused", "203.0.113.2": undefined }), http }), way);
    expect(requests).toEqual([{ url: "https://service.example/a/b?c=1", address: "203.0.113.2" }]);
    await walk(contextOf({ ...addressed({ "203.0.113.1": "tcp-refused" }), http }), way);
    expect(requests).toHaveLength(1);
  });

  test("tells how long the failed layer took, not the whole way", async () => {
    const layers = [
      { phase: "connect", ok: true, durationMs: 4000 },
      { phase: "handshake", ok: false, durationMs: 5000 },
    ] as const;
    const world = { ...HEALTHY, http: () => failedWith("tls-stalled", { elapsedMs: 9000, layers }) };
    expect((await walk(contextOf(world), { ...WAY, path: "", request: {} })).data["ms"]).toBe(5000);
  });
});

test.each([
  [BLOCK_PAGE, 'HTTP 200, Server: FilterBox, "Access denied"'],
  [answered({ status: 404, headers: { "content-type": "text/plain; charset=utf-8" } }), "HTTP 404, text/plain"],
  [answered({ body: '<TITLE lang="en"> Hello </TITLE>' }), 'HTTP 200, "Hello"'],
  [answered({ status: 500 }), "HTTP 500"],
])("an answer is described in a few words: %#", (reply, words) => {
  expect(describeAnswer(reply)).toBe(words);
});

test("layer faults get the common sentence and keep their own blame, remedy and severity", () => {
  const own = { blame: "network", remedy: [{ text: "do it" }] } as const;
  expect(layerFaults({ "tcp-refused": own }, "warning")).toEqual({
    "tcp-refused": { ...own, severity: "warning", says: "{place} refuses the connection ({addresses})" },
  });
  expect(layerFaults({ "tcp-refused": own })["tcp-refused"]).not.toHaveProperty("severity");
});

test("a login that fails is not sent again over the other family; a question is", async () => {
  const { world, requests } = recording({ ...HEALTHY, http: () => failedWith("tls-stalled") });
  const way = { ...WAY, path: "v1/watchers/login" };
  await walk(contextOf(world), { ...way, request: { method: "POST", body: "{}" } });
  expect(requests).toHaveLength(1);
  const { also } = await walk(contextOf(world), { ...way, request: {} });
  expect([requests.length, also]).toEqual([3, []]);
});

test("a build that leaves names to the C library gets an answer from there when the nameservers are dead", async () => {
  const world: World = { ...HEALTHY, dns: () => failedWith("dns-timeout"), libc: () => resolved("203.0.113.9") };
  const context = contextOf(world);
  const resolver = { ...context.topology.resolver, wantsLibc: "nsswitch.conf names resolve" };
  const asked = (build: "go" | "libc") =>
    walk(
      { ...context, topology: { ...context.topology, resolver } },
      { ...WAY, path: "", request: {}, component: crowdsecWith({}, { build: { resolver: build } }) },
    );
  expect((await asked("libc")).failed).toBeUndefined();
  expect((await asked("go")).failed?.code).toBe("dns-timeout");
});
