import { describe, expect, test } from "@jest/globals";
import { merge, worstExitCode } from "../../src/compare/merge.ts";
import type { Status } from "../../src/model/report.ts";
import { agentReport, documentOf, reportOf, TWENTY } from "../support/comparisons.ts";
import { finding } from "../support/findings.ts";

const hostWith = (name: string, ...statuses: readonly (readonly [instance: string, status: Status])[]) =>
  documentOf(
    `${name}.json`,
    reportOf(
      statuses.map(([instance, status]) => finding(instance, status)),
      { host: name },
    ),
  );

test("a check's row has the worst of each host's findings, and nothing where a report does not know it", () => {
  const { checks, hosts } = merge([
    hostWith("a", ["lapi-tls@agent", "pass"], ["lapi-tls@cscli", "fail"]),
    hostWith("b", ["lapi-tls@agent", "warn"], ["lapi-tls@cscli", "unknown"], ["clock", "pass"]),
    hostWith("c", ["lapi-tls@agent", "skip"]),
  ]);
  expect(hosts.map(({ name }) => name)).toEqual(["a", "b", "c"]);
  expect(checks.map(({ id, statuses }) => [id, statuses])).toEqual([
    ["lapi-tls", ["fail", "unknown", "skip"]],
    ["clock", [null, "pass", null]],
  ]);
});

test("a check that fails on more hosts stands before one that fails on fewer", () => {
  const { checks } = merge([
    hostWith("a", ["clock", "warn"], ["disk", "fail"], ["lapi", "fail"], ["trust", "pass"], ["port", "unknown"]),
    hostWith("b", ["clock", "pass"], ["disk", "pass"], ["lapi", "fail"], ["trust", "pass"], ["port", "pass"]),
  ]);
  expect(checks.map(({ id }) => id)).toEqual(["lapi", "disk", "port", "clock", "trust"]);
});

test("17 of 20 agents fail at connect, and what these 17 share and the others do not is their subnet", () => {
  const { failures, causes, exitCode } = merge(TWENTY);
  expect(failures).toHaveLength(1);
  expect(failures[0]).toMatchObject({
    checks: ["lapi-reachable"],
    passing: ["agent-18", "agent-19", "agent-20"],
    groups: [
      { phase: "connect", code: "tcp-timeout", traits: [{ kind: "subnet", value: "10.3.0.0/16", of: "failing" }] },
    ],
  });
  expect(failures[0]?.failing).toHaveLength(17);
  expect(causes.map(({ id, hosts }) => [id, hosts.length])).toEqual([["lapi-tcp-timeout", 17]]);
  expect(exitCode).toBe(2);
});

test("hosts on which a check fails in several ways are several groups, the largest first", () => {
  const agents = [
    { name: "a", source: "10.1.0.1", lapi: "unresolved" },
    { name: "b", source: "10.3.0.1", lapi: "timeout" },
    { name: "c", source: "10.3.0.2", lapi: "timeout" },
    { name: "d", source: "10.5.0.1" },
  ] as const;
  const { failures } = merge(agents.map((agent) => documentOf(`${agent.name}.json`, agentReport(agent))));
  expect(failures[0]?.groups.map(({ code, hosts }) => [code, hosts])).toEqual([
    ["tcp-timeout", ["b", "c"]],
    ["dns-timeout", ["a"]],
  ]);
});

test("checks that fail on the same hosts in the same way are told together, with what they share", () => {
  const of = (name: string, status: Status, engineVersion: string) =>
    documentOf(
      name,
      reportOf(
        [
          finding("outgoing-hub", status, { target: { host: status, port: 443 } }),
          finding("outgoing-capi", status),
          finding("clock", status, { code: "clock-wrong" }),
        ],
        { host: name, engineVersion },
      ),
    );
  const { failures } = merge([of("a", "fail", "1.6.2"), of("b", "fail", "1.6.2"), of("c", "pass", "1.7.8")]);
  expect(failures.map(({ checks, groups }) => [checks, groups[0]?.traits])).toEqual([
    [["outgoing-hub", "outgoing-capi"], [{ kind: "engine", value: "1.6.2", of: "failing" }]],
    [["clock"], [{ kind: "engine", value: "1.6.2", of: "failing" }]],
  ]);
});

describe("one host that is there several times", () => {
  const at = (name: string, startedAt: string, status: Status, host?: string) =>
    documentOf(
      name,
      reportOf([finding("clock", status)], { id: name, startedAt, ...(host !== undefined && { host }) }),
    );

  test("counts once, by its newest report, and it is said which", () => {
    const { hosts, checks, remarks } = merge([
      at("new.json", "2026-06-16T12:00:00.000Z", "pass", "web-1"),
      at("old.json", "2026-06-15T12:00:00.000Z", "fail", "web-1"),
    ]);
    expect(hosts.map(({ name, document }) => [name, document])).toEqual([["web-1", "new.json"]]);
    expect(checks[0]?.statuses).toEqual(["pass"]);
    expect(remarks).toEqual([
      "web-1 is there 2 times: the newest counts, new.json (2026-06-16 12:00:00Z), not old.json (2026-06-15 12:00:00Z). If these are several hosts, give each a host name of its own.",
    ]);
  });

  test("counts once where the same file is named twice, and where one run was judged again", () => {
    const one = at("m/r00.json", "2026-06-15T12:00:00.000Z", "pass", "web-1");
    expect(merge([one, one])).toMatchObject({
      hosts: [{ name: "web-1" }],
      remarks: ["m/r00.json is named twice: it counts once."],
    });
    const again = { ...one, name: "again.json" };
    expect(merge([one, again])).toMatchObject({
      hosts: [{ name: "web-1", document: "again.json" }],
      remarks: ["m/r00.json, again.json are of one and the same run: it counts once, as in again.json."],
    });
  });

  test("is called after its file where the report does not know its name", () => {
    const time = "2026-06-15T12:00:00.000Z";
    const names = (...paths: string[]): readonly string[] =>
      merge(paths.map((path) => at(path, time, "pass"))).hosts.map(({ name }) => name);
    expect(names("/tmp/web-1.json", "web-2.ZIP", ".json")).toEqual(["web-1", "web-2", ".json"]);
    // Two files of one name are not one host.
    expect(names("a/report.json", "b/report.json")).toEqual(["a/report.json", "b/report.json"]);
  });
});

