import { type Context, defineCheck } from "../src/model/check.ts";
import type { ClientCredentials, LapiClient, LapiRoute } from "../src/model/topology.ts";
import { compareVersions, type Version } from "../src/model/version.ts";
import {
  askableRouteOf,
  askLapi,
  clientOf,
  credentialsOf,
  isHere,
  lapiClients,
  withoutCertificate,
} from "./lapi-way.ts";
import { describe, type Walked } from "./layers.ts";

/** Since then a HEAD request with a key writes nothing (pkg/apiserver/middlewares/v1/api_key.go). */
const HARMLESS_SINCE: Version = [1, 6, 4];
/** 404 before 1.6.6, 401 since: the engine's age, told without credentials. */
const SINCE_1_6_6 = "v1/allowlists";
/** Of the documentation range RFC 5737: no decision is about it. */
const NO_DECISION = "v1/decisions?ip=192.0.2.1";

const INCOMPLETE = "not applicable: no key of this bouncer is known (credentials)";
const NO_KEY: Readonly<Record<Exclude<ClientCredentials["kind"], "key">, string>> = {
  certificate: "not applicable: it shows a certificate, and asking with that would register a bouncer",
  both: INCOMPLETE,
  password: INCOMPLETE,
  template: INCOMPLETE,
  incomplete: INCOMPLETE,
};

/** Whether asking with a key leaves the bouncer's row as it is. */
const isHarmless = async (
  context: Context,
  client: LapiClient,
  route: LapiRoute,
): Promise<{ harmless: boolean; asked: Walked }> => {
  const asked = await askLapi(context, client, route, SINCE_1_6_6);
  if (asked.reply?.status === 401) return { harmless: true, asked };
  // This host's own version speaks for the Local API only where that runs here.
  const version = isHere(asked.evidence, context.topology) ? await context.version() : undefined;
  return { harmless: version !== undefined && compareVersions(version, HARMLESS_SINCE) >= 0, asked };
};

/** A bouncer with a wrong key protects nothing, and many say so nowhere. */
export default defineCheck({
  id: "bouncer-key",
  title: "Local API accepts the bouncer's key",
  why: "A bouncer whose key the Local API does not know blocks nothing. From 1.6.4 on, asking leaves no trace; older engines write the asker's name, version and address into the bouncer's row, so there it is asked with --allow-writes only.",
  roles: ["bouncer"],
  phase: "run",
  contacts:
    "GET /v1/allowlists without credentials, then HEAD /v1/decisions/stream with the bouncer's key, at its Local API",
  needs: ["credentials", "lapi-identity", "lapi-database"],
  faults: {
    "lapi-key-rejected": {
      blame: "credentials",
      confidence: "certain",
      phase: "login",
      // A key that was refused is never tried again.
      recovers: false,
      says: "the Local API at {place} does not know the key of {client} ({origin})",
      remedy: [
        {
          text: "On the Local API's host, register the bouncer under a new name, write the key into {origin}, and restart the bouncer.",
          commands: ["cscli bouncers list", "cscli bouncers add NEW_NAME"],
          url: "https://docs.crowdsec.net/u/troubleshooting/remediation_components",
        },
      ],
    },
  },
  targets: (context) => lapiClients(context, ["bouncer"]),
  async run(context, target) {
    const client = clientOf(context, target);
    const found = askableRouteOf(client, context.topology);
    if ("verdict" in found) return found.verdict;
    const shown = credentialsOf(client);
    if ("verdict" in shown) return shown.verdict;
    const { credentials } = shown;
    if (credentials.kind !== "key") return { status: "skip", reason: NO_KEY[credentials.kind] };
    const route = withoutCertificate(found.route);
    const { harmless, asked } = await isHarmless(context, client, route);
    const { failed } = asked;
    if (failed) return { status: "unknown", reason: `${failed.code}: ${failed.message}`, evidence: asked.evidence };
    if (!harmless && !context.allowWrites)
      return {
        status: "skip",
        reason:
          "not asked: this Local API is, or may be, older than 1.6.4, where asking with a key overwrites the bouncer's type, version and address; --allow-writes asks all the same",
      };
    const walked = await askLapi(context, client, route, harmless ? "v1/decisions/stream" : NO_DECISION, {
      method: "HEAD",
      headers: { "x-api-key": credentials.key },
    });
    const { reply, evidence } = walked;
    if (reply === undefined)
      return { status: "unknown", reason: walked.failed?.message ?? "the probe gave no answer", evidence };
    const wrote = harmless ? "" : "; wrote its type, version and address anew, as every request with a key does there";
    if (reply.status === 200) return { status: "pass", note: `HTTP 200${wrote}`, evidence };
    if (reply.status !== 403)
      return { status: "unknown", reason: `an answer that tells nothing: ${describe(reply)}`, evidence };
    const data = { ...walked.data, client: client.name, origin: credentials.origin };
    return {
      status: "fault",
      fault: "lapi-key-rejected",
      data,
      message: "access forbidden",
      httpStatus: 403,
      evidence,
    };
  },
});
