import { type ConditionalRemedy, type Context, defineCheck, type Verdict } from "../src/model/check.ts";
import type { Listener, ProcessSeen, ServiceSeen } from "../src/model/observation.ts";
import type { Party } from "../src/model/report.ts";
import { hasRole, type Topology } from "../src/model/topology.ts";
import { atLeast, type Version, within } from "../src/model/version.ts";
import { type EngineWords, engineWords, type Signature, signatureOf, type Word } from "./engine-words.ts";
import { KEEP_LAPI_UP, runningAs } from "./keep-lapi-up.ts";

/** What a manager of services can be told here; a container is managed from outside. */
const MANAGED = ["systemd", "openrc", "freebsd"] as const;
/** Its words are about the agent's part, and the Local API lives in the same process. */
const AGENT = "agent";

const LOOK: ConditionalRemedy = {
  text: "See what it said.",
  commands: ["systemctl status crowdsec --no-pager", "journalctl -u crowdsec -n 50 --no-pager"],
};
const KEEP = KEEP_LAPI_UP.map((remedy) => ({ ...remedy, when: AGENT }));

const FAULTS = {
  "service-stopped": {
    blame: "this-host",
    confidence: "certain",
    // Whoever sets this host up starts it next.
    recovers: true,
    says: "crowdsec does not run: {how}",
    remedy: [
      {
        when: "never",
        text: "Start it, now and with the system.",
        commands: ["systemctl enable --now crowdsec", "systemctl status crowdsec --no-pager"],
        undo: ["systemctl disable --now crowdsec"],
        services: MANAGED,
      },
      {
        when: "stopped",
        text: "Start it again.",
        commands: ["systemctl start crowdsec", "systemctl status crowdsec --no-pager"],
        undo: ["systemctl stop crowdsec"],
      },
      {
        when: "masked",
        text: "Somebody decided that it must not start here: if that is over, allow it again, and start it.",
        commands: ["systemctl unmask crowdsec", "systemctl enable --now crowdsec"],
        undo: ["systemctl disable --now crowdsec", "systemctl mask crowdsec"],
        services: ["systemd"],
      },
      {
        when: "condition",
        text: "Its unit wants files to be there that are not, mostly because the package's installation did not finish: see which, finish that, and start it.",
        commands: [
          "systemctl cat crowdsec",
          "ls -l /etc/crowdsec/local_api_credentials.yaml /etc/crowdsec/online_api_credentials.yaml",
          "dpkg --configure -a",
          "systemctl start crowdsec",
        ],
        undo: ["systemctl stop crowdsec"],
        services: ["systemd"],
      },
      {
        when: "unmanaged",
        text: "Start it the way it is started on this host, and see what it says.",
        commands: ["systemctl start crowdsec", "journalctl -u crowdsec -n 50 --no-pager"],
        undo: ["systemctl stop crowdsec"],
      },
    ],
  },
  "service-crashed": {
    blame: "this-host",
    confidence: "certain",
    // What it stumbled over may be mended by now: the next start tells.
    recovers: true,
    says: "crowdsec ended with an error{since}, and nothing starts it again: {last}",
    remedy: [
      LOOK,
      {
        text: "Mend what it names{yet}; then start it.",
        commands: ["systemctl start crowdsec"],
        undo: ["systemctl stop crowdsec"],
      },
      {
        when: "limit",
        text: "systemd gave up after too many starts: let it count anew before the next one.",
        commands: ["systemctl reset-failed crowdsec", "systemctl start crowdsec"],
        undo: ["systemctl stop crowdsec"],
        services: ["systemd"],
      },
      ...KEEP,
    ],
  },
  "service-restarting": {
    blame: "this-host",
    confidence: "certain",
    // Its next start may stay, once what it stumbles over is there.
    recovers: true,
    says: "crowdsec does not stay up: it ended and was started again {times}, {now}: {last}",
    remedy: [
      {
        text: "Stop it before anything else{why}.",
        commands: ["systemctl stop crowdsec"],
      },
      { ...LOOK, text: "See what it ended with, and mend that." },
      { text: "Then start it, and see that it stays.", commands: ["systemctl start crowdsec"] },
      ...KEEP,
    ],
  },
  "service-starting": {
    severity: "warning",
    blame: "this-host",
    confidence: "certain",
    // It is on its way.
    recovers: true,
    says: "crowdsec is starting{since} and not ready yet{doing}",
    remedy: [{ ...LOOK, text: "Wait for it, and run this again; its log says what it waits for." }],
  },
  "service-twice": {
    blame: "this-host",
    confidence: "certain",
    // The old process of a restart may be ending.
    recovers: true,
    says: "{count} crowdsec processes ({pids}) would each serve the Local API of {config}, and only one can{more}",
    remedy: [
      {
        when: "managed",
        text: "End process {spare}, which the service did not start, and let the service run alone.",
        commands: ["ps -fp {list}", "kill {spare}", "systemctl restart crowdsec"],
      },
      {
        when: "unmanaged",
        text: "End one of them, the one that was started by mistake: process {spare} is the younger.",
        commands: ["ps -fp {list}", "kill {spare}"],
      },
    ],
  },
  "service-not-enabled": {
    severity: "warning",
    blame: "configuration",
    confidence: "certain",
    // Whoever sets this host up enables it next.
    recovers: true,
    says: "crowdsec runs, and will not start with the system: {name} is not enabled",
    remedy: [
      {
        text: "Have it started with the system.",
        commands: ["systemctl enable crowdsec"],
        undo: ["systemctl disable crowdsec"],
        services: MANAGED,
      },
    ],
  },
} as const;

