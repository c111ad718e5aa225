import type { Finding, Report, Status } from "../model/report.ts";
import { BLOCK, createMarkdownPage, symbolOf } from "./markdown-page.ts";
import { cell, code, prose } from "./markdown-text.ts";
import { lookedAtAs, outcome, VERDICTS } from "./pretty.ts";
import { createCauses } from "./pretty-causes.ts";
import { createFindings } from "./pretty-findings.ts";
import type { Style } from "./pretty-page.ts";

/** GitHub takes 65,536 characters for an issue; whoever pastes it wants to add a sentence. */
const LIMIT = 60_000;
/** Of these, what says that something was left out. */
const NOTE = 300;

/** What is kept where not all fits, first to last; what failed or warns is told above the table. */
const KEPT: readonly Status[] = ["unknown", "skip", "pass"];

const isFaulty = ({ status }: Finding): boolean => status === "fail" || status === "warn";

/** Whole items of a text, with the words for how many of them there are. */
interface Section {
  readonly heading: string;
  readonly blocks: readonly string[];
  readonly words: readonly [one: string, many: string];
}

const count = (number: number, [one, many]: Section["words"]): string => `${number} ${number === 1 ? one : many}`;

const trimmed = (lines: readonly string[]): string => lines.join("\n").trim();

/** Rows begin where a line does with a badge. */
const apart = (lines: readonly string[]): readonly string[] =>
  lines
    .reduce<string[][]>((blocks, line) => {
      if (line.startsWith(BLOCK)) blocks.push([]);
      blocks.at(-1)?.push(line);
      return blocks;
    }, [])
    .map(trimmed);

/** What is wrong: each cause, then what failed or warns and no cause explains. */
const sectionsOf = ({ causes, findings }: Report, detail: Style["detail"]): readonly Section[] => {
  const page = createMarkdownPage(detail);
  const told = createFindings(page);
  const causeLines = createCauses(page, told, findings);
  const explained = new Set(causes.flatMap(({ explains }) => explains));
  const others = findings.filter((finding) => isFaulty(finding) && !explained.has(finding.instance));
  return [
    {
      heading: causes.length === 1 ? "### What is wrong" : `### What is wrong: ${causes.length} causes`,
      blocks: causes.map((cause) => trimmed(causeLines(cause))),
      words: ["cause", "causes"] as const,
    },
    {
      heading: causes.length === 0 ? "### What failed or warns" : "### What else failed or warns",
      blocks: apart(told.rows(others)),
      words: ["finding that failed or warns", "findings that failed or warn"] as const,
    },
  ].filter(({ blocks }) => blocks.length > 0);
};

const lengthOf = (texts: readonly string[]): number => texts.reduce((sum, text) => sum + text.length + 2, 0);

/** The items from the first on that fit together. */
const fitting = <T>(items: readonly T[], room: number, lengthOfOne: (item: T) => number): readonly T[] => {
  let left = room;
  const end = items.findIndex((item) => {
    left -= lengthOfOne(item);
    return left < 0;
  });
  return end === -1 ? items : items.slice(0, end);
};

/** Sections, as much of them as there is room for, and what was left out. */
const within = (
  sections: readonly Section[],
  room: number,
): { readonly texts: readonly string[]; readonly left: readonly string[] } => {
  const texts: string[] = [];
  const left: string[] = [];
  for (const { heading, blocks, words } of sections) {
    const taken = room - lengthOf(texts) - lengthOf([heading]);
    const shown = fitting(blocks, taken, (block) => lengthOf([block]));
    if (shown.length > 0) texts.push(heading, ...shown);
    if (shown.length < blocks.length) left.push(count(blocks.length - shown.length, words));
  }
  return { texts, left };
};

const rowOf = ({ instance, status, summary }: Finding): string =>
  `| ${cell(code(instance))} | ${symbolOf(status)} ${status} | ${cell(prose(summary))} |`;

