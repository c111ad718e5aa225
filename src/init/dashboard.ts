/** Of the hosts that the reader chose. */
const HERE = 'instance=~"$instance"';
const AND_CHECK = `${HERE}, check=~"$check"`;

/** The datasource that the reader chose. */
const DATASOURCE = { type: "prometheus", uid: "$datasource" } as const;

/** Where a panel stands: Grafana's grid has 24 columns, and rows of some 30 pixels. */
interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** One hot series as one number, so that Grafana can colour it: what is not named is 0. */
const level = (name: string, label: string, levels: Readonly<Record<string, number>>, matchers: string): string =>
  `sum without (${label}) (${Object.entries(levels)
    .map(([value, number]) => `${name}{${matchers}, ${label}="${value}"} * ${number}`)
    .join(" or ")})`;

const VERDICT = level(
  "crowdsec_preflight_verdict",
  "verdict",
  { ready: 0, "ready-with-warnings": 1, unknown: 2, "not-ready": 3 },
  HERE,
);
const STATUS = level("crowdsec_preflight_status", "status", { unknown: 1, warn: 2, fail: 3 }, AND_CHECK);

/** Of each check that was not fine at some time on the screen; the others would fill it. */
const TROUBLED = [
  `${STATUS} and (max without (status)`,
  `(max_over_time(crowdsec_preflight_status{${AND_CHECK}, status=~"fail|warn|unknown"}[$__range] @ end())) > 0)`,
].join(" ");

/** Whatever fails or warns has a fault, and only one status is 1. */
const FAULTS = [
  `crowdsec_preflight_fault{${AND_CHECK}}`,
  "* ignoring (code, party, status) group_left (status)",
  `(crowdsec_preflight_status{${AND_CHECK}, status=~"fail|warn"} == 1)`,
].join(" ");

/** Numbers as words, each with its colour. */
const words = (list: readonly (readonly [text: string, color: string])[]) => [
  {
    type: "value",
    options: Object.fromEntries(list.map(([text, color], index) => [String(index), { index, text, color }])),
  },
];

/** The first colour below all others; each of the others from its value on. */
const thresholds = (lowest: string, ...steps: readonly (readonly [from: number, color: string])[]) => ({
  mode: "absolute",
  steps: [{ color: lowest, value: null }, ...steps.map(([value, color]) => ({ color, value }))],
});

interface Query {
  readonly expr: string;
  /** How a series is called. */
  readonly legend?: string;
  /** Its last value only, as one row each or, for a table, with a column for each label. */
  readonly last?: "row" | "table";
}

const target = ({ expr, legend = "", last }: Query) => ({
  refId: "A",
  datasource: DATASOURCE,
  expr,
  legendFormat: legend,
  instant: last !== undefined,
  range: last === undefined,
  format: last === "table" ? "table" : "time_series",
});

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly at: Place;
  readonly query: Query;
  /** Of its values: unit, colours, words. */
  readonly field?: object;
  readonly options?: object;
  readonly transformations?: readonly object[];
}

/** A table's columns: none but these, in this order and under these names. */
const columns = (names: Readonly<Record<string, string>>) => {
  const indexByName = Object.fromEntries(Object.keys(names).map((name, index) => [name, index]));
  return [
    { id: "filterFieldsByName", options: { include: { names: Object.keys(names) } } },
    { id: "organize", options: { indexByName, renameByName: names } },
  ];
};

const TARGET = "{{instance}} {{check}} {{target}}";

