import { access, readFile, stat } from "node:fs/promises";
import os from "node:os";
import type { FileObservation, ResolverSeen } from "../model/observation.ts";
import { resolverVariables } from "../model/resolver.ts";
import { printable } from "../model/text.ts";
import type { Resolver } from "./dns.ts";
import { probeFile } from "./file.ts";
import {
  hasStandardCriteria,
  lookupOrder,
  type NssSource,
  parseHosts,
  parseNsswitch,
  parseResolvConf,
} from "./go-resolver.ts";

export { probeNameserver } from "./dns.ts";

/** Where this host's resolver is configured; other places in tests. */
export interface ResolverPlaces {
  readonly resolvConf: string;
  readonly nsswitch: string;
  readonly hosts: string;
  readonly mdnsAllow: string;
  readonly hostname: string;
}

const placesOf = (places: Partial<ResolverPlaces>): ResolverPlaces => ({
  resolvConf: "/etc/resolv.conf",
  nsswitch: "/etc/nsswitch.conf",
  hosts: "/etc/hosts",
  mdnsAllow: "/etc/mdns.allow",
  hostname: os.hostname(),
  ...places,
});

/** Not there, or not for this user: Go then goes on without it. */
const isAbsent = (file: FileObservation): boolean =>
  !file.ok && (file.code === "file-missing" || file.code === "file-denied");

/** Undefined for a file that is there and cannot be read. */
const sourcesOf = (file: FileObservation): readonly NssSource[] | undefined => {
  if (file.ok) return parseNsswitch(file.content);
  return file.code === "file-missing" ? [] : undefined;
};

/** Of a hosts file, bytes: the block lists that some keep there are larger than any configuration, and Go reads them whole. */
const MAX_HOSTS = 32 * 1024 * 1024;

const readHosts = async (path: string): Promise<string> => {
  const about = await stat(path).catch(() => undefined);
  return about?.isFile() && about.size <= MAX_HOSTS ? readFile(path, "utf8").catch(() => "") : "";
};

/** This host's hosts file, resolv.conf and nsswitch.conf, as Go's own resolver goes by them. */
export const loadResolver = async (places: Partial<ResolverPlaces> = {}): Promise<Resolver> => {
  const { resolvConf, hosts, nsswitch, hostname } = placesOf(places);
  const [conf, names, nss] = await Promise.all([probeFile(resolvConf), readHosts(hosts), probeFile(nsswitch)]);
  return {
    config: parseResolvConf(conf.ok ? conf.content : "", hostname),
    hosts: parseHosts(names),
    order: lookupOrder(sourcesOf(nss)),
    port: 53,
  };
};

/** Why nsswitch.conf makes Go leave names to the C library, whatever the name; undefined when it does not. */
const unusual = (sources: readonly NssSource[], mdnsAllow: boolean): string | undefined => {
  for (const source of sources) {
    const module = printable(source.module, 40);
    if (module === "files" || module === "dns") {
      if (hasStandardCriteria(source)) continue;
      return `/etc/nsswitch.conf has [${printable(source.criteria ?? "", 60)}] after "${module}", which only the C library follows`;
    }
    if (module === "myhostname") continue;
    if (!module.startsWith("mdns"))
      return `/etc/nsswitch.conf asks the module "${module}", which only the C library has`;
    if (mdnsAllow) return `/etc/nsswitch.conf asks the module "${module}", and /etc/mdns.allow says for which names`;
  }
  const known = sources.some(({ module }) => module === "files" || module === "dns");
  return known || sources.length === 0 ? undefined : "/etc/nsswitch.conf has neither files nor dns for hosts";
};

/**
 * How this host resolves names, and whether a Go program with the C library at hand leaves that to it: initConfVal and
 * hostLookupOrder in golang/go, https://github.com/golang/go/blob/go1.19.8/src/net/conf.go.
 *
 * @param environment of the program in question
 */
export const probeResolver = async (
  environment: Readonly<Record<string, string | undefined>> = {},
  places: Partial<ResolverPlaces> = {},
): Promise<ResolverSeen> => {
  const { resolvConf, nsswitch, mdnsAllow, hostname } = placesOf(places);
  const [conf, nss, allow] = await Promise.all([
    probeFile(resolvConf),
    probeFile(nsswitch),
    access(mdnsAllow).then(
      () => true,
      () => false,
    ),
  ]);
  const { servers, configured, search, timeoutMs, attempts, rotate, unknown, newOptions } = parseResolvConf(
    conf.ok ? conf.content : "",
    hostname,
  );
  const sources = sourcesOf(nss);
  const { forced, because } = resolverVariables(environment);
  const why = (): string | undefined => {
    if (forced === "go") return undefined;
    if (because !== undefined) return because;
    if (!conf.ok && !isAbsent(conf)) return "/etc/resolv.conf cannot be read";
    const [word] = unknown;
    if (word !== undefined) return `/etc/resolv.conf has "${word}", which only the C library knows`;
    return sources === undefined ? "/etc/nsswitch.conf cannot be read" : unusual(sources, allow);
  };
  const wantsLibc = why();
  return {
    servers,
    configured,
    search: search.map((suffix) => suffix.replace(/\.$/, "")),
    timeoutMs,
    attempts,
    rotate,
    modules: (sources ?? []).map(({ module }) => printable(module, 40)),
    newOptions,
    hostname,
    ...(forced && { forced }),
    ...(wantsLibc !== undefined && { wantsLibc }),
  };
};
