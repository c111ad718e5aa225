import { type Context, defineCheck, type Verdict } from "../src/model/check.ts";
import type { CommandObservation } from "../src/model/observation.ts";
import { HOSTS, IMAGES } from "../src/model/remedy.ts";
import { type Acquisition, deniedWords, hasRole, type Rehearsal } from "../src/model/topology.ts";
import { type Version, within } from "../src/model/version.ts";
import { mistakesFor, placeOfMistake, problemOf } from "./config-files.ts";
import { withoutSecrets } from "./engine-words.ts";
import { KEEP_LAPI_UP, runningAs } from "./keep-lapi-up.ts";

/** `crowdsec -t` took 0.7 s where it was measured; a slow disk may need some more. Milliseconds. */
const REHEARSAL_MS = 15_000;
/** pkg/csconfig/crowdsec_service.go: since 1.7.0 a missing acquisition file is passed over. */
const MISSING_FILE_IS_FATAL = { until: [1, 6, 11] } as const;

const ACQUISITION_DOCS = "https://docs.crowdsec.net/docs/next/log_processor/data_sources/intro";
/** Of hosts where both share a process. */
const SHARED = "shared";
const KEEP = KEEP_LAPI_UP.map((remedy) => ({ ...remedy, when: SHARED }));

const FAULTS = {
  "acquisition-invalid": {
    blame: "configuration",
    confidence: "certain",
    says: "{down}{place}: {problem}, and the agent stops at it{more}",
    remedy: [
      {
        text: "Correct {place}, then start crowdsec again.",
        commands: ["sed -n '{from},{to}p' {path}", "systemctl restart crowdsec"],
        url: ACQUISITION_DOCS,
      },
      ...KEEP,
    ],
  },
  "acquisition-missing": {
    blame: "configuration",
    confidence: "certain",
    // The installation writes it once it has looked for what logs here.
    recovers: true,
    says: "{down}{path} ({place}) does not exist, and the agent stops at it",
    remedy: [
      {
        text: "Make the file, or take acquisition_path out of {place} where acquisition_dir holds the sources.",
        commands: ["touch {path}", "systemctl restart crowdsec"],
        undo: ["rm {path}"],
        url: ACQUISITION_DOCS,
      },
      ...KEEP,
    ],
  },
  "no-datasource": {
    blame: "configuration",
    confidence: "certain",
    // It comes with what the installation finds to read, at its end.
    recovers: true,
    says: "{down}no data source is configured ({place}), and the agent does not start without one",
    remedy: [
      { text: "Name the logs to read, in {place} or as a file in acquis.d.", url: ACQUISITION_DOCS },
      {
        services: HOSTS,
        text: "If this host shall read no logs, switch the agent off: crowdsec_service.enable: false in config.yaml.",
        commands: ["systemctl restart crowdsec"],
      },
      {
        services: IMAGES,
        text: "If it shall read no logs, switch the agent off: make the container anew with DISABLE_AGENT=true in its environment.",
      },
      ...KEEP,
    ],
  },
  "hub-index-missing": {
    blame: "this-host",
    confidence: "certain",
    // The installation fetches it before it ends.
    recovers: true,
    says: "{down}the hub index {path} ({place}) does not exist, and the agent does not start without it",
    remedy: [
      {
        packages: ["deb"],
        text: "Let the package's installation finish, then fetch the hub.",
        commands: ["dpkg --configure -a", "cscli hub update", "systemctl restart crowdsec"],
      },
      {
        packages: ["rpm", "apk", "freebsd", "none"],
        text: "Fetch the hub.",
        commands: ["cscli hub update", "systemctl restart crowdsec"],
      },
      ...KEEP,
    ],
  },
  "agent-config-refused": {
    blame: "configuration",
    says: "{down}crowdsec refuses a copy of this configuration: {words}",
    remedy: [
      {
        text: "Mend what it names. The same words are its last when it is started.",
        commands: ["journalctl -u crowdsec -n 50 --no-pager"],
      },
      ...KEEP,
    ],
  },
} as const;

type Code = keyof typeof FAULTS;

/** Exit codes above stand for the signal that ended a program. */
const SIGNALLED = 128;

/** First thing that the agent would stop at, found by reading. */
interface Found {
  readonly fault: Code;
  readonly place: string;
  readonly data?: Readonly<Record<string, string | number>>;
  /** Our YAML parser is stricter than CrowdSec's in corners: where a rehearsal goes well, it is right. */
  readonly byParser?: boolean;
}

/** Up to 1.6.11 a document with neither source nor labels was passed over; from 1.7.0 on docker needs no labels. */
const before17 = (version: Version | undefined): boolean =>
  version !== undefined && within(version, MISSING_FILE_IS_FATAL);

