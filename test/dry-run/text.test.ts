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
    { argv: ["/usr/bin/crowdsec", "-version"], copies: [], times: 1, ran: true, for: ["a"] },
  ],
  binds: [{ address: "127.0.0.1", port: 6060, for: ["a"] }],
  files: [
    { path: "/etc/crowdsec/config.yaml", how: "read", done: true, there: true, for: ["a"] },
    { path: "/ca.pem", how: "read", done: false, for: ["a"] },
    { path: "/var/log/crowdsec.log", how: "end", done: true, there: true, for: ["a"] },
    { path: "/etc/crowdsec", how: "listed", done: true, there: true, for: ["a"] },
    { path: "/usr/bin/rpm", how: "looked-at", done: true, there: false, for: ["a"] },
  ],
  kernel: ["memory: /proc/meminfo"],
  writes: [{ path: "/report.json", why: "the report, as json" }],
  sums: {
    names: 3,
    questions: 3,
    destinations: 3,
    connections: 17,
    handshakes: 4,
    requests: 7,
    logins: 3,
    commands: 3,
    files: 5,
    writes: 1,
  },
};
const MORE = [{ when: "a name does not exist", what: "another is asked for" }];
const WORDS = { width: 120, host: "on web-1 (lapi; phase run)" };
const page = text(PLAN, MORE, WORDS);

describe("the page", () => {
  test("says first that nothing was sent, and last what it comes to", () => {
    expect(page).toMatch(
      /^What a run would touch on web-1 \(lapi; phase run\), when all goes well\. Nothing was sent\.\n/,
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
    "tcp/8080 [2001:db8::1] (pinned.example in /etc/hosts): 14 connections",
    "connected to and closed again 5 times",
    "GET /v1/heartbeat 4 times",
    "HEAD /v1/decisions/stream once, with the bouncer's key, if the Local API is 1.6.6 or newer",
    "GET / for b.example:443 twice, over TLS, with the proxy's login",
    "postgresql login as crowdsec once (TLS: prefer), reading only",
    "mysql asked who it is once",
    "a listener's conversation once, over TLS",
    "/run/lapi.sock: 2 connections",
    "tcp/6060 127.0.0.1",
    "/usr/bin/crowdsec -c '{folder}/config.yaml' -t (on copies: config.yaml), twice; not run now",
    "/usr/bin/crowdsec -version",
    "/etc/crowdsec/config.yaml",
    "/ca.pem (by the run only)",
    "Looked for, and not there or not for this user: /usr/bin/rpm",
    "memory: /proc/meminfo",
    "/report.json: the report, as json",
    "When a name does not exist: another is asked for.",
  ])("%s", (line) => {
    expect(page.split("\n").map((each) => each.trim())).toContain(line);
  });

  test("is as narrow as its terminal, but for what must stay whole", () => {
    const long = text(PLAN, MORE, { ...WORDS, width: 60 })
      .split("\n")
      .filter((line) => line.length > 60);
    expect(long).toEqual([]);
  });

  test("leaves out what there is nothing of", () => {
    const empty = { names: [], nameservers: [], destinations: [], commands: [], binds: [], files: [], kernel: [] };
    const bare = text({ ...PLAN, ...empty, writes: [] }, [], WORDS);
    expect(bare).not.toMatch(/^(Names|Connections|Commands|Files|Written|More)/m);
  });
});

test("the sums are one line", () => {
  expect(sumsOf(PLAN)).toBe(
    "3 names (3 questions); 3 places; 17 connections, 4 with TLS; 7 requests; 3 logins; 3 commands; 5 files; 1 written",
  );
});
