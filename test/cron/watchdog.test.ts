import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { afterAll, describe, expect, jest, test } from "@jest/globals";
import { compileInto } from "../support/compiled.ts";
import { makeFolder } from "../support/folder.ts";

/** Each test starts Node anew: a busy machine takes its time. */
jest.setTimeout(60_000);

const folder = makeFolder();
afterAll(folder.remove);
const module = compileInto(folder, ["cron/watchdog"]);

const node = (script: string): readonly string[] => [
  "--input-type=module",
  "-e",
  `import fs from "node:fs";
   const { startWatchdog } = await import(${JSON.stringify(module)});
   ${script}`,
];
const run = (script: string, env: Readonly<Record<string, string>> = {}) =>
  spawnSync(process.execPath, node(script), { encoding: "utf8", timeout: 30_000, env });

const HANG = "for (;;);";
const start = (rest: object): string => `const watchdog = startWatchdog(${JSON.stringify(rest)});`;
const SOON = { afterMs: 300, words: "last words\n" };

describe("a run that hangs is ended all the same", () => {
  test.each<[string, () => string]>([
    ["in a loop", () => HANG],
    [
      "in a pipe that nobody writes to, as Node does where that is /etc/resolv.conf",
      () => {
        execFileSync("mkfifo", [`${folder.path}/pipe`]);
        return `fs.readFileSync(${JSON.stringify(`${folder.path}/pipe`)});`;
      },
    ],
    [
      "in that pipe with all threads that Node has for files",
      () =>
        `for (let count = 0; count < 8; count += 1) fs.readFile(${JSON.stringify(`${folder.path}/pipe`)}, () => {});`,
    ],
    ["in a promise that is never kept, with a timer that goes on", () => "setInterval(() => {}, 10);"],
  ])("%s", (_where, hang) => {
    const { signal, stdout, stderr } = run(`${start(SOON)} ${hang()}`);
    expect([signal, stdout, stderr]).toEqual(["SIGKILL", "", "last words\n"]);
  });

  test("even where nobody reads what it says", () => {
    const pipe = `${folder.path}/unread`;
    execFileSync("mkfifo", [pipe]);
    const script = `fs.writeSync(2, "x".repeat(65_536)); ${start(SOON)} ${HANG}`;
    const args = ["-c", 'exec 2<>"$0"; exec "$@"', pipe, process.execPath, ...node(script)];
    expect(spawnSync("sh", args, { timeout: 30_000 }).signal).toBe("SIGKILL");
  });

  test("and without a standard error", () => {
    const args = ["-c", 'exec "$0" "$@" 2>&-', process.execPath, ...node(`${start(SOON)} ${HANG}`)];
    expect(spawnSync("sh", args, { timeout: 30_000 }).signal).toBe("SIGKILL");
  });

  test.each([
    ["its lock is given back", "ours\n", false],
    ["a lock that is another's by now stays", "another's\n", true],
  ])("%s", (_what, content, stays) => {
    const path = folder.write("state.json.lock", content);
    const { signal } = run(`${start({ ...SOON, lock: { path, content: "ours\n" } })} ${HANG}`);
    expect([signal, existsSync(path)]).toEqual(["SIGKILL", stays]);
  });
});

describe("a run that does not hang is left alone", () => {
  test("it ends by itself, with a hard end that is far away", () => {
    const { status, signal, stderr } = run(`${start({ ...SOON, afterMs: 86_400_000 })} console.error("done");`);
    expect([status, signal, stderr]).toEqual([0, null, "done\n"]);
  });

  test("it exits with its own code", () => {
    expect(run(`${start({ ...SOON, afterMs: 86_400_000 })} process.exit(3);`).status).toBe(3);
  });

  test("from when the watchdog is stopped", () => {
    const script = `${start(SOON)} watchdog.stop(); watchdog.stop(); setTimeout(() => console.log("done"), 1000);`;
    const { status, stdout, stderr } = run(script);
    expect([status, stdout, stderr]).toEqual([0, "done\n", ""]);
  });

  test("and its thread loads nothing that the environment names", () => {
    const said = folder.write("named.cjs", `require("node:fs").writeSync(1, "loaded\\n");`);
    const { stdout } = run(`${start(SOON)} ${HANG}`, { NODE_OPTIONS: `--require=${said}` });
    // Once by the program itself.
    expect(stdout).toBe("loaded\n");
  });
});
