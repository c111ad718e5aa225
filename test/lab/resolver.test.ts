import { afterEach, expect, jest, test } from "@jest/globals";
import {
  editZone,
  expectFault,
  filter,
  findingOf,
  type Host,
  instancesOf,
  lab,
  on,
  preflight,
  type Told,
} from "./lab.ts";

jest.setTimeout(60_000);

afterEach(async () => {
  await lab("restore");
});

/** Nobody has this address. */
const SILENT = "10.77.0.9";
/** A host without a DNS service. */
const REFUSING = "10.77.0.10";
const GOOD = "10.77.0.53";

/** What CrowdSec 1.4.6 cannot do without on a host with all of it. */
const NEEDED = ["outgoing-capi", "outgoing-hub-legacy", "outgoing-hub-data", "outgoing-version"];

const nameservers = (host: Host, ...servers: readonly string[]): Promise<string> =>
  on(
    host,
    `printf 'nameserver %s\\n' ${servers.join(" ")} >/etc/resolv.conf; echo 'options timeout:1 attempts:1' >>/etc/resolv.conf`,
  );

const warned = (code: string, rest: Pick<Told, "remedy"> & Partial<Told>): Told => ({
  status: "warn",
  phase: "resolve",
  code,
  party: "resolver",
  ...rest,
});

test("a dead first nameserver is named with what it costs each lookup, and everything else passes", async () => {
  await nameservers("allinone", SILENT, GOOD);
  const { report, exitCode } = await preflight("allinone");
  expect(exitCode).toBe(0);
  expect(instancesOf(report, "fail", "unknown")).toEqual([]);
  expect(instancesOf(report, "warn")).toEqual([`resolver@${SILENT}`]);
  expectFault(
    report,
    `resolver@${SILENT}`,
    warned("dns-timeout", { remedy: /resolv\.conf/, summary: /10\.77\.0\.9.*1(\.0)? s/ }),
  );
  expect(findingOf(report, `resolver@${GOOD}`).status).toBe("pass");
});

test("a dead last nameserver costs nothing, and is named as well", async () => {
  await nameservers("allinone", GOOD, SILENT);
  const { report } = await preflight("allinone", "--only", "resolver,outgoing-capi");
  expect(findingOf(report, `resolver@${SILENT}`)).toMatchObject({ status: "warn", fault: { code: "dns-timeout" } });
  expect(findingOf(report, "outgoing-capi").status).toBe("pass");
});

test("a nameserver that refuses to serve this host is judged by itself", async () => {
  await on(
    "resolver",
    "sed -i 's|access-control: 0.0.0.0/0 allow|access-control: 0.0.0.0/0 refuse|' /etc/unbound/lab.conf",
  );
  await editZone("");
  await nameservers("allinone", GOOD, "fd77:0::53");
  const { report } = await preflight("allinone", "--only", "resolver,outgoing");
  expectFault(report, `resolver@${GOOD}`, warned("dns-refused", { remedy: /./, summary: /10\.77\.0\.53/ }));
  expect(findingOf(report, "resolver@fd77:0::53").status).toBe("pass");
  for (const instance of NEEDED) expect(findingOf(report, instance).status).toBe("pass");
});

test("all nameservers dead: each is named, and all names fail of one cause", async () => {
  await nameservers("allinone", SILENT, REFUSING);
  const { report, exitCode } = await preflight("allinone", "--only", "resolver,outgoing");
  expect(exitCode).toBe(2);
  for (const server of [SILENT, REFUSING])
    expect(["warn", "fail"]).toContain(findingOf(report, `resolver@${server}`).status);
  for (const instance of NEEDED) expect(findingOf(report, instance)).toMatchObject({ status: "fail" });
  const causes = report.causes.filter(({ explains }) => NEEDED.some((instance) => explains.includes(instance)));
  expect(causes).toHaveLength(1);
  expect(causes[0]?.explains).toEqual(expect.arrayContaining(NEEDED));
});

test("a CrowdSec name that /etc/hosts pins is shown with its line, while it still works", async () => {
  await on("allinone", "echo '10.77.1.11 api.crowdsec.net' >>/etc/hosts");
  const { report, exitCode } = await preflight("allinone");
  expect(exitCode).toBe(0);
  expectFault(report, "hosts-file@api.crowdsec.net", {
    status: "warn",
    phase: "host",
    code: "name-pinned",
    party: "this-host",
    remedy: /\/etc\/hosts/,
    summary: /api\.crowdsec\.net.*\/etc\/hosts:3|\/etc\/hosts:3.*api\.crowdsec\.net/,
  });
  expect(findingOf(report, "outgoing-capi")).toMatchObject({
    status: "pass",
    layers: expect.arrayContaining([expect.objectContaining({ phase: "resolve", ok: true })]),
  });
});

/** Host `lapi` by its own name, which stands in no file and in no zone. */
const byOwnName = async (modules: string): Promise<string> => {
  await on(
    "lapi",
    `echo 'hosts: ${modules}' >/etc/nsswitch.conf; sed -i 's|^url: .*|url: http://lapi:8080|' /etc/crowdsec/local_api_credentials.yaml`,
  );
  return on("lapi", "cscli lapi status 2>&1 | tail -n 1");
};

test("a name that only an NSS module knows: Debian's build asks it where nsswitch.conf says so, as cscli shows", async () => {
  expect(await byOwnName("files myhostname dns")).toMatch(/You can successfully interact/);
  const { report } = await preflight("lapi", "--only", "lapi");
  expect(findingOf(report, "lapi-database@cscli").status).toBe("pass");
  expect(findingOf(report, "lapi-reachable@cscli").layers[0]).toMatchObject({ phase: "resolve", ok: true });
});

test("the same name without the module is none, neither for cscli nor here", async () => {
  expect(await byOwnName("files dns")).toMatch(/no such host/);
  const { report } = await preflight("lapi", "--only", "lapi");
  expectFault(report, "lapi-reachable@cscli", {
    status: "fail",
    phase: "resolve",
    code: "dns-nxdomain",
    party: "configuration",
    remedy: /local_api_credentials\.yaml/,
  });
});

test("IPv6 that is broken for all while IPv4 works: a warning for each that says 300 ms, and no failure", async () => {
  await filter("internet", "input", "meta nfproto ipv6 tcp dport 443 drop");
  const { report, exitCode } = await preflight("allinone", "--timeout", "1s");
  expect({ exitCode, failing: instancesOf(report, "fail") }).toEqual({ exitCode: 0, failing: [] });
  for (const instance of NEEDED)
    expectFault(report, instance, {
      status: "warn",
      phase: "connect",
      code: "family-broken",
      party: "network",
      remedy: /IPv6/,
      summary: /works over IPv4.*300 ms/,
    });
});

test("a host without IPv4 and a name without IPv6: both are said, and names with IPv6 pass", async () => {
  await editZone("/version.crowdsec.net. 60 AAAA/d");
  await nameservers("allinone", "fd77:0::53");
  await on("allinone", "ip -4 address flush dev eth0");
  const { report, exitCode } = await preflight("allinone", "--only", "outgoing", "--timeout", "2s");
  expect(exitCode).toBe(2);
  expect(instancesOf(report, "fail")).toEqual(["outgoing-version"]);
  expectFault(report, "outgoing-version", {
    status: "fail",
    phase: "connect",
    code: "tcp-unreachable",
    party: "network",
    remedy: /NAT64/,
    summary: /this host has no IPv4 address/,
  });
  expect(findingOf(report, "outgoing-capi").status).toBe("pass");
});
