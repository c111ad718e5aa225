import { describe, expect, test } from "@jest/globals";
import { confirm } from "../../src/cron/confirm.ts";
import { message } from "../../src/cron/message.ts";
import type { Finding, Report } from "../../src/model/report.ts";
import {
  cronReport,
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
  type Played,
  type PlayOptions,
  play,
  playLetters,
  runAt,
  START,
  TWO_OF_THREE,
} from "../support/cron-runs.ts";
import { finding } from "../support/findings.ts";
import { expectGolden, expectNoOtherGoldens } from "../support/golden.ts";
import { REPORTS } from "../support/reports.ts";

const onWeb1 = (report: Report): Report => ({ ...report, run: { ...report.run, host: "web1" } });
const texts = (played: readonly Played[]): readonly string[] => played.map(({ text }) => text);
const linesOf = (text: string | undefined): readonly string[] => (text ?? "").trimEnd().split("\n");
const lastOf = (played: readonly Played[]): string => played.at(-1)?.text ?? "";
const named = (name: string): Report => onWeb1(REPORTS[name] ?? cronReport([]));

const healthy = named("healthy");

/** The same once all is mended. */
const mended = (report: Report): Report => ({
  ...report,
  causes: [],
  findings: report.findings.map((one) => {
    if (one.status === "pass" || (one.status === "skip" && one.because === undefined)) return one;
    const { fault: _fault, blame: _blame, reason: _reason, because: _because, ...rest } = one;
    return { ...rest, status: "pass", summary: one.title, remedy: [] };
  }),
});

/** The messages of several runs, one under the other, as a mailbox would have them. */
const mailbox = (played: readonly Played[]): string =>
  played.map(({ text, now }) => `--- ${now.toISOString()}\n${text}`).join("");

const TROUBLED = Object.keys(REPORTS).filter((name) => !["healthy", "interrupted"].includes(name));

/** Only these are wrong. */
const only = (report: Report, wrong: readonly string[], causes: Report["causes"]): Report => {
  const well = mended(report).findings;
  const findings = report.findings.map((one, index) => (wrong.includes(one.id) ? one : (well[index] ?? one)));
  return { ...report, causes, findings };
};

const agentConfig = named("agent-config");
/** The mistake is there, and crowdsec still runs. */
const mistaken = only(
  agentConfig,
  ["agent-config"],
  agentConfig.causes.map((cause) => ({ ...cause, explains: ["agent-config"], remedy: cause.remedy.slice(0, -1) })),
);
/** The mistake is gone, and nothing has started crowdsec. */
const halfMended = only(
  agentConfig,
  ["service", "lapi-reachable", "metrics"],
  agentConfig.causes.map((cause) => ({
    ...cause,
    id: "service-not-started",
    summary: "crowdsec does not run, and nothing has started it again",
    explains: cause.explains.filter((one) => one !== "agent-config"),
    remedy: [{ text: "Start crowdsec.", commands: ["systemctl start crowdsec"] }],
  })),
);

/** A trouble from its first run to its end, with a reminder. */
const STORIES: Readonly<Record<string, () => readonly Played[]>> = {
  ...Object.fromEntries(
    TROUBLED.map((name) => [
      name,
      () => play([-1, 1, 1, -1, -1].map((one) => (one < 0 ? mended(named(name)) : named(name)))),
    ]),
  ),
  "mistake-then-down": () => {
    const well = mended(agentConfig);
    return play([well, mistaken, agentConfig, agentConfig, halfMended, halfMended, well, well, well]);
  },
  "first-run": () => play([named("warnings-only"), named("warnings-only"), named("warnings-only")]),
  "worse-and-better": () => {
    const all = [named("warnings-only"), named("lapi-refused"), named("capi-fatal")];
    return play(all.flatMap((report) => [report, report, report]).concat([healthy, healthy, healthy]));
  },
  reminder: () =>
    play(
      Array.from({ length: 4 }, () => named("lapi-refused")),
      {
        remindMs: DAY_MS,
        timeOf: (index) => new Date(START.getTime() + index * 12 * HOUR_MS),
      },
    ),
  flapping: () =>
    play(
      [-1, 1, -1, 1, -1, 1, -1].map((one) => (one < 0 ? mended(named("resolver-dead")) : named("resolver-dead"))),
      {
        remindMs: 15 * MINUTE_MS,
      },
    ),
};

