import type { NamedCause } from "../../src/model/cause.ts";
import type { Finding } from "../../src/model/report.ts";
import { exemptionOf } from "../endpoints.ts";
import {
  hasCode,
  hasFailed,
  hostOf,
  hostsOf,
  isDirect,
  isJudged,
  isOutgoing,
  isProxied,
  told,
  withWarnings,
} from "./findings.ts";

const DATES = ["tls-expired", "tls-not-yet-valid"] as const;

export const wrongClock: NamedCause = {
  id: "wrong-clock",
  title: "This host's clock is wrong",
  why: "Certificates are refused for their dates, and the servers' own clocks say another time than this host's. It is told apart from a certificate that has really expired by the servers' Date headers; one host alone with an old certificate while others are fine is that host's.",
  blame: "this-host",
  says: "the clock of this host is wrong, so the certificates of {n} hosts look expired or not yet valid: {hosts}",
  remedy: [
    {
      text: "Set the clock, and have it kept: then look again.",
      commands: ["timedatectl set-ntp true", "date -u"],
    },
  ],
  find(failures, { findings }) {
    const clock = findings.find((finding) => finding.id === "clock" && hasCode(finding, "clock-wrong"));
    const members = failures.filter(
      (finding) => hasCode(finding, ...DATES) && (clock !== undefined || finding.blame?.party === "this-host"),
    );
    if (members.length === 0) return [];
    const all = withWarnings(members, findings);
    return [
      {
        members: [...(clock ? [clock] : []), ...all],
        data: { n: all.length, hosts: hostsOf(all) },
        confidence: clock?.blame?.confidence ?? "likely",
        evidence: [
          ...(clock ? [clock.summary] : []),
          ...members.flatMap(({ blame }) => blame?.evidence[0] ?? []).slice(0, 1),
        ],
      },
    ];
  },
};

/** Refused for who signed, unless that is a matter of CrowdSec's own settings. */
const untrusted = (failures: readonly Finding[]): readonly Finding[] =>
  failures.filter(
    (finding) => isOutgoing(finding) && hasCode(finding, "tls-untrusted") && finding.blame?.party !== "configuration",
  );

export const tlsIntercepted: NamedCause = {
  id: "tls-intercepted",
  title: "TLS is opened on the way, by an authority that this system does not trust",
  why: "One issuer that is no public authority stands on the chains of several names that belong to different owners: a proxy or firewall reads the traffic. CrowdSec refuses that unless the system's CA store holds the authority. An expired certificate and a wrong clock fail for their dates, whoever signed.",
  blame: "network",
  says: "TLS is opened on the way: {issuer} signed the certificates of {n} hosts, and this system does not trust it: {hosts}",
  remedy: [
    {
      text: "Have whoever runs the inspection exempt {exemption} from it.",
      commands: ["openssl s_client -connect {host}:443 -servername {host} </dev/null"],
    },
    {
      text: "Or, if the inspection is meant to be, put its authority's certificate (AUTHORITY.crt, from whoever runs it) into the system's CA store, and restart crowdsec.",
      commands: [
        "cp AUTHORITY.crt /usr/local/share/ca-certificates/",
        "update-ca-certificates",
        "systemctl restart crowdsec",
      ],
      undo: ["rm /usr/local/share/ca-certificates/AUTHORITY.crt", "update-ca-certificates --fresh"],
    },
  ],
  find(failures, { findings }) {
    const inspection = findings.find((finding) => finding.id === "tls-inspection" && hasCode(finding, "tls-inspected"));
    const members = untrusted(failures);
    const [first] = members;
    if (inspection === undefined || first === undefined) return [];
    const all = withWarnings(members, findings);
    return [
      {
        members: [...all, inspection],
        data: {
          issuer: inspection.fault?.message ?? "an authority of its own",
          n: all.length,
          hosts: hostsOf(all),
          host: first.target?.host ?? "",
          exemption: exemptionOf(all.map(hostOf)),
        },
        confidence: all.length > 1 ? "certain" : "likely",
        ...(members.every(isProxied) && { party: "proxy" }),
        evidence: inspection.blame?.evidence.slice(0, 4) ?? [],
      },
    ];
  },
};

export const caStoreOutdated: NamedCause = {
  id: "ca-store-outdated",
  title: "This system's CA store lacks a public authority",
  why: "Public authorities, of those that Node brings along, signed the certificates, so nobody reads the traffic; this system's own store, which CrowdSec uses, does not hold them. It is old, cut down, or another one than meant (SSL_CERT_FILE).",
  blame: "this-host",
  says: "the CA store of this system lacks the authorities that signed for {n} hosts: {hosts}",
  remedy: [
    {
      text: "Renew the system's CA store, then restart crowdsec.",
      commands: ["apt-get install --reinstall ca-certificates", "systemctl restart crowdsec"],
    },
  ],
  find(failures, { findings }) {
    const looked = findings.some(({ id, status }) => id === "tls-inspection" && status === "pass");
    const members = untrusted(failures);
    if (!looked || members.length === 0) return [];
    const all = withWarnings(members, findings);
    const evidence = ["public authorities signed every certificate that was shown", ...told(members).slice(0, 2)];
    return [{ members: all, data: { n: all.length, hosts: hostsOf(all) }, confidence: "likely", evidence }];
  },
};

/** 511: a captive portal says what it is. */
const NETWORK_AUTHENTICATION_REQUIRED = 511;
/** What comes back when somebody else answers: no TLS, another one's certificate, a page, or the way to one. */
const SOMEBODY_ELSE = ["tls-not-tls", "tls-wrong-host", "http-redirect", "identity-mismatch"] as const;

export const captivePortal: NamedCause = {
  id: "captive-portal",
  title: "A captive portal or block page answers in place of every host",
  why: "Names that belong to different owners all lead to the same stranger: no TLS where TLS must be, a certificate for another name, a redirect elsewhere, or a web page. One host alone that does so is another matter.",
  blame: "network",
  says: "something else answers in place of {n} of {asked} hosts, a captive portal or a block page: {hosts}",
  remedy: [
    {
      text: "Log in to the portal, or have this host exempted from it.",
      commands: ["curl -sSi --max-time 10 http://{host}/ | head -20"],
    },
  ],
  find(failures, { findings }) {
    const asked = findings.filter((finding) => isDirect(finding) && isJudged(finding));
    const members = failures.filter(
      (finding) =>
        isDirect(finding) &&
        (hasCode(finding, ...SOMEBODY_ELSE) || finding.fault?.httpStatus === NETWORK_AUTHENTICATION_REQUIRED),
    );
    const says = members.some(({ fault }) => fault?.httpStatus === NETWORK_AUTHENTICATION_REQUIRED);
    if (members.length < 2 && !says) return [];
    const all = withWarnings(members, findings);
    const everywhere = asked.filter(hasFailed).length === members.length && members.length > 2;
    return [
      {
        members: all,
        data: { n: all.length, asked: asked.length, hosts: hostsOf(all), host: members[0]?.target?.host ?? "" },
        confidence: says || everywhere ? "certain" : "likely",
        evidence: told(members),
      },
    ];
  },
};
