import { randomUUID } from "node:crypto";
import { hostname, tmpdir } from "node:os";
import { resolve } from "node:path";
import { catalogue } from "../../checks/index.ts";
import { findStateFile, lockOf } from "../cron/store.ts";
import { DRY_RUN_VERSION, type DryRunDocument } from "../dry-run/document.ts";
import { moreOf } from "../dry-run/more.ts";
import { ENGINES, type Engine, notesOf, PING } from "../dry-run/note.ts";
import { makePlan } from "../dry-run/plan.ts";
import { createDryProber, type DryProber, type Names } from "../dry-run/prober.ts";
import type { Plan, PlannedWrite } from "../dry-run/shape.ts";
import { text } from "../dry-run/text.ts";
import { EXIT_UNJUDGED, exitCodeOfSignal } from "../exit-code.ts";
import type { Check, Context } from "../model/check.ts";
import { plainName } from "../model/hosts.ts";
import type { Prober } from "../model/observation.ts";
import { printableDeep } from "../model/text.ts";
import type { Topology } from "../model/topology.ts";
import { showVersion } from "../model/version.ts";
import { createPinger } from "../ping/send.ts";
import type { Resolver } from "../probes/dns.ts";
import { isDomainName, nameList } from "../probes/go-resolver.ts";
import { loadResolver } from "../probes/resolver.ts";
import { runChecks } from "../runner/index.ts";
import type { CheckOptions } from "./check.ts";
import { inSession, type Tool } from "./session.ts";
import { stateOwner } from "./state-owner.ts";
import { type Streams, write } from "./streams.ts";
import { UsageError } from "./usage-error.ts";

const DEFAULT_COLUMNS = 100;

/** The names that a dry run goes by: those of this host's own files. */
const namesOf = ({ hosts, config, order = ["files", "dns"] }: Resolver): Names => ({
  pinned: (name) => (order[0] === "files" ? hosts.get(plainName(name)) : undefined),
  candidates: (name) => (order.includes("dns") && isDomainName(name) ? nameList(name, config) : []),
});

/** A check that asks under its own name, and whatever became of those that it needs. */
const apart = (check: Check, as: (name: string) => Prober): Check => {
  const own = (context: Context): Context => ({ ...context, probe: as(check.id) });
  const { targets, again } = check;
  return {
    ...check,
    needs: [],
    run: (context, target) => check.run(own(context), target),
    ...(targets && { targets: (context) => targets(own(context)) }),
    ...(again && { again: (context, first, target) => again(own(context), first, target) }),
  };
};

/** Whether what is asked further depends on how old the Local API is. */
const dependsOnEngine = (prober: DryProber): boolean =>
  notesOf(prober.notes(), "http").some(({ question }) => question.url.endsWith("/v1/allowlists"));

/** Both pings of a run, each with a prober of its own, as the run has. */
const ping = async (
  { pingUrl }: CheckOptions,
  prober: DryProber,
  environment: Streams["environment"],
): Promise<void> => {
  if (pingUrl === undefined) return;
  let count = 0;
  const pinger = createPinger(pingUrl, {
    runId: randomUUID(),
    probe: () => {
      count += 1;
      return prober.as({ name: PING, scope: `ping ${count}` });
    },
    environment,
    pauseMs: 0,
  });
  await pinger.started();
  await pinger.ended(0, "");
};

/** Programs run in a folder that is there for them alone. */
const FOLDER = "folders for the commands, each removed with it";

/** What `--cron` remembers in, and what keeps two of its runs apart; nothing where it has no place for them. */
const stateWrites = ({ cron }: CheckOptions, environment: Streams["environment"]): readonly PlannedWrite[] => {
  if (cron === undefined) return [];
  const found = findStateFile(cron.state, environment, stateOwner(environment), cron.selection);
  if (found === undefined) return [];
  const { path, folder } = found;
  return [
    ...(folder === undefined
      ? []
      : [{ path: folder, why: "the folder of the state file, made where it is not there" }]),
    { path, why: "what --cron remembers, read and written" },
    { path: lockOf(path), why: "the lock, gone with the end of the run" },
  ];
};

const writesOf = (
  options: CheckOptions,
  environment: Streams["environment"],
  prober: DryProber,
): readonly PlannedWrite[] => [
  ...options.reports.map(({ format, path }) => ({ path: resolve(path), why: `the report, as ${format}` })),
  ...stateWrites(options, environment),
  ...(notesOf(prober.notes(), "command").length > 0 ? [{ path: `${tmpdir()}/preflight-*`, why: FOLDER }] : []),
];

