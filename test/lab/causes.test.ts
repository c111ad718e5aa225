import { afterEach, describe, expect, jest, test } from "@jest/globals";
import type { Report } from "../../src/model/report.ts";
import {
  dropIn,
  editZone,
  environment,
  filter,
  type Host,
  lab,
  on,
  onlyWayOut,
  PROXIES,
  preflight,
  preflightWith,
  restart,
  serve,
  settle,
  sql,
  stopClients,
  useDatabase,
} from "./lab.ts";

jest.setTimeout(60_000);

afterEach(async () => {
  await lab("restore");
});

/*
 * A table of scenes on the lab's hosts: what is broken goes in, the causes come out, and what each of them explains. The
 * scenes that CrowdSec 1.4.6 cannot show are in test/checks/causes/scenes.test.ts.
 */

interface Expected {
  /** Of the cause, without what it is about. */
  readonly id: string;
  readonly party: string;
  /** Instances that must be among those that it explains. */
  readonly explains: readonly string[];
  /** Must match its remedies, texts and commands together. */
  readonly remedy: RegExp;
}

interface Scene {
  readonly host: Host;
  readonly arrange: () => Promise<unknown>;
  /** What "restore" does not bring back. */
  readonly tidy?: () => Promise<unknown>;
  readonly flags?: readonly string[];
  readonly variables?: Readonly<Record<string, string>>;
  readonly causes: readonly Expected[];
}

/** crowdsec is started again, and does not get far. */
const restartInVain = async (host: Host): Promise<void> => {
  await restart(host, "crowdsec");
  await settle();
};

/** nginx in the place of crowdsec, on 8080 of the all-in-one host. */
const impostor = async (): Promise<void> => {
  await lab("stop", "allinone", "crowdsec");
  await on(
    "allinone",
    `mkdir -p /var/log/nginx /var/lib/nginx && printf 'pid /run/nginx.pid; events {} http { server { listen 127.0.0.1:8080; return 200 "nginx"; } }' >/etc/nginx/lab.conf`,
  );
  await lab("start", "allinone", "nginx");
  await lab("wait", "allinone", "127.0.0.1", "8080");
};

/** All servers of the internet answer like this, by TLS or without. */
const portal = async (listen: string, answer: string): Promise<void> => {
  await on(
    "internet",
    `printf 'worker_processes 1; pid /run/nginx.pid; events {} http { server { listen ${listen}; listen [::]:${listen}; ssl_certificate '$LAB_STATE'/ca/served.crt; ssl_certificate_key '$LAB_STATE'/ca/server.key; ${answer} } }' >/etc/nginx/lab.conf`,
  );
  await restart("internet", "nginx");
};

/** The real dpkg's database says that the package's installation has stopped half-way. */
const halfConfigured = (host: Host): Promise<string> =>
  on(
    host,
    `cp /var/lib/dpkg/status /var/lab/dpkg-status && awk 'BEGIN { RS = ""; ORS = "\\n\\n" } !/^Package: crowdsec\\n/' /var/lab/dpkg-status >/var/lib/dpkg/status && printf 'Package: crowdsec\\nStatus: install ok half-configured\\nMaintainer: nobody <nobody@example.org>\\nArchitecture: amd64\\nVersion: 1.4.6-6~deb12u1+b1\\nDescription: lab\\n\\n' >>/var/lib/dpkg/status`,
  );

/** Of 1.4.6: what cscli and the engine cannot do without. */
const NEEDED = ["outgoing-capi", "outgoing-hub-legacy", "outgoing-hub-data", "outgoing-version"];
const GONE = ["service", "lapi-reachable@lapi", "lapi-reachable@agent", "lapi-reachable@cscli"];

const NO_LABELS = "printf 'filename: /var/log/lab.log\\n' >/etc/crowdsec/acquis.yaml";

