import { type Check, type Context, defineCheck, type Fault, type Verdict } from "../src/model/check.ts";
import { describeListener } from "../src/model/listener.ts";
import type { BindObservation, Family, Listener } from "../src/model/observation.ts";
import { HOSTS } from "../src/model/remedy.ts";
import { isOwnAddress, type LapiClient, type Malformed, type Role, type Topology } from "../src/model/topology.ts";
import { bracketed, hostAndPort, isWildcard, toUrl, unbracketed } from "../src/model/url.ts";
import { compareVersions, showVersion, type Version } from "../src/model/version.ts";
import { firstSource, type SourceKind } from "./package-source.ts";
import { type Bound, MOVES, type Move } from "./port-moves.ts";
import { type Claim, findClaims, hasMoreClaims, takersOf } from "./port-takers.ts";

interface Port {
  readonly id: string;
  readonly title: string;
  readonly roles: readonly Role[];
  readonly severity?: "warning";
  readonly why: string;
  /** Where another port or address is written, by hand. */
  readonly remedy: string;
  readonly move: keyof typeof MOVES;
  /** The key that names its address, or its port alone. */
  readonly key: string;
  /** What is bound; or why nothing is. */
  readonly bound: (context: Context) => readonly Bound[] | Unbound;
}

type Unbound = { readonly skip: string } | { readonly unknown: string };

const LAPI_DEFAULT: Bound = { value: { host: "127.0.0.1", port: 8080 }, origin: "default" };
const METRICS_DEFAULT: Bound = { value: { host: "127.0.0.1", port: 6060 }, origin: "default" };
const APPSEC_DEFAULT: Bound = {
  value: { host: "127.0.0.1", port: 7422 },
  origin: "AppSec's default, where it is wanted",
};
/** pkg/acquisition/modules/appsec: before, there is none. */
const APPSEC_SINCE: Version = [1, 6, 0];
/** What CrowdSec takes unless it is told otherwise: the ports of the other two are no way out for the third. */
const DEFAULTS = [8080, 6060, 7422];

/** Before an install, `--lapi-url` says where the Local API of this very host is to be; an address of another host says nothing of it. */
const meantFor = (topology: Topology): Bound | undefined => {
  const { clients } = topology;
  const own = Array.isArray(clients) ? clients.find(({ kind }: LapiClient) => kind === "self") : undefined;
  if (own === undefined || !("url" in own.way)) return undefined;
  const { value, origin } = own.way.url;
  const { host, port } = hostAndPort(value);
  return isOwnAddress(topology, host) ? { value: { host, port }, origin } : undefined;
};

/** Why the overlay that is there before the install tells nothing; undefined when it does, or there is none. */
const unreadOverlay = ({ phase, config, files }: Topology): Unbound | undefined => {
  const path = `${config.value}.local`;
  const file = phase.value === "install" ? files.find((one) => one.path === path) : undefined;
  switch (file?.state) {
    case "denied":
      return { unknown: `run as root: ${path} may not be read by this user` };
    case "large":
    case "unreadable":
    case "invalid":
      return { unknown: `${path} cannot be used${file.message === undefined ? "" : `: ${file.message}`}` };
    default:
      return undefined;
  }
};

/** What cannot be used: before the install nobody has started it yet, and no check of what runs tells. */
const unusable = ({ phase }: Topology, what: string, { malformed, problem }: Malformed): Unbound => {
  const said = `${what} cannot be used (${malformed.origin})`;
  return phase.value === "install" ? { unknown: `${said}: it is ${problem}` } : { skip: said };
};

