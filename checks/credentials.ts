import { defineCheck } from "../src/model/check.ts";
import { hasRole } from "../src/model/topology.ts";
import { clientOf, lapiClients } from "./lapi-way.ts";

/** The Central API's own credentials, beside those of the clients. */
const CAPI = "capi";

const MACHINES_DOCS = "https://docs.crowdsec.net/u/user_guides/machines_mgmt";

/** Credentials that are missing or half filled in look to the Local API like wrong ones. */
export default defineCheck({
  id: "credentials",
  title: "Credentials are complete",
  why: "An installer that could not finish leaves a credentials file without a password, or a bouncer's file with a placeholder where its key should be. CrowdSec and its bouncers then stop, or are refused as if the key were wrong.",
  roles: ["lapi", "agent", "bouncer", "cscli"],
  phase: "run",
  contacts: "nothing: reads the credentials files and the bouncers' files",
  faults: {
    "credentials-incomplete": {
      blame: "credentials",
      confidence: "certain",
      // Registering the machine or the bouncer, a later step of an installation, writes what lacks.
      recovers: true,
      says: "{place} lacks {missing}, so {client} cannot log in to the Local API",
      remedy: [
        {
          text: "On the Local API's own host, register this machine anew.",
          when: "machine",
          commands: ["cscli machines add -a --force", "systemctl restart crowdsec"],
          url: MACHINES_DOCS,
        },
        {
          text: "On another host, name the Local API, register there, and let its administrator accept that (cscli machines validate).",
          when: "machine",
          commands: ["echo 'url: http://LOCAL_API:8080' > {file}", "cscli lapi register -u http://LOCAL_API:8080"],
          url: MACHINES_DOCS,
        },
        {
          text: "CrowdSec's image writes AGENT_USERNAME and AGENT_PASSWORD there when DISABLE_LOCAL_API is true; given to the Local API's container too, they register the machine there.",
          when: "machine",
          services: ["container"],
        },
        {
          text: "On the Local API's host, register the bouncer under a new name and write the key into {place}.",
          when: "bouncer",
          commands: ["cscli bouncers add NEW_NAME"],
        },
      ],
    },
    "credentials-placeholder": {
      blame: "credentials",
      confidence: "certain",
      // The installer puts the key there when it registers the bouncer.
      recovers: true,
      says: "{place} still holds the installer's placeholder {template}: {client} was never registered",
      remedy: [
        {
          text: "On the Local API's host, register the bouncer under a new name and write the key into {place}.",
          commands: ["cscli bouncers add NEW_NAME"],
        },
      ],
    },
    "credentials-both": {
      blame: "configuration",
      confidence: "certain",
      says: "{place} names a client certificate and a login, which exclude each other: CrowdSec stops at it",
      remedy: [{ text: "Leave out login and password, or cert_path and key_path." }],
    },
    "socket-with-tls": {
      blame: "configuration",
      confidence: "certain",
      says: "{place} names a unix socket and TLS files, which exclude each other: CrowdSec stops at it",
      remedy: [{ text: "Leave out ca_cert_path, cert_path and key_path: TLS never applies to a socket." }],
    },
    "capi-unregistered": {
      severity: "warning",
      blame: "credentials",
      // `cscli capi register`, a later step of an installation, writes them.
      recovers: true,
      says: "{place} lacks {missing}: CrowdSec leaves the Central API alone without a word, so there is no community blocklist",
      remedy: [
        {
          text: "Register with the Central API.",
          // Up to 1.6.9 cscli wants the file to exist (pkg/csconfig/api.go).
          commands: ["touch {place}", "cscli capi register", "systemctl restart crowdsec"],
        },
        { text: "If that is meant, take api.server.online_client out of config.yaml." },
      ],
    },
  },
  targets: (context) => {
    const clients = lapiClients(context, ["machine", "bouncer"]);
    const { capi } = context.topology;
    const known = hasRole(context.topology, "lapi") && ("hidden" in capi || capi.state !== "off");
    if ("status" in clients) return known && clients.status === "skip" ? [CAPI] : clients;
    return known ? [...clients, CAPI] : clients;
  },
  async run(context, target) {
    if (target === CAPI) {
      const { capi } = context.topology;
      if ("hidden" in capi) return { status: "unknown", reason: capi.hidden };
      const { incomplete } = capi;
      if (incomplete === undefined) return { status: "pass" };
      const { path, missing } = incomplete;
      const data = { place: path, missing: missing.join(", ") };
      return { status: "fault", fault: "capi-unregistered", data, evidence: { target: { path } } };
    }
    const { name, kind, path, credentials, way } = clientOf(context, target);
    const evidence = { target: { path } };
    if ("hidden" in credentials) return { status: "unknown", reason: credentials.hidden, evidence };
    if ("absent" in credentials) return { status: "skip", reason: `not applicable: ${credentials.absent}`, evidence };
    const base = { place: credentials.kind === "password" ? path : credentials.origin, file: path, client: name };
    const { certificate, caFiles = [] } = "trust" in way ? way.trust : {};
    if (kind === "machine" && "socket" in way && (certificate || caFiles.length > 0))
      return { status: "fault", fault: "socket-with-tls", data: base, evidence };
    switch (credentials.kind) {
      case "incomplete": {
        const data = { ...base, missing: credentials.missing.join(", ") };
        return { status: "fault", fault: "credentials-incomplete", data, when: kind, evidence };
      }
      case "template": {
        const data = { ...base, template: credentials.template };
        return { status: "fault", fault: "credentials-placeholder", data, evidence };
      }
      case "both":
        return { status: "fault", fault: "credentials-both", data: base, evidence };
      default:
        return { status: "pass", ...(credentials.kind === "certificate" && { note: "client certificate" }), evidence };
    }
  },
});
