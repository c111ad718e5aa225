import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { ServiceObservation, ServiceSeen } from "../../src/model/observation.ts";
import { openrcState, parseFreebsd, parseSystemd, probeService } from "../../src/probes/service.ts";
import { type Folder, makeFolder } from "../support/folder.ts";

const folders: Folder[] = [];
afterAll(() => {
  for (const folder of folders) folder.remove();
});

/** In place of `/`: what of it is not written here is not there. */
let root: Folder;
beforeEach(() => {
  root = makeFolder();
  folders.push(root);
});

/** A program in its place, which does this. */
const program = (path: string, script: string): void => {
  chmodSync(root.write(path, `#!/bin/sh\n${script}\n`), 0o755);
};

const ask = (
  name = "crowdsec",
  platform = "linux",
  signal = new AbortController().signal,
): Promise<ServiceObservation> => probeService(name, { platform, signal }, root.path);

/** What systemd 252 printed of an enabled unit that nobody started since the system is up. */
const NEVER = `Restart=always
RestartUSec=1min
MainPID=0
Result=success
NRestarts=0
ExecMainStartTimestampMonotonic=0
ExecMainCode=0
ExecMainStatus=0
LoadState=loaded
ActiveState=inactive
SubState=dead
UnitFileState=enabled
StateChangeTimestampMonotonic=0
InactiveExitTimestampMonotonic=0
ActiveEnterTimestampMonotonic=0
InactiveEnterTimestampMonotonic=0
ConditionResult=no
AssertResult=no
ConditionTimestampMonotonic=0
AssertTimestampMonotonic=0
`;
/** When that was, microseconds. */
const NOW = 36_027_118_978;

const nameOf = (line: string): string => line.slice(0, line.indexOf("="));

/** The same with the lines that systemd 252 printed otherwise of another unit; without a value, a line is not there. */
const recorded = (...lines: readonly string[]): string => {
  const others = new Set(lines.map(nameOf));
  const kept = NEVER.split("\n").filter((line) => !others.has(nameOf(line)));
  return [...lines.filter((line) => !line.endsWith("=-")), ...kept].join("\n");
};

/** A start that came as far as to begin: what stands in all of them. */
const STARTED = [
  "ConditionResult=yes",
  "AssertResult=yes",
  "ConditionTimestampMonotonic=35392173277",
  "AssertTimestampMonotonic=35392173281",
];

/** Of two commands, the first failed, or the second, whose failure is ignored. */
const before = (first: string, second: string): readonly string[] => [
  `ExecStartPre={ path=/bin/bash ; argv[]=/bin/bash -c test ! -e /run/broken; exit 0 ; ignore_errors=no ; start_time=[Mon 2026-11-23 01:11:31 UTC] ; stop_time=[Mon 2026-11-23 01:11:31 UTC] ; pid=744 ; ${first} }`,
  `ExecStartPre={ path=/bin/bash ; argv[]=/bin/bash -c exit 9 ; ignore_errors=yes ; start_time=[Mon 2026-11-23 01:11:31 UTC] ; stop_time=[Mon 2026-11-23 01:11:31 UTC] ; pid=745 ; ${second} }`,
];

type Expected = Partial<Omit<ServiceSeen, "ok" | "elapsedMs" | "manager" | "name">>;

/** What is told of every unit that is enabled, and that systemd knows. */
const ORDINARY = { known: true, enabled: true, masked: false, restarts: 0, restartDelaySeconds: 60 } as const;

