import { type AllowList, isOut } from "./rule.ts";
import { commented, isHostName, placeOf, preamble } from "./words.ts";

const HTTPS_PORT = 443;

/** A destination of the internet, however this host gets there today. */
interface Destination {
  readonly place: string;
  readonly port: number;
  readonly why: string;
}

const destinationsOf = ({ rules, proxied }: AllowList): readonly Destination[] => {
  const direct = rules
    .filter(isOut)
    .filter(({ stable }) => stable === "no")
    .map((rule) => ({ place: placeOf(rule), port: rule.port, why: rule.why }));
  const through = proxied.map(({ name, port, why }) => ({ place: name, port, why }));
  return [...new Map([...through, ...direct].map((each) => [`${each.place}:${each.port}`, each])).values()];
};

/** For squid.conf: CONNECT by name, to be put before its `http_access deny all`. */
export const squid = (list: AllowList): string => {
  const destinations = destinationsOf(list);
  const ports = [...new Set(destinations.map(({ port }) => port))];
  const names = destinations.filter(({ place }) => isHostName(place));
  const addresses = destinations.filter(({ place }) => !isHostName(place));
  const sources = list.sources.map(({ address }) => address);
  const head = commented([
    ...preamble(list),
    "",
    "For squid.conf, before its line http_access deny all. It lets this host ask for CrowdSec's names by CONNECT, and for nothing else. By name: that addresses move does no harm here. Look whether it loads: squid -k parse",
    ...(ports.some((port) => port !== HTTPS_PORT)
      ? [
          `Ports other than 443 must stand in acl SSL_ports too, where http_access deny CONNECT !SSL_ports comes before: ${ports.filter((port) => port !== HTTPS_PORT).join(" ")}.`,
        ]
      : []),
  ]);
  if (destinations.length === 0)
    return [...head, "", "# Nothing: CrowdSec of this host asks the internet for nothing.", ""].join("\n");
  const from = sources.length > 0 ? " crowdsec_hosts" : "";
  const allow = (kind: string): string => `http_access allow CONNECT crowdsec_ports ${kind}${from}`;
  return [
    ...head,
    "",
    "acl CONNECT method CONNECT",
    `acl crowdsec_ports port ${ports.join(" ")}`,
    ...(sources.length > 0
      ? [
          "# This host, as the proxy sees it; others of yours can be added.",
          `acl crowdsec_hosts src ${sources.join(" ")}`,
        ]
      : []),
    ...[...new Map(names.map((each) => [each.place, each])).values()].flatMap(({ place, why }) => [
      ...commented([why]),
      `acl crowdsec_names dstdomain ${place}`,
    ]),
    ...addresses.map(({ place }) => `acl crowdsec_addresses dst ${place}`),
    ...(names.length > 0 ? [allow("crowdsec_names")] : []),
    ...(addresses.length > 0 ? [allow("crowdsec_addresses")] : []),
    "",
  ].join("\n");
};
