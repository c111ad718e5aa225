import { posix } from "node:path";
import type { BuildSeen, EnvironmentRead, NamespaceSeen, Prober, ProcessSeen } from "../model/observation.ts";
import { type ProxyServer, readProxies } from "../model/proxy.ts";
import { resolverVariables } from "../model/resolver.ts";
import type { Component, ComponentEnvironment, Env, Hidden } from "../model/topology.ts";
import type { Environment } from "./expansion.ts";
import { pamVariables, sudoEnvironment } from "./sudo.ts";
import { readUnit, type Unit, unitUser } from "./unit.ts";
import {
  isBooted,
  managerEnvironment,
  type UnitEnvironment,
  unitEnvironment,
  type Variables,
} from "./unit-environment.ts";

export interface ComponentsInput {
  readonly probe: Prober;
  /** This shell's. */
  readonly environment: Environment;
  readonly user: string;
  readonly env: Env;
  /** `--proxy`, for every component. */
  readonly proxy?: ProxyServer | "none";
  /** Names of the bouncers' files without ending. */
  readonly bouncers: readonly string[];
}

export interface FoundComponents {
  readonly components: readonly Component[];
  readonly shell: ComponentEnvironment;
  /** Plain variables with which a component expands its files; the shell's for one that is not known. */
  readonly variablesOf: (component: string) => Environment;
}

/** Where a component's program and service are to be found. */
interface Place {
  readonly name: string;
  /** Base names of its program, the first that runs counts. */
  readonly programs: readonly string[];
  /** Its services, the first that is there counts. */
  readonly units: readonly string[];
  /** It lives inside another program, which is not Go. */
  readonly guest: boolean;
}

/** Bouncers that are modules of a web server (https://docs.crowdsec.net/u/bouncers/intro); any other one is a program of its file's name. */
const HOSTS: readonly {
  readonly bouncer: RegExp;
  readonly programs: readonly string[];
  readonly units: readonly string[];
}[] = [
  { bouncer: /openresty/, programs: ["openresty", "nginx"], units: ["openresty.service", "nginx.service"] },
  { bouncer: /nginx/, programs: ["nginx"], units: ["nginx.service"] },
  { bouncer: /apache/, programs: ["apache2", "httpd"], units: ["apache2.service", "httpd.service"] },
  { bouncer: /^crowdsec-haproxy-bouncer$/, programs: ["haproxy"], units: ["haproxy.service"] },
];

const ordinary = (name: string): Place => ({ name, programs: [name], units: [`${name}.service`], guest: false });

const placeOf = (bouncer: string): Place => {
  const host = HOSTS.find((each) => each.bouncer.test(bouncer));
  return host ? { name: bouncer, programs: host.programs, units: host.units, guest: true } : ordinary(bouncer);
};

/** An environment and what is to be said of it. */
interface Known extends Pick<ComponentEnvironment, "from" | "origin" | "dropped" | "stops" | "uncertain"> {
  /** Where SSL_CERT_FILE and SSL_CERT_DIR stand, if there are any; without it, `origin`. */
  readonly storeOrigin?: string;
  readonly variables: Environment;
}

const ENVIRONMENT_OF_SHELL = "this shell";

const storeOf = (variables: Environment): ComponentEnvironment["store"] => {
  const [file, directories] = [variables["SSL_CERT_FILE"], variables["SSL_CERT_DIR"]];
  return { ...(file && { file }), ...(directories && { directories }) };
};

const described = (known: Known, goVersion?: string): ComponentEnvironment => {
  const { from, origin, dropped, stops, uncertain, storeOrigin = origin, variables } = known;
  const names = resolverVariables(variables);
  const store = storeOf(variables);
  return {
    from,
    origin,
    proxies: readProxies(variables, goVersion),
    ...(dropped && { dropped }),
    ...(stops !== undefined && { stops }),
    ...(uncertain !== undefined && { uncertain }),
    store,
    ...(Object.keys(store).length > 0 && { storeOrigin }),
    ...(Object.keys(names).length > 0 && { names }),
  };
};

const plain = (variables: Variables): Environment =>
  Object.fromEntries([...variables].map(([name, { value }]) => [name, value]));

const revealed = ({ variables }: EnvironmentRead): Environment =>
  Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, value.reveal()]));

/** Names of the variables of one kind that count in an environment. */
type NamesIn = (variables: Environment) => readonly string[];

const proxyNames: NamesIn = (variables) => {
  const { http, https, noProxy } = readProxies(variables);
  return [http, https, noProxy].flatMap((each) => each?.name ?? []);
};

