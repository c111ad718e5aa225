import { expect, test } from "@jest/globals";
import { parse } from "yaml";
import { alertRules } from "../../src/init/alerts.ts";
import { prometheus } from "../../src/reporters/prometheus.ts";
import { readMetrics } from "../support/metrics.ts";
import { REPORTS } from "../support/reports.ts";
import { reported } from "../support/run.ts";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}
const text = alertRules("1.2.3");
const rules: readonly Rule[] = parse(text).groups[0].rules;

test("the file says by which version it was made, and is plain YAML that people can edit", () => {
  expect(text).toMatch(/^# .* crowdsec-preflight 1\.2\.3 /);
  expect(text).not.toMatch(/[&*]a\d/);
  expect(text).toMatch(/[^\n]\n$/);
});

test("rules are about metrics that every report has", () => {
  const known = new Set(readMetrics(prometheus(REPORTS["healthy"] ?? reported([]))).keys());
  for (const rule of rules) {
    const names = JSON.stringify(rule).match(/crowdsec_preflight_\w+/g) ?? [];
    expect({ alert: rule.alert, unknown: names.filter((name) => !known.has(name)) }).toEqual({
      alert: rule.alert,
      unknown: [],
    });
  }
});

test("each alert has a name of its own, a severity that receivers know, and says what and what to do", () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { alert, labels, annotations } of rules) {
    expect(alert).toMatch(/^CrowdsecPreflight[A-Z]/);
    expect(["critical", "warning", "info"]).toContain(labels.severity);
    expect(annotations.summary).not.toMatch(/\.$/);
    expect(annotations.description).toMatch(/\.$|\{\{ end \}\}$/);
  }
});

test("what fails or warns is told with where its code is explained", () => {
  const told = rules.filter(({ annotations }) => annotations.description.includes("crowdsec-preflight explain"));
  expect(told.map(({ alert }) => alert)).toEqual(["CrowdsecPreflightFails", "CrowdsecPreflightWarns"]);
});

test("a fault that changes does not put an alert off: its code is no label of the alert", () => {
  for (const { expr, labels } of rules) {
    expect(expr).not.toContain("crowdsec_preflight_fault");
    expect(Object.keys(labels)).toEqual(["severity"]);
  }
});
