import { describe, expect, test } from "@jest/globals";
import { judgeTree, meant, type Shape, since, until } from "../../src/topology/shape.ts";
import { parseYamlDocuments, type Tree } from "../../src/topology/yaml-tree.ts";

const tree = (content: string): Tree => {
  const parsed = parseYamlDocuments(content, "/a.yaml");
  const [first] = parsed.ok ? parsed.trees : [];
  if (first === undefined) throw new Error("this is no YAML");
  return first;
};

const braced = (name: string): string => `$\{${name}}`;

/** The keys that are refused, with what is said of them. */
const judged = (content: string, shape: Shape): readonly string[] =>
  judgeTree(tree(content), shape).map(({ key, problem }) => `${key} ${problem}`);

describe("a value of another kind than CrowdSec decodes", () => {
  // What gopkg.in/yaml.v2, yaml.v3 and goccy/go-yaml do with each was tried with the three of them.
  const good: readonly (readonly [Shape, string])[] = [
    ["text", "[word, 5, 5.5, true, yes, 2020-01-01, '', ~, $NAME]"],
    ["integer", `[5, -5, 0, 5.0, 0x1F, 0o17, 0b11, 1_000, ~, $PORT, '${braced("PORT")}']`],
    ["numeral", "[5, '5', 1_000, ~, $PORT]"],
    ["boolean", `[true, False, TRUE, yes, No, on, OFF, y, n, ~, $ON, '${braced("ON")}']`],
    ["duration", `[4h, 1h30m, 1.5s, 100ms, -1m, '0', 5, ~, $TIME, '${braced("HOURS")}h']`],
    ["level", "[info, INFO, warn, Warning, panic, trace, ~, $LEVEL]"],
    ["any", "[word, 5, [a], {a: b}, ~]"],
    [{ list: "text" }, "[[], [a, 5, ~], ~, $LIST]"],
    [{ list: "integer" }, "[[5, ~], ~]"],
    [{ mapOf: "text" }, "[{}, {a: b, 5: 5, c: ~}, ~, $MAP]"],
    [{ keys: { a: "text" } }, "[{}, {a: b}, {a: ~}, ~, $MAP]"],
  ];
  test.each(good)("%j takes each of %s", (shape, content) => {
    expect(judged(content, { list: shape })).toEqual([]);
  });

  const bad: readonly (readonly [Shape, string, string, number])[] = [
    ["text", "[[a], [], {a: b}]", "text", 3],
    ["integer", "[word, '5', '', true, .inf, 4h, [5], {a: 5}]", "a number", 8],
    ["numeral", "[word, '', '-5', true, [5]]", "a number", 5],
    ["boolean", "[word, 'true', '', 1, 0, [true]]", "true or false", 6],
    ["duration", "[word, 1d, '5', '', true, 4 h, [4h]]", "a duration such as 4h", 7],
    ["level", "[verbose, '', 5, true, [info]]", "a log level such as info", 5],
    [{ list: "text" }, "[a, '', 5, {a: b}]", "a list", 4],
    [{ mapOf: "text" }, "[a, 5, [a], []]", "a mapping", 4],
    [{ keys: { a: "text" } }, "[a, 5, true, [a]]", "a mapping", 4],
  ];
  test.each(bad)("%j takes none of %s", (shape, content, want, count) => {
    const mistakes = judgeTree(tree(content), { list: shape });
    expect(mistakes.map(({ key }) => key)).toEqual(Array.from({ length: count }, (_, index) => `[${index}]`));
    for (const { kind, problem } of mistakes)
      expect([kind, problem]).toEqual(["wrong-kind", expect.stringContaining(`wants ${want}, and is `)]);
  });

  test.each([
    ["port: [1]", "integer", "port wants a number, and is a list"],
    ["port: {a: 1}", "integer", "port wants a number, and is a mapping"],
    ["port: word", "integer", "port wants a number, and is text"],
    ["port: true", "integer", "port wants a number, and is a boolean"],
    ["level: verbose", "level", "level wants a log level such as info, and is other text"],
    ["level: 5", "level", "level wants a log level such as info, and is a number"],
  ] as const)("%j is told by its kind, not by its value", (content, shape, said) => {
    expect(judged(content, { mapOf: shape })).toEqual([said]);
  });

  test.each([
    ["a: '5'", "integer"],
    ["a: 'true'", "boolean"],
    ['a: "FALSE"', "boolean"],
  ] as const)("whoever quoted %j is told to leave the quotes out", (content, shape) => {
    const hints = judgeTree(tree(content), { mapOf: shape }).map(({ hint }) => hint);
    expect(hints).toEqual(["write it without the quotes"]);
  });

  test("a document that is no mapping is told as a whole", () => {
    expect(judged("- a\n", { keys: {} })).toEqual(["the document wants a mapping, and is a list"]);
  });

  test("each mistake says file, line and the way to the key", () => {
    const shape: Shape = { keys: { server: { keys: { rules: { list: { keys: { port: "integer" } } } } } } };
    const content = "server:\n  rules:\n    - port: 1\n    - port: word\n      prt: 1\n";
    expect(judgeTree(tree(content), shape)).toEqual([
      {
        origin: "/a.yaml:4",
        key: "server.rules[1].port",
        kind: "wrong-kind",
        problem: "wants a number, and is text",
      },
      {
        origin: "/a.yaml:5",
        key: "server.rules[1].prt",
        kind: "unknown-key",
        problem: "is no key that CrowdSec knows",
        hint: "did you mean port?",
      },
    ]);
  });
});

