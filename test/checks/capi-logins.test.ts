import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "@jest/globals";
import check from "../../checks/capi-logins.ts";
import type { ServiceSeen } from "../../src/model/observation.ts";
import type { Finding } from "../../src/model/report.ts";
import type { World } from "../support/fake-prober.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import { BEFORE_INSTALL, from } from "../support/topology.ts";
import { failedWith, HEALTHY, holding } from "../support/world.ts";

/** The healthy world with these files. */
const healthyWith = (files: Readonly<Record<string, string>>): World => ({ ...HEALTHY, ...holding(files) });
const withFile = (path: string, content: string, rest: Omit<Given, "world"> = {}): Given => ({
  world: healthyWith({ [path]: content }),
  ...rest,
});

const CRONTAB = "/etc/crontab";
const cron = (line: string, rest?: Omit<Given, "world">): Given => withFile(CRONTAB, `${line}\n`, rest);

/** As the documentation of Pangolin had it until January 2026 (github.com/fosrl/pangolin/issues/2268). */
const PANGOLIN = `name: pangolin
services:
  pangolin:
    image: docker.io/fosrl/pangolin:1.14.1
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost:3001/api/v1/"]
      interval: "10s"
      timeout: "10s"
      retries: 15
  crowdsec:
    image: docker.io/crowdsecurity/crowdsec:latest
    container_name: crowdsec
    environment:
      GID: "1000"
      COLLECTIONS: crowdsecurity/traefik crowdsecurity/appsec-virtual-patching
      ENROLL_TAGS: docker
    healthcheck:
      interval: 10s
      retries: 15
      timeout: 10s
      test: ["CMD", "cscli", "capi", "status"]
    labels:
      - "traefik.enable=false" # Disable traefik for crowdsec
    ports:
      - 6060:6060 # metrics endpoint for prometheus
    restart: unless-stopped
    command: -t # Add test config flag to verify configuration
`;

/** As NetBird's script wrote it (github.com/netbirdio/netbird/pull/5949). */
const NETBIRD = `services:
  crowdsec:
    image: crowdsecurity/crowdsec:v1.7.7
    restart: unless-stopped
    networks: [netbird]
    healthcheck:
      test:
        - CMD
        - cscli
        - capi
        - status
      interval: 10s
      timeout: 5s
      retries: 15
`;

const journal = (...said: readonly (readonly [at: string, text: string])[]): World["journals"] => ({
  "crowdsec.service": said.map(([at, msg]) => ({
    at: `2026-06-15T${at}.000Z`,
    pid: 812,
    text: `time="2026-06-15T${at}Z" level=fatal msg="${msg}"`,
  })),
});
/** What CrowdSec 1.7 ends with while it is banned. */
const FORBIDDEN = "api server init: unable to run local API: authenticate watcher (b1946ac9): API error: Forbidden";
const BAD_ACQUIS = "crowdsec init: while loading acquisition config: /etc/crowdsec/acquis.yaml: yaml: line 2";

/** A service that systemd starts again every minute. */
const FALLING: Partial<ServiceSeen> = {
  state: "restarting",
  restarts: 12,
  restartDelaySeconds: 60,
  startedSecondsAgo: 55,
};
const engine = (
  service: Partial<ServiceSeen>,
  journals: World["journals"] = {},
  rest: Omit<Given, "world"> = {},
): Given => ({ world: { ...HEALTHY, services: { crowdsec: service }, journals: journals ?? {} }, ...rest });
const NOT_RUNNING = { engines: [] } satisfies Given["topology"];

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "capi-login-scheduled": ["host", "fail", "configuration", cron("* * * * * root cscli capi status")],
  "capi-login-loop": [
    "host",
    "fail",
    "this-host",
    engine(FALLING, journal(["11:59:10", BAD_ACQUIS]), { version: [1, 6, 4] }),
  ],
  "capi-banned": [
    "login",
    "fail",
    "this-host",
    engine(FALLING, journal(["11:59:10", FORBIDDEN]), { version: [1, 7, 8] }),
  ],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

