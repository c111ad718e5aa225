import { type Check, type Context, defineCheck, type Verdict } from "../src/model/check.ts";
import type { Listener } from "../src/model/observation.ts";
import type { Role, Sourced } from "../src/model/topology.ts";
import { bracketed, isWildcard, unbracketed } from "../src/model/url.ts";

/** An address that CrowdSec of this host binds, or will. */
type Bound = Sourced<{ readonly host: string; readonly port: number }>;

interface Port {
  readonly id: string;
  readonly title: string;
  readonly roles: readonly Role[];
  readonly severity?: "warning";
  readonly why: string;
  readonly remedy: string;
  /** What is bound; or why nothing is. */
  readonly bound: (context: Context) => readonly Bound[] | { readonly skip: string } | { readonly unknown: string };
}

const LAPI_DEFAULT: Bound = { value: { host: "127.0.0.1", port: 8080 }, origin: "default" };
const METRICS_DEFAULT: Bound = { value: { host: "127.0.0.1", port: 6060 }, origin: "default" };

/** The ports of CrowdSec on its own host; all are configurable. */
const PORTS: readonly Port[] = [
  {
    id: "port-lapi",
    title: "The Local API's port is CrowdSec's",
    roles: ["lapi"],
    why: "8080 is the most frequently taken port there is, and CrowdSec does not start when another service holds it.",
    remedy:
      "Stop that service or give it another port; or give the Local API one: api.server.listen_uri in config.yaml, url in local_api_credentials.yaml, and the URL in every bouncer's file.",
    bound: ({ topology: { listen, phase, clients } }) => {
      if (listen.uri && "malformed" in listen.uri)
        return { skip: `listen_uri cannot be used (${listen.uri.malformed.origin})` };
      if (listen.uri) return [listen.uri];
      if (listen.socket) return { skip: `the Local API listens on the socket ${listen.socket.value} only` };
      if ("hidden" in clients) return { unknown: clients.hidden };
      return phase.value === "install" ? [LAPI_DEFAULT] : { skip: "its configuration names no listen_uri" };
    },
  },
  {
    id: "port-metrics",
    title: "The metrics' port is CrowdSec's",
    roles: ["lapi", "agent"],
    severity: "warning",
    why: "With 6060 taken, CrowdSec runs without its metrics and only logs a warning.",
    remedy:
      "Stop that service or give it another port; or give the metrics one: prometheus.listen_port in config.yaml.",
    bound: ({ topology: { metrics, phase } }) => {
      if ("hidden" in metrics) return { unknown: metrics.hidden };
      if ("absent" in metrics) return phase.value === "install" ? [METRICS_DEFAULT] : { skip: metrics.absent };
      if ("malformed" in metrics) return { skip: `the metrics' address cannot be used (${metrics.malformed.origin})` };
      if (!metrics.enabled.value) return { skip: `prometheus.enabled is off (${metrics.enabled.origin})` };
      const { listenAddress, listenPort } = metrics;
      return [{ value: { host: listenAddress.value, port: listenPort.value }, origin: listenPort.origin }];
    },
  },
  {
    id: "port-appsec",
    title: "AppSec's port is CrowdSec's",
    roles: ["agent"],
    why: "An AppSec data source that cannot listen on its port, 7422 by default, is an error of the agent, which ends the whole process.",
    remedy:
      "Stop that service or give it another port; or give AppSec one: listen_addr of its acquisition, and the AppSec URL in the bouncers' files.",
    bound: ({ topology: { listen } }) =>
      listen.appsec.length > 0 ? listen.appsec : { skip: "no acquisition has source: appsec" },
  },
];

const LOOPBACK: Readonly<Record<string, string>> = { localhost: "127.0.0.1" };

/**
 * Whether a listener stands in the way of this address. A wildcard of either family does: Linux gives `[::]` both unless
 * it is told otherwise, which the socket table does not show.
 */
const clashes = ({ value: { host, port } }: Bound, listener: Listener): boolean => {
  const wanted = unbracketed(LOOPBACK[host] ?? host);
  return port === listener.port && (isWildcard(wanted) || isWildcard(listener.address) || listener.address === wanted);
};

/** Of a port that Docker publishes its own helper is the process, and the container behind it the one to speak of. */
const containerOf = ({ elsewhere, container }: NonNullable<Listener["owner"]>): string => {
  if (container?.includes(":")) return `, for the container at ${container}`;
  if (!elsewhere) return "";
  return container === undefined ? ", in a container" : `, in container ${container}`;
};

const describeListener = ({ address, port, owner }: Listener): string => {
  const at = `${bracketed(address)}:${port}`;
  if (owner === undefined) return `a process that this user may not see on ${at}`;
  const unit = owner.unit === undefined ? "" : `, ${owner.unit}`;
  return `${owner.name} (pid ${owner.pid}${unit}${containerOf(owner)}) on ${at}`;
};

/** The owner by name: the Local API, the metrics and AppSec all belong to the one program. */
const CROWDSEC = "crowdsec";

const placeOf = ({ value: { host, port } }: Bound): string => `${bracketed(unbracketed(host))}:${port}`;

const judge = (
  bound: Bound,
  listeners: readonly Listener[],
  { topology: { phase } }: Context,
): Verdict<"port-in-use"> => {
  const { value, origin } = bound;
  const { port } = value;
  const place = placeOf(bound);
  const holders = listeners.filter((listener) => clashes(bound, listener));
  const told = holders.map(describeListener).join("; ");
  const evidence = { target: { host: unbracketed(value.host), port, origin } };
  if (holders.length === 0) {
    const nobody = `nothing listens on ${place}`;
    return phase.value === "install"
      ? { status: "pass", note: nobody, evidence }
      : { status: "skip", reason: `${nobody}, so it is nobody's`, evidence };
  }
  const others = holders.filter(({ owner }) => owner === undefined || owner.name !== CROWDSEC);
  if (others.length === 0) return { status: "pass", note: told, evidence };
  if (others.every(({ owner }) => owner === undefined))
    return { status: "unknown", reason: `run as root: whose ${place} is, this user may not see`, evidence };
  const data = { place, port, origin, holders: others.map(describeListener).join("; ") };
  return { status: "fault", fault: "port-in-use", data, message: told, evidence };
};

const toCheck = ({ id, title, roles, severity, why, remedy, bound }: Port): Check =>
  defineCheck({
    id,
    title,
    why,
    roles,
    contacts: "nothing: reads this host's socket table and processes",
    faults: {
      "port-in-use": {
        ...(severity && { severity }),
        blame: "this-host",
        confidence: "certain",
        says: "{place} ({origin}), which is to be CrowdSec's, is held by {holders}",
        remedy: [{ text: remedy, commands: ["ss -ltnp 'sport = :{port}'"] }],
      },
    },
    async run(context) {
      const found = bound(context);
      if ("skip" in found) return { status: "skip", reason: `not applicable: ${found.skip}` };
      if ("unknown" in found) return { status: "unknown", reason: found.unknown };
      const saw = await context.probe.listeners();
      if (!saw.ok) return { status: "unknown", reason: `the socket table cannot be read: ${saw.message}` };
      const judged = found.map((one) => ({ target: placeOf(one), verdict: judge(one, saw.listeners, context) }));
      const [only, ...others] = judged;
      return only && others.length === 0 ? only.verdict : judged;
    },
  });

/** One check for each port, from this host's own socket table. */
export const ports: readonly Check[] = PORTS.map(toCheck);
