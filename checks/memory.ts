import { type Context, defineCheck, type Verdict } from "../src/model/check.ts";
import type { MemoryAmounts } from "../src/model/observation.ts";
import { amount } from "./engine-folders.ts";

const MIB = 1024 * 1024;

/**
 * An engine at rest. CrowdSec asks for 100 MB of free RAM at least (docs.crowdsec.net, getting started), and says that
 * 1.8.2 took 110 MB with the collections linux and nginx, and about 300 MB with several hundred scenarios and AppSec.
 */
const AT_REST_BYTES = 110_000_000;
/**
 * The smallest that was measured: the real 1.4.6, Local API and agent in one process with the 35 scenarios that Debian
 * enables, has 60 MiB resident while it starts. Some 25 MiB of these are its own, the rest are pages of its program,
 * without which it could but crawl; in a control group of 24 MiB the kernel killed it.
 */
const SMALLEST_BYTES = 64 * MIB;
/** What cscli 1.4.6 has resident in `cscli hub update`, which a timer starts every day beside a running engine: 33 MiB. */
const CSCLI_BYTES = 40 * MIB;
/** What CrowdSec's chart gives the agent; it gives the Local API 500 Mi (helm-charts, charts/crowdsec/values.yaml). */
const CHART_AGENT_BYTES = 250 * MIB;

const DOCS = "https://docs.crowdsec.net/u/troubleshooting/general/";
const KILLED = "https://github.com/crowdsecurity/helm-charts/issues/128";

/** The limit is that of crowdsec's unit, or of the control group that all of this is in. */
const UNIT = "unit";
const GROUP = "group";

const REMEDY = [
  {
    when: UNIT,
    text: "Raise MemoryMax= in {file}, or take it out.",
    commands: ["systemctl cat crowdsec", "systemctl daemon-reload", "systemctl restart crowdsec"],
    url: DOCS,
  },
  {
    when: GROUP,
    services: ["container"],
    text: "Raise the container's memory limit (--memory, or mem_limit in a compose file), to 250 MiB at least.",
    url: DOCS,
  },
  {
    when: GROUP,
    services: ["kubernetes"],
    text: "Raise the pod's memory limit: CrowdSec's chart gives the agent 250Mi, and the Local API 500Mi (lapi.resources, agent.resources).",
    url: KILLED,
  },
  {
    when: GROUP,
    services: ["systemd", "openrc", "freebsd", "none"],
    text: "Raise the memory limit of {group}: from outside, where this is a container of a whole system.",
    url: DOCS,
  },
  {
    services: ["systemd", "openrc", "none"],
    text: "See what takes the memory of this host, and end what is not needed.",
    commands: ["free -m", "ps -e -o rss,comm | sort -n | tail"],
    url: DOCS,
  },
  {
    services: ["systemd", "openrc"],
    text: "Or give this host swap: CrowdSec starts then, and is slow whenever others need the memory. /etc/fstab makes it last.",
    commands: ["fallocate -l 1G /swapfile", "chmod 600 /swapfile", "mkswap /swapfile", "swapon /swapfile"],
    undo: ["swapoff /swapfile", "rm /swapfile"],
  },
  {
    services: ["freebsd"],
    text: "See what takes the memory of this host, and end what is not needed.",
    commands: ["top -b -o res", "swapinfo -m"],
    url: DOCS,
  },
  {
    services: ["container", "kubernetes"],
    text: "See what takes the memory of the machine that this runs on, and end what is not needed there.",
    url: DOCS,
  },
] as const;

const FAULTS = {
  "memory-too-low": {
    blame: "this-host",
    recovers: true,
    says: "{short}: crowdsec does not fit; the smallest that was measured takes 64 MiB, a newer one 110 MB at rest",
    remedy: REMEDY,
  },
  "memory-low": {
    severity: "warning",
    blame: "this-host",
    recovers: true,
    says: "{short}: {takes}",
    remedy: REMEDY,
  },
} as const;

type Code = keyof typeof FAULTS;

const AT_REST = "crowdsec takes about 110 MB at rest, and about 300 MB with AppSec and several hundred scenarios";
const CHART = "CrowdSec's own chart gives an agent 250 MiB, and a Local API 500 MiB";
const CSCLI =
  "the next cscli hub update, which takes 40 MiB beside the running crowdsec, may end with one of them killed";

/** Where an administrator limits a unit (systemd.unit(5)), by the folder's name; the last line of the last file counts. */
const DROP_INS = ["/run/systemd/system/crowdsec.service.d", "/etc/systemd/system/crowdsec.service.d"] as const;
const UNIT_FILE = "/etc/systemd/system/crowdsec.service";

const FACTORS: Readonly<Record<string, number>> = { "": 1, K: 1024, M: MIB, G: 1024 * MIB, T: MIB * MIB };

/** `512M`, `20%`; undefined for `infinity` and what systemd would pass over (systemd.resource-control(5)). */
const limitOf = (value: string, totalBytes: number): number | undefined => {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)\s*([KMGT%]?)$/.exec(value) ?? [];
  if (number === "") return undefined;
  return unit === "%" ? (totalBytes * Number(number)) / 100 : Number(number) * (FACTORS[unit] ?? 1);
};

