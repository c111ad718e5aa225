/**
 * How a text is read to know what in it is secret by where it stands. `yaml`: any YAML, of CrowdSec or not; `settings`:
 * `KEY=value` lines of a bouncer; `directives`: Apache's `Key value` lines; `environment`: files of variables, and the output
 * of `env`; `unit`: of systemd; `json`; `arguments`: a command line, or lines that hold some (crontab, `ps`); `accounts`:
 * /etc/passwd; `text`: anything else, logs among it.
 */
export type Kind =
  | "yaml"
  | "settings"
  | "directives"
  | "environment"
  | "unit"
  | "json"
  | "arguments"
  | "accounts"
  | "text";

/** What was taken out of one line; never the value. */
export interface Removal {
  /** Counted from 1. */
  readonly line: number;
  /** Why: `key api_key`, `variable DB_PASSWORD`, `password of a URL`, `private key`, `value known from elsewhere`. */
  readonly rule: string;
  readonly count: number;
}

export interface Redacted {
  readonly text: string;
  readonly removals: readonly Removal[];
}

/** A secret that is still to be found. */
export interface Leak {
  /** The rule by which it was noted, and where: never the value. */
  readonly secret: string;
  /** How it is written there: `plain`, `base64`, `hex`, `URL-escaped`, `JSON-escaped`, `quoted`. */
  readonly form: string;
  /** Counted from 1. */
  readonly line: number;
}

/**
 * Takes secrets out of texts. First every text is studied, then each is redacted: what one of them shows to be secret is
 * taken out of all of them. The same value has the same stand-in everywhere: letters, digits and a hyphen
 * (`REDACTED-3`), fit for YAML, URLs and shells, so that what is redacted can still be read as what it was.
 */
export interface Redactor {
  /** Notes what is secret in a text, by structure and by pattern. @param name for people: a path, a command */
  study(text: string, kind: Kind, name: string): void;
  /** Notes a value that is secret because whoever read it says so. @param rule as of `Removal`. @returns its stand-in */
  note(value: string, rule: string): string;
  /** Of a value as a whole: its stand-in where it was noted, itself where it is one already; undefined otherwise. */
  standIn(value: string): string | undefined;
  redact(text: string, kind: Kind): Redacted;
  /** Every place where a noted secret is still to be found, in any form. Empty: it may be shown. */
  leaks(text: string): readonly Leak[];
  /** Secrets that are too short or too ordinary to be looked for everywhere: where each was noted, never the value. */
  readonly ordinary: readonly string[];
}
