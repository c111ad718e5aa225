import { printable } from "../model/text.ts";

/** Characters of a sentence, a command or a name; none in a report is longer. */
const MAX = 2000;

/** What no space divides; a command in backticks is in one piece. */
const PIECE = /(?:`[^`]+`|\S)+/g;

/** What stands around a word in prose, and means nothing in Markdown there. */
const AROUND = /^(["'(]*)(.*?)(\.?["')]*[.,;:!?…]*)$/su;
/**
 * A word of prose: letters and digits of any script, joined by hyphens and apostrophes; two of letters alone with a slash
 * between them (`i/o`); or a number.
 */
const WORD = /^(?:[\p{L}\p{M}\p{N}]+(?:[-'’][\p{L}\p{M}\p{N}]+)*|\p{L}+\/\p{L}+|\d+\.\d+%?|\d+%|[→·–—…])$/u;
/** What forges take for a commit, or an issue of some tracker. */
const REFERENCE = /^(?:(?=.*\d)[\da-f]{7,64}|[A-Z]+-\d+)$/i;
/** At the beginning of a line: an item of a numbered list. */
const NUMBERED = /^\d+[.)]/;
/** Discourse makes signs of these. */
const SIGN = /^\((?:c|r|tm|p)\)/i;
const COMMAND = /^`([^`]+)`$/;

const longestRun = (text: string): number =>
  (text.match(/`+/g) ?? []).reduce((most, { length }) => Math.max(most, length), 0);

/** Text that is shown letter by letter, whatever it holds. */
export const code = (text: string): string => {
  const shown = printable(text, MAX);
  if (shown === "") return "";
  const fence = "`".repeat(longestRun(shown) + 1);
  const gap = shown.startsWith("`") || shown.endsWith("`") ? " " : "";
  return `${fence}${gap}${shown}${gap}${fence}`;
};

/**
 * A sentence from a report as Markdown: every word that is not plainly one becomes code, and so can be no mark-up, HTML, link,
 * mention, reference or emoji, whatever the reader's dialect is.
 */
export const prose = (text: string): string =>
  (printable(text, MAX).match(PIECE) ?? [])
    .map((word, index) => {
      if (SIGN.test(word) || (index === 0 && NUMBERED.test(word))) return code(word);
      const [, before = "", core = "", after = ""] = AROUND.exec(word) ?? [];
      const [, command] = COMMAND.exec(core) ?? [];
      if (command !== undefined && command.trim() !== "") return `${before}${code(command)}${after}`;
      if (core === "") return code(word);
      return `${before}${WORD.test(core) && !REFERENCE.test(core) ? core : code(core)}${after}`;
    })
    .join(" ");

/**
 * Markdown for a cell of a table: a bar ends one even inside of code. Dialects differ in what two backslashes before a bar
 * are, so that one becomes a broken bar.
 */
export const cell = (markdown: string): string => markdown.replace(/\\?\|/g, (bar) => (bar === "|" ? "\\|" : "\\¦"));

/** Commands to be copied, as a block at this indent. */
export const fenced = (commands: readonly string[], indent: number): readonly string[] => {
  const shown = commands.map((command) => printable(command, MAX));
  const fence = "`".repeat(Math.max(3, longestRun(shown.join("\n")) + 1));
  return [`${fence}sh`, ...shown, fence].map((line) => `${" ".repeat(indent)}${line}`);
};
