import { secretBy } from "./names.ts";
import { breaksOf, type Found, NOTHING, type Span } from "./spans.ts";
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

/** `key: value` lines of what is no YAML, or not quite: keys by name, and the lines that belong to a value. */
export const yamlLines = (text: string): Found => {
  const spans: Span[] = [];
  const secretReferences: string[] = [];
  const parents: { readonly indent: number; readonly name: string }[] = [];
  let at = 0;
  while (at < text.length) {
    const newline = text.indexOf("\n", at);
    const lineEnd = newline < 0 ? text.length : newline;
    const line = text.slice(at, Math.min(lineEnd, at + 4000));
    const [head, lead = "", double, single, plain] = LINE.exec(line) ?? [];
    const name = double ?? single ?? plain;
    let next = lineEnd + 1;
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
          const deeper = row.trim() !== "" && indentOf(row) > indent;
          if (!deeper || (!HEADER.test(first) && LINE.test(row)) || /^[ \t]*#/.test(row)) break;
          end = below + row.replace(/\r$/, "").length;
          below = stop < 0 ? text.length : stop + 1;
        }
      }
      const raw = text.slice(from, end);
      const bare = HEADER.test(first)
        ? raw
            .slice(first.length)
            .replace(/^\n/, "")
            .replace(/^[ \t]+/gm, "")
        : /^["']/.test(raw)
          ? unquoted(raw)
          : raw.replace(/[ \t]#[^\n]*$/, "").trim();
      const scheme = SCHEME.exec(bare)?.[0] ?? "";
      const value = bare.slice(scheme.length);
      const rule = secretBy(
        name,
        value,
        parents.map((each) => each.name),
      );
      if (rule !== undefined && !isNoSecret(value)) {
        secretReferences.push(...referencesOf(value));
        spans.push({
          start: from,
          end,
          value,
          rule,
          write: (standIn) => `${/^["']/.test(raw) ? `"${scheme}${standIn}"` : scheme + standIn}${breaksOf(raw)}`,
        });
        next = Math.max(next, text.indexOf("\n", end) < 0 ? text.length : text.indexOf("\n", end) + 1);
      } else if (!commented) parents.push({ indent, name });
    }
    at = next;
  }
  return { ...NOTHING, spans, secretReferences };
};
