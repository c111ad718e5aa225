import { randomBytes } from "node:crypto";
import { closeSync, constants, fchmodSync, fsync, openSync, rmSync, type Stats, write } from "node:fs";
import { lstat, open, realpath, rename, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { printable } from "../model/text.ts";
import { size } from "./words.ts";

/** Why a file is not written, or not read; completes "FILE: …", without a full stop. */
export class PlaceError extends Error {}

/** The system's own word for what went wrong with a file, such as `ENOENT`; empty where there is none. */
export const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException | undefined)?.code ?? "";

const GONE = "the file system that it is on does not answer any more";

/** What the system's codes mean, whether for reading or for writing. */
const PROBLEMS: Readonly<Record<string, string>> = {
  ENAMETOOLONG: "its name is too long",
  ELOOP: "its links lead in a circle",
  ERR_INVALID_ARG_VALUE: "its name holds a NUL byte",
  EIO: "the disk reports an error",
  ESTALE: GONE,
  ENODEV: GONE,
  ENXIO: GONE,
  ENOTCONN: GONE,
  EHOSTDOWN: GONE,
  ETIMEDOUT: GONE,
  EMFILE: "too many files are open",
  ENFILE: "too many files are open",
};

const otherwise = (error: unknown): string =>
  PROBLEMS[codeOf(error)] ?? printable(codeOf(error) || (error instanceof Error ? error.message : String(error)), 200);

/** Why nothing can be written in a folder. */
const writeProblem = (error: unknown, folder: string, bytes: number): string => {
  switch (codeOf(error)) {
    case "ENOENT":
      return `there is no folder ${folder}`;
    case "ENOTDIR":
      return `${folder} is no folder`;
    case "EACCES":
    case "EPERM":
      return `this user may not write in ${folder}`;
    case "EROFS":
      return `${folder} is on a file system that is mounted read-only`;
    case "ENOSPC":
      return `no space is left in ${folder}; ${size(bytes)} are needed`;
    case "EDQUOT":
      return `the disk quota in ${folder} is used up; ${size(bytes)} are needed`;
    case "EFBIG":
      return `larger than files may be in ${folder}: it has ${size(bytes)}`;
    case "EBUSY":
      return "something is mounted over it, so that it cannot be replaced";
    case "EISDIR":
      return "a folder has this name";
    default:
      return `cannot be written: ${otherwise(error)}`;
  }
};

const readProblem = (error: unknown): string => {
  switch (codeOf(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return "there is no such file";
    case "EACCES":
    case "EPERM":
      return "this user may not read it";
    default:
      return `cannot be read: ${otherwise(error)}`;
  }
};

/** What else than a regular file has a name. */
const kindOf = (about: Stats): string => {
  if (about.isDirectory()) return "a folder";
  if (about.isFIFO()) return "a named pipe";
  return about.isSocket() ? "a socket" : "a device";
};

/** Where there are no files, only what looks like some; /dev/shm is memory for everybody. */
const NO_PLACE = /^\/(?:dev|proc|sys)(?:\/|$)(?!shm(?:\/|$))/;

/** The signals that end a process from outside. */
const ENDING = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/** What is left to remove when this process ends in the middle, by itself or by a signal. */
const leftovers = new Set<() => void>();
const removeLeftovers = (): void => {
  for (const remove of leftovers) remove();
};
const onSignal = (name: NodeJS.Signals): void => {
  // Whoever else listens decides how this goes on; else the signal ends the process as it would have without us.
  if (process.listenerCount(name) > 1) return;
  removeLeftovers();
  process.off(name, onSignal);
  process.kill(process.pid, name);
};

/** Has `remove` called when this process ends, unless it is given up before. */
const whenEnded = (remove: () => void): (() => void) => {
  if (leftovers.size === 0) {
    process.on("exit", removeLeftovers);
    for (const name of ENDING) process.on(name, onSignal);
  }
  leftovers.add(remove);
  return () => {
    leftovers.delete(remove);
    if (leftovers.size > 0) return;
    process.off("exit", removeLeftovers);
    for (const name of ENDING) process.off(name, onSignal);
  };
};

/** The mode of a file that only this user may read. */
const PRIVATE = 0o600;

const writeSome = promisify(write);

const writeAll = async (file: number, bytes: Buffer): Promise<void> => {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await writeSome(file, bytes, written, bytes.length - written, null);
    written += bytesWritten;
  }
};

