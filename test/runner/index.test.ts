import { describe, expect, test } from "@jest/globals";
import type { Answer, Check, Context } from "../../src/model/check.ts";
import { Unanswered } from "../../src/model/observation.ts";
import type { Finding } from "../../src/model/report.ts";
import { type RunEvent, type RunInput, runChecks } from "../../src/runner/index.ts";
import { fakeProber } from "../support/fake-prober.ts";
import { NOW, reported } from "../support/run.ts";
import { from, packageInstall } from "../support/topology.ts";

const PASS: Answer = { status: "pass" };
const BROKEN: Answer = { status: "fault", fault: "broken", data: {} };
const SHAKY: Answer = { status: "fault", fault: "shaky", data: {} };
const UNKNOWN: Answer = { status: "unknown", reason: "it cannot be seen" };
const SKIP: Answer = { status: "skip", reason: "not applicable: there is none" };

/** A check that answers this, whenever it is asked. */
const checkOf = (id: string, answer: Answer | Check["run"], rest: Partial<Check> = {}): Check => ({
  id,
  title: `${id} holds`,
  why: "A test wants it.",
  roles: ["lapi"],
  contacts: "nothing",
  faults: {
    broken: { blame: "this-host", says: "it is broken", remedy: [{ text: "Mend it." }] },
    shaky: { severity: "warning", blame: "this-host", says: "it is shaky", remedy: [{ text: "Hold it." }] },
  },
  run: typeof answer === "function" ? answer : async () => answer,
  ...rest,
});

const CONTEXT: Context = {
  topology: packageInstall(),
  probe: fakeProber({}),
  now: NOW,
  version: async () => [1, 7, 8],
  allowWrites: false,
};

const run = async (checks: readonly Check[], rest: Partial<RunInput> = {}): Promise<readonly Finding[]> => {
  const findings = await runChecks({
    checks,
    isSelected: () => true,
    context: CONTEXT,
    concurrency: 8,
    signal: new AbortController().signal,
    observe: () => {},
    ...rest,
  });
  return reported(findings, rest.context?.topology).findings;
};

const statuses = (findings: readonly Finding[]): readonly string[] =>
  findings.map(({ instance, status }) => `${instance} ${status}`);

const waiting = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const NEVER = (): Promise<Answer> => new Promise(() => {});

test("findings come in the order of the catalogue, whatever finished first", async () => {
  const finished: string[] = [];
  const slowly = (id: string, ms: number): Check =>
    checkOf(id, async () => {
      await waiting(ms);
      finished.push(id);
      return PASS;
    });
  const findings = await run([slowly("a", 60), slowly("b", 0), slowly("c", 30)]);
  expect(finished).toEqual(["b", "c", "a"]);
  expect(statuses(findings)).toEqual(["a pass", "b pass", "c pass"]);
});

test("a check that answers for several targets has a finding for each, in its own order", async () => {
  const answer: Answer = [
    { target: "two", verdict: { status: "pass" } },
    { target: "one", verdict: { status: "fault", fault: "broken", data: {} } },
  ];
  expect(statuses(await run([checkOf("a", answer), checkOf("b", PASS)]))).toEqual([
    "a@two pass",
    "a@one fail",
    "b pass",
  ]);
});

