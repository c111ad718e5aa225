import { lstat, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { codeOf, PlaceError, placeFile, readBounded } from "../archive/place.ts";
import { EXIT_UNJUDGED } from "../exit-code.ts";
import { cronFiles } from "../init/cron.ts";
import type { InitFile, InitInput, InitKind } from "../init/file.ts";
import { nagiosFiles } from "../init/nagios.ts";
import { prometheusFiles } from "../init/prometheus.ts";
import { systemdFiles } from "../init/systemd.ts";
import { printable } from "../model/text.ts";
import type { Tool } from "./session.ts";
import { type Streams, write } from "./streams.ts";
import { UsageError } from "./usage-error.ts";

export interface InitOptions {
  /** Put the files where they belong, in place of printing them. */
  readonly write: boolean;
  /** What stands before every path, such as the root of an image; default: nothing. */
  readonly folder?: string;
  /** Program and script, as this process was started; default: its own. */
  readonly started?: readonly [program: string, script: string];
}

const FILES: Readonly<Record<InitKind, (input: InitInput) => readonly InitFile[]>> = {
  cron: cronFiles,
  systemd: systemdFiles,
  nagios: nagiosFiles,
  prometheus: prometheusFiles,
};

/** Who brings the folder along that a file belongs in: Debian's package, or another sentence's end. */
const COMES_WITH: Readonly<Record<string, string>> = {
  "/etc/cron.d": "Debian's package cron makes it",
  "/etc/systemd/system": "systemd makes it",
  "/etc/nagios4/conf.d": "Debian's package nagios4-core makes it",
  "/etc/nagios/nrpe.d": "Debian's package nagios-nrpe-server makes it",
  "/etc/icinga2/conf.d": "Debian's package icinga2-common makes it",
  "/etc/sudoers.d": "Debian's package sudo makes it",
  "/etc/prometheus/rules": "on the host of Prometheus: mkdir /etc/prometheus/rules",
  "/var/lib/grafana/dashboards": "on the host of Grafana: mkdir /var/lib/grafana/dashboards",
};

/** Anybody may read these files, and they hold no secret; unless a file has a mode of its own. */
const MODE = 0o644;
/** None of them comes near this. */
const MAX_BYTES = 1024 * 1024;

/** Where npx, pnpm dlx and their kin keep what they fetched for one run. */
const FOR_ONE_RUN = /\/(?:_npx|dlx|dlx-[^/]+|bunx-[^/]+)\//;
const TEMPORARY = ["/tmp", "/var/tmp", "/dev/shm", "/run"];

/** Whether these files are there tomorrow. */
const isPassing = (path: string): boolean =>
  FOR_ONE_RUN.test(path) || [tmpdir(), ...TEMPORARY].some((folder) => path.startsWith(`${folder.replace(/\/$/, "")}/`));

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this expression is for
const CONTROL = /[\u0000-\u001f\u007f]/;

/** The command as cron can start it, links followed: what a version manager's link names may be another one by then. */
const commandOf = async ([program, script]: readonly [string, string]): Promise<readonly [string, string]> => {
  const real = await realpath(script);
  const broken = [program, real].find((path) => CONTROL.test(path));
  if (broken !== undefined)
    throw new UsageError(
      `${printable(broken)} has a line break or another control character in its name, which no such file can hold; install crowdsec-preflight elsewhere.`,
    );
  return [program, real];
};

const passingWarning = (path: string, kind: InitKind, version: string): string =>
  `crowdsec-preflight runs from ${printable(path)}, which is there for a while only. Put it where it stays, for example with npm pack in a clone and npm install -g ./crowdsec-preflight-${version}.tgz, and run init from there: crowdsec-preflight init ${kind}.`;

const comments = (lines: readonly string[]): readonly string[] => lines.map((line) => `# ${line}`);

/** A file as it is to be copied; what is not of it begins with a number sign, and so is a comment in most of them. */
const printed = ({ path, what, content, afterwards = [] }: InitFile): string =>
  [
    ...comments([`FILE: ${path}`, what]),
    content.replace(/\n$/, ""),
    ...(afterwards.length === 0 ? [] : comments(["THEN:", ...afterwards.map((command) => `  ${command}`)])),
    "",
  ].join("\n");

const RULER = `\n#${"-".repeat(79)}\n\n`;

/** What became of a file. */
interface Outcome {
  readonly kind: "written" | "unchanged" | "skipped" | "refused";
  readonly says: string;
}

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    (error: unknown) => codeOf(error) !== "ENOENT" && codeOf(error) !== "ENOTDIR",
  );

