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
  ["password: Zeta77plum # old: Marmalade99sky\n", "password: REDACTED-1 # old: REDACTED-2\n"],
  ["password: Zeta77plum # old: marmalade\n", "password: REDACTED-1 # old: REDACTED-2\n"],
  [
    "password: Zeta77plum # before 2024: Marmalade99sky, then this\n",
    "password: REDACTED-1 # before 2024: REDACTED-2, then this\n",
  ],
  ["# db pw: Hunter2zz\na: 1\n", "# db pw: REDACTED-1\na: 1\n"],
  ["# key=Hunter2zz\na: 1\n", "# key=REDACTED-1\na: 1\n"],
  ["# Passwort (alt): Hunter2zz\na: 1\n", "# Passwort (alt): REDACTED-1\na: 1\n"],
  ["# Hunter2zz is the password\na: 1\n", "# REDACTED-1 is the password\na: 1\n"],
  ["# old one: Marmalade\npassword: Zeta77plum\n", "# old one: REDACTED-2\npassword: REDACTED-1\n"],
  ["# old one: Marmalade\nmode: x\n", "# old one: Marmalade\nmode: x\n"],
  [
    "# this is the password of the database\na: 1 # the token: required\n",
    "# this is the password of the database\na: 1 # the token: required\n",
  ],
  [
    "# key: value\n# password of the database, since v1.6.3\npassword: Zeta77plum # as given by your provider\n",
    "# key: value\n# password of the database, since v1.6.3\npassword: REDACTED-1 # as given by your provider\n",
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

test("a private key in comments leaves comments behind, so that the file can still be read", () => {
  const body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
  const text = `a:\n  # -----BEGIN PRIVATE KEY-----\n  # ${body}\n  # ${body}\n  # -----END PRIVATE KEY-----\n  b: 1\n`;
  expect(shown(text, "yaml")).toBe(
    "a:\n  # -----BEGIN PRIVATE KEY-----\n  # REDACTED-1\n  #\n  # -----END PRIVATE KEY-----\n  b: 1\n",
  );
});
