import { describe, expect, test } from "@jest/globals";
import { findScheduled, type Job } from "../../checks/scheduled.ts";
import type { System } from "../../src/model/system.ts";
import { fakeProber } from "../support/fake-prober.ts";
import { failedWith, holding } from "../support/world.ts";

const jobsOf = async (
  files: Readonly<Record<string, string>>,
  packages: System["packages"] = "deb",
): Promise<readonly Job[]> => (await findScheduled(fakeProber(holding(files)), packages)).jobs;
const textOf = ({ words }: Job): string => words.map(({ text }) => text).join(" ");
const runsOf = async (files: Readonly<Record<string, string>>): Promise<number | undefined> =>
  (await jobsOf(files))[0]?.schedule.runs;

describe("how often cron runs a line, counted within 50 minutes", () => {
  test.each([
    ["* * * * *", 50],
    ["*/2 * * * *", 25],
    ["*/5 * * * *", 10],
    ["1-59/5 * * * *", 10],
    ["0,15,30,45 * * * *", 4],
    ["0-9 * * * *", 10],
    ["*/10 8-18 * * 1-5", 5],
    // Two bursts that meet at midnight.
    ["50-59,0-9 0,23 * * *", 20],
    ["17 * * * *", 1],
    ["25 6 * * *", 1],
    ["0/20 * * * *", 3],
    ["@hourly", 1],
    ["@daily", 1],
    ["@reboot", 1],
    ["@every_minute", 50],
    ["61 * * * *", undefined],
    ["*/0 * * * *", undefined],
    ["9-1 * * * *", undefined],
    ["0~59 * * * *", undefined],
  ])("%s: %s", async (when, expected) => {
    expect(await runsOf({ "/etc/crontab": `SHELL=/bin/sh\n${when} root true\n` })).toBe(expected);
  });
});

const timer = (settings: string): Readonly<Record<string, string>> => ({
  "/etc/systemd/system/probe.timer": `[Unit]\nDescription=x\n[Timer]\n${settings}\n[Install]\nWantedBy=timers.target\n`,
  "/etc/systemd/system/probe.service": "[Service]\nType=oneshot\nExecStart=-/usr/bin/true now\n",
  "/etc/systemd/system/timers.target.wants/probe.timer": "",
});

describe("how often a timer runs its service", () => {
  test.each([
    ["OnCalendar=minutely", 50],
    ["OnCalendar=hourly", 1],
    ["OnCalendar=daily", 1],
    ["OnCalendar=*:0/5", 10],
    ["OnCalendar=*:0/5:00", 10],
    ["OnCalendar=*-*-* *:*:00", 50],
    ["OnCalendar=*-*-* *:*:0/30", 100],
    ["OnCalendar=Mon..Fri *-*-* 08..18:00,30:00", 2],
    ["OnCalendar=*-*-* 04:00:00 UTC", 1],
    ["OnCalendar=Sun", 1],
    ["OnUnitActiveSec=5min", 10],
    ["OnUnitActiveSec=1min 30s", 33],
    ["OnUnitInactiveSec=90", 33],
    ["OnUnitActiveSec=1 h", 1],
    ["OnBootSec=2min", 1],
    ["OnBootSec=2min\nOnUnitActiveSec=2min", 25],
    ["OnCalendar=\nOnCalendar=*:0/10", 5],
    ["OnCalendar=soon:ish", undefined],
    ["OnUnitActiveSec=often", undefined],
  ])("%s: %s", async (settings, expected) => {
    const [job] = await jobsOf(timer(settings));
    expect([job?.schedule.runs, job && textOf(job)]).toEqual([expected, "/usr/bin/true now"]);
  });

  test("a timer that is not enabled runs nothing", async () => {
    const { "/etc/systemd/system/timers.target.wants/probe.timer": _wanted, ...rest } = timer("OnCalendar=minutely");
    expect(await jobsOf(rest)).toEqual([]);
  });

  test("a unit of the administrator's counts before the package's of the same name", async () => {
    const files = {
      ...timer("OnCalendar=hourly"),
      "/usr/lib/systemd/system/probe.timer": "[Timer]\nOnCalendar=minutely\n",
      "/usr/lib/systemd/system/probe.service": "[Service]\nExecStart=/usr/bin/false\n",
    };
    expect((await jobsOf(files)).map((job) => [textOf(job), job.schedule.runs])).toEqual([["/usr/bin/true now", 1]]);
  });

  test("a timer may name another service, and a drop-in adds to that", async () => {
    const files = {
      ...timer("OnCalendar=*:0/5\nUnit=other.service"),
      "/etc/systemd/system/other.service": "[Service]\nExecStart=/usr/bin/true \\\n  two\n",
      "/etc/systemd/system/other.service.d/post.conf": "[Service]\nExecStartPost=+/usr/bin/true three\n",
    };
    expect((await jobsOf(files)).map((job) => [textOf(job), job.schedule.told])).toEqual([
      ["/usr/bin/true two", "by probe.timer (OnCalendar=*:0/5)"],
      ["/usr/bin/true three", "by probe.timer (OnCalendar=*:0/5)"],
    ]);
  });
});

