import { describe, expect, test } from "@jest/globals";
import check from "../../checks/agent-config.ts";
import configFiles from "../../checks/config-files.ts";
import type { CommandObservation, CommandQuestion } from "../../src/model/observation.ts";
import { Secret } from "../../src/model/secret.ts";
import type { Acquisition, AcquisitionSource, ConfigMistake, Topology } from "../../src/model/topology.ts";
import type { Version } from "../../src/model/version.ts";
import type { World } from "../support/fake-prober.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import { fileRead, from } from "../support/topology.ts";
import { failedWith, HEALTHY, ranWith } from "../support/world.ts";

const ACQUIS = "/etc/crowdsec/acquis.yaml";
const PATH = from(ACQUIS, "/etc/crowdsec/config.yaml:20");
const FILE = fileRead(ACQUIS, "acquisition");
const SOURCE: AcquisitionSource = { origin: `${ACQUIS}:1`, source: "file", hasLabels: true, mistakes: [] };
const { source: _source, ...NAMELESS } = SOURCE;
const TYPO: ConfigMistake = {
  origin: `${ACQUIS}:3`,
  key: "filenmaes",
  kind: "unknown-key",
  problem: "is no key that CrowdSec knows",
  hint: "did you mean filenames?",
};
const NEW_KEY: ConfigMistake = {
  origin: `${ACQUIS}:5`,
  key: "exclude_regexps",
  kind: "unknown-key",
  problem: "is a key that only some versions of CrowdSec know",
  versions: { since: [1, 5, 0] },
};

const acquiring = (rest: Partial<Acquisition>): Pick<Topology, "acquisition"> => ({
  acquisition: { files: [FILE], sources: [SOURCE], path: PATH, ...rest },
});
const ofSource = (rest: Partial<AcquisitionSource>) => acquiring({ sources: [{ ...SOURCE, ...rest }] });
const MISSING = acquiring({ files: [{ ...FILE, state: "missing" }], sources: [] });

/** What `crowdsec -t` ends with, and every question to run something. */
/** @param alone what the Local API by itself, without the agent, meets; by default nothing. */
const rehearsing = (saw: CommandObservation, alone: CommandObservation = ranWith(0)) => {
  const questions: CommandQuestion[] = [];
  const commands = (question: CommandQuestion): CommandObservation => {
    questions.push(question);
    return question.argv.includes("-no-cs") ? alone : saw;
  };
  return { world: { ...HEALTHY, commands } satisfies World, questions };
};
const REFUSAL = ranWith(
  1,
  [
    'time="2026-06-15T12:00:00Z" level=warning msg="deprecated"',
    'time="2026-06-15T12:00:01Z" level=fatal msg="crowdsec init: while loading parsers: no parser \\"syslog\\""',
    "",
  ].join("\n"),
);

const INDEX = from("/etc/crowdsec/hub/.index.json", "/etc/crowdsec/config.yaml:14");

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "acquisition-invalid": ["host", "fail", "configuration", { topology: ofSource({ mistakes: [TYPO] }) }],
  "acquisition-missing": ["host", "fail", "configuration", { topology: MISSING, version: [1, 6, 11] }],
  "no-datasource": ["host", "fail", "configuration", { topology: acquiring({ sources: [] }) }],
  "hub-index-missing": ["host", "fail", "this-host", { topology: { hubIndex: INDEX } }],
  "agent-config-refused": ["host", "fail", "configuration", { world: rehearsing(REFUSAL).world }],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

const DOWN = "the Local API goes down with the agent, since both share one process: ";

describe("where agent and Local API share one process", () => {
  test.each(Object.entries(FAULTS))(
    "%s begins with what else goes down, and says how to keep it up",
    async (_code, row) => {
      const { summary, remedy } = await findingOf(check, row[3]);
      expect(summary.startsWith(DOWN)).toBe(true);
      const [keep, ...more] = remedy.filter(({ undo }) => undo?.some((command) => command.includes("no-agent.conf")));
      expect(more).toEqual([]);
      expect(keep?.commands?.join("\n")).toMatch(
        /ExecStartPre=.*-no-cs.* \/usr\/bin\/crowdsec \/etc\/crowdsec\/config\.yaml > \/etc\/systemd\/.*no-agent\.conf\n.*restart crowdsec$/,
      );
      expect(keep?.undo).toEqual([
        "rm /etc/systemd/system/crowdsec.service.d/no-agent.conf",
        "systemctl daemon-reload && systemctl restart crowdsec",
      ]);
    },
  );

  test("the drop-in names this host's own program and configuration, fit for a shell", async () => {
    const { remedy } = await findingOf(check, {
      ...FAULTS["no-datasource"][3],
      topology: {
        ...acquiring({ sources: [] }),
        program: { path: "/usr/local/bin/crowdsec" },
        config: from("/srv/crowd sec/config.yaml", "--config"),
      },
    });
    expect(JSON.stringify(remedy)).toContain("/usr/local/bin/crowdsec '/srv/crowd sec/config.yaml' >");
  });
});

