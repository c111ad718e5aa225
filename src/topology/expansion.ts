import { atLeast, type Version } from "../model/version.ts";

/**
 * What becomes of `$NAME` and `${NAME}` in a file. `untouched`: nothing is expanded. `strict`: an unknown name stays as
 * it stands (CrowdSec since 1.5.0, csstring.StrictExpand of go-cs-lib). `empty`: an unknown name vanishes, and `$$` with
 * it (os.ExpandEnv, CrowdSec 1.4).
 */
export type Expansion = "untouched" | "strict" | "empty";

/** Of config.yaml (pkg/csconfig/config.go). */
export const expansionOfConfig = (version: Version | undefined): Expansion =>
  atLeast(version, [1, 5, 0]) ? "strict" : "empty";

/** Of local_api_credentials.yaml: since 1.6.3 (pkg/csconfig/api.go). */
export const expansionOfCredentials = (version: Version | undefined): Expansion =>
  atLeast(version, [1, 6, 3]) ? "strict" : "untouched";

const STRICT = /\$\{(\w+)\}|\$(\w+)/g;
/** os.Expand: a special character is a name of its own, and so is a single digit; a brace that stays open vanishes. */
const EMPTY = /\$(?:\{([^}]*)\}|\{|([*#$@!?\d-])|([A-Za-z_]\w*))/g;

export type Environment = Readonly<Record<string, string | undefined>>;

export const expand = (text: string, expansion: Expansion, environment: Environment): string => {
  if (expansion === "untouched") return text;
  const known = (name: string): string | undefined =>
    Object.hasOwn(environment, name) ? environment[name] : undefined;
  if (expansion === "strict")
    return text.replace(STRICT, (whole, braced?: string, bare?: string) => known(braced ?? bare ?? "") ?? whole);
  return text.replace(
    EMPTY,
    (_whole, braced?: string, special?: string, bare?: string) => known(braced ?? special ?? bare ?? "") ?? "",
  );
};

/** The names that a text refers to. */
export const references = (text: string): readonly string[] =>
  [...text.matchAll(STRICT)].map(([, braced, bare]) => braced ?? bare ?? "");
