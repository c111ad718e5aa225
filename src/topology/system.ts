import type { NamespaceSeen, Prober } from "../model/observation.ts";
import type { System } from "../model/system.ts";

/** Whose packages a distribution has, by ID and ID_LIKE of os-release(5); the first that is known counts. */
const FAMILIES: readonly (readonly [RegExp, System["packages"]])[] = [
  [/^(debian|ubuntu)$/, "deb"],
  [/^(rhel|fedora|centos|rocky|almalinux|ol|amzn|suse|sles|opensuse.*)$/, "rpm"],
  [/^alpine$/, "apk"],
];
const SUSE = /^(suse|sles|opensuse.*)$/;

/** Where nothing tells the distribution: what is there to install packages. */
const INSTALLERS: readonly (readonly [string, System["packages"]])[] = [
  ["/usr/bin/dpkg", "deb"],
  ["/usr/bin/rpm", "rpm"],
  ["/sbin/apk", "apk"],
  ["/usr/sbin/pkg", "freebsd"],
];

/** Containers of one program, which somebody starts from outside; the others (lxc, systemd-nspawn) hold a whole system. */
const RUNTIMES = ["docker", "podman", "containerd"];

const isThere = async (probe: Prober, path: string): Promise<boolean> => (await probe.path(path)).ok;

const firstThere = async <T>(probe: Prober, places: readonly (readonly [string, T])[]): Promise<T | undefined> => {
  for (const [path, value] of places) if (await isThere(probe, path)) return value;
  return undefined;
};

/** ID first, then those of ID_LIKE, in their order. */
const distributions = async (probe: Prober): Promise<readonly string[]> => {
  for (const path of ["/etc/os-release", "/usr/lib/os-release"]) {
    const saw = await probe.file(path);
    if (!saw.ok) continue;
    const told = (key: string): string =>
      new RegExp(`^${key}=["']?([^"'\\n]*)`, "m").exec(saw.content)?.[1]?.toLowerCase() ?? "";
    return `${told("ID")} ${told("ID_LIKE")}`.split(/\s+/).filter((word) => word !== "");
  }
  return [];
};

const findPackages = async (probe: Prober): Promise<Pick<System, "packages" | "suse">> => {
  const names = await distributions(probe);
  for (const name of names) {
    const packages = FAMILIES.find(([pattern]) => pattern.test(name))?.[1];
    if (packages !== undefined) return { packages, ...(names.some((one) => SUSE.test(one)) && { suse: true }) };
  }
  return { packages: (await firstThere(probe, INSTALLERS)) ?? "none" };
};

/** A manager that has booted the system: also that of a container, where it is one. */
const BOOTED: readonly (readonly [string, System["services"]])[] = [
  ["/run/systemd/system", "systemd"],
  ["/run/openrc", "openrc"],
];

const findServices = async (
  probe: Prober,
  { container }: NamespaceSeen,
): Promise<Pick<System, "services" | "runtime">> => {
  if (container === "kubernetes") return { services: "kubernetes" };
  const booted = await firstThere(probe, BOOTED);
  if (booted !== undefined) return { services: booted };
  if (container !== undefined && RUNTIMES.includes(container))
    return { services: "container", ...(container === "podman" && { runtime: container }) };
  return { services: (await isThere(probe, "/sbin/openrc-run")) ? "openrc" : "none" };
};

/** What kind of system this is, by what is on it; asks nobody. */
export const findSystem = async (probe: Prober, namespace: NamespaceSeen, platform: string): Promise<System> => {
  if (platform === "freebsd") return { services: "freebsd", packages: "freebsd" };
  const [services, packages] = await Promise.all([findServices(probe, namespace), findPackages(probe)]);
  return { ...services, ...packages };
};
