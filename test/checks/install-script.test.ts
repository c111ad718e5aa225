import { describe, expect, test } from "@jest/globals";
import check from "../../checks/install-script.ts";
import { outgoing } from "../../checks/outgoing.ts";
import type { CommandObservation, HttpObservation } from "../../src/model/observation.ts";
import type { Finding } from "../../src/model/report.ts";
import type { Topology } from "../../src/model/topology.ts";
import type { Version } from "../../src/model/version.ts";
import type { World } from "../support/fake-prober.ts";
import { expectFault, type FaultCase, type Given, runIn } from "../support/run.ts";
import { SYSTEMS, type SystemName } from "../support/systems.ts";
import { BEFORE_INSTALL, cscliWith, environmentWith, from } from "../support/topology.ts";
import { answered, BLOCK_PAGE, failedWith, HEALTHY, listener, PACKAGE_CDN, ranWith } from "../support/world.ts";

const APT = "/usr/bin/apt-cache";
const PROGRAM = { executable: true } as const;
const ONLINE = "/etc/crowdsec/online_api_credentials.yaml";
const LOCAL = "/etc/crowdsec/local_api_credentials.yaml";
const LISTS = { "/var/lib/apt/lists": ["deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages"] };
const SYSTEMCTL = { "/usr/bin/systemctl": PROGRAM };

const DEBIANS = "     1.4.6-6~deb12u1+b1 500\n        500 http://deb.debian.org/debian bookworm/main amd64 Packages\n";
const vendors = (version: string, archive = "https://packagecloud.io/crowdsec/crowdsec/any any/main"): string =>
  `     ${version} 500\n        500 ${archive} amd64 Packages\n`;
const policy = (candidate: string, ...rows: readonly string[]): string =>
  `crowdsec:\n  Installed: (none)\n  Candidate: ${candidate}\n  Version table:\n${rows.join("")}`;
const DEBIAN = policy("1.4.6-6~deb12u1+b1", DEBIANS);
const vendor = (version = "1.7.8", ...more: readonly string[]): string => policy(version, vendors(version), ...more);

/** A name that does not resolve; all others do. */
const without = (...hosts: readonly string[]): World => ({
  ...HEALTHY,
  listeners: [],
  dns: (name) => (hosts.includes(name) ? failedWith("dns-nxdomain", { message: "NXDOMAIN" }) : HEALTHY.dns(name)),
});
const API = "api.crowdsec.net";

interface Host {
  readonly world?: World;
  readonly paths?: World["paths"];
  readonly files?: World["files"];
  readonly system?: SystemName;
  readonly topology?: Partial<Topology>;
  /** What apt-config says of its proxies. */
  readonly aptConfig?: string;
  readonly version?: Version;
}

/** A host before the installation, and what its apt-cache says. */
const hostWith = (said: string | undefined, { world = without(), ...host }: Host = {}): Given => ({
  world: {
    ...world,
    commands: ({ argv }): CommandObservation =>
      argv[0] === APT && said !== undefined
        ? ranWith(0, said)
        : argv[0] === "/usr/bin/apt-config"
          ? ranWith(0, host.aptConfig ?? "")
          : failedWith("command-missing"),
    paths: { [APT]: PROGRAM, "/usr/bin/apt-config": PROGRAM, ...SYSTEMCTL, ...host.paths },
    folders: { ...LISTS, ...world.folders },
    files: { ...host.files },
  },
  topology: { ...BEFORE_INSTALL, system: SYSTEMS[host.system ?? "debian"].system, ...host.topology },
  ...(host.version && { version: host.version }),
});
const findingsOf = async (given: Given): Promise<readonly Finding[]> => (await runIn([check], given)).findings;
/** What is said of the source that the package manager would take. */
const first = async (said: string | undefined, host?: Host): Promise<Finding> => {
  const [finding] = await findingsOf(hostWith(said, host));
  if (finding === undefined) throw new Error("no finding");
  return finding;
};
const commandsOf = ({ remedy }: Finding) => remedy.map(({ commands, undo }) => [commands, undo]);

