import { describe, expect, test } from "@jest/globals";
import check from "../../checks/disk-space.ts";
import type { Failed, PathSeen } from "../../src/model/observation.ts";
import type { Topology } from "../../src/model/topology.ts";
import { expectFault, type FaultCase, findingOf, type Given } from "../support/run.ts";
import { SYSTEMS } from "../support/systems.ts";
import { BEFORE_INSTALL, from, networkDatabase } from "../support/topology.ts";
import { failedWith, HEALTHY } from "../support/world.ts";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

type Disks = Readonly<Record<string, number | Failed>>;
const pathsOf = (disks: Disks): Record<string, Partial<PathSeen> | Failed> =>
  Object.fromEntries(
    Object.entries(disks).map(([path, free]) => [
      path,
      typeof free === "number" ? { kind: "folder", freeBytes: free } : free,
    ]),
  );

/** A host before the install: only what is above CrowdSec's folders is there, each on a disk of its own. */
const bare = (disks: Disks = {}, topology: Partial<Topology> = {}): Given => ({
  world: {
    ...HEALTHY,
    paths: pathsOf({
      "/": 9 * GIB,
      "/etc": 8 * GIB,
      "/usr": 7 * GIB,
      "/var/lib": 6 * GIB,
      "/var/log": 5 * GIB,
      ...disks,
    }),
  },
  topology: { ...BEFORE_INSTALL, ...topology },
});
const oneDisk = (free: number): Given =>
  bare({ "/": free, "/etc": free, "/usr": free, "/var/lib": free, "/var/log": free });

/** An installed host; the database is SQLite's, in the folder of the data. */
const installed = (disks: Disks = {}, topology: Partial<Topology> = {}): Given => ({
  world: {
    ...HEALTHY,
    paths: pathsOf({
      "/etc/crowdsec": 8 * GIB,
      "/var/lib/crowdsec/data": 6 * GIB,
      "/var/log": 5 * GIB,
      ...disks,
    }),
  },
  topology,
});

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "disk-full": ["host", "fail", "this-host", bare({ "/var/lib": 50 * MIB })],
  "disk-low": ["host", "warn", "this-host", bare({ "/var/lib": 500 * MIB })],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

describe("before an install", () => {
  test("with room, says how much each disk has, by the folder that is there", async () => {
    expect(await findingOf(check, bare())).toMatchObject({
      status: "pass",
      summary: `${check.title}: /usr has 7.0 GiB, /etc has 8.0 GiB, /var/lib has 6.0 GiB, /var/log has 5.0 GiB`,
    });
  });

  test.each<[string, string | undefined, Given]>([
    ["a gigabyte for the data is enough", undefined, bare({ "/var/lib": 1_000_000_000 })],
    ["less is what CrowdSec does not ask for", "disk-low", bare({ "/var/lib": 999_999_999 })],
    ["the hub's data files do not fit", "disk-full", bare({ "/var/lib": 96_000_000 })],
    ["the package does not fit", "disk-full", bare({ "/usr": 127 * MIB })],
    ["the package fits", undefined, bare({ "/usr": 128 * MIB })],
    ["a log's disk fills up", "disk-low", bare({ "/var/log": 199 * MIB })],
    ["a disk of /etc is full", "disk-full", bare({ "/etc": 4 * MIB })],
    ["one disk: the package and the data fit each, and not both", "disk-full", oneDisk(200 * MIB)],
    ["one disk: both fit, and little is left for the database", "disk-low", oneDisk(300 * MIB)],
    ["one disk with a gigabyte", undefined, oneDisk(GIB)],
  ])("%s", async (_what, code, given) => {
    expect((await findingOf(check, given)).fault?.code).toBe(code);
  });

  test("the folder that is short is named, what it is for, and what does not fit", async () => {
    const { summary, remedy, target } = await findingOf(check, bare({ "/usr": 100 * MIB, "/var/log": 100 * MIB }));
    expect(summary).toMatch(
      /^\/usr has 100 MiB left for CrowdSec's program, log: crowdsec's package takes about 128 MiB/,
    );
    expect(target).toMatchObject({ path: "/usr" });
    expect(remedy[0]?.commands).toEqual(["df -h /usr", "du -xhd 1 /usr | sort -h | tail"]);
  });

  test("a second disk that is short is told as well", async () => {
    const { fault, summary } = await findingOf(check, bare({ "/var/lib": 500 * MIB, "/usr": 100 * MIB }));
    expect(fault?.code).toBe("disk-full");
    expect(summary).toContain("/var/lib has 500 MiB left: CrowdSec asks for 1 GB, since its database grows");
  });

  test("an image has the programs already", async () => {
    const given = bare({ "/usr": 10 * MIB }, { system: SYSTEMS.docker.system });
    expect((await findingOf(check, given)).status).toBe("pass");
    const { remedy } = await findingOf(check, bare({ "/var/lib": 10 * MIB }, { system: SYSTEMS.docker.system }));
    expect(remedy[0]?.text).toMatch(/^Give the volume that holds \/var\/lib more room/);
  });

  test("FreeBSD has its own places", async () => {
    const system = SYSTEMS.freebsd.system;
    const config = from("/usr/local/etc/crowdsec/config.yaml", "default");
    const given = bare({ "/usr/local": 50 * MIB, "/var/db": 7 * GIB }, { system, config });
    expect((await findingOf(check, given)).summary).toMatch(/^\/usr\/local has 50 MiB left/);
  });
});