describe("a login on a schedule is found, with its line, its rate and the ban that follows", () => {
  test.each([
    [
      "Pangolin's health check",
      "/root/pangolin/docker-compose.yml",
      PANGOLIN,
      "fail",
      "/root/pangolin/docker-compose.yml:21 runs cscli capi status as the health check of crowdsec (interval 10s): 300 logins in 50 minutes: more than 20 ban this address for an hour",
    ],
    [
      "NetBird's health check",
      "/home/ada/netbird/compose.yaml",
      NETBIRD,
      "fail",
      "/home/ada/netbird/compose.yaml:10 runs cscli capi status as the health check of crowdsec (interval 10s): 300 logins in 50 minutes: more than 20 ban this address for an hour",
    ],
    [
      "a health check without an interval",
      "/opt/stacks/crowdsec/compose.yml",
      "services:\n  lapi:\n    healthcheck:\n      test: cscli capi status || exit 1\n",
      "fail",
      "/opt/stacks/crowdsec/compose.yml:4 runs cscli capi status as the health check of lapi (interval 30s, the default): 100 logins in 50 minutes: more than 20 ban this address for an hour",
    ],
    [
      "a health check in a shell, with flags",
      "/srv/docker-compose.override.yaml",
      'services:\n  lapi:\n    healthcheck:\n      test: ["CMD-SHELL", "/usr/local/bin/cscli -c /etc/crowdsec/config.yaml -o json capi status | grep -q ok"]\n      interval: 1h\n',
      "warn",
      "/srv/docker-compose.override.yaml:4 runs cscli capi status as the health check of lapi (interval 1h): 1 login in 50 minutes, and more than 20 ban this address for an hour",
    ],
    [
      "an image's health check",
      "/opt/crowdsec/Dockerfile",
      "FROM crowdsecurity/crowdsec\nHEALTHCHECK --interval=1m \\\n  CMD cscli capi status\n",
      "fail",
      "/opt/crowdsec/Dockerfile:3 runs cscli capi status as the image's health check (interval 1m): 50 logins in 50 minutes: more than 20 ban this address for an hour",
    ],
    [
      "a probe of Kubernetes",
      "/etc/kubernetes/manifests/crowdsec.yaml",
      'spec:\n  containers:\n    - name: lapi\n      livenessProbe:\n        exec:\n          command: ["cscli", "capi", "status"]\n        periodSeconds: 30\n',
      "fail",
      "/etc/kubernetes/manifests/crowdsec.yaml:6 runs cscli capi status as a livenessProbe (periodSeconds 30): 100 logins in 50 minutes: more than 20 ban this address for an hour",
    ],
    [
      "Debian's cron.d",
      "/etc/cron.d/crowdsec-check",
      "# watch it\nMAILTO=root\n*/5 *  * * *  root  /usr/bin/cscli  capi   status >/dev/null 2>&1 || logger crowdsec\n",
      "warn",
      "/etc/cron.d/crowdsec-check:3 runs cscli capi status by cron (*/5 * * * *): 10 logins in 50 minutes, and more than 20 ban this address for an hour",
    ],
    [
      "a user's crontab",
      "/var/spool/cron/crontabs/ada",
      "*/2 * * * * docker exec crowdsec cscli capi status\n",
      "fail",
      "/var/spool/cron/crontabs/ada:1 runs cscli capi status by cron (*/2 * * * *): 25 logins in 50 minutes: more than 20 ban this address for an hour",
    ],
    [
      "a crontab of RHEL",
      "/var/spool/cron/root",
      "@hourly podman exec -it crowdsec cscli support dump -f /tmp/x.zip\n",
      "warn",
      "/var/spool/cron/root:1 runs cscli support dump by cron (@hourly): 1 login in 50 minutes, and more than 20 ban this address for an hour",
    ],
    [
      "a script that cron runs hourly",
      "/etc/cron.hourly/crowdsec",
      "#!/bin/sh\nset -e\nif ! sudo -n cscli capi status; then\n  echo gone\nfi\n",
      "warn",
      "/etc/cron.hourly/crowdsec:3 runs cscli capi status by cron, hourly: 1 login in 50 minutes, and more than 20 ban this address for an hour",
    ],
    [
      "a job of anacron",
      "/etc/anacrontab",
      "SHELL=/bin/sh\n1\t5\tcrowdsec\tcscli console enroll -e $KEY\n",
      "warn",
      "/etc/anacrontab:2 runs cscli console enroll by anacron (every 1 days): 1 login in 50 minutes, and more than 20 ban this address for an hour",
    ],
    [
      "NRPE",
      "/etc/nagios/nrpe.d/crowdsec.cfg",
      "command[check_capi]=/usr/bin/sudo /usr/bin/cscli capi status\n",
      "warn",
      "/etc/nagios/nrpe.d/crowdsec.cfg:1 runs cscli capi status for NRPE: how many logins that makes is not known, and more than 20 ban this address for an hour when they come within 50 minutes",
    ],
    [
      "Zabbix",
      "/etc/zabbix/zabbix_agentd.d/crowdsec.conf",
      "UserParameter=crowdsec.capi,cscli capi status | grep -c success\n",
      "warn",
      "/etc/zabbix/zabbix_agentd.d/crowdsec.conf:1 runs cscli capi status for Zabbix: how many logins that makes is not known, and more than 20 ban this address for an hour when they come within 50 minutes",
    ],
    [
      "Monit",
      "/etc/monit/conf.d/crowdsec",
      'check program crowdsec with path "/usr/bin/cscli capi status"\n  if status != 0 then alert\n',
      "warn",
      "/etc/monit/conf.d/crowdsec:1 runs cscli capi status for Monit: how many logins that makes is not known, and more than 20 ban this address for an hour when they come within 50 minutes",
    ],
    [
      "Telegraf",
      "/etc/telegraf/telegraf.d/crowdsec.conf",
      '[[inputs.exec]]\n  commands = ["cscli capi status"]\n  interval = "60s"\n',
      "fail",
      "/etc/telegraf/telegraf.d/crowdsec.conf:2 runs cscli capi status for Telegraf (interval 60s): 50 logins in 50 minutes: more than 20 ban this address for an hour",
    ],
    [
      "what follows each start of crowdsec",
      "/etc/systemd/system/crowdsec.service.d/check.conf",
      "[Service]\nExecStartPost=/usr/bin/cscli capi status\n",
      "warn",
      "/etc/systemd/system/crowdsec.service.d/check.conf:2 runs cscli capi status at each start of crowdsec.service: how many logins that makes is not known, and more than 20 ban this address for an hour when they come within 50 minutes",
    ],
  ])("%s", async (_what, path, content, status, summary) => {
    expect(await findingOf(check, withFile(path, content))).toMatchObject({
      instance: `capi-logins@${path}`,
      status,
      summary,
      fault: { code: "capi-login-scheduled" },
      blame: { confidence: "certain" },
      target: { path },
    });
  });

  test("in the service of a timer", async () => {
    const world = healthyWith({
      "/etc/systemd/system/crowdsec-watch.timer": "[Timer]\nOnBootSec=1min\nOnUnitActiveSec=1min\n",
      "/etc/systemd/system/crowdsec-watch.service":
        "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'cscli capi status || systemctl restart crowdsec'\n",
      "/etc/systemd/system/timers.target.wants/crowdsec-watch.timer": "",
    });
    expect(await findingOf(check, { world })).toMatchObject({
      instance: "capi-logins@/etc/systemd/system/crowdsec-watch.service",
      status: "fail",
      summary: expect.stringContaining(
        "crowdsec-watch.service:3 runs cscli capi status by crowdsec-watch.timer (OnBootSec=1min, OnUnitActiveSec=1min): 50 logins",
      ),
    });
  });

  test("in a script that cron or a timer names, and with the line that names it", async () => {
    const world = healthyWith({
      "/etc/cron.d/watch": "*/2 * * * * root /usr/local/bin/watch-crowdsec.sh\n",
      "/usr/local/bin/watch-crowdsec.sh": "#!/bin/bash\n# cscli capi status\nout=$(cscli capi status 2>&1)\n",
    });
    expect(await findingOf(check, { world })).toMatchObject({
      instance: "capi-logins@/usr/local/bin/watch-crowdsec.sh",
      status: "fail",
      summary: expect.stringMatching(
        /^\/usr\/local\/bin\/watch-crowdsec\.sh:3 runs .* by cron \(\*\/2 \* \* \* \*\), from \/etc\/cron\.d\/watch:1: 25 logins/,
      ),
    });
  });

  test.each([
    ["quoted", "'cscli' \"capi\" 'status'"],
    ["with a flag in between", "cscli capi -o json status"],
    ["with a flag and its value in one", "cscli --config=/x capi status"],
    ["by a variable", "$CSCLI capi status"],
    ["in a subshell", 'test -n "$(cscli capi status)"'],
    ["behind another command", "sleep 3; cscli capi status"],
    ["in a call of Python's", 'python3 -c \'subprocess.run(["cscli", "capi", "status"])\''],
    ["in a pod", "kubectl exec deploy/crowdsec-lapi -- cscli capi status"],
    ["registering", "cscli capi register"],
  ])("%s", async (_what, command) => {
    expect((await findingOf(check, cron(`0 * * * * root ${command}`))).status).toBe("warn");
  });

  test("before CrowdSec's configuration is found as well: it may live in a container alone", async () => {
    const given = { ...withFile("/root/docker-compose.yml", PANGOLIN), topology: BEFORE_INSTALL };
    const { findings, asked } = await runIn([check], given);
    expect(findings.map(({ status }) => status)).toEqual(["fail"]);
    expect(asked).not.toContain("service crowdsec");
  });
});

