import { describe, expect, test } from "@jest/globals";
import check from "../../checks/peer.ts";
import type { HttpObservation, LayerCode, PeerAnswered, PeerCode, PeerQuestion } from "../../src/model/observation.ts";
import { Secret } from "../../src/model/secret.ts";
import type { Peer, Topology } from "../../src/model/topology.ts";
import { RESOLVER, type World } from "../support/fake-prober.ts";
import { PROXY, proxied, proxyFaults } from "../support/proxied.ts";
import { expectFault, type FaultCase, findingOf, type Given, NOW, runIn } from "../support/run.ts";
import { agentAt, crowdsecWith, cscliWith, environmentWith, from } from "../support/topology.ts";
import { answered, CERTIFICATE, CONNECTED, failedWith, HEALTHY, lapiSays, resolved } from "../support/world.ts";

const peerAt = (place: string, rest: Partial<Peer> & { readonly scheme?: string } = {}): Peer => {
  const { scheme = "http", ...more } = rest;
  return {
    name: place,
    url: from(`${scheme}://${place}/`, "--peer"),
    token: new Secret("canary-token"),
    idleMs: 45_000,
    ...more,
  };
};
const PEER = peerAt("10.0.0.5:8080");
const SECURE = peerAt("lapi.example:8443", { scheme: "https" });

/** A conversation that went well. */
const heard = (rest: Partial<PeerAnswered> = {}): PeerAnswered => ({
  ok: true,
  elapsedMs: 45_050,
  layers: [
    { phase: "connect", ok: true, durationMs: 5, detail: "10.0.0.5" },
    { phase: "response", ok: true, durationMs: 2, detail: "hello" },
    { phase: "request", ok: true, durationMs: 8, detail: "64 KiB each way" },
    { phase: "response", ok: true, durationMs: 45_002, detail: "silence of 45.0 s" },
  ],
  own: { address: "10.0.0.20", port: 40_000 },
  seen: { address: "10.0.0.20", port: 40_000 },
  listener: { address: "10.0.0.5", port: 8080 },
  altered: [],
  intercepted: false,
  bytes: 65_536,
  idle: { survived: true, ms: 45_000 },
  ...rest,
});

const given = (peer: World["peer"], rest: Given & { readonly peers?: readonly Peer[] } = {}): Given => ({
  ...rest,
  topology: { peers: rest.peers ?? [PEER], ...rest.topology },
  world: { ...HEALTHY, ...(peer && { peer }), ...rest.world },
});
const hearing = (rest?: Partial<PeerAnswered>, more?: Parameters<typeof given>[1]): Given =>
  given(() => heard(rest), more);

/** The conversation does not come about, in this way. */
const ending = (code: PeerCode | LayerCode, rest: Parameters<typeof failedWith>[1] = {}): Given =>
  given(() => failedWith(code, rest), { world: { ...HEALTHY, http: () => answered({ status: 404 }) } });
/** A given certificate that CrowdSec would not take. */
const showing = (code: LayerCode, tls = CERTIFICATE): Given =>
  hearing(
    { certificate: "given", tls, listener: { address: "2001:db8::7", port: 8443 } },
    { peers: [SECURE], world: { ...HEALTHY, http: () => failedWith(code, { tls }) } },
  );
/** The name, or the port. */
const cut = (code: LayerCode): Given => {
  const world = code.startsWith("dns-")
    ? { ...HEALTHY, dns: () => failedWith(code) }
    : { ...HEALTHY, tcp: () => failedWith(code) };
  return given(undefined, { world, peers: [peerAt("lapi.example:8080")] });
};

