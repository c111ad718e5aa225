import { describe, expect, test } from "@jest/globals";
import type { ConfigMistake } from "../../src/model/topology.ts";
import { type Version, within } from "../../src/model/version.ts";
import {
  CONFIG_SHAPE,
  CREDENTIALS_SHAPE,
  FEATURE_SHAPE,
  ONLINE_SHAPE,
  PROFILE_SHAPE,
  SHAPES_KNOW,
} from "../../src/topology/config-shapes.ts";
import { judgeTree, type Shape } from "../../src/topology/shape.ts";
import { parseYamlDocuments } from "../../src/topology/yaml-tree.ts";

/** What is wrong with every document of a file, for a version. */
const judge = (content: string, shape: Shape, version: Version = SHAPES_KNOW): readonly ConfigMistake[] => {
  const parsed = parseYamlDocuments(content, "/etc/crowdsec/x.yaml");
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.trees
    .flatMap((tree) => judgeTree(tree, shape))
    .filter(({ versions }) => versions === undefined || !within(version, versions));
};

const keys = (mistakes: readonly ConfigMistake[]): readonly string[] => mistakes.map(({ key }) => key);

/** The settings of the config.yaml in Debian's package of 1.4.6, with the ones that it shows as comments. */
const DEBIAN = `
common:
  daemonize: true
  log_media: file
  log_level: info
  log_dir: /var/log/
  log_max_size: 20
  compress_logs: true
  log_max_files: 10
  working_dir: .
config_paths:
  config_dir: /etc/crowdsec/
  plugin_dir: /usr/lib/crowdsec/plugins/
crowdsec_service:
  acquisition_dir: /etc/crowdsec/acquis.d
  parser_routines: 1
cscli: {output: human, color: auto}
db_config:
  log_level: info
  type: sqlite
  use_wal: true
  max_open_conns: 100
  user:
  flush: {max_items: 5000, max_age: 7d}
plugin_config: {user: nobody, group: nogroup}
api:
  client: {insecure_skip_verify: false, credentials_path: /etc/crowdsec/local_api_credentials.yaml}
  server:
    enable: true
    listen_uri: 127.0.0.1:8080
    online_client:
      credentials_path: /etc/crowdsec/online_api_credentials.yaml
    trusted_ips:
      - 127.0.0.1
      - ::1
    tls:
      cert_file: /etc/crowdsec/ssl/cert.pem
      agents_allowed_ou: [agents]
      cache_expiration: 1h
prometheus:
  enabled: true
  level: full
  listen_addr: 127.0.0.1
  listen_port: 6060
`;

describe("config.yaml", () => {
  test.each([[[1, 4, 6]], [[1, 5, 5]], [SHAPES_KNOW]] as readonly [Version][])(
    "what packages ship is fine for %j",
    (version) => {
      expect(judge(DEBIAN, CONFIG_SHAPE, version)).toEqual([]);
    },
  );

  test("a proxy in it is told where proxies are set", () => {
    const [mistake] = judge("common:\n  http_proxies: http://u:canary@proxy:3128\n", CONFIG_SHAPE);
    expect(mistake).toEqual({
      origin: "/etc/crowdsec/x.yaml:2",
      key: "common.http_proxies",
      kind: "unknown-key",
      problem: "is no key that CrowdSec knows",
      hint: "proxies are set in the environment of the service (HTTPS_PROXY), not here",
    });
  });

  test.each([
    ["prometheus: {listen_prot: 6060}", "prometheus.listen_prot", "did you mean listen_port?"],
    ["api: {server: {listen_url: ':8080'}}", "api.server.listen_url", "did you mean listen_uri?"],
    ["Common: {}", "Common", "did you mean common?"],
    [
      "api: {server: {online_client: {credential_path: x}}}",
      "api.server.online_client.credential_path",
      "did you mean credentials_path?",
    ],
  ])("a slip of the keyboard in %j is found", (content, key, hint) => {
    expect(judge(content, CONFIG_SHAPE)).toMatchObject([{ key, hint }]);
  });

  test.each([
    ["api: {server: {listen_socket: /run/x}}", [1, 6, 0], [1, 6, 1]],
    ["api: {server: {auto_registration: {enabled: true}}}", [1, 6, 2], [1, 6, 3]],
    ["api: {server: {enable: false}}", [1, 4, 1], [1, 4, 2]],
    ["api: {server: {online_client: {pull: {community: false}}}}", [1, 6, 3], [1, 6, 4]],
    ["api: {cti: {key: x, cache_timeout: 60m}}", [1, 4, 6], [1, 5, 0]],
    ["api: {client: {unregister_on_exit: true}}", [1, 6, 8], [1, 6, 9]],
    ["crowdsec_service: {console_context_path: x}", [1, 4, 6], [1, 5, 0]],
    ["db_config: {ssl_ca_cert: x}", [1, 6, 5], [1, 6, 6]],
    ["common: {log_format: json}", [1, 6, 4], [1, 6, 5]],
    ["config_paths: {pattern_dir: x}", [1, 6, 0], [1, 6, 1]],
  ] as readonly [string, Version, Version][])("%s stops %j, and no longer %j", (content, before, first) => {
    expect(judge(content, CONFIG_SHAPE, before)).toHaveLength(1);
    expect(judge(content, CONFIG_SHAPE, first)).toEqual([]);
  });

  test.each([
    ["prometheus: 5", "prometheus wants a mapping, and is a number"],
    ["prometheus: {listen_port: '6060'}", "prometheus.listen_port wants a number, and is text"],
    ["prometheus: {enabled: 'true'}", "prometheus.enabled wants true or false, and is text"],
    ["common: {log_level: verbose}", "common.log_level wants a log level such as info, and is other text"],
    ["api: {server: {trusted_ips: 127.0.0.1}}", "api.server.trusted_ips wants a list, and is text"],
    [
      "api: {server: {tls: {cache_expiration: 1d}}}",
      "api.server.tls.cache_expiration wants a duration such as 4h, and is other text",
    ],
    ["api: {server: {listen_uri: [':8080']}}", "api.server.listen_uri wants text, and is a list"],
  ])("%s is refused, as 1.4.6 refuses it", (content, said) => {
    expect(judge(content, CONFIG_SHAPE, [1, 4, 6]).map(({ key, problem }) => `${key} ${problem}`)).toEqual([said]);
  });

  test("what is set from the environment is not judged by its name", () => {
    const content = "prometheus: {listen_port: $PORT, enabled: '$ON'}\napi: {server: {trusted_ips: $IPS}}\n";
    expect(judge(content, CONFIG_SHAPE)).toEqual([]);
  });
});

