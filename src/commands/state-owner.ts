import { homedir } from "node:os";
import type { User } from "../cron/store.ts";
import type { Streams } from "./streams.ts";

/** A user without a name has no home either, unless the environment names one. */
const homeOf = ({ HOME }: Streams["environment"]): string | undefined => {
  if (HOME) return HOME;
  try {
    return homedir();
  } catch {
    return undefined;
  }
};

/** Whose the state of `--cron` is. */
export const stateOwner = (environment: Streams["environment"]): User => {
  const home = homeOf(environment);
  return { isRoot: process.getuid?.() === 0, ...(home !== undefined && { home }) };
};
