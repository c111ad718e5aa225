import { expect, test } from "@jest/globals";
import { Secret } from "../../src/model/secret.ts";
import { once } from "../../src/probes/once.ts";

const counted = () => {
  let asked = 0;
  return once(async (_question: unknown) => {
    asked += 1;
    return asked;
  });
};

test("equal questions are asked once, and others for themselves", async () => {
  const ask = counted();
  expect([await ask({ name: "a" }), await ask({ name: "a" }), await ask({ name: "b" })]).toEqual([1, 1, 2]);
});

test("questions with different secrets are different, though all secrets look alike", async () => {
  const ask = counted();
  const secret = new Secret("one");
  const asked = [await ask({ secret }), await ask({ secret }), await ask({ secret: new Secret("one") })];
  expect(asked).toEqual([1, 1, 2]);
});
