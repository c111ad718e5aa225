import { defineCheck } from "../src/model/check.ts";
import { CONNECT_CODES, lapiLayers } from "./lapi-faults.ts";
import { askableRouteOf, askLapi, clientOf, lapiClients, layerFaultOf, withoutCertificate } from "./lapi-way.ts";
import { describe, layerFaults } from "./layers.ts";

/** No machine is ever registered under this name; it stands in the Local API's log once a run. */
const NO_SUCH_MACHINE = "crowdsec-preflight-no-such-machine";
/** The database was asked and does not know the machine (pkg/apiserver/middlewares/v1/jwt.go). */
const NOT_FOUND = "ent: machine not found";
/** Refusals that are made without, or before, a failing database. */
const UNTOLD = [
  /^incorrect Username or Password/i,
  /not validated/,
  /configured to use tls/,
  /^missing/i,
  /cookie token is empty/,
];

const FAULTS = {
  ...layerFaults(lapiLayers(...CONNECT_CODES, "http-timeout", "http-invalid")),
  "lapi-database-down": {
    blame: "remote-service",
    phase: "login",
    says: "the Local API at {place} runs but cannot use its database: {answer}",
    remedy: [
      {
        text: "On the Local API's host: see that the database of db_config runs and lets it in. Until then every bouncer key is refused with 403 and every agent with 401, although their credentials are right.",
        commands: ["grep -n -A 8 '^db_config' /etc/crowdsec/config.yaml", "journalctl -u crowdsec -n 50 --no-pager"],
        url: "https://docs.crowdsec.net/docs/next/local_api/database",
      },
    ],
  },
} as const;

/** The reason in a refusal of the Local API. */
export const messageOf = (body: string): string | undefined => {
  try {
    const parsed: unknown = JSON.parse(body);
    return parsed !== null && typeof parsed === "object" && "message" in parsed ? String(parsed.message) : undefined;
  } catch {
    return undefined;
  }
};

/** `/health` says "up" with a dead database too; only a question that needs the database tells. */
export default defineCheck({
  id: "lapi-database",
  title: "Local API has its database",
  why: "With its database gone, a Local API still says it is up, and refuses every bouncer key as if it were wrong. A login by a machine that cannot exist makes it ask the database, and changes nothing.",
  roles: ["lapi", "agent", "bouncer", "cscli"],
  contacts: "POST /v1/watchers/login at the Local API, for a machine that cannot exist",
  needs: ["lapi-identity"],
  faults: FAULTS,
  targets: lapiClients,
  async run(context, target) {
    const client = clientOf(context, target);
    const found = askableRouteOf(client, context.topology);
    if ("verdict" in found) return found.verdict;
    const body = JSON.stringify({ machine_id: NO_SUCH_MACHINE, password: "none", scenarios: [] });
    const walked = await askLapi(context, client, withoutCertificate(found.route), "v1/watchers/login", {
      method: "POST",
      body,
    });
    const { failed, reply, evidence } = walked;
    if (failed?.code === "tls-client-cert")
      return {
        status: "skip",
        reason:
          "not asked: this Local API talks to clients with a certificate only, and whoever asks for a login with one is registered",
        evidence,
      };
    if (failed) return layerFaultOf(walked, failed, context, client, FAULTS);
    if (reply === undefined) return { status: "unknown", reason: "the probe gave no answer", evidence };
    const message = messageOf(reply.body);
    if (reply.status !== 401 || message === undefined)
      return {
        status: "unknown",
        reason: `the Local API's answer to the login of a machine that cannot exist tells nothing: ${describe(reply)}`,
        evidence,
      };
    if (message === NOT_FOUND) return { status: "pass", evidence };
    if (UNTOLD.some((known) => known.test(message)))
      return { status: "unknown", reason: `the Local API refused before it asked its database: ${message}`, evidence };
    return {
      status: "fault",
      fault: "lapi-database-down",
      data: { ...walked.data, answer: message },
      message,
      httpStatus: reply.status,
      evidence,
    };
  },
});
