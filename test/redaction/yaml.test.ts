import { expect, test } from "@jest/globals";
import { createRedactor } from "../../src/redaction/create.ts";
import { parseYaml } from "../../src/topology/yaml-tree.ts";
import { SHIPPED } from "./shipped.ts";
import { shown } from "./structures.ts";

/** Where CrowdSec and its neighbours keep secrets: what stands there, and what stands there afterwards. */
// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are CrowdSec's
const PLACES: readonly (readonly [string, string, string])[] = [
  [
    "config.yaml: database",
    "db_config:\n  user: u\n  password: canary # x\n",
    "db_config:\n  user: u\n  password: REDACTED-1 # x\n",
  ],
  [
    "config.yaml: CTI",
    "api:\n  cti:\n    key: canary\n    enabled: true\n",
    "api:\n  cti:\n    key: REDACTED-1\n    enabled: true\n",
  ],
  [
    "config.yaml: auto-registration",
    `auto_registration:\n  token: "canary"\n`,
    `auto_registration:\n  token: "REDACTED-1"\n`,
  ],
  [
    "config.yaml: what only looks like it",
    "flush:\n  bouncers_autodelete:\n    api_key: 1h\n  agents_autodelete:\n    login_password: 6h\n",
    "flush:\n  bouncers_autodelete:\n    api_key: 1h\n  agents_autodelete:\n    login_password: 6h\n",
  ],
  [
    "config.yaml: TLS",
    "tls:\n  cert_file: /a/c.pem\n  key_file: /a/k.pem\nssl_client_key: /a/client\n",
    "tls:\n  cert_file: /a/c.pem\n  key_file: /a/k.pem\nssl_client_key: /a/client\n",
  ],
  [
    "credentials",
    "url: http://127.0.0.1:8080/\nlogin: host\npassword: 'it''s'\n",
    `url: http://127.0.0.1:8080/\nlogin: host\npassword: "REDACTED-1 "\n`,
  ],
  ["a Go bouncer", "api_url: http://h/\napi_key: canary\n", "api_url: http://h/\napi_key: REDACTED-1\n"],
  [
    "a bouncer without its key",
    "api_key: <API_KEY>\nlapi_key: '${API_KEY}'\nkey_path: ''\n",
    "api_key: <API_KEY>\nlapi_key: '${API_KEY}'\nkey_path: ''\n",
  ],
  ["Cloudflare's bouncer", "accounts:\n- id: abc\n  token: canary\n", "accounts:\n- id: abc\n  token: REDACTED-1\n"],
  [
    "Fastly's bouncer",
    "fastly_account_configs:\n- account_token: canary\n  recaptcha_site_key: s\n  recaptcha_secret_key: canary2\n",
    "fastly_account_configs:\n- account_token: REDACTED-1\n  recaptcha_site_key: s\n  recaptcha_secret_key: REDACTED-2\n",
  ],
  [
    "AWS",
    "aws_access_key_id: AKIAIOSFODNN7EXAMPLE\naws_secret_access_key: canary\naws_region: eu\n",
    "aws_access_key_id: REDACTED-1\naws_secret_access_key: REDACTED-2\naws_region: eu\n",
  ],
  [
    "Stormshield's bouncer",
    "ssh_password: canary\nssh_private_key_path: /a\napi_password: canary2\n",
    "ssh_password: REDACTED-1\nssh_private_key_path: /a\napi_password: REDACTED-2\n",
  ],
  [
    "a mail server",
    "smtp_username: me\nsmtp_password: 12345\nsmtp_port: 25\n",
    "smtp_username: me\nsmtp_password: REDACTED-1\nsmtp_port: 25\n",
  ],
  [
    "Splunk",
    "type: splunk\nname: s\nformat: x\nurl: https://h:8088/services/collector\ntoken: canary\n",
    "type: splunk\nname: s\nformat: x\nurl: https://h:8088/services/collector\ntoken: REDACTED-1\n",
  ],
  [
    "Sentinel",
    "customer_id: c\nshared_key: canary\nlog_type: crowdsec\n",
    "customer_id: c\nshared_key: REDACTED-1\nlog_type: crowdsec\n",
  ],
  ["Slack", "webhook: https://hooks.slack.com/services/T/B/canary\n", "webhook: https://hooks.slack.com/REDACTED-1\n"],
  [
    "an address that alerts are sent to",
    "type: http\nname: h\nformat: '{}'\nurl: https://h:1/canary/x?y=1\nmethod: POST\n",
    "type: http\nname: h\nformat: '{}'\nurl: https://h:1/REDACTED-1\nmethod: POST\n",
  ],
  [
    "headers",
    "headers:\n  Content-Type: text/plain\n  Authorization: Bearer canary\n  X-Anything: canary2\n",
    "headers:\n  Content-Type: text/plain\n  Authorization: Bearer REDACTED-1\n  X-Anything: REDACTED-2\n",
  ],
  [
    "Loki",
    "source: loki\nauth:\n  username: me\n  password: canary\nlabels:\n  type: x\n",
    "source: loki\nauth:\n  username: me\n  password: REDACTED-1\nlabels:\n  type: x\n",
  ],
  [
    "Kafka",
    "tls:\n  client_key: /a/kafka.key\nsasl_password: canary\n",
    "tls:\n  client_key: /a/kafka.key\nsasl_password: REDACTED-1\n",
  ],
  ["an acquisition's address", "url: http://me:c%2Fanary@loki:3100/\n", "url: http://me:REDACTED-1@loki:3100/\n"],
  [
    "Docker's filters",
    "source: docker\ncontainer_name:\n - web\ncontainer_labels:\n  key: value\n",
    "source: docker\ncontainer_name:\n - web\ncontainer_labels:\n  key: value\n",
  ],
  [
    "variables of a container",
    "environment:\n - AGENT_PASSWORD=canary\n - TZ=UTC\nenv:\n - name: DB_PASSWORD\n   value: canary2\n - name: TZ\n   value: UTC\n",
    "environment:\n - AGENT_PASSWORD=REDACTED-1\n - TZ=UTC\nenv:\n - name: DB_PASSWORD\n   value: REDACTED-2\n - name: TZ\n   value: UTC\n",
  ],
  [
    "a reference of Kubernetes",
    "env:\n - name: P\n   valueFrom:\n     secretKeyRef:\n       name: s\n       key: BOUNCER_KEY_x\n",
    "env:\n - name: P\n   valueFrom:\n     secretKeyRef:\n       name: s\n       key: BOUNCER_KEY_x\n",
  ],
  [
    "a list of tokens",
    "tokens: [canary1, canary2]\npublic_key: abc\n",
    "tokens: [REDACTED-1, REDACTED-2]\npublic_key: abc\n",
  ],
  [
    "an old key in a comment",
    "# api_key: canary\nmode: x # token: canary2\n# the token: see the manual\n",
    "# api_key: REDACTED-1\nmode: x # token: REDACTED-2\n# the token: see the manual\n",
  ],
  ["a literal block", "password: |\n  can\n  ary\nnext: 1\n", 'password: "REDACTED-1 "\n\n\nnext: 1\n'],
  ["a text in flow over two lines", '{password: "ca\n  nary", a: 1}\n', '{password: "REDACTED-1 \\\n  ", a: 1}\n'],
  ["a value with an anchor and a tag", "password: &a !!str canary\n", "password: &a !!str REDACTED-1\n"],
  ["an anchor's value", "x: &a canary\npassword: *a\n", "x: &a REDACTED-1\npassword: *a\n"],
  [
    "a mapping that is merged in",
    "b: &b\n  key: canary\napi:\n  cti:\n    <<: *b\n",
    "b: &b\n  key: REDACTED-1\napi:\n  cti:\n    <<: *b\n",
  ],
  [
    "several documents",
    "a: 1\n---\npassword: canary\n---\npassword: canary\n",
    "a: 1\n---\npassword: REDACTED-1\n---\npassword: REDACTED-1\n",
  ],
  [
    "PagerDuty",
    "type: http\nname: p\nrouting_key: 1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d\namqp:\n  routing_key: alerts\n",
    "type: http\nname: p\nrouting_key: REDACTED-1\namqp:\n  routing_key: alerts\n",
  ],
  [
    "an address that alerts are sent to without a format",
    "type: http\nname: h\nurl: https://x.example/z/canary\n",
    "type: http\nname: h\nurl: https://x.example/REDACTED-1\n",
  ],
  [
    "a command line of a container",
    'services:\n  a:\n    command: --api-key canary --x\n    entrypoint: sh -c "foo --token canary2"\n',
    'services:\n  a:\n    command: --api-key REDACTED-1 --x\n    entrypoint: sh -c "foo --token REDACTED-2"\n',
  ],
  [
    "a quoted command line of a container",
    "command: \"sh -c \\\"curl -u bob:canary h\\\"\"\nargs: 'sh -c ''curl -u bob:canary2 h'''\n",
    "command: \"sh -c \\\"curl -u bob:REDACTED-1 h\\\"\"\nargs: 'sh -c ''curl -u bob:REDACTED-2 h'''\n",
  ],
  [
    "a command in a list",
    'command: [x, "--api-key", "canary", -c, /x]\nargs:\n - --token=canary2\n - --password\n - canary3 # x\nentrypoint: [sh, -c, \'curl -u bob:canary4 h\']\n',
    'command: [x, "--api-key", "REDACTED-1", -c, /x]\nargs:\n - --token=REDACTED-2\n - --password\n - REDACTED-3 # x\nentrypoint: [sh, -c, \'curl -u bob:REDACTED-4 h\']\n',
  ],
  [
    "a command over several lines",
    "command: >\n  foo\n  --token\n  canary\nargs:\n - |\n  x\n  foo --token canary2 \\\n   --key=canary3\nnext: 1\n",
    "command: >\n  foo\n  --token\n  REDACTED-1\nargs:\n - |\n  x\n  foo --token REDACTED-2 \\\n   --key=REDACTED-3\nnext: 1\n",
  ],
  [
    "how a container's health is told",
    "healthcheck:\n  test: [CMD, curl, -u, 'bob:canary', http://h]\ntest: foo --token x\n",
    "healthcheck:\n  test: [CMD, curl, -u, 'bob:REDACTED-1', http://h]\ntest: foo --token x\n",
  ],
  [
    "a label with users",
    "labels:\n - traefik.http.middlewares.a.basicauth.users=bob:$$apr1$$abc$$canary7\n - traefik.enable=true\nother:\n  traefik.x.basicauth.users: 'bob:$$apr1$$abd$$canary8'\n",
    "labels:\n - traefik.http.middlewares.a.basicauth.users=bob:REDACTED-1\n - traefik.enable=true\nother:\n  traefik.x.basicauth.users: 'bob:REDACTED-2'\n",
  ],
  [
    "patterns of the hub",
    "pattern_syntax:\n  PASS: 'pass(word)?: .*'\n  TOKEN: '[a-z]+'\nnodes:\n - pattern_syntax:\n     SECRET: '\\d+x'\n",
    "pattern_syntax:\n  PASS: 'pass(word)?: .*'\n  TOKEN: '[a-z]+'\nnodes:\n - pattern_syntax:\n     SECRET: '\\d+x'\n",
  ],
  [
    "a context of the hub",
    'context:\n  cookie: ["evt.Meta.cookie"]\n  auth_token: [evt.Parsed.token]\n  password:\n   - evt.Parsed.password\n   - \'JsonExtract(evt.Line.Raw, "x")\'\n',
    'context:\n  cookie: ["evt.Meta.cookie"]\n  auth_token: [evt.Parsed.token]\n  password:\n   - evt.Parsed.password\n   - \'JsonExtract(evt.Line.Raw, "x")\'\n',
  ],
  [
    "what is no YAML",
    'a: [\npassword: can ary # x\nb: \'c\n  token: "canary2"\n',
    'a: [\npassword: REDACTED-1\nb: \'c\n  token: "REDACTED-2"\n',
  ],
];