describe("a key", () => {
  const shape: Shape = {
    keys: { always: "text", later: since(1, 6, 1, "text"), once: until(1, 6, 3, "integer"), word: "any" },
    elsewhere: { proxy: "set it in the environment" },
  };

  test("that no version knows has no versions", () => {
    const [mistake] = judgeTree(tree("zzz: 1"), shape);
    expect(mistake).toEqual({
      origin: "/a.yaml:1",
      key: "zzz",
      kind: "unknown-key",
      problem: "is no key that CrowdSec knows",
    });
  });

  test("of some versions comes with them, so that the engine's own can be compared", () => {
    const mistakes = judgeTree(tree("later: x\nonce: 1"), shape);
    expect(mistakes.map(({ key, kind, versions }) => [key, kind, versions])).toEqual([
      ["later", "unknown-key", { since: [1, 6, 1] }],
      ["once", "unknown-key", { until: [1, 6, 3] }],
    ]);
  });

  test("of some versions is judged for its value too", () => {
    expect(judged("once: word", shape)).toEqual([
      "once is a key that only some versions of CrowdSec know",
      "once wants a number, and is text",
    ]);
  });

  test.each(["constructor: 1", "__proto__: 1", "hasOwnProperty: 1"])(
    "that JavaScript minds (%j) is unknown",
    (content) => {
      expect(judged(content, shape)).toEqual([expect.stringContaining("is no key that CrowdSec knows")]);
    },
  );

  test("is unknown even without a value, as for CrowdSec", () => {
    expect(judged("zzz:\n", shape)).toHaveLength(1);
  });

  test("that the environment names is let pass", () => {
    expect(judged(`${braced("KEY")}: 1`, shape)).toEqual([]);
  });

  test("that belongs elsewhere says where", () => {
    expect(judgeTree(tree("proxy: x"), shape)[0]?.hint).toBe("set it in the environment");
  });

  test("that some versions let pass comes with those versions", () => {
    const [mistake] = judgeTree(tree("zzz: 1"), { keys: {}, lenient: { until: [1, 7, 4] } });
    expect(mistake).toMatchObject({ versions: { until: [1, 7, 4] }, problem: expect.stringContaining("let it pass") });
  });

  test.each([
    ["listen_ur", "listen_uri"],
    ["listen_urll", "listen_uri"],
    ["lisetn_uri", "listen_uri"],
    ["Listen_URI", "listen_uri"],
    ["listen-uri", "listen_uri"],
    ["tsl", "tls"],
    ["databse", "database"],
  ])("that is mistyped (%s) is told what was meant", (written, name) => {
    expect(meant(written, ["tls", "log", "listen_uri", "database"])).toBe(`did you mean ${name}?`);
  });

  test.each(["zzz", "port", "t", "", "listen", "uri", "listen_socket", "x".repeat(100_000)])(
    "that is like none (%.20s) gets no guess",
    (written) => {
      expect(meant(written, ["tls", "log", "listen_uri", "database"])).toBeUndefined();
    },
  );
});

describe("secrets", () => {
  const shape: Shape = {
    keys: {
      password: { list: "text" },
      port: "integer",
      on: "boolean",
      age: "duration",
      log: "level",
      tls: { keys: {} },
    },
  };
  test.each([
    "password: canary",
    "port: canary",
    "on: canary",
    "age: canary",
    "log: canary",
    "tls: canary",
    "passwrd: canary",
    "zzz: [canary]",
    "zzz: {a: canary}",
    "tls: {a: canary}",
    "{password:canary}",
    "? [canary]\n: 1",
    "- canary",
    "canary",
  ])("%j is not repeated", (content) => {
    const mistakes = judgeTree(tree(content), shape);
    expect(mistakes).not.toEqual([]);
    expect(JSON.stringify(mistakes)).not.toContain("canary");
  });

  test("a key without end is cut", () => {
    const [mistake] = judgeTree(tree(`${"k".repeat(900)}: 1`), shape);
    expect(mistake?.key).toBe("k".repeat(60));
  });
});

test("a file of nothing but mistakes is judged quickly", () => {
  const keys = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`some_long_name_${n}`, "text" as const]));
  const content = Array.from({ length: 20_000 }, (_, n) => `some_lung_nume_${n}: 1`).join("\n");
  const node = tree(content);
  const start = performance.now();
  expect(judgeTree(node, { keys })).toHaveLength(20_000);
  expect(performance.now() - start).toBeLessThan(20_000);
});