describe("needs", () => {
  test.each<[string, Answer | Check["run"], boolean]>([
    ["a pass", PASS, true],
    ["a warning", SHAKY, true],
    ["what does not apply", SKIP, true],
    ["a failure", BROKEN, false],
    ["what is unknown", UNKNOWN, false],
    ["a throw", () => Promise.reject(new Error("oops")), false],
  ])("%s meets a need or not", async (_name, answer, meets) => {
    let asked = false;
    const dependent = checkOf(
      "b",
      async () => {
        asked = true;
        return PASS;
      },
      { needs: ["a"] },
    );
    const [, second] = await run([checkOf("a", answer), dependent]);
    expect([asked, second?.status]).toEqual([meets, meets ? "pass" : "skip"]);
  });

  test("that are not met make a visible skip that names them", async () => {
    const [, , third] = await run([
      checkOf("a", BROKEN),
      checkOf("b", UNKNOWN),
      checkOf("c", PASS, { needs: ["a", "b"] }),
    ]);
    expect(third).toMatchObject({
      status: "skip",
      reason: "because a, b did not pass",
      summary: "because a, b did not pass",
      because: ["a", "b"],
    });
  });

  test("that are themselves skipped for a need name the first reason of all", async () => {
    const findings = await run([
      checkOf("a", BROKEN),
      checkOf("b", PASS, { needs: ["a"] }),
      checkOf("c", PASS, { needs: ["b"] }),
      checkOf("d", PASS, { needs: ["c", "a"] }),
    ]);
    expect(findings.map(({ because }) => because)).toEqual([undefined, ["a"], ["a"], ["a"]]);
  });

  test("of several targets name the target that failed", async () => {
    const answer: Answer = [
      { target: "good", verdict: { status: "pass" } },
      { target: "bad", verdict: { status: "fault", fault: "broken", data: {} } },
    ];
    const findings = await run([checkOf("a", answer), checkOf("b", PASS, { needs: ["a"] })]);
    expect(findings.at(-1)?.because).toEqual(["a@bad"]);
  });

  test("that were not selected are no hindrance, and still have their finding", async () => {
    const findings = await run([checkOf("a", BROKEN), checkOf("b", PASS, { needs: ["a"] })], {
      isSelected: (id) => id === "b",
    });
    expect(findings).toMatchObject([
      { id: "a", status: "skip", reason: "not selected" },
      { id: "b", status: "pass" },
    ]);
  });

  test("may stand later in the catalogue", async () => {
    expect(statuses(await run([checkOf("b", PASS, { needs: ["a"] }), checkOf("a", BROKEN)]))).toEqual([
      "b skip",
      "a fail",
    ]);
  });
});

