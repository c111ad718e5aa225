import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { catalogue } from "../checks/index.ts";
import type { Report } from "../src/model/report.ts";
import { closedPort, type Mute, muteServer, type Ran, runProgram, startProgram } from "./support/command-line.ts";
import { asReport } from "./support/schema.ts";

/** Each test starts Node anew, several at once: a busy machine takes its time. */
jest.setTimeout(90_000);

const folder = mkdtempSync(join(tmpdir(), "crowdsec-preflight-cli-"));
const configured = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const GOOD = configured("good.yaml", "crowdsec_service: {}\n");
const BROKEN = configured("broken.yaml", "a: 1\na: 2\n");
const EMPTY = configured("empty.targets", "# none yet\n");
const WRONG = configured("wrong.targets", "# ours\nweb:6060\nweb\n");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The one document on stdout, with nothing beside it. */
const reportOf = ({ stdout, stderr, code }: Ran): Report => {
  expect(stderr).toBe("");
  const report = asReport(stdout);
  expect(code).toBe(report.summary.exitCode);
  expect(new Set(report.findings.map(({ id }) => id))).toEqual(new Set(catalogue.map(({ id }) => id)));
  return report;
};

const judged = (report: Report): readonly (readonly [string, string])[] =>
  report.findings.filter(({ reason }) => reason !== "not selected").map(({ id, status }) => [id, status] as const);

test.each([[["-o", "nagios"]], [["--output=nagios"]], [["-onagios"]]])(
  "bad usage beside %p is told on stdout too, where Nagios looks",
  async (flags) => {
    const { code, stdout, stderr } = await runProgram([...flags, "--only", "nothing"]);
    expect([code, stdout]).toEqual([3, stderr.replace("crowdsec-preflight:", "CROWDSEC UNKNOWN:")]);
  },
);

