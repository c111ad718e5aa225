import type { System } from "./system.ts";

type Words = readonly string[];
const NOTHING: Words = [];

/** What is typed to a manager of services. Services are named without an ending; empty: there is no counterpart. */
interface Manager {
  /** @param verb start, stop, restart or reload */
  act(verb: string, service: string): Words;
  status(service: string): Words;
  atBoot(on: boolean, service: string): Words;
  /** What it is started with. */
  definition(service: string): Words;
  /** The last words of crowdsec. */
  readonly log: Words;
}

/** What the ports call their services (freebsd-ports, security/crowdsec-firewall-bouncer and databases/). */
const RC_NAMES: Readonly<Record<string, string>> = {
  "crowdsec-firewall-bouncer": "crowdsec_firewall",
  mariadb: "mysql-server",
  mysql: "mysql-server",
};
const rcName = (service: string): string => RC_NAMES[service] ?? service;

const OURS = /^(\{(unit|service)\}|crowdsec\b.*)$/;

const tail = (path: string): Words => [`tail -n 50 ${path}`];

const openrc = ({ packages }: System): Manager => ({
  act: (verb, service) => [`rc-service ${service} ${verb}`],
  status: (service) => [`rc-service ${service} status`],
  atBoot: (on, service) => [on ? `rc-update add ${service} default` : `rc-update del ${service} default`],
  definition: (service) => [`cat /etc/init.d/${service} /etc/conf.d/${service}`],
  // Alpine's package has a folder of its own for it (aports, testing/crowdsec/APKBUILD).
  log: tail(packages === "apk" ? "/var/log/crowdsec/crowdsec.log" : "/var/log/crowdsec.log"),
});

/** The port's rc script and newsyslog.conf say the rest (freebsd-ports, security/crowdsec/files). */
const FREEBSD: Manager = {
  act: (verb, service) => [`service ${rcName(service)} ${verb}`],
  status: (service) => [`service ${rcName(service)} status`],
  atBoot: (on, service) => [`sysrc ${rcName(service)}_enable=${on ? "YES" : "NO"}`],
  definition: (service) => [`service ${rcName(service)} rcvar`],
  log: tail("/var/log/crowdsec.log"),
};

/** Typed on the container's host; CONTAINER is for the person to replace. */
const container = ({ runtime = "docker" }: System): Manager => ({
  act: (verb) => [`${runtime} ${verb === "reload" ? "restart" : verb} CONTAINER`],
  status: () => [`${runtime} ps --all`],
  atBoot: (on) => [`${runtime} update --restart ${on ? "unless-stopped" : "no"} CONTAINER`],
  definition: () => [`${runtime} inspect CONTAINER`],
  log: [`${runtime} logs --tail 50 CONTAINER`],
});

/** Workloads of CrowdSec's helm chart carry the release's name as a label (helm-charts, charts/crowdsec/templates). */
const KUBECTL = "kubectl -n NAMESPACE";
const OF_RELEASE = "-l k8s-app=RELEASE";
const KUBERNETES: Manager = {
  act: (verb, service) =>
    verb === "stop" || !OURS.test(service)
      ? NOTHING
      : [`${KUBECTL} rollout restart deployment,daemonset ${OF_RELEASE}`],
  status: (service) => [OURS.test(service) ? `${KUBECTL} get pods ${OF_RELEASE}` : "kubectl get pods --all-namespaces"],
  atBoot: () => NOTHING,
  definition: () => [`${KUBECTL} describe pods ${OF_RELEASE}`],
  log: [`${KUBECTL} logs ${OF_RELEASE} --all-containers --prefix --tail=50`],
};

const UNMANAGED: Manager = {
  act: () => NOTHING,
  status: () => NOTHING,
  atBoot: () => NOTHING,
  definition: () => NOTHING,
  log: tail("/var/log/crowdsec.log"),
};

const managerOf = (system: System): Manager | undefined =>
  ({
    systemd: () => undefined,
    openrc: () => openrc(system),
    freebsd: () => FREEBSD,
    container: () => container(system),
    kubernetes: () => KUBERNETES,
    none: () => UNMANAGED,
  })[system.services]();

/** What is typed to install packages, and to have the system trust a further certificate. */
interface Installer {
  install(packages: string): Words;
  reinstall(packages: string): Words;
  /** Where a certificate is put, and what is typed then. */
  readonly anchors: string;
  readonly trust: string;
  /** All certificates that are trusted, as files for cat. */
  readonly bundle: string;
  firewall(rule: PortRule, undo: boolean): Words;
}