const RPM: Partial<Host> = {
  system: "rhel",
  files: { "/etc/yum.repos.d/crowdsec.repo": "[c]\nbaseurl=https://packagecloud.io/crowdsec/crowdsec/rpm_any\n" },
};
const rpm = (...hosts: readonly string[]): Host => ({
  ...RPM,
  world: { ...without(...hosts), folders: { "/etc/yum.repos.d": ["crowdsec.repo"] } },
});

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "install-stops": ["resolve", "fail", "resolver", hostWith(DEBIAN, { world: without(API) })],
  "install-incomplete": ["resolve", "warn", "resolver", hostWith(undefined, rpm(API))],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  const [finding] = await findingsOf(row[3] ?? {});
  if (finding === undefined) throw new Error("no finding");
  expectFault(finding, code, row);
});

describe("Debian's own package", () => {
  test("is told to stop at the registration, with what that leaves behind", async () => {
    const { instance, status, summary, target } = await first(DEBIAN, { world: without(API) });
    expect([instance, status, target?.host]).toEqual(["install-script@debian", "fail", API]);
    expect(summary).toBe(
      "apt-get install crowdsec would stop at cscli capi register: api.crowdsec.net does not resolve: NXDOMAIN; the package would stay half-configured (dpkg: iF), without a hub and not enabled",
    );
  });

  test("is installed with a proxy, or without the Central API, and both can be taken back", async () => {
    expect(commandsOf(await first(DEBIAN, { world: without(API) }))).toEqual([
      [["export https_proxy=http://PROXY:3128", "apt-get install crowdsec"], ["unset https_proxy"]],
      [
        ["mkdir -p /etc/crowdsec", `printf '# no thanks\\n' > ${ONLINE}`, "apt-get install crowdsec"],
        [`truncate -s 0 ${ONLINE}`, "cscli capi register", "systemctl restart crowdsec"],
      ],
    ]);
  });

  test("needs no hub: its own comes along", async () => {
    const hubs = ["cdn-hub.crowdsec.net", "hub-cdn.crowdsec.net", "version.crowdsec.net", "hub-data.crowdsec.net"];
    const { status, summary } = await first(DEBIAN, { world: without(...hubs) });
    expect([status, summary]).toEqual([
      "pass",
      `${check.title}: apt-get install crowdsec takes 1.4.6-6~deb12u1+b1 (apt-cache policy: http://deb.debian.org/debian bookworm/main), an old one: its hub is hub-cdn.crowdsec.net, it speaks v2 of the Central API, and nothing starts it again by itself`,
    ]);
  });

  test("is not stopped where the file that its remedy makes is there", async () => {
    const host = { world: without(API), paths: { [ONLINE]: { bytes: 12 } } };
    expect((await first(DEBIAN, host)).status).toBe("pass");
  });

  const ARCHIVE = "deb.debian.org";
  test("is not installed at all where its archive is not reached either, and that comes first", async () => {
    const { status, summary, target, remedy } = await first(DEBIAN, { world: without(ARCHIVE, API) });
    expect([status, target?.host]).toEqual(["fail", ARCHIVE]);
    expect(summary).toMatch(
      /^apt-get install crowdsec would stop at fetching the package: deb\.debian\.org does not resolve: NXDOMAIN; nothing would be installed; the next to fail: cscli capi register \(api\.crowdsec\.net\)/,
    );
    expect(remedy.map(({ commands }) => commands)).toEqual([
      [
        "export http_proxy=http://PROXY:3128",
        "export https_proxy=http://PROXY:3128",
        "crowdsec-preflight --phase install",
      ],
      undefined,
    ]);
  });

  test("has its archive asked for what apt asks it for", async () => {
    const { asked } = await runIn([check], hostWith(DEBIAN));
    expect(asked).toContain("http GET http://deb.debian.org/debian/dists/bookworm/InRelease");
  });

  test("has nothing to be fetched where apt has its file already, so that only its script can stop", async () => {
    const folders = { "/var/cache/apt/archives": ["crowdsec_1.4.6-6~deb12u1+b1_amd64.deb"] };
    const given = hostWith(DEBIAN, { world: { ...without(ARCHIVE), folders } });
    const { findings, asked } = await runIn([check], given);
    expect(findings[0]?.status).toBe("pass");
    expect(asked).not.toContain(`dns ${ARCHIVE}`);
    const stopped = await first(DEBIAN, { world: { ...without(ARCHIVE, API), folders } });
    expect(stopped.summary).toContain("would stop at cscli capi register");
  });

  test.each(["file:/srv/mirror", "cdrom:[Debian_12]/", "mirror+file:/etc/apt/mirrors.txt"])(
    "from %s is asked for nowhere",
    async (uri) => {
      const said = DEBIAN.replace("http://deb.debian.org/debian", uri);
      const { findings, asked } = await runIn([check], hostWith(said, { world: without(ARCHIVE) }));
      expect(findings[0]?.status).toBe("pass");
      expect(findings[0]?.summary.includes("; not asked: ")).toBe(uri.startsWith("mirror+"));
      const names = asked.filter((question) => question.startsWith("dns "));
      expect(names).toContain(`dns ${API}`);
      expect(names.filter((name) => !/(\.crowdsec\.net|packagecloud\.io|\.cdn\.example)$/.test(name))).toEqual([]);
    },
  );

  test("by a proxy that only apt knows is told not to be asked", async () => {
    const { status, summary } = await first(DEBIAN, {
      world: without(ARCHIVE),
      aptConfig: "C='/usr/bin/auto-proxy'\n",
    });
    expect(status).toBe("pass");
    expect(summary).toContain(
      "; not asked: http://deb.debian.org/debian bookworm/main, which apt gets through a proxy of its own (apt.conf)",
    );
  });

  const archiveSays = (saw: HttpObservation): Host => ({
    world: { ...without(), http: (request) => (request.url.includes(ARCHIVE) ? saw : HEALTHY.http(request)) },
  });
  const HTML = { headers: { "content-type": "text/html" } };
  test.each<[string, HttpObservation, Finding["status"]]>([
    ["its file", answered({ body: "-----BEGIN PGP SIGNED MESSAGE-----\n" }), "pass"],
    ["no such file", answered({ status: 404, ...HTML }), "pass"],
    ["the page of a filter", BLOCK_PAGE, "fail"],
    ["a filter's refusal", answered({ status: 403, ...HTML }), "fail"],
    ["a captive portal's login", answered({ status: 511 }), "fail"],
    ["a certificate that apt can have an authority of its own for", failedWith("tls-untrusted"), "unknown"],
    ["nothing", failedWith("http-timeout"), "fail"],
  ])("whose archive answers with %s", async (_name, saw, status) => {
    expect((await first(DEBIAN, archiveSays(saw))).status).toBe(status);
  });

  test("is stopped by an empty file", async () => {
    const host = { world: without(API), paths: { [ONLINE]: { bytes: 0 }, [LOCAL]: { bytes: 80 } } };
    expect((await first(DEBIAN, host)).status).toBe("fail");
  });
});

