import { posix } from "node:path";
import type { Prober } from "../model/observation.ts";
import type { Sourced } from "../model/topology.ts";
import { isVariableName, parseEnvironmentFile } from "./environment-file.ts";
import { listOf, parseSettings, type Setting, type Unit, wordsOf } from "./unit.ts";

/** Variables with the `path:line` that sets each. */
export type Variables = ReadonlyMap<string, Sourced<string>>;

/** With what systemd would start a service. */
export interface UnitEnvironment {
  readonly variables: Variables;
  /** What of it this user may not read: paths. */
  readonly denied: readonly string[];
  /** Variables that systemd passes over: a % in their value is none of its specifiers. */
  readonly dropped: readonly Sourced<string>[];
  /** Why systemd would not start it, in a sentence that begins with the setting. */
  readonly stops?: string;
}

/** Values of specifiers that are the same on every system, for the system's manager (systemd.unit(5), "Specifiers"). */
const SPECIFIERS: Readonly<Record<string, string>> = {
  "%": "%",
  C: "/var/cache",
  E: "/etc",
  g: "root",
  G: "0",
  h: "/root",
  i: "",
  I: "",
  L: "/var/log",
  s: "/bin/sh",
  S: "/var/lib",
  t: "/run",
  T: "/tmp",
  u: "root",
  U: "0",
  V: "/var/tmp",
};
/** Those that this host decides: they stay as they stand. */
const OPEN = "aAbBdDfHjJlmMoqvwWyY";

/**
 * A text with its specifiers replaced; undefined where one is unknown, and systemd passes over the whole assignment: of
 * a password `p%40ss` nothing is left (specifier_printf in
 * https://github.com/systemd/systemd/blob/v252/src/shared/specifier.c).
 */
const resolved = (text: string, unit: string): string | undefined => {
  const stem = unit.replace(/\.service$/, "");
  const own: Readonly<Record<string, string>> = { ...SPECIFIERS, n: unit, N: stem, p: stem, P: stem };
  let known = true;
  const result = text.replace(/%([A-Za-z\d%])/g, (whole, letter: string) => {
    const value = Object.hasOwn(own, letter) ? own[letter] : undefined;
    if (value === undefined && !OPEN.includes(letter)) known = false;
    return value ?? whole;
  });
  return known ? result : undefined;
};

const set = (into: Map<string, Sourced<string>>, word: string, origin: string): void => {
  const end = word.indexOf("=");
  const [name, value] = [word.slice(0, Math.max(0, end)), word.slice(end + 1)];
  if (isVariableName(name)) into.set(name, { value, origin });
};

/** The assignments of Environment= or DefaultEnvironment= (config_parse_environ): what is none is passed over. */
const assigned = (values: readonly Sourced<string>[], unit: string): Variables => {
  const found = new Map<string, Sourced<string>>();
  for (const { value, origin } of values) {
    for (const word of wordsOf(value)) {
      const text = resolved(word, unit);
      if (text !== undefined) set(found, text, origin);
    }
  }
  return found;
};

/** Names of the variables that systemd passes over because of a % in their value that is none of its specifiers. */
const passedOver = (values: readonly Sourced<string>[], unit: string): readonly Sourced<string>[] =>
  values.flatMap(({ value, origin }) =>
    wordsOf(value)
      .filter((word) => resolved(word, unit) === undefined)
      .map((word) => ({ value: word.split("=")[0] ?? "", origin }))
      .filter(({ value: name }) => isVariableName(name)),
  );

const WILD = /[*?[]/;

/** A component of a path with wildcards, as glob(7) means it. */
const wildcard = (text: string): RegExp => {
  const body = text.replace(/\\(.)|\*|\?|\[(!?)([^\]]+)\]|[.+^${}()|[\]\\]/g, (whole, escaped, not, set) => {
    if (escaped !== undefined) return `\\u{${escaped.codePointAt(0).toString(16)}}`;
    if (set !== undefined) return `[${not ? "^" : ""}${set.replace(/[\\\]^[]/g, "\\$&")}]`;
    return whole === "*" ? ".*" : whole === "?" ? "." : `\\${whole}`;
  });
  try {
    return new RegExp(`^${text.startsWith(".") ? "" : "(?!\\.)"}${body}$`, "u");
  } catch {
    // A range from back to front matches nothing.
    return /(?!)/;
  }
};