type Code = keyof typeof FAULTS;

/** `41 s`, `12 min`, `3 h`, `5 days`; each to below the double of the next. */
const span = (seconds: number): string => {
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
};
const times = (count: number): string => (count === 1 ? "once" : `${count} times`);

/** What a command line says of an engine, as far as it tells two apart. */
interface Flags {
  readonly config: string;
  readonly servesApi: boolean;
}

/** `-t` tries the configuration, `-dsn` reads one log and ends, `-version` speaks: none of them is an engine that stays. */
const PASSING = ["t", "dsn", "version"];

/** Go takes one dash or two, and a value after a blank or `=` (cmd/crowdsec/flags.go). */
const flagsOf = ({ argv }: ProcessSeen, config: string): Flags => {
  const flags = argv.slice(1).map((word) => /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(word));
  const isSet = (wanted: string): boolean =>
    flags.some((flag) => flag?.[1] === wanted && !/^(?:0|f|false)$/i.test(flag[2] ?? ""));
  const at = flags.findLastIndex((flag) => flag?.[1] === "c");
  return {
    config: (at < 0 ? undefined : (flags[at]?.[2] ?? argv[at + 2])) ?? config,
    servesApi: !isSet("no-api") && !PASSING.some(isSet),
  };
};

/** Engines that stay, without trial runs. */
const stayingOf = ({ engines }: Topology): readonly ProcessSeen[] =>
  engines.filter(({ argv }) => !argv.slice(1).some((word) => /^--?(?:t|version)(?:=|$)/.test(word)));

const isHarmless = ({ text }: Word): boolean => signatureOf(text)?.harmless === true;

/** How an engine ended, when its words say so: the last of a start that is fatal. */
const lastFatal = (words: readonly Word[]): Word | undefined =>
  words.findLast((word) => word.level === "fatal" && !isHarmless(word));

/** A fatal line is written at the very end, and the manager notices at once; seconds. */
const AT_THE_END = 30;

const isSince = (now: Date, seconds: number, { at }: Word): boolean =>
  at !== undefined && Date.parse(at) >= now.getTime() - seconds * 1000;

/** Of the process before this one; what is older than this belongs to nothing that goes on now. */
const recentFatal = ({ all }: EngineWords, now: Date, seconds: number): Word | undefined =>
  lastFatal(all.filter((word) => isSince(now, seconds, word)));

const said = ({ from, at, level, text }: Word): string =>
  `${from}${at === undefined ? "" : `, ${at}`}: ${level}: ${text}`;

