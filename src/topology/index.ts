import { posix } from "node:path";
import type { Address, Prober, ProcessSeen, Trust } from "../model/observation.ts";
import type {
  Absent,
  Capi,
  ConfigFile,
  LapiRoute,
  Malformed,
  Role,
  RunPhase,
  Sourced,
  Topology,
} from "../model/topology.ts";
import { bracketed, dialable, readUrl } from "../model/url.ts";
import { type LoadedFile, loadFile, type Reader, readerOf } from "./crowdsec-files.ts";
import { type EngineFlags, engineFlags } from "./engine.ts";

/** What the command line says of the deployment; each wins over what is found. */
export interface TopologyOverrides {
  readonly config?: string;
  readonly lapiUrl?: string;
  readonly roles?: readonly Role[];
  readonly phase?: RunPhase;
}

export interface TopologyInput {
  readonly probe: Prober;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly user: string;
  readonly platform: string;
  readonly overrides: TopologyOverrides;
}

/** Where CrowdSec's packages put it. */
const defaultConfig = (platform: string): string =>
  platform === "freebsd" ? "/usr/local/etc/crowdsec/config.yaml" : "/etc/crowdsec/config.yaml";

const DEFAULT_CAPI = "https://api.crowdsec.net/";
const DEFAULT_PAPI = "https://papi.api.crowdsec.net/";
const NO_TRUST: Trust = { caFiles: [], only: false, skipVerify: false };

const RUN_AS_ROOT = "run as root";

/** An ordinary package install is all three. */
const PACKAGE_ROLES: readonly Role[] = ["lapi", "agent", "cscli"];

/** What can stand before the port of an address to listen on. */
const LISTEN_HOST = /^(\[[\da-fA-F:.]*\]|[\da-fA-F:.]*|[\w.-]*)$/;

/** What could be read, and why the rest could not. */
interface Configuration {
  readonly path: Sourced<string>;
  readonly main: LoadedFile;
  readonly reader?: Reader;
  readonly credentials?: LoadedFile & { readonly path: string };
  readonly online?: LoadedFile & { readonly path: string };
}

const hiddenBy = (files: readonly ConfigFile[]): string | undefined => {
  const denied = files.find(({ state }) => state === "denied");
  return denied && `${RUN_AS_ROOT}: ${denied.path} may not be read by this user`;
};

const readConfiguration = async (
  probe: Prober,
  path: Sourced<string>,
  environment: TopologyInput["environment"],
): Promise<Configuration> => {
  const main = await loadFile(probe, path.value, "CrowdSec's configuration");
  if (main.tree === undefined) return { path, main };
  const reader = readerOf(main.tree, environment);
  // CrowdSec's own working directory is /, so a relative path is looked for there.
  const named = (file: Sourced<string> | undefined): string | undefined => file && posix.resolve("/", file.value);
  const credentialsPath = named(reader.text("api", "client", "credentials_path"));
  const onlinePath = named(reader.text("api", "server", "online_client", "credentials_path"));
  const [credentials, online] = await Promise.all([
    credentialsPath === undefined ? undefined : loadFile(probe, credentialsPath, "credentials for the Local API"),
    onlinePath === undefined ? undefined : loadFile(probe, onlinePath, "credentials for the Central API", false),
  ]);
  return {
    path,
    main,
    reader,
    ...(credentials && credentialsPath !== undefined && { credentials: { ...credentials, path: credentialsPath } }),
    ...(online && onlinePath !== undefined && { online: { ...online, path: onlinePath } }),
  };
};

const isOn = (reader: Reader, block: readonly string[], enable: string): boolean =>
  reader.has(...block) && (reader.boolean(...block, enable)?.value ?? true);

const findRoles = ({ main, reader, path }: Configuration, flags: EngineFlags | undefined): readonly Sourced<Role>[] => {
  const all = (origin: string): Sourced<Role>[] => PACKAGE_ROLES.map((value) => ({ value, origin }));
  if (reader === undefined)
    return all(main.files[0]?.state === "missing" ? "default" : `default: ${path.value} could not be read`);
  const roles: Sourced<Role>[] = [];
  if (isOn(reader, ["api", "server"], "enable") && !flags?.noApi) roles.push({ value: "lapi", origin: path.value });
  if (isOn(reader, ["crowdsec_service"], "enable") && !flags?.noAgent)
    roles.push({ value: "agent", origin: path.value });
  return [...roles, { value: "cscli", origin: path.value }];
};

