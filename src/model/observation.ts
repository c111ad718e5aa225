import type { ProxyServer } from "./proxy.ts";
import type { Secret } from "./secret.ts";

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
  | "dns-unreachable"
  | "tcp-refused"
  | "tcp-timeout"
  | "tcp-unreachable"
  | "tcp-reset"
  | "proxy-invalid"
  | "proxy-unreachable"
  | "proxy-auth-required"
  | "proxy-denied"
  | "proxy-upstream"
  | "proxy-protocol"
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

/** How a database can refuse; `db-silent`: it takes the connection and says nothing. */
export type DatabaseCode =
  | "db-auth-failed"
  | "db-host-denied"
  | "db-missing-database"
  | "db-no-privilege"
  | "db-tls-required"
  | "db-tls-refused"
  | "db-too-many-connections"
  | "db-protocol"
  | "db-silent"
  | "db-unavailable";

/** Why a command gave no exit code. */
export type CommandCode = "command-missing" | "command-denied" | "command-timeout" | "command-error";

/** Of a unix socket: none is there, or this user may not use it. */
export type SocketCode = "socket-missing" | "socket-denied";

/**
 * Why an address of this host cannot be listened on. `bind-in-use`: another socket has it; `bind-no-address`: no interface
 * has this address; `bind-denied`: this user, or a security module, may not.
 */
export type BindCode = "bind-in-use" | "bind-no-address" | "bind-denied" | "bind-error";

/**
 * How a conversation with a listener (`crowdsec-preflight listen`) can end. `peer-foreign`: what answers is no listener, or, in phase `login`, one of another version;
 * `peer-token-refused`: it has another token; `peer-token-used`: this host came already; `peer-full`: it takes no more;
 * `peer-stalled`: small messages get through, large ones do not.
 */
export type PeerCode = "peer-foreign" | "peer-token-refused" | "peer-token-used" | "peer-full" | "peer-stalled";

export type FailureCode = LayerCode | SocketCode | FileCode | DatabaseCode | CommandCode | BindCode | PeerCode;

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
  /** The database server's own code: an SQLSTATE such as `28P01`. */
  readonly sqlState?: string;
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
  /** Of a connection: this host's own address that it would have left from, as its routes say. */
  readonly source?: string;
}

export interface Address {
  readonly address: string;
  readonly family: Family;
}

export interface DnsQuestion {
  readonly name: string;
  /** Who is asked. `go`, the default: hosts file and nameservers, as Go's own resolver does; `libc`: getaddrinfo, with every module of nsswitch.conf. */
  readonly by?: "go" | "libc";
  /** Ask for one family only (`-4`, `-6`). */
  readonly family?: Family;
}

/** One nameserver of resolv.conf that gave no usable answer. */
export interface NameserverSeen {
  readonly server: string;
  readonly code: "dns-servfail" | "dns-refused" | "dns-timeout" | "dns-no-resolver" | "dns-unreachable";
}

export interface DnsAnswer {
  readonly ok: true;
  readonly elapsedMs: number;
  /** In the order of the answers, IPv4 and IPv6 each as received. Never empty. */
  readonly addresses: readonly Address[];
  /** `literal`, `hosts`, `libc`, or the nameserver that answered. */
  readonly from: string;
  /** Of `hosts`: where the name stands, `/etc/hosts:12`. */
  readonly origin?: string;
  /** Nameservers asked before that one, in vain: CrowdSec's resolver waits for each of them too. */
  readonly nameservers: readonly NameserverSeen[];
}
export type DnsObservation = DnsAnswer | Failed;

/** One question to one nameserver, sent once. */
export interface NameserverQuestion {
  readonly server: string;
  readonly name: string;
}
/** It answered, be it that there is no such name. */
export interface NameserverAnswered {
  readonly ok: true;
  readonly elapsedMs: number;
  readonly answer: "addresses" | "nxdomain" | "nodata";
}
export type NameserverObservation = NameserverAnswered | Failed;

/** How this host resolves names, as its files say. */
export interface ResolverSeen {
  /** In the order in which they are asked. */
  readonly servers: readonly string[];
  /** False: resolv.conf names no server, and these are what Go asks then. */
  readonly configured: boolean;
  readonly search: readonly string[];
  /** Milliseconds that one try may take, and how often all are tried. */
  readonly timeoutMs: number;
  readonly attempts: number;
  /** `options rotate`: each lookup begins at another nameserver. */
  readonly rotate: boolean;
  /** Modules of `hosts:` in nsswitch.conf, in order, without what stands in brackets; empty when there is no such line. */
  readonly modules: readonly string[];
  /** What makes a Go program that is linked with the C library leave every name to it; undefined when nothing does. */
  readonly wantsLibc?: string;
  /** GODEBUG=netdns: settles it for every name. */
  readonly forced?: "go" | "libc";
  /** Options of resolv.conf that Go knows since 1.20; an older one leaves all names to the C library because of them. */
  readonly newOptions?: readonly string[];
  /** Of this host, as its kernel has it. */
  readonly hostname?: string;
}

