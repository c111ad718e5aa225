import { describe, expect, test } from "@jest/globals";
import check, { engineVersion, metricsUrl } from "../../checks/metrics.ts";
import type { HttpAnswered, HttpRequest, LayerCode } from "../../src/model/observation.ts";
import type { Metrics, Topology } from "../../src/model/topology.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";
import { expectFault, type FaultCase, findingOf, NOW, runIn } from "../support/run.ts";
import { from, packageInstall } from "../support/topology.ts";
import { answered, failingAt, HEALTHY, METRICS } from "../support/world.ts";

const metricsAt = (listenAddress: string, enabled = true): Metrics => ({
  enabled: from(enabled, "config.yaml:59"),
  listenAddress: from(listenAddress, "config.yaml:61"),
  listenPort: from(6060, "config.yaml:62"),
});
const NAMED = { metrics: metricsAt("metrics.example") };
const answering = (reply: HttpAnswered): World => ({ ...HEALTHY, http: () => reply });

/** A typing mistake in config.yaml, of which no address can be made. */
const MALFORMED = { malformed: from("99999", "config.yaml:62"), problem: "no port number" };

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "metrics-address-invalid": ["host", "fail", "configuration", { topology: { metrics: MALFORMED } }],
  "dns-nxdomain": ["resolve", "warn", "this-host"],
  "dns-nodata": ["resolve", "warn", "this-host"],
  "dns-servfail": ["resolve", "warn", "this-host"],
  "dns-refused": ["resolve", "warn", "this-host"],
  "dns-timeout": ["resolve", "warn", "this-host"],
  "dns-no-resolver": ["resolve", "warn", "this-host"],
  "dns-unreachable": ["resolve", "warn", "this-host"],
  "tcp-refused": ["connect", "warn", "this-host"],
  "tcp-timeout": ["connect", "warn", "this-host"],
  "tcp-unreachable": ["connect", "warn", "this-host"],
  "tcp-reset": ["connect", "warn", "this-host"],
  "http-timeout": ["response", "warn", "this-host"],
  "http-status": ["response", "warn", "this-host"],
  "http-invalid": ["response", "warn", "this-host"],
  "identity-mismatch": ["response", "warn", "this-host"],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  const given = row[3] ?? { world: failingAt(code as LayerCode), topology: NAMED };
  expectFault(await findingOf(check, given), code, row);
});

test("an address that cannot be used is told with its place, and nothing is asked", async () => {
  const { findings, asked } = await runIn([check], { topology: { metrics: MALFORMED } });
  expect(findings[0]?.summary).toBe("the metrics' address 99999 (config.yaml:62) is no port number");
  expect(asked).toEqual([]);
});

test("metrics with cs_info pass and tell the version", async () => {
  expect(await findingOf(check)).toMatchObject({
    status: "pass",
    summary: "CrowdSec's metrics answer: CrowdSec v1.7.8-debian-pragmatic",
  });
});

test("cs_info is found behind thousands of other series: enough of the body is read", async () => {
  const series = Array.from({ length: 20_000 }, (_, line) => `cs_bucket_poured_total{bucket="${line}"} 1`).join("\n");
  const http: World["http"] = ({ maxBytes = 64 * 1024 }) =>
    answered({ body: `${series}\n${METRICS}\n`.slice(0, maxBytes) });
  expect((await findingOf(check, { world: { ...HEALTHY, http } })).status).toBe("pass");
});

test.each([
  ["metrics of another program", "# TYPE go_goroutines gauge\ngo_goroutines 8\n", "without cs_info"],
  ["text that is no metrics at all", "hello", "HTTP 200"],
])("%s are told apart from CrowdSec's", async (_name, body, said) => {
  const { fault, summary } = await findingOf(check, { world: answering(answered({ body })) });
  expect(fault?.code).toBe("identity-mismatch");
  expect(summary).toContain(said);
});

test("a status that is no success is told", async () => {
  const { fault, summary } = await findingOf(check, { world: answering(answered({ status: 404, body: METRICS })) });
  expect([fault?.code, fault?.httpStatus, summary]).toEqual(["http-status", 404, "127.0.0.1:6060 answers HTTP 404"]);
});

test.each<[string, Topology["metrics"], string]>([
  ["unknown", { hidden: "run as root" }, "run as root"],
  ["skip", { absent: "no configuration" }, "not applicable: no configuration"],
  ["skip", metricsAt("127.0.0.1", false), "not applicable: prometheus.enabled is off (config.yaml:59)"],
])("without metrics to ask it is %s: %p", async (status, metrics, reason) => {
  expect(await findingOf(check, { topology: { metrics } })).toMatchObject({ status, reason });
});

test.each([
  ["127.0.0.1", "http://127.0.0.1:6060/"],
  ["0.0.0.0", "http://127.0.0.1:6060/"],
  ["::", "http://[::1]:6060/"],
  ["[::]", "http://[::1]:6060/"],
  ["::1", "http://[::1]:6060/"],
  ["[2001:db8::1]", "http://[2001:db8::1]:6060/"],
  ["localhost", "http://localhost:6060/"],
])("metrics that listen on %s are asked for at %s", (listen, url) => {
  expect(metricsUrl(metricsAt(listen))).toBe(url);
});

describe("the engine's version", () => {
  const versionIn = async (topology: Partial<Topology>, world: World = HEALTHY) => {
    const probe = fakeProber(world);
    const context = {
      topology: packageInstall(topology),
      probe,
      now: NOW,
      version: async () => undefined,
      allowWrites: false,
    };
    return { version: await engineVersion(context), asked: probe.asked.length };
  };

  test("is read from the running engine's metrics", async () => {
    expect((await versionIn({})).version).toEqual([1, 7, 8]);
  });

  test.each<[string, Partial<Topology>]>([
    ["before the install", { phase: from("install", "--phase") }],
    ["where the metrics are off", { metrics: metricsAt("127.0.0.1", false) }],
    ["where the configuration may not be read", { metrics: { hidden: "run as root" } }],
    ["where there is no configuration", { metrics: { absent: "none" } }],
    ["where their address cannot be used", { metrics: MALFORMED }],
  ])("is not asked for %s", async (_name, topology) => {
    expect(await versionIn(topology)).toEqual({ version: undefined, asked: 0 });
  });

  test.each<[string, World]>([
    ["a closed port", failingAt("tcp-refused")],
    ["metrics of another program", answering(answered({ body: "go_goroutines 8\n" }))],
    ["a version that is none", answering(answered({ body: 'cs_info{version="dev"} 1' }))],
  ])("stays unknown with %s", async (_name, world) => {
    expect((await versionIn({}, world)).version).toBeUndefined();
  });

  test("and the check ask the very same question, so that it is asked once a run", async () => {
    const requests: HttpRequest[] = [];
    const world: World = {
      ...HEALTHY,
      http: (request) => {
        requests.push(request);
        return HEALTHY.http(request);
      },
    };
    await versionIn({}, world);
    await findingOf(check, { world });
    expect(requests).toHaveLength(2);
    expect(requests[0]).toEqual(requests[1]);
  });
});
