import { merge as combine } from "../compare/merge.ts";
import { mergeText } from "../compare/merge-text.ts";
import { readDocuments } from "./documents.ts";
import type { COMPARE_FORMATS } from "./flags.ts";
import { type Streams, wantsColor, write } from "./streams.ts";
import { UsageError } from "./usage-error.ts";

export interface MergeOptions {
  /** Of a report or bundle each. */
  readonly paths: readonly string[];
  readonly output: (typeof COMPARE_FORMATS)[number];
  readonly color?: boolean;
  readonly ascii: boolean;
}

const DEFAULT_COLUMNS = 100;
const MAX_REPORTS = 1000;

/** Reports or bundles of many hosts in one table. Returns the exit code of the worst of them. */
export const merge = async (options: MergeOptions, { stdout, environment }: Streams): Promise<number> => {
  const { paths, output } = options;
  // The command line drops a lone `-`.
  if (paths.length === 0)
    throw new UsageError(`Standard input is not read here: name from 1 to ${MAX_REPORTS} reports or bundles.`);
  if (paths.length > MAX_REPORTS)
    throw new UsageError(`merge wants from 1 to ${MAX_REPORTS} reports or bundles, not ${paths.length}.`);
  const merged = combine(await readDocuments(paths));
  const style = {
    color: wantsColor(options.color, stdout, environment),
    ascii: options.ascii,
    width: stdout.columns || DEFAULT_COLUMNS,
  };
  await write(stdout, output === "json" ? `${JSON.stringify(merged, null, 2)}\n` : mergeText(merged, style));
  return merged.exitCode;
};
