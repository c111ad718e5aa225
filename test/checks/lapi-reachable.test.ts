import { describe, expect, test } from "@jest/globals";
import lapiIdentity from "../../checks/lapi-identity.ts";
import check from "../../checks/lapi-reachable.ts";
import type { Context, Verdict } from "../../src/model/check.ts";
import type { LayerCode } from "../../src/model/observation.ts";
import type { LapiClient, Topology } from "../../src/model/topology.ts";
import type { Version } from "../../src/model/version.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";
import { proxied, proxyFaults } from "../support/proxied.ts";
import { expectFault, type FaultCase, findingOf, NOW, runIn } from "../support/run.ts";
import {
  agentAt,
  agentTo,
  bouncerTo,
  from,
  itself,
  packageInstall,
  routeBySocket,
  routeTo,
} from "../support/topology.ts";
import { BLOCK_PAGE, CONNECTED, failedWith, failingAt, HEALTHY, resolved } from "../support/world.ts";

const REMOTE = agentAt("http://lapi.example:8080/");
const BY_SOCKET = { clients: [agentTo(routeBySocket("/run/crowdsec.sock"))] };
const MALFORMED = { malformed: from("localhost:8080", "local_api_credentials.yaml:1"), problem: "not a URL" };
const FRESH = { pid: 4711, argv: ["/usr/bin/crowdsec"], ageSeconds: 2 };

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
  "socket-missing": [
    "connect",
    "fail",
    "configuration",
    { topology: BY_SOCKET, world: { sockets: () => failedWith("socket-missing") } },
  ],
  "socket-denied": [
    "connect",
    "fail",
    "this-host",
    { topology: BY_SOCKET, world: { sockets: () => failedWith("socket-denied") } },
  ],
  "proxy-answers": [
    "proxy",
    "fail",
    "configuration",
    { topology: { ...REMOTE, ...proxied() }, world: { ...HEALTHY, http: () => BLOCK_PAGE } },
  ],
  "lapi-url-invalid": ["host", "fail", "configuration", { topology: { clients: [agentTo(MALFORMED)] } }],
  "lapi-went-away": [
    "connect",
    "fail",
    "configuration",
    {
      topology: { engine: FRESH },
      world: { ...HEALTHY, tcp: ({ look }) => (look === undefined ? CONNECTED : failedWith("tcp-refused")) },
    },
  ],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  const given = row[3] ?? { world: failingAt(code as LayerCode), topology: REMOTE };
  expectFault(await findingOf(check, given), code, row);
});

test("a refusal is mended with this host's service manager here, and with listen_uri on another host", async () => {
  const world = failingAt("tcp-refused");
  const here = JSON.stringify((await findingOf(check, { world })).remedy);
  const elsewhere = JSON.stringify((await findingOf(check, { world, topology: REMOTE })).remedy);
  expect([here.includes("journalctl"), here.includes("listen_uri")]).toEqual([true, false]);
  expect([elsewhere.includes("journalctl"), elsewhere.includes("listen_uri")]).toEqual([false, true]);
});

test("a malformed URL is told with its problem and its place, and is never dialed", async () => {
  const { findings, asked } = await runIn([check], FAULTS["lapi-url-invalid"][3]);
  expect(findings[0]?.summary).toBe(
    "the Local API's address localhost:8080 (local_api_credentials.yaml:1) is not a URL",
  );
  expect(asked).toEqual([]);
});

describe("without a URL to dial", () => {
  test.each<[string, LapiClient["way"], string]>([
    ["skip", { absent: "no file names one" }, "not applicable: no file names one"],
    ["unknown", { hidden: "run as root: /etc/x may not be read" }, "run as root: /etc/x may not be read"],
  ])("it is a %s with the reason", async (status, way, reason) => {
    expect(await findingOf(check, { topology: { clients: [agentTo(way)] } })).toMatchObject({ status, reason });
  });

  test.each<[string, Topology["clients"], string]>([
    ["skip", { absent: "nobody here" }, "not applicable: nobody here"],
    ["unknown", { hidden: "run as root" }, "run as root"],
  ])("and without a client it is a %s with the reason", async (status, clients, reason) => {
    expect(await findingOf(check, { topology: { clients } })).toMatchObject({
      instance: "lapi-reachable",
      status,
      reason,
    });
  });
});

describe("every client", () => {
  const clients = [
    itself(),
    agentTo(routeTo("http://127.0.0.1:8081/")),
    agentTo(routeTo("http://127.0.0.1:8080/"), { name: "cscli" }),
    bouncerTo(routeTo("http://127.0.0.1:8080/")),
  ];
  const tcp: World["tcp"] = ({ port }) => (port === 8080 ? CONNECTED : failedWith("tcp-refused"));

  test("is asked for where its own file says: the one with the old port is told, the others pass", async () => {
    const { findings } = await runIn([check], { topology: { clients }, world: { ...HEALTHY, tcp } });
    expect(findings.map(({ instance, status, target }) => [instance, status, target?.port])).toEqual([
      ["lapi-reachable@lapi", "pass", 8080],
      ["lapi-reachable@agent", "fail", 8081],
      ["lapi-reachable@cscli", "pass", 8080],
      ["lapi-reachable@crowdsec-firewall-bouncer", "pass", 8080],
    ]);
  });

  test("of several, only the one that fails keeps what needs it from being asked", async () => {
    const { findings } = await runIn([check, lapiIdentity], { topology: { clients }, world: { ...HEALTHY, tcp } });
    expect(findings.filter(({ because }) => because).map(({ instance, because }) => [instance, because])).toEqual([
      ["lapi-identity@agent", ["lapi-reachable@agent"]],
    ]);
  });
});

