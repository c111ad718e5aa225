import type { Cause, Finding, Report } from "../model/report.ts";
import { VERDICTS } from "../model/shown.ts";
import { duration } from "../model/text.ts";
import { COMPARE_SCHEMA_VERSION, type Document } from "./document.ts";
import { isWorse, isWorseVerdict } from "./rank.ts";
import { listed, showTime } from "./sheet.ts";
import { hasStandIn, withoutNames, withoutNumbers } from "./stand-ins.ts";

/** In the order in which they are told. */
export const DIRECTIONS = ["worse", "better", "other"] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** What can change, in the order in which it is told; what explains others stands before them. */
export const KINDS = [
  "verdict",
  "cause",
  "status",
  "fault",
  "tool",
  "engine",
  "phase",
  "roles",
  "env",
  "user",
  "namespace",
  "configuration",
  "acquisition",
  "file",
  "route",
  "environment",
  "issuer",
  "tls",
  "addresses",
  "source",
  "latency",
] as const;
export type Kind = (typeof KINDS)[number];

/** One thing that is not as it was. */
export interface Change {
  readonly direction: Direction;
  readonly kind: Kind;
  /** A finding's instance, a cause's id, a key of the configuration, a file's path; empty of the whole run. */
  readonly of: string;
  /** Left out where it was not there. */
  readonly before?: string;
  /** Left out where it is not there any more. */
  readonly after?: string;
  /** The report's own sentence on it; of sets, what is new and what is gone. */
  readonly says?: string;
}

/** One of the two reports. */
export interface Side {
  readonly document: string;
  readonly host?: string;
  /** RFC 3339, UTC. */
  readonly startedAt: string;
  readonly verdict: Report["summary"]["verdict"];
  readonly toolVersion: string;
}

export interface Difference {
  readonly schemaVersion: typeof COMPARE_SCHEMA_VERSION;
  readonly kind: "diff";
  readonly before: Side;
  readonly after: Side;
  /** What to know before one reads it, a sentence each. */
  readonly remarks: readonly string[];
  readonly changes: readonly Change[];
  /** Findings of which nothing has changed, and causes that are as they were. */
  readonly stayed: { readonly findings: number; readonly causes: readonly string[] };
  /** A status or the verdict got worse, or a cause came. */
  readonly gotWorse: boolean;
}

/** `tcp-refused at connect`; with the number that tells two faults of one code apart. */
const faultWords = ({ fault }: Finding): string => {
  if (fault === undefined) return "";
  const { code, phase, httpStatus, sqlState } = fault;
  const number = httpStatus ?? sqlState;
  // What is no network has no layer to fail at.
  return `${code}${number === undefined ? "" : ` ${number}`}${phase === "host" ? "" : ` at ${phase}`}`;
};

const statusWords = (finding: Finding): string =>
  finding.fault === undefined || finding.status === "unknown"
    ? finding.status
    : `${finding.status} (${faultWords(finding)})`;

const isGood = ({ status }: Finding): boolean => status === "pass" || status === "warn";

/** Skipped since something else did not pass: it may be as bad as it was, or as good. */
const isHidden = ({ status, because = [] }: Finding): boolean => status === "skip" && because.length > 0;

/**
 * Whether that is worse. A failure or warning that was not there before is, also where nobody had looked; a pass that
 * can no longer be judged is, since the verdict is no longer `ready`, and so is one that is skipped because another check
 * fails. A failure that can no longer be judged, or is skipped, is not better: nobody has seen it mended. What does not
 * apply any more, or applies now and passes, is neither.
 */
const directionOf = (before: Finding | undefined, after: Finding | undefined): Direction => {
  if (after === undefined) return "other";
  switch (after.status) {
    case "fail":
    case "warn":
      if (before === undefined) return "worse";
      return isWorse(after.status, before.status) ? "worse" : "better";
    case "unknown":
      return before !== undefined && isGood(before) ? "worse" : "other";
    case "skip":
      return before !== undefined && isGood(before) && isHidden(after) ? "worse" : "other";
    case "pass":
      return before !== undefined && (before.status !== "skip" || isHidden(before)) ? "better" : "other";
  }
};

