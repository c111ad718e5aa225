import { describe, expect, test } from "@jest/globals";
import type { Finding, Report } from "../../src/model/report.ts";
import { pretty, type Style } from "../../src/reporters/pretty.ts";
import { finding } from "../support/findings.ts";
import { REPORTS } from "../support/reports.ts";
import { reported } from "../support/run.ts";

const PLAIN: Style = { color: false, ascii: false, width: 100, detail: "normal" };
const WIDTHS = [40, 60, 80, 100, 120, 200];
const DETAILS: readonly Style["detail"][] = ["quiet", "normal", "verbose"];
const each = <T>(visit: (text: string, name: string) => T, style: Partial<Style>): T[] =>
  Object.entries(REPORTS).flatMap(([name, report]) =>
    DETAILS.map((detail) => visit(pretty(report, { ...PLAIN, detail, ...style }), name)),
  );

/** A report whose failures nobody has found a cause for. */
const unexplained = (findings: readonly Finding[]): Report => ({ ...reported(findings), causes: [] });

/** Never broken, since it is there to be copied or searched for: a command, a URL, a long word, the last line. */
const UNBROKEN =
  /^\s+\$ |https?:\/\/|^(?:\s+(?:Explains: |All: +)?|\s*\S [A-Z]+ +)(?:\S+|`[^`]+`\S?)$|: (?:NOT READY|READY(?:, WITH WARNINGS)?|UNKNOWN)$/;

test.each(WIDTHS)("no line of prose is wider than %d columns", (width) => {
  each(
    (text, name) => {
      const wide = text.split("\n").filter((line) => line.length > width && !UNBROKEN.test(line));
      expect({ name, wide }).toEqual({ name, wide: [] });
    },
    { width },
  );
});

test("what is there to be copied is in one piece at any width", () => {
  for (const report of Object.values(REPORTS)) {
    const text = pretty(report, { ...PLAIN, width: 40 });
    for (const { commands = [], undo = [], url } of report.causes.flatMap(({ remedy }) => remedy)) {
      for (const command of [...commands, ...undo]) expect(text).toContain(`$ ${command}\n`);
      if (url !== undefined) expect(text).toContain(url);
    }
  }
});

test("a command in the middle of a sentence is in one piece too", () => {
  const text = "Look with `crowdsec-preflight firewall --format squid` first, then with `ss -ltn`.";
  const report = unexplained([finding("lapi-a", "fail", { remedy: [{ text }] })]);
  for (const width of WIDTHS) {
    const shown = pretty(report, { ...PLAIN, width });
    expect(shown).toContain("`crowdsec-preflight firewall --format squid`");
    expect(shown).toContain("`ss -ltn`.");
  }
});

test("on a screen that is wider than a line is read with ease, lines end before", () => {
  for (const report of Object.values(REPORTS))
    expect(pretty(report, { ...PLAIN, width: 200 })).toBe(pretty(report, { ...PLAIN, width: 120 }));
});

const ESCAPE = "\u001b[";

test("without colour there is no escape sequence; with it there are, and the text is the same", () => {
  const plain = each((text) => text, { color: false });
  const coloured = each((text) => text, { color: true });
  for (const [index, text] of plain.entries()) {
    expect(text).not.toContain("\u001b");
    expect(coloured[index]).toContain(ESCAPE);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is taken out
    expect(coloured[index]?.replace(/\u001b\[\d+m/g, "")).toBe(text);
  }
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII
const ASCII = /^[\u0000-\u007f]*$/;

test("with --ascii every character is ASCII", () => {
  each((text) => expect(text).toMatch(ASCII), { ascii: true });
});

test("symbol and word stand together in every row, never colour alone", () => {
  const report = unexplained([
    finding("lapi-a", "pass"),
    finding("lapi-b", "warn"),
    finding("lapi-c", "fail"),
    finding("lapi-d", "unknown"),
    finding("lapi-e", "skip"),
  ]);
  const rows = (style: Partial<Style>): readonly string[] => {
    const [, group = ""] = `\n${pretty(report, { ...PLAIN, ...style })}`.split("\nLocal API\n");
    return group
      .split("\n")
      .filter((line) => /^\S/.test(line))
      .slice(0, 5);
  };
  expect(rows({})).toEqual([
    "✓ PASS    lapi-a",
    "! WARN    lapi-b",
    "✗ FAIL    lapi-c",
    "? UNKNOWN lapi-d",
    "- SKIP    lapi-e",
  ]);
  expect(rows({ ascii: true }).map((line) => line[0])).toEqual(["+", "!", "x", "?", "-"]);
});

describe("the last line", () => {
  const lastLine = (style: Partial<Style>): Readonly<Record<string, string | undefined>> =>
    Object.fromEntries(
      Object.entries(REPORTS).map(([name, report]) => [
        name,
        pretty(report, { ...PLAIN, ...style })
          .trimEnd()
          .split("\n")
          .at(-1),
      ]),
    );

  test.each(DETAILS)("always stands, and says the same: %s", (detail) => {
    expect(lastLine({ detail })).toEqual({
      healthy: "5 pass, 2 skip in 812 ms: READY",
      "resolver-dead": "3 pass, 1 warn, 4 fail, 1 skip in 5.1 s: NOT READY",
      "egress-dropped": "3 pass, 5 warn, 6 fail, 2 skip in 5.2 s: NOT READY",
      "agent-config": "3 pass, 6 fail, 15 skip in 812 ms: NOT READY",
      "capi-fatal": "3 pass, 1 warn, 6 fail, 15 skip in 812 ms: NOT READY",
      "lapi-refused": "2 fail, 1 unknown, 4 skip in 812 ms: NOT READY",
      "warnings-only": "3 pass, 2 warn in 812 ms: READY, WITH WARNINGS",
      clients: "3 pass, 7 fail, 5 skip in 812 ms: NOT READY",
      targets: "30 pass, 14 fail in 812 ms: NOT READY",
      interrupted: "1 pass, 2 unknown, 1 skip in 812 ms, interrupted: UNKNOWN",
    });
  });

  test("stands behind the version that was judged for: the one that is here, or that an install would bring", () => {
    const where = (given: Parameters<typeof reported>[2]): string =>
      pretty(reported([], undefined, given), PLAIN).replaceAll(/\s+/g, " ");
    expect(where({ version: [1, 7, 8] })).toContain("phase run, CrowdSec 1.7.8.");
    expect(where({ candidate: [1, 4, 6] })).toContain("phase run, for CrowdSec 1.4.6, which an install would bring.");
    expect(where({})).toContain("phase run, CrowdSec's version unknown, judged as the newest.");
  });

  test("of a run without findings says so", () => {
    expect(pretty(reported([]), PLAIN)).toContain("nothing checked in 1 ms: UNKNOWN");
  });
});

describe("how much is told", () => {
  const shown = (name: string, detail: Style["detail"]): string => {
    const report = REPORTS[name];
    if (report === undefined) throw new Error(`no report ${name}`);
    return pretty(report, { ...PLAIN, detail });
  };

  test("quiet leaves out what passed and what was skipped", () => {
    const rows = (name: string): unknown => shown(name, "quiet").match(/^\S [A-Z]+ .*/gm);
    expect(shown("healthy", "quiet")).toBe("5 pass, 2 skip in 812 ms: READY\n");
    expect(rows("interrupted")).toEqual(["? UNKNOWN lapi-reachable", "? UNKNOWN lapi-identity"]);
    expect(rows("warnings-only")).toEqual([
      expect.stringMatching(/^! WARN {4}metrics /),
      expect.stringMatching(/^! WARN {4}outgoing-papi /),
    ]);
  });

  test("verbose shows layers and addresses of what passed too", () => {
    const layers = "resolve 3 ms · connect 12 ms · handshake 31 ms · response 40 ms";
    expect(shown("healthy", "normal")).not.toContain(layers);
    expect(shown("healthy", "verbose")).toContain(layers);
    expect(shown("healthy", "verbose")).toContain("2001:db8::7: tcp-unreachable 0 ms");
    expect(shown("lapi-refused", "verbose")).toContain("10.0.0.6: tcp-refused 1 ms");
  });

  test("verbose shows layers and addresses of what is unknown too", () => {
    const report = reported([
      finding("lapi-identity", "unknown", {
        summary: "interrupted",
        layers: [{ phase: "connect", ok: true, durationMs: 4 }],
        addresses: [{ address: "192.0.2.1", family: 4, ok: true, durationMs: 4 }],
      }),
    ]);
    const text = pretty(report, { ...PLAIN, detail: "verbose" });
    expect(text).toContain("connect 4 ms");
    expect(text).toContain("192.0.2.1: connected 4 ms");
  });

  test("what was not selected is shown by verbose only", () => {
    expect(shown("lapi-refused", "normal")).not.toContain("not selected");
    expect(shown("lapi-refused", "verbose")).toContain("not selected");
  });

  test("the same remedy stands once, and the others point to it; verbose repeats what is another's", () => {
    const words = /Check that the nameserver runs/g;
    expect(shown("resolver-dead", "normal").match(words)).toHaveLength(1);
    expect(shown("resolver-dead", "normal").match(/Fix: {6}as for outgoing-api$/gm)).toHaveLength(1);
    // Those of the other names hold another command each.
    expect(shown("resolver-dead", "verbose").match(words)).toHaveLength(5);
  });

  test("an address of somebody's own is told with its place", () => {
    expect(shown("lapi-refused", "normal")).toContain("address from /etc/crowdsec/local_api_credentials.yaml:1\n");
    expect(shown("warnings-only", "normal").replaceAll(/\s+/g, " ")).toContain(
      "address from /etc/crowdsec/config.yaml:62",
    );
  });
});

test("a failure that no cause explains stands in its group with all that is known of it, at any length", () => {
  const { findings, ...rest } = REPORTS["lapi-refused"] ?? reported([]);
  for (const detail of DETAILS) {
    const text = pretty({ ...rest, findings, causes: [] }, { ...PLAIN, detail });
    expect(text).not.toContain("What is wrong");
    expect(text).toContain("✗ FAIL    lapi-reachable → lapi.internal.example:8080");
    expect(text).toContain("lapi.internal.example:8080 refuses the connection (10.0.0.5, 10.0.0.6)");
    expect(text).toContain("Whose:    the service there (likely)");
    expect(text).toContain("Fix:      On the Local API's host");
    expect(text).toContain("$ ufw delete allow from THIS_HOST");
  }
});

test("what is about this host itself stands under its heading", () => {
  const ids = ["service", "package-state", "config-files", "capi-logins", "clock", "agent-config", "port-lapi"];
  expect(
    rowsUnder(
      "This host",
      ids.map((id) => finding(id, "pass")),
    ),
  ).toEqual(ids.map((id) => `✓ PASS    ${id}`));
});

test("two remedies that differ are both shown, though check family and code are the same", () => {
  const same = { code: "config-missing", phase: "host" } as const;
  const text = pretty(
    unexplained([
      finding("config-files@/a", "fail", { ...same, target: { path: "/a" }, remedy: [{ text: "Register anew." }] }),
      finding("config-files@/b", "fail", { ...same, target: { path: "/b" }, remedy: [{ text: "Install anew." }] }),
    ]),
    PLAIN,
  );
  const [, group = ""] = `\n${text}`.split("\nThis host\n");
  expect(group).toContain("Register anew.");
  expect(group).toContain("Install anew.");
});

test("remedies that differ in the finding's own host and addresses only are shown once", () => {
  const unreachable = (name: string, address: string, family: 4 | 6) =>
    finding(`outgoing-${name}`, "fail", {
      code: "tcp-unreachable",
      target: { host: `${name}.example`, port: 443 },
      addresses: [{ address, family, ok: false, code: "tcp-unreachable", durationMs: 1 }],
      remedy: [{ text: `Check the route to ${name}.example.`, commands: [`ip route get ${address}`] }],
    });
  const text = pretty(
    unexplained([
      unreachable("a", "192.0.2.1", 4),
      unreachable("b", "198.51.100.7", 4),
      unreachable("c", "2001:db8::c", 6),
    ]),
    PLAIN,
  );
  expect(text.match(/Fix: .*/g)).toEqual([
    "Fix:      Check the route to a.example.",
    "Fix:      as for outgoing-a",
    "Fix:      as for outgoing-a",
  ]);
});

/** The rows of one heading of a report without causes. */
const rowsUnder = (heading: string, findings: readonly Finding[], style: Partial<Style> = {}): readonly string[] => {
  const [, group = ""] = `\n${pretty(unexplained(findings), { ...PLAIN, ...style })}`.split(`\n${heading}\n`);
  return (group.split("\n\n")[0] ?? "").split("\n");
};

describe("clients of one Local API", () => {
  const client = (name: string, rest: Parameters<typeof finding>[2] = {}): Finding =>
    finding(`lapi-reachable@${name}`, "pass", {
      title: "Local API accepts connections",
      summary: "Local API accepts connections",
      target: { host: "127.0.0.1", port: 8080, url: "http://127.0.0.1:8080/", origin: `/etc/${name}.yaml:1` },
      layers: [{ phase: "connect", ok: true, durationMs: 2 }],
      ...rest,
    });

  test("that read the same are one row with all their names", () => {
    expect(rowsUnder("Local API", [client("agent"), client("cscli"), client("firewall")])).toEqual([
      expect.stringMatching(/^✓ PASS {4}lapi-reachable {2}agent, cscli, firewall → 127\.0\.0\.1:8080 +2 ms$/),
    ]);
  });

  test("that go elsewhere have a row of their own", () => {
    const elsewhere = { host: "lapi.test", port: 8080, url: "http://lapi.test:8080/", origin: "x" };
    const rows = rowsUnder("Local API", [client("agent"), client("firewall", { target: elsewhere }), client("cscli")]);
    expect(rows).toEqual([expect.stringContaining("agent, cscli → 127"), expect.stringContaining("firewall → lapi")]);
  });

  test("that fail alike from two files are two rows: each may have to be changed", () => {
    const fail = { code: "tcp-refused", summary: "127.0.0.1:8080 refuses the connection" };
    const failing = ["agent", "firewall"].map((name) => ({
      ...client(name),
      ...finding(`lapi-reachable@${name}`, "fail", { ...fail, target: client(name).target ?? {} }),
    }));
    expect(rowsUnder("Local API", failing).filter((line) => line.startsWith("✗"))).toHaveLength(2);
    const same = failing.map((each) => ({ ...each, target: failing[0]?.target ?? {} }));
    expect(rowsUnder("Local API", same).filter((line) => line.startsWith("✗"))).toEqual([
      expect.stringContaining("lapi-reachable  agent, firewall → 127.0.0.1:8080"),
    ]);
  });

  test("by a unix socket show its path", () => {
    const target = { path: "/run/crowdsec/lapi.sock", url: "http://unix/", origin: "/etc/a.yaml:1" };
    const rows = (style: Partial<Style>) =>
      rowsUnder("Local API", [client("agent", { target }), client("cscli", { target })], style);
    expect(rows({})).toEqual([
      expect.stringMatching(/^✓ PASS {4}lapi-reachable {2}agent, cscli → \/run\/crowdsec\/lapi\.sock +2 ms$/),
    ]);
    expect(rows({ ascii: true })[0]).toContain("agent, cscli -> /run/crowdsec/lapi.sock");
  });

  test.each([40, 60, 100])("and their names stay whole at %d columns", (width) => {
    const names = Array.from({ length: 9 }, (_, index) => `crowdsec-very-long-bouncer-${index}`);
    const rows = rowsUnder(
      "Local API",
      names.map((name) => client(name)),
      { width },
    );
    expect(rows.filter((line) => line.length > width && !UNBROKEN.test(line))).toEqual([]);
    for (const name of names) expect(rows.join("\n")).toContain(name);
    expect(rows.filter((line) => line.startsWith("✓"))).toHaveLength(1);
  });
});

describe("targets by the dozen", () => {
  const target = (index: number, rest: Parameters<typeof finding>[2] = {}): Finding =>
    finding(`metrics-target@host-${index}.test:6060`, rest.code === undefined ? "pass" : "fail", {
      title: "Prometheus can scrape it",
      summary: "Prometheus can scrape it",
      target: { host: `host-${index}.test`, port: 6060 },
      layers: [{ phase: "connect", ok: rest.code === undefined, durationMs: index }],
      ...rest,
    });
  const many = (count: number, first = 0, rest: Parameters<typeof finding>[2] = {}): readonly Finding[] =>
    Array.from({ length: count }, (_, index) => {
      const { summary } = rest;
      return target(index + first, summary ? { ...rest, summary: `host-${index + first}.test ${summary}` } : rest);
    });
  const REFUSED = { code: "tcp-refused", summary: "refuses the connection" };

  test("have a row each as long as a screen can hold them", () => {
    expect(rowsUnder("Metrics", many(12))).toHaveLength(12);
  });

  test("that pass are one row, with how long the slowest took", () => {
    expect(rowsUnder("Metrics", many(400))).toEqual(["✓ PASS    metrics-target  400 targets  slowest 399 ms"]);
  });

  test("that fail alike are one row, which names a dozen and counts the rest", () => {
    const rows = rowsUnder("Metrics", many(20, 0, REFUSED));
    expect(rows[0]).toBe("✗ FAIL    metrics-target  20 targets");
    const told = rows.join(" ").replaceAll(/\s+/g, " ");
    expect(told).toContain("host-11.test:6060, and 8 more");
    expect(told).not.toContain("host-12.test:6060");
    expect(told.match(/Fix:/g)).toHaveLength(1);
  });

  test("of which few fail have those few named, every one", () => {
    const text = rowsUnder("Metrics", [...many(15), ...many(5, 15, REFUSED)]).join("\n");
    for (const index of [15, 16, 17, 18, 19]) expect(text).toContain(`host-${index}.test`);
  });

  test("that fail in two ways are two rows", () => {
    const rows = rowsUnder("Metrics", [
      ...many(14, 0, REFUSED),
      ...many(14, 14, { code: "tcp-timeout", summary: "is silent" }),
    ]);
    expect(rows.filter((line) => line.startsWith("✗"))).toEqual(Array(2).fill("✗ FAIL    metrics-target  14 targets"));
  });

  test("are told one by one by verbose", () => {
    const rows = rowsUnder("Metrics", many(20), { detail: "verbose" });
    expect(rows.filter((line) => line.startsWith("✓"))).toHaveLength(20);
  });

  test.each([40, 100])("fit into %d columns", (width) => {
    const rows = rowsUnder("Metrics", [...many(30), ...many(30, 30, REFUSED)], { width, ascii: true });
    expect(rows.filter((line) => line.length > width && !UNBROKEN.test(line))).toEqual([]);
    expect(rows.join("")).toMatch(ASCII);
  });
});
