import { describe, expect, test } from "@jest/globals";
import check from "../../checks/service.ts";
import type { ProcessSeen, ServiceSeen } from "../../src/model/observation.ts";
import type { Finding } from "../../src/model/report.ts";
import type { Topology } from "../../src/model/topology.ts";
import type { World } from "../support/fake-prober.ts";
import { expectFault, type FaultCase, findingOf, type Given, NOW, runIn } from "../support/run.ts";
import { BEFORE_INSTALL, from } from "../support/topology.ts";
import { failedWith, HEALTHY, listener } from "../support/world.ts";

const LOG = "/var/log/crowdsec.log";
const CONFIG = "/etc/crowdsec/config.yaml";
const PORT =
  "local API server stopped with error: listening on 127.0.0.1:8080: listen tcp 127.0.0.1:8080: bind: address already in use";
const ACQUIS = "crowdsec init: while loading acquisition config: no datasource enabled";
const CAPI =
  'api server init: unable to run local API: authenticate watcher (m): Post "https://api.crowdsec.net/v3/watchers/login": performing jwt auth: dial tcp 52.48.215.1:443: i/o timeout';

/** A line of the log, so many seconds ago. */
const line = (ago: number, level: string, words: string): string =>
  `time="${new Date(NOW.getTime() - ago * 1000).toISOString()}" level=${level} msg="${words.replaceAll('"', '\\"')}"`;
const start = (ago: number): string => line(ago, "info", "Crowdsec v1.7.8-bb94a5ad");
const fatal = (ago: number, words: string): string => line(ago, "fatal", words);

const ENGINE: ProcessSeen = { pid: 4711, argv: ["/usr/bin/crowdsec", "-c", CONFIG], ageSeconds: 3600 };

/** A host with this service, whose log ends with these lines, and on which no engine runs unless told. */
const hostWith = (
  service: Partial<ServiceSeen> | undefined,
  lines: readonly string[] = [],
  topology: Partial<Topology> = {},
  world: World = {},
): Given & { readonly world: World } => ({
  world: {
    ...HEALTHY,
    listeners: [],
    paths: { "/proc/1": { kind: "folder" } },
    services: service ? { crowdsec: service } : {},
    tails: { [LOG]: lines.join("\n") },
    ...world,
  },
  topology: { engines: [], ...topology },
});
const UNMANAGED = undefined;

/** What systemd says of each way not to run, and of running. */
const NEVER: Partial<ServiceSeen> = {
  state: "stopped",
  enabled: true,
  stateSeconds: undefined as never,
  startedSecondsAgo: undefined as never,
};
const BY_HAND: Partial<ServiceSeen> = {
  state: "stopped",
  stateSeconds: 600,
  startedSecondsAgo: 7200,
  result: "success",
  exitStatus: 0,
};
const FAILED: Partial<ServiceSeen> = {
  state: "failed",
  stateSeconds: 300,
  startedSecondsAgo: 302,
  result: "exit-code",
  exitStatus: 1,
};
const LOOP: Partial<ServiceSeen> = {
  state: "restarting",
  stateSeconds: 20,
  startedSecondsAgo: 22,
  restarts: 7,
  restartDelaySeconds: 60,
  result: "exit-code",
  exitStatus: 1,
};
const STARTING: Partial<ServiceSeen> = { state: "starting", stateSeconds: 40, startedSecondsAgo: 38, mainPid: 4711 };
const RUNNING: Partial<ServiceSeen> = { mainPid: 4711 };

const crashedBy = (words: string, topology: Partial<Topology> = {}) =>
  hostWith(FAILED, [start(302), fatal(301, words)], topology);
const loopingBy = (words: string, topology: Partial<Topology> = {}) =>
  hostWith(LOOP, [start(22), fatal(21, words)], topology);
