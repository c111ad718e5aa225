import { posix } from "node:path";
import { parseDocument } from "yaml";
import type { JournalLine } from "../model/observation.ts";
import { hasRole, type Topology } from "../model/topology.ts";
import type { Entry } from "./entry.ts";
import {
  type Desk,
  failedPart,
  type Look,
  lacking,
  linesWith,
  NOTHING,
  type Part,
  plainLines,
  serviceName,
  together,
  withEntry,
} from "./gather.ts";
import { ledOut } from "./scope.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY_MS = 24 * 3600 * 1000;
/** Of what is kept of a log, counted back from its last line: an engine that died a month ago has its last words there. */
const MAX_AGE_MS = 7 * DAY_MS;

/** How far into a line its time stands at most, characters. */
const BEGINNING = 200;

/** `2026-11-23T07:12:01Z`, `2026/11/23 - 07:12:01`, `2026-11-23 07:12:01`, with or without an offset. */
const YEAR_FIRST = /\b(\d{4})[-/](\d\d)[-/](\d\d)(?:[T ]| {2}| - )(\d\d):(\d\d):(\d\d)(?:[.,]\d+)?(Z|[+-]\d\d:?\d\d)?/;
/** `23-11-2026 07:12:01`: of crowdsec up to 1.5.5 (pkg/types/utils.go). */
const DAY_FIRST = /\b(\d\d)-(\d\d)-(\d{4}) (\d\d):(\d\d):(\d\d)\b/;
/** `Mon, 23 Nov 2026 07:12:01 UTC`: of the Local API's access log; `23/Nov/2026:07:12:01 +0000`: of web servers. */
const WITH_NAME = /\b(\d{1,2})[ /]([A-Z][a-z]{2})[ /](\d{4})[ :](\d\d):(\d\d):(\d\d)\b/;
/** `Sun Nov 23 07:12:01.123456 2026`: of Apache. */
const YEAR_LAST = /\b([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.\d+)? (\d{4})\b/;
/** `Nov 23 07:12:01`: of syslog, without a year. */
const SYSLOG = /^([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)\b/;

const offsetOf = (zone = "Z"): number => {
  const [, sign, hours = "0", minutes = "0"] = /^([+-])(\d\d):?(\d\d)$/.exec(zone) ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
};

/**
 * When a line was written, milliseconds since 1970; undefined where it does not tell. Without a zone it counts as UTC:
 * only lines of one log are compared. @param now tells the year of a line that has none
 */
export const stampOf = (line: string, now: Date): number | undefined => {
  const text = line.slice(0, BEGINNING);
  const at = (year: number, month: number, rest: readonly (string | undefined)[]): number | undefined => {
    const [day, hour, minute, second] = rest.map(Number);
    const time = Date.UTC(year, month, day, hour, minute, second);
    return Number.isNaN(time) || month < 0 ? undefined : time;
  };
  const first = YEAR_FIRST.exec(text);
  if (first) {
    const time = at(Number(first[1]), Number(first[2]) - 1, first.slice(3, 7));
    return time === undefined ? undefined : time - offsetOf(first[7]);
  }
  const local = DAY_FIRST.exec(text);
  if (local) return at(Number(local[3]), Number(local[2]) - 1, [local[1], ...local.slice(4, 7)]);
  const worded = WITH_NAME.exec(text);
  if (worded) return at(Number(worded[3]), MONTHS.indexOf(worded[2] ?? ""), [worded[1], ...worded.slice(4, 7)]);
  const last = YEAR_LAST.exec(text);
  if (last) return at(Number(last[6]), MONTHS.indexOf(last[1] ?? ""), last.slice(2, 6));
  const syslog = SYSLOG.exec(text);
  if (!syslog) return undefined;
  const month = MONTHS.indexOf(syslog[1] ?? "");
  const year = now.getUTCFullYear();
  const time = at(year, month, syslog.slice(2, 6));
  // What would lie ahead was last year.
  return time !== undefined && time > now.getTime() + DAY_MS ? at(year - 1, month, syslog.slice(2, 6)) : time;
};

/** The last week of a log, and whether there was more before; lines without a time belong to the one before them. */
export const lastWeek = (content: string, now: Date): { readonly content: string; readonly cut: boolean } => {
  const lines = content.split("\n");
  const stamps = lines.map((line) => stampOf(line, now));
  const last = stamps.findLast((stamp) => stamp !== undefined);
  if (last === undefined) return { content, cut: false };
  const first = stamps.findIndex((stamp) => stamp !== undefined && stamp >= last - MAX_AGE_MS);
  // What stands before the first time at all is cut only with something older.
  const older = stamps.slice(0, first).some((stamp) => stamp !== undefined);
  return older ? { content: lines.slice(first).join("\n"), cut: true } : { content, cut: false };
};

interface LogWish {
  /** Of the file in the bundle, below logs/. */
  readonly name: string;
  readonly path: string;
  readonly what: string;
  /** Nothing says that it should be there. */
  readonly optional?: boolean;
  /** The lines to keep, where others than CrowdSec write there. */
  readonly keep?: (content: string) => string;
}

/** The end of a log: what a probe reads of it, and of that a week. */
const takeLog = async ({ probe, scope, now }: Desk, wish: LogWish): Promise<Part> => {
  const { name, path, what, optional = false, keep } = wish;
  const saw = await probe.tail(path);
  if (!saw.ok) return failedPart(path, saw, optional);
  if (!scope.allows(path, saw.at)) return lacking(path, ledOut(saw.at));
  const week = lastWeek(keep ? keep(saw.content) : saw.content, now);
  const content = plainLines(week.content);
  if (content.trim() === "" && saw.content.trim() !== "") return NOTHING;
  const entry: Entry = { name: `logs/${name}`, what, content, kind: "text", source: path };
  if (week.cut) return together([withEntry(entry), lacking(path, "cut off: the last week of it is kept")]);
  return saw.cut && keep === undefined
    ? together([withEntry(entry), lacking(path, "cut off: its last 256 KiB are kept")])
    : withEntry(entry);
};

const logLook = (wish: LogWish): Look => ({ source: wish.path, look: (desk) => takeLog(desk, wish) });

/** Where the engine writes when no configuration tells: CrowdSec's own packages, and those of Alpine and the BSDs. */
const DEFAULT_LOGS = ["/var/log/crowdsec.log", "/var/log/crowdsec/crowdsec.log"];
const ENGINE = "the end of the engine's own log";
const API = "the end of the Local API's access log";

/** The Local API's access log lies beside it (cmd/crowdsec/api.go); a log that was just rotated says nothing of yesterday. */
const engineLooks = (topology: Topology): readonly Look[] => {
  const { log } = topology;
  const serves = log !== undefined && hasRole(topology, "lapi");
  const paths = log ? [log.value] : DEFAULT_LOGS;
  return paths.flatMap((path, index) => {
    const mark = index === 0 ? "" : `-${index + 1}`;
    const api = posix.join(posix.dirname(path), "crowdsec_api.log");
    return [
      logLook({ name: `crowdsec${mark}.log`, path, what: ENGINE, optional: log === undefined }),
      logLook({ name: `crowdsec_api${mark}.log`, path: api, what: API, optional: !serves }),
      logLook({
        name: `crowdsec${mark}.log.1`,
        path: `${path}.1`,
        what: `${ENGINE}, before it was rotated`,
        optional: true,
      }),
    ];
  });
};

/** What the settings of a bouncer say of its log; the later of two files wins. */
const settingIn = (contents: readonly string[], key: string): string | undefined => {
  const values = contents.map((content): unknown => {
    const document = parseDocument(content, { logLevel: "silent", uniqueKeys: false });
    return document.errors.length === 0 ? document.get(key) : undefined;
  });
  return values.findLast((value): value is string => typeof value === "string" && value !== "");
};

/** Web servers write for their modules. */
const HOSTED: readonly (readonly [RegExp, readonly string[]])[] = [
  [/openresty/, ["/var/log/openresty/error.log", "/usr/local/openresty/nginx/logs/error.log"]],
  [/nginx/, ["/var/log/nginx/error.log"]],
  [/apache/, ["/var/log/apache2/error.log", "/var/log/httpd/error_log"]],
  [/haproxy/, ["/var/log/haproxy.log"]],
];
const ABOUT_CROWDSEC = /crowdsec/i;

/** Of a web server's log, only what is about CrowdSec: the rest is about its visitors. */
const hostedLooks = (name: string, paths: readonly string[]): readonly Look[] =>
  paths.map((path) =>
    logLook({
      name: `${name}.log`,
      path,
      what: `lines about CrowdSec in the log of the web server that ${name} lives in`,
      optional: true,
      keep: linesWith(ABOUT_CROWDSEC),
    }),
  );

/** Go bouncers write `NAME.log` into `log_dir`, /var/log unless told otherwise, where `log_mode` (or `log_media`) is `file`. */
const takeBouncerLog = async (desk: Desk, name: string, path: string): Promise<Part> => {
  const read = await Promise.all([path, `${path}.local`].map((each) => desk.probe.file(each)));
  const contents = read.flatMap((saw) => (saw.ok ? [saw.content] : []));
  const mode = settingIn(contents, "log_mode") ?? settingIn(contents, "log_media");
  const folder = settingIn(contents, "log_dir") ?? "/var/log";
  return takeLog(desk, {
    name: `${name}.log`,
    path: posix.resolve("/", folder, `${name}.log`),
    what: `the end of ${name}'s log`,
    optional: mode !== "file",
  });
};

const bouncersOf = ({ clients }: Topology): readonly { readonly name: string; readonly path: string }[] =>
  "hidden" in clients || "absent" in clients ? [] : clients.filter(({ kind }) => kind === "bouncer");

const bouncerLooks = (topology: Topology): readonly Look[] =>
  bouncersOf(topology).flatMap(({ name, path }) => {
    const hosted = path.endsWith(".conf") ? HOSTED.find(([pattern]) => pattern.test(name))?.[1] : undefined;
    return hosted
      ? hostedLooks(name, hosted)
      : [{ source: `the log of ${name}`, look: (desk: Desk) => takeBouncerLog(desk, name, path) }];
  });

const journalText = (lines: readonly JournalLine[]): string =>
  lines.map(({ at, pid, text }) => `${at}${pid === undefined ? "" : ` [${pid}]`} ${text}\n`).join("");

/** @param hosted others than CrowdSec write there */
const takeJournal = async (desk: Desk, unit: string, hosted: boolean): Promise<Part> => {
  const saw = await desk.probe.journal(unit);
  const source = `the journal of ${unit}`;
  if (!saw.ok) return failedPart(source, saw);
  const lines = hosted ? saw.lines.filter(({ text }) => ABOUT_CROWDSEC.test(text)) : saw.lines;
  if (lines.length === 0) return lacking(source, hosted ? "nothing in it about CrowdSec" : "nothing in it");
  return withEntry({
    name: `logs/journal-${unit}.txt`,
    what: `the end of what the journal holds of ${unit}, a week at most`,
    content: journalText(lines),
    kind: "text",
    source: `journalctl -u ${unit}`,
  });
};

/** Where CrowdSec's programs write when they write to their output. */
const journalLooks = ({ components, system }: Topology): readonly Look[] => {
  if (system.services !== "systemd") {
    const source = "the journal of crowdsec";
    return [{ source, look: async () => lacking(source, "no systemd here, which would keep one") }];
  }
  const units = new Map<string, boolean>([
    ["crowdsec.service", false],
    ["crowdsec-hubupdate.service", false],
  ]);
  for (const { name, unit } of components) if (unit !== undefined) units.set(unit, serviceName(unit) !== name);
  return [...units].map(([unit, hosted]) => ({
    source: `the journal of ${unit}`,
    look: (desk) => takeJournal(desk, unit, hosted),
  }));
};

/** What belongs together stands between empty lines, or between two marks. */
const blocksAbout =
  (end: RegExp) =>
  (content: string): string =>
    content
      .split(end)
      .filter((block) => ABOUT_CROWDSEC.test(block))
      .map((block) => block.trim())
      .join("\n\n");

/** What installers wrote about CrowdSec: dpkg, apt, dnf, yum, zypper, apk. */
const PACKAGES: readonly LogWish[] = [
  { name: "dpkg.log", path: "/var/log/dpkg.log", what: "lines about CrowdSec in dpkg's log" },
  {
    name: "apt-history.log",
    path: "/var/log/apt/history.log",
    what: "apt's actions on CrowdSec",
    keep: blocksAbout(/\n\s*\n/),
  },
  {
    name: "apt-term.log",
    path: "/var/log/apt/term.log",
    what: "what apt's scripts said when it installed CrowdSec",
    keep: blocksAbout(/\n(?=Log started: )/),
  },
  { name: "dnf.log", path: "/var/log/dnf.rpm.log", what: "lines about CrowdSec in dnf's log" },
  { name: "yum.log", path: "/var/log/yum.log", what: "lines about CrowdSec in yum's log" },
  { name: "zypp.log", path: "/var/log/zypp/history", what: "lines about CrowdSec in zypper's log" },
  { name: "apk.log", path: "/var/log/apk.log", what: "lines about CrowdSec in apk's log" },
];

const packageLooks = (): readonly Look[] =>
  PACKAGES.map((wish) => logLook({ keep: linesWith(ABOUT_CROWDSEC), ...wish, optional: true }));

/** The engine's own first, then what else tells of it. */
export const logLooks = (topology: Topology): readonly Look[] => [
  ...engineLooks(topology),
  ...journalLooks(topology),
  ...bouncerLooks(topology),
];

/** Of the least importance, when there is not room for all. */
export const installLooks = packageLooks;
