import { aliasesOfBasic, basicPassword, isMixed } from "./base64.ts";
import { lineBefore, type Span, spanOf } from "./spans.ts";
import { isNoSecret } from "./values.ts";

/*
 * No expression here may take more than a bounded number of steps for a place at which it begins: what is read comes from
 * outside.
 */

const SCHEMED = /\b(Bearer|Basic|Splunk) ([A-Za-z0-9+/._~-]{8,2000}={0,2})/g;

export const schemed = (text: string): readonly Span[] =>
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
/** What crypt(3), htpasswd and their like make of a password: who has it can try words on it. */
const HASHED =
  /\${1,2}(?:apr1|1|2[abxy]|5|6|7|y|gy|argon2(?:id?|d))\${1,2}[./A-Za-z0-9=,$-]{0,100}\$[./A-Za-z0-9+]{20,120}(?![./A-Za-z0-9+])/g;

const TOKEN = new RegExp(`(?<![A-Za-z0-9_])(?:${TOKENS.map(([, pattern]) => `(${pattern})`).join("|")})`, "g");

export const tokens = (text: string): readonly Span[] => [
  ...[...text.matchAll(TOKEN)].map((match) => {
    const which = match.slice(1).findIndex((group) => group !== undefined);
    return spanOf(match.index, match[0], TOKENS[which]?.[0] ?? "token");
  }),
  ...[...text.matchAll(HASHED)].map(({ index, 0: value }) => spanOf(index, value, "hash of a password")),
];

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

/** In a table, or behind the key's name: a SHA-512 alone is that of a file more often. */
const isHashOfKey = (text: string, start: number, end: number): boolean => {
  const before = text.slice(Math.max(lineBefore(text, start) + 1, start - 120), start);
  return (
    /api[_-]?key\W{1,12}$/i.test(before) || /[|│]/.test(before) || /^[ \t]{0,40}[|│]/.test(text.slice(end, end + 42))
  );
};

export const crowdsecs = (text: string): readonly Span[] => {
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
