import { describe, expect, test } from "@jest/globals";
import { dashboard } from "../../src/init/dashboard.ts";
import { STATUSES } from "../../src/model/report.ts";
import { VERDICTS } from "../../src/model/shown.ts";
import { prometheus } from "../../src/reporters/prometheus.ts";
import { readMetrics } from "../support/metrics.ts";
import { REPORTS } from "../support/reports.ts";
import { reported } from "../support/run.ts";

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource: unknown;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string; readonly datasource: unknown }[];
  readonly fieldConfig: { readonly defaults: { readonly mappings?: readonly { readonly options: object }[] } };
  readonly transformations?: readonly { readonly id: string; readonly options: { readonly renameByName?: object } }[];
}
const text = dashboard("1.2.3");
const { templating, panels }: { readonly templating: { readonly list: readonly object[] }; panels: readonly Panel[] } =
  JSON.parse(text);
const panelOf = (title: string): Panel | undefined => panels.find((panel) => panel.title === title);
const families = readMetrics(prometheus(REPORTS["clients"] ?? reported([])));

test("shows the verdict, what fails, since when, how slow, which certificates end, and how old that is", () => {
  expect(panels.map(({ title }) => title)).toEqual([
    "Verdict",
    "Age of the last run",
    "What fails or warns",
    "Causes",
    "Status history",
    "Latency by layer",
    "Days to certificate expiry",
  ]);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
});

test("works with any datasource of Prometheus: the reader chooses it, and the hosts, and the checks", () => {
  expect(templating.list).toMatchObject([{ name: "datasource" }, { name: "instance" }, { name: "check" }]);
  const chosen = { type: "prometheus", uid: "$datasource" };
  for (const panel of panels)
    for (const { datasource } of [panel, ...panel.targets]) expect(datasource).toEqual(chosen);
  expect(templating.list.slice(1)).toMatchObject([{ datasource: chosen }, { datasource: chosen }]);
  for (const { expr } of panels.flatMap(({ targets }) => targets)) expect(expr).toContain('instance=~"$instance"');
});

test("asks for metrics that every report has", () => {
  for (const name of text.match(/crowdsec_preflight_\w+/g) ?? []) expect([...families.keys()]).toContain(name);
});

describe("a table", () => {
  test.each(["What fails or warns", "Causes"])("has columns that are labels: %s", (title) => {
    const columns = panelOf(title)?.transformations?.flatMap(({ options }) => Object.keys(options.renameByName ?? {}));
    const labels = [...families.values()].flatMap(({ samples }) => samples.flatMap((each) => Object.keys(each.labels)));
    expect(columns).not.toEqual([]);
    for (const column of columns ?? []) expect(["instance", ...labels]).toContain(column);
  });
});

/** What a panel shows where a one hot series is 1 at this value. */
const shown = (title: string, label: string, value: string): unknown => {
  const panel = panelOf(title);
  const factor = new RegExp(`${label}="${value}"\\} \\* (\\d)`).exec(panel?.targets[0]?.expr ?? "")?.[1] ?? "0";
  const options = panel?.fieldConfig.defaults.mappings?.[0]?.options ?? {};
  return Object.entries(options).find(([number]) => number === factor)?.[1].text;
};

test("every verdict has its word", () => {
  const words = Object.keys(VERDICTS).map((verdict) => [verdict, shown("Verdict", "verdict", verdict)]);
  expect(Object.fromEntries(words)).toEqual({
    ready: "ready",
    "ready-with-warnings": "ready, with warnings",
    "not-ready": "not ready",
    unknown: "unknown",
  });
});

test("every status has its word", () => {
  const words = STATUSES.map((status) => [status, shown("Status history", "status", status)]);
  expect(Object.fromEntries(words)).toEqual({
    pass: "fine or skipped",
    warn: "warns",
    fail: "fails",
    skip: "fine or skipped",
    unknown: "unknown",
  });
});

test("no panel lies upon another, or beyond the edge", () => {
  for (const { gridPos: one, title } of panels) {
    expect(one.x + one.w).toBeLessThanOrEqual(24);
    const over = panels.filter(
      ({ gridPos: other }) =>
        other.x < one.x + one.w && one.x < other.x + other.w && other.y < one.y + one.h && one.y < other.y + other.h,
    );
    expect(over.map((panel) => panel.title)).toEqual([title]);
  }
});
