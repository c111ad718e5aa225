import { type Finding, type Report, SCHEMA_VERSION, STATUSES } from "../../src/model/report.ts";
import { json } from "../../src/reporters/json.ts";
import { finding } from "./findings.ts";
import { asReport } from "./schema.ts";

type Rest = Pick<Report, "findings"> & {
  readonly verdict: Report["summary"]["verdict"];
  readonly exitCode: number;
  readonly causes?: Report["causes"];
  readonly run?: Partial<Report["run"]>;
};

const report = ({ findings, causes = [], verdict, exitCode, run }: Rest): Report =>
  asReport(
    json({
      schemaVersion: SCHEMA_VERSION,
      tool: { name: "crowdsec-preflight", version: "1.2.3", runtime: "node v20.19.0" },
      run: {
        id: "00000000-0000-4000-8000-000000000000",
        startedAt: "2026-06-15T12:00:00.000Z",
        durationMs: 812,
        phase: "run",
        roles: ["lapi", "agent", "cscli"],
        engineVersion: "1.7.8",
        env: "shell",
        deadlineMs: 30_000,
        failOn: "fail",
        interrupted: false,
        ...run,
      },
      summary: {
        verdict,
        exitCode,
        counts: Object.fromEntries(
          STATUSES.map((status) => [status, findings.filter((each) => each.status === status).length]),
        ) as Report["summary"]["counts"],
      },
      causes,
      findings,
    }),
  );

const OPEN = [
  { phase: "resolve", ok: true, durationMs: 3.2, detail: "203.0.113.7 from 9.9.9.9" },
  { phase: "connect", ok: true, durationMs: 12, detail: "203.0.113.7" },
  { phase: "handshake", ok: true, durationMs: 31, detail: "TLSv1.3, CN=Some Authority" },
  { phase: "response", ok: true, durationMs: 40.4, detail: "HTTP 403" },
] as const;

const CONFIG = finding("config-files@/etc/crowdsec/config.yaml", "pass", {
  title: "CrowdSec's files can be read and parsed",
  summary: "CrowdSec's files can be read and parsed",
  target: { path: "/etc/crowdsec/config.yaml" },
});
const STORE = finding("trust-store", "pass", {
  title: "This system has a CA store",
  summary: "This system has a CA store: 140 certificates from /etc/ssl/certs",
});
const LAPI = finding("lapi-reachable", "pass", {
  title: "Local API accepts connections",
  summary:
    "Local API accepts connections: agent and Local API share one process here: an error in the agent's configuration would stop both",
  target: { host: "127.0.0.1", port: 8080, url: "http://127.0.0.1:8080/", origin: "default" },
  layers: [{ phase: "connect", ok: true, durationMs: 0.4, detail: "127.0.0.1" }],
  addresses: [{ address: "127.0.0.1", family: 4, ok: true, durationMs: 0.4 }],
});
const PLAIN = finding("lapi-tls", "skip", {
  summary: "not applicable: http://127.0.0.1:8080/ is plain HTTP (/etc/crowdsec/local_api_credentials.yaml:1)",
});

const outgoing = (name: string, status: Finding["status"], rest: Parameters<typeof finding>[2] = {}): Finding =>
  finding(`outgoing-${name}`, status, {
    title: `${name}.crowdsec.net can be reached`,
    summary: `${name}.crowdsec.net can be reached: HTTP 403`,
    target: { host: `${name}.crowdsec.net`, port: 443, url: `https://${name}.crowdsec.net/`, origin: "default" },
    ...(status === "pass" && {
      layers: OPEN,
      addresses: [
        { address: "2001:db8::7", family: 6, ok: false, code: "tcp-unreachable", durationMs: 0.3 },
        { address: "203.0.113.7", family: 4, ok: true, durationMs: 12 },
      ],
    }),
    ...rest,
  });

const healthy = report({
  findings: [
    CONFIG,
    STORE,
    LAPI,
    PLAIN,
    outgoing("api", "pass"),
    outgoing("hub-cdn", "skip", { summary: "not applicable: for CrowdSec up to 1.6.2; this host has 1.7.8" }),
    finding("future-thing", "pass", { title: "A check of a later version", summary: "A check of a later version" }),
  ],
  verdict: "ready",
  exitCode: 0,
});

