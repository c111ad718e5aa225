import type { LayerCode } from "../model/observation.ts";
import type { Finding } from "../model/report.ts";
import { bracketed } from "../model/url.ts";

/** What is asked of somebody: `{from}` this host's address, `{to}` where it wants to go, `{through}` the proxy, `{names}`, `{servers}`. */
export interface Ask {
  readonly subject: string;
  readonly asked: string;
}
export const ASKS = {
  open: {
    subject: "please allow TCP from {from} to {to}",
    asked: "Please allow outgoing TCP connections from {from} to {to}.",
  },
  accept: {
    subject: "please let {from} connect to {to}",
    asked:
      "Please have {to} accept TCP connections from {from}: the service runs there, listens on an address that other hosts reach, and no packet filter keeps {from} out.",
  },
  untouched: {
    subject: "please let TLS from {from} to {to} pass untouched",
    asked:
      "Please let connections from {from} to {to} pass untouched: exempt them from TLS inspection, from filters that read the name in the TLS handshake, and from portals and block pages.",
  },
  answer: {
    subject: "please look at the service on {to}",
    asked:
      "Please look at the service on {to}: it takes the connection of {from}, and then does not do what it should.",
  },
  names: {
    subject: "please have DNS resolve {names}",
    asked: "Please have {servers} give {from} the addresses of {names}. They exist on the internet.",
  },
  "own-names": {
    subject: "please have DNS resolve {names}",
    asked: "Please have {servers} give {from} the addresses of {names}.",
  },
  nameserver: {
    subject: "please have {servers} answer {from}",
    asked:
      "Please have {servers} answer the DNS questions of {from}: it runs, serves that address, gets to the internet itself, and UDP and TCP port 53 to it are open on the way.",
  },
  filter: {
    subject: "please take {names} off the DNS filter",
    asked: "Please put {names} on the allow-list of the DNS filter that answers {from}.",
  },
  "proxy-open": {
    subject: "please let {from} connect to the proxy {through}",
    asked: "Please let {from} connect to the proxy {through}: it runs, and no packet filter keeps {from} out.",
  },
  "proxy-login": {
    subject: "please let {from} through the proxy {through}",
    asked: "Please let {from} through the proxy {through} to {to} without a login, or give us a login for it.",
  },
  "proxy-allow": {
    subject: "please allow {to} on the proxy {through}",
    asked: "Please have the proxy {through} allow {from} to connect to {to} (CONNECT).",
  },
  "proxy-way": {
    subject: "please open the way from the proxy {through} to {to}",
    asked: "Please open the way from the proxy {through} to {to}: its nameserver or its own way out is at fault.",
  },
} as const satisfies Record<string, Ask>;

/** What a fault is to whoever mends it. */
export interface Words {
  /** What happened to the packets. `{ms}`: how long it was waited for. */
  readonly happened: string;
  /** What is asked; of the other end, where that differs. */
  readonly ask: keyof typeof ASKS;
  readonly askThere?: keyof typeof ASKS;
}

const TLS = { ask: "untouched", askThere: "answer" } as const;

