import { describe, expect, test } from "@jest/globals";
import { OUTGOING } from "../../checks/endpoints.ts";
import { outgoing } from "../../checks/outgoing.ts";
import type { Check } from "../../src/model/check.ts";
import type { HttpObservation, LayerCode, TcpQuestion } from "../../src/model/observation.ts";
import type { Capi, Topology } from "../../src/model/topology.ts";
import type { Version } from "../../src/model/version.ts";
import { RESOLVER, type World } from "../support/fake-prober.ts";
import { PROXY, proxied, proxyFaults } from "../support/proxied.ts";
import { expectFault, type FaultCase, findingOf, type Given, NOW, runIn } from "../support/run.ts";
import { BEFORE_INSTALL, crowdsecWith, environmentWith, from, shellWith } from "../support/topology.ts";
import {
  answered,
  BLOCK_PAGE,
  CERTIFICATE,
  CONNECTED,
  failedWith,
  failingAt,
  HEALTHY,
  PACKAGE_CDN,
  ranWith,
  redirect,
  resolved,
} from "../support/world.ts";

const row = (id: string): Check => {
  const check = outgoing.find((candidate) => candidate.id === id);
  if (check === undefined) throw new Error(`no check ${id}`);
  return check;
};
const CAPI = row("outgoing-capi");

const answering = (reply: HttpObservation): World => ({ ...HEALTHY, http: () => reply });
/** One family does not connect, in this way; every name has an address of each. */
const breaking = (family: 4 | 6, code: LayerCode): World => ({
  ...HEALTHY,
  tcp: (question: TcpQuestion) => (question.family === family ? failedWith(code, { elapsedMs: 5000 }) : CONNECTED),
});

/** An address that stands in a file of CrowdSec's and cannot be asked. */
const MALFORMED = { malformed: from("api.crowdsec.net", "online_api_credentials.yaml:1"), problem: "not a URL" };
const ON: Capi = {
  state: "on",
  url: from("https://api.crowdsec.net/", "online_api_credentials.yaml:1"),
  papiUrl: from("https://papi.api.crowdsec.net/", "default"),
};
const PINNED = {
  ok: true,
  elapsedMs: 1,
  addresses: [{ address: "203.0.113.9", family: 4 }],
  from: "hosts",
  nameservers: [],
} as const;
const PAPI_URL = from("https://papi.api.crowdsec.net/", "default");

const FAULTS: Record<LayerCode | "family-broken" | "url-invalid" | "slow", FaultCase> = {
  ...proxyFaults("proxy"),
  "dns-nxdomain": ["resolve", "fail", "resolver"],
  "dns-nodata": ["resolve", "fail", "resolver"],
  "dns-servfail": ["resolve", "fail", "resolver"],
  "dns-refused": ["resolve", "fail", "resolver"],
  "dns-timeout": ["resolve", "fail", "resolver"],
  "dns-sinkhole": ["resolve", "fail", "resolver"],
  "dns-no-resolver": ["resolve", "fail", "this-host"],
  "dns-unreachable": ["resolve", "fail", "this-host"],
  "tcp-refused": ["connect", "fail", "network"],
  "tcp-timeout": ["connect", "fail", "network"],
  "tcp-unreachable": ["connect", "fail", "network"],
  "tcp-reset": ["connect", "fail", "network"],
  "tls-reset": ["handshake", "fail", "network"],
  "tls-stalled": ["handshake", "fail", "network"],
  "tls-not-tls": ["handshake", "fail", "network"],
  "tls-untrusted": ["handshake", "fail", "network"],
  "tls-expired": ["handshake", "fail", "remote-host"],
  "tls-not-yet-valid": ["handshake", "fail", "remote-host"],
  "tls-wrong-host": ["handshake", "fail", "network"],
  "tls-no-san": ["handshake", "fail", "network"],
  "tls-version": ["handshake", "fail", "network"],
  "tls-client-cert": ["handshake", "fail", "network"],
  "tls-alert": ["handshake", "fail", "network"],
  "http-timeout": ["response", "fail", "remote-host"],
  "http-status": [
    "response",
    "fail",
    "crowdsec-cloud",
    { version: [1, 7, 8], world: answering(answered({ status: 403, body: "Forbidden" })) },
  ],
  "http-redirect": ["response", "fail", "network"],
  "http-invalid": ["response", "fail", "network"],
  "identity-mismatch": ["response", "fail", "network"],
  "url-invalid": [
    "host",
    "fail",
    "configuration",
    { topology: { capi: { state: "on", url: MALFORMED, papiUrl: PAPI_URL } } },
  ],
  "family-broken": ["connect", "warn", "network", { world: breaking(6, "tcp-timeout") }],
  slow: ["response", "warn", "network", { world: answering(answered({ elapsedMs: 3200, status: 403 })) }],
};

