import type { ConditionalRemedy } from "../src/model/check.ts";
import type { LayerCode } from "../src/model/observation.ts";
import { HOSTS, IMAGES } from "../src/model/remedy.ts";
import { CORRECT_VARIABLE } from "./lapi-faults.ts";
import { type LayerFault, layerFaults } from "./layers.ts";

const NETWORK_DOCS = "https://docs.crowdsec.net/docs/next/configuration/network_management";

/** How a container is given a further authority: Go reads every folder of SSL_CERT_DIR (crypto/x509, root_unix.go). */
export const MOUNTED_CA =
  "mount a folder with its certificate into the container, name that in SSL_CERT_DIR beside the system's (SSL_CERT_DIR=/etc/ssl/certs:/FOLDER), and make the container anew (in the helm chart's values extraVolumes, extraVolumeMounts and env, of lapi and agent)";

const CLOCK = [
  {
    text: "This host's clock is wrong: set it.",
    when: "clock",
    services: HOSTS,
    commands: ["timedatectl set-ntp true", "date -u"],
  },
  {
    text: "A container has the clock of its host, and that one is wrong: set it there.",
    when: "clock",
    services: IMAGES,
    commands: ["date -u"],
  },
] as const satisfies readonly ConditionalRemedy[];

/** Every code that a walk can end with gets its blame and its remedy as seen from a host that wants to go out. */
const LAYER_FAULTS = {
  "dns-nxdomain": {
    blame: "resolver",
    remedy: [
      {
        text: "The name exists on the internet, so this host's nameserver hides it, or knows the internal network only. Have it resolve {host}, or use another nameserver.",
        commands: ["cat /etc/resolv.conf", "getent ahosts {host}"],
      },
    ],
  },
  "dns-nodata": {
    blame: "resolver",
    remedy: [
      {
        text: "The nameserver knows the name but gives no address for it. Ask whoever runs it why, or use another one.",
        commands: ["getent ahosts {host}"],
      },
    ],
  },
  "dns-servfail": {
    blame: "resolver",
    remedy: [
      {
        text: "The nameserver could not resolve it: look at its own way out and at its DNSSEC validation.",
        commands: ["cat /etc/resolv.conf", "getent ahosts {host}"],
      },
    ],
  },
  "dns-refused": {
    blame: "resolver",
    remedy: [
      {
        text: "The nameserver does not serve this host. Allow this host there, or name another nameserver in /etc/resolv.conf.",
        commands: ["cat /etc/resolv.conf"],
      },
    ],
  },
  "dns-timeout": {
    blame: "resolver",
    remedy: [
      {
        text: "Check that the nameserver runs, and that udp/53 and tcp/53 to it are open.",
        commands: ["cat /etc/resolv.conf", "getent ahosts {host}"],
      },
    ],
  },
  "dns-sinkhole": {
    blame: "resolver",
    confidence: "certain",
    remedy: [
      { text: "A DNS filter blocks {host}. Put *.crowdsec.net on its allow-list.", commands: ["getent ahosts {host}"] },
    ],
  },
  "dns-no-resolver": {
    blame: "this-host",
    confidence: "certain",
    remedy: [
      {
        text: "Nothing answers DNS at the address in /etc/resolv.conf. Start the local resolver, or name one that runs.",
        commands: ["cat /etc/resolv.conf", "systemctl status systemd-resolved"],
      },
    ],
  },
  "dns-unreachable": {
    blame: "this-host",
    remedy: [
      {
        text: "No question leaves this host for its nameserver: see its route, its interface, and its own packet filter (udp/53 and tcp/53 out).",
        commands: ["cat /etc/resolv.conf", "ip -4 route", "nft list ruleset"],
      },
    ],
  },
  "tcp-refused": {
    blame: "network",
    remedy: [
      {
        text: "{host} listens on {port}, so a firewall on the way rejects it. Allow outgoing tcp/{port} to {host}.",
        commands: ["curl -sS -o /dev/null --max-time 10 https://{host}/"],
        url: NETWORK_DOCS,
      },
    ],
  },
  "tcp-timeout": {
    blame: "network",
    remedy: [
      {
        text: "A firewall on the way most likely drops it. Allow outgoing tcp/{port} to {host}; with a proxy as the only way out, set HTTPS_PROXY for the crowdsec service.",
        commands: ["curl -sS -o /dev/null --max-time 10 https://{host}/"],
        url: NETWORK_DOCS,
      },
    ],
  },
  "tcp-unreachable": {
    blame: "network",
    remedy: [
      {
        text: "This host has no IPv{missing} and {host} nothing else. Give it a way over IPv{missing}: a second address, NAT64 with DNS64 where IPv4 is missing, or a proxy that has both (HTTPS_PROXY of the service).",
        when: "family",
        commands: ["ip -{missing} address", "ip -{missing} route"],
      },
      {
        when: "route",
        text: "There is no route there, or a firewall says so. Check the default route, and the firewall's reject rules.",
        commands: ["ip route get {address}"],
      },
    ],
  },
  "tcp-reset": {
    blame: "network",
    remedy: [
      {
        text: "Something on the way resets the connection. Allow outgoing tcp/{port} to {host} on the firewall.",
        url: NETWORK_DOCS,
      },
    ],
  },
  "proxy-invalid": { blame: "configuration", confidence: "certain", remedy: [CORRECT_VARIABLE] },
  "proxy-unreachable": {
    blame: "proxy",
    remedy: [
      {
        text: "Check that the proxy runs, that this host may connect to it, and that {variable} of {component} ({environment}) names it rightly.",
        commands: ["curl -sS -o /dev/null --max-time 10 --proxy {proxy} https://{host}/"],
      },
    ],
  },
  "proxy-auth-required": {
    blame: "proxy",
    confidence: "certain",
    remedy: [
      {
        when: "login-missing",
        text: "Have the proxy let this host through to {host} without a login; or write the user and the password into {variable} of {component} ({environment}), http://USER:PASSWORD@HOST:PORT.",
      },
      {
        when: "login-missing",
        services: ["systemd"],
        text: "For a service, the login is best kept in a file that only root can read, an EnvironmentFile= of its unit.",
      },
      {
        when: "login-refused",
        text: "The proxy does not take the login in {variable} of {component} ({environment}): correct the user or the password. Characters such as @ : / # and % stand percent-encoded in it.",
      },
      {
        when: "login-refused",
        services: ["systemd"],
        text: "In a unit's Environment= each % of it stands twice.",
      },
    ],
  },
  "proxy-denied": {
    blame: "proxy",
    confidence: "certain",
    remedy: [
      {
        text: "Have the proxy allow CONNECT to {host}:{port}; a rule for .crowdsec.net covers CrowdSec's own names.",
        commands: ["curl -sS -o /dev/null --max-time 10 --proxy {proxy} https://{host}/"],
      },
    ],
  },
  "proxy-upstream": {
    blame: "proxy",
    remedy: [
      {
        text: "The proxy takes the request and does not get to {host}: its nameserver or its own way out is at fault. Its log says which.",
        commands: ["curl -sS -o /dev/null --max-time 20 --proxy {proxy} https://{host}/"],
      },
    ],
  },
  "proxy-protocol": {
    blame: "configuration",
    remedy: [
      {
        text: "Correct the address or the scheme in {variable} of {component} ({environment}): another service listens there, or it is a proxy of another kind.",
        commands: ["curl -sS -o /dev/null --max-time 10 --proxy {proxy} https://{host}/"],
      },
    ],
  },
  "tls-reset": {
    blame: "network",
    remedy: [
      {
        text: "A firewall that reads the name in the TLS ClientHello cuts it off. Allow {host} in its TLS or URL filter.",
        commands: ["openssl s_client -connect {place} -servername {host} </dev/null"],
      },
    ],
  },
  "tls-stalled": {
    blame: "network",
    remedy: [
      {
        text: "Small packets pass and the larger ClientHello does not: a path MTU that is too small, or a filter that drops it. Try a smaller MTU; ask the firewall's owner about {host}.",
        commands: [
          "ping -c 1 -M do -s 1400 {address}",
          "openssl s_client -connect {place} -servername {host} </dev/null",
        ],
      },
    ],
  },
  "tls-not-tls": {
    blame: "network",
    remedy: [
      {
        text: "A captive portal, or a proxy that was not asked for, answers in its place. Log in to the portal, or exempt this host from it.",
        commands: ["curl -sS --max-time 10 http://{place}/ | head"],
      },
    ],
  },
  "tls-untrusted": {
    blame: "network",
    remedy: [
      {
        text: "A public authority signed it, and CrowdSec trusts only the CA of ca_cert_path here: up to 1.5.1 that one replaces the system's store in the whole process, also towards the Central API. Upgrade CrowdSec; or put the system's certificates into that file too.",
        when: "private-ca",
        commands: ["cat /etc/ssl/certs/ca-certificates.crt >>{caFile}", "systemctl restart crowdsec"],
      },
      {
        when: "stranger",
        services: HOSTS,
        text: "If the issuer is your own TLS inspection, exempt {host} from it, or add its CA to the system's store.",
        commands: [
          "cp inspection-ca.crt /usr/local/share/ca-certificates/ && update-ca-certificates",
          "systemctl restart crowdsec",
        ],
        undo: ["rm /usr/local/share/ca-certificates/inspection-ca.crt && update-ca-certificates --fresh"],
      },
      {
        when: "stranger",
        services: IMAGES,
        text: `If the issuer is your own TLS inspection, exempt {host} from it, or ${MOUNTED_CA}.`,
      },
      {
        when: "stranger",
        services: IMAGES,
        text: "If this image is old, so is its CA store: take a newer one.",
      },
      {
        when: "stranger",
        services: HOSTS,
        text: "If this system has an old or empty CA store, renew it.",
        commands: ["apt-get install --reinstall ca-certificates"],
      },
    ],
  },
  "tls-expired": {
    blame: "remote-host",
    remedy: [
      ...CLOCK,
      {
        text: "Whoever answers for {host} shows an expired certificate: a TLS inspection or a proxy on the way is the usual one.",
        when: "certificate",
        commands: ["openssl s_client -connect {place} -servername {host} </dev/null"],
      },
    ],
  },
  "tls-not-yet-valid": {
    blame: "remote-host",
    remedy: [
      ...CLOCK,
      {
        text: "Whoever answers for {host} shows a certificate from the future: a TLS inspection or a proxy on the way whose clock is wrong is the usual one.",
        when: "certificate",
        commands: ["openssl s_client -connect {place} -servername {host} </dev/null"],
      },
    ],
  },
  "tls-wrong-host": {
    blame: "network",
    remedy: [
      {
        text: "Another server answers in place of {host}: a captive portal, a block page, or a wrong entry in /etc/hosts or DNS.",
        commands: ["getent ahosts {host}", "openssl s_client -connect {place} -servername {host} </dev/null"],
      },
    ],
  },
  "tls-no-san": {
    blame: "network",
    remedy: [
      {
        text: "No public server has such a certificate: a TLS inspection made it. Have it issue certificates with a subject alternative name, or exempt {host}.",
      },
    ],
  },
  "tls-version": {
    blame: "network",
    remedy: [
      {
        text: "No server of CrowdSec is that old: a proxy or TLS inspection on the way is. Exempt {host} from it, or renew it.",
      },
    ],
  },
  "tls-client-cert": {
    blame: "network",
    remedy: [
      { text: "No server of CrowdSec asks for one: a proxy or access gateway on the way does. Exempt {host} from it." },
    ],
  },
  "tls-alert": {
    blame: "network",
    remedy: [
      {
        text: "A filter on the way may refuse the name {host}. Allow it there.",
        commands: ["openssl s_client -connect {place} -servername {host} </dev/null"],
      },
    ],
  },
  "http-timeout": {
    blame: "remote-host",
    confidence: "possible",
    remedy: [
      {
        text: "The way there is open and the server is silent: try again, and look at https://status.crowdsec.net.",
        commands: ["curl -sS -o /dev/null --max-time 20 https://{host}/"],
      },
    ],
  },
  "http-status": {
    blame: "crowdsec-cloud",
    confidence: "possible",
    remedy: [
      {
        text: "The way there is open, and the answer is a refusal: a proxy's block page, or this host's public address is refused by the CDN. Look at the page; try from another address.",
        commands: ["curl -sSi --max-time 10 https://{host}{path} | head -20"],
      },
    ],
  },
  "http-redirect": {
    blame: "network",
    remedy: [
      {
        text: "CrowdSec's servers do not redirect elsewhere: a captive portal or proxy does. Log in to it, or exempt {host}.",
        commands: ["curl -sSi --max-time 10 https://{host}{path} | head -20"],
      },
    ],
  },
  "http-invalid": {
    blame: "network",
    confidence: "possible",
    remedy: [
      {
        text: "Something on the way garbles or cuts the answer.",
        commands: ["curl -sSi --max-time 10 https://{host}{path} | head -20"],
      },
    ],
  },
  "identity-mismatch": {
    blame: "network",
    remedy: [
      {
        text: "A block page or captive portal answers in place of {host}. Allow {host} there.",
        commands: ["curl -sSi --max-time 10 https://{host}{path} | head -20"],
      },
    ],
  },
} satisfies Record<LayerCode, LayerFault>;

