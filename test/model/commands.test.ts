import { describe, expect, test } from "@jest/globals";
import { commandsOn } from "../../src/model/commands.ts";
import { SYSTEM_NAMES, SYSTEMS, type SystemName } from "../support/systems.ts";

const on = (name: SystemName, ...commands: readonly string[]) => commandsOn(SYSTEMS[name].system, commands);

/** What is typed in place of a canonical command; systems that are not named type that one. */
type Row = readonly [string, Partial<Record<SystemName, readonly string[]>>];

const NOWHERE = { docker: [], podman: [], kubernetes: [], bare: [] } as const;
const DOCKER_RESTART = { docker: ["docker restart CONTAINER"], podman: ["podman restart CONTAINER"] } as const;
const ROLLOUT = ["kubectl -n NAMESPACE rollout restart deployment,daemonset -l k8s-app=RELEASE"];
const allow = (verb: string) =>
  `firewall-cmd --permanent --${verb}-rich-rule='rule priority="-1" family="ipv4" source address="THIS_HOST" port port="{port}" protocol="tcp" accept'`;
const refuse = (verb: string) =>
  `firewall-cmd --permanent --${verb}-rich-rule='rule port port="{port}" protocol="tcp" reject'`;
const RELOAD = "firewall-cmd --reload";

