import type { FileObservation, Prober } from "../model/observation.ts";
import type { ConfigFile, Sourced } from "../model/topology.ts";
import { at, isNull, mergeTrees, parseYaml, type Tree } from "./yaml-tree.ts";

/** `$NAME` and `${NAME}`: CrowdSec expands both in its configuration. */
const REFERENCE = /\$\{(\w+)\}|\$(\w+)/g;

/** One of CrowdSec's YAML files with its `.local` overlay: what became of reading them, and the merged values. */
export interface LoadedFile {
  readonly files: readonly ConfigFile[];
  /** Present when the file could be read and parsed; of a broken overlay, the base alone. */
  readonly tree?: Tree;
}

const stateOf = (saw: FileObservation): "read" | "missing" | "denied" | "unreadable" => {
  if (saw.ok) return "read";
  return saw.code === "file-missing" ? "missing" : saw.code === "file-denied" ? "denied" : "unreadable";
};

const loadOne = async (
  probe: Prober,
  path: string,
  purpose: string,
  overlay: boolean,
): Promise<{ file: ConfigFile; tree?: Tree }> => {
  const saw = await probe.file(path);
  const state = stateOf(saw);
  if (!saw.ok) {
    const shown = overlay && state === "missing" ? "optional-missing" : state;
    return { file: { path, purpose, state: shown, message: saw.message } };
  }
  const parsed = parseYaml(saw.content, path);
  if (!parsed.ok)
    return {
      file: {
        path,
        purpose,
        state: "invalid",
        message: parsed.message,
        ...(parsed.line !== undefined && { line: parsed.line }),
      },
    };
  if (parsed.tree.kind !== "map")
    return { file: { path, purpose, state: "invalid", line: 1, message: "the top level is not a mapping" } };
  return { file: { path, purpose, state: "read" }, tree: parsed.tree };
};

/** Reads a file and, unless CrowdSec has none for it, its `.local` overlay. */
export const loadFile = async (
  probe: Prober,
  path: string,
  purpose: string,
  withOverlay = true,
): Promise<LoadedFile> => {
  const base = await loadOne(probe, path, purpose, false);
  if (base.tree === undefined || !withOverlay) return { files: [base.file], ...(base.tree && { tree: base.tree }) };
  const overlay = await loadOne(probe, `${path}.local`, `${purpose} (overlay)`, true);
  if (overlay.tree === undefined) return { files: [base.file, overlay.file], tree: base.tree };
  const merged = mergeTrees(base.tree, overlay.tree);
  if (merged.ok) return { files: [base.file, overlay.file], tree: merged.tree };
  const line = Number(/:(\d+)$/.exec(merged.origin)?.[1] ?? 1);
  return { files: [base.file, { ...overlay.file, state: "invalid", line, message: merged.message }], tree: base.tree };
};

/** Typed access to a merged file. Every getter gives undefined for a missing key, a null and a value of another type. */
export interface Reader {
  /** True when the key has a value: not missing, not null, not an empty text. */
  has(...keys: readonly string[]): boolean;
  text(...keys: readonly string[]): Sourced<string> | undefined;
  integer(...keys: readonly string[]): Sourced<number> | undefined;
  boolean(...keys: readonly string[]): Sourced<boolean> | undefined;
}

/** Words that Go's YAML decoder takes for a boolean besides true and false. */
const WORDS = new Map([
  ...["true", "yes", "on", "y"].map((word) => [word, true] as const),
  ...["false", "no", "off", "n"].map((word) => [word, false] as const),
]);

/**
 * @param environment for `$NAME` in values: CrowdSec's own where it runs, else this shell's. An unknown name is left
 * as it stands, as CrowdSec does since 1.5.0.
 */
export const readerOf = (tree: Tree, environment: Readonly<Record<string, string | undefined>>): Reader => {
  const known = new Map(Object.entries(environment));
  const expand = (text: string): string =>
    text.replace(REFERENCE, (whole, braced?: string, bare?: string) => known.get(braced ?? bare ?? "") ?? whole);
  const scalar = (keys: readonly string[]): Sourced<string | number | boolean> | undefined => {
    const found = at(tree, ...keys);
    if (found?.kind !== "scalar" || found.value === null || found.value === "") return undefined;
    return { value: typeof found.value === "string" ? expand(found.value) : found.value, origin: found.origin };
  };
  return {
    has: (...keys) => {
      const found = at(tree, ...keys);
      return found !== undefined && !isNull(found) && !(found.kind === "scalar" && found.value === "");
    },
    text: (...keys) => {
      const found = scalar(keys);
      return found === undefined || found.value === "" ? undefined : { ...found, value: String(found.value) };
    },
    integer: (...keys) => {
      const found = scalar(keys);
      const value = typeof found?.value === "string" ? Number(found.value.trim() || Number.NaN) : found?.value;
      return typeof value === "number" && Number.isInteger(value) && found ? { ...found, value } : undefined;
    },
    boolean: (...keys) => {
      const found = scalar(keys);
      const value = typeof found?.value === "boolean" ? found.value : WORDS.get(String(found?.value).toLowerCase());
      return found !== undefined && value !== undefined ? { ...found, value } : undefined;
    },
  };
};
