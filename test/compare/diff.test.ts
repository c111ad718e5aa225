import { describe, expect, test } from "@jest/globals";
import { type Change, type Difference, diff, type Kind } from "../../src/compare/diff.ts";
import type { Document } from "../../src/compare/document.ts";
import type { Cause, Finding, Report, Status } from "../../src/model/report.ts";
import { documentOf, reportOf } from "../support/comparisons.ts";
import { finding } from "../support/findings.ts";

const LATER = { id: "00000000-0000-4000-8000-000000000001", startedAt: "2026-06-16T12:00:00.000Z" };

const between = (before: Report, after: Report): Difference =>
  diff(documentOf("a.json", before), documentOf("b.json", after));
const ofOne = (before: readonly Finding[], after: readonly Finding[]): readonly Change[] =>
  between(reportOf(before), reportOf(after, LATER)).changes.filter(({ kind }) => kind !== "verdict");

const opened = (rest: Parameters<typeof finding>[2] = {}): Finding =>
  finding("lapi-reachable@agent", "pass", { layers: [{ phase: "connect", ok: true, durationMs: 10 }], ...rest });

test("what is the same is no change, whatever is different in times, numbers of processes and remedies", () => {
  const seen = (ms: number, pid: number): Finding =>
    opened({
      layers: [
        { phase: "resolve", ok: true, durationMs: 50 * ms },
        { phase: "connect", ok: true, durationMs: ms },
      ],
      vantage: { user: "root", route: "direct", env: `crowdsec: process ${pid}` },
      remedy: [{ text: `Mend ${pid}.` }],
    });
  const { changes, stayed, gotWorse } = between(reportOf([seen(10, 4711)]), reportOf([seen(60, 12)], LATER));
  expect({ changes, stayed, gotWorse }).toEqual({
    changes: [],
    stayed: { findings: 1, causes: [] },
    gotWorse: false,
  });
});

describe("a status", () => {
  const HIDDEN = { because: ["lapi-reachable"] };
  const find = (status: Status | "hidden" | "absent"): readonly Finding[] => {
    if (status === "absent") return [];
    return [status === "hidden" ? finding("lapi-tls", "skip", HIDDEN) : finding("lapi-tls", status)];
  };
  type From = Parameters<typeof find>[0];
  /** By what was before, then what is now; without an entry: no change, or neither better nor worse. */
  const TABLE: Readonly<Record<From, Partial<Readonly<Record<From, "worse" | "better" | "same">>>>> = {
    pass: { pass: "same", warn: "worse", fail: "worse", unknown: "worse", hidden: "worse" },
    warn: { warn: "same", pass: "better", fail: "worse", unknown: "worse", hidden: "worse" },
    fail: { fail: "same", pass: "better", warn: "better" },
    unknown: { unknown: "same", pass: "better", warn: "better", fail: "worse" },
    skip: { skip: "same", hidden: "same", warn: "worse", fail: "worse" },
    hidden: { hidden: "same", skip: "same", pass: "better", warn: "worse", fail: "worse" },
    absent: { absent: "same", warn: "worse", fail: "worse" },
  };
  const all = Object.keys(TABLE) as From[];
  const cases = all.flatMap((from) => all.map((to) => [from, to, TABLE[from][to] ?? "other"] as const));

  test.each(cases)("%s → %s is %s", (from, to, expected) => {
    const changes = ofOne(find(from), find(to));
    expect(changes.map(({ direction }) => direction)).toEqual(expected === "same" ? [] : [expected]);
    for (const { kind } of changes) expect(kind).toBe("status");
  });

  test("says what is wrong now, in the report's own words", () => {
    const summary = "10.0.0.5:8080 refuses the connection";
    const after = finding("lapi-tls", "fail", { code: "tcp-refused", summary });
    expect(ofOne(find("pass"), [after])).toEqual([
      {
        direction: "worse",
        kind: "status",
        of: "lapi-tls",
        before: "pass",
        after: "fail (tcp-refused at connect)",
        says: summary,
      },
    ]);
  });
});

test("a failure that has another reason is told, and is neither better nor worse", () => {
  const before = finding("lapi-tls", "fail", { code: "tcp-timeout" });
  const after = finding("lapi-tls", "fail", { code: "tls-expired", phase: "handshake" });
  expect(ofOne([before], [after])).toMatchObject([
    { direction: "other", kind: "fault", before: "tcp-timeout at connect", after: "tls-expired at handshake" },
  ]);
});

