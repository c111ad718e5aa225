import { type Context, defineCheck } from "../src/model/check.ts";
import type { LapiClient, LapiRoute } from "../src/model/topology.ts";
import { compareVersions, type Version } from "../src/model/version.ts";
import { KEEP_LAPI_UP, runningAs } from "./keep-lapi-up.ts";
import { CONNECT_CODES, lapiLayers, PAST_THE_PROXY } from "./lapi-faults.ts";
import {
  askableRouteOf,
  askLapi,
  clientOf,
  destinationOf,
  FINGERPRINT_PATH,
  isHere,
  isLocalApi,
  lapiClients,
  layerFaultOf,
} from "./lapi-way.ts";
import { connect, describe, layerFaults, type Walked } from "./layers.ts";

/** A process younger than this may still die of its agent's configuration. */
const YOUNG_SECONDS = 10;
/** `listen_socket`, and clients that take a path for a URL (pkg/apiclient/client.go). */
const SOCKETS_SINCE: Version = [1, 6, 1];

const FAULTS = {
  ...layerFaults(lapiLayers(...CONNECT_CODES)),
  "socket-missing": {
    blame: "configuration",
    phase: "connect",
    says: "the unix socket {place} does not exist ({origin})",
    remedy: [
      {
        text: "Start crowdsec, or write the path of api.server.listen_socket into {origin}.",
        commands: ["grep -n listen_socket {config} {config}.local", "systemctl status crowdsec --no-pager"],
      },
    ],
  },
  "socket-denied": {
    blame: "this-host",
    phase: "connect",
    // Who may use it is a matter of permissions, which nobody changes by starting anything.
    recovers: false,
    says: "the unix socket {place} may not be used by this user ({origin})",
    remedy: [
      {
        text: "Give the client's user access to the socket and to its folder; crowdsec makes it for its own user.",
        commands: ["ls -l {place}", "namei -l {place}"],
      },
    ],
  },
  "proxy-answers": {
    blame: "configuration",
    phase: "proxy",
    says: "{component} asks {place} through the proxy {proxy} ({variable}), and what comes back is not the Local API's: {seen}",
    remedy: [PAST_THE_PROXY],
  },
  "lapi-url-invalid": {
    blame: "configuration",
    confidence: "certain",
    says: "the Local API's address {url} ({origin}) is {problem}",
    remedy: [
      { text: "Write it as http://HOST:PORT/ or https://HOST:PORT/ in {origin}.", when: "client" },
      {
        text: "Write api.server.listen_uri as HOST:PORT, without a scheme and with an IPv6 address in brackets; 127.0.0.1:8080 serves this host only.",
        when: "self",
        url: "https://docs.crowdsec.net/docs/next/configuration/crowdsec_configuration#listen_uri",
      },
    ],
  },
  "lapi-went-away": {
    blame: "configuration",
    phase: "connect",
    says: "{place} answered, and no longer did at a second look: the Local API is dying or restarting",
    remedy: [
      {
        text: "Where agent and Local API share the process, an error in the agent's configuration does exactly this: the Local API listens for half a second, then the whole process ends. Its last words name the file.",
        commands: ["journalctl -u crowdsec -n 50 --no-pager", "systemctl status crowdsec --no-pager"],
      },
      ...KEEP_LAPI_UP,
    ],
  },
} as const;

/** What a proxy's open port says nothing of, a request through it does: whether the proxy gets there. */
const look = async (context: Context, client: LapiClient, route: LapiRoute, count?: number): Promise<Walked> => {
  const connected = await connect(context, destinationOf(context, client, route), count);
  if (connected.failed || connected.evidence.route?.via !== "proxy") return connected;
  const again = count === undefined ? {} : { look: count };
  const { failed, ...asked } = await askLapi(context, client, route, FINGERPRINT_PATH, again);
  return failed?.phase === "proxy" ? { ...asked, failed } : asked;
};

/** Agents and bouncers are useless when they cannot open a connection to the Local API. */
export default defineCheck({
  id: "lapi-reachable",
  title: "Local API accepts connections",
  why: "Agents, bouncers and cscli work through the Local API; without it nothing is decided and nothing blocked. Each goes where its own file says, so each is asked for on its own. A Local API that dies of its agent's configuration still answers for half a second, so it is looked at twice.",
  roles: ["lapi", "agent", "bouncer", "cscli"],
  contacts: "tcp to the Local API's URL of every client's own file, 8080 by default, or its unix socket",
  faults: FAULTS,
  targets: lapiClients,
  async run(context, target) {
    const client = clientOf(context, target);
    const { way } = client;
    const told = { ...runningAs(context.topology), file: client.path };
    if ("malformed" in way) {
      const { malformed, problem } = way;
      const data = { url: malformed.value, origin: malformed.origin, problem };
      const when = client.kind === "self" ? "self" : "client";
      return { status: "fault", fault: "lapi-url-invalid", data, when, evidence: { target: { path: client.path } } };
    }
    const found = askableRouteOf(client, context.topology);
    if ("verdict" in found) return found.verdict;
    const { route } = found;
    const url = route.url.value;
    const version = route.socket === undefined || client.kind === "bouncer" ? undefined : await context.version();
    if (version !== undefined && compareVersions(version, SOCKETS_SINCE) < 0) {
      const problem = "a unix socket, which CrowdSec knows since 1.6.1 only";
      const data = { url: route.socket ?? "", origin: route.url.origin, problem };
      return { status: "fault", fault: "lapi-url-invalid", data, when: "client" };
    }
    const walked = await look(context, client, route);
    const { reply } = walked;
    // A proxy that passes requests on answers in the Local API's place when it does not get there.
    if (reply && url.startsWith("http:") && walked.evidence.route?.via === "proxy" && !isLocalApi(reply)) {
      const answer = { message: describe(reply), httpStatus: reply.status, evidence: walked.evidence };
      return { status: "fault", fault: "proxy-answers", data: { ...told, ...walked.data }, ...answer };
    }
    if (!walked.failed) {
      const untried = client.kind === "bouncer" && route.socket !== undefined;
      const notes = [
        ...walked.also,
        ...(untried ? ["whether this bouncer can use a unix socket depends on its version"] : []),
      ];
      return { status: "pass", ...(notes.length > 0 && { note: notes.join("; ") }), evidence: walked.evidence };
    }
    const verdict = layerFaultOf(walked, walked.failed, context, client, FAULTS);
    return verdict.status === "fault" ? { ...verdict, data: { ...told, ...verdict.data } } : verdict;
  },
  again(context, first, target) {
    const client = clientOf(context, target);
    const found = askableRouteOf(client, context.topology);
    if ("verdict" in found || !("status" in first) || first.status !== "pass") return undefined;
    const { engine } = context.topology;
    if (engine && engine.ageSeconds >= YOUNG_SECONDS && isHere(first.evidence ?? {}, context.topology))
      return undefined;
    return async () => {
      const walked = await look(context, client, found.route, 2);
      if (!walked.failed) return first;
      return {
        status: "fault",
        fault: "lapi-went-away",
        data: { ...runningAs(context.topology), ...walked.data },
        failed: walked.failed,
        evidence: walked.evidence,
      };
    };
  },
});