test.each(Object.entries(STORIES))("what a mailbox gets: %s", (name, story) => {
  expectGolden("cron", `${name}.txt`, mailbox(story()));
});

test("no golden is left over", () => {
  expectNoOtherGoldens(
    "cron",
    Object.keys(STORIES).map((name) => `${name}.txt`),
  );
});

describe("nothing is said", () => {
  test("of a host that is well", () => {
    expect(texts(play([healthy, healthy, healthy]))).toEqual(["", "", ""]);
  });

  test("twice of the same", () => {
    for (const name of TROUBLED)
      expect(texts(play([named(name), named(name), named(name)])).slice(1)).toEqual(["", ""]);
  });

  test("of an interrupted run, even where a reminder is due", () => {
    const before = play([named("lapi-refused")]).at(-1)?.state;
    expect(texts(play([named("interrupted")], { before, remindMs: 1 }))).toEqual([""]);
  });

  test("nothing is kept as told then", () => {
    const [first] = play([healthy]);
    expect(first?.state.toldAt).toBeUndefined();
    const played = play([named("lapi-refused"), named("lapi-refused")]);
    expect(played.map(({ state }) => state.toldAt)).toEqual([runAt(0).toISOString(), runAt(0).toISOString()]);
  });
});

test("what could not be delivered is not kept as told", () => {
  const report = named("lapi-refused");
  const confirmed = confirm(undefined, report, TWO_OF_THREE, START);
  const said = message({ report, before: undefined, confirmed, now: START, name: "crowdsec-preflight" });
  expect(said.text).not.toBe("");
  expect(said.state.toldAt).toBe(START.toISOString());
  expect(confirmed.state.toldAt).toBeUndefined();
  const played = play([report, report, report], { delivered: (index) => index > 0 });
  expect(texts(played).map((text) => text !== "")).toEqual([true, true, false]);
});

describe("the first line says how the host is", () => {
  const ONE = finding("clock", "pass");
  const first = (findings: readonly Finding[]): string =>
    linesOf(play([cronReport([ONE, ...findings])])[0]?.text)[0] ?? "";

  test("when something fails, when something warns, when it is not known", () => {
    expect(first([finding("a", "fail"), finding("b", "warn")])).toBe(
      "web1: CrowdSec cannot work as it should: 1 failed, 1 warning",
    );
    expect(first([finding("b", "warn"), finding("c", "warn")])).toBe("web1: CrowdSec works, with warnings: 2 warnings");
    expect(first([finding("b", "warn"), finding("c", "unknown")])).toBe(
      "web1: not known whether CrowdSec works: 1 warning, 1 unknown",
    );
  });

  test("until when it was fine, or since when it is not", () => {
    const heads = texts(playLetters("GBBCC")).map((text) => linesOf(text)[0]);
    expect(heads).toEqual([
      "",
      "",
      "web1: CrowdSec cannot work as it should: 1 failed (fine until 2026-06-15 10:05 UTC)",
      "",
      "web1: CrowdSec cannot work as it should: 1 failed (since 2026-06-15 10:05 UTC)",
    ]);
  });

  test("and after how long it is well again", () => {
    const after = (minutes: number): string => {
      const timeOf = (index: number): Date => new Date(START.getTime() + (index < 1 ? 0 : minutes * MINUTE_MS + index));
      return linesOf(lastOf(playLetters("BGG", { timeOf })))[0] ?? "";
    };
    expect([0.4, 1, 35, 60, 125, 47 * 60, 72 * 60].map(after)).toEqual(
      ["less than a minute", "1 minute", "35 minutes", "1 hour", "2 hours 5 minutes", "47 hours", "3 days"].map(
        (span) => `web1: CrowdSec is well again after ${span}`,
      ),
    );
  });

  test("with the program's name where the report has no host", () => {
    expect(lastOf(play([cronReport([finding("a", "fail")])])).startsWith("web1: ")).toBe(true);
    const { run, ...rest } = cronReport([finding("a", "fail")]);
    const { host: _host, ...nameless } = run;
    expect(lastOf(play([{ ...rest, run: nameless }])).startsWith("crowdsec-preflight: ")).toBe(true);
  });
});

