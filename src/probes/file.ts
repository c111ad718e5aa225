import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import type { FileObservation } from "../model/observation.ts";
import { stopwatch } from "./clock.ts";
import { failed, failure } from "./failure.ts";
import { answers, locate } from "./filesystem.ts";
import { placeOf } from "./place.ts";

/** No configuration file of CrowdSec comes near this. */
const MAX_BYTES = 1024 * 1024;

/** The bytes of a file from `start` on; fewer where it was cut short meanwhile, and never more than it had when asked. */
export const readFrom = async (handle: FileHandle, start: number, length: number): Promise<Buffer> => {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
};

/** Reads a text file of at most 1 MiB; a device, a pipe or a directory is an error, not a hang. */
export const probeFile = async (path: string): Promise<FileObservation> => {
  const elapsed = stopwatch();
  if (!(await answers(path, await locate(path)))) return failed("host", "file-error", "no answer", elapsed());
  try {
    // Opening a device may do something, opening a pipe would wait for its writer: look first, and again at what was opened.
    const about = await stat(path);
    if (!about.isFile()) return failed("host", "file-error", "not a regular file", elapsed());
    // Files of /proc have no size, and some of them never end.
    if (about.size === 0) return { ok: true, elapsedMs: elapsed(), content: "", ...(await placeOf(path)) };
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const opened = await handle.stat();
      if (!opened.isFile()) return failed("host", "file-error", "not a regular file", elapsed());
      if (opened.size > MAX_BYTES) return failed("host", "file-large", `larger than ${MAX_BYTES} bytes`, elapsed());
      const place = await placeOf(path, { handle, links: opened.nlink });
      const content = (await readFrom(handle, 0, opened.size)).toString("utf8");
      return content.includes("\0")
        ? failed("host", "file-binary", "holds a NUL byte: not a text file", elapsed())
        : { ok: true, elapsedMs: elapsed(), content, ...place };
    } finally {
      await handle.close();
    }
  } catch (error) {
    return failure("host", error, elapsed());
  }
};
