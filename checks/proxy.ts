import { type Check, type Context, defineCheck, type Unasked } from "../src/model/check.ts";
import { type ProxySettings, type Route, routeTo } from "../src/model/proxy.ts";
import { type Component, type ComponentEnvironment, componentOf, type LapiClient } from "../src/model/topology.ts";
import { hostAndPort } from "../src/model/url.ts";
import { askedHosts } from "./outgoing.ts";

const DOCS = "https://docs.crowdsec.net/u/troubleshooting/security_engine";

/** How a variable gets into a component's environment: a drop-in where it has a unit, the shell's own files else. */
const inUnit = (name: string, value: string) => ({
  commands: [
    "mkdir -p /etc/systemd/system/{unit}.d",
    `printf '[Service]\\nEnvironment="${name}=%s"\\n' ${value} >/etc/systemd/system/{unit}.d/preflight-${name.toLowerCase().replace("_", "-")}.conf`,
    "systemctl daemon-reload && systemctl restart {unit}",
  ],
  undo: [
    `rm /etc/systemd/system/{unit}.d/preflight-${name.toLowerCase().replace("_", "-")}.conf`,
    "systemctl daemon-reload && systemctl restart {unit}",
  ],
});

const UNSET: Unasked = { status: "skip", reason: "not applicable: no proxy is set" };

const ROLES = ["lapi", "agent", "bouncer", "cscli"] as const;

/** Components whose environment is known, or why there is nothing to say. */
const components = ({ topology }: Context): readonly string[] | Unasked =>
  topology.components.length > 0
    ? topology.components.map(({ name }) => name)
    : { status: "skip", reason: "not applicable: no component of CrowdSec on this host" };

interface Known {
  readonly component: Component;
  readonly environment: ComponentEnvironment;
}

const knownOf = ({ topology }: Context, name: string): Known | { readonly verdict: Unasked } => {
  const component = componentOf(topology, name);
  if (component === undefined) throw new Error(`no component ${name}`);
  const { environment } = component;
  return "hidden" in environment
    ? { verdict: { status: "unknown", reason: environment.hidden } }
    : { component, environment };
};

const words = ({ component, environment }: Known): Readonly<Record<string, string>> => ({
  component: component.name,
  environment: environment.origin,
  unit: component.unit ?? "",
});

/** With `when` for remedies: a drop-in is for a unit only. */
const place = ({ component, environment }: Known): "unit" | "shell" =>
  component.unit !== undefined && environment.from !== "shell" && environment.from !== "sudo" ? "unit" : "shell";

const show = (proxies: ProxySettings, scheme: "http" | "https"): string | undefined => proxies[scheme]?.value.shown;

/** What an environment says of proxies, in a few words. */
const inWords = (proxies: ProxySettings): string => {
  const set = (["https", "http"] as const).flatMap((scheme) => {
    const variable = proxies[scheme];
    return variable ? [`${variable.name}=${variable.value.shown}`] : [];
  });
  const exceptions =
    proxies.noProxy && `${proxies.noProxy.name}=${proxies.noProxy.entries.map(({ text }) => text).join(",")}`;
  return [...set, ...(exceptions !== undefined && set.length > 0 ? [exceptions] : [])].join(", ") || "no proxy";
};

/** What the components of CrowdSec go out to, over https. */
const CAPI = "https://api.crowdsec.net/";

const sameWay = (a: Route, b: Route): boolean =>
  a.via === b.via && (a.via !== "proxy" || b.via !== "proxy" || a.proxy.shown === b.proxy.shown);

