import { type ConditionalRemedy, type Context, defineCheck, type Unasked, type Verdict } from "../src/model/check.ts";
import type { Topology } from "../src/model/topology.ts";
import { atLeast, parseVersion, type Version } from "../src/model/version.ts";
import { hubOf } from "./endpoints.ts";

/** A question to a package database takes no longer, milliseconds. */
const ASK_MS = 2000;

/**
 * Debian's own package brings a hub of its own along, and its script asks the Central API alone; the vendor's fetches the
 * hub too (debian/postinst of crowdsec 1.4.6-6; build/debian/postinst).
 */
const DEBIANS_HUB = "/usr/share/crowdsec/hub/.index.json";

const ONLINE = "/etc/crowdsec/online_api_credentials.yaml";
/** Where the hub's index is, in Debian's own package and in the vendor's, when no configuration says it. */
const HUBS = { debian: "/var/lib/crowdsec/hub/.index.json", vendor: "/etc/crowdsec/hub/.index.json" } as const;

/**
 * Debian's bouncer, configured before crowdsec, leaves its key there for crowdsec's own script, which is then to register
 * it (postinst of crowdsec-firewall-bouncer 0.0.25-4, of crowdsec 1.4.6-6).
 */
const PENDING = "/var/lib/crowdsec/pending-registration";
const BOUNCER = "crowdsec-firewall-bouncer";
const DEBIANS_WORDS = "https://sources.debian.org/src/crowdsec/1.4.6-6~deb12u1/debian/README.Debian/";
const VENDORS_SCRIPT = "https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/build/debian/postinst";
const OFFLINE_INSTALL = "https://github.com/crowdsecurity/crowdsec/issues/1585";

const AGAIN: ConditionalRemedy = {
  text: "With a network: let the installation finish.",
  commands: ["dpkg --configure -a", "systemctl status crowdsec --no-pager"],
};
const NO_WAY: ConditionalRemedy = {
  text: "Without a network it cannot finish, since its script fetches the hub: open the way to the hosts that it needs, or set a proxy for this shell.",
  commands: ["crowdsec-preflight --phase install"],
  url: OFFLINE_INSTALL,
};

const FAULTS = {
  "package-half-configured": {
    // So it is too while the package manager is at work.
    recovers: true,
    blame: "this-host",
    confidence: "certain",
    says: "the installation of crowdsec {version} did not finish ({state}){missing}{stops}",
    remedy: [
      { ...AGAIN, when: "debian" },
      { ...AGAIN, when: "debian-unregistered" },
      {
        when: "debian-unregistered",
        text: "Without a network: a file that is not empty tells this package to leave the Central API alone.",
        commands: ["printf '# no thanks\\n' > {online}", "dpkg --configure crowdsec"],
        undo: ["truncate -s 0 {online}", "cscli capi register", "systemctl restart crowdsec"],
        url: DEBIANS_WORDS,
      },
      { ...AGAIN, when: "vendor", url: VENDORS_SCRIPT },
      {
        when: "vendor-unregistered",
        text: "With a network: let the installation finish, and register with the Central API yourself, since its script tries that the first time only.",
        commands: ["dpkg --configure -a", "cscli capi register", "systemctl restart crowdsec"],
        undo: ["truncate -s 0 {online}", "systemctl restart crowdsec"],
        url: VENDORS_SCRIPT,
      },
      { ...NO_WAY, when: "vendor" },
      { ...NO_WAY, when: "vendor-unregistered" },
      {
        when: "bare",
        text: "Without its configuration its script cannot finish: install it again, with the files that were removed.",
        commands: ["apt-get install --reinstall -o Dpkg::Options::=--force-confmiss crowdsec"],
      },
      {
        when: "unpacking",
        text: "Its files are not all there: install it again.",
        commands: ["apt-get install --reinstall crowdsec"],
      },
      {
        when: "removal",
        text: "Its removal did not finish: finish it.",
        commands: ["dpkg --remove crowdsec"],
      },
      {
        when: "removal",
        text: "Or keep it: install it again.",
        commands: ["apt-get install --reinstall crowdsec"],
      },
    ],
  },
  "package-incomplete": {
    recovers: true,
    severity: "warning",
    blame: "this-host",
    says: "crowdsec {version} is installed, and its installation left things undone without a word{missing}; what failed is {steps}",
    remedy: [
      {
        text: "With a network: make up for it.",
        commands: ["cscli capi register", "cscli hub update", "cscli hub upgrade"],
        undo: ["truncate -s 0 {online}"],
      },
      {
        when: "setup",
        text: "Then have it look for logs to read, and start it.",
        commands: ["cscli setup unattended", "systemctl restart crowdsec"],
      },
      {
        when: "collections",
        text: "Then give it something to detect, and start it.",
        commands: ["cscli collections install crowdsecurity/linux", "systemctl restart crowdsec"],
        undo: ["cscli collections remove crowdsecurity/linux", "systemctl restart crowdsec"],
      },
    ],
  },
} as const;

