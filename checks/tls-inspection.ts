import { defineCheck } from "../src/model/check.ts";
import type { HttpObservation, TlsSeen } from "../src/model/observation.ts";
import { HOSTS, IMAGES } from "../src/model/remedy.ts";
import { exemptionOf, OUTGOING } from "./endpoints.ts";
import { askedHosts } from "./outgoing.ts";
import { MOUNTED_CA } from "./outgoing-faults.ts";

/** Names of the internet; a mirror of one's own may well have a certificate of one's own. */
const PUBLIC: ReadonlySet<string> = new Set(OUTGOING.map(({ host }) => host));

/** What a host showed in the handshake, of all the ways in which it was asked. */
interface Shown {
  readonly host: string;
  readonly tls: TlsSeen;
  readonly accepted: boolean;
  /** On a way through a configured proxy. */
  readonly proxied: boolean;
}

const shownBy = ({ host, http }: { readonly host: string; readonly http?: HttpObservation }): readonly Shown[] => {
  if (http?.tls === undefined || !PUBLIC.has(host)) return [];
  const accepted = http.ok || http.code !== "tls-untrusted";
  const proxied = http.layers?.some(({ phase }) => phase === "proxy") ?? false;
  return [{ host, tls: http.tls, accepted, proxied }];
};

const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)];

/** A middlebox that opens TLS signs with an authority of its own: what trusts that one, and what does not, differs. */
export default defineCheck({
  id: "tls-inspection",
  title: "Nobody on the way opens the TLS of CrowdSec's connections",
  why: "A proxy or firewall that inspects TLS shows certificates of its own authority. CrowdSec takes them where the system's CA store holds that authority; a container with a store of its own, and every tool that brings its own roots, does not.",
  roles: ["lapi", "agent", "cscli"],
  contacts: "nothing new: the certificates that the outgoing hosts have shown",
  faults: {
    "tls-inspected": {
      severity: "warning",
      blame: "network",
      phase: "handshake",
      // Whoever opens TLS on the way does so for good.
      recovers: false,
      says: "TLS is opened on the way: {issuers} signed the certificates of {seen} of {asked} hosts, where a public authority should have{exempt}; {verdict}",
      remedy: [
        {
          when: "trusted",
          text: "It works here as long as the system's CA store holds that authority. Bouncers in containers, and tools with roots of their own, refuse it: give them the authority's certificate too.",
        },
        {
          when: "untrusted",
          services: HOSTS,
          text: "Put the authority's certificate into the system's CA store, if the inspection is meant to be; then restart crowdsec.",
          commands: [
            "cp AUTHORITY.crt /usr/local/share/ca-certificates/",
            "update-ca-certificates",
            "systemctl restart crowdsec",
          ],
          undo: ["rm /usr/local/share/ca-certificates/AUTHORITY.crt", "update-ca-certificates --fresh"],
        },
        { when: "untrusted", services: IMAGES, text: `If the inspection is meant to be, ${MOUNTED_CA}.` },
        {
          text: "Better: have whoever runs the inspection exempt {exemption} from it.",
          commands: ["openssl s_client -connect {host}:443 -servername {host} </dev/null"],
        },
      ],
    },
  },
  async run(context) {
    const shown = (await askedHosts(context)).flatMap(shownBy);
    const hosts = unique(shown.map(({ host }) => host));
    const inspected = shown.filter(({ tls }) => !tls.publicAuthority);
    const [first] = inspected;
    if (hosts.length === 0)
      return { status: "skip", reason: "not applicable: none of the outgoing hosts has shown a certificate" };
    if (first === undefined) return { status: "pass", note: `${hosts.length} hosts, all signed by public authorities` };
    const seen = unique(inspected.map(({ host }) => host));
    const exempt = hosts.filter((host) => !seen.includes(host));
    const issuers = unique(inspected.map(({ tls }) => tls.issuer));
    const trusted = inspected.every(({ accepted }) => accepted);
    const proxied = inspected.every((each) => each.proxied);
    return {
      status: "fault",
      fault: "tls-inspected",
      when: trusted ? "trusted" : "untrusted",
      data: {
        host: first.host,
        issuers: issuers.join(" and "),
        seen: seen.length,
        asked: hosts.length,
        exemption: exemptionOf(seen),
        exempt: exempt.length === 0 ? "" : ` (exempt: ${exempt.join(", ")})`,
        verdict: trusted
          ? "CrowdSec accepts that, since the system's CA store does"
          : "CrowdSec refuses that, since the system's CA store does not hold that authority",
      },
      message: issuers.join(" and "),
      blame: {
        ...(proxied && { party: "proxy" }),
        evidence: unique(inspected.map(({ host, tls }) => `${host}: signed by ${tls.issuer}`)),
      },
    };
  },
});
