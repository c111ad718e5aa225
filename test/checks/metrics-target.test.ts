import { describe, expect, test } from "@jest/globals";
import check from "../../checks/metrics-target.ts";
import type { HttpAnswered, HttpObservation, LayerCode } from "../../src/model/observation.ts";
import type { ScrapeTarget, Topology } from "../../src/model/topology.ts";
import type { World } from "../support/fake-prober.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import { from } from "../support/topology.ts";
import { answered, failedWith, failingAt, HEALTHY, METRICS, recording, resolved } from "../support/world.ts";

const target = (name: string, scheme = "http"): ScrapeTarget => ({
  name,
  url: from(`${scheme}://${name}/metrics`, "/etc/prometheus/targets.json:3"),
});
const scraping = (...targets: readonly ScrapeTarget[]): Partial<Topology> => ({
  roles: [from("prometheus", "--target")],
  targets,
});
const ONE = scraping(target("engine.example:6060"));
const answering = (reply: HttpObservation): Given => ({ topology: ONE, world: { ...HEALTHY, http: () => reply } });
const ENDLESS: HttpAnswered = answered({ body: METRICS, truncated: true, elapsedMs: 9000 });

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "dns-nxdomain": ["resolve", "fail", "resolver"],
  "dns-nodata": ["resolve", "fail", "resolver"],
  "dns-servfail": ["resolve", "fail", "resolver"],
  "dns-refused": ["resolve", "fail", "resolver"],
  "dns-timeout": ["resolve", "fail", "resolver"],
  "dns-no-resolver": ["resolve", "fail", "resolver"],
  "dns-unreachable": ["resolve", "fail", "resolver"],
  "tcp-refused": ["connect", "fail", "remote-service"],
  "tcp-timeout": ["connect", "fail", "network"],
  "tcp-unreachable": ["connect", "fail", "network"],
  "tcp-reset": ["connect", "fail", "network"],
  "tls-reset": ["handshake", "fail", "remote-service"],
  "tls-stalled": ["handshake", "fail", "remote-service"],
  "tls-not-tls": ["handshake", "fail", "remote-service"],
  "tls-untrusted": ["handshake", "fail", "remote-service"],
  "tls-expired": ["handshake", "fail", "remote-service"],
  "tls-not-yet-valid": ["handshake", "fail", "remote-service"],
  "tls-wrong-host": ["handshake", "fail", "remote-service"],
  "tls-no-san": ["handshake", "fail", "remote-service"],
  "tls-version": ["handshake", "fail", "remote-service"],
  "tls-client-cert": ["handshake", "fail", "remote-service"],
  "tls-alert": ["handshake", "fail", "remote-service"],
  "http-timeout": ["response", "fail", "remote-service"],
  "http-status": ["response", "fail", "configuration"],
  "http-invalid": ["response", "fail", "configuration"],
  "identity-mismatch": ["response", "fail", "configuration"],
  "metrics-large": ["response", "warn", "remote-service", answering(ENDLESS)],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  const given = row[3] ?? { world: failingAt(code as LayerCode), topology: ONE };
  expectFault(await findingOf(check, given), code, row);
});

test("a pass says the engine's version, and how large and how quick its metrics are", async () => {
  expect(await findingOf(check, { topology: ONE })).toMatchObject({
    status: "pass",
    summary: "Prometheus can scrape CrowdSec's metrics: CrowdSec v1.7.8-debian-pragmatic, 0.1 KiB in 40 ms",
    target: { url: "http://engine.example:6060/metrics", origin: "/etc/prometheus/targets.json:3" },
  });
});

test("of thousands of targets, no answer is kept: each request says so", async () => {
  const { world, requests } = recording();
  await runIn([check], { world, topology: scraping(target("a.example:6060"), target("b.example:6060")) });
  expect(requests.map(({ url, forget }) => [url, forget])).toEqual([
    ["http://a.example:6060/metrics", true],
    ["http://b.example:6060/metrics", true],
  ]);
});

