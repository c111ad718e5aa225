import { describe, expect, test } from "@jest/globals";
import type { Cause, Finding, Report } from "../../src/model/report.ts";
import { pretty, type Style } from "../../src/reporters/pretty.ts";
import { finding } from "../support/findings.ts";
import { REPORTS } from "../support/reports.ts";
import { reported } from "../support/run.ts";

const PLAIN: Style = { color: false, ascii: false, width: 100, detail: "normal" };

const shown = (name: string, style: Partial<Style> = {}): string => {
  const report = REPORTS[name];
  if (report === undefined) throw new Error(`no report ${name}`);
  return pretty(report, { ...PLAIN, ...style });
};

/** Lines without what makes them fit the screen. */
const flat = (text: string): string => text.replaceAll(/\s+/g, " ");

type Rest = Partial<Omit<Cause, "blame">> & { readonly blame?: Partial<Cause["blame"]> };

/** A report with one cause that explains all that did not pass. */
const caused = (findings: readonly Finding[], { blame, ...rest }: Rest = {}): Report => ({
  ...reported(findings),
  causes: [
    {
      id: "some-cause",
      summary: "something is wrong",
      blame: { party: "network", confidence: "likely", evidence: [], ...blame },
      explains: findings.filter(({ status }) => status !== "pass").map(({ instance }) => instance),
      remedy: [{ text: "Mend it." }],
      ...rest,
    },
  ],
});
const told = (findings: readonly Finding[], rest: Rest = {}, style: Partial<Style> = {}): string =>
  pretty(caused(findings, rest), { ...PLAIN, ...style });

/** The lines under `Explains:` of the first cause. */
const rowsOf = (text: string): readonly string[] =>
  (text.split("Explains:\n")[1]?.split("\n\n")[0] ?? "").split("\n").map((line) => line.trim());

const host = (name: string, rest: Parameters<typeof finding>[2] = {}, status: Finding["status"] = "fail"): Finding =>
  finding(`outgoing-${name}`, status, {
    summary: `${name}.test:443 does not answer within 5000 ms (192.0.2.${name.length})`,
    target: { host: `${name}.test`, port: 443, origin: "default" },
    layers: [{ phase: "connect", ok: false, durationMs: 5000 }],
    addresses: [
      {
        address: `192.0.2.${name.length}`,
        family: 4,
        ok: false,
        code: "tcp-timeout",
        durationMs: 5000,
        source: "10.0.0.17",
      },
    ],
    ...rest,
  });
const hosts = (count: number): readonly Finding[] => Array.from({ length: count }, (_, index) => host(`h${index}`));

describe("what is wrong", () => {
  test("comes before everything else, most certain first, each cause apart from the next", () => {
    const [first = "", second = ""] = shown("lapi-refused").split("\n\n");
    expect(first.split("\n").slice(0, 2)).toEqual([
      "What is wrong: 2 causes",
      "✗ FAIL    no CA certificate in any of the places where CrowdSec looks: /etc/ssl/certs,",
    ]);
    expect(second).toMatch(/^✗ FAIL {4}lapi\.internal\.example:8080 refuses the connection/);
    expect(shown("egress-dropped").split("\n")[0]).toBe("What is wrong");
  });

  test("says whose it is, how sure that is, by what evidence, and what to do first", () => {
    const text = told([host("a")], {
      blame: { party: "proxy", confidence: "possible", evidence: ["it answers 407", "no login is set"] },
      remedy: [{ text: "Ask for a login.", commands: ["curl -v x"], undo: ["true"], url: "https://example.test/" }],
    });
    expect(text.split("\n").slice(1, 11)).toEqual([
      "✗ FAIL    something is wrong",
      "          Whose:    the proxy (possible)",
      "          Because:  it answers 407",
      "                    no login is set",
      "          First:    Ask for a login.",
      "                    $ curl -v x",
      "                    to undo:",
      "                    $ true",
      "                    https://example.test/",
      "          Explains:",
    ]);
  });

  test("gives every further remedy, as the next step or as another way", () => {
    const texts = [
      "Mend it.",
      "Or name another nameserver.",
      "Then start it again.",
      "Restart the proxy.",
      "If another port is meant, correct it.",
      "To keep it up meanwhile, run it alone.",
    ];
    const lines = told([host("a")], { remedy: texts.map((text) => ({ text })) }).split("\n");
    expect(lines.filter((line) => /^ {10}(?:First|Or|Then):/.test(line)).map((line) => line.trim())).toEqual([
      "First:    Mend it.",
      "Or:       Name another nameserver.",
      "Then:     Start it again.",
      "Then:     Restart the proxy.",
      "Or:       If another port is meant, correct it.",
      "Or:       To keep it up meanwhile, run it alone.",
    ]);
  });

  test("says plainly what was not seen but taken from CrowdSec's source", () => {
    for (const detail of ["quiet", "normal", "verbose"] as const)
      expect(flat(shown("capi-fatal", { detail }))).toContain(
        "Modelled from CrowdSec's source, not seen: a start without the Central API fails (https://github.com",
      );
    expect(shown("agent-config")).not.toContain("Modelled");
  });

  test("that only warnings show is a warning", () => {
    expect(told([host("a", {}, "warn")]).split("\n")[1]).toBe("! WARN    something is wrong");
    expect(told([host("a", {}, "warn"), host("b")]).split("\n")[1]).toBe("✗ FAIL    something is wrong");
  });

  test("of which nothing is known to follow is told all the same", () => {
    const text = told([finding("lapi-a", "pass")], { explains: [] });
    expect(text).toContain("First:    Mend it.");
    expect(text).not.toContain("Explains");
  });
});

