#!/usr/bin/env node
// How long a listener takes for many peers at once, on loopback, without silence; and what it keeps in memory.
// Called by scripts/bench; prints a table.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { newToken } from "../dist/src/listen/handshake.js";
import { createProber } from "../dist/src/probes/index.js";

const RUNS = Number(process.argv[2] ?? 5);
const PORT = 18_099;
const program = new URL("../bin/crowdsec-preflight.js", import.meta.url).pathname;

/** Milliseconds until all of them have finished, and the listener's largest resident memory, MiB. */
const measure = async (count) => {
  const token = newToken();
  const names = Array.from({ length: count }, (_, index) => `peer${index}`);
  const args = ["listen", "--port", String(PORT), "--address", "127.0.0.1", "--expect", names.join(","), "-o", "json"];
  const child = spawn(process.execPath, [program, ...args], {
    env: { CROWDSEC_PREFLIGHT_TOKEN: token.reveal() },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit");
  child.stdout.resume();
  await once(child.stderr, "data");
  child.stderr.resume();
  const end = new AbortController();
  const probe = createProber({ signal: end.signal, timeoutMs: 20_000, platform: "linux", userAgent: "bench/1" });
  await probe.prepare();
  const url = `http://127.0.0.1:${PORT}/`;
  let most = 0;
  const watch = setInterval(() => {
    try {
      most = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1] ?? most);
    } catch {
      // It has ended.
    }
  }, 5);
  const begun = performance.now();
  const saw = await Promise.all(names.map((name) => probe.peer({ url, address: "127.0.0.1", token, name, idleMs: 0 })));
  const ms = performance.now() - begun;
  const [code] = await ended;
  clearInterval(watch);
  end.abort("over");
  const failed = saw.filter(({ ok }) => !ok).length;
  if (failed > 0 || code !== 0) throw new Error(`${failed} of ${count} peers failed, the listener ended with ${code}`);
  return { ms, mib: most / 1024 };
};

const spread = (values) => {
  const sorted = values.map(Math.round).sort((a, b) => a - b);
  return `${sorted[Math.floor((sorted.length - 1) / 2)]} (${sorted[0]} to ${sorted.at(-1)})`;
};

console.log("\n| peers at once, on loopback | milliseconds for all | listener's memory, MiB |\n|---|---|---|");
for (const count of [1, 50, 200]) {
  const results = [];
  for (let run = 0; run < RUNS; run += 1) results.push(await measure(count));
  console.log(`| ${count} | ${spread(results.map(({ ms }) => ms))} | ${spread(results.map(({ mib }) => mib))} |`);
}
