import type { Stats } from "node:fs";
import { access, constants, stat, statfs } from "node:fs/promises";
import type { PathObservation, PathSeen } from "../model/observation.ts";
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

/** What is at a path, without opening it; links are followed. */
export const probePath = async (path: string): Promise<PathObservation> => {
  const elapsed = stopwatch();
  const type = await locate(path);
  if (!(await answers(path, type))) return failed("host", "file-error", "no answer", elapsed());
  try {
    const [about, writable, executable, space] = await Promise.all([
      stat(path),
      allows(path, constants.W_OK),
      allows(path, constants.X_OK),
      statfs(path),
    ]);
    return {
      ok: true,
      elapsedMs: elapsed(),
      kind: kindOf(about),
      bytes: about.size,
      writable,
      executable,
      freeBytes: space.bavail * space.bsize,
      ...(type !== undefined && isNetworkFilesystem(type) && { networkFilesystem: type }),
    };
  } catch (error) {
    return failure("host", error, elapsed());
  }
};
