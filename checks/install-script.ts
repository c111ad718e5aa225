import {
  type Answer,
  type ConditionalRemedy,
  type Context,
  defineCheck,
  type Fault,
  type Unasked,
  type Verdict,
} from "../src/model/check.ts";
import { commandsOn } from "../src/model/commands.ts";
import type { HttpAnswered } from "../src/model/observation.ts";
import { fill } from "../src/model/text.ts";
import { type Component, componentOf, hasRole } from "../src/model/topology.ts";
import { toUrl } from "../src/model/url.ts";
import { atLeast, compareVersions, showVersion, type Version } from "../src/model/version.ts";
import { hubOf, needsVersionHost } from "./endpoints.ts";
import { describe, type Walked, walk } from "./layers.ts";
import { type Obstacle, obstacleOf } from "./outgoing.ts";
import { OUTGOING_FAULTS } from "./outgoing-faults.ts";
import { type PackageSource, packageSources, type SourceKind } from "./package-source.ts";

const CROWDSEC = "https://github.com/crowdsecurity/crowdsec/blob/v1.7.8";
const VENDORS_SCRIPT = `${CROWDSEC}/build/debian/postinst`;
const RPM_SCRIPT = `${CROWDSEC}/build/rpm/SPECS/crowdsec.spec`;
const IMAGE_SCRIPT = `${CROWDSEC}/build/docker/docker_start.sh`;
const DEBIANS_WORDS = "https://sources.debian.org/src/crowdsec/1.4.6-6~deb12u1/debian/README.Debian/";
const OFFLINE_INSTALL = "https://github.com/crowdsecurity/crowdsec/issues/1585";
const IMAGE_DOCS = "https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/build/docker/README.md";

/** Before, collections were installed by wizard.sh, with `set +e` around it (debian/postinst of v1.6.11). */
const SETUP: Version = [1, 7, 0];
/** What is older asks the Central API by its second version, and is not started again by itself (config/crowdsec.service). */
const MODERN: Version = [1, 5, 0];

const CONFIG_FOLDER = "/etc/crowdsec";
const ONLINE = `${CONFIG_FOLDER}/online_api_credentials.yaml`;
const LOCAL = `${CONFIG_FOLDER}/local_api_credentials.yaml`;
/** debconf's answers; whoever may read it reads no passwords there (debconf(7)). */
const ANSWERS = "/var/cache/debconf/config.dat";
const LAPI_PORT = 8080;

/** A command of an installation, in the order in which its script runs them. */
interface Step {
  readonly does: string;
  /** Rows of the outgoing list that it has to reach, in its order. */
  readonly rows: readonly string[];
  /** An archive that apt has to reach: `http://deb.debian.org/debian bookworm/main`. */
  readonly archive?: string;
  /** What is then there, or not. */
  readonly leaves: string;
  /** False: the script goes on, and ends well. */
  readonly stops: boolean;
}

/** What is on this host already that makes a script leave steps out. */
interface Found {
  /** Neither script registers over a file that holds something. */
  readonly online: "missing" | "empty" | "filled";
  readonly local: boolean;
  /** debconf has the answer that nobody wants the Central API, or no Local API. */
  readonly declined: boolean;
  /** The package manager has a proxy of its own: what it downloads does not go the way of cscli. Its name; never what it holds. */
  readonly ownProxy?: "apt" | "dnf";
}

const HALF = "the package would stay half-configured (dpkg: iF)";
const UNUSABLE = `${HALF}, without a hub and not enabled`;

const hubRows = (version: Version | undefined): readonly string[] => [
  ...(needsVersionHost(version) ? ["outgoing-version"] : []),
  hubOf(version).id,
];

const FETCHING = { does: "fetching the package", leaves: "nothing would be installed", stops: true } as const;

/** What apt gets over the network, and neither from a disk nor over a transport of its own. */
const OVER_HTTP = /^https?:\/\//;
/** On this host, or in its drive. */
const ON_DISK = /^(?:file|cdrom|copy):/;

const isVendorsOwn = ({ kind, archive }: PackageSource): boolean =>
  kind === "script" || kind === "vendor-rpm" || (archive?.includes("//packagecloud.io/") ?? false);