type Code = keyof typeof FAULTS;

/** `Status-Abbrev` of dpkg-query(1): what is wanted, what is, and whether it must be installed anew. */
const DPKG = "/usr/bin/dpkg-query";
const dpkg = (name: string) =>
  ({
    program: DPKG,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query fills it
    argv: [DPKG, "-W", "-f=${db:Status-Abbrev}|${Version}\\n", name],
  }) as const;
const DPKG_ANSWER = /^([a-z])([a-zA-Z])([ R]?)\|(?:\d+:)?(\S+)$/m;
const OTHERS = [
  {
    program: "/usr/bin/rpm",
    argv: ["/usr/bin/rpm", "-q", "--qf", "%{VERSION}", "crowdsec"],
    answer: /^(\d\S*)/,
  },
  {
    program: "/sbin/apk",
    argv: ["/sbin/apk", "list", "--installed", "crowdsec"],
    answer: /^crowdsec-(\d\S*)/m,
  },
] as const;

/** dpkg's words for what is neither installed nor gone. */
const UNFINISHED: Readonly<Record<string, string>> = {
  F: "half-configured",
  U: "unpacked, not configured",
  W: "waiting for another package",
  H: "half-installed",
};

interface Package {
  /** The package manager's name. */
  readonly by: string;
  readonly version: string;
  /** dpkg's three letters, where they say that something is not finished. */
  readonly letters?: string;
}

/** Whether this host has a manager that can be asked. */
const isHere = async ({ probe }: Context, { program }: { readonly program: string }): Promise<boolean> => {
  const saw = await probe.path(program);
  return saw.ok && saw.executable && saw.guarded;
};

/** The answer of a manager that this host has; undefined where it is none of its own, or knows no crowdsec. */
const ask = async (
  context: Context,
  { program, argv }: Pick<(typeof OTHERS)[number] | ReturnType<typeof dpkg>, "program" | "argv">,
): Promise<string | Unasked | undefined> => {
  if (!(await isHere(context, { program }))) return undefined;
  const ran = await context.probe.command({ argv, timeoutMs: ASK_MS });
  if (!ran.ok) return { status: "unknown", reason: `${program} gave no answer: ${ran.message}` };
  return ran.exitCode === 0 ? ran.output : undefined;
};

