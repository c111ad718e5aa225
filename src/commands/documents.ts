import { createHash } from "node:crypto";
import { PlaceError, readBounded } from "../archive/place.ts";
import { FORMAT_WORDS, formatOf, size } from "../archive/words.ts";
import { ArchiveError, readZip } from "../archive/zip.ts";
import { READ_LIMITS } from "../bundle/limits.ts";
import { readManifest } from "../bundle/manifest.ts";
import type { Document } from "../compare/document.ts";
import { Misfit, readReport } from "../compare/report-shape.ts";
import { withoutNumbers } from "../compare/stand-ins.ts";
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

const REPORT = "report.json";
const MERGED = "config/merged.yaml";
const ACQUISITION = "config/acquisition.txt";
const MANIFEST = "manifest.json";
const FILES = "files";
/** Files of their own whose keys are compared: bouncers' and credentials, as they stand in a bundle. */
const OWN_KEYS = [/^files\/.*\/bouncers\/([^/]+\.ya?ml(?:\.local)?)$/, /^files\/.*\/([^/]*api_credentials\.ya?ml)$/];
/** What merged.yaml is made of. */
const MERGED_FROM = /\/config\.yaml(?:\.local)?$/;
const HOME = "/etc/crowdsec/";
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

/** `crowdsec-firewall-bouncer.yaml`; undefined of what is not compared key by key. */
const ownKeysOf = (name: string): string | undefined => OWN_KEYS.flatMap((pattern) => pattern.exec(name)?.[1] ?? [])[0];

/** The keys of CrowdSec's configuration, of its bouncers' and of its credentials; a file that is no YAML has none. */
const configurationOf = (files: Files): ReadonlyMap<string, string> => {
  const keys = new Map<string, string>();
  for (const [name, content] of files) {
    const own = ownKeysOf(name);
    if ((name !== MERGED && own === undefined) || content.length > MAX_CONFIGURATION) continue;
    const parsed = parseYaml(content.toString("utf8"), name);
    if (!parsed.ok) continue;
    const read = new Map<string, string>();
    flatten(parsed.tree, "", read);
    const prefix = own === undefined ? "" : `${printable(own, MAX_VALUE)} `;
    for (const [key, value] of read) keys.set(`${prefix}${key}`, value);
  }
  return keys;
};

/** `/etc/crowdsec/acquis.yaml:1: file` → `/etc/crowdsec/acquis.yaml: file`: lines move without a change. */
const acquisitionOf = (files: Files): readonly string[] => {
  const text = files.get(ACQUISITION)?.subarray(0, MAX_CONFIGURATION).toString("utf8") ?? "";
  const sources = text.split("\n").filter((line) => line !== "");
  return sources.map((line) => printable(withoutNumbers(line.replace(/:\d+: /, ": ")), MAX_VALUE)).sort();
};

/** Below CrowdSec's folder; stand-ins of secrets have another number in each bundle. */
const ownFilesOf = (files: Files, folder: string): ReadonlyMap<string, string> => {
  const home = `${FILES}${withoutNumbers(folder).replace(/\/*$/, "/")}`;
  const own = [...files].map(([name, content]) => [withoutNumbers(name), content] as const);
  return new Map(
    own.flatMap(([name, content]) => {
      if (!name.startsWith(home)) return [];
      const isCompared = ownKeysOf(name) !== undefined || MERGED_FROM.test(name);
      const text = withoutNumbers(content.toString("latin1"));
      const digest = isCompared ? "" : createHash("sha256").update(text, "latin1").digest("hex").slice(0, 12);
      return [[printable(name.slice(FILES.length), MAX_VALUE), digest]];
    }),
  );
};

/** A manifest that cannot be read says nothing of pseudonyms. */
const isAnonymized = (content: Buffer | undefined): boolean => {
  if (content === undefined) return false;
  try {
    return readManifest(content).anonymized;
  } catch (error) {
    if (error instanceof ArchiveError) return false;
    throw error;
  }
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
  const files: Files = new Map((await readZip(content, READ_LIMITS)).map((file) => [file.name, file.content]));
  const found = files.get(REPORT);
  if (found === undefined) throw new Misfit(`an archive, but no bundle of crowdsec-preflight: it holds no ${REPORT}`);
  const document = {
    name,
    report: parseReport(found),
    ...(isAnonymized(files.get(MANIFEST)) && { anonymized: true }),
  };
  if (!files.has(MERGED)) return { document, bytes: found.length };
  const configuration = configurationOf(files);
  return {
    document: {
      ...document,
      configuration,
      acquisition: acquisitionOf(files),
      files: ownFilesOf(files, configuration.get("config_paths.config_dir") || HOME),
    },
    bytes: found.length,
  };
};

const read = async (path: string): Promise<Read> => {
  // The command line gives an empty word for a lone `-`.
  if (path === "" || path === "-") throw new UsageError("Standard input is not read here: name a file.");
  const name = printable(path);
  try {
    const content = await readBounded(path, READ_LIMITS.maxBytes);
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
