import { describe, expect, test } from "@jest/globals";
import type { Check, Evidence, Verdict } from "../../src/model/check.ts";
import { readProxies, routeTo } from "../../src/model/proxy.ts";
import type { Finding } from "../../src/model/report.ts";
import type { Topology } from "../../src/model/topology.ts";
import { toFindings } from "../../src/runner/finding.ts";
import { reported } from "../support/run.ts";
import { crowdsecWith, from, packageInstall } from "../support/topology.ts";
import { answered, CONNECTED, failedWith, resolved } from "../support/world.ts";

const CHECK: Check = {
  id: "door",
  title: "The door is open",
  why: "A test wants it.",
  roles: ["bouncer", "agent", "lapi"],
  contacts: "nothing",
  faults: {
    "door-shut": {
      blame: "network",
      says: "{host} is shut: {message}",
      remedy: [
        { text: "Open {host}.", commands: ["open {host}"], undo: ["shut {host}"], url: "https://door.example/" },
        { text: "Ask the neighbours of {host}.", when: "elsewhere" },
        { text: "Look for the key.", when: "here" },
        { text: "Ring {host}.", services: ["openrc"], commands: ["systemctl restart {host}"] },
      ],
    },
    "door-sticks": {
      severity: "warning",
      blame: "this-host",
      confidence: "certain",
      phase: "request",
      says: "it sticks",
      remedy: [{ text: "Oil it." }],
    },
    "http-status": { blame: "remote-service", says: "no", remedy: [{ text: "Try." }] },
  },
  run: async () => ({ status: "pass" }),
};

const findingOf = (verdict: Verdict, topology: Topology = packageInstall()): Finding => {
  const [finding] = reported(toFindings(CHECK, verdict, topology), topology).findings;
  if (finding === undefined) throw new Error("no finding");
  return finding;
};
const shut = (rest: Partial<Extract<Verdict, { status: "fault" }>> = {}): Verdict => ({
  status: "fault",
  fault: "door-shut",
  data: { host: "a.example", message: "no" },
  ...rest,
});
const passing = (evidence: Evidence): Finding => findingOf({ status: "pass", evidence });

const at = (address: string) => ({ address, family: address.includes(":") ? 6 : 4, port: 443 }) as const;

test("what else was seen stands behind the sentence of a fault", () => {
  const { summary } = findingOf(shut({ also: ["the window is open", "the key is under the mat"] }));
  expect(summary).toBe("a.example is shut: no; the window is open; the key is under the mat");
});

describe("status and words", () => {
  test.each<[Verdict, Partial<Finding>]>([
    [{ status: "pass" }, { status: "pass", summary: "The door is open" }],
    [
      { status: "pass", note: "wide" },
      { status: "pass", summary: "The door is open: wide" },
    ],
    [
      { status: "skip", reason: "no door" },
      { status: "skip", summary: "no door", reason: "no door" },
    ],
    [
      { status: "unknown", reason: "dark" },
      { status: "unknown", summary: "dark", reason: "dark" },
    ],
    [shut(), { status: "fail", summary: "a.example is shut: no" }],
    [shut({ severity: "warning" }), { status: "warn" }],
    [
      { status: "fault", fault: "door-sticks", data: {} },
      { status: "warn", summary: "it sticks" },
    ],
  ])("%j", (verdict, expected) => {
    expect(findingOf(verdict)).toMatchObject(expected);
  });

  test("a fault, a blame and a remedy are of a fault only", () => {
    for (const verdict of [{ status: "pass" }, { status: "skip", reason: "r" }] as const) {
      const finding = findingOf(verdict);
      expect([finding.fault, finding.blame, finding.remedy]).toEqual([undefined, undefined, []]);
    }
  });

  test("a fault that the check does not have is our own error", () => {
    expect(() => findingOf({ status: "fault", fault: "nothing", data: {} })).toThrow("check door has no fault nothing");
  });
});

describe("the fault", () => {
  test("takes phase, words and codes of the probe that failed", () => {
    const failed = failedWith("tls-untrusted", { errno: "EPROTO", tlsCode: "SELF_SIGNED", message: "untrusted" });
    expect(findingOf(shut({ failed })).fault).toEqual({
      code: "door-shut",
      phase: "handshake",
      message: "untrusted",
      errno: "EPROTO",
      tlsCode: "SELF_SIGNED",
    });
  });

  test.each<[string, Verdict, string]>([
    ["its own", { status: "fault", fault: "door-sticks", data: {} }, "request"],
    [
      "the answer's, for a code that is read out of one",
      { status: "fault", fault: "http-status", data: {} },
      "response",
    ],
    ["host for want of another", shut(), "host"],
  ])("without a failed probe has a phase: %s", (_name, verdict, phase) => {
    expect(findingOf(verdict).fault?.phase).toBe(phase);
  });

  test("carries what was said, or else the summary", () => {
    expect(findingOf(shut({ message: "HTTP 500", httpStatus: 500 })).fault).toMatchObject({
      message: "HTTP 500",
      httpStatus: 500,
    });
    expect(findingOf(shut()).fault?.message).toBe("a.example is shut: no");
  });
});

