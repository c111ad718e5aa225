import type {
  Address,
  CommandObservation,
  DatabaseAnswered,
  DnsObservation,
  Failed,
  FailureCode,
  HttpAnswered,
  HttpObservation,
  HttpRequest,
  LayerCode,
  Listener,
  Phase,
  TcpObservation,
  TlsSeen,
} from "../../src/model/observation.ts";
import type { World } from "./fake-prober.ts";

const PHASES: readonly (readonly [string, Phase])[] = [
  ["dns-", "resolve"],
  ["tcp-", "connect"],
  ["proxy-", "proxy"],
  ["tls-", "handshake"],
  ["http-", "response"],
  ["socket-", "connect"],
  ["db-", "login"],
];
const phaseOf = (code: FailureCode): Phase => PHASES.find(([prefix]) => code.startsWith(prefix))?.[1] ?? "host";

/** A probe that did not get what it asked for. */
export const failedWith = (code: FailureCode, rest: Partial<Failed> = {}): Failed => ({
  ok: false,
  phase: phaseOf(code),
  code,
  message: `the system's words for ${code}`,
  elapsedMs: 12,
  ...rest,
});

/** A certificate that is valid in the year of the tests (`NOW` in run.ts). */
export const CERTIFICATE: TlsSeen = {
  protocol: "TLSv1.3",
  subject: "CN=somebody",
  issuer: "CN=Some Authority",
  names: ["DNS:somebody.example"],
  validFrom: "2026-01-01T00:00:00.000Z",
  validTo: "2027-01-01T00:00:00.000Z",
  publicAuthority: true,
};

export const answered = (rest: Partial<HttpAnswered> = {}): HttpAnswered => ({
  ok: true,
  elapsedMs: 40,
  status: 200,
  headers: {},
  body: "",
  truncated: false,
  layers: [
    { phase: "connect", ok: true, durationMs: 5 },
    { phase: "response", ok: true, durationMs: 35, detail: "HTTP" },
  ],
  ...rest,
});

export const redirect = (location: string): HttpAnswered => answered({ status: 302, headers: { location } });

export const BLOCK_PAGE = answered({
  headers: { "content-type": "text/html; charset=utf-8", server: "FilterBox" },
  body: "<html><title>Access denied</title></html>",
});

export const resolved = (...addresses: readonly string[]): DnsObservation => ({
  ok: true,
  elapsedMs: 3,
  addresses: addresses.map((address): Address => ({ address, family: address.includes(":") ? 6 : 4 })),
  from: "9.9.9.9",
  nameservers: [],
});

export const CONNECTED: TcpObservation = { ok: true, elapsedMs: 5 };

const LITERAL = /^[\d.]+$|:/;

/** A literal address is itself; every name has one address of each family. */
export const resolves = (name: string): DnsObservation =>
  LITERAL.test(name) ? resolved(name) : resolved("2001:db8::7", "203.0.113.7");

export const REALM = { "www-authenticate": "JWT realm=Crowdsec API local" };
export const lapiSays = (message: string): HttpAnswered =>
  answered({ status: 401, headers: REALM, body: JSON.stringify({ code: 401, message }) });

/** How a Local API of this engine answers `/v1/allowlists` to one without credentials: with 401 since 1.6.6. */
export const ALLOWLISTS_SINCE_1_6_6 = lapiSays("access forbidden");
export const ALLOWLISTS_BEFORE = answered({ status: 404, body: "404 page not found" });

/** A login that went well. */
export const LOGGED_IN = answered({ body: '{"code":200,"expire":"2026-06-15T13:00:00Z","token":"canary-token"}' });

/** What `lapi-database` logs in as; every other machine of these tests is registered. */
const NO_SUCH_MACHINE = "crowdsec-preflight-no-such-machine";

export const METRICS = [
  "# HELP cs_info Information about Crowdsec.",
  "# TYPE cs_info gauge",
  'cs_info{version="v1.7.8-debian-pragmatic"} 1',
].join("\n");

export const PACKAGE_CDN = "packages.cdn.example";

/** What the hosts of the internet say to a stranger, and CrowdSec's own ports to one without credentials. */
const healthyAnswer = ({ url, body }: HttpRequest): HttpObservation => {
  const { hostname, pathname, protocol } = new URL(url);
  const tls = protocol === "https:" ? { tls: CERTIFICATE } : {};
  if (pathname === "/v1/heartbeat") return { ...lapiSays("cookie token is empty"), ...tls };
  if (pathname === "/v1/watchers/login") {
    const unknown = typeof body === "string" && body.includes(NO_SUCH_MACHINE);
    return { ...(unknown ? lapiSays("ent: machine not found") : LOGGED_IN), ...tls };
  }
  if (pathname === "/v1/allowlists") return { ...ALLOWLISTS_SINCE_1_6_6, ...tls };
  if (pathname.startsWith("/v1/decisions")) return answered(tls);
  if (pathname === "/metrics") return answered({ body: METRICS });
  if (pathname.startsWith("/debug/")) return answered({ status: 404 });
  switch (hostname) {
    case "cdn-hub.crowdsec.net":
    case "hub-cdn.crowdsec.net":
      return answered({ ...tls, body: '{"parsers":{}}' });
    case "version.crowdsec.net":
      return answered({ ...tls, body: '{"tag_name":"v1.7.8"}' });
    case "install.crowdsec.net":
      return answered({ ...tls, body: "#!/bin/sh\n" });
    case "packagecloud.io":
      return { ...redirect(`https://${PACKAGE_CDN}/11/InRelease?token=1`), ...tls };
    case PACKAGE_CDN:
      return answered({ ...tls, body: "-----BEGIN PGP SIGNED MESSAGE-----\n" });
    default:
      return answered({
        ...tls,
        status: 403,
        headers: { "content-type": "application/json" },
        body: '{"message":"Missing Authentication Token"}',
      });
  }
};