describe("the vendor's package on Debian", () => {
  test.each<[string, string, readonly string[], string]>([
    [
      "its own repository's CDN",
      "1.7.8",
      [PACKAGE_CDN],
      `would stop at fetching the package: ${PACKAGE_CDN} does not resolve: NXDOMAIN; nothing would be installed`,
    ],
    [
      "the Central API",
      "1.7.8",
      [API],
      "would stop at cscli capi register: api.crowdsec.net does not resolve: NXDOMAIN; the package would stay half-configured (dpkg: iF), without a hub and not enabled",
    ],
    [
      "the host of versions",
      "1.7.8",
      ["version.crowdsec.net"],
      "would stop at cscli hub update: version.crowdsec.net does not resolve: NXDOMAIN; the package would stay half-configured (dpkg: iF), without a hub and not enabled",
    ],
    [
      "the hub",
      "1.7.8",
      ["cdn-hub.crowdsec.net"],
      "would stop at cscli hub update: cdn-hub.crowdsec.net does not resolve: NXDOMAIN; the package would stay half-configured (dpkg: iF), without a hub and not enabled",
    ],
    [
      "the hub of before 1.6.3",
      "1.6.2",
      ["hub-cdn.crowdsec.net"],
      "would stop at cscli hub update: hub-cdn.crowdsec.net does not resolve: NXDOMAIN; the package would stay half-configured (dpkg: iF), without a hub and not enabled",
    ],
    [
      "the hub's data",
      "1.7.8",
      ["hub-data.crowdsec.net"],
      "would stop at cscli setup unattended: hub-data.crowdsec.net does not resolve: NXDOMAIN; the package would stay half-configured (dpkg: iF), without collections and not enabled",
    ],
  ])("stops without %s", async (_name, version, hosts, words) => {
    const { instance, status, summary } = await first(vendor(version), { world: without(...hosts) });
    expect([instance, status, summary]).toEqual([
      "install-script@vendor-deb",
      "fail",
      `apt-get install crowdsec ${words}`,
    ]);
  });

  test.each<[string, string, string]>([
    ["the hub of later versions", "1.6.2", "cdn-hub.crowdsec.net"],
    ["the hub of earlier ones", "1.7.8", "hub-cdn.crowdsec.net"],
    ["the host of versions, over whose absence it only warns", "1.6.10", "version.crowdsec.net"],
  ])("does not need %s", async (_name, version, host) => {
    expect((await first(vendor(version), { world: without(host) })).status).toBe("pass");
  });

  test("before 1.7 does without the hub's data, and then detects nothing", async () => {
    const { status, fault, summary } = await first(vendor("1.6.11"), { world: without("hub-data.crowdsec.net") });
    expect([status, fault?.code]).toEqual(["warn", "install-incomplete"]);
    expect(summary).toBe(
      "apt-get install crowdsec would end without an error, but cscli collections install crowdsecurity/linux would fail: hub-data.crowdsec.net does not resolve: NXDOMAIN; CrowdSec would run and detect nothing",
    );
  });

  test("with the hub there, is installed without the Central API by debconf's answer", async () => {
    expect(commandsOf(await first(vendor(), { world: without(API) }))[1]).toEqual([
      ["echo 'crowdsec crowdsec/capi boolean false' | debconf-set-selections", "apt-get install crowdsec"],
      [
        "echo 'crowdsec crowdsec/capi boolean true' | debconf-set-selections",
        "cscli capi register",
        "systemctl restart crowdsec",
      ],
    ]);
  });

  // As debconf 1.5.82 writes it, from that very command.
  const answer = (name: string, value: string): World["files"] => ({
    "/var/cache/debconf/config.dat": `Name: base-passwd/x\nTemplate: base-passwd/x\nValue: false\nOwners: base-passwd\n\nName: crowdsec/${name}\nTemplate: crowdsec/${name}\nValue: ${value}\nOwners: crowdsec\nFlags: seen\n\nName: other/y\nTemplate: other/y\nValue: false\n\n`,
  });
  test.each<[string, Host, Finding["status"]]>([
    ["after that answer", { files: answer("capi", "false") }, "pass"],
    ["after the answer that there is no Local API", { files: answer("lapi", "false") }, "pass"],
    ["after the opposite answer", { files: answer("capi", "true") }, "fail"],
    ["with both files of credentials", { paths: { [ONLINE]: { bytes: 0 }, [LOCAL]: { bytes: 0 } } }, "pass"],
    ["with one of them", { paths: { [ONLINE]: { bytes: 9 } } }, "fail"],
  ])("%s: %j", async (_name, host, status) => {
    expect((await first(vendor(), { world: without(API), ...host })).status).toBe(status);
  });

  test("without both, all are named, and there is no way around the hub", async () => {
    const world = without(API, "version.crowdsec.net", "cdn-hub.crowdsec.net");
    const { summary, remedy } = await first(vendor(), { world });
    expect(summary).toContain("; the next to fail: cscli hub update (version.crowdsec.net, cdn-hub.crowdsec.net)");
    expect(remedy.map(({ text }) => text)[1]).toMatch(/^Without these hosts it cannot finish/);
    expect(JSON.stringify(remedy)).not.toContain("debconf");
  });

  test("without the hub, Debian's own is a way where the archive has it", async () => {
    const given = hostWith(vendor("1.7.8", DEBIANS), { world: without("cdn-hub.crowdsec.net") });
    const [taken, other, ...more] = await findingsOf(given);
    expect(taken?.remedy[1]?.commands).toContain("apt-get install crowdsec='1.4.6-6~deb12u1+b1'");
    expect([other?.instance, other?.status, more.length]).toEqual(["install-script@debian", "pass", 0]);
  });

  test("says that it would not start crowdsec on a taken port", async () => {
    const nginx = listener({ address: "::", family: 6, owner: { pid: 9, name: "nginx", elsewhere: false } });
    const words = "port 8080 is taken by nginx, so its script would not start crowdsec";
    const world = { ...without(), listeners: [nginx] };
    expect((await first(vendor(), { world })).summary).toContain(words);
    expect((await first(vendor(), { world: { ...without(API), listeners: [nginx] } })).summary).toContain(words);
    expect((await first(DEBIAN, { world })).summary).not.toContain(words);
  });

  test("from a mirror needs the mirror, and not the vendor's host", async () => {
    const said = policy("1.7.8", vendors("1.7.8", "https://mirror.corp.example/crowdsec any/main"));
    expect((await first(said, { world: without("packagecloud.io") })).status).toBe("pass");
    const { summary } = await first(said, { world: without("mirror.corp.example") });
    expect(summary).toContain("would stop at fetching the package: mirror.corp.example does not resolve");
  });

  test("stops at the start of a service where systemd is not installed, and not in a chroot", async () => {
    const bare = { topology: { system: { services: "none", packages: "deb" } } } as const;
    const { status, summary, blame } = await first(vendor(), {
      ...bare,
      paths: { "/usr/bin/systemctl": failedWith("file-missing") },
    });
    expect([status, blame?.party]).toEqual(["fail", "this-host"]);
    expect(summary).toBe(
      "apt-get install crowdsec would stop at systemctl start crowdsec: there is no systemctl here; the package would stay half-configured (dpkg: iF)",
    );
    expect((await first(vendor(), bare)).status).toBe("pass");
  });
});

