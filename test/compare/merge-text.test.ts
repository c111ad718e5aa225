import { describe, expect, test } from "@jest/globals";
import type { Document } from "../../src/compare/document.ts";
import { merge } from "../../src/compare/merge.ts";
import { mergeText } from "../../src/compare/merge-text.ts";
import type { CompareStyle } from "../../src/compare/sheet.ts";
import { type Agent, agentReport, documentOf, reportOf, TWENTY } from "../support/comparisons.ts";
import { finding } from "../support/findings.ts";
import { expectGolden, expectNoOtherGoldens } from "../support/golden.ts";
import { REPORTS } from "../support/reports.ts";

const PLAIN: CompareStyle = { color: false, ascii: false, width: 80 };

const agents = (list: readonly Agent[]): readonly Document[] =>
  list.map((agent) => documentOf(`${agent.name}.json`, agentReport(agent)));

/** Most of them well; some of one network cannot reach the Local API, some of another do not resolve it. */
const TWO_HUNDRED = agents(
  Array.from({ length: 200 }, (_none, index) => {
    const name = `web-${String(index).padStart(3, "0")}.prod.example`;
    const site = index % 10;
    const source = `10.${site}.${index >> 4}.${(index & 15) + 1}`;
    if (site === 3) return { name, source, lapi: "timeout" as const };
    return site === 7 ? { name, source, lapi: "unresolved" as const } : { name, source };
  }),
);

/** Hosts of which no two came out alike: no letters stand for them. */
const MOTLEY: readonly Document[] = Array.from({ length: 12 }, (_none, index) => {
  const name = `host-${String.fromCharCode(97 + index)}`;
  const findings = ["clock", "disk-space", "lapi-reachable", "memory"].map((id, bit) =>
    finding(id, (index >> bit) & 1 ? (bit === 0 ? "warn" : "fail") : "pass", { title: id }),
  );
  return documentOf(`${name}.json`, reportOf(findings, { host: name }));
});

const FLEETS: Readonly<Record<string, readonly Document[]>> = {
  three: [TWENTY[0], TWENTY[1], TWENTY[19]].flatMap((document) => document ?? []),
  twenty: TWENTY,
  "two-hundred": TWO_HUNDRED,
  motley: MOTLEY,
  healthy: TWENTY.slice(17),
  kinds: ["healthy", "egress-dropped", "lapi-refused", "interrupted"].flatMap((name) => {
    const report = REPORTS[name];
    return report === undefined ? [] : [documentOf(`reports/${name}.json`, report)];
  }),
};

const STYLES: Readonly<Record<string, CompareStyle>> = {
  "-80": PLAIN,
  "-40": { ...PLAIN, width: 40 },
  "-80-ascii": { ...PLAIN, ascii: true },
  "-80-color": { ...PLAIN, color: true },
};

const goldens = Object.entries(FLEETS).flatMap(([name, fleet]) =>
  Object.entries(STYLES).map(([suffix, style]) => [`${name}${suffix}.txt`, fleet, style] as const),
);

describe("is as test/golden/merge shows it", () => {
  test.each(goldens)("%s", (file, fleet, style) => {
    expectGolden("merge", file, mergeText(merge(fleet), style));
  });

  test("and nothing else is there", () => {
    expectNoOtherGoldens(
      "merge",
      goldens.map(([file]) => file),
    );
  });
});

/** A single word may be longer: a host's name, an id. */
const tooWide = (text: string, width: number): readonly string[] =>
  text.split("\n").filter((line) => line.length > width && line.trim().replace(/^\S /, "").includes(" "));

test.each([40, 80, 120, 200])("no line is wider than %d columns, however many hosts there are", (width) => {
  for (const fleet of Object.values(FLEETS))
    expect(tooWide(mergeText(merge(fleet), { ...PLAIN, width }), width)).toEqual([]);
});

