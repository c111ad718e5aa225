import net from "node:net";
import type { Address } from "../model/observation.ts";

/** /etc/resolv.conf as Go's own resolver reads it (net/dnsconfig_unix.go). */
export interface ResolverConfig {
  readonly servers: readonly string[];
  /** Suffixes, each with its dot at the end. */
  readonly search: readonly string[];
  readonly ndots: number;
  /** Milliseconds that one try may take. */
  readonly timeoutMs: number;
  readonly attempts: number;
  /** `options use-vc`: TCP only. */
  readonly tcpOnly: boolean;
}

/** What Go asks when resolv.conf is missing or names no server. */
const DEFAULT_SERVERS = ["127.0.0.1", "::1"];
/** Go reads no further nameserver than the third. */
const MAX_SERVERS = 3;

const rooted = (name: string): string => (name.endsWith(".") ? name : `${name}.`);

const bounded = (text: string, least: number, most: number): number =>
  Math.min(Math.max(Number.parseInt(text, 10) || least, least), most);

const TCP_ONLY = new Set(["use-vc", "usevc", "tcp"]);

/** An address of resolv.conf; only IPv6 has zones, and none is empty (netip.ParseAddr). */
const isAddress = (text: string): boolean => {
  const [address = "", zone] = text.split("%");
  return zone === undefined ? net.isIP(address) !== 0 : net.isIPv6(address) && zone !== "";
};

/** Unknown lines and options are passed over, as Go does. */
export const parseResolvConf = (content: string): ResolverConfig => {
  const servers: string[] = [];
  let search: string[] = [];
  let [ndots, timeoutMs, attempts, tcpOnly] = [1, 5000, 2, false];
  for (const line of content.split("\n")) {
    if (line.startsWith(";") || line.startsWith("#")) continue;
    const [keyword, ...values] = line.trim().split(/\s+/);
    const [first] = values;
    if (keyword === "nameserver" && first !== undefined && servers.length < MAX_SERVERS) {
      if (isAddress(first)) servers.push(first);
    } else if (keyword === "domain" && first !== undefined) {
      search = [rooted(first)];
    } else if (keyword === "search") {
      search = values.map(rooted).filter((suffix) => suffix !== ".");
    } else if (keyword === "options") {
      for (const option of values) {
        const [name = "", value] = option.split(":");
        if (value === undefined) tcpOnly ||= TCP_ONLY.has(name);
        else if (name === "ndots") ndots = bounded(value, 0, 15);
        else if (name === "timeout") timeoutMs = bounded(value, 1, 3600) * 1000;
        else if (name === "attempts") attempts = bounded(value, 1, 5);
      }
    }
  }
  return { servers: servers.length > 0 ? servers : DEFAULT_SERVERS, search, ndots, timeoutMs, attempts, tcpOnly };
};

/** /etc/hosts as Go reads it: lower-cased names without a final dot, each with its addresses in the order of the file. */
export const parseHosts = (content: string): ReadonlyMap<string, readonly Address[]> => {
  const names = new Map<string, Address[]>();
  for (const line of content.split("\n")) {
    const [address, ...aliases] = (line.split("#")[0] ?? "").trim().split(/\s+/);
    if (address === undefined || !isAddress(address)) continue;
    const family = net.isIPv6(address.replace(/%.*$/, "")) ? 6 : 4;
    for (const alias of aliases) {
      const name = plainName(alias);
      const known = names.get(name) ?? [];
      names.set(name, [...known, { address, family }]);
    }
  }
  return names;
};

export const plainName = (name: string): string => name.toLowerCase().replace(/\.$/, "");

const LONGEST = 253;
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i;

/** isDomainName in Go's net/dnsclient.go; what is none is "no such host" without any question. */
export const isDomainName = (name: string): boolean => {
  const plain = plainName(name);
  return plain.split(".").every((label) => LABEL.test(label)) && /[a-z_-]/.test(plain);
};

/** The names that are asked for `name`, in order, each without its final dot (nameList in Go's dnsclient_unix.go). */
export const nameList = (name: string, { search, ndots }: ResolverConfig): readonly string[] => {
  const usable = (candidate: string): boolean => candidate.length <= LONGEST && !candidate.endsWith(".onion");
  if (name.endsWith(".")) return [plainName(name)].filter(usable);
  const withSuffixes = search.map((suffix) => plainName(`${name}.${suffix}`));
  const dots = name.split(".").length - 1;
  const list = dots >= ndots ? [plainName(name), ...withSuffixes] : [...withSuffixes, plainName(name)];
  return list.filter(usable);
};