const STATES: Readonly<Record<ServiceSeen["state"], string>> = {
  running: "runs",
  starting: "is starting",
  restarting: "waits to be started again",
  failed: "has failed",
  stopped: "is stopped",
};

const seenOf = (service: ServiceSeen): readonly string[] => {
  const { manager, name, state, stateSeconds, restarts, result, exitStatus } = service;
  const since = stateSeconds === undefined ? "" : `, since ${span(stateSeconds)}`;
  const again = restarts ? `, started again ${times(restarts)}` : "";
  const ended = [
    ...(exitStatus === undefined ? [] : [`exit status ${exitStatus}`]),
    ...(result === undefined || result === "success" ? [] : [result]),
  ];
  return [
    `${manager}: ${name} ${STATES[state]}${since}${again}`,
    ...(state === "running" || ended.length === 0 ? [] : [`its last process ended: ${ended.join(", ")}`]),
  ];
};

/** Whose the last words are, where that is not the host's own. */
const PARTIES: Partial<Record<Signature["about"], Party>> = {
  acquisition: "configuration",
  configuration: "configuration",
  secret: "configuration",
  credentials: "credentials",
  "lapi-refused": "credentials",
};

const AGENTS: readonly Signature["about"][] = ["acquisition", "hub", "lapi-refused", "lapi-unreachable"];

/** Whether the agent's part ended it: then the Local API, where it lives in that process, could stay up without. */
const isAgents = ({ text }: Word): boolean => {
  const about = signatureOf(text)?.about;
  return about === "credentials" ? !/online client/.test(text) : about !== undefined && AGENTS.includes(about);
};

/** From 1.5.0 on a start logs in to the Central API; until 1.6.1 it tries that for minutes (pkg/apiserver/apic.go, pkg/apiclient/auth_retry.go). */
const LOGIN_AT_START: Version = [1, 5, 0];
const PATIENT = { since: LOGIN_AT_START, until: [1, 6, 1] } as const;
const BAN =
  ": each start logs in to the Central API, and more than 20 logins in 50 minutes ban this address for an hour, which then keeps it from starting even when all else is mended";

const logsIn = ({ capi }: Topology): boolean => !("state" in capi) || capi.state === "on";

/** All that a verdict is made of. */
interface Seen {
  readonly context: Context;
  readonly words: EngineWords;
  readonly version: Version | undefined;
}

const unreadOf = ({ words }: Seen): readonly string[] =>
  words.unread === undefined ? [] : [`what it said last could not be read in full (${words.unread})`];

interface Told {
  readonly data: Readonly<Record<string, string | number>>;
  readonly fatal?: Word | undefined;
  readonly service?: ServiceSeen;
  readonly when?: string;
  readonly also?: readonly string[];
  readonly evidence?: readonly string[];
  readonly confidence?: "likely";
}

const faultOf = (seen: Seen, code: Code, told: Told): Verdict<Code> => {
  const { topology } = seen.context;
  const { data, fatal, service, when, also = [], evidence = [], confidence } = told;
  const party = fatal && PARTIES[signatureOf(fatal.text)?.about ?? "port"];
  const unread = fatal ? [] : unreadOf(seen);
  return {
    status: "fault",
    fault: code,
    data: { ...runningAs(topology), ...data },
    ...(fatal && { message: fatal.text }),
    blame: {
      ...(party && { party }),
      ...(confidence && { confidence }),
      evidence: [...(service ? seenOf(service) : []), ...evidence, ...(fatal ? [said(fatal)] : [])],
    },
    ...(when !== undefined && { when }),
    ...(also.length + unread.length > 0 && { also: [...also, ...unread] }),
  };
};

/** What is said in place of its last words, where there are none. */
const ENDS: Readonly<Record<string, string>> = {
  "oom-kill": "the system had no memory left for it (oom-kill)",
  timeout: "it was not ready in time, and was ended (timeout)",
  watchdog: "it did not answer its watchdog",
  "start-limit-hit": "it ended too often in a row (start-limit-hit)",
};
const endOf = (fatal: Word | undefined, service?: ServiceSeen): string => {
  if (fatal) return fatal.text;
  const known = ENDS[service?.result ?? ""];
  if (known !== undefined) return known;
  if (service?.exitStatus === undefined) return "it left no last words";
  return service.exitStatus > 128
    ? `signal ${service.exitStatus - 128} ended it`
    : `exit status ${service.exitStatus}, and no last words`;
};

