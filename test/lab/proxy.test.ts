import { afterEach, expect, jest, test } from "@jest/globals";
import type { Report } from "../../src/model/report.ts";
import {
  environment,
  expectFault,
  findingOf,
  type Host,
  instancesOf,
  lab,
  on,
  onlyWayOut,
  PROXIES,
  preflight,
  preflightWith,
  type Told,
  type Variables,
} from "./lab.ts";

jest.setTimeout(60_000);

afterEach(async () => {
  await lab("restore");
});

/** The rows of CrowdSec 1.4.6: what the engine asks, and what cscli asks. */
const HUB = ["outgoing-hub-legacy", "outgoing-hub-data", "outgoing-version"];

const vantageOf = (report: Report, instance: string) => findingOf(report, instance).vantage;

/** What cscli itself says to this command with these variables: its last line, and whether it was content. */
const cscli = async (host: Host, variables: Variables, command: string): Promise<string> => {
  const shell = Object.entries(variables)
    .map(([name, value]) => `${name}='${value}'`)
    .join(" ");
  return on(host, `${shell} cscli ${command} 2>&1 | tail -n 1`);
};

/** What the engine itself logged of its first way to the Central API, within seconds of its start. */
const engineLog = async (host: Host): Promise<string> =>
  on(
    host,
    "for i in $(seq 100); do grep -m 1 'capi metrics' /var/log/crowdsec.log && exit; sleep 0.05; done; tail -n 3 /var/log/crowdsec.log",
  );

/** What the lab's Central API answers the engine: it got there. */
const REACHED = /capi metrics: failed: API error: Missing Authentication Token/;

/** The engine with these variables, its log begun anew. */
const engineWith = async (host: Host, variables: Variables): Promise<void> => {
  await on(host, ": >/var/log/crowdsec.log");
  await environment(host, "crowdsec", variables);
  if (host !== "agent") await lab("wait", host, host === "lapi" ? "10.77.0.10" : "127.0.0.1", "8080");
};

const proxyFault = (code: string, told: Pick<Told, "remedy"> & Partial<Told>): Told => ({
  status: "fail",
  phase: "proxy",
  code,
  party: "proxy",
  ...told,
});

test("a proxy in the shell alone: what is asked in the shell passes, what the service asks does not, and the difference is told", async () => {
  await engineWith("allinone", {});
  await onlyWayOut("allinone");
  const { report, exitCode } = await preflightWith("allinone", { HTTPS_PROXY: PROXIES.open });
  expect(exitCode).toBe(2);
  for (const instance of HUB) {
    expect(findingOf(report, instance).status).toBe("pass");
    expect(vantageOf(report, instance)).toMatchObject({ route: "proxy", proxy: PROXIES.open });
  }
  expect(vantageOf(report, "outgoing-hub-data")?.env).toMatch(/^cscli: this shell/);
  expectFault(report, "outgoing-capi", {
    status: "fail",
    phase: "connect",
    code: "tcp-unreachable",
    party: "network",
    remedy: /./,
    summary: /this shell goes through http:\/\/10\.77\.0\.80:3128/,
  });
  expect(vantageOf(report, "outgoing-capi")).toMatchObject({
    route: "direct",
    env: expect.stringMatching(/^crowdsec: process \d+/),
  });
  expectFault(report, "proxy@crowdsec", {
    status: "warn",
    phase: "proxy",
    code: "proxy-differs",
    party: "configuration",
    remedy: /crowdsec\.service\.d/,
    summary: /api\.crowdsec\.net/,
  });
});

test("a proxy in the service alone: the service passes through it, and cscli in this shell does not", async () => {
  await onlyWayOut("allinone");
  await engineWith("allinone", { HTTPS_PROXY: PROXIES.open });
  const { report } = await preflight("allinone");
  expect(findingOf(report, "outgoing-capi").status).toBe("pass");
  expect(vantageOf(report, "outgoing-capi")).toMatchObject({
    route: "proxy",
    proxy: PROXIES.open,
    env: expect.stringMatching(/^crowdsec: process \d+/),
  });
  expect(findingOf(report, "proxy@crowdsec").status).toBe("pass");
  for (const instance of HUB) {
    expect(findingOf(report, instance)).toMatchObject({ status: "fail", fault: { code: "tcp-unreachable" } });
    expect(vantageOf(report, instance)?.route).toBe("direct");
  }
  // As cscli itself finds it.
  expect(await cscli("allinone", {}, "hub update")).toMatch(/no route to host/);
  expect(await engineLog("allinone")).toMatch(REACHED);
});

