import { expect, test } from "@jest/globals";
import { type EngineFlags, engineFlags } from "../../src/topology/engine.ts";

const flags = (...args: readonly string[]): EngineFlags => engineFlags(["/usr/bin/crowdsec", ...args]);

const NONE: EngineFlags = { noApi: false, noAgent: false, noCapi: false };

test("without flags everything runs, from the default configuration", () => {
  expect(flags()).toEqual(NONE);
});

// The forms that Go's flag package knows.
test.each([
  [["-c", "/a.yaml"]],
  [["--c", "/a.yaml"]],
  [["-c=/a.yaml"]],
  [["--c=/a.yaml"]],
  [["-info", "-c", "/a.yaml", "-no-api=false"]],
  [["-c", "/first.yaml", "-c", "/a.yaml"]],
  [["-c=/first.yaml", "-c=/a.yaml"]],
])("%j names the configuration /a.yaml: the last one wins", (args) => {
  expect(flags(...args).config).toBe("/a.yaml");
});

test("a path with an equals sign in it is one path", () => {
  expect(flags("-c=/a=b.yaml").config).toBe("/a=b.yaml");
  expect(flags("-c", "/a=b.yaml").config).toBe("/a=b.yaml");
});

test.each([[["-c"]], [["-c="]], [["-config", "/a.yaml"]], [["---c=/a.yaml"]], [["c=/a.yaml"]]])(
  "%j names no configuration",
  (args) => {
    expect(flags(...args)).toEqual(NONE);
  },
);

test.each([
  ["no-api", "noApi"],
  ["no-cs", "noAgent"],
  ["no-capi", "noCapi"],
] as const)("-%s is understood in every form of a boolean, and sets nothing else", (name, key) => {
  const on = [`-${name}`, `--${name}`, ...["true", "1", "t", "T", "TRUE", "True"].map((value) => `-${name}=${value}`)];
  for (const argument of on) expect([argument, flags(argument)]).toEqual([argument, { ...NONE, [key]: true }]);
  const off = ["false", "0", "f", "F", "FALSE", "False"].map((value) => `--${name}=${value}`);
  for (const argument of [...off, name, `---${name}`, `-${name}x`, `-x${name}`])
    expect([argument, flags(argument)]).toEqual([argument, NONE]);
});

test("a boolean does not take the next argument as its value", () => {
  expect(flags("-no-api", "-no-cs")).toEqual({ ...NONE, noApi: true, noAgent: true });
  expect(flags("-no-api", "false").noApi).toBe(true);
});

test("of a boolean that is there twice the last counts", () => {
  expect(flags("-no-api", "-no-api=false").noApi).toBe(false);
  expect(flags("-no-api=false", "-no-api").noApi).toBe(true);
});

test.each([[["--", "-no-api", "-c", "/a.yaml"]], [["word", "-no-api", "-c", "/a.yaml"]], [["-", "-no-api"]]])(
  "in %j the flags end before -no-api, as for Go",
  (args) => {
    expect(flags("-no-cs", ...args)).toEqual({ ...NONE, noAgent: true });
  },
);

// The flags of cmd/crowdsec/flags.go that are no booleans.
test.each(["c", "dsn", "type", "label", "transform", "dump-data", "cpu-profile"])(
  "-%s takes the next argument as its value, whatever it looks like",
  (name) => {
    expect(flags(`-${name}`, "word", "-no-api").noApi).toBe(true);
    expect(flags(`-${name}`, "-no-api", "-no-cs")).toMatchObject({ noApi: false, noAgent: true });
    expect(flags(`-${name}=word`, "-no-api").noApi).toBe(true);
  },
);
