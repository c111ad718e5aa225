import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import type { Failed, ProcessSeen } from "../../src/model/observation.ts";
import { Secret } from "../../src/model/secret.ts";
import type { LapiClient, Topology } from "../../src/model/topology.ts";
import { dialable } from "../../src/model/url.ts";
import { findTopology, type TopologyInput } from "../../src/topology/index.ts";
import { fakeProber, RESOLVER, type World } from "../support/fake-prober.ts";

const MAIN = "/etc/crowdsec/config.yaml";
const CREDENTIALS = "/etc/crowdsec/local_api_credentials.yaml";
const ONLINE = "/etc/crowdsec/online_api_credentials.yaml";
const PROFILES = "/etc/crowdsec/profiles.yaml";
const ACQUIS = "/etc/crowdsec/acquis.yaml";
const BOUNCERS = "/etc/crowdsec/bouncers";
const PROGRAM = "/usr/bin/crowdsec";

/** Stands for every secret; no topology may hold it. */
const CANARY = "canary-4dd1-secret";

const DENIED: Failed = { ok: false, phase: "host", code: "file-denied", message: "EACCES", elapsedMs: 0 };

/** The configuration that CrowdSec's packages install; the line of each key is what the tests go by. */
const PACKAGE_MAIN = `common:
  log_level: info
crowdsec_service:
  acquisition_path: ${ACQUIS}
cscli:
  output: human
db_config:
  type: sqlite
  db_path: /var/lib/crowdsec/data/crowdsec.db
  password: ${CANARY}
config_paths:
  hub_dir: /etc/crowdsec/hub/
api:
  client:
    insecure_skip_verify: false
    credentials_path: ${CREDENTIALS}
  server:
    log_level: info
    listen_uri: 127.0.0.1:8080
    profiles_path: ${PROFILES}
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
  [PROFILES]: "name: default\nnotifications: [mail]\n",
  [ACQUIS]: "filenames: [/var/log/auth.log]\nlabels: {type: syslog}\n",
};

interface Host extends Partial<Omit<TopologyInput, "probe">> {
  /** Files besides those of the package install, or in place of them. */
  readonly files?: Files;
  /** Only these files. */
  readonly only?: Files;
  /** The command line of a running crowdsec, its program left out. */
  readonly runs?: readonly string[];
  /** What `crowdsec -version` says, of a host that has the program. */
  readonly version?: string;
  /** The names in each folder. */
  readonly folders?: World["folders"];
}

const world = ({ files, only, runs, version, folders = {} }: Host): World => {
  const processes: readonly ProcessSeen[] = runs
    ? [{ pid: 42, argv: ["/usr/bin/crowdsec", ...runs], uid: 0, ageSeconds: 9 }]
    : [];
  return {
    files: only ?? { ...PACKAGE, ...files },
    folders,
    processes,
    ...(version !== undefined && {
      paths: { [PROGRAM]: { executable: true } },
      commands: () => ({ ok: true, elapsedMs: 3, exitCode: 0, output: version }),
    }),
  };
};

const look = async (host: Host = {}): Promise<Topology> => {
  const { files, only, runs, version, folders, ...input } = host;
  const topology = await findTopology({
    probe: fakeProber(world(host)),
    environment: {},
    user: "root",
    platform: "linux",
    env: "auto",
    overrides: {},
    ...input,
  });
  // Whatever a test is about: nothing secret gets out.
  expect(JSON.stringify(topology).includes(CANARY)).toBe(false);
  expect(inspect(topology, { depth: null }).includes(CANARY)).toBe(false);
  return topology;
};

/** This client of the Local API, which must be there. */
const clientIn = ({ clients }: Topology, name: string): LapiClient => {
  const found = Array.isArray(clients) ? clients.find((client: LapiClient) => client.name === name) : undefined;
  if (found === undefined) throw new Error(`no ${name} in ${JSON.stringify(clients)}`);
  return found;
};
const clientNames = ({ clients }: Topology): unknown =>
  Array.isArray(clients) ? clients.map(({ name }: LapiClient) => name) : clients;

/** A main file with other contents for `api:` and no more than that. */
const api = (lines: string): Files => ({ ...PACKAGE, [MAIN]: `api:\n${lines}` });
const rolesOf = (topology: Topology): string[] => topology.roles.map(({ value }) => value);
const listening = (address: string, more = ""): Files => ({
  [MAIN]: `api:\n  server:\n    listen_uri: "${address}"\n${more}`,
});

test("a package install is all of it: roles, files and services, each with where it is written", async () => {
  const overlay = (path: string) => ({
    path: `${path}.local`,
    purpose: expect.stringMatching(/, overlay$/),
    state: "optional-missing",
    message: "ENOENT",
    mistakes: [],
  });
  const file = (path: string, purpose: string) => ({ path, purpose, state: "read", mistakes: [] });
  const trust = { caFiles: [], only: false, skipVerify: false };
  const unproxied = { proxies: { cgi: false, ignored: [] }, store: {} };
  const machine = (name: string, component: string) => ({
    name,
    component,
    kind: "machine",
    path: CREDENTIALS,
    way: { url: { value: "http://127.0.0.1:8080/", origin: `${CREDENTIALS}:1` }, trust },
    credentials: {
      kind: "password",
      login: { value: "me", origin: `${CREDENTIALS}:2` },
      password: new Secret(CANARY),
    },
  });
  expect(await look({ runs: ["-c", MAIN], version: "2026/01/01 version: v1.7.8-debian-5\nCodename: x\n" })).toEqual({
    user: "root",
    system: { services: "none", packages: "none" },
    env: "auto",
    components: [
      {
        name: "crowdsec",
        environment: { ...unproxied, from: "shell", origin: "this shell: crowdsec does not run and has no unit" },
        program: PROGRAM,
      },
      { name: "cscli", environment: { ...unproxied, from: "shell", origin: "this shell" } },
    ],
    shell: { ...unproxied, from: "shell", origin: "this shell" },
    resolver: RESOLVER,
    installed: { value: [1, 7, 8], origin: PROGRAM },
    roles: ["lapi", "agent", "cscli"].map((value) => ({ value, origin: MAIN })),
    phase: { value: "run", origin: MAIN },
    files: [
      file(MAIN, "CrowdSec's configuration"),
      overlay(MAIN),
      file(CREDENTIALS, "credentials for the Local API"),
      overlay(CREDENTIALS),
      file(ONLINE, "credentials for the Central API"),
      file(PROFILES, "profiles"),
      overlay(PROFILES),
      { ...overlay("/etc/crowdsec/feature.yaml"), path: "/etc/crowdsec/feature.yaml", purpose: "feature flags" },
    ],
    program: { path: PROGRAM, version: [1, 7, 8] },
    config: { value: MAIN, origin: "-c of process 42" },
    engine: { pid: 42, argv: ["/usr/bin/crowdsec", "-c", MAIN], uid: 0, ageSeconds: 9 },
    engines: [{ pid: 42, argv: ["/usr/bin/crowdsec", "-c", MAIN], uid: 0, ageSeconds: 9 }],
    sharedProcess: true,
    clients: [
      {
        name: "lapi",
        kind: "self",
        path: MAIN,
        way: {
          url: { value: "http://127.0.0.1:8080/", origin: `${MAIN}:19` },
          trust: { ...trust, skipVerify: true },
        },
        neverProxied: "this host asks itself",
        credentials: { absent: expect.any(String) },
      },
      machine("agent", "crowdsec"),
      machine("cscli", "cscli"),
    ],
    listen: { uri: { value: { host: "127.0.0.1", port: 8080 }, origin: `${MAIN}:19` }, tls: false, appsec: [] },
    database: { kind: "sqlite", path: { value: "/var/lib/crowdsec/data/crowdsec.db", origin: `${MAIN}:9` } },
    acquisition: {
      files: [file(ACQUIS, "acquisition")],
      sources: [{ origin: `${ACQUIS}:1`, source: "file", hasLabels: true, mistakes: [] }],
      path: { value: ACQUIS, origin: `${MAIN}:4` },
    },
    rehearsal: {
      program: PROGRAM,
      files: { "config.yaml": expect.any(Secret), "profiles.yaml": expect.any(Secret) },
      environment: {},
      flags: ["-no-capi"],
    },
    hubIndex: { value: "/etc/crowdsec/hub/.index.json", origin: `${MAIN}:12` },
    targets: [],
    peers: [],
    metrics: {
      enabled: { value: true, origin: `${MAIN}:24` },
      listenAddress: { value: "127.0.0.1", origin: `${MAIN}:26` },
      listenPort: { value: 6060, origin: `${MAIN}:27` },
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

test("the data's folder is the configuration's own, with the overlay's last word, and as CrowdSec reads a relative one", async () => {
  const dataDir = async (files: Files): Promise<Topology["dataDir"]> => (await look({ files })).dataDir;
  const withData = PACKAGE_MAIN.replace("config_paths:", "config_paths:\n  data_dir: /srv/y/data/");
  expect(await dataDir({ [MAIN]: withData })).toEqual({ value: "/srv/y/data", origin: `${MAIN}:12` });
  const overlay = "config_paths:\n  data_dir: srv/z\n";
  expect(await dataDir({ [MAIN]: withData, [`${MAIN}.local`]: overlay })).toEqual({
    value: "/srv/z",
    origin: `${MAIN}.local:2`,
  });
  expect(await dataDir({})).toBeUndefined();
});

test("nothing is asked of the network, and no program is run but crowdsec's own -version", async () => {
  const probe = fakeProber(world({ runs: ["-c", MAIN], version: "version: v1.7.8\n", folders: { [BOUNCERS]: [] } }));
  await findTopology({ probe, environment: {}, user: "root", platform: "linux", env: "auto", overrides: {} });
  expect(probe.asked.filter((question) => !/^(file|folder|path|processes) /.test(question))).toEqual([
    `command ${PROGRAM} -version`,
    "environment 42",
    `build ${PROGRAM}`,
  ]);
});

describe("which configuration, and which phase", () => {
  test("before the install there is no file, nothing to miss, and the roles of a package", async () => {
    const topology = await look({ only: {} });
    expect(topology).toMatchObject({
      phase: { value: "install", origin: `no ${MAIN}` },
      files: [],
      sharedProcess: false,
      clients: { absent: expect.stringContaining("--lapi-url") },
      listen: { tls: false, appsec: [] },
      database: { absent: expect.any(String) },
      acquisition: { absent: expect.any(String) },
      rehearsal: { absent: expect.any(String) },
      metrics: { absent: expect.any(String) },
      capi: { state: "on", url: { value: "https://api.crowdsec.net/", origin: "default" } },
    });
    expect(topology.roles).toEqual(["lapi", "agent", "cscli"].map((value) => ({ value, origin: "default" })));
    expect(topology).not.toHaveProperty("engine");
  });

  describe("before the install, with the overlay written already", () => {
    const LOCAL = `${MAIN}.local`;
    const planned = (content: string): Promise<Topology> => look({ only: { [LOCAL]: content } });

    test("CrowdSec will listen where it says, and where the package says otherwise", async () => {
      const content = 'api:\n  server:\n    listen_uri: "10.0.0.5:8081"\nprometheus:\n  listen_port: 6061\n';
      const topology = await planned(content);
      expect(topology).toMatchObject({
        phase: { value: "install" },
        files: [{ path: LOCAL, state: "read", mistakes: [] }],
        clients: { absent: expect.stringContaining("--lapi-url") },
        listen: { uri: { value: { host: "10.0.0.5", port: 8081 }, origin: `${LOCAL}:3` }, tls: false, appsec: [] },
        metrics: {
          enabled: { value: true, origin: "default" },
          listenAddress: { value: "127.0.0.1", origin: "default" },
          listenPort: { value: 6061, origin: `${LOCAL}:5` },
        },
      });
    });

    test("an empty one changes nothing of what the package brings", async () => {
      expect(await planned("")).toMatchObject({
        listen: { uri: { value: { host: "127.0.0.1", port: 8080 }, origin: "default" } },
        metrics: { listenPort: { value: 6060, origin: "default" } },
      });
    });

    test("one that this user may not read hides what will be", async () => {
      const { files, listen, metrics } = await look({ only: { [LOCAL]: DENIED } });
      expect(files).toMatchObject([{ path: LOCAL, state: "denied" }]);
      expect(listen).toEqual({ tls: false, appsec: [] });
      expect(metrics).toEqual({ hidden: `run as root: ${LOCAL} may not be read by this user` });
    });

    test("one alone is nothing where --phase says that CrowdSec runs", async () => {
      const { listen } = await look({ only: { [LOCAL]: "api: {}\n" }, overrides: { phase: "run" } });
      expect(listen).toEqual({ tls: false, appsec: [] });
    });
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

  describe("where several processes are called crowdsec", () => {
    const process = (pid: number, uid: number, config: string): ProcessSeen => ({
      pid,
      argv: ["crowdsec", "-c", config],
      uid,
      ageSeconds: 9,
    });
    const among = async (files: Files, ...processes: readonly ProcessSeen[]): Promise<Topology> =>
      findTopology({
        probe: fakeProber({ files: { ...PACKAGE, ...files }, processes }),
        environment: {},
        user: "root",
        platform: "linux",
        env: "auto",
        overrides: {},
      });

    test("that of another user names no configuration and is no engine: its unit's does, or the usual one", async () => {
      const stranger = process(7, 65_534, "/tmp/evil.yaml");
      const alone = await among({}, stranger);
      expect(alone.config).toEqual({ value: MAIN, origin: "default" });
      expect(alone).not.toHaveProperty("engine");
      const unit = "/etc/systemd/system/crowdsec.service";
      const { config } = await among({ [unit]: "[Service]\nExecStart=/usr/bin/crowdsec -c /opt/c.yaml\n" }, stranger);
      expect(config).toEqual({ value: "/opt/c.yaml", origin: `-c of ${unit}` });
      const { engine } = await among({}, stranger, process(42, 0, MAIN));
      expect(engine).toMatchObject({ pid: 42 });
    });

    test("that of the user whom its unit names is CrowdSec's", async () => {
      const files = {
        "/etc/systemd/system/crowdsec.service": "[Service]\nUser=crowdsec\nExecStart=/usr/bin/crowdsec\n",
        "/etc/passwd": "root:x:0:0::/:/bin/sh\ncrowdsec:x:998:998::/:/bin/sh\n",
      };
      expect((await among(files, process(7, 998, "/opt/c.yaml"))).config.value).toBe("/opt/c.yaml");
    });

    test("the oldest of root's counts, and the others are named", async () => {
      const { config } = await among({}, process(42, 0, "/opt/c.yaml"), process(58, 0, MAIN));
      expect(config).toEqual({ value: "/opt/c.yaml", origin: "-c of process 42 (also 58)" });
    });
  });

  test.each([
    ["named by --config", { overrides: { config: "/opt/c.yaml" } }, "/opt/c.yaml"],
    ["of a running crowdsec", { runs: [] }, MAIN],
    ["named by a running crowdsec", { runs: ["-c", "/opt/c.yaml"] }, "/opt/c.yaml"],
  ])("a configuration %s that is not there is a finding, not a host before its install", async (_what, host, path) => {
    const topology = await look({ only: {}, ...host });
    expect(topology.phase).toEqual({ value: "run", origin: path });
    expect(topology.files).toEqual([
      { path, purpose: expect.any(String), state: "missing", message: "ENOENT", mistakes: [] },
    ]);
  });

  test.each(["install", "run"] as const)("--phase %s wins over what is found", async (phase) => {
    expect((await look({ overrides: { phase } })).phase).toEqual({ value: phase, origin: "--phase" });
    expect((await look({ only: {}, overrides: { phase } })).phase).toEqual({ value: phase, origin: "--phase" });
  });

  test("a mistake in the configuration is a file's, and what it would have said is left open", async () => {
    const topology = await look({ files: { [MAIN]: "api:\n\tserver:\n" } });
    expect(topology.files).toEqual([
      {
        path: MAIN,
        purpose: expect.any(String),
        state: "invalid",
        line: 2,
        message: expect.stringMatching(/\w/),
        mistakes: [],
      },
    ]);
    const left = { absent: `${MAIN} cannot be read` };
    expect(topology).toMatchObject({ phase: { value: "run" }, database: left, acquisition: left, rehearsal: left });
    expect(topology.clients).toEqual({ absent: expect.stringContaining("--lapi-url") });
    expect(rolesOf(topology)).toEqual(["lapi", "agent", "cscli"]);
  });

  test("a credentials file that is named and not there is a missing file", async () => {
    const { files, capi, clients } = await look({ only: { [MAIN]: PACKAGE_MAIN, [PROFILES]: "name: x\n" } });
    expect(files.filter(({ state }) => state !== "optional-missing").map(({ path, state }) => [path, state])).toEqual([
      [MAIN, "read"],
      [CREDENTIALS, "missing"],
      [ONLINE, "missing"],
      [PROFILES, "read"],
    ]);
    expect(capi).toMatchObject({ state: "unregistered", incomplete: { path: ONLINE } });
    expect(clients).toMatchObject([
      { name: "lapi" },
      { name: "agent", way: { absent: `${CREDENTIALS} does not exist` } },
      {},
    ]);
  });

  test("a relative path of a credentials file is looked for below /", async () => {
    const topology = await look({
      only: {
        [MAIN]: "crowdsec_service: {a: 1}\napi:\n  client:\n    credentials_path: etc/me.yaml\n",
        "/etc/me.yaml": "url: http://lapi.test:8080/\n",
      },
    });
    expect(clientIn(topology, "agent")).toMatchObject({
      path: "/etc/me.yaml",
      way: { url: { value: "http://lapi.test:8080/", origin: "/etc/me.yaml:1" } },
    });
  });

  test("a file that holds keys which CrowdSec refuses says so, unless the release is newer than what is known", async () => {
    const http = { [`${MAIN}.local`]: "common:\n  http_proxies: x\n" };
    const mistakesOf = async (host: Host): Promise<unknown> =>
      (await look(host)).files.flatMap(({ path, mistakes }) => mistakes.map(({ key }) => [path, key]));
    expect(await mistakesOf({ files: http })).toEqual([[`${MAIN}.local`, "common.http_proxies"]]);
    expect(await mistakesOf({ files: http, version: "version: v1.7.8" })).toHaveLength(1);
    expect(await mistakesOf({ files: http, version: "version: v9.0.0" })).toEqual([]);
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

describe("the program", () => {
  test("that is not there, or may not be run, is left out", async () => {
    expect(await look()).not.toHaveProperty("program");
    const probe = fakeProber({ ...world({}), paths: { [PROGRAM]: { executable: false } } });
    await findTopology({ probe, environment: {}, user: "root", platform: "linux", env: "auto", overrides: {} });
    expect(probe.asked.filter((question) => question.startsWith("command "))).toEqual([]);
  });

  test.each([
    [
      "1.4.6 of Debian",
      "2026/06/15 12:00:00 version: v1.4.6-6~deb12u1-linux\n2026/06/15 Codename: alphaga\n",
      [1, 4, 6],
    ],
    ["1.7.8", "version: v1.7.8-debian-pragmatic-amd64-7a2c5d1\nCodename: alphaga\n", [1, 7, 8]],
  ])("%s tells its version", async (_what, output, version) => {
    expect((await look({ version: output })).program).toEqual({ path: PROGRAM, version });
  });

  test("that says something else is there, of a version that nobody knows", async () => {
    expect((await look({ version: "segmentation fault" })).program).toEqual({ path: PROGRAM });
  });

  test("of the installer is found beside that of packages; whatever a process calls itself is not run", async () => {
    const paths = { "/usr/local/bin/crowdsec": { executable: true }, "/tmp/crowdsec": { executable: true } };
    const probe = fakeProber({
      ...world({}),
      paths,
      processes: [{ pid: 1, argv: ["/tmp/crowdsec"], uid: 0, ageSeconds: 1 }],
    });
    const topology = await findTopology({
      probe,
      environment: {},
      user: "root",
      platform: "linux",
      env: "auto",
      overrides: {},
    });
    expect(topology.program).toEqual({ path: "/usr/local/bin/crowdsec" });
    expect(probe.asked.filter((question) => question.startsWith("command "))).toEqual([
      "command /usr/local/bin/crowdsec -version",
    ]);
  });

  test("decides what becomes of variables in config.yaml", async () => {
    const only = { [MAIN]: "db_config:\n  type: sqlite\n  db_path: /data/a$" + "{NOWHERE}b.db\n" };
    const path = async (version: string): Promise<unknown> => (await look({ only, version })).database;
    expect(await path("version: v1.4.6")).toMatchObject({ path: { value: "/data/ab.db" } });
    expect(await path("version: v1.5.0")).toMatchObject({ path: { value: "/data/a$" + "{NOWHERE}b.db" } });
  });
});

describe("a host of bouncers", () => {
  const FIREWALL = `${BOUNCERS}/crowdsec-firewall-bouncer.yaml`;
  const folders = { [BOUNCERS]: ["crowdsec-firewall-bouncer.yaml", "crowdsec-firewall-bouncer.yaml.id"] };
  const files = { [FIREWALL]: `api_url: http://lapi.test:8080/\napi_key: ${CANARY}\n` };

  test("alone has a configuration to judge, and misses no config.yaml", async () => {
    const topology = await look({ only: files, folders });
    expect(topology.roles).toEqual([{ value: "bouncer", origin: BOUNCERS }]);
    expect(topology.phase).toEqual({ value: "run", origin: BOUNCERS });
    expect(topology.files.map(({ path }) => path)).toEqual([FIREWALL, `${FIREWALL}.local`]);
    expect(clientNames(topology)).toEqual(["crowdsec-firewall-bouncer"]);
    expect(topology.sharedProcess).toBe(false);
  });

  test("beside an engine is one role and one client more", async () => {
    const topology = await look({ files, folders });
    expect(rolesOf(topology)).toEqual(["lapi", "agent", "cscli", "bouncer"]);
    expect(topology.phase).toEqual({ value: "run", origin: MAIN });
    expect(clientNames(topology)).toEqual(["lapi", "agent", "cscli", "crowdsec-firewall-bouncer"]);
  });

  test("has its folder beside the configuration that --config or FreeBSD's packages name", async () => {
    const folder = "/usr/local/etc/crowdsec/bouncers";
    const only = { [`${folder}/crowdsec-firewall-bouncer.yaml`]: `api_url: http://lapi.test/\napi_key: ${CANARY}\n` };
    const topology = await look({
      only,
      folders: { [folder]: ["crowdsec-firewall-bouncer.yaml"] },
      platform: "freebsd",
    });
    expect(topology.roles).toEqual([{ value: "bouncer", origin: folder }]);
  });

  test("whose folder this user may not read has that told among the files", async () => {
    const { files: told } = await look({ folders: { [BOUNCERS]: DENIED } });
    expect(told).toContainEqual({ path: BOUNCERS, purpose: "bouncers", state: "denied", mistakes: [] });
  });

  test("is asked about its bouncers only where it has that role", async () => {
    expect(clientNames(await look({ files, folders, overrides: { roles: ["agent"] } }))).toEqual(["agent"]);
    expect(clientNames(await look({ files, folders, overrides: { roles: ["bouncer"] } }))).toEqual([
      "crowdsec-firewall-bouncer",
    ]);
  });
});

