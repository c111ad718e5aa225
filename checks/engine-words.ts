import type { Context } from "../src/model/check.ts";
import type { JournalLine } from "../src/model/observation.ts";
import { printable } from "../src/model/text.ts";

/** A line that crowdsec wrote about itself, at level error or above. */
export interface Word {
  /** RFC 3339, UTC; undefined where the line does not tell. */
  readonly at?: string;
  readonly level: "error" | "fatal";
  /** What it says, fit to show, without secrets. */
  readonly text: string;
  /** `journal`, or the path of the log. */
  readonly from: string;
}

/** What crowdsec's log and journal end with. */
export interface EngineWords {
  /** Of its last start, oldest first; the last is what it ended with, if it ended. */
  readonly lastStart: readonly Word[];
  /** All that the ends of log and journal hold, oldest first. */
  readonly all: readonly Word[];
  /** When it began each start that log or journal tell of, oldest first; its own trial run before a start (`-t`) counts with it. RFC 3339, UTC. */
  readonly starts: readonly string[];
  /** Why something could not be read, for this user; undefined when all was. */
  readonly unread?: string;
}

/** A known last line of CrowdSec, and which part of it is the one to look at. */
export interface Signature {
  readonly pattern: RegExp;
  readonly about:
    | "port"
    | "metrics-port"
    | "acquisition"
    | "datasource"
    | "hub"
    | "credentials"
    | "capi"
    | "capi-refused"
    | "configuration"
    | "database"
    | "lapi-refused"
    | "lapi-unreachable"
    | "secret"
    | "disk";
  /** What it means, a clause. */
  readonly means: string;
  /** Harmless lines look like trouble and are none. */
  readonly harmless?: boolean;
  /** Where in CrowdSec's source or documentation this is written. */
  readonly source: string;
}

const code = (tag: string, path: string): string => `https://github.com/crowdsecurity/crowdsec/blob/${tag}/${path}`;
const docs = (page: string): string => `https://docs.crowdsec.net/u/${page}`;