describe("what logs in nowhere is not found", () => {
  test.each([
    ["the harmless question", "* * * * * root cscli lapi status"],
    ["a comment", "# * * * * * root cscli capi status"],
    ["a comment behind a command", "* * * * * root true # cscli capi status"],
    ["talk of it", "* * * * * root echo cscli capi status"],
    ["its help", "* * * * * root cscli capi status --help"],
    ["other commands of cscli", "* * * * * root cscli metrics; cscli hub update && cscli decisions list -o json"],
    ["a container's name", "* * * * * root docker exec crowdsec ps; docker run --name crowdsec -t x"],
    ["a user, and a container that is stopped", "* * * * * root su crowdsec -c true; docker restart crowdsec -t 30"],
    ["crowdsec's service", "* * * * * root systemctl reload crowdsec; journalctl -u crowdsec -n 5"],
    [
      "crowdsec without the Central API",
      "* * * * * root crowdsec -no-api -dsn file:///x -type nginx; crowdsec -c /x -t -no-capi",
    ],
    ["its version", "* * * * * root /usr/bin/crowdsec -version"],
  ])("%s", async (_what, line) => {
    expect(await findingOf(check, cron(line))).toMatchObject({
      status: "pass",
      summary: "Nothing on this host logs in to the Central API on a schedule: looked at 1 file",
    });
  });

  test("crowdsec's own unit, which the check of its restarts is about", async () => {
    const unit =
      "[Service]\nType=notify\nExecStartPre=/usr/bin/crowdsec -c /etc/crowdsec/config.yaml -t -error\nExecStart=/usr/bin/crowdsec -c /etc/crowdsec/config.yaml\n";
    const world = healthyWith({
      "/etc/systemd/system/crowdsec.service": unit,
      "/etc/systemd/system/multi-user.target.wants/crowdsec.service": "",
    });
    expect((await findingOf(check, { world })).status).toBe("pass");
  });

  test("a health check of another kind, and this tool's own run", async () => {
    const fixed = PANGOLIN.replace('"capi"', '"lapi"');
    const world = healthyWith({
      "/root/docker-compose.yml": fixed,
      [CRONTAB]: "*/5 * * * * root crowdsec-preflight -o json\n",
    });
    expect(await findingOf(check, { world })).toMatchObject({ status: "pass" });
  });
});

