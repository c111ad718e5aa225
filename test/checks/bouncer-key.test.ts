import { describe, expect, test } from "@jest/globals";
import check from "../../checks/bouncer-key.ts";
import lapiDatabase from "../../checks/lapi-database.ts";
import type { HttpAnswered, HttpObservation, HttpRequest } from "../../src/model/observation.ts";
import { Secret } from "../../src/model/secret.ts";
import type { ClientCredentials, LapiClient, Topology } from "../../src/model/topology.ts";
import type { Version } from "../../src/model/version.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import { agentTo, bouncerTo, from, routeBySocket, routeTo } from "../support/topology.ts";
import {
  ALLOWLISTS_BEFORE,
  ALLOWLISTS_SINCE_1_6_6,
  answered,
  failedWith,
  HEALTHY,
  lapiSays,
  recording,
} from "../support/world.ts";

const bouncerAt = (url: string, rest?: Partial<LapiClient>): Partial<Topology> => ({
  roles: [from("bouncer", "/etc/crowdsec/bouncers")],
  clients: [bouncerTo(routeTo(url), rest)],
});
const REMOTE = bouncerAt("http://lapi.example:8080/");
const HERE = bouncerAt("http://127.0.0.1:8080/");
const ACCEPTED = answered();
const FORBIDDEN = answered({ status: 403, body: '{"message":"access forbidden"}' });

/** A Local API that answers this to `/v1/allowlists`, and that to a question with a key. */
const lapi = (allowlists: HttpObservation, withKey: HttpObservation = ACCEPTED) =>
  recording({
    ...HEALTHY,
    http: (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/v1/allowlists") return allowlists;
      return pathname.startsWith("/v1/decisions") ? withKey : HEALTHY.http(request);
    },
  });
const REJECTING = lapi(ALLOWLISTS_SINCE_1_6_6, FORBIDDEN).world;

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "lapi-key-rejected": ["login", "fail", "credentials", { topology: REMOTE, world: REJECTING }],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

test("a key that is not known is told with the bouncer and the line where it stands, and never shown", async () => {
  const finding = await findingOf(check, FAULTS["lapi-key-rejected"][3]);
  expect(finding.instance).toBe("bouncer-key@crowdsec-firewall-bouncer");
  expect(finding.summary).toBe(
    "the Local API at lapi.example:8080 does not know the key of crowdsec-firewall-bouncer (/etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml:4)",
  );
  expect(finding.fault).toMatchObject({ httpStatus: 403, message: "access forbidden" });
  expect(JSON.stringify(finding)).not.toContain("canary");
});

/** What is sent, with whether a key goes with it. */
const sent = (requests: readonly HttpRequest[]) =>
  requests.map(({ method = "GET", url, headers }) => `${method} ${url}${headers?.["x-api-key"] ? " with key" : ""}`);

const ASKED_FIRST = "GET http://lapi.example:8080/v1/allowlists";
const STREAM = "HEAD http://lapi.example:8080/v1/decisions/stream with key";

