import { expect, test } from "@jest/globals";
import { createStrangers, OTHERS } from "../../src/listen/strangers.ts";

test("connections of one address are counted together, by what they were", () => {
  const told: string[] = [];
  const strangers = createStrangers(({ address, connections }, kind) => told.push(`${address} ${connections} ${kind}`));
  strangers.note("192.0.2.9", "silent");
  strangers.note("192.0.2.9", "garbage");
  strangers.note("192.0.2.8", "wrong-token", "agent\u00071");
  strangers.note("192.0.2.9", "garbage");
  expect(told).toEqual(["192.0.2.9 1 silent", "192.0.2.9 2 garbage", "192.0.2.8 1 wrong-token", "192.0.2.9 3 garbage"]);
  expect(strangers.all()).toEqual([
    { address: "192.0.2.9", connections: 3, kinds: { silent: 1, garbage: 2 }, names: [] },
    { address: "192.0.2.8", connections: 1, kinds: { "wrong-token": 1 }, names: ["agent 1"] },
  ]);
});

test("what is remembered is bounded, whoever comes", () => {
  const strangers = createStrangers(() => {});
  for (let index = 0; index < 5000; index++)
    strangers.note(`10.0.${index >> 8}.${index & 255}`, "left-after-hello", `name${index}`);
  for (let index = 0; index < 100; index++) strangers.note("10.0.0.0", "left-after-hello", `other${index}`);
  const all = strangers.all();
  expect(all).toHaveLength(101);
  expect(all[0]).toMatchObject({ address: OTHERS, connections: 4900 });
  expect(all[1]).toMatchObject({ address: "10.0.0.0", connections: 101 });
  expect(Math.max(...all.map(({ names }) => names.length))).toBe(5);
});
