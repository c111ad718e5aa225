import { compareVersions, parseVersion, type Version, type VersionRange } from "../../src/model/version.ts";
import { judgeSource } from "../../src/topology/acquisition-shapes.ts";
import { CONFIG_SHAPE, CREDENTIALS_SHAPE, ONLINE_SHAPE, PROFILE_SHAPE } from "../../src/topology/config-shapes.ts";
import type { Shape } from "../../src/topology/shape.ts";
import { parseYaml } from "../../src/topology/yaml-tree.ts";
import {
  BOUNCER_KEYS,
  CHART_VALUES,
  COMMANDS,
  FILES,
  FLAGS,
  IMAGE_VARIABLES,
  type Names,
  NEWEST,
  OLDEST,
  OWN_VARIABLES,
  type Releases,
  SERVICES,
} from "./crowdsec.ts";

/** A word of a remedy that looks like CrowdSec's own: which releases know it, or why it is refused. */
export interface Token {
  readonly word: string;
  /** Undefined: nobody published it. */
  readonly known?: VersionRange;
}

const isInside = (version: Version | undefined): version is Version =>
  version !== undefined &&
  compareVersions(version, parseVersion(OLDEST) ?? version) > 0 &&
  compareVersions(version, parseVersion(NEWEST) ?? version) < 0;

/** Ends at or beyond the releases that were read are left open: all of those know the name. */
const narrowed = ({ since, until }: VersionRange): VersionRange => ({
  ...(isInside(since) && { since }),
  ...(isInside(until) && { until }),
});

const rangeOf = (releases: Releases): VersionRange => {
  const [since, until] = releases.split("..").map(parseVersion);
  return narrowed({ ...(since && { since }), ...(until && { until }) });
};

const ALWAYS: VersionRange = {};
const known = (word: string, range: VersionRange | undefined): Token => ({
  word,
  ...(range && { known: narrowed(range) }),
});
const any = (words: Iterable<string>): ReadonlyMap<string, VersionRange> =>
  new Map([...words].map((word) => [word, ALWAYS]));
const byName = (names: Names): ReadonlyMap<string, VersionRange> =>
  new Map(
    Object.entries(names).flatMap(([releases, words]) =>
      words.split(" ").map((word) => [word, rangeOf(releases as Releases)] as const),
    ),
  );

/** Every dotted key of a shape, with the releases that know it and all keys above it. */
const keysOf = (
  shape: Shape,
  above = "",
  range: VersionRange = ALWAYS,
): readonly (readonly [string, VersionRange])[] => {
  if (typeof shape === "string") return [];
  if ("list" in shape) return keysOf(shape.list, above, range);
  if ("mapOf" in shape) return keysOf(shape.mapOf, above, range);
  return Object.entries(shape.keys).flatMap(([name, key]) => {
    const versioned = typeof key === "object" && "versions" in key;
    const inner = versioned ? { ...range, ...key.versions } : range;
    const path = above === "" ? name : `${above}.${name}`;
    return [[path, inner] as const, ...keysOf(versioned ? key.shape : key, path, inner)];
  });
};

const CONFIG_KEYS = new Map(keysOf(CONFIG_SHAPE));
/** What a key may be called alone: its last name, of all files. A name that several have is known as long as one of them. */
const SINGLE_KEYS = ((): ReadonlyMap<string, VersionRange> => {
  const keys = new Map<string, VersionRange>();
  const shapes = [CONFIG_SHAPE, CREDENTIALS_SHAPE, ONLINE_SHAPE, PROFILE_SHAPE];
  for (const [path, range] of shapes.flatMap((shape) => keysOf(shape))) {
    const name = path.split(".").at(-1) ?? path;
    const wide = keys.get(name)?.since === undefined && keys.has(name);
    if (!wide) keys.set(name, range);
  }
  return keys;
})();

const SOURCES = [
  "file",
  "journalctl",
  "docker",
  "syslog",
  "appsec",
  "loki",
  "http",
  "kafka",
  "s3",
  "kinesis",
  "cloudwatch",
];
/** Whether some data source of an acquisition takes this key. */
const isOfAcquisition = (key: string): boolean =>
  SOURCES.some((source) => {
    const parsed = parseYaml(`source: ${source}\n${key}: x\n`, "acquis.yaml");
    return (
      parsed.ok &&
      !judgeSource(parsed.tree, source).some((mistake) => mistake.kind === "unknown-key" && mistake.key === key)
    );
  });

