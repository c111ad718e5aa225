import { parseZonedIp, sameIp } from "../src/model/address.ts";
import { type Context, defineCheck, type Unasked, type Verdict } from "../src/model/check.ts";
import type { Alteration, Failed, PeerAnswered, PeerObservation, Trust } from "../src/model/observation.ts";
import { fill } from "../src/model/text.ts";
import { type Component, componentOf, hasRole, type Peer, type Topology } from "../src/model/topology.ts";
import { ANYBODY } from "../src/model/trust.ts";
import { hostAndPort } from "../src/model/url.ts";
import { CORRECT_VARIABLE, lapiLayers } from "./lapi-faults.ts";
import { FINGERPRINT_PATH, isLocalApi, placeOf } from "./lapi-way.ts";
import { certificateWords, connect, type Destination, hasFamily, layerFaults, walk } from "./layers.ts";

const ANEW = "crowdsec-preflight listen --port {port}";
const WHO_LISTENS = "ss -ltnp 'sport = :{port}'";
const HANDSHAKE = ["openssl s_client -connect {place} </dev/null"];
const CERTIFICATE = ["openssl s_client -connect {place} -showcerts </dev/null"];

/** What is near by is no proxy's business. */
const PAST_THE_PROXY = {
  text: "The Local API is no business of the proxy: have NO_PROXY of {component} name {host}, here ({environment}) for this try, and where CrowdSec's services get theirs from once they are installed.",
} as const;
const REFUSED_BY_PROXY = { blame: "configuration", remedy: [PAST_THE_PROXY] } as const;

const ON_THE_WAY = "Ask whoever runs the network between for tcp/{port} from here to {host} to pass untouched";

