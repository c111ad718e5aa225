import type { Diagnosed, Link } from "../../src/model/cause.ts";
import type { ConditionalRemedy } from "../../src/model/check.ts";
import { remediesFor } from "../../src/model/remedy.ts";
import type { Finding } from "../../src/model/report.ts";
import { hasRole, type Topology } from "../../src/model/topology.ts";
import { atLeast, compareVersions, showVersion, type Version } from "../../src/model/version.ts";
import { type Signature, signatureOf } from "../engine-words.ts";
import {
  codeOf,
  hasCode,
  hasFailed,
  isDirect,
  isFaulty,
  isHere,
  isLapi,
  isOutgoing,
  isProxied,
  nameOf,
} from "./findings.ts";

/*
 * A start of CrowdSec: configuration, database, Central API (since 1.5.0), port 8080, hub and parsers, agent, its login,
 * data sources, metrics (cmd/crowdsec/run_in_svc.go and serve.go of https://github.com/crowdsecurity/crowdsec). What
 * fails on the way ends the process, and with it everything that had been reached before.
 */

const SOURCE = "https://github.com/crowdsecurity/crowdsec/blob/v1.7.8";

/** pkg/apiserver/apic.go: since then the login to the Central API is made before the port is opened, and its failure ends the start. */
const CAPI_FATAL_SINCE: Version = [1, 5, 0];
/** pkg/database/token.go: since then a login that is still valid is kept in the database, and none is made. */
const TOKEN_KEPT_SINCE: Version = [1, 6, 9];

/** A Local API of this host that is not there: nobody listens, or it went away under our eyes. */
const isGone = (finding: Finding, topology: Topology): boolean =>
  isLapi(finding) &&
  hasFailed(finding) &&
  hasCode(finding, "tcp-refused", "lapi-went-away", "socket-missing") &&
  isHere(finding, topology);

/** The service does not run, or not for long; a warning only where it is still starting. */
const NOT_RUNNING = ["service-stopped", "service-crashed", "service-restarting", "service-starting"] as const;

const byId = (findings: readonly Finding[], ...ids: readonly string[]): readonly Finding[] =>
  findings.filter((finding) => ids.includes(finding.id) && hasFailed(finding));

/** Agent and Local API need these; a bouncer's are its own trouble. */
const ofTheEngine = (finding: Finding, { files }: Topology): boolean => {
  if (finding.id === "credentials") return ["agent", "cscli"].includes(nameOf(finding));
  if (finding.id !== "config-files") return true;
  return !files.find(({ path }) => path === finding.target?.path)?.purpose.startsWith("bouncer");
};

/** What keeps crowdsec of this host from starting, in the order of a start; that of the agent where both share a process, or no Local API is there. */
const stoppersOf = ({ findings, topology }: Diagnosed): readonly Finding[] => {
  const serves = hasRole(topology, "lapi");
  const agents = topology.sharedProcess || !serves;
  const systemd = byId(findings, "proxy").filter(
    (finding) => hasCode(finding, "environment-file-missing") && nameOf(finding) === "crowdsec",
  );
  return [
    ...systemd,
    ...byId(findings, "config-files").filter((finding) => ofTheEngine(finding, topology)),
    ...byId(findings, "disk-space", "writable-folders"),
    ...(serves ? byId(findings, "database") : []),
    ...(serves ? byId(findings, "port-lapi") : []),
    ...(agents ? byId(findings, "agent-config", "port-appsec") : []),
    ...(agents ? byId(findings, "credentials").filter((finding) => ofTheEngine(finding, topology)) : []),
  ];
};

/** An agent needs no database: that its configuration names one is a warning, until that one is down. */
const NEEDLESS = "database-isolation";

/** Which findings are about the part that the last words name; the first that failed is the reason. */
const CHECKS_ABOUT: Readonly<Record<Signature["about"], readonly string[]>> = {
  configuration: ["config-files"],
  database: ["database", NEEDLESS],
  capi: ["outgoing-capi", "capi-logins", "credentials"],
  "capi-refused": ["capi-logins", "outgoing-capi"],
  port: ["port-lapi", "port-appsec"],
  "metrics-port": [],
  hub: ["agent-config", "package-state"],
  acquisition: ["agent-config", "port-appsec"],
  // A rehearsal starts none: that it is well tells nothing of them.
  datasource: ["agent-config"],
  credentials: ["credentials", "agent-config", "config-files"],
  "lapi-refused": ["machine-login", "lapi-database", "lapi-identity", "credentials"],
  "lapi-unreachable": ["lapi-reachable", "lapi-tls", "lapi-identity"],
  secret: [],
  disk: ["disk-space", "writable-folders", "database"],
};

