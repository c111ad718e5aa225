import type { PROXY_CODES } from "../../checks/layers.ts";
import type { LapiClient, Topology } from "../../src/model/topology.ts";
import type { World } from "./fake-prober.ts";
import type { FaultCase, Given } from "./run.ts";
import { crowdsecWith, cscliWith } from "./topology.ts";
import { CONNECTED, failedWith, HEALTHY } from "./world.ts";

type ProxyCode = (typeof PROXY_CODES)[number];

export const PROXY = "http://proxy.corp.example:3128";

/** crowdsec and cscli go through this proxy, except for what NO_PROXY says. */
export const proxied = (proxy = PROXY, rest: Readonly<Record<string, string>> = {}): Partial<Topology> => {
  const variables = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, ...rest };
  return { components: [crowdsecWith(variables), cscliWith(variables)] };
};

/** The proxy takes connections, and what is asked through it fails like this. */
const through = (code: ProxyCode): World => ({
  ...HEALTHY,
  tcp: ({ port }) => (port === 3128 ? CONNECTED : failedWith("tcp-timeout")),
  http: ({ proxy }) => failedWith(proxy ? code : "tcp-timeout"),
});

/** The rows of a table of faults for what can go wrong at a proxy; whose it is depends on what is asked through it. */
export const proxyFaults = (
  party: "proxy" | "configuration",
  clients?: readonly LapiClient[],
): Readonly<Record<ProxyCode, FaultCase>> => {
  const given = (world: World, proxy?: string): Given => ({
    world,
    topology: { ...proxied(proxy), ...(clients && { clients }) },
  });
  const closed: World = { ...HEALTHY, tcp: ({ port }) => (port === 3128 ? failedWith("tcp-refused") : CONNECTED) };
  return {
    "proxy-invalid": ["proxy", "fail", "configuration", given(HEALTHY, "ftp://proxy.corp.example")],
    "proxy-unreachable": ["proxy", "fail", party, given(closed)],
    "proxy-auth-required": ["proxy", "fail", party, given(through("proxy-auth-required"))],
    "proxy-denied": ["proxy", "fail", party, given(through("proxy-denied"))],
    "proxy-upstream": ["proxy", "fail", party, given(through("proxy-upstream"))],
    "proxy-protocol": ["proxy", "fail", "configuration", given(through("proxy-protocol"))],
  };
};
