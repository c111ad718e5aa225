import { type Span, spanOf } from "./spans.ts";
import { isNoSecret, percentDecoded } from "./values.ts";

/*
 * No expression here may take more than a bounded number of steps for a place at which it begins: what is read comes from
 * outside.
 */

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

export const urls = (text: string, isOrdinary: (word: string) => boolean): readonly Span[] => {
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
        write: (standIn: string) => standIn,
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
export const mysqlAddresses = (text: string): readonly Span[] =>
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
export const loginsWithoutScheme = (text: string): readonly Span[] =>
  text.includes("@")
    ? [...text.matchAll(LOGIN)].flatMap(({ index, 0: whole, 1: value = "" }) =>
        /\d/.test(value) && /[A-Za-z]/.test(value) && !/^(?:\/\/|\\|[\d.:]+$)/.test(value) && !isNoSecret(value)
          ? [spanOf(index + whole.length - 1 - value.length, value, "password of a login")]
          : [],
      )
    : [];

/** Names that are secret in a query and too common elsewhere. */
const QUERY =
  /[?&](?:amp;)?(key|sig|signature|code|auth|se?cr|x-amz-(?:signature|credential|security-token)|sv_token)=([^\s&?"'#<>\\]{4,1500})/gi;

export const queries = (text: string): readonly Span[] =>
  [...text.matchAll(QUERY)].flatMap(({ index, 0: whole, 1: name = "", 2: value = "" }) =>
    isNoSecret(value) || value === "value"
      ? []
      : [
          {
            ...spanOf(index + whole.length - value.length, value, `parameter ${name}`),
            value: percentDecoded(value),
            ...(percentDecoded(value) !== value && { aliases: [value] }),
          },
        ],
  );
