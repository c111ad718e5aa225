import { styleText } from "node:util";
import type { SocketEnd } from "../model/observation.ts";
import { counted, duration, wrap } from "../model/text.ts";
import { bracketed } from "../model/url.ts";
import type { Event } from "./listener.ts";
import type { Came, Missing, Silence } from "./peers.ts";
import { OTHERS, type Strangeness, type Stranger } from "./strangers.ts";

/** Why a listener has ended. */
export type Ended = "all-came" | "ttl" | "interrupted";

/** What a listener has to tell at its end; docs/listen.md describes it. */
export interface ListenReport {
  readonly schemaVersion: "1.0";
  readonly tool: { readonly name: string; readonly version: string };
  readonly startedAt: string;
  readonly endedAt: string;
  readonly ended: Ended;
  readonly exitCode: number;
  readonly tls?: { readonly fingerprint: string; readonly given: boolean };
  readonly listening: readonly SocketEnd[];
  readonly peers: readonly PeerReport[];
  readonly missing: readonly Missing[];
  readonly strangers: readonly Stranger[];
}

export interface PeerReport {
  readonly name: string;
  /** Its end of the connection, as this host's kernel has it; and this host's. */
  readonly seen: SocketEnd;
  readonly at: SocketEnd;
  readonly expected?: string;
  readonly provedAt: string;
  /** Left out when it did not finish. */
  readonly finishedAt?: string;
  /** Of its large message, and of the answer; `arrived`: the peer went on speaking, so it had that. */
  readonly bytes: { readonly received: number; readonly sent: number; readonly arrived: boolean };
  readonly silence?: Silence;
  readonly complaints: readonly string[];
  readonly refused: number;
}

export const peerReport = ({
  provedAt,
  finishedAt,
  received,
  sent,
  answered,
  idle,
  complaints,
  refused,
  ...who
}: Came): PeerReport => ({
  ...who,
  provedAt: provedAt.toISOString(),
  ...(finishedAt && { finishedAt: finishedAt.toISOString() }),
  bytes: { received, sent, arrived: answered },
  ...(idle && { silence: idle }),
  complaints,
  refused,
});

/** What a stranger's connection was, in words that stand behind a number of connections. */
const STRANGE: Readonly<Record<Strangeness, string>> = {
  silent: "said nothing",
  slow: "took too long",
  garbage: "spoke no HTTP, or broke TLS off",
  "spoke-tls": "spoke TLS, which this listener does not",
  "spoke-no-tls": "spoke no TLS, which this listener does",
  "other-request": "asked for something else",
  "left-after-hello": "said hello and left",
  stalled: "began the large message and did not end it: large packets get lost on the way",
  "wrong-token": "had another token",
  replayed: "repeated what another had said",
  "too-many": "too many at once",
};

/** RFC 3339 without the date. */
export const clockTime = (at: Date | string): string => `${new Date(at).toISOString().slice(11, 19)}Z`;

const calledItself = (names: readonly string[]): string =>
  names.length === 0 ? "" : `, which called itself ${names.map((name) => `"${name}"`).join(", ")}`;

const whoIs = ({ address, names }: Stranger): string =>
  address === OTHERS ? "other addresses" : `${address}${calledItself(names)}`;

const peerOf = ({ name, seen }: Pick<Came, "name" | "seen">): string => `${name} (${seen.address})`;
const onPort = ({ at }: Pick<Came, "at">): string => `port ${at.port}`;

const silenceOf = ({ askedMs, heldMs, end, arrived }: Silence): string => {
  if (end === "ended") return `ended here, after ${duration(heldMs)} of ${duration(askedMs)}`;
  if (end !== "answered") return `cut after ${duration(heldMs)} of ${duration(askedMs)} (${end})`;
  return arrived ? `held ${duration(heldMs)}` : `${duration(heldMs)}, and the answer did not arrive`;
};

const complain = (complaints: readonly string[]): string =>
  complaints.length === 0 ? "no complaints" : `complains of ${complaints.join(", ")}`;

/** One event in one line, for the log. */
export const lineOf = (event: Event): string => {
  switch (event.kind) {
    case "proved": {
      const { peer } = event;
      const from = `from port ${peer.seen.port} to ${bracketed(peer.at.address)}:${peer.at.port}`;
      return `${peerOf(peer)} knows the token; ${from}`;
    }
    case "silence":
      return `${peerOf(event.peer)}: ${duration(event.ms)} of silence on ${onPort(event.peer)}`;
    case "finished":
      return `${peerOf(event.peer)} has finished on ${onPort(event.peer)}: ${complain(event.peer.complaints)}`;
    case "broken": {
      const { peer } = event;
      const when = peer.idle ? `; silence: ${silenceOf(peer.idle)}` : "";
      return `${peerOf(peer)} has gone from ${onPort(peer)} before its end${when}`;
    }
    case "refused": {
      const { earlier } = event;
      const why = earlier
        ? `${peerOf(earlier)} ${earlier.finishedAt ? "has used it" : "is using it"} since ${clockTime(earlier.provedAt)}`
        : "there is no room for more peers";
      return `${event.peer} (${event.from.address}) is refused: ${why}`;
    }
    case "stranger": {
      const { stranger, as } = event;
      const told = stranger.kinds[as] === 1 ? STRANGE[as] : `${stranger.connections} connections that were no peer's`;
      return `${whoIs(stranger)}: ${told}`;
    }
  }
};

