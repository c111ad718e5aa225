import { readdirSync } from "node:fs";
import { afterAll, afterEach, expect, jest, test } from "@jest/globals";
import { parse, stringify } from "yaml";
import { prometheusFiles } from "../../src/init/prometheus.ts";
import { makeFolder } from "../support/folder.ts";
import { background, lab, on, preflight } from "./lab.ts";

jest.setTimeout(90_000);

afterEach(async () => {
  await lab("restore");
});

/** All hosts see it. */
const folder = makeFolder();
afterAll(() => folder.remove());

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
}
const contentOf = (ending: string): string =>
  prometheusFiles({ command: ["crowdsec-preflight"], version: "1.2.3" }).find(({ path }) => path.endsWith(ending))
    ?.content ?? "";
const RULES = contentOf(".yml");
const rules: readonly Rule[] = parse(RULES).groups[0].rules;

/** What promtool says, without a word of complaint. */
const promtool = (...args: readonly string[]): Promise<string> =>
  on("prometheus", `promtool ${args.join(" ")} 2>&1 || true`);

test("promtool has nothing to say against any golden, nor against a run on a host", async () => {
  const goldens = `${process.cwd()}/test/golden/prometheus`;
  expect(readdirSync(goldens).length).toBeGreaterThan(5);
  expect(await on("prometheus", `for file in ${goldens}/*; do promtool check metrics <$file 2>&1; done`)).toBe("");
  const file = `${folder.path}/run.prom`;
  const { report, exitCode } = await preflight("allinone", "--report", `prometheus=${file}`);
  expect(exitCode).toBe(report.summary.exitCode);
  // Whoever runs node_exporter can read it.
  expect(await on("prometheus", `stat -c %a ${file} && promtool check metrics <${file} 2>&1`)).toBe("644\n");
});

interface Dashboard {
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string; readonly instant: boolean }[];
  }[];
}

/** What Grafana puts in where all hosts and checks of the last five minutes are shown. */
const filledIn = (expr: string): string =>
  expr.replaceAll("$__range", "300s").replaceAll("$instance", ".*").replaceAll("$check", ".*");
const dashboard: Dashboard = JSON.parse(contentOf(".json"));

test("promtool finds nothing wrong with the alert rules", async () => {
  const file = folder.write("rules.yml", RULES);
  expect(await promtool("check", "rules", file)).toContain(`SUCCESS: ${rules.length} rules found`);
});

test("promtool can read every query of the dashboard", async () => {
  const exprs = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => filledIn(expr)));
  // It reads queries as those of rules.
  const recorded = exprs.map((expr, index) => ({ record: `dashboard:${index}`, expr }));
  const file = folder.write("dashboard.yml", stringify({ groups: [{ name: "dashboard", rules: recorded }] }));
  expect(await promtool("check", "rules", file)).toContain(`SUCCESS: ${exprs.length} rules found`);
});

/** Seconds. */
const HOUR = 60 * 60;
const DAY = 24 * HOUR;
const HOST = { instance: "web1:9100", job: "node" };
const named = (name: string, labels: Readonly<Record<string, string>>): string =>
  `crowdsec_preflight_${name}{${Object.entries({ ...HOST, ...labels })
    .map(([label, value]) => `${label}="${value}"`)
    .join(",")}}`;

/** Runs go on, one a minute. */
const RUNNING = { series: named("run_timestamp_seconds", {}), values: "0+60x3000" };

/** Of one minute each: `1x19` are twenty values, `_x5` five gaps. */
interface Scene {
  readonly name: string;
  readonly series: readonly { readonly series: string; readonly values: string }[];
  /** What fires at a time, and in which words; no others. */
  readonly fires: readonly {
    readonly at: string;
    readonly alert: string;
    readonly alerts: readonly { readonly labels: object; readonly summary: string; readonly description: string }[];
  }[];
}

const agentFails = (values: string): Scene["series"][number] => ({
  series: named("status", { check: "lapi-reachable", target: "agent", status: "fail" }),
  values,
});
const faulty = (code: string, values: string): Scene["series"][number] => ({
  series: named("fault", { check: "lapi-reachable", target: "agent", code, party: "network" }),
  values,
});
const told = (code: string) => ({
  labels: { ...HOST, check: "lapi-reachable", target: "agent", status: "fail", severity: "critical" },
  summary: `lapi-reachable (agent) fails on web1:9100: ${code} (whose: network)`,
  description: `On the host, \`crowdsec-preflight\` says what to do. What it means: crowdsec-preflight explain ${code}`,
});
const FAILS = "CrowdsecPreflightFails";
const WARNS = "CrowdsecPreflightWarns";
const UNJUDGED = "CrowdsecPreflightUnjudged";
const STALE = "CrowdsecPreflightStale";
const ABSENT = "CrowdsecPreflightAbsent";
const SOON = "CrowdsecPreflightCertificateEndsSoon";
const ENDS = "CrowdsecPreflightCertificateEnds";

