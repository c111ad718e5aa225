/** A part of a text that is to be replaced. */
export interface Span {
  /** In characters of the text; `end` is the first one behind it. */
  readonly start: number;
  readonly end: number;
  /** The secret itself, as whoever reads the text understands it. */
  readonly value: string;
  readonly rule: string;
  /** What stands there, given the stand-in; it has as many line breaks as what stood there. */
  readonly write: (standIn: string) => string;
  /** Other spellings that mean the same. */
  readonly aliases?: readonly string[];
  /** Private, and no secret: taken out, and not looked for elsewhere. */
  readonly isPrivate?: boolean;
}

/** What the structure of a text says. */
export interface Found {
  readonly spans: readonly Span[];
  /** Plain words that stand there as values: users, hosts, parts of paths. */
  readonly words: readonly string[];
  /** Names of variables that a plain place, and a secret one, refers to. */
  readonly plainReferences: readonly string[];
  readonly secretReferences: readonly string[];
  /** Variables that are set there. */
  readonly variables: readonly { readonly name: string; readonly value: string; readonly at: number }[];
}

export const NOTHING: Found = { spans: [], words: [], plainReferences: [], secretReferences: [], variables: [] };

/** What other texts have shown about the names of variables. */
export interface KnownVariables {
  /** Those that a plain place, and a secret one, refers to. */
  readonly plain: ReadonlySet<string>;
  readonly secret: ReadonlySet<string>;
  /** Whether one of this name was set anywhere. */
  readonly isSet: (name: string) => boolean;
}

const BREAK = /\n/g;
export const breaksOf = (text: string): string => "\n".repeat(text.match(BREAK)?.length ?? 0);

/** In their order, without those that begin inside of an earlier one. */
export const inOrder = <S extends { readonly start: number; readonly end: number }>(spans: readonly S[]): S[] => {
  let end = 0;
  return [...spans]
    .sort((a, b) => a.start - b.start || b.end - a.end)
    .filter((span) => {
      if (span.start < end || span.end <= span.start) return false;
      end = span.end;
      return true;
    });
};

/** The offsets at which lines begin: the line of an offset, counted from 1, is found by halving. */
export const lineFinder = (text: string): ((offset: number) => number) => {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
};

/** A value in a text, which its stand-in takes the place of as it is. */
export const spanOf = (start: number, value: string, rule: string): Span => ({
  start,
  end: start + value.length,
  value,
  rule,
  write: (standIn) => standIn,
});

/** The line break before a place, no further away than a line of a log is long. */
export const lineBefore = (text: string, at: number): number => {
  const from = Math.max(0, at - 2000);
  const found = text.slice(from, at).lastIndexOf("\n");
  return found < 0 ? -1 : from + found;
};
