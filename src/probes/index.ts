import { setMaxListeners } from "node:events";
import os from "node:os";
import pLimit from "p-limit";
import type { Address, DnsQuestion, Prober } from "../model/observation.ts";
import { probeDns, type Resolver } from "./dns.ts";
import { probeFile } from "./file.ts";
import { parseHosts, parseResolvConf } from "./go-resolver.ts";
import { loadGot, probeHttp } from "./http.ts";
import { probeProcesses } from "./process.ts";
import { type Limits, probeTcp } from "./tcp.ts";
import { createTrustContexts, loadTrustStore } from "./trust-store.ts";

export interface ProberOptions extends Limits {
  readonly environment: Readonly<Record<string, string | undefined>>;
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

const systemResolver = async (): Promise<Resolver> => {
  const [conf, hosts] = await Promise.all([probeFile("/etc/resolv.conf"), probeFile("/etc/hosts")]);
  return {
    config: parseResolvConf(conf.ok ? conf.content : ""),
    hosts: parseHosts(hosts.ok ? hosts.content : ""),
    port: 53,
  };
};

/** Remembers the answer to each question, so that it is asked once a run. */
const once = <Question, Answer>(
  ask: (question: Question) => Promise<Answer>,
): ((question: Question) => Promise<Answer>) => {
  const answers = new Map<string, Promise<Answer>>();
  return (question) => {
    const key = JSON.stringify(question);
    const known = answers.get(key);
    if (known) return known;
    const answer = ask(question);
    answers.set(key, answer);
    return answer;
  };
};

export interface PreparedProber extends Prober {
  /**
   * Loads what network probes need: the HTTP client and the CA store keep the event loop busy for a while, and a probe
   * that is under way meanwhile would count that as its own latency.
   */
  prepare(): Promise<void>;
}

/** The one seam to the outside world. */
export const createProber = (options: ProberOptions): PreparedProber => {
  const { environment, platform, userAgent, signal } = options;
  const limits: Limits = { timeoutMs: options.timeoutMs, signal };
  // Every open socket listens to it.
  setMaxListeners(0, signal);
  const inFlight = pLimit(NAMES_IN_FLIGHT);
  const resolver = once<"resolver", Resolver>(() =>
    options.resolver ? Promise.resolve(options.resolver) : systemResolver(),
  );
  const store = once<"store", Awaited<ReturnType<typeof loadTrustStore>>>(() => loadTrustStore(environment, platform));
  const context = createTrustContexts(() => store("store"));
  const dns = once((question: DnsQuestion) =>
    inFlight(async () => probeDns(question, await resolver("resolver"), limits)),
  );
  return {
    prepare: async () => {
      await Promise.all([loadGot(), context(undefined), resolver("resolver")]);
    },
    dns: (question) => dns(options.family === undefined ? question : { ...question, family: options.family }),
    tcp: once((question) => probeTcp(question, limits)),
    http: once((request) => probeHttp(request, { limits, userAgent, context })),
    file: once(probeFile),
    processes: once(probeProcesses),
    interfaces: once<void, readonly Address[]>(async () => interfaces()),
    trustStore: async () => {
      const { certificates, from, lookedAt } = await store("store");
      return { certificates, from, lookedAt };
    },
  };
};
