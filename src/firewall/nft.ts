import type { Family } from "../model/observation.ts";
import { type AllowList, type InRule, isIn, isOut, type OutRule } from "./rule.ts";
import { commented, FLAG, familyOfRange, placeOf, quotable, remarks, titleOf, WHO } from "./words.ts";

const TABLE = "inet crowdsec_preflight";

/** What nft takes for a comment. */
const MAX_COMMENT = 120;

const FAMILIES = [4, 6] as const;
const WORD = { 4: "ip", 6: "ip6" } as const;

const indent = (depth: number, lines: readonly string[]): string[] =>
  lines.map((line) => (line === "" ? "" : `${"\t".repeat(depth)}${line}`));

/** A set and its elements; an empty one is written without the word. */
const setOf = (
  name: string,
  type: string,
  about: readonly string[],
  elements: ReadonlyMap<string, string>,
  flags: readonly string[] = [],
): string[] => {
  const listed = [...elements].map(([element, text]) =>
    text === "" ? element : `${element} comment "${quotable(text, MAX_COMMENT)}"`,
  );
  const rows = listed.map((element, index) => (index < listed.length - 1 ? `${element},` : element));
  return [
    ...about.map((line) => `# ${line}`),
    `set ${name} {`,
    ...indent(1, [`type ${type}`, ...flags, ...(rows.length > 0 ? ["elements = {", ...indent(1, rows), "}"] : [])]),
    "}",
    "",
  ];
};

/** Elements of a family, each with the names that it stands for. */
const elementsOf = (
  rules: readonly OutRule[],
  family: Family,
  element: (address: string, port: number) => string,
): ReadonlyMap<string, string> => {
  const found = new Map<string, string[]>();
  for (const rule of rules)
    for (const { address } of rule.addresses.filter((each) => each.family === family)) {
      const key = element(address, rule.port);
      found.set(key, [...new Set([...(found.get(key) ?? []), rule.name ?? rule.components.join(" ")])]);
    }
  return new Map([...found].map(([key, names]) => [key, names.join(" ")]));
};

const isDns = ({ protocols }: OutRule): boolean => protocols.includes("udp");

const outgoingSets = (rules: readonly OutRule[]): string[] => {
  const [dns, tcp] = [rules.filter(isDns), rules.filter((rule) => !isDns(rule))];
  return FAMILIES.flatMap((family) => [
    ...setOf(
      `nameservers${family}`,
      `ipv${family}_addr`,
      [`Nameservers, IPv${family}`],
      elementsOf(dns, family, (address) => address),
    ),
    ...setOf(
      `tcp${family}`,
      `ipv${family}_addr . inet_service`,
      [
        `Where CrowdSec of this host goes, IPv${family}: address . port. One more:`,
        `nft add element ${TABLE} tcp${family} '{ ADDRESS . 443 }'`,
      ],
      elementsOf(tcp, family, (address, port) => `${address} . ${port}`),
    ),
  ]);
};

const clientSets = (rules: readonly InRule[]): string[] => {
  const kinds = [...new Set(rules.map(({ clients }) => clients))];
  return kinds.flatMap((kind) => {
    const ranges = rules.find(({ clients }) => clients === kind)?.from ?? [];
    const how = `EMPTY, SO NOBODY FROM OUTSIDE COMES IN until it is filled: print this again with ${FLAG[kind]} CIDR, or`;
    return FAMILIES.flatMap((family) =>
      setOf(
        `${kind}${family}`,
        `ipv${family}_addr`,
        [
          `Who may come in: ${WHO[kind]}, IPv${family}`,
          ...(ranges.length > 0 ? [] : [how]),
          `nft add element ${TABLE} ${kind}${family} '{ ${family === 4 ? "192.0.2.0/24" : "2001:db8::/64"} }'`,
        ],
        new Map(ranges.filter((range) => familyOfRange(range) === family).map((range) => [range, ""])),
        ["flags interval", "auto-merge"],
      ),
    );
  });
};

/** Errors of the way, without which large packets are lost in silence; and what IPv6 finds its neighbours with. */
const ICMP = [
  "# Errors of the way (path MTU), and IPv6's neighbours",
  "icmp type { destination-unreachable, time-exceeded, parameter-problem } accept",
  "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept",
  "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept",
  "icmpv6 type { mld-listener-query, mld-listener-report, mld2-listener-report } accept",
];