/** A port of this host, by default the Local API's, held by crowdsec. */
export const listener = (rest: Partial<Listener> = {}): Listener => ({
  address: "127.0.0.1",
  family: 4,
  port: 8080,
  owner: { pid: 4711, name: "crowdsec", unit: "crowdsec.service", elsewhere: false },
  ...rest,
});

/** A database of CrowdSec's, after a login that went well. */
export const databaseAnswered = (rest: Partial<DatabaseAnswered> = {}): DatabaseAnswered => ({
  ok: true,
  elapsedMs: 25,
  address: "203.0.113.7",
  layers: [
    { phase: "connect", ok: true, durationMs: 5 },
    { phase: "login", ok: true, durationMs: 20 },
  ],
  encrypted: true,
  server: "PostgreSQL 15.8",
  tables: ["alerts", "bouncers", "decisions", "machines"],
  closedTables: [],
  mayCreate: true,
  ...rest,
});

/** A program that ran to its end. */
export const ranWith = (exitCode: number, output = ""): CommandObservation => ({
  ok: true,
  elapsedMs: 700,
  exitCode,
  output,
});

/** Everything answers as it should. */
export const HEALTHY: World & Required<Pick<World, "dns" | "tcp" | "http">> = {
  dns: resolves,
  tcp: () => CONNECTED,
  sockets: () => CONNECTED,
  http: healthyAnswer,
  database: () => databaseAnswered(),
  paths: {
    "/var/lib/crowdsec/data": { kind: "folder" },
    "/var/lib/crowdsec/data/crowdsec.db": { bytes: 400_000 },
  },
  commands: () => ranWith(0),
  listeners: [listener(), listener({ port: 6060 })],
  services: { crowdsec: {} },
};

/** The world as it is, and a list that every HTTP request of the test is put on. */
export const recording = (world: World & Required<Pick<World, "http">> = HEALTHY) => {
  const requests: HttpRequest[] = [];
  const http = (request: HttpRequest): HttpObservation => {
    requests.push(request);
    return world.http(request);
  };
  return { world: { ...world, http }, requests };
};

const WITH_CERTIFICATE = new Set<LayerCode>(["tls-untrusted", "tls-wrong-host", "tls-no-san"]);

const answerWith = (code: LayerCode): HttpObservation => {
  if (code === "http-status") return answered({ status: 511 });
  if (code === "http-redirect") return redirect("https://portal.example/login");
  if (code === "identity-mismatch") return BLOCK_PAGE;
  if (code === "tls-expired")
    return failedWith(code, { tls: { ...CERTIFICATE, validTo: "2026-02-01T00:00:00.000Z" }, tlsCode: "EXPIRED" });
  if (code === "tls-not-yet-valid")
    return failedWith(code, { tls: { ...CERTIFICATE, validFrom: "2026-12-01T00:00:00.000Z" } });
  return failedWith(code, WITH_CERTIFICATE.has(code) ? { tls: CERTIFICATE } : {});
};

/** The healthy world in which one layer fails everywhere, in this way. */
export const failingAt = (code: LayerCode): World => {
  if (code === "dns-sinkhole") return { ...HEALTHY, dns: () => resolved("0.0.0.0", "::") };
  if (code.startsWith("dns-")) return { ...HEALTHY, dns: () => failedWith(code) };
  if (code.startsWith("tcp-")) return { ...HEALTHY, tcp: () => failedWith(code), sockets: () => failedWith(code) };
  return { ...HEALTHY, http: () => answerWith(code) };
};

/** A file system that holds these files, in the folders that this takes. */
export const holding = (
  files: Readonly<Record<string, string>>,
): Required<Pick<World, "files" | "folders" | "paths">> => {
  const folders: Record<string, Set<string>> = {};
  for (const path of Object.keys(files)) {
    const parts = path.split("/").slice(1);
    parts.forEach((name, index) => {
      const folder = `/${parts.slice(0, index).join("/")}`;
      folders[folder] = (folders[folder] ?? new Set()).add(name);
    });
  }
  const names = Object.entries(folders).map(([folder, found]) => [folder, [...found]] as const);
  const paths = Object.fromEntries(Object.keys(files).map((path) => [path, { bytes: 100 }]));
  return { files, folders: Object.fromEntries(names), paths };
};
