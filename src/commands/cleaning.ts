import { FORMAT_WORDS, type Format, formatOf } from "../archive/words.ts";
import { ArchiveError, type ArchiveFile } from "../archive/zip.ts";
import { type Manifest, makeManifest, readManifest } from "../bundle/manifest.ts";
import { type FileRemoval, removalsText } from "../bundle/removals.ts";
import { printable } from "../model/text.ts";
import { createRedactor } from "../redaction/create.ts";
import { kindOf } from "../redaction/kind.ts";
import type { Kind, Redacted, Redactor, Removal } from "../redaction/redactor.ts";

/** A text, and the name that it is known by: a path, or a place in an archive. */
export interface Piece {
  readonly name: string;
  readonly text: string;
}

/** What is in an archive and cannot be cleaned. */
export interface LeftOut {
  readonly name: string;
  /** Completes "NAME: …". */
  readonly why: string;
}

export interface Cleaned {
  /** In the order in which they were given. */
  readonly pieces: readonly Piece[];
  readonly removals: readonly FileRemoval[];
  /** Knows all that was found, and searches for what is left of it. */
  readonly redactor: Redactor;
}

/** Formats that can be read as text. */
const TEXTS: readonly Format[] = ["text", "json", "html", "empty", "unknown"];
/** A log may hold some bytes that are no text, from an attack or a crash; what has more of them, as a share, is none. */
const MAX_STRAY = 0.01;

/** A character that is none: what is not UTF-8 becomes the one, what a crash leaves is the other. */
const STRAY = /[\ufffd\0]/g;

/** Bytes as text; or why they are none, completing "NAME: …". */
export const textOf = (bytes: Buffer): { readonly text: string } | { readonly why: string } => {
  const format = formatOf(bytes);
  if (!TEXTS.includes(format)) return { why: FORMAT_WORDS[format] };
  const text = bytes.toString("utf8");
  const stray = text.match(STRAY)?.length ?? 0;
  return stray > text.length * MAX_STRAY ? { why: "no text" } : { text };
};

/** Of a text without a telling name, this many characters show what it is. */
const HEAD = 64 * 1024;
/** And this share of its lines. */
const MOST = 0.8;

