import { argumentsFound } from "./arguments.ts";
import { encodedForms, formsOf } from "./forms.ts";
import { jsonFound } from "./json.ts";
import { createVocabulary } from "./ordinary.ts";
import { assignmentsIn, patternSpans } from "./patterns.ts";
import type { Kind, Leak, Redacted, Redactor, Removal } from "./redactor.ts";
import { createFinder, createProof, type Hit, LEAST } from "./search.ts";
import { accountsFound, directivesFound, environmentFound, settingsFound } from "./settings.ts";
import { type Found, inOrder, type KnownVariables, lineFinder, NOTHING, type Span } from "./spans.ts";
import { unitFound } from "./unit.ts";
import { isNoSecret, isStandIn } from "./values.ts";
import { foldedText, viewsOf } from "./views.ts";
import { yamlFound } from "./yaml.ts";

const STRUCTURES: Readonly<Record<Kind, (text: string, known: KnownVariables) => Found>> = {
  yaml: yamlFound,
  settings: settingsFound,
  directives: directivesFound,
  environment: environmentFound,
  unit: unitFound,
  json: jsonFound,
  arguments: argumentsFound,
  accounts: accountsFound,
  text: () => NOTHING,
};

/** A value that was noted. */
interface Note {
  readonly standIn: string;
  readonly rule: string;
  /** Where it was noted first, for people. */
  readonly where: string;
  readonly values: Set<string>;
  /** Whose login it is, and no secret of its own. */
  readonly isUser: boolean;
}

/** What is looked for, made anew when something was noted since. */
interface Sealed {
  readonly find: (text: string) => readonly Hit[];
  readonly findFolded: (text: string) => readonly Hit[];
  readonly plain: readonly Note[];
  readonly folded: readonly Note[];
  readonly hasBlanks: boolean;
  readonly longest: number;
  /** What is looked for in places of values only. */
  readonly ordinary: ReadonlyMap<string, Note>;
}

interface Proof {
  readonly find: (text: string) => readonly Hit[];
  readonly forms: readonly { readonly note: Note; readonly form: string }[];
  readonly folded: readonly { readonly note: Note; readonly text: string }[];
  readonly ordinary: ReadonlyMap<string, Note>;
}

/** Of base64 around a value, as much as belongs to one piece of it. */
const MAX_AROUND = 4000;
const ENCODED = /[A-Za-z0-9+/_=-]/;