test("each target has a finding of its own, under its own name", async () => {
  const world: World = {
    ...HEALTHY,
    dns: (name) => (name === "gone.example" ? failedWith("dns-nxdomain") : resolved("203.0.113.7")),
    tcp: ({ port }) => (port === 9999 ? failedWith("tcp-refused") : { ok: true, elapsedMs: 5 }),
  };
  const targets = ["a.example:6060", "a.example:9999", "gone.example:6060", "[2001:db8::1]:6060"].map((name) =>
    target(name),
  );
  const { findings } = await runIn([check], { world, topology: scraping(...targets) });
  expect(findings.map(({ instance, status, fault }) => [instance, status, fault?.code])).toEqual([
    ["metrics-target@a.example:6060", "pass", undefined],
    ["metrics-target@a.example:9999", "fail", "tcp-refused"],
    ["metrics-target@gone.example:6060", "fail", "dns-nxdomain"],
    ["metrics-target@[2001:db8::1]:6060", "pass", undefined],
  ]);
});

test("the path of the target is asked for, not /metrics in its place", async () => {
  const { world, requests } = recording({ ...HEALTHY, http: () => answered({ body: METRICS }) });
  const url = from("https://proxy.example/engines/a/metrics", "--target");
  await runIn([check], { world, topology: scraping({ name: "proxy.example:443", url }) });
  expect(requests.map((request) => request.url)).toEqual(["https://proxy.example/engines/a/metrics"]);
});

test("a refusal is told with the setting that most often makes it, and where to look on that host", async () => {
  const { summary, remedy } = await findingOf(check, { world: failingAt("tcp-refused"), topology: ONE });
  expect(summary).toBe("engine.example:6060 refuses the connection (2001:db8::7, 203.0.113.7)");
  expect(remedy[0]?.text).toMatch(/^On engine\.example: .*prometheus\.listen_addr is 127\.0\.0\.1/);
  expect(remedy[0]?.commands).toContain("ss -ltnp 'sport = :6060'");
});

test("metrics without an end are a warning with the limits that were met", async () => {
  expect((await findingOf(check, answering(ENDLESS))).summary).toBe(
    "http://engine.example:6060/metrics gives more than 4 MiB, or no end within 9000 ms",
  );
});

test("a page without an end is no metrics at all", async () => {
  const reply = answered({ body: "<html>", truncated: true });
  expect((await findingOf(check, answering(reply))).fault?.code).toBe("identity-mismatch");
});

describe("what is not CrowdSec's", () => {
  test.each<[string, HttpAnswered, string, RegExp]>([
    [
      "metrics of another program",
      answered({ body: "# TYPE go_goroutines gauge\ngo_goroutines 8\n" }),
      "identity-mismatch",
      /Prometheus metrics without cs_info, so not CrowdSec's$/,
    ],
    [
      "a page",
      answered({ headers: { server: "nginx" }, body: "<title>Welcome</title>" }),
      "identity-mismatch",
      /HTTP 200, Server: nginx, "Welcome"$/,
    ],
    ["a path that is not there", answered({ status: 404, body: METRICS }), "http-status", /answers HTTP 404$/],
    ["a redirect", answered({ status: 302, headers: { location: "/login" } }), "http-status", /answers HTTP 302$/],
  ])("%s is told as what it is", async (_name, reply, code, said) => {
    const { fault, summary } = await findingOf(check, answering(reply));
    expect([fault?.code, summary]).toEqual([code, expect.stringMatching(said)]);
  });
});

test("a server that shows no certificate at all leaves no sentence unfilled", async () => {
  const world = { ...HEALTHY, http: () => failedWith("tls-untrusted") };
  const topology = scraping(target("engine.example:443", "https"));
  expect((await findingOf(check, { world, topology })).summary).toContain("none shown");
});

test("without a target there is nothing to ask, and the reason says how to name one", async () => {
  const { findings, asked } = await runIn([check], { topology: scraping() });
  expect(findings).toMatchObject([
    {
      instance: "metrics-target",
      status: "skip",
      reason: "not applicable: --targets FILE or --target HOST:PORT says what Prometheus scrapes",
    },
  ]);
  expect(asked).toEqual([]);
});

test("a code that no sentence knows is unknown, in the system's words", async () => {
  expect(await findingOf(check, answering(failedWith("file-missing")))).toMatchObject({
    status: "unknown",
    reason: "file-missing: the system's words for file-missing",
  });
});