type Told = Pick<Change, "before" | "after" | "says">;

const changed = (before: string | undefined, after: string | undefined, says?: string): readonly Told[] =>
  before === after
    ? []
    : [
        {
          ...(before !== undefined && { before }),
          ...(after !== undefined && { after }),
          ...(says !== undefined && { says }),
        },
      ];

const sentence = (words: readonly string[]): string | undefined => (words.length === 0 ? undefined : words.join("; "));

/** Sets are equal whatever their order. */
const changedSet = (before: readonly string[], after: readonly string[]): readonly Told[] => {
  const [had, has] = [new Set(before), new Set(after)];
  const came = after.filter((one) => !had.has(one));
  const went = before.filter((one) => !has.has(one));
  const says = sentence([
    ...(came.length > 0 ? [`new ${listed(came)}`] : []),
    ...(went.length > 0 ? [`gone ${listed(went)}`] : []),
  ]);
  return says === undefined ? [] : changed(before.join(", "), after.join(", "), says);
};

const unique = (list: readonly string[]): readonly string[] => [...new Set(list)].sort();

/** What a TLS handshake that went well showed: `TLSv1.3, CN=R3, O=Let's Encrypt`; a database's has the protocol only. */
const tlsOf = ({ layers }: Finding): { readonly protocol?: string; readonly issuer?: string } => {
  const detail = layers.find(({ phase, ok }) => phase === "handshake" && ok)?.detail;
  const [, protocol, issuer] = /^((?:TLS|SSL)v[\d.]+)(?:, (.+))?$/s.exec(detail ?? "") ?? [];
  return { ...(protocol !== undefined && { protocol }), ...(issuer !== undefined && { issuer }) };
};

const wayOf = ({ vantage: { route, proxy, noProxy } }: Finding): string => {
  if (route === "proxy") return `through ${proxy ?? "a proxy"}`;
  const past = noProxy === undefined ? "" : `, past the proxy: ${noProxy}`;
  return `${route === "local" ? "on this host" : "direct"}${past}`;
};

/** A process has another number after each start. */
const environmentOf = ({ vantage: { env } }: Finding): string | undefined => env?.replace(/\bprocess \d+/g, "process");

/** Slower, or quicker, by less than this is noise, milliseconds: a lost packet or a busy peer costs that much. */
const NOISE_MS = 100;
const NOISE_FACTOR = 2;

/**
 * How long the layers took that both went through well. Not the resolving: whoever asks first waits for all that the
 * nameserver has forgotten, and the next one does not.
 */
const latencyOf = (before: Finding, after: Finding): readonly Told[] => {
  const both = after.layers.flatMap(({ phase, ok, durationMs }) => {
    const earlier = before.layers.find((layer) => layer.phase === phase);
    return ok && earlier?.ok && phase !== "resolve" && phase !== "host"
      ? [{ earlier: earlier.durationMs, later: durationMs }]
      : [];
  });
  const was = both.reduce((sum, { earlier }) => sum + earlier, 0);
  const is = both.reduce((sum, { later }) => sum + later, 0);
  const [low, high] = was < is ? [was, is] : [is, was];
  return high - low > NOISE_MS && high > NOISE_FACTOR * low ? changed(duration(was), duration(is)) : [];
};

/** It was really asked; the vantage of others says nothing. */
const wasAsked = ({ layers }: Finding): boolean => layers.length > 0;

const all = (of: string, kind: Kind, told: readonly Told[], direction: Direction = "other"): readonly Change[] =>
  told.map((each) => ({ direction, kind, of, ...each }));