describe("what logs in depends on the version", () => {
  const TRIAL = "*/2 * * * * root /usr/bin/crowdsec -c /etc/crowdsec/config.yaml -t";
  test.each([
    ["crowdsec -t", TRIAL, [1, 4, 6], "pass"],
    ["crowdsec -t", TRIAL, [1, 5, 0], "fail"],
    ["crowdsec -t", TRIAL, [1, 6, 8], "fail"],
    ["crowdsec -t", TRIAL, [1, 6, 9], "warn"],
    ["crowdsec -t", TRIAL, undefined, "warn"],
    ["crowdsec", "*/2 * * * * root docker exec lapi crowdsec -c /x", [1, 6, 8], "fail"],
    ["crowdsec -t", "*/2 * * * * root sh -c 'crowdsec -t && echo ok'", [1, 6, 8], "fail"],
    ["crowdsec -t", "*/2 * * * * root sudo crowdsec -t -error", [1, 6, 8], "fail"],
    ["cscli papi status", "*/2 * * * * root cscli papi status", [1, 4, 6], "pass"],
    ["cscli papi status", "*/2 * * * * root cscli papi status", [1, 6, 8], "fail"],
    ["cscli papi sync", "*/2 * * * * root cscli papi sync", [1, 7, 8], "warn"],
    ["cscli capi status", "*/2 * * * * root cscli capi status", [1, 4, 6], "fail"],
    ["cscli capi status", "*/2 * * * * root cscli capi status", [1, 7, 8], "fail"],
  ] as const)("%s in %j with %j: %s", async (name, line, version, status) => {
    const finding = await findingOf(check, cron(line, version ? { version } : {}));
    expect(finding.status).toBe(status);
    if (status !== "pass") expect(finding.summary).toContain(` runs ${name} by cron`);
  });

  test("a login that a token saves is told as such", async () => {
    const known = await findingOf(check, cron(TRIAL, { version: [1, 7, 8] }));
    expect(known.summary).toMatch(
      /: crowdsec -t logs in only where the database holds no valid token of an earlier login, and more than 20 ban/,
    );
    expect((await findingOf(check, cron(TRIAL))).summary).toContain(
      ": from CrowdSec 1.6.9 on, crowdsec -t logs in only",
    );
  });
});

describe("several of them", () => {
  test("come from one address: together they may be too many, and each has a finding", async () => {
    const line = "*/4 * * * * root cscli capi status\n";
    const { findings } = await runIn([check], { world: healthyWith({ "/etc/cron.d/a": line, "/etc/cron.d/b": line }) });
    expect(findings.map(({ instance, status, summary }) => [instance, status, summary.split("; ")[1]])).toEqual([
      ["capi-logins@/etc/cron.d/a", "fail", "all that was found here makes 26 logins in 50 minutes"],
      ["capi-logins@/etc/cron.d/b", "fail", "all that was found here makes 26 logins in 50 minutes"],
    ]);
  });

  test("in one file are one finding, with the sum", async () => {
    const two = "*/4 * * * * root cscli capi status\n*/5 * * * * root cscli support dump && cscli capi status\n";
    expect(await findingOf(check, withFile("/etc/cron.d/a", two))).toMatchObject({
      status: "fail",
      summary:
        "/etc/cron.d/a:1,2 runs cscli capi status and cscli support dump by cron (*/4 * * * *) and by cron (*/5 * * * *): 33 logins in 50 minutes: more than 20 ban this address for an hour",
    });
  });
});