const compose = (healthcheck: string): Readonly<Record<string, string>> => ({
  "/opt/stack/compose.yaml": `services:\n  crowdsec:\n    image: crowdsecurity/crowdsec\n    healthcheck:\n${healthcheck}    restart: always\n`,
});

describe("how often a health check runs", () => {
  test.each([
    ["      test: true\n      interval: 10s\n", 300],
    ["      test: true\n", 100],
    ["      test: true\n      interval: 1m30s\n", 33],
    ['      test: true\n      interval: "5m"\n', 10],
    ["      test: true\n      interval: 1h\n", 1],
    [`      test: true\n      interval: \${EVERY:-20s} # seconds\n`, 150],
    [`      test: true\n      interval: \${EVERY}\n`, undefined],
    ["      <<: *defaults\n      test: true\n", undefined],
  ])("%j: %s", async (healthcheck, expected) => {
    const [job] = await jobsOf(compose(healthcheck));
    expect([job?.schedule.runs, job && textOf(job)]).toEqual([expected, "true"]);
  });

  test("one that is switched off does not", async () => {
    expect(await jobsOf(compose("      disable: true\n      test: true\n"))).toEqual([]);
    expect(await jobsOf(compose("      interval: 5s\n"))).toEqual([]);
  });

  test.each([
    ['      test: ["CMD", "a", "b c"]\n', "CMD a b c"],
    ["      test: [CMD-SHELL, a b || exit 1]\n", "CMD-SHELL a b ; exit 1"],
    ["      test:\n        - CMD\n        - a\n        - b\n", "CMD a b"],
    ["      test:\n      - CMD\n      - a\n", "CMD a"],
    ["      test:\n        [\n          'CMD',\n          'a', # why\n        ]\n", "CMD a"],
    ["      test: >-\n        a\n        b\n", "a b"],
    ["      test: |\n        a\n        b\n", "a ; b ;"],
    ['      test: &probe ["CMD", "a"]\n', "CMD a"],
    ["      # test: x\n      test: a # test: y\n", "a"],
  ])("its command is read from %j", async (healthcheck, expected) => {
    expect((await jobsOf(compose(healthcheck))).map(textOf)).toEqual([expected]);
  });

  test("one on a single line is read too, and one that an anchor hands on", async () => {
    const files = {
      "/srv/docker-compose.yml":
        'x-healthcheck: &hc\n  test: ["CMD", "one"]\n  interval: 10s\nservices:\n  a:\n    healthcheck: {test: ["CMD", "two"], interval: 1m}\n  b:\n    healthcheck: *hc\n',
    };
    expect((await jobsOf(files)).map((job) => [textOf(job), job.schedule.runs])).toEqual([
      ["CMD one", 300],
      ["CMD two", 50],
    ]);
  });

  test("each service's is told with its name", async () => {
    const two = "services:\n  a:\n    healthcheck:\n      test: x\n\n  b:\n    healthcheck:\n      test: y\n";
    expect((await jobsOf({ "/root/compose.yml": two })).map(({ schedule }) => schedule.told)).toEqual([
      "as the health check of a (interval 30s, the default)",
      "as the health check of b (interval 30s, the default)",
    ]);
  });

  test("an image's own has Docker's default, or its interval", async () => {
    const files = {
      "/opt/a/Dockerfile": "FROM x\nHEALTHCHECK CMD one\n",
      "/opt/b/Dockerfile.crowdsec": "FROM x\nHEALTHCHECK --interval=2m \\\n  --timeout=3s \\\n  CMD two || exit 1\n",
    };
    expect((await jobsOf(files)).map((job) => [textOf(job), job.schedule.runs])).toEqual([
      ["CMD one", 100],
      ["--interval=2m --timeout=3s CMD two ; exit 1", 25],
    ]);
  });

  test("a probe of Kubernetes runs every ten seconds unless it says otherwise", async () => {
    const pod = (probe: string): string =>
      `spec:\n  containers:\n  - name: crowdsec\n    livenessProbe:\n      exec:\n        command:\n        - cscli\n        - lapi\n        - status\n${probe}    readinessProbe:\n      httpGet:\n        path: /health\n`;
    const path = "/etc/kubernetes/manifests/crowdsec.yaml";
    expect((await jobsOf({ [path]: pod("") })).map((job) => [textOf(job), job.schedule.runs])).toEqual([
      ["cscli lapi status", 300],
    ]);
    expect(await runsOf({ [path]: pod("      periodSeconds: 60\n") })).toBe(50);
  });
});