/** Where the package manager goes by a proxy of its own, its way cannot be asked from here. */
const fetching = (source: PackageSource, { ownProxy }: Found): readonly Step[] => {
  if (ownProxy !== undefined || source.fetched) return [];
  if (isVendorsOwn(source)) return [{ ...FETCHING, rows: ["outgoing-packages"] }];
  const { archive } = source;
  return archive !== undefined && OVER_HTTP.test(archive) ? [{ ...FETCHING, rows: [], archive }] : [];
};

/** The way of apt that could not be asked, and why. */
const unaskedNote = ({ kind, archive }: PackageSource, { ownProxy }: Found): readonly string[] => {
  if (archive === undefined || ON_DISK.test(archive) || (kind !== "debian" && kind !== "vendor-deb")) return [];
  if (ownProxy !== undefined) return [`not asked: ${archive}, which apt gets through a proxy of its own (apt.conf)`];
  return OVER_HTTP.test(archive) ? [] : [`not asked: ${archive}, which only apt knows how to get`];
};

/** The file counts, whatever is in it: `[ ! -s "$CAPI" ]` (debian/postinst of crowdsec 1.4.6-6~deb12u1). */
const debianSteps = (source: PackageSource, found: Found): readonly Step[] => [
  ...fetching(source, found),
  ...(found.online === "filled"
    ? []
    : [{ does: "cscli capi register", rows: ["outgoing-capi"], leaves: UNUSABLE, stops: true } as const]),
];

/** Of CrowdSec's own package on Debian; registered is only where one of the two files of credentials is not there yet. */
const vendorSteps = (source: PackageSource, found: Found): readonly Step[] => {
  const { version } = source;
  const { online, local, declined } = found;
  const registers = (online === "missing" || !local) && !declined;
  const setup: Step = atLeast(version, SETUP)
    ? {
        does: "cscli setup unattended",
        rows: ["outgoing-hub-data"],
        leaves: `${HALF}, without collections and not enabled`,
        stops: true,
      }
    : {
        does: "cscli collections install crowdsecurity/linux",
        rows: ["outgoing-hub-data"],
        leaves: "CrowdSec would run and detect nothing",
        stops: false,
      };
  return [
    ...fetching(source, found),
    ...(registers
      ? [{ does: "cscli capi register", rows: ["outgoing-capi"], leaves: UNUSABLE, stops: true } as const]
      : []),
    { does: "cscli hub update", rows: hubRows(version), leaves: UNUSABLE, stops: true },
    setup,
  ];
};

/** `%post` of the rpm has no `set -e`: what fails is passed over (build/rpm/SPECS/crowdsec.spec). */
const rpmSteps = (source: PackageSource, found: Found): readonly Step[] => [
  ...fetching(source, found),
  ...(found.online === "missing"
    ? [
        {
          does: "cscli capi register",
          rows: ["outgoing-capi"],
          leaves: "CrowdSec would be unknown to the Central API: no community blocklist",
          stops: false,
        },
      ]
    : []),
  {
    does: "cscli hub update",
    rows: hubRows(source.version),
    leaves: "without a hub, crowdsec would not start",
    stops: false,
  },
  {
    does: atLeast(source.version, SETUP) ? "cscli setup unattended" : "cscli collections install crowdsecurity/linux",
    rows: ["outgoing-hub-data"],
    leaves: "CrowdSec would detect nothing",
    stops: false,
  },
];

/** The port's script fetches the hub, and its service registers at the first start; neither minds a failure. */
const freebsdSteps = (version: Version | undefined): readonly Step[] => [
  {
    does: "cscli hub update",
    rows: hubRows(version),
    leaves: "CrowdSec would have no hub until its cron job fetches one",
    stops: false,
  },
  {
    does: "cscli capi register, at the first start",
    rows: ["outgoing-capi"],
    leaves: "CrowdSec would be unknown to the Central API: no community blocklist",
    stops: false,
  },
];

/**
 * docker_start.sh has `set -e`. It writes the configuration of the Central API before it registers, so the next start does
 * not; the image brings the hub along with its content, and cscli asks for the newest version all the same.
 */
