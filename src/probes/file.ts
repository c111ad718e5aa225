import { open, stat } from "node:fs/promises";
import type { FileObservation } from "../model/observation.ts";
import { stopwatch } from "./clock.ts";
import { failed, failure } from "./failure.ts";
import { answers, locate } from "./filesystem.ts";

/** No configuration file of CrowdSec comes near this. */
const MAX_BYTES = 1024 * 1024;

/** Reads a text file of at most 1 MiB; a device, a pipe or a directory is an error, not a hang. */
export const probeFile = async (path: string): Promise<FileObservation> => {
  const elapsed = stopwatch();
  if (!(await answers(path, await locate(path)))) return failed("host", "file-error", "no answer", elapsed());
  try {
    // Opening a FIFO would wait for its writer: look first.
    const about = await stat(path);
    if (!about.isFile()) return failed("host", "file-error", "not a regular file", elapsed());
    if (about.size > MAX_BYTES) return failed("host", "file-large", `larger than ${MAX_BYTES} bytes`, elapsed());
    // Files of /proc have no size, and some of them never end.
    if (about.size === 0) return { ok: true, elapsedMs: elapsed(), content: "" };
    const handle = await open(path, "r");
    try {
      const content = await handle.readFile("utf8");
      return content.includes("\0")
        ? failed("host", "file-binary", "holds a NUL byte: not a text file", elapsed())
        : { ok: true, elapsedMs: elapsed(), content };
    } finally {
      await handle.close();
    }
  } catch (error) {
    return failure("host", error, elapsed());
  }
};