describe("targets", () => {
  /** A check of these targets, which answers for each as the table says, else with a pass. */
  const each = (
    id: string,
    targets: Check["targets"] | readonly string[],
    answers: Readonly<Record<string, Answer>> = {},
    rest: Partial<Check> = {},
  ): Check =>
    checkOf(id, async (_context, target) => answers[target] ?? PASS, {
      targets: typeof targets === "function" ? targets : () => targets ?? [],
      ...rest,
    });
  const CLIENTS = ["agent", "cscli", "firewall"];

  test("are asked one by one, each with a finding of its own, in their order", async () => {
    const asked: string[] = [];
    const check = checkOf(
      "a",
      async (_context, target) => {
        await waiting(target === "one" ? 30 : 0);
        asked.push(target);
        return target === "two" ? BROKEN : PASS;
      },
      { targets: () => ["one", "two"] },
    );
    expect(statuses(await run([check]))).toEqual(["a@one pass", "a@two fail"]);
    expect(asked).toEqual(["two", "one"]);
  });

  test("that are none, with a reason, are that answer: nothing was asked", async () => {
    const findings = await run([
      each("a", () => ({ status: "skip", reason: "not applicable: no client here" })),
      each("b", () => ({ status: "unknown", reason: "run as root" })),
      each("c", []),
    ]);
    expect(findings.map(({ instance, status, reason }) => [instance, status, reason])).toEqual([
      ["a", "skip", "not applicable: no client here"],
      ["b", "unknown", "run as root"],
      ["c", "skip", "not applicable: there is nothing to ask here"],
    ]);
  });

  test("are found in the topology that the run is about", async () => {
    const topology = packageInstall({
      targets: [{ name: "a.test:6060", url: from("http://a.test:6060/metrics", "--target") }],
    });
    const check = each("a", ({ topology: { targets } }) => targets.map(({ name }) => name));
    expect(statuses(await run([check], { context: { ...CONTEXT, topology } }))).toEqual(["a@a.test:6060 pass"]);
  });

  test("of a check that does not apply are not even looked for", async () => {
    const check = each("a", () => Promise.reject(new Error("oops")) as never, {}, { roles: ["bouncer"] });
    expect((await run([check]))[0]?.reason).toMatch(/^not applicable: for role bouncer/);
  });

  test("need each its own: one client's failure keeps no other from being asked", async () => {
    const findings = await run([
      each("reach", CLIENTS, { cscli: BROKEN, firewall: UNKNOWN }),
      each("speak", CLIENTS, {}, { needs: ["reach"] }),
      each("login", CLIENTS, {}, { needs: ["speak"] }),
    ]);
    expect(statuses(findings)).toEqual([
      "reach@agent pass",
      "reach@cscli fail",
      "reach@firewall unknown",
      "speak@agent pass",
      "speak@cscli skip",
      "speak@firewall skip",
      "login@agent pass",
      "login@cscli skip",
      "login@firewall skip",
    ]);
    expect(findings.filter(({ id }) => id === "login").map(({ because }) => because)).toEqual([
      undefined,
      ["reach@cscli"],
      ["reach@firewall"],
    ]);
  });

  test("are met by a target that the needed check was not asked about", async () => {
    const findings = await run([
      each("tls", ["agent"], { agent: BROKEN }),
      each("speak", ["agent", "self"], {}, { needs: ["tls"] }),
    ]);
    expect(statuses(findings)).toEqual(["tls@agent fail", "speak@agent skip", "speak@self pass"]);
  });

  test("need all of a check that has no targets, and a check without needs all of a check's targets", async () => {
    const blocked = await run([checkOf("files", BROKEN), each("reach", CLIENTS, {}, { needs: ["files"] })]);
    expect(blocked.slice(1).map(({ status, because }) => [status, because])).toEqual(
      CLIENTS.map(() => ["skip", ["files"]]),
    );
    const [, , , last] = await run([
      each("reach", CLIENTS, { cscli: BROKEN }),
      checkOf("metrics", PASS, { needs: ["reach"] }),
    ]);
    expect(last).toMatchObject({ status: "skip", because: ["reach@cscli"] });
  });

  test("are not met by a check whose own targets could not be found", async () => {
    const hidden = each("reach", () => ({ status: "unknown", reason: "run as root" }));
    expect(statuses(await run([hidden, each("speak", ["agent"], {}, { needs: ["reach"] })]))).toEqual([
      "reach unknown",
      "speak@agent skip",
    ]);
  });

  test("that cannot be found are our own error, and the run goes on", async () => {
    const check = each("a", () => {
      throw new Error("no clients");
    });
    const [first, second] = await run([check, checkOf("b", PASS)]);
    expect(first).toMatchObject({
      instance: "a",
      status: "unknown",
      reason: "internal error, please report it: no clients",
      fault: { code: "internal-error" },
    });
    expect(second?.status).toBe("pass");
  });

  test("what a bundle cannot answer is unknown, and no error of this tool", async () => {
    const asks = checkOf("asks", async () => {
      throw new Unanswered("not in this bundle: what dns would have said");
    });
    expect(await run([asks])).toMatchObject([
      { status: "unknown", reason: "not in this bundle: what dns would have said" },
    ]);
  });

  test("a second look that was never taken leaves the first one as it was", async () => {
    const again = checkOf("again", BROKEN, {
      again: () => async () => {
        throw new Unanswered("not in this bundle");
      },
    });
    expect(await run([again], { secondLookMs: 0 })).toMatchObject([{ status: "fail", fault: { code: "broken" } }]);
  });

  test("of which one makes the check throw have that one unknown", async () => {
    const check = checkOf(
      "a",
      async (_context, target) => {
        if (target === "two") throw new Error("oops");
        return PASS;
      },
      { targets: () => ["one", "two", "three"] },
    );
    expect(statuses(await run([check]))).toEqual(["a@one pass", "a@two unknown", "a@three pass"]);
  });

  test("keep to the concurrency limit, and make the check begin and finish once", async () => {
    const events: RunEvent[] = [];
    let running = 0;
    let most = 0;
    const check = checkOf(
      "a",
      async () => {
        running += 1;
        most = Math.max(most, running);
        await waiting(5);
        running -= 1;
        return PASS;
      },
      { targets: () => CLIENTS },
    );
    await run([check], { concurrency: 2, observe: (event) => events.push(event) });
    expect(most).toBe(2);
    expect(events.map(({ type }) => type)).toEqual(["started", "finished"]);
  });

  test("by the thousand are all asked", async () => {
    const names = Array.from({ length: 3000 }, (_, index) => `host-${index}`);
    const findings = await run([each("a", names, { "host-7": BROKEN })]);
    expect(findings.filter(({ status }) => status === "pass")).toHaveLength(2999);
    expect(findings[7]).toMatchObject({ instance: "a@host-7", status: "fail" });
  });

  test("that the deadline cuts off are unknown, each of them, and those before it stand", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort("cut off by --deadline 1.0 s"), 20);
    const check = checkOf("a", (_context, target) => (target === "quick" ? Promise.resolve(PASS) : NEVER()), {
      targets: () => ["quick", "hanging", "queued"],
    });
    const findings = await run([check, each("b", ["quick", "hanging"], {}, { needs: ["a"] })], {
      signal: controller.signal,
      concurrency: 2,
    });
    expect(findings.map(({ instance, status, reason }) => [instance, status, reason])).toEqual([
      ["a@quick", "pass", undefined],
      ["a@hanging", "unknown", "cut off by --deadline 1.0 s"],
      ["a@queued", "unknown", "cut off by --deadline 1.0 s"],
      ["b@quick", "unknown", "cut off by --deadline 1.0 s"],
      ["b@hanging", "skip", "because a@hanging did not pass"],
    ]);
  });

  test("are looked at again each on its own, where their first answer wants it", async () => {
    const again: string[] = [];
    const check = each(
      "a",
      CLIENTS,
      { cscli: BROKEN },
      {
        again: (_context, first, target) => {
          if (!("status" in first) || first.status !== "pass") return undefined;
          return async () => {
            again.push(target);
            return target === "firewall" ? SHAKY : first;
          };
        },
      },
    );
    expect(statuses(await run([check]))).toEqual(["a@agent pass", "a@cscli fail", "a@firewall warn"]);
    expect([...again].sort()).toEqual(["agent", "firewall"]);
  });
});

