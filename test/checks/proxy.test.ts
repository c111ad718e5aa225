import { describe, expect, test } from "@jest/globals";
import { proxies } from "../../checks/proxy.ts";
import type { Check } from "../../src/model/check.ts";
import type { Component, Topology } from "../../src/model/topology.ts";
import type { World } from "../support/fake-prober.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import {
  agentTo,
  bouncerTo,
  crowdsecWith,
  cscliWith,
  environmentWith,
  from,
  routeTo,
  shellWith,
} from "../support/topology.ts";
import { CONNECTED, failedWith, HEALTHY } from "../support/world.ts";

const check = (id: string): Check => {
  const found = proxies.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no check ${id}`);
  return found;
};

const DROP_IN = "/etc/systemd/system/crowdsec.service.d/proxy.conf";
const PROXY = "http://proxy.corp.example:3128";
/** Only the proxy is reached from here. */
const ONLY_PROXY: World = {
  ...HEALTHY,
  tcp: ({ port }) => (port === 3128 ? CONNECTED : failedWith("tcp-timeout")),
};

/** crowdsec with these variables, this shell with those. */
const withVariables = (
  service: Readonly<Record<string, string>>,
  shell: Readonly<Record<string, string>> = {},
  rest: Partial<Topology> = {},
): Partial<Topology> => ({
  components: [crowdsecWith(service)],
  shell: shellWith(shell),
  ...rest,
});

/** The agent, whose Local API is on another host. */
const REMOTE = { clients: [agentTo(routeTo("http://10.0.0.5:8080/"))] };

const FAULTS: Readonly<Record<string, readonly [id: string, FaultCase]>> = {
  "proxy-invalid": [
    "proxy",
    ["proxy", "fail", "configuration", { topology: withVariables({ HTTPS_PROXY: "ftp://proxy.corp.example" }) }],
  ],
  "proxy-differs": [
    "proxy",
    ["proxy", "warn", "configuration", { world: ONLY_PROXY, topology: withVariables({}, { HTTPS_PROXY: PROXY }) }],
  ],
  "environment-file-missing": [
    "proxy",
    [
      "host",
      "fail",
      "configuration",
      {
        topology: {
          components: [
            crowdsecWith({}, { environment: environmentWith({}, { stops: "EnvironmentFile=/x is missing" }) }),
          ],
        },
      },
    ],
  ],
  "proxy-dropped": [
    "proxy",
    [
      "proxy",
      "warn",
      "configuration",
      {
        topology: {
          components: [
            crowdsecWith({}, { environment: environmentWith({}, { dropped: [from("HTTPS_PROXY", `${DROP_IN}:2`)] }) }),
          ],
        },
      },
    ],
  ],
  "proxy-ignored": [
    "proxy",
    ["proxy", "warn", "configuration", { topology: withVariables({ ALL_PROXY: PROXY }, { ALL_PROXY: PROXY }) }],
  ],
  "proxy-https-missing": [
    "proxy-https",
    ["proxy", "warn", "configuration", { topology: withVariables({ HTTP_PROXY: PROXY }) }],
  ],
  "proxy-takes-lapi": [
    "proxy-lapi",
    ["proxy", "warn", "configuration", { topology: withVariables({ HTTP_PROXY: PROXY }, {}, REMOTE) }],
  ],
  "no-proxy-ineffective": [
    "proxy-exceptions",
    [
      "proxy",
      "warn",
      "configuration",
      { topology: withVariables({ HTTPS_PROXY: PROXY, NO_PROXY: "http://lapi.example,ok.example" }) },
    ],
  ],
};

describe("faults", () => {
  test.each(Object.entries(FAULTS))("%s is told with its blame and a remedy", async (code, [id, row]) => {
    expectFault(await findingOf(check(id), row[3]), code, row);
  });

  test("are all tried above", () => {
    expect(proxies.flatMap(({ faults }) => Object.keys(faults)).sort()).toEqual(Object.keys(FAULTS).sort());
  });
});

const commandsOf = async (id: string, given: Given): Promise<readonly string[]> =>
  (await findingOf(check(id), given)).remedy.flatMap(({ commands = [] }) => commands);

describe("a service whose environment is not the shell's", () => {
  const topology = withVariables({}, { HTTPS_PROXY: PROXY });

  test("that fails for it is told, with what each has and a drop-in", async () => {
    const { summary, remedy } = await findingOf(check("proxy"), { world: ONLY_PROXY, topology });
    expect(summary).toMatch(
      /^this shell has HTTPS_PROXY=http:\/\/proxy\.corp\.example:3128, crowdsec \(process 4711\) has no proxy/,
    );
    expect(summary).toContain("api.crowdsec.net");
    expect(remedy.flatMap(({ commands = [] }) => commands).join("\n")).toContain(
      "/etc/systemd/system/crowdsec.service.d/zz-preflight-https-proxy.conf",
    );
    expect(remedy.every(({ undo, commands }) => (commands === undefined) === (undo === undefined))).toBe(true);
  });

  test("that gets there all the same is no fault, and is told", async () => {
    const { status, summary } = await findingOf(check("proxy"), { topology });
    expect([status, summary]).toEqual([
      "pass",
      expect.stringContaining("this shell has HTTPS_PROXY=http://proxy.corp"),
    ]);
  });

  test("is no reason to take a proxy away, or to set one, where the shell does not get there either", async () => {
    const closed: World = { ...HEALTHY, tcp: () => failedWith("tcp-timeout") };
    expect((await findingOf(check("proxy"), { world: closed, topology })).status).toBe("pass");
    const other = withVariables({ HTTPS_PROXY: PROXY });
    expect((await findingOf(check("proxy"), { world: closed, topology: other })).status).toBe("pass");
  });

  test("gets no command where the value has a login, which may not be shown", async () => {
    const shell = { HTTPS_PROXY: "http://user:canary-proxy-password@proxy.corp.example:3128" };
    const { fault, remedy } = await findingOf(check("proxy"), {
      world: ONLY_PROXY,
      topology: withVariables({}, shell),
    });
    expect(fault?.code).toBe("proxy-differs");
    expect(remedy.flatMap(({ commands = [] }) => commands)).toEqual([]);
  });

  test("the other way round, a proxy that only the service has is to be taken out", async () => {
    const world: World = { ...HEALTHY, tcp: ({ port }) => (port === 3128 ? failedWith("tcp-refused") : CONNECTED) };
    const finding = await findingOf(check("proxy"), { world, topology: withVariables({ HTTPS_PROXY: PROXY }) });
    expect(finding.fault?.code).toBe("proxy-differs");
    expect(finding.remedy.map(({ text }) => text).join()).toMatch(/correct or remove/);
  });

  test("the unit that updates the hub is compared by what it asks itself", async () => {
    const hub: Component = {
      name: "crowdsec-hubupdate",
      unit: "crowdsec-hubupdate.service",
      environment: environmentWith({}, { from: "unit", origin: "/usr/lib/systemd/system/crowdsec-hubupdate.service" }),
    };
    const given = { world: ONLY_PROXY, topology: { components: [hub], shell: shellWith({ HTTPS_PROXY: PROXY }) } };
    const { summary } = await findingOf(check("proxy"), given);
    expect(summary).toContain("cdn-hub.crowdsec.net");
    expect(summary).not.toContain("papi.api.crowdsec.net");
    expect((await commandsOf("proxy", given)).join()).toContain("crowdsec-hubupdate.service.d");
  });

  test("sudo, which drops variables, is mended on its own command line", async () => {
    const sudo: Component = { name: "cscli-sudo", environment: environmentWith({}, { from: "sudo", origin: "sudo" }) };
    const given = { world: ONLY_PROXY, topology: { components: [sudo], shell: shellWith({ HTTPS_PROXY: PROXY }) } };
    expect((await commandsOf("proxy", given)).join()).toMatch(/^sudo HTTPS_PROXY=/);
  });

  test("a bouncer, which asks nothing on the internet, is not told about it", async () => {
    const bouncer: Component = { name: "crowdsec-firewall-bouncer", environment: environmentWith({}) };
    const given = { world: ONLY_PROXY, topology: { components: [bouncer], shell: shellWith({ HTTPS_PROXY: PROXY }) } };
    expect((await findingOf(check("proxy"), given)).status).toBe("pass");
  });
});

test("an environment that nobody may read is unknown, for every question about it", async () => {
  const hidden = crowdsecWith({}, { environment: { hidden: "run as root: /proc/4711/environ" } });
  const { findings } = await runIn(proxies, { topology: { components: [hidden], ...REMOTE } });
  expect(findings.map(({ status, reason }) => [status, reason])).toEqual(
    proxies.map(() => ["unknown", "run as root: /proc/4711/environ"]),
  );
});

test("an environment that may be another than the one that was found is unknown too", async () => {
  const uncertain = "run as root to read /proc/4711/environ";
  const doubtful = crowdsecWith({}, { environment: environmentWith({}, { uncertain }) });
  const { findings } = await runIn(proxies, { topology: { components: [doubtful], ...REMOTE } });
  expect(new Set(findings.map(({ status, reason }) => `${status} ${reason}`))).toEqual(
    new Set([`unknown ${uncertain}`]),
  );
});

test("the password in a proxy's URL is told nowhere", async () => {
  const topology = withVariables({ HTTP_PROXY: "http://user:canary-proxy-password@proxy.example:3128" }, {}, REMOTE);
  const { findings } = await runIn(proxies, { topology });
  // The report itself is searched for canaries; here, that the proxy is named all the same.
  expect(findings.map(({ summary }) => summary).join()).toContain("http://proxy.example:3128");
});

test("REQUEST_METHOD in the environment makes Go refuse HTTP_PROXY: told where that is used, with its own remedy", async () => {
  const cgi = { HTTP_PROXY: PROXY, REQUEST_METHOD: "GET" };
  const { status, fault, summary, remedy } = await findingOf(check("proxy"), {
    topology: withVariables(cgi, {}, REMOTE),
  });
  expect([status, fault?.code]).toEqual(["fail", "proxy-invalid"]);
  expect(summary).toMatch(/CGI/);
  expect(remedy.map(({ text }) => text).join()).toContain("REQUEST_METHOD");
});

test("a value that Go passes over in silence is a warning, not a failure", async () => {
  const { status, fault } = await findingOf(check("proxy"), { topology: withVariables({ HTTPS_PROXY: "http://%@x" }) });
  expect([status, fault?.code]).toEqual(["warn", "proxy-invalid"]);
});

test("a bouncer that reads no proxy variable is not asked about any", async () => {
  const nginx: Component = { name: "crowdsec-nginx-bouncer", environment: environmentWith({ HTTP_PROXY: PROXY }) };
  const clients = [bouncerTo(routeTo("http://10.0.0.5:8080/"), { component: nginx.name, neverProxied: "nginx" })];
  const { findings } = await runIn(proxies, { topology: { components: [nginx], clients } });
  expect(findings.map(({ id, status }) => [id, status])).toEqual([
    ["proxy", "skip"],
    ["proxy-https", "skip"],
    ["proxy-lapi", "pass"],
    ["proxy-exceptions", "skip"],
  ]);
});

describe("HTTP_PROXY alone", () => {
  test.each<[Readonly<Record<string, string>>, string]>([
    [{}, "skip"],
    [{ HTTPS_PROXY: PROXY }, "pass"],
    [{ HTTPS_PROXY: PROXY, HTTP_PROXY: PROXY }, "pass"],
    [{ http_proxy: PROXY }, "warn"],
    [{ HTTP_PROXY: PROXY, HTTPS_PROXY: "" }, "warn"],
  ])("%p is a %s", async (variables, status) => {
    expect((await findingOf(check("proxy-https"), { topology: withVariables(variables) })).status).toBe(status);
  });

  test("in a shell is mended in the shell", async () => {
    const topology = { components: [cscliWith({ HTTP_PROXY: PROXY })] };
    expect(await commandsOf("proxy-https", { topology })).toEqual([`export HTTPS_PROXY=${PROXY}`]);
  });

  test("with a login gets no command: what may not be shown cannot be copied from it", async () => {
    const topology = withVariables({ HTTP_PROXY: "http://user:canary-proxy-password@proxy.corp.example:3128" });
    expect(await commandsOf("proxy-https", { topology })).toEqual([]);
  });

  test("that cannot be used at all is for another check to tell", async () => {
    const topology = withVariables({ HTTP_PROXY: "ftp://proxy.corp.example" });
    expect((await findingOf(check("proxy-https"), { topology })).status).toBe("skip");
  });
});

describe("the Local API's traffic", () => {
  const set = { HTTP_PROXY: PROXY, HTTPS_PROXY: PROXY };
  const of = (url: string, variables: Readonly<Record<string, string>> = set): Given => ({
    topology: withVariables(variables, {}, { clients: [agentTo(routeTo(url))] }),
  });

  test.each([
    ["http://10.0.0.5:8080/", "warn"],
    ["http://0.0.0.0:8080/", "warn"],
    ["http://crowdsec:8080/", "warn"],
    ["https://lapi.example:8080/", "warn"],
    ["http://127.0.0.1:8080/", "pass"],
    ["http://localhost:8080/", "pass"],
    ["http://[::1]:8080/", "pass"],
  ])("of an agent to %s is a %s", async (url, status) => {
    expect((await findingOf(check("proxy-lapi"), of(url))).status).toBe(status);
  });

  test("that NO_PROXY covers passes, and names the entry", async () => {
    const { status, summary } = await findingOf(
      check("proxy-lapi"),
      of("http://10.0.0.5:8080/", { ...set, NO_PROXY: "10.0.0.0/8" }),
    );
    expect([status, summary]).toEqual(["pass", expect.stringContaining("10.0.0.0/8")]);
  });

  test("gets a NO_PROXY that keeps what there is and adds the host", async () => {
    const commands = await commandsOf("proxy-lapi", of("http://10.0.0.5:8080/", { ...set, NO_PROXY: ".corp.example" }));
    expect(commands.join("\n")).toContain(".corp.example,127.0.0.1,localhost,0.0.0.0,10.0.0.5");
  });

  test("gets each % of it twice in a unit, where one begins a specifier", async () => {
    const commands = await commandsOf("proxy-lapi", of("http://10.0.0.5:8080/", { ...set, NO_PROXY: "fe80::1%eth0" }));
    expect(commands.join("\n")).toContain("fe80::1%%eth0,");
  });

  test("of a bouncer that takes no proxy passes, and says why", async () => {
    const client = bouncerTo(routeTo("https://lapi.example:8080/"), { neverProxied: "takes none for https" });
    const bouncer: Component = { name: "crowdsec-firewall-bouncer", environment: environmentWith(set) };
    const given = { topology: { components: [bouncer], clients: [client] } };
    const { status, summary } = await findingOf(check("proxy-lapi"), given);
    expect([status, summary]).toEqual(["pass", expect.stringContaining("takes none for https")]);
  });

  test("over a unix socket meets no proxy", async () => {
    const given = {
      topology: withVariables(set, {}, { clients: [agentTo(routeTo("http://unix/", { socket: "/run/lapi.sock" }))] }),
    };
    expect((await findingOf(check("proxy-lapi"), given)).status).toBe("pass");
  });

  test("without a client there is nothing to ask", async () => {
    const given = { topology: { clients: { absent: "no file of this host names a Local API" } } };
    expect((await findingOf(check("proxy-lapi"), given)).status).toBe("skip");
  });
});

test("entries of NO_PROXY that never match are named, with the reason; good ones are not", async () => {
  const topology = withVariables({ HTTPS_PROXY: PROXY, NO_PROXY: "http://lapi.example,.crowdsec.net,10.0.0.*" });
  const { summary } = await findingOf(check("proxy-exceptions"), { topology });
  expect(summary).toMatch(/http:\/\/lapi\.example \(.+\), ?10\.0\.0\.\* \(.+\)/);
  expect(summary).not.toContain(".crowdsec.net");
});
