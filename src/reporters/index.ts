import type { Report } from "../model/report.ts";
import type { Style } from "./pretty-page.ts";

export type Reporter = (report: Report, style: Style) => string;

/** Every output format by its name. A run needs one of them, and loads no other. */
const REPORTERS = {
  pretty: async () => (await import("./pretty.ts")).pretty,
  short: async () => (await import("./short.ts")).short,
  json: async () => (await import("./json.ts")).json,
  junit: async () => (await import("./junit.ts")).junit,
  nagios: async () => (await import("./nagios.ts")).nagios,
  prometheus: async () => (await import("./prometheus.ts")).prometheus,
  markdown: async () => (await import("./markdown.ts")).markdown,
} as const satisfies Record<string, () => Promise<Reporter>>;
export type Format = keyof typeof REPORTERS;
export const FORMATS = Object.keys(REPORTERS) as readonly Format[];

export const reporterOf = (format: Format): Promise<Reporter> => REPORTERS[format]();

/** In place of a report, what to send to those who can mend what this host's owner cannot. */
export const loadTicket = async (): Promise<Reporter> => (await import("./ticket.ts")).ticket;
