import pLimit from "p-limit";
import type { Answer, Check, Context } from "../model/check.ts";
import { Unanswered } from "../model/observation.ts";
import { type Finding, NOT_SELECTED } from "../model/report.ts";
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
  /** The least time between the first look and the second, milliseconds; 0 where both were taken long ago. */
  readonly secondLookMs?: number;
}

/** A dying Local API answers for half a second. */
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
  const has = topology.phase.value === "install" ? "an install here would bring" : "this host has";
  return `not applicable: for CrowdSec ${showRange(check.versions)}; ${has} ${showVersion(version)}`;
};

/** A check's answer about one target, or about the host. */
interface Part {
  readonly target: string;
  /** False for what was decided without asking: not selected, not applicable, a need that is not met. */
  readonly asked: boolean;
  readonly answer: Answer;
  readonly findings: readonly Finding[];
  readonly endedAt: number;
}

/** A check under way: each of its parts ends on its own. The target is empty where the check has none. */
interface Course {
  readonly check: Check;
  readonly parts: readonly { readonly target: string; readonly part: Promise<Part> }[];
}

/**
 * A need is not met by a failure, by what is unknown, or by what was itself skipped for such a need. Of a need with
 * targets, only the same target counts.
 */
const unmet = async (needed: readonly Course[], target: string): Promise<readonly string[]> => {
  const relevant = needed.flatMap(({ check, parts }) =>
    parts.filter((one) => target === "" || check.targets === undefined || one.target === target || one.target === ""),
  );
  const parts = await Promise.all(relevant.map(({ part }) => part));
  const instances = parts.flatMap(({ findings }) =>
    findings.flatMap(({ status, instance, because }) =>
      status === "fail" || status === "unknown" ? [instance] : (because ?? []),
    ),
  );
  return [...new Set(instances)];
};

/** A check that throws is a bug of ours, unless it asked what nobody can answer any more: its finding says so, and the run goes on. */
const crash = (error: unknown): Answer => {
  if (error instanceof Unanswered) return { status: "unknown", reason: error.message };
  const { message, stack = message } = error instanceof Error ? error : new Error(String(error));
  return { status: "unknown", reason: `internal error, please report it: ${message}`, stack };
};

const isNames = (found: readonly string[] | Answer): found is readonly string[] =>
  Array.isArray(found) && found.every((name) => typeof name === "string");

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
  secondLookMs = SECOND_LOOK_MS,
}: RunInput): Promise<readonly Finding[]> => {
  const limit = pLimit(concurrency);
  const cut = aborted(signal);
  const topology: Topology = context.topology;
  const courses = new Map<string, Promise<Course>>();

  const part = (
    check: Check,
    target: string,
    answer: Answer,
    { asked, because }: { readonly asked: boolean; readonly because?: readonly string[] } = { asked: false },
  ): Part => {
    const base = { target, answer, asked, endedAt: performance.now() };
    try {
      return { ...base, findings: toFindings(check, answer, topology, { target, because }) };
    } catch (error) {
      return { ...base, findings: toFindings(check, crash(error), topology, { target }) };
    }
  };
  const guarded = (ask: () => Promise<Answer>): Promise<Answer> =>
    Promise.race([Promise.resolve().then(ask).catch(crash), cut]);

  /** What the check asks, or the answer why it asks nothing. */
  const plan = async (check: Check): Promise<readonly string[] | Answer> => {
    const reason = await notApplicable(check, context);
    if (reason !== undefined) return { status: "skip", reason };
    return check.targets?.(context) ?? [""];
  };

  const course = async (check: Check): Promise<Course> => {
    const only = (answer: Answer): Course => ({
      check,
      parts: [{ target: "", part: Promise.resolve(part(check, "", answer)) }],
    });
    if (!isSelected(check.id)) return only({ status: "skip", reason: NOT_SELECTED });
    let targets: readonly string[] = [];
    const planned = await guarded(async () => {
      const found = await plan(check);
      if (!isNames(found)) return found;
      targets = found;
      return { status: "skip", reason: "not applicable: there is nothing to ask here" };
    });
    if (targets.length === 0) return only(planned);
    const needed = await Promise.all(checks.filter(({ id }) => check.needs?.includes(id)).map(start));
    let started = false;
    const ask = async (target: string): Promise<Part> => {
      const missing = await unmet(needed, target);
      if (missing.length > 0)
        return part(
          check,
          target,
          { status: "skip", reason: `because ${missing.join(", ")} did not pass` },
          { asked: false, because: missing },
        );
      const answer = await limit(() => {
        if (!started) observe({ type: "started", id: check.id });
        started = true;
        return guarded(() => check.run(context, target));
      });
      return part(check, target, answer, { asked: true });
    };
    return { check, parts: targets.map((target) => ({ target, part: ask(target) })) };
  };

  /** Begins a check once, however many need it. */
  const start = (check: Check): Promise<Course> => {
    const known = courses.get(check.id);
    if (known) return known;
    const made = course(check);
    courses.set(check.id, made);
    return made;
  };

  const settle = async (check: Check): Promise<{ readonly check: Check; readonly parts: readonly Part[] }> => {
    const parts = await Promise.all((await start(check)).parts.map((one) => one.part));
    observe({ type: "finished", id: check.id, findings: parts.flatMap(({ findings }) => findings) });
    return { check, parts };
  };

  const first = await Promise.all(checks.map(settle));
  const lookAgain = async (check: Check, settled: Part): Promise<Part> => {
    const { target, answer, asked, endedAt } = settled;
    const again = signal.aborted || !asked ? undefined : check.again?.(context, answer, target);
    if (again === undefined) return settled;
    await Promise.race([pause(secondLookMs - (performance.now() - endedAt)), cut]);
    // Cut off before or in the second look: what the first one saw still holds.
    if (signal.aborted) return settled;
    return part(check, target, await Promise.race([again(), cut.then(() => answer)]));
  };

  const final = await Promise.all(
    first.map(async ({ check, parts }) => {
      const looked = await Promise.all(
        parts.map((settled) =>
          lookAgain(check, settled).catch((error: unknown) =>
            // No second look was taken then: what the first one saw still holds.
            error instanceof Unanswered ? settled : part(check, settled.target, crash(error)),
          ),
        ),
      );
      const findings = looked.flatMap((each) => each.findings);
      if (looked.some((now, index) => now !== parts[index])) observe({ type: "finished", id: check.id, findings });
      return findings;
    }),
  );
  return final.flat();
};
