import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { expect } from "@jest/globals";

/** Set to rewrite the goldens from what the reporters say now. */
// biome-ignore lint/style/noProcessEnv: it comes from the maintainer who starts the tests, by scripts/test.js and Jest
const RENEW = process.env["RENEW"] === "1";
const HOW = "to renew all goldens, after you have read the difference: RENEW=1 node scripts/test.js reporters";

const folderOf = (reporter: string): string => `test/golden/${reporter}`;

/** Holds text against a file of test/golden/, or rewrites that file. */
export const expectGolden = (reporter: string, name: string, text: string): void => {
  const file = `${folderOf(reporter)}/${name}`;
  if (RENEW) {
    mkdirSync(folderOf(reporter), { recursive: true });
    writeFileSync(file, text);
    return;
  }
  const expected = existsSync(file) ? readFileSync(file, "utf8") : "(there is no such file)";
  if (text === expected) return;
  // Only for the difference that it shows.
  expect(`${file} (${HOW})\n${text}`).toBe(`${file} (${HOW})\n${expected}`);
};

/** Goldens that nothing is held against any more would rot; renewing removes them. */
export const expectNoOtherGoldens = (reporter: string, names: readonly string[]): void => {
  const others = readdirSync(folderOf(reporter)).filter((name) => !names.includes(name));
  if (RENEW) for (const name of others) rmSync(`${folderOf(reporter)}/${name}`);
  else expect({ others, [HOW]: true }).toEqual({ others: [], [HOW]: true });
};
