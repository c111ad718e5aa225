import { OUTGOING } from "../../checks/index.ts";
import { outgoing } from "../../checks/outgoing.ts";
import { type AllowList, allowList, type Seen, unknownNames } from "../../src/firewall/index.ts";
import type { DnsObservation } from "../../src/model/observation.ts";
import type { Topology } from "../../src/model/topology.ts";
import type { Version } from "../../src/model/version.ts";
import type { World } from "../support/fake-prober.ts";
import { NOW, runIn } from "../support/run.ts";
import { packageInstall } from "../support/topology.ts";
import { HEALTHY, resolves } from "../support/world.ts";

export interface Given {
  readonly topology?: Partial<Topology>;
  readonly world?: World;
  readonly version?: Version;
  readonly from?: Partial<Seen["from"]>;
  readonly upstream?: readonly string[];
  /** Of what is looked up beside the outgoing list. */
  readonly dns?: (name: string) => DnsObservation;
}

/** The list of an ordinary package install of the newest version in a healthy world, but for what is given. */
export const listOf = async (given: Given = {}): Promise<AllowList> => {
  const { topology, world = HEALTHY, version = [1, 7, 8], from, upstream, dns = world.dns ?? resolves } = given;
  const { findings } = await runIn(outgoing, { world, version, ...(topology && { topology }) });
  const seen: Seen = {
    findings,
    topology: packageInstall(topology),
    endpoints: OUTGOING,
    version,
    at: NOW,
    names: new Map(),
    ...(upstream && { upstream }),
    from: { clients: [], prometheus: [], ...from },
  };
  const names = new Map(unknownNames(allowList(seen)).map((name) => [name, dns(name)]));
  return allowList({ ...seen, names });
};

/** A host that listens beyond loopback on all its ports. */
export const LISTENING = {
  listen: {
    uri: { value: { host: "0.0.0.0", port: 8080 }, origin: "/etc/crowdsec/config.yaml:47" },
    tls: false,
    appsec: [{ value: { host: "192.0.2.10", port: 7422 }, origin: "/etc/crowdsec/acquis.yaml:3" }],
  },
  metrics: {
    enabled: { value: true, origin: "/etc/crowdsec/config.yaml:59" },
    listenAddress: { value: "::", origin: "/etc/crowdsec/config.yaml:61" },
    listenPort: { value: 6060, origin: "/etc/crowdsec/config.yaml:62" },
  },
} as const satisfies Partial<Topology>;

/** What tries to become a line, a command or a formula of its own. */
export const HOSTILE = "=x'\"`$(reboot)`;\n\tudp accept\u001b[2J\u2028} #";
