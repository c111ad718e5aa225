import { type Answer, type Context, defineCheck, type Verdict } from "../src/model/check.ts";
import type { ServiceObservation, ServiceSeen } from "../src/model/observation.ts";
import type { Topology } from "../src/model/topology.ts";
import { atLeast, showVersion, type Version, type VersionRange, within } from "../src/model/version.ts";
import { engineWords, signatureOf, type Word } from "./engine-words.ts";
import { runningAs } from "./keep-lapi-up.ts";
import { type CommandWord, findScheduled, type Job, type JobKind, WINDOW_MINUTES } from "./scheduled.ts";

/** More logins than this within `WINDOW_MINUTES` ban the address that they come from. */
const MAX_LOGINS = 20;
const BAN_MS = 60 * 60 * 1000;
const SOURCE = "https://docs.crowdsec.net/u/troubleshooting/capi_403";

/** From here on a start that the Central API refuses is fatal, and so every start logs in (pkg/apiserver/apic.go). */
const STARTS_LOG_IN: Version = [1, 5, 0];
/** From here on the database keeps the last login's token, and as long as it is valid nothing logs in (pkg/apiserver/apic.go, Authenticate). */
const KEEPS_TOKEN: Version = [1, 6, 9];
/** From here on a refused login is tried three times, not twice (pkg/apiclient/client.go, NewClient). */
const TRIES_THRICE: Version = [1, 6, 2];

/** What logs in to the Central API. */
interface Login {
  /** As it is told: without flags, which may hold an enrolment key. */
  readonly name: string;
  readonly versions: VersionRange;
  /** Does not log in while the database holds a valid token. */
  readonly cached: boolean;
}

/** By the words after `cscli` (cmd/crowdsec-cli/clicapi, clipapi, clisupport, cliconsole). */
const CSCLI: Readonly<Record<string, Login>> = {
  "capi status": { name: "cscli capi status", versions: {}, cached: false },
  "capi register": { name: "cscli capi register", versions: {}, cached: false },
  "console enroll": { name: "cscli console enroll", versions: {}, cached: false },
  "support dump": { name: "cscli support dump", versions: {}, cached: false },
  "papi status": { name: "cscli papi status", versions: { since: STARTS_LOG_IN }, cached: true },
  "papi sync": { name: "cscli papi sync", versions: { since: STARTS_LOG_IN }, cached: true },
};
const ENGINE: Login = { name: "crowdsec", versions: { since: STARTS_LOG_IN }, cached: true };
const REHEARSAL: Login = { ...ENGINE, name: "crowdsec -t" };

/** A login that a job makes, and where the word stands that makes it one. */
interface Found {
  readonly login: Login;
  readonly line: number;
  /** Of `cscli capi status`: `capi` is to become `lapi` on that line. */
  readonly edit?: string;
  /** How often that stands on that line; default once. */
  readonly times?: number;
}

/** What only speaks of a command. */
const TALKERS = /^(echo|printf|logger|e?grep|awk|sed|pgrep|pkill|man|which|type)$/;
const baseOf = (word: string): string => word.replace(/^.*[/=]/, "");
const HELP = /^(-h|--?help|help)$/;
const CSCLI_VALUES = /^(-c|--config|-o|--output|--color)$/;
const ENGINE_FLAGS =
  /^--?(c|t|trace|debug|info|warning|error|fatal|dsn|type|label|transform|no-cs|order-event|dump-data|cpu-profile)$/;
const WITHOUT_CAPI = /^--?(no-api|no-capi|version|h|help)$/;

/** Takes the word apart from paths and longer names on its line. */
const OTHER = "][[:alnum:]_./-";
const editOf = (line: number): string => `${line}s#(^|[^${OTHER}])capi([^${OTHER}]|$)#\\1lapi\\2#`;

const cscliIn = (words: readonly CommandWord[]): readonly Found[] => {
  const at = words.findIndex(({ text }) => baseOf(text) === "cscli" || /^\$\{?CSCLI\}?$/i.test(text));
  if (at === -1 || words.some(({ text }) => HELP.test(text))) return [];
  const plain = words
    .slice(at + 1)
    .filter(({ text }, index, all) => !text.startsWith("-") && !CSCLI_VALUES.test(all[index - 1]?.text ?? ""));
  const [noun, verb] = plain;
  const login = CSCLI[`${noun?.text} ${verb?.text}`];
  if (noun === undefined || login === undefined) return [];
  const { line } = noun;
  return [{ login, line, ...(login === CSCLI["capi status"] && { edit: editOf(line) }) }];
};

