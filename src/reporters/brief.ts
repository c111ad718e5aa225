import type { Blame, Finding, Remedy, Report, Status } from "../model/report.ts";
import { whoseIs } from "../model/shown.ts";
import { printable } from "../model/text.ts";
import { counted, statusOf } from "./pretty-causes.ts";
import { alike } from "./pretty-findings.ts";

/** Of a sentence, a reason or a name, characters. */
export const SENTENCE = 200;
/** More checks than this that say the same are counted. */
const NAMED = 3;

/** One thing that is wrong or not known, for a reader who wants one line of it. */
export interface Brief {
  readonly status: Status;
  /** The checks that say it; of a cause, none. */
  readonly checks: string;
  readonly sentence: string;
  /** Whose it is and how sure that is; nobody's where it is not known. */
  readonly whose: string;
  /** What to do first; of what is unknown, nothing. */
  readonly remedy?: Remedy;
}

const checksOf = (group: readonly Finding[]): string => {
  const [first] = group;
  if (first === undefined || group.length === 1) return first?.instance ?? "";
  const named = counted(group.map(({ instance }) => instance)).split(", ");
  const more = named.length - NAMED;
  return more > 1 ? `${named.slice(0, NAMED).join(", ")} and ${more} more` : named.join(", ");
};

const briefOf = (
  status: Status,
  checks: string,
  { summary, blame, remedy: [remedy] }: { summary: string; blame?: Blame; remedy: readonly Remedy[] },
): Brief => ({
  status,
  checks: printable(checks, SENTENCE),
  sentence: printable(summary, SENTENCE),
  whose: blame === undefined ? "" : whoseIs(blame),
  ...(remedy && { remedy }),
});

/** What is told of findings that no cause explains, worst first. */
const UNEXPLAINED: readonly Status[] = ["fail", "warn", "unknown"];

/**
 * What is wrong, worst first: causes, the most certain first; failures and warnings that no cause explains; what could not be
 * judged. Findings that say the same are told once.
 */
export const briefly = ({ causes, findings }: Report): readonly Brief[] => {
  const byInstance = new Map(findings.map((finding) => [finding.instance, finding]));
  const explained = new Set(causes.flatMap(({ explains }) => explains));
  const others = findings.filter(({ instance }) => !explained.has(instance));
  return [
    ...causes.map((cause) =>
      briefOf(statusOf(cause.explains.flatMap((instance) => byInstance.get(instance) ?? [])), "", cause),
    ),
    ...UNEXPLAINED.flatMap((status) =>
      alike(
        others.filter((finding) => finding.status === status),
        ({ summary }) => summary,
      ).flatMap((group) => group.slice(0, 1).map((first) => briefOf(status, checksOf(group), first))),
    ),
  ];
};

/** Checks, sentence and whose it is, on one line. */
export const lineOf = ({ checks, sentence, whose }: Brief): string =>
  [checks === "" ? sentence : `${checks}: ${sentence}`, ...(whose === "" ? [] : [`whose: ${whose}`])].join("; ");

/** As much of a report's letters as ASCII has. */
export const inAscii = (text: string): string =>
  text
    .replaceAll("…", "...")
    .replaceAll("→", "->")
    .replace(/\P{ASCII}/gu, "?");
