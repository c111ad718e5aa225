import type { Prober } from "../model/observation.ts";
import type { Sourced } from "../model/topology.ts";
import { parseVersion, type Version } from "../model/version.ts";

/** A question to a package database takes no longer, milliseconds. */
const ASK_MS = 2000;

/** What each system's package manager is asked, and where its answer names the version. Reading only, each of them. */
const MANAGERS: readonly { readonly argv: readonly [string, ...string[]]; readonly version: RegExp }[] = [
  // Of a package that was removed, only its configuration is left: that is no version of anything.
  {
    argv: ["/usr/bin/dpkg-query", "-s", "crowdsec"],
    version: /^Status: \S+ \S+ (?!config-files|not-installed)[\s\S]*^Version: (?:\d+:)?(\S+)/m,
  },
  { argv: ["/usr/bin/rpm", "-q", "--qf", "%{VERSION}", "crowdsec"], version: /^(\d\S*)/ },
  { argv: ["/sbin/apk", "list", "--installed", "crowdsec"], version: /^crowdsec-(\d\S*)/m },
];

/** CrowdSec's version by the system's package database; undefined where it was not installed from a package. */
export const packageVersion = async (probe: Prober): Promise<Sourced<Version> | undefined> => {
  for (const { argv, version } of MANAGERS) {
    const [manager] = argv;
    const saw = await probe.path(manager);
    if (!saw.ok || !saw.executable || !saw.guarded) continue;
    const ran = await probe.command({ argv, timeoutMs: ASK_MS });
    const found = ran.ok && ran.exitCode === 0 ? parseVersion(version.exec(ran.output)?.[1] ?? "") : undefined;
    if (found) return { value: found, origin: manager };
  }
  return undefined;
};
