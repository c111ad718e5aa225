import { describe, expect, test } from "@jest/globals";
import check from "../../checks/config-files.ts";
import type { ConfigFile, ConfigMistake } from "../../src/model/topology.ts";
import type { Version } from "../../src/model/version.ts";
import { findTopology } from "../../src/topology/index.ts";
import { fakeProber } from "../support/fake-prober.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import { BEFORE_INSTALL, fileRead } from "../support/topology.ts";

const CONFIG = fileRead("/etc/crowdsec/config.yaml", "CrowdSec's configuration");
const of = (...files: readonly ConfigFile[]) => ({ topology: { files } });
const { line: _line, ...WITHOUT_LINE } = {
  ...CONFIG,
  state: "invalid",
  line: 47,
  message: "Map keys must be unique",
} as const satisfies ConfigFile;
const BROKEN: ConfigFile = { ...WITHOUT_LINE, line: 47 };

const TYPO: ConfigMistake = {
  origin: "/etc/crowdsec/config.yaml:12",
  key: "api.server.listen_url",
  kind: "unknown-key",
  problem: "is no key that CrowdSec knows",
};
const QUOTED: ConfigMistake = {
  origin: "/etc/crowdsec/config.yaml.local:3",
  key: "prometheus.listen_port",
  kind: "wrong-kind",
  problem: "wants a number, and is text",
};
/** `api.server.listen_socket` came with 1.6.1. */
const NEW_KEY: ConfigMistake = {
  origin: "/etc/crowdsec/config.yaml:20",
  key: "api.server.listen_socket",
  kind: "unknown-key",
  problem: "is a key that only some versions of CrowdSec know",
  versions: { since: [1, 6, 1] },
};
const mistaken = (...mistakes: readonly ConfigMistake[]): ConfigFile => ({ ...CONFIG, mistakes });

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "config-syntax": ["host", "fail", "configuration", of(BROKEN)],
  "config-unknown-key": ["host", "fail", "configuration", of(mistaken(TYPO))],
  "config-wrong-kind": ["host", "fail", "configuration", of(mistaken(QUOTED))],
  "config-empty": ["host", "fail", "configuration", of({ ...CONFIG, state: "empty" })],
  "config-unreadable": [
    "host",
    "fail",
    "configuration",
    of({ ...CONFIG, state: "unreadable", message: "not a regular file" }),
  ],
  "config-missing": ["host", "fail", "configuration", of({ ...CONFIG, state: "missing" })],
};

const one = async (file: ConfigFile, given: Given = {}) =>
  (await runIn([check], { ...given, ...of(file) })).findings[0];

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

test("a mistake is told with its file, line and the parser's words, and the lines around it are shown", async () => {
  const finding = await one(BROKEN);
  expect(finding?.summary).toBe(
    "/etc/crowdsec/config.yaml:47 (CrowdSec's configuration) cannot be parsed: Map keys must be unique",
  );
  expect(finding?.remedy[0]?.commands).toEqual(["sed -n '45,49p' /etc/crowdsec/config.yaml"]);
});

test.each<[ConfigFile, string]>([
  [{ ...BROKEN, line: 1 }, "sed -n '1,3p' /etc/crowdsec/config.yaml"],
  [WITHOUT_LINE, "sed -n '1,3p' /etc/crowdsec/config.yaml"],
])("a mistake at the top shows no line before the first: %p", async (file, command) => {
  expect((await one(file))?.remedy[0]?.commands).toEqual([command]);
});

