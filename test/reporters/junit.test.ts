import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { parse, type TestCase, type TestSuites } from "junit2json";
import { XmlDocument, XsdValidator } from "libxml2-wasm";
import { checkFamily, type Report } from "../../src/model/report.ts";
import { junit } from "../../src/reporters/junit.ts";
import { finding } from "../support/findings.ts";
import { EVERY_OUTCOME, judged, manyFindings, withEverywhere } from "../support/judged.ts";
import { REPORTS } from "../support/reports.ts";

const validator = XsdValidator.fromDoc(XmlDocument.fromBuffer(readFileSync("test/published/junit.xsd")));
const validate = (xml: string): void => {
  using document = XmlDocument.fromString(xml);
  validator.validate(document);
};

/** As a CI system reads it. */
const read = async (report: Report): Promise<TestSuites> => (await parse(junit(report))) as TestSuites;
const casesOf = async (report: Report): Promise<readonly TestCase[]> =>
  ((await read(report)).testsuite ?? []).flatMap(({ testcase = [] }) => testcase);
const caseOf = async (...parameters: Parameters<typeof judged>): Promise<TestCase | undefined> =>
  (await casesOf(judged(...parameters)))[0];

/** All that is special to XML, and all that it has no way to say. */
const HOSTILE = `<b a="'">&amp;]]></failure><!--\u0000\u001b\u007f\ud800\udc00\ud800\udfff\udc00\ufffe\uffff\u202e\n\t\r`;

const ALL: readonly (readonly [string, Report])[] = [
  ...Object.entries(REPORTS),
  ...EVERY_OUTCOME,
  ...Object.entries(REPORTS).map(
    ([name, report]) => [`${name}, hostile`, { ...withEverywhere(report, HOSTILE), summary: report.summary }] as const,
  ),
];

test.each(ALL)("is what the schema says: %s", (_name, report) => {
  validate(junit(report));
});

test("the schema finds what is not", () => {
  const xml = junit(judged([finding("clock", "fail"), finding("metrics", "pass")]));
  const spoilt = [
    ['failures="1"', 'failures="one"'],
    ['name="metrics"', 'label="metrics"'],
    ["</failure>", "</failure><skipped/>"],
    ['time="0.000"', 'time="0"'],
    ["2026-06-15T12:00:00", "2026-06-15 12:00:00"],
    ["<testcase ", "<case "],
  ].map(([found = "", replacement = ""]) => xml.replace(found, replacement));
  expect(spoilt).not.toContain(xml);
  for (const one of spoilt) expect(() => validate(one)).toThrow();
  const twice = junit(judged([finding("clock", "pass"), finding("clock", "pass")]));
  expect(() => validate(twice)).toThrow(/unique/i);
  validate(xml);
});

test.each(ALL)("failures and errors stand in it exactly when the exit code is not 0: %s", async (_name, report) => {
  const { failures = 0, errors = 0, tests, testsuite: suites = [] } = await read(report);
  expect(failures + errors > 0).toBe(report.summary.exitCode !== 0);
  const cases = suites.flatMap(({ testcase = [] }) => testcase);
  expect(tests).toBe(cases.length);
  expect(failures).toBe(cases.filter(({ failure }) => failure).length);
  expect(errors).toBe(cases.filter(({ error }) => error).length);
  for (const suite of suites) {
    const own = suite.testcase ?? [];
    expect(suite).toMatchObject({
      tests: own.length,
      failures: own.filter(({ failure }) => failure).length,
      errors: own.filter(({ error }) => error).length,
      skipped: own.filter(({ skipped }) => skipped).length,
    });
  }
});