describe("faults", () => {
  test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, expected) => {
    // The Central API takes every status; the version's host wants a success.
    const check = code === "http-status" ? row("outgoing-version") : CAPI;
    expectFault(await findingOf(check, expected[3] ?? { world: failingAt(code as LayerCode) }), code, expected);
  });

  test("are the same for every row, and each of them is tried above", () => {
    for (const { faults } of outgoing) expect(Object.keys(faults).sort()).toEqual(Object.keys(FAULTS).sort());
  });

  test("of an untrusted certificate name its issuer", async () => {
    expect((await findingOf(CAPI, { world: failingAt("tls-untrusted") })).summary).toContain("CN=Some Authority");
  });

  test("of a certificate that was never shown leave no sentence unfilled", async () => {
    const { fault } = await findingOf(CAPI, { world: answering(failedWith("tls-untrusted")) });
    expect(fault?.code).toBe("tls-untrusted");
  });
});

describe("through a proxy", () => {
  test("the request goes there, the name is the proxy's to resolve, and the vantage says so", async () => {
    const world: World = {
      ...HEALTHY,
      dns: (name) => (name === "proxy.corp.example" ? resolved("10.0.0.80") : failedWith("dns-nxdomain")),
    };
    const { findings, asked } = await runIn([CAPI], { world, topology: proxied() });
    expect(findings[0]?.status).toBe("pass");
    expect(findings[0]?.vantage).toMatchObject({
      env: "crowdsec: process 4711",
      route: "proxy",
      proxy: "http://proxy.corp.example:3128",
      family: 4,
    });
    expect(asked).not.toContain("dns api.crowdsec.net");
    expect(asked).toContain("http GET https://api.crowdsec.net/ through http://proxy.corp.example:3128");
  });

  test("what NO_PROXY names goes straight there, and the entry is told", async () => {
    const { findings, asked } = await runIn([CAPI], { topology: proxied(undefined, { NO_PROXY: ".crowdsec.net" }) });
    expect(findings[0]?.vantage).toMatchObject({ route: "direct", noProxy: expect.stringContaining(".crowdsec.net") });
    expect(asked.join()).not.toContain("through");
  });

  test("cscli's rows go the way of the shell, the engine's own that of the service", async () => {
    const { components = [] } = proxied();
    const topology = { components: [crowdsecWith({}), ...components.filter(({ name }) => name === "cscli")] };
    const { asked } = await runIn([CAPI, row("outgoing-hub")], { topology, version: [1, 7, 8] });
    expect(asked.filter((question) => question.startsWith("http"))).toEqual([
      "http GET https://api.crowdsec.net/",
      expect.stringMatching(/^http GET https:\/\/cdn-hub\.crowdsec\.net\/.* through /),
    ]);
  });

  test("a failure names the shell's other way", async () => {
    const topology = { components: [crowdsecWith({})], shell: shellWith({ HTTPS_PROXY: PROXY }) };
    const { summary } = await findingOf(CAPI, { world: failingAt("tcp-timeout"), topology });
    expect(summary).toContain(
      "this shell goes through http://proxy.corp.example:3128 (HTTPS_PROXY), but crowdsec (process 4711) goes straight there",
    );
  });

  test("a failure says when nobody knows whether there is a proxy", async () => {
    const uncertain = "run as root to read /proc/4711/environ";
    const topology = { components: [crowdsecWith({}, { environment: environmentWith({}, { uncertain }) })] };
    const { summary } = await findingOf(CAPI, { world: failingAt("tcp-timeout"), topology });
    expect(summary).toContain(`whether crowdsec has a proxy is not known: ${uncertain}`);
  });

  test("what is behind a proxy is looked at through it", async () => {
    const world: World = { ...HEALTHY, http: () => failedWith("tls-reset") };
    const { blame, remedy } = await findingOf(CAPI, { world, topology: proxied() });
    expect(blame?.party).toBe("proxy");
    expect(remedy.flatMap(({ commands = [] }) => commands)).toEqual([
      "curl -sS -o /dev/null --max-time 20 --proxy http://proxy.corp.example:3128 https://api.crowdsec.net/",
      "openssl s_client -proxy proxy.corp.example:3128 -connect api.crowdsec.net:443 -servername api.crowdsec.net </dev/null",
    ]);
  });

  test.each([
    [PROXY, /USER:PASSWORD@HOST/],
    ["http://user:canary-proxy-password@proxy.corp.example:3128", /does not take the login/],
  ])("a login that %s lacks, or that is refused, has its own remedy", async (proxy, words) => {
    const world: World = { ...HEALTHY, http: () => failedWith("proxy-auth-required") };
    const { remedy } = await findingOf(CAPI, { world, topology: proxied(proxy) });
    expect(remedy[0]?.text).toMatch(words);
  });

  test("an environment that nobody may read leaves the row unknown", async () => {
    const topology = { components: [crowdsecWith({}, { environment: { hidden: "run as root: /proc/4711/environ" } })] };
    expect(await findingOf(CAPI, { topology })).toMatchObject({
      status: "unknown",
      reason: "run as root: /proc/4711/environ",
    });
  });
});