/** @param beside an engine that runs all the same, in words */
const crashed = (seen: Seen, fatal: Word | undefined, service?: ServiceSeen, beside?: string): Verdict<Code> => {
  const { sharedProcess } = seen.context.topology;
  const limit = service?.result === "start-limit-hit" ? { when: "limit" } : {};
  return faultOf(seen, "service-crashed", {
    data: {
      since: service?.stateSeconds === undefined ? "" : ` ${span(service.stateSeconds)} ago`,
      last: endOf(fatal, service),
      // What it stumbled over may be well by now: nobody has tried since.
      yet: fatal && signatureOf(fatal.text) ? ", if it is not mended yet" : "",
    },
    fatal,
    ...(service && { service }),
    ...(beside !== undefined && { also: [beside] }),
    ...(fatal && sharedProcess && isAgents(fatal) ? { when: AGENT } : limit),
  });
};

/** After so many seconds more than the manager waits between two starts, one that was started again counts as up. */
const SETTLED = 30;
const DEFAULT_DELAY = 60;

const restarting = (seen: Seen, service: ServiceSeen): Verdict<Code> => {
  const { context, words, version } = seen;
  const { topology, now } = context;
  const { state, restartDelaySeconds: delay = DEFAULT_DELAY, stateSeconds, startedSecondsAgo, restarts = 0 } = service;
  const age = (state === "running" ? startedSecondsAgo : undefined) ?? stateSeconds ?? startedSecondsAgo ?? delay;
  const fatal = recentFatal(words, now, age + (state === "restarting" ? 0 : delay) + AT_THE_END);
  const bans = hasRole(topology, "lapi") && logsIn(topology) && atLeast(version, LOGIN_AT_START);
  const left = Math.max(0, delay - age);
  return faultOf(seen, "service-restarting", {
    data: {
      times: restarts === 0 ? "just now" : times(restarts),
      now: state === "restarting" ? `and the next start is due in ${span(left)}` : `the last time ${span(age)} ago`,
      last: endOf(fatal, service),
      why: bans ? BAN : "",
    },
    fatal,
    service,
    ...(fatal && topology.sharedProcess && isAgents(fatal) && { when: AGENT }),
  });
};

/** What it does while it starts, by the last that it said, else by what its version does. */
const doingOf = ({ context: { topology }, words, version }: Seen): string => {
  const last = words.lastStart.findLast((word) => !isHarmless(word));
  const known = last && signatureOf(last.text);
  if (last) return `: ${known ? `${known.means} (${last.text})` : last.text}`;
  return version && within(version, PATIENT) && hasRole(topology, "lapi") && logsIn(topology)
    ? ": this version tries its login at the Central API for minutes before it listens on any port"
    : "";
};

const starting = (seen: Seen, service: ServiceSeen): Verdict<Code> => {
  const last = seen.words.lastStart.findLast((word) => !isHarmless(word));
  const since = service.stateSeconds === undefined ? "" : ` since ${span(service.stateSeconds)}`;
  return faultOf(seen, "service-starting", {
    data: { since, doing: doingOf(seen) },
    service,
    ...(last && { evidence: [said(last)] }),
  });
};

const stopped = (seen: Seen, service: ServiceSeen): Verdict<Code> => {
  const { masked, unmet, enabled, startedSecondsAgo, stateSeconds, name, manager } = service;
  const fatal = lastFatal(seen.words.lastStart);
  const ago = stateSeconds === undefined ? "" : ` ${span(stateSeconds)} ago`;
  const disabled = enabled === false ? ", and is not enabled" : "";
  // Only systemd tells when.
  const systemd = manager === "systemd";
  const [when, how] = masked
    ? ["masked", `an administrator forbade its start (${name} is masked)`]
    : unmet
      ? ["condition", `a condition of ${name} is not met, so it was not started`]
      : startedSecondsAgo === undefined && stateSeconds === undefined
        ? [
            enabled === false ? "never" : "stopped",
            `${systemd ? "it was not started since this system is up" : `${name} is stopped`}${disabled}`,
          ]
        : ["stopped", `it was stopped${ago}, or ended without an error${disabled}`];
  return faultOf(seen, "service-stopped", {
    data: { how },
    fatal,
    service,
    when,
    ...(fatal && { also: [`its last start ended with: ${fatal.text}`] }),
  });
};

