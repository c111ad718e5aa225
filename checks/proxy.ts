import { type Check, type ConditionalRemedy, type Context, defineCheck, type Unasked } from "../src/model/check.ts";
import { listed, type ProxySettings, type ProxyVariable, type Route, routeTo } from "../src/model/proxy.ts";
import {
  type Component,
  type ComponentEnvironment,
  componentOf,
  type LapiClient,
  type Topology,
} from "../src/model/topology.ts";
import { hostAndPort } from "../src/model/url.ts";
import { askedHosts, goesOut } from "./outgoing.ts";

const DOCS = "https://docs.crowdsec.net/u/troubleshooting/security_engine";

/** A drop-in that comes after all others: the last one that sets a variable counts, and an EnvironmentFile= more than any. */
const inUnit = (name: string, value: string) => {
  const file = `/etc/systemd/system/{unit}.d/zz-preflight-${name.toLowerCase().replace("_", "-")}.conf`;
  return {
    commands: [
      "mkdir -p /etc/systemd/system/{unit}.d",
      `printf '[Service]\\nEnvironment="${name}=%s"\\n' ${value} >${file}`,
      "systemctl daemon-reload && systemctl restart {unit}",
    ],
    undo: [`rm ${file}`, "systemctl daemon-reload && systemctl restart {unit}"],
  };
};

/** Where a service gets a variable that no unit gives it; `{component}` is its name there. */
const inService = (when: string, name: string): readonly ConditionalRemedy[] => [
  {
    when,
    services: ["openrc"],
    text: `A service of OpenRC gets what /etc/conf.d/{component} exports: write a line export ${name}=… there, then restart it.`,
  },
  {
    when,
    services: ["freebsd"],
    text: `A service of FreeBSD gets what its variable in rc.conf names, crowdsec_env="${name}=…" for crowdsec (sysrc writes it); then restart it.`,
  },
  {
    when,
    services: ["container"],
    text: `A container gets ${name} when it is made: with -e ${name}=…, or environment: in its compose file.`,
  },
  {
    when,
    services: ["kubernetes"],
    text: `A pod gets ${name} from its workload: lapi.env and agent.env in the values of CrowdSec's helm chart.`,
  },
];
/** The same where nothing is known to start services. */
const byHand = (when: string, name: string): ConditionalRemedy => ({
  when,
  services: ["none"],
  text: `Give {component} ${name} in what starts it, then start it anew.`,
});

/** systemd takes a % for the beginning of a specifier. */
const forUnit = (value: string): string => value.replaceAll("%", "%%");

/** What stands in place of an entry that may hold a password. */
const SECRET = "[secret]";
const UNSET: Unasked = { status: "skip", reason: "not applicable: no proxy is set" };

const ROLES = ["lapi", "agent", "bouncer", "cscli"] as const;

/** `--wait`: what a variable says stays, and Go reads it once. */
const STAYS = { recovers: false } as const;

const clientsOf = ({ clients }: Topology): readonly LapiClient[] =>
  Array.isArray(clients) ? (clients as readonly LapiClient[]) : [];

/** Bouncers of web servers, and Go ones on their way to an https Local API, read no proxy variable at all. */
const takesProxies = (topology: Topology, name: string): boolean =>
  !clientsOf(topology).some(
    ({ component, kind, neverProxied }) => kind === "bouncer" && component === name && neverProxied !== undefined,
  );

/** Components that take proxies, or why there is nothing to say. */
const components = ({ topology }: Context): readonly string[] | Unasked => {
  const names = topology.components.map(({ name }) => name).filter((name) => takesProxies(topology, name));
  if (names.length > 0) return names;
  return { status: "skip", reason: "not applicable: no component of CrowdSec on this host takes a proxy" };
};

/** Those that have something to ask on the internet: bouncers have not. */
const outgoingComponents = ({ topology }: Context): readonly string[] | Unasked => {
  const names = topology.components.map(({ name }) => name).filter(goesOut);
  if (names.length > 0) return names;
  return { status: "skip", reason: "not applicable: nothing of CrowdSec on this host asks the internet" };
};

interface Known {
  readonly component: Component;
  readonly environment: ComponentEnvironment;
}

/** What may well be another environment than the one that was found is none to judge by. */
const knownOf = ({ topology }: Context, name: string): Known | { readonly verdict: Unasked } => {
  const component = componentOf(topology, name);
  if (component === undefined) throw new Error(`no component ${name}`);
  const { environment } = component;
  const reason = "hidden" in environment ? environment.hidden : environment.uncertain;
  if (reason !== undefined || "hidden" in environment) return { verdict: { status: "unknown", reason: reason ?? "" } };
  return { component, environment };
};

