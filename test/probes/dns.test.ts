import { afterEach, describe, expect, test } from "@jest/globals";
import type { DnsObservation, DnsQuestion } from "../../src/model/observation.ts";
import { probeDns, probeNameserver } from "../../src/probes/dns.ts";
import { type LookupOrder, parseHosts, parseResolvConf } from "../../src/probes/go-resolver.ts";
import { FORGED, type Nameservers, startNameservers, type Zone } from "../support/dns-server.ts";

let running: Nameservers | undefined;

const stopNameservers = async (): Promise<void> => {
  await running?.close();
  running = undefined;
};
afterEach(stopNameservers);

interface Setting {
  readonly zones?: readonly Zone[];
  /** Lines of resolv.conf besides the nameservers. */
  readonly conf?: string;
  /** Nameservers other than the started ones. */
  readonly servers?: readonly string[];
  /** How long one try takes, in place of resolv.conf's whole seconds. */
  readonly tryMs?: number;
  readonly hosts?: string;
  readonly order?: LookupOrder;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Asks about a name where the nameservers are as `zones` says, and gives what each of them was asked. */
const ask = async (
  question: DnsQuestion,
  { zones = [{}], conf = "", servers, tryMs, hosts = "", order, timeoutMs = 3000, signal }: Setting = {},
): Promise<{ readonly saw: DnsObservation; readonly asked: readonly (readonly string[])[] }> => {
  running = await startNameservers(...zones);
  const config = parseResolvConf(conf);
  const saw = await probeDns(
    question,
    {
      config: {
        ...config,
        servers: servers ?? running.servers.map(({ address }) => address),
        timeoutMs: tryMs ?? config.timeoutMs,
      },
      hosts: parseHosts(hosts),
      ...(order && { order }),
      port: running.port,
    },
    { timeoutMs, signal: signal ?? new AbortController().signal },
  );
  return { saw, asked: running.servers.map((server) => server.asked) };
};

const LAPI: DnsQuestion = { name: "lapi.test" };
const BOTH = { A: ["192.0.2.1"], AAAA: ["2001:db8::1"] };
const BOTH_SEEN = [
  { address: "192.0.2.1", family: 4 },
  { address: "2001:db8::1", family: 6 },
];
const within = async <T>(ms: number, promise: Promise<T>): Promise<T | "still waiting"> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"still waiting">((resolve) => {
    timer = setTimeout(() => resolve("still waiting"), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

test.each([
  ["192.0.2.7", 4],
  ["2001:db8::7", 6],
] as const)("the literal address %s is its own answer", async (name, family) => {
  const { saw, asked } = await ask({ name });
  expect(saw).toMatchObject({ ok: true, addresses: [{ address: name, family }], from: "literal", nameservers: [] });
  expect(asked).toEqual([[]]);
});

test("a literal address is meant as it is written, whichever family names are asked for", async () => {
  const { saw } = await ask({ name: "192.0.2.7", family: 6 });
  expect(saw).toMatchObject({ ok: true, from: "literal", addresses: [{ address: "192.0.2.7", family: 4 }] });
});

test("the hosts file comes first, whatever a nameserver would say", async () => {
  const { saw, asked } = await ask(
    { name: "LAPI.test." },
    { hosts: "192.0.2.9 lapi.test\n2001:db8::9 lapi.test", zones: [{ "lapi.test": BOTH }] },
  );
  expect(saw).toMatchObject({
    ok: true,
    from: "hosts",
    origin: "/etc/hosts:1",
    nameservers: [],
  });
  expect(saw.ok && saw.addresses).toEqual([
    { address: "192.0.2.9", family: 4 },
    { address: "2001:db8::9", family: 6 },
  ]);
  expect(asked).toEqual([[]]);
});

test("a name that the hosts file has for the other family only has no address, and no nameserver is asked", async () => {
  const { saw, asked } = await ask(
    { ...LAPI, family: 6 },
    { hosts: "192.0.2.9 lapi.test", zones: [{ "lapi.test": BOTH }] },
  );
  expect(saw).toMatchObject({
    ok: false,
    code: "dns-nodata",
    message: "lapi.test has no IPv6 address in /etc/hosts:1",
  });
  expect(asked).toEqual([[]]);
});

test("of several lines of the hosts file, the one of the wanted family is told", async () => {
  const hosts = "# none\n192.0.2.9 lapi.test\n2001:db8::9 lapi.test";
  const { saw } = await ask({ ...LAPI, family: 6 }, { hosts });
  expect(saw).toMatchObject({ ok: true, addresses: [{ address: "2001:db8::9" }], origin: "/etc/hosts:3" });
});

test.each([
  ["asks the nameservers first", ["dns", "files"], { "lapi.test": { A: ["192.0.2.1"] } }, "127.0.0.1", 1],
  ["falls back to the hosts file", ["dns", "files"], {}, "hosts", 1],
  ["asks no nameserver", ["files"], { "lapi.test": BOTH }, "hosts", 0],
] as const)("nsswitch.conf decides: with %p, %p", async (_what, order, zone, from, questions) => {
  const { saw, asked } = await ask({ ...LAPI, family: 4 }, { hosts: "192.0.2.9 lapi.test", order, zones: [zone] });
  expect(saw).toMatchObject({ ok: true, from });
  expect(asked[0]).toHaveLength(questions);
});

test("a name that is not in the hosts file is not found where nsswitch.conf has no dns, and the reason says so", async () => {
  const { saw, asked } = await ask(LAPI, { order: ["files"], zones: [{ "lapi.test": BOTH }] });
  expect(saw).toMatchObject({ ok: false, code: "dns-nxdomain", message: expect.stringContaining("without dns") });
  expect(asked).toEqual([[]]);
});

test("the hosts file says nothing where nsswitch.conf does not name it", async () => {
  const { saw } = await ask(LAPI, { order: ["dns"], hosts: "192.0.2.9 lapi.test" });
  expect(saw).toMatchObject({ ok: false, code: "dns-nxdomain" });
});

test("with rotate, each question begins at the nameserver after the one before", async () => {
  const A = { A: ["192.0.2.1"] };
  const { asked } = await ask(LAPI, { zones: [{ "lapi.test": BOTH }, { "lapi.test": A }], conf: "options rotate" });
  // IPv4 begins at the first, IPv6 at the second.
  expect(asked).toEqual([["udp A lapi.test"], ["udp AAAA lapi.test"]]);
});

test("with rotate too, every nameserver is asked when the others fail", async () => {
  const zones = [{ "lapi.test": { rcode: "REFUSED" } }, { "lapi.test": BOTH }] as const;
  const { saw } = await ask(LAPI, { zones, conf: "options rotate" });
  expect(saw).toMatchObject({ ok: true, addresses: BOTH_SEEN, from: "127.0.0.2" });
});

test("IPv4 and IPv6 are asked for once each, and both are in the answer", async () => {
  const { saw, asked } = await ask(LAPI, { zones: [{ "lapi.test": BOTH }] });
  expect(saw).toMatchObject({ ok: true, addresses: BOTH_SEEN, from: "127.0.0.1", nameservers: [] });
  expect([...(asked[0] ?? [])].sort()).toEqual(["udp A lapi.test", "udp AAAA lapi.test"]);
});

test.each([
  [4, "A"],
  [6, "AAAA"],
] as const)("with family %s only %s is asked for", async (family, type) => {
  const { saw, asked } = await ask({ ...LAPI, family }, { zones: [{ "lapi.test": BOTH }] });
  expect(saw).toMatchObject({ ok: true, addresses: BOTH_SEEN.filter((address) => address.family === family) });
  expect(asked).toEqual([[`udp ${type} lapi.test`]]);
});

test("every address of an answer is kept, in its order", async () => {
  const A = ["192.0.2.3", "192.0.2.1", "192.0.2.2"];
  const { saw } = await ask({ ...LAPI, family: 4 }, { zones: [{ "lapi.test": { A } }] });
  expect(saw).toMatchObject({ ok: true, addresses: A.map((address) => ({ address, family: 4 })) });
});

test("an alias is followed within the answer", async () => {
  const { saw } = await ask(LAPI, { zones: [{ "lapi.test": { ...BOTH, alias: "real.test" } }] });
  expect(saw).toMatchObject({ ok: true, addresses: BOTH_SEEN });
});

test("a nameserver that neither knows the name nor asks around leads to the next one", async () => {
  // Go's errLameReferral: no authority, no recursion, no answer, nothing besides.
  const { saw } = await ask(LAPI, { zones: [{ "lapi.test": { lame: true } }, { "lapi.test": BOTH }] });
  expect(saw).toMatchObject({ ok: true, addresses: BOTH_SEEN, from: "127.0.0.2" });
});

test.each([
  ["REFUSED", { rcode: "REFUSED" }, "dns-refused"],
  ["SERVFAIL", { rcode: "SERVFAIL" }, "dns-servfail"],
  // Go passes over every such packet; of these two kinds the reason is worth knowing.
  ["NXDOMAIN", { rcode: "NXDOMAIN" }, "dns-timeout"],
  ["an answer", BOTH, "dns-timeout"],
] as const)("%s without the question leads to the next nameserver", async (_what, behaviour, code) => {
  const { saw } = await ask(LAPI, {
    zones: [{ "lapi.test": { ...behaviour, bare: true } }, { "lapi.test": BOTH }],
    tryMs: 300,
  });
  expect(saw).toMatchObject({ ok: true, from: "127.0.0.2", nameservers: [{ server: "127.0.0.1", code }] });
});

test("a later nameserver is not asked when the first answers", async () => {
  const { saw, asked } = await ask(LAPI, { zones: [{ "lapi.test": BOTH }, { "lapi.test": BOTH }] });
  expect(saw).toMatchObject({ ok: true, from: "127.0.0.1" });
  expect(asked[1]).toEqual([]);
});

test.each([
  ["NXDOMAIN", { rcode: "NXDOMAIN" }, "dns-nxdomain"],
  ["an empty answer", {}, "dns-nodata"],
] as const)("%s of the first nameserver is believed, and the second is not asked", async (_what, behaviour, code) => {
  const { saw, asked } = await ask(LAPI, { zones: [{ "lapi.test": behaviour }, { "lapi.test": BOTH }] });
  expect(saw).toMatchObject({ ok: false, phase: "resolve", code, message: expect.stringContaining("127.0.0.1") });
  expect(asked[1]).toEqual([]);
});

test("a late NXDOMAIN of the first nameserver is believed over an early address of the second", async () => {
  const { saw, asked } = await ask(LAPI, {
    zones: [{ "lapi.test": { rcode: "NXDOMAIN", delayMs: 1400 } }, { "lapi.test": BOTH }],
  });
  expect(saw).toMatchObject({ ok: false, code: "dns-nxdomain", message: expect.stringContaining("127.0.0.1") });
  // The second was asked meanwhile: the order of the answers is not what decides.
  expect(asked[1]).toContain("udp A lapi.test");
});

test.each([
  ["SERVFAIL", { rcode: "SERVFAIL" }, "dns-servfail"],
  ["REFUSED", { rcode: "REFUSED" }, "dns-refused"],
  ["silence", { silent: true }, "dns-timeout"],
] as const)(
  "after %s of the first nameserver the second answers, and the first is listed",
  async (_what, first, code) => {
    const { saw } = await ask(LAPI, { zones: [{ "lapi.test": first }, { "lapi.test": BOTH }], tryMs: 300 });
    expect(saw).toMatchObject({
      ok: true,
      addresses: BOTH_SEEN,
      from: "127.0.0.2",
      nameservers: [{ server: "127.0.0.1", code }],
    });
  },
);

test("after SERVFAIL the second nameserver's NXDOMAIN counts", async () => {
  const { saw } = await ask(LAPI, { zones: [{ "lapi.test": { rcode: "SERVFAIL" } }, {}] });
  expect(saw).toMatchObject({ ok: false, code: "dns-nxdomain", message: "NXDOMAIN from nameserver 127.0.0.2" });
});

test("the third nameserver answers after two that do not", async () => {
  const { saw } = await ask(LAPI, {
    zones: [{ "lapi.test": { silent: true } }, { "lapi.test": { rcode: "REFUSED" } }, { "lapi.test": BOTH }],
    tryMs: 300,
  });
  expect(saw).toMatchObject({
    ok: true,
    from: "127.0.0.3",
    nameservers: [
      { server: "127.0.0.1", code: "dns-timeout" },
      { server: "127.0.0.2", code: "dns-refused" },
    ],
  });
});

test("the next nameserver is asked while the first is still silent, so that both waits overlap", async () => {
  const start = performance.now();
  const { saw } = await ask(LAPI, {
    zones: [{ "lapi.test": { silent: true } }, { "lapi.test": { ...BOTH, delayMs: 2000 } }],
    tryMs: 3000,
    timeoutMs: 3500,
  });
  expect(saw).toMatchObject({ ok: true, from: "127.0.0.2", nameservers: [{ server: "127.0.0.1" }] });
  // One after the other would take 5 seconds, which is more than there is.
  expect(performance.now() - start).toBeLessThan(4500);
});

test.each([
  ["SERVFAIL", "dns-servfail", "nameserver 127.0.0.1 answered SERVFAIL"],
  ["REFUSED", "dns-refused", "nameserver 127.0.0.1 refused the question"],
] as const)(
  "%s of every nameserver is the failure, after as many rounds as there are attempts",
  async (rcode, code, message) => {
    const { saw, asked } = await ask(
      { ...LAPI, family: 4 },
      { zones: [{ "lapi.test": { rcode } }], conf: "options attempts:3" },
    );
    expect(saw).toMatchObject({
      ok: false,
      phase: "resolve",
      code,
      message,
      nameservers: [{ server: "127.0.0.1", code }],
    });
    expect(asked).toEqual([Array(3).fill("udp A lapi.test")]);
  },
);

test("silence of all nameservers is a time-out within the limit, and names them all", async () => {
  const start = performance.now();
  const { saw } = await ask(LAPI, {
    zones: [{ "lapi.test": { silent: true } }, { "lapi.test": { silent: true } }],
    conf: "options timeout:1",
    timeoutMs: 600,
  });
  expect(saw).toMatchObject({
    ok: false,
    phase: "resolve",
    code: "dns-timeout",
    nameservers: [
      { server: "127.0.0.1", code: "dns-timeout" },
      { server: "127.0.0.2", code: "dns-timeout" },
    ],
  });
  expect(performance.now() - start).toBeLessThan(1100);
});

test("an answer that is cut short late and then silence over TCP stay within the limit together", async () => {
  const start = performance.now();
  const { saw } = await ask(LAPI, {
    zones: [{ "lapi.test": { truncated: true, delayMs: 500, tcp: "silent" } }],
    timeoutMs: 600,
  });
  expect(saw).toMatchObject({ ok: false, code: "dns-timeout" });
  expect(performance.now() - start).toBeLessThan(950);
});

test("silence weighs more than a refusal before it, which no last try in haste turns into silence too", async () => {
  // After the first round a few milliseconds are left: too few for the answer that refuses.
  const { saw } = await ask(LAPI, {
    zones: [{ "lapi.test": { rcode: "REFUSED", delayMs: 100 } }, { "lapi.test": { silent: true } }],
    tryMs: 480,
    timeoutMs: 600,
  });
  expect(saw).toMatchObject({
    ok: false,
    code: "dns-timeout",
    nameservers: [
      { server: "127.0.0.1", code: "dns-refused" },
      { server: "127.0.0.2", code: "dns-timeout" },
    ],
  });
});

test("an address without a DNS service is told from one that is silent", async () => {
  const { saw } = await ask(LAPI, { servers: ["127.0.0.9"] });
  expect(saw).toMatchObject({
    ok: false,
    code: "dns-no-resolver",
    message: "nameserver 127.0.0.9 has no DNS service",
    nameservers: [{ server: "127.0.0.9", code: "dns-no-resolver" }],
  });
});

test("a nameserver to which there is no route leads to the next one", async () => {
  // A link-local address without its zone: the kernel refuses at once, as it does IPv6 on a host that has none.
  const { saw } = await ask(LAPI, { zones: [{ "lapi.test": BOTH }], servers: ["fe80::1", "127.0.0.1"], tryMs: 300 });
  expect(saw).toMatchObject({
    ok: true,
    from: "127.0.0.1",
    nameservers: [{ server: "fe80::1", code: "dns-unreachable" }],
  });
});

test.each([
  ["A", "2001:db8::1"],
  ["AAAA", "192.0.2.1"],
] as const)("when only %s stays without an answer, the other is enough", async (silent, address) => {
  const { saw } = await ask(LAPI, { zones: [{ "lapi.test": { ...BOTH, silent } }], timeoutMs: 400 });
  expect(saw).toMatchObject({ ok: true, addresses: [{ address }] });
});

test("a name with IPv4 alone has its IPv4 addresses", async () => {
  const { saw } = await ask(LAPI, { zones: [{ "lapi.test": { A: ["192.0.2.1"] } }] });
  expect(saw).toMatchObject({ ok: true, addresses: [{ address: "192.0.2.1", family: 4 }] });
});

test("the search list is gone through until a name is found", async () => {
  const { saw, asked } = await ask(
    { name: "lapi", family: 4 },
    { zones: [{ "lapi.second.test": { A: ["192.0.2.5"] } }], conf: "search first.test second.test third.test" },
  );
  expect(saw).toMatchObject({ ok: true, addresses: [{ address: "192.0.2.5" }] });
  expect(asked).toEqual([["udp A lapi.first.test", "udp A lapi.second.test"]]);
});

test("a name with a final dot is asked for as it stands", async () => {
  const { saw, asked } = await ask(
    { name: "lapi.", family: 4 },
    { zones: [{ "lapi.a.test": { A: ["192.0.2.5"] } }], conf: "search a.test" },
  );
  expect(saw).toMatchObject({ ok: false, code: "dns-nxdomain" });
  expect(asked).toEqual([["udp A lapi"]]);
});

test("when no name of the search list is found, what was said of the name itself is the failure", async () => {
  const { saw } = await ask(
    { ...LAPI, family: 4 },
    { zones: [{ "lapi.test": {}, "lapi.test.a.test": { rcode: "SERVFAIL" } }], conf: "search a.test" },
  );
  expect(saw).toMatchObject({ ok: false, code: "dns-nodata" });
});

test("a name that no resolver asks for is not found, without a question", async () => {
  const { saw, asked } = await ask({ name: "x.onion" });
  expect(saw).toMatchObject({ ok: false, code: "dns-nxdomain" });
  expect(asked).toEqual([[]]);
});

test.each([
  ["a label of more than 63 characters", `${"x".repeat(64)}.test`],
  ["an empty label", "lapi..test"],
])("a name with %s is no domain name: it is not found, and at once", async (_what, name) => {
  const { saw, asked } = await ask({ name }, { timeoutMs: 400 });
  expect(saw).toMatchObject({ ok: false, code: "dns-nxdomain" });
  expect(asked).toEqual([[]]);
});

test("a truncated answer is asked for again over TCP", async () => {
  const { saw, asked } = await ask({ ...LAPI, family: 4 }, { zones: [{ "lapi.test": { ...BOTH, truncated: true } }] });
  expect(saw).toMatchObject({ ok: true, addresses: [{ address: "192.0.2.1" }], from: "127.0.0.1" });
  expect(asked).toEqual([["udp A lapi.test", "tcp A lapi.test"]]);
});

test("use-vc asks over TCP alone", async () => {
  const { saw, asked } = await ask(
    { ...LAPI, family: 4 },
    { zones: [{ "lapi.test": { ...BOTH, tcp: "in pieces" } }], conf: "options use-vc" },
  );
  expect(saw).toMatchObject({ ok: true, addresses: [{ address: "192.0.2.1" }] });
  expect(asked).toEqual([["tcp A lapi.test"]]);
});

test.each([
  ["closes the connection", "closes", "dns-servfail"],
  ["sends garbage", "garbage", "dns-servfail"],
  ["says nothing", "silent", "dns-timeout"],
] as const)("a nameserver that %s over TCP has failed, and the next one answers", async (_what, tcp, code) => {
  const { saw } = await ask(LAPI, {
    zones: [{ "lapi.test": { truncated: true, tcp } }, { "lapi.test": BOTH }],
    tryMs: 400,
  });
  expect(saw).toMatchObject({ ok: true, from: "127.0.0.2", nameservers: [{ server: "127.0.0.1", code }] });
});

test("a nameserver without TCP service is told from one that is silent", async () => {
  const { saw } = await ask(LAPI, { servers: ["127.0.0.9"], conf: "options use-vc" });
  expect(saw).toMatchObject({ ok: false, code: "dns-no-resolver" });
});

test.each(["other id", "other name", "other type", "other refusal", "question", "garbage"] as const)(
  "a packet that is no answer to the question (%s) is passed over, and the answer after it counts",
  async (ahead) => {
    const { saw } = await ask(LAPI, { zones: [{ "lapi.test": { ...BOTH, ahead, delayMs: 50 } }] });
    expect(saw).toMatchObject({ ok: true, addresses: BOTH_SEEN });
    expect(JSON.stringify(saw)).not.toContain(FORGED);
  },
);

test("one lost packet does not make a nameserver silent", async () => {
  const { saw } = await ask(LAPI, {
    zones: [{ "lapi.test": { ...BOTH, dropsFirst: true } }],
    conf: "options attempts:1",
    tryMs: 600,
  });
  expect(saw).toMatchObject({ ok: true, addresses: BOTH_SEEN, nameservers: [] });
});

test.each([
  ["UDP", ""],
  ["TCP", "options use-vc"],
])("a signal ends a probe that waits for %s", async (_what, conf) => {
  const stop = new AbortController();
  const probe = ask(LAPI, {
    zones: [{ "lapi.test": { silent: true } }],
    conf,
    timeoutMs: 20_000,
    signal: stop.signal,
  });
  setTimeout(() => stop.abort(), 100);
  expect(
    await within(
      10_000,
      probe.then(({ saw }) => saw.ok),
    ),
  ).toBe(false);
});

test("a signal given before the probe ends it without a question", async () => {
  const probe = ask(LAPI, { zones: [{ "lapi.test": BOTH }], signal: AbortSignal.abort() });
  const result = await within(10_000, probe);
  expect(result).toMatchObject({ saw: { ok: false }, asked: [[]] });
});

test("nothing stays open afterwards: neither where a nameserver was silent, nor where an answer came before its own", async () => {
  const open = (): string[] => process.getActiveResourcesInfo().filter((kind) => /UDP|TCP/.test(kind));
  const settings: readonly Setting[] = [
    {
      zones: [
        { "lapi.test": { silent: true } },
        { "lapi.test": { truncated: true, tcp: "silent" } },
        { "lapi.test": { ...BOTH, truncated: true, tcp: "in pieces" } },
      ],
      tryMs: 300,
    },
    {
      zones: [
        { "lapi.test": { ...BOTH, delayMs: 2400 } },
        { "lapi.test": { silent: true } },
        { "lapi.test": { truncated: true, tcp: "silent" } },
      ],
      tryMs: 20_000,
      timeoutMs: 20_000,
    },
  ];
  for (const setting of settings) {
    const { saw, asked } = await ask(LAPI, setting);
    expect(saw.ok).toBe(true);
    expect(asked.map((questions) => questions.length > 0)).toEqual([true, true, true]);
    await stopNameservers();
    for (let turn = 0; turn < 500 && open().length > 0; turn++) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(open()).toEqual([]);
  }
});

describe("one nameserver by itself", () => {
  const askOne = async (
    zone: Zone,
    { server = "127.0.0.1", name = "lapi.test", timeoutMs = 1000, signal = new AbortController().signal } = {},
  ) => {
    running = await startNameservers(zone);
    const saw = await probeNameserver({ server, name }, running.port, { timeoutMs, signal });
    return { saw, asked: running.servers[0]?.asked };
  };

  test.each([
    ["an address", BOTH, "addresses"],
    ["an address of the other family only", { AAAA: ["2001:db8::1"] }, "nodata"],
    ["NXDOMAIN", { rcode: "NXDOMAIN" }, "nxdomain"],
    ["an address after a truncated answer", { ...BOTH, truncated: true }, "addresses"],
  ] as const)("%s is an answer: it serves", async (_what, behaviour, answer) => {
    const { saw, asked } = await askOne({ "lapi.test": behaviour });
    expect(saw).toEqual({ ok: true, elapsedMs: expect.any(Number), answer });
    expect(asked?.[0]).toBe("udp A lapi.test");
  });

  test.each([
    ["REFUSED", { rcode: "REFUSED" }, "dns-refused", "nameserver 127.0.0.1 refused the question"],
    ["SERVFAIL", { rcode: "SERVFAIL" }, "dns-servfail", "nameserver 127.0.0.1 answered SERVFAIL"],
    ["silence", { silent: true }, "dns-timeout", "nameserver 127.0.0.1 did not answer"],
  ] as const)("%s is told as what it is", async (_what, behaviour, code, message) => {
    const { saw } = await askOne({ "lapi.test": behaviour }, { timeoutMs: 300 });
    const nameservers = [{ server: "127.0.0.1", code }];
    expect(saw).toMatchObject({ ok: false, phase: "resolve", code, message, nameservers });
  });

  test("a nameserver is asked twice at most, and one lost packet does not make it silent", async () => {
    const { saw, asked } = await askOne({ "lapi.test": { ...BOTH, dropsFirst: true } }, { timeoutMs: 600 });
    expect(saw).toMatchObject({ ok: true, answer: "addresses" });
    expect(asked).toHaveLength(2);
  });

  test.each([
    ["an address where nobody listens", "127.0.0.9", "dns-no-resolver"],
    ["an address without a route", "fe80::1", "dns-unreachable"],
    ["a name in place of an address", "dns.example", "dns-no-resolver"],
  ])("of %s it is told why it cannot serve", async (_what, server, code) => {
    expect((await askOne({}, { server })).saw).toMatchObject({ ok: false, code });
  });

  test("the run's end ends the wait, and a run that has ended asks nothing", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    const waiting = askOne({ "lapi.test": { silent: true } }, { timeoutMs: 20_000, signal: stop.signal });
    expect(await within(10_000, waiting)).toMatchObject({ saw: { ok: false, code: "dns-timeout" } });
    await stopNameservers();
    expect(await askOne({ "lapi.test": BOTH }, { signal: stop.signal })).toMatchObject({
      saw: { ok: false },
      asked: [],
    });
  });
});