const resolverRemedy = (name: string): Finding["remedy"] => [
  {
    text: "Check that the nameserver runs, and that udp/53 and tcp/53 to it are open.",
    commands: ["cat /etc/resolv.conf", `getent ahosts ${name}.crowdsec.net`],
  },
];
const unresolved = (name: string, status: "fail" | "warn"): Finding =>
  outgoing(name, status, {
    code: "dns-timeout",
    phase: "resolve",
    summary: `${name}.crowdsec.net does not resolve: no nameserver answered (192.0.2.53, 198.51.100.53) within 5000 ms`,
    layers: [{ phase: "resolve", ok: false, durationMs: 5000, detail: "no nameserver answered" }],
    blame: { party: "resolver", evidence: ["resolve failed after 5000 ms: no nameserver answered"] },
    remedy: resolverRemedy(name),
  });
const UNRESOLVED = [
  unresolved("api", "fail"),
  unresolved("cdn-hub", "fail"),
  unresolved("hub-data", "fail"),
  unresolved("version", "fail"),
];

const resolverDead = report({
  findings: [CONFIG, STORE, LAPI, PLAIN, ...UNRESOLVED, unresolved("papi", "warn")],
  causes: [
    {
      id: "outgoing-dns-timeout",
      summary:
        "no nameserver of this host answers (4 names): api.crowdsec.net, cdn-hub.crowdsec.net, hub-data.crowdsec.net, version.crowdsec.net",
      blame: { party: "resolver", confidence: "likely", evidence: UNRESOLVED.map(({ summary }) => summary) },
      explains: UNRESOLVED.map(({ instance }) => instance),
      remedy: resolverRemedy("api"),
    },
  ],
  run: { durationMs: 5120 },
  verdict: "not-ready",
  exitCode: 2,
});

const REFUSED = finding("lapi-reachable", "fail", {
  title: "Local API accepts connections",
  code: "tcp-refused",
  summary: "lapi.internal.example:8080 refuses the connection (10.0.0.5, 10.0.0.6)",
  target: {
    host: "lapi.internal.example",
    port: 8080,
    url: "http://lapi.internal.example:8080/",
    origin: "/etc/crowdsec/local_api_credentials.yaml:1",
  },
  layers: [
    { phase: "resolve", ok: true, durationMs: 2, detail: "10.0.0.5, 10.0.0.6 from hosts" },
    { phase: "connect", ok: false, durationMs: 1.6, detail: "10.0.0.5: connect ECONNREFUSED" },
  ],
  addresses: [
    { address: "10.0.0.5", family: 4, ok: false, code: "tcp-refused", durationMs: 1.6 },
    { address: "10.0.0.6", family: 4, ok: false, code: "tcp-refused", durationMs: 0.9 },
  ],
  blame: { party: "remote-service", evidence: ["connect failed after 2 ms: 10.0.0.5: connect ECONNREFUSED"] },
  remedy: [
    {
      text: "On the Local API's host: check that crowdsec runs, and that api.server.listen_uri is not 127.0.0.1 (then it serves its own host only).",
      commands: [
        "grep -n listen_uri /etc/crowdsec/config.yaml /etc/crowdsec/config.yaml.local /etc/crowdsec/local_api_credentials.yaml",
      ],
      url: "https://docs.crowdsec.net/docs/next/configuration/crowdsec_configuration#listen_uri",
    },
    {
      text: "Or let this host through there.",
      commands: ["ufw allow from THIS_HOST to any port 8080 proto tcp"],
      undo: ["ufw delete allow from THIS_HOST to any port 8080 proto tcp"],
    },
  ],
});
const following = (id: string): Finding =>
  finding(id, "skip", { summary: "because lapi-reachable did not pass", because: ["lapi-reachable"] });

const NO_STORE = finding("trust-store", "fail", {
  title: "This system has a CA store",
  code: "no-ca-store",
  phase: "host",
  summary: "no CA certificate in any of the places where CrowdSec looks: /etc/ssl/certs, /etc/pki/tls/certs",
  blame: { party: "this-host", confidence: "certain" },
  remedy: [{ text: "Install the CA certificates of the distribution.", commands: ["apt-get install ca-certificates"] }],
});
const DENIED = "run as root: /etc/crowdsec/config.yaml may not be read by this user";

