import { type Context, defineCheck, type Evidence } from "../src/model/check.ts";
import type { Layer, Phase } from "../src/model/observation.ts";
import type { LapiClient, Sourced } from "../src/model/topology.ts";
import { atLeast, type Version } from "../src/model/version.ts";
import { askableRouteOf, askLapi, clientOf, FINGERPRINT_PATH, lapiClients } from "./lapi-way.ts";
import type { Walked } from "./layers.ts";

/** Numbers of these looks: no other check asks under them, so each is a new connection. */
const LOOKS = [11, 12, 13] as const;

/** Clients without a limit wait: from here on a person would call it slow, milliseconds. */
const SLOW_MS = 1000;

/** AppSec asks the Local API whether a bouncer's key is good, and takes no longer for it (pkg/acquisition/modules/appsec/config.go). */
const APPSEC_MS = 200;
const APPSEC_SINCE: Version = [1, 6, 0];

/** How long a client waits. */
interface Limit extends Sourced<number> {
  readonly kind: "bouncer" | "appsec";
  readonly who: string;
}

const limitOf = (client: LapiClient, { topology }: Context, version: Version | undefined): Limit | undefined => {
  if (client.limitMs) return { kind: "bouncer", who: client.name, ...client.limitMs };
  const [appsec] = topology.listen.appsec;
  return client.name === "agent" && appsec && atLeast(version, APPSEC_SINCE)
    ? { kind: "appsec", who: "AppSec", value: APPSEC_MS, origin: appsec.origin }
    : undefined;
};

interface Took {
  readonly ms: number;
  /** The layer that took longest. */
  readonly slowest: Phase;
  readonly evidence: Evidence;
}

/** Silence that the probe itself ended is time too, when the client would have ended it sooner. */
const SILENT = ["tcp-timeout", "tls-stalled", "http-timeout"];

const layersOf = ({ failed, reply }: Walked): readonly Layer[] =>
  reply?.layers ?? failed?.layers ?? (failed ? [{ phase: failed.phase, ok: false, durationMs: failed.elapsedMs }] : []);

/** nginx applies the limit of a lua bouncer to each step, connecting, TLS and the answer, anew; AppSec's is for the whole. */
const tookOf = (walked: Walked, limit: Limit | undefined): Took | undefined => {
  const { failed, reply, evidence } = walked;
  const [longest] = [...layersOf(walked)].sort((a, b) => b.durationMs - a.durationMs);
  const whole = reply?.elapsedMs ?? failed?.elapsedMs ?? 0;
  const ms = limit?.kind === "bouncer" && longest ? longest.durationMs : whole;
  const tooLong = failed !== undefined && SILENT.includes(failed.code) && ms > (limit?.value ?? SLOW_MS);
  return reply || tooLong ? { ms, slowest: longest?.phase ?? "response", evidence } : undefined;
};

const rounded = (ms: number): number => (ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms));

const waits = (limit: Limit | undefined): string => {
  if (limit === undefined) return "this client sets itself no limit";
  const { kind, who, value, origin } = limit;
  return kind === "appsec"
    ? `AppSec (${origin}) gives up after ${value} ms`
    : `${who} gives up after ${value} ms (${origin})`;
};

/** A Local API that answers is not enough where its client does not wait for the answer. */
export default defineCheck({
  id: "lapi-latency",
  title: "Local API answers sooner than its client gives up",
  why: "A client that gives up too soon goes without an answer: AppSec then takes a good key for a bad one, and a bouncer in nginx lets every visitor pass, or goes without new decisions.",
  roles: ["lapi", "agent", "bouncer"],
  contacts: "GET /v1/heartbeat at the Local API, without credentials, three times one after the other",
  needs: ["lapi-identity"],
  faults: {
    "lapi-too-slow": {
      blame: "remote-service",
      phase: "response",
      says: "{place} takes {median} ms (median of {times} ms), and {waits}: {over}",
      remedy: [
        {
          when: "bouncer",
          text: "Raise REQUEST_TIMEOUT (milliseconds) in {file}, and reload the web server.",
          commands: ["grep -sn REQUEST_TIMEOUT {file} {file}.local"],
        },
        {
          when: "appsec",
          text: "AppSec's limit is fixed, so the Local API must become quicker: bring it nearer to this host, or look at its load and its database.",
        },
        { when: "bouncer", text: "Or find out why {host} is slow: the way to it, its load, or its database." },
      ],
    },
    "lapi-slow": {
      severity: "warning",
      blame: "remote-service",
      phase: "response",
      says: "{place} takes {median} ms for an answer without content (median of {times} ms)",
      remedy: [{ text: "Find out why {host} is slow: the way to it, its load, or its database." }],
    },
  },
  targets: (context) => lapiClients(context, ["machine", "bouncer"]),
  async run(context, target) {
    const client = clientOf(context, target);
    const found = askableRouteOf(client, context.topology);
    if ("verdict" in found) return found.verdict;
    const { route } = found;
    const limit = limitOf(client, context, await context.version());
    // AppSec's own transport knows no proxy.
    const asking = limit?.kind === "appsec" ? { ...client, neverProxied: "AppSec takes no proxy" } : client;
    const looks: Took[] = [];
    let data: Walked["data"] = {};
    for (const look of LOOKS) {
      const walked = await askLapi(context, asking, route, FINGERPRINT_PATH, { look });
      const took = tookOf(walked, limit);
      if (took === undefined) {
        const { failed, evidence } = walked;
        return { status: "unknown", reason: failed?.message ?? "the probe gave no answer", evidence };
      }
      looks.push(took);
      data = walked.data;
    }
    const [, middle] = [...looks].sort((a, b) => a.ms - b.ms);
    if (middle === undefined) throw new Error("not three looks");
    const { evidence, slowest } = middle;
    const median = rounded(middle.ms);
    const times = looks.map(({ ms }) => rounded(ms)).join(", ");
    const told = { ...data, file: client.path, median, times, waits: waits(limit) };
    const message = `${times} ms`;
    // A slow handshake is work of the service too; to connect takes what the way takes.
    const blame = slowest === "connect" ? ({ party: "network" } as const) : {};
    if (limit === undefined) {
      if (middle.ms > SLOW_MS) return { status: "fault", fault: "lapi-slow", data: told, message, blame, evidence };
      return { status: "pass", note: `median ${median} ms of ${looks.length}; ${waits(limit)}`, evidence };
    }
    const over = looks.filter(({ ms }) => ms > limit.value).length;
    if (over === 0 && middle.ms * 2 <= limit.value)
      return { status: "pass", note: `median ${median} ms of ${looks.length}, ${waits(limit)}`, evidence };
    const all = over === looks.length;
    return {
      status: "fault",
      fault: "lapi-too-slow",
      data: {
        ...told,
        over: over === 0 ? "more than half of that" : `${all ? "all" : over} of ${looks.length} took longer`,
      },
      message,
      when: limit.kind,
      ...(!all && { severity: "warning" }),
      blame,
      evidence,
    };
  },
});