describe("the vendor's rpm", () => {
  test("ends without a word, whatever fails", async () => {
    const { instance, status, summary, remedy } = await first(undefined, rpm(API, "cdn-hub.crowdsec.net"));
    expect([instance, status]).toEqual(["install-script@vendor-rpm", "warn"]);
    expect(summary).toBe(
      "dnf install crowdsec would end without an error, but cscli capi register would fail: api.crowdsec.net does not resolve: NXDOMAIN; CrowdSec would be unknown to the Central API: no community blocklist; the next to fail: cscli hub update (cdn-hub.crowdsec.net)",
    );
    expect(remedy.map(({ commands }) => commands)).toEqual([
      ["export https_proxy=http://PROXY:3128", "dnf install crowdsec"],
      ["dnf install crowdsec", "crowdsec-preflight --phase run"],
    ]);
  });

  test("does not register where its file is there already", async () => {
    const { remedy } = await first(undefined, rpm(API));
    expect(remedy[1]?.commands).toEqual([
      "mkdir -p /etc/crowdsec",
      `install -m 600 /dev/null ${ONLINE}`,
      "dnf install crowdsec",
    ]);
    expect((await first(undefined, { ...rpm(API), paths: { [ONLINE]: { bytes: 0 } } })).status).toBe("pass");
  });

  test("is not fetched without its repository", async () => {
    expect(await first(undefined, rpm("packagecloud.io"))).toMatchObject({
      status: "fail",
      summary:
        "dnf install crowdsec would stop at fetching the package: packagecloud.io does not resolve: NXDOMAIN; nothing would be installed",
    });
  });
});