const stale = (time: string) => ({
  labels: { ...HOST, severity: "warning" },
  summary: `crowdsec-preflight has not run on web1:9100 for ${time}`,
  description:
    "What its other metrics say is as old. Look whether cron runs, what it mails, and whether node_exporter reads the file (node_textfile_scrape_error).",
});
const ending = (severity: string, labels: object, of: string, time: string) => ({
  labels: { ...HOST, ...labels, severity },
  summary: `The certificate of ${of}, seen from web1:9100, ends in ${time}`,
  description:
    "Whoever runs that service has to renew it; from then on CrowdSec refuses it. A negative time is how long ago it ended.",
});
const certificate = (check: string, target: string, end: number): Scene["series"][number] => ({
  series: named("certificate_not_after_timestamp_seconds", { check, target }),
  values: `${end}x500`,
});

const SCENES: readonly Scene[] = [
  {
    name: "what fails is told after ten minutes, and no more once it is well",
    series: [RUNNING, agentFails("0x4 1x19 0x10"), faulty("tcp-refused", "_x5 1x19 stale")],
    fires: [
      { at: "14m", alert: FAILS, alerts: [] },
      { at: "15m", alert: FAILS, alerts: [told("tcp-refused")] },
      { at: "24m", alert: FAILS, alerts: [told("tcp-refused")] },
      { at: "25m", alert: FAILS, alerts: [] },
    ],
  },
  {
    name: "one bad run among good ones wakes nobody",
    series: [RUNNING, agentFails("0x4 1x4 0x4 1x4 0x4 1x4 0x10"), faulty("tcp-timeout", "1x40")],
    fires: ["9m", "14m", "19m", "24m", "29m"].map((at) => ({ at, alert: FAILS, alerts: [] })),
  },
  {
    name: "what fails each time with another code is told all the same, with its newest code",
    series: [RUNNING, agentFails("1x20"), faulty("tcp-timeout", "1x7 stale"), faulty("dns-timeout", "_x8 1x20")],
    fires: [
      { at: "9m", alert: FAILS, alerts: [] },
      { at: "10m", alert: FAILS, alerts: [told("dns-timeout")] },
    ],
  },
  {
    name: "what only warns is told after a day, and is no failure",
    series: [
      RUNNING,
      { series: named("status", { check: "clock", target: "", status: "warn" }), values: "1x1500" },
      {
        series: named("fault", { check: "clock", target: "", code: "clock-wrong", party: "this-host" }),
        values: "1x1500",
      },
    ],
    fires: [
      { at: "23h", alert: WARNS, alerts: [] },
      {
        at: "24h",
        alert: WARNS,
        alerts: [
          {
            labels: { ...HOST, check: "clock", status: "warn", severity: "info" },
            summary: "clock has warned for a day on web1:9100: clock-wrong (whose: this-host)",
            description:
              "On the host, `crowdsec-preflight` says what to do. What it means: crowdsec-preflight explain clock-wrong",
          },
        ],
      },
      { at: "24h", alert: FAILS, alerts: [] },
    ],
  },
  {
    name: "that nobody could judge is told after an hour",
    series: [RUNNING, { series: named("verdict", { verdict: "unknown" }), values: "0x9 1x70 0x10" }],
    fires: [
      { at: "69m", alert: UNJUDGED, alerts: [] },
      {
        at: "70m",
        alert: UNJUDGED,
        alerts: [
          {
            labels: { ...HOST, verdict: "unknown", severity: "warning" },
            summary: "For an hour it could not be judged whether CrowdSec can work on web1:9100",
            description:
              "Nothing is known to fail, but something that applies there was cut off or may not be read. On the host, `crowdsec-preflight -v` says what, and why.",
          },
        ],
      },
      { at: "85m", alert: UNJUDGED, alerts: [] },
    ],
  },
  {
    name: "that it runs no more is told after an hour; that it runs again, at once",
    series: [{ series: named("run_timestamp_seconds", {}), values: "0+60x10 600x79 5400+60x20" }],
    fires: [
      { at: "70m", alert: STALE, alerts: [] },
      { at: "71m", alert: STALE, alerts: [stale("1h 1m 0s")] },
      { at: "91m", alert: STALE, alerts: [] },
      { at: "71m", alert: ABSENT, alerts: [] },
    ],
  },
  {
    name: "a file that is gone is a run that did not happen; that no host has one is told too",
    series: [{ series: named("run_timestamp_seconds", {}), values: "0+60x10 stale" }],
    fires: [
      { at: "70m", alert: ABSENT, alerts: [] },
      { at: "75m", alert: STALE, alerts: [stale("1h 5m 0s")] },
      {
        at: "75m",
        alert: ABSENT,
        alerts: [
          {
            labels: { severity: "warning" },
            summary: "No host has metrics of crowdsec-preflight",
            description:
              "It has not run for an hour, or node_exporter does not read its file (--collector.textfile.directory), or Prometheus does not scrape node_exporter.",
          },
        ],
      },
    ],
  },
  {
    name: "a certificate that ends is told two weeks before, and three days before as urgent: once for each target",
    series: [
      RUNNING,
      certificate("lapi-tls", "agent", 14 * DAY + 6 * HOUR),
      certificate("lapi-latency", "agent", 14 * DAY + 6 * HOUR),
      certificate("lapi-tls", "bouncer", 3 * DAY + 6 * HOUR),
      certificate("outgoing-api", "", 14 * DAY + 3 * HOUR),
      certificate("outgoing-version", "", HOUR),
      certificate("outgoing-hub-data", "", 300 * DAY),
    ],
    fires: [
      { at: "2h", alert: SOON, alerts: [ending("warning", { target: "bouncer" }, "bouncer", "3d 4h 0m 0s")] },
      {
        at: "2h",
        alert: ENDS,
        alerts: [ending("critical", { check: "outgoing-version" }, "outgoing-version", "-1h 0m 0s")],
      },
      {
        at: "4h",
        alert: SOON,
        alerts: [
          ending("warning", { check: "outgoing-api" }, "outgoing-api", "13d 23h 0m 0s"),
          ending("warning", { target: "bouncer" }, "bouncer", "3d 2h 0m 0s"),
        ],
      },
      {
        at: "7h",
        alert: SOON,
        alerts: [
          ending("warning", { check: "outgoing-api" }, "outgoing-api", "13d 20h 0m 0s"),
          ending("warning", { target: "agent" }, "agent", "13d 23h 0m 0s"),
        ],
      },
      {
        at: "7h",
        alert: ENDS,
        alerts: [
          ending("critical", { target: "bouncer" }, "bouncer", "2d 23h 0m 0s"),
          ending("critical", { check: "outgoing-version" }, "outgoing-version", "-6h 0m 0s"),
        ],
      },
    ],
  },
];

