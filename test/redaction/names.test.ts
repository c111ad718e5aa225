import { describe, expect, test } from "@jest/globals";
import { secretBy, variableIs } from "../../src/redaction/names.ts";

const VALUE = "s3cr3tValue99";

describe("a key whose value is secret", () => {
  test.each([
    // CrowdSec's own (pkg/csconfig), its bouncers', notifications and data sources.
    ...["password", "api_key", "API_KEY", "lapi_key", "crowdsec_lapi_key", "CrowdsecAPIKey", "SECRET_KEY", "token"],
    ...["smtp_password", "webhook", "shared_key", "hec_token", "Authorization", "X-Api-Key", "sasl_password"],
    ...["aws_secret_access_key", "aws_access_key_id", "api_token", "cookie", "secret_access_key", "bot_token"],
    ...["client_secret", "enroll_key", "ENROLL_KEY", "AGENT_PASSWORD", "BOUNCER_KEY_nginx", "dbpassword", "passphrase"],
  ])("%s", (name) => {
    // An id says who, and the key to it is beside it.
    const isSecret = name !== "aws_access_key_id";
    expect(secretBy(name, VALUE) !== undefined).toBe(isSecret);
  });

  test("api.cti.key is one by where it stands, a key of docker's filters is not", () => {
    expect(secretBy("key", VALUE, ["api", "cti"])).toBeDefined();
    expect(secretBy("key", "com.example.stack", ["labels"])).toBeUndefined();
  });
});

describe("a key that only looks like it", () => {
  test.each([
    ["key_path", "/etc/crowdsec/ssl/key.pem"],
    ["key_file", "/etc/crowdsec/ssl/key.pem"],
    ["ssl_client_key", "/etc/crowdsec/ssl/key.pem"],
    ["credentials_path", "/etc/crowdsec/local_api_credentials.yaml"],
    ["token_url", "https://login.example/token"],
    ["cache_key", "by-address"],
    ["public_key", "abcdef"],
    ["SITE_KEY", "abcdef"],
    ["auth_type", "api-key"],
    ["password_file", "/run/secrets/db"],
    ["use_password", "true"],
    ["api_key", "1h"],
    ["password", ""],
    ["password", "null"],
    ["api_key", ["$", "{API_KEY}"].join("")],
    ["api_key", "<API_KEY>"],
    ["password", "REDACTED-3"],
    ["listen_uri", "127.0.0.1:8080"],
    ["log_level", "info"],
  ])("%s: %s stays", (name, value) => {
    expect(secretBy(name, value)).toBeUndefined();
  });
});

describe("a variable", () => {
  test.each([
    ["PATH", "/usr/bin:/bin", "plain"],
    ["HTTPS_PROXY", "http://proxy:3128", "plain"],
    ["SSL_CERT_FILE", "/etc/ssl/x.pem", "plain"],
    ["GODEBUG", "netdns=go", "plain"],
    ["LEVEL_DEBUG", "true", "plain"],
    ["DB_PASSWORD", VALUE, "secret"],
    ["KEY", VALUE, "secret"],
    ["MY_TOKEN", VALUE, "secret"],
    ["PGPASSWORD", VALUE, "secret"],
    ["DB_PASSWORD_FILE", "/run/secrets/db", "private"],
    ["CUSTOMER", "Miller", "private"],
    ["CUSTOMER", "", "plain"],
  ])("%s=%s is %s", (name, value, kind) => {
    expect(variableIs(name, value)).toBe(kind);
  });

  test("that CrowdSec's files use in a plain place is plain; in a secret one, it is secret", () => {
    const names = (name: string) => new Set([name]);
    expect(variableIs("LAPI_PORT", "8080", { plain: names("LAPI_PORT"), secret: new Set() })).toBe("plain");
    expect(variableIs("MY_OWN", VALUE, { plain: new Set(), secret: names("MY_OWN") })).toBe("secret");
  });
});