const SECOND: ProcessSeen = { pid: 5000, argv: ["crowdsec"], ageSeconds: 60 };

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "service-stopped": ["host", "fail", "this-host", hostWith(BY_HAND)],
  "service-crashed": ["host", "fail", "this-host", crashedBy(PORT)],
  "service-restarting": ["host", "fail", "this-host", loopingBy(PORT)],
  "service-starting": ["host", "warn", "this-host", hostWith(STARTING)],
  "service-twice": ["host", "fail", "this-host", hostWith(RUNNING, [], { engines: [ENGINE, SECOND] })],
  "service-not-enabled": [
    "host",
    "warn",
    "configuration",
    hostWith({ ...RUNNING, enabled: false }, [], { engines: [ENGINE] }),
  ],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

const commandsOf = ({ remedy }: Finding): readonly string[] => remedy.flatMap(({ commands = [] }) => commands);
const told = async (given: Given): Promise<readonly [string, string]> => {
  const { status, fault, summary } = await findingOf(check, given);
  return [fault?.code ?? status, summary];
};

describe("a service that runs", () => {
  const UP = { engines: [ENGINE] };

  test("passes, and is told with its process and since when", async () => {
    expect(await told(hostWith(RUNNING, [], UP))).toEqual(["pass", `${check.title}: running for 60 min, process 4711`]);
  });

  test.each([
    [119, "119 s"],
    [120, "2 min"],
    [7199, "120 min"],
    [10_800, "3 h"],
    [172_800, "2 days"],
  ])("for %p seconds is told as %p", async (startedSecondsAgo, span) => {
    expect((await told(hostWith({ ...RUNNING, startedSecondsAgo }, [], UP)))[1]).toContain(`running for ${span},`);
  });

  test("is not judged by the words of a start before this one", async () => {
    const lines = [start(9000), fatal(8999, ACQUIS), start(3600)];
    expect(await told(hostWith(RUNNING, lines, UP))).toEqual(["pass", expect.not.stringContaining("datasource")]);
  });

  test("nor by a trial run that failed while it goes on; that is a note", async () => {
    expect(await told(hostWith(RUNNING, [start(3600), fatal(60, ACQUIS)], UP))).toEqual([
      "pass",
      `${check.title}: running for 60 min, process 4711; in the last hour it said: ${ACQUIS}`,
    ]);
  });

  test.each([
    ["that are old", line(5000, "error", CAPI)],
    ["that are harmless", line(60, "error", "API key not found")],
    ["that nobody knows", line(60, "error", "canary")],
  ])("has no note of words %s", async (_name, words) => {
    const service = { ...RUNNING, startedSecondsAgo: 9000 };
    expect(await told(hostWith(service, [start(9000), words], { engines: [{ ...ENGINE, ageSeconds: 9000 }] }))).toEqual(
      ["pass", `${check.title}: running for 3 h, process 4711`],
    );
  });

  test("and was started again long ago passes, and that is told", async () => {
    expect((await told(hostWith({ ...RUNNING, restarts: 1, restartDelaySeconds: 60 }, [], UP)))[1]).toMatch(
      /, process 4711, started again once before$/,
    );
  });

  test("but will not start with the system is told with its unit, and how to change that and back", async () => {
    const { summary, remedy } = await findingOf(check, FAULTS["service-not-enabled"][3]);
    expect(summary).toBe("crowdsec runs, and will not start with the system: crowdsec.service is not enabled");
    expect(remedy).toMatchObject([{ commands: ["systemctl enable crowdsec"], undo: ["systemctl disable crowdsec"] }]);
  });

  test("of a manager that does not tell since when, is told with the age of its process", async () => {
    const service = {
      manager: "openrc",
      name: "crowdsec",
      stateSeconds: undefined as never,
      startedSecondsAgo: undefined as never,
    } as const;
    expect(await told(hostWith(service, [], UP))).toEqual(["pass", `${check.title}: running for 60 min, process 4711`]);
    expect(await told(hostWith(service))).toEqual(["pass", `${check.title}: running`]);
  });

  test("of a manager that does not say whether it is enabled, passes", async () => {
    expect((await told(hostWith({ ...RUNNING, enabled: undefined as never }, [], UP)))[0]).toBe("pass");
  });

  test("passes for a user who may not read the log, and that is a note", async () => {
    const denied = { tails: { [LOG]: failedWith("file-denied") } };
    expect(await told(hostWith(RUNNING, [], { ...UP, user: "nobody" }, denied))).toEqual([
      "pass",
      `${check.title}: running for 60 min, process 4711; what it said last could not be read in full (run as root: ${LOG} may not be read by this user)`,
    ]);
  });
});

