import { posix } from "node:path";
import type { Prober } from "../model/observation.ts";
import type { Topology } from "../model/topology.ts";
import { runProgram } from "./programs.ts";

/** What a bundle may hold of this host's files, as far as links lead to them. */
export interface Scope {
  /**
   * Whether what was read belongs into a bundle.
   * @param path that was asked for
   * @param at where links led from there; undefined where there were none
   */
  allows(path: string, at: string | undefined): boolean;
}

/** Folders that are links themselves: each with the folder that it leads to. */
export type Leads = Readonly<Record<string, string>>;

/** One folder with two names since /usr took in the others, and since /var/run became /run; the second counts. */
const ALIASES: readonly (readonly [string, string])[] = [
  ["/lib64", "/usr/lib64"],
  ["/lib", "/usr/lib"],
  ["/bin", "/usr/bin"],
  ["/sbin", "/usr/sbin"],
  // Some distributions have one folder for both.
  ["/usr/sbin", "/usr/bin"],
  ["/var/run", "/run"],
  ["/var/lock", "/run/lock"],
];

const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

const canonical = (path: string): string =>
  ALIASES.reduce(
    (name, [alias, folder]) => (isBelow(name, alias) ? folder + name.slice(alias.length) : name),
    posix.normalize(path),
  );

/** Where links of the system itself lead: what is asked for, and the folders that hold what is meant. */
const PAIRS: readonly (readonly [string, readonly string[]])[] = [
  [
    "/etc/resolv.conf",
    [
      ...["/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf", "/run/connman", "/run/netconfig"],
      ...["/etc/resolvconf/run", "/usr/lib/systemd/resolv.conf"],
    ],
  ],
  ["/etc/os-release", ["/usr/lib/os-release"]],
  ["/etc/nsswitch.conf", ["/etc/authselect", "/usr/lib/authselect"]],
];

/** systemd.unit(5); what one of them links to in another is the same unit, or another name of it. */
const UNITS = ["/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd"].flatMap((folder) =>
  ["system", "system.control", "system.attached", "transient", "generator", "generator.early", "generator.late"].map(
    (name) => `${folder}/${name}`,
  ),
);

/** Too much lies in these for all of it to be CrowdSec's, whatever a configuration says. */
const SHARED = [
  ...["/", "/boot", "/data", "/dev", "/etc", "/home", "/mnt", "/opt", "/proc", "/root", "/run", "/srv", "/sys", "/tmp"],
  ...["/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/local/etc", "/usr/share", "/var", "/var/db", "/var/lib"],
  ...["/var/log", "/var/tmp", "/etc/default", "/etc/ssh", "/etc/ssl", "/etc/ssl/private", "/etc/pki", "/etc/sysconfig"],
];
/** A home as a whole, too. */
const HOME = /^\/(?:usr\/)?home\/[^/]+$/;
const isShared = (folder: string): boolean => SHARED.includes(folder) || HOME.test(folder);

/** What people have for themselves. */
const PRIVATE = /^\/(?:root|(?:usr\/)?home)\//;

/** Passwords and keys of the system and of people: not even when a configuration names them as its own. */
const NEVER =
  /^\/etc\/(?:g?shadow-?|master\.passwd|spwd\.db|ssl\/private\/.*|ssh\/ssh_host_.*_key|krb5\.keytab)$|\/\.(?:ssh|gnupg|aws|kube|docker)\/|\/id_(?:rsa|dsa|ecdsa|ed25519)$|^\/proc\/|^\/dev\//;

const unique = (folders: readonly string[]): readonly string[] => [...new Set(folders)];

const folderOf = (path: string): string => posix.dirname(posix.normalize(path));

/** Where packages put what is CrowdSec's own. */
const PACKAGES = [
  ...["/var/lib/crowdsec", "/var/db/crowdsec", "/usr/share/crowdsec", "/usr/local/share/crowdsec"],
  "/var/log/crowdsec",
];

/** Where its logs are, when no configuration says it. */
const LOGS = "/var/log";

