import { describe, expect, test } from "@jest/globals";
import { type Finding, type Report, STATUSES } from "../../src/model/report.ts";
import { prometheus } from "../../src/reporters/prometheus.ts";
import { finding } from "../support/findings.ts";
import { type Family, readMetrics } from "../support/metrics.ts";
import { REPORTS } from "../support/reports.ts";
import { reported } from "../support/run.ts";

const unexplained = (findings: readonly Finding[]): Report => ({ ...reported(findings), causes: [] });
const families = (report: Report): ReadonlyMap<string, Family> => readMetrics(prometheus(report));

/** The series of one name, as `label=value … → number`; empty labels are none, as to Prometheus. */
const seriesOf = (report: Report, name: string): readonly string[] =>
  (families(report).get(`crowdsec_preflight_${name}`)?.samples ?? []).map(({ labels, value }) => {
    const told = Object.entries(labels).filter(([, text]) => text !== "");
    return [...told.map(([label, text]) => `${label}=${text}`), value].join(" ");
  });
/** The same, those with value 1 only: of what is one hot. */
const hot = (report: Report, name: string): readonly string[] =>
  seriesOf(report, name)
    .filter((line) => line.endsWith(" 1"))
    .map((line) => line.slice(0, -2));

const NAMES = [
  "crowdsec_preflight_status",
  "crowdsec_preflight_fault",
  "crowdsec_preflight_layer_duration_seconds",
  "crowdsec_preflight_certificate_not_after_timestamp_seconds",
  "crowdsec_preflight_cause",
  "crowdsec_preflight_findings",
  "crowdsec_preflight_verdict",
  "crowdsec_preflight_exit_code",
  "crowdsec_preflight_run_timestamp_seconds",
  "crowdsec_preflight_run_duration_seconds",
  "crowdsec_preflight_build_info",
  "crowdsec_preflight_engine_info",
];

describe.each(Object.entries({ ...REPORTS, "of nothing": reported([]) }))("%s", (_name, report) => {
  test("has every name there is, in one order, whatever became of the run", () => {
    expect([...families(report).keys()]).toEqual(NAMES);
  });

  test("is what node_exporter takes: gauges with help, no time stamps, no label that Prometheus puts there itself", () => {
    for (const { help, type, samples } of families(report).values()) {
      expect(type).toBe("gauge");
      expect(help).toMatch(/^[^\\]+\.$/);
      for (const { labels, timestamp } of samples) {
        expect(timestamp).toBeUndefined();
        expect(Object.keys(labels)).not.toEqual(expect.arrayContaining(["instance"]));
        expect(Object.keys(labels)).not.toEqual(expect.arrayContaining(["job"]));
      }
    }
  });

  test("says of every finding how it came out, and of whatever fails or warns by which fault", () => {
    const expected = report.findings.map(({ id, instance, status }) =>
      [`check=${id}`, ...(instance === id ? [] : [`target=${instance.slice(id.length + 1)}`]), `status=${status}`].join(
        " ",
      ),
    );
    expect(hot(report, "status")).toEqual(expected);
    expect(seriesOf(report, "status")).toHaveLength(expected.length * STATUSES.length);
    const faulty = report.findings.filter(({ fault }) => fault !== undefined);
    expect(hot(report, "fault").map((line) => /code=(\S+)/.exec(line)?.[1])).toEqual(
      faulty.map(({ fault }) => fault?.code),
    );
  });

  test("has the verdict, the counts and the exit code of the report", () => {
    expect(hot(report, "verdict")).toEqual([`verdict=${report.summary.verdict}`]);
    expect(seriesOf(report, "verdict")).toHaveLength(4);
    expect(seriesOf(report, "findings")).toEqual(
      STATUSES.map((status) => `status=${status} ${report.summary.counts[status]}`),
    );
    expect(seriesOf(report, "exit_code")).toEqual([String(report.summary.exitCode)]);
  });
});

