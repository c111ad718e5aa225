import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { expectFault, findingOf, instancesOf, lab, on, preflight, rows, stopClients } from "./lab.ts";

jest.setTimeout(60_000);

beforeEach(stopClients);
afterEach(async () => {
  await lab("restore");
});

const BOUNCER = "crowdsec-firewall-bouncer";
const KEY = `bouncer-key@${BOUNCER}`;
const LOGIN = "machine-login@agent";

test("a bouncer's host: its own file's URL is asked, and nothing of an engine is missed", async () => {
  const { report, exitCode } = await preflight("bouncer");
  expect({ exitCode, roles: report.run.roles, phase: report.run.phase }).toEqual({
    exitCode: 0,
    roles: ["bouncer"],
    phase: "run",
  });
  expect(instancesOf(report, "fail", "warn", "unknown")).toEqual([]);
  expect(findingOf(report, `lapi-database@${BOUNCER}`)).toMatchObject({
    status: "pass",
    target: { host: "10.77.0.10", port: 8080 },
  });
});

test("an old engine's bouncer key is not asked for without --allow-writes, and with it only a row's own columns change", async () => {
  const before = await rows();
  const { report } = await preflight("bouncer");
  expect(findingOf(report, KEY)).toMatchObject({ status: "skip", reason: expect.stringMatching(/--allow-writes/) });
  const { report: asked } = await preflight("bouncer", "--allow-writes");
  expect(findingOf(asked, KEY)).toMatchObject({ status: "pass", summary: expect.stringMatching(/HTTP 200; wrote/) });
  const after = await rows();
  expect(after).not.toBe(before);
  expect(after).toMatch(/crowdsec-preflight/);
  // No row came or went.
  expect(after.split("\n")).toHaveLength(before.split("\n").length);
});

test("a wrong key is the credentials' fault", async () => {
  await on(
    "bouncer",
    "sed -i 's/canary-bouncer-key/canary-wrong-key/' /etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml.local",
  );
  const { report } = await preflight("bouncer", "--allow-writes");
  expectFault(report, KEY, {
    status: "fail",
    phase: "login",
    code: "lapi-key-rejected",
    party: "credentials",
    remedy: /cscli bouncers add/,
  });
  expect(JSON.stringify(report)).not.toMatch(/canary/);
});

test("a key that is still the installer's placeholder is seen without asking", async () => {
  await on("bouncer", "sed -i '/api_key/d' /etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml.local");
  const { report } = await preflight("bouncer");
  expectFault(report, `credentials@${BOUNCER}`, {
    status: "fail",
    phase: "host",
    code: "credentials-placeholder",
    party: "credentials",
    remedy: /register the bouncer/,
  });
  expect(findingOf(report, KEY)).toMatchObject({ status: "skip", because: [`credentials@${BOUNCER}`] });
});

test("a machine's login is made with --allow-writes only", async () => {
  const { report } = await preflight("agent");
  expect(findingOf(report, LOGIN)).toMatchObject({ status: "skip", reason: expect.stringMatching(/--allow-writes/) });
  const { report: asked } = await preflight("agent", "--allow-writes");
  expect(findingOf(asked, LOGIN)).toMatchObject({ status: "pass" });
  expect(JSON.stringify(asked)).not.toMatch(/canary|eyJ/);
});

test.each([
  {
    name: "wrong password",
    host: "agent",
    change: "sed -i 's/canary-agent-password/canary-wrong-password/' /etc/crowdsec/local_api_credentials.yaml",
    remedy: /is not the one that the Local API has/,
    says: /incorrect Username or Password/,
  },
  {
    name: "deleted machine",
    host: "lapi",
    change: "cscli machines delete agent",
    remedy: /does not know this machine/,
    says: /machine not found/,
  },
  {
    name: "machine that waits for its validation",
    host: "lapi",
    change:
      "sqlite3 -batch -init /dev/null /var/lib/crowdsec/data/crowdsec.db \"UPDATE machines SET is_validated = 0 WHERE machine_id = 'agent'\"",
    remedy: /cscli machines validate agent/,
    says: /not validated/,
  },
] as const)(
  "$name: refused for what it is, and not asked without --allow-writes",
  async ({ host, change, remedy, says }) => {
    await on(host, change);
    const { report: quiet } = await preflight("agent");
    expect(findingOf(quiet, LOGIN).status).toBe("skip");
    const { report } = await preflight("agent", "--allow-writes");
    expectFault(report, LOGIN, {
      status: "fail",
      phase: "login",
      code: "lapi-login-rejected",
      party: "credentials",
      remedy,
      summary: says,
    });
    expect(JSON.stringify(report)).not.toMatch(/canary/);
  },
);

test("each client goes where its own file says: the agent right, a bouncer of the same host wrong", async () => {
  await on(
    "agent",
    "mkdir -p /etc/crowdsec/bouncers && printf 'api_url: http://10.77.0.10:8088/\\napi_key: canary-bouncer-key\\n' >/etc/crowdsec/bouncers/crowdsec-custom-bouncer.yaml",
  );
  const { report } = await preflight("agent", "--skip", "outgoing");
  expect(findingOf(report, "lapi-reachable@agent").status).toBe("pass");
  expect(findingOf(report, "lapi-database@agent").status).toBe("pass");
  expectFault(report, "lapi-reachable@crowdsec-custom-bouncer", {
    status: "fail",
    phase: "connect",
    code: "tcp-refused",
    party: "remote-service",
    remedy: /crowdsec-custom-bouncer\.yaml:1/,
  });
  expect(findingOf(report, "lapi-identity@crowdsec-custom-bouncer")).toMatchObject({
    status: "skip",
    because: ["lapi-reachable@crowdsec-custom-bouncer"],
  });
});

test("a .local that changes the port is followed; credentials that were left behind are named with their line", async () => {
  await on("allinone", "sed -i 's/127.0.0.1:8080/127.0.0.1:8081/' /etc/crowdsec/config.yaml.local");
  await lab("stop", "allinone", "crowdsec");
  await lab("start", "allinone", "crowdsec");
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const { report } = await preflight("allinone", "--skip", "outgoing");
  expectFault(report, "config-agreement@agent", {
    status: "fail",
    phase: "host",
    code: "config-disagreement",
    party: "configuration",
    remedy: /Write http:\/\/127\.0\.0\.1:8081\/ in \/etc\/crowdsec\/local_api_credentials\.yaml:1/,
    summary: /127\.0\.0\.1:8081 \(\/etc\/crowdsec\/config\.yaml\.local:3\)/,
  });
});

test("a unix socket that is not there", async () => {
  await on("agent", "sed -i 's|^url: .*|url: /run/crowdsec.sock|' /etc/crowdsec/local_api_credentials.yaml");
  const { report } = await preflight("agent", "--skip", "outgoing");
  // 1.4.6 does not know sockets, and says so before the socket is looked for.
  expectFault(report, "lapi-reachable@agent", {
    status: "fail",
    phase: "host",
    code: "lapi-url-invalid",
    party: "configuration",
    remedy: /http:\/\/HOST:PORT/,
    summary: /since 1\.6\.1 only/,
  });
});
