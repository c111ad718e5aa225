import { privatePath } from "./addresses.ts";
import { holdsSecrets, isAboutSecrets, isNaming, secretBy } from "./names.ts";
import { type Found, type KnownVariables, NOTHING, type Span } from "./spans.ts";
import { isNoSecret } from "./values.ts";

/** A text that is never closed ends with its line: JSON may have been cut off. */
const TOKEN = /"(?:[^"\\\n]|\\.)*"?|[{}[\],:]|[^\s{}[\],:"]+/g;
const MAX_DEPTH = 500;
/** Names whose value may be a number; under others (`pass`, `tokens`) numbers count something. */
const NUMBERED = /pass(?:word|wd|phrase|code)|pwd|secret|pin$/i;

const textOf = (token: string): string => {
  try {
    return String(JSON.parse(token));
  } catch {
    return token.replace(/^"|"$/g, "");
  }
};

interface Level {
  readonly kind: "{" | "[";
  readonly name: string;
  /** Why everything in it is secret. */
  readonly below: string | undefined;
  key: string | undefined;
}

/** What is secret in JSON, lines of it, or the beginning of some, by where it stands. */
export const jsonFound = (text: string, { isSet }: KnownVariables): Found => {
  const spans: Span[] = [];
  const words: string[] = [];
  const levels: Level[] = [];
  let key: string | undefined;
  let named = "";
  let waiting: string | undefined;
  for (const match of text.matchAll(TOKEN)) {
    const [token] = match;
    const at = match.index;
    const level = levels.at(-1);
    if (token === "{" || token === "[") {
      const name = key ?? level?.name ?? "";
      const holds = key !== undefined && holdsSecrets(key, token === "[");
      const below = level?.below ?? (holds ? `key ${name.slice(0, 60)}` : undefined);
      // Deeper than that nothing is told apart any more; patterns still are.
      if (levels.length < MAX_DEPTH) levels.push({ kind: token, name, below, key: undefined });
      [key, named, waiting] = [undefined, "", undefined];
    } else if (token === "}" || token === "]") {
      levels.pop();
      [key, waiting, named] = [undefined, undefined, ""];
    } else if (token === ":") {
      if (waiting !== undefined) key = waiting;
      waiting = undefined;
    } else if (token === ",") {
      key = undefined;
      waiting = undefined;
    } else {
      const isText = token.startsWith('"') && token.length > 1;
      if (key === undefined && level?.kind !== "[") {
        waiting = isText ? textOf(token) : token;
        continue;
      }
      const name = key ?? level?.name ?? "";
      const value = isText ? textOf(token) : token;
      key = undefined;
      if (/^(?:name|key|header|variable)$/i.test(name)) named = value;
      if (!isText && !/^-?\d/.test(token)) continue;
      const beside = name === "value" && named !== "" ? secretBy(named, value, [], isSet) : undefined;
      const below = isAboutSecrets(name) ? undefined : level?.below;
      const rule = below ?? secretBy(name, value, [level?.name ?? ""], isSet) ?? beside;
      const path = /webhook/i.test(name) ? privatePath(value) : undefined;
      if (path) {
        spans.push({
          start: at,
          end: at + token.length,
          value: path.value,
          rule: `address ${name}`,
          write: (standIn) => JSON.stringify(value.slice(0, path.from) + standIn),
        });
      } else if (/webhook/i.test(name) && /^https?:/i.test(value)) continue;
      else if (rule !== undefined && !isNoSecret(value, isSet) && (isText || NUMBERED.test(name))) {
        const scheme = /^(?:Basic|Bearer|token|Splunk)\s+(?=\S)/i.exec(value)?.[0] ?? "";
        const bare = value.slice(scheme.length);
        if (!isNoSecret(bare, isSet))
          spans.push({
            start: at,
            end: at + token.length,
            value: bare,
            rule,
            write: (standIn) => JSON.stringify(scheme + standIn),
          });
      } else if (isText && isNaming(name)) words.push(value);
    }
  }
  return { ...NOTHING, spans, words };
};
