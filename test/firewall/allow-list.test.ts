import { describe, expect, test } from "@jest/globals";
import { lackingNames, unknownNames } from "../../src/firewall/index.ts";
import { isIn, isOut, type OutRule } from "../../src/firewall/rule.ts";
import type { Topology } from "../../src/model/topology.ts";
import {
  agentAt,
  agentTo,
  BEFORE_INSTALL,
  bouncerTo,
  crowdsecWith,
  cscliWith,
  environmentWith,
  from,
  itself,
  networkDatabase,
  routeBySocket,
  routeTo,
} from "../support/topology.ts";
import { failedWith, HEALTHY, PACKAGE_CDN, resolved, resolves } from "../support/world.ts";
import { type Given, HOSTILE, LISTENING, listOf } from "./lists.ts";

const outs = async (given?: Given): Promise<readonly OutRule[]> => (await listOf(given)).rules.filter(isOut);
const places = async (given?: Given): Promise<readonly string[]> =>
  (await outs(given)).map(({ protocols, port, name, addresses }) => {
    return `${protocols.join("+")}/${port} ${name ?? addresses.map(({ address }) => address).join(" ")}`;
  });
const reasonOf = async (what: string, given?: Given): Promise<string | undefined> =>
  (await listOf(given)).omitted.find((each) => each.what === what)?.reason;

const DNS = "udp+tcp/53 9.9.9.9";
const PROXY = "http://10.0.0.9:3128";

describe("outgoing", () => {
  test("names are those of this role, phase and version, and what is left out says why", async () => {
    expect(await places()).toEqual([
      DNS,
      "tcp/443 api.crowdsec.net",
      "tcp/443 blocklists.api.crowdsec.net",
      "tcp/443 papi.api.crowdsec.net",
      "tcp/443 cdn-hub.crowdsec.net",
      "tcp/443 hub-data.crowdsec.net",
      "tcp/443 version.crowdsec.net",
    ]);
    const { omitted } = await listOf();
    expect(omitted).toEqual(
      expect.arrayContaining([
        { what: "hub-cdn.crowdsec.net", reason: "for CrowdSec up to 1.6.2; this host has 1.7.8" },
        { what: "cti.api.crowdsec.net", reason: "no api.cti.key is configured" },
        { what: "packagecloud.io", reason: "asked in phase install only; this host is in phase run" },
      ]),
    );
  });

  test("1.4.6 gets the hub's old name", async () => {
    expect(await places({ version: [1, 4, 6] })).toEqual([
      DNS,
      "tcp/443 api.crowdsec.net",
      "tcp/443 hub-cdn.crowdsec.net",
      "tcp/443 hub-data.crowdsec.net",
      "tcp/443 version.crowdsec.net",
      "tcp/443 crowdsec-statics-assets.s3-eu-west-1.amazonaws.com",
    ]);
  });

  test("each name has every address, whose they are, who needs it, and what breaks", async () => {
    const rule = (await outs()).find(({ name }) => name === "cdn-hub.crowdsec.net");
    expect(rule).toMatchObject({
      addresses: [
        { address: "2001:db8::7", family: 6 },
        { address: "203.0.113.7", family: 4 },
      ],
      stable: "no",
      behind: "CloudFront",
      components: ["cscli"],
      why: expect.stringMatching(/the hub.*without it: cscli hub update/),
    });
  });

  test("before an install, the host that packagecloud redirects to is in the list", async () => {
    expect(await places({ topology: BEFORE_INSTALL })).toEqual(
      expect.arrayContaining(["tcp/443 install.crowdsec.net", "tcp/443 packagecloud.io", `tcp/443 ${PACKAGE_CDN}`]),
    );
  });

  test("where packagecloud cannot be asked, a note says that its second host is missing", async () => {
    const world = { ...HEALTHY, http: () => failedWith("http-timeout") };
    const { notes } = await listOf({ topology: BEFORE_INSTALL, world });
    expect(notes).toContainEqual(
      expect.stringMatching(/packagecloud\.io sends apt and dnf on .* print this list again/),
    );
  });

  test("what is closed today is in the list all the same", async () => {
    expect(await places({ world: { ...HEALTHY, tcp: () => failedWith("tcp-timeout") } })).toEqual(await places());
  });

  test("a name that does not resolve is in the list by name, with the reason", async () => {
    const dns = (name: string) => (name.startsWith("papi") ? failedWith("dns-nxdomain") : resolves(name));
    const rule = (await outs({ world: { ...HEALTHY, dns } })).find(({ name }) => name?.startsWith("papi"));
    expect(rule).toMatchObject({ addresses: [], unresolved: "the system's words for dns-nxdomain" });
  });

  test("a filter's answer is no address to let through", async () => {
    const world = { ...HEALTHY, dns: () => resolved("0.0.0.0") };
    const rule = (await outs({ world })).find(({ name }) => name === "api.crowdsec.net");
    expect(rule).toMatchObject({ addresses: [], unresolved: expect.stringMatching(/0\.0\.0\.0.*a filter/) });
  });

  test("what this user may not read is in the list by default, and a note says so", async () => {
    const list = await listOf({ topology: { capi: { hidden: "run as root to read it" } } });
    expect(list.rules.filter(isOut).map(({ name }) => name)).toContain("api.crowdsec.net");
    expect(list.notes).toContain("api.crowdsec.net is in the list by default: run as root to read it.");
  });

  test("an address of the configuration takes the place of CrowdSec's own; one that cannot be used is left out", async () => {
    const hubTemplate = from("https://mirror.example:8443/%s/%s", "/etc/crowdsec/config.yaml:9");
    const rules = await outs({ topology: { hubTemplate } });
    const mirror = rules.find(({ port }) => port === 8443);
    expect(mirror).toMatchObject({ name: "mirror.example", stable: "no" });
    expect(mirror?.behind).toBeUndefined();
    expect(await reasonOf("cdn-hub.crowdsec.net", { topology: { hubTemplate: from("ftp://x", "here") } })).toMatch(
      /neither http/,
    );
  });

  test("bouncers never need the internet", async () => {
    const topology: Partial<Topology> = {
      roles: [from("bouncer", "file")],
      clients: [bouncerTo(routeTo("http://10.0.0.5:8080/"))],
    };
    expect(await places({ topology })).toEqual([DNS, "tcp/8080 10.0.0.5"]);
    expect((await listOf({ topology })).notes).toContainEqual(expect.stringMatching(/never the internet/));
  });
});

