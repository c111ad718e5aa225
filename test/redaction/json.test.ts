import { expect, test } from "@jest/globals";
import { shown } from "./structures.ts";

test.each([
  ["a key", '{"api_key": "canary", "n": [1, true, null]}', '{"api_key": "REDACTED-1", "n": [1, true, null]}'],
  ["a secret with quotes", '{"password":"a\\"b\\\\c"}', '{"password":"REDACTED-1"}'],
  ["a number", '{"password": 123456, "token_ttl": 60}', '{"password": "REDACTED-1", "token_ttl": 60}'],
  [
    "a list of secrets",
    '{"tokens": ["canary", "canary2"], "names": ["a"]}',
    '{"tokens": ["REDACTED-1", "REDACTED-2"], "names": ["a"]}',
  ],
  [
    "a pair",
    '{"env": [{"name": "DB_PASSWORD", "value": "canary"}, {"name": "TZ", "value": "UTC"}]}',
    '{"env": [{"name": "DB_PASSWORD", "value": "REDACTED-1"}, {"name": "TZ", "value": "UTC"}]}',
  ],
  [
    "the CTI key",
    '{"cti": {"key": "canary"}, "labels": {"key": "value"}}',
    '{"cti": {"key": "REDACTED-1"}, "labels": {"key": "value"}}',
  ],
  ["a webhook", '{"webhook": "https://h/x/canary"}', '{"webhook": "https://h/REDACTED-1"}'],
  ["lines of it", '{"token":"canary"}\n{"token":"canary"}\n', '{"token":"REDACTED-1"}\n{"token":"REDACTED-1"}\n'],
  ["what was cut off", '{"a": 1, "password": "can', '{"a": 1, "password": "REDACTED-1"'],
  [
    "what this tool masks itself",
    '{"password":"[secret]","x":{"$secret":"REDACTED-4"},"y":{"$secret":"…"}}',
    '{"password":"[secret]","x":{"$secret":"REDACTED-4"},"y":{"$secret":"…"}}',
  ],
])("%s: what is secret is gone, and nothing else", (_what, text, expected) => {
  expect(shown(text, "json")).toBe(expected);
});
