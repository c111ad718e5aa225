import { defineCheck } from "../src/model/check.ts";
import { hasRole } from "../src/model/topology.ts";
import { bracketed } from "../src/model/url.ts";

/** Only the Local API needs the database; an agent that is told of one opens it all the same. */
export default defineCheck({
  id: "database-isolation",
  title: "This host needs no database",
  why: "Only the Local API uses the database. An agent whose config.yaml still names a networked one opens it at its start, for its metrics, and ends when it cannot; and its password lies on a host where nobody needs it.",
  roles: ["agent", "bouncer"],
  phase: "run",
  contacts: "nothing, unless the agent's configuration names a networked database: then its greeting, without a login",
  faults: {
    "database-needless": {
      severity: "warning",
      blame: "configuration",
      confidence: "certain",
      says: "{origin} names the database {place}, which this host does not need: the agent opens it at its start, and ends without it. {reach}",
      remedy: [
        {
          text: "Take host, port, user and password out of db_config on this host; type: sqlite with a db_path is what an agent needs.",
          url: "https://docs.crowdsec.net/docs/next/configuration/network_management",
        },
        {
          text: "Then close the database to this host: at its firewall, and at the database itself.",
          when: "reachable",
        },
      ],
    },
  },
  async run(context) {
    const { topology, probe } = context;
    if (hasRole(topology, "lapi"))
      return { status: "skip", reason: "not applicable: the Local API runs on this host, and it needs its database" };
    const { database } = topology;
    if ("hidden" in database) return { status: "unknown", reason: database.hidden };
    if ("absent" in database || "malformed" in database || database.kind === "sqlite")
      return { status: "pass", note: "no networked database in its configuration; an agent or bouncer needs none" };
    const { at, type, protocol, tls } = database;
    if ("socket" in at) {
      const data = { origin: type.origin, place: at.socket.value, reach: "Its socket was not asked." };
      return { status: "fault", fault: "database-needless", data };
    }
    const { value: host } = at.host;
    const port = at.port.value;
    if (host === "" || port === 0) {
      const data = {
        origin: type.origin,
        place: host || "without a name",
        reach: "It is not fully named, and was not asked.",
      };
      return { status: "fault", fault: "database-needless", data };
    }
    const dns = await probe.dns({ name: host });
    const saw = dns.ok
      ? await probe.database({
          protocol,
          addresses: dns.addresses.map(({ address }) => address),
          port,
          host,
          tls: tls.value,
        })
      : dns;
    const reach = saw.ok ? "It answers from here." : `It does not answer from here (${saw.code}).`;
    return {
      status: "fault",
      fault: "database-needless",
      data: { origin: type.origin, place: `${bracketed(host)}:${port}`, reach },
      message: reach,
      ...(saw.ok && { when: "reachable" }),
      evidence: {
        target: { host, port, origin: at.host.origin },
        dns,
        ...(dns.ok && "layers" in saw && { database: saw }),
      },
    };
  },
});
