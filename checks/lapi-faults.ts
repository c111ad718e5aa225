import type { LayerCode } from "../src/model/observation.ts";
import { type LayerFault, PROXY_CODES } from "./layers.ts";

const LISTEN_DOCS = "https://docs.crowdsec.net/docs/next/configuration/crowdsec_configuration#listen_uri";

const LOCAL_LOGS = [
  "systemctl status crowdsec --no-pager",
  "journalctl -u crowdsec -n 50 --no-pager",
  "ss -ltnp 'sport = :{port}'",
];

const SOCKET = ["systemctl status crowdsec --no-pager", "ss -lxp | grep {place}"];

/** The Local API is near by: its clients have no business with the proxy. */
export const PAST_THE_PROXY = {
  text: "Keep the Local API out of the proxy: add {host} to NO_PROXY of {component} ({environment}), then restart it. proxy-lapi has the exact edit.",
  url: "https://docs.crowdsec.net/u/troubleshooting/security_engine",
} as const;
export const CORRECT_VARIABLE = {
  text: "Correct {variable} in the environment of {component} ({environment}): http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT; then restart it, since Go reads it once.",
} as const;

/** Faults on the way to the Local API, as its clients meet them. `here`: it should run on this host; `elsewhere`: on another. */
export const LAPI_LAYERS = {
  "dns-nxdomain": {
    blame: "configuration",
    remedy: [
      {
        text: "Correct the name in {origin}, or make it known to the nameserver or to /etc/hosts. The name of a container exists inside its own network only.",
        commands: ["getent ahosts {host}"],
      },
    ],
  },
  "dns-nodata": {
    blame: "resolver",
    remedy: [
      {
        text: "The nameserver knows {host} but gives no address. Correct the name in {origin}, or the nameserver.",
        commands: ["getent ahosts {host}"],
      },
    ],
  },
  "dns-servfail": {
    blame: "resolver",
    remedy: [
      {
        text: "The nameserver could not resolve {host}: look at it, or put the address into {origin}.",
        commands: ["cat /etc/resolv.conf"],
      },
    ],
  },
  "dns-refused": {
    blame: "resolver",
    remedy: [
      {
        text: "The nameserver does not serve this host: name another in /etc/resolv.conf, or put the address into {origin}.",
        commands: ["cat /etc/resolv.conf"],
      },
    ],
  },
  "dns-timeout": {
    blame: "resolver",
    remedy: [
      {
        text: "Check that the nameserver runs and that udp/53 to it is open, or put the address into {origin}.",
        commands: ["cat /etc/resolv.conf"],
      },
    ],
  },
  "dns-no-resolver": {
    blame: "this-host",
    confidence: "certain",
    remedy: [
      { text: "Start the local resolver, or put the address into {origin}.", commands: ["cat /etc/resolv.conf"] },
    ],
  },
  "dns-unreachable": {
    blame: "this-host",
    remedy: [
      {
        text: "No question leaves this host for its nameserver: see its route and its own packet filter, or put the address into {origin}.",
        commands: ["cat /etc/resolv.conf", "ip -4 route", "nft list ruleset"],
      },
    ],
  },
  "tcp-refused": {
    blame: "remote-service",
    remedy: [
      {
        text: "Nothing listens on {place} here: crowdsec is not running, or listens elsewhere. Its last words say why. Where agent and Local API share the process, an error in the agent's configuration stops the Local API too.",
        when: "here",
        commands: LOCAL_LOGS,
      },
      {
        text: "On the Local API's host: check that crowdsec runs, and that api.server.listen_uri is not 127.0.0.1 (then it serves its own host only).",
        when: "elsewhere",
        commands: [
          "grep -n listen_uri /etc/crowdsec/config.yaml /etc/crowdsec/config.yaml.local",
          "ss -ltnp 'sport = :{port}'",
        ],
        url: LISTEN_DOCS,
      },
      { text: "If another port is meant, correct it in {origin}.", when: "elsewhere" },
      {
        text: "Where it is not installed yet: on its host to be, have this tool stand in for it, and run here what that prints.",
        when: "elsewhere",
        commands: ["crowdsec-preflight listen --port {port}"],
      },
      {
        text: "The socket is left over, and no crowdsec listens on it: see why it is not running, and that api.server.listen_socket is this path.",
        when: "socket",
        commands: SOCKET,
      },
    ],
  },
  "tcp-timeout": {
    blame: "network",
    remedy: [
      {
        text: "The process does not take the connection: it hangs, or its backlog is full.",
        when: "socket",
        commands: SOCKET,
      },
      {
        text: "A packet filter of this host drops it: let tcp/{port} through on {host}.",
        when: "here",
        commands: ["nft list ruleset", LOCAL_LOGS[2] ?? ""],
      },
      {
        text: "A firewall drops it, here, on the way, or on the Local API's host. Open tcp/{port} there for this host.",
        when: "elsewhere",
        commands: ["ufw allow from THIS_HOST to any port {port} proto tcp"],
        undo: ["ufw delete allow from THIS_HOST to any port {port} proto tcp"],
      },
    ],
  },
  "tcp-unreachable": {
    blame: "network",
    remedy: [
      {
        text: "There is no route to {host}, or a firewall says so. Check the address in {origin} and the route.",
        commands: ["ip route get {address}"],
      },
    ],
  },
  "tcp-reset": {
    blame: "network",
    remedy: [{ text: "Something on the way resets the connection: open tcp/{port} for this host on the firewall." }],
  },
  "proxy-invalid": { blame: "configuration", confidence: "certain", remedy: [CORRECT_VARIABLE] },
  "proxy-unreachable": { blame: "configuration", remedy: [PAST_THE_PROXY] },
  "proxy-auth-required": { blame: "configuration", remedy: [PAST_THE_PROXY] },
  "proxy-denied": { blame: "configuration", remedy: [PAST_THE_PROXY] },
  "proxy-upstream": { blame: "configuration", remedy: [PAST_THE_PROXY] },
  "proxy-protocol": { blame: "configuration", remedy: [PAST_THE_PROXY] },
  "tls-reset": {
    blame: "network",
    remedy: [
      {
        text: "Check that the Local API has TLS switched on (api.server.tls in its config.yaml) and that no filter on the way cuts TLS off.",
        commands: ["openssl s_client -connect {place} </dev/null"],
      },
    ],
  },
  "tls-stalled": {
    blame: "network",
    remedy: [
      {
        text: "The connection opens and TLS never answers: a path MTU that is too small, or a service there that does not speak TLS.",
        commands: ["openssl s_client -connect {place} </dev/null"],
      },
    ],
  },
  "tls-not-tls": {
    blame: "configuration",
    remedy: [
      {
        text: "{origin} says https, and the service there speaks plain HTTP. Write http:// there, or give the Local API a certificate (api.server.tls).",
        commands: ["curl -sSi http://{place}/health"],
      },
    ],
  },
  "tls-untrusted": {
    blame: "configuration",
    remedy: [
      {
        text: "Name the CA that signed it as ca_cert_path in {file}.",
        commands: ["openssl s_client -connect {place} -showcerts </dev/null"],
      },
    ],
  },
  "tls-expired": {
    blame: "remote-service",
    remedy: [
      {
        text: "Renew the Local API's certificate, then restart crowdsec there.",
        commands: ["openssl s_client -connect {place} </dev/null 2>/dev/null | openssl x509 -noout -dates"],
      },
    ],
  },
  "tls-not-yet-valid": {
    blame: "remote-service",
    remedy: [
      {
        text: "Compare the clocks of both hosts, then the certificate's dates.",
        commands: ["date -u", "openssl s_client -connect {place} </dev/null 2>/dev/null | openssl x509 -noout -dates"],
      },
    ],
  },
  "tls-wrong-host": {
    blame: "configuration",
    remedy: [
      {
        text: "Use one of the certificate's names in {origin}, or reissue it with {host} as subject alternative name.",
      },
    ],
  },
  "tls-no-san": {
    blame: "remote-service",
    confidence: "certain",
    remedy: [{ text: "Reissue the Local API's certificate with {host} as subject alternative name (DNS: or IP:)." }],
  },
  "tls-version": {
    blame: "remote-service",
    remedy: [{ text: "CrowdSec itself offers TLS 1.2: look at the proxy in front of the Local API." }],
  },
  "tls-client-cert": {
    blame: "configuration",
    remedy: [
      {
        text: "Give this client a certificate, cert_path and key_path in {file}, that is signed by the authority of api.server.tls.ca_cert_path there. Where it has one, that one is of another authority, or has expired.",
        url: "https://docs.crowdsec.net/docs/next/local_api/tls_auth",
      },
    ],
  },
  "tls-alert": {
    blame: "remote-service",
    remedy: [
      {
        text: "Look at the Local API's log for the reason.",
        commands: ["openssl s_client -connect {place} </dev/null"],
      },
    ],
  },
  "http-timeout": {
    blame: "remote-service",
    remedy: [
      {
        text: "It accepts connections but answers none: the process hangs, is overloaded, or is another service. Look at its log and its load, then restart it.",
        commands: ["journalctl -u crowdsec -n 50 --no-pager", "systemctl restart crowdsec"],
      },
    ],
  },
  "http-redirect": {
    blame: "configuration",
    remedy: [
      {
        text: "CrowdSec's clients follow no redirect. Write the Local API's own address into {origin}, not that of the web server in front of it.",
        commands: ["curl -sSi {url}v1/heartbeat"],
      },
    ],
  },
  "http-invalid": {
    blame: "remote-service",
    remedy: [
      {
        text: "Another service answers on the socket: find out which, and give one of the two another path.",
        when: "socket",
        commands: SOCKET,
      },
      {
        text: "Another service answers there: find out which, and give one of the two another port.",
        when: "here",
        commands: LOCAL_LOGS.slice(2),
      },
      { text: "Another service answers there: check the port in {origin}.", when: "elsewhere" },
    ],
  },
  "identity-mismatch": {
    blame: "configuration",
    remedy: [
      {
        text: "Another service holds the socket. Find out which, then give one of the two another path; CrowdSec's stands in api.server.listen_socket and in {origin}.",
        when: "socket",
        commands: SOCKET,
      },
      {
        text: "Another service holds the port. Find out which, then give one of the two another port; CrowdSec's stands in api.server.listen_uri, in local_api_credentials.yaml, and in every bouncer's file.",
        when: "here",
        commands: LOCAL_LOGS.slice(2),
      },
      {
        text: "Another service answers there. Correct the address in {origin}.",
        when: "elsewhere",
        commands: ["curl -sSi {url}v1/heartbeat"],
      },
    ],
  },
} satisfies Partial<Record<LayerCode, LayerFault>>;

export type LapiLayer = keyof typeof LAPI_LAYERS;

/** Part of the table, for a check that can meet no other fault. */
export const lapiLayers = <const K extends LapiLayer>(...codes: readonly K[]): Readonly<Record<K, LayerFault>> =>
  Object.fromEntries(codes.map((code) => [code, LAPI_LAYERS[code]])) as unknown as Record<K, LayerFault>;

export const CONNECT_CODES = [
  ...PROXY_CODES,
  "dns-nxdomain",
  "dns-nodata",
  "dns-servfail",
  "dns-refused",
  "dns-timeout",
  "dns-no-resolver",
  "dns-unreachable",
  "tcp-refused",
  "tcp-timeout",
  "tcp-unreachable",
  "tcp-reset",
] as const;
export const TLS_CODES = [
  "tls-reset",
  "tls-stalled",
  "tls-not-tls",
  "tls-untrusted",
  "tls-expired",
  "tls-not-yet-valid",
  "tls-wrong-host",
  "tls-no-san",
  "tls-version",
  "tls-client-cert",
  "tls-alert",
] as const;
