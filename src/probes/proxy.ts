import { STATUS_CODES } from "node:http";
import net from "node:net";
import type tls from "node:tls";
import type { Failed, FailureCode, HttpAnswered, Trust } from "../model/observation.ts";
import type { ProxyServer } from "../model/proxy.ts";
import { Secret } from "../model/secret.ts";
import { printable } from "../model/text.ts";
import { bracketed, toUrl } from "../model/url.ts";
import { stopwatch } from "./clock.ts";
import { failed, failure } from "./failure.ts";
import type { Limits } from "./tcp.ts";
import { handshake } from "./tls.ts";

/** Bytes that a proxy's answer to CONNECT may have, and as many of the page that explains a refusal. */
const MAX_HEAD = 16 * 1024;
const MAX_PAGE = 16 * 1024;

/** Milliseconds that the page behind a refusal has: it only helps to recognise the proxy. */
const PAGE_MS = 300;

/** What Go's transport says of itself to a proxy, whatever the request's own User-Agent (golang/go, net/http/request.go). */
const USER_AGENT = "Go-http-client/1.1";

const refuse = (code: FailureCode, message: string, elapsedMs: number): Failed =>
  failed("proxy", code, message, elapsedMs);

/** A proxy that no connection can be made to: its port, its address or the way there, in the system's own words. */
export const unreachable = (saw: Failed): Failed => ({ ...saw, phase: "proxy", code: "proxy-unreachable" });

/** The run's deadline or an interrupt: nothing is said of the proxy. */
const ended = (elapsedMs: number): Failed => ({
  ...refuse("proxy-unreachable", "the run was ended before the proxy answered", elapsedMs),
  errno: "ABORT_ERR",
});

/**
 * Whether the request itself goes to the proxy, which passes it on. Everything else goes by a tunnel: https always, and
 * whatever there is over socks5 (golang/go, net/http/transport.go, dialConn).
 */
export const isForwarded = ({ scheme }: ProxyServer, url: string): boolean =>
  scheme !== "socks5" && !url.startsWith("https:");

/** What `Proxy-Authorization` says to an http or https proxy, and to nobody else. */
export const proxyAuthorization = ({ credentials }: ProxyServer): Secret | undefined =>
  credentials &&
  new Secret(
    `Basic ${Buffer.from(`${credentials.user.reveal()}:${credentials.password.reveal()}`).toString("base64")}`,
  );

/** Code points of a regular expression. */
const literally = (codes: Iterable<number>): string => [...codes].map((code) => `\\u{${code.toString(16)}}`).join("");

const NAMED: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos" };

/** How somebody else may write a letter: as it is, its bytes read as latin1, as %-escapes, in HTML, in JSON. */
const spellings = (letter: string): string => {
  const code = letter.codePointAt(0) ?? 0;
  const bytes = [...Buffer.from(letter)];
  const hex = (number: number, length: number) =>
    [...number.toString(16).padStart(length, "0")].map((digit) => `[${digit}${digit.toUpperCase()}]`).join("");
  const forms = [
    literally([code]),
    literally(bytes),
    bytes.map((byte) => `%${hex(byte, 2)}`).join(""),
    ...(code < 256 ? [`%${hex(code, 2)}`] : []),
    `&#(?:0*${code}|[xX]0*${hex(code, 1)});`,
    ...(letter in NAMED ? [`&${NAMED[letter]};`] : []),
    [...letter]
      .flatMap((unit) => unit.split(""))
      .map((unit) => `\\\\u${hex(unit.charCodeAt(0), 4)}`)
      .join(""),
    ...('"\\/'.includes(letter) ? [`\\\\${literally([code])}`] : []),
    ...(letter === " " ? ["\\+"] : []),
    // In base64 for URLs.
    ...(letter === "+" ? ["-"] : letter === "/" ? ["_"] : []),
  ];
  return `(?:${[...new Set(forms)].join("|")})`;
};

const spelled = (secret: string): string => Array.from(secret, spellings).join("");

/** The beginning of a secret where a text is cut off; less than `MIN_CUT` letters say nothing. */
const cutOff = (secret: string): string => {
  const letters = Array.from(secret, spellings);
  const tail = letters.slice(MIN_CUT).reduceRight((rest, letter) => `(?:${letter}${rest})?`, "");
  return `${letters.slice(0, MIN_CUT).join("")}${tail}(?:[%&\\\\][\\w#]*|\ufffd+)?$`;
};
const MIN_CUT = 4;

