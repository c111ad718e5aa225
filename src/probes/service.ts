import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import type { CommandObservation, Failed, ServiceObservation, ServiceSeen } from "../model/observation.ts";
import { printable } from "../model/text.ts";
import { stopwatch } from "./clock.ts";
import { probeCommand } from "./command.ts";
import { failed } from "./failure.ts";
import type { Limits } from "./tcp.ts";

const TIMEOUT_MS = 2000;

/** Scripts of OpenRC and FreeBSD call others by name. */
const ENVIRONMENT = { LC_ALL: "C", PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };

type Seen = Omit<ServiceSeen, "elapsedMs">;

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/**
 * Runs a program of systemd. Of a system that was installed before /bin became a link to /usr/bin, it is still there.
 * @param root in place of `/`
 */
export const runSystemd = async (
  program: string,
  argv: readonly string[],
  { timeoutMs, signal }: Limits,
  root: string,
): Promise<CommandObservation> => {
  const run = (folder: string): Promise<CommandObservation> =>
    probeCommand({ argv: [join(root, folder, program), ...argv], environment: ENVIRONMENT, timeoutMs }, { signal });
  const saw = await run("usr/bin");
  return !saw.ok && saw.code === "command-missing" ? run("bin") : saw;
};

/** Names as in org.freedesktop.systemd1(5), from the interfaces Unit and Service. */
const PROPERTIES = [
  "LoadState",
  "ActiveState",
  "SubState",
  "UnitFileState",
  "Result",
  "MainPID",
  "ExecMainCode",
  "ExecMainStatus",
  "ExecMainStartTimestampMonotonic",
  "ExecStartPre",
  "NRestarts",
  "Restart",
  "RestartUSec",
  "RestartUSecNext",
  "ConditionResult",
  "ConditionTimestampMonotonic",
  "AssertResult",
  "AssertTimestampMonotonic",
  "StateChangeTimestampMonotonic",
  "ActiveEnterTimestampMonotonic",
  "InactiveEnterTimestampMonotonic",
  "InactiveExitTimestampMonotonic",
] as const;
type Property = (typeof PROPERTIES)[number];
/** What `systemctl show` told; older versions leave out what they do not know. */
type Properties = Readonly<Partial<Record<Property, string>>>;

const UNITS: Readonly<Record<string, number>> = {
  us: 1e-6,
  ms: 1e-3,
  s: 1,
  min: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
  month: 2_629_800,
  y: 31_557_600,
};

/** Seconds in a time span as systemd prints it: `1min 30s`, `100ms`, `1.500s`, `0`. Undefined for `infinity`. */
const secondsIn = (span: string): number | undefined => {
  if (span === "0") return 0;
  const parts = span.split(" ").map((part) => {
    const [, count, unit = ""] = /^(\d+(?:\.\d+)?)([a-z]+)$/.exec(part) ?? [];
    return Number(count) * (UNITS[unit] ?? Number.NaN);
  });
  const sum = parts.reduce((total, seconds) => total + seconds, 0);
  return Number.isNaN(sum) ? undefined : Math.round(sum * 1e6) / 1e6;
};

/** The lines `Name=value`; of a property that has several values, one line each. */
const propertiesIn = (output: string): Properties => {
  const found: Partial<Record<Property, string>> = {};
  for (const line of output.split("\n")) {
    const end = line.indexOf("=");
    const name = PROPERTIES.find((property) => property === line.slice(0, Math.max(0, end)));
    if (name === undefined) continue;
    const before = found[name];
    found[name] = before === undefined ? line.slice(end + 1) : `${before}\n${line.slice(end + 1)}`;
  }
  return found;
};

