import { describe, expect, test } from "@jest/globals";
import type { Failed, ProcessSeen } from "../../src/model/observation.ts";
import type { Topology } from "../../src/model/topology.ts";
import { dialable } from "../../src/model/url.ts";
import { findTopology, type TopologyInput } from "../../src/topology/index.ts";
import { fakeProber } from "../support/fake-prober.ts";

const MAIN = "/etc/crowdsec/config.yaml";
const CREDENTIALS = "/etc/crowdsec/local_api_credentials.yaml";
const ONLINE = "/etc/crowdsec/online_api_credentials.yaml";

/** Stands for every secret; no topology may hold it. */
const CANARY = "canary-4dd1-secret";

const DENIED: Failed = { ok: false, phase: "host", code: "file-denied", message: "EACCES", elapsedMs: 0 };

/** The configuration that CrowdSec's packages install; the line of each key is what the tests go by. */
const PACKAGE_MAIN = `common:
  log_level: info
crowdsec_service:
  acquisition_path: /etc/crowdsec/acquis.yaml
cscli:
  output: human
db_config:
  type: sqlite
  password: ${CANARY}
api:
  client:
    insecure_skip_verify: false
    credentials_path: ${CREDENTIALS}
  server:
    log_level: info
    listen_uri: 127.0.0.1:8080
    profiles_path: /etc/crowdsec/profiles.yaml
    online_client:
      credentials_path: ${ONLINE}
prometheus:
  enabled: true
  level: full
  listen_addr: 127.0.0.1
  listen_port: 6060
`;

type Files = Readonly<Record<string, string | Failed>>;

const PACKAGE: Files = {
  [MAIN]: PACKAGE_MAIN,
  [CREDENTIALS]: `url: http://127.0.0.1:8080\nlogin: me\npassword: ${CANARY}\n`,
  [ONLINE]: `url: https://api.crowdsec.net/\nlogin: me\npassword: ${CANARY}\n`,
};

interface Host extends Partial<Omit<TopologyInput, "probe">> {
  /** Files besides those of the package install, or in place of them. */
  readonly files?: Files;
  /** Only these files. */
  readonly only?: Files;
  /** The command line of a running crowdsec, its program left out. */
  readonly runs?: readonly string[];
}

const look = async ({ files, only, runs, ...input }: Host = {}): Promise<Topology> => {
  const processes: readonly ProcessSeen[] = runs
    ? [{ pid: 42, argv: ["/usr/bin/crowdsec", ...runs], ageSeconds: 9 }]
    : [];
  const topology = await findTopology({
    probe: fakeProber({ files: only ?? { ...PACKAGE, ...files }, processes }),
    environment: {},
    user: "root",
    platform: "linux",
    overrides: {},
    ...input,
  });
  // Whatever a test is about: nothing secret gets out.
  expect(JSON.stringify(topology).includes(CANARY)).toBe(false);
  return topology;
};

/** A main file with other contents for `api:` and no more than that. */
const api = (lines: string): Files => ({ ...PACKAGE, [MAIN]: `api:\n${lines}` });
const rolesOf = (topology: Topology): string[] => topology.roles.map(({ value }) => value);
const listening = (address: string, more = ""): Files => ({
  [MAIN]: `api:\n  server:\n    listen_uri: "${address}"\n${more}`,
});
const credentials = (lines: string): Files => ({ [CREDENTIALS]: `${lines}\nlogin: me\npassword: ${CANARY}\n` });

