import { kindOfName, secretBy, variableIs } from "./names.ts";
import { linesOf } from "./settings.ts";
import { type Found, type KnownVariables, NOTHING, type Span } from "./spans.ts";
import { isNoSecret, isPath } from "./values.ts";

interface Word {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly quote: string;
}

const WORD = /"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|((?:[^\s"'\\|;]|\\.|["'](?!\s|$)[^"'\s]*["']?)+)|([|;])/g;

/** The words of a command line, where quotes hold some together. */
const wordsIn = (line: string, at: number): readonly Word[] =>
  [...line.matchAll(WORD)].map((match) => {
    const [whole, double, single] = match;
    const start = at + match.index;
    const quote = double !== undefined ? '"' : single !== undefined ? "'" : "";
    const text = double?.replace(/\\(["\\$`])/g, "$1") ?? single ?? whole.replace(/\\(.)/g, "$1");
    return { text, start, end: start + whole.length, quote };
  });

/**
 * Short options that take a password or key, by program; `=`: the value may follow without a blank. From the manuals of
 * mysql(1), sshpass(1), redis-cli(1), ldapsearch(1), curl(1), and from cscli (cmd/crowdsec-cli: `machines add -p`, `bouncers add -k`).
 */
const SHORT: readonly (readonly [RegExp, RegExp])[] = [
  [/^cscli$/, /^-[pk]$|^-[pk](?=.)/],
  [/^(?:mysql|mariadb|mysqladmin|mysqldump|mariadb-admin|mariadb-dump)$/, /^-p(?=.)/],
  [/^sshpass$/, /^-p$|^-p(?=.)/],
  [/^redis-cli$/, /^-a$/],
  [/^(?:ldapsearch|ldapwhoami|smbclient)$/, /^-w$/],
  [/^(?:curl|wget|http|https|xh)$/, /^-b$/],
  [/^(?:crowdsec-[\w-]*bouncer|mosquitto_(?:pub|sub))$/, /^-P$/],
];
const HEADER = /^(?:-H|--header|--proxy-header)$/;
/** `-u user:password` of curl, and its longer names. */
const LOGIN = /^(?:-u|--user|-U|--proxy-user)$/;

const SCHEME = /^(?:Basic|Bearer|Splunk|token|Token|ApiKey|Digest)\s+(?=\S)/i;

const programOf = (text: string): string => text.slice(text.lastIndexOf("/") + 1);

/** What is secret in command lines, `ExecStart=` lines, crontabs. */
export const commandSpans = (line: string, at: number, known: KnownVariables): readonly Span[] => {
  const commands: Word[][] = [[]];
  for (const word of wordsIn(line.slice(0, 100_000), at)) {
    if (word.quote === "" && /^(?:[;|]|&&)$/.test(word.text)) commands.push([]);
    else commands.at(-1)?.push(word);
  }
  return commands.flatMap((words) => spansOf(words, known));
};

const spansOf = (words: readonly Word[], known: KnownVariables): readonly Span[] => {
  const programs = new Set(words.map(({ text }) => programOf(text)));
  const short = SHORT.filter(([program]) => [...programs].some((each) => program.test(each)));
  /** The first such option is the program's own; `sshpass -p` has one of another program behind it. */
  const optionAt = short.map(([, option]) => words.findIndex(({ text }) => option.test(text)));
  const takesLogin = [...programs].some((each) => /^(?:curl|http|https|xh|smbclient|wget)$/.test(each));

  /** @param from where in the word the secret begins */
  const spanOf = (word: Word, rule: string, from = 0, to = word.text.length): Span | undefined => {
    const value = word.text.slice(from, to);
    if (isNoSecret(value)) return undefined;
    const write = (standIn: string): string =>
      word.quote + word.text.slice(0, from) + standIn + word.text.slice(to) + word.quote;
    return { start: word.start, end: word.end, value, rule, write };
  };

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
    const attached = /^(?:--(?:proxy-)?header=|-H=?)(?=.)/.exec(text)?.[0];
    if (attached !== undefined) return headerOf(word, attached.length);
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
    const [attachedLogin] = /^(?:-[uU]=?|--(?:proxy-)?user=)(?=[^:]*:.)/.exec(text) ?? [];
    if (takesLogin && attachedLogin !== undefined && !/^-[uU]$/.test(text))
      return spanOf(word, "password of a login", text.indexOf(":", attachedLogin.length) + 1);
    // `htpasswd -b FILE USER PASSWORD`, `htpasswd -nb USER PASSWORD` (htpasswd(1)).
    if (programs.has("htpasswd") && index === words.length - 1 && words.some((each) => /^-[A-Za-z]*b/.test(each.text)))
      return spanOf(word, "argument of htpasswd -b");
    if (/^-pass(?:in|out)?$/.test(before) && text.startsWith("pass:")) return spanOf(word, `argument ${before}`, 5);
    // `cscli console enroll [options] KEY` (cmd/crowdsec-cli/cliconsole).
    const isEnrolled = programs.has("cscli") && words.slice(0, index).some((each) => each.text === "enroll");
    return isEnrolled && /^[a-z0-9]{20,40}$/i.test(text) ? spanOf(word, "key of cscli console enroll") : undefined;
  };

  return words.flatMap((word, index) => judge(word, index) ?? []);
};

export const argumentsFound = (text: string, known: KnownVariables): Found => ({
  ...NOTHING,
  spans: [...linesOf(text)].flatMap(({ line, at }) => commandSpans(line, at, known)),
});
