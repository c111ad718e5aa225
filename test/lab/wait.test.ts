import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { Report } from "../../src/model/report.ts";
import { asReport } from "../support/schema.ts";
import { findingOf, type Host, instancesOf, lab, on, stopClients, useDatabase } from "./lab.ts";

jest.setTimeout(90_000);

afterEach(async () => {
  await lab("restore");
});

interface Waiting {
  /** Resolves when it has said what it waits for. */
  readonly told: Promise<unknown>;
  readonly ended: Promise<{
    readonly report: Report;
    readonly exitCode: number;
    readonly lines: readonly string[];
    readonly seconds: number;
  }>;
}

/** The tool on a host with `--wait`, while a scene goes on. */
const waiting = (host: Host, ...flags: readonly string[]): Waiting => {
  const program = [process.execPath, `${process.cwd()}/bin/crowdsec-preflight.js`, "-o", "json", ...flags];
  const begun = performance.now();
  const child: ChildProcess = spawn("bash", ["scripts/lab", "exec", host, ...program], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("no output");
  return {
    told: Promise.race([once(stderr, "data"), once(child, "exit")]),
    ended: (async () => {
      const [out, err, [code]] = await Promise.all([text(stdout), text(stderr), once(child, "exit")]);
      return {
        report: asReport(out),
        exitCode: Number(code),
        lines: err.split("\n").filter((line) => line !== ""),
        seconds: (performance.now() - begun) / 1000,
      };
    })(),
  };
};

const seconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, count * 1000));

/** The tool runs `crowdsec -version` now and then, and for that moment the lab takes it for started. */
const startCrowdsec = async (host: Host): Promise<void> => {
  for (const pause of [0.3, 0.7, 1]) {
    await lab("start", host, "crowdsec");
    await seconds(pause);
  }
};

test("a provisioning script that starts CrowdSec later: the Local API's host and an agent's wait for it, and are green", async () => {
  await Promise.all([lab("stop", "lapi", "crowdsec"), lab("stop", "agent", "crowdsec")]);
  const [lapi, agent] = [waiting("lapi", "--wait", "30s"), waiting("agent", "--wait", "30s")];
  await Promise.all([lapi.told, agent.told]);
  await seconds(3);
  await startCrowdsec("lapi");
  // An agent that does not get there at its start ends for good.
  await lab("wait", "lapi", "10.77.0.10", "8080");
  await startCrowdsec("agent");
  for (const [{ report, exitCode, lines }, awaited] of [
    [await lapi.ended, "lapi-reachable@lapi"],
    [await agent.ended, "lapi-reachable@agent"],
  ] as const) {
    expect(lines[0]).toMatch(/^crowdsec-preflight: waiting up to 30s for /);
    expect(lines.join("\n")).toContain(`${awaited} (10.77.0.10:8080 refuses the connection`);
    expect(lines.at(-1)).toMatch(/^crowdsec-preflight: waited \d+s: nothing is left to wait for$/);
    expect(instancesOf(report, "fail", "unknown")).toEqual([]);
    expect(findingOf(report, awaited).status).toBe("pass");
    expect([exitCode, report.causes]).toEqual([0, []]);
  }
});

describe("with the Local API on PostgreSQL", () => {
  /** Passwords that PostgreSQL refused, by its own log, which is as old as the lab. */
  const allRefusals = async (): Promise<number> => {
    const words = 'password authentication failed for user "crowdsec"';
    return Number(await on("database", `grep -c '${words}' $LAB_STATE/hosts/database/postgres.log || true`));
  };
  let before = 0;
  beforeEach(async () => {
    await useDatabase("postgresql");
    await stopClients();
    before = await allRefusals();
  });
  const refusals = async (): Promise<number> => (await allRefusals()) - before;

  test("a database that is started later is waited for, on its clients' hosts too", async () => {
    await lab("stop", "database", "postgres");
    const [lapi, agent] = [waiting("lapi", "--wait", "40s"), waiting("agent", "--skip", "service", "--wait", "40s")];
    await Promise.all([lapi.told, agent.told]);
    await seconds(3);
    await lab("start", "database", "postgres");
    const [here, there] = await Promise.all([lapi.ended, agent.ended]);
    expect(here.lines[0]).toMatch(/for database \(10\.77\.0\.\d+:5432 refuses the connection/);
    expect(there.lines[0]).toMatch(/for lapi-database@agent \(/);
    for (const { report, exitCode } of [here, there]) {
      expect(instancesOf(report, "fail", "unknown")).toEqual([]);
      expect(exitCode).toBe(0);
    }
    expect(await refusals()).toBe(0);
  });

  test("a wrong password is tried once, and ends the waiting for all else", async () => {
    await on("lapi", "sed -i 's/canary-database-password/canary-wrong-password/' /etc/crowdsec/config.yaml.local");
    await on("internet", "pkill -x nginx");
    const { report, exitCode, lines, seconds: took } = await waiting("lapi", "--timeout", "1s", "--wait", "30s").ended;
    expect(findingOf(report, "database").fault?.code).toBe("db-auth-failed");
    expect(instancesOf(report, "fail")).toContain("outgoing-capi");
    expect(exitCode).toBe(2);
    expect(took).toBeLessThan(20);
    expect(lines).toEqual([
      expect.stringMatching(/^crowdsec-preflight: not waiting: waiting does not mend database \(/),
    ]);
    expect(await refusals()).toBe(1);
  });

  test("a wrong password behind a database that comes up later is tried once, too", async () => {
    await on("lapi", "sed -i 's/canary-database-password/canary-wrong-password/' /etc/crowdsec/config.yaml.local");
    await lab("stop", "lapi", "crowdsec");
    await lab("stop", "database", "postgres");
    const running = waiting("lapi", "--skip", "outgoing", "--wait", "30s");
    await running.told;
    await seconds(2);
    await lab("start", "database", "postgres");
    const { report, exitCode, lines } = await running.ended;
    expect(findingOf(report, "database").fault?.code).toBe("db-auth-failed");
    expect(exitCode).toBe(2);
    expect(lines.at(-1)).toMatch(/^crowdsec-preflight: not waiting any longer: waiting does not mend database \(/);
    expect(await refusals()).toBe(1);
  });
});
