import type { RunVerdict, Status } from "./report.ts";

/** How each status is marked, never by colour alone: a symbol, the one of ASCII, and a colour of `util.styleText`. */
export const SYMBOLS = {
  pass: { symbol: "✓", ascii: "+", color: "green" },
  warn: { symbol: "!", ascii: "!", color: "yellow" },
  fail: { symbol: "✗", ascii: "x", color: "red" },
  skip: { symbol: "-", ascii: "-", color: "gray" },
  unknown: { symbol: "?", ascii: "?", color: "magenta" },
} as const satisfies Readonly<
  Record<Status, { readonly symbol: string; readonly ascii: string; readonly color: string }>
>;

/** Verdicts as they are told. */
export const VERDICTS: Readonly<Record<RunVerdict, string>> = {
  ready: "READY",
  "ready-with-warnings": "READY, WITH WARNINGS",
  "not-ready": "NOT READY",
  unknown: "UNKNOWN",
};
