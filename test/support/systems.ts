import type { System } from "../../src/model/system.ts";
import type { World } from "./fake-prober.ts";

/** A kind of system: what is on it, and what that makes it. */
export interface KindOfSystem {
  readonly platform: string;
  readonly world: World;
  readonly system: System;
}

const there = (...paths: readonly string[]): NonNullable<World["paths"]> =>
  Object.fromEntries(paths.map((path) => [path, {}]));

/** The lines of os-release(5) that tell the distribution, as its packages write them. */
const release = (content: string): NonNullable<World["files"]> => ({ "/etc/os-release": content });

const DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n';
const UBUNTU = 'NAME="Ubuntu"\nVERSION_ID="24.04"\nID=ubuntu\nID_LIKE=debian\n';
const ROCKY = 'NAME="Rocky Linux"\nVERSION="9.4 (Blue Onyx)"\nID="rocky"\nID_LIKE="rhel centos fedora"\n';
const LEAP = 'NAME="openSUSE Leap"\nID="opensuse-leap"\nID_LIKE="suse opensuse"\n';
const ALPINE = 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.22.1\n';

/** The eight that remedies are written for, and two that differ from one of them in a word. */
export const SYSTEMS = {
  debian: {
    platform: "linux",
    world: { files: release(DEBIAN), paths: there("/run/systemd/system", "/usr/bin/dpkg", "/usr/bin/rpm") },
    system: { services: "systemd", packages: "deb" },
  },
  ubuntu: {
    platform: "linux",
    world: { files: release(UBUNTU), paths: there("/run/systemd/system", "/usr/bin/dpkg") },
    system: { services: "systemd", packages: "deb" },
  },
  rhel: {
    platform: "linux",
    world: { files: release(ROCKY), paths: there("/run/systemd/system", "/usr/bin/rpm") },
    system: { services: "systemd", packages: "rpm" },
  },
  suse: {
    platform: "linux",
    world: { files: release(LEAP), paths: there("/run/systemd/system", "/usr/bin/rpm") },
    system: { services: "systemd", packages: "rpm", suse: true },
  },
  alpine: {
    platform: "linux",
    world: { files: release(ALPINE), paths: there("/run/openrc", "/sbin/openrc-run", "/sbin/apk") },
    system: { services: "openrc", packages: "apk" },
  },
  freebsd: {
    platform: "freebsd",
    world: { paths: there("/usr/sbin/pkg") },
    system: { services: "freebsd", packages: "freebsd" },
  },
  docker: {
    platform: "linux",
    world: { files: release(ALPINE), paths: there("/sbin/apk"), namespace: { container: "docker" } },
    system: { services: "container", packages: "apk" },
  },
  podman: {
    platform: "linux",
    world: { files: release(DEBIAN), paths: there("/usr/bin/dpkg"), namespace: { container: "podman" } },
    system: { services: "container", packages: "deb", runtime: "podman" },
  },
  kubernetes: {
    platform: "linux",
    world: { files: release(ALPINE), paths: there("/sbin/apk"), namespace: { container: "kubernetes" } },
    system: { services: "kubernetes", packages: "apk" },
  },
  bare: { platform: "linux", world: {}, system: { services: "none", packages: "none" } },
} as const satisfies Readonly<Record<string, KindOfSystem>>;

export type SystemName = keyof typeof SYSTEMS;
export const SYSTEM_NAMES = Object.keys(SYSTEMS) as SystemName[];
