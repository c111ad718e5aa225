/**
 * A URL, or undefined where a text is none. Not by `URL.canParse`: once it is compiled, that of Node 20 takes a text with
 * letters beyond ASCII for none (seen with 20.20.2).
 */
export const toUrl = (text: string, base?: string): URL | undefined => {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
};

/** An address of CrowdSec's configuration, fit to be asked and shown; or why it is not, with what may be shown of it. */
export type ReadUrl =
  | { readonly ok: true; readonly url: string }
  | { readonly ok: false; readonly shown: string; readonly problem: string };

/**
 * Reads a URL of CrowdSec's files: http or https, no credentials. The result has no query and no fragment, where a
 * secret could stand, and ends with a slash: CrowdSec adds one too, and appends its paths (pkg/csconfig/api.go).
 */
export const readUrl = (text: string): ReadUrl => {
  // Whatever stands before an @ may be a password, also where the rest is no URL.
  const address = text.split(/[?#]/)[0] ?? "";
  // Neither a dot, a colon nor a slash: no address gone wrong, but perhaps a key that stands in its place.
  const shown = /[@\s]/.test(text) || !/[.:/]|^$/.test(address) ? "[secret]" : address;
  const refuse = (problem: string): ReadUrl => ({ ok: false, shown, problem });
  const parsed = toUrl(text);
  if (parsed === undefined) return refuse("not a URL");
  const { protocol, username, password, hostname, port, origin, pathname } = parsed;
  const [authority = ""] = /(?<=:\/\/)[^/?#]*/.exec(text) ?? [];
  if (protocol !== "http:" && protocol !== "https:") return refuse("neither http:// nor https://");
  // What a browser would put right, Go does not.
  if (!/^https?:\/\/[^/]/i.test(text) || /%(?![\da-f]{2})/i.test(text)) return refuse("not a URL");
  if (username !== "" || password !== "") return refuse("a URL with credentials in it");
  if (port === "0") return refuse("a URL with port 0");
  if (/[<>{}$]/.test(authority)) return refuse("a URL with a placeholder that was never replaced");
  if (/^[\d.]+$/.test(hostname) && !authority.includes(hostname)) return refuse("a URL whose host Go reads otherwise");
  return { ok: true, url: `${origin}${pathname}${pathname.endsWith("/") ? "" : "/"}` };
};

/** An IPv6 address as it stands in a URL; everything else as it is. */
export const bracketed = (host: string): string => (host.includes(":") ? `[${host}]` : host);

/** A host as sockets want it, without the brackets of an IPv6 address. */
export const unbracketed = (host: string): string => host.replace(/^\[(.*)\]$/, "$1");

/** Host and port of a URL as sockets and certificates want them: no brackets, and the scheme's port where it has none. */
export const hostAndPort = (address: string): { readonly host: string; readonly port: number } => {
  const { hostname, port, protocol } = new URL(address);
  return { host: unbracketed(hostname), port: Number(port) || (protocol === "https:" ? 443 : 80) };
};

/** Whether it stands for every address of this host. */
export const isWildcard = (listenAddress: string): boolean =>
  ["", "0.0.0.0", "::"].includes(unbracketed(listenAddress));

/** Where to connect to what listens there, without brackets: a wildcard address is no address to connect to. */
export const dialable = (listenAddress: string): string => {
  const bare = unbracketed(listenAddress);
  if (bare === "" || bare === "0.0.0.0") return "127.0.0.1";
  return bare === "::" ? "::1" : bare;
};
