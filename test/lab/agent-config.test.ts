import { afterEach, expect, jest, test } from "@jest/globals";
import { expectFault, findingOf, lab, on, preflight, restart, settle } from "./lab.ts";

jest.setTimeout(60_000);

afterEach(async () => {
  await lab("restore");
});

const ACQUIS = "/etc/crowdsec/acquis.yaml";

test.each([
  {
    name: "broken acquis.yaml",
    change: `printf 'filenames:\\n - /x\\n  broken: [\\n' >${ACQUIS}`,
    code: "acquisition-invalid",
    says: /acquis\.yaml:2: /,
  },
  {
    name: "missing acquis.yaml",
    change: `rm ${ACQUIS}`,
    code: "acquisition-missing",
    says: /acquis\.yaml \(\/etc\/crowdsec\/config\.yaml:19\) does not exist/,
  },
  { name: "no data source", change: `: >${ACQUIS}`, code: "no-datasource", says: /no data source is configured/ },
  {
    name: "unknown source",
    change: `printf 'source: nosuch\\nlabels:\\n  type: syslog\\n' >${ACQUIS}`,
    code: "acquisition-invalid",
    says: /acquis\.yaml:1: source is none that CrowdSec knows/,
  },
  {
    name: "no labels",
    change: `printf 'filename: /var/log/lab.log\\n' >${ACQUIS}`,
    code: "acquisition-invalid",
    says: /acquis\.yaml:1: this source has no labels/,
  },
  {
    name: "what only a rehearsal finds",
    change: `printf 'source: journalctl\\nlabels:\\n  type: syslog\\n' >${ACQUIS}`,
    code: "agent-config-refused",
    says: /journalctl_filter is required/,
  },
  {
    name: "hub that was never fetched",
    change: "mv /var/lib/crowdsec/hub/.index.json /var/lab/index.json",
    code: "hub-index-missing",
    says: /hub\/\.index\.json/,
  },
] as const)(
  "$name on the all-in-one host: file and line, the Local API goes down with it, how to keep it up, and nothing else is blamed",
  async ({ name, change, code, says }) => {
    await on("allinone", change);
    await restart("allinone", "crowdsec");
    await settle();
    const { report, exitCode } = await preflight("allinone", "--skip", "outgoing");
    if (name.startsWith("hub")) await on("allinone", "mv /var/lab/index.json /var/lib/crowdsec/hub/.index.json");
    expect(exitCode).toBe(2);
    expectFault(report, "agent-config", {
      status: "fail",
      phase: "host",
      code,
      party: name.startsWith("hub") ? "this-host" : "configuration",
      remedy: /-no-cs/,
      summary: says,
    });
    const { summary, remedy } = findingOf(report, "agent-config");
    expect(summary).toMatch(/^the Local API goes down with the agent/);
    expect(remedy.flatMap(({ undo = [] }) => undo)).toContain(
      "rm /etc/systemd/system/crowdsec.service.d/no-agent.conf",
    );
    expect(report.causes).toHaveLength(1);
    expect(report.causes[0]).toMatchObject({
      id: code.startsWith("agent-") ? code : `agent-${code}`,
      explains: expect.arrayContaining(["lapi-reachable@lapi", "lapi-reachable@agent", "lapi-reachable@cscli"]),
    });
  },
);

test("common.http_proxies, which some documentation names, stops CrowdSec: line, and where proxies belong", async () => {
  await on(
    "allinone",
    "printf 'common:\\n  http_proxies:\\n    - http://user:canary@proxy:3128\\n' >>/etc/crowdsec/config.yaml.local",
  );
  await restart("allinone", "crowdsec");
  await settle();
  const { report } = await preflight("allinone", "--skip", "outgoing");
  expectFault(report, "config-files@/etc/crowdsec/config.yaml.local", {
    status: "fail",
    phase: "host",
    code: "config-unknown-key",
    party: "configuration",
    remedy: /HTTPS_PROXY/,
    summary: /config\.yaml\.local:\d+ .*common\.http_proxies is no key that CrowdSec knows/,
  });
  expect(report.causes).toHaveLength(1);
  expect(report.causes[0]?.explains).toEqual(expect.arrayContaining(["lapi-reachable@lapi", "agent-config"]));
  expect(JSON.stringify(report)).not.toMatch(/canary/);
});

test("the same broken acquis.yaml on an agent's own host takes no Local API down, and nobody says so", async () => {
  await on("agent", `printf 'filename: /var/log/lab.log\\n' >${ACQUIS}`);
  const { report } = await preflight("agent", "--skip", "outgoing");
  expect(findingOf(report, "agent-config").summary).not.toMatch(/Local API goes down/);
  expect(JSON.stringify(findingOf(report, "agent-config").remedy)).not.toMatch(/-no-cs/);
  expect(findingOf(report, "lapi-reachable@agent").status).toBe("pass");
});

test("where all is well, one quiet note says that both share a process", async () => {
  const { report } = await preflight("allinone", "--skip", "outgoing");
  const { status, summary } = findingOf(report, "agent-config");
  expect(status).toBe("pass");
  expect(summary).toMatch(/by a rehearsal on a copy, .*; it shares one process with the Local API/);
  const { report: alone } = await preflight("agent", "--skip", "outgoing");
  expect(findingOf(alone, "agent-config").summary).not.toMatch(/shares one process/);
});

test("a rehearsal leaves no trace: not in CrowdSec's folders, not in /tmp, no process", async () => {
  const traces = (): Promise<string> =>
    on(
      "allinone",
      "find /etc/crowdsec /var/lib/crowdsec /var/log -path '*/data/*' -prune -o -type f -newer /var/lab/before -printf '%p\\n'; ls -d /tmp/crowdsec-preflight-[!l]* 2>/dev/null; pgrep -x -c crowdsec; sha256sum /var/lib/crowdsec/data/*.mmdb 2>/dev/null; true",
    );
  await on("allinone", "sleep 0.1; touch /var/lab/before; sleep 0.1");
  const before = await traces();
  await preflight("allinone", "--only", "agent-config,config-files");
  expect(await traces()).toBe(before);
});