const findLapi = (
  configuration: Configuration,
  flags: EngineFlags | undefined,
  override: string | undefined,
  phase: RunPhase,
  environment: TopologyInput["environment"],
): Topology["lapi"] => {
  if (override !== undefined)
    return routeOf(
      { value: override, origin: "--lapi-url" },
      { trust: trustOf(configuration, environment), hasClientCertificate: false },
    );
  const { reader, credentials, main } = configuration;
  const hidden = hiddenBy([...main.files, ...(credentials?.files ?? [])]);
  const client = credentials?.tree && readerOf(credentials.tree, environment);
  const url = client?.text("url");
  if (client && url)
    return routeOf(url, { trust: trustOf(configuration, environment), hasClientCertificate: client.has("cert_path") });
  const serves = reader && isOn(reader, ["api", "server"], "enable") && !flags?.noApi;
  const listen = serves ? reader.text("api", "server", "listen_uri") : undefined;
  if (serves && listen) {
    const tls = reader.has("api", "server", "tls", "cert_file") || reader.has("api", "server", "tls", "key_file");
    const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(listen.value) ?? [];
    if (port === "" || !LISTEN_HOST.test(host))
      return { malformed: shownOf(listen), problem: "not of the form host:port" };
    return routeOf(
      { value: `${tls ? "https" : "http"}://${bracketed(dialable(host))}:${port}/`, origin: listen.origin },
      { trust: NO_TRUST, hasClientCertificate: false },
    );
  }
  if (hidden !== undefined) return { hidden };
  if (phase === "install")
    return { absent: "no CrowdSec is installed here yet; --lapi-url names a Local API elsewhere" };
  return { absent: "no file of this host names a Local API; --lapi-url does" };
};

const trustOf = ({ credentials, reader }: Configuration, environment: TopologyInput["environment"]): Trust => {
  const ca = credentials?.tree && readerOf(credentials.tree, environment).text("ca_cert_path");
  return {
    caFiles: ca ? [posix.resolve("/", ca.value)] : [],
    only: false,
    skipVerify: reader?.boolean("api", "client", "insecure_skip_verify")?.value ?? false,
  };
};

const routeOf = (url: Sourced<string>, rest: Omit<LapiRoute, "url">): LapiRoute | Malformed | Absent => {
  if (url.value.startsWith("/"))
    return { absent: `the Local API is reached by the unix socket ${url.value} (${url.origin}), not by TCP` };
  const read = sourcedUrl(url);
  return "malformed" in read ? read : { url: read, ...rest };
};

const sourcedUrl = ({ value, origin }: Sourced<string>): Sourced<string> | Malformed => {
  const read = readUrl(value);
  return read.ok ? { value: read.url, origin } : { malformed: { value: read.shown, origin }, problem: read.problem };
};

/** What may be shown of a value that is no address: before an @ may stand a password. */
const shownOf = ({ value, origin }: Sourced<string>): Sourced<string> => ({
  value: value.includes("@") ? "[secret]" : value,
  origin,
});

/** The highest port there is. */
const MAX_PORT = 65_535;

const findMetrics = ({ reader, main }: Configuration): Topology["metrics"] => {
  const hidden = hiddenBy(main.files);
  if (reader === undefined) return hidden === undefined ? { absent: "no CrowdSec configuration here" } : { hidden };
  const origin = main.files[0]?.path ?? "";
  // CrowdSec takes its defaults for an empty address and for port 0.
  const listenAddress = reader.text("prometheus", "listen_addr") ?? { value: "127.0.0.1", origin: "default" };
  const port = reader.text("prometheus", "listen_port") ?? { value: "0", origin: "default" };
  const listenPort = reader.integer("prometheus", "listen_port") ?? { value: Number(port.value), origin: port.origin };
  if (!Number.isInteger(listenPort.value) || listenPort.value < 0 || listenPort.value > MAX_PORT) {
    return { malformed: shownOf(port), problem: "no port number" };
  }
  if (!LISTEN_HOST.test(listenAddress.value) || !URL.canParse(`http://${bracketed(dialable(listenAddress.value))}/`)) {
    return { malformed: shownOf(listenAddress), problem: "no address to listen on" };
  }
  return {
    // CrowdSec's zero value: without the block there are no metrics.
    enabled: reader.boolean("prometheus", "enabled") ?? { value: false, origin },
    listenAddress,
    listenPort: listenPort.value === 0 ? { value: 6060, origin: "default" } : listenPort,
  };
};