test("Telegraf's commands run as often as their table, the agent, or the default says", async () => {
  const path = "/etc/telegraf/telegraf.conf";
  const exec = '[[inputs.exec]]\n  commands = [\n    "a b",\n  ]\n';
  expect(await runsOf({ [path]: `${exec}[[inputs.cpu]]\n` })).toBe(300);
  expect(await runsOf({ [path]: `[agent]\n  interval = "60s"\n${exec}` })).toBe(50);
  expect(await runsOf({ [path]: `[agent]\n  interval = "60s"\n${exec}  interval = "5m"\n` })).toBe(10);
});

test("a service that loops by itself runs as often as it sleeps", async () => {
  const files = {
    "/etc/systemd/system/watch.service": "[Service]\nExecStart=/bin/sh -c 'while true; do a; sleep 60; done'\n",
    "/etc/systemd/system/multi-user.target.wants/watch.service": "",
  };
  expect((await jobsOf(files)).map(({ schedule }) => schedule)).toEqual([
    { runs: 50, told: "in watch.service, every 60 s" },
  ]);
});

describe("a script that a job names", () => {
  const CRONTAB = { "/etc/crontab": "*/5 * * * * root /usr/local/bin/watch.sh -q >/dev/null 2>&1\n" };
  const SCRIPT = "#!/bin/sh\n# one\nset -e\ntrue \\\n  two # three\n";

  test("is read as its lines, without comments, and runs as often", async () => {
    const [, script] = await jobsOf({ ...CRONTAB, "/usr/local/bin/watch.sh": SCRIPT });
    expect(script).toEqual({
      kind: "script",
      path: "/usr/local/bin/watch.sh",
      words: [
        { text: "set", line: 3 },
        { text: "-e", line: 3 },
        { text: ";", line: 3 },
        { text: "true", line: 4 },
        { text: "two", line: 5 },
        { text: ";", line: 5 },
      ],
      schedule: { runs: 10, told: "by cron (*/5 * * * *), from /etc/crontab:1" },
    });
  });

  test.each([
    ["others may change", { guarded: false }],
    ["is large", { bytes: 1_000_000 }],
    ["is a folder", { kind: "folder" as const }],
  ])("is left alone when it %s", async (_what, path) => {
    const world = holding({ ...CRONTAB, "/usr/local/bin/watch.sh": SCRIPT });
    const probe = fakeProber({ ...world, paths: { "/usr/local/bin/watch.sh": path } });
    expect((await findScheduled(probe, "deb")).jobs).toHaveLength(1);
    expect(probe.asked).not.toContain("file /usr/local/bin/watch.sh");
  });

  test("is not looked for where it is no script: a program, a log, a path in a container", async () => {
    const probe = fakeProber(
      holding({
        "/etc/crontab": "* * * * * root /usr/bin/true >/var/log/x.log /dev/null /tmp/x.sh\n",
        ...compose("      test: /opt/probe.sh\n"),
      }),
    );
    await findScheduled(probe, "deb");
    expect(probe.asked.filter((question) => question.startsWith("path "))).toEqual([]);
  });
});

