import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { parse, parseAllDocuments } from "yaml";
import type { Secret } from "../../src/model/secret.ts";
import type { Environment, Expansion } from "../../src/topology/expansion.ts";
import { rehearsalEnvironment, rehearsalFiles } from "../../src/topology/rehearsal.ts";
import { parseYamlDocuments, type Tree } from "../../src/topology/yaml-tree.ts";

const CANARY = "canary-4dd1-secret";

/** `${NAME}`, which the linter would take for a mistake. */
const braced = (name: string): string => `$\{${name}}`;

const trees = (content: string): readonly Tree[] => {
  const parsed = parseYamlDocuments(content, "f");
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.trees;
};

interface Given {
  readonly profiles?: string;
  readonly expansion?: Expansion;
  readonly environment?: Environment;
}

/** The files of a rehearsal of this configuration. */
const rehearse = (main: string, given: Given = {}): Readonly<Record<string, Secret>> => {
  const { profiles, expansion = "strict", environment = {} } = given;
  const [tree] = trees(main);
  if (tree === undefined) throw new Error("no configuration");
  const files = rehearsalFiles(tree, profiles === undefined ? undefined : trees(profiles), expansion, environment);
  expect(JSON.stringify(files)).not.toContain(CANARY);
  expect(inspect(files, { depth: null })).not.toContain(CANARY);
  return files;
};
/** The copy of config.yaml, as crowdsec would read it. */
const configOf = (main: string, given?: Given): unknown => parse(rehearse(main, given)["config.yaml"]?.reveal() ?? "");

const PACKAGE = `common:
  daemonize: true
  log_media: file
  log_level: info
  log_dir: /var/log/
  pid_dir: var/run
  working_dir: .
config_paths:
  config_dir: /etc/crowdsec/
  data_dir: var/lib/crowdsec/data/
  simulation_path: etc/crowdsec/simulation.yaml
  hub_dir: /etc/crowdsec/hub/
  notification_dir: ''
crowdsec_service:
  acquisition_path: etc/crowdsec/acquis.yaml
  acquisition_dir: /etc/crowdsec/acquis.d
  parser_routines: 1
db_config:
  type: postgresql
  host: db.test
  user: crowdsec
  password: ${CANARY}
  port: 5432
api:
  client:
    insecure_skip_verify: false
    credentials_path: etc/crowdsec/local_api_credentials.yaml
  server:
    log_level: info
    listen_uri: 127.0.0.1:8080
    profiles_path: etc/crowdsec/profiles.yaml
    trusted_ips: [127.0.0.1, '::1']
    online_client:
      credentials_path: /etc/crowdsec/online_api_credentials.yaml
    tls:
      cert_file: etc/lapi.pem
      key_file: /etc/lapi.key
prometheus:
  enabled: true
  level: full
  listen_addr: 127.0.0.1
  listen_port: 6060
`;

test("the copy is the configuration, tamed: no database, no Central API, no log file, no listener, paths absolute", () => {
  expect(configOf(PACKAGE, { profiles: "name: x\n" })).toEqual({
    common: { daemonize: false, log_media: "stdout", log_level: "info", working_dir: "/" },
    config_paths: {
      config_dir: "/etc/crowdsec",
      data_dir: "/var/lib/crowdsec/data",
      simulation_path: "/etc/crowdsec/simulation.yaml",
      hub_dir: "/etc/crowdsec/hub",
      notification_dir: "",
    },
    crowdsec_service: {
      acquisition_path: "/etc/crowdsec/acquis.yaml",
      acquisition_dir: "/etc/crowdsec/acquis.d",
      parser_routines: 1,
    },
    db_config: { type: "sqlite", db_path: "{folder}/crowdsec.db", use_wal: false },
    api: {
      client: { insecure_skip_verify: false, credentials_path: "/etc/crowdsec/local_api_credentials.yaml" },
      server: {
        log_level: "info",
        listen_uri: "127.0.0.1:8080",
        profiles_path: "{folder}/profiles.yaml",
        trusted_ips: ["127.0.0.1", "::1"],
        tls: { cert_file: "/etc/lapi.pem", key_file: "/etc/lapi.key" },
      },
    },
    prometheus: { enabled: false, level: "full", listen_addr: "127.0.0.1", listen_port: 6060 },
  });
});

test("what the configuration does not have is not made up, but for the log and the database", () => {
  const tamed = {
    common: { log_media: "stdout", daemonize: false },
    db_config: { type: "sqlite", db_path: "{folder}/crowdsec.db", use_wal: false },
  };
  expect(configOf("{}\n")).toEqual(tamed);
  expect(configOf("common:\napi:\nprometheus:\n")).toEqual({ ...tamed, api: null, prometheus: null });
  expect(configOf("api:\n  client: {}\n  server:\n", { profiles: "name: x\n" })).toEqual({
    ...tamed,
    api: { client: {}, server: null },
  });
});

test("what CrowdSec would refuse stays in, so that it refuses it", () => {
  expect(
    configOf("common: {http_proxies: x}\napi: {server: {listen_uri: [1]}}\nnonsense: {a_path: 1}\n"),
  ).toMatchObject({
    common: { http_proxies: "x" },
    api: { server: { listen_uri: [1] } },
    nonsense: { a_path: 1 },
  });
});

