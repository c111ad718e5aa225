import { shellQuote } from "../model/remedy.ts";

// Paths come from whoever installed the tool. None of these may hold a line break: `src/commands/init.ts` refuses that.

/** For a crontab, whose commands a shell runs: to cron, a percent sign without a backslash ends the command. */
export const cronCommand = (words: readonly string[]): string =>
  words
    .map((word) => shellQuote(word).replaceAll(/(\\?)%/g, (_all, before: string) => `${before}${before && "''"}\\%`))
    .join(" ");

const PLAIN = /^[\w@+=:,./-]+$/;

/** A double-quoted text with backslashes, as C, systemd and Icinga know it. */
const inDoubleQuotes = (text: string): string => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;

/**
 * For `ExecStart=` (systemd.service(5), "Command lines"): `%` begins a specifier everywhere, `$` a variable in all words
 * but the program's own path.
 */
export const systemdCommand = (words: readonly string[]): string =>
  words
    .map((word, index) => {
      const quoted = (PLAIN.test(word) ? word : inDoubleQuotes(word)).replaceAll("%", "%%");
      return index === 0 ? quoted : quoted.replaceAll("$", "$$$$");
    })
    .join(" ");

/** For NRPE, which hands it to a shell after its macros: `$$` is a dollar sign. */
export const nrpeCommand = (words: readonly string[]): string =>
  words.map(shellQuote).join(" ").replaceAll("$", "$$$$");

/** For a `command_line` of Nagios: the same, and a semicolon would begin a comment, in quotes too. */
export const nagiosCommand = (words: readonly string[]): string => nrpeCommand(words).replaceAll(";", "\\;");

/** For a `command` of Icinga 2, which needs no shell: an array of strings, with macros between dollar signs. */
export const icingaCommand = (words: readonly string[]): string =>
  `[ ${words.map((word) => inDoubleQuotes(word).replaceAll("$", "$$$$")).join(", ")} ]`;

/**
 * For a command of sudoers(5), which knows no quotes, and takes arguments for patterns of fnmatch(3). A program whose own
 * path has a letter of patterns, or a backslash, it cannot name: visudo refuses the line then.
 */
export const sudoersCommand = (words: readonly string[]): string =>
  words
    .map((word) => word.replaceAll(/[*?[,:= #\\]/g, (letter) => (letter === "\\" ? "\\".repeat(4) : `\\${letter}`)))
    .join(" ");
