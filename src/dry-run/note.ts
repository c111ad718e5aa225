import type { Prober } from "../model/observation.ts";

export type Probe = keyof Prober;
export type Question<P extends Probe> = Parameters<Prober[P]>[0];
export type AnswerOf<P extends Probe> = Awaited<ReturnType<Prober[P]>>;

/** What only looks at this host: its files, processes and kernel, and programs of it that print. It is asked for real. */
export const LOOKING = [
  "file",
  "path",
  "folder",
  "tail",
  "service",
  "journal",
  "listeners",
  "memory",
  "processes",
  "interfaces",
  "environment",
  "build",
  "namespace",
  "resolver",
  "trustStore",
] as const satisfies readonly Probe[];
export type Looking = (typeof LOOKING)[number];
/** What sends something, or starts something. */
export type Doing = Exclude<Probe, Looking>;

/** In place of a check's id: what finds out what there is on this host, before any check; and the pings of `--ping-url`. */
export const DEPLOYMENT = "deployment";
export const PING = "ping";

/**
 * What a run asks depends, at one place, on how old the Local API is, and only that one could tell: both are walked.
 * What is asked of one of them only, is asked when that is what is there.
 */
export const ENGINES = ["current", "older"] as const;
export type Engine = (typeof ENGINES)[number];

/** A question that a run would put, and to whom it matters. */
export type Note = {
  readonly [P in Probe]: {
    readonly probe: P;
    readonly question: Question<P>;
    /** Of what was really asked. */
    readonly answer?: AnswerOf<P>;
    /** Ids of checks, `DEPLOYMENT` or `PING`. */
    readonly askers: readonly string[];
    /** How often it would be asked of each; a question that is remembered, once. */
    readonly times: Readonly<Record<Engine, number>>;
  };
}[Probe];

export type NoteOf<P extends Probe> = Extract<Note, { readonly probe: P }>;

/** The notes of one probe. */
export const notesOf = <P extends Probe>(notes: readonly Note[], probe: P): readonly NoteOf<P>[] =>
  notes.filter((note): note is NoteOf<P> => note.probe === probe);
