import { type Answer, type Check, type Context, defineCheck, type Verdict } from "../src/model/check.ts";
import type { OutgoingEndpoint } from "../src/model/endpoint.ts";
import type { Failed, HttpAnswered, LayerCode } from "../src/model/observation.ts";
import type { Malformed, Sourced } from "../src/model/topology.ts";
import { readUrl } from "../src/model/url.ts";
import { showRange, type Version, within } from "../src/model/version.ts";
import { OUTGOING } from "./endpoints.ts";
import { describe, type LayerFault, layerFaults, type Walked, walk } from "./layers.ts";

const NETWORK_DOCS = "https://docs.crowdsec.net/docs/next/configuration/network_management";

/** Every code that a walk can end with gets its blame and its remedy as seen from a host that wants to go out. */
const LAYER_FAULTS = {
  "dns-nxdomain": {
    blame: "resolver",
    remedy: [
      {
        text: "The name exists on the internet, so this host's nameserver hides it, or knows the internal network only. Have it resolve {host}, or use another nameserver.",
        commands: ["cat /etc/resolv.conf", "getent ahosts {host}"],
      },
    ],
  },
  "dns-nodata": {
    blame: "resolver",
    remedy: [
      {
        text: "The nameserver knows the name but gives no address for it. Ask whoever runs it why, or use another one.",
        commands: ["getent ahosts {host}"],
      },
    ],
  },
  "dns-servfail": {
    blame: "resolver",
    remedy: [
      {
        text: "The nameserver could not resolve it: look at its own way out and at its DNSSEC validation.",
        commands: ["cat /etc/resolv.conf", "getent ahosts {host}"],
      },
    ],
  },
  "dns-refused": {
    blame: "resolver",
    remedy: [
      {
        text: "The nameserver does not serve this host. Allow this host there, or name another nameserver in /etc/resolv.conf.",
        commands: ["cat /etc/resolv.conf"],
      },
    ],
  },
  "dns-timeout": {
    blame: "resolver",
    remedy: [
      {
        text: "Check that the nameserver runs, and that udp/53 and tcp/53 to it are open.",
        commands: ["cat /etc/resolv.conf", "getent ahosts {host}"],
      },
    ],
  },
  "dns-sinkhole": {
    blame: "resolver",
    confidence: "certain",
    remedy: [
      { text: "A DNS filter blocks {host}. Put *.crowdsec.net on its allow-list.", commands: ["getent ahosts {host}"] },
    ],
  },
  "dns-no-resolver": {
    blame: "this-host",
    confidence: "certain",
    remedy: [
      {
        text: "Nothing answers DNS at the address in /etc/resolv.conf. Start the local resolver, or name one that runs.",
        commands: ["cat /etc/resolv.conf", "systemctl status systemd-resolved"],
      },
    ],
  },
  "tcp-refused": {
    blame: "network",
    remedy: [
      {
        text: "{host} listens on {port}, so a firewall on the way rejects it. Allow outgoing tcp/{port} to {host}.",
        commands: ["curl -sS -o /dev/null --max-time 10 https://{host}/"],
        url: NETWORK_DOCS,
      },
    ],
  },
  "tcp-timeout": {
    blame: "network",
    remedy: [
      {
        text: "A firewall on the way most likely drops it. Allow outgoing tcp/{port} to {host}; with a proxy as the only way out, set HTTPS_PROXY for the crowdsec service.",
        commands: ["curl -sS -o /dev/null --max-time 10 https://{host}/"],
        url: NETWORK_DOCS,
      },
    ],
  },
  "tcp-unreachable": {
    blame: "network",
    remedy: [
      {
        text: "There is no route there, or a firewall says so. Check the default route, and the firewall's reject rules.",
        commands: ["ip route get {address}"],
      },
    ],
  },
  "tcp-reset": {
    blame: "network",
    remedy: [
      {
        text: "Something on the way resets the connection. Allow outgoing tcp/{port} to {host} on the firewall.",
        url: NETWORK_DOCS,
      },
    ],
  },
  "tls-reset": {
    blame: "network",
    remedy: [
      {
        text: "A firewall that reads the name in the TLS ClientHello cuts it off. Allow {host} in its TLS or URL filter.",
        commands: ["openssl s_client -connect {host}:{port} -servername {host} </dev/null"],
      },
    ],
  },
  "tls-stalled": {
    blame: "network",
    remedy: [
      {
        text: "Small packets pass and the larger ClientHello does not: a path MTU that is too small, or a filter that drops it. Try a smaller MTU; ask the firewall's owner about {host}.",
        commands: [
          "ping -c 1 -M do -s 1400 {address}",
          "openssl s_client -connect {host}:{port} -servername {host} </dev/null",
        ],
      },
    ],
  },
  "tls-not-tls": {
    blame: "network",
    remedy: [
      {
        text: "A captive portal, or a proxy that was not asked for, answers in its place. Log in to the portal, or exempt this host from it.",
        commands: ["curl -sS --max-time 10 http://{host}:{port}/ | head"],
      },
    ],
  },
  "tls-untrusted": {
    blame: "network",
    remedy: [
      {
        text: "If the issuer is your own TLS inspection, exempt {host} from it, or add its CA to the system's store.",
        commands: [
          "cp inspection-ca.crt /usr/local/share/ca-certificates/ && update-ca-certificates",
          "systemctl restart crowdsec",
        ],
        undo: ["rm /usr/local/share/ca-certificates/inspection-ca.crt && update-ca-certificates --fresh"],
      },
      {
        text: "If this system has an old or empty CA store, renew it.",
        commands: ["apt-get install --reinstall ca-certificates"],
      },
    ],
  },
  "tls-expired": {
    blame: "remote-host",
    remedy: [
      { text: "This host's clock is wrong: set it.", when: "clock", commands: ["timedatectl set-ntp true", "date -u"] },
      {
        text: "Whoever answers for {host} shows an expired certificate: a TLS inspection or a proxy on the way is the usual one.",
        when: "certificate",
        commands: ["openssl s_client -connect {host}:{port} -servername {host} </dev/null"],
      },
    ],
  },
  "tls-not-yet-valid": {
    blame: "remote-host",
    remedy: [
      { text: "This host's clock is wrong: set it.", when: "clock", commands: ["timedatectl set-ntp true", "date -u"] },
      {
        text: "Whoever answers for {host} shows a certificate from the future: a TLS inspection or a proxy on the way whose clock is wrong is the usual one.",
        when: "certificate",
        commands: ["openssl s_client -connect {host}:{port} -servername {host} </dev/null"],
      },
    ],
  },
  "tls-wrong-host": {
    blame: "network",
    remedy: [
      {
        text: "Another server answers in place of {host}: a captive portal, a block page, or a wrong entry in /etc/hosts or DNS.",
        commands: ["getent ahosts {host}", "openssl s_client -connect {host}:{port} -servername {host} </dev/null"],
      },
    ],
  },
  "tls-no-san": {
    blame: "network",
    remedy: [
      {
        text: "No public server has such a certificate: a TLS inspection made it. Have it issue certificates with a subject alternative name, or exempt {host}.",
      },
    ],
  },
  "tls-version": {
    blame: "network",
    remedy: [
      {
        text: "No server of CrowdSec is that old: a proxy or TLS inspection on the way is. Exempt {host} from it, or renew it.",
      },
    ],
  },
  "tls-client-cert": {
    blame: "network",
    remedy: [
      { text: "No server of CrowdSec asks for one: a proxy or access gateway on the way does. Exempt {host} from it." },
    ],
  },
  "tls-alert": {
    blame: "network",
    remedy: [
      {
        text: "A filter on the way may refuse the name {host}. Allow it there.",
        commands: ["openssl s_client -connect {host}:{port} -servername {host} </dev/null"],
      },
    ],
  },
  "http-timeout": {
    blame: "remote-host",
    confidence: "possible",
    remedy: [
      {
        text: "The way there is open and the server is silent: try again, and look at https://status.crowdsec.net.",
        commands: ["curl -sS -o /dev/null --max-time 20 https://{host}/"],
      },
    ],
  },
  "http-status": {
    blame: "crowdsec-cloud",
    confidence: "possible",
    remedy: [
      {
        text: "The way there is open, and the answer is a refusal: a proxy's block page, or this host's public address is refused by the CDN. Look at the page; try from another address.",
        commands: ["curl -sSi --max-time 10 https://{host}{path} | head -20"],
      },
    ],
  },
  "http-redirect": {
    blame: "network",
    remedy: [
      {
        text: "CrowdSec's servers do not redirect elsewhere: a captive portal or proxy does. Log in to it, or exempt {host}.",
        commands: ["curl -sSi --max-time 10 https://{host}{path} | head -20"],
      },
    ],
  },
  "http-invalid": {
    blame: "network",
    confidence: "possible",
    remedy: [
      {
        text: "Something on the way garbles or cuts the answer.",
        commands: ["curl -sSi --max-time 10 https://{host}{path} | head -20"],
      },
    ],
  },
  "identity-mismatch": {
    blame: "network",
    remedy: [
      {
        text: "A block page or captive portal answers in place of {host}. Allow {host} there.",
        commands: ["curl -sSi --max-time 10 https://{host}{path} | head -20"],
      },
    ],
  },
} satisfies Record<LayerCode, LayerFault>;