test("a package install is all of it: roles, files and services, each with where it is written", async () => {
  expect(await look({ runs: ["-c", MAIN] })).toEqual({
    user: "root",
    roles: ["lapi", "agent", "cscli"].map((value) => ({ value, origin: MAIN })),
    phase: { value: "run", origin: MAIN },
    files: [
      { path: MAIN, purpose: "CrowdSec's configuration", state: "read" },
      { path: `${MAIN}.local`, purpose: expect.any(String), state: "optional-missing", message: "ENOENT" },
      { path: CREDENTIALS, purpose: "credentials for the Local API", state: "read" },
      { path: `${CREDENTIALS}.local`, purpose: expect.any(String), state: "optional-missing", message: "ENOENT" },
      { path: ONLINE, purpose: "credentials for the Central API", state: "read" },
    ],
    engine: { pid: 42, argv: ["/usr/bin/crowdsec", "-c", MAIN], ageSeconds: 9 },
    sharedProcess: true,
    lapi: {
      url: { value: "http://127.0.0.1:8080/", origin: `${CREDENTIALS}:1` },
      trust: { caFiles: [], only: false, skipVerify: false },
      hasClientCertificate: false,
    },
    metrics: {
      enabled: { value: true, origin: `${MAIN}:21` },
      listenAddress: { value: "127.0.0.1", origin: `${MAIN}:23` },
      listenPort: { value: 6060, origin: `${MAIN}:24` },
    },
    capi: {
      state: "on",
      url: { value: "https://api.crowdsec.net/", origin: `${ONLINE}:1` },
      papiUrl: { value: "https://papi.api.crowdsec.net/", origin: "default" },
    },
    ctiKey: false,
    interfaces: [{ address: "127.0.0.1", family: 4 }],
  });
});

test("nothing is asked of the network", async () => {
  const probe = fakeProber({ files: PACKAGE });
  await findTopology({ probe, environment: {}, user: "root", platform: "linux", overrides: {} });
  expect(probe.asked.filter((question) => !/^(file|processes) /.test(question))).toEqual([]);
});

describe("which configuration, and which phase", () => {
  test("before the install there is no file, nothing to miss, and the roles of a package", async () => {
    const topology = await look({ only: {} });
    expect(topology).toMatchObject({
      phase: { value: "install", origin: `no ${MAIN}` },
      files: [],
      sharedProcess: false,
      lapi: { absent: expect.stringContaining("--lapi-url") },
      metrics: { absent: expect.any(String) },
      capi: { state: "on", url: { value: "https://api.crowdsec.net/", origin: "default" } },
    });
    expect(topology.roles).toEqual(["lapi", "agent", "cscli"].map((value) => ({ value, origin: "default" })));
    expect(topology).not.toHaveProperty("engine");
  });

  test("FreeBSD's packages have a place of their own", async () => {
    const path = "/usr/local/etc/crowdsec/config.yaml";
    const { phase } = await look({ only: { [path]: PACKAGE_MAIN }, platform: "freebsd" });
    expect(phase).toEqual({ value: "run", origin: path });
    expect((await look({ platform: "freebsd" })).phase).toEqual({ value: "install", origin: `no ${path}` });
  });

  test.each([
    ["--config", { overrides: { config: "/opt/c.yaml" }, runs: ["-c", "/elsewhere.yaml"] }],
    ["the running crowdsec's -c", { runs: ["-c", "/opt/c.yaml"] }],
    ["the running crowdsec's -c, which is relative to /", { runs: ["-c=opt/c.yaml"] }],
  ])("%s names the configuration", async (_what, host) => {
    const { phase, metrics } = await look({ files: { "/opt/c.yaml": "prometheus:\n  listen_port: 7\n" }, ...host });
    expect(phase).toEqual({ value: "run", origin: "/opt/c.yaml" });
    expect(metrics).toMatchObject({ listenPort: { value: 7, origin: "/opt/c.yaml:2" } });
  });

  test.each([
    ["named by --config", { overrides: { config: "/opt/c.yaml" } }, "/opt/c.yaml"],
    ["of a running crowdsec", { runs: [] }, MAIN],
    ["named by a running crowdsec", { runs: ["-c", "/opt/c.yaml"] }, "/opt/c.yaml"],
  ])("a configuration %s that is not there is a finding, not a host before its install", async (_what, host, path) => {
    const topology = await look({ only: {}, ...host });
    expect(topology.phase).toEqual({ value: "run", origin: path });
    expect(topology.files).toEqual([{ path, purpose: expect.any(String), state: "missing", message: "ENOENT" }]);
  });

  test.each(["install", "run"] as const)("--phase %s wins over what is found", async (phase) => {
    expect((await look({ overrides: { phase } })).phase).toEqual({ value: phase, origin: "--phase" });
    expect((await look({ only: {}, overrides: { phase } })).phase).toEqual({ value: phase, origin: "--phase" });
  });

  test("a mistake in the configuration is a file's, and what it would have said is left open", async () => {
    const topology = await look({ files: { [MAIN]: "api:\n\tserver:\n" } });
    expect(topology.files).toEqual([
      { path: MAIN, purpose: expect.any(String), state: "invalid", line: 2, message: expect.stringMatching(/\w/) },
    ]);
    expect(topology).toMatchObject({ phase: { value: "run" }, lapi: { absent: expect.any(String) } });
    expect(rolesOf(topology)).toEqual(["lapi", "agent", "cscli"]);
  });

  test("a credentials file that is named and not there is a missing file", async () => {
    const { files, capi } = await look({ only: { [MAIN]: PACKAGE_MAIN } });
    expect(files.map(({ path, state }) => [path, state])).toEqual([
      [MAIN, "read"],
      [`${MAIN}.local`, "optional-missing"],
      [CREDENTIALS, "missing"],
      [ONLINE, "missing"],
    ]);
    expect(capi).toMatchObject({ state: "unregistered" });
  });

  test("a relative path of a credentials file is looked for below /", async () => {
    const { lapi } = await look({
      only: {
        [MAIN]: "api:\n  client:\n    credentials_path: etc/me.yaml\n",
        "/etc/me.yaml": "url: http://lapi.test:8080/\n",
      },
    });
    expect(lapi).toMatchObject({ url: { value: "http://lapi.test:8080/", origin: "/etc/me.yaml:1" } });
  });
});