describe("a host whose repositories have no crowdsec", () => {
  const NOTHING = policy("(none)");

  test.each<[string, string, string]>([
    ["install.crowdsec.net", "curl https://install.crowdsec.net", "CrowdSec's repository would not be set up"],
    ["packagecloud.io", "fetching the package", "nothing would be installed"],
    [API, "cscli capi register", "the package would stay half-configured (dpkg: iF), without a hub and not enabled"],
  ])("without %s", async (host, step, leaves) => {
    const { instance, status, summary } = await first(NOTHING, { world: without(host) });
    expect([instance, status, summary]).toEqual([
      "install-script@script",
      "fail",
      `the installation by install.crowdsec.net would stop at ${step}: ${host} does not resolve: NXDOMAIN; ${leaves}`,
    ]);
  });

  test("of rpm packages", async () => {
    const { instance, status } = await first(undefined, { system: "suse", world: without(API) });
    expect([instance, status]).toEqual(["install-script@script", "warn"]);
  });
});

describe("elsewhere", () => {
  test("Alpine's package runs no script, and says what is left to do", async () => {
    const { status, summary } = await first(undefined, { system: "alpine", world: without(API) });
    expect([status, summary]).toEqual([
      "pass",
      `${check.title}: apk add crowdsec (apk: Alpine's own repositories); its package runs no script: cscli capi register and cscli hub update are left to you`,
    ]);
  });

  test("FreeBSD's fetches the hub, and its service registers at the first start", async () => {
    const { status, summary } = await first(undefined, { system: "freebsd", world: without(API) });
    expect(status).toBe("warn");
    expect(summary).toContain("but cscli capi register, at the first start would fail");
  });

  test("an image is an alternative only, with a variable of its own against the Central API", async () => {
    const docker = { paths: { "/usr/bin/docker": PROGRAM }, world: without(API) };
    const [taken, script, image] = await findingsOf(hostWith(DEBIAN, docker));
    expect([taken?.status, script?.status, image?.status]).toEqual(["fail", "warn", "warn"]);
    expect(image?.instance).toBe("install-script@image");
    expect(image?.summary).toBe(
      "a first start of CrowdSec's image would stop at cscli capi register: api.crowdsec.net does not resolve: NXDOMAIN; the container would end at once, and started again run without the Central API",
    );
    expect(image?.remedy[0]?.text).toContain("DISABLE_ONLINE_API=true");
  });

  test("an image brings the hub along, but not the newest version's number", async () => {
    const docker = (host: string): Host => ({
      system: "bare",
      paths: { "/usr/bin/podman": PROGRAM },
      world: without(host),
    });
    expect((await first(undefined, docker("cdn-hub.crowdsec.net"))).status).toBe("pass");
    const { status, summary } = await first(undefined, docker("version.crowdsec.net"));
    expect([status, summary]).toEqual([
      "warn",
      "a first start of CrowdSec's image would stop at cscli parsers install crowdsecurity/docker-logs: version.crowdsec.net does not resolve: NXDOMAIN; the container would end at once",
    ]);
  });

  test.each<[string, Given, string]>([
    [
      "no package manager that is known",
      hostWith(undefined, { system: "bare" }),
      "not applicable: no package manager of this host is known to have crowdsec",
    ],
    [
      "a bouncer alone",
      hostWith(DEBIAN, { topology: { roles: [from("bouncer", "--role")] } }),
      "not applicable: a bouncer's package needs its package repository alone; it registers itself at the Local API where cscli is there",
    ],
  ])("%s: not applicable, and why", async (_name, given, reason) => {
    const { findings, asked } = await runIn([check], given);
    expect(findings[0]).toMatchObject({ status: "skip", reason });
    expect(asked.filter((question) => question.startsWith("dns"))).toEqual([]);
  });

  test("without an apt-cache nothing is told to be ready", async () => {
    expect(await first(undefined, { paths: { [APT]: failedWith("file-missing") } })).toMatchObject({
      status: "unknown",
      reason: "what would be installed cannot be told: there is no /usr/bin/apt-cache",
    });
  });

  test("what cannot be told is unknown, with what to do", async () => {
    const given = hostWith(policy("(none)"), { world: { ...without(), folders: { "/var/lib/apt/lists": ["lock"] } } });
    expect((await findingsOf(given))[0]).toMatchObject({
      status: "unknown",
      reason: "apt has no lists of packages here yet: run apt-get update first",
    });
  });

  test("after the install: not applicable", async () => {
    expect((await first(DEBIAN, { topology: { phase: from("run", "/etc/crowdsec/config.yaml") } })).status).toBe(
      "skip",
    );
  });
});