export interface TcpQuestion extends Address {
  readonly port: number;
  /** Two questions that differ in `look` are asked apart: a second look, not a remembered one. */
  readonly look?: number;
}
export interface SocketQuestion {
  /** Of a unix socket. */
  readonly path: string;
  readonly look?: number;
}
export interface TcpConnected {
  readonly ok: true;
  readonly elapsedMs: number;
  /** This host's own address that the connection left from. */
  readonly source?: string;
}
export type TcpObservation = TcpConnected | Failed;

/** SSL_CERT_FILE and SSL_CERT_DIR (a list with colons) of a program's environment; what is missing, Go looks for by itself. */
export interface CaStore {
  readonly file?: string;
  readonly directories?: string;
}

/** Whom a TLS client trusts. Without it: the system's store, as Go finds it. */
export interface Trust {
  /** PEM files to trust besides (`ca_cert_path`). */
  readonly caFiles: readonly string[];
  /** Leave the system's store out (CrowdSec up to 1.5.1 with a `ca_cert_path`). */
  readonly only: boolean;
  /** `insecure_skip_verify`: look at the certificate, refuse nothing. */
  readonly skipVerify: boolean;
  /** SSL_CERT_FILE and SSL_CERT_DIR of the program's environment, in place of where Go looks else. */
  readonly store?: CaStore;
  /** The client's own certificate and key, PEM files, shown to a server that asks. */
  readonly certificate?: { readonly certFile: string; readonly keyFile: string };
}

/** The certificate and connection that a TLS peer showed. Dates are RFC 3339. */
export interface TlsSeen {
  readonly protocol: string;
  readonly subject: string;
  readonly issuer: string;
  readonly names: readonly string[];
  readonly validFrom: string;
  readonly validTo: string;
  /** Whether one of the public authorities that Node brings along signed the chain, whatever this system trusts. */
  readonly publicAuthority: boolean;
}

export interface HttpRequest {
  readonly url: string;
  /** Dial this address, or this unix socket's path; the URL's host stays the name in SNI, in verification and in `Host`. */
  readonly address: string;
  /** Go through this proxy: `address` is then one of its own. https, and everything over socks5, by a tunnel; http as a request to the proxy. */
  readonly proxy?: ProxyServer;
  readonly method?: "GET" | "HEAD" | "POST";
  readonly body?: string | Secret;
  /** Names in lower case. A request that carries a secret is not remembered: who asks twice sends it twice. */
  readonly headers?: Readonly<Record<string, string | Secret>>;
  readonly trust?: Trust;
  /** Body bytes to keep; the rest is not read. Default 64 KiB. */
  readonly maxBytes?: number;
  readonly look?: number;
  /** Of an answer that is large and asked for once: it is not kept for a second asker. */
  readonly forget?: boolean;
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
  /** Where it really is, when links led there. */
  readonly at?: string;
}
export type FileObservation = FileRead | Failed;

/** A process of this host, in this process's own network and mount namespaces. */
export interface ProcessSeen {
  readonly pid: number;
  readonly argv: readonly string[];
  /** Number of the user who started it, whatever its program made of that since; undefined when that is not known. */
  readonly uid?: number;
  /** That user is this tool's own. */
  readonly own?: true;
  /** Of the program that it runs, as far as this user may see it. */
  readonly executable?: string;
  readonly ageSeconds: number;
}

export interface PathSeen {
  readonly ok: true;
  readonly elapsedMs: number;
  readonly kind: "file" | "folder" | "socket" | "other";
  readonly bytes: number;
  /** Whether this user may write to it: no permission missing, no read-only file system. */
  readonly writable: boolean;
  /** Whether this user may execute it; of a folder: enter it. */
  readonly executable: boolean;
  /** It belongs to root, or to this user, and nobody else may change it or a folder on the way to it. */
  readonly guarded: boolean;
  readonly freeBytes: number;
  /** How many files can still be made there; undefined where the file system does not count them. */
  readonly freeInodes?: number;
  /** `nfs`, `cifs` and their kin; undefined for a local file system. */
  readonly networkFilesystem?: string;
}
/** There is nothing; or a link is, and nothing where it leads. */
export interface PathUnseen extends Failed {
  /** What the link says: `/mnt/data/crowdsec`. */
  readonly leadsTo?: string;
}
export type PathObservation = PathSeen | PathUnseen;