test("HTTP_PROXY alone does nothing for what CrowdSec asks on the internet, and is named", async () => {
  await onlyWayOut("allinone");
  await engineWith("allinone", { HTTP_PROXY: PROXIES.open });
  const { report, exitCode } = await preflightWith("allinone", { HTTP_PROXY: PROXIES.open });
  expect(exitCode).toBe(2);
  for (const component of ["crowdsec", "cscli"])
    expectFault(report, `proxy-https@${component}`, {
      status: "warn",
      phase: "proxy",
      code: "proxy-https-missing",
      party: "configuration",
      remedy: /HTTPS_PROXY/,
      summary: /HTTP_PROXY=http:\/\/10\.77\.0\.80:3128/,
    });
  for (const instance of ["outgoing-capi", ...HUB])
    expect(findingOf(report, instance)).toMatchObject({ status: "fail", fault: { code: "tcp-unreachable" } });
  expect(await engineLog("allinone")).toMatch(/capi metrics: failed.*no route to host/);
  expect(await cscli("allinone", { HTTP_PROXY: PROXIES.open }, "hub update")).toMatch(/no route to host/);
});

test.each([
  { name: "in upper case", variables: { HTTPS_PROXY: PROXIES.open } },
  { name: "in lower case and without a scheme", variables: { https_proxy: "10.77.0.80:3128" } },
  { name: "by name", variables: { HTTPS_PROXY: "http://proxy.lab:3128" } },
  { name: "over IPv6", variables: { HTTPS_PROXY: "http://[fd77:0::80]:3128" } },
  { name: "of another kind, tinyproxy", variables: { HTTPS_PROXY: PROXIES.tiny } },
  { name: "with a login", variables: { HTTPS_PROXY: PROXIES.withCredentials } },
])("a proxy $name is the way out", async ({ variables }) => {
  await onlyWayOut("allinone");
  const { report } = await preflightWith("allinone", variables, "--env", "shell", "--only", "outgoing");
  expect(instancesOf(report, "fail", "unknown")).toEqual([]);
  for (const instance of ["outgoing-capi", ...HUB]) {
    expect(findingOf(report, instance).status).toBe("pass");
    expect(vantageOf(report, instance)?.route).toBe("proxy");
  }
  expect(JSON.stringify(report)).not.toMatch(/canary/);
});

test.each([
  { name: "missing", HTTPS_PROXY: PROXIES.closed, remedy: /USER:PASSWORD@/ },
  { name: "wrong", HTTPS_PROXY: PROXIES.withWrongCredentials, remedy: /does not take the login/ },
])("a login at the proxy that is $name is told as the proxy's, and never shown", async ({ HTTPS_PROXY, remedy }) => {
  await engineWith("allinone", { HTTPS_PROXY });
  const { report } = await preflightWith("allinone", { HTTPS_PROXY }, "-v");
  for (const instance of ["outgoing-capi", ...HUB])
    expectFault(report, instance, proxyFault("proxy-auth-required", { remedy }));
  expect(JSON.stringify(report)).not.toMatch(/canary/);
  expect(await engineLog("allinone")).toMatch(/capi metrics: failed.*Proxy Authentication Required/);
});

test("a proxy that lets through to one host and denies another: each is told for itself", async () => {
  await onlyWayOut("allinone");
  const variables = { HTTPS_PROXY: PROXIES.picky };
  const { report } = await preflightWith("allinone", variables, "--env", "shell", "--only", "outgoing");
  for (const instance of ["outgoing-capi", "outgoing-version"]) expect(findingOf(report, instance).status).toBe("pass");
  const denied = { "outgoing-hub-legacy": /CONNECT to hub-cdn/, "outgoing-hub-data": /CONNECT to hub-data/ };
  for (const [instance, remedy] of Object.entries(denied))
    expectFault(report, instance, proxyFault("proxy-denied", { remedy, summary: /403/ }));
  expect(await cscli("allinone", variables, "hub update")).toMatch(/hub-cdn\.crowdsec\.net.*Forbidden/);
});