/** Such as `lapi, agent; phase run; CrowdSec 1.7.8`. */
const asWhat = ({ roles, phase }: Topology, version = "of an unknown version"): string =>
  `${roles.map(({ value }) => value).join(", ") || "no role"}; phase ${phase.value}; CrowdSec ${version}`;

/** A check that throws is a bug of ours, and what it would have asked is not known. */
const crashedWords = (ids: readonly string[]): string | undefined =>
  ids.length === 0 ? undefined : `internal error in ${ids.join(", ")}, please report it`;

interface Listed {
  readonly plan: Plan;
  readonly topology: Topology;
  /** Whose names it has. */
  readonly version?: string;
  /** Why it is not complete. */
  readonly cut?: string;
  readonly exitCode: number;
}

const list = async (options: CheckOptions, tool: Tool, environment: Streams["environment"]): Promise<Listed> => {
  const { isSelected, concurrency, family } = options;
  const resolver = await loadResolver();
  const names = namesOf(resolver);
  let made: DryProber | undefined;
  const wrap = (real: Prober): Prober => {
    made = createDryProber(real, { names, ...(family && { family }) });
    return made.probe;
  };
  return inSession(
    options,
    tool,
    environment,
    async ({ context, signal, interruption }) => {
      if (made === undefined) throw new Error("a session without its prober");
      const prober = made;
      const crashed = new Set<string>();
      const walk = async (engine: Engine): Promise<void> => {
        const checks = catalogue.map((check) => apart(check, (name) => prober.as({ name, engine })));
        const findings = await runChecks({
          checks,
          isSelected,
          context,
          concurrency,
          signal,
          observe: () => {},
          // Nothing can have changed meanwhile.
          secondLookMs: 0,
        });
        for (const { id, fault } of findings) if (fault?.code === "internal-error") crashed.add(id);
      };
      const [first, second] = ENGINES;
      await walk(first);
      const both = dependsOnEngine(prober);
      if (both) await walk(second);
      const engines = both ? ENGINES : [first];
      await ping(options, prober, environment);
      const writes = writesOf(options, environment, prober);
      const plan = makePlan({ prober, names, resolver: resolver.config, writes, engines, ...(family && { family }) });
      const stopped = interruption();
      const version = await context.version();
      const listed = { plan, topology: context.topology, ...(version && { version: showVersion(version) }) };
      if (stopped) return { ...listed, cut: "interrupted", exitCode: exitCodeOfSignal(stopped) };
      const cut = signal.aborted ? String(signal.reason) : crashedWords([...crashed]);
      return cut === undefined ? { ...listed, exitCode: 0 } : { ...listed, cut, exitCode: EXIT_UNJUDGED };
    },
    { wrap },
  );
};

/** Lists all that a run would touch, and sends nothing. Returns the exit code. */
export const dryRun = async (options: CheckOptions, tool: Tool, streams: Streams): Promise<number> => {
  const { output, from } = options;
  if (from !== undefined)
    throw new UsageError("--dry-run and --from exclude each other: a bundle is judged without touching anything else.");
  if (output !== "pretty" && output !== "json")
    throw new UsageError(`--dry-run knows no "${output}"; its --output is pretty or json.`);
  const { stdout, stderr } = streams;
  const at = new Date();
  const { plan, topology, version, cut, exitCode } = await list(options, tool, streams.environment);
  if (cut !== undefined) await write(stderr, `${tool.name}: ${cut}: the list is not complete.\n`);
  if (cut === "interrupted") return exitCode;
  const more = moreOf(plan, options.waitMs !== undefined);
  const host = hostname();
  const document: DryRunDocument = {
    schemaVersion: DRY_RUN_VERSION,
    kind: "dry-run",
    tool: { name: tool.name, version: tool.version },
    at: at.toISOString(),
    host,
    roles: topology.roles.map(({ value }) => value),
    phase: topology.phase.value,
    ...(version !== undefined && { crowdsecVersion: version }),
    complete: cut === undefined,
    plan,
    more,
  };
  await write(
    stdout,
    output === "json"
      ? `${JSON.stringify(printableDeep(document), null, 2)}\n`
      : text(plan, more, {
          width: stdout.columns || DEFAULT_COLUMNS,
          host: `on ${host} (${asWhat(topology, version)})`,
          full: options.detail === "verbose",
        }),
  );
  return exitCode;
};
