import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, statfsSync, symlinkSync } from "node:fs";
import net from "node:net";
import { afterAll, expect, test } from "@jest/globals";
import { probePath } from "../../src/probes/path.ts";
import { makeFolder } from "../support/folder.ts";

const folder = makeFolder();
afterAll(folder.remove);

const asRoot = process.getuid?.() === 0 ? test : test.skip;
const asOrdinaryUser = process.getuid?.() === 0 ? test.skip : test;

test("a file shows its size, what this user may do with it, and the room beside it", async () => {
  const path = folder.write("crowdsec.db", "x".repeat(1234));
  chmodSync(path, 0o600);
  const seen = await probePath(path);
  expect(seen).toEqual({
    ok: true,
    elapsedMs: expect.any(Number),
    kind: "file",
    bytes: 1234,
    writable: true,
    executable: false,
    guarded: true,
    freeBytes: expect.any(Number),
    ...(statfsSync(path).files > 0 && { freeInodes: expect.any(Number) }),
  });
  const { bavail, bsize } = statfsSync(path);
  // Others write to the same disk meanwhile.
  expect(Math.abs((seen.ok ? seen.freeBytes : 0) - bavail * bsize)).toBeLessThan(1e9);
});

test("a program is told from a file that is none", async () => {
  const path = folder.write("program", "#!/bin/sh\n");
  chmodSync(path, 0o700);
  expect(await probePath(path)).toMatchObject({ ok: true, kind: "file", executable: true });
});

test("a program that somebody else could have put there is told from one that nobody could", async () => {
  const program = folder.write("guarded/program", "#!/bin/sh\n");
  const around = program.replace(/\/program$/, "");
  const guarded = async (path = program): Promise<unknown> => {
    const seen = await probePath(path);
    return seen.ok && seen.guarded;
  };
  expect(await guarded()).toBe(true);
  chmodSync(program, 0o777);
  expect(await guarded()).toBe(false);
  chmodSync(program, 0o755);
  // Who may write to the folder may put another file in its place; not so where the sticky bit is set, as in /tmp.
  chmodSync(around, 0o777);
  expect(await guarded()).toBe(false);
  chmodSync(around, 0o1777);
  expect(await guarded()).toBe(true);
  // A link counts for what it leads to.
  chmodSync(program, 0o666);
  symlinkSync(program, `${around}/link`);
  expect(await guarded(`${around}/link`)).toBe(false);
});

test("folders, sockets, devices and links to them are told apart", async () => {
  const server = net.createServer().listen(`${folder.path}/lapi.sock`);
  await once(server, "listening");
  try {
    symlinkSync("lapi.sock", `${folder.path}/link`);
    execFileSync("mkfifo", [`${folder.path}/pipe`]);
    const kinds = await Promise.all(
      [folder.path, `${folder.path}/lapi.sock`, `${folder.path}/link`, `${folder.path}/pipe`, "/dev/null"].map(
        async (path) => {
          const seen = await probePath(path);
          return seen.ok && seen.kind;
        },
      ),
    );
    expect(kinds).toEqual(["folder", "socket", "socket", "other", "other"]);
  } finally {
    server.close();
  }
});

test.each([
  ["is not there", "missing", "file-missing", "ENOENT"],
  ["is below a file", "plain/below", "file-missing", "ENOTDIR"],
  ["is a link to itself", "loop", "file-error", "ELOOP"],
] as const)("of a path that %s there is nothing to see", async (_what, name, code, errno) => {
  folder.write("plain", "");
  if (name === "loop") symlinkSync("loop", `${folder.path}/loop`);
  expect(await probePath(`${folder.path}/${name}`)).toMatchObject({ ok: false, phase: "host", code, errno });
});

test("a link that leads nowhere, as to a disk that is not mounted, is told from nothing at all", async () => {
  symlinkSync("/nowhere/crowdsec", `${folder.path}/dangling`);
  const code = "file-missing";
  expect(await probePath(`${folder.path}/dangling`)).toMatchObject({ ok: false, code, leadsTo: "/nowhere/crowdsec" });
  expect(await probePath(`${folder.path}/dangling/data`)).toMatchObject({ ok: false, code });
  expect(await probePath(`${folder.path}/dangling/data`)).not.toHaveProperty("leadsTo");
  expect(await probePath(`${folder.path}/missing`)).not.toHaveProperty("leadsTo");
});

asRoot("a file system without an inode left has none, whatever room it has", async () => {
  const path = folder.write("inodes/marker", "").replace(/\/marker$/, "");
  const child = spawn("unshare", [
    ...["-m", "--propagation", "private", "sh", "-c"],
    'mount -t tmpfs -o nr_inodes=2,size=1m none "$0" && touch "$0/last" && echo ready && exec sleep 60',
    path,
  ]);
  try {
    await once(child.stdout, "data");
    const seen = await probePath(`/proc/${child.pid}/root${path}`);
    expect(seen).toMatchObject({ ok: true, writable: true, freeInodes: 0 });
    expect(seen.ok && seen.freeBytes).toBeGreaterThan(0);
  } finally {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
});

asOrdinaryUser("what a folder hides is denied, and what is not this user's is not writable", async () => {
  mkdirSync(`${folder.path}/closed`, { mode: 0 });
  expect(await probePath(`${folder.path}/closed/file`)).toMatchObject({ ok: false, code: "file-denied" });
  expect(await probePath("/etc/passwd")).toMatchObject({ ok: true, writable: false });
});

asRoot("a read-only file system is not writable, also for root", async () => {
  const path = folder.write("read-only/file", "");
  const below = `${folder.path}/read-only`;
  // A mount namespace of its own: nothing is mounted on this machine.
  const child = spawn("unshare", [
    ...["-m", "--propagation", "private", "sh", "-c"],
    'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && echo ready && exec sleep 60',
    below,
  ]);
  try {
    await once(child.stdout, "data");
    expect(await probePath(`/proc/${child.pid}/root${path}`)).toMatchObject({ ok: true, writable: false });
    expect(await probePath(path)).toMatchObject({ ok: true, writable: true });
  } finally {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
});