test("another HTTP status of one and the same fault is another reason", () => {
  const answered = (httpStatus: number): Finding => ({
    ...finding("lapi-tls", "fail"),
    fault: { code: "http-status", phase: "response", message: "no", httpStatus },
  });
  expect(ofOne([answered(502)], [answered(403)])).toMatchObject([
    { kind: "fault", before: "http-status 502 at response", after: "http-status 403 at response" },
  ]);
});

describe("of what was asked and answered", () => {
  const kinds = (before: Finding, after: Finding): readonly [Kind, string | undefined, string | undefined][] =>
    ofOne([before], [after]).map(({ kind, before: was, after: is }) => [kind, was, is]);
  const shook = (detail: string): Finding =>
    opened({ layers: [{ phase: "handshake", ok: true, durationMs: 10, detail }] });

  test("another issuer is told, as something that reads TLS on the way would have", () => {
    expect(kinds(shook("TLSv1.3, CN=R10, O=Let's Encrypt"), shook("TLSv1.3, CN=Proxy CA, O=Example"))).toEqual([
      ["issuer", "CN=R10, O=Let's Encrypt", "CN=Proxy CA, O=Example"],
    ]);
  });

  test("another protocol is told, also where no issuer is known", () => {
    expect(kinds(shook("TLSv1.3"), shook("TLSv1.2"))).toEqual([["tls", "TLSv1.3", "TLSv1.2"]]);
  });

  test("another way is told, with the proxy", () => {
    const proxied = opened({ vantage: { user: "root", route: "proxy", proxy: "http://10.0.0.9:3128" } });
    const exempt = opened({ vantage: { user: "root", route: "direct", noProxy: ".internal in NO_PROXY" } });
    expect(kinds(opened(), proxied)).toEqual([["route", "direct", "through http://10.0.0.9:3128"]]);
    expect(kinds(opened(), exempt)).toEqual([["route", "direct", "direct, past the proxy: .internal in NO_PROXY"]]);
  });

  test("another place of the environment is told", () => {
    const as = (env: string): Finding => opened({ vantage: { user: "root", route: "direct", env } });
    expect(kinds(as("crowdsec: process 7"), as("crowdsec: this shell"))).toEqual([
      ["environment", "crowdsec: process", "crowdsec: this shell"],
    ]);
  });

  const dialed = (addresses: readonly string[], source?: string): Finding =>
    opened({
      addresses: addresses.map((address) => ({
        address,
        family: 4,
        ok: true,
        durationMs: 1,
        ...(source !== undefined && { source }),
      })),
    });

  test("addresses are a set: their order says nothing, what is new and what is gone does", () => {
    expect(kinds(dialed(["10.0.0.5", "10.0.0.6"]), dialed(["10.0.0.6", "10.0.0.5"]))).toEqual([]);
    expect(ofOne([dialed(["10.0.0.5", "10.0.0.6"])], [dialed(["10.0.0.6", "10.0.0.7"])])).toMatchObject([
      { kind: "addresses", says: "new 10.0.0.7; gone 10.0.0.5" },
    ]);
  });

  test("another address of this host itself is told", () => {
    expect(kinds(dialed(["10.0.0.5"], "10.1.0.1"), dialed(["10.0.0.5"], "10.2.0.1"))).toEqual([
      ["source", "10.1.0.1", "10.2.0.1"],
    ]);
  });

  test("what was not asked on one side is not compared", () => {
    const skipped = finding("lapi-reachable@agent", "skip", { vantage: { user: "root", route: "local" } });
    expect(ofOne([dialed(["10.0.0.5"])], [skipped]).map(({ kind }) => kind)).toEqual(["status"]);
  });

  test.each([
    ["more than twice and by more than 100 ms: told", 60, 170, true],
    ["quicker by as much: told", 170, 60, true],
    ["more than twice, by less than 100 ms: noise", 5, 100, false],
    ["by more than 100 ms, not twice: noise", 400, 600, false],
  ])("latency, %s", (_name, was, is, isTold) => {
    const took = (durationMs: number): Finding => opened({ layers: [{ phase: "response", ok: true, durationMs }] });
    expect(kinds(took(was), took(is))).toEqual(isTold ? [["latency", `${was} ms`, `${is} ms`]] : []);
  });

  test("a nameserver's memory is no latency, and what failed has none", () => {
    const resolved = (durationMs: number): Finding =>
      opened({ layers: [{ phase: "resolve", ok: true, durationMs }, ...opened().layers] });
    expect(kinds(resolved(1), resolved(900))).toEqual([]);
    const failed = (durationMs: number): Finding =>
      finding("lapi-tls", "fail", { layers: [{ phase: "connect", ok: true, durationMs }] });
    expect(kinds(failed(1), failed(900))).toEqual([]);
  });
});

