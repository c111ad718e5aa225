import type { Family, Phase } from "./observation.ts";
import type { Role, RunPhase } from "./topology.ts";

/** The JSON report, schema 1.0: docs/interface.md is the contract, docs/report.schema.json its schema. */
export const SCHEMA_VERSION = "1.0";

export const STATUSES = ["pass", "warn", "fail", "skip", "unknown"] as const;
export type Status = (typeof STATUSES)[number];

/** Whose a fault is. */
export type Party =
  | "this-host"
  | "resolver"
  | "network"
  | "proxy"
  | "remote-host"
  | "remote-service"
  | "crowdsec-cloud"
  | "credentials"
  | "configuration";

export interface Blame {
  readonly party: Party;
  readonly confidence: "certain" | "likely" | "possible";
  /** What was seen that says so, a sentence each. */
  readonly evidence: readonly string[];
}

export interface Remedy {
  readonly text: string;
  readonly commands?: readonly string[];
  /** How to take it back. */
  readonly undo?: readonly string[];
  readonly url?: string;
}

export interface Target {
  readonly host?: string;
  readonly port?: number;
  readonly url?: string;
  readonly path?: string;
  /** Where the address came from: `config.yaml:47`, `--lapi-url`, `default`. */
  readonly origin?: string;
}

/** From where it was looked at. */
export interface Vantage {
  readonly role?: Role;
  readonly user: string;
  /** A container, or a network namespace of its own. */
  readonly namespace?: string;
  /** The component, and where its environment comes from: `crowdsec: process 4711`. */
  readonly env?: string;
  readonly route: "direct" | "proxy" | "local";
  /** Without its credentials. */
  readonly proxy?: string;
  /** The NO_PROXY entry because of which the route is direct, and where it stands. */
  readonly noProxy?: string;
  readonly family?: Family;
  /** CrowdSec's version that it was judged for; without one, the newest was assumed. */
  readonly engineVersion?: string;
}

export interface AddressResult {
  readonly address: string;
  readonly family: Family;
  readonly ok: boolean;
  readonly code?: string;
  readonly durationMs: number;
  /** This host's own address that the connection left from, or would have. */
  readonly source?: string;
}

export interface FindingFault {
  readonly code: string;
  readonly phase: Phase;
  /** The system's own words. */
  readonly message: string;
  readonly errno?: string;
  readonly tlsCode?: string;
  readonly httpStatus?: number;
  readonly sqlState?: string;
}

/** The certificate that was shown, whether it was trusted or not. */
export interface FindingCertificate {
  readonly issuer: string;
  /** RFC 3339. */
  readonly validFrom: string;
  /** RFC 3339. */
  readonly validTo: string;
}

export interface FindingLayer {
  readonly phase: Phase;
  readonly ok: boolean;
  readonly durationMs: number;
  readonly detail?: string;
}

export interface Finding {
  /** The check's id. */
  readonly id: string;
  /** `id`, or `id@target`: unique in the report and stable from run to run. */
  readonly instance: string;
  readonly title: string;
  readonly status: Status;
  readonly summary: string;
  readonly target?: Target;
  readonly vantage: Vantage;
  readonly layers: readonly FindingLayer[];
  readonly addresses?: readonly AddressResult[];
  readonly certificate?: FindingCertificate;
  readonly fault?: FindingFault;
  readonly blame?: Blame;
  readonly remedy: readonly Remedy[];
  /** Of a skip or unknown. */
  readonly reason?: string;
  /** The instances because of which this one was skipped. */
  readonly because?: readonly string[];
}

/** The reason of a skip that `--only` or `--skip` asked for. */
export const NOT_SELECTED = "not selected";

/** The check of an instance. */
export const checkOf = (instance: string): string => instance.split("@")[0] ?? instance;

/** The first word of a check's id: `outgoing`, `lapi`. */
export const checkFamily = (id: string): string => id.split("-")[0] ?? id;

export interface Cause {
  /** The id of a cause that `explain` knows, with `@` and what it is about where a report has several: unique in the report. */
  readonly id: string;
  readonly summary: string;
  readonly blame: Blame;
  /** The instances that it explains, those that show it first. */
  readonly explains: readonly string[];
  /** What of it was not seen on a running engine but taken from CrowdSec's source, and where that is written. */
  readonly modelled?: string;
  readonly remedy: readonly Remedy[];
}

export type FailOn = "fail" | "warn";
export type RunVerdict = "ready" | "ready-with-warnings" | "not-ready" | "unknown";

export interface Report {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly tool: { readonly name: string; readonly version: string; readonly runtime: string };
  readonly run: {
    readonly id: string;
    /** The host's own name. */
    readonly host?: string;
    /** RFC 3339, UTC. */
    readonly startedAt: string;
    readonly durationMs: number;
    readonly phase: RunPhase;
    readonly roles: readonly Role[];
    readonly engineVersion?: string;
    /** Before an install: the version that it would bring, and that findings are judged for. */
    readonly candidateVersion?: string;
    readonly env: "auto" | "service" | "shell";
    readonly deadlineMs: number;
    readonly failOn: FailOn;
    readonly interrupted: boolean;
    /** Of a report that was judged again from a bundle; id, host and times are then of the run that made the bundle. */
    readonly from?: {
      readonly bundle: string;
      /** Of the version that looked at the host. */
      readonly toolVersion: string;
      /** RFC 3339, UTC. */
      readonly judgedAt: string;
    };
  };
  readonly summary: {
    readonly verdict: RunVerdict;
    readonly exitCode: number;
    readonly counts: Readonly<Record<Status, number>>;
  };
  readonly causes: readonly Cause[];
  readonly findings: readonly Finding[];
}