describe("the edit", () => {
  let folder: Folder | undefined;
  afterEach(() => {
    folder?.remove();
    folder = undefined;
  });

  /** Runs what a person would, on a copy of the file; other programs than cp, mv and sed are left out. */
  const typed = (commands: readonly string[] = [], path: string, copy: string): void => {
    for (const command of commands.filter((one) => /^(cp|mv|sed) /.test(one)))
      execFileSync("sh", ["-c", command.replaceAll("/root/", `${folder?.path}/`).replaceAll(path, copy)]);
  };
  const edited = async (
    path: string,
    content: string,
  ): Promise<{ after: string; undone: string; finding: Finding }> => {
    const finding = await findingOf(check, withFile(path, content));
    const [remedy] = finding.remedy;
    folder = makeFolder();
    const copy = folder.write("file", content);
    typed(remedy?.commands, path, copy);
    const after = readFileSync(copy, "utf8");
    typed(remedy?.undo, path, copy);
    return { after, undone: readFileSync(copy, "utf8"), finding };
  };

  const toLapi = (content: string, old: string, next: string): string => {
    expect(content).toContain(old);
    return content.replace(old, next);
  };

  test.each([
    ["a list on one line", "/opt/p/docker-compose.yml", PANGOLIN, '"capi"', '"lapi"'],
    ["a list of lines", "/opt/n/compose.yaml", NETBIRD, "- capi", "- lapi"],
    [
      "a text, and no longer name",
      "/opt/compose.yml",
      "services:\n  a:\n    healthcheck:\n      test: /opt/capi/mycapi; x-capi || cscli -c /etc/capi.yaml capi status\n",
      "yaml capi status",
      "yaml lapi status",
    ],
    ["cron.d", "/etc/cron.d/watch", "MAILTO=x\n* * * * * root cscli capi status\n", "capi", "lapi"],
    [
      "the system's crontab",
      "/etc/crontab",
      "\n\n* * * * * root cscli capi status # capi\n",
      "cscli capi",
      "cscli lapi",
    ],
    [
      "a script of cron.daily",
      "/etc/cron.daily/watch",
      "#!/bin/sh\nif cscli capi status; then :; fi\n",
      "capi",
      "lapi",
    ],
    ["cron.d, with another command", "/etc/cron.d/dump", "0 0 * * * root cscli support dump\n", "0 0", "# 0 0"],
    ["a Dockerfile", "/opt/Dockerfile", 'FROM x\nHEALTHCHECK CMD ["cscli","capi","status"]\n', "capi", "lapi"],
    [
      "a drop-in",
      "/etc/systemd/system/crowdsec.service.d/x.conf",
      "[Service]\nExecStartPost=cscli \\\n  capi status\n",
      "capi",
      "lapi",
    ],
    [
      "a line that does it twice",
      "/etc/cron.d/twice",
      "* * * * * root cscli capi status || { sleep 5; cscli capi status; } # capi\n",
      "cscli capi status || { sleep 5; cscli capi status",
      "cscli lapi status || { sleep 5; cscli lapi status",
    ],
    ["NRPE", "/etc/nrpe.d/x.cfg", "command[capi]=cscli capi status\n", "cscli capi", "cscli lapi"],
  ])("mends %s and nothing else; the undo brings it back", async (_what, path, content, old, next) => {
    const { after, undone, finding } = await edited(path, content);
    expect(after).toBe(toLapi(content, old, next));
    expect(undone).toBe(content);
    // What it leaves is found no more.
    expect((await findingOf(check, withFile(path, after))).status).toBe("pass");
    expect(finding.remedy[0]?.commands?.every((command) => !command.includes("{"))).toBe(true);
  });

  test("of a script and of Kubernetes stands in their own file", async () => {
    const world = healthyWith({
      "/etc/cron.d/watch": "* * * * * root /opt/watch.sh\n",
      "/opt/watch.sh": "cscli capi status\n",
    });
    const { remedy } = await findingOf(check, { world });
    expect(remedy[0]?.commands?.[0]).toMatch(/^sed -i\.preflight -E '1s#.*' \/opt\/watch\.sh$/);
    const pod = "spec:\n  livenessProbe:\n    exec:\n      command: [cscli, capi, status]\n";
    const other = await findingOf(check, withFile("/etc/kubernetes/manifests/crowdsec.yaml", pod));
    expect(other.remedy[0]?.commands?.[1]).toBe("kubectl apply -f /etc/kubernetes/manifests/crowdsec.yaml");
  });

  test("of a crontab goes by crontab, whose listing has other line numbers", async () => {
    const path = "/var/spool/cron/crontabs/ada";
    const content = "# DO NOT EDIT\n#\n#\n# cscli capi status\n* * * * * cd /opt/capi && cscli capi status\n";
    const { remedy } = await findingOf(check, withFile(path, content));
    const [list, change] = remedy[0]?.commands ?? [];
    expect([list, remedy[0]?.undo]).toEqual([
      "crontab -u ada -l > /root/crontab-ada.preflight",
      ["crontab -u ada /root/crontab-ada.preflight"],
    ]);
    folder = makeFolder();
    const listing = folder.write("crontab-ada.preflight", content.split("\n").slice(3).join("\n"));
    const [sed = "", install] = (change ?? "").split(" | ");
    expect(install).toBe("crontab -u ada -");
    const out = execFileSync("sh", ["-c", sed.replace("/root/crontab-ada.preflight", listing)], { encoding: "utf8" });
    expect(out).toBe("# cscli capi status\n* * * * * cd /opt/capi && cscli lapi status\n");
  });

  test("of a crontab mends a line that does it twice", async () => {
    const path = "/var/spool/cron/crontabs/ada";
    const content = "*/5 * * * * cscli capi status || cscli -o json capi status\n0 0 * * * cscli capi status\n";
    const { remedy } = await findingOf(check, withFile(path, content));
    folder = makeFolder();
    const listing = folder.write("crontab-ada.preflight", content);
    const [sed = ""] = (remedy[0]?.commands?.[1] ?? "").split(" | crontab");
    const out = execFileSync("sh", ["-c", sed.replace("/root/crontab-ada.preflight", listing)], { encoding: "utf8" });
    expect(out).toBe("*/5 * * * * cscli lapi status || cscli -o json lapi status\n0 0 * * * cscli lapi status\n");
  });

  test.each([
    [
      "a compose file with another command",
      "/opt/compose.yml",
      "services:\n  a:\n    healthcheck:\n      test: cscli support dump\n",
    ],
    ["a script in which a line is not a command", "/etc/cron.daily/x", "if cscli papi status; then :; fi\n"],
    ["a user's crontab with another command", "/var/spool/cron/crontabs/ada", "0 0 * * * cscli support dump\n"],
  ])("is left to the person in %s", async (_what, path, content) => {
    const { remedy } = await findingOf(check, withFile(path, content));
    expect(remedy[0]?.text).toMatch(/^Take cscli \w+ \w+ out of \S+:1|^Take cscli \w+ \w+ out of \S+:4/);
    expect(remedy.flatMap(({ commands = [] }) => commands)).toEqual([]);
  });

  test("is left to the person in a package's unit", async () => {
    const world = healthyWith({
      "/usr/lib/systemd/system/w.timer": "[Timer]\nOnCalendar=hourly\n",
      "/usr/lib/systemd/system/w.service": "[Service]\nExecStart=cscli capi status\n",
      "/etc/systemd/system/timers.target.wants/w.timer": "",
    });
    const { remedy } = await findingOf(check, { world });
    expect(remedy.flatMap(({ commands = [] }) => commands)).toEqual([]);
  });
});

test("a crontab of thousands of lines, or one that is long, is judged in no time", async () => {
  const from = performance.now();
  const many = "* * * * * root cscli capi status\n".repeat(5000);
  expect((await findingOf(check, withFile("/etc/cron.d/many", many))).status).toBe("fail");
  const long = `* * * * * root true ${"crowdsec -t ".repeat(20_000)}\n`;
  expect((await findingOf(check, withFile("/etc/cron.d/long", long))).status).toBe("pass");
  const script = `#!/bin/sh\nx ${"crowdsec -t \\\n".repeat(20_000)}\n`;
  expect((await findingOf(check, withFile("/etc/cron.daily/long", script))).status).toBe("pass");
  expect(performance.now() - from).toBeLessThan(20_000);
});