describe("where they do not", () => {
  test.each<[string, Partial<Topology>]>([
    ["each has its own process", { sharedProcess: false }],
    ["the Local API is another host's", { roles: [from("agent", "--role")] }],
  ])("since %s, no fault speaks of the Local API, nor of keeping it up", async (_name, apart) => {
    for (const [, , , given] of Object.values(FAULTS)) {
      const finding = await findingOf(check, { ...given, topology: { ...given?.topology, ...apart } });
      expect(finding.status).toBe("fail");
      expect(finding.summary).not.toContain("Local API");
      expect(JSON.stringify(finding.remedy)).not.toContain("no-agent.conf");
      expect(finding.remedy.length).toBeGreaterThan(0);
    }
  });
});

describe("by reading", () => {
  const summaryOf = async (given: Given) => (await findingOf(check, given)).summary.replace(DOWN, "");

  test("a mistake is told with its file, line, key and what was probably meant", async () => {
    const { summary, remedy } = await findingOf(check, { topology: ofSource({ mistakes: [TYPO] }) });
    expect(summary.replace(DOWN, "")).toBe(
      `${ACQUIS}:3: filenmaes is no key that CrowdSec knows (did you mean filenames?), and the agent stops at it`,
    );
    expect(remedy[0]?.commands).toEqual([`sed -n '1,5p' ${ACQUIS}`, "systemctl restart crowdsec"]);
  });

  test("of several mistakes the first is told, with the places of the others", async () => {
    const mistakes = [TYPO, { ...TYPO, origin: `${ACQUIS}:9` }];
    const sources = [
      { ...SOURCE, mistakes },
      { ...SOURCE, origin: `${ACQUIS}:12`, hasLabels: false },
    ];
    expect(await summaryOf({ topology: acquiring({ sources }) })).toMatch(
      / \(and 2 more: \/etc\/crowdsec\/acquis\.yaml:9, \/etc\/crowdsec\/acquis\.yaml:12\)$/,
    );
  });

  test("a file that is no YAML is told with its line and the parser's words", async () => {
    const broken = { ...FILE, state: "invalid", line: 7, message: "Nested mappings are not allowed" } as const;
    const { world } = rehearsing(REFUSAL);
    expect(await summaryOf({ world, topology: acquiring({ files: [broken], sources: [] }) })).toBe(
      `${ACQUIS}:7: Nested mappings are not allowed, and the agent stops at it`,
    );
  });

  test("a missing file is told with the line that names it", async () => {
    expect(await summaryOf({ topology: MISSING, version: [1, 4, 6] })).toBe(
      `${ACQUIS} (/etc/crowdsec/config.yaml:20) does not exist, and the agent stops at it`,
    );
  });

  test("a hub index that is not there is told with the line that names it", async () => {
    expect(await summaryOf({ topology: { hubIndex: INDEX } })).toBe(
      "the hub index /etc/crowdsec/hub/.index.json (/etc/crowdsec/config.yaml:14) does not exist, and the agent does not start without it",
    );
  });

  test("a hub index that is there is no fault, nor is one that this user may not see", async () => {
    for (const path of [{}, failedWith("file-denied")]) {
      const world = { ...HEALTHY, paths: { [INDEX.value]: path } };
      expect((await findingOf(check, { world, topology: { hubIndex: INDEX } })).status).toBe("pass");
    }
  });

  const passes = "pass";
  test.each<[string, Partial<Topology>, Record<"1.4.6" | "1.6.11" | "1.7.0" | "unknown", string>]>([
    [
      "a file of acquisition_path that is missing, with sources in acquis.d",
      acquiring({ files: [{ ...FILE, state: "missing" }, fileRead("/etc/crowdsec/acquis.d/a.yaml", "acquisition")] }),
      { "1.4.6": "acquisition-missing", "1.6.11": "acquisition-missing", "1.7.0": passes, unknown: passes },
    ],
    [
      "the only file missing",
      MISSING,
      {
        "1.4.6": "acquisition-missing",
        "1.6.11": "acquisition-missing",
        "1.7.0": "no-datasource",
        unknown: "no-datasource",
      },
    ],
    [
      "a document with neither source nor labels beside a whole one",
      acquiring({ sources: [SOURCE, { ...NAMELESS, hasLabels: false }] }),
      { "1.4.6": passes, "1.6.11": passes, "1.7.0": "acquisition-invalid", unknown: "acquisition-invalid" },
    ],
    [
      "a document with labels and no source",
      acquiring({ sources: [NAMELESS] }),
      {
        "1.4.6": "acquisition-invalid",
        "1.6.11": "acquisition-invalid",
        "1.7.0": "acquisition-invalid",
        unknown: "acquisition-invalid",
      },
    ],
    [
      "a source without labels",
      ofSource({ hasLabels: false }),
      {
        "1.4.6": "acquisition-invalid",
        "1.6.11": "acquisition-invalid",
        "1.7.0": "acquisition-invalid",
        unknown: "acquisition-invalid",
      },
    ],
    [
      "docker without labels",
      ofSource({ source: "docker", hasLabels: false }),
      { "1.4.6": "acquisition-invalid", "1.6.11": "acquisition-invalid", "1.7.0": passes, unknown: passes },
    ],
    [
      "a key since 1.5.0",
      ofSource({ mistakes: [NEW_KEY] }),
      { "1.4.6": "acquisition-invalid", "1.6.11": passes, "1.7.0": passes, unknown: passes },
    ],
    [
      "a key of no version",
      ofSource({ mistakes: [TYPO] }),
      {
        "1.4.6": "acquisition-invalid",
        "1.6.11": "acquisition-invalid",
        "1.7.0": "acquisition-invalid",
        unknown: "acquisition-invalid",
      },
    ],
    [
      "no source at all",
      acquiring({ sources: [] }),
      {
        "1.4.6": "no-datasource",
        "1.6.11": "no-datasource",
        "1.7.0": "no-datasource",
        unknown: "no-datasource",
      },
    ],
  ])("%s, by version: %p", async (_name, topology, expected) => {
    const versions: Record<keyof typeof expected, Version | undefined> = {
      "1.4.6": [1, 4, 6],
      "1.6.11": [1, 6, 11],
      "1.7.0": [1, 7, 0],
      unknown: undefined,
    };
    const seen = await Promise.all(
      Object.entries(versions).map(async ([name, version]) => {
        const { status, fault } = await findingOf(check, { topology, ...(version && { version }) });
        return [name, fault?.code ?? status];
      }),
    );
    expect(Object.fromEntries(seen)).toEqual(expected);
  });

  test("a key of another version is told with the versions that know it, and with this one", async () => {
    expect(await summaryOf({ topology: ofSource({ mistakes: [NEW_KEY] }), version: [1, 4, 6] })).toContain(
      "exclude_regexps is a key that only some versions of CrowdSec know (1.5.0 and later; this is 1.4.6)",
    );
  });

  test("the installed program counts, which the next start runs, not the running one", async () => {
    const program = { path: "/usr/bin/crowdsec", version: [1, 6, 11] } as const;
    const { fault } = await findingOf(check, { topology: { ...MISSING, program }, version: [1, 7, 8] });
    expect(fault?.code).toBe("acquisition-missing");
  });

  test("what is found is not tried: a broken configuration is not run", async () => {
    const { world, questions } = rehearsing(ranWith(0));
    for (const code of ["acquisition-invalid", "acquisition-missing", "no-datasource", "hub-index-missing"] as const)
      await findingOf(check, { ...FAULTS[code][3], world: { ...world, paths: {} } });
    expect(questions).toEqual([]);
  });
});

