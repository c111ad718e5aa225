import { familyOf, plainName } from "../model/hosts.ts";
import type { Family, HttpRequest, ResolverSeen } from "../model/observation.ts";
import { holdsSecret } from "../model/secret.ts";
import { printable } from "../model/text.ts";
import { bracketed, hostAndPort } from "../model/url.ts";
import { filesOf } from "./files.ts";
import { ENGINES, type Engine, type Note, notesOf, PING } from "./note.ts";
import { type DryProber, isPrinting, type Names, REDIRECTED } from "./prober.ts";
import type {
  Asked,
  Plan,
  PlannedBind,
  PlannedCommand,
  PlannedDestination,
  PlannedDialogue,
  PlannedName,
  PlannedNameserver,
  PlannedRequest,
  PlannedWrite,
} from "./shape.ts";

export interface PlanInput {
  readonly prober: Pick<DryProber, "notes" | "nameAt">;
  readonly names: Names;
  readonly resolver: Pick<ResolverSeen, "servers">;
  readonly writes: readonly PlannedWrite[];
  /** Which Local APIs were walked. */
  readonly engines: readonly Engine[];
  /** Names are asked for this family only. */
  readonly family?: Family;
}

/** By which of them it is asked only. */
const WHEN: Readonly<Record<Engine, string>> = {
  current: "the Local API is 1.6.6 or newer",
  older: "the Local API is older than 1.6.6",
};

const timesOf = ({ times }: Note): number => Math.max(...ENGINES.map((engine) => times[engine]));

/** Why it may not be sent at all; undefined where it is sent whatever is there. */
const whenOf = ({ times }: Note, engines: readonly Engine[]): string | undefined => {
  const [only, other] = engines.filter((engine) => times[engine] > 0);
  return engines.length < 2 || only === undefined || other !== undefined ? undefined : WHEN[only];
};

const union = (...lists: readonly (readonly string[])[]): readonly string[] => [...new Set(lists.flat())].sort();
const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

/** What is the same but for who asks, once. */
const gathered = <T extends Asked & { readonly times: number }>(all: readonly T[]): readonly T[] => {
  const known = new Map<string, T>();
  for (const one of all) {
    const { times, for: askers, ...rest } = one;
    const key = JSON.stringify(rest);
    const before = known.get(key);
    known.set(key, before ? { ...one, times: before.times + times, for: union(before.for, askers) } : one);
  }
  return [...known.values()];
};

const UNTOLD = "…";

const pathOf = ({ url }: HttpRequest, askers: readonly string[]): string => {
  const { hostname, pathname } = new URL(url);
  return askers.includes(PING) || hostname === REDIRECTED ? UNTOLD : printable(pathname);
};

const showsOf = (request: HttpRequest, askers: readonly string[]): PlannedRequest["shows"] => {
  const { proxy, headers = {} } = request;
  const own = holdsSecret(request) && !askers.includes(PING);
  return [
    ...(own ? ["x-api-key" in headers ? ("key" as const) : ("login" as const)] : []),
    ...(proxy?.credentials ? ["proxy" as const] : []),
  ];
};

/** The one login that shows no secret is that of a machine that cannot exist. */
const isMadeUp = (request: HttpRequest): boolean =>
  request.method === "POST" && new URL(request.url).pathname.endsWith("/v1/watchers/login") && !holdsSecret(request);

/** Of one destination, what is still being found. */
interface Draft {
  readonly host: string;
  readonly port?: number;
  readonly names: Set<string>;
  /** By address. */
  readonly connects: Map<string, number>;
  readonly requests: PlannedRequest[];
  readonly dialogues: PlannedDialogue[];
  readonly askers: Set<string>;
}

