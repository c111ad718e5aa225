import type {
  Address,
  BuildSeen,
  CaStore,
  DatabaseQuestion,
  DatabaseTls,
  ProcessSeen,
  ResolverSeen,
  Trust,
} from "./observation.ts";
import type { ProxySettings } from "./proxy.ts";
import type { Secret } from "./secret.ts";
import type { System } from "./system.ts";
import type { Version, VersionRange } from "./version.ts";

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

/** A key or value that CrowdSec's strict decoder refuses. Never holds a value of the file: that may be a secret. */
export interface ConfigMistake {
  /** `path:line`. */
  readonly origin: string;
  /** Dotted, list items as `[2]`. */
  readonly key: string;
  /** `unknown-key`: no such key; `wrong-kind`: a value of another kind. */
  readonly kind: "unknown-key" | "wrong-kind";
  /** Completes the sentence "KEY …". */
  readonly problem: string;
  /** Of a key that some versions know: those. */
  readonly versions?: VersionRange;
  readonly hint?: string;
}

/** A CrowdSec file that this host's configuration names, and what became of reading it. */
export interface ConfigFile {
  readonly path: string;
  /** What CrowdSec uses it for, in a word or two. */
  readonly purpose: string;
  /**
   * `optional-missing`: not there, and CrowdSec does not need it (a `.local` overlay). `large`: larger than
   * this tool reads. `unreadable`: no text file. `invalid`: text, and no YAML. `empty`: there, and nothing in it.
   */
  readonly state: "read" | "empty" | "missing" | "optional-missing" | "denied" | "large" | "unreadable" | "invalid";
  /** Of the first mistake, when the file is invalid. */
  readonly line?: number;
  readonly message?: string;
  /** What the strict decoder refuses in it. */
  readonly mistakes: readonly ConfigMistake[];
}

/** How the message of a file begins that a bundle does not hold. */
export const NOT_IN_BUNDLE = "not in this bundle";

/** Why a file whose state is `denied` tells nothing: as what to do, where something can be done. */
export const deniedWords = ({ path, message = "" }: Pick<ConfigFile, "path" | "message">): string =>
  message.startsWith(NOT_IN_BUNDLE) ? `${path}: ${message}` : `run as root: ${path} may not be read by this user`;

/** How a client of this host reaches the Local API. */
export interface LapiRoute {
  /** Scheme `http:` or `https:`, without credentials, query or fragment; `http://unix/` for a socket. */
  readonly url: Sourced<string>;
  /** The path of a unix socket, in place of an address. */
  readonly socket?: string;
  readonly trust: Trust;
}

/** `--env`: whose environment a component is asked in. */
export const ENVS = ["auto", "service", "shell"] as const;
export type Env = (typeof ENVS)[number];

/** The environment of a component, as far as it changes where its connections go. */
export interface ComponentEnvironment {
  /** `process`: of the running one; `unit`: what systemd would start it with; `container`: of this container; `sudo`: what sudo leaves of the shell's; `flag`: `--proxy`. */
  readonly from: "process" | "unit" | "container" | "shell" | "sudo" | "flag";
  /** In words: `process 4711`, `/usr/lib/systemd/system/crowdsec.service`, `this shell`. */
  readonly origin: string;
  readonly proxies: ProxySettings;
  /** Proxy variables of its unit that systemd passes over, because of a single % in their value. */
  readonly dropped?: readonly Sourced<string>[];
  /** Why systemd would not start its service, of an environment from a unit whose program does not run; begins with the setting: `EnvironmentFile=/etc/x (/etc/…/y.conf:2) is missing`. */
  readonly stops?: string;
  /** Something that this user may not read, or that nobody can, may say otherwise; as what to do or what is wrong: `run as root to read /proc/114/environ`. */
  readonly uncertain?: string;
  /** SSL_CERT_FILE and SSL_CERT_DIR. */
  readonly store: CaStore;
  /** Where these stand, in words as those of `origin`; undefined when there are none. */
  readonly storeOrigin?: string;
  /** What of it decides who resolves names (GODEBUG, LOCALDOMAIN, RES_OPTIONS, HOSTALIASES), as `resolverVariables` reads it. */
  readonly names?: { readonly forced?: "go" | "libc"; readonly because?: string };
}