const findCapi = (
  configuration: Configuration,
  flags: EngineFlags | undefined,
  environment: TopologyInput["environment"],
): Topology["capi"] => {
  const defaults = {
    url: { value: DEFAULT_CAPI, origin: "default" },
    papiUrl: { value: DEFAULT_PAPI, origin: "default" },
  };
  const { reader, main, online, path } = configuration;
  const off = (reason: string): Capi => ({ state: "off", reason, ...defaults });
  if (reader === undefined) {
    const unread = hiddenBy(main.files);
    return unread === undefined ? { state: "on", ...defaults } : { hidden: unread };
  }
  if (flags?.noCapi) return off("crowdsec runs with -no-capi");
  if (flags?.noApi) return off("crowdsec runs with -no-api: this host has no Local API");
  if (!isOn(reader, ["api", "server"], "enable")) return off(`this host runs no Local API (${path.value})`);
  if (online === undefined) return off(`api.server.online_client names no credentials (${path.value})`);
  const hidden = hiddenBy([...main.files, ...online.files]);
  if (hidden !== undefined) return { hidden };
  const credentials = online.tree && readerOf(online.tree, environment);
  const unregistered: Capi = {
    state: "unregistered",
    reason: `${online.path} holds no credentials, so CrowdSec leaves the Central API alone`,
    ...defaults,
  };
  if (credentials === undefined) return unregistered;
  const urls = {
    url: sourcedUrl(credentials.text("url") ?? defaults.url),
    papiUrl: sourcedUrl(credentials.text("papi_url") ?? defaults.papiUrl),
  };
  const complete = credentials.has("login") && credentials.has("password") && credentials.has("url");
  return complete ? { state: "on", ...urls } : { ...unregistered, ...urls };
};

/** Looks at this host and says what CrowdSec is, or will be, on it. Opens no connection; a bad file becomes a value. */
export const findTopology = async ({
  probe,
  environment,
  user,
  platform,
  overrides,
}: TopologyInput): Promise<Topology> => {
  const [processes, interfaces]: [readonly ProcessSeen[], readonly Address[]] = await Promise.all([
    probe.processes("crowdsec"),
    probe.interfaces(),
  ]);
  const [engine] = processes;
  const flags = engine && engineFlags(engine);
  const path: Sourced<string> =
    overrides.config !== undefined
      ? { value: posix.resolve(overrides.config), origin: "--config" }
      : flags?.config !== undefined
        ? { value: posix.resolve("/", flags.config), origin: `-c of process ${engine?.pid}` }
        : { value: defaultConfig(platform), origin: "default" };
  const configuration = await readConfiguration(probe, path, environment);
  const { main, reader, credentials, online } = configuration;

  const installed = main.files[0]?.state !== "missing" || overrides.config !== undefined || engine !== undefined;
  const phase: Sourced<RunPhase> = overrides.phase
    ? { value: overrides.phase, origin: "--phase" }
    : { value: installed ? "run" : "install", origin: installed ? path.value : `no ${path.value}` };
  const roles = overrides.roles?.map((value) => ({ value, origin: "--role" })) ?? findRoles(configuration, flags);
  const has = (role: Role): boolean => roles.some(({ value }) => value === role);

  // Before the install there is nothing to miss; afterwards a missing file is a finding.
  const files =
    phase.value === "install" && !installed
      ? []
      : [...main.files, ...(credentials?.files ?? []), ...(online?.files ?? [])];
  const hubTemplate = reader?.text("cscli", "__hub_url_template__");
  const hubBranch = reader?.text("cscli", "hub_branch");
  return {
    user,
    roles,
    phase,
    files,
    ...(engine && { engine }),
    sharedProcess: phase.value === "run" && has("lapi") && has("agent"),
    lapi: findLapi(configuration, flags, overrides.lapiUrl, phase.value, environment),
    metrics: findMetrics(configuration),
    capi: findCapi(configuration, flags, environment),
    ...(hubTemplate && { hubTemplate }),
    ...(hubBranch && { hubBranch }),
    ctiKey: reader?.has("api", "cti", "key") ?? false,
    interfaces,
  };
};