test.each([
  ["10.0.0.53", "resolver"],
  ["127.0.0.53", "this-host"],
] as const)("nothing that serves DNS at %s is the fault of the %s", async (server, party) => {
  const nameservers = [{ server, code: "dns-no-resolver" }] as const;
  const world: World = { ...HEALTHY, dns: () => failedWith("dns-no-resolver", { nameservers }) };
  expect((await findingOf(CAPI, { world })).blame?.party).toBe(party);
});

describe("what else was seen", () => {
  test("Node's own list of authorities would trust what this system does not", async () => {
    const { summary } = await findingOf(CAPI, { world: failingAt("tls-untrusted") });
    expect(summary).toContain("Node's own list of authorities would trust it");
  });

  test("a private CA that takes the system's store's place, up to 1.5.1, is the one remedy", async () => {
    const trust = { caFiles: ["/etc/crowdsec/ca.pem"], only: true, skipVerify: false, origin: "credentials" };
    const { remedy } = await findingOf(CAPI, {
      world: failingAt("tls-untrusted"),
      topology: { capi: { ...ON, trust } },
    });
    expect(remedy.map(({ text }) => text).join()).toMatch(/^A public authority signed it/);
    expect(remedy).toHaveLength(1);
  });

  test("insecure_skip_verify of the client leaves the Central API unverified, and is told", async () => {
    const trust = { caFiles: [], only: false, skipVerify: true, origin: "config.yaml:12" };
    const { summary } = await findingOf(CAPI, { topology: { capi: { ...ON, trust } } });
    expect(summary).toContain("insecure_skip_verify (config.yaml:12) holds for the whole process");
  });

  test("TLS that works over the other family only is told", async () => {
    const world: World = {
      ...HEALTHY,
      http: ({ address }) => (address.includes(":") ? failedWith("tls-stalled") : answered({ status: 403 })),
    };
    const { summary, fault } = await findingOf(CAPI, { world });
    expect(fault?.code).toBe("tls-stalled");
    expect(summary).toMatch(/over IPv4 \(203\.0\.113\.7\) the same works/);
  });

  test("a host without IPv4 and a name without IPv6 is explained", async () => {
    const world: World = {
      ...HEALTHY,
      dns: () => resolved("203.0.113.7"),
      tcp: () => failedWith("tcp-unreachable"),
    };
    const interfaces = [
      { address: "127.0.0.1", family: 4 },
      { address: "2001:db8::10", family: 6 },
    ] as const;
    const { summary, remedy } = await findingOf(CAPI, { world, topology: { interfaces } });
    expect(summary).toContain("this host has no IPv4 address, and the name has no other");
    expect(remedy.map(({ text }) => text).join()).toContain("NAT64");
  });

  test("a name that the hosts file pins says where", async () => {
    const world: World = { ...HEALTHY, dns: () => ({ ...PINNED, origin: "/etc/hosts:12" }) };
    expect((await findingOf(CAPI, { world })).summary).toContain("pinned by /etc/hosts:12");
  });

  test.each([
    ["libc", "pass", /only the C library .* this build of crowdsec asks it/],
    ["go", "fail", /knows it as 10\.0\.0\.9, but this build of crowdsec does not ask it/],
  ] as const)("a name that only NSS knows: a build that resolves by %s is a %s", async (resolver, status, words) => {
    const world: World = { ...HEALTHY, dns: () => failedWith("dns-nxdomain"), libc: () => resolved("10.0.0.9") };
    const topology: Partial<Topology> = {
      components: [crowdsecWith({}, { build: { resolver, goVersion: "go1.19.8" } })],
      resolver: { ...RESOLVER, modules: ["files", "resolve", "dns"], wantsLibc: "nsswitch.conf names resolve" },
    };
    const finding = await findingOf(CAPI, { world, topology });
    expect([finding.status, finding.summary]).toEqual([status, expect.stringMatching(words)]);
  });
});