describe("a cause", () => {
  const cause = (id: string, explains: readonly string[] = ["lapi-tls"]): Cause => ({
    id,
    summary: `what ${id} is`,
    blame: { party: "network", confidence: "likely", evidence: [] },
    explains,
    remedy: [],
  });
  const FAILS = finding("lapi-tls", "fail");
  const PASSES = finding("lapi-tls", "pass");
  const causesIn = (before: Report, after: Report) =>
    between(before, after)
      .changes.filter(({ kind }) => kind === "cause")
      .map(({ direction, of, before: was, after: is }) => [direction, of, was !== undefined, is !== undefined]);

  test("that came is worse, that went with its failure is better", () => {
    const [good, bad] = [reportOf([PASSES]), reportOf([FAILS], { causes: [cause("x")] })];
    expect(causesIn(good, bad)).toEqual([["worse", "x", false, true]]);
    expect(causesIn(bad, good)).toEqual([["better", "x", true, false]]);
  });

  test("that another took the place of is neither: the same check fails as before", () => {
    const [one, other] = [reportOf([FAILS], { causes: [cause("x")] }), reportOf([FAILS], { causes: [cause("y")] })];
    expect(causesIn(one, other)).toEqual([
      ["other", "y", false, true],
      ["other", "x", true, false],
    ]);
  });

  test("that took over what failed before is neither, though it takes more along: that is told by itself", () => {
    const service = finding("service", "fail", { code: "service-crashed", phase: "host" });
    const metrics = (status: Status): Finding => finding("metrics", status, { code: "tcp-refused" });
    const before = reportOf([service, metrics("pass")], { causes: [cause("x", ["service"])] });
    const after = reportOf([service, metrics("fail")], { causes: [cause("y", ["service", "metrics"])] });
    const { changes } = between(before, after);
    expect(changes.map(({ direction, kind, of }) => [direction, kind, of])).toEqual([
      ["worse", "status", "metrics"],
      ["other", "cause", "y"],
      ["other", "cause", "x"],
    ]);
  });

  test("that is shown by more failures of one kind than before is worse", () => {
    const hosts = (status: Status): readonly Finding[] => [finding("out-a", "fail"), finding("out-b", status)];
    const after = reportOf(hosts("fail"), { causes: [cause("egress-dropped", ["out-a", "out-b"])] });
    expect(causesIn(reportOf(hosts("pass")), after)).toEqual([["worse", "egress-dropped", false, true]]);
  });

  test("that went since nobody could look is not mended", () => {
    const bad = reportOf([FAILS], { causes: [cause("x")] });
    expect(causesIn(bad, reportOf([finding("lapi-tls", "unknown")]))).toEqual([["other", "x", true, false]]);
  });

  test("that stayed is named, and is no change", () => {
    const bad = reportOf([FAILS], { causes: [cause("x")] });
    expect(between(bad, bad)).toMatchObject({ changes: [], stayed: { causes: ["x"] } });
  });
});

test.each<[Status, Status, string | undefined]>([
  ["pass", "fail", "worse"],
  ["pass", "warn", "worse"],
  ["warn", "unknown", "worse"],
  ["unknown", "fail", "worse"],
  ["fail", "pass", "better"],
  ["fail", "unknown", "other"],
  ["pass", "pass", undefined],
])("the verdict of a host where all %s and later all %s", (before, after, expected) => {
  const { changes } = between(reportOf([finding("clock", before)]), reportOf([finding("clock", after)]));
  expect(changes.find(({ kind }) => kind === "verdict")?.direction).toBe(expected);
});

