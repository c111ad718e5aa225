import { open } from "node:fs/promises";
import type { EnvironmentObservation } from "../model/observation.ts";
import { Secret } from "../model/secret.ts";
import { stopwatch } from "./clock.ts";
import { failed, failure } from "./failure.ts";

/** Bytes. Linux lets arguments and environment together grow to a quarter of the stack's limit, 2 MiB of the usual 8 MiB. */
const MAX_BYTES = 2 * 1024 * 1024;

/** Reads a file of /proc, whose size nobody knows before; undefined when it is larger than that. */
const readBounded = async (path: string, max: number): Promise<Buffer | undefined> => {
  const handle = await open(path, "r");
  try {
    const chunks: Buffer[] = [];
    for (let total = 0; total <= max; ) {
      const { bytesRead, buffer } = await handle.read({ buffer: Buffer.alloc(64 * 1024) });
      if (bytesRead === 0) return Buffer.concat(chunks);
      chunks.push(buffer.subarray(0, bytesRead));
      total += bytesRead;
    }
    return undefined;
  } finally {
    await handle.close();
  }
};

/** `NAME=value` with a NUL behind each. Of a name that stands there twice the first counts, as it does for Go. */
export const parseEnvironment = (block: string): Readonly<Record<string, Secret>> => {
  const found = new Map<string, Secret>();
  for (const entry of block.split("\0")) {
    const end = entry.indexOf("=");
    const name = entry.slice(0, Math.max(0, end));
    if (name !== "" && !found.has(name)) found.set(name, new Secret(entry.slice(end + 1)));
  }
  return Object.fromEntries(found);
};

/** The environment with which a process was started: what it changed in its own since then is not to be seen. */
export const probeEnvironment = async (pid: number): Promise<EnvironmentObservation> => {
  const elapsed = stopwatch();
  try {
    const block = await readBounded(`/proc/${pid}/environ`, MAX_BYTES);
    if (block === undefined) return failed("host", "file-large", `larger than ${MAX_BYTES} bytes`, elapsed());
    return { ok: true, elapsedMs: elapsed(), variables: parseEnvironment(block.toString("utf8")) };
  } catch (error) {
    const saw = failure("host", error, elapsed());
    // It ended between the opening and the reading.
    return saw.errno === "ESRCH" ? { ...saw, code: "file-missing" } : saw;
  }
};
