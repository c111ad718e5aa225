import type { ProcessSeen } from "../model/observation.ts";

/** What `crowdsec`'s own command line says of it. */
export interface EngineFlags {
  readonly config?: string;
  readonly noApi: boolean;
  readonly noAgent: boolean;
  readonly noCapi: boolean;
}

/** Go's flag package: one dash or two, `-flag value` or `-flag=value`; a boolean takes its value with `=` only. */
export const engineFlags = ({ argv }: ProcessSeen): EngineFlags => {
  const value = (name: string): string | undefined => {
    for (const [index, argument] of argv.entries()) {
      const match = /^--?([^=]+)(?:=(.*))?$/.exec(argument);
      if (match?.[1] === name) return match[2] ?? argv[index + 1] ?? "";
    }
    return undefined;
  };
  const set = (name: string): boolean =>
    argv.some((argument) => new RegExp(`^--?${name}(=(?:true|1|t|T|TRUE|True))?$`).test(argument));
  const config = value("c");
  return { noApi: set("no-api"), noAgent: set("no-cs"), noCapi: set("no-capi"), ...(config && { config }) };
};