test.each(PLACES)("%s: the secret is gone, and nothing else", (_what, text, expected) => {
  expect(shown(text, "yaml")).toBe(expected);
});

test("a variable that a password refers to is secret, whatever it is called, and one that an address refers to is not", () => {
  const redactor = createRedactor();
  const variables = "MY_THING=canary-1\nMY_HOST=db.example\nOTHER=x1\n";
  redactor.study(variables, "environment", "/etc/default/crowdsec");
  redactor.study("db_config:\n  password: ${MY_THING}\n  host: ${MY_HOST}\n", "yaml", "/etc/crowdsec/config.yaml");
  expect(redactor.redact(variables, "environment").text).toBe(
    "MY_THING=REDACTED-1\nMY_HOST=db.example\nOTHER=REMOVED\n",
  );
  expect(redactor.redact("connected with canary-1", "text").text).toBe("connected with REDACTED-1");
});

// biome-ignore-end lint/suspicious/noTemplateCurlyInString: these are CrowdSec's

test.each([
  ["a blank", "pass word"],
  ["a quote", "pass'word"],
  ["a backslash", "pass\\word"],
])(
  "%s in a database's password still breaks its connection string afterwards, and otherwise nothing does",
  (_what, password) => {
    const passwordIn = (text: string): string => {
      const parsed = parseYaml(shown(text, "yaml"), "/f");
      return parsed.ok && parsed.tree.kind === "map"
        ? String((parsed.tree.entries.get("password") as { value: unknown }).value)
        : "";
    };
    expect(passwordIn(`password: ${JSON.stringify(password)}\n`)).toMatch(/[\s'\\]/);
    expect(passwordIn('password: "password-%1"\n')).not.toMatch(/[\s'\\]/);
  },
);

test.each(Object.entries(SHIPPED))("%s, which holds no secret yet, stays as it was shipped", (_file, text) => {
  expect(shown(text, "yaml")).toBe(text);
});