const IMAGE_STEPS: readonly Step[] = [
  {
    does: "cscli capi register",
    rows: ["outgoing-capi"],
    leaves: "the container would end at once, and started again run without the Central API",
    stops: true,
  },
  {
    does: "cscli parsers install crowdsecurity/docker-logs",
    rows: ["outgoing-version"],
    leaves: "the container would end at once",
    stops: true,
  },
];

const scriptSteps = (context: Context, source: PackageSource, found: Found): readonly Step[] => [
  {
    does: "curl https://install.crowdsec.net",
    rows: ["outgoing-installer"],
    leaves: "CrowdSec's repository would not be set up",
    stops: true,
  },
  ...(context.topology.system.packages === "rpm" ? rpmSteps : vendorSteps)(source, found),
];

const stepsOf = (context: Context, source: PackageSource, found: Found): readonly Step[] =>
  ({
    debian: () => debianSteps(source, found),
    "vendor-deb": () => vendorSteps(source, found),
    "vendor-rpm": () => rpmSteps(source, found),
    alpine: () => [],
    freebsd: () => freebsdSteps(source.version),
    script: () => scriptSteps(context, source, found),
    image: () => IMAGE_STEPS,
  })[source.kind]();

/** Rows that the scripts ask whatever this host's configuration says: the address stands in cscli, or in the command. */
const FIXED: ReadonlySet<string> = new Set(["outgoing-capi", "outgoing-installer", "outgoing-packages"]);

const DECLINED = /^Name: crowdsec\/(?:capi|lapi)\n(?:(?!\n|Value:).*\n)*Value: false$/m;
const APT_CONFIG = "/usr/bin/apt-config";
const APT_PROXIES = [
  ...["shell", "A", "Acquire::http::Proxy", "B", "Acquire::https::Proxy"],
  ...["C", "Acquire::http::Proxy-Auto-Detect", "D", "Acquire::http::ProxyAutoDetect"],
];
/** Milliseconds; it reads a few files. */
const ASK_MS = 2000;

const DNF_FILES = ["/etc/dnf/dnf.conf", "/etc/yum.conf"];

/** It can hold a password: no more is kept of it than that there is one. */
const findOwnProxy = async ({ probe, topology: { system } }: Context): Promise<Found["ownProxy"]> => {
  if (system.packages === "rpm") {
    const read = await Promise.all(DNF_FILES.map((path) => probe.file(path)));
    return read.some((saw) => saw.ok && /^proxy\s*=\s*\w/m.test(saw.content)) ? "dnf" : undefined;
  }
  if (system.packages !== "deb") return undefined;
  const saw = await probe.path(APT_CONFIG);
  if (!saw.ok || !saw.executable || !saw.guarded) return undefined;
  const ran = await probe.command({ argv: [APT_CONFIG, ...APT_PROXIES], timeoutMs: ASK_MS });
  return ran.ok && /^[A-D]='(?!DIRECT')[^']+'/m.test(ran.output) ? "apt" : undefined;
};

const findFound = async (context: Context): Promise<Found> => {
  const { probe } = context;
  const [online, local, answers, ownProxy] = await Promise.all([
    probe.path(ONLINE),
    probe.path(LOCAL),
    probe.file(ANSWERS),
    findOwnProxy(context),
  ]);
  return {
    online: !online.ok ? "missing" : online.bytes > 0 ? "filled" : "empty",
    local: local.ok,
    declined: answers.ok && DECLINED.test(answers.content),
    ...(ownProxy && { ownProxy }),
  };
};

/** apt and dnf hand their own environment on to the script: that of this shell, or what sudo leaves of it. */
const installer = ({ topology }: Context): Component => {
  const underSudo = componentOf(topology, "cscli-sudo");
  // Which variables sudo keeps, only root may read: then the shell's have to do.
  if (underSudo && !("hidden" in underSudo.environment)) return underSudo;
  const cscli = componentOf(topology, "cscli");
  return cscli && !("hidden" in cscli.environment) ? cscli : { name: "cscli", environment: topology.shell };
};

/** `URI SUITE/COMPONENT`, or `URI FOLDER/` where an archive has no suites: the file that apt asks for first. */
const releaseFile = (archive: string): URL | undefined => {
  const [uri = "", words = ""] = archive.split(" ");
  const suite = words.endsWith("/") ? words : `dists/${words.replace(/\/[^/]*$/, "")}/`;
  const base = uri.endsWith("/") ? uri : `${uri}/`;
  return toUrl(`${suite}InRelease`, base);
};

