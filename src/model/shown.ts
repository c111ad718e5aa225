import type { Blame, RunVerdict, Status } from "./report.ts";

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

const PARTIES: Readonly<Record<Blame["party"], string>> = {
  "this-host": "this host",
  resolver: "the nameserver",
  network: "the network between",
  proxy: "the proxy",
  "remote-host": "the other host",
  "remote-service": "the service there",
  "crowdsec-cloud": "CrowdSec's servers",
  credentials: "the credentials",
  configuration: "the configuration",
};

/** A party in plain words, and how sure that is. */
export const whoseIs = ({ party, confidence }: Blame): string => `${PARTIES[party]} (${confidence})`;
