import { expect, test } from "@jest/globals";
import { json } from "../../src/reporters/json.ts";
import { REPORTS } from "../support/reports.ts";
import { asReport } from "../support/schema.ts";

test.each(Object.entries(REPORTS))("the document is the report, nothing more and nothing less: %s", (_name, report) => {
  expect(asReport(json(report))).toEqual(report);
});
