import { hostname } from "node:os";
import { basename } from "node:path";
import { FINGERPRINT_PATH, isLocalApi } from "../../checks/index.ts";
import { exitCodeOfSignal, type Interruption } from "../exit-code.ts";
import { type OwnAddresses, ownAddresses } from "../listen/addresses.ts";
import { type Identity, type PemFile, readIdentity, throwAway } from "../listen/certificate.ts";
import { newToken } from "../listen/handshake.ts";
import { type Event, type NotOpened, type OpenListener, openListener } from "../listen/listener.ts";
import { distinct } from "../listen/peers.ts";
import { clockTime, type Ended, type ListenReport, lineOf, peerReport, table } from "../listen/table.ts";
import { isLoopbackIp, parseIp } from "../model/address.ts";
import { describeListener } from "../model/listener.ts";
import type { FailureCode, Listener, Prober, ProcessSeen } from "../model/observation.ts";
import type { Secret } from "../model/secret.ts";
import { printable, printableDeep, wrap } from "../model/text.ts";
import { ANYBODY } from "../model/trust.ts";
import { bracketed, dialable, isWildcard } from "../model/url.ts";
import { createProber } from "../probes/index.ts";
import { catchInterrupts, type Interrupts, type Tool } from "./session.ts";
import { type Streams, wantsColor, write } from "./streams.ts";
import { TOKEN_VARIABLE } from "./token.ts";
import { UsageError } from "./usage-error.ts";

export interface ListenOptions {
  readonly ports: readonly number[];
  /** Without it every address of this host. */
  readonly address?: string;
  readonly ttlMs: number;
  /** Host names or addresses of those who are to come. */
  readonly expected: readonly string[];
  /** Without it a new one. */
  readonly token?: Secret;
  readonly tls?: "throw-away" | { readonly certFile: string; readonly keyFile: string };
  readonly output: "pretty" | "json";
  readonly color?: boolean;
  readonly ascii: boolean;
}

/** Somebody who was expected did not come, or did not finish. */
const EXIT_MISSING = 2;

/** Whoever is asked before the start has this long for each phase, milliseconds. */
const ASK_MS = 2000;

const DEFAULT_COLUMNS = 100;

/** Resolves to the signal that ends it. */
const interrupted = ({ signal, interruption }: Interrupts): Promise<Interruption> =>
  new Promise((resolve) => {
    const tell = (): void => {
      const name = interruption();
      if (name !== undefined) resolve(name);
    };
    signal.addEventListener("abort", tell, { once: true });
    tell();
  });

const placeOf = (host: string, port: number): string => `${bracketed(host)}:${port}`;

const isLoopback = (address: string): boolean => {
  const ip = parseIp(address);
  return ip !== undefined && isLoopbackIp(ip);
};

/** Where a Local API answers on one of these ports: at what listens there, or at this host's own address, behind which a container can be. */
const findLocalApi = async (
  probe: Prober,
  ports: readonly number[],
  listeners: readonly Listener[],
  [likeliest]: readonly string[],
): Promise<{ readonly host: string; readonly port: number; readonly scheme: "http" | "https" } | undefined> => {
  const places = ports.flatMap((port) => {
    const held = listeners.filter((listener) => listener.port === port).map(({ address }) => dialable(address));
    return [...new Set([...held, ...(likeliest === undefined ? [] : [likeliest])])].map((host) => ({ host, port }));
  });
  const asked = places.flatMap((place) => (["http", "https"] as const).map((scheme) => ({ ...place, scheme })));
  const answers = await Promise.all(
    asked.map(async (one) => {
      const url = `${one.scheme}://${placeOf(one.host, one.port)}/${FINGERPRINT_PATH}`;
      const saw = await probe.http({ url, address: one.host, ...(one.scheme === "https" && { trust: ANYBODY }) });
      return saw.ok && isLocalApi(saw) ? one : undefined;
    }),
  );
  return answers.find((one) => one !== undefined);
};

/** Refuses where a Local API answers already: the peers would talk to that one. */
const refuseLocalApi = async (
  { ports }: ListenOptions,
  probe: Prober,
  listeners: readonly Listener[],
  addresses: readonly string[],
): Promise<void> => {
  const found = await findLocalApi(probe, ports, listeners, addresses);
  if (found === undefined) return;
  const { host, port, scheme } = found;
  const holders = listeners.filter((listener) => listener.port === port);
  const isHidden = holders.length > 0 && holders.every(({ address }) => isLoopback(address));
  const url = `${scheme}://${placeOf(addresses[0] ?? host, port)}`;
  throw new UsageError(
    `the Local API of this host answers on ${placeOf(host, port)}: there is nothing to stand in for; on the other hosts run crowdsec-preflight --role agent --lapi-url ${url}${
      isHidden ? " (now it listens on loopback only, where no other host reaches it: listen_uri in config.yaml)" : ""
    }.`,
  );
};

/** fe80::/10, with or without a zone behind it. */
const LINK_LOCAL = /^fe[89ab][\da-f]:/i;

