import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { probeProcesses } from "../../src/probes/process.ts";

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
});

/** A process that does nothing, under a name of our choosing. */
const start = async (argv0: string, ...args: readonly string[]): Promise<number> => {
  const child = spawn("sh", ["-c", "read _", ...args], { argv0, stdio: ["pipe", "ignore", "ignore"] });
  children.push(child);
  await once(child, "spawn");
  return child.pid ?? 0;
};

/** No other process of this machine is called that. */
const NAME = `preflight-${process.pid}`;

test("a process is found by the base name of its program, with its arguments", async () => {
  const pid = await start(`/usr/bin/${NAME}`, "-c", "/etc/crowdsec/config.yaml", "", "-no-api");
  const [seen, ...others] = await probeProcesses(NAME);
  expect(seen).toEqual({
    pid,
    argv: [`/usr/bin/${NAME}`, "-c", "read _", "-c", "/etc/crowdsec/config.yaml", "", "-no-api"],
    ageSeconds: expect.any(Number),
  });
  expect(others).toEqual([]);
});

test("several processes come in the order of their pids", async () => {
  const pids = [await start(NAME), await start(NAME), await start(NAME)];
  const seen = await probeProcesses(NAME);
  expect(seen.map(({ pid }) => pid)).toEqual(pids.sort((a, b) => a - b));
});

test.each(["x", "x/y", "", "-cli"])(
  "a process whose program's name only resembles it (%j) is another one",
  async (tail) => {
    await start(tail === "" ? `x${NAME}` : `${NAME}${tail}`);
    expect(await probeProcesses(NAME)).toEqual([]);
  },
);

test("an argument that bears the name makes no process of that name", async () => {
  await start("other", NAME);
  expect(await probeProcesses(NAME)).toEqual([]);
});

test("where there is no such process there is an empty list", async () => {
  expect(await probeProcesses("no-such-program-at-all")).toEqual([]);
});

test("a process's age is the time since its start", async () => {
  const [program = ""] = readFileSync("/proc/self/cmdline", "utf8").split("\0");
  const self = (await probeProcesses(basename(program))).find(({ pid }) => pid === process.pid);
  // Jest may run for a while before this file: the age must not be counted from this test.
  expect(Math.abs((self?.ageSeconds ?? Number.NaN) - process.uptime())).toBeLessThan(2);
  const pid = await start(NAME);
  const child = (await probeProcesses(NAME)).find((seen) => seen.pid === pid);
  expect(child?.ageSeconds).toBeGreaterThanOrEqual(0);
  expect(child?.ageSeconds).toBeLessThan((self?.ageSeconds ?? 0) + 1);
});