/** 511: a captive portal asks for a login. */
const NETWORK_AUTHENTICATION_REQUIRED = 511;

/** An archive may have no such file, or want a login that only apt has; a page for people is none of its answers. */
const faultOfArchive = ({ status, headers, body }: HttpAnswered): keyof typeof OUTGOING_FAULTS | undefined => {
  if (status === NETWORK_AUTHENTICATION_REQUIRED) return "http-status";
  const page = headers["content-type"]?.includes("text/html") ?? false;
  if (!page || status === 404 || status === 401) return undefined;
  if (status >= 200 && status < 300) return /^(-----BEGIN PGP|Origin:)/.test(body) ? undefined : "identity-mismatch";
  return status >= 400 ? "http-status" : undefined;
};

/** apt can have authorities, a certificate and rules of its own for https (apt-transport-https(1)). */
const OF_APTS_OWN: ReadonlySet<string> = new Set([
  "tls-untrusted",
  "tls-wrong-host",
  "tls-no-san",
  "tls-client-cert",
  "tls-alert",
]);

/** What keeps apt from the archive of a package, in the words of the outgoing rows; undefined when nothing does. */
const obstacleOfArchive = async (
  context: Context,
  archive: string,
  component: Component,
): Promise<Obstacle | Unasked | undefined> => {
  const file = releaseFile(archive);
  if (file === undefined) return undefined;
  const walked: Walked = await walk(context, {
    url: `${file.origin}/`,
    origin: "apt-cache policy",
    path: `${file.pathname}${file.search}`,
    // An archive of one's own, or a cache before one, can be on this very host.
    public: false,
    request: {},
    component,
  });
  const { failed, reply, evidence } = walked;
  const fault = failed ? (failed.code as keyof typeof OUTGOING_FAULTS) : reply && faultOfArchive(reply);
  if (fault === undefined) return undefined;
  const { says, blame }: Fault = OUTGOING_FAULTS[fault];
  const data = { missing: walked.missing ?? "", caFile: "", path: file.pathname, address: "", ...walked.data };
  const sentence = fill(says, data);
  if (OF_APTS_OWN.has(fault)) return { status: "unknown", reason: `apt.conf can say otherwise to apt: ${sentence}` };
  const seen = reply && { message: describe(reply), httpStatus: reply.status };
  const later = failed === undefined || failed.phase === "handshake" || failed.phase === "response";
  const party = later && evidence.route?.via === "proxy" ? "proxy" : blame;
  return {
    host: file.hostname,
    sentence,
    verdict: { status: "fault", fault, data, evidence, ...(failed && { failed }), ...seen },
    party,
  };
};

/** The words that are typed, as a person of this system would. */
const commandOf = ({ topology: { system } }: Context, kind: SourceKind): string => {
  if (kind === "image") return "a first start of CrowdSec's image";
  if (kind === "script") return "the installation by install.crowdsec.net";
  const [install = "the installation of crowdsec"] = commandsOn(system, ["apt-get install crowdsec"]);
  return install;
};

/** Which remedies fit, by what stops it. */
type Occasion =
  | "fetch"
  | "fetch-http"
  | "debian-capi"
  | "vendor-capi"
  | "vendor-hub"
  | "vendor-hub-debian"
  | "quiet"
  | "quiet-capi"
  | "image"
  | "image-capi"
  | "no-systemd";

const occasionOf = (
  { kind }: PackageSource,
  [{ step }, ...later]: readonly [Blocked, ...Blocked[]],
  debians: string | undefined,
): Occasion => {
  const registers = step.does.startsWith("cscli capi register");
  if (step.archive !== undefined) return step.archive.startsWith("http:") ? "fetch-http" : "fetch";
  if (step.rows.some((row) => row === "outgoing-packages" || row === "outgoing-installer")) return "fetch";
  if (kind === "image") return registers ? "image-capi" : "image";
  if (!step.stops) return registers && later.length === 0 && kind !== "freebsd" ? "quiet-capi" : "quiet";
  if (kind === "debian") return "debian-capi";
  if (registers && later.every((other) => !other.step.stops)) return "vendor-capi";
  return debians === undefined ? "vendor-hub" : "vendor-hub-debian";
};

