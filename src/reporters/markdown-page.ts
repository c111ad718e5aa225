import type { Status } from "../model/report.ts";
import { SYMBOLS } from "../model/shown.ts";
import { code, fenced, prose } from "./markdown-text.ts";
import { labelled, type Page, SAME, type Style } from "./pretty-page.ts";

/** What an item of a list is indented more than the list above it, columns. */
const STEP = 2;

/** How a block begins: one cause, or one finding that no cause explains. */
export const BLOCK = "**";

/** A hyphen would begin a list. */
export const symbolOf = (status: Status): string => SYMBOLS[status].symbol.replace("-", "–");

/**
 * The same page in Markdown: rows at the top are paragraphs of their own, all that is said of them lists below. Nothing is
 * wrapped, and what comes from the report is text or code, never mark-up.
 */
export const createMarkdownPage = (detail: Style["detail"]): Page => {
  const space = (count: number): string => " ".repeat(count);
  let lastLabel = "";

  const paragraph: Page["paragraph"] = (indent, label, text) => {
    if (label !== SAME) lastLabel = label;
    const shown = lastLabel === "" ? "" : `**${lastLabel}** `;
    return [`${space(indent)}- ${shown}${prose(text)}`];
  };

  const banner: Page["banner"] = (status, place, text) => {
    const badge = `${symbolOf(status)} ${status.toUpperCase()}`;
    return place.row === 0 ? ["", `${BLOCK}${badge}** ${text}`, ""] : [`${space(place.row)}- ${badge} ${text}`];
  };

  const remedies: Page["remedies"] = (indent, first, list) =>
    list.flatMap((remedy, index) => {
      const { commands = [], undo = [], url } = remedy;
      const [label, text] = index === 0 ? [first, remedy.text] : labelled(remedy.text);
      const inside = indent + STEP;
      const [line = ""] = paragraph(indent, label, text);
      return [
        url === undefined ? line : `${line} ${code(url)}`,
        ...(commands.length > 0 ? fenced(commands, inside) : []),
        ...(undo.length > 0 ? [`${space(inside)}To undo:`, ...fenced(undo, inside)] : []),
      ];
    });

  return {
    detail,
    arrow: "→",
    dot: "·",
    more: "",
    top: { row: 0, body: 0, word: 0 },
    nested: { row: STEP, body: 2 * STEP, word: 0 },
    paint: (_color, text) => text,
    paragraph,
    banner: (status, place, text) => banner(status, place, prose(text)),
    row: (status, place, { left, beside = "", right }) =>
      banner(
        status,
        place,
        [left, beside, right]
          .filter((text) => text !== "")
          .map(prose)
          .join(" · "),
      ),
    remedies,
  };
};