/** What has changed of one finding; the remedy follows from the rest, and is not compared. */
const ofFinding = (before: Finding, after: Finding): readonly Change[] => {
  const of = after.instance;
  const isSame = before.status === after.status;
  const why = after.status === "pass" ? undefined : after.summary;
  const hasFault = after.status === "fail" || after.status === "warn";
  const tells: readonly Change[] = isSame
    ? all(of, "fault", hasFault ? changed(faultWords(before), faultWords(after), after.summary) : [])
    : all(of, "status", changed(statusWords(before), statusWords(after), why), directionOf(before, after));
  if (!wasAsked(before) || !wasAsked(after)) return tells;
  const [seenBefore, seenAfter] = [tlsOf(before), tlsOf(after)];
  const addresses = ({ addresses: list = [] }: Finding): readonly string[] =>
    unique(list.map(({ address }) => address));
  const sources = ({ addresses: list = [] }: Finding): readonly string[] =>
    unique(list.flatMap(({ source }) => source ?? []));
  /** Where one of the two has nothing, it did not get that far, which its status says. */
  const bothHave = <T extends string | undefined>(one: T, other: T): readonly Told[] =>
    one === undefined || other === undefined ? [] : changed(one, other);
  const bothFilled = (one: readonly string[], other: readonly string[]): readonly Told[] =>
    one.length === 0 || other.length === 0 ? [] : changedSet(one, other);
  return [
    ...tells,
    ...all(of, "route", changed(wayOf(before), wayOf(after))),
    ...all(of, "environment", bothHave(environmentOf(before), environmentOf(after))),
    ...all(of, "issuer", bothHave(seenBefore.issuer, seenAfter.issuer)),
    ...all(of, "tls", bothHave(seenBefore.protocol, seenAfter.protocol)),
    ...all(of, "addresses", bothFilled(addresses(before), addresses(after))),
    ...all(of, "source", bothFilled(sources(before), sources(after))),
    ...all(of, "latency", isGood(before) && isGood(after) ? latencyOf(before, after) : []),
  ];
};

const byInstance = (findings: readonly Finding[]): ReadonlyMap<string, Finding> =>
  new Map(findings.map((finding) => [finding.instance, finding]));

const ofFindings = (
  before: Report,
  after: Report,
): { readonly changes: readonly Change[]; readonly stayed: number } => {
  const earlier = byInstance(before.findings);
  const later = byInstance(after.findings);
  const pairs = after.findings.map((finding) => {
    const was = earlier.get(finding.instance);
    if (was !== undefined) return ofFinding(was, finding);
    const why = finding.status === "pass" ? undefined : finding.summary;
    return all(finding.instance, "status", changed(undefined, statusWords(finding), why), directionOf(was, finding));
  });
  const went = before.findings
    .filter(({ instance }) => !later.has(instance))
    .flatMap((finding) => all(finding.instance, "status", changed(statusWords(finding), undefined)));
  return { changes: [...pairs.flat(), ...went], stayed: pairs.filter((changes) => changes.length === 0).length };
};

/**
 * A cause that came is worse, unless what shows it failed before, for whatever reason: all that it explains, or those of
 * it that fail as its first finding does; what else it took along is told finding by finding. One that went is better,
 * unless something of what it explained still fails, or nobody could look.
 */
const ofCauses = (before: Report, after: Report): readonly Change[] => {
  const earlier = byInstance(before.findings);
  const later = byInstance(after.findings);
  const failing = ({ explains }: Cause, findings: ReadonlyMap<string, Finding>): readonly string[] =>
    explains.filter((instance) => findings.get(instance)?.status === "fail");
  const ids = (report: Report): ReadonlySet<string> => new Set(report.causes.map(({ id }) => id));
  const [had, has] = [ids(before), ids(after)];
  const came = after.causes
    .filter(({ id }) => !had.has(id))
    .flatMap((cause) => {
      const failed = failing(cause, later);
      const codeOf = (instance: string | undefined): string | undefined =>
        instance === undefined ? undefined : later.get(instance)?.fault?.code;
      const showing = failed.filter((instance) => codeOf(instance) === codeOf(failed[0]));
      const isKnown = showing.length > 0 && showing.every((instance) => earlier.get(instance)?.status === "fail");
      return all(cause.id, "cause", [{ after: cause.id, says: cause.summary }], isKnown ? "other" : "worse");
    });
  const went = before.causes
    .filter(({ id }) => !has.has(id))
    .flatMap((cause) => {
      const now = failing(cause, earlier).flatMap((instance) => later.get(instance) ?? []);
      const isMended = now.length > 0 && now.every(isGood);
      return all(cause.id, "cause", [{ before: cause.id, says: cause.summary }], isMended ? "better" : "other");
    });
  return [...came, ...went];
};