/** What stands before a program, when it is not the first word. */
const BEFORE_PROGRAM = /^(sudo|nice|ionice|nohup|exec|time|if|then|else|do|!|--|-c|CMD|CMD-SHELL|\w+=\S*)$/;

/** `crowdsec` is a container's name, a unit's and a user's as well: it is the program by its place and by its flags. */
const engineIn = (words: readonly CommandWord[]): readonly Found[] => {
  const exec = words.findIndex(({ text }) => text === "exec");
  const at = words.findIndex(({ text }, index) => {
    if (baseOf(text) !== "crowdsec" || !ENGINE_FLAGS.test(words[index + 1]?.text ?? "")) return false;
    // `docker exec NAME crowdsec`.
    const inside = exec !== -1 && exec < index - 1;
    return text.startsWith("/") || index === 0 || inside || BEFORE_PROGRAM.test(words[index - 1]?.text ?? "");
  });
  const [word, flags] = [words[at], words.slice(at + 1).map(({ text }) => text)];
  if (word === undefined || flags.some((flag) => WITHOUT_CAPI.test(flag))) return [];
  return [{ login: flags.some((flag) => /^--?t$/.test(flag)) ? REHEARSAL : ENGINE, line: word.line }];
};

/** The logins in a job's commands. */
const loginsIn = ({ words, service }: Job): readonly Found[] => {
  const commands: CommandWord[][] = [[]];
  for (const word of words) {
    if (word.text === ";") commands.push([]);
    else commands.at(-1)?.push(word);
  }
  const found = commands.flatMap((command) => {
    if (TALKERS.test(baseOf(command[0]?.text ?? ""))) return [];
    // A service that starts crowdsec is crowdsec's own.
    return [...cscliIn(command), ...(service ? [] : engineIn(command))];
  });
  const edits = new Map<number, number>();
  for (const { line, edit } of found) if (edit !== undefined) edits.set(line, (edits.get(line) ?? 0) + 1);
  return found.map((one) => ({ ...one, ...(one.edit !== undefined && { times: edits.get(one.line) ?? 1 }) }));
};

const RUN_PARTS = /^\/etc\/(cron\.\w+ly|periodic\/\w+)\//;
const SYSTEM_UNIT = /^(\/usr)?\/lib\/systemd\//;

/** Which remedy fits: by hand, where no edit of one line mends it. */
const remedyOf = ({ kind, path }: Job, found: readonly Found[]): JobKind | "by-hand" => {
  // Docker's own record is not for editing.
  if (kind === "container") return kind;
  const replaceable = found.every(({ edit }) => edit !== undefined);
  // A line of a crontab is a whole command; elsewhere a line is a part of one.
  if (!replaceable) return kind === "cron" && !RUN_PARTS.test(path) ? "cron" : "by-hand";
  return kind === "unit" && SYSTEM_UNIT.test(path) ? "by-hand" : kind;
};

/** All that one file does. */
interface Place {
  readonly path: string;
  readonly job: Job;
  readonly found: readonly Found[];
  /** How it comes to run, in words. */
  readonly schedules: readonly string[];
  /** Logins within the window, of those whose schedule is known. */
  readonly logins: number;
  /** Whether all of them are known. */
  readonly known: boolean;
}

const inWords = (logins: number): string => `${logins} login${logins === 1 ? "" : "s"} in ${WINDOW_MINUTES} minutes`;

/** One edit of sed's so many times. */
const repeated = (edit: string, count: number): string => Array.from({ length: count }, () => edit).join(";");

const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)];

type Code = "capi-login-scheduled" | "capi-login-loop" | "capi-banned";
type Finding = { readonly target: string; readonly verdict: Verdict<Code> };

const applies = ({ versions }: Login, version: Version | undefined): boolean =>
  version === undefined || within(version, versions);

