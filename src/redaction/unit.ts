import { joinedSpans } from "./arguments.ts";
import { secretBy } from "./names.ts";
import { linesOf, variableSpan } from "./settings.ts";
import { type Found, type KnownVariables, NOTHING, type Span } from "./spans.ts";
import { isNoSecret } from "./values.ts";

const QUOTED = { '"': true, "'": true } as const;

interface Piece {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The assignments of an `Environment=` line (systemd.exec(5)): quotes around a whole one, C's escapes, and lines that are joined. */
const piecesOf = (text: string, from: number, end: number): readonly Piece[] => {
  const pieces: Piece[] = [];
  let at = from;
  while (at < end) {
    while (at < end && /[\s\\]/.test(text[at] ?? "") && !(text[at] === "\\" && text[at + 1] !== "\n")) at += 1;
    if (at >= end) break;
    const start = at;
    let value = "";
    let quote = "";
    for (; at < end; at += 1) {
      const char = text[at] ?? "";
      if (quote === "" && /\s/.test(char)) break;
      if (quote === "" && char in QUOTED) quote = char;
      else if (char === quote && quote !== "") quote = "";
      else if (char === "\\") {
        at += 1;
        const next = text[at] ?? "";
        value += next === "\n" ? " " : next === "n" ? "\n" : next === "t" ? "\t" : next;
      } else value += char;
    }
    pieces.push({ text: value, start, end: Math.min(at, end) });
  }
  return pieces;
};

const written = (text: string): string => (/[\s'"\\]/.test(text) ? `"${text.replace(/["\\]/g, "\\$&")}"` : text);

/** What is secret in a unit of systemd, or in what `systemctl show` and `systemctl cat` print. */
export const unitFound = (text: string, known: KnownVariables): Found => {
  const spans: Span[] = [];
  const words: string[] = [];
  const variables: Found["variables"][number][] = [];
  let skip = 0;
  for (const { line, at } of linesOf(text)) {
    if (at < skip) continue;
    const [head, , name = ""] = /^([\s#;]*)([A-Z][A-Za-z]{1,60})\s*=\s*/.exec(line.slice(0, 500)) ?? [];
    if (head === undefined) continue;
    let end = at + line.length;
    const isComment = (start: number): boolean => /^[ \t]*[#;]/.test(text.slice(start, start + 200));
    // Comments between joined lines are passed over (systemd.syntax(7)): what follows them still belongs to it.
    const passed: { readonly start: number; readonly end: number }[] = [];
    let joins = text[end - 1] === "\\";
    while (!/[#;]/.test(head) && joins && end < text.length) {
      const next = text.indexOf("\n", end + 1);
      const start = end + 1;
      end = next < 0 ? text.length : next;
      if (isComment(start)) passed.push({ start, end });
      else joins = text[end - 1] === "\\";
    }
    skip = end;
    const from = at + head.length;
    const value = text.slice(from, end);
    const parts: string[] = [];
    let last = from;
    for (const comment of passed) {
      parts.push(text.slice(last, comment.start), " ".repeat(comment.end - comment.start));
      last = comment.end;
    }
    const read = [...parts, text.slice(last, end)].join("");
    if (name === "Environment" || name === "DefaultEnvironment") {
      for (const piece of piecesOf(read, 0, read.length)) {
        const equals = piece.text.indexOf("=");
        const variable = piece.text.slice(0, equals);
        if (equals < 1 || !/^[A-Za-z_]\w*$/.test(variable)) continue;
        const assigned = piece.text.slice(equals + 1);
        const [start, stop] = [from + piece.start, from + piece.end];
        variables.push({ name: variable, value: assigned, at: start });
        const source = text.slice(start, stop);
        const span = variableSpan(variable, assigned, { start, end: stop, source }, known, (shown) =>
          written(`${variable}=${shown}`),
        );
        if (span)
          spans.push(
            span.aliases ? { ...span, aliases: [source.slice(source.indexOf("=") + 1).replace(/["']$/, "")] } : span,
          );
        else words.push(assigned);
      }
    } else if (/^Exec|^Argv/.test(name)) {
      spans.push(...joinedSpans(read, from, known));
    } else if (name === "SetCredential" || name === "SetCredentialEncrypted") {
      const colon = value.indexOf(":");
      const secret = value.slice(colon + 1);
      if (colon > 0 && !isNoSecret(secret, known.isSet))
        spans.push({
          start: from + colon + 1,
          end,
          value: secret,
          rule: `setting ${name}`,
          write: (standIn) => standIn + "\n".repeat(secret.split("\n").length - 1),
        });
    } else {
      const rule = secretBy(name, value, [], known.isSet);
      if (rule !== undefined && !/Credential/.test(name))
        spans.push({ start: from, end, value, rule, write: (standIn) => standIn });
      else words.push(value);
    }
  }
  return { ...NOTHING, spans, words, variables };
};
