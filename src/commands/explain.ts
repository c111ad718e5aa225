import { catalogue } from "../../checks/index.ts";
import type { Check, ConditionalRemedy, Fault } from "../model/check.ts";
import { type Streams, write } from "./streams.ts";
import { UsageError } from "./usage-error.ts";

const remedyLines = ({ text, commands = [], undo = [], url, when }: ConditionalRemedy): string[] => [
  `    - ${when === undefined ? "" : `(${when}) `}${text}`,
  ...commands.map((command) => `        $ ${command}`),
  ...(undo.length > 0 ? ["      to undo:", ...undo.map((command) => `        $ ${command}`)] : []),
  ...(url === undefined ? [] : [`      ${url}`]),
];

const faultLines = (code: string, { severity, blame, says, remedy }: Fault): string[] => [
  `  ${code} (${severity === "warning" ? "warning" : "failure"}, blame: ${blame})`,
  `    ${says}`,
  ...remedy.flatMap(remedyLines),
];

const explainCheck = ({ id, title, why, roles, contacts, needs = [], faults }: Check): string[] => [
  `${id}: ${title}`,
  "",
  why,
  "",
  `Asked on: ${roles.join(", ")}. Contacts: ${contacts}.${needs.length > 0 ? ` Needs: ${needs.join(", ")}.` : ""}`,
  "",
  "Faults:",
  ...Object.entries(faults).flatMap(([code, fault]) => faultLines(code, fault)),
];

/** One check or one fault code, offline. A code that many checks share is explained by the first of each family. */
export const explain = async (word: string, { stdout }: Streams): Promise<number> => {
  const check = catalogue.find(({ id }) => id === word);
  const families = new Set<string>();
  const having = catalogue.filter(({ id, faults }) => {
    const family = id.startsWith("outgoing-") ? "outgoing" : id;
    if (!Object.hasOwn(faults, word) || families.has(family)) return false;
    families.add(family);
    return true;
  });
  if (check === undefined && having.length === 0)
    throw new UsageError(
      `explain knows no check and no fault code "${word}"; "crowdsec-preflight list" shows the checks.`,
    );
  const lines = check
    ? explainCheck(check)
    : having.flatMap(({ id, faults }) => {
        const fault = faults[word];
        return fault ? [`In ${id.startsWith("outgoing-") ? "outgoing-*" : id}:`, ...faultLines(word, fault)] : [];
      });
  await write(stdout, `${lines.join("\n")}\n`);
  return 0;
};
