import { describe, expect, test } from "@jest/globals";
import { catalogue, causes } from "../../../checks/index.ts";
import type {
  Failed,
  HttpObservation,
  HttpRequest,
  JournalLine,
  TcpObservation,
} from "../../../src/model/observation.ts";
import type { Report } from "../../../src/model/report.ts";
import type { World } from "../../support/fake-prober.ts";
import { type Given, runIn } from "../../support/run.ts";
import {
  agentTo,
  BEFORE_INSTALL,
  bouncerTo,
  crowdsecWith,
  cscliWith,
  from,
  itself,
  networkDatabase,
  routeTo,
} from "../../support/topology.ts";
import {
  answered,
  BLOCK_PAGE,
  CERTIFICATE,
  CONNECTED,
  failedWith,
  HEALTHY,
  lapiSays,
  listener,
  ranWith,
  redirect,
  resolved,
  resolves,
} from "../../support/world.ts";

/*
 * Whole runs from recorded input: what a host shows goes in, the causes that a person reads come out. What CrowdSec
 * 1.4.6 can show is in test/lab/causes.test.ts with the real one; here is what later versions do at a start, what
 * systemd says, and the ban.
 */

/** A cause as it must come: its id (without what it is about), and instances that it must explain; no others may fail. */
interface Expected {
  readonly id: string;
  readonly explains: readonly string[];
  readonly party?: string;
  readonly confidence?: string;
  readonly modelled?: boolean;
  /** Must match the first remedy. */
  readonly first?: RegExp;
}

interface Scene extends Given {
  readonly causes: readonly Expected[];
}

/** When crowdsec was started last, and what it wrote then: it ended two seconds later. */
const STARTED_AT = "2026-06-15T11:59:38.000Z";
const OWN = /^(127\.|::1$|192\.0\.2\.10$)/;

const internet = (question: { readonly address: string }): boolean => !OWN.test(question.address);
const tcp =
  (fault: Failed, where: (question: { readonly address: string; readonly port: number }) => boolean = internet) =>
  (question: { readonly address: string; readonly port: number }): TcpObservation =>
    where(question) ? fault : CONNECTED;
const healthyHttp = (request: HttpRequest): HttpObservation => HEALTHY.http(request);
const http =
  (fault: HttpObservation, where: (url: URL, request: HttpRequest) => boolean) =>
  (request: HttpRequest): HttpObservation =>
    where(new URL(request.url), request) ? fault : healthyHttp(request);
const https = (url: URL): boolean => url.protocol === "https:";

/** Every name has an address of its own, so that one can be blocked. */
const NAMES = [
  "api.crowdsec.net",
  "blocklists.api.crowdsec.net",
  "papi.api.crowdsec.net",
  "cdn-hub.crowdsec.net",
  "hub-cdn.crowdsec.net",
  "hub-data.crowdsec.net",
  "version.crowdsec.net",
];
const apart = (name: string) => {
  const index = NAMES.indexOf(name);
  return index === -1 ? resolves(name) : resolved(`203.0.113.${100 + index}`);
};
const addressOf = (name: string): string => `203.0.113.${100 + NAMES.indexOf(name)}`;

const CONFIG = "/etc/crowdsec/config.yaml";
const SERVED = { clients: [itself(), agentTo(routeTo("http://127.0.0.1:8080/"))] };
/** crowdsec does not run: nothing on its ports, no process. */
const DEAD = { ...SERVED, engines: [] } satisfies Given["topology"];
const gone: World = {
  ...HEALTHY,
  tcp: tcp(failedWith("tcp-refused"), ({ address, port }) => OWN.test(address) && [8080, 6060].includes(port)),
  http: http(failedWith("tcp-refused"), ({ port }) => ["8080", "6060"].includes(port)),
  listeners: [],
};

/** The same, and all ways out of this host end like this. */
const goneAnd =
  (fault: Failed) =>
  (question: { readonly address: string; readonly port: number; readonly family: 4 | 6 }): TcpObservation =>
    OWN.test(question.address) ? (gone.tcp?.(question) ?? CONNECTED) : fault;

