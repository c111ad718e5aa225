import { styleText } from "node:util";
import type { Cause, Finding, Remedy, Report, Status } from "../model/report.ts";
import { duration } from "../model/text.ts";
import { bracketed } from "../model/url.ts";

/** How a report is shown; all of it arrives as arguments. */
export interface Style {
  readonly color: boolean;
  /** ASCII symbols only. */
  readonly ascii: boolean;
  /** Columns. */
  readonly width: number;
  /** `quiet`: the last line and what failed. `verbose`: layers and addresses of everything. */
  readonly detail: "quiet" | "normal" | "verbose";
}

type Color = Parameters<typeof styleText>[0];

const SYMBOLS: Readonly<Record<Status, { readonly symbol: string; readonly ascii: string; readonly color: Color }>> = {
  pass: { symbol: "✓", ascii: "+", color: "green" },
  warn: { symbol: "!", ascii: "!", color: "yellow" },
  fail: { symbol: "✗", ascii: "x", color: "red" },
  skip: { symbol: "-", ascii: "-", color: "gray" },
  unknown: { symbol: "?", ascii: "?", color: "magenta" },
};

/** Headings of the report, by the first word of the check's id. */
const GROUPS: readonly (readonly [string, readonly string[]])[] = [
  ["This host", ["config", "credentials", "agent", "proxy", "resolver", "hosts", "trust", "port"]],
  ["Database", ["database"]],
  ["Local API", ["lapi", "bouncer", "machine"]],
  ["Metrics", ["metrics", "pprof"]],
  ["Outgoing", ["outgoing", "tls"]],
];

const PARTIES: Readonly<Record<string, string>> = {
  "this-host": "this host",
  resolver: "the nameserver",
  network: "the network between",
  proxy: "the proxy",
  "remote-host": "the other host",
  "remote-service": "the service there",
  "crowdsec-cloud": "CrowdSec's servers",
  credentials: "the credentials",
  configuration: "the configuration",
};

const VERDICTS = {
  ready: "READY",
  "ready-with-warnings": "READY, WITH WARNINGS",
  "not-ready": "NOT READY",
  unknown: "UNKNOWN",
} as const;
const VERDICT_COLORS = {
  ready: "green",
  "ready-with-warnings": "yellow",
  "not-ready": "red",
  unknown: "magenta",
} as const;

/** Breaks text at spaces; a word longer than the line stays whole, so that it can be copied. */
const wrap = (text: string, width: number): string[] => {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
};

const NARROWEST = 40;
/** More findings of one check than this are told together. */
const MANY = 12;