test.each<[what: string, output: string, expected: Expected]>([
  [
    "runs",
    recorded(
      ...STARTED,
      "MainPID=135",
      "ExecMainStartTimestampMonotonic=35392188437",
      "ActiveState=active",
      "SubState=running",
      "StateChangeTimestampMonotonic=35392202748",
      "InactiveExitTimestampMonotonic=35392189053",
      "ActiveEnterTimestampMonotonic=35392202748",
    ),
    { ...ORDINARY, state: "running", stateSeconds: 634.916, startedSecondsAgo: 634.931, mainPid: 135 },
  ],
  [
    "runs, and takes up its configuration just now",
    recorded(
      ...STARTED,
      "MainPID=172",
      "ExecMainStartTimestampMonotonic=35392388086",
      "ActiveState=reloading",
      "SubState=reload",
      "StateChangeTimestampMonotonic=35396426495",
      "InactiveExitTimestampMonotonic=35392388251",
      "ActiveEnterTimestampMonotonic=35392396270",
    ),
    { ...ORDINARY, state: "running", stateSeconds: 634.723, startedSecondsAgo: 634.731, mainPid: 172 },
  ],
  [
    "runs, though its unit file is gone",
    recorded(
      ...STARTED,
      "Restart=no",
      "MainPID=139",
      "ExecMainStartTimestampMonotonic=35392206047",
      "LoadState=not-found",
      "ActiveState=active",
      "SubState=running",
      "UnitFileState=",
      "StateChangeTimestampMonotonic=35392206157",
      "ActiveEnterTimestampMonotonic=35392206157",
    ),
    {
      known: true,
      masked: false,
      state: "running",
      stateSeconds: 634.913,
      startedSecondsAgo: 634.913,
      restarts: 0,
      mainPid: 139,
    },
  ],
  ["was never started", NEVER, { ...ORDINARY, state: "stopped" }],
  [
    "was never started, and is not to be",
    recorded("UnitFileState=disabled"),
    { ...ORDINARY, enabled: false, state: "stopped" },
  ],
  [
    // After `systemctl daemon-reload`, systemd 252 gives a time to a state that never changed.
    "was never started, and systemd read its unit file again",
    recorded("StateChangeTimestampMonotonic=36023800181"),
    { ...ORDINARY, state: "stopped" },
  ],
  [
    "was not started, as a condition was not met",
    recorded("ConditionTimestampMonotonic=35510326991"),
    { ...ORDINARY, state: "stopped", unmet: true },
  ],
  [
    "was not started, as an assertion was not met",
    recorded("ConditionResult=yes", "ConditionTimestampMonotonic=36023832813", "AssertTimestampMonotonic=36023832816"),
    { ...ORDINARY, state: "stopped", unmet: true },
  ],
  [
    "was not started, as a command of ExecCondition= said no",
    recorded(
      ...STARTED,
      "Result=exec-condition",
      "StateChangeTimestampMonotonic=36023836402",
      "InactiveExitTimestampMonotonic=36023834992",
      "InactiveEnterTimestampMonotonic=36023836402",
    ),
    { ...ORDINARY, state: "stopped", stateSeconds: 3.283, result: "exec-condition", unmet: true },
  ],
  [
    "has not said yet that it is ready (Type=notify)",
    recorded(
      ...STARTED,
      "MainPID=142",
      "ExecMainStartTimestampMonotonic=35392226177",
      "ActiveState=activating",
      "SubState=start",
      "StateChangeTimestampMonotonic=35392226247",
      "InactiveExitTimestampMonotonic=35392226247",
    ),
    { ...ORDINARY, state: "starting", stateSeconds: 634.893, startedSecondsAgo: 634.893, mainPid: 142 },
  ],
  [
    "tries its configuration before it starts (ExecStartPre=)",
    recorded(
      ...STARTED,
      "ExecStartPre={ path=/bin/sleep ; argv[]=/bin/sleep 100000 ; ignore_errors=no ; start_time=[Mon 2026-11-23 01:09:32 UTC] ; stop_time=[n/a] ; pid=143 ; code=(null) ; status=0/0 }",
      "ActiveState=activating",
      "SubState=start-pre",
      "StateChangeTimestampMonotonic=35392235803",
      "InactiveExitTimestampMonotonic=35392235803",
    ),
    { ...ORDINARY, state: "starting", stateSeconds: 634.883 },
  ],
  [
    "ended with an error and waits",
    recorded(
      ...STARTED,
      "Result=exit-code",
      "NRestarts=10",
      "ExecMainStartTimestampMonotonic=35994490022",
      "ExecMainCode=1",
      "ExecMainStatus=1",
      "ActiveState=activating",
      "SubState=auto-restart",
      "StateChangeTimestampMonotonic=35994500134",
      "InactiveExitTimestampMonotonic=35994500134",
      "ActiveEnterTimestampMonotonic=35994490082",
      "InactiveEnterTimestampMonotonic=35994496758",
    ),
    {
      ...ORDINARY,
      state: "restarting",
      stateSeconds: 32.619,
      startedSecondsAgo: 32.629,
      restarts: 10,
      result: "exit-code",
      exitStatus: 1,
    },
  ],
  [
    "ended without an error and waits",
    recorded(
      ...STARTED,
      "RestartUSec=2min 30s",
      "NRestarts=4",
      "ExecMainStartTimestampMonotonic=35993249894",
      "ExecMainCode=1",
      "ActiveState=activating",
      "SubState=auto-restart",
      "StateChangeTimestampMonotonic=35993254487",
      "InactiveEnterTimestampMonotonic=35993254361",
    ),
    {
      ...ORDINARY,
      state: "restarting",
      stateSeconds: 33.864,
      startedSecondsAgo: 33.869,
      restarts: 4,
      restartDelaySeconds: 150,
      result: "success",
      exitStatus: 0,
    },
  ],
  [
    "was refused by the trial before its start, and waits",
    recorded(
      ...STARTED,
      ...before("code=exited ; status=1", "code=(null) ; status=0/0"),
      "Result=exit-code",
      "NRestarts=5",
      "ActiveState=activating",
      "SubState=auto-restart",
      "StateChangeTimestampMonotonic=35972245342",
      "InactiveExitTimestampMonotonic=35972245342",
      "InactiveEnterTimestampMonotonic=35972245190",
    ),
    {
      ...ORDINARY,
      state: "restarting",
      stateSeconds: 54.874,
      restarts: 5,
      result: "exit-code",
      exitStatus: 1,
    },
  ],
  [
    "runs after a command before its start failed that may fail",
    recorded(
      ...STARTED,
      ...before("code=exited ; status=0", "code=exited ; status=9"),
      "MainPID=746",
      "ExecMainStartTimestampMonotonic=35510399630",
      "ActiveState=active",
      "SubState=running",
      "ActiveEnterTimestampMonotonic=35510407172",
    ),
    { ...ORDINARY, state: "running", stateSeconds: 516.712, startedSecondsAgo: 516.719, mainPid: 746 },
  ],
  [
    // The first failure stays the result; that it was started too often since is seen in that it is not started again.
    "ended so often that systemd gave up",
    recorded(
      ...STARTED,
      "Restart=on-failure",
      "RestartUSec=100ms",
      "Result=exit-code",
      "NRestarts=5",
      "ExecMainStartTimestampMonotonic=36024744268",
      "ExecMainCode=1",
      "ExecMainStatus=1",
      "ActiveState=failed",
      "SubState=failed",
      "StateChangeTimestampMonotonic=36024977576",
      "InactiveExitTimestampMonotonic=36024747142",
      "ActiveEnterTimestampMonotonic=36024744392",
      "InactiveEnterTimestampMonotonic=36024977394",
    ),
    {
      ...ORDINARY,
      state: "failed",
      stateSeconds: 2.142,
      startedSecondsAgo: 2.375,
      restarts: 5,
      restartDelaySeconds: 0.1,
      result: "exit-code",
      exitStatus: 1,
    },
  ],
  [
    "was started by hand more often than it may",
    recorded(
      ...STARTED,
      "Restart=no",
      "Result=start-limit-hit",
      "ExecMainStartTimestampMonotonic=35671357049",
      "ExecMainCode=2",
      "ExecMainStatus=15",
      "ActiveState=failed",
      "SubState=failed",
      "StateChangeTimestampMonotonic=35671374281",
      "InactiveExitTimestampMonotonic=35671357293",
      "InactiveEnterTimestampMonotonic=35671366957",
    ),
    {
      known: true,
      enabled: true,
      masked: false,
      restarts: 0,
      state: "failed",
      stateSeconds: 355.752,
      startedSecondsAgo: 355.762,
      result: "start-limit-hit",
      exitStatus: 143,
    },
  ],
  ...(
    [
      ["an error of its own", "exit-code", 1, 3, 3],
      ["a crash", "signal", 2, 11, 139],
      ["a crash whose memory was kept", "core-dump", 3, 11, 139],
      ["the kernel, for want of memory", "oom-kill", 2, 9, 137],
      ["systemd, as it did not get ready", "timeout", 2, 15, 143],
      ["systemd, as it gave no sign of life", "watchdog", 2, 6, 134],
    ] as const
  ).map(([what, result, code, status, exitStatus]): [string, string, Expected] => [
    `was ended by ${what}`,
    recorded(
      ...STARTED,
      "Restart=no",
      `Result=${result}`,
      "ExecMainStartTimestampMonotonic=35392290432",
      `ExecMainCode=${code}`,
      `ExecMainStatus=${status}`,
      "ActiveState=failed",
      "SubState=failed",
      "StateChangeTimestampMonotonic=35392293515",
      "InactiveExitTimestampMonotonic=35392290676",
      "ActiveEnterTimestampMonotonic=35392290676",
      "InactiveEnterTimestampMonotonic=35392293515",
    ),
    {
      known: true,
      enabled: true,
      masked: false,
      restarts: 0,
      state: "failed",
      stateSeconds: 634.825,
      startedSecondsAgo: 634.829,
      result,
      exitStatus,
    },
  ]),
  [
    "was stopped by hand",
    recorded(
      ...STARTED,
      "ExecMainStartTimestampMonotonic=36023849452",
      "ExecMainCode=2",
      "ExecMainStatus=15",
      "StateChangeTimestampMonotonic=36026870453",
      "InactiveExitTimestampMonotonic=36023849717",
      "ActiveEnterTimestampMonotonic=36023849717",
      "InactiveEnterTimestampMonotonic=36026870453",
    ),
    {
      ...ORDINARY,
      state: "stopped",
      stateSeconds: 0.249,
      startedSecondsAgo: 3.27,
      result: "success",
      exitStatus: 143,
    },
  ],
  [
    "is being stopped by hand",
    recorded(
      ...STARTED,
      "MainPID=169",
      "ExecMainStartTimestampMonotonic=35392375443",
      "ActiveState=deactivating",
      "SubState=stop",
      "StateChangeTimestampMonotonic=35396442657",
      "InactiveExitTimestampMonotonic=35392375702",
      "ActiveEnterTimestampMonotonic=35392375702",
    ),
    { ...ORDINARY, state: "stopped", stateSeconds: 630.676, startedSecondsAgo: 634.744, mainPid: 169 },
  ],
  [
    "is masked",
    recorded("LoadState=masked", "UnitFileState=masked", "Restart=no"),
    { known: true, enabled: false, masked: true, restarts: 0, state: "stopped" },
  ],
  [
    "is there in a form that systemd does not understand",
    recorded("LoadState=bad-setting"),
    { ...ORDINARY, state: "failed", result: "bad-setting" },
  ],
  [
    "is not there",
    recorded("LoadState=not-found", "UnitFileState=", "Restart=no"),
    { known: false, masked: false, restarts: 0, state: "stopped" },
  ],
])("a service that %s (recorded from systemd 252)", (_what, output, expected) => {
  expect(parseSystemd("crowdsec.service", output, NOW)).toEqual({
    ok: true,
    manager: "systemd",
    name: "crowdsec.service",
    ...expected,
  });
});