describe("a healthy world", () => {
  test.each(OUTGOING)("$id passes, after one request without credentials", async (endpoint) => {
    const { findings, asked } = await runIn([row(endpoint.id)], {
      version: endpoint.versions?.until ?? [1, 7, 8],
      topology: { ctiKey: true, ...(endpoint.phase === "install" && BEFORE_INSTALL) },
    });
    expect(new Set(findings.map(({ status }) => status))).toEqual(new Set(["pass"]));
    const requests = asked.filter((question) => question.startsWith("http"));
    expect(requests[0]).toBe(`http GET https://${endpoint.host}${endpoint.path}`);
    expect(requests).toHaveLength(findings.length);
  });

  test("every address of each family is tried", async () => {
    const { addresses } = await findingOf(CAPI);
    expect(addresses).toEqual([
      { address: "2001:db8::7", family: 6, ok: true, durationMs: 5 },
      { address: "203.0.113.7", family: 4, ok: true, durationMs: 5 },
    ]);
  });
});

describe("how much a row weighs", () => {
  const refused = failingAt("tcp-refused");
  const phased = (id: string): Partial<Topology> =>
    OUTGOING.find((endpoint) => endpoint.id === id)?.phase === "install" ? BEFORE_INSTALL : {};

  test.each(
    OUTGOING.filter(({ versions }) => versions === undefined || versions.since).map(
      ({ id, optional }) => [id, optional ? "warn" : "fail"] as const,
    ),
  )("%s that is closed is a %s", async (id, status) => {
    const topology = { ctiKey: true, ...phased(id) };
    const finding = await findingOf(row(id), { world: refused, topology, version: [1, 7, 8] });
    expect(finding.status).toBe(status);
  });

  type Weight = "fail" | "warn" | "skip";
  const VERSIONS: readonly (Version | undefined)[] = [[1, 4, 6], [1, 6, 2], [1, 6, 3], [1, 7, 8], undefined];
  test.each<[string, Weight, Weight, Weight, Weight, Weight]>([
    //                      1.4.6   1.6.2   1.6.3   1.7.8   unknown
    ["outgoing-capi", "fail", "fail", "fail", "fail", "fail"],
    ["outgoing-hub", "skip", "skip", "fail", "fail", "fail"],
    ["outgoing-hub-legacy", "fail", "fail", "skip", "skip", "warn"],
    ["outgoing-blocklists", "skip", "warn", "warn", "warn", "warn"],
    ["outgoing-papi", "skip", "warn", "warn", "warn", "warn"],
    ["outgoing-dashboard", "warn", "warn", "warn", "skip", "warn"],
    ["outgoing-version", "fail", "warn", "warn", "fail", "fail"],
  ])("%s, for 1.4.6, 1.6.2, 1.6.3, 1.7.8 and an unknown version: %s, %s, %s, %s, %s", async (id, ...expected) => {
    const statuses = await Promise.all(
      VERSIONS.map(async (version) => {
        const given: Given = { world: refused, ...(version && { version }) };
        return (await findingOf(row(id), given)).status;
      }),
    );
    expect(statuses).toEqual(expected);
  });

  test.each<[Version, Weight]>([
    [[1, 5, 0], "fail"],
    [[1, 5, 1], "warn"],
    [[1, 6, 10], "warn"],
    [[1, 6, 11], "fail"],
  ])("without version.crowdsec.net, cscli %p is a %s", async (version, status) => {
    expect((await findingOf(row("outgoing-version"), { world: refused, version })).status).toBe(status);
  });
});

describe("what the configuration switches off", () => {
  const capi = (state: Capi["state"], reason: string): Capi => ({
    state,
    reason,
    url: from("https://api.crowdsec.net/", "default"),
    papiUrl: from("https://papi.api.crowdsec.net/", "default"),
  });

  test.each(["outgoing-capi", "outgoing-blocklists", "outgoing-papi"])(
    "%s is a skip with the reason where the Central API is off, and unknown where that may not be read",
    async (id) => {
      const version = [1, 7, 8] as const;
      const off = await runIn([row(id)], { version, topology: { capi: capi("off", "crowdsec runs with -no-capi") } });
      expect(off.findings).toMatchObject([{ status: "skip", reason: "not applicable: crowdsec runs with -no-capi" }]);
      const hidden = await runIn([row(id)], { version, topology: { capi: { hidden: "run as root: …" } } });
      expect(hidden.findings).toMatchObject([{ status: "unknown", reason: "run as root: …" }]);
      expect([...off.asked, ...hidden.asked]).toEqual([]);
    },
  );

  test("an unregistered host needs the Central API less: a warning, and a note when it answers", async () => {
    const topology = { capi: capi("unregistered", "no credentials yet") };
    expect((await findingOf(CAPI, { topology, world: failingAt("tcp-timeout") })).status).toBe("warn");
    expect((await findingOf(CAPI, { topology })).summary).toContain("no credentials yet");
  });

  test("with hub_branch set, cscli does not ask for the version", async () => {
    const hubBranch = from("master", "/etc/crowdsec/config.yaml:30");
    const { findings, asked } = await runIn([row("outgoing-version")], { topology: { hubBranch } });
    expect(findings).toMatchObject([
      {
        status: "skip",
        reason: "not applicable: cscli.hub_branch is set (/etc/crowdsec/config.yaml:30), so cscli does not ask it",
      },
    ]);
    expect(asked).toEqual([]);
  });

  test("without a CTI key, nobody asks for threat intelligence", async () => {
    const { findings, asked } = await runIn([row("outgoing-cti")]);
    expect([findings[0]?.status, findings[0]?.reason, asked]).toEqual([
      "skip",
      "not applicable: no api.cti.key is configured",
      [],
    ]);
  });
});

