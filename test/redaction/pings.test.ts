import { describe, expect, test } from "@jest/globals";
import { createRedactor } from "../../src/redaction/create.ts";
import type { Kind } from "../../src/redaction/redactor.ts";

const UUID = "9b3c1f4e-7a52-4d0e-8c61-2f5ad0e7b913";
const KEY = "fqOOd6-F4MMNuCEnzTU01w";

const redacted = (text: string, kind: Kind = "text", name = "a log"): string => {
  const redactor = createRedactor();
  redactor.study(text, kind, name);
  const result = redactor.redact(text, kind).text;
  expect(redactor.leaks(result)).toEqual([]);
  expect(redactor.redact(result, kind).text).toBe(result);
  return result;
};

/** An address, and what is to be left of it. */
const PINGED: readonly (readonly [string, string, string])[] = [
  ["a check by its UUID", `https://hc-ping.com/${UUID}`, "https://hc-ping.com/REDACTED-1"],
  ["how a run went", `https://hc-ping.com/${UUID}/fail`, "https://hc-ping.com/REDACTED-1/fail"],
  ["an exit code", `https://hc-ping.com/${UUID}/3?rid=1`, "https://hc-ping.com/REDACTED-1/3?rid=1"],
  ["a ping key and a slug", `https://hc-ping.com/${KEY}/backup`, "https://hc-ping.com/REDACTED-1/backup"],
  ["an address without a scheme", `hc-ping.com/${KEY}/backup`, "hc-ping.com/REDACTED-1/backup"],
  ["an address with a port", `https://hc-ping.com:443/${KEY}`, "https://hc-ping.com:443/REDACTED-1"],
  ["a host in capitals", `HTTPS://HC-PING.COM/${UUID.toUpperCase()}`, "HTTPS://HC-PING.COM/REDACTED-1"],
  ["a Healthchecks of one's own", `https://hc.example.org/ping/${UUID}`, "https://hc.example.org/ping/REDACTED-1"],
  ["its ping key", `http://10.0.0.7:8000/ping/${KEY}/a-b`, "http://10.0.0.7:8000/ping/REDACTED-1/a-b"],
  ["its ping key without a scheme", `hc.example.org/ping/${KEY}/a-b`, "hc.example.org/ping/REDACTED-1/a-b"],
  ["a badge", `https://hc.example.org/b/2/${UUID}.svg`, "https://hc.example.org/b/2/REDACTED-1.svg"],
  ["Cronitor", "https://cronitor.link/p/0af39c/job?state=run", "https://cronitor.link/p/REDACTED-1/job?state=run"],
  ["Cronitor's old address", "https://cronitor.link/Xy12zQ/run", "https://cronitor.link/REDACTED-1/run"],
  [
    "Uptime Kuma",
    "https://status.example.org/api/push/aB3dE6gH9k?status=up&msg=OK&ping=",
    "https://status.example.org/api/push/REDACTED-1?status=up&msg=OK&ping=",
  ],
  ["Uptime Kuma here", "http://localhost:3001/api/push/canary-x?a=b", "http://localhost:3001/api/push/REDACTED-1?a=b"],
  [
    "Better Stack",
    "https://uptime.betterstack.com/api/v1/heartbeat/Wq3eRtYu/fail",
    "https://uptime.betterstack.com/api/v1/heartbeat/REDACTED-1/fail",
  ],
  [
    "Better Uptime",
    "https://betteruptime.com/api/v1/heartbeat/canary",
    "https://betteruptime.com/api/v1/heartbeat/REDACTED-1",
  ],
  ["Dead Man's Snitch", "https://nosnch.in/c2354d53d2?m=x", "https://nosnch.in/REDACTED-1?m=x"],
  ["UptimeRobot", "https://heartbeat.uptimerobot.com/m79-0af3b2", "https://heartbeat.uptimerobot.com/REDACTED-1"],
  [
    "Checkly",
    `https://api.checklyhq.com/heartbeats/ping/${KEY}`,
    "https://api.checklyhq.com/heartbeats/ping/REDACTED-1",
  ],
  [
    "Sentry",
    "https://o12.ingest.us.sentry.io/api/45/cron/nightly/0af3b2c1/?status=ok",
    "https://o12.ingest.us.sentry.io/api/45/cron/nightly/REDACTED-1/?status=ok",
  ],
  ["ntfy", "https://ntfy.sh/canary-topic", "https://ntfy.sh/REDACTED-1"],
  [
    "VictorOps",
    "https://alert.victorops.com/integrations/generic/20131114/alert/canary-x/team",
    "https://alert.victorops.com/integrations/generic/20131114/alert/REDACTED-1/team",
  ],
  [
    "Grafana OnCall",
    `https://oncall.example.net/oncall/integrations/v1/formatted_webhook/${KEY}/`,
    "https://oncall.example.net/oncall/integrations/v1/formatted_webhook/REDACTED-1/",
  ],
  ["Slack without a scheme", "hooks.slack.com/services/T0/B0/canary", "hooks.slack.com/services/REDACTED-1"],
  ["Slack", "https://hooks.slack.com/services/T0/B0/canary", "https://hooks.slack.com/services/REDACTED-1"],
  [
    "Discord of a version",
    "https://ptb.discord.com/api/v10/webhooks/12/canary-1x",
    "https://ptb.discord.com/api/v10/webhooks/REDACTED-1",
  ],
  ["Discord without a scheme", "discord.com/api/webhooks/12/canary-1x", "discord.com/api/webhooks/REDACTED-1"],
  [
    "Telegram without a scheme",
    "api.telegram.org/bot123:canary/sendMessage?chat_id=1",
    "api.telegram.org/botREDACTED-1/sendMessage?chat_id=1",
  ],
  [
    "a file of Telegram's",
    "https://api.telegram.org/file/bot123:canary/a.jpg",
    "https://api.telegram.org/file/botREDACTED-1/a.jpg",
  ],
  [
    "a Bot API of one's own",
    `http://tg.example.org:8081/bot1234567:AAcanary${KEY}_x-y/getMe`,
    "http://tg.example.org:8081/botREDACTED-1/getMe",
  ],
  [
    "a UUID in any address",
    `https://flows.example.org/run/${UUID}/now`,
    "https://flows.example.org/run/REDACTED-1/now",
  ],
  [
    "two of them",
    `https://x.example.org/${UUID}/${UUID.replace("9b", "8a")}`,
    "https://x.example.org/REDACTED-1/REDACTED-2",
  ],
  ["one behind a login", `https://hc@x.example.org/run/${UUID}`, "https://hc@x.example.org/run/REDACTED-1"],
];

