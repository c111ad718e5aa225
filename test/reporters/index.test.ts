import { describe, expect, test } from "@jest/globals";
import { FORMATS, type Format, reporterOf } from "../../src/reporters/index.ts";
import type { Style } from "../../src/reporters/pretty.ts";
import { expectGolden, expectNoOtherGoldens } from "../support/golden.ts";
import { REPORTS } from "../support/reports.ts";

const PLAIN: Style = { color: false, ascii: false, width: 100, detail: "normal" };

/** In which styles each format is held against its goldens; of a format that heeds none, in one. */
const STYLES: Readonly<
  Record<Format, { readonly extension: string; readonly styles: Readonly<Record<string, Style>> }>
> = {
  json: { extension: "json", styles: { "": PLAIN } },
  junit: { extension: "xml", styles: { "": PLAIN } },
  markdown: { extension: "md", styles: { "": PLAIN } },
  nagios: { extension: "txt", styles: { "": PLAIN } },
  pretty: {
    extension: "txt",
    styles: {
      "-40": { ...PLAIN, width: 40 },
      "-60": { ...PLAIN, width: 60 },
      "-120": { ...PLAIN, width: 120 },
      "-ascii": { ...PLAIN, ascii: true },
      "-color": { ...PLAIN, color: true },
      "-verbose": { ...PLAIN, detail: "verbose" },
      "-quiet": { ...PLAIN, detail: "quiet" },
    },
  },
  prometheus: { extension: "prom", styles: { "": PLAIN } },
  short: {
    extension: "txt",
    styles: { "": PLAIN, "-ascii": { ...PLAIN, ascii: true }, "-color": { ...PLAIN, color: true } },
  },
};

describe.each(FORMATS)("%s", (format) => {
  const { extension, styles } = STYLES[format];
  const goldens = Object.entries(REPORTS).flatMap(([name, report]) =>
    Object.entries(styles).map(
      ([suffix, style]) => [`${name}${suffix}.${report.summary.exitCode}.${extension}`, report, style] as const,
    ),
  );

  test.each(goldens)("is as test/golden shows it: %s", async (file, report, style) => {
    const reporter = await reporterOf(format);
    expectGolden(format, file, reporter(report, style));
  });

  test("has no golden that is held against nothing", () => {
    expectNoOtherGoldens(
      format,
      goldens.map(([file]) => file),
    );
  });

  test.each(Object.entries(REPORTS))("ends with one newline: %s", async (_name, report) => {
    const reporter = await reporterOf(format);
    for (const style of Object.values(styles)) expect(reporter(report, style)).toMatch(/[^\n]\n$/);
  });
});