const SCENES: Readonly<Record<string, Scene>> = {
  // Nothing is wrong.
  "a healthy all-in-one host": { host: "allinone", arrange: async () => {}, causes: [] },
  "a healthy Local API's host": { host: "lapi", arrange: async () => {}, causes: [] },
  "a healthy agent's host": { host: "agent", arrange: async () => {}, causes: [] },
  "a healthy bouncer's host": { host: "bouncer", arrange: async () => {}, causes: [] },
  "a healthy host before the install": { host: "fresh", arrange: async () => {}, causes: [] },

  // The start chain.
  "the agent's configuration takes the Local API down": {
    host: "allinone",
    arrange: async () => {
      await on("allinone", NO_LABELS);
      await restartInVain("allinone");
    },
    causes: [
      {
        id: "agent-acquisition-invalid",
        party: "configuration",
        explains: ["agent-config", ...GONE, "metrics"],
        remedy: /-no-cs/,
      },
    ],
  },
  "an unknown key in config.yaml": {
    host: "allinone",
    arrange: async () => {
      await on("allinone", "printf 'common:\\n  http_proxies: []\\n' >>/etc/crowdsec/config.yaml.local");
      await restartInVain("allinone");
    },
    causes: [{ id: "config-unknown-key", party: "configuration", explains: GONE, remedy: /HTTPS_PROXY/ }],
  },
  "8080 is held by another service": {
    host: "allinone",
    arrange: async () => {
      await impostor();
      await restartInVain("allinone");
    },
    causes: [
      {
        id: "port-in-use",
        party: "this-host",
        explains: ["port-lapi", "lapi-identity@agent", "service", "metrics"],
        remedy: /sport = :8080/,
      },
    ],
  },
  "crowdsec was stopped": {
    host: "allinone",
    arrange: () => lab("stop", "allinone", "crowdsec"),
    causes: [
      { id: "service-stopped", party: "this-host", explains: GONE, remedy: /systemctl (enable --now|start) crowdsec/ },
    ],
  },
  "the database is down, and crowdsec does not start": {
    host: "lapi",
    arrange: async () => {
      await useDatabase("postgresql");
      await stopClients();
      await lab("stop", "database", "postgres");
      await restartInVain("lapi");
    },
    causes: [
      {
        id: "database-tcp-refused",
        party: "remote-service",
        explains: ["database", "service", "lapi-reachable@lapi", "lapi-reachable@cscli"],
        remedy: /start the database/i,
      },
    ],
  },
  "the password of the database is wrong, and crowdsec does not start": {
    host: "lapi",
    arrange: async () => {
      await useDatabase("postgresql");
      await stopClients();
      await sql("postgres", "ALTER ROLE crowdsec PASSWORD 'another-one'");
      await restartInVain("lapi");
    },
    causes: [
      { id: "database-db-auth-failed", party: "credentials", explains: ["database", "service"], remedy: /password/i },
    ],
  },
  "the database died under a running Local API": {
    host: "lapi",
    arrange: async () => {
      await useDatabase("mysql");
      await stopClients();
      await lab("stop", "database", "mariadbd");
    },
    causes: [
      {
        id: "database-tcp-refused",
        party: "remote-service",
        explains: ["database", "lapi-database@lapi", "lapi-database@cscli"],
        remedy: /start the database/i,
      },
    ],
  },
  "a Local API without its database, from the bouncer's host: no key is blamed": {
    host: "bouncer",
    arrange: async () => {
      await useDatabase("postgresql");
      await stopClients();
      await lab("stop", "database", "postgres");
    },
    flags: ["--allow-writes"],
    causes: [
      {
        id: "lapi-database-down",
        party: "remote-service",
        explains: ["lapi-database@crowdsec-firewall-bouncer", "bouncer-key@crowdsec-firewall-bouncer"],
        remedy: /although their credentials are right/,
      },
    ],
  },
  "a wrong key, with a database that is well": {
    host: "bouncer",
    arrange: () =>
      on(
        "bouncer",
        "sed -i 's/canary-bouncer-key/canary-wrong-key/' /etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml.local",
      ),
    flags: ["--allow-writes"],
    causes: [
      {
        id: "bouncer-lapi-key-rejected",
        party: "credentials",
        explains: ["bouncer-key@crowdsec-firewall-bouncer"],
        remedy: /cscli bouncers add/,
      },
    ],
  },
  "a package whose installation stopped half-way": {
    host: "allinone",
    arrange: async () => {
      await halfConfigured("allinone");
      await lab("stop", "allinone", "crowdsec");
    },
    tidy: () => on("allinone", "mv /var/lab/dpkg-status /var/lib/dpkg/status"),
    causes: [
      {
        id: "package-half-configured",
        party: "this-host",
        explains: ["package-state", ...GONE],
        remedy: /dpkg --configure/,
      },
    ],
  },
  "an agent's configuration names a database that it does not need, and that is down": {
    host: "agent",
    arrange: async () => {
      await lab("stop", "database", "postgres");
      await on(
        "agent",
        "printf 'db_config:\\n  type: postgresql\\n  host: 10.77.0.60\\n  port: 5432\\n  user: crowdsec\\n  password: canary-database-password\\n  db_name: crowdsec\\n' >/etc/crowdsec/config.yaml.local",
      );
      await restartInVain("agent");
    },
    causes: [
      {
        id: "database-needless",
        party: "configuration",
        explains: ["database-isolation", "service", "metrics"],
        remedy: /db_config/,
      },
    ],
  },
  "the hub was never fetched": {
    host: "allinone",
    arrange: async () => {
      await on("allinone", "mv /var/lib/crowdsec/hub/.index.json /var/lab/index.json");
      await restartInVain("allinone");
    },
    tidy: () => on("allinone", "mv /var/lab/index.json /var/lib/crowdsec/hub/.index.json"),
    causes: [
      {
        id: "agent-hub-index-missing",
        party: "this-host",
        explains: ["agent-config", ...GONE],
        remedy: /cscli hub update/,
      },
    ],
  },

  "somebody checks the Central API every minute": {
    host: "allinone",
    arrange: () =>
      on(
        "allinone",
        "mkdir -p /etc/cron.d && echo '* * * * * root /usr/bin/cscli capi status >/dev/null' >/etc/cron.d/watch",
      ),
    tidy: () => on("allinone", "rm /etc/cron.d/watch"),
    causes: [
      {
        id: "capi-login-scheduled",
        party: "configuration",
        explains: ["capi-logins@/etc/cron.d/watch"],
        remedy: /sed .* \/etc\/cron\.d\/watch/,
      },
    ],
  },

  // The way to the Local API.
  "the Local API elsewhere is down": {
    host: "bouncer",
    arrange: () => lab("stop", "lapi", "crowdsec"),
    causes: [
      {
        id: "lapi-tcp-refused",
        party: "remote-service",
        explains: ["lapi-reachable@crowdsec-firewall-bouncer"],
        remedy: /listen_uri is not 127\.0\.0\.1/,
      },
    ],
  },
  "the way to the Local API elsewhere is dropped": {
    host: "bouncer",
    arrange: () => filter("lapi", "input", "ip saddr 10.77.0.70 tcp dport 8080 drop"),
    flags: ["--timeout", "1s"],
    causes: [
      {
        id: "lapi-tcp-timeout",
        party: "network",
        explains: ["lapi-reachable@crowdsec-firewall-bouncer"],
        remedy: /Open tcp\/8080/,
      },
    ],
  },
  "the Local API of this host is bound to loopback, and its clients ask its address": {
    host: "lapi",
    arrange: async () => {
      await stopClients();
      await on("lapi", "sed -i 's/10.77.0.10:8080/127.0.0.1:8080/' /etc/crowdsec/config.yaml.local");
      await restart("lapi", "crowdsec");
      await lab("wait", "lapi", "127.0.0.1", "8080");
    },
    causes: [
      {
        id: "config-disagreement",
        party: "configuration",
        explains: ["config-agreement@cscli", "lapi-reachable@cscli"],
        remedy: /sed -i\.preflight/,
      },
    ],
  },
  "a proxy takes what is meant for the Local API": {
    host: "agent",
    arrange: async () => {
      // The agent ends, since it does not get to its Local API; what its unit says is left.
      await dropIn("agent", "crowdsec.service", "proxy", `Environment=HTTP_PROXY=${PROXIES.dead}`);
      await environment("agent", "crowdsec", { HTTP_PROXY: PROXIES.dead });
      await settle();
    },
    flags: ["--skip", "outgoing"],
    causes: [
      {
        id: "proxy-takes-lapi",
        party: "configuration",
        explains: ["proxy-lapi@agent", "lapi-reachable@agent", "service"],
        remedy: /NO_PROXY/,
      },
    ],
  },
  "a Local API that does not know this machine": {
    host: "agent",
    arrange: async () => {
      await stopClients();
      await on("lapi", "cscli machines delete agent");
    },
    flags: ["--allow-writes", "--skip", "service"],
    causes: [
      { id: "another-lapi", party: "configuration", explains: ["machine-login@agent"], remedy: /cscli lapi register/ },
    ],
  },

  // What many failures have in common.
  "everything outgoing is dropped": {
    host: "allinone",
    arrange: () => filter("internet", "input", "tcp dport 443 drop"),
    flags: ["--timeout", "2s"],
    causes: [{ id: "egress-dropped", party: "network", explains: NEEDED, remedy: /crowdsec-preflight firewall/ }],
  },
  "everything outgoing is rejected": {
    host: "allinone",
    arrange: () => filter("internet", "input", "tcp dport 443 reject with tcp reset"),
    causes: [{ id: "egress-rejected", party: "network", explains: NEEDED, remedy: /crowdsec-preflight firewall/ }],
  },
  "everything outgoing is forbidden by ICMP": {
    host: "allinone",
    arrange: () => filter("internet", "input", "tcp dport 443 reject with icmpx type admin-prohibited"),
    causes: [{ id: "egress-rejected", party: "network", explains: NEEDED, remedy: /crowdsec-preflight firewall/ }],
  },
  "one host is dropped": {
    host: "allinone",
    arrange: () => filter("internet", "input", "ip daddr 10.77.1.15 drop", "ip6 daddr fd77:0:1::15 drop"),
    flags: ["--timeout", "1s"],
    causes: [
      { id: "host-blocked", party: "network", explains: ["outgoing-hub-legacy"], remedy: /hub-cdn\.crowdsec\.net/ },
    ],
  },
  "there is no route": {
    host: "fresh",
    arrange: () =>
      on(
        "fresh",
        "ip route del 10.77.0.0/16; ip route add 10.77.0.53/32 dev eth0; ip -6 route flush dev eth0; ip -6 address flush dev eth0",
      ),
    causes: [
      { id: "no-route", party: "this-host", explains: ["outgoing-capi", "outgoing-hub-data"], remedy: /default route/ },
    ],
  },
  "this host has no IPv4": {
    host: "fresh",
    arrange: async () => {
      await editZone("/AAAA/d");
      await on("fresh", "echo 'nameserver fd77:0::53' >/etc/resolv.conf; ip -4 address flush dev eth0");
    },
    causes: [{ id: "no-ipv4", party: "this-host", explains: ["outgoing-capi", "outgoing-hub-data"], remedy: /NAT64/ }],
  },
  "IPv6 connects and carries no TLS": {
    host: "allinone",
    arrange: () => filter("internet", "input", "meta nfproto ipv6 tcp dport 443 meta length > 200 drop"),
    flags: ["--timeout", "1s"],
    causes: [{ id: "ipv6-broken", party: "network", explains: NEEDED, remedy: /IPv6/ }],
  },
  "no nameserver answers": {
    host: "allinone",
    arrange: () => filter("resolver", "input", "udp dport 53 drop", "tcp dport 53 drop"),
    flags: ["--timeout", "2s"],
    causes: [
      { id: "resolver-dead", party: "resolver", explains: ["resolver@10.77.0.53", ...NEEDED], remedy: /udp\/53/ },
    ],
  },
  "the nameserver denies two names": {
    host: "allinone",
    arrange: () => editZone("/hub-data/d", "/hub-cdn/d"),
    causes: [
      {
        id: "resolver-selective",
        party: "resolver",
        explains: ["outgoing-hub-legacy", "outgoing-hub-data"],
        remedy: /\*\.crowdsec\.net/,
      },
    ],
  },
  "a DNS filter sinks a name": {
    host: "allinone",
    arrange: () =>
      editZone(
        's|"version.crowdsec.net. 60 A .*"|"version.crowdsec.net. 60 A 0.0.0.0"|',
        "/version.crowdsec.net. 60 AAAA/d",
      ),
    causes: [{ id: "resolver-selective", party: "resolver", explains: ["outgoing-version"], remedy: /allow-list/ }],
  },
  "the proxy is dead": {
    host: "allinone",
    arrange: () => environment("allinone", "crowdsec", { HTTPS_PROXY: PROXIES.dead }),
    variables: { HTTPS_PROXY: PROXIES.dead },
    causes: [{ id: "proxy-dead", party: "proxy", explains: NEEDED, remedy: /--proxy http:\/\/10\.77\.0\.80:3132/ }],
  },
  "the proxy denies the hub": {
    host: "allinone",
    arrange: () => environment("allinone", "crowdsec", { HTTPS_PROXY: PROXIES.picky }),
    variables: { HTTPS_PROXY: PROXIES.picky },
    causes: [
      {
        id: "proxy-denies",
        party: "proxy",
        explains: ["outgoing-hub-legacy", "outgoing-hub-data"],
        remedy: /allow CONNECT/,
      },
    ],
  },
  "the proxy wants a login": {
    host: "allinone",
    arrange: () => environment("allinone", "crowdsec", { HTTPS_PROXY: PROXIES.closed }),
    variables: { HTTPS_PROXY: PROXIES.closed },
    causes: [{ id: "proxy-wants-login", party: "proxy", explains: NEEDED, remedy: /without a login/ }],
  },
  "the service has no proxy, and there is no other way out": {
    host: "allinone",
    arrange: async () => {
      await environment("allinone", "crowdsec", {});
      await lab("wait", "allinone", "127.0.0.1", "6060");
      await onlyWayOut("allinone");
    },
    variables: { HTTPS_PROXY: PROXIES.open },
    causes: [
      {
        id: "proxy-differs",
        party: "configuration",
        explains: ["proxy@crowdsec", "outgoing-capi"],
        remedy: /crowdsec\.service\.d/,
      },
    ],
  },
  "TLS is inspected, and its CA is not known here": {
    host: "allinone",
    arrange: async () => {
      await environment("allinone", "crowdsec", { HTTPS_PROXY: PROXIES.inspecting });
      await lab("wait", "allinone", "127.0.0.1", "6060");
    },
    variables: { HTTPS_PROXY: PROXIES.inspecting },
    causes: [
      { id: "tls-intercepted", party: "proxy", explains: [...NEEDED, "tls-inspection"], remedy: /\*\.crowdsec\.net/ },
    ],
  },
  "the certificates have expired": {
    host: "allinone",
    arrange: () => serve("expired"),
    causes: [{ id: "outgoing-tls-expired", party: "remote-host", explains: NEEDED, remedy: /expired certificate/ }],
  },
  "this clock is two years ahead": {
    host: "allinone",
    arrange: async () => {},
    // ld.so puts this machine's own folder in place of $LIB.
    variables: { LD_PRELOAD: "/usr/$LIB/faketime/libfaketime.so.1", FAKETIME: "+2y" },
    causes: [{ id: "wrong-clock", party: "this-host", explains: ["clock", ...NEEDED], remedy: /timedatectl/ }],
  },
  "a captive portal redirects everything": {
    host: "allinone",
    arrange: () => portal("443 ssl", "return 302 https://portal.example.net/login;"),
    causes: [{ id: "captive-portal", party: "network", explains: NEEDED, remedy: /portal/ }],
  },
  "a captive portal that speaks no TLS": {
    host: "allinone",
    arrange: () => portal("443", 'return 200 "<title>Please log in</title>";'),
    causes: [{ id: "captive-portal", party: "network", explains: NEEDED, remedy: /portal/ }],
  },
  "there is no CA store": {
    host: "fresh",
    arrange: () => on("fresh", "rm -rf /etc/ssl/certs && mkdir /etc/ssl/certs"),
    causes: [
      {
        id: "trust-no-ca-store",
        party: "this-host",
        explains: ["trust-store", "outgoing-capi"],
        remedy: /ca-certificates/,
      },
    ],
  },

  // Two at once.
  "the database is down and one host is blocked": {
    host: "lapi",
    arrange: async () => {
      await useDatabase("postgresql");
      await stopClients();
      await lab("stop", "database", "postgres");
      await restartInVain("lapi");
      await filter("internet", "input", "ip daddr 10.77.1.17 drop", "ip6 daddr fd77:0:1::17 drop");
    },
    flags: ["--timeout", "1s"],
    causes: [
      {
        id: "database-tcp-refused",
        party: "remote-service",
        explains: ["database", "service"],
        remedy: /start the database/i,
      },
      { id: "host-blocked", party: "network", explains: ["outgoing-version"], remedy: /version\.crowdsec\.net/ },
    ],
  },
  "the agent's configuration is broken and the nameserver is silent": {
    host: "allinone",
    arrange: async () => {
      await on("allinone", NO_LABELS);
      await restartInVain("allinone");
      await filter("resolver", "input", "udp dport 53 drop", "tcp dport 53 drop");
    },
    flags: ["--timeout", "2s"],
    causes: [
      { id: "agent-acquisition-invalid", party: "configuration", explains: GONE, remedy: /-no-cs/ },
      { id: "resolver-dead", party: "resolver", explains: NEEDED, remedy: /udp\/53/ },
    ],
  },
};

