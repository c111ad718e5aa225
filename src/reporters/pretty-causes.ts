import { type Cause, checkFamily, checkOf, type Finding, type Remedy, type Status } from "../model/report.ts";
import { alike, type Findings, MANY, nameOf, slowest, withoutOwn } from "./pretty-findings.ts";
import { type Page, SAME, whoseIs } from "./pretty-page.ts";

/** Sentences of evidence that are read before one begins to skip them. */
const TOLD = 4;
/** More rows than this that differ in host and time only are one row and a list. */
const APART = 6;
/** A longer list of hosts is cut after `MANY`. */
const LISTED = 24;

/** The findings of a cause: the one that shows it best, then the others as they stand in the report. */
const explainedBy = ({ explains }: Cause, findings: readonly Finding[]): readonly Finding[] => {
  const own = new Set(explains);
  const [lead] = explains;
  return [
    ...findings.filter(({ instance }) => instance === lead),
    ...findings.filter(({ instance }) => instance !== lead && own.has(instance)),
  ];
};

const unique = (list: readonly string[]): readonly string[] => [...new Set(list)];

/** What tells it apart from its neighbours: its client's name, its host, or its file. */
const placeOf = (finding: Finding): string =>
  nameOf(finding) || (finding.target?.host ?? finding.target?.path ?? finding.instance);

/** The finding's own remedy stands among those of the cause, at their beginning. */
export const isMended = ({ remedy }: Finding, cause: Cause): boolean =>
  remedy.length > 0 && JSON.stringify(remedy) === JSON.stringify(cause.remedy.slice(0, remedy.length));

/** Checks as a person reads them: each once, with how often where that is more than once. */
export const counted = (instances: readonly string[]): string => {
  const ids = instances.map(checkOf);
  return unique(ids)
    .map((id) => {
      const times = ids.filter((one) => one === id).length;
      return times === 1 ? id : `${id} (${times})`;
    })
    .join(", ");
};

const aboutIt = (id: string): Remedy => ({
  text: "How it shows, and what it is told apart from:",
  commands: [`crowdsec-preflight explain ${checkOf(id)}`],
});

/** As what a cause is shown: as bad as the worst that it explains. */
export const statusOf = (own: readonly Finding[]): Status =>
  own.some(({ status }) => status === "warn") && !own.some(({ status }) => status === "fail") ? "warn" : "fail";