export interface FolderRead {
  readonly ok: true;
  readonly elapsedMs: number;
  /** Sorted, without `.` and `..`. */
  readonly names: readonly string[];
}
export type FolderObservation = FolderRead | Failed;

/** A socket of this network namespace that waits for connections. */
export interface Listener extends Address {
  readonly port: number;
  /** Undefined when this user may not see whose it is. */
  readonly owner?: {
    readonly pid: number;
    readonly name: string;
    /** The systemd unit, for example `crowdsec.service`. */
    readonly unit?: string;
    /** The process runs in another process namespace: a container that shares this host's network. */
    readonly elsewhere: boolean;
    /** Of a container, its id or name; of a port that Docker publishes (docker-proxy), where it leads: `172.17.0.2:8080`. */
    readonly container?: string;
  };
}
export interface ListenersSeen {
  readonly ok: true;
  readonly elapsedMs: number;
  readonly listeners: readonly Listener[];
}
export type ListenersObservation = ListenersSeen | Failed;

/** What a manager of services says of one. Times are those of its own clock, as ages. */
export interface ServiceSeen {
  readonly ok: true;
  readonly elapsedMs: number;
  readonly manager: "systemd" | "openrc" | "freebsd";
  /** As the manager calls it: `crowdsec.service`, `crowdsec`. */
  readonly name: string;
  /** False: the manager knows no such service. The rest is then without meaning. */
  readonly known: boolean;
  /** Whether it is started with the system; undefined where the manager does not tell. */
  readonly enabled?: boolean;
  /** An administrator forbade its start (systemd's `masked`). */
  readonly masked?: boolean;
  /**
   * `starting`: told to, and not ready yet. `restarting`: it ended and waits to be started again. `failed`: it ended with
   * an error, and nothing starts it again. `stopped`: it ended without an error, or was never started.
   */
  readonly state: "running" | "starting" | "restarting" | "failed" | "stopped";
  /** Since when it is in this state, seconds; undefined where it was never started since this system is up. */
  readonly stateSeconds?: number;
  /** Since when its last main process runs, or when that one started; seconds ago. Undefined: never since this system is up. */
  readonly startedSecondsAgo?: number;
  /** How often the manager started it again by itself, since it was last started by hand. */
  readonly restarts?: number;
  /** How long it waits before it starts it again, seconds; undefined where it never does. */
  readonly restartDelaySeconds?: number;
  readonly mainPid?: number;
  /** How its last main process ended, in the manager's own word: `exit-code`, `signal`, `oom-kill`, `timeout`, `start-limit-hit`. */
  readonly result?: string;
  /** Exit status of its last main process, or of the command before its start that failed; of one that a signal ended, 128 and the signal's number. */
  readonly exitStatus?: number;
  /** A condition of the unit (ConditionPathExists= and kin) was not met, so it was not started. */
  readonly unmet?: boolean;
}
export type ServiceObservation = ServiceSeen | Failed;

/** A line that a program wrote into the journal. */
export interface JournalLine {
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly text: string;
  readonly pid?: number;
}
/** The end of what the journal holds of a unit, a week and 64 KiB of it at most: some hundred lines, oldest first. */
export interface JournalRead {
  readonly ok: true;
  readonly elapsedMs: number;
  readonly lines: readonly JournalLine[];
}
export type JournalObservation = JournalRead | Failed;

/** The end of a text file, whole lines, at most 256 KiB; control characters are still in it. */
export interface TailRead {
  readonly ok: true;
  readonly elapsedMs: number;
  readonly content: string;
  /** When it was last written, RFC 3339, UTC. */
  readonly modifiedAt: string;
  /** True when the file has more before that. */
  readonly cut: boolean;
  /** Where it really is, when links led there. */
  readonly at?: string;
}
export type TailObservation = TailRead | Failed;

/**
 * A program to run in a throw-away folder. `{folder}` in the arguments and in the files' contents stands for the
 * folder's path. The program gets the environment given here and nothing else, and no standard input.
 */
