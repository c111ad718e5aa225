import { transformFileSync } from "@swc/core";
import type { Folder } from "./folder.ts";

/** Writes modules of src/ (`probes/clock`) as JavaScript that a Node of its own can import; gives the first one's path. */
export const compileInto = (folder: Folder, names: readonly [string, ...string[]]): string => {
  const [first = ""] = names.map((name) => {
    const { code } = transformFileSync(`src/${name}.ts`, {
      jsc: { parser: { syntax: "typescript" }, target: "es2022" },
    });
    return folder.write(`compiled/${name}.mjs`, code.replaceAll(/(from "\.[^"]+)\.ts"/g, '$1.mjs"'));
  });
  return first;
};
