import type { FileObservation, Prober } from "../model/observation.ts";
import type { ConfigFile, Sourced } from "../model/topology.ts";
import { type Environment, type Expansion, expand } from "./expansion.ts";
import { judgeTree, type Shape } from "./shape.ts";
import { at, isNull, mergeTrees, parseYaml, parseYamlDocuments, type Tree } from "./yaml-tree.ts";

/** One of CrowdSec's YAML files with its `.local` overlay: what became of reading them, and the merged values. */
export interface LoadedFile {
  readonly files: readonly ConfigFile[];
  /** Present when the file could be read and parsed; of a broken overlay, the base alone. */
  readonly tree?: Tree;
}

export interface LoadOptions {
  /** Whether CrowdSec reads a `.local` file beside it. Default true. */
  readonly overlay?: boolean;
  /** Of a file that CrowdSec decodes strictly: what it may hold. */
  readonly shape?: Shape;
}

const STATES: Readonly<Record<string, ConfigFile["state"]>> = {
  "file-missing": "missing",
  "file-denied": "denied",
  "file-large": "large",
};

const stateOf = (saw: FileObservation): ConfigFile["state"] => {
  if (saw.ok) return saw.content.trim() === "" ? "empty" : "read";
  return STATES[saw.code] ?? "unreadable";
};

/** A file as far as its content is not judged. @param optional CrowdSec does not miss it. */
export const fileSeen = (path: string, purpose: string, saw: FileObservation, optional: boolean): ConfigFile => {
  const state = stateOf(saw);
  return {
    path,
    purpose,
    state: optional && state === "missing" ? "optional-missing" : state,
    mistakes: [],
    ...(!saw.ok && { message: saw.message }),
  };
};

const invalid = (path: string, purpose: string, message: string, line: number | undefined): ConfigFile => ({
  path,
  purpose,
  state: "invalid",
  message,
  mistakes: [],
  ...(line !== undefined && { line }),
});

const loadOne = async (
  probe: Prober,
  path: string,
  purpose: string,
  overlay: boolean,
): Promise<{ file: ConfigFile; tree?: Tree }> => {
  const saw = await probe.file(path);
  if (!saw.ok) return { file: fileSeen(path, purpose, saw, overlay) };
  const parsed = parseYaml(saw.content, path);
  if (!parsed.ok) return { file: invalid(path, purpose, parsed.message, parsed.line) };
  if (parsed.tree.kind !== "map") return { file: invalid(path, purpose, "the top level is not a mapping", 1) };
  const state = parsed.tree.entries.size === 0 ? "empty" : "read";
  return { file: { path, purpose, state: overlay ? "read" : state, mistakes: [] }, tree: parsed.tree };
};

/** The path in front of an origin's line. */
const pathOf = (origin: string): string => origin.replace(/:\d+$/, "");

/** Each file gets the mistakes that stand in it; those of the merged whole are told where they were written. */
const judged = (files: readonly ConfigFile[], tree: Tree, shape: Shape | undefined): readonly ConfigFile[] => {
  if (shape === undefined) return files;
  const mistakes = judgeTree(tree, shape);
  return files.map((file) => ({ ...file, mistakes: mistakes.filter(({ origin }) => pathOf(origin) === file.path) }));
};

/** Reads a file and, unless CrowdSec has none for it, its `.local` overlay. */
export const loadFile = async (
  probe: Prober,
  path: string,
  purpose: string,
  { overlay: withOverlay = true, shape }: LoadOptions = {},
): Promise<LoadedFile> => {
  const base = await loadOne(probe, path, purpose, false);
  if (base.tree === undefined) return { files: [base.file] };
  const overlay = withOverlay ? await loadOne(probe, `${path}.local`, `${purpose}, overlay`, true) : undefined;
  const files = [base.file, ...(overlay ? [overlay.file] : [])];
  if (overlay?.tree === undefined) return { files: judged(files, base.tree, shape), tree: base.tree };
  const merged = mergeTrees(base.tree, overlay.tree);
  if (merged.ok) return { files: judged(files, merged.tree, shape), tree: merged.tree };
  const line = Number(/:(\d+)$/.exec(merged.origin)?.[1] ?? 1);
  const broken = invalid(overlay.file.path, overlay.file.purpose, merged.message, line);
  return { files: [base.file, broken], tree: base.tree };
};