test("targets of Prometheus make this host one that scrapes", async () => {
  const targets = [{ name: "a.test:6060", url: { value: "http://a.test:6060/metrics", origin: "--target" } }];
  const topology = await look({ only: {}, overrides: { targets } });
  expect(topology.roles.at(-1)).toEqual({ value: "prometheus", origin: "--target" });
  expect(topology.targets).toEqual(targets);
  const named = await look({ overrides: { targets, roles: ["prometheus"] } });
  expect(named.roles).toEqual([{ value: "prometheus", origin: "--role" }]);
});

describe("where the Local API of this host listens", () => {
  test.each([
    ["127.0.0.1:8080", "127.0.0.1", "http://127.0.0.1:8080/"],
    ["0.0.0.0:8080", "0.0.0.0", "http://127.0.0.1:8080/"],
    [":8080", "", "http://127.0.0.1:8080/"],
    ["[::]:8080", "[::]", "http://[::1]:8080/"],
    ["[::1]:8080", "[::1]", "http://[::1]:8080/"],
    ["[2001:db8::1]:8080", "[2001:db8::1]", "http://[2001:db8::1]:8080/"],
    ["192.0.2.1:8080", "192.0.2.1", "http://192.0.2.1:8080/"],
    ["localhost:8080", "localhost", "http://localhost:8080/"],
  ])("listen_uri %j is host %j, and it finds itself at %s", async (address, host, url) => {
    const topology = await look({ only: listening(address) });
    expect(topology.listen.uri).toEqual({ value: { host, port: 8080 }, origin: `${MAIN}:3` });
    expect(clientIn(topology, "lapi").way).toMatchObject({ url: { value: url, origin: `${MAIN}:3` } });
  });

  test.each([
    ["    tls:\n      cert_file: /a.pem\n", true],
    ["    tls:\n      key_file: /a.key\n", true],
    ["    tls:\n      cert_file: ''\n", false],
    ["    tls:\n      cert_file:\n", false],
    ["    tls:\n      server_name: x\n", false],
  ])("with %j it speaks TLS: %s", async (lines, tls) => {
    const topology = await look({ only: listening(":8080", lines) });
    expect(topology.listen.tls).toBe(tls);
    expect(clientIn(topology, "lapi").way).toMatchObject({
      url: { value: `${tls ? "https" : "http"}://127.0.0.1:8080/` },
    });
  });

  test.each(["8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:99999", "/run/lapi.sock", "a b:8080"])(
    "a listen_uri %j that nobody can dial is a fault",
    async (address) => {
      const { listen } = await look({ only: listening(address) });
      expect(listen.uri).toEqual({
        malformed: { value: address, origin: `${MAIN}:3` },
        problem: expect.any(String),
      });
    },
  );

  test("a unix socket may stand beside the address, or alone", async () => {
    const both = await look({ only: listening(":8080", "    listen_socket: /run/lapi.sock\n") });
    expect(both.listen).toMatchObject({ uri: { value: { port: 8080 } }, socket: { value: "/run/lapi.sock" } });
    const alone = await look({ only: api("  server:\n    listen_socket: /run/lapi.sock\n") });
    expect(alone.listen).not.toHaveProperty("uri");
    expect(clientIn(alone, "lapi").way).toMatchObject({ socket: "/run/lapi.sock" });
  });

  test("an overlay's listen_uri is the overlay's", async () => {
    const { listen } = await look({
      only: {
        ...listening("127.0.0.1:8080"),
        [`${MAIN}.local`]: "# mine\napi:\n  server:\n    listen_uri: 192.0.2.1:9090\n",
      },
    });
    expect(listen.uri).toEqual({ value: { host: "192.0.2.1", port: 9090 }, origin: `${MAIN}.local:4` });
  });

  test("AppSec listens where an acquisition file says", async () => {
    const { listen } = await look({ files: { [ACQUIS]: "source: appsec\nlisten_addr: 127.0.0.1:7400\n" } });
    expect(listen.appsec).toEqual([{ value: { host: "127.0.0.1", port: 7400 }, origin: `${ACQUIS}:2` }]);
  });

  test.each([
    ["it is switched off", "api:\n  server:\n    enable: false\n    listen_uri: :8080\n", {}],
    ["the running crowdsec has none", "api:\n  server:\n    listen_uri: :8080\n", { runs: ["-no-api"] }],
  ])("is nowhere when %s", async (_what, content, host) => {
    const topology = await look({ only: { [MAIN]: content }, ...host });
    expect(topology.listen).toEqual({ tls: false, appsec: [] });
    expect(topology.clients).toEqual({ absent: expect.stringContaining("--lapi-url") });
  });
});

