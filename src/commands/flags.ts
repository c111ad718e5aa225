import { FIREWALL_FORMATS } from "../firewall/index.ts";
import { ROLES } from "../model/topology.ts";
import { FORMATS } from "../reporters/index.ts";

export const FAIL_ON = ["fail", "warn"] as const;

export const EXIT_CODES = `Exit codes: 0 nothing failed, 1 a warning (with --fail-on warn), 2 something failed,
3 could not judge (bad usage, nothing to check, our own error), 130/143 interrupted.`;

export const FIREWALL_EXIT_CODES = `Exit codes: 0 printed, 3 not, cut off, or without an address of a name that is needed,
130/143 interrupted.`;
export const BUNDLE_EXIT_CODES = `Exit codes: 0 written, whatever it says of this host; 3 not; 130/143 interrupted.
Nothing in it logs in anywhere. Secrets are taken out; look into it before you send it.`;
export const CLEAN_EXIT_CODES = "Exit codes: 0 written, 3 not.";
export const INIT_EXIT_CODES = `Exit codes: 0 printed, or all of it written; 3 not.
Without --write nothing is written.`;
export const DIFF_EXIT_CODES = "Exit codes: 0 nothing got worse, 2 something did, 3 could not be compared.";
export const MERGE_EXIT_CODES = "Exit codes: as the worst report; 3 where one of them cannot be read.";
export const LISTEN_EXIT_CODES = `Exit codes: 0 done, 2 somebody expected never came or not to the end, 3 it could not listen,
130/143 interrupted.`;

export const FLAGS = {
  output: {
    alias: "o",
    type: "string",
    requiresArg: true,
    describe: `Format of the report: ${FORMATS.join(", ")} (pretty)`,
  },
  report: {
    type: "string",
    array: true,
    requiresArg: true,
    describe: "FORMAT=FILE: the report in a file too; several are possible",
  },
  role: {
    type: "string",
    array: true,
    requiresArg: true,
    describe: `What this host is, in place of what is found: ${ROLES.join(", ")}`,
  },
  phase: { type: "string", requiresArg: true, describe: "install: before CrowdSec is there; run: afterwards" },
  config: { type: "string", requiresArg: true, describe: "CrowdSec's config.yaml" },
  "lapi-url": { type: "string", requiresArg: true, describe: "The Local API, in place of the configured one" },
  targets: { type: "string", requiresArg: true, describe: "What Prometheus scrapes: a file, HOST:PORT or URL a line" },
  target: { type: "string", array: true, requiresArg: true, describe: "One target of Prometheus, HOST:PORT or URL" },
  only: { type: "string", array: true, requiresArg: true, describe: "Only these checks: ids, families, globs" },
  skip: { type: "string", array: true, requiresArg: true, describe: "All but these checks" },
  "fail-on": {
    type: "string",
    requiresArg: true,
    describe: "What makes the exit code: fail, or warn too (fail; with --cron and -o nagios warn)",
  },
  deadline: {
    type: "string",
    requiresArg: true,
    describe: "End of the whole run, with --wait of each round (30s; with --peer 30s after the silence of --idle)",
  },
  timeout: { type: "string", default: "5s", requiresArg: true, describe: "Limit of each phase of a probe" },
  concurrency: { type: "string", default: "128", requiresArg: true, describe: "Targets asked at the same time" },
  wait: {
    type: "string",
    requiresArg: true,
    describe: "Ask again what failed and can recover, until all is well or this time is up",
  },
  peer: {
    type: "string",
    array: true,
    requiresArg: true,
    describe: "A listener (see the command listen) that stands in for a Local API to come: HOST:PORT",
  },
  token: {
    type: "string",
    requiresArg: true,
    describe: "The listener's token; better in the environment as CROWDSEC_PREFLIGHT_TOKEN",
  },
  "token-file": { type: "string", requiresArg: true, describe: "A file that holds the token; - for standard input" },
  idle: {
    type: "string",
    default: "45s",
    requiresArg: true,
    describe: "Silence that a connection to a --peer has to survive; none: not asked",
  },
  "allow-writes": {
    type: "boolean",
    describe: "Ask too what changes a row at the Local API: a machine's login, an old engine's bouncer key",
  },
  env: {
    type: "string",
    default: "auto",
    requiresArg: true,
    describe:
      "Whose environment counts for proxies and CA store: auto (each component's own, where known), service, shell",
  },
  proxy: {
    type: "string",
    requiresArg: true,
    describe: "This proxy for every component, in place of what its environment says; none: no proxy",
  },
  4: { type: "boolean", describe: "Of names, IPv4 addresses only" },
  6: { type: "boolean", describe: "Of names, IPv6 addresses only" },
  cron: {
    type: "boolean",
    describe: "For cron and timers: tells only what has changed, and exits with what is confirmed",
  },
  state: { type: "string", requiresArg: true, describe: "With --cron: the file that it remembers in (one of its own)" },
  splay: {
    type: "string",
    requiresArg: true,
    describe: "With --cron: begin after a random part of this (30s); none: at once",
  },
  confirm: {
    type: "string",
    requiresArg: true,
    describe: "With --cron: N/M, what got worse is told once N of the last M runs saw it (2/3)",
  },
  remind: {
    type: "string",
    requiresArg: true,
    describe: "With --cron: tell again after a time such as 24h what is still wrong (never)",
  },
  "ping-url": {
    type: "string",
    requiresArg: true,
    describe:
      "Tell healthchecks.io, or what speaks like it, of the run; better in the environment as CROWDSEC_PREFLIGHT_PING_URL",
  },
  "dry-run": {
    type: "boolean",
    describe: "In place of a run: every name, address, port, file and command that it would touch",
  },
  ticket: {
    type: "boolean",
    describe: "In place of the report: what to send to whoever runs the firewall, the proxy, DNS or the other host",
  },
  quiet: { alias: "q", type: "boolean", describe: "Only what failed or warns, and the last line" },
  verbose: { alias: "v", type: "boolean", describe: "Layers and addresses of everything" },
  color: { type: "boolean", describe: "Colours, yes or no (NO_COLOR and FORCE_COLOR count too)" },
  ascii: { type: "boolean", describe: "ASCII symbols only" },
} as const;

