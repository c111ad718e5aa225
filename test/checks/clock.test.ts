import { describe, expect, test } from "@jest/globals";
import check from "../../checks/clock.ts";
import type { HttpObservation } from "../../src/model/observation.ts";
import { CANONICAL, type System } from "../../src/model/system.ts";
import type { World } from "../support/fake-prober.ts";
import { expectFault, type FaultCase, findingOf, NOW, runIn } from "../support/run.ts";
import { from } from "../support/topology.ts";
import { answered, CERTIFICATE, failedWith, failingAt, HEALTHY } from "../support/world.ts";

/** An answer whose date is so many seconds behind this host's clock. */
const dated = (behind: number, headers: Readonly<Record<string, string>> = {}, tls = CERTIFICATE): HttpObservation =>
  answered({ tls, headers: { date: new Date(NOW.getTime() - behind * 1000).toUTCString(), ...headers } });

/** The healthy world in which these hosts, or all, have this clock. */
const clocks = (of: HttpObservation | Readonly<Record<string, HttpObservation>>, rest: World = {}): World => ({
  ...HEALTHY,
  ...rest,
  http: (request) => {
    if ("elapsedMs" in of) return of as HttpObservation;
    return of[new URL(request.url).hostname] ?? HEALTHY.http(request);
  },
});

const HOUR = 3600;
const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "clock-wrong": ["host", "warn", "this-host", { world: clocks(dated(3 * HOUR)) }],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