const engineOf = ({ run }: Report): string | undefined =>
  run.engineVersion ?? (run.candidateVersion === undefined ? undefined : `${run.candidateVersion}, not installed yet`);

const verdictDirection = (before: Report, after: Report): Direction => {
  const [was, is] = [before.summary.verdict, after.summary.verdict];
  if (isWorseVerdict(is, was)) return "worse";
  // What cannot be judged any more is not mended.
  return is === "unknown" ? "other" : "better";
};

const ofRun = (before: Report, after: Report): readonly Change[] => {
  const words = ({ summary }: Report): string => VERDICTS[summary.verdict];
  const [was, is] = [before, after].map(({ findings }) => findings[0]?.vantage);
  const whence: readonly Change[] =
    was === undefined || is === undefined
      ? []
      : [...all("", "user", changed(was.user, is.user)), ...all("", "namespace", changed(was.namespace, is.namespace))];
  return [
    ...all("", "verdict", changed(words(before), words(after)), verdictDirection(before, after)),
    ...all("", "tool", changed(before.tool.version, after.tool.version)),
    ...all("", "engine", changed(engineOf(before), engineOf(after))),
    ...all("", "phase", changed(before.run.phase, after.run.phase)),
    ...all("", "roles", changedSet(before.run.roles, after.run.roles)),
    ...all("", "env", changed(before.run.env, after.run.env)),
    ...whence,
  ];
};

/** The file that stands before a key which is not of CrowdSec's merged configuration, else empty. */
const fileOf = (key: string): string => /^\S+\.ya?ml(?:\.local)?(?= )/.exec(key)?.[0] ?? "";

const ofConfiguration = (
  { configuration: before }: Document,
  { configuration: after }: Document,
): readonly Change[] => {
  if (before === undefined || after === undefined) return [];
  const valueIn = (side: ReadonlyMap<string, string>, key: string): string | undefined => {
    const value = side.get(key);
    return value === undefined ? undefined : withoutNumbers(value);
  };
  /** Of a file that only one of the bundles holds, nobody knows what is set in the other: its own line tells of it. */
  const filesIn = (side: ReadonlyMap<string, string>): ReadonlySet<string> => new Set([...side.keys()].map(fileOf));
  const [had, has] = [filesIn(before), filesIn(after)];
  const keys = unique([...before.keys(), ...after.keys()]).filter((key) => {
    const file = fileOf(key);
    return file === "" || (had.has(file) && has.has(file));
  });
  return keys.flatMap((key) => all(key, "configuration", changed(valueIn(before, key), valueIn(after, key))));
};

/** What the agent reads, and files that came, went, or are not what they were. */
const ofFiles = (before: Document, after: Document): readonly Change[] => {
  const sources =
    before.acquisition === undefined || after.acquisition === undefined
      ? []
      : all("", "acquisition", changedSet(before.acquisition, after.acquisition));
  if (before.files === undefined || after.files === undefined) return sources;
  const [had, has] = [before.files, after.files];
  const came = "new in the bundle";
  const went = "not in the bundle any more";
  const files = unique([...had.keys(), ...has.keys()]).flatMap((path) => {
    const [was, is] = [had.get(path), has.get(path)];
    const says = was === undefined ? came : is === undefined ? went : "its content has changed";
    return all(path, "file", changed(was, is, says));
  });
  return [...sources, ...files];
};

/** Pseudonyms stand on one side only. */
const isOneAnonymized = (before: Document, after: Document): boolean =>
  (before.anonymized ?? false) !== (after.anonymized ?? false);

/** Whether a change can be more than an address or a name and its pseudonym. */
const isBeyondNames = ({ kind, before, after }: Change): boolean => {
  switch (kind) {
    case "addresses":
    case "source":
    case "issuer":
    case "user":
      return false;
    case "acquisition":
      return true;
    case "configuration":
    case "route":
    case "environment":
      return before === undefined || after === undefined || withoutNames(before) !== withoutNames(after);
    case "file":
      return before === undefined || after === undefined;
    default:
      return true;
  }
};