/** A word of its own: neither letter nor digit beside it, but for those of an escape. */
const alone = (pattern: string): string =>
  `(?:(?<![\\p{L}\\p{N}])|(?<=%[\\da-fA-F]{2}|\\\\u[\\da-fA-F]{4}|\\\\[bfnrt]))${pattern}(?![\\p{L}\\p{N}])`;

/** Letters of a password that is hidden inside of words too; a shorter one would make any text unreadable. */
const MIN_PASSWORD = 4;

/** What finds a proxy's credentials in a text. */
interface Finders {
  /** The password, and both in base64. */
  readonly password: RegExp;
  readonly user: RegExp;
  readonly cut: RegExp;
}

const found = new WeakMap<NonNullable<ProxyServer["credentials"]>, Finders>();

const findersOf = (proxy: ProxyServer): Finders | undefined => {
  const { credentials } = proxy;
  if (credentials === undefined) return undefined;
  const known = found.get(credentials);
  if (known !== undefined) return known;
  const [user, password] = [credentials.user.reveal(), credentials.password.reveal()];
  const token = user + password === "" ? "" : (proxyAuthorization(proxy)?.reveal() ?? "").replace(/^Basic |=+$/g, "");
  const either = (patterns: readonly string[], flags: string): RegExp =>
    new RegExp(patterns.length === 0 ? "(?!)" : patterns.join("|"), flags);
  const secrets = [token, password].filter((secret) => secret !== "");
  const ofPassword = [
    ...(token === "" ? [] : [`${spelled(token)}(?:=|%3[dD])*`]),
    ...(password === "" ? [] : [password.length < MIN_PASSWORD ? alone(spelled(password)) : spelled(password)]),
  ];
  const finders = {
    password: either(ofPassword, "gu"),
    user: either([...ofPassword, ...(user === "" ? [] : [alone(spelled(user))])], "gu"),
    cut: either([...secrets, user].filter((secret) => secret.length > MIN_CUT).map(cutOff), "u"),
  };
  found.set(credentials, finders);
  return finders;
};

interface Hiding {
  /** The text ends where somebody stopped reading. */
  readonly cut?: boolean;
  /** The user's name may stay: it is a word like any other there. */
  readonly keepUser?: boolean;
  /** Somebody has put the text into small letters. */
  readonly anyCase?: boolean;
}

/** Text without the proxy's credentials, should somebody ever repeat them. */
const hidden = (proxy: ProxyServer, text: string, { cut, keepUser, anyCase }: Hiding = {}): string => {
  const finders = findersOf(proxy);
  if (finders === undefined) return text;
  const finder = keepUser ? finders.password : finders.user;
  const mask = `${proxy.credentials?.password}`;
  const rest = text.replace(anyCase ? new RegExp(finder, "giu") : finder, mask);
  return cut ? rest.replace(finders.cut, mask) : rest;
};

/** Text of the proxy, fit to be shown. */
const quoted = (proxy: ProxyServer, text: string, max = 80, hiding?: Hiding): string =>
  printable(hidden(proxy, text, hiding), max);

type Answer = Pick<HttpAnswered, "ok" | "status" | "headers" | "body" | "truncated">;

/**
 * An answer without the credentials of the proxy that it came through, in headers and body. Behind TLS that is not the
 * proxy's only one that inspects it can repeat them; there the user's name stays, a word that the target may use too.
 */
export const withoutCredentials = <Reply extends Answer>(
  proxy: ProxyServer,
  reply: Reply | Failed,
  hiding: Pick<Hiding, "keepUser"> = {},
): Reply | Failed => {
  if (!reply.ok || proxy.credentials === undefined) return reply;
  const headers = Object.entries(reply.headers).map(([name, value]) => [
    hidden(proxy, name, { ...hiding, anyCase: true }),
    hidden(proxy, value, hiding),
  ]);
  const body = hidden(proxy, reply.body, { ...hiding, cut: reply.truncated });
  return { ...reply, headers: Object.fromEntries(headers), body };
};

/** What a socket gave; or nothing, within the time limit or before its end. */
interface Heard<T> {
  readonly got?: T;
  readonly closed: boolean;
  readonly error?: NodeJS.ErrnoException;
}

