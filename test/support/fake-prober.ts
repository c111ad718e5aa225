import type {
  Address,
  BindObservation,
  BindQuestion,
  BuildObservation,
  CaStore,
  CommandObservation,
  CommandQuestion,
  DatabaseObservation,
  DatabaseQuestion,
  DnsObservation,
  EnvironmentObservation,
  Failed,
  FailureCode,
  FileObservation,
  HttpObservation,
  HttpRequest,
  JournalLine,
  Listener,
  MemorySeen,
  NameserverObservation,
  NameserverQuestion,
  NamespaceSeen,
  PathSeen,
  PeerObservation,
  PeerQuestion,
  Phase,
  Prober,
  ProcessSeen,
  ResolverSeen,
  ServiceSeen,
  SocketQuestion,
  TailRead,
  TcpObservation,
  TcpQuestion,
  TrustStoreObservation,
} from "../../src/model/observation.ts";
import { Secret } from "../../src/model/secret.ts";

/** What a test says the world looks like; what it leaves out does not exist there. */
export interface World {
  readonly dns?: (name: string) => DnsObservation;
  /** What the C library says of a name; without it, the same as `dns`. */
  readonly libc?: (name: string) => DnsObservation;
  readonly nameserver?: (question: NameserverQuestion) => NameserverObservation;
  readonly resolver?: ResolverSeen;
  readonly tcp?: (question: TcpQuestion) => TcpObservation;
  readonly http?: (request: HttpRequest) => HttpObservation;
  readonly sockets?: (question: SocketQuestion) => TcpObservation;
  readonly database?: (question: DatabaseQuestion) => DatabaseObservation;
  readonly files?: Readonly<Record<string, string | FileObservation>>;
  /** What differs from `SOMETHING`, or why there is nothing to see. */
  readonly paths?: Readonly<Record<string, Partial<PathSeen> | Failed>>;
  /** The names in each folder, in any order. */
  readonly folders?: Readonly<Record<string, readonly string[] | Failed>>;
  /** The end of a log, by path: its text, or all of it. */
  readonly tails?: Readonly<Record<string, string | Partial<TailRead> | Failed>>;
  /** What differs from a service that runs and has been up for an hour, by name; or why nothing is known. */
  readonly services?: Readonly<Record<string, Partial<ServiceSeen> | Failed>>;
  readonly journals?: Readonly<Record<string, readonly JournalLine[] | Failed>>;
  readonly commands?: (question: CommandQuestion) => CommandObservation;
  readonly listeners?: readonly Listener[] | Failed;
  /** Of an address to listen on; without it, each that no listener holds is free. */
  readonly bind?: (question: BindQuestion) => BindObservation;
  /** What differs from a host with four gigabytes, three of them free. */
  readonly memory?: Partial<MemorySeen> | Failed;
  readonly peer?: (question: PeerQuestion) => PeerObservation;
  /** All of them for every name; or those of each name. */
  readonly processes?: readonly ProcessSeen[] | Readonly<Record<string, readonly ProcessSeen[]>>;
  readonly interfaces?: readonly Address[];
  /** By process id. */
  readonly environments?: Readonly<Record<number, Readonly<Record<string, string>> | Failed>>;
  /** By path of the program. */
  readonly builds?: Readonly<Record<string, BuildObservation>>;
  readonly namespace?: NamespaceSeen;
  readonly trustStore?: TrustStoreObservation | ((store: CaStore) => TrustStoreObservation);
}

/** One nameserver, and nothing special about it. */
export const RESOLVER: ResolverSeen = {
  servers: ["9.9.9.9"],
  configured: true,
  search: [],
  timeoutMs: 5000,
  attempts: 2,
  rotate: false,
  modules: ["files", "dns"],
};

/** A path of which a test says no more than that it is there: an ordinary file, with room for a terabyte more. */
const SOMETHING: PathSeen = {
  ok: true,
  elapsedMs: 0,
  kind: "file",
  bytes: 0,
  writable: true,
  executable: false,
  guarded: true,
  freeBytes: 1e12,
};

/** A service of systemd that runs, and has done so for an hour. */
const RUNNING: Omit<ServiceSeen, "name"> = {
  ok: true,
  elapsedMs: 0,
  manager: "systemd",
  known: true,
  enabled: true,
  masked: false,
  state: "running",
  stateSeconds: 3600,
  startedSecondsAgo: 3600,
  restarts: 0,
};

const GIB = 1024 ** 3;
const MEMORY: MemorySeen = {
  ok: true,
  elapsedMs: 0,
  totalBytes: 4 * GIB,
  availableBytes: 3 * GIB,
  swapFreeBytes: 0,
};

const nothing = (phase: Phase, code: FailureCode, message: string): Failed => ({
  ok: false,
  phase,
  code,
  message,
  elapsedMs: 1,
});