const problemsOfSources = ({ sources }: Acquisition, version: Version | undefined): readonly Found[] =>
  sources.flatMap(({ origin, source, hasLabels, mistakes }): Found[] => {
    const invalid = (place: string, problem: string): Found => ({
      fault: "acquisition-invalid",
      place,
      data: { problem },
    });
    if (source === undefined) return before17(version) && !hasLabels ? [] : [invalid(origin, "no source is named")];
    const needsLabels = source !== "docker" || before17(version);
    return [
      ...(hasLabels || !needsLabels ? [] : [invalid(origin, "this source has no labels (such as type: syslog)")]),
      ...mistakesFor(mistakes, version).map((mistake) => {
        const { origin: place, key, hint } = mistake;
        return invalid(place, `${key} ${problemOf(mistake, version)}${hint === undefined ? "" : ` (${hint})`}`);
      }),
    ];
  });

const problemsByReading = async (
  { topology, probe }: Context,
  acquisition: Acquisition,
  version: Version | undefined,
): Promise<readonly Found[]> => {
  const { files, sources, path } = acquisition;
  const named = files.filter(({ state, path: at }) => state === "missing" && at === path?.value);
  // Of a folder only names that are there are read: what is missing then is what a link points to.
  const dangling = files.filter(({ state, path: at }) => state === "missing" && at !== path?.value);
  const broken = files.filter(({ state }) => state === "invalid" || state === "unreadable");
  const found: Found[] = [
    ...(before17(version)
      ? named.map(
          (file): Found => ({
            fault: "acquisition-missing",
            place: path?.origin ?? file.path,
            data: { path: file.path },
          }),
        )
      : []),
    ...dangling.map(
      (file): Found => ({
        fault: "acquisition-invalid",
        place: file.path,
        data: { problem: "it is a link that leads nowhere" },
      }),
    ),
    ...broken.map(
      (file): Found => ({
        fault: "acquisition-invalid",
        place: file.line === undefined ? file.path : `${file.path}:${file.line}`,
        data: { problem: file.message ?? "it cannot be read" },
        byParser: file.state === "invalid",
      }),
    ),
    ...problemsOfSources(acquisition, version),
  ];
  if (sources.length === 0 && broken.length === 0 && found.length === 0)
    found.push({ fault: "no-datasource", place: path?.value ?? topology.config.value });
  const { hubIndex } = topology;
  if (hubIndex) {
    const saw = await probe.path(hubIndex.value);
    if (!saw.ok && saw.code === "file-missing")
      found.push({ fault: "hub-index-missing", place: hubIndex.origin, data: { path: hubIndex.value } });
  }
  return found;
};

/** logrus writes `level=fatal msg="…"`; without a terminal that is what `-t` ends with. */
const FATAL = /level=(?:fatal|error) msg="((?:[^"\\]|\\.)*)"/g;