const OUTPUT = [
  "chain output {",
  ...indent(1, [
    "type filter hook output priority filter; policy accept;",
    'oifname "lo" accept',
    "# Answers to whoever comes in, ssh among them",
    "ct state established,related accept",
    ...ICMP,
    "# This host's own address (DHCP)",
    "udp sport 68 udp dport 67 accept",
    "udp sport 546 udp dport 547 accept",
    "# The clock is not CrowdSec's own, but certificates and logins need it; take the # away where NTP is used:",
    "# udp dport 123 accept",
    ...FAMILIES.flatMap((family) => [
      `${WORD[family]} daddr @nameservers${family} udp dport 53 accept`,
      `${WORD[family]} daddr @nameservers${family} tcp dport 53 accept`,
      `${WORD[family]} daddr . tcp dport @tcp${family} accept`,
    ]),
    "# EVERYTHING ELSE THAT GOES OUT FROM THIS HOST",
    "counter drop",
  ]),
  "}",
];

/** Where it listens, as the beginning of a rule: at its own addresses, or at all. */
const atOf = ({ addresses, port }: InRule, family: Family): string | undefined => {
  if (addresses.length === 0) return `tcp dport ${port}`;
  const own = addresses.filter((each) => each.family === family).map(({ address }) => address);
  return own.length === 0 ? undefined : `${WORD[family]} daddr { ${own.join(", ")} } tcp dport ${port}`;
};

const input = (rules: readonly InRule[]): string[] => {
  if (rules.length === 0) return ["# No chain for what comes in: nothing of CrowdSec listens beyond loopback here."];
  const doors = rules.flatMap((rule) => [
    `# ${quotable(rule.why, MAX_COMMENT)}`,
    ...FAMILIES.flatMap((family) => {
      const at = atOf(rule, family);
      return at === undefined ? [] : [`${at} ${WORD[family]} saddr @${rule.clients}${family} accept`];
    }),
    ...[...new Set(FAMILIES.flatMap((family) => atOf(rule, family) ?? []))].map((at) => `${at} counter drop`),
  ]);
  return [
    "chain input {",
    ...indent(1, [
      "type filter hook input priority filter; policy accept;",
      'iifname "lo" accept',
      "ct state established,related accept",
      ...ICMP,
      ...doors,
      "# Every other port stays as it is: ssh is not cut off, and what is open to the world stays open.",
    ]),
    "}",
  ];
};

const WARNING = [
  "!!! THIS CLOSES EVERYTHING ELSE THAT GOES OUT FROM THIS HOST: updates of the system, mail, backups, monitoring, NTP, whatever is not named below. Connections that come in, ssh among them, are answered as before.",
  "",
  "Look whether it loads:          nft -c -f FILE",
  "Try it, with its own undo:      nft -f FILE; sleep 120; nft delete table inet crowdsec_preflight",
  "Take it away:                   nft delete table inet crowdsec_preflight",
  "",
  "It is a table of its own and touches no other: what another table closes stays closed. Loaded again, it takes its own place. What containers send and get, and ports that Docker publishes, go past these chains.",
];

/** Commands stay in one line, with the blanks that line them up. */
const warning = (): string[] => WARNING.flatMap((text) => (/: {2,}/.test(text) ? [`# ${text}`] : commented([text])));

/** A file for `nft -f`: one table, loaded in one step, that replaces itself. */
export const nft = (list: AllowList): string => {
  const out = list.rules.filter(isOut);
  const inbound = list.rules.filter(isIn);
  return [
    "#!/usr/sbin/nft -f",
    "#",
    ...commented([titleOf(list)]),
    "#",
    ...warning(),
    "#",
    ...commented(remarks(list)),
    "",
    "# Makes the table where there is none, so that the next line can take it away.",
    `table ${TABLE}`,
    `delete table ${TABLE}`,
    "",
    `table ${TABLE} {`,
    ...indent(1, [
      ...outgoingSets(out),
      ...clientSets(inbound),
      ...commented(out.map((rule) => `${placeOf(rule)}: ${rule.components.join(", ")}: ${rule.why}`)),
      ...OUTPUT,
      "",
      ...input(inbound),
    ]),
    "}",
    "",
  ].join("\n");
};