const PANELS: readonly Panel[] = [
  {
    type: "stat",
    title: "Verdict",
    description: "Whether CrowdSec can work on each host.",
    at: { x: 0, y: 0, w: 16, h: 5 },
    query: { expr: VERDICT, legend: "{{instance}}" },
    field: {
      mappings: words([
        ["ready", "green"],
        ["ready, with warnings", "yellow"],
        ["unknown", "purple"],
        ["not ready", "red"],
      ]),
    },
    options: { colorMode: "background", graphMode: "none", textMode: "value_and_name" },
  },
  {
    type: "stat",
    title: "Age of the last run",
    description: "What is older than an hour says nothing of now.",
    at: { x: 16, y: 0, w: 8, h: 5 },
    query: { expr: `time() - crowdsec_preflight_run_timestamp_seconds{${HERE}}`, legend: "{{instance}}" },
    field: { unit: "s", decimals: 0, thresholds: thresholds("green", [900, "yellow"], [3600, "red"]) },
    options: { colorMode: "value", graphMode: "none", textMode: "value_and_name" },
  },
  {
    type: "table",
    title: "What fails or warns",
    description: "crowdsec-preflight explain CODE says what it means; crowdsec-preflight on the host, what to do.",
    at: { x: 0, y: 5, w: 16, h: 8 },
    query: { expr: FAULTS, last: "table" },
    transformations: columns({
      status: "Status",
      instance: "Host",
      check: "Check",
      target: "Target",
      code: "Code",
      party: "Whose",
    }),
  },
  {
    type: "table",
    title: "Causes",
    description: "What it comes from: crowdsec-preflight explain CAUSE.",
    at: { x: 16, y: 5, w: 8, h: 8 },
    query: { expr: `crowdsec_preflight_cause{${HERE}}`, last: "table" },
    transformations: columns({ instance: "Host", cause: "Cause" }),
  },
  {
    type: "state-timeline",
    title: "Status history",
    description: "Of what was not fine at some time that is shown here.",
    at: { x: 0, y: 13, w: 24, h: 9 },
    query: { expr: TROUBLED, legend: TARGET },
    field: {
      mappings: words([
        ["fine or skipped", "green"],
        ["unknown", "purple"],
        ["warns", "yellow"],
        ["fails", "red"],
      ]),
    },
    options: { mergeValues: true, showValue: "never", legend: { displayMode: "list", placement: "bottom" } },
  },
  {
    type: "timeseries",
    title: "Latency by layer",
    description: "Of the targets of a check the slowest, among all hosts chosen above.",
    at: { x: 0, y: 22, w: 14, h: 10 },
    query: {
      expr: `max by (check, layer) (crowdsec_preflight_layer_duration_seconds{${AND_CHECK}})`,
      legend: "{{check}} {{layer}}",
    },
    field: { unit: "s" },
    options: { legend: { displayMode: "table", placement: "right", calcs: ["lastNotNull", "max"] } },
  },
  {
    type: "bargauge",
    title: "Days to certificate expiry",
    description: "Those that end first, on top.",
    at: { x: 14, y: 22, w: 10, h: 10 },
    query: {
      expr: `sort((crowdsec_preflight_certificate_not_after_timestamp_seconds{${AND_CHECK}} - time()) / 86400)`,
      legend: TARGET,
      last: "row",
    },
    field: {
      unit: "d",
      decimals: 0,
      min: 0,
      max: 90,
      thresholds: thresholds("red", [3, "orange"], [14, "yellow"], [30, "green"]),
    },
    options: { orientation: "horizontal", displayMode: "basic" },
  },
];

/** One to choose from all the values of a label. */
const variable = (name: string, label: string, metric: string) => ({
  name,
  label,
  type: "query",
  datasource: DATASOURCE,
  query: { query: `label_values(${metric}, ${name})`, refId: name },
  definition: `label_values(${metric}, ${name})`,
  refresh: 2,
  sort: 1,
  multi: true,
  includeAll: true,
  allValue: ".*",
  current: { selected: true, text: ["All"], value: ["$__all"] },
});

/** A dashboard for Grafana 10 and later, with the datasource to choose. */
export const dashboard = (version: string): string =>
  `${JSON.stringify(
    {
      uid: "crowdsec-preflight",
      title: "CrowdSec preflight",
      description: `What crowdsec-preflight ${version} wrote for node_exporter's textfile collector.`,
      tags: ["crowdsec"],
      schemaVersion: 39,
      editable: true,
      graphTooltip: 1,
      refresh: "1m",
      time: { from: "now-24h", to: "now" },
      templating: {
        list: [
          { name: "datasource", label: "Data source", type: "datasource", query: "prometheus", refresh: 1 },
          variable("instance", "Host", "crowdsec_preflight_run_timestamp_seconds"),
          variable("check", "Check", "crowdsec_preflight_status"),
        ],
      },
      panels: PANELS.map(
        ({ type, title, description, at, query, field = {}, options = {}, transformations }, index) => ({
          id: index + 1,
          type,
          title,
          description,
          datasource: DATASOURCE,
          gridPos: at,
          targets: [target(query)],
          fieldConfig: { defaults: field, overrides: [] },
          options,
          ...(transformations && { transformations }),
        }),
      ),
    },
    null,
    2,
  )}\n`;
