import { STATUSES, type Status } from "../model/report.ts";
import { VERDICTS } from "../model/shown.ts";
import { counted } from "../model/text.ts";
import type { Trait, TraitKind } from "./common.ts";
import type { CheckRow, Failure, FailureGroup, MergeReport, SharedCause } from "./merge.ts";
import { byVerdict, byWeight } from "./rank.ts";
import { type CompareStyle, createSheet, listed, type Sheet } from "./sheet.ts";

interface TraitWords {
  /** Of several hosts, and of one. `{value}`. */
  readonly many: string;
  readonly one: string;
  /** What others do not: `none of them does`. */
  readonly not: "does" | "has" | "is" | "was";
}

const TRAIT_WORDS: Readonly<Record<TraitKind, TraitWords>> = {
  subnet: { many: "have their own address in {value}", one: "has its own address in {value}", not: "has" },
  target: { many: "ask {value}", one: "asks {value}", not: "does" },
  address: { many: "connect to {value}", one: "connects to {value}", not: "does" },
  proxy: { many: "go through the proxy {value}", one: "goes through the proxy {value}", not: "does" },
  route: { many: "have the route {value}", one: "has the route {value}", not: "has" },
  resolver: { many: "have the nameserver {value}", one: "has the nameserver {value}", not: "has" },
  engine: { many: "have CrowdSec {value}", one: "has CrowdSec {value}", not: "has" },
  role: { many: "have the role {value}", one: "has the role {value}", not: "has" },
  namespace: { many: "are in {value}", one: "is in {value}", not: "is" },
  family: { many: "use {value}", one: "uses {value}", not: "does" },
  environment: { many: "have the environment of {value}", one: "has the environment of {value}", not: "has" },
  user: { many: "were looked at as {value}", one: "was looked at as {value}", not: "was" },
  phase: { many: "are in the phase {value}", one: "is in the phase {value}", not: "is" },
  tool: { many: "were looked at by version {value}", one: "was looked at by version {value}", not: "was" },
};

/** More columns than this are not compared with ease. */
const MOST_COLUMNS = 8;
const GAP = 2;
/** More causes than this are counted. */
const MOST_CAUSES = 12;
/** More failures than this, and more ways in which one check fails, are counted. */
const MOST_FAILURES = 20;
const MOST_WAYS = 6;
/** More hosts than this are a group, which is spelled out once, and of these more than that are counted. */
const MOST_NAMES = 4;
const MOST_IN_GROUP = 60;
/** Of hosts on which all is well, fewer are wanted. */
const MOST_WELL = 12;
/** More groups than this are counted by their hosts only. */
const MOST_GROUPS = 26;
/** More checks than this that fail together are counted. */
const MOST_CHECKS = 6;

const verb = (count: number, one: string, many: string): string => (count === 1 ? one : many);

/** `All 17 have their own address in 10.3.0.0/16; none of the 3 that pass has.` */
const traitText = ({ kind, value, of }: Trait, failing: number, passing: number): string => {
  const { many, one, not } = TRAIT_WORDS[kind];
  const [count, others] = of === "failing" ? [failing, passing] : [passing, failing];
  const all = count === 2 ? "Both" : `All ${count}`;
  const who = of === "failing" ? all : `${all} that pass`;
  const said = count === 1 ? `It ${one}` : `${who} ${many}`;
  const what = of === "failing" ? verb(others, "passes", "pass") : verb(others, "fails", "fail");
  const rest = others === 1 ? `the one that ${what} ${not} not` : `none of the ${others} that ${what} ${not}`;
  return `${said.replace("{value}", () => value)}; ${rest}.`;
};

/** Values of one kind are told in one sentence. */
const joined = (traits: readonly Trait[]): readonly Trait[] => {
  const kinds = new Map<string, Trait>();
  for (const trait of traits) {
    const key = `${trait.kind} ${trait.of}`;
    const known = kinds.get(key);
    kinds.set(key, known === undefined ? trait : { ...known, value: `${known.value} and ${trait.value}` });
  }
  return [...kinds.values()];
};

