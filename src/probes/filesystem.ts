import { spawn } from "node:child_process";
import { readFile, readlink } from "node:fs/promises";
import { resolve as absolute, dirname, join } from "node:path";

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

export const isNetworkFilesystem = (type: string): boolean => NETWORK.has(type);

/** Behind these is a server or another process, and who asks it may wait for ever. */
const maySilence = (type: string): boolean => NETWORK.has(type) || type === "autofs" || type.startsWith("fuse");

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
 * The name of the file system that holds an absolute path without links, by the text of /proc/self/mountinfo as latin1:
 * of the longest mount point above it, and of several mounts there the last, which hides the others.
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

/** As many links as Linux follows. */
const MAX_LINKS = 40;

/**
 * The file system that a path leads to, links followed, found without touching one that may not answer: the first such
 * on the way is the result then. Undefined where there is no /proc.
 */
export const locate = async (path: string): Promise<string | undefined> => {
  const mountinfo = await readFile("/proc/self/mountinfo", "latin1").catch(() => "");
  if (mountinfo === "") return undefined;
  let here = "/";
  let rest = absolute(path).split("/");
  for (let links = 0; rest.length > 0; ) {
    const [part = "", ...others] = rest;
    rest = others;
    if (part === "" || part === ".") continue;
    const next = part === ".." ? dirname(here) : join(here, part);
    const type = filesystemOf(next, mountinfo);
    if (type !== undefined && maySilence(type)) return type;
    // Most of them are no links, and what is not there has no file system to speak of.
    const target = part === ".." ? undefined : await readlink(next).catch(() => undefined);
    if (target === undefined) {
      here = next;
      continue;
    }
    if (++links > MAX_LINKS) break;
    if (target.startsWith("/")) here = "/";
    rest = [...target.split("/"), ...rest];
  }
  return filesystemOf(here, mountinfo);
};

/** Milliseconds after which a file system counts as silent. */
export const SILENT_MS = 2000;

const ASK = "const fs = require('node:fs'); fs.statSync(process.argv[1]); fs.statfsSync(process.argv[1]);";

/**
 * Whether the file system that a path leads to answers at all. One that may not is asked by a process of its own, which
 * can be killed: a file thread of this one could not, and would hold it for ever, also at its exit.
 */
export const answers = async (path: string, type: string | undefined): Promise<boolean> => {
  if (type === undefined || !maySilence(type)) return true;
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["-e", ASK, absolute(path)], { env: {}, cwd: "/", stdio: "ignore" });
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      // Where even that does not end it, it must not hold this process.
      child.unref();
      resolve(false);
    }, SILENT_MS);
    const end = (): void => {
      clearTimeout(timer);
      resolve(true);
    };
    child.once("exit", end);
    // No process to be had says nothing about the file system.
    child.once("error", end);
  });
};