describe("--lapi-url", () => {
  test("wins over every client's file, and each trusts whom its file trusts", async () => {
    const files = {
      [CREDENTIALS]: `url: http://other.test/\nlogin: me\npassword: ${CANARY}\nca_cert_path: /etc/ca.pem\n`,
    };
    const topology = await look({ files, overrides: { lapiUrl: "https://lapi.test:8443" } });
    expect(clientNames(topology)).toEqual(["agent", "cscli"]);
    expect(clientIn(topology, "agent")).toMatchObject({
      way: {
        url: { value: "https://lapi.test:8443/", origin: "--lapi-url" },
        trust: { caFiles: ["/etc/ca.pem"], only: false, skipVerify: false },
      },
      credentials: { kind: "password" },
    });
  });

  test("is asked before the install too, for the programs that this host will have", async () => {
    const topology = await look({ only: {}, overrides: { lapiUrl: "http://lapi.test/" } });
    expect(clientNames(topology)).toEqual(["agent", "cscli"]);
    const bouncer = await look({ only: {}, overrides: { lapiUrl: "http://lapi.test/", roles: ["bouncer"] } });
    expect(bouncer.clients).toMatchObject([
      {
        name: "bouncer",
        kind: "bouncer",
        way: { url: { value: "http://lapi.test/" } },
        credentials: { absent: expect.any(String) },
      },
    ]);
  });

  test("that is no URL is a fault of it", async () => {
    expect(clientIn(await look({ overrides: { lapiUrl: "lapi" } }), "agent").way).toMatchObject({
      malformed: { origin: "--lapi-url" },
    });
  });
});

