import { createHash, randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { printable } from "../model/text.ts";

/** Why there can be no lock; completes "the lock FILE: …", without a full stop. */
export class LockError extends Error {}

/** What a lock file says of the process that made it. */
interface Holder {
  /** No two locks have the same. */
  readonly id: string;
  readonly pid: number;
  /** Since boot, in ticks of the kernel: a number that is used again belongs to a process of another start. */
  readonly startTicks?: number;
  readonly bootId?: string;
  /** As the kernel names it; in another one, numbers of processes mean other processes. */
  readonly pidNamespace?: string;
  readonly host: string;
  /** RFC 3339, UTC. */
  readonly startedAt: string;
  /** When it will be over at the latest, by this boot's own clock, milliseconds: the wall clock may be set meanwhile. */
  readonly untilMs: number;
  /** How long that was from the start, milliseconds. */
  readonly forMs: number;
}

/** Who has the lock. */
export interface HeldBy {
  /** Undefined where the lock cannot be read, as in the moment in which it is made. */
  readonly pid?: number;
  /** RFC 3339, UTC. */
  readonly since?: string;
  /** Where that is not this one. */
  readonly host?: string;
  /** Whether it should have ended by now. */
  readonly isOverdue: boolean;
}

/** What makes a file known again as ours. */
export interface LockFile {
  readonly path: string;
  readonly content: string;
}

export type Lock =
  | (LockFile & { readonly ok: true; readonly release: () => Promise<void> })
  | { readonly ok: false; readonly heldBy: HeldBy };

/** What a lock's maker would have written by now, and what other clocks may be off by, milliseconds. */
const GRACE_MS = 60_000;
/** No run is planned for longer, milliseconds. */
const LONGEST_MS = 7 * 86_400_000;
const MAX_BYTES = 4096;

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException | undefined)?.code ?? "";

/** Why a lock file is neither made nor read. */
const problemOf = (error: unknown, path: string): string => {
  const folder = printable(dirname(path));
  switch (codeOf(error)) {
    case "ENOENT":
      return `there is no folder ${folder}`;
    case "ENOTDIR":
      return `${folder} is no folder`;
    case "EACCES":
    case "EPERM":
      return `this user may not write in ${folder}, or the lock is another user's`;
    case "EROFS":
      return `${folder} is on a file system that is mounted read-only`;
    case "ENOSPC":
    case "EDQUOT":
      return `no space is left in ${folder}`;
    case "ELOOP":
      return "a link has this name";
    case "ENAMETOOLONG":
      return "its name is too long";
    default:
      return `it cannot be made: ${printable(codeOf(error) || String(error), 200)}`;
  }
};

/** CLOCK_MONOTONIC: the same for every process of this boot, and nobody sets it. */
const bootClockMs = (): number => Number(process.hrtime.bigint() / 1_000_000n);

const attempt = <T>(ask: () => T): T | undefined => {
  try {
    return ask();
  } catch {
    return undefined;
  }
};

interface ProcessStat {
  readonly pid: number;
  readonly state: string;
  readonly startTicks: number;
}

/** Fields 1, 3 and 22 of /proc/PID/stat; the command between them may hold blanks and parentheses. */
const statOf = (pid: number | "self"): ProcessStat | undefined =>
  attempt(() => {
    const line = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
    return { pid: Number.parseInt(line, 10), state: fields[0] ?? "", startTicks: Number(fields[22 - 3]) };
  });

type Here = Pick<Holder, "pid" | "startTicks" | "bootId" | "pidNamespace" | "host">;

/** This process, as far as the system tells; there is no /proc on every one, or it is that of another namespace. */
const lookHere = (): Here => {
  const own = statOf("self");
  const bootId = attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  const pidNamespace = attempt(() => readlinkSync("/proc/self/ns/pid"));
  return {
    pid: process.pid,
    ...(own?.pid === process.pid && { startTicks: own.startTicks }),
    ...(bootId && { bootId }),
    ...(pidNamespace && { pidNamespace }),
    host: hostname(),
  };
};