/** From systemd's source, src/basic/unit-def.c: nobody recorded these. */
test.each([
  ["activating", "condition", "success", "starting"],
  ["activating", "start-post", "success", "starting"],
  ["activating", "auto-restart-queued", "exit-code", "restarting"],
  ["failed", "failed-before-auto-restart", "exit-code", "restarting"],
  ["inactive", "dead-before-auto-restart", "success", "restarting"],
  ["inactive", "dead-resources-pinned", "success", "stopped"],
  ["active", "exited", "success", "running"],
  ["reloading", "reload-notify", "success", "running"],
  ["refreshing", "refresh", "success", "running"],
  ["deactivating", "stop-sigterm", "timeout", "restarting"],
  ["deactivating", "final-sigterm", "exit-code", "restarting"],
  ["deactivating", "stop-post", "success", "stopped"],
  ["maintenance", "cleaning", "success", "stopped"],
])("systemd's %s (%s, %s) is %s", (active, sub, result, state) => {
  const output = recorded(`ActiveState=${active}`, `SubState=${sub}`, `Result=${result}`);
  expect(parseSystemd("crowdsec.service", output, NOW)?.state).toBe(state);
});

test.each([
  ["0", 0],
  ["100ms", 0.1],
  ["1.500s", 1.5],
  ["1min", 60],
  ["2min 30s", 150],
  ["1h 1min 1s 1ms 1us", 3661.001001],
  ["1d", 86_400],
  ["infinity", undefined],
  ["-", undefined],
])("a service that waits %s before it is started again", (span, seconds) => {
  const saw = parseSystemd("crowdsec.service", recorded(`RestartUSec=${span}`), NOW);
  expect(saw?.restartDelaySeconds).toBe(seconds);
});

