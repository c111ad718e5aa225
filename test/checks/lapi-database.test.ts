import { describe, expect, test } from "@jest/globals";
import check from "../../checks/lapi-database.ts";
import type { HttpAnswered, LayerCode } from "../../src/model/observation.ts";
import type { World } from "../support/fake-prober.ts";
import { proxyFaults } from "../support/proxied.ts";
import { expectFault, type FaultCase, findingOf } from "../support/run.ts";
import { agentAt } from "../support/topology.ts";
import { answered, BLOCK_PAGE, failingAt, HEALTHY, lapiSays, REALM, recording } from "../support/world.ts";

const REMOTE = agentAt("http://lapi.example:8080/");
const answering = (reply: HttpAnswered): World => ({ ...HEALTHY, http: () => reply });
/** PostgreSQL stopped under a running 1.4.6. */
const DRIVER_ERROR =
  "failed to connect to `host=10.0.0.9 user=crowdsec database=crowdsec`: dial error (dial tcp 10.0.0.9:5432: connect: connection refused)";

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  ...proxyFaults("configuration", REMOTE.clients),
  "dns-nxdomain": ["resolve", "fail", "configuration"],
  "dns-nodata": ["resolve", "fail", "resolver"],
  "dns-servfail": ["resolve", "fail", "resolver"],
  "dns-refused": ["resolve", "fail", "resolver"],
  "dns-timeout": ["resolve", "fail", "resolver"],
  "dns-no-resolver": ["resolve", "fail", "this-host"],
  "dns-unreachable": ["resolve", "fail", "this-host"],
  "tcp-refused": ["connect", "fail", "remote-service"],
  "tcp-timeout": ["connect", "fail", "network"],
  "tcp-unreachable": ["connect", "fail", "network"],
  "tcp-reset": ["connect", "fail", "network"],
  "http-timeout": ["response", "fail", "remote-service"],
  "http-invalid": ["response", "fail", "remote-service"],
  "lapi-database-down": ["login", "fail", "remote-service", { world: answering(lapiSays(DRIVER_ERROR)) }],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3] ?? { world: failingAt(code as LayerCode), topology: REMOTE }), code, row);
});

test("the driver's own words reach the reader", async () => {
  const { summary, fault } = await findingOf(check, FAULTS["lapi-database-down"][3]);
  expect(summary).toBe(`the Local API at 127.0.0.1:8080 runs but cannot use its database: ${DRIVER_ERROR}`);
  expect(fault).toMatchObject({ message: DRIVER_ERROR, httpStatus: 401 });
});

test.each<[string, string, HttpAnswered]>([
  ["a machine that its database does not know", "pass", lapiSays("ent: machine not found")],
  [
    "the words for a wrong password, which may come before the database",
    "unknown",
    lapiSays("incorrect Username or Password"),
  ],
  ["a machine that is not validated", "unknown", lapiSays("machine x not validated")],
  [
    "a refusal in favour of TLS",
    "unknown",
    lapiSays("machine x attempted to auth with password but it is configured to use tls"),
  ],
  ["a login that the server could not read", "unknown", lapiSays("missing: EOF")],
  ["a login that lost its body on the way", "unknown", lapiSays("cookie token is empty")],
  ["an answer that is not JSON", "unknown", answered({ status: 401, headers: REALM, body: "no" })],
  ["JSON without a message", "unknown", answered({ status: 401, headers: REALM, body: "{}" })],
  ["JSON that is no object", "unknown", answered({ status: 401, headers: REALM, body: "null" })],
  ["another status", "unknown", answered({ status: 429, body: '{"message":"slow down"}' })],
  ["a page", "unknown", BLOCK_PAGE],
])("%s is a %s", async (_name, status, reply) => {
  expect((await findingOf(check, { world: answering(reply) })).status).toBe(status);
});

test("the login names a machine that cannot exist, and nothing that is configured here", async () => {
  const { world, requests } = recording();
  await findingOf(check, { world });
  expect(requests.map(({ method, url, body }) => ({ method, url, body: JSON.parse(String(body)) }))).toEqual([
    {
      method: "POST",
      url: "http://127.0.0.1:8080/v1/watchers/login",
      body: { machine_id: "crowdsec-preflight-no-such-machine", password: "none", scenarios: [] },
    },
  ]);
});

describe("a client with a certificate, which a Local API registers when it asks for a login", () => {
  const certificate = { certFile: "/etc/crowdsec/agent.pem", keyFile: "/etc/crowdsec/agent.key" };
  const topology = agentAt("https://lapi.example:8080/", {
    trust: { caFiles: [], only: false, skipVerify: false, certificate },
  });

  test("is asked for without it", async () => {
    const { world, requests } = recording();
    expect((await findingOf(check, { world, topology })).status).toBe("pass");
    expect(requests.map(({ trust }) => trust)).toEqual([{ caFiles: [], only: false, skipVerify: false }]);
  });

  test("is not asked for where nobody may come without one", async () => {
    const { status, reason } = await findingOf(check, { world: failingAt("tls-client-cert"), topology });
    expect([status, reason]).toEqual(["skip", expect.stringMatching(/^not asked: .* registered$/)]);
  });
});
