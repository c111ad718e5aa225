import { readFile } from "node:fs/promises";
import os from "node:os";
import { posix } from "node:path";
import type { MemoryAmounts, MemoryObservation } from "../model/observation.ts";
import { printable } from "../model/text.ts";
import { stopwatch } from "./clock.ts";
import { failed, failure } from "./failure.ts";

/** Characters of a file of /proc or of a control group that are looked at. */
const MAX_TEXT = 256 * 1024;
/** Groups on the way up that are looked at. */
const MAX_GROUPS = 64;
/** Characters of a group's path. */
const MAX_PATH = 200;

const textOf = (path: string): Promise<string> =>
  readFile(path, "utf8").then(
    (text) => text.slice(0, MAX_TEXT),
    () => "",
  );

/** A group's limit or usage, bytes; undefined where there is none: `max`, a number beyond all memory, no such file. */
const bytesOf = async (path: string): Promise<number | undefined> => {
  const text = (await textOf(path)).trim();
  return /^\d+$/.test(text) && Number(text) <= Number.MAX_SAFE_INTEGER ? Number(text) : undefined;
};

/** A line of memory.stat: `active_file 4096`. */
const statOf = (text: string, name: string): number => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? 0);

/** What a control group leaves its processes, bytes; undefined: it does not limit that. */
interface Group {
  readonly folder: string;
  readonly limit?: number;
  readonly available?: number;
  readonly swapFree?: number;
}

/** The two versions of control groups: how a mount of them is known, and what their files are called. */
interface Hierarchy {
  /** In mountinfo: the type, and an option of the file system. */
  readonly type: "cgroup" | "cgroup2";
  readonly option: string;
  /** In /proc/self/cgroup: the second field. */
  readonly controllers: RegExp;
  look(folder: string): Promise<Group>;
}

/** Pages of files are given back where memory is short, as `MemAvailable` counts them (Linux, mm/show_mem.c). */
const reclaimable = async (folder: string, prefix: string): Promise<number> => {
  const stat = await textOf(posix.join(folder, "memory.stat"));
  return statOf(stat, `${prefix}active_file`) + statOf(stat, `${prefix}inactive_file`);
};

const left = (limit: number | undefined, used = 0): number | undefined =>
  limit === undefined ? undefined : Math.max(0, limit - used);

/** Without the fields that are undefined. */
const group = (folder: string, limit?: number, available?: number, swapFree?: number): Group => ({
  folder,
  ...(limit !== undefined && { limit }),
  ...(available !== undefined && { available }),
  ...(swapFree !== undefined && { swapFree }),
});

/** Documentation/admin-guide/cgroup-v2.rst of Linux. */
const V2: Hierarchy = {
  type: "cgroup2",
  option: "",
  controllers: /^$/,
  look: async (folder) => {
    const at = (name: string): Promise<number | undefined> => bytesOf(posix.join(folder, name));
    const [limit, used, swapLimit, swapUsed] = await Promise.all(
      ["memory.max", "memory.current", "memory.swap.max", "memory.swap.current"].map(at),
    );
    const cache = limit === undefined ? 0 : await reclaimable(folder, "");
    return group(folder, limit, left(limit, Math.max(0, (used ?? 0) - cache)), left(swapLimit, swapUsed));
  },
};

/** Documentation/admin-guide/cgroup-v1/memory.rst: `memsw` is memory and swap together. */
const V1: Hierarchy = {
  type: "cgroup",
  option: "memory",
  controllers: /(^|,)memory(,|$)/,
  look: async (folder) => {
    const at = (name: string): Promise<number | undefined> => bytesOf(posix.join(folder, name));
    const [limit, used = 0, bothLimit, bothUsed = 0] = await Promise.all(
      [
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "memory.memsw.limit_in_bytes",
        "memory.memsw.usage_in_bytes",
      ].map(at),
    );
    const cache = limit === undefined ? 0 : await reclaimable(folder, "total_");
    const swapLimit = bothLimit === undefined || limit === undefined ? undefined : Math.max(0, bothLimit - limit);
    return group(folder, limit, left(limit, Math.max(0, used - cache)), left(swapLimit, Math.max(0, bothUsed - used)));
  },
};

/** A mount: the folder where it is, and the part of the hierarchy that is seen there (`/docker/0a1b…` without a namespace). */
interface Mount {
  readonly point: string;
  readonly root: string;
}

