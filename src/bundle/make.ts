import { setImmediate } from "node:timers/promises";
import { type AnonymityMap, type Anonymizer, createAnonymizer } from "../anonymity/anonymizer.ts";
import { createNames } from "../archive/names.ts";
import { size } from "../archive/words.ts";
import { readZip, writeZip } from "../archive/zip.ts";
import type { Report } from "../model/report.ts";
import type { Secret } from "../model/secret.ts";
import { createRedactor } from "../redaction/create.ts";
import type { Redacted, Redactor } from "../redaction/redactor.ts";
import { REMOVED } from "../redaction/values.ts";
import { redactVariable, studyVariable } from "../redaction/variables.ts";
import { type Collected, distinctBy, type Entry, type Missing } from "./entry.ts";
import { MAX_FILES } from "./limits.ts";
import { makeManifest } from "./manifest.ts";
import { environmentsOf, filesOf, withinScope } from "./material.ts";
import { distinctMissing } from "./missing.ts";
import { type Shows, shown, shownObservation } from "./observations.ts";
import { withoutPrivate } from "./private.ts";
import { readme } from "./readme.ts";
import type { Recorded, Recording } from "./recording.ts";
import { type FileRemoval, removalsText } from "./removals.ts";
import type { Scope } from "./scope.ts";

export interface BundleInput {
  readonly at: Date;
  readonly report: Report;
  readonly markdown: (report: Report) => string;
  readonly recording: Recording;
  /** What the topology holds of secrets; those that only stand in files are found there. */
  readonly secrets: readonly Secret[];
  readonly scope: Scope;
  readonly collected: Collected;
  /** Replaces addresses and names; with the map of an earlier bundle, by the same pseudonyms. */
  readonly anonymity?: { readonly map?: AnonymityMap };
  /** Of all files together, bytes. */
  readonly maxBytes: number;
  /** Aborted when nobody wants it any more. */
  readonly signal?: AbortSignal;
}

export interface Bundle {
  readonly bytes: Buffer;
  readonly names: readonly string[];
  readonly removals: readonly FileRemoval[];
  /** How many different stand-ins there are in it. */
  readonly values: number;
  readonly missing: readonly Missing[];
  /** Where a secret stands that is too ordinary a word to be searched for. */
  readonly ordinary: readonly string[];
  readonly map?: AnonymityMap;
}

/** Why there is no bundle: one sentence for people. */
export class BundleError extends Error {}

const OBSERVATIONS = "observations.json";
const REPORT = "report.json";

const bytesOf = (text: string): number => Buffer.byteLength(text);

/** Beyond this share of the room, the largest replies are left out of the observations. */
const OBSERVATIONS_SHARE = 0.5;

/** 25 MB of text take some ten seconds; milliseconds. */
const MAX_MS = 180_000;
/** What can be large, and is spared by most rules. */
const SPARED: readonly Recorded["probe"][] = ["http", "tail", "command", "journal"];

/** Without the largest answers, where all together have no room: such a question counts as not asked. */
const fitting = (recorded: readonly Recorded[], room: number): readonly Recorded[] => {
  const sizes = new Map(recorded.map((each) => [each, bytesOf(JSON.stringify(each))]));
  const sizeOf = (each: Recorded): number => sizes.get(each) ?? 0;
  let total = recorded.reduce((sum, each) => sum + sizeOf(each), 0);
  const left = new Set<Recorded>();
  for (const each of recorded.toSorted((a, b) => sizeOf(b) - sizeOf(a))) {
    if (total <= room) break;
    if (!SPARED.includes(each.probe)) continue;
    total -= sizeOf(each);
    left.add(each);
  }
  return recorded.filter((each) => !left.has(each));
};

/** What was collected says better what it is; what a check has read besides stands behind it. */
const distinct = (entries: readonly Entry[]): readonly Entry[] =>
  [...distinctBy(entries, ({ name }) => name)].sort((a, b) => (a.name < b.name ? -1 : 1));

/** Everything that is to be shown, as it was read. */
interface Raw {
  readonly entries: readonly Entry[];
  readonly recording: Recording;
  readonly report: Report;
}

/** A shell holds much that is nobody's business; of what says nothing to a judge not even the name is told. */
const told = (redactor: Redactor, environment: Recording["environment"]): Recording["environment"] =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => {
      const text = redactVariable(redactor, name, value);
      return text === REMOVED ? [] : [[name, text]];
    }),
  );