/** Each host has a zone's name of its own, and no URL of CrowdSec's holds one. */
const refuseLinkLocal = (address: string): void => {
  if (!LINK_LOCAL.test(address) && !address.includes("%")) return;
  throw new UsageError(
    `--address ${address} is of one link only, and other hosts could not name it in a URL: take another address of this host, or leave --address out.`,
  );
};

/** Whether it is this program with this command. */
const isListening = ({ argv }: ProcessSeen): boolean =>
  argv.includes("listen") && argv.some((word) => basename(word).startsWith("crowdsec-preflight"));

/** Why a port could not be opened, in one sentence. */
const refusalOf = (
  { port, errno, message }: NotOpened,
  address: string | undefined,
  listeners: readonly Listener[],
  /** Other processes of this command. */
  others: readonly ProcessSeen[],
): string => {
  const place = address === undefined ? `port ${port}` : placeOf(address, port);
  switch (errno) {
    case "EADDRINUSE": {
      const holders = listeners.filter((listener) => listener.port === port);
      const whose =
        holders.length === 0 ? "another socket" : holders.map((holder) => describeListener(holder)).join("; ");
      // Where the token was an argument, the program's own name is all that is left of them.
      const isOurs = holders.some(
        ({ owner }) => owner?.name === "crowdsec-preflight" || others.some(({ pid }) => pid === owner?.pid),
      );
      return `${place} is held by ${whose}${isOurs ? ": a crowdsec-preflight listen that seems to run already" : ""}; stop that, or listen elsewhere with --port.`;
    }
    case "EADDRNOTAVAIL":
      return `--address ${address} is no address of this host.`;
    case "EACCES":
    case "EPERM":
      return `${place} may not be opened by this user: run as root, or take a port above 1023 with --port.`;
    default:
      return `${place} cannot be opened: ${message}.`;
  }
};

/** By which addresses others reach what was opened. */
const advertised = ({ address }: ListenOptions, { reachable }: OwnAddresses): readonly string[] => {
  if (address !== undefined && !isWildcard(address)) return [address];
  const fit = address === "0.0.0.0" ? reachable.filter((one) => !one.includes(":")) : reachable;
  return fit.length > 0 ? fit : ["127.0.0.1"];
};

/** Why a file was not read, by its code. */
const UNREAD: Readonly<Partial<Record<FailureCode, string>>> = {
  "file-missing": "there is no such file",
  "file-denied": "this user may not read it",
  "file-large": "it is larger than 1 MiB, and no PEM file is",
  "file-binary": "it is no text, as a PEM file is (-----BEGIN)",
};

/** A device or a pipe is refused: reading it might not end. */
const readPem = async (flag: string, path: string, probe: Prober): Promise<PemFile> => {
  const saw = await probe.file(path);
  if (!saw.ok) throw new UsageError(`${flag} ${path} cannot be read: ${UNREAD[saw.code] ?? saw.message}.`);
  return { path, content: saw.content };
};

const identityOf = async (
  { tls, ttlMs, address }: ListenOptions,
  { all }: OwnAddresses,
  probe: Prober,
): Promise<Identity | undefined> => {
  if (tls === undefined) return undefined;
  if (tls === "throw-away") return throwAway([hostname()], address === undefined ? all : [...all, address], ttlMs);
  const cert = await readPem("--cert", tls.certFile, probe);
  const identity = readIdentity(cert, await readPem("--key", tls.keyFile, probe));
  if ("problem" in identity) throw new UsageError(identity.problem);
  return identity;
};