/** A cause with all that it explains, as lines. */
export const createCauses = (
  page: Page,
  told: Findings,
  findings: readonly Finding[],
): ((cause: Cause) => readonly string[]) => {
  const { detail, top, nested, paint, paragraph } = page;
  const verbose = detail === "verbose";

  /** Sentences of findings, as `withoutOwn` has them, that the cause's own sentence says already. */
  const saidBy = ({ summary }: Cause, own: readonly Finding[]): ReadonlySet<string> =>
    new Set(own.filter((one) => summary.includes(one.summary)).map((one) => withoutOwn(one.summary, one)));

  /** What was seen, each kind of sentence once: one that a finding says is of the same kind as that of its neighbour. */
  const evidenceOf = (cause: Cause, own: readonly Finding[]): readonly string[] => {
    const seen = unique(cause.blame.evidence).filter((sentence) => sentence !== cause.summary);
    if (verbose) return seen;
    const said = saidBy(cause, own);
    const kinds = new Map<string, string>();
    for (const sentence of seen) {
      const speaker = own.find((finding) => finding.summary === sentence);
      const kind = speaker ? withoutOwn(sentence, speaker) : sentence;
      if (!kinds.has(kind) && !said.has(kind)) kinds.set(kind, sentence);
    }
    return [...kinds.values()];
  };

  const because = (shown: readonly string[], left: number): string[] => [
    ...shown.flatMap((sentence, index) => paragraph(top.body, index === 0 ? "Because:" : SAME, sentence, 2)),
    ...(left === 0 ? [] : paragraph(top.body, SAME, `and ${left} more${page.more}`).map((line) => paint("gray", line))),
  ];

  /** Says nothing that was said right before, by the cause or by the row above. */
  const createSpeaker = (cause: Cause, evidence: readonly string[], own: readonly Finding[]) => {
    const seen = own.filter((one) => evidence.includes(one.summary));
    const known = new Set([...saidBy(cause, own), ...seen.map((one) => withoutOwn(one.summary, one))]);
    let last: string | undefined;
    return (finding: Finding): string[] => {
      const kind = withoutOwn(finding.summary, finding);
      const repeats = verbose ? finding.summary === cause.summary : known.has(kind) || kind === last;
      last = kind;
      return repeats ? [] : paragraph(nested.body, "", finding.summary);
    };
  };

  /** One row for all of a kind, and where they are, unless the cause's own sentence has just named these. */
  const crowd = (group: readonly Finding[], sentence: readonly string[], isNamed: boolean): string[] => {
    const [first] = group;
    if (first === undefined) return [];
    const areHosts = group.every((one) => placeOf(one) === one.target?.host);
    const ports = unique(group.map(({ target }) => String(target?.port ?? "")));
    const port = areHosts && ports.length === 1 && ports[0] !== "" ? `, port ${ports[0]}` : "";
    const about = unique(group.map(({ id }) => id)).length === 1 ? first.id : checkFamily(first.id);
    const places = group.map((one) => (areHosts && port === "" ? `${placeOf(one)}:${one.target?.port}` : placeOf(one)));
    const listed = places.length > LISTED ? places.slice(0, MANY) : places;
    const more = places.length > listed.length ? `, and ${places.length - listed.length} more` : "";
    const list = sentence.length === 0 ? listed.join(", ") : `the same with ${listed.slice(1).join(", ")}`;
    const reached = first.fault ? `${first.fault.phase}  ` : "";
    return [
      ...page.row(first.status, nested, {
        left: `${about}  ${places.length} ${areHosts ? "hosts" : "targets"}${port}`,
        right: first.layers.length === 0 ? "" : `${reached}up to ${slowest(group)}`,
      }),
      ...sentence,
      ...(isNamed ? [] : paragraph(nested.body, "", `${list}${more}`)),
      ...way(first),
    ];
  };

  /** Which way it was asked, where that was not the straight one. */
  const way = (finding: Finding): string[] =>
    finding.vantage.route === "proxy" ? told.asked(nested.body, finding) : [];

  /** Whence the address came, unless the cause names that place itself. */
  const whence = ({ target }: Finding, cause: Cause): string[] => {
    const origin = target?.origin === "default" ? undefined : target?.origin;
    const isKnown = origin === undefined || JSON.stringify([cause.summary, cause.blame, cause.remedy]).includes(origin);
    return isKnown ? [] : paragraph(nested.body, "", `address from ${origin}`);
  };

  const rowsOf = (cause: Cause, own: readonly Finding[], evidence: readonly string[]): string[] => {
    const speak = createSpeaker(cause, evidence, own);
    const kindOf = (finding: Finding): string => {
      const { id, fault, summary } = finding;
      return JSON.stringify([checkFamily(id), fault?.code, fault?.phase, withoutOwn(summary, finding)]);
    };
    const coarse = ({ id, fault }: Finding): string => JSON.stringify([id, fault?.code]);
    const same = (finding: Finding): string => {
      const { id, status, fault, summary, target } = finding;
      const { origin, url: _url, ...place } = target ?? {};
      return JSON.stringify([id, status, summary, place, verbose ? origin : "", fault?.code]);
    };
    const row = (group: readonly Finding[]): string[] => {
      const [first] = group;
      if (first === undefined) return [];
      const names = group.map(nameOf).filter((name) => name !== "");
      return [
        ...told.headline(nested, first, names),
        ...speak(first),
        ...(verbose ? told.details(nested.body, first) : []),
        ...(verbose && !isMended(first, cause) && first.status !== "pass" && first.blame
          ? told.whoseAndFix(nested.body, first)
          : []),
        ...(!verbose && first === own[0] ? [...whence(first, cause), ...way(first)] : []),
      ];
    };
    if (verbose) return alike(own, same).flatMap(row);
    // However different their sentences: hundreds of one check are one row.
    const sizes = new Map(alike(own, coarse).map((group) => [group[0] && coarse(group[0]), group.length]));
    const cluster = (finding: Finding): string =>
      (sizes.get(coarse(finding)) ?? 0) > MANY ? coarse(finding) : kindOf(finding);
    return alike(own, cluster).flatMap((group) => {
      if (alike(group, same).length <= APART) return alike(group, same).flatMap(row);
      const isNamed = (part: readonly Finding[]): boolean =>
        part.length === own.length && part.every((one) => cause.summary.includes(placeOf(one)));
      return alike(group, ({ status }) => status).flatMap((part) =>
        part[0] && alike(part, same).length > 1 ? crowd(part, speak(part[0]), isNamed(part)) : row(part),
      );
    });
  };

  /** What was not asked for that reason: one line for all. */
  const skips = (own: readonly Finding[]): string[] => {
    const skipped = own.filter(({ status }) => status === "skip");
    if (skipped.length === 0) return [];
    if (!verbose && skipped.every(({ because: reasons }) => reasons !== undefined)) {
      const ids = unique(skipped.map(({ id }) => id));
      const reasons = unique(skipped.flatMap(({ because: instances = [] }) => instances.map(checkOf)));
      const first = reasons.filter((id) => !ids.includes(id));
      const shown = (first.length === 0 ? reasons : first).join(", ");
      return page.banner("skip", nested, `${ids.join(", ")} because ${shown} did not pass`, "gray");
    }
    return told
      .reasons("skip", skipped)
      .flatMap(({ reason, names }) => [
        ...page.banner("skip", nested, names.join(", ")),
        ...paragraph(nested.body, "", reason).map((line) => paint("gray", line)),
      ]);
  };

  return (cause) => {
    const { id, summary, blame, modelled, remedy, explains } = cause;
    const own = explainedBy(cause, findings);
    const evidence = evidenceOf(cause, own);
    const shown = verbose || evidence.length <= TOLD ? evidence : evidence.slice(0, TOLD - 1);
    const opening = [
      ...page.banner(statusOf(own), top, summary, "bold"),
      ...paragraph(top.body, "Whose:", whoseIs(blame)),
    ];
    const caveat =
      modelled === undefined ? [] : paragraph(top.body, "", `Modelled from CrowdSec's source, not seen: ${modelled}`);
    if (detail === "quiet")
      return [
        ...opening,
        ...caveat,
        ...page.remedies(top.body, "First:", remedy.slice(0, 1)),
        ...(explains.length > 1 ? paragraph(top.body, "Explains:", counted(explains)) : []),
      ];
    for (const finding of own) if (isMended(finding, cause)) told.remember(finding);
    const rows = [
      ...rowsOf(
        cause,
        own.filter(({ status }) => status !== "skip"),
        shown,
      ),
      ...skips(own),
    ];
    return [
      ...opening,
      ...because(shown, evidence.length - shown.length),
      ...caveat,
      ...page.remedies(top.body, "First:", remedy),
      ...(rows.length === 0 ? [] : [...paragraph(top.body, "", paint("bold", "Explains:")), ...rows]),
      ...(verbose ? page.remedies(top.body, "More:", [aboutIt(id)]) : []),
    ];
  };
};
