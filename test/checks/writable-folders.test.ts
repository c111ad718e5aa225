import { describe, expect, test } from "@jest/globals";
import check from "../../checks/writable-folders.ts";
import type { Failed, PathSeen } from "../../src/model/observation.ts";
import type { Topology } from "../../src/model/topology.ts";
import { expectFault, type FaultCase, findingOf, type Given } from "../support/run.ts";
import { SYSTEMS } from "../support/systems.ts";
import { BEFORE_INSTALL, from, networkDatabase } from "../support/topology.ts";
import { failedWith, HEALTHY } from "../support/world.ts";

type Folders = Readonly<Record<string, Partial<PathSeen> | Failed>>;
const FOLDER = { kind: "folder" } as const;
const READ_ONLY = { kind: "folder", writable: false } as const;

/** A host before the install: only what is above CrowdSec's folders is there. */
const bare = (folders: Folders = {}, topology: Partial<Topology> = {}): Given => ({
  world: {
    ...HEALTHY,
    paths: { "/": FOLDER, "/etc": FOLDER, "/usr": FOLDER, "/var/lib": FOLDER, "/var/log": FOLDER, ...folders },
  },
  topology: { ...BEFORE_INSTALL, ...topology },
});
const installed = (folders: Folders = {}, topology: Partial<Topology> = {}): Given => ({
  world: {
    ...HEALTHY,
    paths: { "/etc/crowdsec": FOLDER, "/var/lib/crowdsec/data": FOLDER, "/var/log": FOLDER, ...folders },
  },
  topology,
});
const ELSEWHERE = { database: networkDatabase() };

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "folder-not-writable": ["host", "fail", "this-host", bare({ "/var/lib": READ_ONLY })],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

describe("before an install", () => {
  test("says what can be written", async () => {
    expect(await findingOf(check, bare())).toMatchObject({
      status: "pass",
      summary: `${check.title}: /usr, /etc/crowdsec, /var/lib/crowdsec/data, /var/log`,
    });
  });

  test("a folder that cannot be made is named, with the one above it that is there", async () => {
    const { summary, remedy } = await findingOf(check, bare({ "/var/lib": READ_ONLY }));
    expect(summary).toBe(
      "CrowdSec cannot write where it has to: /var/lib, where /var/lib/crowdsec/data would be made, is not writable: crowdsec does not start",
    );
    expect(remedy[0]?.commands?.[0]).toBe("findmnt -T /var/lib");
  });

  test("several are told in one finding", async () => {
    const { status, summary } = await findingOf(check, bare({ "/var/log": READ_ONLY, "/etc": READ_ONLY }));
    expect(status).toBe("fail");
    expect(summary).toMatch(/\/etc, where .* cscli can change nothing there; \/var\/log is not writable/);
  });

  test("a file where a folder should be is none", async () => {
    expect((await findingOf(check, bare({ "/var/log": { kind: "file" } }))).summary).toContain("/var/log is no folder");
  });
});

describe("where nobody can make a file, root no more than another", () => {
  const DANGLING = { ...failedWith("file-missing"), leadsTo: "/mnt/data/crowdsec" } as const;

  test.each(["root", "www-data"])(
    "as %s, a link that leads nowhere is told, and not the folder it is in",
    async (user) => {
      const { status, summary, remedy, target } = await findingOf(
        check,
        bare({ "/var/lib/crowdsec": DANGLING }, { user }),
      );
      expect([status, summary]).toEqual([
        "fail",
        "CrowdSec cannot write where it has to: /var/lib/crowdsec, where /var/lib/crowdsec/data would be made, is a link to /mnt/data/crowdsec, which is not there: crowdsec does not start",
      ]);
      expect(target).toMatchObject({ path: "/var/lib/crowdsec" });
      expect(remedy.map(({ commands }) => commands)).toEqual([["ls -ld /var/lib/crowdsec"]]);
    },
  );

  test.each(["root", "www-data"])("as %s, a file system with no inode left is told", async (user) => {
    const full = { ...FOLDER, freeInodes: 0 };
    const { status, summary, remedy } = await findingOf(check, bare({ "/var/lib": full, "/usr": READ_ONLY }, { user }));
    expect([status, summary]).toEqual([
      "fail",
      expect.stringContaining(
        "/var/lib, where /var/lib/crowdsec/data would be made, is on a file system with no inode left",
      ),
    ]);
    expect(summary.includes("/usr is not writable")).toBe(user === "root");
    expect(remedy[0]?.commands).toEqual(["df -i /var/lib"]);
  });

  test("one that has some left is no matter", async () => {
    expect((await findingOf(check, bare({ "/var/lib": { ...FOLDER, freeInodes: 1 } }))).status).toBe("pass");
  });
});

