import { execFile } from "node:child_process";
import { afterEach, expect, jest, test } from "@jest/globals";
import { lab } from "./lab.ts";

jest.setTimeout(600_000);

afterEach(async () => {
  await lab("restore");
});

interface Summary {
  readonly runs: number;
  readonly faults: number;
  readonly wrong: readonly string[];
}

/** scripts/soak, which `scripts/soak 500` runs at length. */
const soak = (runs: number): Promise<Summary> =>
  new Promise((resolve, reject) => {
    execFile("bash", ["scripts/soak", String(runs)], { maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (stdout === "") reject(new Error(stderr, { cause: error }));
      else resolve(JSON.parse(stdout) as Summary);
    });
  });

test("twenty runs on two hosts, with faults that come and go and runs that are killed, leave nothing behind", async () => {
  expect(await soak(20)).toMatchObject({ runs: 40, faults: 2, wrong: [] });
});
