import { describe, expect, test } from "@jest/globals";
import check from "../../checks/resolver.ts";
import type { NameserverObservation, ResolverSeen } from "../../src/model/observation.ts";
import type { Role, Topology } from "../../src/model/topology.ts";
import { RESOLVER, type World } from "../support/fake-prober.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import {
  agentAt,
  agentTo,
  BEFORE_INSTALL,
  crowdsecWith,
  from,
  networkDatabase,
  routeBySocket,
  routeTo,
} from "../support/topology.ts";
import { failedWith, HEALTHY } from "../support/world.ts";

const ANSWERS: NameserverObservation = { ok: true, elapsedMs: 12, answer: "addresses" };
const answersAfter = (elapsedMs: number): NameserverObservation => ({ ...ANSWERS, elapsedMs }) as NameserverObservation;
const REFUSES = failedWith("dns-refused");
const SILENT = failedWith("dns-timeout", { elapsedMs: 3000 });

/** A host with these nameservers, in this order, each as it answers. */
const hostWith = (
  servers: Readonly<Record<string, NameserverObservation>>,
  resolver: Partial<ResolverSeen> = {},
  topology: Partial<Topology> = {},
): Given & { readonly world: World } => ({
  world: { ...HEALTHY, nameserver: ({ server }) => servers[server] ?? SILENT },
  topology: { resolver: { ...RESOLVER, servers: Object.keys(servers), ...resolver }, ...topology },
});
const one = (saw: NameserverObservation): Given => hostWith({ "192.0.2.53": saw });

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "dns-refused": ["resolve", "fail", "resolver", one(REFUSES)],
  "dns-servfail": ["resolve", "fail", "resolver", one(failedWith("dns-servfail"))],
  "dns-timeout": ["resolve", "fail", "resolver", one(SILENT)],
  "dns-no-resolver": ["resolve", "fail", "resolver", one(failedWith("dns-no-resolver"))],
  "dns-unreachable": ["resolve", "fail", "this-host", one(failedWith("dns-unreachable"))],
  slow: ["resolve", "warn", "resolver", one(answersAfter(812))],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

/** Status and sentence of each nameserver. */
const told = async (given: Given): Promise<Record<string, string>> => {
  const { findings } = await runIn([check], given);
  return Object.fromEntries(
    findings.map(({ instance, status, summary }) => [instance.replace("resolver@", ""), `${status}: ${summary}`]),
  );
};

test("each nameserver has a finding of its own, with its place in the file and its milliseconds", async () => {
  const title = "Nameservers of this host answer, as CrowdSec will ask them";
  expect(await told(hostWith({ "192.0.2.53": ANSWERS, "2001:db8::53": answersAfter(40) }))).toEqual({
    "192.0.2.53": `pass: ${title}: 192.0.2.53 (1 of 2) answers in 12 ms`,
    "2001:db8::53": `pass: ${title}: 2001:db8::53 (2 of 2) answers in 40 ms`,
  });
});

test.each([
  ["nxdomain", "that there is no such name"],
  ["nodata", "that the name has no IPv4 address"],
] as const)("%s is an answer: whether CrowdSec can do with it is for others to say", async (answer, said) => {
  const { status, summary } = await findingOf(check, one({ ok: true, elapsedMs: 9, answer }));
  expect([status, summary]).toEqual(["pass", expect.stringContaining(said)]);
});