export interface CommandQuestion {
  readonly argv: readonly [string, ...string[]];
  /** Written into the folder first, for this user's eyes only: name → content. */
  readonly files?: Readonly<Record<string, string | Secret>>;
  readonly environment?: Readonly<Record<string, string | Secret>>;
  /** Milliseconds until it is killed, with every process that it started. */
  readonly timeoutMs: number;
}
export interface CommandRan {
  readonly ok: true;
  readonly elapsedMs: number;
  /** 128 and the signal's number for a program that a signal ended. */
  readonly exitCode: number;
  /** The last 64 KiB of both streams together; the folder's path reads `{folder}` again. */
  readonly output: string;
}
export type CommandObservation = CommandRan | Failed;

/** An address to listen on, as Go would: a wildcard of either family (`0.0.0.0`, `::`) is both families. */
export interface BindQuestion extends Address {
  readonly port: number;
}
/** It could be listened on, and was given back at once; nothing was accepted. */
export interface BindGranted {
  readonly ok: true;
  readonly elapsedMs: number;
}
export type BindObservation = BindGranted | Failed;

/** What is there of memory, bytes. */
export interface MemoryAmounts {
  readonly totalBytes: number;
  /** What a new program can get without swapping (`MemAvailable`), within the group's limit. */
  readonly availableBytes: number;
  readonly swapFreeBytes: number;
  /** The folder of the control group whose limit that is; undefined where none is below the host's memory. */
  readonly limitedBy?: string;
}
/** Memory of this host, or of the control group that this process is in, whichever is less. */
export interface MemorySeen extends MemoryAmounts {
  readonly ok: true;
  readonly elapsedMs: number;
  /**
   * What the services of this system have, where this process has less: they are in other groups than a user's session.
   * Limits of the whole container, where this is one, count for both.
   */
  readonly system?: MemoryAmounts;
}
export type MemoryObservation = MemorySeen | Failed;

/** A conversation with a listener, `crowdsec-preflight listen`, over one connection (docs/listen.md). */
export interface PeerQuestion {
  /** `http://HOST:PORT/` or `https://HOST:PORT/`. */
  readonly url: string;
  /** Dial this one; the proxy's, where there is one. */
  readonly address: string;
  readonly proxy?: ProxyServer;
  readonly token: Secret;
  /** This host's name, for the listener's table. */
  readonly name: string;
  /** How long the connection is to be silent before the listener answers, milliseconds; 0: not at all. */
  readonly idleMs: number;
}
/** A header field that did not arrive as it was sent. */
export interface Alteration {
  /** `there`: of the request, as the listener got it; `back`: of its answer. */
  readonly direction: "there" | "back";
  readonly kind: "added" | "removed" | "changed";
  readonly name: string;
  /** As it arrived. */
  readonly value?: string;
}
export interface SocketEnd {
  readonly address: string;
  readonly port: number;
}
export interface PeerAnswered {
  readonly ok: true;
  readonly elapsedMs: number;
  readonly layers: readonly Layer[];
  readonly tls?: TlsSeen;
  /** This end of the connection, as this host's kernel has it. */
  readonly own: SocketEnd;
  /** This end, as the listener saw it. */
  readonly seen: SocketEnd;
  /** The listener's end, as its kernel has it. */
  readonly listener: SocketEnd;
  readonly altered: readonly Alteration[];
  /** The certificate that was shown is not the listener's, or only one end has TLS: somebody on the way opens it, puts it on or takes it off. */
  readonly intercepted: boolean;
  /** Of TLS: whether the listener's certificate was given to it, to be judged, or is a throw-away one. */
  readonly certificate?: "given" | "throw-away";
  /** Bytes of the largest message, which went each way and arrived whole. */
  readonly bytes: number;
  /** Of the silence; undefined where none was asked for. `afterMs`: when the connection broke, or how long was waited in vain. */
  readonly idle?:
    | { readonly survived: true; readonly ms: number }
    | { readonly survived: false; readonly how: "cut" | "silent"; readonly afterMs: number; readonly message: string };
}
export type PeerObservation = PeerAnswered | Failed;

/** How a database client goes about TLS; the words of PostgreSQL's sslmode. */
export type DatabaseTls = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";

