import { expect, test } from "@jest/globals";
import { secretBy, variableIs } from "../../src/redaction/names.ts";

const SECRET =
  `password passwd smtp_password sshPassword DB_PASS MYSQL_PWD passphrase secret client_secret secret_key SECRET_KEY token
  access_token accountToken TOKEN_PROD api_key apikey API_KEY apiKey api-key CrowdsecAPIKey crowdsecLapiKey crowdsec_lapi_key lapi_key
  X-Api-Key x-crowdsec-appsec-api-key X-Gotify-Key AuthKey shared_key signing_key attachment_key enroll_key CROWDSEC_KEY
  BOUNCER_KEY_nginx api_keys credentials authorization Proxy-Authorization cookie Set-Cookie jwt psk webhook password_hash basic_auth`.split(
    /\s+/,
  );

test.each(SECRET)("what stands under %s is secret", (name) => {
  expect(secretBy(name, "canary7:x")).toBeDefined();
});

const PLAIN =
  `key_path key_file cert_file cert_path password_file token_url token_type cookie_name secret_name api_key_name public_key
  site_key cache_key sort_key ssh_host_key_path login_password_timeout token_ttl use_tls_auth auth_type passed_ttl default_pass_action
  passed_http_code proxy_pass captcha_cookie_expiry_duration rotate_secret_key_every bypass keyword author authors monkey
  SSH_AUTH_SOCK CREDENTIALS_DIRECTORY credentials_path max_tokens user username login url host name type key uniq_key trusted_keys`.split(
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
