import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  type Pair,
  parseAllDocuments,
  type Scalar,
} from "yaml";
import { privatePath } from "./addresses.ts";
import { argumentsFound, joinedSpans, listedSpans, unescaped } from "./arguments.ts";
import { commentSpans } from "./comments.ts";
import { holdsSecrets, isAboutSecrets, isNaming, kindOfName, secretBy, variableIs, wordsOf } from "./names.ts";
import { breaksOf, type Found, type KnownVariables, type Span } from "./spans.ts";
import { isAwkward, isNoSecret, isStandIn, referencesOf } from "./values.ts";
import { yamlLines } from "./yaml-lines.ts";

/** Anchors can make a small file explode. */
const MAX_NODES = 200_000;
/** No file of CrowdSec is so large, or has such a line: what is, is read line by line. */
const MAX_LENGTH = 500_000;
const MAX_LINE = 8000;

/** Headers that tell nothing about a login. */
const ORDINARY_HEADERS =
  /^(?:content-(?:type|length|encoding)|accept(?:-\w+)?|user-agent|host|origin|referer|cache-control|connection|x-requested-with|x-forwarded-\w+|x-frame-options|x-content-type-options)$/i;
/** `Bearer abc` and the like: the word before stays. */
const SCHEME =
  /^(?:Basic|Bearer|Splunk|token|Token|ApiKey|Api-Key|GenieKey|Digest|Negotiate|OAuth|AWS4-HMAC-SHA256)\s+(?=\S)/i;

