import type { Context, Evidence, Verdict } from "../src/model/check.ts";
import type { Failed } from "../src/model/observation.ts";
import type { LapiRoute, Topology } from "../src/model/topology.ts";
import { type Walked, walk } from "./layers.ts";

const LOOPBACK = /^(127\.|::1$|0\.0\.0\.0$|::$)/;

/** Whether the Local API's address is this host's own. */
export const isHere = ({ dns }: Evidence, { interfaces }: Topology): boolean =>
  dns?.ok === true &&
  dns.addresses.some(({ address }) => LOOPBACK.test(address) || interfaces.some((own) => own.address === address));

/** The route to the Local API, or the verdict when there is none to ask. */
export const lapiRoute = ({
  topology: { lapi },
}: Context): { readonly route: LapiRoute } | { readonly verdict: Verdict<never> } => {
  if ("hidden" in lapi) return { verdict: { status: "unknown", reason: lapi.hidden } };
  if ("absent" in lapi) return { verdict: { status: "skip", reason: `not applicable: ${lapi.absent}` } };
  if ("malformed" in lapi)
    return {
      verdict: {
        status: "skip",
        reason: `not applicable: the Local API's URL cannot be used (${lapi.malformed.origin})`,
      },
    };
  return { route: lapi };
};

/** Asks the Local API something that needs no credentials. */
export const askLapi = (context: Context, { url, trust }: LapiRoute, path: string, body?: string): Promise<Walked> =>
  walk(context, {
    url: url.value,
    origin: url.origin,
    public: false,
    path,
    request: { trust, ...(body !== undefined && { method: "POST", body }) },
  });

/** The unauthenticated request whose answer only a Local API gives; `lapi-tls` and `lapi-identity` share it. */
export const FINGERPRINT_PATH = "v1/heartbeat";

/** A fault of the layers in the check's own words; `unknown` when this check has no word for it. */
export const layerFaultOf = <K extends string>(
  walked: Walked,
  failed: Failed,
  topology: Topology,
  faults: Readonly<Record<K, unknown>>,
): Verdict<K> => {
  const data = {
    address: walked.evidence.tcp?.[0]?.at.address ?? "",
    url: walked.evidence.target?.url ?? "",
    ...walked.data,
  };
  if (!(failed.code in faults))
    return { status: "unknown", reason: `${failed.code}: ${failed.message}`, evidence: walked.evidence };
  return {
    status: "fault",
    fault: failed.code as K,
    data,
    failed,
    when: isHere(walked.evidence, topology) ? "here" : "elsewhere",
    evidence: walked.evidence,
  };
};
