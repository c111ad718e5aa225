import { type Context, defineCheck, type Verdict } from "../src/model/check.ts";
import type { Prober } from "../src/model/observation.ts";
import { IMAGES } from "../src/model/remedy.ts";

/** The image's entrypoint (build/docker/Dockerfile): where that is, crowdsec is the container's own program. */
const ENTRYPOINT = "/docker_start.sh";
/** What a distribution of WSL has below /run, with systemd or without. */
const WSL = "/run/WSL";

const VENDORS_UNIT = "https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/config/crowdsec.service";
const VENDORS_SCRIPT = "https://github.com/crowdsecurity/crowdsec/blob/v1.7.8/build/debian/postinst";
const DOCKER = "https://docs.crowdsec.net/u/getting_started/installation/docker";
const KUBERNETES = "https://docs.crowdsec.net/u/getting_started/installation/kubernetes";
const WSL_SYSTEMD = "https://learn.microsoft.com/windows/wsl/systemd";

const BY_HAND = {
  text: "Install it, and start it by whatever starts programs here, now and at each boot: a supervisor, cron's @reboot, or a script. The command stays in the foreground.",
  commands: ["crowdsec -c /etc/crowdsec/config.yaml"],
  url: VENDORS_UNIT,
} as const;

const FAULTS = {
  "no-service-manager": {
    severity: "warning",
    blame: "this-host",
    says: "{what}: {consequence}",
    remedy: [
      {
        when: "wsl",
        services: ["none"],
        text: "Switch systemd on: write systemd=true below [boot] in /etc/wsl.conf, then run wsl --shutdown in Windows.",
        commands: ["cat /etc/wsl.conf"],
        url: WSL_SYSTEMD,
      },
      {
        services: ["container"],
        text: "Use CrowdSec's image, in which crowdsec is the container's own program.",
        url: DOCKER,
      },
      {
        services: ["kubernetes"],
        text: "Use CrowdSec's chart, and its image, in which crowdsec is the container's own program.",
        url: KUBERNETES,
      },
      {
        services: ["none"],
        packages: ["deb"],
        text: "Debian's own package, or CrowdSec's container image, needs no systemd. Where the script of CrowdSec's deb has stopped already, dpkg --configure tries it again.",
        url: VENDORS_SCRIPT,
      },
      {
        services: ["openrc"],
        text: "Write a script for OpenRC, as Alpine's package has one, and have it started at boot.",
        commands: ["systemctl enable --now crowdsec"],
        undo: ["systemctl disable --now crowdsec"],
        url: "https://gitlab.alpinelinux.org/alpine/aports/-/blob/master/testing/crowdsec/crowdsec.initd",
      },
      { ...BY_HAND, services: ["none"] },
    ],
  },
} as const;

type Code = keyof typeof FAULTS;

/** `Restart=always`, `RestartSec=60` since 1.5.0 (config/crowdsec.service). */
const VENDORS = "the unit of CrowdSec's packages starts it again 60 s after it ended, from 1.5.0 on";
/** Debian's unit has no `Restart=` (debian/crowdsec.service of crowdsec 1.4.6-6). */
const DEBIANS = "Debian's own package (1.4.6) has a unit that never starts it again";
/** `daemon -r -R 10`, and `crowdsec_enable` is NO until somebody says YES (freebsd-ports, security/crowdsec/files/crowdsec.in). */
const PORTS = "the port's script starts it again 10 s after it ended; crowdsec_enable=YES in rc.conf starts it at all";
/** `command_background` without a supervisor (aports, testing/crowdsec/crowdsec.initd). */
const ALPINES =
  "Alpine's package, of the testing repository, has a script that starts it in the background, and never again; rc-update adds it to the boot";

/** ID of os-release(5). */
const isDebian = async (probe: Prober): Promise<boolean> => {
  const saw = await probe.file("/etc/os-release");
  return saw.ok && /^ID=["']?debian["']?\s*$/m.test(saw.content);
};

const pass = (note: string): Verdict<Code> => ({ status: "pass", note });

const fault = (what: string, consequence: string, when?: string): Verdict<Code> => ({
  status: "fault",
  fault: "no-service-manager",
  data: { what, consequence },
  ...(when !== undefined && { when }),
});

/**
 * The script of CrowdSec's own deb ends with `systemctl start crowdsec`, under `set -e` (build/debian/postinst); Debian's
 * goes through deb-systemd-invoke, which leaves it where systemd has not booted. An rpm's script may fail.
 */
const whatComesOfIt = (packages: Context["topology"]["system"]["packages"]): string =>
  packages === "deb"
    ? "nothing starts crowdsec once it is installed, and CrowdSec's own deb stays half-configured where systemctl is missing or refuses, as its script ends with systemctl start"
    : "nothing starts crowdsec once it is installed";

/** In phase run, the service check says whether it runs. */
export default defineCheck({
  id: "service-manager",
  title: "Something will start crowdsec here",
  why: "Packages bring a unit of systemd, or a script of their system's own manager, and leave the rest to that: who starts crowdsec at boot, and again when it has ended, differs from package to package. Without such a manager nothing does.",
  roles: ["lapi", "agent"],
  phase: "install",
  contacts: "nothing: looks for what manages services here",
  faults: FAULTS,
  async run({ topology, probe }) {
    const { services, packages } = topology.system;
    if (services === "systemd") {
      const debian = packages === "deb" && (await isDebian(probe));
      return pass(debian ? `systemd; ${VENDORS}; ${DEBIANS}` : `systemd; ${VENDORS}`);
    }
    if (services === "freebsd") return pass(`rc; ${PORTS}`);
    if (services === "openrc") {
      if (packages === "apk") return pass(`OpenRC; ${ALPINES}`);
      if (packages === "none") return pass("OpenRC");
      return fault("this system starts services with OpenRC", "CrowdSec's packages bring a unit of systemd alone");
    }
    if (IMAGES.some((one) => one === services)) {
      if ((await probe.path(ENTRYPOINT)).ok) return pass("CrowdSec's image: crowdsec is the container's own program");
      return fault("this container has no manager of services", "nothing starts crowdsec once it is installed in it");
    }
    const wsl = (await probe.path(WSL)).ok;
    return fault(
      wsl
        ? "WSL runs without systemd here"
        : "no manager of services has booted this system (a chroot, or a container without one)",
      whatComesOfIt(packages),
      wsl ? "wsl" : undefined,
    );
  },
});
