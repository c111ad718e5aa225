import { posix } from "node:path";
import type { NamespaceSeen, Prober } from "../model/observation.ts";
import type { ProxyServer } from "../model/proxy.ts";
import type {
  Capi,
  ConfigFile,
  ConfigMistake,
  Env,
  Hidden,
  LapiClient,
  Listen,
  Peer,
  Role,
  RunPhase,
  ScrapeTarget,
  Sourced,
  Topology,
} from "../model/topology.ts";
import { bracketed, dialable, toUrl } from "../model/url.ts";
import { atLeast, compareVersions, parseVersion, type Version } from "../model/version.ts";
import { type FoundAcquisition, findAcquisition } from "./acquisition.ts";
import { bouncerNames, findBouncers } from "./bouncers.ts";
import { type CredentialsFile, machineClients, machineTrust, overridden, selfClient } from "./clients.ts";
import { findComponents, findProcesses, processWords } from "./components.ts";
import {
  CONFIG_SHAPE,
  CREDENTIALS_SHAPE,
  FEATURE_SHAPE,
  ONLINE_SHAPE,
  PROFILE_SHAPE,
  SHAPES_KNOW,
} from "./config-shapes.ts";
import { type LoadedFile, loadDocuments, loadFile, type Reader, readerOf } from "./crowdsec-files.ts";
import { findDatabase } from "./database.ts";
import { type EngineFlags, engineFlags } from "./engine.ts";
import { type Environment, expansionOfConfig } from "./expansion.ts";
import { packageVersion } from "./package-version.ts";
import { rehearsalEnvironment, rehearsalFiles } from "./rehearsal.ts";
import { hiddenBy, shownOf, sourcedUrl } from "./route.ts";
import type { Shape } from "./shape.ts";
import { findSystem } from "./system.ts";
import { unitCommand } from "./unit.ts";
import { mergeTrees, type Tree } from "./yaml-tree.ts";

/** What the command line says of the deployment; each wins over what is found. */
export interface TopologyOverrides {
  readonly config?: string;
  readonly lapiUrl?: string;
  readonly roles?: readonly Role[];
  readonly phase?: RunPhase;
  /** `--targets` and `--target`: what the role prometheus scrapes. */
  readonly targets?: readonly ScrapeTarget[];
  /** `--peer`: listeners to talk to. */
  readonly peers?: readonly Peer[];
  /** `--proxy`: for every component, in place of what its environment says. */
  readonly proxy?: ProxyServer | "none";
}

export interface TopologyInput {
  readonly probe: Prober;
  readonly environment: Environment;
  readonly user: string;
  readonly platform: string;
  readonly env: Env;
  readonly overrides: TopologyOverrides;
}

/** Where CrowdSec's packages put it. */
const defaultConfig = (platform: string): string =>
  platform === "freebsd" ? "/usr/local/etc/crowdsec/config.yaml" : "/etc/crowdsec/config.yaml";

/** Where packages and the installer put the program; nothing else is run, and nothing that another user could have put there. */
const PROGRAMS = ["/usr/bin/crowdsec", "/usr/local/bin/crowdsec"];
/** `crowdsec -version` reads no configuration and is done in a moment; milliseconds. */
const VERSION_MS = 2000;

const DEFAULT_CAPI = "https://api.crowdsec.net/";
const DEFAULT_PAPI = "https://papi.api.crowdsec.net/";

/** An ordinary package install is all three. */
const PACKAGE_ROLES: readonly Role[] = ["lapi", "agent", "cscli"];

/** What can stand before the port of an address to listen on. */
const LISTEN_HOST = /^(\[[\da-fA-F:.]*\]|[\da-fA-F:.]*|[\w.-]*)$/;

/** What could be read, and why the rest could not. */
interface Configuration {
  readonly path: Sourced<string>;
  /** It switches the Local API on, and nothing on the command line switches that off. */
  readonly serves: boolean;
  readonly main: LoadedFile;
  readonly reader?: Reader;
  readonly credentials?: CredentialsFile;
  readonly online?: LoadedFile & { readonly path: string };
  readonly profiles?: { readonly file: ConfigFile; readonly trees: readonly Tree[] };
  readonly acquisition?: FoundAcquisition;
}

