import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import type { Failed } from "../../src/model/observation.ts";
import type { LapiClient } from "../../src/model/topology.ts";
import { findBouncers } from "../../src/topology/bouncers.ts";
import { NO_TRUST } from "../../src/topology/route.ts";
import { fakeProber } from "../support/fake-prober.ts";

const CANARY = "canary-4dd1-secret";
const FOLDER = "/etc/crowdsec/bouncers";
const DENIED: Failed = { ok: false, phase: "host", code: "file-denied", message: "EACCES", elapsedMs: 0 };

/** `${NAME}`, which the linter would take for a mistake. */
const braced = (name: string): string => `$\{${name}}`;

type Found = Awaited<ReturnType<typeof findBouncers>>;

/** What is found in a folder with these files, by their names in it. */
const find = async (
  files: Readonly<Record<string, string | Failed>>,
  environment: Readonly<Record<string, string>> = {},
): Promise<Found> => {
  const entries = Object.entries(files).map(([name, content]) => [`${FOLDER}/${name}`, content] as const);
  const probe = fakeProber({ files: Object.fromEntries(entries), folders: { [FOLDER]: Object.keys(files) } });
  const found = await findBouncers(probe, FOLDER, () => environment);
  // Whatever a test is about: the key does not get out.
  expect(JSON.stringify(found)).not.toContain(CANARY);
  expect(inspect(found, { depth: null })).not.toContain(CANARY);
  return found;
};
/** The one bouncer of a folder with one file, or with that and its overlay. */
const bouncer = async (
  name: string,
  content: string | Failed,
  local?: string,
  environment?: Readonly<Record<string, string>>,
): Promise<LapiClient> => {
  const files = { [name]: content, ...(local !== undefined && { [`${name}.local`]: local }) };
  const [found, ...more] = (await find(files, environment)).clients;
  if (found === undefined || more.length > 0) throw new Error("not one bouncer");
  return found;
};
const keyOf = ({ credentials }: LapiClient): string | undefined =>
  "key" in credentials ? credentials.key.reveal() : undefined;

const FIREWALL = "crowdsec-firewall-bouncer.yaml";
const NGINX = "crowdsec-nginx-bouncer.conf";