describe("what a silent nameserver costs", () => {
  test("in first place: its time-out, for every new connection, though everything works", async () => {
    expect(await told(hostWith({ "192.0.2.53": SILENT, "192.0.2.54": ANSWERS }))).toEqual({
      "192.0.2.53":
        "warn: nameserver 192.0.2.53 (1 of 2) does not answer within 3.0 s: it costs every lookup for a new connection 5.0 s before the next one is asked",
      "192.0.2.54": expect.stringMatching(/^pass: /),
    });
  });

  test("in second place: nothing, until the first one fails", async () => {
    const { "192.0.2.54": second } = await told(hostWith({ "192.0.2.53": ANSWERS, "192.0.2.54": SILENT }));
    expect(second).toMatch(/^warn: .*: it is asked only when those before it fail, and then costs a lookup 5\.0 s$/);
  });

  test("behind one that refuses, every lookup comes to it", async () => {
    const servers = { "192.0.2.53": REFUSES, "192.0.2.54": SILENT, "192.0.2.55": ANSWERS };
    const all = await told(hostWith(servers, { timeoutMs: 2000 }));
    expect(all["192.0.2.54"]).toContain("it costs every lookup for a new connection 2.0 s");
  });

  test("with options rotate: only those lookups that begin at it, whatever its place", async () => {
    const servers = { "192.0.2.53": ANSWERS, "192.0.2.54": SILENT, "192.0.2.55": ANSWERS };
    const all = await told(hostWith(servers, { rotate: true }));
    expect(all["192.0.2.54"]).toContain('it costs 1 of 3 lookups ("options rotate") 5.0 s');
  });

  test("with options rotate and two in a row, the second is met by those that begin at the first, too", async () => {
    const servers = { "192.0.2.53": SILENT, "192.0.2.54": SILENT, "192.0.2.55": ANSWERS };
    const all = await told(hostWith(servers, { rotate: true }));
    expect(all["192.0.2.53"]).toContain("1 of 3 lookups");
    expect(all["192.0.2.54"]).toContain("2 of 3 lookups");
  });

  test("as the only one: no name resolves, and each lookup takes all its tries", async () => {
    expect((await told(hostWith({ "192.0.2.53": SILENT })))["192.0.2.53"]).toMatch(
      /^fail: .* it is the only one, so no name resolves, and each lookup takes 10\.0 s or more to fail$/,
    );
  });

  test("where none serves, all their time-outs add up", async () => {
    const servers = { "192.0.2.53": SILENT, "192.0.2.54": SILENT, "192.0.2.55": REFUSES };
    for (const sentence of Object.values(await told(hostWith(servers, { timeoutMs: 1000, attempts: 3 }))))
      expect(sentence).toMatch(/^fail: .* none of them serves, so no name resolves, and each lookup takes 6\.0 s/);
  });
});

test("a nameserver that refuses costs a round trip and no more", async () => {
  const { "192.0.2.53": first } = await told(hostWith({ "192.0.2.53": REFUSES, "192.0.2.54": ANSWERS }));
  expect(first).toBe(
    "warn: nameserver 192.0.2.53 (1 of 2) refuses to answer this host: it costs every lookup for a new connection a round trip before the next one is asked",
  );
});

test("where all refuse, no name resolves, and at once", async () => {
  expect((await findingOf(check, one(REFUSES))).summary).toMatch(/it is the only one, so no name resolves$/);
});

test("an answer that comes after Go has given up is none", async () => {
  const given = hostWith({ "192.0.2.53": answersAfter(1800), "192.0.2.54": ANSWERS }, { timeoutMs: 1000 });
  expect((await told(given))["192.0.2.53"]).toBe(
    "warn: nameserver 192.0.2.53 (1 of 2) does not answer within 1.0 s: its answer comes after 1.8 s, when Go has given up; it costs every lookup for a new connection 1.0 s before the next one is asked",
  );
});

test.each([
  [
    "first",
    { "192.0.2.53": answersAfter(812), "192.0.2.54": ANSWERS },
    "it costs every lookup for a new connection that time",
  ],
  ["second", { "192.0.2.54": ANSWERS, "192.0.2.53": answersAfter(812) }, "it is asked only when those before it fail"],
])("a slow nameserver in %s place is told with what that costs", async (_place, servers, cost) => {
  const all = await told(hostWith(servers));
  expect(all["192.0.2.53"]).toMatch(/^warn: nameserver .* answers, but only after 812 ms: /);
  expect(all["192.0.2.53"]).toContain(cost);
});

test.each([
  [500, "pass"],
  [501, "warn"],
])("an answer after %d ms is a %s", async (elapsedMs, status) => {
  expect((await findingOf(check, one(answersAfter(elapsedMs)))).status).toBe(status);
});

test.each([
  ["127.0.0.53", "this-host", "systemctl status systemd-resolved"],
  ["::1", "this-host", "systemctl status systemd-resolved"],
  ["192.0.2.53", "resolver", "dig +tries=1 @192.0.2.53 api.crowdsec.net"],
])("a dead nameserver at %s is the fault of %s, and the remedy fits", async (server, party, command) => {
  const { blame, remedy } = await findingOf(check, hostWith({ [server]: failedWith("dns-no-resolver") }));
  expect(blame?.party).toBe(party);
  expect(remedy[0]?.commands).toContain(command);
});

describe("where resolv.conf names no nameserver", () => {
  const defaults = { configured: false };

  test("what Go asks then is told as such", async () => {
    const all = await told(hostWith({ "127.0.0.1": REFUSES, "::1": REFUSES }, defaults));
    for (const sentence of Object.values(all))
      expect(sentence).toContain("not configured: /etc/resolv.conf names none, so Go asks 127.0.0.1 and ::1");
  });

  test("one of the two that serves is enough: nobody chose the other", async () => {
    const all = await told(hostWith({ "127.0.0.1": ANSWERS, "::1": failedWith("dns-no-resolver") }, defaults));
    expect(all["127.0.0.1"]).toMatch(/^pass: .*not configured/);
    expect(all["::1"]).toBe("skip: not applicable: nobody configured it, and the other default answers");
  });
});

