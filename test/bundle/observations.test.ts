import { describe, expect, test } from "@jest/globals";
import { shownObservation } from "../../src/bundle/observations.ts";
import { createRedactor } from "../../src/redaction/create.ts";

/** A process's words, studied and then shown. */
const shownArguments = (...argv: readonly string[]): readonly string[] => {
  const redactor = createRedactor();
  // What a configuration of this host has for its password, and its user is called.
  redactor.study("db_config:\n  user: crowdsec\n  password: crowdsec\n", "yaml", "config.yaml");
  const recorded = { probe: "processes", question: "x", answer: [{ pid: 1, argv, ageSeconds: 1 }] } as const;
  const variable = (_name: string, value: string): string => value;
  const { standIn } = redactor;
  shownObservation(recorded, {
    text: (text, kind, name) => {
      redactor.study(text, kind, name);
      return text;
    },
    standIn,
    secret: redactor.note,
    variable,
  });
  const shown = shownObservation(recorded, {
    text: (text, kind) => redactor.redact(text, kind).text,
    standIn,
    secret: redactor.note,
    variable,
  });
  return (shown.answer as readonly { readonly argv: readonly string[] }[])[0]?.argv ?? [];
};

const REDACTED = expect.stringMatching(/^REDACTED-\d+ ?$/);

describe("the arguments of a process", () => {
  test.each<[string, string[], unknown[]]>([
    ["a value behind its option", ["--api-key", "Hunt3r-two"], ["--api-key", REDACTED]],
    ["with blanks in it", ["--api-key", "Hunt3r two words"], ["--api-key", REDACTED]],
    ["with what a shell would take for its own", ["--password", "a|bHunt3r;c"], ["--password", REDACTED]],
    ["in one word with its option", ["--password=it's Two0"], [expect.stringMatching(/^--password=REDACTED-\d+ ?$/)]],
    ["that is an ordinary word", ["--password", "crowdsec"], ["--password", REDACTED]],
    ["a login", ["-u", "bob:Hunt3r-two"], ["-u", expect.stringMatching(/^(bob|REDACTED-\d+):REDACTED-\d+ ?$/)]],
  ])("%s is taken out", (_words, given, expected) => {
    expect(shownArguments("/usr/bin/curl", ...given)).toEqual(["/usr/bin/curl", ...expected]);
  });

  test.each([
    ["-c", "/etc/crowdsec/config.yaml"],
    ["-s", "crowdsec"],
    ["-dsn", "file:///var/log/x"],
    ["--key-file", "/etc/ssl/key.pem"],
  ])("%s %s stays", (...words) => {
    expect(shownArguments("/usr/bin/crowdsec", ...words)).toEqual(["/usr/bin/crowdsec", ...words]);
  });
});

test("what this tool itself has run is asked again in the same words, whatever the password is", () => {
  const redactor = createRedactor();
  redactor.study("db_config:\n  password: crowdsec\n", "yaml", "config.yaml");
  const question = { argv: ["/usr/bin/dpkg-query", "-s", "crowdsec"], timeoutMs: 1 };
  const shown = shownObservation(
    { probe: "command", question },
    {
      text: (text, kind) => redactor.redact(text, kind).text,
      standIn: redactor.standIn,
      secret: redactor.note,
      variable: (_name, value) => value,
    },
  );
  expect(shown.question).toEqual(question);
});
