/** A file to install. */
export interface InitFile {
  /** Where it belongs, absolute. */
  readonly path: string;
  readonly content: string;
  /** What it is, and what is to be done with it; one sentence. */
  readonly what: string;
  /** Its mode; default: readable for everybody. */
  readonly mode?: number;
  /** It is of no use by itself: it comes after the others, and is written where this host has a place for one of them. */
  readonly isCompanion?: boolean;
  /** Commands that make it count, after it is written. */
  readonly afterwards?: readonly string[];
}

/** What the files call, and for whom. */
export interface InitInput {
  /** The command as it is to be run, each word by itself; absolute paths, since cron has hardly any PATH. */
  readonly command: readonly string[];
  readonly version: string;
}

export const INIT_KINDS = ["cron", "systemd", "nagios", "prometheus"] as const;
export type InitKind = (typeof INIT_KINDS)[number];