export const pretty = (report: Report, { color, ascii, width: columns, detail }: Style): string => {
  const width = Math.max(columns, NARROWEST);
  const paint = (style: Color, text: string): string =>
    color && text !== "" ? styleText(style, text, { validateStream: false }) : text;
  const arrow = ascii ? "->" : "→";
  const dot = ascii ? "|" : "·";
  const plain = (text: string): string => (ascii ? text.replaceAll("…", "...").replaceAll("→", "->") : text);

  const INDENT = " ".repeat(10);

  /** A paragraph after a label, indented under itself. */
  const paragraph = (indent: string, label: string, text: string): string[] => {
    const hang = " ".repeat(label.length);
    return wrap(plain(text), width - indent.length - label.length).map(
      (line, index) => `${indent}${index === 0 ? paint("bold", label) : hang}${line}`,
    );
  };

  const remedies = (indent: string, label: string, list: readonly Remedy[]): string[] =>
    list.flatMap(({ text, commands = [], undo = [], url }, index) => {
      const hang = " ".repeat(label.length);
      return [
        ...paragraph(indent, index === 0 ? label : hang, text),
        // Commands are never wrapped: they are there to be copied.
        ...commands.map((command) => `${indent}${hang}$ ${command}`),
        ...(undo.length > 0
          ? [`${indent}${hang}${paint("gray", "to undo:")}`, ...undo.map((command) => `${indent}${hang}$ ${command}`)]
          : []),
        ...(url === undefined ? [] : [`${indent}${hang}${paint("gray", url)}`]),
      ];
    });

  const badge = (status: Status): string => {
    const { symbol, ascii: plainSymbol, color: style } = SYMBOLS[status];
    return paint(style, `${ascii ? plainSymbol : symbol} ${status.toUpperCase().padEnd(7)}`);
  };

  /** What the finding is about, where its host or file does not say it: the client of a Local API, for example. */
  const nameOf = ({ id, instance, target }: Finding): string => {
    const name = instance === id ? "" : instance.slice(id.length + 1);
    return name === target?.host || name === target?.path || name === `${target?.host}:${target?.port}` ? "" : name;
  };

  const subject = ({ id, target }: Finding, names: readonly string[]): string => {
    const about = names.length === 0 ? id : `${id}  ${names.join(", ")}`;
    if (target?.path !== undefined) return `${about}${names.length === 0 ? " " : ` ${arrow}`} ${target.path}`;
    return target?.host === undefined
      ? about
      : `${about} ${names.length === 0 ? " " : ""}${arrow} ${bracketed(target.host)}:${target.port}`;
  };

  const totalMs = ({ layers }: Finding): number => layers.reduce((sum, { durationMs }) => sum + durationMs, 0);

  /** What a pass has to add to its title. */
  const note = ({ status, title, summary }: Finding): string =>
    status === "pass" && summary.startsWith(`${title}: `) ? plain(summary.slice(title.length + 2)) : "";

  /** Badge and subject, on the right how long it took and, of a fault, how far it got; the note of a pass where it fits. */
  const headline = (finding: Finding, names: readonly string[]): string[] => {
    const { status, fault, layers } = finding;
    const left = subject(finding, names);
    const right = layers.length === 0 ? "" : `${fault ? `${fault.phase}  ` : ""}${duration(totalMs(finding))}`;
    const beside = note(finding) && `  ${note(finding)}`;
    const room = width - INDENT.length - left.length - right.length - 2;
    if (room < 0) {
      const [first = "", ...rest] = wrap(left, width - INDENT.length);
      const below = [...rest, paint("gray", right), ...wrap(note(finding), width - INDENT.length)];
      return [`${badge(status)} ${first}`, ...below.filter((line) => line !== "").map((line) => INDENT + line)];
    }
    const shown = beside.length <= room ? beside : "";
    const fill = right === "" ? "" : " ".repeat(room + 2 - shown.length);
    return [
      `${badge(status)} ${left}${paint("gray", `${shown}${fill}${right}`)}`,
      ...(shown === beside ? [] : paragraph(INDENT, "", note(finding))),
    ];
  };

  const layerLine = ({ layers }: Finding): string =>
    layers
      .map(({ phase, ok, durationMs }) => `${phase} ${ok ? "" : "failed "}${duration(durationMs)}`)
      .join(` ${dot} `);

  const addressLines = ({ addresses = [] }: Finding): string[] =>
    addresses.flatMap(({ address, ok, code, durationMs }) =>
      paragraph(INDENT, "", `${address}: ${ok ? "connected" : code} ${duration(durationMs)}`),
    );

  /** As whom, and which way, it was asked. */
  const asWhom = ({ vantage: { env, proxy, noProxy } }: Finding): string =>
    [
      ...(env === undefined ? [] : [`as ${env}`]),
      ...(proxy === undefined ? [] : [`through ${proxy}`]),
      ...(noProxy === undefined ? [] : [`past the proxy: ${noProxy}`]),
    ].join(", ");

  /** The first finding with this fault and remedy: the remedy is shown once, and the others point to it. */
  const shownFor = new Map<string, string>();
  const fix = ({ id, fault, remedy, target }: Finding): string[] => {
    // Remedies that differ in their own host or file only are the same.
    const own = [target?.host, target?.path].filter((word) => word !== undefined && word !== "");
    const words = own.reduce<string>(
      (text, word) => text.replaceAll(word ?? "", "*"),
      JSON.stringify(remedy.map(({ text }) => text)),
    );
    const key = `${id.split("-")[0]} ${fault?.code} ${words}`;
    const before = shownFor.get(key);
    if (detail !== "verbose" && before !== undefined) return paragraph(INDENT, "Fix:   ", `as for ${before}`);
    shownFor.set(key, id);
    return remedies(INDENT, "Fix:   ", remedy);
  };

  /** The check that explains this failure, when it is another one. */
  const followsFrom = ({ id, instance }: Finding): string | undefined => {
    const cause = report.causes.find(({ explains }) => explains.includes(instance));
    const first = cause?.explains[0]?.split("@")[0];
    // Failures of one family share a cause; none of them follows from another.
    return first?.split("-")[0] === id.split("-")[0] ? undefined : first;
  };

  const body = (finding: Finding): string[] => {
    const { status, summary, blame, layers, target } = finding;
    const verbose =
      detail === "verbose"
        ? [
            ...(layers.length > 0 ? paragraph(INDENT, "", layerLine(finding)) : []),
            ...addressLines(finding),
            ...(asWhom(finding) === "" ? [] : paragraph(INDENT, "Asked: ", asWhom(finding))),
          ]
        : [];
    if (status === "pass") return verbose;
    if (status === "unknown") return [...paragraph(INDENT, "", summary), ...verbose];
    const cause = followsFrom(finding);
    if (cause !== undefined && detail !== "verbose")
      return [...paragraph(INDENT, "", summary), ...paragraph(INDENT, "", `Follows from ${cause}, above.`)];
    const whose = blame ? `${PARTIES[blame.party]} (${blame.confidence})` : "";
    const origin = target?.origin && target.origin !== "default" ? `, address from ${target.origin}` : "";
    return [
      ...paragraph(INDENT, "", summary),
      // One layer is told by the sentence above.
      ...(detail !== "verbose" && layers.length > 1
        ? paragraph(INDENT, "Seen:  ", `${layerLine(finding)}${origin}`)
        : verbose),
      ...(detail !== "verbose" && finding.vantage.route === "proxy"
        ? paragraph(INDENT, "Asked: ", asWhom(finding))
        : []),
      ...paragraph(INDENT, "Whose: ", whose),
      ...fix(finding),
    ];
  };

  /** Instances as a person reads them: each check once, unless asked for more. */
  const listed = (instances: readonly string[]): string => {
    if (detail === "verbose") return instances.join(", ");
    const ids = [...new Set(instances.map((instance) => instance.split("@")[0]))];
    return ids.length === 1 ? `${ids[0]} (${instances.length})` : ids.join(", ");
  };

  const causeLines = ({ summary, blame, explains, remedy }: Cause): string[] => [
    `${badge("fail")} ${wrap(plain(summary), width - 10).join(`\n${INDENT}`)}`,
    ...paragraph(INDENT, "Whose: ", `${PARTIES[blame.party]} (${blame.confidence})`),
    ...(explains.length > 1 ? paragraph(INDENT, "Explains: ", listed(explains)) : []),
    ...remedies(INDENT, "First: ", remedy.slice(0, 1)),
  ];

  /**
   * Findings that would read the same, as those of clients with one file do, are one row with all their names. Of more
   * than a screen can hold, one stands for all that are alike.
   */
  const rows = (findings: readonly Finding[]): string[] => {
    const alike = new Map<string, Finding[]>();
    const coarse = ({ id, status, fault }: Finding): string => JSON.stringify([id, status, fault?.code]);
    const sizes = new Map<string, number>();
    for (const finding of findings) sizes.set(coarse(finding), (sizes.get(coarse(finding)) ?? 0) + 1);
    for (const finding of findings) {
      const { id, status, summary, target, fault } = finding;
      // Where a value was read matters only where it may have to be changed.
      const { origin, url: _url, ...place } = target ?? {};
      const placed = status === "pass" || (detail !== "verbose" && followsFrom(finding) !== undefined) ? "" : origin;
      const told = [id, status, summary, place, placed, fault?.code];
      const together = detail !== "verbose" && (sizes.get(coarse(finding)) ?? 0) > MANY;
      const key = together ? coarse(finding) : JSON.stringify(told);
      alike.set(key, [...(alike.get(key) ?? []), finding]);
    }
    return [...alike.values()].flatMap((group) => {
      const [first] = group;
      if (first === undefined) return [];
      if (group.length <= MANY)
        return [
          ...headline(
            first,
            group.map(nameOf).filter((name) => name !== ""),
          ),
          ...body(first),
        ];
      const names = group.map(({ id, instance }) => instance.slice(id.length + 1));
      const shown = `${names.slice(0, MANY).join(", ")}, and ${names.length - MANY} more`;
      if (first.status === "pass") {
        const left = `${first.id}  ${group.length} targets`;
        const slowest = `slowest ${duration(Math.max(...group.map(totalMs)))}`;
        return INDENT.length + left.length + slowest.length + 2 > width
          ? [`${badge("pass")} ${left}`, `${INDENT}${paint("gray", slowest)}`]
          : [`${badge("pass")} ${left}${paint("gray", `  ${slowest}`)}`];
      }
      return [
        `${badge(first.status)} ${first.id}  ${group.length} targets`,
        ...paragraph(INDENT, "All:   ", shown),
        ...body(first),
      ];
    });
  };

  /** What was skipped, or is unknown, for one and the same reason is one line. */
  const reasonLines = (status: "skip" | "unknown", findings: readonly Finding[]): string[] => {
    const byReason = new Map<string, string[]>();
    for (const { reason = "", because, id, instance } of findings.filter((finding) => finding.status === status)) {
      if (reason === "not selected" && detail !== "verbose") continue;
      // Each client's row follows from its own: told once for all.
      const told =
        because && detail !== "verbose"
          ? `because ${[...new Set(because.map((one) => one.split("@")[0]))].join(", ")} did not pass`
          : reason;
      const name = detail === "verbose" ? instance : id;
      const names = byReason.get(told) ?? [];
      if (!names.includes(name)) byReason.set(told, [...names, name]);
    }
    return [...byReason].flatMap(([reason, instances]) => [
      `${badge(status)} ${wrap(instances.join(", "), width - 10).join(`\n${INDENT}`)}`,
      ...paragraph(INDENT, "", reason).map((line) => paint("gray", line)),
    ]);
  };

  const { run, summary, causes, findings } = report;
  const lines: string[] = [];
  const heading = (text: string): void => {
    if (lines.length > 0) lines.push("");
    lines.push(paint("bold", text));
  };

  if (causes.length > 0) {
    heading(causes.length === 1 ? "What is wrong" : `What is wrong (${causes.length} causes)`);
    lines.push(...causes.flatMap(causeLines));
  }
  const grouped = new Set(GROUPS.flatMap(([, words]) => words));
  const groups = [
    ...GROUPS,
    [
      "Others",
      [...new Set(findings.map(({ id }) => id.split("-")[0] ?? ""))].filter((word) => !grouped.has(word)),
    ] as const,
  ];
  for (const [name, words] of groups) {
    const own = findings.filter(({ id }) => words.includes(id.split("-")[0] ?? ""));
    const judged = own.filter(
      ({ status }) =>
        status === "fail" ||
        status === "warn" ||
        (status === "pass" && detail !== "quiet") ||
        (status === "unknown" && detail === "verbose"),
    );
    const unjudged = [
      ...(detail === "verbose" ? [] : reasonLines("unknown", own)),
      ...(detail === "quiet" ? [] : reasonLines("skip", own)),
    ];
    if (judged.length + unjudged.length === 0) continue;
    heading(name);
    lines.push(...rows(judged));
    lines.push(...unjudged);
  }

  const counts = (["pass", "warn", "fail", "unknown", "skip"] as const)
    .filter((status) => summary.counts[status] > 0)
    .map((status) => `${summary.counts[status]} ${status}`);
  const where = `roles ${run.roles.join(", ") || "none"}, phase ${run.phase}, ${run.engineVersion === undefined ? "CrowdSec's version unknown, judged as the newest" : `CrowdSec ${run.engineVersion}`}`;
  if (detail !== "quiet") {
    lines.push("", ...wrap(`Looked at as: ${where}.`, width).map((line) => paint("gray", line)));
  }
  const interrupted = run.interrupted ? ", interrupted" : "";
  lines.push(
    `${counts.join(", ") || "nothing checked"} in ${duration(run.durationMs)}${interrupted}: ${paint(["bold", VERDICT_COLORS[summary.verdict]], VERDICTS[summary.verdict])}`,
  );
  const text = `${lines.join("\n")}\n`;
  // What came from outside may hold any letter.
  return ascii ? text.replace(/\P{ASCII}/gu, "?") : text;
};
