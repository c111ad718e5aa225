import {
  type Answer,
  type Check,
  type Context,
  defineCheck,
  type Fault,
  type Unasked,
  type Verdict,
} from "../src/model/check.ts";
import { commandsOn } from "../src/model/commands.ts";
import type { OutgoingEndpoint } from "../src/model/endpoint.ts";
import type { Failed, HttpAnswered, HttpObservation, LayerCode, Trust } from "../src/model/observation.ts";
import { type Route, routeTo } from "../src/model/proxy.ts";
import type { Party } from "../src/model/report.ts";
import { fill } from "../src/model/text.ts";
import {
  type Capi,
  type Component,
  componentOf,
  environmentOf,
  hasRole,
  isOwnAddress,
  type Malformed,
  type Sourced,
  type Topology,
} from "../src/model/topology.ts";
import { readUrl, toUrl } from "../src/model/url.ts";
import { showRange, type Version, within } from "../src/model/version.ts";
import { needsVersionHost, OUTGOING } from "./endpoints.ts";
import { describe, type Walked, walk } from "./layers.ts";
import { OUTGOING_FAULTS } from "./outgoing-faults.ts";
import { firstSource, vendorRepository } from "./package-source.ts";

type Code = keyof typeof OUTGOING_FAULTS;

/** Name, connection, TLS and answer together, milliseconds; a healthy host takes some hundred. */
const SLOW_MS = 3000;
/** Clocks that differ by more than this disagree. */
const CLOCK_MS = 60_000;

const isSuccess = (status: number): boolean => status >= 200 && status < 300;
const isRedirect = (status: number): boolean => status >= 300 && status < 400;
/** 511: a captive portal asks for a login. */
const NETWORK_AUTHENTICATION_REQUIRED = 511;