describe("through a proxy", () => {
  const proxied = { components: [crowdsecWith({ HTTPS_PROXY: PROXY }), cscliWith({ HTTPS_PROXY: PROXY })] };

  test("from here only the proxy is opened, and the names are the proxy's", async () => {
    const list = await listOf({ topology: proxied });
    expect(await places({ topology: proxied })).toEqual([DNS, "tcp/3128 10.0.0.9"]);
    expect(list.proxied.map(({ name, proxy, components }) => [name, proxy, components.join()])).toEqual([
      ["api.crowdsec.net", PROXY, "crowdsec"],
      ["blocklists.api.crowdsec.net", PROXY, "crowdsec"],
      ["papi.api.crowdsec.net", PROXY, "crowdsec"],
      ["cdn-hub.crowdsec.net", PROXY, "cscli"],
      ["hub-data.crowdsec.net", PROXY, "cscli"],
      ["version.crowdsec.net", PROXY, "cscli"],
    ]);
  });

  test("its login stays out of the list", async () => {
    const withLogin = { HTTPS_PROXY: "http://canary-user:canary-password@proxy.example:3128" };
    const components = [crowdsecWith(withLogin), cscliWith(withLogin)];
    const list = await listOf({ topology: { components } });
    expect(JSON.stringify(list)).not.toContain("canary-");
    expect(list.rules.filter(isOut)[1]).toMatchObject({ name: "proxy.example", port: 3128, stable: "own-dns" });
  });

  test("NO_PROXY keeps a name out of it", async () => {
    const variables = { HTTPS_PROXY: PROXY, NO_PROXY: "api.crowdsec.net" };
    const topology = { components: [crowdsecWith(variables), cscliWith(variables)] };
    expect(await places({ topology })).toContain("tcp/443 api.crowdsec.net");
    expect((await listOf({ topology })).proxied.map(({ name }) => name)).not.toContain("api.crowdsec.net");
  });

  test("where the daily update has no proxy, its way out is opened beside cscli's", async () => {
    const update = {
      name: "crowdsec-hubupdate",
      environment: environmentWith({}, { from: "unit", origin: "unit" }),
    } as const;
    const topology = { components: [...proxied.components, update] };
    const hub = (await outs({ topology })).find(({ name }) => name === "cdn-hub.crowdsec.net");
    expect(hub).toMatchObject({ components: ["crowdsec-hubupdate"] });
    expect(hub?.addresses).toHaveLength(2);
  });

  test("a proxy that Go refuses opens nothing, and says so", async () => {
    const broken = { HTTPS_PROXY: "http://10.0.0.9:99999" };
    const topology = { components: [crowdsecWith(broken), cscliWith(broken)] };
    expect(await places({ topology })).toEqual([DNS]);
    expect(await reasonOf("api.crowdsec.net", { topology })).toMatch(/HTTPS_PROXY/);
  });

  test("a proxy on this host needs no hole, and its own way out is not in this list", async () => {
    const local = { HTTPS_PROXY: "http://127.0.0.1:3128" };
    const list = await listOf({ topology: { components: [crowdsecWith(local), cscliWith(local)] } });
    expect(list.rules.filter(isOut)).toHaveLength(1);
    expect(list.notes).toContainEqual(expect.stringMatching(/is on this host: what it needs itself/));
  });

  test("a Local API behind the proxy is the proxy's, with a word on NO_PROXY", async () => {
    const topology = { ...agentAt("http://10.0.0.5:8080/"), components: [crowdsecWith({ HTTP_PROXY: PROXY })] };
    const list = await listOf({ topology });
    expect(list.proxied).toContainEqual(expect.objectContaining({ name: "10.0.0.5", port: 8080 }));
    expect(list.notes).toContainEqual(expect.stringMatching(/NO_PROXY=10\.0\.0\.5/));
  });
});