describe("a reminder", () => {
  const told = (letters: string, everyMs: number, remindMs?: number, delivered?: PlayOptions["delivered"]) =>
    playLetters(letters, {
      timeOf: (index) => new Date(START.getTime() + index * everyMs),
      ...(remindMs !== undefined && { remindMs }),
      ...(delivered && { delivered }),
    })
      .map(({ text }) => (text === "" ? "." : text.includes("still") ? "r" : "t"))
      .join("");

  test("comes that long after it was last told, and then again", () => {
    expect(told("BBBBBBBB", 10 * MINUTE_MS, 30 * MINUTE_MS)).toBe("t..r..r.");
    expect(told("BBBBBBBB", 10 * MINUTE_MS)).toBe("t.......");
    expect(told("BBBCCBBB", 10 * MINUTE_MS, 30 * MINUTE_MS)).toBe("t..rt.t.");
  });

  test("of a daily run comes every day, although no run starts to the second", () => {
    expect(told("BBBB", DAY_MS - 50_000, DAY_MS)).toBe("trrr");
    expect(told("BBBB", DAY_MS - 10 * MINUTE_MS, DAY_MS)).toBe("t.r.");
  });

  test("never comes of what is well again", () => {
    expect(told("BGGGGGGG", 10 * MINUTE_MS, 30 * MINUTE_MS)).toBe("t.t.....");
    expect(told("GGGGGGGG", 10 * MINUTE_MS, 30 * MINUTE_MS)).toBe("........");
  });

  test("that was lost comes again", () => {
    expect(told("BBBBBBBB", 10 * MINUTE_MS, 30 * MINUTE_MS, (index) => index !== 3)).toBe("t..rr..r");
  });

  test("waits for a run that sees the trouble", () => {
    expect(told("BGBGBGBG", 10 * MINUTE_MS, 30 * MINUTE_MS)).toBe("t...r...");
  });

  test("tells what this run did not see with the sentence that is remembered, and where to read on", () => {
    const bad = ["outgoing-a", "outgoing-b"].map((name) => finding(name, "fail", { summary: `${name} is silent` }));
    const seen = finding("clock", "warn");
    const hidden = ["outgoing-a", "outgoing-b"].map((name) => finding(name, "pass"));
    const text = lastOf(play([cronReport([seen, ...bad]), cronReport([seen, ...hidden])], { remindMs: MINUTE_MS }));
    expect(linesOf(text)).toEqual([
      "web1: CrowdSec still cannot work as it should: 1 failed, 1 warning (3 checks; since 2026-06-15 10:00 UTC)",
      "",
      "Still wrong:",
      "FAIL outgoing-a, outgoing-b: outgoing-a is silent",
      "  Since 2026-06-15 10:00 UTC, though not seen in this run",
      "  More about it: crowdsec-preflight explain tcp-timeout",
      "WARN clock: summary of clock",
      "  Since 2026-06-15 10:00 UTC",
      "  Whose: the network between (likely)",
      "  Fix: Mend clock.",
    ]);
  });
});

