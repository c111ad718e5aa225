import { LEAST } from "./search.ts";

/**
 * Words of CrowdSec, of databases and of systems that are somebody's password somewhere, and stand everywhere: to take them out
 * everywhere would leave nothing to read.
 */
const VOCABULARY =
  `crowdsec crowdsecurity cscli crowdsec-firewall-bouncer firewall-bouncer bouncers bouncer machines machine localhost
  postgres postgresql mariadb mysqld mysql sqlite database databases password passwords passwd secret secrets changeme changeit
  default admin administrator root toor nobody nogroup daemon system systemd service services server servers client clients
  example examples localdomain internal external private public agent agents watcher watchers nginx apache apache2 httpd traefik
  haproxy caddy openresty cloudflare docker podman kubernetes container containers debian ubuntu centos fedora alpine freebsd
  opnsense pfsense linux redhat rocky grafana prometheus metrics metabase notification notifications slack splunk
  email http https syslog loki kafka victorialogs elasticsearch sentinel appsec acquisition acquis scenarios parsers postoverflows
  collections contexts simulation profiles console config configuration settings environment journal journalctl iptables
  nftables ipset firewall firewalld resolver resolvers nameserver interface interfaces address addresses network networks
  gateway router proxy proxies squid tinyproxy internet username userinfo hostname domain listen listener online offline
  credentials credential certificate certificates authority authorization authentication registration validate
  enabled disabled enable disable true false warning warnings error errors fatal debug trace information
  healthy unhealthy running stopped started restart reload status failed failure success successful production staging
  development testing tester guest demo sample welcome letmein qwerty qwertz dragon monkey master access backup security secure
  decisions decision alerts alert blocklist blocklists allowlist allowlists ban captcha throttle signal signals community central
  local_api lapi capi papi heartbeat usr/bin usr/local var/lib var/log REDACTED REMOVED string number boolean object message
  content version release package packages python golang windows library include license copyright
  api_key api_url lapi_key lapi_url url: login: password: user: host: port: token: key:`
    .toLowerCase()
    .split(/\s+/);

/** What every bundle has in it, whatever the host: keys of its documents, names of its files and folders (src/bundle, src/model). */
const OF_BUNDLES =
  `crowdsec-preflight preflight README.md readme manifest.json manifest report.json report.md report removals.txt removals
  observations.json observations observation config/merged.yaml merged.yaml merged files logs system services config
  schemaVersion tool version startedAt durationMs deadlineMs madeAt runId anonymized sha256 bytes what files host failOn verdict
  candidate candidateVersion toolVersion engineVersion topology instance roles runtime findings evidence remedy remedies blame
  because causes explains confidence counts layers judgedAt interrupted cutOff overrides platform recording probe question
  answer vantage summary title message detail status fault phase party commands command undo namespace httpStatus exitCode errno
  sqlState tlsCode noProxy modelled origin source family addresses address target reason route proxy bundle replay from
  afterMs ageSeconds altered certificate attempts availableBytes caFile caFiles certFile closedTables configured direction
  directories elapsedMs elsewhere encrypted entries executable exitStatus forced forget freeBytes freeInodes goVersion
  guarded headers idleMs intercepted issuer keyFile leadsTo limitedBy listeners lookedAt mainPid manager masked
  maxBytes mayCreate method modifiedAt modules nameservers networkFilesystem newOptions output peerDate protocol
  publicAuthority restartDelaySeconds restarts result rotate search skipVerify socket startedSecondsAgo stateSeconds
  subject survived swapFreeBytes tables timeoutMs totalBytes truncated unknown validFrom validTo variables wantsLibc
  writable`
    .toLowerCase()
    .split(/\s+/);
const KNOWN: ReadonlySet<string> = new Set([...VOCABULARY, ...OF_BUNDLES]);
const ALL = `\n${[...KNOWN].join("\n")}\n`;