/** `NAME=`, `NAME: ` with a name that sounds like a secret's, for the proof: told apart otherwise than by what takes values out. */
const NAMED_VALUE =
  /(?:pass(?:word|wd|phrase)?|pwd|secret|token|api_?-?key)["'\\]{0,3}[ \t]{0,2}[:=][ \t]{0,2}["'\\]{0,3}([^\s"'\\,;&<>]{1,200})(?=["'\\,;&<>\s]|$)/gi;
const LOGIN_VALUE = /:\/\/[^\s/?#@:"'<>]{0,200}:([^\s/?#@"'<>]{1,200})@/g;

/** A private key's first line that something other than a stand-in follows. */
const BARE_KEY =
  /-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:[\s>|#]|\\+[nrt]){0,40}(?!REDACTED-\d)[A-Za-z0-9+/]{16}/g;

export const createRedactor = (): Redactor => {
  const notes: Note[] = [];
  const byValue = new Map<string, Note>();
  const vocabulary = createVocabulary();
  const plainNames = new Set<string>();
  const secretNames = new Set<string>();
  /** Values of variables, whose names may turn out to be secret by a reference later on. */
  const seen = new Map<string, { readonly value: string; readonly where: string }[]>();
  const known: KnownVariables = { plain: plainNames, secret: secretNames };
  let sealed: Sealed | undefined;
  let proof: Proof | undefined;
  /** Kept until something is noted. */
  const forget = (): void => {
    sealed = undefined;
    proof = undefined;
  };

  const noteAt = (value: string, rule: string, where: string, aliases: readonly string[] = []): string => {
    const core = value.trim();
    if (isStandIn(core)) return core;
    if (core === "" || isNoSecret(value)) return value;
    const others = [value, ...aliases].map((each) => each.trim()).filter((each) => !isNoSecret(each));
    const found = byValue.get(core) ?? others.map((each) => byValue.get(each)).find((each) => each !== undefined);
    const note: Note = found ?? {
      standIn: `REDACTED-${notes.length + 1}`,
      rule,
      where,
      values: new Set(),
      isUser: rule === "user of a URL",
    };
    if (!found) notes.push(note);
    for (const each of [core, ...others]) {
      if (byValue.has(each)) continue;
      byValue.set(each, note);
      note.values.add(each);
      forget();
    }
    return note.standIn;
  };

  const variableTurnsSecret = (name: string): void => {
    if (secretNames.has(name)) return;
    secretNames.add(name);
    for (const { value, where } of seen.get(name) ?? []) noteAt(value, `variable ${name}`, where);
  };

  const take = (found: Found): void => {
    for (const word of found.words) vocabulary.add(word);
    for (const name of found.plainReferences) plainNames.add(name);
    for (const name of found.secretReferences) variableTurnsSecret(name);
  };

  /** Text with these parts replaced. */
  const replaced = (
    text: string,
    spans: readonly Span[],
    count: (offset: number, rule: string) => void,
    where: string,
  ): string => {
    if (spans.length === 0) return text;
    const line = lineFinder(text);
    const parts: string[] = [];
    let last = 0;
    const standIns = new Map(
      spans.map((span) => [
        span,
        span.isPrivate
          ? ""
          : noteAt(span.value, span.rule, where === "" ? "" : `${where}:${line(span.start)}`, span.aliases),
      ]),
    );
    for (const span of inOrder(spans)) {
      parts.push(text.slice(last, span.start), span.write(standIns.get(span) ?? ""));
      last = span.end;
      count(line(span.start), span.rule);
    }
    parts.push(text.slice(last));
    return parts.join("");
  };

  const seal = (): Sealed => {
    const ordinary = new Map<string, Note>();
    const plain: { readonly text: string; readonly note: Note }[] = [];
    const folded: { readonly text: string; readonly note: Note }[] = [];
    for (const note of notes) {
      for (const value of note.values) {
        if (vocabulary.isOrdinary(value)) {
          if (!note.isUser) ordinary.set(value, note);
          continue;
        }
        plain.push({ text: value, note });
        if (/\s/.test(value) && foldedText(value).length >= LEAST) folded.push({ text: foldedText(value), note });
        for (const { text } of encodedForms(value)) if (text.length >= LEAST) plain.push({ text, note });
      }
    }
    return {
      find: createFinder(plain.map(({ text }) => text)),
      findFolded: createFinder(folded.map(({ text }) => text)),
      plain: plain.map(({ note }) => note),
      folded: folded.map(({ note }) => note),
      hasBlanks: folded.length > 0,
      longest: Math.max(0, ...plain.map(({ text }) => text.length)),
      ordinary,
    };
  };

  /** Where noted values stand, however they are written. */
  const knownSpans = (text: string): readonly Span[] => {
    if (notes.length === 0) return [];
    sealed ??= seal();
    const { find, findFolded, plain, folded, hasBlanks } = sealed;
    const spans: Span[] = [];
    for (const { view, isFolded } of viewsOf(text, hasBlanks)) {
      for (const { start, end, which } of isFolded ? findFolded(view.text) : find(view.text)) {
        const note = (isFolded ? folded : plain)[which];
        if (note === undefined) continue;
        const [first, last] = [view.begin(start), view.end(end)];
        let [from, to] = [first, last];
        const isEncoded = !note.values.has(view.text.slice(start, end)) && !isFolded;
        // What is left of its piece of base64 says some bits of its ends.
        if (isEncoded) {
          while (from > 0 && first - from < MAX_AROUND && ENCODED.test(text[from - 1] ?? "")) from -= 1;
          while (to < text.length && to - last < MAX_AROUND && ENCODED.test(text[to] ?? "")) to += 1;
        }
        const breaks = text.slice(from, to).split("\n").length - 1;
        spans.push({
          start: from,
          end: to,
          value: note.standIn,
          rule: "value known from elsewhere",
          write: () => note.standIn + "\n".repeat(breaks),
        });
      }
    }
    return longestFirst(spans);
  };

  /** Ordinary words where a name before them says that they are a value. */
  const ordinarySpans = (text: string): readonly Span[] => {
    sealed ??= seal();
    const { ordinary } = sealed;
    if (ordinary.size === 0) return [];
    const spans: Span[] = [];
    const add = (start: number, value: string): void => {
      const note = ordinary.get(value);
      if (note)
        spans.push({
          start,
          end: start + value.length,
          value: note.standIn,
          rule: "value known from elsewhere",
          write: () => note.standIn,
        });
    };
    for (const { value, start } of assignmentsIn(text)) add(start, value);
    for (const expression of [NAMED_VALUE, LOGIN_VALUE])
      for (const match of text.matchAll(expression))
        add(match.index + match[0].lastIndexOf(match[1] ?? ""), match[1] ?? "");
    return inOrder(spans);
  };

  const isPlainWord = (word: string): boolean => vocabulary.has(word);

  const standIn = (value: string): string | undefined => {
    if (isStandIn(value)) return value.trim();
    return byValue.get(value.trim())?.standIn;
  };

  return {
    study(text, kind, name) {
      const found = STRUCTURES[kind](text, known);
      const line = lineFinder(text);
      for (const { name: variable, value, at } of found.variables) {
        const list = seen.get(variable) ?? [];
        list.push({ value, where: `${name}:${line(at)}` });
        seen.set(variable, list);
      }
      take(found);
      for (const { name: variable, value, at } of found.variables)
        if (secretNames.has(variable)) noteAt(value, `variable ${variable}`, `${name}:${line(at)}`);
      const rest = replaced(text, found.spans, () => {}, name);
      replaced(rest, patternSpans(rest, kind, isPlainWord), () => {}, name);
      sealed = undefined;
      proof = undefined;
    },
    note: (value, rule) => noteAt(value, rule, ""),
    standIn,
    redact(text, kind): Redacted {
      const counts = new Map<string, Removal>();
      const count = (line: number, rule: string): void => {
        const key = `${line} ${rule}`;
        counts.set(key, { line, rule, count: (counts.get(key)?.count ?? 0) + 1 });
      };
      let result = replaced(text, STRUCTURES[kind](text, known).spans, count, "");
      result = replaced(result, patternSpans(result, kind, isPlainWord), count, "");
      result = replaced(result, knownSpans(result), count, "");
      result = replaced(result, ordinarySpans(result), count, "");
      return { text: result, removals: [...counts.values()].sort((a, b) => a.line - b.line) };
    },
    leaks(text): readonly Leak[] {
      if (notes.length === 0 && !text.includes("PRIVATE KEY")) return [];
      proof ??= prove(notes, vocabulary.isOrdinary);
      const { find, forms, folded, ordinary } = proof;
      const line = lineFinder(text);
      const found = new Map<string, Leak>();
      const add = (note: Pick<Note, "rule" | "where">, form: string, offset: number): void => {
        const leak: Leak = {
          secret: note.where === "" ? note.rule : `${note.rule}, ${note.where}`,
          form,
          line: line(offset),
        };
        found.set(`${leak.line} ${leak.secret} ${form}`, leak);
      };
      const seenNotes = new Set<Note>();
      for (const { start, which } of find(text)) {
        const hit = forms[which];
        if (!hit) continue;
        add(hit.note, hit.form, start);
        seenNotes.add(hit.note);
      }
      if (folded.length > 0) {
        // Over several lines: the first of them is not known, nor needed.
        const flat = text.replace(/\s+/g, " ");
        for (const each of folded)
          if (!seenNotes.has(each.note) && flat.includes(each.text)) add(each.note, "plain", 0);
      }
      if (ordinary.size > 0)
        for (const expression of [NAMED_VALUE, LOGIN_VALUE])
          for (const match of text.matchAll(expression)) {
            const note = ordinary.get(match[1] ?? "");
            if (note) add(note, "plain", match.index);
          }
      for (const match of text.matchAll(BARE_KEY)) add({ rule: "private key", where: "" }, "plain", match.index);
      return [...found.values()].sort((a, b) => a.line - b.line);
    },
    get ordinary() {
      const places = notes.flatMap((note) => {
        const all = [...note.values];
        const isOrdinary = !note.isUser && all.every((value) => vocabulary.isOrdinary(value));
        return isOrdinary ? [note.where === "" ? note.rule : `${note.where} (${note.rule})`] : [];
      });
      return [...new Set(places)];
    },
  };
};

/** The longest first, so that nothing of it stays when a shorter one begins before it; what overlaps a longer one joins it. */
const longestFirst = (spans: readonly Span[]): readonly Span[] => {
  const merged: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const last = merged.at(-1);
    if (last === undefined || span.start >= last.end) merged.push(span);
    else if (span.end > last.end) {
      const isLonger = span.end - span.start > last.end - last.start;
      const chosen = isLonger ? span : last;
      merged[merged.length - 1] = { ...chosen, start: last.start, end: span.end };
    }
  }
  return merged;
};

const prove = (notes: readonly Note[], isOrdinary: (value: string) => boolean): Proof => {
  const forms: { readonly note: Note; readonly form: string; readonly text: string }[] = [];
  const folded: { readonly note: Note; readonly text: string }[] = [];
  const ordinary = new Map<string, Note>();
  for (const note of notes) {
    for (const value of note.values) {
      if (isOrdinary(value)) {
        if (!note.isUser) ordinary.set(value, note);
        continue;
      }
      for (const { text, form } of formsOf(value)) if (text.length >= LEAST) forms.push({ note, form, text });
      const flat = value.replace(/\s+/g, " ");
      if (flat.includes(" ") && flat.length >= LEAST) folded.push({ note, text: flat });
    }
  }
  return { find: createProof(forms.map(({ text }) => text)), forms, folded, ordinary };
};
