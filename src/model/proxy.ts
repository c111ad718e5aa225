import { type Ip, type IpRange, inRange, isLoopbackIp, parseIp, parseRange, parseZonedIp, sameIp } from "./address.ts";
import { asciiHost, type GoUrl, parseGoUrl } from "./go-url.ts";
import { Secret } from "./secret.ts";
import { printable } from "./text.ts";

/** A proxy as Go's net/http reads it from a variable. */
export interface ProxyServer {
  readonly scheme: "http" | "https" | "socks5";
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** What stands before the @ of its URL, decoded. */
  readonly credentials?: { readonly user: Secret; readonly password: Secret };
  /** `scheme://host:port`, fit to be shown. */
  readonly shown: string;
}

/** One entry of NO_PROXY. */
export interface NoProxyEntry {
  /**
   * As it is written, without the spaces around it and not longer than a name can be; or `[secret]`, where it may hold a
   * password. What matches is not kept here.
   */
  readonly text: string;
  /** Why it can never match: it is passed over in silence. */
  readonly ineffective?: string;
}

export interface NoProxy {
  readonly name: string;
  readonly entries: readonly NoProxyEntry[];
}

/** The proxy variables of an environment, each by the name that counts: the upper case one, unless it is empty. */
export interface ProxySettings {
  readonly http?: ProxyVariable;
  readonly https?: ProxyVariable;
  readonly noProxy?: NoProxy;
  /** Variables that look as if they counted, and do not: ALL_PROXY and its kin. */
  readonly ignored: readonly string[];
  /** REQUEST_METHOD is set: Go takes the program for a CGI one and refuses every HTTP_PROXY. */
  readonly cgi: boolean;
}
export interface ProxyVariable {
  /** `HTTP_PROXY` or `http_proxy`, … */
  readonly name: string;
  /**
   * The proxy; or why the value is none, in a clause that can stand behind a colon, with what may be shown of it: in
   * quotation marks where there is white space around it. `silent`: Go passes over it without a word and connects
   * directly; otherwise every request that would take it fails.
   */
  readonly value: ProxyServer | { readonly shown: string; readonly problem: string; readonly silent?: true };
}

/** Where a component's request goes. */
export type Route =
  | {
      readonly via: "direct";
      /** `unset`: no variable for this scheme; `never`: this client takes no proxy. */
      readonly because: "unset" | "loopback" | "no-proxy" | "never";
      /** The entry that matched, and the variable's name; or why the client takes none. */
      readonly detail?: string;
    }
  | { readonly via: "proxy"; readonly proxy: ProxyServer; readonly variable: string }
  /** Go gives every request an error before it connects. */
  | { readonly via: "refused"; readonly variable: string; readonly problem: string };

/** Names in the order in which Go asks for them (getEnvAny in httpproxy). */
const NAMES = {
  http: ["HTTP_PROXY", "http_proxy"],
  https: ["HTTPS_PROXY", "https_proxy"],
  noProxy: ["NO_PROXY", "no_proxy"],
} as const;

/** What curl and others read; and the names that Go reads, neither all in upper nor all in lower case. */
const looksLikeOne = (name: string): boolean =>
  /^(?:all|ftp|rsync|socks5?|wss?)_proxy$/i.test(name) ||
  (/^(?:https?|no)_proxy$/i.test(name) && name !== name.toUpperCase() && name !== name.toLowerCase());

const PORTS: Readonly<Record<string, number>> = { http: 80, https: 443, socks5: 1080, socks5h: 1080 };

/**
 * Go 1.22 and older know http, https and socks5, and take every other scheme for a host's name. Go 1.23 and later know
 * socks5h as well, which is the same to them, and take whatever else there is for http (golang/net 8c07e20f). CrowdSec
 * is built with Go 1.24 or later since 1.6.6; Debian's 1.4.6 with Go 1.19.
 */
const isOld = (goVersion: string | undefined): boolean => Number(/^go1\.(\d+)/.exec(goVersion ?? "")?.[1] ?? 99) < 23;

type Unusable = Exclude<ProxyVariable["value"], ProxyServer>;

/** In place of what may be a secret. */
const MASK = String(new Secret(""));

/** Scheme, host and port alone, with nothing in it that might be a user, a password or a path. */
const SHOWABLE = /^(?:[a-z][a-z\d+.-]*:\/\/)?(?:[\w.-]*|\[[\da-f:.]*\])(?::\d*)?\/?$/i;

