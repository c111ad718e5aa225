import { describe, expect, test } from "@jest/globals";
import type { Failed, FileCode } from "../../src/model/observation.ts";
import {
  type LoadedFile,
  type LoadOptions,
  loadDocuments,
  loadFile,
  type Reader,
  readerOf,
} from "../../src/topology/crowdsec-files.ts";
import { parseYaml } from "../../src/topology/yaml-tree.ts";
import { fakeProber } from "../support/fake-prober.ts";

const refused = (code: FileCode): Failed => ({
  ok: false,
  phase: "host",
  code,
  message: `it is ${code}`,
  elapsedMs: 0,
});

const load = async (
  files: Readonly<Record<string, string | Failed>>,
  options?: LoadOptions,
): Promise<LoadedFile & { readonly asked: readonly string[]; readonly reader: Reader | undefined }> => {
  const probe = fakeProber({ files });
  const loaded = await loadFile(probe, "/a.yaml", "settings", options);
  return { ...loaded, asked: probe.asked, reader: loaded.tree && readerOf(loaded.tree, {}) };
};

describe("a file with its overlay", () => {
  test("without an overlay the file is all there is", async () => {
    const { files, reader } = await load({ "/a.yaml": "url: x\n" });
    expect(files).toEqual([
      { path: "/a.yaml", purpose: "settings", state: "read", mistakes: [] },
      {
        path: "/a.yaml.local",
        purpose: "settings, overlay",
        state: "optional-missing",
        message: "ENOENT",
        mistakes: [],
      },
    ]);
    expect(reader?.text("url")).toEqual({ value: "x", origin: "/a.yaml:1" });
  });

  test("an overlay wins, and what it says is its own", async () => {
    const { files, reader } = await load({ "/a.yaml": "url: x\nlogin: y\n", "/a.yaml.local": "# mine\nurl: z\n" });
    expect(files.map(({ state }) => state)).toEqual(["read", "read"]);
    expect(reader?.text("url")).toEqual({ value: "z", origin: "/a.yaml.local:2" });
    expect(reader?.text("login")).toEqual({ value: "y", origin: "/a.yaml:2" });
  });

  test("a file that has no overlays is read alone", async () => {
    const { files, asked } = await load({ "/a.yaml": "url: x\n", "/a.yaml.local": "url: z\n" }, { overlay: false });
    expect(files).toEqual([{ path: "/a.yaml", purpose: "settings", state: "read", mistakes: [] }]);
    expect(asked).toEqual(["file /a.yaml"]);
  });

  test.each([
    ["file-missing", "missing"],
    ["file-denied", "denied"],
    ["file-large", "large"],
    ["file-binary", "unreadable"],
    ["file-error", "unreadable"],
  ] as const)("a file that is %s is %s, has no values, and its overlay is not read", async (code, state) => {
    const { files, tree, asked } = await load({ "/a.yaml": refused(code), "/a.yaml.local": "url: z\n" });
    expect(files).toEqual([{ path: "/a.yaml", purpose: "settings", state, message: `it is ${code}`, mistakes: [] }]);
    expect(tree).toBeUndefined();
    expect(asked).toEqual(["file /a.yaml"]);
  });

  test.each([
    ["file-missing", "optional-missing"],
    ["file-denied", "denied"],
    ["file-large", "large"],
  ] as const)("an overlay that is %s is %s, and the file's own values stay", async (code, state) => {
    const { files, reader } = await load({ "/a.yaml": "url: x\n", "/a.yaml.local": refused(code) });
    expect(files[1]).toEqual({
      path: "/a.yaml.local",
      purpose: "settings, overlay",
      state,
      message: `it is ${code}`,
      mistakes: [],
    });
    expect(reader?.text("url")?.value).toBe("x");
  });

  test("a mistake in the file is shown with its line", async () => {
    const { files, tree } = await load({ "/a.yaml": "url: x\nurl: y\n" });
    expect(files).toEqual([
      {
        path: "/a.yaml",
        purpose: "settings",
        state: "invalid",
        line: 2,
        message: expect.stringMatching(/\w/),
        mistakes: [],
      },
    ]);
    expect(tree).toBeUndefined();
  });

  test("a mistake in the overlay is shown with its line, and the file's own values stay", async () => {
    const { files, reader } = await load({ "/a.yaml": "url: x\n", "/a.yaml.local": "a: 1\n\tb: 2\n" });
    expect(files[1]).toMatchObject({ path: "/a.yaml.local", state: "invalid", line: 2 });
    expect(reader?.text("url")?.value).toBe("x");
  });

  test("an overlay of another shape is shown with its line, and the file's own values stay", async () => {
    const { files, reader } = await load({ "/a.yaml": "api:\n  url: x\n", "/a.yaml.local": "\n\napi: none\n" });
    expect(files[1]).toMatchObject({
      path: "/a.yaml.local",
      state: "invalid",
      line: 3,
      message: "can't merge a scalar into a mapping",
    });
    expect(reader?.text("api", "url")?.value).toBe("x");
  });

  test.each(["- a\n", "word\n", "7\n"])("a file that is no map (%j) is invalid", async (content) => {
    expect((await load({ "/a.yaml": content })).files).toEqual([
      {
        path: "/a.yaml",
        purpose: "settings",
        state: "invalid",
        line: 1,
        message: "the top level is not a mapping",
        mistakes: [],
      },
    ]);
  });

  test("an empty file is a map without keys, and said to be empty; an empty overlay is nothing to mention", async () => {
    const { files, reader } = await load({ "/a.yaml": "", "/a.yaml.local": "url: z\n" });
    expect(files.map(({ state }) => state)).toEqual(["empty", "read"]);
    expect(reader?.text("url")?.value).toBe("z");
    expect((await load({ "/a.yaml": "url: x\n", "/a.yaml.local": "# later\n" })).files[1]?.state).toBe("read");
  });

  test("a key that CrowdSec refuses is told of the file in which it stands", async () => {
    const shape = { keys: { url: "text", login: "text" } } as const;
    const { files } = await load({ "/a.yaml": "url: x\nlgoin: y\n", "/a.yaml.local": "\npasswort: z\n" }, { shape });
    expect(files.map(({ mistakes }) => mistakes.map(({ origin, key }) => [origin, key]))).toEqual([
      [["/a.yaml:2", "lgoin"]],
      [["/a.yaml.local:2", "passwort"]],
    ]);
  });

  test("a wrong value that the overlay puts right is no mistake", async () => {
    const shape = { keys: { port: "integer" } } as const;
    const { files } = await load({ "/a.yaml": "port: word\n", "/a.yaml.local": "port: 1\n" }, { shape });
    expect(files.map(({ mistakes }) => mistakes)).toEqual([[], []]);
  });
});

