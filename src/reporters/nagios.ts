import type { Finding, Report } from "../model/report.ts";
import { printable } from "../model/text.ts";
import { type Brief, briefly, inAscii, lineOf, SENTENCE } from "./brief.ts";
import { outcome, seenBefore } from "./pretty.ts";
import { totalMs } from "./pretty-findings.ts";
import type { Style } from "./pretty-page.ts";

// Written by https://www.monitoring-plugins.org/doc/guidelines.html, for Nagios, Icinga and what reads the same.
//
// What becomes of some characters on the way (Nagios 4's checks.c and macros.c, Icinga's PluginUtility and its web):
// - `|` begins performance data wherever it stands: in no text of ours.
// - `;` becomes `:` in the first line: there it is a comma. Below it stays.
// - `<` and `>` make old web interfaces, and Icinga's, take the output for HTML: they are round brackets here.
// - `\` before an n is read as a new line where a result comes in passively: it is a slash here.
// - illegal_macro_output_chars (by default `` `~$&|'"<> ``) are taken out before a shell or a mail gets the text. That is
//   Nagios' protection, and harmless to a sentence; backticks, which only mark commands, are left out here. A command that has
//   one of them would arrive as another command, and is not shown.
// - For the same reason no label of performance data needs quotes. `::` in one would make Icinga name the others after it.

/** Of the first line up to the bar, characters: under 80. */
const HEADLINE = 79;
/** MAX_PLUGIN_OUTPUT_LENGTH of Nagios' include/nagios.h is 8192, with the zero at its end. */
const MAX_BYTES = 8000;
/** Of these, what says how much was left out. */
const NOTE_BYTES = 40;
/** Findings whose time is told. */
const TIMED = 40;
const LABEL = 60;

/** The words that belong to a plugin's exit codes; whoever reads the words must come to the same state as Nagios does. */
const WORDS: Readonly<Record<number, string>> = { 0: "OK", 1: "WARNING", 2: "CRITICAL" };

const bytesOf = (text: string): number => Buffer.byteLength(text);

const cut = (text: string, max: number): string => {
  const letters = [...text];
  return letters.length > max
    ? `${letters
        .slice(0, max - 3)
        .join("")
        .trimEnd()}...`
    : text;
};

/** A sentence without what Nagios takes for something else. */
const safe = (text: string): string =>
  printable(text, 3 * SENTENCE)
    .replaceAll("|", "¦")
    .replaceAll("\\", "/")
    .replaceAll("<", "(")
    .replaceAll(">", ")")
    .replaceAll("`", "");

/** Goes through Nagios as it is. */
const survives = (command: string): boolean =>
  !/[`~$&|'"<>\\]/.test(command) && printable(command, SENTENCE) === command;

const headline = (report: Report, briefs: readonly Brief[]): string => {
  const { run, summary } = report;
  const word = WORDS[summary.exitCode] ?? "UNKNOWN";
  const status = `CROWDSEC ${word}: `;
  const [worst] = briefs;
  if (word === "OK" || run.interrupted || worst === undefined) return cut(`${status}${outcome(report)}`, HEADLINE);
  const more = briefs.length > 1 ? ` and ${briefs.length - 1} more` : "";
  const room = HEADLINE - status.length - more.length;
  return `${status}${cut(safe(worst.sentence).replaceAll(";", ","), room)}${more}`;
};

/** Seconds; never with an exponent, which is no number to those that read it. */
const seconds = (ms: number): string => (ms / 1000).toFixed(4);

/** What of a name every consumer takes in a label. */
const labelOf = (instance: string): string =>
  instance
    .replace(/[^\w.:@/[\]-]/g, "_")
    .replace(/:{2,}/g, ":")
    .slice(0, LABEL);

/** How long each finding took on its way, the first ones of the report, which stand in the same order in each run. */
const timesOf = (findings: readonly Finding[], taken: ReadonlySet<string>): readonly string[] => {
  const used = new Set(taken);
  return findings
    .filter(({ layers }) => layers.length > 0)
    .slice(0, TIMED)
    .map((finding) => {
      const name = labelOf(finding.instance);
      let label = name;
      for (let count = 2; used.has(label); count += 1) label = `${name}_${count}`;
      used.add(label);
      return `${label}=${seconds(totalMs(finding))}s;;;0`;
    });
};

/** `label=value[UOM];warn;crit;min`; a threshold of 0 says that more is too many. */
const performance = ({ run, summary: { counts }, findings }: Report): string => {
  const expiries = findings.flatMap(({ certificate }) => certificate?.validTo ?? []).map((date) => Date.parse(date));
  const first = Math.min(...expiries);
  const own = [
    `time=${seconds(run.durationMs)}s;;;0`,
    `pass=${counts.pass};;;0`,
    `warn=${counts.warn};${run.failOn === "warn" ? "0" : ""};;0`,
    `fail=${counts.fail};;0;0`,
    `unknown=${counts.unknown};;;0`,
    `skip=${counts.skip};;;0`,
    ...(Number.isFinite(first) ? [`certificate=${Math.floor((first - Date.parse(run.startedAt)) / 1000)}s`] : []),
  ];
  return [...own, ...timesOf(findings, new Set(own.map((each) => each.split("=")[0] ?? "")))].join(" ");
};

/** A line for what is wrong, and what to do first. */
const told = (brief: Brief): string => {
  const { text, commands: [command] = [] } = brief.remedy ?? {};
  const label = brief.checks === "" ? "First" : "Fix";
  return [
    `${brief.status.toUpperCase()}: ${safe(lineOf(brief))}`,
    ...(text === undefined ? [] : [`  ${label}: ${safe(text)}`]),
    ...(command === undefined || !survives(command) ? [] : [`  ${command}`]),
  ].join("\n");
};

/** A plugin's output: the worst in one line, performance data, and below it all that is wrong, as much as Nagios takes. */
export const nagios = (report: Report, { ascii }: Pick<Style, "ascii">): string => {
  const briefs = briefly(report);
  const plain = (text: string): string => (ascii ? inAscii(text.replaceAll("¦", "/")) : text);
  const first = `${plain(headline(report, briefs))} | ${performance(report)}`;
  const before = seenBefore(report.run);
  const head = [first, ...(before === undefined ? [] : [plain(safe(before))])];
  let left = MAX_BYTES - NOTE_BYTES - bytesOf(head.join("\n"));
  const lines: string[] = [];
  for (const brief of briefs) {
    const text = plain(told(brief));
    left -= bytesOf(text) + 1;
    if (left < 0) break;
    lines.push(text);
  }
  const more = briefs.length - lines.length;
  return `${[...head, ...lines, ...(more === 0 ? [] : [`and ${more} more`])].join("\n")}\n`;
};