describe("a service that does not run", () => {
  test.each<[string, Partial<ServiceSeen>, string, readonly string[], readonly string[]]>([
    [
      "was never started and will not be",
      { ...NEVER, enabled: false },
      "it was not started since this system is up, and is not enabled",
      ["systemctl enable --now crowdsec", "systemctl status crowdsec --no-pager"],
      ["systemctl disable --now crowdsec"],
    ],
    [
      "was never started, though it should have been",
      NEVER,
      "it was not started since this system is up",
      ["systemctl start crowdsec", "systemctl status crowdsec --no-pager"],
      ["systemctl stop crowdsec"],
    ],
    [
      "was stopped by hand",
      BY_HAND,
      "it was stopped 10 min ago, or ended without an error",
      ["systemctl start crowdsec", "systemctl status crowdsec --no-pager"],
      ["systemctl stop crowdsec"],
    ],
    [
      "may not start",
      { ...NEVER, masked: true },
      "an administrator forbade its start (crowdsec.service is masked)",
      ["systemctl unmask crowdsec", "systemctl enable --now crowdsec"],
      ["systemctl disable --now crowdsec", "systemctl mask crowdsec"],
    ],
    [
      "lacks what its unit asks for",
      { ...NEVER, stateSeconds: 30, unmet: true },
      "a condition of crowdsec.service is not met, so it was not started",
      [
        "systemctl cat crowdsec",
        "ls -l /etc/crowdsec/local_api_credentials.yaml /etc/crowdsec/online_api_credentials.yaml",
        "dpkg --configure -a",
        "systemctl start crowdsec",
      ],
      ["systemctl stop crowdsec"],
    ],
  ])("since it %s: told so, with one way to mend it and back", async (_name, service, how, commands, undo) => {
    const finding = await findingOf(check, hostWith(service));
    expect([finding.fault?.code, finding.summary]).toEqual(["service-stopped", `crowdsec does not run: ${how}`]);
    expect(finding.remedy).toEqual([expect.objectContaining({ commands, undo })]);
  });

  test("is not judged by what a start before a good one ended with", async () => {
    const lines = [
      start(9000),
      fatal(8999, ACQUIS),
      start(7200),
      line(600, "warning", "SIGTERM received, shutting down"),
    ];
    const { fault, summary } = await findingOf(check, hostWith(BY_HAND, lines));
    expect(fault).toMatchObject({ code: "service-stopped", message: summary });
    expect(summary).not.toContain("datasource");
  });

  test("with log_level: error, whose log has no first lines, neither", async () => {
    const { summary } = await findingOf(check, hostWith(BY_HAND, [fatal(8999, ACQUIS)]));
    expect(summary).toBe("crowdsec does not run: it was stopped 10 min ago, or ended without an error");
  });

  test("and whose last start failed before somebody stopped it says both", async () => {
    const service = { ...BY_HAND, stateSeconds: 10, startedSecondsAgo: 60 };
    const { fault, summary } = await findingOf(check, hostWith(service, [start(60), fatal(59, ACQUIS)]));
    expect(fault).toMatchObject({ code: "service-stopped", message: ACQUIS });
    expect(summary).toMatch(new RegExp(`; its last start ended with: ${ACQUIS}$`));
  });

  test("after an ordinary stop, which an old Local API with TLS calls fatal, was stopped", async () => {
    const lines = [start(302), fatal(300, "while serving local API: http: Server closed")];
    const { fault, summary } = await findingOf(check, hostWith(FAILED, lines));
    expect([fault?.code, summary]).toEqual([
      "service-stopped",
      "crowdsec does not run: it was stopped 5 min ago, or ended without an error",
    ]);
  });
});