/** What is no network has no layer to fail at. */
const wayWords = ({ phase, code }: FailureGroup): string => (phase === "host" ? `(${code})` : `at ${phase} (${code})`);

const failureLines = (
  { checks, failing, passing, groups }: Failure,
  hostCount: number,
  name: (hosts: readonly string[]) => string,
  { marked, paragraph }: Sheet,
): readonly string[] => {
  const judged = failing.length + passing.length;
  const unjudged = hostCount - judged;
  const [first] = groups;
  const isOne = groups.length === 1 && first !== undefined;
  const fails = `${failing.length} of ${counted(judged, "host")} ${verb(failing.length, "fails", "fail")}`;
  const beside = unjudged === 0 ? "" : ` (${unjudged} more ${verb(unjudged, "was", "were")} not judged)`;
  const names = listed(checks, MOST_CHECKS);
  const how = isOne ? ` ${wayWords(first)}` : "";
  const traits = (group: FailureGroup, indent: number): readonly string[] =>
    joined(group.traits).flatMap((trait) => paragraph(indent, traitText(trait, group.hosts.length, passing.length)));
  const body = isOne
    ? traits(first, 4)
    : groups
        .slice(0, MOST_WAYS)
        .flatMap((group) => [
          ...paragraph(4, `${group.hosts.length} ${wayWords(group)}: ${name(group.hosts)}`),
          ...traits(group, 6),
        ]);
  const left = groups.length - MOST_WAYS;
  const more = left > 0 ? paragraph(4, `and in ${left} more ways: see with -o json`) : [];
  const who = isOne ? `: ${name(first.hosts)}` : "";
  return [...marked("fail", `${names}: ${fails}${how}${beside}${who}`), ...body, ...more];
};

/** Hosts that came out alike. */
interface Column {
  readonly head: string;
  readonly hosts: readonly string[];
  readonly statuses: readonly (Status | null)[];
}

const columnsOf = (rows: readonly CheckRow[], hosts: readonly string[]): readonly Column[] => {
  const groups = new Map<string, { readonly hosts: string[]; readonly statuses: readonly (Status | null)[] }>();
  for (const [index, host] of hosts.entries()) {
    const statuses = rows.map((row) => row.statuses[index] ?? null);
    const group = groups.get(JSON.stringify(statuses));
    if (group) group.hosts.push(host);
    else groups.set(JSON.stringify(statuses), { hosts: [host], statuses });
  }
  // Those with more failures first, then the larger ones.
  const failures = ({ statuses }: { readonly statuses: readonly (Status | null)[] }): number =>
    statuses.filter((status) => status === "fail").length;
  return [...groups.values()]
    .sort((one, other) => failures(other) - failures(one) || other.hosts.length - one.hosts.length)
    .map((group, index) => ({
      ...group,
      head: `${String.fromCharCode(65 + index)}: ${counted(group.hosts.length, "host")}`,
    }));
};

/** Each host under its name, where that is readable. */
const namedColumns = (rows: readonly CheckRow[], hosts: readonly string[]): readonly Column[] =>
  hosts.map((head, index) => ({ head, hosts: [head], statuses: rows.map((row) => row.statuses[index] ?? null) }));

const cellWidth = (status: Status | null): number => (status === null ? 0 : status.length + 2);

