import { posix } from "node:path";
import type { Topology } from "../model/topology.ts";
import { toUrl } from "../model/url.ts";
import {
  type Ask,
  type Desk,
  type FileWish,
  fields,
  fileLook,
  type Look,
  lacking,
  linesWith,
  NOTHING,
  type Part,
  type Sheet,
  sheetLook,
  takeSheet,
  together,
  withEntry,
} from "./gather.ts";
import { findProgram } from "./programs.ts";

/** Files of the kernel, which have no size and are not all there on every system; the first lines of each. */
const head = (...files: readonly string[]): Ask => ({
  any: [["head", "-n", "200", ...files]],
  keep: linesWith(/^(?!\S*head: )/),
  lenient: true,
});

/** The parts of the system that CrowdSec rests on; what their versions are tells which bugs to think of. */
const NEIGHBOURS = ["nftables", "iptables", "ipset", "ca-certificates", "nginx", "openresty", "haproxy"];

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: dpkg-query fills it
const PACKAGE_ASKS: readonly Ask[] = [
  {
    any: [
      [
        "dpkg-query",
        "-W",
        "-f=${db:Status-Abbrev}|${Package}|${Version}|${Architecture}\\n",
        "*crowdsec*",
        ...NEIGHBOURS,
      ],
    ],
    optional: true,
    lenient: true,
    // Of what is not there it says so, for each.
    keep: linesWith(/^[a-z][a-zA-Z][ R]*\|[^|]+\|[^|]+\|/),
  },
  {
    any: [["rpm", "-qa", "--qf", "%{NAME} %{VERSION}-%{RELEASE} %{ARCH}\\n", "*crowdsec*", ...NEIGHBOURS]],
    optional: true,
  },
  { any: [["apk", "list", "--installed", "*crowdsec*"]], optional: true, keep: linesWith(/crowdsec/) },
  { any: [["pkg", "info", "-x", "crowdsec"]], optional: true },
];
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: dpkg-query fills it

const ROUTES: Ask[] = [
  {
    any: [
      ["ip", "-4", "route", "show", "table", "all"],
      ["netstat", "-rn"],
      ["route", "-n"],
    ],
  },
  { any: [["ip", "-6", "route", "show", "table", "all"]], optional: true },
  { any: [["ip", "-4", "rule"]], optional: true },
  { any: [["ip", "-6", "rule"]], optional: true },
];

const LINUX_SYSCTLS = [
  ...["net.ipv4.ip_forward", "net.ipv4.ip_local_port_range", "net.ipv4.ip_nonlocal_bind", "net.ipv4.tcp_syn_retries"],
  ...["net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes"],
  ...["net.ipv4.tcp_retries2", "net.ipv4.tcp_mtu_probing", "net.ipv4.ip_no_pmtu_disc", "net.ipv4.tcp_tw_reuse"],
  ...["net.ipv4.conf.all.rp_filter", "net.ipv4.conf.default.rp_filter", "net.ipv6.bindv6only"],
  ...["net.ipv6.conf.all.disable_ipv6", "net.ipv6.conf.default.disable_ipv6", "net.ipv6.conf.lo.disable_ipv6"],
  ...["net.ipv6.conf.all.forwarding", "net.core.somaxconn", "net.core.netdev_max_backlog"],
  ...["net.netfilter.nf_conntrack_max", "net.netfilter.nf_conntrack_count"],
  ...["net.netfilter.nf_conntrack_tcp_timeout_established", "net.bridge.bridge-nf-call-iptables"],
  ...["net.ipv4.ip_unprivileged_port_start", "fs.file-nr", "fs.file-max", "fs.inotify.max_user_watches"],
  ...["fs.inotify.max_user_instances", "kernel.pid_max", "kernel.threads-max", "vm.overcommit_memory", "vm.swappiness"],
];
const BSD_SYSCTLS = [
  ...["net.inet.ip.forwarding", "net.inet.ip.portrange.first", "net.inet.ip.portrange.last", "kern.ipc.soacceptqueue"],
  ...["net.inet.tcp.keepidle", "net.inet.tcp.keepintvl", "hw.physmem", "hw.ncpu", "kern.openfiles", "kern.maxfiles"],
  ...["security.jail.jailed", "vm.swap_total"],
];

