import { basename } from "node:path/posix";
import type { FileRead, ProcessSeen } from "../model/observation.ts";
import { Secret } from "../model/secret.ts";
import { kindOf } from "../redaction/kind.ts";
import type { Entry, Missing } from "./entry.ts";
import { withheld } from "./observations.ts";
import type { Recorded } from "./recording.ts";
import { ledOut, type Scope } from "./scope.ts";
import { whatOfRead } from "./what.ts";

const isObject = (value: unknown): value is object => value !== null && typeof value === "object";

const isRead = (answer: unknown): answer is FileRead =>
  isObject(answer) && "content" in answer && typeof answer.content === "string";

/** What was recorded, without the content of files that a link led to, out of what was asked for. */
export const withinScope = (
  recorded: readonly Recorded[],
  scope: Scope,
): { readonly recorded: readonly Recorded[]; readonly missing: readonly Missing[] } => {
  const missing: Missing[] = [];
  const kept = recorded.map((each) => {
    const { probe, question, answer } = each;
    const path = String(question);
    if ((probe !== "file" && probe !== "tail") || !isRead(answer) || scope.allows(path, answer.at)) return each;
    const why = ledOut(answer.at);
    missing.push({ source: path, why });
    return { ...each, answer: withheld(why) };
  });
  return { recorded: kept, missing };
};

/** Every file that a check has read, each once. */
export const filesOf = (recorded: readonly Recorded[]): readonly Entry[] => {
  const found = new Map<string, Entry>();
  for (const { probe, question, answer } of recorded) {
    const path = String(question);
    if (probe !== "file" || !isRead(answer) || !path.startsWith("/")) continue;
    const { content } = answer;
    found.set(path, {
      name: `files${path}`,
      what: whatOfRead(path),
      content,
      kind: kindOf(path),
      source: path,
    });
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
};

/** As lines that a shell could read; a line break in a value would make two of them. */
const assignments = (variables: Readonly<Record<string, string>>): string =>
  Object.entries(variables)
    .map(([name, value]) => `${name}=${value.replaceAll("\n", " ")}\n`)
    .join("");

const isProcesses = (answer: unknown): answer is readonly ProcessSeen[] => Array.isArray(answer);

/** The environment of each process that a check has looked at. */
export const environmentsOf = (recorded: readonly Recorded[]): readonly Entry[] => {
  const programs = new Map<number, string>();
  for (const { probe, answer } of recorded)
    if (probe === "processes" && isProcesses(answer))
      for (const { pid, argv } of answer) programs.set(pid, basename(argv[0] ?? ""));
  return recorded.flatMap(({ probe, question, answer }): Entry[] => {
    if (probe !== "environment" || !isObject(answer) || !("variables" in answer)) return [];
    const read = Object.entries(answer.variables as Readonly<Record<string, Secret>>);
    const variables = Object.fromEntries(read.map(([name, value]) => [name, value.reveal()]));
    const program = programs.get(Number(question))?.replace(/[^\w.-]/g, "_") || "process";
    return [
      {
        name: `services/environment/${program}-${Number(question)}.env`,
        what: "environment of the running process",
        content: assignments(variables),
        kind: "environment",
        source: `/proc/${Number(question)}/environ`,
      },
    ];
  });
};

/** Every secret in a value, however deep. A text of several lines holds secrets, and is none. */
export const secretsIn = (value: unknown): readonly Secret[] => {
  if (value instanceof Secret) return value.reveal().includes("\n") ? [] : [value];
  if (value instanceof Map) return [...value.values()].flatMap(secretsIn);
  return isObject(value) ? Object.values(value).flatMap(secretsIn) : [];
};
