import { posix } from "node:path";
import type { CommandObservation, Prober } from "../model/observation.ts";

/** Where systems and their packages put programs: others' are not run. */
const FOLDERS = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"];

/** Each of them only reads what the kernel or a file has, which takes no longer; milliseconds. */
const LIMIT_MS = 2000;

/** Some of them call others by name. */
const ENVIRONMENT = { LC_ALL: "C", PATH: FOLDERS.join(":") };

/** Where a program is that nobody but root, or this user, could have put there; undefined where there is none. */
export const findProgram = async (probe: Prober, name: string): Promise<string | undefined> => {
  for (const folder of FOLDERS) {
    const path = posix.join(folder, name);
    const saw = await probe.path(path);
    if (saw.ok && saw.kind === "file" && saw.executable && saw.guarded) return path;
  }
  return undefined;
};

/** Runs a program of the system's; undefined where there is none of that name. */
export const runProgram = async (
  probe: Prober,
  name: string,
  rest: readonly string[],
): Promise<CommandObservation | undefined> => {
  const path = await findProgram(probe, name);
  return path === undefined
    ? undefined
    : probe.command({ argv: [path, ...rest], environment: ENVIRONMENT, timeoutMs: LIMIT_MS });
};