/** A program of CrowdSec on this host that opens connections. */
export interface Component {
  /** `crowdsec`, `cscli`, `cscli-sudo`, `crowdsec-hubupdate`, or a bouncer: its file's name without the ending. */
  readonly name: string;
  readonly environment: ComponentEnvironment | Hidden;
  /** The unit that a drop-in belongs to. */
  readonly unit?: string;
  /** Its program, and how that resolves names; undefined when that is not known. */
  readonly program?: string;
  readonly build?: Pick<BuildSeen, "resolver" | "goVersion">;
}

/** What a client shows the Local API. `both`: a password and a certificate, which exclude each other. */
export type ClientCredentials =
  | { readonly kind: "password"; readonly login: Sourced<string>; readonly password: Secret }
  | { readonly kind: "key"; readonly key: Secret; readonly origin: string }
  | { readonly kind: "certificate"; readonly origin: string }
  | { readonly kind: "both"; readonly origin: string }
  /** The installer's placeholder still stands there, for example `${API_KEY}`. */
  | { readonly kind: "template"; readonly template: string; readonly origin: string }
  | { readonly kind: "incomplete"; readonly missing: readonly string[]; readonly origin: string };

/** A program of this host that talks to the Local API, as its own file tells it to. */
export interface LapiClient {
  /** `agent`, `cscli`, `lapi` (the Local API's own listen address), or a bouncer: its file's name without the ending. */
  readonly name: string;
  readonly kind: "machine" | "bouncer" | "self";
  /** Its file; of `self`, the main configuration. */
  readonly path: string;
  readonly way: LapiRoute | Hidden | Absent | Malformed;
  /** The component that it is part of: whose environment and resolver count. None: the Local API's own address, or `--lapi-url` before an install. */
  readonly component?: string;
  /** Why it never takes a proxy, whatever its environment says; undefined when it does as Go does. */
  readonly neverProxied?: string;
  /** After how many milliseconds it gives a request up. */
  readonly limitMs?: Sourced<number>;
  readonly credentials: ClientCredentials | Hidden | Absent;
}

/** `db_config`, as the engine of this version reads it. */
export interface SqliteConfig {
  readonly kind: "sqlite";
  readonly path: Sourced<string>;
  readonly wal?: Sourced<boolean>;
}
export interface NetworkDatabase {
  readonly kind: "network";
  readonly protocol: DatabaseQuestion["protocol"];
  /** As written: `postgresql`, `mysql`, … */
  readonly type: Sourced<string>;
  /** A host name or address; or the path of a unix socket. */
  readonly at:
    | { readonly host: Sourced<string>; readonly port: Sourced<number> }
    | { readonly socket: Sourced<string> };
  readonly user: Sourced<string>;
  readonly password: Secret;
  readonly name: Sourced<string>;
  /** The key whose value breaks PostgreSQL's connection string, which CrowdSec does not escape. */
  readonly unescaped?: Sourced<string>;
  /** What the driver makes of `sslmode`, and where that is written. */
  readonly tls: Sourced<DatabaseTls>;
  readonly caFile?: string;
  readonly certificate?: { readonly certFile: string; readonly keyFile: string };
}
export type DatabaseConfig = SqliteConfig | NetworkDatabase;

/** One document of an acquisition file. */
export interface AcquisitionSource {
  /** `path:line` where the document begins. */
  readonly origin: string;
  /** Its data source's name, written or derived as CrowdSec does; undefined when nothing tells it. */
  readonly source?: string;
  readonly hasLabels: boolean;
  readonly mistakes: readonly ConfigMistake[];
}
export interface Acquisition {
  readonly files: readonly ConfigFile[];
  readonly sources: readonly AcquisitionSource[];
  /** The file of `acquisition_path`, which CrowdSec up to 1.6.11 wants to exist. */
  readonly path?: Sourced<string>;
}

/** All that a try of the agent's configuration needs, on a copy that touches nothing else. */
export interface Rehearsal {
  /** The `crowdsec` program. */
  readonly program: string;
  /** As it is started here: `-no-api`, `-no-cs`; and never with the Central API. */
  readonly flags: readonly string[];
  /** Name → content of the copied files; `{folder}` stands for where they will be. */
  readonly files: Readonly<Record<string, Secret>>;
  /** Variables that the acquisition files name, and no other. */
  readonly environment: Readonly<Record<string, Secret>>;
}

/** What a `prometheus` host scrapes. */
export interface ScrapeTarget {
  /** `host:port`, unique. */
  readonly name: string;
  /** Ends with the path of the metrics. */
  readonly url: Sourced<string>;
}