const storeNames: NamesIn = (variables) => ["SSL_CERT_FILE", "SSL_CERT_DIR"].filter((name) => variables[name]);

/** `/a.conf:2 and /b.conf:1, 4`: the lines of each file together. */
const places = (origins: readonly string[]): string => {
  const lines = new Map<string, string[]>();
  for (const origin of new Set(origins)) {
    const [, path = origin, line] = /^(.*):(\d+)$/.exec(origin) ?? [];
    lines.set(path, [...(lines.get(path) ?? []), ...(line === undefined ? [] : [line])]);
  }
  return [...lines]
    .map(([path, each]) => [path, each.join(", ")].filter((part) => part !== "").join(":"))
    .join(" and ");
};

/** Where the variables of one kind stand; empty when there are none. */
const placesOf = (variables: Variables, namesIn: NamesIn): string =>
  places(namesIn(plain(variables)).flatMap((name) => variables.get(name)?.origin ?? []));

const AS_ROOT = "run as root to read";

/** A unit with its environment, as far as it is one that systemd would start. */
interface Service {
  readonly unit: Unit;
  readonly environment: UnitEnvironment;
}

/** What a process does not tell of an environment: it may not be read, or it is not believed. */
interface Unsaid {
  readonly unread?: string | undefined;
  readonly passedOver?: string | undefined;
}

const droppedBy = (service: Service | undefined): Pick<ComponentEnvironment, "dropped"> => {
  const dropped = (service?.environment.dropped ?? []).filter(({ value }) => /^(https?|no)_proxy$/i.test(value));
  return dropped.length > 0 ? { dropped } : {};
};

/** Its words, and those of what it says nothing of, together. */
const joined = (...words: readonly (string | undefined)[]): string =>
  words.filter((each) => each !== undefined).join("; ");

/** What of a service this user may not read; undefined when that is nothing. */
const deniedOf = ({ environment: { denied } }: Service): string | undefined =>
  denied.length > 0 ? `${AS_ROOT} ${denied.join(" and ")}` : undefined;

/** The environment of a service; `unread` and `passedOver`: what its process would have said. */
const serviceKnown = (service: Service, { unread, passedOver }: Unsaid = {}): Known => {
  const { unit, environment } = service;
  const { variables, stops } = environment;
  const denied = deniedOf(service);
  const uncertain = joined(denied, unread);
  return {
    from: "unit",
    origin: joined(placesOf(variables, proxyNames) || unit.path, denied, unread, passedOver),
    storeOrigin: placesOf(variables, storeNames) || unit.path,
    variables: plain(variables),
    ...droppedBy(service),
    // One that runs all the same was started before.
    ...(stops !== undefined && unread === undefined && { stops }),
    ...(uncertain !== "" && { uncertain }),
  };
};

/** What runs of a component, oldest pid first. */
export interface Processes {
  readonly believed: readonly ProcessSeen[];
  /** Of users who have no say in what CrowdSec does. */
  readonly passedOver: readonly ProcessSeen[];
}

/** The number of a user; undefined for one whom only a directory service knows. */
const uidOf = async (probe: Prober, user: string): Promise<number | undefined> => {
  if (/^\d+$/.test(user)) return Number(user);
  const saw = await probe.file("/etc/passwd");
  const lines = saw.ok ? saw.content.split("\n").map((line) => line.split(":")) : [];
  const uid = lines.find(([name]) => name === user)?.[2];
  return uid !== undefined && /^\d+$/.test(uid) ? Number(uid) : undefined;
};

/**
 * Anybody can call a program `crowdsec`. Where root's probes go, and which configuration is read, is decided only by a
 * process of root, of this tool's own user, or of the user whom a unit of it names.
 */
export const findProcesses = async (
  probe: Prober,
  programs: readonly string[],
  units: readonly string[],
): Promise<Processes> => {
  const [running, read] = await Promise.all([
    Promise.all(programs.map((name) => probe.processes(name))),
    Promise.all(units.map((name) => readUnit(probe, name))),
  ]);
  const users = read.flatMap((unit) => (unit && unitUser(unit)) ?? []);
  const trusted = new Set([0, ...(await Promise.all(users.map((user) => uidOf(probe, user))))]);
  const believes = ({ uid, own }: ProcessSeen): boolean => own === true || (uid !== undefined && trusted.has(uid));
  const all = running.flat();
  return { believed: all.filter(believes), passedOver: all.filter((process) => !believes(process)) };
};

/** Process ids that are named; a web server can have hundreds. */
const MAX_NAMED = 3;