/** From 1.4.6 to 1.7.8. The first that fits a line counts, so those that say more stand first. */
export const SIGNATURES: readonly Signature[] = [
  {
    pattern: /^while serving local API: http: Server closed/,
    about: "port",
    means: "up to 1.5.5 a Local API with TLS says so at every ordinary stop",
    harmless: true,
    source: code("v1.4.6", "pkg/apiserver/apiserver.go#L322-L330"),
  },
  {
    pattern: /^Failed to notify\(sent: false\)/,
    about: "configuration",
    means: "1.4 says so at every good start that systemd did not make",
    harmless: true,
    source: code("v1.4.6", "cmd/crowdsec/serve.go#L338-L342"),
  },
  {
    pattern: /Machine is not enrolled in the console, can't synchronize/,
    about: "capi",
    means: "every engine says so that is not enrolled in the console",
    harmless: true,
    source: code("v1.5.0", "pkg/apiserver/apiserver.go#L236"),
  },
  {
    pattern: /^API key not found/,
    about: "credentials",
    means: "somebody asked the Local API without a key, as this tool does",
    harmless: true,
    source: code("v1.7.8", "pkg/apiserver/middlewares/v1/api_key.go#L139"),
  },
  {
    pattern: /no crl_path, skipping CRL check/,
    about: "credentials",
    means: "no list of revoked certificates is configured, which is the usual case",
    harmless: true,
    source: code("v1.4.6", "pkg/apiserver/middlewares/v1/tls_auth.go#L110"),
  },
  {
    pattern:
      /received 0 new entries \(expected if you just installed crowdsec\)|scenario list is empty, will not pull yet/,
    about: "capi",
    means: "the first pull of a new engine brings nothing yet",
    harmless: true,
    source: code("v1.7.8", "pkg/apiserver/apic.go#L661"),
  },
  {
    pattern: /No matching files for pattern/,
    about: "acquisition",
    means: "a log file that is to be read is not there yet, which stops nothing",
    harmless: true,
    source: code("v1.7.8", "pkg/acquisition/modules/file/config.go#L117"),
  },
  {
    pattern: /can't load CAPI credentials from .*\(missing/,
    about: "capi",
    means: "without credentials for the Central API the engine runs without it",
    harmless: true,
    source: code("v1.7.8", "pkg/csconfig/api.go#L122-L130"),
  },
  {
    pattern: /CS_LAPI_SECRET not strong enough/,
    about: "secret",
    means: "CS_LAPI_SECRET in its environment is shorter than 64 characters",
    source: code("v1.7.8", "pkg/apiserver/middlewares/v1/jwt.go#L276-L287"),
  },
  {
    pattern: /^prometheus: listen tcp|^serving metrics\b/,
    about: "metrics-port",
    means: "the metrics' port is taken; the engine runs without them",
    source: code("v1.7.8", "cmd/crowdsec/metrics.go#L94-L99"),
  },
  {
    pattern: /bind: address already in use/,
    about: "port",
    means: "another program holds the port that it is to listen on",
    source: docs("troubleshooting/security_engine#cannot-bind-to-the-configured-port-or-ip"),
  },
  {
    pattern: /bind: (?:cannot|can't) assign requested address/,
    about: "port",
    means: "the address that it is to listen on is none of this host's",
    source: docs("troubleshooting/security_engine#cannot-bind-to-the-configured-port-or-ip"),
  },
  {
    pattern: /bind: permission denied|creating unix listener|listen unix /,
    about: "port",
    means: "it may not make the port or socket that it is to listen on",
    source: code("v1.6.1", "pkg/apiserver/apiserver.go#L421-L439"),
  },
  {
    pattern: /no space left on device|database or disk is full|disk quota exceeded/,
    about: "disk",
    means: "a file system that it writes to is full",
    source: "https://www.sqlite.org/rescode.html#full",
  },
  {
    pattern: /read-only file system|attempt to write a readonly database/,
    about: "disk",
    means: "a file system or file that it has to write to cannot be written",
    source: "https://www.sqlite.org/rescode.html#readonly",
  },
  {
    pattern:
      /authenticate watcher .*API error: (?:failed to connect to|dial tcp|dial error|Error 1\d{3}|pq:|sql:|.*SQLSTATE|.*database is locked)/,
    about: "database",
    means: "the Local API that it logs in to cannot use its database",
    source: code("v1.7.8", "pkg/apiserver/middlewares/v1/jwt.go#L147-L153"),
  },
  {
    pattern:
      /unable to (?:create|init) database client|failed to get database client|failed to create SQLite database file|unable to set perms on|failed opening connection to|failed creating schema resources|unknown database type|failed to generate DB connection string|DB config is empty|while configuring db logger|while fetching scenarios from db|get scenario in db/,
    about: "database",
    means: "it cannot use its database",
    source: code("v1.7.8", "pkg/database/database.go#L51-L99"),
  },
  {
    pattern:
      /SQLSTATE|\bpq: |Error 1\d{3}[: (]|Access denied for user|database is locked|select bouncer: (?!ent: )|querying (?:server|mysql) version/,
    about: "database",
    means: "its database refuses it or does not answer",
    source: code("v1.7.8", "pkg/apiserver/middlewares/v1/api_key.go#L152-L171"),
  },
  {
    pattern:
      /max attempts reached for status code 403|api register \(\S+\):? http 403|(?:central API|capi (?:pull|push|metrics)).*API error: Forbidden/i,
    about: "capi-refused",
    means:
      "the Central API refuses this engine (403): too many logins from its address, or credentials that it does not know",
    source: docs("troubleshooting/capi_403"),
  },
  {
    pattern: /unable to run local API: authenticate watcher \([^)]*\):.*API error: (?!http code 5)/,
    about: "capi-refused",
    means: "the Central API refuses its login, and from 1.5.0 on the Local API does not start then",
    source: code("v1.7.8", "pkg/apiserver/apic.go#L256-L283"),
  },
  {
    pattern: /unable to run local API: authenticate watcher/,
    about: "capi",
    means: "its login at the Central API fails, and from 1.5.0 on the Local API does not start then",
    source: code("v1.7.8", "pkg/apiserver/apic.go#L256-L283"),
  },
  {
    pattern: /capi (?:pull top|push|metrics|decisions sync):|sending signal to central API|api\.crowdsec\.net/i,
    about: "capi",
    means: "it cannot speak to the Central API",
    source: code("v1.4.6", "pkg/apiserver/apic.go#L434-L590"),
  },
  {
    pattern: /while performing request: .*:443\b.*retries left/,
    about: "capi",
    means: "it tries to log in at the Central API, and starts nothing until then",
    source: code("v1.6.1", "pkg/apiclient/auth_retry.go#L36-L75"),
  },
  {
    pattern: /loading online client credentials/,
    about: "credentials",
    means: "the file with its credentials for the Central API is missing or broken",
    source: code("v1.7.8", "pkg/csconfig/api.go#L368-L372"),
  },
  {
    pattern:
      /loading api client: |no credentials or URL found in api client configuration|missing local API credentials for crowdsec agent|user\/password authentication and TLS authentication are mutually exclusive|cannot use TLS with a unix socket/,
    about: "credentials",
    means: "the agent's credentials for the Local API are missing or do not fit together",
    source: code("v1.7.8", "pkg/csconfig/api.go#L149-L184"),
  },
  {
    pattern: /authenticate watcher .*API error: http code \d+, (?:invalid body|response|no response body)/,
    about: "lapi-unreachable",
    means: "what answers at the Local API's address is none",
    source: "https://github.com/crowdsecurity/crowdsec/issues/2768",
  },
  {
    pattern: /authenticate watcher .*API error: /,
    about: "lapi-refused",
    means: "the Local API refuses the agent's credentials",
    source: docs("troubleshooting/security_engine#cannot-authenticate-to-the-local-api"),
  },
  {
    pattern: /authenticate watcher|initializing LAPIClient|retries left|failed sending alert to LAPI/,
    about: "lapi-unreachable",
    means: "the agent does not reach the Local API",
    source: docs("troubleshooting/security_engine#cannot-connect-to-the-local-api"),
  },
  {
    pattern: /starting acquisition error|No journal files were found/i,
    about: "datasource",
    means: "a data source of the agent could not be started",
    source: code("v1.7.8", "cmd/crowdsec/crowdsec.go#L171"),
  },
  {
    pattern:
      /while loading acquisition config|no datasource enabled|while checking acquisition_path|failed to configure datasource|no acquisition_path or acquisition_dir specified/i,
    about: "acquisition",
    means: "it cannot use the log sources in acquis.yaml or acquis.d",
    source: code("v1.7.8", "cmd/crowdsec/crowdsec.go#L65-L68"),
  },
  {
    pattern:
      /unable to read index file|hub index|failed to parse index|while loading (?:parsers|scenarios|appsec rules)|failed to load (?:parsers|scenarios)|scenario loading failed/i,
    about: "hub",
    means: "the hub's files on this host are missing or broken",
    source: code("v1.7.8", "pkg/cwhub/hub.go#L59-L73"),
  },
  {
    pattern:
      /field \S+ not found in type|already set in map|found (?:a tab )?character|can't merge|cannot unmarshal|yaml: |while loading configuration file|provided but not defined|log mode '|unknown log_format|common section is empty|loading common configuration/,
    about: "configuration",
    means: "its configuration or its command line cannot be read",
    source: docs("troubleshooting/security_engine#cannot-start-because-of-an-invalid-configuration-file"),
  },
  {
    pattern:
      /missing TLS (?:key|cert) file|no listen_uri or listen_socket specified|you must run at least|empty cti key|loading CTI configuration|while creating TLS config|api\.server\.auto_register|while loading profiles|while loading console options|unable to run (?:plugin broker|local API)|while setting up trace directory|serving local API|while starting API server|local API server stopped with error/i,
    about: "configuration",
    means: "something in its configuration keeps it from starting",
    source: code("v1.7.8", "pkg/csconfig/api.go#L360-L420"),
  },
];

/** Signatures stand near the beginning, and are looked for in so many characters: more than a `Word` holds. */
const SIGNED = 500;

/** The signature of a line; undefined for one that is not known. */
export const signatureOf = (text: string): Signature | undefined => {
  const head = text.slice(0, SIGNED);
  return SIGNATURES.find(({ pattern }) => pattern.test(head));
};

/** A run of text that ends before `@tcp(`, without the user and the password in it. */
const withoutLogin = (run: string): string => {
  const colon = run.search(/(?<=[^:/(]):(?!\/\/)./);
  if (colon === -1) return `${run}@`;
  const user = Math.max(...[":", "/", "("].map((sign) => run.lastIndexOf(sign, colon - 1))) + 1;
  return `${run.slice(0, user)}[secret]@`;
};

/**
 * What a program said, without what may be a secret: what stands before an @ in a URL or a DSN, values of keys that sound
 * like one, tokens, and values that a YAML error or Go's URL parser quotes. A log may hold one line of any length, written
 * by anybody who can make crowdsec log something: each expression here takes time in proportion to its length.
 */
export const withoutSecrets = (words: string): string =>
  (/\bparse "/.test(words) ? words.replace(/"[^"]*"/g, '"…"') : words)
    .replace(/\/\/[^\s"'`/]*@/g, "//[secret]@")
    // From the beginning of a run only: anywhere in it, each would be looked at to its end.
    .replace(/(?<![^\s"'`])([^\s"'`]+)@(?=(?:tcp|unix)\()/g, (_whole, run: string) => withoutLogin(run))
    .replace(
      // What stands behind "could not get jwt token: " is an error: `Post "https://…": …`.
      /(passw(?:or)?d|pwd|psw|token|key|secret|authorization)(\\?["']?\s*[:=]\s*)(?!YES\b|NO\b|(?<=: )(?!Bearer |Basic )[a-z]{1,12} \\?["'])((?:Bearer |Basic )?\\?"[^"]*"|'[^']*'|(?:Bearer |Basic )?[^\s,)]+)/gi,
      "$1$2[secret]",
    )
    .replace(/(api[-_]?key|psw)(\s+)(?=[\w+/=-]*\d)[\w+/=-]{16,}/gi, "$1$2[secret]")
    .replace(/\beyJ[\w-]+(?:\.[\w-]+){0,2}/g, "[secret]")
    .replace(/(cannot unmarshal !!\S+ )`[^`]*`/g, "$1`…`");

/** A line of log or journal, as far as it can be read. Times are milliseconds since 1970. */
interface Line {
  readonly at?: number;
  readonly level: "fatal" | "error" | "less";
  readonly text: string;
  readonly pid?: number | undefined;
  /** Its message can go on in the lines after it. */
  readonly open?: boolean;
}

const LEVELS: Readonly<Record<string, Line["level"]>> = {
  panic: "fatal",
  pani: "fatal",
  fatal: "fatal",
  fata: "fatal",
  error: "error",
  erro: "error",
};
const levelOf = (name: string): Line["level"] => LEVELS[name.toLowerCase()] ?? "less";

/**
 * `2026-11-23T00:00:00+01:00`, and the `23-11-2026 00:00:00` in local time that CrowdSec up to 1.5.5 writes
 * (pkg/types/utils.go). Undefined for anything else, such as the seconds since its start.
 */
const timeOf = (text: string): number | undefined => {
  const local = /^(\d\d)-(\d\d)-(\d{4}) (\d\d):(\d\d):(\d\d)$/.exec(text);
  if (local) {
    const [day = 0, month = 0, year = 0, hour = 0, minute = 0, second = 0] = local.slice(1).map(Number);
    return new Date(year, month - 1, day, hour, minute, second).getTime();
  }
  const time = /^\d{4}-\d\d-\d\d[T ]/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
};
const atOf = (text: string | undefined): Pick<Line, "at"> => {
  const at = timeOf(text ?? "");
  return at === undefined ? {} : { at };
};

/** Go's %q, as far as it changes what is read. */
const unquoted = (text: string): string =>
  text.replace(/\\(u[\da-f]{4}|x[\da-f]{2}|.)/gi, (_whole, escaped: string) => {
    if (escaped.length > 1) return String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return { n: " ", t: " ", r: " " }[escaped] ?? escaped;
  });

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim();

/** logrus' text form; a message of one plain word stands without quotes, and fields follow it. */
const TEXT = /^time=("[^"]*"|\S+) level=(\w+) msg=(?:"((?:[^"\\]|\\.)*)(?:"|\\?$)|(\S*))(.*)$/s;
/** Its form for terminals (`force_color_logs`), which the copy of a fatal line on stderr has since 1.6.1 (cmd/crowdsec/fatalhook.go). */
const COLORED = /^(FATAL?|PANIC?|ERROR?|WARN(?:ING)?|INFO|DEBUG?|TRACE?)(?:\[([^\]]*)\])? (.*)$/s;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this expression is for
const COLORS = /\u001b\[[\d;]*m/g;
/** What Go, its flag package, or crowdsec before its log is set up write. */
const PLAIN =
  /^(?:panic: |fatal(?: error)?: |(?:Error: )?(?:argument|flag) provided but not defined|.*field \S+ not found in type |.*\byaml: )/i;

/** Of a line, characters: no expression looks at more. JSON is read whole, since half of it is none. */
const MAX_LINE = 4000;

const jsonLine = (text: string): Line | undefined => {
  try {
    const { time, level, msg, ...fields } = JSON.parse(text) as Record<string, unknown>;
    if (typeof level !== "string" || typeof msg !== "string") return undefined;
    const more = Object.entries(fields).map(([name, value]) =>
      typeof value === "string" && !/^[\w./@^+-]+$/.test(value) ? `${name}="${value}"` : `${name}=${value}`,
    );
    return { ...atOf(String(time)), level: levelOf(level), text: oneLine([msg, ...more].join(" ").slice(0, MAX_LINE)) };
  } catch {
    return undefined;
  }
};

const readLine = (written: string): Line | undefined => {
  const whole = written.replace(COLORS, "").trimEnd();
  if (whole.startsWith("{")) return jsonLine(whole);
  const line = whole.slice(0, MAX_LINE);
  const [, time = "", level = "", quoted, bare = "", fields = ""] = TEXT.exec(line) ?? [];
  if (level !== "") {
    const text = oneLine(`${quoted === undefined ? bare : unquoted(quoted)} ${unquoted(fields)}`);
    return { ...atOf(time.replaceAll('"', "")), level: levelOf(level), text };
  }
  const [, name, stamp, message = ""] = COLORED.exec(line) ?? [];
  if (name !== undefined) return { ...atOf(stamp), level: levelOf(name), text: oneLine(message), open: true };
  return PLAIN.test(line) ? { level: "fatal", text: oneLine(line), open: true } : undefined;
};

/** No message goes on for longer, milliseconds, or over more text. */
const TOGETHER_MS = 2000;
const LONGEST = 2000;

interface Written {
  readonly text: string;
  readonly at?: number;
  readonly pid?: number | undefined;
}

/** Whether this is more of the message before it: messages of several lines are written as such for terminals only. */
const goesOn = (last: Line, { text, at, pid }: Written): boolean =>
  last.open === true &&
  last.pid === pid &&
  (at === undefined || at - (last.at ?? at) <= TOGETHER_MS) &&
  last.text.length < LONGEST &&
  !/^\s*$|^goroutine |^Usage of /.test(text.replace(COLORS, ""));

const readLines = (written: readonly Written[]): readonly Line[] => {
  const lines: Line[] = [];
  for (const one of written) {
    const { at, pid } = one;
    const text = one.text.slice(0, MAX_LINE);
    const last = lines.at(-1);
    const more = last && goesOn(last, { ...one, text }) ? last : undefined;
    const read = more && /^(?:\s|line \d+: )/.test(text) ? undefined : readLine(one.text);
    const time = at === undefined ? {} : { at };
    if (read) lines.push({ ...read, ...time, pid });
    else if (SYSTEMD_STARTS.test(text) && (pid === undefined || pid === 1))
      lines.push({ ...time, level: "less", text: oneLine(text), pid });
    else if (more) lines[lines.length - 1] = { ...more, text: oneLine(`${more.text} ${text.replace(COLORS, "")}`) };
    else if (last?.open) lines[lines.length - 1] = { ...last, open: false };
  }
  return lines;
};

/** systemd, before it runs anything of a unit. */
const SYSTEMD_STARTS = /^Starting (?:\S+\.service\b|Crowdsec\b)/i;
/**
 * The first line of a start, and of a trial run, at level info (`log.Infof("Crowdsec %s", version)`,
 * cmd/crowdsec/run_in_svc.go in 1.4.6 to 1.7.8); a reload starts everything anew too (cmd/crowdsec/serve.go). A trial run
 * with `-error`, as units have it since 1.5.0, writes neither.
 */
const ENGINE_STARTS = /^Crowdsec \S+$|^SIGHUP received, reloading/;
const isStart = ({ level, text }: Line): boolean =>
  level === "less" && (ENGINE_STARTS.test(text) || SYSTEMD_STARTS.test(text));

/** Two starts are not closer than that: systemd's word, the trial run and the start itself are one. Milliseconds. */
const ONE_START_MS = 5000;
/** One line in log and journal, or twice in one, has times no further apart; milliseconds. */
const SAME_MS = 5000;
/** How far off the age of a process can be, and the time of a line that is written in whole seconds; milliseconds. */
const SLACK_MS = 2000;

const wholeSecond = (at: number): number => Math.floor(at / 1000) * 1000;
const iso = (at: number): string => new Date(at).toISOString();

/** Lines of one source. */
interface Source {
  readonly from: string;
  readonly lines: readonly Line[];
}

const lastMark = ({ lines }: Source): { readonly index: number; readonly at?: number } => {
  const index = lines.findLastIndex(isStart);
  const at = lines[index]?.at;
  return { index, ...(at !== undefined && { at: wholeSecond(at) }) };
};

interface Said extends Word {
  readonly time?: number;
  readonly recent: boolean;
}

/** @param began not before this the engine's last process was started, milliseconds */
const saidIn = (source: Source, others: readonly Source[], began: number): readonly Said[] => {
  const { index: mark } = lastMark(source);
  const since = Math.max(began, ...others.map((other) => lastMark(other).at ?? 0));
  return source.lines.flatMap(({ at, level, text }, index): Said[] => {
    if (level === "less") return [];
    const recent = index > mark && (at === undefined || at >= since);
    const word = { level, text: printable(withoutSecrets(text)), from: source.from, recent };
    return [at === undefined ? word : { ...word, at: iso(at), time: at }];
  });
};

/** By time; a line without one stays behind the one before it. */
const inOrder = (words: readonly Said[]): readonly Said[] => {
  let before = 0;
  return words
    .map((word) => {
      before = word.time ?? before;
      return { word, key: before };
    })
    .sort((a, b) => a.key - b.key)
    .map(({ word }) => word);
};

const isSame = (a: Said, b: Said): boolean =>
  a.text === b.text && a.level === b.level && Math.abs((a.time ?? 0) - (b.time ?? 0)) <= SAME_MS;

const once = (words: readonly Said[]): readonly Said[] => {
  const kept: Said[] = [];
  for (const word of words) if (!kept.slice(-20).some((other) => isSame(other, word))) kept.push(word);
  return kept;
};

const startsIn = (sources: readonly Source[]): readonly string[] => {
  const times = sources
    .flatMap(({ lines }) => lines.filter(isStart).flatMap(({ at }) => (at === undefined ? [] : [wholeSecond(at)])))
    .sort((a, b) => a - b);
  const starts: number[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const at of times) {
    if (at - last > ONE_START_MS) starts.push(at);
    last = at;
  }
  return starts.map(iso);
};

interface Read {
  readonly source?: Source;
  readonly unread?: string;
}

const readLog = async ({ topology: { log, system }, probe }: Context): Promise<Read> => {
  if (log === undefined)
    return system.services === "systemd"
      ? {}
      : { unread: "crowdsec writes to its output here, which only what started it keeps" };
  const saw = await probe.tail(log.value);
  if (saw.ok)
    return {
      source: { from: log.value, lines: readLines(saw.content.split("\n").map((text) => ({ text }))) },
    };
  if (saw.code === "file-missing") return {};
  return {
    unread:
      saw.code === "file-denied"
        ? `run as root: ${log.value} may not be read by this user`
        : `${log.value} cannot be read: ${saw.message}`,
  };
};

const toWritten = ({ at, text, pid }: JournalLine): Written => {
  const time = Date.parse(at);
  return { text, pid, ...(!Number.isNaN(time) && { at: time }) };
};

const readJournal = async ({ topology: { system }, probe }: Context): Promise<Read> => {
  if (system.services !== "systemd") return {};
  const saw = await probe.journal("crowdsec.service");
  if (saw.ok) return { source: { from: "journal", lines: readLines(saw.lines.map(toWritten)) } };
  if (saw.code === "command-missing" || saw.code === "file-missing") return {};
  const denied = saw.code === "command-denied" || saw.code === "file-denied";
  return {
    unread: denied
      ? "run as root: the journal may not be read by this user"
      : `the journal cannot be read: ${saw.message}`,
  };
};

/** When the engine's last process was started, as far as that is known; milliseconds. */
const beganAt = async ({ topology: { engine }, probe, now }: Context): Promise<number> => {
  const service = await probe.service("crowdsec");
  const age = (service.ok && service.known ? service.startedSecondsAgo : undefined) ?? engine?.ageSeconds;
  return age === undefined ? 0 : now.getTime() - age * 1000 - SLACK_MS;
};

const toWord = ({ at, level, text, from }: Said): Word => ({ ...(at !== undefined && { at }), level, text, from });

/**
 * What this host's crowdsec said last. To its last start belongs what stands behind the last sign of one, in log, journal
 * and the age of its process: what an old start ended with says nothing once a later one went well.
 */
export const engineWords = async (context: Context): Promise<EngineWords> => {
  const [log, journal, began] = await Promise.all([readLog(context), readJournal(context), beganAt(context)]);
  const sources = [log, journal].flatMap(({ source }) => (source ? [source] : []));
  const said = sources.map((source) =>
    saidIn(
      source,
      sources.filter((other) => other !== source),
      began,
    ),
  );
  const all = once(inOrder(said.flat()));
  const unread = [log, journal].flatMap((read) => read.unread ?? []);
  return {
    lastStart: all.filter(({ recent }) => recent).map(toWord),
    all: all.map(toWord),
    starts: startsIn(sources),
    ...(unread.length > 0 && { unread: unread.join("; ") }),
  };
};