/** What runs by itself and logs in, a place for each file. */
const findPlaces = (jobs: readonly Job[], version: Version | undefined): readonly Place[] => {
  const byPath = new Map<string, { readonly job: Job; readonly found: readonly Found[] }[]>();
  for (const job of jobs) {
    const found = loginsIn(job).filter(({ login }) => applies(login, version));
    if (found.length === 0) continue;
    const before = byPath.get(job.path);
    if (before) before.push({ job, found });
    else byPath.set(job.path, [{ job, found }]);
  }
  const isCounted = ({ login }: Found): boolean => !(login.cached && atLeast(version, KEEPS_TOKEN));
  return [...byPath].flatMap(([path, all]): readonly Place[] => {
    const [first] = all;
    if (first === undefined) return [];
    const counted = all.map(({ job, found }) => ({ runs: job.schedule.runs, count: found.filter(isCounted).length }));
    const once = new Map<string, Found>();
    for (const one of all.flatMap(({ found }) => found)) {
      const key = `${one.line} ${one.login.name}`;
      if (!once.has(key)) once.set(key, one);
    }
    return [
      {
        path,
        job: first.job,
        found: [...once.values()],
        schedules: unique(all.map(({ job }) => job.schedule.told)),
        logins: counted.reduce((sum, { runs = 0, count }) => sum + runs * count, 0),
        known: counted.every(({ runs, count }) => runs !== undefined || count === 0),
      },
    ];
  });
};

