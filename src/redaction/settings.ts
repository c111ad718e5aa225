import { isProxyVariable, secretBy, variableIs } from "./names.ts";
import { breaksOf, type Found, type KnownVariables, NOTHING, type Span } from "./spans.ts";
import { isAwkward, isNoSecret, percentDecoded, REMOVED, referencesOf } from "./values.ts";

/** The lines of a text with the offset at which each begins, without what ends them. */
export function* linesOf(text: string): Generator<{ readonly line: string; readonly at: number }> {
  let at = 0;
  while (at <= text.length) {
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? text.length : newline;
    yield { line: text.slice(at, end).replace(/\r$/, ""), at };
    at = end + 1;
  }
}

const BELOW = /^\r?\n[ \t]*(\S[^\r\n]*)/;

/** Lines of a bouncer: `KEY=value`, or Apache's `Key value`. A comment holds an old one. */
const linesFound =
  (...patterns: readonly RegExp[]) =>
  (text: string, { isSet }: KnownVariables): Found => {
    const spans: Span[] = [];
    const words: string[] = [];
    for (const { line, at } of linesOf(text)) {
      const match = patterns.map((pattern) => pattern.exec(line)).find((each) => each !== null);
      const [head, name = "", raw = ""] = match ?? [];
      if (head === undefined) continue;
      const joint = /^\\$/.test(raw.trimEnd())
        ? BELOW.exec(text.slice(at + line.length, at + line.length + 2000))
        : null;
      // What a backslash joins stands on the line below.
      const below = joint?.[1] ?? "";
      const from = joint ? at + line.length + joint[0].length - below.length : at + head.length - raw.length;
      const trimmed = (joint ? below : raw).trimEnd();
      const [, quote = "", inside] = /^(["'])(.*)\1$/.exec(trimmed) ?? [];
      const value = inside ?? trimmed;
      const rule = secretBy(name, value, [], isSet);
      if (rule !== undefined)
        spans.push({
          start: from,
          end: from + trimmed.length,
          value,
          rule,
          write: (standIn) => quote + standIn + quote,
        });
      else if (!line.trimStart().startsWith("#")) words.push(value);
    }
    return { ...NOTHING, spans, words };
  };

/** `KEY value` is no setting, but what somebody has written who left the sign out: the key is one all the same. */
export const settingsFound = linesFound(
  /^[\s#;]*(?:export\s+)?([A-Za-z_][\w.-]{0,80})\s*[=:]\s*(\S.*)$/,
  /^\s*(?:export\s+)?([A-Za-z_][\w.-]{0,80})\s+(\S.*)$/,
);
export const directivesFound = linesFound(/^[\s#]*([A-Za-z_]\w{0,80})\s+(\S.*)$/);

interface Assigned {
  /** As the program gets it. */
  readonly value: string;
  /** Offset behind it. */
  readonly end: number;
}

const MAX_ASSIGNED = 50_000;
const DOUBLE_ESCAPED = '"\\`$';

/**
 * A value as systemd and shells read it: quotes, backslashes, and lines that a backslash or an open quote joins. Where a
 * quote is never closed, the line ends it.
 */
export const readAssigned = (text: string, from: number): Assigned => {
  const newline = text.indexOf("\n", from);
  const lineEnd = newline < 0 ? text.length : newline;
  const plain: Assigned = {
    value: text
      .slice(from, lineEnd)
      .replace(/^(["'])(.*)\1$/, "$2")
      .trimEnd(),
    end: lineEnd,
  };
  let value = "";
  let quote = "";
  let at = from;
  const stop = Math.min(text.length, from + MAX_ASSIGNED);
  for (; at < stop; at += 1) {
    const char = text[at] ?? "";
    if (quote === "") {
      if (char === "\n") break;
      if ((char === '"' || char === "'") && (value === "" || /["'\s]/.test(text[at - 1] ?? ""))) quote = char;
      else if (char === "\\") {
        at += 1;
        if (text[at] !== "\n") value += text[at] ?? "";
      } else value += char;
    } else if (char === quote) quote = "";
    else if (char === "\\" && quote === '"') {
      at += 1;
      const escaped = text[at] ?? "";
      if (DOUBLE_ESCAPED.includes(escaped)) value += escaped;
      else if (escaped !== "\n") value += `\\${escaped}`;
    } else value += char;
  }
  if (at >= stop && stop < text.length) return { value, end: stop };
  return quote !== "" ? plain : { value: value.replace(/[ \t\r]+$/, ""), end: at };
};

/** The password of a proxy's address that may lack its scheme, or hold what should have been escaped. */
const proxyPassword = (value: string): { readonly from: number; readonly to: number } | undefined => {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(value)?.[0].length ?? 0;
  const to = value.lastIndexOf("@");
  const colon = value.indexOf(":", scheme);
  return to > colon && colon > 0 && !isNoSecret(value.slice(colon + 1, to), () => false)
    ? { from: colon + 1, to }
    : undefined;
};

const asWritten = (text: string): string => (/[\s'"\\$`]/.test(text) ? `"${text.replace(/["\\$`]/g, "\\$&")}"` : text);

/** What stands for a variable's value as a whole. */
export const variableSpan = (
  name: string,
  value: string,
  place: { readonly start: number; readonly end: number; readonly source: string },
  known: KnownVariables,
  write: (text: string) => string = asWritten,
): Span | undefined => {
  const { start, end, source } = place;
  const breaks = breaksOf(source);
  const login = isProxyVariable(name) ? proxyPassword(value) : undefined;
  if (login) {
    const raw = value.slice(login.from, login.to);
    return {
      start,
      end,
      value: percentDecoded(raw),
      aliases: [raw],
      rule: "password of a URL",
      write: (standIn) => write(value.slice(0, login.from) + standIn + value.slice(login.to)) + breaks,
    };
  }
  switch (variableIs(name, value, known)) {
    case "plain":
      return undefined;
    case "secret":
      return {
        start,
        end,
        value,
        // What a file quotes, a process and `env` show as it is.
        ...(source !== value && { aliases: [source.trim()] }),
        rule: `variable ${name}`,
        write: (standIn) =>
          write(isAwkward(value) || isAwkward(source.replace(/^(["']).*\1$/s, "")) ? `${standIn} ` : standIn) + breaks,
      };
    case "private":
      return { start, end, value, rule: `variable ${name}`, isPrivate: true, write: () => REMOVED + breaks };
  }
};

const ASSIGNMENT = /^([\s#;]*)((?:export|declare -x|set -gx|setenv)\s+)?([A-Za-z_][\w.-]{0,200})(\s*=\s*)/;

/**
 * Variables on lines that a quote or a backslash before them joins: in a file of systemd they are part of one value, in the output
 * of `env` each is its own. They are noted, at no place.
 */
const swallowed = (source: string, from: number, known: KnownVariables): readonly Span[] => {
  const [, ...rest] = source.split("\n");
  return rest.flatMap((line) => {
    const [, name = "", value = ""] = /^\s*([A-Za-z_]\w{0,200})=(.*)$/.exec(line) ?? [];
    const isSecret = name !== "" && variableIs(name, value, known) === "secret";
    return isSecret
      ? [{ start: from, end: from, value, rule: `variable ${name}`, write: (standIn: string) => standIn }]
      : [];
  });
};

/** Files of variables, and the output of `env`. */
export const environmentFound = (text: string, known: KnownVariables): Found => {
  const spans: Span[] = [];
  const words: string[] = [];
  const variables: Found["variables"][number][] = [];
  let skip = 0;
  for (const { line, at } of linesOf(text)) {
    if (at < skip) continue;
    const [head, before = "", , name] = ASSIGNMENT.exec(line.slice(0, 1000)) ?? [];
    if (head === undefined || name === undefined) continue;
    const commented = /[#;]/.test(before);
    const from = at + head.length;
    const read = readAssigned(text, from);
    const { value, end } =
      commented && read.end > at + line.length ? { value: line.slice(head.length), end: at + line.length } : read;
    skip = end;
    const source = text.slice(from, end).replace(/\r$/, "");
    // A comment may be prose with an equals sign in it.
    if (commented && secretBy(name, value, [], known.isSet) === undefined) continue;
    variables.push({ name, value, at: from });
    const write = /^["']/.test(source) ? asWritten : (shown: string): string => shown;
    const span = variableSpan(name, value, { start: from, end: from + source.length, source }, known, write);
    if (span) spans.push(span);
    else words.push(value);
    spans.push(...swallowed(source, from, known));
  }
  return {
    ...NOTHING,
    spans,
    words,
    variables,
    plainReferences: [],
    secretReferences: spans.flatMap(({ value, isPrivate }) => (isPrivate ? [] : referencesOf(value))),
  };
};

/** The fifth field of /etc/passwd names people; a password in the second one is from before /etc/shadow. */
export const accountsFound = (text: string): Found => {
  const spans: Span[] = [];
  const words: string[] = [];
  for (const { line, at } of linesOf(text)) {
    const fields = line.slice(0, 4000).split(":");
    if (fields.length < 5) continue;
    const [name = "", password = "", , , about = ""] = fields;
    words.push(name);
    const offset = (index: number): number => at + fields.slice(0, index).join(":").length + (index > 0 ? 1 : 0);
    if (password !== "" && !/^[x*!]+$/i.test(password) && !isNoSecret(password, () => false)) {
      const start = offset(1);
      spans.push({
        start,
        end: start + password.length,
        value: password,
        rule: "password of an account",
        write: (standIn) => standIn,
      });
    }
    // Users of the system have a description there.
    const isPerson = Number(fields[2]) >= 1000 && name !== "nobody";
    if (isPerson && about.replaceAll(",", "") !== "" && about !== name && !isNoSecret(about)) {
      const start = offset(4);
      spans.push({
        start,
        end: start + about.length,
        value: about,
        rule: "name of a person",
        isPrivate: true,
        write: () => REMOVED,
      });
    }
  }
  return { ...NOTHING, spans, words };
};