const FAULTS = {
  ...layerFaults({
    ...lapiLayers("dns-nxdomain", "dns-nodata", "dns-servfail", "dns-refused", "dns-timeout", "dns-no-resolver"),
    ...lapiLayers("dns-unreachable", "tcp-timeout", "tcp-unreachable", "tcp-reset"),
    "tcp-refused": {
      blame: "remote-service",
      remedy: [
        {
          text: "No listener is there: it closes by itself when its time (--ttl) is over, or all that it expected have come. Start it anew on {host}, and run here the line that it prints.",
          commands: [ANEW],
        },
        {
          text: "Where it does run there, it has another port, or another address than this one (its --address), or a packet filter refuses in its place.",
          when: "elsewhere",
          commands: [WHO_LISTENS],
        },
      ],
    },
    "proxy-invalid": { blame: "configuration", confidence: "certain", remedy: [CORRECT_VARIABLE] },
    "proxy-unreachable": REFUSED_BY_PROXY,
    "proxy-auth-required": REFUSED_BY_PROXY,
    "proxy-denied": REFUSED_BY_PROXY,
    "proxy-upstream": REFUSED_BY_PROXY,
    "proxy-protocol": REFUSED_BY_PROXY,
    "tls-reset": {
      blame: "configuration",
      confidence: "possible",
      remedy: [
        {
          text: "A listener without TLS hangs up on whoever speaks it: then write --peer {place}, without https://. Otherwise a filter on the way cuts TLS off.",
          commands: HANDSHAKE,
        },
      ],
    },
    "tls-stalled": {
      blame: "network",
      remedy: [
        {
          text: "The connection opens and TLS never answers: a path MTU that is smaller than this host takes it to be, or a filter that holds TLS back.",
          commands: ["ping -c 1 -M do -s 1400 {address}", ...HANDSHAKE],
        },
      ],
    },
    "tls-not-tls": {
      blame: "configuration",
      remedy: [
        { text: "No listener with TLS answers there. See what does, and whether the port is the one that it printed." },
      ],
    },
    "tls-expired": {
      blame: "remote-service",
      remedy: [
        {
          text: "Compare the clocks of both hosts; then renew the certificate that the listener was given, before the Local API gets it.",
          commands: ["date -u", ...CERTIFICATE],
        },
      ],
    },
    "tls-not-yet-valid": {
      blame: "remote-service",
      remedy: [
        {
          text: "Compare the clocks of both hosts, then the certificate's dates.",
          commands: ["date -u", ...CERTIFICATE],
        },
      ],
    },
    "tls-wrong-host": {
      blame: "configuration",
      remedy: [
        {
          text: "Have CrowdSec's clients use one of the certificate's names as the Local API's URL, or reissue it with {host} as subject alternative name.",
          commands: CERTIFICATE,
        },
      ],
    },
    "tls-no-san": {
      blame: "remote-service",
      confidence: "certain",
      remedy: [{ text: "Reissue the certificate with {host} as subject alternative name (DNS: or IP:)." }],
    },
    "tls-version": {
      blame: "network",
      remedy: [{ text: "A listener offers TLS 1.3: somebody else answers there, or a proxy on the way ends TLS." }],
    },
    "tls-client-cert": {
      blame: "configuration",
      remedy: [{ text: "A listener asks for none: another service answers there. See which one has the port." }],
    },
    "tls-alert": {
      blame: "network",
      remedy: [
        {
          text: "No listener refuses a handshake: another service answers, or a filter on the way.",
          commands: HANDSHAKE,
        },
      ],
    },
    "http-timeout": {
      blame: "remote-service",
      remedy: [
        {
          text: "It accepts connections and says nothing: another service, or a filter that answers for a host behind it. See on {host} what has the port.",
          commands: [WHO_LISTENS],
        },
      ],
    },
    "http-invalid": {
      blame: "remote-service",
      remedy: [
        {
          text: "It hangs up without a word. A listener does that to whoever speaks no TLS where it has a certificate (write --peer https://{place} then), when its time is over, and when too many came from this address; its own log says which. Otherwise another service has the port, or a filter on the way ends what it does not like.",
          commands: [WHO_LISTENS],
        },
      ],
    },
  }),
  // An authority of one's own is the rule; where it is named cannot be known before the install.
  ...layerFaults(
    {
      "tls-untrusted": {
        blame: "configuration",
        remedy: [
          {
            text: "With an authority of your own that is to be expected: name it as ca_cert_path, beside the URL in local_api_credentials.yaml and in each bouncer's file, or add it to the system's store.",
            commands: CERTIFICATE,
          },
        ],
      },
    },
    "warning",
  ),
  "peer-foreign": {
    blame: "remote-service",
    phase: "response",
    says: "what answers at {place} is no listener{known}: {message}",
    remedy: [
      {
        text: "Another service has the port, or something on the way answers in its place. See on {host} what has it: the Local API will need that port, or another one. Where the listener printed another port, name that with --peer.",
        when: "straight",
        commands: [WHO_LISTENS],
      },
      { ...PAST_THE_PROXY, when: "proxied" },
      {
        text: "It knows the token, so it is a listener: of another version than this one, or with a defect. Compare the versions on both hosts, and use the same one.",
        when: "version",
        commands: ["crowdsec-preflight --version"],
      },
    ],
  },
  "peer-is-lapi": {
    recovers: false,
    severity: "warning",
    blame: "configuration",
    confidence: "certain",
    phase: "response",
    says: "a Local API answers at {place} already: the way there is open, and nobody has to stand in for it",
    remedy: [
      {
        text: "Leave --peer out, and ask the Local API itself.",
        commands: ["crowdsec-preflight check --lapi-url {url}"],
      },
    ],
  },
  "peer-token-refused": {
    blame: "configuration",
    confidence: "certain",
    phase: "login",
    recovers: false,
    says: "the listener at {place} has another token than the one given here",
    remedy: [
      {
        text: "Run here the line that this listener printed: each start makes a new token. Where several hosts listen, each has its own, unless they were given one by --token-file.",
      },
    ],
  },
  "peer-token-used": {
    blame: "configuration",
    confidence: "certain",
    phase: "login",
    recovers: false,
    says: "{name} has been at the listener {place} before, and the token lets each host in once: {message}",
    remedy: [
      {
        text: "If that was this host, the listener's table has it already; for another try start it anew, and run here the line that it prints.",
        commands: [ANEW],
      },
      {
        text: "If it was not, another host has the same name, or somebody else has the token: give each host its own name, and start the listener anew.",
        commands: ["hostname"],
      },
    ],
  },
  "peer-full": {
    blame: "remote-service",
    confidence: "certain",
    phase: "login",
    recovers: false,
    says: "the listener at {place} takes no more hosts",
    remedy: [{ text: "Start it anew for the hosts that are left.", commands: [ANEW] }],
  },
  "peer-stalled": {
    blame: "network",
    phase: "request",
    says: "{place} answers small messages, but a large one does not get through: {message}",
    remedy: [
      {
        text: "Full packets get lost on the way without a word: the path's MTU is smaller than this host's, as in a VPN or an overlay network, and a filter drops the ICMP message that would tell so (type 3 code 4; type 2 of ICMPv6). Let that through, have the router clamp the MSS, or lower the MTU of this host's interface. Lists of decisions are such large messages.",
        when: "silent",
        commands: ["ping -c 1 -M do -s 1472 {address}", "tracepath -n {address}", "ip link"],
      },
      {
        text: `Something ends the connection under a large message: a gateway with a limit, or a filter that looks inside. ${ON_THE_WAY}. A listener whose time is over does it too: its table says so.`,
        when: "cut",
      },
    ],
  },
  "peer-intercepted": {
    blame: "network",
    phase: "handshake",
    says: "TLS does not pass untouched between here and the listener {place}: {how}",
    remedy: [
      {
        text: "Exempt {place} from the inspection of TLS: CrowdSec refuses an authority that it does not know, and the Local API's keys and passwords would be read on the way.",
        when: "straight",
        commands: CERTIFICATE,
      },
      { ...PAST_THE_PROXY, when: "proxied" },
      {
        text: "If that is a load balancer of your own in front of the Local API, its certificate is the one that CrowdSec's clients must trust: name its authority as ca_cert_path there.",
        when: "straight",
      },
      {
        text: "If that is a load balancer or a reverse proxy of your own in front of the Local API, its certificate is the one that CrowdSec's clients must trust: name its authority as ca_cert_path there. Behind it, keys and passwords go in the clear. Otherwise exempt {place} from the inspection of TLS.",
        when: "taken-off",
        commands: CERTIFICATE,
      },
      {
        text: "Something between takes plain HTTP and speaks TLS to the listener (stunnel, a sidecar, a load balancer). If it is your own, CrowdSec's clients ask it with http:// as here, and as far as that keys and passwords go in the clear. Otherwise have the listener asked itself, by the line that it printed, with https://.",
        when: "put-on",
      },
    ],
  },
  "peer-idle-cut": {
    severity: "warning",
    blame: "network",
    phase: "response",
    says: "the connection to {place} does not survive {idle} of silence: {lost}",
    remedy: [
      {
        text: "Something on the way forgets connections on which nothing is said: a firewall's connection tracking, a NAT gateway, a load balancer's or a proxy's idle timer. Raise that timer above {idle} for tcp/{port}. CrowdSec has the kernel ask every 15 to 30 seconds whether the other end is still there, which most firewalls take for traffic, and proxies and load balancers do not.",
        commands: ["sysctl net.netfilter.nf_conntrack_tcp_timeout_established"],
      },
    ],
  },
  "peer-altered": {
    severity: "warning",
    blame: "network",
    phase: "response",
    says: "somebody on the way to {place} rewrites HTTP: {changes}",
    remedy: [
      {
        text: `A transparent proxy, a load balancer or a filter stands between, of which nothing here says. ${ON_THE_WAY}: CrowdSec's clients log in with Authorization, X-Api-Key and User-Agent, and a User-Agent other than NAME/VERSION is refused whatever the password.`,
      },
      {
        text: "If it is a load balancer of your own, its address is the one that the Local API sees of all clients, unless use_forwarded_for_headers is on and trusted_proxies names it.",
      },
    ],
  },
} as const;
type Code = keyof typeof FAULTS;

