import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { DryRunDocument } from "../../src/dry-run/document.ts";
import { runProgram } from "../support/command-line.ts";
import { makeFolder } from "../support/folder.ts";

jest.setTimeout(60_000);

/** Counts who comes. */
let visits = 0;
const server = createServer((socket) => {
  visits += 1;
  socket.destroy();
});
let port = 0;
const folder = makeFolder();
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  port = address !== null && typeof address === "object" ? address.port : 0;
});
afterAll(() => {
  server.close();
  folder.remove();
});

/** A host whose only way is to a target of Prometheus. */
const scraper = (...flags: readonly string[]): readonly string[] => [
  ...["check", "--dry-run", "--role", "prometheus", "--phase", "run", "--only", "metrics-target"],
  ...["--target", `127.0.0.1:${port}`, ...flags],
];
const documentOf = async (
  flags: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<DryRunDocument> => {
  const { stdout, stderr, code } = await runProgram([...scraper("-o", "json"), ...flags], environment);
  expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
  return JSON.parse(stdout) as DryRunDocument;
};

describe("check --dry-run", () => {
  test("lists where a run would go, and goes nowhere", async () => {
    const { stdout, stderr, code } = await runProgram(scraper());
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(stdout.replaceAll("\n", " ")).toMatch(
      /^What a run would touch on \S+ \(prometheus; phase run; CrowdSec [^)]*\), when all goes well\. Nothing was sent\. /,
    );
    expect(stdout).toContain(`tcp/${port} 127.0.0.1: 2 connections\n`);
    expect(stdout).toContain("GET /metrics once\n");
    expect(stdout.trimEnd()).toMatch(/\n0 names \(0 questions\); 1 place; 2 connections/);
    expect(visits).toBe(0);
    // Who is counted here is seen here.
    expect((await runProgram(scraper().filter((word) => word !== "--dry-run"))).code).toBe(2);
    expect(visits).toBe(2);
    visits = 0;
  });

  test("-v names every file that JSON has, and for whom", async () => {
    const { stdout } = await runProgram(scraper("-v"));
    const said = stdout.replace(/\s+/g, "");
    const { plan } = await documentOf([]);
    expect(plan.files.length).toBeGreaterThan(0);
    expect(plan.files.filter(({ path }) => !said.includes(path.replace(/\s+/g, "")))).toEqual([]);
    expect(stdout).not.toMatch(/-v names them/);
    expect((await runProgram(scraper())).stdout).toMatch(/-v names them/);
  });

  test("as JSON, in a document that says what it is", async () => {
    const { schemaVersion, kind, tool, roles, phase, complete, plan, more } = await documentOf([]);
    expect({ schemaVersion, kind, roles, phase, complete }).toEqual({
      schemaVersion: "1.0",
      kind: "dry-run",
      roles: ["prometheus"],
      phase: "run",
      complete: true,
    });
    expect(tool.name).toBe("crowdsec-preflight");
    expect(plan.destinations).toMatchObject([{ host: "127.0.0.1", port, connects: 1, for: ["metrics-target"] }]);
    expect(Array.isArray(more)).toBe(true);
  });

  test("what is not selected is in no list", async () => {
    const flags = scraper("-o", "json").map((word) => (word === "metrics-target" ? "trust-store" : word));
    const { plan } = JSON.parse((await runProgram(flags)).stdout) as DryRunDocument;
    expect(plan.destinations).toEqual([]);
    expect(plan.files).toContainEqual(expect.objectContaining({ for: expect.arrayContaining(["deployment"]) }));
  });

  test("of one family, names are asked for that", async () => {
    const { plan } = await documentOf(["-4", "--target", "a.invalid:6060"]);
    expect(plan.names).toMatchObject([{ name: "a.invalid", types: ["A"], for: ["metrics-target"] }]);
  });
});

describe("what the run itself would write and tell", () => {
  test("reports, state and lock are named, and not made", async () => {
    const [report, state] = [join(folder.path, "r.json"), join(folder.path, "s.json")];
    const flags = scraper("--report", `json=${report}`, "--cron", "--state", state);
    const { stdout, code } = await runProgram(flags);
    expect(code).toBe(0);
    for (const path of [report, state, `${state}.lock`]) {
      expect(stdout).toContain(`  ${path}: `);
      expect(existsSync(path)).toBe(false);
    }
  });

  test("both pings are there, without their secret, and neither is sent", async () => {
    const url = `http://127.0.0.1:${port}/canary-5f3c0d7e`;
    const { plan } = await documentOf([], { CROWDSEC_PREFLIGHT_PING_URL: url });
    const pings = plan.destinations
      .flatMap(({ requests }) => requests)
      .filter((request) => request.for.includes("ping"));
    expect(pings).toEqual([{ method: "POST", path: "…", tls: false, times: 2, shows: [], for: ["ping"] }]);
    expect(JSON.stringify(plan)).not.toContain("canary-");
    expect(visits).toBe(0);
  });
});

test.each(["short", "junit", "nagios", "prometheus", "markdown"])("there is no %s of it", async (format) => {
  const { stderr, code } = await runProgram(scraper("-o", format));
  expect(code).toBe(3);
  expect(stderr).toMatch(/--dry-run/);
});

test("a bundle is judged without touching anything else", async () => {
  const { code, stderr } = await runProgram(["check", "--dry-run", "--from", "b.zip"]);
  expect(code).toBe(3);
  expect(stderr).toMatch(/--from and --dry-run exclude each other/);
});
