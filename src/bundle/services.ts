import type { ProcessSeen } from "../model/observation.ts";
import { shellQuote } from "../model/remedy.ts";
import type { Topology } from "../model/topology.ts";
import {
  type Desk,
  failedPart,
  fields,
  type Look,
  lacking,
  linesWith,
  NOTHING,
  type Part,
  serviceName,
  takeFile,
  takeSheet,
  together,
  withEntry,
} from "./gather.ts";
import { runProgram } from "./programs.ts";

/**
 * Of org.freedesktop.systemd1(5): what a service does, how it ended, what limits it, and what keeps it from connections.
 * No Environment= and no ExecStart=: these stand in the unit's files.
 */
const PROPERTIES = [
  ...["Id", "LoadState", "ActiveState", "SubState", "UnitFileState", "UnitFilePreset", "NeedDaemonReload", "Type"],
  ...["Result", "NRestarts", "Restart", "RestartUSec", "StartLimitBurst", "StartLimitIntervalUSec", "TimeoutStartUSec"],
  ...["MainPID", "ExecMainCode", "ExecMainStatus", "ExecMainStartTimestamp", "ExecMainExitTimestamp", "WatchdogUSec"],
  ...[
    "ActiveEnterTimestamp",
    "InactiveEnterTimestamp",
    "StateChangeTimestamp",
    "ConditionResult",
    "ConditionTimestamp",
  ],
  ...["MemoryCurrent", "MemoryPeak", "MemoryHigh", "MemoryMax", "MemorySwapMax", "TasksCurrent", "TasksMax"],
  ...["CPUQuotaPerSecUSec", "LimitNOFILE", "LimitNPROC", "LimitMEMLOCK", "OOMScoreAdjust", "OOMPolicy"],
  ...["User", "Group", "DynamicUser", "ControlGroup", "After", "Wants", "Requires", "TriggeredBy", "EnvironmentFiles"],
  ...["PrivateNetwork", "IPAddressAllow", "IPAddressDeny", "RestrictAddressFamilies", "RestrictNetworkInterfaces"],
  ...["SocketBindDeny", "ProtectSystem", "ProtectHome", "PrivateTmp", "ReadWritePaths", "NoNewPrivileges"],
  ...["CapabilityBoundingSet", "AmbientCapabilities", "NextElapseUSecRealtime", "LastTriggerUSec"],
  ...["FragmentPath", "DropInPaths"],
];

const propertyIn = (output: string, name: string): string =>
  new RegExp(`^${name}=(.*)$`, "m").exec(output)?.[1]?.trim() ?? "";

/** A unit's own file and its drop-ins, where systemd says that they are. */
const unitFiles = (output: string): readonly string[] =>
  [propertyIn(output, "FragmentPath"), ...propertyIn(output, "DropInPaths").split(" ")].filter((path) =>
    path.startsWith("/"),
  );

const askSystemd = async (desk: Desk, unit: string): Promise<Part & { readonly text: string }> => {
  const ran = await runProgram(desk.probe, "systemctl", ["show", "-p", PROPERTIES.join(","), "--", unit]);
  if (ran === undefined) return { ...lacking("systemctl", "no such program here"), text: "" };
  if (!ran.ok) return { ...failedPart(`systemctl show ${unit}`, ran), text: "" };
  if (ran.exitCode !== 0 || propertyIn(ran.output, "LoadState") === "not-found") return { ...NOTHING, text: "" };
  const files = await Promise.all(
    unitFiles(ran.output).map((path) =>
      takeFile(desk, { path, what: "a unit of systemd, or a drop-in to one", kind: "unit" }),
    ),
  );
  // Of a property that is not set, nothing is said.
  const text = linesWith(/=(?!$|\[not set\]$|infinity$)/)(ran.output);
  return { ...together(files), text };
};

const NO_SERVICE = "no service of that name here";
const NO_MANAGER = "no manager of services here";
const NONE: Readonly<Record<Topology["system"]["services"], string>> = {
  systemd: NO_SERVICE,
  openrc: NO_SERVICE,
  freebsd: NO_SERVICE,
  container: NO_MANAGER,
  kubernetes: NO_MANAGER,
  none: NO_MANAGER,
};

/** What the manager of services says of one. */
const takeService = async (desk: Desk, name: string): Promise<Part> => {
  const bySystemd = desk.topology.system.services === "systemd";
  const [saw, shown] = await Promise.all([
    desk.probe.service(name),
    bySystemd ? askSystemd(desk, `${name}.service`) : { ...NOTHING, text: "" },
  ]);
  const told = saw.ok && saw.known ? `${fields(saw)}\n` : "";
  const content = [told, shown.text].filter((text) => text !== "").join("\n");
  const rest: Part = saw.ok ? NOTHING : failedPart(`the service ${name}`, saw, true);
  if (content === "") {
    const isTold = rest.missing.length + rest.denied.length + shown.missing.length + shown.denied.length > 0;
    const none = lacking(
      `the service ${name}`,
      `${NONE[desk.topology.system.services]}: no state, no count of restarts`,
    );
    return together([rest, shown, isTold ? NOTHING : none]);
  }
  const counts = /^(?:restarts: |NRestarts=)/m.test(content)
    ? NOTHING
    : lacking(`how often ${name} was restarted`, "nothing here counts it");
  const what = `what the manager of services says of ${name}: state, restarts, last end, limits`;
  return together([withEntry({ name: `services/${name}.txt`, what, content, kind: "unit" }), rest, shown, counts]);
};

