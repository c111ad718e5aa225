import type { InitFile, InitInput } from "./file.ts";
import { icingaCommand, nagiosCommand, nrpeCommand, sudoersCommand } from "./quoting.ts";

const NAGIOS = "/etc/nagios4/conf.d/crowdsec-preflight.cfg";
const NRPE = "/etc/nagios/nrpe.d/crowdsec-preflight.cfg";
const ICINGA = "/etc/icinga2/conf.d/crowdsec-preflight.conf";
const SUDOERS = "/etc/sudoers.d/crowdsec-preflight";

/** Seconds of a run; the core's own patience is longer, so that it is the plugin that tells what was slow. */
const DEADLINE = 30;
const PATIENCE = 60;

/** What root runs, and sudoers allows: these very words. */
const allowed = ({ command }: InitInput): readonly string[] => [
  ...command,
  ...["-o", "nagios", "--deadline", `${DEADLINE}s`],
];
const plugin = (input: InitInput): readonly string[] => ["/usr/bin/sudo", "-n", ...allowed(input)];

const ABOUT_RIGHTS = `\
# Nagios, NRPE and Icinga run as user nagios, who may not read CrowdSec's credentials, nor what other users' processes were
# started with. Hence sudo, and ${SUDOERS}, which allows this command and no other. Without it, what only
# root may read is unknown, and a Local API that is down stays green. Where sudo refuses, it is a WARNING of sudo.
`;

const sudoers = (input: InitInput): string => `\
# crowdsec-preflight ${input.version}: what user nagios may run as root. Made by "crowdsec-preflight init nagios".
#
# Without it, what only root may read is unknown, and a Local API that is down stays green. The user is that of Debian's
# Nagios, NRPE and Icinga; elsewhere it may be another, such as nrpe or icinga (Fedora, RHEL). The two paths, and all folders
# above them, must be writable for root alone: who can change what is there is root.
nagios ALL=(root) NOPASSWD: ${sudoersCommand(allowed(input))}
`;

const HEAD = (version: string): string =>
  `# crowdsec-preflight ${version}: is CrowdSec well on this host? Made by "crowdsec-preflight init nagios".\n`;

const nagios = (input: InitInput): string => `\
${HEAD(input.version)}#
# For a Nagios on the very host that CrowdSec is on; for others there is NRPE. A run ends after ${DEADLINE} seconds at the latest;
# service_check_timeout of nagios.cfg must be more (it is ${PATIENCE} unless set).
#
${ABOUT_RIGHTS}
define command {
    command_name          crowdsec-preflight
    command_line          ${nagiosCommand(plugin(input))}
}

define service {
    use                   generic-service
    host_name             localhost
    service_description   CrowdSec
    check_command         crowdsec-preflight
    # Nagios damps by itself: three bad runs, a minute apart, make a hard state.
    check_interval        5
    retry_interval        1
    max_check_attempts    3
}
`;

const nrpe = (input: InitInput): string => `\
${HEAD(input.version)}#
# For NRPE on a host with CrowdSec. command_timeout of nrpe.cfg must be more than ${DEADLINE} seconds (it is ${PATIENCE} unless set), and
# so must be the patience of check_nrpe, which is 10 unless given. On the host of Nagios:
#   check_nrpe -H HOST -t ${PATIENCE} -c check_crowdsec_preflight
#
${ABOUT_RIGHTS}
command[check_crowdsec_preflight]=${nrpeCommand(plugin(input))}
`;

const icinga = (input: InitInput): string => `\
${HEAD(input.version)}#
# For an Icinga 2 on the very host that CrowdSec is on.
#
${ABOUT_RIGHTS}
object CheckCommand "crowdsec-preflight" {
  command = ${icingaCommand(plugin(input))}
  timeout = ${PATIENCE}s
}

apply Service "crowdsec" {
  check_command = "crowdsec-preflight"
  check_interval = 5m
  retry_interval = 1m
  max_check_attempts = 3
  assign where host.name == NodeName
}
`;

export const nagiosFiles = (input: InitInput): readonly InitFile[] => [
  {
    path: NAGIOS,
    content: nagios(input),
    what: "For Nagios 4: a command, and a service of its host localhost.",
    afterwards: ["nagios4 -v /etc/nagios4/nagios.cfg", "systemctl reload nagios4"],
  },
  {
    path: NRPE,
    content: nrpe(input),
    what: "For NRPE: the same command, to be asked for from afar.",
    afterwards: ["systemctl reload nagios-nrpe-server"],
  },
  {
    path: ICINGA,
    content: icinga(input),
    what: "For Icinga 2: a command, and a service of the host that Icinga runs on.",
    afterwards: ["icinga2 daemon -C", "systemctl reload icinga2"],
  },
  {
    path: SUDOERS,
    content: sudoers(input),
    what: "For sudo, beside each of them: lets user nagios run this command as root; mode 0440.",
    mode: 0o440,
    isCompanion: true,
    afterwards: [`visudo -cf ${SUDOERS}`],
  },
];
