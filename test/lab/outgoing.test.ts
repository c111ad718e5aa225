import { afterEach, expect, jest, test } from "@jest/globals";
import {
  editZone,
  expectFault,
  filter,
  findingOf,
  instancesOf,
  lab,
  on,
  preflight,
  restart,
  serve,
  type Told,
} from "./lab.ts";

jest.setTimeout(60_000);

afterEach(async () => {
  await lab("restore");
});

/**
 * Every row that a bare host before the install is asked about. It would get Debian's 1.4.6, from Debian: CrowdSec's own
 * packages, which answer from two hosts, it can do without.
 */
const NEEDED = ["outgoing-capi", "outgoing-hub-legacy", "outgoing-hub-data", "outgoing-version"];
const OPTIONAL = ["outgoing-dashboard", "outgoing-installer", "outgoing-packages"];
/** What would stop then: the script of Debian's package; and that of the other way, which nobody has to take. */
const STOPPED = "install-script@debian";
const OTHER_WAY = "install-script@script";

const resolveFault = (code: string, remedy: RegExp, summary?: RegExp): Told => ({
  status: "fail",
  phase: "resolve",
  code,
  party: "resolver",
  remedy,
  ...(summary && { summary }),
});

test("a name that does not exist is told apart from the others, which pass", async () => {
  await editZone("/hub-data/d");
  const { report, exitCode } = await preflight("fresh");
  expect(exitCode).toBe(2);
  expect(instancesOf(report, "fail", "warn")).toEqual([OTHER_WAY, "outgoing-hub-data"]);
  expectFault(
    report,
    "outgoing-hub-data",
    resolveFault("dns-nxdomain", /nameserver hides it/, /NXDOMAIN from nameserver 10\.77\.0\.53/),
  );
});

test("SERVFAIL names the nameserver that fails", async () => {
  await editZone("/hub-cdn/d");
  await on(
    "resolver",
    `printf 'local-zone: "hub-cdn.crowdsec.net." transparent\\n' >>/etc/unbound/lab-zone.conf; printf 'forward-zone:\\n name: "hub-cdn.crowdsec.net."\\n forward-addr: 127.0.0.1@1\\n forward-tcp-upstream: yes\\n' >>/etc/unbound/lab.conf`,
  );
  await restart("resolver", "unbound");
  const { report } = await preflight("fresh");
  expect(instancesOf(report, "fail", "warn")).toEqual(["outgoing-hub-legacy"]);
  expectFault(
    report,
    "outgoing-hub-legacy",
    resolveFault("dns-servfail", /DNSSEC/, /nameserver 10\.77\.0\.53 answered SERVFAIL/),
  );
});

test("a nameserver that refuses to serve this host is told as such", async () => {
  await on(
    "resolver",
    "sed -i 's|access-control: 0.0.0.0/0 allow|access-control: 0.0.0.0/0 refuse|' /etc/unbound/lab.conf",
  );
  await restart("resolver", "unbound");
  const { report } = await preflight("fresh", "--only", "outgoing-capi");
  expectFault(
    report,
    "outgoing-capi",
    resolveFault("dns-refused", /does not serve this host/, /10\.77\.0\.53 refused/),
  );
});

test("a silent nameserver costs one time-out, and one cause explains all names", async () => {
  await filter("resolver", "input", "udp dport 53 drop", "tcp dport 53 drop");
  const { report, exitCode } = await preflight("fresh", "--timeout", "3s");
  expect(exitCode).toBe(2);
  expect(instancesOf(report, "fail")).toEqual([STOPPED, "resolver@10.77.0.53", ...NEEDED]);
  expect(instancesOf(report, "warn")).toEqual([OTHER_WAY, ...OPTIONAL]);
  for (const instance of NEEDED)
    expectFault(report, instance, resolveFault("dns-timeout", /udp\/53/, /10\.77\.0\.53 did not answer/));
  expect(report.causes.map(({ id, explains }) => ({ id, explains }))).toEqual([
    { id: "resolver-dead", explains: ["resolver@10.77.0.53", ...NEEDED, ...OPTIONAL, STOPPED, OTHER_WAY] },
  ]);
  // Seven names, one after the other, would take seven time-outs of three seconds.
  expect(report.run.durationMs).toBeLessThan(12_000);
});

test("a dead first nameserver is a delay and no fault, as it is for CrowdSec", async () => {
  await on("fresh", "printf 'nameserver 10.77.0.99\\nnameserver 10.77.0.53\\noptions timeout:1\\n' >/etc/resolv.conf");
  const { report, exitCode } = await preflight("fresh");
  expect({ exitCode, failing: instancesOf(report, "fail") }).toEqual({ exitCode: 0, failing: [] });
  expect(findingOf(report, "outgoing-capi").layers[0]).toMatchObject({
    phase: "resolve",
    ok: true,
    detail: expect.stringContaining("from 10.77.0.53"),
  });
});

