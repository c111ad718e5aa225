import { afterEach, describe, expect, jest, test } from "@jest/globals";
import type { Report } from "../../src/model/report.ts";
import { expectFault, instancesOf, lab, on, preflight } from "./lab.ts";

jest.setTimeout(60_000);

afterEach(async () => {
  await lab("restore");
});

const LAPI = "http://10.77.0.10:8080";

/** What a person would call the same question: which of the hub's two names depends on the version that would be installed. */
const questionOf = (id: string): string => id.replace(/^outgoing-hub-legacy$/, "outgoing-hub");

/** Checks that were asked. */
const askedIn = ({ findings }: Report): readonly string[] => [
  ...new Set(findings.filter(({ status }) => status !== "skip").map(({ id }) => questionOf(id))),
];

/** Names that anything of the lab's internet was asked by since `forget`. */
const LOG = "$LAB_STATE/hosts/internet/access.log";
const forget = (): Promise<string> => on("internet", `: >${LOG}`);
const askedNames = async (): Promise<readonly string[]> =>
  (await on("internet", `awk '/crowdsec-preflight/ { print $1 }' ${LOG} | sort -u`)).trim().split("\n");

const HERE = ["resolver", "hosts-file", "trust-store", "clock"];
const WAY = ["lapi-reachable", "lapi-identity", "lapi-database", "lapi-latency"];
const PACKAGES = ["outgoing-installer", "outgoing-packages"];
const INSTALLERS = ["d3fo0g5hm7lbuv.cloudfront.net", "install.crowdsec.net", "packagecloud.io"];

describe.each([
  {
    role: "agent",
    // Its package brings cscli along, whose downloads are part of the installation, as is a login at the Central API.
    asked: [
      ...["install-script", "service-manager", "memory", "disk-space", "writable-folders", "proxy"],
      ...[...HERE, "port-metrics", ...WAY],
      ...["outgoing-hub", "outgoing-hub-data", "outgoing-version", ...PACKAGES, "tls-inspection"],
    ],
    names: [
      ...["api.crowdsec.net", "cdn-hub.crowdsec.net", "hub-cdn.crowdsec.net", "hub-data.crowdsec.net"],
      ...["version.crowdsec.net", ...INSTALLERS],
    ],
  },
  { role: "bouncer", asked: [...HERE, ...WAY, ...PACKAGES], names: INSTALLERS },
])("a bare host that is to be $role", ({ role, asked, names }) => {
  test("is asked for what it will need, and no more: the Local API's host, and these names of the internet", async () => {
    await forget();
    const { report, exitCode } = await preflight("fresh", "--role", role, "--lapi-url", LAPI);
    expect(report.run).toMatchObject({ roles: [role], phase: "install" });
    expect(instancesOf(report, "fail", "warn", "unknown")).toEqual([]);
    expect({ exitCode, verdict: report.summary.verdict }).toEqual({ exitCode: 0, verdict: "ready" });
    expect([...askedIn(report)].sort()).toEqual([...asked].sort());
    expect([...(await askedNames())].sort()).toEqual([...names].sort());
    for (const { id, status, reason } of report.findings)
      if (status === "skip") expect({ id, reason }).toEqual({ id, reason: expect.stringMatching(/^not applicable: /) });
  });

  test("hears of a Local API that is not there as the one thing that is wrong, and what can stand in for it", async () => {
    await lab("stop", "lapi", "crowdsec");
    const { report, exitCode } = await preflight("fresh", "--role", role, "--lapi-url", LAPI);
    expect(exitCode).toBe(2);
    expect(instancesOf(report, "fail", "warn", "unknown")).toEqual([`lapi-reachable@${role}`]);
    expectFault(report, `lapi-reachable@${role}`, {
      status: "fail",
      phase: "connect",
      code: "tcp-refused",
      party: "remote-service",
      remedy: /crowdsec-preflight listen --port 8080/,
    });
    expect(report.causes).toHaveLength(1);
  });
});
