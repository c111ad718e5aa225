import { diff as compare } from "../compare/diff.ts";
import { diffText } from "../compare/diff-text.ts";
import { readDocument } from "./documents.ts";
import type { COMPARE_FORMATS } from "./flags.ts";
import { type Streams, wantsColor, write } from "./streams.ts";

export interface DiffOptions {
  /** Of a report or bundle each; the first is the one before. */
  readonly paths: readonly [string, string];
  readonly output: (typeof COMPARE_FORMATS)[number];
  readonly color?: boolean;
  readonly ascii: boolean;
}

const DEFAULT_COLUMNS = 100;

/** A status or the verdict got worse, or a cause came. */
const EXIT_WORSE = 2;

/** What has changed from one report or bundle to another. Returns the exit code. */
export const diff = async (options: DiffOptions, { stdout, environment }: Streams): Promise<number> => {
  const [before, after] = options.paths;
  const difference = compare(await readDocument(before), await readDocument(after));
  const style = {
    color: wantsColor(options.color, stdout, environment),
    ascii: options.ascii,
    width: stdout.columns || DEFAULT_COLUMNS,
  };
  await write(
    stdout,
    options.output === "json" ? `${JSON.stringify(difference, null, 2)}\n` : diffText(difference, style),
  );
  return difference.gotWorse ? EXIT_WORSE : 0;
};