const findProgram = async (probe: Prober): Promise<Topology["program"]> => {
  for (const path of PROGRAMS) {
    const saw = await probe.path(path);
    if (!saw.ok || saw.kind !== "file" || !saw.executable || !saw.guarded) continue;
    const ran = await probe.command({ argv: [path, "-version"], timeoutMs: VERSION_MS });
    const version = ran.ok ? parseVersion(/\bversion: (\S+)/.exec(ran.output)?.[1] ?? "") : undefined;
    return { path, ...(version && { version }) };
  }
  return undefined;
};

/** profiles.yaml.local stands before profiles.yaml, it is not merged into it (pkg/csconfig/profiles.go). */
const loadProfiles = async (
  probe: Prober,
  path: string,
  judged: { readonly shape?: Shape },
): Promise<{ readonly file: ConfigFile; readonly overlay: ConfigFile; readonly trees: readonly Tree[] }> => {
  const [base, overlay] = await Promise.all([
    loadDocuments(probe, path, "profiles", judged),
    loadDocuments(probe, `${path}.local`, "profiles, overlay", { ...judged, optional: true }),
  ]);
  return { file: base.file, overlay: overlay.file, trees: [...overlay.trees, ...base.trees] };
};

/** A release newer than the tables may know keys that they do not: then nothing is called unknown. */
const isJudged = (version: Version | undefined): boolean =>
  version === undefined || compareVersions(version, SHAPES_KNOW) <= 0;

const readConfiguration = async (
  probe: Prober,
  path: Sourced<string>,
  environment: Environment,
  version: Version | undefined,
  flags: EngineFlags | undefined,
): Promise<Configuration & { readonly files: readonly ConfigFile[] }> => {
  const judges = isJudged(version);
  const by = (shape: Shape): { readonly shape?: Shape } => (judges ? { shape } : {});
  const main = await loadFile(probe, path.value, "CrowdSec's configuration", by(CONFIG_SHAPE));
  if (main.tree === undefined) return { path, serves: false, main, files: main.files };
  const reader = readerOf(main.tree, environment, expansionOfConfig(version));
  // CrowdSec's own working directory is /, so a relative path is looked for there.
  const named = (...keys: readonly string[]): string | undefined => {
    const file = reader.text(...keys);
    return file && posix.resolve("/", file.value);
  };
  const credentialsPath = named("api", "client", "credentials_path");
  const serves = isOn(reader, ["api", "server"], "enable") && !flags?.noApi;
  const onlinePath = serves && !flags?.noCapi ? named("api", "server", "online_client", "credentials_path") : undefined;
  const profilesPath = named("api", "server", "profiles_path");
  // Beside the file of -c, since 1.5.0 (pkg/csconfig/fflag.go).
  const features = atLeast(version, [1, 5, 0]) ? posix.join(posix.dirname(path.value), "feature.yaml") : undefined;
  const [credentials, online, profiles, feature, acquisition] = await Promise.all([
    credentialsPath && loadFile(probe, credentialsPath, "credentials for the Local API", by(CREDENTIALS_SHAPE)),
    onlinePath &&
      loadFile(probe, onlinePath, "credentials for the Central API", { overlay: false, ...by(ONLINE_SHAPE) }),
    profilesPath && serves ? loadProfiles(probe, profilesPath, by(PROFILE_SHAPE)) : undefined,
    features && loadDocuments(probe, features, "feature flags", { ...by(FEATURE_SHAPE), optional: true }),
    isOn(reader, ["crowdsec_service"], "enable") ? findAcquisition(probe, reader, environment, judges) : undefined,
  ]);
  return {
    path,
    serves,
    main,
    reader,
    ...(credentials && credentialsPath && { credentials: { ...credentials, path: credentialsPath } }),
    ...(online && onlinePath && { online: { ...online, path: onlinePath } }),
    ...(profiles && { profiles }),
    ...(acquisition && { acquisition }),
    files: [
      ...main.files,
      ...(credentials ? credentials.files : []),
      ...(online ? online.files : []),
      ...(profiles ? [profiles.file, profiles.overlay] : []),
      ...(feature ? [feature.file] : []),
    ],
  };
};

const isOn = (reader: Reader, block: readonly string[], enable: string): boolean =>
  reader.has(...block) && (reader.boolean(...block, enable)?.value ?? true);

