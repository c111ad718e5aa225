import { basename } from "node:path";
import type { Context } from "../model/check.ts";
import type { Failed } from "../model/observation.ts";
import { printable } from "../model/text.ts";
import { kindOf } from "../redaction/kind.ts";
import type { Kind } from "../redaction/redactor.ts";
import type { Entry, Missing } from "./entry.ts";
import { findProgram, runProgram } from "./programs.ts";
import { ledOut, type Scope } from "./scope.ts";

/** What one look at the host gave. */
export interface Part {
  readonly entries: readonly Entry[];
  readonly missing: readonly Missing[];
  /** What this user may not see, and root may: paths and command lines. */
  readonly denied: readonly string[];
}

export const NOTHING: Part = { entries: [], missing: [], denied: [] };

export const together = (parts: readonly Part[]): Part => ({
  entries: parts.flatMap(({ entries }) => entries),
  missing: parts.flatMap(({ missing }) => missing),
  denied: parts.flatMap(({ denied }) => denied),
});

export const withEntry = (entry: Entry): Part => ({ ...NOTHING, entries: [entry] });
export const lacking = (source: string, why: string): Part => ({ ...NOTHING, missing: [{ source, why }] });

/** From where the host is looked at. */
export interface Desk extends Context {
  readonly scope: Scope;
}

/** Looks at something. `source`: what it is, for people, in case that nobody gets to it. */
export interface Look {
  readonly source: string;
  readonly look: (desk: Desk) => Promise<Part>;
}

const FAILED: Readonly<Partial<Record<Failed["code"], string>>> = {
  "file-missing": "not there",
  "file-large": "too large",
  "file-binary": "no text",
  "command-missing": "no such program here",
  "command-timeout": "no answer in time",
};

/** In words; `message` stands for what only the system can say. */
export const failedWords = ({ code, message }: Failed): string => FAILED[code] ?? printable(message, 200);

/** What of a failure is to be said. @param optional most hosts do not have it */
export const failedPart = (source: string, failed: Failed, optional = false): Part => {
  const { code } = failed;
  if (code === "file-denied" || code === "command-denied") return { ...NOTHING, denied: [source] };
  if (optional && (code === "file-missing" || code === "command-missing")) return NOTHING;
  return lacking(source, failedWords(failed));
};

/** Text from outside, line by line, without what a terminal would obey. */
export const plainLines = (text: string): string =>
  text
    .split(/\r?\n/)
    .map((line) => line.replace(/\t/g, "  "))
    .map((line) => (/^\s*/.exec(line)?.[0].replace(/[^ ]/g, " ") ?? "") + printable(line, 8000))
    .join("\n");

export interface FileWish {
  readonly path: string;
  readonly what: string;
  /** Most hosts do not have it: nothing is said when it is not there. */
  readonly optional?: boolean;
  readonly kind?: Kind;
  /** The lines to keep, where not all of it is about CrowdSec. */
  readonly keep?: (content: string) => string;
}

/** A file of this host, as `files/PATH`. */
export const takeFile = async ({ probe, scope }: Desk, wish: FileWish): Promise<Part> => {
  const { path, what, optional = true, kind = kindOf(path), keep = (content) => content } = wish;
  const saw = await probe.file(path);
  if (!saw.ok) return failedPart(path, saw, optional);
  if (!scope.allows(path, saw.at)) return lacking(path, ledOut(saw.at));
  const content = keep(saw.content);
  // An empty file can be what is wrong; nothing kept of a full one is not.
  if (content === "" && saw.content !== "") return NOTHING;
  return withEntry({ name: `files${path}`, what, content, kind, source: path });
};

/** A program to run, or the first of several that is there: its name, and fixed arguments. */
export interface Ask {
  readonly any: readonly (readonly [string, ...string[]])[];
  /** What of its output is kept; undefined: all. */
  readonly keep?: (output: string) => string;
  /** Most hosts do not have any of them. */
  readonly optional?: boolean;
  /** Others are refused, or see less. */
  readonly root?: boolean;
  /** It ends with an error when one of several things is not there, which is no wonder. */
  readonly lenient?: boolean;
}

/** Characters of output from which on it may have been longer: the probe keeps the last 64 KiB. */
const MAY_BE_CUT = 60_000;

/** As a person would type it, whole: a shell takes it as it is. */
const commandLine = (argv: readonly string[]): string =>
  argv.map((word) => (/^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");

/** The output of a program under its command line, and what is to be said of it. */
interface Section {
  readonly text: string;
  readonly rest: Part;
}

const firstThere = async ({ probe }: Desk, any: Ask["any"]): Promise<readonly [string, ...string[]] | undefined> => {
  for (const argv of any) if ((await findProgram(probe, argv[0])) !== undefined) return argv;
  return undefined;
};

const ask = async (desk: Desk, { any, keep = (output) => output, optional, root, lenient }: Ask): Promise<Section> => {
  const argv = await firstThere(desk, any);
  const none = (rest: Part): Section => ({ text: "", rest });
  if (argv === undefined) {
    const names = [...new Set(any.map(([name]) => name))].join(", ");
    return none(optional ? NOTHING : lacking(names, "no such program here"));
  }
  const line = commandLine(argv);
  const [name, ...words] = argv;
  const saw = await runProgram(desk.probe, name, words);
  if (saw === undefined) return none(NOTHING);
  if (!saw.ok) return none(failedPart(line, saw, optional));
  if (root && saw.exitCode !== 0 && !isRoot(desk)) return none({ ...NOTHING, denied: [line] });
  const kept = keep(saw.output).replace(/^\n+|\s+$/g, "");
  const ended = saw.exitCode === 0 || lenient ? "" : ` (it ended with ${saw.exitCode})`;
  const rest =
    saw.output.length > MAY_BE_CUT ? lacking(line, "cut off: the last 64 KiB of what it says are kept") : NOTHING;
  return { text: kept === "" ? "" : `# ${line}${ended}\n${kept}\n`, rest };
};

/** What several programs say, in one file. */
export interface Sheet {
  readonly name: string;
  readonly what: string;
  readonly asks: readonly Ask[];
  readonly kind?: Kind;
}

export const takeSheet = async (desk: Desk, { name, what, asks, kind = "text" }: Sheet): Promise<Part> => {
  const sections = await Promise.all(asks.map((each) => ask(desk, each)));
  const content = sections.map(({ text }) => text).filter((text) => text !== "");
  const rest = together(sections.map((section) => section.rest));
  if (content.length === 0) return rest;
  return together([withEntry({ name, what, content: content.join("\n"), kind }), rest]);
};

export const sheetLook = (sheet: Sheet): Look => ({ source: sheet.name, look: (desk) => takeSheet(desk, sheet) });
export const fileLook = (wish: FileWish): Look => ({ source: wish.path, look: (desk) => takeFile(desk, wish) });

export const isRoot = ({ topology }: Context): boolean => topology.user === "root";

/** The lines that a pattern fits. */
export const linesWith =
  (pattern: RegExp) =>
  (text: string): string =>
    text
      .split("\n")
      .filter((line) => pattern.test(line))
      .join("\n");

/** `KEY: value` of what is known, a line each. */
export const fields = (record: object): string =>
  Object.entries(record)
    .filter(([key, value]) => value !== undefined && key !== "ok" && key !== "elapsedMs")
    .map(([key, value]) => `${key}: ${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join("\n");

/** A unit's name without its ending. */
export const serviceName = (unit: string): string => basename(unit, ".service");
