import { defineCheck } from "../src/model/check.ts";
import type { Address } from "../src/model/observation.ts";
import { HOSTS } from "../src/model/remedy.ts";
import { bracketed, isWildcard, unbracketed } from "../src/model/url.ts";
import { walk } from "./layers.ts";

const LOOPBACK = /^(localhost|127\.|::1$|\[::1\]$)/;
/** The heading of net/http/pprof's index page. */
const PPROF = /\/debug\/pprof\//;

/** An address of this host that others can reach, IPv4 first. */
const outward = (interfaces: readonly Address[]): string | undefined =>
  [...interfaces]
    .sort((a, b) => a.family - b.family)
    .find(({ address }) => !LOOPBACK.test(address) && !address.startsWith("fe80:"))?.address;

/** pprof answers wherever the metrics do, in every version, and has no switch of its own. */
export default defineCheck({
  id: "pprof-exposure",
  title: "CrowdSec's profiler is not open to others",
  why: "/debug/pprof on the metrics port tells memory and command line, and lets anyone who reaches it burn CPU. It has no switch of its own: only the listen address protects it.",
  roles: ["lapi", "agent"],
  phase: "run",
  contacts: "GET /debug/pprof/ (the index only) on the metrics port, when that listens beyond loopback",
  faults: {
    "pprof-exposed": {
      severity: "warning",
      blame: "configuration",
      confidence: "certain",
      phase: "response",
      // It listens where its configuration says.
      recovers: false,
      says: "the profiler /debug/pprof answers on {place}, which is not loopback (listen_addr {listen}, {origin})",
      remedy: [
        {
          services: HOSTS,
          text: "Bind the metrics to loopback: prometheus.listen_addr: 127.0.0.1 in config.yaml, then restart crowdsec.",
          commands: ["systemctl restart crowdsec"],
        },
        {
          services: ["container"],
          text: "Do not publish port {port} of the container, or on the loopback of its host only (127.0.0.1:{port}:{port}).",
        },
        {
          services: ["kubernetes"],
          text: "Let Prometheus alone connect to port {port}, with a NetworkPolicy; the kubelet's own probes ask there too.",
        },
        {
          text: "If Prometheus scrapes from another host, let only that one in.",
          commands: ["ufw allow from PROMETHEUS to any port {port} proto tcp", "ufw deny {port}/tcp"],
          undo: ["ufw delete deny {port}/tcp", "ufw delete allow from PROMETHEUS to any port {port} proto tcp"],
        },
      ],
    },
  },
  async run(context) {
    const { metrics, interfaces } = context.topology;
    if ("hidden" in metrics) return { status: "unknown", reason: metrics.hidden };
    if ("absent" in metrics) return { status: "skip", reason: `not applicable: ${metrics.absent}` };
    if ("malformed" in metrics)
      return {
        status: "skip",
        reason: `not applicable: the metrics' address cannot be used (${metrics.malformed.origin})`,
      };
    if (!metrics.enabled.value)
      return {
        status: "skip",
        reason: `not applicable: prometheus.enabled is off, and pprof with it (${metrics.enabled.origin})`,
      };
    const { value: listen, origin } = metrics.listenAddress;
    if (LOOPBACK.test(listen)) return { status: "pass", note: `listens on ${listen} only` };
    const address = isWildcard(listen) ? outward(interfaces) : unbracketed(listen);
    if (address === undefined) return { status: "pass", note: "this host has no address beyond loopback" };
    const host = bracketed(address);
    const { reply, data, failed, evidence } = await walk(context, {
      url: `http://${host}:${metrics.listenPort.value}/`,
      origin,
      public: false,
      path: "debug/pprof/",
      request: {},
    });
    if (failed)
      return { status: "pass", note: `no answer on ${host}:${metrics.listenPort.value} (${failed.code})`, evidence };
    if (reply?.status === 200 && PPROF.test(reply.body))
      return {
        status: "fault",
        fault: "pprof-exposed",
        data: { ...data, listen, origin },
        message: `HTTP ${reply.status} on /debug/pprof/`,
        httpStatus: reply.status,
        evidence,
      };
    return { status: "pass", note: `no profiler on ${host}:${metrics.listenPort.value}`, evidence };
  },
});