test("when the run ended and how long it took are seconds", () => {
  const report = REPORTS["healthy"] ?? reported([]);
  expect(report.run).toMatchObject({ startedAt: "2026-06-15T12:00:00.000Z", durationMs: 812 });
  expect(seriesOf(report, "run_timestamp_seconds")).toEqual([String(Date.UTC(2026, 5, 15, 12) / 1000 + 0.812)]);
  expect(seriesOf(report, "run_duration_seconds")).toEqual(["0.812"]);
});

test("versions are told, CrowdSec's where it is known", () => {
  const report = REPORTS["healthy"] ?? reported([]);
  expect(seriesOf(report, "build_info")).toEqual(["version=1.2.3 runtime=node v20.19.0 1"]);
  expect(seriesOf(report, "engine_info")).toEqual(["version=1.7.8 1"]);
  expect(seriesOf(reported([]), "engine_info")).toEqual([]);
});

test("a fault has its code and whose it is, also where nobody can be blamed", () => {
  const report = unexplained([
    finding("lapi-tls@agent", "fail", { code: "tls-no-san", blame: { party: "remote-service" } }),
    finding("clock", "warn", { code: "clock-wrong", blame: { party: "this-host" } }),
    finding("metrics", "unknown", { code: "internal-error" }),
    finding("service", "pass"),
    finding("database", "skip"),
  ]);
  expect(hot(report, "fault")).toEqual([
    "check=lapi-tls target=agent code=tls-no-san party=remote-service",
    "check=clock code=clock-wrong party=this-host",
    "check=metrics code=internal-error",
  ]);
});

test("what fails and does not say by what has a fault all the same: alerts are joined with it", () => {
  const { fault: _fault, blame: _blame, ...unnamed } = finding("clock", "fail");
  expect(hot({ ...reported([]), findings: [unnamed] }, "fault")).toEqual(["check=clock"]);
});

test("of a layer that was gone through twice, the slower time counts", () => {
  const layers = [
    { phase: "resolve", ok: true, durationMs: 3.2 },
    { phase: "connect", ok: true, durationMs: 12 },
    { phase: "connect", ok: false, durationMs: 5000.25 },
  ] as const;
  expect(seriesOf(unexplained([finding("outgoing-api", "fail", { layers })]), "layer_duration_seconds")).toEqual([
    "check=outgoing-api layer=resolve 0.0032",
    "check=outgoing-api layer=connect 5.00025",
  ]);
});

test("the end of a certificate is a time, from which days can be made", () => {
  const certificate = { issuer: "CN=x", validFrom: "2026-01-01T00:00:00.000Z", validTo: "2026-09-30T10:20:30.000Z" };
  expect(
    seriesOf(
      unexplained([finding("lapi-tls@agent", "pass", { certificate }), finding("clock", "pass")]),
      "certificate_not_after_timestamp_seconds",
    ),
  ).toEqual([`check=lapi-tls target=agent ${Date.UTC(2026, 8, 30, 10, 20, 30) / 1000}`]);
});

test("a cause is told by its name, and once however often the report has it", () => {
  const cause = (id: string) =>
    ({
      id,
      summary: "summary",
      blame: { party: "network", confidence: "likely", evidence: [] },
      explains: [],
      remedy: [],
    }) as const;
  const causes = ["host-blocked@dropped", "lapi-tcp-refused@10.0.0.5:8080", "lapi-tcp-refused@10.0.0.6:8080"].map(
    cause,
  );
  expect(seriesOf({ ...reported([]), causes }, "cause")).toEqual(["cause=host-blocked 1", "cause=lapi-tcp-refused 1"]);
});

