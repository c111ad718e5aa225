import { type FileHandle, open, readdir, readFile, readlink } from "node:fs/promises";
import { isIP } from "node:net";
import { endianness } from "node:os";
import { basename } from "node:path";
import pLimit from "p-limit";
import type { Family, Listener, ListenersObservation } from "../model/observation.ts";
import { printable } from "../model/text.ts";
import { stopwatch } from "./clock.ts";
import { failure } from "./failure.ts";

/** TCP_LISTEN and TCP_NEW_SYN_RECV/TCP_SYN_RECV in /proc/net/tcp: the kernel lists these first. */
const LISTEN = "0A";
const SYN_RECV = "03";
/** Processes looked at together. */
const PROCESSES_IN_FLIGHT = 32;
/** Descriptors of one process looked at together. */
const DESCRIPTORS_IN_FLIGHT = 256;
/** Of /proc/net/tcp read in one go, and at most; bytes. */
const CHUNK = 64 * 1024;
const MAX_BYTES = 16 * 1024 * 1024;

const INIT = 1;

/** A listening socket of the table, not yet anybody's. */
interface Row {
  readonly address: string;
  readonly family: Family;
  readonly port: number;
  readonly inode: string;
}

/** The bytes of an address: the kernel prints each 32-bit word as this machine's number. */
const bytesOf = (hex: string): Buffer => {
  const bytes = Buffer.from(hex, "hex");
  return endianness() === "LE" ? bytes.swap32() : bytes;
};

/** `0100007F` → `127.0.0.1`; an IPv4 address that is written as an IPv6 one (::ffff:127.0.0.1) is an IPv4 address. */
const addressOf = (hex: string): { readonly address: string; readonly family: Family } => {
  const bytes = bytesOf(hex);
  if (bytes.length === 4) return { address: bytes.join("."), family: 4 };
  const mapped = bytes.subarray(0, 12).toString("hex") === "00000000000000000000ffff";
  if (mapped) return { address: bytes.subarray(12).join("."), family: 4 };
  const groups = bytes.toString("hex").match(/.{4}/g) ?? [];
  return { address: new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1), family: 6 };
};

const LINE = /^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) \S+ \S+ \S+\s+\d+\s+\d+ (\d+)/;

/** The listening sockets in the text of /proc/net/tcp or tcp6. */
export const parseTcpTable = (table: string): readonly Row[] =>
  table.split("\n").flatMap((line) => {
    const [, address, port, state, inode] = LINE.exec(line) ?? [];
    if (address === undefined || port === undefined || inode === undefined || state !== LISTEN) return [];
    return [{ ...addressOf(address), port: Number.parseInt(port, 16), inode }];
  });

/** Whether a line of the table is about a connection: nothing after it listens. */
const isConnection = (line: string): boolean => {
  const state = LINE.exec(line)?.[3];
  return state !== undefined && state !== LISTEN && state !== SYN_RECV;
};

/** The table's beginning, up to the connections: of those a busy host has a hundred thousand. */
const readTable = async (path: string): Promise<string> => {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    const chunk = Buffer.alloc(CHUNK);
    let text = "";
    while (text.length < MAX_BYTES) {
      const { bytesRead } = await handle.read(chunk, 0, CHUNK, null);
      if (bytesRead === 0) break;
      text += chunk.toString("latin1", 0, bytesRead);
      const end = text.lastIndexOf("\n");
      if (isConnection(text.slice(text.lastIndexOf("\n", end - 1) + 1, end))) break;
    }
    return text;
  } finally {
    await handle?.close();
  }
};

/** A container's scope, however its runtime and its cgroup driver name it. */
const CONTAINER = /[0-9a-f]{64}/;

/** The systemd unit in the text of /proc/PID/cgroup: undefined for a session's process, and for a container's. */
export const unitOf = (cgroup: string): string | undefined => {
  const paths = cgroup.split("\n").flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    // Of version 1, systemd's own hierarchy alone is about units.
    return path !== undefined && (controllers === "" || controllers === "name=systemd") ? [path] : [];
  });
  for (const path of paths) {
    const last = path
      .split("/")
      .reverse()
      .find((part) => /\.(?:service|socket|scope)$/.test(part) || CONTAINER.test(part));
    if (last !== undefined) {
      return /\.(?:service|socket)$/.test(last) && !CONTAINER.test(last) ? printable(last, 100) : undefined;
    }
  }
  return undefined;
};

/** Of a container's id, as its runtime shows it. */
const SHORT_ID = 12;

/** The container's id in the text of /proc/PID/cgroup, the outermost where one runs in another: that one is this host's. */
export const containerOf = (cgroup: string): string | undefined => CONTAINER.exec(cgroup)?.[0].slice(0, SHORT_ID);

/** Where a port leads that Docker publishes: the address in docker-proxy's own arguments, as /proc/PID/cmdline has them. */
export const publishedBy = (cmdline: string): string | undefined => {
  const [program = "", ...argv] = cmdline.split("\0");
  if (basename(program) !== "docker-proxy") return undefined;
  // Go takes an option with one dash and with two, and its value behind it or behind an equals sign.
  const words = argv.flatMap((word) => (word.startsWith("-") ? word.replace(/^--?/, "").split("=") : [word]));
  const address = words[words.indexOf("container-ip") + 1] ?? "";
  const port = words[words.indexOf("container-port") + 1] ?? "";
  const family = isIP(address);
  if (family === 0 || !/^\d{1,5}$/.test(port)) return undefined;
  return family === 6 ? `[${address}]:${port}` : `${address}:${port}`;
};