/** How it may be written down. */
const WRITTEN: readonly (readonly [string, Kind, (url: string) => string, boolean?])[] = [
  ["a log", "text", (url) => `Nov 23 07:00:00 h cron[1]: (root) CMD (curl -fsS ${url})`],
  ["a log's end of a sentence", "text", (url) => `could not ping "${url}": timeout, see ${url}.`],
  ["a crontab", "arguments", (url) => `*/5 * * * * root crowdsec-preflight --cron || curl -fsS ${url} >/dev/null\n`],
  [
    "a crontab's quotes",
    "arguments",
    (url) => `@daily root cscli hub update && curl -fsS -m 10 --retry 5 '${url}'; true\n`,
  ],
  ["a crontab's comment", "arguments", (url) => `# @daily root curl ${url}\n`],
  [
    "a unit",
    "unit",
    (url) => `[Service]\nExecStopPost=/usr/bin/curl -fsS ${url.replaceAll("%", "%%")}\nRestart=always\n`,
  ],
  ["YAML", "yaml", (url) => `monitor:\n  at: "${url}"\n  port: 1\n`],
  ["JSON", "json", (url) => JSON.stringify({ at: url, port: 1 })],
];

describe.each(PINGED)("of %s", (_what, url, left) => {
  test.each(WRITTEN)("the key is gone and the host stays in %s", (_where, kind, write) => {
    expect(redacted(write(url), kind)).toBe(write(left));
  });

  test("the key is gone from JSON that escapes slashes, and from an address within another", () => {
    expect(redacted(`{"at":"${url.replaceAll("/", "\\/")}"}`, "json")).not.toMatch(secretOf(url, left));
    if (url.includes("://"))
      expect(redacted(`GET /?next=${encodeURIComponent(url)} HTTP/1.1`)).not.toMatch(secretOf(url, left));
  });
});

