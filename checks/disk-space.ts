import { type Context, defineCheck, type Evidence, type Verdict } from "../src/model/check.ts";
import type { PathSeen } from "../src/model/observation.ts";
import { HOSTS, IMAGES } from "../src/model/remedy.ts";
import { amount, type EngineFolder, engineFolders, isDangling, isOfDatabase, nearest } from "./engine-folders.ts";

const MIB = 1024 * 1024;

/** What a folder is needed for: bytes without which it fails, bytes below which it will soon, and the sentences for both. */
interface Need {
  readonly full: number;
  readonly low: number;
  readonly fails: string;
  readonly soon: string;
}

/** Below this nothing can be relied on to be written; the database check has the same. */
const NO_BYTES = 5 * MIB;
/** config.yaml of the packages has it write ten logs of 20 MB, the old ones compressed (log_max_size, log_max_files). */
const LOG_BYTES = 200 * MIB;

const RUNNING: Readonly<Record<EngineFolder["use"], Need>> = {
  program: {
    full: NO_BYTES,
    low: NO_BYTES,
    fails: "its package cannot be upgraded",
    soon: "its package cannot be upgraded",
  },
  configuration: {
    full: NO_BYTES,
    low: NO_BYTES,
    fails: "cscli can write no configuration",
    soon: "cscli can write no configuration",
  },
  hub: {
    full: NO_BYTES,
    low: NO_BYTES,
    fails: "cscli hub update cannot write what it fetches",
    soon: "cscli hub update cannot write what it fetches",
  },
  data: {
    full: NO_BYTES,
    low: LOG_BYTES,
    fails: "crowdsec can write no data",
    soon: "the hub's data files are renewed there, the largest has some 70 MB",
  },
  log: {
    full: NO_BYTES,
    low: LOG_BYTES,
    fails: "what crowdsec logs is lost",
    soon: "crowdsec's own log alone may grow to that",
  },
};

/**
 * Before an install. Its programs: Debian's own package 1.4.6 has an installed size of 108 MiB, Alpine's 1.7.6 of 128 MiB.
 * Its data: some 97 MB right after an install (crowdsec-docs, pull request 208), and 1 GB is what CrowdSec asks for.
 */
const INSTALLING: Readonly<Record<EngineFolder["use"], Need>> = {
  ...RUNNING,
  program: {
    full: 128 * MIB,
    low: 128 * MIB,
    fails: "crowdsec's package takes about 128 MiB",
    soon: "crowdsec's package takes about 128 MiB",
  },
  data: {
    full: 97_000_000,
    low: 1_000_000_000,
    fails: "the hub's data files take about 97 MB",
    soon: "CrowdSec asks for 1 GB, since its database grows",
  },
};

const DOCS = "https://docs.crowdsec.net/u/getting_started/intro";

/** What is short: room for bytes, or for files. */
const BYTES = "bytes";
const INODES = "inodes";

const REMEDY = [
  {
    when: INODES,
    text: "See which file system has no room for another file, and remove files that nobody needs; how large they are makes no difference.",
    commands: ["df -i {folder}"],
    url: DOCS,
  },
  {
    when: BYTES,
    services: HOSTS,
    text: "See what takes the space, and make room.",
    commands: ["df -h {folder}", "du -xhd 1 {folder} | sort -h | tail"],
    url: DOCS,
  },
  {
    when: BYTES,
    services: ["systemd"],
    text: "The journal may take up to a tenth of its file system: 200 MB of it are mostly enough.",
    commands: ["journalctl --vacuum-size=200M"],
  },
  {
    when: BYTES,
    services: IMAGES,
    text: "Give the volume that holds {folder} more room; without one, that is the disk of the machine that this runs on.",
    commands: ["df -h {folder}"],
    url: DOCS,
  },
] as const;

const FAULTS = {
  "disk-full": {
    blame: "this-host",
    confidence: "certain",
    recovers: true,
    says: "{folder} has {free} left for CrowdSec's {uses}: {why}",
    remedy: REMEDY,
  },
  "disk-low": {
    severity: "warning",
    blame: "this-host",
    confidence: "certain",
    recovers: true,
    says: "{folder} has {free} left for CrowdSec's {uses}: {why}",
    remedy: REMEDY,
  },
} as const;

type Code = keyof typeof FAULTS;

/** A folder of CrowdSec's, or the nearest above it that is there. */
interface Place {
  readonly folder: EngineFolder;
  readonly path: string;
  readonly seen: PathSeen;
}

/** Two folders with room for the same are on one file system: others write there meanwhile, so nearly the same. */
const SAME_BYTES = MIB;

/** Those on one file system, in the order of the folders. */
const sharing = (places: readonly Place[]): readonly (readonly [Place, ...Place[]])[] => {
  const disks: [Place, ...Place[]][] = [];
  for (const place of places) {
    const disk = disks.find(([first]) => Math.abs(first.seen.freeBytes - place.seen.freeBytes) < SAME_BYTES);
    if (disk) disk.push(place);
    else disks.push([place]);
  }
  return disks;
};

