import { describe, expect, test } from "@jest/globals";
import type { System } from "../../src/model/system.ts";
import { findSystem } from "../../src/topology/system.ts";
import { fakeProber, type World } from "../support/fake-prober.ts";
import { SYSTEM_NAMES, SYSTEMS } from "../support/systems.ts";

const find = async (world: World, platform = "linux"): Promise<System> => {
  const probe = fakeProber(world);
  return findSystem(probe, await probe.namespace(), platform);
};

test.each(SYSTEM_NAMES)("%s is known by what is on it", async (name) => {
  const { world, platform, system } = SYSTEMS[name];
  expect(await find(world, platform)).toEqual(system);
});

test("it is asked with two questions only: what is there, and what os-release says", async () => {
  const probe = fakeProber(SYSTEMS.debian.world);
  await findSystem(probe, {}, "linux");
  expect(probe.asked.filter((question) => !/^(path|file) /.test(question))).toEqual([]);
});

const at = (...paths: readonly string[]): NonNullable<World["paths"]> =>
  Object.fromEntries(paths.map((path) => [path, {}]));

describe("what starts services", () => {
  test.each<[string, World, System["services"]]>([
    [
      "a container with systemd is a system",
      { namespace: { container: "lxc" }, paths: at("/run/systemd/system") },
      "systemd",
    ],
    [
      "docker too, where systemd has booted in it",
      { namespace: { container: "docker" }, paths: at("/run/systemd/system") },
      "systemd",
    ],
    [
      "a container that OpenRC has booted is one",
      { namespace: { container: "lxc" }, paths: at("/run/openrc") },
      "openrc",
    ],
    [
      "an image that only holds OpenRC's program is none",
      { namespace: { container: "docker" }, paths: at("/sbin/openrc-run") },
      "container",
    ],
    ["containerd is a container", { namespace: { container: "containerd" } }, "container"],
    ["nobody types docker for an lxc without a manager", { namespace: { container: "lxc" } }, "none"],
    [
      "a pod is one of Kubernetes, whatever it holds",
      { namespace: { container: "kubernetes" }, paths: at("/run/openrc") },
      "kubernetes",
    ],
    ["OpenRC counts before its first start", { paths: at("/sbin/openrc-run") }, "openrc"],
    [
      "a network namespace is no container",
      { namespace: { network: "lapi" }, paths: at("/run/systemd/system") },
      "systemd",
    ],
  ])("%s", async (_, world, services) => {
    expect((await find(world)).services).toBe(services);
  });
});

describe("what installs packages", () => {
  const of = async (release: string, ...paths: readonly string[]): Promise<Omit<System, "services">> => {
    const { services: _, ...rest } = await find({ files: { "/etc/os-release": release }, paths: at(...paths) });
    return rest;
  };

  test("the distribution's name wins over tools that somebody installed besides", async () => {
    expect(await of("ID=debian\n", "/usr/bin/rpm")).toEqual({ packages: "deb" });
    expect(await of("ID=fedora\n", "/usr/bin/dpkg")).toEqual({ packages: "rpm" });
  });

  test("a distribution of one's own counts as the one that it is like", async () => {
    expect(await of('ID=linuxmint\nID_LIKE="ubuntu debian"\n')).toEqual({ packages: "deb" });
    expect(await of("ID='ol'\nID_LIKE='fedora'\n")).toEqual({ packages: "rpm" });
    expect(await of('ID="sles"\nID_LIKE="suse"\n')).toEqual({ packages: "rpm", suse: true });
    expect(await of("ID=arch\n")).toEqual({ packages: "none" });
  });

  test("where none is known, the tools that are there tell", async () => {
    expect(await of("ID=homemade\n", "/usr/bin/dpkg")).toEqual({ packages: "deb" });
    expect(await of("", "/usr/bin/rpm")).toEqual({ packages: "rpm" });
    expect(await find({ paths: at("/sbin/apk") })).toEqual({ services: "none", packages: "apk" });
  });

  test("os-release may stand below /usr/lib alone", async () => {
    expect(await find({ files: { "/usr/lib/os-release": "ID=debian\n" } })).toEqual({
      services: "none",
      packages: "deb",
    });
  });
});