const throughProxy = (): Readonly<Record<string, FaultCase>> => {
  const peers = [peerAt("lapi.example:8080")];
  const rows = Object.entries(proxyFaults("configuration"));
  return Object.fromEntries(
    rows.map(([code, [phase, status, party, row]]) => [
      code,
      [
        phase,
        status,
        party,
        {
          topology: { ...row?.topology, peers },
          world: { ...HEALTHY, ...row?.world, peer: () => failedWith(code as LayerCode) },
        },
      ],
    ]),
  );
};

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  ...(throughProxy() as Record<`proxy-${string}` & keyof typeof check.faults, FaultCase>),
  "dns-nxdomain": ["resolve", "fail", "configuration", cut("dns-nxdomain")],
  "dns-nodata": ["resolve", "fail", "resolver", cut("dns-nodata")],
  "dns-servfail": ["resolve", "fail", "resolver", cut("dns-servfail")],
  "dns-refused": ["resolve", "fail", "resolver", cut("dns-refused")],
  "dns-timeout": ["resolve", "fail", "resolver", cut("dns-timeout")],
  "dns-no-resolver": ["resolve", "fail", "this-host", cut("dns-no-resolver")],
  "dns-unreachable": ["resolve", "fail", "this-host", cut("dns-unreachable")],
  "tcp-refused": ["connect", "fail", "remote-service", cut("tcp-refused")],
  "tcp-timeout": ["connect", "fail", "network", cut("tcp-timeout")],
  "tcp-unreachable": ["connect", "fail", "network", cut("tcp-unreachable")],
  "tcp-reset": ["connect", "fail", "network", cut("tcp-reset")],
  "tls-reset": ["handshake", "fail", "configuration", ending("tls-reset")],
  "tls-stalled": ["handshake", "fail", "network", ending("tls-stalled")],
  "tls-not-tls": ["handshake", "fail", "configuration", ending("tls-not-tls")],
  "tls-version": ["handshake", "fail", "network", ending("tls-version")],
  "tls-client-cert": ["handshake", "fail", "configuration", ending("tls-client-cert")],
  "tls-alert": ["handshake", "fail", "network", ending("tls-alert")],
  "tls-untrusted": ["handshake", "warn", "configuration", showing("tls-untrusted")],
  "tls-expired": ["handshake", "fail", "remote-service", showing("tls-expired")],
  "tls-not-yet-valid": ["handshake", "fail", "remote-service", showing("tls-not-yet-valid")],
  "tls-wrong-host": ["handshake", "fail", "configuration", showing("tls-wrong-host")],
  "tls-no-san": ["handshake", "fail", "remote-service", showing("tls-no-san")],
  "http-timeout": ["response", "fail", "remote-service", ending("http-timeout")],
  "http-invalid": ["response", "fail", "remote-service", ending("http-invalid")],
  "peer-foreign": ["response", "fail", "remote-service", ending("peer-foreign", { phase: "response" })],
  "peer-is-lapi": [
    "response",
    "warn",
    "configuration",
    given(() => failedWith("peer-foreign", { phase: "response" }), {
      world: { ...HEALTHY, http: () => lapiSays("cookie token is empty") },
    }),
  ],
  "peer-token-refused": ["login", "fail", "configuration", ending("peer-token-refused", { phase: "login" })],
  "peer-token-used": ["login", "fail", "configuration", ending("peer-token-used", { phase: "login" })],
  "peer-full": ["login", "fail", "remote-service", ending("peer-full", { phase: "login" })],
  "peer-stalled": ["request", "fail", "network", ending("peer-stalled", { phase: "request" })],
  "peer-intercepted": [
    "handshake",
    "fail",
    "network",
    hearing({ intercepted: true, tls: CERTIFICATE, certificate: "throw-away" }),
  ],
  "peer-idle-cut": [
    "response",
    "warn",
    "network",
    hearing({ idle: { survived: false, how: "cut", afterMs: 30_012, message: "socket hang up" } }),
  ],
  "peer-altered": [
    "response",
    "warn",
    "network",
    hearing({ altered: [{ direction: "there", kind: "added", name: "via", value: "1.1 box" }] }),
  ],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

const summaryOf = async (about: Given): Promise<string> => (await findingOf(check, about)).summary;

test("nothing is asked where no --peer names a listener", async () => {
  const { findings, asked } = await runIn([check]);
  expect(findings).toMatchObject([
    {
      instance: "peer",
      status: "skip",
      reason: "not applicable: no --peer names a listener (crowdsec-preflight listen)",
    },
  ]);
  expect(asked).toEqual([]);
});

