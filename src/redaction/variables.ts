import { variableIs } from "./names.ts";
import type { Redactor } from "./redactor.ts";
import { isAwkward } from "./values.ts";

/** A variable of a running process as a line: its value is raw there, so only its line breaks are in the way. */
const lineOf = (name: string, value: string): string => `${name}=${value.replace(/[\r\n]+/g, " ")}`;

/** Studies one variable of a running process. @param place for people: `/proc/12/environ` */
export const studyVariable = (redactor: Redactor, name: string, value: string, place: string): void => {
  if (variableIs(name, value) === "secret") {
    redactor.note(value, `variable ${name}, ${place}`);
    // That there is one of this name tells a reference to it from a password with a dollar sign.
    redactor.study(lineOf(name, ""), "environment", place);
  } else redactor.study(lineOf(name, value), "environment", place);
};

/** The value of one variable of a running process, fit to be shown: itself, a stand-in, or `REMOVED` where it may be private. */
export const redactVariable = (redactor: Redactor, name: string, value: string): string => {
  const standIn = variableIs(name, value) === "secret" ? redactor.standIn(value) : undefined;
  if (standIn !== undefined) return isAwkward(value) ? `${standIn} ` : standIn;
  return redactor.redact(lineOf(name, value), "environment").text.slice(name.length + 1);
};
