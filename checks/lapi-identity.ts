import { defineCheck } from "../src/model/check.ts";
import { CONNECT_CODES, lapiLayers } from "./lapi-faults.ts";
import {
  askableRouteOf,
  askLapi,
  clientOf,
  FINGERPRINT_PATH,
  isLocalApi,
  lapiClients,
  layerFaultOf,
  placeOf,
} from "./lapi-way.ts";
import { describe, layerFaults } from "./layers.ts";

/** Go's HTTP server says this to plain HTTP on its TLS port (net/http/server.go). */
const WANTS_TLS = "Client sent an HTTP request to an HTTPS server";

const FAULTS = {
  ...layerFaults(lapiLayers(...CONNECT_CODES, "http-timeout", "http-redirect", "http-invalid", "identity-mismatch")),
  "lapi-wants-tls": {
    blame: "configuration",
    confidence: "certain",
    phase: "response",
    // What the URL says stays.
    recovers: false,
    says: "{place} speaks TLS only, and the URL {url} ({origin}) says http",
    remedy: [{ text: "Write https:// in {origin}, and name the CA of its certificate as ca_cert_path beside it." }],
  },
} as const;

/** An open port proves little: another service, a proxy's page or a redirect looks the same to TCP. */
export default defineCheck({
  id: "lapi-identity",
  title: "It is CrowdSec's Local API that answers",
  why: "Port 8080 is a popular one. A Local API refuses a heartbeat without credentials in words that no other service uses; nothing is logged in and nothing changes.",
  roles: ["lapi", "agent", "bouncer", "cscli"],
  contacts: "GET /v1/heartbeat at the Local API, without credentials",
  needs: ["lapi-reachable", "lapi-tls"],
  faults: FAULTS,
  targets: lapiClients,
  async run(context, target) {
    const client = clientOf(context, target);
    const found = askableRouteOf(client, context.topology);
    if ("verdict" in found) return found.verdict;
    const walked = await askLapi(context, client, found.route, FINGERPRINT_PATH);
    const { failed, reply, evidence } = walked;
    if (failed) return layerFaultOf(walked, failed, context, client, FAULTS);
    if (reply === undefined) return { status: "unknown", reason: "the probe gave no answer", evidence };
    if (isLocalApi(reply)) return { status: "pass", evidence };
    const when = placeOf(evidence, context.topology);
    const fault = reply.body.includes(WANTS_TLS)
      ? "lapi-wants-tls"
      : reply.status >= 300 && reply.status < 400
        ? "http-redirect"
        : "identity-mismatch";
    return {
      status: "fault",
      fault,
      data: { url: found.route.url.value, ...walked.data },
      message: describe(reply),
      httpStatus: reply.status,
      when,
      evidence,
    };
  },
});