/** Of the credentials only those that this part is about. */
const fits = (finding: Finding, about: Signature["about"], topology: Topology): boolean => {
  if (finding.id === "credentials") return (nameOf(finding) === "capi") === (about === "capi");
  if (finding.id === "capi-logins") return hasCode(finding, "capi-banned");
  // A client's own way to a Local API of this host that is gone says nothing new.
  if (isLapi(finding)) return !isGone(finding, topology) && ["agent", "cscli"].includes(nameOf(finding));
  return ofTheEngine(finding, topology);
};

const reasonAbout = ({ findings, topology }: Diagnosed, about: Signature["about"]): Finding | undefined =>
  CHECKS_ABOUT[about]
    .flatMap((id) =>
      findings.filter((finding) => finding.id === id && (id === NEEDLESS ? isFaulty : hasFailed)(finding)),
    )
    .find((finding) => fits(finding, about, topology));

/** Of a version that is known: whether a start needs the Central API. */
const needsCapi = ({ topology, version }: Diagnosed): boolean =>
  version !== undefined &&
  compareVersions(version, CAPI_FATAL_SINCE) >= 0 &&
  "state" in topology.capi &&
  topology.capi.state === "on" &&
  hasRole(topology, "lapi");

const capiWhy = (version: Version | undefined): string => {
  const kept = atLeast(version, TOKEN_KEPT_SINCE)
    ? `, unless a login of before is still valid (since ${showVersion(TOKEN_KEPT_SINCE)})`
    : "";
  return `from ${showVersion(CAPI_FATAL_SINCE)} on the Local API does not start before it has logged in to the Central API${kept}`;
};
const CAPI_MODELLED = `a start without the Central API fails (${SOURCE}/pkg/apiserver/apic.go)`;

const START_AGAIN: ConditionalRemedy = {
  text: "Start crowdsec again, once.",
  commands: ["systemctl restart crowdsec", "systemctl status crowdsec --no-pager"],
};

/** Nothing starts it again by itself, and the reason's own remedy does not either. */
const startAgain = (reason: Finding, { topology: { system } }: Diagnosed): Pick<Link, "after"> => {
  const after = remediesFor([START_AGAIN], { data: {}, system });
  const [start] = after.flatMap(({ commands = [] }) => commands);
  const starts = reason.remedy.some(({ commands = [] }) => commands.some((command) => command === start));
  return starts ? {} : { after };
};

/** What comes of a reason that does not say so itself, as the agent's configuration does; and how sure that is. */
const soOf = (
  { id }: Finding,
  { topology }: Diagnosed,
  sure: "certain" | "likely" | "possible" = "certain",
): Pick<Link, "so"> => {
  if (id === "agent-config") return {};
  if (sure !== "certain")
    return { so: `which ${sure === "likely" ? "is most likely" : "may be"} why crowdsec does not run here` };
  return {
    so: hasRole(topology, "lapi")
      ? "so crowdsec does not start, and there is no Local API here"
      : "so crowdsec does not start",
  };
};

/** How a process ends that nobody's configuration ends: the kernel, or a fault of the program. */
const KILLED = /\b(oom-kill|core-dump|signal)\b/;

/** Why something is not there, before it is said what. */
type Obstacle = Omit<Link, "effect">;

/** The first thing on the way of a start that fails now. */
const stopperOf = (run: Diagnosed, what: "crowdsec" | "the Local API"): Obstacle | undefined => {
  const [reason] = stoppersOf(run);
  return (
    reason && { reason, ...soOf(reason, run, "likely"), why: `${what} cannot start as long as ${reason.id} fails` }
  );
};

/** The Central API, of an engine that does not start without it: the ban before the way there. */
const withoutCapi = (run: Diagnosed): Obstacle | undefined => {
  if (!needsCapi(run)) return undefined;
  const banned = byId(run.findings, "capi-logins").find((finding) => hasCode(finding, "capi-banned"));
  const reason = banned ?? byId(run.findings, "outgoing-capi")[0];
  return reason && { reason, ...soOf(reason, run, "possible"), why: capiWhy(run.version), modelled: CAPI_MODELLED };
};

