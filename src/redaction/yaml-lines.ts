import { secretBy } from "./names.ts";
import { breaksOf, type Found, type KnownVariables, NOTHING, type Span } from "./spans.ts";
import { isNoSecret, referencesOf } from "./values.ts";

const LINE =
  /^([ \t#]*(?:- +)*)(?:"([^"\n]{1,80})"|'([^'\n]{1,80})'|([A-Za-z_$][\w.$/-]{0,80}))[ \t]{0,20}[:=](?:[ \t]+|(?=["'\n]|$))/;
const HEADER = /^[|>][+\-\d]*[ \t]*(?:#.*)?$/;
const SCHEME = /^(?:Basic|Bearer|Splunk|token|ApiKey|Digest)[ \t]+(?=\S)/i;

const indentOf = (line: string): number => /^[ \t]*/.exec(line)?.[0].length ?? 0;

/** The value of a quoted text, as far as it can be told. */
const unquoted = (text: string): string => {
  if (text.startsWith("'")) return text.replace(/^'|'$/g, "").replaceAll("''", "'");
  if (!text.startsWith('"')) return text;
  const closed = text.length > 1 && text.endsWith('"') ? text : `${text}"`;
  try {
    return String(JSON.parse(closed.replace(/\n[ \t]*/g, " ")));
  } catch {
    return text.replace(/^"|"$/g, "");
  }
};

/** Where a quoted value ends that begins at `from`; the line's end where it is never closed. */
const closing = (text: string, from: number, lineEnd: number): number => {
  const quote = text[from];
  for (let at = from + 1; at < Math.min(text.length, from + 20_000); at += 1) {
    if (text[at] === "\\" && quote === '"') at += 1;
    else if (text[at] === quote) {
      if (quote === "'" && text[at + 1] === "'") at += 1;
      else
        return text.slice(from, at).includes("\n") && /\n[^\n]{0,200}:[ \t]/.test(text.slice(from, at))
          ? lineEnd
          : at + 1;
    }
  }
  return lineEnd;
};

/** `? key`, whose value stands behind the colon of a line below. */
const EXPLICIT = /^[ \t]*\?[ \t]+["']?([A-Za-z_][\w.-]{0,80})["']?[ \t]*$/;
const EXPLICIT_VALUE = /^([ \t]*:[ \t]+)(["']?)(\S.*?)\2[ \t\r]*$/;
/** Values in flow, on lines whose brackets do not match. */
const IN_FLOW =
  /[{[,][ \t]{0,20}["']?([A-Za-z_][\w.-]{0,80})["']?[ \t]{0,20}:[ \t]{1,20}(["']?)([^\s"',{}[\]][^"',{}[\]\n]{0,500})/g;
const COMMENT_LINE = /^[ \t]*#/;

/** `key: value` lines of what is no YAML, or not quite: keys by name, and the lines that belong to a value. */
export const yamlLines = (text: string, { isSet }: KnownVariables): Found => {
  const spans: Span[] = [];
  const secretReferences: string[] = [];
  const parents: { readonly indent: number; readonly name: string }[] = [];
  let explicit: string | undefined;
  let at = 0;
  while (at < text.length) {
    const newline = text.indexOf("\n", at);
    const lineEnd = newline < 0 ? text.length : newline;
    const line = text.slice(at, Math.min(lineEnd, at + 4000));
    const [head, lead = "", double, single, plain] = LINE.exec(line) ?? [];
    const name = double ?? single ?? plain;
    let next = lineEnd + 1;
    const simple = (key: string, start: number, value: string): void => {
      const rule = secretBy(key, value, [], isSet);
      if (rule !== undefined)
        spans.push({ start, end: start + value.length, value, rule, write: (standIn) => standIn });
    };
    const [, before, quote = "", meant] = (explicit !== undefined && EXPLICIT_VALUE.exec(line)) || [];
    if (explicit !== undefined && before !== undefined && meant !== undefined)
      simple(explicit, at + before.length + quote.length, meant);
    explicit = EXPLICIT.exec(line)?.[1];
    const known = spans.length;
    if (head !== undefined && name !== undefined) {
      const indent = lead.length;
      while ((parents.at(-1)?.indent ?? -1) >= indent) parents.pop();
      const from = at + head.length;
      const first = text.slice(from, lineEnd).replace(/\r$/, "");
      let end = from + first.length;
      const commented = lead.includes("#");
      if (!commented && /^["']/.test(first)) end = closing(text, from, end);
      else if (HEADER.test(first) || first === "" || !commented) {
        // What is indented deeper belongs to it, unless it is a key of its own.
        let below = lineEnd + 1;
        while (below < text.length && below - from < 20_000) {
          const stop = text.indexOf("\n", below);
          const row = text.slice(below, stop < 0 ? text.length : stop);
          const deeper = indentOf(row) > indent;
          // Blank lines and comments are passed over: what stands below them may still belong to the key.
          const isPassed = row.trim() === "" || COMMENT_LINE.test(row);
          if (!isPassed && (!deeper || (!HEADER.test(first) && LINE.test(row)))) break;
          if (!isPassed) end = below + row.replace(/\r$/, "").length;
          below = stop < 0 ? text.length : stop + 1;
        }
      }
      const raw = text.slice(from, end);
      const bare = HEADER.test(first)
        ? raw
            .slice(first.length)
            .replace(/^\n/, "")
            .replace(/^[ \t]+/gm, "")
            .trim()
        : /^["']/.test(raw)
          ? unquoted(raw)
          : raw
              .replace(/^[ \t]*#[^\n]*$/gm, "")
              .replace(/[ \t]#[^\n]*$/gm, "")
              .trim();
      const scheme = SCHEME.exec(bare)?.[0] ?? "";
      const value = bare.slice(scheme.length);
      const rule = secretBy(
        name,
        value,
        parents.map((each) => each.name),
        isSet,
      );
      if (rule !== undefined && !isNoSecret(value, isSet)) {
        secretReferences.push(...referencesOf(value));
        spans.push({
          start: from,
          end,
          value,
          rule,
          write: (standIn) =>
            `${/^\r?\n/.test(raw) ? " " : ""}${/^["']/.test(raw) ? `"${scheme}${standIn}"` : scheme + standIn}${breaksOf(raw)}`,
        });
        next = Math.max(next, text.indexOf("\n", end) < 0 ? text.length : text.indexOf("\n", end) + 1);
      } else if (!commented) parents.push({ indent, name });
    }
    // What is no value of a key that is secret itself.
    if (spans.length === known)
      for (const match of line.matchAll(IN_FLOW)) {
        const value = match[3]?.trimEnd() ?? "";
        simple(match[1] ?? "", at + match.index + match[0].length - (match[3]?.length ?? 0), value);
      }
    at = next;
  }
  return { ...NOTHING, spans, secretReferences };
};