/** The folders that CrowdSec has here for itself: of its configuration, its hub, its data and its log. */
const ownFolders = ({ config, database, dataDir, hubIndex, log }: Topology): readonly string[] =>
  unique([
    folderOf(config.value),
    ...PACKAGES,
    ...("kind" in database && database.kind === "sqlite" ? [folderOf(database.path.value)] : []),
    ...(dataDir ? [dataDir.value] : []),
    ...(hubIndex ? [folderOf(hubIndex.value)] : []),
    log ? folderOf(log.value) : LOGS,
  ]);

/** Folders of other files that its configuration names: `acquisition_dir` above all. */
const namedFolders = ({ acquisition, files }: Topology): readonly string[] =>
  unique([...("files" in acquisition ? acquisition.files : []), ...files].map(({ path }) => folderOf(path)));

/** The folders that may be links themselves, and whose place decides then what a link inside of them may lead to. */
export const rootsOf = (topology: Topology): readonly string[] =>
  unique([...ownFolders(topology), ...namedFolders(topology)]);

/** Folders that count as one. */
type Root = readonly string[];

/** Wherever a shared folder leads to, what lies there is still shared. */
const rootOf = (folders: readonly string[], leads: Leads): Root =>
  unique(
    folders
      .filter((folder) => !isShared(canonical(folder)))
      .flatMap((folder) => [folder, leads[folder] ?? folder])
      .map(canonical)
      .filter((folder) => !isShared(folder)),
  );

const within = (root: Root, path: string): boolean => root.some((folder) => isBelow(path, folder));

const OURS = /^crowdsec[\w.-]*$/;

/** Whether a file was moved together with its folder: /var/log is a link to /data/log, and the same crowdsec.log is there. */
const isMoved = (path: string, at: string, leads: Leads): boolean => {
  const folder = leads[folderOf(path)];
  return folder !== undefined && !PRIVATE.test(at) && canonical(posix.join(folder, posix.basename(path))) === at;
};

/**
 * What a bundle may hold. A file without a link on the way to it is what was asked for. By a link, only what lies in the
 * same folder of CrowdSec's or systemd's, or where the system's own links are known to lead.
 * @param leads where CrowdSec's folders are links themselves: then what lies in the folder that they lead to is theirs.
 *   Without it, nothing there is taken: a folder that was moved looks like a link out of it.
 */
export const createScope = (topology: Topology, leads: Leads = {}): Scope => {
  const own = rootOf(ownFolders(topology), leads);
  const roots: readonly Root[] = [...namedFolders(topology).map((folder) => rootOf([folder], leads)), UNITS];
  const logs = unique([LOGS, ...(topology.log ? [folderOf(topology.log.value)] : [])]).flatMap((folder) =>
    [folder, leads[folder] ?? folder].map(canonical),
  );
  // Where everybody's logs are, those that are called after it.
  const isOwn = (path: string): boolean =>
    within(own, path) || (OURS.test(posix.basename(path)) && logs.includes(folderOf(path)));
  return {
    allows: (path, at) => {
      const asked = canonical(path);
      if (NEVER.test(asked)) return false;
      if (at === undefined) return true;
      const place = canonical(at);
      if (NEVER.test(place)) return false;
      return (
        asked === place ||
        (isOwn(asked) && isOwn(place)) ||
        roots.some((root) => within(root, asked) && within(root, place)) ||
        PAIRS.some(([link, places]) => asked === link && within(places, place)) ||
        isMoved(posix.normalize(path), place, leads)
      );
    },
  };
};

const leadOf = async (probe: Prober, folder: string): Promise<readonly [string, string] | undefined> => {
  const saw = await runProgram(probe, "readlink", ["-f", folder]);
  const place = saw?.ok && saw.exitCode === 0 ? saw.output.trim() : folder;
  return place.startsWith("/") && place !== folder ? [folder, place] : undefined;
};

/** The same, with a look at where CrowdSec's folders themselves are: /etc/crowdsec may be a link to /opt/crowdsec. */
export const findScope = async (probe: Prober, topology: Topology): Promise<Scope> => {
  const found = await Promise.all(rootsOf(topology).map((folder) => leadOf(probe, folder)));
  return createScope(topology, Object.fromEntries(found.filter((each) => each !== undefined)));
};

/** Why a file that a link leads to is not in a bundle; of `Missing`. */
export const ledOut = (at: string | undefined): string =>
  at === undefined
    ? "a file of passwords or keys, which is never taken"
    : `a link that leads to ${at}, which was not asked for`;