const lapiRefused = report({
  findings: [
    { ...CONFIG, status: "unknown", summary: DENIED, reason: DENIED },
    NO_STORE,
    REFUSED,
    following("lapi-tls"),
    following("lapi-identity"),
    following("lapi-database"),
    outgoing("api", "skip", { summary: "not selected" }),
  ],
  causes: [
    {
      id: "trust-no-ca-store",
      summary: NO_STORE.summary,
      blame: { party: "this-host", confidence: "certain", evidence: [] },
      explains: ["trust-store"],
      remedy: NO_STORE.remedy,
    },
    {
      id: "lapi-tcp-refused",
      summary: REFUSED.summary,
      blame: { party: "remote-service", confidence: "likely", evidence: [] },
      explains: ["lapi-reachable", "lapi-tls", "lapi-identity", "lapi-database"],
      remedy: REFUSED.remedy,
    },
  ],
  run: { roles: ["agent"] },
  verdict: "not-ready",
  exitCode: 2,
});

const warningsOnly = report({
  findings: [
    CONFIG,
    STORE,
    LAPI,
    finding("metrics", "warn", {
      title: "CrowdSec's metrics answer",
      code: "identity-mismatch",
      phase: "response",
      summary: 'something else answers on 127.0.0.1:6060: HTTP 200, Server: nginx → web, "Welcome…"',
      target: { host: "127.0.0.1", port: 6060, url: "http://127.0.0.1:6060/", origin: "/etc/crowdsec/config.yaml:62" },
      layers: OPEN,
      blame: { party: "this-host" },
      remedy: [
        {
          text: "Another service holds the port. Give one of the two another port: prometheus.listen_port.",
          commands: ["ss -ltnp 'sport = :6060'"],
        },
      ],
    }),
    outgoing("papi", "warn", {
      code: "slow",
      phase: "response",
      summary: "papi.crowdsec.net answers, but only after 4120 ms",
      layers: OPEN,
      blame: { confidence: "possible" },
    }),
  ],
  run: { failOn: "warn", phase: "install" },
  verdict: "ready-with-warnings",
  exitCode: 1,
});

const interrupted = report({
  findings: [
    CONFIG,
    finding("lapi-reachable", "unknown", { title: "Local API accepts connections", summary: "interrupted" }),
    finding("lapi-identity", "unknown", {
      title: "It is CrowdSec's Local API that answers",
      summary: "internal error, please report it: cannot read properties of undefined",
      code: "internal-error",
    }),
    finding("lapi-database", "skip", {
      summary: "because lapi-identity did not pass",
      because: ["lapi-identity"],
    }),
  ],
  run: { interrupted: true, roles: [] },
  verdict: "unknown",
  exitCode: 130,
});

const DATABASE = finding("database", "fail", {
  title: "CrowdSec's database serves the Local API",
  code: "db-auth-failed",
  phase: "login",
  summary: "db.internal.example:5432 refuses the password of user crowdsec (28P01)",
  target: { host: "db.internal.example", port: 5432, origin: "/etc/crowdsec/config.yaml:40" },
  layers: [
    { phase: "resolve", ok: true, durationMs: 2, detail: "10.0.0.9 from 10.0.0.53" },
    { phase: "connect", ok: true, durationMs: 1, detail: "10.0.0.9" },
    { phase: "login", ok: false, durationMs: 6, detail: "password authentication failed" },
  ],
  blame: { party: "credentials", confidence: "certain", evidence: [] },
  remedy: [{ text: "Put the right password into db_config.password.", commands: ["systemctl restart crowdsec"] }],
});