test("where the wait grows with each restart (systemd 254), the next one is told", () => {
  const saw = parseSystemd("crowdsec.service", recorded("RestartUSec=1s", "RestartUSecNext=1min 4s"), NOW);
  expect(saw?.restartDelaySeconds).toBe(64);
});

test("systemd 219 counts no restarts and knows no change of state, and the rest is told", () => {
  const output = recorded(
    "NRestarts=-",
    "StateChangeTimestampMonotonic=-",
    "ActiveState=activating",
    "SubState=auto-restart",
    "Result=exit-code",
    "ExecMainCode=1",
    "ExecMainStatus=1",
    "InactiveExitTimestampMonotonic=35994500134",
  );
  expect(parseSystemd("crowdsec.service", output, NOW)).toEqual({
    ok: true,
    manager: "systemd",
    name: "crowdsec.service",
    known: true,
    enabled: true,
    masked: false,
    state: "restarting",
    stateSeconds: 32.619,
    restartDelaySeconds: 60,
    result: "exit-code",
    exitStatus: 1,
  });
});

test.each([
  ["enabled", true],
  ["disabled", false],
  ["linked", false],
  // In /run: gone with the next start of the system.
  ["enabled-runtime", false],
  ["masked-runtime", false],
  ["static", undefined],
  ["generated", undefined],
  ["", undefined],
])("a unit file that is %j", (state, enabled) => {
  const saw = parseSystemd("crowdsec.service", recorded(`UnitFileState=${state}`), NOW);
  expect(saw?.enabled).toBe(enabled);
  expect(saw?.masked).toBe(state.startsWith("masked"));
});

