import { networkInterfaces } from "node:os";
import { expect, test } from "@jest/globals";
import { ownAddresses } from "../../src/listen/addresses.ts";

test("other hosts are told of no address that is this host's alone", async () => {
  const { all, reachable } = await ownAddresses();
  const real = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  expect(new Set(all)).toEqual(new Set(real.map(({ address }) => address)));
  expect(reachable.filter((address) => !all.includes(address))).toEqual([]);
  expect(reachable.filter((address) => /^(?:127\.|::1$|169\.254\.|fe80)/.test(address))).toEqual([]);
  expect(new Set(reachable).size).toBe(reachable.length);
});
