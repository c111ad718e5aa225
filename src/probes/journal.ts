import { constants } from "node:fs";
import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { CommandObservation, JournalLine, JournalObservation } from "../model/observation.ts";
import { printable } from "../model/text.ts";
import { stopwatch } from "./clock.ts";
import { failed, failure } from "./failure.ts";
import { runSystemd } from "./service.ts";

const MAX_LINES = 1000;
const MAX_AGE_MS = 7 * 24 * 3600 * 1000;
const TIMEOUT_MS = 3000;
/** Characters of one line. journald gives none at all of those above 4096 bytes. */
const MAX_TEXT = 4000;

/** ECMA-48: what colours a line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this expression is for
const COLOURS = /\u001b\[[0-?]*[ -/]*[@-~]/g;

/** One entry of `journalctl -o json`: a field is a text; an array of bytes where it is not printable; null where it is long. */
type Entry = Readonly<Record<string, unknown>>;

const isByte = (value: unknown): value is number => typeof value === "number" && value >= 0 && value < 256;

const textOf = (field: unknown): string | undefined => {
  if (typeof field === "string") return field;
  if (!Array.isArray(field) || field.length === 0) return undefined;
  // Of a field that an entry has twice, both stand there.
  return field.every(isByte) ? Buffer.from(field).toString("utf8") : textOf(field[0]);
};

const isEntry = (value: unknown): value is Entry => value !== null && typeof value === "object";

const entryOf = (line: string): Entry | undefined => {
  try {
    const value: unknown = JSON.parse(line);
    return isEntry(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

/**
 * The lines in what `journalctl -o json` printed, none of them from before `since` (milliseconds since 1970). What is not
 * an entry is left out: the first line where the beginning was cut off, and what was said on the other stream.
 */
export const parseJournal = (output: string, since: number): readonly JournalLine[] =>
  output.split("\n").flatMap((line): JournalLine[] => {
    const entry = entryOf(line);
    const at = Number(textOf(entry?.__REALTIME_TIMESTAMP) ?? Number.NaN) / 1000;
    const text = printable((textOf(entry?.MESSAGE) ?? "").replace(COLOURS, ""), MAX_TEXT);
    // The latest time that a Date can hold.
    if (text === "" || !(at >= since && at <= 8.64e15)) return [];
    const pid = Number(textOf(entry?._PID) ?? Number.NaN);
    return [{ at: new Date(at).toISOString(), text, ...(Number.isInteger(pid) && { pid }) }];
  });

/** Journals that stay, and those that go with the system. */
const PLACES = ["var/log/journal", "run/log/journal"];

/** `closed`: there is something, and not for this user. */
type Look = "open" | "closed" | "nothing";

const lookOf = (error: unknown): Look => (failure("host", error, 0).code === "file-denied" ? "closed" : "nothing");

/** The journals of a place, one for each machine that writes there. */
const looksAt = async (folder: string): Promise<readonly Look[]> => {
  try {
    const names = await readdir(folder);
    const opened = names.map((name) => access(join(folder, name, "system.journal"), constants.R_OK));
    return await Promise.all(opened.map((look) => look.then((): Look => "open", lookOf)));
  } catch (error) {
    return [lookOf(error)];
  }
};

/**
 * Whether this user may read no journal of the system, though there is one. journalctl then shows the user's own, and
 * depending on its version calls that a success: its exit code does not tell.
 */
const isClosed = async (root: string): Promise<boolean> => {
  const looks = (await Promise.all(PLACES.map((place) => looksAt(join(root, place))))).flat();
  return looks.includes("closed") && !looks.includes("open");
};

/** Before version 236 there is no choice of fields: an entry is then four times as long, and fewer of them are kept. */
const FIELDS = ["--output-fields=MESSAGE,_PID"];

/** What the journal holds of a unit: the program's own lines, and systemd's about it. @param root in place of `/` */
export const probeJournal = async (
  unit: string,
  { signal }: { readonly signal: AbortSignal },
  root = "/",
): Promise<JournalObservation> => {
  const elapsed = stopwatch();
  // Together with --since, the number would be counted from there on, and the newest lines would be missing.
  const what = [`--unit=${unit}`, `--lines=${MAX_LINES}`, "--no-pager", "--quiet", "--output=json"];
  const ask = (options: readonly string[]): Promise<CommandObservation> =>
    runSystemd("journalctl", [...what, ...options], { timeoutMs: TIMEOUT_MS, signal }, root);
  const chosen = await ask(FIELDS);
  const saw = chosen.ok && chosen.exitCode !== 0 ? await ask([]) : chosen;
  if (!saw.ok) return { ...saw, elapsedMs: elapsed() };
  const lines = parseJournal(saw.output, Date.now() - MAX_AGE_MS);
  if (lines.length === 0 && (await isClosed(root))) {
    return failed("host", "command-denied", "this user may not read the system's journal", elapsed());
  }
  if (saw.exitCode !== 0) return failed("host", "command-error", saw.output || `exit ${saw.exitCode}`, elapsed());
  return { ok: true, elapsedMs: elapsed(), lines };
};
