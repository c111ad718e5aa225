import { describe, expect, test } from "@jest/globals";
import check from "../../checks/credentials.ts";
import { Secret } from "../../src/model/secret.ts";
import type { Capi, ClientCredentials, LapiClient, Topology } from "../../src/model/topology.ts";
import { expectFault, type FaultCase, type Given, runIn } from "../support/run.ts";
import { agentTo, bouncerTo, from, itself, packageInstall, routeBySocket, routeTo } from "../support/topology.ts";

const ROUTE = routeTo("http://127.0.0.1:8080/");
const MACHINE_FILE = "/etc/crowdsec/local_api_credentials.yaml";
const BOUNCER_FILE = "/etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml";
const OFF: Capi = {
  state: "off",
  reason: "this host runs no Local API",
  url: from("https://api.crowdsec.net/", "default"),
  papiUrl: from("https://papi.api.crowdsec.net/", "default"),
};
/** One client, and nothing of the Central API. */
const of = (...clients: readonly LapiClient[]): Given => ({ topology: { clients, capi: OFF } });
const agent = (credentials: LapiClient["credentials"]) => agentTo(ROUTE, { credentials });
const bouncer = (credentials: LapiClient["credentials"]) => bouncerTo(ROUTE, { credentials });

const INCOMPLETE: ClientCredentials = { kind: "incomplete", missing: ["login", "password"], origin: MACHINE_FILE };
const UNREGISTERED = {
  ...OFF,
  state: "unregistered",
  incomplete: { path: "/etc/crowdsec/online_api_credentials.yaml", missing: ["login", "password"] },
} as const satisfies Capi;
const TRUST = { caFiles: ["/etc/crowdsec/ca.pem"], only: false, skipVerify: false };

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "credentials-incomplete": ["host", "fail", "credentials", of(agent(INCOMPLETE))],
  "credentials-placeholder": [
    "host",
    "fail",
    "credentials",
    of(bouncer({ kind: "template", template: "<API_KEY>", origin: `${BOUNCER_FILE}:4` })),
  ],
  "credentials-both": ["host", "fail", "configuration", of(agent({ kind: "both", origin: `${MACHINE_FILE}:4` }))],
  "socket-with-tls": [
    "host",
    "fail",
    "configuration",
    of(agentTo({ ...routeBySocket("/run/crowdsec.sock"), trust: TRUST })),
  ],
  "capi-unregistered": [
    "host",
    "warn",
    "credentials",
    { topology: { clients: { absent: "none" }, capi: UNREGISTERED } },
  ],
};

const one = async (given: Given | undefined) => {
  const { findings, asked } = await runIn([check], given);
  expect(asked).toEqual([]);
  expect(findings).toHaveLength(1);
  const [finding] = findings;
  if (finding === undefined) throw new Error("no finding");
  return finding;
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await one(row[3]), code, row);
});

test.each<[keyof typeof check.faults, string]>([
  ["credentials-incomplete", `${MACHINE_FILE} lacks login, password, so agent cannot log in to the Local API`],
  [
    "credentials-placeholder",
    `${BOUNCER_FILE}:4 still holds the installer's placeholder <API_KEY>: crowdsec-firewall-bouncer was never registered`,
  ],
  [
    "credentials-both",
    `${MACHINE_FILE}:4 names a client certificate and a login, which exclude each other: CrowdSec stops at it`,
  ],
  [
    "socket-with-tls",
    `${MACHINE_FILE} names a unix socket and TLS files, which exclude each other: CrowdSec stops at it`,
  ],
  [
    "capi-unregistered",
    "/etc/crowdsec/online_api_credentials.yaml lacks login, password: CrowdSec leaves the Central API alone without a word, so there is no community blocklist",
  ],
])("%s says what is missing and where", async (code, summary) => {
  expect((await one(FAULTS[code][3])).summary).toBe(summary);
});