/** Reads from a socket until `take` gives something. What that leaves in the socket is there for the next reader. */
const hear = <T>(socket: net.Socket, timeoutMs: number, take: () => T | undefined): Promise<Heard<T>> =>
  new Promise((resolve) => {
    let error: NodeJS.ErrnoException | undefined;
    const settle = (heard: Heard<T>): void => {
      clearTimeout(timer);
      socket.off("readable", look).off("end", over).off("close", over).off("error", note);
      resolve({ ...heard, ...(error && { error }) });
    };
    const look = (): void => {
      const got = take();
      if (got !== undefined) settle({ got, closed: false });
    };
    const over = (): void => settle({ closed: true });
    const note = (cause: Error): void => {
      error = cause;
    };
    const timer = setTimeout(() => settle({ closed: false }), timeoutMs);
    socket.on("readable", look).on("end", over).on("close", over).on("error", note);
    if (socket.destroyed || socket.readableEnded) over();
  });

/** What a TLS server says after its handshake: above all, that it misses the client's certificate. */
const refusedLater = (saw: Failed): Failed => {
  const demands = saw.code === "tls-client-cert";
  const { code, message } = demands
    ? { code: "proxy-denied" as const, message: `the proxy demands a client certificate (${saw.message})` }
    : { code: "proxy-protocol" as const, message: `TLS with the proxy: ${saw.message}` };
  return { ...saw, phase: "proxy", code, message };
};

/** An answer that did not come, or not whole. `late`: what it means that nothing is said within the time limit. */
const brokenOff = (
  what: string,
  { begun, late }: { readonly begun: boolean; readonly late: FailureCode },
  { closed, error }: Heard<unknown>,
  { timeoutMs, signal }: Limits,
  elapsedMs: number,
): Failed => {
  if (signal.aborted) return ended(elapsedMs);
  if (error?.code?.startsWith("ERR_SSL")) return refusedLater(failure("handshake", error, elapsedMs));
  const errno = error?.code === undefined ? {} : { errno: error.code };
  // A proxy that is slow: more time would have told.
  if (begun && !closed) return refuse(late, `it began to answer and did not finish within ${timeoutMs} ms`, elapsedMs);
  if (begun) return { ...refuse("proxy-protocol", `the answer to ${what} breaks off`, elapsedMs), ...errno };
  return closed
    ? { ...refuse("proxy-protocol", `the connection was closed without an answer to ${what}`, elapsedMs), ...errno }
    : refuse(late, `no answer to ${what} within ${timeoutMs} ms`, elapsedMs);
};

/** Who speaks like that, where a proxy was expected. */
const stranger = (proxy: ProxyServer, bytes: Buffer): string => {
  const text = bytes.toString("latin1", 0, 200);
  if (text.startsWith("HTTP/")) return "an HTTP server answers there, not a SOCKS5 proxy";
  if (bytes[0] === 5) return "a SOCKS5 proxy answers there, not an HTTP one";
  if (text.startsWith("SSH-")) return "an SSH server answers there";
  // A TLS alert or handshake record.
  if ((bytes[0] === 21 || bytes[0] === 22) && bytes[1] === 3) return "a TLS server answers there, asked without TLS";
  return `what answers there speaks another protocol: "${quoted(proxy, text, 60, { cut: true })}"`;
};

interface Head {
  readonly status: number;
  /** Without the version: `403 Forbidden`. */
  readonly line: string;
  /** Names in lower case; of repeated headers, all, joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
}

/** Reads a whole header block; for what Go takes for none, gives Go's words (golang/go, net/http/response.go). */
const parseHead = (text: string): Head | string => {
  const [first = "", ...rest] = text.split("\n").map((line) => line.replace(/\r$/, ""));
  const [, line, status] = /^HTTP\/\d\.\d +((\d{3})(?: .*)?)$/.exec(first) ?? [];
  if (line === undefined) return `malformed HTTP response "${first}"`;
  const headers = new Map<string, string>();
  for (const header of rest) {
    // A line that begins with a space goes on with the one before.
    if (header === "" || /^[ \t]/.test(header)) continue;
    const colon = header.indexOf(":");
    if (colon < 1) return `malformed MIME header: "${header}"`;
    const name = header.slice(0, colon).toLowerCase();
    const value = header.slice(colon + 1).trim();
    headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value);
  }
  return { status: Number(status), line: line.trim(), headers: Object.fromEntries(headers) };
};