/** Lets tcp/PORT in from SOURCE, or from nobody. */
interface PortRule {
  readonly allow: boolean;
  readonly source?: string;
  readonly port: string;
}

const richRule = ({ allow, source, port }: PortRule): string => {
  const from = source === undefined ? "" : ` family="ipv4" source address="${source}"`;
  // What refuses comes before what accepts, unless a priority says otherwise (firewalld.richlanguage(5)).
  return `rule${allow ? ' priority="-1"' : ""}${from} port port="${port}" protocol="tcp" ${allow ? "accept" : "reject"}`;
};

const firewalld: Installer["firewall"] = (rule, undo) => [
  `firewall-cmd --permanent --${undo ? "remove" : "add"}-rich-rule='${richRule(rule)}'`,
  "firewall-cmd --reload",
];

const iptables: Installer["firewall"] = ({ allow, source, port }, undo) => {
  const from = source === undefined ? "" : ` -s ${source}`;
  // What allows goes before everything, what refuses after it.
  const verb = allow ? "-I" : "-A";
  return [`iptables ${undo ? "-D" : verb} INPUT -p tcp${from} --dport ${port} -j ${allow ? "ACCEPT" : "DROP"}`];
};

const DNF: Installer = {
  install: (packages) => [`dnf install ${packages}`],
  reinstall: (packages) => [`dnf reinstall ${packages}`],
  anchors: "/etc/pki/ca-trust/source/anchors/",
  trust: "update-ca-trust",
  bundle: "/etc/pki/tls/certs/ca-bundle.crt",
  firewall: firewalld,
};

const ZYPPER: Installer = {
  install: (packages) => [`zypper install ${packages}`],
  reinstall: (packages) => [`zypper install --force ${packages}`],
  anchors: "/etc/pki/trust/anchors/",
  trust: "update-ca-certificates",
  bundle: "/etc/ssl/ca-bundle.pem",
  firewall: firewalld,
};

const APK: Installer = {
  install: (packages) => [`apk add ${packages}`],
  reinstall: (packages) => [`apk fix --reinstall ${packages}`],
  anchors: "/usr/local/share/ca-certificates/",
  trust: "update-ca-certificates",
  bundle: "/etc/ssl/certs/ca-certificates.crt",
  firewall: iptables,
};

/** certctl(8): both folders of /usr/local are looked through; the base system's own are in /usr/share/certs/trusted. */
const PKG: Installer = {
  install: (packages) => [`pkg install ${packages.replace("ca-certificates", "ca_root_nss")}`],
  reinstall: (packages) => [`pkg install -f ${packages.replace("ca-certificates", "ca_root_nss")}`],
  anchors: "/usr/local/share/certs/",
  trust: "certctl rehash",
  bundle: "/usr/share/certs/trusted/*.pem",
  // pf has no rule from a command line that stays: what it has now is what the person needs for pf.conf.
  firewall: (_rule, undo) => (undo ? NOTHING : ["pfctl -sr"]),
};

const installerOf = ({ packages, suse }: System): Installer | undefined =>
  ({ deb: undefined, rpm: suse ? ZYPPER : DNF, apk: APK, freebsd: PKG, none: undefined })[packages];

/** A canonical command as a pattern, and what is typed in its place; undefined: this one after all. */
type Rule = readonly [RegExp, (system: System, ...groups: readonly string[]) => Words | undefined];

const byManager =
  (typed: (manager: Manager, ...groups: readonly string[]) => Words): Rule[1] =>
  (system, ...groups) => {
    const manager = managerOf(system);
    return manager && typed(manager, ...groups);
  };

const ofEach = (services = "", typed: (service: string) => Words): Words => {
  const names = services.split(" ").filter((word) => !word.startsWith("-"));
  return [...new Set(names.flatMap((name) => typed(name.replace(/\.(service|timer)$/, ""))))];
};

/** Containers and pods have no package of their own to mend: what is changed in an image is gone with the next start. */
const isImage = ({ services }: System): boolean => services === "container" || services === "kubernetes";

const byInstaller =
  (typed: (installer: Installer, ...groups: readonly string[]) => Words): Rule[1] =>
  (system, ...groups) => {
    if (isImage(system)) return NOTHING;
    if (system.packages === "deb") return undefined;
    const installer = installerOf(system);
    return installer ? typed(installer, ...groups) : NOTHING;
  };