describe("where the Central API is not used", () => {
  const LINE = "* * * * * root cscli capi status";
  const capi = { url: from("https://x/", "default"), papiUrl: from("https://y/", "default") };

  test("nothing is judged", async () => {
    const off = { ...capi, state: "off", reason: "no Local API here" } as const;
    expect(await findingOf(check, cron(LINE, { topology: { capi: off } }))).toMatchObject({
      status: "skip",
      reason: "not applicable: no Local API here",
    });
  });

  test("a flag of crowdsec's, as in the remedy of a ban, does not keep cscli from it", async () => {
    const off = { ...capi, state: "off", reason: "crowdsec runs with -no-capi" } as const;
    const engines = [{ pid: 1, argv: ["/usr/bin/crowdsec", "-c", "/x", "-no-capi"], ageSeconds: 9 }];
    expect((await findingOf(check, cron(LINE, { topology: { capi: off, engines } }))).status).toBe("fail");
  });

  test("credentials that are still missing make it a warning", async () => {
    const unregistered = { ...capi, state: "unregistered", reason: "the file holds no credentials" } as const;
    expect(await findingOf(check, cron(LINE, { topology: { capi: unregistered } }))).toMatchObject({
      status: "warn",
      summary: expect.stringContaining("; for now nothing comes of it: the file holds no credentials"),
    });
  });
});

test("the pass says how many files were read, and what only root may read", async () => {
  const denied = failedWith("file-denied");
  const folders = { "/var/spool/cron/crontabs": denied, "/root": denied, "/etc/monit/conf.d": denied, "/opt": denied };
  const world = { ...HEALTHY, files: { [CRONTAB]: "", "/etc/anacrontab": "" }, folders };
  expect((await findingOf(check, { world })).summary).toMatch(
    /: looked at 2 files; run as root to read \/etc\/monit\/conf\.d, \/opt, \/root and more$/,
  );
});

describe("a crowdsec that is started again and again", () => {
  const loop = async (said: string, version: Given["version"], service: Partial<ServiceSeen> = FALLING) => {
    const given = engine(service, journal(["11:59:10", said]), version ? { version } : {});
    const { status, summary, fault } = await findingOf(check, given);
    return { status, code: fault?.code, summary };
  };
  const PORT =
    "local API server stopped with error: listening on 127.0.0.1:8080: listen tcp 127.0.0.1:8080: bind: address already in use";

  test.each([
    [
      "a broken acquis.yaml",
      BAD_ACQUIS,
      [1, 5, 0],
      /logs in to the Central API once, every 60 s: 20 logins within about 20 minutes/,
    ],
    [
      "a port that is taken",
      PORT,
      [1, 6, 8],
      /logs in to the Central API 2 times, every 60 s: 20 logins within about 10 minutes/,
    ],
    [
      "a secret that is too short",
      "api server init: unable to run local API: CS_LAPI_SECRET not strong enough",
      [1, 6, 8],
      /once/,
    ],
    ["unknown words", "something else", [1, 6, 8], /once/],
  ] as const)("by %s logs in each time", async (_what, said, version, words) => {
    const { status, code, summary } = await loop(said, version);
    expect([status, code]).toEqual(["fail", "capi-login-loop"]);
    expect(summary).toMatch(/^crowdsec\.service was started again 12 times and does not stay up; each start /);
    expect(summary).toMatch(words);
    expect(summary).toMatch(/more ban this address for an hour$/);
  });

  test.each([
    ["1.4, where a start does not log in", BAD_ACQUIS, [1, 4, 6]],
    ["1.6.9, which keeps the token of its login", BAD_ACQUIS, [1, 6, 9]],
    [
      "a configuration that cannot be read",
      "/etc/crowdsec/config.yaml: yaml: line 3: did not find expected key",
      [1, 6, 8],
    ],
    [
      "a dead database",
      "api server init: unable to run local API: unable to init database client: dial tcp 10.0.0.3:5432: connect: connection refused",
      [1, 6, 8],
    ],
    [
      "a Central API out of reach",
      "api server init: unable to run local API: authenticate watcher (x): performing jwt auth: dial tcp: lookup api.crowdsec.net: no such host",
      [1, 6, 8],
    ],
  ] as const)("makes no logins with %s", async (_what, said, version) => {
    expect((await loop(said, version)).status).toBe("pass");
  });

  test("of a version that nothing tells is a warning", async () => {
    expect(await loop(BAD_ACQUIS, undefined)).toMatchObject({
      status: "warn",
      code: "capi-login-loop",
      summary: expect.stringMatching(/; so do CrowdSec 1\.5\.0 to 1\.6\.8; which version this is, is not known$/),
    });
  });

  test.each([
    ["runs", { state: "running", restarts: 0 }],
    ["was started again last week", { state: "running", restarts: 5, startedSecondsAgo: 600_000 }],
    ["starts for the first time", { state: "starting", restarts: 0 }],
    ["was given up", { state: "failed", restarts: 5 }],
    ["was stopped", { state: "stopped", restarts: 5 }],
    ["waits long enough in between", { ...FALLING, restartDelaySeconds: 600 }],
    ["is none of the manager's", { known: false, state: "restarting", restarts: 9 }],
  ] as const)("is not one that %s", async (_what, service) => {
    expect((await loop(BAD_ACQUIS, [1, 6, 4], service)).status).toBe("pass");
  });

  test("counts too while it runs for a moment", async () => {
    const { code } = await loop(BAD_ACQUIS, [1, 6, 4], { state: "running", restarts: 3, startedSecondsAgo: 5 });
    expect(code).toBe("capi-login-loop");
  });

  test("without a manager of services is seen by its log", async () => {
    const starts = (minutes: readonly number[]): string =>
      minutes
        .flatMap((minute) => [
          `time="2026-06-15T11:${minute}:00Z" level=info msg="Crowdsec v1.6.4-abc"`,
          `time="2026-06-15T11:${minute}:02Z" level=fatal msg="${BAD_ACQUIS}"`,
        ])
        .join("\n");
    const given = (minutes: readonly number[]): Given => ({
      world: { ...HEALTHY, services: {}, tails: { "/var/log/crowdsec.log": `${starts(minutes)}\n` } },
      version: [1, 6, 4],
    });
    expect(await findingOf(check, given([50, 52, 54, 56, 58]))).toMatchObject({
      instance: "capi-logins@crowdsec",
      status: "fail",
      summary: expect.stringMatching(
        /^crowdsec was started again 4 times .* once, every 120 s: 20 logins within about 40/,
      ),
    });
    expect((await findingOf(check, given([56, 58]))).status).toBe("pass");
    expect((await findingOf(check, given([10, 12, 14, 16, 18]))).status).toBe("pass");
  });

  test("is to be stopped first, and then looked at", async () => {
    const { remedy } = await findingOf(check, FAULTS["capi-login-loop"][3]);
    expect(remedy.map(({ commands }) => commands?.[0])).toEqual([
      "systemctl stop crowdsec",
      "journalctl -u crowdsec -n 50 --no-pager",
    ]);
    // To start it again is the last step, not an undo.
    expect(remedy[0]).not.toHaveProperty("undo");
  });
});

