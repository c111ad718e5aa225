import type { Prober } from "../src/model/observation.ts";
import type { System } from "../src/model/system.ts";
import { UNIT_FOLDERS } from "./unit-folders.ts";

/** What the Central API counts logins over, minutes: https://docs.crowdsec.net/u/troubleshooting/capi_403 */
export const WINDOW_MINUTES = 50;

/** A word of a command without its quotes, and the line of its file on which it stands. `;` stands for whatever ends a command. */
export interface CommandWord {
  readonly text: string;
  readonly line: number;
}

export interface Schedule {
  /** The most runs within `WINDOW_MINUTES`; undefined where the files do not tell. */
  readonly runs?: number;
  /** Completes the sentence "FILE runs it …". */
  readonly told: string;
}

/** Which kind of file it stands in: that decides how it is taken out. */
export type JobKind =
  | "cron"
  | "crontab"
  | "script"
  | "unit"
  | "compose"
  | "dockerfile"
  | "container"
  | "kubernetes"
  | "monitoring";

/** Something that this host runs by itself, again and again. */
export interface Job {
  readonly kind: JobKind;
  readonly path: string;
  readonly words: readonly CommandWord[];
  readonly schedule: Schedule;
  /** Of a service that no timer starts: it is started once, and may well be a daemon. */
  readonly service?: true;
}

export interface Scheduled {
  readonly jobs: readonly Job[];
  /** How many files were read. */
  readonly files: number;
  /** Files and folders that this user may not read, sorted. */
  readonly denied: readonly string[];
}

interface Line {
  readonly line: number;
  readonly text: string;
}

/** Of a line, characters, and of a file, lines: no expression looks at more. Nobody writes that much by hand. */
const MAX_LINE = 4000;
const MAX_LINES = 10_000;

/** Without its comment: from a # at the beginning or after a blank on, outside quotes. */
const withoutComment = (text: string): string => {
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (quote !== "") quote = char === quote ? "" : quote;
    else if ((char === '"' || char === "'") && text.charAt(at - 1) !== "\\") quote = char;
    else if (char === "#" && /^\s?$/.test(text.charAt(at - 1))) return text.slice(0, at);
  }
  return text;
};

const linesOf = (content: string): readonly Line[] =>
  content
    .split(/\r?\n/, MAX_LINES)
    .map((text, index) => ({ line: index + 1, text: withoutComment(text.slice(0, MAX_LINE)).trimEnd() }));

const isEmpty = ({ text }: Line): boolean => text.trim() === "";

/** Lines as a shell reads them: a backslash at the end joins the next one. */
const logicalLines = (content: string): readonly (readonly Line[])[] => {
  const all: Line[][] = [];
  let open = false;
  for (const line of linesOf(content)) {
    const { text } = line;
    const joined = { ...line, text: text.replace(/\\$/, "") };
    if (open) all.at(-1)?.push(joined);
    else all.push([joined]);
    open = text.endsWith("\\");
  }
  return all.filter((lines) => !lines.every(isEmpty));
};

const END = ";";