const destinationsOf = (
  { prober, names, engines }: PlanInput,
  notes: readonly Note[],
): readonly PlannedDestination[] => {
  const drafts = new Map<string, Draft>();
  const at = (address: string, port: number | undefined, askers: readonly string[]): Draft => {
    const host = prober.nameAt(address) ?? address;
    const key = `${host} ${port}`;
    const draft = drafts.get(key) ?? {
      host,
      ...(port !== undefined && { port }),
      names: new Set(),
      connects: new Map(),
      requests: [],
      dialogues: [],
      askers: new Set(),
    };
    drafts.set(key, draft);
    for (const asker of askers) draft.askers.add(asker);
    return draft;
  };
  const pinnedAt = (name: string, address: string): readonly string[] =>
    names.pinned(name)?.some((one) => one.address === address) ? [plainName(name)] : [];

  for (const note of notesOf(notes, "tcp")) {
    const { address, port } = note.question;
    const { connects } = at(address, port, note.askers);
    connects.set(address, (connects.get(address) ?? 0) + timesOf(note));
  }
  for (const note of notesOf(notes, "socket")) {
    const { path } = note.question;
    const { connects } = at(path, undefined, note.askers);
    connects.set(path, (connects.get(path) ?? 0) + timesOf(note));
  }
  for (const note of notesOf(notes, "http")) {
    const { question, askers } = note;
    const { url, address, proxy, method = "GET" } = question;
    const target = hostAndPort(url);
    const port = address.startsWith("/") ? undefined : (proxy?.port ?? target.port);
    const draft = at(address, port, askers);
    const when = whenOf(note, engines);
    for (const name of pinnedAt(proxy?.host ?? target.host, address)) draft.names.add(name);
    draft.requests.push({
      method,
      path: pathOf(question, askers),
      ...(proxy && { through: `${bracketed(target.host)}:${target.port}` }),
      tls: url.startsWith("https:"),
      times: timesOf(note),
      shows: showsOf(question, askers),
      ...(isMadeUp(question) && { mustFail: true as const }),
      ...(when !== undefined && { when }),
      for: askers,
    });
  }
  for (const note of notesOf(notes, "database")) {
    const { protocol, addresses, port, host, tls, login } = note.question;
    // They are tried in turn, until one connects.
    const [first = host] = "socket" in addresses ? [addresses.socket] : addresses;
    const draft = at(first, "socket" in addresses ? undefined : port, note.askers);
    for (const name of pinnedAt(host, first)) draft.names.add(name);
    draft.dialogues.push({
      protocol,
      ...(login && { user: printable(login.user) }),
      tls,
      times: timesOf(note),
      for: note.askers,
    });
  }
  for (const note of notesOf(notes, "peer")) {
    const { url, address, proxy } = note.question;
    const draft = at(address, proxy?.port ?? hostAndPort(url).port, note.askers);
    const tls = url.startsWith("https:") ? "require" : "disable";
    draft.dialogues.push({ protocol: "listener", tls, times: timesOf(note), for: note.askers });
  }
  return [...drafts.values()]
    .map(({ host, port, names: pinned, connects, requests, dialogues, askers }) => ({
      host: printable(host),
      ...(port !== undefined && { port }),
      ...(pinned.size > 0 && { names: [...pinned].map((name) => printable(name)) }),
      connects: Math.max(0, ...connects.values()),
      requests: gathered(requests),
      dialogues: gathered(dialogues),
      for: [...askers].sort(),
    }))
    .sort((a, b) => (a.port ?? 0) - (b.port ?? 0) || (a.host < b.host ? -1 : 1));
};

const TYPES = { any: ["A", "AAAA"], 4: ["A"], 6: ["AAAA"] } as const;