describe("a refused login", () => {
  const STOPPED: Partial<ServiceSeen> = { state: "failed", startedSecondsAgo: 1500 };
  const banned = async (given: Given): Promise<Finding> => findingOf(check, given);

  test("says since when, until when at the earliest, and what that means", async () => {
    const journals = journal(["11:20:00", FORBIDDEN], ["11:34:56", FORBIDDEN]);
    expect(await banned(engine(STOPPED, journals, { version: [1, 6, 4], topology: NOT_RUNNING }))).toMatchObject({
      instance: "capi-logins@crowdsec",
      status: "fail",
      summary:
        "the Central API refused the last login with 403 at 11:34 UTC, as it does to an address with more than 20 logins in 50 minutes: a ban lasts one hour, so until 12:34 UTC at the earliest, and each further try may prolong it; crowdsec does not start while that lasts, and the bouncers here get no decisions from it",
      fault: { code: "capi-banned", httpStatus: 403, message: expect.stringContaining("API error: Forbidden") },
    });
  });

  test("is to be waited for, with the Local API up without the Central API meanwhile", async () => {
    const { remedy } = await banned(engine(STOPPED, journal(["11:34:56", FORBIDDEN]), { topology: NOT_RUNNING }));
    const [stop, meanwhile, then] = remedy;
    expect([stop?.text, stop?.commands]).toEqual([
      "Stop it, so that no further try prolongs the ban; start it at 12:34 UTC, not earlier, and once.",
      ["systemctl stop crowdsec"],
    ]);
    // Taking that back would be the next try.
    expect(stop?.undo ?? []).toEqual([]);
    const dropIn = "/etc/systemd/system/crowdsec.service.d/no-capi.conf";
    expect(meanwhile?.undo?.[0]).toBe(`rm ${dropIn}`);
    const print = meanwhile?.commands?.[1]?.replace(` > ${dropIn}`, "") ?? "";
    expect(execFileSync("sh", ["-c", print], { encoding: "utf8" })).toBe(
      "[Service]\nExecStartPre=\nExecStart=\nExecStart=/usr/bin/crowdsec -c /etc/crowdsec/config.yaml -no-capi\n",
    );
    expect(then?.url).toBe("https://docs.crowdsec.net/u/troubleshooting/capi_403");
  });

  test.each([
    [[1, 7, 8], "3 times"],
    [[1, 6, 1], "2 times"],
  ] as const)("of a loop of %j is one finding, which says how often each start tries", async (version, tries) => {
    const { summary } = await banned(engine(FALLING, journal(["11:59:10", FORBIDDEN]), { version }));
    expect(summary.endsWith(`; crowdsec.service is started again every 60 s, and each start tries ${tries}`)).toBe(
      true,
    );
  });

  test.each([
    ["something else", /, and each start tries once$/],
    // Such a start does not come to a login.
    ["/etc/crowdsec/config.yaml: yaml: line 3: did not find expected key", /get no decisions from it$/],
  ])("of a loop that now ends with %j is told by what a start of it does", async (said, words) => {
    const journals = journal(["11:58:10", FORBIDDEN], ["11:59:10", said]);
    const { summary, fault } = await banned(engine(FALLING, journals, { version: [1, 7, 8] }));
    expect([fault?.code, summary]).toEqual(["capi-banned", expect.stringMatching(words)]);
  });

  test.each([
    [[1, 7, 8], "; the running crowdsec goes on, but would not come back from a restart"],
    [[1, 4, 6], "; the Local API goes on with what it knows"],
  ] as const)("of a crowdsec %j that runs on is not to be stopped", async (version, consequence) => {
    const said = "capi push: sending signal to central API: API error: Forbidden";
    const { summary, remedy } = await banned(
      engine({ state: "running", startedSecondsAgo: 7200 }, journal(["11:34:56", said]), { version }),
    );
    expect(summary.endsWith(consequence)).toBe(true);
    expect(remedy[0]?.text).toMatch(/^Leave it running: before 12:34 UTC, /);
    expect(remedy.flatMap(({ commands = [] }) => commands)).toEqual([]);
  });

  test("is waited for where crowdsec runs without the Central API", async () => {
    const engines = [{ pid: 1, argv: ["/usr/bin/crowdsec", "-no-capi"], ageSeconds: 300 }];
    const given = engine({ startedSecondsAgo: 300 }, journal(["11:34:56", FORBIDDEN]), { topology: { engines } });
    expect((await banned(given)).summary).toMatch(/; crowdsec runs without the Central API meanwhile$/);
  });

  test("that is over is told as over, where crowdsec was not started since", async () => {
    const yesterday = {
      "crowdsec.service": [
        { at: "2026-06-14T22:30:00.000Z", text: `time="2026-06-14T22:30:00Z" level=fatal msg="${FORBIDDEN}"` },
      ],
    };
    const given = engine({ state: "failed", startedSecondsAgo: 48_601 }, yesterday, {
      version: [1, 7, 8],
      topology: NOT_RUNNING,
    });
    const { status, summary, remedy } = await banned(given);
    expect([status, summary]).toEqual([
      "warn",
      expect.stringMatching(
        /403 at 2026-06-14 22:30 UTC.*so this one is over since 2026-06-14 23:30 UTC; crowdsec was not started again since$/,
      ),
    ]);
    expect(remedy[0]?.commands?.[0]).toBe("systemctl start crowdsec");
  });

  test.each([
    [
      "an old one of a crowdsec that runs",
      { state: "running", startedSecondsAgo: 60_000 },
      "10:30:00",
      FORBIDDEN,
      [1, 7, 8],
    ],
    [
      "one before a start that logged in and holds",
      { state: "running", startedSecondsAgo: 600 },
      "11:34:56",
      FORBIDDEN,
      [1, 6, 4],
    ],
    [
      "a wrong password",
      STOPPED,
      "11:34:56",
      "api server init: unable to run local API: authenticate watcher (x): API error: http code 401, response: no",
      [1, 7, 8],
    ],
    ["a bouncer's key", STOPPED, "11:34:56", "API error: access forbidden", [1, 7, 8]],
  ] as const)("is not %s", async (_what, service, at, said, version) => {
    const { findings } = await runIn([check], engine(service, journal([at, said]), { version }));
    expect(findings.filter(({ fault }) => fault?.code === "capi-banned")).toEqual([]);
  });

  test("of an unknown time is told without one", async () => {
    const tails = { "/var/log/crowdsec.log": `FATA[0001] ${FORBIDDEN}\n` };
    const world = { ...HEALTHY, services: { crowdsec: STOPPED }, tails };
    expect((await banned({ world })).summary).toMatch(
      /403 lately, .* until an hour after the last try at the earliest/,
    );
  });
});