/** The paths that a pattern stands for, sorted; of one without wildcards the path itself. */
const globbed = async (probe: Prober, pattern: string): Promise<readonly string[]> => {
  if (!WILD.test(pattern)) return [pattern];
  let here: readonly string[] = ["/"];
  for (const part of pattern.split("/").filter((each) => each !== "")) {
    if (!WILD.test(part)) here = here.map((folder) => posix.join(folder, part));
    else {
      const fits = wildcard(part);
      const lists = await Promise.all(
        here.map(async (folder) => {
          const saw = await probe.folder(folder);
          return saw.ok ? saw.names.filter((name) => fits.test(name)).map((name) => posix.join(folder, name)) : [];
        }),
      );
      here = lists.flat();
    }
  }
  const there = await Promise.all(here.map((path) => probe.path(path)));
  return here.filter((_path, index) => there[index]?.ok !== false);
};

interface FilesRead {
  readonly variables: Variables;
  readonly denied: readonly string[];
  readonly stops?: string;
}

/** The files of EnvironmentFile=, in order: one that is missing keeps the service from starting, unless a `-` stands before it. */
const readFiles = async (probe: Prober, values: readonly Sourced<string>[], unit: string): Promise<FilesRead> => {
  const variables = new Map<string, Sourced<string>>();
  const denied: string[] = [];
  let stops: string | undefined;
  for (const { value, origin } of values) {
    const optional = value.startsWith("-");
    const pattern = resolved(optional ? value.slice(1) : value, unit);
    // systemd passes over what it cannot resolve, and over a relative path.
    if (!pattern?.startsWith("/")) continue;
    const paths = await globbed(probe, posix.normalize(pattern));
    const saw = await Promise.all(paths.map((path) => probe.file(path)));
    const isMissing = paths.length === 0 || saw.some((each) => !each.ok && each.code === "file-missing");
    if (isMissing && !optional) stops ??= `EnvironmentFile=${pattern} (${origin}) is missing`;
    saw.forEach((each, index) => {
      const path = paths[index] ?? pattern;
      if (each.ok) {
        for (const { name, value: text, line } of parseEnvironmentFile(each.content))
          variables.set(name, { value: text, origin: `${path}:${line}` });
      } else if (each.code === "file-denied") denied.push(path);
    });
  }
  return { variables, denied, ...(stops !== undefined && { stops }) };
};

/** UnsetEnvironment= names a variable, or one with the value that it must have to go. */
const unset = (variables: Variables, values: readonly Sourced<string>[], unit: string): Variables => {
  const gone = new Set(values.flatMap(({ value }) => wordsOf(value)).map((word) => resolved(word, unit)));
  return new Map([...variables].filter(([name, { value }]) => !gone.has(name) && !gone.has(`${name}=${value}`)));
};

/** PassEnvironment= takes variables over from the manager itself: process 1. */
const passed = async (
  probe: Prober,
  values: readonly Sourced<string>[],
  unit: string,
): Promise<{ readonly variables: Variables; readonly denied: readonly string[] }> => {
  const wanted = values.flatMap(({ value, origin }) =>
    wordsOf(value).flatMap((word) => {
      const name = resolved(word, unit);
      return name === undefined ? [] : [{ name, origin }];
    }),
  );
  if (wanted.length === 0) return { variables: new Map(), denied: [] };
  const saw = await probe.environment(1);
  if (!saw.ok) return { variables: new Map(), denied: saw.code === "file-denied" ? ["/proc/1/environ"] : [] };
  const found = wanted.flatMap(({ name, origin }) => {
    const value = Object.hasOwn(saw.variables, name) ? saw.variables[name]?.reveal() : undefined;
    return value === undefined ? [] : [[name, { value, origin }] as const];
  });
  return { variables: new Map(found), denied: [] };
};