/** The words of a piece of shell, of a list in JSON or YAML, or of a call in a script: close enough to find a command in it. */
const wordsOf = ({ line, text }: Line): readonly CommandWord[] =>
  text
    .replace(/\d?>&\d?-?|&>>?/g, " > ")
    .replace(/&&|\|\||[;|&()`]/g, ` ${END} `)
    .replace(/[\\"',[\]]/g, " ")
    .split(/\s+/)
    .filter((word) => word !== "" && word !== "$")
    .map((word) => ({ text: word, line }));

/** Commands on lines of their own. */
const wordsOfEach = (commands: readonly (readonly Line[])[]): readonly CommandWord[] =>
  commands.flatMap((lines) => [...lines.flatMap(wordsOf), { text: END, line: lines.at(-1)?.line ?? 0 }]);

const SECONDS: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `1m30s`, `5min`, `1 h 30 min`, `90`: spans of Go and of systemd, in seconds; undefined for what is neither. */
const secondsOf = (span: string): number | undefined => {
  const parts = [...span.trim().matchAll(/(\d+(?:\.\d+)?)\s*([a-z]*)\s*/gi)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join("") !== span.trim()) return undefined;
  const seconds = parts.map(([, amount, unit = ""]) => {
    const short = /^(us|ms)/.exec(unit)?.[0] ?? (unit.charAt(0).toLowerCase() || "s");
    return Number(amount) * (SECONDS[short] ?? Number.NaN);
  });
  const sum = seconds.reduce((total, each) => total + each, 0);
  return Number.isFinite(sum) ? sum : undefined;
};

/** Seconds between two runs, as the most runs in the window: what is rarer runs once. */
const runsEvery = (seconds: number | undefined): Pick<Schedule, "runs"> =>
  seconds === undefined || seconds <= 0 ? {} : { runs: Math.max(1, Math.floor((WINDOW_MINUTES * 60) / seconds)) };

/** The numbers that a field of cron means, from 0 to `last`; undefined for what cron would not take. */
const numbersOf = (field: string, last: number): ReadonlySet<number> | undefined => {
  const numbers = new Set<number>();
  for (const part of field.split(",")) {
    const [, from, to, step] = /^(\*|\d+)(?:-(\d+))?(?:\/(\d+))?$/.exec(part) ?? [];
    if (from === undefined) return undefined;
    const first = from === "*" ? 0 : Number(from);
    const end = Number(to ?? (from === "*" || step !== undefined ? last : first));
    const by = Number(step ?? 1);
    if (by === 0 || first > end || end > last) return undefined;
    for (let number = first; number <= end; number += by) numbers.add(number);
  }
  return numbers;
};

const DAY_MINUTES = 24 * 60;

/** The most runs within any window of a day that has them at these hours and minutes. */
const busiest = (minute: string, hour: string): number | undefined => {
  const [minutes, hours] = [numbersOf(minute, 59), numbersOf(hour, 23)];
  if (minutes === undefined || hours === undefined) return undefined;
  const runsAt = (at: number): number => (hours.has(Math.floor(at / 60) % 24) && minutes.has(at % 60) ? 1 : 0);
  let sum = 0;
  let most = 0;
  for (let at = 0; at < DAY_MINUTES + WINDOW_MINUTES; at++) {
    sum += runsAt(at) - (at < WINDOW_MINUTES ? 0 : runsAt(at - WINDOW_MINUTES));
    most = Math.max(most, sum);
  }
  return most;
};

const optional = (runs: number | undefined): Pick<Schedule, "runs"> => (runs === undefined ? {} : { runs });

/** One line of a crontab; `user`: a name stands before the command, as in the system's own. */
const CRON_LINE = /^\s*(@\w+|[\d*]\S*\s+(?:\S+\s+){3}\S+)\s+(\S.*)$/s;

const cronOf =
  (kind: "cron" | "crontab", user: boolean) =>
  (path: string, content: string): readonly Job[] => {
    const counted = new Map<string, number | undefined>();
    const runsAt = (minute = "", hour = ""): number | undefined => {
      const key = `${minute} ${hour}`;
      if (!counted.has(key)) counted.set(key, busiest(minute, hour));
      return counted.get(key);
    };
    return linesOf(content).flatMap(({ line, text }) => {
      const [, when, rest = ""] = CRON_LINE.exec(text) ?? [];
      if (when === undefined) return [];
      const command = user ? rest.replace(/^\S+\s+/, "") : rest;
      const [minute, hour] = when.split(/\s+/);
      // All of cron's own words but FreeBSD's @every_minute mean once an hour at most.
      const named = when === "@every_minute" ? WINDOW_MINUTES : 1;
      const runs = optional(when.startsWith("@") ? named : runsAt(minute, hour));
      const told = `by cron (${when.replace(/\s+/g, " ")})`;
      return [{ kind, path, words: wordsOf({ line, text: command }), schedule: { ...runs, told } }];
    });
  };

/** `period delay name command`: once a day at most. */
const anacrontab = (path: string, content: string): readonly Job[] =>
  linesOf(content).flatMap(({ line, text }) => {
    const [, period, command] = /^\s*(\d+|@\w+)\s+\d+\s+\S+\s+(\S.*)$/s.exec(text) ?? [];
    if (period === undefined || command === undefined) return [];
    const told = `by anacron (${period.startsWith("@") ? period : `every ${period} days`})`;
    return [{ kind: "cron", path, words: wordsOf({ line, text: command }), schedule: { runs: 1, told } }];
  });

/** @param seconds from one run to the next, where that is less than an hour */
const runParts =
  (every: string, seconds = 3600) =>
  (path: string, content: string): readonly Job[] => [
    {
      kind: "cron",
      path,
      words: wordsOfEach(logicalLines(content)),
      schedule: { runs: Math.ceil((WINDOW_MINUTES * 60) / seconds), told: `by cron, ${every}` },
    },
  ];

/** One `key:` of a YAML file with what stands below it. */
interface Block {
  readonly key: string;
  readonly indent: number;
  /** What stands behind the colon. */
  readonly inline: Line;
  readonly below: readonly Line[];
  /** The nearest key above it that it belongs to. */
  readonly owner: string;
}

const indentOf = (text: string): number => text.length - text.trimStart().length;
const isItem = (text: string): boolean => /^\s*-(\s|$)/.test(text);

/** Of one kind in one file: each is looked for up and down the file. */
const MAX_BLOCKS = 100;

const KEY = /^(\s*(?:-\s+)*)["']?([\w.-]+)["']?\s*:(?:\s(.*)|)$/s;

/**
 * The blocks of a YAML file whose key matches. Reads lines, not YAML: a check may not parse, and needs no more than what
 * people write into a health check.
 */
const blocksOf = (lines: readonly Line[], key: RegExp, most = MAX_BLOCKS): readonly Block[] => {
  const found = lines.flatMap(({ line, text }, index) => {
    const [, before, name, rest = ""] = KEY.exec(text) ?? [];
    return before === undefined || name === undefined || !key.test(name) ? [] : [{ line, index, before, name, rest }];
  });
  return found.slice(0, most).map(({ line, index, before, name, rest }) => {
    const indent = before.length;
    const following = lines.slice(index + 1);
    // Items of a list may stand as far left as their key.
    const end = following.findIndex(
      (next) =>
        !isEmpty(next) && indentOf(next.text) <= indent && !(isItem(next.text) && indentOf(next.text) === indent),
    );
    const above = lines.slice(0, index).findLast((one) => KEY.test(one.text) && indentOf(one.text) < indent);
    // Anchors and tags say nothing of the value.
    const inline = { line, text: rest.trimStart().replace(/^(?:[&!]\S*\s*)+/, "") };
    const below = (end === -1 ? following : following.slice(0, end)).filter((one) => !isEmpty(one));
    return { key: name, indent, inline, below, owner: KEY.exec(above?.text ?? "")?.[2] ?? "" };
  });
};

/** The first block with this key below another; of `{key: value}` on one line, from there on. */
const childOf = ({ inline, below }: Block, key: string): Block | undefined => {
  const [block] = blocksOf(below, new RegExp(`^${key}$`), 1);
  if (block !== undefined || !inline.text.startsWith("{")) return block;
  const value = new RegExp(`[{,]\\s*["']?${key}["']?\\s*:\\s*(\\[[^\\]]*\\]|"[^"]*"|'[^']*'|[^,}]*)`).exec(
    inline.text,
  )?.[1];
  return value === undefined ? undefined : { key, indent: 0, inline: { ...inline, text: value }, below: [], owner: "" };
};

const scalarOf = (block: Block | undefined): string | undefined =>
  block?.inline.text
    .trim()
    .replace(/^["']|["']$/g, "")
    // Compose: of a variable with a default, that.
    .replace(/^\$\{\w+:?-([^}]*)\}$/, "$1");

/** The command that a key holds: on its line, as a list, or as a text below it. */
const commandOf = ({ inline, below }: Block): readonly CommandWord[] => {
  const isBlock = (text: string): boolean => /(^|\s)\|[+-]?\d*$/.test(text);
  const bare = (line: Line): Line => ({
    ...line,
    text: line.text.replace(/^(\s*-\s+)+/, "").replace(/^\s*[|>][+-]?\d*$/, ""),
  });
  // In a text that keeps its line ends, each line is a command.
  let each = isBlock(inline.text);
  return [inline, ...below].flatMap((line) => {
    const words = wordsOf(bare(line));
    const ends = each && !isItem(line.text);
    each ||= isBlock(line.text);
    return ends && words.length > 0 ? [...words, { text: END, line: line.line }] : words;
  });
};

/** Docker's own default: https://docs.docker.com/reference/dockerfile/#healthcheck */
const HEALTHCHECK_SECONDS = 30;
/** https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/ */
const PROBE_SECONDS = 10;

const healthchecks = (path: string, lines: readonly Line[]): readonly Job[] =>
  blocksOf(lines, /healthcheck$/i).flatMap((block): readonly Job[] => {
    const test = childOf(block, "test");
    if (test === undefined || scalarOf(childOf(block, "disable")) === "true") return [];
    const interval = scalarOf(childOf(block, "interval"));
    const words = commandOf(test);
    // What an alias brings along is not read.
    const merged = blocksOf(block.below, /^<<$/).length > 0 || block.below.some(({ text }) => /^\s*<<\s*:/.test(text));
    const byDefault = merged ? undefined : HEALTHCHECK_SECONDS;
    const every = runsEvery(interval === undefined ? byDefault : secondsOf(interval));
    const how = interval ?? (merged ? "not told here" : `${HEALTHCHECK_SECONDS}s, the default`);
    return [
      {
        kind: "compose",
        path,
        words,
        schedule: { ...every, told: `as the health check of ${block.owner} (interval ${how})` },
      },
    ];
  });

const probes = (path: string, lines: readonly Line[]): readonly Job[] =>
  blocksOf(lines, /^(liveness|readiness|startup)Probe$/).flatMap((block): readonly Job[] => {
    const command = childOf(block, "command");
    if (command === undefined) return [];
    const period = scalarOf(childOf(block, "periodSeconds"));
    const every = runsEvery(period === undefined ? PROBE_SECONDS : secondsOf(period));
    const how = period ?? `${PROBE_SECONDS}, the default`;
    return [
      {
        kind: "kubernetes",
        path,
        words: commandOf(command),
        schedule: { ...every, told: `as a ${block.key} (periodSeconds ${how})` },
      },
    ];
  });

const yaml = (path: string, content: string): readonly Job[] => {
  const lines = linesOf(content);
  return [...healthchecks(path, lines), ...probes(path, lines)];
};

const dockerfile = (path: string, content: string): readonly Job[] =>
  logicalLines(content).flatMap((lines): readonly Job[] => {
    const words = lines.flatMap(wordsOf);
    if (words[0]?.text.toUpperCase() !== "HEALTHCHECK") return [];
    const interval = /--interval=(\S+)/.exec(lines.map(({ text }) => text).join(" "))?.[1];
    const every = runsEvery(interval === undefined ? HEALTHCHECK_SECONDS : secondsOf(interval));
    const told = `as the image's health check (interval ${interval ?? `${HEALTHCHECK_SECONDS}s, the default`})`;
    return [{ kind: "dockerfile", path, words: words.slice(1), schedule: { ...every, told } }];
  });

/** Of Docker's own record of a container, what of it counts here (api/types/container in https://github.com/moby/moby). */
interface DockerRecord {
  readonly Name?: unknown;
  readonly State?: { readonly Running?: unknown };
  readonly Config?: { readonly Healthcheck?: { readonly Test?: unknown; readonly Interval?: unknown } };
}

const recordIn = (content: string): DockerRecord => {
  try {
    const parsed: unknown = JSON.parse(content);
    return parsed !== null && typeof parsed === "object" ? parsed : {};
  } catch {
    return {};
  }
};

const NANOSECONDS = 1e9;

/** The health check of a container that runs: its file says so, whether it came from an image, from compose or by hand. */
const container = (path: string, content: string): readonly Job[] => {
  const { Name, State, Config } = recordIn(content);
  const { Test, Interval } = Config?.Healthcheck ?? {};
  if (State?.Running !== true || !Array.isArray(Test)) return [];
  const words = wordsOf({ line: 1, text: Test.slice(1).map(String).join(" ").slice(0, MAX_LINE) });
  const seconds = typeof Interval === "number" && Interval > 0 ? Interval / NANOSECONDS : HEALTHCHECK_SECONDS;
  const name = typeof Name === "string" ? Name.replace(/^\//, "") : "unknown";
  const told = `as the health check of container ${name} (interval ${seconds}s)`;
  return [{ kind: "container", path, words, schedule: { ...runsEvery(seconds), told } }];
};

/** Files in which every line may name a command, and how often it runs is another's to say. */
const monitored =
  (by: string) =>
  (path: string, content: string): readonly Job[] =>
    logicalLines(content)
      .filter(([first]) => first?.text.trim().startsWith("//") === false)
      .map((lines) => ({ kind: "monitoring", path, words: lines.flatMap(wordsOf), schedule: { told: `for ${by}` } }));

/** `[[inputs.exec]]`: by default as often as the agent collects, which is every 10 s. */
const TELEGRAF_SECONDS = 10;

const telegraf = (path: string, content: string): readonly Job[] => {
  const tables: { readonly name: string; readonly lines: Line[] }[] = [];
  for (const line of linesOf(content)) {
    const [, name] = /^\s*\[+\s*([\w.-]+)\s*\]+\s*$/.exec(line.text) ?? [];
    if (name === undefined) tables.at(-1)?.lines.push(line);
    else tables.push({ name, lines: [] });
  }
  const intervalOf = (lines: readonly Line[] = []): string | undefined =>
    lines.map(({ text }) => /^\s*interval\s*=\s*["'](.*)["']\s*$/.exec(text)?.[1]).find((found) => found !== undefined);
  const general = intervalOf(tables.find(({ name }) => name === "agent")?.lines);
  return tables
    .filter(({ name }) => name === "inputs.exec")
    .map(({ lines }) => {
      const interval = intervalOf(lines) ?? general;
      const every = runsEvery(interval === undefined ? TELEGRAF_SECONDS : secondsOf(interval));
      const told = `for Telegraf (interval ${interval ?? `${TELEGRAF_SECONDS}s, the default`})`;
      return { kind: "monitoring", path, words: lines.flatMap(wordsOf), schedule: { ...every, told } };
    });
};

type Read = (path: string, content: string) => readonly Job[];

/** What an editor, a package manager or our own undo leaves beside a file. */
const LEFTOVER = /^\.|~$|\.(bak|orig|old|swp|preflight|save|disabled|rpm\w+|dpkg-\w+)$/;

/**
 * Which names in a folder of cron's are run, where that is known; it differs, and what is left beside a file may well be
 * one of them. Debian: cron(8), run-parts(8). RHEL and SUSE: not_a_crontab in cronie's src/database.c, and run-parts of
 * crontabs. Alpine: busybox's run-parts, as Debian's.
 */
const DEBIANS_NAMES = /^[\w-]+$/;
const CRONIES_NAMES = /^(?![.#])(?!.*(~|\.rpm(save|orig|new))$)/;
const CRONTABS_SCRIPTS = /^(?!\.)(?!.*([~,]|\.(rpm(save|orig|new)|swp|cfsaved)|,v)$)/;

type Packages = System["packages"];
type Names = Partial<Record<Packages, RegExp>>;

/** A file for each job; a script for each job. */
const CRON_FILES: Names = { deb: DEBIANS_NAMES, rpm: CRONIES_NAMES };
const CRON_SCRIPTS: Names = { deb: DEBIANS_NAMES, apk: DEBIANS_NAMES, rpm: CRONTABS_SCRIPTS };

interface Place {
  /** A file; with `names`, a folder whose files of such names are read. */
  readonly at: string;
  readonly names?: RegExp;
  readonly read: Read;
  /** Of these systems only, or of all others. */
  readonly only?: Packages;
  readonly not?: Packages;
  /** Which names count, leftovers too, where that is known. */
  readonly taken?: Names;
}

const ANY = /./;
const CONF = /\.(cfg|conf)$/;
const MANIFEST = /\.ya?ml$/;
/** busybox' crond reads /etc/crontabs alone. */
const NOT_ALPINE = { not: "apk" } as const;
const SCRIPTS = { names: ANY, taken: CRON_SCRIPTS } as const;

/** Where this host is told what to run again and again. Timers and containers, which take more than one file, stand below. */
const PLACES: readonly Place[] = [
  { ...NOT_ALPINE, at: "/etc/crontab", read: cronOf("cron", true) },
  { ...NOT_ALPINE, at: "/etc/anacrontab", read: anacrontab },
  { ...NOT_ALPINE, at: "/etc/cron.d", names: ANY, taken: CRON_FILES, read: cronOf("cron", true) },
  { ...NOT_ALPINE, ...SCRIPTS, at: "/etc/cron.hourly", read: runParts("hourly") },
  { ...NOT_ALPINE, ...SCRIPTS, at: "/etc/cron.daily", read: runParts("daily") },
  { ...NOT_ALPINE, ...SCRIPTS, at: "/etc/cron.weekly", read: runParts("weekly") },
  { ...NOT_ALPINE, ...SCRIPTS, at: "/etc/cron.monthly", read: runParts("monthly") },
  // Its crontab of root runs these.
  { only: "apk", ...SCRIPTS, at: "/etc/periodic/15min", read: runParts("every 15 minutes", 15 * 60) },
  { only: "apk", ...SCRIPTS, at: "/etc/periodic/hourly", read: runParts("hourly") },
  { only: "apk", ...SCRIPTS, at: "/etc/periodic/daily", read: runParts("daily") },
  { only: "apk", ...SCRIPTS, at: "/etc/periodic/weekly", read: runParts("weekly") },
  { only: "apk", ...SCRIPTS, at: "/etc/periodic/monthly", read: runParts("monthly") },
  // Debian; RHEL and SUSE; Alpine, where Debian's is a link to it; FreeBSD.
  { ...NOT_ALPINE, at: "/var/spool/cron/crontabs", names: ANY, read: cronOf("crontab", false) },
  { ...NOT_ALPINE, at: "/var/spool/cron", names: /^(?!crontabs$|lastrun$|tabs$)/, read: cronOf("crontab", false) },
  { at: "/var/spool/cron/tabs", names: ANY, read: cronOf("crontab", false) },
  { at: "/etc/crontabs", names: ANY, read: cronOf("crontab", false) },
  { at: "/var/cron/tabs", names: ANY, read: cronOf("crontab", false) },
  { at: "/etc/nagios/nrpe.cfg", read: monitored("NRPE") },
  { at: "/etc/nagios/nrpe.d", names: CONF, read: monitored("NRPE") },
  { at: "/etc/nrpe.d", names: CONF, read: monitored("NRPE") },
  { at: "/usr/local/nagios/etc/nrpe.cfg", read: monitored("NRPE") },
  { at: "/etc/icinga2/conf.d", names: CONF, read: monitored("Icinga") },
  { at: "/etc/zabbix/zabbix_agentd.conf", read: monitored("Zabbix") },
  { at: "/etc/zabbix/zabbix_agentd.d", names: CONF, read: monitored("Zabbix") },
  { at: "/etc/zabbix/zabbix_agent2.conf", read: monitored("Zabbix") },
  { at: "/etc/zabbix/zabbix_agent2.d", names: CONF, read: monitored("Zabbix") },
  { at: "/etc/monitrc", read: monitored("Monit") },
  { at: "/etc/monit/monitrc", read: monitored("Monit") },
  { at: "/etc/monit/conf.d", names: ANY, read: monitored("Monit") },
  { at: "/etc/monit/conf-enabled", names: ANY, read: monitored("Monit") },
  { at: "/etc/monit.d", names: ANY, read: monitored("Monit") },
  { at: "/etc/telegraf/telegraf.conf", read: telegraf },
  { at: "/etc/telegraf/telegraf.d", names: CONF, read: telegraf },
  { at: "/etc/kubernetes/manifests", names: MANIFEST, read: yaml },
  { at: "/var/lib/rancher/k3s/server/manifests", names: MANIFEST, read: yaml },
];

/** Folders in which people keep compose files, and how many levels below them. */
const CONTAINER_FOLDERS: readonly (readonly [folder: string, levels: number])[] = [
  ["/", 0],
  ["/root", 1],
  ["/opt", 2],
  ["/srv", 2],
  ["/home", 2],
  ["/docker", 1],
  ["/stacks", 1],
  ["/etc/docker", 1],
  ["/etc/compose", 1],
  ["/volume1/docker", 1],
  ["/data/compose", 1],
  ["/var/lib/docker/volumes/portainer_data/_data/compose", 1],
];
const CONTAINER_FILES: readonly { readonly names: RegExp; readonly read: Read }[] = [
  { names: /^(.*[-_.])?compose([-_.].*)?\.ya?ml$/, read: yaml },
  { names: /^(.*[-_.])?crowdsec.*\.ya?ml$/, read: yaml },
  { names: /^(Dockerfile|Containerfile)(\..+)?$|\.Dockerfile$/i, read: dockerfile },
];
/** A name that is a file's, and needs no second look. */
const FILE_NAME =
  /^\.|^lost\+found$|\.(ya?ml|json|toml|md|txt|log|conf|cfg|env|sh|py|js|gz|tgz|xz|zip|tar|sql|db|iso|img|deb|rpm|pem|key|crt)$/i;

/** Bounds: of a folder's names, of folders of containers, of files, and of scripts that jobs name. */
const MAX_NAMES = 200;
const MAX_FOLDERS = 400;
const MAX_FILES = 1000;
const MAX_SCRIPTS = 64;
const MAX_SCRIPT_BYTES = 64 * 1024;

interface Reader {
  /** Its text; undefined where there is none to be had. */
  file(path: string): Promise<string | undefined>;
  /** Names in a folder, by default without leftovers; none where there is no such folder. */
  names(folder: string, taken?: RegExp): Promise<readonly string[]>;
  readonly read: ReadonlySet<string>;
  readonly denied: ReadonlySet<string>;
}

const makeReader = (probe: Prober): Reader => {
  const read = new Set<string>();
  const denied = new Set<string>();
  let begun = 0;
  return {
    read,
    denied,
    file: async (path) => {
      if (++begun > MAX_FILES) return undefined;
      const saw = await probe.file(path);
      if (saw.ok) read.add(path);
      else if (saw.code === "file-denied") denied.add(path);
      return saw.ok ? saw.content : undefined;
    },
    names: async (folder, taken) => {
      const saw = await probe.folder(folder);
      if (!saw.ok && saw.code === "file-denied") denied.add(folder);
      const counts = (name: string): boolean => (taken ? taken.test(name) : !LEFTOVER.test(name));
      return saw.ok ? saw.names.filter(counts).slice(0, MAX_NAMES) : [];
    },
  };
};

const join = (folder: string, name: string): string => `${folder === "/" ? "" : folder}/${name}`;

const readPlace = async (
  reader: Reader,
  { at, names, read, taken }: Place,
  packages: Packages,
): Promise<readonly Job[]> => {
  const paths = names
    ? (await reader.names(at, taken?.[packages])).filter((name) => names.test(name)).map((name) => join(at, name))
    : [at];
  const contents = await Promise.all(paths.map((path) => reader.file(path)));
  return contents.flatMap((content, index) => (content === undefined ? [] : read(paths[index] ?? at, content)));
};

const DOCKER_STATE = "/var/lib/docker/containers";

/** What Docker keeps of each container. */
const readDocker = async (reader: Reader): Promise<readonly Job[]> => {
  const paths = (await reader.names(DOCKER_STATE)).map((name) => join(join(DOCKER_STATE, name), "config.v2.json"));
  const contents = await Promise.all(paths.map((path) => reader.file(path)));
  return contents.flatMap((content, index) => (content === undefined ? [] : container(paths[index] ?? "", content)));
};

/** Folders level by level, so that the bound leaves out the deepest. */
const readContainers = async (reader: Reader): Promise<readonly Job[]> => {
  const jobs: Job[] = [];
  let left = MAX_FOLDERS;
  let level = CONTAINER_FOLDERS;
  while (level.length > 0 && left > 0) {
    const now = level.slice(0, left);
    left -= now.length;
    const listed = await Promise.all(
      now.map(async ([folder, levels]) => ({ folder, levels, names: await reader.names(folder) })),
    );
    const files = listed.flatMap(({ folder, names }) =>
      CONTAINER_FILES.flatMap(({ names: wanted, read }) =>
        names.filter((name) => wanted.test(name)).map((name) => ({ path: join(folder, name), read })),
      ),
    );
    const seen = new Set<string>();
    const once = files.filter(({ path }) => !seen.has(path) && seen.add(path));
    const found = await Promise.all(
      once.map(async ({ path, read }) => {
        const content = await reader.file(path);
        return content === undefined ? [] : read(path, content);
      }),
    );
    jobs.push(...found.flat());
    level = listed.flatMap(({ folder, levels, names }) =>
      levels === 0
        ? []
        : names.filter((name) => !FILE_NAME.test(name)).map((name) => [join(folder, name), levels - 1] as const),
    );
  }
  return jobs;
};

const PACKAGED = /^(\/usr)?\/lib\//;

interface Setting {
  readonly name: string;
  readonly value: string;
  readonly lines: readonly Line[];
}

const settingsOf = (content: string): readonly Setting[] =>
  logicalLines(
    content
      .split("\n")
      .map((line) => (line.trimStart().startsWith(";") ? "" : line))
      .join("\n"),
  ).flatMap((lines) => {
    const [first, ...rest] = lines;
    const [, name, value] = /^\s*(\w+)\s*=\s*(.*)$/s.exec(first?.text ?? "") ?? [];
    if (first === undefined || name === undefined || value === undefined) return [];
    return [{ name, value, lines: [{ ...first, text: value }, ...rest] }];
  });

const SHORTHANDS: Readonly<Record<string, number>> = { minutely: WINDOW_MINUTES, hourly: 1 };

/** The simple forms of systemd.time(7): `hourly`, `*:0/5`, `Mon..Fri *-*-* 08..18:00:00`. */
const calendarRuns = (value: string): number | undefined => {
  const text = value.trim().toLowerCase();
  const time = text.split(/\s+/).find((word) => word.includes(":"));
  // Without a time of day: once a day at most.
  if (time === undefined) return SHORTHANDS[text] ?? 1;
  const [hour = "", minute = "", second = "0"] = time.replaceAll("..", "-").split(":");
  const [runs, seconds] = [busiest(minute, hour), numbersOf(second.replace(/\.\d+/g, ""), 59)?.size];
  return runs === undefined || seconds === undefined ? undefined : runs * seconds;
};

/** How often a timer of systemd starts its service. */
const timerSchedule = (name: string, settings: readonly Setting[]): Schedule => {
  const times = settings.filter((one) => /^On[A-Z]\w*$/.test(one.name) && one.value !== "");
  const runs = times.map((one) => {
    if (one.name === "OnCalendar") return calendarRuns(one.value);
    // The others run once after a start.
    return /^OnUnit(Ina|A)ctiveSec$/.test(one.name) ? runsEvery(secondsOf(one.value)).runs : 0;
  });
  const shown = times.map((one) => `${one.name}=${one.value}`).join(", ");
  const known = runs.every((each) => each !== undefined);
  const sum = runs.reduce<number>((total, each) => total + (each ?? 0), 0);
  return { ...(known && { runs: Math.max(1, sum) }), told: `by ${name} (${shown})` };
};

/** `while …; do …; sleep 60; done`: of a service that no timer starts, the only hint at how often. */
const loopOf = (words: readonly CommandWord[]): number | undefined => {
  const at = words.findIndex(({ text }) => text === "sleep" || text.endsWith("/sleep"));
  return at === -1 || !words.some(({ text }) => text === "while" || text === "until")
    ? undefined
    : secondsOf(words[at + 1]?.text ?? "");
};

const serviceJobs = (path: string, unit: string, content: string, timer: Schedule | undefined): readonly Job[] =>
  settingsOf(content)
    // A reload is a person's, or a package's.
    .filter(({ name }) => /^Exec(Start(Pre|Post)?|Condition)$/.test(name))
    .map(({ lines }) => {
      // Prefixes of systemd.service(5), before the program.
      const words = lines
        .map((line, index) => (index === 0 ? { ...line, text: line.text.replace(/^[-@:+!|]+/, "") } : line))
        .flatMap(wordsOf);
      const seconds = loopOf(words);
      const told = seconds === undefined ? `at each start of ${unit}` : `in ${unit}, every ${seconds} s`;
      const own = { ...runsEvery(seconds), told };
      return { kind: "unit", path, words, schedule: timer ?? own, ...(timer === undefined && { service: true }) };
    });

/** Timers that are enabled, the services that they start, and the administrator's own services that are enabled. */
const readUnits = async (reader: Reader): Promise<readonly Job[]> => {
  const listed = await Promise.all(UNIT_FOLDERS.map(async (folder) => ({ folder, names: await reader.names(folder) })));
  const paths = new Map<string, string>();
  for (const { folder, names } of [...listed].reverse()) for (const name of names) paths.set(name, join(folder, name));
  const wants = listed.flatMap(({ folder, names }) =>
    names.filter((name) => /\.(wants|requires)$/.test(name)).map((name) => join(folder, name)),
  );
  const enabled = new Set((await Promise.all(wants.map((folder) => reader.names(folder)))).flat());

  const timers = await Promise.all(
    [...enabled]
      .filter((name) => name.endsWith(".timer"))
      .map(async (name) => {
        const path = paths.get(name);
        const content = path === undefined ? undefined : await reader.file(path);
        if (content === undefined) return undefined;
        const settings = settingsOf(content);
        const unit = settings.find((one) => one.name === "Unit")?.value ?? name.replace(/\.timer$/, ".service");
        return { unit, schedule: timerSchedule(name, settings) };
      }),
  );
  const byTimer = new Map(timers.flatMap((timer) => (timer ? [[timer.unit, timer.schedule] as const] : [])));
  const own = [...enabled].filter((name) => name.endsWith(".service") && !PACKAGED.test(paths.get(name) ?? "/lib/"));
  const units = [...new Set([...byTimer.keys(), ...own, "crowdsec.service"])];

  const jobs = await Promise.all(
    units.map(async (unit) => {
      const main = paths.get(unit);
      const folders = listed.flatMap(({ folder, names }) =>
        names.includes(`${unit}.d`) ? [join(folder, `${unit}.d`)] : [],
      );
      const dropIns = new Map<string, string>();
      for (const folder of folders.reverse()) {
        for (const name of await reader.names(folder)) {
          if (name.endsWith(".conf")) dropIns.set(name, join(folder, name));
        }
      }
      const files = [...(main === undefined ? [] : [main]), ...dropIns.values()];
      const contents = await Promise.all(files.map((path) => reader.file(path)));
      return contents.flatMap((content, index) =>
        content === undefined ? [] : serviceJobs(files[index] ?? "", unit, content, byTimer.get(unit)),
      );
    }),
  );
  return jobs.flat();
};

/** A path that may be a script: no program of the system's, unless its name says so, and nothing that is no file. */
const isScript = (word: string): boolean =>
  /^\/[\w./+-]+$/.test(word) &&
  !/^\/(dev|proc|sys|tmp|var\/(log|run|tmp|lock))\//.test(word) &&
  !LEFTOVER.test(word) &&
  (!/^\/(usr\/)?s?bin\//.test(word) || /\.(sh|bash|py|pl|rb)$/.test(word));

/** Files in which a path is this host's own; in the others it is a container's. */
const ON_THIS_HOST: ReadonlySet<JobKind> = new Set<JobKind>(["cron", "crontab", "unit", "monitoring"]);

/**
 * Scripts that a job names, one level deep. Only those that nobody but root may change: what somebody else may write is
 * not what runs tomorrow.
 */
const readScripts = async (probe: Prober, reader: Reader, jobs: readonly Job[]): Promise<readonly Job[]> => {
  const named = jobs.flatMap((job) =>
    ON_THIS_HOST.has(job.kind)
      ? [...new Set(job.words.map(({ text }) => text.replace(/^\w+=/, "")).filter(isScript))].map((path) => ({
          path,
          job,
        }))
      : [],
  );
  const paths = [...new Set(named.map(({ path }) => path))]
    .filter((path) => !reader.read.has(path))
    .slice(0, MAX_SCRIPTS);
  const contents = await Promise.all(
    paths.map(async (path) => {
      const saw = await probe.path(path);
      const small = saw.ok && saw.kind === "file" && saw.guarded && saw.bytes <= MAX_SCRIPT_BYTES;
      return small ? ([path, await reader.file(path)] as const) : ([path, undefined] as const);
    }),
  );
  const texts = new Map(contents);
  return named.flatMap(({ path, job }): readonly Job[] => {
    const content = texts.get(path);
    if (content === undefined) return [];
    const words = wordsOfEach(logicalLines(content));
    const schedule = job.service ? { ...job.schedule, ...runsEvery(loopOf(words)) } : job.schedule;
    const line = job.words.find(({ text }) => text.endsWith(path))?.line ?? 0;
    return [
      {
        ...job,
        kind: "script",
        path,
        words,
        schedule: { ...schedule, told: `${schedule.told}, from ${job.path}:${line}` },
      },
    ];
  });
};

/** All that cron, timers, container health checks and monitoring run on this host, as far as this user may read it. */
export const findScheduled = async (probe: Prober, packages: Packages): Promise<Scheduled> => {
  const reader = makeReader(probe);
  const places = PLACES.filter(({ only = packages, not }) => only === packages && not !== packages);
  const found = await Promise.all([
    ...places.map((place) => readPlace(reader, place, packages)),
    readUnits(reader),
    readDocker(reader),
    readContainers(reader),
  ]);
  const jobs = found.flat();
  const scripts = await readScripts(probe, reader, jobs);
  return { jobs: [...jobs, ...scripts], files: reader.read.size, denied: [...reader.denied].sort() };
};