/** The mount of a hierarchy, by the text of /proc/self/mountinfo. */
const mountOf = ({ type, option }: Hierarchy, mountinfo: string): Mount | undefined => {
  for (const line of mountinfo.split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root, point] = before.split(" ");
    const [kind, , options = ""] = after.split(" ");
    if (root === undefined || point === undefined || kind !== type) continue;
    if (option === "" || options.split(",").includes(option)) return { root, point };
  }
  return undefined;
};

/** Where this process is in a hierarchy, below its mount: `/user.slice/user-1000.slice`; empty for all that is outside of it. */
const placeBelow = ({ root }: Mount, path: string): string => {
  if (path === root || path.startsWith("/..")) return "";
  const base = root === "/" ? "" : root;
  return path.startsWith(`${base}/`) ? path.slice(base.length) : "";
};

/** The groups that this process is in, that of the mount itself first. */
const groupsOf = async (
  hierarchy: Hierarchy,
  texts: { readonly cgroup: string; readonly mountinfo: string },
  root: string,
): Promise<readonly Group[]> => {
  const mount = mountOf(hierarchy, texts.mountinfo);
  const line = texts.cgroup.split("\n").find((one) => {
    const [, controllers] = one.split(":");
    return controllers !== undefined && hierarchy.controllers.test(controllers);
  });
  if (mount === undefined || line === undefined) return [];
  const path = line.split(":").slice(2).join(":");
  const parts = placeBelow(mount, path)
    .split("/")
    .filter((part) => part !== "")
    .slice(0, MAX_GROUPS);
  const folders = [mount.point, ...parts.map((_part, index) => posix.join(mount.point, ...parts.slice(0, index + 1)))];
  return Promise.all(folders.map(async (folder) => ({ ...(await hierarchy.look(posix.join(root, folder))), folder })));
};

const within = (amounts: MemoryAmounts, { folder, limit, available, swapFree }: Group): MemoryAmounts => ({
  ...amounts,
  ...(limit !== undefined &&
    limit < amounts.totalBytes && { totalBytes: limit, limitedBy: printable(folder, MAX_PATH) }),
  availableBytes: Math.min(amounts.availableBytes, available ?? Number.POSITIVE_INFINITY),
  swapFreeBytes: Math.min(amounts.swapFreeBytes, swapFree ?? Number.POSITIVE_INFINITY),
});

/** A line of /proc/meminfo, in bytes: `MemTotal:       24684092 kB`. */
const kilobytesOf = (text: string, name: string): number | undefined => {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
  return found === undefined ? undefined : Number(found) * 1024;
};

const isLess = (one: MemoryAmounts, other: MemoryAmounts): boolean =>
  one.totalBytes < other.totalBytes ||
  one.availableBytes < other.availableBytes ||
  one.swapFreeBytes < other.swapFreeBytes;

const probeLinux = async (root: string, elapsed: () => number): Promise<MemoryObservation> => {
  const at = (path: string): string => posix.join(root, path);
  const meminfo = await readFile(at("/proc/meminfo"), "utf8");
  const totalBytes = kilobytesOf(meminfo, "MemTotal");
  if (totalBytes === undefined) return failed("host", "file-error", "no MemTotal in /proc/meminfo", elapsed());
  const host: MemoryAmounts = {
    totalBytes,
    // Linux has it since 3.14.
    availableBytes: kilobytesOf(meminfo, "MemAvailable") ?? kilobytesOf(meminfo, "MemFree") ?? totalBytes,
    swapFreeBytes: kilobytesOf(meminfo, "SwapFree") ?? 0,
  };
  const [cgroup, mountinfo] = await Promise.all([textOf(at("/proc/self/cgroup")), textOf(at("/proc/self/mountinfo"))]);
  const hierarchies = await Promise.all([V2, V1].map((one) => groupsOf(one, { cgroup, mountinfo }, root)));
  // The group of the mount itself is a container's own, where it has a limit at all.
  const system = hierarchies.flatMap((groups) => groups.slice(0, 1)).reduce(within, host);
  const own = hierarchies.flatMap((groups) => groups.slice(1)).reduce(within, system);
  return { ok: true, elapsedMs: elapsed(), ...own, ...(isLess(own, system) && { system }) };
};

/** How much memory there is. @param root in place of `/` */
export const probeMemory = async (platform: string, root = "/"): Promise<MemoryObservation> => {
  const elapsed = stopwatch();
  try {
    if (platform === "linux") return await probeLinux(root, elapsed);
    // What other systems could take back from their caches is not in it, and neither is their swap.
    const amounts = { totalBytes: os.totalmem(), availableBytes: os.freemem(), swapFreeBytes: 0 };
    return { ok: true, elapsedMs: elapsed(), ...amounts };
  } catch (error) {
    return failure("host", error, elapsed());
  }
};
