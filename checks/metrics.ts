import { type Context, defineCheck } from "../src/model/check.ts";
import type { HttpAnswered } from "../src/model/observation.ts";
import type { Metrics } from "../src/model/topology.ts";
import { bracketed, dialable } from "../src/model/url.ts";
import { parseVersion, type Version } from "../src/model/version.ts";
import { describe, layerFaults, type Walked, walk } from "./layers.ts";

/** `cs_info` comes late in the text, and a busy engine exposes thousands of series before it. */
const MAX_BYTES = 4 * 1024 * 1024;
const ENGINE_VERSION = /^cs_info\{[^}\n]{0,500}version="([^"\n]{1,100})"/m;
/** A sample, or one of the comments with which each family begins. */
const EXPOSITION = /^(# (HELP|TYPE) |[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? [-+0-9.NIe])/m;

const DOCS = "https://docs.crowdsec.net/docs/next/observability/prometheus";

/** Where the metrics are asked for on this host: a wildcard address is no address to connect to. */
export const metricsUrl = ({ listenAddress, listenPort }: Metrics): string =>
  `http://${bracketed(dialable(listenAddress.value))}:${listenPort.value}/`;

/** One scrape, which `metrics` and the question for the engine's version share. */
const scrape = (context: Context, metrics: Metrics): Promise<Walked> =>
  walk(context, {
    url: metricsUrl(metrics),
    origin: metrics.listenPort.origin,
    public: false,
    path: "metrics",
    request: { maxBytes: MAX_BYTES },
  });

/** The version that the running engine of this host says it has, if its metrics are on. */
export const engineVersion = async (context: Context): Promise<Version | undefined> => {
  const { metrics } = context.topology;
  if (!("enabled" in metrics) || !metrics.enabled.value || context.topology.phase.value === "install") return undefined;
  const { reply } = await scrape(context, metrics);
  return parseVersion(ENGINE_VERSION.exec(reply?.body ?? "")?.[1] ?? "");
};

/** What a scrape's answer is: CrowdSec's, with its version, or a fault; `seen` says what else it is. */
export const readScrape = (
  reply: HttpAnswered,
):
  | { readonly version: string }
  | { readonly fault: "http-status" | "identity-mismatch"; readonly data: Readonly<Record<string, string>> } => {
  if (reply.status !== 200) return { fault: "http-status", data: {} };
  if (!EXPOSITION.test(reply.body)) return { fault: "identity-mismatch", data: {} };
  const version = ENGINE_VERSION.exec(reply.body)?.[1];
  if (version !== undefined) return { version };
  return { fault: "identity-mismatch", data: { seen: "Prometheus metrics without cs_info, so not CrowdSec's" } };
};

const UNREACHED = {
  blame: "this-host",
  remedy: [{ text: "Check the address in {origin}.", commands: ["ss -ltnp 'sport = :{port}'"] }],
} as const;
const SILENT = {
  blame: "this-host",
  remedy: [
    {
      text: "A packet filter of this host drops it, or the process hangs.",
      commands: ["nft list ruleset", "ss -ltnp 'sport = :{port}'"],
    },
  ],
} as const;
const OTHER = {
  blame: "this-host",
  remedy: [
    {
      text: "Another service holds the port, and crowdsec only logged a warning. Give one of the two another port: prometheus.listen_port.",
      commands: ["ss -ltnp 'sport = :{port}'"],
      url: DOCS,
    },
  ],
} as const;

const FAULTS = {
  "metrics-address-invalid": {
    blame: "configuration",
    confidence: "certain",
    says: "the metrics' address {value} ({origin}) is {problem}",
    remedy: [
      { text: "Correct {origin}: CrowdSec does not start with it. 127.0.0.1 and 6060 are the defaults.", url: DOCS },
    ],
  },
  ...layerFaults(
    {
      "dns-nxdomain": UNREACHED,
      "dns-nodata": UNREACHED,
      "dns-servfail": UNREACHED,
      "dns-refused": UNREACHED,
      "dns-timeout": UNREACHED,
      "dns-no-resolver": UNREACHED,
      "dns-unreachable": UNREACHED,
      "tcp-refused": {
        blame: "this-host",
        remedy: [
          {
            text: "The metrics open only when the agent is ready: crowdsec is down, still starting, or its agent failed.",
            commands: ["systemctl status crowdsec --no-pager", "journalctl -u crowdsec -n 50 --no-pager"],
          },
        ],
      },
      "tcp-timeout": SILENT,
      "tcp-unreachable": UNREACHED,
      "tcp-reset": SILENT,
      "http-timeout": SILENT,
      "http-status": OTHER,
      "http-invalid": OTHER,
      "identity-mismatch": OTHER,
    },
    "warning",
  ),
} as const;

/** Nothing of CrowdSec needs its metrics, so every fault here is a warning; but closed metrics often mean a dead agent. */
export default defineCheck({
  id: "metrics",
  title: "CrowdSec's metrics answer",
  why: "Prometheus and cscli metrics read them, and they tell the engine's version. They open only once the agent is ready.",
  roles: ["lapi", "agent"],
  phase: "run",
  contacts: "GET /metrics on the address of the prometheus block, 127.0.0.1:6060 by default",
  faults: FAULTS,
  async run(context) {
    const { metrics } = context.topology;
    if ("hidden" in metrics) return { status: "unknown", reason: metrics.hidden };
    if ("absent" in metrics) return { status: "skip", reason: `not applicable: ${metrics.absent}` };
    if ("malformed" in metrics) {
      const { malformed, problem } = metrics;
      return { status: "fault", fault: "metrics-address-invalid", data: { ...malformed, problem } };
    }
    if (!metrics.enabled.value)
      return { status: "skip", reason: `not applicable: prometheus.enabled is off (${metrics.enabled.origin})` };
    const walked = await scrape(context, metrics);
    const { failed, reply, evidence, data } = walked;
    if (failed)
      return failed.code in FAULTS
        ? { status: "fault", fault: failed.code as keyof typeof FAULTS, data, failed, evidence }
        : { status: "unknown", reason: failed.message, evidence };
    if (reply === undefined) return { status: "unknown", reason: "the probe gave no answer", evidence };
    const read = readScrape(reply);
    if ("version" in read) return { status: "pass", note: `CrowdSec ${read.version}`, evidence };
    const answer = { message: describe(reply), httpStatus: reply.status, evidence };
    return { status: "fault", fault: read.fault, data: { ...data, ...read.data }, ...answer };
  },
});