const isOn = ({ listen: { uri } }: Topology, { port }: Listener): boolean =>
  uri !== undefined && "value" in uri && uri.value.port === port;

/** Where no manager knows it, and no process is seen: it may still run in a container that shares this host's files or ports. */
const unseen = async (seen: Seen): Promise<Verdict<Code>> => {
  const { context, words } = seen;
  const { topology, probe } = context;
  const fatal = lastFatal(words.lastStart);
  const listening = await probe.listeners();
  const holders = listening.ok ? listening.listeners.filter((listener) => isOn(topology, listener)) : [];
  const engine = holders.find(({ owner }) => owner?.name === "crowdsec")?.owner;
  if (engine)
    return {
      status: "pass",
      note: `running${engine.elsewhere ? " in a container" : ""}${engine.container === undefined ? "" : ` (${engine.container})`}, process ${engine.pid}`,
    };
  const other = holders.find(({ owner }) => owner?.elsewhere || owner?.container !== undefined)?.owner;
  if (other) {
    const where = other.container === undefined ? "" : ` (${other.container})`;
    return { status: "unknown", reason: `a container's ${other.name}${where} holds its port: run this tool in there` };
  }
  const processes = await probe.path("/proc/1");
  if (!processes.ok) {
    const others = "the processes of others cannot be seen here, and no manager of services knows crowdsec";
    return { status: "unknown", reason: topology.user === "root" ? others : `run as root: ${others}` };
  }
  if (fatal) return crashed(seen, fatal);
  const contained = topology.system.services === "container" || topology.system.services === "kubernetes";
  if (contained && !hasRole(topology, "lapi"))
    return { status: "unknown", reason: "no crowdsec is seen from this container: run this tool in its own" };
  return faultOf(seen, "service-stopped", {
    data: { how: "no process of it is seen" },
    when: "unmanaged",
    confidence: "likely",
  });
};

/** Two engines on one configuration, or one that keeps the service from its port. */
const twice = (seen: Seen, service: ServiceSeen | undefined): Verdict<Code> | undefined => {
  const { context, words } = seen;
  const { topology, now } = context;
  if (!hasRole(topology, "lapi")) return undefined;
  const servers = topology.engines
    .map((engine) => ({ engine, flags: flagsOf(engine, topology.config.value) }))
    .filter(({ flags: { servesApi } }) => servesApi);
  const pairs = servers.map(({ flags: { config } }) => ({
    config,
    engines: servers.filter(({ flags }) => flags.config === config).map(({ engine }) => engine),
  }));
  const main = service?.state === "running" || service?.state === "starting" ? service.mainPid : undefined;
  const pair = pairs.find(({ engines }) => engines.length > 1);
  const told = ({ config, engines }: (typeof pairs)[number], more: string, fatal?: Word): Verdict<Code> => {
    const spares = engines.filter(({ pid }) => pid !== main);
    const [spare = engines[0]] = [...spares].sort((a, b) => a.ageSeconds - b.ageSeconds);
    const pids = engines.map(({ pid }) => pid);
    return faultOf(seen, "service-twice", {
      data: {
        count: fatal ? "two" : engines.length,
        pids: fatal ? `${pids.join(", ")} and that of the service` : pids.join(", "),
        list: pids.join(","),
        spare: spare?.pid ?? 0,
        config,
        more,
      },
      fatal,
      ...(service && { service }),
      when: service ? "managed" : "unmanaged",
      evidence: engines.map(
        ({ pid, argv, ageSeconds }) => `process ${pid}, since ${span(ageSeconds)}: ${argv.join(" ")}`,
      ),
    });
  };
  if (pair) return told(pair, "");
  // The service itself is between two starts, or gave up: the process that is seen is another's.
  const [stray] = pairs;
  const ended = service?.state === "restarting" || service?.state === "failed";
  const fatal = lastFatal(words.lastStart) ?? recentFatal(words, now, (service?.stateSeconds ?? 0) + AT_THE_END);
  if (!ended || stray === undefined || fatal === undefined || signatureOf(fatal.text)?.about !== "port")
    return undefined;
  return told(stray, `: the service ended with ${fatal.text}`, fatal);
};

