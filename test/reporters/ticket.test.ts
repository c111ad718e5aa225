import { spawnSync } from "node:child_process";
import { describe, expect, test } from "@jest/globals";
import type { LayerCode, Phase } from "../../src/model/observation.ts";
import { type Cause, type Finding, type Party, type Report, SCHEMA_VERSION } from "../../src/model/report.ts";
import { json } from "../../src/reporters/json.ts";
import type { Style } from "../../src/reporters/pretty.ts";
import { ticket } from "../../src/reporters/ticket.ts";
import { finding } from "../support/findings.ts";
import { expectGolden, expectNoOtherGoldens } from "../support/golden.ts";
import { REPORTS } from "../support/reports.ts";
import { asReport } from "../support/schema.ts";

const PLAIN: Style = { color: false, ascii: false, width: 72, detail: "normal" };

const report = (findings: readonly Finding[], causes: readonly Cause[]): Report =>
  asReport(
    json({
      schemaVersion: SCHEMA_VERSION,
      tool: { name: "crowdsec-preflight", version: "1.2.3", runtime: "node v20.19.0" },
      run: {
        id: "00000000-0000-4000-8000-000000000000",
        startedAt: "2026-06-15T12:00:00.000Z",
        durationMs: 5120,
        phase: "run",
        roles: ["lapi"],
        env: "auto",
        deadlineMs: 30_000,
        failOn: "fail",
        interrupted: false,
      },
      summary: {
        verdict: "not-ready",
        exitCode: 2,
        counts: { pass: 0, warn: 0, fail: findings.length, skip: 0, unknown: 0 },
      },
      causes,
      findings,
    }),
  );

const cause = (id: string, party: Party, explains: readonly Finding[], rest: Partial<Cause> = {}): Cause => ({
  id,
  summary: `summary of ${id}`,
  blame: { party, confidence: "likely", evidence: [] },
  explains: explains.map(({ instance }) => instance),
  remedy: [{ text: `Mend ${id}.`, commands: ["never printed"] }],
  ...rest,
});

/** One cause and what it explains. */
const told = (id: string, party: Party, findings: readonly Finding[], rest: Partial<Cause> = {}): string =>
  ticket(report(findings, [cause(id, party, findings, rest)]), PLAIN);

interface Failing extends NonNullable<Parameters<typeof finding>[2]> {
  readonly host?: string;
}
const outgoing = (name: string, code: string, phase: Phase, { host, ...rest }: Failing = {}): Finding => {
  const to = host ?? `${name}.crowdsec.net`;
  return finding(`outgoing-${name.replace(".", "-")}`, "fail", {
    code,
    phase,
    summary: `${to}:443 is no good`,
    target: { host: to, port: 443, url: `https://${to}/`, origin: "default" },
    ...rest,
  });
};
const at = (address: string, code: string | undefined, durationMs = 0.4, source = "10.1.2.3") => ({
  address,
  family: address.includes(":") ? (6 as const) : (4 as const),
  ok: code === undefined,
  ...(code !== undefined && { code }),
  durationMs,
  source: address.includes(":") ? "2001:db8::3" : source,
});
const silent = (name: string, index: number): Finding =>
  outgoing(name, "tcp-timeout", "connect", {
    addresses: [at(`203.0.113.${index}`, "tcp-timeout", 5001.7), at(`2001:db8::${index}`, "tcp-unreachable")],
  });

const PROXY = "http://proxy.internal.example:3128";
const proxied = (name: string, code: string, phase: Phase, summary: string): Finding =>
  outgoing(name, code, phase, {
    summary,
    vantage: { user: "root", route: "proxy", proxy: PROXY, env: "crowdsec: process 4711" },
    addresses: [at("10.0.0.8", code === "proxy-unreachable" ? "tcp-refused" : undefined)],
    blame: { party: "proxy" },
  });
const resolver = (server: string, code: string): Finding =>
  finding(`resolver@${server}`, "fail", {
    code,
    phase: "resolve",
    summary: `nameserver ${server} (1 of 1) does not answer within 5.0 s: it is the only one, so no name resolves`,
    target: { host: server, port: 53, origin: "/etc/resolv.conf" },
    layers: [{ phase: "resolve", ok: false, durationMs: 5003 }],
    blame: { party: "resolver" },
  });
