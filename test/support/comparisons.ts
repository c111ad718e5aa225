import type { Document } from "../../src/compare/document.ts";
import { type Cause, type Finding, type Report, SCHEMA_VERSION, STATUSES } from "../../src/model/report.ts";
import { finding } from "./findings.ts";

type Rest = Partial<Report["run"]> & {
  readonly causes?: readonly Cause[];
  readonly exitCode?: number;
  readonly toolVersion?: string;
};

const verdictOf = (findings: readonly Finding[]): Report["summary"]["verdict"] => {
  const has = (status: Finding["status"]): boolean => findings.some((each) => each.status === status);
  if (has("fail")) return "not-ready";
  if (has("unknown")) return "unknown";
  return has("warn") ? "ready-with-warnings" : "ready";
};

/** A report with these findings and no more in it than a test says. */
export const reportOf = (
  findings: readonly Finding[],
  { causes = [], exitCode, toolVersion = "1.2.3", ...run }: Rest = {},
): Report => {
  const verdict = verdictOf(findings);
  return {
    schemaVersion: SCHEMA_VERSION,
    tool: { name: "crowdsec-preflight", version: toolVersion, runtime: "node v20.19.0" },
    run: {
      id: "00000000-0000-4000-8000-000000000000",
      startedAt: "2026-06-15T12:00:00.000Z",
      durationMs: 812,
      phase: "run",
      roles: ["agent", "cscli"],
      engineVersion: "1.7.8",
      env: "auto",
      deadlineMs: 30_000,
      failOn: "fail",
      interrupted: false,
      ...run,
    },
    summary: {
      verdict,
      exitCode: exitCode ?? (verdict === "not-ready" ? 2 : 0),
      counts: Object.fromEntries(
        STATUSES.map((status) => [status, findings.filter((each) => each.status === status).length]),
      ) as Report["summary"]["counts"],
    },
    causes,
    findings,
  };
};

export const documentOf = (
  name: string,
  report: Report,
  configuration?: Readonly<Record<string, string>>,
): Document => ({ name, report, ...(configuration && { configuration: new Map(Object.entries(configuration)) }) });

/** How an agent of a fleet reaches its Local API. */
export interface Agent {
  readonly name: string;
  /** This host's own address. */
  readonly source: string;
  readonly lapi?: "pass" | "timeout" | "refused" | "unresolved";
  readonly run?: Rest;
}

const LAPI = "10.0.0.5";
const CODES = {
  timeout: ["tcp-timeout", "connect"],
  refused: ["tcp-refused", "connect"],
  unresolved: ["dns-timeout", "resolve"],
} as const;

/** The report of an agent: its Local API, the internet, its files. */
export const agentReport = ({ name, source, lapi = "pass", run }: Agent): Report => {
  const target = { host: "lapi.internal.example", port: 8080, url: "http://lapi.internal.example:8080/" };
  const isOpen = lapi === "pass";
  const [code, phase] = isOpen ? [undefined, undefined] : CODES[lapi];
  const reachable = finding("lapi-reachable@agent", isOpen ? "pass" : "fail", {
    title: "Local API accepts connections",
    target,
    ...(code !== undefined && { code, phase, summary: `lapi.internal.example:8080: ${code}` }),
    layers: [
      { phase: "resolve", ok: phase !== "resolve", durationMs: 3, detail: `${LAPI} from 10.0.0.53` },
      ...(phase === "resolve" ? [] : [{ phase: "connect" as const, ok: isOpen, durationMs: 12, detail: LAPI }]),
    ],
    ...(phase !== "resolve" && {
      addresses: [{ address: LAPI, family: 4 as const, ok: isOpen, durationMs: 12, source }],
    }),
  });
  const following = ["lapi-identity", "lapi-database"].map((id) =>
    isOpen
      ? finding(`${id}@agent`, "pass", { target })
      : finding(`${id}@agent`, "skip", {
          summary: "because lapi-reachable@agent did not pass",
          because: ["lapi-reachable@agent"],
        }),
  );
  const outgoing = finding("outgoing-capi", "pass", {
    title: "CrowdSec's Central API can be reached",
    layers: [{ phase: "connect", ok: true, durationMs: 20, detail: "203.0.113.7" }],
    addresses: [{ address: "203.0.113.7", family: 4, ok: true, durationMs: 20, source }],
  });
  const causes: readonly Cause[] = isOpen
    ? []
    : [
        {
          id: `lapi-${code}`,
          summary: `lapi.internal.example:8080: ${code}`,
          blame: { party: "network", confidence: "likely", evidence: [] },
          explains: ["lapi-reachable@agent", ...following.map(({ instance }) => instance)],
          remedy: reachable.remedy,
        },
      ];
  const rest = [finding("trust-store", "pass"), finding("clock", "pass"), finding("database", "skip")];
  return reportOf([...rest, reachable, ...following, outgoing], { host: name, causes, ...run });
};

/** `agent-07`. */
const numbered = (index: number): string => `agent-${String(index).padStart(2, "0")}`;

/** 17 agents of 10.3.0.0/16 whose way to the Local API is shut, three of another network for which it is open. */
export const TWENTY: readonly Document[] = Array.from({ length: 20 }, (_none, index) => {
  const name = numbered(index + 1);
  const isFar = index < 17;
  const source = isFar ? `10.3.${index * 15}.${10 + index}` : `10.1.0.${index}`;
  return documentOf(`${name}.json`, agentReport({ name, source, lapi: isFar ? "timeout" : "pass" }));
});
