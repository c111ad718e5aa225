import { PlaceError, readBounded } from "../archive/place.ts";
import { FORMAT_WORDS, formatOf, size } from "../archive/words.ts";
import { ArchiveError, readZip } from "../archive/zip.ts";
import { MAX_FILES, MAX_PACKED_BYTES, MAX_UNPACKED_BYTES } from "../bundle/limits.ts";
import type { Document } from "../compare/document.ts";
import { Misfit, readReport } from "../compare/report-shape.ts";
import type { Report } from "../model/report.ts";
import { printable } from "../model/text.ts";
import { parseYaml, type Tree } from "../topology/yaml-tree.ts";
import { UsageError } from "./usage-error.ts";

export type { Document } from "../compare/document.ts";

const MIB = 1024 * 1024;
/** A report; those of a thousand targets have a few megabytes. */
const MAX_REPORT = 16 * MIB;
/** Of all reports of a `merge` together: as much as fits into memory with ease. */
const MAX_TOGETHER = 256 * MIB;
/** Of all reports together: a table of more rows is nobody's. */
const MAX_CHECKS = 2000;
const BUNDLE = { maxBytes: MAX_PACKED_BYTES, maxUnpackedBytes: MAX_UNPACKED_BYTES, maxFiles: MAX_FILES } as const;

const REPORT = "report.json";
const MERGED = "config/merged.yaml";
/** Bouncers' own files, as they stand in a bundle. */
const BOUNCER = /^files\/.*\/bouncers\/([^/]+\.ya?ml(?:\.local)?)$/;
const MAX_CONFIGURATION = MIB;
const MAX_KEYS = 20_000;
const MAX_VALUE = 200;

/** Scalars by their dotted keys; a list of scalars is one value, so that one more item does not move all others. */
const flatten = (tree: Tree, key: string, into: Map<string, string>): void => {
  if (into.size >= MAX_KEYS) return;
  if (tree.kind === "map") {
    for (const [name, value] of tree.entries) flatten(value, key === "" ? name : `${key}.${name}`, into);
  } else if (tree.kind === "list" && !tree.items.every(({ kind }) => kind === "scalar")) {
    for (const [index, item] of tree.items.entries()) flatten(item, `${key}[${index}]`, into);
  } else {
    into.set(printable(key, MAX_VALUE), printable(shown(tree), MAX_VALUE));
  }
};

const shown = (tree: Tree): string => {
  if (tree.kind === "list") return `[${tree.items.map(shown).join(", ")}]`;
  if (tree.kind === "map") return "{}";
  return tree.written ?? String(tree.value ?? "");
};

type Files = ReadonlyMap<string, Buffer>;

/** The keys of CrowdSec's configuration and of its bouncers'; a file that is no YAML has none. */
const configurationOf = (files: Files): ReadonlyMap<string, string> => {
  const keys = new Map<string, string>();
  for (const [name, content] of files) {
    const bouncer = BOUNCER.exec(name)?.[1];
    if ((name !== MERGED && bouncer === undefined) || content.length > MAX_CONFIGURATION) continue;
    const parsed = parseYaml(content.toString("utf8"), name);
    if (!parsed.ok) continue;
    const own = new Map<string, string>();
    flatten(parsed.tree, "", own);
    const prefix = bouncer === undefined ? "" : `${printable(bouncer, MAX_VALUE)} `;
    for (const [key, value] of own) keys.set(`${prefix}${key}`, value);
  }
  return keys;
};

const parseReport = (content: Buffer): Report => {
  if (content.length > MAX_REPORT)
    throw new Misfit(
      `too large for a report: it has ${size(content.length)}, and at most ${size(MAX_REPORT)} are read`,
    );
  let value: unknown;
  try {
    value = JSON.parse(content.toString("utf8"));
  } catch {
    const format = formatOf(content);
    const what = format === "json" ? "JSON that is cut off or damaged" : FORMAT_WORDS[format];
    throw new Misfit(`neither a report nor a bundle, but ${what}`);
  }
  return readReport(value);
};

const isZip = (content: Buffer): boolean => content.subarray(0, 2).toString("latin1") === "PK";

interface Read {
  readonly document: Document;
  /** Of the report alone. */
  readonly bytes: number;
}

const fromBundle = async (content: Buffer, name: string): Promise<Read> => {
  const files: Files = new Map((await readZip(content, BUNDLE)).map((file) => [file.name, file.content]));
  const found = files.get(REPORT);
  if (found === undefined) throw new Misfit(`an archive, but no bundle of crowdsec-preflight: it holds no ${REPORT}`);
  const document = { name, report: parseReport(found) };
  const configuration = files.has(MERGED) ? configurationOf(files) : undefined;
  return { document: { ...document, ...(configuration && { configuration }) }, bytes: found.length };
};

const read = async (path: string): Promise<Read> => {
  const name = printable(path);
  try {
    const content = await readBounded(path, BUNDLE.maxBytes);
    if (isZip(content)) return await fromBundle(content, name);
    return { document: { name, report: parseReport(content) }, bytes: content.length };
  } catch (error) {
    if (error instanceof ArchiveError || error instanceof PlaceError || error instanceof Misfit)
      throw new UsageError(`${name}: ${error.message}.`);
    throw error;
  }
};

/** A report or a bundle that somebody named, of whatever origin. What it cannot be read as is a UsageError. */
export const readDocument = async (path: string): Promise<Document> => (await read(path)).document;

/**
 * Many of them, one after the other: a bundle takes more memory than its report.
 * @param maxBytes of all reports together
 */
export const readDocuments = async (
  paths: readonly string[],
  maxBytes = MAX_TOGETHER,
): Promise<readonly Document[]> => {
  const documents: Document[] = [];
  const checks = new Set<string>();
  let together = 0;
  for (const path of paths) {
    const { document, bytes } = await read(path);
    together += bytes;
    if (together > maxBytes)
      throw new UsageError(
        `The reports up to ${document.name} are larger together than ${size(maxBytes)}: merge fewer of them at a time.`,
      );
    for (const { id } of document.report.findings) checks.add(id);
    if (checks.size > MAX_CHECKS)
      throw new UsageError(`${document.name}: it names more checks than crowdsec-preflight can have.`);
    documents.push(document);
  }
  return documents;
};
