import { readProxies } from "../../src/model/proxy.ts";
import { Secret } from "../../src/model/secret.ts";
import { CANONICAL } from "../../src/model/system.ts";
import type {
  Component,
  ComponentEnvironment,
  ConfigFile,
  LapiClient,
  LapiRoute,
  NetworkDatabase,
  Sourced,
  Topology,
} from "../../src/model/topology.ts";
import { RESOLVER } from "./fake-prober.ts";

export const from = <T>(value: T, origin: string): Sourced<T> => ({ value, origin });

const CONFIG = "/etc/crowdsec/config.yaml";
const CREDENTIALS = "/etc/crowdsec/local_api_credentials.yaml";
const ONLINE = "/etc/crowdsec/online_api_credentials.yaml";
const BOUNCER = "/etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml";
const ACQUIS = "/etc/crowdsec/acquis.yaml";

const ENGINE = { pid: 4711, argv: ["/usr/bin/crowdsec", "-c", CONFIG], ageSeconds: 3600 };

/** A client's way to the Local API at this URL, as local_api_credentials.yaml gives it. */
export const routeTo = (url: string, rest: Partial<Omit<LapiRoute, "url">> = {}): LapiRoute => ({
  url: from(url, `${CREDENTIALS}:1`),
  trust: { caFiles: [], only: false, skipVerify: false },
  ...rest,
});

/** A client by unix socket. */
export const routeBySocket = (path: string): LapiRoute => routeTo("http://unix/", { socket: path });

/** The agent, with a password and this way to the Local API. */
export const agentTo = (way: LapiClient["way"], rest: Partial<LapiClient> = {}): LapiClient => ({
  name: "agent",
  kind: "machine",
  path: CREDENTIALS,
  way,
  component: "crowdsec",
  credentials: {
    kind: "password",
    login: from("machine", `${CREDENTIALS}:2`),
    password: new Secret("canary-machine-password"),
  },
  ...rest,
});

/** A host whose one client, the agent, goes to the Local API at this URL. */
export const agentAt = (url: string, rest?: Partial<Omit<LapiRoute, "url">>) =>
  ({ clients: [agentTo(routeTo(url, rest))] }) satisfies Partial<Topology>;

/** The firewall bouncer, with a key. */
export const bouncerTo = (way: LapiClient["way"], rest: Partial<LapiClient> = {}): LapiClient => ({
  name: "crowdsec-firewall-bouncer",
  kind: "bouncer",
  path: BOUNCER,
  way,
  component: "crowdsec-firewall-bouncer",
  credentials: { kind: "key", key: new Secret("canary-bouncer-key"), origin: `${BOUNCER}:4` },
  ...rest,
});

/** The Local API of this host, as it would reach itself. */
export const itself = (way: LapiClient["way"] = routeTo("http://127.0.0.1:8080/")): LapiClient => ({
  name: "lapi",
  kind: "self",
  path: CONFIG,
  way,
  neverProxied: "this host asks itself",
  credentials: { absent: "the Local API needs none to reach itself" },
});

/** A networked database, by default PostgreSQL with everything that CrowdSec wants to know. */
export const networkDatabase = (rest: Partial<NetworkDatabase> = {}): NetworkDatabase => ({
  kind: "network",
  protocol: "postgresql",
  type: from("postgresql", `${CONFIG}:38`),
  at: { host: from("db.example", `${CONFIG}:39`), port: from(5432, `${CONFIG}:40`) },
  user: from("crowdsec", `${CONFIG}:41`),
  password: new Secret("canary-database-password"),
  name: from("crowdsec_db", `${CONFIG}:43`),
  tls: from("require", `${CONFIG}:44`),
  ...rest,
});

/** A file of CrowdSec's that was read without a complaint. */
export const fileRead = (path: string, purpose: string, rest: Partial<ConfigFile> = {}): ConfigFile => ({
  path,
  purpose,
  state: "read",
  mistakes: [],
  ...rest,
});

/** An environment with these variables; by default that of the running crowdsec. */
export const environmentWith = (
  variables: Readonly<Record<string, string>>,
  rest: Partial<ComponentEnvironment> = {},
): ComponentEnvironment => ({
  from: "process",
  origin: "process 4711",
  proxies: readProxies(variables),
  store: {},
  ...rest,
});

