import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, describe, expect, test } from "@jest/globals";
import { type DiffOptions, diff } from "../../src/commands/diff.ts";
import { agentReport } from "../support/comparisons.ts";
import { makeFolder } from "../support/folder.ts";

const folder = makeFolder();
afterAll(() => folder.remove());

const LATER = { id: "00000000-0000-4000-8000-000000000001", startedAt: "2026-06-16T12:00:00.000Z" };
const agent = (lapi: "pass" | "refused", run = {}): string =>
  JSON.stringify(agentReport({ name: "web-1", source: "10.3.0.7", lapi, run }));
const GOOD = folder.write("good.json", agent("pass"));
const BAD = folder.write("bad.json", agent("refused", LATER));
const GOOD_LATER = folder.write("good-later.json", agent("pass", LATER));

const run = async (options: Partial<DiffOptions> & Pick<DiffOptions, "paths">, environment = {}) => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const output = text(stdout);
  const code = await diff({ output: "pretty", ascii: false, ...options }, { stdout, stderr, environment });
  stdout.end();
  return { code, stdout: await output };
};

describe("the exit code", () => {
  test.each<[string, number, [string, string]]>([
    ["0 where nothing has changed", 0, [GOOD, GOOD_LATER]],
    ["2 where something got worse", 2, [GOOD, BAD]],
    ["0 where something got better", 0, [BAD, GOOD_LATER]],
  ])("%s", async (_name, expected, paths) => {
    expect((await run({ paths })).code).toBe(expected);
  });
});

test("prints for people, by default in 100 columns and without colour", async () => {
  const { stdout } = await run({ paths: [GOOD, BAD] });
  expect(stdout).toContain("✗ lapi-reachable@agent: pass → fail (tcp-refused at connect)");
  expect(stdout).not.toContain("\u001b");
});

test("colour and ASCII are the caller's to choose", async () => {
  expect((await run({ paths: [GOOD, BAD], color: true })).stdout).toContain("\u001b[");
  expect((await run({ paths: [GOOD, BAD] }, { FORCE_COLOR: "1" })).stdout).toContain("\u001b[");
  expect((await run({ paths: [GOOD, BAD], ascii: true })).stdout).toContain("x lapi-reachable@agent: pass -> fail");
});

test("-o json gives one document, for programs", async () => {
  const { stdout, code } = await run({ paths: [GOOD, BAD], output: "json" });
  expect(code).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({
    schemaVersion: "1.0",
    kind: "diff",
    before: { document: GOOD, host: "web-1", verdict: "ready" },
    after: { document: BAD, verdict: "not-ready" },
    gotWorse: true,
  });
});

test("what cannot be read is refused, and nothing is printed", async () => {
  await expect(run({ paths: [GOOD, `${folder.path}/absent.json`] })).rejects.toThrow(
    /absent\.json: there is no such file/,
  );
});