describe("a pass", () => {
  test("says what was tried, and by what address the Local API will know this host", async () => {
    const { status, summary, target, layers } = await findingOf(check, hearing());
    expect([status, summary]).toEqual([
      "pass",
      "A listener that stands in for the Local API is reached, both ways: 64 KiB each way; it saw this host as 10.0.0.20 (no NAT); 45 s of silence survived",
    ]);
    expect(target).toEqual({ host: "10.0.0.5", port: 8080, url: "http://10.0.0.5:8080/", origin: "--peer" });
    expect(layers.map(({ phase, detail }) => `${phase}: ${detail}`)).toEqual([
      "resolve: 10.0.0.5 from 9.9.9.9",
      "connect: 10.0.0.5",
      "response: hello",
      "request: 64 KiB each way",
      "response: silence of 45.0 s",
    ]);
  });

  test("without a silence says nothing of one", async () => {
    const { idle: _none, ...rest } = heard();
    expect(await summaryOf(given(() => rest))).not.toContain("silence");
  });

  test("behind NAT says both addresses, and where the other one will be met again", async () => {
    const summary = await summaryOf(hearing({ seen: { address: "192.0.2.1", port: 61_000 } }));
    expect(summary).toContain(
      "it saw this host as 192.0.2.1, which has 10.0.0.20 itself: NAT or a proxy on the way, and the Local API will know it by that address (the rows of machines and bouncers, allowed_ranges, trusted_ips)",
    );
  });

  test("notices another port with the same address", async () => {
    const summary = await summaryOf(hearing({ seen: { address: "10.0.0.20", port: 61_000 } }));
    expect(summary).toContain("it saw this host as 10.0.0.20, from another port: NAT, or a transparent proxy");
  });

  test("says where a forwarded port leads", async () => {
    const summary = await summaryOf(hearing({ listener: { address: "172.17.0.2", port: 8081 } }));
    expect(summary).toContain(
      "what was dialed as 10.0.0.5 port 8080 arrived at 172.17.0.2 port 8081: a forwarded port (DNAT), or a proxy in front of it",
    );
  });

  test("knows an IPv6 address in another spelling, and dials IPv6 first, as Go does", async () => {
    const asked: PeerQuestion[] = [];
    const peer: World["peer"] = (question) => {
      asked.push(question);
      return heard({
        own: { address: "2001:db8::20", port: 1 },
        seen: { address: "2001:0DB8:0:0:0:0:0:20", port: 1 },
        listener: { address: "2001:DB8:0:0::7", port: 8080 },
      });
    };
    const summary = await summaryOf(given(peer, { peers: [peerAt("lapi.example:8080")] }));
    expect(asked.map(({ address }) => address)).toEqual(["2001:db8::7"]);
    expect(summary).toContain("(no NAT)");
    expect(summary).not.toContain("DNAT");
  });

  test("tells of a family whose addresses do not answer", async () => {
    const tcp: World["tcp"] = ({ family }) => (family === 6 ? failedWith("tcp-timeout") : CONNECTED);
    const about = hearing(
      { listener: { address: "203.0.113.7", port: 8080 } },
      { peers: [peerAt("lapi.example:8080")], world: { ...HEALTHY, tcp } },
    );
    expect(await summaryOf(about)).toContain("no IPv6 address of it answers (tcp-timeout): 2001:db8::7");
  });

  const twoAddresses = (code: "tcp-timeout" | "tcp-unreachable", dead: string, ...all: readonly string[]): Given =>
    hearing(
      {},
      {
        peers: [peerAt("lapi.example:8080")],
        world: {
          ...HEALTHY,
          dns: () => resolved(...all),
          tcp: ({ address }) => (address === dead ? failedWith(code) : CONNECTED),
        },
      },
    );

  test.each(["tcp-timeout", "tcp-unreachable"] as const)("names an address that does not answer (%s)", async (code) => {
    const finding = await findingOf(check, twoAddresses(code, "192.0.2.2", "192.0.2.1", "192.0.2.2"));
    expect(finding.status).toBe("pass");
    expect(finding.summary).toContain(`of the name's addresses, not all answer: 192.0.2.2 (${code})`);
  });

  test("says nothing of IPv6 addresses on a host without IPv6", async () => {
    const about = twoAddresses("tcp-unreachable", "2001:db8::7", "192.0.2.1", "2001:db8::7");
    const interfaces = [{ address: "10.0.0.20", family: 4 as const }];
    const summary = await summaryOf({ ...about, topology: { ...about.topology, interfaces } });
    expect(summary).not.toContain("2001:db8::7");
  });

  test("of a silence that the listener ended early says that it was not as long as asked", async () => {
    const summary = await summaryOf(hearing({ idle: { survived: true, ms: 2000 } }));
    expect(summary).toContain(
      "the listener was silent for 2 s of 45 s only (its own time was over), so whether a longer silence lives on is not known",
    );
    expect(summary).not.toContain("survived");
  });
});

