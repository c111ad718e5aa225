/** How far a probe got; the closed list of docs/interface.md. */
export type Phase = "resolve" | "connect" | "proxy" | "handshake" | "request" | "response" | "login" | "host";

export type Family = 4 | 6;

/**
 * What can go wrong in the layers between this host and a service: a closed list.
 * Checks add codes of their own beside these (docs/interface.md).
 */
export type LayerCode =
  | "dns-nxdomain"
  | "dns-nodata"
  | "dns-servfail"
  | "dns-refused"
  | "dns-timeout"
  | "dns-sinkhole"
  | "dns-no-resolver"
  | "tcp-refused"
  | "tcp-timeout"
  | "tcp-unreachable"
  | "tcp-reset"
  | "tls-reset"
  | "tls-stalled"
  | "tls-not-tls"
  | "tls-untrusted"
  | "tls-expired"
  | "tls-not-yet-valid"
  | "tls-wrong-host"
  | "tls-no-san"
  | "tls-version"
  | "tls-client-cert"
  | "tls-alert"
  | "http-timeout"
  | "http-status"
  | "http-redirect"
  | "http-invalid"
  | "identity-mismatch";

/** Why a file gave no content. `file-large`: over the probe's limit; `file-binary`: holds a NUL byte. */
export type FileCode = "file-missing" | "file-denied" | "file-large" | "file-binary" | "file-error";

export type FailureCode = LayerCode | FileCode;

/** One stretch of a probe. Times are milliseconds. */
export interface Layer {
  readonly phase: Phase;
  readonly ok: boolean;
  readonly durationMs: number;
  readonly detail?: string;
}

/** A probe that did not get what it asked for. It never throws for a network reason; this is how it says so. */
export interface Failed {
  readonly ok: false;
  readonly phase: Phase;
  readonly code: FailureCode;
  /** The system's own words, kept. */
  readonly message: string;
  readonly elapsedMs: number;
  /** Node's errno name, for example `ECONNREFUSED`. */
  readonly errno?: string;
  /** OpenSSL's code, for example `UNABLE_TO_GET_ISSUER_CERT_LOCALLY`. */
  readonly tlsCode?: string;
  /** The layers gone through, the failed one last. */
  readonly layers?: readonly Layer[];
  /** What the peer showed in the handshake, when it got that far. */
  readonly tls?: TlsSeen;
  /** The peer's own `Date`, RFC 3339, when a certificate's dates failed and the peer still answered. */
  readonly peerDate?: string;
  /** Nameservers that failed, in the order in which they were asked. */
  readonly nameservers?: readonly NameserverSeen[];
}

export interface Address {
  readonly address: string;
  readonly family: Family;
}

export interface DnsQuestion {
  readonly name: string;
  /** Ask for one family only (`-4`, `-6`). */
  readonly family?: Family;
}

/** One nameserver of resolv.conf that gave no usable answer. */
export interface NameserverSeen {
  readonly server: string;
  readonly code: "dns-servfail" | "dns-refused" | "dns-timeout" | "dns-no-resolver";
}

export interface DnsAnswer {
  readonly ok: true;
  readonly elapsedMs: number;
  /** In the order of the answers, IPv4 and IPv6 each as received. Never empty. */
  readonly addresses: readonly Address[];
  /** `literal`, `hosts`, or the nameserver that answered. */
  readonly from: string;
  /** Nameservers asked before that one, in vain: CrowdSec's resolver waits for each of them too. */
  readonly nameservers: readonly NameserverSeen[];
}
export type DnsObservation = DnsAnswer | Failed;

export interface TcpQuestion extends Address {
  readonly port: number;
  /** Two questions that differ in `look` are asked apart: a second look, not a remembered one. */
  readonly look?: number;
}
export interface TcpConnected {
  readonly ok: true;
  readonly elapsedMs: number;
}
export type TcpObservation = TcpConnected | Failed;

/** Whom a TLS client trusts. Without it: the system's store, as Go finds it. */
export interface Trust {
  /** PEM files to trust besides (`ca_cert_path`). */
  readonly caFiles: readonly string[];
  /** Leave the system's store out (CrowdSec up to 1.5.1 with a `ca_cert_path`). */
  readonly only: boolean;
  /** `insecure_skip_verify`: look at the certificate, refuse nothing. */
  readonly skipVerify: boolean;
}

/** The certificate and connection that a TLS peer showed. Dates are RFC 3339. */
export interface TlsSeen {
  readonly protocol: string;
  readonly subject: string;
  readonly issuer: string;
  readonly names: readonly string[];
  readonly validFrom: string;
  readonly validTo: string;
}

export interface HttpRequest {
  readonly url: string;
  /** Dial this address; the URL's host stays the name in SNI, in verification and in `Host`. */
  readonly address: string;
  readonly method?: "GET" | "POST";
  readonly body?: string;
  readonly trust?: Trust;
  /** Body bytes to keep; the rest is not read. Default 64 KiB. */
  readonly maxBytes?: number;
  readonly look?: number;
}
export interface HttpAnswered {
  readonly ok: true;
  readonly elapsedMs: number;
  readonly status: number;
  /** Names in lower case; of repeated headers, all, joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** True when the body was longer than `maxBytes`. */
  readonly truncated: boolean;
  readonly layers: readonly Layer[];
  readonly tls?: TlsSeen;
}
export type HttpObservation = HttpAnswered | Failed;

export interface FileRead {
  readonly ok: true;
  readonly elapsedMs: number;
  readonly content: string;
}
export type FileObservation = FileRead | Failed;

/** A process of this host, in this process's own network and mount namespaces. */
export interface ProcessSeen {
  readonly pid: number;
  readonly argv: readonly string[];
  readonly ageSeconds: number;
}

/** The CA store as Go's crypto/x509 finds it on this system. */
export interface TrustStoreObservation {
  readonly certificates: number;
  /** Files and directories that gave certificates. */
  readonly from: readonly string[];
  /** Places looked at, in order. */
  readonly lookedAt: readonly string[];
}

/** Every way to touch the outside world. Each question is asked once a run; a second asker gets the same answer. */
export interface Prober {
  dns(question: DnsQuestion): Promise<DnsObservation>;
  tcp(question: TcpQuestion): Promise<TcpObservation>;
  http(request: HttpRequest): Promise<HttpObservation>;
  file(path: string): Promise<FileObservation>;
  /** Processes whose executable's base name is `name`. */
  processes(name: string): Promise<readonly ProcessSeen[]>;
  /** The addresses of this host's own interfaces, loopback included. */
  interfaces(): Promise<readonly Address[]>;
  trustStore(): Promise<TrustStoreObservation>;
}
