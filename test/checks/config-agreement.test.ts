import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import check from "../../checks/config-agreement.ts";
import type { LapiClient, Listen, Topology } from "../../src/model/topology.ts";
import { makeFolder } from "../support/folder.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import { agentAt, agentTo, bouncerTo, from, itself, routeBySocket, routeTo } from "../support/topology.ts";

const listening = (host: string, port = 8080, rest: Partial<Listen> = {}): { readonly listen: Listen } => ({
  listen: { uri: from({ host, port }, "/etc/crowdsec/config.yaml:47"), tls: false, appsec: [], ...rest },
});
const bySocket = (socket = "/run/crowdsec.sock"): { readonly listen: Listen } => ({
  listen: { socket: from(socket, "/etc/crowdsec/config.yaml:48"), tls: false, appsec: [] },
});
const WRONG_PORT = { topology: { ...agentAt("http://127.0.0.1:8081/"), ...listening("127.0.0.1") } };
const WILDCARD = { topology: { ...agentAt("http://0.0.0.0:8080/"), ...listening("0.0.0.0") } };

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "config-disagreement": ["host", "fail", "configuration", WRONG_PORT],
  "lapi-url-wildcard": ["host", "warn", "configuration", WILDCARD],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

test("both sides are told with their files and lines, and what to write where", async () => {
  const { summary, remedy } = await findingOf(check, WRONG_PORT);
  expect(summary).toBe(
    "http://127.0.0.1:8081/ (/etc/crowdsec/local_api_credentials.yaml:1) is not where the Local API of this host listens: 127.0.0.1:8080 (/etc/crowdsec/config.yaml:47)",
  );
  expect(remedy[0]?.text).toMatch(
    /^Write http:\/\/127\.0\.0\.1:8080\/ in \/etc\/crowdsec\/local_api_credentials\.yaml:1/,
  );
  expect(remedy[0]?.commands?.[0]).toContain("/etc/crowdsec/local_api_credentials.yaml");
});

test("the edit that is told is one that sed makes, and takes back", async () => {
  const folder = makeFolder();
  const file = folder.write("credentials.yaml", "login: me\nurl: 'http://[::1]:8081'  # here\nother: http://x:1/\n");
  const topology = { ...agentTo(routeTo("http://[::1]:8081/")), ...listening("127.0.0.1") };
  const clients = [agentTo({ ...routeTo("http://[::1]:8081/"), url: from("http://[::1]:8081/", `${file}:2`) })];
  const { remedy } = await findingOf(check, { topology: { clients, listen: topology.listen } });
  const [edit = "", restart] = remedy[0]?.commands ?? [];
  const [back = "", again] = remedy[0]?.undo ?? [];
  expect([restart, again]).toEqual(["systemctl restart crowdsec", "systemctl restart crowdsec"]);
  const before = readFileSync(file, "utf8");
  execFileSync("sh", ["-c", edit]);
  expect(readFileSync(file, "utf8")).toBe("login: me\nurl: 'http://127.0.0.1:8080/'  # here\nother: http://x:1/\n");
  execFileSync("sh", ["-c", back]);
  expect(readFileSync(file, "utf8")).toBe(before);
  folder.remove();
});

test("a wildcard is mended with an address that can be connected to", async () => {
  const { summary, remedy } = await findingOf(check, WILDCARD);
  expect(summary).toMatch(/^http:\/\/0\.0\.0\.0:8080\/ .* is an address to listen on, not one to connect to/);
  expect(remedy[0]?.text).toContain("Write http://127.0.0.1:8080/ in ");
});

describe("an agent that goes to", () => {
  test.each<[string, Partial<Topology>, "pass" | "fail" | "warn" | "skip"]>([
    ["http://127.0.0.1:8080/", listening("127.0.0.1"), "pass"],
    ["http://localhost:8080/", listening("127.0.0.1"), "pass"],
    ["http://127.0.0.1:8080/", listening("localhost"), "pass"],
    ["http://127.0.0.1:8080/", listening("0.0.0.0"), "pass"],
    ["http://127.0.0.1:8080/", listening(""), "pass"],
    ["http://192.0.2.10:8080/", listening("0.0.0.0"), "pass"],
    ["http://192.0.2.10:8080/", listening("192.0.2.10"), "pass"],
    ["http://[2001:db8::10]:8080/", listening("[::]"), "pass"],
    ["http://[2001:db8::10]:8080/", listening("[2001:db8::10]"), "pass"],
    ["http://[::1]:8080/", listening("::1"), "pass"],
    ["https://127.0.0.1:8080/", listening("127.0.0.1", 8080, { tls: true }), "pass"],
    ["http://192.0.2.10:8080/", listening("127.0.0.1"), "fail"],
    ["http://127.0.0.1:8080/", listening("192.0.2.10"), "fail"],
    ["http://127.0.0.1/", listening("127.0.0.1"), "fail"],
    ["http://[::1]:8080/", listening("127.0.0.1"), "fail"],
    ["http://127.0.0.1:8080/", listening("::1"), "fail"],
    ["http://0.0.0.0:8080/", listening("127.0.0.1"), "warn"],
    ["https://127.0.0.1:8080/", listening("127.0.0.1"), "fail"],
    ["http://127.0.0.1:8080/", listening("127.0.0.1", 8080, { tls: true }), "fail"],
    ["http://127.0.0.1:8080/", bySocket(), "fail"],
    ["http://[::]:8080/", listening("[::]"), "warn"],
    ["http://198.51.100.1:8080/", listening("127.0.0.1"), "skip"],
    ["http://lapi.example:8080/", listening("127.0.0.1"), "skip"],
  ])("%s, where the Local API listens on %j: %s", async (url, topology, status) => {
    expect((await findingOf(check, { topology: { ...agentAt(url), ...topology } })).status).toBe(status);
  });
});