describe("an agent whose Local API is elsewhere", () => {
  test("is registered with the Central API by the script all the same, which is told", async () => {
    const topology: Partial<Topology> = { roles: [from("agent", "--role")] };
    const words =
      "a host without a Local API does not need the Central API, but the script registers there all the same";
    expect((await first(DEBIAN, { world: without(API), topology })).summary).toContain(words);
    expect((await first(DEBIAN, { world: without(API) })).summary).not.toContain(words);
  });
});

describe("whose way it is", () => {
  const proxy = (name: string) => ({ HTTPS_PROXY: `http://${name}:3128`, http_proxy: `http://${name}:3128` });
  const only = (host: string): World => ({
    ...without(),
    dns: (name) => (name === host ? HEALTHY.dns(name) : failedWith("dns-nxdomain", { message: "NXDOMAIN" })),
  });

  test("the script goes by the proxy of the shell that apt is started from", async () => {
    const topology = { components: [cscliWith(proxy("proxy.corp.example"))] };
    const given = hostWith(DEBIAN, { world: only("proxy.corp.example"), topology });
    const { findings, asked } = await runIn([check], given);
    expect(findings[0]?.status).toBe("pass");
    expect(asked).toContain("http GET https://api.crowdsec.net/ through http://proxy.corp.example:3128");
  });

  test("and by what sudo leaves of it, where that is known", async () => {
    const sudo = { name: "cscli-sudo", environment: environmentWith({}, { from: "sudo", origin: "what sudo leaves" }) };
    const components = [cscliWith(proxy("proxy.corp.example")), sudo];
    const world = only("proxy.corp.example");
    expect((await first(DEBIAN, { world, topology: { components } })).status).toBe("fail");
    const unread = [
      cscliWith(proxy("proxy.corp.example")),
      { name: "cscli-sudo", environment: { hidden: "run as root" } },
    ];
    expect((await first(DEBIAN, { world, topology: { components: unread } })).status).toBe("pass");
  });

  test("a proxy of apt's own is not handed on, and never shown", async () => {
    const aptConfig = "A='http://me:canary-password@proxy.corp.example:3128/'\n";
    const { summary } = await first(vendor(), { world: without(API), aptConfig });
    expect(summary).toContain("; apt has a proxy of its own, which it does not hand on to the script");
    expect((await first(vendor(), { world: without("packagecloud.io"), aptConfig })).status).toBe("pass");
    expect((await first(vendor(), { world: without("packagecloud.io"), aptConfig: "A='DIRECT'\n" })).status).toBe(
      "fail",
    );
    expect((await first(vendor(), { world: without(API) })).summary).not.toContain("proxy of its own");
  });

  test("what the outgoing rows ask is all that it asks of others, so nothing is asked twice", async () => {
    const given = hostWith(vendor(), { version: [1, 7, 8] });
    const outside = async (checks: Parameters<typeof runIn>[0]): Promise<ReadonlySet<string>> =>
      new Set((await runIn(checks, given)).asked.filter((question) => /^(dns|libc|tcp|http) /.test(question)));
    const [own, rows] = await Promise.all([outside([check]), outside(outgoing)]);
    expect(own.size).toBeGreaterThan(0);
    expect([...own].filter((question) => !rows.has(question))).toEqual([]);
  });

  test("a slow answer is no obstacle", async () => {
    const slow: World = {
      ...without(),
      http: (request) => ({ ...HEALTHY.http(request), elapsedMs: 9000 }),
    };
    expect((await first(DEBIAN, { world: slow })).status).toBe("pass");
  });

  test("the blame is that of the way, and the finding's host is the row's", async () => {
    const folders = { "/var/cache/apt/archives": ["crowdsec_1.4.6-6~deb12u1+b1_amd64.deb"] };
    const world: World = { ...without(), tcp: () => failedWith("tcp-timeout"), folders };
    const { blame, target, fault } = await first(DEBIAN, { world });
    expect([blame?.party, target?.host, fault?.code, fault?.phase]).toEqual([
      "network",
      API,
      "install-stops",
      "connect",
    ]);
  });
});