/** What the unit of crowdsec may have. */
interface UnitLimit {
  readonly bytes: number;
  readonly setting: string;
  readonly file: string;
}

const unitLimit = async ({ probe }: Context, totalBytes: number): Promise<UnitLimit | undefined> => {
  const folders = await Promise.all(
    DROP_INS.map(async (folder) => {
      const seen = await probe.folder(folder);
      return seen.ok ? seen.names.filter((name) => name.endsWith(".conf")).map((name) => ({ folder, name })) : [];
    }),
  );
  // Of two with the same name, that of /etc counts; all are read in the order of their names.
  const byName = new Map(folders.flat().map(({ folder, name }) => [name, `${folder}/${name}`]));
  const dropIns = [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
  let found: UnitLimit | undefined;
  for (const file of [UNIT_FILE, ...dropIns]) {
    const saw = await probe.file(file);
    if (!saw.ok) continue;
    for (const [, key = "", value = ""] of saw.content.matchAll(/^\s*(MemoryMax|MemoryLimit)\s*=\s*(\S*)\s*$/gm)) {
      const bytes = limitOf(value, totalBytes);
      found = bytes === undefined ? undefined : { bytes, setting: `${key}=${value}`, file };
    }
  }
  return found;
};

/** Whether crowdsec will be a service, in a group of its own, and not in that of whoever runs this. */
const isManaged = ({ topology: { system } }: Context): boolean =>
  system.services === "systemd" || system.services === "openrc";

const inWords = ({ totalBytes, availableBytes, swapFreeBytes, limitedBy }: MemoryAmounts, of = ""): string => {
  const swap = swapFreeBytes > 0 ? `, and ${amount(swapFreeBytes)} of swap` : ", and no swap";
  const limit = limitedBy === undefined || of !== "" ? of : `, the limit of ${limitedBy}`;
  return `${amount(availableBytes)} of ${amount(totalBytes)} memory are free${limit}${swap}`;
};

const judge = (
  amounts: MemoryAmounts,
  data: Readonly<Record<"file" | "group" | "short", string>>,
  when: string | undefined,
): Verdict<Code> => {
  const { totalBytes, availableBytes, swapFreeBytes, limitedBy } = amounts;
  const occasion = when === undefined ? {} : { when };
  if (availableBytes + swapFreeBytes < SMALLEST_BYTES)
    return { status: "fault", fault: "memory-too-low", data, ...occasion };
  if (availableBytes < AT_REST_BYTES)
    return { status: "fault", fault: "memory-low", data: { ...data, takes: AT_REST }, ...occasion };
  if (limitedBy !== undefined && totalBytes < CHART_AGENT_BYTES)
    return { status: "fault", fault: "memory-low", data: { ...data, takes: CHART }, ...occasion };
  return { status: "pass", note: data.short };
};

/** A kernel that is out of memory ends the largest program, and of small hosts that is often this one: exit status 137, `oom-kill`. */
export default defineCheck({
  id: "memory",
  title: "There is enough memory for crowdsec",
  why: "Where memory runs out, the kernel kills crowdsec (exit status 137, oom-kill), while it starts or under load; systemd starts it again after a minute, or never.",
  roles: ["lapi", "agent"],
  contacts: "nothing: reads /proc/meminfo, the limits of control groups and those of crowdsec's unit",
  faults: FAULTS,
  async run(context) {
    const { topology, probe } = context;
    const saw = await probe.memory();
    if (!saw.ok) return { status: "unknown", reason: `how much memory there is could not be read: ${saw.message}` };
    const seen: MemoryAmounts = isManaged(context) ? (saw.system ?? saw) : saw;
    // What FreeBSD's caches would give back is not in its free memory: only what there is in all can be judged.
    const amounts = topology.system.services === "freebsd" ? { ...seen, availableBytes: seen.totalBytes } : seen;
    const group = amounts.limitedBy ?? "";
    if (topology.engine !== undefined) {
      if (amounts.availableBytes + amounts.swapFreeBytes >= CSCLI_BYTES)
        return { status: "skip", reason: "not applicable: crowdsec runs here already" };
      const data = { file: "", group, short: inWords(amounts), takes: CSCLI };
      return { status: "fault", fault: "memory-low", data, ...(group !== "" && { when: GROUP }) };
    }
    const limit = topology.system.services === "systemd" ? await unitLimit(context, amounts.totalBytes) : undefined;
    if (limit === undefined || limit.bytes >= amounts.totalBytes) {
      const data = { file: "", group, short: inWords(amounts) };
      return judge(amounts, data, group === "" ? undefined : GROUP);
    }
    const less: MemoryAmounts = {
      ...amounts,
      totalBytes: limit.bytes,
      availableBytes: Math.min(limit.bytes, amounts.availableBytes),
      limitedBy: limit.file,
    };
    const data = { file: limit.file, group, short: inWords(less, `, by ${limit.setting} (${limit.file})`) };
    return judge(less, data, UNIT);
  },
});
