import type { LapiRoute, Sourced, Topology } from "../../src/model/topology.ts";

export const from = <T>(value: T, origin: string): Sourced<T> => ({ value, origin });

const CONFIG = "/etc/crowdsec/config.yaml";
const CREDENTIALS = "/etc/crowdsec/local_api_credentials.yaml";
const ONLINE = "/etc/crowdsec/online_api_credentials.yaml";

/** A client's way to the Local API at this URL, as local_api_credentials.yaml gives it. */
export const routeTo = (url: string, rest: Partial<Omit<LapiRoute, "url">> = {}): LapiRoute => ({
  url: from(url, `${CREDENTIALS}:1`),
  trust: { caFiles: [], only: false, skipVerify: false },
  hasClientCertificate: false,
  ...rest,
});

/** An ordinary package install that has run for an hour: Local API, agent and cscli on one host, no TLS, CAPI on. */
export const packageInstall = (overrides: Partial<Topology> = {}): Topology => ({
  user: "root",
  roles: [from("lapi", CONFIG), from("agent", CONFIG), from("cscli", CONFIG)],
  phase: from("run", CONFIG),
  files: [
    { path: CONFIG, purpose: "CrowdSec's configuration", state: "read" },
    { path: `${CONFIG}.local`, purpose: "CrowdSec's configuration (overlay)", state: "optional-missing" },
    { path: CREDENTIALS, purpose: "credentials for the Local API", state: "read" },
    { path: ONLINE, purpose: "credentials for the Central API", state: "read" },
  ],
  engine: { pid: 4711, argv: ["/usr/bin/crowdsec", "-c", CONFIG], ageSeconds: 3600 },
  sharedProcess: true,
  lapi: routeTo("http://127.0.0.1:8080/"),
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
  files: [],
  sharedProcess: false,
  lapi: { absent: "no CrowdSec is installed here yet; --lapi-url names a Local API elsewhere" },
  metrics: { absent: "no CrowdSec configuration here" },
} as const satisfies Partial<Topology>;
