import { describe, expect, test } from "@jest/globals";
import type { Answer, Check, Context } from "../../src/model/check.ts";
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

const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const NEVER = (): Promise<Answer> => new Promise(() => {});

test("findings come in the order of the catalogue, whatever finished first", async () => {
  const finished: string[] = [];
  const slowly = (id: string, ms: number): Check =>
    checkOf(id, async () => {
      await after(ms);
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
        await after(5);
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
    expect(waited).toBeLessThan(2000);
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
    expect(performance.now() - started).toBeLessThan(ms + 500);
  });

  test("is not taken where the check wants none", async () => {
    const started = performance.now();
    await run([checkOf("a", PASS, { again: () => undefined })]);
    expect(performance.now() - started).toBeLessThan(900);
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
