import type { Stats } from "node:fs";
import { access, constants, readlink, realpath, stat, statfs } from "node:fs/promises";
import { posix } from "node:path";
import process from "node:process";
import type { PathObservation, PathSeen } from "../model/observation.ts";
import { printable } from "../model/text.ts";
import { stopwatch } from "./clock.ts";
import { failed, failure } from "./failure.ts";
import { answers, isNetworkFilesystem, locate } from "./filesystem.ts";

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

/** The rights of group and others to write; in a folder with the sticky bit they may not touch what is not theirs. */
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** Whether nobody but root and this user could have put something else there. */
const isGuarded = async (path: string): Promise<boolean> => {
  const own = new Set([0, process.getuid?.() ?? 0]);
  for (let at = await realpath(path); ; at = posix.dirname(at)) {
    const { uid, mode } = await stat(at);
    const open = (mode & WRITABLE_BY_OTHERS) !== 0 && (mode & STICKY) === 0;
    if (!own.has(uid) || open) return false;
    if (at === "/") return true;
  }
};

/** What is at a path, without opening it; links are followed. */
export const probePath = async (path: string): Promise<PathObservation> => {
  const elapsed = stopwatch();
  const type = await locate(path);
  if (!(await answers(path, type))) return failed("host", "file-error", "no answer", elapsed());
  try {
    const [about, writable, executable, guarded, space] = await Promise.all([
      stat(path),
      allows(path, constants.W_OK),
      allows(path, constants.X_OK),
      isGuarded(path),
      statfs(path),
    ]);
    return {
      ok: true,
      elapsedMs: elapsed(),
      kind: kindOf(about),
      bytes: about.size,
      writable,
      executable,
      guarded,
      freeBytes: space.bavail * space.bsize,
      // Where inodes are made as needed (btrfs), there are none to count.
      ...(space.files > 0 && { freeInodes: space.ffree }),
      ...(type !== undefined && isNetworkFilesystem(type) && { networkFilesystem: type }),
    };
  } catch (error) {
    const saw = failure("host", error, elapsed());
    const leadsTo = saw.code === "file-missing" ? await readlink(path).catch(() => undefined) : undefined;
    return { ...saw, ...(leadsTo !== undefined && { leadsTo: printable(leadsTo) }) };
  }
};
