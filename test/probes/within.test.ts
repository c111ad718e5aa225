import { expect, test } from "@jest/globals";
import { within } from "../../src/probes/within.ts";

test("work that is done in time gives its own answer, and leaves no timer behind", async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = timers();
  expect(await within(60_000, Promise.resolve("done"), () => "late")).toBe("done");
  expect(timers()).toBe(before);
});

test("work that never ends is given up", async () => {
  expect(await within(20, new Promise<string>(() => {}), () => "late")).toBe("late");
});
