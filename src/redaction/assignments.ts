import { privatePath } from "./addresses.ts";
import { aliasesOfBasic } from "./base64.ts";
import { kindOfName, secretBy, wordsOf } from "./names.ts";
import { breaksOf, lineBefore, type Span, spanOf } from "./spans.ts";
import { isDuration, isNoSecret, isPath, percentDecoded } from "./values.ts";

/*
 * No expression here may take more than a bounded number of steps for a place at which it begins: what is read comes from
 * outside.
 */

const CORE = /pass(?:w(?:or)?d|phrase|code|wort)?|pwd|secret|token|key|cred|auth|cookie|jwt|psk|webhook/gi;
/** Colours of a terminal, as they are or as a log has escaped them. */
const COLOUR = String.raw`(?:(?:\x1b|\\{1,2}x1[bB]|\\{1,2}u001[bB]|\\{1,2}033)\[[\d;]{0,12}m)`;
/** Quotes that are escaped for an address, for HTML, for JSON within HTML. */
const ESCAPED_QUOTE = "(?:%2[27]|&quot;|&#3[49];|\\\\{1,3}u002[27])";
const SEPARATOR = new RegExp(
  String.raw`(?:\\{0,3}["']|${ESCAPED_QUOTE})?${COLOUR}{0,2}(?:==(?=[^\s=~"'])|=(?=~[^\s"'=])|%3[aAdD]|[ \t]{0,4}(?::=|=>|[:=])(?![:=~])[ \t]{0,4})${COLOUR}{0,2}`,
  "y",
);
const ESCAPED_OPENING = new RegExp(`^${ESCAPED_QUOTE}`);
/** Around a value in Go's and JSON's lists, or in a sentence; what a template puts in is none. */
const BRACKET = /^(?:\[\]string\{|\[(?!\[)|\((?!\()|\{(?![{%#])|<(?![<%]|[A-Z][A-Z0-9_ -]*>|\/?[a-z][a-z _-]*>))(?=\S)/;
const MAX_VALUE = 2048;
const MAX_BARE = 512;
/** Words that stand behind a colon and are no value. */
const PROSE =
  /^(?:invalid|missing|expired?|required|empty|none|unknown|not|is|unexpected|error|failed|failure|ok|valid|rejected|denied|unauthorized|forbidden|string|str|int|bool|the|a|an|must|should|cannot|can't|no|to|for|and|or|file|unable|could|while|if|see|use|default|optional|bad|wrong|given|set|unset|found|see|text|removed|changed|ignored|disabled|enabled|authentication|access|incorrect)$/i;
const HEADER_SCHEME =
  /^(?:Basic|Bearer|Splunk|token|ApiKey|Api-Key|GenieKey|Digest|Negotiate|NTLM|OAuth|AWS4-HMAC-SHA256)[ \t]+(?=\S)/i;

const ESCAPE_BEFORE = /^(?:%2[0-9a-f]|\\u00[0-9a-f]{2}|[[;]\d{1,3}m)(?=\w)/i;

const isNameChar = (char: string | undefined): boolean => char !== undefined && /[\w.$-]/.test(char);

/** One `name: value` or `name=value` of a text. */
export interface Assignment {
  readonly name: string;
  readonly value: string;
  readonly start: number;
  readonly end: number;
  readonly separator: string;
  readonly isQuoted: boolean;
  /** A bracket stands before it. */
  readonly isHeld: boolean;
  /** It stands in the query of an address. */
  readonly inQuery: boolean;
}

const ENDS: ReadonlySet<number> = new Set(Array.from(" \t\n\r\f\v\u00a0\"'`<>\u001b", (char) => char.charCodeAt(0)));
const PERCENT = 0x25;
const [BACKSLASH, AMPERSAND, HASH, COMMA, SEMICOLON, LESS, QUESTION] = [
  0x5c, 0x26, 0x23, 0x2c, 0x3b, 0x3c, 0x3f,
] as const;

/** Where a value ends that has no quotes around it. */
const bareEnd = (text: string, from: number, inQuery: boolean, around: string, isEscaped = false): number => {
  const stop = Math.min(text.length, from + MAX_BARE);
  let at = from;
  for (; at < stop; at += 1) {
    const char = text.charCodeAt(at);
    if (ENDS.has(char) && !(char === LESS && at === from) && !isWithin(text, from, at, around)) break;
    if (char === BACKSLASH && /^(?:[nrt"]|x1b|u001b|033\[)/i.test(text.slice(at + 1, at + 6))) break;
    if (isEscaped && char === PERCENT && /^(?:2[267c]|0[ad]|7d)/i.test(text.slice(at + 1, at + 3))) break;
    if (char === AMPERSAND && (inQuery || /^(?:amp;)?[\w.-]{1,40}=/.test(text.slice(at + 1, at + 50)))) break;
    if ((char === HASH || char === QUESTION) && inQuery) break;
    if (
      (char === COMMA || char === SEMICOLON) &&
      /^["']?\s{0,3}["']?[\w.-]{1,40}["']?[=:]/.test(text.slice(at + 1, at + 60))
    )
      break;
  }
  return at;
};

/** A quote, or the like, that stands in a value of a setting: nothing was opened before it, and the value goes on. */
const isWithin = (text: string, from: number, at: number, around: string): boolean => {
  const char = text[at] ?? "";
  if (at === from || !/["'`<]/.test(char) || char === around || !/[A-Za-z0-9]/.test(text[at + 1] ?? "")) return false;
  if (text[from - 1] !== "=" || !/\w/.test(text[at - 1] ?? "")) return false;
  // The quote around a line that began further to the left.
  const line = text.slice(Math.max(lineBefore(text, from) + 1, from - 300), from);
  if (char !== "<") return line.split(char).length % 2 === 1;
  return !/^<[a-z]\w*(?:\s[^<>]{0,80})?\/?>/i.test(text.slice(at, at + 100));
};

/** What closes a sentence or a bracket around it is none of it. */
const trimmedEnd = (text: string, from: number, end: number): number => {
  let at = end;
  while (at > from && /[,;.)\]}|]/.test(text[at - 1] ?? "") && !/^\$\{\w+\}$/.test(text.slice(from, at))) at -= 1;
  return at;
};

/** Every name with one of the words in it that a secret's name has, and the value behind it. */
export function* assignmentsIn(text: string): Generator<Assignment> {
  let last = -1;
  // Of the value that was read last, where it ended: what begins inside ends there too.
  let bare = { from: -1, end: -1, inQuery: false, isEscaped: false };
  for (const match of text.matchAll(CORE)) {
    let begin = match.index;
    while (match.index - begin < 64 && begin > 0 && isNameChar(text[begin - 1])) begin -= 1;
    let end = match.index + match[0].length;
    while (end - begin < 140 && /[\w$-]/.test(text[end] ?? "")) end += 1;
    if (end === last) continue;
    last = end;
    // What is left of an escape before it.
    const before = begin > 0 ? ESCAPE_BEFORE.exec(text.slice(begin - 1, begin + 6))?.[0] : undefined;
    if (before !== undefined) begin = Math.min(match.index, begin + before.length - 1);
    SEPARATOR.lastIndex = end;
    const separator = SEPARATOR.exec(text)?.[0];
    if (separator === undefined) continue;
    // `token= next`: nothing stands there.
    if (/^[^\s]*=[ \t]+$/.test(separator)) continue;
    const name = text.slice(begin, end);
    const from = end + separator.length;
    const inQuery = /[?&]|&amp;$/.test(text.slice(Math.max(0, begin - 1), begin));
    const bracket = BRACKET.exec(text.slice(from, from + 90))?.[0] ?? "";
    const inside = from + bracket.length;
    const isHeld = bracket !== "";
    const [escaped = ""] = ESCAPED_OPENING.exec(text.slice(inside, inside + 10)) ?? [];
    if (escaped !== "") {
      const start = inside + escaped.length;
      const closing = text.slice(start, start + MAX_BARE).indexOf(escaped);
      const at = closing < 0 ? bareEnd(text, start, inQuery, "", true) : start + closing;
      const isAddress = escaped.startsWith("%");
      yield {
        ...{ name, value: text.slice(start, at), start, end: at, separator, isHeld },
        ...{ isQuoted: !isAddress, inQuery: isAddress },
      };
      continue;
    }
    const isEscaped = separator.includes("%3");
    const [opening = ""] = /^(?:\\{0,3}"|\\?'|`)/.exec(text.slice(inside, inside + 4)) ?? [];
    if (opening !== "") {
      const start = inside + opening.length;
      const at = quotedEnd(text, start, opening, /^\\{0,3}"/.test(separator));
      // What is named there is a part of it.
      if (isHeld && /^\\{0,3}["'][ \t]{0,4}:/.test(text.slice(at, at + 10))) continue;
      yield { name, value: text.slice(start, at), start, end: at, separator, isQuoted: true, isHeld, inQuery };
    } else {
      const isSame = inQuery === bare.inQuery && isEscaped === bare.isEscaped;
      if (!(isSame && inside > bare.from && inside < bare.end)) {
        const stop = bareEnd(text, inside, inQuery, text[begin - 1] ?? "", isEscaped);
        bare = { from: inside, end: stop, inQuery, isEscaped };
      }
      const to = trimmedEnd(text, inside, bare.end);
      if (to > inside)
        yield {
          name,
          value: text.slice(inside, to),
          start: inside,
          end: to,
          separator,
          isQuoted: false,
          isHeld,
          inQuery: inQuery || isEscaped,
        };
    }
  }
}

const MAX_BREAKS = 5;

/**
 * Where a value in quotes ends. Each level of escaping doubles the backslashes before a quote and adds one: behind an opening
 * with n of them, n and any multiple of 2(n + 1) more close.
 */
const quotedEnd = (text: string, start: number, opening: string, mayBreak: boolean): number => {
  const limit = Math.min(text.length, start + MAX_VALUE);
  const quote = opening.at(-1) ?? "";
  const depth = opening.length - 1;
  let [run, breaks, firstBreak] = [0, 0, -1];
  for (let at = start; at < limit; at += 1) {
    const char = text[at];
    if (char === "\\") {
      run += 1;
      continue;
    }
    if (char === quote && (run <= depth || (run - depth) % (2 * (depth + 1)) === 0)) return at - Math.min(run, depth);
    run = 0;
    if (char !== "\n") continue;
    if (firstBreak < 0) firstBreak = at;
    breaks += 1;
    if (!mayBreak || breaks > MAX_BREAKS) return firstBreak;
  }
  return firstBreak >= 0 ? firstBreak : limit;
};

const LOGIN_HEADER = /^(?:proxy_)?authorization$|^(?:set_)?cookie$/;

/** What stands at a value's begin in YAML and is none of it: an anchor, an alias, a tag, the head of a block. */
const OF_YAML = /^[&*!|>]/;

export const HAS_STAND_IN = /(?<!\w)REDACTED-\d+(?!\w)/;

export const named = (text: string, isYaml: boolean): readonly Span[] => {
  const spans: Span[] = [];
  for (const { name, value, start, end, separator, isQuoted, isHeld, inQuery } of assignmentsIn(text)) {
    const words = wordsOf(name);
    if (LOGIN_HEADER.test(words.slice(-2).join("_")) || LOGIN_HEADER.test(words.at(-1) ?? "")) {
      if (!isQuoted && /^\d{1,5}$|^[A-Za-z]+$/.test(value) && (separator.includes("=") || PROSE.test(value))) continue;
      const line = text.slice(start, start + MAX_VALUE);
      const stop = isQuoted
        ? end - start
        : ((isHeld ? /[\r\n"'`\]]|\\[nr"]|$/ : /[\r\n"'`]|\\[nr"]|$/).exec(line)?.index ?? line.length);
      const scheme = HEADER_SCHEME.exec(line.slice(0, stop))?.[0] ?? "";
      const header = line.slice(scheme.length, stop).trimEnd();
      if (
        !isNoSecret(header) &&
        !/^(?:SameSite|Path|Domain|Max-Age|Expires|Secure|HttpOnly)\b[^;]*$/i.test(header) &&
        (separator.includes("=") || isQuoted || scheme !== "" || !PROSE.test(header.split(/\s/, 1)[0] ?? ""))
      )
        spans.push({
          ...spanOf(start + scheme.length, header, `header ${name.slice(0, 60)}`),
          ...aliasesOfBasic(scheme, header),
        });
      continue;
    }
    const kind = kindOfName(name);
    if (isYaml && !isQuoted && OF_YAML.test(value)) continue;
    // Its secret part was taken out by structure.
    if (HAS_STAND_IN.test(value)) continue;
    if (kind !== undefined && /webhook/i.test(name) && /^https?:/i.test(value)) {
      const path = privatePath(value);
      if (path) spans.push(spanOf(start + path.from, path.value, `address ${name.slice(0, 60)}`));
      continue;
    }
    if (
      kind === undefined ||
      isNoSecret(value) ||
      isDuration(value) ||
      (!isQuoted && /^[[{(<]|^%(?:[svdqwx+#]|[({%])|^\$\(|^[\w.]{1,80}\($/.test(value)) ||
      (isHeld && !isQuoted && !(/\d/.test(value) && /[A-Za-z]/.test(value) && value.length >= 4)) ||
      (isYaml && isQuoted && REGEX.test(value))
    )
      continue;
    if (!inQuery && !isQuoted && isOfSentence(name, value, separator, words)) continue;
    // PagerDuty's key in the body of a request.
    const isRouting = /routing_?key$/i.test(name) && secretBy(name, value) !== undefined;
    // `?key=value` explains what a query is.
    if (kind === "bare" && (inQuery ? value === "value" : !isRouting)) continue;
    if (kind === "way" && !(separator.trim() === "=" && /\d|:/.test(value))) continue;
    if (secretBy(name, value) === undefined && kind !== "bare") continue;
    if (isPath(value) && kind !== "value") continue;
    if (!isQuoted && separator.includes(":")) {
      // "token: unexpected end of input" is a sentence.
      if (/^[A-Za-z'-]+$/.test(value) && (/^[ \t]+[A-Za-z]/.test(text.slice(end, end + 8)) || PROSE.test(value)))
        continue;
    }
    const scheme = HEADER_SCHEME.exec(value)?.[0] ?? (isQuoted ? "" : undefined) ?? "";
    // `token: Bearer abc`: the word behind is the secret.
    const behind =
      !isQuoted && /^(?:Bearer|Basic|token)$/i.test(value)
        ? /^[ \t]+([^\s"'`<>,;]{4,2000})/.exec(text.slice(end, end + 2048))
        : null;
    if (behind?.[1] !== undefined) {
      if (!isNoSecret(behind[1]))
        spans.push(spanOf(end + behind[0].length - behind[1].length, behind[1], `key ${name.slice(0, 60)}`));
      continue;
    }
    const inner = value.slice(scheme.length);
    if (isNoSecret(inner)) continue;
    if (!isYaml && !isQuoted && !inQuery && IS_SAID.test(inner)) continue;
    const meant = inQuery ? percentDecoded(inner) : isQuoted ? unescaped(inner) : inner;
    // A number of JSON has no quotes: what stands for it needs some.
    const quote = (!isQuoted && /^-?\d+$/.test(inner) && /^(\\{0,3}")[ \t]*:/.exec(separator)?.[1]) || "";
    spans.push({
      ...spanOf(start + scheme.length, inner, `key ${name.slice(0, 60)}`),
      value: meant,
      ...(meant !== inner && { aliases: [inner] }),
      write: (standIn) => quote + standIn + quote + breaksOf(inner),
    });
  }
  return spans;
};

/** What a log says about a secret: that there is none, how many, which file, an item of the hub, a cookie's kind. */
const IS_SAID =
  /^(?:unset|missing|not_set|\d{1,6}\/\d{1,6}|crowdsecurity\/[\w.-]+|\/(?:etc|var|usr|run|opt|root|home|tmp|srv)\/[\w./-]+)$/i;

/** A pattern of the hub, which is called after what it finds. */
const REGEX = /\.[*+]|\[\^?[^\]]{0,20}\w-\w|\(\?[:<P=!]|\\[dwsSDWb]|\[[^\]]{1,40}\][*+?{]/;

/** These name their value whatever it looks like. */
const EXACT = /^(?:password|passwd|passphrase|api[_-]?key)$/i;

/** `token: Post "https://…"`, `pass=3`, `tokens_used=17`, `token=expired`: what is said about a thing, or counted. */
const isOfSentence = (name: string, value: string, separator: string, words: readonly string[]): boolean => {
  const isCount = /^\d{1,5}$/.test(value);
  if (/^pass$/i.test(name) && isCount) return true;
  if (EXACT.test(name)) return false;
  if (isCount && !/^(?:password|passwd|passphrase|passcode|key|pwd|pass|secret|token|pin)$/.test(words.at(-1) ?? ""))
    return true;
  if (separator.includes("=")) return isCount ? false : PROSE.test(value) && !/pass|pwd|key/i.test(name);
  return /\s$/.test(separator) && (isCount || /^[A-Za-z]+(?:[-'_][A-Za-z]+)*$/.test(value));
};

/** A text in quotes, as whoever wrote it meant it. */
const unescaped = (text: string): string => {
  if (!text.includes("\\")) return text;
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return text.replace(/\\(["'\\])/g, "$1");
  }
};
