import { access, constants } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import { catalogue, causes } from "../../checks/index.ts";
import { type AnonymityMap, readMap } from "../anonymity/anonymizer.ts";
import { PlaceError, placeFile, readBounded } from "../archive/place.ts";
import { size } from "../archive/words.ts";
import { collect } from "../bundle/collect.ts";
import type { Collected } from "../bundle/entry.ts";
import { type Bundle, BundleError, makeBundle } from "../bundle/make.ts";
import { secretsIn } from "../bundle/material.ts";
import { createRecorder, type Recorder } from "../bundle/recorder.ts";
import { RECORDING_VERSION, type Recording } from "../bundle/recording.ts";
import { findScope, type Scope } from "../bundle/scope.ts";
import { EXIT_UNJUDGED, exitCodeOfSignal } from "../exit-code.ts";
import type { Context } from "../model/check.ts";
import type { Report } from "../model/report.ts";
import { VERDICTS } from "../model/shown.ts";
import { counted, wrap } from "../model/text.ts";
import { createProber } from "../probes/index.ts";
import { startProgress } from "../progress.ts";
import { makeReport } from "../report.ts";
import { markdown } from "../reporters/markdown.ts";
import { lookedAtAs, outcome } from "../reporters/pretty.ts";
import { runChecks } from "../runner/index.ts";
import { mergedConfiguration } from "../topology/merged.ts";
import {
  catchInterrupts,
  cutOffBy,
  inSession,
  type Session,
  type SessionOptions,
  type Tool,
  userAgent,
  userName,
} from "./session.ts";
import { type Streams, write } from "./streams.ts";
import { UsageError } from "./usage-error.ts";

export interface BundleOptions extends SessionOptions {
  /** Where it goes; `-` for standard output. Without it, a name of its own in this folder. */
  readonly file?: string;
  /** Replace addresses and names by pseudonyms. */
  readonly anonymize: boolean;
  /** What is behind the pseudonyms: read where it is there already, and written. Without it, beside the bundle. */
  readonly map?: string;
  /** Firewall rules in full, not only counted. */
  readonly rules: boolean;
  /** Of all files of the bundle together, bytes. */
  readonly maxBytes: number;
  readonly concurrency: number;
}

/** How long the collector may take after the checks, milliseconds. */
const COLLECT_MS = 20_000;
/** A map of tens of thousands of addresses is below that, bytes. */
const MAX_MAP_BYTES = 16 * 1024 * 1024;

/** `20261123T072559Z` */
const stamp = (at: Date): string => at.toISOString().replace(/[-:]|\.\d+/g, "");

/** The host's name is one of those that `--anonymize` hides. */
const ownName = (tool: Tool, at: Date, anonymize: boolean): string => {
  const host = anonymize ? "" : `-${hostname().replace(/[^\w.-]/g, "_")}`;
  return `${tool.name}${host}-${stamp(at)}.zip`;
};

const STDOUT = "-";

const placed = async (path: string, bytes: Buffer | string): Promise<void> => {
  try {
    await placeFile(path, bytes);
  } catch (error) {
    if (error instanceof PlaceError) throw new UsageError(`${path}: ${error.message}.`);
    throw error;
  }
};