describe("hosts that share a name stay apart, under their files' names, where", () => {
  type Run = Parameters<typeof agentReport>[0]["run"];
  const EARLY = { startedAt: "2026-06-15T12:00:00.000Z" };
  const LATE = { startedAt: "2026-06-16T12:00:00.000Z" };
  const clone = (file: string, source: string, run: Run) =>
    documentOf(`${file}.json`, agentReport({ name: "vm", source, run: { id: file, ...run } }));

  test.each<[string, string, Run, Run]>([
    ["their own addresses", "10.0.0.2", EARLY, LATE],
    ["their roles", "10.0.0.1", { ...EARLY, roles: ["lapi"] }, LATE],
    ["runs at the same time", "10.0.0.1", EARLY, { startedAt: "2026-06-15T12:00:00.500Z" }],
  ])("%s say so", (by, source, first, second) => {
    const { hosts, remarks } = merge([clone("a", "10.0.0.1", first), clone("b", source, second)]);
    expect(hosts.map(({ name }) => name)).toEqual(["vm (a)", "vm (b)"]);
    expect(remarks).toEqual([
      `vm is the name of 2 hosts: they are told apart by ${by}, and stand here with their files' names. If they are one host, give its newest report alone.`,
    ]);
  });

  test("their namespaces say so", () => {
    const within = (id: string, startedAt: string, namespace: string) =>
      documentOf(
        id,
        reportOf([finding("clock", "pass", { vantage: { user: "root", route: "local", namespace } })], {
          id,
          startedAt,
          host: "vm",
        }),
      );
    const { hosts } = merge([within("a", EARLY.startedAt, "container a"), within("b", LATE.startedAt, "container b")]);
    expect(hosts.map(({ name }) => name)).toEqual(["vm (a)", "vm (b)"]);
  });

  test("each counts by its own newest report", () => {
    const { hosts } = merge([
      clone("a-monday", "10.0.0.1", EARLY),
      clone("b-monday", "10.0.0.2", EARLY),
      clone("b-tuesday", "10.0.0.2", LATE),
      clone("a-tuesday", "10.0.0.1", LATE),
    ]);
    expect(hosts.map(({ name }) => name)).toEqual(["vm (b-tuesday)", "vm (a-tuesday)"]);
  });

  test("files of one name in several folders are shown with these", () => {
    const { hosts } = merge([clone("x/report", "10.0.0.1", EARLY), clone("y/report", "10.0.0.2", EARLY)]);
    expect(hosts.map(({ name }) => name)).toEqual(["vm (x/report.json)", "vm (y/report.json)"]);
  });
});

test("several versions of the tool, and interrupted runs, are said: their tables are not complete", () => {
  const { remarks } = merge([
    documentOf("a", reportOf([], { host: "a", toolVersion: "1.2.3" })),
    documentOf("b", reportOf([], { host: "b", toolVersion: "1.3.0", interrupted: true })),
  ]);
  expect(remarks.join("\n")).toMatch(/1\.2\.3 \(1 host\), 1\.3\.0 \(1 host\)/);
  expect(remarks.join("\n")).toMatch(/Interrupted, so not looked at in full: b\./);
});

describe("the exit code is that of the worst report", () => {
  const code = (...exitCodes: number[]): number =>
    worstExitCode(
      exitCodes.map((exitCode) => reportOf([finding("clock", exitCode === 2 ? "fail" : "pass")], { exitCode })),
    );

  test.each<[number, number[]]>([
    [0, [0, 0]],
    [1, [0, 1]],
    [3, [1, 3]],
    [2, [3, 2, 1, 0]],
    // Interrupted, terminated: judged in part.
    [3, [0, 130]],
    [3, [143]],
    [3, [77]],
  ])("%d of %j", (expected, exitCodes) => {
    expect(code(...exitCodes)).toBe(expected);
  });

  test("what failed before an interruption counts", () => {
    expect(worstExitCode([reportOf([finding("clock", "fail")], { exitCode: 130 })])).toBe(2);
  });
});

test("a host whose name is a word of the language is a host", () => {
  const { hosts, checks } = merge([hostWith("__proto__", ["constructor", "fail"]), hostWith("b", ["clock", "pass"])]);
  expect(hosts.map(({ name }) => name)).toEqual(["__proto__", "b"]);
  expect(checks[0]).toMatchObject({ id: "constructor", statuses: ["fail", null] });
});

test("a thousand hosts are merged in time that people wait", () => {
  const many = Array.from({ length: 1000 }, (_none, index) =>
    documentOf(
      `h${index}.json`,
      agentReport({
        name: `h${index}`,
        source: `10.${index >> 8}.${index & 255}.1`,
        lapi: index % 3 === 0 ? "refused" : "pass",
      }),
    ),
  );
  const begun = performance.now();
  expect(merge(many).failures[0]?.failing).toHaveLength(334);
  expect(performance.now() - begun).toBeLessThan(5000);
});
