import { describe, expect, test } from "@jest/globals";
import check from "../../checks/memory.ts";
import type { MemorySeen } from "../../src/model/observation.ts";
import type { System } from "../../src/model/system.ts";
import type { Topology } from "../../src/model/topology.ts";
import type { World } from "../support/fake-prober.ts";
import { expectFault, type FaultCase, findingOf, type Given, runIn } from "../support/run.ts";
import { SYSTEMS } from "../support/systems.ts";
import { BEFORE_INSTALL } from "../support/topology.ts";
import { failedWith, HEALTHY } from "../support/world.ts";

const MIB = 1024 * 1024;
const GROUP = "/sys/fs/cgroup";

/** A host before the install, with this much memory. */
const hostWith = (memory: Partial<MemorySeen>, topology: Partial<Topology> = {}, world: World = {}): Given => ({
  world: { ...HEALTHY, memory, ...world },
  topology: { ...BEFORE_INSTALL, engine: undefined, engines: [], ...topology } as Partial<Topology>,
});
const free = (available: number, swap = 0, total = 512): Partial<MemorySeen> => ({
  totalBytes: total * MIB,
  availableBytes: available * MIB,
  swapFreeBytes: swap * MIB,
});
const on = (system: System): Partial<Topology> => ({ system });
const CONTAINER = on(SYSTEMS.docker.system);

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "memory-too-low": ["host", "fail", "this-host", hostWith(free(40))],
  "memory-low": ["host", "warn", "this-host", hostWith(free(80))],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

test("with enough, says how much there is", async () => {
  expect(await findingOf(check, hostWith(free(3072, 512, 4096)))).toMatchObject({
    status: "pass",
    summary: `${check.title}: 3.0 GiB of 4.0 GiB memory are free, and 512 MiB of swap`,
  });
});

describe("what is free decides", () => {
  test.each<[string, string | undefined, Partial<MemorySeen>]>([
    ["106 MiB, more than an engine at rest takes", undefined, free(106)],
    ["104 MiB, less than that", "memory-low", free(104)],
    ["64 MiB, as much as the smallest engine takes", "memory-low", free(64)],
    ["63 MiB, less than that", "memory-too-low", free(63)],
    ["next to nothing and swap: it starts, and is slow", "memory-low", free(10, 512)],
    ["little of both", "memory-too-low", free(20, 20)],
  ])("%s", async (_what, code, memory) => {
    expect((await findingOf(check, hostWith(memory))).fault?.code).toBe(code);
  });

  test("the sentence says how much, of how much, and that there is no swap", async () => {
    expect((await findingOf(check, hostWith(free(40)))).summary).toBe(
      "40 MiB of 512 MiB memory are free, and no swap: crowdsec does not fit; the smallest that was measured takes 64 MiB, a newer one 110 MB at rest",
    );
  });

  test("a host is told to free memory or to add swap, and how to take that back", async () => {
    const { remedy } = await findingOf(check, hostWith(free(40)));
    expect(remedy.map(({ commands }) => commands?.[0])).toEqual(["free -m", "fallocate -l 1G /swapfile"]);
    expect(remedy[1]?.undo).toEqual(["swapoff /swapfile", "rm /swapfile"]);
  });

  test("on FreeBSD, whose free memory leaves out what its caches give back, what there is in all", async () => {
    const bsd = on(SYSTEMS.freebsd.system);
    expect((await findingOf(check, hostWith(free(20), bsd))).status).toBe("pass");
    expect((await findingOf(check, hostWith(free(20, 0, 48), bsd))).fault?.code).toBe("memory-too-low");
  });
});