/** Words of an engine that runs are worth a note while they are young, seconds. */
const YOUNG = 3600;

const runs = (seen: Seen, where: string): Verdict<Code> => {
  const { words, context } = seen;
  const last = words.lastStart.findLast(
    (word) => !isHarmless(word) && signatureOf(word.text) !== undefined && isSince(context.now, YOUNG, word),
  );
  const note = [where, ...(last ? [`in the last hour it said: ${last.text}`] : []), ...unreadOf(seen)];
  return { status: "pass", note: note.join("; ") };
};

const oldest = (engines: readonly ProcessSeen[]): ProcessSeen | undefined =>
  [...engines].sort((a, b) => b.ageSeconds - a.ageSeconds)[0];

const judge = async (seen: Seen, service: ServiceSeen | undefined): Promise<Verdict<Code>> => {
  const { words, context } = seen;
  const double = twice(seen, service);
  if (double) return double;
  const engine = oldest(stayingOf(context.topology));
  const process = engine && `running for ${span(engine.ageSeconds)}, process ${engine.pid}`;
  if (service === undefined) return process === undefined ? unseen(seen) : runs(seen, process);
  const { state, name, restarts = 0, restartDelaySeconds: delay = DEFAULT_DELAY, mainPid } = service;
  const age = service.startedSecondsAgo ?? service.stateSeconds ?? Number.POSITIVE_INFINITY;
  if (state === "restarting" || (state === "starting" && restarts > 0)) return restarting(seen, service);
  if (state === "starting") return starting(seen, service);
  if (state === "running") {
    if (restarts > 0 && age < delay + SETTLED) return restarting(seen, service);
    if (service.enabled === false) return faultOf(seen, "service-not-enabled", { data: { name }, service });
    const again = restarts > 0 ? `, started again ${times(restarts)} before` : "";
    const since = Number.isFinite(age) ? ` for ${span(age)}` : "";
    if (since === "" && process !== undefined) return runs(seen, process);
    return runs(seen, `running${since}${mainPid === undefined ? "" : `, process ${mainPid}`}${again}`);
  }
  const foreign = process && engine?.pid !== mainPid ? `${process}, which ${name} did not start` : undefined;
  if (state === "stopped" && foreign !== undefined) return runs(seen, foreign);
  const fatal = lastFatal(words.lastStart);
  // A Local API with TLS ends with an error at every ordinary stop in old versions; rc scripts do not tell how one ended.
  const ordinary = fatal === undefined && words.lastStart.some((word) => word.level === "fatal");
  if (state === "failed" && !ordinary) return crashed(seen, fatal, service, foreign && `another one is ${foreign}`);
  if (fatal && service.manager !== "systemd") return crashed(seen, fatal, service);
  return stopped(seen, service);
};

/** The manager of services, the processes, and what the engine said last, held against one another. */
export default defineCheck({
  id: "service",
  title: "crowdsec runs, and stays up",
  why: "A Local API that refuses connections is most often one that does not run: it was never started, it ended at a mistake in its configuration, or it is started again every minute and ends each time. The last words of its log then say what to mend.",
  roles: ["lapi", "agent"],
  phase: "run",
  contacts: "nothing: asks this system's manager of services, and reads processes, crowdsec's log and its journal",
  faults: FAULTS,
  async run(context) {
    const [service, words, version] = await Promise.all([
      context.probe.service("crowdsec"),
      engineWords(context),
      context.version(),
    ]);
    return judge({ context, words, version }, service.ok && service.known ? service : undefined);
  },
});
