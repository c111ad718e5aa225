import type { Prober } from "../model/observation.ts";
import type { Version } from "../model/version.ts";

/** A question to the prober, and what it said. */
export interface Recorded {
  readonly probe: keyof Prober;
  /** Undefined of a probe that takes none. */
  readonly question?: unknown;
  /** Missing where the run ended before there was one. */
  readonly answer?: unknown;
}

export const RECORDING_VERSION = "1.0";

/** A run as it can be judged again: `observations.json` of a bundle. Secrets in it are `Secret`. */
export interface Recording {
  readonly schemaVersion: typeof RECORDING_VERSION;
  readonly tool: { readonly name: string; readonly version: string };
  readonly run: {
    readonly id: string;
    /** RFC 3339, UTC. */
    readonly startedAt: string;
    readonly durationMs: number;
    readonly deadlineMs: number;
  };
  readonly host: string;
  /** What the topology was found with, besides the probes. */
  readonly user: string;
  readonly platform: string;
  readonly env: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly overrides: unknown;
  /** What the run found out of CrowdSec's version, and of the one that an install would bring. */
  readonly version?: Version;
  readonly candidate?: Version;
  /** What findings say that the run's end cut off. */
  readonly cutOff?: string;
  readonly interrupted: boolean;
  readonly observations: readonly Recorded[];
}
