import { checkOf, type Finding, NOT_SELECTED, type Report, type Status } from "../model/report.ts";
import { VERDICTS } from "../model/shown.ts";
import { BLOCK, createMarkdownPage, symbolOf } from "./markdown-page.ts";
import { cell, code, prose } from "./markdown-text.ts";
import { lookedAtAs, outcome, seenBefore } from "./pretty.ts";
import { createCauses } from "./pretty-causes.ts";
import { alike, createFindings, MANY } from "./pretty-findings.ts";
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

const unique = (list: readonly string[]): readonly string[] => [...new Set(list)];

/** What is said in a row; each client's skip follows from its own check, and is told once for all. */
const saidOf = ({ status, summary, because }: Finding): string =>
  status === "skip" && because !== undefined
    ? `because ${unique(because.map(checkOf)).join(", ")} did not pass`
    : summary;

/** Checks that passed have a row each; the others share one with all that have the same to say. */
const rowKey = (finding: Finding): string =>
  JSON.stringify([finding.status, finding.status === "pass" ? finding.id : "", saidOf(finding)]);

const listOf = (codes: readonly string[]): string => {
  const more = codes.length - MANY;
  return more > 1 ? `${codes.slice(0, MANY).join(", ")} and ${more} more` : codes.join(", ");
};

/**
 * Shortens where environments come from (`this shell, in a container: crowdsec does not run`): in a table, without the
 * reason, and once where several components have the same.
 */
const createShortener = (findings: readonly Finding[]): ((text: string) => string) => {
  const origins = unique(findings.flatMap(({ vantage: { env } }) => env?.replace(/^.*?: /, "") ?? []))
    .map((origin) => ({ origin, short: origin.split(": ")[0] ?? origin }))
    .filter(({ origin, short }) => short !== "" && short !== origin)
    .sort((a, b) => b.origin.length - a.origin.length);
  return (text) =>
    origins.reduce((rest, { origin, short }) => {
      const shorter = rest.replaceAll(origin, short);
      return shorter.split(`${short} and ${short}`).join(short);
    }, text);
};

/**
 * The findings of one row, each check named once.
 * @param sizes how many findings the report has of each check
 * @param shortened of what is said in a row
 */
const rowOf = (
  group: readonly Finding[],
  sizes: ReadonlyMap<string, number>,
  shortened: (text: string) => string,
): string => {
  const checks = alike(group, ({ id }) => id).map((own) => {
    const [{ id, instance, status } = { id: "", instance: "", status: "skip" }] = own;
    if (own.length === 1) return code(instance);
    // Skipped for all that it would have been asked of: named as a whole.
    if (status === "skip" && sizes.get(id) === own.length) return code(id);
    return `${code(id)}: ${listOf(own.map((one) => code(one.instance.slice(id.length + 1))))}`;
  });
  const [first] = group;
  if (first === undefined) return "";
  const named = checks.some((check) => check.includes(": ")) ? checks.join("; ") : checks.join(", ");
  return `| ${cell(named)} | ${symbolOf(first.status)} ${first.status} | ${cell(prose(shortened(saidOf(first))))} |`;
};

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
  const listed = findings.filter((finding) => !isFaulty(finding) && finding.reason !== NOT_SELECTED);
  if (listed.length === 0) return { lines: [], left: [] };
  const counted = (list: readonly Finding[]): readonly string[] =>
    KEPT.map((status) => [list.filter((finding) => finding.status === status).length, status] as const)
      .filter(([number]) => number > 0)
      .map(([number, status]) => `${number} ${status}`)
      .reverse();
  const title = `Everything else: ${counted(listed).join(", ")}`;
  const sizes = new Map(alike(findings, ({ id }) => id).map((group) => [group[0]?.id ?? "", group.length]));
  const shortened = createShortener(findings);
  const rows = alike(listed, rowKey)
    .map((group) => ({ group, status: group[0]?.status ?? "pass", row: rowOf(group, sizes, shortened) }))
    .sort((a, b) => KEPT.indexOf(a.status) - KEPT.indexOf(b.status));
  const shown = new Map(
    fitting(rows, room - lengthOf(folded(title, TABLE)), ({ row }) => row.length + 1).flatMap(({ group, row }) =>
      group.map((finding) => [finding, row] as const),
    ),
  );
  const lines = unique(listed.flatMap((finding) => shown.get(finding) ?? []));
  return {
    lines: lines.length === 0 ? [] : folded(title, [...TABLE, ...lines]),
    left: counted(listed.filter((finding) => !shown.has(finding))).map((text) => `${text} in the table`),
  };
};

/** On what, and when: what a reader wants to know before anything else. */
const lookedAt = ({ run }: Report): string =>
  [...(run.host === undefined ? [] : [`Host ${run.host}`]), run.startedAt.replace(/\.\d+Z$/, "Z"), lookedAtAs(run)]
    .map(prose)
    .join(" · ");

/** By which tool, and as whom: one line. */
const facts = ({ tool, run, findings }: Report): string => {
  const namespaces = unique(findings.flatMap(({ vantage }) => vantage.namespace ?? []));
  return [
    `${tool.name} ${tool.version} on ${tool.runtime}`,
    `as ${unique(findings.map(({ vantage }) => vantage.user)).join(", ") || "nobody"}`,
    ...(namespaces.length === 0 ? [] : [`inside ${namespaces.join(", ")}`]),
    ...(run.from === undefined ? [] : [`judged again at ${run.from.judgedAt}`]),
  ]
    .map(prose)
    .join(" · ");
};

/**
 * A report to be pasted into an issue, a forum or a chat: the verdict first, each cause with its remedies, the rest folded;
 * never longer than an issue may be. Nothing from the report becomes mark-up, a link or a mention.
 */
export const markdown = (report: Report): string => {
  const before = seenBefore(report.run);
  const head = [
    `## ${prose(report.tool.name)}: ${VERDICTS[report.summary.verdict]}`,
    "",
    lookedAt(report),
    "",
    ...(before === undefined ? [] : [prose(before), ""]),
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
