import { expect, test } from "@jest/globals";
import { shown } from "./structures.ts";

test.each([
  ["# password:\n#   Hunter2zz\na: 1\n", "# password:\n#   REDACTED-1\na: 1\n"],
  ["a: 1\n# password: |\n#   Hunter2zz\n", "a: 1\n# password: |\n#   REDACTED-1\n"],
  ["# password:\n#   'Hunter2zz'\na: 1\n", "# password:\n#   'REDACTED-1'\na: 1\n"],
  ["# previous db password was Marmalade99sky\na: 1\n", "# previous db password was REDACTED-1\na: 1\n"],
  ["a: 1 # old password was marmalade.\n", "a: 1 # old password was REDACTED-1.\n"],
  ["# token of the old host (Marmalade99sky), gone\n", "# token of the old host (REDACTED-1), gone\n"],
  ["# api key of crowdsec-agent-01\nhost: crowdsec-agent-01\n", "# api key of REMOVED\nhost: crowdsec-agent-01\n"],
  ["# key of jane99@example.org, 2024-01-01T10:00:00Z\n", "# key of jane99@example.org, 2024-01-01T10:00:00Z\n"],
  ["# password:\n#   length: 12\na: 1\n", "# password:\n#   length: 12\na: 1\n"],
  [
    "# the key is mandatory, see https://docs.crowdsec.net/u1/token and v1.7.8\n",
    "# the key is mandatory, see https://docs.crowdsec.net/u1/token and v1.7.8\n",
  ],
  [
    "# tokens are hashed with sha-512 since 2024-01-01 in /etc/x/token9.yaml\n",
    "# tokens are hashed with sha-512 since 2024-01-01 in /etc/x/token9.yaml\n",
  ],
])("in the comments of %j only what is secret goes", (text, expected) => {
  expect(shown(text, "yaml")).toBe(expected);
});

test("words made to hold up who reads a comment do not", () => {
  const begun = performance.now();
  const text = `# password ${`${"a".repeat(190)}1!x `.repeat(9)}\n`.repeat(500);
  shown(text, "yaml");
  expect(performance.now() - begun).toBeLessThan(20_000);
});