/** Half a minute of looking is not to end at a folder that was never there. */
const mustBeWritable = async (path: string): Promise<void> => {
  const folder = dirname(resolve(path));
  try {
    await access(folder, constants.W_OK);
  } catch {
    throw new UsageError(`${folder} is no folder that this user may write in; -f names another place.`);
  }
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Of an earlier bundle; undefined where there is none yet. */
const earlierMap = async (path: string | undefined): Promise<AnonymityMap | undefined> => {
  if (path === undefined) return undefined;
  if (!(await exists(path))) return undefined;
  try {
    return readMap((await readBounded(path, MAX_MAP_BYTES)).toString("utf8"));
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}.`);
  }
};

/** What a run saw, before anything is taken out of it. */
interface Seen {
  readonly context: Context;
  readonly report: Report;
  readonly recording: Recording;
}

const judge = async (
  { context, signal, knownVersion, candidate }: Session,
  recorder: Recorder,
  options: BundleOptions,
  tool: Tool,
  environment: Streams["environment"],
  observe: Parameters<typeof runChecks>[0]["observe"],
): Promise<Seen> => {
  const { deadlineMs, concurrency } = options;
  const { topology, now } = context;
  const started = performance.now();
  const isSelected = (): boolean => true;
  const findings = await runChecks({ checks: catalogue, isSelected, context, concurrency, signal, observe });
  const [version, coming] = [await knownVersion(), await candidate()];
  const durationMs = Math.round(performance.now() - started);
  const host = hostname();
  const report = makeReport({
    tool,
    host,
    startedAt: now,
    durationMs,
    deadlineMs,
    failOn: "fail",
    topology,
    version,
    candidate: coming,
    findings,
    causes,
  });
  const recording: Recording = {
    schemaVersion: RECORDING_VERSION,
    tool,
    run: { id: report.run.id, startedAt: report.run.startedAt, durationMs, deadlineMs },
    host,
    user: userName(),
    platform: process.platform,
    env: options.env,
    environment: Object.fromEntries(
      Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
    overrides: options.overrides,
    ...(version && { version }),
    ...(coming && { candidate: coming }),
    ...(signal.aborted && { cutOff: cutOffBy(deadlineMs) }),
    interrupted: false,
    observations: recorder.recorded(),
  };
  return { context, report, recording };
};

/** The collector has a prober and a time of its own: what the checks left of theirs does not count. */
const gather = async (
  { context, recording }: Seen,
  { timeoutMs, maxBytes, rules }: BundleOptions,
  tool: Tool,
  interrupted: AbortSignal,
  merged: string | undefined,
): Promise<{ readonly collected: Collected; readonly scope: Scope }> => {
  const controller = new AbortController();
  const end = (): void => controller.abort("cut off");
  const timer = setTimeout(end, COLLECT_MS);
  interrupted.addEventListener("abort", end, { once: true });
  const { signal } = controller;
  const { platform } = process;
  const probe = createProber({ signal, timeoutMs, platform, userAgent: userAgent(tool) });
  const used = Buffer.byteLength(JSON.stringify(recording.observations)) * 2;
  try {
    const scope = await findScope(probe, context.topology);
    const room = Math.max(maxBytes / 4, maxBytes - used);
    const collected = await collect({ ...context, probe }, { signal, rules, maxBytes: room, merged, scope });
    return { collected, scope };
  } finally {
    clearTimeout(timer);
    interrupted.removeEventListener("abort", end);
    // Whatever is still under way must not hold the process.
    end();
  }
};

/** @param written what was written, and where */
const summary = (
  { bytes, names, removals, values, missing, ordinary }: Bundle,
  report: Report,
  written: string,
  map: string | undefined,
): string => {
  const places = removals.reduce((sum, { count }) => sum + count, 0);
  return [
    `${written} ${counted(names.length, "file")}, ${size(bytes.length)}.`,
    `Judged: ${VERDICTS[report.summary.verdict]}: ${outcome(report)}; ${lookedAtAs(report.run)}.`,
    places === 0
      ? "Nothing had to be taken out."
      : `Taken out at ${counted(places, "place")}: ${values === 0 ? "no secret, but" : `${counted(values, "secret")}, and`} what may be private; removals.txt in it says where.`,
    ...(missing.length > 0 ? [`Not in it: ${counted(missing.length, "thing")} that README.md in it names.`] : []),
    ...(ordinary.length > 0
      ? [
          `Too ordinary to be searched for everywhere: ${counted(ordinary.length, "secret")} (${ordinary.join(", ")}). Choose better ones.`,
        ]
      : []),
    ...(map === undefined
      ? ["Addresses and host names are in it; --anonymize replaces them."]
      : [`${map} says what is behind the pseudonyms: keep it here, and do not send it.`]),
    "Look into it before you send it: README.md says what each file is.",
  ].join("\n");
};

/** As wide as a terminal is, where there is one. */
const fitted = (text: string, { columns }: { readonly columns?: number }): string =>
  columns
    ? text
        .split("\n")
        .flatMap((line) => wrap(line, columns))
        .join("\n")
    : text;

/** Looks at this host, and puts all that was seen into one archive, without its secrets. Returns the exit code. */
export const bundle = async (options: BundleOptions, tool: Tool, streams: Streams): Promise<number> => {
  const { anonymize, maxBytes } = options;
  const { environment, stdout, stderr } = streams;
  const at = new Date();
  const path = options.file ?? ownName(tool, at, anonymize);
  const isStdout = path === STDOUT;
  if (isStdout && stdout.isTTY) throw new UsageError("A terminal shows no archive: send it to a file, or name one.");
  const mapPath = anonymize ? (options.map ?? (isStdout ? undefined : `${path}.map.json`)) : undefined;
  if (anonymize && mapPath === undefined)
    throw new UsageError(
      "--anonymize with -f - wants --map FILE: who holds the map can tell what is behind a pseudonym.",
    );
  if (mapPath !== undefined && resolve(mapPath) === resolve(path))
    throw new UsageError("--map wants another file than --file: the bundle would take its place.");
  for (const target of [isStdout ? undefined : path, mapPath]) if (target !== undefined) await mustBeWritable(target);
  const map = await earlierMap(mapPath);
  const progress = await startProgress(
    stderr,
    catalogue.map(({ id }) => id),
    tool.name,
  );
  const interrupts = catchInterrupts();
  const stopped = (): number | undefined => {
    const interruption = interrupts.interruption();
    return interruption && exitCodeOfSignal(interruption);
  };
  const interrupted = async (code = EXIT_UNJUDGED): Promise<number> => {
    await write(stderr, `${tool.name}: interrupted: no bundle was written.\n`);
    return code;
  };
  try {
    let recorder: Recorder | undefined;
    const wrap = (prober: Context["probe"], signal: AbortSignal): Context["probe"] => {
      recorder = createRecorder(prober, signal);
      return recorder.probe;
    };
    const made = await inSession(
      options,
      tool,
      environment,
      async (session): Promise<{ bundle: Bundle; report: Report } | undefined> => {
        if (recorder === undefined) throw new Error("a session without its recorder");
        const seen = await judge(session, recorder, options, tool, environment, progress.observe);
        const { topology } = seen.context;
        progress.say("collecting files, logs and facts");
        const merged = await mergedConfiguration(seen.context.probe, topology.config.value);
        const gathered = await gather(seen, options, tool, interrupts.signal, merged);
        if (stopped() !== undefined) return undefined;
        progress.say("taking secrets out, and searching for what is left of them");
        const { rehearsal: _, ...rest } = topology;
        const bundle = await makeBundle({
          at,
          report: seen.report,
          markdown,
          recording: seen.recording,
          secrets: secretsIn(rest),
          ...gathered,
          ...(anonymize && { anonymity: { ...(map && { map }) } }),
          maxBytes,
          signal: interrupts.signal,
        });
        return { bundle, report: seen.report };
      },
      { interrupts, wrap },
    );
    progress.stop();
    const code = stopped();
    if (code !== undefined || made === undefined) return interrupted(code);
    const { bytes, map: newMap } = made.bundle;
    if (mapPath !== undefined) await placed(mapPath, `${JSON.stringify(newMap, null, 2)}\n`);
    const replaced = !isStdout && (await exists(path)) ? ", in place of what was there" : "";
    if (isStdout) await write(stdout, bytes);
    else await placed(path, bytes);
    const written = isStdout ? "Written to standard output:" : `${path}, for you alone to read (mode 0600)${replaced}:`;
    const told = isStdout ? stderr : stdout;
    await write(told, `${fitted(summary(made.bundle, made.report, written, mapPath), told)}\n`);
    return 0;
  } catch (error) {
    if (error instanceof BundleError && stopped() !== undefined) return interrupted(stopped());
    if (error instanceof BundleError) throw new UsageError(error.message);
    throw error;
  } finally {
    progress.stop();
    interrupts.release();
  }
};
