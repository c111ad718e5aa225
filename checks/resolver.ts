import { type Context, defineCheck, type Unasked, type Verdict } from "../src/model/check.ts";
import { familyOf } from "../src/model/hosts.ts";
import type { Failed, NameserverObservation, ResolverSeen } from "../src/model/observation.ts";
import { HOSTS, IMAGES } from "../src/model/remedy.ts";
import { duration } from "../src/model/text.ts";
import { hasRole, type Topology } from "../src/model/topology.ts";
import { hostAndPort } from "../src/model/url.ts";
import { lapiHosts } from "./hosts-file.ts";

const CAPI_HOST = "api.crowdsec.net";
/** What cscli of an agent asks for; and what an install does, whatever the host is to be. */
const HUB_HOST = "hub-data.crowdsec.net";
const PACKAGES_HOST = "packagecloud.io";

/**
 * Milliseconds after which an answer is slow: as long as the nginx bouncer, by its code's default, gives a whole request
 * to the Local API (REQUEST_TIMEOUT, lib/plugins/crowdsec/config.lua in crowdsecurity/lua-cs-bouncer). A nameserver
 * that has to ask others needs a tenth of a second or two.
 */
const SLOW_MS = 500;

const LOOPBACK = /^(127\.|::1$)/;

const isName = (host: string): boolean => host !== "" && host !== "localhost" && familyOf(host) === undefined;

/** A name that CrowdSec of this host asks for; undefined when it has only addresses. */
const nameToAsk = (context: Context): string | undefined => {
  const { topology } = context;
  const { capi, database } = topology;
  const needed = hasRole(topology, "lapi") || hasRole(topology, "cscli");
  const central = (): string => {
    if ("hidden" in capi || "malformed" in capi.url) return CAPI_HOST;
    return capi.state === "off" ? "" : hostAndPort(capi.url.value).host;
  };
  const server = "at" in database && "host" in database.at ? [database.at.host.value] : [];
  const hub = hasRole(topology, "agent") ? [HUB_HOST] : [];
  const packages = topology.phase.value === "install" ? [PACKAGES_HOST] : [];
  return [...(needed ? [central()] : []), ...lapiHosts(context), ...server, ...hub, ...packages].find(isName);
};

/** Every component goes out through a proxy that needs no nameserver to be found. */
const allThroughProxies = ({ components }: Topology): boolean =>
  components.length > 0 &&
  components.every(({ environment }) => {
    const proxy = "proxies" in environment ? environment.proxies.https?.value : undefined;
    return proxy !== undefined && "host" in proxy && familyOf(proxy.host) !== undefined;
  });

/** What was learnt of one nameserver: it serves, or in which way it does not. */
type State = "serves" | "waits" | "in-vain";

/** An answer that comes later than Go waits is none to Go. */
const stateOf = (saw: NameserverObservation, { timeoutMs }: ResolverSeen): State => {
  if (saw.ok) return saw.elapsedMs < timeoutMs ? "serves" : "waits";
  return saw.code === "dns-timeout" ? "waits" : "in-vain";
};

/**
 * Of the orders in which Go begins a lookup, those in which it comes to this nameserver before one that serves: one
 * order, the file's own, or with `rotate` as many as there are nameservers (tryOneName in net/dnsclient_unix.go).
 */
const timesAsked = (states: readonly State[], index: number, rotate: boolean): number => {
  const starts = rotate ? states.length : 1;
  return Array.from({ length: starts }, (_, start) => {
    const order = states.map((_state, step) => (start + step) % states.length);
    const first = order.findIndex((at) => states[at] === "serves");
    return order.indexOf(index) <= (first === -1 ? order.length : first);
  }).filter(Boolean).length;
};

/** Which lookups come to it, as the object of a sentence; undefined when none does while the others serve. */
const whichOf = (states: readonly State[], index: number, rotate: boolean): string | undefined => {
  const times = timesAsked(states, index, rotate);
  if (times === 0) return undefined;
  const all = !rotate || times === states.length;
  return all ? "every lookup for a new connection" : `${times} of ${states.length} lookups ("options rotate")`;
};