const failing = ({ findings }: Report): readonly string[] =>
  findings.filter(({ status }) => status === "fail").map(({ instance }) => instance);

describe("on the lab's hosts", () => {
  test.each(Object.entries(SCENES))("%s", async (_name, scene) => {
    const { host, arrange, tidy = async () => {}, flags = [], variables = {}, causes } = scene;
    await arrange();
    const { report } = await preflightWith(host, variables, ...flags).finally(tidy);
    expect(report.causes.map(({ id }) => id.split("@")[0]).sort()).toEqual(causes.map(({ id }) => id).sort());
    for (const { id, party, explains, remedy } of causes) {
      const cause = report.causes.find((one) => one.id.split("@")[0] === id);
      expect(cause?.explains).toEqual(expect.arrayContaining([...explains]));
      expect(cause?.blame.party).toBe(party);
      expect(cause?.remedy.flatMap(({ text, commands = [] }) => [text, ...commands]).join("\n")).toMatch(remedy);
      // 1.4.6 is the real one: nothing has to be taken from the source.
      expect(cause).not.toHaveProperty("modelled");
    }
    const explained = report.causes.flatMap(({ explains }) => explains);
    expect(explained).toEqual(expect.arrayContaining([...failing(report)]));
    expect(explained).toHaveLength(new Set(explained).size);
    expect(JSON.stringify(report)).not.toMatch(/canary/);
  });
});

test("what looks alike from a bouncer differs on the Local API's own host: stopped, dropped, bound to loopback", async () => {
  await lab("stop", "lapi", "crowdsec");
  const stopped = await preflight("lapi");
  expect(stopped.report.causes.map(({ id }) => id)).toEqual(["service-stopped"]);
  await lab("restore");
  await filter("lapi", "input", "ip saddr 10.77.0.70 tcp dport 8080 drop");
  const dropped = await preflight("lapi");
  expect(dropped.report.causes).toEqual([]);
});
