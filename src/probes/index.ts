import { setMaxListeners } from "node:events";
import os from "node:os";
import pLimit from "p-limit";
import type {
  Address,
  BindObservation,
  BindQuestion,
  CommandObservation,
  CommandQuestion,
  DatabaseObservation,
  DatabaseQuestion,
  DnsQuestion,
  HttpObservation,
  HttpRequest,
  JournalObservation,
  ListenersObservation,
  MemoryObservation,
  NameserverQuestion,
  NamespaceSeen,
  Prober,
  ResolverSeen,
  ServiceObservation,
  TailObservation,
} from "../model/observation.ts";
import { holdsSecret } from "../model/secret.ts";
import { probeBuild } from "./build.ts";
import { probeCommand } from "./command.ts";
import { probeDns, type Resolver } from "./dns.ts";
import { probeEnvironment } from "./environment.ts";
import { probeFile } from "./file.ts";
import { probeFolder } from "./folder.ts";
import { loadGot, probeHttp } from "./http.ts";
import { probeLibc } from "./libc.ts";
import { probeListeners } from "./listeners.ts";
import { probeNamespace } from "./namespace.ts";
import { once } from "./once.ts";
import { probePath } from "./path.ts";
import { probeProcesses } from "./process.ts";
import { loadResolver, probeNameserver, probeResolver } from "./resolver.ts";
import { type Limits, probeSocket, probeTcp } from "./tcp.ts";
import { createTrustContexts, createTrustStores } from "./trust-store.ts";

export interface ProberOptions extends Limits {
  readonly platform: string;
  /** `name/version`: exactly one slash, or CrowdSec's Local API refuses a login whatever its credentials. */
  readonly userAgent: string;
  /** Ask and dial this family only. */
  readonly family?: 4 | 6;
  /** In place of this host's own hosts file and resolv.conf. */
  readonly resolver?: Resolver;
}

/** More names in flight than this, and small resolvers begin to lose them. */
const NAMES_IN_FLIGHT = 64;

const interfaces = (): readonly Address[] =>
  Object.values(os.networkInterfaces()).flatMap((list) =>
    (list ?? []).map(({ address, family }) => ({ address, family: family === "IPv6" ? 6 : 4 }) as const),
  );

export interface PreparedProber extends Prober {
  /**
   * Loads what network probes need: the HTTP client and the CA store keep the event loop busy for a while, and a probe
   * that is under way meanwhile would count that as its own latency.
   */
  prepare(): Promise<void>;
}

/** A command that brings nothing along tells the same to whoever asks. */
const isPlain = ({ files, environment }: CommandQuestion): boolean => files === undefined && environment === undefined;

/** The one seam to the outside world. */
export const createProber = (options: ProberOptions): PreparedProber => {
  const { platform, userAgent, signal } = options;
  const limits: Limits = { timeoutMs: options.timeoutMs, signal };
  // Every open socket listens to it.
  setMaxListeners(0, signal);
  const inFlight = pLimit(NAMES_IN_FLIGHT);
  const resolver = once<"resolver", Resolver>(() =>
    options.resolver ? Promise.resolve(options.resolver) : loadResolver(),
  );
  const stores = createTrustStores(platform);
  const context = createTrustContexts(stores);
  const dns = once((question: DnsQuestion) =>
    question.by === "libc"
      ? probeLibc(question, limits)
      : inFlight(async () => probeDns(question, await resolver("resolver"), limits)),
  );
  const sendHttp = (request: HttpRequest): Promise<HttpObservation> =>
    probeHttp(request, { limits, userAgent, context });
  const http = once(sendHttp);
  const askDatabase = async (question: DatabaseQuestion): Promise<DatabaseObservation> => {
    // Most runs have no database server to ask.
    const { probeDatabase } = await import("./database.ts");
    return probeDatabase(question, limits, context);
  };
  // Most runs have nothing broken on this host, and ask none of these.
  const tail = async (path: string): Promise<TailObservation> => (await import("./tail.ts")).probeTail(path);
  const service = async (name: string): Promise<ServiceObservation> =>
    (await import("./service.ts")).probeService(name, { platform, signal });
  const journal = async (unit: string): Promise<JournalObservation> =>
    (await import("./journal.ts")).probeJournal(unit, { signal });
  const runCommand = (question: CommandQuestion): Promise<CommandObservation> => probeCommand(question, limits);
  const command = once(runCommand);
  // Before an install only.
  const bind = async (question: BindQuestion): Promise<BindObservation> =>
    (await import("./bind.ts")).probeBind(question);
  const memory = async (): Promise<MemoryObservation> => (await import("./memory.ts")).probeMemory(platform);
  return {
    prepare: async () => {
      await Promise.all([loadGot(), context(undefined), resolver("resolver")]);
    },
    dns: (question) => dns(options.family === undefined ? question : { ...question, family: options.family }),
    nameserver: once(async (question: NameserverQuestion) =>
      probeNameserver(question, (await resolver("resolver")).port, limits),
    ),
    resolver: once<void, ResolverSeen>(() => probeResolver()),
    tcp: once((question) => probeTcp(question, limits)),
    socket: once((question) => probeSocket(question, limits)),
    http: (request) => (holdsSecret(request) ? sendHttp(request) : http(request)),
    database: once(askDatabase),
    file: once(probeFile),
    path: once(probePath),
    folder: once(probeFolder),
    tail: once(tail),
    service: once(service),
    journal: once(journal),
    command: (question) => (isPlain(question) ? command(question) : runCommand(question)),
    listeners: once<void, ListenersObservation>(probeListeners),
    bind: once(bind),
    memory: once<void, MemoryObservation>(memory),
    peer: async (question) => (await import("./peer.ts")).probePeer(question, { limits, userAgent, context }),
    processes: once(probeProcesses),
    interfaces: once<void, readonly Address[]>(async () => interfaces()),
    environment: once(probeEnvironment),
    build: once(probeBuild),
    namespace: once<void, NamespaceSeen>(() => probeNamespace()),
    trustStore: async (store) => {
      const { certificates, from, lookedAt } = await stores(store);
      return { certificates, from, lookedAt };
    },
  };
};