/** What brought the service down: what its last words name, else the first thing on the way of a start that fails now. */
const reasonOfService = (service: Finding, run: Diagnosed): Link | undefined => {
  const words = service.fault?.message ?? "";
  const signature = signatureOf(words);
  if (signature !== undefined && !signature.harmless) {
    const reason = reasonAbout(run, signature.about);
    // Of words about something that is well by now, nothing more is known: they stand for themselves.
    if (reason === undefined) return undefined;
    const capi = signature.about === "capi" || signature.about === "capi-refused";
    return {
      effect: service,
      reason,
      ...soOf(reason, run),
      why: `crowdsec's last words: ${words}`,
      ...(capi && { modelled: CAPI_MODELLED }),
    };
  }
  // Words that nobody knows, or a kill, are about something else than what happens to fail now.
  if (words !== service.summary || KILLED.test(words)) return undefined;
  const stopped = hasCode(service, "service-stopped");
  const obstacle = stopperOf(run, "crowdsec") ?? (stopped ? undefined : withoutCapi(run));
  return obstacle && { effect: service, ...obstacle };
};

/** A package whose installation stopped has enabled nothing, and left files empty. */
const packageLinks = (run: Diagnosed): readonly Link[] => {
  const { findings } = run;
  const [broken] = byId(findings, "package-state");
  if (broken === undefined) return [];
  const left = findings.filter(
    (finding) =>
      isFaulty(finding) &&
      (hasCode(finding, "service-stopped", "service-not-enabled", "hub-index-missing", "capi-unregistered") ||
        (finding.id === "config-files" &&
          hasCode(finding, "config-empty", "config-missing") &&
          ofTheEngine(finding, run.topology))),
  );
  const script = left.map(
    (effect): Link => ({ effect, reason: broken, why: "the package's installation has not finished" }),
  );
  const [capi] = byId(findings, "outgoing-capi");
  const blocked = capi ?? byId(findings, "outgoing-version", "outgoing-hub", "outgoing-hub-legacy")[0];
  if (blocked === undefined || !hasCode(broken, "package-half-configured")) return script;
  const why = `the package's own script stops without ${blocked.target?.host ?? "the hosts that it needs"}`;
  return [...script, { effect: broken, reason: blocked, why, after: broken.remedy }];
};

/** What would stop an installation is a host of the outgoing list, which has a finding of its own. */
const installLinks = ({ findings }: Diagnosed): readonly Link[] =>
  findings.flatMap((effect): readonly Link[] => {
    if (effect.id !== "install-script" || !isFaulty(effect)) return [];
    const host = effect.target?.host;
    const reason = findings.find((one) => isOutgoing(one) && isFaulty(one) && one.target?.host === host);
    return reason ? [{ effect, reason, why: `the package's script has to reach ${host}` }] : [];
  });

/** What is not there on this host follows from its service, or straight from what stops that. */
const goneLinks = (run: Diagnosed): readonly Link[] => {
  const { findings, topology } = run;
  const gone = findings.filter((finding) => isGone(finding, topology));
  const metrics = findings.filter((finding) => finding.id === "metrics" && hasCode(finding, "tcp-refused"));
  const service = findings.find((finding) => finding.id === "service" && hasCode(finding, ...NOT_RUNNING));
  const loop = findings.filter((finding) => finding.id === "capi-logins" && hasCode(finding, "capi-login-loop"));
  if (service !== undefined) {
    const why = hasCode(service, "service-starting") ? "crowdsec is still starting" : "crowdsec does not run";
    const reason = reasonOfService(service, run);
    const ended = hasCode(service, "service-crashed", "service-stopped");
    // Of a loop the next round starts it: it is stopped first, which the service's own first remedy says.
    const loops = hasCode(service, "service-restarting") && !hasCode(reason?.reason ?? service, "capi-banned");
    const steps = {
      ...(ended && reason && startAgain(reason.reason, run)),
      ...(loops && { before: service.remedy.slice(0, 1) }),
    };
    return [
      ...[...gone, ...metrics].map((effect): Link => ({ effect, reason: service, why })),
      ...loop.map((effect): Link => ({ effect, reason: service, why: "each start of the loop logs in again" })),
      ...(reason ? [{ ...reason, ...steps }] : []),
    ];
  }
  const obstacle = stopperOf(run, "the Local API") ?? withoutCapi(run);
  if (obstacle === undefined) {
    // Where the Local API is gone, so is the agent behind its metrics.
    const [first] = gone;
    return first
      ? metrics.map((effect): Link => ({ effect, reason: first, why: "its metrics open after the Local API" }))
      : [];
  }
  return [...gone, ...(gone.length > 0 ? metrics : [])].map((effect): Link => ({ effect, ...obstacle }));
};

