import { describe, expect, test } from "@jest/globals";
import { type Seen, TRAITS, type Trait, type TraitKind, traitsOf } from "../../src/compare/common.ts";
import type { Finding, Vantage } from "../../src/model/report.ts";
import { reportOf } from "../support/comparisons.ts";
import { finding } from "../support/findings.ts";

interface Host {
  readonly finding?: Parameters<typeof finding>[2];
  readonly vantage?: Partial<Vantage>;
  readonly others?: readonly Finding[];
  readonly run?: Parameters<typeof reportOf>[1];
  /** This host's own addresses. */
  readonly sources?: readonly string[];
}

const addressed = (sources: readonly string[]): NonNullable<Finding["addresses"]> =>
  sources.map((source) => ({ address: "10.0.0.5", family: 4, ok: true, durationMs: 1, source }));

const host = ({ finding: rest, vantage, others = [], run, sources = [] }: Host = {}): Seen => {
  const one = finding("lapi-reachable@agent", "pass", {
    layers: [{ phase: "connect", ok: true, durationMs: 1 }],
    vantage: { user: "root", route: "direct", ...vantage },
    ...(sources.length > 0 && { addresses: addressed(sources) }),
    ...rest,
  });
  return { report: reportOf([one, ...others], run), findings: [one] };
};

const via = (proxy: string): Host => ({ vantage: { route: "proxy", proxy } });

describe("what separates the failing from the passing", () => {
  /** Each kind: two hosts that have it, two that have not, and how it is called. */
  const CASES: Readonly<Record<TraitKind, readonly [have: Host, lack: Host, value: string]>> = {
    subnet: [{ sources: ["10.3.0.1"] }, { sources: ["10.1.0.1"] }, "10.3.0.1"],
    target: [{ finding: { target: { host: "a", port: 1 } } }, { finding: { target: { host: "b", port: 1 } } }, "a:1"],
    address: [
      { finding: { addresses: [{ address: "10.0.0.5", family: 4, ok: false, durationMs: 1 }] } },
      { finding: { addresses: [{ address: "10.0.0.6", family: 4, ok: true, durationMs: 1 }] } },
      "10.0.0.5",
    ],
    proxy: [via("http://p:3128"), via("http://q:3128"), "http://p:3128"],
    route: [{ vantage: { route: "local" } }, { vantage: { route: "direct" } }, "local"],
    resolver: [
      { others: [finding("resolver@10.0.0.53", "fail")] },
      { others: [finding("resolver@10.0.0.54", "pass")] },
      "10.0.0.53",
    ],
    engine: [{ run: { engineVersion: "1.6.2" } }, { run: { engineVersion: "1.7.8" } }, "1.6.2"],
    role: [{ run: { roles: ["agent", "bouncer"] } }, { run: { roles: ["agent"] } }, "bouncer"],
    namespace: [{ vantage: { namespace: "container docker" } }, {}, "container docker"],
    family: [{ vantage: { family: 6 } }, { vantage: { family: 4 } }, "IPv6"],
    environment: [
      { vantage: { env: "crowdsec: process 7" } },
      { vantage: { env: "crowdsec: this shell" } },
      "crowdsec: process",
    ],
    user: [{ vantage: { user: "nobody" } }, {}, "nobody"],
    phase: [{ run: { phase: "install" } }, {}, "install"],
    tool: [{ run: { toolVersion: "1.3.0" } }, {}, "1.3.0"],
  };

  test.each(Object.entries(CASES))(
    "%s, when all of the failing have it and none of the passing",
    (kind, [have, lack, value]) => {
      const traits = traitsOf([host(have), host(have)], [host(lack), host(lack)]);
      expect(traits).toContainEqual({ kind, value, of: "failing" });
    },
  );

  test.each(Object.entries(CASES))("not %s, when all hosts have it", (_kind, [have]) => {
    expect(traitsOf([host(have), host(have)], [host(have), host(have)])).toEqual([]);
  });

  test.each(Object.entries(CASES))("not %s, when one of the passing has it too", (kind, [have, lack]) => {
    const traits = traitsOf([host(have), host(have)], [host(lack), host(have)]);
    expect(traits.filter((trait) => trait.kind === kind)).toEqual([]);
  });

  test("each kind is in this table", () => {
    expect(Object.keys(CASES)).toEqual([...TRAITS]);
  });
});

const subnetsOf = (failing: readonly Host[], passing: readonly Host[]): readonly Trait[] =>
  traitsOf(failing.map(host), passing.map(host)).filter(({ kind }) => kind === "subnet");
const from = (...sources: string[]): Host => ({ sources });