describe("the remedy", () => {
  test.each<[string | undefined, string[]]>([
    [undefined, ["Open a.example."]],
    ["here", ["Open a.example.", "Look for the key."]],
    ["elsewhere", ["Open a.example.", "Ask the neighbours of a.example."]],
  ])("is what fits everywhere and what fits %s", (when, texts) => {
    const { remedy } = findingOf(shut(when === undefined ? {} : { when }));
    expect(remedy.map(({ text }) => text)).toEqual(texts);
  });

  test("is filled in its commands and their undoing, and does not show when it fits", () => {
    expect(findingOf(shut({ when: "here" })).remedy[0]).toEqual({
      text: "Open a.example.",
      commands: ["open a.example"],
      undo: ["shut a.example"],
      url: "https://door.example/",
    });
  });
});

test("the remedy is this system's own, and typed in its words", () => {
  const alpine = packageInstall({ system: { services: "openrc", packages: "apk" } });
  expect(findingOf(shut(), alpine).remedy[1]).toEqual({
    text: "Ring a.example.",
    commands: ["rc-service a.example restart"],
  });
  expect(findingOf(shut()).remedy).toHaveLength(1);
});

describe("the blame", () => {
  test.each<[Verdict, unknown]>([
    [shut(), { party: "network", confidence: "likely" }],
    [
      { status: "fault", fault: "door-sticks", data: {} },
      { party: "this-host", confidence: "certain" },
    ],
    [shut({ blame: { party: "proxy", confidence: "possible" } }), { party: "proxy", confidence: "possible" }],
  ])("is the verdict's, or else the fault's: %#", (verdict, expected) => {
    expect(findingOf(verdict).blame).toMatchObject(expected as object);
  });

  test("has the verdict's own evidence first, then how far it got", () => {
    const evidence = { dns: resolved("192.0.2.1"), tcp: [{ at: at("192.0.2.1"), saw: failedWith("tcp-timeout") }] };
    expect(findingOf(shut({ evidence, blame: { evidence: ["it is dark"] } })).blame?.evidence).toEqual([
      "it is dark",
      "resolve ok after 3 ms: 192.0.2.1 from 9.9.9.9",
      "connect failed after 12 ms: 192.0.2.1: the system's words for tcp-timeout",
    ]);
  });
});