describe("an error of ours", () => {
  const thrown = new Error("cannot read properties of undefined");
  const internal = (message: string) => `internal error, please report it: ${message}`;

  test.each<[string, Partial<Check>, string]>([
    ["a rejection", { run: async () => Promise.reject(thrown) }, thrown.message],
    [
      "a throw before the first await",
      {
        run: () => {
          throw thrown;
        },
      },
      thrown.message,
    ],
    ["a throw of something else", { run: () => Promise.reject("just text") }, "just text"],
    [
      "a fault that the check does not have",
      { run: async () => ({ status: "fault", fault: "unheard-of", data: {} }) },
      "check a has no fault unheard-of",
    ],
  ])("becomes an unknown finding, and the run goes on: %s", async (_name, rest, message) => {
    const [first, second] = await run([checkOf("a", PASS, rest), checkOf("b", PASS)]);
    expect(first).toMatchObject({
      status: "unknown",
      reason: internal(message),
      summary: internal(message),
      fault: { code: "internal-error", phase: "host" },
    });
    expect(second?.status).toBe("pass");
  });

  test("keeps its stack in the fault's message, and nowhere else", async () => {
    const [finding] = await run([checkOf("a", () => Promise.reject(thrown))]);
    expect(finding?.fault?.message).toContain("index.test.ts");
    expect(JSON.stringify({ ...finding, fault: undefined })).not.toContain("index.test.ts");
  });

  test("in the question for the version spoils only the checks that ask it", async () => {
    const context = { ...CONTEXT, version: () => Promise.reject(new Error("no version")) };
    const checks = [checkOf("a", PASS, { versions: { since: [1, 5, 0] } }), checkOf("b", PASS)];
    expect(statuses(await run(checks, { context }))).toEqual(["a unknown", "b pass"]);
  });

  test.each<[string, Check["again"]]>([
    [
      "deciding on a second look",
      () => {
        throw thrown;
      },
    ],
    [
      "beginning the second look",
      () => () => {
        throw thrown;
      },
    ],
    ["taking the second look", () => () => Promise.reject(thrown)],
  ])("in %s becomes an unknown finding, and the run goes on", async (_name, again) => {
    const checks = [checkOf("a", PASS, again ? { again } : {}), checkOf("b", PASS)];
    expect(statuses(await run(checks))).toEqual(["a unknown", "b pass"]);
  });
});