const findRoles = (
  { main, reader, path, serves }: Configuration,
  flags: EngineFlags | undefined,
): readonly Sourced<Role>[] => {
  const all = (origin: string): Sourced<Role>[] => PACKAGE_ROLES.map((value) => ({ value, origin }));
  if (reader === undefined)
    return all(main.files[0]?.state === "missing" ? "default" : `default: ${path.value} could not be read`);
  const roles: Sourced<Role>[] = [];
  if (serves) roles.push({ value: "lapi", origin: path.value });
  if (isOn(reader, ["crowdsec_service"], "enable") && !flags?.noAgent)
    roles.push({ value: "agent", origin: path.value });
  return [...roles, { value: "cscli", origin: path.value }];
};

/** The highest port there is. */
const MAX_PORT = 65_535;

const findListen = ({ reader, acquisition, serves }: Configuration): Listen => {
  const appsec = acquisition?.appsec ?? [];
  if (reader === undefined || !serves) return { tls: false, appsec };
  const tls = reader.has("api", "server", "tls", "cert_file") || reader.has("api", "server", "tls", "key_file");
  const socket = reader.text("api", "server", "listen_socket");
  const written = reader.text("api", "server", "listen_uri");
  const uri = (): Listen["uri"] => {
    if (written === undefined) {
      const origin = reader.origin("api", "server", "listen_uri") ?? reader.origin("api", "server") ?? "";
      return socket ? undefined : { malformed: { value: "missing", origin }, problem: "needed: there is no default" };
    }
    const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(written.value) ?? [];
    // Go wants an IPv6 address in brackets here: "too many colons in address".
    const usable = port !== "" && Number(port) <= MAX_PORT && LISTEN_HOST.test(host) && !/^[^[].*:/.test(host);
    if (!usable || toUrl(`http://${bracketed(dialable(host))}:${port}/`) === undefined)
      return { malformed: shownOf(written), problem: "not of the form host:port" };
    return { value: { host, port: Number(port) }, origin: written.origin };
  };
  const found = uri();
  return { tls, appsec, ...(found && { uri: found }), ...(socket && { socket }) };
};

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
  if (
    !LISTEN_HOST.test(listenAddress.value) ||
    toUrl(`http://${bracketed(dialable(listenAddress.value))}/`) === undefined
  ) {
    return { malformed: shownOf(listenAddress), problem: "no address to listen on" };
  }
  return {
    // CrowdSec's zero value: without the block there are no metrics.
    enabled: reader.boolean("prometheus", "enabled") ?? { value: false, origin },
    listenAddress,
    listenPort: listenPort.value === 0 ? { value: 6060, origin: "default" } : listenPort,
  };
};

const byDefault = (value: string | number | boolean): Tree => ({ kind: "scalar", origin: "default", value });
const blockOf = (entries: Readonly<Record<string, Tree>>): Tree => ({
  kind: "map",
  origin: "default",
  entries: new Map(Object.entries(entries)),
});

/** Of the configuration that every package brings, what is listened on (config/config.yaml). */
const PACKAGE_LISTENS = blockOf({
  api: blockOf({ server: blockOf({ listen_uri: byDefault("127.0.0.1:8080") }) }),
  prometheus: blockOf({
    enabled: byDefault(true),
    listen_addr: byDefault("127.0.0.1"),
    listen_port: byDefault(6060),
  }),
});

/** A listen_uri that Go certainly refuses; what a variable, a zone or the name of a port stands for, only the start shows. */
const isRefused = (text: string): boolean => !/[$%]/.test(text) && (!text.includes(":") || /:\d+$/.test(text));

/** What CrowdSec would not start with although its decoder takes it. */
const refusedUri = ({ reader }: Configuration, { uri }: Listen): readonly ConfigMistake[] => {
  if (uri === undefined || !("malformed" in uri)) return [];
  const keys = ["api", "server", "listen_uri"];
  if (!isRefused(reader?.text(...keys)?.value ?? "")) return [];
  return [{ origin: uri.malformed.origin, key: keys.join("."), kind: "wrong-kind", problem: `is ${uri.problem}` }];
};

/** Before the install: the overlay that is there already, over what the package will bring. */
interface ToCome {
  readonly file: ConfigFile;
  readonly listen: Listen;
  readonly metrics: Topology["metrics"];
}