describe("the rehearsal", () => {
  const REHEARSAL = {
    program: "/usr/bin/crowdsec",
    files: { "config.yaml": new Secret("db_config: {password: canary-x}"), "profiles.yaml": new Secret("name: x") },
    flags: ["-no-capi"],
    environment: { LOGS: new Secret("/var/log/x") },
  };

  test("runs the installed program on a copy in a folder of its own, never on this host's configuration", async () => {
    const { world, questions } = rehearsing(ranWith(0));
    const { findings, asked } = await runIn([check], { world, topology: { rehearsal: REHEARSAL } });
    expect(findings[0]?.status).toBe("pass");
    expect(asked.filter((question) => question.startsWith("command"))).toEqual([
      "command /usr/bin/crowdsec -c {folder}/config.yaml -t -no-capi",
    ]);
    expect(questions).toHaveLength(1);
    const [question] = questions;
    expect(question?.files).toEqual(REHEARSAL.files);
    expect(JSON.stringify(question)).not.toContain("/etc/crowdsec");
    expect(question?.timeoutMs).toBeLessThanOrEqual(15_000);
  });

  test("gives the program the variables that the acquisition files name, and no more", async () => {
    const { world, questions } = rehearsing(ranWith(0));
    await findingOf(check, { world, topology: { rehearsal: REHEARSAL } });
    expect(questions[0]?.environment).toEqual({
      PATH: expect.any(String),
      LC_ALL: "C",
      LOGS: new Secret("/var/log/x"),
    });
  });

  test("that refuses without the agent too is no fault of the agent, and switching that off is not offered", async () => {
    const { world, questions } = rehearsing(REFUSAL, REFUSAL);
    const { summary, remedy } = await findingOf(check, { world });
    expect(summary).toMatch(/^crowdsec refuses a copy of this configuration/);
    expect(JSON.stringify(remedy)).not.toContain("no-agent.conf");
    expect(questions.map(({ argv }) => argv.includes("-no-cs"))).toEqual([false, true]);
  });

  test("that a host with too little left refuses is no fault of the configuration", async () => {
    const { world } = rehearsing(
      ranWith(1, 'level=fatal msg="could not create fsnotify watcher: too many open files"'),
    );
    expect(await findingOf(check, { world })).toMatchObject({
      status: "pass",
      summary: expect.stringMatching(/by reading only: the rehearsal lacked resources/),
    });
  });

  test("that goes well overrules this tool's own YAML parser", async () => {
    const broken = { ...FILE, state: "invalid", line: 7, message: "the indentation is wrong" } as const;
    const topology = acquiring({ files: [broken], sources: [] });
    expect(await findingOf(check, { world: rehearsing(ranWith(0)).world, topology })).toMatchObject({
      status: "pass",
      summary: expect.stringMatching(
        /CrowdSec reads \/etc\/crowdsec\/acquis\.yaml:7, which this tool's parser does not/,
      ),
    });
  });

  test("that refuses is told in the program's own last words", async () => {
    const { summary, blame } = await findingOf(check, { world: rehearsing(REFUSAL).world });
    expect(summary).toBe(
      `${DOWN}crowdsec refuses a copy of this configuration: crowdsec init: while loading parsers: no parser "syslog"`,
    );
    expect(blame?.confidence).toBe("likely");
  });

  const refusing = async (output: string) =>
    (await findingOf(check, { world: rehearsing(ranWith(1, output)).world })).summary;

  test.each<[string, string, string]>([
    ["without logrus' form, in its last line", "one\npanic: two\n", "panic: two"],
    ["about the copy, as the configuration", 'level=fatal msg="{folder}/config.yaml: bad"', "the configuration: bad"],
    [
      "about another file of the copy, without the folder",
      'level=fatal msg="{folder}/profiles.yaml: bad"',
      "profiles.yaml: bad",
    ],
    ["over several lines, as one", 'level=fatal msg="a:\\n  line 3: b"', "a:   line 3: b"],
  ])("%s", async (_name, output, words) => {
    expect(await refusing(output)).toBe(`${DOWN}crowdsec refuses a copy of this configuration: ${words}`);
  });

  test.each([
    ["in a URL", "dial http://machine:canary-1@10.0.0.5:8080/: refused"],
    ["after password:", "bad value password: canary-2 here"],
    ["after api_key=", "bad value api_key=canary-3 here"],
    ["in quotes with a blank", 'bad value password: \\"canary-4 canary-5\\" here'],
    ["as a YAML error quotes it", "cannot unmarshal !!str `canary-6` into int"],
    ["as a token", "token: canary-7"],
  ])("a secret %s is masked", async (_name, words) => {
    const summary = await refusing(`level=fatal msg="${words}"`);
    expect(summary).toContain("crowdsec refuses a copy of this configuration: ");
    expect(summary).not.toContain("canary");
  });

  test("that ends without a word is told with something to go by", async () => {
    expect(await refusing("")).not.toMatch(/: $|:$/);
  });

  test("that a signal ended refused nothing", async () => {
    expect((await findingOf(check, { world: rehearsing(ranWith(137)).world })).status).not.toBe("fail");
  });

  test.each<[string, CommandObservation, string]>([
    [
      "that takes too long",
      failedWith("command-timeout"),
      "by reading only: the rehearsal gave no answer (the system's words for command-timeout)",
    ],
    [
      "whose program is gone",
      failedWith("command-missing"),
      "by reading only: the rehearsal gave no answer (the system's words for command-missing)",
    ],
    [
      "that may not be run",
      failedWith("command-denied"),
      "by reading only: the rehearsal gave no answer (the system's words for command-denied)",
    ],
  ])("%s is no fault of the configuration, and is told", async (_name, saw, note) => {
    const { status, summary } = await findingOf(check, { world: rehearsing(saw).world });
    expect([status, summary.startsWith(`${check.title}: ${note}`)]).toEqual(["pass", true]);
  });

  const DENIED = ranWith(1, 'level=fatal msg="open /var/log/x: Permission denied"');
  test.each([
    ["nobody", "pass"],
    ["root", "fail"],
  ])("that lacks a permission is, for %s, a %s", async (user, status) => {
    const finding = await findingOf(check, { world: rehearsing(DENIED).world, topology: { user } });
    expect(finding.status).toBe(status);
    if (status === "pass") expect(finding.summary).toContain("by reading only: the rehearsal needs root");
  });

  test.each<[string, Topology["rehearsal"], string]>([
    ["no program", { absent: "no crowdsec program at /usr/bin/crowdsec" }, "no crowdsec program at /usr/bin/crowdsec"],
    ["a file that may not be read", { hidden: "run as root: x may not be read" }, "run as root: x may not be read"],
  ])("is left out with %s, and the reason is told", async (_name, rehearsal, reason) => {
    const { findings, asked } = await runIn([check], { topology: { rehearsal } });
    expect(findings[0]?.status).toBe("pass");
    expect(findings[0]?.summary).toContain(`by reading only: ${reason}`);
    expect(asked.filter((question) => question.startsWith("command"))).toEqual([]);
  });
});