export const shellWith = (variables: Readonly<Record<string, string>>): ComponentEnvironment =>
  environmentWith(variables, { from: "shell", origin: "this shell" });

/** The running crowdsec with these variables, built by Debian. */
export const crowdsecWith = (
  variables: Readonly<Record<string, string>>,
  rest: Partial<Component> = {},
): Component => ({
  name: "crowdsec",
  environment: environmentWith(variables),
  unit: "crowdsec.service",
  program: "/usr/bin/crowdsec",
  build: { resolver: "go", goVersion: "go1.24.1" },
  ...rest,
});

/** cscli as this shell would start it. */
export const cscliWith = (variables: Readonly<Record<string, string>>, rest: Partial<Component> = {}): Component => ({
  name: "cscli",
  environment: shellWith(variables),
  ...rest,
});

/** An ordinary package install that has run for an hour: Local API, agent and cscli on one host, no TLS, CAPI on. */
export const packageInstall = (overrides: Partial<Topology> = {}): Topology => ({
  user: "root",
  system: CANONICAL,
  env: "auto",
  components: [crowdsecWith({}), cscliWith({})],
  shell: shellWith({}),
  resolver: RESOLVER,
  roles: [from("lapi", CONFIG), from("agent", CONFIG), from("cscli", CONFIG)],
  phase: from("run", CONFIG),
  files: [
    fileRead(CONFIG, "CrowdSec's configuration"),
    fileRead(`${CONFIG}.local`, "CrowdSec's configuration, overlay", { state: "optional-missing" }),
    fileRead(CREDENTIALS, "credentials for the Local API"),
    fileRead(ONLINE, "credentials for the Central API"),
  ],
  config: from(CONFIG, "default"),
  engine: ENGINE,
  engines: [ENGINE],
  log: from("/var/log/crowdsec.log", "default"),
  sharedProcess: true,
  clients: [agentTo(routeTo("http://127.0.0.1:8080/"))],
  listen: { uri: from({ host: "127.0.0.1", port: 8080 }, `${CONFIG}:47`), tls: false, appsec: [] },
  database: { kind: "sqlite", path: from("/var/lib/crowdsec/data/crowdsec.db", `${CONFIG}:40`) },
  acquisition: {
    files: [fileRead(ACQUIS, "acquisition")],
    sources: [{ origin: `${ACQUIS}:1`, source: "file", hasLabels: true, mistakes: [] }],
    path: from(ACQUIS, `${CONFIG}:20`),
  },
  rehearsal: {
    program: "/usr/bin/crowdsec",
    flags: [],
    files: { "config.yaml": new Secret("common: {}\n") },
    environment: {},
  },
  targets: [],
  peers: [],
  metrics: {
    enabled: from(true, `${CONFIG}:59`),
    listenAddress: from("127.0.0.1", `${CONFIG}:61`),
    listenPort: from(6060, `${CONFIG}:62`),
  },
  capi: {
    state: "on",
    url: from("https://api.crowdsec.net/", `${ONLINE}:1`),
    papiUrl: from("https://papi.api.crowdsec.net/", "default"),
  },
  ctiKey: false,
  interfaces: [
    { address: "127.0.0.1", family: 4 },
    { address: "::1", family: 6 },
    { address: "fe80::1", family: 6 },
    { address: "2001:db8::10", family: 6 },
    { address: "192.0.2.10", family: 4 },
  ],
  ...overrides,
});

/** What differs on a host before CrowdSec is there. */
export const BEFORE_INSTALL = {
  phase: from("install", `no ${CONFIG}`),
  components: [cscliWith({})],
  files: [],
  sharedProcess: false,
  clients: { absent: "no CrowdSec is installed here yet; --lapi-url names a Local API elsewhere" },
  listen: { tls: false, appsec: [] },
  database: { absent: "no CrowdSec configuration here" },
  acquisition: { absent: "no CrowdSec configuration here" },
  rehearsal: { absent: "no CrowdSec configuration here" },
  metrics: { absent: "no CrowdSec configuration here" },
} as const satisfies Partial<Topology>;