const TIMER = "crowdsec-hubupdate.timer";
const takeTimer = async (desk: Desk): Promise<Part> => {
  const shown = await askSystemd(desk, TIMER);
  if (shown.text === "") return { ...NOTHING, missing: shown.missing, denied: shown.denied };
  const what = "what systemd says of the timer that updates the hub";
  return together([withEntry({ name: `services/${TIMER}.txt`, what, content: shown.text, kind: "unit" }), shown]);
};

/** Components whose service is asked for; cscli has none. */
const serviceNames = ({ components }: Topology): readonly string[] => [
  ...new Set([
    "crowdsec",
    ...components
      .filter(({ name }) => name !== "cscli" && name !== "cscli-sudo")
      .map(({ name, unit }) => serviceName(unit ?? name)),
  ]),
];

/** Scripts and settings of OpenRC and of FreeBSD's rc (commands of src/model/commands.ts name them). */
const scriptLooks = ({ system }: Topology, names: readonly string[]): readonly Look[] => {
  const places: Readonly<Partial<Record<typeof system.services, readonly string[]>>> = {
    openrc: ["/etc/init.d", "/etc/conf.d"],
    freebsd: ["/usr/local/etc/rc.d", "/etc/rc.conf.d"],
  };
  const wanted = system.services === "freebsd" ? [...names, "crowdsec_firewall"] : names;
  return (places[system.services] ?? []).flatMap((folder) =>
    wanted.map((name) => {
      const path = `${folder}/${name}`;
      const what = "how a service is started";
      return { source: path, look: (desk) => takeFile(desk, { path, what, kind: "environment" }) } satisfies Look;
    }),
  );
};

/** Names of the programs that may run here. */
const programNames = ({ components }: Topology): readonly string[] => [
  ...new Set([
    "crowdsec",
    ...components.filter(({ name, unit }) => unit === undefined || serviceName(unit) === name).map(({ name }) => name),
  ]),
];

const runningOf = async ({ probe, topology }: Desk): Promise<readonly ProcessSeen[]> => {
  const found = await Promise.all(programNames(topology).map((name) => probe.processes(name)));
  return found.flat().filter(({ pid }, index, all) => all.findIndex((other) => other.pid === pid) === index);
};

const processLine = ({ pid, uid, ageSeconds, executable, argv }: ProcessSeen): string =>
  `pid ${pid}, user ${uid ?? "unknown"}, since ${Math.round(ageSeconds)} s, ${executable ?? "program unknown"}: ${argv.map(shellQuote).join(" ")}\n`;

const countOpen = async ({ probe }: Desk, pid: number): Promise<string> => {
  const saw = await probe.folder(`/proc/${pid}/fd`);
  return saw.ok ? `open files of process ${pid}: ${saw.names.length}\n` : "";
};

/** What the kernel grants a process. */
const takeLimits = async (desk: Desk, { pid }: ProcessSeen): Promise<Part> => {
  const at = `/proc/${pid}`;
  const files = ["limits", "status", "cgroup", "attr/current", "oom_score_adj", "uid_map", "sessionid"];
  return takeSheet(desk, {
    name: `services/limits-${pid}.txt`,
    what: `limits, control group, capabilities and security label of process ${pid}`,
    asks: [
      { any: [["head", "-n", "200", ...files.map((file) => `${at}/${file}`)]], lenient: true },
      { any: [["ls", "-ln", `${at}/ns`]], root: true },
    ],
  });
};

/** CrowdSec's own processes and its bouncers', and no other: no list of everything that runs here. */
const takeProcesses = async (desk: Desk): Promise<Part> => {
  const running = await runningOf(desk);
  if (running.length === 0) return lacking("processes of CrowdSec and its bouncers", "none runs");
  const open = await Promise.all(running.map(({ pid }) => countOpen(desk, pid)));
  const content = running.map(processLine).join("") + open.join("");
  const own = { name: "services/processes.txt", what: "CrowdSec's own processes and its bouncers'", content };
  const linux = desk.topology.system.services !== "freebsd";
  const parts = await Promise.all(linux ? running.map((each) => takeLimits(desk, each)) : []);
  return together([withEntry({ ...own, kind: "arguments" }), ...parts]);
};

export const serviceLooks = (topology: Topology): readonly Look[] => {
  const names = serviceNames(topology);
  return [
    ...names.map((name) => ({ source: `the service ${name}`, look: (desk: Desk) => takeService(desk, name) })),
    ...(topology.system.services === "systemd" ? [{ source: TIMER, look: takeTimer }] : []),
    { source: "processes of CrowdSec and its bouncers", look: takeProcesses },
    ...scriptLooks(topology, names),
  ];
};