describe("one trouble is one mail, and one when it is over", () => {
  const DOWN = [
    finding("service", "fail", { code: "service-stopped", phase: "host" }),
    finding("lapi-reachable@agent", "fail", { code: "tcp-refused" }),
  ];
  const cause = (explains: readonly string[]): Report["causes"] => [
    {
      id: "service-stopped",
      summary: "crowdsec is stopped",
      blame: { party: "this-host", confidence: "certain", evidence: [] },
      explains,
      remedy: [{ text: "Start it." }],
    },
  ];
  const down = cronReport(DOWN, { causes: cause(DOWN.map(({ instance }) => instance)) });
  const up = cronReport(DOWN.map(({ instance }) => finding(instance, "pass")));
  const later = cronReport([finding("service", "pass"), ...DOWN.slice(1)], {
    causes: cause(["lapi-reachable@agent"]).map((one) => ({ ...one, id: "lapi-tcp-refused" })),
  });
  const shape = (reports: readonly Report[], options?: PlayOptions): string =>
    texts(play(reports, options))
      .map((text) => (text === "" ? "." : /^.* well again after/.test(text) ? "g" : "t"))
      .join("");

  test("although what follows from it is confirmed later than it, and well again later too", () => {
    expect(shape([up, down, down, down, up, up, up])).toBe(".t...g.");
    expect(play([up, down, down]).at(-1)?.confirmed.exitCode).toBe(2);
  });

  test("although a warning that was there before stays", () => {
    const warned = (report: Report): Report => ({
      ...report,
      findings: [...report.findings, finding("clock", "warn")],
    });
    const played = play([up, down, down, up, up].map(warned));
    expect(played.map(({ text }) => text.split("\n")[0])).toEqual([
      "web1: CrowdSec works, with warnings: 1 warning",
      "web1: CrowdSec cannot work as it should: 1 failed, 1 warning (3 checks; since 2026-06-15 10:05 UTC)",
      "",
      "",
      "web1: crowdsec and the Local API are well again; 1 warning stays (since 2026-06-15 10:00 UTC)",
    ]);
  });

  test("but what goes on for another reason is told", () => {
    expect(shape([up, down, later, later, later])).toBe(".tt..");
    expect(texts(play([up, down, later]))[2]).toContain("New:\nFAIL crowdsec is stopped\n");
  });

  test("and so is what comes back after the rest of it is over", () => {
    expect(shape([up, down, up, later, later, up, up])).toBe(".tgt..g");
  });

  test("and a failure, where only a warning was told", () => {
    const warned = { ...down, findings: [finding("service", "warn", { phase: "host" }), ...DOWN.slice(1)] };
    expect(shape([up, warned, warned, warned])).toBe(".tt.");
  });

  test("and what was not delivered foretells nothing", () => {
    expect(shape([up, down, down, down], { delivered: (index) => index !== 1 })).toBe(".tt.");
  });

  test("good news does not wait for something that comes and goes", () => {
    const flaky = (letter: string): Finding => finding("dns", letter === "G" ? "pass" : "fail");
    const seen = (service: "pass" | "fail", letter: string): Report =>
      cronReport([finding("service", service, { phase: "host" }), flaky(letter)]);
    const played = play([seen("fail", "B"), seen("fail", "G"), seen("pass", "B"), seen("pass", "G")]);
    expect(texts(played).map((text) => text !== "")).toEqual([true, false, true, false]);
  });

  test("a host is not called well by a run that sees something new that is bad", () => {
    const seen = (one: "pass" | "fail", other: "pass" | "fail"): Report =>
      cronReport([finding("a", one), finding("b", other)]);
    expect(shape([seen("fail", "pass"), seen("pass", "pass"), seen("pass", "fail"), seen("pass", "pass")])).toBe(
      "t..g",
    );
    expect(shape([seen("fail", "pass"), seen("pass", "pass"), seen("pass", "fail"), seen("pass", "fail")])).toBe(
      "t..t",
    );
  });
});

describe("of several troubles in whatever order", () => {
  const LETTERS = "GBCWUb-";
  /** The same numbers in every run of the tests. */
  const numbers = (seed: number) => (): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
  const sees = (letter: string, instance: string): Finding => {
    switch (letter) {
      case "G":
        return finding(instance, "pass");
      case "W":
        return finding(instance, "warn");
      case "U":
        return finding(instance, "unknown");
      case "-":
        return finding(instance, "skip", { because: ["other"] });
      default:
        return finding(instance, "fail", letter === "b" ? { code: "host", phase: "host" } : { code: `code-${letter}` });
    }
  };
  const report = (letters: readonly string[]): Report => {
    const findings = letters.map((letter, index) => sees(letter, `check-${index}`));
    const bad = findings.filter(({ status }) => status === "fail").map(({ instance }) => instance);
    const summary = "one cause";
    const blame = { party: "network", confidence: "likely", evidence: [] } as const;
    return cronReport(findings, {
      causes: bad.length === 0 ? [] : [{ id: "cause", summary, blame, explains: bad, remedy: [] }],
    });
  };
  const SEQUENCES = Array.from({ length: 400 }, (_, seed) => {
    const random = numbers(seed);
    const pick = (): string => LETTERS[Math.floor(random() * LETTERS.length)] ?? "G";
    return Array.from({ length: 7 }, () => [pick(), pick(), pick()]);
  });

  test("all of it is told once it goes on as it is, and nothing more after that", () => {
    for (const letters of SEQUENCES) {
      const last = letters.at(-1) ?? [];
      const played = play([...letters, last, last, last].map(report));
      expect(lastOf(played)).toBe("");
      for (const { confirmed, told } of Object.values(played.at(-1)?.state.instances ?? {}))
        expect([told?.level ?? "fine", told?.code]).toEqual([confirmed.level, confirmed.code]);
    }
  });

  test("what was told is told as well again, and then forgotten", () => {
    for (const letters of SEQUENCES) {
      const good = report(["G", "G", "G"]);
      const played = play([...letters.map(report), good, good, good, good]);
      expect(played.at(-1)?.state.instances).toEqual({});
      const told = texts(played).filter((text) => text !== "");
      if (told.length > 0) expect(told.at(-1)).toContain("CrowdSec is well again after");
    }
  });
});