export interface TableStyle {
  readonly color: boolean;
  readonly ascii: boolean;
  /** Columns. */
  readonly width: number;
}

type Mark = "good" | "warn" | "bad";
const MARKS = {
  good: { symbol: "✓", ascii: "+", color: "green" },
  warn: { symbol: "!", ascii: "!", color: "yellow" },
  bad: { symbol: "✗", ascii: "x", color: "red" },
} as const;

const markOf = ({ finishedAt, complaints }: PeerReport): Mark => {
  if (finishedAt === undefined) return "bad";
  return complaints.length > 0 ? "warn" : "good";
};

const kib = (bytes: number): string => `${Math.round(bytes / 1024)} KiB`;

/** What each way carried: the same large message, in envelopes of a size of their own. */
const carried = ({ bytes: { received, sent, arrived } }: PeerReport): string =>
  arrived ? `${kib(Math.min(received, sent))} each way` : `${kib(received)} there, nothing back so far known`;

const ENDED: Readonly<Record<Ended, string>> = {
  "all-came": "everybody who was expected has come",
  ttl: "the time is up",
  interrupted: "interrupted",
};

const NARROWEST = 40;

/** Who reached this host, who was expected and never came, and strangers. */
export const table = (report: ListenReport, { color, ascii, width }: TableStyle): string => {
  const { peers, missing, strangers, ended, endedAt, listening } = report;
  const columns = Math.max(width, NARROWEST);
  const paint = (mark: Mark, text: string): string =>
    color ? styleText(MARKS[mark].color, text, { validateStream: false }) : text;
  const badge = (mark: Mark): string => paint(mark, MARKS[mark][ascii ? "ascii" : "symbol"]);
  const marked = (mark: Mark, text: string): string[] =>
    wrap(ascii ? text.replaceAll("…", "...") : text, columns - 2).map(
      (line, index) => `${index === 0 ? badge(mark) : " "} ${line}`,
    );

  const several = listening.length > 1;
  const header = ["PEER", "SEEN AS", ...(several ? ["PORT"] : []), "AT", "CARRIED", "SILENCE"];
  const rows = peers.map((peer) => [
    peer.name,
    peer.seen.address,
    ...(several ? [String(peer.at.port)] : []),
    clockTime(peer.provedAt),
    carried(peer),
    peer.silence ? silenceOf(peer.silence) : "none",
  ]);
  const widths = header.map((title, index) => Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const aligned = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd();
  const fits = 2 + widths.reduce((sum, one) => sum + one + 2, -2) <= columns;
  const remarks = (peer: PeerReport): readonly string[] => [
    ...(peer.finishedAt === undefined ? ["did not finish"] : []),
    ...(peer.complaints.length > 0 ? [complain(peer.complaints)] : []),
    ...(report.missing.length + peers.filter(({ expected }) => expected !== undefined).length > 0 &&
    peer.expected === undefined
      ? ["not expected"]
      : []),
    ...(peer.refused > 0 ? [`its name came again and was refused, ${counted(peer.refused, "time")}`] : []),
  ];
  const listed = peers.flatMap((peer, index) => {
    const mark = markOf(peer);
    const told = remarks(peer);
    const row = rows[index] ?? [];
    if (!fits) {
      const where = several ? `, ${onPort(peer)}` : "";
      const [silence, bytes] = [...row].reverse();
      const said = `${peerOf(peer)}${where}, ${clockTime(peer.provedAt)}: ${bytes}; silence: ${silence}`;
      return marked(mark, [said, ...told].join("; "));
    }
    const more = told.length > 0 ? wrap(told.join("; "), columns - 4).map((line) => `    ${line}`) : [];
    return [`${badge(mark)} ${aligned(row)}`, ...more];
  });
  const whichPorts = (ports: readonly number[]): string => (several ? `, on port ${ports.join(", ")}` : "");
  const absent = missing.map(({ expected, ports, begun }) =>
    begun ? `${expected} came and did not finish${whichPorts(ports)}` : `${expected} never came${whichPorts(ports)}`,
  );
  const strange = strangers.map((stranger) => {
    const kinds = Object.entries(stranger.kinds) as [Strangeness, number][];
    const told =
      kinds.length === 1
        ? STRANGE[kinds[0]?.[0] ?? "garbage"]
        : kinds.map(([kind, count]) => `${STRANGE[kind]} (${count})`).join("; ");
    return `${whoIs(stranger)}: ${counted(stranger.connections, "connection")}: ${told}`;
  });
  return [
    `Ended at ${clockTime(endedAt)}: ${ENDED[ended]}.`,
    "",
    ...(peers.length === 0 ? ["Nobody with the token came."] : []),
    ...(peers.length > 0 && fits ? [`  ${aligned(header)}`] : []),
    ...listed,
    ...(absent.length > 0 ? ["", ...absent.flatMap((line) => marked("bad", line))] : []),
    ...(strange.length > 0
      ? ["", "No peers:", ...strange.flatMap((line) => wrap(line, columns - 2).map((part) => `  ${part}`))]
      : []),
    "",
  ].join("\n");
};