/** As the packages write them, shortened; URL and key stand in the lines that are given. */
const SHIPPED: readonly (readonly [file: string, content: string, url: number, key: number])[] = [
  [
    FIREWALL,
    `mode: nftables\nupdate_frequency: 10s\nlog_mode: file\napi_url: http://127.0.0.1:8080/\napi_key: ${CANARY}\ninsecure_skip_verify: false\nblacklists_ipv4: crowdsec-blacklists\nnftables:\n  ipv4:\n    enabled: true\nprometheus:\n  enabled: true\n  listen_addr: 127.0.0.1\n  listen_port: 60601\n`,
    4,
    5,
  ],
  [
    "crowdsec-custom-bouncer.yaml",
    `bin_path: /usr/local/bin/ban\nfeed_via_stdin: false\napi_url: http://127.0.0.1:8080\napi_key: ${CANARY}\n`,
    3,
    4,
  ],
  [
    "crowdsec-spoa-bouncer.yaml",
    `log_mode: file\napi_url: http://127.0.0.1:8080/\napi_key: ${CANARY}\nlisten_tcp: 0.0.0.0:9000\n`,
    2,
    3,
  ],
  [
    "crowdsec-aws-waf-bouncer.yaml",
    `api_key: ${CANARY}\napi_url: http://127.0.0.1:8080/\nupdate_frequency: 10s\nwaf_config:\n  - web_acl_name: x\n`,
    2,
    1,
  ],
  [
    "crowdsec-cloudflare-worker-bouncer.yaml",
    `crowdsec_config:\n  lapi_key: ${CANARY}\n  lapi_url: http://127.0.0.1:8080/\n  update_frequency: 10s\ncloudflare_config:\n  accounts: []\n`,
    3,
    2,
  ],
  [
    "crowdsec-fastly-bouncer.yaml",
    `crowdsec_config:\n  lapi_key: ${CANARY}\n  lapi_url: http://127.0.0.1:8080/\nfastly_account_configs: []\n`,
    3,
    2,
  ],
  [
    "crowdsec-blocklist-mirror.yaml",
    `config_version: v1.0\ncrowdsec_config:\n  lapi_key: ${CANARY}\n  lapi_url: http://127.0.0.1:8080/\nblocklists:\n  - format: plain_text\n    endpoint: /security/blocklist\nlisten_uri: 127.0.0.1:41412\n`,
    4,
    3,
  ],
  [
    "crowdsec-cloudflare-bouncer.yaml",
    `crowdsec_lapi_url: http://127.0.0.1:8080/\ncrowdsec_lapi_key: ${CANARY}\ncrowdsec_update_frequency: 10s\n`,
    1,
    2,
  ],
  [
    "misp-feed-generator.yaml",
    `crowdsec_lapi_url: http://127.0.0.1:8080/\ncrowdsec_lapi_key: ${CANARY}\nmisp_feed_orgc:\n  name: x\n`,
    1,
    2,
  ],
  ["crowdsec-stormshield-bouncer.yaml", `lapi_key: ${CANARY}\nlapi_url: http://127.0.0.1:8080/\n`, 2, 1],
  [
    NGINX,
    `ENABLED=true\nAPI_URL=http://127.0.0.1:8080\nAPI_KEY=${CANARY}\nCACHE_EXPIRATION=1\n# bypass|ban\nFALLBACK_REMEDIATION=ban\nMODE=stream\nTLS_CLIENT_CERT=\nTLS_CLIENT_KEY=\n`,
    2,
    3,
  ],
  ["crowdsec-openresty-bouncer.conf", `API_KEY=${CANARY}\nAPI_URL=http://127.0.0.1:8080\n`, 2, 1],
  [
    "crowdsec-apache2-bouncer.conf",
    `<IfModule mod_crowdsec.c>\n  CrowdsecURL http://127.0.0.1:8080\n  CrowdsecAPIKey ${CANARY}\n  CrowdsecFallback block\n</IfModule>\n`,
    2,
    3,
  ],
  ["my-own-bouncer.yaml", `api_url: http://127.0.0.1:8080/\napi_key: ${CANARY}\n`, 1, 2],
  ["my-own-bouncer.conf", `API_URL=http://127.0.0.1:8080/\nAPI_KEY=${CANARY}\n`, 1, 2],
];

test.each(SHIPPED)("%s tells where it goes and with which key", async (file, content, url, key) => {
  const path = `${FOLDER}/${file}`;
  const found = await bouncer(file, content);
  expect(found).toEqual({
    name: file.replace(/\.(yaml|conf)$/, ""),
    kind: "bouncer",
    component: file.replace(/\.(yaml|conf)$/, ""),
    path,
    way: { url: { value: "http://127.0.0.1:8080/", origin: `${path}:${url}` }, trust: NO_TRUST },
    credentials: { kind: "key", key: expect.anything(), origin: `${path}:${key}` },
    // What the library decides has tests of its own below.
    ...(found.neverProxied !== undefined && { neverProxied: expect.any(String) }),
    ...(found.limitMs && { limitMs: expect.anything() }),
  });
  expect(keyOf(found)).toBe(CANARY);
});

test("haproxy's file has no URL, and says where it stands", async () => {
  const found = await bouncer("crowdsec-haproxy-bouncer.conf", `API_KEY=${CANARY}\nFALLBACK_REMEDIATION=ban\n`);
  expect(found.way).toEqual({ absent: expect.stringContaining("haproxy.cfg") });
  expect(keyOf(found)).toBe(CANARY);
});

