import type { Report } from "../model/report.ts";
import { json } from "./json.ts";
import { markdown } from "./markdown.ts";
import { pretty, type Style } from "./pretty.ts";

export { ticket } from "./ticket.ts";

/** Every output format by its name. */
export const reporters = { pretty, json, markdown } as const satisfies Record<
  string,
  (report: Report, style: Style) => string
>;
export type Format = keyof typeof reporters;
export const FORMATS = Object.keys(reporters) as readonly Format[];