/** Ports that CrowdSec's programs use when nothing says otherwise: metrics, AppSec, bouncers' metrics. */
const PORTS = [6060, 7422, 60601, 60602];
/** Of the Local API; where that is on another one, this may be a web server's with all its visitors. */
const LAPI_PORT = 8080;
const MAX_PORT = 65_535;

/** Of this host's own configuration, where somebody listens or is called. */
const portsOf = ({ listen, metrics, database, clients }: Topology): readonly number[] => {
  const lapi = [
    ...(listen.uri && "value" in listen.uri ? [listen.uri.value.port] : []),
    ...(Array.isArray(clients) ? clients.flatMap(({ way }) => ("url" in way ? [portOf(way.url.value)] : [])) : []),
  ];
  const ports = [
    ...PORTS,
    ...(lapi.length > 0 ? lapi : [LAPI_PORT]),
    ...listen.appsec.map(({ value }) => value.port),
    ...("listenPort" in metrics ? [metrics.listenPort.value] : []),
    ...("kind" in database && database.kind === "network" && "port" in database.at ? [database.at.port.value] : []),
  ];
  return [...new Set(ports)].filter((port) => Number.isInteger(port) && port > 0 && port <= MAX_PORT);
};

const portOf = (url: string): number => {
  const parsed = toUrl(url);
  if (parsed === undefined) return 0;
  const { port, protocol } = parsed;
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
};

const OURS = /crowdsec|cscli/;
const HEADER = /^(State|Proto|Active|USER|Netid|Recv-Q)\b/;

/** Connections of others are nobody's business here: they tell who visits this host. */
const oursOn = (ports: readonly number[]) => (output: string) =>
  linesWith(new RegExp(`${HEADER.source}|${OURS.source}|[:.](?:${ports.join("|")})\\s`))(output.replace(/$/gm, " "));

const socketSheet = (topology: Topology): Sheet => {
  const ports = portsOf(topology);
  const filter = ports.map((port) => `sport = :${port} or dport = :${port}`).join(" or ");
  return {
    name: "system/sockets.txt",
    what: "listening sockets, connections of CrowdSec's programs and on CrowdSec's ports, and how many there are of all",
    asks: [
      {
        any: [
          ["ss", "-ltunp"],
          ["netstat", "-ltunp"],
          ["sockstat", "-46l"],
        ],
      },
      {
        any: [
          ["ss", "-tanp", `( ${filter} )`],
          ["netstat", "-tanp"],
          ["sockstat", "-46", "-P", "tcp"],
        ],
        keep: oursOn(ports),
      },
      { any: [["ss", "-tnp", "( dport = :443 or dport = :80 )"]], keep: oursOn([]), optional: true },
      {
        any: [
          ["ss", "-xlp"],
          ["netstat", "-lxp"],
          ["sockstat", "-ul"],
        ],
        keep: linesWith(new RegExp(`${HEADER.source}|crowdsec|lapi`)),
      },
      { any: [["ss", "-s"]], optional: true },
    ],
  };
};

/** Where CrowdSec's files are, as far as their rights, owners and sizes say what is wrong. */
const foldersOf = ({ config, log, database, hubIndex, dataDir }: Topology): readonly string[] => {
  const home = posix.dirname(config.value);
  const inside = ["bouncers", "acquis.d", "hub", "notifications", "console", "collections", "parsers"];
  return [
    ...new Set([
      home,
      ...inside.map((name) => posix.join(home, name)),
      // Where packages put it, when nothing tells.
      ...(dataDir ? [dataDir.value] : ["/var/lib/crowdsec", "/var/lib/crowdsec/data"]),
      ...("kind" in database && database.kind === "sqlite" ? [posix.dirname(database.path.value)] : []),
      ...(hubIndex ? [posix.dirname(hubIndex.value)] : []),
      ...(log && posix.dirname(log.value) !== "/var/log" ? [posix.dirname(log.value)] : []),
      "/var/log/crowdsec",
    ]),
  ];
};

/** Of a folder that is there; the others are asked for and not there, which says nothing. */
const present = async ({ probe }: Desk, paths: readonly string[]): Promise<readonly string[]> => {
  const saw = await Promise.all(paths.map((path) => probe.path(path)));
  return paths.filter((_path, index) => saw[index]?.ok);
};

