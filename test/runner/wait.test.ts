import { describe, expect, jest, test } from "@jest/globals";
import { catalogue } from "../../checks/index.ts";
import type { Answer, Check, Fault } from "../../src/model/check.ts";
import type { FailOn } from "../../src/model/report.ts";
import type { Topology } from "../../src/model/topology.ts";
import { runChecks } from "../../src/runner/index.ts";
import { canRecover, type Look, type Select, type WaitEvent, waitUntilGood } from "../../src/runner/wait.ts";
import { fakeProber } from "../support/fake-prober.ts";
import { finding } from "../support/findings.ts";
import { NOW } from "../support/run.ts";
import { BEFORE_INSTALL, bouncerTo, itself, packageInstall, routeTo } from "../support/topology.ts";

const PASS: Answer = { status: "pass" };
const DOWN: Answer = { status: "fault", fault: "down", data: {} };
const WRONG: Answer = { status: "fault", fault: "wrong", data: {} };
const SHAKY: Answer = { status: "fault", fault: "shaky", data: {} };
const REFUSED: Answer = { status: "fault", fault: "refused", data: {} };

const mended = { remedy: [{ text: "Mend it." }] } as const;
const FAULTS: Readonly<Record<string, Fault>> = {
  down: { blame: "remote-service", phase: "connect", says: "it is down", ...mended },
  wrong: { blame: "configuration", says: "it is wrong", ...mended },
  shaky: { severity: "warning", blame: "this-host", phase: "response", says: "it is shaky", ...mended },
  refused: { severity: "warning", blame: "credentials", phase: "login", recovers: false, says: "refused", ...mended },
};

/** What each check answers, look by look; the last holds. Of a function, what it resolves to. */
type Script = Readonly<Record<string, readonly (Answer | (() => Promise<Answer>))[]>>;

interface Told {
  readonly failOn?: FailOn;
  readonly waitMs?: number;
  readonly needs?: Readonly<Record<string, readonly string[]>>;
  /** The targets of a check, look by look; the script's row is then `id@target`. */
  readonly targets?: Readonly<Record<string, readonly (readonly string[])[]>>;
  /** Checks whose pass cannot be asked for twice. */
  readonly once?: readonly string[];
  readonly topologies?: readonly Topology[];
  readonly interrupted?: AbortSignal;
  readonly firstMs?: number;
  readonly deadlineMs?: number;
  /** Looks that do not come to their end. */
  readonly lost?: readonly number[];
}

const CUT_OFF = "cut off by a deadline";

/** Runs this script to its end, with real looks on a host that changes. */
const wait = async (
  script: Script,
  {
    failOn = "fail",
    waitMs = 5000,
    needs = {},
    targets = {},
    once = [],
    topologies = [packageInstall()],
    lost = [],
    ...rest
  }: Told = {},
) => {
  const { interrupted = new AbortController().signal, firstMs = 1, deadlineMs = 5000 } = rest;
  const asked: string[][] = [];
  const events: WaitEvent[] = [];
  const begun: number[] = [];
  const counts = new Map<string, number>();
  const at = <T>(list: readonly T[], count: number): T | undefined => list[Math.min(count, list.length - 1)];
  const ids = [...new Set(Object.keys(script).map((instance) => instance.replace(/@.*/, "")))];
  const checks = ids.map((id): Check => {
    const own = targets[id];
    return {
      id,
      title: `${id} holds`,
      why: "A test wants it.",
      roles: ["lapi"],
      contacts: "nothing",
      needs: needs[id] ?? [],
      faults: FAULTS,
      ...(once.includes(id) && { once: true }),
      ...(own && { targets: () => at(own, asked.length - 1) ?? [] }),
      run: async (_context, target) => {
        const instance = target === "" ? id : `${id}@${target}`;
        const count = counts.get(instance) ?? 0;
        counts.set(instance, count + 1);
        asked.at(-1)?.push(instance);
        const answer = at(script[instance] ?? [], count);
        return typeof answer === "function" ? answer() : (answer ?? PASS);
      },
    };
  });
  const look = async (select: Select, until: AbortSignal): Promise<Look | undefined> => {
    begun.push(performance.now());
    asked.push([]);
    const topology = topologies[Math.min(asked.length, topologies.length) - 1] ?? packageInstall();
    const selection = select(topology);
    const end = new AbortController();
    const timer = setTimeout(() => end.abort(CUT_OFF), deadlineMs);
    until.addEventListener("abort", () => end.abort("over"), { once: true });
    const findings = await runChecks({
      checks: selection.checks,
      isSelected: selection.isAsked,
      context: { topology, probe: fakeProber({}), now: NOW, version: async () => undefined, allowWrites: false },
      concurrency: 8,
      signal: end.signal,
      observe: () => {},
    });
    clearTimeout(timer);
    return until.aborted || lost.includes(asked.length) ? undefined : { topology, version: undefined, findings };
  };
  const never = new AbortController().signal;
  const first = await look(() => ({ checks, isAsked: () => true }), never);
  if (first === undefined) throw new Error("the first look is always complete");
  const last = await waitUntilGood(first, {
    checks,
    failOn,
    waitMs,
    cutOff: CUT_OFF,
    interrupted,
    look,
    observe: (event) => events.push(event),
    pauses: { firstMs, longestMs: firstMs * 3 },
  });
  return {
    statuses: last.findings.map(({ instance, status }) => `${instance} ${status}`),
    topology: last.topology,
    asked: asked.map((ids) => ids.join(" ")),
    begun,
    told: events.map((event) =>
      event.type === "waiting"
        ? `${event.first ? "for" : "now for"} ${event.for.map(({ instance }) => instance)}`
        : `${event.why}${event.of.map(({ instance }) => ` ${instance}`).join("")}`,
    ),
  };
};