const ROWS: readonly Row[] = [
  [
    "systemctl restart crowdsec",
    {
      alpine: ["rc-service crowdsec restart"],
      freebsd: ["service crowdsec restart"],
      ...DOCKER_RESTART,
      kubernetes: ROLLOUT,
      bare: [],
    },
  ],
  [
    "systemctl daemon-reload && systemctl restart {unit}",
    {
      alpine: ["rc-service {unit} restart"],
      freebsd: ["service {unit} restart"],
      ...DOCKER_RESTART,
      kubernetes: ROLLOUT,
      bare: [],
    },
  ],
  [
    "systemctl start crowdsec-firewall-bouncer.service",
    {
      alpine: ["rc-service crowdsec-firewall-bouncer start"],
      freebsd: ["service crowdsec_firewall start"],
      docker: ["docker start CONTAINER"],
      podman: ["podman start CONTAINER"],
      kubernetes: ROLLOUT,
      bare: [],
    },
  ],
  [
    "systemctl stop crowdsec",
    {
      alpine: ["rc-service crowdsec stop"],
      freebsd: ["service crowdsec stop"],
      docker: ["docker stop CONTAINER"],
      podman: ["podman stop CONTAINER"],
      kubernetes: [],
      bare: [],
    },
  ],
  [
    "systemctl enable --now crowdsec",
    {
      alpine: ["rc-update add crowdsec default", "rc-service crowdsec start"],
      freebsd: ["sysrc crowdsec_enable=YES", "service crowdsec start"],
      docker: ["docker update --restart unless-stopped CONTAINER", "docker start CONTAINER"],
      podman: ["podman update --restart unless-stopped CONTAINER", "podman start CONTAINER"],
      kubernetes: ROLLOUT,
      bare: [],
    },
  ],
  [
    "systemctl disable --now crowdsec",
    {
      alpine: ["rc-update del crowdsec default", "rc-service crowdsec stop"],
      freebsd: ["sysrc crowdsec_enable=NO", "service crowdsec stop"],
      docker: ["docker update --restart no CONTAINER", "docker stop CONTAINER"],
      podman: ["podman update --restart no CONTAINER", "podman stop CONTAINER"],
      kubernetes: [],
      bare: [],
    },
  ],
  [
    "systemctl enable crowdsec",
    {
      alpine: ["rc-update add crowdsec default"],
      freebsd: ["sysrc crowdsec_enable=YES"],
      docker: ["docker update --restart unless-stopped CONTAINER"],
      podman: ["podman update --restart unless-stopped CONTAINER"],
      kubernetes: [],
      bare: [],
    },
  ],
  [
    "systemctl status crowdsec --no-pager",
    {
      alpine: ["rc-service crowdsec status"],
      freebsd: ["service crowdsec status"],
      docker: ["docker ps --all"],
      podman: ["podman ps --all"],
      kubernetes: ["kubectl -n NAMESPACE get pods -l k8s-app=RELEASE"],
      bare: [],
    },
  ],
  [
    "systemctl status postgresql mariadb mysql --no-pager",
    {
      alpine: ["rc-service postgresql status", "rc-service mariadb status", "rc-service mysql status"],
      freebsd: ["service postgresql status", "service mysql-server status"],
      docker: ["docker ps --all"],
      podman: ["podman ps --all"],
      kubernetes: ["kubectl get pods --all-namespaces"],
      bare: [],
    },
  ],
  [
    "systemctl status systemd-resolved",
    { alpine: [], freebsd: [], ...NOWHERE, kubernetes: ["kubectl -n kube-system get pods -l k8s-app=kube-dns"] },
  ],
  [
    "systemctl cat crowdsec",
    {
      alpine: ["cat /etc/init.d/crowdsec /etc/conf.d/crowdsec"],
      freebsd: ["service crowdsec rcvar"],
      docker: ["docker inspect CONTAINER"],
      podman: ["podman inspect CONTAINER"],
      kubernetes: ["kubectl -n NAMESPACE describe pods -l k8s-app=RELEASE"],
      bare: [],
    },
  ],
  ["systemctl unmask crowdsec", { alpine: [], freebsd: [], ...NOWHERE }],
  ["systemctl reset-failed crowdsec", { alpine: [], freebsd: [], ...NOWHERE }],
  [
    "journalctl -u crowdsec -n 50 --no-pager",
    {
      alpine: ["tail -n 50 /var/log/crowdsec/crowdsec.log"],
      freebsd: ["tail -n 50 /var/log/crowdsec.log"],
      docker: ["docker logs --tail 50 CONTAINER"],
      podman: ["podman logs --tail 50 CONTAINER"],
      kubernetes: ["kubectl -n NAMESPACE logs -l k8s-app=RELEASE --all-containers --prefix --tail=50"],
      bare: ["tail -n 50 /var/log/crowdsec.log"],
    },
  ],
  ["journalctl -u postgresql -n 50 --no-pager", { alpine: [], freebsd: [], ...NOWHERE }],
  [
    "timedatectl set-ntp true",
    {
      alpine: ["rc-update add ntpd default", "rc-service ntpd restart"],
      freebsd: ["sysrc ntpd_enable=YES ntpd_sync_on_start=YES", "service ntpd restart"],
      ...NOWHERE,
    },
  ],
  [
    "apt-get install --reinstall -o Dpkg::Options::=--force-confmiss crowdsec",
    {
      rhel: ["dnf reinstall crowdsec"],
      suse: ["zypper install --force crowdsec"],
      alpine: ["apk fix --reinstall crowdsec"],
      freebsd: ["pkg install -f crowdsec"],
      ...NOWHERE,
    },
  ],
  [
    "apt-get install ca-certificates",
    {
      rhel: ["dnf install ca-certificates"],
      suse: ["zypper install ca-certificates"],
      alpine: ["apk add ca-certificates"],
      freebsd: ["pkg install ca_root_nss"],
      ...NOWHERE,
    },
  ],
  ["dpkg --configure -a", { rhel: [], suse: [], alpine: [], freebsd: [], ...NOWHERE }],
  [
    "cp X.crt /usr/local/share/ca-certificates/ && update-ca-certificates",
    {
      rhel: ["cp X.crt /etc/pki/ca-trust/source/anchors/ && update-ca-trust"],
      suse: ["cp X.crt /etc/pki/trust/anchors/ && update-ca-certificates"],
      freebsd: ["mkdir -p /usr/local/share/certs/ && cp X.crt /usr/local/share/certs/ && certctl rehash"],
      ...NOWHERE,
    },
  ],
  [
    "rm /usr/local/share/ca-certificates/X.crt && update-ca-certificates --fresh",
    {
      rhel: ["rm /etc/pki/ca-trust/source/anchors/X.crt && update-ca-trust"],
      suse: ["rm /etc/pki/trust/anchors/X.crt && update-ca-certificates"],
      alpine: ["rm /usr/local/share/ca-certificates/X.crt && update-ca-certificates"],
      freebsd: ["rm /usr/local/share/certs/X.crt && certctl rehash"],
      ...NOWHERE,
    },
  ],
  [
    "cat /etc/ssl/certs/ca-certificates.crt >>{caFile}",
    {
      rhel: ["cat /etc/pki/tls/certs/ca-bundle.crt >>{caFile}"],
      suse: ["cat /etc/ssl/ca-bundle.pem >>{caFile}"],
      freebsd: ["cat /usr/share/certs/trusted/*.pem >>{caFile}"],
      ...NOWHERE,
    },
  ],
  [
    "ufw allow from THIS_HOST to any port {port} proto tcp",
    {
      rhel: [allow("add"), RELOAD],
      suse: [allow("add"), RELOAD],
      alpine: ["iptables -I INPUT -p tcp -s THIS_HOST --dport {port} -j ACCEPT"],
      freebsd: ["pfctl -sr"],
      ...NOWHERE,
    },
  ],
  [
    "ufw delete allow from THIS_HOST to any port {port} proto tcp",
    {
      rhel: [allow("remove"), RELOAD],
      suse: [allow("remove"), RELOAD],
      alpine: ["iptables -D INPUT -p tcp -s THIS_HOST --dport {port} -j ACCEPT"],
      freebsd: [],
      ...NOWHERE,
    },
  ],
  [
    "ufw deny {port}/tcp",
    {
      rhel: [refuse("add"), RELOAD],
      suse: [refuse("add"), RELOAD],
      alpine: ["iptables -A INPUT -p tcp --dport {port} -j DROP"],
      freebsd: ["pfctl -sr"],
      ...NOWHERE,
    },
  ],
  ["ufw status", { rhel: [], suse: [], alpine: [], freebsd: [], ...NOWHERE }],
  [
    "nft list ruleset",
    {
      freebsd: ["pfctl -sr"],
      docker: [],
      podman: [],
      kubernetes: ["kubectl get networkpolicy --all-namespaces"],
    },
  ],
  [
    "ss -ltnp 'sport = :{port}'",
    {
      freebsd: ["sockstat -4 -6 -l -P tcp -p {port}"],
      alpine: ["netstat -ltnp | grep ':{port} '"],
      docker: ["netstat -ltnp | grep ':{port} '"],
      kubernetes: ["netstat -ltnp | grep ':{port} '"],
    },
  ],
  [
    "ss -lnup 'sport = :53'",
    {
      freebsd: ["sockstat -4 -6 -l -P udp -p 53"],
      alpine: ["netstat -lnup | grep ':53 '"],
      docker: ["netstat -lnup | grep ':53 '"],
      kubernetes: ["netstat -lnup | grep ':53 '"],
    },
  ],
  [
    "ss -lxp | grep {place}",
    {
      freebsd: ["sockstat -u -l | grep {place}"],
      alpine: ["netstat -lxp | grep {place}"],
      docker: ["netstat -lxp | grep {place}"],
      kubernetes: ["netstat -lxp | grep {place}"],
    },
  ],
  ["ip route get {address}", { freebsd: ["route -n get {address}"] }],
  ["ip -{missing} route", { freebsd: ["netstat -rn"] }],
  ["ip -4 address", { freebsd: ["ifconfig -a"] }],
  [
    "ping -c 1 -M do -s 1400 {address}",
    {
      freebsd: ["ping -c 1 -D -s 1400 {address}"],
      alpine: ["ping -c 1 -s 1400 {address}"],
      docker: ["ping -c 1 -s 1400 {address}"],
      kubernetes: ["ping -c 1 -s 1400 {address}"],
    },
  ],
  ["getent ahosts {host}", { freebsd: ["getent hosts {host}"] }],
  [
    "dig +tries=1 @{server} {name}",
    {
      freebsd: ["drill @{server} {name}"],
      alpine: ["nslookup {name} {server}"],
      docker: ["nslookup {name} {server}"],
      kubernetes: ["nslookup {name} {server}"],
    },
  ],
  ["findmnt -T {folder}", { freebsd: ["mount"], alpine: ["mount"], docker: ["mount"], kubernetes: ["mount"] }],
  [
    "namei -l {path}",
    {
      freebsd: ["ls -ld {path}"],
      alpine: ["ls -ld {path}"],
      docker: ["ls -ld {path}"],
      kubernetes: ["ls -ld {path}"],
    },
  ],
  [
    "echo 'X' | runuser -u postgres -- psql -d {database}",
    {
      freebsd: ["echo 'X' | psql -U postgres -d {database}"],
      alpine: ["echo 'X' | psql -U postgres -d {database}"],
      docker: ["echo 'X' | psql -U postgres -d {database}"],
      podman: ["echo 'X' | psql -U postgres -d {database}"],
      kubernetes: ["echo 'X' | psql -U postgres -d {database}"],
    },
  ],
  [
    "grep -n listen_uri /etc/crowdsec/config.yaml /etc/crowdsec/config.yaml.local",
    {
      freebsd: ["grep -n listen_uri /usr/local/etc/crowdsec/config.yaml /usr/local/etc/crowdsec/config.yaml.local"],
    },
  ],
  ["du -xsh /var/log /var/lib/crowdsec", { freebsd: ["du -xsh /var/log /var/db/crowdsec"] }],
  [
    "sudo HTTPS_PROXY={https} cscli hub update",
    {
      docker: ["env HTTPS_PROXY={https} cscli hub update"],
      podman: ["env HTTPS_PROXY={https} cscli hub update"],
      kubernetes: ["env HTTPS_PROXY={https} cscli hub update"],
    },
  ],
];

describe.each(SYSTEM_NAMES)("typed on %s", (name) => {
  test.each(ROWS)("%s", (command, typed) => {
    expect(on(name, command)).toEqual(typed[name] ?? [command]);
  });
});

test.each([
  "cscli bouncers list",
  "date -u",
  "sed -i.preflight {edit} {edited}",
  "openssl s_client -connect {place} </dev/null",
])("%s is typed the same everywhere", (command) => {
  for (const name of SYSTEM_NAMES) expect(on(name, command)).toEqual([command]);
});

test("several commands with one counterpart are typed once, after all that comes before it", () => {
  expect(on("docker", "systemctl restart crowdsec", "cscli hub update", "systemctl restart nginx")).toEqual([
    "cscli hub update",
    "docker restart CONTAINER",
  ]);
  const opened = on("rhel", "ufw allow from THIS_HOST to any port {port} proto tcp", "ufw deny {port}/tcp");
  expect(opened).toEqual([allow("add"), refuse("add"), RELOAD]);
});
