import { afterEach, expect, jest, test } from "@jest/globals";
import {
  dropIn,
  environment,
  expectFault,
  findingOf,
  lab,
  on,
  onlyWayOut,
  PROXIES,
  preflight,
  preflightWith,
} from "./lab.ts";

jest.setTimeout(60_000);

afterEach(async () => {
  await lab("restore");
});

const CAPI = "outgoing-capi";

test.each([
  { flag: "auto", env: /^crowdsec: process \d+/, route: "proxy", status: "pass" },
  { flag: "service", env: /^crowdsec: process \d+/, route: "proxy", status: "pass" },
  { flag: "shell", env: /^crowdsec: this shell/, route: "direct", status: "fail" },
])("--env $flag: whose environment was used stands with the finding", async ({ flag, env, route, status }) => {
  await environment("allinone", "crowdsec", { HTTPS_PROXY: PROXIES.open });
  await lab("wait", "allinone", "127.0.0.1", "8080");
  await onlyWayOut("allinone");
  const { report } = await preflight("allinone", "--env", flag, "--only", CAPI);
  expect(findingOf(report, CAPI)).toMatchObject({
    status,
    vantage: { user: "root", route, env: expect.stringMatching(env), engineVersion: "1.4.6" },
  });
});

test("a service that does not run is asked as its unit and drop-ins would start it", async () => {
  await lab("stop", "allinone", "crowdsec");
  await dropIn("allinone", "crowdsec.service", "http-proxy", `Environment="HTTPS_PROXY=${PROXIES.open}"`);
  await onlyWayOut("allinone");
  const { report } = await preflight("allinone", "--only", "outgoing,proxy");
  expect(findingOf(report, CAPI)).toMatchObject({
    status: "pass",
    vantage: { route: "proxy", proxy: PROXIES.open, env: expect.stringContaining("crowdsec.service") },
  });
  // cscli is not that unit's.
  expect(findingOf(report, "outgoing-hub-data")).toMatchObject({ status: "fail", vantage: { route: "direct" } });
});

test("a later drop-in takes a proxy away again, as systemd does it", async () => {
  await lab("stop", "allinone", "crowdsec");
  await dropIn("allinone", "crowdsec.service", "10-proxy", `Environment=HTTPS_PROXY=${PROXIES.dead} NO_PROXY=.lab`);
  await dropIn("allinone", "crowdsec.service", "20-none", "Environment=");
  const { report } = await preflight("allinone", "--only", CAPI);
  expect(findingOf(report, CAPI)).toMatchObject({ status: "pass", vantage: { route: "direct" } });
});

test("an EnvironmentFile of a drop-in is read, and its secret stays there", async () => {
  await lab("stop", "allinone", "crowdsec");
  await on(
    "allinone",
    `printf '# the way out\\nHTTPS_PROXY="%s"\\n' '${PROXIES.withCredentials}' >/etc/crowdsec/proxy.env && chmod 0600 /etc/crowdsec/proxy.env`,
  );
  await dropIn("allinone", "crowdsec.service", "http-proxy", "EnvironmentFile=-/etc/crowdsec/proxy.env");
  await onlyWayOut("allinone");
  const { report } = await preflight("allinone", "-v", "--only", "outgoing,proxy");
  expect(findingOf(report, CAPI)).toMatchObject({ status: "pass", vantage: { route: "proxy", proxy: PROXIES.closed } });
  expect(JSON.stringify(report)).not.toMatch(/canary/);
});

test("a drop-in that the running process does not know yet does not count: Go reads its environment once", async () => {
  await onlyWayOut("allinone");
  await dropIn("allinone", "crowdsec.service", "http-proxy", `Environment=HTTPS_PROXY=${PROXIES.open}`);
  const { report } = await preflight("allinone", "--only", CAPI);
  expect(findingOf(report, CAPI)).toMatchObject({
    status: "fail",
    vantage: { route: "direct", env: expect.stringMatching(/^crowdsec: process \d+/) },
  });
});

test("common.http_proxies, as old guides have it, is no proxy: it stops CrowdSec", async () => {
  await on(
    "allinone",
    "printf 'common:\\n  http_proxies: http://10.77.0.80:3128\\n' >>/etc/crowdsec/config.yaml.local",
  );
  const { report } = await preflight("allinone", "--only", "config-files,outgoing-capi");
  const [finding] = report.findings.filter(({ fault }) => fault?.code === "config-unknown-key");
  expect(finding).toMatchObject({ status: "fail", summary: expect.stringContaining("http_proxies") });
  expect(findingOf(report, CAPI).vantage?.route).toBe("direct");
  expect(await on("allinone", "crowdsec -c /etc/crowdsec/config.yaml -t 2>&1 || true")).toMatch(
    /http_proxies not found/,
  );
});

test("SSL_CERT_FILE of the service decides whom the service trusts, and nobody else", async () => {
  await environment("allinone", "crowdsec", { SSL_CERT_FILE: "/etc/ssl/certs/nothing.crt", SSL_CERT_DIR: "/nowhere" });
  await lab("wait", "allinone", "127.0.0.1", "8080");
  const { report } = await preflight("allinone", "--only", "outgoing");
  expectFault(report, CAPI, {
    status: "fail",
    phase: "handshake",
    code: "tls-untrusted",
    party: "network",
    remedy: /./,
  });
  expect(findingOf(report, "outgoing-hub-data").status).toBe("pass");
  expect(
    await on(
      "allinone",
      "for i in $(seq 100); do grep 'capi metrics' /var/log/crowdsec.log | tail -n 1 | grep . && exit; sleep 0.05; done",
    ),
  ).toMatch(/x509/);
});

test("--env shell with a proxy in this shell: everybody goes through it", async () => {
  await onlyWayOut("lapi");
  const variables = { HTTPS_PROXY: PROXIES.open };
  const { report } = await preflightWith("lapi", variables, "--env", "shell", "--only", "outgoing");
  for (const instance of [CAPI, "outgoing-hub-data"])
    expect(findingOf(report, instance)).toMatchObject({ status: "pass", vantage: { route: "proxy" } });
});