describe("bad usage is one line on stderr, nothing on stdout, and exit code 3", () => {
  test.concurrent.each<[string[], string]>([
    [["--bogus"], "bogus"],
    [["bogus"], "bogus"],
    [["check", "more"], "more"],
    [["list", "more"], "more"],
    [["list", "--only", "lapi"], "only"],
    [["--role", "king"], "--role"],
    [["-o", "xml"], "--output"],
    [["--phase", "later"], "--phase"],
    [["--fail-on", "always"], "--fail-on"],
    [["--only", "nothing"], "--only nothing"],
    [["--skip", "nothing"], "--skip nothing"],
    [["--only", "lapi-tls", "--skip", "lapi"], "leave no check"],
    [["--lapi-url", "nonsense"], "--lapi-url"],
    [["--lapi-url", "http://h:0/"], "port 0"],
    [["--lapi-url", "http://h:65536/"], "--lapi-url"],
    [["--lapi-url", "http://me:hunter2@h:8080/"], "--lapi-url"],
    [["--timeout", "5"], "--timeout"],
    [["--deadline", "0s"], "--deadline"],
    [["--deadline", "-1s"], "--deadline"],
    [["--concurrency", "0"], "--concurrency"],
    [["--config", ""], "--config"],
    [["--phase", "run", "--phase", "run"], "--phase"],
    [["-o", "json", "--output", "json"], "more than once"],
    [["--timeout", "1s", "--timeout", "2s"], "--timeout"],
    [["--lapi-url", "http://a/", "--lapi-url", "http://b/"], "--lapi-url"],
    [["-4", "-6"], "-4 and -6"],
    [["-q", "-v"], "--quiet and --verbose"],
    [["--role"], "role"],
    [["--timeout"], "timeout"],
    [["--lapi-url", "--only", "lapi"], "lapi-url"],
    [["-o"], "o"],
    [["--target", "web"], '--target: "web" is no target'],
    [["--target", "me:hunter2@web:6060"], "--target"],
    [["--target", "web:6060", "--target", "web:0"], "web:0"],
    [["--targets", join(folder, "nowhere")], "nowhere cannot be read"],
    [["--targets", folder], "cannot be read"],
    [["--targets", EMPTY], `${EMPTY} holds no target`],
    [["--targets", WRONG], `${WRONG}:3: "web" is no target`],
    [["--targets", EMPTY, "--targets", EMPTY], "--targets"],
    [["--targets"], "targets"],
    [["--target"], "target"],
    [["--no-targets"], "--no-targets"],
    [["explain"], "explain wants the id of a check"],
    [["explain", "nothing"], '"nothing"'],
    [["explain", "toString"], '"toString"'],
    [["explain", "lapi-reachble\u001b[1m"], "lapi-reachble [1m"],
    [["explain", "tcp-timout"], "did you mean tcp-timeout"],
    [["--ticket", "-o", "json"], "--ticket and --output json"],
    [["--ticket", "-q"], "--quiet"],
    [["--ticket", "-v"], "--verbose"],
    [["--wait", "0s"], "--wait"],
    [["--cron", "--state", "/x/s", "--report", "json=/x/s.lock"], "is where --cron remembers"],
    [["--report", "json"], "--report wants a format and a file"],
    [["--report", "json=a", "--report", "short=./a"], "--report names ./a more than once"],
    [["--cron", "-o", "json"], "--cron and --output exclude each other"],
    [["--cron", "--wait", "1m"], "--cron and --wait"],
    [["--cron", "--allow-writes"], "--cron and --allow-writes"],
    [["--cron", "-q"], "--cron and --quiet"],
    [["--cron", "--state", ""], "--state wants a file's name"],
    [["--cron", "--confirm", "4/3"], "--confirm"],
    [["--cron", "--splay", "soon"], "--splay"],
    [["--state", "x"], "--state belongs to --cron"],
    [["--splay", "1s"], "--splay belongs to --cron"],
    [["--remind", "1d"], "--remind belongs to --cron"],
    [["--confirm", "1/1"], "--confirm belongs to --cron"],
    [["--ping-url", "ftp://me:hunter2@h/x"], "--ping-url holds no ping URL: it begins with neither http"],
    [["--from", "x.zip", "--cron"], "--from and --cron"],
    [["init"], "init wants one of cron, systemd, nagios, prometheus"],
    [["init", "windows"], "init"],
    [["--wait"], "wait"],
    [["--peer", "10.0.0.5:8080"], "CROWDSEC_PREFLIGHT_TOKEN"],
    [["--peer", "10.0.0.5", "--token", "hunter2-hunter2-hunter2"], "without a port"],
    [["--peer", "10.0.0.5:8080", "--token", "hunter2"], "fewer than 16 characters"],
    [["--peer", "10.0.0.5:8080", "--token-file", join(folder, "nowhere")], "nowhere cannot be read"],
    [["--token", "hunter2-hunter2-hunter2"], "--peer HOST:PORT names it"],
    [["--idle", "3m"], "--idle wants at most 120s"],
    [["--idle", "later"], "--idle"],
    [["listen", "--port", "0"], "--port"],
    [["listen", "--port", "http"], "--port"],
    [["listen", "--address", "lapi.example"], "--address"],
    [["listen", "--ttl", "2d"], "--ttl"],
    [["listen", "--cert", "x.pem"], "--cert and --key"],
    [["listen", "--tls", "--cert", "x.pem", "--key", "y.pem"], "--tls"],
    [["listen", "--cert", join(folder, "nowhere"), "--key", join(folder, "nowhere")], "nowhere"],
    [["listen", "--expect", "a,,b"], "--expect"],
    [["listen", "--token", "hunter2"], "fewer than 16 characters"],
    [["listen", "-o", "xml"], "--output"],
    [["listen", "--ttl", "1s", "--ttl", "2s"], "--ttl"],
    [["diff", "a.zip"], "2 file names are wanted here, not 1. See crowdsec-preflight diff --help."],
    [["merge"], "A file name is wanted here"],
    [["clean"], "A file name is wanted here"],
    [["clean", join(folder, "nowhere")], "nowhere: there is no such file"],
    [["bundle", "-f", "--anonymize"], "-f wants a value. See crowdsec-preflight bundle --help."],
    [["check", "a.zip"], "to judge a bundle: check --from FILE"],
    [["diff", "a.zip", "b.zip", "-o", "markdown"], '--output knows no "markdown"'],
  ])("%p", async (args, said) => {
    const { code, stdout, stderr } = await runProgram(args);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toMatch(/^crowdsec-preflight: [^\n]+\n$/);
    expect(stderr).toContain(said);
    expect(stderr).not.toMatch(/internal error|hunter2|\n\s+at /);
  });
});

