import { expect, test } from "@jest/globals";
import check from "../../checks/config-files.ts";
import type { ConfigFile } from "../../src/model/topology.ts";
import { findTopology } from "../../src/topology/index.ts";
import { fakeProber } from "../support/fake-prober.ts";
import { expectFault, type FaultCase, findingOf, runIn } from "../support/run.ts";

const CONFIG: ConfigFile = { path: "/etc/crowdsec/config.yaml", purpose: "CrowdSec's configuration", state: "read" };
const of = (...files: readonly ConfigFile[]) => ({ topology: { files } });
const BROKEN: ConfigFile = { ...CONFIG, state: "invalid", line: 47, message: "Map keys must be unique" };

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "config-syntax": ["host", "fail", "configuration", of(BROKEN)],
  "config-unreadable": [
    "host",
    "fail",
    "configuration",
    of({ ...CONFIG, state: "unreadable", message: "not a regular file" }),
  ],
  "config-missing": ["host", "fail", "configuration", of({ ...CONFIG, state: "missing" })],
};

const one = async (file: ConfigFile) => (await runIn([check], of(file))).findings[0];

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  const { findings } = await runIn([check], row[3]);
  expect(findings).toHaveLength(1);
  for (const finding of findings) expectFault(finding, code, row);
});

test("a mistake is told with its file, line and the parser's words, and the lines around it are shown", async () => {
  const finding = await one(BROKEN);
  expect(finding?.summary).toBe(
    "/etc/crowdsec/config.yaml:47 (CrowdSec's configuration) cannot be parsed: Map keys must be unique",
  );
  expect(finding?.remedy[0]?.commands).toEqual(["sed -n '45,49p' /etc/crowdsec/config.yaml"]);
});

test.each([
  [{ ...BROKEN, line: 1 }, "sed -n '1,3p' /etc/crowdsec/config.yaml"],
  [{ path: CONFIG.path, purpose: CONFIG.purpose, state: "invalid" }, "sed -n '1,3p' /etc/crowdsec/config.yaml"],
] satisfies [ConfigFile, string][])(
  "a mistake at the top shows no line before the first: %p",
  async (file, command) => {
    expect((await one(file))?.remedy[0]?.commands).toEqual([command]);
  },
);

test.each<ConfigFile["state"]>(["read", "optional-missing", "denied", "missing", "unreadable", "invalid"])(
  "each file that counts has a finding of its own beside one that is %s",
  async (state) => {
    const { findings } = await runIn([check], of(CONFIG, { ...CONFIG, path: "/etc/crowdsec/other.yaml", state }));
    expect(findings.map(({ instance, status }) => [instance, status])).toEqual([
      ["config-files@/etc/crowdsec/config.yaml", "pass"],
      ...{
        read: [["config-files@/etc/crowdsec/other.yaml", "pass"]],
        "optional-missing": [],
        denied: [["config-files@/etc/crowdsec/other.yaml", "unknown"]],
        missing: [["config-files@/etc/crowdsec/other.yaml", "fail"]],
        unreadable: [["config-files@/etc/crowdsec/other.yaml", "fail"]],
        invalid: [["config-files@/etc/crowdsec/other.yaml", "fail"]],
      }[state],
    ]);
  },
);

test("a file that this user may not read asks for root", async () => {
  expect((await one({ ...CONFIG, state: "denied" }))?.reason).toBe(
    "run as root: /etc/crowdsec/config.yaml may not be read by this user",
  );
});

test("without any configuration it does not apply", async () => {
  expect((await findingOf(check, of())).status).toBe("skip");
});

test("whatever file the topology misses, there is a remedy that fits it", async () => {
  const content = [
    "api:",
    "  client:",
    "    credentials_path: /etc/crowdsec/local_api_credentials.yaml",
    "  server:",
    "    online_client:",
    "      credentials_path: /etc/crowdsec/online_api_credentials.yaml",
  ].join("\n");
  const missingWith = async (files: Record<string, string>): Promise<readonly ConfigFile[]> => {
    const overrides = { config: "/etc/crowdsec/config.yaml" };
    const input = { probe: fakeProber({ files }), environment: {}, user: "root", platform: "linux", overrides };
    return (await findTopology(input)).files.filter(({ state }) => state === "missing");
  };
  const missing = [...(await missingWith({})), ...(await missingWith({ "/etc/crowdsec/config.yaml": content }))];
  expect(missing.map(({ path }) => path)).toEqual([
    "/etc/crowdsec/config.yaml",
    "/etc/crowdsec/local_api_credentials.yaml",
    "/etc/crowdsec/online_api_credentials.yaml",
  ]);
  const { findings } = await runIn([check], of(...missing));
  const texts = findings.map(({ remedy }) => remedy.map(({ text }) => text).join());
  expect(new Set(texts).size).toBe(3);
  expect(texts).not.toContain("");
});