describe("evidence", () => {
  const evidence = Array.from({ length: 7 }, (_, index) => `seen ${"abcdefg"[index]}`);

  test("is a few sentences, and the rest with -v", () => {
    const text = told([host("a")], { blame: { evidence } });
    expect(flat(text)).toContain("Because: seen a seen b seen c and 4 more: see with -v First:");
    expect(flat(told([host("a")], { blame: { evidence: evidence.slice(0, 4) } }))).toContain("seen c seen d First:");
    const verbose = told([host("a")], { blame: { evidence } }, { detail: "verbose" });
    for (const sentence of evidence) expect(verbose).toContain(sentence);
  });

  test("that is left for -v still stands with the finding that says it", () => {
    const late = finding("service", "fail", { summary: "the service has crashed" });
    const text = told([host("a"), late], { blame: { evidence: [...evidence, late.summary] } });
    expect(flat(text)).toContain("and 5 more: see with -v");
    expect(rowsOf(text).slice(-2)).toEqual(["✗ FAIL service", "the service has crashed"]);
  });

  test("that is the cause's own sentence is not told again", () => {
    expect(told([host("a")], { blame: { evidence: ["something is wrong"] } })).not.toContain("Because");
  });

  test("that several findings give alike is told once, and not again in their rows", () => {
    const all = hosts(3);
    const text = told(all, { blame: { evidence: all.map(({ summary }) => summary) } });
    expect(text.match(/does not answer/g)).toHaveLength(1);
    expect(rowsOf(text)).toHaveLength(3);
    const verbose = told(all, { blame: { evidence: all.map(({ summary }) => summary) } }, { detail: "verbose" });
    for (const { summary } of all) expect(verbose.split(summary)).toHaveLength(3);
  });
});

