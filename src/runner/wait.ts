import type { Check } from "../model/check.ts";
import type { FailOn, Finding } from "../model/report.ts";
import type { Topology } from "../model/topology.ts";
import type { Version } from "../model/version.ts";

/** Whether waiting can mend what a finding says: as its fault decides, else by the layer at which it failed. */
export const canRecover = ({ faults }: Check, { fault }: Finding): boolean =>
  fault !== undefined && (faults[fault.code]?.recovers ?? fault.phase !== "host");

/** All that a report is made of, as one look at this host found it. */
export interface Look {
  readonly topology: Topology;
  /** Of CrowdSec on this host; undefined too when no check of this look has asked. */
  readonly version: Version | undefined;
  /** Before an install: the version that it would bring. */
  readonly candidate?: Version | undefined;
  readonly findings: readonly Finding[];
}

/** What a look asks, once it knows the host. */
export interface Selection {
  /** The catalogue; of a check with targets, those that are to be asked. */
  readonly checks: readonly Check[];
  readonly isAsked: (id: string) => boolean;
}
export type Select = (topology: Topology) => Selection;

export type WaitEvent =
  /** What is waited for has changed. */
  | {
      readonly type: "waiting";
      readonly first: boolean;
      readonly leftMs: number;
      readonly for: readonly Finding[];
    }
  /** `lasting`: something fails that waiting does not mend; `of` is that, or what is still waited for. */
  | {
      readonly type: "over";
      readonly why: "good" | "lasting" | "time";
      readonly waitedMs: number;
      readonly of: readonly Finding[];
    };

export interface WaitInput {
  /** The catalogue: the order of the findings, and what may recover. */
  readonly checks: readonly Check[];
  readonly failOn: FailOn;
  /** From the first look's end on, milliseconds. */
  readonly waitMs: number;
  /** The reason of findings that the deadline of their look cut off: they are waited for too. */
  readonly cutOff: string;
  /** Ends the waiting at once. */
  readonly interrupted: AbortSignal;
  /** Looks at this host anew; undefined when that did not come to its end, as when the signal ended it. */
  readonly look: (select: Select, signal: AbortSignal) => Promise<Look | undefined>;
  readonly observe: (event: WaitEvent) => void;
  /** Between two looks, milliseconds: the first, and what it grows to. */
  readonly pauses?: { readonly firstMs: number; readonly longestMs: number };
}

const PAUSES = { firstMs: 1000, longestMs: 5000 };
const GROWTH = 1.5;

/** What decides which checks there are, and about what: when that changes, nothing that was seen before still counts. */
const outlineOf = ({ phase, roles, installed, clients }: Topology): string =>
  JSON.stringify([
    phase.value,
    roles.map(({ value }) => value),
    installed?.value,
    Array.isArray(clients) ? clients.map(({ name }) => name) : [],
  ]);

/** Resolves after so long, or as soon as the signal is aborted. */
export const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (signal.aborted) end();
    else signal.addEventListener("abort", end);
  });

/** The same instances, for the same reasons; their sentences may count something. */
const nameOf = (findings: readonly Finding[]): string =>
  findings.map(({ instance, fault }) => `${instance} ${fault?.code}`).join("\n");

/**
 * Looks again at what failed and can recover, and at what was left out because of it, until nothing of it fails any more,
 * something fails that waiting does not mend, or the time is up. Resolves to what the last complete look showed, with the
 * rest as it was seen before; a look that is under way at the end is dropped.
 */
