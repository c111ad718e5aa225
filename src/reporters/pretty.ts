import { checkFamily, type Report } from "../model/report.ts";
import { VERDICTS } from "../model/shown.ts";
import { duration } from "../model/text.ts";
import { createCauses } from "./pretty-causes.ts";
import { createFindings } from "./pretty-findings.ts";
import { createPage, type Style } from "./pretty-page.ts";

export type { Style } from "./pretty-page.ts";

/** Headings of the report, by the first word of the check's id. */
const GROUPS: readonly (readonly [string, readonly string[]])[] = [
  [
    "This host",
    [
      "service",
      "package",
      "install",
      "memory",
      "disk",
      "writable",
      "config",
      "credentials",
      "agent",
      "capi",
      "clock",
      "proxy",
      "resolver",
      "hosts",
      "trust",
      "port",
    ],
  ],
  ["Database", ["database"]],
  ["Local API", ["lapi", "peer", "bouncer", "machine"]],
  ["Metrics", ["metrics", "pprof"]],
  ["Outgoing", ["outgoing", "tls"]],
];

const VERDICT_COLORS = {
  ready: "green",
  "ready-with-warnings": "yellow",
  "not-ready": "red",
  unknown: "magenta",
} as const;

/** For which version of CrowdSec it was judged. */
const versionOf = ({
  engineVersion,
  candidateVersion,
}: Pick<Report["run"], "engineVersion" | "candidateVersion">): string => {
  if (engineVersion !== undefined) return `CrowdSec ${engineVersion}`;
  if (candidateVersion !== undefined) return `for CrowdSec ${candidateVersion}, which an install would bring`;
  return "CrowdSec's version unknown, judged as the newest";
};

/** How many came out how, and in what time. */
export const outcome = ({ run, summary }: Report): string => {
  const counts = (["pass", "warn", "fail", "unknown", "skip"] as const)
    .filter((status) => summary.counts[status] > 0)
    .map((status) => `${summary.counts[status]} ${status}`);
  const interrupted = run.interrupted ? ", interrupted" : "";
  return `${counts.join(", ") || "nothing checked"} in ${duration(run.durationMs)}${interrupted}`;
};

/** As what this host was looked at. */
export const lookedAtAs = ({ roles, phase, ...run }: Report["run"]): string =>
  `roles ${roles.join(", ") || "none"}, phase ${phase}, ${versionOf(run)}`;

/** Of a report that was judged from a bundle: who saw what it is about, and when. */
export const seenBefore = ({ from, host, startedAt }: Report["run"]): string | undefined => {
  if (from === undefined) return undefined;
  const on = host === undefined ? "" : ` on ${host}`;
  return `Judged from ${from.bundle}: seen${on} at ${startedAt} by version ${from.toolVersion}; nothing was asked anew.`;
};

/**
 * A report for people: what is wrong first, each cause with all that it explains; then, group by group, what no cause
 * explains; the verdict last.
 */
export const pretty = (report: Report, style: Style): string => {
  const page = createPage(style);
  const { detail, paint, paragraph } = page;
  const { run, summary, causes, findings } = report;
  const told = createFindings(page);
  const causeLines = createCauses(page, told, findings);
  const lines: string[] = [];
  const gap = (): void => {
    if (lines.length > 0) lines.push("");
  };
  const heading = (text: string): void => {
    gap();
    lines.push(paint("bold", text));
  };

  // Nobody should take it for a report of the host on which it is read.
  const before = seenBefore(run);
  if (before !== undefined) lines.push(...paragraph(0, "", before));
  if (causes.length > 0) {
    heading(causes.length === 1 ? "What is wrong" : `What is wrong: ${causes.length} causes`);
    for (const [index, cause] of causes.entries()) {
      if (index > 0) gap();
      lines.push(...causeLines(cause));
    }
  }

  const explained = new Set(causes.flatMap(({ explains }) => explains));
  const others = findings.filter(({ instance }) => !explained.has(instance));
  const grouped = new Set(GROUPS.flatMap(([, families]) => families));
  const unknown = [...new Set(others.map(({ id }) => checkFamily(id)))].filter((family) => !grouped.has(family));
  for (const [name, families] of [...GROUPS, ["Others", unknown] as const]) {
    const own = others.filter(({ id }) => families.includes(checkFamily(id)));
    const judged = own.filter(
      ({ status }) =>
        status === "fail" ||
        status === "warn" ||
        (status === "pass" && detail !== "quiet") ||
        (status === "unknown" && detail === "verbose"),
    );
    const body = [
      ...told.rows(judged),
      ...(detail === "verbose" ? [] : told.reasonLines("unknown", own)),
      ...(detail === "quiet" ? [] : told.reasonLines("skip", own)),
    ];
    if (body.length === 0) continue;
    heading(name);
    lines.push(...body);
  }

  if (detail !== "quiet") {
    gap();
    lines.push(...paragraph(0, "", `Looked at as: ${lookedAtAs(run)}.`).map((line) => paint("gray", line)));
  }
  lines.push(`${outcome(report)}: ${paint(["bold", VERDICT_COLORS[summary.verdict]], VERDICTS[summary.verdict])}`);
  const text = `${lines.join("\n")}\n`;
  // What came from outside may hold any letter.
  return style.ascii ? text.replace(/\P{ASCII}/gu, "?") : text;
};