describe("what does not apply is a skip with its reason", () => {
  test.each<[string, Partial<Check>, Partial<Context>, string | undefined]>([
    [
      "another role",
      { roles: ["bouncer", "prometheus"] },
      {},
      "not applicable: for role bouncer or prometheus; this host is lapi, agent, cscli",
    ],
    [
      "no role at all",
      {},
      { topology: packageInstall({ roles: [] }) },
      "not applicable: for role lapi; this host is none",
    ],
    ["one role of several", { roles: ["bouncer", "agent"] }, {}, undefined],
    [
      "another phase",
      { phase: "install" },
      {},
      "not applicable: asked in phase install only; this host is in phase run",
    ],
    [
      "the same phase",
      { phase: "install" },
      { topology: packageInstall({ phase: from("install", "--phase") }) },
      undefined,
    ],
    [
      "an older version",
      { versions: { since: [1, 8, 0] } },
      {},
      "not applicable: for CrowdSec 1.8.0 and later; this host has 1.7.8",
    ],
    [
      "a newer version",
      { versions: { until: [1, 6, 2] } },
      {},
      "not applicable: for CrowdSec up to 1.6.2; this host has 1.7.8",
    ],
    [
      "a newer version, before an install",
      { versions: { until: [1, 6, 2] } },
      { topology: packageInstall({ phase: from("install", "--phase") }) },
      "not applicable: for CrowdSec up to 1.6.2; an install here would bring 1.7.8",
    ],
    ["a version at the end of the range", { versions: { since: [1, 7, 8], until: [1, 7, 8] } }, {}, undefined],
    ["a version that nobody knows", { versions: { until: [1, 0, 0] } }, { version: async () => undefined }, undefined],
  ])("%s", async (_name, rest, context, reason) => {
    const [finding] = await run([checkOf("a", PASS, rest)], { context: { ...CONTEXT, ...context } });
    expect([finding?.status, finding?.reason]).toEqual([reason === undefined ? "pass" : "skip", reason]);
  });
});

describe("concurrency", () => {
  test("of one does not deadlock on needs that stand later", async () => {
    const checks = [checkOf("c", PASS, { needs: ["b"] }), checkOf("b", PASS, { needs: ["a"] }), checkOf("a", PASS)];
    expect(statuses(await run(checks, { concurrency: 1 }))).toEqual(["c pass", "b pass", "a pass"]);
  });

  test.each([1, 2, 5])("of %d is kept, and used", async (concurrency) => {
    let running = 0;
    let most = 0;
    const checks = Array.from({ length: 8 }, (_, index) =>
      checkOf(`check-${"abcdefgh"[index]}`, async () => {
        running += 1;
        most = Math.max(most, running);
        await waiting(5);
        running -= 1;
        return PASS;
      }),
    );
    await run(checks, { concurrency });
    expect(most).toBe(concurrency);
  });
});

describe("the end of the run", () => {
  const REASON = "cut off by --deadline 1.0 s";

  test("makes every unfinished finding unknown with its reason, and none is missing", async () => {
    const controller = new AbortController();
    const checks = [
      checkOf("done", PASS),
      checkOf("hanging", NEVER),
      checkOf("queued", NEVER),
      checkOf("dependent", PASS, { needs: ["hanging"] }),
    ];
    setTimeout(() => controller.abort(REASON), 20);
    const findings = await run(checks, { signal: controller.signal, concurrency: 2 });
    expect(findings).toMatchObject([
      { instance: "done", status: "pass" },
      { instance: "hanging", status: "unknown", reason: REASON },
      { instance: "queued", status: "unknown", reason: REASON },
      { instance: "dependent", status: "skip", because: ["hanging"] },
    ]);
  });

  test("before the beginning leaves a report all the same", async () => {
    const findings = await run([checkOf("a", NEVER), checkOf("b", PASS, { needs: ["a"] })], {
      signal: AbortSignal.abort("interrupted"),
    });
    expect(findings.map(({ status, reason }) => [status, reason])).toEqual([
      ["unknown", "interrupted"],
      ["unknown", "interrupted"],
    ]);
  });

  test("does not wait for a version that never comes", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(REASON), 20);
    const context = { ...CONTEXT, version: () => new Promise<undefined>(() => {}) };
    const [finding] = await run([checkOf("a", PASS, { versions: { since: [1, 5, 0] } })], {
      context,
      signal: controller.signal,
    });
    expect(finding?.reason).toBe(REASON);
  });
});