describe("what the installer left", () => {
  test("in Debian's file is a placeholder, and the key stands in the overlay", async () => {
    const found = await bouncer(
      FIREWALL,
      `api_url: http://127.0.0.1:8080/\napi_key: ${braced("API_KEY")}\n`,
      `api_key: ${CANARY}\n`,
    );
    expect(found.credentials).toMatchObject({ kind: "key", origin: `${FOLDER}/${FIREWALL}.local:1` });
    expect(keyOf(found)).toBe(CANARY);
  });

  test("of lua's bouncers too", async () => {
    const found = await bouncer(
      NGINX,
      `API_URL=http://127.0.0.1:8080\nAPI_KEY=${braced("API_KEY")}\n`,
      `API_KEY=${CANARY}\n`,
    );
    expect(found.way).toMatchObject({ url: { origin: `${FOLDER}/${NGINX}:1` } });
    expect(found.credentials).toMatchObject({ kind: "key", origin: `${FOLDER}/${NGINX}.local:1` });
  });

  test.each([
    [FIREWALL, `api_url: http://a/\napi_key: ${braced("API_KEY")}\n`, braced("API_KEY")],
    [FIREWALL, "api_url: http://a/\napi_key: <API_KEY>\n", "<API_KEY>"],
    [NGINX, `API_URL=http://a/\nAPI_KEY=${braced("API_KEY")}\n`, braced("API_KEY")],
    [NGINX, 'API_URL=http://a/\nAPI_KEY="<API_KEY>"\n', "<API_KEY>"],
  ])("as key in %s (%j) is no key", async (file, content, template) => {
    expect((await bouncer(file, content)).credentials).toEqual({
      kind: "template",
      template,
      origin: `${FOLDER}/${file}:2`,
    });
  });

  test.each([
    [FIREWALL, `api_url: ${braced("CROWDSEC_LAPI_URL")}\napi_key: ${CANARY}\n`, braced("CROWDSEC_LAPI_URL")],
    [NGINX, `API_URL=<LAPI_URL>\nAPI_KEY=${CANARY}\n`, "<LAPI_URL>"],
  ])("as URL in %s is no URL", async (file, content, value) => {
    expect((await bouncer(file, content)).way).toEqual({
      malformed: { value, origin: `${FOLDER}/${file}:1` },
      problem: "the installer's placeholder, never replaced",
    });
  });

  test("is filled in where the environment has it", async () => {
    const content = `api_url: http://$LAPI_HOST:8080/\napi_key: ${braced("API_KEY")}\n`;
    const found = await bouncer(FIREWALL, content, undefined, { LAPI_HOST: "lapi.test", API_KEY: CANARY });
    expect(found.way).toMatchObject({ url: { value: "http://lapi.test:8080/" } });
    expect(keyOf(found)).toBe(CANARY);
  });
});

describe("lines of settings", () => {
  test.each([
    ["API_KEY=k", "k"],
    ['API_KEY="k"', "k"],
    ["API_KEY='k'", "k"],
    ["  API_KEY = k  ", "k"],
    ["API_KEY=a=b", "a=b"],
    ["API_KEY='it''s'", "it''s"],
    ["API_KEY=\"k'", "\"k'"],
    ["API_KEY=old\nAPI_KEY=k", "k"],
    ["# API_KEY=old\n  # API_KEY=old\nAPI_KEY=k", "k"],
    ["API_KEY=k\r", "k"],
  ])("%j are the key %j", async (lines, key) => {
    expect(keyOf(await bouncer(NGINX, `API_URL=http://a/\n${lines}\n`))).toBe(key);
  });

  test.each(["API_KEY=", 'API_KEY=""', "#API_KEY=k", "MY_API_KEY=k", "API_KEY"])("%j are none", async (line) => {
    expect((await bouncer(NGINX, `API_URL=http://a/\n${line}\n`)).credentials).toEqual({
      kind: "incomplete",
      missing: ["API_KEY"],
      origin: `${FOLDER}/${NGINX}`,
    });
  });
});