/** What a nameserver that does not serve costs, as Go's resolver does it. */
const costOf = (
  states: readonly State[],
  index: number,
  { rotate, timeoutMs, attempts }: ResolverSeen,
  lost: string,
): string => {
  const waits = states[index] === "waits";
  if (!states.includes("serves")) {
    const whole = states.filter((state) => state === "waits").length * timeoutMs * attempts;
    const alone = states.length === 1 ? "it is the only one" : "none of them serves";
    return `${alone}, so ${lost}${whole > 0 ? `, and each lookup takes ${duration(whole)} or more to fail` : ""}`;
  }
  const price = waits ? duration(timeoutMs) : "a round trip";
  const which = whichOf(states, index, rotate);
  return which === undefined
    ? `it is asked only when those before it fail, and then costs a lookup ${price}`
    : `it costs ${which} ${price} before the next one is asked`;
};

const CONF = "cat /etc/resolv.conf";
const OTHER = {
  text: "Or name another nameserver in its place, where /etc/resolv.conf comes from: the link's target or the first lines say what writes it.",
  commands: ["ls -l /etc/resolv.conf", CONF],
};
const ASK = "dig +tries=1 @{server} {name}";

const FAULTS = {
  "dns-refused": {
    blame: "resolver",
    phase: "resolve",
    says: "nameserver {server} ({position}) refuses to answer this host: {cost}",
    remedy: [{ text: "Allow this host on {server}.", commands: [ASK] }, OTHER],
  },
  "dns-servfail": {
    blame: "resolver",
    phase: "resolve",
    says: "nameserver {server} ({position}) answers SERVFAIL to {name}: {cost}",
    remedy: [{ text: "Look at the way out of {server} itself, and at its DNSSEC validation.", commands: [ASK] }, OTHER],
  },
  "dns-timeout": {
    blame: "resolver",
    phase: "resolve",
    says: "nameserver {server} ({position}) does not answer within {ms}: {cost}",
    remedy: [{ text: "Check that it runs, and that udp/53 and tcp/53 to {server} are open.", commands: [ASK] }, OTHER],
  },
  "dns-unreachable": {
    blame: "this-host",
    phase: "resolve",
    says: "nameserver {server} ({position}) cannot be asked from here, no question leaves this host: {cost}",
    remedy: [
      {
        text: "See the route to {server}, the interface, and this host's own packet filter (udp/53 and tcp/53 out).",
        commands: ["ip route get {server}", "nft list ruleset"],
      },
      OTHER,
    ],
  },
  "dns-no-resolver": {
    blame: "resolver",
    confidence: "certain",
    phase: "resolve",
    says: "nothing serves DNS at {server} ({position}): {cost}",
    remedy: [
      {
        text: "Start the local resolver.",
        when: "here",
        services: HOSTS,
        commands: ["ss -lnup 'sport = :53'", "systemctl status systemd-resolved"],
      },
      {
        text: "What should answer there belongs to the container's network: look whether it has a resolver, or name a nameserver for the container (--dns, dns: in a compose file, dnsConfig of a pod).",
        when: "here",
        services: IMAGES,
        commands: ["systemctl status systemd-resolved"],
      },
      { text: "Start the nameserver on {server}, or open the way there.", when: "elsewhere", commands: [ASK] },
      OTHER,
    ],
  },
  slow: {
    severity: "warning",
    blame: "resolver",
    confidence: "possible",
    phase: "resolve",
    says: "nameserver {server} ({position}) answers, but only after {ms}: {cost}",
    remedy: [{ text: "Ask it again: the first answer for a name takes longest.", commands: [ASK] }, OTHER],
  },
} as const;

/** Behind the note of a nameserver that answers; what it says of the name is for the checks that need the name. */
const SAID = {
  addresses: "",
  nxdomain: ", that there is no such name",
  nodata: ", that the name has no IPv4 address",
} as const;