const CLIENTS = ["lapi", "agent", "cscli", "crowdsec-nginx-bouncer"];
const SOCKET_CLIENT = "crowdsec-firewall-bouncer";
const gone = (name: string): Finding =>
  finding(`lapi-reachable@${name}`, "fail", {
    title: "Local API accepts connections",
    code: "tcp-refused",
    summary: "127.0.0.1:8080 refuses the connection",
    target: {
      host: "127.0.0.1",
      port: 8080,
      url: "http://127.0.0.1:8080/",
      origin: name === "lapi" ? "/etc/crowdsec/config.yaml:47" : "/etc/crowdsec/local_api_credentials.yaml:1",
    },
    layers: [{ phase: "connect", ok: false, durationMs: 0.4, detail: "127.0.0.1: connect ECONNREFUSED" }],
    addresses: [{ address: "127.0.0.1", family: 4, ok: false, code: "tcp-refused", durationMs: 0.4 }],
    blame: { party: "this-host" },
    remedy: [{ text: "Start crowdsec.", commands: ["systemctl start crowdsec"] }],
  });
const NO_SOCKET = finding(`lapi-reachable@${SOCKET_CLIENT}`, "fail", {
  title: "Local API accepts connections",
  code: "socket-missing",
  summary: "there is no socket at /run/crowdsec/lapi.sock",
  target: {
    path: "/run/crowdsec/lapi.sock",
    url: "http://unix/",
    origin: "/etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml:4",
  },
  layers: [{ phase: "connect", ok: false, durationMs: 0.1, detail: "ENOENT" }],
  blame: { party: "this-host" },
  remedy: [{ text: "Start crowdsec.", commands: ["systemctl start crowdsec"] }],
});
const UNASKED = [...CLIENTS, SOCKET_CLIENT].map((name) =>
  finding(`lapi-identity@${name}`, "skip", {
    summary: `because lapi-reachable@${name} did not pass`,
    because: [`lapi-reachable@${name}`],
  }),
);

const clients = report({
  findings: [
    CONFIG,
    ...["agent", "cscli"].map((name) =>
      finding(`credentials@${name}`, "pass", {
        title: "Credentials are complete",
        summary: "Credentials are complete: a login and a password",
        target: { path: "/etc/crowdsec/local_api_credentials.yaml" },
      }),
    ),
    finding("credentials@crowdsec-nginx-bouncer", "fail", {
      title: "Credentials are complete",
      code: "credentials-template",
      phase: "host",
      summary: "the installer's placeholder stands where the key should (/etc/crowdsec/bouncers/nginx.conf:3)",
      target: { path: "/etc/crowdsec/bouncers/crowdsec-nginx-bouncer.conf" },
      blame: { party: "configuration", confidence: "certain" },
      remedy: [{ text: "Register the bouncer.", commands: ["cscli bouncers add crowdsec-nginx-bouncer"] }],
    }),
    DATABASE,
    ...CLIENTS.map(gone),
    NO_SOCKET,
    ...UNASKED,
  ],
  causes: [
    {
      id: "database-db-auth-failed",
      summary: DATABASE.summary,
      blame: { party: "credentials", confidence: "certain", evidence: [gone("agent").summary, NO_SOCKET.summary] },
      explains: [
        DATABASE.instance,
        ...CLIENTS.map((name) => `lapi-reachable@${name}`),
        NO_SOCKET.instance,
        ...UNASKED.map(({ instance }) => instance),
      ],
      remedy: DATABASE.remedy,
    },
    {
      id: "credentials-credentials-template",
      summary: "the installer's placeholder stands where the key should (/etc/crowdsec/bouncers/nginx.conf:3)",
      blame: { party: "configuration", confidence: "certain", evidence: [] },
      explains: ["credentials@crowdsec-nginx-bouncer"],
      remedy: [{ text: "Register the bouncer.", commands: ["cscli bouncers add crowdsec-nginx-bouncer"] }],
    },
  ],
  run: { roles: ["lapi", "agent", "cscli", "bouncer"] },
  verdict: "not-ready",
  exitCode: 2,
});