const namesOf = ({ names, family: only }: PlanInput, notes: readonly Note[]): readonly PlannedName[] => {
  const found = new Map<string, PlannedName>();
  for (const { question, askers } of notesOf(notes, "dns")) {
    const { name, family = only } = question;
    if (familyOf(name) !== undefined) continue;
    const pinned = names.pinned(name) !== undefined;
    const candidates = pinned ? [] : names.candidates(name);
    // Nobody is asked for what can be no name.
    if (!pinned && candidates.length === 0) continue;
    const before = found.get(name);
    found.set(name, {
      name: printable(name),
      ...(pinned
        ? { by: "hosts" }
        : { by: "nameservers", candidates: candidates.map((one) => printable(one)), types: TYPES[family ?? "any"] }),
      for: union(before?.for ?? [], askers),
    });
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
};

const nameserversOf = (
  { resolver: { servers } }: PlanInput,
  notes: readonly Note[],
  looked: number,
): readonly PlannedNameserver[] => {
  const asked = notesOf(notes, "nameserver");
  return [...new Set(servers)].flatMap((server, index) => {
    const own = sum(asked.filter(({ question }) => question.server === server).map(timesOf));
    const questions = own + (index === 0 ? looked : 0);
    return questions > 0 ? [{ server: printable(server), port: 53 as const, questions }] : [];
  });
};

const commandsOf = (notes: readonly Note[]): readonly PlannedCommand[] =>
  gathered(
    notesOf(notes, "command").map((note): PlannedCommand => {
      const { question, askers } = note;
      return {
        argv: question.argv.map((word) => printable(word)),
        copies: Object.keys(question.files ?? {}).sort(),
        times: timesOf(note),
        ran: isPrinting(question),
        for: askers,
      };
    }),
  );

const DATABASES = { any: "ahosts", 4: "ahostsv4", 6: "ahostsv6" } as const;

/** The C library is asked by a program of the system; of names that nameservers are asked for, only when these know none. */
const lookupsOf = ({ family: only }: PlanInput, notes: readonly Note[]): readonly PlannedCommand[] =>
  notesOf(notes, "dns")
    .filter(({ question: { name, by } }) => by === "libc" && familyOf(name) === undefined)
    .map((note) => {
      const { name, family = only } = note.question;
      const argv = ["/usr/bin/getent", "-A", DATABASES[family ?? "any"], printable(name)];
      return { argv, copies: [], times: timesOf(note), ran: false, for: note.askers };
    });

const bindsOf = (notes: readonly Note[]): readonly PlannedBind[] =>
  notesOf(notes, "bind").map(({ question: { address, port }, askers }) => ({ address, port, for: askers }));

/** Connections of a destination, all but those on a condition. */
export const connectionsOf = ({ connects, requests, dialogues }: PlannedDestination): number =>
  connects +
  sum(requests.map(({ times, when }) => (when === undefined ? times : 0))) +
  sum(dialogues.map(({ times }) => times));

/** What was noted, put in order: by name, place, program and file. */
export const makePlan = (input: PlanInput): Plan => {
  const notes = input.prober.notes();
  const looked = namesOf(input, notes);
  // Its lookup is one, and its name is none.
  const names = looked.filter(({ name }) => name !== REDIRECTED);
  const questions = sum(looked.map(({ types = [] }) => types.length));
  const nameservers = nameserversOf(input, notes, questions);
  const destinations = destinationsOf(input, notes);
  const { files, commands: programs, kernel } = filesOf(notes);
  const commands = [...commandsOf(notes), ...lookupsOf(input, notes), ...programs].sort((a, b) =>
    a.argv.join(" ") < b.argv.join(" ") ? -1 : 1,
  );
  const requests = destinations.flatMap((one) => one.requests).filter(({ when }) => when === undefined);
  const dialogues = destinations.flatMap((one) => one.dialogues);
  const times = (some: readonly { readonly times: number }[]): number => sum(some.map((one) => one.times));
  const showing = (what: PlannedRequest["shows"][number]): number =>
    times(requests.filter(({ shows }) => shows.includes(what)));
  return {
    names,
    nameservers,
    destinations,
    commands,
    binds: bindsOf(notes),
    files,
    kernel,
    writes: input.writes,
    sums: {
      names: names.length,
      questions: sum(nameservers.map((one) => one.questions)),
      destinations: destinations.length,
      connections: sum(destinations.map(connectionsOf)),
      handshakes:
        times(requests.filter(({ tls }) => tls)) +
        times(
          dialogues.filter(
            ({ tls, user, protocol }) => tls !== "disable" && (user !== undefined || protocol === "listener"),
          ),
        ),
      requests: times(requests),
      logins: {
        mustFail: times(requests.filter(({ mustFail }) => mustFail)),
        machine: showing("login"),
        key: showing("key"),
        proxy: showing("proxy"),
        database: times(dialogues.filter(({ user }) => user !== undefined)),
      },
      commands: times(commands),
      files: files.length,
      writes: input.writes.length,
    },
  };
};
