import { constants, type Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import type { TailObservation } from "../model/observation.ts";
import { stopwatch } from "./clock.ts";
import { failed, failure } from "./failure.ts";
import { readFrom } from "./file.ts";
import { answers, locate } from "./filesystem.ts";
import { placeOf } from "./place.ts";

/** Of a file's end, bytes. */
const MAX_BYTES = 256 * 1024;
const LINE_END = 0x0a;

/** Whole lines of a file's end. What the first line lacks is not told; the last one may have no end yet. */
const readLines = async (handle: FileHandle, { size }: Stats): Promise<{ content: string; cut: boolean }> => {
  // One byte more: whether it is the end of a line tells whether the first line is whole.
  const start = Math.max(0, size - MAX_BYTES - 1);
  const bytes = await readFrom(handle, start, size - start);
  const cut = size > MAX_BYTES;
  const end = bytes.indexOf(LINE_END);
  const lines = cut ? bytes.subarray(end < 0 ? bytes.length : end + 1) : bytes;
  // After a crash of the system, NUL bytes stand where nothing was written yet.
  return { content: lines.toString("utf8").replaceAll("\0", ""), cut };
};

/** Reads the end of a text file of any size; a device, a pipe or a folder is an error, not a hang. */
export const probeTail = async (path: string): Promise<TailObservation> => {
  const elapsed = stopwatch();
  if (!(await answers(path, await locate(path)))) return failed("host", "file-error", "no answer", elapsed());
  try {
    // Opening a device may do something, opening a pipe would wait for its writer: look first, and again at what was opened.
    if (!(await stat(path)).isFile()) return failed("host", "file-error", "not a regular file", elapsed());
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const about = await handle.stat();
      if (!about.isFile()) return failed("host", "file-error", "not a regular file", elapsed());
      const place = await placeOf(path, { handle, links: about.nlink });
      const { content, cut } = await readLines(handle, about);
      return { ok: true, elapsedMs: elapsed(), content, modifiedAt: about.mtime.toISOString(), cut, ...place };
    } finally {
      await handle.close();
    }
  } catch (error) {
    return failure("host", error, elapsed());
  }
};