/** Until the disk has it; some file systems cannot promise that. */
const settle = (file: number): Promise<void> =>
  promisify(fsync)(file).catch((error: unknown) => {
    if (!["EINVAL", "ENOSYS", "ENOTSUP"].includes(codeOf(error))) throw error;
  });

/** Writes a new file, for this user alone until all of it is there, and gives it its mode and its name then. */
const writeThenRename = async (folder: string, name: string, bytes: Buffer, mode: number): Promise<void> => {
  const temporary = join(folder, `.preflight-${randomBytes(8).toString("hex")}`);
  const remove = (): void => {
    try {
      rmSync(temporary, { force: true });
    } catch {
      // Where its folder is gone, or may not be written in any more, nobody can.
    }
  };
  const release = whenEnded(remove);
  let renamed = false;
  try {
    // At once, so that no end of this process can come between the file and its removal.
    const file = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, PRIVATE);
    try {
      await writeAll(file, bytes);
      // Whatever the umask of who starts this: cron's, a service's.
      if (mode !== PRIVATE) fchmodSync(file, mode);
      await settle(file);
    } finally {
      // Some file systems say only now that there is no room.
      closeSync(file);
    }
    await rename(temporary, join(folder, name));
    renamed = true;
  } finally {
    if (!renamed) remove();
    release();
  }
};

/**
 * Puts a whole file in place of whatever has its name, or leaves that as it was: never a part of one. It is for this
 * user alone, unless `mode` says otherwise. A link there is replaced, not followed; the folder's own links are followed.
 */
export const placeFile = async (
  path: string,
  bytes: Buffer | string,
  { mode = PRIVATE }: { readonly mode?: number } = {},
): Promise<void> => {
  const content = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
  if (path === "") throw new PlaceError("a file without a name");
  if (path.endsWith("/")) throw new PlaceError("the name of a folder; a file's name is wanted");
  let folder = dirname(path);
  try {
    folder = await realpath(folder);
    // The tool's own output may be a link below /dev, which must not be replaced.
    if (NO_PLACE.test(folder)) throw new PlaceError(`no file is made in ${folder}; - is the standard output`);
    const there = await lstat(join(folder, basename(path))).catch((error: unknown) => {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    });
    if (there?.isDirectory()) throw new PlaceError("a folder has this name");
    if (there && !there.isFile() && !there.isSymbolicLink())
      throw new PlaceError(`${kindOf(there)} has this name, and is not replaced; - is the standard output`);
    await writeThenRename(folder, basename(path), content, mode);
  } catch (error) {
    throw error instanceof PlaceError ? error : new PlaceError(writeProblem(error, printable(folder), content.length));
  }
};

const tooLarge = (bytes: number, maxBytes: number): PlaceError =>
  new PlaceError(`too large: it has ${size(bytes)}, and at most ${size(maxBytes)} are read`);

/** A regular file that somebody named; anything else is an error, not a hang. Links are followed. */
export const readBounded = async (path: string, maxBytes: number): Promise<Buffer> => {
  const check = (about: Stats): void => {
    if (!about.isFile()) throw new PlaceError(`${kindOf(about)}, and no file`);
    if (about.size > maxBytes) throw tooLarge(about.size, maxBytes);
  };
  try {
    // Opening a device may do something, opening a pipe would wait for its writer: look first, and again at what was opened.
    check(await stat(path));
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      check(await handle.stat());
      return await readStream(handle.createReadStream({ autoClose: false }), maxBytes);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw error instanceof PlaceError ? error : new PlaceError(readProblem(error));
  }
};

/** All that a stream has to give, such as the standard input. */
export const readStream = async (stream: NodeJS.ReadableStream, maxBytes: number): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream) {
      const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
      length += bytes.length;
      // To leave is to end the stream.
      if (length > maxBytes) throw new PlaceError(`too large: at most ${size(maxBytes)} are read`);
      chunks.push(bytes);
    }
  } catch (error) {
    throw error instanceof PlaceError ? error : new PlaceError(readProblem(error));
  }
  return Buffer.concat(chunks, length);
};