test.each([
  { name: "is down", HTTPS_PROXY: PROXIES.dead, summary: /10\.77\.0\.80:3132/ },
  { name: "has a name that does not exist", HTTPS_PROXY: "http://nowhere.lab:3128", summary: /nowhere\.lab/ },
])("a proxy that $name is one cause for all that goes through it", async ({ HTTPS_PROXY, summary }) => {
  const variables = { HTTPS_PROXY };
  const { report } = await preflightWith("allinone", variables, "--env", "shell", "--only", "outgoing");
  for (const instance of ["outgoing-capi", ...HUB])
    expectFault(report, instance, proxyFault("proxy-unreachable", { remedy: /HTTPS_PROXY/, summary }));
  expect(report.causes).toHaveLength(1);
  expect(report.causes[0]?.explains).toEqual(expect.arrayContaining(["outgoing-capi", ...HUB]));
});

test.each([
  { name: "a Local API", HTTPS_PROXY: "http://10.77.0.10:8080" },
  { name: "a web server with TLS", HTTPS_PROXY: "http://10.77.1.11:443" },
  { name: "a database", HTTPS_PROXY: "http://10.77.0.60:5432" },
])("$name in the proxy's place is told as no proxy", async ({ HTTPS_PROXY }) => {
  const { report } = await preflightWith("allinone", { HTTPS_PROXY }, "--env", "shell", "--only", "outgoing-version");
  expectFault(
    report,
    "outgoing-version",
    proxyFault("proxy-protocol", { party: "configuration", remedy: /another service listens there/ }),
  );
});

test("names that only the proxy resolves are no fault", async () => {
  await onlyWayOut("allinone");
  // No nameserver listens there.
  await on("allinone", "echo 'nameserver 10.77.0.80' >/etc/resolv.conf");
  const variables = { HTTPS_PROXY: PROXIES.open };
  const { report } = await preflightWith("allinone", variables, "--env", "shell");
  for (const instance of ["outgoing-capi", ...HUB]) {
    expect(findingOf(report, instance).status).toBe("pass");
    expect(findingOf(report, instance).layers.filter(({ ok }) => !ok)).toEqual([]);
  }
  expect(report.findings.filter(({ status, id }) => status === "fail" && id !== "resolver")).toEqual([]);
});

test("a proxy that gets no further is told apart from one that is down", async () => {
  await on(
    "proxy",
    "nft add table inet scene && nft add chain inet scene output '{ type filter hook output priority 0; }' && nft add rule inet scene output tcp dport 443 reject with icmpx type admin-prohibited",
  );
  const variables = { HTTPS_PROXY: PROXIES.open };
  const { report } = await preflightWith("allinone", variables, "--env", "shell", "--only", "outgoing-version");
  expectFault(report, "outgoing-version", proxyFault("proxy-upstream", { remedy: /its own way out/ }));
});

const TAKEN: Told = {
  status: "warn",
  phase: "proxy",
  code: "proxy-takes-lapi",
  party: "configuration",
  remedy: /NO_PROXY/,
};