describe("a file of several documents", () => {
  const documents = (content: string | Failed, optional = false): ReturnType<typeof loadDocuments> =>
    loadDocuments(fakeProber({ files: { "/a.yaml": content } }), "/a.yaml", "profiles", {
      shape: { keys: { name: "text" } },
      optional,
    });

  test("gives each that holds something, with its own lines and mistakes", async () => {
    const { file, trees } = await documents("name: a\n---\n# nothing\n---\nnmae: b\n");
    expect(trees.map(({ origin }) => origin)).toEqual(["/a.yaml:1", "/a.yaml:5"]);
    expect(file).toMatchObject({ state: "read", mistakes: [{ origin: "/a.yaml:5", key: "nmae" }] });
  });

  test.each(["", "# nothing\n", "---\n---\n"])("without any (%j) is empty", async (content) => {
    expect(await documents(content)).toMatchObject({ file: { state: "empty" }, trees: [] });
  });

  test("is invalid as a whole where one document is", async () => {
    expect(await documents("name: a\n---\nname: b\nname: c\n")).toMatchObject({
      file: { state: "invalid", line: 4 },
      content: "",
      trees: [],
    });
  });

  test("may be allowed to be missing", async () => {
    const state = async (optional: boolean): Promise<string> =>
      (await documents(refused("file-missing"), optional)).file.state;
    expect([await state(false), await state(true)]).toEqual(["missing", "optional-missing"]);
  });
});

