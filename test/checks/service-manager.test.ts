import { describe, expect, test } from "@jest/globals";
import check from "../../checks/service-manager.ts";
import type { System } from "../../src/model/system.ts";
import { expectFault, type FaultCase, findingOf, type Given } from "../support/run.ts";
import { SYSTEM_NAMES, SYSTEMS, type SystemName } from "../support/systems.ts";
import { BEFORE_INSTALL } from "../support/topology.ts";
import { HEALTHY } from "../support/world.ts";

/** A host of this kind before the install, with these paths beside its own. */
const hostOf = (name: SystemName, ...paths: readonly string[]): Given => {
  const { world, system }: { readonly world: Given["world"]; readonly system: System } = SYSTEMS[name];
  const more = Object.fromEntries(paths.map((path) => [path, {}]));
  return {
    world: { ...HEALTHY, ...world, paths: { ...world?.paths, ...more } },
    topology: { ...BEFORE_INSTALL, system },
  };
};
const withSystem = (system: System): Given => ({ topology: { ...BEFORE_INSTALL, system } });

const FAULTS: Record<keyof typeof check.faults, FaultCase> = {
  "no-service-manager": ["host", "warn", "this-host", hostOf("bare")],
};

test.each(Object.entries(FAULTS))("%s is told with its phase, its blame and a remedy", async (code, row) => {
  expectFault(await findingOf(check, row[3]), code, row);
});

describe("what starts crowdsec again, and what does not, is told for each kind of system", () => {
  test.each<[SystemName, RegExp]>([
    ["debian", /systemd; .* again 60 s .*; Debian's own package \(1\.4\.6\) has a unit that never starts it again$/],
    ["ubuntu", /: systemd; the unit of CrowdSec's packages starts it again 60 s after it ended, from 1\.5\.0 on$/],
    ["rhel", /: systemd; the unit of CrowdSec's packages starts it again 60 s after it ended, from 1\.5\.0 on$/],
    ["suse", /: systemd; /],
    ["alpine", /: OpenRC; Alpine's package, of the testing repository,/],
    ["freebsd", /: rc; .* 10 s after it ended; crowdsec_enable=YES/],
  ])("%s", async (name, note) => {
    expect(await findingOf(check, hostOf(name))).toMatchObject({
      status: "pass",
      summary: expect.stringMatching(note),
    });
  });

  test("every kind of system is one of these, or has none", async () => {
    const statuses = await Promise.all(
      SYSTEM_NAMES.map(async (name) => [name, (await findingOf(check, hostOf(name))).status]),
    );
    expect(statuses.filter(([, status]) => status === "warn").map(([name]) => name)).toEqual([
      "docker",
      "podman",
      "kubernetes",
      "bare",
    ]);
  });
});

describe("a container", () => {
  test.each(["docker", "podman", "kubernetes"] as const)("of CrowdSec's image needs none (%s)", async (name) => {
    expect(await findingOf(check, hostOf(name, "/docker_start.sh"))).toMatchObject({
      status: "pass",
      summary: expect.stringContaining("CrowdSec's image"),
    });
  });

  test.each([
    ["docker", /^Use CrowdSec's image/],
    ["kubernetes", /^Use CrowdSec's chart/],
  ] as const)("of another image is no place for a package (%s)", async (name, text) => {
    const { summary, remedy } = await findingOf(check, hostOf(name));
    expect(summary).toBe(
      "this container has no manager of services: nothing starts crowdsec once it is installed in it",
    );
    expect(remedy.map((one) => one.text)).toEqual([expect.stringMatching(text)]);
  });
});

describe("without a manager", () => {
  test("of debs, what CrowdSec's own does there is told before it is installed", async () => {
    const { summary, remedy } = await findingOf(check, withSystem({ services: "none", packages: "deb" }));
    expect(summary).toMatch(/^no manager of services has booted this system .* stays half-configured where systemctl/);
    expect(remedy.map(({ commands }) => commands)).toEqual([undefined, ["crowdsec -c /etc/crowdsec/config.yaml"]]);
  });

  test("of rpms, that nothing starts it", async () => {
    const { summary } = await findingOf(check, withSystem({ services: "none", packages: "rpm" }));
    expect(summary).toMatch(/: nothing starts crowdsec once it is installed$/);
  });

  test("in WSL, systemd is a switch", async () => {
    const { summary, remedy } = await findingOf(check, hostOf("bare", "/run/WSL"));
    expect(summary).toMatch(/^WSL runs without systemd here/);
    expect(remedy[0]?.text).toContain("systemd=true");
  });
});

describe("OpenRC without a package for it", () => {
  test("is told: the packages' unit is systemd's", async () => {
    const { status, summary } = await findingOf(check, withSystem({ services: "openrc", packages: "deb" }));
    expect([status, summary]).toEqual([
      "warn",
      "this system starts services with OpenRC: CrowdSec's packages bring a unit of systemd alone",
    ]);
  });

  test("is not judged where there are no packages at all", async () => {
    expect((await findingOf(check, withSystem({ services: "openrc", packages: "none" }))).status).toBe("pass");
  });
});

test("where CrowdSec is installed, whether it runs is another check's", async () => {
  expect((await findingOf(check, {})).status).toBe("skip");
});
