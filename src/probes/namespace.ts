import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import type { NamespaceSeen } from "../model/observation.ts";
import { printable } from "../model/text.ts";
import { probeEnvironment } from "./environment.ts";

/** Characters of a file that is looked at; those meant here have a line or two. */
const MAX_TEXT = 64 * 1024;
/** Characters of a name. */
const MAX_NAME = 60;

const textOf = (path: string): Promise<string> =>
  readFile(path, "utf8").then(
    (text) => text.slice(0, MAX_TEXT),
    () => "",
  );

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** How container managers name their control groups, where these are to be seen from inside. */
const CGROUPS: readonly (readonly [RegExp, string])[] = [
  [/[/-]kubepods/, "kubernetes"],
  [/\/docker[/-][\da-f]{12,}/, "docker"],
  [/libpod-/, "podman"],
  [/\/lxc(?:\.payload)?[./]/, "lxc"],
  [/cri-containerd|\/containerd/, "containerd"],
];

/** A variable of a process's environment; undefined as well where this user may not read it. */
const variableOf = async (pid: number, name: string): Promise<string | undefined> => {
  const saw = await probeEnvironment(pid);
  if (!saw.ok || !Object.hasOwn(saw.variables, name)) return undefined;
  return saw.variables[name]?.reveal() || undefined;
};

/** The container that this process runs in, by what container managers leave for those who look (systemd's container interface among it). */
const findContainer = async (root: string): Promise<string | undefined> => {
  if ((await variableOf(process.pid, "KUBERNETES_SERVICE_HOST")) !== undefined) return "kubernetes";
  if (await isThere(join(root, ".dockerenv"))) return "docker";
  if (await isThere(join(root, "run/.containerenv"))) return "podman";
  const told = (await textOf(join(root, "run/systemd/container"))).trim() || (await variableOf(1, "container"));
  if (told !== undefined) return printable(told, MAX_NAME);
  const group = await textOf("/proc/self/cgroup");
  return CGROUPS.find(([pattern]) => pattern.test(group))?.[1];
};

/** `net:[4026531840]` → `4026531840`; undefined where it cannot be read. */
const namespaceOf = async (pid: string): Promise<string | undefined> => {
  const link = await readlink(`/proc/${pid}/ns/net`).catch(() => "");
  return /^net:\[(\d+)\]$/.exec(link)?.[1];
};

/** The name that `ip netns` gave a network namespace: a file whose inode is the namespace's number. */
const nameOf = async (number: string, folder: string): Promise<string | undefined> => {
  const names = await readdir(folder).catch(() => []);
  const numbers = await Promise.all(
    names.map((name) =>
      stat(join(folder, name), { bigint: true }).then(
        ({ ino }) => String(ino),
        () => "",
      ),
    ),
  );
  const name = names[numbers.indexOf(number)];
  return name && printable(name, MAX_NAME);
};

/** As many ancestors as are followed: a process that comes and goes meanwhile must not make it a circle. */
const MAX_ANCESTORS = 64;

/**
 * The network namespace of process 1; where that is unreadable, as for most users, that of the first in the line of this
 * process's ancestors that is not.
 */
const firstNamespace = async (): Promise<string | undefined> => {
  let found = await namespaceOf("1");
  if (found !== undefined) return found;
  let pid = String(process.ppid);
  for (let count = 0; count < MAX_ANCESTORS && Number(pid) > 1; count++) {
    found = (await namespaceOf(pid)) ?? found;
    const stat = await textOf(`/proc/${pid}/stat`);
    // The state and the parent follow the command in parentheses, which may hold anything.
    pid = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? "";
  }
  return found;
};

/**
 * The network namespace, when it is not that of process 1. Inside a process namespace that is the namespace's own first
 * process, which shares its network: a container is told by its name, not by this.
 */
const findNetwork = async (folder: string): Promise<string | undefined> => {
  const [own, first] = await Promise.all([namespaceOf("self"), firstNamespace()]);
  if (own === undefined || own === first) return undefined;
  const name = await nameOf(own, folder);
  return name ?? (first === undefined ? undefined : own);
};

/** Where this process runs. @param root in place of `/`, with the folder of `ip netns` below it. */
export const probeNamespace = async (root = "/"): Promise<NamespaceSeen> => {
  const [container, network] = await Promise.all([findContainer(root), findNetwork(join(root, "run/netns"))]);
  return { ...(container !== undefined && { container }), ...(network !== undefined && { network }) };
};