const byFirewall = (read: (...groups: readonly string[]) => readonly [PortRule, boolean]): Rule[1] =>
  byInstaller(({ firewall }, ...groups) => firewall(...read(...groups)));

const isBsd = ({ services }: System): boolean => services === "freebsd";
/** Busybox has most tools of Linux, and fewer options. */
const isBusybox = ({ packages }: System): boolean => packages === "apk";

/** What the kernel and its tools decide: FreeBSD's words, busybox's, and undefined for those of every other Linux. */
const byTools =
  (bsd: (...groups: readonly string[]) => Words, busybox?: (...groups: readonly string[]) => Words): Rule[1] =>
  (system, ...groups) => {
    if (isBsd(system)) return bsd(...groups);
    return isBusybox(system) ? busybox?.(...groups) : undefined;
  };

const WORD = String.raw`(\S+)`;
const rule = (pattern: string, typed: Rule[1]): Rule => [new RegExp(`^${pattern}$`), typed];

/** The first that matches counts. */
const RULES: readonly Rule[] = [
  rule(
    "systemctl (start|stop|restart|reload) (.+)",
    byManager((to, verb = "", names) => ofEach(names, (name) => to.act(verb, name))),
  ),
  rule(
    "systemctl enable --now (.+)",
    byManager((to, names) => ofEach(names, (name) => [...to.atBoot(true, name), ...to.act("start", name)])),
  ),
  rule(
    "systemctl disable --now (.+)",
    byManager((to, names) => ofEach(names, (name) => [...to.atBoot(false, name), ...to.act("stop", name)])),
  ),
  rule(
    "systemctl enable (.+)",
    byManager((to, names) => ofEach(names, (name) => to.atBoot(true, name))),
  ),
  rule(
    "systemctl disable (.+)",
    byManager((to, names) => ofEach(names, (name) => to.atBoot(false, name))),
  ),
  rule("systemctl status systemd-resolved.*", (system) =>
    system.services === "kubernetes"
      ? ["kubectl -n kube-system get pods -l k8s-app=kube-dns"]
      : byManager(() => NOTHING)(system),
  ),
  rule(
    "systemctl status (.+)",
    byManager((to, names) => ofEach(names, (name) => to.status(name))),
  ),
  rule(
    "systemctl cat (.+)",
    byManager((to, names) => ofEach(names, (name) => to.definition(name))),
  ),
  rule(
    "journalctl -u crowdsec(?:\\.service)? .*",
    byManager(({ log }) => log),
  ),
  rule(
    "(?:systemctl|journalctl) .*",
    byManager(() => NOTHING),
  ),
  rule("timedatectl set-ntp true", (system) => {
    if (system.services === "openrc") return ["rc-update add ntpd default", "rc-service ntpd restart"];
    if (system.services === "freebsd") return ["sysrc ntpd_enable=YES ntpd_sync_on_start=YES", "service ntpd restart"];
    return system.services === "systemd" ? undefined : NOTHING;
  }),
  rule("timedatectl.*", (system) => (system.services === "systemd" ? undefined : ["date -u"])),

  rule(
    "apt-get install --reinstall (?:-o \\S+ )?(.+)",
    byInstaller((by, packages = "") => by.reinstall(packages)),
  ),
  rule(
    "apt-get install (.+)",
    byInstaller((by, packages = "") => by.install(packages)),
  ),
  rule(
    "(?:apt-get|apt|dpkg|dpkg-query) .*",
    byInstaller(() => NOTHING),
  ),
  rule(
    `cp ${WORD} /usr/local/share/ca-certificates/`,
    byInstaller((by, file = "") => [...(by === PKG ? [`mkdir -p ${by.anchors}`] : []), `cp ${file} ${by.anchors}`]),
  ),
  rule(
    `rm /usr/local/share/ca-certificates/${WORD}`,
    byInstaller((by, file = "") => [`rm ${by.anchors}${file}`]),
  ),
  rule(
    "update-ca-certificates(?: --fresh)?",
    byInstaller((by) => [by.trust]),
  ),
  rule(
    `cat /etc/ssl/certs/ca-certificates.crt (.+)`,
    byInstaller((by, rest = "") => [`cat ${by.bundle} ${rest}`]),
  ),
  rule(
    `ufw (delete )?allow from ${WORD} to any port ${WORD} proto tcp`,
    byFirewall((undo, source = "", port = "") => [{ allow: true, source, port }, undo !== undefined]),
  ),
  rule(
    `ufw (delete )?deny ([^/ ]+)/tcp`,
    byFirewall((undo, port = "") => [{ allow: false, port }, undo !== undefined]),
  ),
  rule(
    "ufw .*",
    byInstaller(() => NOTHING),
  ),

  rule("nft list ruleset", (system) => {
    if (system.services === "kubernetes") return ["kubectl get networkpolicy --all-namespaces"];
    if (system.services === "container") return NOTHING;
    return isBsd(system) ? ["pfctl -sr"] : undefined;
  }),
  rule("nft .*", (system) => (isImage(system) || isBsd(system) ? NOTHING : undefined)),
  rule(
    "ss -ltnp 'sport = :(.+)'",
    byTools(
      (port) => [`sockstat -4 -6 -l -P tcp -p ${port}`],
      (port) => [`netstat -ltnp | grep ':${port} '`],
    ),
  ),
  rule(
    "ss -lnup 'sport = :(.+)'",
    byTools(
      (port) => [`sockstat -4 -6 -l -P udp -p ${port}`],
      (port) => [`netstat -lnup | grep ':${port} '`],
    ),
  ),
  rule(
    "ss -ltnp",
    byTools(
      () => ["sockstat -4 -6 -l -P tcp"],
      () => ["netstat -ltnp"],
    ),
  ),
  rule(
    "ss -lxp(.*)",
    byTools(
      (rest = "") => [`sockstat -u -l${rest}`],
      (rest = "") => [`netstat -lxp${rest}`],
    ),
  ),
  rule(
    "ss .*",
    byTools(
      () => NOTHING,
      () => NOTHING,
    ),
  ),
  rule(
    "ip route get (.+)",
    byTools((address) => [`route -n get ${address}`]),
  ),
  rule(
    "ip (?:-\\S+ )?route",
    byTools(() => ["netstat -rn"]),
  ),
  rule(
    "ip (?:-\\S+ )?(?:address|addr|link)",
    byTools(() => ["ifconfig -a"]),
  ),
  rule(
    "ip .*",
    byTools(() => NOTHING),
  ),
  rule(
    `ping -c 1 -M do -s (.+)`,
    byTools(
      (rest) => [`ping -c 1 -D -s ${rest}`],
      (rest) => [`ping -c 1 -s ${rest}`],
    ),
  ),
  rule(
    "getent ahosts (.+)",
    byTools((name) => [`getent hosts ${name}`]),
  ),
  rule(
    "dig \\+tries=1 @(\\S+) (.+)",
    byTools(
      (server, name) => [`drill @${server} ${name}`],
      (server, name) => [`nslookup ${name} ${server}`],
    ),
  ),
  rule(
    "findmnt .*",
    byTools(
      () => ["mount"],
      () => ["mount"],
    ),
  ),
  rule(
    "namei -l (.+)",
    byTools(
      (path) => [`ls -ld ${path}`],
      (path) => [`ls -ld ${path}`],
    ),
  ),
];