const takeFolders = async (desk: Desk): Promise<Part> => {
  const folders = await present(desk, foldersOf(desk.topology));
  if (folders.length === 0) return NOTHING;
  return takeSheet(desk, {
    name: "system/folders.txt",
    what: "CrowdSec's folders: owners, rights, sizes and links",
    asks: [
      { any: [["ls", "-ldn", "--", ...folders]] },
      ...folders.map((folder): Ask => ({ any: [["ls", "-lan", "--", folder]], root: true })),
    ],
  });
};

const takeDisk = async (desk: Desk): Promise<Part> => {
  const folders = await present(desk, [...foldersOf(desk.topology), "/var/log", "/tmp"]);
  return takeSheet(desk, {
    name: "system/disk.txt",
    what: "room on the file systems that CrowdSec uses, and what is mounted",
    asks: [
      { any: [["df", "-kP", "--", ...folders]] },
      { any: [["df", "-iP", "--", ...folders]], optional: true },
      desk.topology.system.services === "freebsd" ? { any: [["mount"]] } : head("/proc/self/mountinfo"),
    ],
  });
};

/** Programs of CrowdSec's that say their version and read nothing for it: not even their configuration. */
const VERSIONS: Sheet = {
  name: "system/versions.txt",
  what: "what CrowdSec's programs say of their version",
  asks: [
    { any: [["crowdsec", "-version"]], optional: true },
    // No other command of cscli is run: they read the configuration, and some of them log in.
    { any: [["cscli", "version"]], optional: true },
  ],
};

const PACKAGES: Sheet = {
  name: "system/packages.txt",
  what: "CrowdSec's packages with their state, and those of what it works with",
  asks: PACKAGE_ASKS,
};

const BOTH: readonly Sheet[] = [
  VERSIONS,
  PACKAGES,
  {
    name: "system/kernel.txt",
    what: "kernel, architecture, how long this system is up",
    asks: [{ any: [["uname", "-a"]] }, { any: [["uptime"]] }],
  },
  {
    name: "system/addresses.txt",
    what: "network interfaces: addresses, MTU, counters of errors",
    asks: [
      {
        any: [
          ["ip", "address"],
          ["ifconfig", "-a"],
        ],
      },
      { any: [["ip", "-s", "link"]], optional: true },
    ],
  },
  {
    name: "system/routes.txt",
    what: "routes of both families, and the rules that choose among their tables",
    asks: ROUTES,
  },
  {
    name: "system/neighbours.txt",
    what: "neighbours on the network: who answers on the link",
    asks: [
      {
        any: [
          ["ip", "neigh"],
          ["arp", "-an"],
        ],
      },
    ],
  },
];

const LINUX: readonly Sheet[] = [
  {
    name: "system/memory.txt",
    what: "memory, swap, and what waits for it",
    asks: [
      head(
        "/proc/meminfo",
        "/proc/swaps",
        "/proc/loadavg",
        "/proc/pressure/memory",
        "/proc/pressure/io",
        "/proc/pressure/cpu",
      ),
    ],
  },
  {
    name: "system/limits.txt",
    what: "limits of this process's control group and of the whole container",
    asks: [
      head(
        ...["/proc/self/cgroup", "/proc/self/limits"],
        ...["memory.max", "memory.current", "memory.events", "cpu.max", "cpu.stat", "pids.max", "pids.current"].map(
          (name) => `/sys/fs/cgroup/${name}`,
        ),
        ...[
          "memory/memory.limit_in_bytes",
          "memory/memory.usage_in_bytes",
          "cpu/cpu.cfs_quota_us",
          "pids/pids.max",
        ].map((name) => `/sys/fs/cgroup/${name}`),
      ),
    ],
  },
  {
    name: "system/namespaces.txt",
    what: "whether this is a container: namespaces, users' numbers outside, capabilities of this tool",
    asks: [
      { any: [["ls", "-ln", "/proc/self/ns", "/proc/1/ns"]] },
      head("/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/status"),
      { any: [["ls", "-ld", "/.dockerenv", "/run/.containerenv"]] },
    ],
  },
  {
    name: "system/security.txt",
    what: "security modules of the kernel, and the label of this tool",
    asks: [
      head(
        ...["/sys/kernel/security/lsm", "/sys/fs/selinux/enforce", "/sys/module/apparmor/parameters/enabled"],
        ...["/proc/self/attr/current", "/proc/sys/kernel/yama/ptrace_scope"],
      ),
    ],
  },
  {
    name: "system/sysctl.txt",
    what: "settings of the kernel that change how connections are made",
    asks: [
      {
        any: [
          ["sysctl", "-e", ...LINUX_SYSCTLS],
          ["head", "-n", "1", ...LINUX_SYSCTLS.map((name) => `/proc/sys/${name.replace(/\./g, "/")}`)],
        ],
      },
    ],
  },
];

