import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { placeReports } from "../../src/commands/report-files.ts";
import { FORMATS, reporterOf } from "../../src/reporters/index.ts";
import { makeFolder } from "../support/folder.ts";
import { REPORTS } from "../support/reports.ts";
import { asReport } from "../support/schema.ts";

const folder = makeFolder();
afterAll(() => folder.remove());
const inFolder = (name: string): string => join(folder.path, name);

// Jest's loader of modules confuses two that begin at once.
beforeAll(async () => {
  for (const format of FORMATS) await reporterOf(format);
});

const [REPORT] = Object.values(REPORTS);
if (REPORT === undefined) throw new Error("no report");

test("of one run, every format is written at once, for everybody to read and nothing else left beside it", async () => {
  mkdirSync(inFolder("all"));
  const files = FORMATS.map((format) => ({ format, path: inFolder(`all/report.${format}`) }));
  expect(await placeReports(REPORT, files, false)).toEqual([]);
  expect(readdirSync(inFolder("all")).sort()).toEqual(FORMATS.map((format) => `report.${format}`).sort());
  for (const { format, path } of files) {
    expect(statSync(path).mode & 0o777).toBe(0o644);
    const style = { color: false, ascii: false, width: 100, detail: "normal" } as const;
    expect(readFileSync(path, "utf8")).toBe((await reporterOf(format))(REPORT, style));
  }
  expect(asReport(readFileSync(inFolder("all/report.json"), "utf8"))).toEqual(REPORT);
});

test("what cannot be written is told, one sentence each, and the others are written all the same", async () => {
  const good = inFolder("good.json");
  const problems = await placeReports(
    REPORT,
    [
      { format: "junit", path: inFolder("nowhere/x.xml") },
      { format: "json", path: good },
      { format: "short", path: "/proc/x" },
    ],
    false,
  );
  expect(problems).toEqual([
    `--report junit=${inFolder("nowhere/x.xml")}: there is no folder ${inFolder("nowhere")}`,
    "--report short=/proc/x: no file is made in /proc; - is the standard output",
  ]);
  expect(asReport(readFileSync(good, "utf8"))).toEqual(REPORT);
});