test("every listener is asked on its own, with its own token and this host's name", async () => {
  const questions: PeerQuestion[] = [];
  const peer: World["peer"] = (question) => {
    questions.push(question);
    return question.url.includes("10.0.0.6") ? failedWith("peer-full", { phase: "login" }) : heard();
  };
  const peers = [PEER, peerAt("10.0.0.6:8080", { token: new Secret("canary-other"), idleMs: 0 })];
  const { findings } = await runIn(
    [check],
    given(peer, { peers, topology: { resolver: { ...RESOLVER, hostname: "agent1" } } }),
  );
  expect(findings.map(({ instance, status }) => [instance, status])).toEqual([
    ["peer@10.0.0.5:8080", "pass"],
    ["peer@10.0.0.6:8080", "fail"],
  ]);
  expect(questions.map(({ name, token, idleMs }) => [name, token.reveal(), idleMs])).toEqual([
    ["agent1", "canary-token", 45_000],
    ["agent1", "canary-other", 0],
  ]);
});

describe("in whose place", () => {
  const through = async (topology: Partial<Topology>): Promise<readonly (string | undefined)[]> => {
    const proxies: (string | undefined)[] = [];
    const peer: World["peer"] = ({ proxy }) => {
      proxies.push(proxy?.shown);
      return heard();
    };
    await findingOf(check, given(peer, { topology }));
    return proxies;
  };
  const BOUNCER = { name: "crowdsec-firewall-bouncer", environment: environmentWith({ HTTP_PROXY: PROXY }) };

  test.each([
    ["an agent's: crowdsec's environment counts", "agent", [crowdsecWith({ HTTP_PROXY: PROXY }), cscliWith({})], PROXY],
    ["without crowdsec's: cscli's", "cscli", [cscliWith({ HTTP_PROXY: PROXY })], PROXY],
    ["a bouncer's own, on a host that is one only", "bouncer", [crowdsecWith({}), BOUNCER], PROXY],
    ["nobody's, where nothing is there yet: straight", "bouncer", [], undefined],
  ] as const)("%s", async (_whose, role, components, expected) => {
    expect(await through({ roles: [from(role, "--role")], components })).toEqual([expected]);
  });

  test("an environment that nobody may read leaves it unknown", async () => {
    const components = [{ ...crowdsecWith({}), environment: { hidden: "run as root to read /proc/4711/environ" } }];
    expect(await findingOf(check, given(undefined, { topology: { components } }))).toMatchObject({
      status: "unknown",
      reason: "run as root to read /proc/4711/environ",
    });
  });
});

describe("through a known proxy", () => {
  const marks = [
    { direction: "there", kind: "added", name: "via", value: "1.1 gateway" },
    { direction: "there", kind: "added", name: "x-forwarded-for", value: "10.0.0.20" },
    { direction: "back", kind: "added", name: "x-cache-lookup" },
  ] as const;
  const seen = { address: "10.0.0.80", port: 5 };

  test("its marks are a note, and the address that was seen is its own", async () => {
    const { status, summary } = await findingOf(check, hearing({ altered: marks, seen }, { topology: proxied() }));
    expect(status).toBe("pass");
    expect(summary).toContain("it saw 10.0.0.80, the proxy's address, as that of this host");
    expect(summary).toContain(
      "the proxy leaves its marks: via added on the way there (1.1 gateway), x-forwarded-for added on the way there (10.0.0.20), x-cache-lookup added on the way back",
    );
    expect(summary).not.toContain("DNAT");
  });

  test("what else it changes is told, and is its own doing", async () => {
    const altered = [...marks, { direction: "there", kind: "changed", name: "user-agent", value: "Box" }] as const;
    const { summary, blame, fault } = await findingOf(check, hearing({ altered, seen }, { topology: proxied() }));
    expect(fault?.code).toBe("peer-altered");
    expect(blame?.party).toBe("proxy");
    expect(summary).toMatch(
      /^somebody on the way to 10\.0\.0\.5:8080 rewrites HTTP: user-agent changed on the way there \(Box\);/,
    );
  });

  test("a page of its own is mended by NO_PROXY, not by a look at the listener's host", async () => {
    const about = given(() => failedWith("peer-foreign", { phase: "response", message: "HTTP 503, Server: squid" }), {
      topology: proxied(),
      world: { ...HEALTHY, http: () => answered({ status: 503 }) },
    });
    const { blame, remedy, summary } = await findingOf(check, about);
    expect(summary).toBe("what answers at 10.0.0.5:8080 is no listener: HTTP 503, Server: squid");
    expect(blame?.party).toBe("configuration");
    expect(remedy.map(({ text }) => text)).toEqual([
      "The Local API is no business of the proxy: have NO_PROXY of crowdsec name 10.0.0.5, here (process 4711) for this try, and where CrowdSec's services get theirs from once they are installed.",
    ]);
  });

  test("TLS that fails behind it is its doing first", async () => {
    const about = given(() => failedWith("tls-alert"), { topology: proxied(), peers: [SECURE] });
    expect((await findingOf(check, about)).blame?.party).toBe("proxy");
  });
});

