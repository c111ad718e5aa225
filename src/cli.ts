import { readFileSync } from "node:fs";
import yargs from "yargs";
import { check } from "./commands/check.ts";
import { explain } from "./commands/explain.ts";
import { firewall } from "./commands/firewall.ts";
import {
  BUNDLE_EXIT_CODES,
  BUNDLE_FLAGS,
  type BundleFlags,
  CHECK_FLAGS,
  CLEAN_EXIT_CODES,
  CLEAN_FLAGS,
  type CleanFlags,
  COMPARE_FLAGS,
  DIFF_EXIT_CODES,
  type DiffFlags,
  EXIT_CODES,
  FIREWALL_EXIT_CODES,
  FIREWALL_FLAGS,
  type FirewallFlags,
  type Flags,
  INIT_EXIT_CODES,
  INIT_FLAGS,
  type InitFlags,
  LISTEN_EXIT_CODES,
  LISTEN_FLAGS,
  type ListenFlags,
  MERGE_EXIT_CODES,
  type MergeFlags,
} from "./commands/flags.ts";
import { list } from "./commands/list.ts";
import {
  bundleOptions,
  checkOptions,
  cleanOptions,
  compareOptions,
  firewallOptions,
  initOptions,
  listenOptions,
} from "./commands/options.ts";
import type { Tool } from "./commands/session.ts";
import { type Streams, WriteError, write } from "./commands/streams.ts";
import { UsageError } from "./commands/usage-error.ts";
import { EXIT_UNJUDGED } from "./exit-code.ts";
import { INIT_KINDS } from "./init/file.ts";
import { printable } from "./model/text.ts";

