import { describe, expect, test } from "@jest/globals";
import check from "../../checks/lapi-identity.ts";
import type { HttpAnswered, LayerCode } from "../../src/model/observation.ts";
import type { World } from "../support/fake-prober.ts";
import { proxyFaults } from "../support/proxied.ts";
import { expectFault, type FaultCase, findingOf, runIn } from "../support/run.ts";
import { agentAt } from "../support/topology.ts";
import { answered, BLOCK_PAGE, failingAt, HEALTHY, lapiSays, REALM, redirect } from "../support/world.ts";

const REMOTE = agentAt("http://lapi.example:8080/");
const answering = (reply: HttpAnswered): World => ({ ...HEALTHY, http: () => reply });
/** net/http of Go, when plain HTTP comes to its TLS port. */
const WANTS_TLS = answered({ status: 400, body: "Client sent an HTTP request to an HTTPS server.\n" });

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
  "http-redirect": ["response", "fail", "configuration"],
  "http-invalid": ["response", "fail", "remote-service"],
  "identity-mismatch": ["response", "fail", "configuration"],
  "lapi-wants-tls": ["response", "fail", "configuration", { topology: REMOTE, world: answering(WANTS_TLS) }],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  const given = row[3] ?? { world: failingAt(code as LayerCode), topology: REMOTE };
  expectFault(await findingOf(check, given), code, row);
});

describe("what answers", () => {
  test.each<[string, HttpAnswered, string]>([
    ["a 401 with the realm of the Local API is the Local API", lapiSays("cookie token is empty"), "pass"],
    ["a 401 of another realm is not", answered({ status: 401, headers: { "www-authenticate": "Basic" } }), "fail"],
    ["a 401 without a realm is not", answered({ status: 401 }), "fail"],
    ["the realm with another status is not", answered({ status: 200, headers: REALM }), "fail"],
    ["a page is not", BLOCK_PAGE, "fail"],
  ])("%s", async (_name, reply, status) => {
    expect((await findingOf(check, { world: answering(reply) })).status).toBe(status);
  });

  test("is described, so that a person recognises it", async () => {
    const { summary, fault } = await findingOf(check, { world: answering(BLOCK_PAGE), topology: REMOTE });
    expect(summary).toBe('something else answers on lapi.example:8080: HTTP 200, Server: FilterBox, "Access denied"');
    expect(fault).toMatchObject({ httpStatus: 200, message: 'HTTP 200, Server: FilterBox, "Access denied"' });
  });
});

test.each([
  ["on this host, by finding out who holds the port", {}, /^ss -ltnp/],
  ["on another host, by looking at what answers there", REMOTE, /^curl .*lapi\.example/],
])("another service in its place is mended %s", async (_name, topology, command) => {
  const { remedy } = await findingOf(check, { world: answering(BLOCK_PAGE), topology });
  expect(remedy.map(({ commands }) => commands?.join())).toEqual([expect.stringMatching(command)]);
});

test("a redirect is told with where it leads and is not followed", async () => {
  const { findings, asked } = await runIn([check], {
    world: answering(redirect("https://sso.example/login")),
    topology: REMOTE,
  });
  expect(findings[0]?.summary).toBe("lapi.example:8080 redirects to https://sso.example/login");
  expect(asked.filter((question) => question.startsWith("http"))).toEqual([
    "http GET http://lapi.example:8080/v1/heartbeat",
  ]);
});

test("plain HTTP to a Local API with TLS names the line that says http", async () => {
  const { summary } = await findingOf(check, FAULTS["lapi-wants-tls"][3]);
  expect(summary).toBe(
    "lapi.example:8080 speaks TLS only, and the URL http://lapi.example:8080/ (/etc/crowdsec/local_api_credentials.yaml:1) says http",
  );
});

test("the path of a Local API behind a prefix is kept", async () => {
  const { asked } = await runIn([check], { topology: agentAt("http://web.example/crowdsec/") });
  expect(asked).toContain("http GET http://web.example/crowdsec/v1/heartbeat");
});

test("a fault of TLS is left to lapi-tls: here it is unknown with the reason", async () => {
  const given = { world: failingAt("tls-untrusted"), topology: agentAt("https://lapi.example:8080/") };
  expect(await findingOf(check, given)).toMatchObject({
    status: "unknown",
    reason: "tls-untrusted: the system's words for tls-untrusted",
  });
});
