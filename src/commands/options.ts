import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { resolve } from "node:path";
import { catalogue } from "../../checks/index.ts";
import { MAX_UNPACKED_BYTES } from "../bundle/limits.ts";
import { FIREWALL_FORMATS } from "../firewall/index.ts";
import { INIT_KINDS, type InitKind } from "../init/file.ts";
import { MAX_IDLE_MS } from "../listen/handshake.ts";
import { ENVS, ROLES, RUN_PHASES } from "../model/topology.ts";
import { FORMATS } from "../reporters/index.ts";
import type { BundleOptions } from "./bundle.ts";
import type { CheckOptions } from "./check.ts";
import type { CleanOptions } from "./clean.ts";
import type { CronOptions } from "./cron.ts";
import type { DiffOptions } from "./diff.ts";
import { type FirewallOptions, parseRanges } from "./firewall.ts";
import {
  type BundleFlags,
  type CleanFlags,
  COMPARE_FORMATS,
  type CompareFlags,
  FAIL_ON,
  type FirewallFlags,
  FLAGS,
  type Flags,
  type HostFlags,
  type InitFlags,
  LISTEN_FORMATS,
  type ListenFlags,
} from "./flags.ts";
import type { ListenOptions } from "./listen.ts";
import { readPeers } from "./peers.ts";
import { readPingUrl } from "./ping-url.ts";
import type { ReportFile } from "./report-files.ts";
import type { SessionOptions } from "./session.ts";
import type { Streams } from "./streams.ts";
import { readTargets } from "./targets.ts";
import { readToken } from "./token.ts";
import { UsageError } from "./usage-error.ts";
import {
  parseCount,
  parseDuration,
  parseLapiUrl,
  parseOptionalDuration,
  parsePatterns,
  parsePorts,
  parseProxy,
  parseReportFile,
  parseRule,
  parseSize,
  parseWord,
  parseWords,
} from "./values.ts";

const IDS = catalogue.map(({ id }) => id);

/** A value that says nothing is one that somebody forgot. */
const named = (flag: string, path: string | undefined): string | undefined => {
  if (path === "") throw new UsageError(`${flag} wants a file's name.`);
  return path;
};

/** Of a run; what it waits for on purpose comes on top. */
const DEADLINE_MS = 30_000;

/** Every flag is judged before anything is touched. */
const hostOptions = async (flags: HostFlags): Promise<Omit<SessionOptions, "allowWrites">> => {
  const { role, phase, config, lapiUrl, targets, target } = flags;
  if (flags[4] && flags[6]) throw new UsageError("-4 and -6 exclude each other; leave both out to use both families.");
  if (config === "") throw new UsageError("--config wants the path of CrowdSec's config.yaml.");
  const scraped = await readTargets(targets, target ?? []);
  const family = flags[4] ? 4 : flags[6] ? 6 : undefined;
  return {
    overrides: {
      ...(config !== undefined && { config }),
      ...(lapiUrl !== undefined && { lapiUrl: parseLapiUrl("--lapi-url", lapiUrl) }),
      ...(role && { roles: parseWords("--role", role, ROLES) }),
      ...(phase !== undefined && { phase: parseWord("--phase", phase, RUN_PHASES) }),
      ...(scraped.length > 0 && { targets: scraped }),
      ...(flags.proxy !== undefined && { proxy: parseProxy("--proxy", flags.proxy) }),
    },
    env: parseWord("--env", flags.env, ENVS),
    deadlineMs: flags.deadline === undefined ? DEADLINE_MS : parseDuration("--deadline", flags.deadline),
    timeoutMs: parseDuration("--timeout", flags.timeout),
    ...(family && { family }),
  };
};

/** What says which deployment is looked at, or changes something there: a bundle has been made. */
const ON_A_HOST = {
  role: "--role",
  phase: "--phase",
  config: "--config",
  lapiUrl: "--lapi-url",
  targets: "--targets",
  target: "--target",
  proxy: "--proxy",
  4: "-4",
  6: "-6",
  peer: "--peer",
  token: "--token",
  tokenFile: "--token-file",
  wait: "--wait",
  allowWrites: "--allow-writes",
  cron: "--cron",
  pingUrl: "--ping-url",
  dryRun: "--dry-run",
} as const satisfies Partial<Record<keyof Flags, string>>;

/** Of `--cron`: what each is when it is not given. */
const CRON = { splay: "30s", confirm: "2/3" } as const;

/** What says nothing without `--cron`. */
const OF_CRON = { state: "--state", splay: "--splay", confirm: "--confirm", remind: "--remind" } as const;

