/** Control characters (C0, DEL, C1) and the bidirectional overrides that can make a terminal or a reader see another text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this expression is for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+/g;

/**
 * Text from outside, made fit to show: unprintable characters become one space, and it ends after `max` characters.
 */
export const printable = (text: string, max = 400): string => {
  const clean = text.replace(UNPRINTABLE, " ").trim();
  return clean.length > max ? `${clean.slice(0, max - 1)}…` : clean;
};

/** The same for every string inside a JSON-able value. */
export const printableDeep = <T>(value: T): T => {
  if (typeof value === "string") return printable(value, 2000) as T;
  if (Array.isArray(value)) return value.map(printableDeep) as T;
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, printableDeep(inner)])) as T;
  }
  return value;
};

/** `{name}` replaced by `data.name`; an unknown name stays as it is, so that a test can find it. */
export const fill = (template: string, data: Readonly<Record<string, string | number>>): string =>
  template.replace(/\{(\w+)\}/g, (whole, name: string) => (name in data ? String(data[name]) : whole));

/** `1 file`, `3 files`. */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** Whole milliseconds below a second, then seconds with one decimal: `41 ms`, `1.8 s`. */
export const duration = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

/** A space that is not inside of a command in backticks. */
const BREAK = / (?=[^`]*(?:`[^`]*`[^`]*)*$)/;

/**
 * Text in lines of at most `width` characters, broken at spaces; a word, or a command in backticks, that is longer stays
 * whole, so that it can be copied. `first`: of the first line, where that has less room.
 */
export const wrap = (text: string, width: number, first = width): string[] => {
  const lines: string[] = [];
  for (const word of text.split(BREAK)) {
    const last = lines.at(-1);
    const room = lines.length === 1 ? first : width;
    if (last === undefined) lines.push(word);
    else if (last.length + 1 + word.length <= room) lines[lines.length - 1] = `${last} ${word}`;
    // Two spaces keep two things apart; so does a new line.
    else if (word !== "") lines.push(word);
  }
  return lines.map((line) => line.trimEnd());
};
