const { imul, min } = Math;

/** One place where a word stands. */
export interface Hit {
  readonly start: number;
  readonly end: number;
  /** Its index in the list that was searched for. */
  readonly which: number;
}

/** Nothing shorter is looked for everywhere. */
export const LEAST = 6;

/** Looks for all words of a list in a text at once; words that are shorter than that are passed over. */
export type Finder = (text: string) => readonly Hit[];

/**
 * From six characters at hand the last three say how far one may go on, since no word has them nearer to the end of its own first
 * six (Wu and Manber, "A fast algorithm for multi-pattern searching", 1994).
 */
export const createFinder = (words: readonly string[]): Finder => {
  const BLOCK = 3;
  const SIZE = 1 << 18;
  const slot = (a: number, b: number, c: number): number => ((a << 11) ^ (b << 5) ^ c ^ (a >> 3)) & (SIZE - 1);
  const slotAt = (text: string, at: number): number =>
    slot(text.charCodeAt(at - 2), text.charCodeAt(at - 1), text.charCodeAt(at));
  const shift = new Uint8Array(SIZE).fill(LEAST - BLOCK + 1);
  const ending = new Map<number, { readonly word: string; readonly which: number }[]>();
  words.forEach((word, which) => {
    if (word.length < LEAST) return;
    for (let at = BLOCK - 1; at < LEAST; at += 1) {
      const key = slotAt(word, at);
      shift[key] = min(shift[key] ?? 0, LEAST - 1 - at);
    }
    const key = slotAt(word, LEAST - 1);
    const list = ending.get(key) ?? [];
    if (list.length === 0) ending.set(key, list);
    list.push({ word, which });
  });
  return (text) => {
    const hits: Hit[] = [];
    if (ending.size === 0) return hits;
    for (let at = LEAST - 1; at < text.length; ) {
      const key = slot(text.charCodeAt(at - 2), text.charCodeAt(at - 1), text.charCodeAt(at));
      const skip = shift[key] ?? 0;
      if (skip > 0) {
        at += skip;
        continue;
      }
      const begin = at - LEAST + 1;
      const first = text.charCodeAt(begin);
      for (const { word, which } of ending.get(key) ?? [])
        if (word.charCodeAt(0) === first && text.startsWith(word, begin))
          hits.push({ start: begin, end: begin + word.length, which });
      at += 1;
    }
    return hits;
  };
};

/**
 * The same by another way, for the proof: a sum over six characters is kept while going on by one, and only where it is that of a
 * word, words are compared (Karp and Rabin, "Efficient randomized pattern-matching algorithms", 1987).
 */
export const createProof = (words: readonly string[]): Finder => {
  const SIZE = 1 << 20;
  const mark = new Uint8Array(SIZE);
  const starting = new Map<string, number[]>();
  const hashOf = (text: string): number => {
    let hash = 0;
    for (let at = 0; at < LEAST; at += 1) hash = (imul(hash, 31) + text.charCodeAt(at)) | 0;
    return hash;
  };
  let highest = 1;
  for (let at = 1; at < LEAST; at += 1) highest = imul(highest, 31);
  words.forEach((word, which) => {
    if (word.length < LEAST) return;
    const hash = hashOf(word);
    mark[(hash ^ (hash >>> 12)) & (SIZE - 1)] = 1;
    const head = word.slice(0, LEAST);
    const list = starting.get(head) ?? [];
    if (list.length === 0) starting.set(head, list);
    list.push(which);
  });
  return (text) => {
    const hits: Hit[] = [];
    if (starting.size === 0 || text.length < LEAST) return hits;
    let hash = hashOf(text);
    for (let at = 0; ; at += 1) {
      if (mark[(hash ^ (hash >>> 12)) & (SIZE - 1)] === 1) {
        for (const which of starting.get(text.slice(at, at + LEAST)) ?? []) {
          const word = words[which] ?? "";
          if (text.startsWith(word, at)) hits.push({ start: at, end: at + word.length, which });
        }
      }
      if (at + LEAST >= text.length) return hits;
      hash = (imul(hash - imul(text.charCodeAt(at), highest), 31) + text.charCodeAt(at + LEAST)) | 0;
    }
  };
};