/** What each kind of answer begins with when the right service gives it. */
const BEGINS: Readonly<Record<Exclude<OutgoingEndpoint["answer"], "any">, RegExp>> = {
  json: /^\s*\{/,
  script: /^\s*#!/,
  "package-index": /^(-----BEGIN PGP SIGNED MESSAGE-----|Origin:)/,
};

/** The fault in an answer, if it has one. A redirect of the package host is no fault: it names the next host. */
const faultOfAnswer = (reply: HttpAnswered, endpoint: OutgoingEndpoint, host: string): LayerCode | undefined => {
  if (reply.status === NETWORK_AUTHENTICATION_REQUIRED) return "http-status";
  if (isRedirect(reply.status)) {
    // A host that is asked for its own content has none for whoever it sends away.
    return endpoint.answer !== "any" || redirectsElsewhere(reply, host) ? "http-redirect" : undefined;
  }
  if (endpoint.answer === "any") {
    const html = reply.headers["content-type"]?.includes("text/html") ?? false;
    return isSuccess(reply.status) && html ? "identity-mismatch" : undefined;
  }
  if (!isSuccess(reply.status)) return "http-status";
  return BEGINS[endpoint.answer].test(reply.body) ? undefined : "identity-mismatch";
};

const locationOf = (reply: HttpAnswered, base: string): URL | undefined => {
  const location = reply.headers["location"];
  return location === undefined ? undefined : toUrl(location, base);
};

const redirectsElsewhere = (reply: HttpAnswered, host: string): boolean => {
  const next = locationOf(reply, `https://${host}/`);
  return next?.hostname !== host || next.protocol !== "https:";
};

/** A wrong date in a certificate is this host's fault when its clock and the server's differ. */
const blameDates = (
  { code, peerDate }: Failed,
  now: Date,
): { when: string; blame?: { party: "this-host"; confidence: "likely"; evidence: string[] } } | undefined => {
  if (code !== "tls-expired" && code !== "tls-not-yet-valid") return undefined;
  const apart = peerDate === undefined ? 0 : Math.abs(Date.parse(peerDate) - now.getTime());
  if (apart < CLOCK_MS) return { when: "certificate" };
  return {
    when: "clock",
    blame: {
      party: "this-host",
      confidence: "likely",
      evidence: [`this host's clock says ${now.toISOString()}, the server's ${peerDate}`],
    },
  };
};

interface Options {
  readonly optional: boolean;
  /** The `ca_cert_path` that takes the place of the system's store. */
  readonly privateCa?: string;
  readonly note?: string;
  readonly instead?: string;
}

const judge = (walked: Walked, endpoint: OutgoingEndpoint, context: Context, options: Options): Verdict<Code> => {
  const { optional, note, instead, privateCa } = options;
  const { evidence, failed, reply, brokenFamily } = walked;
  const data: Walked["data"] = { path: endpoint.path, address: evidence.tcp?.[0]?.at.address ?? "", ...walked.data };
  const severity = optional ? ({ severity: "warning" } as const) : {};
  if (failed)
    return {
      status: "fault",
      fault: failed.code as Code,
      data: { missing: walked.missing ?? "", caFile: privateCa ?? "", ...data },
      failed,
      evidence,
      ...severity,
      ...whenOf(walked, failed, options, context.topology),
      also: [
        ...(instead === undefined ? [] : [instead]),
        ...walked.also,
        ...shellWay(walked, context),
        ...doubts(walked),
      ],
      ...blameDates(failed, context.now),
    };
  if (reply === undefined) return { status: "unknown", reason: "the probe gave no answer", evidence };
  const fault = faultOfAnswer(reply, endpoint, String(data["host"]));
  if (fault) {
    // A captive portal is the network's, whatever else a refusal may mean.
    const portal = reply.status === NETWORK_AUTHENTICATION_REQUIRED && ({ blame: { party: "network" } } as const);
    const route = evidence.route?.via === "proxy" ? "proxied" : "straight";
    const answer = { message: describe(reply), httpStatus: reply.status, evidence, when: route, ...portal };
    return { status: "fault", fault, data, ...answer, ...severity, ...(instead !== undefined && { also: [instead] }) };
  }
  if (brokenFamily) {
    const { family, code } = brokenFamily;
    // Go's dialer turns to the other family 300 ms after the first one, IPv6, stays silent (net.Dialer.FallbackDelay).
    const silent = family === 6 && code === "tcp-timeout";
    const cost = silent ? "each new connection of CrowdSec loses 300 ms on it" : "CrowdSec loses no time on it";
    const told = { ...data, family, works: family === 4 ? 6 : 4, code, cost };
    return { status: "fault", fault: "family-broken", data: told, message: code, evidence };
  }
  const total = Math.round((evidence.dns?.elapsedMs ?? 0) + reply.elapsedMs);
  if (total > SLOW_MS)
    return { status: "fault", fault: "slow", data: { ...data, total }, message: `${total} ms`, evidence };
  const notes = [note ?? [], instead ?? [], walked.also].flat();
  return { status: "pass", ...(notes.length > 0 && { note: notes.join("; ") }), evidence };
};

/** Which of the remedies for a code fits here, and what that says of the blame. */
const whenOf = (
  { missing, evidence: { http, route } }: Walked,
  { code, phase, nameservers = [] }: Failed,
  { privateCa }: Options,
  topology: Topology,
): Pick<Extract<Verdict, { status: "fault" }>, "when" | "blame"> => {
  if (code === "tcp-unreachable") return { when: missing === undefined ? "route" : "family" };
  // Where resolv.conf names another host, that one is to be looked at.
  if (code === "dns-no-resolver" && nameservers.some(({ server }) => !isOwnAddress(topology, server)))
    return { blame: { party: "resolver" } };
  const proxy = route?.via === "proxy" ? route.proxy : undefined;
  if (code === "proxy-auth-required") return { when: proxy?.credentials ? "login-refused" : "login-missing" };
  if (code === "tls-untrusted") {
    const replaced = privateCa !== undefined && http?.tls?.publicAuthority;
    if (replaced) return { when: "private-ca", blame: { party: "configuration", confidence: "certain" } };
    return { when: "stranger", ...(proxy && { blame: { party: "proxy" } }) };
  }
  if (phase !== "handshake" && phase !== "response") return {};
  return proxy ? { when: "proxied", blame: { party: "proxy" } } : { when: "straight" };
};

const inWords = (route: Route): string =>
  route.via === "proxy" ? `goes through ${route.proxy.shown} (${route.variable})` : "goes straight there";

/** An environment that this user may not read could hold a proxy. */
const doubts = ({ evidence: { component } }: Walked): readonly string[] => {
  const uncertain = environmentOf(component)?.uncertain;
  return uncertain === undefined ? [] : [`whether ${component?.name} has a proxy is not known: ${uncertain}`];
};

/** A component whose way differs from this shell's fails for a reason that nobody sees in this shell. */
const shellWay = ({ evidence: { component, target } }: Walked, { topology }: Context): readonly string[] => {
  const url = target?.url;
  const environment = environmentOf(component);
  if (environment === undefined || url === undefined) return [];
  const { proxies, origin } = environment;
  const [own, shell] = [routeTo(proxies, url), routeTo(topology.shell.proxies, url)];
  if (inWords(own) === inWords(shell)) return [];
  return [`this shell ${inWords(shell)}, but ${component?.name} (${origin}) ${inWords(own)}`];
};

/** Where the configuration or the version changes a row: another address, another weight, or no question at all. */
interface Plan {
  readonly url?: Sourced<string> | Malformed;
  /** In place of the row's own. */
  readonly path?: string;
  readonly trust?: Trust;
  readonly optional?: boolean;
  readonly note?: string;
  /** Why this host does without it, where the row is not needed: told whether it answers or not. */
  readonly instead?: string;
  readonly skip?: string;
  readonly unknown?: string;
}

const PLANS: Readonly<Record<string, (context: Context, version: Version | undefined) => Plan | Promise<Plan>>> = {
  "outgoing-capi": ({ topology: { capi } }) => {
    if ("hidden" in capi) return { unknown: capi.hidden };
    if (capi.state === "off") return { skip: `not applicable: ${capi.reason}` };
    return {
      url: capi.url,
      optional: capi.state === "unregistered",
      ...trustOf(capi),
      ...(capi.reason !== undefined && { note: capi.reason }),
    };
  },
  "outgoing-blocklists": (context) => onlyWithCapi(context),
  "outgoing-papi": (context) => {
    const { capi } = context.topology;
    return { ...onlyWithCapi(context), ...("papiUrl" in capi && { url: capi.papiUrl, ...trustOf(capi) }) };
  },
  "outgoing-hub": ({ topology: { hubTemplate } }) => {
    if (hubTemplate === undefined) return {};
    const { value, origin } = hubTemplate;
    // Twice %s: the branch, and the path within it (pkg/cwhub/download.go).
    const read = readUrl(value.replace("%s", "master").replace("%s", ".index.json"));
    if (!read.ok) return { url: { malformed: { value: read.shown, origin }, problem: read.problem } };
    const { origin: host, pathname } = new URL(read.url);
    return { url: { value: `${host}/`, origin }, path: pathname.replace(/\/$/, "") };
  },
  // Of the two names, one is in use; which one, an unknown version does not tell.
  "outgoing-hub-legacy": (_context, version) => ({
    optional: version === undefined,
    ...(version === undefined && { note: "needed by CrowdSec up to 1.6.2 only; the version here is not known" }),
  }),
  "outgoing-version": ({ topology: { hubBranch } }, version) => {
    if (hubBranch)
      return { skip: `not applicable: cscli.hub_branch is set (${hubBranch.origin}), so cscli does not ask it` };
    return { optional: !needsVersionHost(version) };
  },
  "outgoing-cti": ({ topology: { ctiKey } }) =>
    ctiKey ? {} : { skip: "not applicable: no api.cti.key is configured" },
  "outgoing-installer": async (context) => {
    const configured = await vendorRepository(context);
    return configured === undefined
      ? withoutVendor(context)
      : { skip: `not applicable: CrowdSec's repository is configured already (${configured})` };
  },
  "outgoing-packages": async (context) =>
    (await vendorRepository(context)) === undefined ? withoutVendor(context) : {},
};

/** Another archive that this host installs from has it too. */
const withoutVendor = async (context: Context): Promise<Plan> => {
  const first = await firstSource(context);
  if (first === undefined || first.kind === "script") return {};
  const [install = "the package manager"] = commandsOn(context.topology.system, ["apt-get install crowdsec"]);
  const release = first.release ?? "it";
  return {
    optional: true,
    instead: `${install} takes ${release} from elsewhere (${first.origin}); needed only for CrowdSec's own packages`,
  };
};

/** `insecure_skip_verify` and, up to 1.5.1, a `ca_cert_path` count for the whole process: for the Central API too. */
const trustOf = ({ trust }: Capi): { readonly trust?: Trust; readonly note?: string } => {
  if (trust === undefined) return {};
  const note = trust.skipVerify
    ? `insecure_skip_verify (${trust.origin}) holds for the whole process: nothing verifies this certificate`
    : undefined;
  return { trust, ...(note !== undefined && { note }) };
};

/** What cscli asks, and with it whatever runs it; all other rows are the engine's own. */
const CSCLI_ROWS: ReadonlySet<string> = new Set([
  "outgoing-hub",
  "outgoing-hub-legacy",
  "outgoing-hub-data",
  "outgoing-version",
  "outgoing-dashboard",
]);

/** What a component asks on the internet: bouncers nothing. */
const isAskedBy = ({ id, phase }: OutgoingEndpoint, name: string): boolean => {
  if (name === "crowdsec") return phase !== "install" && !CSCLI_ROWS.has(id);
  if (name === "cscli") return CSCLI_ROWS.has(id) || phase === "install";
  return ["cscli-sudo", "crowdsec-hubupdate"].includes(name) && CSCLI_ROWS.has(id) && id !== "outgoing-dashboard";
};

/** Whether this component asks anything on the internet. */
export const goesOut = (name: string): boolean => OUTGOING.some((row) => isAskedBy(row, name));

/** In whose place a row is asked: the one whose row it is; where this host has none such, cscli before the others. */
const askerOf = (row: OutgoingEndpoint, topology: Topology): Component | undefined => {
  const names = ["crowdsec", "cscli"];
  const own = names.filter((name) => isAskedBy(row, name));
  const [first] = [...own, ...names.reverse()].flatMap((name) => componentOf(topology, name) ?? []);
  return first;
};

const onlyWithCapi = ({ topology: { capi } }: Context): Plan => {
  if ("hidden" in capi) return { unknown: capi.hidden };
  return capi.state === "off" ? { skip: `not applicable: ${capi.reason}` } : {};
};

/** Everything that is asked of a row, before it is judged. */
interface Asked {
  readonly endpoint: OutgoingEndpoint;
  readonly options: Options;
  readonly walked: Walked;
  /** Of the package host: where its redirect leads, from which the packages themselves come. */
  readonly further?: { readonly host: string; readonly path: string; readonly walked: Walked };
}

const askRow = async (
  row: OutgoingEndpoint,
  context: Context,
  component = askerOf(row, context.topology),
  given?: Plan,
): Promise<Asked | Verdict<Code>> => {
  const plan = given ?? (await PLANS[row.id]?.(context, await context.version())) ?? {};
  if (plan.unknown !== undefined) return { status: "unknown", reason: plan.unknown };
  if (plan.skip !== undefined) return { status: "skip", reason: plan.skip };
  if (component && "hidden" in component.environment)
    return { status: "unknown", reason: component.environment.hidden };
  const endpoint = { ...row, path: plan.path ?? row.path };
  const address = plan.url ?? { value: `https://${endpoint.host}/`, origin: "default" };
  if ("malformed" in address) {
    const { malformed, problem } = address;
    const severity = (plan.optional ?? row.optional) ? ({ severity: "warning" } as const) : {};
    return { status: "fault", fault: "url-invalid", data: { ...malformed, problem }, ...severity };
  }
  const { value: url, origin } = address;
  const options: Options = {
    optional: plan.optional ?? endpoint.optional,
    ...(plan.note !== undefined && { note: plan.note }),
    ...(plan.instead !== undefined && { instead: plan.instead }),
    ...(plan.trust?.only && { privateCa: plan.trust.caFiles.join(" ") }),
  };
  const trust = plan.trust && { trust: plan.trust };
  const way = {
    url,
    origin,
    public: true,
    path: endpoint.path,
    request: { ...trust },
    ...(component && { component }),
  };
  const walked = await walk(context, way);
  const asked = { endpoint, options, walked };
  if (endpoint.answer !== "package-index" || walked.reply === undefined || !isRedirect(walked.reply.status))
    return asked;
  // The packages themselves come from a CDN that the repository names anew: that host must be open too.
  const next = locationOf(walked.reply, url);
  if (next === undefined || next.protocol !== "https:") return asked;
  const path = `${next.pathname}${next.search}`;
  const onwards = { ...way, url: next.origin, origin: `redirect of ${endpoint.host}`, path };
  const further = { host: next.hostname, path: next.pathname, walked: await walk(context, onwards) };
  return { ...asked, further };
};

const judgeAsked = (asked: Asked, context: Context): Answer<Code> => {
  const { endpoint, options, walked, further } = asked;
  if (further === undefined) return judge(walked, endpoint, context, options);
  const { host, path } = further;
  const passed = {
    target: endpoint.host,
    verdict: { status: "pass", note: `redirects to ${host}`, evidence: walked.evidence },
  } as const;
  const last = { target: host, verdict: judge(further.walked, { ...endpoint, path }, context, options) };
  return host === endpoint.host ? [last] : [passed, last];
};

const ask = async (row: OutgoingEndpoint, context: Context): Promise<Answer<Code>> => {
  const asked = await askRow(row, context);
  return "status" in asked ? asked : judgeAsked(asked, context);
};

/** A row that does not give what it is asked for, in the words of its own finding. */
export interface Obstacle {
  readonly host: string;
  readonly sentence: string;
  readonly verdict: Extract<Verdict<Code>, { readonly status: "fault" }>;
  readonly party: Party;
}

/**
 * What keeps this component from a host of the outgoing list; undefined when nothing does. Whatever the configuration
 * makes of the row where `always` is given. What was asked before is not asked again.
 */
export const obstacleOf = async (
  id: string,
  context: Context,
  asker: Component,
  always = false,
): Promise<Obstacle | Unasked | undefined> => {
  const row = OUTGOING.find((candidate) => candidate.id === id);
  if (row === undefined) throw new Error(`no row ${id}`);
  const asked = await askRow(row, context, asker, always ? {} : undefined);
  const answer: Answer<Code> = "status" in asked ? asked : judgeAsked(asked, context);
  const verdicts = "status" in answer ? [answer] : answer.map(({ verdict }) => verdict);
  for (const verdict of verdicts) {
    if (verdict.status === "unknown") return { status: verdict.status, reason: verdict.reason };
    if (verdict.status !== "fault") continue;
    const { says, severity, blame }: Fault = OUTGOING_FAULTS[verdict.fault];
    // What answers slowly, or over one family only, does answer.
    if (severity === "warning") continue;
    const { evidence, data } = verdict;
    const host = evidence?.target?.host ?? row.host;
    return { host, sentence: fill(says, data), verdict, party: verdict.blame?.party ?? blame };
  }
  return undefined;
};

export interface AskedHost {
  /** The check's. */
  readonly id: string;
  readonly host: string;
  /** Whether it answered, whatever it said. */
  readonly reached: boolean;
  readonly http?: HttpObservation;
}

/**
 * What the hosts of the outgoing list that apply here have answered, for checks about all of them; or those that this
 * component asks, in its place. What was asked before is not asked again.
 */
export const askedHosts = async (context: Context, asker?: Component): Promise<readonly AskedHost[]> => {
  const { topology } = context;
  const version = await context.version();
  const rows = OUTGOING.filter(
    (row) =>
      row.roles.some((role) => hasRole(topology, role)) &&
      (row.phase === undefined || row.phase === topology.phase.value) &&
      (version === undefined || row.versions === undefined || within(version, row.versions)) &&
      (asker === undefined || isAskedBy(row, asker.name)),
  );
  const asked = await Promise.all(rows.map((row) => askRow(row, context, asker)));
  return asked.flatMap((each) => {
    if ("status" in each) return [];
    const seen = (host: string, { evidence: { http }, reply }: Walked): AskedHost => ({
      id: each.endpoint.id,
      host,
      reached: reply !== undefined,
      ...(http && { http }),
    });
    const own = seen(each.walked.evidence.target?.host ?? each.endpoint.host, each.walked);
    return each.further ? [own, seen(each.further.host, each.further.walked)] : [own];
  });
};

const toCheck = (endpoint: OutgoingEndpoint): Check =>
  defineCheck<Code>({
    id: endpoint.id,
    title: `${endpoint.host} can be reached`,
    why: `CrowdSec uses it for ${endpoint.purpose}. Without it: ${endpoint.breaks}. Versions: ${showRange(endpoint.versions ?? {})}. Source: ${endpoint.source}`,
    roles: endpoint.roles,
    ...(endpoint.phase && { phase: endpoint.phase }),
    ...(endpoint.versions && { versions: endpoint.versions }),
    contacts: `https://${endpoint.host}${endpoint.path}`,
    faults: OUTGOING_FAULTS,
    run: (context) => ask(endpoint, context),
  });

/** One check for each row of the outgoing list, layer by layer, without ever logging in. */
export const outgoing: readonly Check[] = OUTGOING.map(toCheck);