/** Undefined where there is no overlay. */
const findToCome = async (
  probe: Prober,
  path: Sourced<string>,
  environment: Environment,
  version: Version | undefined,
  flags: EngineFlags | undefined,
): Promise<ToCome | undefined> => {
  const local = `${path.value}.local`;
  const { files, tree } = await loadFile(probe, local, "CrowdSec's configuration, overlay", {
    overlay: false,
    ...(isJudged(version) && { shape: CONFIG_SHAPE }),
  });
  const [file] = files;
  if (file === undefined || file.state === "missing") return undefined;
  const merged = tree && mergeTrees(PACKAGE_LISTENS, tree);
  const main = { files, ...(merged?.ok && { tree: merged.tree }) };
  const reader = main.tree && readerOf(main.tree, environment, expansionOfConfig(version));
  const serves = reader !== undefined && isOn(reader, ["api", "server"], "enable") && !flags?.noApi;
  const configuration: Configuration = { path, serves, main, ...(reader && { reader }) };
  const listen = findListen(configuration);
  const metrics = findMetrics(configuration);
  // A value where the package has a block, or the other way round.
  if (merged?.ok === false) {
    const line = Number(/:(\d+)$/.exec(merged.origin)?.[1] ?? 1);
    return { file: { ...file, state: "invalid", message: merged.message, line, mistakes: [] }, listen, metrics };
  }
  return { file: { ...file, mistakes: [...file.mistakes, ...refusedUri(configuration, listen)] }, listen, metrics };
};

/** What the client's TLS settings do to the whole process, and so to the Central API too (pkg/apiclient/client.go). */
const processTrust = (
  { reader, credentials, path }: Configuration,
  environment: Environment,
  version: Version | undefined,
): Pick<Capi, "trust"> => {
  const trust = credentials?.tree && machineTrust(credentials.tree, reader, environment, version);
  if (trust?.skipVerify) {
    const origin = reader?.origin("api", "client", "insecure_skip_verify") ?? path.value;
    return { trust: { caFiles: [], only: false, skipVerify: true, origin } };
  }
  if (!trust?.only) return {};
  return { trust: { caFiles: trust.caFiles, only: true, skipVerify: false, origin: credentials?.path ?? path.value } };
};

const findCapi = (
  configuration: Configuration,
  flags: EngineFlags | undefined,
  environment: Environment,
  version: Version | undefined,
): Topology["capi"] => {
  const { reader, main, online, path } = configuration;
  const defaults = {
    ...processTrust(configuration, environment, version),
    url: { value: DEFAULT_CAPI, origin: "default" },
    papiUrl: { value: DEFAULT_PAPI, origin: "default" },
  };
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
  // CrowdSec expands no variables in this file (pkg/csconfig/api.go).
  const credentials = online.tree && readerOf(online.tree, {}, "untouched");
  const urls = credentials && {
    url: sourcedUrl(credentials.text("url") ?? defaults.url),
    papiUrl: sourcedUrl(credentials.text("papi_url") ?? defaults.papiUrl),
  };
  const missing = ["url", "login", "password"].filter((key) => !credentials?.has(key));
  if (missing.length === 0) return { state: "on", ...defaults, ...urls };
  return {
    state: "unregistered",
    reason: `${online.path} holds no credentials, so CrowdSec leaves the Central API alone`,
    incomplete: { path: online.path, missing },
    ...defaults,
    ...urls,
  };
};

/** Why the configuration tells nothing of this part; undefined when it does. */
const unreadable = ({ main, reader }: Configuration): Hidden | { readonly absent: string } | undefined => {
  if (reader !== undefined) return undefined;
  const hidden = hiddenBy(main.files);
  if (hidden !== undefined) return { hidden };
  return main.files[0]?.state === "missing"
    ? { absent: "no CrowdSec configuration here" }
    : { absent: `${main.files[0]?.path} cannot be read` };
};

const findRehearsal = (
  configuration: Configuration,
  program: Topology["program"],
  flags: EngineFlags | undefined,
  environment: Environment,
): Topology["rehearsal"] => {
  const { main, acquisition, credentials, profiles } = configuration;
  if (main.tree === undefined) return unreadable(configuration) ?? { absent: "no CrowdSec configuration here" };
  const hidden = hiddenBy([
    ...main.files,
    ...(acquisition?.acquisition.files ?? []),
    ...(credentials?.files ?? []),
    ...(profiles ? [profiles.file] : []),
  ]);
  if (hidden !== undefined) return { hidden };
  if (program === undefined) return { absent: `no crowdsec program at ${PROGRAMS.join(" or ")}` };
  // A copy that named the real profiles would start their plugins.
  if (profiles && profiles.file.state !== "read") return { absent: `${profiles.file.path} cannot be read` };
  return {
    program: program.path,
    flags: [...(flags?.noApi ? ["-no-api"] : []), ...(flags?.noAgent ? ["-no-cs"] : []), "-no-capi"],
    files: rehearsalFiles(main.tree, profiles?.trees, expansionOfConfig(program.version), environment),
    environment: rehearsalEnvironment(acquisition?.content ?? "", environment),
  };
};