test("what is different of the run as a whole is told once", () => {
  const at = (user: string, namespace?: string): Finding =>
    finding("clock", "pass", { vantage: { user, route: "direct", ...(namespace !== undefined && { namespace }) } });
  const before = reportOf([at("root")], { engineVersion: "1.6.3", roles: ["agent", "lapi"] });
  const after = reportOf([at("nobody", "container docker")], {
    toolVersion: "1.3.0",
    engineVersion: "1.7.8",
    phase: "install",
    roles: ["agent", "bouncer"],
    env: "shell",
  });
  expect(between(before, after).changes.map(({ kind, before: was, after: is }) => [kind, was, is])).toEqual([
    ["tool", "1.2.3", "1.3.0"],
    ["engine", "1.6.3", "1.7.8"],
    ["phase", "run", "install"],
    ["roles", "agent, lapi", "agent, bouncer"],
    ["env", "auto", "shell"],
    ["user", "root", "nobody"],
    ["namespace", undefined, "container docker"],
  ]);
});

describe("the configuration", () => {
  const report = reportOf([]);
  const configured = (before: Record<string, string>, after: Record<string, string>): readonly Change[] =>
    diff(documentOf("a.zip", report, before), documentOf("b.zip", report, after)).changes;

  test("is compared key by key", () => {
    const before = { "api.server.listen_uri": "127.0.0.1:8080", "common.daemonize": "true", same: "1" };
    const after = { "api.server.listen_uri": "0.0.0.0:8080", "prometheus.level": "full", same: "1" };
    expect(configured(before, after).map(({ of, before: was, after: is }) => [of, was, is])).toEqual([
      ["api.server.listen_uri", "127.0.0.1:8080", "0.0.0.0:8080"],
      ["common.daemonize", "true", undefined],
      ["prometheus.level", undefined, "full"],
    ]);
  });

  test("stand-ins of secrets are numbered by each run on its own, so their numbers are no change", () => {
    expect(configured({ key: "REDACTED-3" }, { key: "REDACTED-17" })).toEqual([]);
    expect(configured({ url: "http://u:REDACTED-3@a/" }, { url: "http://u:REDACTED-1@b/" })).toMatchObject([
      { before: "http://u:REDACTED@a/", after: "http://u:REDACTED@b/" },
    ]);
  });

  test("of a file that only one bundle holds is not compared: nobody knows what is set in the other", () => {
    const [url, login] = ["local_api_credentials.yaml url", "local_api_credentials.yaml login"];
    expect(configured({}, { [url]: "http://a/" })).toEqual([]);
    expect(configured({ [login]: "x" }, { [login]: "x", [url]: "http://a/" }).map(({ of }) => of)).toEqual([url]);
  });

  test("a secret on both sides cannot be compared, which is said once", () => {
    const told = (before: Record<string, string>, after: Record<string, string>): readonly string[] =>
      diff(documentOf("a.zip", report, before), documentOf("b.zip", report, { ...after })).remarks.filter((remark) =>
        remark.startsWith("Secrets are taken out of both"),
      );
    const both = { "db_config.password": "REDACTED-1", "local_api_credentials.yaml password": "REDACTED-2" };
    expect(told(both, both)).toHaveLength(1);
    expect(told(both, { "db_config.password": "" })).toEqual([]);
  });

  test("that only one of the two has is not compared, and it is said", () => {
    const { changes, remarks } = diff(documentOf("a.zip", report, { key: "1" }), documentOf("b.json", report));
    expect(changes).toEqual([]);
    expect(remarks).toContainEqual(expect.stringContaining("only a.zip has it"));
  });
});