describe("files that this user may not read", () => {
  test("a hidden configuration hides all that it would have said", async () => {
    const topology = await look({ files: { [MAIN]: DENIED }, user: "nobody" });
    const hidden = { hidden: expect.stringMatching(new RegExp(`^run as root: ${MAIN} `)) };
    expect(topology).toMatchObject({
      user: "nobody",
      phase: { value: "run" },
      clients: [{ name: "lapi", way: hidden }],
      database: hidden,
      acquisition: hidden,
      rehearsal: hidden,
      metrics: hidden,
      capi: hidden,
    });
    expect(topology.roles.map(({ origin }) => origin)).toEqual(Array(3).fill(`default: ${MAIN} could not be read`));
  });

  test("hidden credentials hide their clients' way, and not the Local API's own", async () => {
    const topology = await look({ files: { [CREDENTIALS]: DENIED } });
    const hidden = { hidden: expect.stringMatching(new RegExp(`^run as root: ${CREDENTIALS} `)) };
    expect(clientIn(topology, "agent")).toMatchObject({ way: hidden, credentials: hidden });
    expect(clientIn(topology, "lapi").way).toMatchObject({ url: { origin: `${MAIN}:19` } });
    expect(topology.rehearsal).toEqual(hidden);
  });

  test("hidden credentials of the Central API hide it, and nothing else", async () => {
    const { capi, rehearsal } = await look({ files: { [ONLINE]: DENIED }, version: "version: v1.7.8" });
    expect(capi).toEqual({ hidden: expect.stringMatching(new RegExp(`^run as root: ${ONLINE} `)) });
    expect(rehearsal).toMatchObject({ program: PROGRAM });
  });

  test("a hidden profile or acquisition file hides the rehearsal, which would try something else", async () => {
    for (const path of [PROFILES, ACQUIS]) {
      const { rehearsal } = await look({ files: { [path]: DENIED }, version: "version: v1.7.8" });
      expect(rehearsal).toEqual({ hidden: expect.stringContaining(path) });
    }
  });
});

