import { posix } from "node:path";
import type { BuildSeen, EnvironmentRead, NamespaceSeen, Prober, ProcessSeen } from "../model/observation.ts";
import { type ProxyServer, type ProxySettings, readProxies } from "../model/proxy.ts";
import { resolverVariables } from "../model/resolver.ts";
import type { Component, ComponentEnvironment, Env, Hidden } from "../model/topology.ts";
import type { Environment } from "./expansion.ts";
import { pamVariables, sudoEnvironment } from "./sudo.ts";
import { readUnit, type Unit } from "./unit.ts";
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
interface Known extends Pick<ComponentEnvironment, "from" | "origin" | "dropped"> {
  readonly variables: Environment;
}

const ENVIRONMENT_OF_SHELL = "this shell";

const storeOf = (variables: Environment): ComponentEnvironment["store"] => {
  const [file, directories] = [variables["SSL_CERT_FILE"], variables["SSL_CERT_DIR"]];
  return { ...(file && { file }), ...(directories && { directories }) };
};

const described = ({ from, origin, dropped, variables }: Known, goVersion?: string): ComponentEnvironment => {
  const names = resolverVariables(variables);
  return {
    from,
    origin,
    proxies: readProxies(variables, goVersion),
    ...(dropped && { dropped }),
    store: storeOf(variables),
    ...(Object.keys(names).length > 0 && { names }),
  };
};

const plain = (variables: Variables): Environment =>
  Object.fromEntries([...variables].map(([name, { value }]) => [name, value]));

const revealed = ({ variables }: EnvironmentRead): Environment =>
  Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, value.reveal()]));

/** The names of the proxy variables that count. */
const proxyNames = ({ http, https, noProxy }: ProxySettings): readonly string[] =>
  [http, https, noProxy].flatMap((each) => each?.name ?? []);

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

/** Where the proxies of a unit stand; empty when it has none. */
const proxyPlaces = (variables: Variables): string =>
  places(proxyNames(readProxies(plain(variables))).flatMap((name) => variables.get(name)?.origin ?? []));

const AS_ROOT = "run as root to read";

/** A unit with its environment, as far as it is one that systemd would start. */
interface Service {
  readonly unit: Unit;
  readonly environment: UnitEnvironment;
}

const droppedBy = (service: Service | undefined): Pick<ComponentEnvironment, "dropped"> => {
  const dropped = (service?.environment.dropped ?? []).filter(({ value }) => /^(https?|no)_proxy$/i.test(value));
  return dropped.length > 0 ? { dropped } : {};
};

const serviceKnown = (service: Service): Known => {
  const { unit, environment } = service;
  const { variables, denied, stops } = environment;
  const words = [
    proxyPlaces(variables) || unit.path,
    ...(denied.length > 0 ? [`${AS_ROOT} ${denied.join(" and ")}`] : []),
    ...(stops ? [`systemd does not start it: ${stops}`] : []),
  ];
  return { from: "unit", origin: words.join("; "), variables: plain(variables), ...droppedBy(service) };
};

