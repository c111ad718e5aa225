import type { PathObservation, PathUnseen, Prober } from "../src/model/observation.ts";
import { hasRole, type Topology } from "../src/model/topology.ts";

/** A folder that CrowdSec, or the installation of its package, writes to. */
export interface EngineFolder {
  readonly use: "program" | "configuration" | "hub" | "data" | "log";
  readonly path: string;
  /** Where that is written. */
  readonly origin: string;
}

const MIB = 1024 * 1024;

/** `96 MiB`, `3.2 GiB`: rounded down, so that it is never more than there is. */
export const amount = (bytes: number): string =>
  bytes < 1024 * MIB ? `${Math.floor(bytes / MIB)} MiB` : `${(Math.floor(bytes / (102.4 * MIB)) / 10).toFixed(1)} GiB`;

export const folderOf = (path: string): string => path.replace(/\/[^/]*$/, "") || "/";

/** Programs come here by package; an image has them already. */
const programs = ({ services, packages }: Topology["system"]): string | undefined => {
  if (services === "container" || services === "kubernetes" || packages === "none") return undefined;
  return packages === "freebsd" ? "/usr/local" : "/usr";
};

/** `config_paths.data_dir` as packages write it (config/config.yaml; freebsd-ports, security/crowdsec/Makefile). */
const defaultData = ({ services }: Topology["system"]): string =>
  services === "freebsd" ? "/var/db/crowdsec/data" : "/var/lib/crowdsec/data";

/** The folder of SQLite's file, which is that of the engine's data too, unless somebody moved one of them. */
const sqliteOf = ({ database }: Topology): EngineFolder | undefined =>
  "kind" in database && database.kind === "sqlite"
    ? { use: "data", path: folderOf(database.path.value), origin: database.path.origin }
    : undefined;

/** What the engine keeps: the database's file, and what the hub and its own traces bring. */
const dataOf = (topology: Topology): readonly EngineFolder[] => {
  const { dataDir, system } = topology;
  const told = dataDir && ({ use: "data", path: dataDir.value, origin: dataDir.origin } as const);
  const known = [sqliteOf(topology), told].filter((folder) => folder !== undefined);
  return known.length > 0 ? known : [{ use: "data", path: defaultData(system), origin: "default" }];
};

/**
 * What CrowdSec writes to on this host: its data, what its hub and cscli write, and its log. Before an install also where
 * the package puts its programs.
 */
export const engineFolders = (topology: Topology): readonly EngineFolder[] => {
  const { config, hubIndex, log, phase, system } = topology;
  const installs = phase.value === "install";
  const program = installs ? programs(system) : undefined;
  const logs: Omit<EngineFolder, "use"> | undefined = log
    ? { path: folderOf(log.value), origin: log.origin }
    : installs && system.services !== "container" && system.services !== "kubernetes"
      ? { path: "/var/log", origin: "default" }
      : undefined;
  const folders: readonly EngineFolder[] = [
    ...(program === undefined ? [] : [{ use: "program", path: program, origin: "default" } as const]),
    { use: "configuration", path: folderOf(config.value), origin: config.origin },
    ...(hubIndex ? [{ use: "hub", path: folderOf(hubIndex.value), origin: hubIndex.origin } as const] : []),
    ...dataOf(topology),
    ...(logs ? [{ use: "log", ...logs } as const] : []),
  ];
  return folders.filter(({ path }, index) => folders.findIndex((other) => other.path === path) === index);
};

/** The database check judges this one. */
export const isOfDatabase = (topology: Topology, { use, path }: EngineFolder): boolean =>
  use === "data" && hasRole(topology, "lapi") && sqliteOf(topology)?.path === path;

/** Where a link is that leads nowhere, nothing can be made: neither there nor where it leads. */
export const isDangling = (saw: PathObservation): saw is PathUnseen & { readonly leadsTo: string } =>
  !saw.ok && saw.leadsTo !== undefined;

/** What is at a path, or else at the nearest folder above it that is there; or a link that leads nowhere, on the way. */
export const nearest = async (
  probe: Prober,
  path: string,
): Promise<{ readonly path: string; readonly saw: PathObservation }> => {
  const saw = await probe.path(path);
  if (saw.ok || saw.code !== "file-missing" || isDangling(saw) || path === "/") return { path, saw };
  return nearest(probe, folderOf(path));
};