/** The table, or undefined where it does not fit. */
const table = (rows: readonly CheckRow[], columns: readonly Column[], sheet: Sheet): readonly string[] | undefined => {
  const first = Math.max("CHECK".length, ...rows.map(({ id }) => id.length));
  const widths = columns.map(({ head, statuses }) => Math.max(head.length, ...statuses.map(cellWidth)));
  const total = widths.reduce((sum, one) => sum + GAP + one, first);
  if (columns.length > MOST_COLUMNS || total > sheet.width) return undefined;
  const gap = " ".repeat(GAP);
  const head = columns.map((column, index) => column.head.padEnd(widths[index] ?? 0)).join(gap);
  const lines = rows.map(({ id }, row) => {
    const cells = columns.map(({ statuses }, index) => {
      const status = statuses[row] ?? null;
      const shown = status === null ? "" : sheet.badge(status, status);
      return shown + " ".repeat((widths[index] ?? 0) - cellWidth(status));
    });
    return `${id.padEnd(first)}${gap}${cells.join(gap)}`.trimEnd();
  });
  return [sheet.paint("bold", `${"CHECK".padEnd(first)}${gap}${head}`.trimEnd()), ...lines];
};

/** Where no table fits: a line for each check that fails nowhere, with the hosts behind the number. */
const list = (
  rows: readonly CheckRow[],
  hosts: readonly string[],
  name: (hosts: readonly string[]) => string,
  { marked }: Sheet,
): readonly string[] =>
  rows.flatMap(({ id, counts, statuses }) => {
    // What fails is told already, with its hosts.
    if (counts.fail > 0) return [];
    const present = STATUSES.filter((status) => counts[status] > 0).sort(byWeight);
    const told = present.map((status) => {
      const names = hosts.filter((_host, index) => statuses[index] === status);
      const isNamed = status !== "pass" && status !== "skip";
      return `${counts[status]} ${status}${isNamed ? ` (${name(names)})` : ""}`;
    });
    return marked(present[0] ?? "skip", `${id}: ${told.join(", ")}`);
  });

const isTrouble = ({ counts }: CheckRow): boolean => counts.fail + counts.unknown + counts.warn > 0;

/** The table, and the letters of it that stand for hosts; no lines where it does not fit. */
interface Overview {
  readonly lines: readonly string[];
  readonly letters: readonly Column[];
}

const overview = (rows: readonly CheckRow[], hosts: readonly string[], sheet: Sheet): Overview => {
  const byName = table(rows, namedColumns(rows, hosts), sheet);
  if (byName !== undefined) return { lines: byName, letters: [] };
  const alike = columnsOf(rows, hosts);
  const byLetter = table(rows, alike, sheet);
  return byLetter === undefined ? { lines: [], letters: [] } : { lines: byLetter, letters: alike };
};

const isWell = (status: Status | null): boolean => status === null || status === "pass" || status === "skip";

const letterOf = (head: string): string => head.charAt(0);

/** Whoever is meant, short: many hosts are spelled out once, at the end. */
interface Names {
  name(hosts: readonly string[]): string;
  /** What letters and numbers stand for. */
  legend(): readonly string[];
}

/** Hosts by name; more of them by the letters of the table where these stand for just them, else by a number of their own. */
const createNames = (letters: readonly Column[], all: readonly string[], { paragraph }: Sheet): Names => {
  const groups = new Map<string, { readonly label: string; readonly hosts: readonly string[] }>();
  const labelOf = (hosts: readonly string[]): string => {
    const key = JSON.stringify(hosts);
    const known = groups.get(key);
    if (known !== undefined) return known.label;
    if (groups.size >= MOST_GROUPS) return `${listed(hosts, MOST_NAMES - 1)} (see with -o json)`;
    const label = `group ${groups.size + 1}`;
    groups.set(key, { label, hosts });
    return label;
  };
  const behind = (label: string, text: string): readonly string[] => {
    const indent = label.length + 2;
    return paragraph(indent, text).map((line, index) => (index === 0 ? `${label}  ${line.slice(indent)}` : line));
  };
  const spelled = (hosts: readonly string[], most: number): string =>
    `${listed(hosts, most)}${hosts.length > most + 1 ? "; all of them with -o json" : ""}`;
  /** By the groups that make it up, where they do. */
  const meaningOf = ({ hosts, statuses }: Column): string => {
    const own = new Set(hosts);
    const parts = [...groups.values()].filter((group) => group.hosts.every((host) => own.has(host)));
    const inParts = parts.flatMap((group) => group.hosts);
    if (inParts.length === own.size && new Set(inParts).size === own.size)
      return parts.map(({ label }) => label).join(" and ");
    return spelled(hosts, statuses.every(isWell) ? MOST_WELL : MOST_IN_GROUP);
  };
  return {
    name: (hosts) => {
      const wanted = new Set(hosts);
      if (wanted.size <= MOST_NAMES) return listed(hosts);
      if (wanted.size === all.length) return `all ${all.length}`;
      const own = letters.filter((column) => column.hosts.every((host) => wanted.has(host)));
      const covered = own.reduce((sum, column) => sum + column.hosts.length, 0);
      return covered === wanted.size
        ? `those of ${own.map(({ head }) => letterOf(head)).join(" and ")}`
        : labelOf(hosts);
    },
    legend: () => [
      ...letters.flatMap((column) => behind(letterOf(column.head), meaningOf(column))),
      ...[...groups.values()].flatMap(({ label, hosts }) => behind(label, spelled(hosts, MOST_IN_GROUP))),
    ],
  };
};