describe("a limit of a control group", () => {
  test("counts for a container, and is named", async () => {
    const { summary, remedy } = await findingOf(check, hostWith({ ...free(50, 0, 64), limitedBy: GROUP }, CONTAINER));
    expect(summary).toContain(`50 MiB of 64 MiB memory are free, the limit of ${GROUP}, and no swap`);
    expect(remedy[0]?.text).toMatch(/^Raise the container's memory limit/);
  });

  test("below what CrowdSec's chart gives is a warning, though most of it is free", async () => {
    const kubernetes = on(SYSTEMS.kubernetes.system);
    const { status, summary, remedy } = await findingOf(
      check,
      hostWith({ ...free(200, 0, 200), limitedBy: GROUP }, kubernetes),
    );
    expect([status, summary]).toEqual(["warn", expect.stringMatching(/chart gives an agent 250 MiB/)]);
    expect(remedy[0]?.text).toContain("lapi.resources");
    expect((await findingOf(check, hostWith({ ...free(250, 0, 250), limitedBy: GROUP }, kubernetes))).status).toBe(
      "pass",
    );
  });

  test("of a user's session does not count where crowdsec will be a service", async () => {
    const limited: Partial<MemorySeen> = {
      ...free(20, 0, 50),
      limitedBy: `${GROUP}/user.slice`,
      system: { totalBytes: 4096 * MIB, availableBytes: 3072 * MIB, swapFreeBytes: 0 },
    };
    expect((await findingOf(check, hostWith(limited))).status).toBe("pass");
    expect((await findingOf(check, hostWith(limited, on(SYSTEMS.bare.system)))).fault?.code).toBe("memory-too-low");
  });
});

describe("a limit of crowdsec's unit", () => {
  const ETC = "/etc/systemd/system/crowdsec.service.d";
  const RUN = "/run/systemd/system/crowdsec.service.d";
  const unit = (files: Readonly<Record<string, string>>, topology: Partial<Topology> = {}): Given => {
    const folders: Record<string, string[]> = {};
    for (const path of Object.keys(files)) {
      const at = path.lastIndexOf("/");
      folders[path.slice(0, at)] = [...(folders[path.slice(0, at)] ?? []), path.slice(at + 1)];
    }
    return hostWith(free(3072, 0, 4096), topology, { files, folders });
  };

  test("is told with its file, which the remedy names too", async () => {
    const { status, summary, remedy } = await findingOf(
      check,
      unit({ [`${ETC}/limit.conf`]: "[Service]\nMemoryMax=48M\n" }),
    );
    expect(status).toBe("fail");
    expect(summary).toContain(
      `48 MiB of 48 MiB memory are free, by MemoryMax=48M (${ETC}/limit.conf), and no swap: crowdsec does not fit`,
    );
    expect(remedy[0]?.text).toBe(`Raise MemoryMax= in ${ETC}/limit.conf, or take it out.`);
  });

  test.each<[string, string | undefined, Readonly<Record<string, string>>]>([
    ["in percent", "memory-too-low", { [`${ETC}/a.conf`]: "[Service]\nMemoryMax=1%" }],
    ["in gigabytes, larger than there is", undefined, { [`${ETC}/a.conf`]: "MemoryMax=64G" }],
    ["of the administrator's own unit", "memory-low", { "/etc/systemd/system/crowdsec.service": "MemoryLimit=100M" }],
    [
      "lifted by a later file",
      undefined,
      { [`${ETC}/a.conf`]: "MemoryMax=48M", [`${ETC}/b.conf`]: "MemoryMax=infinity" },
    ],
    [
      "lifted by an earlier file only",
      "memory-too-low",
      { [`${ETC}/a.conf`]: "MemoryMax=infinity", [`${RUN}/b.conf`]: "MemoryMax=48M" },
    ],
    [
      "hidden by a file of the same name in /etc",
      undefined,
      { [`${ETC}/a.conf`]: "# none", [`${RUN}/a.conf`]: "MemoryMax=48M" },
    ],
    ["that makes no sense", undefined, { [`${ETC}/a.conf`]: "MemoryMax=some" }],
    ["in a file that systemd does not read", undefined, { [`${ETC}/a.conf.bak`]: "MemoryMax=48M" }],
  ])("%s", async (_what, code, files) => {
    expect((await findingOf(check, unit(files))).fault?.code).toBe(code);
  });

  test("is not looked for where systemd does not start it", async () => {
    const given = unit({ [`${ETC}/a.conf`]: "MemoryMax=48M" }, CONTAINER);
    const { findings, asked } = await runIn([check], given);
    expect(findings[0]?.status).toBe("pass");
    expect(asked.filter((question) => question.startsWith("file"))).toEqual([]);
  });
});

describe("where crowdsec runs already", () => {
  const running = (memory: Partial<MemorySeen>): Given => ({ world: { ...HEALTHY, memory } });

  test("nothing is to be judged, also with less than it would take anew", async () => {
    expect(await findingOf(check, running(free(60)))).toMatchObject({
      status: "skip",
      reason: "not applicable: crowdsec runs here already",
    });
  });

  test("unless the host is so short that the next cscli may not fit beside it", async () => {
    const { status, summary } = await findingOf(check, running(free(20)));
    expect([status, summary]).toEqual([
      "warn",
      expect.stringMatching(/^20 MiB of 512 MiB .*: the next cscli hub update/),
    ]);
  });
});

test("where nobody says how much there is, nothing is judged", async () => {
  const given = { world: { ...HEALTHY, memory: failedWith("file-missing") } };
  expect(await findingOf(check, given)).toMatchObject({
    status: "unknown",
    reason: "how much memory there is could not be read: the system's words for file-missing",
  });
});