describe("by socket", () => {
  const agent = { clients: [agentTo(routeBySocket("/run/crowdsec.sock"))] };

  test.each<[string, Partial<Topology>, "pass" | "fail"]>([
    ["the same one passes", bySocket(), "pass"],
    ["one of two ways to it passes", listening("127.0.0.1", 8080, bySocket().listen), "pass"],
    ["another one is told", bySocket("/run/other.sock"), "fail"],
    ["where none is listened on, it is told", listening("127.0.0.1"), "fail"],
  ])("%s", async (_name, topology, status) => {
    expect((await findingOf(check, { topology: { ...agent, ...topology } })).status).toBe(status);
  });

  test("the sentence holds both paths", async () => {
    const { summary, remedy } = await findingOf(check, { topology: { ...agent, ...bySocket("/run/other.sock") } });
    expect(summary).toBe(
      "/run/crowdsec.sock (/etc/crowdsec/local_api_credentials.yaml:1) is not where the Local API of this host listens: /run/other.sock (/etc/crowdsec/config.yaml:48)",
    );
    expect(remedy[0]?.text).toContain("Write /run/other.sock in ");
  });
});

test("an IPv6 address is told and mended in brackets", async () => {
  const topology = { ...agentAt("http://[2001:db8::10]:8081/"), ...listening("2001:db8::10") };
  const { summary, remedy } = await findingOf(check, { topology });
  expect(summary).toContain("listens: [2001:db8::10]:8080 (");
  expect(remedy[0]?.text).toContain("Write http://[2001:db8::10]:8080/ in ");
});

test("every client with a file of its own is compared, and only the one that differs is told", async () => {
  const bouncer = bouncerTo({
    ...routeTo("http://127.0.0.1:9999/"),
    url: from("http://127.0.0.1:9999/", "bouncer.yaml:3"),
  });
  const clients = [itself(), agentTo(routeTo("http://127.0.0.1:8080/")), bouncer];
  const { findings, asked } = await runIn([check], { topology: { clients } });
  expect(findings.map(({ instance, status }) => [instance, status])).toEqual([
    ["config-agreement@agent", "pass"],
    ["config-agreement@crowdsec-firewall-bouncer", "fail"],
  ]);
  expect(findings[1]?.summary).toContain("(bouncer.yaml:3)");
  expect(asked).toEqual([]);
});

describe("without both sides there is nothing to compare", () => {
  const MALFORMED = { malformed: from("x", "file:1"), problem: "not a URL" };
  const going = (way: LapiClient["way"]): Given => ({ topology: { clients: [agentTo(way)] } });
  test.each<[string, Given, "skip" | "unknown", string]>([
    [
      "an agent of a Local API elsewhere",
      { topology: { roles: [from("agent", "--role")] } },
      "skip",
      "not applicable: for role lapi; this host is agent",
    ],
    [
      "no listen address",
      { topology: { listen: { tls: false, appsec: [] } } },
      "skip",
      "not applicable: where the Local API listens is not known",
    ],
    [
      "a listen address that cannot be used",
      { topology: { listen: { uri: MALFORMED, tls: false, appsec: [] } } },
      "skip",
      "not applicable: where the Local API listens is not known",
    ],
    [
      "a URL that cannot be used",
      going(MALFORMED),
      "skip",
      "not applicable: the Local API's URL cannot be used (file:1)",
    ],
    ["a client whose file names none", going({ absent: "none" }), "skip", "not applicable: none"],
    ["a client whose file may not be read", going({ hidden: "run as root" }), "unknown", "run as root"],
  ])("%s", async (_name, given, status, reason) => {
    expect(await findingOf(check, given)).toMatchObject({ status, reason });
  });
});