const VARIABLES = new Map([...byName(IMAGE_VARIABLES), ...byName(OWN_VARIABLES), ...any(BOUNCER_KEYS)]);
const CROWDSEC_FLAGS = byName(FLAGS);

/** Words with a dot or an underscore that are not CrowdSec's, and whose they are. */
const FOREIGN: Readonly<Record<string, readonly string[]>> = {
  "Go's environment (net/http, crypto/x509)": [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUEST_METHOD",
  ],
  "apt's environment, and curl's (apt-transport-http(1))": ["http_proxy"],
  "stands for what the person writes": ["THIS_HOST", "NEW_NAME", "LOCAL_API"],
  PostgreSQL: [
    "listen_addresses",
    "max_connections",
    "pg_hba.conf",
    "pg_reload_conf",
    "pg_stat_activity",
    "hba_file",
    "client_addr",
  ],
  "curl -w": ["http_code", "time_total"],
  openssl: ["s_client"],
  sudo: ["env_keep"],
  "Docker and its compose files": ["extra_hosts", "mem_limit"],
  "rc.conf of FreeBSD": [
    "crowdsec_env",
    "crowdsec_enable",
    "crowdsec_firewall_enable",
    "ntpd_enable",
    "ntpd_sync_on_start",
  ],
  "packages of FreeBSD": ["ca_root_nss"],
  "files of this system": ["resolv.conf", "nsswitch.conf", "rc.conf", "pf.conf", "hosts.bak"],
  "files of other programs": ["haproxy.cfg"],
  "sysctl of Linux (Documentation/networking/nf_conntrack-sysctl.rst)": [
    "net.netfilter.nf_conntrack_tcp_timeout_established",
  ],
  "mysql.user": ["mysql.user", "database"],
};
const OTHERS = new Set(Object.values(FOREIGN).flat());

/** Files of CrowdSec by their names alone. */
const FILE_NAMES = new Set(Object.keys(FILES).map((path) => path.split("/").at(-1) ?? path));

const HOST = /\.(net|org|com|example|internal)$/;

/** `cscli machines add -a --force`: each option must be one of the command, or of one above it. */
const commandTokens = (text: string): readonly Token[] =>
  [...text.matchAll(/(?<![\w/-])cscli((?:\s+[^\s&|;<>)(,]+)+)/g)].flatMap(([, rest = ""]) => {
    const words = rest
      .trim()
      .split(/\s+/)
      .map((word) => word.replace(/[.:]+$/, ""));
    if (PROSE.has(words[0] ?? "")) return [];
    const names = ["", words[0], `${words[0]} ${words[1]}`, `${words[0]} ${words[1]} ${words[2]}`];
    const commands = names.flatMap((name) => (name !== undefined && Object.hasOwn(COMMANDS, name) ? [name] : []));
    const named = commands.at(-1) ?? "";
    const command = COMMANDS[named];
    if (named === "" || command === undefined) return [{ word: `cscli ${words[0]}` }];
    const group = Object.keys(COMMANDS).some((name) => name.startsWith(`${named} `));
    const options = new Map(commands.flatMap((name) => [...byName(COMMANDS[name]?.options ?? {})]));
    const rests = words.slice(named.split(" ").length);
    // A word that follows a group of commands would have to be one of them.
    const stray = group && /^[a-z-]+$/.test(rests[0] ?? "") && !rests[0]?.startsWith("-") && !PROSE.has(rests[0] ?? "");
    return [
      stray ? { word: `cscli ${named} ${rests[0]}` } : known(`cscli ${named}`, rangeOf(command.known)),
      ...rests
        .filter((word) => /^--?[a-z]/.test(word))
        .map((option) => known(`cscli ${named} ${option}`, options.get(option.split("=")[0] ?? ""))),
    ];
  });