/** A Local API that runs, and is another, or has lost its database. */
const standingLinks = ({ findings, topology }: Diagnosed): readonly Link[] => {
  const [database] = byId(findings, "database");
  const [taken] = byId(findings, "port-lapi");
  return findings.flatMap((effect): readonly Link[] => {
    if (!hasFailed(effect) || !isHere(effect, topology)) return [];
    if (effect.id === "lapi-database" && database)
      return [{ effect, reason: database, why: "the Local API asks this database for every key and every login" }];
    if (["lapi-identity", "lapi-tls", "lapi-reachable"].includes(effect.id) && !isGone(effect, topology) && taken)
      return [{ effect, reason: taken, why: "whoever holds the port answers there" }];
    return [];
  });
};

/** A client whose own file sends it elsewhere, or whose proxy takes what is meant for the Local API. */
const clientLinks = ({ findings }: Diagnosed): readonly Link[] =>
  findings
    .filter((finding) => isLapi(finding) && hasFailed(finding))
    .flatMap((effect): readonly Link[] => {
      const client = nameOf(effect);
      const named = (id: string): Finding | undefined =>
        findings.find((one) => isFaulty(one) && one.instance === `${id}@${client}`);
      const astray = named("config-agreement");
      if (astray && hasFailed(astray))
        return [{ effect, reason: astray, why: "its own file sends it elsewhere than the Local API listens" }];
      const swallowed = named("proxy-lapi");
      if (swallowed && (effect.fault?.phase === "proxy" || isProxied(effect)))
        return [{ effect, reason: swallowed, why: "the proxy answers in the Local API's place" }];
      return [];
    });

/** What keeps a component from the proxy that is the only way out: nothing it asks gets further than this network. */
const PROXY_MISSED = ["proxy-differs", "proxy-https-missing", "proxy-ignored", "proxy-dropped"] as const;

/** A component that goes straight there, and fails, although a proxy was meant for it. */
const proxyLinks = ({ findings }: Diagnosed): readonly Link[] => {
  const missed = findings.filter((finding) => hasCode(finding, ...PROXY_MISSED));
  return findings.flatMap((effect): readonly Link[] => {
    if (!isFaulty(effect) || !isDirect(effect)) return [];
    const reason = missed.find((finding) => nameOf(finding) === componentOf(effect));
    if (reason === undefined || effect.fault?.phase === "proxy") return [];
    return [
      { effect, reason, why: `${componentOf(effect)} goes straight there, past the proxy that was meant for it` },
    ];
  });
};

/** In whose place a finding was asked. */
const componentOf = ({ vantage }: Finding): string | undefined => vantage.env?.split(":")[0];

/** A variable that Go cannot use, and a CA store that is not there, fail everything that depends on them. */
const hostLinks = ({ findings }: Diagnosed): readonly Link[] => {
  const [store] = byId(findings, "trust-store").filter((finding) => hasCode(finding, "no-ca-store"));
  const invalid = byId(findings, "proxy").filter((finding) => hasCode(finding, "proxy-invalid"));
  return findings.flatMap((effect): readonly Link[] => {
    if (!isFaulty(effect)) return [];
    if (store && hasCode(effect, "tls-untrusted") && isOutgoing(effect))
      return [{ effect, reason: store, why: "without a CA store no certificate is trusted" }];
    const variable = invalid.find((finding) => nameOf(finding) === componentOf(effect));
    if (variable && codeOf(effect) === "proxy-invalid" && effect.id !== "proxy")
      return [{ effect, reason: variable, why: "Go refuses every request because of the variable" }];
    return [];
  });
};

/** Which finding is the consequence of which. Of two reasons for one, the first here counts. */
export const links = (run: Diagnosed): readonly Link[] => {
  const known: Diagnosed = { ...run, version: run.version ?? run.topology.installed?.value };
  return [
    ...clientLinks(known),
    ...standingLinks(known),
    ...packageLinks(known),
    ...installLinks(known),
    ...goneLinks(known),
    ...hostLinks(known),
    ...proxyLinks(known),
  ];
};