const unresolved = (name: string, code: string): Finding =>
  outgoing(name, code, "resolve", {
    summary: `${name}.crowdsec.net does not resolve`,
    layers: [{ phase: "resolve", ok: false, durationMs: 5003 }],
    blame: { party: "resolver" },
  });
const lapi = (client: string, code: string, phase: Phase, rest: Failing = {}): Finding =>
  finding(`lapi-reachable@${client}`, "fail", {
    code,
    phase,
    summary: "lapi.internal.example:8080 is no good",
    target: {
      host: "lapi.internal.example",
      port: 8080,
      url: "http://lapi.internal.example:8080/",
      origin: "/etc/crowdsec/local_api_credentials.yaml:1",
    },
    addresses: [at("10.0.0.5", code.startsWith("tcp-") ? code : undefined)],
    blame: { party: "remote-service" },
    ...rest,
  });
/** A Local API of this host, which is not there because of something else. */
const ownLapi = finding("lapi-reachable@agent", "fail", {
  code: "tcp-refused",
  target: { host: "127.0.0.1", port: 8080, url: "http://127.0.0.1:8080/" },
  addresses: [at("127.0.0.1", "tcp-refused", 0.4, "127.0.0.1")],
  vantage: { user: "root", route: "local" },
  blame: { party: "this-host" },
});
const database = (code: string, phase: Phase, rest: Failing = {}): Finding =>
  finding("database", "fail", {
    code,
    phase,
    summary: "db.internal.example:5432 is no good",
    target: { host: "db.internal.example", port: 5432, origin: "/etc/crowdsec/config.yaml:40" },
    addresses: [at("10.0.0.9", code.startsWith("tcp-") ? code : undefined)],
    blame: { party: "remote-service" },
    ...rest,
  });

const ELSEWHERE = " (seen on another way; yours may show another)";

const NAMES = ["api", "blocklists.api", "papi.api", "cdn-hub", "hub-data", "version"];

const one = (id: string, party: Party, findings: readonly Finding[], rest: Partial<Cause> = {}): Report =>
  report(findings, [cause(id, party, findings, rest)]);

/** What each kind of ticket looks like as a whole. */
const SCENES: Readonly<Record<string, Report>> = {
  "egress-dropped": one(
    "egress-dropped",
    "network",
    NAMES.map((name, index) => silent(name, index + 7)),
    {
      blame: { party: "network", confidence: "certain", evidence: [] },
    },
  ),
  "host-rejected": one("host-blocked", "network", [
    outgoing("cdn-hub", "tcp-refused", "connect", { addresses: [at("203.0.113.7", "tcp-refused")] }),
  ]),
  "tls-cut": one(
    "host-blocked",
    "network",
    ["api", "version"].map((name) =>
      outgoing(name, "tls-reset", "handshake", {
        summary: `${name}.crowdsec.net:443 accepts the connection, then cuts it off during the TLS handshake`,
        addresses: [at("203.0.113.7", undefined)],
      }),
    ),
  ),
  portal: one("captive-portal", "network", [
    outgoing("api", "identity-mismatch", "response", {
      summary: 'something else answers on api.crowdsec.net:443: HTTP 200, "Welcome… → guest network"',
      addresses: [at("203.0.113.7", undefined)],
    }),
    outgoing("version", "tls-not-tls", "handshake", { addresses: [at("203.0.113.9", undefined)] }),
  ]),
  "proxy-denies": one(
    "proxy-denies",
    "proxy",
    ["api", "cdn-hub"].map((name) =>
      proxied(
        name,
        "proxy-denied",
        "proxy",
        `${name}.crowdsec.net:443 is asked through the proxy ${PROXY}, which denies it: HTTP 403 Forbidden`,
      ),
    ),
    { blame: { party: "proxy", confidence: "certain", evidence: [] } },
  ),
  "proxy-login": one("proxy-wants-login", "proxy", [
    proxied("api", "proxy-auth-required", "proxy", "it wants a login: HTTP 407"),
  ]),
  "proxy-dead": one(
    "proxy-dead",
    "proxy",
    ["api", "cdn-hub"].map((name) => proxied(name, "proxy-unreachable", "proxy", "connect ECONNREFUSED 10.0.0.8:3128")),
  ),
  "resolver-silent": report(
    [
      resolver("10.0.0.53", "dns-timeout"),
      unresolved("api", "dns-timeout"),
      unresolved("version", "dns-timeout"),
      silent("elsewhere", 1),
    ],
    [
      cause("resolver-dead", "resolver", [
        resolver("10.0.0.53", "dns-timeout"),
        unresolved("api", "dns-timeout"),
        unresolved("version", "dns-timeout"),
      ]),
    ],
  ),
  "resolver-hides": report(
    [
      { ...resolver("10.0.0.53", "dns-timeout"), status: "pass", remedy: [] },
      unresolved("api", "dns-nxdomain"),
      unresolved("version", "dns-nodata"),
    ],
    [cause("resolver-selective", "resolver", [unresolved("api", "dns-nxdomain"), unresolved("version", "dns-nodata")])],
  ),
  "lapi-refused": one("lapi-tcp-refused@x", "remote-service", [
    lapi("agent", "tcp-refused", "connect"),
    lapi("crowdsec-firewall-bouncer", "tcp-refused", "connect"),
  ]),
  "database-denies": one("database-db-host-denied", "remote-service", [database("db-host-denied", "login")], {
    summary: "the database db.internal.example:5432 lets user crowdsec in from elsewhere only",
    remedy: [{ text: "On the database's host (db.internal.example): add a line to pg_hba.conf." }],
  }),
};

