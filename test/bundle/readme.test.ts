import { expect, test } from "@jest/globals";
import { type ReadmeInput, readme } from "../../src/bundle/readme.ts";
import { SCHEDULED } from "../../src/bundle/what.ts";
import { NOW, reported } from "../support/run.ts";

const told = (rest: Partial<ReadmeInput> = {}): string =>
  readme({
    tool: { name: "crowdsec-preflight", version: "0.1.0" },
    at: NOW,
    host: "web1",
    runId: "11111111-2222-3333-4444-555555555555",
    report: reported([]),
    anonymized: false,
    entries: [
      { name: "files/etc/hosts", what: "names that this host knows by itself" },
      { name: "removals.txt", what: "what was taken out" },
      { name: "logs/crowdsec.log", what: "the end of the engine's own log" },
      { name: "report.md", what: "the report" },
      { name: "config/merged.yaml", what: "the configuration" },
      { name: "elsewhere/x", what: "something new" },
    ],
    removals: [
      { file: "files/a", line: 1, rule: "key api_key", count: 2 },
      { file: "files/b", line: 1, rule: "private key", count: 1 },
    ],
    missing: [{ source: "/var/log/crowdsec.log", why: "cut off: its last 256 KiB are kept" }],
    ordinary: ["/etc/crowdsec/config.yaml: key password"],
    ...rest,
  });

test("whoever opens a bundle is told of which host and time it is, what to read first, and how to judge it again", () => {
  const text = told();
  expect(text).toMatch(/^# Support bundle of web1\n/);
  expect(text).toContain("Made: 2026-06-15T12:00:00.000Z");
  expect(text).toContain("crowdsec-preflight 0.1.0");
  expect(text).toContain("`report.md` first");
  expect(text).toContain("hand: `crowdsec-preflight check --from FILE`");
  expect(text).toContain("nobody logged in to CrowdSec's Central API");
});

test("every file is listed with what it is, by folder, the report first", () => {
  const text = told();
  const files = text.slice(text.indexOf("## Files"));
  const order = [
    "`report.md`",
    "`removals.txt`",
    "`elsewhere/x`",
    "`config/merged.yaml`",
    "`logs/crowdsec.log`",
    "`files/etc/hosts`",
  ];
  expect(order.map((name) => files.indexOf(name))).toEqual(
    order.map((name) => files.indexOf(name)).sort((a, b) => a - b),
  );
  expect(order.every((name) => files.includes(name))).toBe(true);
  expect(files).toContain("`files/etc/hosts`: names that this host knows by itself");
});

test("what was taken out is counted by rule, and where it stood is one file away", () => {
  const text = told();
  expect(text).toContain("3 times something was taken out");
  expect(text).toContain("- 2 × key api_key");
  expect(text).toContain("- 1 × private key");
  expect(text).toContain("`removals.txt`");
});

test("one removal is said as one, and none as none", () => {
  expect(told({ removals: [{ file: "a", line: 1, rule: "x", count: 1 }] })).toContain("Once something was taken out");
  expect(told({ removals: [] })).toContain("No secret was found in it");
});

test("what is not in it is said, with the reason", () => {
  expect(told()).toContain("- `/var/log/crowdsec.log`: cut off: its last 256 KiB are kept");
  expect(told({ missing: [] })).toContain("Nothing that was asked for is missing.");
});

test("secrets that cannot be searched for are named by their place, and only where there are any", () => {
  expect(told()).toContain("## Secrets that should be changed");
  expect(told()).toContain("- /etc/crowdsec/config.yaml: key password");
  expect(told({ ordinary: [] })).not.toContain("should be changed");
});

test("whether addresses are real or pseudonyms is said", () => {
  expect(told()).toContain("Addresses and host names are in it as they are");
  const anonymized = told({ anonymized: true });
  expect(anonymized).toContain("Pseudonyms in place of addresses and names: yes");
  expect(anonymized).toContain("a map that stayed on the host");
});

test("a name from outside can neither break a line nor make a link", () => {
  const text = told({
    missing: [{ source: "/a`b\n# x", why: "[click](http://evil.example) <script>" }],
    host: "web1\n# owned",
  });
  expect(text).toContain("# Support bundle of web1 \\# owned\n");
  expect(text).toContain("`/a'b # x`: \\[click\\](http://evil.example) \\<script\\>");
});

test("what to read next is named in its order, as far as it is there", () => {
  expect(told()).toContain("- Then `logs/crowdsec.log`, then `config/merged.yaml`.\n");
  const names = ["system/sockets.txt", "system/time.txt", "config/acquisition.txt", "config/merged.yaml"];
  const entries = [...names, "logs/journal-crowdsec.service.txt"].map((name) => ({ name, what: "x" }));
  expect(told({ entries }).replaceAll("\n ", "")).toContain(
    "Then `logs/journal-crowdsec.service.txt`, then `config/merged.yaml` and `config/acquisition.txt`, then `system/time.txt` and `system/sockets.txt`.",
  );
  expect(told({ entries: [] })).not.toContain("- Then");
});

test("of secrets that cannot be searched for, nobody is told that they were", () => {
  const unwrapped = (text: string): string => text.replaceAll("\n", " ");
  expect(unwrapped(told())).toContain(
    "every secret that the files, environments and processes of this host hold, but for those named below: none was left",
  );
  expect(unwrapped(told({ ordinary: [] }))).toContain(
    "every secret that the files, environments and processes of this host hold: none was left",
  );
});

test("the same file is missed once, whoever missed it", () => {
  const x = { source: "/x.yaml", why: "a link that leads to /root/x, which was not asked for" };
  expect(told({ missing: [x, { ...x }] }).match(/`\/x\.yaml`/g)).toHaveLength(1);
});

test("one reason for many things is said once, above a line for each", () => {
  const missing = ["/a", "/b", "ls -ln /proc/{1,2}/ns"].map((source) => ({ source, why: "run as root to have it" }));
  expect(told({ missing })).toContain("- run as root to have it:\n  - `/a`\n  - `/b`\n  - `ls -ln /proc/{1,2}/ns`\n");
});

test("files that were only searched for logins come last, as one line", () => {
  const searched = ["cron.d/e2scrub_all", "cron.daily/apt", "cron.daily/dpkg"].map((name) => ({
    name: `files/etc/${name}`,
    what: SCHEDULED,
  }));
  const text = told({ entries: [...searched, { name: "files/etc/hosts", what: "names" }] });
  expect(text.trimEnd()).toMatch(
    /- `files\/etc\/hosts`: names\n- 3 files searched for scheduled logins to the Central API: 1 in `files\/etc\/cron\.d\/`, 2 in `files\/etc\/cron\.daily\/`$/,
  );
});
