import { checkFamily, checkOf, type Finding, NOT_SELECTED } from "../model/report.ts";
import { duration } from "../model/text.ts";
import { bracketed } from "../model/url.ts";
import { type Page, type Place, whoseIs } from "./pretty-page.ts";

/** More findings of one check than this are told together. */
export const MANY = 12;

/** What the finding is about, where its host or file does not say it: the client of a Local API, for example. */
export const nameOf = ({ id, instance, target }: Finding): string => {
  const name = instance === id ? "" : instance.slice(id.length + 1);
  return name === target?.host || name === target?.path || name === `${target?.host}:${target?.port}` ? "" : name;
};

/** Milliseconds of all its layers. */
export const totalMs = ({ layers }: Finding): number => layers.reduce((sum, { durationMs }) => sum + durationMs, 0);

export const slowest = (findings: readonly Finding[]): string => duration(Math.max(...findings.map(totalMs)));

/** How long it took, and of a fault how far it got. */
const timing = (finding: Finding): string =>
  finding.layers.length === 0 ? "" : `${finding.fault ? `${finding.fault.phase}  ` : ""}${duration(totalMs(finding))}`;

/** What a pass has to add to its title. */
const note = ({ status, title, summary }: Finding): string =>
  status === "pass" && summary.startsWith(`${title}: `) ? summary.slice(title.length + 2) : "";

/** A sentence without the finding's own host, addresses and times: two that are equal then say the same of two things. */
export const withoutOwn = (text: string, { id, instance, target, addresses = [] }: Finding): string =>
  [
    target?.url,
    target?.host,
    target?.path,
    instance === id ? undefined : instance.slice(id.length + 1),
    ...addresses.map(({ address }) => address),
  ]
    .filter((word) => word !== undefined && word !== "")
    .sort((a, b) => (b?.length ?? 0) - (a?.length ?? 0))
    .reduce<string>((rest, word) => rest.replaceAll(word ?? "", "*"), text)
    .replace(/\b\d+(\.\d+)? m?s\b/g, "*")
    // However many addresses it has.
    .replace(/\*(?:, \*)+/g, "*");

/** Findings that would read the same, in the order of the first of each. */
export const alike = (findings: readonly Finding[], keyOf: (finding: Finding) => string): readonly Finding[][] => {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = keyOf(finding);
    const group = groups.get(key);
    if (group) group.push(finding);
    else groups.set(key, [finding]);
  }
  return [...groups.values()];
};

/** Findings as rows: badge, subject, how long it took, and what is said of them. */
export interface Findings {
  headline(place: Place, finding: Finding, names: readonly string[]): string[];
  /** Layers, addresses, and as whom it was asked. */
  details(indent: number, finding: Finding): string[];
  /** Through which proxy it was asked, or past which. */
  asked(indent: number, finding: Finding): string[];
  whoseAndFix(indent: number, finding: Finding): string[];
  /** A remedy that stands above already: others point to it. */
  remember(finding: Finding): void;
  rows(findings: readonly Finding[]): string[];
  /** What was skipped, or is unknown, for one and the same reason. */
  reasons(status: "skip" | "unknown", findings: readonly Finding[]): readonly Reason[];
  reasonLines(status: "skip" | "unknown", findings: readonly Finding[]): string[];
}

interface Reason {
  readonly reason: string;
  readonly names: readonly string[];
}