test("a time that is not over yet makes nobody younger than nothing", () => {
  const output = recorded("ActiveState=active", "SubState=running", `ActiveEnterTimestampMonotonic=${NOW + 5_000_000}`);
  expect(parseSystemd("crowdsec.service", output, NOW)?.stateSeconds).toBe(0);
});

test.each(["", "System has not been booted with systemd as init system (PID 1). Can't operate.\n"])(
  "what is no answer (%j) says nothing of a service",
  (output) => {
    expect(parseSystemd("crowdsec.service", output, NOW)).toBeUndefined();
  },
);

describe("where systemd manages the services", () => {
  beforeEach(() => {
    mkdirSync(join(root.path, "run/systemd/system"), { recursive: true });
  });

  test("it is asked for the service's properties, in English", async () => {
    program("usr/bin/systemctl", `echo "$LC_ALL $*" > ${root.path}/asked; cat <<'END'\n${NEVER}END`);
    expect(await ask()).toEqual({
      ok: true,
      elapsedMs: expect.any(Number),
      manager: "systemd",
      name: "crowdsec.service",
      ...ORDINARY,
      state: "stopped",
    });
    expect(readFileSync(join(root.path, "asked"), "utf8")).toMatch(
      /^C show -p LoadState,ActiveState,[A-Za-z,]+ -- crowdsec\.service\n$/,
    );
  });

  test("times are those of its own clock, which no one sets", async () => {
    // Seconds and centiseconds of the same clock, as long as the machine did not sleep.
    program(
      "usr/bin/systemctl",
      "up=$(cut -d. -f1 /proc/uptime); echo ActiveState=active; echo ActiveEnterTimestampMonotonic=$(((up - 60) * 1000000))",
    );
    const saw = await ask();
    const age = saw.ok ? (saw.stateSeconds ?? 0) : 0;
    expect(age).toBeGreaterThan(55);
    expect(age).toBeLessThan(90);
  });

  test("that of a system whose /bin is no link is found", async () => {
    program("bin/systemctl", `cat <<'END'\n${NEVER}END`);
    expect(await ask()).toMatchObject({ ok: true, manager: "systemd" });
  });

  test("one that is there and does not answer is not taken for a service that stands still", async () => {
    program("usr/bin/systemctl", "echo 'Failed to connect to bus: Host is down' >&2; exit 1");
    expect(await ask()).toMatchObject({
      ok: false,
      phase: "host",
      code: "command-error",
      message: "Failed to connect to bus: Host is down",
    });
  });

  test.each([
    ["fails and says nothing", "exit 4", "it ended with 4 and said nothing"],
    ["ends well and says nothing", "exit 0", "it ended with 0 and said nothing"],
  ])("a systemctl that %s", async (_what, script, message) => {
    program("usr/bin/systemctl", script);
    expect(await ask()).toMatchObject({ ok: false, code: "command-error", message });
  });

  test("a systemctl that never ends is given up after two seconds", async () => {
    program("usr/bin/systemctl", "sleep 30");
    const saw = await ask();
    expect(saw).toMatchObject({ ok: false, code: "command-timeout" });
    expect(saw.elapsedMs).toBeLessThan(12_000);
  });

  test("without systemctl nobody can be asked", async () => {
    expect(await ask()).toMatchObject({ ok: false, code: "command-missing", errno: "ENOENT" });
  });

  test("the end of the run ends the question", async () => {
    program("usr/bin/systemctl", "sleep 30");
    expect(await ask("crowdsec", "linux", AbortSignal.abort())).toMatchObject({ ok: false, errno: "ABORT_ERR" });
  });

  const notBooted = existsSync("/usr/bin/systemctl") && !existsSync("/run/systemd/system") ? test : test.skip;

  notBooted("the real systemctl, on a system that systemd did not start, is an error", async () => {
    mkdirSync(join(root.path, "usr/bin"), { recursive: true });
    symlinkSync("/usr/bin/systemctl", join(root.path, "usr/bin/systemctl"));
    expect(await ask()).toMatchObject({
      ok: false,
      code: "command-error",
      message: expect.stringContaining("systemd"),
    });
  });
});

