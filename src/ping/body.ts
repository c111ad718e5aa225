import { printable } from "../model/text.ts";

/** Of a ping, bytes: older Healthchecks keep as many of it (https://healthchecks.io/docs/http_api/), newer ones ten times that. */
export const MOST_BYTES = 10_000;

/** Of one line, characters: a single one never fills the body. */
const MOST_OF_LINE = 2000;

/** Stands for the lines that have no room. */
const MORE = "… and more";

const bytes = (text: string): number => new TextEncoder().encode(text).length;

/** A line fit to be shown; what it is indented by stays. */
const clean = (line: string): string => `${/^ */.exec(line)?.[0] ?? ""}${printable(line, MOST_OF_LINE)}`.trimEnd();

/**
 * The text of a report as it leaves this host: without what may be a secret, without control characters, and cut at a
 * line where it is longer than services keep.
 *
 * @param redact the second net: the report holds no secret, but words of others, such as a server's
 */
export const pingBody = (text: string, redact: (text: string) => string): string => {
  // Before anything is cut, so that no secret loses the letters by which it is known.
  const lines = redact(text).trimEnd().split(/\r?\n/).map(clean);
  const whole = lines.join("\n");
  if (bytes(whole) <= MOST_BYTES) return whole;
  const kept: string[] = [];
  let room = MOST_BYTES - bytes(MORE);
  for (const line of lines) {
    room -= bytes(line) + 1;
    if (room < 0) break;
    kept.push(line);
  }
  return [...kept, MORE].join("\n");
};
