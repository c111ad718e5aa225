import { PassThrough } from "node:stream";
import { expect, test } from "@jest/globals";
import { startProgress } from "../src/progress.ts";

const shownOn = async (terminal: boolean): Promise<string> => {
  // What a terminal can do beside taking text.
  const able = { isTTY: terminal, columns: 80, clearLine: () => true, cursorTo: () => true, moveCursor: () => true };
  const stream = Object.assign(new PassThrough(), able);
  const progress = await startProgress(stream, ["lapi-identity", "metrics", "outgoing-capi"]);
  progress.observe({ type: "started", id: "lapi-identity" });
  progress.observe({ type: "finished", id: "lapi-identity", findings: [] });
  progress.stop();
  return String(stream.read() ?? "");
};

test("a terminal sees how many checks there are", async () => {
  expect(await shownOn(true)).toContain("0/3 checks");
});

test("a file or a pipe sees nothing at all", async () => {
  expect(await shownOn(false)).toBe("");
});
