import type {
  DatabaseObservation,
  DnsObservation,
  Failed,
  HttpObservation,
  PeerObservation,
  Phase,
  Prober,
  TcpObservation,
  TcpQuestion,
} from "./observation.ts";
import type { Route } from "./proxy.ts";
import type { Blame, Party, Remedy, Target } from "./report.ts";
import type { System } from "./system.ts";
import type { Component, Role, RunPhase, Topology } from "./topology.ts";
import type { Version, VersionRange } from "./version.ts";

/** A remedy that fits only where the verdict says so (`Verdict.when`): the same fault is mended differently here and there. */
export interface ConditionalRemedy extends Remedy {
  readonly when?: string;
  /** Only where one of these manages the services; without it, everywhere. */
  readonly services?: readonly System["services"][];
  /** Only where packages are of one of these kinds; without it, everywhere. */
  readonly packages?: readonly System["packages"][];
}

/** One way in which a check can fail. The key under which it stands is the published fault code. */
export interface Fault {
  readonly severity?: "warning";
  readonly blame: Party;
  /** How sure the blame is when the verdict says nothing of it. Default `likely`. */
  readonly confidence?: Blame["confidence"];
  /** Of a fault that no failed probe speaks for; a probe's own phase wins. Default `host`. */
  readonly phase?: Phase;
  /**
   * `--wait`: whether waiting can mend it. Without it, its layer tells: what the network, a proxy or a service answers can
   * change by itself, what a file of this host says cannot.
   */
  readonly recovers?: boolean;
  /** One sentence with `{placeholders}` that the verdict's `data` fills. */
  readonly says: string;
  readonly remedy: readonly ConditionalRemedy[];
}

/** What was looked at on the way to the verdict; layers and addresses of the finding are made from it. */
export interface Evidence {
  readonly target?: Target;
  /** The component in whose place it was asked. */
  readonly component?: Component;
  /** How that component gets there; `dns` and `tcp` are then the proxy's. */
  readonly route?: Route;
  readonly dns?: DnsObservation;
  readonly tcp?: readonly { readonly at: TcpQuestion; readonly saw: TcpObservation }[];
  readonly http?: HttpObservation;
  /** Of a unix socket. */
  readonly socket?: TcpObservation;
  readonly database?: DatabaseObservation;
  readonly peer?: PeerObservation;
}

export type Verdict<K extends string = string> =
  | { readonly status: "pass"; readonly note?: string; readonly evidence?: Evidence }
  | {
      readonly status: "fault";
      readonly fault: K;
      readonly data: Readonly<Record<string, string | number>>;
      /** The probe that failed, when one did. */
      readonly failed?: Failed;
      /** What a probe that answered said, when the answer is the fault. */
      readonly message?: string;
      readonly httpStatus?: number;
      /** Lowers an error: the same fault of a row that is optional here. */
      readonly severity?: "warning";
      readonly blame?: {
        readonly party?: Party;
        readonly confidence?: Blame["confidence"];
        readonly evidence?: readonly string[];
      };
      readonly when?: string;
      /** What mends it in this very case, behind the fault's own remedies: of a length that no table has. */
      readonly remedy?: readonly ConditionalRemedy[];
      /** What else was seen that changes what to do; it stands behind the fault's sentence. */
      readonly also?: readonly string[];
      readonly evidence?: Evidence;
    }
  | {
      readonly status: "skip" | "unknown";
      readonly reason: string;
      readonly evidence?: Evidence;
      /** Of an error of ours: in the json report only. */
      readonly stack?: string;
    };

/** Why nothing was asked. */
export type Unasked = Extract<Verdict, { readonly status: "skip" | "unknown" }>;

/** A check that finds its targets while it asks answers once for each; the target's name makes the finding's instance. */
export type Answer<K extends string = string> =
  | Verdict<K>
  | readonly { readonly target: string; readonly verdict: Verdict<K> }[];

export interface Context {
  readonly topology: Topology;
  readonly probe: Prober;
  readonly now: Date;
  /** Of CrowdSec on this host; undefined when nothing here tells it. */
  readonly version: () => Promise<Version | undefined>;
  /** `--allow-writes`: a check may log in to a Local API, which changes rows there. */
  readonly allowWrites: boolean;
}

export interface Check<K extends string = string> {
  /** kebab-case; the file's name, or begins with it in a family. */
  readonly id: string;
  /** What is true when it passes. */
  readonly title: string;
  /** One sentence for `explain`: why CrowdSec needs it. */
  readonly why: string;
  /** On which hosts it makes sense. */
  readonly roles: readonly Role[];
  /** Only in this phase. */
  readonly phase?: RunPhase;
  /** Only for these versions of CrowdSec; asked too when the version is unknown. */
  readonly versions?: VersionRange;
  /** What it touches, for `list`. */
  readonly contacts: string;
  /** Checks that must pass first. */
  readonly needs?: readonly string[];
  readonly faults: Readonly<Record<K, Fault>>;
  /** `--wait`: what passed cannot be asked a second time, a token that is spent by it. */
  readonly once?: true;
  /** Names of what it asks, when that is several; or why there is nothing to ask. Each is asked, and needs, on its own. */
  targets?(context: Context): readonly string[] | Unasked;
  /** @param target one of `targets`; empty for a check without. */
  run(context: Context, target: string): Promise<Answer<NoInfer<K>>>;
  /**
   * A second look at the end of the run, at least a second after the first; holds nobody up.
   * Undefined when there is no need for one, or nothing has changed.
   */
  again?(context: Context, first: Answer<NoInfer<K>>, target: string): (() => Promise<Answer<NoInfer<K>>>) | undefined;
}

/** Returns its argument; exists so that a fault without a sentence or a remedy does not compile. */
export const defineCheck = <const K extends string>(check: Check<K>): Check<K> => check;
