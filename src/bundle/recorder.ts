import type { Prober } from "../model/observation.ts";
import { keyOf } from "./observations.ts";
import type { Recorded } from "./recording.ts";

/** Every probe by its name: a new one that is not recorded does not compile. */
const PROBES: Readonly<Record<keyof Prober, true>> = {
  dns: true,
  nameserver: true,
  resolver: true,
  tcp: true,
  socket: true,
  http: true,
  database: true,
  file: true,
  path: true,
  folder: true,
  tail: true,
  service: true,
  journal: true,
  command: true,
  listeners: true,
  bind: true,
  memory: true,
  peer: true,
  processes: true,
  interfaces: true,
  environment: true,
  build: true,
  namespace: true,
  trustStore: true,
};
export const PROBE_NAMES = Object.keys(PROBES) as readonly (keyof Prober)[];

/** Two questions with different secrets are two; this key is shown to nobody. */
const itself = (secret: string): string => secret;

type Ask = (question?: unknown) => Promise<unknown>;

/** A prober all of whose probes ask through `ask`. */
export const proberOf = (ask: (probe: keyof Prober, question?: unknown) => Promise<unknown>): Prober =>
  Object.fromEntries(
    PROBE_NAMES.map((probe): [string, Ask] => [probe, (question) => ask(probe, question)]),
  ) as unknown as Prober;

export interface Recorder {
  readonly probe: Prober;
  /** All that was asked until now, in the order of the answers; what has none stands at the end. */
  readonly recorded: () => readonly Recorded[];
}

/**
 * Hands every question on, and keeps it with its answer. The same answer, remembered by the prober, is kept once.
 * @param signal once it is aborted, what still comes in is no answer any more: it was cut off
 */
export const createRecorder = (prober: Prober, signal: AbortSignal): Recorder => {
  const answered: Recorded[] = [];
  const open = new Set<Recorded>();
  /** Answers that are kept already, by their question. */
  const known = new Map<string, Set<unknown>>();
  const isNew = (question: string, answer: unknown): boolean => {
    const answers = known.get(question) ?? new Set();
    if (answers.has(answer)) return false;
    known.set(question, answers.add(answer));
    return true;
  };
  const asks = prober as unknown as Readonly<Record<keyof Prober, Ask>>;
  const probe = proberOf(async (name, question) => {
    const asked: Recorded = { probe: name, ...(question !== undefined && { question }) };
    open.add(asked);
    const answer = await asks[name](question);
    if (signal.aborted) return answer;
    open.delete(asked);
    if (isNew(keyOf(name, question, itself), answer)) answered.push({ ...asked, answer });
    return answer;
  });
  return { probe, recorded: () => [...answered, ...open] };
};
