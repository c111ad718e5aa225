import { type Report, STATUSES } from "../model/report.ts";
import { printable, printableDeep } from "../model/text.ts";

/** Why a value is no report; completes "FILE: …", without a full stop. */
export class Misfit extends Error {}

/** Takes a value from outside as what it should be, or throws a Misfit. @param at where it stands: `findings[3].status` */
type Reader<T> = (value: unknown, at: string) => T;
interface Optional<T> {
  readonly optional: Reader<T>;
}
/** One reader for each key: a key of the model that is not read does not compile. */
type Shape<T> = {
  readonly [Key in keyof T]-?: Record<never, never> extends Pick<T, Key>
    ? Optional<NonNullable<T[Key]>>
    : Reader<T[Key]>;
};

const TOOL = "crowdsec-preflight";
/** The schema's first number: within it, things are added only. */
const MAJOR = "1";

/** A finding for each of these: a thousand targets of Prometheus are many, and lists inside of findings shorter. */
const MAX_ITEMS = 100_000;

const kindOf = (value: unknown): string => {
  if (value === null) return "null";
  if (value === undefined) return "missing";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
};

const wrong = (at: string, value: unknown, wanted: string): Misfit =>
  new Misfit(
    value === undefined
      ? `no report of ${TOOL}: ${at} is missing`
      : `no report of ${TOOL}: ${at} should be ${wanted}, and is ${kindOf(value)}`,
  );

const text: Reader<string> = (value, at) => {
  if (typeof value !== "string") throw wrong(at, value, "a string");
  return value;
};

const flag: Reader<boolean> = (value, at) => {
  if (typeof value !== "boolean") throw wrong(at, value, "true or false");
  return value;
};

const number: Reader<number> = (value, at) => {
  if (typeof value !== "number" || !Number.isFinite(value)) throw wrong(at, value, "a number");
  return value;
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === "object" && !Array.isArray(value);

/** One of these words, by which something is decided. */
const word =
  <T extends string | number>(...words: readonly T[]): Reader<T> =>
  (value, at) => {
    const found = words.find((one) => one === value);
    if (found !== undefined) return found;
    if (typeof value !== "string" && typeof value !== "number") throw wrong(at, value, `one of ${words.join(", ")}`);
    const shown = printable(JSON.stringify(value), 60);
    throw new Misfit(`no report of ${TOOL}: ${at} should be one of ${words.join(", ")}, and is ${shown}`);
  };

/** A word that is only shown: later versions may know more of them. */
const anyWord =
  <T extends string>(): Reader<T> =>
  (value, at) =>
    text(value, at) as T;

const time: Reader<string> = (value, at) => {
  const read = text(value, at);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/.test(read))
    throw new Misfit(`no report of ${TOOL}: ${at} should be a time such as 2026-06-15T12:00:00.000Z`);
  return read;
};

const list =
  <T>(reader: Reader<T>): Reader<readonly T[]> =>
  (value, at) => {
    if (!Array.isArray(value)) throw wrong(at, value, "a list");
    if (value.length > MAX_ITEMS) throw new Misfit(`no report of ${TOOL}: ${at} has ${value.length} items`);
    return value.map((item, index) => reader(item, `${at}[${index}]`));
  };

const optional = <T>(reader: Reader<T>): Optional<T> => ({ optional: reader });

/** Only what the shape names is taken over: whatever else stands there, `__proto__` too, goes nowhere. */
const record = <T extends object>(shape: Shape<T>): Reader<T> => {
  const fields = Object.entries(shape) as [string, Reader<unknown> | Optional<unknown>][];
  return (value, at) => {
    if (!isRecord(value)) throw wrong(at || "the whole", value, "an object");
    return Object.fromEntries(
      fields.flatMap(([key, field]) => {
        const own = Object.hasOwn(value, key) ? value[key] : undefined;
        const place = at === "" ? key : `${at}.${key}`;
        if (typeof field === "function") return [[key, field(own, place)]];
        return own === undefined ? [] : [[key, field.optional(own, place)]];
      }),
    ) as T;
  };
};

type Run = Report["run"];
type Summary = Report["summary"];
type Finding = Report["findings"][number];
type Cause = Report["causes"][number];
type Blame = Cause["blame"];
type Remedy = Cause["remedy"][number];

const texts = list(text);
const family = word<4 | 6>(4, 6);

const blame = record<Blame>({ party: anyWord(), confidence: anyWord(), evidence: texts });

const remedies = list(record<Remedy>({ text, commands: optional(texts), undo: optional(texts), url: optional(text) }));

