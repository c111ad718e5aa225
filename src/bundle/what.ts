import { posix } from "node:path";
import type { Topology } from "../model/topology.ts";

/** Of files that are here because they could log in at a time of their own; README.md sums them up. */
export const SCHEDULED = "searched for scheduled logins to the Central API";

const CREDENTIALS = "credentials of this machine, values taken out";
const CENTRAL = "credentials for the Central API, values taken out";
const ACQUISITION = "what the agent reads";

/** By the words in which the topology tells a file's use, without its `, overlay`. */
const USES: Readonly<Record<string, string>> = {
  acquisition: ACQUISITION,
  profiles: "what is decided about alerts",
  "feature flags": "which features are switched on",
  "credentials for the Local API": CREDENTIALS,
  "credentials for the Central API": CENTRAL,
};

/** Of CrowdSec's folder, by the names that packages give (config/ of https://github.com/crowdsecurity/crowdsec). */
const NAMES: Readonly<Record<string, string>> = {
  "acquis.yaml": ACQUISITION,
  "local_api_credentials.yaml": CREDENTIALS,
  "online_api_credentials.yaml": CENTRAL,
  "profiles.yaml": "what is decided about alerts",
  "simulation.yaml": "which scenarios decide nothing, and only tell",
  "console.yaml": "what is sent to CrowdSec's console",
  "feature.yaml": "which features are switched on",
};

const usesOf = ({ files, acquisition }: Topology): ReadonlyMap<string, string> =>
  new Map([...("files" in acquisition ? acquisition.files : []), ...files].map(({ path, purpose }) => [path, purpose]));

/** What a file of CrowdSec's configuration is; undefined where neither its use nor its name tells. */
export const whatOfSetting = (path: string, topology: Topology): string | undefined => {
  const use = usesOf(topology).get(path);
  const [first = "", ...rest] = use?.split(", ") ?? [];
  if (use !== undefined) return [USES[first] ?? first, ...rest].join("; ");
  const base = posix.basename(path).replace(/\.local$/, "");
  const known = posix.dirname(path) === posix.dirname(topology.config.value) ? NAMES[base] : undefined;
  return known && (path.endsWith(".local") ? `${known}; overlay` : known);
};

const OURS = /crowdsec|cscli/i;

/** Crontabs, cron's folders, timers and services of systemd, containers' records; the scripts that those name are programs. */
const JOBS =
  /^\/etc\/(?:cron|anacrontab|crontab|periodic)|^\/var\/(?:spool\/cron|cron)|^\/(?:etc|run|usr\/lib|lib|usr\/local\/lib)\/systemd\/|^\/var\/lib\/docker\/|(?:^|\/)(?:(?:docker-)?compose[\w.-]*\.ya?ml|Dockerfile[\w.-]*)$/;
const PROGRAMS = /^\/(?:usr\/(?:local\/)?)?(?:s?bin|lib|libexec)\/|^\/(?:opt|root|home|srv)\//;
/** Beside programs, but settings of the system. */
const SYSTEM = /\/(?:os-release|tmpfiles\.d|sysctl\.d|environment\.d)\b|\.(?:pem|crt|conf)$/;

const PLACES: readonly (readonly [RegExp, string])[] = [
  [/^\/etc\/(?:apt|yum\.repos\.d|dnf|zypp|apk)\b/, "where packages come from"],
  [/^\/(?:var\/lib\/(?:dpkg|rpm)|lib\/apk|usr\/lib\/apk)\//, "which packages are installed"],
  [/\.(?:pem|crt|cer)$|^\/etc\/(?:ssl|pki|ca-certificates)/, "whom this host trusts"],
  [/^\/proc\/|^\/sys\//, "what the kernel says"],
  [/^\/etc\/(?:environment|profile|login\.conf|sudoers)|^\/etc\/security\//, "variables of this host's users"],
];

/** Why a check has read a file, as its path tells it. */
export const whatOfRead = (path: string): string => {
  const place = PLACES.find(([pattern]) => pattern.test(path));
  if (place !== undefined) return place[1];
  const base = posix.basename(path);
  if (base in NAMES) return NAMES[base] ?? "";
  if (JOBS.test(path)) return OURS.test(path) ? "of CrowdSec's service or timer" : SCHEDULED;
  if (OURS.test(path)) return "of CrowdSec, as a check read it";
  return PROGRAMS.test(path) && !SYSTEM.test(path) ? SCHEDULED : "as a check read it";
};
