import { describe, expect, test } from "@jest/globals";
import lapiDatabase from "../../checks/lapi-database.ts";
import check from "../../checks/machine-login.ts";
import type { HttpAnswered, HttpObservation } from "../../src/model/observation.ts";
import { Secret } from "../../src/model/secret.ts";
import type { ClientCredentials, LapiClient, Topology } from "../../src/model/topology.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import { agentAt, agentTo, bouncerTo, itself, routeTo } from "../support/topology.ts";
import { answered, BLOCK_PAGE, failedWith, HEALTHY, LOGGED_IN, lapiSays, recording } from "../support/world.ts";

const REMOTE = agentAt("http://lapi.example:8080/");
const UNKNOWN = lapiSays("ent: machine not found");
const UNVALIDATED = lapiSays("machine machine not validated");
const WRONG_PASSWORD = lapiSays("incorrect Username or Password");
const WANTS_CERTIFICATE = lapiSays("machine machine attempted to auth with password but it is configured to use tls");

const saying = (reply: HttpObservation): Given => ({
  allowWrites: true,
  topology: REMOTE,
  world: { ...HEALTHY, http: () => reply },
});

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "lapi-login-rejected": ["login", "fail", "credentials", saying(WRONG_PASSWORD)],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

test("a refusal is told with the machine, its file and the Local API's own words", async () => {
  const { summary, fault } = await findingOf(check, saying(WRONG_PASSWORD));
  expect(summary).toBe(
    "the Local API at lapi.example:8080 refuses machine machine (/etc/crowdsec/local_api_credentials.yaml:2): incorrect Username or Password",
  );
  expect(fault).toMatchObject({ httpStatus: 401, message: "incorrect Username or Password" });
});

describe("each reason is mended in its own way", () => {
  test.each<[string, HttpAnswered, RegExp, readonly string[]]>([
    [
      "a machine that the Local API does not know",
      UNKNOWN,
      /does not know this machine.*http:\/\/lapi\.example:8080\/ is another/,
      ["cscli machines list", "cscli machines add machine --auto --force", "systemctl restart crowdsec"],
    ],
    ["a machine that waits", UNVALIDATED, /waits for its acceptance/, ["cscli machines validate machine"]],
    [
      "a wrong password",
      WRONG_PASSWORD,
      /^The password in \/etc\/crowdsec\/local_api_credentials\.yaml:2 /,
      ["cscli machines add machine --auto --force", "systemctl restart crowdsec"],
    ],
    [
      "a machine with a certificate",
      WANTS_CERTIFICATE,
      /cert_path and key_path in \/etc\/crowdsec\/local_api_credentials\.yaml/,
      ["cscli machines list"],
    ],
    ["another reason", lapiSays("something new"), /log says/, ["cscli machines list"]],
  ])("%s", async (_name, reply, text, commands) => {
    const { remedy } = await findingOf(check, saying(reply));
    expect(remedy[0]).toMatchObject({ text: expect.stringMatching(text), commands });
  });

  test.each([
    ["not known", UNKNOWN],
    ["of another password", WRONG_PASSWORD],
  ])(
    "a machine that is %s to a Local API elsewhere gets its own file, and the Local API's host keeps its own",
    async (_name, reply) => {
      const { remedy } = await findingOf(check, saying(reply));
      expect(remedy.slice(1)).toEqual([
        {
          text: "Where the Local API runs on another host, have this done there, write what it prints into /etc/crowdsec/local_api_credentials.yaml here, and restart crowdsec.",
          commands: ["cscli machines add machine --auto --force -f -"],
        },
      ]);
    },
  );
});

describe("without --allow-writes", () => {
  test("nothing is sent: the reason says what a login would change", async () => {
    const { world, requests } = recording();
    const { findings, asked } = await runIn([check], { topology: REMOTE, world });
    expect(findings).toMatchObject([
      { status: "skip", reason: expect.stringMatching(/^not asked: a login overwrites .*--allow-writes/) },
    ]);
    expect([requests, asked]).toEqual([[], []]);
  });
});

