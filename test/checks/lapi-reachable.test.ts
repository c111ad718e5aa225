import { describe, expect, test } from "@jest/globals";
import check from "../../checks/lapi-reachable.ts";
import type { Context, Verdict } from "../../src/model/check.ts";
import type { LayerCode } from "../../src/model/observation.ts";
import type { Topology } from "../../src/model/topology.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";
import { expectFault, type FaultCase, findingOf, NOW, runIn } from "../support/run.ts";
import { from, packageInstall, routeTo } from "../support/topology.ts";
import { CONNECTED, failedWith, failingAt, HEALTHY, resolved } from "../support/world.ts";

const REMOTE = { lapi: routeTo("http://lapi.example:8080/") };
const FRESH = { pid: 4711, argv: ["/usr/bin/crowdsec"], ageSeconds: 2 };

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "dns-nxdomain": ["resolve", "fail", "configuration"],
  "dns-nodata": ["resolve", "fail", "resolver"],
  "dns-servfail": ["resolve", "fail", "resolver"],
  "dns-refused": ["resolve", "fail", "resolver"],
  "dns-timeout": ["resolve", "fail", "resolver"],
  "dns-no-resolver": ["resolve", "fail", "this-host"],
  "tcp-refused": ["connect", "fail", "remote-service"],
  "tcp-timeout": ["connect", "fail", "network"],
  "tcp-unreachable": ["connect", "fail", "network"],
  "tcp-reset": ["connect", "fail", "network"],
  "lapi-url-invalid": [
    "host",
    "fail",
    "configuration",
    { topology: { lapi: { malformed: from("localhost:8080", "local_api_credentials.yaml:1"), problem: "not a URL" } } },
  ],
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
  expect(findings[0]?.summary).toBe("the Local API's URL localhost:8080 (local_api_credentials.yaml:1) is not a URL");
  expect(asked).toEqual([]);
});

describe("without a URL to dial", () => {
  test.each<[string, Topology["lapi"], string]>([
    ["skip", { absent: "no file names one" }, "not applicable: no file names one"],
    ["unknown", { hidden: "run as root: /etc/x may not be read" }, "run as root: /etc/x may not be read"],
  ])("it is a %s with the reason", async (status, lapi, reason) => {
    expect(await findingOf(check, { topology: { lapi } })).toMatchObject({ status, reason });
  });
});

describe("the note about the process that agent and Local API share", () => {
  test.each<[string, Partial<Topology>, boolean]>([
    ["stands where both run in one process of this host", {}, true],
    ["does not stand where each has its own", { sharedProcess: false }, false],
    ["does not stand where the clients use another host's Local API", { ...REMOTE, engine: FRESH }, false],
  ])("%s", async (_name, topology, stands) => {
    const { status, summary } = await findingOf(check, { topology });
    expect([status, summary.includes("share one process")]).toEqual(["pass", stands]);
  });
});

describe("the second look", () => {
  const context = (topology: Partial<Topology>, tcp: World["tcp"] = HEALTHY.tcp): Context => ({
    topology: packageInstall(topology),
    probe: fakeProber({ ...HEALTHY, tcp }),
    now: NOW,
    version: async () => undefined,
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
      context({ lapi: routeTo("http://192.0.2.10:8080/") }),
    ],
  ])("%s", async (_name, taken, given) => {
    const first = await check.run(given);
    expect(first).toMatchObject({ status: "pass" });
    expect(check.again?.(given, first) !== undefined).toBe(taken);
  });

  test.each<Verdict<"tcp-refused">>([
    { status: "fault", fault: "tcp-refused", data: {} },
    { status: "unknown", reason: "cut off" },
    { status: "skip", reason: "not applicable" },
  ])("is not taken after a first one that was no pass: $status", (first) => {
    expect(check.again?.(context(REMOTE), first)).toBeUndefined();
  });

  test("keeps the first verdict when the Local API still answers", async () => {
    const given = context(REMOTE);
    const first = await check.run(given);
    expect(await check.again?.(given, first)?.()).toBe(first);
  });

  test("asks anew, not for the remembered answer", async () => {
    const looks: unknown[] = [];
    const given = context(REMOTE, (question) => {
      looks.push(question.look);
      return CONNECTED;
    });
    await check.again?.(given, await check.run(given))?.();
    expect(new Set(looks)).toEqual(new Set([undefined, 2]));
  });
});

test("one address that answers is enough", async () => {
  const world = {
    ...HEALTHY,
    dns: () => resolved("192.0.2.10", "198.51.100.1"),
    tcp: ({ address }: { address: string }) => (address === "192.0.2.10" ? CONNECTED : failedWith("tcp-refused")),
  };
  const { status, addresses } = await findingOf(check, { world, topology: { lapi: routeTo("http://lapi:8080/") } });
  expect(status).toBe("pass");
  expect(addresses?.map(({ ok }) => ok)).toEqual([true, false]);
});
