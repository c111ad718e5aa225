import { afterEach, expect, jest, test } from "@jest/globals";
import { asNobody, findingOf, instancesOf, lab, on, preflight } from "./lab.ts";

jest.setTimeout(60_000);

afterEach(async () => {
  await lab("restore");
});

test.each([
  { host: "lapi", roles: ["lapi", "cscli"], phase: "run", version: "1.4.6" },
  { host: "agent", roles: ["agent", "cscli"], phase: "run", version: "1.4.6" },
  { host: "allinone", roles: ["lapi", "agent", "cscli"], phase: "run", version: "1.4.6" },
  { host: "prometheus", roles: ["lapi", "agent", "cscli"], phase: "install", version: undefined },
  { host: "fresh", roles: ["lapi", "agent", "cscli"], phase: "install", version: undefined },
] as const)(
  "$host is healthy: ready, without a cause, and every check of the catalogue is in the report",
  async ({ host, roles, phase, version }) => {
    const { report, exitCode } = await preflight(host);
    expect(instancesOf(report, "fail", "warn", "unknown")).toEqual([]);
    expect(report.causes).toEqual([]);
    expect({ exitCode, verdict: report.summary.verdict }).toEqual({ exitCode: 0, verdict: "ready" });
    expect({ roles: report.run.roles, phase: report.run.phase, version: report.run.engineVersion }).toEqual({
      roles,
      phase,
      version,
    });
    const catalogue = await on(host, `${process.execPath} ${process.cwd()}/bin/crowdsec-preflight.js list`);
    const [checks = ""] = catalogue.split("\nCauses:\n");
    const ids = checks.split("\n").flatMap((line) => /^(\S+): /.exec(line)?.[1] ?? []);
    expect(ids.length).toBeGreaterThan(15);
    expect([...new Set(report.findings.map(({ id }) => id))]).toEqual(ids);
  },
);

test("the engine's version decides which names are asked for", async () => {
  const { report } = await preflight("allinone");
  expect(findingOf(report, "outgoing-hub-legacy").status).toBe("pass");
  expect(findingOf(report, "outgoing-hub").reason).toBe(
    "not applicable: for CrowdSec 1.6.3 and later; this host has 1.4.6",
  );
  expect(findingOf(report, "outgoing-papi").reason).toBe(
    "not applicable: for CrowdSec 1.5.0 and later; this host has 1.4.6",
  );
});

test("where agent and Local API share a process, one quiet note says so, and no warning", async () => {
  const { report } = await preflight("allinone");
  expect(findingOf(report, "agent-config").summary).toMatch(/shares one process/);
  const { report: alone } = await preflight("lapi");
  expect(JSON.stringify(alone)).not.toMatch(/one process/);
});

test("the name of the packages' second host comes from the redirect", async () => {
  const { report } = await preflight("fresh");
  expect(findingOf(report, "outgoing-packages@packagecloud.io").status).toBe("pass");
  expect(findingOf(report, "outgoing-packages@d3fo0g5hm7lbuv.cloudfront.net")).toMatchObject({
    status: "pass",
    target: { origin: "redirect of packagecloud.io" },
  });
});

test("a report holds no secret of any file of the host", async () => {
  for (const host of ["lapi", "agent", "allinone"] as const) {
    const { report } = await preflight(host, "-v");
    expect(JSON.stringify(report)).not.toMatch(/canary/);
  }
});

test("an unprivileged user gets unknown, run as root, and never a failure for what cannot be read", async () => {
  await on("agent", "chmod 0600 /etc/crowdsec/config.yaml");
  const text = await asNobody("agent", "-o", "json");
  const findings: { instance: string; status: string; reason?: string }[] = JSON.parse(text).findings;
  expect(findings.filter(({ status }) => status === "fail")).toEqual([]);
  for (const instance of ["config-files@/etc/crowdsec/config.yaml", "lapi-reachable@lapi", "metrics"]) {
    expect(findings.find((finding) => finding.instance === instance)).toMatchObject({
      status: "unknown",
      reason: expect.stringMatching(/^run as root/),
    });
  }
});

test("a broken file is a finding with its line, and everything else is still checked", async () => {
  await on(
    "agent",
    "printf 'url: http://10.77.0.10:8080\\nurl: http://10.77.0.11:8080\\n' >/etc/crowdsec/local_api_credentials.yaml",
  );
  const { report, exitCode } = await preflight("agent");
  expect(exitCode).toBe(2);
  expect(findingOf(report, "config-files@/etc/crowdsec/local_api_credentials.yaml")).toMatchObject({
    status: "fail",
    fault: { code: "config-syntax" },
    summary: expect.stringContaining("/etc/crowdsec/local_api_credentials.yaml:2"),
  });
  expect(findingOf(report, "outgoing-hub-data").status).toBe("pass");
});
