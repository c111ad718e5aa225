import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { type CheckOptions, check } from "../../src/commands/check.ts";
import { INTERRUPTIONS } from "../../src/exit-code.ts";
import type { Report } from "../../src/model/report.ts";
import { closedPort, type Ran, type Running, runProgram, startProgram } from "../support/command-line.ts";
import { makeFolder } from "../support/folder.ts";
import { asReport } from "../support/schema.ts";

/** Each test starts Node anew, several at once: a busy machine takes its time. */
jest.setTimeout(60_000);

const folder = makeFolder();
afterAll(() => folder.remove());
const servers = new Set<http.Server>();
const started = new Set<Running>();
let config = "";
beforeEach(() => {
  config = folder.write("config.yaml", "crowdsec_service: {}\n");
});
afterEach(async () => {
  for (const { child } of started) child.kill("SIGKILL");
  started.clear();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  servers.clear();
});

/** A server on this port, and the requests that it got. */
const serve = async (port: number, answer: http.RequestListener): Promise<{ readonly asked: string[] }> => {
  const asked: string[] = [];
  const server = http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  servers.add(server);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return { asked };
};

/** What tells a Local API apart: how it refuses a request without a token. */
const likeLapi: http.RequestListener = (_request, response) => {
  response.writeHead(401, { "www-authenticate": "JWT realm=Crowdsec API local" }).end("{}");
};

const start = (...args: readonly string[]): Running => {
  const running = startProgram(["-o", "json", "--role", "agent", "--config", config, ...args]);
  started.add(running);
  return running;
};

/** The first words on stderr; they are whole lines. */
const saying = async ({ child }: Running): Promise<string> => {
  if (child.stderr === null) throw new Error("no stderr");
  const [chunk] = (await once(child.stderr, "data")) as [Buffer];
  return String(chunk);
};

/** The one document on stdout, and its exit code. */
const reportOf = ({ stdout, code }: Ran): Report => {
  const report = asReport(stdout);
  expect(code).toBe(report.summary.exitCode);
  return report;
};

const judged = ({ findings }: Report): readonly string[] =>
  findings.filter(({ reason }) => reason !== "not selected").map(({ instance, status }) => `${instance} ${status}`);

const LAPI = ["--only", "lapi-reachable,lapi-identity", "--lapi-url"];