describe("what needs no run", () => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8"));

  test.concurrent.each<[string[], RegExp]>([
    [["--help"], /--lapi-url[\s\S]*Exit codes: 0 nothing failed/],
    [["firewall", "--help"], /--metrics-from[\s\S]*Exit codes: 0 printed/],
    [["listen", "--help"], /--ttl[\s\S]*Exit codes: 0 done/],
    [["bundle", "--help"], /--anonymize[\s\S]*Exit codes: 0 written/],
    [["clean", "--help"], /--file[\s\S]*Exit codes: 0 written/],
    [["diff", "--help"], /<before> <after>[\s\S]*Exit codes: 0 nothing got worse/],
    [["merge", "--help"], /<reports\.\.>[\s\S]*Exit codes: as the worst report/],
    [["-h"], /--lapi-url/],
    [["check", "--help"], /--lapi-url[\s\S]*Exit codes: 0 nothing failed/],
    [["explain", "--help"], /explain/],
    [["--version"], new RegExp(`^${version.replaceAll(".", "\\.")}\\n$`)],
    [["list"], /^config-files: [\s\S]*outgoing-packages: /],
    [["explain", "lapi-identity"], /^lapi-identity: It is CrowdSec's Local API that answers\n/],
    [["--help"], /--targets[\s\S]*--target[\s\S]*--allow-writes/],
    [["explain", "metrics-target"], /^metrics-target: /],
    [["explain", "dns-timeout"], /^In [\s\S]*\nIn peer, lapi-reachable, [\s\S]*\nIn outgoing-\*:\n/],
    [["explain", "lapi-tcp-refused@127.0.0.1:8080"], /^In lapi-reachable, .*:\n {2}tcp-refused /],
    [["--help"], /--ticket/],
  ])("%p is on stdout, and exit code 0", async (args, expected) => {
    const { code, stdout, stderr } = await runProgram(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(expected);
  });
});

describe("a run", () => {
  const JSON_OF = ["-o", "json", "--only"];

  test("that passes exits with 0", async () => {
    const report = reportOf(await runProgram([...JSON_OF, "config-files", "--config", GOOD]));
    expect([report.summary.exitCode, judged(report)]).toEqual([0, [["config-files", "pass"]]]);
  });

  test("that fails exits with 2, and tells the line", async () => {
    const report = reportOf(await runProgram([...JSON_OF, "config-files", "--config", BROKEN]));
    expect(report.summary.exitCode).toBe(2);
    expect(report.causes[0]?.summary).toContain(`${BROKEN}:2`);
  });

  test("that judged nothing exits with 3", async () => {
    const args = [...JSON_OF, "agent-config", "--role", "bouncer", "--config", GOOD];
    const report = reportOf(await runProgram(args));
    expect([report.summary.exitCode, report.summary.verdict, report.run.roles]).toEqual([3, "unknown", ["bouncer"]]);
  });

  test.each([
    ["fail", 0],
    ["warn", 1],
  ])("that only warns exits, with --fail-on %s, with %d", async (failOn, exitCode) => {
    const port = await closedPort();
    const config = configured(`metrics-${failOn}.yaml`, `prometheus:\n  enabled: true\n  listen_port: ${port}\n`);
    const only = ["metrics", "--skip", "metrics-target"];
    const report = reportOf(
      await runProgram([...JSON_OF, ...only, "--role", "agent", "--config", config, "--fail-on", failOn]),
    );
    expect([judged(report), report.summary.exitCode]).toEqual([[["metrics", "warn"]], exitCode]);
  });

  test("against a closed port names the cause and what follows from it", async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    const args = [...JSON_OF, "lapi-*", "--role", "agent", "--config", GOOD, "--lapi-url", url];
    const report = reportOf(await runProgram(args));
    expect(judged(report)).toEqual([
      ["lapi-reachable", "fail"],
      ["lapi-tls", "skip"],
      ["lapi-identity", "skip"],
      ["lapi-database", "skip"],
      ["lapi-latency", "skip"],
    ]);
    expect(report.findings.find(({ id }) => id === "lapi-reachable")?.target).toMatchObject({
      url: `${url}/`,
      origin: "--lapi-url",
    });
    expect(report.causes).toMatchObject([
      {
        id: expect.stringMatching(/^lapi-tcp-refused@127\.0\.0\.1:\d+$/),
        explains: expect.arrayContaining(["lapi-reachable@agent", "lapi-identity@agent"]),
      },
    ]);
  });

  test("of --target and --targets asks each once, and says of which nothing answers", async () => {
    const port = await closedPort();
    const file = configured("two.targets", `127.0.0.1:${port} # here\nhttp://127.0.0.1:${port}/metrics\n`);
    const args = [...JSON_OF, "metrics-target", "--role", "prometheus", "--config", GOOD, "--targets", file];
    const report = reportOf(await runProgram([...args, "--target", `http://127.0.0.1:${port}/other`]));
    const asked = report.findings.filter(({ id }) => id === "metrics-target");
    expect(asked.map(({ instance, status, fault }) => [instance, status, fault?.code])).toEqual(
      ["/other", ""].map((path) => [`metrics-target@127.0.0.1:${port}${path}`, "fail", "tcp-refused"]),
    );
    expect(asked.map(({ target }) => target?.origin)).toEqual(["--target", `${file}:2`]);
    expect(report.causes.map(({ explains }) => explains.length)).toEqual([2]);
    expect(report.run.roles).toEqual(["prometheus"]);
  });

  test("asks what changes a row only with --allow-writes", async () => {
    const credentials = configured("me.yaml", "url: http://127.0.0.1:1/\nlogin: me\npassword: hunter2\n");
    const config = configured(
      "client.yaml",
      `crowdsec_service: {a: 1}\napi:\n  client:\n    credentials_path: ${credentials}\n`,
    );
    const args = [...JSON_OF, "machine-login", "--role", "agent", "--config", config];
    const login = async (...more: readonly string[]) => {
      const ran = await runProgram([...args, ...more]);
      expect(ran.stdout).not.toContain("hunter2");
      return reportOf(ran).findings.find(({ id }) => id === "machine-login");
    };
    expect(await login()).toMatchObject({ status: "skip", reason: expect.stringContaining("--allow-writes") });
    expect((await login("--allow-writes"))?.reason ?? "").not.toContain("--allow-writes");
  });

  test("--skip leaves out, and flags that take lists add up", async () => {
    const args = ["-o", "json", "--only", "config-files", "--only", "trust-store,metrics", "--skip", "metrics"];
    const report = reportOf(await runProgram([...args, "--role", "agent,cscli", "--role", "agent", "--config", GOOD]));
    expect(judged(report).map(([id]) => id)).toEqual(["config-files", "trust-store"]);
    expect(report.run.roles).toEqual(["agent", "cscli"]);
  });

  test("tells its limits and its phase as they were given", async () => {
    const args = [...JSON_OF, "trust-store", "--deadline", "90s", "--phase", "install", "--fail-on", "warn"];
    const { run } = reportOf(await runProgram([...args, "--config", GOOD]));
    expect(run).toMatchObject({ deadlineMs: 90_000, phase: "install", failOn: "warn", interrupted: false });
  });

  test("with a mistake in config.yaml still has its report", async () => {
    const config = configured("port.yaml", "prometheus:\n  enabled: true\n  listen_port: 99999\n");
    const args = [
      ...JSON_OF,
      "metrics,outgoing-cti",
      "--skip",
      "metrics-target",
      "--role",
      "agent",
      "--config",
      config,
    ];
    const ids = judged(reportOf(await runProgram(args))).map(([id]) => id);
    expect(ids).toEqual(["metrics", "outgoing-cti"]);
  });

  test.each<[string, string[], Record<string, string>, boolean]>([
    ["to a pipe, by itself", [], {}, false],
    ["with --color", ["--color"], {}, true],
    ["with FORCE_COLOR", [], { FORCE_COLOR: "1" }, true],
    ["with --no-color against FORCE_COLOR", ["--no-color"], { FORCE_COLOR: "1" }, false],
    ["with NO_COLOR against FORCE_COLOR", [], { FORCE_COLOR: "1", NO_COLOR: "1" }, false],
  ])("%s: colours or none", async (_name, flags, environment, colours) => {
    const { stdout, stderr } = await runProgram(["--only", "config-files", "--config", GOOD, ...flags], environment);
    expect([stdout.includes("\u001b["), stderr]).toEqual([colours, ""]);
    expect(stdout).toContain("1 pass");
  });

  test("--ticket prints what to send in place of the report, and keeps the exit code", async () => {
    const port = await closedPort();
    const args = ["--only", "metrics-target", "--role", "prometheus", "--config", GOOD];
    const { code, stdout, stderr } = await runProgram([...args, "--target", `127.0.0.1:${port}`, "--ticket"]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: "" });
    // Loopback is nobody else's.
    expect(stdout).toMatch(/^Nothing here is for somebody else to mend: .*127\.0\.0\.1:\d+/);
    const nothing = await runProgram(["--only", "config-files", "--config", GOOD, "--ticket"]);
    expect(nothing).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Nothing here is for somebody else to mend/),
    });
  });

  test("--ascii has no other symbols", async () => {
    const { stdout } = await runProgram(["--only", "config-files", "--config", GOOD, "--ascii"]);
    expect(stdout).toContain("+ PASS    config-files");
  });
});