test.each(Object.entries(REPORTS))("has a case for each finding, with its own outcome: %s", async (_name, report) => {
  const cases = await casesOf(report);
  expect(cases.map(({ name }) => name).sort()).toEqual(report.findings.map(({ instance }) => instance).sort());
  const isJudged = report.summary.exitCode <= 2;
  for (const { instance, id, status, summary, reason, fault } of report.findings) {
    const one = cases.find(({ name }) => name === instance);
    expect(one?.classname).toBe(`crowdsec-preflight.${id}`);
    const wrong = [expect.objectContaining({ type: fault?.code ?? status, message: reason ?? summary })];
    const isFailure = status === "fail" || (status === "warn" && report.run.failOn === "warn");
    expect(one?.failure).toEqual(isFailure ? wrong : undefined);
    expect(one?.error).toEqual(status === "unknown" && !isJudged ? wrong : undefined);
    const skipped = status === "skip" ? reason : `unknown: ${reason}`;
    expect(one?.skipped).toEqual(
      status === "skip" || (status === "unknown" && isJudged) ? [{ message: skipped }] : undefined,
    );
  }
});

test("suites are the families of the checks, in the order of the report", async () => {
  const suites = (await read(REPORTS["clients"] ?? judged([]))).testsuite ?? [];
  expect(suites.map(({ name }) => name)).toEqual(["config", "credentials", "database", "lapi"]);
  for (const { name, testcase = [] } of suites)
    for (const one of testcase) expect(checkFamily(one.classname?.split(".")[1] ?? "")).toBe(name);
});

describe("a warning", () => {
  const warning = [finding("clock", "warn", { code: "clock-wrong", summary: "the clock is wrong" })];

  test("is a failure where the exit code counts it", async () => {
    const one = await caseOf(warning, { failOn: "warn" });
    expect(one?.failure).toEqual([expect.objectContaining({ type: "clock-wrong", message: "the clock is wrong" })]);
  });

  test("passes where the exit code does not, and is still told", async () => {
    const one = await caseOf(warning);
    expect(one?.failure).toBeUndefined();
    expect(one?.["system-out"]?.[0]).toMatch(/^the clock is wrong\nWhose: +the network between \(likely\)\nFix: /);
  });
});

test("a run that no finding says the exit code of has a case of its own", async () => {
  const errorOf = async (report: Report) => (await casesOf(report)).find(({ name }) => name === "run")?.error?.[0];
  expect(await errorOf(judged([finding("clock", "skip")]))).toEqual({
    type: "nothing-judged",
    message: "nothing could be judged",
    inner: "nothing could be judged: UNKNOWN, exit code 3",
  });
  expect(await errorOf(judged([finding("clock", "pass")], { interruption: "SIGINT" }))).toMatchObject({
    type: "interrupted",
    inner: "the run was interrupted: READY, exit code 130",
  });
  expect(await errorOf(judged([finding("clock", "fail")], { interruption: "SIGINT" }))).toBeUndefined();
});