/** A file of several YAML documents, each judged; `trees` leaves empty documents out. */
export const loadDocuments = async (
  probe: Prober,
  path: string,
  purpose: string,
  { shape, optional = false }: { readonly shape?: Shape; readonly optional?: boolean } = {},
): Promise<{ readonly file: ConfigFile; readonly content: string; readonly trees: readonly Tree[] }> => {
  const saw = await probe.file(path);
  if (!saw.ok) return { file: fileSeen(path, purpose, saw, optional), content: "", trees: [] };
  const parsed = parseYamlDocuments(saw.content, path);
  if (!parsed.ok) return { file: invalid(path, purpose, parsed.message, parsed.line), content: "", trees: [] };
  const trees = parsed.trees.filter((tree) => !isNull(tree));
  const mistakes = shape === undefined ? [] : trees.flatMap((tree) => judgeTree(tree, shape));
  return {
    file: { path, purpose, state: trees.length === 0 ? "empty" : "read", mistakes },
    content: saw.content,
    trees,
  };
};

/** Typed access to a merged file. Every getter gives undefined for a missing key, a null and a value of another type. */
export interface Reader {
  /** True when the key has a value: not missing, not null, not an empty text. */
  has(...keys: readonly string[]): boolean;
  text(...keys: readonly string[]): Sourced<string> | undefined;
  integer(...keys: readonly string[]): Sourced<number> | undefined;
  boolean(...keys: readonly string[]): Sourced<boolean> | undefined;
  /** Where the key stands, whatever its value. */
  origin(...keys: readonly string[]): string | undefined;
}

/** Words that Go's YAML decoder takes for a boolean besides true and false. */
const WORDS = new Map([
  ...["true", "yes", "on", "y"].map((word) => [word, true] as const),
  ...["false", "no", "off", "n"].map((word) => [word, false] as const),
]);

/** @param environment for `$NAME` in values: CrowdSec's own where it runs, else this shell's. */
export const readerOf = (tree: Tree, environment: Environment, expansion: Expansion = "strict"): Reader => {
  const scalar = (
    keys: readonly string[],
  ): (Sourced<string | number | boolean> & { readonly written: string }) | undefined => {
    const found = at(tree, ...keys);
    if (found?.kind !== "scalar" || found.value === null || found.value === "") return undefined;
    const value = typeof found.value === "string" ? expand(found.value, expansion, environment) : found.value;
    return { value, written: found.written ?? String(value), origin: found.origin };
  };
  return {
    has: (...keys) => {
      const found = at(tree, ...keys);
      return found !== undefined && !isNull(found) && !(found.kind === "scalar" && found.value === "");
    },
    text: (...keys) => {
      const found = scalar(keys);
      return found === undefined || found.value === "" ? undefined : { value: found.written, origin: found.origin };
    },
    integer: (...keys) => {
      const found = scalar(keys);
      const value = typeof found?.value === "string" ? Number(found.value.trim() || Number.NaN) : found?.value;
      return typeof value === "number" && Number.isInteger(value) && found
        ? { value, origin: found.origin }
        : undefined;
    },
    boolean: (...keys) => {
      const found = scalar(keys);
      const value = typeof found?.value === "boolean" ? found.value : WORDS.get(String(found?.value).toLowerCase());
      return found !== undefined && value !== undefined ? { value, origin: found.origin } : undefined;
    },
    origin: (...keys) => at(tree, ...keys)?.origin,
  };
};