const STYLES: Readonly<Record<string, Partial<Style>>> = { "-40": { width: 40 }, "-ascii": { ascii: true } };
const goldens = [
  ...Object.entries(SCENES).map(([name, each]) => [`${name}.txt`, each, PLAIN] as const),
  ...Object.entries(STYLES).map(
    ([suffix, style]) => [`portal${suffix}.txt`, SCENES["portal"] ?? report([], []), { ...PLAIN, ...style }] as const,
  ),
];

describe("goldens", () => {
  test.each(goldens)("a ticket is as test/golden shows it: %s", (file, each, style) => {
    expectGolden("ticket", file, ticket(each, style));
  });

  test("none is held against nothing", () => {
    expectNoOtherGoldens(
      "ticket",
      goldens.map(([file]) => file),
    );
  });
});

/** What stands behind a label, in one line. */
const fieldOf = (text: string, label: string): string => {
  const lines = text.split("\n");
  const begin = lines.findIndex((line) => line.startsWith(`${label}:`));
  if (begin === -1) return "";
  const rest = lines.slice(begin + 1);
  const end = rest.findIndex((line) => !line.startsWith(" ".repeat(14)));
  return [lines[begin]?.slice(label.length + 1), ...rest.slice(0, end)].map((line) => line?.trim()).join(" ");
};
const commandsOf = (text: string): readonly string[] =>
  text.split("\n").flatMap((line) => (/^ {2}\S/.test(line) ? [line.trim()] : []));

const OTHERS = ["network", "proxy", "resolver", "remote-host", "remote-service"] as const satisfies readonly Party[];
const OWN = ["this-host", "credentials", "configuration", "crowdsec-cloud"] as const satisfies readonly Party[];