test("profiles that cannot be copied stay where they are", () => {
  expect(configOf(PACKAGE)).toMatchObject({ api: { server: { profiles_path: "/etc/crowdsec/profiles.yaml" } } });
  expect(Object.keys(rehearse(PACKAGE))).toEqual(["config.yaml"]);
});

describe("the copied profiles", () => {
  const profilesOf = (profiles: string, given: Omit<Given, "profiles"> = {}): unknown => {
    const text = rehearse(PACKAGE, { ...given, profiles })["profiles.yaml"]?.reveal() ?? "";
    return parseAllDocuments(text).map((document) => (document as { toJS(): unknown }).toJS());
  };

  test("notify nobody, and are otherwise the same", () => {
    const profiles = `name: one\nfilters: ['Alert.Remediation == true']\ndecisions: [{type: ban, duration: 4h}]\nnotifications: [mail]\non_success: break\n---\nname: two\nnotifications: [${CANARY}]\n`;
    expect(profilesOf(profiles)).toEqual([
      {
        name: "one",
        filters: ["Alert.Remediation == true"],
        decisions: [{ type: "ban", duration: "4h" }],
        on_success: "break",
      },
      { name: "two" },
    ]);
  });

  test("keep their dollar signs", () => {
    expect(profilesOf("name: $NAME\n", { environment: { NAME: "x" } })).toEqual([{ name: "$NAME" }]);
  });

  test("that are no profiles are left for CrowdSec to refuse", () => {
    expect(profilesOf("- a\n- b\n")).toEqual([["a", "b"]]);
  });
});

describe("variables", () => {
  const environment = { PORT: "6061", ON: "true", NAME: "me", DATA: "/srv/data", LATER: "00123abc", EMPTY: "" };
  const config = (lines: string, expansion: Expansion = "strict"): unknown => {
    const whole = configOf(`x:\n${lines}`, { expansion, environment });
    return (whole as { readonly x: unknown }).x;
  };

  test.each([
    ["a number", "  a: $PORT\n", { a: 6061 }],
    ["a boolean", `  a: ${braced("ON")}\n`, { a: true }],
    ["a word", "  a: $NAME\n", { a: "me" }],
    ["a part of a text", "  a: 127.0.0.1:$PORT\n", { a: "127.0.0.1:6061" }],
    ["an item of a list", "  - $PORT\n", [6061]],
    ["a path", "  a_dir: $DATA/x\n", { a_dir: "/srv/data/x" }],
    ["nothing", "  a: $EMPTY\n", { a: "" }],
    ["text that begins like a number", "  a: $LATER\n", { a: "00123abc" }],
  ])("that stand for %s are that", (_what, lines, expected) => {
    expect(config(lines)).toEqual(expected);
  });

  test("that nobody knows stay since 1.5, and vanish before", () => {
    expect(config("  a: x$NOWHERE\n")).toEqual({ a: "x$NOWHERE" });
    expect(config("  a: x$NOWHERE\n  b: pa$$word\n", "empty")).toEqual({ a: "x", b: "paword" });
  });

  test("leave numbers and texts as they were", () => {
    expect(config("  a: 1\n  b: '1'\n  c: 'true'\n  d: true\n  e: 1.5\n  f: ~\n  g: '0x10'\n")).toEqual({
      a: 1,
      b: "1",
      c: "true",
      d: true,
      e: 1.5,
      f: null,
      g: "0x10",
    });
  });
});

describe("the environment", () => {
  /** The variables as the rehearsed program gets them; for everybody else they are masked. */
  const given = (content: string, environment: Environment): Readonly<Record<string, string>> => {
    const variables = rehearsalEnvironment(content, environment);
    for (const value of Object.values(variables)) expect(JSON.stringify(value)).toBe('"[secret]"');
    return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, value.reveal()]));
  };

  test("holds the variables that the acquisition files name, feature flags, and no other", () => {
    const environment = {
      KAFKA_PASSWORD: "k",
      KAFKA_HOST: "h",
      UNNAMED: "u",
      PATH: "/usr/bin",
      CROWDSEC_FEATURE_RE2_GROK_SUPPORT: "true",
      CROWDSEC_OTHER: "o",
    };
    const content = `brokers: [$KAFKA_HOST:9092]\npassword: ${braced("KAFKA_PASSWORD")}\nlog: $NOWHERE\n`;
    expect(given(content, environment)).toEqual({
      KAFKA_HOST: "h",
      KAFKA_PASSWORD: "k",
      CROWDSEC_FEATURE_RE2_GROK_SUPPORT: "true",
    });
  });

  test.each(["HTTP_PROXY", "https_proxy", "NO_PROXY", "all_proxy", "FTP_PROXY"])(
    "never holds a proxy, even where it is named: %s",
    (name) => {
      expect(given(`url: $${name}\n`, { [name]: "http://proxy.test/" })).toEqual({});
    },
  );

  test("has no variable without a value", () => {
    expect(given("a: $A $B\n", { A: undefined, B: "" })).toEqual({ B: "" });
  });
});
