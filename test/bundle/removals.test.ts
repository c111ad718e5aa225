import { expect, test } from "@jest/globals";
import { countByRule, removalsText } from "../../src/bundle/removals.ts";

const REMOVALS = [
  { file: "files/etc/crowdsec/config.yaml", line: 112, rule: "key password", count: 1 },
  { file: "report.json", line: 1, rule: "value known from elsewhere", count: 2 },
  { file: "files/etc/crowdsec/config.yaml", line: 9, rule: "private key", count: 1 },
  { file: "report.json", line: 1, rule: "value known from elsewhere", count: 3 },
  { file: "files/etc/crowdsec/config.yaml", line: 9, rule: "key password", count: 1 },
];

test("where something was taken out is found by file and line, with each rule once a line", () => {
  expect(removalsText(REMOVALS)).toBe(
    [
      "file:line                           rule                        count",
      "files/etc/crowdsec/config.yaml:9    key password                1",
      "files/etc/crowdsec/config.yaml:9    private key                 1",
      "files/etc/crowdsec/config.yaml:112  key password                1",
      "report.json:1                       value known from elsewhere  5",
      "",
    ].join("\n"),
  );
});

test("that nothing was taken out is said, too", () => {
  expect(removalsText([])).toBe("Nothing was taken out: no secret was found.\n");
});

test("the rule that took out most comes first", () => {
  expect(countByRule(REMOVALS)).toEqual([
    { rule: "value known from elsewhere", count: 5 },
    { rule: "key password", count: 2 },
    { rule: "private key", count: 1 },
  ]);
  expect(countByRule([])).toEqual([]);
});
