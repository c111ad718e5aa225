import { opendir, stat } from "node:fs/promises";
import type { FolderObservation } from "../model/observation.ts";
import { stopwatch } from "./clock.ts";
import { failed, failure } from "./failure.ts";
import { answers, locate } from "./filesystem.ts";

/** No folder of CrowdSec comes near this. */
const MAX_NAMES = 10_000;

/** The names in a folder; of a larger one, the first 10,000 that the system gives. */
export const probeFolder = async (path: string): Promise<FolderObservation> => {
  const elapsed = stopwatch();
  if (!(await answers(path, await locate(path)))) return failed("host", "file-error", "no answer", elapsed());
  try {
    // Else a file would be called missing: the system's word for it is that of a path below a file.
    if (!(await stat(path)).isDirectory()) return failed("host", "file-error", "not a folder", elapsed());
    const names: string[] = [];
    for await (const { name } of await opendir(path, { bufferSize: 1024 })) {
      if (names.push(name) === MAX_NAMES) break;
    }
    return { ok: true, elapsedMs: elapsed(), names: names.sort() };
  } catch (error) {
    return failure("host", error, elapsed());
  }
};