/**
 * The environment that systemd gives a service, where later sources win: the manager's, PassEnvironment=, Environment=,
 * EnvironmentFile=; in the end UnsetEnvironment= takes away (systemd.exec(5), "Environment Variables in Spawned
 * Processes", https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html).
 */
export const unitEnvironment = async (probe: Prober, unit: Unit, manager: Variables): Promise<UnitEnvironment> => {
  const list = (name: string): readonly Setting[] => listOf(unit.settings, "Service", name);
  const pass = await passed(probe, list("PassEnvironment"), unit.name);
  const files = await readFiles(probe, list("EnvironmentFile"), unit.name);
  const all = new Map([...manager, ...pass.variables, ...assigned(list("Environment"), unit.name), ...files.variables]);
  return {
    variables: unset(all, list("UnsetEnvironment"), unit.name),
    denied: [...unit.denied, ...pass.denied, ...files.denied],
    dropped: passedOver(list("Environment"), unit.name),
    ...(files.stops !== undefined && { stops: files.stops }),
  };
};

/** Of system.conf the first counts, of its drop-ins all, by name (systemd-system.conf(5)). */
const MANAGER_FOLDERS = ["/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd"];

const managerSettings = async (probe: Prober): Promise<readonly Setting[]> => {
  const paths = MANAGER_FOLDERS.map((folder) => posix.join(folder, "system.conf"));
  const folders = paths.map((path) => `${path}.d`);
  const [mains, dropIns] = await Promise.all([
    Promise.all(paths.map((path) => probe.file(path))),
    Promise.all(folders.map((folder) => probe.folder(folder))),
  ]);
  const found = new Map<string, string>();
  dropIns.forEach((saw, index) => {
    for (const name of saw.ok ? saw.names : [])
      if (name.endsWith(".conf") && !found.has(name)) found.set(name, posix.join(folders[index] ?? "", name));
  });
  const extra = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
  const main = paths.filter((_path, index) => mains[index]?.ok).slice(0, 1);
  const files = await Promise.all([...main, ...extra].map(async (path) => ({ path, saw: await probe.file(path) })));
  return files.flatMap(({ path, saw }) => (saw.ok ? parseSettings(path, saw.content) : []));
};

/** Milliseconds; it asks the manager over a socket of this host. */
const SHOW_MS = 2000;

const C_ESCAPES: Readonly<Record<string, string>> = { a: "\u0007", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** A value as `systemctl show-environment` writes it: `$'…'` around one with special characters. */
const unquoted = (text: string): string => {
  const inner = /^\$'(.*)'$/s.exec(text)?.[1];
  return inner === undefined ? text : inner.replace(/\\(.)/g, (_whole, char: string) => C_ESCAPES[char] ?? char);
};

/** Whether systemd manages this system: its own sign (sd_booted(3)). */
export const isBooted = async (probe: Prober): Promise<boolean> => (await probe.path("/run/systemd/system")).ok;

/**
 * What every service of this system gets: what the running manager says, where there is one, since
 * `systemctl set-environment` stands in no file; else DefaultEnvironment= of its configuration.
 */
export const managerEnvironment = async (probe: Prober): Promise<Variables> => {
  const [settings, booted] = await Promise.all([managerSettings(probe), isBooted(probe)]);
  const written = assigned(listOf(settings, "Manager", "DefaultEnvironment"), "system.conf");
  if (!booted) return written;
  const ran = await probe.command({ argv: ["/usr/bin/systemctl", "show-environment"], timeoutMs: SHOW_MS });
  if (!ran.ok || ran.exitCode !== 0) return written;
  const shown = ran.output.split("\n").flatMap((line) => {
    const [, name, value = ""] = /^([A-Za-z_]\w*)=(.*)$/s.exec(line) ?? [];
    if (name === undefined) return [];
    const known = written.get(name);
    const text = unquoted(value);
    return [[name, known?.value === text ? known : { value: text, origin: "systemctl set-environment" }] as const];
  });
  return new Map(shown);
};