const run = record<Run>({
  id: text,
  host: optional(text),
  startedAt: time,
  durationMs: number,
  phase: anyWord(),
  roles: list(anyWord<Run["roles"][number]>()),
  engineVersion: optional(text),
  candidateVersion: optional(text),
  env: anyWord(),
  deadlineMs: number,
  failOn: anyWord(),
  interrupted: flag,
  from: optional(record<NonNullable<Run["from"]>>({ bundle: text, toolVersion: text, judgedAt: text })),
});

const summary = record<Summary>({
  verdict: word("ready", "ready-with-warnings", "not-ready", "unknown"),
  exitCode: number,
  counts: record<Summary["counts"]>({ pass: number, warn: number, fail: number, skip: number, unknown: number }),
});

const cause = record<Cause>({
  id: text,
  summary: text,
  blame,
  explains: texts,
  modelled: optional(text),
  remedy: remedies,
});

const finding = record<Finding>({
  id: text,
  instance: text,
  title: text,
  status: word(...STATUSES),
  summary: text,
  target: optional(
    record<NonNullable<Finding["target"]>>({
      host: optional(text),
      port: optional(number),
      url: optional(text),
      path: optional(text),
      origin: optional(text),
    }),
  ),
  vantage: record<Finding["vantage"]>({
    role: optional(anyWord()),
    user: text,
    namespace: optional(text),
    env: optional(text),
    route: word("direct", "proxy", "local"),
    proxy: optional(text),
    noProxy: optional(text),
    family: optional(family),
    engineVersion: optional(text),
  }),
  layers: list(
    record<Finding["layers"][number]>({ phase: anyWord(), ok: flag, durationMs: number, detail: optional(text) }),
  ),
  addresses: optional(
    list(
      record<NonNullable<Finding["addresses"]>[number]>({
        address: text,
        family,
        ok: flag,
        code: optional(text),
        durationMs: number,
        source: optional(text),
      }),
    ),
  ),
  certificate: optional(record<NonNullable<Finding["certificate"]>>({ issuer: text, validFrom: text, validTo: text })),
  fault: optional(
    record<NonNullable<Finding["fault"]>>({
      code: text,
      phase: anyWord(),
      message: text,
      errno: optional(text),
      tlsCode: optional(text),
      httpStatus: optional(number),
      sqlState: optional(text),
    }),
  ),
  blame: optional(blame),
  remedy: remedies,
  reason: optional(text),
  because: optional(texts),
});

const report = record<Report>({
  // Looked at before; what is read from here on is of this version's shape.
  schemaVersion: () => "1.0",
  tool: record<Report["tool"]>({ name: text, version: text, runtime: text }),
  run,
  summary,
  causes: list(cause),
  findings: list(finding),
});

/** Whose JSON it is, before it is looked at as a report. */
const checkKind = (value: unknown): void => {
  if (!isRecord(value)) throw new Misfit(`no report of ${TOOL}: its JSON is ${kindOf(value)}`);
  const own = (key: string): unknown => (Object.hasOwn(value, key) ? value[key] : undefined);
  const kind = own("kind");
  if (kind === "diff" || kind === "merge")
    throw new Misfit(`what \`${TOOL} ${kind}\` printed; wanted is what \`${TOOL} check -o json\` prints, or a bundle`);
  const tool = own("tool");
  const name = isRecord(tool) && Object.hasOwn(tool, "name") ? tool["name"] : undefined;
  if (name !== TOOL) {
    const shown = typeof name === "string" ? `: it is of ${printable(name, 60)}` : "";
    throw new Misfit(`JSON, but no report of ${TOOL}${shown}`);
  }
  if (own("listening") !== undefined)
    throw new Misfit(`a report of \`${TOOL} listen\`; wanted is what \`${TOOL} check -o json\` prints, or a bundle`);
  const version = own("schemaVersion");
  if (typeof version !== "string" || !/^\d{1,4}\.\d{1,4}$/.test(version))
    throw new Misfit(`no report of ${TOOL}: schemaVersion should be a version such as 1.0`);
  if (version.split(".")[0] !== MAJOR)
    throw new Misfit(`a report of schema ${version}, and this version reads ${MAJOR}.x: use the ${TOOL} that made it`);
};

/** A finding's instance is what it is known by. */
const checkInstances = ({ findings }: Report): void => {
  const seen = new Set<string>();
  for (const [index, { instance }] of findings.entries()) {
    if (seen.has(instance))
      throw new Misfit(
        `no report of ${TOOL}: findings[${index}].instance stands there twice: ${printable(instance, 120)}`,
      );
    seen.add(instance);
  }
};

/** A report, from JSON of whatever origin: what the model knows and nothing else, fit to show. Throws a Misfit. */
export const readReport = (value: unknown): Report => {
  checkKind(value);
  const read = printableDeep(report(value, ""));
  checkInstances(read);
  return read;
};