/** What was taken out, however it is escaped: its last part, which is enough to know it. */
const secretOf = (url: string, left: string): RegExp => {
  const from = left.indexOf("REDACTED-1");
  const behind = left.slice(from + "REDACTED-1".length);
  const secret = url.slice(from, url.length - behind.length);
  return new RegExp(/[\w-]+$/.exec(secret)?.[0] ?? "^");
};

describe("what is known from an address is gone elsewhere", () => {
  const shownBeside = (source: string, kind: Kind, name: string, log: string): string => {
    const redactor = createRedactor();
    redactor.study(log, "text", "/var/log/x.log");
    redactor.study(source, kind, name);
    const result = redactor.redact(log, "text").text;
    expect(redactor.leaks(result)).toEqual([]);
    return result;
  };

  test.each([
    ["a log", "text", "/var/log/syslog", `curl https://hc-ping.com/${UUID}/fail`, UUID],
    ["a log of the service itself", "text", "/var/log/nginx.log", `"GET /ping/${UUID} HTTP/1.1" 200`, UUID],
    ["a crontab", "arguments", "/etc/cron.d/x", `@daily root curl https://hc-ping.com/${UUID}`, UUID],
    [
      "a crontab, as digits",
      "arguments",
      "/etc/crontab",
      "@daily root curl https://nosnch.in/c2354d53d2",
      "c2354d53d2",
    ],
    ["a unit", "unit", "/etc/systemd/system/x.service", `[Service]\nExecStopPost=curl hc-ping.com/${UUID}\n`, UUID],
    [
      "a unit's instance",
      "unit",
      "/etc/systemd/system/x.service",
      `[Unit]\nOnFailure=a.service ping@${UUID}.service\n`,
      UUID,
    ],
    ["a private variable", "environment", "/etc/default/x", `CHECK=https://hc-ping.com/${UUID}\n`, UUID],
    ["YAML", "yaml", "/opt/compose.yaml", `a: https://flows.example.org/${UUID}\n`, UUID],
  ] as const)("found in %s", (_what, kind, name, source, secret) => {
    expect(shownBeside(source, kind, name, `check ${secret} is late`)).toBe("check REDACTED-1 is late");
  });

  test("but of a page that somebody asked for, the UUID is gone in its place alone", () => {
    const log = `page https://shop.example.org/cart/${UUID} cart ${UUID}`;
    expect(redacted(log)).toBe(`page https://shop.example.org/cart/REDACTED-1 cart ${UUID}`);
  });
});

test("a unit that is started on failure keeps its name, and loses the key that it is an instance of", () => {
  const unit = `[Unit]\nOnFailure=ping@${UUID}.service\n`;
  expect(redacted(unit, "unit", "/etc/systemd/system/x.service")).toBe("[Unit]\nOnFailure=ping@REDACTED-1.service\n");
});

test("a log of the service itself shows nobody how to ping", () => {
  expect(redacted(`"GET /ping/${KEY}/nightly HTTP/1.1" 200 "HEAD /api/push/aB3dE6gH9k?status=up"`)).toBe(
    `"GET /ping/REDACTED-1/nightly HTTP/1.1" 200 "HEAD /api/push/REDACTED-2?status=up"`,
  );
});