const HTTP = Buffer.from("HTTP/");

/** Everything that a socket holds now, behind what is there already. */
const drained = (socket: net.Socket, before: Buffer): Buffer => {
  const chunk: Buffer | null = socket.read();
  return chunk === null ? before : Buffer.concat([before, chunk]);
};

/** A header block, with the bytes that came along in `rest`; without that, what else came, as far as it was heard. */
const hearHead = async (
  socket: net.Socket,
  timeoutMs: number,
): Promise<{ readonly bytes: Buffer; readonly rest?: Buffer; readonly heard: Heard<number> }> => {
  let bytes: Buffer = Buffer.alloc(0);
  const heard = await hear(socket, timeoutMs, () => {
    const from = Math.max(0, bytes.length - 3);
    bytes = drained(socket, bytes);
    // Go takes a bare line feed too.
    const ends = ["\n\r\n", "\n\n"].flatMap((end) => {
      const at = bytes.indexOf(end, from);
      return at === -1 ? [] : [at + end.length];
    });
    if (ends.length > 0) return Math.min(...ends);
    // It cannot become one any more.
    const begun = bytes.subarray(0, HTTP.length);
    return begun.equals(HTTP.subarray(0, begun.length)) && bytes.length <= MAX_HEAD ? undefined : Infinity;
  });
  const { got } = heard;
  return got === undefined || got > MAX_HEAD
    ? { bytes, heard }
    : { bytes: bytes.subarray(0, got), rest: bytes.subarray(got), heard };
};

/** The page behind a refusal, as far as it comes at once. */
const hearPage = async (
  socket: net.Socket,
  begun: Buffer,
  { headers }: Head,
  { timeoutMs }: Limits,
): Promise<string> => {
  const wanted = Math.min(Number(headers["content-length"] ?? MAX_PAGE) || 0, MAX_PAGE);
  let page = begun;
  const enough = (): true | undefined => page.length >= wanted || page.includes("</title>") || undefined;
  if (!enough()) {
    await hear(socket, Math.min(timeoutMs, PAGE_MS), () => {
      page = drained(socket, page);
      return enough();
    });
  }
  return page.toString("utf8", 0, MAX_PAGE);
};

/** Of an answer that refuses: what helps a person to recognise the proxy, and to see why. */
const marks = (proxy: ProxyServer, { status, line, headers }: Head, page: string): string => {
  const { server, via, location } = headers;
  const wants = status === 407 ? headers["proxy-authenticate"] : undefined;
  const squid = headers["x-squid-error"];
  // The rest of such an address is nobody's business.
  const portal = location === undefined ? undefined : toUrl(location)?.host;
  const title = /<title[^>]*>([^<]*)<\/title>/i.exec(page)?.[1]?.replace(/\s+/g, " ").trim();
  const parts = [
    wants && `it wants ${quoted(proxy, wants)}`,
    portal && `redirects to ${quoted(proxy, portal)}`,
    squid && `X-Squid-Error: ${quoted(proxy, squid, 60)}`,
    title && title !== line && `"${quoted(proxy, title)}"`,
    server && `Server: ${quoted(proxy, server, 40)}`,
    via && `Via: ${quoted(proxy, via, 60)}`,
  ].filter((part) => part);
  return parts.length === 0 ? "" : ` (${parts.join("; ")})`;
};

/**
 * By the status of an answer to CONNECT. Go takes 200 and nothing else, not even an interim answer before it. A redirect
 * leads to somebody's login page; 405, 501 and 505 are of a server that does not know CONNECT.
 */
const refusalCode = (status: number): FailureCode => {
  // 401: tinyproxy, to wrong credentials.
  if (status === 407 || status === 401) return "proxy-auth-required";
  // A web server, or a Local API, takes "host:port" for a path that it does not have, or for nonsense.
  if (status < 300 || [400, 404, 405, 501, 505].includes(status)) return "proxy-protocol";
  return status < 500 ? "proxy-denied" : "proxy-upstream";
};

