import { posix } from "node:path";
import type { Prober } from "../model/observation.ts";

/** Where systemd looks for units, the first of these that has one wins; drop-ins of all of them count (systemd.unit(5)). */
const FOLDERS = ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/** Characters before a program's path that change how it is started (systemd.service(5)). */
const PREFIX = /^[-@:+!|]+/;
const WORD = /"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)/g;

const words = (line: string): readonly string[] =>
  [...line.matchAll(WORD)].map(([, double, single, bare]) => double?.replace(/\\(.)/g, "$1") ?? single ?? bare ?? "");

/** The values of a key of [Service], in order; an empty one takes all before it back. */
const valuesOf = (content: string, key: string, before: readonly string[]): readonly string[] => {
  let section = "";
  let values = [...before];
  for (const line of content.replace(/\\\r?\n/g, " ").split(/\r?\n/)) {
    section = /^\[(.*)\]\s*$/.exec(line)?.[1] ?? section;
    const [, name, value = ""] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (section === "Service" && name === key) values = value === "" ? [] : [...values, value];
  }
  return values;
};

export interface UnitCommand {
  readonly argv: readonly string[];
  /** The file that says so. */
  readonly origin: string;
}

/** The command line with which systemd would start this service, drop-ins applied; undefined where there is no such unit. */
export const unitCommand = async (probe: Prober, unit: string): Promise<UnitCommand | undefined> => {
  const folders = await Promise.all(FOLDERS.map((folder) => probe.folder(posix.join(folder, `${unit}.d`))));
  // Of two drop-ins with one name, that of the earlier folder counts; all are applied by name.
  const dropIns = new Map<string, string>();
  folders.forEach((saw, index) => {
    for (const name of saw.ok ? saw.names : []) {
      const path = posix.join(FOLDERS[index] ?? "", `${unit}.d`, name);
      if (name.endsWith(".conf") && !dropIns.has(name)) dropIns.set(name, path);
    }
  });
  const units = await Promise.all(FOLDERS.map((folder) => probe.file(posix.join(folder, unit))));
  const main = units.findIndex(({ ok }) => ok);
  if (main === -1) return undefined;
  const paths = [...dropIns].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
  const extra = await Promise.all(paths.map((path) => probe.file(path)));
  let commands: readonly string[] = [];
  let origin = posix.join(FOLDERS[main] ?? "", unit);
  [units[main], ...extra].forEach((saw, index) => {
    if (!saw?.ok) return;
    const next = valuesOf(saw.content, "ExecStart", commands);
    if (next !== commands && next.join("\n") !== commands.join("\n") && index > 0) origin = paths[index - 1] ?? origin;
    commands = next;
  });
  const line = commands.at(-1);
  return line === undefined ? undefined : { argv: words(line.replace(PREFIX, "")), origin };
};
