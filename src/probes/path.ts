import type { Stats } from "node:fs";
import { access, constants, readFile, realpath, stat, statfs } from "node:fs/promises";
import type { PathObservation, PathSeen } from "../model/observation.ts";
import { stopwatch } from "./clock.ts";
import { failed, failure } from "./failure.ts";
import { SILENT_MS, within } from "./within.ts";

/** File systems whose files are on another machine, or shared with one, by their names in mountinfo. */
const NETWORK = new Set([
  "nfs",
  "nfs4",
  "cifs",
  "smb3",
  "smbfs",
  "9p",
  "ceph",
  "glusterfs",
  "fuse.sshfs",
  "fuse.glusterfs",
  "fuse.s3fs",
  "fuse.ceph-fuse",
  "afs",
  "ocfs2",
  "gfs2",
  "lustre",
  "beegfs",
]);

/** mountinfo writes blanks and backslashes of a path as three octal digits. */
const unescapeOctal = (text: string): string =>
  Buffer.from(
    text.replace(/\\([0-7]{3})/g, (_whole, digits: string) => String.fromCharCode(Number.parseInt(digits, 8))),
    "latin1",
  ).toString("utf8");

/** Whether an absolute path is the mount point or below it. */
const holds = (mountPoint: string, path: string): boolean =>
  path === mountPoint || path.startsWith(mountPoint.endsWith("/") ? mountPoint : `${mountPoint}/`);

/**
 * The name of the file system that holds an absolute path, by the text of /proc/self/mountinfo as latin1: of the longest
 * mount point above it, and of several mounts there the last, which hides the others.
 */
export const filesystemOf = (path: string, mountinfo: string): string | undefined => {
  let longest = -1;
  let found: string | undefined;
  for (const line of mountinfo.split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const mountPoint = before.split(" ")[4];
    const [type] = after.split(" ");
    if (mountPoint === undefined || !type) continue;
    const point = unescapeOctal(mountPoint);
    if (point.length >= longest && holds(point, path)) {
      longest = point.length;
      found = type;
    }
  }
  return found;
};

const networkFilesystem = async (path: string): Promise<string | undefined> => {
  // Without /proc nothing is known of mounts.
  const mountinfo = await readFile("/proc/self/mountinfo", "latin1").catch(() => "");
  const type = filesystemOf(await realpath(path), mountinfo);
  return type !== undefined && NETWORK.has(type) ? type : undefined;
};

const kindOf = (about: Stats): PathSeen["kind"] => {
  if (about.isFile()) return "file";
  if (about.isDirectory()) return "folder";
  return about.isSocket() ? "socket" : "other";
};

const allows = (path: string, mode: number): Promise<boolean> =>
  access(path, mode).then(
    () => true,
    () => false,
  );

/** One after the other: a silent file system then holds one of Node's four file threads, not all of them. */
const look = async (path: string, elapsed: () => number): Promise<PathObservation> => {
  try {
    const about = await stat(path);
    const writable = await allows(path, constants.W_OK);
    const executable = await allows(path, constants.X_OK);
    const space = await statfs(path);
    const network = await networkFilesystem(path);
    return {
      ok: true,
      elapsedMs: elapsed(),
      kind: kindOf(about),
      bytes: about.size,
      writable,
      executable,
      freeBytes: space.bavail * space.bsize,
      ...(network !== undefined && { networkFilesystem: network }),
    };
  } catch (error) {
    return failure("host", error, elapsed());
  }
};

/** What is at a path, without opening it; links are followed. */
export const probePath = (path: string): Promise<PathObservation> => {
  const elapsed = stopwatch();
  return within(SILENT_MS, look(path, elapsed), () => failed("host", "file-error", "no answer", elapsed()));
};