const isKnown = (code: string): code is keyof typeof FAULTS => code in FAULTS;

/** A silent nameserver in first place lets everything work, seconds late: probes of names alone would show none of it. */
export default defineCheck({
  id: "resolver",
  title: "Nameservers of this host answer, as CrowdSec will ask them",
  why: "CrowdSec's own resolver remembers no answer and no failure: it asks the nameservers of /etc/resolv.conf anew for every connection, one after the other, and waits 5 seconds for each that is silent.",
  roles: ["lapi", "agent", "bouncer", "cscli"],
  contacts: "each nameserver of /etc/resolv.conf, udp/53: the IPv4 address of api.crowdsec.net, or of the Local API",
  faults: FAULTS,
  targets: (context): readonly string[] | Unasked => {
    if (nameToAsk(context) === undefined)
      return {
        status: "skip",
        reason: "not applicable: CrowdSec of this host asks for no name, its configuration has addresses",
      };
    return [...new Set(context.topology.resolver.servers)];
  },
  async run(context, server): Promise<Verdict<keyof typeof FAULTS>> {
    const { resolver } = context.topology;
    const name = nameToAsk(context) ?? CAPI_HOST;
    const { servers, configured, timeoutMs } = resolver;
    const seen = await Promise.all(servers.map((one) => context.probe.nameserver({ server: one, name })));
    const states = seen.map((saw) => stateOf(saw, resolver));
    const index = servers.indexOf(server);
    const saw = seen[index];
    if (saw === undefined) return { status: "unknown", reason: `no nameserver ${server}` };
    const place = `${index + 1} of ${servers.length}`;
    const position = configured ? place : "not configured: /etc/resolv.conf names none, so Go asks 127.0.0.1 and ::1";
    const evidence = {
      target: { host: server, port: 53, origin: configured ? "/etc/resolv.conf" : "default" },
      ...(!saw.ok && { dns: saw }),
    };
    const served = states.includes("serves");
    if (!configured && served && states[index] !== "serves")
      return {
        status: "skip",
        reason: "not applicable: nobody configured it, and the other default answers",
        evidence,
      };
    const proxied = allThroughProxies(context.topology);
    const except =
      "; every component goes out through a proxy that is given by address, so only what NO_PROXY exempts suffers";
    const failed: Failed | undefined = saw.ok ? undefined : saw;
    const fault = (code: keyof typeof FAULTS, cost: string, ms = saw.elapsedMs): Verdict<keyof typeof FAULTS> => ({
      status: "fault",
      fault: code,
      data: { server, name, position, ms: duration(ms), cost: `${cost}${proxied && !served ? except : ""}` },
      when: LOOPBACK.test(server) ? "here" : "elsewhere",
      ...((served || proxied) && { severity: "warning" }),
      ...(LOOPBACK.test(server) && { blame: { party: "this-host" } }),
      ...(failed && { failed }),
      evidence,
    });
    // SERVFAIL may be about this one name; whoever refuses or is silent does so with every name.
    const lost = failed?.code === "dns-servfail" ? `${name} does not resolve` : "no name resolves";
    if (failed) {
      if (isKnown(failed.code)) return fault(failed.code, costOf(states, index, resolver, lost));
      return { status: "unknown", reason: `${failed.code}: ${failed.message}`, evidence };
    }
    if (saw.elapsedMs >= timeoutMs) {
      const late = `its answer comes after ${duration(saw.elapsedMs)}, when Go has given up`;
      return fault("dns-timeout", `${late}; ${costOf(states, index, resolver, lost)}`, timeoutMs);
    }
    if (saw.elapsedMs > SLOW_MS) {
      const which = whichOf(states, index, resolver.rotate);
      return fault("slow", which ? `it costs ${which} that time` : "it is asked only when those before it fail");
    }
    const said = SAID[saw.ok ? saw.answer : "addresses"];
    return { status: "pass", note: `${server} (${position}) answers in ${duration(saw.elapsedMs)}${said}`, evidence };
  },
});
