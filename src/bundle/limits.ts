const MIB = 1024 * 1024;

/** Of all the files of a bundle together, as long as nobody says otherwise; bytes. */
export const DEFAULT_MAX_BYTES = 25 * MIB;

/** What is read of somebody else's bundle: more than this tool makes of its own accord; bytes. */
export const MAX_PACKED_BYTES = 100 * MIB;
export const MAX_UNPACKED_BYTES = 400 * MIB;
export const MAX_FILES = 10_000;
export const READ_LIMITS = {
  maxBytes: MAX_PACKED_BYTES,
  maxUnpackedBytes: MAX_UNPACKED_BYTES,
  maxFiles: MAX_FILES,
} as const;
/** A run with thousands of targets asks some ten questions of each. */
export const MAX_OBSERVATIONS = 200_000;
