import { percentDecoded } from "./values.ts";

/** A text as somebody reads it who takes its escapes away, and where each part of it was written. */
export interface View {
  readonly text: string;
  /** The offset in the text as it was written; of what begins inside of an escape, the escape's begin. */
  readonly begin: (offset: number) => number;
  /** The same of an end: the escape's end. */
  readonly end: (offset: number) => number;
}

export const plainView = (text: string): View => ({ text, begin: (offset) => offset, end: (offset) => offset });

/** A view of a view. @param decode what an escape stands for */
const decoded = (
  view: View,
  pattern: RegExp,
  decode: (escaped: string, ...groups: string[]) => string,
): View | undefined => {
  const parts: string[] = [];
  // Of each escape: where it begins and ends in what is read, and in what was written.
  const [from, to, sourceFrom, sourceTo]: [number[], number[], number[], number[]] = [[], [], [], []];
  let [last, length] = [0, 0];
  const { text } = view;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const meant = decode(match[0], ...match.slice(1));
    if (meant === match[0]) continue;
    parts.push(text.slice(last, match.index), meant);
    length += match.index - last;
    from.push(length);
    length += meant.length;
    to.push(length);
    sourceFrom.push(match.index);
    last = match.index + match[0].length;
    sourceTo.push(last);
  }
  if (from.length === 0) return undefined;
  parts.push(text.slice(last));
  /** Index of the last escape that begins before or at this offset. */
  const before = (offset: number): number => {
    let [low, high] = [-1, from.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((from[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low;
  };
  return {
    text: parts.join(""),
    begin: (offset) => {
      const index = before(offset);
      if (index < 0) return view.begin(offset);
      if (offset < (to[index] ?? 0)) return view.begin(sourceFrom[index] ?? 0);
      return view.begin((sourceTo[index] ?? 0) + offset - (to[index] ?? 0));
    },
    end: (offset) => {
      const index = before(offset - 1);
      if (index < 0) return view.end(offset);
      if (offset <= (to[index] ?? 0)) return view.end(sourceTo[index] ?? 0);
      return view.end((sourceTo[index] ?? 0) + offset - (to[index] ?? 0));
    },
  };
};

const NAMED_ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  b: "\b",
  f: "\f",
  v: "\v",
  a: "\u0007",
  e: "\u001b",
  0: "\0",
};

const character = (code: number): string => (code <= 0x10ffff ? String.fromCodePoint(code) : "");

/** Escapes of JSON, YAML's double quotes, Go, C and shells. */
const BACKSLASH =
  /\\(?:u([\da-fA-F]{4})|u\{([\da-fA-F]{1,6})\}|x([\da-fA-F]{2})|U([\da-fA-F]{8})|\r?\n[ \t]*|([\s\S]))/g;
const unslashed = (view: View): View | undefined =>
  view.text.includes("\\")
    ? decoded(view, BACKSLASH, (_whole, four?: string, braced?: string, two?: string, eight?: string, one?: string) => {
        const hex = four ?? braced ?? two ?? eight;
        if (hex !== undefined) return character(Number.parseInt(hex, 16));
        return one === undefined ? "" : (NAMED_ESCAPES[one] ?? one);
      })
    : undefined;

const unpercented = (view: View): View | undefined =>
  view.text.includes("%") ? decoded(view, /(?:%[\da-fA-F]{2})+/g, percentDecoded) : undefined;

/** A form's `+` for a blank, besides. */
const unformed = (view: View): View | undefined =>
  view.text.includes("+")
    ? decoded(view, /\+|(?:%[\da-fA-F]{2})+/g, (escaped) => (escaped === "+" ? " " : percentDecoded(escaped)))
    : undefined;

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " };
const unentitied = (view: View): View | undefined =>
  view.text.includes("&")
    ? decoded(
        view,
        /&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|(amp|lt|gt|quot|apos|nbsp));/g,
        (_whole, decimal?: string, hex?: string, name?: string) =>
          name !== undefined
            ? (ENTITIES[name] ?? "")
            : character(decimal !== undefined ? Number(decimal) : Number.parseInt(hex ?? "0", 16)),
      )
    : undefined;

/** `''` of YAML and SQL, `'\''` and `'"'"'` of shells, `""` of CSV. */
const unquoted = (view: View): View | undefined =>
  view.text.includes("'") || view.text.includes('""')
    ? decoded(view, /'\\''|'"'"'|''|""/g, (escaped) => (escaped === '""' ? '"' : "'"))
    : undefined;

/** Blanks and line breaks of any number as one: what was folded, wrapped, indented, or made printable. */
const BLANK = "\\s\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff";
const BLANKS = new RegExp(`[${BLANK}]+`, "g");
/** All but a single blank, which stays what it is. */
const WIDE_BLANKS = new RegExp(` [${BLANK}]+|(?! )[${BLANK}]+`, "g");
const folded = (view: View): View | undefined => decoded(view, WIDE_BLANKS, () => " ");
export const foldedText = (text: string): string => text.replace(BLANKS, " ").trim();

/**
 * All ways to read a text.
 * @param folding whether a value is looked for that has blanks in it
 */
export function* viewsOf(
  text: string,
  folding: boolean,
): Generator<{ readonly view: View; readonly isFolded: boolean }> {
  const plain = plainView(text);
  const once = unslashed(plain);
  const twice = once && unslashed(once);
  const slashes = [plain, once, twice, twice && unslashed(twice)].filter((view) => view !== undefined);
  for (const view of slashes) {
    const others = [view, unpercented(view), unentitied(view), unquoted(view)].filter((each) => each !== undefined);
    for (const other of others) yield { view: other, isFolded: false };
    const fold = folding ? folded(view) : undefined;
    if (fold) yield { view: fold, isFolded: true };
    const form = folding ? unformed(view) : undefined;
    if (form) yield { view: form, isFolded: false };
  }
}
