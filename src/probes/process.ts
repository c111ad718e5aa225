import { readdir, readFile, readlink } from "node:fs/promises";
import { basename } from "node:path";
import process from "node:process";
import type { ProcessSeen } from "../model/observation.ts";

/** Kernel ticks a second in /proc/PID/stat: USER_HZ, 100 on every Linux architecture that Node runs on. */
const TICKS = 100;
/** Field 22 of /proc/PID/stat, counted from the state (field 3) that follows the command's closing parenthesis. */
const START_TIME = 22 - 3;

/** Undefined for another user's link, which is unreadable, and for that of a process which has ended. */
const linkOf = (pid: string, name: string): Promise<string | undefined> =>
  readlink(`/proc/${pid}/${name}`).catch(() => undefined);

/**
 * A container's process shows up in the host's /proc too, but lives in other namespaces: it is not this host's. One of
 * mounts alone makes no container: systemd gives one to every service that it keeps from writing somewhere (`ProtectSystem=`,
 * `PrivateTmp=`), crowdsec's or that of this tool.
 */
const sameHost = async (pid: string): Promise<boolean> => {
  for (const namespace of ["ns/net", "ns/pid"]) {
    const [own, its] = await Promise.all([linkOf("self", namespace), linkOf(pid, namespace)]);
    // Another user's links are unreadable; its being a container is then unlikely enough.
    if (own !== undefined && its !== undefined && own !== its) return false;
  }
  return true;
};

/** Programs that were replaced or removed while they run are marked so by the kernel. */
const executableOf = async (pid: string): Promise<string | undefined> =>
  (await linkOf(pid, "exe"))?.replace(/ \(deleted\)$/, "");

/**
 * The real user, not the effective one: a program with the set-user-ID bit has the arguments and the environment that
 * whoever called it gave it. The kernel escapes line ends in the name that stands above.
 */
const userIn = (status: string): Pick<ProcessSeen, "uid" | "own"> => {
  const uid = /^Uid:\s+(\d+)/m.exec(status)?.[1];
  if (uid === undefined) return {};
  return { uid: Number(uid), ...(Number(uid) === process.getuid?.() && { own: true }) };
};

const look = async (pid: string, name: string): Promise<ProcessSeen | undefined> => {
  const [cmdline, executable] = await Promise.all([readFile(`/proc/${pid}/cmdline`, "utf8"), executableOf(pid)]);
  const argv = cmdline.split("\0").slice(0, -1);
  // argv[0] is what the process likes to be called; the executable is what it is.
  const program = executable ?? argv[0];
  if (argv.length === 0 || program === undefined || basename(program) !== name || !(await sameHost(pid))) {
    return undefined;
  }
  const [stat, status, uptime] = await Promise.all([
    readFile(`/proc/${pid}/stat`, "utf8"),
    readFile(`/proc/${pid}/status`, "utf8"),
    readFile("/proc/uptime", "utf8"),
  ]);
  const startTicks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[START_TIME]);
  return {
    pid: Number(pid),
    argv,
    ...userIn(status),
    ...(executable !== undefined && { executable }),
    ageSeconds: Math.max(0, Number.parseFloat(uptime) - startTicks / TICKS),
  };
};

/** Processes of this host whose program is called `name`, oldest pid first. Empty where there is no /proc. */
export const probeProcesses = async (name: string): Promise<readonly ProcessSeen[]> => {
  const entries = await readdir("/proc").catch(() => []);
  const pids = entries.filter((entry) => /^\d+$/.test(entry));
  // A process can end while it is looked at.
  const seen = await Promise.all(pids.map((pid) => look(pid, name).catch(() => undefined)));
  return seen.filter((each) => each !== undefined).sort((a, b) => a.pid - b.pid);
};