describe("a unix socket", () => {
  test("passes when it takes the connection, and nothing else is dialed", async () => {
    const { findings, asked } = await runIn([check], { topology: BY_SOCKET });
    expect(findings).toMatchObject([{ status: "pass", target: { path: "/run/crowdsec.sock" } }]);
    expect(asked).toEqual(["socket /run/crowdsec.sock"]);
  });

  test.each<[string, Version | undefined, string]>([
    ["before 1.6.1, which takes a path for a URL", [1, 6, 0], "fail"],
    ["since 1.6.1", [1, 6, 1], "pass"],
    ["of an unknown version", undefined, "pass"],
  ])("of a CrowdSec %s (%p) is a %s", async (_name, version, status) => {
    const finding = await findingOf(check, { topology: BY_SOCKET, ...(version && { version }) });
    expect(finding.status).toBe(status);
    if (status === "fail")
      expect(finding.summary).toBe(
        "the Local API's address /run/crowdsec.sock (/etc/crowdsec/local_api_credentials.yaml:1) is a unix socket, which CrowdSec knows since 1.6.1 only",
      );
  });

  test("of a bouncer passes with the note that its own version decides, whatever CrowdSec's is", async () => {
    const topology = { clients: [bouncerTo(routeBySocket("/run/crowdsec.sock"))] };
    const { status, summary } = await findingOf(check, { topology, version: [1, 4, 6] });
    expect(status).toBe("pass");
    expect(summary).toContain("whether this bouncer can use a unix socket depends on its version");
  });

  test.each<[LayerCode | "socket-missing" | "socket-denied", RegExp]>([
    ["socket-missing", /listen_socket \/etc\/crowdsec\/config\.yaml /],
    ["socket-denied", /^namei -l \/run\/crowdsec\.sock$/m],
    ["tcp-refused", /^ss -lxp \| grep \/run\/crowdsec\.sock$/m],
  ])("that fails by %s is mended with its own path, not with a port", async (code, command) => {
    const world = { ...HEALTHY, sockets: () => failedWith(code) };
    const { fault, remedy } = await findingOf(check, { topology: BY_SOCKET, world });
    const commands = remedy.flatMap((each) => each.commands ?? []).join("\n");
    expect(fault?.code).toBe(code);
    expect(commands).toMatch(command);
    expect(commands).not.toContain("sport");
  });
});

describe("the second look", () => {
  const context = (topology: Partial<Topology>, tcp: World["tcp"] = HEALTHY.tcp): Context => ({
    topology: packageInstall(topology),
    probe: fakeProber({ ...HEALTHY, tcp }),
    now: NOW,
    version: async () => undefined,
    allowWrites: false,
  });
  const { engine: _engine, ...unseen } = packageInstall();

  test.each<[string, boolean, Context]>([
    ["is not taken at an old process of this host", false, context({})],
    ["is taken at a young process of this host", true, context({ engine: FRESH })],
    ["is taken at another host, whatever runs here", true, context(REMOTE)],
    ["is taken where no process is seen", true, { ...context({}), topology: unseen }],
    [
      "is not taken at an old process of this host that is dialed by its outward address",
      false,
      context(agentAt("http://192.0.2.10:8080/")),
    ],
  ])("%s", async (_name, taken, given) => {
    const first = await check.run(given, "agent");
    expect(first).toMatchObject({ status: "pass" });
    expect(check.again?.(given, first, "agent") !== undefined).toBe(taken);
  });

  test.each<Verdict<"tcp-refused">>([
    { status: "fault", fault: "tcp-refused", data: {} },
    { status: "unknown", reason: "cut off" },
    { status: "skip", reason: "not applicable" },
  ])("is not taken after a first one that was no pass: $status", (first) => {
    expect(check.again?.(context(REMOTE), first, "agent")).toBeUndefined();
  });

  test("keeps the first verdict when the Local API still answers", async () => {
    const given = context(REMOTE);
    const first = await check.run(given, "agent");
    expect(await check.again?.(given, first, "agent")?.()).toBe(first);
  });

  test("asks anew, not for the remembered answer", async () => {
    const looks: unknown[] = [];
    const given = context(REMOTE, (question) => {
      looks.push(question.look);
      return CONNECTED;
    });
    await check.again?.(given, await check.run(given, "agent"), "agent")?.();
    expect(new Set(looks)).toEqual(new Set([undefined, 2]));
  });
});

test("a Local API that dies of its agent's configuration can be kept up: the drop-in names this host's program and configuration, and how to take it back", async () => {
  const given = FAULTS["lapi-went-away"][3];
  const program = { path: "/usr/local/bin/crowdsec" };
  const { remedy } = await findingOf(check, { ...given, topology: { ...given?.topology, program } });
  const keep = remedy.find(({ undo }) => undo);
  expect(keep?.commands?.join("\n")).toContain("/usr/local/bin/crowdsec /etc/crowdsec/config.yaml >");
  expect(keep?.undo?.join("\n")).toContain("rm /etc/systemd/system/crowdsec.service.d/no-agent.conf");
});

test("one address that answers is enough", async () => {
  const world = {
    ...HEALTHY,
    dns: () => resolved("192.0.2.10", "198.51.100.1"),
    tcp: ({ address }: { address: string }) => (address === "192.0.2.10" ? CONNECTED : failedWith("tcp-refused")),
  };
  const { status, addresses } = await findingOf(check, { world, topology: agentAt("http://lapi:8080/") });
  expect(status).toBe("pass");
  expect(addresses?.map(({ ok }) => ok)).toEqual([true, false]);
});
