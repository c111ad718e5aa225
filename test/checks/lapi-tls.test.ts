import { describe, expect, test } from "@jest/globals";
import check from "../../checks/lapi-tls.ts";
import type { LayerCode } from "../../src/model/observation.ts";
import type { World } from "../support/fake-prober.ts";
import { expectFault, type FaultCase, findingOf, NOW } from "../support/run.ts";
import { agentAt } from "../support/topology.ts";
import { CERTIFICATE, failedWith, failingAt, HEALTHY, lapiSays } from "../support/world.ts";

const HTTPS = agentAt("https://lapi.example:8080/");
const DAY_MS = 86_400_000;
const expiringIn = (days: number): World => ({
  ...HEALTHY,
  http: () => ({
    ...lapiSays("cookie token is empty"),
    tls: { ...CERTIFICATE, validTo: new Date(NOW.getTime() + days * DAY_MS).toISOString() },
  }),
});

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

test("insecure_skip_verify is noted, since it covers the Central API too", async () => {
  const lapi = routeTo("https://lapi.example:8080/", { trust: { caFiles: [], only: false, skipVerify: true } });
  const { summary } = await findingOf(check, { topology: { lapi } });
  expect(summary).toContain("insecure_skip_verify is set");
});

test("the configured trust is what the handshake is judged by", async () => {
  const trust = { caFiles: ["/etc/crowdsec/ca.pem"], only: false, skipVerify: false };
  const asked: unknown[] = [];
  const world: World = {
    ...HEALTHY,
    http: (request) => {
      asked.push(request.trust);
      return HEALTHY.http(request);
    },
  };
  await findingOf(check, { world, topology: { lapi: routeTo("https://lapi.example:8080/", { trust }) } });
  expect(asked).toEqual([trust]);
});

describe("what this check cannot judge", () => {
  test("a plain URL is a skip", async () => {
    expect(await findingOf(check, {})).toMatchObject({
      status: "skip",
      reason: "not applicable: http://127.0.0.1:8080/ is plain HTTP (/etc/crowdsec/local_api_credentials.yaml:1)",
    });
  });

  test("a demanded client certificate that is configured is unknown, since it is not presented", async () => {
    const lapi = routeTo("https://lapi.example:8080/", { hasClientCertificate: true });
    const { status } = await findingOf(check, { world: failingAt("tls-client-cert"), topology: { lapi } });
    expect(status).toBe("unknown");
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

test("a server that shows no certificate at all leaves no sentence unfilled", async () => {
  const world = {
    ...HEALTHY,
    http: () => failedWith("tls-untrusted", { message: "the server showed no certificate" }),
  };
  expect((await findingOf(check, { world, topology: HTTPS })).fault?.code).toBe("tls-untrusted");
});