describe("the credentials", () => {
  test.each([CREDENTIALS_SHAPE, ONLINE_SHAPE])("what cscli writes is fine", (shape) => {
    expect(judge("url: http://127.0.0.1:8080/\nlogin: m\npassword: 12345\n", shape, [1, 4, 6])).toEqual([]);
    expect(judge("url: u\nca_cert_path: a\ncert_path: b\nkey_path: c\n", shape, [1, 4, 6])).toEqual([]);
  });

  test("a password is in no mistake", () => {
    const mistakes = judge("url: x\npasword: canary\nlogin: [canary]\n", CREDENTIALS_SHAPE);
    expect(keys(mistakes)).toEqual(["pasword", "login"]);
    expect(JSON.stringify(mistakes)).not.toContain("canary");
  });

  test("papi_url stops 1.4, which has no polling API", () => {
    expect(keys(judge("papi_url: x", ONLINE_SHAPE, [1, 4, 6]))).toEqual(["papi_url"]);
    expect(judge("papi_url: x", ONLINE_SHAPE, [1, 5, 0])).toEqual([]);
  });
});

describe("profiles.yaml", () => {
  const profile = `
name: default_ip_remediation
filters:
 - Alert.Remediation == true && Alert.GetScope() == "Ip"
decisions:
 - type: ban
   duration: 4h
duration_expr: Sprintf('%dh', (GetDecisionsCount(Alert.GetValue()) + 1) * 4)
notifications:
  - slack_default
on_success: break
`;

  test("what packages ship is fine, in every document", () => {
    expect(judge(`${profile}---${profile}`, PROFILE_SHAPE, [1, 4, 6])).toEqual([]);
  });

  test("a mistake in the second document has its own line", () => {
    const mistakes = judge(`${profile}---${profile}on_sucess: break\n`, PROFILE_SHAPE);
    expect(mistakes).toMatchObject([
      { key: "on_sucess", origin: "/etc/crowdsec/x.yaml:23", hint: "did you mean on_success?" },
    ]);
  });

  test.each([
    ["decisions: {type: ban}", "decisions"],
    ["decisions: [{type: ban, duraton: 4h}]", "decisions[0].duraton"],
    ["decisions: [{type: ban}, ban]", "decisions[1]"],
    ["filters: Alert.Remediation", "filters"],
    ["notification: [slack_default]", "notification"],
  ])("%s is refused at %s", (content, key) => {
    expect(keys(judge(content, PROFILE_SHAPE))).toEqual([key]);
  });

  test("on_error stops 1.4", () => {
    expect(keys(judge("on_error: break", PROFILE_SHAPE, [1, 4, 6]))).toEqual(["on_error"]);
  });
});

describe("feature.yaml", () => {
  test.each(["- re2_grok_support\n- what_comes_next\n", "", "# nothing\n"])(
    "a list of names (%j) is fine",
    (content) => {
      expect(judge(content, FEATURE_SHAPE)).toEqual([]);
    },
  );

  test("names as a mapping are refused", () => {
    expect(judge("re2_grok_support: true\n", FEATURE_SHAPE)).toMatchObject([
      { problem: "wants a list, and is a mapping" },
    ]);
  });
});