describe("causes", () => {
  test("are told once with what they explain, not a row for each", () => {
    const text = lastOf(play([named("agent-config")]));
    expect(text.match(/^FAIL/gm)).toHaveLength(1);
    expect(text).toContain(
      "  Failing: agent-config, service, lapi-reachable (3), metrics; 15 more not looked at because of it\n",
    );
    expect(linesOf(text)[0]).toBe("web1: CrowdSec cannot work as it should: 1 failed (6 checks)");
  });

  test("are not told again where one more of what they explain is confirmed", () => {
    const report = named("resolver-dead");
    const few = {
      ...report,
      findings: report.findings.map((one) =>
        one.instance === "outgoing-version" ? { ...one, status: "pass" as const } : one,
      ),
    };
    const text = lastOf(play([few, report, report]));
    expect(text).toContain("Worse:\nFAIL version.crowdsec.net does not resolve");
    expect(text).toContain("  Since 2026-06-15 10:05 UTC, because of what was told at 2026-06-15 10:00 UTC\n");
    expect(text).not.toMatch(/no nameserver of this host answers|New:/);
  });
});

describe("what was told is not told again", () => {
  const cause = (id: string, explains: readonly string[], command: string): Report["causes"] => [
    {
      id,
      summary: `because of ${id}`,
      blame: { party: "this-host", confidence: "certain", evidence: [] },
      explains,
      remedy: [
        { text: "Look at it.", commands: ["look"], undo: ["look away"], url: "https://docs.example" },
        { text: "Mend it.", commands: [command] },
      ],
    },
  ];
  const down = (names: readonly string[], causes: Report["causes"]): Report =>
    cronReport(
      ["service", "metrics"].map((name) => finding(name, names.includes(name) ? "fail" : "pass", { phase: "host" })),
      { causes },
    );
  const first = down(["service"], cause("stopped", ["service"], "start"));
  const sectionsOf = (text: string): readonly string[] => text.match(/^[A-Z][a-z ]+:$/gm) ?? [];

  test("when more fails because of it: only what that is, the first step, and any step that is new", () => {
    const more = (command: string): readonly string[] =>
      linesOf(lastOf(play([first, down(["service", "metrics"], cause("stopped", ["service", "metrics"], command))])));
    const top = [
      "web1: CrowdSec cannot work as it should: 1 failed (2 checks; since 2026-06-15 10:00 UTC)",
      "",
      "Worse:",
      "FAIL summary of metrics",
      "  Since 2026-06-15 10:05 UTC, because of what was told at 2026-06-15 10:00 UTC",
      "  Fix: Look at it.",
      "    $ look",
    ];
    expect(more("start")).toEqual([...top, "  What else helps is as told then."]);
    expect(more("restart")).toEqual([...top, "  Mend it.", "    $ restart"]);
  });

  test("but it is told in full, with what to type, where the cause or the remedy of what goes on is another one", () => {
    const both = down(["service", "metrics"], cause("stopped", ["service", "metrics"], "start"));
    const left = (causes: Report["causes"]): string => lastOf(play([both, down(["metrics"], causes)]));
    const same = left(cause("stopped", ["metrics"], "start"));
    expect(sectionsOf(same)).toEqual(["Well again:", "As before:"]);
    expect(same).not.toContain("$ start");
    for (const [id, command] of [
      ["stopped", "restart"],
      ["late", "start"],
    ] as const) {
      const text = left(cause(id, ["metrics"], command));
      expect(sectionsOf(text)).toEqual(["Well again:", "What is left:"]);
      expect(text).toContain(`\nFAIL because of ${id}\n`);
      expect(text).toContain(`    $ ${command}\n`);
    }
  });

  test("and what is left is told in full once", () => {
    const both = down(["service", "metrics"], cause("stopped", ["service", "metrics"], "start"));
    const late = cause("late", ["metrics"], "start");
    const more = down(["metrics"], late);
    const clock = { ...more, findings: [...more.findings, finding("clock", "warn", { phase: "host" })] };
    const said = texts(play([both, more, more, clock]));
    expect(said.map(sectionsOf)).toEqual([[], ["Well again:", "What is left:"], [], ["New:", "As before:"]]);
  });

  test("of a single one that got worse, that it did", () => {
    const one = (status: "warn" | "fail"): Report => cronReport([finding("disk", status, { phase: "host" })]);
    const text = lastOf(play([one("warn"), one("fail")]));
    expect(text).toContain("Worse:\nFAIL disk: summary of disk\n");
    expect(text).toContain("  Worse than before: that was WARN\n");
  });

  test("of another fault, what it was before, in its words", () => {
    expect(lastOf(playLetters("BCC"))).toContain("  Another fault than before, which was: it refuses\n");
  });

  test("of what is well again, the sentence by which it was told", () => {
    const [told, well] = play([first, down([], [])]);
    expect(told?.text).toContain("FAIL because of stopped");
    expect(linesOf(well?.text)).toEqual([
      "web1: CrowdSec is well again after 5 minutes",
      "",
      "It was service: because of stopped",
    ]);
  });
});

