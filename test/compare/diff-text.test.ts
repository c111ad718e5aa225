import { describe, expect, test } from "@jest/globals";
import { diff } from "../../src/compare/diff.ts";
import { diffText } from "../../src/compare/diff-text.ts";
import type { Document } from "../../src/compare/document.ts";
import type { CompareStyle } from "../../src/compare/sheet.ts";
import type { Finding, Report } from "../../src/model/report.ts";
import { agentReport, documentOf, reportOf } from "../support/comparisons.ts";
import { finding } from "../support/findings.ts";
import { expectGolden, expectNoOtherGoldens } from "../support/golden.ts";
import { REPORTS } from "../support/reports.ts";

const PLAIN: CompareStyle = { color: false, ascii: false, width: 80 };
const LATER = { id: "00000000-0000-4000-8000-000000000001", startedAt: "2026-06-16T12:00:00.000Z" };

const known = (name: string): Report => {
  const report = REPORTS[name];
  if (report === undefined) throw new Error(`no report ${name}`);
  return report;
};
const later = (report: Report, run: Partial<Report["run"]> = {}): Report => ({
  ...report,
  run: { ...report.run, ...LATER, ...run },
});

const web = (issuer: string, rest: Parameters<typeof finding>[2]): Finding =>
  finding("outgoing-capi", "pass", {
    layers: [
      { phase: "connect", ok: true, durationMs: 12 },
      { phase: "handshake", ok: true, durationMs: 31, detail: `TLSv1.3, ${issuer}` },
    ],
    ...rest,
  });
const address = (text: string): NonNullable<Finding["addresses"]>[number] => ({
  address: text,
  family: 4,
  ok: true,
  durationMs: 12,
  source: "10.3.0.7",
});

const agent = (rest: Partial<Parameters<typeof agentReport>[0]> = {}): Report =>
  agentReport({ name: "web-1", source: "10.3.0.7", ...rest });

/** Each pair, as people meet it. */
const PAIRS: Readonly<Record<string, readonly [before: Document, after: Document]>> = {
  same: [documentOf("monday.json", known("healthy")), documentOf("tuesday.json", later(known("healthy")))],
  broken: [documentOf("monday.json", agent()), documentOf("tuesday.json", agent({ lapi: "timeout", run: LATER }))],
  mended: [documentOf("monday.json", agent({ lapi: "refused" })), documentOf("tuesday.json", agent({ run: LATER }))],
  "two-hosts": [
    documentOf("web-1.json", agent()),
    documentOf("web-2.json", agentReport({ name: "web-2", source: "10.4.0.9", lapi: "unresolved" })),
  ],
  egress: [documentOf("before.json", known("healthy")), documentOf("after.json", later(known("egress-dropped")))],
  surroundings: [
    documentOf(
      "before.zip",
      reportOf([web("CN=R10, O=Let's Encrypt", { addresses: [address("203.0.113.7")] })], {
        engineVersion: "1.6.3",
        host: "web-1",
      }),
      { "api.server.listen_uri": "127.0.0.1:8080", "db_config.password": "REDACTED-1", "prometheus.enabled": "true" },
    ),
    documentOf(
      "after.zip",
      reportOf(
        [
          web("CN=Proxy CA, O=Example", {
            addresses: [address("203.0.113.8")],
            vantage: { user: "root", route: "proxy", proxy: "http://10.0.0.9:3128" },
            layers: [
              { phase: "connect", ok: true, durationMs: 12 },
              { phase: "handshake", ok: true, durationMs: 831, detail: "TLSv1.3, CN=Proxy CA, O=Example" },
            ],
          }),
        ],
        { engineVersion: "1.7.8", host: "web-1", toolVersion: "1.3.0", ...LATER },
      ),
      { "api.server.listen_uri": "0.0.0.0:8080", "db_config.password": "REDACTED-2", "common.log_level": "info" },
    ),
  ],
};

const STYLES: Readonly<Record<string, CompareStyle>> = {
  "-80": PLAIN,
  "-40": { ...PLAIN, width: 40 },
  "-80-ascii": { ...PLAIN, ascii: true },
  "-80-color": { ...PLAIN, color: true },
};

const goldens = Object.entries(PAIRS).flatMap(([name, pair]) =>
  Object.entries(STYLES).map(([suffix, style]) => [`${name}${suffix}.txt`, pair, style] as const),
);

describe("is as test/golden/diff shows it", () => {
  test.each(goldens)("%s", (file, [before, after], style) => {
    expectGolden("diff", file, diffText(diff(before, after), style));
  });

  test("and nothing else is there", () => {
    expectNoOtherGoldens(
      "diff",
      goldens.map(([file]) => file),
    );
  });
});

/** A single word may be longer: an address, an id. */
const tooWide = (text: string, width: number): readonly string[] =>
  text.split("\n").filter((line) => line.length > width && line.trim().replace(/^\S /, "").includes(" "));

test.each([40, 80, 120, 200])("no line is wider than %d columns", (width) => {
  for (const [before, after] of Object.values(PAIRS))
    expect(tooWide(diffText(diff(before, after), { ...PLAIN, width }), width)).toEqual([]);
});

test("colour changes no word", () => {
  for (const [before, after] of Object.values(PAIRS)) {
    const difference = diff(before, after);
    const colored = diffText(difference, { ...PLAIN, color: true });
    expect(colored.includes("\u001b[")).toBe(difference.changes.length > 0);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is taken out
    expect(colored.replace(/\u001b\[\d+m/g, "")).toBe(diffText(difference, PLAIN));
  }
});

test("what reads the same of many findings is one line, with their names", () => {
  const all = (status: "pass" | "fail"): Report =>
    reportOf(Array.from({ length: 30 }, (_none, index) => finding(`metrics-target@web-${index}:6060`, status)));
  const text = diffText(diff(documentOf("a", all("pass")), documentOf("b", all("fail"))), { ...PLAIN, width: 120 });
  expect(text.replace(/\s+/g, " ")).toMatch(
    /✗ metrics-target@web-0:6060, .* and 18 more: pass → fail \(tcp-timeout at connect\)/,
  );
});

test("of very many changes the first are shown, and how many more there are", () => {
  const all = (value: string): Document =>
    documentOf(
      value,
      reportOf([]),
      Object.fromEntries(Array.from({ length: 500 }, (_none, index) => [`k${index}`, value])),
    );
  const text = diffText(diff(all("a"), all("b")), PLAIN);
  expect(text).toContain("and 300 more: see with -o json");
  expect(text.split("\n").length).toBeLessThan(220);
});
