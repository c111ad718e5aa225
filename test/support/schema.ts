import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import type { Report } from "../../src/model/report.ts";

const schema = JSON.parse(readFileSync("docs/report.schema.json", "utf8"));
const validate = new Ajv({ allErrors: true, strict: true, strictRequired: false }).compile(schema);

/** Every report that a test sees goes through here: it must be what the published schema says. */
export const asReport = (text: string): Report => {
  const report: unknown = JSON.parse(text);
  if (!validate(report)) throw new Error(`the report is not what its schema says: ${JSON.stringify(validate.errors)}`);
  return report as Report;
};