/** In whose place the Local API to come is asked: the agent's, where this host is to be one; or else a bouncer's. */
const askerOf = (topology: Topology): Component | undefined => {
  const engine = (["agent", "cscli", "lapi"] as const).some((role) => hasRole(topology, role));
  const [first] = ["crowdsec", "cscli"].flatMap((name) => componentOf(topology, name) ?? []);
  const bouncer = topology.components.find(({ name }) => /bouncer/.test(name));
  return engine ? (first ?? bouncer) : (bouncer ?? first);
};

/** Whom that component trusts besides the system's store, where a file of this host says so already. */
const trustOf = ({ clients }: Topology, component: Component | undefined): { readonly trust?: Trust } => {
  if (component === undefined || !Array.isArray(clients)) return {};
  const client = clients.find((one) => one.component === component.name);
  return client && "trust" in client.way ? { trust: client.way.trust } : {};
};

/** Header fields that belong to a proxy's business; whoever knows that one is there expects them. */
const OF_PROXIES =
  /^(via|forwarded|x-forwarded-[\w-]+|x-real-ip|connection|keep-alive|proxy-connection|te|transfer-encoding|content-length|cache-control|cache-status|x-cache[\w-]*|age|date|server|max-forwards)$/;

/** Of a list, what is told in full. */
const TOLD = 6;

