import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { MemoryObservation, MemorySeen } from "../../src/model/observation.ts";
import { probeMemory } from "../../src/probes/memory.ts";
import { compileInto } from "../support/compiled.ts";
import { type Folder, makeFolder } from "../support/folder.ts";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

const MEMINFO = `MemTotal:        4194304 kB
MemFree:          524288 kB
MemAvailable:    3145728 kB
Buffers:           20148 kB
SwapTotal:       1048576 kB
SwapFree:        1048576 kB
`;

let root: Folder;
beforeEach(() => {
  root = makeFolder();
  root.write("proc/meminfo", MEMINFO);
});
afterEach(() => root.remove());

/** A control group's files, below where it is mounted. */
const group = (folder: string, files: Readonly<Record<string, string | number>>): void => {
  for (const [name, content] of Object.entries(files)) root.write(`${folder}/${name}`, `${content}\n`);
};

/** What the kernel says of this process's groups, and of where they are mounted. */
const within = (cgroup: string, mountinfo: string): void => {
  root.write("proc/self/cgroup", cgroup);
  root.write("proc/self/mountinfo", mountinfo);
};
const V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
const V1 = `31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`;

const seen = async (platform = "linux"): Promise<MemorySeen> => {
  const saw: MemoryObservation = await probeMemory(platform, root.path);
  if (!saw.ok) throw new Error(saw.message);
  return saw;
};

describe("a host without limits", () => {
  test("has what /proc/meminfo says: in total, for a new program, and of swap", async () => {
    expect(await seen()).toEqual({
      ok: true,
      elapsedMs: expect.any(Number),
      totalBytes: 4 * GIB,
      availableBytes: 3 * GIB,
      swapFreeBytes: GIB,
    });
  });

  test("of an old kernel, which does not say what is available, has what nobody uses", async () => {
    root.write("proc/meminfo", MEMINFO.replace(/^MemAvailable.*\n/m, ""));
    expect((await seen()).availableBytes).toBe(512 * MIB);
  });

  test("in a group that sets none (version 2) is the same", async () => {
    within("0::/user.slice/session-1.scope\n", V2);
    group("sys/fs/cgroup/user.slice", { "memory.max": "max", "memory.current": 2 * GIB, "memory.swap.max": "max" });
    expect(await seen()).toMatchObject({ totalBytes: 4 * GIB, availableBytes: 3 * GIB, swapFreeBytes: GIB });
    expect(await seen()).not.toHaveProperty("limitedBy");
  });

  test("in a group that sets none (version 1) is the same", async () => {
    within("4:memory:/session\n1:cpu:/\n0::/\n", V1);
    const none = "9223372036854771712";
    group("sys/fs/cgroup/memory/session", {
      "memory.limit_in_bytes": none,
      "memory.usage_in_bytes": 2 * GIB,
      "memory.memsw.limit_in_bytes": none,
      "memory.memsw.usage_in_bytes": 2 * GIB,
    });
    expect(await seen()).toMatchObject({ totalBytes: 4 * GIB, availableBytes: 3 * GIB, swapFreeBytes: GIB });
    expect(await seen()).not.toHaveProperty("system");
  });
});

describe("a container sees its own limit, and not its host's memory", () => {
  test("version 2, in a namespace of its own: what files take is given back, what is locked by programs is not", async () => {
    within("0::/\n", V2);
    group("sys/fs/cgroup", {
      "memory.max": 256 * MIB,
      "memory.current": 200 * MIB,
      "memory.stat": `anon ${100 * MIB}\nfile ${90 * MIB}\nactive_file ${40 * MIB}\ninactive_file ${30 * MIB}\nshmem 0`,
      "memory.swap.max": 64 * MIB,
      "memory.swap.current": 16 * MIB,
    });
    expect(await seen()).toEqual({
      ok: true,
      elapsedMs: expect.any(Number),
      totalBytes: 256 * MIB,
      availableBytes: 126 * MIB,
      swapFreeBytes: 48 * MIB,
      limitedBy: "/sys/fs/cgroup",
    });
  });

  test("version 1, without a namespace: only its own part of the tree is mounted", async () => {
    const path = "/docker/0a1b2c3d4e5f";
    within(`4:memory:${path}\n`, V1.replace("0:32 /", `0:32 ${path}`));
    group("sys/fs/cgroup/memory", {
      "memory.limit_in_bytes": 128 * MIB,
      "memory.usage_in_bytes": 100 * MIB,
      "memory.memsw.limit_in_bytes": 192 * MIB,
      "memory.memsw.usage_in_bytes": 110 * MIB,
      "memory.stat": `active_file 1\ntotal_active_file ${20 * MIB}\ntotal_inactive_file ${10 * MIB}`,
    });
    expect(await seen()).toEqual({
      ok: true,
      elapsedMs: expect.any(Number),
      totalBytes: 128 * MIB,
      availableBytes: 58 * MIB,
      swapFreeBytes: 54 * MIB,
      limitedBy: "/sys/fs/cgroup/memory",
    });
  });

  test("a limit beyond the host's memory is none", async () => {
    within("0::/\n", V2);
    group("sys/fs/cgroup", { "memory.max": 64 * GIB, "memory.current": 0 });
    expect(await seen()).toMatchObject({ totalBytes: 4 * GIB, availableBytes: 3 * GIB });
    expect(await seen()).not.toHaveProperty("limitedBy");
  });

  test("a group that is used up leaves nothing, and no less", async () => {
    within("0::/\n", V2);
    group("sys/fs/cgroup", { "memory.max": 64 * MIB, "memory.current": 65 * MIB });
    expect((await seen()).availableBytes).toBe(0);
  });
});