export const waitUntilGood = async (first: Look, input: WaitInput): Promise<Look> => {
  const { checks, failOn, waitMs, cutOff, interrupted, look, observe, pauses = PAUSES } = input;
  const begun = performance.now();
  const waitedMs = (): number => performance.now() - begun;
  const time = new AbortController();
  const timer = setTimeout(() => time.abort("the time of --wait is up"), waitMs);
  const signal = AbortSignal.any([interrupted, time.signal]);

  const recovers = (finding: Finding): boolean =>
    checks.some((check) => check.id === finding.id && canRecover(check, finding));
  const isCut = ({ status, reason }: Finding): boolean => status === "unknown" && reason === cutOff;
  const counts = ({ status }: Finding): boolean => status === "fail" || (status === "warn" && failOn === "warn");
  const isOpen = (finding: Finding): boolean => isCut(finding) || (counts(finding) && recovers(finding));
  const isLasting = (finding: Finding): boolean => counts(finding) && !recovers(finding);
  /** A login that was refused is never tried again: that could lock an account. */
  const isRefused = (finding: Finding): boolean => finding.fault?.phase === "login" && !recovers(finding);

  const isSpent = ({ id, status }: Finding): boolean =>
    status === "pass" && checks.some((check) => check.id === id && check.once);

  let latest = first;
  /** The instances that the latest look asked. */
  let asked: ReadonlySet<string> = new Set(first.findings.map(({ instance }) => instance));

  /** Asks about these, and what was left out because of them; on a host that is another one by now, about everything. */
  const lookAgain = async (wanted: readonly Finding[]): Promise<void> => {
    const before = new Map(latest.findings.map((finding) => [finding.instance, finding]));
    const settled = new Set(
      latest.findings.filter((one) => isRefused(one) || isSpent(one)).map(({ instance }) => instance),
    );
    const open = new Set(wanted.map(({ instance }) => instance));
    const left = latest.findings.filter(({ because }) => because?.some((instance) => open.has(instance)));
    const ids = new Set([...wanted, ...left].map(({ id }) => id));
    for (const { instance } of left) open.add(instance);
    let isSame = true;
    const isAsked = (id: string): boolean => (ids.has(id) || !isSame) && !settled.has(id);
    /** Of a check's targets; one of which nobody knew before is asked about too. */
    const isOne = (instance: string): boolean =>
      (open.has(instance) || !before.has(instance) || !isSame) && !settled.has(instance);
    const targets = new Map<string, readonly string[]>();
    const narrow = (check: Check): Check => {
      // What was said about the whole of it was not said about a target.
      if (check.targets === undefined || open.has(check.id)) return check;
      return {
        ...check,
        targets: (context) => {
          const names = check.targets?.(context) ?? [];
          if ("status" in names) return names;
          targets.set(check.id, names);
          return names.filter((name) => isOne(`${check.id}@${name}`));
        },
      };
    };
    const now = await look((topology) => {
      isSame = outlineOf(topology) === outlineOf(latest.topology);
      return { checks: checks.map(narrow), isAsked };
    }, signal);
    if (now === undefined) return;
    const answers = new Map(
      now.findings
        .filter(({ id }) => isAsked(id))
        // What a look's own deadline cut off tells nothing new.
        .map((finding) => [finding.instance, (isCut(finding) && before.get(finding.instance)) || finding]),
    );
    const findingsOf = ({ id }: Check): readonly Finding[] => {
      const ofCheck = (findings: ReadonlyMap<string, Finding>) => [...findings.values()].filter((one) => one.id === id);
      const whole = answers.get(id);
      // Cut off before it could say what there is to ask.
      if (!isAsked(id) || (whole && isCut(whole) && !before.has(id))) return ofCheck(before);
      const names = targets.get(id) ?? [];
      if (names.length === 0) return ofCheck(answers);
      return names.flatMap((name) => {
        const instance = `${id}@${name}`;
        return (isOne(instance) ? answers : before).get(instance) ?? [];
      });
    };
    asked = new Set(answers.keys());
    latest = {
      ...now,
      version: now.version ?? latest.version,
      candidate: now.candidate ?? latest.candidate,
      findings: checks.flatMap(findingsOf),
    };
  };

  const over = (why: "good" | "lasting" | "time", of: readonly Finding[]): Look => {
    observe({ type: "over", why, waitedMs: waitedMs(), of });
    return latest;
  };

  try {
    let told: string | undefined;
    let pauseMs = pauses.firstMs;
    for (;;) {
      const { findings } = latest;
      const lasting = findings.filter(isLasting);
      const open = findings.filter(isOpen);
      const isFirst = told === undefined;
      if (lasting.length > 0) return over("lasting", lasting);
      if (open.length === 0) {
        if (isFirst) return latest;
        // What only warned was not waited for, and may be over with the rest: metrics, or a service that was starting.
        const stale = findings.filter(
          (finding) => finding.status === "warn" && recovers(finding) && !asked.has(finding.instance),
        );
        // A moment later: the metrics open after the Local API.
        if (stale.length > 0) await sleep(pauses.firstMs, signal);
        if (stale.length > 0 && !signal.aborted) await lookAgain(stale);
        if (latest.findings.some((finding) => isOpen(finding) || isLasting(finding))) continue;
        return over("good", []);
      }
      if (interrupted.aborted) return latest;
      if (signal.aborted) return over("time", open);
      if (nameOf(open) !== told) observe({ type: "waiting", first: isFirst, leftMs: waitMs - waitedMs(), for: open });
      told = nameOf(open);
      await sleep(pauseMs, signal);
      pauseMs = Math.min(pauseMs * GROWTH, pauses.longestMs);
      if (!signal.aborted) await lookAgain(open);
    }
  } finally {
    clearTimeout(timer);
  }
};