describe("an address of the configuration's own", () => {
  const url = from("https://capi.example/v3/", "online_api_credentials.yaml:1");
  const papiUrl = from("https://papi.example/", "online_api_credentials.yaml:4");

  test.each<[string, Partial<Topology>, string, string]>([
    ["outgoing-capi", { capi: { state: "on", url, papiUrl } }, "capi.example", url.origin],
    ["outgoing-papi", { capi: { state: "on", url, papiUrl } }, "papi.example", papiUrl.origin],
    [
      "outgoing-hub",
      { hubTemplate: from("https://hub.example/crowdsecurity/%s/%s", "config.yaml:33") },
      "hub.example",
      "config.yaml:33",
    ],
  ])("of %s is asked in place of the default, and its place is named", async (id, topology, host, origin) => {
    const { findings, asked } = await runIn([row(id)], { topology, version: [1, 7, 8] });
    expect(findings[0]?.target).toMatchObject({ host, origin });
    expect(asked.filter((question) => !question.includes(host) && !question.startsWith("tcp"))).toEqual([]);
  });

  test.each<[string, Partial<Topology>, string]>([
    [
      "outgoing-capi",
      { capi: { state: "on", url: MALFORMED, papiUrl } },
      "the address api.crowdsec.net (online_api_credentials.yaml:1) is not a URL",
    ],
    [
      "outgoing-papi",
      { capi: { state: "on", url, papiUrl: MALFORMED } },
      "the address api.crowdsec.net (online_api_credentials.yaml:1) is not a URL",
    ],
    [
      "outgoing-hub",
      { hubTemplate: from("hub.example/%s/%s", "config.yaml:33") },
      "the address hub.example/master/.index.json (config.yaml:33) is not a URL",
    ],
    [
      "outgoing-hub",
      { hubTemplate: from("https://me:hunter2@hub.example/%s/%s", "config.yaml:33") },
      "the address [secret] (config.yaml:33) is a URL with credentials in it",
    ],
  ])("of %s that cannot be used is told with its place, and nothing is asked: %j", async (id, topology, summary) => {
    const { findings, asked, report } = await runIn([row(id)], { topology, version: [1, 7, 8] });
    expect(findings).toMatchObject([{ summary, fault: { code: "url-invalid" } }]);
    expect(asked).toEqual([]);
    expect(JSON.stringify(report)).not.toContain("hunter2");
  });

  test("of the hub is asked for the index at its own path", async () => {
    const hubTemplate = from("https://mirror.example/hub/%s/%s", "config.yaml:33");
    const { asked } = await runIn([row("outgoing-hub")], { topology: { hubTemplate }, version: [1, 7, 8] });
    expect(asked).toContain("http GET https://mirror.example/hub/master/.index.json");
  });
});