const refusal = (proxy: ProxyServer, head: Head, page: string, elapsedMs: number): Failed => {
  const { status, line, headers } = head;
  const sent = proxy.credentials ? " to the credentials of its URL" : " to a request without credentials";
  // NTLM, Negotiate and Digest are nothing that Go's transport can do.
  const foreign = /\bbasic\b/i.test(headers["proxy-authenticate"] ?? "basic") ? "" : ", and Go can do Basic only";
  const about = status === 407 || status === 401 ? `${sent}${foreign}` : "";
  // A user called "proxy" is not told by the usual words.
  const shown = line === `${status} ${STATUS_CODES[status]}` ? line : quoted(proxy, line, 60);
  const message = `HTTP ${shown}${about}${marks(proxy, head, page)}`;
  return refuse(refusalCode(status), message, elapsedMs);
};

/** Where a tunnel shall end. A host that is no address stays a name: the proxy resolves it. */
interface Target {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

interface Passed {
  readonly ok: true;
  readonly detail: string;
}

/** `CONNECT`, in Go's words. */
const connect = async (
  socket: net.Socket,
  proxy: ProxyServer,
  target: Target,
  limits: Limits,
): Promise<Passed | Failed> => {
  const elapsed = stopwatch();
  const authority = `${bracketed(target.host)}:${target.port}`;
  const authorization = proxyAuthorization(proxy);
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`, `User-Agent: ${USER_AGENT}`];
  if (authorization) lines.push(`Proxy-Authorization: ${authorization.reveal()}`);
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);

  const { bytes, rest, heard } = await hearHead(socket, limits.timeoutMs);
  const elapsedMs = elapsed();
  if (heard.got === undefined) {
    return brokenOff("CONNECT", { begun: bytes.length > 0, late: "proxy-upstream" }, heard, limits, elapsedMs);
  }
  if (rest === undefined) {
    const speaksHttp = bytes.subarray(0, HTTP.length).equals(HTTP);
    const message = speaksHttp ? `a header block of more than ${MAX_HEAD} bytes` : stranger(proxy, bytes);
    return refuse("proxy-protocol", message, elapsedMs);
  }
  const head = parseHead(bytes.toString("latin1"));
  if (typeof head === "string") return refuse("proxy-protocol", quoted(proxy, head), elapsedMs);
  if (head.status !== 200) return refusal(proxy, head, await hearPage(socket, rest, head, limits), elapsedMs);
  // Go reads the header block through a buffer and drops that: what came along is no part of the tunnel.
  const stray = rest.length > 0 ? `, and ${rest.length} bytes that belong to nothing` : "";
  return { ok: true, detail: `CONNECT HTTP 200${stray}` };
};

/** SOCKS5's reply codes (RFC 1928), in Go's words (golang/go, net/http/socks_bundle.go). */
const SOCKS_REPLIES: Readonly<Record<number, { readonly code: FailureCode; readonly says: string }>> = {
  1: { code: "proxy-upstream", says: "general SOCKS server failure" },
  2: { code: "proxy-denied", says: "connection not allowed by ruleset" },
  3: { code: "proxy-upstream", says: "network unreachable" },
  4: { code: "proxy-upstream", says: "host unreachable" },
  5: { code: "proxy-upstream", says: "connection refused" },
  6: { code: "proxy-upstream", says: "TTL expired" },
  7: { code: "proxy-protocol", says: "command not supported" },
  8: { code: "proxy-protocol", says: "address type not supported" },
};

/** Bytes of an address by its type; a name brings its own length. */
const SOCKS_ADDRESS: Readonly<Record<number, number>> = { 1: 4, 4: 16 };

/** The sixteen bytes of an IPv6 address as a URL writes it: no dots, no zone. */
const ipv6Bytes = (address: string): readonly number[] => {
  const [left = [], right = []] = address.split("::").map((half) => half.split(":").filter((group) => group !== ""));
  const gap = Array<string>(8 - left.length - right.length).fill("0");
  return [...left, ...gap, ...right].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
};

/** Type and bytes of the target in a request of SOCKS5. Go writes an IPv4 address in IPv6 clothes as what it is. */
const socksAddress = (host: string): Buffer => {
  if (net.isIPv4(host)) return Buffer.from([1, ...host.split(".").map(Number)]);
  if (net.isIPv6(host)) {
    const bytes = ipv6Bytes(host);
    const mapped = bytes.slice(0, 12).join() === "0,0,0,0,0,0,0,0,0,0,255,255";
    return Buffer.from(mapped ? [1, ...bytes.slice(12)] : [4, ...bytes]);
  }
  return Buffer.concat([Buffer.from([3, Buffer.byteLength(host)]), Buffer.from(host)]);
};

/** The dialogue of SOCKS5: greeting, login where the proxy wants one (RFC 1929), request. */
const socks = async (
  socket: net.Socket,
  proxy: ProxyServer,
  target: Target,
  limits: Limits,
): Promise<Passed | Failed> => {
  const elapsed = stopwatch();
  const { credentials } = proxy;
  const refusing = (code: FailureCode, message: string): Failed => refuse(code, `SOCKS5: ${message}`, elapsed());
  const take = async (length: number, what: string, late: FailureCode): Promise<Buffer | Failed> => {
    const left = Math.max(0, limits.timeoutMs - elapsed());
    const heard = await hear<Buffer>(socket, left, () => socket.read(length) ?? undefined);
    // The last bytes before the end may be fewer.
    if (heard.got?.length === length) return heard.got;
    const begun = (heard.got ?? drained(socket, Buffer.alloc(0))).length > 0;
    const closed = heard.closed || heard.got !== undefined;
    return brokenOff(`SOCKS5's ${what}`, { begun, late }, { ...heard, closed }, limits, elapsed());
  };