/** What a shell takes off a value, and a unit, `docker --env-file` or an editor of another system leaves there. */
const wrapping = (value: string): string | undefined => {
  if (value.trim() === "") return "it is blank";
  const blank = (letter = "") => (/[\r\n]/.test(letter) ? "line break" : "blank");
  if (/^\s/.test(value)) return `it begins with a ${blank(value[0])}`;
  if (/\s$/.test(value)) return `it ends with a ${blank(value.at(-1))}`;
  if (/^(["']).*\1$/s.test(value)) return "quotation marks are part of it";
  return /^["']|["']$/.test(value) ? "a quotation mark is part of it" : undefined;
};

/** White space around it stays to be seen. */
const showable = (value: string): string => {
  const bare = value
    .trim()
    .replace(/^["']|["']$/g, "")
    .trim();
  if (!SHOWABLE.test(bare)) return MASK;
  return value === value.trim() ? value : JSON.stringify(value);
};

/**
 * A proxy's value as parseProxy in httpproxy reads it: what is no URL is tried once more with `http://` before it, and
 * that often succeeds with a host that nobody meant.
 */
const readProxy = (value: string, goVersion: string | undefined): ProxyServer | Unusable => {
  const old = isOld(goVersion);
  const bad = (problem: string): Unusable => ({ shown: showable(value), problem });
  const wrapped = wrapping(value);
  const plain = parseGoUrl(value);
  const known = old ? ["http", "https", "socks5"] : Object.keys(PORTS);
  const lacking = (url: GoUrl) => (old ? !known.includes(url.scheme) : url.scheme === "" || url.host + url.port === "");
  let url = plain;
  if ("problem" in plain || lacking(plain)) {
    url = parseGoUrl(`http://${value}`);
    if ("problem" in url) {
      if ("problem" in plain)
        return { ...bad(`${wrapped ?? plain.problem}; Go passes over it and connects directly`), silent: true };
      return bad(`${wrapped ?? url.problem}; every request of Go fails`);
    }
    if (/^[^/?#]*:\/\//.test(value)) {
      const lack = old && !("problem" in plain) ? "its scheme is none that this Go knows" : "it names no host";
      const problem = wrapped ?? ("problem" in plain ? plain.problem : lack);
      return bad(`${problem}; Go takes what stands before :// for the proxy's host`);
    }
  }
  if ("problem" in url) return bad(url.problem);
  if (/:\/\/[^/?#]*:\/\//.test(value)) return bad("it has two schemes; Go takes the second for the proxy's host");
  const { scheme, user } = url;
  if (!known.includes(scheme)) return bad("its scheme is none of http, https, socks5 and socks5h");
  if (url.host === "" && url.port === "") return bad("it names no host; every request of Go fails");
  if (url.host.includes(":") && parseZonedIp(url.host) === undefined) {
    return bad("its host holds a colon; every request of Go fails");
  }
  const port = url.port === "" ? (PORTS[scheme] ?? 80) : Number(url.port);
  if (port < 1 || port > 65_535) return bad("its port is none from 1 to 65535; every request of Go fails");
  // Without a name it is this host: Go dials `:3128`.
  const host = url.host === "" ? "127.0.0.1" : asciiHost(url.host);
  const spoken = scheme === "http" || scheme === "https" ? scheme : "socks5";
  return {
    scheme: spoken,
    host,
    port,
    ...(user && { credentials: { user: new Secret(user.name), password: new Secret(user.password ?? "") } }),
    shown: `${spoken}://${host.includes(":") ? `[${host}]` : host}:${port}`,
  };
};

/** An entry of NO_PROXY as config.init in httpproxy reads it. */
type Pattern =
  | { readonly kind: "all" }
  | { readonly kind: "range"; readonly range: IpRange }
  | { readonly kind: "ip"; readonly ip: Ip; readonly port: string }
  /** `suffix` begins with a dot; `itself`: the name without it matches too. */
  | { readonly kind: "name"; readonly suffix: string; readonly itself: boolean; readonly port: string }
  | { readonly kind: "none" };

/** Letter by letter, as strings.ToLower goes. */
const lower = (text: string): string =>
  /^[\0-\x7f]*$/.test(text) ? text.toLowerCase() : Array.from(text, (letter) => [...letter.toLowerCase()][0]).join("");

/** net.SplitHostPort; undefined where that gives an error. */
const splitHostPort = (text: string): { readonly host: string; readonly port: string } | undefined => {
  const [, bracketed, plain, port = ""] = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:[\]]*)$/s.exec(text) ?? [];
  const host = bracketed ?? plain;
  return host === undefined ? undefined : { host, port };
};

const readPattern = (text: string): Pattern => {
  const entry = lower(text);
  if (entry === "*") return { kind: "all" };
  const range = parseRange(entry);
  if (range !== undefined) return { kind: "range", range };
  const { host, port } = splitHostPort(entry) ?? { host: entry, port: "" };
  const ip = parseIp(host);
  if (ip !== undefined) return { kind: "ip", ip, port };
  if (host === "") return { kind: "none" };
  const name = host.replace(/^\*(?=\.)/, "");
  const itself = !name.startsWith(".");
  return { kind: "name", suffix: asciiHost(itself ? `.${name}` : name), itself, port };
};

/** Why an entry never matches. The address of a name counts for nothing: Go looks none up for this. */
const ineffective = (text: string, pattern: Pattern): string | undefined => {
  if (pattern.kind === "all" || pattern.kind === "range") return undefined;
  if (text.includes("://")) return "an entry has no scheme";
  if (/[\s;|]/.test(text)) return "entries are separated by commas";
  if (/["']/.test(text)) return "it holds a quotation mark";
  if (/^[\da-f.:]+\/\d+$/i.test(text)) return "there is no such address range";
  if (text.includes("/")) return "an entry has no path";
  if (/^.+\*|^\*[^.]/s.test(text)) return "a star counts only alone, or before the first dot";
  if (/^\[[^\]]*\]$/.test(text)) return "brackets go with a port only";
  if (pattern.kind === "none") return "it names no host";
  if (!/^\d*$/.test(pattern.port) || Number(pattern.port) > 65_535) return "its port is none";
  if (pattern.kind === "ip") return undefined;
  // Whatever it is before the port: Go compares it with names only.
  const name = pattern.suffix.slice(1);
  if (text.includes("%")) return "an address with a zone matches nothing";
  if (/(?:^|\.)\d+$|^[\d.-]+$|:/.test(name)) return "it is neither a name nor a whole address";
  if (name.endsWith(".") || name === "") return "only a host that is written with a final dot would match";
  if (name.startsWith(".") || name.includes("..")) return "no name has two dots in a row";
  return /^(?:[^\0-\x7f]|[\w.-])+$/.test(name) ? undefined : "it holds a character that no host name has";
};

/** As Go trims, and as Unicode names a space. */
const trim = (text: string): string => text.replace(/^[\t-\r\u0085\p{Z}]+|[\t-\r\u0085\p{Z}]+$/gu, "");

/** Characters of an entry that are shown: a name of 255, and a port. */
const MAX_ENTRY = 261;

/** What may stand behind a scheme and still be shown: host, port and a plain path. */
const SHOWABLE_URL = /^[^:]*:\/\/(?:[\w.*-]*|\[[\da-f:.]*\])(?::\d*)?(?:\/[\w./*-]*)?$/i;

/** Where a user and a password may begin, whose comma ends the entry: `http://user:pass`, `user:pass`. */
const mayBeginLogin = (text: string, pattern: Pattern): boolean =>
  text.includes("://") || (pattern.kind === "name" && (/\D/.test(pattern.port) || pattern.suffix.includes(":")));

/** Which of the entries may hold a password, or a part of one: a proxy's URL that got there, cut at its commas. */
const findSecrets = (texts: readonly string[], patterns: readonly Pattern[]): ReadonlySet<number> => {
  const secrets = new Set<number>();
  let begun: number | undefined;
  for (const [index, text] of texts.entries()) {
    if (text.includes("@")) {
      for (let each = begun ?? index; each <= index; each++) secrets.add(each);
      begun = undefined;
    } else if (mayBeginLogin(text, patterns[index] ?? { kind: "none" })) {
      begun = index;
      if (text.includes("://") && !SHOWABLE_URL.test(text)) secrets.add(index);
    }
  }
  return secrets;
};

/** What each entry matches, read once for all requests, and out of sight of whatever prints the settings. */
const patternsOf = new WeakMap<NoProxy, readonly Pattern[]>();

/** Lists read last, by variable and value: the components of a host mostly have the same one. */
const recent = new Map<string, NoProxy>();
const MAX_RECENT = 16;

const readNoProxy = (name: string, value: string): NoProxy => {
  const key = `${name}=${value}`;
  const known = recent.get(key);
  if (known !== undefined) return known;
  const texts = value
    .split(",")
    .map(trim)
    .filter((text) => text !== "");
  const patterns = texts.map(readPattern);
  const secrets = findSecrets(texts, patterns);
  const entries = texts.map((text, index) => {
    const why = ineffective(text, patterns[index] ?? { kind: "none" });
    return {
      text: secrets.has(index) ? MASK : printable(text, MAX_ENTRY),
      ...(why !== undefined && { ineffective: why }),
    };
  });
  const noProxy = { name, entries };
  patternsOf.set(noProxy, patterns);
  if (recent.size >= MAX_RECENT) recent.clear();
  recent.set(key, noProxy);
  return noProxy;
};

/** Entries of a list that are shown, and the characters that they may have together. */
const MAX_SHOWN = 20;
const MAX_LINE = 400;

/** Entries in one line, joined by commas: the first ones, and how many more there are. */
export const listed = (texts: readonly string[]): string => {
  let line = texts[0] ?? "";
  let count = Math.min(1, texts.length);
  for (const text of texts.slice(1, MAX_SHOWN)) {
    if (line.length + text.length >= MAX_LINE) break;
    line += `,${text}`;
    count += 1;
  }
  return count < texts.length ? `${line} and ${texts.length - count} more` : line;
};

/**
 * The proxy variables of an environment as a Go program reads them, once, at its first request
 * (golang.org/x/net/http/httpproxy).
 *
 * @param goVersion for example `go1.19.8`; without it, Go 1.24
 */
export const readProxies = (
  environment: Readonly<Record<string, string | undefined>>,
  goVersion?: string,
): ProxySettings => {
  const first = (names: readonly string[]) => {
    const name = names.find((candidate) => (environment[candidate] ?? "") !== "");
    return name === undefined ? undefined : { name, text: environment[name] ?? "" };
  };
  const proxy = (names: readonly string[]): ProxyVariable | undefined => {
    const found = first(names);
    return found && { name: found.name, value: readProxy(found.text, goVersion) };
  };
  const http = proxy(NAMES.http);
  const https = proxy(NAMES.https);
  const noProxy = first(NAMES.noProxy);
  return {
    ...(http && { http }),
    ...(https && { https }),
    ...(noProxy && { noProxy: readNoProxy(noProxy.name, noProxy.text) }),
    ignored: Object.keys(environment)
      .filter((name) => (environment[name] ?? "") !== "" && looksLikeOne(name))
      .sort(),
    cgi: (environment["REQUEST_METHOD"] ?? "") !== "",
  };
};

const matches = (pattern: Pattern, host: string, port: string, ip: Ip | undefined): boolean => {
  if (pattern.kind === "all") return true;
  if (pattern.kind === "none") return false;
  if (pattern.kind === "range") return ip !== undefined && inRange(pattern.range, ip);
  if (pattern.port !== "" && pattern.port !== port) return false;
  if (pattern.kind === "ip") return ip !== undefined && sameIp(pattern.ip, ip);
  // No suffix matches an address since Go 1.23.7 and 1.24.1 (CVE-2025-22870); until then `.0.0.1` matched 10.0.0.1.
  return ip === undefined && (host.endsWith(pattern.suffix) || (pattern.itself && host === pattern.suffix.slice(1)));
};

/** The entry that keeps a host from the proxy, and its variable. A star alone puts all others out of force. */
const exemption = (noProxy: NoProxy, host: string, port: string, ip: Ip | undefined): string | undefined => {
  // A list that somebody else has put together, or copied.
  const patterns = patternsOf.get(noProxy) ?? noProxy.entries.map(({ text }) => readPattern(text));
  patternsOf.set(noProxy, patterns);
  const star = patterns.findIndex(({ kind }) => kind === "all");
  const matched = star >= 0 ? star : patterns.findIndex((pattern) => matches(pattern, host, port, ip));
  const entry = noProxy.entries[matched];
  return entry && `${entry.text} (${noProxy.name})`;
};

/** The way that Go's http.ProxyFromEnvironment sends a request to this URL. A name is never resolved for it. */
export const routeTo = (settings: ProxySettings, url: string): Route => {
  const target = parseGoUrl(url);
  if ("problem" in target) return { via: "direct", because: "unset" };
  const { scheme } = target;
  const variable = scheme === "https" ? settings.https : scheme === "http" ? settings.http : undefined;
  if (variable === undefined) return { via: "direct", because: "unset" };
  const { name, value } = variable;
  if ("problem" in value && value.silent) {
    return { via: "direct", because: "unset", detail: `${name}: ${value.problem}` };
  }
  if (scheme === "http" && settings.cgi) {
    const problem = "REQUEST_METHOD is set, so Go takes this for a CGI program and refuses HTTP_PROXY";
    return { via: "refused", variable: name, problem };
  }
  const host = asciiHost(target.host);
  const port = target.port === "" ? String(PORTS[scheme]) : target.port;
  const ip = parseZonedIp(host);
  // Letter by letter: LOCALHOST and localhost. go through the proxy.
  if (host === "localhost" || (ip !== undefined && isLoopbackIp(ip))) return { via: "direct", because: "loopback" };
  const exempt = settings.noProxy && exemption(settings.noProxy, lower(trim(host)), port, ip);
  if (exempt !== undefined) return { via: "direct", because: "no-proxy", detail: exempt };
  return "problem" in value
    ? { via: "refused", variable: name, problem: value.problem }
    : { via: "proxy", proxy: value, variable: name };
};
