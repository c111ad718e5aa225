import type { NamedCause } from "../../src/model/cause.ts";
import type { Finding } from "../../src/model/report.ts";
import { signatureOf } from "../engine-words.ts";
import { hasCode, nameOf, told } from "./findings.ts";

/** pkg/apiserver/middlewares/v1/jwt.go: the database was asked, and has no such machine. */
const NOT_FOUND = /machine not found/i;

const isStranger = (finding: Finding): boolean =>
  (finding.id === "machine-login" && NOT_FOUND.test(finding.fault?.message ?? "")) ||
  (finding.id === "service" &&
    signatureOf(finding.fault?.message ?? "")?.about === "lapi-refused" &&
    NOT_FOUND.test(finding.fault?.message ?? ""));

export const anotherLapi: NamedCause = {
  id: "another-lapi",
  title: "Another Local API than expected, or one whose database was made anew",
  why: "A genuine Local API with a working database answers, and does not know this machine (`machine not found`), nor the keys of this host's bouncers. A wrong password or a key that was revoked is refused in other words, and about one client alone.",
  blame: "configuration",
  says: "the Local API at {place} does not know {who}: it is another one than expected, or its database was made anew",
  remedy: [
    {
      text: "See whether that address is the Local API that is meant: it stands as url in local_api_credentials.yaml, and as the URL in each bouncer's file.",
      commands: ["cscli machines list", "cscli bouncers list"],
    },
    {
      text: "If it is, register this machine there anew, then have it accepted on the Local API's host (cscli machines validate NAME); and each bouncer under a new name.",
      commands: ["cscli lapi register -u http://LOCAL_API:8080 --machine NAME", "systemctl restart crowdsec"],
    },
  ],
  find(failures) {
    const machines = failures.filter(isStranger);
    const [first] = machines;
    if (first === undefined) return [];
    const keys = failures.filter((finding) => hasCode(finding, "lapi-key-rejected"));
    const members = [...machines, ...keys];
    const { host, port } = first.target ?? {};
    const names = members.map((finding) => nameOf(finding) || "this machine");
    return [
      {
        members,
        data: {
          place: host === undefined ? "the address in local_api_credentials.yaml" : `${host}:${port}`,
          who: [...new Set(names)].join(", "),
        },
        confidence: keys.length > 0 ? "certain" : "likely",
        evidence: told(members),
      },
    ];
  },
};
