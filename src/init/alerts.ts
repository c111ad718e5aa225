import { stringify } from "yaml";

/** An alert rule as Prometheus reads it. */
interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: "critical" | "warning" | "info" };
  readonly annotations: { readonly summary: string; readonly description: string };
}

/** The finding's check, and its target where it has one. */
const CHECK = "{{ $labels.check }}{{ with $labels.target }} ({{ . }}){{ end }}";
const HOST = "{{ $labels.instance }}";

/**
 * The faults of the alert's finding, asked for where they are told: as a label, a fault that changes would begin the
 * alert's `for` anew each time, and what fails all day, each time with another code, would never be told.
 */
const faults = (each: string): string =>
  [
    '{{ range $at, $fault := printf "crowdsec_preflight_fault{job=%q,instance=%q,check=%q,target=%q}"',
    " $labels.job $labels.instance $labels.check $labels.target | query }}",
    `{{ if $at }}; {{ end }}${each}{{ end }}`,
  ].join("");
const FAULTS = faults("{{ .Labels.code }} (whose: {{ .Labels.party }})");
const EXPLAIN = faults("crowdsec-preflight explain {{ .Labels.code }}");

/** What is to be done on the host: a sentence. */
const LOOK = "On the host, `crowdsec-preflight` says what to do.";

const DAY = 24 * 60 * 60;

/**
 * Seconds until a certificate ends. Several checks see the certificate of one target (the Local API's, say), and it is
 * told once; a check without targets has a host of its own.
 */
const CERTIFICATE_LEFT = [
  'min without (check) (crowdsec_preflight_certificate_not_after_timestamp_seconds{target!=""})',
  'or crowdsec_preflight_certificate_not_after_timestamp_seconds{target=""}',
].join(" ");
const certificateLeft = (days: number): string => `(${CERTIFICATE_LEFT}) - time() < ${days} * ${DAY}`;

const CERTIFICATE = {
  summary: `The certificate of {{ or $labels.target $labels.check }}, seen from ${HOST}, ends in {{ humanizeDuration $value }}`,
  description:
    "Whoever runs that service has to renew it; from then on CrowdSec refuses it. A negative time is how long ago it ended.",
} as const;

const RULES: readonly Rule[] = [
  {
    alert: "CrowdsecPreflightFails",
    expr: 'crowdsec_preflight_status{status="fail"} == 1',
    // With a run every five minutes, three of them: one lost packet wakes nobody.
    for: "10m",
    labels: { severity: "critical" },
    annotations: {
      summary: `${CHECK} fails on ${HOST}: ${FAULTS}`,
      description: `${LOOK} What it means: ${EXPLAIN}`,
    },
  },
  {
    alert: "CrowdsecPreflightWarns",
    expr: 'crowdsec_preflight_status{status="warn"} == 1',
    for: "1d",
    labels: { severity: "info" },
    annotations: {
      summary: `${CHECK} has warned for a day on ${HOST}: ${FAULTS}`,
      description: `${LOOK} What it means: ${EXPLAIN}`,
    },
  },
  {
    alert: "CrowdsecPreflightUnjudged",
    expr: 'crowdsec_preflight_verdict{verdict="unknown"} == 1',
    for: "1h",
    labels: { severity: "warning" },
    annotations: {
      summary: `For an hour it could not be judged whether CrowdSec can work on ${HOST}`,
      description:
        "Nothing is known to fail, but something that applies there was cut off or may not be read. On the host, `crowdsec-preflight -v` says what, and why.",
    },
  },
  {
    alert: "CrowdsecPreflightStale",
    // Also where a file that was there within the last day is gone.
    expr: "time() - last_over_time(crowdsec_preflight_run_timestamp_seconds[1d]) > 60 * 60",
    labels: { severity: "warning" },
    annotations: {
      summary: `crowdsec-preflight has not run on ${HOST} for {{ humanizeDuration $value }}`,
      description:
        "What its other metrics say is as old. Look whether cron runs, what it mails, and whether node_exporter reads the file (node_textfile_scrape_error).",
    },
  },
  {
    alert: "CrowdsecPreflightAbsent",
    expr: "absent(crowdsec_preflight_run_timestamp_seconds)",
    for: "1h",
    labels: { severity: "warning" },
    annotations: {
      summary: "No host has metrics of crowdsec-preflight",
      description:
        "It has not run for an hour, or node_exporter does not read its file (--collector.textfile.directory), or Prometheus does not scrape node_exporter.",
    },
  },
  {
    alert: "CrowdsecPreflightCertificateEndsSoon",
    expr: `${certificateLeft(14)} >= 3 * ${DAY}`,
    for: "10m",
    labels: { severity: "warning" },
    annotations: CERTIFICATE,
  },
  {
    alert: "CrowdsecPreflightCertificateEnds",
    expr: certificateLeft(3),
    for: "10m",
    labels: { severity: "critical" },
    annotations: CERTIFICATE,
  },
];

/** Alert rules, as a file for Prometheus. */
export const alertRules = (version: string): string =>
  [
    `# Alerts on what crowdsec-preflight ${version} writes for node_exporter's textfile collector.`,
    stringify(
      { groups: [{ name: "crowdsec-preflight", rules: RULES }] },
      { lineWidth: 0, aliasDuplicateObjects: false },
    ),
  ].join("\n");