/** Wait status of a process as a shell shows it: 128 and the signal's number for one that a signal ended. */
const statusOf = (code: string | undefined, status: string | undefined): number | undefined => {
  const number = Number(status ?? Number.NaN);
  if (!Number.isInteger(number)) return undefined;
  // CLD_EXITED, CLD_KILLED and CLD_DUMPED of waitid(2), as numbers and in systemd's words.
  if (code === "1" || code === "exited") return number;
  return ["2", "3", "killed", "dumped"].includes(code ?? "") ? 128 + number : undefined;
};

/**
 * How a command of ExecStartPre= ended that keeps the service from starting. systemd forgets these at each start, so it
 * is the last one that failed here, and no main process ran.
 */
const failedBefore = (commands: string | undefined): number | undefined => {
  for (const command of commands?.split("\n") ?? []) {
    const [, ignored, code, status] =
      / ; ignore_errors=(yes|no) ;.* ; code=(\S+) ; status=(\d+)(?:\/\S+)? \}$/.exec(command) ?? [];
    const ended = statusOf(code, status);
    if (ignored === "no" && ended !== undefined && ended !== 0) return ended;
  }
  return undefined;
};

const ENABLED: Readonly<Record<string, boolean>> = {
  enabled: true,
  disabled: false,
  linked: false,
  // These are gone with the next start of the system.
  "enabled-runtime": false,
  "linked-runtime": false,
  masked: false,
  "masked-runtime": false,
};

/** A unit file that systemd cannot use: it starts nothing with it. */
const UNUSABLE = new Set(["bad-setting", "error"]);

const stateOf = ({ ActiveState, SubState = "", Result, Restart, LoadState = "" }: Properties): Seen["state"] => {
  // From version 254 on it is, for a moment, also dead or failed before that.
  if (SubState.includes("auto-restart")) return "restarting";
  const ended = Result === "success" ? "stopped" : "failed";
  switch (ActiveState) {
    case "active":
    case "reloading":
    case "refreshing":
      return "running";
    case "activating":
      return "starting";
    case "failed":
      return "failed";
    case "deactivating":
      // After an error, the rest of it is being ended, too.
      return ended === "failed" && Restart !== "no" ? "restarting" : ended;
    default:
      return UNUSABLE.has(LoadState) ? "failed" : "stopped";
  }
};

/** Since when it is in a state; the first of these that is set. `StateChange…` also counts the steps inside a state. */
const SINCE: Readonly<Record<Seen["state"], readonly Property[]>> = {
  running: ["ActiveEnterTimestampMonotonic", "StateChangeTimestampMonotonic"],
  starting: ["InactiveExitTimestampMonotonic", "StateChangeTimestampMonotonic"],
  restarting: ["StateChangeTimestampMonotonic", "InactiveExitTimestampMonotonic"],
  failed: ["InactiveEnterTimestampMonotonic", "StateChangeTimestampMonotonic"],
  stopped: ["InactiveEnterTimestampMonotonic"],
};
const ENDING: readonly Property[] = ["StateChangeTimestampMonotonic"];

/** `no`, and it was really asked: systemd says so of a unit, too, that nobody wanted to start since it knows it. */
const wasDenied = (result: string | undefined, at: string | undefined): boolean => result === "no" && Number(at) > 0;

/**
 * What `systemctl show` says of a service; undefined when it says nothing of one.
 * @param now of CLOCK_MONOTONIC, microseconds
 */
