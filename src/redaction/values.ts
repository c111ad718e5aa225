/** What a stand-in looks like; `REMOVED` stands for what is private and no secret. */
export const REMOVED = "REMOVED";
const STAND_IN = /^REDACTED-\d+$/;
const STOOD_IN = /^(?:REDACTED-\d+|REMOVED)(?![\w-])/;
const IS_STAND_IN = /^(?:REDACTED-\d+|REMOVED)$/;

export const isStandIn = (value: string): boolean => STAND_IN.test(value.trim());

/**
 * A reference that somebody else fills in: `${API_KEY}`, `$API_KEY`, `<API_KEY>`, `{{ .Env.KEY }}`, `%(key)s`. A small letter after
 * a lone `$` is rather a password.
 */
const REFERENCE =
  /^(?:\$\{\w+(?::?-)?\}|\$(?:[A-Z_][A-Z0-9_]*|[\d@*#?!])|<[A-Za-z][\w ./-]{0,80}>|\{\{.*|%\{[^{}]*\}.*|%\(\w+\)s|\$\(.*|`[^`]*`)$/s;
const MASK =
  /^(?:([*xX.#•…-])\1*|x+(?:-x+)+|X+(?:-X+)+|[[(<]?(?:secret|redacted|hidden|masked|filtered)[\])>]|redacted|\S{0,4}\*{3,}\S{0,4})$/;
const NO_VALUE = /^(?:true|false|yes|no|on|off|null|nil|none|~|undefined)$/i;

/**
 * What somebody else fills in, by its shape alone: what an installer writes (`${API_KEY}`, `<API_KEY>`, which the checks judge),
 * and templates that were never rendered. Passwords are made of such characters too: whatever is not one as a whole is none.
 */
const PLACEHOLDER =
  /^(?:\$\{[A-Z_][A-Z0-9_]*\}|<[A-Z][A-Z_]*>|\{\{-? [^{}]{1,200} -?\}\}|\{\{\.[A-Za-z][A-Za-z.]{0,100}\}\}|%\(ENV_\w+\)s)$/;
/** Where CrowdSec's own files say which part of an event they mean: `evt.Parsed.token` (docs.crowdsec.net/docs/expr/event). */
const EXPRESSION =
  /^(?:[A-Z]\w{2,30}\()?evt\.(?:Meta|Parsed|Enriched|Unmarshaled|Appsec|Line|Overflow|Time|StrTime|Process|GetMeta|GetType)\b[\w.,"' ()[\]-]{0,200}$/;
/** `$NAME`, `${name}`: a reference where such a variable is set; CrowdSec leaves the name of an unknown one as it stands. */
const VARIABLE = /^\$(?:\{(\w+)\}|([A-Za-z_]\w*))$/;
/** What stands in place of a secret, as a whole. */
const WHOLE_MASK =
  /^(?:([*xX.#•…-])\1*|x+(?:-x+)+|X+(?:-X+)+|[[(<](?:secret|redacted|hidden|masked|filtered)[\])>]|redacted|REDACTED)$/;

/** Whether a variable of this name is set anywhere, as far as is known. */
export type IsSet = (name: string) => boolean;

/** The name of the variable that a value as a whole would refer to, if there is one of this name. */
export const variableIn = (value: string): string | undefined => {
  const [, braced, bare] = VARIABLE.exec(value.trim()) ?? [];
  return braced ?? bare;
};

/**
 * Nothing that could be secret: empty, a reference, a mask, a stand-in, a boolean.
 * @param isSet of what stands under a key of a file, where a password may look like any of these: then only what is one for
 * sure is no secret. Without it, of free text, whatever looks like one is none.
 */
export const isNoSecret = (value: string, isSet?: IsSet): boolean => {
  const text = value.trim();
  if (text === "" || NO_VALUE.test(text) || EXPRESSION.test(text)) return true;
  // What joins the line below is no value.
  if (isSet === undefined && text === "\\") return true;
  if (isSet === undefined) return STOOD_IN.test(text) || REFERENCE.test(text) || MASK.test(text);
  if (IS_STAND_IN.test(text) || PLACEHOLDER.test(text) || WHOLE_MASK.test(text)) return true;
  const name = variableIn(text);
  return name !== undefined && isSet(name);
};

/** The names of the variables in a text. */
export const referencesOf = (text: string): readonly string[] =>
  [...text.matchAll(/\$\{(\w+)\}|\$(\w+)/g)].map(([, braced, bare]) => braced ?? bare ?? "");

/** A length of time as Go writes it: `bouncers_autodelete.api_key: 1h` says when, not what (pkg/csconfig/database.go). */
export const isDuration = (value: string): boolean =>
  /^(?:\d{1,6}(?:\.\d{1,3})?(?:ms|us|[smhdw])){1,4}$/.test(value.trim());

const FILE =
  /^(?:\.{0,2}|~|[A-Za-z]:|\$\{\w+\}|%\w+%)(?:[\\/][\w.@+ %{}$-]+){2,}$|^[\w./\\:@+-]*\.(?:pem|key|crt|cer|der|p12|pfx|jks|json|ya?ml|txt|sock)$/;
export const isPath = (value: string): boolean => FILE.test(value.trim());

/** Long, of one piece, with letters and digits as only a machine mixes them. */
export const isRandom = (value: string): boolean =>
  /^[A-Za-z0-9+/=_-]{16,}$/.test(value) && /\d.*\d/.test(value) && /[A-Za-z]/.test(value) && !isPath(value);

/** What CrowdSec puts unquoted into a connection string, and what breaks it there (pkg/csconfig/database.go). */
export const isAwkward = (value: string): boolean => /[\s'\\]/.test(value);

/** `%41` as `A`; what is no such escape stays. */
export const percentDecoded = (text: string): string =>
  text.replace(/(?:%[\da-fA-F]{2})+/g, (escaped) => {
    try {
      return decodeURIComponent(escaped);
    } catch {
      return escaped.replace(/%(..)/g, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    }
  });
