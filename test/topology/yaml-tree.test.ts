import { describe, expect, test } from "@jest/globals";
import { at, mergeTrees, parseYaml, parseYamlDocuments, type Tree } from "../../src/topology/yaml-tree.ts";

/** The tree of a text that must be good. */
const tree = (content: string, path = "base"): Tree => {
  const parsed = parseYaml(content, path);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.tree;
};

/** A tree as plain data. */
const plain = (node: Tree): unknown => {
  if (node.kind === "map") return Object.fromEntries([...node.entries].map(([key, value]) => [key, plain(value)]));
  return node.kind === "list" ? node.items.map(plain) : node.value;
};

/** How long something takes, beside what it gives. */
const timed = <T>(work: () => T): { readonly result: T; readonly ms: number } => {
  const start = performance.now();
  const result = work();
  return { result, ms: performance.now() - start };
};

/** Far more than any file needs here, far less than one that multiplies would take. */
const PATIENCE_MS = 8000;

describe("parsing", () => {
  test.each([
    ["a map", "a: 1\nb: two\nc: true\nd: null\ne:\n", { a: 1, b: "two", c: true, d: null, e: null }],
    ["maps in maps", "a:\n  b:\n    c: 1\n", { a: { b: { c: 1 } } }],
    ["lists", "a: [1, x]\nb:\n  - y\n  - c: 1\n", { a: [1, "x"], b: ["y", { c: 1 }] }],
    ["quoted text", "a: '1'\nb: \"x\\ty\"\n", { a: "1", b: "x\ty" }],
    ["text of several lines", "a: |\n  x\n  y\nb: z\n", { a: "x\ny\n", b: "z" }],
    ["an anchor and its alias", "a: &here {b: 1}\nc: *here\n", { a: { b: 1 }, c: { b: 1 } }],
    [
      "an anchor that is there twice",
      "a: &x 1\nb: &y {c: &x 2}\nd: &x 3\ne: *y\nf: *x\n",
      { a: 1, b: { c: 2 }, d: 3, e: { c: 2 }, f: 3 },
    ],
    ["a start and an end of the document", "---\na: 1\n...\n", { a: 1 }],
    ["a byte order mark", "\ufeffa: 1\n", { a: 1 }],
    ["Windows line ends", "a: 1\r\nb: x\r\n", { a: 1, b: "x" }],
    ["numbers as keys", "1: a\n", { "1": "a" }],
    ["words of YAML 1.1, as words,", "a: yes\nb: off\n", { a: "yes", b: "off" }],
    ["an unknown tag", "a: !mine x\n", { a: "x" }],
    ["a key that JavaScript minds", "__proto__: {a: 1}\n", JSON.parse('{"__proto__":{"a":1}}')],
  ])("%s can be read", (_what, content, expected) => {
    expect(plain(tree(content))).toEqual(expected);
  });

  test.each(["", "\n\n", "# only a comment\n", "---\n", "~\n"])("a file of nothing (%j) is an empty map", (content) => {
    expect(plain(tree(content))).toEqual({});
  });

  test("a file that is no map keeps its shape", () => {
    expect([tree("- a").kind, tree("word").kind]).toEqual(["list", "scalar"]);
  });

  test("every value remembers its file and line, a value below its key the key's", () => {
    const here = tree("# comment\na: 1\nb:\n  c: x\n  d:\n    - e\n    - f: 1\ng: |\n  text\nh:\n  y\n", "/etc/x.yaml");
    const origins = [["a"], ["b"], ["b", "c"], ["b", "d"], ["g"], ["h"]].map((keys) => at(here, ...keys)?.origin);
    expect(origins).toEqual([2, 3, 4, 5, 8, 10].map((line) => `/etc/x.yaml:${line}`));
    const list = at(here, "b", "d");
    expect(list?.kind === "list" && list.items.map(({ origin }) => origin)).toEqual(["/etc/x.yaml:6", "/etc/x.yaml:7"]);
  });

  test("a value that is an alias is looked for where the alias stands", () => {
    expect(at(tree("a: &here 1\nb: *here\n"), "b")?.origin).toBe("base:2");
  });

  test.each([
    ["a key that is there twice", "a: 1\nb: 2\na: 3\n", 3],
    ["a key that is there twice, once in quotes", "a: 1\n'a': 2\n", 2],
    ["a key that is there twice in a flow", "x: 1\ny: {a: 1,\n  b: 2,\n  a: 3}\n", 4],
    ["a key that is there twice, deeper", "a:\n  b: 1\n  b: 2\n", 3],
    ["a tab that indents", "a:\n\tb: 1\n", 2],
    ["a tab that indents, later", "a:\n  b: 1\n\tc: 2\n", 3],
    ["a bracket that stays open", "a: 1\nb: [1, 2\n", 3],
    ["a quote that stays open", 'a: 1\nb: "x\n', 3],
    ["a value that starts with a reserved character", "a: 1\nb: @x\n", 2],
    ["an indent that fits nowhere", "a:\n    b: 1\n  c: 2\n", 3],
    ["a word that stands alone among keys", "a: 1\nb\nc: 2\n", 2],
    ["an alias of an anchor that is not there", "a: 1\nb: *nowhere\n", 2],
    ["an alias that comes before its anchor", "a: *later\nb: &later 1\n", 1],
  ])("%s is an error with its line", (_what, content, line) => {
    expect(parseYaml(content, "base")).toEqual({ ok: false, line, message: expect.stringMatching(/\w/) });
  });

  test.each(["a: 1\n---\nb: 2\n", "a: 1\n---\n"])(
    "of several documents (%j) the first counts, as for CrowdSec",
    (content) => {
      expect(plain(tree(content))).toEqual({ a: 1 });
    },
  );

  test("a merge key brings in the map that it names, as for CrowdSec; a key of its own wins", () => {
    const merged = tree("base: &base {a: 1, b: 1}\nuse:\n  <<: *base\n  b: 2\n");
    expect(plain(merged)).toEqual({ base: { a: 1, b: 1 }, use: { a: 1, b: 2 } });
  });

  test("of several maps that are merged in, the first that has a key wins", () => {
    const merged = tree("one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\nuse:\n  <<: [*one, *two]\n  a: 3\n");
    const use = at(merged, "use");
    expect(use && plain(use)).toEqual({ a: 3, b: 1, c: 2 });
  });

  test.each([
    ...[">", "|", "*", "@", "`", "!x!", "[", "{", "]", "}", '"', '"x" ', "a: ", "*x ", '"\\q', "- "].map((begin) => [
      begin,
    ]),
  ])("an error about a value that begins with %j does not repeat the value", (begin) => {
    const parsed = parseYaml(`password: ${begin}canary-secret\n`, "base");
    expect(parsed.ok).toBe(false);
    expect(JSON.stringify(parsed)).not.toContain("canary");
  });

  test("anchors that multiply end quickly, with an error", () => {
    const levels = Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join(", ")}]`);
    const { result, ms } = timed(() => parseYaml(["a0: &a0 x", ...levels].join("\n"), "base"));
    expect(result).toMatchObject({ ok: false, message: expect.stringContaining("100000") });
    expect(ms).toBeLessThan(PATIENCE_MS);
  });

  test.each(["a: &a\n  b: *a\n", "a: &a [*a]\n", "a: &a\n  b: &b\n    c: *a\n    d: *b\n"])(
    "anchors that hold themselves (%j) are an error",
    (content) => {
      const { result, ms } = timed(() => parseYaml(content, "base"));
      expect(result).toMatchObject({ ok: false });
      expect(ms).toBeLessThan(PATIENCE_MS);
    },
  );

  test("many aliases of one small anchor take no time", () => {
    const { result, ms } = timed(() => parseYaml(`a: &a 1\nb:\n${"- *a\n".repeat(10_000)}`, "base"));
    expect(result.ok).toBe(true);
    expect(ms).toBeLessThan(PATIENCE_MS);
  });

  test("a file with many values is read, one with too many is an error", () => {
    expect(parseYaml("- x\n".repeat(20_000), "base").ok).toBe(true);
    expect(parseYaml("- x\n".repeat(100_001), "base")).toMatchObject({ ok: false });
  });

  test("tens of thousands of keys are read, and the one that is there twice is found", () => {
    const keys = Array.from({ length: 90_000 }, (_, index) => `key${index}: ${index}`);
    const parsed = parseYaml(keys.join("\n"), "base");
    expect(parsed.ok && parsed.tree.kind === "map" && parsed.tree.entries.size).toBe(90_000);
    expect(parseYaml([...keys, "key7: again"].join("\n"), "base")).toMatchObject({ ok: false, line: 90_001 });
  });

  test.each([
    ["brackets", `a: ${"[".repeat(2000)}`],
    ["closed brackets", `a: ${"[".repeat(2000)}${"]".repeat(2000)}`],
    ["dashes", `${"- ".repeat(2000)}x`],
  ])("nesting without end (%s) is an error", (_what, content) => {
    expect(parseYaml(content, "base")).toMatchObject({ ok: false });
  });
});

describe("several documents", () => {
  const documents = (content: string): unknown => {
    const parsed = parseYamlDocuments(content, "base");
    return parsed.ok ? parsed.trees.map((each) => [each.origin, plain(each)]) : parsed;
  };

  test("are read one by one, with the file's lines", () => {
    expect(documents("a: 1\n---\nb: 2\n---\n- c\n")).toEqual([
      ["base:1", { a: 1 }],
      ["base:3", { b: 2 }],
      ["base:5", ["c"]],
    ]);
  });

  test("may hold nothing", () => {
    expect(documents("")).toEqual([]);
    expect(documents("---\n---\na: 1\n")).toMatchObject([
      [expect.any(String), null],
      [expect.any(String), { a: 1 }],
    ]);
  });

  test("share no anchors, and may have the same keys", () => {
    expect(documents("a: &x 1\n---\na: 2\n")).toMatchObject([{ 1: { a: 1 } }, { 1: { a: 2 } }]);
    expect(documents("a: &x 1\n---\nb: *x\n")).toMatchObject({ ok: false, line: 3 });
  });

  test("are an error as a whole where one of them is, with its line", () => {
    expect(documents("a: 1\n---\nb: 1\nb: 2\n")).toMatchObject({ ok: false, line: 4 });
  });
});

describe("merging an overlay", () => {
  test.each([
    ["maps are merged at every depth", "a: {x: 1, y: {z: 1}}", "a: {y: {w: 2}}", { a: { x: 1, y: { z: 1, w: 2 } } }],
    ["a scalar replaces a scalar", "a: 1\nb: 1", "a: two", { a: "two", b: 1 }],
    ["a list replaces a list", "a: [1, 2]", "a: [3]", { a: [3] }],
    ["a new key is added", "a: 1", "b: 2", { a: 1, b: 2 }],
    ["a null empties a scalar", "a: 1", "a:", { a: null }],
    ["a null empties a list", "a: [1]", "a: ~", { a: null }],
    ["a null empties a map", "a: {b: 1}", "a: null", { a: null }],
    ["over a null anything goes", "a:\nb:\nc:", "a: 1\nb: [1]\nc: {d: 1}", { a: 1, b: [1], c: { d: 1 } }],
    ["an empty overlay changes nothing", "a: 1", "", { a: 1 }],
    ["an overlay over nothing is everything", "", "a: 1", { a: 1 }],
    ["scalars of different types replace each other", "a: 1", "a: 'true'", { a: "true" }],
  ])("%s", (_what, base, overlay, expected) => {
    const merged = mergeTrees(tree(base), tree(overlay, "overlay"));
    expect(merged.ok && plain(merged.tree)).toEqual(expected);
  });

  test.each([
    ["a: {x: 1}", "a: 1", "can't merge a scalar into a mapping"],
    ["a: {x: 1}", "a: [1]", "can't merge a list into a mapping"],
    ["a: [1]", "a: {x: 1}", "can't merge a mapping into a list"],
    ["a: [1]", "a: 1", "can't merge a scalar into a list"],
    ["a: 1", "a: {x: 1}", "can't merge a mapping into a scalar"],
    ["a: 1", "a: [1]", "can't merge a list into a scalar"],
  ])("over %j, %j is an error at the overlay's line", (base, overlay, message) => {
    expect(mergeTrees(tree(base), tree(`# first\n${overlay}`, "overlay"))).toEqual({
      ok: false,
      origin: "overlay:2",
      message,
    });
  });

  test("an error deep inside names its own line", () => {
    const merged = mergeTrees(tree("a: {b: {c: [1]}}"), tree("a:\n  b:\n    x: 1\n    c: 2\n", "overlay"));
    expect(merged).toMatchObject({ ok: false, origin: "overlay:4" });
  });

  test("each value names the file and line that it came from", () => {
    const merged = mergeTrees(tree("a: 1\nb:\n  c: 1\n  d: 1\n"), tree("b:\n  d: 2\ne: 3\n", "overlay"));
    const origin = (...keys: string[]): string | undefined =>
      merged.ok ? at(merged.tree, ...keys)?.origin : undefined;
    expect([origin("a"), origin("b"), origin("b", "c"), origin("b", "d"), origin("e")]).toEqual([
      "base:1",
      "base:2",
      "base:3",
      "overlay:2",
      "overlay:3",
    ]);
  });

  test("the base stays as it was", () => {
    const base = tree("a: {b: 1}");
    mergeTrees(base, tree("a: {b: 2, c: 3}"));
    expect(plain(base)).toEqual({ a: { b: 1 } });
  });
});

describe("looking up", () => {
  const here = tree("a:\n  b: {c: 1}\n  d: [1]\n  e:\nf: x\n");

  test.each([
    [["a", "b", "c"], 1],
    [["a", "d"], [1]],
    [["f"], "x"],
    [["a", "e"], null],
    [[], { a: { b: { c: 1 }, d: [1], e: null }, f: "x" }],
  ])("%j is there", (keys, expected) => {
    const found = at(here, ...keys);
    expect(found && plain(found)).toEqual(expected);
  });

  test.each([[["x"]], [["a", "x"]], [["f", "x"]], [["a", "d", "0"]], [["a", "e", "x"]], [["constructor"]]])(
    "%j is not there",
    (keys) => {
      expect(at(here, ...keys)).toBeUndefined();
    },
  );
});