export const parseSystemd = (unit: string, output: string, now: number): Seen | undefined => {
  const saw = propertiesIn(output);
  if (saw.ActiveState === undefined) return undefined;
  const ageOf = (property: Property): number | undefined => {
    const at = Number(saw[property] ?? 0);
    return at > 0 ? Math.max(0, Math.round((now - at) / 1e3) / 1e3) : undefined;
  };
  const state = stateOf(saw);
  const since = saw.ActiveState === "deactivating" ? ENDING : SINCE[state];
  const stateSeconds = since.map(ageOf).find((age) => age !== undefined);
  const startedSecondsAgo = ageOf("ExecMainStartTimestampMonotonic");
  const enabled = ENABLED[saw.UnitFileState ?? ""];
  const restartDelaySeconds =
    saw.Restart === "no" ? undefined : secondsIn(saw.RestartUSecNext ?? saw.RestartUSec ?? "");
  const exitStatus = failedBefore(saw.ExecStartPre) ?? statusOf(saw.ExecMainCode, saw.ExecMainStatus);
  const unusable = state === "failed" && UNUSABLE.has(saw.LoadState ?? "");
  const result = unusable && saw.Result === "success" ? saw.LoadState : saw.Result;
  const ended = exitStatus !== undefined || result !== "success";
  const unmet =
    saw.Result === "exec-condition" ||
    wasDenied(saw.ConditionResult, saw.ConditionTimestampMonotonic) ||
    wasDenied(saw.AssertResult, saw.AssertTimestampMonotonic);
  return {
    ok: true,
    manager: "systemd",
    name: unit,
    // A service may run whose unit file is gone.
    known: saw.LoadState !== "not-found" || saw.ActiveState !== "inactive",
    ...(enabled !== undefined && { enabled }),
    masked: saw.LoadState === "masked" || saw.UnitFileState?.startsWith("masked") === true,
    state,
    ...(stateSeconds !== undefined && { stateSeconds }),
    ...(startedSecondsAgo !== undefined && { startedSecondsAgo }),
    ...(saw.NRestarts !== undefined && { restarts: Number(saw.NRestarts) }),
    ...(restartDelaySeconds !== undefined && { restartDelaySeconds }),
    ...(Number(saw.MainPID) > 0 && { mainPid: Number(saw.MainPID) }),
    ...(result !== undefined && ended && { result: printable(result, 60) }),
    ...(exitStatus !== undefined && { exitStatus }),
    ...(state !== "running" && unmet && { unmet }),
  };
};

/** How a manager is asked: what a service's name and this system's folders lead to. */
type Ask = (name: string, limits: Limits, root: string) => Promise<Seen | Failed>;

/** Of a command that ended, but not with an answer. */
const noAnswer = (saw: CommandObservation): Failed =>
  saw.ok
    ? failed("host", "command-error", saw.output.trim() || `it ended with ${saw.exitCode} and said nothing`, 0)
    : saw;

const askSystemd: Ask = async (name, limits, root) => {
  const unit = `${name}.service`;
  const saw = await runSystemd("systemctl", ["show", "-p", PROPERTIES.join(","), "--", unit], limits, root);
  // systemd's times are of CLOCK_MONOTONIC, and so is this.
  const now = Number(process.hrtime.bigint() / 1000n);
  return (saw.ok && saw.exitCode === 0 ? parseSystemd(unit, saw.output, now) : undefined) ?? noAnswer(saw);
};

/** What `rc-service NAME status` ends with (OpenRC, sh/openrc-run.sh.in and sh/supervise-daemon.sh); 64: its supervisor is gone. */
const OPENRC: Readonly<Record<number, Seen["state"]>> = {
  0: "running",
  3: "stopped",
  4: "stopped",
  8: "starting",
  16: "starting",
  32: "failed",
  64: "failed",
};

/** @param failedBefore OpenRC remembers that its last start failed, and calls it stopped */
export const openrcState = (exitCode: number, failedBefore: boolean): Seen["state"] | undefined => {
  const state = OPENRC[exitCode];
  return state === "stopped" && failedBefore ? "failed" : state;
};

const inRunlevel = async (name: string, root: string): Promise<boolean> => {
  const folder = join(root, "etc/runlevels");
  const levels = await readdir(folder).catch(() => []);
  return (await Promise.all(levels.map((level) => isThere(join(folder, level, name))))).includes(true);
};

