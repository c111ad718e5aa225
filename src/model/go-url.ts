import { toUrl } from "./url.ts";

/** A URL as Go's net/url reads it, as far as connections are concerned. */
export interface GoUrl {
  /** In lower case; empty when there is none. */
  readonly scheme: string;
  /** Decoded; `password` is undefined without a colon. */
  readonly user?: { readonly name: string; readonly password?: string };
  /** As it is written, not in lower case, without brackets. */
  readonly host: string;
  /** Digits; empty when there are none. */
  readonly port: string;
}

/** Why it is none. Never holds a part of it: that may be a secret. */
export interface NoUrl {
  readonly problem: string;
}

const no = (problem: string): NoUrl => ({ problem });

/** Text before the first `mark`, and what stands behind it. */
const cut = (text: string, mark: string): readonly [string, string] => {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + mark.length)];
};

const BAD_ESCAPE = /%(?![\da-f]{2})/i;
const badEscape = no("it holds a % that begins no escape");

/** Bytes that are no UTF-8 become replacement characters; Go keeps them. */
const unescaped = (text: string): string => {
  if (!text.includes("%")) return text;
  const bytes: number[] = [];
  for (const [piece] of text.matchAll(/%[\da-f]{2}|[^%]+/gi)) {
    if (piece.startsWith("%")) bytes.push(Number.parseInt(piece.slice(1), 16));
    else bytes.push(...new TextEncoder().encode(piece));
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
};

/** ASCII that may stand in a host unescaped (shouldEscape in net/url/url.go). */
const HOST = /^(?:[^\0-\x7f]|[\w.~!$&'()*+,;=:[\]<>"-])*$/;

/** Of a host only what is not ASCII may be escaped; of a zone what might as well stand there as it is, and a space. */
const hostPart = (text: string, zone: boolean): string | NoUrl => {
  if (BAD_ESCAPE.test(text)) return badEscape;
  const escapes = [...text.matchAll(/%(..)/g)].map(([, digits = ""]) => Number.parseInt(digits, 16));
  const allowed = (byte: number) =>
    byte === 0x25 || (zone ? byte === 0x20 || HOST.test(String.fromCharCode(byte)) : byte >= 0x80);
  return HOST.test(text.replace(/%../g, "")) && escapes.every(allowed)
    ? unescaped(text)
    : no("its host holds a character that no host name has");
};

const PORT = /^(?::\d*)?$/;

/** Host and port, still in one: `[::1]:80` (parseHost). */
const authorityHost = (text: string): string | NoUrl => {
  const badPort = no("its port is no number");
  if (!text.startsWith("[")) {
    const colon = text.lastIndexOf(":");
    return colon >= 0 && !PORT.test(text.slice(colon)) ? badPort : hostPart(text, false);
  }
  const end = text.lastIndexOf("]");
  if (end < 0) return no("its host lacks the closing bracket");
  if (!PORT.test(text.slice(end + 1))) return badPort;
  const zone = text.slice(0, end).indexOf("%25");
  const parts =
    zone < 0
      ? [hostPart(text, false)]
      : [hostPart(text.slice(0, zone), false), hostPart(text.slice(zone, end), true), text.slice(end)];
  return parts.find((part) => typeof part !== "string") ?? parts.join("");
};

/** URL.Hostname and URL.Port. */
const splitHost = (text: string): { readonly host: string; readonly port: string } => {
  const colon = text.lastIndexOf(":");
  const bare = colon >= 0 && PORT.test(text.slice(colon)) ? text.slice(0, colon) : text;
  return { host: bare.replace(/^\[(.*)\]$/s, "$1"), port: text.slice(bare.length + 1) };
};

/** url.Parse: other than a browser's URL, it puts nothing right, and takes anything that is no URL for a path. */
export const parseGoUrl = (text: string): GoUrl | NoUrl => {
  const [whole, fragment] = cut(text, "#");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this expression is for
  if (/[\0-\x1f\x7f]/.test(whole)) return no("it holds a control character");
  if (whole.startsWith(":")) return no("it begins with a colon");
  const scheme = /^([a-z][a-z\d+.-]*):/i.exec(whole)?.[1]?.toLowerCase() ?? "";
  const [rest] = cut(scheme === "" ? whole : whole.slice(scheme.length + 1), "?");
  if (BAD_ESCAPE.test(fragment)) return badEscape;
  const nowhere = { scheme, host: "", port: "" };
  // `proxy:3128` is scheme `proxy`, with something opaque behind it.
  if (!rest.startsWith("/") && scheme !== "") return nowhere;
  if (!rest.startsWith("/") && cut(rest, "/")[0].includes(":")) return no("it has no scheme");
  if (!rest.startsWith("//") || (scheme === "" && rest.startsWith("///"))) {
    return BAD_ESCAPE.test(rest) ? badEscape : nowhere;
  }
  const [authority, path] = cut(rest.slice(2), "/");
  const at = authority.lastIndexOf("@");
  const host = authorityHost(authority.slice(at + 1));
  if (typeof host !== "string") return host;
  const login = at < 0 ? undefined : authority.slice(0, at);
  if (login !== undefined && !/^[\w.:~!$&'()*+,;=%@-]*$/.test(login)) {
    return no("its user or password holds a character that must be written as a %-escape");
  }
  if (BAD_ESCAPE.test(login ?? "") || BAD_ESCAPE.test(path)) return badEscape;
  const [name, password] = cut(login ?? "", ":");
  return {
    scheme,
    ...(login !== undefined && {
      user: { name: unescaped(name), ...(login.includes(":") && { password: unescaped(password) }) },
    }),
    ...splitHost(host),
  };
};

/** A host in the letters of DNS: what is not ASCII as Go's idna.Lookup spells it, as far as it can. */
export const asciiHost = (host: string): string => {
  // Go's profile wants letters, digits and hyphens; what it refuses stays as it is.
  if (!/[^\0-\x7f]/.test(host) || !/^(?:[^\0-\x7f]|[a-z\d.-])+$/i.test(host)) return host;
  return toUrl(`http://${host}`)?.hostname ?? host;
};