const scraped = (index: number, rest: Parameters<typeof finding>[2] = {}): Finding => {
  const host = `web-${index}.internal.example`;
  return finding(`metrics-target@${host}:6060`, rest.code === undefined ? "pass" : "fail", {
    title: "Prometheus can scrape CrowdSec's metrics",
    summary: "Prometheus can scrape CrowdSec's metrics: CrowdSec 1.7.8",
    target: { host, port: 6060, url: `http://${host}:6060/metrics`, origin: `/etc/prometheus/targets:${index}` },
    layers: [
      { phase: "connect", ok: rest.code === undefined, durationMs: index },
      ...(rest.code === undefined ? [{ phase: "response", ok: true, durationMs: 20 } as const] : []),
    ],
    ...rest,
  });
};
const unscraped = (index: number): Finding =>
  scraped(index, {
    code: "tcp-refused",
    summary: `web-${index}.internal.example:6060 refuses the connection`,
    blame: { party: "remote-host" },
    remedy: [{ text: `On web-${index}.internal.example: set prometheus.listen_addr, which is 127.0.0.1.` }],
  });
const REFUSED_TARGETS = Array.from({ length: 14 }, (_, index) => unscraped(index + 31));

const targets = report({
  findings: [...Array.from({ length: 30 }, (_, index) => scraped(index + 1)), ...REFUSED_TARGETS],
  causes: [
    {
      id: "metrics-tcp-refused",
      summary: "web-31.internal.example:6060 refuses the connection; the same with 13 more",
      blame: {
        party: "remote-host",
        confidence: "likely",
        evidence: REFUSED_TARGETS.slice(1).map(({ summary }) => summary),
      },
      explains: REFUSED_TARGETS.map(({ instance }) => instance),
      remedy: unscraped(31).remedy,
    },
  ],
  run: { roles: ["prometheus"], phase: "install" },
  verdict: "not-ready",
  exitCode: 2,
});

const OUTGOING: Readonly<Record<string, string>> = {
  capi: "api.crowdsec.net",
  blocklists: "blocklists.api.crowdsec.net",
  papi: "papi.api.crowdsec.net",
  hub: "cdn-hub.crowdsec.net",
  "hub-legacy": "hub-cdn.crowdsec.net",
  "hub-data": "hub-data.crowdsec.net",
  version: "version.crowdsec.net",
  dashboard: "crowdsec-statics-assets.s3-eu-west-1.amazonaws.com",
  cti: "cti.api.crowdsec.net",
  installer: "install.crowdsec.net",
  packages: "packagecloud.io",
};
/** Those that CrowdSec can do without here. */
const OPTIONAL = ["blocklists", "papi", "hub-legacy", "dashboard", "cti"];

const NETWORK_DOCS = "https://docs.crowdsec.net/docs/next/configuration/network_management";
const askHost = (host: string): string => `curl -sS -o /dev/null -w '%{http_code}\\n' --max-time 10 https://${host}/`;

const silent = (name: string, index: number): Finding => {
  const host = OUTGOING[name] ?? "";
  const addresses = [`203.0.113.${index + 10}`, `198.51.100.${index + 10}`];
  return finding(`outgoing-${name}`, OPTIONAL.includes(name) ? "warn" : "fail", {
    title: `${host} can be reached`,
    code: "tcp-timeout",
    summary: `${host}:443 does not answer within 5000 ms (${addresses.slice(0, 1 + (index % 2)).join(", ")})`,
    target: { host, port: 443, url: `https://${host}/`, origin: "default" },
    vantage: { role: "lapi", user: "root", env: "crowdsec: process 4711", route: "direct", family: 4 },
    layers: [
      { phase: "resolve", ok: true, durationMs: 3 + index, detail: `${addresses[0]} from 10.0.0.53` },
      { phase: "connect", ok: false, durationMs: 5000, detail: `${addresses[0]}: no answer within 5000 ms` },
    ],
    addresses: addresses.slice(0, 1 + (index % 2)).map((address) => ({
      address,
      family: 4,
      ok: false,
      code: "tcp-timeout",
      durationMs: 5000,
      source: "10.0.0.17",
    })),
    blame: { party: "network", evidence: [`connect failed after 5000 ms: ${addresses[0]}: no answer within 5000 ms`] },
    remedy: [
      {
        text: `A firewall on the way most likely drops it. Allow outgoing tcp/443 to ${host}; with a proxy as the only way out, set HTTPS_PROXY for the crowdsec service.`,
        commands: [`curl -sS -o /dev/null --max-time 10 https://${host}/`],
        url: NETWORK_DOCS,
      },
    ],
  });
};
const SILENT = Object.keys(OUTGOING).map(silent);