/** The last words of the program, without secrets: of a copy on a database of its own, what stands in backticks is a value of a file. */
const lastWords = (output: string): string => {
  const told = [...output.matchAll(FATAL)].map(([, words = ""]) => words.replaceAll('\\"', '"').replaceAll("\\n", " "));
  const last = told.at(-1) ?? output.trim().split("\n").at(-1) ?? "";
  return withoutSecrets(last)
    .replace(/`[^`]*`/g, "`…`")
    .replaceAll("{folder}/config.yaml", "the configuration")
    .replaceAll("{folder}/", "");
};

type Rehearsed =
  /** `alone`: the Local API by itself, without the agent, is refused too. */
  { readonly refused: string; readonly alone: boolean } | { readonly note: string; readonly accepted?: boolean };

/** What says nothing of the configuration: this host had too little left for one more process. */
const EXHAUSTED =
  /too many open files|no space left on device|cannot allocate memory|resource temporarily unavailable/i;

/** Tries the configuration on a copy: `crowdsec -t` on the real one would migrate the database and log in to the Central API. */
const rehearse = async (
  { probe, topology }: Context,
  { program, flags, files, environment }: Rehearsal,
  shared: boolean,
): Promise<Rehearsed> => {
  const attempt = (...extra: readonly string[]): Promise<CommandObservation> =>
    probe.command({
      argv: [program, "-c", "{folder}/config.yaml", "-t", ...flags, ...extra],
      files,
      environment: {
        PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        LC_ALL: "C",
        ...environment,
      },
      timeoutMs: REHEARSAL_MS,
    });
  const saw = await attempt();
  if (!saw.ok) return { note: `by reading only: the rehearsal gave no answer (${saw.message})` };
  if (saw.exitCode === 0)
    return { note: "by reading, and by a rehearsal on a copy, which starts no data source", accepted: true };
  if (saw.exitCode > SIGNALLED)
    return { note: `by reading only: the rehearsal was ended by signal ${saw.exitCode - SIGNALLED}` };
  if (EXHAUSTED.test(saw.output)) return { note: `by reading only: the rehearsal lacked resources of this host` };
  // What another user may not read is no fault of the configuration.
  if (topology.user !== "root" && /permission denied/i.test(saw.output))
    return { note: "by reading only: the rehearsal needs root" };
  const refused = lastWords(saw.output) || `exit code ${saw.exitCode} without a word`;
  // Whether the Local API would run without the agent is tried, not guessed.
  const without = shared ? await attempt("-no-cs") : undefined;
  return { refused, alone: without?.ok === true && without.exitCode !== 0 };
};

const rehearsalOf = async (context: Context, shared: boolean): Promise<Rehearsed> => {
  const { rehearsal, clients } = context.topology;
  if ("hidden" in rehearsal) return { note: `by reading only: ${rehearsal.hidden}` };
  if ("absent" in rehearsal) return { note: `by reading only: ${rehearsal.absent}` };
  const agent = "find" in clients ? clients.find(({ name }) => name === "agent") : undefined;
  if (agent && "kind" in agent.credentials && agent.credentials.kind === "incomplete")
    return { note: "by reading only: without its credentials no rehearsal tells more" };
  return rehearse(context, rehearsal, shared);
};

/** Where agent and Local API share a process, any error of the agent's configuration stops both. */
export default defineCheck({
  id: "agent-config",
  title: "The agent would start with its configuration",
  why: "An agent that cannot start ends its process. On most hosts the Local API lives in that same process, so bouncers and remote agents lose it too. The configuration is read first, then tried: crowdsec -t on a throw-away copy with a database of its own and without the Central API.",
  roles: ["agent"],
  phase: "run",
  contacts:
    "reads acquis.yaml and acquis.d; runs crowdsec -t on a copy in a temporary folder, never on the real configuration; a data source that pings its daemon when it is set up, as docker does, pings it then",
  needs: ["config-files"],
  faults: FAULTS,
  async run(context) {
    const { topology } = context;
    const { acquisition, program } = topology;
    if ("hidden" in acquisition) return { status: "unknown", reason: acquisition.hidden };
    if ("absent" in acquisition) return { status: "skip", reason: `not applicable: ${acquisition.absent}` };
    const denied = acquisition.files.find(({ state }) => state === "denied");
    if (denied) return { status: "unknown", reason: deniedWords(denied) };
    const large = acquisition.files.find(({ state }) => state === "large");
    if (large) return { status: "unknown", reason: `${large.path} is larger than this tool reads` };

    const shared = topology.sharedProcess && hasRole(topology, "lapi");
    const down = shared ? "the Local API goes down with the agent, since both share one process: " : "";
    const fault = ({ fault: code, place, data }: Found, more: string): Verdict<Code> => ({
      status: "fault",
      fault: code,
      data: { ...runningAs(topology), ...placeOfMistake(place), down, place, more, ...data },
      ...(shared && { when: SHARED }),
      evidence: { target: { path: placeOfMistake(place).path, origin: place } },
    });
    // What counts is the installed program, which the next start will run, not the running one.
    const [first, ...others] = await problemsByReading(
      context,
      acquisition,
      program?.version ?? (await context.version()),
    );
    const sure = [first, ...others].find((found) => found !== undefined && !found.byParser);
    const more =
      others.length === 0 ? "" : ` (and ${others.length} more: ${others.map(({ place }) => place).join(", ")})`;
    if (first && sure) return fault(first, more);

    const rehearsed = await rehearsalOf(context, shared);
    if (first && !("accepted" in rehearsed)) return fault(first, more);
    if ("refused" in rehearsed) {
      const { refused, alone } = rehearsed;
      const verdict = fault(
        { fault: "agent-config-refused", place: topology.config.value, data: { words: refused } },
        "",
      );
      if (!alone || verdict.status !== "fault") return verdict;
      // Without the agent it would not run either: it is not the agent that takes it down.
      const { when: _keep, ...rest } = verdict;
      return { ...rest, data: { ...verdict.data, down: "" } };
    }
    const unread = first ? `; CrowdSec reads ${first.place}, which this tool's parser does not` : "";
    const coupled = shared ? "; it shares one process with the Local API here, so an error in it would stop both" : "";
    return { status: "pass", note: `${rehearsed.note}${unread}${coupled}` };
  },
});