const words = ({ component, environment }: Known): Readonly<Record<string, string>> => ({
  component: component.name,
  environment: environment.origin,
  unit: component.unit ?? "",
});

/** With `when` for remedies: a drop-in is for a unit only. */
const place = ({ component, environment }: Known): "unit" | "shell" =>
  component.unit !== undefined && environment.from !== "shell" && environment.from !== "sudo" ? "unit" : "shell";

/** Whether the whole value may stand in a command: one with a login may not be shown. */
const isWhole = (variable: ProxyVariable | undefined): boolean =>
  variable !== undefined && "host" in variable.value && variable.value.credentials === undefined;

/** What an environment says of proxies, in a few words. */
const inWords = (proxies: ProxySettings): string => {
  const set = (["https", "http"] as const).flatMap((scheme) => {
    const variable = proxies[scheme];
    return variable ? [`${variable.name}=${variable.value.shown}`] : [];
  });
  const exceptions =
    proxies.noProxy && `${proxies.noProxy.name}=${listed(proxies.noProxy.entries.map(({ text }) => text))}`;
  return [...set, ...(exceptions !== undefined && set.length > 0 ? [exceptions] : [])].join(", ") || "no proxy";
};

/** What the components of CrowdSec go out to, over https. */
const CAPI = "https://api.crowdsec.net/";

const sameWay = (a: Route, b: Route): boolean =>
  a.via === b.via && (a.via !== "proxy" || b.via !== "proxy" || a.proxy.shown === b.proxy.shown);

/** What fails for this component, and does not with this shell's proxies. */
const failsOf = async (context: Context, { component, environment }: Known): Promise<readonly string[]> => {
  const { proxies } = context.topology.shell;
  const inShell: Component = { ...component, environment: { ...environment, proxies } };
  const [own, shells] = await Promise.all([askedHosts(context, component), askedHosts(context, inShell)]);
  const reached = new Set(shells.filter((each) => each.reached).map(({ host }) => host));
  return own.filter((each) => !each.reached && reached.has(each.host)).map(({ host }) => host);
};

/** Whether Go refuses a request that this component makes, before it connects. */
const isRefused = (topology: Topology, { component: { name }, environment: { proxies } }: Known): boolean => {
  const own = clientsOf(topology).flatMap(({ component, way, neverProxied }) =>
    component === name && neverProxied === undefined && "url" in way ? [way.url.value] : [],
  );
  return [...(goesOut(name) ? [CAPI] : []), ...own].some((url) => routeTo(proxies, url).via === "refused");
};

const forPlace = (known: Known, value: string): string => (place(known) === "unit" ? forUnit(value) : value);