/** Names of what is run: a line, or a list of words (docs.docker.com/reference/compose-file/services, Pods of Kubernetes). */
const COMMAND = /^(?:command|cmd|args|entrypoint|exec(?:start|_start)?)$/i;
/** Plain and quoted texts that end on their line: how each says what it means. */
const ESCAPED: Readonly<Record<string, RegExp>> = { '"': /\\(["\\/])/g, "'": /'(')/g };
/** Labels of Traefik and others that hold `user:hash`, with `$$` for `$`. */
const USERS = /basic_?auth\.users$/i;

/** Text as the value of a double-quoted scalar, on as many lines as what stood there. */
const quoted = (text: string, source: string): string => {
  const lines = source.split("\n");
  const indent = /^[ \t]*/.exec(lines.at(-1) ?? "")?.[0] ?? "";
  const inner = JSON.stringify(text).slice(1, -1);
  return `"${inner}${`\\\n${indent || " "}`.repeat(lines.length - 1)}"`;
};

/** What stands in place of a scalar, whose text becomes `text`. */
const written = (text: string, source: string, node: Scalar): string => {
  if (node.type === "BLOCK_LITERAL" || node.type === "BLOCK_FOLDED") return JSON.stringify(text) + breaksOf(source);
  if (source.includes("\n")) return quoted(text, source);
  const quote = node.type === "QUOTE_SINGLE" ? "'" : node.type === "QUOTE_DOUBLE" ? '"' : "";
  if (quote === "'" && !/['\s]$/.test(text)) return `'${text.replaceAll("'", "''")}'`;
  return quote === "" && /^-{0,2}\w[\w ./:@%?&=+-]*$/.test(text) && !/: | $/.test(text) ? text : JSON.stringify(text);
};

const standsFor = (standIn: string, value: string): string => (isAwkward(value) ? `${standIn} ` : standIn);

interface Place {
  readonly parents: readonly string[];
  /** Why everything below is secret. */
  readonly below?: string;
  /** Everything below names something to send alerts to. */
  readonly headers?: boolean;
  /** What stands below are expressions that texts are matched with, and no values. */
  readonly patterns?: boolean;
  /** It is an item of a list. */
  readonly inList?: boolean;
}

/** What is secret in YAML that can be read as such; undefined where it cannot. */
const parsed = (text: string, known: KnownVariables): Found | undefined => {
  const documents = parseAllDocuments(text, { prettyErrors: false, uniqueKeys: false, logLevel: "silent" });
  const all = (Array.isArray(documents) ? documents : []) as Document[];
  if (all.some(({ errors }) => errors.length > 0)) return undefined;

  const spans = new Map<number, Span>();
  const words: string[] = [];
  const plainReferences: string[] = [];
  const secretReferences: string[] = [];
  const anchors = new Map<string, Node>();
  let nodes = 0;

  const sourceOf = (node: Scalar): string => text.slice(node.range?.[0] ?? 0, node.range?.[1] ?? 0);
  const meantBy = (node: Scalar): string =>
    typeof node.value === "string" ? node.value : (node.source ?? sourceOf(node));

  /** @param from where in the scalar's value the secret begins */
  const add = (node: Scalar, rule: string, from = 0, to = meantBy(node).length): void => {
    if (!node.range) return;
    const [start, end] = node.range;
    const whole = meantBy(node);
    const value = whole.slice(from, to);
    if (isNoSecret(value, known.isSet)) {
      secretReferences.push(...referencesOf(value));
      return;
    }
    secretReferences.push(...referencesOf(value));
    const source = sourceOf(node);
    const write = (standIn: string): string =>
      written(
        from === 0 && to === whole.length
          ? standsFor(standIn, value)
          : whole.slice(0, from) + standIn + whole.slice(to),
        source,
        node,
      );
    spans.set(start, { start, end, value, rule, write });
  };

  const secretScalar = (node: Scalar, rule: string): void => {
    if (typeof node.value === "boolean" || node.value === null) return;
    const value = meantBy(node);
    const scheme = SCHEME.exec(value)?.[0] ?? "";
    if (scheme !== "" && isNoSecret(value.slice(scheme.length), known.isSet)) return;
    add(node, rule, scheme.length);
  };

  /** What is run is read as a command line is. */
  const command = (node: Scalar): void => {
    if (!node.range || typeof node.value !== "string") return;
    const [start] = node.range;
    const source = sourceOf(node);
    const found = (): readonly Span[] => {
      if (node.type === "BLOCK_LITERAL") {
        const body = source.indexOf("\n") + 1;
        return argumentsFound(source.slice(body), known).spans.map((span) => ({
          ...span,
          start: span.start + start + body,
          end: span.end + start + body,
        }));
      }
      if (node.type === "BLOCK_FOLDED") {
        const body = source.indexOf("\n") + 1;
        return joinedSpans(source.slice(body), start + body, known, " \n");
      }
      const quote = /^["']/.exec(source)?.[0] ?? "";
      if (quote === "") return joinedSpans(source, start, known, " \n");
      const meant = unescaped(source.slice(1, -1), start + 1, ESCAPED[quote] ?? /(?!)/g);
      return joinedSpans(meant.text, 0, known, " \n").map((span) => ({
        ...span,
        start: meant.offsets[span.start] ?? start,
        end: meant.offsets[span.end] ?? start,
        write: (standIn) =>
          quote === "'" ? span.write(standIn).replaceAll("'", "''") : span.write(standIn).replace(/["\\]/g, "\\$&"),
      }));
    };
    if (!spans.has(start)) for (const span of found()) if (!spans.has(span.start)) spans.set(span.start, span);
  };

  /** A list of words that are run: `[x, --token, abc]`; one that holds blanks is a line of its own. */
  const listedCommand = (items: readonly unknown[]): void => {
    const scalars = items.filter((item): item is Scalar => isScalar(item));
    const words = scalars.map(meantBy);
    for (const { start: index, rule, value } of listedSpans(words, known)) {
      const node = scalars[index];
      if (!node?.range || spans.has(node.range[0])) continue;
      const from = (words[index] ?? "").lastIndexOf(value);
      add(node, rule, from, from + value.length);
    }
    for (const node of scalars) if (/\S\s+\S/.test(meantBy(node))) command(node);
  };

  const plainScalar = (node: Scalar, name: string): void => {
    if (typeof node.value !== "string") return;
    const { value } = node;
    const [users] = /^[\w.@-]{1,200}basic_?auth\.users=[^:\s]{1,100}:/i.exec(value) ?? [];
    if (users !== undefined) {
      add(node, "password of a user", users.length);
      return;
    }
    plainReferences.push(...referencesOf(value));
    if (isNaming(name) || /^(?:\/|[a-z]+:\/\/)/.test(value)) words.push(value);
    // Of a list of variables, or of arguments.
    const [, variable, assigned] = /^([A-Za-z_]\w*)=(.*)$/s.exec(value) ?? [];
    if (variable !== undefined && assigned !== undefined && variableIs(variable, assigned, known) === "secret")
      add(node, `variable ${variable}`, variable.length + 1);
    const [, header, said] = /^([A-Za-z][\w-]*):\s+(.*)$/s.exec(value) ?? [];
    if (header !== undefined && said !== undefined) {
      const rule = secretBy(header, said, [], known.isSet);
      const scheme = SCHEME.exec(said)?.[0].length ?? 0;
      if (rule !== undefined) add(node, rule, value.length - said.length + scheme);
    }
  };

  /** Slack, and whoever else calls it so: the whole address is what opens it. */
  const webhookIn = (name: string, value: string): ReturnType<typeof privatePath> =>
    /^webhooks?$/.test(wordsOf(name).at(-1) ?? "") || /webhook_?ur[li]$/i.test(name) ? privatePath(value) : undefined;

  const scalar = (node: Scalar, name: string, place: Place): void => {
    const value = meantBy(node);
    if (typeof node.value === "boolean" || node.value === null || value === "" || isStandIn(value)) return;
    const path = webhookIn(name, value);
    const isHeader = place.headers && name !== "" && !ORDINARY_HEADERS.test(name);
    const rule = secretBy(name, value, place.parents, known.isSet);
    // A number is a password, and no key.
    const isSecret = rule !== undefined && (typeof node.value !== "number" || kindOfName(name) === "value");
    const isBelow = place.below !== undefined && !isAboutSecrets(name);
    if (place.patterns) return;
    if (USERS.test(name) && value.includes(":")) add(node, "password of a user", value.indexOf(":") + 1);
    else if (isBelow) secretScalar(node, place.below ?? "");
    else if (isHeader) secretScalar(node, `header ${name.slice(0, 60)}`);
    else if (path) add(node, `address ${name}`, path.from, path.from + path.value.length);
    else if (isSecret && !(/webhook/i.test(name) && /^https?:\/\//i.test(value))) secretScalar(node, rule);
    else if (kindOfName(name) !== undefined && isNoSecret(value, known.isSet))
      secretReferences.push(...referencesOf(value));
    else plainScalar(node, name);
  };

  const nameOf = (key: unknown): string => {
    if (isScalar(key)) return String(key.value);
    return isSeq(key) ? key.items.map((item) => (isScalar(item) ? String(item.value) : "")).join("_") : "";
  };

  const textUnder = (items: readonly Pair[], ...names: readonly string[]): Scalar | undefined => {
    const pair = items.find(({ key }) => names.includes(nameOf(key)));
    return pair && isScalar(pair.value) ? pair.value : undefined;
  };

  const map = (items: readonly Pair[], place: Place): void => {
    // Alerts go to addresses that are as good as a password (cmd/notification-http, docs.crowdsec.net/docs/local_api/notification_plugins).
    const type = textUnder(items, "type");
    const notifies =
      place.parents.length === 0 &&
      ((textUnder(items, "format") && textUnder(items, "type", "name")) ||
        (type !== undefined && meantBy(type) === "http" && textUnder(items, "name")));
    const address = notifies ? textUnder(items, "url") : undefined;
    const path = address && privatePath(meantBy(address));
    if (address && path) add(address, "address that alerts are sent to", path.from, path.from + path.value.length);
    // `- name: DB_PASSWORD` with its `value` beside it, as containers and headers are described.
    const named = textUnder(items, "name", "key", "header", "variable");
    const beside = textUnder(items, "value", "values", "content");
    const besideRule =
      named &&
      beside &&
      (secretBy(meantBy(named), meantBy(beside), [], known.isSet) ??
        (variableIs(meantBy(named), meantBy(beside), known) === "secret" && /^[A-Z_0-9]+$/.test(meantBy(named))
          ? `variable ${meantBy(named).slice(0, 60)}`
          : undefined));
    if (beside && besideRule) secretScalar(beside, besideRule);
    for (const { key, value } of items) {
      if (value === address && path) continue;
      if (beside && value === beside && besideRule) continue;
      const name = nameOf(key);
      // `? [password] : x` is a mapping that is a key.
      if (isMap(key)) walk(key, "", place);
      walk(value as Node | null, name, name === "<<" ? place : { ...place });
      if (isScalar(key) && typeof key.value === "string") words.push(key.value);
    }
  };

  const walk = (node: Node | null, name: string, place: Place): void => {
    nodes += 1;
    if (nodes > MAX_NODES) throw new RangeError("too many values");
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target && !(isScalar(target) && spans.has(target.range?.[0] ?? -1))) walk(target, name, place);
      return;
    }
    if (node !== null && "anchor" in node && typeof node.anchor === "string") anchors.set(node.anchor, node);
    const isRun = COMMAND.test(name) || (name === "test" && /^health_?check$/i.test(place.parents.at(-1) ?? ""));
    if (isScalar(node)) {
      scalar(node, name, place);
      if (isRun && !place.inList) command(node);
    }
    if (!isMap(node) && !isSeq(node)) return;
    const holds = name !== "" && holdsSecrets(name, isSeq(node));
    const below = place.below ?? (holds ? `key ${name.slice(0, 60)}` : undefined);
    const inner: Place = {
      parents: name === "" || name === "<<" ? place.parents : [...place.parents, name],
      ...(below !== undefined && { below }),
      ...(/^(?:http_|request_|extra_)?headers$/i.test(name) && { headers: true }),
      ...((place.patterns || name === "pattern_syntax") && { patterns: true }),
    };
    if (isSeq(node)) {
      const listed: Place = { ...(below === undefined ? { ...inner, parents: place.parents } : inner), inList: true };
      for (const item of node.items) walk(item as Node | null, name, listed);
      if (isRun) listedCommand(node.items);
    } else map(node.items as Pair[], inner);
  };

  for (const { contents } of all) {
    anchors.clear();
    walk((contents ?? null) as Node | null, "", { parents: [] });
  }
  return {
    spans: [...spans.values(), ...comments(text, known)],
    words,
    plainReferences,
    secretReferences,
    variables: [],
  };
};

const CONTROL = new Set(["\u0002", "\u0018", "\u001f"]);

/** Keys in a file's comments. */
const comments = (text: string, known: KnownVariables): readonly Span[] => {
  if (!text.includes("#")) return [];
  const found: { readonly text: string; readonly at: number }[] = [];
  let at = 0;
  for (const token of new Lexer().lex(text)) {
    if (CONTROL.has(token)) continue;
    if (token.startsWith("#")) found.push({ text: token, at });
    at += token.length;
  }
  return commentSpans(text, found, known.isSet);
};

const longestLine = (text: string): number => {
  let [longest, from] = [0, 0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", from)) {
    longest = Math.max(longest, at - from);
    from = at + 1;
  }
  return Math.max(longest, text.length - from);
};

/** What is secret in YAML by where it stands. What cannot be read as YAML is read line by line. */
export const yamlFound = (text: string, known: KnownVariables): Found => {
  if (text.length > MAX_LENGTH || longestLine(text) > MAX_LINE) return yamlLines(text, known);
  try {
    return parsed(text, known) ?? yamlLines(text, known);
  } catch (error) {
    // Nested too deeply for the stack, or anchors that multiply.
    if (error instanceof RangeError) return yamlLines(text, known);
    throw error;
  }
};