describe("what answers", () => {
  const html = (status: number) => answered({ ...BLOCK_PAGE, status });
  const json = answered({ body: ' {"a":1}' });

  test.each<[string, string, HttpObservation, string]>([
    ["a refusal in JSON at an API", "outgoing-capi", answered({ status: 403, body: "{}" }), "pass"],
    ["a refusal as a page at an API, where every status proves the way", "outgoing-capi", html(403), "pass"],
    ["a page in place of an API", "outgoing-capi", BLOCK_PAGE, "identity-mismatch"],
    ["a page in place of the version", "outgoing-version", BLOCK_PAGE, "identity-mismatch"],
    ["a page in place of the hub's index", "outgoing-hub", BLOCK_PAGE, "identity-mismatch"],
    ["the hub's index", "outgoing-hub", json, "pass"],
    ["a page that refuses the version", "outgoing-version", html(403), "http-status"],
    ["a failure of the hub", "outgoing-hub", answered({ status: 503, body: "{}" }), "http-status"],
    ["a portal's demand to log in, at an API", "outgoing-capi", answered({ status: 511 }), "http-status"],
    ["a portal's demand to log in, at the hub", "outgoing-hub", answered({ status: 511 }), "http-status"],
    ["a redirect to another host", "outgoing-capi", redirect("https://portal.example/"), "http-redirect"],
    [
      "a redirect to another host over plain HTTP",
      "outgoing-capi",
      redirect("http://portal.example/"),
      "http-redirect",
    ],
    ["a redirect to nowhere", "outgoing-capi", answered({ status: 302 }), "http-redirect"],
    ["a redirect within the host", "outgoing-capi", redirect("/v3/"), "pass"],
    [
      "a redirect to plain HTTP, which nobody should follow",
      "outgoing-capi",
      redirect("http://api.crowdsec.net/"),
      "http-redirect",
    ],
    ["a redirect within the host in place of the version", "outgoing-version", redirect("/login"), "http-redirect"],
  ])("%s (%s)", async (_name, id, reply, expected) => {
    const { status, fault } = await findingOf(row(id), { world: answering(reply), version: [1, 7, 8] });
    expect(fault?.code ?? status).toBe(expected);
  });

  test.each<[string, HttpObservation, string]>([
    ["a script", answered({ body: "#!/bin/bash\n" }), "pass"],
    ["a page", BLOCK_PAGE, "identity-mismatch"],
    ["a refusal", answered({ status: 404 }), "http-status"],
  ])("the installer's host with %s", async (_name, reply, expected) => {
    const given = { world: answering(reply), topology: BEFORE_INSTALL };
    const { status, fault } = await findingOf(row("outgoing-installer"), given);
    expect(fault?.code ?? status).toBe(expected);
  });

  test("a portal's demand to log in is the network's, not CrowdSec's", async () => {
    expect((await findingOf(CAPI, { world: failingAt("http-status") })).blame?.party).toBe("network");
  });
});

describe("the package repository", () => {
  const packages = (world: World) => runIn([row("outgoing-packages")], { world, topology: BEFORE_INSTALL });
  const redirecting = (location: string, further: HttpObservation = answered({ body: "Origin: x" })): World => ({
    ...HEALTHY,
    http: ({ url }) => (new URL(url).pathname.startsWith("/crowdsec/crowdsec/any/") ? redirect(location) : further),
  });

  test("has one finding for itself and one for the host that its redirect names", async () => {
    const { findings, asked } = await packages(HEALTHY);
    expect(findings.map(({ instance, status, target }) => [instance, status, target?.origin])).toEqual([
      ["outgoing-packages@packagecloud.io", "pass", "default"],
      [`outgoing-packages@${PACKAGE_CDN}`, "pass", "redirect of packagecloud.io"],
    ]);
    expect(asked).toContain(`http GET https://${PACKAGE_CDN}/11/InRelease?token=1`);
  });

  test.each<[string, World, string]>([
    [
      "is closed",
      { ...HEALTHY, dns: (name) => (name === PACKAGE_CDN ? failedWith("dns-nxdomain") : resolved("203.0.113.7")) },
      "dns-nxdomain",
    ],
    ["shows a page", redirecting(`https://${PACKAGE_CDN}/x`, BLOCK_PAGE), "identity-mismatch"],
    ["refuses", redirecting(`https://${PACKAGE_CDN}/x`, answered({ status: 403 })), "http-status"],
    [
      "redirects once more",
      redirecting(`https://${PACKAGE_CDN}/x`, redirect("https://portal.example/")),
      "http-redirect",
    ],
  ])("fails at the second host when that %s", async (_name, world, code) => {
    const { findings } = await packages(world);
    expect(findings.map(({ instance, fault }) => [instance, fault?.code])).toEqual([
      ["outgoing-packages@packagecloud.io", undefined],
      [`outgoing-packages@${PACKAGE_CDN}`, code],
    ]);
  });

  test("shows a command for the second host that asks for what was asked there", async () => {
    const { findings } = await packages(redirecting(`https://${PACKAGE_CDN}/11/InRelease`, answered({ status: 403 })));
    expect(findings[1]?.remedy[0]?.commands).toEqual([
      `curl -sSi --max-time 10 https://${PACKAGE_CDN}/11/InRelease | head -20`,
    ]);
  });

  test("is one finding when it answers by itself, or not at all", async () => {
    const itself = await packages(answering(answered({ body: "Origin: packagecloud" })));
    expect(itself.findings.map(({ instance, status }) => [instance, status])).toEqual([["outgoing-packages", "pass"]]);
    const closed = await packages(failingAt("tcp-timeout"));
    expect(closed.findings.map(({ instance, status }) => [instance, status])).toEqual([["outgoing-packages", "fail"]]);
  });

  test.each([
    ["to plain HTTP on another host", "http://portal.example/"],
    ["to plain HTTP on its own host, which apt refuses", "http://packagecloud.io/x"],
  ])("is no repository when it redirects %s, and that is not followed", async (_name, location) => {
    const { findings, asked } = await packages(redirecting(location));
    expect(findings.map(({ fault }) => fault?.code)).toEqual(["http-redirect"]);
    expect(asked.filter((question) => question.startsWith("http"))).toHaveLength(1);
  });

  test("names each finding once when the redirect stays on its own host", async () => {
    const { findings } = await packages(redirecting("/moved/InRelease"));
    const instances = findings.map(({ instance }) => instance);
    expect(new Set(instances).size).toBe(instances.length);
  });
});

