import { familyOf, plainName } from "../model/hosts.ts";
import { printable } from "../model/text.ts";

export { type HostsEntry, parseHosts, plainName } from "../model/hosts.ts";

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
  /** `options rotate`: each question begins at the nameserver after the one before. */
  readonly rotate: boolean;
  /** False: the file names no server, and these are what Go asks then. */
  readonly configured: boolean;
  /** Lines and options that no Go knows. */
  readonly unknown: readonly string[];
  /** Options that Go knows since 1.20 only. */
  readonly newOptions: readonly string[];
}

/** What Go asks when resolv.conf is missing or names no server. */
const DEFAULT_SERVERS = ["127.0.0.1", "::1"];
/** Go reads no further nameserver than the third. */
const MAX_SERVERS = 3;

const rooted = (name: string): string => (name.endsWith(".") ? name : `${name}.`);

const bounded = (text: string, least: number, most: number): number =>
  Math.min(Math.max(Number.parseInt(text, 10) || least, least), most);

const TCP_ONLY = new Set(["use-vc", "usevc", "tcp"]);

/** Options that Go knows since 1.20 only (net/dnsconfig_unix.go; https://github.com/golang/go/issues/51152). */
const SINCE_1_20 = new Set(["edns0", "trust-ad", "no-reload"]);
const OTHER_OPTIONS = new Set(["single-request", "single-request-reopen"]);

/** The domain of this host's own name: what Go searches when no line says what else (dnsDefaultSearch). */
const ownDomain = (hostname: string): readonly string[] => {
  const domain = hostname.replace(/^[^.]*\.?/, "");
  return domain === "" ? [] : [rooted(domain)];
};

/**
 * Lines and options that Go does not know are passed over, as Go does where it resolves by itself; they are kept in
 * `unknown`, because of which it may not.
 *
 * @param hostname of this host, as its kernel has it
 */
export const parseResolvConf = (content: string, hostname = ""): ResolverConfig => {
  const servers: string[] = [];
  const unknown: string[] = [];
  const newOptions: string[] = [];
  let search: readonly string[] = [];
  let [ndots, timeoutMs, attempts, tcpOnly, rotate] = [1, 5000, 2, false, false];
  const readOption = (option: string): void => {
    const [name = "", value] = option.split(":");
    if (value === undefined && TCP_ONLY.has(name)) tcpOnly = true;
    else if (option === "rotate") rotate = true;
    else if (SINCE_1_20.has(option)) newOptions.push(option);
    else if (value !== undefined && name === "ndots") ndots = bounded(value, 0, 15);
    else if (value !== undefined && name === "timeout") timeoutMs = bounded(value, 1, 3600) * 1000;
    else if (value !== undefined && name === "attempts") attempts = bounded(value, 1, 5);
    else if (!OTHER_OPTIONS.has(option)) unknown.push(printable(option, 40));
  };
  for (const line of content.split("\n")) {
    if (line.startsWith(";") || line.startsWith("#")) continue;
    const [keyword = "", ...values] = line.trim().split(/\s+/);
    const [first] = values;
    if (keyword === "nameserver") {
      if (first !== undefined && servers.length < MAX_SERVERS && familyOf(first) !== undefined) servers.push(first);
    } else if (keyword === "domain") {
      if (first !== undefined) search = [rooted(first)];
    } else if (keyword === "search") {
      search = values.map(rooted).filter((suffix) => suffix !== ".");
    } else if (keyword === "options") {
      for (const option of values) readOption(option);
    } else if (keyword !== "" && keyword !== "lookup") {
      unknown.push(printable(keyword, 40));
    }
  }
  return {
    servers: servers.length > 0 ? servers : DEFAULT_SERVERS,
    configured: servers.length > 0,
    search: search.length > 0 ? search : ownDomain(hostname),
    ndots,
    timeoutMs,
    attempts,
    tcpOnly,
    rotate,
    unknown,
    newOptions,
  };
};

/** One module of a line of nsswitch.conf, and what stands in brackets after it, if it does. */
export interface NssSource {
  readonly module: string;
  readonly criteria?: string;
}

/** Undefined for a criterion that Go cannot read: it then knows nothing of the whole file. */
const isStandard = (criterion: string, last: boolean): boolean | undefined => {
  const [, not, status = "", action = ""] = /^(!?)([^=]*)=(.*)$/.exec(criterion.toLowerCase()) ?? [];
  if (not === undefined || criterion.length < 3 + not.length) return undefined;
  if (not !== "") return false;
  const usual = { success: "return", notfound: "continue", unavail: "continue", tryagain: "continue" }[status];
  return usual !== undefined && (action === usual || (last && action === "return"));
};

/** What stands in brackets after a module changes nothing that Go does anyway (standardCriteria in net/nss.go). */
export const hasStandardCriteria = ({ criteria = "" }: NssSource): boolean => {
  const list = criteria.split(/\s+/).filter((criterion) => criterion !== "");
  return list.every((criterion, index) => isStandard(criterion, index === list.length - 1) === true);
};

const DATABASE = /^([^:]*):(.*)$/;
/** A blank, and no other, ends a module: Go takes a tab for a part of its name. */
const SOURCE = /^([^ ]+)(?: \s*)?(?:\[([^\]]*)\])?\s*/;

/** The sources of `hosts` in /etc/nsswitch.conf, as Go reads them (net/nss.go); undefined for a file that it cannot read. */
export const parseNsswitch = (content: string): readonly NssSource[] | undefined => {
  const hosts: NssSource[] = [];
  for (const line of content.split("\n")) {
    const text = (line.split("#")[0] ?? "").trim();
    if (text === "") continue;
    const [, database, list = ""] = DATABASE.exec(text) ?? [];
    if (database === undefined) return undefined;
    for (let rest = list.trim(); rest !== ""; ) {
      const [whole = rest, module = rest, criteria] = SOURCE.exec(rest) ?? [];
      rest = rest.slice(whole.length);
      // A bracket that is never closed.
      if (criteria === undefined && rest.startsWith("[")) return undefined;
      const readable = (criteria ?? "").split(/\s+/).filter((criterion) => criterion !== "");
      if (readable.some((criterion) => isStandard(criterion, false) === undefined)) return undefined;
      if (database.trim() === "hosts") hosts.push({ module, ...(criteria !== undefined && { criteria }) });
    }
  }
  return hosts;
};

/** Where Go looks a name up by itself, in this order: the hosts file, the nameservers. */
export type LookupOrder = readonly ("files" | "dns")[];

/**
 * What Go makes of nsswitch.conf where it may not use the C library: a module that it does not know stands for `dns`,
 * unless that is named too (lookupOrder in net/conf.go).
 */
export const lookupOrder = (sources: readonly NssSource[] | undefined): LookupOrder => {
  const named = (sources ?? []).map(({ module }) => module);
  const known = named.map((module) => (module === "files" || module === "dns" ? module : undefined));
  const order = known.flatMap((module) => module ?? (named.includes("dns") ? [] : ["dns" as const]));
  return order.length === 0 ? ["files", "dns"] : [...new Set(order)];
};

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
