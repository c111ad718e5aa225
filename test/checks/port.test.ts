import { describe, expect, test } from "@jest/globals";
import { ports } from "../../checks/port.ts";
import type { Check } from "../../src/model/check.ts";
import type { Listener } from "../../src/model/observation.ts";
import type { Listen, Topology } from "../../src/model/topology.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import { BEFORE_INSTALL, from } from "../support/topology.ts";
import { failedWith, listener } from "../support/world.ts";

const row = (id: string): Check => {
  const check = ports.find((candidate) => candidate.id === id);
  if (check === undefined) throw new Error(`no check ${id}`);
  return check;
};
const LAPI = row("port-lapi");
const METRICS = row("port-metrics");
const APPSEC = row("port-appsec");

const NGINX = { pid: 99, name: "nginx", unit: "nginx.service", elsewhere: false };
const heldBy = (...listeners: readonly Listener[]): Given => ({ world: { listeners } });
const { owner: _owner, ...UNSEEN } = listener();

const at = (host: string, port = 8080): Listen => ({
  uri: from({ host, port }, "/etc/crowdsec/config.yaml:47"),
  tls: false,
  appsec: [],
});
const withAppsec = (host = "127.0.0.1", port = 7422): Partial<Topology> => ({
  listen: { ...at("127.0.0.1"), appsec: [from({ host, port }, "/etc/crowdsec/acquis.d/appsec.yaml:2")] },
});

const FAULTS: Record<string, Record<"port-in-use", FaultCase>> = {
  "port-lapi": { "port-in-use": ["host", "fail", "this-host", heldBy(listener({ owner: NGINX }))] },
  "port-metrics": { "port-in-use": ["host", "warn", "this-host", heldBy(listener({ port: 6060, owner: NGINX }))] },
  "port-appsec": {
    "port-in-use": [
      "host",
      "fail",
      "this-host",
      { ...heldBy(listener({ port: 7422, owner: NGINX })), topology: withAppsec() },
    ],
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
    expect([finding.status, finding.summary.includes("nginx")]).toEqual([clash ? "fail" : "skip", clash]);
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
  const given = heldBy(listener({ owner: NGINX }), listener({ address: "::", family: 6, owner: apache }));
  expect((await findingOf(LAPI, given)).summary).toMatch(
    /nginx \(pid 99, nginx\.service\) on 127\.0\.0\.1:8080; apache2 \(pid 8\) on \[::\]:8080$/,
  );
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
    [APPSEC, BEFORE_INSTALL, "skip", "not applicable: no acquisition has source: appsec"],
  ])("$id: %j is %s: %s", async (check, topology, status, reason) => {
    const { findings, asked } = await runIn([check], { ...heldBy(listener({ owner: NGINX })), topology });
    expect(findings).toMatchObject([{ status, reason }]);
    expect(asked).toEqual([]);
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