describe("the body of a failure", () => {
  const failing = finding("lapi-reachable", "fail", {
    summary: "127.0.0.1:8080 refuses the connection",
    layers: [{ phase: "connect", ok: false, durationMs: 2 }],
    blame: { party: "this-host", confidence: "likely", evidence: ["connect failed after 2 ms"] },
    remedy: [{ text: "Start crowdsec.", commands: ["systemctl start crowdsec"], undo: ["systemctl stop crowdsec"] }],
  });
  const bodyOf = async (...parameters: Parameters<typeof judged>): Promise<string | undefined> =>
    (await caseOf(...parameters))?.failure?.[0]?.inner;
  const cause = {
    id: "database-db-auth-failed",
    summary: "the database refuses the password",
    blame: { party: "credentials", confidence: "certain", evidence: [] },
    explains: ["lapi-reachable"],
    remedy: [{ text: "Put the right one into db_config.", commands: ["systemctl restart crowdsec"] }],
  } as const;

  test("says what is wrong, by what evidence, whose it is, and how it is mended", async () => {
    expect(await bodyOf([failing])).toBe(
      [
        "127.0.0.1:8080 refuses the connection",
        "connect failed 2 ms",
        "Because:  connect failed after 2 ms",
        "Whose:    this host (likely)",
        "Fix:      Start crowdsec.",
        "          $ systemctl start crowdsec",
        "          to undo:",
        "          $ systemctl stop crowdsec",
      ].join("\n"),
    );
  });

  test("names the cause that explains it, whose that is, and what mends that", async () => {
    const body = await bodyOf([failing], { causes: [cause] });
    expect(body?.split("\n\n")[1]).toBe(
      [
        "Cause:    the database refuses the password",
        "Whose:    the credentials (certain)",
        "First:    Put the right one into db_config.",
        "          $ systemctl restart crowdsec",
      ].join("\n"),
    );
  });

  test("says nothing twice where the cause is the finding itself", async () => {
    const same = { ...cause, summary: failing.summary, blame: failing.blame ?? cause.blame, remedy: failing.remedy };
    const body = (await bodyOf([failing], { causes: [same] })) ?? "";
    expect(body).not.toContain("Cause:");
    expect(body.match(/systemctl start/g)).toHaveLength(1);
  });

  test("has every command of its remedies unbroken, of every report", async () => {
    for (const report of Object.values(REPORTS)) {
      const cases = await casesOf(report);
      for (const { instance, status, remedy } of report.findings.filter((one) => one.status === "fail")) {
        const body = cases.find(({ name }) => name === instance)?.failure?.[0]?.inner ?? "";
        expect(status).toBe("fail");
        for (const command of remedy.flatMap(({ commands = [], undo = [] }) => [...commands, ...undo]))
          expect(body).toContain(`$ ${command}`);
      }
    }
  });
});

test("text comes out of a parser as it went in", async () => {
  const summary = `a<b> & "c" 'd' ]]> é 😀 &lt; <!-- -->`;
  const one = await caseOf([finding("clock", "fail", { summary, code: "a&b" })]);
  expect(one?.failure?.[0]).toMatchObject({ message: summary, type: "a&b" });
  expect(one?.failure?.[0]?.inner?.startsWith(summary)).toBe(true);
});

test("what XML cannot say is replaced", async () => {
  const one = await caseOf([finding("clock", "skip", { summary: "a\ud800b\ufffec\u0001d" })]);
  expect(one?.skipped).toEqual([{ message: "a\ufffdb\ufffdc\ufffdd" }]);
});

test("each suite says on which host, when, and of which version of what", async () => {
  const [suite] = (await read(judged([finding("clock", "pass")], { run: { roles: [] } }))).testsuite ?? [];
  expect(suite).toMatchObject({ hostname: "web-1", timestamp: "2026-06-15T12:00:00" });
  expect(Object.fromEntries(suite?.properties?.map(({ name, value }) => [name, value]) ?? [])).toEqual({
    toolVersion: "1.2.3",
    runtime: "node v20.19.0",
    runId: "00000000-0000-4000-8000-000000000000",
    startedAt: "2026-06-15T12:00:00.000Z",
    phase: "run",
    roles: "none",
    engineVersion: "1.7.8",
    failOn: "fail",
    verdict: "ready",
    exitCode: 0,
  });
});

test("times are seconds: of a case its layers, of a suite its cases, of all the run", async () => {
  const layers = [
    { phase: "resolve", ok: true, durationMs: 3 },
    { phase: "connect", ok: true, durationMs: 1200 },
  ] as const;
  const all = await read(
    judged([finding("lapi-tls", "pass", { layers }), finding("lapi-reachable", "pass", { layers })]),
  );
  const [suite] = all.testsuite ?? [];
  expect([all.time, suite?.time, suite?.testcase?.[0]?.time]).toEqual([0.812, 2.406, 1.203]);
});

test("5,000 findings are 5,000 cases", async () => {
  const xml = junit(manyFindings(5000));
  validate(xml);
  expect(xml.match(/<testcase /g)).toHaveLength(5000);
});