const readTool = (): Tool => {
  // dist/src/cli.js → the package's own package.json.
  const { name, version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as Tool;
  return { name, version };
};

type FlagTable = Readonly<Record<string, { readonly type: string; readonly array?: boolean }>>;

/** A flag given twice, where once is meant, arrives as a list. */
const refuseRepeats = (flags: Readonly<Record<string, unknown>>, known: FlagTable): void => {
  // yargs gives each value once more under a name without hyphens.
  const lists = new Set(["_", "reports", ...Object.keys(known).filter((name) => known[name]?.array)]);
  const spelled = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  for (const [name, value] of Object.entries(flags)) {
    if (value === false && known[name]?.type === "string") throw new UsageError(`--no-${name} is no flag.`);
    // yargs repeats a value under its one-letter alias.
    if (Array.isArray(value) && name.length > 1 && !lists.has(spelled(name)))
      throw new UsageError(`--${name} was given more than once.`);
  }
};

const COMMANDS = ["check", "bundle", "clean", "diff", "merge", "listen", "firewall", "init", "list", "explain"];

/** The help that a complaint is answered by. */
const helpFor = ({ name }: Tool, argv: readonly string[]): string => {
  const command = COMMANDS.find((each) => each === argv[0]);
  return `${name} ${command === undefined ? "" : `${command} `}--help`;
};

/** yargs' own words, where they do not tell a person what to do. */
const COMPLAINTS: readonly (readonly [RegExp, string])[] = [
  [/^Not enough non-option arguments: got (\d+), need at least (\d+)$/, "$2 file names are wanted here, not $1"],
  [/^1 file names are wanted/, "A file name is wanted"],
  [/^Not enough arguments following: (\w)$/, "-$1 wants a value"],
  [/^Not enough arguments following: (\S+)$/, "--$1 wants a value"],
  [/^(Unknown arguments?: .*\.zip)$/, "$1; to judge a bundle: check --from FILE"],
];
const clear = (complaint: string): string =>
  COMPLAINTS.reduce((text, [pattern, words]) => text.replace(pattern, words), complaint);

/** `-o nagios`, in each of its spellings. */
const wantsNagios = (argv: readonly string[]): boolean =>
  argv.some(
    (word, index) =>
      /^(?:-o=?|--output=)nagios$/.test(word) || (word === "nagios" && /^(?:-o|--output)$/.test(argv[index - 1] ?? "")),
  );

/** Runs one command line; resolves to the exit code, never throws. */
export const main = async (argv: readonly string[], streams: Streams): Promise<number> => {
  const tool = readTool();
  // A reader that leaves early, such as head, is no error of ours.
  for (const stream of [streams.stdout, streams.stderr]) stream.on("error", () => {});
  let exitCode = 0;
  const run = (command: () => Promise<number>) => async (): Promise<void> => {
    exitCode = await command();
  };
  /** yargs knows a flag's kind by its table; what the values mean is for the command. */
  const act =
    <F>(known: FlagTable, command: (flags: F) => Promise<number>) =>
    (flags: unknown): Promise<void> => {
      refuseRepeats(flags as Readonly<Record<string, unknown>>, known);
      return run(() => command(flags as F))();
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
        (command) => command.options(CHECK_FLAGS).epilogue(EXIT_CODES),
        act<Flags>(CHECK_FLAGS, async (flags) => check(await checkOptions(flags, streams.environment), tool, streams)),
      )
      .command(
        "bundle",
        "All that somebody far away needs to judge this host, in one archive, without its secrets",
        (command) => command.options(BUNDLE_FLAGS).epilogue(BUNDLE_EXIT_CODES),
        act<BundleFlags>(BUNDLE_FLAGS, async (flags) => {
          const options = await bundleOptions(flags);
          const { bundle } = await import("./commands/bundle.ts");
          return bundle(options, tool, streams);
        }),
      )
      .command(
        "clean <input>",
        "Takes secrets out of another tool's archive (cscli support dump), a log, or any text",
        (command) =>
          command
            .positional("input", {
              type: "string",
              demandOption: true,
              describe: "A zip file, a text or - for standard input",
            })
            .options(CLEAN_FLAGS)
            .epilogue(CLEAN_EXIT_CODES),
        act<CleanFlags>(CLEAN_FLAGS, async (flags) => {
          const { clean } = await import("./commands/clean.ts");
          return clean(cleanOptions(flags), tool, streams);
        }),
      )
      .command(
        "diff <before> <after>",
        "What changed between two reports or bundles",
        (command) =>
          command
            .positional("before", { type: "string", demandOption: true, describe: "A report (-o json) or a bundle" })
            .positional("after", { type: "string", demandOption: true, describe: "A later one" })
            .options(COMPARE_FLAGS)
            .epilogue(DIFF_EXIT_CODES),
        act<DiffFlags>(COMPARE_FLAGS, async (flags) => {
          const { diff } = await import("./commands/diff.ts");
          return diff({ ...compareOptions(flags), paths: [flags.before, flags.after] }, streams);
        }),
      )
      .command(
        "merge <reports..>",
        "Reports or bundles of many hosts in one table, and what those that fail have in common",
        (command) =>
          command
            .positional("reports", { type: "string", array: true, demandOption: true, describe: "Reports or bundles" })
            .options(COMPARE_FLAGS)
            .epilogue(MERGE_EXIT_CODES),
        act<MergeFlags>(COMPARE_FLAGS, async (flags) => {
          const { merge } = await import("./commands/merge.ts");
          return merge({ ...compareOptions(flags), paths: flags.reports }, streams);
        }),
      )
      .command(
        "listen",
        "On the Local API's host to be: stands in for it, so that the others can try the way (check --peer)",
        (command) => command.options(LISTEN_FLAGS).epilogue(LISTEN_EXIT_CODES),
        act<ListenFlags>(LISTEN_FLAGS, async (flags) => {
          const options = await listenOptions(flags, streams.environment);
          // A server, its protocol and its table: no other command needs them.
          const { listen } = await import("./commands/listen.ts");
          return listen(options, tool, streams);
        }),
      )
      .command(
        "firewall",
        "What a firewall must let through for CrowdSec on this host",
        (command) => command.options(FIREWALL_FLAGS).epilogue(FIREWALL_EXIT_CODES),
        act<FirewallFlags>(FIREWALL_FLAGS, async (flags) => firewall(await firewallOptions(flags), tool, streams)),
      )
      .command(
        "init [kind]",
        "What to install so that this runs by itself: cron, systemd, nagios, prometheus",
        (command) =>
          command
            .positional("kind", { type: "string", describe: INIT_KINDS.join(", ") })
            .options(INIT_FLAGS)
            .epilogue(INIT_EXIT_CODES),
        act<InitFlags>(INIT_FLAGS, async (flags) => {
          const options = initOptions(flags);
          const { init } = await import("./commands/init.ts");
          return init(options.kind, options, tool, streams);
        }),
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
        throw new UsageError(`${clear(complaint)}. See ${helpFor(tool, argv)}.`);
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
    // A plugin's words are on stdout, whatever became of it; nothing else is known of it by then.
    if (told && wantsNagios(argv))
      await write(streams.stdout, `CROWDSEC UNKNOWN: ${printable(message, 1000)}\n`).catch(() => {});
    // Where not even stderr takes it, the exit code is all that is left.
    await write(streams.stderr, `${tool.name}: ${printable(message, 1000)}\n`).catch(() => {});
    return EXIT_UNJUDGED;
  }
};
