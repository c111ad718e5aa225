import type { Role, RunPhase } from "./topology.ts";
import type { VersionRange } from "./version.ts";

/** A row of the outgoing list: a name on the internet that CrowdSec talks to. */
export interface OutgoingEndpoint {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** The one unauthenticated request that is sent there. */
  readonly path: string;
  readonly roles: readonly Role[];
  readonly phase?: RunPhase;
  readonly versions?: VersionRange;
  readonly optional: boolean;
  /**
   * What its answer must look like. `any`: every HTTP status proves the way there, since what these hosts say to a
   * stranger is not documented. The others need a success: a JSON object, a shell script, or a package index.
   */
  readonly answer: "any" | "json" | "script" | "package-index";
  /** What CrowdSec does with it. */
  readonly purpose: string;
  /** What does not work without it. */
  readonly breaks: string;
  /** Where this is written. */
  readonly source: string;
  /**
   * Whose addresses answer for the name, where that is known: they move. Of the others nobody promises that they stay
   * (https://docs.crowdsec.net/docs/next/configuration/network_management).
   */
  readonly behind?: string;
}
