import { type Context, defineCheck, type Verdict } from "../src/model/check.ts";
import type { Prober } from "../src/model/observation.ts";
import { HOSTS, IMAGES } from "../src/model/remedy.ts";
import { atLeast, type Version } from "../src/model/version.ts";
import { type EngineFolder, engineFolders, isDangling, isOfDatabase, nearest } from "./engine-folders.ts";

/** What comes of it where a folder cannot be written. */
const FOLLOWS: Readonly<Record<EngineFolder["use"], string>> = {
  program: "the package cannot be installed",
  configuration: "cscli can change nothing there",
  hub: "cscli can fetch nothing from the hub",
  data: "crowdsec does not start",
  log: "what crowdsec logs is lost",
};
const DATA_BEFORE = "data files of the hub cannot be renewed";

/** From then on the engine ends when it cannot make a folder for its traces among its data (cmd/crowdsec/main.go). */
const TRACES: Version = [1, 6, 2];

/**
 * Before an install all of them are needed. Then only the data: what the engine cannot log, it does not
 * (pkg/logging/standard.go), and that cscli changes nothing can be what an administrator wanted.
 */
const isNeeded = ({ phase }: Context["topology"], { use }: EngineFolder, version: Version | undefined): boolean =>
  phase.value === "install" || (use === "data" && atLeast(version, TRACES));

/** Its program's folder is read-only, and its package, or its kind of system, has a way of its own. */
const PROGRAM = "program";
const WRITING = "writing";
const LINK = "link";
const INODES = "inodes";

const FAULTS = {
  "folder-not-writable": {
    blame: "this-host",
    confidence: "certain",
    says: "CrowdSec cannot write where it has to: {list}",
    remedy: [
      {
        when: WRITING,
        services: HOSTS,
        text: "See whether its file system is mounted read-only, on purpose or after an error of the disk, and mount it for writing; see the permissions.",
        commands: ["findmnt -T {folder}", "namei -l {folder}", "dmesg | tail -n 50"],
      },
      {
        when: WRITING,
        services: IMAGES,
        text: "Give the container a volume there that it may write to: with a read-only root, CrowdSec needs one for its data, and one for its configuration.",
        commands: ["ls -ld {folder}"],
      },
      {
        when: LINK,
        text: "See where the link leads: mount the file system that should be there, or put a folder in place of the link.",
        commands: ["ls -ld {folder}"],
      },
      {
        when: INODES,
        text: "See which file system has no room for another file, and remove files that nobody needs; how large they are makes no difference.",
        commands: ["df -i {folder}"],
      },
      {
        when: PROGRAM,
        services: HOSTS,
        text: "See whether that is on purpose. A system that cannot be changed takes packages in its own way, or runs CrowdSec's container image, which needs none; another one is mounted for writing first.",
        commands: ["findmnt -T {folder}"],
        url: "https://docs.crowdsec.net/u/getting_started/installation/docker",
      },
      {
        when: PROGRAM,
        services: IMAGES,
        text: "Take CrowdSec's own image, which has the programs.",
        url: "https://docs.crowdsec.net/u/getting_started/installation/docker",
      },
    ],
  },
} as const;

type Code = keyof typeof FAULTS;

/** Systems that are read-only by design and still install packages: their tools write another copy of the system. */
const LAYERED = [
  ["/run/ostree-booted", "rpm-ostree"],
  ["/usr/sbin/transactional-update", "transactional-update"],
] as const;

const layeredBy = async (probe: Prober): Promise<string | undefined> => {
  for (const [mark, tool] of LAYERED) if ((await probe.path(mark)).ok) return tool;
  return undefined;
};

interface Place {
  readonly folder: EngineFolder;
  readonly needed: boolean;
  /** The folder, or the nearest above it that is there. */
  readonly path: string;
  /** Why CrowdSec cannot write there; undefined: it can. */
  readonly problem?: string;
  /** Nothing could be seen. */
  readonly hidden?: true;
  /** Nobody can write there, root no more than another: a link that leads nowhere, or no inode left. */
  readonly nobody?: "link" | "inodes";
}

const look = async ({ probe, topology, version }: Context, folder: EngineFolder): Promise<Place> => {
  const { path, saw } = await nearest(probe, folder.path);
  const needed = isNeeded(topology, folder, folder.use === "data" ? await version() : undefined);
  if (isDangling(saw)) {
    const problem = `is a link to ${saw.leadsTo}, which is not there`;
    return { folder, needed, path, problem, nobody: LINK };
  }
  if (!saw.ok) return { folder, needed, path, problem: saw.message, hidden: true };
  if (saw.kind !== "folder") return { folder, needed, path, problem: "is no folder" };
  if (saw.writable && saw.freeInodes === 0)
    return { folder, needed, path, problem: "is on a file system with no inode left", nobody: INODES };
  return saw.writable ? { folder, needed, path } : { folder, needed, path, problem: "is not writable" };
};

const inWords = ({ folder, needed, path, problem }: Place): string => {
  const follows = folder.use === "data" && !needed ? DATA_BEFORE : FOLLOWS[folder.use];
  const what = path === folder.path ? path : `${path}, where ${folder.path} would be made,`;
  return `${what} ${problem}: ${follows}`;
};

/** Nothing is written to try it: permissions, and how file systems are mounted, tell. */
export default defineCheck({
  id: "writable-folders",
  title: "CrowdSec can write its folders",
  why: "CrowdSec runs as root and writes its data, its log, and with cscli its configuration and the hub. On a read-only file system, or one that a container may only read, the package's installation or the start of the engine fails.",
  roles: ["lapi", "agent"],
  contacts: "nothing: looks at the permissions and mounts of CrowdSec's folders",
  faults: FAULTS,
  async run(context): Promise<Verdict<Code>> {
    const { topology, probe } = context;
    const folders = engineFolders(topology).filter((folder) => !isOfDatabase(topology, folder));
    const places = await Promise.all(folders.map((folder) => look(context, folder)));
    const tool = places.some(({ folder, problem }) => folder.use === "program" && problem !== undefined)
      ? await layeredBy(probe)
      : undefined;
    const failing = places.filter(
      ({ folder, problem }) => problem !== undefined && (folder.use !== "program" || tool === undefined),
    );
    const [first] = failing;
    if (first === undefined) {
      const paths = [...new Set(places.map(({ folder }) => folder.path))].join(", ");
      return { status: "pass", note: tool === undefined ? paths : `${paths}; packages by ${tool}` };
    }
    const list = failing.map(({ folder }) => folder.path).join(", ");
    const certain = topology.user === "root" ? failing : failing.filter(({ nobody }) => nobody !== undefined);
    const [sure] = certain;
    if (sure === undefined) return { status: "unknown", reason: `run as root: whether ${list} can be written there` };
    if (failing.every(({ hidden }) => hidden))
      return {
        status: "unknown",
        reason: `whether CrowdSec can write could not be seen: ${failing.map(inWords).join("; ")}`,
      };
    const needed = certain.filter((place) => place.needed);
    // What is seen for certain, whatever permissions and mounts say, comes first.
    const worst = needed.find(({ nobody }) => nobody !== undefined) ?? needed[0] ?? sure;
    return {
      status: "fault",
      fault: "folder-not-writable",
      data: { list: certain.map(inWords).join("; "), folder: worst.path },
      when: worst.nobody ?? (certain.every(({ folder }) => folder.use === "program") ? PROGRAM : WRITING),
      evidence: { target: { path: worst.path, origin: worst.folder.origin } },
      ...(!worst.needed && { severity: "warning" as const }),
    };
  },
});
