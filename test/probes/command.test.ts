import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, expect, test } from "@jest/globals";
import type { CommandObservation, CommandQuestion } from "../../src/model/observation.ts";
import { Secret } from "../../src/model/secret.ts";
import { probeCommand } from "../../src/probes/command.ts";
import { compileInto } from "../support/compiled.ts";
import { makeFolder } from "../support/folder.ts";

const own = makeFolder();
afterAll(own.remove);

/** The probe's folders are made in a place of this test's own, where nothing else comes and goes. */
const place = join(own.path, "place");
mkdirSync(place);

const PATH = { PATH: "/usr/bin:/bin" };

const ask = (
  question: Partial<CommandQuestion>,
  signal: AbortSignal = new AbortController().signal,
): Promise<CommandObservation> =>
  probeCommand({ argv: ["/bin/true"], timeoutMs: 20_000, environment: PATH, ...question }, { signal, place });

const shell = (
  script: string,
  question: Partial<CommandQuestion> = {},
  signal?: AbortSignal,
): Promise<CommandObservation> => ask({ ...question, argv: ["/bin/sh", "-c", script] }, signal);

const outputOf = (seen: CommandObservation): string => {
  if (!seen.ok) throw new Error(`${seen.code}: ${seen.message}`);
  return seen.output;
};

/** A zombie that nobody has fetched yet is gone, too. */
const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

