import { createHash } from "node:crypto";
import { ArchiveError, type ArchiveFile } from "../archive/zip.ts";
import { printable } from "../model/text.ts";
import type { Entry } from "./entry.ts";

export const MANIFEST_VERSION = "1.0";

/** The manifest's own name: it is the one file that it does not list. */
const OWN_NAME = "manifest.json";

/** One file of a bundle, as it was put in. */
export interface ManifestFile {
  readonly name: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly what: string;
}

/** manifest.json of a bundle: what is in it, and that it is what was put in. */
export interface Manifest {
  readonly schemaVersion: string;
  readonly tool: { readonly name: string; readonly version: string };
  /** RFC 3339, UTC. */
  readonly madeAt: string;
  readonly host: string;
  readonly runId: string;
  readonly anonymized: boolean;
  readonly files: readonly ManifestFile[];
}

export interface ManifestInput {
  readonly tool: { readonly name: string; readonly version: string };
  readonly at: Date;
  readonly host: string;
  readonly runId: string;
  readonly anonymized: boolean;
  readonly entries: readonly Pick<Entry, "name" | "content" | "what">[];
}

const digestOf = (content: Buffer): string => createHash("sha256").update(content).digest("hex");

/** manifest.json as text. */
export const makeManifest = ({ tool, at, host, runId, anonymized, entries }: ManifestInput): string => {
  const manifest: Manifest = {
    schemaVersion: MANIFEST_VERSION,
    tool: { name: tool.name, version: tool.version },
    madeAt: at.toISOString(),
    host,
    runId,
    anonymized,
    files: entries.map(({ name, content, what }) => {
      const bytes = Buffer.from(content);
      return { name, bytes: bytes.length, sha256: digestOf(bytes), what };
    }),
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
};

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  value !== null && typeof value === "object" && !Array.isArray(value);

const isFile = (value: unknown): value is ManifestFile =>
  isFields(value) &&
  typeof value["name"] === "string" &&
  typeof value["what"] === "string" &&
  Number.isSafeInteger(value["bytes"]) &&
  typeof value["sha256"] === "string" &&
  /^[\da-f]{64}$/.test(value["sha256"]);

const parsed = (content: Buffer): unknown => {
  try {
    return JSON.parse(content.toString("utf8"));
  } catch {
    return undefined;
  }
};

const TEXTS = ["madeAt", "host", "runId"];

const majorOf = (version: string): string => version.split(".")[0] ?? "";

/** manifest.json of a bundle that somebody sent. Throws `ArchiveError` for what is none, or of a later kind. */
export const readManifest = (content: Buffer): Manifest => {
  const wrong = (what: string): never => {
    throw new ArchiveError(`its ${OWN_NAME} ${what}`);
  };
  const value = parsed(content);
  if (!isFields(value)) return wrong("is no JSON object");
  const { schemaVersion, tool, files, anonymized } = value;
  if (typeof schemaVersion !== "string") return wrong("has no schemaVersion: it is that of something else");
  if (majorOf(schemaVersion) !== majorOf(MANIFEST_VERSION))
    return wrong(
      `is of version ${printable(schemaVersion, 20)}, and this tool reads ${MANIFEST_VERSION}: a later version of it may read it`,
    );
  if (!isFields(tool) || typeof tool["name"] !== "string" || typeof tool["version"] !== "string")
    wrong("names no tool");
  for (const name of TEXTS) if (typeof value[name] !== "string") wrong(`has no ${name}`);
  if (typeof anonymized !== "boolean") wrong("does not say whether it is anonymized");
  if (!Array.isArray(files) || !files.every(isFile)) return wrong("lists no files");
  return value as unknown as Manifest;
};

/** What of an archive is not as its manifest says: one sentence each, which begin like "its report.json …". */
export const checkManifest = ({ files }: Manifest, archive: readonly ArchiveFile[]): readonly string[] => {
  const there = new Map(archive.map(({ name, content }) => [name, content]));
  const listed = new Map(files.map((file) => [file.name, file]));
  const shown = (name: string): string => printable(name, 200);
  const changed = files.flatMap(({ name, bytes, sha256 }) => {
    const content = there.get(name);
    if (content === undefined) return [`its ${shown(name)} is missing: ${OWN_NAME} lists it`];
    const same = content.length === bytes && digestOf(content) === sha256;
    return same ? [] : [`its ${shown(name)} is not what was put in: it was changed, or damaged on the way`];
  });
  const twice = files.length === listed.size ? [] : [`its ${OWN_NAME} lists a file twice`];
  const added = archive
    .filter(({ name }) => name !== OWN_NAME && !listed.has(name))
    .map(({ name }) => `its ${shown(name)} was added to it: ${OWN_NAME} does not list it`);
  return [...changed, ...twice, ...added];
};