/** Shells have a proxy that services do not, and the other way round: what works in one then fails in the other. */
const proxy = defineCheck({
  id: "proxy",
  title: "Each component's proxy is usable, and the one that this shell shows",
  why: "CrowdSec has no setting for a proxy: Go reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY from each program's own environment, once, when it starts. A variable of a shell does not reach a service, sudo drops it, and a drop-in for crowdsec.service does not reach the unit that updates the hub.",
  roles: ROLES,
  contacts: "reads each component's environment: its process, its unit and drop-ins, or this shell",
  faults: {
    "proxy-invalid": {
      blame: "configuration",
      confidence: "certain",
      phase: "proxy",
      ...STAYS,
      says: "{variable} of {component} ({environment}) cannot be used: {problem} ({shown})",
      remedy: [
        {
          when: "value",
          text: "Correct it there: http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT. Then restart {component}.",
          url: DOCS,
        },
        {
          when: "cgi",
          text: "Take REQUEST_METHOD out of the environment of {component} ({environment}), then restart it.",
        },
      ],
    },
    "proxy-differs": {
      severity: "warning",
      blame: "configuration",
      phase: "proxy",
      ...STAYS,
      says: "this shell has {shell}, {component} ({environment}) has {own}, and what this shell reaches, {component} does not: {failing}",
      remedy: [
        {
          when: "unit",
          services: ["systemd"],
          text: "Give {unit} what this shell has: where the variable stands already ({environment}), change it there; else with a drop-in. Each unit needs its own.",
          ...inUnit("HTTPS_PROXY", "{https}"),
          url: DOCS,
        },
        ...inService("unit", "HTTPS_PROXY"),
        byHand("unit", "HTTPS_PROXY"),
        {
          when: "unit-login",
          services: ["systemd"],
          text: "Give {unit} the HTTPS_PROXY of this shell, with its login: in a file that only root can read, named by EnvironmentFile= in a drop-in (systemctl edit {unit}). Each unit needs its own.",
          url: DOCS,
        },
        ...inService("unit-login", "HTTPS_PROXY"),
        byHand("unit-login", "HTTPS_PROXY"),
        {
          when: "shell-login",
          text: "Start {component} with the variables that work; sudo keeps them with env_keep in /etc/sudoers.",
        },
        ...inService("shell-login", "HTTPS_PROXY"),
        {
          when: "shell",
          text: "Start {component} with the variables that work; sudo keeps them with env_keep in /etc/sudoers, or on its own command line.",
          commands: ["sudo HTTPS_PROXY={https} NO_PROXY=127.0.0.1,localhost,0.0.0.0 cscli hub update"],
        },
        ...inService("shell", "HTTPS_PROXY"),
        {
          when: "take-out",
          text: "{component} goes through a proxy that this shell does not use: correct or remove the variable where it stands ({environment}), then restart {component}.",
        },
      ],
    },
    "environment-file-missing": {
      blame: "configuration",
      confidence: "certain",
      // Whoever sets this host up writes it yet.
      recovers: true,
      says: "systemd does not start {component}: {stops}",
      remedy: [
        {
          text: "Put the file there, or write EnvironmentFile=- before its path, so that it may be missing.",
          commands: ["systemctl cat {unit}", "systemctl daemon-reload && systemctl restart {unit}"],
        },
      ],
    },
    "proxy-dropped": {
      severity: "warning",
      blame: "configuration",
      confidence: "certain",
      phase: "proxy",
      ...STAYS,
      says: "systemd passes over {dropped}: a single % in its value is none of the specifiers that it knows, so {component} gets nothing from there",
      remedy: [
        {
          text: "Write every % of the value twice, as in http://user:p%%40ss@proxy:3128; then let systemd read it again.",
          commands: ["systemctl daemon-reload && systemctl restart {unit}"],
          url: "https://www.freedesktop.org/software/systemd/man/latest/systemd.unit.html#Specifiers",
        },
      ],
    },
    "proxy-ignored": {
      severity: "warning",
      blame: "configuration",
      confidence: "certain",
      phase: "proxy",
      ...STAYS,
      says: "{component} ({environment}) has {ignored} and no HTTPS_PROXY: curl uses it, Go does not, so {component} goes straight there",
      remedy: [
        { text: "Set HTTPS_PROXY and HTTP_PROXY too, with the same value; then restart {component}.", url: DOCS },
      ],
    },
  },
  targets: components,
  async run(context, target) {
    const known = knownOf(context, target);
    if ("verdict" in known) return known.verdict;
    const { proxies, stops, dropped = [], from } = known.environment;
    const data = words(known);
    if (stops !== undefined) return { status: "fault", fault: "environment-file-missing", data: { ...data, stops } };
    // What stops no request of this component is only untidy.
    const severity = isRefused(context.topology, known) ? {} : ({ severity: "warning" } as const);
    for (const variable of [proxies.https, proxies.http]) {
      if (variable && "problem" in variable.value) {
        const { shown, problem } = variable.value;
        const told = { ...data, variable: variable.name, shown, problem };
        return { status: "fault", fault: "proxy-invalid", data: told, when: "value", ...severity };
      }
    }
    if (proxies.cgi && proxies.http && isRefused(context.topology, known)) {
      const problem = "Go takes a program with REQUEST_METHOD in its environment for a CGI one, and refuses it";
      const { name, value } = proxies.http;
      const told = { ...data, variable: name, shown: value.shown, problem };
      return { status: "fault", fault: "proxy-invalid", data: told, when: "cgi" };
    }
    if (dropped.length > 0) {
      const names = dropped.map(({ value, origin }) => `${value} (${origin})`).join(" and ");
      return { status: "fault", fault: "proxy-dropped", data: { ...data, dropped: names } };
    }
    const { shell } = context.topology;
    const own = routeTo(proxies, CAPI);
    const shells = routeTo(shell.proxies, CAPI);
    const note = `${known.environment.origin}: ${inWords(proxies)}`;
    if (!sameWay(own, shells) && from !== "flag" && goesOut(target)) {
      const failing = await failsOf(context, known);
      const told = { shell: inWords(shell.proxies), own: inWords(proxies), failing: failing.join(", ") };
      if (failing.length > 0) {
        const https = forPlace(known, shell.proxies.https?.value.shown ?? "");
        const way = own.via === "proxy" && shells.via === "direct" ? "take-out" : place(known);
        const when = way === "take-out" || isWhole(shell.proxies.https) ? way : `${way}-login`;
        return { status: "fault", fault: "proxy-differs", data: { ...data, ...told, https }, when };
      }
      return { status: "pass", note: `${note}; this shell has ${inWords(shell.proxies)}` };
    }
    if (proxies.ignored.length > 0 && proxies.https === undefined)
      return { status: "fault", fault: "proxy-ignored", data: { ...data, ignored: proxies.ignored.join(" and ") } };
    return { status: "pass", note };
  },
});

