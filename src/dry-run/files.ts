import { printable } from "../model/text.ts";
import { type Note, notesOf } from "./note.ts";
import { HOWS, type PlannedCommand, type PlannedFile } from "./shape.ts";

/** What is read of a host beyond files that somebody would name, by the probe that does it. */
const KERNEL = {
  listeners: "who listens on this host: /proc/net/tcp, /proc/net/tcp6, /proc/PID/fd",
  interfaces: "the addresses of this host's interfaces",
  namespace: "container and network namespace: /proc/self, /proc/1, /.dockerenv, /run/.containerenv",
  memory: "memory: /proc/meminfo, and the control groups below /sys/fs/cgroup",
  processes: "running programs, by the links, arguments and states in /proc/PID",
} as const;

/** What the resolver goes by. */
const RESOLVER = [
  ["/etc/resolv.conf", "read"],
  ["/etc/nsswitch.conf", "read"],
  ["/etc/hosts", "read"],
  ["/etc/mdns.allow", "looked-at"],
] as const;

const isThere = (answer: unknown): boolean => (answer as { readonly ok?: boolean } | undefined)?.ok === true;

const found = (notes: readonly Note[]): readonly PlannedFile[] => {
  const file = (
    path: string,
    how: PlannedFile["how"],
    askers: readonly string[],
    there: boolean | undefined,
    done = true,
  ): PlannedFile => ({ path: printable(path), how, done, ...(there !== undefined && { there }), for: askers });
  return [
    ...notesOf(notes, "file").map(({ question, askers, answer }) => file(question, "read", askers, isThere(answer))),
    ...notesOf(notes, "tail").map(({ question, askers, answer }) => file(question, "end", askers, isThere(answer))),
    ...notesOf(notes, "folder").map(({ question, askers, answer }) =>
      file(question, "listed", askers, isThere(answer)),
    ),
    ...notesOf(notes, "path").map(({ question, askers, answer }) =>
      file(question, "looked-at", askers, isThere(answer)),
    ),
    ...notesOf(notes, "environment").map(({ question, askers, answer }) =>
      file(`/proc/${question}/environ`, "read", askers, isThere(answer)),
    ),
    ...notesOf(notes, "build").map(({ question, askers, answer }) => file(question, "read", askers, isThere(answer))),
    ...notesOf(notes, "resolver").flatMap(({ askers }) =>
      RESOLVER.map(([path, how]) => file(path, how, askers, undefined)),
    ),
    ...notesOf(notes, "trustStore").flatMap(({ askers, answer }) =>
      (answer?.lookedAt ?? []).map((path) => file(path, "read", askers, answer?.from.includes(path))),
    ),
    // Named by CrowdSec's files, and read for a handshake that is not made now.
    ...notesOf(notes, "http").flatMap(({ question: { trust }, askers }) =>
      [
        ...(trust?.caFiles ?? []),
        ...(trust?.certificate ? [trust.certificate.certFile, trust.certificate.keyFile] : []),
      ].map((path) => file(path, "read", askers, undefined, false)),
    ),
    ...notesOf(notes, "database").flatMap(({ question: { caFile, certificate }, askers }) =>
      [caFile ?? [], certificate ? [certificate.certFile, certificate.keyFile] : []]
        .flat()
        .map((path) => file(path, "read", askers, undefined, false)),
    ),
  ];
};

/** Of what is done in several ways, the most. */
const more = (one: PlannedFile, other: PlannedFile): PlannedFile => {
  const [most, least] = HOWS.indexOf(one.how) >= HOWS.indexOf(other.how) ? [one, other] : [other, one];
  const there = most.there ?? least.there;
  return {
    ...most,
    done: most.done || least.done,
    ...(there !== undefined && { there }),
    for: [...new Set([...one.for, ...other.for])].sort(),
  };
};

/** The programs that ask this system's manager of services. They print, and start and stop nothing. */
const programsOf = (notes: readonly Note[]): readonly PlannedCommand[] => {
  const program = (argv: readonly string[], { askers }: { readonly askers: readonly string[] }): PlannedCommand => ({
    argv: argv.map((word) => printable(word)),
    copies: [],
    times: 1,
    ran: true,
    for: askers,
  });
  const services = notesOf(notes, "service").flatMap((note): readonly PlannedCommand[] => {
    const { answer, question } = note;
    if (answer === undefined || (!answer.ok && answer.code === "command-missing")) return [];
    const manager = answer.ok ? answer.manager : "systemd";
    if (manager === "systemd") return [program(["systemctl", "show", `${question}.service`], note)];
    if (manager === "openrc") return [program(["rc-service", question, "status"], note)];
    return [program(["service", question, "onestatus"], note), program(["sysrc", "-n", `${question}_enable`], note)];
  });
  const journals = notesOf(notes, "journal").flatMap((note) =>
    note.answer === undefined || (!note.answer.ok && note.answer.code === "command-missing")
      ? []
      : [program(["journalctl", "-u", note.question], note)],
  );
  return [...services, ...journals];
};

const isKernel = (probe: string): probe is keyof typeof KERNEL => probe in KERNEL;

/** What is looked at of this host itself: files, what the kernel tells, and programs that tell of services. */
export const filesOf = (
  notes: readonly Note[],
): {
  readonly files: readonly PlannedFile[];
  readonly commands: readonly PlannedCommand[];
  readonly kernel: readonly string[];
} => {
  const files = new Map<string, PlannedFile>();
  for (const one of found(notes)) {
    const before = files.get(one.path);
    files.set(one.path, before ? more(before, one) : one);
  }
  return {
    files: [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
    commands: programsOf(notes),
    kernel: [...new Set(notes.flatMap(({ probe }) => (isKernel(probe) ? [KERNEL[probe]] : [])))].sort(),
  };
};
