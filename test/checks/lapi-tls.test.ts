import { describe, expect, test } from "@jest/globals";
import check from "../../checks/lapi-tls.ts";
import type { FileCode, LayerCode } from "../../src/model/observation.ts";
import type { World } from "../support/fake-prober.ts";
import { expectFault, type FaultCase, findingOf, NOW, runIn } from "../support/run.ts";
import { agentAt, agentTo, bouncerTo, itself, routeTo } from "../support/topology.ts";
import { CERTIFICATE, failedWith, failingAt, HEALTHY, lapiSays, recording } from "../support/world.ts";

const HTTPS = agentAt("https://lapi.example:8080/");
const DAY_MS = 86_400_000;
const expiringIn = (days: number): World => ({
  ...HEALTHY,
  http: () => ({
    ...lapiSays("cookie token is empty"),
    tls: { ...CERTIFICATE, validTo: new Date(NOW.getTime() + days * DAY_MS).toISOString() },
  }),
});

/** The client's own CA, certificate or key gave nothing, so that no word was said. */
const ownFile = (code: FileCode): World => ({ ...HEALTHY, http: () => failedWith(code) });

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "tls-reset": ["handshake", "fail", "network"],
  "tls-stalled": ["handshake", "fail", "network"],
  "tls-not-tls": ["handshake", "fail", "configuration"],
  "tls-untrusted": ["handshake", "fail", "configuration"],
  "tls-expired": ["handshake", "fail", "remote-service"],
  "tls-not-yet-valid": ["handshake", "fail", "remote-service"],
  "tls-wrong-host": ["handshake", "fail", "configuration"],
  "tls-no-san": ["handshake", "fail", "remote-service"],
  "tls-version": ["handshake", "fail", "remote-service"],
  "tls-client-cert": ["handshake", "fail", "configuration"],
  "tls-alert": ["handshake", "fail", "remote-service"],
  "tls-files-unusable": ["host", "fail", "configuration", { topology: HTTPS, world: ownFile("file-missing") }],
  "tls-expires-soon": ["handshake", "warn", "remote-service", { topology: HTTPS, world: expiringIn(5) }],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3] ?? { world: failingAt(code as LayerCode), topology: HTTPS }), code, row);
});

test.each([
  [13.9, "warn"],
  [14, "pass"],
  [200, "pass"],
])("a certificate with %d days left is a %s", async (days, status) => {
  expect((await findingOf(check, { topology: HTTPS, world: expiringIn(days) })).status).toBe(status);
});

test("a pass says the protocol and the days left", async () => {
  const { summary } = await findingOf(check, { topology: HTTPS, world: expiringIn(200) });
  expect(summary).toBe("Local API's certificate is one that CrowdSec trusts: TLSv1.3, 200 days left");
});

describe("insecure_skip_verify", () => {
  const UNVERIFIED = routeTo("https://lapi.example:8080/", { trust: { caFiles: [], only: false, skipVerify: true } });

  test("of the agent is noted, since it covers the Central API too", async () => {
    const { summary } = await findingOf(check, { topology: { clients: [agentTo(UNVERIFIED)] } });
    expect(summary).toContain("insecure_skip_verify is set, so nothing is verified, not even the Central API");
  });

  test("of a bouncer, which never talks to the Central API, is noted without it", async () => {
    const { summary } = await findingOf(check, { topology: { clients: [bouncerTo(UNVERIFIED)] } });
    expect(summary).toContain("insecure_skip_verify is set, so nothing is verified");
    expect(summary).not.toContain("Central API");
  });

  test("lets a certificate pass whose end is over: that is not told as minus days", async () => {
    const { summary } = await findingOf(check, {
      topology: { clients: [agentTo(UNVERIFIED)] },
      world: expiringIn(-31),
    });
    expect(summary).not.toMatch(/-\d+ days/);
  });
});

test("the configured trust, its client certificate included, is what the handshake is judged by", async () => {
  const certificate = { certFile: "/etc/crowdsec/agent.pem", keyFile: "/etc/crowdsec/agent.key" };
  const trust = { caFiles: ["/etc/crowdsec/ca.pem"], only: false, skipVerify: false, certificate };
  const { world, requests } = recording();
  await findingOf(check, { world, topology: agentAt("https://lapi.example:8080/", { trust }) });
  expect(requests.map((request) => request.trust)).toEqual([trust]);
});

describe("what this check cannot judge", () => {
  test("a plain URL is a skip", async () => {
    expect(await findingOf(check, {})).toMatchObject({
      status: "skip",
      reason: "not applicable: http://127.0.0.1:8080/ is plain HTTP (/etc/crowdsec/local_api_credentials.yaml:1)",
    });
  });

  test("a certificate file that this user may not read is unknown and asks for root", async () => {
    expect(await findingOf(check, { topology: HTTPS, world: ownFile("file-denied") })).toMatchObject({
      status: "unknown",
      reason: "run as root: the system's words for file-denied",
    });
  });

  test("the Local API itself verifies nothing", async () => {
    expect(await findingOf(check, { topology: { clients: [itself()] } })).toMatchObject({
      status: "skip",
      reason: "not applicable: no machine or bouncer of a Local API on this host",
    });
  });

  test("a connection that never came to a handshake is unknown, in the system's words", async () => {
    expect(await findingOf(check, { world: failingAt("tcp-refused"), topology: HTTPS })).toMatchObject({
      status: "unknown",
      reason: "the system's words for tcp-refused",
    });
  });

  test("silence after a good handshake is no fault of the certificate", async () => {
    const world = { ...HEALTHY, http: () => failedWith("http-timeout", { tls: CERTIFICATE }) };
    expect((await findingOf(check, { world, topology: HTTPS })).status).toBe("pass");
  });
});

test("each client's own trust decides: a bouncer without the CA is told, the agent beside it passes", async () => {
  const url = "https://lapi.example:8080/";
  const [agent] = agentAt(url, { trust: { caFiles: ["/ca.pem"], only: false, skipVerify: false } }).clients;
  const bouncer = bouncerTo(routeTo(url));
  const http: World["http"] = (request) =>
    request.trust?.caFiles.includes("/ca.pem")
      ? HEALTHY.http(request)
      : failedWith("tls-untrusted", { tls: CERTIFICATE });
  const clients = agent ? [agent, bouncer] : [];
  const { findings } = await runIn([check], { world: { ...HEALTHY, http }, topology: { clients } });
  expect(findings.map(({ instance, status }) => [instance, status])).toEqual([
    ["lapi-tls@agent", "pass"],
    ["lapi-tls@crowdsec-firewall-bouncer", "fail"],
  ]);
  expect(findings[1]?.remedy[0]?.text).toBe(`Name the CA that signed it as ca_cert_path in ${bouncer.path}.`);
});

test("a server that shows no certificate at all leaves no sentence unfilled", async () => {
  const world = {
    ...HEALTHY,
    http: () => failedWith("tls-untrusted", { message: "the server showed no certificate" }),
  };
  expect((await findingOf(check, { world, topology: HTTPS })).fault?.code).toBe("tls-untrusted");
});