const causeLines = (
  causes: readonly SharedCause[],
  hostCount: number,
  name: (hosts: readonly string[]) => string,
  { paragraph }: Sheet,
): readonly string[] => [
  ...causes
    .slice(0, MOST_CAUSES)
    .flatMap(({ id, summary, hosts }) => [
      ...paragraph(0, `${id}: ${hosts.length} of ${counted(hostCount, "host")}, ${name(hosts)}`),
      ...paragraph(4, summary),
    ]),
  ...(causes.length > MOST_CAUSES ? [`and ${causes.length - MOST_CAUSES} more: see with -o json`] : []),
];

/** A merge for people: the verdicts, what fails and what the failing have in common, the causes; then every check. */
export const mergeText = ({ remarks, hosts, checks, failures, causes }: MergeReport, style: CompareStyle): string => {
  const sheet = createSheet(style);
  const { paint, marked, paragraph } = sheet;
  const names = hosts.map(({ name }) => name);
  const lines: string[] = [];
  const section = (title: string, body: readonly string[]): void => {
    if (body.length === 0) return;
    if (lines.length > 0) lines.push("");
    if (title !== "") lines.push(paint("bold", title));
    lines.push(...body);
  };
  const verdicts = [...new Set(hosts.map(({ verdict }) => verdict))].sort(byVerdict);
  const told = verdicts.map((one) => `${hosts.filter(({ verdict }) => verdict === one).length} ${VERDICTS[one]}`);
  section("", [
    ...paragraph(0, `${counted(hosts.length, "host")}: ${told.join("; ")}`).map((line) => paint("bold", line)),
    ...remarks.flatMap((remark) => paragraph(0, remark)),
  ]);
  const trouble = checks.filter(isTrouble);
  const { lines: rows, letters } = trouble.length === 0 ? { lines: [], letters: [] } : overview(trouble, names, sheet);
  const { name, legend } = createNames(letters, names, sheet);
  section("", [
    ...failures.slice(0, MOST_FAILURES).flatMap((each) => failureLines(each, hosts.length, name, sheet)),
    ...(failures.length > MOST_FAILURES ? [`and ${failures.length - MOST_FAILURES} more: see with -o json`] : []),
  ]);
  section("Causes", causeLines(causes, hosts.length, name, sheet));
  section("", rows.length > 0 ? rows : list(trouble, names, name, sheet));
  section("", legend());
  const well = checks.filter((row) => !isTrouble(row));
  const passing = well.filter(({ counts }) => counts.pass > 0).map(({ id }) => id);
  const skipped = well.filter(({ counts }) => counts.pass === 0).map(({ id }) => id);
  section("", [
    ...(passing.length === 0 ? [] : marked("pass", `pass wherever they were judged: ${listed(passing)}`)),
    ...(skipped.length === 0 ? [] : marked("skip", `skip everywhere: ${listed(skipped)}`)),
  ]);
  return sheet.page(lines);
};