const FAULTS = {
  ...layerFaults(LAYER_FAULTS),
  "family-broken": {
    severity: "warning",
    blame: "network",
    phase: "connect",
    says: "{host} works over IPv{works}, but no IPv{family} address of it does ({code}): {cost}",
    remedy: [{ text: "Mend IPv{family} on this network, or take it off this host.", commands: ["ip -{family} route"] }],
  },
  "url-invalid": {
    blame: "configuration",
    confidence: "certain",
    says: "the address {value} ({origin}) is {problem}",
    remedy: [{ text: "Correct it in {origin}, or take the line out: CrowdSec then uses its default." }],
  },
  slow: {
    severity: "warning",
    blame: "network",
    confidence: "possible",
    phase: "response",
    says: "{host} answers, but only after {total} ms",
    remedy: [{ text: "See with -v which layer takes the time: the name, the connection, TLS, or the answer." }],
  },
} as const;

type Code = keyof typeof FAULTS;

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
  return location !== undefined && URL.canParse(location, base) ? new URL(location, base) : undefined;
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
  readonly note?: string;
}

const judge = (
  walked: Walked,
  endpoint: OutgoingEndpoint,
  context: Context,
  { optional, note }: Options,
): Verdict<Code> => {
  const { evidence, failed, reply, brokenFamily } = walked;
  const data: Walked["data"] = { path: endpoint.path, address: evidence.tcp?.[0]?.at.address ?? "", ...walked.data };
  const severity = optional ? ({ severity: "warning" } as const) : {};
  if (failed)
    return {
      status: "fault",
      fault: failed.code as Code,
      data,
      failed,
      evidence,
      ...severity,
      ...blameDates(failed, context.now),
    };
  if (reply === undefined) return { status: "unknown", reason: "the probe gave no answer", evidence };
  const fault = faultOfAnswer(reply, endpoint, String(data["host"]));
  if (fault) {
    // A captive portal is the network's, whatever else a refusal may mean.
    const portal = reply.status === NETWORK_AUTHENTICATION_REQUIRED && ({ blame: { party: "network" } } as const);
    const answer = { message: describe(reply), httpStatus: reply.status, evidence, ...portal };
    return { status: "fault", fault, data, ...answer, ...severity };
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
  return { status: "pass", ...(note !== undefined && { note }), evidence };
};

/** Where the configuration or the version changes a row: another address, another weight, or no question at all. */
interface Plan {
  readonly url?: Sourced<string> | Malformed;
  /** In place of the row's own. */
  readonly path?: string;
  readonly optional?: boolean;
  readonly note?: string;
  readonly skip?: string;
  readonly unknown?: string;
}

const VERSION_WARNS_ONLY = { since: [1, 5, 1], until: [1, 6, 10] } as const;

const PLANS: Readonly<Record<string, (context: Context, version: Version | undefined) => Plan>> = {
  "outgoing-capi": ({ topology: { capi } }) => {
    if ("hidden" in capi) return { unknown: capi.hidden };
    if (capi.state === "off") return { skip: `not applicable: ${capi.reason}` };
    return {
      url: capi.url,
      optional: capi.state === "unregistered",
      ...(capi.reason !== undefined && { note: capi.reason }),
    };
  },
  "outgoing-blocklists": (context) => onlyWithCapi(context),
  "outgoing-papi": (context) => {
    const { capi } = context.topology;
    return { ...onlyWithCapi(context), ...("papiUrl" in capi && { url: capi.papiUrl }) };
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
    return { optional: version !== undefined && within(version, VERSION_WARNS_ONLY) };
  },
  "outgoing-cti": ({ topology: { ctiKey } }) =>
    ctiKey ? {} : { skip: "not applicable: no api.cti.key is configured" },
};

const onlyWithCapi = ({ topology: { capi } }: Context): Plan => {
  if ("hidden" in capi) return { unknown: capi.hidden };
  return capi.state === "off" ? { skip: `not applicable: ${capi.reason}` } : {};
};

const ask = async (row: OutgoingEndpoint, context: Context): Promise<Answer<Code>> => {
  const plan = PLANS[row.id]?.(context, await context.version()) ?? {};
  if (plan.unknown !== undefined) return { status: "unknown", reason: plan.unknown };
  if (plan.skip !== undefined) return { status: "skip", reason: plan.skip };
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
  };
  const way = { url, origin, public: true, path: endpoint.path, request: {} };
  const walked = await walk(context, way);
  if (endpoint.answer !== "package-index" || walked.reply === undefined || !isRedirect(walked.reply.status))
    return judge(walked, endpoint, context, options);

  // The packages themselves come from a CDN that the repository names anew: that host must be open too.
  const next = locationOf(walked.reply, url);
  if (next === undefined || next.protocol !== "https:") return judge(walked, endpoint, context, options);
  const { hostname } = next;
  const further = await walk(context, {
    ...way,
    url: next.origin,
    origin: `redirect of ${endpoint.host}`,
    path: `${next.pathname}${next.search}`,
  });
  const passed = {
    target: endpoint.host,
    verdict: { status: "pass", note: `redirects to ${hostname}`, evidence: walked.evidence },
  } as const;
  const last = { target: hostname, verdict: judge(further, { ...endpoint, path: next.pathname }, context, options) };
  return hostname === endpoint.host ? [last] : [passed, last];
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
    faults: FAULTS,
    run: (context) => ask(endpoint, context),
  });

/** One check for each row of the outgoing list, layer by layer, without ever logging in. */
export const outgoing: readonly Check[] = OUTGOING.map(toCheck);