test("HTTP_PROXY takes what an agent sends to its Local API: named even while the proxy passes it on", async () => {
  await engineWith("agent", { HTTP_PROXY: PROXIES.open });
  const { report } = await preflight("agent", "--skip", "outgoing");
  expectFault(report, "proxy-lapi@agent", {
    ...TAKEN,
    remedy: /NO_PROXY=%s.*10\.77\.0\.10/s,
    summary: /http:\/\/10\.77\.0\.10:8080.*HTTP_PROXY of crowdsec \(process \d+/s,
  });
  expect(vantageOf(report, "lapi-identity@agent")).toMatchObject({ route: "proxy", proxy: PROXIES.open });
  expect(findingOf(report, "lapi-identity@agent").status).toBe("pass");
  // This shell has no proxy, and cscli in it none either.
  expect(findingOf(report, "proxy-lapi@cscli").status).toBe("skip");
  // So does the agent: its logins come from the proxy's address.
  expect(await on("lapi", "grep 'watchers/login.*crowdsec/v1' /var/log/crowdsec_api.log | tail -n 1")).toMatch(
    /10\.77\.0\.80/,
  );
});

test.each([
  { name: "that is down", HTTP_PROXY: PROXIES.dead, code: "proxy-unreachable", says: /proxyconnect/ },
  { name: "that wants a login", HTTP_PROXY: PROXIES.closed, code: "proxy-auth-required", says: /407|invalid body/ },
  { name: "that is a database", HTTP_PROXY: "http://10.77.0.60:5432", code: "proxy-protocol", says: /EOF|reset/ },
])(
  "HTTP_PROXY with a proxy $name: the Local API is out of reach, as it is for cscli",
  async ({ HTTP_PROXY, code, says }) => {
    const { report, exitCode } = await preflightWith("agent", { HTTP_PROXY }, "--env", "shell", "--skip", "outgoing");
    expect(exitCode).toBe(2);
    for (const client of ["agent", "cscli"]) {
      expectFault(report, `lapi-reachable@${client}`, proxyFault(code, { party: "configuration", remedy: /NO_PROXY/ }));
      expectFault(report, `proxy-lapi@${client}`, TAKEN);
    }
    expect(await cscli("agent", { HTTP_PROXY }, "lapi status")).toMatch(says);
  },
);

test.each(["10.77.0.10", "10.77.0.10:8080", "10.77.0.0/16", "*"])(
  "NO_PROXY %s keeps the Local API out of the proxy, and is shown with the finding",
  async (entry) => {
    const variables = { HTTP_PROXY: PROXIES.dead, NO_PROXY: `localhost,${entry}` };
    const { report } = await preflightWith("agent", variables, "--env", "shell", "--only", "lapi,proxy");
    expect(findingOf(report, "lapi-database@agent").status).toBe("pass");
    expect(findingOf(report, "proxy-lapi@agent").status).toBe("pass");
    expect(vantageOf(report, "lapi-reachable@agent")).toMatchObject({
      route: "direct",
      noProxy: `${entry} (NO_PROXY)`,
    });
    expect(await cscli("agent", variables, "lapi status")).toMatch(/You can successfully interact/);
  },
);

test.each(["10.77.*", "http://10.77.0.10", "10.77.0.0/33", "10.77.0"])(
  "NO_PROXY %s never matches: named, and the proxy takes the Local API's traffic",
  async (entry) => {
    const variables = { HTTP_PROXY: PROXIES.dead, NO_PROXY: `localhost,${entry}` };
    const { report } = await preflightWith("agent", variables, "--env", "shell", "--only", "lapi,proxy");
    const { summary } = findingOf(report, "proxy-exceptions@crowdsec");
    expectFault(report, "proxy-exceptions@crowdsec", {
      status: "warn",
      phase: "proxy",
      code: "no-proxy-ineffective",
      party: "configuration",
      remedy: /CIDR/,
    });
    expect(summary).toContain(entry);
    expect(summary).not.toContain("localhost (");
    expectFault(report, "proxy-lapi@agent", TAKEN);
    expect(findingOf(report, "lapi-reachable@agent").status).toBe("fail");
    expect(await cscli("agent", variables, "lapi status")).toMatch(/proxyconnect/);
  },
);

test("0.0.0.0 as a client's address is no loopback for Go: HTTP_PROXY takes it, and 127.0.0.1 it does not", async () => {
  const variables = { HTTP_PROXY: PROXIES.open };
  const { report: loopback } = await preflightWith("allinone", variables, "--env", "shell", "--only", "lapi,proxy");
  expect(findingOf(loopback, "proxy-lapi@agent").status).toBe("pass");
  expect(findingOf(loopback, "lapi-database@agent").status).toBe("pass");
  await on("allinone", "sed -i 's/127.0.0.1/0.0.0.0/' /etc/crowdsec/local_api_credentials.yaml");
  const { report } = await preflightWith("allinone", variables, "--env", "shell", "--only", "lapi,proxy");
  expectFault(report, "proxy-lapi@agent", { ...TAKEN, remedy: /0\.0\.0\.0/ });
  expectFault(
    report,
    "lapi-reachable@agent",
    proxyFault("proxy-answers", {
      party: "configuration",
      remedy: /add 0\.0\.0\.0 to NO_PROXY/,
      summary: /HTTP 503, Server: squid/,
    }),
  );
  expect(await cscli("allinone", variables, "lapi status")).toMatch(/http code 503, invalid body/);
});

test("a bouncer's own environment counts for the bouncer", async () => {
  await environment("bouncer", "crowdsec-firewall-bouncer", { HTTP_PROXY: PROXIES.open });
  const { report } = await preflight("bouncer");
  expectFault(report, "proxy-lapi@crowdsec-firewall-bouncer", {
    ...TAKEN,
    remedy: /crowdsec-firewall-bouncer\.service\.d/,
    summary: /HTTP_PROXY of crowdsec-firewall-bouncer \(process \d+/,
  });
  expect(vantageOf(report, "lapi-identity@crowdsec-firewall-bouncer")).toMatchObject({ route: "proxy" });
});
