import type {
  Address,
  DnsObservation,
  FileObservation,
  HttpObservation,
  HttpRequest,
  Prober,
  ProcessSeen,
  TcpObservation,
  TcpQuestion,
  TrustStoreObservation,
} from "../../src/model/observation.ts";

/** What a test says the world looks like; what it leaves out does not exist there. */
export interface World {
  readonly dns?: (name: string) => DnsObservation;
  readonly tcp?: (question: TcpQuestion) => TcpObservation;
  readonly http?: (request: HttpRequest) => HttpObservation;
  readonly files?: Readonly<Record<string, string | FileObservation>>;
  readonly processes?: readonly ProcessSeen[];
  readonly interfaces?: readonly Address[];
  readonly trustStore?: TrustStoreObservation;
}

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
      return (
        world.dns?.(name) ?? { ok: false, phase: "resolve", code: "dns-nxdomain", message: "NXDOMAIN", elapsedMs: 1 }
      );
    },
    tcp: async (question) => {
      note("tcp", `${question.address}:${question.port}`);
      return (
        world.tcp?.(question) ?? { ok: false, phase: "connect", code: "tcp-refused", message: "refused", elapsedMs: 1 }
      );
    },
    http: async (request) => {
      note("http", `${request.method ?? "GET"} ${request.url}`);
      return (
        world.http?.(request) ?? { ok: false, phase: "connect", code: "tcp-refused", message: "refused", elapsedMs: 1 }
      );
    },
    file: async (path) => {
      note("file", path);
      const file = world.files?.[path];
      if (typeof file === "string") return { ok: true, elapsedMs: 0, content: file };
      return file ?? { ok: false, phase: "host", code: "file-missing", message: "ENOENT", elapsedMs: 0 };
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
