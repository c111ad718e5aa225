import {
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
} from "yaml";

/** A YAML value that remembers where it was written: `origin` is `path:line`. */
export type Tree =
  | { readonly kind: "map"; readonly origin: string; readonly entries: ReadonlyMap<string, Tree> }
  | { readonly kind: "list"; readonly origin: string; readonly items: readonly Tree[] }
  | {
      readonly kind: "scalar";
      readonly origin: string;
      readonly value: string | number | boolean | null;
      /** As it is written there, of a number or a boolean: what Go makes of it where it wants a text. */
      readonly written?: string;
    };

interface Unparsed {
  readonly ok: false;
  readonly line?: number;
  readonly message: string;
}
export type Parsed = { readonly ok: true; readonly tree: Tree } | Unparsed;
export type ParsedDocuments = { readonly ok: true; readonly trees: readonly Tree[] } | Unparsed;

/** Anchors can make a small file explode; no CrowdSec file holds this many values. */
const MAX_NODES = 100_000;

/** The parser's own messages can repeat the value that they complain about, and that may be a password. */
const SAYS: Partial<Readonly<Record<ErrorCode, string>>> = {
  BAD_INDENT: "the indentation is wrong",
  BLOCK_AS_IMPLICIT_KEY: "a mapping stands where a single value is expected",
  MISSING_CHAR: "a closing quote, bracket or colon is missing",
  MULTILINE_IMPLICIT_KEY: "a key goes over several lines",
  TAB_AS_INDENT: "a tab is used as indentation",
};
const NOT_YAML = "this is no valid YAML";

class Refused extends Error {
  readonly line: number | undefined;
  constructor(message: string, line?: number) {
    super(message);
    this.line = line;
  }
}

/** Turns the nodes of a document into trees, aliases and merge keys resolved. */
const treeReader = (path: string, lines: LineCounter): ((node: Node | null) => Tree) => {
  const anchors = new Map<string, Node>();
  let nodes = 0;

  const lineOf = (node: Node | null, otherwise: number): number =>
    node?.range ? lines.linePos(node.range[0]).line : otherwise;

  /** @param first false for what an alias repeats: anchors in there were named before, and are not named again. */
  const read = (node: Node | null, line: number, first: boolean): Tree => {
    nodes += 1;
    if (nodes > MAX_NODES) throw new Refused(`it holds more than ${MAX_NODES} values: anchors that multiply?`);
    const here = lineOf(node, line);
    const origin = `${path}:${here}`;
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target === undefined) throw new Refused("an alias (*) stands there without its anchor (&)", here);
      return read(target, here, false);
    }
    if (first && node !== null && "anchor" in node && typeof node.anchor === "string") anchors.set(node.anchor, node);
    if (isMap(node))
      return { kind: "map", origin, entries: readEntries(node.items as Pair<Node, Node | null>[], here, first) };
    if (isSeq(node))
      return { kind: "list", origin, items: (node.items as Node[]).map((item) => read(item, here, first)) };
    const value = isScalar(node) ? node.value : null;
    const plain = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
    const written = isScalar(node) && plain && typeof value !== "string" ? node.source : undefined;
    return { kind: "scalar", origin, value: plain ? value : null, ...(written !== undefined && { written }) };
  };

  const readEntries = (
    pairs: readonly Pair<Node, Node | null>[],
    line: number,
    first: boolean,
  ): ReadonlyMap<string, Tree> => {
    const own = new Map<string, Tree>();
    const merged = new Map<string, Tree>();
    for (const { key, value } of pairs) {
      const keyLine = lineOf(key, line);
      const tree = read(value, keyLine, first);
      const name = isScalar(key) ? String(key.value) : String(key);
      if (name === "<<" && isScalar(key) && key.type === "PLAIN") {
        // Of several maps that are merged in, the first that has a key wins.
        for (const source of tree.kind === "list" ? tree.items : [tree]) {
          if (source.kind !== "map") throw new Refused("a merge key (<<) wants a mapping", keyLine);
          for (const [inner, under] of source.entries) if (!merged.has(inner)) merged.set(inner, under);
        }
      } else {
        // Not the parser's own check, which takes quadratic time.
        if (own.has(name)) throw new Refused("the same key stands there twice", keyLine);
        // A value on the line below its key is still looked for at the key.
        own.set(name, { ...tree, origin: `${path}:${keyLine}` });
      }
    }
    return new Map([...merged, ...own]);
  };

  return (node) => read(node, 1, true);
};

const parse = (content: string, path: string, onlyFirst: boolean): ParsedDocuments => {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(content, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const all = (Array.isArray(parsed) ? parsed : []) as Document[];
  const documents = onlyFirst ? all.slice(0, 1) : all;
  const [error] = documents.flatMap(({ errors }) => errors);
  if (error) return { ok: false, line: lines.linePos(error.pos[0]).line, message: SAYS[error.code] ?? NOT_YAML };
  try {
    const trees = documents.map(({ contents }) => treeReader(path, lines)((contents ?? null) as Node | null));
    return { ok: true, trees };
  } catch (error) {
    if (error instanceof Refused) {
      return { ok: false, message: error.message, ...(error.line !== undefined && { line: error.line }) };
    }
    // An anchor that holds its own alias overflows the stack.
    if (error instanceof RangeError) return { ok: false, message: "its values are nested too deeply" };
    throw error;
  }
};

/** Every YAML document of a file; an empty one is a null. No message repeats a value of the file. */
export const parseYamlDocuments = (content: string, path: string): ParsedDocuments => parse(content, path, false);

/**
 * Parses the first YAML document of a file, as CrowdSec does. A duplicate key is an error, as it is there; an empty
 * file is an empty map.
 */
export const parseYaml = (content: string, path: string): Parsed => {
  const parsed = parse(content, path, true);
  if (!parsed.ok) return parsed;
  const [tree = { kind: "scalar", origin: `${path}:1`, value: null }] = parsed.trees;
  return { ok: true, tree: isNull(tree) ? { kind: "map", origin: tree.origin, entries: new Map() } : tree };
};

export type Merged =
  | { readonly ok: true; readonly tree: Tree }
  | { readonly ok: false; readonly origin: string; readonly message: string };

/** The shape of nothing: a key without a value. */
export const isNull = (tree: Tree): boolean => tree.kind === "scalar" && tree.value === null;

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
  if (base.kind === overlay.kind || isNull(base) || isNull(overlay)) return { ok: true, tree: overlay };
  const words = { map: "a mapping", list: "a list", scalar: "a scalar" } as const;
  const message = `can't merge ${words[overlay.kind]} into ${words[base.kind]}`;
  return { ok: false, origin: overlay.origin, message };
};

/** The value under a path of keys; undefined when a key is missing on the way. */
export const at = (tree: Tree, ...keys: readonly string[]): Tree | undefined =>
  keys.reduce<Tree | undefined>((here, key) => (here?.kind === "map" ? here.entries.get(key) : undefined), tree);