const PHASES: Readonly<Record<LayerCode, Phase>> = {
  "dns-nxdomain": "resolve",
  "dns-nodata": "resolve",
  "dns-servfail": "resolve",
  "dns-refused": "resolve",
  "dns-timeout": "resolve",
  "dns-sinkhole": "resolve",
  "dns-no-resolver": "resolve",
  "dns-unreachable": "resolve",
  "tcp-refused": "connect",
  "tcp-timeout": "connect",
  "tcp-unreachable": "connect",
  "tcp-reset": "connect",
  "proxy-invalid": "proxy",
  "proxy-unreachable": "proxy",
  "proxy-auth-required": "proxy",
  "proxy-denied": "proxy",
  "proxy-upstream": "proxy",
  "proxy-protocol": "proxy",
  "tls-reset": "handshake",
  "tls-stalled": "handshake",
  "tls-not-tls": "handshake",
  "tls-untrusted": "handshake",
  "tls-expired": "handshake",
  "tls-not-yet-valid": "handshake",
  "tls-wrong-host": "handshake",
  "tls-no-san": "handshake",
  "tls-version": "handshake",
  "tls-client-cert": "handshake",
  "tls-alert": "handshake",
  "http-timeout": "response",
  "http-status": "response",
  "http-redirect": "response",
  "http-invalid": "response",
  "identity-mismatch": "response",
};

/** A shell's own opinion of a command: it is read, not run. */
const expectReadable = (command: string): void => {
  const { status, stderr } = spawnSync("sh", ["-n", "-c", command], { encoding: "utf8" });
  expect({ command, status, stderr }).toEqual({ command, status: 0, stderr: "" });
};