describe("what a cause explains", () => {
  test("stands under it and nowhere else", () => {
    const text = shown("agent-config");
    for (const row of [/FAIL +agent-config /g, /FAIL +service$/gm, /FAIL +lapi-reachable /g, /FAIL +metrics /g])
      expect(text.match(row)).toHaveLength(1);
    expect(text.split("\n\n").slice(1, -1).join("\n")).not.toContain("✗");
  });

  test("begins with what shows it best, and goes on in the report's order", () => {
    const [a, b, c] = [host("a"), host("b"), host("c")];
    const rows = rowsOf(told([a, b, c], { explains: [c, a, b].map(({ instance }) => instance) }));
    expect(rows.filter((row) => row.startsWith("✗")).map((row) => row.split(" ")[2])).toEqual([
      "outgoing-c",
      "outgoing-a",
      "outgoing-b",
    ]);
  });

  test("says a sentence of its own only where the cause, or the row before, has not said it", () => {
    const same = finding("database", "fail", { summary: "the database is dead" });
    const other = finding("lapi-reachable", "fail", { summary: "127.0.0.1:8080 refuses the connection" });
    const rows = rowsOf(told([same, other, host("a"), host("b")], { summary: "the database is dead" }));
    expect(rows).toEqual([
      "✗ FAIL database",
      "✗ FAIL lapi-reachable",
      "127.0.0.1:8080 refuses the connection",
      expect.stringMatching(/^✗ FAIL outgoing-a → a\.test:443 +connect {2}5\.0 s$/),
      "a.test:443 does not answer within 5000 ms (192.0.2.1)",
      expect.stringMatching(/^✗ FAIL outgoing-b → b\.test:443 +connect {2}5\.0 s$/),
    ]);
  });

  test("gives no remedy that would not help, but with -v", () => {
    expect(shown("clients")).not.toContain("systemctl start crowdsec");
    expect(shown("clients", { detail: "verbose" })).toContain("systemctl start crowdsec");
  });

  test("tells which way its first one was asked, where that was through a proxy", () => {
    const vantage = {
      user: "root",
      route: "proxy",
      env: "crowdsec: process 7",
      proxy: "http://proxy.test:3128",
    } as const;
    expect(flat(told([host("a", { vantage })]))).toContain(
      "Asked: as crowdsec: process 7, through http://proxy.test:3128",
    );
    expect(told(hosts(9).map((one) => ({ ...one, vantage }))).match(/Asked:/g)).toHaveLength(1);
    expect(told([host("a")])).not.toContain("Asked:");
  });

  test("has the addresses and where each left from with -v", () => {
    const text = shown("egress-dropped", { detail: "verbose" });
    expect(text).toContain("198.51.100.11: tcp-timeout 5.0 s, from 10.0.0.17");
    expect(text).toContain("resolve 4 ms · connect failed 5.0 s");
    expect(text).toContain("Asked:    as crowdsec: process 4711");
    expect(text).toContain("$ crowdsec-preflight explain egress-dropped\n");
  });

  test("shares its remedy with a warning outside that has the same", () => {
    const [, outgoing = ""] = shown("resolver-dead").split("\nOutgoing\n");
    expect(outgoing).toContain("! WARN    outgoing-papi");
    expect(outgoing).toContain("papi.crowdsec.net does not resolve");
    expect(outgoing).toContain("Fix:      as for outgoing-api");
  });

  test("and is no failure, but unknown, says why", () => {
    const row = rowsOf(told([host("a"), finding("lapi-identity", "unknown", { summary: "interrupted" })]));
    expect(row.slice(-2)).toEqual(["? UNKNOWN lapi-identity", "interrupted"]);
  });
});

describe("what was not asked for a cause's sake", () => {
  const skipped = (id: string, because: readonly string[]): Finding =>
    finding(id, "skip", { summary: `because ${because.join(", ")} did not pass`, because });

  test("is one line for all, whose reason is the failure at its beginning", () => {
    const rows = rowsOf(
      told([
        finding("lapi-reachable@a", "fail"),
        finding("lapi-reachable@b", "fail"),
        ...["a", "b"].map((name) => skipped(`lapi-tls@${name}`, [`lapi-reachable@${name}`])),
        ...["a", "b"].map((name) => skipped(`lapi-database@${name}`, [`lapi-tls@${name}`])),
      ]),
    );
    expect(rows.at(-1)).toBe("- SKIP lapi-tls, lapi-database because lapi-reachable did not pass");
  });

  test("has every client's own line with -v", () => {
    const text = shown("clients", { detail: "verbose" });
    expect(flat(text)).toContain("- SKIP lapi-identity@cscli because lapi-reachable@cscli did not pass");
  });

  test("for another reason than a failure says that", () => {
    const rows = rowsOf(told([host("a"), finding("tls-inspection", "skip", { summary: "nothing was shown" })]));
    expect(rows.slice(-2)).toEqual(["- SKIP tls-inspection", "nothing was shown"]);
  });
});

