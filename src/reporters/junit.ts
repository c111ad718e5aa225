import { type Cause, checkFamily, type Finding, type Report } from "../model/report.ts";
import { VERDICTS, whoseIs } from "../model/shown.ts";
import { isMended } from "./pretty-causes.ts";
import { alike, createFindings, totalMs } from "./pretty-findings.ts";
import { createPage } from "./pretty-page.ts";

/** Exit codes that are a judgement; behind any other, what is unknown is an error. */
const JUDGED: readonly number[] = [0, 1, 2];

/** What is said of a finding is set for people; a log has room. */
const STYLE = { color: false, ascii: false, width: 100, detail: "verbose" } as const;

/** Whatever XML 1.0 has no way to say: control characters, halves of surrogate pairs, U+FFFE and U+FFFF. */
const ILLEGAL = /[^\t\n\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

const escaped = (text: string): string =>
  text
    .replace(ILLEGAL, "\u{FFFD}")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

type Attributes = Readonly<Record<string, string | number>>;

/** Tags with their content as lines; without content, one tag. */
const element = (name: string, attributes: Attributes, content: readonly string[] = []): readonly string[] => {
  const shown = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escaped(String(value)).replaceAll("\n", "&#10;").replaceAll("\t", "&#9;")}"`)
    .join("");
  if (content.length === 0) return [`<${name}${shown}/>`];
  return [`<${name}${shown}>`, ...content.map((line) => `  ${line}`), `</${name}>`];
};

/** An element that holds text: nothing may be put around that, since it would be part of it. */
const textElement = (name: string, attributes: Attributes, text: string): readonly string[] => {
  const [open = ""] = element(name, attributes, [""]);
  return [`${open}${escaped(text)}</${name}>`];
};

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

/** How a consumer counts a case. */
type Outcome = "passed" | "failure" | "error" | "skipped";

interface Case {
  readonly outcome: Outcome;
  readonly ms: number;
  readonly lines: readonly string[];
}

/** All that is known of what is wrong: in a log there is nothing else to look at. */
const bodyOf = (finding: Finding, cause: Cause | undefined): string => {
  const page = createPage(STYLE);
  const { details, whoseAndFix } = createFindings(page);
  const { summary, blame } = finding;
  const evidence = (blame?.evidence ?? []).filter((sentence) => sentence !== summary);
  const isOwn = cause !== undefined && isMended(finding, cause);
  return [
    ...page.paragraph(0, "", summary),
    ...details(0, finding),
    ...evidence.flatMap((sentence) => page.paragraph(0, "Because:", sentence)),
    // Its remedies are then the first of the cause's.
    ...whoseAndFix(0, isOwn ? { ...finding, remedy: [] } : finding),
    ...(cause === undefined || cause.summary === summary
      ? []
      : ["", ...page.paragraph(0, "Cause:", cause.summary), ...page.paragraph(0, "Whose:", whoseIs(cause.blame))]),
    ...(cause === undefined ? [] : page.remedies(0, "First:", cause.remedy)),
  ].join("\n");
};

const caseOf = (finding: Finding, cause: Cause | undefined, report: Report): Case => {
  const { id, instance, status, summary, fault, reason = summary } = finding;
  const { tool, run, summary: result } = report;
  const ms = totalMs(finding);
  const made = (outcome: Outcome, content: readonly string[]): Case => ({
    outcome,
    ms,
    lines: element("testcase", { classname: `${tool.name}.${id}`, name: instance, time: seconds(ms) }, content),
  });
  const type = fault?.code ?? status;
  switch (status) {
    case "pass":
      return made("passed", []);
    case "warn":
      if (run.failOn !== "warn") return made("passed", textElement("system-out", {}, bodyOf(finding, cause)));
      return made("failure", textElement("failure", { type, message: summary }, bodyOf(finding, cause)));
    case "fail":
      return made("failure", textElement("failure", { type, message: summary }, bodyOf(finding, cause)));
    case "skip":
      return made("skipped", element("skipped", { message: reason }));
    case "unknown":
      return JUDGED.includes(result.exitCode)
        ? made("skipped", element("skipped", { message: `unknown: ${reason}` }))
        : made("error", textElement("error", { type, message: reason }, bodyOf(finding, cause)));
  }
};

/** What the exit code says, where no finding says it: an interrupted run, or one in which nothing was to be judged. */
const caseOfRun = ({ tool, run, summary }: Report): Case => {
  const message = run.interrupted ? "the run was interrupted" : "nothing could be judged";
  const type = run.interrupted ? "interrupted" : "nothing-judged";
  const text = `${message}: ${VERDICTS[summary.verdict]}, exit code ${summary.exitCode}`;
  return {
    outcome: "error",
    ms: run.durationMs,
    lines: element(
      "testcase",
      { classname: `${tool.name}.run`, name: "run", time: seconds(run.durationMs) },
      textElement("error", { type, message }, text),
    ),
  };
};

const counts = (cases: readonly Case[]): Attributes => {
  const of = (outcome: Outcome): number => cases.filter((one) => one.outcome === outcome).length;
  return { tests: cases.length, failures: of("failure"), errors: of("error") };
};

const propertiesOf = ({ tool, run, summary }: Report): readonly string[] =>
  element(
    "properties",
    {},
    Object.entries({
      toolVersion: tool.version,
      runtime: tool.runtime,
      runId: run.id,
      startedAt: run.startedAt,
      phase: run.phase,
      roles: run.roles.join(" ") || "none",
      engineVersion: run.engineVersion,
      candidateVersion: run.candidateVersion,
      failOn: run.failOn,
      bundle: run.from?.bundle,
      verdict: summary.verdict,
      exitCode: summary.exitCode,
    }).flatMap(([name, value]) => (value === undefined ? [] : element("property", { name, value }))),
  );

/**
 * XML as Jenkins, GitLab and their like read it. A suite is a family of checks: one for each check would be a hundred with one
 * case each, and one for all no help where they are listed. Failures and errors stand in it exactly when the exit code is not 0.
 */
export const junit = (report: Report): string => {
  const { tool, run, findings, summary } = report;
  const causes = new Map(
    report.causes.flatMap((cause) => cause.explains.map((instance) => [instance, cause] as const)),
  );
  const suites = alike(findings, ({ id }) => checkFamily(id)).map((group) => ({
    name: checkFamily(group[0]?.id ?? ""),
    cases: group.map((finding) => caseOf(finding, causes.get(finding.instance), report)),
  }));
  const isTold = suites.some(({ cases }) => cases.some(({ outcome }) => outcome === "failure" || outcome === "error"));
  if (summary.exitCode !== 0 && !isTold) suites.push({ name: "run", cases: [caseOfRun(report)] });
  const all = suites.flatMap(({ cases }) => cases);
  const properties = propertiesOf(report);
  const lines = element(
    "testsuites",
    { name: tool.name, ...counts(all), time: seconds(run.durationMs) },
    suites.flatMap(({ name, cases }) =>
      element(
        "testsuite",
        {
          name,
          ...counts(cases),
          skipped: cases.filter(({ outcome }) => outcome === "skipped").length,
          time: seconds(cases.reduce((sum, { ms }) => sum + ms, 0)),
          // In UTC: Ant's own form has no place for a zone; the exact time is among the properties.
          timestamp: run.startedAt.slice(0, "2026-06-15T12:00:00".length),
          ...(run.host !== undefined && { hostname: run.host }),
        },
        [...properties, ...cases.flatMap(({ lines: own }) => own)],
      ),
    ),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${lines.join("\n")}\n`;
};
