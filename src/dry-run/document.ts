import type { Role, RunPhase } from "../model/topology.ts";
import type { More } from "./more.ts";
import type { Plan } from "./shape.ts";

export const DRY_RUN_VERSION = "1.0";

/** `check --dry-run -o json`. Within 1.x, things are added only. */
export interface DryRunDocument {
  readonly schemaVersion: typeof DRY_RUN_VERSION;
  readonly kind: "dry-run";
  readonly tool: { readonly name: string; readonly version: string };
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly host: string;
  readonly roles: readonly Role[];
  readonly phase: RunPhase;
  /** What the names are those of: CrowdSec's version here, or before an install the one to come; missing where nothing tells. */
  readonly crowdsecVersion?: string;
  /** False: the deadline cut it off, or an error of ours. */
  readonly complete: boolean;
  /** When all goes well. */
  readonly plan: Plan;
  readonly more: readonly More[];
}
