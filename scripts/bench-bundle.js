#!/usr/bin/env node
// What it costs to make text fit to be published: a log of several sizes with two hundred secrets in it, beside gzip of
// the same bytes; and beside a check of one target a whole bundle, a run for cron and a dry run. Called by scripts/bench;
// prints two tables.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAnonymizer } from "../dist/src/anonymity/anonymizer.js";
import { writeZip } from "../dist/src/archive/zip.js";
import { createRedactor } from "../dist/src/redaction/create.js";

const RUNS = Number(process.argv[2] ?? 5);
const SECRETS = 200;
const program = new URL("../bin/crowdsec-preflight.js", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "preflight-bench-"));

const secret = (index) => `k${((index * 2654435761) >>> 0).toString(36)}-${index}-zQ9`;
const logOf = (bytes) => {
  const lines = [];
  for (let length = 0, index = 0; length < bytes; index += 1) {
    const address = `91.${index % 200}.${(index >> 3) % 250}.${index % 250}`;
    const key = index % 50 === 0 ? ` api_key=${secret(index % SECRETS)}` : "";
    const line = `time="2026-11-23T07:${String(index % 60).padStart(2, "0")}:00Z" level=info msg="${address} - GET /v1/decisions?ip=${address} HTTP/1.1 200 ${index}us host${index % 500}.corp.internal${key}"`;
    lines.push(line);
    length += line.length + 1;
  }
  return `${lines.join("\n")}\n`;
};

const timed = async (work) => {
  const begun = performance.now();
  const result = await work();
  return { ms: performance.now() - begun, result };
};

const once = async (text, path) => {
  const redactor = createRedactor();
  const redacted = await timed(() => {
    redactor.study(text, "text", "log");
    return redactor.redact(text, "text").text;
  });
  const searched = await timed(() => redactor.leaks(redacted.result));
  if (searched.result.length > 0) throw new Error("a secret was left");
  const renamed = await timed(() => {
    const anonymizer = createAnonymizer();
    anonymizer.study(redacted.result);
    return anonymizer.anonymize(redacted.result);
  });
  const zipped = await timed(() => writeZip([{ name: "log", content: Buffer.from(redacted.result) }], new Date(0)));
  const gzip = await timed(() => spawnSync("gzip", ["-c", path], { maxBuffer: 64 * 1024 * 1024 }));
  return [redacted, searched, renamed, zipped, gzip].map(({ ms }) => ms);
};

const spread = (values) => {
  const sorted = values.map(Math.round).sort((a, b) => a - b);
  return `${sorted[Math.floor((sorted.length - 1) / 2)]} (${sorted[0]} to ${sorted.at(-1)})`;
};
const columns = (rows) => rows[0].map((_first, column) => spread(rows.map((row) => row[column])));

try {
  console.log(
    "\n| a log with 200 secrets | secrets taken out | searched for | pseudonyms | zip | gzip |\n|---|---|---|---|---|---|",
  );
  for (const megabytes of [1, 5, 25]) {
    const text = logOf(megabytes * 1_000_000);
    const path = join(folder, "log");
    writeFileSync(path, text);
    const rows = [];
    for (let run = 0; run < RUNS; run += 1) rows.push(await once(text, path));
    console.log(`| ${megabytes} MB | ${columns(rows).join(" | ")} |`);
  }

  const host = ["--role", "prometheus", "--target", "127.0.0.1:9", "--phase", "install"];
  const state = ["--state", join(folder, "state.json")];
  const reports = ["prometheus", "json", "short"].flatMap((one) => ["--report", `${one}=${join(folder, one)}`]);
  const commands = [
    ["-e", "0"],
    [program, "check", ...host],
    [program, "bundle", ...host, "-f", join(folder, "b.zip")],
    [program, "check", "--from", join(folder, "b.zip")],
    [program, "check", "--cron", "--splay", "none", ...state, ...reports, ...host],
    [program, "check", "--dry-run", ...host],
  ];
  const rows = [];
  for (let run = 0; run < RUNS; run += 1) {
    const row = [];
    for (const args of commands)
      row.push((await timed(() => spawnSync(process.execPath, args, { stdio: "ignore" }))).ms);
    rows.push(row);
  }
  console.log(
    "\n| a host that is Prometheus' | node -e 0 | check | bundle | check --from | --cron, three --report | --dry-run |\n|---|---|---|---|---|---|---|",
  );
  console.log(`| | ${columns(rows).join(" | ")} |`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
