import { execFileSync } from "node:child_process";

/** Words that mean something to a shell, to cron, systemd, Nagios, NRPE, Icinga or sudo; nothing may come of that. */
export const ODD_WORDS = [
  "/opt/two words/bin",
  "it's",
  'say "hello"',
  "50%",
  "%%",
  "\\%",
  "\\\\%",
  "'%",
  "%n",
  "$HOME",
  "\u0024{HOME}",
  "$$",
  "$ARG1$",
  "a;b",
  "\\;",
  ";",
  "#comment",
  "back\\slash",
  "\\n",
  "ends\\",
  "`id`",
  "$(id)",
  "a|b&c>d<e",
  "!bang",
  "*?[a]",
  "~root",
  "{a,b}",
  "a=b",
  "grün",
  "-o",
] as const;

/** What a shell hands to a program. */
export const byShell = (command: string): readonly string[] =>
  execFileSync("/bin/sh", ["-c", `for word in ${command}; do printf '%s\\0' "$word"; done`], {
    encoding: "utf8",
    env: { HOME: "/nowhere" },
  })
    .split("\0")
    .slice(0, -1);