describe("a Local API that accepts and never answers", () => {
  let mute: Mute;
  let args: readonly string[];
  beforeAll(async () => {
    mute = await muteServer();
    const url = `http://127.0.0.1:${mute.port}/`;
    args = [
      "-o",
      "json",
      "--only",
      "lapi-*",
      "--role",
      "agent",
      "--config",
      GOOD,
      "--lapi-url",
      url,
      "--timeout",
      "20s",
    ];
  });
  afterAll(() => mute.close());

  const left = (reason: string) => [
    { id: "lapi-reachable", status: "pass" },
    { id: "lapi-tls", status: "skip" },
    { id: "lapi-identity", status: "unknown", reason },
    { id: "lapi-database", status: "skip", because: ["lapi-identity@agent"] },
    { id: "lapi-latency", status: "skip", because: ["lapi-identity@agent"] },
  ];
  const lapiFindings = (report: Report) => report.findings.filter(({ id }) => id.startsWith("lapi-"));

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s ends the run at once with one whole report and exit code %d", async (signal, exitCode) => {
    const server = await muteServer();
    const own = args.map((argument) => argument.replace(String(mute.port), String(server.port)));
    const { child, ended } = startProgram(own);
    await server.asked;
    const signalled = performance.now();
    child.kill(signal);
    const ran = await ended;
    server.close();
    expect(performance.now() - signalled).toBeLessThan(2000);
    const report = reportOf(ran);
    expect([ran.code, report.summary.exitCode, report.run.interrupted]).toEqual([exitCode, exitCode, true]);
    expect(lapiFindings(report)).toMatchObject(left("interrupted"));
  });

  test("--deadline ends the run in time; what it cut off is unknown", async () => {
    const ran = await runProgram([...args, "--deadline", "1s"]);
    expect(ran.ms).toBeLessThan(3000);
    const report = reportOf(ran);
    expect(lapiFindings(report)).toMatchObject(left("cut off by --deadline 1.0 s"));
    expect([ran.code, report.summary.verdict, report.run.interrupted]).toEqual([0, "unknown", false]);
  });

  test("--timeout makes the silence a failure of the service there", async () => {
    const report = reportOf(await runProgram([...args.slice(0, -1), "300ms"]));
    expect(lapiFindings(report).map(({ fault }) => fault?.code)).toEqual([
      undefined,
      undefined,
      "http-timeout",
      undefined,
    ]);
    expect(report.summary.exitCode).toBe(2);
  });
});

test.each([
  ["a report", ["--only", "config-files", "--config", GOOD]],
  ["a list", ["list"]],
  ["a help text", ["--help"]],
])("a reader that leaves early is no error: %s", async (_name, args) => {
  const { child, ended } = startProgram(args);
  child.stdout?.destroy();
  const { code, signal, stderr } = await ended;
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: "" });
});

test("a report that cannot be written is said in one line, and is exit code 3", () => {
  // A disk that is always full, where the system has one.
  const command = `"${process.execPath}" bin/crowdsec-preflight.js list >/dev/full`;
  const { status, stderr } = spawnSync("bash", ["-c", command], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({
    status: 3,
    stderr: "crowdsec-preflight: the output could not be written: ENOSPC: no space left on device, write\n",
  });
});
