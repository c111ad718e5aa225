import { posix } from "node:path";
import type { FileObservation, Prober } from "../model/observation.ts";
import type { Sourced } from "../model/topology.ts";

/**
 * Where systemd looks for units: the first of these that has one wins. Drop-ins of all of them count (systemd.unit(5),
 * "Unit File Load Path").
 */
const FOLDERS = [
  "/etc/systemd/system.control",
  "/run/systemd/system.control",
  "/run/systemd/transient",
  "/run/systemd/generator.early",
  "/etc/systemd/system",
  "/etc/systemd/system.attached",
  "/run/systemd/system",
  "/run/systemd/system.attached",
  "/run/systemd/generator",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
  "/run/systemd/generator.late",
];

/** One `Name=value` of a configuration file of systemd; `origin` is the `path:line` where it begins. */
export interface Setting extends Sourced<string> {
  readonly section: string;
  readonly name: string;
}

/** An odd number of backslashes at the end joins the next line. */
const CONTINUED = /(?:^|[^\\])(?:\\\\)*\\$/;

/**
 * The settings of a file in the syntax of systemd.syntax(7): a backslash at a line's end joins the next one with a blank
 * in its place, comments in between left out.
 */
export const parseSettings = (path: string, content: string): readonly Setting[] => {
  const settings: Setting[] = [];
  let section = "";
  let begun: { readonly line: number; readonly text: string } | undefined;
  const take = ({ line, text }: { readonly line: number; readonly text: string }): void => {
    const trimmed = text.trim();
    const header = /^\[(.*)\]$/.exec(trimmed)?.[1];
    if (header !== undefined) section = header;
    const [, name, value] = /^([^=[]+?)\s*=\s*(.*)$/s.exec(trimmed) ?? [];
    if (header === undefined && name !== undefined && value !== undefined)
      settings.push({ section, name, value, origin: `${path}:${line}` });
  };
  content
    .replace(/^\ufeff/, "")
    .split(/\r?\n/)
    .forEach((text, index) => {
      if (/^\s*[#;]/.test(text)) return;
      const { line, text: before } = begun ?? { line: index + 1, text: "" };
      const whole = before + (begun ? text : text.trimStart());
      if (CONTINUED.test(whole)) {
        begun = { line, text: `${whole.slice(0, -1)} ` };
        return;
      }
      begun = undefined;
      take({ line, text: whole });
    });
  if (begun) take(begun);
  return settings;
};

/** A service's files, put together as systemd does. */
export interface Unit {
  /** For example `crowdsec.service`. */
  readonly name: string;
  /** Its main file. */
  readonly path: string;
  /** `masked`: systemd refuses to start it. */
  readonly masked: boolean;
  /** Why its main file cannot be read by anybody, in the system's own words. */
  readonly broken?: string;
  /** In the order in which they count: the main file's, then those of the drop-ins. */
  readonly settings: readonly Setting[];
  /** Files of it that this user may not read. */
  readonly denied: readonly string[];
}

/**
 * A link to a device, which is what systemd takes for /dev/null, or a file without content, takes the place of what lies
 * further down. /dev/null is everybody's to write; a FIFO that root made is not.
 */
const isMask = async (probe: Prober, path: string, saw: FileObservation): Promise<boolean> => {
  if (saw.ok) return saw.content === "";
  if (saw.code !== "file-error") return false;
  const at = await probe.path(path);
  return at.ok && at.kind === "other" && !at.guarded;
};
const isThere = (saw: FileObservation): boolean => saw.ok || saw.code !== "file-missing";

/**
 * The drop-in folders of a service, the one that wins first: in each of systemd's folders that of its own name, then of
 * `a-b.service` that of `a-.service`; after all of these `service.d`, which is for every service.
 */
const dropInFolders = (unit: string): readonly string[] => {
  const stem = unit.replace(/\.service$/, "");
  const parts = stem.split("-");
  const prefixes = parts.slice(1).map((_part, index) => `${parts.slice(0, parts.length - 1 - index).join("-")}-`);
  const within = (name: string) => (folder: string) => posix.join(folder, `${name}.d`);
  return [
    ...FOLDERS.flatMap((folder) => [stem, ...prefixes].map((name) => within(`${name}.service`)(folder))),
    ...FOLDERS.map(within("service")),
  ];
};

/** The paths of a service's drop-ins in the order in which they count. */
const findDropIns = async (probe: Prober, unit: string): Promise<readonly string[]> => {
  const folders = dropInFolders(unit);
  const saw = await Promise.all(folders.map((folder) => probe.folder(folder)));
  // Of two drop-ins with one name that of the earlier folder counts; all are applied by name.
  const found = new Map<string, string>();
  saw.forEach((each, index) => {
    for (const name of each.ok ? each.names : []) {
      if (name.endsWith(".conf") && !found.has(name)) found.set(name, posix.join(folders[index] ?? "", name));
    }
  });
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
};

/** A service with its drop-ins; undefined where there is no such unit. */
export const readUnit = async (probe: Prober, name: string): Promise<Unit | undefined> => {
  const mains = await Promise.all(FOLDERS.map((folder) => probe.file(posix.join(folder, name))));
  const index = mains.findIndex(isThere);
  const [main, folder] = [mains[index], FOLDERS[index]];
  if (main === undefined || folder === undefined) return undefined;
  const path = posix.join(folder, name);
  const unread = { name, path, settings: [], denied: [] };
  if (await isMask(probe, path, main)) return { ...unread, masked: true };
  if (!main.ok && main.code !== "file-denied") return { ...unread, masked: false, broken: main.message };
  const dropIns = await findDropIns(probe, name);
  const extra = await Promise.all(dropIns.map((each) => probe.file(each)));
  const files = [{ path, saw: main }, ...extra.map((saw, at) => ({ path: dropIns[at] ?? "", saw }))];
  return {
    name,
    path,
    masked: false,
    settings: files.flatMap((each) => (each.saw.ok ? parseSettings(each.path, each.saw.content) : [])),
    denied: files.flatMap((each) => (!each.saw.ok && each.saw.code === "file-denied" ? [each.path] : [])),
  };
};

/** The values of a list setting in a section, in order; an empty one takes all before it back. */
export const listOf = (settings: readonly Setting[], section: string, name: string): readonly Setting[] => {
  const all = settings.filter((setting) => setting.section === section && setting.name === name);
  return all.slice(all.findLastIndex(({ value }) => value === "") + 1);
};

/** Of `User=`: a name or a number; undefined where the service runs as root. */
export const unitUser = ({ settings }: Unit): string | undefined => listOf(settings, "Service", "User").at(-1)?.value;

const BLANK = " \t\n\r";
const PLAIN_ESCAPES = "abfnrtv\\\"'s";
const PLAIN_VALUES = "\u0007\b\f\n\r\t\v\\\"' ";
/** Escapes that name a character by its number: bytes in hexadecimal and octal, and Unicode. */
const NUMBERED = /^(?:x([\da-fA-F]{2})|([0-3][0-7]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8}))/;

/** What a backslash and the text behind it stand for, and how long that text is; undefined for no known escape. */
const unescapeOne = (text: string): { readonly value: string; readonly length: number } | undefined => {
  const plain = PLAIN_ESCAPES.indexOf(text[0] ?? "\0");
  if (plain !== -1) return { value: PLAIN_VALUES[plain] ?? "", length: 1 };
  const [whole = "", hex, octal, short, long] = NUMBERED.exec(text) ?? [];
  const byte = hex ? Number.parseInt(hex, 16) : octal ? Number.parseInt(octal, 8) : undefined;
  if (byte !== undefined && byte > 0) return { value: String.fromCharCode(byte), length: whole.length };
  const point = Number.parseInt(short ?? long ?? "0", 16);
  if (point === 0 || point > 0x10ffff) return undefined;
  return { value: Buffer.from(String.fromCodePoint(point)).toString("latin1"), length: whole.length };
};

/**
 * A value cut into words as systemd does it ("Quoting" in systemd.syntax(7), extract_first_word in
 * https://github.com/systemd/systemd/blob/v252/src/basic/extract-word.c). What follows a mistake is not read.
 */
export const wordsOf = (value: string): readonly string[] => {
  // Byte by byte: an escape can be a part of a character.
  const text = Buffer.from(value).toString("latin1");
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let index = 0; index < text.length; ) {
    const char = text[index] ?? "";
    index += 1;
    if (char === "\\") {
      const found = unescapeOne(text.slice(index, index + 9));
      if (found === undefined) return words;
      word = (word ?? "") + found.value;
      index += found.length;
    } else if (quote !== "") {
      if (char === quote) quote = "";
      else word = (word ?? "") + char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (!BLANK.includes(char)) {
      word = (word ?? "") + char;
    } else if (word !== undefined) {
      words.push(Buffer.from(word, "latin1").toString("utf8"));
      word = undefined;
    }
  }
  if (quote === "" && word !== undefined) words.push(Buffer.from(word, "latin1").toString("utf8"));
  return words;
};

/** Characters before a program's path that change how it is started (systemd.service(5)). */
const PREFIX = /^[-@:+!|]+/;

export interface UnitCommand {
  readonly argv: readonly string[];
  /** The file that says so. */
  readonly origin: string;
}

/** The command line with which systemd would start this service, drop-ins applied; undefined where there is no such unit. */
export const unitCommand = async (probe: Prober, name: string): Promise<UnitCommand | undefined> => {
  const unit = await readUnit(probe, name);
  const line = listOf(unit?.settings ?? [], "Service", "ExecStart").at(-1);
  return line && { argv: wordsOf(line.value.replace(PREFIX, "")), origin: line.origin.replace(/:\d+$/, "") };
};