test("Apache's directives may be indented, quoted and commented out", async () => {
  const content = `# CrowdsecURL http://old/\n\tCrowdsecURL\t"http://lapi.test:8080"\nCrowdsecAPIKey '${CANARY}'\n`;
  const found = await bouncer("crowdsec-apache2-bouncer.conf", content);
  expect(found.way).toMatchObject({ url: { value: "http://lapi.test:8080/" } });
  expect(keyOf(found)).toBe(CANARY);
});

describe("credentials", () => {
  test("by certificate need no key, and their files are trusted with", async () => {
    const content =
      "api_url: https://lapi.test/\ncert_path: /etc/me.pem\nkey_path: etc/me.key\nca_cert_path: etc/ca.pem\ninsecure_skip_verify: true\n";
    expect(await bouncer(FIREWALL, content)).toMatchObject({
      way: {
        trust: {
          caFiles: ["/etc/ca.pem"],
          only: false,
          skipVerify: true,
          certificate: { certFile: "/etc/me.pem", keyFile: "/etc/me.key" },
        },
      },
      credentials: { kind: "certificate", origin: `${FOLDER}/${FIREWALL}:2` },
    });
  });

  test("and trust stand beside the URL, where that is in a block", async () => {
    const block = "lapi_url: https://a/\n  cert_path: /c.pem\n  key_path: /c.key\n  ca_cert_path: /ca.pem\n";
    const content = `crowdsec_config:\n  ${block}  insecure_skip_verify: true\n`;
    expect(await bouncer("crowdsec-blocklist-mirror.yaml", content)).toMatchObject({
      way: {
        trust: {
          caFiles: ["/ca.pem"],
          skipVerify: true,
          certificate: { certFile: "/c.pem", keyFile: "/c.key" },
        },
      },
      credentials: { kind: "certificate" },
    });
  });

  test("by key count where there is a certificate too, unless the key is a placeholder", async () => {
    const both = (key: string) => `api_url: https://a/\napi_key: ${key}\ncert_path: /c.pem\nkey_path: /c.key\n`;
    expect(keyOf(await bouncer(FIREWALL, both(CANARY)))).toBe(CANARY);
    expect((await bouncer(FIREWALL, both(braced("API_KEY")))).credentials).toMatchObject({ kind: "certificate" });
  });

  test("may be missing, and then it is said under which name", async () => {
    expect((await bouncer(FIREWALL, "api_url: http://a/\n")).credentials).toEqual({
      kind: "incomplete",
      missing: ["api_key"],
      origin: `${FOLDER}/${FIREWALL}`,
    });
    const nested = await bouncer("crowdsec-blocklist-mirror.yaml", "crowdsec_config:\n  lapi_url: http://a/\n");
    expect(nested.credentials).toMatchObject({ missing: ["crowdsec_config.lapi_key"] });
  });

  test("in a URL are a fault, and not shown", async () => {
    const content = `api_url: http://me:${CANARY}@lapi.test/\napi_key: ${CANARY}\n`;
    expect((await bouncer(FIREWALL, content)).way).toMatchObject({ malformed: { value: "[secret]" } });
  });
});