describe("other hosts of one's own", () => {
  test.each<[string, Partial<Topology>, string | undefined]>([
    ["a Local API elsewhere", agentAt("http://10.0.0.5:8080/"), "tcp/8080 10.0.0.5"],
    ["a Local API elsewhere, by name", agentAt("https://lapi.example/"), "tcp/443 lapi.example"],
    ["a Local API on loopback", agentAt("http://127.0.0.1:8080/"), undefined],
    ["a Local API on this host's own address", agentAt("http://192.0.2.10:8080/"), undefined],
    ["a Local API on a socket", { clients: [agentTo(routeBySocket("/run/crowdsec.sock"))] }, undefined],
    ["the Local API itself", { clients: [itself(routeTo("http://10.0.0.5:8080/"))] }, undefined],
    ["a database", { database: networkDatabase() }, "tcp/5432 db.example"],
    ["a database on a socket", { database: networkDatabase({ at: { socket: from("/run/pg", "x") } }) }, undefined],
    [
      "Prometheus' targets",
      { targets: [{ name: "web:6060", url: from("http://10.0.0.7:6060/metrics", "--target") }] },
      "tcp/6060 10.0.0.7",
    ],
  ])("%s", async (_what, topology, expected) => {
    const usual = await places();
    const others = (await places({ topology })).filter((place) => !usual.includes(place));
    expect(others).toEqual(expected === undefined ? [] : [expected]);
  });

  test("a name of one's own that points to this host needs no hole", async () => {
    const dns = (name: string) => (name === "lapi.example" ? resolved("192.0.2.10") : resolves(name));
    expect(await places({ topology: agentAt("http://lapi.example:8080/"), dns })).toEqual(await places());
  });

  test("agent and bouncer that go to the same place share a rule", async () => {
    const way = routeTo("http://10.0.0.5:8080/");
    const rule = (await outs({ topology: { clients: [agentTo(way), bouncerTo(way)] } })).at(-1);
    expect(rule?.components).toEqual(["crowdsec", "crowdsec-firewall-bouncer"]);
  });

  test.each<[string, Partial<Topology>, RegExp]>([
    ["the Local API", { clients: { hidden: "run as root" } }, /run as root/],
    ["the Local API of agent", { clients: [agentTo({ hidden: "run as root" })] }, /run as root/],
    ["the Local API of agent", { clients: [agentTo({ absent: "no file" })] }, /no file/],
    [
      "the Local API of agent",
      { clients: [agentTo({ malformed: from("x", "creds.yaml:1"), problem: "not a URL" })] },
      /creds\.yaml:1\) is not a URL/,
    ],
    ["the database", { database: { hidden: "run as root" } }, /run as root/],
    ["the database", { database: { malformed: from("x", "config.yaml:3"), problem: "a list" } }, /is a list/],
    ["inbound, the metrics", { metrics: { hidden: "run as root" } }, /run as root/],
    [
      "inbound, the Local API",
      { listen: { uri: { malformed: from("x", "config.yaml:3"), problem: "a URL" }, tls: false, appsec: [] } },
      /is a URL/,
    ],
  ])("%s that is not known is left out with the reason %#", async (what, topology, reason) => {
    expect(await reasonOf(what, { topology })).toMatch(reason);
  });
});