test.each([
  [0, false, "running"],
  [3, false, "stopped"],
  [3, true, "failed"],
  [4, false, "stopped"],
  [8, false, "starting"],
  [16, false, "starting"],
  [32, false, "failed"],
  [64, false, "failed"],
  [1, false, undefined],
])("OpenRC's status %i (last start failed: %s) is %s", (exitCode, failedBefore, state) => {
  expect(openrcState(exitCode, failedBefore)).toBe(state);
});

describe("where OpenRC manages the services", () => {
  beforeEach(() => {
    mkdirSync(join(root.path, "run/openrc/failed"), { recursive: true });
    mkdirSync(join(root.path, "etc/runlevels/default"), { recursive: true });
    root.write("etc/init.d/crowdsec", "");
  });
  /** As much of rc-service as is used, for a service that is in this state. */
  const rcService = (exitCode: number): void =>
    program(
      "sbin/rc-service",
      `[ "$1" = --exists ] && { [ -e ${root.path}/etc/init.d/"$2" ]; exit; }
       [ "$*" = "-- $2 status" ] || exit 99
       [ -e ${root.path}/etc/init.d/"$2" ] || exit 1
       exit ${exitCode}`,
    );
  const enable = (): void => symlinkSync("../../init.d/crowdsec", join(root.path, "etc/runlevels/default/crowdsec"));

  test("a service that runs and is started with the system", async () => {
    rcService(0);
    enable();
    expect(await ask()).toEqual({
      ok: true,
      elapsedMs: expect.any(Number),
      manager: "openrc",
      name: "crowdsec",
      known: true,
      enabled: true,
      state: "running",
    });
  });

  test("one that is in no runlevel is not started with the system", async () => {
    rcService(3);
    expect(await ask()).toMatchObject({ ok: true, known: true, enabled: false, state: "stopped" });
  });

  test("one whose last start failed is not taken for one that somebody stopped", async () => {
    rcService(3);
    symlinkSync("../../../etc/init.d/crowdsec", join(root.path, "run/openrc/failed/crowdsec"));
    expect(await ask()).toMatchObject({ ok: true, state: "failed" });
  });

  test("one that crashed", async () => {
    rcService(32);
    expect(await ask()).toMatchObject({ ok: true, state: "failed" });
  });

  test("one that is not installed", async () => {
    rcService(0);
    expect(await ask("crowdsec-firewall-bouncer")).toMatchObject({ ok: true, known: false, state: "stopped" });
  });

  test("a script that ends with what no state has is an error", async () => {
    program("sbin/rc-service", '[ "$1" = --exists ] && exit 0; echo "crowdsec: unknown function" >&2; exit 1');
    expect(await ask()).toMatchObject({ ok: false, code: "command-error", message: "crowdsec: unknown function" });
  });

  test("without rc-service nobody can be asked", async () => {
    expect(await ask()).toMatchObject({ ok: false, code: "command-missing" });
  });
});