const askOpenrc: Ask = async (name, { timeoutMs, signal }, root) => {
  const run = (argv: readonly string[]): Promise<CommandObservation> =>
    probeCommand({ argv: [join(root, "sbin/rc-service"), ...argv], environment: ENVIRONMENT, timeoutMs }, { signal });
  const [saw, enabled, startFailed] = await Promise.all([
    run(["--", name, "status"]),
    inRunlevel(name, root),
    isThere(join(root, "run/openrc/failed", name)),
  ]);
  const seen = { ok: true, manager: "openrc", name, known: true, enabled } as const;
  const state = saw.ok ? openrcState(saw.exitCode, startFailed) : undefined;
  if (state !== undefined) return { ...seen, state };
  if (!saw.ok) return saw;
  const exists = await run(["--exists", name]);
  return exists.ok && exists.exitCode === 1
    ? { ...seen, known: false, enabled: false, state: "stopped" }
    : noAnswer(saw);
};

/**
 * What FreeBSD's `service NAME onestatus` and `sysrc -n NAME_enable` say (rc.subr(8), sysrc(8)): running, or not, and the
 * words of rc.subr's `checkyesno`. A variable that nobody set makes sysrc fail, and starts nothing.
 */
export const parseFreebsd = (
  status: { readonly exitCode: number; readonly output: string },
  enable: { readonly exitCode: number; readonly output: string },
): Pick<Seen, "state" | "enabled" | "mainPid"> => {
  const pid = /is running as pid (\d+)/.exec(status.output)?.[1];
  return {
    state: status.exitCode === 0 ? "running" : "stopped",
    enabled: enable.exitCode === 0 && /^(?:yes|true|on|1)$/i.test(enable.output.trim()),
    ...(status.exitCode === 0 && pid !== undefined && { mainPid: Number(pid) }),
  };
};

const SCRIPTS = ["usr/local/etc/rc.d", "etc/rc.d"];

const askFreebsd: Ask = async (name, { timeoutMs, signal }, root) => {
  const run = (program: string, argv: readonly string[]): Promise<CommandObservation> =>
    probeCommand({ argv: [join(root, program), ...argv], environment: ENVIRONMENT, timeoutMs }, { signal });
  const seen = { ok: true, manager: "freebsd", name, known: true } as const;
  const scripts = await Promise.all(SCRIPTS.map((folder) => isThere(join(root, folder, name))));
  if (!scripts.includes(true)) return { ...seen, known: false, enabled: false, state: "stopped" };
  const [status, enable] = await Promise.all([
    run("usr/sbin/service", [name, "onestatus"]),
    run("usr/sbin/sysrc", ["-n", `${name.replaceAll("-", "_")}_enable`]),
  ]);
  if (!status.ok) return status;
  const { enabled, ...rest } = parseFreebsd(status, enable.ok ? enable : { exitCode: -1, output: "" });
  return { ...seen, ...rest, ...(enable.ok && { enabled }) };
};

/** What manages the services here, by what it leaves for those who look: sd_booted(3); OpenRC's own folder; rc.subr(8). */
const managerOf = async (platform: string, root: string): Promise<Ask | undefined> => {
  if (platform === "freebsd") return (await isThere(join(root, "etc/rc.subr"))) ? askFreebsd : undefined;
  if (await isThere(join(root, "run/systemd/system"))) return askSystemd;
  return (await isThere(join(root, "run/openrc"))) ? askOpenrc : undefined;
};

/**
 * Asks the system's manager of services about one of them; starts and stops nothing.
 * @param name without ending: `crowdsec`
 * @param root in place of `/`
 */
export const probeService = async (
  name: string,
  { platform, signal }: { readonly platform: string; readonly signal: AbortSignal },
  root = "/",
): Promise<ServiceObservation> => {
  const elapsed = stopwatch();
  const ask = await managerOf(platform, root);
  if (ask === undefined) {
    return failed("host", "command-missing", "no manager of services is known here", elapsed());
  }
  return { ...(await ask(name, { timeoutMs: TIMEOUT_MS, signal }, root)), elapsedMs: elapsed() };
};
