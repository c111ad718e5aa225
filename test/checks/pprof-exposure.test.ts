import { expect, test } from "@jest/globals";
import check from "../../checks/pprof-exposure.ts";
import type { HttpAnswered, HttpObservation } from "../../src/model/observation.ts";
import type { Topology } from "../../src/model/topology.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import { from, packageInstall } from "../support/topology.ts";
import { answered, failedWith, HEALTHY } from "../support/world.ts";

const INDEX = answered({ body: "<html><title>/debug/pprof/</title></html>" });

const listening = (listen: string, reply: HttpObservation = INDEX, rest: Partial<Topology> = {}): Given => ({
  world: { ...HEALTHY, http: () => reply },
  topology: {
    metrics: {
      enabled: from(true, "config.yaml:59"),
      listenAddress: from(listen, "config.yaml:61"),
      listenPort: from(6060, "config.yaml:62"),
    },
    ...rest,
  },
});

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "pprof-exposed": ["response", "warn", "configuration", listening("0.0.0.0")],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

test.each([
  ["0.0.0.0", "http://192.0.2.10:6060/debug/pprof/"],
  ["::", "http://192.0.2.10:6060/debug/pprof/"],
  ["[::]", "http://192.0.2.10:6060/debug/pprof/"],
  ["192.0.2.10", "http://192.0.2.10:6060/debug/pprof/"],
  ["2001:db8::10", "http://[2001:db8::10]:6060/debug/pprof/"],
  ["[2001:db8::10]", "http://[2001:db8::10]:6060/debug/pprof/"],
])("a profiler that listens on %s is asked for at %s, and for its index only", async (listen, url) => {
  const { findings, asked } = await runIn([check], listening(listen));
  expect(findings[0]?.status).toBe("warn");
  expect(asked.filter((question) => question.startsWith("http"))).toEqual([`http GET ${url}`]);
});

test("of a host with IPv6 beyond loopback only, that address is asked", async () => {
  const interfaces = packageInstall().interfaces.filter(({ address }) => address !== "192.0.2.10");
  const { asked } = await runIn([check], listening("0.0.0.0", INDEX, { interfaces }));
  expect(asked).toContain("http GET http://[2001:db8::10]:6060/debug/pprof/");
});

test.each(["127.0.0.1", "127.0.1.1", "localhost", "::1", "[::1]"])(
  "a profiler that listens on %s only passes unasked",
  async (listen) => {
    const { findings, asked } = await runIn([check], listening(listen));
    expect([findings[0]?.status, asked]).toEqual(["pass", []]);
  },
);

test("a host with no address beyond loopback passes unasked", async () => {
  const interfaces = [{ address: "127.0.0.1", family: 4 } as const, { address: "fe80::1", family: 6 } as const];
  const { findings, asked } = await runIn([check], listening("0.0.0.0", INDEX, { interfaces }));
  expect([findings[0]?.status, asked]).toEqual(["pass", []]);
});

test.each<[string, HttpObservation]>([
  ["a closed port", failedWith("tcp-refused")],
  ["another page", answered({ body: "<html><title>Welcome</title></html>" })],
  ["a refusal of the path", { ...INDEX, status: 404 } satisfies HttpAnswered],
])("%s is no exposure", async (_name, reply) => {
  expect((await findingOf(check, listening("0.0.0.0", reply))).status).toBe("pass");
});

test.each<[string, Topology["metrics"], string]>([
  ["unknown", { hidden: "run as root" }, "run as root"],
  ["skip", { absent: "no configuration" }, "not applicable: no configuration"],
  [
    "skip",
    { malformed: from("99999", "config.yaml:62"), problem: "no port number" },
    "not applicable: the metrics' address cannot be used (config.yaml:62)",
  ],
  [
    "skip",
    {
      enabled: from(false, "config.yaml:59"),
      listenAddress: from("0.0.0.0", "default"),
      listenPort: from(6060, "default"),
    },
    "not applicable: prometheus.enabled is off, and pprof with it (config.yaml:59)",
  ],
])("without metrics to ask it is %s: %p", async (status, metrics, reason) => {
  expect(await findingOf(check, { topology: { metrics } })).toMatchObject({ status, reason });
});