test("every alert fires when it should and not before, and ends when it is well again: promtool tries each", async () => {
  folder.write("rules.yml", RULES);
  expect(new Set(SCENES.flatMap(({ fires }) => fires.map(({ alert }) => alert)))).toEqual(
    new Set(rules.map(({ alert }) => alert)),
  );
  const file = folder.write(
    "tests.yml",
    stringify({
      rule_files: ["rules.yml"],
      evaluation_interval: "1m",
      tests: SCENES.map(({ name, series, fires }) => ({
        name,
        interval: "1m",
        input_series: series,
        alert_rule_test: fires.map(({ at, alert, alerts }) => ({
          eval_time: at,
          alertname: alert,
          exp_alerts: alerts.map(({ labels, summary, description }) => ({
            exp_labels: labels,
            exp_annotations: { summary, description },
          })),
        })),
      })),
    }),
  );
  expect(await promtool("test", "rules", file)).toMatch(/^Unit Testing: +\S+\n +SUCCESS\n*$/);
});

interface Answer {
  readonly status: string;
  readonly data: unknown;
}
const API = "http://127.0.0.1:9091/api/v1";

/** The real Prometheus, asked; rejects when it finds something wrong with the question. */
const ask = async (path: string, parameters: Readonly<Record<string, string>> = {}): Promise<Answer["data"]> => {
  const query = new URLSearchParams(parameters).toString();
  const answer: Answer = JSON.parse(await on("prometheus", `curl -s '${API}/${path}?${query.replaceAll("'", "%27")}'`));
  if (answer.status !== "success") throw new Error(`${path} ${query}: ${JSON.stringify(answer)}`);
  return answer.data;
};