describe("a rehearsal of the agent's start", () => {
  test("is possible where the program and its files are there", async () => {
    const { rehearsal } = await look({ version: "version: v1.7.8" });
    expect(rehearsal).toMatchObject({ program: PROGRAM, files: { "config.yaml": expect.any(Secret) } });
  });

  test("is none without the program", async () => {
    expect((await look()).rehearsal).toEqual({ absent: expect.stringContaining(PROGRAM) });
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

  test.each(["no.where", "ftp://capi.test/", "https://capi.test:99999/"])(
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

test.each([
  [
    ["lapi", "agent", "cscli"],
    ["crowdsec", "cscli"],
  ],
  [["lapi"], ["crowdsec"]],
  // What it detects with, cscli fetches.
  [["agent"], ["crowdsec", "cscli"]],
  [["bouncer"], ["crowdsec-firewall-bouncer"]],
  [["prometheus"], []],
] as const)("of a host that is %j, the components that count are %j", async (roles, names) => {
  const { components } = await look({
    files: {
      ...PACKAGE,
      [`${BOUNCERS}/crowdsec-firewall-bouncer.yaml`]: "api_url: http://127.0.0.1:8080/\napi_key: k\n",
    },
    folders: { [BOUNCERS]: ["crowdsec-firewall-bouncer.yaml"] },
    overrides: { roles },
  });
  expect(components.map(({ name }) => name)).toEqual(names);
});

describe("the engine's own log", () => {
  const logOf = async (common: string) => (await look({ files: { [MAIN]: `common:\n${common}\n` } })).log;

  test("is crowdsec.log in log_dir, with where that is written", async () => {
    expect(await logOf("  log_media: file\n  log_dir: /srv/log/")).toEqual({
      value: "/srv/log/crowdsec.log",
      origin: `${MAIN}:3`,
    });
  });

  test("is in /var/log where no log_dir is written", async () => {
    expect(await logOf("  log_media: file")).toEqual({ value: "/var/log/crowdsec.log", origin: "default" });
  });

  test("is its output, which is no file, unless it is told otherwise", async () => {
    expect(await logOf("  log_media: stdout")).toBeUndefined();
    expect(await logOf("  log_level: info")).toBeUndefined();
  });
});