test("the other way round where the failing share nothing: what all of the passing have", () => {
  const versions = (...list: string[]): readonly Seen[] =>
    list.map((engineVersion) => host({ run: { engineVersion } }));
  expect(traitsOf(versions("1.6.1", "1.6.2"), versions("1.7.8", "1.7.8"))).toEqual([
    { kind: "engine", value: "1.7.8", of: "passing" },
  ]);
  // Of one host, everything is its own.
  expect(traitsOf(versions("1.6.1", "1.6.2"), versions("1.7.8"))).toEqual([]);
});

test("nothing where all fail, or all pass", () => {
  expect(traitsOf([host(via("http://p:3128"))], [])).toEqual([]);
  expect(traitsOf([], [host()])).toEqual([]);
});

test("the subnet is the smallest that holds all of the failing, in either family", () => {
  expect(subnetsOf([from("10.3.0.1"), from("10.3.255.9")], [from("10.1.0.1")])).toEqual([
    { kind: "subnet", value: "10.3.0.0/16", of: "failing" },
  ]);
  expect(subnetsOf([from("2001:db8:1::1"), from("2001:db8:1:ff::1")], [from("2001:db8:2::1")])).toEqual([
    { kind: "subnet", value: "2001:db8:1::/56", of: "failing" },
  ]);
});

test("no subnet that a passing host is in too, none of a single host, none that is half of the world", () => {
  expect(subnetsOf([from("10.3.0.1"), from("10.3.255.9")], [from("10.3.17.1")])).toEqual([]);
  expect(subnetsOf([from("10.3.0.1")], [from("10.1.0.1")])).toEqual([]);
  expect(subnetsOf([from("10.3.0.1"), from("11.0.0.1")], [from("192.0.2.1")])).toEqual([]);
});

test("of hosts with several addresses, all count", () => {
  const passing = [from("10.1.0.1", "10.3.9.9")];
  expect(subnetsOf([from("10.3.0.1"), from("10.3.255.9")], passing)).toEqual([]);
  expect(
    subnetsOf([from("10.3.0.1", "fd00::1"), from("10.3.255.9", "fd00::2")], [from("10.1.0.1", "fd01::1")]),
  ).toEqual([
    { kind: "subnet", value: "10.3.0.0/16", of: "failing" },
    { kind: "subnet", value: "fd00::/126", of: "failing" },
  ]);
});

test("where a failure came before any connection, the address that the host had for anything else counts", () => {
  const unresolved = (source: string): Host => ({
    others: [finding("outgoing-capi", "pass", { addresses: addressed([source]) })],
  });
  expect(subnetsOf([unresolved("10.3.0.1"), unresolved("10.3.0.9")], [from("10.1.0.1"), from("10.1.0.2")])).toEqual([
    { kind: "subnet", value: "10.3.0.0/28", of: "failing" },
  ]);
});

test("what is not known of a host that passes does not tell the others from it", () => {
  expect(subnetsOf([from("10.3.0.1"), from("10.3.255.9")], [from("10.1.0.1"), from()])).toEqual([]);
  const { report, findings } = host();
  const { engineVersion: _unknown, ...run } = report.run;
  const unversioned = { report: { ...report, run }, findings };
  const old = host({ run: { engineVersion: "1.6.2" } });
  expect(traitsOf([old, old], [unversioned, unversioned])).toEqual([]);
});

test("the nameserver that gave the answer counts where no finding names one; a hosts file is none", () => {
  const answered = (by: string): Host => ({
    finding: { layers: [{ phase: "resolve", ok: true, durationMs: 1, detail: `10.0.0.5 from ${by}` }] },
  });
  const traits = (one: string, other: string): readonly Trait[] =>
    traitsOf([host(answered(one)), host(answered(one))], [host(answered(other)), host(answered(other))]);
  expect(traits("9.9.9.9", "10.0.0.53")).toEqual([{ kind: "resolver", value: "9.9.9.9", of: "failing" }]);
  expect(traits("hosts", "libc")).toEqual([]);
});

test("what follows from the proxy is not said beside it", () => {
  const proxied: Host = { ...via("http://p:3128"), ...from("10.3.0.1") };
  const direct: Host = {
    finding: { addresses: addressed(["10.3.0.1"]).map((one) => ({ ...one, address: "203.0.113.7" })) },
  };
  const kinds = traitsOf([host(proxied), host(proxied)], [host(direct), host(direct)]).map(({ kind }) => kind);
  expect(kinds).toEqual(["proxy"]);
});

test("two thousand addresses on each of many hosts are no reason to wait, or to break", () => {
  const many = (begin: number): Host =>
    from(...Array.from({ length: 2000 }, (_none, index) => `10.${begin}.${index >> 8}.${index & 255}`));
  const begun = performance.now();
  expect(subnetsOf([many(3), many(3), many(3)], [many(1), many(1)])).toMatchObject([{ value: "10.3.0.0/21" }]);
  expect(performance.now() - begun).toBeLessThan(5000);
});