const journal = (...texts: readonly string[]): Required<Pick<World, "journals">> => ({
  journals: {
    "crowdsec.service": texts.map(
      (text, index): JournalLine => ({ at: STARTED_AT.replace("38.", `${38 + index}.`), text, pid: 4711 }),
    ),
  },
});
const fatal = (words: string, level = "fatal"): string => `time="2026-06-15T11:59:40Z" level=${level} msg="${words}"`;
const STARTED = 'time="2026-06-15T11:59:38Z" level=info msg="Crowdsec v1.7.8-debian-pragmatic-amd64"';
const CRASHED = {
  crowdsec: { state: "failed", result: "exit-code", exitStatus: 1, stateSeconds: 20, startedSecondsAgo: 22 },
} as const;
const LOOPING = {
  crowdsec: {
    state: "restarting",
    restarts: 7,
    restartDelaySeconds: 60,
    result: "exit-code",
    exitStatus: 1,
    stateSeconds: 20,
    startedSecondsAgo: 22,
  },
} as const;
const crashed = (words: string): World => ({ ...gone, services: CRASHED, ...journal(STARTED, fatal(words)) });
const looping = (words: string): World => ({ ...gone, services: LOOPING, ...journal(STARTED, fatal(words)) });

const GONE = ["lapi-reachable@lapi", "lapi-reachable@agent", "metrics"];
const REFUSED_8080 = { explains: [...GONE, "service"] };
const OUTGOING = ["outgoing-capi", "outgoing-hub", "outgoing-hub-data", "outgoing-version"];

const PROXY = "http://proxy.example:3128";
const behindProxy = {
  components: [crowdsecWith({ HTTPS_PROXY: PROXY }), cscliWith({ HTTPS_PROXY: PROXY })],
} satisfies Given["topology"];
const proxied = (fault: HttpObservation, where: (url: URL) => boolean = () => true): World => ({
  ...HEALTHY,
  http: http(fault, (url, { proxy }) => proxy !== undefined && where(url)),
});

const PRIVATE = { ...CERTIFICATE, issuer: "CN=Corp Inspection CA", publicAuthority: false };
const EXPIRED = { ...CERTIFICATE, validTo: "2026-02-01T00:00:00.000Z" };

const database = networkDatabase();

/** What apt-cache says on a bare Debian 12, lines as the probe hands them on. */
const DEBIANS_OWN: World = {
  ...HEALTHY,
  paths: { ...HEALTHY.paths, "/usr/bin/apt-cache": { executable: true } },
  commands: () =>
    ranWith(
      0,
      [
        "crowdsec:",
        "Installed: (none)",
        "Candidate: 1.4.6-6~deb12u1+b1",
        "Version table:",
        "1.4.6-6~deb12u1+b1 500",
        "500 http://deb.debian.org/debian bookworm/main amd64 Packages",
      ].join("\n"),
    ),
};