export const createFindings = (page: Page): Findings => {
  const { detail, arrow, dot, top, paint, paragraph } = page;
  const verbose = detail === "verbose";

  const subject = ({ id, target }: Finding, names: readonly string[]): string => {
    const about = names.length === 0 ? id : `${id}  ${names.join(", ")}`;
    if (target?.path !== undefined) return `${about}${names.length === 0 ? " " : ` ${arrow}`} ${target.path}`;
    return target?.host === undefined ? about : `${about} ${arrow} ${bracketed(target.host)}:${target.port}`;
  };

  const headline: Findings["headline"] = (place, finding, names) =>
    page.row(finding.status, place, {
      left: subject(finding, names),
      beside: note(finding),
      right: timing(finding),
    });

  const layerLine = ({ layers }: Finding): string =>
    layers
      .map(({ phase, ok, durationMs }) => `${phase} ${ok ? "" : "failed "}${duration(durationMs)}`)
      .join(` ${dot} `);

  /** As whom, and which way, it was asked. */
  const asWhom = ({ vantage: { env, proxy, noProxy } }: Finding): string =>
    [
      ...(env === undefined ? [] : [`as ${env}`]),
      ...(proxy === undefined ? [] : [`through ${proxy}`]),
      ...(noProxy === undefined ? [] : [`past the proxy: ${noProxy}`]),
    ].join(", ");

  const asked: Findings["asked"] = (indent, finding) =>
    asWhom(finding) === "" ? [] : paragraph(indent, "Asked:", asWhom(finding));

  const details: Findings["details"] = (indent, finding) => [
    ...(finding.layers.length > 0 ? paragraph(indent, "", layerLine(finding)) : []),
    ...(finding.addresses ?? []).flatMap(({ address, ok, code, durationMs, source }) => {
      const from = source === undefined ? "" : `, from ${source}`;
      return paragraph(indent, "", `${address}: ${ok ? "connected" : code} ${duration(durationMs)}${from}`);
    }),
    ...asked(indent, finding),
  ];

  /** The first finding with this fault and remedy: the remedy is shown once, and the others point to it. */
  const shownFor = new Map<string, string>();
  const keyOf = (finding: Finding): string => {
    // Remedies that differ in their own host or file only are the same.
    const words = withoutOwn(JSON.stringify(finding.remedy.map(({ text }) => text)), finding);
    return `${checkFamily(finding.id)} ${finding.fault?.code} ${words}`;
  };
  const remember: Findings["remember"] = (finding) => {
    const key = keyOf(finding);
    if (!shownFor.has(key)) shownFor.set(key, finding.id);
  };
  const fix = (indent: number, finding: Finding): string[] => {
    const before = shownFor.get(keyOf(finding));
    if (!verbose && before !== undefined) return paragraph(indent, "Fix:", `as for ${before}`);
    remember(finding);
    return page.remedies(indent, "Fix:", finding.remedy);
  };

  const whoseAndFix: Findings["whoseAndFix"] = (indent, finding) => [
    ...(finding.blame ? paragraph(indent, "Whose:", whoseIs(finding.blame)) : []),
    ...fix(indent, finding),
  ];

  const body = (finding: Finding): string[] => {
    const { status, summary, layers, target, vantage } = finding;
    const all = verbose ? details(top.body, finding) : [];
    if (status === "pass") return all;
    if (status === "unknown") return [...paragraph(top.body, "", summary), ...all];
    const origin = target?.origin && target.origin !== "default" ? `, address from ${target.origin}` : "";
    return [
      ...paragraph(top.body, "", summary),
      // One layer is told by the sentence above.
      ...(!verbose && layers.length > 1 ? paragraph(top.body, "Seen:", `${layerLine(finding)}${origin}`) : all),
      ...(!verbose && vantage.route === "proxy" ? asked(top.body, finding) : []),
      ...whoseAndFix(top.body, finding),
    ];
  };

  /** Of more than a screen can hold, one stands for all that are alike. */
  const crowd = (first: Finding, group: readonly Finding[]): string[] => {
    const left = `${first.id}  ${group.length} targets`;
    if (first.status === "pass") return page.row("pass", top, { left, beside: `slowest ${slowest(group)}`, right: "" });
    const names = group.map(({ id, instance }) => instance.slice(id.length + 1));
    return [
      ...page.row(first.status, top, { left, right: "" }),
      ...paragraph(top.body, "All:", `${names.slice(0, MANY).join(", ")}, and ${names.length - MANY} more`),
      ...body(first),
    ];
  };

  const rows: Findings["rows"] = (findings) => {
    const coarse = ({ id, status, fault }: Finding): string => JSON.stringify([id, status, fault?.code]);
    const sizes = new Map(alike(findings, coarse).map((group) => [group[0] && coarse(group[0]), group.length]));
    const fine = (finding: Finding): string => {
      const { id, status, summary, target, fault } = finding;
      if (!verbose && (sizes.get(coarse(finding)) ?? 0) > MANY) return coarse(finding);
      // Where a value was read matters only where it may have to be changed.
      const { origin, url: _url, ...place } = target ?? {};
      return JSON.stringify([id, status, summary, place, status === "pass" ? "" : origin, fault?.code]);
    };
    return alike(findings, fine).flatMap((group) => {
      const [first] = group;
      if (first === undefined) return [];
      if (group.length > MANY) return crowd(first, group);
      const names = group.map(nameOf).filter((name) => name !== "");
      return [...headline(top, first, names), ...body(first)];
    });
  };

  const reasons: Findings["reasons"] = (status, findings) => {
    const byReason = new Map<string, readonly string[]>();
    for (const { reason = "", because, id, instance } of findings.filter((finding) => finding.status === status)) {
      if (reason === NOT_SELECTED && !verbose) continue;
      // Each client's row follows from its own: told once for all.
      const told =
        because && !verbose ? `because ${[...new Set(because.map(checkOf))].join(", ")} did not pass` : reason;
      const names = byReason.get(told) ?? [];
      byReason.set(told, [...new Set([...names, verbose ? instance : id])]);
    }
    return [...byReason].map(([reason, names]) => ({ reason, names }));
  };

  const reasonLines: Findings["reasonLines"] = (status, findings) =>
    reasons(status, findings).flatMap(({ reason, names }) => [
      ...page.banner(status, top, names.join(", ")),
      ...paragraph(top.body, "", reason).map((line) => paint("gray", line)),
    ]);

  return { headline, details, asked, whoseAndFix, remember, rows, reasons, reasonLines };
};