const sideOf = ({ name, report: { run, summary, tool } }: Document): Side => ({
  document: name,
  ...(run.host !== undefined && { host: run.host }),
  startedAt: run.startedAt,
  verdict: summary.verdict,
  toolVersion: tool.version,
});

const HOW_TO_COMPARE = "--map makes two anonymized bundles comparable";

const pseudonymRemarks = (before: Document, after: Document): readonly string[] => {
  const [first] = [before, after].filter(({ anonymized }) => anonymized);
  if (first === undefined) return [];
  if (!isOneAnonymized(before, after))
    return [
      `Both have pseudonyms: addresses and names can be compared if both were made with one map (${HOW_TO_COMPARE}).`,
    ];
  const other = first === before ? after : before;
  return [
    `${first.name} has pseudonyms, ${other.name} has not: addresses and names cannot be compared, and are left out; ${HOW_TO_COMPARE}.`,
  ];
};

const hasSecretOnBothSides = ({ configuration: before }: Document, { configuration: after }: Document): boolean =>
  [...(before ?? [])].some(([key, value]) => hasStandIn(value) && hasStandIn(after?.get(key) ?? ""));

const remarksOf = (before: Document, after: Document): readonly string[] => {
  const [was, is] = [before.report.run, after.report.run];
  const isOne = isOneAnonymized(before, after);
  const areTwoHosts = !isOne && was.host !== undefined && is.host !== undefined && was.host !== is.host;
  const withConfiguration = [before, after].filter(({ configuration }) => configuration !== undefined);
  const [only] = withConfiguration;
  return [
    ...(areTwoHosts
      ? [`These are two hosts, ${was.host} and ${is.host}: what stands here is how the second differs from the first.`]
      : []),
    ...(!areTwoHosts && was.id === is.id
      ? ["Both are of one and the same run; what differs is how it was judged."]
      : []),
    ...(!areTwoHosts && was.startedAt > is.startedAt
      ? [
          `The first is the newer one (${showTime(was.startedAt)}): give the older one first to see what has changed since.`,
        ]
      : []),
    ...[before, after]
      .filter(({ report }) => report.run.interrupted)
      .map(({ name }) => `${name} was interrupted: what is missing there was not looked at.`),
    ...(withConfiguration.length === 1 && only !== undefined
      ? [`The configuration is not compared: only ${only.name} has it. It is in bundles, not in reports.`]
      : []),
    ...pseudonymRemarks(before, after),
    ...(hasSecretOnBothSides(before, after)
      ? ["Secrets are taken out of both: whether a password or key was changed cannot be seen."]
      : []),
  ];
};

/** What is said of the run stands before what is said of findings; these in the order of the report. */
const inOrder = (changes: readonly Change[]): readonly Change[] =>
  [...changes].sort(
    (one, other) =>
      DIRECTIONS.indexOf(one.direction) - DIRECTIONS.indexOf(other.direction) ||
      KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind),
  );

/** What has changed from one report to another, what got worse first. */
export const diff = (before: Document, after: Document): Difference => {
  const findings = ofFindings(before.report, after.report);
  const found = [
    ...ofRun(before.report, after.report),
    ...ofCauses(before.report, after.report),
    ...findings.changes,
    ...ofConfiguration(before, after),
    ...ofFiles(before, after),
  ];
  const changes = inOrder(isOneAnonymized(before, after) ? found.filter(isBeyondNames) : found);
  const had = new Set(before.report.causes.map(({ id }) => id));
  return {
    schemaVersion: COMPARE_SCHEMA_VERSION,
    kind: "diff",
    before: sideOf(before),
    after: sideOf(after),
    remarks: remarksOf(before, after),
    changes,
    stayed: {
      findings: findings.stayed,
      causes: after.report.causes.map(({ id }) => id).filter((id) => had.has(id)),
    },
    gotWorse: changes.some(({ direction }) => direction === "worse"),
  };
};