describe("what is asked again", () => {
  test("only what failed, and what was left out because of it, in the order of the catalogue", async () => {
    const { statuses, asked, told } = await wait(
      { good: [PASS], door: [DOWN, DOWN, PASS], room: [PASS], other: [PASS] },
      { needs: { room: ["door"], other: ["good"] } },
    );
    expect(statuses).toEqual(["good pass", "door pass", "room pass", "other pass"]);
    expect(asked).toEqual(["good door other", "door", "door room"]);
    expect(told).toEqual(["for door", "good"]);
  });

  test("of a check with targets those that failed, and what was left out because of these", async () => {
    const doors = [["a", "b", "c"]];
    const { asked, statuses } = await wait(
      { "door@a": [PASS], "door@b": [DOWN, DOWN, PASS], "door@c": [PASS], "room@a": [PASS], "room@b": [DOWN, PASS] },
      { targets: { door: doors, room: [["a", "b"]] }, needs: { room: ["door"] } },
    );
    expect(asked).toEqual(["door@a door@b door@c room@a", "door@b", "door@b room@b", "room@b"]);
    expect(statuses).toEqual(["door@a pass", "door@b pass", "door@c pass", "room@a pass", "room@b pass"]);
  });

  test("a target that is new; one that is gone is not told any more", async () => {
    const { asked, statuses, told } = await wait(
      { "server@a": [PASS], "server@old": [DOWN], "server@new": [DOWN, PASS] },
      {
        targets: {
          server: [
            ["a", "old"],
            ["new", "a"],
          ],
        },
      },
    );
    expect(asked).toEqual(["server@a server@old", "server@new", "server@new"]);
    expect(statuses).toEqual(["server@new pass", "server@a pass"]);
    expect(told).toEqual(["for server@old", "now for server@new", "good"]);
  });

  test("nothing more of a check whose last failing target is gone", async () => {
    const { statuses, told } = await wait(
      { "server@a": [PASS], "server@old": [DOWN] },
      { targets: { server: [["a", "old"], ["a"]] } },
    );
    expect([statuses, told]).toEqual([["server@a pass"], ["for server@old", "good"]]);
  });

  test("nothing, and not a word, where nothing failed", async () => {
    const { asked, told } = await wait({ good: [PASS], shaky: [SHAKY] });
    expect([asked, told]).toEqual([["good shaky"], []]);
  });

  test("what only warned, once, when all that was waited for is good", async () => {
    const { asked, statuses, told } = await wait({ door: [DOWN, DOWN, PASS], metrics: [SHAKY, PASS], odd: [SHAKY] });
    expect(asked).toEqual(["door metrics odd", "door", "door", "metrics odd"]);
    expect(statuses).toEqual(["door pass", "metrics pass", "odd warn"]);
    expect(told).toEqual(["for door", "good"]);
  });

  test("what warned and fails by the time that all else is good", async () => {
    const { statuses, told } = await wait({ door: [DOWN, PASS], metrics: [SHAKY, DOWN, PASS] });
    expect(statuses).toEqual(["door pass", "metrics pass"]);
    expect(told).toEqual(["for door", "now for metrics", "good"]);
  });

  test("with --fail-on warn, what warns as well", async () => {
    const { asked, told } = await wait({ door: [PASS], metrics: [SHAKY, SHAKY, PASS] }, { failOn: "warn" });
    expect([asked, told]).toEqual([
      ["door metrics", "metrics", "metrics"],
      ["for metrics", "good"],
    ]);
  });

  test.each<[string, Partial<Topology>]>([
    ["another phase", BEFORE_INSTALL],
    ["another client of the Local API", { clients: [itself(), bouncerTo(routeTo("http://127.0.0.1:8080/"))] }],
    ["another version", { installed: { value: [1, 4, 6], origin: "/usr/bin/crowdsec" } }],
  ])("everything, once the host is another one: %s", async (_what, before) => {
    const now = packageInstall();
    const { asked, topology } = await wait(
      { good: [PASS], door: [DOWN, PASS] },
      // The checks of this test are for hosts with a Local API, before an install too.
      { topologies: [packageInstall({ ...before, roles: now.roles }), now] },
    );
    expect(asked).toEqual(["good door", "good door"]);
    expect(topology).toBe(now);
  });

  test("never a login that was refused, whatever else has changed", async () => {
    const now = packageInstall({ installed: { value: [1, 4, 6], origin: "/usr/bin/crowdsec" } });
    const { asked, statuses } = await wait(
      { login: [REFUSED], door: [DOWN, PASS] },
      { topologies: [packageInstall(), now] },
    );
    expect(asked).toEqual(["login door", "door"]);
    expect(statuses).toEqual(["login warn", "door pass"]);
  });

  test("never what has passed and can be asked once only, whatever else has changed; what of it failed is", async () => {
    const now = packageInstall({ installed: { value: [1, 4, 6], origin: "/usr/bin/crowdsec" } });
    const { asked, statuses } = await wait(
      { "peer@a": [PASS, WRONG], "peer@b": [DOWN, PASS], door: [PASS] },
      { topologies: [packageInstall(), now], targets: { peer: [["a", "b"]] }, once: ["peer"] },
    );
    expect(asked).toEqual(["peer@a peer@b door", "peer@b door"]);
    expect(statuses).toEqual(["peer@a pass", "peer@b pass", "door pass"]);
  });
});