test("nothing is asked but files, the service and its last words: above all, nothing logs in", async () => {
  const { asked } = await runIn([check], withFile("/root/docker-compose.yml", PANGOLIN));
  const kinds = new Set(asked.map((question) => question.split(" ")[0]));
  expect(kinds).toEqual(new Set(["file", "folder", "service", "tail", "journal"]));
});

describe("a container that runs", () => {
  const RECORD = "/var/lib/docker/containers/0123456789abcdef/config.v2.json";
  const record = (test: readonly string[], rest: Readonly<Record<string, unknown>> = {}): string =>
    JSON.stringify({
      Name: "/crowdsec",
      State: { Running: true },
      Config: { Env: ["SECRET=canary-of-a-container"], Healthcheck: { Test: test, Interval: 10_000_000_000 } },
      ...rest,
    });

  test.each([
    ["CMD-SHELL", "cscli capi status || exit 1"],
    ["CMD", "cscli", "capi", "status"],
  ])("has its health check told, however it came by it: %s", async (...words) => {
    const { findings } = await runIn([check], withFile(RECORD, record(words)));
    expect(findings).toMatchObject([
      {
        instance: `capi-logins@${RECORD}`,
        status: "fail",
        summary: expect.stringContaining(
          "runs cscli capi status as the health check of container crowdsec (interval 10s): 300 logins in 50 minutes",
        ),
        remedy: [{ text: expect.stringMatching(/^Make the container anew/) }, {}],
      },
    ]);
  });

  test.each([
    ["asks the Local API", record(["CMD", "cscli", "lapi", "status"])],
    ["has no health check", record(["NONE"])],
    ["does not run", record(["CMD", "cscli", "capi", "status"], { State: { Running: false } })],
    ["has a record that is none", "{"],
    ["has another record", "[]"],
  ])("is passed over when it %s", async (_what, content) => {
    expect((await findingOf(check, withFile(RECORD, content))).status).toBe("pass");
  });

  test("is not counted beside the compose file that it came from", async () => {
    const files = {
      "/opt/pangolin/docker-compose.yml": PANGOLIN,
      [RECORD]: record(["CMD", "cscli", "capi", "status"]),
    };
    const { findings } = await runIn([check], { world: healthyWith(files) });
    expect(findings.map(({ instance }) => instance)).toEqual(["capi-logins@/opt/pangolin/docker-compose.yml"]);
  });
});
