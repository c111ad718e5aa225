import { existsSync } from "node:fs";
import { afterEach, expect, jest, test } from "@jest/globals";
import { asReport } from "../support/schema.ts";
import { dropIn, expectFault, findingOf, instancesOf, lab, on, preflight } from "./lab.ts";

jest.setTimeout(60_000);

afterEach(async () => {
  await lab("restore");
});

const START = ["trust-store", "service-manager", "memory", "disk-space", "writable-folders"];

/** Does something while a file system is mounted over a folder of host `fresh`. */
const mounted = async (mount: string, folder: string, scene: () => Promise<void>): Promise<void> => {
  await on("fresh", `${mount} ${folder}`);
  try {
    await scene();
  } finally {
    await on("fresh", `umount ${folder}`);
  }
};
const TMPFS = "mount -t tmpfs -o";

test("a bare host has all that crowdsec needs to start, and says how much of it", async () => {
  const { report } = await preflight("fresh", "--only", [...START, "clock", "outgoing"].join(","));
  expect(START.map((id) => findingOf(report, id)).filter(({ status }) => status !== "pass")).toEqual([]);
  expect(findingOf(report, "clock").status).toBe("pass");
  expect(findingOf(report, "memory").summary).toMatch(/\d [GM]iB of [\d.]+ GiB memory are free/);
  expect(findingOf(report, "disk-space").summary).toMatch(/\/usr has \d/);
});

test("/var/lib that is read-only: crowdsec's data cannot be written, and it would not start", async () => {
  await mounted(`${TMPFS} ro,size=2g tmpfs`, "/var/lib", async () => {
    const { report, exitCode } = await preflight("fresh", "--only", START.join(","));
    expect(exitCode).toBe(2);
    expectFault(report, "writable-folders", {
      status: "fail",
      phase: "host",
      code: "folder-not-writable",
      party: "this-host",
      remedy: /findmnt -T \/var\/lib/,
      summary: /\/var\/lib, where \/var\/lib\/crowdsec\/data would be made, is not writable: crowdsec does not start/,
    });
    expect(instancesOf(report, "fail", "warn", "unknown")).toEqual(["writable-folders"]);
  });
});

test.each([
  ["40m", "disk-full", "fail", /\/var\/lib has 40 MiB left .* the hub's data files take about 97 MB/],
  ["400m", "disk-low", "warn", /\/var\/lib has 400 MiB left .* CrowdSec asks for 1 GB/],
] as const)("/var/lib with %s of room: %s", async (size, code, status, summary) => {
  await mounted(`${TMPFS} size=${size} tmpfs`, "/var/lib", async () => {
    const { report } = await preflight("fresh", "--only", START.join(","));
    expectFault(report, "disk-space", {
      status,
      phase: "host",
      code,
      party: "this-host",
      remedy: /df -h \/var\/lib/,
      summary,
    });
    expect(instancesOf(report, "fail", "warn", "unknown")).toEqual(["disk-space"]);
  });
});

test("no CA store at all: CrowdSec would trust nobody, and the remedy says what to install", async () => {
  await on("fresh", "mkdir -p /var/lab/empty");
  await mounted("mount --bind /var/lab/empty", "/etc/ssl/certs", async () => {
    const { report } = await preflight("fresh", "--only", START.join(","));
    expectFault(report, "trust-store", {
      status: "fail",
      phase: "host",
      code: "no-ca-store",
      party: "this-host",
      remedy: /apt-get install ca-certificates/,
      summary: /\/etc\/ssl\/certs/,
    });
  });
});

test("a limit of crowdsec's unit, written before the install, is told with its file", async () => {
  await dropIn("fresh", "crowdsec.service", "limit", "MemoryMax=48M");
  const { report } = await preflight("fresh", "--only", "memory");
  expectFault(report, "memory", {
    status: "fail",
    phase: "host",
    code: "memory-too-low",
    party: "this-host",
    remedy: /Raise MemoryMax= in \/etc\/systemd\/system\/crowdsec\.service\.d\/limit\.conf/,
    summary: /by MemoryMax=48M/,
  });
});

/** Control groups of version 1 have a folder for memory; with version 2 a group would have to be given the controller first. */
const hasGroups = existsSync("/sys/fs/cgroup/memory/memory.limit_in_bytes");

(hasGroups ? test : test.skip)(
  "a container's limit is told, and a limit of the session that the tool runs in is not crowdsec's",
  async () => {
    const group = "/sys/fs/cgroup/memory/preflight-scene";
    await on("fresh", `mkdir ${group} && echo 200M >${group}/memory.limit_in_bytes`);
    const tool = `${process.execPath} ${process.cwd()}/bin/crowdsec-preflight.js -o json --only memory || true`;
    try {
      const session = asReport(await on("fresh", `echo $$ >${group}/cgroup.procs; ${tool}`));
      expect(findingOf(session, "memory").status).toBe("pass");
      // As a container has it: control groups of its own, whose root is the one with the limit.
      const container = `umount /sys/fs/cgroup/memory && mount -t cgroup -o memory cgroup /sys/fs/cgroup/memory && { ${tool}; }`;
      const report = asReport(
        await on("fresh", `echo $$ >${group}/cgroup.procs; unshare --cgroup --mount bash -c '${container}'`),
      );
      expectFault(report, "memory", {
        status: "warn",
        phase: "host",
        code: "memory-low",
        party: "this-host",
        remedy: /Raise the memory limit of \/sys\/fs\/cgroup\/memory/,
        summary: /of 200 MiB memory are free, the limit of \/sys\/fs\/cgroup\/memory/,
      });
    } finally {
      await on("fresh", `rmdir ${group}`);
    }
  },
);
