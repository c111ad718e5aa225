import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import yargs from "yargs";
import { catalogue } from "../checks/index.ts";
import { type CheckOptions, check } from "./commands/check.ts";
import { explain } from "./commands/explain.ts";
import { type FirewallOptions, firewall, parseRanges } from "./commands/firewall.ts";
import { list } from "./commands/list.ts";
import type { ListenOptions } from "./commands/listen.ts";
import { readPeers } from "./commands/peers.ts";
import type { SessionOptions, Tool } from "./commands/session.ts";
import { type Streams, WriteError, write } from "./commands/streams.ts";
import { readTargets } from "./commands/targets.ts";
import { readToken } from "./commands/token.ts";
import { UsageError } from "./commands/usage-error.ts";
import {
  parseCount,
  parseDuration,
  parseLapiUrl,
  parseOptionalDuration,
  parsePatterns,
  parsePorts,
  parseProxy,
  parseWord,
  parseWords,
} from "./commands/values.ts";
import { EXIT_UNJUDGED } from "./exit-code.ts";
import { FIREWALL_FORMATS } from "./firewall/index.ts";
import { MAX_IDLE_MS } from "./listen/handshake.ts";
import { printable } from "./model/text.ts";
import { ENVS, ROLES, RUN_PHASES } from "./model/topology.ts";
import { FORMATS } from "./reporters/index.ts";

const FAIL_ON = ["fail", "warn"] as const;

const EXIT_CODES = `Exit codes: 0 nothing failed, 1 a warning (with --fail-on warn), 2 something failed,
3 could not judge (bad usage, nothing to check, our own error), 130/143 interrupted.`;

const FIREWALL_EXIT_CODES = `Exit codes: 0 printed, 3 not, cut off, or without an address of a name that is needed,
130/143 interrupted.`;
const LISTEN_EXIT_CODES = `Exit codes: 0 done, 2 somebody expected never came or not to the end, 3 it could not listen,
130/143 interrupted.`;

