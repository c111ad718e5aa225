import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { background, lab, on } from "./lab.ts";
import { installOddly, TOOL, uninstall } from "./odd-place.ts";

jest.setTimeout(180_000);

const TABLE = "/etc/cron.d/crowdsec-preflight";
/** Cron's minutes last that long here, seconds: its clock is a fast one, those of what it starts are right. */
const MINUTE = 10;
const FAST = `LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1 FAKETIME="+0 x${60 / MINUTE}"`;

beforeAll(() => installOddly("agent"));
afterAll(() => uninstall("agent"));
beforeEach(async () => {
  // Of the packages that lie under every host.
  await on("agent", "rm -f /etc/cron.d/*; rm -rf /run/mail /var/lib/crowdsec-preflight; mkdir -p /run/mail");
  await on(
    "agent",
    `printf '#!/bin/sh\\nexec cat >"/run/mail/$(date +%%s.%%N)"\\n' >/run/sendmail && chmod +x /run/sendmail`,
  );
});
afterEach(async () => {
  await on("agent", "pkill -9 -x cron; ln -sfn exim4 /usr/sbin/sendmail");
  await lab("restore");
  await on("agent", "rm -rf /run/mail /run/sendmail /run/said /var/lib/crowdsec-preflight");
});

/** The real cron, with a mailer in place of Debian's that keeps what it is given. */
const startCron = async (): Promise<void> => {
  await on("agent", "ln -sfn /run/sendmail /usr/sbin/sendmail");
  background("agent", `env ${FAST} cron -f </dev/null`);
};

/** Until a command succeeds there, or for some of cron's minutes. */
const until = (command: string, minutes = 4): Promise<string> =>
  on("agent", `for _ in $(seq ${minutes * MINUTE * 5}); do ${command} && exit 0; sleep 0.2; done; exit 1`);

/** Bodies of the mails so far, the oldest first; no head. */
const mails = async (): Promise<readonly string[]> => {
  const all = await on(
    "agent",
    'for mail in /run/mail/*; do [ ! -e "$mail" ] || sed \'1,/^$/d\' "$mail"; echo END; done',
  );
  return all.split("END\n").filter((mail) => mail !== "");
};

/** Until so many runs more are over. */
const runs = async (count: number): Promise<void> => {
  for (let left = count; left > 0; left -= 1) {
    const state = "/var/lib/crowdsec-preflight/state.json";
    const before = await on("agent", `md5sum ${state} 2>/dev/null || true`);
    await until(`[ -e ${state} ] && [ "$(md5sum ${state})" != '${before.trim()}' ]`);
  }
  // What it prints comes before its end, and the mail after that.
  await on("agent", "while pgrep -f '[c]rowdsec-preflight.js --cron' >/dev/null; do sleep 0.1; done; sleep 0.5");
};

test("the printed table, run by cron, mails nothing while all is well, once when it is not, and once when it is again", async () => {
  await on("agent", `${TOOL} init cron --write`);
  // Every minute, at once, and without the two runs in a row that it would want else; with the lab's CA among the public ones.
  await on(
    "agent",
    `sed -i -e 's/^[*][/]5 /* /' -e 's/--splay 30s/--splay none/' -e 's|--confirm 2/3|--confirm 1/1|' -e "s|^SHELL=|NODE_OPTIONS=$NODE_OPTIONS\\n&|" ${TABLE} && grep -q '^[*] .* --confirm 1/1 --remind 24h$' ${TABLE}`,
  );
  await startCron();
  await runs(2);
  expect(await mails()).toEqual([]);

  await lab("stop", "lapi", "crowdsec");
  await runs(3);
  const [wrong = "", ...more] = await mails();
  expect(more).toEqual([]);
  expect(wrong).toMatch(/^agent: CrowdSec cannot work as it should: /);
  expect(wrong).toContain("lapi-reachable");
  // Letters that any mail shows.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this expression is for
  expect(wrong).toMatch(/^[\x0a\x20-\x7e]*$/);

  await lab("start", "lapi", "crowdsec");
  await lab("wait", "lapi", "10.77.0.10", "8080");
  await runs(3);
  const [, well = "", ...others] = await mails();
  expect(others).toEqual([]);
  expect(well).toMatch(/^agent: CrowdSec is well again after /);
  expect(await on("agent", "ls -A /var/lib/crowdsec-preflight")).toBe("state.json\n");
});

test("under cron it needs no HOME, no PATH worth the name, no terminal, and none of the three streams", async () => {
  const run = `env -u HOME -u LOGNAME ${TOOL.replaceAll("%", "\\%")} -o short`;
  await on(
    "agent",
    `mkdir -p /run/said && cat >/etc/cron.d/streams <<'END'
PATH=/nowhere
* * * * * root /bin/sh -c 'exec /usr/bin/env >/run/said/environment'
* * * * * root PATH=/bin; ${run} >/run/said/plain 2>&1; echo $? >>/run/said/plain
* * * * * root PATH=/bin; ${run} <&- >/run/said/stdin 2>&1; echo $? >>/run/said/stdin
* * * * * root PATH=/bin; (${run} >&-) 2>/run/said/stdout; echo $? >>/run/said/stdout
* * * * * root PATH=/bin; (${run} <&- >&- 2>&-); echo $? >/run/said/none
END`,
  );
  await lab("stop", "agent", "crowdsec");
  await startCron();
  await until("[ -e /run/said/environment ]");
  await on("agent", "sleep 1; rm /etc/cron.d/streams");
  await until("[ $(cat /run/said/[npsi]* | grep -cx 2) = 4 ]");
  expect((await on("agent", "cat /run/said/environment")).split("\n")).toContain("PATH=/nowhere");
  for (const file of ["plain", "stdin"]) {
    expect(await on("agent", `cat /run/said/${file}`)).toMatch(/^✗ NOT READY on agent: [\s\S]*✗ FAIL [\s\S]*\n2\n$/);
  }
  expect(await on("agent", "cat /run/said/stdout")).toBe("2\n");
  expect(await on("agent", "cat /run/said/none")).toBe("2\n");
  expect(await mails()).toEqual([]);
});