describe("a wrong clock", () => {
  const dates = (code: "tls-expired" | "tls-not-yet-valid", peerDate?: Date): Given => ({
    world: answering(failedWith(code, { tls: CERTIFICATE, ...(peerDate && { peerDate: peerDate.toISOString() }) })),
  });
  const YEAR_MS = 365 * 86_400_000;
  const later = (ms: number) => new Date(NOW.getTime() + ms);

  test.each<[string, Given, string, RegExp]>([
    [
      "not yet valid, and the server's clock a year on",
      dates("tls-not-yet-valid", later(YEAR_MS)),
      "this-host",
      /set-ntp/,
    ],
    ["expired, and the server's clock a year back", dates("tls-expired", later(-YEAR_MS)), "this-host", /set-ntp/],
    ["not yet valid by the server's clock too", dates("tls-not-yet-valid", later(2000)), "remote-host", /openssl/],
    ["expired by the server's clock too", dates("tls-expired", later(-59_000)), "remote-host", /openssl/],
    ["expired, and the server's clock unknown", dates("tls-expired"), "remote-host", /openssl/],
  ])("is told from a wrong certificate: %s", async (_name, given, party, command) => {
    const { blame, remedy } = await findingOf(CAPI, given);
    expect(blame?.party).toBe(party);
    expect(remedy.map(({ commands }) => commands?.join())).toEqual([expect.stringMatching(command)]);
  });

  test("is told with both clocks", async () => {
    const { blame, summary } = await findingOf(CAPI, dates("tls-not-yet-valid", later(YEAR_MS)));
    expect(blame?.evidence[0]).toBe(
      "this host's clock says 2026-06-15T12:00:00.000Z, the server's 2027-06-15T12:00:00.000Z",
    );
    expect(summary).toContain("and 2027-06-15T12:00:00.000Z by the server's own clock");
  });
});

describe("a family that does not work while the other does", () => {
  const works = (family: 4 | 6, code: LayerCode, cost: string): string =>
    `api.crowdsec.net works over IPv${10 - family}, but no IPv${family} address of it does (${code}): ${cost}`;

  test.each<[string, World, string]>([
    [
      "IPv6 is silent",
      breaking(6, "tcp-timeout"),
      works(6, "tcp-timeout", "each new connection of CrowdSec loses 300 ms on it"),
    ],
    ["IPv6 is refused", breaking(6, "tcp-refused"), works(6, "tcp-refused", "CrowdSec loses no time on it")],
    ["IPv4 is silent", breaking(4, "tcp-timeout"), works(4, "tcp-timeout", "CrowdSec loses no time on it")],
  ])("is a warning with what it costs: %s", async (_name, world, summary) => {
    expect(await findingOf(CAPI, { world })).toMatchObject({
      status: "warn",
      summary,
      fault: { code: "family-broken" },
    });
  });

  test.each([4, 6] as const)("is nothing when IPv%d merely has no route", async (family) => {
    expect((await findingOf(CAPI, { world: breaking(family, "tcp-unreachable") })).status).toBe("pass");
  });
});

describe("a sinkhole", () => {
  test.each<[string[], boolean]>([
    [["0.0.0.0"], true],
    [["127.0.0.1"], true],
    [["127.5.5.5", "::1"], true],
    [["::"], true],
    [["0.0.0.0", "203.0.113.7"], false],
    [["10.1.2.3"], false],
  ])("is told from a usable answer: %p %p", async (addresses, is) => {
    const world = { ...HEALTHY, dns: () => resolved(...addresses) };
    const { findings, asked } = await runIn([CAPI], { world });
    expect(findings[0]?.fault?.code === "dns-sinkhole").toBe(is);
    expect(asked.some((question) => question.startsWith("tcp"))).toBe(!is);
  });

  test.each([
    ["9.9.9.9", "nameserver 9.9.9.9"],
    ["hosts", "/etc/hosts"],
  ])("is told with who answered: %s", async (by, said) => {
    const world = { ...HEALTHY, dns: () => ({ ...resolved("0.0.0.0"), from: by }) as ReturnType<typeof resolved> };
    expect((await findingOf(CAPI, { world })).summary).toContain(said);
  });
});

