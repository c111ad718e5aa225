import { argumentsFound } from "./arguments.ts";
import { assignmentsIn } from "./assignments.ts";
import { type Form, formsOf } from "./forms.ts";
import { jsonFound } from "./json.ts";
import { kindOf } from "./kind.ts";
import { createVocabulary, looksMade } from "./ordinary.ts";
import { patternSpans } from "./patterns.ts";
import { isUuid, PINGED, pings } from "./pings.ts";
import { bareKeys, MAX_KEY } from "./private-keys.ts";
import type { Kind, Leak, Redacted, Redactor, Removal } from "./redactor.ts";
import { createFinder, createProof, type Hit, LEAST } from "./search.ts";
import { accountsFound, directivesFound, environmentFound, settingsFound } from "./settings.ts";
import { type Found, inOrder, type KnownVariables, lineFinder, NOTHING, type Span, spanOf } from "./spans.ts";
import { unitFound } from "./unit.ts";
import { isNoSecret, isStandIn, variableIn } from "./values.ts";
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
  /** Those that are looked for in all texts: what a stranger can have written into a log is taken out in its place only. */
  readonly certain: Set<string>;
  /** Whose login it is, and no secret of its own. */
  readonly isUser: boolean;
}

/** What is looked for, made anew when something was noted since. */
interface Sealed {
  readonly find: (text: string) => readonly Hit[];
  readonly findFolded: (text: string) => readonly Hit[];
  readonly plain: readonly Note[];
  /** Of each, whether it stands in what has no words: base64, hexadecimal digits. */
  readonly isEncoded: readonly boolean[];
  readonly folded: readonly Note[];
  readonly hasBlanks: boolean;
  /** What is looked for in places of values only. */
  readonly ordinary: ReadonlyMap<string, Note>;
}

interface Proof {
  readonly find: (text: string) => readonly Hit[];
  readonly forms: readonly { readonly note: Note; readonly form: string }[];
  readonly folded: readonly { readonly note: Note; readonly text: string }[];
  readonly ordinary: ReadonlyMap<string, Note>;
}

/** Kinds whose text may come from whoever sends a request: what looks like a secret there may be a word that stands everywhere. */
const FOREIGN: ReadonlySet<Kind> = new Set<Kind>(["text", "arguments", "json"]);
const LOG = /(?:^|[/._ -])(?:logs?|journal|messages|syslog|stdin|standard input)(?![a-z])/i;
/** A command that a log tells of is as foreign as the log; a crontab's own is not. */
const isOwnCommand = (kind: Kind, name: string): boolean => kind === "arguments" && kindOf(name) === "arguments";
const isForeignCommand = (kind: Kind, name: string): boolean =>
  kind === "arguments" && LOG.test(name) && !isOwnCommand(kind, name);