describe("what is asked", () => {
  const run = async (given: Given, allowlists: HttpObservation, withKey?: HttpObservation) => {
    const { world, requests } = lapi(allowlists, withKey);
    const { findings, asked } = await runIn([check], { topology: REMOTE, world, ...given });
    const [finding] = findings;
    if (finding === undefined) throw new Error("no finding");
    return { finding, requests, asked };
  };

  test("of an engine since 1.6.6 is the stream, by HEAD, which writes nothing", async () => {
    const { finding, requests } = await run({}, ALLOWLISTS_SINCE_1_6_6);
    expect(finding).toMatchObject({ status: "pass", summary: "Local API accepts the bouncer's key: HTTP 200" });
    expect(sent(requests)).toEqual([ASKED_FIRST, STREAM]);
  });

  test("carries the bouncer's own key, and nothing else does", async () => {
    const { requests } = await run({}, ALLOWLISTS_SINCE_1_6_6);
    const [first, second] = requests;
    expect([first?.headers, first?.body, second?.body]).toEqual([undefined, undefined, undefined]);
    const key = second?.headers?.["x-api-key"];
    expect(key instanceof Secret && key.reveal()).toBe("canary-bouncer-key");
  });

  test("of an older engine is nothing with a key", async () => {
    const { finding, requests } = await run({}, ALLOWLISTS_BEFORE);
    expect(finding.status).toBe("skip");
    expect(finding.reason).toContain("--allow-writes asks all the same");
    expect(sent(requests)).toEqual([ASKED_FIRST]);
  });

  test.each<[string, HttpAnswered]>([
    ["a redirect", answered({ status: 302, headers: { location: "https://sso.example/" } })],
    ["a page", answered({ body: "<html>" })],
    ["an error", answered({ status: 500 })],
  ])("after %s in place of a refusal is nothing with a key either", async (_name, reply) => {
    const { finding, requests } = await run({}, reply);
    expect([finding.status, sent(requests)]).toEqual(["skip", [ASKED_FIRST]]);
  });

  test("with --allow-writes, of an older engine, is one address that no decision is about, never the stream", async () => {
    const { finding, requests } = await run({ allowWrites: true }, ALLOWLISTS_BEFORE);
    expect(sent(requests)).toEqual([ASKED_FIRST, "HEAD http://lapi.example:8080/v1/decisions?ip=192.0.2.1 with key"]);
    expect(finding.status).toBe("pass");
    expect(finding.summary).toContain("wrote its type, version and address anew");
  });

  test("with --allow-writes, of an engine since 1.6.6, is still what writes nothing", async () => {
    const { finding, requests } = await run({ allowWrites: true }, ALLOWLISTS_SINCE_1_6_6);
    expect([sent(requests), finding.summary.includes("wrote")]).toEqual([[ASKED_FIRST, STREAM], false]);
  });

  test.each<[Version | undefined, boolean]>([
    [[1, 6, 4], true],
    [[1, 6, 5], true],
    [[1, 6, 3], false],
    [undefined, false],
  ])("of a Local API on this host, whose version is %p, is the key: %p", async (version, asks) => {
    const { requests } = await run({ topology: HERE, ...(version && { version }) }, ALLOWLISTS_BEFORE);
    expect(sent(requests).includes("HEAD http://127.0.0.1:8080/v1/decisions/stream with key")).toBe(asks);
  });

  test("this host's own version says nothing of a Local API on another", async () => {
    const { requests } = await run({ version: [1, 7, 8] }, ALLOWLISTS_BEFORE);
    expect(sent(requests)).toEqual([ASKED_FIRST]);
  });

  test("goes over the bouncer's own socket", async () => {
    const topology = { ...REMOTE, clients: [bouncerTo(routeBySocket("/run/crowdsec.sock"))] };
    const { finding, requests } = await run({ topology }, ALLOWLISTS_SINCE_1_6_6);
    expect(finding.status).toBe("pass");
    expect(requests.map(({ address }) => address)).toEqual(["/run/crowdsec.sock", "/run/crowdsec.sock"]);
  });
});

test("every bouncer's key is asked for on its own, and no machine's", async () => {
  const route = routeTo("http://lapi.example:8080/");
  const topology = { ...REMOTE, clients: [agentTo(route), bouncerTo(route), bouncerTo(route, { name: "nginx" })] };
  const { findings } = await runIn([check], { topology });
  expect(findings.map(({ instance, status }) => [instance, status])).toEqual([
    ["bouncer-key@crowdsec-firewall-bouncer", "pass"],
    ["bouncer-key@nginx", "pass"],
  ]);
});

