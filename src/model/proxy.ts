import { type Ip, type IpRange, inRange, isLoopbackIp, parseIp, parseRange, parseZonedIp, sameIp } from "./address.ts";
import { asciiHost, type GoUrl, parseGoUrl } from "./go-url.ts";
import { Secret } from "./secret.ts";

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
  /** As it is written, without the spaces around it. */
  readonly text: string;
  /** Why it can never match: it is passed over in silence. */
  readonly ineffective?: string;
}

/** The proxy variables of an environment, each by the name that counts: the upper case one, unless it is empty. */
export interface ProxySettings {
  readonly http?: ProxyVariable;
  readonly https?: ProxyVariable;
  readonly noProxy?: { readonly name: string; readonly entries: readonly NoProxyEntry[] };
  /** Variables that look as if they counted, and do not: ALL_PROXY and its kin. */
  readonly ignored: readonly string[];
  /** REQUEST_METHOD is set: Go takes the program for a CGI one and refuses every HTTP_PROXY. */
  readonly cgi: boolean;
}
export interface ProxyVariable {
  /** `HTTP_PROXY` or `http_proxy`, … */
  readonly name: string;
  /**
   * The proxy; or why the value is none, with what may be shown of it. `silent`: Go passes over it without a word and
   * connects directly; otherwise every request that would take it fails.
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

/** Scheme, host and port alone, with nothing in it that might be a user, a password or a path. */
const SHOWABLE = /^(?:[a-z][a-z\d+.-]*:\/\/)?(?:[\w.-]*|\[[\da-f:.]*\])(?::\d*)?\/?$/i;

/**
 * A proxy's value as parseProxy in httpproxy reads it: what is no URL is tried once more with `http://` before it, and
 * that often succeeds with a host that nobody meant.
 */
const readProxy = (value: string, goVersion: string | undefined): ProxyServer | Unusable => {
  const old = isOld(goVersion);
  const shown = SHOWABLE.test(value.trim()) ? value.trim() : "[secret]";
  const bad = (problem: string): Unusable => ({ shown, problem });
  const plain = parseGoUrl(value);
  const known = old ? ["http", "https", "socks5"] : Object.keys(PORTS);
  const lacking = (url: GoUrl) => (old ? !known.includes(url.scheme) : url.scheme === "" || url.host + url.port === "");
  let url = plain;
  if ("problem" in plain || lacking(plain)) {
    url = parseGoUrl(`http://${value}`);
    if ("problem" in url) {
      if ("problem" in plain)
        return { ...bad(`${plain.problem}; Go passes over it and connects directly`), silent: true };
      return bad(`${url.problem}; every request of Go fails`);
    }
    if (/^[^/?#]*:\/\//.test(value)) {
      const lack = old && !("problem" in plain) ? "its scheme is none that this Go knows" : "it names no host";
      return bad(`${"problem" in plain ? plain.problem : lack}; Go takes what stands before :// for the proxy's host`);
    }
  }
  if ("problem" in url) return bad(url.problem);
  if (/:\/\/[^/?#]*:\/\//.test(value)) return bad("it has two schemes; Go takes the second for the proxy's host");
  const { scheme, user } = url;
  if (!known.includes(scheme)) return bad("its scheme is none of http, https, socks5 and socks5h");
  if (url.host === "" && url.port === "") return bad("it names no host; every request of Go fails");
  if (url.host.includes(":") && parseZonedIp(url.host) === undefined) return bad("its host holds a colon");
  const port = url.port === "" ? (PORTS[scheme] ?? 80) : Number(url.port);
  if (port < 1 || port > 65_535) return bad("its port is none from 1 to 65535");
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
const lower = (text: string): string => Array.from(text, (letter) => [...letter.toLowerCase()][0]).join("");

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
const ineffective = (text: string): string | undefined => {
  const pattern = readPattern(text);
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

const readEntries = (value: string): readonly NoProxyEntry[] =>
  value
    .split(",")
    .map(trim)
    .filter((text) => text !== "")
    .map((text) => {
      const why = ineffective(text);
      return { text, ...(why !== undefined && { ineffective: why }) };
    });

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
    ...(noProxy && { noProxy: { name: noProxy.name, entries: readEntries(noProxy.text) } }),
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
  const entries = settings.noProxy?.entries ?? [];
  // A star alone puts all others out of force.
  const matched =
    entries.find(({ text }) => text === "*") ??
    entries.find(({ text }) => matches(readPattern(text), lower(trim(host)), port, ip));
  if (matched !== undefined) {
    return { via: "direct", because: "no-proxy", detail: `${matched.text} (${settings.noProxy?.name})` };
  }
  return "problem" in value
    ? { via: "refused", variable: name, problem: value.problem }
    : { via: "proxy", proxy: value, variable: name };
};
