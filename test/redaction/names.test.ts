import { expect, test } from "@jest/globals";
import { createRedactor } from "../../src/redaction/create.ts";
import { jsonFound } from "../../src/redaction/json.ts";
import { secretBy, variableIs } from "../../src/redaction/names.ts";
import { shown } from "./structures.ts";

const SECRET =
  `password passwd smtp_password sshPassword DB_PASS MYSQL_PWD passphrase secret client_secret secret_key SECRET_KEY token
  access_token accountToken TOKEN_PROD api_key apikey API_KEY apiKey api-key CrowdsecAPIKey crowdsecLapiKey crowdsec_lapi_key lapi_key
  X-Api-Key x-crowdsec-appsec-api-key X-Gotify-Key AuthKey shared_key signing_key attachment_key enroll_key CROWDSEC_KEY
  BOUNCER_KEY_nginx api_keys credentials authorization Proxy-Authorization cookie Set-Cookie jwt psk webhook password_hash basic_auth
  CROWDSEC_PREFLIGHT_PING_URL HEALTHCHECK_URL`.split(/\s+/);

test.each(SECRET)("what stands under %s is secret", (name) => {
  expect(secretBy(name, "canary7:x")).toBeDefined();
});

const PLAIN =
  `key_path key_file cert_file cert_path password_file token_url token_type cookie_name secret_name api_key_name public_key
  site_key cache_key sort_key ssh_host_key_path login_password_timeout token_ttl use_tls_auth auth_type passed_ttl default_pass_action
  passed_http_code proxy_pass captcha_cookie_expiry_duration rotate_secret_key_every bypass keyword author authors monkey
  ping_interval SSH_AUTH_SOCK CREDENTIALS_DIRECTORY credentials_path max_tokens user username login url host name type key uniq_key trusted_keys`.split(
    /\s+/,
  );

test.each(PLAIN)("what stands under %s is not", (name) => {
  expect(secretBy(name, "canary")).toBeUndefined();
});

test.each([
  ["client_key", "/etc/ssl/private/client.key", false],
  ["client_key", "canary7", true],
  ["GOOGLE_APPLICATION_CREDENTIALS", "/etc/google/key.json", false],
  ["auth", "basic", false],
  ["REDIS_AUTH", "canary", true],
  ["api_key", "1h", false],
  ["password", "true", false],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: CrowdSec's
  ["password", "${DB_PASSWORD}", false],
  ["password", "$ecret", true],
  ["api_key", "<API_KEY>", false],
  ["api_key", "********", false],
  ["password", "/etc/not/a/path", true],
])("under %s, %s is secret: %s", (name, value, isSecret) => {
  expect(secretBy(name, value) !== undefined).toBe(isSecret);
});

test("a key alone is secret below what it opens, or when a machine made it", () => {
  expect(secretBy("key", "canary", ["api", "cti"])).toBeDefined();
  expect(secretBy("key", "canary", ["labels"])).toBeUndefined();
  expect(secretBy("key", "a9F3kQ27xYpL0zRt5sWn", ["labels"])).toBeDefined();
});

test.each([
  ["PATH", "/usr/bin", "plain"],
  ["TZ", "UTC", "plain"],
  ["LC_ALL", "C", "plain"],
  ["HTTPS_PROXY", "http://p:3128", "plain"],
  ["SSL_CERT_FILE", "/etc/ca.pem", "plain"],
  ["DISABLE_ONLINE_API", "true", "plain"],
  ["LEVEL_DEBUG", "x", "plain"],
  ["CROWDSEC_FEATURE_CSCLI_SETUP", "x", "plain"],
  ["LOCAL_API_URL", "http://h:8080", "plain"],
  ["PWD", "/root", "plain"],
  ["AGENT_PASSWORD", "canary", "secret"],
  ["ENROLL_KEY", "canary", "secret"],
  ["BOUNCER_KEY_x", "canary", "secret"],
  ["KEY", "canary", "secret"],
  ["COMPANY", "Example Ltd", "private"],
  ["DATABASE_URL", "postgres://db/x", "private"],
])("the variable %s with %s is %s", (name, value, kind) => {
  expect(variableIs(name, value)).toBe(kind);
});

test.each("bouncerkey apikeyvalue pin seed salt hmac sas sasl_plain".split(" "))(
  "what stands under %s in a file is secret",
  (name) => {
    expect(secretBy(name, "canary7", [], () => false)).toBeDefined();
  },
);

test.each("pin seed salt hmac sas".split(" "))("%s in free text is a word like others", (name) => {
  expect(secretBy(name, "canary7")).toBeUndefined();
});

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are CrowdSec's
test.each([
  "$P4SSW0RD9",
  "{{Hunter2zz",
  "<Hunter2 zz>",
  "`Hunter2zz`",
  "$(Hunter2zz",
  "ab***cd",
  "REMOVED!Hunter2zz",
  "123456h",
  "5m",
  "REDACTED-1Hunter2zz",
  "REDACTED-1 Hunter2zz",
  "${hunter2zz}",
  "%{Hunter2zz}",
])("a database's password %s, which looks like something else, is gone", (password) => {
  const text = `db_config:\n  password: ${JSON.stringify(password)}\n`;
  expect(shown(text, "yaml")).toMatch(/^db_config:\n {2}password: "REDACTED-\d+ ?"\n$/);
});

