import { PassThrough } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import { catalogue, causes } from "../../checks/index.ts";
import { type Explained, explain } from "../../src/commands/explain.ts";
import { UsageError } from "../../src/commands/usage-error.ts";
import type { NamedCause } from "../../src/model/cause.ts";
import { type Check, defineCheck } from "../../src/model/check.ts";
import { runProgram } from "../support/command-line.ts";

const explained = async (word: string | undefined, known?: Explained): Promise<string> => {
  // Room for all of it: nobody reads meanwhile.
  const stdout = new PassThrough({ highWaterMark: 1024 * 1024 });
  const code = await explain(word, { stdout, stderr: new PassThrough(), environment: {} }, known);
  expect(code).toBe(0);
  return String(stdout.read());
};

/** What `explain` says of a word that it does not know. */
const refusal = async (word: string | undefined): Promise<string> => {
  const error = await explained(word).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UsageError);
  return error instanceof UsageError ? error.message : "";
};

test.each(catalogue)(
  "$id is explained with each of its faults, and every remedy",
  async ({ id, title, why, faults }) => {
    const text = await explained(id);
    expect(text.split("\n")[0]).toBe(`${id}: ${title}`);
    expect(text).toContain(why);
    for (const [code, { blame, says, remedy }] of Object.entries(faults)) {
      expect(text).toMatch(new RegExp(`^  ${code} \\((warning|failure), blame: ${blame}\\)$`, "m"));
      expect(text).toContain(says);
      for (const step of remedy) {
        expect(text).toContain(step.text);
        for (const command of [...(step.commands ?? []), ...(step.undo ?? [])]) expect(text).toContain(`$ ${command}`);
      }
    }
  },
);

const CODES = [...new Set(catalogue.flatMap(({ faults }) => Object.keys(faults)))];

/** The checks that a section is about. */
const checksIn = (text: string): readonly string[] =>
  (text.match(/^In .*:$/gm) ?? []).flatMap((line) => line.slice(3, -1).split(", "));

test.each(CODES)("the fault code %s is explained once for each meaning, with the checks that have it", async (code) => {
  const having = catalogue.filter(({ faults }) => Object.hasOwn(faults, code)).map(({ id }) => id);
  const families = new Set(having.map((id) => (id.startsWith("outgoing-") ? "outgoing-*" : id)));
  const text = await explained(code);
  expect(new Set(checksIn(text))).toEqual(families);
  const meanings = new Set(catalogue.flatMap(({ faults }) => (code in faults ? [JSON.stringify(faults[code])] : [])));
  expect(text.match(new RegExp(`^  ${code} \\(`, "gm"))).toHaveLength(meanings.size);
});

test("what is needed first is named", async () => {
  expect(await explained("lapi-identity")).toContain("Needs: lapi-reachable, lapi-tls.");
});

test.each(causes.named)(
  "the cause $id is explained, with every remedy",
  async ({ id, title, why, blame, says, remedy }) => {
    const text = await explained(id);
    expect(text.split("\n")[0]).toBe(`${id}: ${title}`);
    for (const words of [why, says, `blame: ${blame}`]) expect(text).toContain(words);
    for (const { text: words, commands = [] } of remedy)
      for (const each of [words, ...commands]) expect(text).toContain(each);
  },
);

const SAMPLE_CHECK = defineCheck({
  id: "sample-check",
  title: "A sample",
  why: "Because.",
  roles: ["lapi"],
  contacts: "nothing",
  faults: {
    "sample-fault": {
      blame: "this-host",
      says: "{place} is wrong",
      remedy: [
        {
          text: "Restart it.",
          when: "here",
          services: ["systemd", "openrc"],
          packages: ["deb"],
          commands: ["systemctl restart sample"],
        },
        { text: "Start it anew.", services: ["container"] },
        { text: "Or wait." },
      ],
    },
    both: { blame: "this-host", says: "a fault that is called like a cause", remedy: [{ text: "Wait." }] },
  },
  run: async () => ({ status: "pass" }),
});
const SAMPLE_CAUSE: NamedCause = {
  id: "both",
  title: "A sample cause",
  why: "It shows.",
  blame: "network",
  says: "{n} hosts are gone",
  remedy: [{ text: "Find them.", packages: ["rpm"], commands: ["find {host}"], undo: ["lose {host}"] }],
  find: () => [],
};
const SAMPLE: Explained = { checks: [SAMPLE_CHECK as Check], named: [SAMPLE_CAUSE] };

