import type { Context, Evidence, Unasked, Verdict } from "../src/model/check.ts";
import type { Failed, HttpAnswered, HttpRequest } from "../src/model/observation.ts";
import {
  type ClientCredentials,
  componentOf,
  isOwnAddress,
  type LapiClient,
  type LapiRoute,
  type Topology,
} from "../src/model/topology.ts";
import { type Destination, type Walked, walk } from "./layers.ts";

/** Whether the Local API's address is this host's own. What a proxy's address says, says nothing of it. */
export const isHere = ({ dns, socket, route }: Evidence, topology: Topology): boolean =>
  socket !== undefined ||
  (route?.via !== "proxy" && dns?.ok === true && dns.addresses.some(({ address }) => isOwnAddress(topology, address)));

/** The clients of this host that a check is about, by name; or why there is none. */
export const lapiClients = (
  { topology: { clients } }: Context,
  kinds: readonly LapiClient["kind"][] = ["self", "machine", "bouncer"],
): readonly string[] | Unasked => {
  if ("hidden" in clients) return { status: "unknown", reason: clients.hidden };
  if ("absent" in clients) return { status: "skip", reason: `not applicable: ${clients.absent}` };
  const names = clients.filter(({ kind }) => kinds.includes(kind)).map(({ name }) => name);
  if (names.length > 0) return names;
  return { status: "skip", reason: `not applicable: no ${kinds.join(" or ")} of a Local API on this host` };
};

/** The client that a check is asked about. */
export const clientOf = ({ topology: { clients } }: Context, name: string): LapiClient => {
  const found = Array.isArray(clients) ? clients.find((client: LapiClient) => client.name === name) : undefined;
  if (found === undefined) throw new Error(`no client ${name}`);
  return found;
};

/** A client's way to the Local API as its file says, or the verdict when there is none. */
export const routeOf = ({ way }: LapiClient): { readonly route: LapiRoute } | { readonly verdict: Unasked } => {
  if ("hidden" in way) return { verdict: { status: "unknown", reason: way.hidden } };
  if ("absent" in way) return { verdict: { status: "skip", reason: `not applicable: ${way.absent}` } };
  if ("malformed" in way) {
    const reason = `not applicable: the Local API's URL cannot be used (${way.malformed.origin})`;
    return { verdict: { status: "skip", reason } };
  }
  return { route: way };
};

/** The same for a check that will ask there: then the environment of the client's component must be known too. */
export const askableRouteOf = (client: LapiClient, topology: Topology): ReturnType<typeof routeOf> => {
  const component = client.neverProxied === undefined ? componentOf(topology, client.component) : undefined;
  if (component && "hidden" in component.environment)
    return { verdict: { status: "unknown", reason: component.environment.hidden } };
  return routeOf(client);
};

/** What a client shows the Local API, or the verdict when that is not known. */
export const credentialsOf = ({
  credentials,
}: LapiClient): { readonly credentials: ClientCredentials } | { readonly verdict: Unasked } => {
  if ("hidden" in credentials) return { verdict: { status: "unknown", reason: credentials.hidden } };
  if ("absent" in credentials) return { verdict: { status: "skip", reason: `not applicable: ${credentials.absent}` } };
  return { credentials };
};

/** Where this client's connections go, and as whom: the part of a walk that does not depend on what is asked. */
export const destinationOf = (context: Context, client: LapiClient, { url, socket }: LapiRoute): Destination => {
  const { neverProxied } = client;
  const component = componentOf(context.topology, client.component);
  return {
    url: url.value,
    ...(socket !== undefined && { socket }),
    origin: url.origin,
    public: false,
    ...(component && { component }),
    ...(neverProxied !== undefined && { neverProxied }),
  };
};

/**
 * The same way without the client's certificate. A Local API that takes certificates registers whoever shows one and asks
 * for a login or for decisions (pkg/apiserver/middlewares/v1/tls_auth.go): that would write.
 */
export const withoutCertificate = ({ trust: { certificate: _shown, ...trust }, ...route }: LapiRoute): LapiRoute => ({
  ...route,
  trust,
});

/** Asks the Local API as this client reaches it. */
export const askLapi = (
  context: Context,
  client: LapiClient,
  route: LapiRoute,
  path: string,
  request: Pick<HttpRequest, "method" | "body" | "headers" | "look"> = {},
): Promise<Walked> =>
  walk(context, { ...destinationOf(context, client, route), path, request: { trust: route.trust, ...request } });

/** The unauthenticated request whose answer only a Local API gives; `lapi-tls` and `lapi-identity` share it. */
export const FINGERPRINT_PATH = "v1/heartbeat";

/** pkg/apiserver/middlewares/v1/jwt.go sets this realm, in every version since 1.0. */
const REALM = "JWT realm=Crowdsec API local";

/** Whether the answer to the fingerprint request is the one that only a Local API gives. */
export const isLocalApi = ({ status, headers }: HttpAnswered): boolean =>
  status === 401 && headers["www-authenticate"] === REALM;

/** What the remedies of the Local API's faults are about: a service of this host, of another, or behind a socket. */
export const placeOf = (evidence: Evidence, topology: Topology): "here" | "elsewhere" | "socket" =>
  evidence.socket ? "socket" : isHere(evidence, topology) ? "here" : "elsewhere";

/** A fault of the layers in the check's own words; `unknown` when this check has no word for it. */
export const layerFaultOf = <K extends string>(
  walked: Walked,
  failed: Failed,
  context: Context,
  client: LapiClient,
  faults: Readonly<Record<K, unknown>>,
): Verdict<K> => {
  const { evidence } = walked;
  const data = {
    address: evidence.tcp?.[0]?.at.address ?? "",
    url: evidence.target?.url ?? "",
    file: client.path,
    ...walked.data,
  };
  if (!(failed.code in faults)) return { status: "unknown", reason: `${failed.code}: ${failed.message}`, evidence };
  const place = placeOf(evidence, context.topology);
  return {
    status: "fault",
    fault: failed.code as K,
    data,
    failed,
    when: place,
    // Whoever does not listen here, or drops packets here, is this host's own.
    ...(place === "here" && failed.phase === "connect" && ({ blame: { party: "this-host" } } as const)),
    also: walked.also,
    evidence,
  };
};