const until = async (condition: () => boolean): Promise<void> => {
  for (let turn = 0; turn < 500 && !condition(); turn++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
};

/** A script that starts a process and writes its own pid and that one's to a file, then goes on as told. */
const PIDS = join(own.path, "pids");
const family = (then: string): string => `sleep 300 & echo $$ $! > ${PIDS}.new; mv ${PIDS}.new ${PIDS}; ${then}`;
const pids = (): number[] => readFileSync(PIDS, "utf8").trim().split(" ").map(Number);

const expectNothingLeft = (): void => {
  expect(pids()).toHaveLength(2);
  expect(pids().filter(isAlive)).toEqual([]);
  expect(readdirSync(place)).toEqual([]);
};

test("what a program prints comes back in the order of printing, with its exit code", async () => {
  const seen = await shell("echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three; exit 7");
  expect(seen).toEqual({ ok: true, elapsedMs: expect.any(Number), exitCode: 7, output: "one\ntwo\nthree\n" });
});

test.each([
  ["TERM", 143],
  ["SEGV", 139],
  ["KILL", 137],
])("a program that SIG%s ends has the exit code that a shell would show", async (name, exitCode) => {
  expect(await shell(`kill -${name} $$; sleep 10`)).toMatchObject({ ok: true, exitCode });
});

test("the files are there, for this user alone, in a folder that is the program's own", async () => {
  const seen = await shell("pwd; stat -c '%a %n' . config.yaml sub/key; cat config.yaml sub/key", {
    files: { "config.yaml": "data: {folder}/data, {folder}\n", "sub/key": new Secret("p4ssw0rd in {folder}\n") },
  });
  expect(outputOf(seen).split("\n")).toEqual([
    "{folder}",
    "700 .",
    "600 config.yaml",
    "600 sub/key",
    "data: {folder}/data, {folder}",
    "p4ssw0rd in {folder}",
    "",
  ]);
  expect(readdirSync(place)).toEqual([]);
});

test("the program is told the folder's true path, in its arguments and in the files", async () => {
  const seen = await ask({
    argv: [
      "/bin/sh",
      "-c",
      'test "$1" = "$(pwd)/config.yaml" && test "$(cat "$1")" = "$(pwd)"',
      "sh",
      "{folder}/config.yaml",
    ],
    files: { "config.yaml": "{folder}" },
  });
  expect(seen).toMatchObject({ ok: true, exitCode: 0, output: "" });
});

test("no secret of a file is among the arguments that every user can see", async () => {
  const seen = await ask({
    argv: ["/bin/sh", "-c", "tr '\\0' ' ' < /proc/$$/cmdline; tr '\\0' ' ' < /proc/$$/environ", "sh", "{folder}/key"],
    files: { key: new Secret("p4ssw0rd") },
  });
  expect(outputOf(seen)).toContain("sh {folder}/key");
  expect(outputOf(seen)).not.toContain("p4ssw0rd");
});

test("the program gets the environment that it is given, and nothing of ours", async () => {
  const seen = await ask({ argv: ["/usr/bin/env"], environment: { LANG: "C", HTTPS_PROXY: "http://proxy.test" } });
  expect(outputOf(seen).trim().split("\n").sort()).toEqual(["HTTPS_PROXY=http://proxy.test", "LANG=C"]);
  expect(outputOf(await ask({ argv: ["/usr/bin/env"], environment: {} }))).toBe("");
});

test("a program that reads its input finds none, and does not wait", async () => {
  expect(await ask({ argv: ["/bin/cat"] })).toMatchObject({ ok: true, exitCode: 0, output: "" });
});

const PLAIN = own.write("plain", "text");

test.each([
  ["is not there", "/nowhere/crowdsec", "command-missing", "ENOENT"],
  ["is below a file", `${PLAIN}/crowdsec`, "command-missing", "ENOTDIR"],
  ["is not in the PATH", "no-such-program-at-all", "command-missing", "ENOENT"],
  ["is not executable", PLAIN, "command-denied", "EACCES"],
  ["is a folder", own.path, "command-denied", "EACCES"],
])("a program that %s", async (_what, path, code, errno) => {
  const seen = await ask({ argv: [path], files: { key: "" } });
  expect(seen).toMatchObject({ ok: false, phase: "host", code, errno });
  expect(readdirSync(place)).toEqual([]);
});

test("arguments that no program can be given are an error, not a throw", async () => {
  expect(await ask({ argv: ["/bin/echo", "a\0b"] })).toMatchObject({ ok: false, code: "command-error" });
  expect(await ask({ argv: ["/bin/echo", "x".repeat(4 * 1024 * 1024)] })).toMatchObject({ code: "command-error" });
  expect(readdirSync(place)).toEqual([]);
});

test("where no folder can be made there is no run", async () => {
  const seen = await probeCommand(
    { argv: ["/bin/true"], timeoutMs: 20_000 },
    { signal: new AbortController().signal, place: join(own.path, "nowhere") },
  );
  expect(seen).toMatchObject({ ok: false, phase: "host", code: "command-error", errno: "ENOENT" });
});

test.each([
  ["64 KiB", 65_536],
  ["more than 64 KiB", 65_537],
  ["a megabyte", 1_000_000],
])("of %s of output the end is kept", async (_what, length) => {
  const output = outputOf(await shell(`head -c ${length - 4} /dev/zero | tr '\\0' x; printf ' end'`));
  expect(output).toHaveLength(Math.min(length, 65_536));
  expect(output.endsWith("xxxx end")).toBe(true);
});

test("no half of a character is left of output that was cut", async () => {
  const output = outputOf(await shell("yes ä | head -n 40000 | tr -d '\\n'; printf x"));
  expect(output).toBe(`${"ä".repeat(32_767)}x`);
});

test("small pieces beyond the limit come out in order", async () => {
  const output = outputOf(await shell('i=0; while [ $i -lt 9000 ]; do echo "äöü $i"; i=$((i+1)); done'));
  const lines = output.trimEnd().split("\n");
  expect(lines.at(-1)).toBe("äöü 8999");
  expect(lines.slice(1)).toEqual(lines.slice(1).map((_line, index) => `äöü ${9000 - lines.length + 1 + index}`));
});

test("a program that prints without end is stopped at the limit, and takes no memory meanwhile", async () => {
  const before = process.memoryUsage().rss;
  const seen = await ask({ argv: ["/usr/bin/yes", "x".repeat(1000)], timeoutMs: 1000 });
  expect(seen).toMatchObject({ ok: false, code: "command-timeout", message: "no end within 1000 ms" });
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
});

test("colours, titles and control characters are left out, lines stay", async () => {
  const seen = await ask({
    argv: [
      "/usr/bin/printf",
      "\\033[31mred\\033[0m\\033[1;38;5;9m bold\\033[K\\033]0;title\\007 shown\\r\\n\\nbell\\007 end\\033]8;;http://evil.test\\033\\\\link\\033(B\\033",
    ],
  });
  expect(outputOf(seen)).toBe("red bold shown\n\nbell  endlink");
});

test("a program that does not end in time is killed with all that it started, and its folder is removed", async () => {
  const seen = await shell(family("trap '' TERM INT; mkdir sub; wait"), { timeoutMs: 400, files: { key: "" } });
  expect(seen).toMatchObject({ ok: false, phase: "host", code: "command-timeout" });
  expect(seen.elapsedMs).toBeLessThan(5000);
  expectNothingLeft();
});

test("at the end of the run a program is killed with all that it started, and its folder is removed", async () => {
  const stop = new AbortController();
  const asked = shell(family("wait"), { files: { key: "" } }, stop.signal);
  await until(() => existsSync(PIDS) && pids().every(isAlive));
  expect(readdirSync(place)).toHaveLength(1);
  stop.abort();
  expect(await asked).toMatchObject({ ok: false, phase: "host", code: "command-error", errno: "ABORT_ERR" });
  expectNothingLeft();
});

test("what a program leaves running when it ends is killed, and is not waited for", async () => {
  const seen = await shell(family("echo done"));
  expect(seen).toMatchObject({ ok: true, exitCode: 0, output: "done\n" });
  expect(seen.elapsedMs).toBeLessThan(5000);
  expectNothingLeft();
});

test("a process that left the group and holds the output open is not waited for", async () => {
  const file = join(own.path, "escaped");
  const seen = await shell(`setsid sh -c 'echo $$ > ${file}; exec sleep 30' & sleep 0.3; echo done`);
  const pid = Number(readFileSync(file, "utf8"));
  expect(isAlive(pid)).toBe(true);
  process.kill(pid, "SIGKILL");
  expect(seen).toMatchObject({ ok: true, exitCode: 0, output: "done\n" });
  expect(seen.elapsedMs).toBeLessThan(5000);
});

test("a run that is over starts no program", async () => {
  const file = join(own.path, "started");
  const seen = await shell(`touch ${file}`, {}, AbortSignal.abort());
  expect(seen).toMatchObject({ ok: false, code: "command-error", errno: "ABORT_ERR" });
  expect(existsSync(file)).toBe(false);
  expect(readdirSync(place)).toEqual([]);
});

test("after programs have run nothing is left to do at the exit", async () => {
  const listeners = process.listenerCount("exit");
  const asked = Promise.all([1, 2, 3].map((turn) => shell(`sleep 0.${turn}`)));
  expect(process.listenerCount("exit")).toBe(listeners + 1);
  await asked;
  expect(process.listenerCount("exit")).toBe(listeners);
});

/** A script for a Node of its own, in which `ask` asks the probe. */
const scriptOf = (name: string, body: string): string => {
  const module = compileInto(own, ["probes/command", "probes/clock", "probes/failure", "model/secret", "model/text"]);
  return own.write(
    `compiled/${name}.mjs`,
    `import { existsSync } from "node:fs";
     import { probeCommand } from ${JSON.stringify(module)};
     const signal = new AbortController().signal;
     const ask = (question) => probeCommand(question, { signal, place: ${JSON.stringify(place)} });
     ${body}`,
  );
};

test("after a program, whether it ended or was killed, no timer and no pipe of it is left", async () => {
  const script = scriptOf(
    "end",
    `const held = async () => {
       // What is closed is gone with the next turns of the event loop.
       for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
       return process.getActiveResourcesInfo().filter((kind) => /Timeout|Pipe|Process/.test(kind));
     };
     const environment = ${JSON.stringify(PATH)};
     // Its own streams are there from the beginning.
     const seen = [process.stdout, process.stderr] && [await held()];
     for (const [text, timeoutMs] of [["sleep 300 & echo done", 60_000], ["sleep 300 & wait", 100]]) {
       await ask({ argv: ["/bin/sh", "-c", text], environment, timeoutMs });
       seen.push(await held());
     }
     console.log(JSON.stringify(seen));`,
  );
  const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  const [before, ended, killed] = JSON.parse(await text(child.stdout));
  expect([ended, killed]).toEqual([before, before]);
});

test("when this process exits in the middle, neither the program nor its folder stays", async () => {
  rmSync(PIDS, { force: true });
  const question = {
    argv: ["/bin/sh", "-c", family("wait")],
    files: { key: "" },
    environment: PATH,
    timeoutMs: 60_000,
  };
  const script = scriptOf(
    "exit",
    `ask(${JSON.stringify(question)});
     setInterval(() => existsSync(${JSON.stringify(PIDS)}) && process.exit(5), 10);`,
  );
  const [code] = await once(spawn(process.execPath, [script], { stdio: "inherit" }), "exit");
  expect(code).toBe(5);
  await until(() => !pids().some(isAlive));
  expectNothingLeft();
});