const DANGLING = { ...failedWith("file-missing"), leadsTo: "/mnt/data/crowdsec" } as const;
test.each(["root", "www-data"])(
  "as %s, the disk behind a link that leads nowhere is not taken for another",
  async (user) => {
    expect(await findingOf(check, bare({ "/var/lib/crowdsec": DANGLING }, { user }))).toMatchObject({
      status: "unknown",
      reason:
        "how much room there is could not be seen: /var/lib/crowdsec (a link to /mnt/data/crowdsec, which is not there)",
    });
  },
);

describe("a disk with room for bytes, and none for another file", () => {
  const crowded = (freeInodes: number): Given => ({
    ...bare(),
    world: { ...HEALTHY, paths: { ...bare().world?.paths, "/var/lib": { kind: "folder", freeInodes } } },
  });

  test("is full, and says of what", async () => {
    const { status, fault, summary, remedy } = await findingOf(check, crowded(0));
    expect([status, fault?.code, summary]).toEqual([
      "fail",
      "disk-full",
      "/var/lib has no inode left for CrowdSec's data: no file can be made there, whatever room it has",
    ]);
    expect(remedy.map(({ commands }) => commands)).toEqual([["df -i /var/lib"]]);
  });

  test("is not, while it has some", async () => {
    expect((await findingOf(check, crowded(5000))).status).toBe("pass");
  });
});

describe("where CrowdSec is", () => {
  test("the database's disk is left to its check", async () => {
    expect((await findingOf(check, installed({ "/var/lib/crowdsec/data": 3 * MIB }))).status).toBe("pass");
    const same = 3 * MIB;
    const all = installed({ "/etc/crowdsec": same, "/var/lib/crowdsec/data": same, "/var/log": same });
    expect(await findingOf(check, all)).toMatchObject({
      status: "pass",
      summary: `${check.title}: all of it is on the disk of the database, whose check looks at that`,
    });
  });

  test("on another disk, the log and the hub are not", async () => {
    const { status, summary } = await findingOf(check, installed({ "/var/log": 3 * MIB }));
    expect([status, summary]).toEqual([
      "fail",
      "/var/log has 3 MiB left for CrowdSec's log: what crowdsec logs is lost",
    ]);
    const hub = installed({ "/srv/hub": MIB }, { hubIndex: from("/srv/hub/.index.json", "config.yaml:14") });
    expect((await findingOf(check, hub)).summary).toContain("cscli hub update cannot write what it fetches");
  });

  test("the data of an agent, or beside a database elsewhere, is looked at here", async () => {
    const disks = { "/var/lib/crowdsec/data": 100 * MIB };
    const elsewhere = installed(disks, { database: networkDatabase() });
    expect((await findingOf(check, elsewhere)).fault?.code).toBe("disk-low");
    const agent = installed(disks, { roles: [from("agent", "--role")] });
    expect((await findingOf(check, agent)).fault?.code).toBe("disk-low");
  });

  test("without a log file, no room for one is asked for", async () => {
    const topology = { log: undefined } as unknown as Partial<Topology>;
    expect((await findingOf(check, installed({ "/var/log": 0 }, topology))).status).toBe("pass");
  });
});

test.each([
  ["root", "how much room there is could not be seen: /etc/crowdsec (the system's words for file-error)"],
  [
    "www-data",
    "run as root: how much room there is could not be seen: /etc/crowdsec (the system's words for file-error)",
  ],
])("as %s, what cannot be seen is not judged", async (user, reason) => {
  const given = installed({ "/etc/crowdsec": failedWith("file-error") }, { user });
  expect(await findingOf(check, given)).toMatchObject({ status: "unknown", reason });
});