describe("failures by the dozen with one reason", () => {
  test("have a row each as long as they are few", () => {
    expect(rowsOf(told(hosts(6))).filter((row) => row.startsWith("✗"))).toHaveLength(6);
  });

  test("are then one row and a list, with the sentence of the first", () => {
    const rows = rowsOf(told(hosts(17), {}, { width: 120 }));
    expect(rows[0]).toMatch(/^✗ FAIL outgoing {2}17 hosts, port 443 +connect {2}up to 5\.0 s$/);
    expect(rows[1]).toBe("h0.test:443 does not answer within 5000 ms (192.0.2.2)");
    expect(rows.slice(2).join(" ")).toBe(
      `the same with ${Array.from({ length: 16 }, (_, i) => `h${i + 1}.test`).join(", ")}`,
    );
  });

  test("keep failures and warnings apart, and name each of both", () => {
    const text = shown("egress-dropped", { width: 120 });
    const rows = rowsOf(text);
    expect(rows[0]).toMatch(/^✗ FAIL outgoing {2}6 hosts, port 443 /);
    expect(rows[1]).toContain("api.crowdsec.net, cdn-hub.crowdsec.net");
    expect(rows.find((row) => row.startsWith("!"))).toMatch(/^! WARN outgoing {2}5 hosts, port 443 /);
    expect(rows.at(-1)).toMatch(/^- SKIP tls-inspection because/);
  });

  test("are not named twice where the cause's sentence has named them all", () => {
    const all = hosts(8);
    const summary = `dropped: ${all.map(({ target }) => target?.host).join(", ")}`;
    expect(rowsOf(told(all, { summary, blame: { evidence: all.slice(0, 2).map((one) => one.summary) } }))).toEqual([
      expect.stringMatching(/^✗ FAIL outgoing {2}8 hosts, port 443 /),
    ]);
  });

  test("and different ports have these with their names", () => {
    const all = hosts(8).map((one, index) => ({ ...one, target: { host: `h${index}.test`, port: 8000 + index } }));
    expect(rowsOf(told(all)).join(" ")).toContain("h3.test:8003");
  });

  test("that differ in more than host and time keep a row each", () => {
    const all = hosts(8).map((one, index) => ({ ...one, summary: `trouble of kind ${"abcdefgh"[index]}` }));
    expect(rowsOf(told(all)).filter((row) => row.startsWith("✗"))).toHaveLength(8);
  });

  test("of one check are one row even so, and of hundreds a dozen is named and the rest counted", () => {
    const all = Array.from({ length: 400 }, (_, index) =>
      finding(`metrics-target@web-${index}.test:6060`, "fail", {
        summary: `trouble number ${index}`,
        target: { host: `web-${index}.test`, port: 6060 },
      }),
    );
    const rows = rowsOf(told(all));
    expect(rows[0]).toBe("✗ FAIL metrics-target  400 hosts, port 6060");
    expect(rows.join(" ")).toContain("web-11.test, and 388 more");
    expect(rows.join(" ")).not.toContain("web-12.test,");
    expect(rowsOf(told(all, {}, { detail: "verbose" })).filter((row) => row.startsWith("✗"))).toHaveLength(400);
  });

  test("of clients with one address are one row with their names", () => {
    const all = Array.from({ length: 9 }, (_, index) =>
      finding(`lapi-reachable@bouncer-${index}`, "fail", {
        summary: "127.0.0.1:8080 refuses the connection",
        target: { host: "127.0.0.1", port: 8080, origin: `/etc/bouncer-${index}.yaml:1` },
      }),
    );
    const rows = rowsOf(told(all));
    expect(rows.filter((row) => row.startsWith("✗"))).toHaveLength(1);
    expect(rows.join(" ")).toContain("bouncer-7, bouncer-8 → 127.0.0.1:8080");
  });
});

describe("-q", () => {
  test("is each cause with the first thing to do and what it explains, and the last line", () => {
    expect(shown("agent-config", { detail: "quiet", width: 120 })).toBe(
      [
        "What is wrong",
        "✗ FAIL    the Local API goes down with the agent, since both share one process: /etc/crowdsec/acquis.yaml:1: this source",
        "          has no labels (such as type: syslog), and the agent stops at it",
        "          Whose:    the configuration (certain)",
        "          First:    Correct /etc/crowdsec/acquis.yaml:1, then start crowdsec again.",
        "                    $ sed -n '1,3p' /etc/crowdsec/acquis.yaml",
        "                    $ systemctl restart crowdsec",
        "                    https://docs.crowdsec.net/docs/next/log_processor/data_sources/intro",
        "          Explains: agent-config, service, lapi-reachable (3), lapi-tls (3), lapi-identity (3), lapi-database (3),",
        "                    lapi-latency (3), machine-login (3), metrics",
        "3 pass, 6 fail, 15 skip in 812 ms: NOT READY",
        "",
      ].join("\n"),
    );
  });

  test("does not say that a cause explains the one failure that it is", () => {
    expect(told([host("a")], {}, { detail: "quiet" })).not.toContain("Explains");
  });
});

describe("at any width", () => {
  /** Never broken, since it is there to be copied or searched for. */
  const UNBROKEN = /^\s+\$ |https?:\/\/|^\s*(?:\S [A-Z]+ +)?\S+$/;

  test.each([40, 59, 60, 80, 120, 200])("%d columns hold every row, and its subject stays whole", (width) => {
    for (const detail of ["quiet", "normal", "verbose"] as const) {
      const text = told(
        [...hosts(17), finding("lapi-reachable@very-long-name-of-a-bouncer", "fail")],
        {},
        { width, detail },
      );
      const [causes = ""] = text.split("\nLooked at as");
      const wide = causes
        .split("\n")
        .filter((line) => line.length > width && !UNBROKEN.test(line) && !/READY$/.test(line));
      expect(wide).toEqual([]);
      expect(text).not.toMatch(/[ \t]$/m);
    }
  });
});
