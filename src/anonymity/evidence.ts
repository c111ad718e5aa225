/** As JSON and other escapes have it: an end of a line, a blank, a quote or a slash, however often it was escaped. */
const unescaped = (text: string): string =>
  text.includes("\\")
    ? text
        .replace(/\\{1,16}(?:[nr]|u000[ad])/gi, "\n")
        .replace(/\\{1,16}[tbf]/g, "\t")
        .replace(/\\{1,16}(["'/])/g, "$1")
    : text;

/** Schemes whose authority is a host; not `file`, `unix`, `docker`, `journalctl` and their kin. */
const SCHEME =
  "https?|wss?|tcp|udp|tls|ssl|socks[45][ah]?|loki|victorialogs|syslog|postgres(?:ql)?|pgx|mysql|mariadb|mongodb|ldaps?|rediss?|amqps?|kafka|nats|mqtts?|smtps?|imaps?|ftps?|sftp|ssh|git|rsync|nfs|smb|cifs|ntp|grpcs?|dns|doh|dot";

/** Keys whose value is one host name. */
const KEY =
  "host|host_?name|hostaddr|fqdn|server_?name|servername|nodename|domain|remote_?host|lapi_?host|search_?domain|custom_hostname|gateway_host";

const NAME = "[a-z0-9*_][\\w.*-]{0,252}";

/**
 * Each expression has the names in its groups; a group may hold several, with blanks or commas, a user before an `@`, a
 * port. Every repetition is bounded, so that a line of a megabyte costs no more than a megabyte of lines.
 */
const EVIDENCE: readonly RegExp[] = [
  // URLs.
  new RegExp(`\\b(?:${SCHEME})(?::|%3a)(?:/|%2f){2}([^\\s/?#"'\`<>\\\\(){},;|]{1,400})`, "gi"),
  // `host: db1`, `"host":"db1"`, `host=db1`, `Static hostname: web1`, `HOSTNAME=web1`, `Host: web1`.
  new RegExp(
    `(?<![a-z0-9])(?:${KEY})["']?\\s{0,4}[:=]\\s{0,4}["']?(${NAME})(?::\\d{1,5})?["']?\\s{0,2}(?=[,;}\\])\\n]|$)`,
    "gi",
  ),
  // libpq: `host=db1 port=5432`.
  new RegExp(`\\bhost=(${NAME}) (?:port|user|dbname|database|password|sslmode)=`, "gi"),
  // Go's MySQL driver: `user:password@tcp(db1:3306)/`.
  new RegExp(`@tcp\\((${NAME})`, "gi"),
  // MySQL's: 'user'@'host'. PostgreSQL's, curl's: host name "db1".
  new RegExp(`'@'(${NAME})'`, "gi"),
  new RegExp(`\\bhost(?: name)? ["'](${NAME})["']`, "gi"),
  // Go's and Node's: `lookup db1 on 10.0.0.1:53: no such host`, `getaddrinfo ENOTFOUND db1`.
  new RegExp(`\\blookup (${NAME})(?: on |: )`, "gi"),
  new RegExp(`\\bgetaddrinfo \\w{1,20} (${NAME})`, "gi"),
  // Certificates.
  /\bvalid for ((?:[\w*][\w.*-]{0,252}, (?!not )){0,50}[\w*][\w.*-]{0,252})/gi,
  new RegExp(`\\bvalid for [^\\n"]{1,500}?, not (${NAME})`, "gi"),
  new RegExp(`\\bDNS:(${NAME})`, "g"),
  /\bCN ?= ?([\w*][\w*.-]{3,252})(?=[,/"'\n]|$)/g,
  /"issuer"\s{0,4}:\s{0,4}"[^"\n]{0,1000}"\s{0,80},\s{0,80}"names"\s{0,4}:\s{0,4}\[([^\]]{0,4000})\]/g,
  // Nameservers' and proxies' lists.
  /"search"\s{0,4}:\s{0,4}\[([^\]]{0,4000})\]/g,
  /no_proxy["']?\s{0,3}[:=]\s{0,3}["']?([^\s"'\\]{1,4000})/gi,
  /(?:https?|all|ftp)_proxy["']?\s{0,3}[:=]\s{0,3}["']?([^\s"'\\/]{1,400})/gi,
  // nginx and Apache.
  /(?:^|\n)[ \t]{0,40}(?:server_name|ServerName|ServerAlias)[ \t]{1,40}([^;\n]{1,1000})/g,
  // Prometheus' targets, instances of findings, listen addresses.
  /["']([a-z][\w-]{1,62}):\d{2,5}["']/gi,
  /@([a-z][\w-]{1,62}):\d{2,5}\b/gi,
  /[:=][ \t]{1,3}([a-z][a-z0-9-]{1,62}):\d{2,5}[ \t]{0,3}(?:\n|$)/gi,
  // The host in front of every line of syslog, of `uname -a`, of a shell's prompt.
  /(?:^|["\n])(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)) ([\w.-]{1,253}) [\w./()-]{1,60}(?:\[\d{1,9}\])?:/g,
  /(?:^|["\n])(?:Linux|FreeBSD) ([\w.-]{1,253}) \d{1,2}\.\d/g,
  /\broot@([a-z][\w.-]{1,253})[:\s#]/gi,
  // Clocks.
  /(?:^|\n)[ \t]{0,8}(?:server|pool|peer)[ \t]{1,8}([\w.-]{1,253})[ \t]{1,8}(?:iburst|burst|prefer|nts|minpoll|maxpoll|key)\b/g,
];

const MAIL = /[\w+-]@([a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){1,10})/gi;

const RESOLV = /(?:^|["\n])[ \t]{0,8}(?:search|domain)[ \t]{1,8}([^\n#;"]{1,1024})/g;
/** How near to such a line a nameserver stands in resolv.conf, characters. */
const NEAR = 2000;

const isWord = (text: string): boolean => /^[\w*.-]{1,253}$/.test(text);

/** Of `search` and `domain` lines, with a dot before each, since these are domains: English sentences can begin with these words too, and have no nameserver beside them. */
const searched = (text: string): string[] =>
  Array.from(text.matchAll(RESOLV)).flatMap(({ index, 1: list = "" }) => {
    const names = list.trim().split(/\s+/);
    const near = text.slice(Math.max(0, index - NEAR), index + NEAR);
    return names.every(isWord) && /(?:^|["\n])[ \t]{0,8}nameserver[ \t]/.test(near)
      ? names.map((name) => `.${name}`)
      : [];
  });

const HOSTS_LINE = /^[ \t]*([\da-f.:]{3,45})(?:%\w{1,20})?[ \t]+([^#]{1,2000})/i;
const LOOPBACK_LINE = /^[ \t]*(?:127\.0\.0\.1|::1)[ \t]+[^#]*\blocalhost\b/;

/** Of hosts files, or what looks like one: lines in a row, one of them with localhost. */
const hosted = (text: string): string[] => {
  if (!text.includes("localhost")) return [];
  let names: string[] = [];
  let block: string[] = [];
  let loopback = false;
  const end = (): void => {
    if (loopback) names = names.concat(block);
    block = [];
    loopback = false;
  };
  for (const line of text.split(/[\n"]/)) {
    if (/^[ \t\r]*(?:#|$)/.test(line)) continue;
    const words = HOSTS_LINE.exec(line)?.[2]?.trim().split(/\s+/);
    if (words?.every(isWord)) {
      block.push(...words);
      loopback ||= LOOPBACK_LINE.test(line);
    } else end();
  }
  end();
  return names;
};

/** A path, a port or a query after a host, in an URL that is escaped itself. */
const BEHIND = /%(?:2f|3a|3f|23).*$/i;
const LISTED = /[\s,"'[\]]+/;

/**
 * What a text shows, by where it stands, to be host names. Ports, users and wildcards may still be at them, and addresses
 * among them. A label of a certificate's organization is none, nor is a user's or a machine's name.
 */
export const hostNamesIn = (text: string): ReadonlySet<string> => {
  const plain = unescaped(text);
  const found = new Set<string>();
  for (const expression of EVIDENCE)
    for (const [, names = ""] of plain.matchAll(expression))
      for (const name of names.split(LISTED)) found.add(name.replace(BEHIND, ""));
  for (const name of [...searched(plain), ...hosted(plain)]) found.add(name);
  return found;
};

/** The domains of mail addresses; names of units can look like these (`getty@tty1.service`). */
export const mailDomainsIn = (text: string): ReadonlySet<string> =>
  new Set(Array.from(text.matchAll(MAIL), ([, domain = ""]) => domain));