const egressDropped = report({
  findings: [
    CONFIG,
    STORE,
    LAPI,
    PLAIN,
    ...SILENT,
    finding("tls-inspection", "skip", {
      summary: "because outgoing-capi, outgoing-hub did not pass",
      because: ["outgoing-capi", "outgoing-hub"],
    }),
  ],
  causes: [
    {
      id: "egress-dropped",
      summary: `outgoing tcp/443 is dropped on the way: 11 of 11 hosts on the internet stay silent: ${Object.values(OUTGOING).join(", ")}`,
      blame: {
        party: "network",
        confidence: "certain",
        evidence: [
          ...SILENT.slice(0, 4).map(({ summary }) => summary),
          "none of 11 hosts on the internet takes a connection",
        ],
      },
      explains: [
        ...SILENT.filter(({ status }) => status === "fail"),
        ...SILENT.filter(({ status }) => status === "warn"),
        { instance: "tls-inspection" },
      ].map(({ instance }) => instance),
      remedy: [
        {
          text: "Have outgoing tcp/443 allowed from this host to these names, or name a proxy that may (HTTPS_PROXY of the crowdsec service). `crowdsec-preflight firewall` prints the list, `crowdsec-preflight --ticket` the text for whoever runs the firewall.",
          commands: [askHost("api.crowdsec.net")],
          url: NETWORK_DOCS,
        },
      ],
    },
  ],
  run: { durationMs: 5240 },
  verdict: "not-ready",
  exitCode: 2,
});

const BROKEN_AGENT = finding("agent-config", "fail", {
  title: "The agent's configuration is one that it starts with",
  code: "acquisition-invalid",
  phase: "host",
  summary:
    "the Local API goes down with the agent, since both share one process: /etc/crowdsec/acquis.yaml:1: this source has no labels (such as type: syslog), and the agent stops at it",
  target: { path: "/etc/crowdsec/acquis.yaml" },
  blame: { party: "configuration", confidence: "certain" },
  remedy: [
    {
      text: "Correct /etc/crowdsec/acquis.yaml:1, then start crowdsec again.",
      commands: ["sed -n '1,3p' /etc/crowdsec/acquis.yaml", "systemctl restart crowdsec"],
      url: "https://docs.crowdsec.net/docs/next/log_processor/data_sources/intro",
    },
    {
      text: "To keep the Local API up meanwhile, run it without the agent (-no-cs), and take that back once the agent's configuration is mended.",
      commands: [
        "mkdir -p /etc/systemd/system/crowdsec.service.d",
        "printf '[Service]\\nExecStartPre=\\nExecStart=\\nExecStart=%s -c %s -no-cs\\n' /usr/bin/crowdsec /etc/crowdsec/config.yaml > /etc/systemd/system/crowdsec.service.d/no-agent.conf",
        "systemctl daemon-reload && systemctl restart crowdsec",
      ],
      undo: [
        "rm /etc/systemd/system/crowdsec.service.d/no-agent.conf",
        "systemctl daemon-reload && systemctl restart crowdsec",
      ],
    },
  ],
});
const crashed = (words: string): Finding =>
  finding("service", "fail", {
    title: "CrowdSec's service runs",
    code: "service-crashed",
    phase: "host",
    summary: `crowdsec.service stopped with exit status 1, 4 minutes ago, and nothing starts it again; its last words: ${words}`,
    blame: { party: "this-host", confidence: "certain" },
    remedy: [{ text: "Mend what its last words name, then start it.", commands: ["systemctl restart crowdsec"] }],
  });