/** Between one file and the next: lets a signal through, and stops what would go on for ever. */
type Step = () => Promise<void>;
const createStep = (signal: AbortSignal | undefined): Step => {
  const began = performance.now();
  return async () => {
    await setImmediate();
    if (signal?.aborted) throw new BundleError("No bundle was written: interrupted.");
    if (performance.now() - began > MAX_MS)
      throw new BundleError(
        `No bundle was written: to take secrets out of it takes longer than ${MAX_MS / 60_000} minutes; --max-size makes it smaller.`,
      );
  };
};

const study = async (
  redactor: Redactor,
  { entries, recording, report }: Raw,
  secrets: readonly Secret[],
  step: Step,
): Promise<void> => {
  // The names of files are no secrets that a line of a log could make of them.
  for (const { name } of entries) redactor.study(name, "text", name);
  for (const { content, kind, name, source } of entries) {
    await step();
    redactor.study(content, kind, source ?? name);
  }
  const shows: Shows = {
    text: (text, kind, name) => {
      redactor.study(text, kind, name);
      return text;
    },
    standIn: redactor.standIn,
    secret: redactor.note,
    variable: (name, value, place) => {
      studyVariable(redactor, name, value, place);
      return "";
    },
  };
  for (const each of recording.observations) shownObservation(each, shows);
  for (const [name, value] of Object.entries(recording.environment)) studyVariable(redactor, name, value, "this shell");
  shown(report, shows);
  // At the end: where a secret stands says more than that there is one.
  for (const secret of secrets) redactor.note(secret.reveal(), "credentials of this host");
};

/** Takes secrets out, and keeps account of it. */
const createPen = (redactor: Redactor) => {
  const removals: FileRemoval[] = [];
  /** @param line of the file, where the text stands on one line of it */
  const take = (file: string, { text, removals: taken }: Redacted, line?: number): string => {
    for (const each of taken) removals.push({ ...each, file, line: line ?? each.line });
    return text;
  };
  const shows = (file: string, line: number): Shows => ({
    text: (text, kind) => take(file, redactor.redact(text, kind), line),
    standIn: redactor.standIn,
    secret: (value, rule) => {
      removals.push({ file, line, rule, count: 1 });
      return redactor.note(value, rule);
    },
    variable: (name, value) => {
      const text = redactVariable(redactor, name, value);
      if (text !== value) removals.push({ file, line, rule: `variable ${name}`, count: 1 });
      return text;
    },
  });
  return { removals, take, shows };
};
type Pen = ReturnType<typeof createPen>;

/** One observation a line, so that a line number says which; what stands above them takes one line. */
const observationsText = ({ observations, environment, ...head }: Recording, redactor: Redactor, pen: Pen): string => {
  const FIRST = 1;
  const shows = pen.shows(OBSERVATIONS, FIRST);
  const above = JSON.stringify({ ...(shown(head, shows) as object), environment: told(redactor, environment) });
  const lines = observations.map((each, index) =>
    JSON.stringify(shownObservation(each, pen.shows(OBSERVATIONS, FIRST + 1 + index))),
  );
  return `${above.slice(0, -1)},"observations":[\n${lines.join(",\n")}\n]}\n`;
};

/** Whoever has the archive has these bytes: they are what is searched, not what was meant to be in them. */
const search = async (bytes: Buffer, redactor: Redactor, maxBytes: number): Promise<void> => {
  const limits = { maxBytes: bytes.length, maxUnpackedBytes: 2 * maxBytes, maxFiles: MAX_FILES };
  for (const { name, content } of await readZip(bytes, limits)) {
    const [leak] = [...redactor.leaks(name), ...redactor.leaks(content.toString("utf8"))];
    if (leak !== undefined)
      throw new BundleError(
        `No bundle was written: ${name}:${leak.line} would still hold a secret (${leak.secret}; ${leak.form}). This is a defect of crowdsec-preflight: please report it, with this sentence alone.`,
      );
  }
};

