import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, statfsSync, symlinkSync } from "node:fs";
import net from "node:net";
import { afterAll, expect, test } from "@jest/globals";
import { filesystemOf, probePath } from "../../src/probes/path.ts";
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
    freeBytes: expect.any(Number),
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

asRoot("a file system that does not answer, as that of a dead server, is given up after two seconds", async () => {
  mkdirSync(`${folder.path}/dead`);
  // An automounter that never mounts: whoever looks below it waits, until it is gone.
  const child = spawn(
    "unshare",
    [
      ...["-m", "--propagation", "private", "sh", "-c"],
      'mkfifo "$0.pipe" && exec 3<>"$0.pipe" && mount -i -t autofs -o fd=3,pgrp=$$,minproto=5,maxproto=5,indirect test "$0" && echo ready && read _',
      `${folder.path}/dead`,
    ],
    { detached: true },
  );
  try {
    await once(child.stdout, "data");
    const seen = await probePath(`/proc/${child.pid}/root${folder.path}/dead/server`);
    expect(seen).toMatchObject({ ok: false, phase: "host", code: "file-error", message: "no answer" });
    expect(seen.elapsedMs).toBeGreaterThanOrEqual(1990);
    expect(seen.elapsedMs).toBeLessThan(10_000);
  } finally {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
});

const MOUNTINFO = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 27 0:40 / /var/lib rw,relatime shared:1 master:2 - nfs4 10.0.0.1:/var rw,vers=4.2
31 30 0:41 / /var/lib/crowdsec/data rw - xfs /dev/vdb rw
32 27 0:42 / /mnt/with\\040blank\\134and\\011tab rw - cifs //server/share rw
33 27 0:43 / /mnt/twice rw - nfs 10.0.0.1:/a rw
34 33 0:44 / /mnt/twice rw - tmpfs tmpfs rw
35 27 0:45 / /mnt/k\u00c3\u00a4se rw - fuse.sshfs host: rw

broken line
`;

test.each([
  ["/", "ext4"],
  ["/etc/crowdsec", "ext4"],
  ["/var/lib", "nfs4"],
  ["/var/library", "ext4"],
  ["/var/lib/crowdsec", "nfs4"],
  ["/var/lib/crowdsec/data", "xfs"],
  ["/var/lib/crowdsec/data/crowdsec.db", "xfs"],
  ["/mnt/with blank\\and\ttab/file", "cifs"],
  ["/mnt/twice/file", "tmpfs"],
  ["/mnt/käse/file", "fuse.sshfs"],
])("%s is on the file system of the nearest mount above it", (path, type) => {
  expect(filesystemOf(path, MOUNTINFO)).toBe(type);
});

test("without a table of mounts no file system is known", () => {
  expect(filesystemOf("/etc", "")).toBeUndefined();
});