test("a remedy says for which systems it is, and when", async () => {
  expect((await explained("sample-fault", SAMPLE)).split("\n").filter((line) => line.startsWith("    -"))).toEqual([
    "    - (here; services: systemd, openrc; packages: deb) Restart it.",
    "    - (services: container) Start it anew.",
    "    - Or wait.",
  ]);
});

test("a word that is a cause and a fault is explained as both", async () => {
  expect(await explained("both", SAMPLE)).toBe(
    [
      "both: A sample cause",
      "",
      "It shows.",
      "",
      "  cause, blame: network",
      "    {n} hosts are gone",
      "    - (packages: rpm) Find them.",
      "        $ find {host}",
      "      to undo:",
      "        $ lose {host}",
      "",
      "In sample-check:",
      "  both (failure, blame: this-host)",
      "    a fault that is called like a cause",
      "    - Wait.",
      "",
    ].join("\n"),
  );
});

describe("whatever a report calls something is explained", () => {
  test.each([
    ["an instance", "lapi-reachable@agent", /^lapi-reachable: Local API accepts connections\n/],
    ["an instance with a path", "config-files@/etc/crowdsec/x@y.yaml", /^config-files: /],
    ["a cause without a name", "lapi-tcp-refused", /^In lapi-reachable,[^\n]*:\n {2}tcp-refused \(failure, blame: /],
    ["the same of one place", "lapi-tcp-refused@lapi.test:8080", /^In lapi-reachable,/],
    ["by the check's whole id", "lapi-reachable-tcp-timeout@agent", /^In lapi-reachable:\n {2}tcp-timeout/],
    ["of the outgoing list", "outgoing-tcp-timeout", /^In outgoing-\*:\n {2}tcp-timeout/],
    ["of a check with a code like its own", "database-db-auth-failed", /^In database:\n {2}db-auth-failed/],
    ["of a check whose codes begin with its family", "proxy-differs@crowdsec", /^In proxy:\n {2}proxy-differs/],
  ])("%s: %s", async (_what, word, expected) => {
    expect(await explained(word)).toMatch(expected);
  });

  test("a cause without a name is explained for its own checks only", async () => {
    expect([...checksIn(await explained("metrics-tcp-refused"))].sort()).toEqual(["metrics", "metrics-target"]);
  });

  test("a cause with a name and a place is that cause", async () => {
    expect(await explained("both@203.0.113.7:443", SAMPLE)).toMatch(/^both: A sample cause\n/);
  });
});

test.each(["nothing", "", "lapi", "toString", "constructor", "__proto__", "lapi-constructor", "@agent", "*"])(
  "%p is explained by nobody",
  async (word) => {
    expect(await refusal(word)).toMatch(/^explain knows no check, fault or cause ".*": .*list" shows/);
  },
);

test.each([
  ["lapi-reachble", "lapi-reachable"],
  ["tcp-timout", "tcp-timeout"],
  ["dns-nxdomian", "dns-nxdomain"],
  ["Metrics", "metrics"],
  ["tls-untrustd@agent", "tls-untrusted"],
])("%s was meant to be %s", async (word, meant) => {
  expect(await refusal(word)).toContain(`did you mean ${meant}`);
});

test("without a word, one sentence says what is wanted and where to look", async () => {
  expect(await refusal(undefined)).toBe(
    "explain wants the id of a check, a fault code or a cause; `crowdsec-preflight list` shows them.",
  );
  const { stdout, stderr, code } = await runProgram(["explain"]);
  expect({ stdout, stderr, code }).toEqual({
    stdout: "",
    stderr:
      "crowdsec-preflight: explain wants the id of a check, a fault code or a cause; `crowdsec-preflight list` shows them.\n",
    code: 3,
  });
});

test("a word that is like none is not guessed at", async () => {
  expect(await refusal("something-entirely-different")).not.toContain("did you mean");
});

test("an endless word with control characters is shown short and without them", async () => {
  const message = await refusal(`\u001b[31m${"x".repeat(100_000)}\u0007\n`);
  expect(message.length).toBeLessThan(200);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be there
  expect(message).not.toMatch(/[\u0000-\u001f]/);
});