const reader = (content: string, environment: Readonly<Record<string, string | undefined>> = {}): Reader => {
  const parsed = parseYaml(content, "f");
  if (!parsed.ok) throw new Error(parsed.message);
  return readerOf(parsed.tree, environment);
};
/** `${NAME}`, which the linter would take for a mistake. */
const braced = (name: string): string => `$\{${name}}`;
const value = (text: string): Reader => reader(`key: ${text}\n`, { PORT: "6060", NO: "false", EMPTY: "", A_1: "a" });

describe("typed values", () => {
  test("a value has the line that it stands on", () => {
    expect(reader("a:\n  b: 1\n").integer("a", "b")).toEqual({ value: 1, origin: "f:2" });
  });

  test.each([
    ["word", "word"],
    ["'two words'", "two words"],
    ["8080", "8080"],
    ["true", "true"],
    ["$PORT", "6060"],
  ])("%s is the text %j", (text, expected) => {
    expect(value(text).text("key")?.value).toBe(expected);
  });

  test.each(["0123", "1e5", "1.10", "0x1F", "12345678901234567890", "True"])(
    "what looks like another type is the text that is written there, as for Go: a password may be %s",
    (text) => {
      expect(value(text).text("key")?.value).toBe(text);
    },
  );

  test.each(["", "~", "''", "$EMPTY", "[a]", "{a: b}"])("%j is no text", (text) => {
    expect(value(text).text("key")).toBeUndefined();
  });

  test.each([
    ["6060", 6060],
    ["0", 0],
    ["-1", -1],
    ["'6060'", 6060],
    [braced("PORT"), 6060],
  ])("%s is the number %i", (text, expected) => {
    expect(value(text).integer("key")?.value).toBe(expected);
  });

  test.each(["", "~", "''", "1.5", "word", "$EMPTY", "[1]", "{a: 1}", "true", "false", ".inf"])(
    "%j is no whole number",
    (text) => {
      expect(value(text).integer("key")).toBeUndefined();
    },
  );

  test.each([
    ...["true", "True", "TRUE", "yes", "Yes", "on", "ON", "y", "Y"].map((text) => [text, true] as const),
    ...["false", "False", "no", "NO", "off", "Off", "n", "N", "$NO"].map((text) => [text, false] as const),
  ])("%s is %s", (text, expected) => {
    expect(value(text).boolean("key")?.value).toBe(expected);
  });

  test.each(["", "~", "''", "1", "0", "maybe", "[true]", "{a: true}", "constructor", "toString"])(
    "%j is neither true nor false",
    (text) => {
      expect(value(text).boolean("key")).toBeUndefined();
    },
  );

  test("a key that is not there has no value of any type, and what is there is found whatever its shape", () => {
    const here = reader("a:\nb: {c: 1}\n");
    expect([here.text("x"), here.integer("b", "x"), here.boolean("a", "x", "y")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect([here.has("b", "c"), here.has("b"), here.has("x"), here.has("a", "x")]).toEqual([true, true, false, false]);
  });
});

describe("names of the environment", () => {
  test.each([
    ["$PORT", "6060"],
    [braced("PORT"), "6060"],
    ["127.0.0.1:$PORT", "127.0.0.1:6060"],
    [`x${braced("PORT")}y`, "x6060y"],
    ["$PORT$A_1", "6060a"],
    ["$PORT/$A_1", "6060/a"],
    ["x$EMPTY", "x"],
  ])("%s becomes %s", (text, expected) => {
    expect(value(text).text("key")?.value).toBe(expected);
  });

  test.each([
    "$NOWHERE",
    braced("NOWHERE"),
    "$PORTX",
    "a$",
    "$$",
    braced(""),
    braced("PORT").slice(0, -1),
    "$-",
    "p$ss",
    "$constructor",
    braced("toString"),
  ])("%s stays as it is", (text) => {
    expect(value(`"${text}"`).text("key")?.value).toBe(text);
  });

  test("what a name stands for is not expanded again", () => {
    expect(reader("key: $A\n", { A: "$B", B: "c" }).text("key")?.value).toBe("$B");
  });
});