test("what an editor or a package manager left beside a file is not read", async () => {
  const line = "* * * * * root true\n";
  const files = Object.fromEntries(
    ["probe~", "probe.bak", "probe.dpkg-old", "probe.rpmsave", "probe.preflight", ".probe.swp", "probe"].map((name) => [
      `/etc/cron.d/${name}`,
      line,
    ]),
  );
  expect((await jobsOf(files)).map(({ path }) => path)).toEqual(["/etc/cron.d/probe"]);
});

describe("what cron does not run does not count, by the rule of the system's own cron", () => {
  const NAMES = [
    ...[
      "plain",
      "with-dash_1",
      "has.dot",
      "check.sh",
      "foo.cron",
      "x.disabled",
      "x.bak",
      "x~",
      "x.rpmsave",
      "x.rpmnew",
    ],
    ...["x.swp", "x,v", "x,", "x.cfsaved", ".hidden", "#x"],
  ];
  const all = (folder: string, line: string) => Object.fromEntries(NAMES.map((name) => [`${folder}/${name}`, line]));
  const namesOf = async (folder: string, line: string, packages: System["packages"]): Promise<readonly string[]> =>
    (await jobsOf(all(folder, line), packages)).map(({ path }) => path.slice(folder.length + 1));
  const DOTTED = ["plain", "with-dash_1", "has.dot", "check.sh", "foo.cron", "x.disabled", "x.bak"];

  test.each<[System["packages"], string, readonly string[]]>([
    ["deb", "/etc/cron.d", ["plain", "with-dash_1"]],
    ["deb", "/etc/cron.hourly", ["plain", "with-dash_1"]],
    ["deb", "/etc/cron.daily", ["plain", "with-dash_1"]],
    ["deb", "/etc/cron.weekly", ["plain", "with-dash_1"]],
    ["deb", "/etc/cron.monthly", ["plain", "with-dash_1"]],
    ["rpm", "/etc/cron.d", [...DOTTED, "x.swp", "x,v", "x,", "x.cfsaved"]],
    ["rpm", "/etc/cron.hourly", [...DOTTED, "#x"]],
    ["rpm", "/etc/cron.daily", [...DOTTED, "#x"]],
    ["apk", "/etc/cron.d", []],
    ["apk", "/etc/cron.hourly", []],
    ["apk", "/etc/periodic/15min", ["plain", "with-dash_1"]],
    ["apk", "/etc/periodic/hourly", ["plain", "with-dash_1"]],
    ["deb", "/etc/periodic/hourly", []],
    // Whose cron this is, is not known: all but leftovers.
    [
      "none",
      "/etc/cron.d",
      ["plain", "with-dash_1", "has.dot", "check.sh", "foo.cron", "x,v", "x,", "x.cfsaved", "#x"],
    ],
  ])("%s: %s", async (packages, folder, expected) => {
    expect([...(await namesOf(folder, "* * * * * root true\n", packages))].sort()).toEqual([...expected].sort());
  });

  test("busybox' crond reads the crontabs of users alone, each once", async () => {
    const files = {
      "/etc/crontab": "* * * * * root a\n",
      "/etc/anacrontab": "1 5 x b\n",
      "/etc/crontabs/root": "*/15 * * * * run-parts /etc/periodic/15min\n",
      "/var/spool/cron/crontabs/root": "*/15 * * * * run-parts /etc/periodic/15min\n",
      "/etc/periodic/15min/c": "c\n",
      "/etc/periodic/daily/d": "d\n",
    };
    expect((await jobsOf(files, "apk")).map(({ path, schedule }) => [path, schedule.runs, schedule.told])).toEqual([
      ["/etc/periodic/15min/c", 4, "by cron, every 15 minutes"],
      ["/etc/periodic/daily/d", 1, "by cron, daily"],
      ["/etc/crontabs/root", 4, "by cron (*/15 * * * *)"],
    ]);
  });
});

