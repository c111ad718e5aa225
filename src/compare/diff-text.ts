import { checkFamily } from "../model/report.ts";
import { VERDICTS } from "../model/shown.ts";
import { counted } from "../model/text.ts";
import { type Change, DIRECTIONS, type Difference, type Direction, type Kind, type Side } from "./diff.ts";
import { type CompareStyle, createSheet, listed, type Mark, showTime } from "./sheet.ts";

/** More changes of one kind than this are counted. */
const MOST = 200;

const HEADINGS: Readonly<Record<Direction, { readonly title: string; readonly mark: Mark }>> = {
  worse: { title: "Worse", mark: "fail" },
  better: { title: "Better", mark: "pass" },
  other: { title: "Different, neither better nor worse", mark: "other" },
};

const was = ({ before = "not there" }: Change): string => before;
const is = ({ after = "not there any more" }: Change): string => after;
const arrow = (change: Change): string => `${was(change)} → ${is(change)}`;
/** With the report's own sentence, where one finding is told; of several, each has its own. */
const because = ({ says }: Change, count: number): string => (count > 1 || says === undefined ? "" : `: ${says}`);

/** What a line says behind the names that it is of. */
const TEXTS: Readonly<Record<Kind, (change: Change, count: number) => string>> = {
  verdict: (change) => `verdict: ${arrow(change)}`,
  cause: ({ after, says }) => `${after === undefined ? "cause that is gone" : "new cause"}: ${says}`,
  status: (change, count) => {
    const { before, after } = change;
    if (before === undefined) return `new, ${after}${because(change, count)}`;
    return after === undefined ? `not there any more, was ${before}` : `${arrow(change)}${because(change, count)}`;
  },
  fault: (change, count) => `fails otherwise: ${arrow(change)}${because(change, count)}`,
  tool: (change) => `crowdsec-preflight: ${arrow(change)}`,
  engine: ({ before = "not known", after = "not known" }) => `CrowdSec: ${before} → ${after}`,
  phase: (change) => `phase: ${arrow(change)}`,
  roles: ({ says }) => `roles: ${says}`,
  env: (change) => `--env: ${arrow(change)}`,
  user: (change) => `run as: ${arrow(change)}`,
  namespace: ({ before = "none", after = "none" }) => `namespace: ${before} → ${after}`,
  configuration: ({ before = "(not set)", after = "(not set)" }) => `${before} → ${after}`,
  acquisition: ({ says }) => `what the agent reads: ${says}`,
  file: ({ says }) => String(says),
  route: (change) => `route: ${arrow(change)}`,
  environment: (change) => `environment: ${arrow(change)}`,
  issuer: (change) => `issuer of the certificate: ${arrow(change)}`,
  tls: (change) => `TLS: ${arrow(change)}`,
  addresses: ({ says }) => `addresses: ${says}`,
  source: ({ says }) => `this host's own address: ${says}`,
  latency: (change) => `time to answer: ${arrow(change)}`,
};

/** Changes that read the same but for the finding that they are of. */
const kindOf = (change: Change): string => {
  const { kind, direction, of, before, after, says } = change;
  if (kind === "cause" || kind === "configuration") return JSON.stringify([kind, of]);
  // Unrelated things can have one and the same fault.
  if (kind === "status" || kind === "fault") {
    const reason = after === "skip" || after === "unknown" ? says?.replace(/@[^\s,]+/g, "") : checkFamily(of);
    return JSON.stringify([direction, kind, before, after, reason]);
  }
  if (kind === "file") return JSON.stringify([direction, kind, says]);
  return JSON.stringify([direction, kind, before, after, says]);
};

const folded = (changes: readonly Change[]): readonly (readonly Change[])[] => {
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    const key = kindOf(change);
    const group = groups.get(key);
    if (group) group.push(change);
    else groups.set(key, [change]);
  }
  return [...groups.values()];
};

const lineOf = (group: readonly Change[]): string => {
  const [first] = group;
  if (first === undefined) return "";
  const reason = first.after === "skip" || first.after === "unknown";
  const text = TEXTS[first.kind](first, reason ? 1 : group.length);
  const { kind, of } = first;
  if (of === "") return text;
  if (kind === "cause") return `${text} (${of})`;
  const names = group.map((change) => change.of);
  const what = kind === "configuration" || kind === "file" ? `${kind} ` : "";
  return `${what}${listed(names)}: ${text}`;
};

const sideLine = ({ document, host, startedAt, verdict }: Side): string => {
  const where = host === undefined ? "" : `${host}, `;
  return `${document}: ${where}${showTime(startedAt)}, ${VERDICTS[verdict]}`;
};

/** A comparison for people: what got worse, what better, what else is different, a line each. */
export const diffText = ({ before, after, remarks, changes, stayed }: Difference, style: CompareStyle): string => {
  const sheet = createSheet(style);
  const { paint, marked, paragraph } = sheet;
  const lines = [
    ...paragraph(0, `Before  ${sideLine(before)}`),
    ...paragraph(0, `After   ${sideLine(after)}`),
    ...remarks.flatMap((remark) => paragraph(0, remark)),
  ];
  const counts: string[] = [];
  for (const direction of DIRECTIONS) {
    const own = folded(changes.filter((change) => change.direction === direction));
    if (own.length === 0) continue;
    const { title, mark } = HEADINGS[direction];
    lines.push("", paint("bold", title), ...own.slice(0, MOST).flatMap((group) => marked(mark, lineOf(group))));
    if (own.length > MOST) lines.push(`and ${own.length - MOST} more: see with -o json`);
    counts.push(`${own.length} ${direction === "other" ? "different" : direction}`);
  }
  const still = stayed.causes.length === 0 ? "" : ` Still there: ${listed(stayed.causes)}.`;
  const same = `${counted(stayed.findings, "finding")} as before`;
  lines.push(
    "",
    ...paragraph(0, `${counts.length === 0 ? "Nothing has changed" : counts.join(", ")}; ${same}.${still}`),
  );
  return sheet.page(lines);
};
