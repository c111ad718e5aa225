import type { Report } from "../model/report.ts";

/** One report, from a file of its own or out of a bundle. */
export interface Document {
  /** The file, as it was given. */
  readonly name: string;
  readonly report: Report;
  /** Out of a bundle: dotted keys of CrowdSec's merged configuration, those of a bouncer with its file's name before them. */
  readonly configuration?: ReadonlyMap<string, string>;
  /** Out of a bundle: what the agent reads, `/etc/crowdsec/acquis.yaml: file`, sorted. */
  readonly acquisition?: readonly string[];
  /** Out of a bundle: CrowdSec's own files by path, with a digest of the content; empty where its keys are compared. */
  readonly files?: ReadonlyMap<string, string>;
  /** Out of a bundle: whether pseudonyms stand there in place of addresses and names. */
  readonly anonymized?: boolean;
}

/** Of what a program gets from `diff` and `merge`. */
export const COMPARE_SCHEMA_VERSION = "1.0";