test.each([
  [0, "crowdsec is running as pid 4711.\n", 0, "YES\n", { state: "running", enabled: true, mainPid: 4711 }],
  [0, "crowdsec is running as pid 4711 4712.\n", 0, "YES\n", { state: "running", enabled: true, mainPid: 4711 }],
  [1, "crowdsec is not running.\n", 0, "NO\n", { state: "stopped", enabled: false }],
  [1, "crowdsec is not running.\n", 0, "on\n", { state: "stopped", enabled: true }],
  [
    1,
    "crowdsec is not running.\n",
    1,
    "sysrc: unknown variable 'crowdsec_enable'\n",
    { state: "stopped", enabled: false },
  ],
])("FreeBSD's status %i %j with enable %i %j", (status, said, enable, value, expected) => {
  const seen = parseFreebsd({ exitCode: status, output: said }, { exitCode: enable, output: value });
  expect(seen).toEqual(expected);
});

describe("where FreeBSD's rc manages the services", () => {
  beforeEach(() => {
    root.write("etc/rc.subr", "");
    root.write("usr/local/etc/rc.d/crowdsec_firewall", "");
  });

  test("a service of a package is asked for without regard to whether it is enabled", async () => {
    program("usr/sbin/service", '[ "$*" = "crowdsec_firewall onestatus" ] || exit 9; echo "x is running as pid 7."');
    program("usr/sbin/sysrc", '[ "$*" = "-n crowdsec_firewall_enable" ] || exit 9; echo YES');
    expect(await ask("crowdsec_firewall", "freebsd")).toEqual({
      ok: true,
      elapsedMs: expect.any(Number),
      manager: "freebsd",
      name: "crowdsec_firewall",
      known: true,
      enabled: true,
      state: "running",
      mainPid: 7,
    });
  });

  test("without sysrc it is not known whether it is started with the system", async () => {
    program("usr/sbin/service", "exit 1");
    const saw = await ask("crowdsec_firewall", "freebsd");
    expect(saw).toMatchObject({ ok: true, state: "stopped" });
    expect(saw).not.toHaveProperty("enabled");
  });

  test("one that is not installed", async () => {
    expect(await ask("crowdsec", "freebsd")).toMatchObject({ ok: true, known: false, state: "stopped" });
  });

  test("without service(8) nobody can be asked", async () => {
    expect(await ask("crowdsec_firewall", "freebsd")).toMatchObject({ ok: false, code: "command-missing" });
  });

  test("its files on another system are no reason to ask", async () => {
    expect(await ask("crowdsec_firewall")).toMatchObject({ ok: false, code: "command-missing" });
  });
});

test.each(["linux", "freebsd", "darwin"])("where nobody manages the services (%s), that is said", async (platform) => {
  expect(await ask("crowdsec", platform)).toEqual({
    ok: false,
    phase: "host",
    code: "command-missing",
    message: "no manager of services is known here",
    elapsedMs: expect.any(Number),
  });
});