interface Blocked {
  readonly step: Step;
  readonly obstacle: Obstacle;
}

const remedies = (occasions: readonly Occasion[], remedy: ConditionalRemedy): readonly ConditionalRemedy[] =>
  occasions.map((when) => ({ ...remedy, when }));

const JOIN_LATER = ["cscli capi register", "systemctl restart crowdsec"];
const DECLINE = [`mkdir -p ${CONFIG_FOLDER}`, `printf '# no thanks\\n' > ${ONLINE}`];

const OPEN_WAY: ConditionalRemedy = {
  text: "Open the way to {host}; or set a proxy for this shell: the package's script gets it from there. sudo drops it, so be root first, or use sudo -E.",
  commands: ["export https_proxy=http://PROXY:3128", "apt-get install crowdsec"],
  undo: ["unset https_proxy"],
};

const FAULTS = {
  "install-stops": {
    recovers: true,
    blame: "network",
    says: "{command} would stop at {step}: {reason}; {leaves}",
    remedy: [
      ...remedies(["debian-capi", "vendor-capi", "vendor-hub", "vendor-hub-debian"], OPEN_WAY),
      {
        when: "debian-capi",
        packages: ["deb"],
        text: "Or install it without the Central API: a file that is not empty tells this package not to register. The undo joins it later.",
        commands: [...DECLINE, "apt-get install crowdsec"],
        undo: [`truncate -s 0 ${ONLINE}`, ...JOIN_LATER],
        url: DEBIANS_WORDS,
      },
      {
        when: "vendor-capi",
        packages: ["deb"],
        text: "Or install it without the Central API: this answer tells its script not to register. The undo joins it later.",
        commands: ["echo 'crowdsec crowdsec/capi boolean false' | debconf-set-selections", "apt-get install crowdsec"],
        undo: ["echo 'crowdsec crowdsec/capi boolean true' | debconf-set-selections", ...JOIN_LATER],
        url: VENDORS_SCRIPT,
      },
      {
        when: "vendor-hub",
        text: "Without these hosts it cannot finish: CrowdSec's own package has no way around the hub.",
        url: OFFLINE_INSTALL,
      },
      {
        when: "vendor-hub-debian",
        packages: ["deb"],
        text: "Or take the package of this system's own archive, {debians}: it is older, and brings a hub along. The file tells it to leave the Central API alone; the undo joins that later.",
        commands: [...DECLINE, "apt-get install crowdsec={debians}"],
        undo: [`truncate -s 0 ${ONLINE}`, ...JOIN_LATER],
        url: DEBIANS_WORDS,
      },
      {
        when: "fetch",
        text: "Open the way to {host}; or set a proxy for this shell. sudo drops it, so be root first, or use sudo -E.",
        commands: ["export https_proxy=http://PROXY:3128", "crowdsec-preflight --phase install"],
        undo: ["unset https_proxy"],
      },
      {
        when: "fetch-http",
        text: "Open the way to {host}; or set a proxy for this shell. sudo drops it, so be root first, or use sudo -E.",
        commands: [
          "export http_proxy=http://PROXY:3128",
          "export https_proxy=http://PROXY:3128",
          "crowdsec-preflight --phase install",
        ],
        undo: ["unset http_proxy https_proxy"],
      },
      ...remedies(["fetch", "fetch-http"], {
        text: "Or bring the package's file here from a host that gets there. Its script needs the other hosts of the install all the same.",
      }),
      {
        when: "image",
        text: "Open the way to {host} for containers too; or start it with HTTPS_PROXY in its environment.",
        url: IMAGE_SCRIPT,
      },
      {
        when: "image-capi",
        text: "Open the way to {host} for containers too; or start it with HTTPS_PROXY in its environment; or, without the Central API, with DISABLE_ONLINE_API=true.",
        url: IMAGE_DOCS,
      },
      {
        when: "no-systemd",
        text: "Install it where systemd runs; or run CrowdSec's image, which needs none.",
        url: VENDORS_SCRIPT,
      },
    ],
  },
  "install-incomplete": {
    recovers: true,
    severity: "warning",
    blame: "network",
    says: "{command} would end without an error, but {step} would fail: {reason}; {leaves}",
    remedy: [
      ...remedies(["quiet", "quiet-capi"], OPEN_WAY),
      {
        when: "quiet",
        text: "Or install it and make up for it once the way is open: this tool then says with which commands.",
        commands: ["apt-get install crowdsec", "crowdsec-preflight --phase run"],
      },
      {
        when: "quiet-capi",
        packages: ["rpm"],
        text: "Or install it without the Central API: where this file is there, its script does not register. The undo joins it later.",
        commands: [`mkdir -p ${CONFIG_FOLDER}`, `install -m 600 /dev/null ${ONLINE}`, "apt-get install crowdsec"],
        undo: JOIN_LATER,
        url: RPM_SCRIPT,
      },
    ],
  },
} as const;

