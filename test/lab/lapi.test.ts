import { afterEach, expect, jest, test } from "@jest/globals";
import {
  expectFault,
  findingOf,
  type Host,
  instancesOf,
  lab,
  on,
  preflight,
  restart,
  rows,
  stopClients,
} from "./lab.ts";

jest.setTimeout(60_000);

afterEach(async () => {
  await lab("restore");
});

/** A real nginx in the place of something of CrowdSec's. */
const impostor = async (host: Host, listen: string, answer: string): Promise<void> => {
  await on(
    host,
    `mkdir -p /var/log/nginx /var/lib/nginx && printf 'pid /run/nginx.pid; events {} http { server { listen ${listen}; ${answer} } }' >/etc/nginx/lab.conf`,
  );
  await lab("start", host, "nginx");
  const [address = "", port = ""] = listen.split(":");
  await lab("wait", host, address, port);
};

const HTML = `default_type text/html; return 200 "<title>Welcome to nginx!</title>";`;

test("a Local API that is down: refused, with the words of this host where it should run, and others elsewhere", async () => {
  await lab("stop", "lapi", "crowdsec");
  const [here, elsewhere] = await Promise.all([preflight("lapi"), preflight("agent")]);
  expect([here.exitCode, elsewhere.exitCode]).toEqual([2, 2]);
  const refused = { status: "fail", phase: "connect", code: "tcp-refused", party: "remote-service" } as const;
  expectFault(here.report, "lapi-reachable@lapi", { ...refused, party: "this-host", remedy: /journalctl -u crowdsec/ });
  expectFault(elsewhere.report, "lapi-reachable@agent", { ...refused, remedy: /listen_uri is not 127\.0\.0\.1/ });
  for (const { report, client, id } of [
    { report: here.report, client: "lapi", id: "service-stopped" },
    { report: elsewhere.report, client: "agent", id: "lapi-tcp-refused@10.77.0.10:8080" },
  ]) {
    const because = [`lapi-reachable@${client}`];
    const followers = [`lapi-identity@${client}`, `lapi-database@${client}`];
    for (const instance of followers) expect(findingOf(report, instance)).toMatchObject({ status: "skip", because });
    expect(report.causes).toHaveLength(1);
    expect(report.causes[0]).toMatchObject({
      id,
      explains: expect.arrayContaining([...because, "lapi-reachable@cscli", ...followers]),
    });
  }
});

test("another service on 8080 is named, and the agent's coupling is not blamed", async () => {
  await lab("stop", "allinone", "crowdsec");
  await impostor("allinone", "127.0.0.1:8080", HTML);
  const { report } = await preflight("allinone");
  expect(findingOf(report, "lapi-reachable@agent").status).toBe("pass");
  expectFault(report, "lapi-identity@agent", {
    status: "fail",
    phase: "response",
    code: "identity-mismatch",
    party: "configuration",
    remedy: /ss -ltnp 'sport = :8080'/,
    summary: /Server: nginx.*"Welcome to nginx!"/,
  });
  expectFault(report, "port-lapi", {
    status: "fail",
    phase: "host",
    code: "port-in-use",
    party: "this-host",
    remedy: /give it another port/,
    summary: /held by nginx \(pid \d+\) on 127\.0\.0\.1:8080/,
  });
  expect(report.causes).toHaveLength(1);
  expect(report.causes[0]).toMatchObject({ id: "port-in-use" });
});

test("a redirect in front of the Local API is a fault, and is not followed", async () => {
  await lab("stop", "allinone", "crowdsec");
  await impostor("allinone", "127.0.0.1:8080", "return 301 https://lapi.example.net/;");
  const { report } = await preflight("allinone", "--only", "lapi");
  expectFault(report, "lapi-identity@agent", {
    status: "fail",
    phase: "response",
    code: "http-redirect",
    party: "configuration",
    remedy: /follow no redirect/,
    summary: /https:\/\/lapi\.example\.net/,
  });
});

test("a Local API bound to loopback: green on its own host, refused from the agent", async () => {
  await on(
    "lapi",
    "sed -i 's/10.77.0.10:8080/127.0.0.1:8080/' /etc/crowdsec/config.yaml.local; sed -i 's/10.77.0.10/127.0.0.1/' /etc/crowdsec/local_api_credentials.yaml",
  );
  await restart("lapi", "crowdsec");
  await lab("wait", "lapi", "127.0.0.1", "8080");
  const [own, agent] = await Promise.all([preflight("lapi", "--only", "lapi"), preflight("agent", "--only", "lapi")]);
  expect(instancesOf(own.report, "pass")).toEqual([
    ...["reachable", "identity", "database"].flatMap((what) => [`lapi-${what}@lapi`, `lapi-${what}@cscli`]),
    "lapi-latency@cscli",
  ]);
  expectFault(agent.report, "lapi-reachable@agent", {
    status: "fail",
    phase: "connect",
    code: "tcp-refused",
    party: "remote-service",
    remedy: /grep -n listen_uri/,
  });
});

test("8080 dropped on the way from the agent: a time-out, the network's", async () => {
  await on(
    "lapi",
    "nft add table inet scene && nft add chain inet scene input '{ type filter hook input priority 0; }' && nft add rule inet scene input ip saddr 10.77.0.20 tcp dport 8080 drop",
  );
  const { report } = await preflight("agent", "--timeout", "1s");
  expectFault(report, "lapi-reachable@agent", {
    status: "fail",
    phase: "connect",
    code: "tcp-timeout",
    party: "network",
    remedy: /Open tcp\/8080 there for this host/,
  });
});