/** Within a command: who the database's superuser is, and where the ports of FreeBSD put CrowdSec. */
const within = (system: System, command: string): string => {
  const psql =
    isBsd(system) || isBusybox(system) || isImage(system)
      ? command.replace(/\brunuser -u postgres -- (\w+)/g, "$1 -U postgres")
      : command;
  const alone = isImage(system) ? psql.replace(/^sudo (?=\w+=)/, "env ") : psql;
  if (!isBsd(system)) return alone;
  return alone
    .replace(/(?<![\w/])\/etc\/crowdsec\b/g, "/usr/local/etc/crowdsec")
    .replace(/(?<![\w/])\/var\/lib\/crowdsec\b/g, "/var/db/crowdsec");
};

const typedOn = (system: System, command: string): Words => {
  for (const [pattern, typed] of RULES) {
    const match = pattern.exec(command);
    if (match) return typed(system, ...match.slice(1)) ?? [within(system, command)];
  }
  return [within(system, command)];
};

/** Canonical commands, those of Debian with systemd, as they are typed on this system; one that has no counterpart here is left out. */
export const commandsOn = (system: System, commands: readonly string[]): readonly string[] => {
  const typed = commands.flatMap((command) => {
    const parts = command.split(" && ");
    // What was one line stays one.
    return parts.length === 1
      ? typedOn(system, command)
      : parts.flatMap((part) => typedOn(system, part)).join(" && ") || [];
  });
  // Several words may have one translation, and the last is the one that takes in what was done before it.
  return typed.filter((one, index) => typed.lastIndexOf(one) === index);
};