describe("where all is well", () => {
  const COUPLED = "; it shares one process with the Local API here, so an error in it would stop both";

  test.each<[string, Partial<Topology>, string]>([
    ["the note says how it was judged, and what hangs on it", {}, COUPLED],
    ["with a process each, only how it was judged", { sharedProcess: false }, ""],
    ["with the Local API on another host, only how it was judged", { roles: [from("agent", "--role")] }, ""],
  ])("%s", async (_name, topology, coupled) => {
    expect(await findingOf(check, { topology })).toMatchObject({
      status: "pass",
      summary: `${check.title}: by reading, and by a rehearsal on a copy, which starts no data source${coupled}`,
    });
  });
});

describe("what cannot be judged", () => {
  test.each<[string, Partial<Topology>, "skip" | "unknown", string]>([
    [
      "a configuration that may not be read",
      { acquisition: { hidden: "run as root: x" } },
      "unknown",
      "run as root: x",
    ],
    ["no configuration", { acquisition: { absent: "none here" } }, "skip", "not applicable: none here"],
    [
      "an acquisition file that may not be read",
      acquiring({ files: [FILE, { ...FILE, path: "/etc/crowdsec/acquis.d/x.yaml", state: "denied" }] }),
      "unknown",
      "run as root: /etc/crowdsec/acquis.d/x.yaml may not be read by this user",
    ],
    [
      "a host without an agent",
      { roles: [from("lapi", "--role")] },
      "skip",
      "not applicable: for role agent; this host is lapi",
    ],
  ])("%s", async (_name, topology, status, reason) => {
    const { findings, asked } = await runIn([check], { topology });
    expect(findings).toMatchObject([{ status, reason }]);
    expect(asked).toEqual([]);
  });

  test("a main configuration that is broken is told by itself: the agent's is neither read nor tried", async () => {
    const files = [fileRead("/etc/crowdsec/config.yaml", "CrowdSec's configuration", { state: "invalid" })];
    const { findings, asked } = await runIn([configFiles, check], { topology: { files } });
    expect(findings[1]).toMatchObject({ status: "skip", because: ["config-files@/etc/crowdsec/config.yaml"] });
    expect(asked).toEqual([]);
  });
});