/** What `--cron` goes without, and why. */
const NOT_WITH_CRON = {
  output: ["--output", "it tells in its own words what has changed; for a whole report there is --report FORMAT=FILE"],
  ticket: ["--ticket", "it tells in its own words what has changed"],
  quiet: ["--quiet", "it is quiet by itself"],
  verbose: ["--verbose", "it tells in its own words what has changed"],
  wait: ["--wait", "what recovers by the next run is not told (see --confirm)"],
  peer: ["--peer", "a listener's token is good for one time"],
  allowWrites: ["--allow-writes", "what runs all the time changes nothing"],
} as const satisfies Partial<Record<keyof Flags, readonly [string, string]>>;

/** What decides what a run looks at; its order decides nothing. */
const selectionOf = (flags: Flags): string => {
  const { only, skip, role, target, phase, config, lapiUrl, targets, proxy } = flags;
  const family = flags[4] ? 4 : flags[6] ? 6 : undefined;
  const env = flags.env === FLAGS.env.default ? undefined : flags.env;
  const lists = [only, skip, role, target].map((list) => list?.join(",").split(",").sort());
  const given = [...lists, phase, config, lapiUrl, targets, proxy, env, family];
  if (given.every((one) => one === undefined)) return "";
  return createHash("sha256").update(JSON.stringify(given)).digest("hex").slice(0, 8);
};

const cronOptions = (flags: Flags, deadlineMs: number): CronOptions | undefined => {
  if (!flags.cron) {
    for (const [name, flag] of Object.entries(OF_CRON))
      if (flags[name as keyof typeof OF_CRON] !== undefined) throw new UsageError(`${flag} belongs to --cron.`);
    return undefined;
  }
  // What it would touch has formats of its own.
  for (const [name, [flag, why]] of Object.entries(NOT_WITH_CRON))
    if (flags[name as keyof typeof NOT_WITH_CRON] !== undefined && !(flags.dryRun && name === "output"))
      throw new UsageError(`--cron and ${flag} exclude each other: ${why}.`);
  const state = named("--state", flags.state);
  return {
    ...(state !== undefined && { state }),
    selection: selectionOf(flags),
    splayMs: parseOptionalDuration("--splay", flags.splay ?? CRON.splay),
    rule: parseRule("--confirm", flags.confirm ?? CRON.confirm),
    ...(flags.remind !== undefined && { remindMs: parseDuration("--remind", flags.remind, 365) }),
    deadlineMs,
  };
};

/** The files that reports go to, each once. */
const reportFiles = (texts: readonly string[]): readonly ReportFile[] => {
  const files = texts.map((text) => parseReportFile("--report", text));
  const paths = files.map(({ path }) => resolve(path));
  const twice = files.find((_file, index) => paths.indexOf(paths[index] ?? "") !== index);
  if (twice) throw new UsageError(`--report names ${twice.path} more than once.`);
  return files;
};

/** The bundle to judge; undefined where this host is looked at. */
const bundleOf = (flags: Flags): string | undefined => {
  const from = named("--from", flags.from);
  if (from === undefined) return undefined;
  for (const [name, flag] of Object.entries(ON_A_HOST))
    if (flags[name as keyof typeof ON_A_HOST] !== undefined)
      throw new UsageError(`--from and ${flag} exclude each other: what is in a bundle was seen, and stays as it is.`);
  return from;
};