describe("a service that ended with an error", () => {
  test("is told with its last words, verbatim, and whose they are", async () => {
    const { summary, fault, blame } = await findingOf(check, crashedBy(PORT));
    expect(summary).toBe(`crowdsec ended with an error 5 min ago, and nothing starts it again: ${PORT}`);
    expect(fault?.message).toBe(PORT);
    expect(blame?.evidence).toEqual([
      "systemd: crowdsec.service has failed, since 5 min",
      "its last process ended: exit status 1, exit-code",
      `${LOG}, 2026-06-15T11:54:59.000Z: fatal: ${PORT}`,
    ]);
  });

  test.each([
    [
      "known, and may be about something that is well by now",
      PORT,
      "Mend what it names, if it is not mended yet; then start it.",
    ],
    ["not known", "canary", "Mend what it names; then start it."],
  ])("over words that are %s: they are to be seen first, then mended", async (_name, words, text) => {
    const { remedy } = await findingOf(check, crashedBy(words));
    expect(remedy.map((one) => one.text)).toEqual(["See what it said.", text]);
  });

  test("in its trial run, which writes no first line, too", async () => {
    const service = { ...FAILED, startedSecondsAgo: 90_000 };
    const lines = [start(90_000), line(400, "warning", "SIGTERM received"), fatal(301, ACQUIS)];
    expect((await findingOf(check, hostWith(service, lines))).fault).toMatchObject({
      code: "service-crashed",
      message: ACQUIS,
    });
  });

  test.each<[string, Partial<ServiceSeen>, string]>([
    ["for want of memory", { result: "oom-kill", exitStatus: 137 }, "the system had no memory left for it (oom-kill)"],
    [
      "since it took too long",
      { result: "timeout", exitStatus: 143 },
      "it was not ready in time, and was ended (timeout)",
    ],
    ["by a signal", { result: "signal", exitStatus: 139 }, "signal 11 ended it"],
    ["without a word", {}, "exit status 1, and no last words"],
    ["nobody knows how", { result: undefined as never, exitStatus: undefined as never }, "it left no last words"],
  ])("%s, it is told by what the manager saw, and not by an old start's words", async (_name, service, last) => {
    const lines = [start(9000), fatal(8999, ACQUIS), start(302)];
    const { summary, fault } = await findingOf(check, hostWith({ ...FAILED, ...service }, lines));
    expect([fault?.code, summary]).toEqual([
      "service-crashed",
      `crowdsec ended with an error 5 min ago, and nothing starts it again: ${last}`,
    ]);
  });

  test("too often in a row may not start before systemd counts anew", async () => {
    const commands = commandsOf(await findingOf(check, hostWith({ ...FAILED, result: "start-limit-hit" })));
    expect(commands).toContain("systemctl reset-failed crowdsec");
    expect(commandsOf(await findingOf(check, crashedBy(PORT)))).not.toContain("systemctl reset-failed crowdsec");
  });

  test.each<[string, string, boolean, Partial<Topology>]>([
    ["the agent's sources", ACQUIS, true, {}],
    ["the hub", "invalid hub index: unable to read index file: x", true, {}],
    [
      "the agent's credentials",
      "loading api client: no credentials or URL found in api client configuration 'x'",
      true,
      {},
    ],
    [
      "the agent's login",
      "crowdsec init: while initializing LAPIClient: authenticate watcher (m): API error: ent: machine not found",
      true,
      {},
    ],
    ["the agent's sources, in a process of its own", ACQUIS, false, { sharedProcess: false }],
    ["the port", PORT, false, {}],
    ["the Central API", CAPI, false, {}],
    [
      "the Central API's credentials",
      "loading online client credentials: open x: no such file or directory",
      false,
      {},
    ],
  ])("over %s: %s, the Local API can stay up without: %p", async (_name, words, keeps, topology) => {
    const commands = commandsOf(await findingOf(check, crashedBy(words, topology)));
    expect(commands.some((command) => command.includes("-no-cs"))).toBe(keeps);
  });

  test.each<[string, string]>([
    [ACQUIS, "configuration"],
    ["loading api client: no credentials or URL found in api client configuration 'x'", "credentials"],
    [PORT, "this-host"],
    ["what nobody knows", "this-host"],
  ])("%s is the fault of: %p", async (words, party) => {
    expect((await findingOf(check, crashedBy(words))).blame?.party).toBe(party);
  });

  test("is told to a user who may not read the log, who learns that too", async () => {
    const denied = { tails: { [LOG]: failedWith("file-denied") } };
    const { fault, summary } = await findingOf(check, hostWith(FAILED, [], { user: "nobody" }, denied));
    expect(fault?.code).toBe("service-crashed");
    expect(summary).toMatch(/; what it said last could not be read in full \(run as root: .*\)$/);
  });

  test("no secret of its words is told", async () => {
    const { summary } = await findingOf(check, crashedBy("bad dsn: password=canary-1 http://x:canary-2@y/"));
    expect(summary).toContain("password=[secret]");
  });

  test("beside an engine that somebody started by hand: both are told", async () => {
    const given = hostWith(FAILED, [start(302), fatal(301, ACQUIS)], { engines: [ENGINE] });
    expect(await told(given)).toEqual([
      "service-crashed",
      `crowdsec ended with an error 5 min ago, and nothing starts it again: ${ACQUIS}; another one is running for 60 min, process 4711, which crowdsec.service did not start`,
    ]);
  });

  test("of a manager that does not tell how one ended: its words do", async () => {
    const freebsd = { ...BY_HAND, manager: "freebsd", name: "crowdsec", stateSeconds: undefined as never } as const;
    const service = { ...freebsd, startedSecondsAgo: undefined as never };
    const topology = { system: { services: "freebsd", packages: "freebsd" } } as const;
    expect((await told(hostWith(service, [start(302), fatal(301, PORT)], topology)))[0]).toBe("service-crashed");
    expect(await told(hostWith(service, [fatal(302, PORT), start(301)], topology))).toEqual([
      "service-stopped",
      "crowdsec does not run: crowdsec is stopped",
    ]);
  });
});