describe("roles", () => {
  const BLOCKS = "api:\n  server:\n    listen_uri: 127.0.0.1:8080\ncrowdsec_service:\n  acquisition_path: /a\n";

  test.each([
    ["both blocks are there", BLOCKS, ["lapi", "agent", "cscli"]],
    ["api.server is not there", "api:\n  client: {}\ncrowdsec_service: {a: 1}\n", ["agent", "cscli"]],
    ["api.server has nothing in it", "api:\n  server:\ncrowdsec_service: {a: 1}\n", ["agent", "cscli"]],
    ["api.server.enable is false", BLOCKS.replace("listen_uri: 127.0.0.1:8080", "enable: false"), ["agent", "cscli"]],
    ["api.server.enable is off", BLOCKS.replace("listen_uri: 127.0.0.1:8080", "enable: off"), ["agent", "cscli"]],
    [
      "api.server.enable is true",
      BLOCKS.replace("listen_uri", "enable: true\n    listen_uri"),
      ["lapi", "agent", "cscli"],
    ],
    [
      "api.server.enable has no value",
      BLOCKS.replace("listen_uri", "enable:\n    listen_uri"),
      ["lapi", "agent", "cscli"],
    ],
    ["crowdsec_service is not there", "api: {server: {listen_uri: 'a:1'}}\n", ["lapi", "cscli"]],
    [
      "crowdsec_service has nothing in it",
      "api: {server: {listen_uri: 'a:1'}}\ncrowdsec_service:\n",
      ["lapi", "cscli"],
    ],
    ["crowdsec_service.enable is false", `${BLOCKS}  enable: false\n`, ["lapi", "cscli"]],
    ["the file is empty", "", ["cscli"]],
  ])("when %s", async (_what, content, roles) => {
    const topology = await look({ files: { [MAIN]: content } });
    expect(rolesOf(topology)).toEqual(roles);
    expect(topology.sharedProcess).toBe(roles.length === 3);
  });

  test("an overlay takes a role away", async () => {
    const off = { [`${MAIN}.local`]: "api:\n  server:\n    enable: false\n" };
    expect(rolesOf(await look({ files: off }))).toEqual(["agent", "cscli"]);
    const emptied = { [`${MAIN}.local`]: "crowdsec_service: ~\n" };
    expect(rolesOf(await look({ files: emptied }))).toEqual(["lapi", "cscli"]);
  });

  test.each([
    [["-no-api"], ["agent", "cscli"]],
    [["-no-cs"], ["lapi", "cscli"]],
    [["-no-capi"], ["lapi", "agent", "cscli"]],
    [["--no-api=true", "-no-cs"], ["cscli"]],
    [["-no-api=false"], ["lapi", "agent", "cscli"]],
  ])("a crowdsec that runs with %j", async (runs, roles) => {
    const topology = await look({ runs });
    expect(rolesOf(topology)).toEqual(roles);
    expect(topology.sharedProcess).toBe(roles.length === 3);
  });

  test("--role wins over what is found", async () => {
    const topology = await look({ overrides: { roles: ["bouncer", "lapi"] } });
    expect(topology.roles).toEqual(["bouncer", "lapi"].map((value) => ({ value, origin: "--role" })));
    expect(topology.sharedProcess).toBe(false);
    expect((await look({ overrides: { roles: ["agent", "lapi"] } })).sharedProcess).toBe(true);
    expect((await look({ only: {}, overrides: { roles: ["agent", "lapi"] } })).sharedProcess).toBe(false);
  });
});