const minutes = (ms: number): string => (ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1000} s`);

/** What to run on the other hosts. A token that was given is not repeated: whoever gave it has it. */
const invitation = (
  options: ListenOptions,
  token: Secret,
  addresses: readonly string[],
  { listening }: OpenListener,
  width: number,
): string => {
  const { tls, ttlMs, expected } = options;
  const [likeliest = "127.0.0.1", ...others] = addresses;
  const peers = listening.map(({ port }) => {
    const word = `${tls === undefined ? "" : "https://"}${placeOf(likeliest, port)}`;
    // Brackets mean something to some shells.
    return `--peer ${word.includes("[") ? `'${word}'` : word}`;
  });
  const command = `crowdsec-preflight check ${peers.join(" ")}`;
  const ports = listening.map(({ port }) => port).join(" and ");
  const where = options.address === undefined ? "every address of this host" : options.address;
  const until = clockTime(new Date(Date.now() + ttlMs));
  const isNew = options.token === undefined;
  const paragraph = (text: string): string => wrap(text, width).join("\n");
  return [
    paragraph(
      `Listening on port ${ports} of ${where}${tls === undefined ? "" : ", with TLS"}, until ${until} (${minutes(ttlMs)}).`,
    ),
    "",
    isNew
      ? paragraph("On each other host run this line; the blank in front keeps it out of the history of most shells:")
      : paragraph(`On each other host, with the same token in ${TOKEN_VARIABLE} or by --token-file FILE, run:`),
    "",
    isNew ? ` ${TOKEN_VARIABLE}=${token.reveal()} ${command}` : ` ${command}`,
    "",
    ...(isNew
      ? [
          paragraph(
            "sudo drops the variable: there, put the token into a file and add --token-file FILE to the command.",
          ),
        ]
      : []),
    ...(others.length > 0
      ? [
          paragraph(
            `In place of ${likeliest} another address of this host can stand: ${others.map(bracketed).join(", ")}.`,
          ),
        ]
      : []),
    ...(expected.length > 0
      ? [
          paragraph(
            `Expected: ${distinct(expected)
              .map((name) => printable(name))
              .join(", ")}.`,
          ),
        ]
      : []),
    "",
  ].join("\n");
};

/** Lines about strangers in all; and how often what has come since is told, milliseconds. */
const MAX_STRANGE_LINES = 200;
const STRANGERS_MS = 30_000;

/** Tells on stderr who comes, as it happens; strangers at first, then from time to time. */
const createLog = (
  stderr: Streams["stderr"],
): { readonly observe: (event: Event) => void; readonly stop: () => void } => {
  let strange = 0;
  const since = new Map<string, Event>();
  const tell = (event: Event): void => {
    // Whether anybody reads it changes nothing.
    write(stderr, `${clockTime(new Date())} ${printable(lineOf(event), 500)}\n`).catch(() => {});
  };
  const tellStranger = (event: Event): void => {
    strange += 1;
    if (strange <= MAX_STRANGE_LINES) tell(event);
  };
  const timer = setInterval(() => {
    for (const event of since.values()) tellStranger(event);
    since.clear();
  }, STRANGERS_MS).unref();
  return {
    observe: (event) => {
      if (event.kind !== "stranger") return tell(event);
      const { stranger, as } = event;
      if (stranger.kinds[as] === 1) tellStranger(event);
      else since.set(stranger.address, event);
    },
    stop: () => clearInterval(timer),
  };
};

/** Stands in for a Local API to come, until all have come, the time is up, or somebody ends it. Returns the exit code. */
export const listen = async (options: ListenOptions, tool: Tool, streams: Streams): Promise<number> => {
  const { stdout, stderr, environment } = streams;
  const { ports, address, expected, ttlMs, output } = options;
  const interrupts = catchInterrupts();
  const over = new AbortController();
  const log = createLog(stderr);
  let timer: NodeJS.Timeout | undefined;
  let opened: OpenListener | undefined;
  try {
    if (address !== undefined) refuseLinkLocal(address);
    const own = await ownAddresses();
    const addresses = advertised(options, own);
    const probe = createProber({
      signal: AbortSignal.any([interrupts.signal, over.signal]),
      timeoutMs: ASK_MS,
      platform: process.platform,
      userAgent: `${tool.name}/${tool.version}`,
    });
    const identity = await identityOf(options, own, probe);
    const saw = await probe.listeners();
    const listeners = saw.ok ? saw.listeners : [];
    await refuseLocalApi(options, probe, listeners, addresses);
    const token = options.token ?? newToken();
    const listener = await openListener({
      ports,
      ...(address !== undefined && { address }),
      token,
      ...(identity && { tls: identity }),
      expected,
      observe: log.observe,
    });
    if ("ok" in listener) {
      const programs = await probe.processes(basename(process.execPath));
      throw new UsageError(refusalOf(listener, address, listeners, programs.filter(isListening)));
    }
    opened = listener;
    const startedAt = new Date();
    const isPretty = output === "pretty";
    const width = stdout.columns || DEFAULT_COLUMNS;
    await write(isPretty ? stdout : stderr, `${invitation(options, token, addresses, listener, width)}\n`);
    const { ended, signal } = await Promise.race([
      listener.allCame.then(() => ({ ended: "all-came" as const, signal: undefined })),
      interrupted(interrupts).then((name) => ({ ended: "interrupted" as const, signal: name })),
      new Promise<{ ended: Ended; signal: undefined }>((resolve) => {
        timer = setTimeout(() => resolve({ ended: "ttl", signal: undefined }), ttlMs);
      }),
    ]);
    const missing = listener.missing();
    const exitCode = signal ? exitCodeOfSignal(signal) : missing.length > 0 ? EXIT_MISSING : 0;
    await listener.close();
    log.stop();
    const report: ListenReport = printableDeep({
      schemaVersion: "1.0",
      tool,
      startedAt: startedAt.toISOString(),
      endedAt: new Date().toISOString(),
      ended,
      exitCode,
      ...(identity && { tls: { fingerprint: identity.fingerprint, given: identity.given } }),
      listening: listener.listening,
      peers: listener.peers().map(peerReport),
      missing,
      strangers: listener.strangers(),
    });
    const style = { color: wantsColor(options.color, stdout, environment), ascii: options.ascii, width };
    await write(stdout, isPretty ? table(report, style) : `${JSON.stringify(report, null, 2)}\n`);
    return exitCode;
  } finally {
    clearTimeout(timer);
    log.stop();
    interrupts.release();
    // Sockets that are still open must not hold the process.
    over.abort();
    await opened?.close();
  }
};