describe("what CrowdSec's strict decoder refuses", () => {
  test("is told with its key and its place, and the lines around it are shown", async () => {
    const finding = await one(mistaken(TYPO));
    expect(finding?.summary).toBe(
      "/etc/crowdsec/config.yaml:12 (CrowdSec's configuration): api.server.listen_url is no key that CrowdSec knows, and CrowdSec stops at it",
    );
    expect(finding?.remedy[0]?.commands?.[0]).toBe("sed -n '10,14p' /etc/crowdsec/config.yaml");
  });

  test("stands in the file where it is written, also when that is the overlay", async () => {
    const finding = await one(mistaken(QUOTED));
    expect(finding?.summary).toContain("/etc/crowdsec/config.yaml.local:3");
    expect(finding?.remedy[0]?.commands?.[0]).toBe("sed -n '1,5p' /etc/crowdsec/config.yaml.local");
  });

  test("is told once a file, with the places of the others", async () => {
    const { findings } = await runIn([check], of(mistaken(TYPO, QUOTED, { ...TYPO, origin: "/x.yaml:1" })));
    expect(findings).toHaveLength(1);
    expect(findings[0]?.summary).toMatch(/ \(and 2 more: \/etc\/crowdsec\/config\.yaml\.local:3, \/x\.yaml:1\)$/);
  });

  test("is told with what was probably meant", async () => {
    const finding = await one(mistaken({ ...TYPO, hint: "did you mean listen_uri?" }));
    expect(finding?.remedy[0]?.text).toContain("did you mean listen_uri?");
    expect(finding?.remedy[0]?.text).not.toMatch(/\?\./);
  });

  test.each<[string, Version | undefined, ConfigMistake["versions"], string]>([
    ["a key since 1.6.1 is fine on 1.7.8", [1, 7, 8], { since: [1, 6, 1] }, "pass"],
    ["a key since 1.6.1 is fine on 1.6.1", [1, 6, 1], { since: [1, 6, 1] }, "pass"],
    ["a key since 1.6.1 is fine on an unknown version", undefined, { since: [1, 6, 1] }, "pass"],
    ["a key since 1.6.1 is a fault on 1.6.0", [1, 6, 0], { since: [1, 6, 1] }, "fail"],
    ["a key since 1.6.1 is a fault on 1.4.6", [1, 4, 6], { since: [1, 6, 1] }, "fail"],
    ["a key until 1.6.11 is a fault on 1.7.0", [1, 7, 0], { until: [1, 6, 11] }, "fail"],
    ["a key of no version is a fault on an unknown one", undefined, undefined, "fail"],
  ])("%s", async (_name, version, versions, status) => {
    const { versions: _none, ...key } = NEW_KEY;
    const file = mistaken({ ...key, ...(versions && { versions }) });
    expect((await one(file, version && { version }))?.status).toBe(status);
  });

  test("because of its version is told with the versions that know it, and with this one", async () => {
    expect((await one(mistaken(NEW_KEY), { version: [1, 4, 6] }))?.summary).toBe(
      "/etc/crowdsec/config.yaml:20 (CrowdSec's configuration): api.server.listen_socket is a key that only some versions of CrowdSec know (1.6.1 and later; this is 1.4.6), and CrowdSec stops at it",
    );
  });

  test("in another version's eyes only does not hide the mistake behind it", async () => {
    const finding = await one(mistaken(NEW_KEY, QUOTED), { version: [1, 7, 8] });
    expect(finding?.fault?.code).toBe("config-wrong-kind");
    expect(finding?.summary).not.toContain("more");
  });
});

describe("an empty file", () => {
  test.each([
    ["CrowdSec's configuration", "fail"],
    ["profiles", "fail"],
    ["credentials for the Local API", "pass"],
    ["feature flags", "pass"],
    ["profiles, overlay", "pass"],
  ])("of %s is a %s", async (purpose, status) => {
    expect((await one({ ...CONFIG, purpose, state: "empty" }))?.status).toBe(status);
  });
});

test.each<ConfigFile["state"]>([
  "read",
  "empty",
  "optional-missing",
  "denied",
  "missing",
  "large",
  "unreadable",
  "invalid",
])("each file that counts has a finding of its own beside one that is %s", async (state) => {
  const { findings } = await runIn([check], of(CONFIG, { ...CONFIG, path: "/etc/crowdsec/other.yaml", state }));
  const status = {
    read: "pass",
    empty: "fail",
    "optional-missing": undefined,
    denied: "unknown",
    missing: "fail",
    large: "unknown",
    unreadable: "fail",
    invalid: "fail",
  }[state];
  expect(findings.map((finding) => [finding.instance, finding.status])).toEqual([
    ["config-files@/etc/crowdsec/config.yaml", "pass"],
    ...(status === undefined ? [] : [["config-files@/etc/crowdsec/other.yaml", status]]),
  ]);
});

