import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, describe, expect, test } from "@jest/globals";
import { type MergeOptions, merge } from "../../src/commands/merge.ts";
import { UsageError } from "../../src/commands/usage-error.ts";
import { agentReport } from "../support/comparisons.ts";
import { makeFolder } from "../support/folder.ts";

const folder = makeFolder();
afterAll(() => folder.remove());

const write = (name: string, source: string, lapi: "pass" | "refused"): string =>
  folder.write(`${name}.json`, JSON.stringify(agentReport({ name, source, lapi })));
const GOOD = write("web-1", "10.1.0.7", "pass");
const BAD = write("web-2", "10.3.0.7", "refused");
const ALSO_BAD = write("web-3", "10.3.0.8", "refused");

const run = async (options: Partial<MergeOptions> & Pick<MergeOptions, "paths">) => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const output = text(stdout);
  const code = await merge({ output: "pretty", ascii: false, ...options }, { stdout, stderr, environment: {} });
  stdout.end();
  return { code, stdout: await output };
};

test("says which hosts fail, and what these have in common", async () => {
  const { code, stdout } = await run({ paths: [GOOD, BAD, ALSO_BAD] });
  expect(code).toBe(2);
  expect(stdout).toContain("✗ lapi-reachable: 2 of 3 hosts fail at connect (tcp-refused)");
  expect(stdout).toContain("Both have their own address in 10.3.0.0/28; the one that passes has not.");
  expect(stdout).toMatch(/^3 hosts: 2 NOT READY; 1 READY\n/);
});

test("exits as the best report does where all are good", async () => {
  expect((await run({ paths: [GOOD] })).code).toBe(0);
});

test("colour and ASCII are the caller's to choose", async () => {
  expect((await run({ paths: [GOOD, BAD], color: true })).stdout).toContain("\u001b[");
  expect((await run({ paths: [GOOD, BAD], ascii: true })).stdout).toMatch(/x fail/);
});

test("-o json gives one document, for programs", async () => {
  const { stdout } = await run({ paths: [GOOD, BAD], output: "json" });
  expect(JSON.parse(stdout)).toMatchObject({
    schemaVersion: "1.0",
    kind: "merge",
    exitCode: 2,
    hosts: [
      { name: "web-1", exitCode: 0 },
      { name: "web-2", exitCode: 2 },
    ],
  });
});

describe("refuses", () => {
  test("1001 reports", async () => {
    await expect(run({ paths: Array(1001).fill(GOOD) })).rejects.toThrow(
      new UsageError("merge wants from 1 to 1000 reports or bundles, not 1001."),
    );
  });

  test("standard input, in words: a lone `-` comes as nothing at all", async () => {
    await expect(run({ paths: [] })).rejects.toThrow(
      new UsageError("Standard input is not read here: name from 1 to 1000 reports or bundles."),
    );
  });

  test("all, where one of them cannot be read: a table without it would look complete", async () => {
    await expect(run({ paths: [GOOD, `${folder.path}/absent.json`] })).rejects.toThrow(
      /absent\.json: there is no such/,
    );
  });
});
