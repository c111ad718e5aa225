import type { CauseCatalogue, Diagnosed, Group, Link, NamedCause } from "../model/cause.ts";
import { remediesFor } from "../model/remedy.ts";
import { type Cause, checkFamily, type Finding } from "../model/report.ts";
import { fill } from "../model/text.ts";
import { groupAlike, seenIn } from "./alike.ts";

const CONFIDENCE = ["certain", "likely", "possible"] as const;

/** What each finding follows from. The first link counts; one that would close a circle is passed over. */
const reasonsOf = (links: readonly Link[]): ReadonlyMap<Finding, Link> => {
  const reasons = new Map<Finding, Link>();
  for (const link of links) {
    if (reasons.has(link.effect) || rootOf(link.reason, reasons) === link.effect) continue;
    reasons.set(link.effect, link);
  }
  return reasons;
};

/** The links from a finding to what it follows from in the end, in that order. */
const pathOf = (finding: Finding, reasons: ReadonlyMap<Finding, Link>): readonly Link[] => {
  const link = reasons.get(finding);
  return link === undefined ? [] : [link, ...pathOf(link.reason, reasons)];
};

const rootOf = (finding: Finding, reasons: ReadonlyMap<Finding, Link>): Finding =>
  pathOf(finding, reasons).at(-1)?.reason ?? finding;

/** A group, and the cause that gave it its name; without one, its members speak for themselves. */
interface Case {
  readonly group: Group;
  readonly named?: NamedCause;
}

/** Each named cause takes its own of what is left; the rest is grouped by what is alike in it. */
const casesOf = (roots: readonly Finding[], run: Diagnosed, named: readonly NamedCause[]): readonly Case[] => {
  let left = roots;
  const cases: Case[] = [];
  for (const cause of named) {
    for (const group of cause.find(left, run)) {
      cases.push({ group, named: cause });
      left = left.filter((finding) => !group.members.includes(finding));
    }
  }
  return [...cases, ...groupAlike(left).map((group) => ({ group }))];
};

/** Two causes of one kind are told apart by what they are about. */
const idOf = ({ group: { members, about }, named }: Case): string => {
  const [first] = members;
  const code = first?.fault?.code ?? "";
  const family = checkFamily(first?.id ?? "");
  const base = named?.id ?? (code.startsWith(`${family}-`) ? code : `${family}-${code}`);
  return about === undefined ? base : `${base}@${about}`;
};

const unique = <T>(list: readonly T[]): readonly T[] => [...new Set(list)];

const toCause = (each: Case, run: Diagnosed, reasons: ReadonlyMap<Finding, Link>): readonly Cause[] => {
  const { group, named } = each;
  const { members, data, when, confidence, evidence, party } = group;
  const [first] = members;
  if (first?.blame === undefined) return [];
  const { findings, topology } = run;
  const effects = findings.filter(
    (finding) => !members.includes(finding) && members.includes(rootOf(finding, reasons)) && reasons.has(finding),
  );
  const own = [...members, ...effects].map(({ instance }) => instance);
  const following = findings.filter(({ because }) => because?.some((instance) => own.includes(instance)));
  const links = unique(effects.flatMap((effect) => pathOf(effect, reasons)));
  const modelled = unique(links.flatMap((link) => link.modelled ?? []));
  const remedies = named
    ? remediesFor(named.remedy, { data, system: topology.system, ...(when !== undefined && { when }) })
    : [];
  const seen = unique([...evidence, ...links.map(({ why }) => why)]);
  const summary = named ? fill(named.says, data) : (group.data["summary"] ?? first.summary);
  return [
    {
      id: idOf(each),
      summary: [String(summary), ...unique(links.flatMap(({ so = [] }) => so))].join(", "),
      blame: {
        party: party ?? named?.blame ?? first.blame.party,
        confidence,
        evidence: seen.length > 0 ? seen : [seenIn(first)],
      },
      explains: unique([...own, ...following.map(({ instance }) => instance)]),
      ...(modelled.length > 0 && { modelled: modelled.join("; ") }),
      remedy: [
        ...links.flatMap(({ before = [] }) => before),
        ...(remedies.length > 0 ? remedies : first.remedy),
        ...links.flatMap(({ after = [] }) => after),
      ],
    },
  ];
};

/** An id that stands twice gets the instance that shows it behind it. */
const apart = (causes: readonly Cause[]): readonly Cause[] =>
  causes.map((cause) =>
    causes.filter(({ id }) => id === cause.id).length === 1
      ? cause
      : { ...cause, id: `${cause.id}@${cause.explains[0]}` },
  );

/**
 * Only failures need a cause. Each is followed to what it is a consequence of; what is left there is put together where
 * it has one reason. The most certain come first; of equals, the one that explains most.
 */
export const findCauses = (run: Diagnosed, { named, links }: CauseCatalogue): readonly Cause[] => {
  const reasons = reasonsOf(links(run));
  const failures = run.findings.filter(({ status }) => status === "fail");
  const roots = unique(failures.map((finding) => rootOf(finding, reasons)));
  const causes = casesOf(roots, run, named).flatMap((each) => toCause(each, run, reasons));
  return [...apart(causes)].sort(
    (a, b) =>
      CONFIDENCE.indexOf(a.blame.confidence) - CONFIDENCE.indexOf(b.blame.confidence) ||
      b.explains.length - a.explains.length,
  );
};
