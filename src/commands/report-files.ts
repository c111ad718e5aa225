import { PlaceError, placeFile } from "../archive/place.ts";
import type { Report } from "../model/report.ts";
import { printable } from "../model/text.ts";
import { type Format, reporterOf } from "../reporters/index.ts";
import type { Style } from "../reporters/pretty-page.ts";

/** `--report FORMAT=FILE`. */
export interface ReportFile {
  readonly format: Format;
  readonly path: string;
}

/** As somebody reads them later: no terminal, and nothing left out. */
export const PLAIN: Style = { color: false, ascii: false, width: 100, detail: "normal" };

/** A report holds no secret, and who reads it is seldom the user who wrote it: node_exporter, a web server, a CI system. */
const MODE = 0o644;

/** Writes the report into each file, whole or not at all; why one was not written, a sentence each. */
export const placeReports = async (
  report: Report,
  files: readonly ReportFile[],
  ascii: boolean,
): Promise<readonly string[]> => {
  const problems = await Promise.all(
    files.map(async ({ format, path }) => {
      const text = (await reporterOf(format))(report, { ...PLAIN, ascii });
      try {
        await placeFile(path, text, { mode: MODE });
        return undefined;
      } catch (error) {
        if (!(error instanceof PlaceError)) throw error;
        return `--report ${format}=${printable(path)}: ${error.message}`;
      }
    }),
  );
  return problems.filter((problem) => problem !== undefined);
};
