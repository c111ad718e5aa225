import type { Check } from "../src/model/check.ts";
import agentConfig from "./agent-config.ts";
import bouncerKey from "./bouncer-key.ts";
import capiLogins from "./capi-logins.ts";
import clock from "./clock.ts";
import configAgreement from "./config-agreement.ts";
import configFiles from "./config-files.ts";
import credentials from "./credentials.ts";
import database from "./database.ts";
import databaseIsolation from "./database-isolation.ts";
import diskSpace from "./disk-space.ts";
import hostsFile from "./hosts-file.ts";
import installScript from "./install-script.ts";
import lapiDatabase from "./lapi-database.ts";
import lapiIdentity from "./lapi-identity.ts";
import lapiLatency from "./lapi-latency.ts";
import lapiReachable from "./lapi-reachable.ts";
import lapiTls from "./lapi-tls.ts";
import machineLogin from "./machine-login.ts";
import memory from "./memory.ts";
import metrics from "./metrics.ts";
import metricsTarget from "./metrics-target.ts";
import { outgoing } from "./outgoing.ts";
import packageState from "./package-state.ts";
import peer from "./peer.ts";
import { ports } from "./port.ts";
import pprofExposure from "./pprof-exposure.ts";
import { proxies } from "./proxy.ts";
import resolver from "./resolver.ts";
import service from "./service.ts";
import serviceManager from "./service-manager.ts";
import tlsInspection from "./tls-inspection.ts";
import trustStore from "./trust-store.ts";
import writableFolders from "./writable-folders.ts";

/** Every check, in the order of the report. */
export const catalogue: readonly Check[] = [
  configFiles,
  configAgreement,
  credentials,
  agentConfig,
  installScript,
  packageState,
  service,
  serviceManager,
  memory,
  diskSpace,
  writableFolders,
  capiLogins,
  ...proxies,
  resolver,
  hostsFile,
  trustStore,
  clock,
  ...ports,
  database,
  databaseIsolation,
  peer,
  lapiReachable,
  lapiTls,
  lapiIdentity,
  lapiDatabase,
  bouncerKey,
  machineLogin,
  lapiLatency,
  metrics,
  metricsTarget,
  pprofExposure,
  ...outgoing,
  tlsInspection,
];

export { causes } from "./causes/index.ts";
export { OUTGOING } from "./endpoints.ts";
export { FINGERPRINT_PATH, isLocalApi } from "./lapi-way.ts";
export { engineVersion } from "./metrics.ts";
export { candidateVersion } from "./package-source.ts";