/** `process 42 (also 58)`: the one that counts, and the others. */
export const processWords = ([process, ...others]: readonly ProcessSeen[]): string => {
  const named = others.slice(0, MAX_NAMED).map(({ pid }) => pid);
  const more = others.length > named.length ? ` and ${others.length - named.length} more` : "";
  return `process ${process?.pid}${named.length > 0 ? ` (also ${named.join(", ")}${more})` : ""}`;
};

/** Why nothing is taken from those that run; undefined where that needs no word. */
const passedOverWords = ({ believed, passedOver }: Processes): string | undefined => {
  const [first] = passedOver;
  if (believed.length > 0 || first === undefined) return undefined;
  return `${processWords(passedOver)} of user ${first.uid ?? "unknown"} is not believed`;
};

/** Running processes by the side of their service: where the variables of one kind come from, or that they are others. */
const processOrigin = (
  processes: readonly ProcessSeen[],
  variables: Environment,
  service: Service | undefined,
  namesIn: NamesIn,
): string => {
  const origin = processWords(processes);
  if (service === undefined || service.environment.denied.length > 0) return origin;
  const own = plain(service.environment.variables);
  const names = new Set([variables, own].flatMap(namesIn));
  const differs = [...names].some((name) => (variables[name] ?? "") !== (own[name] ?? ""));
  const at = placesOf(service.environment.variables, namesIn);
  if (differs) return `${origin}; ${service.unit.name} has others${at && ` (${at})`}`;
  return at ? `${origin}, by ${at}` : origin;
};

/** What every component's search shares. */
interface Search {
  readonly probe: Prober;
  readonly env: Env;
  readonly shell: Known;
  readonly namespace: NamespaceSeen;
  /** In a container without systemd a unit file is only what a package left there. */
  readonly units: boolean;
  readonly manager: Variables;
}

/** A service that systemd would start; or why there is none, which completes "crowdsec does not run and …". */
type FoundService = { readonly service: Service } | { readonly why: string; readonly broken?: true };

const findService = async ({ probe, units, manager }: Search, names: readonly string[]): Promise<FoundService> => {
  const read = (await Promise.all(names.map((name) => readUnit(probe, name)))).flatMap((unit) => unit ?? []);
  const [first] = read;
  if (first === undefined) return { why: "has no unit" };
  if (!units) return { why: "systemd does not run here" };
  const unit = read.find(({ masked, broken }) => !masked && broken === undefined);
  if (unit !== undefined) return { service: { unit, environment: await unitEnvironment(probe, unit, manager) } };
  return first.broken === undefined
    ? { why: `${first.path} is masked` }
    : { why: `${first.path} cannot be read: ${first.broken}`, broken: true };
};

interface Looked {
  readonly known: Known | Hidden;
  readonly unit?: string;
  readonly process?: ProcessSeen;
}

/** Without an environment of its own: the container's, or the shell's, or none. */
const fallback = async (
  { probe, env, shell, namespace, units }: Search,
  reason: string,
  doubt: Pick<Known, "uncertain">,
): Promise<Known | Hidden> => {
  if (namespace.container !== undefined && !units) {
    const first = await probe.environment(1);
    if (first.ok) {
      const origin = `process 1 of this container (${namespace.container}): ${reason}`;
      return { from: "container", origin, variables: revealed(first), ...doubt };
    }
    return {
      ...shell,
      ...doubt,
      from: "container",
      origin: `${shell.origin}, in a container (${namespace.container}): ${reason}`,
    };
  }
  return env === "service" ? { hidden: reason } : { ...shell, ...doubt, origin: `${shell.origin}: ${reason}` };
};

/** The environment of a component that runs as a service: of its process, else of its unit, else what is left. */
const look = async (search: Search, place: Place): Promise<Looked> => {
  const { probe } = search;
  const [processes, found] = await Promise.all([
    findProcesses(probe, place.programs, place.units),
    findService(search, place.units),
  ]);
  const { believed } = processes;
  const service = "service" in found ? found.service : undefined;
  const unit = service && { unit: service.unit.name };
  const [process] = believed;
  const saw = process && (await probe.environment(process.pid));
  if (process && saw?.ok) {
    const variables = revealed(saw);
    const from = (namesIn: NamesIn): string => processOrigin(believed, variables, service, namesIn);
    const origins = { origin: from(proxyNames), storeOrigin: from(storeNames) };
    return { known: { from: "process", ...origins, variables, ...droppedBy(service) }, process, ...unit };
  }
  // Between the two looks it may have ended.
  const runs = process && saw?.ok === false && saw.code !== "file-missing" ? process : undefined;
  const unread = runs && `${AS_ROOT} /proc/${runs.pid}/environ`;
  const passedOver = passedOverWords(processes);
  const seen = { ...(runs && { process: runs }), ...unit };
  if ("service" in found) {
    // A file that cannot be read may hold the very proxy that is asked for.
    const denied = search.env === "service" ? deniedOf(found.service) : undefined;
    return { known: denied ? { hidden: denied } : serviceKnown(found.service, { unread, passedOver }), ...seen };
  }
  const reason = unread ?? `${place.name} does not run and ${found.why}`;
  const doubt = unread !== undefined || found.broken ? { uncertain: reason } : {};
  return { known: await fallback(search, joined(reason, passedOver), doubt), ...seen };
};