describe("the certificate", () => {
  const asksHttp = (rest: Partial<PeerAnswered>, more: Parameters<typeof given>[1] = {}) =>
    runIn([check], hearing({ tls: CERTIFICATE, ...rest }, { peers: [SECURE], ...more }));

  test("that is made for this once is not judged", async () => {
    const { findings, asked } = await asksHttp({ certificate: "throw-away" });
    expect(findings[0]?.status).toBe("pass");
    expect(asked.filter((question) => question.startsWith("http"))).toEqual([]);
  });

  test("that is to be the Local API's is judged as its client would, by whom that trusts already", async () => {
    const trust = { caFiles: ["/etc/crowdsec/ca.pem"], only: false, skipVerify: false };
    const asked: unknown[] = [];
    const http = (request: { readonly trust?: unknown }): HttpObservation => {
      asked.push(request.trust);
      return failedWith("http-invalid", { tls: CERTIFICATE });
    };
    const { findings } = await asksHttp(
      { certificate: "given" },
      { world: { ...HEALTHY, http }, topology: agentAt("https://lapi.example:8080/", { trust }) },
    );
    expect(asked[0]).toEqual(trust);
    expect(findings[0]?.status).toBe("pass");
  });

  test("that somebody on the way shows is not judged: that it is another one is worse", async () => {
    const { findings, asked } = await asksHttp({ certificate: "given", intercepted: true });
    expect(findings[0]?.summary).toMatch(
      /^TLS does not pass untouched between here and the listener lapi\.example:8443: somebody opens it: the certificate that arrives here is not the listener's, but one of CN=Some Authority;/,
    );
    expect(asked.filter((question) => question.startsWith("http"))).toEqual([]);
  });

  const textsOf = ({ remedy }: Awaited<ReturnType<typeof findingOf>>): string =>
    remedy.map(({ text }) => text).join("\n");

  test("that only the listener has is TLS put on on the way, and nobody's certificate is named", async () => {
    const found = await findingOf(check, hearing({ certificate: "given", intercepted: true }));
    expect(found.summary).toMatch(
      /^TLS does not pass untouched between here and the listener 10\.0\.0\.5:8080: somebody puts it on: here it was asked without TLS, and the listener gets TLS;/,
    );
    expect(textsOf(found)).toMatch(/^Something between takes plain HTTP and speaks TLS to the listener/);
  });

  test("that only somebody before the listener has is TLS taken off on the way", async () => {
    const found = await findingOf(check, hearing({ intercepted: true, tls: CERTIFICATE }, { peers: [SECURE] }));
    expect(found.summary).toMatch(
      /^TLS does not pass untouched between here and the listener lapi\.example:8443: somebody takes it off: here it is TLS, with a certificate of CN=Some Authority, and the listener gets it without;/,
    );
    expect(textsOf(found)).toMatch(/^If that is a load balancer or a reverse proxy of your own/);
  });

  test("of a proxy that opens TLS is mended by NO_PROXY", async () => {
    const about = hearing({ intercepted: true, tls: CERTIFICATE }, { peers: [SECURE], topology: proxied() });
    expect(textsOf(await findingOf(check, about))).toMatch(/^The Local API is no business of the proxy/);
  });

  test("with a wrong date is told with both clocks", async () => {
    const tls = { ...CERTIFICATE, validTo: "2026-02-01T00:00:00.000Z" };
    expect(await summaryOf(showing("tls-expired", tls))).toContain(`it is ${NOW.toISOString()} here`);
  });
});

describe("several things at once", () => {
  const idle = {
    survived: false,
    how: "silent",
    afterMs: 50_000,
    message: "no HTTP response within 50000 ms",
  } as const;
  const altered = [{ direction: "back", kind: "removed", name: "content-type" }] as const;

  test("the worst is the fault, and the others stand behind it", async () => {
    const { fault, summary } = await findingOf(check, hearing({ intercepted: true, tls: CERTIFICATE, idle, altered }));
    expect(fault?.code).toBe("peer-intercepted");
    expect(summary).toContain(
      "; the connection to 10.0.0.5:8080 does not survive 45 s of silence: nothing passes any more, and nobody says so (waited 50 s); somebody on the way to 10.0.0.5:8080 rewrites HTTP: content-type removed on the way back; it saw this host as 10.0.0.20 (no NAT)",
    );
  });

  test("also behind a certificate that will not do", async () => {
    const about = hearing(
      { certificate: "given", tls: CERTIFICATE, idle },
      { peers: [SECURE], world: { ...HEALTHY, http: () => failedWith("tls-expired", { tls: CERTIFICATE }) } },
    );
    const { fault, summary } = await findingOf(check, about);
    expect(fault?.code).toBe("tls-expired");
    expect(summary).toContain("does not survive 45 s of silence");
  });
});

