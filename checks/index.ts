import type { Check } from "../src/model/check.ts";
import configFiles from "./config-files.ts";
import lapiDatabase from "./lapi-database.ts";
import lapiIdentity from "./lapi-identity.ts";
import lapiReachable from "./lapi-reachable.ts";
import lapiTls from "./lapi-tls.ts";
import metrics from "./metrics.ts";
import { outgoing } from "./outgoing.ts";
import pprofExposure from "./pprof-exposure.ts";
import trustStore from "./trust-store.ts";

/** Every check, in the order of the report. */
export const catalogue: readonly Check[] = [
  configFiles,
  trustStore,
  lapiReachable,
  lapiTls,
  lapiIdentity,
  lapiDatabase,
  metrics,
  pprofExposure,
  ...outgoing,
];

export { engineVersion } from "./metrics.ts";
