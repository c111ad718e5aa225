import { execFileSync } from "node:child_process";
import { expect, test } from "@jest/globals";
import { cronFiles } from "../../src/init/cron.ts";
import type { InitFile } from "../../src/init/file.ts";
import { prometheusFiles } from "../../src/init/prometheus.ts";

const INPUT = { command: ["/usr/bin/crowdsec-preflight"], version: "1.2.3" };
const contentOf = (path: string, input = INPUT): string =>
  prometheusFiles(input).find((file) => file.path === path)?.content ?? "";
const CRON = "/etc/cron.d/crowdsec-preflight-textfile";

test("each file belongs where Debian's packages look for it", () => {
  expect(prometheusFiles(INPUT).map(({ path }) => path)).toEqual([
    CRON,
    "/etc/prometheus/rules/crowdsec-preflight.yml",
    "/var/lib/grafana/dashboards/crowdsec-preflight.json",
  ]);
  for (const { content, what } of prometheusFiles(INPUT)) {
    expect(content).toMatch(/[^\n]\n$/);
    expect(what).toMatch(/^On .*\.$/);
  }
});

/** The command line of a cron table, as cron hands it to the shell. */
const lineOf = (table: string): string => {
  const [line = "", ...others] = table.split("\n").filter((text) => /^[*\d]/.test(text));
  expect(others).toEqual([]);
  const [, command = ""] = /^\*\/5 \* \* \* \* root (.*)$/.exec(line) ?? [];
  expect(command).not.toMatch(/(?<!\\)%/);
  return command.replaceAll("\\%", "%");
};

test("cron writes the file that node_exporter reads, every five minutes, and not all hosts at once", () => {
  expect(lineOf(contentOf(CRON))).toBe(
    [
      "mkdir -p -m 0700 /var/lib/crowdsec-preflight &&",
      "/usr/bin/crowdsec-preflight --cron --splay 30s --state /var/lib/crowdsec-preflight/textfile.json",
      "--report prometheus=/var/lib/prometheus/node-exporter/crowdsec-preflight.prom >/dev/null",
    ].join(" "),
  );
});

test("it never waits for the lock of init cron, nor mails what that one mails", () => {
  const of = (files: readonly InitFile[]): string => lineOf(files[0]?.content ?? "");
  expect(of(prometheusFiles(INPUT))).toMatch(/ --state \S+ .*>\/dev\/null$/);
  expect(of(cronFiles(INPUT))).not.toMatch(/--state|>/);
});

test("a command with any letter in it is the same to cron's shell", () => {
  const command = ["/opt/it's 100% $HOME/node", "a b", '"', "\\", "*"];
  const [, line = ""] = / && (.*) >\/dev\/null$/.exec(lineOf(contentOf(CRON, { ...INPUT, command }))) ?? [];
  const words = execFileSync("/bin/sh", ["-c", `printf '%s\\n' ${line}`], { encoding: "utf8" }).split("\n");
  expect(words.slice(0, 6)).toEqual([...command, "--cron"]);
});