describe("what to do", () => {
  const commandsOf = async (about: Given): Promise<string> =>
    (await findingOf(check, about)).remedy.flatMap(({ commands = [] }) => commands).join("\n");

  test("about a message that got lost is to look at the path's MTU; about one that was cut off, it is not", async () => {
    expect(await commandsOf(ending("peer-stalled", { phase: "request" }))).toContain("-M do -s 1472 10.0.0.5");
    expect(await commandsOf(ending("peer-stalled", { phase: "request", errno: "ECONNRESET" }))).toBe("");
  });

  test("about a listener that is gone is to start it anew, on its port", async () => {
    expect(await commandsOf(cut("tcp-refused"))).toContain("crowdsec-preflight listen --port 8080");
  });

  test("about a Local API that is there already is to ask it", async () => {
    const { remedy, summary } = await findingOf(check, FAULTS["peer-is-lapi"][3]);
    expect(summary).toBe(
      "a Local API answers at 10.0.0.5:8080 already: the way there is open, and nobody has to stand in for it",
    );
    expect(remedy[0]?.commands).toEqual(["crowdsec-preflight check --lapi-url http://10.0.0.5:8080/"]);
  });

  test("on this host itself is this host's own", async () => {
    const about = given(undefined, {
      peers: [peerAt("127.0.0.1:8080")],
      world: { ...HEALTHY, tcp: () => failedWith("tcp-refused") },
    });
    expect((await findingOf(check, about)).blame?.party).toBe("this-host");
  });

  test.each(["peer-token-refused", "peer-token-used", "peer-full"] as const)("waiting does not mend %s", (code) => {
    expect(check.faults[code].recovers).toBe(false);
  });
});

test("of fields that are altered, the first few are named, and the others counted", async () => {
  const altered = Array.from(
    { length: 2000 },
    (_, index) => ({ direction: "there", kind: "added", name: `x-h${index}`, value: "v" }) as const,
  );
  const { summary, fault } = await findingOf(check, hearing({ altered }));
  expect(summary).toContain("x-h5 added on the way there (v), and 1994 more;");
  expect(fault?.message).toMatch(/and 1994 more$/);
});

test("a listener of another version is no stranger: its version is to be looked at, and nothing else is asked", async () => {
  const about = given(() => failedWith("peer-foreign", { phase: "login", message: "it answers in another way" }));
  const { findings, asked } = await runIn([check], about);
  const [finding] = findings;
  expect(finding).toMatchObject({
    status: "fail",
    summary: "what answers at 10.0.0.5:8080 is no listener of this version: it answers in another way",
    fault: { code: "peer-foreign", phase: "login" },
    blame: { party: "remote-service" },
  });
  expect(finding?.remedy.flatMap(({ commands = [] }) => commands)).toEqual(["crowdsec-preflight --version"]);
  expect(asked.filter((question) => question.startsWith("http"))).toEqual([]);
});

test("a code that this check has no word for is unknown, in the system's words", async () => {
  expect(await findingOf(check, ending("http-redirect"))).toMatchObject({
    status: "unknown",
    reason: "http-redirect: the system's words for http-redirect",
  });
});

test("a silence that is cut off says when and how", async () => {
  expect(await summaryOf(FAULTS["peer-idle-cut"][3] ?? {})).toMatch(
    /^the connection to 10\.0\.0\.5:8080 does not survive 45 s of silence: it is ended after 30 s \(socket hang up\);/,
  );
});

test("the name's addresses are all tried, and one is spoken to", async () => {
  const { asked } = await runIn(
    [check],
    hearing(
      {},
      { peers: [peerAt("lapi.example:8080")], world: { ...HEALTHY, dns: () => resolved("192.0.2.1", "192.0.2.2") } },
    ),
  );
  expect(asked).toEqual([
    "dns lapi.example",
    "tcp 192.0.2.1:8080",
    "tcp 192.0.2.2:8080",
    "peer http://lapi.example:8080/ at 192.0.2.1",
  ]);
});
