import type { Trust } from "./observation.ts";

/** Whatever certificate is shown: for a question about who is there, which tells that one nothing. */
export const ANYBODY: Trust = { caFiles: [], only: false, skipVerify: true };