describe("the second look", () => {
  const looking = (first: Answer, second: () => Promise<Answer>): Check =>
    checkOf("a", first, { again: (_context, answer) => (answer === first ? second : undefined) });

  test("comes at least a second after the first, and its answer replaces the first one", async () => {
    const started = performance.now();
    let waited = 0;
    const check = looking(PASS, async () => {
      waited = performance.now() - started;
      return BROKEN;
    });
    expect(statuses(await run([check]))).toEqual(["a fail"]);
    expect(waited).toBeGreaterThanOrEqual(995);
    expect(waited).toBeLessThan(20_000);
  });

  test("holds up nobody who needs the check", async () => {
    const order: string[] = [];
    const note = (id: string) => async (): Promise<Answer> => {
      order.push(id);
      return PASS;
    };
    await run([looking(PASS, note("again")), checkOf("b", note("b"), { needs: ["a"] })]);
    expect(order).toEqual(["b", "again"]);
  });

  test.each<[string, () => Promise<Answer>, number]>([
    ["before it began", async () => BROKEN, 20],
    ["while it went on", NEVER, 1050],
  ])("that was cut off %s leaves what the first one saw", async (_name, second, ms) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort("interrupted"), ms);
    const started = performance.now();
    expect(statuses(await run([looking(PASS, second)], { signal: controller.signal }))).toEqual(["a pass"]);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  test.each<[string, Partial<Check>, Partial<RunInput>]>([
    ["not selected", {}, { isSelected: () => false }],
    ["not applicable", { roles: ["bouncer"] }, {}],
    ["without targets", { targets: () => [] }, {}],
    ["behind a need that is not met", { needs: ["b"] }, {}],
  ])("is not taken of what was not asked at first: %s", async (_name, rest, input) => {
    const again = (): never => {
      throw new Error("it was looked at again");
    };
    const [finding] = await run([checkOf("a", PASS, { again, ...rest }), checkOf("b", BROKEN)], input);
    expect(finding?.status).toBe("skip");
  });

  test("is not taken where the check wants none", async () => {
    const started = performance.now();
    await run([checkOf("a", PASS, { again: () => undefined })], { secondLookMs: 60_000 });
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});

test("the observer hears of each check: begun when it is asked, finished with its findings", async () => {
  const events: RunEvent[] = [];
  const checks = [
    checkOf("asked", BROKEN),
    checkOf("dependent", PASS, { needs: ["asked"] }),
    checkOf("inapplicable", PASS, { roles: ["bouncer"] }),
    checkOf("unselected", PASS),
  ];
  await run(checks, { observe: (event) => events.push(event), isSelected: (id) => id !== "unselected" });
  expect(events.filter(({ type }) => type === "started")).toEqual([{ type: "started", id: "asked" }]);
  const finished = events.flatMap((event) => (event.type === "finished" ? statuses(event.findings) : []));
  expect(finished.sort()).toEqual(["asked fail", "dependent skip", "inapplicable skip", "unselected skip"]);
  const about = events.filter(({ id }) => id === "asked").map(({ type }) => type);
  expect(about).toEqual(["started", "finished"]);
});

test("a second look is heard of too, with the finding that replaces the first", async () => {
  const events: RunEvent[] = [];
  const check = checkOf("a", PASS, { again: () => async () => BROKEN });
  await run([check], { observe: (event) => events.push(event) });
  const finished = events.flatMap((event) => (event.type === "finished" ? statuses(event.findings) : []));
  expect(finished).toEqual(["a pass", "a fail"]);
});
