import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import { afterAll, afterEach, describe, expect, jest, test } from "@jest/globals";
import { PING_VARIABLE, readPingUrl } from "../../src/commands/ping-url.ts";
import { UsageError } from "../../src/commands/usage-error.ts";
import { runProgram, startProgram } from "../support/command-line.ts";
import { makeFolder } from "../support/folder.ts";
import { asReport } from "../support/schema.ts";

jest.setTimeout(60_000);

const SECRET = "0d1f7a4e-canary-4c5b";
const folder = makeFolder();
afterAll(() => folder.remove());
const CONFIG = folder.write("config.yaml", "crowdsec_service: {}\n");
const BROKEN = folder.write("broken.yaml", "a: 1\na: 2\n");

let server: http.Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

interface Ping {
  readonly path: string;
  readonly rid: string | null;
  readonly body: string;
}

/** A monitoring service on loopback, with this answer to each ping. */
const service = async (status = 200): Promise<{ readonly url: string; readonly pings: Ping[] }> => {
  const pings: Ping[] = [];
  server = http.createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
      pings.push({ path: pathname, rid: searchParams.get("rid"), body });
      response.writeHead(status).end("OK");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}/ping/${SECRET}`, pings };
};

describe("where the URL comes from", () => {
  const URL_OF = `https://hc.example/ping/${SECRET}`;

  test.each<[string, string | undefined, Record<string, string>, string | undefined]>([
    ["the flag", URL_OF, {}, URL_OF],
    ["the environment", undefined, { [PING_VARIABLE]: URL_OF }, URL_OF],
    ["the flag before the environment", URL_OF, { [PING_VARIABLE]: "https://other.example/" }, URL_OF],
    ["nowhere", undefined, {}, undefined],
    ["an environment file that leaves it empty", undefined, { [PING_VARIABLE]: " " }, undefined],
  ])("%s", (_name, flag, environment, expected) => {
    expect(readPingUrl(flag, environment)?.reveal()).toBe(expected);
  });

  test.each<[string | undefined, string | undefined, string]>([
    [`ftp://h/${SECRET}`, undefined, "--ping-url"],
    [undefined, `http://${SECRET}@h/`, PING_VARIABLE],
    ["", undefined, "--ping-url"],
  ])("what is none is refused and not repeated: %s %s", (flag, variable, name) => {
    const read = (): unknown => readPingUrl(flag, { [PING_VARIABLE]: variable });
    expect(read).toThrow(UsageError);
    expect(read).toThrow(new RegExp(`^${name} holds no ping URL: (?!.*canary)`));
  });
});

describe("a run", () => {
  test.each([
    ["that is well", CONFIG, 0, /READY/],
    ["that fails", BROKEN, 2, /NOT READY/],
  ])("%s tells when it begins and how it ended, under one id", async (_name, config, exitCode, words) => {
    const { url, pings } = await service();
    const args = ["-o", "json", "--only", "config-files", "--role", "agent", "--config", config];
    const { code, stdout, stderr } = await runProgram(args, { [PING_VARIABLE]: url });
    expect({ code, stderr }).toEqual({ code: exitCode, stderr: "" });
    const { run } = asReport(stdout);
    expect(pings.map(({ path, rid }) => ({ path, rid }))).toEqual([
      { path: `/ping/${SECRET}/start`, rid: run.id },
      { path: `/ping/${SECRET}/${exitCode}`, rid: run.id },
    ]);
    expect(pings[0]?.body).toBe("");
    expect(pings[1]?.body).toMatch(words);
    expect(stdout).not.toContain("canary");
  });

  test("whose ping is refused ends as without, and says so on stderr without the URL", async () => {
    const { url } = await service(404);
    const { code, stderr } = await runProgram(["--only", "config-files", "--config", CONFIG], { [PING_VARIABLE]: url });
    expect(code).toBe(0);
    expect(stderr).toBe("crowdsec-preflight: the ping to 127.0.0.1 was not delivered: HTTP 404\n");
  });

  test("keeps a URL of the flag out of the list of processes", async () => {
    const { url } = await service();
    // A listener that never answers keeps it there for a while.
    const mute = http.createServer(() => {});
    mute.listen(0, "127.0.0.1");
    await once(mute, "listening");
    const lapi = `http://127.0.0.1:${(mute.address() as { port: number }).port}/`;
    const args = ["--only", "lapi-identity", "--role", "agent", "--config", CONFIG, "--lapi-url", lapi];
    const running = startProgram([...args, "--ping-url", url]);
    let listed = "";
    for (let tries = 0; tries < 100; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      listed = readFileSync(`/proc/${running.child.pid}/cmdline`, "utf8");
      if (!listed.includes("canary")) break;
    }
    expect(listed).not.toContain("canary");
    running.child.kill("SIGKILL");
    await running.ended;
    mute.closeAllConnections();
    mute.close();
  });
});
