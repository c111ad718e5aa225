import { defineCheck } from "../src/model/check.ts";
import { lapiLayers, TLS_CODES } from "./lapi-faults.ts";
import { askableRouteOf, askLapi, clientOf, FINGERPRINT_PATH, lapiClients, layerFaultOf } from "./lapi-way.ts";
import { layerFaults } from "./layers.ts";

const DAY_MS = 86_400_000;
/** Renewal takes a person some days. */
const SOON_DAYS = 14;

const FAULTS = {
  ...layerFaults(lapiLayers(...TLS_CODES)),
  "tls-files-unusable": {
    blame: "configuration",
    confidence: "certain",
    says: "{file} names a certificate file that cannot be used: {message}",
    remedy: [
      {
        text: "Correct ca_cert_path, cert_path or key_path in {file}: CrowdSec stops at such a file.",
        commands: ["grep -sn _path: {file} {file}.local"],
      },
    ],
  },
  "tls-expires-soon": {
    severity: "warning",
    blame: "remote-service",
    confidence: "certain",
    phase: "handshake",
    // It only comes closer.
    recovers: false,
    says: "the certificate of {place} {lasts} ({validTo})",
    remedy: [{ text: "Renew the Local API's certificate before then, and restart crowdsec there." }],
  },
} as const;

/** An expired one gets this far only where nothing verifies it. */
const lasts = (days: number): string =>
  days < 0 ? `expired ${-days} days ago, and nothing verifies it` : `expires in ${days} days`;

/** Agents and bouncers of CrowdSec verify the Local API's certificate as Go does, which is stricter than OpenSSL. */
export default defineCheck({
  id: "lapi-tls",
  title: "Local API's certificate is one that CrowdSec trusts",
  why: "Over https, every client of CrowdSec verifies the Local API's certificate against the system's CA store and ca_cert_path, and refuses a certificate with only a common name.",
  roles: ["lapi", "agent", "bouncer", "cscli"],
  contacts: "a TLS handshake with the Local API, when its URL says https",
  needs: ["lapi-reachable"],
  faults: FAULTS,
  // The Local API itself verifies nothing; whether its clients trust its certificate is asked for each of them.
  targets: (context) => lapiClients(context, ["machine", "bouncer"]),
  async run(context, target) {
    const client = clientOf(context, target);
    const found = askableRouteOf(client, context.topology);
    if ("verdict" in found) return found.verdict;
    const { route } = found;
    if (!route.url.value.startsWith("https:"))
      return { status: "skip", reason: `not applicable: ${route.url.value} is plain HTTP (${route.url.origin})` };
    const walked = await askLapi(context, client, route, FINGERPRINT_PATH);
    const { failed, evidence, data } = walked;
    // The client's own files, which it reads before it says a word.
    if (failed?.phase === "host") {
      if (failed.code === "file-denied")
        return { status: "unknown", reason: `run as root: ${failed.message}`, evidence };
      return {
        status: "fault",
        fault: "tls-files-unusable",
        data: { file: client.path, message: failed.message },
        failed,
        evidence,
      };
    }
    if (failed && failed.phase === "handshake") return layerFaultOf(walked, failed, context, client, FAULTS);
    const tls = evidence.http?.tls;
    if (tls === undefined) return { status: "unknown", reason: failed?.message ?? "no handshake was seen", evidence };
    const days = Math.floor((Date.parse(tls.validTo) - context.now.getTime()) / DAY_MS);
    if (days < SOON_DAYS)
      return {
        status: "fault",
        fault: "tls-expires-soon",
        data: { ...data, lasts: lasts(days), validTo: tls.validTo },
        message: `valid until ${tls.validTo}`,
        evidence,
      };
    const everything = client.kind === "machine" ? ", not even the Central API's certificate" : "";
    const unverified = route.trust.skipVerify
      ? `; insecure_skip_verify is set, so nothing is verified${everything}`
      : "";
    return { status: "pass", note: `${tls.protocol}, ${days} days left${unverified}`, evidence };
  },
});
