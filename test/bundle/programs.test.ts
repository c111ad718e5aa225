import { expect, test } from "@jest/globals";
import { findProgram, runProgram } from "../../src/bundle/programs.ts";
import type { CommandQuestion, PathSeen } from "../../src/model/observation.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";
import { ranWith } from "../support/world.ts";

const at = (path: string, seen: Partial<PathSeen> = {}): World => ({
  paths: { [path]: { executable: true, ...seen } },
});

test.each(["/usr/sbin/nft", "/usr/bin/nft", "/sbin/nft", "/bin/nft", "/usr/local/sbin/nft"])(
  "a program is found in %s, whatever this user's PATH is",
  async (path) => {
    expect(await findProgram(fakeProber(at(path)), "nft")).toBe(path);
  },
);

test.each([
  ["somebody else could have put there", { guarded: false }],
  ["cannot be executed", { executable: false }],
  ["is a folder", { kind: "folder" }],
] as const)("what %s is not run", async (_what, seen) => {
  const prober = fakeProber(at("/usr/sbin/nft", seen));
  expect(await runProgram(prober, "nft", ["-t", "list", "ruleset"])).toBeUndefined();
  expect(prober.asked.filter((each) => each.startsWith("command"))).toEqual([]);
});

test("a program gets two seconds, plain words for output, and nothing of this shell's environment", async () => {
  const asked: CommandQuestion[] = [];
  const commands = (question: CommandQuestion) => {
    asked.push(question);
    return ranWith(0, "x");
  };
  expect(await runProgram(fakeProber({ ...at("/usr/bin/ss"), commands }), "ss", ["-s"])).toMatchObject({ output: "x" });
  expect(asked).toEqual([
    {
      argv: ["/usr/bin/ss", "-s"],
      timeoutMs: 2000,
      environment: { LC_ALL: "C", PATH: "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin" },
    },
  ]);
});