export const checkOptions = async (flags: Flags, environment: Streams["environment"]): Promise<CheckOptions> => {
  const { allowWrites, only, skip, ticket, quiet, verbose, color, wait, peer = [] } = flags;
  if (quiet && verbose) throw new UsageError("--quiet and --verbose exclude each other.");
  if (ticket && flags.output !== undefined && flags.output !== "pretty")
    throw new UsageError(`--ticket and --output ${flags.output} exclude each other.`);
  if (ticket && (quiet || verbose)) throw new UsageError("--ticket has one length: leave --quiet and --verbose out.");
  const chosen = only ? parsePatterns("--only", only, IDS) : () => true;
  const left = skip ? parsePatterns("--skip", skip, IDS) : () => false;
  const isSelected = (id: string): boolean => chosen(id) && !left(id);
  if (!IDS.some(isSelected)) throw new UsageError("--only and --skip together leave no check.");
  if (peer.length === 0 && (flags.token !== undefined || flags.tokenFile !== undefined))
    throw new UsageError("--token and --token-file are for a listener: --peer HOST:PORT names it.");
  const idleMs = parseOptionalDuration("--idle", flags.idle);
  if (idleMs > MAX_IDLE_MS) throw new UsageError(`--idle wants at most ${MAX_IDLE_MS / 1000}s, or none.`);
  const peers = readPeers(peer, peer.length > 0 ? await readToken(flags, environment) : undefined, idleMs);
  const from = bundleOf(flags);
  const output = parseWord("--output", flags.output ?? "pretty", FORMATS);
  const failOn = flags.failOn ?? (flags.cron || output === "nagios" ? "warn" : "fail");
  const reports = reportFiles(flags.report ?? []);
  const pingUrl = from === undefined ? readPingUrl(flags.pingUrl, environment) : undefined;
  const host = await hostOptions(flags);
  const cron = cronOptions(flags, host.deadlineMs);
  return {
    ...host,
    ...(from !== undefined && { from }),
    overrides: { ...host.overrides, ...(peers.length > 0 && { peers }) },
    ...(peers.length > 0 && flags.deadline === undefined && { deadlineMs: DEADLINE_MS + idleMs }),
    ...(wait !== undefined && { waitMs: parseDuration("--wait", wait) }),
    isSelected,
    allowWrites: allowWrites ?? false,
    output,
    reports,
    ...(cron && { cron }),
    ...(pingUrl && { pingUrl }),
    dryRun: flags.dryRun ?? false,
    failOn: parseWord("--fail-on", failOn, FAIL_ON),
    concurrency: parseCount("--concurrency", flags.concurrency),
    ticket: ticket ?? false,
    detail: quiet ? "quiet" : verbose ? "verbose" : "normal",
    ...(color !== undefined && { color }),
    ascii: flags.ascii ?? false,
  };
};

export const bundleOptions = async (flags: BundleFlags): Promise<BundleOptions> => {
  const [file, map] = [named("--file", flags.file), named("--map", flags.map)];
  const { anonymize = false, firewallRules = false } = flags;
  if (map !== undefined && !anonymize) throw new UsageError("--map belongs to --anonymize.");
  return {
    ...(await hostOptions(flags)),
    allowWrites: false,
    ...(file !== undefined && { file }),
    ...(map !== undefined && { map }),
    anonymize,
    rules: firewallRules,
    maxBytes: parseSize("--max-size", flags.maxSize, MAX_UNPACKED_BYTES),
    concurrency: parseCount("--concurrency", FLAGS.concurrency.default),
  };
};

export const cleanOptions = ({ input, file }: CleanFlags): CleanOptions => {
  const target = named("--file", file);
  // yargs makes nothing of a lone hyphen.
  return { path: input === "" ? "-" : input, ...(target !== undefined && { file: target }) };
};

export const compareOptions = ({ output, color, ascii }: CompareFlags): Omit<DiffOptions, "paths"> => ({
  output: parseWord("--output", output, COMPARE_FORMATS),
  ...(color !== undefined && { color }),
  ascii: ascii ?? false,
});

export const firewallOptions = async (flags: FirewallFlags): Promise<FirewallOptions> => ({
  ...(await hostOptions(flags)),
  output: parseWord("--output", flags.output, FIREWALL_FORMATS),
  from: {
    clients: parseRanges("--from", flags.from ?? []),
    prometheus: parseRanges("--metrics-from", flags.metricsFrom ?? []),
  },
});

export const initOptions = ({ kind, write }: InitFlags): { readonly kind: InitKind; readonly write: boolean } => {
  if (kind === undefined) throw new UsageError(`init wants one of ${INIT_KINDS.join(", ")}.`);
  return { kind: parseWord("init", kind, INIT_KINDS), write: write ?? false };
};

export const listenOptions = async (
  flags: ListenFlags,
  environment: Streams["environment"],
): Promise<ListenOptions> => {
  const { address, cert, key, tls, color } = flags;
  if (address !== undefined && !isIP(address))
    throw new UsageError(`--address wants an address of this host, such as 10.0.0.5; not "${address}".`);
  if ((cert === undefined) !== (key === undefined)) throw new UsageError("--cert and --key belong together.");
  if (tls && cert !== undefined)
    throw new UsageError("--tls makes a certificate of its own: leave it out with --cert and --key.");
  const expected = (flags.expect ?? []).flatMap((text) => text.split(",").map((word) => word.trim()));
  if (expected.includes("")) throw new UsageError("--expect wants host names or addresses.");
  const found = await readToken(flags, environment);
  return {
    ports: parsePorts("--port", flags.port),
    ...(address !== undefined && { address }),
    ttlMs: parseDuration("--ttl", flags.ttl),
    expected,
    ...(found && { token: found }),
    ...(tls && { tls: "throw-away" }),
    ...(cert !== undefined && key !== undefined && { tls: { certFile: cert, keyFile: key } }),
    output: parseWord("--output", flags.output, LISTEN_FORMATS),
    ...(color !== undefined && { color }),
    ascii: flags.ascii ?? false,
  };
};