  if (Buffer.byteLength(target.host) > 255) return refusing("proxy-protocol", "FQDN too long");
  socket.write(Buffer.from(credentials ? [5, 2, 0, 2] : [5, 1, 0]));
  const greeted = await take(2, "greeting", "proxy-protocol");
  if (!Buffer.isBuffer(greeted)) return greeted;
  const [version, method] = greeted;
  if (version !== 5) return refusing("proxy-protocol", stranger(proxy, drained(socket, greeted)));
  if (method === 255) {
    const offered = credentials ? "it does not take user and password" : "it wants a login, and none is given";
    return refusing("proxy-auth-required", `no acceptable authentication methods, ${offered}`);
  }
  if (credentials && method === 2) {
    const user = Buffer.from(credentials.user.reveal());
    const password = Buffer.from(credentials.password.reveal());
    if ([user, password].some(({ length }) => length === 0 || length > 255)) {
      return refusing("proxy-auth-required", "it wants a user and a password, of 1 to 255 bytes each");
    }
    socket.write(Buffer.from([1, user.length, ...user, password.length, ...password]));
    const answer = await take(2, "login", "proxy-protocol");
    if (!Buffer.isBuffer(answer)) return answer;
    if (answer[0] !== 1) return refusing("proxy-protocol", "invalid username/password version");
    if (answer[1] !== 0) return refusing("proxy-auth-required", "username/password authentication failed");
  } else if (method !== 0) {
    return refusing("proxy-auth-required", `unsupported authentication method ${method}`);
  }

  const { host, port } = target;
  socket.write(Buffer.concat([Buffer.from([5, 1, 0]), socksAddress(host), Buffer.from([port >> 8, port & 255])]));
  const reply = await take(4, "request", "proxy-upstream");
  if (!Buffer.isBuffer(reply)) return reply;
  const [replyVersion, code = 0, reserved, type = 0] = reply;
  if (replyVersion !== 5) return refusing("proxy-protocol", `unexpected protocol version ${replyVersion}`);
  if (code !== 0) {
    const { code: meaning, says } = SOCKS_REPLIES[code] ?? { code: "proxy-protocol", says: "unknown code" };
    return refusing(meaning, `${says} (${code})`);
  }
  if (reserved !== 0) return refusing("proxy-protocol", "non-zero reserved field");
  // The address that the proxy connects from, of no use here.
  const named = type === 3 ? await take(1, "request", "proxy-protocol") : undefined;
  if (named && !Buffer.isBuffer(named)) return named;
  const length = named ? named[0] : SOCKS_ADDRESS[type];
  if (length === undefined) return refusing("proxy-protocol", `unknown address type ${type}`);
  const bound = await take(length + 2, "request", "proxy-protocol");
  return Buffer.isBuffer(bound) ? { ok: true, detail: "SOCKS5" } : bound;
};

