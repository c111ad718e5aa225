import { execFileSync } from "node:child_process";
import { appendFileSync, chmodSync, symlinkSync, truncateSync, utimesSync } from "node:fs";
import { afterAll, expect, test } from "@jest/globals";
import { probeTail } from "../../src/probes/tail.ts";
import { makeFolder } from "../support/folder.ts";

const folder = makeFolder();
afterAll(folder.remove);

const MAX = 256 * 1024;
const LINE = `${"x".repeat(63)}\n`;

test.each([
  ["text", "one\ntwo ä\n"],
  ["nothing", ""],
  ["a last line without an end, where its program stopped", "one\nlevel=fatal"],
  ["as much as is read", LINE.repeat(MAX / LINE.length)],
])("a log that holds %s is read whole", async (name, content) => {
  const path = folder.write(name, content);
  const written = new Date("2026-06-15T11:59:00.000Z");
  utimesSync(path, written, written);
  expect(await probeTail(path)).toEqual({
    ok: true,
    elapsedMs: expect.any(Number),
    content,
    modifiedAt: "2026-06-15T11:59:00.000Z",
    cut: false,
  });
});

test.each([
  ["in the middle of a line", `${LINE.repeat(MAX / LINE.length)}last\n`, MAX / LINE.length - 1],
  ["between two lines", `first\n${LINE.repeat(MAX / LINE.length - 1)}${"y".repeat(58)}\nlast\n`, MAX / LINE.length - 1],
])("of a log that is longer, whole lines are read, where the cut is %s", async (_where, content, lines) => {
  const saw = await probeTail(folder.write("long.log", content));
  expect(saw).toMatchObject({ ok: true, cut: true });
  const read = saw.ok ? saw.content : "";
  expect(content.endsWith(read)).toBe(true);
  expect(read.startsWith(LINE)).toBe(true);
  expect(read.endsWith("\nlast\n")).toBe(true);
  expect(read.split(LINE).length - 1).toBe(lines);
});

test("a log of many gigabytes is read at its end alone", async () => {
  const path = folder.write("huge.log", "first\n");
  truncateSync(path, 20 * 1024 ** 3);
  appendFileSync(path, "\nlast\n");
  const saw = await probeTail(path);
  // What is between is a hole: NUL bytes, as a crash of the system leaves them.
  expect(saw).toMatchObject({ ok: true, content: "last\n", cut: true });
  expect(saw.elapsedMs).toBeLessThan(10_000);
});

test("of one line that is longer than what is read, nothing is whole", async () => {
  const saw = await probeTail(folder.write("line.log", "x".repeat(MAX + 10)));
  expect(saw).toMatchObject({ ok: true, content: "", cut: true });
});

test("a character that the cut would split is in no line", async () => {
  const saw = await probeTail(folder.write("wide.log", `${"ä".repeat(MAX)}\nlast ä\n`));
  expect(saw).toMatchObject({ ok: true, content: "last ä\n" });
});

test("NUL bytes in a log are left out", async () => {
  const saw = await probeTail(folder.write("crashed.log", "before\n\0\0\0\0after\n"));
  expect(saw).toMatchObject({ ok: true, content: "before\nafter\n" });
});

test("a link to a log is followed, and where it leads is told", async () => {
  const at = folder.write("target.log", "content\n");
  symlinkSync("target.log", `${folder.path}/link.log`);
  expect(await probeTail(`${folder.path}/link.log`)).toMatchObject({ ok: true, content: "content\n", at });
});

test.each([
  ["is not there", "missing", "file-missing", "ENOENT"],
  ["is below a file", "plain/below", "file-missing", "ENOTDIR"],
  ["is a link to nothing", "dangling", "file-missing", "ENOENT"],
  ["is a link to itself", "loop", "file-error", "ELOOP"],
] as const)("a log that %s", async (_what, name, code, errno) => {
  folder.write("plain", "");
  if (name === "dangling") symlinkSync("nowhere", `${folder.path}/dangling`);
  if (name === "loop") symlinkSync("loop", `${folder.path}/loop`);
  expect(await probeTail(`${folder.path}/${name}`)).toMatchObject({ ok: false, phase: "host", code, errno });
});

test.each([
  [
    "a pipe that nobody writes to",
    () => {
      const path = `${folder.path}/pipe`;
      execFileSync("mkfifo", [path]);
      return path;
    },
  ],
  ["a device that never ends", () => "/dev/zero"],
  ["a folder", () => folder.path],
])("%s is an error, not a wait", async (_what, make) => {
  expect(await probeTail(make())).toMatchObject({ ok: false, code: "file-error", message: "not a regular file" });
});

const asOrdinaryUser = process.getuid?.() === 0 ? test.skip : test;

asOrdinaryUser("a log that this user may not read is denied", async () => {
  const path = folder.write("closed.log", "content");
  chmodSync(path, 0);
  expect(await probeTail(path)).toMatchObject({ ok: false, code: "file-denied", errno: "EACCES" });
});
