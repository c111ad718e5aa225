/** A sample of the text exposition format. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly timestamp?: number;
}

export interface Family {
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = '([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\\\\n]|\\\\["\\\\n])*)"';
const HELP = new RegExp(`^# HELP (${NAME}) ((?:[^\\\\]|\\\\[\\\\n])*)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary|untyped)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)?\\})? (\\S+)(?: (-?\\d+))?$`);
const NUMBER = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|NaN|[+-]?Inf)$/;

const unescaped = (text: string): string =>
  text.replace(/\\(.)/g, (_whole, letter: string) => (letter === "n" ? "\n" : letter));

const labelsOf = (text: string): Readonly<Record<string, string>> => {
  const pairs = [...text.matchAll(new RegExp(LABEL, "g"))].map(
    ([, name = "", value = ""]) => [name, unescaped(value)] as const,
  );
  const labels = Object.fromEntries(pairs);
  if (Object.keys(labels).length !== pairs.length) throw new Error(`a label stands there twice: ${text}`);
  return labels;
};

/** To Prometheus an empty label is none, and their order is no matter. */
const identityOf = (name: string, labels: Readonly<Record<string, string>>): string =>
  JSON.stringify([name, ...Object.entries(labels).filter(([, value]) => value !== "")].sort());

/**
 * Metrics by the grammar of Prometheus' text format, a version stricter than most readers: HELP and TYPE before the first
 * sample, each name in one piece, no series twice. Throws for anything else.
 */
export const readMetrics = (text: string): ReadonlyMap<string, Family> => {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const families = new Map<string, { readonly help: string; type: string; readonly samples: Sample[] }>();
  const seen = new Set<string>();
  let current = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const help = HELP.exec(line);
    const type = TYPE.exec(line);
    const sample = SAMPLE.exec(line);
    if (help !== null) {
      const [, name = "", said = ""] = help;
      if (families.has(name)) throw new Error(`a second HELP: ${line}`);
      current = name;
      families.set(name, { help: unescaped(said), type: "", samples: [] });
    } else if (type !== null) {
      const [, name = "", what = ""] = type;
      const family = families.get(name);
      if (family === undefined || name !== current || family.type !== "" || family.samples.length > 0)
        throw new Error(`a TYPE at a wrong place: ${line}`);
      family.type = what;
    } else if (sample !== null) {
      const [, name = "", list = ""] = sample;
      const [value = "", timestamp] = sample.slice(-2);
      const family = families.get(name);
      const labels = labelsOf(list);
      const identity = identityOf(name, labels);
      if (family === undefined || name !== current) throw new Error(`a sample apart from its family: ${line}`);
      if (!NUMBER.test(value)) throw new Error(`no number: ${line}`);
      if (seen.has(identity)) throw new Error(`a series twice: ${line}`);
      seen.add(identity);
      family.samples.push({
        labels,
        value: Number(value.replace("Inf", "Infinity")),
        ...(timestamp !== undefined && { timestamp: Number(timestamp) }),
      });
    } else throw new Error(`not of the format: ${line}`);
  }
  return families;
};