describe("a service that is started again and again", () => {
  test("is told with how often, the next start, and its last words", async () => {
    const { summary, fault } = await findingOf(check, loopingBy(PORT));
    expect(summary).toBe(
      `crowdsec does not stay up: it ended and was started again 7 times, and the next start is due in 40 s: ${PORT}`,
    );
    expect(fault?.message).toBe(PORT);
  });

  test.each<[string, Partial<ServiceSeen>]>([
    ["just up again", { state: "running", stateSeconds: 25, startedSecondsAgo: 30 }],
    ["just starting", { state: "starting", stateSeconds: 30, startedSecondsAgo: 30 }],
    ["in the trial run of its next start", { state: "starting", stateSeconds: 30, startedSecondsAgo: 9000 }],
  ])("is seen while it is %s, by the words of the process before", async (_name, service) => {
    const given = hostWith({ ...LOOP, ...service, mainPid: 4711 }, [start(95), fatal(92, PORT), start(30)], {
      engines: [{ ...ENGINE, ageSeconds: 30 }],
    });
    const { summary, fault } = await findingOf(check, given);
    expect(fault).toMatchObject({ code: "service-restarting", message: PORT });
    expect(summary).toBe(
      `crowdsec does not stay up: it ended and was started again 7 times, the last time 30 s ago: ${PORT}`,
    );
  });

  test("is not judged by the words of long ago", async () => {
    const service = { ...LOOP, result: "oom-kill", exitStatus: 137 };
    const { summary, fault } = await findingOf(check, hostWith(service, [fatal(5000, PORT), start(22)]));
    expect(fault?.message).toBe(summary);
    expect(summary).toMatch(/: the system had no memory left for it \(oom-kill\)$/);
  });

  test("counts as up again after its manager's delay and some more", async () => {
    const upFor = (startedSecondsAgo: number) =>
      told(
        hostWith({ ...RUNNING, restarts: 1, restartDelaySeconds: 60, startedSecondsAgo }, [], { engines: [ENGINE] }),
      );
    expect((await upFor(89))[0]).toBe("service-restarting");
    expect((await upFor(90))[0]).toBe("pass");
  });

  test("is stopped first, then mended, then started", async () => {
    const commands = commandsOf(await findingOf(check, loopingBy(PORT)));
    expect(commands[0]).toBe("systemctl stop crowdsec");
    expect(commands.at(-1)).toBe("systemctl start crowdsec");
    // To start it again is the last step, not an undo.
    expect((await findingOf(check, loopingBy(PORT))).remedy[0]).not.toHaveProperty("undo");
  });

  test.each<[string, Given, boolean]>([
    ["1.5.0", { ...loopingBy(PORT), version: [1, 5, 0] }, true],
    ["an unknown version", loopingBy(PORT), true],
    ["1.4.6, which logs in later", { ...loopingBy(PORT), version: [1, 4, 6] }, false],
    ["an agent alone, which never does", loopingBy(PORT, { roles: [from("agent", CONFIG)] }), false],
    [
      "the Central API switched off",
      loopingBy(PORT, {
        capi: { state: "off", url: from("https://api.crowdsec.net/", "default"), papiUrl: from("x", "default") },
      }),
      false,
    ],
  ])("with %s, the one-hour ban is named as the reason to stop it: %p", async (_name, given, bans) => {
    const { remedy } = await findingOf(check, given);
    expect(remedy[0]?.text.includes("ban this address for an hour")).toBe(bans);
  });

  test("over the agent's part, the Local API can stay up without", async () => {
    const commands = commandsOf(await findingOf(check, loopingBy(ACQUIS)));
    expect(commands.some((command) => command.includes("-no-cs"))).toBe(true);
  });
});