/** The ports of CrowdSec on its own host; all are configurable. */
const PORTS: readonly Port[] = [
  {
    id: "port-lapi",
    title: "The Local API's port is CrowdSec's",
    roles: ["lapi"],
    why: "8080 is the most frequently taken port there is, and CrowdSec does not start when another service holds it.",
    remedy:
      "Stop that service or give it another port; or give the Local API one: api.server.listen_uri in config.yaml, url in local_api_credentials.yaml, and the URL in every bouncer's file.",
    move: "lapi",
    key: "api.server.listen_uri",
    bound: ({ topology }) => {
      const { listen, phase, clients, files, config } = topology;
      if (listen.uri && "malformed" in listen.uri) return unusable(topology, "listen_uri", listen.uri);
      // What a package brings gives way to what is meant.
      if (listen.uri) return [(listen.uri.origin === "default" ? meantFor(topology) : undefined) ?? listen.uri];
      if (listen.socket) return { skip: `the Local API listens on the socket ${listen.socket.value} only` };
      if ("hidden" in clients) return { unknown: clients.hidden };
      if (phase.value !== "install") return { skip: "its configuration names no listen_uri" };
      const unread = unreadOverlay(topology);
      if (unread) return unread;
      const local = `${config.value}.local`;
      if (files.some(({ path }) => path === local)) return { skip: `${local} switches the Local API off` };
      return [meantFor(topology) ?? LAPI_DEFAULT];
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
    move: "metrics",
    key: "prometheus.listen_addr",
    bound: ({ topology }) => {
      const { metrics, phase } = topology;
      if ("hidden" in metrics) return { unknown: metrics.hidden };
      if ("absent" in metrics)
        return phase.value === "install" ? (unreadOverlay(topology) ?? [METRICS_DEFAULT]) : { skip: metrics.absent };
      if ("malformed" in metrics) return unusable(topology, "the metrics' address", metrics);
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
    move: "appsec",
    key: "listen_addr",
    bound: ({ topology: { listen, phase } }) => {
      if (listen.appsec.length > 0) return listen.appsec;
      return phase.value === "install" ? [APPSEC_DEFAULT] : { skip: "no acquisition has source: appsec" };
    },
  },
];

const LOOPBACK: Readonly<Record<string, string>> = { localhost: "127.0.0.1" };

/** As addresses are compared: without brackets, IPv6 in its shortest form. */
const plain = (host: string): string => {
  const bare = unbracketed(LOOPBACK[host] ?? host);
  const url = bare.includes(":") ? toUrl(`http://[${bare}]/`) : undefined;
  return url ? unbracketed(url.hostname) : bare;
};

/** The kernel's table has one address for each socket; a wildcard of either family has all, unless it is told otherwise. */
const overlap = (wanted: string, other: string): boolean => isWildcard(wanted) || isWildcard(other) || other === wanted;

const clashes = ({ value: { host, port } }: Bound, listener: Listener): boolean =>
  port === listener.port && overlap(plain(host), listener.address);

/** Whether it may be IPv6's alone (IPV6_V6ONLY), which the socket table does not show: then IPv4 is free. */
const mayBeIpv6Only = ({ value: { host } }: Bound, { address }: Listener): boolean =>
  address === "::" && !isWildcard(host) && !plain(host).includes(":");

/** The first process, which opens sockets for units. */
const INIT = 1;

/** The socket unit for which systemd itself holds a port, as its file says. */
const socketOf = ({ owner }: Listener, claims: readonly Claim[]): Claim | undefined =>
  owner?.pid === INIT && owner.unit === undefined ? claims.find(({ kind }) => kind === "socket") : undefined;

/** @param claims of this port and address */
const holderOf = (listener: Listener, claims: readonly Claim[] = []): string => {
  const unit = socketOf(listener, claims)?.name;
  const container = claims.find(({ kind, running }) => kind === "container" && running)?.name;
  return describeListener(listener, { ...(unit && { unit }), ...(container && { container }) });
};

const describeClaim = ({ name, origin, shown }: Claim): string => `${name} (${origin}: ${shown})`;

/** The owner by name: the Local API, the metrics and AppSec all belong to the one program. */
const CROWDSEC = "crowdsec";

const placeOf = ({ value: { host, port } }: Bound): string => `${bracketed(unbracketed(host))}:${port}`;

type Code = "port-in-use" | "bind-denied" | "bind-no-address" | "port-taken-at-boot";

/** All that was seen before the first port is judged. */
interface Scene {
  readonly port: Port;
  readonly context: Context;
  readonly listeners: readonly Listener[];
  readonly claims: readonly Claim[];
  /** Ports that are no way out, although nobody holds them: CrowdSec's own, and those given away meanwhile. */
  readonly spoken: Set<number>;
  /** Whether addresses are really bound. */
  readonly mayBind: boolean;
}

/**
 * Only before an install, and while no crowdsec runs: at any other time CrowdSec might be starting just then, and would
 * find the address taken by us.
 */
const isQuiet = async ({ topology, probe }: Context): Promise<boolean> => {
  const { phase, engines, program } = topology;
  if (phase.value !== "install" || engines.length > 0) return false;
  // `--phase install` on a host that has it: one that waits to be started again may be at any moment.
  const saw = program && (await probe.service("crowdsec"));
  return !(saw?.ok && saw.known && (saw.state === "starting" || saw.state === "restarting"));
};

const IPV4 = /^[\d.]+$/;

/** A real try; undefined where it may not be made, or where the address is a name that leads nowhere. */
const bindAt = async (
  { context, mayBind }: Pick<Scene, "context" | "mayBind">,
  host: string,
  port: number,
): Promise<BindObservation | undefined> => {
  if (!mayBind) return undefined;
  const wanted = plain(host) || "::";
  const isAddress = IPV4.test(wanted) || wanted.includes(":");
  const saw = isAddress ? undefined : await context.probe.dns({ name: wanted });
  const addresses = saw?.ok ? saw.addresses.map(({ address }) => address) : [];
  // Of a name, Go takes the first address of IPv4, or else the first.
  const address = isAddress ? wanted : (addresses.find((one) => IPV4.test(one)) ?? addresses[0]);
  if (address === undefined) return undefined;
  const family: Family = address.includes(":") ? 6 : 4;
  return context.probe.bind({ address, family, port });
};

/** How many ports above the wanted one are looked at. */
const TRIES = 20;
const MAX_PORT = 65_535;

/** The first port above it that nobody has, on any address, or will have after the next start of this system. */
const firstFree = async (scene: Scene, { value: { host, port } }: Bound): Promise<number | undefined> => {
  const { listeners, claims, spoken } = scene;
  const used = new Set([...listeners, ...claims.filter(({ atBoot }) => atBoot)].map((one) => one.port));
  for (let candidate = port + 1; candidate <= Math.min(port + TRIES, MAX_PORT); candidate++) {
    if (used.has(candidate) || spoken.has(candidate)) continue;
    const saw = await bindAt(scene, host, candidate);
    if (saw !== undefined && !saw.ok) continue;
    spoken.add(candidate);
    return candidate;
  }
  return undefined;
};

const NOTHING: Move = { remedy: [], data: {} };

const moveOf = async (scene: Scene, bound: Bound): Promise<Move> => {
  const free = await firstFree(scene, bound);
  const { port, context } = scene;
  return free === undefined ? NOTHING : MOVES[port.move][context.topology.phase.value](context, bound, free);
};

const baseOf = (bound: Bound) => {
  const { value, origin } = bound;
  return {
    data: { place: placeOf(bound), port: value.port, origin },
    evidence: { target: { host: unbracketed(value.host), port: value.port, origin } },
  };
};

/** Those who name this port, on this address. */
const claimsOn = ({ claims }: Scene, { value: { host, port } }: Bound): readonly Claim[] =>
  claims.filter((claim) => claim.port === port && overlap(plain(host), claim.address));

const CLAIMED = { socket: "socket", service: "service", container: "container" } as const;

const CUT = "; of what starts with this system, which is a lot, only a part was looked at";

/** @param note why nobody stands in its way now, or that CrowdSec has it */
const judgeFree = async (scene: Scene, bound: Bound, note: string, isHeld: boolean): Promise<Verdict<Code>> => {
  const { data, evidence } = baseOf(bound);
  const { probe, topology } = scene.context;
  const takers = await takersOf(probe, claimsOn(scene, bound));
  const [first] = takers;
  if (first) {
    const move = await moveOf(scene, bound);
    return {
      status: "fault",
      fault: "port-taken-at-boot",
      data: {
        ...data,
        ...move.data,
        takers: takers.map(describeClaim).join("; "),
        unit: first.name,
        file: first.origin,
      },
      message: takers.map(describeClaim).join("; "),
      when: CLAIMED[first.kind],
      remedy: move.remedy,
      also: [note],
      evidence,
    };
  }
  return isHeld || topology.phase.value === "install"
    ? { status: "pass", note: (await hasMoreClaims(probe, topology.system)) ? `${note}${CUT}` : note, evidence }
    : { status: "skip", reason: `${note}, so it is nobody's`, evidence };
};

/** An address that no interface of this host has, and that no socket has either. */
const noAddress = ({ port, context }: Scene, bound: Bound): Verdict<Code> => {
  const { data, evidence } = baseOf(bound);
  const { interfaces, metrics } = context.topology;
  const isSplit = port.move === "metrics" && "listenAddress" in metrics;
  const origin = isSplit ? metrics.listenAddress.origin : bound.origin;
  const own = interfaces.map(({ address }) => address).filter((address) => !address.startsWith("fe80:"));
  return {
    status: "fault",
    fault: "bind-no-address",
    data: { ...data, origin, key: port.key, addresses: own.join(", ") || "none" },
    evidence,
  };
};

/** In phase run nothing is bound, and what interfaces have is what can be known. */
const lacksAddress = ({ context: { topology } }: Scene, { value: { host } }: Bound): boolean => {
  const wanted = plain(host);
  const isAddress = IPV4.test(wanted) || (wanted.includes(":") && !wanted.includes("%"));
  return (
    topology.phase.value === "run" &&
    topology.interfaces.length > 0 &&
    isAddress &&
    !isWildcard(wanted) &&
    !isOwnAddress(topology, wanted)
  );
};

/** A real try failed where the socket table shows nobody. */
const judgeUnbound = async (
  scene: Scene,
  bound: Bound,
  saw: Extract<BindObservation, { readonly ok: false }>,
): Promise<Verdict<Code>> => {
  const { data, evidence } = baseOf(bound);
  const { user } = scene.context.topology;
  switch (saw.code) {
    case "bind-in-use": {
      const holders =
        "something that does not listen: a connection that leaves from this port, or a socket that is only bound";
      const move = await moveOf(scene, bound);
      return {
        status: "fault",
        fault: "port-in-use",
        data: { ...data, ...move.data, state: `is held by ${holders}` },
        failed: saw,
        when: "unseen",
        remedy: move.remedy,
        evidence,
      };
    }
    case "bind-no-address":
      return { ...noAddress(scene, bound), failed: saw } as Verdict<Code>;
    case "bind-denied":
      return user === "root"
        ? { status: "fault", fault: "bind-denied", data: { ...data, words: saw.message }, failed: saw, evidence }
        : { status: "unknown", reason: `run as root: ${data.place} may not be listened on by this user`, evidence };
    default:
      return { status: "unknown", reason: `${data.place} cannot be tried: ${saw.message}`, evidence };
  }
};

/** Listeners that stand in the way, as far as that can be known. */
const holdersOf = async ({ listeners, context }: Scene, bound: Bound): Promise<readonly Listener[]> => {
  const all = listeners.filter((listener) => clashes(bound, listener));
  if (!all.some((one) => mayBeIpv6Only(bound, one))) return all;
  const others = all.filter((one) => !mayBeIpv6Only(bound, one));
  // Somebody listens on the very address: then IPv6's wildcard leaves it free.
  if (others.length > 0) return others;
  // Nobody does: then whoever answers there is the wildcard.
  const saw = await context.probe.tcp({ address: plain(bound.value.host), family: 4, port: bound.value.port });
  return !saw.ok && saw.code === "tcp-refused" ? [] : all;
};

/** Whose install scripts look at the port alone, on any address (build/debian/postinst, build/rpm). */
const OF_THE_VENDOR: readonly (SourceKind | undefined)[] = ["vendor-deb", "vendor-rpm", "script"];

/** Who has the port on another address, and what an install would make of it. */
interface Besides {
  readonly told: string;
  /** `stopped`: that install leaves crowdsec stopped; `perhaps`: what would be installed is not known. */
  readonly script?: "stopped" | "perhaps";
}

const besides = async (
  { port, context, listeners, mayBind }: Scene,
  { value }: Bound,
): Promise<Besides | undefined> => {
  const others = listeners.filter((one) => one.port === value.port && one.owner?.name !== CROWDSEC);
  if (others.length === 0) return undefined;
  const told = others.map((one) => holderOf(one)).join("; ");
  if (port.move !== "lapi" || !mayBind) return { told };
  const source = await firstSource(context);
  if (OF_THE_VENDOR.includes(source?.kind)) return { told, script: "stopped" };
  return { told, ...(source === undefined && { script: "perhaps" }) };
};

/** The address is free, and the script that is to come does not look at addresses. */
const judgeBeside = async (scene: Scene, bound: Bound, { told }: Besides): Promise<Verdict<Code>> => {
  const { data, evidence } = baseOf(bound);
  const move = await moveOf(scene, bound);
  return {
    status: "fault",
    fault: "port-in-use",
    severity: "warning",
    data: {
      ...data,
      ...move.data,
      state: `is free, but ${told} has its port, and the install script of CrowdSec's own packages then does not start crowdsec`,
    },
    message: told,
    when: "beside",
    remedy: move.remedy,
    evidence,
  };
};

const judge = async (scene: Scene, bound: Bound): Promise<Verdict<Code>> => {
  const { data, evidence } = baseOf(bound);
  if (bound.value.port === 0)
    return { status: "unknown", reason: `port 0 (${bound.origin}) is another one with each start`, evidence };
  const beside = await besides(scene, bound);
  const script =
    beside?.script === undefined
      ? ""
      : "; the install script of CrowdSec's own packages does not start crowdsec because of that: systemctl start crowdsec does";
  const nobody = `nothing listens on ${data.place}${beside === undefined ? "" : `, and ${beside.told} leaves it free${script}`}`;
  const tried = await bindAt(scene, bound.value.host, bound.value.port);
  if (tried?.ok) {
    const verdict = await judgeFree(scene, bound, nobody, false);
    return beside?.script === "stopped" && verdict.status === "pass" ? judgeBeside(scene, bound, beside) : verdict;
  }
  const holders = await holdersOf(scene, bound);
  if (holders.length === 0) {
    if (tried) return judgeUnbound(scene, bound, tried);
    return lacksAddress(scene, bound) ? noAddress(scene, bound) : judgeFree(scene, bound, nobody, false);
  }
  const claims = claimsOn(scene, bound);
  const told = holders.map((one) => holderOf(one, claims)).join("; ");
  const others = holders.filter(({ owner }) => owner === undefined || owner.name !== CROWDSEC);
  if (others.length === 0) return judgeFree(scene, bound, told, true);
  // Before an install, while no engine runs, a real try has just failed: whoever it is, it is not CrowdSec.
  const isAnother = tried?.ok === false && tried.code === "bind-in-use";
  if (!isAnother && others.every(({ owner }) => owner === undefined))
    return { status: "unknown", reason: `run as root: whose ${data.place} is, this user may not see`, evidence };
  const socket = others.map((one) => socketOf(one, claims)).find((found) => found !== undefined);
  const move = await moveOf(scene, bound);
  return {
    status: "fault",
    fault: "port-in-use",
    data: {
      ...data,
      ...move.data,
      ...(socket && { unit: socket.name }),
      state: `is held by ${others.map((one) => holderOf(one, claims)).join("; ")}`,
    },
    message: told,
    ...(socket && { when: "socket" }),
    remedy: move.remedy,
    evidence,
  };
};

const faultsOf = ({ severity, remedy }: Port): Readonly<Record<Code, Fault>> => {
  const common = { ...(severity && { severity }), blame: "this-host" } as const;
  return {
    "port-in-use": {
      ...common,
      confidence: "certain",
      says: "{place} ({origin}), which is to be CrowdSec's, {state}",
      remedy: [
        { text: remedy, commands: ["ss -ltnp 'sport = :{port}'"] },
        {
          when: "socket",
          services: ["systemd"],
          text: "systemd itself holds the port for {unit}: without that unit, it is free.",
          commands: ["systemctl disable --now {unit}"],
          undo: ["systemctl enable --now {unit}"],
        },
        {
          when: "beside",
          services: HOSTS,
          text: "Or leave both as they are: once CrowdSec is installed, start it by hand.",
          commands: ["systemctl start crowdsec"],
          undo: ["systemctl stop crowdsec"],
        },
        {
          when: "unseen",
          text: "A connection ends by itself: try again after a while, or see which process has it.",
          commands: ["ss -tanp 'sport = :{port}'"],
        },
      ],
    },
    "bind-denied": {
      ...common,
      says: "this system lets nobody listen on {place} ({origin}), not even root: {words}",
      remedy: [
        {
          text: "A security module or a container's limits forbid it: let crowdsec listen there, or give it another port ({origin}). The kernel's log names the rule.",
          commands: ["journalctl -k -n 50 --no-pager"],
        },
      ],
    },
    "bind-no-address": {
      ...common,
      // An address that a VPN or a fail-over brings comes later.
      recovers: true,
      blame: "configuration",
      says: "CrowdSec is to listen on {place} ({origin}), an address that no interface of this host has: it would not start",
      remedy: [
        {
          text: "Write one of this host's own addresses ({addresses}) as {key} ({origin}), or 0.0.0.0 for all of them.",
          commands: ["ip -br address"],
        },
        {
          text: "An address that comes later, of a VPN or of a fail-over, must be there before crowdsec starts.",
        },
      ],
    },
    "port-taken-at-boot": {
      ...common,
      severity: "warning",
      says: "{place} ({origin}), which is to be CrowdSec's, will be taken when this system starts the next time, by {takers}",
      remedy: [
        {
          when: "service",
          text: "Where {unit} is not needed, keep it from starting with the system; else give it another port ({file}).",
          commands: ["systemctl disable {unit}"],
          undo: ["systemctl enable {unit}"],
        },
        {
          when: "socket",
          text: "Where {unit} is not needed, keep it from starting with the system; else give it another port ({file}).",
          commands: ["systemctl disable {unit}"],
          undo: ["systemctl enable {unit}"],
        },
        {
          when: "container",
          text: "Where the container {unit} is not needed, keep Docker from starting it; else make it anew with another port.",
          commands: ["docker update --restart no {unit}"],
        },
      ],
    },
  };
};

/** Ports of CrowdSec on this host, as configured. */
const configured = ({ topology: { listen, metrics } }: Context): readonly number[] => [
  ...(listen.uri && "value" in listen.uri ? [listen.uri.value.port] : []),
  ...("listenPort" in metrics ? [metrics.listenPort.value] : []),
  ...listen.appsec.map(({ value }) => value.port),
];

const toCheck = (port: Port): Check =>
  defineCheck({
    id: port.id,
    title: port.title,
    why: port.why,
    roles: port.roles,
    contacts:
      "nothing: reads this host's socket table, its processes and what starts with it; before an install, listens there for a moment",
    faults: faultsOf(port),
    async run(context) {
      const isMaybe = port.move === "appsec" && context.topology.listen.appsec.length === 0;
      const version = isMaybe ? await context.version() : undefined;
      if (version && compareVersions(version, APPSEC_SINCE) < 0)
        return { status: "skip", reason: `not applicable: CrowdSec ${showVersion(version)} has no AppSec` };
      const found = port.bound(context);
      if ("skip" in found) return { status: "skip", reason: `not applicable: ${found.skip}` };
      if ("unknown" in found) return { status: "unknown", reason: found.unknown };
      const saw = await context.probe.listeners();
      if (!saw.ok) return { status: "unknown", reason: `the socket table cannot be read: ${saw.message}` };
      const claims = await findClaims(context.probe, context.topology.system);
      const spoken = new Set([...DEFAULTS, ...configured(context)]);
      const mayBind = await isQuiet(context);
      const scene: Scene = { port, context, listeners: saw.listeners, claims, spoken, mayBind };
      const judged: { target: string; verdict: Verdict<Code> }[] = [];
      // One after the other: what one is given as a way out, the next must not get.
      for (const one of found) {
        const verdict = await judge(scene, one);
        // Nobody has said that it is wanted.
        const lowered = isMaybe && verdict.status === "fault" ? { ...verdict, severity: "warning" as const } : verdict;
        judged.push({ target: placeOf(one), verdict: lowered });
      }
      const [only, ...others] = judged;
      return only && others.length === 0 ? only.verdict : judged;
    },
  });

/** One check for each port, from this host's own socket table. */
export const ports: readonly Check[] = PORTS.map(toCheck);