/** Of a proxy that speaks no TLS, some answer, some hang up, and some wait for the rest of a line. */
const NO_TLS: ReadonlySet<FailureCode> = new Set(["tls-not-tls", "tls-reset", "tls-stalled"]);

/**
 * A fault of an https proxy's own TLS, which is not the target's: where nothing speaks TLS that is no such proxy, and a
 * proxy that cannot be trusted, or that refuses to speak, is one that cannot be reached.
 */
const ofProxy = (proxy: ProxyServer, { tls: seen, ...saw }: Failed): Failed => {
  if (saw.code === "tls-client-cert") return refusedLater(saw);
  const none = NO_TLS.has(saw.code);
  // Names of its certificate may be in that.
  const says = hidden(proxy, saw.message, { keepUser: true });
  const issuer = seen ? `, issuer ${quoted(proxy, seen.issuer, 200)}` : "";
  const message = none ? `no TLS, although its URL says https (${says})` : `TLS with the proxy: ${says}${issuer}`;
  return {
    ...saw,
    phase: "proxy",
    code: none ? "proxy-protocol" : "proxy-unreachable",
    message: printable(message, 300),
  };
};

export interface Entering {
  readonly proxy: ProxyServer;
  readonly target: Target;
  /** The proxy gets the request itself: no tunnel. */
  readonly forwarded: boolean;
  /**
   * Of the target, and used for an https proxy as well: Go's transport has one TLS configuration for both, with its
   * authorities, its `InsecureSkipVerify` and its client certificate (golang/go, net/http/transport.go, addTLS).
   */
  readonly context: tls.SecureContext | undefined;
  readonly trust: Trust | undefined;
}

export interface Entered {
  readonly ok: true;
  /** What is written there goes to the target, or to the proxy that forwards. */
  readonly socket: net.Socket;
  readonly elapsedMs: number;
  /** Undefined where nothing had to be said. */
  readonly detail?: string;
}

/** Over an open connection to a proxy, goes as far as a request can be sent: TLS with an https proxy, then the tunnel. */
export const enter = async (
  raw: net.Socket,
  { proxy, target, forwarded, context, trust }: Entering,
  limits: Limits,
): Promise<Entered | Failed> => {
  const elapsed = stopwatch();
  const details: string[] = [];
  let socket = raw;
  const leave = (saw: Failed): Failed => {
    // Node dies of a TLS socket destroyed right after the one below it; that takes it along anyway.
    if (!raw.destroyed) socket.destroy();
    raw.destroy();
    return saw;
  };
  if (proxy.scheme === "https" && context) {
    const opened = await handshake(raw, { host: proxy.host, context, trust }, limits);
    if (opened.ok) socket = opened.socket;
    const fault = opened.ok ? opened.refused : opened;
    if (fault) return leave(limits.signal.aborted ? ended(elapsed()) : ofProxy(proxy, fault));
    if (opened.ok) details.push(opened.seen.protocol);
  }
  if (!forwarded) {
    const passed = await (proxy.scheme === "socks5" ? socks : connect)(socket, proxy, target, limits);
    if (!passed.ok) return leave(passed);
    details.push(passed.detail);
  }
  return { ok: true, socket, elapsedMs: elapsed(), ...(details.length > 0 && { detail: details.join(", ") }) };
};

/** Errors of an HTTP exchange that are of this side: the request could not even be written. */
const OWN_ERROR = /^ERR_(?!SSL)/;

/**
 * The answer to a request that a proxy was to pass on. Any answer but 407 stands, without the proxy's credentials, since
 * nobody can tell whose it is; no answer is the proxy's own fault, or that it waits for the target in vain.
 */
export const judgeForwarded = <Reply extends Answer>(
  proxy: ProxyServer,
  reply: Reply | Failed,
  elapsedMs: number,
): Reply | Failed => {
  if (reply.ok) {
    const head = { status: reply.status, line: "407 Proxy Authentication Required", headers: reply.headers };
    return reply.status === 407 ? refusal(proxy, head, reply.body, elapsedMs) : withoutCredentials(proxy, reply);
  }
  const { errno = "", code } = reply;
  if (OWN_ERROR.test(errno)) return reply;
  if (code === "http-timeout") return { ...reply, phase: "proxy", code: "proxy-upstream" };
  return code === "http-invalid" ? { ...reply, phase: "proxy", code: "proxy-protocol" } : refusedLater(reply);
};
