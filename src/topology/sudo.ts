import { posix } from "node:path";
import type { Prober } from "../model/observation.ts";
import type { Hidden } from "../model/topology.ts";
import { parsePamEnvironment } from "./environment-file.ts";
import type { Environment } from "./expansion.ts";

/** What sudo does to the environment of what it runs (sudoers(5), https://www.sudo.ws/docs/man/sudoers.man/). */
interface Policy {
  readonly reset: boolean;
  readonly keep: ReadonlySet<string>;
  readonly check: ReadonlySet<string>;
  readonly remove: ReadonlySet<string>;
  /** The file of `env_file`. */
  readonly file?: string;
}

/** The tables of plugins/sudoers/env.c (https://github.com/sudo-project/sudo/blob/SUDO_1_9_13p3/plugins/sudoers/env.c). */
const DEFAULT: Policy = {
  reset: true,
  keep: new Set(
    "COLORS DISPLAY HOSTNAME KRB5CCNAME LS_COLORS PATH PS1 PS2 XAUTHORITY XAUTHORIZATION XDG_CURRENT_DESKTOP".split(
      " ",
    ),
  ),
  check: new Set("COLORTERM LANG LANGUAGE LC_* LINGUAS TERM TZ".split(" ")),
  remove: new Set(
    "IFS CDPATH LOCALDOMAIN RES_OPTIONS HOSTALIASES NLSPATH PATH_LOCALE LD_* _RLD* ENV BASH_ENV".split(" "),
  ),
};

