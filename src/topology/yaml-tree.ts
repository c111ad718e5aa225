import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from "yaml";

/** A YAML value that remembers where it was written: `origin` is `path:line`. */
export type Tree =
  | { readonly kind: "map"; readonly origin: string; readonly entries: ReadonlyMap<string, Tree> }
  | { readonly kind: "list"; readonly origin: string; readonly items: readonly Tree[] }
  | { readonly kind: "scalar"; readonly origin: string; readonly value: string | number | boolean | null };

export type Parsed =
  | { readonly ok: true; readonly tree: Tree }
  | { readonly ok: false; readonly line?: number; readonly message: string };

/** Anchors can make a small file explode; no CrowdSec file holds this many values. */
const MAX_NODES = 100_000;

class TooLarge extends Error {}

/** Parses one YAML document. A duplicate key is an error, as it is for CrowdSec; an empty file is an empty map. */
export const parseYaml = (content: string, path: string): Parsed => {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const [error] = document.errors;
  if (error) return { ok: false, line: lines.linePos(error.pos[0]).line, message: error.message };
  let nodes = 0;
  const treeOf = (node: Node | null | undefined, line: number): Tree => {
    nodes += 1;
    if (nodes > MAX_NODES) throw new TooLarge();
    const here = node?.range ? lines.linePos(node.range[0]).line : line;
    const origin = `${path}:${here}`;
    if (isAlias(node)) return treeOf(node.resolve(document) ?? null, here);
    if (isMap(node)) {
      const entries = (node.items as Pair<Node, Node | null>[]).map(({ key, value }): [string, Tree] => {
        const keyLine = key.range ? lines.linePos(key.range[0]).line : here;
        const inner = treeOf(value, keyLine);
        // A value on the line below its key is still looked for at the key.
        return [isScalar(key) ? String(key.value) : String(key), { ...inner, origin: `${path}:${keyLine}` }];
      });
      return { kind: "map", origin, entries: new Map(entries) };
    }
    if (isSeq(node)) return { kind: "list", origin, items: (node.items as Node[]).map((item) => treeOf(item, here)) };
    const value = isScalar(node) ? node.value : null;
    return {
      kind: "scalar",
      origin,
      value: typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null,
    };
  };
  try {
    const tree = treeOf(document.contents as Node | null, 1);
    return {
      ok: true,
      tree:
        tree.kind === "scalar" && tree.value === null ? { kind: "map", origin: tree.origin, entries: new Map() } : tree,
    };
  } catch (error) {
    // A cycle of aliases overflows the stack; both say the same of the file.
    if (error instanceof TooLarge || error instanceof RangeError)
      return { ok: false, message: `holds more than ${MAX_NODES} values: anchors that multiply?` };
    throw error;
  }
};

export type Merged =
  | { readonly ok: true; readonly tree: Tree }
  | { readonly ok: false; readonly origin: string; readonly message: string };

/**
 * Lays a `.local` overlay over its base as CrowdSec does (pkg/yamlpatch/merge.go): maps are merged, lists and scalars
 * replaced, an explicit null empties the key, and a value of another shape is an error.
 */
export const mergeTrees = (base: Tree, overlay: Tree): Merged => {
  if (base.kind === "map" && overlay.kind === "map") {
    const entries = new Map(base.entries);
    for (const [key, over] of overlay.entries) {
      const under = entries.get(key);
      const merged: Merged = under === undefined ? { ok: true, tree: over } : mergeTrees(under, over);
      if (!merged.ok) return merged;
      entries.set(key, merged.tree);
    }
    return { ok: true, tree: { ...base, entries } };
  }
  const isNull = (tree: Tree): boolean => tree.kind === "scalar" && tree.value === null;
  if (base.kind === overlay.kind || isNull(base) || isNull(overlay)) return { ok: true, tree: overlay };
  const words = { map: "a mapping", list: "a list", scalar: "a scalar" } as const;
  return { ok: false, origin: overlay.origin, message: `can't merge ${words[overlay.kind]} into ${words[base.kind]}` };
};

/** The value under a path of keys; undefined when a key is missing on the way. */
export const at = (tree: Tree, ...keys: readonly string[]): Tree | undefined =>
  keys.reduce<Tree | undefined>((here, key) => (here?.kind === "map" ? here.entries.get(key) : undefined), tree);
