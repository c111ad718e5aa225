import { exitCodeOf, type Interruption, verdictOf } from "../../src/exit-code.ts";
import { type Cause, type FailOn, type Finding, type Report, STATUSES, type Status } from "../../src/model/report.ts";
import { finding } from "./findings.ts";
import { REPORTS } from "./reports.ts";
import { reported } from "./run.ts";

interface Rest {
  readonly causes?: readonly Cause[];
  readonly failOn?: FailOn;
  readonly interruption?: Interruption | undefined;
  readonly run?: Partial<Report["run"]>;
}

/** A report of these findings and causes, counted and judged as every report is; nothing is explained anew. */
export const judged = (
  findings: readonly Finding[],
  { causes = [], failOn = "fail", interruption, run }: Rest = {},
): Report => {
  const counts = Object.fromEntries(
    STATUSES.map((status) => [status, findings.filter((one) => one.status === status).length]),
  ) as Report["summary"]["counts"];
  const base = REPORTS["healthy"] ?? reported([]);
  return {
    ...base,
    run: { ...base.run, host: "web-1", failOn, interrupted: interruption !== undefined, ...run },
    summary: { counts, verdict: verdictOf(counts), exitCode: exitCodeOf(counts, failOn, interruption) },
    causes,
    findings,
  };
};

const ONE_OF_EACH: readonly Finding[] = STATUSES.map((status) => finding(`lapi-${status}`, status));

/** Every set of statuses that a report can have, under both rules, ended or interrupted. */
export const EVERY_OUTCOME: readonly (readonly [name: string, report: Report])[] = Array.from(
  { length: 2 ** STATUSES.length },
  (_, bits) => ONE_OF_EACH.filter((_one, index) => (bits >> index) % 2 === 1),
).flatMap((findings) =>
  (["fail", "warn"] as const).flatMap((failOn) =>
    ([undefined, "SIGINT", "SIGTERM"] as const).map((interruption) => {
      const name = `${findings.map(({ status }) => status).join(", ") || "nothing"}; ${failOn}; ${interruption ?? "ended"}`;
      return [name, judged(findings, { failOn, interruption })] as const;
    }),
  ),
);

/** Far more than any host has, each about another target, with a cause for every tenth. */
export const manyFindings = (count: number, statuses: readonly Status[] = STATUSES): Report => {
  const findings = Array.from({ length: count }, (_, index) =>
    finding(`metrics-target@web-${index}.internal.example:6060`, statuses[index % statuses.length] ?? "pass", {
      summary: `web-${index}.internal.example:6060 is number ${index} ${"and so on ".repeat(30)}`,
      layers: [{ phase: "connect", ok: true, durationMs: index / 10 }],
      blame: { evidence: [`connect failed after ${index} ms`] },
    }),
  );
  const causes = findings
    .filter(({ status }, index) => status === "fail" && index % 10 === 2)
    .map(
      ({ instance, summary, remedy }): Cause => ({
        id: `metrics-tcp-refused@${instance}`,
        summary,
        blame: { party: "remote-host", confidence: "likely", evidence: [] },
        explains: [instance],
        remedy,
      }),
    );
  return judged(findings, { causes });
};

/** The same report with this before and behind each text in it that may come from outside. */
export const withEverywhere = (report: Report, text: string): Report => {
  const fixed = ["status", "party", "confidence", "phase", "route", "failOn", "verdict", "startedAt", "validTo"];
  const names = ["instance", "id", "explains", "because"];
  const replaced = (value: unknown, key = ""): unknown => {
    if (fixed.includes(key)) return value;
    if (typeof value === "string") return names.includes(key) ? `${value}${text}` : `${text}${value} ${text}`;
    if (Array.isArray(value)) return value.map((one) => replaced(one, names.includes(key) ? key : ""));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, replaced(one, name)]));
  };
  return replaced(report) as Report;
};
