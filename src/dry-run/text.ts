import { shellQuote } from "../model/remedy.ts";
import { counted, wrap } from "../model/text.ts";
import { bracketed } from "../model/url.ts";
import type { More } from "./more.ts";
import { DEPLOYMENT } from "./note.ts";
import { connectionsOf } from "./plan.ts";
import type {
  Logins,
  Plan,
  PlannedCommand,
  PlannedDestination,
  PlannedDialogue,
  PlannedFile,
  PlannedRequest,
} from "./shape.ts";

const NARROWEST = 40;
const INDENT = "  ";
const FURTHER = "      ";

/** A line, in as many as it takes. */
const lines = (text: string, width: number, indent = INDENT, further = FURTHER): readonly string[] =>
  wrap(text, width - further.length, width - indent.length).map(
    (line, index) => `${index === 0 ? indent : further}${line}`,
  );

/** The same of paths: what is longer than a line goes on in the next, after a slash where there is one. */
const pathLines = (text: string, width: number, indent = INDENT): readonly string[] => {
  const further = `${indent}${INDENT}${INDENT}`;
  const fitted = (line: string): readonly string[] => {
    if (line.length <= width) return [line];
    const slash = line.lastIndexOf("/", width - 1) + 1;
    const at = slash > further.length + 1 ? slash : width;
    return [line.slice(0, at), ...fitted(`${further}${line.slice(at)}`)];
  };
  return lines(text, width, indent, further).flatMap(fitted);
};

const section = (title: string, rows: readonly string[]): readonly string[] =>
  rows.length === 0 ? [] : ["", title, ...rows];

const once = (count: number): string => (count === 1 ? "once" : count === 2 ? "twice" : `${count} times`);

const SHOWN = {
  key: "with the bouncer's key",
  login: "with the machine's login",
  proxy: "with the proxy's login",
} as const;

const MADE_UP = "for a machine that cannot exist: it is answered 401, and leaves a line in the Local API's log";

