import type { Address } from "../model/observation.ts";
import type { Role, RunPhase } from "../model/topology.ts";

/** Who of outside comes in by a rule: agents and bouncers, or the Prometheus that scrapes the metrics. */
export type Clients = "clients" | "prometheus";

/** One hole that a firewall must leave for CrowdSec. Every name in it is a host name, every address one that parses. */
export interface OutRule {
  readonly direction: "out";
  readonly protocols: readonly ("udp" | "tcp")[];
  readonly port: number;
  /** What the addresses were looked up for; undefined where the address itself is configured. */
  readonly name?: string;
  readonly addresses: readonly Address[];
  /** Why there are no addresses. */
  readonly unresolved?: string;
  /** Programs of this host that need it. */
  readonly components: readonly string[];
  /** What it is for, and what breaks without it. */
  readonly why: string;
  readonly optional: boolean;
  /**
   * `yes`: an address is configured. `own-dns`: as long as whoever keeps that name leaves it there. `no`: a name of the
   * internet whose addresses change without notice.
   */
  readonly stable: "yes" | "own-dns" | "no";
  /** Whose addresses they are, where that is known: a CDN, a cloud. */
  readonly behind?: string;
}
export interface InRule {
  readonly direction: "in";
  readonly protocols: readonly ["tcp"];
  readonly port: number;
  /** This host's own addresses that it listens on; none: all of them. */
  readonly addresses: readonly Address[];
  readonly clients: Clients;
  /** Ranges of addresses that may come in; none: nobody has said which. */
  readonly from: readonly string[];
  readonly components: readonly string[];
  readonly why: string;
}
export type Rule = OutRule | InRule;

/** A name that a proxy, and not this host, has to reach. */
export interface ProxiedName {
  readonly name: string;
  readonly port: number;
  /** `scheme://host:port`, without credentials. */
  readonly proxy: string;
  readonly components: readonly string[];
  readonly why: string;
  readonly optional: boolean;
}

/** What a firewall around this host has to let through for its roles, and nothing else. */
export interface AllowList {
  /** The host's own name. */
  readonly host: string;
  readonly roles: readonly Role[];
  readonly phase: RunPhase;
  readonly version?: string;
  /** When the names were looked up: RFC 3339, UTC. */
  readonly lookedUpAt: string;
  /** This host's addresses, as its connections leave it. */
  readonly sources: readonly Address[];
  readonly rules: readonly Rule[];
  readonly proxied: readonly ProxiedName[];
  /** What a list of this kind usually has and this one has not, and why. */
  readonly omitted: readonly { readonly what: string; readonly reason: string }[];
  /** What else has to be known, a sentence each. */
  readonly notes: readonly string[];
}

export const isOut = (rule: Rule): rule is OutRule => rule.direction === "out";
export const isIn = (rule: Rule): rule is InRule => rule.direction === "in";
