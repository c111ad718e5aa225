import { type IpRange, inRange, parseIp, parseRange } from "../model/address.ts";
import { printable, wrap } from "../model/text.ts";
import { type AllowList, isIn, isOut, type OutRule, type Rule } from "./rule.ts";

const LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const HOST_NAME = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`, "i");

/** Whether a text is a host name, and therefore no more than letters, digits, dots and hyphens: fit for a rule or a command. */
export const isHostName = (text: string): boolean => HOST_NAME.test(text) && parseIp(text) === undefined;

const ALL_OF_IPV4: IpRange = { ip: parseIp("0.0.0.0") ?? [], bits: 96 };

/**
 * CIDR notation of either family, or a single address, as rules have it; undefined for anything else. IPv4 in the spelling
 * of IPv6 (`::ffff:192.0.2.1`) is IPv4: so it is on the wire, and no rule of IPv6 ever matches it.
 */
export const rangeOf = (text: string): string | undefined => {
  const single = parseIp(text);
  const range = single === undefined ? parseRange(text) : { ip: single, bits: 128 };
  if (range === undefined) return undefined;
  const { ip, bits } = range;
  if (!text.includes(":") || bits < ALL_OF_IPV4.bits || !inRange(ALL_OF_IPV4, ip)) return text;
  const address = ip.slice(-4).join(".");
  return single === undefined ? `${address}/${bits - ALL_OF_IPV4.bits}` : address;
};

export const familyOfRange = (range: string): 4 | 6 => (range.includes(":") ? 6 : 4);

/** For a comment that ends with its line. */
export const oneLine = (text: string): string => printable(text, 1000);

/** For a comment in quotation marks, as commands and rules have them: what could end it is left out. */
export const quotable = (text: string, max: number): string =>
  printable(text, 1000)
    .replace(/[^\w .,:;/()@-]/g, "")
    .slice(0, max);

/** Columns of a comment. */
const COMMENT_WIDTH = 100;

/** Paragraphs as comment lines. */
export const commented = (paragraphs: readonly string[], width = COMMENT_WIDTH): string[] =>
  paragraphs.flatMap((text) => (text === "" ? ["#"] : wrap(oneLine(text), width - 2).map((line) => `# ${line}`)));

/** `api.crowdsec.net`, or the configured address. */
export const placeOf = ({ name, addresses }: OutRule): string => name ?? addresses[0]?.address ?? "";

/** `tcp/443`, `udp+tcp/53`. */
export const portOf = ({ protocols, port }: Rule): string => `${protocols.join("+")}/${port}`;

/** Whether the addresses of a rule stay, in a word or two. */
export const stability = ({ stable, behind }: OutRule): string => {
  if (stable === "yes") return "stays";
  if (stable === "own-dns") return "as your DNS says";
  return behind === undefined ? "moves" : `moves (${behind})`;
};

/** A word that stands in a command for what nobody has said. */
export const PLACEHOLDER = { clients: "YOUR_CLIENTS", prometheus: "YOUR_PROMETHEUS" } as const;
export const WHO = {
  clients: "the networks of your agents and bouncers",
  prometheus: "the address of your Prometheus, and nobody else",
} as const;
export const FLAG = { clients: "--from", prometheus: "--metrics-from" } as const;

const NETWORK_DOCS = "https://docs.crowdsec.net/docs/next/configuration/network_management";

export const titleOf = ({ host, roles, phase, version }: AllowList): string =>
  `What CrowdSec needs through a firewall on ${host}: ${roles.join(", ")}; phase ${phase}; CrowdSec ${version ?? "of unknown version"}`;

const movingOf = ({ rules }: AllowList): string[] => {
  const moving = rules.filter(isOut).filter(({ stable }) => stable === "no");
  if (moving.length === 0) return [];
  const names = moving.map((rule) => `${placeOf(rule)}${rule.behind === undefined ? "" : ` (${rule.behind})`}`);
  return [
    `ADDRESSES MOVE: ${names.join(", ")}. CDNs and clouds answer for these names, from addresses that change without notice. A rule by address works today and shuts CrowdSec off one day: use a rule by name, or a proxy. ${NETWORK_DOCS}`,
  ];
};

const NTP = "Not CrowdSec's own, but needed: a right clock (NTP, udp/123). Certificates and logins fail without it.";

/** What was left out, all of one reason together. */
const leftOut = ({ omitted }: AllowList): string[] =>
  [...new Set(omitted.map(({ reason }) => reason))].map((reason) => {
    const whats = omitted.filter((each) => each.reason === reason).map(({ what }) => what);
    return `Left out: ${whats.join(", ")}: ${reason}`;
  });

const isEveryone = (range: string): boolean => /\/0+$/.test(range);

/** Ports that the whole internet may knock at, because somebody said so. */
const wideOpen = ({ rules }: AllowList): string[] => {
  const doors = rules.filter(isIn).filter(({ from }) => from.some(isEveryone));
  return [...new Set(doors.map(({ clients }) => clients))].map((clients) => {
    const own = doors.filter((rule) => rule.clients === clients);
    const ranges = own[0]?.from.filter(isEveryone) ?? [];
    return `OPEN TO EVERYONE: ${FLAG[clients]} ${ranges.join(", ")} lets every address of ${families(ranges)} come in to ${own.map(portOf).join(", ")}; name ${WHO[clients]} instead.`;
  });
};

const families = (ranges: readonly string[]): string =>
  [...new Set(ranges.map(familyOfRange))].map((family) => `IPv${family}`).join(" and ");

/** What every format has to say beside its rules, a paragraph each. */
export const remarks = (list: AllowList): string[] => {
  const unresolved = list.rules.filter(isOut).filter(({ addresses }) => addresses.length === 0);
  const open = [...new Set(list.rules.filter(isIn).flatMap(({ from, clients }) => (from.length > 0 ? [] : [clients])))];
  return [
    `Names were looked up at ${list.lookedUpAt}; the addresses are those of that moment.`,
    ...movingOf(list),
    ...unresolved.map(
      (rule) => `NO ADDRESS KNOWN for ${placeOf(rule)} ${portOf(rule)}, so no rule by address: ${rule.unresolved}.`,
    ),
    ...open.map((clients) => `NOT SAID: who may come in (${WHO[clients]}); ${FLAG[clients]} CIDR fills it in.`),
    ...wideOpen(list),
    ...list.notes,
    NTP,
    ...leftOut(list),
  ];
};

/** Title and remarks. */
export const preamble = (list: AllowList): string[] => [titleOf(list), "", ...remarks(list)];