/** What went through a proxy is that one's doing first, and is looked at through it. */
const PROXIED: ConditionalRemedy = {
  when: "proxied",
  text: "It is asked through the proxy {proxy}, so look there first: its log says what it did with {host}. Have it let {host} through untouched.",
  commands: [
    "curl -sS -o /dev/null --max-time 20 --proxy {proxy} https://{host}/",
    "openssl s_client -proxy {proxyPlace} -connect {place} -servername {host} </dev/null",
  ],
};

/** Of faults behind a proxy: what was written for the straight way holds there only. */
const alsoProxied = <K extends LayerCode>(faults: Readonly<Record<K, LayerFault>>): Readonly<Record<K, LayerFault>> =>
  Object.fromEntries(
    Object.entries<LayerFault>(faults).map(([code, fault]) => {
      const further = /^(tls|http)-|^identity-/.test(code) && fault.remedy.every(({ when }) => when === undefined);
      const straight = fault.remedy.map((remedy) => ({ ...remedy, when: "straight" }));
      return [code, further ? { ...fault, remedy: [...straight, PROXIED] } : fault];
    }),
  ) as Record<K, LayerFault>;

/** The faults of every outgoing check, the same for each row. */
export const OUTGOING_FAULTS = {
  ...layerFaults(alsoProxied(LAYER_FAULTS)),
  "family-broken": {
    severity: "warning",
    blame: "network",
    phase: "connect",
    says: "{host} works over IPv{works}, but no IPv{family} address of it does ({code}): {cost}",
    remedy: [
      {
        text: "See whether other hosts fail over IPv{family} too. If so, mend IPv{family} on this network; if this one alone does, a packet filter has a rule against its address.",
        commands: ["ip -{family} route"],
      },
    ],
  },
  "url-invalid": {
    blame: "configuration",
    confidence: "certain",
    says: "the address {value} ({origin}) is {problem}",
    remedy: [{ text: "Correct it in {origin}, or take the line out: CrowdSec then uses its default." }],
  },
  slow: {
    severity: "warning",
    blame: "network",
    confidence: "possible",
    phase: "response",
    says: "{host} answers, but only after {total} ms",
    remedy: [{ text: "See with -v which layer takes the time: the name, the connection, TLS, or the answer." }],
  },
} as const;
