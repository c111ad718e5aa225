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

/**
 * Looks for many words at once. The sum of the first six characters is kept while going on: only where it is that of a word,
 * words are compared.
 */
export const createFinder = (words: readonly string[]): ((text: string) => readonly Hit[]) => {
  const SIZE = 1 << 18;
  const MASK = SIZE - 1;
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
    mark[(hash ^ (hash >>> 15)) & MASK] = 1;
    const head = word.slice(0, LEAST);
    const list = starting.get(head) ?? [];
    if (list.length === 0) starting.set(head, list);
    list.push(which);
  });
  for (const list of starting.values()) list.sort((a, b) => (words[b]?.length ?? 0) - (words[a]?.length ?? 0));
  return (text) => {
    const hits: Hit[] = [];
    if (starting.size === 0 || text.length < LEAST) return hits;
    let hash = hashOf(text);
    for (let at = 0; ; at += 1) {
      if (mark[(hash ^ (hash >>> 15)) & MASK] === 1) {
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

/**
 * The same by another way, for the proof: from the six characters at hand the last two say how far one may go on, since no word has them
 * nearer to its end (Wu and Manber, "A fast algorithm for multi-pattern searching", 1994).
 */
export const createProof = (words: readonly string[]): ((text: string) => readonly Hit[]) => {
  const long = words.flatMap((word, which) => (word.length >= LEAST ? [{ word, which }] : []));
  const SIZE = 1 << 16;
  const slot = (a: number, b: number): number => (imul(a, 257) ^ b) & (SIZE - 1);
  const shift = new Uint8Array(SIZE).fill(LEAST - 1);
  const ending = new Map<number, { readonly word: string; readonly which: number }[]>();
  for (const each of long) {
    for (let at = 1; at < LEAST; at += 1) {
      const key = slot(each.word.charCodeAt(at - 1), each.word.charCodeAt(at));
      shift[key] = min(shift[key] ?? 0, LEAST - 1 - at);
    }
    const key = slot(each.word.charCodeAt(LEAST - 2), each.word.charCodeAt(LEAST - 1));
    const list = ending.get(key) ?? [];
    if (list.length === 0) ending.set(key, list);
    list.push(each);
  }
  return (text) => {
    const hits: Hit[] = [];
    if (long.length === 0) return hits;
    let at = LEAST - 1;
    while (at < text.length) {
      const key = slot(text.charCodeAt(at - 1), text.charCodeAt(at));
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
