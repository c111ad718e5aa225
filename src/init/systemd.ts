import type { InitFile, InitInput } from "./file.ts";
import { systemdCommand } from "./quoting.ts";

const SERVICE = "/etc/systemd/system/crowdsec-preflight.service";
const TIMER = "/etc/systemd/system/crowdsec-preflight.timer";
/** `StateDirectory=` of the service. */
const STATE = "/var/lib/crowdsec-preflight";

/** Each of the last run: for people, and with all that it saw. */
const REPORTS = ["--report", `short=${STATE}/report.txt`, "--report", `json=${STATE}/report.json`] as const;

const service = ({ command, version }: InitInput): string => `\
# crowdsec-preflight ${version}: is CrowdSec well on this host? Made by "crowdsec-preflight init systemd".
# Started by crowdsec-preflight.timer; by hand: systemctl start crowdsec-preflight; its words: journalctl -u crowdsec-preflight
[Unit]
Description=Health check of CrowdSec
Documentation=https://docs.crowdsec.net
Wants=network-online.target
After=network-online.target
# A run that confirms something wrong ends with 1 (a warning), 2 (a failure) or 3 (could not be judged), and each is a failed
# unit: "systemctl --failed" shows it, and ${STATE}/report.txt says in a few lines what the last run saw, while
# the journal has what changed, once. Nobody is mailed unless OnFailure= is added: it is started with every run as long as
# it lasts. For failures alone, add SuccessExitStatus=1 3 below.
#OnFailure=tell-somebody@%n.service

[Service]
Type=oneshot
ExecStart=${systemdCommand([...command, "--cron", "--splay", "none", "--deadline", "30s", ...REPORTS])}
# What must not stand in a command line: CROWDSEC_PREFLIGHT_PING_URL=https://…, for root's eyes alone (chmod 0600).
EnvironmentFile=-/etc/default/crowdsec-preflight
# The run itself ends at its deadline; this is for what no program can help, such as a disk that does not answer.
TimeoutStartSec=2min
TimeoutStopSec=10s
StandardInput=null

# What it remembers, its last report, and its temporary files.
StateDirectory=crowdsec-preflight
StateDirectoryMode=0700
RuntimeDirectory=crowdsec-preflight
RuntimeDirectoryMode=0700
Environment=TMPDIR=/run/crowdsec-preflight
UMask=0077

# A run takes some 150 MB, and crowdsec's own trial of its configuration as much again. No Nice=: it measures how fast others
# answer, and would measure its own waiting.
MemoryMax=1G
TasksMax=256
IPAccounting=yes

# It runs as root, not with DynamicUser=: CrowdSec's credentials are root's, and /proc shows what a process was started
# with to its user and to root alone. Of root's powers it keeps: to read all files, to see whether crowdsec, as root, could
# write them (it never does), to look at processes of others, and before an install to try a port below 1024.
CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_DAC_OVERRIDE CAP_SYS_PTRACE CAP_NET_BIND_SERVICE
NoNewPrivileges=yes

# Not "strict", and /etc/crowdsec as it is: whether crowdsec can write its folders is a check, and would fail here alone.
# Before CrowdSec is installed, that check wants to write in /usr too: have it made by hand then.
ProtectSystem=full
ReadWritePaths=-/etc/crowdsec
# The tool, and logs that CrowdSec reads, may be in a home.
ProtectHome=read-only
PrivateDevices=yes
PrivateMounts=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
KeyringMode=private
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
# Left out, since it would not see what CrowdSec sees: PrivateTmp= (sockets of databases are in /tmp), PrivateNetwork=,
# IPAddressDeny=, PrivateUsers=, ProtectProc= and ProcSubset= (processes of other users, settings of the kernel).
# MemoryDenyWriteExecute= would end Node at once: V8 compiles into memory that it then runs.
`;

const timer = (version: string): string => `\
# crowdsec-preflight ${version}: when crowdsec-preflight.service runs. Made by "crowdsec-preflight init systemd".
[Unit]
Description=Health check of CrowdSec, every five minutes

[Timer]
# Every host has its own moment in these five minutes, and keeps it. What was missed while it was off is not caught up with.
OnCalendar=*:0/5
RandomizedDelaySec=4min
FixedRandomDelay=yes
AccuracySec=1s

[Install]
WantedBy=timers.target
`;

export const systemdFiles = (input: InitInput): readonly InitFile[] => [
  {
    path: SERVICE,
    content: service(input),
    what: "A service that looks once, with as few rights as it can do with; the unit fails when something is wrong.",
  },
  {
    path: TIMER,
    content: timer(input.version),
    what: "A timer that starts it every five minutes.",
    afterwards: ["systemctl daemon-reload", "systemctl enable --now crowdsec-preflight.timer"],
  },
];
