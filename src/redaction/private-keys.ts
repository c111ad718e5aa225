import { fromBase64, isMixed } from "./base64.ts";
import { breaksOf, lineBefore, type Span, spanOf } from "./spans.ts";
import { isStandIn } from "./values.ts";

/*
 * No expression here may take more than a bounded number of steps for a place at which it begins: what is read comes from
 * outside.
 */

const KEY_BEGINS = /-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----/g;
/** What the body of one is made of: base64 with the headers of RFC 1421, on lines of its own or with escaped line breaks. */
const KEY_BODY = /(?:[A-Za-z0-9+/=_-]+|\\+[nrt]|[ \t\r\n>|#"',]+|(?:Proc-Type|DEK-Info|Comment|Version|Hash):[^\n]*)+/y;
const KEY_LINE = 32;
/** Longer than any, in characters. */
export const MAX_KEY = 40_000;

/** The line breaks of a text, each with what makes the line behind it a comment or a quotation: it has to stay one. */
const marksOf = (text: string): string =>
  text
    .split("\n")
    .slice(1)
    .map((line) => `\n${/^[ \t]{0,80}[#>|]+/.exec(line)?.[0] ?? ""}`)
    .join("");

export const privateKeys = (text: string): readonly Span[] => {
  if (!text.includes("PRIVATE KEY")) return [];
  const spans: Span[] = [];
  for (const match of text.matchAll(KEY_BEGINS)) {
    const from = match.index + match[0].length;
    const room = text.slice(from, from + MAX_KEY);
    const next = room.indexOf("-----BEGIN");
    const window = next < 0 ? room : room.slice(0, next);
    const ends = window.indexOf("-----END");
    // Cut off: as far as it looks like one.
    KEY_BODY.lastIndex = 0;
    const to = from + (ends >= 0 ? ends : (KEY_BODY.exec(window)?.[0].length ?? 0));
    const body = text.slice(from, to);
    const lead = /^(?:[\s>|#]|\\+[nrt])*/.exec(body)?.[0] ?? "";
    const trail = /(?:[\s]|\\+[nrt])*$/.exec(body.slice(lead.length))?.[0] ?? "";
    const inner = body.slice(lead.length, body.length - trail.length);
    if (inner === "" || isStandIn(inner.replace(/[\s>|#]+$/, ""))) continue;
    if (!isKeyBody(inner) || (ends < 0 && !beginsAsKey(inner))) {
      spans.push(...loggedKey(text, from, ends >= 0 ? from + ends : from + window.length));
      continue;
    }
    const pieces = inner
      .split(/\s+|\\+[nrt]/)
      .filter((line) => line.length >= KEY_LINE && /^[A-Za-z0-9+/=]+$/.test(line));
    spans.push({
      start: from + lead.length,
      end: from + lead.length + inner.length,
      value: inner,
      aliases: [...pieces, pieces.join("")].filter((piece) => piece !== ""),
      rule: "private key",
      write: (standIn) => standIn + marksOf(inner),
    });
  }
  let lastLine = -1;
  for (const { index } of text.matchAll(KEY_ENDS)) {
    const line = lineBefore(text, index);
    if (line < 0 || line === lastLine) continue;
    lastLine = line;
    spans.push(...keyBefore(text, index));
  }
  return spans;
};

const KEY_ENDS = /-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----/g;
const MAX_KEY_LINES = 200;
/** Base64 at the end of a line, as much as one line of a key has: what a log wrote before it stays. */
const LOGGED_PIECE = /(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{16,100}={0,2}(?=[ \t\r"']*$|["']? {1,4}[A-Za-z_]\w{0,40}=)/;
const LAST_PIECE = /(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{4}){1,16}={0,2}(?=[ \t\r"']*$)/;

/** Nothing but base64 and the headers of a key: no line of it begins as a log's does. */
const isKeyBody = (inner: string): boolean => {
  const lines = inner
    .split(/\n|\\+[nrt]/)
    .map((line) => line.replace(/^[\s>|#"',]+|[\s"',\\]+$/g, ""))
    .filter((line) => line !== "" && !/^(?:Proc-Type|DEK-Info|Comment|Version|Hash):/.test(line));
  return lines.every((line) => /^[A-Za-z0-9+/=_-]+(?: [A-Za-z0-9+/=_-]{16,})*$/.test(line));
};

/** A word, a path, the name of a log's next field are no begin of one that was cut off. */
const beginsAsKey = (inner: string): boolean => {
  const first = /[^\s"'>|#,\\]+/.exec(inner.replace(/\\+[nrt]/g, " "))?.[0] ?? "";
  return /^(?:Proc-Type|DEK-Info|Comment|Version|Hash):/.test(first) || (first.length >= 16 && /\d|[A-Z]/.test(first));
};

const pieceAt = (start: number, piece: string): Span => spanOf(start, piece, "private key");

/** A key whose lines a log has written behind a time and a name each. */
const loggedKey = (text: string, from: number, to: number): readonly Span[] => {
  const spans: Span[] = [];
  let at = text.indexOf("\n", from);
  for (let count = 0; at >= 0 && at < to && count < MAX_KEY_LINES; count += 1) {
    const next = text.indexOf("\n", at + 1);
    const line = text.slice(at + 1, Math.min(next < 0 ? text.length : next, at + 2000));
    const piece = LOGGED_PIECE.exec(line) ?? (spans.length > 0 ? LAST_PIECE.exec(line) : null) ?? undefined;
    if (piece === undefined) {
      if (!/:\s*$|(?:Proc-Type|DEK-Info):/.test(line)) break;
    } else spans.push(pieceAt(at + 1 + piece.index, piece[0]));
    at = next;
  }
  return spans;
};

/** The lines before a key's last one, where its first was cut off. */
const keyBefore = (text: string, end: number): readonly Span[] => {
  const spans: Span[] = [];
  let to = lineBefore(text, end);
  for (let count = 0; to > 0 && count < MAX_KEY_LINES; count += 1) {
    const begin = lineBefore(text, to) + 1;
    const from = Math.max(begin, to - 2000);
    const line = text.slice(from, to);
    const piece = LOGGED_PIECE.exec(line) ?? (count === 0 ? LAST_PIECE.exec(line) : null);
    // A path is of the same characters: a line of a key has digits and capitals, and is long unless it is the last.
    if (
      piece === null ||
      (count > 0 && line.includes("-----")) ||
      (count > 0 && (piece[0].length < KEY_LINE || !isMixed(piece[0], 1)))
    )
      break;
    if (!isStandIn(piece[0])) spans.push(pieceAt(from + piece.index, piece[0]));
    to = begin - 1;
  }
  // The last line alone is no key.
  return spans.some(({ value }) => value.length >= KEY_LINE) ? spans : [];
};

const SSH2_KEY = /---- BEGIN SSH2 (?:ENCRYPTED )?PRIVATE KEY ----\s*/g;
const PUTTY_KEY = /\bPrivate-Lines: \d{1,4}\r?\n/g;
const KEY_LINES = /(?:(?:Comment|Subject|x-[\w-]+):[^\n]{0,300}\n)?(?:[A-Za-z0-9+/=]{1,100}\r?(?:\n|$)){1,200}/y;
/** "-----BEGIN" in base64; what is decoded of it says whose. */
const ENCODED_KEY = /LS0tLS1CRUdJTi[A-Za-z0-9+/_-]{30,20000}={0,2}/g;

/** Private keys in other clothes: SSH2's, PuTTY's, and one that was encoded as a whole, as Kubernetes does. */
export const otherKeys = (text: string): readonly Span[] => [
  ...[SSH2_KEY, PUTTY_KEY].flatMap((expression) =>
    [...text.matchAll(expression)].flatMap(({ index, 0: whole }) => {
      KEY_LINES.lastIndex = index + whole.length;
      const value = KEY_LINES.exec(text)?.[0].trimEnd() ?? "";
      return value === ""
        ? []
        : [
            {
              ...spanOf(index + whole.length, value, "private key"),
              aliases: value.split(/\s+/).filter((line) => line.length >= KEY_LINE),
              write: (standIn: string) => standIn + breaksOf(value),
            },
          ];
    }),
  ),
  ...[...text.matchAll(ENCODED_KEY)].flatMap(({ index, 0: value }) =>
    fromBase64(value.slice(0, 120)).includes("PRIVATE KEY") ? [spanOf(index, value, "private key")] : [],
  ),
];

/** A private key's first line that something other than a stand-in follows. */
const BARE_KEY =
  /-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----((?:[\s>|#]|\\+[nrt\n\r\t]){0,40})(?!REDACTED-\d)([A-Za-z0-9+/]{16}[A-Za-z0-9+/=]{0,4000})/g;
const KEY_EDGES = /-----(?:BEGIN|END) (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----/g;
/** The same in a log that begins each line in its own way, or of which the begin was cut off. */
const LOGGED_LINE = /(?<![A-Za-z0-9+/])(?=[^\n]{0,60}\d)[A-Za-z0-9+/]{48,76}={0,2}(?=[ \t\r]*$)/;
const MAX_LOGGED = 2000;

/** The line that begins behind the end of this one; one that goes on for too long is none. */
const lineBehind = (text: string, at: number): { readonly from: number; readonly line: string } | undefined => {
  const room = text.slice(at, at + MAX_LOGGED);
  const first = room.indexOf("\n");
  if (first < 0) return undefined;
  const second = room.indexOf("\n", first + 1);
  if (second < 0 && room.length === MAX_LOGGED) return undefined;
  return { from: at + first + 1, line: room.slice(first + 1, second < 0 ? undefined : second) };
};

const lineAhead = (text: string, at: number): { readonly from: number; readonly line: string } | undefined => {
  const to = lineBefore(text, at);
  if (to < 0) return undefined;
  const from = lineBefore(text, to) + 1;
  return from === 0 && to >= MAX_LOGGED ? undefined : { from, line: text.slice(from, to) };
};

/** What of private keys anybody can see: `offset` is where the line stands that says so, `start` where the part begins. */
export const bareKeys = (
  text: string,
): readonly { readonly offset: number; readonly start: number; readonly value: string }[] => {
  if (!text.includes("PRIVATE KEY")) return [];
  const found = [...text.matchAll(BARE_KEY)].map(({ index, 0: whole, 2: value = "" }) => ({
    offset: index,
    start: index + whole.length - value.length,
    value,
  }));
  const seen = new Set<number>();
  for (const { index, 0: whole } of text.matchAll(KEY_EDGES)) {
    const next = whole.startsWith("-----BEGIN") ? lineBehind(text, index + whole.length) : lineAhead(text, index);
    if (next === undefined || seen.has(next.from)) continue;
    seen.add(next.from);
    const piece = LOGGED_LINE.exec(next.line);
    if (piece !== null) found.push({ offset: index, start: next.from + piece.index, value: piece[0] });
  }
  return found.sort((a, b) => a.offset - b.offset);
};
