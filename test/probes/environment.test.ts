import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { Secret } from "../../src/model/secret.ts";
import { parseEnvironment, probeEnvironment } from "../../src/probes/environment.ts";
import { compileInto } from "../support/compiled.ts";
import { makeFolder } from "../support/folder.ts";

const children: ChildProcess[] = [];
const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
};
afterEach(async () => {
  await Promise.all(children.splice(0).map(end));
});

/** A process that does nothing, with this environment and no other variable. */
const start = async (env: Readonly<Record<string, string>>): Promise<ChildProcess & { pid: number }> => {
  const child = spawn("/bin/sleep", ["60"], { env: { ...env }, stdio: "ignore" });
  children.push(child);
  await once(child, "spawn");
  return child as ChildProcess & { pid: number };
};

const plain = (variables: Readonly<Record<string, Secret>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, value.reveal()]));

test("a service's own proxy is seen, whatever this shell's is", async () => {
  const variables = { HTTPS_PROXY: "http://user:pass=word@proxy:3128", NO_PROXY: "", LANG: "Größe\nzwei Zeilen" };
  const { pid } = await start(variables);
  const saw = await probeEnvironment(pid);
  expect(saw).toEqual({ ok: true, elapsedMs: expect.any(Number), variables: expect.anything() });
  expect(saw.ok && plain(saw.variables)).toEqual(variables);
});

test("no value is shown by accident: each is a secret", async () => {
  const { pid } = await start({ TOKEN: "canary-token" });
  const saw = await probeEnvironment(pid);
  expect(saw.ok && saw.variables["TOKEN"]).toBeInstanceOf(Secret);
  expect(JSON.stringify(saw)).not.toContain("canary-token");
});

test("an environment of many variables is read whole", async () => {
  const many = Object.fromEntries(Array.from({ length: 20 }, (_each, index) => [`V${index}`, "x".repeat(10_000)]));
  const { pid } = await start(many);
  const saw = await probeEnvironment(pid);
  expect(saw.ok && plain(saw.variables)).toEqual(many);
});

test("an empty environment is one without variables", async () => {
  const { pid } = await start({});
  expect(await probeEnvironment(pid)).toMatchObject({ ok: true, variables: {} });
});

test("a process that has ended has none", async () => {
  const child = await start({ A: "1" });
  await end(child);
  expect(await probeEnvironment(child.pid)).toMatchObject({ ok: false, phase: "host", code: "file-missing" });
});

test("of a name that stands there twice the first counts, as for Go; what has no name is left out", () => {
  expect(plain(parseEnvironment("A=1\0A=2\0=x\0word\0\0B=\0"))).toEqual({ A: "1", B: "" });
});

const isRoot = process.getuid?.() === 0;
const folder = makeFolder();
afterAll(folder.remove);

(isRoot ? test : test.skip)("another user's process is denied, not empty", async () => {
  const { pid } = await start({ A: "1" });
  const module = compileInto(folder, [
    "probes/environment",
    ...["probes/clock", "probes/failure", "model/secret", "model/text"],
  ] as [string, ...string[]]);
  chmodSync(folder.path, 0o755);
  const script = `import(${JSON.stringify(module)}).then(async ({ probeEnvironment }) => console.log(JSON.stringify(await probeEnvironment(${pid}))))`;
  const asking = spawn(process.execPath, ["-e", script], { uid: 65_534, stdio: ["ignore", "pipe", "inherit"] });
  children.push(asking);
  expect(JSON.parse(await text(asking.stdout))).toMatchObject({ ok: false, code: "file-denied", errno: "EACCES" });
});