describe("layers and addresses", () => {
  test("nothing was looked at: there are none", () => {
    const finding = findingOf({ status: "pass" });
    expect([finding.layers, finding.addresses]).toEqual([[], undefined]);
  });

  test("a name that failed is one layer with the system's words", () => {
    expect(passing({ dns: failedWith("dns-timeout") }).layers).toEqual([
      { phase: "resolve", ok: false, durationMs: 12, detail: "the system's words for dns-timeout" },
    ]);
  });

  test("of several addresses the quickest that connects speaks for the layer; each is listed", () => {
    const tcp = [
      { at: at("192.0.2.1"), saw: failedWith("tcp-timeout", { elapsedMs: 5000 }) },
      { at: at("192.0.2.2"), saw: { ...CONNECTED, elapsedMs: 40 } },
      { at: at("2001:db8::3"), saw: { ...CONNECTED, elapsedMs: 9 } },
    ];
    const { layers, addresses } = passing({ tcp });
    expect(layers).toEqual([{ phase: "connect", ok: true, durationMs: 9, detail: "2001:db8::3" }]);
    expect(addresses).toEqual([
      { address: "192.0.2.1", family: 4, ok: false, code: "tcp-timeout", durationMs: 5000 },
      { address: "192.0.2.2", family: 4, ok: true, durationMs: 40 },
      { address: "2001:db8::3", family: 6, ok: true, durationMs: 9 },
    ]);
  });

  test("when none connects, the one that took longest speaks", () => {
    const tcp = [
      { at: at("192.0.2.1"), saw: failedWith("tcp-refused", { elapsedMs: 2 }) },
      { at: at("192.0.2.2"), saw: failedWith("tcp-timeout", { elapsedMs: 5000 }) },
    ];
    expect(passing({ tcp }).layers).toMatchObject([
      { phase: "connect", ok: false, durationMs: 5000, detail: "192.0.2.2: the system's words for tcp-timeout" },
    ]);
  });

  test("a unix socket is one layer, with the system's words where it refuses; it has no address", () => {
    const socket = { ok: true, elapsedMs: 1 } as const;
    expect(passing({ socket }).layers).toEqual([{ phase: "connect", ok: true, durationMs: 1 }]);
    const { layers, addresses } = passing({ socket: failedWith("socket-denied", { phase: "connect" }) });
    expect(layers).toEqual([
      { phase: "connect", ok: false, durationMs: 12, detail: "the system's words for socket-denied" },
    ]);
    expect(addresses).toBeUndefined();
    expect(passing({ socket, http: answered() }).layers.map(({ phase }) => phase)).toEqual(["connect", "response"]);
  });

  test("a database tells its own layers, after those of its name and its addresses", () => {
    const database = {
      ok: true,
      elapsedMs: 9,
      address: "192.0.2.1",
      encrypted: true,
      layers: [
        { phase: "handshake", ok: true, durationMs: 4, detail: "TLSv1.3" },
        { phase: "login", ok: true, durationMs: 3, detail: "PostgreSQL 15.8" },
      ],
    } as const;
    const tcp = [{ at: at("192.0.2.1"), saw: CONNECTED }];
    expect(passing({ dns: resolved("192.0.2.1"), tcp, database }).layers.map(({ phase }) => phase)).toEqual([
      "resolve",
      "connect",
      "handshake",
      "login",
    ]);
    const layers = [{ phase: "login", ok: false, durationMs: 2, detail: "password authentication failed" }] as const;
    const failed = failedWith("db-auth-failed", { phase: "login", layers, sqlState: "28P01" });
    const finding = findingOf(shut({ failed, evidence: { database: failed } }));
    expect(finding.layers).toEqual(layers);
    expect(finding.fault).toMatchObject({ phase: "login", sqlState: "28P01" });
  });

  test("the request's own connection is not told twice, unless that is where it failed", () => {
    const tcp = [{ at: at("192.0.2.1"), saw: CONNECTED }];
    expect(passing({ tcp, http: answered() }).layers.map(({ phase }) => phase)).toEqual(["connect", "response"]);
    const layers = [{ phase: "connect", ok: false, durationMs: 1 }] as const;
    expect(passing({ tcp, http: failedWith("tcp-reset", { layers }) }).layers.map(({ ok }) => ok)).toEqual([
      true,
      false,
    ]);
  });
});

test("a conversation with a listener tells its layers, each message's among them, and not its connection twice", () => {
  const tcp = [{ at: at("192.0.2.1"), saw: CONNECTED }];
  const peer = {
    ok: true,
    elapsedMs: 45_100,
    own: { address: "192.0.2.20", port: 40000 },
    seen: { address: "192.0.2.20", port: 40000 },
    listener: { address: "192.0.2.1", port: 443 },
    altered: [],
    intercepted: false,
    bytes: 65536,
    layers: [
      { phase: "connect", ok: true, durationMs: 3, detail: "192.0.2.1" },
      { phase: "response", ok: true, durationMs: 4, detail: "hello" },
      { phase: "request", ok: true, durationMs: 9, detail: "64 KiB each way" },
      { phase: "response", ok: false, durationMs: 30_000, detail: "socket hang up" },
    ],
  } as const;
  expect(passing({ tcp, peer }).layers.map(({ phase, detail }) => [phase, detail])).toEqual([
    ["connect", "192.0.2.1"],
    ["response", "hello"],
    ["request", "64 KiB each way"],
    ["response", "socket hang up"],
  ]);
  const layers = [{ phase: "connect", ok: false, durationMs: 5000, detail: "no answer" }] as const;
  const failed = failedWith("tcp-timeout", { layers });
  expect(passing({ tcp, peer: failed }).layers).toMatchObject([{ ok: true }, { ok: false, detail: "no answer" }]);
});

