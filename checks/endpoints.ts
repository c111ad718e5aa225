import type { OutgoingEndpoint } from "../src/model/endpoint.ts";
import { type Version, type VersionRange, within } from "../src/model/version.ts";

const CROWDSEC = "https://github.com/crowdsecurity/crowdsec/blob/v1.7.8";
const NETWORK_DOCS = "https://docs.crowdsec.net/docs/next/configuration/network_management";
const INSTALL_DOCS = "https://docs.crowdsec.net/u/getting_started/installation/linux";

/**
 * The names on the internet that CrowdSec talks to, all on tcp/443. Which one is needed depends on the role, the phase
 * and the version: each row says so, with the place where that is written.
 */
export const OUTGOING: readonly OutgoingEndpoint[] = [
  {
    id: "outgoing-capi",
    host: "api.crowdsec.net",
    port: 443,
    path: "/",
    roles: ["lapi", "cscli"],
    optional: false,
    answer: "any",
    purpose: "the Central API: community blocklist, shared signals, console",
    breaks: "no community blocklist; from 1.5.0 on, the Local API does not even start without it",
    source: `${CROWDSEC}/pkg/apiserver/apic.go#L235`,
    behind: "AWS",
  },
  {
    id: "outgoing-blocklists",
    host: "blocklists.api.crowdsec.net",
    port: 443,
    path: "/",
    roles: ["lapi"],
    versions: { since: [1, 5, 0] },
    optional: true,
    answer: "any",
    purpose: "the blocklists that this engine is subscribed to",
    breaks: "subscribed blocklists are not refreshed, silently",
    source: NETWORK_DOCS,
    behind: "AWS",
  },
  {
    id: "outgoing-papi",
    host: "papi.api.crowdsec.net",
    port: 443,
    path: "/",
    roles: ["lapi"],
    versions: { since: [1, 5, 0] },
    optional: true,
    answer: "any",
    purpose: "orders from the console, on paid plans",
    breaks: "decisions made in the console do not arrive",
    source: `${CROWDSEC}/pkg/apiserver/papi.go#L24`,
    behind: "AWS",
  },
  {
    id: "outgoing-hub",
    host: "cdn-hub.crowdsec.net",
    port: 443,
    path: "/crowdsecurity/master/.index.json",
    roles: ["cscli", "agent"],
    versions: { since: [1, 6, 3] },
    optional: false,
    answer: "json",
    purpose: "the hub: parsers, scenarios, collections",
    breaks: "cscli hub update, install and upgrade fail; the package's own install script stops there",
    source: `${CROWDSEC}/pkg/csconfig/cscli.go#L21`,
    behind: "CloudFront",
  },
  {
    id: "outgoing-hub-legacy",
    host: "hub-cdn.crowdsec.net",
    port: 443,
    path: "/master/.index.json",
    roles: ["cscli", "agent"],
    versions: { until: [1, 6, 2] },
    optional: false,
    answer: "json",
    purpose: "the hub of CrowdSec up to 1.6.2",
    breaks: "cscli hub update, install and upgrade fail",
    source: "https://github.com/crowdsecurity/crowdsec/blob/v1.4.6/pkg/cwhub/cwhub.go#L27",
  },
  {
    id: "outgoing-hub-data",
    host: "hub-data.crowdsec.net",
    port: 443,
    path: "/",
    roles: ["cscli", "agent"],
    optional: false,
    answer: "any",
    purpose: "data files of hub items: GeoIP databases, lists of user agents",
    breaks: "installing or upgrading a collection with data files fails",
    source: NETWORK_DOCS,
    behind: "Cloudflare",
  },
  {
    id: "outgoing-version",
    host: "version.crowdsec.net",
    port: 443,
    path: "/latest",
    roles: ["cscli", "agent"],
    optional: false,
    answer: "json",
    purpose: "the newest version, from which cscli derives the hub's branch",
    breaks: "cscli hub update, install and upgrade fail (from 1.5.1 to 1.6.10 they only warn)",
    source: `${CROWDSEC}/cmd/crowdsec-cli/core/require/branch.go#L27`,
    behind: "Cloudflare",
  },
  {
    id: "outgoing-dashboard",
    host: "crowdsec-statics-assets.s3-eu-west-1.amazonaws.com",
    port: 443,
    path: "/",
    roles: ["cscli"],
    versions: { until: [1, 6, 11] },
    optional: true,
    answer: "any",
    purpose: "the database of cscli dashboard setup",
    breaks: "cscli dashboard setup fails",
    source: "https://github.com/crowdsecurity/crowdsec/blob/v1.4.6/pkg/metabase/metabase.go#L48",
    behind: "Amazon S3",
  },
  {
    id: "outgoing-cti",
    host: "cti.api.crowdsec.net",
    port: 443,
    path: "/",
    roles: ["lapi", "agent"],
    versions: { since: [1, 5, 0] },
    optional: true,
    answer: "any",
    purpose: "threat intelligence about single addresses, with a CTI key",
    breaks: "CTI helpers in scenarios and profiles give nothing",
    source: `${CROWDSEC}/pkg/cticlient/client.go#L16`,
  },
  {
    id: "outgoing-installer",
    host: "install.crowdsec.net",
    port: 443,
    path: "/",
    roles: ["lapi", "agent", "bouncer", "cscli"],
    phase: "install",
    optional: false,
    answer: "script",
    purpose: "the script that sets up the package repository",
    breaks: "curl -s https://install.crowdsec.net | sudo sh fails",
    source: INSTALL_DOCS,
  },
  {
    id: "outgoing-packages",
    host: "packagecloud.io",
    port: 443,
    path: "/crowdsec/crowdsec/any/dists/any/InRelease",
    roles: ["lapi", "agent", "bouncer", "cscli"],
    phase: "install",
    optional: false,
    answer: "package-index",
    purpose: "CrowdSec's packages; the files themselves come from the host that it redirects to",
    breaks: "apt and dnf cannot install or upgrade CrowdSec",
    source: INSTALL_DOCS,
    behind: "CloudFront",
  },
];

/** The hub of this version; of an unknown one, the newest's. */
export const hubOf = (version: Version | undefined): OutgoingEndpoint => {
  const hubs = OUTGOING.filter(({ id }) => id === "outgoing-hub" || id === "outgoing-hub-legacy");
  const [newest] = hubs;
  const own = version && hubs.find(({ versions = {} }) => within(version, versions));
  if (newest === undefined) throw new Error("no hub in the outgoing list");
  return own ?? newest;
};

/** cscli of these goes on without the host of versions, with a warning (cmd/crowdsec-cli/require/branch.go). */
const VERSION_ONLY_WARNS: VersionRange = { since: [1, 5, 1], until: [1, 6, 10] };

/** Whether `cscli hub update` of this version ends where version.crowdsec.net cannot be reached. */
export const needsVersionHost = (version: Version | undefined): boolean =>
  version === undefined || !within(version, VERSION_ONLY_WARNS);

/** What to have exempted, of a list of hosts: all of CrowdSec's own names at once, and the others by name. */
export const exemptionOf = (hosts: readonly string[]): string =>
  [...new Set(hosts.map((host) => (host.endsWith(".crowdsec.net") ? "*.crowdsec.net" : host)))].join(", ");