/** A listener that stands in for a Local API to come (`--peer`). */
export interface Peer {
  /** `HOST:PORT`, unique. */
  readonly name: string;
  /** `http://HOST:PORT/` or `https://HOST:PORT/`. */
  readonly url: Sourced<string>;
  readonly token: Secret;
  /** Milliseconds of silence that the connection is to survive; 0: not asked. */
  readonly idleMs: number;
}

export interface Capi {
  /** `off`: CrowdSec does not use the Central API here, `reason` says why; `unregistered`: configured, without usable credentials. */
  readonly state: "on" | "off" | "unregistered";
  readonly reason?: string;
  /** Of `unregistered`: the credentials' file, and what it lacks. */
  readonly incomplete?: { readonly path: string; readonly missing: readonly string[] };
  readonly url: Sourced<string> | Malformed;
  readonly papiUrl: Sourced<string> | Malformed;
  /** What the Central API's certificate is verified against, where the client's settings change that for the whole process. */
  readonly trust?: Trust & { readonly origin: string };
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

/** Where the Local API of this host listens, as configured: an address, a unix socket, or both. */
export interface Listen {
  readonly uri?: Sourced<{ readonly host: string; readonly port: number }> | Malformed;
  readonly socket?: Sourced<string>;
  readonly tls: boolean;
  /** Of an AppSec data source: where its own listener is. */
  readonly appsec: readonly Sourced<{ readonly host: string; readonly port: number }>[];
}

/** The deployment as seen from this host; made once, before any check runs. */
export interface Topology {
  readonly user: string;
  /** What kind of system this is: what is typed here to restart a service, or to install a package. */
  readonly system: System;
  /** A container, or a network namespace of its own; undefined on an ordinary host. */
  readonly namespace?: string;
  readonly env: Env;
  readonly components: readonly Component[];
  /** What this shell itself would do, for comparison. */
  readonly shell: ComponentEnvironment;
  readonly resolver: ResolverSeen;
  readonly roles: readonly Sourced<Role>[];
  readonly phase: Sourced<RunPhase>;
  readonly files: readonly ConfigFile[];
  /** Of the installed `crowdsec` program; a running one may still be older. */
  readonly program?: { readonly path: string; readonly version?: Version };
  /** CrowdSec's version as its program or the system's package database tells it; a running one may still be older. */
  readonly installed?: Sourced<Version>;
  /** The main configuration's path. */
  readonly config: Sourced<string>;
  /** The running `crowdsec` of this host, if there is one: the first of `engines`. */
  readonly engine?: ProcessSeen;
  /** Every running `crowdsec` of this host that is believed to be one, oldest pid first. */
  readonly engines: readonly ProcessSeen[];
  /** The engine's own log file; undefined where it writes to its output (`common.log_media: stdout`), or nothing tells. */
  readonly log?: Sourced<string>;
  /** Agent and Local API run in one process here: an error of the agent stops both. */
  readonly sharedProcess: boolean;
  /** Every client of a Local API on this host; why there is none otherwise. */
  readonly clients: readonly LapiClient[] | Hidden | Absent;
  readonly listen: Listen;
  readonly database: DatabaseConfig | Hidden | Absent | Malformed;
  readonly acquisition: Acquisition | Hidden | Absent;
  readonly rehearsal: Rehearsal | Hidden | Absent;
  /** `config_paths.data_dir`, where the engine keeps its data, whatever its database is; undefined where nothing tells. */
  readonly dataDir?: Sourced<string>;
  /** `hub_dir`'s index, which the agent cannot start without. */
  readonly hubIndex?: Sourced<string>;
  readonly targets: readonly ScrapeTarget[];
  readonly peers: readonly Peer[];
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

/** The component of that name; undefined where this host has none. */
export const componentOf = (
  { components }: Pick<Topology, "components">,
  name: string | undefined,
): Component | undefined => components.find((component) => component.name === name);

/** A component's environment; undefined where there is none to know, or it may not be read. */
export const environmentOf = (component: Component | undefined): ComponentEnvironment | undefined =>
  component === undefined || "hidden" in component.environment ? undefined : component.environment;

export const hasRole = (topology: Topology, role: Role): boolean => topology.roles.some(({ value }) => value === role);

const SELF = /^(127\.|::1$|0\.0\.0\.0$|::$)/;

/** Whether a connection to this address ends on this host: loopback, a wildcard, or an address of its interfaces. */
export const isOwnAddress = ({ interfaces }: Pick<Topology, "interfaces">, address: string): boolean =>
  SELF.test(address) || interfaces.some((own) => own.address === address);
