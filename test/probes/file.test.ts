import { execFileSync } from "node:child_process";
import { chmodSync, symlinkSync } from "node:fs";
import { afterAll, expect, test } from "@jest/globals";
import { probeFile } from "../../src/probes/file.ts";
import { makeFolder } from "../support/folder.ts";

const folder = makeFolder();
afterAll(folder.remove);

const MEBIBYTE = 1024 * 1024;

test.each([
  ["text", "url: http://lapi.test/\n# ä\n"],
  ["nothing", ""],
  ["a mebibyte", "x".repeat(MEBIBYTE)],
])("a file that holds %s is read whole", async (name, content) => {
  const path = folder.write(name, content);
  expect(await probeFile(path)).toEqual({ ok: true, elapsedMs: expect.any(Number), content });
});

test("a file of the kernel, which may never end, is taken for the empty file that it says it is", async () => {
  expect(await probeFile("/proc/self/status")).toMatchObject({ ok: true, content: "" });
});

test.each(["content", ""])("a link to a file is read, and where it leads is told (%j)", async (content) => {
  const at = folder.write(`target-${content}`, content);
  symlinkSync(at, `${folder.path}/link-${content}`);
  const saw = await probeFile(`${folder.path}/link-${content}`);
  expect(saw).toEqual({ ok: true, elapsedMs: expect.any(Number), content, at });
});

test.each([
  ["is not there", "missing", "file-missing", "ENOENT"],
  ["is below a file", "plain/below", "file-missing", "ENOTDIR"],
  ["is a link to nothing", "dangling", "file-missing", "ENOENT"],
  ["is a link to itself", "loop", "file-error", "ELOOP"],
] as const)("a file that %s", async (_what, name, code, errno) => {
  folder.write("plain", "");
  if (name === "dangling") symlinkSync("nowhere", `${folder.path}/dangling`);
  if (name === "loop") symlinkSync("loop", `${folder.path}/loop`);
  expect(await probeFile(`${folder.path}/${name}`)).toMatchObject({
    ok: false,
    phase: "host",
    code,
    errno,
    message: expect.stringContaining(errno),
  });
});

test("a directory is no file", async () => {
  expect(await probeFile(folder.path)).toMatchObject({ ok: false, phase: "host", code: "file-error" });
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
])("%s is an error, not a wait", async (_what, make) => {
  expect(await probeFile(make())).toMatchObject({ ok: false, code: "file-error", message: "not a regular file" });
});

test("a file above the limit is not read", async () => {
  const path = folder.write("large", Buffer.alloc(MEBIBYTE + 1, "x"));
  expect(await probeFile(path)).toMatchObject({ ok: false, phase: "host", code: "file-large" });
});

test.each(["\0", "text\0", "text\0more"])("a file with a NUL byte (%j) is no text", async (content) => {
  const path = folder.write("binary", content);
  expect(await probeFile(path)).toMatchObject({ ok: false, phase: "host", code: "file-binary" });
});

const asOrdinaryUser = process.getuid?.() === 0 ? test.skip : test;

asOrdinaryUser("a file that this user may not read is denied", async () => {
  const path = folder.write("secret", "content");
  chmodSync(path, 0);
  expect(await probeFile(path)).toMatchObject({ ok: false, code: "file-denied", errno: "EACCES" });
});
