import { styleText } from "node:util";
import type { Status } from "../model/report.ts";
import { SYMBOLS } from "../model/shown.ts";
import { printable, wrap } from "../model/text.ts";

/** How a comparison is shown; all of it arrives as arguments. */
export interface CompareStyle {
  readonly color: boolean;
  /** ASCII symbols only. */
  readonly ascii: boolean;
  /** Columns. */
  readonly width: number;
}

export type Color = Parameters<typeof styleText>[0];

/** What a line begins with: a status, or that something differs and is neither better nor worse. */
export type Mark = Status | "other";

const MARKS: Readonly<Record<Mark, { readonly symbol: string; readonly ascii: string; readonly color: Color }>> = {
  ...SYMBOLS,
  other: { symbol: "~", ascii: "~", color: "cyan" },
};

const NARROWEST = 40;
/** A wider line is not read with ease. */
const WIDEST = 120;

/** More names than this are cut short. */
const LISTED = 12;

/** What comes from outside can be of any length; nobody reads more, characters. */
const LONGEST_NAME = 100;
const LONGEST_PARAGRAPH = 1500;

/** Lines for one terminal. */
export interface Sheet {
  /** Columns. */
  readonly width: number;
  paint(color: Color, text: string): string;
  /** Symbol, and what stands behind it, painted. */
  badge(mark: Mark, text?: string): string;
  /** A paragraph behind a symbol, indented under itself. */
  marked(mark: Mark, text: string): string[];
  paragraph(indent: number, text: string): string[];
  /** All lines together; where only ASCII may be shown, nothing else is. */
  page(lines: readonly string[]): string;
}

export const createSheet = ({ color, ascii, width: terminal }: CompareStyle): Sheet => {
  const width = Math.min(Math.max(terminal, NARROWEST), WIDEST);
  const paint = (style: Color, text: string): string =>
    color && text !== "" ? styleText(style, text, { validateStream: false }) : text;
  const plain = (text: string): string => {
    const short = printable(text, LONGEST_PARAGRAPH);
    return ascii ? short.replaceAll("…", "...").replaceAll("→", "->") : short;
  };
  const badge: Sheet["badge"] = (mark, text = "") => {
    const { symbol, ascii: plainSymbol, color: style } = MARKS[mark];
    return paint(style, `${ascii ? plainSymbol : symbol}${text === "" ? "" : ` ${text}`}`);
  };
  return {
    width,
    paint,
    badge,
    marked: (mark, text) =>
      wrap(plain(text), width - 2).map((line, index) => `${index === 0 ? badge(mark) : " "} ${line}`),
    paragraph: (indent, text) => wrap(plain(text), width - indent).map((line) => `${" ".repeat(indent)}${line}`),
    page: (lines) => {
      const text = `${lines.join("\n")}\n`;
      // What came from outside may hold any letter.
      return ascii ? text.replace(/\P{ASCII}/gu, "?") : text;
    },
  };
};

/** Names in a row, of many the first ones and how many more there are. */
export const listed = (names: readonly string[], most = LISTED): string => {
  // One more is as short as its number.
  const shown = names.length <= most + 1 ? names : names.slice(0, most);
  return `${shown.map((name) => printable(name, LONGEST_NAME)).join(", ")}${shown.length < names.length ? ` and ${names.length - shown.length} more` : ""}`;
};

/** RFC 3339, to the second, as people write it: `2026-06-15 12:00:00Z`. */
export const showTime = (text: string): string =>
  text.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/, "$1 $2Z");