/** Where the engine's own log is: logrus writes to its output unless told otherwise (pkg/csconfig/common.go, cmd/crowdsec). */
const findLog = ({ reader }: Configuration): Pick<Topology, "log"> => {
  if (reader?.text("common", "log_media")?.value !== "file") return {};
  const folder = reader.text("common", "log_dir") ?? { value: "/var/log/", origin: "default" };
  return { log: { value: posix.resolve("/", folder.value, "crowdsec.log"), origin: folder.origin } };
};

/** The Local API does not start without one; an agent does. */
const noDatabase = (path: string, serves: boolean): Topology["database"] =>
  serves
    ? { malformed: { value: "missing", origin: path }, problem: "nothing that the Local API starts with" }
    : { absent: "its configuration has no db_config" };

const findHubIndex = (reader: Reader): Sourced<string> | undefined => {
  const index = reader.text("config_paths", "index_path");
  const folder = reader.text("config_paths", "hub_dir");
  const found = index ?? (folder && { ...folder, value: posix.join(folder.value, ".index.json") });
  return found && { ...found, value: posix.resolve("/", found.value) };
};

/** There is no default: without one the engine does not start (pkg/csconfig/config_paths.go). */
const findDataDir = (reader: Reader): Sourced<string> | undefined => {
  const folder = reader.text("config_paths", "data_dir");
  // CrowdSec's own working directory is /.
  return folder && folder.value !== "" ? { ...folder, value: posix.resolve("/", folder.value) } : undefined;
};

const findClients = (
  configuration: Configuration,
  bouncers: readonly LapiClient[],
  listen: Listen,
  roles: readonly Role[],
  phase: RunPhase,
  overrides: TopologyOverrides,
  environment: Environment,
  version: Version | undefined,
): Topology["clients"] => {
  const { reader, main, path, credentials } = configuration;
  const hidden = hiddenBy(main.files);
  const self = roles.includes("lapi") ? selfClient(listen, path.value, hidden) : undefined;
  const found = [
    ...(self ? [self] : []),
    ...machineClients(roles, credentials, reader, environment, version),
    ...(roles.includes("bouncer") ? bouncers : []),
  ];
  if (overrides.lapiUrl !== undefined) {
    const named = overridden(found, roles, { value: overrides.lapiUrl, origin: "--lapi-url" });
    if (named.length > 0) return named;
  }
  if (found.length > 0) return found;
  if (hidden !== undefined) return { hidden };
  if (phase === "install")
    return { absent: "no CrowdSec is installed here yet; --lapi-url names a Local API elsewhere" };
  return { absent: "no file of this host names a Local API; --lapi-url does" };
};

/** On which hosts a component counts; every other one is a bouncer. What an agent detects with, cscli fetches for it. */
const ROLES_OF: Readonly<Record<string, readonly Role[]>> = {
  crowdsec: ["lapi", "agent"],
  cscli: ["cscli", "agent"],
  "cscli-sudo": ["cscli", "agent"],
  "crowdsec-hubupdate": ["cscli", "agent"],
};

/** In words, where that changes what this process sees. */
const inNamespace = ({ container, network }: NamespaceSeen): { readonly namespace?: string } => {
  const words = [
    ...(container === undefined ? [] : [`${container} container`]),
    ...(network === undefined ? [] : [`network namespace ${network}`]),
  ];
  return words.length === 0 ? {} : { namespace: words.join(", ") };
};