describe("the way to the Local API", () => {
  test.each([
    ["127.0.0.1:8080", "http://127.0.0.1:8080/"],
    ["0.0.0.0:8080", "http://127.0.0.1:8080/"],
    [":8080", "http://127.0.0.1:8080/"],
    ["[::]:8080", "http://[::1]:8080/"],
    ["[::1]:8080", "http://[::1]:8080/"],
    ["[2001:db8::1]:8080", "http://[2001:db8::1]:8080/"],
    ["192.0.2.1:9999", "http://192.0.2.1:9999/"],
    ["localhost:8080", "http://localhost:8080/"],
  ])("where nothing but listen_uri %j names it, a client of this host dials %s", async (address, url) => {
    const { lapi } = await look({ only: listening(address) });
    expect(lapi).toEqual({
      url: { value: url, origin: `${MAIN}:3` },
      trust: { caFiles: [], only: false, skipVerify: false },
      hasClientCertificate: false,
    });
  });

  test.each([
    ["    tls:\n      cert_file: /a.pem\n", "https://127.0.0.1:8080/"],
    ["    tls:\n      cert_file: ''\n", "http://127.0.0.1:8080/"],
    ["    tls:\n      cert_file:\n", "http://127.0.0.1:8080/"],
    ["    tls:\n      server_name: x\n", "http://127.0.0.1:8080/"],
  ])("with %j the listener is at %s", async (tls, url) => {
    expect((await look({ only: listening(":8080", tls) })).lapi).toMatchObject({ url: { value: url } });
  });

  test.each(["8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:99999", "/run/lapi.sock", "a b:8080"])(
    "a listen_uri %j that nobody can dial is a fault",
    async (address) => {
      expect((await look({ only: listening(address) })).lapi).toMatchObject({
        malformed: { value: expect.stringContaining(address), origin: `${MAIN}:3` },
        problem: expect.any(String),
      });
    },
  );

  test("an overlay's listen_uri is the overlay's", async () => {
    const { lapi } = await look({
      only: {
        ...listening("127.0.0.1:8080"),
        [`${MAIN}.local`]: "# mine\napi:\n  server:\n    listen_uri: 192.0.2.1:9090\n",
      },
    });
    expect(lapi).toMatchObject({ url: { value: "http://192.0.2.1:9090/", origin: `${MAIN}.local:4` } });
  });

  test.each([
    ["http://127.0.0.1:8080", "http://127.0.0.1:8080/"],
    ["http://127.0.0.1:8080/", "http://127.0.0.1:8080/"],
    ["https://lapi.test/crowdsec", "https://lapi.test/crowdsec/"],
    ["http://[2001:db8::1]:8080/", "http://[2001:db8::1]:8080/"],
    ["http://$LAPI_HOST:8080/", "http://lapi.test:8080/"],
    ["http://$no_such_name:8080/", "http://$no_such_name:8080/"],
  ])("the credentials' url %s is dialed as %s", async (url, expected) => {
    const { lapi } = await look({ files: credentials(`# c\nurl: ${url}`), environment: { LAPI_HOST: "lapi.test" } });
    expect(lapi).toMatchObject({ url: { value: expected, origin: `${CREDENTIALS}:2` } });
  });

  test("the credentials' overlay wins", async () => {
    const { lapi } = await look({ files: { [`${CREDENTIALS}.local`]: "url: http://lapi.test:9090/\n" } });
    expect(lapi).toMatchObject({ url: { value: "http://lapi.test:9090/", origin: `${CREDENTIALS}.local:1` } });
  });

  test("what the credentials and the client's block say of trust is kept", async () => {
    const { lapi } = await look({
      files: {
        [MAIN]: PACKAGE_MAIN.replace("verify: false", "verify: true"),
        ...credentials("url: https://lapi.test/\nca_cert_path: etc/ca.pem\ncert_path: /etc/me.pem"),
      },
    });
    expect(lapi).toMatchObject({
      trust: { caFiles: ["/etc/ca.pem"], only: false, skipVerify: true },
      hasClientCertificate: true,
    });
  });

  test("a unix socket is no address to connect to", async () => {
    const { lapi } = await look({ files: credentials("url: /run/crowdsec.sock") });
    expect(lapi).toEqual({ absent: expect.stringMatching(new RegExp(`/run/crowdsec\\.sock \\(${CREDENTIALS}:1\\)`)) });
  });

  test.each([
    ["lapi.test:8080", "neither http:// nor https://"],
    ["ftp://lapi.test/", "neither http:// nor https://"],
    ["lapi.test", "not a URL"],
    ["http://", "not a URL"],
    ["http://lapi.test:99999/", "not a URL"],
    ["http://la pi/", "not a URL"],
  ])("a url %j is a fault: %s", async (url, problem) => {
    expect((await look({ files: credentials(`url: "${url}"`) })).lapi).toEqual({
      malformed: { value: url, origin: `${CREDENTIALS}:1` },
      problem,
    });
  });

  // Every look() makes sure that the secret is nowhere in what it gives.
  test.each([
    `http://me:${CANARY}@lapi.test:8080/`,
    `http://${CANARY}@lapi.test:8080/`,
    `https://me:${CANARY}@lapi.test:99999/`,
    `ftp://me:${CANARY}@lapi.test/`,
    `me:${CANARY}@lapi.test:8080`,
    `http://me:${CANARY}@la pi/`,
  ])("credentials in a url (%s) are a fault, and kept to ourselves", async (url) => {
    expect((await look({ files: credentials(`url: "${url}"`) })).lapi).toMatchObject({
      malformed: { origin: `${CREDENTIALS}:1` },
    });
  });

  test.each([`http://lapi.test:8080/?key=${CANARY}`, `http://lapi.test:8080/#${CANARY}`])(
    "of a url with a query or a fragment (%s) neither gets out",
    async (url) => {
      const { lapi } = await look({ files: credentials(`url: "${url}"`) });
      expect(JSON.stringify(lapi)).not.toMatch(/[?#]/);
    },
  );

  test("--lapi-url wins over every file, and trusts whom the files trust", async () => {
    const { lapi } = await look({
      files: credentials("url: http://other.test/\nca_cert_path: /etc/ca.pem"),
      overrides: { lapiUrl: "https://lapi.test:8443" },
    });
    expect(lapi).toEqual({
      url: { value: "https://lapi.test:8443/", origin: "--lapi-url" },
      trust: { caFiles: ["/etc/ca.pem"], only: false, skipVerify: false },
      hasClientCertificate: false,
    });
    expect((await look({ only: {}, overrides: { lapiUrl: "http://lapi.test/" } })).lapi).toMatchObject({
      url: { value: "http://lapi.test/" },
    });
    expect((await look({ overrides: { lapiUrl: "lapi" } })).lapi).toMatchObject({
      malformed: { origin: "--lapi-url" },
    });
  });

  test.each([
    ["no file names one", "cscli: {}\n", {}],
    ["the Local API is switched off here", "api:\n  server:\n    enable: false\n    listen_uri: :8080\n", {}],
    ["the running crowdsec has none", "api:\n  server:\n    listen_uri: :8080\n", { runs: ["-no-api"] }],
  ])("when %s, there is none to reach", async (_what, content, host) => {
    expect((await look({ only: { [MAIN]: content }, ...host })).lapi).toEqual({
      absent: expect.stringContaining("--lapi-url"),
    });
  });
});

describe("files that this user may not read", () => {
  test("a hidden configuration hides the Local API, the metrics and the Central API", async () => {
    const topology = await look({ files: { [MAIN]: DENIED }, user: "nobody" });
    const hidden = { hidden: expect.stringMatching(new RegExp(`^run as root: ${MAIN} `)) };
    expect(topology).toMatchObject({ user: "nobody", phase: { value: "run" }, lapi: hidden, metrics: hidden });
    expect(topology.roles.map(({ origin }) => origin)).toEqual(Array(3).fill(`default: ${MAIN} could not be read`));
    expect(topology.capi).toEqual(hidden);
  });

  test("hidden credentials hide the Local API, unless it listens here", async () => {
    const hidden = { [CREDENTIALS]: DENIED };
    const elsewhere = api(`  client:\n    credentials_path: ${CREDENTIALS}\n`);
    expect((await look({ only: { ...elsewhere, ...hidden } })).lapi).toEqual({
      hidden: expect.stringMatching(new RegExp(`^run as root: ${CREDENTIALS} `)),
    });
    expect((await look({ files: hidden })).lapi).toMatchObject({ url: { origin: `${MAIN}:16` } });
  });

  test("hidden credentials of the Central API hide it", async () => {
    const { capi, lapi } = await look({ files: { [ONLINE]: DENIED } });
    expect(capi).toEqual({ hidden: expect.stringMatching(new RegExp(`^run as root: ${ONLINE} `)) });
    expect(lapi).toMatchObject({ url: { value: "http://127.0.0.1:8080/" } });
  });
});

describe("metrics", () => {
  const metrics = async (content: string, more: Files = {}): Promise<Topology["metrics"]> =>
    (await look({ only: { [MAIN]: content, ...more } })).metrics;

  test("without the block there are none, as for CrowdSec", async () => {
    expect(await metrics("cscli: {}\n")).toEqual({
      enabled: { value: false, origin: MAIN },
      listenAddress: { value: "127.0.0.1", origin: "default" },
      listenPort: { value: 6060, origin: "default" },
    });
  });

  test.each([
    ["true", true],
    ["false", false],
    ["yes", true],
  ])("enabled: %s is %s", async (word, value) => {
    expect(await metrics(`prometheus:\n  enabled: ${word}\n`)).toMatchObject({
      enabled: { value, origin: `${MAIN}:2` },
    });
  });

  test("an overlay's values are the overlay's, the others stay", async () => {
    const base = "prometheus:\n  enabled: true\n  listen_addr: 0.0.0.0\n  listen_port: 6060\n";
    expect(await metrics(base, { [`${MAIN}.local`]: "prometheus:\n  listen_port: 6061\n" })).toEqual({
      enabled: { value: true, origin: `${MAIN}:2` },
      listenAddress: { value: "0.0.0.0", origin: `${MAIN}:3` },
      listenPort: { value: 6061, origin: `${MAIN}.local:2` },
    });
  });

  test.each(["listen_port: 0", "listen_port:", "listen_addr: ''", "listen_addr:"])(
    "%s is the default, as for CrowdSec",
    async (line) => {
      expect(await metrics(`prometheus:\n  ${line}\n`)).toMatchObject({
        listenAddress: { value: "127.0.0.1", origin: "default" },
        listenPort: { value: 6060, origin: "default" },
      });
    },
  );

  test.each([
    ["listen_port: 65536", "65536"],
    ["listen_port: -1", "-1"],
    ["listen_port: 60.5", "60.5"],
    ["listen_port: metrics", "metrics"],
    ["listen_port: $PORT", "$PORT"],
    ["listen_addr: a b", "a b"],
    ["listen_addr: 1.2.3.4.5", "1.2.3.4.5"],
    ["listen_addr: '[::'", "[::"],
  ])("%s is a fault of the configuration", async (line, value) => {
    expect(await metrics(`prometheus:\n  enabled: true\n  ${line}\n`)).toEqual({
      malformed: { value, origin: `${MAIN}:3` },
      problem: expect.any(String),
    });
  });

  test("a name of the environment is filled in, an unknown one stays", async () => {
    const content = "prometheus:\n  enabled: true\n  listen_addr: $HERE\n  listen_port: $PORT\n";
    const { metrics: known } = await look({
      only: { [MAIN]: content },
      environment: { HERE: "192.0.2.1", PORT: "7070" },
    });
    expect(known).toMatchObject({ listenAddress: { value: "192.0.2.1" }, listenPort: { value: 7070 } });
    expect(await metrics("prometheus:\n  listen_addr: $HERE\n")).toMatchObject({ malformed: { value: "$HERE" } });
  });
});

describe("the Central API", () => {
  const withoutServer = api("  client: {}\n");

  test.each([
    ["crowdsec runs with -no-capi", { runs: ["-no-capi"] }, "-no-capi"],
    ["crowdsec runs with -no-api", { runs: ["-no-api"] }, "-no-api"],
    ["this host runs no Local API", { only: withoutServer }, "no Local API"],
    [
      "the Local API is switched off",
      { files: { [`${MAIN}.local`]: "api: {server: {enable: false}}\n" } },
      "no Local API",
    ],
    ["no credentials are named", { only: api("  server:\n    listen_uri: :8080\n") }, "online_client"],
    [
      "the overlay takes them away",
      { files: { [`${MAIN}.local`]: "api: {server: {online_client: ~}}\n" } },
      "online_client",
    ],
  ])("is off when %s", async (_what, host, reason) => {
    const { capi } = await look(host);
    expect(capi).toMatchObject({ state: "off", reason: expect.stringContaining(reason) });
  });

  test("is unknown neither to -no-capi nor to a switched-off Local API when its credentials are hidden", async () => {
    expect((await look({ files: { [ONLINE]: DENIED }, runs: ["-no-capi"] })).capi).toMatchObject({ state: "off" });
    expect((await look({ files: { [ONLINE]: DENIED }, runs: ["-no-api"] })).capi).toMatchObject({ state: "off" });
  });

  test.each([
    ["is empty", ""],
    ["has no login", "url: https://api.crowdsec.net/\npassword: x\n"],
    ["has no password", "url: https://api.crowdsec.net/\nlogin: x\n"],
    ["has no url", "login: x\npassword: x\n"],
    ["has an empty login", "url: https://api.crowdsec.net/\nlogin: ''\npassword: x\n"],
    ["has a password without value", "url: https://api.crowdsec.net/\nlogin: x\npassword:\n"],
    ["has an empty url", "url: ''\nlogin: x\npassword: x\n"],
  ])("is not registered with when the credentials' file %s", async (_what, content) => {
    const { capi } = await look({ files: { [ONLINE]: content } });
    expect(capi).toMatchObject({
      state: "unregistered",
      reason: expect.stringContaining(ONLINE),
      url: { value: "https://api.crowdsec.net/" },
    });
  });

  test("is where the credentials say", async () => {
    const { capi } = await look({
      files: { [ONLINE]: "login: x\npassword: y\npapi_url: https://papi.test/\nurl: https://capi.test/\n" },
    });
    expect(capi).toEqual({
      state: "on",
      url: { value: "https://capi.test/", origin: `${ONLINE}:4` },
      papiUrl: { value: "https://papi.test/", origin: `${ONLINE}:3` },
    });
  });

  test.each(["nowhere", "ftp://capi.test/", "https://capi.test:99999/"])(
    "is not to be reached at an address like %s, which is a fault of the file",
    async (address) => {
      const { capi } = await look({
        files: { [ONLINE]: `login: x\npassword: y\nurl: ${address}\npapi_url: ${address}\n` },
      });
      expect(capi).toMatchObject({
        state: "on",
        url: { malformed: { value: address, origin: `${ONLINE}:3` } },
        papiUrl: { malformed: { value: address, origin: `${ONLINE}:4` } },
      });
    },
  );

  test("a url of its own that holds credentials does not get out", async () => {
    const secret = `https://me:${CANARY}@capi.test/`;
    await look({ files: { [ONLINE]: `login: x\npassword: y\nurl: ${secret}\npapi_url: ${secret}\n` } });
  });
});

describe("what else the configuration says", () => {
  test("the hub's address and branch", async () => {
    const { hubTemplate, hubBranch } = await look({
      only: { [MAIN]: "cscli:\n  hub_branch: v1.5.0\n  __hub_url_template__: https://hub.test/%s/%s\n" },
    });
    expect(hubBranch).toEqual({ value: "v1.5.0", origin: `${MAIN}:2` });
    expect(hubTemplate).toEqual({ value: "https://hub.test/%s/%s", origin: `${MAIN}:3` });
    const plain = await look();
    expect(plain).not.toHaveProperty("hubTemplate");
    expect(plain).not.toHaveProperty("hubBranch");
  });

  test.each([
    ["a key", `api:\n  cti:\n    key: ${CANARY}\n`, true],
    ["a key without value", "api:\n  cti:\n    key:\n", false],
    ["an empty key", "api:\n  cti:\n    key: ''\n", false],
    ["no key", "api:\n  cti: {enabled: true}\n", false],
  ])("%s for the CTI is noticed, and not kept", async (_what, content, expected) => {
    expect((await look({ only: { [MAIN]: content } })).ctiKey).toBe(expected);
  });

  test.each([">", "|", "*", "!x!", '"'])(
    "a password that breaks its file (it begins with %j) does not get out with the message",
    async (begin) => {
      const { files } = await look({
        files: { [CREDENTIALS]: `url: http://lapi.test/\npassword: ${begin}${CANARY}\n` },
      });
      expect(files.find(({ path }) => path === CREDENTIALS)).toMatchObject({ state: "invalid" });
    },
  );
});

test.each([
  ["", "127.0.0.1"],
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
  ["[::]", "::1"],
  ["[2001:db8::1]", "2001:db8::1"],
  ["192.0.2.1", "192.0.2.1"],
  ["lapi.test", "lapi.test"],
])("what listens at %j is dialed at %s", (listens, dialed) => {
  expect(dialable(listens)).toBe(dialed);
});