const SCENES: Readonly<Record<string, Scene>> = {
  "a healthy host": { causes: [] },
  "a healthy host, CrowdSec 1.4.6": { version: [1, 4, 6], causes: [] },
  "a healthy host before the install": { topology: BEFORE_INSTALL, causes: [] },

  "before the install, the host that its script needs first is dropped": {
    topology: BEFORE_INSTALL,
    world: {
      ...DEBIANS_OWN,
      dns: apart,
      tcp: tcp(failedWith("tcp-timeout"), ({ address }) => address === addressOf("api.crowdsec.net")),
    },
    causes: [
      {
        id: "host-blocked",
        party: "network",
        explains: ["outgoing-capi", "install-script@debian", "install-script@script"],
      },
    ],
  },

  // What many failures have in common.
  "everything outgoing is dropped": {
    world: { ...HEALTHY, tcp: tcp(failedWith("tcp-timeout")) },
    causes: [
      { id: "egress-dropped", party: "network", confidence: "certain", explains: [...OUTGOING, "outgoing-papi"] },
    ],
  },
  "everything outgoing is refused by a firewall": {
    world: { ...HEALTHY, tcp: tcp(failedWith("tcp-refused")) },
    causes: [{ id: "egress-rejected", party: "network", explains: OUTGOING }],
  },
  "everything outgoing is answered by ICMP": {
    world: { ...HEALTHY, tcp: tcp(failedWith("tcp-unreachable", { errno: "EHOSTUNREACH" })) },
    causes: [{ id: "egress-rejected", party: "network", explains: OUTGOING }],
  },
  "there is no default route": {
    world: { ...HEALTHY, tcp: tcp(failedWith("tcp-unreachable", { errno: "ENETUNREACH" })) },
    causes: [{ id: "no-route", party: "this-host", explains: OUTGOING }],
  },
  "this host has IPv6 only, and the names have not": {
    topology: {
      interfaces: [
        { address: "127.0.0.1", family: 4 },
        { address: "2001:db8::10", family: 6 },
      ],
    },
    world: {
      ...HEALTHY,
      dns: (name) =>
        name === "version.crowdsec.net"
          ? resolved("2001:db8::7")
          : /^[\d.]+$|:/.test(name)
            ? resolved(name)
            : resolved("203.0.113.7"),
      tcp: tcp(failedWith("tcp-unreachable", { errno: "ENETUNREACH" }), ({ address }) => address.startsWith("203.")),
    },
    causes: [{ id: "no-ipv4", party: "this-host", confidence: "certain", explains: ["outgoing-capi", "outgoing-hub"] }],
  },
  "IPv6 connects and carries nothing": {
    world: {
      ...HEALTHY,
      http: http(failedWith("tls-stalled"), (url, { address }) => https(url) && address.includes(":")),
    },
    causes: [{ id: "ipv6-broken", explains: OUTGOING }],
  },
  "one host is dropped": {
    world: {
      ...HEALTHY,
      dns: apart,
      tcp: tcp(failedWith("tcp-timeout"), ({ address }) => address === addressOf("cdn-hub.crowdsec.net")),
    },
    causes: [{ id: "host-blocked", party: "network", confidence: "certain", explains: ["outgoing-hub"] }],
  },
  "one host is cut off by its name in TLS": {
    world: { ...HEALTHY, http: http(failedWith("tls-reset"), ({ hostname }) => hostname === "api.crowdsec.net") },
    causes: [{ id: "host-blocked", explains: ["outgoing-capi"] }],
  },
  "no nameserver answers": {
    world: {
      ...HEALTHY,
      dns: (name) => (/^[\d.]+$|:/.test(name) ? resolved(name) : failedWith("dns-timeout")),
      nameserver: () => failedWith("dns-timeout"),
    },
    causes: [
      { id: "resolver-dead", party: "resolver", confidence: "certain", explains: ["resolver@9.9.9.9", ...OUTGOING] },
    ],
  },
  "no question leaves this host for its nameserver": {
    world: {
      ...HEALTHY,
      dns: (name) => (/^[\d.]+$|:/.test(name) ? resolved(name) : failedWith("dns-unreachable")),
      nameserver: () => failedWith("dns-unreachable"),
    },
    causes: [{ id: "resolver-dead", party: "this-host", explains: ["resolver@9.9.9.9", ...OUTGOING] }],
  },
  "the nameserver fails on every name": {
    world: {
      ...HEALTHY,
      dns: (name) => (/^[\d.]+$|:/.test(name) ? resolved(name) : failedWith("dns-servfail")),
      nameserver: () => failedWith("dns-servfail"),
    },
    causes: [{ id: "resolver-dead", explains: OUTGOING }],
  },
  "the nameserver denies two names": {
    world: {
      ...HEALTHY,
      dns: (name) => (/^(api|cdn-hub)\./.test(name) ? failedWith("dns-nxdomain") : resolves(name)),
    },
    causes: [{ id: "resolver-selective", party: "resolver", explains: ["outgoing-capi", "outgoing-hub"] }],
  },
  "a DNS filter sinks a name": {
    world: { ...HEALTHY, dns: (name) => (name === "api.crowdsec.net" ? resolved("0.0.0.0") : resolves(name)) },
    causes: [{ id: "resolver-selective", confidence: "certain", explains: ["outgoing-capi"] }],
  },
  "the proxy is dead": {
    topology: behindProxy,
    world: {
      ...HEALTHY,
      dns: (name) => (name === "proxy.example" ? resolved("203.0.113.80") : resolves(name)),
      tcp: tcp(failedWith("tcp-refused"), ({ address }) => address === "203.0.113.80"),
    },
    causes: [{ id: "proxy-dead", party: "proxy", explains: OUTGOING }],
  },
  "the proxy denies the hub": {
    topology: behindProxy,
    world: proxied(failedWith("proxy-denied"), ({ hostname }) => hostname.includes("hub")),
    causes: [{ id: "proxy-denies", party: "proxy", explains: ["outgoing-hub", "outgoing-hub-data"] }],
  },
  "the proxy wants a login": {
    topology: behindProxy,
    world: proxied(failedWith("proxy-auth-required")),
    causes: [{ id: "proxy-wants-login", explains: OUTGOING }],
  },
  "the proxy does not get out itself": {
    topology: behindProxy,
    world: proxied(failedWith("proxy-upstream")),
    causes: [{ id: "proxy-without-way", explains: OUTGOING }],
  },
  "TLS is inspected, and the CA is not known here": {
    world: { ...HEALTHY, http: http(failedWith("tls-untrusted", { tls: PRIVATE }), https) },
    causes: [
      { id: "tls-intercepted", party: "network", confidence: "certain", explains: [...OUTGOING, "tls-inspection"] },
    ],
  },
  "the CA store is old": {
    world: { ...HEALTHY, http: http(failedWith("tls-untrusted", { tls: CERTIFICATE }), https) },
    causes: [{ id: "ca-store-outdated", party: "this-host", explains: OUTGOING }],
  },
  "there is no CA store": {
    world: {
      ...HEALTHY,
      trustStore: { certificates: 0, from: [], lookedAt: ["/etc/ssl/certs"] },
      http: http(failedWith("tls-untrusted", { tls: CERTIFICATE }), https),
    },
    causes: [{ id: "trust-no-ca-store", explains: ["trust-store", ...OUTGOING] }],
  },
  "one certificate has expired": {
    world: {
      ...HEALTHY,
      http: http(
        failedWith("tls-expired", { tls: EXPIRED, peerDate: "2026-06-15T12:00:00.000Z" }),
        ({ hostname }) => hostname === "api.crowdsec.net",
      ),
    },
    causes: [{ id: "outgoing-tls-expired", party: "remote-host", explains: ["outgoing-capi"] }],
  },
  "this clock is half a year ahead": {
    world: {
      ...HEALTHY,
      http: http(failedWith("tls-expired", { tls: EXPIRED, peerDate: "2026-01-15T12:00:00.000Z" }), https),
    },
    causes: [{ id: "wrong-clock", party: "this-host", explains: OUTGOING }],
  },
  "a captive portal redirects": {
    world: { ...HEALTHY, http: http(redirect("https://portal.example/login"), https) },
    causes: [{ id: "captive-portal", explains: OUTGOING }],
  },
  "a captive portal speaks no TLS": {
    world: { ...HEALTHY, http: http(failedWith("tls-not-tls"), https) },
    causes: [{ id: "captive-portal", explains: OUTGOING }],
  },
  "a block page answers for one name": {
    world: { ...HEALTHY, http: http(BLOCK_PAGE, ({ hostname }) => hostname === "api.crowdsec.net") },
    causes: [{ id: "outgoing-identity-mismatch", explains: ["outgoing-capi"] }],
  },

  // The start chain.
  "the database is dead, and crowdsec with it": {
    topology: { ...DEAD, database },
    world: {
      ...crashed(
        "unable to create database client: failed to connect to `host=db.example user=crowdsec database=crowdsec_db`: dial error (dial tcp 203.0.113.7:5432: connect: connection refused)",
      ),
      database: () => failedWith("tcp-refused", { phase: "connect" }),
    },
    version: [1, 7, 8],
    causes: [{ id: "database-tcp-refused", explains: ["database", ...REFUSED_8080.explains] }],
  },
  "the Central API is blocked, and 1.7.8 does not start without it": {
    topology: DEAD,
    version: [1, 7, 8],
    world: {
      ...looping(
        'api server init: unable to run local API: authenticate watcher (lab): Post \\"https://api.crowdsec.net/v3/watchers/login\\": performing jwt auth: dial tcp 203.0.113.100:443: i/o timeout',
      ),
      dns: apart,
      tcp: (question) =>
        question.address === addressOf("api.crowdsec.net")
          ? failedWith("tcp-timeout")
          : (gone.tcp?.(question) ?? CONNECTED),
    },
    causes: [{ id: "host-blocked", modelled: true, explains: ["outgoing-capi", ...REFUSED_8080.explains] }],
  },
  "the Central API is blocked, and its log may not be read": {
    topology: DEAD,
    version: [1, 6, 2],
    world: {
      ...gone,
      services: LOOPING,
      dns: apart,
      tcp: (question) =>
        question.address === addressOf("api.crowdsec.net")
          ? failedWith("tcp-timeout")
          : (gone.tcp?.(question) ?? CONNECTED),
    },
    causes: [{ id: "host-blocked", modelled: true, explains: ["outgoing-capi", ...REFUSED_8080.explains] }],
  },
  "the Central API is blocked, which 1.4.6 does not mind": {
    topology: DEAD,
    version: [1, 4, 6],
    world: {
      ...gone,
      services: CRASHED,
      ...journal('time="15-06-2026 11:59:40" level=fatal msg="something that nobody knows"'),
      dns: apart,
      tcp: (question) =>
        question.address === addressOf("api.crowdsec.net")
          ? failedWith("tcp-timeout")
          : (gone.tcp?.(question) ?? CONNECTED),
    },
    causes: [
      { id: "host-blocked", explains: ["outgoing-capi"] },
      { id: "service-crashed", explains: REFUSED_8080.explains },
    ],
  },
  "the Central API has banned this address after a crash loop": {
    topology: DEAD,
    version: [1, 6, 5],
    world: looping(
      "api server init: unable to run local API: authenticate watcher (lab): max attempts reached for status code 403",
    ),
    causes: [{ id: "capi-banned", modelled: true, explains: ["capi-logins@crowdsec", ...REFUSED_8080.explains] }],
  },
  "another service holds 8080": {
    topology: DEAD,
    version: [1, 7, 8],
    world: {
      ...HEALTHY,
      services: LOOPING,
      ...journal(
        STARTED,
        fatal(
          "local API server stopped with error: listening on 127.0.0.1:8080: listen tcp 127.0.0.1:8080: bind: address already in use",
        ),
      ),
      listeners: [listener({ owner: { pid: 99, name: "nginx", unit: "nginx.service", elsewhere: false } })],
      http: http(
        answered({ headers: { server: "nginx", "content-type": "text/html" }, body: "<html>" }),
        ({ port }) => port === "8080",
      ),
      tcp: tcp(failedWith("tcp-refused"), ({ address, port }) => OWN.test(address) && port === 6060),
    },
    causes: [
      {
        id: "port-in-use",
        party: "this-host",
        confidence: "certain",
        explains: ["port-lapi", "lapi-identity@agent", "service"],
      },
    ],
  },
  "the agent's configuration takes the Local API down": {
    topology: {
      ...DEAD,
      acquisition: {
        files: [],
        sources: [{ origin: "/etc/crowdsec/acquis.yaml:1", source: "file", hasLabels: false, mistakes: [] }],
      },
    },
    world: looping(
      "crowdsec init: while loading acquisition config: missing labels in /etc/crowdsec/acquis.yaml (position: 0)",
    ),
    causes: [
      {
        id: "agent-acquisition-invalid",
        party: "configuration",
        explains: ["agent-config", ...REFUSED_8080.explains],
        first: /^Stop it before anything else/,
      },
    ],
  },
  "crowdsec was stopped by hand": {
    topology: DEAD,
    world: {
      ...gone,
      services: { crowdsec: { state: "stopped", result: "success", exitStatus: 0, stateSeconds: 7200 } },
    },
    causes: [{ id: "service-stopped", explains: REFUSED_8080.explains }],
  },
  "crowdsec was never started": {
    topology: DEAD,
    world: {
      ...gone,
      services: {
        crowdsec: {
          state: "stopped",
          enabled: false,
          restarts: 0,
          stateSeconds: undefined as never,
          startedSecondsAgo: undefined as never,
        },
      },
    },
    causes: [{ id: "service-stopped", explains: REFUSED_8080.explains, first: /^Start it, now and with the system/ }],
  },
  "crowdsec has crashed, and its last words are strange": {
    topology: DEAD,
    world: crashed("something that nobody knows"),
    causes: [{ id: "service-crashed", explains: REFUSED_8080.explains }],
  },
  "crowdsec has crashed of something that nobody knows, and everything outgoing is dropped": {
    topology: DEAD,
    version: [1, 7, 8],
    world: {
      ...crashed("plugin foo: unable to load plugin: exec format error"),
      tcp: goneAnd(failedWith("tcp-timeout")),
    },
    causes: [
      { id: "service-crashed", explains: REFUSED_8080.explains },
      { id: "egress-dropped", explains: OUTGOING },
    ],
  },
  "the kernel has killed crowdsec, and everything outgoing is dropped": {
    topology: DEAD,
    version: [1, 7, 8],
    world: {
      ...gone,
      services: {
        crowdsec: { state: "failed", result: "oom-kill", exitStatus: 137, stateSeconds: 20, startedSecondsAgo: 900 },
      },
      tcp: goneAnd(failedWith("tcp-timeout")),
    },
    causes: [
      { id: "service-crashed", explains: REFUSED_8080.explains },
      { id: "egress-dropped", explains: OUTGOING },
    ],
  },
  "crowdsec runs, and does not listen": {
    topology: SERVED,
    world: gone,
    causes: [
      { id: "not-listening", party: "this-host", explains: ["lapi-reachable@lapi", "lapi-reachable@agent", "metrics"] },
    ],
  },
  "what stopped crowdsec is well by now": {
    topology: { ...DEAD, database },
    version: [1, 7, 8],
    world: crashed("unable to create database client: dial tcp 203.0.113.7:5432: connect: connection refused"),
    causes: [{ id: "mended-since", party: "this-host", explains: REFUSED_8080.explains, first: /^Start it/ }],
  },
  "the agent's password is wrong, in one process with the Local API": {
    topology: DEAD,
    version: [1, 7, 8],
    world: crashed(
      "crowdsec init: while initializing LAPIClient: authenticate watcher (lab): API error: incorrect Username or Password",
    ),
    causes: [{ id: "service-crashed", explains: REFUSED_8080.explains }],
  },
  "the ban is told, and whether it is over nobody can see": {
    topology: DEAD,
    version: [1, 6, 5],
    world: crashed(
      "api server init: unable to run local API: authenticate watcher (lab): max attempts reached for status code 403",
    ),
    causes: [{ id: "capi-banned", modelled: true, explains: REFUSED_8080.explains }],
  },
  "crowdsec is still starting": {
    topology: DEAD,
    version: [1, 6, 0],
    world: {
      ...gone,
      services: { crowdsec: { state: "starting", stateSeconds: 40, startedSecondsAgo: 40 } },
      ...journal(STARTED),
    },
    causes: [{ id: "service-starting", explains: REFUSED_8080.explains }],
  },
  "the package's installation stopped at a blocked host": {
    topology: {
      ...DEAD,
      capi: {
        state: "unregistered",
        reason: "/etc/crowdsec/online_api_credentials.yaml holds no credentials",
        incomplete: { path: "/etc/crowdsec/online_api_credentials.yaml", missing: ["url", "login", "password"] },
        url: from("https://api.crowdsec.net/", "default"),
        papiUrl: from("https://papi.api.crowdsec.net/", "default"),
      },
    },
    world: {
      ...gone,
      services: { crowdsec: { state: "stopped", enabled: false } },
      paths: { ...HEALTHY.paths, "/usr/bin/dpkg-query": { executable: true } },
      commands: ({ argv }) => (argv[0] === "/usr/bin/dpkg-query" ? ranWith(0, "iF |1.7.8\n") : ranWith(0)),
    },
    causes: [{ id: "package-half-configured", explains: ["package-state", ...REFUSED_8080.explains] }],
  },
  "nothing keeps crowdsec down but its bouncer's key is wrong": {
    topology: {
      roles: [from("lapi", CONFIG), from("agent", CONFIG), from("bouncer", "bouncers")],
      clients: [agentTo(routeTo("http://127.0.0.1:8080/")), bouncerTo(routeTo("http://127.0.0.1:8080/"))],
    },
    world: {
      ...HEALTHY,
      http: http(answered({ status: 403, body: '{"message":"access forbidden"}' }), ({ pathname }) =>
        pathname.startsWith("/v1/decisions"),
      ),
    },
    causes: [
      { id: "bouncer-lapi-key-rejected", party: "credentials", explains: ["bouncer-key@crowdsec-firewall-bouncer"] },
    ],
  },
  "the Local API has lost its database, and refuses a good key": {
    topology: {
      roles: [from("lapi", CONFIG), from("agent", CONFIG), from("bouncer", "bouncers")],
      clients: [agentTo(routeTo("http://127.0.0.1:8080/")), bouncerTo(routeTo("http://127.0.0.1:8080/"))],
      database,
    },
    world: {
      ...HEALTHY,
      database: () => failedWith("tcp-refused", { phase: "connect" }),
      http: (request) => {
        const { pathname } = new URL(request.url);
        if (pathname === "/v1/watchers/login")
          return lapiSays("dial tcp 203.0.113.7:5432: connect: connection refused");
        return pathname.startsWith("/v1/decisions")
          ? answered({ status: 403, body: '{"message":"access forbidden"}' })
          : healthyHttp(request);
      },
    },
    causes: [
      {
        id: "database-tcp-refused",
        explains: [
          "database",
          "lapi-database@agent",
          "lapi-database@crowdsec-firewall-bouncer",
          "bouncer-key@crowdsec-firewall-bouncer",
        ],
      },
    ],
  },
  "the database is dead and the hub is blocked": {
    topology: { ...DEAD, database },
    version: [1, 7, 8],
    world: {
      ...crashed("unable to create database client: dial tcp 203.0.113.7:5432: connect: connection refused"),
      database: () => failedWith("tcp-refused", { phase: "connect" }),
      dns: apart,
      tcp: (question) =>
        question.address === addressOf("cdn-hub.crowdsec.net")
          ? failedWith("tcp-timeout")
          : (gone.tcp?.(question) ?? CONNECTED),
    },
    causes: [
      { id: "database-tcp-refused", explains: REFUSED_8080.explains },
      { id: "host-blocked", explains: ["outgoing-hub"] },
    ],
  },
  "a crash loop with the agent's configuration broken and the ban already there": {
    topology: {
      ...DEAD,
      acquisition: {
        files: [],
        sources: [{ origin: "/etc/crowdsec/acquis.yaml:1", source: "file", hasLabels: false, mistakes: [] }],
      },
    },
    version: [1, 6, 5],
    world: looping(
      "api server init: unable to run local API: authenticate watcher (lab): max attempts reached for status code 403",
    ),
    causes: [
      { id: "capi-banned", modelled: true, explains: REFUSED_8080.explains },
      { id: "agent-acquisition-invalid", explains: ["agent-config"] },
    ],
  },

  // From another host.
  "the Local API elsewhere refuses": {
    topology: { ...remote(), engines: [] },
    world: { ...HEALTHY, tcp: tcp(failedWith("tcp-refused"), ({ port }) => port === 8080) },
    causes: [
      { id: "lapi-tcp-refused", party: "remote-service", explains: ["lapi-reachable@crowdsec-firewall-bouncer"] },
    ],
  },
  "the way to the Local API elsewhere is dropped": {
    topology: { ...remote(), engines: [] },
    world: { ...HEALTHY, tcp: tcp(failedWith("tcp-timeout"), ({ port }) => port === 8080) },
    causes: [{ id: "lapi-tcp-timeout", party: "network", explains: ["lapi-reachable@crowdsec-firewall-bouncer"] }],
  },
  "the proxy swallows what is meant for the Local API": {
    topology: {
      roles: [from("agent", CONFIG)],
      sharedProcess: false,
      clients: [agentTo(routeTo("http://10.9.8.7:8080/"))],
      components: [crowdsecWith({ HTTP_PROXY: PROXY }), cscliWith({})],
    },
    world: { ...HEALTHY, http: http(BLOCK_PAGE, (_url, { proxy }) => proxy !== undefined) },
    causes: [{ id: "proxy-takes-lapi", party: "configuration", explains: ["lapi-reachable@agent"] }],
  },
  "another Local API than expected": {
    allowWrites: true,
    world: {
      ...HEALTHY,
      http: http(lapiSays("ent: machine not found"), ({ pathname }) => pathname === "/v1/watchers/login"),
    },
    causes: [{ id: "another-lapi", party: "configuration", explains: ["machine-login@agent"] }],
  },
};