/** Digits alone, like a port, a date, a process, are no secret that could be told from others below this many. */
const NUMBER_BELOW = 10;
/** A word as people write them: letters, with two digits at the end at most; nothing that a machine has made. */
const WORD = /^[A-Za-z][a-z]*(?:[._-][a-z]+)*\d{0,2}$|^[A-Z]+(?:_[A-Z]+)*$/;
const LONGEST_WORD = 24;

const isWord = (text: string): boolean => text.length <= LONGEST_WORD && WORD.test(text);

/** Whether everybody has this word. */
export const isKnownWord = (word: string): boolean => KNOWN.has(word.toLowerCase());

/** Shorter than that, what a stranger can have chosen is looked for nowhere else. */
const LEAST_MADE = 12;
/** So often does a piece of it go from small letters to capitals to digits. */
const LEAST_TURNS = 3;

/**
 * Whether only a machine makes such a text, so that no path, address, word or setting is meant by it.
 * @param isWord whether a plain word is known
 */
export const looksMade = (text: string, isWord: (word: string) => boolean): boolean => {
  if (text.length < LEAST_MADE || !/[A-Za-z]/.test(text) || !/\d/.test(text)) return false;
  if (/^[./~]|[\s:;,\\"'`<>{}()[\]]|=(?!=?$)/.test(text)) return false;
  const pieces = text.split(/[^A-Za-z0-9]+/);
  // Digests, commits and UUIDs are public; so are the names of hosts, pods and machines.
  if (/^[a-z\d]+(?:[-.][a-z\d]+)+$/.test(text)) return false;
  const longest = Math.max(...pieces.map((piece) => (turnsOf(piece) < LEAST_TURNS || isHex(piece) ? 0 : piece.length)));
  // Base64 has slashes, and so have paths.
  if (text.includes("/") && (longest < 16 || /\.|\/\//.test(text))) return false;
  return longest >= 8 && !pieces.some((piece) => piece.length >= LEAST && isWord(piece));
};

const isHex = (piece: string): boolean => /^(?:[\da-f]+|[\dA-F]+)$/.test(piece);

/** How often one kind of character follows another. */
const turnsOf = (piece: string): number => piece.match(/[a-z](?=[A-Z\d])|[A-Z](?=\d)|\d(?=[A-Za-z])/g)?.length ?? 0;

/** Plain words of what was studied. */
export interface Vocabulary {
  /** Takes the words out of a plain value: parts of a path, of a host's name, a user. */
  add(value: string): void;
  has(word: string): boolean;
  /** Too short or too ordinary to be looked for everywhere. */
  isOrdinary(secret: string): boolean;
  readonly size: number;
}

export const createVocabulary = (): Vocabulary => {
  const words = new Set<string>();
  return {
    add(value) {
      if (value.length > 300) return;
      const whole = value.trim().toLowerCase();
      // An address as a whole, whatever it is made of.
      if (/^(?:[\d.]{7,15}|[\da-f:]*:[\da-f:]*:[\da-f:.]*)$/.test(whole)) words.add(whole);
      for (const part of value.split(/[^\w.-]+/)) {
        if (isWord(part)) words.add(part.toLowerCase());
        for (const piece of part.split(/[._-]+/)) if (isWord(piece)) words.add(piece.toLowerCase());
      }
    },
    has: (word) => KNOWN.has(word.toLowerCase()) || words.has(word.toLowerCase()),
    isOrdinary(secret) {
      if (secret.length < LEAST) return true;
      const small = secret.toLowerCase();
      if (KNOWN.has(small) || words.has(small)) return true;
      if (/^\d+$/.test(secret)) return secret.length < NUMBER_BELOW;
      // Part of a stand-in, which would be found in each; or one character, repeated.
      if ("REDACTED-".includes(secret.replace(/\d+$/, ""))) return true;
      if (/^(.)\1*$/.test(secret)) return true;
      // Part of such a word: "crowds" stands in every line too.
      if (!/^[a-z_./-]{1,12}$/.test(small)) return false;
      return ALL.includes(small) || [...words].some((word) => word.includes(small));
    },
    get size() {
      return words.size;
    },
  };
};