const requestWords = ({ method, path, through, tls, times, shows, mustFail, when }: PlannedRequest): string => {
  const whom = through === undefined ? "" : ` for ${through}`;
  const how = [tls ? "over TLS" : "", ...shows.map((one) => SHOWN[one])].filter((word) => word !== "");
  const condition = when === undefined ? "" : `, if ${when}`;
  const madeUp = mustFail ? `, ${MADE_UP}` : "";
  return `${method} ${path}${whom} ${[once(times), ...how].join(", ")}${madeUp}${condition}`;
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

/** Of how many checks a row names each. */
const FEW = 3;
const HERE = "finding out what is here";

/** For which checks; `full`: all of them, however many. */
const forWhom = (askers: readonly string[], full: boolean): string => {
  const ids = askers.filter((asker) => asker !== DEPLOYMENT).sort();
  const named = [...(ids.length < askers.length ? [HERE] : []), ...ids];
  const left = named.length - FEW;
  return full || left <= 1 ? `for ${named.join(", ")}` : `for ${named.slice(0, FEW).join(", ")} and ${left} more`;
};

const HOW: Readonly<Record<PlannedFile["how"], string>> = {
  read: "read",
  end: "read, the end of it",
  listed: "listed",
  "looked-at": "looked at, not read",
};

/** The same rows of everything that has the same key, in the order of the first of each. */
const groups = <T>(all: readonly T[], keyOf: (one: T) => string): readonly (readonly T[])[] => {
  const found = new Map<string, T[]>();
  for (const one of all) found.set(keyOf(one), [...(found.get(keyOf(one)) ?? []), one]);
  return [...found.values()];
};

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/")) || "/";
const pathWords = ({ path, done }: PlannedFile): string => `${path}${done ? "" : " (by the run only)"}`;

/** Paths in one line: of a folder with many, how many. */
const inShort = (files: readonly PlannedFile[]): string =>
  groups(files, ({ path, done }) => `${done} ${folderOf(path)}`)
    .flatMap((some) => {
      const [first] = some;
      if (first === undefined || some.length <= FEW) return some.map(pathWords);
      const folder = folderOf(first.path);
      const kind = first.how === "listed" ? "folder" : folder.endsWith("/systemd/system") ? "unit" : "file";
      return [`${counted(some.length, kind)} in ${pathWords({ ...first, path: folder })}`];
    })
    .join(", ");

/** Those that the same checks want, together. */
const fileRows = (files: readonly PlannedFile[], width: number, full: boolean): readonly string[] => {
  const row = (words: string): readonly string[] => pathLines(words, width, `${INDENT}${INDENT}`);
  const hows = Object.keys(HOW) as readonly PlannedFile["how"][];
  return groups(files, (file) => [...file.for].sort().join()).flatMap((block) => {
    const here = hows.flatMap((how) => {
      const some = block.filter((file) => file.how === how && file.there !== false);
      if (some.length === 0) return [];
      return full
        ? [...row(`${HOW[how]}:`), ...some.flatMap((file) => pathLines(pathWords(file), width, FURTHER))]
        : row(`${HOW[how]}: ${inShort(some)}`);
    });
    const gone = block.filter(({ there }) => there === false).map(({ path }) => path);
    const named = full || gone.length <= FEW;
    const paths = named ? gone.join(", ") : `${gone.length} (-v names them)`;
    return [
      ...lines(`${forWhom(block[0]?.for ?? [], full)}:`, width),
      ...here,
      ...(gone.length > 0 ? row(`looked for, and not there or not for this user: ${paths}`) : []),
    ];
  });
};

export interface Words {
  /** Columns. */
  readonly width: number;
  /** Whose host, as what it is looked at. */
  readonly host: string;
  /** Everything by its name, and for whom: `-v`. */
  readonly full: boolean;
}

const LOGINS: Readonly<Record<keyof Logins, (count: number) => string>> = {
  mustFail: (count) => `${counted(count, "login")} at the Local API that must fail`,
  machine: (count) => `${counted(count, "login")} at the Local API as this machine`,
  key: (count) => `${counted(count, "request")} with the bouncer's key`,
  proxy: (count) => `${counted(count, "request")} with the proxy's login`,
  database: (count) => `${counted(count, "database login")}`,
};
const SHOWN_AS = { key: "key", login: "machine", proxy: "proxy" } as const;

/** Those on a condition too, which count in no sum. */
const loginWords = ({ sums, destinations }: Plan): readonly string[] => {
  const kinds = Object.keys(LOGINS) as readonly (keyof Logins)[];
  const always = kinds.flatMap((kind) => (sums.logins[kind] > 0 ? [LOGINS[kind](sums.logins[kind])] : []));
  const perhaps = destinations
    .flatMap(({ requests }) => requests)
    .flatMap(({ when, shows, times }) =>
      when === undefined ? [] : shows.map((one) => `${LOGINS[SHOWN_AS[one]](times)}, if ${when}`),
    );
  const all = [...always, ...perhaps];
  return all.length > 0 ? all : ["no login"];
};

/** Which commands were run to make this list. */
const ranWords = (commands: readonly PlannedCommand[]): string => {
  const ran = commands.filter((one) => one.ran).length;
  if (commands.length === 0) return "";
  if (ran === 0) return " None of the commands below was run.";
  const some = ran < commands.length ? `${ran} of the ${commands.length}` : ran === 1 ? "The one" : `All ${ran}`;
  const verb = ran === 1 ? "was" : "were";
  const noun = commands.length === 1 ? "command" : "commands";
  return ` ${some} ${noun} below ${verb} run just now to make this list, as each says: they print, and go nowhere.`;
};

/** One line: what the run comes to. */
export const sumsOf = (plan: Plan): string => {
  const { sums, commands, writes } = plan;
  return [
    `${counted(sums.names, "name")} (${counted(sums.questions, "question")})`,
    counted(sums.destinations, "place"),
    `${counted(sums.connections, "connection")}, ${sums.handshakes} with TLS`,
    counted(sums.requests, "request"),
    ...loginWords(plan),
    `${counted(commands.length, "command")}${sums.commands > commands.length ? `, run ${sums.commands} times` : ""}`,
    counted(sums.files, "file"),
    `${writes.length} written`,
  ].join("; ");
};

/** For people: what a run would touch, by kind; what more, when something fails; and the sums. */
export const text = (plan: Plan, more: readonly More[], { width: terminal, host, full }: Words): string => {
  const width = Math.max(terminal, NARROWEST);
  const row = (words: string): readonly string[] => lines(words, width);
  const { names, nameservers, destinations, commands, binds, files, kernel, writes } = plan;
  return [
    ...lines(
      `What a run would touch ${host}, when all goes well. Nothing was sent.${ranWords(commands)}`,
      width,
      "",
      "",
    ),
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
        ...lines(forWhom(one.for, full), width, FURTHER),
      ]),
    ),
    ...section(
      "Listened on for a moment",
      binds.flatMap(({ address, port }) => row(`tcp/${port} ${address}`)),
    ),
    ...section(
      "Commands",
      commands.flatMap(({ argv, copies, times, ran, for: askers }) => {
        const given = copies.length > 0 ? ` (on copies: ${copies.join(", ")})` : "";
        const now = ran ? "run just now" : "not run now";
        const often = times > 1 ? `, ${once(times)}` : "";
        return row(`${argv.map(shellQuote).join(" ")}${given}${often}; ${now}; ${forWhom(askers, full)}`);
      }),
    ),
    ...section("Files (looked at just now too, to make this list)", fileRows(files, width, full)),
    ...section("Of the kernel", kernel.flatMap(row)),
    ...section(
      "Written",
      writes.flatMap(({ path, why }) => pathLines(`${path}: ${why}`, width)),
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