describe("programs that cannot be put where they belong", () => {
  test("are for a container image, or for the system's own way", async () => {
    const { status, summary, remedy } = await findingOf(check, bare({ "/usr": READ_ONLY }));
    expect([status, summary]).toEqual(["fail", expect.stringContaining("/usr is not writable: the package cannot")]);
    expect(remedy[0]?.text).toContain("container image");
  });

  test.each([
    ["/run/ostree-booted", "rpm-ostree"],
    ["/usr/sbin/transactional-update", "transactional-update"],
  ])("are no fault where %s tells that packages come by %s", async (mark, tool) => {
    const { status, summary } = await findingOf(check, bare({ "/usr": READ_ONLY, [mark]: {} }));
    expect([status, summary]).toEqual(["pass", expect.stringContaining(`packages by ${tool}`)]);
    expect((await findingOf(check, bare({ "/usr": READ_ONLY, "/etc": READ_ONLY, [mark]: {} }))).summary).toBe(
      "CrowdSec cannot write where it has to: /etc, where /etc/crowdsec would be made, is not writable: cscli can change nothing there",
    );
  });

  test("are not put anywhere in a container, which gets volumes", async () => {
    const docker = { system: SYSTEMS.docker.system };
    expect((await findingOf(check, bare({ "/usr": READ_ONLY }, docker))).status).toBe("pass");
    const { remedy } = await findingOf(check, bare({ "/var/lib": READ_ONLY }, docker));
    expect(remedy[0]?.text).toMatch(/^Give the container a volume there/);
  });
});

describe("where CrowdSec is", () => {
  test("the database's folder is left to its check", async () => {
    expect((await findingOf(check, installed({ "/var/lib/crowdsec/data": READ_ONLY }))).status).toBe("pass");
  });

  test("the data beside a database elsewhere is needed to start", async () => {
    const { status, summary } = await findingOf(check, installed({ "/var/lib/crowdsec/data": READ_ONLY }, ELSEWHERE));
    expect([status, summary]).toEqual([
      "fail",
      expect.stringMatching(/data is not writable: crowdsec does not start$/),
    ]);
  });

  test.each([
    ["a database elsewhere", networkDatabase()],
    ["SQLite's file in another folder", { kind: "sqlite", path: from("/srv/db/crowdsec.db", "config.yaml:40") }],
  ] as const)("the data's own folder counts beside %s, and not the one of packages", async (_which, database) => {
    const moved = { database, dataDir: from("/srv/data", "/etc/crowdsec/config.yaml:11") };
    const { status, summary, target } = await findingOf(check, installed({ "/srv/data": READ_ONLY }, moved));
    expect([status, summary]).toEqual([
      "fail",
      "CrowdSec cannot write where it has to: /srv/data is not writable: crowdsec does not start",
    ]);
    expect(target).toEqual({ path: "/srv/data", origin: "/etc/crowdsec/config.yaml:11" });
    const good = await findingOf(check, installed({ "/srv/data": FOLDER, "/var/lib/crowdsec/data": READ_ONLY }, moved));
    expect([good.status, good.summary]).toEqual(["pass", expect.stringContaining("/srv/data")]);
    expect(good.summary).not.toContain("/var/lib/crowdsec");
  });

  test("but not before 1.6.2, which kept no traces there", async () => {
    const given = { ...installed({ "/var/lib/crowdsec/data": READ_ONLY }, ELSEWHERE), version: [1, 6, 1] } as const;
    const { status, summary } = await findingOf(check, given);
    expect([status, summary]).toEqual(["warn", expect.stringMatching(/: data files of the hub cannot be renewed$/)]);
    expect((await findingOf(check, { ...given, version: [1, 6, 2] })).status).toBe("fail");
  });

  test.each([
    ["/etc/crowdsec", "cscli can change nothing there"],
    ["/var/log", "what crowdsec logs is lost"],
  ])("%s that is read-only is a warning: the engine starts", async (path, follows) => {
    const { status, summary } = await findingOf(check, installed({ [path]: READ_ONLY }));
    expect([status, summary]).toEqual(["warn", expect.stringContaining(follows)]);
  });

  test("a warning beside what is needed is a failure", async () => {
    const given = installed({ "/var/log": READ_ONLY, "/var/lib/crowdsec/data": READ_ONLY }, ELSEWHERE);
    expect((await findingOf(check, given)).status).toBe("fail");
  });

  test("the hub's folder counts where it is another one", async () => {
    const hub = { hubIndex: from("/srv/hub/.index.json", "config.yaml:14") };
    const { status, summary } = await findingOf(check, installed({ "/srv/hub": READ_ONLY }, hub));
    expect([status, summary]).toEqual(["warn", expect.stringContaining("cscli can fetch nothing from the hub")]);
  });
});

test("another user than root cannot tell what root may write", async () => {
  expect(
    await findingOf(check, bare({ "/var/lib": READ_ONLY, "/usr": READ_ONLY }, { user: "www-data" })),
  ).toMatchObject({
    status: "unknown",
    reason: "run as root: whether /usr, /var/lib/crowdsec/data can be written there",
  });
});

test("a file system that does not answer says nothing about its folder", async () => {
  const given = bare({ "/var/log": failedWith("file-error") });
  expect(await findingOf(check, given)).toMatchObject({
    status: "unknown",
    reason: expect.stringMatching(/^whether CrowdSec can write could not be seen: \/var\/log the system's words/),
  });
});