test("a nameserver address without a DNS service is this host's fault", async () => {
  await on("fresh", "echo 'nameserver 127.0.0.1' >/etc/resolv.conf");
  const { report } = await preflight("fresh", "--only", "outgoing-version");
  expectFault(report, "outgoing-version", {
    status: "fail",
    phase: "resolve",
    code: "dns-no-resolver",
    party: "this-host",
    remedy: /resolv\.conf/,
  });
});

test("a name answered 0.0.0.0 is a filter's sinkhole", async () => {
  await editZone(
    's|"version.crowdsec.net. 60 A .*"|"version.crowdsec.net. 60 A 0.0.0.0"|',
    "/version.crowdsec.net. 60 AAAA/d",
  );
  const { report } = await preflight("fresh");
  expect(instancesOf(report, "fail", "warn")).toEqual([OTHER_WAY, "outgoing-version"]);
  expectFault(
    report,
    "outgoing-version",
    resolveFault("dns-sinkhole", /allow-list/, /0\.0\.0\.0.*nameserver 10\.77\.0\.53/),
  );
});

test("dropped egress is one cause, and takes the time of one time-out", async () => {
  await filter("internet", "input", "tcp dport 443 drop");
  const { report, exitCode } = await preflight("fresh", "--timeout", "3s");
  expect(exitCode).toBe(2);
  for (const instance of NEEDED) {
    expectFault(report, instance, {
      status: "fail",
      phase: "connect",
      code: "tcp-timeout",
      party: "network",
      remedy: /Allow outgoing tcp\/443 to /,
    });
  }
  for (const instance of OPTIONAL) expect(findingOf(report, instance).status).toBe("warn");
  expect(report.causes.map(({ id, explains }) => ({ id, explains }))).toEqual([
    { id: "egress-dropped", explains: [...NEEDED, ...OPTIONAL, STOPPED, OTHER_WAY] },
  ]);
  expect(findingOf(report, "outgoing-capi").addresses?.map(({ family, ok, code }) => ({ family, ok, code }))).toEqual([
    { family: 4, ok: false, code: "tcp-timeout" },
    { family: 6, ok: false, code: "tcp-timeout" },
  ]);
  expect(report.run.durationMs).toBeLessThan(12_000);
});

test("rejected egress differs from dropped egress: reset, and forbidden by ICMP", async () => {
  await filter("internet", "input", "tcp dport 443 reject with tcp reset");
  const { report: reset } = await preflight("fresh");
  expectFault(reset, "outgoing-capi", {
    status: "fail",
    phase: "connect",
    code: "tcp-refused",
    party: "network",
    remedy: /a firewall on the way rejects it/,
  });
  await lab("restore");
  await filter("internet", "input", "tcp dport 443 reject with icmpx type admin-prohibited");
  const { report: forbidden } = await preflight("fresh");
  expectFault(forbidden, "outgoing-capi", {
    status: "fail",
    phase: "connect",
    code: "tcp-unreachable",
    party: "network",
    remedy: /ip route get 10\.77\.1\.11/,
  });
});

test("one blocked host is one failure, the redirect's target included", async () => {
  await filter("internet", "input", "ip daddr 10.77.1.21 drop", "ip6 daddr fd77:0:1::21 drop");
  const { report } = await preflight("fresh", "--timeout", "1s");
  expect(instancesOf(report, "fail", "warn")).toEqual([OTHER_WAY, "outgoing-packages@d3fo0g5hm7lbuv.cloudfront.net"]);
  expect(findingOf(report, "outgoing-packages@packagecloud.io").status).toBe("pass");
});

test("IPv6 that is broken while IPv4 works is a warning that says what it costs", async () => {
  await filter("internet", "input", "ip6 daddr fd77:0:1::11 tcp dport 443 drop");
  const { report, exitCode } = await preflight("fresh", "--timeout", "1s");
  expect(exitCode).toBe(0);
  expectFault(report, "outgoing-capi", {
    status: "warn",
    phase: "connect",
    code: "family-broken",
    party: "network",
    remedy: /IPv6/,
    summary: /works over IPv4/,
  });
});