/** Everything that was seen, redacted. */
const redact = async (
  { entries, recording, report }: Raw,
  markdown: BundleInput["markdown"],
  redactor: Redactor,
  pen: Pen,
  step: Step,
) => {
  const shownReport = shown(report, pen.shows(REPORT, 1)) as Report;
  const nameFor = createNames();
  const files: Entry[] = [];
  for (const entry of entries) {
    await step();
    files.push({
      ...entry,
      // A path can hold a secret too, and letters that not every system has in names.
      name: nameFor(redactor.redact(entry.name, "text").text),
      what: redactor.redact(entry.what, "text").text,
      content: pen.take(entry.name, redactor.redact(entry.content, entry.kind)),
    });
  }
  await step();
  const redacted: readonly Entry[] = [
    {
      name: REPORT,
      what: "the report, for programs",
      content: `${JSON.stringify(shownReport, null, 2)}\n`,
      kind: "json",
    },
    {
      name: "report.md",
      what: "the report, to read and to paste",
      // What stands apart in the report stands together in a sentence.
      content: pen.take("report.md", redactor.redact(markdown(shownReport), "text")),
      kind: "text",
    },
    {
      name: OBSERVATIONS,
      what: "all that was asked and answered, for check --from to judge it again",
      content: observationsText(recording, redactor, pen),
      kind: "json",
    },
    ...files,
  ];
  const removed: Entry = {
    name: "removals.txt",
    what: "what was taken out: file, line, rule, count; never a value",
    content: redactor.redact(removalsText(pen.removals), "text").text,
    kind: "text",
  };
  return { report: shownReport, entries: [...redacted, removed] };
};

/** With pseudonyms in place of addresses and names, also in the files' own names. */
const anonymized = (entries: readonly Entry[], anonymizer: Anonymizer): readonly Entry[] => {
  for (const { name, content } of entries) {
    anonymizer.study(name);
    anonymizer.study(content);
  }
  return entries.map((entry) => ({
    ...entry,
    name: anonymizer.anonymize(entry.name),
    what: anonymizer.anonymize(entry.what),
    content: anonymizer.anonymize(entry.content),
  }));
};

/** A whole bundle in memory, from what a run has seen. Throws `BundleError`; nothing is written. */
export const makeBundle = async (input: BundleInput): Promise<Bundle> => {
  const { at, report, markdown, recording, secrets, scope, collected, anonymity, maxBytes } = input;
  const redactor = createRedactor();
  const scoped = withinScope(recording.observations, scope);
  const observations = fitting(withoutPrivate(scoped.recorded), maxBytes * OBSERVATIONS_SHARE);
  const entries = distinct([...collected.entries, ...environmentsOf(observations), ...filesOf(observations)]);
  const raw: Raw = { entries, recording: { ...recording, observations }, report };
  const step = createStep(input.signal);
  await study(redactor, raw, secrets, step);
  const pen = createPen(redactor);
  const redacted = await redact(raw, markdown, redactor, pen, step);

  const missing = distinctMissing([...scoped.missing, ...collected.missing]);
  const { ordinary } = redactor;
  const head = { tool: recording.tool, at, runId: recording.run.id, anonymized: anonymity !== undefined };
  const { host } = recording;
  const first = readme({ ...head, ...redacted, host, removals: pen.removals, missing, ordinary });
  const all: readonly Entry[] = [
    { name: "README.md", what: "this", content: redactor.redact(first, "text").text, kind: "text" },
    ...redacted.entries,
  ];
  const anonymizer = anonymity && createAnonymizer(anonymity.map);
  anonymizer?.know(host);
  const published = anonymizer ? anonymized(all, anonymizer) : all;
  const hostShown = anonymizer ? anonymizer.anonymize(host) : host;
  const manifest = makeManifest({ ...head, host: hostShown, entries: published });
  const files = [...published, { name: "manifest.json", content: manifest }].map(({ name, content }) => ({
    name,
    content: Buffer.from(content),
  }));
  const total = files.reduce((sum, { content }) => sum + content.length, 0);
  if (total > maxBytes)
    throw new BundleError(
      `No bundle was written: what cannot be left out takes ${size(total)}, and --max-size allows ${size(maxBytes)}.`,
    );
  const bytes = await writeZip(files, at);
  await search(bytes, redactor, maxBytes);
  return {
    bytes,
    names: files.map(({ name }) => name),
    removals: pen.removals,
    values: new Set(redacted.entries.flatMap(({ content }) => content.match(/\bREDACTED-\d+/g) ?? [])).size,
    missing,
    ordinary,
    ...(anonymizer && { map: anonymizer.map() }),
  };
};