/** A prober that answers from a table; `asked` holds every question, so that a test can say what must never be asked. */
export const fakeProber = (world: World): Prober & { readonly asked: string[] } => {
  const asked: string[] = [];
  const note = (kind: string, detail: string): void => {
    asked.push(`${kind} ${detail}`);
  };
  return {
    asked,
    dns: async ({ name, by }) => {
      note(by === "libc" ? "libc" : "dns", name);
      const answer = by === "libc" && world.libc ? world.libc(name) : world.dns?.(name);
      return answer ?? nothing("resolve", "dns-nxdomain", "NXDOMAIN");
    },
    nameserver: async (question) => {
      note("nameserver", `${question.server} ${question.name}`);
      return world.nameserver?.(question) ?? { ok: true, elapsedMs: 4, answer: "addresses" };
    },
    resolver: async () => world.resolver ?? RESOLVER,
    tcp: async (question) => {
      note("tcp", `${question.address}:${question.port}`);
      return world.tcp?.(question) ?? nothing("connect", "tcp-refused", "refused");
    },
    socket: async (question) => {
      note("socket", question.path);
      return world.sockets?.(question) ?? nothing("connect", "socket-missing", "ENOENT");
    },
    http: async (request) => {
      const through = request.proxy ? ` through ${request.proxy.shown}` : "";
      note("http", `${request.method ?? "GET"} ${request.url}${through}`);
      return world.http?.(request) ?? nothing("connect", "tcp-refused", "refused");
    },
    database: async (question) => {
      const where = "socket" in question.addresses ? question.addresses.socket : `${question.host}:${question.port}`;
      note("database", `${question.protocol} ${where}${question.login ? ` as ${question.login.user}` : ""}`);
      return world.database?.(question) ?? nothing("connect", "tcp-refused", "refused");
    },
    file: async (path) => {
      note("file", path);
      const file = world.files?.[path];
      if (typeof file === "string") return { ok: true, elapsedMs: 0, content: file };
      return file ?? nothing("host", "file-missing", "ENOENT");
    },
    path: async (path) => {
      note("path", path);
      const seen = world.paths?.[path] ?? (path === "/" ? ({ kind: "folder" } as const) : undefined);
      if (seen === undefined) return nothing("host", "file-missing", "ENOENT");
      return seen.ok === false ? seen : { ...SOMETHING, ...seen };
    },
    folder: async (path) => {
      note("folder", path);
      const names = world.folders?.[path] ?? nothing("host", "file-missing", "ENOENT");
      return "ok" in names ? names : { ok: true, elapsedMs: 0, names: [...names].sort() };
    },
    tail: async (path) => {
      note("tail", path);
      const seen = world.tails?.[path] ?? nothing("host", "file-missing", "ENOENT");
      if (typeof seen !== "string" && seen.ok === false) return seen;
      const read = typeof seen === "string" ? { content: seen } : seen;
      return { elapsedMs: 0, content: "", modifiedAt: "2026-06-15T11:59:00.000Z", cut: false, ...read, ok: true };
    },
    service: async (name) => {
      note("service", name);
      const seen = world.services?.[name] ?? nothing("host", "command-missing", "no manager of services");
      return seen.ok === false ? seen : { ...RUNNING, name: `${name}.service`, ...seen, ok: true };
    },
    journal: async (unit) => {
      note("journal", unit);
      const lines = world.journals?.[unit] ?? nothing("host", "command-missing", "ENOENT");
      return "ok" in lines ? lines : { ok: true, elapsedMs: 0, lines };
    },
    command: async (question) => {
      note("command", question.argv.join(" "));
      return world.commands?.(question) ?? nothing("host", "command-missing", "ENOENT");
    },
    listeners: async () => {
      asked.push("listeners");
      const listeners = world.listeners ?? [];
      return "ok" in listeners ? listeners : { ok: true, elapsedMs: 0, listeners };
    },
    bind: async (question) => {
      const { address, port } = question;
      note("bind", `${address}:${port}`);
      const listeners = world.listeners ?? [];
      const taken = !("ok" in listeners) && listeners.some((listener) => listener.port === port);
      const free: BindObservation = taken ? nothing("host", "bind-in-use", "EADDRINUSE") : { ok: true, elapsedMs: 0 };
      return world.bind?.(question) ?? free;
    },
    memory: async () => {
      asked.push("memory");
      const seen = world.memory ?? {};
      return seen.ok === false ? seen : { ...MEMORY, ...seen, ok: true };
    },
    peer: async (question) => {
      note("peer", `${question.url} at ${question.address}`);
      return world.peer?.(question) ?? nothing("connect", "tcp-refused", "refused");
    },
    processes: async (name) => {
      note("processes", name);
      const processes = world.processes ?? [];
      return Array.isArray(processes) ? processes : ((processes as Record<string, ProcessSeen[]>)[name] ?? []);
    },
    interfaces: async () => world.interfaces ?? [{ address: "127.0.0.1", family: 4 }],
    environment: async (pid): Promise<EnvironmentObservation> => {
      note("environment", String(pid));
      const found = world.environments?.[pid] ?? nothing("host", "file-missing", "ENOENT");
      if ("ok" in found && found.ok === false) return found as Failed;
      const variables = Object.entries(found as Readonly<Record<string, string>>);
      return {
        ok: true,
        elapsedMs: 0,
        variables: Object.fromEntries(variables.map(([name, value]) => [name, new Secret(value)])),
      };
    },
    build: async (path) => {
      note("build", path);
      return world.builds?.[path] ?? nothing("host", "file-missing", "ENOENT");
    },
    namespace: async () => world.namespace ?? {},
    trustStore: async (store) => {
      const answer = typeof world.trustStore === "function" ? world.trustStore(store) : world.trustStore;
      return answer ?? { certificates: 140, from: ["/etc/ssl/certs"], lookedAt: ["/etc/ssl/certs"] };
    },
  };
};
