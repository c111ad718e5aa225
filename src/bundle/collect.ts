import type { Context } from "../model/check.ts";
import { printable } from "../model/text.ts";
import { configurationLooks } from "./configuration.ts";
import { type Collected, distinctBy, type Entry, type Missing } from "./entry.ts";
import { firewallLooks } from "./firewall.ts";
import { type Desk, isRoot, type Look, lacking, NOTHING, type Part, together } from "./gather.ts";
import { installLooks, logLooks } from "./logs.ts";
import { byProcess, distinctMissing } from "./missing.ts";
import { findScope, type Scope } from "./scope.ts";
import { serviceLooks } from "./services.ts";
import { systemLooks } from "./system.ts";

export interface CollectOptions {
  /** Of everything together, bytes. */
  readonly maxBytes: number;
  /** Aborted when there is no time left: what has come in by then is kept. */
  readonly signal: AbortSignal;
  /** The firewall's rules themselves, and not only how many there are. Elements of sets are never taken. */
  readonly rules: boolean;
  /** CrowdSec's configuration with its overlay, as YAML. */
  readonly merged?: string | undefined;
  /** What a bundle may hold; without it, it is found. */
  readonly scope?: Scope;
}

/** So many are asked at once. */
const AT_ONCE = 8;

const LATE = "not asked: the time was up";

/** A bug of this tool costs what it concerns, and nothing else. */
const ownError = (look: Look | undefined, error: unknown): Part =>
  lacking(
    look?.source ?? "",
    `an error of this tool: ${printable(error instanceof Error ? error.message : String(error), 200)}`,
  );

/** Looks at all of it, some at a time, in their order; what is cut off is said once. */
const lookAll = async (looks: readonly Look[], desk: Desk, signal: AbortSignal): Promise<readonly Part[]> => {
  const parts: Part[] = looks.map(() => NOTHING);
  const late = new Set(looks.keys());
  const isOver = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < looks.length && !signal.aborted) {
      const index = next++;
      const part = await looks[index]?.look(desk).catch((error: unknown) => ownError(looks[index], error));
      // Who asks for the rest, asks for what is known by then.
      if (signal.aborted) return;
      if (part) parts[index] = part;
      late.delete(index);
    }
  };
  await Promise.race([isOver, Promise.all(Array.from({ length: AT_ONCE }, work))]);
  const unasked = looks.filter((_look, index) => late.has(index)).map(({ source }) => lacking(source, LATE));
  return [...parts, ...unasked];
};

const bytesOf = ({ content }: Entry): number => Buffer.byteLength(content);

/** Less of a log's end than this is not worth keeping; bytes. */
const MIN_TAIL = 4096;

/** The end of a text, whole lines, at most so many bytes. */
const endOf = (content: string, bytes: number): string => {
  const end = Buffer.from(content).subarray(-bytes).toString("utf8");
  return end.slice(end.indexOf("\n") + 1);
};

const TOO_MUCH = "the bundle would be too large";

/** Keeps what there is room for; what comes first is more important. Of logs, the end is kept. */
export const fitInto = (entries: readonly Entry[], maxBytes: number): Collected => {
  const kept: Entry[] = [];
  const missing: Missing[] = [];
  let room = Math.max(0, maxBytes);
  for (const entry of entries) {
    const { name, source = name } = entry;
    const bytes = bytesOf(entry);
    const cut = name.startsWith("logs/") && bytes > room && room >= MIN_TAIL ? endOf(entry.content, room) : undefined;
    if (bytes <= room) kept.push(entry);
    else if (cut !== undefined) kept.push({ ...entry, content: cut });
    if (bytes > room)
      missing.push({
        source,
        why: cut === undefined ? `left out: ${TOO_MUCH}` : `cut off: its end is kept, ${TOO_MUCH}`,
      });
    room -= bytes <= room ? bytes : Buffer.byteLength(cut ?? "");
  }
  return { entries: kept, missing };
};

/** What root would see besides, each once. */
const forRoot = (context: Context, denied: readonly string[]): readonly Missing[] => {
  const { user } = context.topology;
  const why = isRoot(context)
    ? "not for root to see either, in this place"
    : `not for ${user} to see: run as root to have it`;
  return byProcess(denied).map((source) => ({ source, why }));
};

/**
 * What of this host tells how CrowdSec fares on it, besides what the checks have read: nothing is started, written or
 * logged in to, and only what CrowdSec's programs and the system say of themselves is asked. The most important first.
 * Nothing of it is redacted yet.
 */
export const collect = async (context: Context, options: CollectOptions): Promise<Collected> => {
  const { topology } = context;
  const { maxBytes, signal, rules, merged } = options;
  const scope = options.scope ?? (await findScope(context.probe, topology));
  const desk: Desk = { ...context, scope };
  const parts = await lookAll(
    [
      ...configurationLooks(topology, merged),
      ...logLooks(topology),
      ...serviceLooks(topology),
      ...systemLooks(topology),
      ...firewallLooks(topology, rules),
      ...installLooks(),
    ],
    desk,
    signal,
  );
  const { entries, missing, denied } = together(parts);
  const fitting = fitInto(
    distinctBy(entries, ({ name }) => name),
    maxBytes,
  );
  const said = [...missing, ...forRoot(context, denied), ...fitting.missing];
  return { entries: fitting.entries, missing: distinctMissing(said) };
};