describe("a file with lines of 256 KiB, or with as many lines, holds up nothing", () => {
  const BYTES = 256 * 1024;
  /** Milliseconds. It takes some hundred; what looks at all of it again and again takes minutes. */
  const SOON = 20_000;
  const PLACES = {
    "/etc/crontab": ["", "1", "* * * * * root x"],
    "/etc/anacrontab": ["", "1 1 "],
    "/etc/cron.daily/x": [""],
    "/opt/compose.yml": ["", "healthcheck:\n  test:", "healthcheck:\n  interval:", "healthcheck: {test: "],
    "/opt/Dockerfile": ["", "HEALTHCHECK --interval="],
    "/etc/telegraf/telegraf.conf": ["", "[[inputs.exec]]\ninterval = '"],
    "/etc/zabbix/zabbix_agentd.conf": [""],
    "/etc/systemd/system/crowdsec.service": ["", "ExecStart=", "OnCalendar ="],
  } as const;
  const SHAPES = [" ", "1", "1 ", "\t- ", "a:", "a: ", '"', "'", "[", ",", "\\", "\u2028", "\n", ";\n", "a\\\n"];

  test.each([...SHAPES, "healthcheck:\n ", "* * * * * root x\n"])("of %j", async (shape) => {
    const from = performance.now();
    for (const [path, beginnings] of Object.entries(PLACES)) {
      for (const beginning of beginnings) {
        // With something behind it that an expression may run against.
        await jobsOf({ [path]: `${beginning}${shape.repeat(BYTES / shape.length)}\u2028!\n` });
      }
    }
    expect(performance.now() - from).toBeLessThan(SOON);
  });
});

test("files and folders that this user may not read are named, and the others counted", async () => {
  const world = holding({ "/etc/crontab": "", "/etc/cron.d/a": "" });
  const denied = failedWith("file-denied");
  const probe = fakeProber({
    ...world,
    files: { ...world.files, "/etc/monit/monitrc": denied },
    folders: { ...world.folders, "/var/spool/cron/crontabs": denied },
  });
  expect(await findScheduled(probe, "deb")).toEqual({
    jobs: [],
    files: 2,
    denied: ["/etc/monit/monitrc", "/var/spool/cron/crontabs"],
  });
});

test("however much is there, a bounded number of folders and files is looked at", async () => {
  const names = (count: number) => Array.from({ length: count }, (_each, index) => `n${index}`);
  const probe = fakeProber({
    folders: {
      "/opt": names(500),
      ...Object.fromEntries(names(500).map((name) => [`/opt/${name}`, [...names(50), "compose.yaml"]])),
    },
  });
  await findScheduled(probe, "deb");
  expect(probe.asked.filter((question) => question.startsWith("folder /opt")).length).toBeLessThanOrEqual(400);
  expect(probe.asked.length).toBeLessThan(1500);
});