const largest = (places: readonly [Place, ...Place[]], of: (place: Place) => number): Place =>
  places.reduce((most, place) => (of(place) > of(most) ? place : most));

const NO_INODE = "no inode";
const NO_FILE = "no file can be made there, whatever room it has";

/** What is short on one file system; `full` says how much is missing there, so that the worst can be named. */
interface Short {
  readonly fault: Code;
  readonly at: Place;
  /** `96 MiB`, `no inode`. */
  readonly free: string;
  readonly uses: string;
  readonly why: string;
}

const shortOn = (
  disk: readonly [Place, ...Place[]],
  needs: Readonly<Record<EngineFolder["use"], Need>>,
): Short | undefined => {
  const needOf = ({ folder }: Place): Need => needs[folder.use];
  const free = Math.min(...disk.map(({ seen }) => seen.freeBytes));
  const uses = [...new Set(disk.map(({ folder }) => folder.use))].join(", ");
  // What is written at once, all of it must fit.
  const full = disk.reduce((sum, place) => sum + needOf(place).full, 0);
  if (free < full) {
    const at = largest(disk, (place) => needOf(place).full);
    return { fault: "disk-full", at, free: amount(at.seen.freeBytes), uses, why: needOf(at).fails };
  }
  const crowded = disk.find(({ seen }) => seen.freeInodes === 0);
  if (crowded) return { fault: "disk-full", at: crowded, free: NO_INODE, uses, why: NO_FILE };
  const at = largest(disk, (place) => needOf(place).low);
  return free < needOf(at).low
    ? { fault: "disk-low", at, free: amount(at.seen.freeBytes), uses, why: needOf(at).soon }
    : undefined;
};

/** Of a folder's disk nothing could be seen. */
interface Unseen {
  readonly folder: EngineFolder;
  readonly reason: string;
  /** Root might. */
  readonly hidden: boolean;
}

const look = async ({ probe }: Context, folder: EngineFolder): Promise<Place | Unseen> => {
  const { path, saw } = await nearest(probe, folder.path);
  if (saw.ok) return { folder, path, seen: saw };
  if (isDangling(saw))
    return { folder, reason: `${path} (a link to ${saw.leadsTo}, which is not there)`, hidden: false };
  return { folder, reason: `${path} (${saw.message})`, hidden: true };
};

/** A full disk stops an installation in the middle, and an engine without a word: what it logs is lost as well. */
export default defineCheck({
  id: "disk-space",
  title: "There is room where CrowdSec writes",
  why: "The package, the hub's data files, the database and the log need room: CrowdSec asks for 1 GB. A disk that is full stops an installation half-way, and a running engine loses decisions and its own log.",
  roles: ["lapi", "agent"],
  contacts: "nothing: looks at the file systems of CrowdSec's folders",
  faults: FAULTS,
  async run(context): Promise<Verdict<Code>> {
    const { topology } = context;
    const installs = topology.phase.value === "install";
    const looked = await Promise.all(engineFolders(topology).map((folder) => look(context, folder)));
    const all = looked.filter((place): place is Place => "seen" in place);
    const unseen = looked.filter((place): place is Unseen => "reason" in place);
    const database = all.find(({ folder }) => isOfDatabase(topology, folder));
    const disks = sharing(all).filter((disk) => database === undefined || !disk.includes(database));
    const short = disks.flatMap((disk) => shortOn(disk, installs ? INSTALLING : RUNNING) ?? []);
    const worst = short.find(({ fault }) => fault === "disk-full") ?? short[0];
    if (worst !== undefined) {
      const { fault, at, free, uses, why } = worst;
      const others = short.filter((one) => one !== worst);
      const evidence: Evidence = { target: { path: at.path, origin: at.folder.origin } };
      return {
        status: "fault",
        fault,
        data: { folder: at.path, free, uses, why },
        when: free === NO_INODE ? INODES : BYTES,
        evidence,
        ...(others.length > 0 && {
          also: others.map((one) => `${one.at.path} has ${one.free} left: ${one.why}`),
        }),
      };
    }
    if (unseen.length > 0) {
      const run = topology.user === "root" || !unseen.some(({ hidden }) => hidden) ? "" : "run as root: ";
      const reasons = unseen.map(({ reason }) => reason).join(", ");
      return { status: "unknown", reason: `${run}how much room there is could not be seen: ${reasons}` };
    }
    if (disks.length === 0)
      return { status: "pass", note: "all of it is on the disk of the database, whose check looks at that" };
    return {
      status: "pass",
      note: disks.map(([{ path, seen }]) => `${path} has ${amount(seen.freeBytes)}`).join(", "),
    };
  },
});