describe("where every component goes out through a proxy", () => {
  const proxied = (...urls: readonly string[]): Partial<Topology> => ({
    components: urls.map((url) => crowdsecWith({ HTTPS_PROXY: url })),
  });

  test("given by address, a dead resolver is a warning", async () => {
    const topology = proxied("http://192.0.2.3:3128", "http://[2001:db8::3]:3128");
    const { status, summary } = await findingOf(check, hostWith({ "192.0.2.53": SILENT }, {}, topology));
    expect([status, summary]).toEqual(["warn", expect.stringContaining("so only what NO_PROXY exempts suffers")]);
  });

  test.each([
    ["given by name", proxied("http://192.0.2.3:3128", "http://proxy.corp:3128")],
    ["but one", { components: [...(proxied("http://192.0.2.3:3128").components ?? []), crowdsecWith({})] }],
    ["but of one that is not known", { components: [{ name: "crowdsec", environment: { hidden: "run as root" } }] }],
    ["and there is no component", { components: [] }],
  ])("%s, it is a failure", async (_what, topology) => {
    expect((await findingOf(check, hostWith({ "192.0.2.53": SILENT }, {}, topology))).status).toBe("fail");
  });
});

describe("the name that is asked for", () => {
  const agent = [from<Role>("agent", "config.yaml")];
  const bouncer = [from<Role>("bouncer", "--role")];
  const off = {
    state: "off",
    reason: "no online_client",
    url: from("https://api.crowdsec.net/", "default"),
    papiUrl: from("https://papi.api.crowdsec.net/", "default"),
  } as const;

  test.each<[string, Partial<Topology>, string]>([
    ["an ordinary host", {}, "api.crowdsec.net"],
    ["a host before the install", BEFORE_INSTALL, "api.crowdsec.net"],
    ["a Central API elsewhere", { capi: { ...off, state: "on", url: from("https://capi.corp/", "f:1") } }, "capi.corp"],
    ["hidden credentials", { capi: { hidden: "run as root" } }, "api.crowdsec.net"],
    ["an agent alone", { roles: agent, ...agentAt("http://lapi.corp:8080/") }, "lapi.corp"],
    ["a host without the Central API", { capi: off, ...agentAt("http://lapi.corp:8080/") }, "lapi.corp"],
    [
      "several clients, of which only the last goes to a name",
      {
        roles: agent,
        clients: [
          agentTo(routeBySocket("/run/lapi.sock")),
          agentTo(routeTo("http://localhost:8080/")),
          agentTo(routeTo("http://[2001:db8::8]:8080/")),
          agentTo({ absent: "none" }),
          agentTo(routeTo("http://lapi.corp:8080/")),
        ],
      },
      "lapi.corp",
    ],
    ["an agent whose configuration has addresses: of the hub", { roles: agent }, "hub-data.crowdsec.net"],
    ["a bouncer to come", { ...BEFORE_INSTALL, roles: bouncer, components: [] }, "packagecloud.io"],
    ["a database by name", { capi: off, database: networkDatabase() }, "db.example"],
  ])("of %s is one that CrowdSec there needs", async (_what, topology, name) => {
    const { asked } = await runIn([check], { topology });
    expect(asked).toEqual([`nameserver 9.9.9.9 ${name}`]);
  });

  test("there is none where the configuration has addresses only, and the reason says so", async () => {
    const { findings, asked } = await runIn([check], { topology: { roles: bouncer } });
    expect(findings).toMatchObject([
      {
        instance: "resolver",
        status: "skip",
        reason: "not applicable: CrowdSec of this host asks for no name, its configuration has addresses",
      },
    ]);
    expect(asked).toEqual([]);
  });
});

test("a nameserver that is named twice has one finding", async () => {
  const given = hostWith({ "192.0.2.53": ANSWERS }, { servers: ["192.0.2.53", "192.0.2.53"] });
  expect(Object.keys(await told(given))).toEqual(["192.0.2.53"]);
});

test("a code that no sentence knows is unknown, in the system's words", async () => {
  expect(await findingOf(check, one(failedWith("file-error")))).toMatchObject({
    status: "unknown",
    reason: "file-error: the system's words for file-error",
  });
});