const FLAGS = {
  output: {
    alias: "o",
    type: "string",
    default: "pretty",
    requiresArg: true,
    describe: `Format of the report: ${FORMATS.join(", ")}`,
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
    default: "fail",
    requiresArg: true,
    describe: "What makes the exit code: fail, or warn too",
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
  ticket: {
    type: "boolean",
    describe: "In place of the report: what to send to whoever runs the firewall, the proxy, DNS or the other host",
  },
  quiet: { alias: "q", type: "boolean", describe: "Only what failed or warns, and the last line" },
  verbose: { alias: "v", type: "boolean", describe: "Layers and addresses of everything" },
  color: { type: "boolean", describe: "Colours, yes or no (NO_COLOR and FORCE_COLOR count too)" },
  ascii: { type: "boolean", describe: "ASCII symbols only" },
} as const;

/** What of these changes which deployment is looked at, and how long. */
const HOST_FLAGS = [
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
const FIREWALL_FLAGS = {
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
const LISTEN_FORMATS = ["pretty", "json"] as const;
const LISTEN_FLAGS = {
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
    describe: `Format of the table at the end: ${LISTEN_FORMATS.join(", ")}`,
  },
  color,
  ascii,
} as const;

/** Flags of every command that looks at this host. */
interface HostFlags {
  readonly output: string;
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

interface TokenFlags {
  readonly token?: string;
  readonly tokenFile?: string;
}

interface Flags extends HostFlags, TokenFlags {
  readonly wait?: string;
  readonly peer?: string[];
  readonly idle: string;
  readonly allowWrites?: boolean;
  readonly only?: string[];
  readonly skip?: string[];
  readonly failOn: string;
  readonly concurrency: string;
  readonly ticket?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
  readonly ascii?: boolean;
}

interface FirewallFlags extends HostFlags {
  readonly from?: string[];
  readonly metricsFrom?: string[];
}

interface ListenFlags extends TokenFlags {
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

const IDS = catalogue.map(({ id }) => id);

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

const checkOptions = async (flags: Flags, environment: Streams["environment"]): Promise<CheckOptions> => {
  const { allowWrites, only, skip, ticket, quiet, verbose, color, wait, peer = [] } = flags;
  if (quiet && verbose) throw new UsageError("--quiet and --verbose exclude each other.");
  if (ticket && flags.output === "json") throw new UsageError("--ticket and --output json exclude each other.");
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
  const host = await hostOptions(flags);
  return {
    ...host,
    overrides: { ...host.overrides, ...(peers.length > 0 && { peers }) },
    ...(peers.length > 0 && flags.deadline === undefined && { deadlineMs: DEADLINE_MS + idleMs }),
    ...(wait !== undefined && { waitMs: parseDuration("--wait", wait) }),
    isSelected,
    allowWrites: allowWrites ?? false,
    output: parseWord("--output", flags.output, FORMATS),
    failOn: parseWord("--fail-on", flags.failOn, FAIL_ON),
    concurrency: parseCount("--concurrency", flags.concurrency),
    ticket: ticket ?? false,
    detail: quiet ? "quiet" : verbose ? "verbose" : "normal",
    ...(color !== undefined && { color }),
    ascii: flags.ascii ?? false,
  };
};

const firewallOptions = async (flags: FirewallFlags): Promise<FirewallOptions> => ({
  ...(await hostOptions(flags)),
  output: parseWord("--output", flags.output, FIREWALL_FORMATS),
  from: {
    clients: parseRanges("--from", flags.from ?? []),
    prometheus: parseRanges("--metrics-from", flags.metricsFrom ?? []),
  },
});

const listenOptions = async (flags: ListenFlags, environment: Streams["environment"]): Promise<ListenOptions> => {
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

const readTool = (): Tool => {
  // dist/src/cli.js → the package's own package.json.
  const { name, version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as Tool;
  return { name, version };
};

/** A flag given twice, where once is meant, arrives as a list. */
const refuseRepeats = (flags: Readonly<Record<string, unknown>>): void => {
  const known: Readonly<Record<string, { readonly type: string; readonly array?: boolean }>> = {
    ...LISTEN_FLAGS,
    ...FIREWALL_FLAGS,
    ...FLAGS,
  };
  // yargs gives each value once more under a name without hyphens.
  const lists = new Set(Object.keys(known).filter((name) => known[name]?.array));
  const spelled = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  for (const [name, value] of Object.entries(flags)) {
    if (value === false && known[name]?.type === "string") throw new UsageError(`--no-${name} is no flag.`);
    // yargs repeats a value under its one-letter alias.
    if (Array.isArray(value) && name.length > 1 && !lists.has(spelled(name)))
      throw new UsageError(`--${name} was given more than once.`);
  }
};

/** Runs one command line; resolves to the exit code, never throws. */
export const main = async (argv: readonly string[], streams: Streams): Promise<number> => {
  const tool = readTool();
  // A reader that leaves early, such as head, is no error of ours.
  for (const stream of [streams.stdout, streams.stderr]) stream.on("error", () => {});
  let exitCode = 0;
  const run = (command: () => Promise<number>) => async (): Promise<void> => {
    exitCode = await command();
  };
  let text = "";
  try {
    const parser = yargs()
      .scriptName(tool.name)
      .usage(
        "$0 [command] [flags]\n\nCan CrowdSec work on this host, and if not: what is wrong, whose is it, and what mends it?",
      )
      .parserConfiguration({
        "boolean-negation": true,
        "parse-positional-numbers": false,
        "parse-numbers": false,
        "dot-notation": false,
      })
      .locale("en")
      .command(
        ["check", "$0"],
        "Every check that applies here (the default)",
        (command) => command.options(FLAGS).epilogue(EXIT_CODES),
        (flags) => {
          refuseRepeats(flags);
          return run(async () =>
            check(await checkOptions(flags as unknown as Flags, streams.environment), tool, streams),
          )();
        },
      )
      .command(
        "listen",
        "On the Local API's host to be: stands in for it, so that the others can try the way (check --peer)",
        (command) => command.options(LISTEN_FLAGS).epilogue(LISTEN_EXIT_CODES),
        (flags) => {
          refuseRepeats(flags);
          return run(async () => {
            const options = await listenOptions(flags as unknown as ListenFlags, streams.environment);
            // A server, its protocol and its table: no other command needs them.
            const { listen } = await import("./commands/listen.ts");
            return listen(options, tool, streams);
          })();
        },
      )
      .command(
        "firewall",
        "What a firewall must let through for CrowdSec on this host",
        (command) => command.options(FIREWALL_FLAGS).epilogue(FIREWALL_EXIT_CODES),
        (flags) => {
          refuseRepeats(flags);
          return run(async () => firewall(await firewallOptions(flags as unknown as FirewallFlags), tool, streams))();
        },
      )
      .command(
        "list",
        "The catalogue of checks, and the causes that have a name",
        {},
        run(() => list(streams)),
      )
      .command(
        "explain [id]",
        "One check, fault or cause, offline",
        (command) =>
          command.positional("id", {
            type: "string",
            describe: "A check's id, a fault code, or a cause of a report",
          }),
        ({ id }) => run(() => explain(id, streams))(),
      )
      .strict()
      .help()
      .alias("help", "h")
      .version(tool.version)
      .exitProcess(false)
      .wrap(Math.min(streams.stdout.columns || 100, 110))
      .fail((message, error) => {
        // Some of yargs' own complaints come as an error of its class, without a message beside it.
        if (error !== undefined && error !== null && error.name !== "YError") throw error;
        const complaint = (message ?? error?.message ?? "bad usage").replace(/\s*\n\s*/g, " ");
        throw new UsageError(`${complaint}. See ${tool.name} --help.`);
      });
    await parser.parseAsync([...argv], {}, (_error, _argv, output) => {
      text = output;
    });
    if (text !== "") await write(streams.stdout, `${text}\n`);
    return exitCode;
  } catch (error) {
    const told = error instanceof UsageError || error instanceof WriteError;
    const words = error instanceof Error ? error.message : String(error);
    const message = told ? words : `internal error, please report it: ${words}`;
    // Where not even stderr takes it, the exit code is all that is left.
    await write(streams.stderr, `${tool.name}: ${printable(message, 1000)}\n`).catch(() => {});
    return EXIT_UNJUDGED;
  }
};