test("a Local API that accepts and never answers is told from one that is down", async () => {
  await on("lapi", "pkill -STOP -x crowdsec");
  const { report } = await preflight("agent", "--timeout", "1s");
  expect(findingOf(report, "lapi-reachable@agent").status).toBe("pass");
  expectFault(report, "lapi-identity@agent", {
    status: "fail",
    phase: "response",
    code: "http-timeout",
    party: "remote-service",
    remedy: /process hangs/,
  });
  expect(findingOf(report, "lapi-database@agent")).toMatchObject({ status: "skip", because: ["lapi-identity@agent"] });
});

test("a Local API that dies of its agent's configuration is caught by the second look", async () => {
  await on("allinone", "printf 'filenames:\\n - /x\\n  broken: [\\n' >/etc/crowdsec/acquis.yaml");
  await lab("stop", "allinone", "crowdsec");
  // The run starts in the half second in which the dying process still answers.
  await lab("start", "allinone", "crowdsec");
  await lab("wait", "allinone", "127.0.0.1", "8080");
  const { report } = await preflight("allinone", "--only", "lapi");
  const finding = findingOf(report, "lapi-reachable@agent");
  expect(finding.status).toBe("fail");
  // On a slow machine the process is gone before the first look; both are honest answers.
  expect(["lapi-went-away", "tcp-refused"]).toContain(finding.fault?.code);
  const remedies = JSON.stringify(finding.remedy);
  expect(remedies).toMatch(/agent's configuration/);
});

test("over https with a private CA: untrusted until ca_cert_path names it, then trusted", async () => {
  await on(
    "lapi",
    "cp $LAB_STATE/ca/good.crt $LAB_STATE/ca/server.key /etc/crowdsec/; printf '    tls:\\n      cert_file: /etc/crowdsec/good.crt\\n      key_file: /etc/crowdsec/server.key\\n' >/var/lab/tls; sed -i '/listen_uri/r /var/lab/tls' /etc/crowdsec/config.yaml.local; sed -i 's/http:/https:/' /etc/crowdsec/local_api_credentials.yaml",
  );
  await restart("lapi", "crowdsec");
  await lab("wait", "lapi", "10.77.0.10", "8080");
  const { report: plain } = await preflight("agent", "--only", "lapi");
  expectFault(plain, "lapi-identity@agent", {
    status: "fail",
    phase: "response",
    code: "lapi-wants-tls",
    party: "configuration",
    remedy: /Write https:\/\//,
  });

  await on(
    "agent",
    "sed -i 's/http:/https:/' /etc/crowdsec/local_api_credentials.yaml; cp /etc/ssl/certs/ca-certificates.crt /var/lab/all.crt; sed -i '/crowdsec-preflight/,$d' /etc/ssl/certs/ca-certificates.crt; head -c $(($(stat -c %s /var/lab/all.crt) - $(stat -c %s $LAB_STATE/ca/lab.crt))) /var/lab/all.crt >/etc/ssl/certs/ca-certificates.crt",
  );
  const { report: untrusted } = await preflight("agent", "--only", "lapi");
  expectFault(untrusted, "lapi-tls@agent", {
    status: "fail",
    phase: "handshake",
    code: "tls-untrusted",
    party: "configuration",
    remedy: /ca_cert_path/,
    summary: /CN=lab CA/,
  });
  expect(findingOf(untrusted, "lapi-identity@agent")).toMatchObject({ status: "skip", because: ["lapi-tls@agent"] });

  await on("agent", 'echo "ca_cert_path: $LAB_STATE/ca/lab.crt" >>/etc/crowdsec/local_api_credentials.yaml');
  const { report: trusted } = await preflight("agent", "--only", "lapi");
  expect(instancesOf(trusted, "pass")).toEqual(
    ["reachable", "tls", "identity", "database", "latency"].flatMap((what) => [
      `lapi-${what}@agent`,
      `lapi-${what}@cscli`,
    ]),
  );
});

test("https against a plain Local API is a disagreement of the configuration", async () => {
  await on("agent", "sed -i 's/http:/https:/' /etc/crowdsec/local_api_credentials.yaml");
  const { report } = await preflight("agent", "--only", "lapi");
  expectFault(report, "lapi-tls@agent", {
    status: "fail",
    phase: "handshake",
    code: "tls-not-tls",
    party: "configuration",
    remedy: /Write http:\/\/ there/,
  });
});

test("--lapi-url and --role check a host before anything is installed there", async () => {
  const good = await preflight("fresh", "--role", "agent", "--lapi-url", "http://lapi.lab:8080", "--only", "lapi");
  expect(good.exitCode).toBe(0);
  expect(findingOf(good.report, "lapi-reachable@agent").target).toMatchObject({
    host: "lapi.lab",
    port: 8080,
    origin: "--lapi-url",
  });
  const bad = await preflight("fresh", "--role", "agent", "--lapi-url", "http://nowhere.lab:8080", "--only", "lapi");
  expectFault(bad.report, "lapi-reachable@agent", {
    status: "fail",
    phase: "resolve",
    code: "dns-nxdomain",
    party: "configuration",
    remedy: /Correct the name in --lapi-url/,
  });
});

test("the Local API's rows are the same to the last time stamp, before and after runs on every host", async () => {
  await stopClients();
  const before = await rows();
  expect(before).toMatch(/agent/);
  for (const host of ["agent", "bouncer", "lapi", "prometheus"] as const) await preflight(host);
  expect(await rows()).toBe(before);
});