test("a file that this user may not read asks for root", async () => {
  expect((await one({ ...CONFIG, state: "denied" }))?.reason).toBe(
    "run as root: /etc/crowdsec/config.yaml may not be read by this user",
  );
});

test.each<[string, readonly ConfigFile[]]>([
  ["no file at all", []],
  ["overlays that need not be there", [{ ...CONFIG, state: "optional-missing" }]],
])("with %s it does not apply", async (_name, files) => {
  expect(await findingOf(check, of(...files))).toMatchObject({
    instance: "config-files",
    status: "skip",
    reason: "not applicable: there is no CrowdSec configuration here",
  });
});

describe("before the install", () => {
  const LOCAL = "/etc/crowdsec/config.yaml.local";
  const judgedBefore = async (files: Record<string, string>) => {
    const input = { environment: {}, user: "root", platform: "linux", env: "auto", overrides: {} } as const;
    const { files: found } = await findTopology({ ...input, probe: fakeProber({ files }) });
    return findingOf(check, { topology: { ...BEFORE_INSTALL, files: found } });
  };

  test("there is nothing to read on a bare host", async () => {
    expect(await judgedBefore({})).toMatchObject({
      status: "skip",
      reason: "not applicable: before the install there is nothing to read",
    });
  });

  test.each<[string, string, number]>([
    ["config-syntax", "api: [\n", 2],
    ["config-syntax", "api:\n  server:\n    listen_uri: [a]\n", 3],
    ["config-unknown-key", "api:\n  servers: {}\n", 2],
    ["config-wrong-kind", "api:\n  server:\n    listen_uri: 127.0.0.1\n", 3],
    ["config-wrong-kind", "api:\n  server:\n    listen_uri: 127.0.0.1:99999\n", 3],
    ["config-wrong-kind", 'api:\n  server:\n    listen_uri: ""\n', 3],
  ])(
    "%s is told of the overlay that is there already, and nothing is started again: %p",
    async (code, content, line) => {
      const { status, fault, summary, remedy } = await judgedBefore({ [LOCAL]: content });
      expect([status, fault?.code]).toEqual(["fail", code]);
      expect(summary).toContain(`${LOCAL}:${line} (CrowdSec's configuration, overlay)`);
      expect(remedy.length).toBeGreaterThan(0);
      expect(remedy.flatMap(({ commands = [] }) => commands).join("\n")).not.toContain("systemctl");
    },
  );

  test.each([
    "",
    "api:\n  server:\n    listen_uri: 127.0.0.1:8081\n",
    "api: {server: {listen_uri: $LISTEN}}\n",
    "api:\n  server:\n    listen_uri: '[fe80::1%lo]:8080'\n",
  ])("an overlay that CrowdSec can read passes: %p", async (content) => {
    expect((await judgedBefore({ [LOCAL]: content })).status).toBe("pass");
  });
});

test("whatever file the topology misses, there is a remedy that fits it", async () => {
  const content = [
    "api:",
    "  client:",
    "    credentials_path: /etc/crowdsec/local_api_credentials.yaml",
    "  server:",
    "    profiles_path: /etc/crowdsec/profiles.yaml",
    "    online_client:",
    "      credentials_path: /etc/crowdsec/online_api_credentials.yaml",
  ].join("\n");
  const missingWith = async (files: Record<string, string>): Promise<readonly ConfigFile[]> => {
    const overrides = { config: "/etc/crowdsec/config.yaml" };
    const input = {
      probe: fakeProber({ files }),
      environment: {},
      user: "root",
      platform: "linux",
      env: "auto",
      overrides,
    } as const;
    return (await findTopology(input)).files.filter(({ state }) => state === "missing");
  };
  const missing = [...(await missingWith({})), ...(await missingWith({ "/etc/crowdsec/config.yaml": content }))];
  expect(missing.map(({ path }) => path)).toEqual([
    "/etc/crowdsec/config.yaml",
    "/etc/crowdsec/local_api_credentials.yaml",
    "/etc/crowdsec/online_api_credentials.yaml",
    "/etc/crowdsec/profiles.yaml",
  ]);
  const { findings } = await runIn([check], of(...missing));
  const texts = findings.map(({ remedy }) => remedy.map(({ text }) => text).join());
  expect(new Set(texts).size).toBe(4);
  expect(texts).not.toContain("");
});