const WORDS: Readonly<Record<LayerCode, Words>> = {
  "dns-nxdomain": { happened: "the answer is NXDOMAIN: there is no such name", ask: "names" },
  "dns-nodata": { happened: "the answer holds no address for the name (NODATA)", ask: "names" },
  "dns-servfail": { happened: "the answer is SERVFAIL: the nameserver could not find out", ask: "names" },
  "dns-refused": { happened: "the answer is REFUSED: the nameserver does not serve this host", ask: "nameserver" },
  "dns-timeout": { happened: "no answer comes within {ms}", ask: "nameserver" },
  "dns-sinkhole": {
    happened: "the answer is an address of no use (0.0.0.0, 127.0.0.1 or the like), as a DNS filter gives it",
    ask: "filter",
  },
  "dns-no-resolver": {
    happened: "the question is rejected at once (ICMP port unreachable): nothing serves DNS there",
    ask: "nameserver",
  },
  "dns-unreachable": { happened: "no question leaves this host for its nameserver", ask: "nameserver" },
  "tcp-refused": {
    happened: "the connection is refused at once: a TCP reset or an ICMP unreachable comes back",
    ask: "open",
    askThere: "accept",
  },
  "tcp-timeout": {
    happened: "nothing comes back within {ms}, neither an answer nor a refusal: the packets are dropped",
    ask: "open",
    askThere: "accept",
  },
  "tcp-unreachable": {
    happened: "unreachable, or prohibited, says ICMP, or no route leads there",
    ask: "open",
    askThere: "accept",
  },
  "tcp-reset": { happened: "the connection is reset while it is made", ask: "open", askThere: "accept" },
  "proxy-invalid": { happened: "the proxy's address cannot be used", ask: "proxy-open" },
  "proxy-unreachable": { happened: "the proxy itself cannot be reached", ask: "proxy-open" },
  "proxy-auth-required": {
    happened: "the proxy wants a login, or refuses the one that it gets (HTTP 407)",
    ask: "proxy-login",
  },
  "proxy-denied": { happened: "the proxy refuses to connect there (HTTP 403 or the like)", ask: "proxy-allow" },
  "proxy-upstream": {
    happened: "the proxy takes the request, and does not get there itself (HTTP 502, 503, 504 or the like)",
    ask: "proxy-way",
  },
  "proxy-protocol": { happened: "what answers at the proxy's address is no proxy", ask: "proxy-open" },
  "tls-reset": { happened: "TCP connects; after the TLS ClientHello the connection is cut off", ...TLS },
  "tls-stalled": { happened: "TCP connects; after the TLS ClientHello nothing comes back for {ms}", ...TLS },
  "tls-not-tls": { happened: "TCP connects; what answers does not speak TLS", ...TLS },
  "tls-untrusted": { happened: "TLS answers with a certificate that no public authority signed", ...TLS },
  "tls-expired": { happened: "TLS answers with a certificate that has expired", ...TLS },
  "tls-not-yet-valid": { happened: "TLS answers with a certificate that is not valid yet", ...TLS },
  "tls-wrong-host": { happened: "TLS answers with a certificate for other names", ...TLS },
  "tls-no-san": { happened: "TLS answers with a certificate without a subject alternative name", ...TLS },
  "tls-version": { happened: "TCP connects; TLS 1.2 or newer is not offered", ...TLS },
  "tls-client-cert": { happened: "TCP connects; TLS demands a client certificate", ...TLS },
  "tls-alert": { happened: "TCP connects; the TLS handshake is refused with an alert", ...TLS },
  "http-timeout": { happened: "the connection opens, and the request is not answered within {ms}", ...TLS },
  "http-status": { happened: "the connection opens, and the answer is a refusal of somebody else", ...TLS },
  "http-redirect": {
    happened: "the connection opens, and the answer sends elsewhere, to a portal or block page",
    ...TLS,
  },
  "http-invalid": { happened: "the connection opens, and the answer is garbled or cut off", ...TLS },
  "identity-mismatch": { happened: "the connection opens, and another service answers", ...TLS },
};

export const wordsOf = (code: string): Words | undefined =>
  Object.hasOwn(WORDS, code) ? WORDS[code as LayerCode] : undefined;

/** Layers that fail for one reason: a middlebox shows in the handshake of one host and in the answer of another. */
export type Stage = "names" | "connect" | "proxy" | "answer" | "login" | "host";
export const stageOf = ({ fault }: Finding): Stage => {
  switch (fault?.phase) {
    case "resolve":
      return "names";
    case "handshake":
    case "request":
    case "response":
      return "answer";
    case "connect":
    case "proxy":
    case "login":
      return fault.phase;
    default:
      return "host";
  }
};

export const codeOf = ({ fault }: Finding): string => fault?.code ?? "";
export const groupOf = ({ id }: Finding): string => id.split("-")[0] ?? id;
export const unique = <T>(list: readonly T[]): readonly T[] => [...new Set(list)];

export const placeOf = ({ target, instance }: Finding): string => {
  if (target?.host === undefined) return target?.path ?? instance;
  return target.port === undefined ? bracketed(target.host) : `${bracketed(target.host)}:${target.port}`;
};