describe("a check with many targets", () => {
  const many = (count: number, rest: (index: number) => Finding): Report =>
    unexplained([finding("service", "pass"), ...Array.from({ length: count }, (_, index) => rest(index))]);
  const of = (index: number, ...rest: readonly [Finding["status"], Parameters<typeof finding>[2]?]): Finding =>
    finding(`metrics-target@web-${index}:6060`, ...rest);

  test("has series for each of fifty", () => {
    const report = many(50, (index) => of(index, "pass"));
    expect(hot(report, "status")).toHaveLength(51);
    expect(hot(report, "status").at(-1)).toBe("check=metrics-target target=web-49:6060 status=pass");
  });

  const layers = (durationMs: number) => ({ layers: [{ phase: "connect", ok: true, durationMs }] }) as const;
  const ending = (day: number) => ({
    certificate: { issuer: "", validFrom: "2026-01-01T00:00:00.000Z", validTo: `2027-01-0${day}T00:00:00.000Z` },
  });

  test("has one for all of more: the worst status with its faults, the slowest layers, the first certificate to end", () => {
    const report = many(51, (index) => {
      if (index === 7) return of(index, "fail", { code: "tcp-refused", ...layers(2), ...ending(3) });
      if (index === 8) return of(index, "fail", { code: "tcp-timeout", ...layers(5000) });
      if (index === 9) return of(index, "fail", { code: "tcp-refused", ...ending(2) });
      if (index === 10) return of(index, "warn", { code: "metrics-large" });
      return of(index, index % 2 === 0 ? "pass" : "skip", { ...layers(1), ...ending(4) });
    });
    expect(hot(report, "status")).toEqual(["check=service status=pass", "check=metrics-target status=fail"]);
    expect(hot(report, "fault")).toEqual([
      "check=metrics-target code=tcp-refused party=network",
      "check=metrics-target code=tcp-timeout party=network",
    ]);
    expect(seriesOf(report, "layer_duration_seconds")).toEqual(["check=metrics-target layer=connect 5"]);
    expect(seriesOf(report, "certificate_not_after_timestamp_seconds")).toEqual([
      `check=metrics-target ${Date.UTC(2027, 0, 2) / 1000}`,
    ]);
    expect(seriesOf(report, "findings")).toContain("status=warn 1");
  });

  test("is as bad as the worst of them, as the verdict has it", () => {
    const worst = (...some: readonly Finding["status"][]): readonly string[] =>
      hot(
        many(60, (index) => of(index, some[index] ?? "skip")),
        "status",
      ).slice(1);
    expect(worst("pass", "warn", "unknown", "fail")).toEqual(["check=metrics-target status=fail"]);
    expect(worst("pass", "warn", "unknown")).toEqual(["check=metrics-target status=unknown"]);
    expect(worst("pass", "warn")).toEqual(["check=metrics-target status=warn"]);
    expect(worst("pass")).toEqual(["check=metrics-target status=pass"]);
    expect(worst()).toEqual(["check=metrics-target status=skip"]);
  });

  test("does not make the file longer, be it five thousand", () => {
    const length = (count: number): number =>
      prometheus(many(count, (index) => of(index, "fail", { ...layers(index), ...ending(1) }))).length;
    expect(length(5000)).toBeLessThan(length(51) + 100);
  });
});

describe("text from outside", () => {
  const HOSTILE = 'a"} 1\n# TYPE x counter\\n\\"{=,';

  test("stays inside its label", () => {
    const report = {
      ...reported([]),
      findings: [finding(`config-files@${HOSTILE}`, "fail", { code: "config-syntax" })],
    };
    expect([...families(report).keys()]).toEqual(NAMES);
    for (const name of ["status", "fault"])
      for (const { labels } of families(report).get(`crowdsec_preflight_${name}`)?.samples ?? [])
        expect(labels["target"]).toBe(HOSTILE);
  });

  test("never makes a series that is there already, which would cost the whole file", () => {
    const twice = [finding("config-files@a", "pass"), finding("config-files@a", "fail", { code: "config-syntax" })];
    const report = { ...reported([]), findings: twice };
    expect(hot(report, "status")).toEqual(["check=config-files target=a status=fail"]);
    expect(hot(report, "fault")).toHaveLength(1);
  });

  test("is in no label at all but what was asked: no summary, no message, no address", () => {
    const secret = "free text 203.0.113.9";
    const report = unexplained([
      finding("lapi-tls@agent", "fail", {
        summary: secret,
        title: secret,
        target: { host: secret },
        layers: [{ phase: "connect", ok: true, durationMs: 1, detail: secret }],
        remedy: [{ text: secret }],
      }),
    ]);
    expect(prometheus(report)).not.toContain(secret);
  });
});