describe("a service that is starting", () => {
  test("is a warning that says for how long", async () => {
    expect(await told(hostWith(STARTING, [start(38)]))).toEqual([
      "service-starting",
      "crowdsec is starting since 40 s and not ready yet",
    ]);
  });

  test("and what it does meanwhile, in its own words", async () => {
    const retry = "error while performing request: dial tcp 52.48.215.1:443: i/o timeout; 4 retries left";
    const [, summary] = await told(hostWith(STARTING, [start(38), line(8, "error", retry)]));
    expect(summary).toBe(
      `crowdsec is starting since 40 s and not ready yet: it tries to log in at the Central API, and starts nothing until then (${retry})`,
    );
  });

  test.each([
    ["1.4.6", [1, 4, 6], false],
    ["1.5.0", [1, 5, 0], true],
    ["1.6.1", [1, 6, 1], true],
    ["1.6.2", [1, 6, 2], false],
  ] as const)("%s: or by what its version is known for: %p", async (_name, version, patient) => {
    const [, summary] = await told({ ...hostWith(STARTING, [start(38)]), version });
    expect(summary.includes("tries its login at the Central API for minutes")).toBe(patient);
  });

  test("is not judged by what the start before ended with", async () => {
    const lines = [start(900), fatal(899, ACQUIS), start(38)];
    expect((await told(hostWith(STARTING, lines)))[1]).not.toContain("datasource");
  });
});