/** A bundle is one of what `check` can look at. */
export const CHECK_FLAGS = {
  ...FLAGS,
  from: {
    type: "string",
    requiresArg: true,
    describe: "Judge a bundle (see the command bundle) in place of this host, offline",
  },
} as const;

/** What of these changes which deployment is looked at, and how long. */
export const HOST_FLAGS = [
  "role",
  "phase",
  "config",
  "lapi-url",
  "targets",
  "target",
  "env",
  "proxy",
  "deadline",
  "timeout",
  4,
  6,
] as const satisfies readonly (keyof typeof FLAGS)[];
export const FIREWALL_FLAGS = {
  output: {
    ...FLAGS.output,
    default: "table",
    describe: `Format of the list: ${FIREWALL_FORMATS.join(", ")}`,
  },
  from: {
    type: "string",
    array: true,
    requiresArg: true,
    describe: "Who may come in to the Local API and AppSec: the networks of agents and bouncers, as CIDR",
  },
  "metrics-from": {
    type: "string",
    array: true,
    requiresArg: true,
    describe: "Who may come in to the metrics: Prometheus' address, as CIDR",
  },
  ...Object.fromEntries(HOST_FLAGS.map((name) => [name, FLAGS[name]])),
} as const;

const { token, "token-file": tokenFile, color, ascii } = FLAGS;
const file = { alias: "f", type: "string", requiresArg: true } as const;
export const BUNDLE_FLAGS = {
  file: { ...file, describe: "Where it goes, - for standard output; without it, a name of its own in this folder" },
  anonymize: {
    type: "boolean",
    describe: "Replace addresses and host names by pseudonyms; what is behind them stays here",
  },
  map: {
    type: "string",
    requiresArg: true,
    describe: "Where that is kept; an earlier bundle's, for the same pseudonyms (without it, beside the bundle)",
  },
  "firewall-rules": { type: "boolean", describe: "Firewall rules in full; without it, only how many" },
  "max-size": { type: "string", default: "25MB", requiresArg: true, describe: "Of all its files together" },
  ...Object.fromEntries(HOST_FLAGS.map((name) => [name, FLAGS[name]])),
  deadline: { ...FLAGS.deadline, describe: "End of the checks (30s); what is collected then takes up to 20s more" },
} as const;
export const CLEAN_FLAGS = {
  file: { ...file, describe: "Where it goes, - for standard output; without it, beside FILE" },
} as const;
export const INIT_FLAGS = {
  write: { type: "boolean", describe: "Put the files where they belong, in place of printing them" },
} as const;
export const COMPARE_FORMATS = ["pretty", "json"] as const;
export const COMPARE_FLAGS = {
  output: { ...FLAGS.output, default: "pretty", describe: `Format: ${COMPARE_FORMATS.join(", ")}` },
  color,
  ascii,
} as const;

