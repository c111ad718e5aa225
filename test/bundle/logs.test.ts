import { describe, expect, test } from "@jest/globals";
import type { Part } from "../../src/bundle/gather.ts";
import { installLooks, lastWeek, logLooks, stampOf } from "../../src/bundle/logs.ts";
import { NOW } from "../support/run.ts";
import { bouncerTo, crowdsecWith, from, routeTo } from "../support/topology.ts";
import { failedWith } from "../support/world.ts";
import { contentOf, lookedAt, whyNot } from "./host.ts";

const AT = Date.UTC(2026, 5, 14, 7, 12, 1);

test.each([
  ["crowdsec since 1.5.6", 'time="2026-06-14T09:12:01+02:00" level=info msg="x"'],
  ["crowdsec up to 1.5.5", 'time="14-06-2026 07:12:01" level=info msg="x"'],
  ["crowdsec, as JSON", '{"level":"info","msg":"x","time":"2026-06-14T07:12:01Z"}'],
  ["the Local API up to 1.5", "[GIN] 2026/06/14 - 07:12:01 | 200 | 1ms | 127.0.0.1 | GET /v1/decisions"],
  ["the Local API's access log", 'time="x" level=info msg="127.0.0.1 - [Sun, 14 Jun 2026 07:12:01 UTC] \\"GET'],
  ["nginx", "2026/06/14 07:12:01 [error] 123#123: *1 [lua] crowdsec"],
  ["Apache", "[Sun Jun 14 07:12:01.123456 2026] [lua:error]"],
  ["a web server's access log", '127.0.0.1 - - [14/Jun/2026:07:12:01 +0000] "GET'],
  ["dpkg", "2026-06-14 07:12:01 status installed crowdsec:amd64 1.4.6-6"],
  ["apt", "Start-Date: 2026-06-14  07:12:01"],
  ["syslog", "Jun 14 07:12:01 web1 crowdsec[1]: x"],
  ["a log with parts of a second", "2026-06-14T07:12:01.999Z x"],
])("the time of a line of %s is known", (_who, line) => {
  expect(stampOf(line, NOW)).toBe(AT);
});

test("of syslog, what would lie ahead was last year", () => {
  expect(stampOf("Dec 31 23:59:59 web1 crowdsec[1]: x", NOW)).toBe(Date.UTC(2025, 11, 31, 23, 59, 59));
});

test.each(["goroutine 1 [running]:", "13 of 2026 lines", "Foo 14 07:12:01 x", ""])("%j tells no time", (line) => {
  expect(stampOf(line, NOW)).toBeUndefined();
});

const line = (day: number, text: string): string =>
  `time="2026-06-${String(day).padStart(2, "0")}T00:00:00Z" msg="${text}"\n`;

describe("of a log, a week is kept", () => {
  test("counted back from its last line: of an engine that died a month ago, its last words", () => {
    expect(lastWeek(line(1, "old") + line(2, "a") + line(9, "last"), NOW)).toEqual({
      content: line(2, "a") + line(9, "last"),
      cut: true,
    });
  });

  test("with the lines that have no time of their own", () => {
    const content = `${line(1, "old")}  of the old one\n${line(9, "panic")}goroutine 1\n`;
    expect(lastWeek(content, NOW)).toEqual({ content: `${line(9, "panic")}goroutine 1\n`, cut: true });
  });

  test("and all of what is younger, also where the clock once jumped", () => {
    const content = `before any time\n${line(5, "a")}${line(1, "clock was wrong")}${line(6, "b")}`;
    expect(lastWeek(content, NOW)).toEqual({ content, cut: false });
  });

  test("and all of one that tells no time", () => {
    expect(lastWeek("a\nb\n", NOW)).toEqual({ content: "a\nb\n", cut: false });
  });
});

const LOG = "/var/log/crowdsec.log";

/** The files that are missed. */
const filesOf = ({ missing }: Part): readonly string[] =>
  missing.map(({ source }) => source).filter((source) => source.startsWith("/"));