const YAML_LINE = /^\s*(?:#|---|- |-$|["']?[\w.$/-]+["']?:(?:\s|$))/;
/** One value a line: what has more is a line of a log. */
const SETTING_LINE = /^\s*(?:#|(?:export\s+)?[A-Za-z_]\w*=(?!.*\s\w+=))/;
/** An option that may take a secret: of a command that sudo has logged, that somebody has pasted. */
const TELLING_OPTION =
  /(?:^|\s)(?:--?[\w-]*(?:pass|pwd|secret|token|key|auth|header|user|cred)|-[apkuwbHPU](?:(?![\w-]{2})|(?=\S{0,80}[\d:])))/im;
/** What every environment has. */
const ENVIRONMENT_LINE = /^(?:export\s+)?(?:PATH|HOME|USER)=/m;

/** Commands are looked for in addition to what any text can hold. */
const orArguments = (text: string): Kind => (TELLING_OPTION.test(text) ? "arguments" : "text");

/** A report, or observations, of ours: no key in it is that of a secret, `pass` counts checks. */
const isOurs = (text: string): boolean => {
  const head = text.slice(0, HEAD);
  return /^\s*\{\s*"schemaVersion":\s*"1\./.test(head) && head.includes('"crowdsec-preflight"');
};

/** What the lines of a text look like, most of them. */
const looksLike = (text: string, mayBeYaml: boolean): Kind => {
  const head = text.slice(0, HEAD);
  if (/^\ufeff?\s*[[{]\s*["{[\]}]/.test(head)) return "json";
  const lines = head.split("\n").filter((line) => line.trim() !== "");
  const areMostly = (pattern: RegExp): boolean =>
    lines.length > 0 && lines.filter((line) => pattern.test(line)).length >= lines.length * MOST;
  if (areMostly(SETTING_LINE)) return ENVIRONMENT_LINE.test(head) ? "environment" : "settings";
  return mayBeYaml && areMostly(YAML_LINE) ? "yaml" : orArguments(text);
};

/**
 * How a text is to be read: by its name where that tells, else by how it looks. `cscli support dump` writes the slashes
 * of a path as `___` (cmd/crowdsec-cli/clisupport/support.go), a bundle of ours puts paths below `files/`.
 */
export const kindFor = ({ name, text }: Piece): Kind => {
  const path = `/${name.replace(/^files\//, "").replaceAll("___", "/")}`.replace(/^\/+/, "/").replace(/\.gz$/, "");
  const file = path.slice(path.lastIndexOf("/") + 1);
  if (/\.log(?:\.\d+)?$/.test(file)) return orArguments(text);
  const byName = kindOf(/bouncer[^/]*\.conf(?:\.local)?$/.test(file) ? `/bouncers/${file}` : path);
  // nsswitch.conf has a line `passwd: files`, and others the like.
  return byName === "text" ? looksLike(text, /^[^.]*$|\.txt$/.test(file)) : byName;
};

const LITERAL = /"(?:[^"\\\n]|\\.)*"/g;

/** What a literal of JSON says; of what only looks like one, what is written. */
const saidBy = (literal: string): string => {
  try {
    return String(JSON.parse(literal));
  } catch {
    return literal.slice(1, -1);
  }
};

/** Each text in a document of ours is read for itself, and all else stays. */
const redactOurs = (redactor: Redactor, text: string): Redacted => {
  const removals: Removal[] = [];
  let [line, last] = [1, 0];
  const shown = text.replace(LITERAL, (literal, at: number) => {
    line += text.slice(last, at).split("\n").length - 1;
    last = at;
    const redacted = redactor.redact(saidBy(literal), "text");
    for (const removal of redacted.removals) removals.push({ ...removal, line });
    return redacted.removals.length === 0 ? literal : JSON.stringify(redacted.text);
  });
  return { text: shown, removals };
};

const studyOurs = (redactor: Redactor, { name, text }: Piece): void => {
  for (const [literal] of text.matchAll(LITERAL)) redactor.study(saidBy(literal), "text", name);
};

/** Takes the secrets out of texts: what one of them shows to be secret is taken out of all. */
export const cleanPieces = (given: readonly Piece[]): Cleaned => {
  const redactor = createRedactor();
  const read = given.map((piece) => ({ ...piece, kind: isOurs(piece.text) ? ("ours" as const) : kindFor(piece) }));
  for (const { name, text, kind } of read)
    if (kind === "ours") studyOurs(redactor, { name, text });
    else redactor.study(text, kind, name);
  const removals: FileRemoval[] = [];
  const pieces = read.map(({ name, text, kind }) => {
    const redacted = kind === "ours" ? redactOurs(redactor, text) : redactor.redact(text, kind);
    // A name is a text too: of a file that somebody called after a token.
    const shown = redactor.redact(name, "text").text;
    for (const removal of redacted.removals) removals.push({ ...removal, file: shown });
    return { name: shown, text: redacted.text };
  });
  return { pieces, removals, redactor };
};

/** What would still hold a secret, in words that do not repeat it; undefined where nothing does. */
export const leakIn = (redactor: Redactor, name: string, texts: readonly string[]): string | undefined => {
  const leak = texts.flatMap((text) => redactor.leaks(text))[0];
  if (leak === undefined) return undefined;
  const place = printable(redactor.redact(name, "text").text);
  return `${place}:${leak.line} would still hold a secret (${leak.secret}; ${leak.form})`;
};

/** Why entries of an archive are no text, where their bytes alone would say less. */
const NAMED: readonly (readonly [RegExp, string])[] = [
  [/\.pprof$/, "a profile of the running program, which holds pieces of its memory"],
  [/(?:^|\/)core(?:\.\d+)?$/, "a dump of the program's memory"],
];

const MANIFEST = "manifest.json";
const REMOVALS = "removals.txt";

/** Of a bundle of ours; somebody else's file of that name is a file like any other. */
const manifestIn = (pieces: readonly Piece[]): { readonly piece: Piece; readonly manifest: Manifest } | undefined => {
  const piece = pieces.find(({ name }) => name === MANIFEST);
  if (piece === undefined) return undefined;
  try {
    return { piece, manifest: readManifest(Buffer.from(piece.text)) };
  } catch (error) {
    if (error instanceof ArchiveError) return undefined;
    throw error;
  }
};

/** With the files as they are now, so that the bundle can still be opened. */
const manifestAnew = ({ madeAt, files, ...rest }: Manifest, pieces: readonly Piece[]): string => {
  const known = new Map(files.map(({ name, what }) => [name, what]));
  const entries = pieces.map(({ name, text }) => ({
    name,
    content: text,
    what: known.get(name) ?? "what clean took out",
  }));
  const at = new Date(madeAt);
  return makeManifest({ ...rest, at: Number.isNaN(at.getTime()) ? new Date(0) : at, entries });
};

/** What was taken out and left out, behind what an earlier run has said. */
const accountOf = (
  earlier: string | undefined,
  removals: readonly FileRemoval[],
  leftOut: readonly LeftOut[],
): string =>
  [
    ...(earlier === undefined ? [] : [earlier, "Later, by clean:"]),
    ...(removals.length === 0 ? [] : [removalsText(removals)]),
    ...(leftOut.length === 0
      ? []
      : [["Left out, since it cannot be cleaned:", ...leftOut.map(({ name, why }) => `${name}: ${why}`)].join("\n")]),
  ]
    .map((paragraph) => `${paragraph.trimEnd()}\n`)
    .join("\n");

export interface CleanedArchive {
  /** Set where it is a bundle of ours, whose secrets were taken out when it was made. */
  readonly bundle?: Pick<Manifest, "anonymized">;
  readonly files: readonly ArchiveFile[];
  readonly removals: readonly FileRemoval[];
  readonly leftOut: readonly LeftOut[];
  readonly redactor: Redactor;
}

/** The files of an archive without secrets, and without what is no text; with the account of both. */
export const cleanArchive = (given: readonly ArchiveFile[]): CleanedArchive => {
  const leftOut: LeftOut[] = [];
  const texts = given.flatMap(({ name, content }): readonly Piece[] => {
    const read = textOf(content);
    if ("text" in read) return [{ name, text: read.text }];
    leftOut.push({ name, why: NAMED.find(([pattern]) => pattern.test(name))?.[1] ?? read.why });
    return [];
  });
  const ours = manifestIn(texts);
  const { pieces, removals, redactor } = cleanPieces(texts.filter((piece) => piece !== ours?.piece));
  const isUntouched = removals.length === 0 && leftOut.length === 0;
  const shownLeftOut = leftOut.map(({ name, why }) => ({ name: redactor.redact(name, "text").text, why }));
  const earlier = pieces.find(({ name }) => name === REMOVALS)?.text;
  const kept = isUntouched
    ? pieces
    : [
        ...pieces.filter(({ name }) => name !== REMOVALS),
        { name: REMOVALS, text: accountOf(earlier, removals, shownLeftOut) },
      ];
  const all =
    ours === undefined
      ? kept
      : [...kept, { name: MANIFEST, text: isUntouched ? ours.piece.text : manifestAnew(ours.manifest, kept) }];
  return {
    files: all.map(({ name, text }) => ({ name, content: Buffer.from(text) })),
    ...(ours !== undefined && { bundle: { anonymized: ours.manifest.anonymized } }),
    removals,
    leftOut: shownLeftOut,
    redactor,
  };
};
