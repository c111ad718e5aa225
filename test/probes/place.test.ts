import { symlinkSync, unlinkSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, relative } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { placeOf } from "../../src/probes/place.ts";
import { makeFolder } from "../support/folder.ts";

const folder = makeFolder();
afterAll(folder.remove);

/** Opens a file, lets something happen, and asks where what is open is. */
const placeAfter = async (path: string, happen: () => void): Promise<{ readonly at?: string }> => {
  const handle = await open(path, "r");
  try {
    happen();
    return await placeOf(path, { handle, links: (await handle.stat()).nlink });
  } finally {
    await handle.close();
  }
};

test.each([
  ["its own path", (path: string) => path],
  [
    "a path with dots in it",
    (path: string) => `${folder.path}/./../${basename(folder.path)}/${path.slice(folder.path.length + 1)}`,
  ],
  ["a relative path", (path: string) => relative(process.cwd(), path)],
])("of a file that no link leads to, by %s, nothing is told", async (_how, pathTo) => {
  const path = folder.write("plain", "content");
  expect(await placeAfter(pathTo(path), () => {})).toEqual({});
  expect(await placeOf(pathTo(path))).toEqual({});
});

test.each([
  ["the file is a link", "by-link"],
  ["a folder on the way is one", "folder-link/file"],
])("where %s, the reader is told where it leads", async (_what, name) => {
  const path = folder.write("target/file", "content");
  symlinkSync(name === "by-link" ? path : `${folder.path}/target`, `${folder.path}/${name.replace("/file", "")}`);
  expect(await placeAfter(`${folder.path}/${name}`, () => {})).toEqual({ at: path });
  expect(await placeOf(`${folder.path}/${name}`)).toEqual({ at: path });
});

test("a link that is changed after the file was opened tells nothing wrong of what is open", async () => {
  const path = folder.write("opened", "content");
  const link = `${folder.path}/changing`;
  symlinkSync(path, link);
  const swapped = await placeAfter(link, () => {
    unlinkSync(link);
    symlinkSync(folder.write("other", "harmless"), link);
  });
  expect(swapped).toEqual({ at: path });
});

test("of a file that is removed while it is open, its last place is told, without the kernel's note", async () => {
  const path = folder.write("gone", "content");
  symlinkSync(path, `${folder.path}/to-gone`);
  expect(await placeAfter(`${folder.path}/to-gone`, () => unlinkSync(path))).toEqual({ at: path });
});

test("a file whose name ends like that note keeps its name", async () => {
  const path = folder.write("kept (deleted)", "content");
  symlinkSync(path, `${folder.path}/to-kept`);
  expect(await placeAfter(`${folder.path}/to-kept`, () => {})).toEqual({ at: path });
});

test("of what is not there, nothing is told", async () => {
  expect(await placeOf(`${folder.path}/missing`)).toEqual({});
});
