/** What a stand-in looks like; `REMOVED` stands for what is private and no secret. */
export const REMOVED = "REMOVED";
const STAND_IN = /^REDACTED-\d+$/;
const STOOD_IN = /^(?:REDACTED-\d+|REMOVED)(?![\w-])/;

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

/** Nothing that could be secret: empty, a reference, a mask, a stand-in, a boolean. */
export const isNoSecret = (value: string): boolean => {
  const text = value.trim();
  if (text === "") return true;
  return STOOD_IN.test(text) || REFERENCE.test(text) || MASK.test(text) || NO_VALUE.test(text);
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
