import { mkdirSync, writeFileSync } from "node:fs";
import { afterAll, expect, test } from "@jest/globals";
import { probeFolder } from "../../src/probes/folder.ts";
import { makeFolder } from "../support/folder.ts";

const folder = makeFolder();
afterAll(folder.remove);

test("the names in a folder come sorted, whatever they stand for", async () => {
  for (const name of ["b.yaml", "a.yaml.local", ".hidden", "ä", "sub/inner"]) folder.write(`few/${name}`, "");
  expect(await probeFolder(`${folder.path}/few`)).toEqual({
    ok: true,
    elapsedMs: expect.any(Number),
    names: [".hidden", "a.yaml.local", "b.yaml", "sub", "ä"],
  });
});

test("an empty folder has no names", async () => {
  mkdirSync(`${folder.path}/empty`);
  expect(await probeFolder(`${folder.path}/empty`)).toMatchObject({ ok: true, names: [] });
});

test("of a folder without end ten thousand names are read", async () => {
  const path = `${folder.path}/many`;
  mkdirSync(path);
  for (let index = 0; index < 10_050; index++) writeFileSync(`${path}/${index}`, "");
  const seen = await probeFolder(path);
  expect(seen.ok && [seen.names.length, new Set(seen.names).size]).toEqual([10_000, 10_000]);
});

test.each([
  ["is not there", "missing", "file-missing"],
  ["is a file", "file", "file-error"],
  ["is below a file", "file/below", "file-missing"],
] as const)("a folder that %s", async (_what, name, code) => {
  folder.write("file", "");
  expect(await probeFolder(`${folder.path}/${name}`)).toMatchObject({ ok: false, phase: "host", code });
});

const asOrdinaryUser = process.getuid?.() === 0 ? test.skip : test;

asOrdinaryUser("a folder that this user may not read is denied", async () => {
  mkdirSync(`${folder.path}/closed`, { mode: 0o100 });
  expect(await probeFolder(`${folder.path}/closed`)).toMatchObject({ ok: false, code: "file-denied", errno: "EACCES" });
});