/** A backslash joins the next line; comments begin with `#`, but `#include`, `#includedir` and `#1000` are none. */
const linesOf = (content: string): readonly string[] =>
  content
    .replace(/\\\r?\n/g, " ")
    .split(/\r?\n/)
    .map((line) => (/^\s*#include(dir)?\s/.test(line) ? line.trim() : line.replace(/(^|\s)#(?!\d).*/, "").trim()));

const INCLUDE = /^[#@]include(dir)?\s+(?:"([^"]+)"|(\S+))/;
/** Included files may include others, so deep and no deeper. */
const MAX_DEPTH = 8;

interface Lines {
  readonly lines: readonly string[];
  readonly denied: readonly string[];
}

/** The lines of a sudoers file and of those that it includes, in order. */
const readSudoers = async (probe: Prober, path: string, host: string, depth = 0): Promise<Lines> => {
  const saw = await probe.file(path);
  if (!saw.ok) return { lines: [], denied: saw.code === "file-denied" ? [path] : [] };
  const parts = await Promise.all(
    linesOf(saw.content).map(async (line): Promise<Lines> => {
      const [, folder, quoted, bare] = INCLUDE.exec(line) ?? [];
      const named = (quoted ?? bare)?.replaceAll("%h", host);
      if (named === undefined || depth >= MAX_DEPTH) return { lines: [line], denied: [] };
      const target = posix.resolve(posix.dirname(path), named);
      if (folder === undefined) return readSudoers(probe, target, host, depth + 1);
      const names = await probe.folder(target);
      if (!names.ok) return { lines: [], denied: names.code === "file-denied" ? [target] : [] };
      // sudo passes over files with a dot in their name, and over those that end in a tilde.
      const files = names.names.filter((name) => !name.includes(".") && !name.endsWith("~"));
      return merged(
        await Promise.all(files.map((name) => readSudoers(probe, posix.join(target, name), host, depth + 1))),
      );
    }),
  );
  return merged(parts);
};

const merged = (parts: readonly Lines[]): Lines => ({
  lines: parts.flatMap(({ lines }) => lines),
  denied: parts.flatMap(({ denied }) => denied),
});

/** `Defaults`, and for whom: `:user`, `@host`, `>target`, `!command`. */
const DEFAULTS = /^Defaults(?:([:@>!])\s*(\S+))?\s+(.*)$/;
/** One parameter and the comma behind it: `!flag`, `flag`, or `name` with `=`, `+=` or `-=` and its value, in quotes or not. */
const PARAMETER = /(!*)\s*(\w+)(?:\s*([-+]?=)\s*("(?:[^"\\]|\\.)*"|(?:[^,\s\\]|\\.)*))?\s*(?:,\s*|$)/gy;

/** A line's parameters; none of a line with a mistake in it, which sudo passes over. */
const parametersOf = (text: string): readonly RegExpMatchArray[] => {
  const found = [...text.matchAll(PARAMETER)];
  return found.map(([whole]) => whole).join("") === text ? found : [];
};

/** Whether a comma-separated list of names, with `ALL` and negations, has this one: the last that fits decides. */
const lists = (list: string, fits: (name: string) => boolean): boolean => {
  const last = list
    .replaceAll('"', "")
    .split(",")
    .findLast((each) => /^!*ALL$/.test(each) || fits(each.replace(/^!+/, "")));
  return last !== undefined && !last.startsWith("!");
};

const listAfter = (
  before: ReadonlySet<string>,
  negated: boolean,
  operator: string | undefined,
  value: string,
): ReadonlySet<string> => {
  const names = value.split(/\s+/).filter((name) => name !== "");
  if (negated) return new Set();
  if (operator === "+=") return new Set([...before, ...names]);
  if (operator === "-=") return new Set([...before].filter((name) => !names.includes(name)));
  return operator === "=" ? new Set(names) : before;
};

const LISTS: Readonly<Record<string, "keep" | "check" | "remove">> = {
  env_keep: "keep",
  env_check: "check",
  env_delete: "remove",
};

/** @returns the policy after a line of sudoers; groups, hosts and commands are not looked up: see `undecided`. */
const after = (policy: Policy, line: string, user: string): Policy => {
  const [, sign, whom = "", parameters = ""] = DEFAULTS.exec(line) ?? [];
  if (sign === ":" && !lists(whom, (name) => name === user)) return policy;
  if (sign === ">" && !lists(whom, (name) => name === "root" || name === "#0")) return policy;
  if (sign === "@" || sign === "!") return policy;
  let next = policy;
  for (const [, bangs = "", name = "", operator, written = ""] of parametersOf(parameters)) {
    const negated = bangs.length % 2 === 1;
    const value = written.replace(/^"(.*)"$/s, "$1").replace(/\\(.)/g, "$1");
    const list = LISTS[name];
    if (name === "env_reset") next = { ...next, reset: !negated };
    else if (name === "env_file") next = negated ? withoutFile(next) : { ...next, file: value };
    else if (list) next = { ...next, [list]: listAfter(next[list], negated, operator, value) };
  }
  return next;
};

const withoutFile = ({ file: _file, ...rest }: Policy): Policy => rest;

/** A line about the environment that holds for some only, and that this tool cannot say of whom: groups, aliases, hosts, commands. */
const undecided = (line: string, user: string): boolean => {
  const [, sign, whom = "", parameters = ""] = DEFAULTS.exec(line) ?? [];
  if (sign === undefined || !/\benv_(reset|keep|check|delete|file)\b/.test(parameters)) return false;
  if (sign === "@" || sign === "!") return true;
  if (sign === ">" && whom === "#0") return false;
  const names = whom.split(",").map((name) => name.replace(/^!+/, ""));
  return names.some(
    (name) => /^[%+#]/.test(name) || (/^[A-Z][A-Z\d_]*$/.test(name) && name !== "ALL" && name !== user),
  );
};

/** A name with `*` for anything; with `=value` it wants the value too. */
const matches = (list: ReadonlySet<string>, name: string, value: string): boolean =>
  [...list].some((pattern) => {
    const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${parts.join(".*")}$`, "s").test(pattern.includes("=") ? `${name}=${value}` : name);
  });

/** Variables of `env_check` pass without `/` and `%` in them. */
const checked = (policy: Policy, name: string, value: string): boolean | undefined =>
  matches(policy.check, name, value) ? name === "TZ" || !/[/%]/.test(value) : undefined;

const passes = (policy: Policy, name: string, value: string): boolean => {
  // Functions of bash.
  if (value.startsWith("() ")) return false;
  const allowed = checked(policy, name, value);
  return policy.reset
    ? (allowed ?? matches(policy.keep, name, value))
    : allowed !== false && !matches(policy.remove, name, value);
};

/** Where pam_env reads variables for a service: `readenv` is on unless it is switched off (pam_env(8)). */
const pamFiles = async (probe: Prober, service: string, depth = 0): Promise<readonly string[]> => {
  const paths = [`/etc/pam.d/${service}`, `/usr/lib/pam.d/${service}`];
  const saw = (await Promise.all(paths.map((path) => probe.file(path)))).find(({ ok }) => ok);
  if (!saw?.ok || depth >= MAX_DEPTH) return [];
  const lines = saw.content.replace(/\\\n/g, " ").split("\n");
  const found = await Promise.all(
    lines.map(async (line): Promise<readonly string[]> => {
      const text = line.replace(/#.*/, "").trim();
      const [, included] =
        /^@include\s+(\S+)/.exec(text) ?? /^-?(?:auth|session)\s+(?:include|substack)\s+(\S+)/.exec(text) ?? [];
      if (included !== undefined) return pamFiles(probe, included, depth + 1);
      const [, options] = /^-?(?:auth|session)\s+(?:\[[^\]]*\]|\w+)\s+(?:\S*\/)?pam_env\.so\b(.*)$/.exec(text) ?? [];
      if (options === undefined || /\breadenv=0\b/.test(options.replace(/user_readenv=\d/, ""))) return [];
      return [/\benvfile=(\S+)/.exec(options)?.[1] ?? "/etc/environment"];
    }),
  );
  return [...new Set(found.flat())];
};

/** The variables that pam_env gives a service of PAM: `sudo`, `cron`. */
export const pamVariables = async (
  probe: Prober,
  service: string,
): Promise<readonly { readonly name: string; readonly value: string; readonly origin: string }[]> => {
  const files = await pamFiles(probe, service);
  const read = await Promise.all(
    files.map(async (path) => {
      const saw = await probe.file(path);
      return saw.ok
        ? parsePamEnvironment(saw.content).map(({ name, value, line }) => ({ name, value, origin: `${path}:${line}` }))
        : [];
    }),
  );
  return read.flat();
};

export interface SudoEnvironment {
  readonly variables: Environment;
  /** Where a variable comes from that the shell did not hand over. */
  readonly origins: ReadonlyMap<string, string>;
  readonly reset: boolean;
}

/** What sudo leaves of the shell's environment for a command that this user runs as root. */
export const sudoEnvironment = async (
  probe: Prober,
  environment: Environment,
  user: string,
): Promise<SudoEnvironment | Hidden> => {
  const { lines, denied } = await readSudoers(probe, "/etc/sudoers", environment["HOSTNAME"] ?? "");
  if (denied.length > 0) return { hidden: `run as root: only root may read ${denied.join(" and ")}` };
  const open = lines.find((line) => undecided(line, user));
  if (open !== undefined)
    return {
      hidden: `sudoers treats the environment of some only (Defaults${DEFAULTS.exec(open)?.[1]}…): run it under sudo`,
    };
  const policy = lines.reduce((before, line) => after(before, line, user), DEFAULT);
  const variables: Record<string, string> = {};
  const origins = new Map<string, string>();
  for (const [name, value] of Object.entries(environment))
    if (value !== undefined && passes(policy, name, value)) variables[name] = value;
  // What was preserved of the user's own wins over what PAM gives.
  for (const { name, value, origin } of await pamVariables(probe, "sudo")) {
    const own = Object.hasOwn(variables, name);
    const overwrites = policy.reset ? !passes(policy, name, value) : matches(policy.remove, name, value);
    if (own && !overwrites) continue;
    variables[name] = value;
    origins.set(name, origin);
  }
  const file = policy.file === undefined ? undefined : await probe.file(policy.file);
  for (const { name, value, line } of file?.ok ? parsePamEnvironment(file.content) : []) {
    if (Object.hasOwn(variables, name)) continue;
    variables[name] = value;
    origins.set(name, `${policy.file}:${line}`);
  }
  return { variables, origins, reset: policy.reset };
};