describe("CrowdSec's files", () => {
  const bundle = (name: string, acquisition: readonly string[], files: Readonly<Record<string, string>>): Document => ({
    ...documentOf(name, reportOf([]), {}),
    acquisition,
    files: new Map(Object.entries(files)),
  });
  const FILE = "/etc/crowdsec/acquis.yaml: file";
  const K = "/etc/crowdsec/acquis.d/k.yaml";

  test("that came, went or changed are told, and what the agent reads", () => {
    const before = bundle("a", [FILE, `${K}: kafka`], { "/a": "1", "/b": "1", "/same": "1", [K]: "1" });
    const after = bundle("b", [FILE], { "/a": "2", "/same": "1", "/c": "1" });
    expect(diff(before, after).changes.map(({ kind, of, says }) => [kind, of, says])).toEqual([
      ["acquisition", "", `gone ${K}: kafka`],
      ["file", "/a", "its content has changed"],
      ["file", "/b", "not in the bundle any more"],
      ["file", "/c", "new in the bundle"],
      ["file", K, "not in the bundle any more"],
    ]);
  });

  test("of a report are not known, and not compared", () => {
    expect(diff(bundle("a", [FILE], { "/a": "1" }), documentOf("b", reportOf([]))).changes).toEqual([]);
  });
});

describe("pseudonyms", () => {
  const side = (anonymized: boolean, address: string, more: Record<string, string> = {}): Document => ({
    ...documentOf(
      `${anonymized ? "h" : "a"}.zip`,
      reportOf([opened({ addresses: [{ address, family: 4, ok: true, durationMs: 1, source: address }] })], {
        host: anonymized ? "host-7" : "web-1",
        ...(anonymized && LATER),
      }),
      { url: `http://${address}:8080/`, ...more },
    ),
    files: new Map([["/etc/crowdsec/acquis.yaml", address]]),
    ...(anonymized && { anonymized }),
  });

  test("on one side: addresses and names are not compared, which is said; all else is", () => {
    const { changes, remarks } = diff(
      side(false, "10.0.0.5", { level: "info" }),
      side(true, "10.9.1.7", { level: "debug" }),
    );
    expect(changes.map(({ of, before, after }) => [of, before, after])).toEqual([["level", "info", "debug"]]);
    expect(remarks).toEqual([
      "h.zip has pseudonyms, a.zip has not: addresses and names cannot be compared, and are left out; --map makes two anonymized bundles comparable.",
    ]);
  });

  test("on both sides are compared, with what that takes", () => {
    const { changes, remarks } = diff(side(true, "10.0.0.5"), side(true, "10.9.1.7"));
    expect(changes.map(({ kind }) => kind)).toEqual(["configuration", "file", "addresses", "source"]);
    expect(remarks.join("\n")).toMatch(/Both have pseudonyms: .* made with one map/);
  });
});

test("what to know before reading is said: two hosts, the wrong order, an interrupted run, one and the same run", () => {
  const remarks = (before: Report, after: Report): string => between(before, after).remarks.join("\n");
  const one = reportOf([], { host: "web-1" });
  expect(remarks(one, reportOf([], { ...LATER, host: "web-2" }))).toMatch(/two hosts, web-1 and web-2/);
  expect(remarks(reportOf([], LATER), reportOf([]))).toMatch(/first is the newer one/);
  expect(remarks(reportOf([]), reportOf([], { ...LATER, interrupted: true }))).toMatch(/^b\.json was interrupted/);
  expect(remarks(one, one)).toMatch(/one and the same run/);
  expect(remarks(one, reportOf([], { ...LATER, host: "web-1" }))).toBe("");
});

test("what got worse stands first, then what got better, then the rest; of these, the run before its findings", () => {
  const before = reportOf([finding("a", "fail"), finding("b", "pass"), finding("c", "fail", { code: "tcp-reset" })]);
  const after = reportOf([finding("a", "pass"), finding("b", "fail"), finding("c", "fail")], { toolVersion: "9.9.9" });
  const { changes, gotWorse } = between(before, after);
  expect(changes.map(({ direction, kind, of }) => [direction, kind, of])).toEqual([
    ["worse", "status", "b"],
    ["better", "status", "a"],
    ["other", "fault", "c"],
    ["other", "tool", ""],
  ]);
  expect(gotWorse).toBe(true);
});

test("a hundred thousand addresses are compared in time that people wait", () => {
  const many = (offset: number): Finding =>
    opened({
      addresses: Array.from({ length: 100_000 }, (_none, index) => ({
        address: `host-${index + offset}`,
        family: 4,
        ok: true,
        durationMs: 1,
      })),
    });
  const begun = performance.now();
  expect(ofOne([many(0)], [many(50_000)])).toHaveLength(1);
  expect(performance.now() - begun).toBeLessThan(5000);
});