/** A bouncer on a host of its own. */
function remote() {
  return {
    roles: [from("bouncer", "bouncers")],
    sharedProcess: false,
    clients: [bouncerTo(routeTo("http://10.9.8.7:8080/"))],
    components: [],
  } satisfies Given["topology"];
}

describe("closure", () => {
  const ids = causes.named.map(({ id }) => id);

  test("every cause that has a name has a scene", () => {
    const shown = Object.values(SCENES).flatMap((scene) => scene.causes.map(({ id }) => id));
    expect(ids.filter((id) => !shown.includes(id))).toEqual([]);
  });

  test("a cause's id is unique, and no check's id nor a fault's code", () => {
    expect(ids).toEqual([...new Set(ids)]);
    const words = catalogue.flatMap(({ id, faults }) => [id, ...Object.keys(faults)]);
    expect(ids.filter((id) => words.includes(id))).toEqual([]);
  });

  test.each(causes.named)("$id says what it is, why, and whose", ({ title, why, says, remedy }) => {
    for (const words of [title, why, says]) expect(words.trim()).not.toBe("");
    for (const { text } of remedy) expect(text).toMatch(/\w.*[.:]$/);
  });
});

const failed = ({ findings }: Report): readonly string[] =>
  findings.filter(({ status }) => status === "fail").map(({ instance }) => instance);

describe("from recorded input", () => {
  test.each(Object.entries(SCENES))("%s", async (_name, { causes: expected, ...given }) => {
    const { report } = await runIn(catalogue, given);
    const told = report.causes.map(({ id, blame: { party, confidence }, modelled }) => ({
      id: id.split("@")[0],
      party,
      confidence,
      modelled: modelled !== undefined,
    }));
    expect(new Set(told.map(({ id }) => id))).toEqual(new Set(expected.map(({ id }) => id)));
    expect(told).toHaveLength(expected.length);
    for (const { id, explains, first = /./, ...rest } of expected) {
      const cause = report.causes.find((one) => one.id.split("@")[0] === id);
      expect(cause?.explains).toEqual(expect.arrayContaining([...explains]));
      expect(told.find((one) => one.id === id)).toMatchObject({ modelled: false, ...rest });
      expect(cause?.remedy[0]?.text).toMatch(first);
      expect(cause?.blame.evidence.length).toBeGreaterThan(0);
    }
    // Every failure stands under exactly one cause.
    const explained = report.causes.flatMap(({ explains }) => explains);
    expect([...explained].sort()).toEqual([...new Set(explained)].sort());
    expect(explained).toEqual(expect.arrayContaining([...failed(report)]));
  });
});
