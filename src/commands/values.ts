import { MOST_RUNS, type Rule } from "../cron/state.ts";
import { type ProxyServer, readProxies } from "../model/proxy.ts";
import { readUrl } from "../model/url.ts";
import { FORMATS } from "../reporters/index.ts";
import type { ReportFile } from "./report-files.ts";
import { UsageError } from "./usage-error.ts";

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** setTimeout's own limit is a little above. */
const DAY_MS = UNITS.d;

/** `500ms`, `3s`, `10m`, `12h`, `7d` → milliseconds. */
export const parseDuration = (flag: string, text: string, mostDays = 1): number => {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  const ms = match ? Number(match[1]) * UNITS[match[2] as keyof typeof UNITS] : 0;
  if (ms <= 0 || ms > mostDays * DAY_MS)
    throw new UsageError(
      `${flag} wants a duration above zero and up to ${mostDays === 1 ? "a day" : `${mostDays} days`}, such as ${mostDays === 1 ? "500ms, 3s or 10m" : "30m, 12h or 7d"}; not "${text}".`,
    );
  return ms;
};

/** A duration, or `none` (or `0`) for zero. */
export const parseOptionalDuration = (flag: string, text: string): number =>
  text === "0" || text.toLowerCase() === "none" ? 0 : parseDuration(flag, text);

/** `2/3`: two of the last three. */
export const parseRule = (flag: string, text: string): Rule => {
  const match = /^(\d{1,2})\/(\d{1,2})$/.exec(text);
  const [needed, of] = [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)];
  if (needed < 1 || of < needed || of > MOST_RUNS)
    throw new UsageError(
      `${flag} wants two numbers such as 2/3, two of the last three runs, of at most ${MOST_RUNS}; not "${text}".`,
    );
  return { needed, of };
};

/** `junit=/var/tmp/report.xml`. */
export const parseReportFile = (flag: string, text: string): ReportFile => {
  const [, format = "", path = ""] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (path === "") throw new UsageError(`${flag} wants a format and a file, such as json=report.json; not "${text}".`);
  if (path === "-")
    throw new UsageError(`${flag} writes files; for the standard output there is --output ${format || "FORMAT"}.`);
  return { format: parseWord(flag, format, FORMATS), path };
};

const BYTES = { KB: 1000, MB: 1_000_000, KiB: 1024, MiB: 1024 * 1024 } as const;

/** `500KB`, `25MB`, `25MiB` → bytes. */
export const parseSize = (flag: string, text: string, most: number): number => {
  const match = /^(\d{1,9})(KB|MB|KiB|MiB)$/.exec(text);
  const bytes = match ? Number(match[1]) * BYTES[match[2] as keyof typeof BYTES] : 0;
  if (bytes <= 0 || bytes > most)
    throw new UsageError(
      `${flag} wants a size above zero and up to ${Math.floor(most / BYTES.MB)}MB, such as 500KB or 25MB; not "${text}".`,
    );
  return bytes;
};

const MAX_PORT = 65_535;

/** Ports of TCP, each once; a comma list, and repeated flags add up. */
export const parsePorts = (flag: string, texts: readonly string[]): readonly number[] => {
  const words = texts.flatMap(splitList);
  const wrong = words.find((word) => !/^\d{1,5}$/.test(word) || Number(word) < 1 || Number(word) > MAX_PORT);
  if (wrong !== undefined || words.length === 0)
    throw new UsageError(`${flag} wants ports from 1 to ${MAX_PORT}, such as 8080; not "${wrong ?? ""}".`);
  return [...new Set(words.map(Number))];
};

export const parseCount = (flag: string, text: string): number => {
  const value = Number(text);
  if (!/^\d{1,5}$/.test(text) || value < 1)
    throw new UsageError(`${flag} wants a whole number from 1 to 99999; not "${text}".`);
  return value;
};

/** One of a closed list of words. */
export const parseWord = <Word extends string>(flag: string, text: string, words: readonly Word[]): Word => {
  const found = words.find((word) => word === text);
  if (found === undefined) throw new UsageError(`${flag} knows no "${text}"; it is one of ${words.join(", ")}.`);
  return found;
};

const splitList = (text: string): string[] =>
  text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");

/** A comma list of words of a closed list; repeated flags add up. */
export const parseWords = <Word extends string>(
  flag: string,
  texts: readonly string[],
  words: readonly Word[],
): readonly Word[] => {
  const list = texts.flatMap(splitList);
  if (list.length === 0) throw new UsageError(`${flag} wants at least one of ${words.join(", ")}.`);
  return [...new Set(list.map((text) => parseWord(flag, text, words)))];
};

/** What was typed, as far as it may be repeated: before an @ may stand a password, after a ? a token. */
export const typed = (text: string): string => (text.includes("@") ? "[secret]" : (text.split(/[?#]/)[0] ?? ""));

/** The Local API's URL as CrowdSec's own files write it. */
export const parseLapiUrl = (flag: string, text: string): string => {
  const read = readUrl(text);
  // What may be a password is not repeated: neither an argument list nor a message is a place for one.
  if (!read.ok)
    throw new UsageError(`${flag} wants a URL such as http://10.0.0.5:8080/; "${typed(text)}" is ${read.problem}.`);
  return read.url;
};

/** A proxy as HTTPS_PROXY would name it, or `none`. A login has no place in an argument list. */
export const parseProxy = (flag: string, text: string): ProxyServer | "none" => {
  if (text.toLowerCase() === "none") return "none";
  const value = readProxies({ HTTPS_PROXY: text }).https?.value;
  if (value === undefined) throw new UsageError(`${flag} wants a proxy such as http://10.0.0.5:3128, or none.`);
  if ("problem" in value)
    throw new UsageError(`${flag} wants a proxy such as http://10.0.0.5:3128, or none; not this: ${value.problem}.`);
  if (value.credentials !== undefined)
    throw new UsageError(
      `${flag} takes no user and no password, which others could read in the list of processes; set HTTPS_PROXY, and --env shell.`,
    );
  return value;
};

/** Patterns of check ids: an id, a family (`outgoing`), or a glob (`lapi-*`). Each must match something. */
export const parsePatterns = (
  flag: string,
  texts: readonly string[],
  ids: readonly string[],
): ((id: string) => boolean) => {
  const patterns = texts.flatMap(splitList);
  if (patterns.length === 0)
    throw new UsageError(`${flag} wants the id of a check, a family such as outgoing, or a glob such as lapi-*.`);
  const matchers = patterns.map((pattern) => {
    const glob = new RegExp(
      `^${pattern
        .split("*")
        .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
        .join(".*")}$`,
    );
    const matches = (id: string): boolean => glob.test(id) || id.startsWith(`${pattern}-`);
    if (!ids.some(matches))
      throw new UsageError(`${flag} ${pattern} matches no check; "crowdsec-preflight list" shows them all.`);
    return matches;
  });
  return (id) => matchers.some((matches) => matches(id));
};