interface Series {
  readonly metric: Readonly<Record<string, string>>;
}
const query = async (expr: string): Promise<readonly Series[]> =>
  ((await ask("query", { query: expr })) as { readonly result: readonly Series[] }).result;
const history = async (expr: string): Promise<readonly Series[]> => {
  const now = Date.now() / 1000;
  const range = { start: String(now - 60), end: String(now), step: "1" };
  return ((await ask("query_range", { query: expr, ...range })) as { readonly result: readonly Series[] }).result;
};

interface Alert {
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
const firing = async (): Promise<readonly Alert[]> => {
  const { alerts } = (await ask("alerts")) as { readonly alerts: readonly Alert[] };
  return alerts.filter(({ state }) => state === "firing");
};

/** Asks until the answer is good, at most ten seconds. */
const until = async <T>(look: () => Promise<T>, isGood: (answer: T) => boolean): Promise<T> => {
  const end = Date.now() + 10_000;
  for (;;) {
    const answer = await look();
    if (isGood(answer) || Date.now() > end) return answer;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
};

test("a stopped Local API becomes an alert by way of file, node_exporter and Prometheus, and its return ends it", async () => {
  const textfile = `${folder.path}/textfile`;
  const look = () => preflight("agent", "--report", `prometheus=${textfile}/crowdsec-preflight.prom`);
  await on("agent", `mkdir -p ${textfile}`);
  background(
    "agent",
    `prometheus-node-exporter --collector.disable-defaults --collector.textfile --collector.textfile.directory=${textfile} --web.listen-address=:9100`,
  );
  // The rules as they are, but for how long what fails has to fail.
  folder.write(
    "quick.yml",
    stringify({
      groups: [{ name: "x", rules: rules.map((rule) => ({ ...rule, ...(rule.alert === FAILS && { for: "1s" }) })) }],
    }),
  );
  const config = folder.write(
    "prometheus.yml",
    stringify({
      global: { scrape_interval: "200ms", scrape_timeout: "200ms", evaluation_interval: "200ms" },
      rule_files: ["quick.yml"],
      scrape_configs: [{ job_name: "node", static_configs: [{ targets: ["10.77.0.20:9100"] }] }],
    }),
  );
  background(
    "prometheus",
    `prometheus --config.file=${config} --storage.tsdb.path=${folder.path}/tsdb --web.listen-address=127.0.0.1:9091`,
  );
  await look();
  await lab("wait", "prometheus", "127.0.0.1", "9091");

  const ran = "crowdsec_preflight_run_timestamp_seconds";
  expect(
    await until(
      () => query(ran),
      ({ length }) => length > 0,
    ),
  ).toMatchObject([{ metric: { instance: "10.77.0.20:9100" } }]);
  expect(await query("node_textfile_scrape_error == 0")).toHaveLength(1);
  expect(
    await query('crowdsec_preflight_status{check="lapi-reachable",target="agent",status="pass"} == 1'),
  ).toHaveLength(1);
  expect(await firing()).toEqual([]);

  await lab("stop", "lapi", "crowdsec");
  expect((await look()).exitCode).toBe(2);
  const isAgents = ({ labels }: Alert): boolean => labels["check"] === "lapi-reachable" && labels["target"] === "agent";
  const alert = (await until(firing, (alerts) => alerts.some(isAgents))).find(isAgents);
  expect(alert).toMatchObject({
    labels: { alertname: FAILS, severity: "critical", instance: "10.77.0.20:9100" },
    annotations: {
      summary: "lapi-reachable (agent) fails on 10.77.0.20:9100: tcp-refused (whose: remote-service)",
      description: expect.stringContaining("crowdsec-preflight explain tcp-refused"),
    },
  });

  // While there is trouble, every panel has something to show.
  const { templating, panels } = dashboard;
  for (const { title, targets } of panels)
    for (const { expr, instant } of targets) {
      const seen = await (instant ? query : history)(filledIn(expr));
      expect({ title, series: seen.length }).not.toEqual({ title, series: 0 });
    }
  for (const { name, definition } of templating.list) {
    const metric = /^label_values\((\w+), \w+\)$/.exec(definition ?? "")?.[1];
    if (metric !== undefined) expect(await ask(`label/${name}/values`, { "match[]": metric })).not.toEqual([]);
  }
  for (const { expr } of rules) await query(expr);

  await lab("start", "lapi", "crowdsec");
  await lab("wait", "lapi", "10.77.0.10", "8080");
  await look();
  expect(await until(firing, ({ length }) => length === 0)).toEqual([]);
});
