// Writes checks/README.md from the catalogue: every check with its faults and remedies, and every cause that has a name.
//   --check   writes nothing; exit code 1 when the file is not what it should be
import { readFileSync, writeFileSync } from "node:fs";
import { catalogue, causes } from "../dist/checks/index.js";

const file = new URL("../checks/README.md", import.meta.url);

const range = ({ since, until } = {}) =>
  since ? `${since.join(".")} and later` : until ? `up to ${until.join(".")}` : "every version";

/** Where a remedy fits: by what was seen, and by what kind of system it is. */
const placeOf = ({ when, services, packages }) =>
  [
    ...(when ? [when] : []),
    ...(services ? [`services: ${services.join(", ")}`] : []),
    ...(packages ? [`packages: ${packages.join(", ")}`] : []),
  ].join("; ");

const remedyLines = ({ text, commands = [], undo = [], url, ...where }) => [
  `  - ${placeOf(where) ? `*${placeOf(where)}*: ` : ""}${text}`,
  ...commands.map((command) => `    - \`${command}\``),
  ...undo.map((command) => `    - to undo: \`${command}\``),
  ...(url ? [`    - <${url}>`] : []),
];

const faultLines = ([code, { severity, blame, says, remedy }]) => [
  `- **\`${code}\`** (${severity === "warning" ? "warning" : "failure"}, blame: ${blame}): ${says}`,
  ...remedy.flatMap(remedyLines),
];

const facts = ({ roles, phase, versions, needs = [], contacts }) => [
  `- Roles: ${roles.join(", ")}`,
  `- Phase: ${phase ?? "install and run"}`,
  `- CrowdSec: ${range(versions)}`,
  `- Contacts: ${contacts}`,
  ...(needs.length > 0 ? [`- Needs: ${needs.join(", ")}`] : []),
];

const section = (check) => [
  `## ${check.id}`,
  "",
  `${check.title}. ${check.why}`,
  "",
  ...facts(check),
  "",
  ...Object.entries(check.faults).flatMap(faultLines),
  "",
];

const causeSection = ({ id, title, why, blame, says, remedy }) => [
  `### ${id}`,
  "",
  `${title}. ${why}`,
  "",
  `- **cause** (blame: ${blame}): ${says}`,
  ...remedy.flatMap(remedyLines),
  "",
];

const outgoing = catalogue.filter(({ id }) => id.startsWith("outgoing-"));
const others = catalogue.filter(({ id }) => !id.startsWith("outgoing-"));

const lines = [
  "# The catalogue of checks",
  "",
  "Made by `npm run catalogue` from the files of this folder; do not edit it by hand. `crowdsec-preflight explain ID` says the same offline.",
  "`{placeholders}` are filled with what was seen.",
  "",
  "Checks:",
  "",
  ...others.map(({ id, title }) => `- [${id}](#${id}): ${title}`),
  "- [outgoing-*](#outgoing-): the names on the internet that CrowdSec talks to",
  ...outgoing.map(({ id, title }) => `  - [${id}](#${id}): ${title}`),
  "",
  "[Causes](#causes), which several failures have in common:",
  "",
  ...causes.named.map(({ id, title }) => `- [${id}](#${id}): ${title}`),
  "",
  ...others.flatMap(section),
  "## outgoing-*",
  "",
  "One check for each name on the internet that CrowdSec talks to, layer by layer, with one request that needs no credentials.",
  "A row that is optional warns where a needed one fails.",
  "",
  ...outgoing.flatMap((check) => [`### ${check.id}`, "", `${check.title}. ${check.why}`, "", ...facts(check), ""]),
  "### Faults of every outgoing check",
  "",
  ...Object.entries(outgoing[0].faults).flatMap(faultLines),
  "",
  "## Causes",
  "",
  "What several failures have in common, or what one of them really means. A report calls every other cause after a check, or the first",
  "word of it, and a fault: `lapi-tcp-refused`; `explain` knows these too.",
  "",
  ...causes.named.flatMap(causeSection),
];
const text = lines.join("\n");

if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") !== text) {
    console.error('checks/README.md is not what the checks say; "npm run catalogue" renews it.');
    process.exitCode = 1;
  }
} else {
  writeFileSync(file, text);
}