/** One of the most frequent mistakes: the variable for the wrong scheme. */
const https = defineCheck({
  id: "proxy-https",
  title: "The proxy is set for https too",
  why: "Go takes HTTP_PROXY for http:// addresses only, and never falls back to it for https://. Everything that CrowdSec asks on the internet is https, so HTTP_PROXY alone does nothing but catch the Local API's traffic.",
  roles: ROLES,
  contacts: "nothing: judges each component's environment",
  faults: {
    "proxy-https-missing": {
      severity: "warning",
      blame: "configuration",
      confidence: "certain",
      phase: "proxy",
      ...STAYS,
      says: "{component} ({environment}) has {variable}={shown} and no HTTPS_PROXY: its https connections, all that CrowdSec has on the internet, go past the proxy",
      remedy: [
        {
          when: "unit",
          services: ["systemd"],
          text: "Set HTTPS_PROXY to the same value: beside the other one ({environment}), or in a drop-in of {unit}.",
          ...inUnit("HTTPS_PROXY", "{value}"),
          url: DOCS,
        },
        ...inService("unit", "HTTPS_PROXY"),
        byHand("unit", "HTTPS_PROXY"),
        {
          when: "login",
          text: "Set HTTPS_PROXY to the same value, login and all, beside the other one ({environment}); then restart {component}.",
          url: DOCS,
        },
        {
          when: "shell",
          text: "Set HTTPS_PROXY as well, with the same value.",
          commands: ["export HTTPS_PROXY={value}"],
          undo: ["unset HTTPS_PROXY"],
          url: DOCS,
        },
        ...inService("shell", "HTTPS_PROXY"),
      ],
    },
  },
  targets: outgoingComponents,
  async run(context, target) {
    const known = knownOf(context, target);
    if ("verdict" in known) return known.verdict;
    const { http, https: secure } = known.environment.proxies;
    if (http === undefined && secure === undefined) return UNSET;
    if (http === undefined || secure !== undefined) return { status: "pass" };
    const { shown } = http.value;
    if ("problem" in http.value)
      return { status: "skip", reason: `not applicable: ${http.name} cannot be used (proxy)` };
    const data = { ...words(known), variable: http.name, shown, value: forPlace(known, shown) };
    const when = isWhole(http) ? place(known) : "login";
    return { status: "fault", fault: "proxy-https-missing", data, when };
  },
});

/** Clients of which it is known in whose environment they run. */
const clients = ({ topology }: Context): readonly string[] | Unasked => {
  const names = clientsOf(topology)
    .filter(({ way, component }) => "url" in way && componentOf(topology, component) !== undefined)
    .map(({ name }) => name);
  return names.length > 0 ? names : { status: "skip", reason: "not applicable: no client of a Local API on this host" };
};