/** A running process by the side of its service: where its proxies come from, or that they are others. */
const processOrigin = (process: ProcessSeen, variables: Environment, service: Service | undefined): string => {
  const origin = `process ${process.pid}`;
  if (service === undefined || service.environment.denied.length > 0) return origin;
  const own = plain(service.environment.variables);
  const names = new Set([variables, own].flatMap((each) => proxyNames(readProxies(each))));
  const differs = [...names].some((name) => (variables[name] ?? "") !== (own[name] ?? ""));
  const at = proxyPlaces(service.environment.variables);
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

const findService = async (
  { probe, units, manager }: Search,
  names: readonly string[],
): Promise<{ readonly service?: Service; readonly masked?: string }> => {
  if (!units) return {};
  const read = (await Promise.all(names.map((name) => readUnit(probe, name)))).flatMap((unit) => unit ?? []);
  const unit = read.find(({ masked }) => !masked);
  if (unit === undefined) return read[0] ? { masked: read[0].path } : {};
  return { service: { unit, environment: await unitEnvironment(probe, unit, manager) } };
};

interface Looked {
  readonly known: Known | Hidden;
  readonly unit?: string;
  readonly process?: ProcessSeen;
}

/** Without an environment of its own: the container's, or the shell's, or none. */
const fallback = async ({ probe, env, shell, namespace, units }: Search, reason: string): Promise<Known | Hidden> => {
  if (namespace.container !== undefined && !units) {
    const first = await probe.environment(1);
    if (first.ok) {
      const origin = `process 1 of this container (${namespace.container}): ${reason}`;
      return { from: "container", origin, variables: revealed(first) };
    }
    return {
      ...shell,
      from: "container",
      origin: `${shell.origin}, in a container (${namespace.container}): ${reason}`,
    };
  }
  return env === "service" ? { hidden: reason } : { ...shell, origin: `${shell.origin}: ${reason}` };
};

/** The environment of a component that runs as a service: of its process, else of its unit, else what is left. */
const look = async (search: Search, place: Place): Promise<Looked> => {
  const { probe } = search;
  const [running, { service, masked }] = await Promise.all([
    Promise.all(place.programs.map((name) => probe.processes(name))),
    findService(search, place.units),
  ]);
  const unit = service && { unit: service.unit.name };
  const [process] = running.flat();
  const saw = process && (await probe.environment(process.pid));
  if (process && saw?.ok) {
    const variables = revealed(saw);
    const origin = processOrigin(process, variables, service);
    return { known: { from: "process", origin, variables, ...droppedBy(service) }, process, ...unit };
  }
  // Between the two looks it may have ended.
  const runs = process && saw?.ok === false && saw.code !== "file-missing" ? process : undefined;
  const denied = runs && `${AS_ROOT} /proc/${runs.pid}/environ`;
  const seen = { ...(runs && { process: runs }), ...unit };
  if (service) {
    const known = serviceKnown(service);
    // A file that cannot be read may hold the very proxy that is asked for.
    const hides = search.env === "service" && service.environment.denied.length > 0;
    if (hides) return { known: { hidden: `${AS_ROOT} ${service.environment.denied.join(" and ")}` }, ...seen };
    return { known: denied ? { ...known, origin: `${known.origin}; ${denied}` } : known, ...seen };
  }
  const idle = masked
    ? `${place.name} does not run and ${masked} is masked`
    : `${place.name} does not run and has no unit`;
  return { known: await fallback(search, denied ?? idle), ...seen };
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
  const at = proxyPlaces(variables);
  return { from: "unit", origin: at || `${job}, as cron starts it`, variables: plain(variables) };
};

/** The job that keeps the hub up to date, where a package brought one. */
const findHubUpdate = async (search: Search): Promise<Found | undefined> => {
  const { probe } = search;
  const [{ service }, ...jobs] = await Promise.all([
    findService(search, [`${HUB_UPDATE}.service`]),
    ...CRON_JOBS.map((path) => probe.path(path)),
  ]);
  const job = CRON_JOBS.find((_path, index) => jobs[index]?.ok);
  if (service === undefined && job === undefined) return undefined;
  const hides = search.env === "service" && (service?.environment.denied.length ?? 0) > 0;
  const known = hides
    ? { hidden: `${AS_ROOT} ${service?.environment.denied.join(" and ")}` }
    : service
      ? serviceKnown(service)
      : await cronEnvironment(probe, job ?? "");
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
  const added = places(proxyNames(readProxies(variables)).flatMap((name) => origins.get(name) ?? []));
  const origin = reset ? "what sudo leaves of this shell" : "this shell, which sudo leaves as it is";
  return { body, known: { from: "sudo", origin: added ? `${origin}, and ${added}` : origin, variables } };
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
    store: own?.store ?? {},
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
