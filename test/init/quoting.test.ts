import { describe, expect, test } from "@jest/globals";
import {
  cronCommand,
  icingaCommand,
  nagiosCommand,
  nrpeCommand,
  sudoersCommand,
  systemdCommand,
} from "../../src/init/quoting.ts";
import { byShell, ODD_WORDS } from "./words.ts";

/** What cron hands to the shell; undefined where it would have cut the command off (Debian's cron, do_command.c). */
const byCron = (line: string): string | undefined => {
  let command = "";
  let isEscaped = false;
  for (const letter of line) {
    if (letter === "%" && !isEscaped) return undefined;
    command = letter === "%" ? `${command.slice(0, -1)}%` : `${command}${letter}`;
    isEscaped = !isEscaped && letter === "\\";
  }
  return command;
};

/** What Nagios and NRPE make of dollar signs; undefined where a macro would have been filled in. */
const byMacros = (command: string): string | undefined =>
  command.split("$$").some((part) => part.includes("$")) ? undefined : command.replaceAll("$$", "$");

/** xdata/xodtemplate.c of Nagios 4: a semicolon without a backslash ends a line, and the backslash goes. */
const byNagios = (line: string): string | undefined =>
  /(^|[^\\]);/.test(line) ? undefined : byMacros(line.replaceAll("\\;", ";"));

describe.each(ODD_WORDS)("a path with %p in it", (word) => {
  const words = ["/usr/bin/node", word, `/x/${word}/y`, "-o"];

  test("is what cron's shell starts", () => {
    const command = byCron(cronCommand(words));
    expect(command).toBeDefined();
    expect(byShell(command ?? "")).toEqual(words);
  });

  test("is what Nagios and NRPE start", () => {
    for (const command of [byNagios(nagiosCommand(words)), byMacros(nrpeCommand(words))]) {
      expect(command).toBeDefined();
      expect(byShell(command ?? "")).toEqual(words);
    }
  });

  test("is what Icinga starts", () => {
    const strings: string[] = JSON.parse(icingaCommand(words));
    expect(strings.map(byMacros)).toEqual(words);
  });
});

test("what is plain stays as it is", () => {
  const words = [
    "/usr/bin/node",
    "/usr/lib/node_modules/crowdsec-preflight/bin/crowdsec-preflight.js",
    "--confirm",
    "2/3",
  ];
  for (const quoted of [cronCommand, systemdCommand, nrpeCommand, nagiosCommand, sudoersCommand])
    expect(quoted(words)).toBe(words.join(" "));
});

test("systemd's specifiers and variables are none", () => {
  expect(systemdCommand(["/opt/50% $x/node", "/opt/50% $x/js", "%n", "$A", 'a"b', "a\\b", "it's"])).toBe(
    String.raw`"/opt/50%% $x/node" "/opt/50%% $$x/js" "%%n" "$$A" "a\"b" "a\\b" "it's"`,
  );
});

test("sudoers' separators are none", () => {
  expect(sudoersCommand(["/opt/two words/a,b", "c=d:e", "#f"])).toBe(String.raw`/opt/two\ words/a\,b c\=d\:e \#f`);
});

test("sudoers' patterns are none: a star would allow what is beside it, too", () => {
  expect(sudoersCommand(["/n", "/a*b?[c]", "a\\b"])).toBe(String.raw`/n /a\*b\?\[c] a\\\\b`);
});