interface Found {
  readonly content: string;
  readonly inode: number;
  /** Milliseconds since 1970. */
  readonly changedAt: number;
  readonly holder?: Holder;
}

const isText = (value: unknown): value is string => typeof value === "string" && value.length <= 300;
const isOptional = (value: unknown, is: (value: unknown) => boolean): boolean => value === undefined || is(value);

const readHolder = (content: string): Holder | undefined => {
  const value: unknown = attempt(() => JSON.parse(content));
  if (typeof value !== "object" || value === null) return undefined;
  const { id, pid, startTicks, bootId, pidNamespace, host, startedAt, untilMs, forMs } = value as Partial<Holder>;
  const isSound =
    isText(id) &&
    // A number below 1 would mean a whole group of processes.
    Number.isSafeInteger(pid) &&
    Number(pid) > 0 &&
    isOptional(startTicks, Number.isSafeInteger) &&
    isOptional(bootId, isText) &&
    isOptional(pidNamespace, isText) &&
    isText(host) &&
    isText(startedAt) &&
    !Number.isNaN(Date.parse(startedAt)) &&
    Number.isSafeInteger(untilMs) &&
    Number.isSafeInteger(forMs) &&
    Number(forMs) >= 0 &&
    Number(forMs) <= LONGEST_MS;
  return isSound ? (value as Holder) : undefined;
};

/** What has the lock's name; undefined where nothing has. */
const readLock = (path: string): Found | undefined => {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const about = fstatSync(file);
      if (!about.isFile()) throw new LockError("something that is no file has this name");
      const bytes = Buffer.alloc(MAX_BYTES);
      const content = bytes.toString("utf8", 0, readSync(file, bytes));
      const holder = readHolder(content);
      return { content, inode: about.ino, changedAt: about.mtimeMs, ...(holder && { holder }) };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof LockError) throw error;
    if (codeOf(error) === "ENOENT") return undefined;
    throw new LockError(problemOf(error, path));
  }
};

/** Whether a lock is a given one, and not one that was made since. */
const isSame = (found: Found | undefined, other: Found): boolean =>
  found?.inode === other.inode && found.content === other.content;

/** Makes the file, unless there is one. */
const create = (path: string, content: string): boolean => {
  let file: number;
  try {
    file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw new LockError(problemOf(error, path));
  }
  try {
    const bytes = Buffer.from(content);
    if (writeSync(file, bytes) !== bytes.length) throw Object.assign(new Error("cut short"), { code: "ENOSPC" });
  } catch (error) {
    rmSync(path, { force: true });
    throw new LockError(problemOf(error, path));
  } finally {
    closeSync(file);
  }
  return true;
};

const isSameMachine = (holder: Holder, here: Here): boolean =>
  holder.bootId !== undefined && here.bootId !== undefined
    ? holder.bootId === here.bootId
    : holder.host === here.host && holder.bootId === here.bootId;

/** Whether a run should have ended this long ago, milliseconds. */
const isOverdue = (holder: Holder, here: Here, graceMs: number): boolean => {
  const leftMs = holder.untilMs - bootClockMs();
  // More is left than there was at the start: that is the clock of another machine, or of an earlier boot.
  if (isSameMachine(holder, here) && leftMs <= holder.forMs) return leftMs < -graceMs;
  return Math.abs(Date.now() - Date.parse(holder.startedAt)) > holder.forMs + graceMs;
};

/** Dead, and nobody has asked yet how it died. */
const ENDED = ["Z", "X", "x"];

/** What became of a process of this namespace; it may be hidden (hidepid of /proc). */
const fateOf = (holder: Holder, here: Here): "gone" | "running" | "unclear" => {
  const seen = here.startTicks === undefined ? undefined : statOf(holder.pid);
  if (seen) {
    if (ENDED.includes(seen.state)) return "gone";
    if (holder.startTicks === undefined) return "unclear";
    return seen.startTicks === holder.startTicks ? "running" : "gone";
  }
  try {
    process.kill(holder.pid, 0);
    return "unclear";
  } catch (error) {
    return codeOf(error) === "ESRCH" ? "gone" : "unclear";
  }
};

