import { execFileSync } from "node:child_process";
import { chmodSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { ports } from "../../checks/port.ts";
import type { Check } from "../../src/model/check.ts";
import type { BindCode, Listener } from "../../src/model/observation.ts";
import type { Finding } from "../../src/model/report.ts";
import type { Listen, Topology } from "../../src/model/topology.ts";
import { findTopology } from "../../src/topology/index.ts";
import { tokensOf } from "../published/tokens.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";
import { makeFolder } from "../support/folder.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import { SYSTEM_NAMES, SYSTEMS, type SystemName } from "../support/systems.ts";
import { agentTo, BEFORE_INSTALL, bouncerTo, fileRead, from, itself, routeTo } from "../support/topology.ts";
import { CONNECTED, failedWith, holding, listener, ranWith, resolves } from "../support/world.ts";

const row = (id: string): Check => {
  const check = ports.find((candidate) => candidate.id === id);
  if (check === undefined) throw new Error(`no check ${id}`);
  return check;
};
const LAPI = row("port-lapi");
const METRICS = row("port-metrics");
const APPSEC = row("port-appsec");

const NGINX = { pid: 99, name: "nginx", unit: "nginx.service", elsewhere: false };
/** Whoever listens answers. */
const heldBy = (...listeners: readonly Listener[]): Given => ({ world: { listeners, tcp: () => CONNECTED } });
const { owner: _owner, ...UNSEEN } = listener();

const at = (host: string, port = 8080): Listen => ({
  uri: from({ host, port }, "/etc/crowdsec/config.yaml:47"),
  tls: false,
  appsec: [],
});
const withAppsec = (host = "127.0.0.1", port = 7422): Partial<Topology> => ({
  listen: { ...at("127.0.0.1"), appsec: [from({ host, port }, "/etc/crowdsec/acquis.d/appsec.yaml:2")] },
});

/** Before the install, with these files: as they are found. */
const beforehand = async (files: Readonly<Record<string, string>>): Promise<Partial<Topology>> => {
  const {
    listen,
    metrics,
    files: found,
  } = await findTopology({
    probe: fakeProber(holding(files)),
    environment: {},
    user: "root",
    platform: "linux",
    env: "auto",
    overrides: {},
  });
  return { ...BEFORE_INSTALL, engines: [], listen, metrics, files: found };
};
/** Before the install, where a real try ends with this. */
const triedWith = (code: BindCode): Required<Pick<Given, "world" | "topology">> => ({
  world: { listeners: [], bind: () => failedWith(code) },
  topology: { ...BEFORE_INSTALL, engines: [] },
});
/** An enabled unit that does not run, and this port in its arguments. */
const stoppedUnit = (port: number): World => ({
  ...holding({
    "/etc/systemd/system/web.service": `[Service]\nExecStart=/usr/bin/web --port ${port}\n`,
    "/etc/systemd/system/multi-user.target.wants/web.service": "",
  }),
  services: { web: { state: "stopped" } },
});
/** AppSec is not known before the install; `--phase install` on a host with a configuration. */
const appsecTried = (code: BindCode): Given => ({
  ...triedWith(code),
  topology: { ...withAppsec(), phase: from("install", "--phase"), engines: [] },
});

type Code = "port-in-use" | "bind-denied" | "bind-no-address" | "port-taken-at-boot";

const FAULTS: Record<string, Record<Code, FaultCase>> = {
  "port-lapi": {
    "port-in-use": ["host", "fail", "this-host", heldBy(listener({ owner: NGINX }))],
    "bind-denied": ["host", "fail", "this-host", triedWith("bind-denied")],
    "bind-no-address": ["host", "fail", "configuration", triedWith("bind-no-address")],
    "port-taken-at-boot": ["host", "warn", "this-host", { world: stoppedUnit(8080) }],
  },
  "port-metrics": {
    "port-in-use": ["host", "warn", "this-host", heldBy(listener({ port: 6060, owner: NGINX }))],
    "bind-denied": ["host", "warn", "this-host", triedWith("bind-denied")],
    "bind-no-address": ["host", "warn", "configuration", triedWith("bind-no-address")],
    "port-taken-at-boot": ["host", "warn", "this-host", { world: stoppedUnit(6060) }],
  },
  "port-appsec": {
    "port-in-use": [
      "host",
      "fail",
      "this-host",
      { ...heldBy(listener({ port: 7422, owner: NGINX })), topology: withAppsec() },
    ],
    "bind-denied": ["host", "fail", "this-host", appsecTried("bind-denied")],
    "bind-no-address": ["host", "fail", "configuration", appsecTried("bind-no-address")],
    "port-taken-at-boot": ["host", "warn", "this-host", { world: stoppedUnit(7422), topology: withAppsec() }],
  },
};

describe("faults", () => {
  test.each(Object.entries(FAULTS).flatMap(([id, rows]) => Object.entries(rows).map((each) => [id, ...each] as const)))(
    "of %s: %s is told with its phase, its blame and a remedy",
    async (id, code, expected) => {
      expectFault(await findingOf(row(id), expected[3]), code, expected);
    },
  );

  test("are each tried above", () => {
    expect(ports.map(({ id, faults }) => [id, Object.keys(faults)])).toEqual(
      Object.entries(FAULTS).map(([id, rows]) => [id, Object.keys(rows)]),
    );
  });
});

test("whoever holds the port is told by name, process and unit, with the line that names the port", async () => {
  const { summary, remedy, target } = await findingOf(LAPI, heldBy(listener({ owner: NGINX })));
  expect(summary).toBe(
    "127.0.0.1:8080 (/etc/crowdsec/config.yaml:47), which is to be CrowdSec's, is held by nginx (pid 99, nginx.service) on 127.0.0.1:8080",
  );
  expect(remedy[0]?.commands).toEqual(["ss -ltnp 'sport = :8080'"]);
  expect(target).toEqual({ host: "127.0.0.1", port: 8080, origin: "/etc/crowdsec/config.yaml:47" });
});

describe("a listener", () => {
  test.each<[string, string, boolean]>([
    ["127.0.0.1", "127.0.0.1", true],
    ["127.0.0.1", "0.0.0.0", true],
    ["127.0.0.1", "::", true],
    ["localhost", "127.0.0.1", true],
    ["[::1]", "::1", true],
    ["::1", "::", true],
    ["0.0.0.0", "192.0.2.10", true],
    ["0.0.0.0", "127.0.0.1", true],
    ["[::]", "127.0.0.1", true],
    ["", "192.0.2.10", true],
    ["127.0.0.1", "192.0.2.10", false],
    ["192.0.2.10", "127.0.0.1", false],
    ["127.0.0.1", "::1", false],
    ["127.0.0.1", "127.0.0.53", false],
  ])("where the Local API wants %p stands in its way on %p: %p", async (wanted, address, clash) => {
    const family = address.includes(":") ? 6 : 4;
    const given = heldBy(listener({ address, family, owner: NGINX }));
    const finding = await findingOf(LAPI, { ...given, topology: { listen: at(wanted) } });
    expect([finding.status, / is held by nginx/.test(finding.summary)]).toEqual([clash ? "fail" : "skip", clash]);
  });

  test("on another port stands in nobody's way", async () => {
    expect((await findingOf(LAPI, heldBy(listener({ port: 8081, owner: NGINX })))).status).toBe("skip");
  });

  test("on IPv6 is told in brackets", async () => {
    const { summary } = await findingOf(LAPI, {
      ...heldBy(listener({ address: "::", family: 6, owner: NGINX })),
      topology: { listen: at("[2001:db8::10]") },
    });
    expect(summary).toMatch(/^\[2001:db8::10\]:8080 .* on \[::\]:8080$/);
  });
});

test("CrowdSec's own listener passes, and is told", async () => {
  expect(await findingOf(LAPI, heldBy(listener()))).toMatchObject({
    status: "pass",
    summary: "The Local API's port is CrowdSec's: crowdsec (pid 4711, crowdsec.service) on 127.0.0.1:8080",
  });
});

test("of two holders, the one that is not CrowdSec is told", async () => {
  const docker = { pid: 7, name: "docker-proxy", elsewhere: false };
  const given = heldBy(listener(), listener({ address: "0.0.0.0", owner: docker }));
  const { status, summary } = await findingOf(LAPI, given);
  expect(status).toBe("fail");
  expect(summary).toMatch(/is held by docker-proxy \(pid 7\) on 0\.0\.0\.0:8080$/);
});

test("two holders that are not CrowdSec are both told", async () => {
  const apache = { pid: 8, name: "apache2", elsewhere: false };
  const given = heldBy(listener({ owner: NGINX }), listener({ address: "::1", family: 6, owner: apache }));
  const { summary } = await findingOf(LAPI, { ...given, topology: { listen: at("0.0.0.0") } });
  expect(summary).toMatch(/nginx \(pid 99, nginx\.service\) on 127\.0\.0\.1:8080; apache2 \(pid 8\) on \[::1\]:8080$/);
});

test("a holder in a container that shares this host's network is told as one", async () => {
  const owner = { pid: 12, name: "java", elsewhere: true };
  expect((await findingOf(LAPI, heldBy(listener({ owner })))).summary).toContain("java (pid 12, in a container)");
});

test("a holder in a container is named with it, and of a port that Docker publishes the container behind it", async () => {
  const told = async (owner: NonNullable<Listener["owner"]>): Promise<string> =>
    (await findingOf(LAPI, heldBy(listener({ owner })))).summary;
  const inside = { pid: 12, name: "java", elsewhere: true, container: "0123456789ab" };
  expect(await told(inside)).toContain("java (pid 12, in container 0123456789ab)");
  const proxy = {
    pid: 13,
    name: "docker-proxy",
    unit: "docker.service",
    elsewhere: false,
    container: "172.17.0.2:8080",
  };
  expect(await told(proxy)).toContain("docker-proxy (pid 13, docker.service, for the container at 172.17.0.2:8080)");
});

describe("what this user may not see", () => {
  test("leaves it unknown whose the port is, and asks for root", async () => {
    expect(await findingOf(LAPI, { ...heldBy(UNSEEN), topology: { user: "nobody" } })).toMatchObject({
      status: "unknown",
      reason: "run as root: whose 127.0.0.1:8080 is, this user may not see",
    });
  });

  test("is a fault before an install: a real try has failed, and no CrowdSec runs", async () => {
    const { summary, fault } = await findingOf(LAPI, {
      world: { listeners: [UNSEEN], bind: () => failedWith("bind-in-use") },
      topology: { ...BEFORE_INSTALL, engines: [], user: "nobody" },
    });
    expect(fault?.code).toBe("port-in-use");
    expect(summary).toMatch(/is held by a process that this user may not see on 127\.0\.0\.1:8080$/);
  });

  test("does so beside CrowdSec's own listener too", async () => {
    expect((await findingOf(LAPI, heldBy(listener(), { ...UNSEEN, address: "0.0.0.0" }))).status).toBe("unknown");
  });

  test("is told as such beside a holder that is seen", async () => {
    const { status, summary } = await findingOf(
      LAPI,
      heldBy(listener({ owner: NGINX }), { ...UNSEEN, address: "0.0.0.0" }),
    );
    expect(status).toBe("fail");
    expect(summary).toMatch(/; a process that this user may not see on 0\.0\.0\.0:8080$/);
  });

  test("is unknown as a whole where the socket table cannot be read", async () => {
    expect(await findingOf(LAPI, { world: { listeners: failedWith("file-denied") } })).toMatchObject({
      status: "unknown",
      reason: "the socket table cannot be read: the system's words for file-denied",
    });
  });
});

describe("before the install", () => {
  test.each([
    [LAPI, "127.0.0.1:8080"],
    [METRICS, "127.0.0.1:6060"],
  ])("a free default port passes: $id", async (check, place) => {
    const { status, summary } = await findingOf(check, { ...heldBy(), topology: BEFORE_INSTALL });
    expect([status, summary]).toEqual(["pass", `${check.title}: nothing listens on ${place}`]);
  });

  test("the default port that another holds is told before CrowdSec fails on it", async () => {
    const { status, summary } = await findingOf(LAPI, {
      ...heldBy(listener({ owner: NGINX })),
      topology: BEFORE_INSTALL,
    });
    expect([status, summary.startsWith("127.0.0.1:8080 (default)")]).toEqual(["fail", true]);
  });
});

describe("an address is really bound only where no CrowdSec could be starting just then", () => {
  const installed = { ...BEFORE_INSTALL, engines: [], program: { path: "/usr/bin/crowdsec" } };
  const binds = async (topology: Partial<Topology>, services: World["services"]): Promise<boolean> => {
    const { asked } = await runIn([LAPI], { topology, world: { listeners: [], ...(services && { services }) } });
    return asked.some((one) => one.startsWith("bind "));
  };

  test.each([
    ["a bare host", { ...BEFORE_INSTALL, engines: [] }, {}, true],
    ["--phase install where it is stopped", installed, { crowdsec: { state: "stopped" } }, true],
    ["one that is starting", installed, { crowdsec: { state: "starting" } }, false],
    ["one that waits to be started again", installed, { crowdsec: { state: "restarting" } }, false],
    [
      "one that runs",
      { ...installed, engines: [{ pid: 1, argv: ["crowdsec"], ageSeconds: 9 }] },
      { crowdsec: { state: "running" } },
      false,
    ],
  ] as const)("%s", async (_what, topology, services, expected) => {
    expect(await binds(topology, services)).toBe(expected);
  });
});

describe("the overlay that is there before the install", () => {
  const LOCAL = "/etc/crowdsec/config.yaml.local";
  const uri = (value: string): string => `api:\n  server:\n    listen_uri: ${value}\n`;
  const judged = async (check: Check, content: string): Promise<Finding> =>
    findingOf(check, { world: { listeners: [] }, topology: await beforehand({ [LOCAL]: content }) });

  test.each<[string, Check, string, string]>([
    ["a list", LAPI, uri("[a]"), `${LOCAL} cannot be used: can't merge a list into a scalar`],
    ["no YAML", LAPI, "api: [\n", `${LOCAL} cannot be used: `],
    ["no YAML, for the metrics either", METRICS, "api: [\n", `${LOCAL} cannot be used: `],
    ["no port", LAPI, uri("127.0.0.1"), `listen_uri cannot be used (${LOCAL}:3): it is not of the form host:port`],
    ["a port by its name", LAPI, uri("127.0.0.1:http-alt"), `listen_uri cannot be used (${LOCAL}:3)`],
    ["a variable", LAPI, uri("$" + "{LISTEN}"), `listen_uri cannot be used (${LOCAL}:3)`],
    ["a port that there is not", LAPI, uri("127.0.0.1:99999"), `listen_uri cannot be used (${LOCAL}:3)`],
    ["port 0", LAPI, uri("127.0.0.1:0"), `port 0 (${LOCAL}:3) is another one with each start`],
    ["nothing", LAPI, uri('""'), `listen_uri cannot be used (${LOCAL}:3)`],
    [
      "a metrics' port that there is not",
      METRICS,
      "prometheus:\n  listen_port: 99999\n",
      `the metrics' address cannot be used (${LOCAL}:2): it is no port number`,
    ],
  ])("is no pass of the default where it has %s", async (_what, check, content, reason) => {
    const finding = await judged(check, content);
    expect(finding.status).toBe("unknown");
    expect(finding.reason).toContain(reason);
  });

  test.each<[string, Check, string, string]>([
    ["the Local API", LAPI, "api:\n  server: {enable: false}\n", `${LOCAL} switches the Local API off`],
    ["the metrics", METRICS, "prometheus: {enabled: false}\n", `prometheus.enabled is off (${LOCAL}:1)`],
  ])("that switches %s off leaves no port to look at", async (_what, check, content, reason) => {
    expect(await judged(check, content)).toMatchObject({ status: "skip", reason: `not applicable: ${reason}` });
  });

  test("says on which address the metrics will be", async () => {
    const finding = await judged(METRICS, "prometheus: {listen_addr: 10.9.9.9}\n");
    expect(finding.target).toMatchObject({ host: "10.9.9.9", port: 6060 });
    const topology = await beforehand({ [LOCAL]: "prometheus: {listen_addr: 10.9.9.9}\n" });
    const world = { listeners: [], bind: () => failedWith("bind-no-address") };
    expect((await findingOf(METRICS, { world, topology })).summary).toContain(`10.9.9.9:6060 (${LOCAL}:1)`);
  });

  test("that this user may not read leaves it unknown", async () => {
    const files = [fileRead(LOCAL, "CrowdSec's configuration, overlay", { state: "denied" })];
    const topology = { ...BEFORE_INSTALL, engines: [], files };
    expect(await findingOf(LAPI, { world: { listeners: [] }, topology })).toMatchObject({
      status: "unknown",
      reason: `run as root: ${LOCAL} may not be read by this user`,
    });
  });

  test("gives way to --lapi-url where it says nothing of the address", async () => {
    const topology = await beforehand({ [LOCAL]: "prometheus: {listen_port: 6061}\n" });
    const clients = [itself(routeTo("http://127.0.0.1:8090/"))];
    const { target } = await findingOf(LAPI, { world: { listeners: [] }, topology: { ...topology, clients } });
    expect(target).toMatchObject({ port: 8090 });
  });
});

test("with CrowdSec configured, a port where nothing listens is nobody's: whether it runs is another check's", async () => {
  expect(await findingOf(LAPI, heldBy())).toMatchObject({
    status: "skip",
    reason: "nothing listens on 127.0.0.1:8080, so it is nobody's",
  });
});

describe("without a port to look at, the reason is told and nothing is asked", () => {
  const off = { enabled: from(false, "config.yaml:59"), listenAddress: from("", "default"), listenPort: from(1, "x") };
  test.each<[Check, Partial<Topology>, "skip" | "unknown", string]>([
    [
      LAPI,
      { listen: { tls: false, appsec: [], socket: from("/run/crowdsec.sock", "config.yaml:48") } },
      "skip",
      "not applicable: the Local API listens on the socket /run/crowdsec.sock only",
    ],
    [
      LAPI,
      {
        listen: { tls: false, appsec: [], uri: { malformed: from("x", "config.yaml:47"), problem: "no address" } },
      },
      "skip",
      "not applicable: listen_uri cannot be used (config.yaml:47)",
    ],
    [LAPI, { listen: { tls: false, appsec: [] } }, "skip", "not applicable: its configuration names no listen_uri"],
    [LAPI, { listen: { tls: false, appsec: [] }, clients: { hidden: "run as root" } }, "unknown", "run as root"],
    [METRICS, { metrics: { hidden: "run as root" } }, "unknown", "run as root"],
    [METRICS, { metrics: { absent: "no configuration" } }, "skip", "not applicable: no configuration"],
    [METRICS, { metrics: off }, "skip", "not applicable: prometheus.enabled is off (config.yaml:59)"],
    [
      METRICS,
      { metrics: { malformed: from("99999", "config.yaml:62"), problem: "no port number" } },
      "skip",
      "not applicable: the metrics' address cannot be used (config.yaml:62)",
    ],
    [APPSEC, {}, "skip", "not applicable: no acquisition has source: appsec"],
  ])("$id: %j is %s: %s", async (check, topology, status, reason) => {
    const { findings, asked } = await runIn([check], { ...heldBy(listener({ owner: NGINX })), topology });
    expect(findings).toMatchObject([{ status, reason }]);
    expect(asked).toEqual([]);
  });
});

describe("before an install, nobody has said yet", () => {
  const bare = { ...BEFORE_INSTALL, engines: [] };
  const taken = { listeners: [listener({ port: 7422, owner: NGINX })] };
  const answering = { ...taken, tcp: () => CONNECTED };

  test("whether AppSec is wanted: its port is tried, and only a warning when it is taken", async () => {
    expect(await findingOf(APPSEC, { topology: bare, world: { listeners: [] } })).toMatchObject({
      status: "pass",
      target: { port: 7422, origin: "AppSec's default, where it is wanted" },
    });
    const { status, summary, fault } = await findingOf(APPSEC, { topology: bare, world: answering });
    expect([status, fault?.code]).toEqual(["warn", "port-in-use"]);
    expect(summary).toContain("127.0.0.1:7422 (AppSec's default, where it is wanted)");
  });

  test("and what an install would bring may have none", async () => {
    const { findings, asked } = await runIn([APPSEC], { topology: bare, world: answering, version: [1, 4, 6] });
    expect(findings).toMatchObject([{ status: "skip", reason: "not applicable: CrowdSec 1.4.6 has no AppSec" }]);
    expect(asked).toEqual([]);
  });

  test("where the Local API will listen, unless --lapi-url names an address of this very host", async () => {
    const interfaces = [{ address: "10.0.0.5", family: 4 } as const];
    const boundAt = async (url: string): Promise<readonly string[]> => {
      const clients = [itself(routeTo(url))];
      const topology = { ...bare, interfaces, clients };
      return (await runIn([LAPI], { topology, world: { listeners: [] } })).asked.filter((one) => /^bind/.test(one));
    };
    expect(await boundAt("http://10.0.0.5:8081/")).toEqual(["bind 10.0.0.5:8081"]);
    expect(await boundAt("http://10.0.0.9:8081/")).toEqual(["bind 127.0.0.1:8080"]);
    expect(await boundAt("http://lapi.corp:8081/")).toEqual(["bind 127.0.0.1:8080"]);
  });
});

test("AppSec's port is told with the acquisition that names it", async () => {
  const given = heldBy(listener({ address: "::", family: 6, port: 7422, owner: NGINX }));
  const { summary } = await findingOf(APPSEC, { ...given, topology: withAppsec() });
  expect(summary).toContain("127.0.0.1:7422 (/etc/crowdsec/acquis.d/appsec.yaml:2)");
});

test("of several AppSec sources, each one's port is looked at", async () => {
  const appsec = [7422, 7423].map((port) => from({ host: "127.0.0.1", port }, `/etc/crowdsec/acquis.d/${port}.yaml:2`));
  const { findings } = await runIn([APPSEC], {
    ...heldBy(listener({ port: 7422 }), listener({ port: 7423, owner: NGINX })),
    topology: { listen: { ...at("127.0.0.1"), appsec } },
  });
  expect(findings.map(({ status }) => status)).toContain("fail");
});

describe("IPv6's wildcard without IPv4, which the socket table does not tell apart", () => {
  const wildcard = listener({ address: "::", family: 6, owner: NGINX });
  test("leaves IPv4 free where nobody answers there", async () => {
    const { findings, asked } = await runIn([LAPI], { world: { listeners: [wildcard] } });
    expect(findings).toMatchObject([{ status: "skip" }]);
    expect(asked).toContain("tcp 127.0.0.1:8080");
  });

  test("leaves IPv4 to CrowdSec where that listens there", async () => {
    expect((await findingOf(LAPI, heldBy(listener(), wildcard))).status).toBe("pass");
  });

  test("before the install a real try tells, and nobody is connected to", async () => {
    const { findings, asked } = await runIn([LAPI], {
      world: { listeners: [wildcard], bind: () => ({ ok: true, elapsedMs: 0 }) },
      topology: { ...BEFORE_INSTALL, engines: [] },
    });
    expect(findings).toMatchObject([{ status: "pass" }]);
    expect(asked.filter((one) => /^(tcp|bind) /.test(one))).toEqual(["bind 127.0.0.1:8080"]);
  });
});

describe("a real try", () => {
  test.each<[string, Partial<Topology>]>([
    ["with a configuration", {}],
    ["before the install, while a crowdsec runs", BEFORE_INSTALL],
  ])("is not made %s: CrowdSec might be starting just then", async (_when, topology) => {
    const { asked } = await runIn([...ports], { world: { listeners: [], ...stoppedUnit(8080) }, topology });
    expect(asked.filter((one) => one.startsWith("bind "))).toEqual([]);
  });

  test.each([
    ["10.0.0.5:8080", "bind 10.0.0.5:8080"],
    [":8080", "bind :::8080"],
    ["0.0.0.0:8080", "bind 0.0.0.0:8080"],
    ["[2001:DB8:0::10]:8080", "bind 2001:db8::10:8080"],
    ["localhost:8080", "bind 127.0.0.1:8080"],
    ["engine.example:8080", "bind 203.0.113.7:8080"],
  ])("is made at the very address that the overlay to come names: %s", async (uri, expected) => {
    const files = { "/etc/crowdsec/config.yaml.local": `api:\n  server:\n    listen_uri: "${uri}"\n` };
    const { asked } = await runIn([LAPI], {
      world: { ...holding(files), dns: resolves },
      topology: await beforehand(files),
    });
    expect(asked.filter((one) => one.startsWith("bind "))).toEqual([expected]);
  });

  test("that finds somebody where no listener is seen says what that can be, and whose it is", async () => {
    const { summary, remedy } = await findingOf(LAPI, {
      ...triedWith("bind-in-use"),
      world: {
        listeners: [],
        bind: ({ port }) => (port === 8080 ? failedWith("bind-in-use") : { ok: true, elapsedMs: 0 }),
      },
    });
    expect(summary).toMatch(/is held by something that does not listen: a connection that leaves from this port/);
    expect(remedy.flatMap(({ commands = [] }) => commands)).toContain("ss -tanp 'sport = :8080'");
  });

  test("that this user may not make asks for root", async () => {
    const given = triedWith("bind-denied");
    expect(await findingOf(LAPI, { ...given, topology: { ...given.topology, user: "nobody" } })).toMatchObject({
      status: "unknown",
      reason: "run as root: 127.0.0.1:8080 may not be listened on by this user",
    });
  });

  test("that goes wrong in another way leaves it unknown", async () => {
    expect(await findingOf(LAPI, triedWith("bind-error"))).toMatchObject({
      status: "unknown",
      reason: "127.0.0.1:8080 cannot be tried: the system's words for bind-error",
    });
  });

  test("that succeeds beside another address says so, and what the packages' script makes of it", async () => {
    const { status, summary } = await findingOf(LAPI, {
      world: {
        listeners: [listener({ address: "192.0.2.10", owner: NGINX })],
        bind: () => ({ ok: true, elapsedMs: 0 }),
      },
      topology: { ...BEFORE_INSTALL, engines: [] },
    });
    expect(status).toBe("pass");
    expect(summary).toMatch(/nginx .* on 192\.0\.2\.10:8080 leaves it free; .* systemctl start crowdsec does$/);
  });
});

describe("beside another address, before an install", () => {
  const beside = async (name: SystemName, world: World = {}): Promise<Finding> =>
    findingOf(LAPI, {
      world: {
        ...world,
        listeners: [listener({ address: "192.0.2.10", owner: NGINX })],
        bind: () => ({ ok: true, elapsedMs: 0 }),
      },
      topology: { ...BEFORE_INSTALL, engines: [], system: SYSTEMS[name].system },
    });

  test("a free port is a warning where CrowdSec's own script will look at the port alone", async () => {
    const { status, summary, remedy } = await beside("rhel");
    expect(status).toBe("warn");
    expect(summary).toBe(
      "127.0.0.1:8080 (default), which is to be CrowdSec's, is free, but nginx (pid 99, nginx.service) on 192.0.2.10:8080 has its port, and the install script of CrowdSec's own packages then does not start crowdsec",
    );
    expect(remedy.flatMap(({ commands = [] }) => commands)).toContain("systemctl start crowdsec");
    expect(remedy.some(({ text }) => text.startsWith("Another port for the Local API: 8081"))).toBe(true);
  });

  test("it passes without a word of that script where Debian's own package is what comes", async () => {
    const policy =
      "crowdsec:\nInstalled: (none)\nCandidate: 1.4.6-6\nVersion table:\n1.4.6-6 500\n500 http://deb.debian.org/debian bookworm/main amd64 Packages\n";
    const { status, summary } = await beside("debian", {
      paths: { "/usr/bin/apt-cache": { executable: true, guarded: true } },
      commands: () => ranWith(0, policy),
    });
    expect(status).toBe("pass");
    expect(summary).toMatch(/nginx .* on 192\.0\.2\.10:8080 leaves it free$/);
  });
});

describe("an address that this host does not have", () => {
  test("is told with a configuration too, without a try", async () => {
    const { findings, asked } = await runIn([LAPI], {
      world: { listeners: [] },
      topology: { listen: at("10.0.0.5") },
    });
    const [finding] = findings;
    expect(finding).toMatchObject({ status: "fail", fault: { code: "bind-no-address" } });
    expect(finding?.summary).toMatch(/^CrowdSec is to listen on 10\.0\.0\.5:8080 \(\/etc\/crowdsec\/config\.yaml:47\)/);
    expect(finding?.remedy[0]?.text).toContain("(127.0.0.1, ::1, 2001:db8::10, 192.0.2.10) as api.server.listen_uri");
    expect(asked.filter((one) => one.startsWith("bind "))).toEqual([]);
  });

  test.each(["192.0.2.10", "127.0.0.2", "0.0.0.0", "", "[::]", "[2001:db8:0:0::10]", "[fe80::1%eth0]", "some.example"])(
    "is not claimed of %p",
    async (host) => {
      expect((await findingOf(LAPI, { world: { listeners: [] }, topology: { listen: at(host) } })).status).toBe("skip");
    },
  );

  test("is not claimed where a socket has it: the system lets it be", async () => {
    const given = heldBy(listener({ address: "10.0.0.5" }));
    expect((await findingOf(LAPI, { ...given, topology: { listen: at("10.0.0.5") } })).status).toBe("pass");
  });

  test("is not claimed where interfaces are not to be seen", async () => {
    const topology = { listen: at("10.0.0.5"), interfaces: [] };
    expect((await findingOf(LAPI, { world: { listeners: [] }, topology })).status).toBe("skip");
  });
});

describe("who takes the port with the next start of the system", () => {
  test("is told while CrowdSec has it, by unit, file and line, and how to keep it", async () => {
    const { summary, remedy } = await findingOf(LAPI, { world: { ...stoppedUnit(8080), listeners: [listener()] } });
    expect(summary).toBe(
      "127.0.0.1:8080 (/etc/crowdsec/config.yaml:47), which is to be CrowdSec's, will be taken when this system starts the next time, by web.service (/etc/systemd/system/web.service:2: --port 8080); crowdsec (pid 4711, crowdsec.service) on 127.0.0.1:8080",
    );
    expect(remedy[0]).toEqual({
      text: "Where web.service is not needed, keep it from starting with the system; else give it another port (/etc/systemd/system/web.service:2).",
      commands: ["systemctl disable web.service"],
      undo: ["systemctl enable web.service"],
    });
    expect(remedy[1]?.text).toMatch(/^Another port for the Local API: 8081/);
  });

  test.each([
    ["on another address", "127.0.0.53:8080"],
    ["on another port", "127.0.0.1:18080"],
  ])("is not claimed of one %s", async (_where, stream) => {
    const world = holding({
      "/etc/systemd/system/web.socket": `[Socket]\nListenStream=${stream}\n`,
      "/etc/systemd/system/sockets.target.wants/web.socket": "",
    });
    expect((await findingOf(LAPI, { world: { ...world, listeners: [listener()] } })).status).toBe("pass");
  });

  test("is no matter while another has the port already", async () => {
    const given = { world: { ...stoppedUnit(8080), ...heldBy(listener({ owner: NGINX })).world } };
    expect((await findingOf(LAPI, given)).fault?.code).toBe("port-in-use");
  });
});

test("a pass tells when more starts with the system than was looked at", async () => {
  const sockets = Array.from({ length: 1500 }, (_each, index) => [
    `/usr/lib/systemd/system/s${index}.socket`,
    `[Socket]\nListenStream=${20_000 + index}\n`,
  ]);
  const world = { ...holding(Object.fromEntries(sockets)), listeners: [listener()] };
  expect((await findingOf(LAPI, { world })).summary).toMatch(/, which is a lot, only a part was looked at$/);
});

describe("of a port that systemd itself holds", () => {
  const systemd = listener({ owner: { pid: 1, name: "systemd", elsewhere: false } });
  test("the socket unit is named, and how it gives the port back", async () => {
    const world = holding({ "/usr/lib/systemd/system/web.socket": "[Socket]\nListenStream=8080\n" });
    const { summary, remedy } = await findingOf(LAPI, { world: { ...world, listeners: [systemd] } });
    expect(summary).toMatch(/is held by systemd \(pid 1, web\.socket\) on 127\.0\.0\.1:8080$/);
    expect(remedy.flatMap(({ commands = [] }) => commands)).toContain("systemctl disable --now web.socket");
  });

  test("without a unit that says so, no unit is named", async () => {
    expect((await findingOf(LAPI, { world: { listeners: [systemd] } })).summary).toMatch(/systemd \(pid 1\) on/);
  });
});

test("of a port that Docker publishes the container is named as Docker knows it", async () => {
  const folder = `/var/lib/docker/containers/${"0123456789abcdef".repeat(4)}`;
  const world = holding({
    [`${folder}/hostconfig.json`]: '{"PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}]}}',
    [`${folder}/config.v2.json`]: '{"Name":"/web","State":{"Running":true}}',
  });
  const owner = { pid: 13, name: "docker-proxy", unit: "docker.service", elsewhere: false, container: "172.17.0.2:80" };
  const { summary } = await findingOf(LAPI, {
    world: { ...world, listeners: [listener({ address: "0.0.0.0", owner })] },
  });
  expect(summary).toContain("docker-proxy (pid 13, docker.service, for the container web at 172.17.0.2:80)");
});

const CONFIG = "/etc/crowdsec/config.yaml";
const CREDENTIALS = "/etc/crowdsec/local_api_credentials.yaml";
const BOUNCER = "/etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml";
const NGINX_BOUNCER = "/etc/crowdsec/bouncers/crowdsec-nginx-bouncer.conf";
/** Line 47 and 62 of the configuration, and the first of the credentials. */
const INSTALLED = {
  [CONFIG]: `${"#\n".repeat(46)}    listen_uri: 127.0.0.1:8080 # loopback\n${"#\n".repeat(14)}    listen_port: 6060\n`,
  [CREDENTIALS]: "url: http://127.0.0.1:8080\nlogin: machine\n",
  [BOUNCER]: "mode: nftables\napi_url: http://127.0.0.1:8080/\n",
  [NGINX_BOUNCER]:
    "API_URL=http://localhost:8080\nAPPSEC_URL=http://127.0.0.1:7422\n#APPSEC_URL=http://127.0.0.1:7422\n",
  "/etc/crowdsec/acquis.d/appsec.yaml": "source: appsec\nlisten_addr: 127.0.0.1:7422\n",
};
const HERE = {
  clients: [
    agentTo(routeTo("http://127.0.0.1:8080/")),
    agentTo(routeTo("http://127.0.0.1:8080/"), { name: "cscli" }),
    bouncerTo({ url: from("http://127.0.0.1:8080/", `${BOUNCER}:2`), trust: routeTo("http://x/").trust }),
    bouncerTo(
      { url: from("http://localhost:8080/", `${NGINX_BOUNCER}:1`), trust: routeTo("http://x/").trust },
      { name: "crowdsec-nginx-bouncer", path: NGINX_BOUNCER },
    ),
    bouncerTo({
      url: from("http://198.51.100.9:8080/", "/etc/crowdsec/bouncers/other.yaml:2"),
      trust: routeTo("http://x/").trust,
    }),
  ],
} satisfies Partial<Topology>;

/** A change that keeps links, owners and modes; and what takes it back, without a copy left. */
const rewriting = (edit: string, file: string): readonly string[] => [
  `cp -p ${file} ${file}.preflight`,
  `sed ${edit} ${file}.preflight > ${file}`,
];
const restoring = (edit: string, file: string): readonly string[] => [...rewriting(edit, file), `rm ${file}.preflight`];

/** The remedy that gives CrowdSec another port. */
const moveIn = ({ remedy }: Finding) => remedy.find(({ text }) => text.startsWith("Another port for"));

const taken = (...listeners: readonly Listener[]): World => ({ ...holding(INSTALLED), listeners });

describe("another port for CrowdSec", () => {
  test("is the first that nobody has on any address, nor will have, nor CrowdSec itself", async () => {
    const world = {
      ...taken(
        listener({ owner: NGINX }),
        listener({ port: 8081, address: "192.0.2.10", owner: NGINX }),
        listener({ port: 8082 }),
      ),
      ...holding({
        ...INSTALLED,
        "/etc/systemd/system/web.service": "[Service]\nExecStart=/usr/bin/web --port 8083\n",
        "/etc/systemd/system/multi-user.target.wants/web.service": "",
      }),
    };
    const metrics = { enabled: from(true, "x"), listenAddress: from("", "x"), listenPort: from(8084, "x") };
    const finding = await findingOf(LAPI, { world, topology: { ...HERE, metrics } });
    expect(moveIn(finding)?.text).toMatch(/^Another port for the Local API: 8085 is the first free one/);
  });

  test("takes a command for each line of each file that names it, and starts again what reads them", async () => {
    const finding = await findingOf(LAPI, { world: taken(listener({ owner: NGINX })), topology: HERE });
    expect(moveIn(finding)).toEqual({
      text: "Another port for the Local API: 8081 is the first free one. This writes it into each file of this host that names 8080. A bouncer whose address stands elsewhere, as in haproxy.cfg, needs it too.",
      commands: [
        ...rewriting("47s/:8080/:8081/", CONFIG),
        ...rewriting("1s/:8080/:8081/", CREDENTIALS),
        ...rewriting("2s/:8080/:8081/", BOUNCER),
        ...rewriting("1s/:8080/:8081/", NGINX_BOUNCER),
        "systemctl restart crowdsec",
        "systemctl restart crowdsec-firewall-bouncer",
        "systemctl restart crowdsec-nginx-bouncer",
      ],
      undo: [
        ...restoring("47s/:8081/:8080/", CONFIG),
        ...restoring("1s/:8081/:8080/", CREDENTIALS),
        ...restoring("2s/:8081/:8080/", BOUNCER),
        ...restoring("1s/:8081/:8080/", NGINX_BOUNCER),
        "systemctl restart crowdsec",
        "systemctl restart crowdsec-firewall-bouncer",
        "systemctl restart crowdsec-nginx-bouncer",
      ],
    });
  });

  test("leaves a link a link, and its file's mode; and undone, the file as it was and no copy", async () => {
    const folder = makeFolder();
    try {
      const real = folder.write("real/config.yaml", "listen_uri: 127.0.0.1:8080\n");
      const config = `${folder.path}/config.yaml`;
      chmodSync(real, 0o600);
      symlinkSync(real, config);
      const world = { ...holding({ [config]: readFileSync(real, "utf8") }), listeners: [listener({ owner: NGINX })] };
      const listen = { ...at("127.0.0.1"), uri: from({ host: "127.0.0.1", port: 8080 }, `${config}:1`) };
      const move = moveIn(await findingOf(LAPI, { world, topology: { clients: [], listen } }));
      const type = (commands: readonly string[] = []): void => {
        for (const one of commands.filter((each) => !each.startsWith("systemctl ")))
          execFileSync("/bin/sh", ["-c", one]);
      };
      type(move?.commands);
      expect(readFileSync(real, "utf8")).toBe("listen_uri: 127.0.0.1:8081\n");
      expect(statSync(`${config}.preflight`).mode & 0o777).toBe(0o600);
      type(move?.undo);
      expect(readFileSync(real, "utf8")).toBe("listen_uri: 127.0.0.1:8080\n");
      expect(lstatSync(config).isSymbolicLink()).toBe(true);
      expect(statSync(real).mode & 0o777).toBe(0o600);
      expect(readdirSync(folder.path)).toEqual(["config.yaml", "real"]);
    } finally {
      folder.remove();
    }
  });

  test.each([
    ["a variable", "    listen_uri: 127.0.0.1:$PORT"],
    ["a longer number before it", "    listen_uri: 127.0.0.1:80800 8080"],
    ["a part of an IPv6 address", "    listen_uri: '[2001:db8::8080]:8080'"],
  ])("is left to a person where the line holds %s", async (_what, line) => {
    const world = { ...taken(listener({ owner: NGINX })), ...holding({ [CONFIG]: `${"#\n".repeat(46)}${line}\n` }) };
    const move = moveIn(await findingOf(LAPI, { world, topology: { clients: [] } }));
    expect(move?.text).toMatch(/ By hand, too: \/etc\/crowdsec\/config\.yaml:47\.$/);
    expect(move?.commands).toBeUndefined();
  });

  test("names the files that this user may not read", async () => {
    const clients = [bouncerTo({ hidden: `run as root: ${BOUNCER}` })];
    const move = moveIn(await findingOf(LAPI, { world: taken(listener({ owner: NGINX })), topology: { clients } }));
    expect(move?.text).toMatch(new RegExp(`By hand, too: ${BOUNCER}\\.$`));
  });

  test("of a Local API for others says that those need it as well", async () => {
    const topology = { ...HERE, listen: at("0.0.0.0") };
    const move = moveIn(await findingOf(LAPI, { world: taken(listener({ owner: NGINX })), topology }));
    expect(move?.text).toMatch(/Clients on other hosts need it too, and a firewall on the way must let it through\.$/);
  });

  test("for the metrics changes listen_port", async () => {
    const finding = await findingOf(METRICS, { world: taken(listener({ port: 6060, owner: NGINX })) });
    expect(moveIn(finding)?.commands).toEqual([...rewriting("62s/6060/6061/", CONFIG), "systemctl restart crowdsec"]);
  });

  test.each<[string, Record<string, string>, readonly string[] | undefined]>([
    [
      "nowhere",
      {},
      [`printf 'prometheus:\\n  listen_port: %s\\n' 6061 >> ${CONFIG}.local`, "systemctl restart crowdsec"],
    ],
    [
      "nowhere, beside other blocks",
      { [`${CONFIG}.local`]: "api: {}\n" },
      [`printf 'prometheus:\\n  listen_port: %s\\n' 6061 >> ${CONFIG}.local`, "systemctl restart crowdsec"],
    ],
    ["nowhere, in a block that is there", { [`${CONFIG}.local`]: "prometheus:\n  enabled: true\n" }, undefined],
    ["nowhere, behind a line without an end", { [`${CONFIG}.local`]: "api: {}" }, undefined],
  ])("for metrics whose port is written %s", async (_where, files, commands) => {
    const metrics = { enabled: from(true, "x"), listenAddress: from("", "x"), listenPort: from(6060, "default") };
    const world = { ...holding(files), listeners: [listener({ port: 6060, owner: NGINX })] };
    const move = moveIn(await findingOf(METRICS, { world, topology: { metrics } }));
    expect(move?.commands).toEqual(commands);
    expect(move?.text.includes("By hand, too")).toBe(commands === undefined);
  });

  test("for AppSec changes the acquisition and the bouncers that ask it", async () => {
    const world = taken(listener({ port: 7422, owner: NGINX }));
    const finding = await findingOf(APPSEC, { world, topology: { ...withAppsec(), ...HERE } });
    expect(moveIn(finding)?.commands).toEqual([
      ...rewriting("2s/:7422/:7423/", "/etc/crowdsec/acquis.d/appsec.yaml"),
      ...rewriting("2s/:7422/:7423/", NGINX_BOUNCER),
      "systemctl restart crowdsec",
      "systemctl restart crowdsec-nginx-bouncer",
    ]);
  });

  test("is another one for each of two AppSec sources", async () => {
    const appsec = [7422, 7424].map((port) =>
      from({ host: "127.0.0.1", port }, `/etc/crowdsec/acquis.d/${port}.yaml:2`),
    );
    const { findings } = await runIn([APPSEC], {
      world: { listeners: [listener({ port: 7422, owner: NGINX }), listener({ port: 7424, owner: NGINX })] },
      topology: { listen: { ...at("127.0.0.1"), appsec } },
    });
    expect(findings.map((finding) => /AppSec: (\d+)/.exec(moveIn(finding)?.text ?? "")?.[1])).toEqual(["7423", "7425"]);
  });

  test("is looked for no further than twenty ports", async () => {
    const listeners = Array.from({ length: 30 }, (_each, index) => listener({ port: 8080 + index, owner: NGINX }));
    expect(moveIn(await findingOf(LAPI, { world: { listeners } }))).toBeUndefined();
  });

  test("before the install is tried for real, and bounded", async () => {
    const { findings, asked } = await runIn([LAPI], {
      world: { listeners: [listener({ owner: NGINX })], bind: () => failedWith("bind-in-use") },
      topology: { ...BEFORE_INSTALL, engines: [] },
    });
    expect(findings.flatMap((finding) => moveIn(finding) ?? [])).toEqual([]);
    expect(asked.filter((one) => one.startsWith("bind "))).toHaveLength(21);
  });

  describe("before the install", () => {
    const planned = async (files: Record<string, string>, check = LAPI): Promise<Finding> =>
      findingOf(check, {
        world: {
          ...holding(files),
          listeners: [listener({ owner: NGINX }), listener({ port: 6060, owner: NGINX })],
        },
        topology: await beforehand(files),
      });
    const WAL = `grep -q '^db_config:' ${CONFIG}.local || printf 'db_config:\\n  use_wal: true\\n' >> ${CONFIG}.local`;

    test("stands in the overlay, as CrowdSec reads it, with what Debian's package would write there", async () => {
      const finding = await planned({});
      expect(moveIn(finding)).toEqual({
        text: `Another port for the Local API: 8081 is the first free one. Before the install, write it as api.server.listen_uri into ${CONFIG}.local, which CrowdSec reads from 1.4.0 on.`,
        commands: [
          "mkdir -p /etc/crowdsec",
          `printf 'api:\\n  server:\\n    listen_uri: "%s"\\n' 127.0.0.1:8081 >> ${CONFIG}.local`,
          WAL,
        ],
        undo: [
          ...restoring("'/^api:$/,/^    listen_uri: /d'", `${CONFIG}.local`),
          `grep -qv -e '^db_config:$' -e '^  use_wal: true$' ${CONFIG}.local || rm ${CONFIG}.local`,
        ],
      });
      expect(finding.remedy.at(-1)?.commands).toEqual([
        ...rewriting("s/:8080/:8081/", BOUNCER),
        "systemctl restart crowdsec-firewall-bouncer",
      ]);
    });

    test("can be taken back one by one, through a link, and leaves nothing", async () => {
      const folder = makeFolder();
      try {
        const config = `${folder.path}/config.yaml`;
        const topology = { ...BEFORE_INSTALL, engines: [], config: from(config, "--config") };
        const world = { listeners: [listener({ owner: NGINX }), listener({ port: 6060, owner: NGINX })] };
        const [lapi, metrics] = await Promise.all(
          [LAPI, METRICS].map(async (check) => moveIn(await findingOf(check, { world, topology }))),
        );
        const type = (commands: readonly string[] = []): void => {
          for (const one of commands) execFileSync("/bin/sh", ["-c", one]);
        };
        const read = (): string => readFileSync(`${config}.local`, "utf8");
        type(lapi?.commands);
        type(metrics?.commands);
        expect(read()).toMatch(/^api:[\s\S]*^prometheus:/m);
        type(lapi?.undo);
        expect(read()).toBe("db_config:\n  use_wal: true\nprometheus:\n  listen_port: 6061\n");
        type(metrics?.undo);
        expect(readdirSync(folder.path)).toEqual([]);
      } finally {
        folder.remove();
      }
    });

    test("for the metrics stands beside that", async () => {
      const finding = await planned({ [`${CONFIG}.local`]: "api:\n  server:\n" }, METRICS);
      expect(moveIn(finding)?.commands).toEqual([
        "mkdir -p /etc/crowdsec",
        `printf 'prometheus:\\n  listen_port: %s\\n' 6061 >> ${CONFIG}.local`,
        WAL,
      ]);
      expect(moveIn(finding)?.undo).toBeUndefined();
    });

    test("is no second block beside one that is there", async () => {
      const move = moveIn(await planned({ [`${CONFIG}.local`]: "api:\n  cti: {}\n" }));
      expect(move?.commands).toBeUndefined();
    });

    test("that is written is what counts from then on", async () => {
      const written = 'api:\n  server:\n    listen_uri: "127.0.0.1:8081"\n';
      expect(await planned({ [`${CONFIG}.local`]: written })).toMatchObject({
        status: "pass",
        target: { host: "127.0.0.1", port: 8081, origin: `${CONFIG}.local:3` },
      });
      const metrics = await planned({ [`${CONFIG}.local`]: `${written}prometheus:\n  listen_port: 6061\n` }, METRICS);
      expect(metrics).toMatchObject({ status: "pass", target: { port: 6061, origin: `${CONFIG}.local:5` } });
    });

    test("that is written and taken meanwhile is changed where it stands, and nothing is started again", async () => {
      const written = 'api:\n  server:\n    listen_uri: "127.0.0.1:8080"\n';
      expect(moveIn(await planned({ [`${CONFIG}.local`]: written }))?.commands).toEqual([
        ...rewriting("3s/:8080/:8081/", `${CONFIG}.local`),
      ]);
    });
  });
});

describe.each(SYSTEM_NAMES)("on %s", (name) => {
  const { system } = SYSTEMS[name];
  const held = { listeners: [listener({ owner: NGINX }), listener({ port: 6060, owner: NGINX })] };
  const toCome = { ...BEFORE_INSTALL, engines: [], system };
  test.each<[string, Check, Given]>([
    ["the Local API's port", LAPI, { world: { ...holding(INSTALLED), ...held }, topology: { system } }],
    ["the metrics' port", METRICS, { world: { ...holding(INSTALLED), ...held }, topology: { system } }],
    ["the Local API's port, before the install", LAPI, { world: held, topology: toCome }],
    ["the metrics' port, before the install", METRICS, { world: held, topology: toCome }],
  ])("what moves %s is typed as there, and names nothing that CrowdSec does not have", async (_whose, check, given) => {
    const finding = await findingOf(check, given);
    const words = finding.remedy.flatMap(({ text, commands = [], undo = [] }) => [text, ...commands, ...undo]);
    const unknown = words.flatMap(tokensOf).filter(({ known }) => known === undefined);
    expect(unknown.map(({ word }) => word)).toEqual([]);
    expect(words.some((word) => word.startsWith("systemctl ")) && system.services !== "systemd").toBe(false);
    // What is changed in an image is gone with its next start.
    expect(moveIn(finding) === undefined).toBe(["container", "kubernetes"].includes(system.services));
  });
});