describe("the engine's log", () => {
  test("is kept with the access log beside it and the one before it was rotated", async () => {
    const tails = { [LOG]: line(9, "x"), "/var/log/crowdsec_api.log": line(9, "api"), [`${LOG}.1`]: line(8, "before") };
    const part = await lookedAt(logLooks, { tails });
    expect(part.entries.map(({ name }) => name)).toEqual([
      "logs/crowdsec.log",
      "logs/crowdsec_api.log",
      "logs/crowdsec.log.1",
    ]);
    expect(contentOf(part, "logs/crowdsec.log")).toBe(line(9, "x"));
    expect(filesOf(part)).toEqual([]);
  });

  test("is missed where the configuration says that it is there, and not elsewhere", async () => {
    expect(whyNot(await lookedAt(logLooks, {}), LOG)).toBe("not there");
    const elsewhere = await lookedAt(({ log: _, ...topology }) => logLooks(topology), {
      tails: { "/var/log/crowdsec/crowdsec.log": "x\n" },
    });
    expect(filesOf(elsewhere)).toEqual([]);
    expect(elsewhere.entries.map(({ source }) => source)).toEqual(["/var/log/crowdsec/crowdsec.log"]);
  });

  test.each([
    ["by size", { content: line(9, "x"), cut: true }, "cut off: its last 256 KiB are kept"],
    ["by age", { content: line(1, "old") + line(9, "x"), cut: true }, "cut off: the last week of it is kept"],
  ])("that was cut %s says so", async (_how, tail, why) => {
    const part = await lookedAt(logLooks, { tails: { [LOG]: tail } });
    expect(whyNot(part, LOG)).toBe(why);
    expect(contentOf(part, "logs/crowdsec.log")).toBe(line(9, "x"));
  });

  test("is left out when it is a link to somebody else's", async () => {
    const part = await lookedAt(logLooks, { tails: { [LOG]: { content: "canary", at: "/var/log/auth.log" } } });
    expect(part.entries).toEqual([]);
    expect(whyNot(part, LOG)).toBe("a link that leads to /var/log/auth.log, which was not asked for");
  });

  test("that this user may not read is named for root", async () => {
    const part = await lookedAt(logLooks, { tails: { [LOG]: failedWith("file-denied") } });
    expect(part.denied).toEqual([LOG]);
  });
});

describe("a bouncer's log", () => {
  const PATH = "/etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml";
  const clients = [bouncerTo(routeTo("http://127.0.0.1:8080/"))];
  const ofBouncer = (files: Record<string, string>, tails: Record<string, string>) =>
    lookedAt((topology) => logLooks(topology), { files, tails: { [LOG]: "x\n", ...tails } }, { clients });

  test("is where its file says, and its overlay says last", async () => {
    const files = { [PATH]: "log_mode: file\nlog_dir: /var/log/\n", [`${PATH}.local`]: "log_dir: /srv/logs\n" };
    const part = await ofBouncer(files, { "/srv/logs/crowdsec-firewall-bouncer.log": "b\n" });
    expect(contentOf(part, "logs/crowdsec-firewall-bouncer.log")).toBe("b\n");
  });

  test("is missed where it writes one, and not where it writes to its output", async () => {
    const log = "/var/log/crowdsec-firewall-bouncer.log";
    expect(whyNot(await ofBouncer({ [PATH]: "log_mode: file\n" }, {}), log)).toBe("not there");
    expect(filesOf(await ofBouncer({ [PATH]: "log_mode: stdout\n" }, {}))).toEqual(["/var/log/crowdsec_api.log"]);
    expect(filesOf(await ofBouncer({ [PATH]: "log_mode: [\n" }, {}))).toEqual(["/var/log/crowdsec_api.log"]);
  });

  test("within a web server's is only what is about CrowdSec, not its visitors", async () => {
    const name = "crowdsec-nginx-bouncer";
    const nginx = bouncerTo(routeTo("http://127.0.0.1:8080/"), { name, path: `/etc/crowdsec/bouncers/${name}.conf` });
    const tails = { [LOG]: "x\n", "/var/log/nginx/error.log": "client: 198.51.100.7\n[lua] crowdsec: no answer\n" };
    const part = await lookedAt(logLooks, { tails }, { clients: [nginx] });
    expect(contentOf(part, `logs/${name}.log`)).toBe("[lua] crowdsec: no answer");
  });
});

