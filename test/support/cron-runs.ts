import { type Confirmed, confirm } from "../../src/cron/confirm.ts";
import { message } from "../../src/cron/message.ts";
import { type Rule, readState, type State, stateText } from "../../src/cron/state.ts";
import { exitCodeOf } from "../../src/exit-code.ts";
import { type Finding, type Report, SCHEMA_VERSION, STATUSES, type Status } from "../../src/model/report.ts";
import { finding } from "./findings.ts";

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** When the first run ends; the others follow every five minutes. */
export const START = new Date("2026-06-15T10:00:00.000Z");
export const EVERY_MS = 5 * MINUTE_MS;
export const TWO_OF_THREE: Rule = { needed: 2, of: 3 };

export const runAt = (index: number): Date => new Date(START.getTime() + index * EVERY_MS);

/** A report of these findings, with --fail-on warn as --cron presets it. */
export const cronReport = (
  findings: readonly Finding[],
  { causes = [], run = {} }: { readonly causes?: Report["causes"]; readonly run?: Partial<Report["run"]> } = {},
): Report => {
  const counts = Object.fromEntries(
    STATUSES.map((status) => [status, findings.filter((one) => one.status === status).length]),
  ) as Record<Status, number>;
  return {
    schemaVersion: SCHEMA_VERSION,
    tool: { name: "crowdsec-preflight", version: "1.2.3", runtime: "node v20.19.0" },
    run: {
      id: "00000000-0000-4000-8000-000000000000",
      host: "web1",
      startedAt: START.toISOString(),
      durationMs: 812,
      phase: "run",
      roles: ["lapi", "agent", "cscli"],
      env: "shell",
      deadlineMs: 30_000,
      failOn: "warn",
      interrupted: false,
      ...run,
    },
    summary: {
      verdict: "unknown",
      exitCode: exitCodeOf(counts, "warn", run.interrupted ? "SIGINT" : undefined),
      counts,
    },
    causes,
    findings,
  };
};

/**
 * What a run sees of `lapi-reachable`, as a letter: good, bad (another fault: `C`), a warning, unknown; not asked because of
 * another (`-`), not selected (`.`), does not apply (`N`), not there (`0`); by files and processes: bad, another fault, a warning.
 */
const SEES: Readonly<Record<string, () => readonly Finding[]>> = {
  G: () => [finding("lapi-reachable", "pass")],
  B: () => [finding("lapi-reachable", "fail", { code: "tcp-refused", summary: "it refuses" })],
  C: () => [finding("lapi-reachable", "fail", { code: "tcp-timeout", summary: "it is silent" })],
  W: () => [finding("lapi-reachable", "warn", { code: "lapi-slow", summary: "it is slow" })],
  U: () => [finding("lapi-reachable", "unknown", { summary: "cut off" })],
  "-": () => [finding("lapi-reachable", "skip", { summary: "because dns did not pass", because: ["dns"] })],
  ".": () => [finding("lapi-reachable", "skip", { summary: "not selected" })],
  N: () => [finding("lapi-reachable", "skip", { summary: "not applicable" })],
  "0": () => [],
  b: () => [finding("lapi-reachable", "fail", { code: "service-stopped", phase: "host", summary: "it is stopped" })],
  c: () => [finding("lapi-reachable", "fail", { code: "service-crashed", phase: "host", summary: "it crashed" })],
  w: () => [finding("lapi-reachable", "warn", { code: "service-starting", phase: "host", summary: "it starts" })],
};

/** What the run saw, besides something that is always well: so nothing is ever unknown because of that. */
export const reportOf = (letter: string): Report => cronReport([finding("clock", "pass"), ...(SEES[letter]?.() ?? [])]);

export interface Played {
  readonly confirmed: Confirmed;
  readonly text: string;
  readonly state: State;
  readonly now: Date;
}

export interface PlayOptions {
  readonly rule?: Rule;
  readonly remindMs?: number;
  /** Whether what is told in that run gets through. */
  readonly delivered?: (index: number) => boolean;
  readonly timeOf?: (index: number) => Date;
  readonly before?: State | undefined;
}

/** Runs one after the other, each with the state that the one before wrote into its file. */
export const play = (reports: readonly Report[], options: PlayOptions = {}): readonly Played[] => {
  const { rule = TWO_OF_THREE, remindMs, delivered = () => true, timeOf = runAt } = options;
  let before = options.before;
  return reports.map((report, index) => {
    const now = timeOf(index);
    const confirmed = confirm(before, report, rule, now);
    const said = message({ report, before, confirmed, now, remindMs, name: "crowdsec-preflight" });
    const state = delivered(index) ? said.state : confirmed.state;
    before = report.run.interrupted ? before : readState(stateText(state));
    return { confirmed, text: said.text, state, now };
  });
};

export const playLetters = (letters: string, options: PlayOptions = {}): readonly Played[] =>
  play([...letters].map(reportOf), options);