describe("a bouncer's proxy", () => {
  const GO = "go-cs-bouncer takes no proxy for https or certificates";
  const NONE = "takes no proxy from the environment";
  const flat = (url: string, rest = `api_key: ${CANARY}`) => `api_url: ${url}\n${rest}\n`;
  const nested = (url: string) => `crowdsec_config:\n  lapi_url: ${url}\n  lapi_key: ${CANARY}\n`;
  const upper = (url: string) => `API_URL=${url}\nAPI_KEY=${CANARY}\n`;

  test.each([
    // go-cs-bouncer: Go's own transport for http with a key, a bare one for the rest.
    [FIREWALL, flat("http://lapi.test/"), undefined],
    [FIREWALL, flat("https://lapi.test/"), GO],
    [FIREWALL, flat("http://lapi.test/", "cert_path: /c.pem\nkey_path: /c.key"), GO],
    [FIREWALL, flat("/run/crowdsec.sock"), "a unix socket"],
    [FIREWALL, `api_key: ${CANARY}\n`, undefined],
    ["crowdsec-spoa-bouncer.yaml", flat("https://lapi.test/"), GO],
    ["crowdsec-blocklist-mirror.yaml", nested("https://lapi.test/"), GO],
    ["crowdsec-cloudflare-worker-bouncer.yaml", nested("https://lapi.test/"), GO],
    ["crowdsec-cloudflare-bouncer.yaml", `crowdsec_lapi_url: https://a/\ncrowdsec_lapi_key: ${CANARY}\n`, GO],
    // Python's requests takes one, for https too.
    ["crowdsec-fastly-bouncer.yaml", nested("https://lapi.test/"), undefined],
    ["misp-feed-generator.yaml", `crowdsec_lapi_url: https://a/\ncrowdsec_lapi_key: ${CANARY}\n`, undefined],
    ["crowdsec-stormshield-bouncer.yaml", `lapi_url: https://a/\nlapi_key: ${CANARY}\n`, undefined],
    // What lives in a web server knows no environment.
    [NGINX, upper("http://lapi.test"), NONE],
    [NGINX, upper("https://lapi.test"), NONE],
    ["crowdsec-openresty-bouncer.conf", upper("http://lapi.test"), NONE],
    ["my-own-bouncer.conf", upper("http://lapi.test"), NONE],
    ["crowdsec-haproxy-bouncer.conf", `API_KEY=${CANARY}\n`, NONE],
    ["crowdsec-apache2-bouncer.conf", `CrowdsecURL http://a/\nCrowdsecAPIKey ${CANARY}\n`, NONE],
  ])("%s with %j: %p", async (file, content, why) => {
    const { neverProxied, component, name } = await bouncer(file, content);
    expect(neverProxied).toBe(why);
    expect(component).toBe(name);
  });

  test("of a hidden file is not known, but whose environment it is", async () => {
    const found = await bouncer(FIREWALL, DENIED);
    expect(found).toMatchObject({ component: "crowdsec-firewall-bouncer" });
    expect(found).not.toHaveProperty("neverProxied");
  });
});

describe("a bouncer's patience", () => {
  const DEFAULT = { value: 500, origin: "default of the lua library" };
  const nginx = (...lines: readonly string[]) => `API_URL=http://a/\n${lines.join("\n")}\nAPI_KEY=${CANARY}\n`;

  test.each([
    ["nothing", nginx(), DEFAULT],
    ["REQUEST_TIMEOUT", nginx("REQUEST_TIMEOUT=3000"), { value: 3000, origin: `${FOLDER}/${NGINX}:2` }],
    ["an empty one", nginx("REQUEST_TIMEOUT="), DEFAULT],
    ["no number", nginx("REQUEST_TIMEOUT=soon"), DEFAULT],
    ["the limit of another question", nginx("APPSEC_PROCESS_TIMEOUT=100"), DEFAULT],
  ])("in nginx, with %s in the file, is what the library makes of it", async (_what, content, limit) => {
    expect((await bouncer(NGINX, content)).limitMs).toEqual(limit);
  });

  test("in nginx is that of the overlay, where it has one", async () => {
    const found = await bouncer(NGINX, nginx("REQUEST_TIMEOUT=3000"), "REQUEST_TIMEOUT=100\n");
    expect(found.limitMs).toEqual({ value: 100, origin: `${FOLDER}/${NGINX}.local:1` });
  });

  test("has no end in Go and in Apache", async () => {
    expect(await bouncer(FIREWALL, `api_url: http://a/\napi_key: ${CANARY}\n`)).not.toHaveProperty("limitMs");
    const apache = await bouncer("crowdsec-apache2-bouncer.conf", `CrowdsecURL http://a/\nCrowdsecAPIKey ${CANARY}\n`);
    expect(apache).not.toHaveProperty("limitMs");
  });
});

