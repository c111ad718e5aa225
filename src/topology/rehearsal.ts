import { posix } from "node:path";
import { parse, stringify } from "yaml";
import { Secret } from "../model/secret.ts";
import { type Environment, type Expansion, expand, references } from "./expansion.ts";
import type { Tree } from "./yaml-tree.ts";

type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };
type PlainMap = { readonly [key: string]: Plain };

/** A value that was a reference may be a number or a boolean once it is expanded, as it is for CrowdSec. */
const expanded = (text: string, expansion: Expansion, environment: Environment): Plain => {
  const value = expand(text, expansion, environment);
  if (value === text) return text;
  try {
    const typed: unknown = parse(value);
    return typeof typed === "number" || typeof typed === "boolean" ? typed : value;
  } catch {
    return value;
  }
};

const plain = (tree: Tree, expansion: Expansion, environment: Environment): Plain => {
  if (tree.kind === "map")
    return Object.fromEntries([...tree.entries].map(([key, value]) => [key, plain(value, expansion, environment)]));
  if (tree.kind === "list") return tree.items.map((item) => plain(item, expansion, environment));
  return typeof tree.value === "string" ? expanded(tree.value, expansion, environment) : tree.value;
};

const isMap = (value: Plain | undefined): value is PlainMap =>
  value !== null && typeof value === "object" && !Array.isArray(value);

const PATH_KEY = /_(path|dir|file)$/;

/** CrowdSec's working directory is /, the rehearsal's is not: every path becomes absolute. */
const absolute = (value: Plain): Plain => {
  if (Array.isArray(value)) return value.map(absolute);
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      PATH_KEY.test(key) && typeof inner === "string" && inner !== "" ? posix.resolve("/", inner) : absolute(inner),
    ]),
  );
};

const without = (map: PlainMap, ...keys: readonly string[]): PlainMap =>
  Object.fromEntries(Object.entries(map).filter(([key]) => !keys.includes(key)));

const LOG_MEDIA = ["file", "stdout", "syslog"];

/** `common`, with the log on its output; a medium that CrowdSec does not know stays, since it stops at that. */
const quietly = (common: Plain | undefined): PlainMap => {
  const own = isMap(common) ? without(common, "log_dir", "pid_dir") : {};
  const media = own["log_media"] ?? "stdout";
  return { ...own, log_media: typeof media === "string" && LOG_MEDIA.includes(media) ? "stdout" : media };
};

/** Where the rehearsal's own files are; the prober fills it in. */
const HERE = "{folder}";

/**
 * A copy of the configuration that `crowdsec -t` may try: paths absolute, log to its output, a throw-away SQLite
 * database, no Central API, no listener for metrics, and profiles that notify nobody.
 */
export const rehearsalFiles = (
  main: Tree,
  profiles: readonly Tree[] | undefined,
  expansion: Expansion,
  environment: Environment,
): Readonly<Record<string, Secret>> => {
  const whole = absolute(plain(main, expansion, environment));
  if (!isMap(whole)) return {};
  const api = whole["api"];
  const server = isMap(api) ? api["server"] : undefined;
  const common = whole["common"];
  const prometheus = whole["prometheus"];
  const copy: PlainMap = {
    ...whole,
    common: { ...quietly(common), daemonize: false },
    db_config: { type: "sqlite", db_path: `${HERE}/crowdsec.db`, use_wal: false },
    ...(isMap(prometheus) && { prometheus: { ...prometheus, enabled: false } }),
    ...(isMap(api) &&
      isMap(server) && {
        api: {
          ...api,
          server: { ...without(server, "online_client"), ...(profiles && { profiles_path: `${HERE}/profiles.yaml` }) },
        },
      }),
  };
  const quiet = profiles?.map((profile) => {
    const value = plain(profile, "untouched", environment);
    return isMap(value) ? without(value, "notifications") : value;
  });
  return {
    "config.yaml": new Secret(stringify(copy)),
    ...(quiet && { "profiles.yaml": new Secret(quiet.map((profile) => stringify(profile)).join("---\n")) }),
  };
};

const PROXY = /^(https?|no|all|ftp)_proxy$/i;

/** Only the variables that the acquisition files name, and feature flags; never a proxy. */
export const rehearsalEnvironment = (content: string, environment: Environment): Readonly<Record<string, Secret>> => {
  const named = new Set(references(content));
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value !== undefined && !PROXY.test(name) && (named.has(name) || name.startsWith("CROWDSEC_FEATURE_"))
        ? [[name, new Secret(value)]]
        : [],
    ),
  );
};