/** The proxy was set for the internet, and catches what was meant for the host next door. */
const lapi = defineCheck({
  id: "proxy-lapi",
  title: "Traffic to the Local API stays out of the proxy",
  why: "CrowdSec's agent, cscli and most Go bouncers use HTTP_PROXY for an http:// Local API too, unless it is localhost or a loopback address. 0.0.0.0, addresses of the local network and names of containers are none: NO_PROXY must name them. A proxy that answers in the Local API's place stops agents and bouncers.",
  roles: ["agent", "bouncer", "cscli", "lapi"],
  contacts: "nothing: judges each client's URL by its component's environment",
  faults: {
    "proxy-takes-lapi": {
      severity: "warning",
      blame: "configuration",
      confidence: "certain",
      phase: "proxy",
      ...STAYS,
      says: "{client} sends what is meant for the Local API, {url} ({origin}), to the proxy {proxy}: {variable} of {component} ({environment}) takes it, and {exceptions}",
      remedy: [
        {
          when: "unit",
          services: ["systemd"],
          text: "Name the Local API's host in NO_PROXY: where that stands already ({environment}), add {host} there; else with a drop-in of {unit}. Then restart it, since Go reads it once.",
          ...inUnit("NO_PROXY", "{wanted}"),
          url: DOCS,
        },
        ...inService("unit", "NO_PROXY"),
        byHand("unit", "NO_PROXY"),
        {
          when: "shell",
          text: "Name the Local API's host in NO_PROXY.",
          commands: ["export NO_PROXY={wanted}"],
          undo: ["unset NO_PROXY"],
          url: DOCS,
        },
        ...inService("shell", "NO_PROXY"),
      ],
    },
  },
  targets: clients,
  async run(context, target) {
    const found = clientsOf(context.topology).find(({ name }) => name === target);
    if (found === undefined || !("url" in found.way)) throw new Error(`no client ${target}`);
    const { way, neverProxied, component: name } = found;
    const { value: url, origin } = way.url;
    const evidence = { target: { path: found.path, url: way.socket ?? url, origin } };
    if (way.socket !== undefined) return { status: "pass", note: "a unix socket", evidence };
    if (neverProxied !== undefined) return { status: "pass", note: neverProxied, evidence };
    const known = knownOf(context, name ?? "");
    if ("verdict" in known) return known.verdict;
    const { proxies } = known.environment;
    if (proxies.http === undefined && proxies.https === undefined) return UNSET;
    const route = routeTo(proxies, url);
    if (route.via !== "proxy") {
      const why = route.via === "direct" && route.because === "no-proxy" ? { note: `${route.detail}` } : {};
      return { status: "pass", ...why, evidence };
    }
    const { host } = hostAndPort(url);
    const texts = proxies.noProxy?.entries.map(({ text }) => text) ?? [];
    // What may not be shown cannot be written anew either: the person adds to it.
    const entries = texts.filter((text) => text !== SECRET);
    const data = {
      ...words(known),
      client: target,
      url,
      origin,
      proxy: route.proxy.shown,
      variable: route.variable,
      exceptions: texts.length > 0 ? `no entry of NO_PROXY is for it (${listed(texts)})` : "there is no NO_PROXY",
      host,
      wanted: forPlace(known, [...new Set([...entries, "127.0.0.1", "localhost", "0.0.0.0", host])].join(",")),
    };
    return { status: "fault", fault: "proxy-takes-lapi", data, when: place(known), evidence };
  },
});

/** Every language reads NO_PROXY in its own way, and Go says nothing of an entry that it cannot use. */
const exceptions = defineCheck({
  id: "proxy-exceptions",
  title: "Every entry of NO_PROXY can match",
  why: "Go passes over an entry of NO_PROXY that it cannot use, without a word: one with a scheme, a star in the middle, a range of addresses that is no CIDR. What it was to keep out goes through the proxy.",
  roles: ROLES,
  contacts: "nothing: judges each component's environment",
  faults: {
    "no-proxy-ineffective": {
      severity: "warning",
      blame: "configuration",
      confidence: "certain",
      phase: "proxy",
      ...STAYS,
      says: "{variable} of {component} ({environment}) has entries that never match: {entries}",
      remedy: [
        {
          text: "Write a name (it covers itself and all below it), .name (only those below it), an address, or a CIDR such as 10.0.0.0/8; each may end with :port. Names are compared as they stand, never resolved.",
          url: "https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config",
        },
      ],
    },
  },
  targets: components,
  async run(context, target) {
    const known = knownOf(context, target);
    if ("verdict" in known) return known.verdict;
    const { noProxy } = known.environment.proxies;
    const { http, https: secure } = known.environment.proxies;
    if (http === undefined && secure === undefined) return UNSET;
    if (noProxy === undefined) return { status: "skip", reason: "not applicable: NO_PROXY is not set" };
    const useless = noProxy.entries.filter(({ ineffective }) => ineffective !== undefined);
    if (useless.length === 0) return { status: "pass", note: listed(noProxy.entries.map(({ text }) => text)) };
    const entries = listed(useless.map(({ text, ineffective }) => `${text} (${ineffective})`));
    return {
      status: "fault",
      fault: "no-proxy-ineffective",
      data: { ...words(known), variable: noProxy.name, entries },
    };
  },
});

/** CrowdSec's programs and the proxies of their environments, as Go reads those. */
export const proxies: readonly Check[] = [proxy, https, lapi, exceptions];
