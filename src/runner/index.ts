import pLimit from "p-limit";
import type { Answer, Check, Context } from "../model/check.ts";
import type { Finding } from "../model/report.ts";
import { hasRole, type Topology } from "../model/topology.ts";
import { showRange, showVersion, within } from "../model/version.ts";
import { toFindings } from "./finding.ts";

export type RunEvent =
  | { readonly type: "started"; readonly id: string }
  | { readonly type: "finished"; readonly id: string; readonly findings: readonly Finding[] };

export interface RunInput {
  readonly checks: readonly Check[];
  readonly isSelected: (id: string) => boolean;
  readonly context: Context;
  readonly concurrency: number;
  /** Ends the run; its reason is the sentence that every unfinished finding gets. */
  readonly signal: AbortSignal;
  readonly observe: (event: RunEvent) => void;
}

/** The least time between the first look and the second, milliseconds: a dying Local API answers for half a second. */
const SECOND_LOOK_MS = 1000;

/** Why a check is not asked on this host at all; undefined when it is. */
const notApplicable = async (check: Check, context: Context): Promise<string | undefined> => {
  const { topology } = context;
  if (!check.roles.some((role) => hasRole(topology, role))) {
    return `not applicable: for role ${check.roles.join(" or ")}; this host is ${topology.roles.map(({ value }) => value).join(", ") || "none"}`;
  }
  if (check.phase !== undefined && check.phase !== topology.phase.value)
    return `not applicable: asked in phase ${check.phase} only; this host is in phase ${topology.phase.value}`;
  if (check.versions === undefined) return undefined;
  const version = await context.version();
  if (version === undefined || within(version, check.versions)) return undefined;
  return `not applicable: for CrowdSec ${showRange(check.versions)}; this host has ${showVersion(version)}`;
};

interface Outcome {
  readonly check: Check;
  readonly answer: Answer;
  readonly findings: readonly Finding[];
  readonly endedAt: number;
}

/** A need is not met by a failure, by what is unknown, or by what was itself skipped for such a need. */
const unmet = (outcomes: readonly Outcome[]): readonly string[] =>
  outcomes.flatMap(({ findings }) =>
    findings.flatMap(({ status, instance, because }) =>
      status === "fail" || status === "unknown" ? [instance] : (because ?? []),
    ),
  );

/** A check that throws is a bug of ours: its finding says so, and the run goes on. */
const crash = (error: unknown): Answer => {
  const { message, stack = message } = error instanceof Error ? error : new Error(String(error));
  return { status: "unknown", reason: `internal error, please report it: ${message}`, stack };
};

const aborted = (signal: AbortSignal): Promise<Answer> =>
  new Promise((resolve) => {
    const cut = (): void => resolve({ status: "unknown", reason: String(signal.reason) });
    if (signal.aborted) cut();
    else signal.addEventListener("abort", cut, { once: true });
  });

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/** Runs every check that applies, as early as its needs allow; findings come in the order of the catalogue. */
export const runChecks = async ({
  checks,
  isSelected,
  context,
  concurrency,
  signal,
  observe,
}: RunInput): Promise<readonly Finding[]> => {
  const limit = pLimit(concurrency);
  const cut = aborted(signal);
  const topology: Topology = context.topology;
  const outcomes = new Map<string, Promise<Outcome>>();

  const outcome = (check: Check, answer: Answer, because?: readonly string[]): Outcome => {
    const endedAt = performance.now();
    try {
      return { check, answer, findings: toFindings(check, answer, topology, because), endedAt };
    } catch (error) {
      return { check, answer, findings: toFindings(check, crash(error), topology), endedAt };
    }
  };
  const guarded = (ask: () => Promise<Answer>): Promise<Answer> =>
    Promise.race([Promise.resolve().then(ask).catch(crash), cut]);

  const settle = async (check: Check): Promise<Outcome> => {
    if (!isSelected(check.id)) return outcome(check, { status: "skip", reason: "not selected" });
    const reason = await guarded(async () => ({ status: "skip", reason: (await notApplicable(check, context)) ?? "" }));
    if ("reason" in reason && reason.reason !== "") return outcome(check, reason);
    const needed = checks.filter(({ id }) => check.needs?.includes(id));
    const missing = [...new Set(unmet(await Promise.all(needed.map(start))))];
    if (missing.length > 0)
      return outcome(check, { status: "skip", reason: `because ${missing.join(", ")} did not pass` }, missing);
    const answer = await limit(() => {
      observe({ type: "started", id: check.id });
      return guarded(() => check.run(context));
    });
    return outcome(check, answer);
  };

  const start = (check: Check): Promise<Outcome> => {
    const known = outcomes.get(check.id);
    if (known) return known;
    const made = settle(check).then((settled) => {
      observe({ type: "finished", id: check.id, findings: settled.findings });
      return settled;
    });
    outcomes.set(check.id, made);
    return made;
  };

  const first = await Promise.all(checks.map(start));
  const lookAgain = async (settled: Outcome): Promise<Outcome> => {
    const { check, answer, endedAt } = settled;
    const again = signal.aborted ? undefined : check.again?.(context, answer);
    if (again === undefined) return settled;
    await Promise.race([pause(SECOND_LOOK_MS - (performance.now() - endedAt)), cut]);
    // Cut off before or in the second look: what the first one saw still holds.
    if (signal.aborted) return settled;
    const second = outcome(check, await Promise.race([again(), cut.then(() => answer)]));
    observe({ type: "finished", id: check.id, findings: second.findings });
    return second;
  };

  const final = await Promise.all(
    first.map((settled) => lookAgain(settled).catch((error: unknown) => outcome(settled.check, crash(error)))),
  );
  return final.flatMap(({ findings }) => findings);
};