describe("--wait", () => {
  test("is green as soon as a Local API that was down answers, and has said what it waited for", async () => {
    const port = await closedPort();
    const running = start(...LAPI, `http://127.0.0.1:${port}`, "--wait", "30s");
    expect(await saying(running)).toBe(
      `crowdsec-preflight: waiting up to 30s for lapi-reachable@agent (127.0.0.1:${port} refuses the connection (127.0.0.1))\n`,
    );
    const { asked } = await serve(port, likeLapi);
    const ran = await running.ended;
    const report = reportOf(ran);
    expect(judged(report)).toEqual(["lapi-reachable@agent pass", "lapi-identity@agent pass"]);
    expect([ran.code, report.summary.verdict, report.causes]).toEqual([0, "ready", []]);
    expect(ran.stderr).toMatch(/^[^\n]*\ncrowdsec-preflight: waited \d+s: nothing is left to wait for\n$/);
    // One request tells it; nothing is asked again once it is good.
    expect(asked).toEqual(["GET /v1/heartbeat"]);
    expect(report.run.durationMs).toBeGreaterThan(1000);
  });

  test("ends red when the time is up, with the report of the last look", async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    const ran = await start(...LAPI, url, "--wait", "3s").ended;
    const report = reportOf(ran);
    expect(judged(report)).toEqual(["lapi-reachable@agent fail", "lapi-identity@agent skip"]);
    expect([ran.code, report.run.interrupted]).toEqual([2, false]);
    expect(report.causes).toHaveLength(1);
    expect(report.run.durationMs).toBeGreaterThanOrEqual(3000);
    expect(report.run.durationMs).toBeLessThan(8000);
    // One line at the beginning, one at the end, none in between.
    expect(ran.stderr).toMatch(
      /^crowdsec-preflight: waiting up to 3s for lapi-reachable@agent [^\n]+\ncrowdsec-preflight: waited 3s, and no longer: still lapi-reachable@agent [^\n]+\n$/,
    );
  });

  test("does not wait beside a mistake that no waiting mends", async () => {
    writeFileSync(config, "a: 1\na: 2\n");
    const url = `http://127.0.0.1:${await closedPort()}`;
    const ran = await start("--only", "config-files,lapi-reachable", "--lapi-url", url, "--wait", "1m").ended;
    expect(judged(reportOf(ran))).toEqual([`config-files@${config} fail`, "lapi-reachable@agent fail"]);
    expect(ran.code).toBe(2);
    expect(ran.ms).toBeLessThan(20_000);
    expect(ran.stderr).toMatch(
      /^crowdsec-preflight: not waiting: waiting does not mend config-files@[^\n]+config\.yaml:2[^\n]+\n$/,
    );
  });

  test("reads files anew: one that is written meanwhile is there", async () => {
    rmSync(config);
    const running = start("--only", "config-files", "--phase", "run", "--wait", "30s");
    expect(await saying(running)).toContain(`for config-files@${config}`);
    writeFileSync(config, "crowdsec_service: {}\n");
    const ran = await running.ended;
    expect([ran.code, judged(reportOf(ran))]).toEqual([0, [`config-files@${config} pass`]]);
  });

  test("leaves what was good alone: a target of Prometheus is asked once, however long the Local API takes", async () => {
    const [port, other] = [await closedPort(), await closedPort()];
    const { asked } = await serve(other, (_request, response) => {
      response.end('# HELP cs_info x\ncs_info{version="v1.7.8"} 1\n');
    });
    const running = start(
      "--only",
      "lapi-reachable,metrics-target",
      "--role",
      "prometheus",
      "--lapi-url",
      `http://127.0.0.1:${port}`,
      "--target",
      `127.0.0.1:${other}`,
      "--wait",
      "30s",
    );
    await saying(running);
    const times = asked.length;
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await serve(port, likeLapi);
    const report = reportOf(await running.ended);
    expect(judged(report)).toEqual(["lapi-reachable@agent pass", `metrics-target@127.0.0.1:${other} pass`]);
    expect([times, asked.length]).toEqual([1, 1]);
  });

  test("has nothing to say where all is well at once", async () => {
    const { code, stderr } = await start("--only", "config-files", "--wait", "1m").ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("is ended by %s between two looks, with the last report and exit code %d", async (signal, code) => {
    const running = start(...LAPI, `http://127.0.0.1:${await closedPort()}`, "--wait", "1m");
    await saying(running);
    // In the pause after the first look.
    await new Promise((resolve) => setTimeout(resolve, 200));
    const signalled = performance.now();
    running.child.kill(signal);
    const ran = await running.ended;
    expect(performance.now() - signalled).toBeLessThan(2000);
    const report = reportOf(ran);
    expect(judged(report)).toEqual(["lapi-reachable@agent fail", "lapi-identity@agent skip"]);
    expect([ran.code, report.run.interrupted]).toEqual([code, true]);
  });

  test("is ended by a signal in the middle of a look, whose half is not told", async () => {
    const port = await closedPort();
    const running = start(...LAPI, `http://127.0.0.1:${port}`, "--wait", "1m", "--timeout", "20s");
    await saying(running);
    const server = http.createServer(() => {});
    servers.add(server);
    const request = once(server, "request");
    server.listen(port, "127.0.0.1");
    await request;
    running.child.kill("SIGINT");
    const ran = await running.ended;
    const report = reportOf(ran);
    expect(judged(report)).toEqual(["lapi-reachable@agent fail", "lapi-identity@agent skip"]);
    expect([ran.code, report.run.interrupted]).toEqual([130, true]);
  });

  test("leaves no signal caught and no timer running, however often it looked", async () => {
    const options: CheckOptions = {
      overrides: { config, roles: ["agent"], lapiUrl: `http://127.0.0.1:${await closedPort()}/` },
      env: "auto",
      allowWrites: false,
      deadlineMs: 20_000,
      timeoutMs: 5000,
      isSelected: (id) => id === "lapi-reachable",
      output: "json",
      reports: [],
      ticket: false,
      dryRun: false,
      failOn: "fail",
      waitMs: 1200,
      concurrency: 8,
      detail: "normal",
      ascii: false,
    };
    const caught = () => INTERRUPTIONS.map((name) => process.listenerCount(name));
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const before = { caught: caught(), timers: timers() };
    const [stdout, stderr] = [new PassThrough().resume(), new PassThrough()];
    const code = await check(
      options,
      { name: "crowdsec-preflight", version: "0.0.0" },
      { environment: {}, stdout, stderr },
    );
    expect([code, caught()]).toEqual([2, before.caught]);
    // Jest starts and ends timers of its own meanwhile; one that the command left would stay for the deadline's 20 s.
    for (let tries = 0; tries < 50 && timers() > before.timers; tries++) await sleep(100);
    expect(timers()).toBeLessThanOrEqual(before.timers);
    expect(String(stderr.read())).toMatch(/waited \d+s, and no longer: still lapi-reachable@agent/);
  });

  test("prints the report for people once, as without it", async () => {
    const args = ["--only", "lapi-reachable", "--role", "agent", "--config", config, "--wait", "1s"];
    const { stdout, code } = await runProgram([...args, "--lapi-url", `http://127.0.0.1:${await closedPort()}`]);
    expect(code).toBe(2);
    expect(stdout.match(/NOT READY/g)).toHaveLength(1);
  });
});