test.each<[string, LapiClient, RegExp]>([
  ["a machine is registered as one", agent(INCOMPLETE), /^cscli machines add -a --force$/m],
  [
    "a bouncer is registered as one",
    bouncer({ kind: "incomplete", missing: ["api_key"], origin: BOUNCER_FILE }),
    /^cscli bouncers add NEW_NAME$/m,
  ],
])("%s", async (_name, client, command) => {
  const { remedy } = await one(of(client));
  expect(remedy.flatMap(({ commands }) => commands ?? []).join("\n")).toMatch(command);
  // A machine is registered on the Local API's host or on another: two ways.
  expect(remedy).toHaveLength(client.kind === "machine" ? 2 : 1);
});

describe("what is complete passes", () => {
  test.each<[string, LapiClient, string | undefined]>([
    ["a machine's password", agentTo(ROUTE), undefined],
    ["a bouncer's key", bouncerTo(ROUTE), undefined],
    ["a client certificate", agent({ kind: "certificate", origin: `${MACHINE_FILE}:2` }), "client certificate"],
    ["a password at a socket", agentTo(routeBySocket("/run/crowdsec.sock")), undefined],
    [
      "a bouncer's CA at a socket, which is its own business",
      bouncerTo({ ...ROUTE, socket: "/s", trust: TRUST }),
      undefined,
    ],
  ])("%s", async (_name, client, note) => {
    const { status, summary } = await one(of(client));
    expect([status, summary]).toEqual(["pass", note === undefined ? check.title : `${check.title}: ${note}`]);
  });
});

test("no secret is told, whatever is wrong with it", async () => {
  const credentials: ClientCredentials = {
    kind: "password",
    login: from("machine", "file:1"),
    password: new Secret("canary-password"),
  };
  const client = agentTo({ ...routeBySocket("/run/crowdsec.sock"), trust: TRUST }, { credentials });
  expect(JSON.stringify(await one(of(client)))).not.toContain("canary");
});

describe("each client and the Central API", () => {
  const findingsWith = async (topology: Partial<Topology>) =>
    (await runIn([check], { topology })).findings.map(({ instance, status }) => [instance, status]);

  test("have a finding of their own; the Local API itself needs none", async () => {
    const clients = [itself(), agentTo(ROUTE), agentTo(ROUTE, { name: "cscli" }), bouncer(INCOMPLETE)];
    expect(await findingsWith({ clients })).toEqual([
      ["credentials@agent", "pass"],
      ["credentials@cscli", "pass"],
      ["credentials@crowdsec-firewall-bouncer", "fail"],
      ["credentials@capi", "pass"],
    ]);
  });

  test("the Central API's are asked for where there is no client, and not where it is off", async () => {
    const clients = { absent: "no file names one" };
    expect(await findingsWith({ clients })).toEqual([["credentials@capi", "pass"]]);
    expect(await findingsWith({ clients, capi: OFF })).toEqual([["credentials", "skip"]]);
    expect(await findingsWith({ capi: OFF })).toEqual([["credentials@agent", "pass"]]);
  });
});

describe("what cannot be judged", () => {
  test.each<[string, Given, "skip" | "unknown", string]>([
    ["a file that may not be read", of(agent({ hidden: "run as root: x" })), "unknown", "run as root: x"],
    ["a client without credentials", of(agent({ absent: "it has none" })), "skip", "not applicable: it has none"],
    ["clients that may not be read", { topology: { clients: { hidden: "run as root" } } }, "unknown", "run as root"],
    [
      "the Central API's file that may not be read",
      { topology: { clients: { absent: "none" }, capi: { hidden: "run as root: y" } } },
      "unknown",
      "run as root: y",
    ],
  ])("%s", async (_name, given, status, reason) => {
    expect(await one(given)).toMatchObject({ status, reason });
  });
});

test("an ordinary package install passes for its agent and for the Central API", async () => {
  const { findings } = await runIn([check], { topology: packageInstall() });
  expect(findings.map(({ instance, status }) => [instance, status])).toEqual([
    ["credentials@agent", "pass"],
    ["credentials@capi", "pass"],
  ]);
});
