import { PassThrough } from "node:stream";
import { expect, test } from "@jest/globals";
import { catalogue } from "../../checks/index.ts";
import { explain } from "../../src/commands/explain.ts";
import { UsageError } from "../../src/commands/usage-error.ts";

const explained = async (word: string): Promise<string> => {
  // Room for all of it: nobody reads meanwhile.
  const stdout = new PassThrough({ highWaterMark: 1024 * 1024 });
  const code = await explain(word, { stdout, stderr: new PassThrough(), environment: {} });
  expect(code).toBe(0);
  return String(stdout.read());
};

test.each(catalogue)(
  "$id is explained with each of its faults, and every remedy",
  async ({ id, title, why, faults }) => {
    const text = await explained(id);
    expect(text.split("\n")[0]).toBe(`${id}: ${title}`);
    expect(text).toContain(why);
    for (const [code, { blame, says, remedy }] of Object.entries(faults)) {
      expect(text).toMatch(new RegExp(`^  ${code} \\((warning|failure), blame: ${blame}\\)$`, "m"));
      expect(text).toContain(says);
      for (const step of remedy) {
        expect(text).toContain(step.text);
        for (const command of [...(step.commands ?? []), ...(step.undo ?? [])]) expect(text).toContain(`$ ${command}`);
      }
    }
  },
);

const CODES = [...new Set(catalogue.flatMap(({ faults }) => Object.keys(faults)))];

test.each(CODES)("the fault code %s is explained once for each family that has it", async (code) => {
  const having = catalogue.filter(({ faults }) => Object.hasOwn(faults, code)).map(({ id }) => id);
  const families = [...new Set(having.map((id) => (id.startsWith("outgoing-") ? "outgoing-*" : id)))];
  expect((await explained(code)).match(/^In .*:$/gm)).toEqual(families.map((family) => `In ${family}:`));
});

test("what is needed first is named", async () => {
  expect(await explained("lapi-identity")).toContain("Needs: lapi-reachable, lapi-tls.");
});

test.each(["nothing", "", "lapi", "toString", "constructor", "__proto__"])(
  "%p is explained by nobody",
  async (word) => {
    await expect(explained(word)).rejects.toThrow(UsageError);
  },
);
