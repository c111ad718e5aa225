import { catalogue, causes } from "../../checks/index.ts";
import type { NamedCause } from "../model/cause.ts";
import type { Check, ConditionalRemedy, Fault } from "../model/check.ts";
import { printable } from "../model/text.ts";
import { type Streams, write } from "./streams.ts";
import { UsageError } from "./usage-error.ts";

/** What there is to explain. */
export interface Explained {
  readonly checks: readonly Check[];
  readonly named: readonly NamedCause[];
}

/** Where a remedy fits: by what was seen, and by what kind of system this is. */
const placeOf = ({ when, services = [], packages = [] }: ConditionalRemedy): string =>
  [
    ...(when === undefined ? [] : [when]),
    ...(services.length > 0 ? [`services: ${services.join(", ")}`] : []),
    ...(packages.length > 0 ? [`packages: ${packages.join(", ")}`] : []),
  ].join("; ");

const remedyLines = (remedy: ConditionalRemedy): string[] => {
  const { text, commands = [], undo = [], url } = remedy;
  const place = placeOf(remedy);
  return [
    `    - ${place === "" ? "" : `(${place}) `}${text}`,
    ...commands.map((command) => `        $ ${command}`),
    ...(undo.length > 0 ? ["      to undo:", ...undo.map((command) => `        $ ${command}`)] : []),
    ...(url === undefined ? [] : [`      ${url}`]),
  ];
};

const faultLines = (code: string, { severity, blame, says, remedy }: Fault): string[] => [
  `  ${code} (${severity === "warning" ? "warning" : "failure"}, blame: ${blame})`,
  `    ${says}`,
  ...remedy.flatMap(remedyLines),
];

const checkLines = ({ id, title, why, roles, contacts, needs = [], faults }: Check): string[] => [
  `${id}: ${title}`,
  "",
  why,
  "",
  `Asked on: ${roles.join(", ")}. Contacts: ${contacts}.${needs.length > 0 ? ` Needs: ${needs.join(", ")}.` : ""}`,
  "",
  "Faults:",
  ...Object.entries(faults).flatMap(([code, fault]) => faultLines(code, fault)),
];

const causeLines = ({ id, title, why, blame, says, remedy }: NamedCause): string[] => [
  `${id}: ${title}`,
  "",
  why,
  "",
  `  cause, blame: ${blame}`,
  `    ${says}`,
  ...remedy.flatMap(remedyLines),
];

/** A code, once for all checks that mean the same by it; those of the outgoing list are one, since they share their faults. */
const codeLines = (code: string, checks: readonly Check[]): string[] => {
  const meanings = new Map<string, { readonly fault: Fault; readonly names: Set<string> }>();
  for (const { id, faults } of checks) {
    const fault = faults[code];
    if (fault === undefined) continue;
    const meaning = meanings.get(JSON.stringify(fault)) ?? { fault, names: new Set() };
    meanings.set(JSON.stringify(fault), meaning);
    meaning.names.add(id.startsWith("outgoing-") ? "outgoing-*" : id);
  }
  return [...meanings.values()].flatMap(({ fault, names }) => [
    `In ${[...names].join(", ")}:`,
    ...faultLines(code, fault),
  ]);
};

const hasFault = ({ faults }: Check, code: string): boolean => Object.hasOwn(faults, code);

/** A cause without a name is called after its check or that one's family, and its fault: `lapi-tcp-refused`. */
const faultOf = (word: string, { id, faults }: Check): string | undefined =>
  [id, id.split("-")[0] ?? id]
    .filter((name) => word.startsWith(`${name}-`))
    .map((name) => word.slice(name.length + 1))
    .find((code) => Object.hasOwn(faults, code));

/** All that a word stands for, a section each. */
const sectionsOf = (word: string, { checks, named }: Explained): readonly (readonly string[])[] => {
  const having = checks.filter((check) => hasFault(check, word));
  const called = checks.filter((check) => faultOf(word, check) !== undefined);
  const codes = [...new Set(called.flatMap((check) => faultOf(word, check) ?? []))];
  return [
    ...checks.filter(({ id }) => id === word).map(checkLines),
    ...named.filter(({ id }) => id === word).map(causeLines),
    codeLines(word, having),
    ...codes.map((code) => codeLines(code, called)),
  ].filter((lines) => lines.length > 0);
};

/** How many letters must be changed, added or taken out to make one word of the other. */
const distance = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [done, letter] of [...from].entries()) {
    const next = [done + 1];
    for (const [index, other] of [...to].entries())
      next.push(
        Math.min((row[index] ?? 0) + (letter === other ? 0 : 1), (row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1),
      );
    row = next;
  }
  return row[to.length] ?? 0;
};

/** As many nearest words are offered. */
const OFFERED = 3;
/** Letters of a word that is compared and shown; no known one is nearly as long. */
const MAX_WORD = 60;

const nearest = (word: string, { checks, named }: Explained): readonly string[] => {
  const known = new Set([...checks, ...named].map(({ id }) => id));
  for (const { faults } of checks) for (const code of Object.keys(faults)) known.add(code);
  const most = Math.max(1, Math.floor(word.length / 4));
  return [...known]
    .map((each) => ({ each, letters: distance(word, each) }))
    .filter(({ letters }) => letters <= most)
    .sort((a, b) => a.letters - b.letters)
    .slice(0, OFFERED)
    .map(({ each }) => each);
};

/** A check, a fault or a cause, offline, by the word that a report calls it; what stands behind its @ is left away. */
export const explain = async (
  asked: string | undefined,
  { stdout }: Streams,
  known: Explained = { checks: catalogue, named: causes.named },
): Promise<number> => {
  if (asked === undefined)
    throw new UsageError(
      "explain wants the id of a check, a fault code or a cause; `crowdsec-preflight list` shows them.",
    );
  const word = asked.split("@")[0] ?? "";
  const sections = sectionsOf(word, known);
  if (sections.length === 0) {
    const shown = printable(word, MAX_WORD);
    const near = nearest(shown, known);
    const hint = near.length > 0 ? `did you mean ${near.join(" or ")}? ` : "";
    throw new UsageError(
      `explain knows no check, fault or cause "${shown}": ${hint}"crowdsec-preflight list" shows the checks and the causes.`,
    );
  }
  await write(stdout, `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`);
  return 0;
};
