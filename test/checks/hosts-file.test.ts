import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "@jest/globals";
import check from "../../checks/hosts-file.ts";
import { parseHosts } from "../../src/model/hosts.ts";
import type { Finding } from "../../src/model/report.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import { agentAt, agentTo, from, routeBySocket, routeTo } from "../support/topology.ts";
import { failedWith, HEALTHY } from "../support/world.ts";

const LOCALHOST = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n";
const hostWith = (hosts: string, topology: Given["topology"] = {}): Given => ({
  world: { ...HEALTHY, files: { "/etc/hosts": `${LOCALHOST}${hosts}` } },
  topology,
});

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "name-pinned": ["host", "warn", "this-host", hostWith("203.0.113.9 api.crowdsec.net")],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

test("a pinned name is told with its address, its line, and why that will not last", async () => {
  expect(await findingOf(check, hostWith("\n203.0.113.9\tAPI.CrowdSec.net.  # once a fix"))).toMatchObject({
    instance: "hosts-file@api.crowdsec.net",
    summary:
      "/etc/hosts:4 pins api.crowdsec.net to 203.0.113.9: a CDN's addresses change, and CrowdSec will still go to this one",
    target: { host: "api.crowdsec.net", path: "/etc/hosts", origin: "/etc/hosts:4" },
  });
});

test.each(["0.0.0.0", "127.0.0.1", "::1", "::"])("a name at %s is told as a sinkhole", async (address) => {
  const { status, summary } = await findingOf(check, hostWith(`${address} cdn-hub.crowdsec.net`));
  expect([status, summary]).toEqual([
    "warn",
    expect.stringMatching(/: that is this host itself, so CrowdSec never gets there$/),
  ]);
});

test("each name has a finding of its own, whatever the version of CrowdSec that needs it", async () => {
  const { findings } = await runIn([check], hostWith("203.0.113.9 hub-cdn.crowdsec.net papi.api.crowdsec.net\n"));
  expect(findings.map(({ instance }) => instance)).toEqual([
    "hosts-file@papi.api.crowdsec.net",
    "hosts-file@hub-cdn.crowdsec.net",
  ]);
});

test("names that the configuration puts in the place of CrowdSec's count too", async () => {
  const capi = {
    state: "on",
    url: from("https://capi.mirror.example/", "f:1"),
    papiUrl: { malformed: from("[secret]", "f:2"), problem: "not a URL" },
  } as const;
  const hubTemplate = from("https://hub.mirror.example/crowdsecurity/%s/%s", "config.yaml:9");
  const hosts = "192.0.2.1 capi.mirror.example\n192.0.2.2 hub.mirror.example\n";
  const { findings } = await runIn([check], hostWith(hosts, { capi, hubTemplate }));
  expect(findings.map(({ instance }) => instance)).toEqual([
    "hosts-file@capi.mirror.example",
    "hosts-file@hub.mirror.example",
  ]);
});

test("the Local API's own name is fine there, and only noted", async () => {
  const topology = {
    clients: [
      agentTo(routeTo("http://lapi.corp:8080/")),
      agentTo(routeTo("http://localhost:8080/"), { name: "cscli" }),
      agentTo(routeBySocket("/run/lapi.sock"), { name: "other" }),
    ],
  };
  expect(await findingOf(check, hostWith("192.0.2.8 lapi.corp lapi\n192.0.2.9 lapi.corp\n", topology))).toMatchObject({
    instance: "hosts-file",
    status: "pass",
    summary:
      "/etc/hosts leaves CrowdSec's names to the nameservers: of the Local API, lapi.corp is 192.0.2.8, 192.0.2.9 (/etc/hosts:3, /etc/hosts:4)",
  });
});

test.each([
  ["other names", "192.0.2.8 db.corp xapi.crowdsec.net api.crowdsec.net.corp\n"],
  ["a comment", "# 203.0.113.9 api.crowdsec.net\n"],
  ["no address", "localhost api.crowdsec.net\n"],
])("a file with %s pins nothing", async (_what, hosts) => {
  expect(await findingOf(check, hostWith(hosts, agentAt("http://lapi.corp:8080/")))).toMatchObject({
    status: "pass",
    summary: "/etc/hosts leaves CrowdSec's names to the nameservers",
  });
});

test("no file is no pin; one that cannot be read is unknown", async () => {
  expect(await findingOf(check)).toMatchObject({ status: "pass", summary: expect.stringContaining("no such file") });
  const world = { ...HEALTHY, files: { "/etc/hosts": failedWith("file-large") } };
  expect(await findingOf(check, { world })).toMatchObject({
    status: "unknown",
    reason: "/etc/hosts cannot be read: the system's words for file-large",
  });
});

test("inside a container, the remedy is where its hosts file comes from", async () => {
  const { remedy } = await findingOf(check, hostWith("203.0.113.9 api.crowdsec.net", { namespace: "docker" }));
  expect(remedy.map(({ text }) => text)).toEqual([expect.stringContaining("extra_hosts")]);
});

describe("the edit", () => {
  let folder: Folder | undefined;
  afterEach(() => {
    folder?.remove();
    folder = undefined;
  });

  /** Runs a command of the finding's remedy, on a copy of the file. */
  const run = (command: string, path: string): string => {
    expect(command).toContain("/etc/hosts");
    return execFileSync("sh", ["-c", command.replaceAll("/etc/hosts", path)], { encoding: "utf8" });
  };
  const commandsOf = ({ remedy: [remedy] }: Finding): { readonly edit: string; readonly undo: string } => ({
    edit: remedy?.commands?.[0] ?? "",
    undo: remedy?.undo?.[0] ?? "",
  });

  test.each([
    ["alone on its line", "203.0.113.9 api.crowdsec.net\n", "# 203.0.113.9 api.crowdsec.net\n"],
    ["first of its line", "203.0.113.9 api.crowdsec.net b.test\n", "203.0.113.9 b.test\n"],
    ["last of its line", "203.0.113.9\tb.test\tapi.crowdsec.net\n", "203.0.113.9\tb.test\n"],
    ["in other case, with a final dot", "203.0.113.9 b.test Api.CrowdSec.Net.\n", "203.0.113.9 b.test\n"],
    ["before a comment", "203.0.113.9 b.test api.crowdsec.net# x\n", "203.0.113.9 b.test# x\n"],
    [
      "on several lines",
      "203.0.113.9 api.crowdsec.net\n192.0.2.1 a.test\n2001:db8::9 b.test api.crowdsec.net\n",
      "# 203.0.113.9 api.crowdsec.net\n192.0.2.1 a.test\n2001:db8::9 b.test\n",
    ],
    [
      "beside a name that is like it",
      "203.0.113.9 xapi.crowdsec.net apiXcrowdsec.net api.crowdsec.net.corp api.crowdsec.net\n",
      "203.0.113.9 xapi.crowdsec.net apiXcrowdsec.net api.crowdsec.net.corp\n",
    ],
  ])("takes out a name that is %s, and nothing else; the undo brings it back", async (_what, hosts, expected) => {
    const { edit, undo } = commandsOf(await findingOf(check, hostWith(hosts)));
    folder = makeFolder();
    const path = folder.write("hosts", `${LOCALHOST}${hosts}`);
    run(edit, path);
    const after = readFileSync(path, "utf8");
    expect(after).toBe(`${LOCALHOST}${expected}`);
    expect(parseHosts(after).has("api.crowdsec.net")).toBe(false);
    run(undo, path);
    expect(readFileSync(path, "utf8")).toBe(`${LOCALHOST}${hosts}`);
  });
});