type Code = keyof typeof FAULTS;

/** What is to be known of this source, whether its script ends well or not. */
const notesOf = async (context: Context, source: PackageSource): Promise<readonly string[]> => {
  const { kind, version, release, origin, note } = source;
  const old =
    version !== undefined && compareVersions(version, MODERN) < 0
      ? ", an old one: its hub is hub-cdn.crowdsec.net, it speaks v2 of the Central API, and nothing starts it again by itself"
      : "";
  const taken = release ?? (version && showVersion(version));
  const nothing =
    kind === "alpine" ? ["its package runs no script: cscli capi register and cscli hub update are left to you"] : [];
  return [
    `${commandOf(context, kind)}${taken === undefined ? "" : ` takes ${taken}`} (${origin})${old}`,
    ...nothing,
    ...(note === undefined ? [] : [note]),
    ...(await portNote(context, source)),
  ];
};

/** CrowdSec's own script looks for a listener on that port, on any address, and leaves crowdsec stopped when it finds one. */
const portNote = async ({ probe, topology }: Context, { kind }: PackageSource): Promise<readonly string[]> => {
  if (!["vendor-deb", "vendor-rpm", "script"].includes(kind)) return [];
  const { uri } = topology.listen;
  const port = uri && "value" in uri ? uri.value.port : LAPI_PORT;
  const saw = await probe.listeners();
  const holder = saw.ok ? saw.listeners.find((listener) => listener.port === port) : undefined;
  if (holder === undefined || holder.owner?.name === "crowdsec") return [];
  return [
    `port ${port} is taken by ${holder.owner?.name ?? "another process"}, so its script would not start crowdsec`,
  ];
};

/** An agent without a Local API needs no Central API; no script asks which of the two it is for. */
const agentNote = ({ topology }: Context, { does }: Step): readonly string[] =>
  does.startsWith("cscli capi register") && !hasRole(topology, "lapi")
    ? ["a host without a Local API does not need the Central API, but the script registers there all the same"]
    : [];

/** What the script cannot do without systemd; a chroot has systemctl, and that one leaves it at that. */
const withoutSystemd = async ({ topology, probe }: Context, kind: SourceKind): Promise<boolean> => {
  if (kind !== "vendor-deb" && kind !== "script") return false;
  if (topology.system.services === "systemd" || topology.system.packages !== "deb") return false;
  return !(await probe.path("/usr/bin/systemctl")).ok && !(await probe.path("/bin/systemctl")).ok;
};

/** The later ones, by step; whoever opens one way only to meet the next closed one would try again and again. */
const alsoBlocked = ([first, ...later]: readonly [Blocked, ...Blocked[]]): readonly string[] => {
  const steps = new Map<string, Set<string>>();
  for (const { step, obstacle } of later) {
    if (obstacle.host === first.obstacle.host) continue;
    steps.set(step.does, (steps.get(step.does) ?? new Set()).add(obstacle.host));
  }
  if (steps.size === 0) return [];
  const told = [...steps].map(([does, hosts]) => `${does} (${[...hosts].join(", ")})`);
  return [`the next to fail: ${told.join(", ")}`];
};