const put = async (file: InitFile, kind: InitKind, root: string): Promise<Outcome> => {
  const { path, content, mode = MODE } = file;
  const at = join(root, path);
  const folder = dirname(path);
  if (!(await isThere(join(root, folder)))) {
    const comes = COMES_WITH[folder];
    return { kind: "skipped", says: `there is no folder ${folder}${comes === undefined ? "" : ` (${comes})`}` };
  }
  try {
    if (!(await isThere(at))) {
      await placeFile(at, content, { mode });
      return { kind: "written", says: "" };
    }
    const there = (await readBounded(at, MAX_BYTES)).toString("utf8");
    // It may also have been put there by "init KIND >FILE".
    if (there === content || there === printed(file)) return { kind: "unchanged", says: "it says the same already" };
    const says = `it is there and says something else. To compare: crowdsec-preflight init ${kind} | diff ${path} -; to have it made anew, move it away`;
    return { kind: "refused", says };
  } catch (error) {
    if (error instanceof PlaceError) return { kind: "refused", says: error.message };
    throw error;
  }
};

const LEFT_OUT: Outcome = { kind: "skipped", says: "this host has a place for none of the others" };

const told = ({ path }: InitFile, { kind, says }: Outcome): string =>
  `${kind} ${path}${says === "" ? "" : `: ${says}`}\n`;

const writeAll = async (files: readonly InitFile[], kind: InitKind, root: string, streams: Streams) => {
  const outcomes: { readonly file: InitFile; readonly outcome: Outcome }[] = [];
  for (const file of files) {
    const isLeftOut = file.isCompanion && outcomes.every(({ outcome }) => outcome.kind === "skipped");
    outcomes.push({ file, outcome: isLeftOut ? LEFT_OUT : await put(file, kind, root) });
  }
  for (const { file, outcome } of outcomes)
    await write(outcome.kind === "refused" ? streams.stderr : streams.stdout, told(file, outcome));
  const placed = outcomes.filter(({ outcome }) => outcome.kind === "written" || outcome.kind === "unchanged");
  const commands = placed.flatMap(({ file }) => file.afterwards ?? []);
  if (commands.length > 0)
    await write(streams.stdout, ["Then:", ...commands.map((command) => `  ${command}`), ""].join("\n"));
  return placed.length > 0 && outcomes.every(({ outcome }) => outcome.kind !== "refused") ? 0 : EXIT_UNJUDGED;
};

/** Prints what is to be installed so that this runs by itself, or puts it in its place. Returns the exit code. */
export const init = async (
  kind: InitKind,
  { write: isWriting, folder = "/", started }: InitOptions,
  { version }: Tool,
  streams: Streams,
): Promise<number> => {
  const command = await commandOf(started ?? [process.execPath, process.argv[1] ?? ""]);
  const passing = command.find(isPassing);
  const warning = passing === undefined ? undefined : passingWarning(passing, kind, version);
  if (warning !== undefined && isWriting) throw new UsageError(`nothing was written: ${warning}`);
  const files = FILES[kind]({ command, version });
  if (isWriting) return writeAll(files, kind, folder, streams);
  await write(streams.stdout, files.map(printed).join(RULER));
  if (warning !== undefined) await write(streams.stderr, `${warning}\n`);
  return 0;
};
