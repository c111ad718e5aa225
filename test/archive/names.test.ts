import { describe, expect, test } from "@jest/globals";
import { clash, createNames, nameProblem } from "../../src/archive/names.ts";

describe("a name that every system can unpack is fit", () => {
  test.each(["README.md", "files/etc/crowdsec/config.yaml", "a b", " a ", "höst", "...", "..a/b..", "1:2", "日本/😀"])(
    "%j",
    (name) => {
      expect(nameProblem(name)).toBeUndefined();
    },
  );
});

test.each([
  ["", "is empty"],
  ["/a", "is an absolute path"],
  ["..", "leads upwards, out of the archive"],
  ["a/../b", "leads upwards, out of the archive"],
  [".", "has an empty part"],
  ["a//b", "has an empty part"],
  ["a/", "has an empty part"],
  ["a\\b", "holds a backslash"],
  ["z:a", "begins with the letter of a drive"],
  ["a\0", "holds a NUL byte"],
  ["a\nb", "holds control characters"],
  ["a\u202eb", "holds control characters"],
  ["\ud83d", "holds half a character"],
  ["a".repeat(4097), "is longer than 4096 bytes"],
])("another one is not: %j", (name, problem) => {
  expect(nameProblem(name)).toBe(problem);
});

test("names that cannot all be files in one folder are found", () => {
  expect(clash([])).toBeUndefined();
  expect(clash(["a", "b/a", "b/c", "a-b", "a.b/c", "ab"])).toBeUndefined();
  expect(clash(["b", "a", "b"])).toBe("b");
  expect(clash(["x/A", "x/a"])).toMatch(/^x\/a$/i);
  expect(clash(["a/b/c", "a-b", "a.b", "a"])).toBe("a");
  expect(clash(["STRASSE/x", "strasse"])).toBe("strasse");
});

test("names are compared soon, however many folders they go through", () => {
  const deep = Array.from({ length: 2000 }, (_one, index) => `${"a/".repeat(2000)}${index}`);
  const started = performance.now();
  expect(clash(deep)).toBeUndefined();
  expect(performance.now() - started).toBeLessThan(5000);
});

describe("names are made fit, each its own", () => {
  const made = (...wanted: readonly string[]): readonly string[] => wanted.map(createNames());

  test("what is fit stays", () => {
    const names = ["README.md", "files/etc/hosts", "files/etc/hosts.d/a", "a b"];
    expect(made(...names)).toEqual(names);
  });

  test.each([
    ["/etc/hosts", "etc/hosts"],
    ["a/../../b", "a/b"],
    ["./a//b/", "a/b"],
    ["a\\b\nc", "a_b_c"],
    ["C:\\x", "C__x"],
    ["\ud83d", "_"],
    ["", "_"],
    ["..", "_"],
    ["a\u202eb", "a_b"],
  ])("%j becomes %j", (wanted, name) => {
    expect(made(wanted)).toEqual([name]);
  });

  test("what another one has is numbered", () => {
    expect(made("A.yaml", "a.yaml", "a.yaml", "d/x", "d", "f", "f/x")).toEqual([
      ...["A.yaml", "a.yaml~2", "a.yaml~3"],
      ...["d/x", "d~2", "f", "f~2/x"],
    ]);
  });

  test("whatever is wanted, the result can be written", () => {
    const wanted = [
      ...["", "/", "\\", "a", "A", "a/", "a/b", "a/b/c", "A/B", "\0", "\u2028", "c:", "c:/", "c_", "~2", "_~2"],
      ...["x".repeat(9000), "é".repeat(9000), "😀".repeat(2048), `😀${"x".repeat(1022)}😀`, "a\\..\\b", " ", "/ /"],
    ];
    const names = made(...wanted, ...wanted);
    expect(names.map(nameProblem).filter((problem) => problem !== undefined)).toEqual([]);
    expect(clash(names)).toBeUndefined();
    expect(new Set(names).size).toBe(wanted.length * 2);
  });
});