/** Folders of packages and of the installer. */
const BIN = ["/usr/bin", "/usr/local/bin"];

/** An installed program that nobody but root could have put there. */
const installed = async (probe: Prober, name: string): Promise<string | undefined> => {
  for (const folder of BIN) {
    const path = posix.join(folder, name);
    const saw = await probe.path(path);
    if (saw.ok && saw.kind === "file" && saw.guarded) return path;
  }
  return undefined;
};

const buildOf = async (
  probe: Prober,
  program: string,
): Promise<Pick<BuildSeen, "resolver" | "goVersion"> | undefined> => {
  const saw = await probe.build(program);
  return saw.ok
    ? { resolver: saw.resolver, ...(saw.goVersion !== undefined && { goVersion: saw.goVersion }) }
    : undefined;
};

/** A component without its environment. */
type Body = Omit<Component, "environment">;

const bodyOf = async (
  probe: Prober,
  name: string,
  program: string | undefined,
  { guest = false, unit }: { readonly guest?: boolean; readonly unit?: string | undefined } = {},
): Promise<Body> => {
  const build = program === undefined || guest ? undefined : await buildOf(probe, program);
  return {
    name,
    ...(unit !== undefined && { unit }),
    ...(program !== undefined && { program }),
    ...(build && { build }),
  };
};

interface Found {
  readonly body: Body;
  readonly known: Known | Hidden;
}

const findServed = async (search: Search, place: Place): Promise<Found> => {
  const { known, unit, process } = await look(search, place);
  const program = process?.executable ?? (await installed(search.probe, place.programs[0] ?? place.name));
  return { body: await bodyOf(search.probe, place.name, program, { guest: place.guest, unit }), known };
};

const HUB_UPDATE = "crowdsec-hubupdate";
/**
 * Packages of CrowdSec up to 1.4 came with the first, later ones with the unit and its timer (build/debian,
 * config/crowdsec.cron.daily of https://github.com/crowdsecurity/crowdsec).
 */
const CRON_JOBS = ["/etc/cron.daily/crowdsec", "/etc/cron.d/crowdsec", "/etc/cron.daily/crowdsec-hubupdate"];
/** Lines of a crontab that set a variable (crontab(5)). */
const CRONTAB_LINE = /^\s*(?:"([^"]+)"|'([^']+)'|(\w+))\s*=\s*(?:"([^"]*)"|'([^']*)'|(.*?))\s*$/;

const crontabVariables = (path: string, content: string): Variables =>
  new Map(
    content.split("\n").flatMap((line, index) => {
      const [, double, single, bare, quoted, ticked, plainly] = CRONTAB_LINE.exec(line) ?? [];
      const name = double ?? single ?? bare;
      const value = quoted ?? ticked ?? plainly ?? "";
      return name === undefined ? [] : [[name, { value, origin: `${path}:${index + 1}` }] as const];
    }),
  );

/** cron gives its jobs the variables of the crontab and those of PAM, and nothing of its own. */
const cronEnvironment = async (probe: Prober, job: string): Promise<Known> => {
  const tables = job.startsWith("/etc/cron.d/") ? [job] : ["/etc/crontab", "/etc/anacrontab"];
  const [saw, ...pam] = await Promise.all([
    Promise.all(tables.map((path) => probe.file(path))),
    pamVariables(probe, "cron"),
    pamVariables(probe, "crond"),
  ]);
  const variables: Variables = new Map([
    ...pam.flat().map(({ name, value, origin }) => [name, { value, origin }] as const),
    ...saw.flatMap((each, index) => (each.ok ? [...crontabVariables(tables[index] ?? job, each.content)] : [])),
  ]);
  const at = (namesIn: NamesIn): string => placesOf(variables, namesIn) || `${job}, as cron starts it`;
  return { from: "unit", origin: at(proxyNames), storeOrigin: at(storeNames), variables: plain(variables) };
};

