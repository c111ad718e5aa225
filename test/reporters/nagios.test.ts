import { describe, expect, test } from "@jest/globals";
import type { Cause, Finding, Report } from "../../src/model/report.ts";
import { nagios } from "../../src/reporters/nagios.ts";
import { finding } from "../support/findings.ts";
import { EVERY_OUTCOME, judged, manyFindings, withEverywhere } from "../support/judged.ts";
import { REPORTS } from "../support/reports.ts";

const PLAIN = { ascii: false };
/** Nagios' own limit, with the zero at the end. */
const MAX_PLUGIN_OUTPUT_LENGTH = 8192;
/** What Nagios takes out by default on the way to a notification. */
const ILLEGAL_MACRO_OUTPUT_CHARS = /[`~$&|'"<>]/;

interface Metric {
  readonly label: string;
  readonly value: number;
  readonly unit: string;
  readonly limits: readonly (string | undefined)[];
}

const RANGE = "(?:@?(?:(?:~|-?\\d+(?:\\.\\d+)?):)?(?:-?\\d+(?:\\.\\d+)?)?)";
const NUMBER = "-?\\d+(?:\\.\\d+)?";
/** 'label'=value[UOM];[warn];[crit];[min];[max] of the guidelines. */
const METRIC = new RegExp(
  `^(?:'([^'=]+)'|([^'= ]+))=(${NUMBER})(s|ms|us|%|[KMGT]?B|c)?(?:;(${RANGE})(?:;(${RANGE})(?:;(${NUMBER})?(?:;(${NUMBER})?)?)?)?)?$`,
);

/** As a consumer reads it: state, text, performance data, long text. */
const read = (text: string) => {
  const [first = "", ...long] = text.replace(/\n$/, "").split("\n");
  const [said = "", performance = "", ...rest] = first.split("|");
  expect(rest).toEqual([]);
  const [, word = ""] = /^CROWDSEC (OK|WARNING|CRITICAL|UNKNOWN): \S/.exec(said) ?? [];
  const metrics = performance
    .trim()
    .split(" ")
    .map((item): Metric => {
      const match = METRIC.exec(item);
      if (match === null) throw new Error(`not by the guidelines: ${item}`);
      const [, quoted, bare, value, unit = "", ...limits] = match;
      return { label: quoted ?? bare ?? "", value: Number(value), unit, limits };
    });
  return { said: said.trimEnd(), word, metrics, long };
};
const metricsOf = (report: Report): Readonly<Record<string, Metric>> =>
  Object.fromEntries(read(nagios(report, PLAIN)).metrics.map((metric) => [metric.label, metric]));

const CODES: Readonly<Record<string, number>> = { OK: 0, WARNING: 1, CRITICAL: 2 };
const BY_HAND: readonly (readonly [string, Report])[] = Object.entries(REPORTS);
const HOSTILE = "|;$(x)`x`<b>\\n'\"&~!{} =\u{1F600}é";
const ALL: readonly (readonly [string, Report])[] = [
  ...BY_HAND,
  ...BY_HAND.map(
    ([name, report]) => [`${name}, hostile`, { ...withEverywhere(report, HOSTILE), summary: report.summary }] as const,
  ),
  ["5,000 findings", manyFindings(5000)],
  ["5,000 failures", manyFindings(5000, ["fail"])],
  ["5,000 warnings, hostile", withEverywhere(manyFindings(5000, ["warn"]), HOSTILE)],
];

const cause = (instance: string, rest: Partial<Cause> = {}): Cause => ({
  id: `cause-${instance}`,
  summary: `cause of ${instance}`,
  blame: { party: "this-host", confidence: "certain", evidence: [] },
  explains: [instance],
  remedy: [{ text: "Mend it.", commands: ["true"] }],
  ...rest,
});

describe.each(ALL)("by the guidelines: %s", (_name, report) => {
  const text = nagios(report, PLAIN);
  const { said, word, metrics, long } = read(text);

  test("the first line is under 80 characters", () => {
    expect([...said].length).toBeLessThan(80);
    expect(said.length).toBeGreaterThan("CROWDSEC OK: ".length);
  });

  test("the word is that of the exit code", () => {
    const { exitCode } = report.summary;
    expect(word).toBe(Object.keys(CODES).find((one) => CODES[one] === exitCode) ?? "UNKNOWN");
  });

  test("performance data has the run's time, the counts, and unique labels that need no quotes", () => {
    const labels = metrics.map(({ label }) => label);
    expect(new Set(labels).size).toBe(labels.length);
    expect(labels.slice(0, 6)).toEqual(["time", "pass", "warn", "fail", "unknown", "skip"]);
    for (const label of labels) {
      expect(label).toMatch(/^[\w.:@/[\]-]+$/);
      expect(label).not.toContain("::");
      expect(label.length).toBeLessThanOrEqual(64);
    }
  });

  test("the long text has no bar, no mark-up, no backslash and nothing unprintable", () => {
    for (const line of long) {
      expect(line).not.toMatch(/[|<>\\`]/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    }
    expect(said).not.toMatch(/[;<>\\`]/);
  });

  test("it fits into what Nagios reads, in ASCII too", () => {
    expect(Buffer.byteLength(text)).toBeLessThan(MAX_PLUGIN_OUTPUT_LENGTH);
    const ascii = nagios(report, { ascii: true });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII
    expect(ascii).toMatch(/^[\u0000-\u007f]*$/);
    expect(Buffer.byteLength(ascii)).toBeLessThan(MAX_PLUGIN_OUTPUT_LENGTH);
    expect([...read(ascii).said].length).toBeLessThan(80);
    expect(read(ascii).metrics).toEqual(metrics);
  });
});

test("text and exit code never differ, whatever came out", () => {
  for (const [, report] of EVERY_OUTCOME) {
    const { word } = read(nagios(report, PLAIN));
    expect(CODES[word] ?? 3).toBe(report.summary.exitCode > 2 ? 3 : report.summary.exitCode);
  }
});

describe("the first line", () => {
  const saidOf = (...parameters: Parameters<typeof judged>): string => read(nagios(judged(...parameters), PLAIN)).said;

  test("says what is worst, and how much more there is", () => {
    const findings = [finding("metrics", "warn"), finding("clock", "fail"), finding("database", "fail")];
    expect(saidOf(findings, { causes: [cause("database")] })).toBe("CROWDSEC CRITICAL: cause of database and 2 more");
    expect(saidOf(findings.slice(0, 1), { failOn: "warn" })).toBe("CROWDSEC WARNING: summary of metrics");
  });

  test("has the counts where all is well, and where a warning is none to Nagios", () => {
    expect(saidOf([finding("clock", "pass")])).toBe("CROWDSEC OK: 1 pass in 812 ms");
    expect(saidOf([finding("clock", "warn"), finding("metrics", "unknown")])).toBe(
      "CROWDSEC OK: 1 warn, 1 unknown in 812 ms",
    );
  });

  test("says why nothing could be judged, and that it was interrupted", () => {
    expect(saidOf([finding("clock", "unknown", { summary: "no permission" })])).toBe("CROWDSEC UNKNOWN: no permission");
    expect(saidOf([])).toBe("CROWDSEC UNKNOWN: nothing checked in 812 ms");
    expect(saidOf([finding("clock", "fail")], { interruption: "SIGTERM" })).toBe(
      "CROWDSEC UNKNOWN: 1 fail in 812 ms, interrupted",
    );
  });

  test("is cut, and keeps how much more there is", () => {
    const long = finding("clock", "fail", { summary: `${"😀".repeat(80)} end` });
    const said = saidOf([long, finding("metrics", "fail")]);
    expect([...said]).toHaveLength(79);
    expect(said).toMatch(/😀\.\.\. and 1 more$/u);
  });
});

describe("performance data", () => {
  test("has the thresholds that make the state", () => {
    const limitsOf = (failOn: "fail" | "warn") => metricsOf(judged([finding("clock", "warn")], { failOn }));
    expect(limitsOf("warn")["warn"]?.limits).toEqual(["0", "", "0", undefined]);
    expect(limitsOf("fail")["warn"]?.limits).toEqual(["", "", "0", undefined]);
    expect(limitsOf("fail")["fail"]?.limits).toEqual(["", "0", "0", undefined]);
  });

  test("has seconds: of the run, of each finding that was on its way, and to the first certificate's end", () => {
    const until = (validTo: string) => ({ issuer: "CN=x", validFrom: "2026-01-01T00:00:00Z", validTo });
    const layers = [
      { phase: "connect", ok: true, durationMs: 0.4 },
      { phase: "response", ok: true, durationMs: 1200 },
    ] as const;
    const report = judged([
      finding("outgoing-capi", "pass", { layers, certificate: until("2026-06-16T12:00:00Z") }),
      finding("outgoing-hub", "pass", { layers, certificate: until("2026-08-01T00:00:00Z") }),
      finding("clock", "pass"),
    ]);
    const metrics = metricsOf(report);
    expect(metrics["time"]).toMatchObject({ value: 0.812, unit: "s" });
    expect(metrics["outgoing-capi"]).toMatchObject({ value: 1.2004, unit: "s" });
    expect(metrics["certificate"]).toMatchObject({ value: 86_400, unit: "s" });
    expect(metrics["clock"]).toBeUndefined();
    expect(metricsOf(judged([finding("clock", "pass")]))["certificate"]).toBeUndefined();
    const expired = judged([finding("outgoing-capi", "fail", { certificate: until("2026-06-15T11:59:59Z") })]);
    expect(metricsOf(expired)["certificate"]?.value).toBe(-1);
  });

  const timed = (instance: string, status: Finding["status"] = "pass"): Finding =>
    finding(instance, status, { layers: [{ phase: "connect", ok: true, durationMs: 1 }] });

  test("has the same labels in the same order whatever comes out", () => {
    const names = Array.from({ length: 60 }, (_, index) => `metrics-target@web-${index}:6060`);
    const labelsOf = (status: Finding["status"]): readonly string[] =>
      Object.keys(metricsOf(judged(names.map((name) => timed(name, status)))));
    expect(labelsOf("pass")).toHaveLength(46);
    for (const status of ["warn", "fail", "unknown"] as const) expect(labelsOf(status)).toEqual(labelsOf("pass"));
  });

  test("keeps apart what would have the same label", () => {
    const long = "x".repeat(100);
    const names = ["time", "a@b c", "a@b=c", "a@b'c", "a@[::1]:8080", `a@${long}1`, `a@${long}2`];
    expect(Object.keys(metricsOf(judged(names.map((name) => timed(name))))).slice(6)).toEqual([
      "time_2",
      "a@b_c",
      "a@b_c_2",
      "a@b_c_3",
      "a@[:1]:8080",
      `a@${long.slice(0, 58)}`,
      `a@${long.slice(0, 58)}_2`,
    ]);
  });
});

describe("the long text", () => {
  const longOf = (...parameters: Parameters<typeof judged>): readonly string[] =>
    read(nagios(judged(...parameters), PLAIN)).long;

  test("tells each thing that is wrong, worst first, whose it is and what to do first", () => {
    const findings = [finding("clock", "unknown"), finding("metrics", "warn"), finding("database", "fail")];
    expect(longOf(findings, { causes: [cause("database")] })).toEqual([
      "FAIL: cause of database; whose: this host (certain)",
      "  First: Mend it.",
      "  true",
      "WARN: metrics: summary of metrics; whose: the network between (likely)",
      "  Fix: Mend metrics.",
      "UNKNOWN: clock: summary of clock",
    ]);
  });

  test("shows no command that would reach a notification as another one", () => {
    const shown = (command: string): boolean =>
      longOf([finding("clock", "fail")], {
        causes: [cause("clock", { remedy: [{ text: "Mend it.", commands: [command] }] })],
      }).length === 3;
    expect(shown("ufw allow 8080/tcp")).toBe(true);
    for (const one of "`~$&|'\"<>\\") expect(shown(`echo ${one}`)).toBe(false);
    expect(shown(`echo ${"x".repeat(200)}`)).toBe(false);
    for (const report of Object.values(REPORTS))
      for (const line of read(nagios(report, PLAIN)).long)
        if (/^ {2}(?!First: |Fix: )/.test(line)) expect(line).not.toMatch(ILLEGAL_MACRO_OUTPUT_CHARS);
  });

  test("says how much it left out, and that it was judged from a bundle", () => {
    const long = read(nagios(manyFindings(5000, ["fail"]), PLAIN)).long;
    const told = long.filter((line) => line.startsWith("FAIL: ")).length;
    expect(told).toBeGreaterThan(5);
    expect(long.at(-1)).toBe(`and ${5000 - told} more`);
    const from = { bundle: "/tmp/b.zip", toolVersion: "1.0.0", judgedAt: "2026-07-01T00:00:00Z" };
    expect(longOf([finding("clock", "pass")], { run: { from } })[0]).toMatch(
      /^Judged from \/tmp\/b\.zip: seen on web-1 /,
    );
  });
});
