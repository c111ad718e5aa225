import { familyOf, plainName } from "./hosts.ts";
import type { ResolverSeen } from "./observation.ts";

const GODEBUG = /(?:^|,)netdns=([^,]*)/g;

/**
 * What a program's environment says of who resolves its names (initConfVal and goDebugNetDNS in golang/go,
 * https://github.com/golang/go/blob/go1.19.8/src/net/conf.go#L43).
 */
export const resolverVariables = (
  environment: Readonly<Record<string, string | undefined>>,
): { readonly forced?: "go" | "libc"; readonly because?: string } => {
  // `cgo`, `go`, either with a debug level before or after a plus sign.
  const mode = [...(environment["GODEBUG"] ?? "").matchAll(GODEBUG)]
    .at(-1)?.[1]
    ?.split("+")
    .find((part) => /^\D/.test(part));
  if (mode === "go") return { forced: "go" };
  if (mode === "cgo") return { forced: "libc", because: "GODEBUG sets netdns=cgo" };
  // LOCALDOMAIN changes something merely by being there.
  if (environment["LOCALDOMAIN"] !== undefined) return { because: "the variable LOCALDOMAIN is set" };
  const set = ["RES_OPTIONS", "HOSTALIASES"].find((name) => environment[name]);
  return set === undefined ? {} : { because: `the variable ${set} is set` };
};

/** The second number of Go's version; what is no release counts as the newest. */
const minorOf = (goVersion: string | undefined): number =>
  Number(/^go1\.(\d+)/.exec(goVersion ?? "")?.[1] ?? Number.POSITIVE_INFINITY);

/** Names that the module `myhostname` makes up, besides this host's own: `gateway` as older Go has it, `_gateway` and `_outbound` as newer. */
const MADE_UP = /^(gateway|_gateway|_outbound)$|^localhost(\.localdomain)?$|\.localhost(\.localdomain)?$/;

/**
 * Why a Go program that is linked with the C library leaves this name to it; undefined when it asks the nameservers by
 * itself. One that is not linked with it (`build.resolver` is `go`: CrowdSec's own packages, built with `netgo`) always
 * does. Without a version, the newest Go is assumed. hostLookupOrder in golang/go:
 * https://github.com/golang/go/blob/go1.19.8/src/net/conf.go#L138,
 * https://github.com/golang/go/blob/23fdd62d54bc/src/net/conf.go (of 2024 and later).
 */
export const usesLibc = (seen: ResolverSeen, name: string, goVersion?: string): string | undefined => {
  const { forced, newOptions = [], hostname, modules } = seen;
  if (forced === "go" || familyOf(name) !== undefined) return undefined;
  if (seen.wantsLibc !== undefined) return seen.wantsLibc;
  if (newOptions.length > 0 && minorOf(goVersion) < 20) {
    return `/etc/resolv.conf has ${newOptions.map((option) => `"${option}"`).join(", ")}, which Go knows since 1.20 only`;
  }
  if (/[\\%]/.test(name)) return "no ordinary host name";
  const plain = plainName(name);
  const mdns = modules.some((module) => module.startsWith("mdns"));
  // Until 1.22 whatever nsswitch.conf says (https://github.com/golang/go/pull/63986).
  if (plain.endsWith(".local") && (mdns || minorOf(goVersion) < 23)) return "a name below .local is mDNS's";
  if (modules.includes("myhostname")) {
    if (MADE_UP.test(plain)) return 'the module "myhostname" of /etc/nsswitch.conf answers for it';
    if (hostname !== undefined && plain === plainName(hostname)) {
      return 'it is this host\'s own name, for which the module "myhostname" of /etc/nsswitch.conf answers';
    }
  }
  return undefined;
};