describe("the end", () => {
  test("comes at once where something fails that waiting does not mend", async () => {
    const { asked, told } = await wait({ file: [WRONG], door: [DOWN] });
    expect([asked, told]).toEqual([["file door"], ["lasting file"]]);
  });

  test("comes when something fails later that waiting does not mend", async () => {
    const { statuses, told } = await wait({ door: [DOWN, WRONG], other: [DOWN] });
    expect(statuses).toEqual(["door fail", "other fail"]);
    expect(told).toEqual(["for door,other", "lasting door"]);
  });

  test("comes with --fail-on warn for a warning that waiting does not mend", async () => {
    expect((await wait({ login: [REFUSED], door: [DOWN] }, { failOn: "warn" })).told).toEqual(["lasting login"]);
  });

  test("comes when the time is up, in a pause", async () => {
    const begun = performance.now();
    const { asked, statuses, told } = await wait({ door: [DOWN] }, { waitMs: 100, firstMs: 10_000 });
    expect([asked, statuses, told]).toEqual([["door"], ["door fail"], ["for door", "time door"]]);
    expect(performance.now() - begun).toBeLessThan(5000);
  });

  test("comes when the time is up, and what was not looked at to its end is not told", async () => {
    const never = (): Promise<Answer> => new Promise(() => {});
    const { asked, statuses, told } = await wait({ door: [DOWN, never], room: [PASS] }, { waitMs: 200 });
    expect([asked, statuses, told]).toEqual([
      ["door room", "door"],
      ["door fail", "room pass"],
      ["for door", "time door"],
    ]);
  });

  test.each(["pause", "look"])("comes with an interrupt, in a %s", async (where) => {
    const interrupted = new AbortController();
    setTimeout(() => interrupted.abort("interrupted"), 100);
    const never = (): Promise<Answer> => new Promise(() => {});
    const { statuses, told } = await wait(
      { door: [DOWN, never] },
      { interrupted: interrupted.signal, firstMs: where === "pause" ? 10_000 : 1 },
    );
    expect([statuses, told]).toEqual([["door fail"], ["for door"]]);
  });

  test("leaves no timer behind", async () => {
    const clear = jest.spyOn(globalThis, "clearTimeout");
    const set = jest.spyOn(globalThis, "setTimeout");
    try {
      await wait({ door: [DOWN, DOWN, PASS] }, { waitMs: 60_000 });
      const cleared = clear.mock.calls.map(([timer]) => timer);
      const long = set.mock.calls.flatMap(([, ms], index) => (ms === 60_000 ? [set.mock.results[index]?.value] : []));
      expect(long).toHaveLength(1);
      expect(cleared).toContain(long[0]);
    } finally {
      set.mockRestore();
      clear.mockRestore();
    }
  });
});