describe("the journal", () => {
  const said = (text: string) => ({ at: "2026-06-14T07:12:01.000Z", text, pid: 7 });

  test("is kept of crowdsec and of each bouncer, with time and process", async () => {
    const journals = { "crowdsec.service": [said("fatal")], "cs.service": [said("b")] };
    const components = [crowdsecWith({}), crowdsecWith({}, { name: "cs", unit: "cs.service" })];
    const part = await lookedAt(logLooks, { journals, tails: { [LOG]: "x\n" } }, { components });
    expect(contentOf(part, "logs/journal-crowdsec.service.txt")).toBe("2026-06-14T07:12:01.000Z [7] fatal\n");
    expect(contentOf(part, "logs/journal-cs.service.txt")).toBeDefined();
  });

  test("of a web server is kept only as far as it is about CrowdSec", async () => {
    const journals = { "nginx.service": [said("reloaded"), said("lua: crowdsec down")] };
    const components = [crowdsecWith({}, { name: "crowdsec-nginx-bouncer", unit: "nginx.service" })];
    const part = await lookedAt(logLooks, { journals, tails: { [LOG]: "x\n" } }, { components });
    expect(contentOf(part, "logs/journal-nginx.service.txt")).toContain("lua: crowdsec down");
    expect(contentOf(part, "logs/journal-nginx.service.txt")).not.toContain("reloaded");
  });

  test("that this user may not read is named for root, once a unit", async () => {
    const part = await lookedAt(logLooks, {
      journals: { "crowdsec.service": failedWith("command-denied") },
      tails: { [LOG]: "x\n" },
    });
    expect(part.denied).toEqual(["the journal of crowdsec.service"]);
  });

  test("that holds nothing, or that is not there, is said to be asked for", async () => {
    const part = await lookedAt(logLooks, { journals: { "crowdsec.service": [] } });
    expect(whyNot(part, "the journal of crowdsec.service")).toBe("nothing in it");
    expect(whyNot(part, "the journal of crowdsec-hubupdate.service")).toBe("no such program here");
  });

  test("is not asked for where nothing of systemd is", async () => {
    const system = { services: "openrc", packages: "apk" } as const;
    const part = await lookedAt(
      logLooks,
      { journals: { "crowdsec.service": [said("x")] }, tails: { [LOG]: "x\n" } },
      { system },
    );
    expect(part.entries.map(({ name }) => name)).toEqual(["logs/crowdsec.log"]);
    expect(whyNot(part, "the journal of crowdsec")).toBe("no systemd here, which would keep one");
  });
});

test("of what installers wrote, only what is about CrowdSec is kept, whole actions with their outcome", async () => {
  const tails = {
    "/var/log/dpkg.log": "2026-06-14 07:12:01 install vim\n2026-06-14 07:12:02 install crowdsec\n",
    "/var/log/apt/history.log":
      "Start-Date: 2026-06-14  07:12:01\nCommandline: apt install vim\n\nStart-Date: 2026-06-14  07:13:01\nInstall: crowdsec\nError: Sub-process\n",
    "/var/log/apt/term.log":
      "Log started: 2026-06-14  07:12:01\nvim\nLog started: 2026-06-14  07:13:01\nSetting up crowdsec\nno such host\n",
  };
  const part = await lookedAt(() => installLooks(), { tails });
  expect(contentOf(part, "logs/dpkg.log")).toBe("2026-06-14 07:12:02 install crowdsec");
  expect(contentOf(part, "logs/apt-history.log")).toBe(
    "Start-Date: 2026-06-14  07:13:01\nInstall: crowdsec\nError: Sub-process",
  );
  expect(contentOf(part, "logs/apt-term.log")).toBe(
    "Log started: 2026-06-14  07:13:01\nSetting up crowdsec\nno such host",
  );
  expect(part.missing).toEqual([]);
});

test("an installer that knows nothing of CrowdSec leaves no file", async () => {
  expect((await lookedAt(() => installLooks(), { tails: { "/var/log/dpkg.log": "install vim\n" } })).entries).toEqual(
    [],
  );
});

test("a log in a place of its own is found there", async () => {
  const part = await lookedAt(
    logLooks,
    { tails: { "/srv/l/crowdsec.log": "x\n" } },
    { log: from("/srv/l/crowdsec.log", "config") },
  );
  expect(part.entries.map(({ source }) => source)).toEqual(["/srv/l/crowdsec.log"]);
});