describe("a user's session with a limit", () => {
  test("is told from the system, whose services it does not limit", async () => {
    within("0::/user.slice/user-1000.slice/session-1.scope\n", V2);
    group("sys/fs/cgroup/user.slice/user-1000.slice", { "memory.max": 100 * MIB, "memory.current": 40 * MIB });
    group("sys/fs/cgroup/user.slice/user-1000.slice/session-1.scope", { "memory.max": 200 * MIB, "memory.current": 0 });
    expect(await seen()).toMatchObject({
      totalBytes: 100 * MIB,
      availableBytes: 60 * MIB,
      limitedBy: "/sys/fs/cgroup/user.slice/user-1000.slice",
      system: { totalBytes: 4 * GIB, availableBytes: 3 * GIB, swapFreeBytes: GIB },
    });
  });

  test("of a container that has one too, has that as the system's", async () => {
    within("0::/user.slice\n", V2);
    group("sys/fs/cgroup", { "memory.max": 512 * MIB, "memory.current": 0 });
    group("sys/fs/cgroup/user.slice", { "memory.max": 100 * MIB, "memory.current": 0 });
    expect((await seen()).system).toMatchObject({ totalBytes: 512 * MIB, limitedBy: "/sys/fs/cgroup" });
  });

  test("outside of the namespace's part of the tree has no files to look at, and no limit that is known", async () => {
    within("0::/../../session\n", V2);
    group("sys/fs/session", { "memory.max": MIB, "memory.current": 0 });
    expect((await seen()).totalBytes).toBe(4 * GIB);
  });
});

describe("what is not there, or makes no sense, is no exception", () => {
  test("no /proc", async () => {
    const bare = makeFolder();
    try {
      expect(await probeMemory("linux", bare.path)).toMatchObject({ ok: false, phase: "host", code: "file-missing" });
    } finally {
      bare.remove();
    }
  });

  test("a meminfo of another kind", async () => {
    root.write("proc/meminfo", "total: used: free:\n");
    expect(await probeMemory("linux", root.path)).toMatchObject({ ok: false, phase: "host", code: "file-error" });
  });

  test("control characters in a group's name stay out of the answer", async () => {
    within("0::/a\u001b[31mb\n", V2);
    group("sys/fs/cgroup/a\u001b[31mb", { "memory.max": MIB, "memory.current": 0 });
    expect((await seen()).limitedBy).toBe("/sys/fs/cgroup/a [31mb");
  });
});

test("other systems tell how much there is", async () => {
  const { totalBytes, availableBytes } = await seen("freebsd");
  expect(totalBytes).toBe(os.totalmem());
  expect(availableBytes).toBeLessThanOrEqual(totalBytes);
});

(process.platform === "linux" ? describe : describe.skip)("on this machine", () => {
  test("there is some, and no more than the hardware has", async () => {
    const saw = await probeMemory("linux");
    expect(saw.ok && saw.totalBytes).toBeLessThanOrEqual(os.totalmem());
    expect(saw.ok && saw.availableBytes).toBeGreaterThan(16 * MIB);
  });

  const V1_FOLDER = "/sys/fs/cgroup/memory";
  const own = `${V1_FOLDER}/preflight-test-${process.pid}`;
  const mayGroup = ((): boolean => {
    try {
      if (!existsSync(`${V1_FOLDER}/memory.limit_in_bytes`)) return false;
      mkdirSync(own);
      writeFileSync(`${own}/memory.limit_in_bytes`, String(96 * MIB));
      return true;
    } catch {
      return false;
    }
  })();
  afterAll(() => {
    if (mayGroup) rmdirSync(own);
  });

  (mayGroup ? test : test.skip)("a real group's limit is told, and by its folder", () => {
    const compiled = makeFolder();
    try {
      const parts = ["probes/memory", "probes/clock", "probes/failure", "model/text"] as const;
      const module = compileInto(compiled, [...parts]);
      const script =
        "const { probeMemory } = await import(process.argv[1]); console.log(JSON.stringify(await probeMemory('linux')));";
      const join = 'echo $$ >"$0/cgroup.procs" && exec "$@"';
      const node = [process.execPath, "--input-type=module", "-e", script, module];
      const { stdout, stderr } = spawnSync("sh", ["-c", join, own, ...node], { encoding: "utf8" });
      if (stdout === "") throw new Error(stderr);
      const saw = JSON.parse(stdout) as MemorySeen;
      expect(saw).toMatchObject({ totalBytes: 96 * MIB, limitedBy: own });
      expect(saw.availableBytes).toBeLessThan(96 * MIB);
      expect(saw.availableBytes).toBeGreaterThan(0);
      expect(saw.system?.totalBytes).toBeGreaterThan(96 * MIB);
    } finally {
      compiled.remove();
    }
  });
});