describe("with --allow-writes", () => {
  test("one login is made, with the machine's own name and password and no scenario", async () => {
    const { world, requests } = recording();
    const { status, summary } = await findingOf(check, { topology: REMOTE, world, allowWrites: true });
    expect([status, summary]).toEqual([
      "pass",
      "Local API accepts the machine's login: machine machine; its address and version were written anew",
    ]);
    expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      "POST http://lapi.example:8080/v1/watchers/login",
    ]);
    const body = requests[0]?.body;
    expect(body).toBeInstanceOf(Secret);
    expect(JSON.parse(body instanceof Secret ? body.reveal() : "")).toEqual({
      machine_id: "machine",
      password: "canary-machine-password",
      scenarios: [],
    });
  });

  test.each<[string, HttpAnswered]>([
    ["a login that went well", LOGGED_IN],
    ["a token with another status", { ...LOGGED_IN, status: 202 }],
    ["a refusal that holds one", { ...LOGGED_IN, status: 401 }],
  ])("the token of %s is in no finding", async (_name, reply) => {
    expect(JSON.stringify(await findingOf(check, saying(reply)))).not.toContain("canary");
  });
});

describe("of several clients", () => {
  const route = routeTo("http://127.0.0.1:8080/");
  const loginsOf = async (clients: Topology["clients"]) => {
    const { world, requests } = recording();
    const { findings } = await runIn([check], { topology: { clients }, world, allowWrites: true });
    return { instances: findings.map(({ instance }) => instance), logins: requests.length };
  };

  test("agent and cscli with one file log in once", async () => {
    const clients = [itself(), agentTo(route), agentTo(route, { name: "cscli" }), bouncerTo(route)];
    expect(await loginsOf(clients)).toEqual({ instances: ["machine-login@agent"], logins: 1 });
  });

  test("those with a file each log in each", async () => {
    const clients = [agentTo(route), agentTo(route, { name: "cscli", path: "/root/other.yaml" })];
    expect(await loginsOf(clients)).toEqual({ instances: ["machine-login@agent", "machine-login@cscli"], logins: 2 });
  });
});

test("a Local API without its database refuses every login: that is not blamed on the password, which is not even sent", async () => {
  const { world, requests } = recording({ ...HEALTHY, http: () => lapiSays("sql: database is closed") });
  const { findings } = await runIn([lapiDatabase, check], { topology: REMOTE, world, allowWrites: true });
  expect(findings[1]).toMatchObject({ status: "skip", because: ["lapi-database@agent"] });
  expect(requests.filter(({ body }) => body instanceof Secret)).toEqual([]);
});

describe("what cannot be judged", () => {
  test.each<[string, HttpObservation, RegExp]>([
    ["no answer", failedWith("http-timeout"), /^the system's words for http-timeout$/],
    ["a page, whatever its status", BLOCK_PAGE, /"Access denied"/],
    ["a 401 without a reason", answered({ status: 401, body: "no" }), /^an answer that tells nothing: HTTP 401$/],
    ["a reason with another status", { ...WRONG_PASSWORD, status: 500 }, /^an answer that tells nothing: HTTP 500$/],
  ])("%s", async (_name, reply, reason) => {
    const { status, summary } = await findingOf(check, saying(reply));
    expect([status, summary]).toEqual(["unknown", expect.stringMatching(reason)]);
  });

  test.each<[string, LapiClient["credentials"], "skip" | "unknown", RegExp]>([
    ["a password that may not be read", { hidden: "run as root: x" }, "unknown", /^run as root: x$/],
    ["a certificate", { kind: "certificate", origin: "file:2" }, "skip", /certificate/],
  ])("%s is no reason to ask", async (_name, credentials, status, reason) => {
    const topology = { clients: [agentTo(routeTo("http://lapi.example/"), { credentials })] };
    const { findings, asked } = await runIn([check], { topology, allowWrites: true });
    expect(findings).toMatchObject([{ status, reason: expect.stringMatching(reason) }]);
    expect(asked).toEqual([]);
  });

  const INCOMPLETE: ClientCredentials = { kind: "incomplete", missing: ["password"], origin: "file" };
  test.each<[string, LapiClient["credentials"]]>([
    ["without a password, asked for alone,", INCOMPLETE],
    ["of which no file holds any credentials", { absent: "no file of this host holds any" }],
  ])("a machine %s is not said to show a certificate", async (_name, credentials) => {
    const topology = { clients: [agentTo(routeTo("http://lapi.example/"), { credentials })] };
    const { status, reason } = await findingOf(check, { topology, allowWrites: true });
    expect(status).not.toBe("pass");
    expect(reason).not.toContain("certificate");
  });

  test.each<[string, LapiClient["way"], "skip" | "unknown", string]>([
    ["nowhere to log in", { absent: "no url" }, "skip", "not applicable: no url"],
    ["a file that may not be read", { hidden: "run as root: x" }, "unknown", "run as root: x"],
  ])("%s", async (_name, way, status, reason) => {
    const topology = { clients: [agentTo(way)] };
    expect(await findingOf(check, { topology, allowWrites: true })).toMatchObject({ status, reason });
  });
});
