import type { ConfigMistake } from "../model/topology.ts";
import type { Version, VersionRange } from "../model/version.ts";
import type { Tree } from "./yaml-tree.ts";

/**
 * A scalar as Go decodes it; `numeral` is an integer that may stand in quotes. Null fits every one, and a number or a
 * boolean fits `text`.
 */
type Kind = "any" | "text" | "integer" | "numeral" | "boolean" | "duration" | "level";

/** What a value of a file is decoded into. */
export type Shape = Kind | { readonly list: Shape } | { readonly mapOf: Shape } | Struct;

/** A key that exists in some versions only, of 1.4.0 and later. */
export interface Key {
  readonly shape: Shape;
  readonly versions: VersionRange;
}

export interface Struct {
  readonly keys: Readonly<Record<string, Shape | Key>>;
  /** The versions whose decoder does not mind an unknown key here; without it, none. */
  readonly lenient?: VersionRange;
  /** For keys that people expect here and no version has: where the thing is set instead. */
  readonly elsewhere?: Readonly<Record<string, string>>;
}

export const since = (major: number, minor: number, patch: number, shape: Shape): Key => {
  const version: Version = [major, minor, patch];
  return { shape, versions: { since: version } };
};

export const until = (major: number, minor: number, patch: number, shape: Shape): Key => {
  const version: Version = [major, minor, patch];
  return { shape, versions: { until: version } };
};

/** Numbers for Go's YAML that are text for YAML 1.2: `1_000`, `0b11`. */
const GO_NUMBER = /^[-+]?(?:0b[01]|\d+_)[\d_]*$/;
/** time.ParseDuration. */
const DURATION = /^[-+]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
/** logrus.ParseLevel. */
const LEVEL = /^(?:panic|fatal|error|warn|warning|info|debug|trace)$/i;
/** Booleans of YAML 1.1, which Go's decoders still know; words for ours. */
const BOOLEAN = /^(?:y|yes|on|n|no|off)$/i;

const isNumber = (value: unknown): boolean =>
  typeof value === "number" ? Number.isFinite(value) : typeof value === "string" && GO_NUMBER.test(value);

const KINDS: Readonly<
  Record<Exclude<Kind, "any">, { readonly name: string; readonly fits: (value: unknown) => boolean }>
> = {
  text: { name: "text", fits: () => true },
  // Go's decoders take 5.0 for an integer too.
  integer: { name: "a number", fits: isNumber },
  numeral: { name: "a number", fits: (value) => isNumber(value) || /^\d+$/.test(String(value)) },
  boolean: { name: "true or false", fits: (value) => typeof value === "boolean" || BOOLEAN.test(String(value)) },
  // A bare number, of nanoseconds, stops newer versions only: that is let pass.
  duration: {
    name: "a duration such as 4h",
    fits: (value) => isNumber(value) || (typeof value === "string" && DURATION.test(value)),
  },
  level: { name: "a log level such as info", fits: (value) => typeof value === "string" && LEVEL.test(value) },
};

/** A value that may become anything: what is written before CrowdSec puts the environment in is not what it decodes. */
const isOpen = (tree: Tree): boolean =>
  tree.kind === "scalar" && (tree.value === null || (typeof tree.value === "string" && tree.value.includes("$")));

const misfit = (tree: Tree, want: string, path: string): ConfigMistake => {
  const text = tree.kind === "scalar" && typeof tree.value === "string" ? tree.value : undefined;
  const is =
    text !== undefined
      ? `${want.includes("such as") ? "other " : ""}text`
      : `a ${tree.kind === "scalar" ? typeof tree.value : tree.kind === "list" ? "list" : "mapping"}`;
  const bare = want === "a number" ? /^[-+]?\d+$/ : want === "true or false" ? /^(?:true|false)$/i : undefined;
  const unquote = bare?.test(text ?? "") && { hint: "write it without the quotes" };
  const problem = `wants ${want}, and is ${is}`;
  return { origin: tree.origin, key: path || "the document", kind: "wrong-kind", problem, ...unquote };
};

/** Whether so many letters dropped, added, replaced or swapped make one text of the other. */
const isNear = (one: string, other: string, edits: number): boolean => {
  if (one === other) return true;
  if (edits === 0) return false;
  let same = 0;
  while (one[same] === other[same]) same++;
  const [a, b] = [one.slice(same), other.slice(same)];
  return (
    isNear(a.slice(1), b, edits - 1) ||
    isNear(a, b.slice(1), edits - 1) ||
    isNear(a.slice(1), b.slice(1), edits - 1) ||
    (a[0] === b[1] && a[1] === b[0] && isNear(a.slice(2), b.slice(2), edits - 1))
  );
};

/** The name that was probably meant: the same but for case and dashes, or one or two letters away. */
export const meant = (written: string, names: readonly string[]): string | undefined => {
  const plain = written.toLowerCase().replaceAll("-", "_");
  const near = (edits: number): string | undefined =>
    names.find((name) => {
      const like = name.toLowerCase().replaceAll("-", "_");
      const close = Math.abs(like.length - plain.length) <= edits && edits * 3 <= like.length;
      return close && isNear(plain, like, edits);
    });
  const name = near(0) ?? near(1) ?? near(2);
  return name && `did you mean ${name}?`;
};

/** A key as it may be shown. Without its blank, `password:word` is a key as a whole. */
const shown = (key: string): string => key.replace(/[^\w-].*$/s, "…").slice(0, 60);

const judgeKey = (value: Tree, name: string, struct: Struct, key: string): readonly ConfigMistake[] => {
  const { keys, lenient, elsewhere = {} } = struct;
  const mistake = { origin: value.origin, key, kind: "unknown-key" } as const;
  const known = Object.hasOwn(keys, name) ? keys[name] : undefined;
  if (known === undefined) {
    // A key can come from the environment too.
    if (name.includes("$")) return [];
    const hint = Object.hasOwn(elsewhere, name) ? elsewhere[name] : meant(name, Object.keys(keys));
    const problem = `is no key that CrowdSec knows${lenient ? ", and only some versions let it pass" : ""}`;
    return [{ ...mistake, problem, ...(lenient && { versions: lenient }), ...(hint && { hint }) }];
  }
  if (typeof known === "string" || !("versions" in known)) return judgeTree(value, known, key);
  const { shape, versions } = known;
  const problem = "is a key that only some versions of CrowdSec know";
  return [{ ...mistake, problem, versions }, ...judgeTree(value, shape, key)];
};

/**
 * What CrowdSec's strict decoders would not take of a value. A key that only some versions know is always among the
 * mistakes, with those versions.
 * @param path the key of the value; empty for a whole document.
 */
export const judgeTree = (tree: Tree, shape: Shape, path = ""): readonly ConfigMistake[] => {
  if (shape === "any" || isOpen(tree)) return [];
  if (typeof shape === "string") {
    const { name, fits } = KINDS[shape];
    return tree.kind === "scalar" && fits(tree.value) ? [] : [misfit(tree, name, path)];
  }
  if ("list" in shape) {
    if (tree.kind !== "list") return [misfit(tree, "a list", path)];
    return tree.items.flatMap((item, index) => judgeTree(item, shape.list, `${path}[${index}]`));
  }
  if (tree.kind !== "map") return [misfit(tree, "a mapping", path)];
  return [...tree.entries].flatMap(([name, value]) => {
    const key = path === "" ? shown(name) : `${path}.${shown(name)}`;
    return "keys" in shape ? judgeKey(value, name, shape, key) : judgeTree(value, shape.mapOf, key);
  });
};