/** The first few, and how many more. */
const few = (words: readonly string[]): string =>
  [...words.slice(0, TOLD), ...(words.length > TOLD ? [`and ${words.length - TOLD} more`] : [])].join(", ");

/** `Via added there (1.1 gw); User-Agent changed there (Box)`. */
const inWords = (altered: readonly Alteration[]): string =>
  few(
    altered.map(({ direction, kind, name, value }) => {
      const way = direction === "there" ? "on the way there" : "on the way back";
      return `${name} ${kind} ${way}${value === undefined ? "" : ` (${value})`}`;
    }),
  );

const same = (one: string, other: string): boolean => {
  const [left, right] = [parseZonedIp(one), parseZonedIp(other)];
  return left && right ? sameIp(left, right) : one === other;
};

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;

/** By what address the Local API will know this host. */
const seenAs = ({ own, seen }: PeerAnswered, proxied: boolean): string => {
  if (proxied) return `it saw ${seen.address}, the proxy's address, as that of this host`;
  if (same(own.address, seen.address)) {
    if (own.port === seen.port) return `it saw this host as ${seen.address} (no NAT)`;
    return `it saw this host as ${seen.address}, from another port: NAT, or a transparent proxy`;
  }
  return `it saw this host as ${seen.address}, which has ${own.address} itself: NAT or a proxy on the way, and the Local API will know it by that address (the rows of machines and bouncers, allowed_ranges, trusted_ips)`;
};

/** A listener whose time is over ends the silence before it was as long as asked. */
const silenceOf = (ms: number, idleMs: number): string =>
  ms < idleMs * 0.9
    ? `the listener was silent for ${seconds(ms)} of ${seconds(idleMs)} only (its own time was over), so whether a longer silence lives on is not known`
    : `${seconds(ms)} of silence survived`;

/** What else a person who plans should know; none of it is wrong. */
const remarksOf = (
  answered: PeerAnswered,
  { idleMs }: Peer,
  { dialed, port, proxied }: { readonly dialed: string; readonly port: number; readonly proxied: boolean },
): readonly string[] => {
  const { listener, altered, idle } = answered;
  const there = `${listener.address} port ${listener.port}`;
  const moved = !proxied && (!same(listener.address, dialed) || listener.port !== port);
  const marks = proxied ? altered.filter(({ name }) => OF_PROXIES.test(name)) : [];
  return [
    seenAs(answered, proxied),
    ...(moved
      ? [
          `what was dialed as ${dialed} port ${port} arrived at ${there}: a forwarded port (DNAT), or a proxy in front of it`,
        ]
      : []),
    ...(marks.length > 0 ? [`the proxy leaves its marks: ${inWords(marks)}`] : []),
    ...(idle?.survived ? [silenceOf(idle.ms, idleMs)] : []),
  ];
};

type Found = Pick<Extract<Verdict<Code>, { status: "fault" }>, "fault" | "data" | "message" | "when" | "blame">;

/** What happens to TLS on the way; where only one end has it, nobody's certificate can be compared. */
const tlsOnTheWay = ({ tls, certificate }: PeerAnswered): { readonly when: string; readonly how: string } => {
  const { issuer } = certificateWords(tls);
  if (tls === undefined)
    return { when: "put-on", how: "somebody puts it on: here it was asked without TLS, and the listener gets TLS" };
  if (certificate === undefined)
    return {
      when: "taken-off",
      how: `somebody takes it off: here it is TLS, with a certificate of ${issuer}, and the listener gets it without`,
    };
  const how = `somebody opens it: the certificate that arrives here is not the listener's, but one of ${issuer}`;
  return { when: "straight", how };
};

