import { styleText } from "node:util";
import type { Report, RunVerdict, Status } from "../model/report.ts";
import { SYMBOLS, VERDICTS } from "../model/shown.ts";
import { printable } from "../model/text.ts";
import { type Brief, briefly, inAscii, lineOf, SENTENCE } from "./brief.ts";
import { outcome, seenBefore } from "./pretty.ts";
import type { Color, Style } from "./pretty-page.ts";

/** In all, so that a mail or a chat stays readable. */
const LINES = 40;

/** Marked as a finding of this status would be. */
const MARKS: Readonly<Record<RunVerdict, Status>> = {
  ready: "pass",
  "ready-with-warnings": "warn",
  "not-ready": "fail",
  unknown: "unknown",
};

/** Cut, it would be another command. */
const isWhole = (command: string): boolean => printable(command, SENTENCE) === command;

/** For a mail, a ping or a chat: the answer, then a line for each thing that is wrong; never wrapped, and never long. */
export const short = (report: Report, { color, ascii }: Pick<Style, "color" | "ascii">): string => {
  const paint = (style: Color, text: string): string =>
    color ? styleText(style, text, { validateStream: false }) : text;
  const plain = (text: string): string => (ascii ? inAscii(text) : text);
  const badge = (status: Status, word: string, ...more: readonly "bold"[]): string => {
    const { symbol, ascii: ofAscii, color: style } = SYMBOLS[status];
    return paint([style, ...more], `${ascii ? ofAscii : symbol} ${word}`);
  };

  const { run, summary } = report;
  const verdict = badge(MARKS[summary.verdict], VERDICTS[summary.verdict], "bold");
  const host = run.host === undefined ? "" : plain(` on ${printable(run.host, SENTENCE)}`);
  const before = seenBefore(run);
  const head = [
    `${verdict}${host}: ${outcome(report)}`,
    ...(before === undefined ? [] : [plain(printable(before, 2 * SENTENCE))]),
  ];

  const linesOf = (brief: Brief): readonly string[] => [
    `${badge(brief.status, brief.status.toUpperCase())} ${plain(lineOf(brief))}`,
    // Only a cause is told with what to do, and only where that can be typed.
    ...(brief.checks === "" ? (brief.remedy?.commands ?? []) : [])
      .slice(0, 1)
      .filter(isWhole)
      .map((command) => `  $ ${plain(command)}`),
  ];
  const blocks = briefly(report).map(linesOf);
  // One line is kept for how many are left out.
  let left = LINES - head.length;
  const fits = blocks.findIndex((block, index) => {
    left -= block.length;
    return left < (index === blocks.length - 1 ? 0 : 1);
  });
  const shown = fits === -1 ? blocks : blocks.slice(0, fits);
  const more = blocks.length - shown.length;
  return `${[...head, ...shown.flat(), ...(more === 0 ? [] : [`and ${more} more`])].join("\n")}\n`;
};
