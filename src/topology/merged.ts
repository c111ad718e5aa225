import type { Prober } from "../model/observation.ts";
import { loadFile } from "./crowdsec-files.ts";
import type { Tree } from "./yaml-tree.ts";

const INDENT = "  ";

/** Every value of JSON is one of YAML too, on one line and without doubt about its type. */
const written = (value: string | number | boolean | null): string => JSON.stringify(value);

const keyOf = (key: string): string => (/^[\w.-]+$/.test(key) ? key : JSON.stringify(key));

const isEmpty = (tree: Tree): boolean =>
  (tree.kind === "map" && tree.entries.size === 0) || (tree.kind === "list" && tree.items.length === 0);

/** @param head what stands before the value: a key with its colon, or a hyphen */
const lines = (head: string, tree: Tree, indent: string): readonly string[] => {
  if (tree.kind === "scalar") return [`${indent}${head} ${tree.written ?? written(tree.value)} # ${tree.origin}`];
  if (isEmpty(tree)) return [`${indent}${head} ${tree.kind === "map" ? "{}" : "[]"} # ${tree.origin}`];
  return [`${indent}${head} # ${tree.origin}`, ...body(tree, `${indent}${INDENT}`)];
};

const body = (tree: Tree, indent: string): readonly string[] => {
  if (tree.kind === "map") return [...tree.entries].flatMap(([key, value]) => lines(`${keyOf(key)}:`, value, indent));
  return tree.kind === "list" ? tree.items.flatMap((item) => lines("-", item, indent)) : [];
};

/**
 * CrowdSec's configuration with its `.local` overlay laid over it, before variables are expanded; behind each value, as a
 * comment, where it stands. Undefined where there is none that can be read. It holds secrets, as the files do.
 */
export const mergedConfiguration = async (probe: Prober, path: string): Promise<string | undefined> => {
  const { tree } = await loadFile(probe, path, "CrowdSec's configuration");
  return tree?.kind === "map" ? `${body(tree, "").join("\n")}\n` : undefined;
};
