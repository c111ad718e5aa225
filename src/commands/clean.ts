import { lstat, realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { readGzip } from "../archive/gzip.ts";
import { PlaceError, placeFile, readBounded, readStream } from "../archive/place.ts";
import { formatOf, size } from "../archive/words.ts";
import { ArchiveError, readZip, writeZip } from "../archive/zip.ts";
import { MAX_FILES, MAX_PACKED_BYTES, MAX_UNPACKED_BYTES, READ_LIMITS } from "../bundle/limits.ts";
import type { FileRemoval } from "../bundle/removals.ts";
import { counted, printable } from "../model/text.ts";
import type { Redactor } from "../redaction/redactor.ts";
import { type CleanedArchive, cleanArchive, cleanPieces, leakIn, textOf } from "./cleaning.ts";
import type { Tool } from "./session.ts";
import { type Streams, write } from "./streams.ts";
import { UsageError } from "./usage-error.ts";

export interface CleanOptions {
  /** An archive or a text; `-` for standard input. */
  readonly path: string;
  /** Where it goes; `-` for standard output. Without it, a file beside the input; of standard input, standard output. */
  readonly file?: string;
  /** Default: the process's own. */
  readonly stdin?: NodeJS.ReadableStream;
}

const STREAM = "-";

/** Lines about what was taken out; removals.txt of an archive has all. */
const MAX_LINES = 40;
/** Line numbers of one rule in one file; a text has no removals.txt, so that these are all that is told of it. */
const MAX_NUMBERS = 12;

/** The last dot but one of `crowdsec.log.1`, of `acquis.yaml.local` and of `access.log.gz`. */
const ENDING = /(?:\.[a-z][\w-]*?)?(?:\.(?:local|gz|\d+))?$/i;

/** `x.clean.zip`, `crowdsec.clean.log.1`; what was packed is not packed again. */
const nameBeside = (path: string): string => {
  const name = basename(path).replace(/\.gz$/i, "");
  const ending = ENDING.exec(name.slice(1))?.[0] ?? "";
  return join(dirname(path), `${name.slice(0, name.length - ending.length)}.clean${ending}`);
};

/** Where a name leads, its last part not followed: that one would be replaced. */
const placeOf = async (path: string): Promise<string> => {
  const folder = dirname(resolve(path));
  return join(await realpath(folder).catch(() => folder), basename(path));
};

const mustDiffer = async (target: string, path: string): Promise<void> => {
  const place = await placeOf(target);
  const real = await realpath(path).catch(() => path);
  if (place === (await placeOf(path)) || place === real)
    throw new UsageError(`${printable(target)} is what is to be cleaned, and would be lost: -f names another file.`);
};

/** What is written, and what is told about it. */
interface Result extends Omit<CleanedArchive, "files"> {
  readonly bytes: Buffer;
}

/** Whoever has the file has these texts: they are what is searched, not what was meant to be in them. */
const search = (redactor: Redactor, name: string, ...texts: readonly string[]): void => {
  const found = leakIn(redactor, name, texts);
  if (found === undefined) return;
  throw new UsageError(
    `nothing was written: ${found}. This is a defect of crowdsec-preflight: please report it, with this sentence alone.`,
  );
};

const cleanZip = async (bytes: Buffer): Promise<Result> => {
  const { files, ...rest } = cleanArchive(await readZip(bytes, READ_LIMITS));
  const packed = await writeZip(files, new Date());
  // Its account of what was taken out may make it a little larger than what was read.
  const reread = await readZip(packed, {
    maxBytes: packed.length,
    maxUnpackedBytes: 2 * MAX_UNPACKED_BYTES,
    maxFiles: MAX_FILES + 1,
  });
  for (const { name, content } of reread) search(rest.redactor, name, name, content.toString("utf8"));
  return { bytes: packed, ...rest };
};

const cleanText = (bytes: Buffer, name: string, file: string): Result => {
  const read = textOf(bytes);
  if (bytes.length === 0) throw new ArchiveError("it is empty");
  if (!("text" in read))
    throw new ArchiveError(`${read.why}: a zip archive or a text is wanted; unpack it, and clean what is in it`);
  const { pieces, removals, redactor } = cleanPieces([{ name, text: read.text }]);
  const [piece = { name, text: "" }] = pieces;
  const written = Buffer.from(piece.text);
  search(redactor, file, written.toString("utf8"));
  return { bytes: written, removals: removals.map((one) => ({ ...one, file })), leftOut: [], redactor };
};

const cleaned = async (bytes: Buffer, path: string): Promise<Result> => {
  const format = formatOf(bytes);
  if (format === "zip") return cleanZip(bytes);
  const content = format === "gzip" ? await readGzip(bytes, MAX_PACKED_BYTES) : bytes;
  return path === STREAM
    ? cleanText(content, "standard input", "standard input")
    : cleanText(content, resolve(path), basename(path));
};

/** `line 3`, `4 times: lines 3, 7, 9`; bounded. */
const places = (removals: readonly FileRemoval[]): string => {
  const times = removals.reduce((sum, { count }) => sum + count, 0);
  const numbers = [...new Set(removals.map(({ line }) => line))].sort((a, b) => a - b);
  const more = numbers.length - MAX_NUMBERS;
  const shown = numbers.slice(0, MAX_NUMBERS).join(", ");
  const where = `${numbers.length === 1 ? "line" : "lines"} ${shown}${more > 0 ? ` and ${more} more` : ""}`;
  return times === 1 ? where : `${times} times: ${where}`;
};

/** What each rule took out of each file, and in which lines, in the order of the files. */
const byRule = (removals: readonly FileRemoval[]): readonly string[] => {
  const rows = new Map<string, FileRemoval[]>();
  for (const removal of removals) {
    const key = `${printable(removal.file)}: ${printable(removal.rule)}`;
    rows.set(key, [...(rows.get(key) ?? []), removal]);
  }
  const lines = [...rows].map(([key, list]) => `  ${key} (${places(list)})`);
  const more = lines.length - MAX_LINES;
  return more > 0 ? [...lines.slice(0, MAX_LINES), `  and ${more} more`] : lines;
};

const OURS = "this is a bundle of crowdsec-preflight: its secrets were taken out when it was made";

const taken = ({ removals, bundle }: Result): string => {
  const count = removals.reduce((sum, one) => sum + one.count, 0);
  if (count > 0) {
    const told = `${counted(count, "secret or private value", "secrets and private values")} taken out`;
    return bundle === undefined ? `${told}:` : `${OURS}; all the same, ${told} now:`;
  }
  return bundle === undefined
    ? "nothing was found that has to be taken out."
    : `${OURS}, and nothing more was found in it.`;
};

/** @param to where it was written, and whether something was there */
const summary = (result: Result, from: string, to: { readonly name: string; readonly replaced: boolean }): string => {
  const { bytes, removals, leftOut, redactor, bundle } = result;
  const { ordinary } = redactor;
  const left = leftOut.map(({ name, why }) => `  ${printable(name)}: ${printable(why)}`);
  return [
    `${from}: ${taken(result)}`,
    ...byRule(removals),
    ...(left.length === 0 ? [] : ["Left out, since it cannot be cleaned:", ...left.slice(0, MAX_LINES)]),
    ...(left.length > MAX_LINES ? [`  and ${left.length - MAX_LINES} more`] : []),
    ...(ordinary.length === 0
      ? []
      : [
          `Too ordinary to be searched for everywhere: ${counted(ordinary.length, "secret")} (${ordinary.map((one) => printable(one)).join(", ")}). Choose better ones.`,
        ]),
    bundle?.anonymized === true
      ? "Its addresses and host names are pseudonyms, and stay as they are."
      : "Addresses, host names, users and e-mail addresses stay as they are.",
    `Written to ${to.name}${to.replaced ? " (replaced)" : ""} (${size(bytes.length)}). Look into it before you send it.`,
    "",
  ].join("\n");
};

/** Whether something has this name, even if it is a link that leads nowhere. */
const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** Takes the secrets out of somebody else's archive, or a text, into another file. Returns the exit code. */
export const clean = async (options: CleanOptions, _tool: Tool, streams: Streams): Promise<number> => {
  const { path, stdin = process.stdin } = options;
  const { stdout, stderr } = streams;
  const isStdin = path === STREAM;
  const from = isStdin ? "standard input" : printable(path);
  const target = options.file ?? (isStdin ? STREAM : nameBeside(path));
  const isStdout = target === STREAM;
  if (!isStdin && !isStdout) await mustDiffer(target, path);
  const to = isStdout ? "standard output" : printable(target);
  const failing = async <T>(file: string, work: () => T | Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ArchiveError || error instanceof PlaceError)
        throw new UsageError(`${file}: ${error.message}.`);
      throw error;
    }
  };
  const bytes = await failing(from, () =>
    isStdin ? readStream(stdin, MAX_PACKED_BYTES) : readBounded(path, MAX_PACKED_BYTES),
  );
  if (isStdout && stdout.isTTY && formatOf(bytes) === "zip")
    throw new UsageError("A terminal shows no archive: send it to a file, or name one with -f.");
  const result = await failing(from, () => cleaned(bytes, path));
  const replaced = !isStdout && (await isThere(target));
  if (isStdout) await write(stdout, result.bytes);
  else await failing(to, () => placeFile(target, result.bytes));
  await write(stderr, summary(result, from, { name: to, replaced }));
  return 0;
};