/** The worst first: what keeps CrowdSec from working, then what will once in a while. */
const faultsOf = (answered: PeerAnswered, { idleMs }: Peer, proxied: boolean): readonly Found[] => {
  const { altered, intercepted, idle } = answered;
  const blame = proxied ? ({ blame: { party: "proxy" } } as const) : {};
  const found: Found[] = [];
  if (intercepted) {
    const { when, how } = tlsOnTheWay(answered);
    found.push({ fault: "peer-intercepted", data: { how }, when: proxied ? "proxied" : when, ...blame });
  }
  if (idle?.survived === false) {
    const after = seconds(idle.afterMs);
    const lost =
      idle.how === "cut"
        ? `it is ended after ${after} (${idle.message})`
        : `nothing passes any more, and nobody says so (waited ${after})`;
    const data = { idle: seconds(idleMs), lost };
    found.push({ fault: "peer-idle-cut", data, message: idle.message, ...blame });
  }
  const strange = altered.filter(({ name }) => !proxied || !OF_PROXIES.test(name));
  const changes = inWords(strange);
  if (strange.length > 0) found.push({ fault: "peer-altered", data: { changes }, message: changes, ...blame });
  return found;
};

/** Addresses of the name that do not answer while another one does; of a family that this host lacks, there is nothing to say. */
const deadOf = ({ topology }: Context, connected: Awaited<ReturnType<typeof connect>>): readonly string[] => {
  const { evidence, brokenFamily, proxy } = connected;
  // Those are the proxy's own.
  if (proxy) return [];
  const dead = (evidence.tcp ?? []).flatMap(({ at, saw }) => {
    const expected = !saw.ok && saw.code === "tcp-unreachable" && !hasFamily(topology.interfaces, at.family);
    return saw.ok || expected ? [] : [{ ...at, code: saw.code }];
  });
  const family = dead.filter((at) => at.family === brokenFamily?.family);
  const rest = dead.filter((at) => at.family !== brokenFamily?.family);
  const told = rest.map(({ address, code }) => `${address} (${code})`);
  return [
    ...(brokenFamily
      ? [
          `no IPv${brokenFamily.family} address of it answers (${brokenFamily.code}): ${few(family.map(({ address }) => address))}`,
        ]
      : []),
    ...(told.length > 0 ? [`of the name's addresses, not all answer: ${few(told)}`] : []),
  ];
};

const peerOf = ({ topology }: Context, name: string): Peer => {
  const found = topology.peers.find((peer) => peer.name === name);
  if (found === undefined) throw new Error(`no peer ${name}`);
  return found;
};

const unasked = ({ peers }: Topology): readonly string[] | Unasked =>
  peers.length > 0
    ? peers.map(({ name }) => name)
    : { status: "skip", reason: "not applicable: no --peer names a listener (crowdsec-preflight listen)" };

const roundMs = (ms: number): number => Math.round(ms / 10) * 10;