const certificateFaults: readonly { certificate: string; told: Told }[] = [
  {
    certificate: "stranger-signed",
    told: {
      status: "fail",
      phase: "handshake",
      code: "tls-untrusted",
      party: "network",
      remedy: /exempt api\.crowdsec\.net/,
      summary: /CN=stranger CA/,
    },
  },
  {
    certificate: "expired",
    told: {
      status: "fail",
      phase: "handshake",
      code: "tls-expired",
      party: "remote-host",
      remedy: /expired certificate/,
    },
  },
  {
    certificate: "future",
    told: {
      status: "fail",
      phase: "handshake",
      code: "tls-not-yet-valid",
      party: "remote-host",
      remedy: /from the future/,
    },
  },
  {
    certificate: "othername",
    told: {
      status: "fail",
      phase: "handshake",
      code: "tls-wrong-host",
      party: "network",
      remedy: /Another server answers/,
      summary: /portal\.example\.net/,
    },
  },
  {
    certificate: "commonname",
    told: {
      status: "fail",
      phase: "handshake",
      code: "tls-no-san",
      party: "network",
      remedy: /subject alternative name/,
      summary: /common name/,
    },
  },
];

test.each(certificateFaults)("the certificate fault $certificate is told apart", async ({ certificate, told }) => {
  await serve(certificate);
  const { report, exitCode } = await preflight("fresh");
  expect(exitCode).toBe(2);
  expectFault(report, "outgoing-capi", told);
});

test("plain HTTP where TLS is expected looks like a captive portal", async () => {
  await on("internet", "sed -i -e 's/ ssl default_server/ default_server/' -e 's/443 ssl;/443;/g' /etc/nginx/lab.conf");
  await restart("internet", "nginx");
  const { report } = await preflight("fresh");
  expectFault(report, "outgoing-capi", {
    status: "fail",
    phase: "handshake",
    code: "tls-not-tls",
    party: "network",
    remedy: /captive portal/,
  });
});

test("a reset after the ClientHello is a filter that reads names", async () => {
  // Packets of the handshake are short until the ClientHello.
  await filter("internet", "input", "tcp dport 443 meta length gt 200 reject with tcp reset");
  const { report } = await preflight("fresh");
  expectFault(report, "outgoing-capi", {
    status: "fail",
    phase: "handshake",
    code: "tls-reset",
    party: "network",
    remedy: /reads the name/,
  });
});

test("a ClientHello that is swallowed stalls the handshake: path MTU or a filter", async () => {
  await filter("internet", "input", "tcp dport 443 meta length gt 200 drop");
  const { report } = await preflight("fresh", "--timeout", "1s");
  expectFault(report, "outgoing-capi", {
    status: "fail",
    phase: "handshake",
    code: "tls-stalled",
    party: "network",
    remedy: /path MTU/,
  });
});

test("a block page behind a trusted certificate is not CrowdSec", async () => {
  await on(
    "internet",
    `sed -i 's|default_type application/json; return 403 .*|default_type text/html; return 200 "<title>Blocked by policy</title>"; }|' /etc/nginx/lab.conf`,
  );
  await restart("internet", "nginx");
  const { report } = await preflight("fresh", "--only", "outgoing-capi");
  expectFault(report, "outgoing-capi", {
    status: "fail",
    phase: "response",
    code: "identity-mismatch",
    party: "network",
    remedy: /block page/,
    summary: /Blocked by policy/,
  });
});

test("the deadline ends the run, and what it cut off is unknown, not missing", async () => {
  await filter("internet", "input", "tcp dport 443 drop");
  const { report, exitCode } = await preflight("fresh", "--deadline", "1s", "--timeout", "20s");
  expect(exitCode).toBe(0);
  expect(report.summary.verdict).toBe("unknown");
  expect(instancesOf(report, "unknown")).toEqual(expect.arrayContaining(NEEDED));
  expect(findingOf(report, "outgoing-capi").reason).toBe("cut off by --deadline 1.0 s");
  expect(report.run.durationMs).toBeLessThan(2000);
});

test("nothing ever logs in to the Central API, nor sends anything but a GET", async () => {
  await on("internet", ": >$LAB_STATE/hosts/internet/access.log");
  await Promise.all((["lapi", "agent", "allinone", "fresh"] as const).map((host) => preflight(host)));
  const lines = (await on("internet", "cat $LAB_STATE/hosts/internet/access.log"))
    .split("\n")
    .filter((line) => line.includes("crowdsec-preflight/"));
  expect(lines.length).toBeGreaterThan(20);
  expect(lines.filter((line) => !/^[a-z0-9.-]+ GET \S+ \d+ "crowdsec-preflight\/\d+\.\d+\.\d+"$/.test(line))).toEqual(
    [],
  );
  expect(lines.filter((line) => line.includes("watchers"))).toEqual([]);
});
