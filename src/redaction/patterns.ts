import { privatePath } from "./addresses.ts";
import { kindOfName, secretBy, wordsOf } from "./names.ts";
import type { Kind } from "./redactor.ts";
import { breaksOf, inOrder, type Span } from "./spans.ts";
import { isDuration, isNoSecret, isPath, isStandIn, percentDecoded } from "./values.ts";

/*
 * What looks like a secret wherever it stands. No expression here may take more than a bounded number of steps for a place at which
 * it begins: what is read comes from outside.
 */

const same = (standIn: string): string => standIn;
const spanOf = (start: number, value: string, rule: string): Span => ({
  start,
  end: start + value.length,
  value,
  rule,
  write: same,
});

// ---------------------------------------------------------------- private keys

const KEY_BEGINS = /-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----/g;
/** What the body of one is made of: base64 with the headers of RFC 1421, on lines of its own or with escaped line breaks. */
const KEY_BODY = /(?:[A-Za-z0-9+/=_-]+|\\+[nrt]|[ \t\r\n>|#"',]+|(?:Proc-Type|DEK-Info|Comment|Version|Hash):[^\n]*)+/y;
const KEY_LINE = 32;
const MAX_KEY = 40_000;

const privateKeys = (text: string): readonly Span[] => {
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
    if (inner === "" || isStandIn(inner)) continue;
    if (!isKeyBody(inner)) {
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
      write: (standIn) => standIn + breaksOf(inner),
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
const LOGGED_PIECE = /(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{16,100}={0,2}(?=[ \t\r"']*$)/;
const LAST_PIECE = /(?<![A-Za-z0-9+/=])(?:[A-Za-z0-9+/]{4}){1,16}={0,2}(?=[ \t\r"']*$)/;

/** Nothing but base64 and the headers of a key: no line of it begins as a log's does. */
const isKeyBody = (inner: string): boolean => {
  const lines = inner
    .split(/\n|\\+[nrt]/)
    .map((line) => line.replace(/^[\s>|#"',]+|[\s"',\\]+$/g, ""))
    .filter((line) => line !== "" && !/^(?:Proc-Type|DEK-Info|Comment|Version|Hash):/.test(line));
  return lines.every((line) => /^[A-Za-z0-9+/=_-]+(?: [A-Za-z0-9+/=_-]{16,})*$/.test(line));
};

/** The line break before a place, no further away than a line of a log is long. */
const lineBefore = (text: string, at: number): number => {
  const from = Math.max(0, at - 2000);
  const found = text.slice(from, at).lastIndexOf("\n");
  return found < 0 ? -1 : from + found;
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
      line.includes("-----") ||
      (count > 0 && (piece[0].length < KEY_LINE || !isMixed(piece[0], 1)))
    )
      break;
    if (!isStandIn(piece[0])) spans.push(pieceAt(from + piece.index, piece[0]));
    to = begin - 1;
  }
  // The last line alone is no key.
  return spans.some(({ value }) => value.length >= KEY_LINE) ? spans : [];
};

// ---------------------------------------------------------------- addresses with a login, or that are as good as one

const SLASHES = /:(?:\/\/|\\\/\\\/)/g;
/** Where an address ends. */
const OUTSIDE = /[\s"<>`]|\\[nrt"]|$/;
/** A quote ends it too, unless it stands in a login. */
const unquotedLength = (text: string): number => {
  const quote = text.indexOf("'");
  if (quote < 0) return text.length;
  const at = text.search(/[/?#]/);
  const login = text.slice(0, at < 0 ? text.length : at).lastIndexOf("@");
  if (login < quote) return quote;
  const next = text.indexOf("'", login);
  return next < 0 ? text.length : next;
};
const MAX_URL = 2048;

/** Addresses whose path is the secret: whoever has it can write there. */
const SECRET_PATH: readonly (readonly [RegExp, RegExp])[] = [
  [/^hooks\.slack(?:-gov)?\.com$/i, /^\/(?:services|workflows|triggers)\/(.+)$/],
  [/^(?:\w+\.)?discord(?:app)?\.com$/i, /^\/api\/(?:v\d+\/)?webhooks\/(.+)$/],
  [/(?:^|\.)webhook\.office\.com$|(?:^|\.)logic\.azure\.com$|(?:^|\.)powerplatform\.com$/i, /^\/(.+)$/],
  [/^outlook\.office(?:365)?\.com$/i, /^\/webhook\/(.+)$/],
  [/^api\.telegram\.org$/i, /^\/bot([^/]+)/],
  [/^(?:hooks|webhooks?)\.[\w.-]+$/i, /^\/(.+)$/],
  [
    /^[\w.-]*(?:pagerduty|opsgenie|splunkcloud|zapier|ifttt|pipedream|webhook)\.\w+$/i,
    /^\/(?:hooks?|trigger|integration|v\d)\/(.+)$/,
  ],
  [/./, /^\/(?:[\w.-]+\/){0,3}(?:hooks|webhooks?)\/([\w.%~=-]{16,}.*)$/],
];

const HOST = /^(?:\[[\da-fA-F:.%]+\]|[\w.-]+)(?::\d{1,5})?$/;
/** Users whom everybody has. */
const ORDINARY_USER = /^(?:[a-z_][a-z]{0,11}(?:[._-][a-z]{1,11})?|DOMAIN)$/;

const urls = (text: string, isOrdinary: (word: string) => boolean): readonly Span[] => {
  const spans: Span[] = [];
  for (const match of text.matchAll(SLASHES)) {
    const scheme = /[a-z][a-z0-9+.-]{0,30}$/i.exec(text.slice(Math.max(0, match.index - 32), match.index))?.[0];
    if (scheme === undefined) continue;
    const from = match.index + match[0].length;
    const room = text.slice(from, from + MAX_URL);
    const length = unquotedLength(room.slice(0, OUTSIDE.exec(room)?.index ?? room.length));
    // Another one in its query speaks for itself.
    const next = room.slice(0, length).search(/[a-z][a-z0-9+.-]{0,15}:(?:\/\/|\\\/\\\/)/i);
    const stop = next < 0 ? length : next;
    const window = room.slice(0, stop);
    const whole = window.slice(0, stop).replace(/\\\//g, "/");
    const isEscaped = whole.length !== stop;
    const authorityEnd = /[/?#\\]/.exec(whole)?.index ?? whole.length;
    let at = whole.lastIndexOf("@", authorityEnd);
    // A password that should have been escaped: behind the colon is no port, and further on stands a host.
    if (at < 0 && !HOST.test(whole.slice(0, authorityEnd))) {
      const later = whole.lastIndexOf("@");
      if (later > 0 && /^(?:\[[\da-fA-F:.]+\]|[\w.-]+)(?:[:/?#]|$)/.test(whole.slice(later + 1))) at = later;
    }
    // An `@` and a slash in it: a host of one word follows the first, and another the last.
    if (at > 0 && whole.slice(0, at).includes(":")) {
      const later = whole.lastIndexOf("@");
      const between = whole.slice(at + 1, later);
      if (
        later > at &&
        !/[?#&=]|\/$/.test(between) &&
        !/^(?:localhost|[\w-]+\.[\w.-]+|\[[\da-fA-F:.]+\]|[\w.-]+:\d{1,5})(?:\/|$)/.test(between) &&
        /^(?:\[[\da-fA-F:.]+\]|[\w.-]+)(?:[:/?#]|$)/.test(whole.slice(later + 1))
      )
        at = later;
    }
    const shift = (offset: number): number => {
      if (!isEscaped) return from + offset;
      // The escaped slashes before it take one character more each.
      let [raw, seen] = [0, 0];
      while (seen < offset) {
        raw += window[raw] === "\\" && window[raw + 1] === "/" ? 2 : 1;
        seen += 1;
      }
      return from + raw;
    };
    const add = (start: number, end: number, rule: string): void => {
      const raw = whole.slice(start, end);
      const value = percentDecoded(raw);
      if (raw === "" || isNoSecret(raw)) return;
      spans.push({
        start: shift(start),
        end: shift(end),
        value,
        ...(raw !== value && { aliases: [raw] }),
        rule,
        write: same,
      });
    };
    if (at > 0) {
      const colon = whole.indexOf(":");
      const user = whole.slice(0, colon >= 0 && colon < at ? colon : at);
      const decoded = percentDecoded(user);
      if (!ORDINARY_USER.test(decoded) && !isOrdinary(decoded)) add(0, user.length, "user of a URL");
      if (colon >= 0 && colon < at) add(colon + 1, at, "password of a URL");
    }
    const hostEnd = Math.max(authorityEnd, at < 0 ? 0 : at + 1 + (/[/?#]|$/.exec(whole.slice(at + 1))?.index ?? 0));
    const host = whole.slice(at + 1, hostEnd).replace(/:\d+$/, "");
    const rest = whole.slice(hostEnd);
    const secret =
      SECRET_PATH.find(([hosts]) => hosts.test(host) && host !== "")?.[1].exec(rest)?.[1] ??
      SECRET_PATH.at(-1)?.[1].exec(rest)?.[1];
    if (secret !== undefined) {
      const trimmed = secret.replace(/[).,;\]}]+$/, "");
      const start = hostEnd + rest.indexOf(secret);
      add(start, start + trimmed.length, "address that messages are sent to");
    }
  }
  return spans;
};

/** `user:password@tcp(host:3306)/name`, as Go's driver of MySQL is told (github.com/go-sql-driver/mysql, "DSN"). */
const mysqlAddresses = (text: string): readonly Span[] =>
  [...text.matchAll(/@(?:tcp6?|unix)\(/g)].flatMap(({ index }) => {
    const before = /[^\s"'`]{0,400}$/.exec(text.slice(Math.max(0, index - 400), index))?.[0] ?? "";
    const slashes = before.lastIndexOf("://");
    const login = slashes >= 0 ? before.slice(slashes + 3) : before;
    const colon = login.indexOf(":");
    const value = login.slice(colon + 1);
    return colon < 0 || isNoSecret(value) ? [] : [spanOf(index - value.length, value, "password of a DSN")];
  });

/** `bob:password@proxy:3128`: letters and digits before the last sign, and no digest or time. */
const LOGIN = /(?<![\w@.:%+-])[A-Za-z_][\w.-]{0,40}:([^\s"'`<>@,;()[\]{}]{6,80})@(?=[A-Za-z\d[])(?!sha\d|md5)/g;
const loginsWithoutScheme = (text: string): readonly Span[] =>
  text.includes("@")
    ? [...text.matchAll(LOGIN)].flatMap(({ index, 0: whole, 1: value = "" }) =>
        /\d/.test(value) && /[A-Za-z]/.test(value) && !/^(?:\/\/|\\|[\d.:]+$)/.test(value) && !isNoSecret(value)
          ? [spanOf(index + whole.length - 1 - value.length, value, "password of a login")]
          : [],
      )
    : [];

/** Where a password is told otherwise than behind a sign: SQL, .netrc, nginx, redis, XML. */
const PHRASES: readonly RegExp[] = [
  /\bIDENTIFIED[ \t]{1,4}(?:WITH[ \t]{1,4}[\w'"]{1,40}[ \t]{1,4})?(?:BY|AS)[ \t]{1,4}(?:PASSWORD[ \t]{1,4})?['"]([^'"\n]{1,200})['"]/gi,
  /\b(?:WITH|ENCRYPTED|UNENCRYPTED)[ \t]{1,4}PASSWORD[ \t]{1,4}['"]([^'"\n]{1,200})['"]/gi,
  /\blogin[ \t]{1,4}\S{1,100}\s{1,8}password[ \t]{1,4}(\S{1,200})/gi,
  /\bproxy_set_header[ \t]{1,8}(?:X-[\w-]{0,40}(?:key|token|secret)|authorization)[ \t]{1,8}["']?(?:Bearer |Basic )?([^\s"';$]{1,300})/gi,
  /\bset[ \t]{1,8}\$\w{0,40}(?:key|token|secret|pass(?:word)?)[ \t]{1,8}["']?([^\s"';$]{1,300})/gi,
  /(?:^|\n)[ \t]{0,8}(?:requirepass|masterauth)[ \t]{1,8}["']?([^\s"']{1,200})/g,
  /<(?:[\w-]{0,20}(?:password|passwd|secret|token|api[_-]?key))>([^<>\n]{1,300})<\//gi,
  /[?&](?:u|user|username)=[^&\s]{0,100}&(?:amp;)?p=([^\s&"'<>#]{1,200})/gi,
];
/** `password Hunter2zz`: a sentence has no digits there. */
const BESIDE =
  /\b(?:password|passwd|passphrase)[ \t]{1,3}(?:is[ \t])?["']?((?=[^\s"']{0,60}\d)(?=[^\s"']{0,60}[A-Za-z])[^\s"'<>:=()]{6,120})(?=["')\s.,;]|$)/gi;

const phrases = (text: string): readonly Span[] =>
  [...PHRASES, BESIDE].flatMap((expression) =>
    [...text.matchAll(expression)].flatMap(({ index, 0: whole, 1: value = "" }) =>
      isNoSecret(value) || isPath(value) || HAS_STAND_IN.test(value)
        ? []
        : [spanOf(index + whole.lastIndexOf(value), value, "password in a text")],
    ),
  );

const SSH2_KEY = /---- BEGIN SSH2 (?:ENCRYPTED )?PRIVATE KEY ----\s*/g;
const PUTTY_KEY = /\bPrivate-Lines: \d{1,4}\r?\n/g;
const KEY_LINES = /(?:(?:Comment|Subject|x-[\w-]+):[^\n]{0,300}\n)?(?:[A-Za-z0-9+/=]{1,100}\r?(?:\n|$)){1,200}/y;
/** "-----BEGIN" in base64; what is decoded of it says whose. */
const ENCODED_KEY = /LS0tLS1CRUdJTi[A-Za-z0-9+/_-]{30,20000}={0,2}/g;

/** Private keys in other clothes: SSH2's, PuTTY's, and one that was encoded as a whole, as Kubernetes does. */
const otherKeys = (text: string): readonly Span[] => [
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

/** Names that are secret in a query and too common elsewhere. */
const QUERY =
  /[?&](?:amp;)?(key|sig|signature|code|auth|se?cr|x-amz-(?:signature|credential|security-token)|sv_token)=([^\s&?"'#<>\\]{4,1500})/gi;

const queries = (text: string): readonly Span[] =>
  [...text.matchAll(QUERY)].flatMap(({ index, 0: whole, 1: name = "", 2: value = "" }) =>
    isNoSecret(value)
      ? []
      : [
          {
            ...spanOf(index + whole.length - value.length, value, `parameter ${name}`),
            value: percentDecoded(value),
            ...(percentDecoded(value) !== value && { aliases: [value] }),
          },
        ],
  );

// ---------------------------------------------------------------- names with a value

const CORE = /pass(?:w(?:or)?d|phrase|code|wort)?|pwd|secret|token|key|cred|auth|cookie|jwt|psk|webhook/gi;
const SEPARATOR = /(?:\\{0,3}["'])?(?:==(?=[^\s=~"'])|=(?=~[^\s"'=])|[ \t]{0,4}(?::=|=>|[:=])(?![:=~])[ \t]{0,4})/y;
/** Around a value in Go's and JSON's lists, or in a sentence; what a template puts in is none. */
const BRACKET = /^(?:\[\]string\{|\[(?!\[)|\((?!\()|\{(?![{%#])|<(?![<%]|[A-Z][A-Z0-9_ -]*>|\/?[a-z][a-z _-]*>))(?=\S)/;
const MAX_VALUE = 2048;
const MAX_BARE = 512;
/** Words that stand behind a colon and are no value. */
const PROSE =
  /^(?:invalid|missing|expired?|required|empty|none|unknown|not|is|unexpected|error|failed|failure|ok|valid|rejected|denied|unauthorized|forbidden|string|str|int|bool|the|a|an|must|should|cannot|can't|no|to|for|and|or|file|unable|could|while|if|see|use|default|optional|bad|wrong|given|set|unset|found|see|text|removed|changed|ignored|disabled|enabled|authentication|access|incorrect)$/i;
const HEADER_SCHEME =
  /^(?:Basic|Bearer|Splunk|token|ApiKey|Api-Key|GenieKey|Digest|Negotiate|NTLM|OAuth|AWS4-HMAC-SHA256)[ \t]+(?=\S)/i;

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

const ENDS: ReadonlySet<number> = new Set(Array.from(" \t\n\r\f\v\u00a0\"'`<>", (char) => char.charCodeAt(0)));
const [BACKSLASH, AMPERSAND, HASH, COMMA, SEMICOLON, LESS, QUESTION] = [
  0x5c, 0x26, 0x23, 0x2c, 0x3b, 0x3c, 0x3f,
] as const;

/** Where a value ends that has no quotes around it. */
const bareEnd = (text: string, from: number, inQuery: boolean, around: string): number => {
  const stop = Math.min(text.length, from + MAX_BARE);
  let at = from;
  for (; at < stop; at += 1) {
    const char = text.charCodeAt(at);
    if (ENDS.has(char) && !(char === LESS && at === from) && !isWithin(text, from, at, around)) break;
    if (char === BACKSLASH && /^[nrt"]/.test(text[at + 1] ?? "")) break;
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
  let bare = { from: -1, end: -1, inQuery: false };
  for (const match of text.matchAll(CORE)) {
    let begin = match.index;
    while (match.index - begin < 64 && begin > 0 && isNameChar(text[begin - 1])) begin -= 1;
    let end = match.index + match[0].length;
    while (end - begin < 140 && /[\w$-]/.test(text[end] ?? "")) end += 1;
    if (end === last) continue;
    last = end;
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
    const [opening = ""] = /^(?:\\{0,3}"|\\?'|`)/.exec(text.slice(inside, inside + 4)) ?? [];
    if (opening !== "") {
      const start = inside + opening.length;
      const at = quotedEnd(text, start, opening, /^\\{0,3}"/.test(separator));
      // What is named there is a part of it.
      if (isHeld && /^\\{0,3}["'][ \t]{0,4}:/.test(text.slice(at, at + 10))) continue;
      yield { name, value: text.slice(start, at), start, end: at, separator, isQuoted: true, isHeld, inQuery };
    } else {
      if (!(inside > bare.from && inside < bare.end && inQuery === bare.inQuery))
        bare = { from: inside, end: bareEnd(text, inside, inQuery, text[begin - 1] ?? ""), inQuery };
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
          inQuery,
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

const HAS_STAND_IN = /(?<!\w)REDACTED-\d+(?!\w)/;

const named = (text: string, isYaml: boolean): readonly Span[] => {
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
    if (kind === "bare" && !inQuery) continue;
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
    const meant = inQuery ? percentDecoded(inner) : isQuoted ? unescaped(inner) : inner;
    spans.push({
      ...spanOf(start + scheme.length, inner, `key ${name.slice(0, 60)}`),
      value: meant,
      ...(meant !== inner && { aliases: [inner] }),
      write: (standIn) => standIn + breaksOf(inner),
    });
  }
  return spans;
};

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

/** `user:password` of HTTP's Basic: the password is another spelling of it. */
const aliasesOfBasic = (scheme: string, token: string): { readonly aliases?: readonly string[] } => {
  if (!/^basic/i.test(scheme)) return {};
  const password = basicPassword(token);
  return password === undefined ? {} : { aliases: [password] };
};

const basicPassword = (token: string): string | undefined => {
  if (!/^[A-Za-z0-9+/=_-]{4,2000}$/.test(token)) return undefined;
  const [, password] = /^[\x20-\x39\x3b-\x7e]{0,200}:([\x20-\x7e]{1,200})$/.exec(fromBase64(token)) ?? [];
  return password;
};

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const fromBase64 = (text: string): string => {
  let [bits, value, decoded] = [0, 0, ""];
  for (const char of text.replaceAll("-", "+").replaceAll("_", "/")) {
    const index = ALPHABET.indexOf(char);
    if (index < 0) break;
    value = ((value << 6) | index) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      decoded += String.fromCharCode((value >> bits) & 0xff);
    }
  }
  return decoded;
};

// ---------------------------------------------------------------- tokens that tell themselves

const SCHEMED = /\b(Bearer|Basic|Splunk) ([A-Za-z0-9+/._~-]{8,2000}={0,2})/g;

const schemed = (text: string): readonly Span[] =>
  [...text.matchAll(SCHEMED)].flatMap(({ index, 0: whole, 1: scheme = "", 2: token = "" }) => {
    const isToken = scheme === "Basic" ? basicPassword(token) !== undefined : /\d/.test(token) || token.length >= 24;
    if (!isToken || isNoSecret(token)) return [];
    return [
      { ...spanOf(index + whole.length - token.length, token, `${scheme} token`), ...aliasesOfBasic(scheme, token) },
    ];
  });

/** By their issuers' documentation; each begins with letters of its own and ends after a bounded length. */
const TOKENS: readonly (readonly [string, string])[] = [
  ["JSON web token", "(?<!-)eyJ[A-Za-z0-9_-]{8,4000}\\.[A-Za-z0-9_-]{8,4000}(?:\\.[A-Za-z0-9_-]{0,2000})?"],
  ["AWS access key", "(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])"],
  ["GitHub token", "gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255}"],
  ["GitLab token", "gl(?:pat|dt|rt|cbt|ptt|ft|soat)-[A-Za-z0-9_-]{20,300}"],
  ["Slack token", "xox[abeoprs]-[A-Za-z0-9-]{10,250}|xapp-[A-Za-z0-9-]{10,250}"],
  ["Google key", "AIza[A-Za-z0-9_-]{35}|ya29\\.[A-Za-z0-9_-]{20,500}|GOCSPX-[A-Za-z0-9_-]{20,40}"],
  ["Stripe key", "[sr]k_(?:live|test)_[A-Za-z0-9]{16,250}"],
  ["SendGrid key", "SG\\.[A-Za-z0-9_-]{16,32}\\.[A-Za-z0-9_-]{32,64}"],
  ["npm token", "npm_[A-Za-z0-9]{36}"],
  ["Telegram token", "\\d{8,10}:AA[A-Za-z0-9_-]{33}"],
  ["DigitalOcean token", "do[opr]_v1_[a-f0-9]{64}"],
  ["Vault token", "hv[sbr]\\.[A-Za-z0-9_-]{24,300}"],
  ["age key", "AGE-SECRET-KEY-1[A-Z0-9]{50,60}"],
];
const TOKEN = new RegExp(`(?<![A-Za-z0-9_])(?:${TOKENS.map(([, pattern]) => `(${pattern})`).join("|")})`, "g");

const tokens = (text: string): readonly Span[] =>
  [...text.matchAll(TOKEN)].map((match) => {
    const which = match.slice(1).findIndex((group) => group !== undefined);
    return spanOf(match.index, match[0], TOKENS[which]?.[0] ?? "token");
  });

// ---------------------------------------------------------------- CrowdSec's own

/**
 * A bouncer's key: 32 random bytes as base64 without padding since 1.5.3 (pkg/apiserver/middlewares/v1/api_key.go, GenerateAPIKey). 43
 * characters are also an SSH fingerprint or a digest, which say so before it.
 */
const KEY_LENGTH = 43;
/** A machine's password: 64 letters and digits (cmd/crowdsec-cli/core/idgen/password.go, from 1.4.0 to 1.7.8). */
const PASSWORD_LENGTH = 64;
/** SHA-512 of a bouncer's key in hexadecimal digits, as the database has it. */
const HASH_LENGTH = 128;

const IN_BASE64 = new Uint8Array(128);
for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  IN_BASE64[char.charCodeAt(0)] = 1;
const isBase64 = (code: number): boolean => IN_BASE64[code] === 1;

/** Where characters of base64 stand in a row, as many as a bouncer's key has or more; looked for from behind, in great steps. */
function* runsIn(text: string): Generator<{ readonly run: string; readonly index: number }> {
  let at = 0;
  while (at + KEY_LENGTH <= text.length) {
    let back = at + KEY_LENGTH - 1;
    while (back >= at && isBase64(text.charCodeAt(back))) back -= 1;
    if (back >= at) {
      at = back + 1;
      continue;
    }
    let end = at + KEY_LENGTH;
    while (end < text.length && isBase64(text.charCodeAt(end))) end += 1;
    yield { run: text.slice(at, end), index: at };
    at = end + 1;
  }
}

/** What `cscli bouncers add` prints, at all versions; 32 hexadecimal digits before 1.5.3. */
const PRINTED = /\bAPI key (?:for|of) '[^'\n]{0,200}'\s?:\s{1,12}(\S{1,200})/gi;
/** `cscli console enroll [options] KEY` (cmd/crowdsec-cli/cliconsole). */
const ENROLL = /\bconsole enroll\b([^\n"'`]{0,400})/g;

const BASE64_LINE = /^[\s>|"]*[A-Za-z0-9+/]{40,}={0,2}[\s",]*$/;

/** One line of many that together are one thing in base64, like a certificate. */
const isWrapped = (text: string, start: number, end: number): boolean => {
  const before = text.lastIndexOf("\n", start - 1);
  const after = text.indexOf("\n", end);
  const previous =
    before < 0 ? "" : text.slice(Math.max(0, text.lastIndexOf("\n", before - 1) + 1, before - 400), before);
  const next =
    after < 0
      ? ""
      : text.slice(after + 1, Math.min(after + 400, (text.indexOf("\n", after + 1) + 1 || text.length + 1) - 1));
  return BASE64_LINE.test(previous) || BASE64_LINE.test(next) || previous.includes("-----BEGIN CERT");
};

/** At least so many small letters, capitals and digits as chance leaves out of few. */
const isMixed = (text: string, least: number): boolean =>
  [/[a-z]/g, /[A-Z]/g, /\d/g].every(
    (kind, index) => (text.match(kind)?.length ?? 0) >= (index === 2 ? Math.ceil(least / 3) : least),
  );

/** In a table, or behind the key's name: a SHA-512 alone is that of a file more often. */
const isHashOfKey = (text: string, start: number, end: number): boolean => {
  const before = text.slice(Math.max(lineBefore(text, start) + 1, start - 120), start);
  return (
    /api[_-]?key\W{1,12}$/i.test(before) || /[|│]/.test(before) || /^[ \t]{0,40}[|│]/.test(text.slice(end, end + 42))
  );
};

const crowdsecs = (text: string): readonly Span[] => {
  const spans: Span[] = [];
  for (const { run, index } of runsIn(text)) {
    const end = index + run.length;
    if (/[=_-]/.test(text[end] ?? "") || /[=_-]/.test(text[index - 1] ?? "")) continue;
    const before = text[index - 1] ?? "";
    if (run.length === KEY_LENGTH && !/[:.@%]/.test(before) && isMixed(run, 6) && run.split("/").length <= 5)
      spans.push(spanOf(index, run, "key of a bouncer"));
    if (
      run.length === PASSWORD_LENGTH &&
      /^[A-Za-z0-9]+$/.test(run) &&
      before !== ":" &&
      isMixed(run, 6) &&
      !isWrapped(text, index, end)
    )
      spans.push(spanOf(index, run, "password of a machine"));
    if (run.length === HASH_LENGTH && /^[0-9a-f]+$/.test(run) && isHashOfKey(text, index, end))
      spans.push(spanOf(index, run, "hash of a key"));
  }
  for (const { index, 0: whole, 1: key = "" } of text.matchAll(PRINTED))
    if (!isNoSecret(key)) spans.push(spanOf(index + whole.length - key.length, key, "key of a bouncer"));
  for (const { index, 0: whole, 1: rest = "" } of text.matchAll(ENROLL))
    for (const word of rest.matchAll(/(?<![\w-])[A-Za-z0-9]{20,40}(?![\w-])/g))
      spans.push(spanOf(index + whole.length - rest.length + word.index, word[0], "key of cscli console enroll"));
  return spans;
};

/** What looks like a secret in any text. @param isOrdinary whether a word is known to name something plain */
export const patternSpans = (text: string, kind: Kind, isOrdinary: (word: string) => boolean): readonly Span[] =>
  inOrder([
    ...privateKeys(text),
    ...urls(text, isOrdinary),
    ...mysqlAddresses(text),
    ...loginsWithoutScheme(text),
    ...phrases(text),
    ...otherKeys(text),
    ...queries(text),
    ...named(text, kind === "yaml"),
    ...schemed(text),
    ...tokens(text),
    ...crowdsecs(text),
  ]);