/** Names of files and of keys, in which nothing that a stranger wrote may be looked for. */
const NAMES = /(?:^|[\s{,"'])([A-Za-z_][\w./-]{11,200})["']?[ \t]{0,4}:(?=\s|$)/gm;
const MAX_NAMES = 2000;

/** Of base64 around a value, as much as belongs to one piece of it. */
const MAX_AROUND = 4000;
const ENCODED = /[A-Za-z0-9+/_=-]/;

/** `NAME=`, `NAME: ` with a name that sounds like a secret's, for the proof: told apart otherwise than by what takes values out. */
const NAMED_VALUE =
  /(?:pass(?:word|wd|phrase)?|pwd|secret|token|api_?-?key)(?:\\{0,7}["']){0,2}[ \t]{0,2}[:=][ \t]{0,2}(?:\\{0,7}["']){0,2}([^\s"'\\,;&<>]{1,200})(?=["'\\,;&<>\s]|$)/gi;
/** `pass: 11` counts what went well. */
const isCount = (assignment: string): boolean => /^pass["'\\]*[ \t]*[:=][ \t]*\d{1,5}$/i.test(assignment);
const LOGIN_VALUE = /:\/\/[^\s/?#@:"'<>]{0,200}:([^\s/?#@"'<>]{1,200})@/g;

export const createRedactor = (): Redactor => {
  const notes: Note[] = [];
  const byValue = new Map<string, Note>();
  const vocabulary = createVocabulary();
  const plainNames = new Set<string>();
  const secretNames = new Set<string>();
  const names = new Set<string>();
  /** Values of variables, whose names may turn out to be secret by a reference later on. */
  const seen = new Map<string, { readonly value: string; readonly where: string }[]>();
  const isSet = (name: string): boolean => seen.has(name);
  const known: KnownVariables = { plain: plainNames, secret: secretNames, isSet };
  /** What may refer to a variable that a later text sets: they are noted when all was studied. */
  const pending: { readonly value: string; readonly rule: string; readonly where: string }[] = [];
  let isStudying = false;
  let sealed: Sealed | undefined;
  let proof: Proof | undefined;
  /** Kept until something is noted. */
  const forget = (): void => {
    sealed = undefined;
    proof = undefined;
  };

  /** @param isForeign whether a stranger may have chosen the value */
  const noteAt = (
    value: string,
    rule: string,
    where: string,
    aliases: readonly string[] = [],
    isForeign = false,
  ): string => {
    const core = value.trim();
    if (isStandIn(core)) return core;
    if (isNoSecret(core, isSet)) return value;
    if (isStudying && variableIn(core) !== undefined) {
      pending.push({ value, rule, where });
      return value;
    }
    const others = [value, ...aliases].map((each) => each.trim()).filter((each) => !isNoSecret(each, isSet));
    const found = byValue.get(core) ?? others.map((each) => byValue.get(each)).find((each) => each !== undefined);
    const note: Note = found ?? {
      standIn: `REDACTED-${notes.length + 1}`,
      rule,
      where,
      values: new Set(),
      certain: new Set(),
      isUser: rule === "user of a URL",
    };
    if (!found) notes.push(note);
    for (const each of [core, ...others]) {
      const known = byValue.get(each) ?? note;
      if (!byValue.has(each)) {
        byValue.set(each, note);
        note.values.add(each);
        forget();
      }
      if (known.certain.has(each) || (isForeign && !isFindable(each, rule))) continue;
      known.certain.add(each);
      forget();
    }
    return note.standIn;
  };

  /** What a stranger may have written is looked for elsewhere only where it is nobody's word, path, address or name. */
  const isFindable = (value: string, rule: string): boolean =>
    (looksMade(value, vocabulary.has) || (rule === PINGED && isUuid(value))) &&
    ![...names].some((name) => name.includes(value));

  /** Too ordinary to be looked for everywhere, or by a stranger. */
  const isPlaced = (note: Note, value: string): boolean => !note.certain.has(value) || vocabulary.isOrdinary(value);
  /**
   * It is looked for in places of values. What only a stranger has written is not: it was taken out where it stands, and as a word
   * of other texts it would take these out, or keep a bundle from being made.
   */
  const isSought = (note: Note, value: string): boolean => !note.isUser && note.certain.has(value);

  const settle = (): void => {
    for (const { value, rule, where } of pending.splice(0)) noteAt(value, rule, where);
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
    isForeign = false,
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
          : noteAt(span.value, span.rule, where === "" ? "" : `${where}:${line(span.start)}`, span.aliases, isForeign),
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
    const plain: { readonly text: string; readonly note: Note; readonly form?: Form["form"] }[] = [];
    const folded: { readonly text: string; readonly note: Note }[] = [];
    for (const note of notes) {
      for (const value of note.values) {
        if (isPlaced(note, value)) {
          if (isSought(note, value)) ordinary.set(value, note);
          continue;
        }
        plain.push({ text: value, note });
        if (/\s/.test(value) && foldedText(value).length >= LEAST) folded.push({ text: foldedText(value), note });
        // No reading brings back what was written in two ways at once: such forms are looked for as they are.
        for (const { text, form } of formsOf(value))
          if (text !== value && text.length >= LEAST) plain.push({ text, note, form });
      }
    }
    return {
      find: createFinder(plain.map(({ text }) => text)),
      findFolded: createFinder(folded.map(({ text }) => text)),
      plain: plain.map(({ note }) => note),
      isEncoded: plain.map(({ form }) => form === "base64" || form === "hex"),
      folded: folded.map(({ note }) => note),
      hasBlanks: folded.length > 0,
      ordinary,
    };
  };

  /** Where noted values stand, however they are written. */
  const knownSpans = (text: string): readonly Span[] => {
    if (notes.length === 0) return [];
    sealed ??= seal();
    const { find, findFolded, plain, isEncoded: encoded, folded, hasBlanks } = sealed;
    const spans: Span[] = [];
    for (const { view, isFolded } of viewsOf(text, hasBlanks)) {
      for (const { start, end, which } of isFolded ? findFolded(view.text) : find(view.text)) {
        const note = (isFolded ? folded : plain)[which];
        if (note === undefined) continue;
        const [first, last] = [view.begin(start), view.end(end)];
        let [from, to] = [first, last];
        const isEncoded = !isFolded && encoded[which] === true;
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
    for (const { name, separator, value, start } of assignmentsIn(text))
      if (!isCount(name + separator + value)) add(start, value);
    for (const expression of [NAMED_VALUE, LOGIN_VALUE])
      for (const match of text.matchAll(expression))
        if (!isCount(match[0])) add(match.index + match[0].lastIndexOf(match[1] ?? ""), match[1] ?? "");
    return inOrder(spans);
  };

  const standIn = (value: string): string | undefined => {
    settle();
    if (isStandIn(value)) return value.trim();
    const note = byValue.get(value.trim());
    return note?.certain.has(value.trim()) ? note.standIn : undefined;
  };

  return {
    study(text, kind, name) {
      isStudying = true;
      const found = STRUCTURES[kind](text, known);
      names.add(name);
      if (kind === "yaml" || kind === "json")
        for (const [, key = ""] of text.matchAll(NAMES)) if (names.size < MAX_NAMES) names.add(key);
      const line = lineFinder(text);
      for (const { name: variable, value, at } of found.variables) {
        const list = seen.get(variable) ?? [];
        list.push({ value, where: `${name}:${line(at)}` });
        seen.set(variable, list);
      }
      take(found);
      for (const { name: variable, value, at } of found.variables)
        if (secretNames.has(variable)) noteAt(value, `variable ${variable}`, `${name}:${line(at)}`);
      // Of a variable that is taken out as a whole, this is looked for all the same.
      for (const { value, start, isPrivate } of found.spans)
        if (isPrivate)
          for (const ping of pings(value)) noteAt(ping.value, ping.rule, `${name}:${line(start)}`, ping.aliases);
      const rest = replaced(text, found.spans, () => {}, name, isForeignCommand(kind, name));
      replaced(
        rest,
        patternSpans(rest, kind, vocabulary.has),
        () => {},
        name,
        FOREIGN.has(kind) && !isOwnCommand(kind, name),
      );
      forget();
      isStudying = false;
    },
    note: (value, rule) => noteAt(value, rule, ""),
    standIn,
    redact(text, kind): Redacted {
      settle();
      const counts = new Map<string, Removal>();
      const count = (line: number, rule: string): void => {
        const key = `${line} ${rule}`;
        counts.set(key, { line, rule, count: (counts.get(key)?.count ?? 0) + 1 });
      };
      let result = replaced(text, STRUCTURES[kind](text, known).spans, count, "", true);
      result = replaced(result, patternSpans(result, kind, vocabulary.has), count, "", true);
      result = replaced(result, knownSpans(result), count, "");
      result = replaced(result, ordinarySpans(result), count, "");
      // Whatever the proof would call a key: who writes such lines into a log does not keep a bundle from being made.
      result = replaced(
        result,
        bareKeys(result).map(({ start, value }) => spanOf(start, value, "private key")),
        count,
        "",
        true,
      );
      return { text: result, removals: [...counts.values()].sort((a, b) => a.line - b.line) };
    },
    leaks(text): readonly Leak[] {
      settle();
      if (notes.length === 0 && !text.includes("PRIVATE KEY")) return [];
      proof ??= prove(notes, isPlaced, isSought);
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
            const note = isCount(match[0]) ? undefined : ordinary.get(match[1] ?? "");
            if (note) add(note, "plain", match.index);
          }
      // All of one key is one leak.
      let last = Number.NEGATIVE_INFINITY;
      for (const { offset } of bareKeys(text)) {
        if (offset - last < MAX_KEY) continue;
        add({ rule: "private key", where: "" }, "plain", offset);
        last = offset;
      }
      return [...found.values()].sort((a, b) => a.line - b.line);
    },
    get ordinary() {
      settle();
      const places = notes.flatMap((note) => {
        const all = [...note.certain];
        const isOrdinary = !note.isUser && all.length > 0 && all.every((value) => vocabulary.isOrdinary(value));
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

const prove = (
  notes: readonly Note[],
  isPlaced: (note: Note, value: string) => boolean,
  isSought: (note: Note, value: string) => boolean,
): Proof => {
  const forms: { readonly note: Note; readonly form: string; readonly text: string }[] = [];
  const folded: { readonly note: Note; readonly text: string }[] = [];
  const ordinary = new Map<string, Note>();
  for (const note of notes) {
    for (const value of note.values) {
      if (isPlaced(note, value)) {
        if (isSought(note, value)) ordinary.set(value, note);
        continue;
      }
      for (const { text, form } of formsOf(value)) if (text.length >= LEAST) forms.push({ note, form, text });
      const flat = value.replace(/\s+/g, " ");
      if (flat.includes(" ") && flat.length >= LEAST) folded.push({ note, text: flat });
    }
  }
  return { find: createProof(forms.map(({ text }) => text)), forms, folded, ordinary };
};
