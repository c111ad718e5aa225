import type { Address, ProcessSeen, Trust } from "./observation.ts";

/** What this host is in a CrowdSec deployment; one host can be several. */
export const ROLES = ["lapi", "agent", "bouncer", "cscli", "prometheus"] as const;
export type Role = (typeof ROLES)[number];

/** `install`: before CrowdSec is there. `run`: a CrowdSec configuration exists. */
export const RUN_PHASES = ["install", "run"] as const;
export type RunPhase = (typeof RUN_PHASES)[number];

/** A value and where it came from: `/etc/crowdsec/config.yaml:47`, `--lapi-url`, `default`. */
export interface Sourced<T> {
  readonly value: T;
  readonly origin: string;
}

/** A CrowdSec file that this host's configuration names, and what became of reading it. */
export interface ConfigFile {
  readonly path: string;
  /** What CrowdSec uses it for, in a word or two. */
  readonly purpose: string;
  /**
   * `optional-missing`: not there, and CrowdSec does not need it (a `.local` overlay). `unreadable`: no text file, or far
   * too large. `invalid`: text, and no YAML.
   */
  readonly state: "read" | "missing" | "optional-missing" | "denied" | "unreadable" | "invalid";
  /** Of the first mistake, when the file is invalid. */
  readonly line?: number;
  readonly message?: string;
}

/** How a client of this host reaches the Local API. */
export interface LapiRoute {
  /** Scheme `http:` or `https:`, without credentials, query or fragment. */
  readonly url: Sourced<string>;
  readonly trust: Trust;
  /** A client certificate is configured for it (`cert_path`). */
  readonly hasClientCertificate: boolean;
}

export interface Capi {
  /** `off`: CrowdSec does not use the Central API here, `reason` says why; `unregistered`: configured, without usable credentials. */
  readonly state: "on" | "off" | "unregistered";
  readonly reason?: string;
  readonly url: Sourced<string> | Malformed;
  readonly papiUrl: Sourced<string> | Malformed;
}

export interface Metrics {
  readonly enabled: Sourced<boolean>;
  readonly listenAddress: Sourced<string>;
  readonly listenPort: Sourced<number>;
}

/** A part of the topology that this user may not read: the finding is `unknown`, with this reason. */
export interface Hidden {
  readonly hidden: string;
}
/** A part that is not there: the finding is a `skip`, with this reason. */
export interface Absent {
  readonly absent: string;
}
/** A part whose value no probe can use: a fault of the configuration. `malformed` holds what of it may be shown. */
export interface Malformed {
  readonly malformed: Sourced<string>;
  /** Completes the sentence "it is …". */
  readonly problem: string;
}

/** The deployment as seen from this host; made once, before any check runs. */
export interface Topology {
  readonly user: string;
  readonly roles: readonly Sourced<Role>[];
  readonly phase: Sourced<RunPhase>;
  readonly files: readonly ConfigFile[];
  /** The running `crowdsec` of this host, if there is one. */
  readonly engine?: ProcessSeen;
  /** Agent and Local API run in one process here: an error of the agent stops both. */
  readonly sharedProcess: boolean;
  readonly lapi: LapiRoute | Hidden | Absent | Malformed;
  readonly metrics: Metrics | Hidden | Absent | Malformed;
  readonly capi: Capi | Hidden;
  /** `cscli.__hub_url_template__`: holds `%s` twice, for the branch and the path. */
  readonly hubTemplate?: Sourced<string>;
  /** Set: cscli does not ask version.crowdsec.net. */
  readonly hubBranch?: Sourced<string>;
  /** Whether a CTI API key is configured. */
  readonly ctiKey: boolean;
  readonly interfaces: readonly Address[];
}

export const hasRole = (topology: Topology, role: Role): boolean => topology.roles.some(({ value }) => value === role);