describe("a look that does not come to its end", () => {
  test("is waited for when its deadline cut off a check, and what that check showed before still holds", async () => {
    const never = (): Promise<Answer> => new Promise(() => {});
    const { asked, statuses, told } = await wait(
      { door: [DOWN, never, PASS], slow: [never, never, PASS] },
      { deadlineMs: 60, waitMs: 10_000 },
    );
    expect(asked).toEqual(["door slow", "door slow", "door slow"]);
    expect(statuses).toEqual(["door pass", "slow pass"]);
    expect(told).toEqual(["for door,slow", "good"]);
  });

  test("is no reason to forget the targets that it had no time for", async () => {
    const never = (): Promise<Answer> => new Promise(() => {});
    const { asked, statuses } = await wait(
      { "door@a": [DOWN, never, PASS], "door@b": [DOWN, PASS], "door@c": [PASS] },
      { targets: { door: [["a", "b", "c"]] }, deadlineMs: 60, waitMs: 10_000 },
    );
    expect(asked).toEqual(["door@a door@b door@c", "door@a door@b", "door@a"]);
    expect(statuses).toEqual(["door@a pass", "door@b pass", "door@c pass"]);
  });

  test("does not turn a failure into something that is merely unknown", async () => {
    const never = (): Promise<Answer> => new Promise(() => {});
    const { statuses, told } = await wait({ door: [DOWN, never] }, { deadlineMs: 40, waitMs: 300 });
    expect([statuses, told]).toEqual([["door fail"], ["for door", "time door"]]);
  });

  test("is made again when nothing of it is known", async () => {
    const { asked, statuses } = await wait({ door: [DOWN, DOWN, PASS] }, { lost: [2] });
    expect([asked, statuses]).toEqual([["door", "door", "door"], ["door pass"]]);
  });
});

test("a word is said only when what is waited for changes", async () => {
  const { told } = await wait({ a: [DOWN, DOWN, PASS], b: [DOWN, DOWN, DOWN, DOWN, PASS] });
  expect(told).toEqual(["for a,b", "now for b", "good"]);
});

test("the pauses grow, up to a limit", async () => {
  const { begun } = await wait({ door: [DOWN, DOWN, DOWN, DOWN, DOWN, PASS] }, { firstMs: 100 });
  const pauses = begun.slice(1).map((at, index) => at - (begun[index] ?? 0));
  // 100, 150, 225, 300, 300 and what a look takes.
  expect(pauses).toHaveLength(5);
  for (const [index, least] of [100, 150, 225, 300, 300].entries())
    expect(pauses[index]).toBeGreaterThanOrEqual(least - 2);
});

describe("what can recover", () => {
  const check = { faults: FAULTS } as unknown as Check;

  test.each([
    ["down", "connect", true],
    ["wrong", "host", false],
    ["refused", "login", false],
  ] as const)("%s, at %s: %p", (code, phase, expected) => {
    expect(canRecover(check, finding("door", "fail", { code, phase }))).toBe(expected);
  });

  test("not what has no fault", () => {
    expect(canRecover(check, finding("door", "pass"))).toBe(false);
  });
});

