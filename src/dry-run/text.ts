import { shellQuote } from "../model/remedy.ts";
import { counted, wrap } from "../model/text.ts";
import { bracketed } from "../model/url.ts";
import type { More } from "./more.ts";
import { connectionsOf } from "./plan.ts";
import type { Plan, PlannedDestination, PlannedDialogue, PlannedFile, PlannedRequest } from "./shape.ts";

const NARROWEST = 40;
const INDENT = "  ";
const FURTHER = "      ";

/** A line, in as many as it takes. */
const lines = (text: string, width: number, indent = INDENT, further = FURTHER): readonly string[] =>
  wrap(text, width - further.length, width - indent.length).map(
    (line, index) => `${index === 0 ? indent : further}${line}`,
  );

const section = (title: string, rows: readonly string[]): readonly string[] =>
  rows.length === 0 ? [] : ["", title, ...rows];

const once = (count: number): string => (count === 1 ? "once" : count === 2 ? "twice" : `${count} times`);

const SHOWN = {
  key: "with the bouncer's key",
  login: "with the machine's login",
  proxy: "with the proxy's login",
} as const;

const requestWords = ({ method, path, through, tls, times, shows, when }: PlannedRequest): string => {
  const whom = through === undefined ? "" : ` for ${through}`;
  const how = [tls ? "over TLS" : "", ...shows.map((one) => SHOWN[one])].filter((word) => word !== "");
  const condition = when === undefined ? "" : `, if ${when}`;
  return `${method} ${path}${whom} ${[once(times), ...how].join(", ")}${condition}`;
};

const dialogueWords = ({ protocol, user, tls, times }: PlannedDialogue): string => {
  if (protocol === "listener")
    return `a listener's conversation ${once(times)}${tls === "disable" ? "" : ", over TLS"}`;
  return user === undefined
    ? `${protocol} asked who it is ${once(times)}`
    : `${protocol} login as ${user} ${once(times)} (TLS: ${tls}), reading only`;
};

const placeOf = ({ host, port, names = [] }: PlannedDestination): string => {
  const place = port === undefined ? host : `tcp/${port} ${bracketed(host)}`;
  return names.length > 0 ? `${place} (${names.join(", ")} in /etc/hosts)` : place;
};

/** Of a name, to each address that it has. */
const destinationWords = (destination: PlannedDestination): readonly string[] => {
  const { connects, requests, dialogues } = destination;
  return [
    ...(connects > 0 ? [`connected to and closed again ${once(connects)}`] : []),
    ...requests.map(requestWords),
    ...dialogues.map(dialogueWords),
  ];
};

const forWhom = (askers: readonly string[]): string => `for ${askers.join(", ")}`;

const HOW: Readonly<Record<PlannedFile["how"], string>> = {
  read: "Read",
  end: "Read, the end of it",
  listed: "Listed",
  "looked-at": "Looked at, not read",
};

const fileSections = (files: readonly PlannedFile[], width: number): readonly string[] => {
  const hows = Object.keys(HOW) as readonly PlannedFile["how"][];
  const here = hows.flatMap((how) => {
    const some = files.filter((file) => file.how === how && file.there !== false);
    return some.length === 0
      ? []
      : [
          `${INDENT}${HOW[how]}:`,
          ...some.map(({ path, done }) => `${INDENT}${INDENT}${path}${done ? "" : " (by the run only)"}`),
        ];
  });
  const gone = files.filter(({ there }) => there === false).map(({ path }) => path);
  const missing =
    gone.length > 0 ? lines(`Looked for, and not there or not for this user: ${gone.join(", ")}`, width) : [];
  return [...here, ...missing];
};

export interface Words {
  /** Columns. */
  readonly width: number;
  /** Whose host, as what it is looked at. */
  readonly host: string;
}

/** One line: what the run comes to. */
export const sumsOf = ({ sums, writes }: Plan): string =>
  [
    `${counted(sums.names, "name")} (${counted(sums.questions, "question")})`,
    counted(sums.destinations, "place"),
    `${counted(sums.connections, "connection")}, ${sums.handshakes} with TLS`,
    counted(sums.requests, "request"),
    counted(sums.logins, "login"),
    counted(sums.commands, "command"),
    counted(sums.files, "file"),
    `${writes.length} written`,
  ].join("; ");

/** For people: what a run would touch, by kind; what more, when something fails; and the sums. */
export const text = (plan: Plan, more: readonly More[], { width: terminal, host }: Words): string => {
  const width = Math.max(terminal, NARROWEST);
  const row = (words: string): readonly string[] => lines(words, width);
  const { names, nameservers, destinations, commands, binds, files, kernel, writes } = plan;
  return [
    ...lines(`What a run would touch ${host}, when all goes well. Nothing was sent.`, width, "", ""),
    ...section("Names", [
      ...names.flatMap(({ name, by, candidates = [], types = [] }) => {
        const asked = candidates.length > 1 ? ` as ${candidates.join(", then ")}` : "";
        return row(by === "hosts" ? `${name}: in /etc/hosts` : `${name}: ${types.join(" and ")}${asked}`);
      }),
      ...nameservers.flatMap(({ server, port, questions }) =>
        row(`at nameserver ${server}, udp/${port}: ${counted(questions, "question")}`),
      ),
    ]),
    ...section(
      "Connections",
      destinations.flatMap((one) => [
        ...row(`${placeOf(one)}: ${counted(connectionsOf(one), "connection")}`),
        ...destinationWords(one).flatMap((words) => lines(words, width, FURTHER)),
        ...lines(forWhom(one.for), width, FURTHER),
      ]),
    ),
    ...section(
      "Listened on for a moment",
      binds.flatMap(({ address, port }) => row(`tcp/${port} ${address}`)),
    ),
    ...section(
      "Commands",
      commands.flatMap(({ argv, copies, times, ran }) => {
        const given = copies.length > 0 ? ` (on copies: ${copies.join(", ")})` : "";
        const now = ran ? "" : "; not run now";
        return row(`${argv.map(shellQuote).join(" ")}${given}${times > 1 ? `, ${once(times)}` : ""}${now}`);
      }),
    ),
    ...section("Files", fileSections(files, width)),
    ...section("Of the kernel", kernel.flatMap(row)),
    ...section(
      "Written",
      writes.flatMap(({ path, why }) => row(`${path}: ${why}`)),
    ),
    ...section(
      "More, when something fails",
      more.flatMap(({ when, what }) => row(`When ${when}: ${what}.`)),
    ),
    "",
    ...lines(`${sumsOf(plan)}.`, width, "", INDENT),
    "",
  ].join("\n");
};