const HERE = ["lapi", "agent", "cscli"];
const NO_METRICS = finding("metrics", "fail", {
  title: "CrowdSec's metrics answer",
  code: "tcp-refused",
  summary: "127.0.0.1:6060 refuses the connection (127.0.0.1)",
  target: { host: "127.0.0.1", port: 6060, url: "http://127.0.0.1:6060/metrics", origin: "default" },
  layers: [{ phase: "connect", ok: false, durationMs: 0.3, detail: "127.0.0.1: connect ECONNREFUSED" }],
  blame: { party: "this-host" },
});
const START_AGAIN = {
  text: "Then start crowdsec again, once.",
  commands: ["systemctl restart crowdsec", "systemctl status crowdsec --no-pager"],
};
const unaskedHere = (id: string): readonly Finding[] =>
  HERE.map((name) =>
    finding(`${id}@${name}`, "skip", {
      summary: `because lapi-reachable@${name} did not pass`,
      because: [`lapi-reachable@${name}`],
    }),
  );
const GONE = [
  ...HERE.map(gone),
  ...["lapi-tls", "lapi-identity", "lapi-database", "lapi-latency", "machine-login"].flatMap(unaskedHere),
  NO_METRICS,
];
const FATAL = crashed("/etc/crowdsec/acquis.yaml: missing labels");

const agentConfig = report({
  findings: [CONFIG, BROKEN_AGENT, FATAL, STORE, ...GONE, outgoing("api", "pass")],
  causes: [
    {
      id: "agent-config-acquisition-invalid",
      summary: BROKEN_AGENT.summary,
      blame: {
        party: "configuration",
        confidence: "certain",
        evidence: [
          "crowdsec's last words: /etc/crowdsec/acquis.yaml: missing labels",
          "crowdsec does not run",
          FATAL.summary,
        ],
      },
      explains: [BROKEN_AGENT, FATAL, ...GONE].map(({ instance }) => instance),
      remedy: [...BROKEN_AGENT.remedy, START_AGAIN],
    },
  ],
  verdict: "not-ready",
  exitCode: 2,
});

const CAPI_SILENT = silent("capi", 0);
const LOGIN_REFUSED = crashed("api server init: unable to run local API: authenticate watcher: dial tcp: i/o timeout");
const PINNED = finding("hosts-file", "warn", {
  title: "No name of CrowdSec is pinned",
  code: "name-pinned",
  phase: "host",
  summary: "/etc/hosts:12 pins api.crowdsec.net to 203.0.113.10; its addresses change",
  target: { path: "/etc/hosts" },
  blame: { party: "this-host", confidence: "certain" },
  remedy: [
    {
      text: "Take the line out.",
      commands: ["sed -i.bak '12d' /etc/hosts"],
      undo: ["mv /etc/hosts.bak /etc/hosts"],
    },
  ],
});

const capiFatal = report({
  findings: [CONFIG, STORE, LOGIN_REFUSED, PINNED, ...GONE, CAPI_SILENT, outgoing("version", "pass")],
  causes: [
    {
      id: "host-blocked@dropped",
      summary: "api.crowdsec.net: 1 of 2 hosts stay silent, while 1 others can be reached on the same port",
      blame: {
        party: "network",
        confidence: "likely",
        evidence: [
          CAPI_SILENT.summary,
          "reached: version.crowdsec.net",
          "crowdsec does not run",
          "from 1.5.0 on the Local API does not start before it has logged in to the Central API",
          "crowdsec's last words: api server init: unable to run local API: authenticate watcher: dial tcp: i/o timeout",
        ],
      },
      explains: [CAPI_SILENT, LOGIN_REFUSED, ...GONE].map(({ instance }) => instance),
      modelled:
        "a start without the Central API fails (https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/pkg/apiserver/apic.go)",
      remedy: [
        {
          text: "Have this host added to the allow-list for outgoing tcp/443, by name where the firewall can: addresses of a CDN move.",
          commands: [askHost("api.crowdsec.net")],
          url: NETWORK_DOCS,
        },
        START_AGAIN,
      ],
    },
  ],
  verdict: "not-ready",
  exitCode: 2,
});

/** Fixed reports, written by hand: what a reporter makes of them changes only when the reporter does. */
export const REPORTS: Readonly<Record<string, Report>> = {
  healthy,
  "resolver-dead": resolverDead,
  "egress-dropped": egressDropped,
  "agent-config": agentConfig,
  "capi-fatal": capiFatal,
  "lapi-refused": lapiRefused,
  "warnings-only": warningsOnly,
  clients,
  targets,
  interrupted,
};
