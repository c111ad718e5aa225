import type { Report, RunVerdict } from "../model/report.ts";
import { printable, wrap } from "../model/text.ts";
import type { Entry, Missing } from "./entry.ts";
import { distinctMissing } from "./missing.ts";
import { countByRule, type FileRemoval } from "./removals.ts";
import { SCHEDULED } from "./what.ts";

export interface ReadmeInput {
  readonly tool: { readonly name: string; readonly version: string };
  readonly at: Date;
  readonly host: string;
  readonly runId: string;
  readonly report: Report;
  readonly anonymized: boolean;
  /** All files but this one and the manifest. */
  readonly entries: readonly Pick<Entry, "name" | "what">[];
  readonly removals: readonly FileRemoval[];
  readonly missing: readonly Missing[];
  /** Where secrets stand that are too ordinary to be searched for. */
  readonly ordinary: readonly string[];
}

const WIDTH = 118;

const VERDICTS: Readonly<Record<RunVerdict, string>> = {
  ready: "ready",
  "ready-with-warnings": "ready, with warnings",
  "not-ready": "not ready",
  unknown: "not known: something could not be judged",
};

/** What Markdown would take for something else. */
const escaped = (text: string): string => printable(text, 4000).replace(/[\\`*<>[\]|#]/g, "\\$&");
const code = (text: string): string => `\`${printable(text, 4000).replaceAll("`", "'")}\``;

const paragraph = (text: string): string => wrap(text, WIDTH).join("\n");
/** A list's item; its lines stand below its first word. */
const item = (text: string): string =>
  wrap(text, WIDTH - 2)
    .map((line, index) => `${index === 0 ? "- " : "  "}${line}`)
    .join("\n");
const list = (items: readonly string[]): string => items.map(item).join("\n");

/** The folders of a bundle, in the order in which they are read; the empty name is the bundle itself. */
const FOLDERS: readonly (readonly [string, string])[] = [
  ["", "To begin with"],
  ["config/", "What CrowdSec is told"],
  ["logs/", "What was written into logs"],
  ["services/", "Services and processes"],
  ["system/", "The system"],
  ["files/", "Files of this host, by their own paths"],
];

const folderOf = (name: string): string => {
  const folder = name.includes("/") ? `${name.split("/")[0]}/` : "";
  return FOLDERS.some(([known]) => known === folder) ? folder : "";
};

/** The report comes before what it was made of. */
const FIRST = ["report.md", "report.json", "observations.json", "removals.txt"];
const rank = (name: string): number => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);

const plural = (count: number, one: string, many: string): string => (count === 1 ? one : many);

/** Files that are only here for what they could have held: how many, by folder. */
const summedUp = (names: readonly string[]): string => {
  const counts = new Map<string, number>();
  for (const folder of names.map((name) => name.replace(/[^/]*$/, "")).toSorted())
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  const places = [...counts].map(([folder, count]) => `${count} in ${code(folder)}`).join(", ");
  return `${names.length} ${plural(names.length, "file", "files")} ${SCHEDULED}: ${places}`;
};

const filesIn = (entries: ReadmeInput["entries"]): string =>
  FOLDERS.flatMap(([folder, title]) => {
    const all = entries.filter(({ name }) => folderOf(name) === folder);
    const searched = all.filter(({ what }) => what === SCHEDULED).map(({ name }) => name);
    const files = all
      .filter(({ what }) => what !== SCHEDULED)
      .toSorted((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1));
    if (all.length === 0) return [];
    const items = [
      ...files.map(({ name, what }) => `${code(name)}: ${escaped(what)}`),
      ...(searched.length === 0 ? [] : [summedUp(searched)]),
    ];
    return [`### ${title}\n\n${list(items)}`];
  }).join("\n\n");

const removedSection = ({ removals, anonymized, ordinary }: ReadmeInput): string => {
  const rules = countByRule(removals);
  const total = rules.reduce((sum, { count }) => sum + count, 0);
  const places = anonymized
    ? "Addresses and names were replaced by pseudonyms that keep family, subnets, and public and private apart. What is behind them stands in a map that stayed on the host."
    : "Addresses and host names are in it as they are: without them nobody can judge a connection.";
  if (total === 0) return `${paragraph("No secret was found in it, so none was taken out.")}\n\n${paragraph(places)}`;
  const times = plural(total, "Once something was", `${total} times something was`);
  return [
    paragraph(
      `${times} taken out, and replaced by a word such as \`REDACTED-3\`, the same for the same value everywhere, or by \`REMOVED\`. ${code("removals.txt")} has file, line and rule of each. Before this archive was put in its place it was searched for every secret that the files, environments and processes of this host hold${ordinary.length === 0 ? "" : ", but for those named below"}: none was left.`,
    ),
    list(rules.map(({ rule, count }) => `${count} × ${escaped(rule)}`)),
    paragraph(places),
  ].join("\n\n");
};

const ordinarySection = (ordinary: readonly string[]): string =>
  ordinary.length === 0
    ? ""
    : [
        "## Secrets that should be changed",
        "",
        paragraph(
          "These are so short, or such ordinary words, that they cannot be searched for everywhere: they were taken out where they stand as a secret. Who guesses passwords begins with such words.",
        ),
        "",
        list(ordinary.map((where) => escaped(where))),
        "",
        "",
      ].join("\n");

/** From so many on, one reason is said once, above what it holds for. */
const SHARED = 3;

const nested = (text: string): string =>
  item(text)
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");

const missingSection = (missing: readonly Missing[]): string => {
  if (missing.length === 0) return "Nothing that was asked for is missing.";
  const reasons = new Map<string, readonly string[]>();
  for (const { source, why } of distinctMissing(missing)) reasons.set(why, [...(reasons.get(why) ?? []), source]);
  return [...reasons]
    .flatMap(([why, sources]) =>
      sources.length < SHARED
        ? sources.map((source) => item(`${code(source)}: ${escaped(why)}`))
        : [[item(`${escaped(why)}:`), ...sources.map((source) => nested(code(source)))].join("\n")],
    )
    .join("\n");
};

/** In the order in which most causes are found. */
const READING: readonly (readonly string[])[] = [
  ["logs/crowdsec.log", "logs/journal-crowdsec.service.txt"],
  ["config/merged.yaml", "config/acquisition.txt"],
  ["system/time.txt", "system/sockets.txt"],
];

/** `a and b, then c`: those that are there. */
const readingOrder = (entries: ReadmeInput["entries"]): string =>
  READING.map((names) =>
    names
      .filter((name) => entries.some((entry) => entry.name === name))
      .map(code)
      .join(" and "),
  )
    .filter((step) => step !== "")
    .join(", then ");

/** Of a run that looked at the host itself. */
const judged = ({ summary, run }: Report): string => {
  const { counts } = summary;
  const engine = run.engineVersion === undefined ? "" : `, for CrowdSec ${escaped(run.engineVersion)}`;
  return `${VERDICTS[summary.verdict]} (${counts.fail} failed, ${counts.warn} warned, ${counts.unknown} could not be judged)${engine}`;
};

/** README.md of a bundle: what it is, how it is read, what was taken out and what is not in it. */
export const readme = (input: ReadmeInput): string => {
  const { tool, at, host, runId, report, anonymized, entries, missing, ordinary } = input;
  const again = `${tool.name} check --from FILE`;
  const order = readingOrder(entries);
  return `# Support bundle of ${escaped(host)}

${paragraph(
  `This archive shows how CrowdSec fares on this host, so that somebody else can judge it from afar. Nothing on the host was changed, started or stopped for it, and nobody logged in to CrowdSec's Central API. It was made by ${tool.name} ${escaped(tool.version)}; its files are text.`,
)}

${list([
  `Host: ${escaped(host)}`,
  `Made: ${at.toISOString()}`,
  `Verdict: ${judged(report)}`,
  `Run: ${code(runId)}`,
  `Pseudonyms in place of addresses and names: ${anonymized ? "yes" : "no"}`,
])}

## How to read it

${list([
  `${code("report.md")} first: what is wrong, whose it is, and what mends it.`,
  ...(order === "" ? [] : [`Then ${order}.`]),
  `To judge it again, offline, with the rules of the version at hand: ${code(again)}, FILE being this archive.`,
  `${code("manifest.json")} has length and SHA-256 of every file; an archive that was changed is refused.`,
])}

## What was taken out

${removedSection(input)}

${ordinarySection(ordinary)}## What is not in it

${missingSection(missing)}

## Files

${filesIn(entries)}
`;
};