describe("the vantage", () => {
  const PROXY = "http://user:canary-proxy-password@10.0.0.80:3128";
  const proxies = readProxies({ HTTPS_PROXY: PROXY, NO_PROXY: ".exempt.example" });
  const component = crowdsecWith({ HTTPS_PROXY: PROXY, NO_PROXY: ".exempt.example" });
  const routed = (url: string): Evidence => ({ component, route: routeTo(proxies, url), dns: resolved("10.0.0.80") });

  test("names the component, whose environment counts, and the proxy without its credentials", () => {
    expect(passing(routed("https://a.example/")).vantage).toEqual({
      role: "agent",
      user: "root",
      env: "crowdsec: process 4711",
      route: "proxy",
      proxy: "http://10.0.0.80:3128",
    });
  });

  test("names the entry of NO_PROXY that keeps the proxy out", () => {
    const { vantage } = passing(routed("https://a.exempt.example/"));
    expect(vantage).toMatchObject({ route: "direct", noProxy: ".exempt.example (NO_PROXY)" });
    expect(vantage).not.toHaveProperty("proxy");
  });

  test("says when the names and connections are the proxy's", () => {
    const { layers } = passing({
      ...routed("https://a.example/"),
      tcp: [{ at: at("10.0.0.80"), saw: CONNECTED }],
    });
    expect(layers.map(({ detail }) => detail)).toEqual(["the proxy: 10.0.0.80 from 9.9.9.9", "the proxy: 10.0.0.80"]);
  });

  test("names a container or a network namespace", () => {
    const topology = packageInstall({ namespace: "docker container" });
    expect(findingOf({ status: "pass" }, topology).vantage.namespace).toBe("docker container");
  });

  test("has the family that was used: of addresses that connect, IPv6 as Go does", () => {
    const tcp = [
      { at: at("203.0.113.7"), saw: CONNECTED },
      { at: at("2001:db8::7"), saw: CONNECTED },
      { at: at("2001:db8::8"), saw: failedWith("tcp-timeout") },
    ];
    expect(passing({ dns: resolved("203.0.113.7", "2001:db8::7"), tcp }).vantage.family).toBe(6);
    expect(passing({ dns: resolved("203.0.113.7"), tcp: tcp.slice(0, 1) }).vantage.family).toBe(4);
  });

  test("is this user, in the first role of the check that this host has", () => {
    expect(findingOf({ status: "pass" }).vantage).toEqual({ role: "agent", user: "root", route: "local" });
    const other = packageInstall({ user: "nobody", roles: [from("prometheus", "--role")] });
    expect(findingOf({ status: "pass" }, other).vantage).toEqual({ user: "nobody", route: "local" });
  });

  test.each([
    ["127.0.0.1", "local", 4],
    ["::1", "local", 6],
    ["192.0.2.1", "direct", 4],
  ])("to %s the route is %s", (address, route, family) => {
    const { vantage } = passing({ dns: resolved(address), tcp: [{ at: at(address), saw: CONNECTED }] });
    expect(vantage).toMatchObject({ route, family });
  });
});

test("the instances of several targets carry their names, and what a skip is owed to", () => {
  const answer = [{ target: "b.example", verdict: { status: "skip", reason: "r" } }] as const;
  const findings = toFindings(CHECK, answer, packageInstall(), { because: ["window"] });
  expect(reported(findings).findings).toMatchObject([{ id: "door", instance: "door@b.example", because: ["window"] }]);
});

test("the instance of a target that was asked on its own carries its name, and what a skip is owed to", () => {
  const [finding] = toFindings(CHECK, { status: "skip", reason: "r" }, packageInstall(), {
    target: "agent",
    because: ["window@agent"],
  });
  expect(finding).toMatchObject({ id: "door", instance: "door@agent", because: ["window@agent"] });
  const [whole] = toFindings(CHECK, { status: "pass" }, packageInstall(), { target: "" });
  expect(whole?.instance).toBe("door");
});

describe("text from outside", () => {
  const ESC = "\u001b[2J";
  const BIDI = "\u202e\u2066";
  const NASTY = `a${ESC}b\r\nSet-Cookie: x${BIDI}c\u0000\u009bd`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\\u00|\\[rn]/;

  test.each<[string, Verdict]>([
    ["a message of the system", shut({ failed: failedWith("tls-alert", { message: NASTY, errno: NASTY }) })],
    ["what an answer said", shut({ message: NASTY, data: { host: NASTY, message: NASTY } })],
    ["a nameserver's words", shut({ evidence: { dns: failedWith("dns-servfail", { message: NASTY }) } })],
    [
      "a layer's detail",
      shut({
        evidence: {
          http: answered({ layers: [{ phase: "handshake", ok: true, durationMs: 1, detail: NASTY }] }),
        },
      }),
    ],
    ["a target", shut({ evidence: { target: { host: NASTY, url: NASTY, path: NASTY, origin: NASTY } } })],
    ["a reason", { status: "unknown", reason: NASTY, stack: NASTY }],
  ])("reaches the report without control characters: %s", (_name, verdict) => {
    const report = reported(toFindings(CHECK, verdict, packageInstall()));
    const text = JSON.stringify(report);
    expect(text).toContain("Set-Cookie");
    expect(text).not.toMatch(UNPRINTABLE);
  });
});
