import type {
  Address,
  CommandObservation,
  CommandQuestion,
  DatabaseObservation,
  DatabaseQuestion,
  DnsObservation,
  Failed,
  FailureCode,
  FileObservation,
  HttpObservation,
  HttpRequest,
  Listener,
  PathSeen,
  Phase,
  Prober,
  ProcessSeen,
  SocketQuestion,
  TcpObservation,
  TcpQuestion,
  TrustStoreObservation,
} from "../../src/model/observation.ts";

/** What a test says the world looks like; what it leaves out does not exist there. */
export interface World {
  readonly dns?: (name: string) => DnsObservation;
  readonly tcp?: (question: TcpQuestion) => TcpObservation;
  readonly http?: (request: HttpRequest) => HttpObservation;
  readonly sockets?: (question: SocketQuestion) => TcpObservation;
  readonly database?: (question: DatabaseQuestion) => DatabaseObservation;
  readonly files?: Readonly<Record<string, string | FileObservation>>;
  /** What differs from `SOMETHING`, or why there is nothing to see. */
  readonly paths?: Readonly<Record<string, Partial<PathSeen> | Failed>>;
  /** The names in each folder, in any order. */
  readonly folders?: Readonly<Record<string, readonly string[] | Failed>>;
  readonly commands?: (question: CommandQuestion) => CommandObservation;
  readonly listeners?: readonly Listener[] | Failed;
  readonly processes?: readonly ProcessSeen[];
  readonly interfaces?: readonly Address[];
  readonly trustStore?: TrustStoreObservation;
}

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
    dns: async ({ name }) => {
      note("dns", name);
      return world.dns?.(name) ?? nothing("resolve", "dns-nxdomain", "NXDOMAIN");
    },
    tcp: async (question) => {
      note("tcp", `${question.address}:${question.port}`);
      return world.tcp?.(question) ?? nothing("connect", "tcp-refused", "refused");
    },
    socket: async (question) => {
      note("socket", question.path);
      return world.sockets?.(question) ?? nothing("connect", "socket-missing", "ENOENT");
    },
    http: async (request) => {
      note("http", `${request.method ?? "GET"} ${request.url}`);
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
      const seen = world.paths?.[path];
      if (seen === undefined) return nothing("host", "file-missing", "ENOENT");
      return seen.ok === false ? seen : { ...SOMETHING, ...seen };
    },
    folder: async (path) => {
      note("folder", path);
      const names = world.folders?.[path] ?? nothing("host", "file-missing", "ENOENT");
      return "ok" in names ? names : { ok: true, elapsedMs: 0, names: [...names].sort() };
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
    processes: async (name) => {
      note("processes", name);
      return world.processes ?? [];
    },
    interfaces: async () => world.interfaces ?? [{ address: "127.0.0.1", family: 4 }],
    trustStore: async () =>
      world.trustStore ?? { certificates: 140, from: ["/etc/ssl/certs"], lookedAt: ["/etc/ssl/certs"] },
  };
};