const COMMIT = "a88b497b4a88b497b4a88b497b4a88b497b4aaaa";
test.each([
  ["CrowdSec's own", `https://api.crowdsec.net/v3/signals https://hub-cdn.crowdsec.net/master/.index.json`],
  ["CrowdSec's own with a UUID", `https://admin.api.crowdsec.net/v1/blocklists/${UUID}/download`],
  ["CrowdSec's own without a scheme", `app.crowdsec.net/ping/${UUID}`],
  ["CrowdSec's documentation", "https://docs.crowdsec.net/docs/next/local_api/notification_plugins/http#ping"],
  ["the Local API's", "http://127.0.0.1:8080/v1/heartbeat http://127.0.0.1:8080/v1/decisions/stream?startup=true"],
  ["the Local API's alerts", `http://127.0.0.1:8080/v1/alerts/12 {"uuid":"${UUID}"}`],
  ["a commit's", `https://github.com/crowdsecurity/crowdsec/commit/${COMMIT}`],
  ["a raw file's", `https://raw.githubusercontent.com/crowdsecurity/hub/${COMMIT}/push/${COMMIT}/x.yaml`],
  ["an attachment's", `https://github.com/user-attachments/assets/${UUID}`],
  ["a package's", "deb [signed-by=/x.gpg] https://packagecloud.io/crowdsec/crowdsec/any any main"],
  ["a private source of packages'", `deb [arch=amd64] https://files.example.org/${UUID}/debian stable main`],
  ["a private source of packages' by its field", `URIs: https://files.example.org/${UUID}/debian`],
  ["a private index of pip's", `index-url = https://files.example.org/${UUID}/simple`],
  ["a private index of pip's as an option", `pip install --index-url https://files.example.org/${UUID}/simple x`],
  ["a mirror's", `https://mirror.example.org/${UUID}/x.rpm https://docs.example.org/${UUID}`],
  ["a page's about pings", "https://example.org/ping/how-to-ping-a-check-2024 https://example.org/push/notifications"],
  [
    "a monitor's documentation",
    "https://healthchecks.io/docs/http_api/ https://docs.ntfy.sh/publish/ https://ntfy.sh/docs/",
  ],
  ["a monitor's alone", "https://hc-ping.com https://hc-ping.com/ hc-ping.com, nosnch.in"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's
  ["a variable's", "https://hc-ping.com/$UUID/fail https://hc-ping.com/${UUID} https://hc-ping.com/%i"],
  ["an example's", "https://hc-ping.com/your-uuid https://hc-ping.com/<uuid> https://hc-ping.com/..."],
  ["a file's", `/var/lib/ping/${UUID} /var/spool/push/${KEY} /dev/disk/by-uuid/${UUID}`],
  ["a run's", `https://example.org/x?rid=${UUID} https://example.org/x?next=/y/${UUID}`],
  ["nothing's", "https://example.org/ping/00000000-0000-0000-0000-000000000000"],
  ["another scheme's", `amqp://mq.example.org/${UUID}`],
])("%s address stays", (_whose, text) => {
  expect(redacted(text)).toBe(text);
});

test.each([
  "hc-ping.com/",
  "https://hc-ping.com/ping/",
  "/ping/",
  "/ping",
  "a.",
  "hooks.slack.com/services/a/",
  "https://o.sentry.io/api/1/cron/a/",
  "OnFailure=",
  `/${UUID}`,
  `https://h/${UUID}`,
  "%2F",
  "\\",
])(
  "a megabyte made for it (%j) is read in a moment",
  (piece) => {
    const text = piece.repeat(Math.ceil((1 << 20) / piece.length));
    const redactor = createRedactor();
    const begun = performance.now();
    redactor.study(text, "text", "hostile");
    redactor.leaks(redactor.redact(text, "text").text);
    expect(performance.now() - begun).toBeLessThan(30_000);
  },
  90_000,
);
