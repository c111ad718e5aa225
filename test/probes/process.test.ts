import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { basename } from "node:path";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { probeProcesses } from "../../src/probes/process.ts";
import { makeFolder } from "../support/folder.ts";

const folder = makeFolder();
afterAll(folder.remove);

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
});

/** A shell under another name: a program of our choosing. */
const program = (name: string): string => {
  const path = `${folder.path}/${name}`;
  if (!existsSync(path)) copyFileSync("/bin/sh", path);
  return path;
};

/** A process that does nothing, of the program that bears `name`, and called the same unless told otherwise. */
const start = async (name: string, args: readonly string[] = [], argv0 = name): Promise<number> => {
  const child = spawn(program(name), ["-c", "read _", ...args], { argv0, stdio: ["pipe", "ignore", "ignore"] });
  children.push(child);
  await once(child, "spawn");
  return child.pid ?? 0;
};

/** No other process of this machine is called that. */
const NAME = `preflight-${process.pid}`;

test("a process is found by the base name of its program, with its arguments", async () => {
  const pid = await start(NAME, ["-c", "/etc/crowdsec/config.yaml", "", "-no-api"], `/usr/bin/${NAME}`);
  const [seen, ...others] = await probeProcesses(NAME);
  expect(seen).toEqual({
    pid,
    argv: [`/usr/bin/${NAME}`, "-c", "read _", "-c", "/etc/crowdsec/config.yaml", "", "-no-api"],
    uid: process.getuid?.(),
    own: true,
    executable: `${folder.path}/${NAME}`,
    ageSeconds: expect.any(Number),
  });
  expect(others).toEqual([]);
});

/** Only root may start a process of another user. */
const asRoot = process.getuid?.() === 0 ? test : test.skip;

asRoot("a process of another user is known as that one's, so that nobody takes it for CrowdSec's", async () => {
  chmodSync(folder.path, 0o755);
  const child = spawn(program(NAME), ["-c", "read _"], {
    uid: 65_534,
    gid: 65_534,
    stdio: ["pipe", "ignore", "ignore"],
  });
  children.push(child);
  await once(child, "spawn");
  const [seen, ...others] = await probeProcesses(NAME);
  expect(seen).toMatchObject({ pid: child.pid, uid: 65_534 });
  expect(seen).not.toHaveProperty("own");
  expect(others).toEqual([]);
});

/** What makes a namespace for a process is root's, and not in every container. */
const mayUnshare = spawnSync("unshare", ["-m", "-p", "-f", "true"]).status === 0;
const inNamespaces = mayUnshare ? test : test.skip;

inNamespaces.each([
  ["a service that systemd gave mounts of its own is this host's", ["-m"], 1],
  ["a container's process is not this host's", ["-m", "-p", "-f", "--kill-child"], 0],
  ["nor is one that has a network of its own", ["-n"], 0],
] as const)("%s", async (_what, flags, count) => {
  const args = [...flags, "sh", "-c", 'echo; exec "$0" -c "read _"', program(NAME)];
  const child = spawn("unshare", args, { stdio: ["pipe", "pipe", "ignore"] });
  children.push(child);
  await once(child.stdout, "data");
  // It is there, whether it is shown or not.
  const runs = (pid: string): boolean => {
    try {
      return basename(readlinkSync(`/proc/${pid}/exe`)) === NAME;
    } catch {
      return false;
    }
  };
  while (!readdirSync("/proc").some(runs)) await new Promise(setImmediate);
  expect(await probeProcesses(NAME)).toHaveLength(count);
});

asRoot("a set-user-ID program is its caller's, who gave it its arguments and environment", async () => {
  const path = `${folder.path}/setuid/${NAME}`;
  folder.write(`setuid/${NAME}`, readFileSync("/bin/sleep"));
  for (const each of [folder.path, `${folder.path}/setuid`]) chmodSync(each, 0o755);
  chmodSync(path, 0o4755);
  const child = spawn(path, ["60"], { uid: 65_534, gid: 65_534, stdio: "ignore" });
  children.push(child);
  await once(child, "spawn");
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  // The mount of the temporary folder may forbid it: then there is nothing to mistake.
  expect(status).toMatch(/^Uid:\t65534\t(0|65534)\t/m);
  expect(await probeProcesses(NAME)).toMatchObject([{ pid: child.pid, uid: 65_534 }]);
});

test("several processes come in the order of their pids", async () => {
  const pids = [await start(NAME), await start(NAME), await start(NAME)];
  const seen = await probeProcesses(NAME);
  expect(seen.map(({ pid }) => pid)).toEqual(pids.sort((a, b) => a - b));
});

test.each(["x", "", "-cli"])("a process whose program's name only resembles it (%j) is another one", async (tail) => {
  await start(tail === "" ? `x${NAME}` : `${NAME}${tail}`);
  expect(await probeProcesses(NAME)).toEqual([]);
});

test("an argument that bears the name makes no process of that name", async () => {
  await start("other", [NAME]);
  expect(await probeProcesses(NAME)).toEqual([]);
});

test("a process that only calls itself so is another program's", async () => {
  await start("other", [], `/usr/bin/${NAME}`);
  expect(await probeProcesses(NAME)).toEqual([]);
});

test("a script that bears the name is its interpreter's process", async () => {
  const script = folder.write(`script/${NAME}`, "#!/bin/sh\nread _\n");
  chmodSync(script, 0o700);
  const child = spawn(script, { stdio: ["pipe", "ignore", "ignore"] });
  children.push(child);
  await once(child, "spawn");
  expect(await probeProcesses(NAME)).toEqual([]);
});

test("a process is known by its program, whatever it calls itself and through whatever link it was started", async () => {
  const renamed = await start(NAME, [], "worker");
  symlinkSync(program(NAME), `${folder.path}/link`);
  const linked = await start("link");
  expect((await probeProcesses(NAME)).map(({ pid }) => pid).sort()).toEqual([renamed, linked].sort());
});

test("a process whose program was replaced by an upgrade is still the same", async () => {
  const pid = await start(NAME);
  rmSync(program(NAME));
  expect(await probeProcesses(NAME)).toMatchObject([{ pid, executable: `${folder.path}/${NAME}` }]);
});

test("where there is no such process there is an empty list", async () => {
  expect(await probeProcesses("no-such-program-at-all")).toEqual([]);
});

test("a process's age is the time since its start", async () => {
  const self = (await probeProcesses(basename(process.execPath))).find(({ pid }) => pid === process.pid);
  // Jest may run for a while before this file: the age must not be counted from this test.
  expect(Math.abs((self?.ageSeconds ?? Number.NaN) - process.uptime())).toBeLessThan(2);
  const pid = await start(NAME);
  const child = (await probeProcesses(NAME)).find((seen) => seen.pid === pid);
  expect(child?.ageSeconds).toBeGreaterThanOrEqual(0);
  expect(child?.ageSeconds).toBeLessThan((self?.ageSeconds ?? 0) + 1);
});