describe("a file", () => {
  test("without a URL is a bouncer without a way", async () => {
    expect((await bouncer(FIREWALL, `api_key: ${CANARY}\n`)).way).toEqual({
      absent: `${FOLDER}/${FIREWALL} names no Local API (api_url)`,
    });
  });

  test("with neither URL nor key belongs to something else", async () => {
    expect(await find({ "other.yaml": "name: x\n", "other.conf": "NAME=x\n" })).toEqual({ files: [], clients: [] });
  });

  test.each([`${FIREWALL}.id`, `${FIREWALL}.local`, `${FIREWALL}.bak`, `${FIREWALL}~`, "README.md", "templates"])(
    "of another ending is not looked at: %s",
    async (name) => {
      expect(await find({ [name]: `api_url: http://a/\napi_key: ${CANARY}\n` })).toEqual({ files: [], clients: [] });
    },
  );

  test("that is no YAML is a bouncer all the same, and its mistake has a line", async () => {
    const { files, clients } = await find({ [FIREWALL]: `api_url: http://a/\napi_key: ${CANARY}\napi_key: again\n` });
    expect(files).toMatchObject([{ path: `${FOLDER}/${FIREWALL}`, state: "invalid", line: 3 }]);
    expect(clients).toMatchObject([{ way: { absent: `${FOLDER}/${FIREWALL} cannot be read` } }]);
  });

  test.each([FIREWALL, NGINX])("that this user may not read is a hidden bouncer: %s", async (name) => {
    const hidden = { hidden: `run as root: ${FOLDER}/${name} may not be read by this user` };
    const { files, clients } = await find({ [name]: DENIED });
    expect(files[0]).toMatchObject({ path: `${FOLDER}/${name}`, state: "denied" });
    expect(clients).toMatchObject([{ way: hidden, credentials: hidden }]);
  });

  test("and its overlay are both told, of every syntax", async () => {
    for (const [name, content] of [
      [FIREWALL, `api_url: http://a/\napi_key: ${CANARY}\n`],
      [NGINX, `API_URL=http://a/\nAPI_KEY=${CANARY}\n`],
    ] as const) {
      expect((await find({ [name]: content })).files).toMatchObject([
        { path: `${FOLDER}/${name}`, purpose: "bouncer", state: "read" },
        { path: `${FOLDER}/${name}.local`, purpose: "bouncer, overlay", state: "optional-missing" },
      ]);
    }
  });
});

describe("the folder", () => {
  test("holds several bouncers, in the order of their names", async () => {
    const { clients } = await find({
      [NGINX]: `API_URL=http://a/\nAPI_KEY=${CANARY}\n`,
      [FIREWALL]: `api_url: http://b/\napi_key: ${CANARY}\n`,
    });
    expect(clients.map(({ name }) => name)).toEqual(["crowdsec-firewall-bouncer", "crowdsec-nginx-bouncer"]);
  });

  test("that is not there, or is none, holds nothing", async () => {
    expect(await findBouncers(fakeProber({}), FOLDER, () => ({}))).toEqual({ files: [], clients: [] });
    const file: Failed = { ...DENIED, code: "file-error", message: "not a folder" };
    expect(await findBouncers(fakeProber({ folders: { [FOLDER]: file } }), FOLDER, () => ({}))).toEqual({
      files: [],
      clients: [],
    });
  });

  test("that this user may not read says so", async () => {
    expect(await findBouncers(fakeProber({ folders: { [FOLDER]: DENIED } }), FOLDER, () => ({}))).toEqual({
      files: [{ path: FOLDER, purpose: "bouncers", state: "denied", mistakes: [] }],
      clients: [],
    });
  });
});