/** Undefined for what another user's process keeps to itself, or one that has ended. */
const linkOf = (path: string): Promise<string | undefined> => readlink(path).catch(() => undefined);
const textOf = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "");

/** The sockets among `wanted` that a process holds. */
const socketsOf = async (pid: number, network: string | undefined, wanted: ReadonlySet<string>): Promise<string[]> => {
  // Another namespace has sockets of its own.
  if ((await linkOf(`/proc/${pid}/ns/net`)) !== network) return [];
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const held: string[] = [];
  for (let first = 0; first < descriptors.length; first += DESCRIPTORS_IN_FLIGHT) {
    const some = descriptors.slice(first, first + DESCRIPTORS_IN_FLIGHT);
    for (const link of await Promise.all(some.map((descriptor) => linkOf(`/proc/${pid}/fd/${descriptor}`)))) {
      const inode = /^socket:\[(\d+)\]$/.exec(link ?? "")?.[1];
      if (inode !== undefined && wanted.has(inode)) held.push(inode);
    }
  }
  return held;
};

/** Which processes hold each socket, by its inode, in the order of their pids; each process is looked at once. */
const holdersOf = async (wanted: ReadonlySet<string>): Promise<ReadonlyMap<string, readonly number[]>> => {
  const [entries, network] = await Promise.all([readdir("/proc"), linkOf("/proc/self/ns/net")]);
  const pids = entries
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .sort((a, b) => a - b);
  const inFlight = pLimit(PROCESSES_IN_FLIGHT);
  const held = await Promise.all(pids.map((pid) => inFlight(() => socketsOf(pid, network, wanted))));
  const holders = new Map<string, number[]>();
  for (const [index, pid] of pids.entries()) {
    for (const inode of new Set(held[index])) holders.set(inode, [...(holders.get(inode) ?? []), pid]);
  }
  return holders;
};

/**
 * What a process is called: argv[0], unless that is a sentence (`nginx: master process …`) or says no more than `init`;
 * then the kernel's own short name.
 */
const nameOf = (cmdline: string, comm: string): string => {
  const [first = ""] = cmdline.split("\0");
  const name = basename(first);
  return printable(name === "" || name === "init" || /\s/.test(first) ? comm : name, 64);
};

type Owner = NonNullable<Listener["owner"]>;

const describe = async (pid: number): Promise<Owner> => {
  const [cmdline, comm, cgroup, ownCgroup, own, its] = await Promise.all([
    textOf(`/proc/${pid}/cmdline`),
    textOf(`/proc/${pid}/comm`),
    textOf(`/proc/${pid}/cgroup`),
    textOf("/proc/self/cgroup"),
    // Not that of mounts, which a service has that systemd keeps from writing somewhere.
    linkOf("/proc/self/ns/pid"),
    linkOf(`/proc/${pid}/ns/pid`),
  ]);
  const unit = unitOf(cgroup);
  const id = containerOf(cgroup);
  // A neighbour in this tool's own container is in no other.
  const container = publishedBy(cmdline) ?? (id === containerOf(ownCgroup) ? undefined : id);
  return {
    pid,
    name: nameOf(cmdline, comm),
    ...(unit !== undefined && { unit }),
    elsewhere: own !== undefined && its !== undefined && own !== its,
    ...(container !== undefined && { container }),
  };
};

/**
 * The oldest holder, and rather not the init process: that one opens sockets for others. Where systemd holds it too, the
 * unit to speak of is the socket's, which systemd calls like the service unless told otherwise.
 */
const ownerOf = async (
  holders: readonly number[],
  known: (pid: number) => Promise<Owner>,
): Promise<Owner | undefined> => {
  const pid = holders.find((holder) => holder !== INIT) ?? holders[0];
  if (pid === undefined) return undefined;
  const owner = await known(pid);
  if (pid === INIT || !holders.includes(INIT) || (await known(INIT)).name !== "systemd") return owner;
  return owner.unit === undefined ? owner : { ...owner, unit: owner.unit.replace(/\.service$/, ".socket") };
};

/** The listening TCP sockets of this network namespace, by port and address, and whose they are. */
export const probeListeners = async (): Promise<ListenersObservation> => {
  const elapsed = stopwatch();
  try {
    // A kernel without IPv6 has no second table.
    const tables = await Promise.all([readTable("/proc/net/tcp"), readTable("/proc/net/tcp6").catch(() => "")]);
    const rows = tables.flatMap(parseTcpTable);
    const holders = await holdersOf(new Set(rows.map(({ inode }) => inode)));
    const owners = new Map<number, Promise<Owner>>();
    const known = (pid: number): Promise<Owner> => {
      const owner = owners.get(pid) ?? describe(pid);
      owners.set(pid, owner);
      return owner;
    };
    const listeners = await Promise.all(
      rows.map(async ({ address, family, port, inode }): Promise<Listener> => {
        const owner = await ownerOf(holders.get(inode) ?? [], known);
        return { address, family, port, ...(owner && { owner }) };
      }),
    );
    const sorted = listeners.sort((a, b) => a.port - b.port || a.family - b.family || (a.address < b.address ? -1 : 1));
    return { ok: true, elapsedMs: elapsed(), listeners: sorted };
  } catch (error) {
    return failure("host", error, elapsed());
  }
};