/** The job that keeps the hub up to date, where a package brought one. */
const findHubUpdate = async (search: Search): Promise<Found | undefined> => {
  const { probe } = search;
  const [found, ...jobs] = await Promise.all([
    findService(search, [`${HUB_UPDATE}.service`]),
    ...CRON_JOBS.map((path) => probe.path(path)),
  ]);
  const job = CRON_JOBS.find((_path, index) => jobs[index]?.ok);
  const service = "service" in found ? found.service : undefined;
  if (service === undefined && job === undefined) return undefined;
  const denied = search.env === "service" && service ? deniedOf(service) : undefined;
  const known = denied ? { hidden: denied } : service ? serviceKnown(service) : await cronEnvironment(probe, job ?? "");
  // It is a script that runs cscli.
  const body = await bodyOf(probe, HUB_UPDATE, await installed(probe, "cscli"), { unit: service?.unit.name });
  return { body, known };
};

const SUDO = "/usr/bin/sudo";

/** cscli as this user would run it as root; undefined where there is no sudo, or no need of it. */
const findUnderSudo = async ({ probe, shell }: Search, user: string): Promise<Found | undefined> => {
  if (user === "root" || !(await probe.path(SUDO)).ok) return undefined;
  const [found, program] = await Promise.all([
    sudoEnvironment(probe, shell.variables, user),
    installed(probe, "cscli"),
  ]);
  const body = await bodyOf(probe, "cscli-sudo", program);
  if ("hidden" in found) return { body, known: found };
  const { variables, origins, reset } = found;
  const left = reset ? "what sudo leaves of this shell" : "this shell, which sudo leaves as it is";
  const from = (namesIn: NamesIn): string => {
    const added = places(namesIn(variables).flatMap((name) => origins.get(name) ?? []));
    return added ? `${left}, and ${added}` : left;
  };
  return { body, known: { from: "sudo", origin: from(proxyNames), storeOrigin: from(storeNames), variables } };
};

/** `--proxy` takes the place of a component's own proxies; its NO_PROXY stays. */
const withProxy = (environment: ComponentEnvironment | Hidden, proxy: ProxyServer | "none"): ComponentEnvironment => {
  const own = "hidden" in environment ? undefined : environment;
  const variable = proxy === "none" ? undefined : { name: "--proxy", value: proxy };
  return {
    from: "flag",
    origin: "--proxy",
    proxies: {
      ...(variable && { http: variable, https: variable }),
      ...(own?.proxies.noProxy && { noProxy: own.proxies.noProxy }),
      ignored: [],
      cgi: false,
    },
    ...(own?.stops !== undefined && { stops: own.stops }),
    store: own?.store ?? {},
    ...(own?.storeOrigin !== undefined && { storeOrigin: own.storeOrigin }),
    ...(own?.names && { names: own.names }),
  };
};

/** The programs of CrowdSec on this host, each with the environment that its connections depend on. */
export const findComponents = async (input: ComponentsInput): Promise<FoundComponents> => {
  const { probe, environment, user, env, proxy, bouncers } = input;
  const sudoer = environment["SUDO_USER"];
  const shell: Known = {
    from: "shell",
    origin: sudoer && user === "root" ? `${ENVIRONMENT_OF_SHELL}, under sudo` : ENVIRONMENT_OF_SHELL,
    variables: environment,
  };
  const [namespace, booted] = await Promise.all([probe.namespace(), isBooted(probe)]);
  const units = namespace.container === undefined || booted;
  const search: Search = {
    probe,
    env,
    shell,
    namespace,
    units,
    manager: units ? await managerEnvironment(probe) : new Map(),
  };
  const [engine, cscli, underSudo, hubUpdate, ...others] = await Promise.all([
    findServed(search, ordinary("crowdsec")),
    installed(probe, "cscli").then(async (program) => ({ body: await bodyOf(probe, "cscli", program), known: shell })),
    findUnderSudo(search, user),
    findHubUpdate(search),
    ...[...new Set(bouncers)].map((name) => findServed(search, placeOf(name))),
  ]);
  const found: readonly Found[] = [
    engine,
    cscli,
    ...(underSudo ? [underSudo] : []),
    ...(hubUpdate ? [hubUpdate] : []),
    ...others,
  ].map((each) => (env === "shell" ? { ...each, known: shell } : each));
  const components = found.map(({ body, known }): Component => {
    const own = "hidden" in known ? known : described(known, body.build?.goVersion);
    return { ...body, environment: proxy === undefined ? own : withProxy(own, proxy) };
  });
  const variables = new Map(
    found.map(({ body, known }) => [body.name, "hidden" in known ? environment : known.variables]),
  );
  return {
    components,
    shell: described(shell),
    variablesOf: (component) => variables.get(component) ?? environment,
  };
};