/** Whether something of the outgoing list fails for this component. */
const failsOf = async (context: Context, name: string): Promise<readonly string[]> => {
  const asked = await askedHosts(context, name);
  return asked.filter(({ reached }) => !reached).map(({ host }) => host);
};

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
      says: "{variable} of {component} ({environment}) is {problem}: {shown}",
      remedy: [
        {
          text: "Correct it there: http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT. Then restart {component}.",
          url: DOCS,
        },
      ],
    },
    "proxy-differs": {
      severity: "warning",
      blame: "configuration",
      phase: "proxy",
      says: "this shell has {shell}, {component} ({environment}) has {own}, and for {component} {failing} cannot be reached",
      remedy: [
        {
          when: "unit",
          text: "Give {unit} what this shell has, with a drop-in; each unit needs its own.",
          ...inUnit("HTTPS_PROXY", "{https}"),
          url: DOCS,
        },
        {
          when: "shell",
          text: "Start {component} with the variables that work; sudo keeps them with env_keep in /etc/sudoers, or on its own command line.",
          commands: ["sudo HTTPS_PROXY={https} NO_PROXY=127.0.0.1,localhost,0.0.0.0 cscli hub update"],
        },
        {
          when: "take-out",
          text: "{component} goes through a proxy that this shell does not use: correct or remove the variable where it stands ({environment}), then restart {component}.",
        },
      ],
    },
    "proxy-dropped": {
      severity: "warning",
      blame: "configuration",
      confidence: "certain",
      phase: "proxy",
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
    const { proxies } = known.environment;
    const data = words(known);
    for (const variable of [proxies.https, proxies.http]) {
      if (variable && "problem" in variable.value) {
        const { shown, problem } = variable.value;
        return { status: "fault", fault: "proxy-invalid", data: { ...data, variable: variable.name, shown, problem } };
      }
    }
    if (proxies.cgi && proxies.http) {
      const problem = "refused by Go, which takes a program with REQUEST_METHOD in its environment for a CGI one";
      const { name, value } = proxies.http;
      return {
        status: "fault",
        fault: "proxy-invalid",
        data: { ...data, variable: name, shown: value.shown, problem },
      };
    }
    const { dropped = [] } = known.environment;
    if (dropped.length > 0) {
      const names = dropped.map(({ value, origin }) => `${value} (${origin})`).join(" and ");
      return { status: "fault", fault: "proxy-dropped", data: { ...data, dropped: names } };
    }
    const { shell } = context.topology;
    const own = routeTo(proxies, CAPI);
    const shells = routeTo(shell.proxies, CAPI);
    const note = `${known.environment.origin}: ${inWords(proxies)}`;
    if (!sameWay(own, shells)) {
      const failing = await failsOf(context, target);
      const told = {
        ...data,
        shell: inWords(shell.proxies),
        own: inWords(proxies),
        https: show(shell.proxies, "https") ?? "",
      };
      if (failing.length > 0)
        return {
          status: "fault",
          fault: "proxy-differs",
          data: { ...told, failing: failing.join(", ") },
          when: own.via === "proxy" && shells.via === "direct" ? "take-out" : place(known),
        };
      return { status: "pass", note: `${note}; this shell has ${inWords(shell.proxies)}, and both get there` };
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
      says: "{component} ({environment}) has {variable}={shown} and no HTTPS_PROXY: its https connections, all that CrowdSec has on the internet, go past the proxy",
      remedy: [
        {
          when: "unit",
          text: "Set HTTPS_PROXY, with the same value, in a drop-in of {unit}.",
          ...inUnit("HTTPS_PROXY", "{shown}"),
          url: DOCS,
        },
        {
          when: "shell",
          text: "Set HTTPS_PROXY as well, with the same value.",
          commands: ["export HTTPS_PROXY={shown}"],
          undo: ["unset HTTPS_PROXY"],
          url: DOCS,
        },
      ],
    },
  },
  targets: components,
  async run(context, target) {
    const known = knownOf(context, target);
    if ("verdict" in known) return known.verdict;
    const { http, https: secure } = known.environment.proxies;
    if (http === undefined && secure === undefined) return UNSET;
    if (http === undefined || secure !== undefined) return { status: "pass" };
    const data = { ...words(known), variable: http.name, shown: http.value.shown };
    return { status: "fault", fault: "proxy-https-missing", data, when: place(known) };
  },
});

/** Clients of which it is known in whose environment they run. */
const clients = ({ topology }: Context): readonly string[] | Unasked => {
  const found = Array.isArray(topology.clients) ? (topology.clients as readonly LapiClient[]) : [];
  const names = found
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
      says: "{client} sends what is meant for the Local API, {url} ({origin}), to the proxy {proxy}: {variable} of {component} ({environment}) takes it, and {exceptions}",
      remedy: [
        {
          when: "unit",
          text: "Name the Local API's host in NO_PROXY, in a drop-in of {unit}; then restart it, since Go reads it once.",
          ...inUnit("NO_PROXY", "{wanted}"),
          url: DOCS,
        },
        {
          when: "shell",
          text: "Name the Local API's host in NO_PROXY.",
          commands: ["export NO_PROXY={wanted}"],
          undo: ["unset NO_PROXY"],
          url: DOCS,
        },
      ],
    },
  },
  targets: clients,
  async run(context, target) {
    const found = (context.topology.clients as readonly LapiClient[]).find(({ name }) => name === target);
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
    const entries = proxies.noProxy?.entries.map(({ text }) => text) ?? [];
    const data = {
      ...words(known),
      client: target,
      url,
      origin,
      proxy: route.proxy.shown,
      variable: route.variable,
      exceptions: entries.length > 0 ? `no entry of NO_PROXY is for it (${entries.join(",")})` : "there is no NO_PROXY",
      wanted: [...entries, ...["127.0.0.1", "localhost", "0.0.0.0", host].filter((one) => !entries.includes(one))]
        .filter((one, index, all) => all.indexOf(one) === index)
        .join(","),
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
    if (useless.length === 0) return { status: "pass", note: noProxy.entries.map(({ text }) => text).join(",") };
    const entries = useless.map(({ text, ineffective }) => `${text} (${ineffective})`).join(", ");
    return {
      status: "fault",
      fault: "no-proxy-ineffective",
      data: { ...words(known), variable: noProxy.name, entries },
    };
  },
});

/** CrowdSec's programs and the proxies of their environments, as Go reads those. */
export const proxies: readonly Check[] = [proxy, https, lapi, exceptions];
