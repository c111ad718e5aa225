import { kindOfName, secretBy, variableIs } from "./names.ts";
import { linesOf } from "./settings.ts";
import { breaksOf, type Found, type KnownVariables, NOTHING, type Span } from "./spans.ts";
import { isNoSecret, isPath } from "./values.ts";

interface Word {
  /** As the program gets it. */
  readonly text: string;
  /** Where each of its characters stands in the text, and where the last one ends. */
  readonly offsets: readonly number[];
  readonly start: number;
  readonly end: number;
  readonly quote: string;
}

const WORD = /"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|((?:[^\s"'\\|;]|\\.|["'](?!\s|$)[^"'\s]*["']?)+)|([|;])/g;

/** What is meant by a text of which some characters are escaped: by `escaped`, whose first group is what it stands for. */
export const unescaped = (source: string, at: number, escaped: RegExp): Pick<Word, "text" | "offsets"> => {
  const offsets: number[] = [];
  let text = "";
  let last = 0;
  const copy = (to: number): void => {
    for (let index = last; index < to; index += 1) offsets.push(at + index);
    text += source.slice(last, to);
  };
  for (const match of source.matchAll(escaped)) {
    copy(match.index);
    offsets.push(at + match.index);
    text += match[1] ?? "";
    last = match.index + match[0].length;
  }
  copy(source.length);
  return { text, offsets: [...offsets, at + source.length] };
};
const NEVER = /(?!)/g;

/** The words of a command line, where quotes hold some together. */
const wordsIn = (line: string, at: number): readonly Word[] =>
  [...line.matchAll(WORD)].map((match) => {
    const [whole, double, single] = match;
    const start = at + match.index;
    const quote = double !== undefined ? '"' : single !== undefined ? "'" : "";
    const meant =
      double !== undefined
        ? unescaped(double, start + 1, /\\(["\\$`])/g)
        : single !== undefined
          ? unescaped(single, start + 1, NEVER)
          : unescaped(whole, start, /\\(.)/g);
    return { ...meant, start, end: start + whole.length, quote };
  });

/** Words that a list holds, each of which is a text of its own: they begin at the place that they have in the list. */
const wordsOfList = (items: readonly string[]): readonly Word[] =>
  items.map((text, index) => ({ text, offsets: [], start: index, end: index + 1, quote: "" }));

/**
 * Short options that take a password or key, by program; `=`: the value may follow without a blank. From the manuals of
 * mysql(1), sshpass(1), redis-cli(1), ldapsearch(1), curl(1), and from cscli (cmd/crowdsec-cli: `machines add -p`, `bouncers add -k`).
 */
const SHORT: readonly (readonly [RegExp, RegExp])[] = [
  [/^cscli$/, /^-[pk]$|^-[pk](?=.)/],
  [/^(?:mysql|mariadb|mysqladmin|mysqldump|mariadb-admin|mariadb-dump)$/, /^-p(?=.)/],
  [/^sshpass$/, /^-p$|^-p(?=.)/],
  [/^redis-cli$/, /^-a$|^-a(?=.)/],
  [/^(?:ldapsearch|ldapwhoami|smbclient)$/, /^-w$/],
  [/^(?:mongo|mongosh|mongodump|mongorestore|mongoexport|mongoimport)$/, /^-p$/],
  [/^(?:curl|wget|http|https|xh)$/, /^-b$/],
  [/^(?:crowdsec-[\w-]*bouncer|mosquitto_(?:pub|sub))$/, /^-P$/],
];
/** Programs of which only `login` takes a password as `-p` (docker-login(1)): `run -p` is a port. */
const LOGS_IN = /^(?:docker|podman|nerdctl|buildah|skopeo|helm|oras|crane|az|oc)$/;
/** curl's short options without a value, some of which often stand before one with a value: `-fsSu` (curl(1)). */
const HEADER = /^(?:-[A-Za-z#]{0,12}H|--header|--proxy-header)$/;
const ATTACHED_HEADER = /^(?:--(?:proxy-)?header=|-[0-46afgGiIjJkLlMnNOpqRsSvZ#]{0,12}H=?)(?=.)/;
/** `-u user:password` of curl, and its longer names; `-a` of httpie. */
const LOGIN = /^(?:-[0-46afgGiIjJkLlMnNOpqRsSvZ#]{0,12}[uU]|-a|--user|--proxy-user)$/;
const ATTACHED_LOGIN = /^(?:-[0-46afgGiIjJkLlMnNOpqRsSvZ#]{0,12}[uU]=?|--(?:proxy-)?user=)(?=[^:]*:.)/;
/** Programs of Samba, whose `-U user%password` is a login (smbclient(1)). */
const SAMBA = /^(?:smbclient|smbget|smbcacls|smbtree|rpcclient|net|winexe)$/;
/** Programs that read a password from what is piped into them. */
const reads = (words: readonly Word[]): "login" | "password" | undefined => {
  const has = (pattern: RegExp): boolean => words.some(({ text }) => pattern.test(text));
  if (has(/(?:^|\/)chpasswd$/)) return "login";
  if (has(/(?:^|\/)(?:sudo|kinit|cryptsetup)$/) && has(/^(?:-[A-Za-z]{0,6}S|--stdin|--password-file|luks\w+|-)$/))
    return "password";
  return has(/^--(?:password-)?stdin$/) ? "password" : undefined;
};

const SCHEME = /^(?:Basic|Bearer|Splunk|token|Token|ApiKey|Digest)\s+(?=\S)/i;

const programOf = (text: string): string => text.slice(text.lastIndexOf("/") + 1);

const MAX_COMMAND = 100_000;
/** Quotes within quotes within quotes. */
const MAX_DEPTH = 4;

/** What is secret in command lines, `ExecStart=` lines, crontabs. */
export const commandSpans = (line: string, at: number, known: KnownVariables, depth = 0): readonly Span[] => {
  const commands: { readonly words: Word[]; readonly isPiped: boolean }[] = [{ words: [], isPiped: false }];
  for (const word of wordsIn(line.slice(0, MAX_COMMAND), at)) {
    if (word.quote === "" && /^(?:[;|]|&&)$/.test(word.text)) commands.push({ words: [], isPiped: word.text === "|" });
    else commands.at(-1)?.words.push(word);
  }
  return commands.flatMap(({ words }, index) => {
    const next = commands[index + 1];
    const piped = next?.isPiped ? pipedSpans(words, next.words) : [];
    const taken = new Set(piped.map(({ start }) => start));
    return [...spansOf(words, known, depth).filter(({ start }) => !taken.has(start)), ...piped];
  });
};

/** What is secret in the words of a command that stand in a list: by the index of each. */
export const listedSpans = (items: readonly string[], known: KnownVariables): readonly Span[] =>
  spansOf(wordsOfList(items), known, MAX_DEPTH);

/** In place of a part of a word, and of the quotes around it. */
const partOf = (word: Word, rule: string, from: number, to: number): Span | undefined => {
  const value = word.text.slice(from, to);
  if (isNoSecret(value)) return undefined;
  const write = (standIn: string): string =>
    word.quote + word.text.slice(0, from) + standIn + word.text.slice(to) + word.quote;
  return { start: word.start, end: word.end, value, rule, write };
};

/** `echo user:password | chpasswd`, `echo password | sudo -S x`. */
const pipedSpans = (words: readonly Word[], next: readonly Word[]): readonly Span[] => {
  const said = words.findIndex(({ text }) => /^(?:echo|printf)$/.test(programOf(text)));
  const read = said < 0 ? undefined : reads(next);
  if (read === undefined) return [];
  return words.slice(said + 1).flatMap((word) => {
    const { text } = word;
    const login = text.indexOf(":") + 1;
    if (/^-[neE]+$|^%|^[12]?>/.test(text) || (read === "login" && login === 0)) return [];
    const end = /(?:\\n)?$/.exec(text)?.index ?? text.length;
    return partOf(word, "password that is piped", read === "login" ? login : 0, end) ?? [];
  });
};

/** A word that is a command line of its own: `sh -c 'curl -u me:x h'`. */
const inside = (word: Word, known: KnownVariables, depth: number): readonly Span[] =>
  word.quote === "" || depth >= MAX_DEPTH || !/\S\s+\S/.test(word.text)
    ? []
    : commandSpans(word.text, 0, known, depth + 1).map((span) => ({
        ...span,
        start: word.offsets[span.start] ?? word.start,
        end: word.offsets[span.end] ?? word.end,
        write: (standIn) => (word.quote === '"' ? span.write(standIn).replace(/["\\]/g, "\\$&") : span.write(standIn)),
      }));

const spansOf = (words: readonly Word[], known: KnownVariables, depth: number): readonly Span[] => {
  const programs = new Set(words.map(({ text }) => programOf(text)));
  const short = SHORT.filter(([program]) => [...programs].some((each) => program.test(each)));
  /** The first such option is the program's own; `sshpass -p` has one of another program behind it. */
  const optionAt = short.map(([, option]) => words.findIndex(({ text }) => option.test(text)));
  const takesLogin = [...programs].some((each) => /^(?:curl|http|https|xh|smbclient|wget)$/.test(each));
  const read = words.some(({ text }) => text === "<<<") ? reads(words) : undefined;
  const isSamba = [...programs].some((each) => SAMBA.test(each));
  const logsIn = programs.has("login") && [...programs].some((each) => LOGS_IN.test(each));

  /** @param from where in the word the secret begins */
  const spanOf = (word: Word, rule: string, from = 0, to = word.text.length): Span | undefined =>
    partOf(word, rule, from, to);

  const headerOf = (word: Word, from = 0): Span | undefined => {
    const [head, name = "", value = ""] = /^\s*([A-Za-z][\w-]{0,60}):\s*(.*)$/s.exec(word.text.slice(from)) ?? [];
    if (head === undefined || secretBy(name, value) === undefined) return undefined;
    const scheme = SCHEME.exec(value)?.[0].length ?? 0;
    return spanOf(word, `header ${name}`, word.text.length - value.length + scheme);
  };

  /** Of an option: its value is no path, or a path is as bad. */
  const isSecret = (name: string, value: string): boolean => {
    const kind = kindOfName(name);
    return (
      kind === "value" ||
      ((kind === "bare" || kind === "file") && !isPath(value)) ||
      secretBy(name, value) !== undefined
    );
  };

  /** `--name=value`, `NAME=value`. */
  const assignedIn = (word: Word): Span | undefined => {
    const [head, dashes = "", name = ""] = /^(--?|\/)?([A-Za-z_][\w.-]{0,80})=(?=.)/s.exec(word.text) ?? [];
    if (head === undefined) return undefined;
    const value = word.text.slice(head.length);
    const inner = /^["'](.*)["']$/s.exec(value)?.[1] ?? value;
    const from = head.length + (inner === value ? 0 : 1);
    const isVariable = dashes === "" && variableIs(name, inner, known) === "secret";
    // What Traefik does with a header in its log (accesslog.fields.headers.names).
    if (/\.names\./.test(name) && /^(?:keep|drop|redact)$/.test(inner)) return undefined;
    if (!isVariable && !(dashes !== "" && isSecret(name, inner))) return undefined;
    return spanOf(word, `${dashes === "" ? "variable" : "argument"} ${dashes}${name}`, from, from + inner.length);
  };

  /** Where in a word the value of a short option begins. */
  const shortIn = ({ text }: Word, index: number): number | undefined => {
    if (optionAt.includes(index - 1) && words[index - 1]?.text.length === 2 && !text.startsWith("-")) return 0;
    if (!optionAt.includes(index) || text.length <= 2) return undefined;
    return text[2] === "=" && text.length > 3 ? 3 : 2;
  };

  const judge = (word: Word, index: number): Span | undefined => {
    const { text } = word;
    const before = words[index - 1]?.text ?? "";
    if (HEADER.test(before)) return headerOf(word);
    const attached = ATTACHED_HEADER.exec(text)?.[0];
    const header = attached === undefined ? undefined : headerOf(word, attached.length);
    if (header) return header;
    const assigned = assignedIn(word);
    if (assigned) return assigned;
    // `--password x`, `-token x`: what follows, unless that is an option itself.
    const [, option] = /^--?([A-Za-z][\w-]{2,})$/.exec(before) ?? [];
    if (option !== undefined && isSecret(option, text) && !/^--?[a-z][a-z-]*$/.test(text))
      return spanOf(word, `argument ${before}`);
    const from = shortIn(word, index);
    if (from !== undefined) return spanOf(word, `argument ${from === 0 ? before : text.slice(0, 2)}`, from);
    if (takesLogin && LOGIN.test(before) && text.includes(":"))
      return spanOf(word, "password of a login", text.indexOf(":") + 1);
    if (isSamba && /^(?:-U|--user)$/.test(before) && text.includes("%"))
      return spanOf(word, "password of a login", text.indexOf("%") + 1);
    if (logsIn && before === "-p" && !text.startsWith("-")) return spanOf(word, "argument -p");
    if (before === "<<<" && read !== undefined)
      return spanOf(word, "password that is piped", read === "login" ? text.indexOf(":") + 1 : 0);
    const [attachedLogin] = ATTACHED_LOGIN.exec(text) ?? [];
    if (takesLogin && attachedLogin !== undefined)
      return spanOf(word, "password of a login", text.indexOf(":", attachedLogin.length) + 1);
    // `htpasswd -b FILE USER PASSWORD`, `htpasswd -nb USER PASSWORD` (htpasswd(1)).
    if (programs.has("htpasswd") && index === words.length - 1 && words.some((each) => /^-[A-Za-z]*b/.test(each.text)))
      return spanOf(word, "argument of htpasswd -b");
    if (/^-pass(?:in|out)?$/.test(before) && text.startsWith("pass:")) return spanOf(word, `argument ${before}`, 5);
    // `cscli console enroll [options] KEY` (cmd/crowdsec-cli/cliconsole).
    const isEnrolled = programs.has("cscli") && words.slice(0, index).some((each) => each.text === "enroll");
    return isEnrolled && /^[a-z0-9]{20,40}$/i.test(text) ? spanOf(word, "key of cscli console enroll") : undefined;
  };

  return words.flatMap((word, index) => judge(word, index) ?? inside(word, known, depth));
};

/**
 * A command line that backslashes join, read as one. What stands for a part of it has as many line breaks.
 * @param text all lines; whatever breaks one is a blank
 * @param joint what a broken line ends in
 */
export const joinedSpans = (text: string, at: number, known: KnownVariables, joint = " \\\n"): readonly Span[] =>
  commandSpans(text.replace(/\\\r?\n/g, (each) => " ".repeat(each.length)).replace(/\n/g, " "), at, known).map(
    (span) => {
      const breaks = breaksOf(text.slice(span.start - at, span.end - at)).length;
      return breaks === 0 ? span : { ...span, write: (standIn) => span.write(standIn) + joint.repeat(breaks) };
    },
  );

/** Lines, each with those that a backslash at its end joins to it. */
const joinedLines = function* (text: string): Generator<{ readonly line: string; readonly at: number }> {
  let begun: number | undefined;
  let count = 0;
  for (const { line, at } of linesOf(text)) {
    const from = begun ?? at;
    count += 1;
    if (
      line.endsWith("\\") &&
      count < 100 &&
      at + line.length < text.length &&
      at + line.length - from < MAX_COMMAND / 2
    ) {
      begun = from;
      continue;
    }
    yield { line: text.slice(from, at + line.length), at: from };
    [begun, count] = [undefined, 0];
  }
  if (begun !== undefined) yield { line: text.slice(begun), at: begun };
};

export const argumentsFound = (text: string, known: KnownVariables): Found => ({
  ...NOTHING,
  spans: [...joinedLines(text)].flatMap(({ line, at }) => joinedSpans(line, at, known)),
});