describe("a wrong clock is told", () => {
  test("with by how much, which way, and how many hosts say so", async () => {
    expect(await findingOf(check, { world: clocks(dated(3 * HOUR + 12 * 60)) })).toMatchObject({
      instance: "clock",
      summary: expect.stringMatching(
        /^this host's clock is 3 hours 12 minutes ahead: it says 2026-06-15T12:00:00Z, where [5-9] hosts say 2026-06-15T08:48:00Z; nothing is seen here that sets it$/,
      ),
      blame: {
        confidence: "certain",
        evidence: expect.arrayContaining(["api.crowdsec.net says 2026-06-15T08:48:00Z"]),
      },
    });
  });

  test.each([
    [-61, "1 minute 1 second behind"],
    [-3600, "1 hour behind"],
    [90, "1 minute 30 seconds ahead"],
    [26 * HOUR, "1 day 2 hours ahead"],
    [-(2 * 365 * 86_400 + 86_400), "2 years 1 day behind"],
    [365 * 86_400 + 3 * HOUR, "1 year ahead"],
  ])("%d s: %s", async (behind, words) => {
    expect((await findingOf(check, { world: clocks(dated(behind)) })).summary).toContain(`clock is ${words}: `);
  });

  test("by the answer behind a certificate that is not valid by this clock", async () => {
    const peerDate = "2026-03-01T00:00:00.000Z";
    const world = clocks(failedWith("tls-not-yet-valid", { tls: CERTIFICATE, peerDate }));
    expect((await findingOf(check, { world })).summary).toMatch(/^this host's clock is 106 days 12 hours ahead/);
  });

  test("as likely where it is one host that says so, or nobody vouches for those that do", async () => {
    const one = await findingOf(check, { world: clocks({ "api.crowdsec.net": dated(HOUR) }) });
    expect([one.blame?.confidence, one.summary]).toEqual([
      "likely",
      expect.stringContaining("where api.crowdsec.net say"),
    ]);
    const box = dated(HOUR, {}, { ...CERTIFICATE, publicAuthority: false });
    expect((await findingOf(check, { world: clocks(box) })).blame?.confidence).toBe("likely");
  });

  test("with the hosts that differ", async () => {
    const world = clocks({
      "api.crowdsec.net": dated(HOUR),
      "papi.api.crowdsec.net": dated(HOUR + 5),
      "version.crowdsec.net": dated(0),
    });
    const { blame, fault } = await findingOf(check, { world });
    expect([fault?.code, blame?.evidence]).toEqual([
      "clock-wrong",
      [
        "api.crowdsec.net says 2026-06-15T11:00:00Z",
        "papi.api.crowdsec.net says 2026-06-15T10:59:55Z",
        "not so version.crowdsec.net says 2026-06-15T12:00:00Z",
      ],
    ]);
  });

  test.each([
    ["/run/systemd/timesync/synchronized", "systemd-timesyncd has set it since this system is up"],
    ["/run/chrony", "chronyd runs"],
    ["/var/run/ntpd.pid", "ntpd runs"],
  ])("with what is seen to set it: %s", async (path, says) => {
    const { summary } = await findingOf(check, { world: clocks(dated(HOUR), { paths: { [path]: {} } }) });
    expect(summary.endsWith(`; ${says}`)).toBe(true);
  });

  test.each([
    ["systemd", "timedatectl set-ntp true", "timedatectl set-ntp false"],
    ["openrc", "rc-update add ntpd default", "rc-service ntpd stop"],
    ["freebsd", "sysrc ntpd_enable=YES ntpd_sync_on_start=YES", "service ntpd stop"],
    ["container", undefined, undefined],
    ["kubernetes", undefined, undefined],
    ["none", undefined, undefined],
  ] as const)("with what is typed on %s", async (services, command, undo) => {
    const system: System = { ...CANONICAL, services };
    const { remedy } = await findingOf(check, { world: clocks(dated(HOUR)), topology: { system } });
    expect([remedy[0]?.commands?.[0], remedy[0]?.undo?.[0], remedy.length]).toEqual([command, undo, 2]);
  });
});

describe("a clock is right", () => {
  test.each([0, 59, -59])(
    "that differs by %d s: the run itself takes a while, and dates are whole seconds",
    async (behind) => {
      const { status, summary } = await findingOf(check, { world: clocks(dated(behind)) });
      expect([status, summary]).toEqual([
        "pass",
        expect.stringMatching(/^This host's clock is right: \d+ hosts agree$/),
      ]);
    },
  );

  test("when an answer is old because a cache had it, and says so", async () => {
    expect((await findingOf(check, { world: clocks(dated(5000, { age: "5000" })) })).status).toBe("pass");
  });

  test("when most hosts agree with it, or one does and another one does not", async () => {
    const two = clocks({ "api.crowdsec.net": dated(HOUR), "version.crowdsec.net": dated(1) });
    expect(await findingOf(check, { world: two })).toMatchObject({
      status: "pass",
      summary:
        "This host's clock is right: 1 host agrees; not so api.crowdsec.net says 2026-06-15T11:00:00Z: an old answer, or a clock of its own",
    });
  });
});

test("hosts that agree neither with this one nor with one another decide nothing", async () => {
  const world = clocks({ "api.crowdsec.net": dated(HOUR), "version.crowdsec.net": dated(2 * HOUR) });
  expect(await findingOf(check, { world })).toMatchObject({
    status: "unknown",
    reason: expect.stringMatching(/^the hosts do not agree on the time: \S+ says 2026-06-15T1[01]:00:00Z, \S+ says/),
  });
});

test.each([
  ["no host answers", failingAt("tcp-timeout")],
  ["no answer has a date", HEALTHY],
  ["what stands there is no date", clocks(answered({ tls: CERTIFICATE, headers: { date: "soon" } }))],
])("where %s, nothing is judged", async (_what, world) => {
  expect(await findingOf(check, { world })).toMatchObject({
    status: "skip",
    reason: "not applicable: none of the outgoing hosts has said what time it is",
  });
});

test("a host with a bouncer alone asks nobody for the time", async () => {
  const { findings, asked } = await runIn([check], {
    world: clocks(dated(HOUR)),
    topology: { roles: [from("bouncer", "--role")] },
  });
  expect(findings.map(({ status }) => status)).toEqual(["skip"]);
  expect(asked).toEqual([]);
});
