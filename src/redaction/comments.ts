import { kindOfName, secretBy } from "./names.ts";
import type { Span } from "./spans.ts";
import { type IsSet, isNoSecret, REMOVED } from "./values.ts";

/** A comment of YAML, from its `#` to the end of its line. */
export interface Comment {
  readonly text: string;
  /** Offset in the text that it is part of. */
  readonly at: number;
}

const MAX_COMMENT = 2000;
const ASSIGNED = /^[#\s]*(?:-\s+)?["']?([A-Za-z_][\w.-]{0,60})["']?\s*[:=]\s*(\S[^\n]*?)\s*$/;
/** A key whose value stands below it. */
const OPEN = /^([#\s]*(?:-\s+)?)["']?([A-Za-z_][\w.-]{0,60})["']?\s*[:=][ \t]*(?:[|>][+\-\d]*)?\s*$/;
const BELOW = /^([#\s]*)(?:-\s+)?(\S[^\n]*?)\s*$/;
const ANY_KEY = /^[\w.-]{1,60}\s*[:=](?:\s|$)/;
const SCHEME = /^(?:Basic|Bearer|Splunk|token|ApiKey|Api-Key|GenieKey|Digest)\s+(?=\S)/i;

/** What somebody says about a password, and what it was: `# previous db password was x`. */
const SPEAKS =
  /\b(?:pass(?:word|wd|phrase|code)|pwd|secret|token|credentials?|(?:api|lapi|bouncer|enroll)[ _-]?key|key)s?\b/gi;
const WAS =
  /^["'`]?\s{0,4}(?:\([^()\n]{0,40}\)\s{0,4})?(?:was|used to be|has been|changed (?:from|to)|before:?|now:?)\s+(\S+)/i;
/** `# db pw: x`, `# Passwort (alt): x`: a name of several words, and one word as its value. */
const NAMED =
  /^[#\s]*(?:-\s+)?((?:[\w.-]{1,40}[ \t]){0,4})([A-Za-z_][\w.-]{0,40})(?:[ \t]?\([^()\n]{0,40}\))?[ \t]{0,4}[:=][ \t]{0,4}(\S+)\s*$/;
/** Beside a password, or above it: what it was. */
const FORMER =
  /^[#\s]*(?:the )?(?:old|older|previous|previously|prev|former|formerly|was|before|alt|alte[rs]?|backup|new|next|other|ex|until)\b[\w .,/()-]{0,40}?(?:[:=]|\s)\s*(\S+)\s*$/i;
/** `# x is the password`. */
const IS_ONE =
  /\b(?:is|was)[ \t](?:(?:the|our|my|your|its|an?)[ \t])?(?:[\w.-]{1,30}[ \t]){0,3}(?:pass(?:word|wd|phrase)|pwd?|secret|token|key)\b/i;
/** The key that a line sets. */
const SETS = /^[\s-]*["']?([A-Za-z_][\w.-]{0,60})["']?[ \t]*:/;
/** Words with digits that are none. */
const TECHNICAL =
  /^(?:[a-z]*(?:sha|md|base|aes|rsa|utf|iso|ed|ipv|http|tls|rfc|oauth|x|s0|v|crc|hs|rs|es)[-_]?\d[\w.-]{0,8}|[\d.:/_-]+(?:[a-z]{1,3})?|[\w.-]+\.(?:com|org|net|io|ya?ml|conf|md|go|log|json|pem)\b.*)$/i;
/** What may be a password, and is the name of a host, a machine, a bouncer more often: taken out there, and not looked for. */
const NAME = /^[A-Za-z]+(?:[-_.][A-Za-z]+)*[-_.]?\d{1,4}$|^[a-z]+\d{0,4}(?:[-_.][a-z]{0,20}\d{0,4}){1,8}$/;
const EDGES = /^["'`([{<]+|["'`)\]}>.,;:!?]+$/g;

/** Whether a word of prose can only be a password: letters and digits mixed, as no name of a thing is. */
const looksLikeOne = (word: string): boolean =>
  word.length >= 8 &&
  word.length <= 200 &&
  /\d/.test(word) &&
  /[A-Za-z]/.test(word) &&
  !/[/=]|:\/\/|^\$|^<|\(/.test(word) &&
  !/^\d{4}-\d\d|@[\w-]+\.\w/.test(word) &&
  !TECHNICAL.test(word);

const spanAt = (start: number, value: string, rule: string): Span => ({
  start,
  end: start + value.length,
  value,
  rule,
  write: (standIn) => standIn,
});

const assigned = ({ text, at }: Comment, isSet: IsSet): Span | undefined => {
  const [, name = "", rest] = ASSIGNED.exec(text) ?? [];
  if (rest === undefined || /^[|>][+\-\d]*$/.test(rest)) return undefined;
  const [, quote = "", inside] = /^(["'])(.*?)\1/.exec(rest) ?? [];
  const whole = inside ?? rest.replace(/\s+#.*$/, "");
  const scheme = SCHEME.exec(whole)?.[0] ?? "";
  const value = whole.slice(scheme.length);
  // Comments show by words in brackets what is to stand there.
  if (/^<[a-z][a-z _-]{0,60}>$/i.test(value)) return undefined;
  const rule = isNoSecret(value, isSet) ? undefined : secretBy(name, value, [], isSet);
  return rule === undefined
    ? undefined
    : spanAt(at + text.lastIndexOf(rest) + quote.length + scheme.length, value, rule);
};

/** Whether a comment stands behind a key that holds a secret, or on the line above it. */
const isNearSecret = (text: string, at: number, length: number): boolean => {
  const begin = text.lastIndexOf("\n", at - 1) + 1;
  const before = text.slice(begin, Math.min(at, begin + 500));
  const newline = text.indexOf("\n", at + length);
  const line = before.trim() !== "" ? before : newline < 0 ? "" : text.slice(newline + 1, newline + 200);
  const [, name = ""] = SETS.exec(line) ?? [];
  return kindOfName(name) === "value";
};

/** In prose: what follows such a word and looks like a value. */
const told = (whole: string, { text, at }: Comment, isSet: IsSet): readonly Span[] => {
  const spans: Span[] = [];
  const add = (word: string, offset: number, isSure: boolean): void => {
    const lead = /^["'`([{<]+/.exec(word)?.[0].length ?? 0;
    const value = word.replace(EDGES, "");
    if (value === "" || isNoSecret(value, isSet) || spans.some(({ start }) => start === at + offset + lead)) return;
    const span = spanAt(at + offset + lead, value, "what a comment tells");
    spans.push(isSure || !NAME.test(value) ? span : { ...span, isPrivate: true, write: () => REMOVED });
  };
  const first = [...text.matchAll(SPEAKS)].map((match) => ({ match, end: match.index + match[0].length }));
  for (const { match, end } of first) {
    const behind = text.slice(end);
    const was = /^keys?$/i.test(match[0]) ? null : WAS.exec(behind);
    if (was?.[1] !== undefined && /^\W*$/.test(behind.slice(was[0].length)))
      add(was[1], end + was[0].length - was[1].length, true);
  }
  const [, leading = "", name = "", named] = NAMED.exec(text) ?? [];
  if (
    named !== undefined &&
    !/^[#\s]/.test(named) &&
    (leading !== "" || /[(]|^[#\s]*(?:-\s+)?key\b/i.test(text.slice(0, -named.length)))
  ) {
    const bare = named.replace(EDGES, "");
    const isOne = secretBy(name, bare) !== undefined && !/^[a-z]+$/.test(bare);
    if (isOne || (kindOfName(name) === "bare" && looksLikeOne(bare))) add(named, text.lastIndexOf(named), isOne);
  }
  const isNear = isNearSecret(whole, at, text.length);
  const former = isNear ? FORMER.exec(text)?.[1] : undefined;
  if (former !== undefined) add(former, text.lastIndexOf(former), true);
  const from = isNear || IS_ONE.test(text) ? 0 : first[0]?.end;
  if (from === undefined) return spans;
  for (const match of text.slice(from).matchAll(/\S+/g))
    if (looksLikeOne(match[0].replace(EDGES, ""))) add(match[0], from + match.index, false);
  return spans;
};

/** Whether one comment stands on the line below another, and both on lines of their own. */
const follows = (text: string, above: Comment, below: Comment): boolean => {
  const between = text.slice(above.at + above.text.length, below.at);
  return between.length < 500 && /^\r?\n[ \t]*$/.test(between);
};

/** Keys that were commented out are still keys, and prose may hold one. */
export const commentSpans = (text: string, comments: readonly Comment[], isSet: IsSet): readonly Span[] => {
  const spans: Span[] = [];
  for (let index = 0; index < comments.length; index += 1) {
    const comment = comments[index];
    if (comment === undefined || comment.text.length > MAX_COMMENT) continue;
    const span = assigned(comment, isSet);
    if (span) {
      spans.push(span);
      continue;
    }
    const [, lead, name] = OPEN.exec(comment.text) ?? [];
    if (lead !== undefined && name !== undefined) {
      // Deeper than the key: its value, on as many lines as there are.
      for (let above = comment; index + 1 < comments.length; index += 1) {
        const below = comments[index + 1];
        if (below === undefined || below.text.length > MAX_COMMENT || !follows(text, above, below)) break;
        const [, indent = "", value = ""] = BELOW.exec(below.text) ?? [];
        if (indent.length <= lead.length || ANY_KEY.test(value)) break;
        const rule = secretBy(name, value, [], isSet);
        if (rule === undefined) break;
        const bare = value.replace(/^(["'])(.*)\1$/, "$2");
        const offset = below.text.lastIndexOf(value) + (bare === value ? 0 : 1);
        spans.push(spanAt(below.at + offset, bare, rule));
        above = below;
      }
      continue;
    }
    spans.push(...told(text, comment, isSet));
  }
  return spans;
};