describe("two engines", () => {
  const twoOf = (first: ProcessSeen, second: ProcessSeen, service: Partial<ServiceSeen> | undefined = RUNNING) =>
    hostWith(service, [], { engines: [first, second] });

  test("on one configuration: told with both processes, and how to end the one that is not the service's", async () => {
    const { summary, blame, remedy } = await findingOf(check, twoOf(ENGINE, SECOND));
    expect(summary).toBe(
      `2 crowdsec processes (4711, 5000) would each serve the Local API of ${CONFIG}, and only one can`,
    );
    expect(blame?.evidence).toContain("process 5000, since 60 s: crowdsec");
    expect(remedy.map(({ commands }) => commands)).toEqual([
      ["ps -fp 4711,5000", "kill 5000", "systemctl restart crowdsec"],
    ]);
  });

  test("of which the service's is the younger: the other one is to be ended", async () => {
    const young = { ...RUNNING, mainPid: 5000 };
    expect(commandsOf(await findingOf(check, twoOf(ENGINE, SECOND, young)))).toContain("kill 4711");
  });

  test("without a manager: the younger one is named", async () => {
    const { remedy } = await findingOf(check, {
      ...twoOf(ENGINE, SECOND),
      ...hostWith(UNMANAGED, [], { engines: [ENGINE, SECOND] }),
    });
    expect(remedy.map(({ commands }) => commands)).toEqual([["ps -fp 4711,5000", "kill 5000"]]);
  });

  test.each<[string, readonly string[]]>([
    ["-no-api", ["crowdsec", "-no-api"]],
    ["--no-api=true", ["crowdsec", "--no-api=true"]],
    ["a configuration of its own", ["crowdsec", "-c", "/srv/other.yaml"]],
    ["a configuration of its own, with =", ["crowdsec", "-c=/srv/other.yaml"]],
    ["a trial run", ["crowdsec", "-c", CONFIG, "-t", "-error"]],
    ["one log to read", ["crowdsec", "-dsn", "file:///x.log", "-type", "syslog"]],
  ])("of which one has %s are no fault", async (_name, argv) => {
    expect((await told(twoOf(ENGINE, { ...SECOND, argv })))[0]).toBe("pass");
  });

  test.each<[string, readonly string[]]>([
    ["-no-api=false", ["crowdsec", "-no-api=false"]],
    ["-no-cs", ["crowdsec", "-no-cs", "-c", CONFIG]],
  ])("of which one has %s are one", async (_name, argv) => {
    expect((await told(twoOf(ENGINE, { ...SECOND, argv })))[0]).toBe("service-twice");
  });

  test("that are agents alone serve no Local API", async () => {
    const given = hostWith(RUNNING, [], { engines: [ENGINE, SECOND], roles: [from("agent", CONFIG)] });
    expect((await told(given))[0]).toBe("pass");
  });

  test("of which one keeps the service from its port, between two of its starts", async () => {
    const given = hostWith(LOOP, [start(22), fatal(21, PORT)], { engines: [ENGINE] });
    const { summary, fault, remedy } = await findingOf(check, given);
    expect(fault).toMatchObject({ code: "service-twice", message: PORT });
    expect(summary).toBe(
      `two crowdsec processes (4711 and that of the service) would each serve the Local API of ${CONFIG}, and only one can: the service ended with ${PORT}`,
    );
    expect(remedy[0]?.commands).toContain("kill 4711");
  });

  test("of which the service's ended over something else: that is told", async () => {
    expect((await told(hostWith(LOOP, [start(22), fatal(21, ACQUIS)], { engines: [ENGINE] })))[0]).toBe(
      "service-restarting",
    );
  });
});

