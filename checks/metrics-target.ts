import { defineCheck } from "../src/model/check.ts";
import { describe, layerFaults, walk } from "./layers.ts";
import { readScrape } from "./metrics.ts";

/** Of one answer; a busy engine's metrics are well below. */
const MAX_BYTES = 4 * 1024 * 1024;

const KIB = 1024;

const DOCS = "https://docs.crowdsec.net/docs/next/observability/prometheus";

const NAME = {
  blame: "resolver",
  remedy: [
    { text: "Correct the name in {origin}, or make it known to the nameserver.", commands: ["getent ahosts {host}"] },
  ],
} as const;
const WAY = {
  blame: "network",
  remedy: [
    {
      text: "Let tcp/{port} through from this host to {host}, on every firewall between.",
      commands: ["curl -sS -o /dev/null -w '%{http_code}\\n' {url}"],
    },
  ],
} as const;
const CERTIFICATE = {
  blame: "remote-service",
  remedy: [
    {
      text: "CrowdSec serves its metrics without TLS: a proxy in front of it does. Mend its certificate, or scrape http.",
      commands: ["openssl s_client -connect {place} </dev/null"],
    },
  ],
} as const;
const OTHER = {
  blame: "configuration",
  remedy: [
    {
      text: "Another service answers there. Correct {origin}, or prometheus.listen_port on that host: with the port taken, CrowdSec only logs a warning.",
      commands: ["curl -sSi {url}"],
      url: DOCS,
    },
  ],
} as const;

const FAULTS = {
  ...layerFaults({
    "dns-nxdomain": NAME,
    "dns-nodata": NAME,
    "dns-servfail": NAME,
    "dns-refused": NAME,
    "dns-timeout": NAME,
    "dns-no-resolver": NAME,
    "dns-unreachable": NAME,
    "tcp-refused": {
      blame: "remote-service",
      remedy: [
        {
          text: "On {host}: crowdsec is down, its agent is not ready, or prometheus.listen_addr is 127.0.0.1, the default, which serves that host only.",
          commands: ["grep -n -A 5 '^prometheus' /etc/crowdsec/config.yaml", "ss -ltnp 'sport = :{port}'"],
          url: DOCS,
        },
      ],
    },
    "tcp-timeout": WAY,
    "tcp-unreachable": WAY,
    "tcp-reset": WAY,
    "tls-reset": CERTIFICATE,
    "tls-stalled": CERTIFICATE,
    "tls-not-tls": CERTIFICATE,
    "tls-untrusted": CERTIFICATE,
    "tls-expired": CERTIFICATE,
    "tls-not-yet-valid": CERTIFICATE,
    "tls-wrong-host": CERTIFICATE,
    "tls-no-san": CERTIFICATE,
    "tls-version": CERTIFICATE,
    "tls-client-cert": CERTIFICATE,
    "tls-alert": CERTIFICATE,
    "http-timeout": {
      blame: "remote-service",
      remedy: [
        {
          text: "On {host}: the process hangs or is overloaded; a scrape asks its database too.",
          commands: ["curl -sS -o /dev/null -w '%{time_total}\\n' {url}"],
        },
      ],
    },
    "http-status": OTHER,
    "http-invalid": OTHER,
    "identity-mismatch": OTHER,
  }),
  "metrics-large": {
    severity: "warning",
    blame: "remote-service",
    phase: "response",
    // They do not get fewer.
    recovers: false,
    says: "{url} gives more than {limit} MiB, or no end within {ms} ms",
    remedy: [{ text: "Set prometheus.level: aggregated on {host}: it drops the series of each source.", url: DOCS }],
  },
} as const;

const isKnown = (code: string): code is keyof typeof FAULTS => code in FAULTS;

/** A dashboard without data: seen from the scraper, since from CrowdSec's own host everything looks well. */
export default defineCheck({
  id: "metrics-target",
  title: "Prometheus can scrape CrowdSec's metrics",
  why: "CrowdSec's metrics listen on loopback by default, so a Prometheus on another host gets nothing until listen_addr and the firewalls between let it. Each target is asked from here, where Prometheus runs.",
  roles: ["prometheus"],
  contacts: "GET of every URL of --targets and --target, /metrics by default",
  faults: FAULTS,
  targets: ({ topology: { targets } }) =>
    targets.length > 0
      ? targets.map(({ name }) => name)
      : { status: "skip", reason: "not applicable: --targets FILE or --target HOST:PORT says what Prometheus scrapes" },
  async run(context, name) {
    const found = context.topology.targets.find((target) => target.name === name);
    if (found === undefined) return { status: "unknown", reason: `no target ${name}` };
    const { value: url, origin } = found.url;
    const walked = await walk(context, {
      url,
      origin,
      public: false,
      path: url,
      request: { maxBytes: MAX_BYTES, forget: true },
    });
    const { failed, reply } = walked;
    const data = { url, ...walked.data };
    if (failed)
      return isKnown(failed.code)
        ? { status: "fault", fault: failed.code, data, failed, evidence: walked.evidence }
        : { status: "unknown", reason: `${failed.code}: ${failed.message}`, evidence: walked.evidence };
    if (reply === undefined)
      return { status: "unknown", reason: "the probe gave no answer", evidence: walked.evidence };
    // Of thousands of targets, no body is kept.
    const evidence = { ...walked.evidence, http: { ...reply, body: "" } };
    const answer = { message: describe(reply), httpStatus: reply.status, evidence } as const;
    const read = readScrape(reply);
    // What is cut off may have had its cs_info behind the cut.
    if (reply.truncated && ("version" in read || "seen" in read.data)) {
      const limits = { limit: MAX_BYTES / KIB / KIB, ms: Math.round(reply.elapsedMs) };
      return { status: "fault", fault: "metrics-large", ...answer, data: { ...data, ...limits } };
    }
    if ("fault" in read) return { status: "fault", fault: read.fault, ...answer, data: { ...data, ...read.data } };
    const size = `${(reply.body.length / KIB).toFixed(1)} KiB`;
    return { status: "pass", note: `CrowdSec ${read.version}, ${size} in ${Math.round(reply.elapsedMs)} ms`, evidence };
  },
});
