import type { NamedCause } from "../../src/model/cause.ts";
import type { Finding } from "../../src/model/report.ts";
import { type Signature, signatureOf } from "../engine-words.ts";
import { hasCode, isFaulty, isHere, isLapi, nameOf, told } from "./findings.ts";

/**
 * The checks whose pass shows that what the words are about is well. A refused login is not among them: only another
 * login would show that.
 */
const SHOWN_BY: Partial<Record<Signature["about"], readonly string[]>> = {
  database: ["database"],
  capi: ["outgoing-capi"],
  port: ["port-lapi"],
  acquisition: ["agent-config"],
  hub: ["agent-config"],
  "lapi-unreachable": ["lapi-reachable", "lapi-identity"],
};

/** Of a check about several things, those that the engine itself depends on; what was only read proves little. */
const isShown = (finding: Finding): boolean =>
  (!isLapi(finding) || nameOf(finding) === "agent") && !finding.summary.includes("by reading only");

export const mendedSince: NamedCause = {
  id: "mended-since",
  title: "What stopped crowdsec is well by now, and nobody has started it again",
  why: "The last words of crowdsec name what it ended with, and the checks about just that pass now: a database that came back, a port that is free again, a configuration that was corrected. Where such a check still fails, that is the cause.",
  blame: "this-host",
  says: "crowdsec does not run since {means}; that is well by now ({checks}), and nothing has started crowdsec again",
  remedy: [
    {
      text: "Start it, and see that it stays.",
      commands: ["systemctl start crowdsec", "systemctl status crowdsec --no-pager"],
      undo: ["systemctl stop crowdsec"],
    },
  ],
  find(failures, { findings }) {
    const service = failures.find((finding) => finding.id === "service" && hasCode(finding, "service-crashed"));
    const signature = service && signatureOf(service.fault?.message ?? "");
    if (service === undefined || signature === undefined || signature.harmless) return [];
    const about = findings.filter((finding) => SHOWN_BY[signature.about]?.includes(finding.id) && isShown(finding));
    const passed = about.filter(({ status }) => status === "pass");
    // Its own port is nobody's once it has ended, which is no pass.
    const free = signature.about === "port" && about.some(({ id, status }) => id === "port-lapi" && status === "skip");
    if ((passed.length === 0 && !free) || about.some(isFaulty)) return [];
    const checks = free ? "the port is free" : `${[...new Set(passed.map(({ id }) => id))].join(", ")} passes`;
    return [
      {
        members: [service],
        data: { means: signature.means, checks },
        confidence: "likely",
        evidence: [`crowdsec's last words: ${service.fault?.message}`, ...told([service])],
      },
    ];
  },
};

export const notListening: NamedCause = {
  id: "not-listening",
  title: "crowdsec runs, and does not listen where its configuration says",
  why: "The service is up and stays up, and yet nothing takes connections at the Local API's address on this host: the running process was started with another configuration than the one that is read now, or without the Local API, or it hangs on its way there. A service that does not run is another matter.",
  blame: "this-host",
  says: "crowdsec runs, and nothing listens on {place}",
  remedy: [
    {
      text: "See where it listens, and whether its configuration was changed after it was started; then restart it.",
      commands: [
        "ss -ltnp 'sport = :{port}'",
        "grep -n listen_uri /etc/crowdsec/config.yaml /etc/crowdsec/config.yaml.local",
        "systemctl restart crowdsec",
      ],
    },
  ],
  find(failures, { findings, topology }) {
    const service = findings.find(({ id, status }) => id === "service" && status === "pass");
    if (service === undefined) return [];
    const refused = failures.filter(
      (finding) => isLapi(finding) && hasCode(finding, "tcp-refused") && isHere(finding, topology),
    );
    const places = [...new Set(refused.map(({ target }) => `${target?.host}:${target?.port}`))];
    return places.map((place) => {
      const members = refused.filter(({ target }) => `${target?.host}:${target?.port}` === place);
      return {
        members,
        about: place,
        data: { place, port: members[0]?.target?.port ?? "" },
        confidence: "certain" as const,
        evidence: [service.summary, ...told(members)],
      };
    });
  },
};