export const LISTEN_FORMATS = ["pretty", "json"] as const;
export const LISTEN_FLAGS = {
  port: { type: "string", array: true, default: ["8080"], requiresArg: true, describe: "Ports to listen on" },
  address: { type: "string", requiresArg: true, describe: "Address to listen on; without it, every one of this host" },
  ttl: { type: "string", default: "10m", requiresArg: true, describe: "When it closes by itself" },
  expect: {
    type: "string",
    array: true,
    requiresArg: true,
    describe: "Who is to come, by host name or address: ends when all have, exit code 2 when one has not",
  },
  token,
  "token-file": tokenFile,
  tls: { type: "boolean", describe: "TLS, with a certificate made for this once" },
  cert: { type: "string", requiresArg: true, describe: "TLS with this certificate, a PEM file" },
  key: { type: "string", requiresArg: true, describe: "Its key, a PEM file" },
  output: {
    ...FLAGS.output,
    default: "pretty",
    describe: `Format of the table at the end: ${LISTEN_FORMATS.join(", ")}`,
  },
  color,
  ascii,
} as const;

/** Flags of every command that looks at this host. */
export interface HostFlags {
  readonly role?: string[];
  readonly phase?: string;
  readonly config?: string;
  readonly lapiUrl?: string;
  readonly targets?: string;
  readonly target?: string[];
  readonly deadline?: string;
  readonly timeout: string;
  readonly env: string;
  readonly proxy?: string;
  readonly 4?: boolean;
  readonly 6?: boolean;
}

export interface TokenFlags {
  readonly token?: string;
  readonly tokenFile?: string;
}

export interface Flags extends HostFlags, TokenFlags {
  readonly output?: string;
  readonly report?: string[];
  readonly cron?: boolean;
  readonly state?: string;
  readonly splay?: string;
  readonly confirm?: string;
  readonly remind?: string;
  readonly pingUrl?: string;
  readonly dryRun?: boolean;
  readonly from?: string;
  readonly wait?: string;
  readonly peer?: string[];
  readonly idle: string;
  readonly allowWrites?: boolean;
  readonly only?: string[];
  readonly skip?: string[];
  readonly failOn?: string;
  readonly concurrency: string;
  readonly ticket?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
  readonly ascii?: boolean;
}

export interface FirewallFlags extends HostFlags {
  readonly output: string;
  readonly from?: string[];
  readonly metricsFrom?: string[];
}

export interface BundleFlags extends HostFlags {
  readonly file?: string;
  readonly anonymize?: boolean;
  readonly map?: string;
  readonly firewallRules?: boolean;
  readonly maxSize: string;
}

export interface InitFlags {
  readonly kind?: string;
  readonly write?: boolean;
}

export interface CleanFlags {
  readonly input: string;
  readonly file?: string;
}

export interface CompareFlags {
  readonly output: string;
  readonly color?: boolean;
  readonly ascii?: boolean;
}

export interface DiffFlags extends CompareFlags {
  readonly before: string;
  readonly after: string;
}

export interface MergeFlags extends CompareFlags {
  readonly reports: string[];
}

export interface ListenFlags extends TokenFlags {
  readonly port: string[];
  readonly address?: string;
  readonly ttl: string;
  readonly expect?: string[];
  readonly tls?: boolean;
  readonly cert?: string;
  readonly key?: string;
  readonly output: string;
  readonly color?: boolean;
  readonly ascii?: boolean;
}