test("colour changes no word, and no column", () => {
  for (const fleet of Object.values(FLEETS)) {
    const colored = mergeText(merge(fleet), { ...PLAIN, color: true });
    expect(colored).toContain("\u001b[");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is taken out
    expect(colored.replace(/\u001b\[\d+m/g, "")).toBe(mergeText(merge(fleet), PLAIN));
  }
});

test("few hosts stand under their names, many under letters that are explained, and where that does not fit, in a list", () => {
  expect(mergeText(merge(FLEETS["three"] ?? []), PLAIN)).toMatch(/^CHECK +agent-01 +agent-02 +agent-20$/m);
  const many = mergeText(merge(TWENTY), PLAIN);
  expect(many).toMatch(/^CHECK +A: 17 hosts +B: 3 hosts$/m);
  expect(many).toMatch(/^B {2}agent-18, agent-19, agent-20$/m);
  const motley = mergeText(merge(MOTLEY), PLAIN);
  expect(motley).toMatch(/^! clock: 6 warn \(group \d\), 6 pass$/m);
  expect(motley).toMatch(/^group \d {2}host-b, host-d, host-f, host-h, host-j, host-l$/m);
});

test("symbol and word stand together in every cell", () => {
  expect(mergeText(merge(TWENTY), { ...PLAIN, ascii: true })).toMatch(/^lapi-reachable +x fail +\+ pass$/m);
});

test("every trait that tells hosts apart has its words, of several hosts and of one", () => {
  const two = (failing: number, passing: number): string =>
    mergeText(
      merge(
        Array.from({ length: failing + passing }, (_none, index) => {
          const fails = index < failing;
          const version = fails ? "1.6.2" : "1.7.8";
          return documentOf(
            `h${index}`,
            reportOf([finding("clock", fails ? "fail" : "pass")], { engineVersion: version }),
          );
        }),
      ),
      PLAIN,
    );
  expect(two(1, 1)).toContain("It has CrowdSec 1.6.2; the one that passes has not.");
  expect(two(1, 3)).toContain("It has CrowdSec 1.6.2; none of the 3 that pass has.");
  expect(two(2, 1)).toContain("Both have CrowdSec 1.6.2; the one that passes has not.");
  expect(two(3, 2)).toContain("All 3 have CrowdSec 1.6.2; none of the 2 that pass has.");
});

test("where the failing have nothing of their own, nothing is said of it", () => {
  const alike = [0, 1, 2].map((index) =>
    documentOf(`h${index}`, reportOf([finding("clock", index < 2 ? "fail" : "pass")])),
  );
  expect(mergeText(merge(alike), PLAIN)).toMatch(/\(tcp-timeout\): h0, h1\n\n/);
});

test("the verdicts stand first, then what fails, before the table", () => {
  const text = mergeText(merge(TWENTY), PLAIN);
  expect(text).toMatch(
    /^20 hosts: 17 NOT READY; 3 READY\n\n✗ lapi-reachable: 17 of 20 hosts fail at connect \(tcp-timeout\): those of A\n/,
  );
  expect(text.indexOf("✗ lapi-reachable")).toBeLessThan(text.indexOf("CHECK"));
});

/** Each fails at some of these checks, in one of three ways, with causes that several share. */
const mixed = (count: number): readonly Document[] =>
  Array.from({ length: count }, (_none, index) => {
    const findings = Array.from({ length: 8 }, (_each, check) =>
      finding(`check-${check}`, (index * 7 + check * 5) % (check + 3) === 0 ? "fail" : "pass", {
        code: ["tcp-timeout", "tcp-refused", "dns-timeout"][(index + check) % 3] ?? "",
      }),
    );
    return documentOf(`h${index}`, reportOf(findings, { host: `agent-${String(index).padStart(2, "0")}` }));
  });

test.each([20, 60])("of %d hosts with mixed faults every host is named, and each group of them once", (count) => {
  const text = mergeText(merge(mixed(count)), PLAIN);
  expect(text.split("\n").length).toBeLessThan(90);
  expect(text).not.toMatch(/ and \d+ more(?!.*-o json)/);
  const lists = [...text.replace(/\n +/g, " ").matchAll(/(?:agent-\d\d, ){4,}agent-\d\d/g)].map(([list]) => list);
  expect(lists.length).toBeGreaterThan(0);
  expect(new Set(lists).size).toBe(lists.length);
});

test("names that were cut off are said to be in -o json", () => {
  const fleet = Array.from({ length: 100 }, (_none, index) =>
    documentOf(`h${index}`, reportOf([finding("clock", index < 90 ? "fail" : "pass")], { host: `h${index}` })),
  );
  expect(mergeText(merge(fleet), PLAIN).replace(/\s+/g, " ")).toContain("and 30 more; all of them with -o json");
});

test("long names are columns where the terminal has room for them", () => {
  const long = ["a", "b", "c"].map((letter) => letter.repeat(25));
  const fleet = long.map((host, index) =>
    documentOf(host, reportOf([finding("clock", index === 0 ? "fail" : "pass")], { host })),
  );
  const heads = new RegExp(`^CHECK +${long.join(" +")}$`, "m");
  expect(mergeText(merge(fleet), { ...PLAIN, width: 140 })).toMatch(heads);
  expect(mergeText(merge(fleet), PLAIN)).toMatch(/^CHECK +A: 1 host +B: 2 hosts$/m);
});

test("a thousand hosts that all fail differently are a page, not a book", () => {
  const many = Array.from({ length: 1000 }, (_none, index) =>
    documentOf(
      `h${index}`,
      reportOf(
        Array.from({ length: 60 }, (_each, check) => finding(`check-${check}`, "fail", { code: `code-${index % 50}` })),
      ),
    ),
  );
  const begun = performance.now();
  expect(mergeText(merge(many), PLAIN).split("\n").length).toBeLessThan(1200);
  expect(performance.now() - begun).toBeLessThan(10_000);
});