const findPackage = async (context: Context): Promise<Package | Unasked> => {
  const said = await ask(context, dpkg("crowdsec"));
  if (typeof said === "object") return said;
  const [, wanted = "", is = "", again = "", version = ""] = DPKG_ANSWER.exec(said ?? "") ?? [];
  if (is === "c")
    return { status: "skip", reason: "not applicable: the package was removed, and left its configuration" };
  if (is !== "" && is !== "n")
    return { by: "dpkg", version, ...(is in UNFINISHED && { letters: `${wanted}${is}${again.trim()}` }) };
  for (const manager of OTHERS) {
    const answer = await ask(context, manager);
    if (typeof answer === "object") return answer;
    const found = manager.answer.exec(answer ?? "")?.[1];
    if (found !== undefined) return { by: manager.program.replace(/^.*\//, ""), version: found };
  }
  const here = await Promise.all([dpkg("crowdsec"), ...OTHERS].map((manager) => isHere(context, manager)));
  const reason = here.includes(true)
    ? "crowdsec is not installed"
    : "this host has no package manager that can be asked for crowdsec";
  return { status: "skip", reason: `not applicable: ${reason}` };
};

/** What a script that ended early leaves undone, as far as reading shows it. */
interface Undone {
  readonly unregistered: boolean;
  readonly hubless: boolean;
  /** Its configuration is gone. */
  readonly bare: boolean;
  readonly sentences: readonly string[];
}

const onlineOf = ({ capi }: Topology): string => ("incomplete" in capi ? (capi.incomplete?.path ?? ONLINE) : ONLINE);

/** What of the bouncer waits for crowdsec's script, which comes first. */
const lookForBouncer = async (context: Context): Promise<readonly string[]> => {
  const [pending, said] = await Promise.all([context.probe.path(PENDING), ask(context, dpkg(BOUNCER))]);
  const [, , is = ""] = DPKG_ANSWER.exec(typeof said === "string" ? said : "") ?? [];
  return [
    ...(is in UNFINISHED ? [`${BOUNCER} is ${UNFINISHED[is]} too`] : []),
    ...(pending.ok ? [`its key waits in ${PENDING} to be registered`] : []),
  ];
};

/** @param ran whether a script of the package has run: before, nothing is missing */
const lookFor = async (context: Context, debians: boolean, ran: boolean): Promise<Undone> => {
  const { topology, probe } = context;
  const { capi, hubIndex } = topology;
  const [config, online, service] = await Promise.all([
    probe.path(topology.config.value),
    probe.path(ONLINE),
    probe.service("crowdsec"),
  ]);
  const bare = ran && hubIndex === undefined && !config.ok && config.code === "file-missing";
  const index = bare ? HUBS[debians ? "debian" : "vendor"] : hubIndex?.value;
  const saw = index === undefined ? undefined : await probe.path(index);
  const hubless = saw !== undefined && !saw.ok && saw.code === "file-missing";
  const incomplete = "incomplete" in capi && capi.state === "unregistered" ? capi.incomplete : undefined;
  // Without a configuration nothing says where these are, and the script looks at the usual place.
  const empty = bare && (online.ok ? online.bytes === 0 : online.code === "file-missing");
  return {
    unregistered: incomplete !== undefined || empty,
    hubless,
    bare,
    sentences: [
      ...(bare ? [`${topology.config.value} is missing`] : []),
      ...(incomplete ? [`${incomplete.path} lacks ${incomplete.missing.join(", ")}`] : []),
      ...(empty ? [`${ONLINE} is ${online.ok ? "empty" : "missing"}`] : []),
      ...(hubless ? [`the hub's index ${index} is missing`] : []),
      ...(service.ok && service.known && service.enabled === false ? [`${service.name} is not enabled`] : []),
    ],
  };
};

/** Before, collections were installed by a script that did not mind a failure (build/debian/postinst). */
const SETUP: Version = [1, 7, 0];

const REGISTRATION = "cscli capi register, which has to reach api.crowdsec.net";

const hubUpdate = (version: Version | undefined): string =>
  `cscli hub update, which has to reach version.crowdsec.net and ${hubOf(version).host}`;

/** At which of its steps a script that has left this undone stopped, and what that one has to reach; in the scripts' order. */
const stopOf = ({ unregistered, hubless }: Undone, version: Version | undefined, debians: boolean): string => {
  if (debians) return unregistered ? `; its script stops at ${REGISTRATION}` : "";
  const hub = hubUpdate(version);
  if (unregistered) return `; its script stops at ${REGISTRATION}${hubless ? `, or the next time at ${hub}` : ""}`;
  if (hubless) return `; its script stops at ${hub}`;
  return atLeast(version, SETUP)
    ? "; its script stops at cscli hub upgrade or cscli setup unattended, which have to reach hub-data.crowdsec.net too"
    : "";
};

const whenOf = (letters: string, debians: boolean, { unregistered, bare }: Undone): string => {
  if (letters.startsWith("r") || letters.startsWith("p")) return "removal";
  if (letters[1] === "H" || letters.endsWith("R")) return "unpacking";
  if (bare) return "bare";
  return `${debians ? "debian" : "vendor"}${unregistered ? "-unregistered" : ""}`;
};

/** Only scripts that ran can have stopped, and before dpkg puts the configuration there. */
const RAN = /^.[FW]$/;

const clause = (sentences: readonly string[], before: string): string =>
  sentences.length === 0 ? "" : `${before}${sentences.join(", ")}`;

const judge = async (context: Context, { by, version, letters }: Package): Promise<Verdict<Code>> => {
  const { topology, probe } = context;
  const debians = by === "dpkg" && (await probe.path(DEBIANS_HUB)).ok;
  const ran = letters !== undefined && RAN.test(letters);
  const undone = await lookFor(context, debians, ran);
  const parsed = parseVersion(version);
  const online = onlineOf(topology);
  if (letters !== undefined) {
    const state = `dpkg: ${UNFINISHED[letters[1] ?? ""]}`;
    const stops = ran && !undone.bare ? stopOf(undone, parsed, debians) : "";
    const waits = await lookForBouncer(context);
    return {
      status: "fault",
      fault: "package-half-configured",
      data: {
        version,
        state,
        online,
        missing: clause(undone.sentences, ": "),
        stops,
      },
      when: whenOf(letters, debians, undone),
      ...(waits.length > 0 && { also: waits }),
      blame: { evidence: [`${by}: crowdsec ${version} is ${letters}`, ...undone.sentences] },
    };
  }
  if (!undone.unregistered || !undone.hubless) return { status: "pass", note: `crowdsec ${version} (${by})` };
  return {
    status: "fault",
    fault: "package-incomplete",
    data: {
      version,
      online,
      missing: clause(undone.sentences, ": "),
      steps: `${REGISTRATION}, and ${hubUpdate(parsed)}`,
    },
    when: atLeast(parsed, SETUP) ? "setup" : "collections",
    blame: { evidence: [`${by}: crowdsec ${version} is installed`, ...undone.sentences] },
  };
};

/** A package's script that could not reach CrowdSec's servers leaves half an installation behind, and traces that mislead. */
export default defineCheck({
  id: "package-state",
  title: "The installation of crowdsec's package has finished",
  why: "The package's script registers with the Central API and fetches the hub. Without a way out it stops in the middle: credentials are empty, the hub is missing, the service is not enabled, and every later apt run ends with an error; on other systems it fails without a word.",
  roles: ["lapi", "agent", "cscli"],
  contacts: "nothing: asks this system's package database and reads what its script should have left",
  faults: FAULTS,
  async run(context) {
    const found = await findPackage(context);
    return "status" in found ? found : judge(context, found);
  },
});