test.each([
  [2997, "pass"],
  [2998, "warn"],
])("an answer after 3 ms for the name and %d ms more is a %s", async (elapsedMs, status) => {
  expect((await findingOf(CAPI, { world: answering(answered({ status: 403, elapsedMs })) })).status).toBe(status);
});

test("a host that is neither Local API nor cscli does not ask for the Central API", async () => {
  const { findings, asked } = await runIn([CAPI], { topology: { roles: [from("bouncer", "--role")] } });
  expect([findings[0]?.reason, asked]).toEqual(["not applicable: for role lapi or cscli; this host is bouncer", []]);
});

test("every row passes on an ordinary host of this version, or says why it is not asked", async () => {
  const { findings } = await runIn(outgoing, { version: [1, 7, 8] });
  expect(Object.fromEntries(findings.map(({ instance, status }) => [instance, status]))).toEqual({
    "outgoing-capi": "pass",
    "outgoing-blocklists": "pass",
    "outgoing-papi": "pass",
    "outgoing-hub": "pass",
    "outgoing-hub-legacy": "skip",
    "outgoing-hub-data": "pass",
    "outgoing-version": "pass",
    "outgoing-dashboard": "skip",
    "outgoing-cti": "skip",
    "outgoing-installer": "skip",
    "outgoing-packages": "skip",
  });
});

describe("before the install, what the package manager takes decides what of the vendor's is needed", () => {
  const APT = "/usr/bin/apt-cache";
  const says = (candidate: string, archive: string): string =>
    `crowdsec:\n  Installed: (none)\n  Candidate: ${candidate}\n  Version table:\n     ${candidate} 500\n        500 ${archive} amd64 Packages\n`;
  const DEBIANS = says("1.4.6-6~deb12u1+b1", "http://deb.debian.org/debian bookworm/main");
  const VENDORS_FILE = "/etc/apt/sources.list.d/crowdsec.list";
  const VENDORS = "https://packagecloud.io/crowdsec/crowdsec/any any";
  const bare = (said: string, rest: World = {}): Given => ({
    world: {
      ...failingAt("dns-nxdomain"),
      commands: () => ranWith(0, said),
      paths: { [APT]: { executable: true } },
      ...rest,
    },
    topology: BEFORE_INSTALL,
  });
  const configured: World = {
    folders: { "/etc/apt/sources.list.d": ["crowdsec.list"] },
    files: { [VENDORS_FILE]: `deb ${VENDORS} main\n` },
  };
  const statuses = async (given: Given): Promise<readonly string[]> => {
    const { findings } = await runIn([row("outgoing-installer"), row("outgoing-packages")], given);
    return findings.map(({ status }) => status);
  };

  test("Debian's own archive has it: neither is, and both say why", async () => {
    const given = bare(DEBIANS);
    expect(await statuses(given)).toEqual(["warn", "warn"]);
    const words =
      "apt-get install crowdsec takes 1.4.6-6~deb12u1+b1 from elsewhere (apt-cache policy: http://deb.debian.org/debian bookworm/main); needed only for CrowdSec's own packages";
    expect((await findingOf(row("outgoing-packages"), given)).summary).toContain(`; ${words}`);
    const open = { ...given, world: { ...given.world, dns: HEALTHY.dns } };
    expect((await findingOf(row("outgoing-installer"), open)).summary).toContain(words);
  });

  test("the vendor's repository is configured: its script is not asked for, the repository is needed", async () => {
    const given = bare(says("1.7.8", `${VENDORS}/main`), configured);
    expect(await statuses(given)).toEqual(["skip", "fail"]);
    expect((await findingOf(row("outgoing-installer"), given)).reason).toBe(
      `not applicable: CrowdSec's repository is configured already (${VENDORS_FILE})`,
    );
  });

  test("it is configured, and apt has no list of it: the same, although Debian's would be taken", async () => {
    expect(await statuses(bare(DEBIANS, configured))).toEqual(["skip", "fail"]);
  });

  test("no repository has it: both are needed", async () => {
    const nothing = "crowdsec:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n";
    const folders = { "/var/lib/apt/lists": ["deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages"] };
    expect(await statuses(bare(nothing, { folders }))).toEqual(["fail", "fail"]);
  });

  test("nothing tells: both count as needed", async () => {
    expect(await statuses(bare("E: broken"))).toEqual(["fail", "fail"]);
  });
});
