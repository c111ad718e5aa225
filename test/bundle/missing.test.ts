import { expect, test } from "@jest/globals";
import { byProcess, distinctMissing } from "../../src/bundle/missing.ts";

test("a thing is missed once, with every reason", () => {
  const [x, y] = [
    { source: "/x", why: "too large" },
    { source: "/y", why: "not there" },
  ];
  expect(distinctMissing([x, y, { ...x }, { source: "/x", why: "not there" }])).toEqual([
    { source: "/x", why: "too large; not there" },
    y,
  ]);
});

test("the same of several processes is one thing, and of one process as it is", () => {
  expect(byProcess(["ls -ln /proc/17/ns", "/etc/x", "ls -ln /proc/18/ns", "/etc/x", "/proc/17/environ"])).toEqual([
    "ls -ln /proc/{17,18}/ns",
    "/etc/x",
    "/proc/17/environ",
  ]);
});