/** What a sentence goes on with after the name of a program or a command. */
const PROSE = new Set([
  "and",
  "or",
  "is",
  "does",
  "has",
  "there",
  "here",
  "on",
  "in",
  "it",
  "them",
  "to",
  "with",
  "from",
  "writes",
  "gives",
]);

const flagTokens = (text: string): readonly Token[] => [
  ...[...text.matchAll(/(?<!\b(?:systemctl|journalctl) .*)(?<![\w/.-])crowdsec((?: -\S+)+)/g)].flatMap(
    ([, flags = ""]) =>
      flags
        .trim()
        .split(" ")
        .map((flag) => known(`crowdsec ${flag}`, CROWDSEC_FLAGS.get(flag))),
  ),
  ...[...text.matchAll(/(?<![\w-])-(?:no-[a-z]+)/g)].map(([flag]) =>
    known(`crowdsec ${flag}`, CROWDSEC_FLAGS.get(flag)),
  ),
];

const pathTokens = (text: string): readonly Token[] =>
  [...text.replace(/https?:\/\/\S+/g, " ").matchAll(/(?<![\w.}])\/[\w./{}*-]*/g)].flatMap(([found]) => {
    const path = found.replace(/[./]+$/, "");
    const unit = /^\/etc\/systemd\/system\/(crowdsec[\w-]*)\.service\.d\b/.exec(path)?.[1];
    if (unit !== undefined) return [known(path, Object.hasOwn(SERVICES, unit) ? ALWAYS : undefined)];
    const rc = /^\/etc\/(?:init|conf)\.d\/(crowdsec[\w-]*)$/.exec(path)?.[1];
    if (rc !== undefined) return [known(path, Object.hasOwn(SERVICES, rc) ? ALWAYS : undefined)];
    if (!/crowdsec|cscli|staging/.test(path)) return [];
    return [known(path, Object.hasOwn(FILES, path.replace(/\{path\}$|\.preflight$/, "")) ? ALWAYS : undefined)];
  });

const serviceTokens = (text: string): readonly Token[] => [
  ...[...text.matchAll(/(?<![\w/.-])(crowdsec[\w-]*)\.(?:service|timer)\b/g)].map(([unit, name = ""]) =>
    known(unit, Object.hasOwn(SERVICES, name) ? ALWAYS : undefined),
  ),
  ...[
    ...text.matchAll(
      /\b(?:systemctl [a-z-]+(?: --now)?|rc-service|service|rc-update (?:add|del)|journalctl -u) (crowdsec[\w-]*)/g,
    ),
  ].map(([, name = ""]) => known(name, Object.hasOwn(SERVICES, name) ? ALWAYS : undefined)),
];

/** Keys and variables: words with a dot or an underscore, outside of paths and addresses. */
const nameTokens = (text: string): readonly Token[] => {
  const bare = text
    .replace(/https?:\/\/\S+/g, " ")
    .replace(/\{\w+\}/g, " ")
    .replace(/(?<![\w.])\/[\w./*-]+/g, " ");
  return [...bare.matchAll(/(?<![\w@-])\*?\.?[A-Za-z_][\w]*(?:[._][A-Za-z0-9_]+)+(?![\w-])/g)].flatMap(([word]) => {
    if (OTHERS.has(word) || HOST.test(word) || FILE_NAMES.has(word)) return [];
    if (/^[A-Z0-9_]+$/.test(word)) return [known(word, VARIABLES.get(word))];
    if (/\.(service|timer)$/.test(word) || /\.(crt|yaml|conf|pem|log)$/.test(word))
      return /\.yaml$/.test(word) ? [{ word }] : [];
    if (word.includes("."))
      return [known(word, CONFIG_KEYS.get(word) ?? (CHART_VALUES.includes(word) ? ALWAYS : undefined))];
    const key = SINGLE_KEYS.get(word) ?? (BOUNCER_KEYS.includes(word) || isOfAcquisition(word) ? ALWAYS : undefined);
    return [known(word, key)];
  });
};

/** Every word of a sentence or a command that looks like CrowdSec's own. */
export const tokensOf = (text: string): readonly Token[] => [
  ...commandTokens(text),
  ...flagTokens(text),
  ...pathTokens(text),
  ...serviceTokens(text),
  ...nameTokens(text),
];