/** The Local API is not there yet, and its way can be tried all the same. */
export default defineCheck({
  id: "peer",
  title: "A listener that stands in for the Local API is reached, both ways",
  why: "Before the Local API is installed nobody can say whether its agents and bouncers will get there. A listener on its port (crowdsec-preflight listen) tells what arrives: small and large messages, from which address, what was altered on the way, and whether a silent connection lives on.",
  roles: ["lapi", "agent", "bouncer", "cscli", "prometheus"],
  contacts: "each listener of --peer: one connection, 64 KiB each way, then as long as --idle says (45 s) of silence",
  faults: FAULTS,
  once: true,
  targets: ({ topology }) => unasked(topology),
  async run(context, target) {
    const { topology, probe } = context;
    const peer = peerOf(context, target);
    const component = askerOf(topology);
    if (component && "hidden" in component.environment)
      return { status: "unknown", reason: component.environment.hidden };
    const { value: url, origin } = peer.url;
    const way: Destination = { url, origin, public: false, ...(component && { component }) };
    const connected = await connect(context, way);
    const name = topology.resolver.hostname ?? "";
    const proxied = connected.evidence.route?.via === "proxy";
    const data = { address: connected.evidence.tcp?.[0]?.at.address ?? "", url, ...connected.data };
    const layerFault = (
      failed: Failed,
      { also = [], evidence, ...words }: Pick<typeof connected, "also" | "evidence" | "data">,
    ): Verdict<Code> => {
      if (!(failed.code in FAULTS)) return { status: "unknown", reason: `${failed.code}: ${failed.message}`, evidence };
      const place = placeOf(connected.evidence, topology);
      const here = place === "here" && failed.phase === "connect";
      // What the proxy let through is still its doing first.
      const further = proxied && (failed.phase === "handshake" || failed.phase === "response");
      return {
        status: "fault",
        fault: failed.code as Code,
        data: { ...data, ...words.data },
        failed,
        when: place,
        ...(here && ({ blame: { party: "this-host" } } as const)),
        ...(further && ({ blame: { party: "proxy" } } as const)),
        also,
        evidence,
      };
    };
    const { over, proxy } = connected;
    if (connected.failed) return layerFault(connected.failed, connected);
    if (over === undefined) return { status: "unknown", reason: "no address was found", evidence: connected.evidence };

    const { token, idleMs } = peer;
    const saw: PeerObservation = await probe.peer({
      ...{ url, address: over, token, name: name || "unnamed", idleMs },
      ...(proxy && { proxy }),
    });
    const evidence = { ...connected.evidence, peer: saw };
    const told = { ...data, address: over, name: name || "this host", ...certificateWords(saw.tls) };
    if (!saw.ok) {
      const { message, code } = saw;
      // Who knows the token is a listener.
      const known = code === "peer-foreign" && saw.phase === "login";
      const words = {
        ...told,
        known: known ? " of this version" : "",
        message,
        ms: roundMs(saw.layers?.at(-1)?.durationMs ?? saw.elapsedMs),
      };
      const fault = {
        status: "fault",
        fault: code as Code,
        data: words,
        failed: saw,
        also: connected.also,
        evidence,
      } as const;
      if (code === "peer-stalled") return { ...fault, when: saw.errno === undefined ? "silent" : "cut" };
      if (code !== "peer-foreign") return layerFault(saw, { ...connected, data: words, evidence });
      if (known) return { ...fault, when: "version" };
      // Any certificate will do: this is about who is there.
      const asked = await walk(context, { ...way, path: FINGERPRINT_PATH, request: { trust: ANYBODY } });
      if (asked.reply && isLocalApi(asked.reply))
        return {
          status: "fault",
          fault: "peer-is-lapi",
          data: words,
          httpStatus: asked.reply.status,
          evidence: asked.evidence,
        };
      return {
        ...fault,
        when: proxied ? "proxied" : "straight",
        ...(proxied && ({ blame: { party: "configuration" } } as const)),
      };
    }

    const { port } = hostAndPort(url);
    const remarks = [
      ...remarksOf(saw, peer, { dialed: over, port, proxied }),
      ...deadOf(context, connected),
      ...connected.also,
    ];
    const [worst, ...rest] = faultsOf(saw, peer, proxied);
    const inShort = ({ fault, data: words }: Found): string => fill(FAULTS[fault].says, { ...told, ...words });
    if (worst?.fault !== "peer-intercepted" && saw.certificate === "given") {
      // Would CrowdSec take it? Nothing but the handshake counts: a listener answers no such request.
      const asked = await walk(context, { ...way, path: FINGERPRINT_PATH, request: trustOf(topology, component) });
      const { failed } = asked;
      const besides = [...(worst ? [worst] : []), ...rest].map(inShort);
      if (failed?.phase === "handshake") return layerFault(failed, { ...asked, also: [...besides, ...asked.also] });
    }
    const also = [...rest.map(inShort), ...remarks];
    if (worst) return { status: "fault", ...worst, data: { ...told, ...worst.data }, also, evidence };
    return { status: "pass", note: [`${saw.bytes / 1024} KiB each way`, ...remarks].join("; "), evidence };
  },
});