describe("whatever the fault, the other side finds all that it needs", () => {
  test.each(Object.entries(PHASES))("%s", (code, phase) => {
    const makers = [
      (party: Party) => outgoing("api", code, phase, { addresses: [at("203.0.113.7", code, 5000)], blame: { party } }),
      (party: Party) => lapi("agent", code, phase, { blame: { party } }),
      (party: Party) => database(code, phase, { blame: { party } }),
      (party: Party): Finding => {
        const blame = { party, confidence: "likely", evidence: [] } as const;
        return { ...proxied("api", code, phase, "through the proxy"), blame };
      },
    ];
    for (const party of OTHERS)
      for (const make of makers) {
        const text = told("some-cause", party, [make(party)]);
        expect(text).toMatch(/^Subject: CrowdSec: please .+\n\nPlease /);
        for (const label of ["Source", "Destination", "Protocol", "Time", "Seen", "Expected", "Required by", "Test"])
          expect({ label, text: fieldOf(text, label) }).toEqual({ label, text: expect.stringMatching(/\w/) });
        expect(text).not.toMatch(/(?<!%)\{\w+\}|undefined|never printed|\[object/);
        expect(fieldOf(text, "Required by")).toBe(
          "https://docs.crowdsec.net/docs/next/configuration/network_management",
        );
        const commands = commandsOf(text);
        expect(commands).toHaveLength(1);
        expect(commands[0]).toMatch(/^(?:curl|dig|nc|getent|timeout 10 openssl|psql) /);
        for (const command of commands) expectReadable(command);
      }
  });
});

test.each(OTHERS)("a cause whose party is %s is somebody else's", (party) => {
  expect(told("x", party, [silent("api", 1)])).toMatch(/^Subject: /);
});

test.each(OWN)("a cause whose party is %s is not, and is named in one sentence", (party) => {
  expect(told("x", party, [silent("api", 1)])).toBe("Nothing here is for somebody else to mend: summary of x.\n");
});

test("a host on which nothing is wrong has nothing to send", () => {
  expect(ticket(report([], []), PLAIN)).toBe(
    "Nothing here is for somebody else to mend: nothing that was asked has\nfailed.\n",
  );
});

test("of several causes each that is somebody else's is a ticket of its own, the reader's own left out", () => {
  const [a, b, c] = [silent("api", 1), lapi("agent", "tcp-refused", "connect"), database("db-host-denied", "login")];
  const text = ticket(
    report(
      [a, b, c],
      [cause("a", "network", [a]), cause("b", "configuration", [b]), cause("c", "remote-service", [c])],
    ),
    PLAIN,
  );
  expect(text.match(/^Subject: .*$/gm)).toEqual([
    "Subject: CrowdSec: please allow TCP from 10.1.2.3 to api.crowdsec.net:443",
    "Subject: CrowdSec: please look at db.internal.example:5432",
  ]);
  expect(text.split(/^-{40}$/m)).toHaveLength(2);
});

describe("many hosts behind one cause", () => {
  const hosts = Array.from({ length: 17 }, (_, index) => silent(`host-${index}`, index + 1));
  const text = told("egress-dropped", "network", hosts);

  test("are a line each in one ticket, with the source told once", () => {
    expect(text.match(/^Subject: /gm)).toHaveLength(1);
    expect(text.match(/host-\d+\.crowdsec\.net:443 \(/g)).toHaveLength(17);
    expect(text.match(/^Source: .*$/gm)).toEqual(["Source:       10.1.2.3"]);
    expect(text.replaceAll(/\s+/g, " ")).toContain("from 10.1.2.3 to the 17 destinations below.");
  });

  test("are all tried by the one command", () => {
    const [command = ""] = commandsOf(text);
    for (const index of hosts.keys()) expect(command).toContain(`https://host-${index}.crowdsec.net/`);
  });

  test("that were asked for by several clients are told once", () => {
    const clients = ["agent", "cscli", "firewall"].map((name) => lapi(name, "tcp-timeout", "connect"));
    const asked = told("x", "network", clients);
    expect(fieldOf(asked, "Destination")).toBe("lapi.internal.example:8080 (10.0.0.5)");
    expect(commandsOf(asked)).toHaveLength(1);
  });
});

describe("what is told", () => {
  test("a silent firewall: how long was waited, and which address went another way", () => {
    const text = told("x", "network", [silent("api", 7)]);
    expect(fieldOf(text, "Seen")).toContain("nothing comes back within 5.0 s");
    expect(fieldOf(text, "Destination")).toBe("api.crowdsec.net:443 (203.0.113.7, 2001:db8::7 unreachable)");
    expect(fieldOf(text, "Time")).toBe("2026-06-15T12:00:00Z (UTC), looked at for 5.1 s");
  });

  test("two faults of one cause are told apart, each with its hosts", () => {
    const two = [
      silent("api", 1),
      outgoing("version", "tcp-refused", "connect", { addresses: [at("203.0.113.9", "tcp-refused")] }),
    ];
    expect(fieldOf(told("x", "network", two), "Seen")).toMatch(
      /dropped \(api\.crowdsec\.net:443\); the connection is refused .* \(version\.crowdsec\.net:443\)\.$/,
    );
  });

  test("what merely follows on this host is not put to the other's owner", () => {
    const text = told("x", "remote-service", [database("tcp-refused", "connect"), ownLapi]);
    expect(fieldOf(text, "Destination")).toBe("db.internal.example:5432 (10.0.0.9)");
    expect(fieldOf(text, "Source")).toBe("10.1.2.3");
    expect(text).not.toContain("127.0.0.1");
  });

  test("nor is what this host asked of its own outward address", () => {
    const itself = { ...at("10.1.2.3", "tcp-refused"), source: "10.1.2.3" };
    const own = { ...ownLapi, vantage: { ...ownLapi.vantage, route: "direct" as const }, addresses: [itself] };
    const text = told("x", "remote-service", [database("tcp-refused", "connect"), own]);
    expect(fieldOf(text, "Destination")).toBe("db.internal.example:5432 (10.0.0.9)");
  });

  test("the source is never loopback, and is asked for where it was not seen", () => {
    const unseen = database("tcp-refused", "connect", {
      addresses: [{ ...at("10.0.0.9", "tcp-refused"), source: "127.0.0.1" }],
    });
    const text = told("x", "remote-service", [unseen]);
    expect(fieldOf(text, "Source")).toBe("(please fill in; it could not be seen)");
    expect(text).toContain("please let our CrowdSec host connect to");
  });

  test("of a question to a nameserver the source is that of this host's other ways, in the nameserver's family", () => {
    const text = ticket(SCENES["resolver-silent"] ?? report([], []), PLAIN);
    expect(fieldOf(text, "Source")).toBe(`10.1.2.3${ELSEWHERE}`);
  });

  test("what is asked names the fields below by their place, and the test its host", () => {
    expect(fieldOf(told("x", "network", [silent("api", 1)]), "Test")).toMatch(/^On the source host\. /);
  });

  test("a Local API without its database is expected to say what its test takes for success", () => {
    const text = told("x", "remote-service", [lapi("agent", "lapi-database-down", "login")]);
    expect(fieldOf(text, "Expected")).toContain('"ent: machine not found"');
    expect(fieldOf(text, "Expected")).not.toContain("accepted");
    expect(fieldOf(text, "Test")).toContain('"ent: machine not found"');
  });

  test("inside a container the source says so", () => {
    const text = told("x", "network", [
      { ...silent("api", 1), vantage: { user: "root", route: "direct", namespace: "docker" } },
    ]);
    expect(fieldOf(text, "Source")).toContain("(seen inside docker; outside it may be another)");
  });

  test("how sure it is stands there unless it is certain", () => {
    expect(fieldOf(told("x", "network", [silent("api", 1)]), "How sure")).toMatch(/^likely/);
    const blame = { party: "network", confidence: "certain", evidence: [] } as const;
    expect(told("x", "network", [silent("api", 1)], { blame })).not.toContain("How sure");
  });

  test("a fault of a service that has no layer is told in the cause's own words, with its remedy", () => {
    const text = ticket(SCENES["database-denies"] ?? report([], []), PLAIN).replaceAll(/\s+/g, " ");
    expect(text).toContain(
      "lets user crowdsec in from elsewhere only. On the database's host (db.internal.example): add",
    );
  });

  test("a cause without a finding is a ticket in its own words", () => {
    const text = ticket(report([], [cause("x", "network", [silent("api", 1)])]), PLAIN);
    expect(text).toContain("summary of x. Mend x.\n");
    expect(fieldOf(text, "Time")).not.toBe("");
  });
});

describe("a source that was seen on the way to somewhere else", () => {
  const DATABASES: readonly (readonly [host: string, source: string])[] = [
    ["10.77.0.60", "10.1.2.3"],
    ["2001:db8::60", "2001:db8::3"],
    ["db.internal.example", "10.1.2.3, 2001:db8::3"],
  ];
  test.each(DATABASES)("to %s is %s, told as such, and no fact in what is asked", (host, source) => {
    const { addresses: _none, ...unasked } = database("tcp-refused", "connect", { target: { host, port: 5432 } });
    const text = ticket(report([unasked, silent("api", 1)], [cause("x", "remote-service", [unasked])]), PLAIN);
    expect(fieldOf(text, "Source")).toBe(`${source}${ELSEWHERE}`);
    const [asked = ""] = text.split("Source:");
    expect(asked).not.toMatch(/10\.1\.2\.3|2001:db8::3/);
    expect(asked).toMatch(/^Subject: CrowdSec: please let the host below connect to /);
    expect(asked.replaceAll(/\s+/g, " ")).toContain("accept TCP connections from the host below:");
  });

  test("is asked for where only the other family was seen", () => {
    const { addresses: _none, ...unasked } = database("tcp-refused", "connect", {
      target: { host: "10.77.0.60", port: 5432 },
    });
    const six = outgoing("api", "tcp-timeout", "connect", { addresses: [at("2001:db8::1", "tcp-timeout")] });
    const text = ticket(report([unasked, six], [cause("x", "remote-service", [unasked])]), PLAIN);
    expect(fieldOf(text, "Source")).toBe("(please fill in; it could not be seen)");
    expect(text).not.toContain("2001:db8::3");
  });

  test("of a dual-stack name that is silent in one family, is not that of the other", () => {
    const { source: _none, ...four } = at("203.0.113.7", "tcp-timeout", 5000);
    const one = outgoing("api", "tcp-timeout", "connect", { addresses: [four, at("2001:db8::7", "tcp-unreachable")] });
    expect(fieldOf(told("x", "network", [one]), "Source")).toBe("(please fill in; it could not be seen)");
  });

  test("goes with the family of the proxy where that is what was to be reached", () => {
    const { addresses: _none, ...unasked } = proxied("api", "proxy-unreachable", "proxy", "x");
    const gone = { ...unasked, vantage: { ...unasked.vantage, proxy: "http://[2001:db8::8]:3128" } };
    const text = ticket(report([gone, silent("hub", 1)], [cause("x", "proxy", [gone])]), PLAIN);
    expect(fieldOf(text, "Source")).toBe(`2001:db8::3${ELSEWHERE}`);
  });
});

describe("nobody else is asked about this host itself", () => {
  const NOTHING = "Nothing here is for somebody else to mend: summary of x.\n";
  const itself = { ...at("10.1.2.3", "tcp-refused"), source: "10.1.2.3" };
  const path = "/run/postgresql/.s.PGSQL.5432";
  const socket = finding("database", "fail", { code: "socket-missing", target: { path } });
  const databaseAt = (host: string): Finding => {
    const { addresses: _none, ...rest } = database("tcp-refused", "connect", { target: { host, port: 5432 } });
    return rest;
  };
  const HERE: readonly (readonly [what: string, one: Finding])[] = [
    ["a name of loopback", lapi("agent", "tcp-refused", "connect", { addresses: [at("127.0.1.1", "tcp-refused")] })],
    ["its own outward address", lapi("agent", "tcp-refused", "connect", { addresses: [itself] })],
    ["a proxy of its own", { ...proxied("api", "proxy-denied", "proxy", "x"), addresses: [at("::1", undefined)] }],
    ["a resolver of its own", resolver("127.0.0.53", "dns-timeout")],
    ["a unix socket", socket],
    ...["127.0.0.1", "127.8.9.10", "::1", "0.0.0.0", "::", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "LocalHost."].map(
      (host) => [host, databaseAt(host)] as const,
    ),
  ];
  test.each(HERE)("%s is named as the reader's own, without a ticket", (_what, one) => {
    for (const party of OTHERS) expect(told("x", party, [one])).toBe(NOTHING);
  });

  test("nor about an address that it goes out from, where no address was tried", () => {
    const own = databaseAt("10.1.2.3");
    expect(ticket(report([own, silent("api", 1)], [cause("x", "remote-service", [own])]), PLAIN)).toBe(NOTHING);
  });

  test("it has no line in the ticket of a cause that is also about others, even where it comes first", () => {
    const text = told("x", "remote-service", [ownLapi, lapi("firewall", "tcp-refused", "connect"), socket]);
    expect(fieldOf(text, "Destination")).toBe("lapi.internal.example:8080 (10.0.0.5)");
    expect(text).not.toMatch(/127\.0\.0\.1|PGSQL/);
  });

  test("a name that a filter points at loopback is the filter's", () => {
    expect(told("x", "resolver", [unresolved("api", "dns-sinkhole")])).toMatch(/^Subject: .* off the DNS filter/);
  });

  test("a resolver of its own is not asked to resolve what it cannot know", () => {
    const stub = { ...resolver("127.0.0.53", "dns-timeout"), status: "pass" as const };
    const name = unresolved("api", "dns-nxdomain");
    const text = ticket(report([stub, name], [cause("x", "resolver", [name])]), PLAIN);
    expect(fieldOf(text, "Destination")).toBe("the nameservers of this host");
    expect(text).not.toContain("127.0.0.53");
  });
});

describe("the command to test it", () => {
  const testOf = (findings: readonly Finding[], party: Party = "network"): string =>
    commandsOf(told("x", party, findings)).join("\n");

  test("goes past this shell's own proxy where CrowdSec does, and through the proxy where it does", () => {
    expect(testOf([silent("api", 1)])).toBe(
      "curl -sS -o /dev/null --max-time 20 --noproxy '*' https://api.crowdsec.net/ && echo works || echo fails",
    );
    expect(testOf([proxied("api", "proxy-denied", "proxy", "x")], "proxy")).toBe(
      `curl -sS -o /dev/null --max-time 20 --noproxy '' --proxy ${PROXY} https://api.crowdsec.net/ && echo works || echo fails`,
    );
  });

  test("stays with IPv6 where that is what connects and then fails", () => {
    const stalled = outgoing("api", "tls-stalled", "handshake", {
      addresses: [at("2001:db8::7", undefined), at("203.0.113.7", undefined)],
      vantage: { user: "root", route: "direct", family: 6 },
    });
    expect(testOf([stalled])).toContain("--noproxy '*' -6 https://api");
  });

  test("asks the nameserver that failed; where none is known, as the system does", () => {
    expect(testOf([resolver("10.0.0.53", "dns-refused"), unresolved("api", "dns-refused")], "resolver")).toBe(
      'echo 10.0.0.53: "$(dig +short +tries=1 @10.0.0.53 api.crowdsec.net A | tail -n 1)"',
    );
    expect(testOf([unresolved("api", "dns-nxdomain")], "resolver")).toBe(
      "getent ahosts api.crowdsec.net || echo fails api.crowdsec.net",
    );
  });

  test("tries a port where TLS is of a private authority, and TLS as that service starts it", () => {
    const secure = { target: { host: "10.0.0.5", port: 8443, url: "https://10.0.0.5:8443/" } };
    expect(testOf([lapi("agent", "tcp-timeout", "connect", secure)])).toBe(
      "nc -z -v -w 5 10.0.0.5 8443 && echo works || echo fails",
    );
    expect(testOf([lapi("agent", "tls-expired", "handshake", secure)])).toBe(
      "timeout 10 openssl s_client -brief -verify_ip 10.0.0.5 -connect 10.0.0.5:8443 </dev/null",
    );
    expect(testOf([database("tls-expired", "handshake")])).toContain("-brief -starttls postgres -verify_hostname db.");
    const mysql = { target: { host: "db.internal.example", port: 3306 } };
    expect(testOf([database("tls-expired", "handshake", mysql)])).toContain("-starttls mysql ");
    expect(testOf([database("db-unavailable", "login", mysql)])).toMatch(/^mysql -h db\.internal\.example -P 3306 /);
  });

  test("asks a Local API that lost its database what only the database knows", () => {
    const [command = ""] = testOf([lapi("agent", "lapi-database-down", "login")], "remote-service").split("\n");
    expect(command).toMatch(/^curl .*no-such-machine.* http:\/\/lapi\.internal\.example:8080\/v1\/watchers\/login$/);
    expectReadable(command);
  });

  test("of one that is slow tells how slow", () => {
    const slow = lapi("agent", "lapi-too-slow", "response");
    expect(testOf([slow], "remote-service")).toContain("after %{time_total} s");
  });

  test("quotes whatever a shell would take for more than a name", () => {
    const host = "x;touch$IFS/tmp/canary";
    const target = { host, port: 5432 };
    const command = testOf([database("tcp-refused", "connect", { target })]);
    expect(command).toContain(`nc -z -v -w 5 '${host}' 5432`);
    expectReadable(command);
  });
});

test("no login and no query of an address gets into a ticket", () => {
  const target = {
    host: "web.example",
    port: 6060,
    url: "http://somebody:canary-password@web.example:6060/metrics?token=canary-token",
  };
  for (const code of ["tcp-timeout", "http-timeout", "tls-expired"]) {
    const one = finding("metrics-target@web.example:6060", "fail", { code, phase: PHASES[code as LayerCode], target });
    const text = told("x", "network", [one]);
    expect(text).toContain("web.example:6060");
    expect(text).not.toContain("canary-");
  }
});

/** Never broken: the subject, a command, an address, a long word. */
const UNBROKEN = /^Subject: |^ {2}\S|https?:\/\/|^\s*(?:[A-Z][a-z ]+: +)?\S+$/;

test.each([40, 60, 72, 120])("no line of prose is wider than %d columns", (width) => {
  for (const each of [...Object.values(REPORTS), ...Object.values(SCENES)]) {
    const lines = ticket(each, { ...PLAIN, width }).split("\n");
    expect(lines.filter((line) => line.length > width && !UNBROKEN.test(line))).toEqual([]);
  }
});

test("it is plain text, whatever the terminal can do", () => {
  for (const each of Object.values(SCENES)) {
    expect(ticket(each, { ...PLAIN, color: true, detail: "verbose" })).toBe(ticket(each, PLAIN));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII
    expect(ticket(each, { ...PLAIN, ascii: true })).toMatch(/^[\u0000-\u007f]*$/);
  }
});