export interface DatabaseQuestion {
  readonly protocol: "postgresql" | "mysql";
  /** Addresses to dial, in this order, until one connects; or a unix socket's path. */
  readonly addresses: readonly string[] | { readonly socket: string };
  readonly port: number;
  /** For SNI and for the certificate's names. */
  readonly host: string;
  readonly tls: DatabaseTls;
  readonly caFile?: string;
  readonly certificate?: { readonly certFile: string; readonly keyFile: string };
  /** Without it, the server is asked no more than who it is: MySQL's greeting, PostgreSQL's answer to SSLRequest. */
  readonly login?: {
    readonly user: string;
    readonly password: Secret;
    readonly database: string;
    /** Tables to look for: `tables` of the answer says which are there. */
    readonly tables: readonly string[];
  };
}
export interface DatabaseAnswered {
  readonly ok: true;
  readonly elapsedMs: number;
  readonly address: string;
  readonly layers: readonly Layer[];
  /** Whether the connection was encrypted. */
  readonly encrypted: boolean;
  /** `PostgreSQL 15.8`, `MariaDB 10.11.6`, `MySQL 8.0.39`; as far as a greeting tells it, where there was no login. */
  readonly server?: string;
  /** After a login only: which of the tables are there, which of those this user may not read and write, and whether he may create one. */
  readonly tables?: readonly string[];
  readonly closedTables?: readonly string[];
  readonly mayCreate?: boolean;
}
export type DatabaseObservation = DatabaseAnswered | Failed;

/** The environment of a running process. Values may be secrets, so all of them are. */
export interface EnvironmentRead {
  readonly ok: true;
  readonly elapsedMs: number;
  readonly variables: Readonly<Record<string, Secret>>;
}
export type EnvironmentObservation = EnvironmentRead | Failed;

/** What a Go program's own file tells of how it was built. */
export interface BuildSeen {
  readonly ok: true;
  readonly elapsedMs: number;
  /** `go`: it resolves names by itself only; `libc`: it can leave that to the C library, and does where nsswitch.conf wants it (golang/go, net/conf.go). */
  readonly resolver: "go" | "libc";
  /** For example `go1.19.8`. */
  readonly goVersion?: string;
}
export type BuildObservation = BuildSeen | Failed;

/** Where this process runs, as far as that changes what it sees. */
export interface NamespaceSeen {
  /** `docker`, `podman`, `kubernetes`, `lxc`, … */
  readonly container?: string;
  /** Of another network namespace than process 1: its name, or its number. */
  readonly network?: string;
}

/** The CA store as Go's crypto/x509 finds it on this system. */
export interface TrustStoreObservation {
  readonly certificates: number;
  /** Files and directories that gave certificates. */
  readonly from: readonly string[];
  /** Places looked at, in order. */
  readonly lookedAt: readonly string[];
}

/** Thrown by a prober that has only what was seen before, for a question that was not asked then. The message completes "unknown: …". */
export class Unanswered extends Error {}

/** Every way to touch the outside world. Each question is asked once a run; a second asker gets the same answer. */
export interface Prober {
  dns(question: DnsQuestion): Promise<DnsObservation>;
  nameserver(question: NameserverQuestion): Promise<NameserverObservation>;
  resolver(): Promise<ResolverSeen>;
  tcp(question: TcpQuestion): Promise<TcpObservation>;
  /** Connects to a unix socket and closes. */
  socket(question: SocketQuestion): Promise<TcpObservation>;
  http(request: HttpRequest): Promise<HttpObservation>;
  /** One dialogue with a database server; with `login`, one complete login and reading queries. Nothing is written. */
  database(question: DatabaseQuestion): Promise<DatabaseObservation>;
  file(path: string): Promise<FileObservation>;
  /** What is there, without reading it. */
  path(path: string): Promise<PathObservation>;
  folder(path: string): Promise<FolderObservation>;
  /** The end of a file that may be large: a log. */
  tail(path: string): Promise<TailObservation>;
  /** Asks this system's manager of services; starts and stops nothing. */
  service(name: string): Promise<ServiceObservation>;
  /** @param unit with its ending: `crowdsec.service`. */
  journal(unit: string): Promise<JournalObservation>;
  command(question: CommandQuestion): Promise<CommandObservation>;
  /** Every listening TCP socket of this network namespace. */
  listeners(): Promise<ListenersObservation>;
  /** Listens there and stops at once. Never where CrowdSec might start at this moment: it would find the address taken. */
  bind(question: BindQuestion): Promise<BindObservation>;
  memory(): Promise<MemoryObservation>;
  /** Talks to a listener, as long as `idleMs` and more; never remembered. */
  peer(question: PeerQuestion): Promise<PeerObservation>;
  /** Processes whose executable's base name is `name`. */
  processes(name: string): Promise<readonly ProcessSeen[]>;
  /** The addresses of this host's own interfaces, loopback included. */
  interfaces(): Promise<readonly Address[]>;
  environment(pid: number): Promise<EnvironmentObservation>;
  build(path: string): Promise<BuildObservation>;
  namespace(): Promise<NamespaceSeen>;
  /** @param store SSL_CERT_FILE and SSL_CERT_DIR; without them, where Go looks by itself. */
  trustStore(store: CaStore): Promise<TrustStoreObservation>;
}
