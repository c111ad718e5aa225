import { describe, expect, test } from "@jest/globals";
import { systemLooks } from "../../src/bundle/system.ts";
import type { CommandQuestion } from "../../src/model/observation.ts";
import { bouncerTo, from, networkDatabase, routeTo } from "../support/topology.ts";
import { ranWith } from "../support/world.ts";
import { contentOf, lookedAt, saying, whyNot } from "./host.ts";

const EVERYTHING = [
  "ip",
  "ss",
  "head",
  "ls",
  "df",
  "uname",
  "uptime",
  "date",
  "sysctl",
  "dpkg-query",
  "chronyc",
  "cscli",
  "crowdsec",
  "mount",
  "netstat",
  "sockstat",
  "ifconfig",
  "arp",
  "pkg",
];

/** All that is run on a host that has every program. */
const runOn = async (overrides = {}): Promise<readonly string[]> => {
  const lines: string[] = [];
  const commands = ({ argv }: CommandQuestion) => {
    lines.push(argv.join(" ").replace(/^\/usr\/bin\//, ""));
    return ranWith(0, "x");
  };
  await lookedAt(
    systemLooks,
    { paths: saying(Object.fromEntries(EVERYTHING.map((name) => [name, ""]))).paths, commands },
    overrides,
  );
  return lines;
};

test("cscli and crowdsec are asked for their version, and for nothing else: other commands log in, or write", async () => {
  const lines = await runOn();
  expect(lines.filter((line) => /^(cscli|crowdsec)\b/.test(line)).sort()).toEqual([
    "crowdsec -version",
    "cscli version",
  ]);
});

test("no program is asked that D-Bus would start a service for, and no name is looked up", async () => {
  const lines = await runOn();
  expect(
    lines.filter((line) =>
      /^(timedatectl|hostnamectl|resolvectl|loginctl|systemctl|curl|wget|dig|nslookup)\b/.test(line),
    ),
  ).toEqual([]);
  expect(lines.filter((line) => /^(ss|netstat)\b/.test(line)).every((line) => /-\w*[nsx]/.test(line))).toBe(true);
});

test("no argument holds what a shell would obey", async () => {
  const lines = await runOn();
  expect(lines.filter((line) => /[;&|`$]/.test(line.replace(/^dpkg-query .*/, "")))).toEqual([]);
});

test("files that decide over names and time are taken, by the system's own links too", async () => {
  const resolv = {
    ok: true,
    elapsedMs: 0,
    content: "nameserver 9.9.9.9\n",
    at: "/run/systemd/resolve/stub-resolv.conf",
  } as const;
  const part = await lookedAt(systemLooks, {
    files: { "/etc/resolv.conf": resolv, "/etc/hosts": "127.0.0.1 localhost\n" },
  });
  expect(contentOf(part, "files/etc/resolv.conf")).toBe("nameserver 9.9.9.9\n");
  expect(contentOf(part, "files/etc/hosts")).toBe("127.0.0.1 localhost\n");
});

describe("connections", () => {
  const SS = [
    "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process",
    'ESTAB 0 0 192.0.2.10:8080 192.0.2.20:51000 users:(("crowdsec",pid=1,fd=9))',
    "ESTAB 0 0 192.0.2.10:443 198.51.100.77:40000",
    'ESTAB 0 0 192.0.2.10:50000 203.0.113.9:443 users:(("crowdsec",pid=1,fd=7))',
    "ESTAB 0 0 192.0.2.10:50001 203.0.113.10:5432",
  ].join("\n");

  test("are told of CrowdSec and its ports alone: those of others say who visits this host", async () => {
    const text = contentOf(
      await lookedAt(systemLooks, saying({ "ss -tanp": SS, ss: "" }), { database: networkDatabase() }),
      "system/sockets.txt",
    );
    expect(text).toContain("192.0.2.20:51000");
    expect(text).toContain("203.0.113.9:443");
    expect(text).toContain("203.0.113.10:5432");
    expect(text).not.toContain("198.51.100.77");
  });

  test("on 8080 are not CrowdSec's where its Local API is on another port", async () => {
    const clients = [bouncerTo(routeTo("https://lapi.example/"))];
    const lines = await runOn({ listen: { tls: false, appsec: [] }, clients });
    expect(lines.find((line) => line.startsWith("ss -tanp"))).toContain("sport = :443");
    expect(lines.find((line) => line.startsWith("ss -tanp"))).not.toContain(":8080");
  });
});

test("of packages that are not there, dpkg's complaints are left out", async () => {
  const dpkg = "ii |crowdsec|1.4.6-6|amd64\ndpkg-query: no packages found matching ipset\n |nftables||\n";
  const part = await lookedAt(systemLooks, saying({ "dpkg-query": ranWith(1, dpkg) }));
  const lines = (contentOf(part, "system/packages.txt") ?? "").trimEnd().split("\n");
  expect(lines.slice(1)).toEqual(["ii |crowdsec|1.4.6-6|amd64"]);
});

test("of files of the kernel that are not there, head's complaints are left out", async () => {
  const head = "==> /proc/meminfo <==\nMemTotal: 1 kB\n/usr/bin/head: cannot open '/proc/pressure/io' for reading";
  const part = await lookedAt(systemLooks, saying({ head: ranWith(1, head) }));
  expect(contentOf(part, "system/memory.txt")).toMatch(/<==\nMemTotal: 1 kB\n$/);
});

test("Alpine's programs are asked where iproute2 is not installed", async () => {
  const part = await lookedAt(systemLooks, saying({ netstat: "Kernel IP routing table", ifconfig: "eth0" }));
  expect(contentOf(part, "system/routes.txt")).toContain("# netstat -rn\n");
  expect(contentOf(part, "system/addresses.txt")).toContain("# ifconfig -a\n");
  expect(whyNot(part, "ip, arp")).toBe("no such program here");
});

test("FreeBSD is asked in its own words, and not for Linux' files", async () => {
  const lines = await runOn({ system: { services: "freebsd", packages: "freebsd" } });
  expect(lines.filter((line) => line.startsWith("head"))).toEqual([]);
  expect(lines.find((line) => line.startsWith("sysctl"))).toContain("kern.ipc.soacceptqueue");
  expect(lines).toContain("mount");
});

test("the time is told with what keeps it, and the clock of this tool", async () => {
  const world = {
    ...saying({ date: "Mon", chronyc: "Leap status: Normal" }),
    services: { chronyd: {}, ntpd: { known: false } },
  };
  const text = contentOf(await lookedAt(systemLooks, world), "system/time.txt") ?? "";
  expect(text).toContain("this tool's clock: 2026-06-15T12:00:00.000Z");
  expect(text).toContain("name: chronyd.service");
  expect(text).not.toContain("ntpd.service");
  expect(text).toContain("# chronyc -h 127.0.0.1 -n tracking\nLeap status: Normal");
});

test("CrowdSec's folders are listed as far as they are there", async () => {
  const says = saying({ ls: "drwxr-xr-x", df: "/dev/vda1" });
  const paths = { ...says.paths, "/etc/crowdsec": { kind: "folder" as const } };
  const part = await lookedAt(systemLooks, { ...says, paths });
  expect(contentOf(part, "system/folders.txt")).toContain("# ls -lan -- /etc/crowdsec\n");
  expect(contentOf(part, "system/folders.txt")).not.toContain("/var/lib/crowdsec");
});

test("the data's folder is listed where the configuration has it, and not the one of packages", async () => {
  const says = saying({ ls: "drwxr-xr-x", df: "/dev/vda1" });
  const folder = { kind: "folder" } as const;
  const paths = { ...says.paths, "/srv/data": folder, "/var/lib/crowdsec/data": folder };
  const moved = { dataDir: from("/srv/data", "config.yaml:11"), database: networkDatabase() };
  const part = await lookedAt(systemLooks, { ...says, paths }, moved);
  expect(contentOf(part, "system/folders.txt")).toContain("# ls -lan -- /srv/data\n");
  expect(contentOf(part, "system/folders.txt")).not.toContain("/var/lib/crowdsec");
  expect(contentOf(part, "system/disk.txt")).toContain("/srv/data");
});

test("that no service sets the clock and no program tells how far off it is, is said", async () => {
  const part = await lookedAt(systemLooks, saying({ date: "Mon" }));
  expect(contentOf(part, "system/time.txt")).toContain("no service that sets the clock is known here");
  expect(whyNot(part, "chronyc, ntpq")).toMatch(/^no such program here/);
  const asked = await lookedAt(systemLooks, { ...saying({ ntpq: "x" }), services: { ntpd: {} } });
  expect(whyNot(asked, "chronyc, ntpq")).toBeUndefined();
  expect(contentOf(asked, "system/time.txt")).not.toContain("no service that sets");
});
