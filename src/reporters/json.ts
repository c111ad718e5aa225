import type { Report } from "../model/report.ts";

/** The report itself, two spaces deep. */
export const json = (report: Report): string => `${JSON.stringify(report, null, 2)}\n`;
