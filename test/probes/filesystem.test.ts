import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, symlinkSync } from "node:fs";
import { text } from "node:stream/consumers";
import { afterAll, describe, expect, test } from "@jest/globals";
import { answers, filesystemOf, isNetworkFilesystem, locate } from "../../src/probes/filesystem.ts";
import { compileInto } from "../support/compiled.ts";
import { makeFolder } from "../support/folder.ts";

const folder = makeFolder();
afterAll(folder.remove);

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

test.each([
  ["nfs4", true],
  ["cifs", true],
  ["fuse.sshfs", true],
  ["ext4", false],
  ["virtiofs", false],
  ["fuse.lxcfs", false],
  ["overlay", false],
])("whether %s is shared with another machine: %s", (type, expected) => {
  expect(isNetworkFilesystem(type)).toBe(expected);
});

test("links are followed to the file system that they lead to", async () => {
  symlinkSync("/proc", `${folder.path}/to-proc`);
  symlinkSync("to-proc/self", `${folder.path}/to-self`);
  symlinkSync("to-self/../..", `${folder.path}/to-root`);
  symlinkSync("loop", `${folder.path}/loop`);
  const own = await locate(folder.path);
  expect(own).toEqual(expect.any(String));
  expect(own).not.toBe("proc");
  expect(await locate("/proc/uptime")).toBe("proc");
  expect(await locate(`${folder.path}/to-proc/uptime`)).toBe("proc");
  expect(await locate(`${folder.path}/to-self/status`)).toBe("proc");
  expect(await locate(`${folder.path}/to-proc/../${folder.path}`)).toBe(own);
  expect(await locate(`${folder.path}/to-root/proc`)).toBe("proc");
  expect(await locate(`${folder.path}/missing/below`)).toBe(own);
  expect(await locate(`${folder.path}/loop/below`)).toEqual(expect.any(String));
});

test("a local file system is taken to answer, and one behind a server is asked", async () => {
  expect(await answers("/", "ext4")).toBe(true);
  expect(await answers("/", undefined)).toBe(true);
  expect(await answers("/", "nfs4")).toBe(true);
  expect(await answers(`${folder.path}/missing`, "nfs4")).toBe(true);
});

const mayMount = ((): boolean => {
  try {
    execFileSync("unshare", ["-m", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

describe("a file system that does not answer, as that of a dead server", () => {
  (mayMount ? test : test.skip).each([
    ["file", "probeFile"],
    ["folder", "probeFolder"],
    ["path", "probePath"],
  ])(
    "is given up after two seconds (%s), and holds nobody at the exit",
    async (name, probe) => {
      const module = compileInto(folder, [
        `probes/${name}`,
        ...["probes/filesystem", "probes/place", "probes/clock", "probes/failure", "model/text"],
      ]);
      const dead = `${folder.path}/dead-${name}`;
      mkdirSync(dead);
      symlinkSync(dead, `${folder.path}/link-${name}`);
      const script = folder.write(
        `compiled/${name}-exit.mjs`,
        `import { readdirSync, readFileSync } from "node:fs";
       import { ${probe} } from ${JSON.stringify(module)};
       const seen = await Promise.all(${JSON.stringify([dead, `${folder.path}/link-${name}`])}.map((path) => ${probe}(path + "/server")));
       await new Promise((resolve) => setTimeout(resolve, 300));
       const argv = (pid) => { try { return readFileSync("/proc/" + pid + "/cmdline", "utf8"); } catch { return ""; } };
       const asking = readdirSync("/proc").filter((pid) => argv(pid).includes("statfsSync") && argv(pid).includes(${JSON.stringify(folder.path)}));
       console.log(JSON.stringify({ seen, asking }));
       process.exit(0);`,
      );
      // An automounter that never mounts, in a mount namespace of its own: whoever looks below it
      // waits, but for its own group, which `timeout` leaves.
      const mount = "mount -i -t autofs -o fd=3,pgrp=$$,minproto=5,maxproto=5,indirect test";
      const child = spawn(
        "unshare",
        [
          ...["-m", "--propagation", "private", "sh", "-c"],
          `mkfifo "$0.pipe" && exec 3<>"$0.pipe" && ${mount} "$0" && timeout -s KILL 15 "$1" "$2"`,
          ...[dead, process.execPath, script],
        ],
        { detached: true, stdio: ["ignore", "pipe", "inherit"] },
      );
      const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
      const { seen, asking }: { seen: { elapsedMs: number }[]; asking: string[] } = JSON.parse(output);
      expect(asking).toEqual([]);
      expect(seen).toHaveLength(2);
      for (const one of seen) {
        expect(one).toMatchObject({ ok: false, phase: "host", code: "file-error", message: "no answer" });
        expect(one.elapsedMs).toBeGreaterThanOrEqual(1990);
      }
      expect(code).toBe(0);
    },
    20_000,
  );
});
