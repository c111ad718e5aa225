import { describe, expect, test } from "@jest/globals";
import type { Plan } from "../../src/dry-run/shape.ts";
import { sumsOf, text } from "../../src/dry-run/text.ts";

const PLAN: Plan = {
  names: [
    { name: "api.crowdsec.net", by: "nameservers", candidates: ["api.crowdsec.net"], types: ["A", "AAAA"], for: ["a"] },
    { name: "lapi", by: "nameservers", candidates: ["lapi.lab", "lapi"], types: ["A"], for: ["a"] },
    { name: "pinned.example", by: "hosts", for: ["a"] },
  ],
  nameservers: [{ server: "9.9.9.9", port: 53, questions: 3 }],
  destinations: [
    {
      host: "api.crowdsec.net",
      port: 443,
      connects: 1,
      requests: [{ method: "GET", path: "/", tls: true, times: 1, shows: [], for: ["a"] }],
      dialogues: [],
      for: ["clock", "outgoing-capi"],
    },
    {
      host: "2001:db8::1",
      port: 8080,
      names: ["pinned.example"],
      connects: 5,
      requests: [
        { method: "GET", path: "/v1/heartbeat", tls: false, times: 4, shows: [], for: ["a"] },
        {
          method: "HEAD",
          path: "/v1/decisions/stream",
          tls: false,
          times: 1,
          shows: ["key"],
          when: "the Local API is 1.6.6 or newer",
          for: ["a"],
        },
        { method: "GET", path: "/", through: "b.example:443", tls: true, times: 2, shows: ["proxy"], for: ["a"] },
        { method: "POST", path: "/v1/watchers/login", tls: false, times: 1, shows: [], mustFail: true, for: ["a"] },
      ],
      dialogues: [
        { protocol: "postgresql", user: "crowdsec", tls: "prefer", times: 1, for: ["a"] },
        { protocol: "mysql", tls: "disable", times: 1, for: ["a"] },
        { protocol: "listener", tls: "require", times: 1, for: ["a"] },
      ],
      for: ["bouncer-key"],
    },
    { host: "/run/lapi.sock", connects: 2, requests: [], dialogues: [], for: ["lapi-reachable"] },
  ],
  commands: [
    {
      argv: ["/usr/bin/crowdsec", "-c", "{folder}/config.yaml", "-t"],
      copies: ["config.yaml"],
      times: 2,
      ran: false,
      for: ["a"],
    },
    {
      argv: ["/usr/bin/crowdsec", "-version"],
      copies: [],
      times: 1,
      ran: true,
      for: ["d", "b", "deployment", "a", "c"],
    },
  ],
  binds: [{ address: "127.0.0.1", port: 6060, for: ["a"] }],
  files: [
    { path: "/etc/crowdsec/config.yaml", how: "read", done: true, there: true, for: ["a"] },
    { path: "/ca.pem", how: "read", done: false, for: ["a"] },
    { path: "/var/log/crowdsec.log", how: "end", done: true, there: true, for: ["a"] },
    { path: "/etc/crowdsec", how: "listed", done: true, there: true, for: ["a"] },
    { path: "/usr/bin/rpm", how: "looked-at", done: true, there: false, for: ["a"] },
    ...["dbus", "man-db", "postgresql", `systemd-${"long-".repeat(12)}`].map((unit) => ({
      path: `/usr/lib/systemd/system/${unit}.service`,
      how: "read" as const,
      done: true,
      there: true,
      for: ["scheduled"],
    })),
    { path: "/etc/mdns.allow", how: "looked-at", done: true, for: ["deployment"] },
  ],
  kernel: ["memory: /proc/meminfo"],
  writes: [{ path: "/report.json", why: "the report, as json" }],
  sums: {
    names: 3,
    questions: 3,
    destinations: 3,
    connections: 18,
    handshakes: 4,
    requests: 8,
    logins: { mustFail: 1, machine: 0, key: 0, proxy: 2, database: 1 },
    commands: 3,
    files: 10,
    writes: 1,
  },
};
const MORE = [{ when: "a name does not exist", what: "another is asked for" }];
const WORDS = { width: 400, host: "on web-1 (lapi; phase run)", full: false };
const page = text(PLAN, MORE, WORDS);
const fullPage = text(PLAN, MORE, { ...WORDS, full: true });
const linesOf = (some: string): readonly string[] => some.split("\n").map((each) => each.trim());