const BSD: readonly Sheet[] = [
  {
    name: "system/sysctl.txt",
    what: "settings of the kernel, memory among them",
    asks: [{ any: [["sysctl", ...BSD_SYSCTLS]] }],
  },
];

/** Files of the system that decide over names, hosts and time. */
const FILES: readonly FileWish[] = [
  { path: "/etc/resolv.conf", what: "the nameservers of this host" },
  { path: "/run/systemd/resolve/resolv.conf", what: "the nameservers behind systemd-resolved" },
  { path: "/etc/nsswitch.conf", what: "who is asked for names" },
  { path: "/etc/hosts", what: "names that this host knows by itself" },
  { path: "/etc/host.conf", what: "how the C library looks up names" },
  { path: "/etc/gai.conf", what: "which addresses the C library prefers" },
  { path: "/etc/os-release", what: "the distribution" },
  { path: "/usr/lib/os-release", what: "the distribution" },
  { path: "/etc/adjtime", what: "how the hardware's clock is set" },
  { path: "/etc/timezone", what: "the time zone" },
  { path: "/etc/systemd/timesyncd.conf", what: "whom systemd asks for the time" },
];

const TIME_SERVICES = ["systemd-timesyncd", "chronyd", "chrony", "ntpd", "ntp", "ntpsec", "openntpd"];
/** Programs that say how far off the clock is. */
const TIME_CLIENTS = ["chronyc", "ntpq"];

/**
 * The time and its source. timedatectl is not asked: it would have D-Bus start a service. chronyc is asked over loopback,
 * since over its socket it would leave a file of its own for a moment (chronyc(1)).
 */
const takeTime = async (desk: Desk): Promise<Part> => {
  const [services, synchronized] = await Promise.all([
    Promise.all(TIME_SERVICES.map((name) => desk.probe.service(name))),
    desk.probe.path("/run/systemd/timesync/synchronized"),
  ]);
  const known = services.flatMap((saw) => (saw.ok && saw.known ? [`${fields(saw)}\n`] : []));
  const clients = await Promise.all(TIME_CLIENTS.map((name) => findProgram(desk.probe, name)));
  const unasked = clients.every((path) => path === undefined)
    ? lacking(TIME_CLIENTS.join(", "), "no such program here, so nobody was asked how far off the clock is")
    : NOTHING;
  const told = [
    `this tool's clock: ${desk.now.toISOString()}`,
    ...(known.length === 0 ? [`no service that sets the clock is known here: ${TIME_SERVICES.join(", ")}`] : []),
    ...(synchronized.ok ? ["systemd-timesyncd has set the clock since this system is up"] : []),
  ];
  const sheet = await takeSheet(desk, {
    name: "system/time.txt",
    what: "the time, and where this host has it from",
    asks: [
      { any: [["date", "-u"]] },
      { any: [["date"]] },
      { any: [["chronyc", "-h", "127.0.0.1", "-n", "tracking"]], optional: true },
      { any: [["chronyc", "-h", "127.0.0.1", "-n", "sources"]], optional: true },
      { any: [["ntpq", "-pn"]], optional: true },
    ],
  });
  const content = [...told, "", ...known, ...sheet.entries.map((entry) => entry.content)].join("\n");
  const entry = {
    name: "system/time.txt",
    what: "the time, and where this host has it from",
    content,
    kind: "text",
  } as const;
  return together([withEntry(entry), { ...sheet, entries: [] }, unasked]);
};

export const systemLooks = (topology: Topology): readonly Look[] => [
  ...FILES.map(fileLook),
  ...BOTH.map(sheetLook),
  sheetLook(socketSheet(topology)),
  ...(topology.system.services === "freebsd" ? BSD : LINUX).map(sheetLook),
  { source: "system/time.txt", look: takeTime },
  { source: "system/disk.txt", look: takeDisk },
  { source: "system/folders.txt", look: takeFolders },
];