/** Whether nobody holds this lock any more. */
const isStale = ({ holder, changedAt }: Found, here: Here): boolean => {
  // A lock without its content is one in the making, or what a full disk or a crash has left of one.
  if (!holder) return Math.abs(Date.now() - changedAt) > GRACE_MS;
  const isSame = isSameMachine(holder, here);
  if (!isSame && holder.bootId !== undefined && here.bootId !== undefined && holder.host === here.host) return true;
  const fate = isSame && holder.pidNamespace === here.pidNamespace ? fateOf(holder, here) : "unclear";
  return fate === "gone" || (fate === "unclear" && isOverdue(holder, here, GRACE_MS));
};

/** How deep a lock for taking over a lock for taking over … goes: each level is a run that was killed in that moment. */
const MAX_LEVELS = 5;

/**
 * Makes the lock, or takes over one that is stale; true where that was done. One that is to be replaced has a lock of its
 * own, named after it: whoever has that looks once more whether it is still the one that was found stale, and is then the
 * only one who replaces it, so that what another has just made is never taken away.
 */
const take = (path: string, content: string, here: Here, level = 0): boolean => {
  if (create(path, content)) return true;
  const found = readLock(path);
  if (!found || !isStale(found, here) || level === MAX_LEVELS) return false;
  const mark = createHash("sha256").update(`${found.inode} ${found.content}`).digest("hex").slice(0, 16);
  const claim = `${path}.${mark}`;
  if (!take(claim, content, here, level + 1)) return false;
  try {
    if (isSame(readLock(path), found)) {
      renameSync(claim, path);
      return true;
    }
    rmSync(claim, { force: true });
    return false;
  } catch (error) {
    rmSync(claim, { force: true });
    throw error instanceof LockError ? error : new LockError(problemOf(error, path));
  }
};

const whoHas = ({ holder }: Found, here: Here): HeldBy =>
  holder
    ? {
        pid: holder.pid,
        since: new Date(holder.startedAt).toISOString(),
        ...(holder.host !== here.host && { host: printable(holder.host) }),
        isOverdue: isOverdue(holder, here, 0),
      }
    : { isOverdue: false };

/** Between looks at a lock that somebody else is about to take over, milliseconds, and how many there are. */
const PAUSE_MS = 20;
const LOOKS = 50;

const removeOwn = ({ path, content }: LockFile): void => {
  try {
    if (readLock(path)?.content === content) rmSync(path, { force: true });
  } catch {
    // Where its folder may not be written in any more, it is stale as soon as this process has ended.
  }
};

/**
 * Takes the lock for this process, for at most so long, milliseconds, or tells who has it. It is given back when this
 * process exits, at the latest; whoever ends it by a signal that nobody catches leaves a lock that is known for stale.
 */
export const acquireLock = async (path: string, { forMs }: { readonly forMs: number }): Promise<Lock> => {
  const here = lookHere();
  const holder: Holder = {
    id: randomUUID(),
    ...here,
    startedAt: new Date().toISOString(),
    untilMs: bootClockMs() + Math.ceil(forMs),
    forMs: Math.ceil(forMs),
  };
  const own: LockFile = { path, content: `${JSON.stringify(holder)}\n` };
  for (let look = 1; ; look += 1) {
    if (take(path, own.content, here)) break;
    const found = readLock(path);
    if (found && (look === LOOKS || !isStale(found, here))) return { ok: false, heldBy: whoHas(found, here) };
    if (look === LOOKS) return { ok: false, heldBy: { isOverdue: false } };
    if (found) await pause(PAUSE_MS);
  }
  const release = (): void => {
    process.off("exit", release);
    removeOwn(own);
  };
  process.on("exit", release);
  return { ok: true, ...own, release: async () => release() };
};
