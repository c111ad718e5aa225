import { styleText } from "node:util";
import type { Remedy, Status } from "../model/report.ts";
import { SYMBOLS } from "../model/shown.ts";
import { wrap } from "../model/text.ts";

export { whoseIs } from "../model/shown.ts";

/** How a report is shown; all of it arrives as arguments. */
export interface Style {
  readonly color: boolean;
  /** ASCII symbols only. */
  readonly ascii: boolean;
  /** Columns. */
  readonly width: number;
  /** `quiet`: the last line and what failed. `verbose`: layers and addresses of everything. */
  readonly detail: "quiet" | "normal" | "verbose";
}

export type Color = Parameters<typeof styleText>[0];

/** Where a row and what is said of it stand, columns from the left. */
export interface Place {
  readonly row: number;
  readonly body: number;
  /** The word of the badge is filled up to this. */
  readonly word: number;
}

/** Text set into the columns of one terminal. */
export interface Page {
  readonly detail: Style["detail"];
  readonly arrow: string;
  /** Said behind `and 3 more`: how they are to be seen. */
  readonly more: string;
  readonly dot: string;
  /** Rows of the report, and those under a cause. */
  readonly top: Place;
  readonly nested: Place;
  paint(color: Color, text: string): string;
  /**
   * A paragraph that is indented under itself, after a label if it has one; `SAME` stands under the label above.
   * @param further by how many columns its further lines are indented more
   */
  paragraph(indent: number, label: string, text: string, further?: number): string[];
  /** Badge and text; further lines stand where the row's body does. */
  banner(status: Status, place: Place, text: string, color?: Color): string[];
  /** Badge and text, and at the right margin what came out; both in full where they do not fit side by side. */
  row(status: Status, place: Place, columns: { left: string; beside?: string; right: string }): string[];
  remedies(indent: number, first: string, list: readonly Remedy[]): string[];
}

const NARROWEST = 40;
/** A wider line is not read with ease. */
const WIDEST = 120;
/** On a narrower screen no columns are left empty before the text. */
const ROOMY = 60;
/** Columns of a label with what is between it and its text: that of `Explains:`. */
const LABEL = 10;

/** In place of a label: the same as that above. */
export const SAME = "same";

/** A further remedy says by its first words whether it is another way or the next step. */
export const labelled = (text: string): readonly [label: string, text: string] => {
  const [, word, rest = ""] = /^(Or|Then),? (.*)$/s.exec(text) ?? [];
  if (word !== undefined) return [`${word}:`, `${rest.charAt(0).toUpperCase()}${rest.slice(1)}`];
  return [/^(?:If|To|Where|On another)\b/.test(text) ? "Or:" : "Then:", text];
};

export const createPage = ({ color, ascii, width: terminal, detail }: Style): Page => {
  const width = Math.min(Math.max(terminal, NARROWEST), WIDEST);
  const isRoomy = width >= ROOMY;
  const top = isRoomy ? { row: 0, body: 10, word: 7 } : { row: 0, body: 2, word: 4 };
  const nested = { row: top.body, body: top.body + (isRoomy ? 7 : 2), word: 4 };
  /** Where text after a label goes on. */
  const column = isRoomy ? LABEL : 2;
  const space = (count: number): string => " ".repeat(count);

  const paint = (style: Color, text: string): string =>
    color && text !== "" ? styleText(style, text, { validateStream: false }) : text;
  const plain = (text: string): string => (ascii ? text.replaceAll("…", "...").replaceAll("→", "->") : text);

  const badge = (status: Status, { word }: Place): { readonly text: string; readonly columns: number } => {
    const { symbol, ascii: plainSymbol, color: style } = SYMBOLS[status];
    const text = `${ascii ? plainSymbol : symbol} ${status.toUpperCase().padEnd(word)}`;
    return { text: `${paint(style, text)} `, columns: text.length + 1 };
  };

  const paragraph: Page["paragraph"] = (indent, label, text, further = 0) => {
    const hang = label === "" ? 0 : column;
    const shown = label === SAME ? "" : label;
    const head = shown === "" ? hang : Math.max(hang, shown.length + 1);
    const room = width - indent;
    return wrap(plain(text), room - hang - further, room - head).map((line, index) => {
      const before = index === 0 ? paint("bold", shown) + space(head - shown.length) : space(hang + further);
      return `${space(indent)}${before}${line}`;
    });
  };

  const banner: Page["banner"] = (status, place, text, style) => {
    const { text: head, columns: taken } = badge(status, place);
    const lines = wrap(plain(text), width - place.body, width - place.row - taken);
    return lines.map((line, index) => {
      const shown = style === undefined ? line : paint(style, line);
      return index === 0 ? `${space(place.row)}${head}${shown}` : `${space(place.body)}${shown}`;
    });
  };

  const row: Page["row"] = (status, place, columns) => {
    const { right } = columns;
    const beside = plain(columns.beside ?? "");
    const { text: head, columns: taken } = badge(status, place);
    const lines = wrap(plain(columns.left), width - place.body, width - place.row - taken);
    const last = lines.length - 1;
    const start = last === 0 ? place.row + taken : place.body;
    const free = width - start - (lines[last]?.length ?? 0) - right.length;
    const fits = right === "" || free >= 2;
    const gap = right === "" ? 2 : 4;
    const shown = beside !== "" && fits && beside.length + gap <= free ? `  ${beside}` : "";
    const end = right !== "" && fits ? `${space(free - shown.length)}${right}` : "";
    return [
      ...lines.map((line, index) => {
        const before = index === 0 ? `${space(place.row)}${head}` : space(place.body);
        return `${before}${line}${index === last ? paint("gray", `${shown}${end}`) : ""}`;
      }),
      ...(fits ? [] : [`${space(place.body)}${paint("gray", right)}`]),
      ...(shown === "" && beside !== "" ? paragraph(place.body, "", beside) : []),
    ];
  };

  const remedies: Page["remedies"] = (indent, first, list) =>
    list.flatMap((remedy, index) => {
      const { commands = [], undo = [], url } = remedy;
      const [label, text] = index === 0 ? [first, remedy.text] : labelled(remedy.text);
      const hang = space(indent + column);
      return [
        ...paragraph(indent, label, text),
        // Commands are never wrapped: they are there to be copied.
        ...commands.map((command) => `${hang}$ ${command}`),
        ...(undo.length > 0
          ? [`${hang}${paint("gray", "to undo:")}`, ...undo.map((command) => `${hang}$ ${command}`)]
          : []),
        ...(url === undefined ? [] : [`${hang}${paint("gray", url)}`]),
      ];
    });

  return {
    detail,
    arrow: ascii ? "->" : "→",
    dot: ascii ? "|" : "·",
    more: ": see with -v",
    top,
    nested,
    paint,
    paragraph,
    banner,
    row,
    remedies,
  };
};