test("what is well again says how long it was not, and what was wrong; what is gone, that it is gone", () => {
  const both = [finding("clock", "fail", { summary: "it is wrong" }), finding("dns@a", "fail", { summary: "gone" })];
  const rest = [finding("metrics", "warn", { summary: "slow" }), finding("papi", "warn", { summary: "useless" })];
  const well = cronReport([finding("clock", "pass"), ...rest.slice(0, 1), finding("papi", "skip")]);
  const text = lastOf(play([cronReport([...both, ...rest]), well, well]));
  expect(linesOf(text)).toEqual([
    "web1: clock is well again; 1 warning stays (since 2026-06-15 10:00 UTC)",
    "",
    "Well again:",
    "GOOD clock: well again after 5 minutes; it was: it is wrong",
    "GOOD papi: does not matter any more; it was: useless",
    "GOOD dns@a: is not there any more; it was: gone",
    "",
    "As before:",
    "WARN since 2026-06-15 10:00 UTC, metrics: slow",
  ]);
});

describe("however much there is to say", () => {
  const many = (count: number): Report =>
    cronReport(
      Array.from({ length: count }, (_, index) => finding(`metrics-target@${index}`, "fail", { code: `tcp-${index}` })),
    );

  test("it is not longer than one reads, and says what is left out", () => {
    for (const count of [1, 10, 14, 15, 20, 58, 59, 300]) {
      const [first, second, third, fourth] = play([many(count), many(0), many(0), many(0)]);
      for (const one of [first, second, third, fourth]) expect(linesOf(one?.text).length).toBeLessThanOrEqual(61);
      const shown = first?.text.match(/^FAIL/gm)?.length ?? 0;
      const left = Number(/^and (\d+) more$/m.exec(first?.text ?? "")?.[1] ?? 0);
      expect(shown + left).toBe(count);
    }
  });

  test("a cause has its place even after long ones", () => {
    const long = Array.from({ length: 40 }, (_, index) => `command ${index}`);
    const report = cronReport([
      ...["a", "b", "c"].map((name) => finding(name, "fail", { remedy: [{ text: "Mend it.", commands: long }] })),
    ]);
    const text = lastOf(play([report]));
    expect(text.match(/^FAIL .*$/gm)).toEqual(["FAIL a: summary of a", "FAIL b: summary of b", "FAIL c: summary of c"]);
    expect(linesOf(text).length).toBeLessThanOrEqual(60);
  });
});

test("it is plain text for a mail: no colour, no control character, no line that another wrote", () => {
  const nasty = "a\u001b[31m\r\nSubject: spam\u202e→…";
  const report = cronReport([
    finding(`dns@${nasty}`, "fail", {
      summary: nasty,
      remedy: [{ text: nasty, commands: [nasty], undo: [nasty], url: nasty }],
    }),
  ]);
  const other = { ...report, run: { ...report.run, host: nasty } };
  for (const text of texts(play([other, cronReport([]), cronReport([])]))) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: there must be none
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(text).not.toMatch(/^Subject/m);
  }
});
