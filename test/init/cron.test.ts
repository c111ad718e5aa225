import { expect, test } from "@jest/globals";
import { cronFiles } from "../../src/init/cron.ts";
import { byShell } from "./words.ts";

const command = ["/opt/node js/node", "/opt/50%/bin/crowdsec-preflight.js"];
const [table, ...others] = cronFiles({ command, version: "1.2.3" });
const content = table?.content ?? "";
const lines = content.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

test("one table, with a name that cron takes: one with a dot it would leave alone", () => {
  expect(others).toEqual([]);
  expect(table?.path).toMatch(/^\/etc\/cron\.d\/[A-Za-z0-9_-]+$/);
});

test("cron refuses a table without a line break at its end", () => {
  expect(content.endsWith("\n")).toBe(true);
});

test("every line is a variable, or five fields of time, root and the command", () => {
  expect(lines.slice(0, -1)).toEqual([
    "SHELL=/bin/sh",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  ]);
  const [, call = ""] = /^\*\/5 \* \* \* \* root (.*)$/.exec(lines.at(-1) ?? "") ?? [];
  expect(byShell(call.replaceAll("\\%", "%"))).toEqual([
    ...command,
    ...["--cron", "--splay", "30s", "--confirm", "2/3", "--remind", "24h"],
  ]);
});

test("it says who made it, where the mail goes, and what to do where there is none", () => {
  expect(content).toMatch(/^# crowdsec-preflight 1\.2\.3: /);
  expect(content).toContain("\n#MAILTO=");
  expect(content).toContain("Where this host sends no mail");
});
