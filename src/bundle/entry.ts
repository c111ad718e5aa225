import type { Kind } from "../redaction/redactor.ts";

/** A file of the bundle. */
export interface Entry {
  /** Relative, with slashes: `files/etc/crowdsec/config.yaml`. */
  readonly name: string;
  /** What it is, in a few words, for README.md. */
  readonly what: string;
  readonly content: string;
  readonly kind: Kind;
  /** The file's own path, or the command line, where it came from one. */
  readonly source?: string;
}

/** What was asked for and is not in the bundle. */
export interface Missing {
  /** A path, or a command line. */
  readonly source: string;
  /** Completes "SOURCE: …": `not there`, `a link that leads to /root/x, which was not asked for`, `cut off: 256 KiB are kept`. */
  readonly why: string;
}

export interface Collected {
  readonly entries: readonly Entry[];
  readonly missing: readonly Missing[];
}

/** The first of each. */
export const distinctBy = <T>(list: readonly T[], key: (each: T) => string): readonly T[] =>
  [...new Map(list.toReversed().map((each) => [key(each), each])).values()].toReversed();