/** Folded; GitHub and Discourse read Markdown inside of it only between blank lines. */
const folded = (title: string, lines: readonly string[]): readonly string[] => [
  `<details><summary>${title}</summary>`,
  "",
  ...lines,
  "",
  "</details>",
];

const TABLE = ["| check | status | summary |", "|---|---|---|"] as const;

/** Everything that neither failed nor warns, as a folded table. */
const others = (
  { findings }: Report,
  room: number,
): { readonly lines: readonly string[]; readonly left: readonly string[] } => {
  const listed = findings.filter((finding) => !isFaulty(finding) && finding.reason !== "not selected");
  if (listed.length === 0) return { lines: [], left: [] };
  const counted = (list: readonly Finding[]): readonly string[] =>
    KEPT.map((status) => [list.filter((finding) => finding.status === status).length, status] as const)
      .filter(([number]) => number > 0)
      .map(([number, status]) => `${number} ${status}`)
      .reverse();
  const title = `Everything else: ${counted(listed).join(", ")}`;
  const rows = listed
    .map((finding) => ({ finding, row: rowOf(finding) }))
    .sort((a, b) => KEPT.indexOf(a.finding.status) - KEPT.indexOf(b.finding.status));
  const shown = new Map(
    fitting(rows, room - lengthOf(folded(title, TABLE)), ({ row }) => row.length + 1).map(({ finding, row }) => [
      finding,
      row,
    ]),
  );
  const lines = listed.flatMap((finding) => shown.get(finding) ?? []);
  return {
    lines: lines.length === 0 ? [] : folded(title, [...TABLE, ...lines]),
    left: counted(listed.filter((finding) => !shown.has(finding))).map((text) => `${text} in the table`),
  };
};

const unique = (list: readonly string[]): readonly string[] => [...new Set(list)];

/** By which tool, on what, as whom and when: one line. */
const facts = ({ tool, run, findings }: Report): string => {
  const namespaces = unique(findings.flatMap(({ vantage }) => vantage.namespace ?? []));
  return [
    `${tool.name} ${tool.version} on ${tool.runtime}`,
    lookedAtAs(run),
    ...(run.host === undefined ? [] : [`host ${run.host}`]),
    `as ${unique(findings.map(({ vantage }) => vantage.user)).join(", ") || "nobody"}`,
    ...(namespaces.length === 0 ? [] : [`inside ${namespaces.join(", ")}`]),
    run.startedAt,
    ...(run.from === undefined
      ? []
      : [`judged again at ${run.from.judgedAt} from ${run.from.bundle}, made by ${run.from.toolVersion}`]),
  ]
    .map(prose)
    .join(" · ");
};

/**
 * A report to be pasted into an issue, a forum or a chat: the verdict first, each cause with its remedies, the rest folded;
 * never longer than an issue may be. Nothing from the report becomes mark-up, a link or a mention.
 */
export const markdown = (report: Report): string => {
  const head = [
    `## ${prose(report.tool.name)}: ${VERDICTS[report.summary.verdict]}`,
    "",
    `${prose(outcome(report)).replace(/[^.]$/, "$&.")}`,
  ];
  const foot = facts(report);
  const room = LIMIT - NOTE - lengthOf([...head, foot]);
  const normal = sectionsOf(report, "normal");
  const isShort = within(normal, room).left.length === 0;
  const wrong = within(isShort ? normal : sectionsOf(report, "quiet"), room);
  const rest = others(report, room - lengthOf(wrong.texts));
  const left = [...wrong.left, ...rest.left];
  return `${[
    head.join("\n"),
    ...wrong.texts,
    ...(rest.lines.length === 0 ? [] : [rest.lines.join("\n")]),
    ...(isShort ? [] : ["Told in short, since an issue has a limit; `-o json` has all of it."]),
    ...(left.length === 0
      ? []
      : [`Left out, since an issue has a limit: ${left.join(", ")}; \`-o json\` has all of it.`]),
    foot,
  ].join("\n\n")}\n`;
};
