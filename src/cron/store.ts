import { mkdirSync } from "node:fs";
import { rename, stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { codeOf, PlaceError, placeFile, readBounded } from "../archive/place.ts";
import { size } from "../archive/words.ts";
import { printable } from "../model/text.ts";
import { readState, type State, StateError, stateText } from "./state.ts";

/** Why there is no place for the state; a sentence without a full stop. */
export class StoreError extends Error {}

/** Who runs this. */
export interface User {
  readonly isRoot: boolean;
  /** The home folder, where there is one. */
  readonly home?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const FOLDER = "crowdsec-preflight";

/** Each line of a crontab has its own. */
const nameOf = (selection: string): string => (selection === "" ? "state.json" : `state-${selection}.json`);

/**
 * Where the state file belongs; `folder` is one of ours, and is to be made. Undefined where there is no place for it.
 * @param selection of the flags that decide what is looked at, as letters and digits; empty where none does
 */
export const findStateFile = (
  flag: string | undefined,
  { STATE_DIRECTORY, XDG_STATE_HOME }: Environment,
  { isRoot, home }: User,
  selection = "",
): { readonly path: string; readonly folder?: string } | undefined => {
  const name = nameOf(selection);
  const inFolder = (folder: string) => ({ path: join(folder, name), folder });
  if (flag !== undefined) return { path: resolve(flag) };
  // systemd lists several with colons between them, and has made them (systemd.exec(5)).
  const [given = ""] = STATE_DIRECTORY?.split(":") ?? [];
  if (isAbsolute(given)) return { path: join(given, name) };
  // What is not absolute does not count (https://specifications.freedesktop.org/basedir-spec/latest/).
  if (XDG_STATE_HOME && isAbsolute(XDG_STATE_HOME)) return inFolder(join(XDG_STATE_HOME, FOLDER));
  if (isRoot) return inFolder(join("/var/lib", FOLDER));
  return home && isAbsolute(home) ? inFolder(join(home, ".local/state", FOLDER)) : undefined;
};

const ELSEWHERE = "name a file for it with --state FILE";

/** Why a folder was not made. */
const folderProblem = (error: unknown): string => {
  switch (codeOf(error)) {
    case "EACCES":
    case "EPERM":
      return "this user may not make it";
    case "EROFS":
      return "its file system is mounted read-only";
    case "ENOSPC":
    case "EDQUOT":
      return "no space is left";
    case "EEXIST":
    case "ENOTDIR":
      return "something that is no folder is in its place";
    default:
      return printable(codeOf(error) || String(error), 200);
  }
};

/** The path of the state file, absolute; a folder of ours is made for it, for this user alone. */
export const stateFile = (flag: string | undefined, environment: Environment, user: User, selection = ""): string => {
  const found = findStateFile(flag, environment, user, selection);
  if (!found) throw new StoreError(`--cron has no place to remember in, since this user has no home: ${ELSEWHERE}`);
  const { path, folder } = found;
  try {
    if (folder !== undefined) mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new StoreError(
      `--cron has no place to remember in: ${printable(String(folder))} is not there (${folderProblem(error)}); ${ELSEWHERE}`,
    );
  }
  return path;
};

/** No state is larger; bytes. */
const MAX_BYTES = 4 * 1024 * 1024;

type Read =
  | { readonly kind: "none" }
  | { readonly kind: "state"; readonly state: State }
  /** `why` completes "the state file FILE is damaged: …". */
  | { readonly kind: "damaged"; readonly why: string; readonly isForeign: boolean }
  /** `problem` completes "the state file FILE: …". */
  | { readonly kind: "problem"; readonly problem: string };

/** A configuration, a script, a key or a log: whoever named it meant another file, and needs this one where it is. */
const isForeignText = (text: string): boolean => /^[^{\0][^\0]*\n[^\0]*\S/.test(text) && !text.includes("\ufffd");

const read = async (path: string): Promise<Read> => {
  try {
    const about = await stat(path);
    if (about.isFile() && about.size > MAX_BYTES) {
      const why = `it has ${size(about.size)}, and at most ${size(MAX_BYTES)} are read`;
      return { kind: "damaged", why, isForeign: false };
    }
  } catch (error) {
    if (codeOf(error) === "ENOENT") return { kind: "none" };
    // Whatever else it is, reading says it in words.
  }
  try {
    const text = (await readBounded(path, MAX_BYTES)).toString();
    try {
      return { kind: "state", state: readState(text) };
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      return { kind: "damaged", why: error.message, isForeign: isForeignText(text) };
    }
  } catch (error) {
    if (error instanceof PlaceError) return { kind: "problem", problem: error.message };
    throw error;
  }
};

/** What is remembered by runs with the same flags, as far as it can be read; nothing is changed. */
export const peekState = async (path: string, selection = ""): Promise<State | undefined> => {
  const saw = await read(path);
  return saw.kind === "state" && (saw.state.selection ?? "") === selection ? saw.state : undefined;
};

export interface Loaded {
  /** Undefined where nothing is remembered. */
  readonly state?: State;
  /** That a damaged file is out of the way; a sentence. */
  readonly setAside?: string;
  /** Why nothing can be remembered here; completes "the state file FILE: …". */
  readonly problem?: string;
}

/** Renames what cannot be gone on with. @param what completes "the state file FILE is …" */
const setAside = async (path: string, what: string): Promise<Loaded> => {
  const aside = `${path}.broken`;
  try {
    await rename(path, aside);
  } catch (error) {
    const why = printable(codeOf(error) || String(error), 200);
    return { problem: `it is ${what}, and cannot be renamed to ${printable(aside)} (${why})` };
  }
  return {
    setAside: `the state file ${printable(path)} is ${what}. It is ${printable(aside)} now, and this run begins anew, as if it were the first.`,
  };
};

/**
 * What is remembered by runs with the same flags. A damaged file is renamed to `FILE.broken`, in place of an earlier one;
 * so is one of runs with other flags: what they did not look at, they say nothing about.
 */
export const loadState = async (path: string, selection = ""): Promise<Loaded> => {
  const saw = await read(path);
  switch (saw.kind) {
    case "none":
      return {};
    case "state":
      return (saw.state.selection ?? "") === selection
        ? { state: saw.state }
        : setAside(path, "of runs with other flags; each line of a crontab wants a --state of its own");
    case "problem":
      return { problem: saw.problem };
    case "damaged":
      if (saw.isForeign) return { problem: "no state of this tool, but another text, which is left as it is" };
      return setAside(path, `damaged: ${saw.why}`);
  }
};

/** Remembers, whole or not at all; a PlaceError says why not. */
export const saveState = (path: string, state: State): Promise<void> => placeFile(path, stateText(state));

/** The state's lock: beside it, in the one folder that has to be writable anyway. */
export const lockOf = (path: string): string => `${path}.lock`;