describe("each fault of the catalogue was decided on", () => {
  /** Missing yet, or on its way: what sets a host up brings it. */
  const COMES = [
    "acquisition-missing",
    "bind-no-address",
    "capi-unregistered",
    "clock-wrong",
    "config-empty",
    "config-missing",
    "credentials-incomplete",
    "credentials-placeholder",
    "disk-full",
    "disk-low",
    "environment-file-missing",
    "hub-index-missing",
    "install-incomplete",
    "install-stops",
    "memory-low",
    "memory-too-low",
    "no-ca-store",
    "no-datasource",
    "package-half-configured",
    "package-incomplete",
    "service-crashed",
    "service-not-enabled",
    "service-restarting",
    "service-starting",
    "service-stopped",
    "service-twice",
    "sqlite-folder-missing",
  ];
  /** A login, a key or a password that was refused: trying it again could lock an account. */
  const REFUSALS = [
    "capi-banned",
    "db-auth-failed",
    "db-host-denied",
    "lapi-key-rejected",
    "lapi-login-rejected",
    "peer-full",
    "peer-token-refused",
    "peer-token-used",
    "proxy-auth-required",
  ];
  /** There, and wrong: certificates, and what a setting says. */
  const STAYS = [
    "db-tls-refused",
    "db-tls-required",
    "lapi-wants-tls",
    "metrics-large",
    "no-proxy-ineffective",
    "peer-is-lapi",
    "pprof-exposed",
    "proxy-differs",
    "proxy-dropped",
    "proxy-https-missing",
    "proxy-ignored",
    "proxy-invalid",
    "proxy-takes-lapi",
    "socket-denied",
    "tls-client-cert",
    "tls-expired",
    "tls-expires-soon",
    "tls-inspected",
    "tls-no-san",
    "tls-untrusted",
    "tls-version",
    "tls-wrong-host",
  ];
  /** As its layer says: what a service answers can change by itself. Beside the codes of the layers themselves. */
  const BY_LAYER = [
    "db-missing-database",
    "db-no-privilege",
    "db-protocol",
    "db-silent",
    "db-too-many-connections",
    "db-unavailable",
    "family-broken",
    "lapi-database-down",
    "lapi-slow",
    "lapi-too-slow",
    "lapi-went-away",
    "peer-altered",
    "peer-foreign",
    "peer-idle-cut",
    "peer-intercepted",
    "peer-stalled",
    "proxy-answers",
    "slow",
    "socket-missing",
  ];
  /** What stands in a file of this host, and what somebody has to decide: waiting does not mend it. */
  const OWN = [
    "acquisition-invalid",
    "agent-config-refused",
    "bind-denied",
    "ca-file-unusable",
    "capi-login-loop",
    "capi-login-scheduled",
    "config-disagreement",
    "config-syntax",
    "config-unknown-key",
    "config-unreadable",
    "config-wrong-kind",
    "credentials-both",
    "database-needless",
    "db-address-missing",
    "db-config-invalid",
    "db-config-unescaped",
    "folder-not-writable",
    "lapi-url-invalid",
    "lapi-url-wildcard",
    "metrics-address-invalid",
    "name-pinned",
    "no-service-manager",
    "port-in-use",
    "port-taken-at-boot",
    "socket-with-tls",
    "sqlite-network-filesystem",
    "sqlite-no-space",
    "sqlite-not-writable",
    "tls-files-unusable",
    "url-invalid",
  ];
  /** Failures that a probe names: docs/interface.md has them. */
  const OF_LAYERS = /^((dns|tcp|tls|http)-|proxy-(unreachable|denied|upstream|protocol)$|identity-mismatch$)/;
  const faults = catalogue.flatMap((check) => Object.entries<Fault>(check.faults));
  const codesThat = (recovers: boolean): readonly string[] =>
    [...new Set(faults.filter(([, fault]) => fault.recovers === recovers).map(([code]) => code))].sort();

  test("those that pass although they are this host's own", () => {
    expect(codesThat(true)).toEqual(COMES);
  });

  test("those that stay although a service or the network said them", () => {
    expect(codesThat(false)).toEqual([...REFUSALS, ...STAYS].sort());
  });

  test("the rest is known by name: a new code is decided on before it stands here", () => {
    const rest = faults.filter(([, { recovers }]) => recovers === undefined).map(([code]) => code);
    const known = [...BY_LAYER, ...OWN];
    expect([...new Set(rest)].filter((code) => !OF_LAYERS.test(code) && !known.includes(code)).sort()).toEqual([]);
  });

  test("a code is decided on alike wherever it stands", () => {
    for (const code of [...COMES, ...REFUSALS, ...STAYS]) {
      const decisions = faults.filter(([name]) => name === code).map(([, { recovers }]) => recovers);
      expect([code, new Set(decisions).size]).toEqual([code, 1]);
    }
  });
});
