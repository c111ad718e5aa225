/** What `crowdsec`'s own command line says of it. */
export interface EngineFlags {
  readonly config?: string;
  readonly noApi: boolean;
  readonly noAgent: boolean;
  readonly noCapi: boolean;
}

/** Words that strconv.ParseBool takes for true. */
const TRUE = new Set(["1", "t", "T", "true", "TRUE", "True"]);
/** Flags of crowdsec that take a value (cmd/crowdsec/flags.go); every other one is a boolean. */
const WITH_VALUE = new Set(["c", "dsn", "type", "label", "transform", "dump-data", "cpu-profile", "winsvc"]);

/**
 * Reads a command line as Go's flag package does: one dash or two, `-flag value` or `-flag=value`, a boolean takes its
 * value with `=` only, the last of several wins, and what follows the first argument that is no flag is none either.
 */
export const engineFlags = (argv: readonly string[]): EngineFlags => {
  const values = new Map<string, string>();
  for (let index = 1; index < argv.length; index++) {
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argv[index] ?? "");
    const [, name, value] = match ?? [];
    if (name === undefined) break;
    if (value !== undefined) values.set(name, value);
    else if (WITH_VALUE.has(name)) values.set(name, argv[++index] ?? "");
    else values.set(name, "true");
  }
  const isSet = (name: string): boolean => TRUE.has(values.get(name) ?? "");
  const config = values.get("c");
  return { noApi: isSet("no-api"), noAgent: isSet("no-cs"), noCapi: isSet("no-capi"), ...(config && { config }) };
};