describe("nameservers", () => {
  const served = (...servers: string[]): Partial<Topology> => ({
    resolver: { servers, configured: true, search: [], timeoutMs: 5000, attempts: 2, rotate: false, modules: [] },
  });

  test("a resolver on this host asks others, and a note says that these must be allowed", async () => {
    const list = await listOf({ topology: served("127.0.0.53") });
    expect(list.rules.some(({ port }) => port === 53)).toBe(false);
    expect(list.notes).toContainEqual(expect.stringMatching(/127\.0\.0\.53.*ARE NOT IN THIS LIST/));
  });

  test("systemd's own list of them is taken, where there is one", async () => {
    const given = { topology: served("127.0.0.53"), upstream: ["10.0.0.2", "fe80::1%eth0", "127.0.0.1", HOSTILE] };
    expect((await places(given)).slice(0, 2)).toEqual(["udp+tcp/53 10.0.0.2", "udp+tcp/53 fe80::1"]);
  });

  test("each is named once, and what is no address not at all", async () => {
    expect((await places({ topology: served("10.0.0.2", "10.0.0.2", HOSTILE) })).slice(0, 2)).toEqual([
      "udp+tcp/53 10.0.0.2",
      "tcp/443 api.crowdsec.net",
    ]);
  });
});

describe("inbound", () => {
  test("what listens beyond loopback is opened to those named, and to nobody without", async () => {
    const open = async (given: Given) => (await listOf(given)).rules.filter(isIn);
    expect(await open({ topology: LISTENING })).toMatchObject([
      { port: 8080, addresses: [], clients: "clients", from: [] },
      { port: 6060, addresses: [], clients: "prometheus", from: [] },
      { port: 7422, addresses: [{ address: "192.0.2.10" }], clients: "clients", from: [] },
    ]);
    const named = { clients: ["10.0.0.0/8"], prometheus: ["10.0.0.3"] };
    expect((await open({ topology: LISTENING, from: named })).map((rule) => rule.from)).toEqual([
      ["10.0.0.0/8"],
      ["10.0.0.3"],
      ["10.0.0.0/8"],
    ]);
  });

  test("on loopback nothing is opened, and the list says so", async () => {
    expect((await listOf()).rules.filter(isIn)).toEqual([]);
    expect(await reasonOf("inbound tcp/8080")).toMatch(/listens on 127\.0\.0\.1 only/);
    expect(await reasonOf("inbound tcp/6060")).toMatch(/listens on 127\.0\.0\.1 only/);
  });

  test("an agent's host opens no 8080, and metrics that are off no 6060", async () => {
    const off = { ...LISTENING.metrics, enabled: from(false, "config.yaml:59") };
    const topology: Partial<Topology> = { ...LISTENING, roles: [from("agent", "file")], metrics: off };
    expect((await listOf({ topology })).rules.filter(isIn).map(({ port }) => port)).toEqual([7422]);
  });

  test("open metrics say that the profiler is behind the same port", async () => {
    expect((await listOf({ topology: LISTENING })).notes).toContainEqual(expect.stringMatching(/pprof.*Prometheus/));
  });
});

describe("names without an address, which a firewall of addresses shuts off", () => {
  const dead: Given = { world: { ...HEALTHY, dns: () => failedWith("dns-timeout") } };

  test("without DNS they are all that CrowdSec cannot do without, the Local API and the database too", async () => {
    const database = networkDatabase({ at: { host: from("db.example", "x"), port: from(5432, "x") } });
    const lacking = lackingNames(
      await listOf({ ...dead, topology: { ...agentAt("http://lapi.example:8080/"), database } }),
    );
    expect(lacking).toEqual(expect.arrayContaining(["api.crowdsec.net", "lapi.example", "db.example"]));
  });

  test("what is optional is none of them, nor what a proxy reaches; the proxy itself is", async () => {
    const optional = await listOf(dead);
    const rules = optional.rules.map((rule) => (isOut(rule) ? { ...rule, optional: true } : rule));
    expect(unknownNames(optional)).not.toEqual([]);
    expect(lackingNames({ ...optional, rules })).toEqual([]);
    const variables = { HTTPS_PROXY: "http://proxy.example:3128" };
    const components = [crowdsecWith(variables), cscliWith(variables)];
    expect(lackingNames(await listOf({ ...dead, topology: { components } }))).toEqual(["proxy.example"]);
  });

  test("where all resolve there is none", async () => {
    expect(lackingNames(await listOf())).toEqual([]);
  });
});

describe("hostile configuration", () => {
  test("what is no host name is left out; nothing in the list has control characters", async () => {
    const topology: Partial<Topology> = {
      database: networkDatabase({ at: { host: from(HOSTILE, HOSTILE), port: from(5432, "x") } }),
      clients: [agentTo({ malformed: from("x", HOSTILE), problem: HOSTILE })],
    };
    const list = await listOf({ topology });
    expect(list.rules.map(({ port }) => port)).not.toContain(5432);
    expect(list.omitted).toContainEqual(expect.objectContaining({ reason: "it is no host name" }));
    expect(JSON.stringify(list)).not.toMatch(/\\n|\\t|\\u001b|\u2028/);
  });
});