test("a Local API without its database refuses every key: that is not blamed on the key, which is not even sent", async () => {
  const { world, requests } = recording({
    ...HEALTHY,
    http: (request) => {
      if (request.url.endsWith("/v1/watchers/login")) return lapiSays("dial tcp 10.0.0.9:5432: connection refused");
      return request.url.includes("/v1/decisions") ? FORBIDDEN : HEALTHY.http(request);
    },
  });
  const { findings } = await runIn([lapiDatabase, check], { topology: REMOTE, world });
  expect(findings).toMatchObject([
    { instance: "lapi-database@crowdsec-firewall-bouncer", fault: { code: "lapi-database-down" } },
    {
      instance: "bouncer-key@crowdsec-firewall-bouncer",
      status: "skip",
      because: ["lapi-database@crowdsec-firewall-bouncer"],
    },
  ]);
  expect(sent(requests).filter((each) => each.includes("key"))).toEqual([]);
});

describe("what cannot be judged", () => {
  test.each<[string, HttpObservation, HttpObservation, string]>([
    [
      "no answer before the key",
      failedWith("http-timeout"),
      ACCEPTED,
      "http-timeout: the system's words for http-timeout",
    ],
    ["no answer to the key", ALLOWLISTS_SINCE_1_6_6, failedWith("http-timeout"), "the system's words for http-timeout"],
    [
      "another status",
      ALLOWLISTS_SINCE_1_6_6,
      answered({ status: 502, headers: { server: "nginx" } }),
      "an answer that tells nothing: HTTP 502, Server: nginx",
    ],
    [
      "a 401, which a Local API never gives a key",
      ALLOWLISTS_SINCE_1_6_6,
      answered({ status: 401 }),
      "an answer that tells nothing: HTTP 401",
    ],
  ])("%s is unknown", async (_name, allowlists, withKey, reason) => {
    const { world } = lapi(allowlists, withKey);
    expect(await findingOf(check, { topology: REMOTE, world })).toMatchObject({ status: "unknown", reason });
  });

  test.each<[string, LapiClient["credentials"], "skip" | "unknown", RegExp]>([
    ["a key that may not be read", { hidden: "run as root: x" }, "unknown", /^run as root: x$/],
    ["a certificate", { kind: "certificate", origin: "file:2" }, "skip", /certificate/],
  ])("%s is no reason to ask", async (_name, credentials, status, reason) => {
    const { findings, asked } = await runIn([check], { topology: bouncerAt("http://lapi.example/", { credentials }) });
    expect(findings).toMatchObject([{ status, reason: expect.stringMatching(reason) }]);
    expect(asked).toEqual([]);
  });

  test.each<ClientCredentials>([
    { kind: "incomplete", missing: ["api_key"], origin: "file" },
    { kind: "template", template: "<API_KEY>", origin: "file:4" },
  ])("a bouncer without a key ($kind), asked for alone, is not said to show a certificate", async (credentials) => {
    const { status, reason } = await findingOf(check, {
      topology: bouncerAt("http://lapi.example/", { credentials }),
    });
    expect(status).not.toBe("pass");
    expect(reason).not.toContain("certificate");
  });

  test.each<[string, LapiClient["way"], "skip" | "unknown", string]>([
    ["nowhere to ask", { absent: "it asks CrowdSec's cloud" }, "skip", "not applicable: it asks CrowdSec's cloud"],
    ["a file that may not be read", { hidden: "run as root: x" }, "unknown", "run as root: x"],
  ])("%s", async (_name, way, status, reason) => {
    const topology = { ...REMOTE, clients: [bouncerTo(way)] };
    expect(await findingOf(check, { topology })).toMatchObject({ status, reason });
  });
});

test("a bouncer with a key and a certificate is asked for by its key alone: with the certificate it would be registered", async () => {
  const certificate = { certFile: "/b.pem", keyFile: "/b.key" };
  const trust = { caFiles: [], only: false, skipVerify: false, certificate };
  const { world, requests } = recording();
  const clients = [bouncerTo(routeTo("https://lapi.example:8080/", { trust }))];
  await findingOf(check, { world, topology: { roles: [from("bouncer", "file")], clients } });
  expect(requests.length).toBeGreaterThan(0);
  expect(requests.filter((request) => request.trust?.certificate !== undefined)).toEqual([]);
});