describe("where no manager knows it", () => {
  const UNKNOWN_UNIT = { known: false } as const;

  test.each<[string, Partial<ServiceSeen> | undefined]>([
    ["there is none", UNMANAGED],
    ["it has no such unit", UNKNOWN_UNIT],
  ])("since %s, a process that runs passes", async (_name, service) => {
    expect(await told(hostWith(service, [], { engines: [ENGINE] }))).toEqual([
      "pass",
      `${check.title}: running for 60 min, process 4711`,
    ]);
  });

  test("one that the service did not start passes, and that is told", async () => {
    expect((await told(hostWith(BY_HAND, [], { engines: [ENGINE] })))[1]).toMatch(
      /process 4711, which crowdsec\.service did not start$/,
    );
  });

  test("one that the service is just stopping is still its own", async () => {
    const stopping = { ...BY_HAND, stateSeconds: 2, mainPid: 4711 };
    expect((await told(hostWith(stopping, [], { engines: [ENGINE] })))[0]).toBe("service-stopped");
  });

  test("no process, and no last words: it does not run", async () => {
    const { fault, summary, blame } = await findingOf(check, hostWith(UNMANAGED));
    expect([fault?.code, summary, blame?.confidence]).toEqual([
      "service-stopped",
      "crowdsec does not run: no process of it is seen",
      "likely",
    ]);
  });

  test("no process, and last words: it crashed", async () => {
    expect((await findingOf(check, hostWith(UNMANAGED, [start(60), fatal(59, PORT)]))).fault).toMatchObject({
      code: "service-crashed",
      message: PORT,
    });
  });

  test("no process, and last words of an old start: it does not run", async () => {
    expect((await told(hostWith(UNMANAGED, [fatal(59, PORT), start(50)])))[0]).toBe("service-stopped");
  });

  test("a trial run is no engine that runs", async () => {
    const trial = { ...SECOND, argv: ["crowdsec", "-t"] };
    expect((await told(hostWith(UNMANAGED, [], { engines: [trial] })))[0]).toBe("service-stopped");
  });

  test("its port is an engine's in a container: it runs there", async () => {
    const owner = { pid: 99, name: "crowdsec", elsewhere: true, container: "crowdsec" };
    const world = { listeners: [listener({ owner })] };
    expect(await told(hostWith(UNMANAGED, [fatal(59, PORT)], {}, world))).toEqual([
      "pass",
      `${check.title}: running in a container (crowdsec), process 99`,
    ]);
  });

  test("its port leads into a container: it has to be asked there", async () => {
    const owner = { pid: 99, name: "docker-proxy", elsewhere: false, container: "172.17.0.2:8080" };
    expect(await findingOf(check, hostWith(UNMANAGED, [], {}, { listeners: [listener({ owner })] }))).toMatchObject({
      status: "unknown",
      reason: "a container's docker-proxy (172.17.0.2:8080) holds its port: run this tool in there",
    });
  });

  test("its port is held by what this host only sees from outside: it has to be asked there", async () => {
    const owner = { pid: 99, name: "nginx", elsewhere: true };
    const finding = await findingOf(check, hostWith(UNMANAGED, [], {}, { listeners: [listener({ owner })] }));
    expect(finding).toMatchObject({
      status: "unknown",
      reason: "a container's nginx holds its port: run this tool in there",
    });
  });

  test("its port is another program's: it does not run", async () => {
    const owner = { pid: 99, name: "nginx", elsewhere: false };
    const world = { listeners: [listener({ owner }), listener({ port: 6060 })] };
    expect((await told(hostWith(UNMANAGED, [], {}, world)))[0]).toBe("service-stopped");
  });

  test.each<[string, string]>([
    ["nobody", "run as root: the processes of others cannot be seen here, and no manager of services knows crowdsec"],
    ["root", "the processes of others cannot be seen here, and no manager of services knows crowdsec"],
  ])("and %s does not see processes, nothing is concluded", async (user, reason) => {
    const given = hostWith(UNMANAGED, [fatal(59, PORT)], { user }, { paths: {} });
    expect(await findingOf(check, given)).toMatchObject({ status: "unknown", reason });
  });

  test.each<[string, Partial<Topology>, string]>([
    ["an agent, which may be in another one", { roles: [from("agent", CONFIG)] }, "unknown"],
    ["a Local API, whose port nobody holds", {}, "service-stopped"],
  ])("in a container, of %s", async (_name, topology, expected) => {
    const system = { services: "container", packages: "none" } as const;
    expect((await told(hostWith(UNMANAGED, [], { ...topology, system })))[0]).toBe(expected);
  });
});

test("nothing is asked but the manager, the log, the journal, and who listens", async () => {
  const all = await Promise.all(
    Object.values(FAULTS).map(async ([, , , given]) => (await runIn([check], given)).asked),
  );
  const kinds = new Set(all.flat().map((question) => question.replace(/ .*/, "")));
  expect([...kinds].sort()).toEqual(["journal", "service", "tail"]);
});

test.each<[string, Partial<Topology>]>([
  ["before an installation", BEFORE_INSTALL],
  ["on a host that only has bouncers", { roles: [from("bouncer", "--role")] }],
])("%s: not applicable", async (_name, topology) => {
  const { findings, asked } = await runIn([check], hostWith(BY_HAND, [], topology));
  expect([findings[0]?.status, asked]).toEqual(["skip", []]);
});
