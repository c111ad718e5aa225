import type { Failed, Prober } from "../model/observation.ts";
import { Unanswered } from "../model/observation.ts";
import { NOT_IN_BUNDLE } from "../model/topology.ts";
import { keyOf } from "./observations.ts";
import { proberOf } from "./recorder.ts";
import type { Recorded, Recording } from "./recording.ts";

/** What this host's own files and services tell; a question of them that was not asked then is like one that this user may not ask. */
const OF_THE_HOST: ReadonlySet<keyof Prober> = new Set([
  "file",
  "path",
  "folder",
  "tail",
  "service",
  "journal",
  "command",
  "listeners",
  "environment",
  "build",
  "memory",
  "bind",
]);

const notRecorded: Failed = {
  ok: false,
  phase: "host",
  code: "file-denied",
  message: NOT_IN_BUNDLE,
  elapsedMs: 0,
};

/** A stand-in counts as itself; what is made of several is one for all. */
const exactly = (value: string): string => (/^$|^REDACTED-\d+/.test(value) ? value : "…");
const anySecret = (): string => "…";

/** Answers to one question, in their order. */
interface Answers {
  readonly given: readonly Recorded[];
  next: number;
}

const indexed = (observations: readonly Recorded[], ofSecret: (value: string) => string): Map<string, Answers> => {
  const found = new Map<string, Recorded[]>();
  for (const recorded of observations) {
    const key = keyOf(recorded.probe, recorded.question, ofSecret);
    const same = found.get(key);
    if (same) same.push(recorded);
    else found.set(key, [recorded]);
  }
  return new Map([...found].map(([key, given]) => [key, { given, next: 0 }]));
};

/**
 * A prober that answers with what was seen then. Who asks twice gets the second answer the second time, if there was one,
 * or the last. What was cut off then, and of the network what was not asked at all, is `Unanswered`.
 */
export const createReplay = ({ observations, cutOff }: Pick<Recording, "observations" | "cutOff">): Prober => {
  const exact = indexed(observations, exactly);
  const masked = indexed(observations, anySecret);
  return proberOf(async (probe, question) => {
    const same = exact.get(keyOf(probe, question, exactly)) ?? masked.get(keyOf(probe, question, anySecret));
    if (same === undefined) {
      if (OF_THE_HOST.has(probe)) return notRecorded;
      throw new Unanswered(`${NOT_IN_BUNDLE}: what ${probe} would have said`);
    }
    const recorded = same.given[Math.min(same.next++, same.given.length - 1)];
    if (recorded === undefined || !("answer" in recorded)) throw new Unanswered(cutOff ?? NOT_IN_BUNDLE);
    return recorded.answer;
  });
};
