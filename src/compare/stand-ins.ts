/** Stand-ins of secrets are numbered in the order in which each run met them: the number says nothing. */
export const withoutNumbers = (text: string): string => text.replace(/\bREDACTED-\d+\b/g, "REDACTED");

/** A secret stands there. */
export const hasStandIn = (text: string): boolean => /\bREDACTED(?:-\d+)?\b/.test(text);

/**
 * Without what a pseudonym could stand for: addresses, names with dots. Paths stay, but for the names of their files.
 */
export const withoutNames = (text: string): string => text.replace(/[\w-]*(?:[.:]+[\w-]+)+/g, "*");
