import { type Finding, type Report, STATUSES, type Status } from "../model/report.ts";
import { VERDICTS } from "../model/shown.ts";

/**
 * Of a check with more targets than this there are no series for each, but one for all: Prometheus keeps every label
 * value that it ever saw in its index.
 */
const MANY = 50;

/** Every name begins with it. */
const PREFIX = "crowdsec_preflight_";

type Labels = Readonly<Record<string, string>>;
interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** What the series of one name say; of a report that has none of them, the name still stands there with its HELP. */
interface Family {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

/**
 * Findings that share the labels `check` and `target`, never empty: one, or all of a check with many targets. A series
 * that stands in a file twice costs the whole file.
 */
interface Group {
  readonly check: string;
  readonly target: string;
  readonly findings: readonly Finding[];
}

/** The worst first, as the verdict has it; what was skipped says nothing. */
const WORST_FIRST: readonly Status[] = ["fail", "unknown", "warn", "pass", "skip"];

const milliseconds = (ms: number): number => Math.round(ms * 1000) / 1_000_000;

/** What stands behind an `@`, of an instance or a cause, left away. */
const nameOf = (id: string): string => id.split("@")[0] ?? id;

const targetOf = ({ id, instance }: Finding): string => instance.slice(id.length + 1);

const groupBy = <T>(list: readonly T[], keyOf: (one: T) => string): readonly (readonly [string, readonly T[]])[] => {
  const groups = new Map<string, T[]>();
  for (const one of list) {
    const group = groups.get(keyOf(one));
    if (group === undefined) groups.set(keyOf(one), [one]);
    else group.push(one);
  }
  return [...groups];
};

const groupsOf = (all: readonly Finding[]): readonly Group[] =>
  groupBy(all, ({ id }) => id).flatMap(([check, findings]) =>
    findings.length > MANY
      ? [{ check, target: "", findings }]
      : groupBy(findings, targetOf).map(([target, own]) => ({ check, target, findings: own })),
  );

const statusOf = ({ findings }: Group): Status =>
  WORST_FIRST.find((status) => findings.some((finding) => finding.status === status)) ?? "unknown";

const named = ({ check, target }: Group): Labels => ({ check, target });

/** One series for each of a closed list, of which one is 1: so a series does not end when the value changes. */
const oneHot = (label: string, list: readonly string[], is: string, labels: Labels = {}): readonly Sample[] =>
  list.map((value) => ({ labels: { ...labels, [label]: value }, value: value === is ? 1 : 0 }));

/** A layer that was gone through twice counts with its slower time. */
const layersOf = (group: Group): readonly Sample[] =>
  groupBy(
    group.findings.flatMap(({ layers }) => layers),
    ({ phase }) => phase,
  ).map(([layer, times]) => ({
    labels: { ...named(group), layer },
    value: milliseconds(times.reduce((slowest, { durationMs }) => Math.max(slowest, durationMs), 0)),
  }));

const certificateOf = (group: Group): readonly Sample[] => {
  const ends = group.findings
    .map(({ certificate }) => Date.parse(certificate?.validTo ?? "") / 1000)
    .filter((end) => !Number.isNaN(end));
  if (ends.length === 0) return [];
  return [{ labels: named(group), value: ends.reduce((first, end) => Math.min(first, end)) }];
};

/** Whatever fails or warns has one, so that nothing is lost where both are joined. */
const faultsOf = (group: Group): readonly Sample[] => {
  const status = statusOf(group);
  const told = group.findings.filter(
    (finding) => finding.status === status && (finding.fault !== undefined || status === "fail" || status === "warn"),
  );
  const faults = told.map(({ fault, blame }) => ({
    ...named(group),
    code: fault?.code ?? "",
    party: blame?.party ?? "",
  }));
  return groupBy(faults, (labels) => JSON.stringify(labels)).flatMap(([, [labels = {}]]) => [{ labels, value: 1 }]);
};

const WHOLE_CHECK = `Of a check with more than ${MANY} targets none is told by itself; with an empty target stands`;

const familiesOf = ({ tool, run, summary, causes, findings }: Report): readonly Family[] => {
  const groups = groupsOf(findings);
  const one = (value: number): readonly Sample[] => [{ labels: {}, value }];
  return [
    {
      name: "status",
      help: `How a check came out: 1 at its status, 0 at the others. ${WHOLE_CHECK} the worst.`,
      samples: groups.flatMap((group) => oneHot("status", STATUSES, statusOf(group), named(group))),
    },
    {
      name: "fault",
      help: `1 for what is wrong, by code ("crowdsec-preflight explain CODE"), and whose it is. ${WHOLE_CHECK} each fault of its worst status.`,
      samples: groups.flatMap(faultsOf),
    },
    {
      name: "layer_duration_seconds",
      help: `How long each layer of a check took. ${WHOLE_CHECK} the slowest.`,
      samples: groups.flatMap(layersOf),
    },
    {
      name: "certificate_not_after_timestamp_seconds",
      help: `When the certificate ends that was shown, trusted or not, in seconds since 1970. ${WHOLE_CHECK} the first to end.`,
      samples: groups.flatMap(certificateOf),
    },
    {
      name: "cause",
      help: '1 for each cause of what is wrong, by name ("crowdsec-preflight explain CAUSE").',
      samples: groupBy(causes, ({ id }) => nameOf(id)).map(([cause]) => ({ labels: { cause }, value: 1 })),
    },
    {
      name: "findings",
      help: "How many findings came out how, each target counted.",
      samples: STATUSES.map((status) => ({ labels: { status }, value: summary.counts[status] })),
    },
    {
      name: "verdict",
      help: "Whether this host is ready for CrowdSec: 1 at the verdict, 0 at the others.",
      samples: oneHot("verdict", Object.keys(VERDICTS), summary.verdict),
    },
    {
      name: "exit_code",
      help: "0 nothing failed, 1 something warns and was to count, 2 something failed, 3 nothing could be judged, 130 and 143 interrupted.",
      samples: one(summary.exitCode),
    },
    {
      name: "run_timestamp_seconds",
      help: "When the run ended, in seconds since 1970.",
      samples: one((Date.parse(run.startedAt) + Math.round(run.durationMs)) / 1000),
    },
    { name: "run_duration_seconds", help: "How long the run took.", samples: one(milliseconds(run.durationMs)) },
    {
      name: "build_info",
      help: "1, with the version of crowdsec-preflight and what it runs on.",
      samples: [{ labels: { version: tool.version, runtime: tool.runtime }, value: 1 }],
    },
    {
      name: "engine_info",
      help: "1, with the version of CrowdSec on this host, where that is known.",
      samples: run.engineVersion === undefined ? [] : [{ labels: { version: run.engineVersion }, value: 1 }],
    },
  ];
};

const inHelp = (text: string): string => text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n");
const inLabel = (text: string): string => inHelp(text).replace(/"/g, '\\"');

const lineOf = (name: string, { labels, value }: Sample): string => {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${inLabel(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
};

/**
 * The report as metrics, for node_exporter's textfile collector: always all names, in this order, and no time stamps,
 * since that refuses them. Labels have no free text: ids, codes, layers, parties, versions, and what was asked.
 */
export const prometheus = (report: Report): string =>
  familiesOf(report)
    .flatMap(({ name: short, help, samples }) => {
      const name = `${PREFIX}${short}`;
      return [`# HELP ${name} ${inHelp(help)}`, `# TYPE ${name} gauge`, ...samples.map((each) => lineOf(name, each))];
    })
    .map((line) => `${line}\n`)
    .join("");