const nameOf = (path: string): string => path.replace(/^.*\//, "");

const rateOf = ({ logins, known, found }: Place, version: Version | undefined): string => {
  const limit = `more than ${MAX_LOGINS} ban this address for an hour`;
  if (!known && logins <= MAX_LOGINS)
    return `how many logins that makes is not known, and ${limit} when they come within ${WINDOW_MINUTES} minutes`;
  if (logins > 0) return `${inWords(logins)}${logins > MAX_LOGINS ? ":" : ", and"} ${limit}`;
  const since = showVersion(KEEPS_TOKEN);
  const [name] = unique(found.map(({ login }) => login.name));
  const from = version === undefined ? `from CrowdSec ${since} on, ` : "";
  return `${from}${name} logs in only where the database holds no valid token of an earlier login, and ${limit}`;
};

/** @param total logins of all places together, since they come from one address */
const judge = (place: Place, total: number, idle: string | undefined, version: Version | undefined): Finding => {
  const { path, job, found, schedules } = place;
  const schedule = schedules.join(" and ");
  const names = unique(found.map(({ login }) => login.name));
  const origin = `${path}:${unique(found.map(({ line }) => String(line))).join(",")}`;
  // Each takes the first that is left on its line: what follows, such as a comment, stays.
  const edits = unique(found.map(({ line, edit, times = 1 }) => repeated(edit ?? `${line}s/^/# /`, times)));
  const also = [
    ...(total > place.logins && place.logins > 0 ? [`all that was found here makes ${inWords(total)}`] : []),
    ...(idle === undefined ? [] : [`for now nothing comes of it: ${idle}`]),
  ];
  return {
    target: path,
    verdict: {
      status: "fault",
      fault: "capi-login-scheduled",
      ...((total <= MAX_LOGINS || place.logins === 0 || idle !== undefined) && { severity: "warning" }),
      data: {
        origin,
        path,
        command: names.join(" and "),
        schedule,
        rate: rateOf(place, version),
        edit: edits.join(";"),
        // Of a crontab, which `crontab -l` shows without its first lines.
        crontabEdit: repeated(
          `/^[[:space:]]*#/!s#(cscli.*[^${OTHER}])capi([^${OTHER}]+status)#\\1lapi\\2#`,
          Math.max(...found.map(({ times = 1 }) => times)),
        ),
        name: nameOf(path),
      },
      when: remedyOf(job, found),
      also,
      blame: { evidence: [`${origin}: ${names.join(" and ")} ${schedule}`] },
      evidence: { target: { path, origin } },
    },
  };
};

/** Seconds within which a service that was started again by itself counts as one that keeps falling. */
const FALLING_SECONDS = 120;

/** It was started again more than once, and does not stay up. */
const isFalling = ({ state, restarts = 0, startedSecondsAgo = Number.POSITIVE_INFINITY }: ServiceSeen): boolean =>
  state === "restarting" || state === "starting"
    ? restarts >= 2
    : state === "running" && restarts >= 3 && startedSecondsAgo < FALLING_SECONDS;

/** crowdsec is started again and again. */
interface Loop {
  /** What does not stay up. */
  readonly unit: string;
  readonly restarts: number;
  /** From one start to the next. */
  readonly seconds: number;
}

/** CrowdSec's own unit waits that long (config/crowdsec.service, since 1.5.0). */
const RESTART_SECONDS = 60;
/** So many starts within the window are no person's. */
const MANY_STARTS = 5;

/** By the service's manager; without one, by the starts that log and journal tell of. */
const loopOf = (service: ServiceObservation, starts: readonly string[], now: Date): Loop | undefined => {
  if (service.ok && service.known) {
    const { name, restarts = 0, restartDelaySeconds = RESTART_SECONDS } = service;
    return isFalling(service) ? { unit: name, restarts, seconds: Math.max(1, restartDelaySeconds) } : undefined;
  }
  const times = starts.map((start) => Date.parse(start)).filter((at) => now.getTime() - at < WINDOW_MINUTES * 60_000);
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  const seconds = Math.max(1, Math.round((last - first) / 1000 / (times.length - 1)));
  // One that has stayed up for longer than it did before has recovered.
  const recovered = now.getTime() - last > Math.max(FALLING_SECONDS, 3 * seconds) * 1000;
  return times.length < MANY_STARTS || recovered
    ? undefined
    : { unit: "crowdsec", restarts: times.length - 1, seconds };
};

/**
 * What a start comes to before it logs in (cmd/crowdsec/run_in_svc.go, pkg/apiserver/apiserver.go): where it ends there,
 * or the Central API is out of reach, no login is made.
 */
const BEFORE_LOGIN: ReadonlySet<string> = new Set(["configuration", "credentials", "database", "capi"]);
/** Of the words about a configuration, those that come after the login. */
const AFTER_LOGIN = /unable to run|serving local API|API server/i;

/** A wrong password is refused too, with 401. */
const FORBIDDEN = /\b403\b|\bForbidden\b/;
const isRefusal = ({ text }: Word): boolean => signatureOf(text)?.about === "capi-refused" && FORBIDDEN.test(text);

/** Both are about the one crowdsec here: what the log says last, and how its service fares. */
interface EngineSeen {
  readonly service: ServiceObservation;
  readonly loop: Loop | undefined;
  readonly last: Word | undefined;
  readonly refusals: readonly Word[];
  readonly version: Version | undefined;
}

/** Logins of one start, by how far it gets; 0 where it ends before that. */
const loginsAtStart = ({ last, version }: EngineSeen): number => {
  if (last !== undefined && isRefusal(last)) return atLeast(version, TRIES_THRICE) ? 3 : 2;
  const about = last && signatureOf(last.text)?.about;
  const late = about === "configuration" && AFTER_LOGIN.test(last?.text ?? "");
  if (about !== undefined && BEFORE_LOGIN.has(about) && !late) return 0;
  // The unit's `crowdsec -t` does not look at the port: it passes, and the start itself logs in once more.
  return about === "port" ? 2 : 1;
};

const times = (count: number): string => (count === 1 ? "once" : `${count} times`);

const looping = (seen: EngineSeen): Finding | undefined => {
  const { loop, last, version } = seen;
  if (loop === undefined || !atLeast(version, STARTS_LOG_IN)) return undefined;
  const each = loginsAtStart(seen);
  const { unit, restarts, seconds } = loop;
  const logins = (each * WINDOW_MINUTES * 60) / seconds;
  // A login that went well is kept, and the next starts make none; one that is refused is a ban's.
  const kept = version !== undefined && atLeast(version, KEEPS_TOKEN);
  if (logins <= MAX_LOGINS || kept) return undefined;
  const said = last === undefined ? [] : [`its last words: ${last.text}`];
  return {
    target: "crowdsec",
    verdict: {
      status: "fault",
      fault: "capi-login-loop",
      ...(version === undefined && { severity: "warning" }),
      data: {
        unit,
        restarts,
        seconds,
        each: times(each),
        minutes: Math.max(1, Math.ceil((MAX_LOGINS * seconds) / each / 60)),
      },
      ...(last && { message: last.text }),
      also: version === undefined ? ["so do CrowdSec 1.5.0 to 1.6.8; which version this is, is not known"] : [],
      blame: {
        ...(version === undefined && { confidence: "possible" }),
        evidence: [`${unit} was started again ${restarts} times, every ${seconds} s`, ...said],
      },
    },
  };
};

/** `11:30 UTC`; of another day than this one, with its date. */
const clockTime = (at: number, now: Date): string => {
  const [day = "", time = ""] = new Date(at).toISOString().split("T");
  const date = now.toISOString().startsWith(day) ? "" : `${day} `;
  return `${date}${time.slice(0, 5)} UTC`;
};
const atOf = ({ at }: Word): number => (at === undefined ? Number.NaN : Date.parse(at));

/** A start on these versions logs in first: one that came after the refusal and holds was let in. */
const wasLetIn = ({ service, version }: EngineSeen, refusedAt: number, now: Date): boolean =>
  service.ok &&
  service.state === "running" &&
  version !== undefined &&
  within(version, { since: STARTS_LOG_IN }) &&
  !atLeast(version, KEEPS_TOKEN) &&
  (service.startedSecondsAgo ?? 0) >= FALLING_SECONDS &&
  now.getTime() - (service.startedSecondsAgo ?? 0) * 1000 > refusedAt;

/** It runs without the Central API, as the remedy of a ban has it. */
const runsWithoutCapi = ({ engines }: Topology): boolean =>
  engines.some(({ argv }) => argv.some((word) => /^--?no-capi$/.test(word)));

const consequenceOf = (up: boolean, topology: Topology, version: Version | undefined): string => {
  if (runsWithoutCapi(topology)) return "crowdsec runs without the Central API meanwhile";
  if (!up) return "crowdsec does not start while that lasts, and the bouncers here get no decisions from it";
  return atLeast(version, STARTS_LOG_IN)
    ? "the running crowdsec goes on, but would not come back from a restart"
    : "the Local API goes on with what it knows";
};

const banned = (seen: EngineSeen, context: Context): Finding | undefined => {
  const { topology, now } = context;
  const { last, loop, refusals, version, service } = seen;
  const refusal = refusals.at(-1);
  if (refusal === undefined) return undefined;
  const at = atOf(refusal);
  const runs = service.ok && service.known ? service.state === "running" : topology.engine !== undefined;
  const up = runs && loop === undefined;
  const recent = now.getTime() - at < BAN_MS;
  const isLast = last !== undefined && isRefusal(last) && !up;
  if (!(recent || isLast) || wasLetIn(seen, at, now)) return undefined;
  const untimed = Number.isNaN(at);
  const over = !recent && !untimed;
  const until = untimed ? "an hour after the last try" : clockTime(at + BAN_MS, now);
  const tries = loginsAtStart(seen);
  const told = `${refusals.length} refused login${refusals.length === 1 ? "" : "s"}`;
  return {
    target: "crowdsec",
    verdict: {
      status: "fault",
      fault: "capi-banned",
      ...(over && { severity: "warning" }),
      data: {
        refused: untimed ? "lately" : `at ${clockTime(at, now)}`,
        ban: over
          ? `a ban lasts one hour, so this one is over since ${until}; crowdsec was not started again since`
          : `a ban lasts one hour, so until ${until} at the earliest, and each further try may prolong it`,
        consequence: over ? "" : `; ${consequenceOf(up, topology, version)}`,
        until,
        from: refusal.from,
        ...runningAs(topology),
      },
      message: refusal.text,
      httpStatus: 403,
      when: over ? "over" : up ? "up" : "down",
      also:
        loop && tries > 0
          ? [`${loop.unit} is started again every ${loop.seconds} s, and each start tries ${times(tries)}`]
          : [],
      blame: { evidence: [`${told} in ${refusal.from}, the last: ${refusal.text}`] },
    },
  };
};

const askEngine = async (context: Context, version: Version | undefined): Promise<Finding | undefined> => {
  if (context.topology.phase.value !== "run") return undefined;
  const [service, words] = await Promise.all([context.probe.service("crowdsec"), engineWords(context)]);
  const telling = words.lastStart.filter(({ text }) => !signatureOf(text)?.harmless);
  const last = telling.findLast(({ level }) => level === "fatal") ?? telling.at(-1);
  const refusals = words.all.filter(isRefusal);
  const loop = loopOf(service, words.starts, context.now);
  const seen: EngineSeen = { service, loop, last, refusals, version };
  return banned(seen, context) ?? looping(seen);
};

/** A container that runs was made from a compose file or an image: where that was found, its record says the same again. */
const withoutTwins = (places: readonly Place[]): readonly Place[] => {
  const told = places.some(({ job: { kind } }) => kind === "compose" || kind === "dockerfile");
  return places.filter(({ job: { kind } }) => !told || kind !== "container");
};

const unreadable = (denied: readonly string[]): string =>
  denied.length === 0
    ? ""
    : `; run as root to read ${denied.slice(0, 3).join(", ")}${denied.length > 3 ? " and more" : ""}`;

const INSTEAD = "`cscli lapi status` asks this host's own Local API, and harms nothing";

/** What a health check, a monitor or a crash loop does to a host that was fine: it logs in until it is locked out. */
export default defineCheck<Code>({
  id: "capi-logins",
  title: "Nothing on this host logs in to the Central API on a schedule",
  why: `More than ${MAX_LOGINS} logins within ${WINDOW_MINUTES} minutes ban this host's address from the Central API for one hour; paid plans are exempt (${SOURCE}). From 1.5.0 on the Local API does not start while that lasts, and the bouncers here get no decisions.`,
  roles: ["lapi", "cscli"],
  contacts:
    "reads crontabs, systemd's units, compose files, Dockerfiles, Docker's records of containers and monitoring's configuration; asks for crowdsec's service and its last words; never logs in",
  faults: {
    "capi-login-scheduled": {
      blame: "configuration",
      confidence: "certain",
      says: "{origin} runs {command} {schedule}: {rate}",
      remedy: [
        {
          when: "cron",
          text: `Take {command} out of {path}: ${INSTEAD}; crowdsec-preflight never logs in either. The copy stands outside of cron's folders, where it would run as well.`,
          commands: ["cp -p {path} /root/{name}.preflight", "sed -i -E {edit} {path}"],
          undo: ["mv /root/{name}.preflight {path}"],
        },
        {
          when: "crontab",
          text: `Ask the Local API instead, in the crontab of {name}: ${INSTEAD}.`,
          commands: [
            "crontab -u {name} -l > /root/crontab-{name}.preflight",
            "sed -E {crontabEdit} /root/crontab-{name}.preflight | crontab -u {name} -",
          ],
          undo: ["crontab -u {name} /root/crontab-{name}.preflight"],
        },
        {
          when: "script",
          text: `Ask the Local API instead, in {path}: ${INSTEAD}.`,
          commands: ["sed -i.preflight -E {edit} {path}"],
          undo: ["mv {path}.preflight {path}"],
        },
        {
          when: "unit",
          text: `Ask the Local API instead, in {path}: ${INSTEAD}.`,
          commands: ["sed -i.preflight -E {edit} {path}", "systemctl daemon-reload"],
          undo: ["mv {path}.preflight {path}", "systemctl daemon-reload"],
        },
        {
          when: "compose",
          text: `Ask the Local API instead, in the health check in {path}: ${INSTEAD}.`,
          commands: ["sed -i.preflight -E {edit} {path}", "docker compose -f {path} up -d"],
          undo: ["mv {path}.preflight {path}", "docker compose -f {path} up -d"],
        },
        {
          when: "dockerfile",
          text: `Ask the Local API instead, in the HEALTHCHECK in {path}, then build the image anew: ${INSTEAD}.`,
          commands: ["sed -i.preflight -E {edit} {path}"],
          undo: ["mv {path}.preflight {path}"],
        },
        {
          when: "container",
          text: `Make the container anew with another health check, where it comes from (a compose file, docker run --health-cmd, its image): ${INSTEAD}.`,
        },
        {
          when: "kubernetes",
          text: `Ask the Local API instead, in the probe in {path}: ${INSTEAD}.`,
          commands: ["sed -i.preflight -E {edit} {path}", "kubectl apply -f {path}"],
          undo: ["mv {path}.preflight {path}", "kubectl apply -f {path}"],
        },
        {
          when: "monitoring",
          text: `Ask the Local API instead, in {path}, then restart what reads that file: ${INSTEAD}.`,
          commands: ["sed -i.preflight -E {edit} {path}"],
          undo: ["mv {path}.preflight {path}"],
        },
        {
          when: "by-hand",
          text: `Take {command} out of {origin}, or run it by hand when it is needed: ${INSTEAD}; crowdsec-preflight never logs in either.`,
        },
        { text: "CrowdSec's own words on the limit stand there.", url: SOURCE },
      ],
    },
    "capi-login-loop": {
      blame: "this-host",
      says: "{unit} was started again {restarts} times and does not stay up; each start logs in to the Central API {each}, every {seconds} s: 20 logins within about {minutes} minutes, and more ban this address for an hour",
      remedy: [
        {
          text: "Stop it first, so that no further start logs in.",
          commands: ["systemctl stop crowdsec"],
        },
        {
          text: "Find out why it ends, mend that, and then start it once.",
          commands: ["journalctl -u crowdsec -n 50 --no-pager", "systemctl start crowdsec"],
        },
      ],
    },
    "capi-banned": {
      blame: "this-host",
      phase: "login",
      // The ban ends within an hour; what ends it for CrowdSec is one start after that, which nobody must hurry.
      recovers: false,
      says: "the Central API refused the last login with 403 {refused}, as it does to an address with more than 20 logins in 50 minutes: {ban}{consequence}",
      remedy: [
        {
          when: "down",
          text: "Stop it, so that no further try prolongs the ban; start it at {until}, not earlier, and once.",
          // No undo: that would be the try that prolongs it.
          commands: ["systemctl stop crowdsec"],
        },
        {
          when: "down",
          services: ["systemd"],
          text: "To have the Local API up meanwhile, run it without the Central API (-no-capi, which CrowdSec knows since 1.4.0), and take that back at {until} or later.",
          commands: [
            "mkdir -p /etc/systemd/system/crowdsec.service.d",
            "printf '[Service]\\nExecStartPre=\\nExecStart=\\nExecStart=%s -c %s -no-capi\\n' {program} {config} > /etc/systemd/system/crowdsec.service.d/no-capi.conf",
            "systemctl daemon-reload && systemctl restart crowdsec",
          ],
          undo: [
            "rm /etc/systemd/system/crowdsec.service.d/no-capi.conf",
            "systemctl daemon-reload && systemctl restart crowdsec",
          ],
        },
        {
          when: "up",
          text: "Leave it running: before {until}, neither restart nor reload it, and run nothing that logs in, such as `cscli capi status`.",
        },
        {
          when: "over",
          text: "Start it once, and see whether it stays up.",
          commands: ["systemctl start crowdsec", "journalctl -u crowdsec -n 50 --no-pager"],
          undo: ["systemctl stop crowdsec"],
        },
        {
          text: "Then take away what logs in so often: a restart loop, a health check, or another CrowdSec behind the same public address.",
          url: SOURCE,
        },
      ],
    },
  },
  async run(context): Promise<Answer<Code>> {
    const { topology } = context;
    const { capi } = topology;
    // A flag keeps crowdsec from logging in, not cscli.
    if ("state" in capi && capi.state === "off" && !runsWithoutCapi(topology))
      return { status: "skip", reason: `not applicable: ${capi.reason}` };
    const version = await context.version();
    const [scheduled, engine] = await Promise.all([
      findScheduled(context.probe, topology.system.packages),
      askEngine(context, version),
    ]);
    const { jobs, files, denied } = scheduled;
    const places = withoutTwins(findPlaces(jobs, version));
    const total = places.reduce((sum, { logins }) => sum + logins, 0);
    const idle = "state" in capi && capi.state === "unregistered" ? capi.reason : undefined;
    const findings = [...(engine ? [engine] : []), ...places.map((place) => judge(place, total, idle, version))];
    if (findings.length > 0) return findings;
    return { status: "pass", note: `looked at ${files} file${files === 1 ? "" : "s"}${unreadable(denied)}` };
  },
});