const judge = async (
  context: Context,
  source: PackageSource,
  found: Found,
  { first, debians }: { readonly first: boolean; readonly debians: string | undefined },
): Promise<Verdict<Code>> => {
  const asker = installer(context);
  const steps = stepsOf(context, source, found);
  const asked = await Promise.all(
    steps.map(async (step) => {
      const said = await Promise.all([
        ...(step.archive === undefined ? [] : [obstacleOfArchive(context, step.archive, asker)]),
        ...step.rows.map((row) => obstacleOf(row, context, asker, FIXED.has(row))),
      ]);
      return { step, said };
    }),
  );
  const blocked = asked.flatMap(({ step, said }): Blocked[] =>
    said.flatMap((one) => (one !== undefined && "sentence" in one ? [{ step, obstacle: one }] : [])),
  );
  const notes = [...(await notesOf(context, source)), ...unaskedNote(source, found)];
  const severity = first ? {} : ({ severity: "warning" } as const);
  const command = commandOf(context, source.kind);
  const [stop, ...later] = blocked;
  if (stop !== undefined) {
    const { step, obstacle } = stop;
    const { failed, message, httpStatus, blame, evidence } = obstacle.verdict;
    const all = [stop, ...later] as const;
    return {
      status: "fault",
      fault: step.stops ? "install-stops" : "install-incomplete",
      data: {
        command,
        step: step.does,
        reason: obstacle.sentence,
        leaves: step.leaves,
        host: obstacle.host,
        debians: debians ?? "",
      },
      when: occasionOf(source, all, debians),
      ...(failed && { failed }),
      ...(message !== undefined && { message }),
      ...(httpStatus !== undefined && { httpStatus }),
      ...severity,
      blame: {
        party: obstacle.party,
        ...(blame?.confidence !== undefined && { confidence: blame.confidence }),
        evidence: [...notes, ...(blame?.evidence ?? [])],
      },
      also: [
        ...alsoBlocked(all),
        ...agentNote(context, step),
        ...(found.ownProxy && step.does.startsWith("cscli")
          ? [`${found.ownProxy} has a proxy of its own, which it does not hand on to the script`]
          : []),
        ...notes.slice(1),
      ],
      ...(evidence && { evidence }),
    };
  }
  const unknown = asked.flatMap(({ said }) => said).find((one) => one !== undefined && "reason" in one);
  if (unknown !== undefined && "reason" in unknown) return { status: unknown.status, reason: unknown.reason };
  if (await withoutSystemd(context, source.kind))
    return {
      status: "fault",
      fault: "install-stops",
      data: {
        command,
        step: "systemctl start crowdsec",
        reason: "there is no systemctl here",
        leaves: HALF,
        host: "",
        debians: "",
      },
      when: "no-systemd",
      blame: { party: "this-host", evidence: notes },
      ...severity,
    };
  return { status: "pass", note: notes.join("; ") };
};

/** The scripts of CrowdSec's packages go out to the internet, and most of them stop half-way when one host is blocked. */
export default defineCheck({
  id: "install-script",
  title: "The script of crowdsec's package would run to its end",
  why: "The package's own script registers with the Central API and, but for Debian's, fetches the hub. On Debian and Ubuntu it stops half-way when a host is blocked, and every later apt run ends with an error; on other systems things are left undone without a word.",
  roles: ["lapi", "agent", "bouncer", "cscli"],
  phase: "install",
  contacts:
    "the hosts of the outgoing list that the script needs, and the archive that apt takes the package from; asks this system's package manager, which goes nowhere",
  faults: FAULTS,
  async run(context): Promise<Answer<Code>> {
    const roles = ["lapi", "agent", "cscli"] as const;
    if (!roles.some((role) => hasRole(context.topology, role)))
      return {
        status: "skip",
        reason:
          "not applicable: a bouncer's package needs its package repository alone; it registers itself at the Local API where cscli is there",
      };
    const sources = await packageSources(context);
    if ("unknown" in sources) return { status: "unknown", reason: sources.unknown };
    if (sources.length === 0)
      return { status: "skip", reason: "not applicable: no package manager of this host is known to have crowdsec" };
    const found = await findFound(context);
    const [taken] = sources;
    const debians = sources.find(({ kind }) => kind === "debian")?.release;
    return Promise.all(
      sources.map(async (source) => ({
        target: source.kind,
        verdict: await judge(context, source, found, {
          first: source === taken && source.kind !== "image",
          debians,
        }),
      })),
    );
  },
});