test.each([
  "${DB_PASSWORD}",
  "<API_KEY>",
  "********",
  "xxxx",
  "REDACTED",
  "[secret]",
  "REDACTED-7",
  "REDACTED-7 ",
  "REMOVED",
  "{{ .Values.password }}",
])("a database's password %s, which is none, stays for the checks", (password) => {
  const text = `db_config:\n  password: ${JSON.stringify(password)}\n`;
  expect(shown(text, "yaml")).toBe(text);
});

test("a password that refers to a variable which is set stays, whichever of both was read first", () => {
  const config = "db_config:\n  password: $P4SSW0RD9\n";
  const variables = "P4SSW0RD9=canary77\n";
  const read = (order: readonly ("yaml" | "environment")[]): readonly string[] => {
    const redactor = createRedactor();
    for (const kind of order) redactor.study(kind === "yaml" ? config : variables, kind, kind);
    return [redactor.redact(config, "yaml").text, redactor.redact(variables, "environment").text];
  };
  expect(read(["yaml", "environment"])).toEqual([config, "P4SSW0RD9=REDACTED-1\n"]);
  expect(read(["environment", "yaml"])).toEqual([config, "P4SSW0RD9=REDACTED-1\n"]);
});

test("a password with a dollar sign is taken out of texts that were read before its configuration", () => {
  const redactor = createRedactor();
  redactor.study("login with $P4SSW0RD9 failed", "text", "log");
  redactor.study("db_config:\n  password: $P4SSW0RD9\n", "yaml", "config.yaml");
  expect(redactor.redact("login with $P4SSW0RD9 failed", "text").text).toBe("login with REDACTED-1 failed");
  expect(redactor.leaks("login with $P4SSW0RD9 failed")).not.toEqual([]);
});
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: these are CrowdSec's

test("a length of time excuses what speaks of time, and no password", () => {
  expect(secretBy("api_key", "1h", ["bouncers_autodelete"])).toBeUndefined();
  expect(secretBy("login_password", "6h", ["agents_autodelete"])).toBeUndefined();
  expect(secretBy("token_expiry", "5m")).toBeUndefined();
  expect(secretBy("password", "5m")).toBeDefined();
  expect(secretBy("api_key", "123456h")).toBeDefined();
});

test.each([
  ["a: [\npassword:\n\n  Hunter2zz\n", "a: [\npassword: REDACTED-1\n\n\n"],
  ["a: [\npassword:\n# x\n  Hunter2zz\n", "a: [\npassword: REDACTED-1\n\n\n"],
  ["a: [\n? password\n: Hunter2zz\n", "a: [\n? password\n: REDACTED-1\n"],
  ["{api_key: Hunter2 zz, b", "{api_key: REDACTED-1, b"],
  ["a: {mode: x, password: $P4SSW0RD9, b: [\n", "a: {mode: x, password: REDACTED-1, b: [\n"],
  ["a: [\nmode:\n\nnext: 1\n", "a: [\nmode:\n\nnext: 1\n"],
  ["password: {a: Hunter2zz}\n", "password: {a: REDACTED-1}\n"],
  ["passwd_list: [Hunter2zz]\n", "passwd_list: [REDACTED-1]\n"],
  ["? [password] : Hunter2zz\n", "? [password] : REDACTED-1\n"],
  ["secret: {name: s, enabled: true, ttl: 5m}\n", "secret: {name: s, enabled: true, ttl: 5m}\n"],
])("in the YAML %j, valid or not, only what is secret goes", (text, expected) => {
  expect(shown(text, "yaml")).toBe(expected);
});

test("JSON that counts passes and cookies is left as it is, and a password of digits is not", () => {
  const known = { plain: new Set<string>(), secret: new Set<string>(), isSet: () => false };
  expect(jsonFound('{"pass": 11, "cookies": 3, "tokens": 17}', known).spans).toEqual([]);
  expect(shown('{"password": 12345678901}', "json")).toBe('{"password": "REDACTED-1"}');
});

test("a megabyte in one line of a comment, or of what is no YAML, is read in no time", () => {
  const begun = Date.now();
  const long = "password was a1 ".repeat(1 << 16);
  for (const text of [
    `# ${long}\na: 1\n`,
    `# a\n`.repeat(1 << 17),
    `{a: [\n${"{key: a b, ".repeat(1 << 16)}`,
    `a: [\npassword:\n${"\n#".repeat(1 << 18)}`,
  ])
    createRedactor().redact(text, "yaml");
  expect(Date.now() - begun).toBeLessThan(20_000);
});