/** Looks at this host and says what CrowdSec is, or will be, on it. Opens no connection; a bad file becomes a value. */
export const findTopology = async (input: TopologyInput): Promise<Topology> => {
  const { probe, environment, user, platform, env, overrides } = input;
  const [{ believed }, interfaces, program, unit, resolver, namespace] = await Promise.all([
    findProcesses(probe, ["crowdsec"], ["crowdsec.service"]),
    probe.interfaces(),
    findProgram(probe),
    unitCommand(probe, "crowdsec.service"),
    probe.resolver(),
    probe.namespace(),
  ]);
  const installed: Sourced<Version> | undefined = program?.version
    ? { value: program.version, origin: program.path }
    : await packageVersion(probe);
  const version = installed?.value;
  const [engine] = believed;
  // What runs, or else what would be started.
  const started = engine
    ? { argv: engine.argv, origin: processWords(believed) }
    : unit && { argv: unit.argv, origin: unit.origin };
  const flags = started && engineFlags(started.argv);
  const path: Sourced<string> =
    overrides.config !== undefined
      ? { value: posix.resolve(overrides.config), origin: "--config" }
      : flags?.config !== undefined
        ? { value: posix.resolve("/", flags.config), origin: `-c of ${started?.origin}` }
        : { value: defaultConfig(platform), origin: "default" };
  const folder = posix.join(posix.dirname(path.value), "bouncers");
  const { components, shell, variablesOf } = await findComponents({
    probe,
    environment,
    user,
    env,
    ...(overrides.proxy !== undefined && { proxy: overrides.proxy }),
    bouncers: await bouncerNames(probe, folder),
  });
  const own = variablesOf("crowdsec");
  const [configuration, bouncers, system] = await Promise.all([
    readConfiguration(probe, path, own, version, flags),
    findBouncers(probe, folder, variablesOf),
    findSystem(probe, namespace, platform),
  ]);
  const { main, reader, acquisition } = configuration;

  const engineHere = main.files[0]?.state !== "missing" || overrides.config !== undefined || engine !== undefined;
  const bouncerHere = bouncers.clients.length > 0;
  const phase: Sourced<RunPhase> = overrides.phase
    ? { value: overrides.phase, origin: "--phase" }
    : engineHere
      ? { value: "run", origin: path.value }
      : bouncerHere
        ? { value: "run", origin: folder }
        : { value: "install", origin: `no ${path.value}` };
  const found: readonly Sourced<Role>[] = [
    ...(bouncerHere && !engineHere ? [] : findRoles(configuration, flags)),
    ...(bouncerHere ? [{ value: "bouncer", origin: folder } as const] : []),
  ];
  const named = overrides.roles?.map((value) => ({ value, origin: "--role" })) ?? found;
  const targets = overrides.targets ?? [];
  const roles: readonly Sourced<Role>[] =
    targets.length > 0 && !named.some(({ value }) => value === "prometheus")
      ? [...named, { value: "prometheus", origin: targets[0]?.url.origin ?? "--target" }]
      : named;
  const has = (role: Role): boolean => roles.some(({ value }) => value === role);

  const isToCome = phase.value === "install" && main.files[0]?.state === "missing";
  const toCome = isToCome ? await findToCome(probe, path, own, version, flags) : undefined;
  const listen = findListen(configuration);
  const hubTemplate = reader?.text("cscli", "__hub_url_template__");
  const hubBranch = reader?.text("cscli", "hub_branch");
  const hubIndex = reader && findHubIndex(reader);
  const dataDir = reader && findDataDir(reader);
  const absent = unreadable(configuration);
  return {
    user,
    system,
    ...inNamespace(namespace),
    env,
    components: components.filter(({ name }) => (ROLES_OF[name] ?? ["bouncer"]).some(has)),
    shell,
    resolver,
    roles,
    phase,
    // Before the install there is nothing to miss; afterwards a missing file is a finding.
    files: [...(engineHere ? configuration.files : []), ...(toCome ? [toCome.file] : []), ...bouncers.files],
    ...(program && { program }),
    ...(installed && { installed }),
    config: path,
    ...(engine && { engine }),
    engines: believed,
    ...findLog(configuration),
    sharedProcess: phase.value === "run" && has("lapi") && has("agent"),
    clients: findClients(
      configuration,
      bouncers.clients,
      listen,
      roles.map(({ value }) => value),
      phase.value,
      overrides,
      own,
      version,
    ),
    listen: toCome?.listen ?? listen,
    database: (reader && findDatabase(reader, version)) ?? absent ?? noDatabase(path.value, configuration.serves),
    acquisition: acquisition?.acquisition ?? absent ?? { absent: `${path.value} switches the agent off` },
    rehearsal: findRehearsal(configuration, program, flags, own),
    ...(hubIndex && { hubIndex }),
    ...(dataDir && { dataDir }),
    targets,
    peers: overrides.peers ?? [],
    metrics: toCome?.metrics ?? findMetrics(configuration),
    capi: findCapi(configuration, flags, own, version),
    ...(hubTemplate && { hubTemplate }),
    ...(hubBranch && { hubBranch }),
    ctiKey: reader?.has("api", "cti", "key") ?? false,
    interfaces,
  };
};