describe("the page", () => {
  test("says first that nothing was sent, and last what it comes to", () => {
    expect(page).toMatch(
      /^What a run would touch on web-1 \(lapi; phase run\), when all goes well\. Nothing was sent\. /,
    );
    expect(page.endsWith(`\n${sumsOf(PLAN)}.\n`)).toBe(true);
  });

  test.each([
    "api.crowdsec.net: A and AAAA",
    "lapi: A as lapi.lab, then lapi",
    "pinned.example: in /etc/hosts",
    "at nameserver 9.9.9.9, udp/53: 3 questions",
    "tcp/443 api.crowdsec.net: 2 connections",
    "GET / once, over TLS",
    "for clock, outgoing-capi",
    "tcp/8080 [2001:db8::1] (pinned.example in /etc/hosts): 15 connections",
    "connected to and closed again 5 times",
    "GET /v1/heartbeat 4 times",
    "HEAD /v1/decisions/stream once, with the bouncer's key, if the Local API is 1.6.6 or newer",
    "GET / for b.example:443 twice, over TLS, with the proxy's login",
    "POST /v1/watchers/login once, for a machine that cannot exist: it is answered 401, and leaves a line in the Local API's log",
    "postgresql login as crowdsec once (TLS: prefer), reading only",
    "mysql asked who it is once",
    "a listener's conversation once, over TLS",
    "/run/lapi.sock: 2 connections",
    "tcp/6060 127.0.0.1",
    "/usr/bin/crowdsec -c '{folder}/config.yaml' -t (on copies: config.yaml), twice; not run now; for a",
    "/usr/bin/crowdsec -version; run just now; for finding out what is here, a, b and 2 more",
    "read: /etc/crowdsec/config.yaml, /ca.pem (by the run only)",
    "read, the end of it: /var/log/crowdsec.log",
    "listed: /etc/crowdsec",
    "looked for, and not there or not for this user: /usr/bin/rpm",
    "for scheduled:",
    "read: 4 units in /usr/lib/systemd/system",
    "for finding out what is here:",
    "looked at, not read: /etc/mdns.allow",
    "memory: /proc/meminfo",
    "/report.json: the report, as json",
    "When a name does not exist: another is asked for.",
  ])("%s", (line) => {
    expect(linesOf(page)).toContain(line);
  });

  test.each([
    "/usr/bin/crowdsec -version; run just now; for finding out what is here, a, b, c, d",
    "for scheduled:",
    "/usr/lib/systemd/system/dbus.service",
    "/usr/lib/systemd/system/postgresql.service",
    "/ca.pem (by the run only)",
  ])("in full: %s", (line) => {
    expect(linesOf(fullPage)).toContain(line);
    expect(fullPage).not.toMatch(/ more\b|\d units/);
  });

  test.each([
    [[], "Nothing was sent."],
    [[false, false], "Nothing was sent. None of the commands below was run."],
    [[true, false], "Nothing was sent. 1 of the 2 commands below was run just now to make this list"],
    [[true, true], "Nothing was sent. All 2 commands below were run just now to make this list"],
    [[true], "Nothing was sent. The one command below was run just now to make this list"],
  ])("of commands, it says which were run for it: %j", (each, expected) => {
    const commands = each.map((ran) => ({ argv: ["/bin/true"], copies: [], times: 1, ran, for: ["a"] }));
    const [first = ""] = text({ ...PLAN, commands }, MORE, WORDS).split("\n");
    expect(first.replace(/^.*well\. /, "").replace(/, as each says.*/, "")).toBe(expected);
  });

  test("paths that are not there are counted where they are many, and -v names them", () => {
    const files = ["/a", "/b", "/c", "/d"].map((path) => ({
      ...{ path, how: "read" as const, done: true, there: false, for: ["a"] },
    }));
    const plan = { ...PLAN, files };
    expect(text(plan, MORE, WORDS)).toContain("not there or not for this user: 4 (-v names them)\n");
    expect(text(plan, MORE, { ...WORDS, full: true })).toContain("not there or not for this user: /a, /b, /c, /d\n");
  });

  test("is as narrow as its terminal, but for what must stay whole", () => {
    const narrow = [false, true].flatMap((full) => text(PLAN, MORE, { ...WORDS, width: 60, full }).split("\n"));
    expect(narrow.filter((line) => line.length > 60)).toEqual([]);
    // What goes on in the next line is indented there.
    expect(narrow).toContain("      /usr/lib/systemd/system/");
    expect(narrow).toContainEqual(expect.stringMatching(/^ {10}systemd-long-/));
  });

  test("leaves out what there is nothing of", () => {
    const empty = { names: [], nameservers: [], destinations: [], commands: [], binds: [], files: [], kernel: [] };
    const bare = text({ ...PLAN, ...empty, writes: [] }, [], WORDS);
    expect(bare).not.toMatch(/^(Names|Connections|Commands|Files|Written|More)/m);
  });
});

test("the sums are one line", () => {
  expect(sumsOf(PLAN)).toBe(
    [
      "3 names (3 questions); 3 places; 18 connections, 4 with TLS; 8 requests",
      "1 login at the Local API that must fail; 2 requests with the proxy's login; 1 database login",
      "1 request with the bouncer's key, if the Local API is 1.6.6 or newer",
      "2 commands, run 3 times; 10 files; 1 written",
    ].join("; "),
  );
});

test("who logs in nowhere reads so", () => {
  const logins = { mustFail: 0, machine: 0, key: 0, proxy: 0, database: 0 };
  const sums = { ...PLAN.sums, logins };
  expect(sumsOf({ ...PLAN, destinations: [], sums })).toContain("; 8 requests; no login; 2 commands");
  expect(sumsOf({ ...PLAN, destinations: [], sums: { ...sums, logins: { ...logins, machine: 1, key: 2 } } })).toContain(
    "; 1 login at the Local API as this machine; 2 requests with the bouncer's key;",
  );
});
