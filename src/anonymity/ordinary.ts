/**
 * Words that no host name takes away from a text: programs and parts of CrowdSec, what hosts are commonly called after
 * their work, systems, folders, keys and values of reports and configurations, English. A host with such a name keeps it,
 * which tells nothing about whose it is; would it be replaced, then reports, keys and commands would no longer say what
 * they say.
 */
const ORDINARY: ReadonlySet<string> = new Set(
  `
  aarch64 abort about above absent accept accepted accounts acquis acquisition across act activating active add added
  addr address addresses admin administrator afs after again against age agent ahead ahosts alert alerts all allhosts
  allnodes allow allowlist allowlists allrouters alma almalinux alpine already also altered although always amazon
  amd64 among amp amzn analytics anchor anchors another answer answered any anybody anything apache api apk apos app
  applicable application appsec apr april apt arch archive archlinux argument arguments argv arm64 armhf around arp
  array ascii asked attempt attempts aug august auth authorization auto autofs available away awk aws azure back
  backend backup bad badge balancer ban banner bare base bash basic bastion became because become beegfs been before
  behind being below beside best better between beyond bin bind bits blackhole blame blank blocklist body bold
  bookworm boolean boot both bottom bouncer bouncers brd breaks bridge broadcasthost broken broker bucket buckets
  build builder bullseye bundle buster but bye bytes cache came can candidate cannot capi captcha case cat cause
  causes cdn centos central ceph cert certain certbot certificate certificates cest cet cgi cgo cgroup chain chains
  changed changelog check chrony cifs client clients clock close closed cloud cloudwatch cluster cms code collection
  collections color columns come comes command commands comment common complaints component components compose
  compress compute condition conf confd confidence config configs configuration configured connect connected
  connection connections connects console consul contacts container containerd content context contexts continue core
  could counts cpu credential credentials creds critical cron crond crontab crowdsec crowdsecurity cscli css cti curl
  custom cut cyan daemon daemonize daily darwin dash dashboard data database datacenter datasource date day
  deactivating deadline deb debian debug dec december decision decisions deep default definition delay demo denied
  denies desktop destination destinations detail details dev devel development dgram dhcp dial did diff different dir
  direct direction directives directories disable disconnect disk dmz dnf dns doc docker dockerfile docs documentation
  does doing domain done double down download dpkg drop dropbear dropped dsn dumb dumped duration dynamic each earlier
  early effect either element elf elsewhere emergency empty enable enabled encrypted end ended ends engine engines
  enough enroll entries env environment errno error errors escape etc eth ether ethernet even event events ever every
  everybody everything evidence example except exception exe exec executable exim exit exited explains extern external
  fail fail2ban failed failing fails failure failures false family far fatal fault faults feb february fedora fetch
  few file filename filenames files filled filter filters find finding findings finished firewall firewalld first flag
  flags flush focal folder followed for forced forget format former forth forum found freebsd fresh fri friday from
  front frontend ftp full function further fuse galera garbage gateway generator gentoo geoip getaddrinfo gets git
  gitlab giu give given gives glusterfs gmt gnu goes golang gone good goroutine got grafana gray great green greeting
  grep group guarded guessed guest guide gzip had half handshake haproxy has have having head header headers headline
  health hello help hence her here hex hidden hides hint his hold home host hosting hostname hosts hour hourly how
  however html http httpd https hub hubupdate hypervisor i386 identity idle ignore ignored image imap inactive
  incomplete index ineffective inet inet6 info infra ingress init inodes input insecure inside install installed
  installer instance instead int integer intercepted interfaces internal internet interrupted interruption interval
  into intranet invalid ip6 ips ipset iptables ipv ipv4 ipv6 issuer items its itself jammy jan january java javascript
  jenkins journal journalctl json jul july jump jun june just k3s kafka kali keep keeps kept kernel key keycloak keys
  killed kind kinesis known kube kubernetes lab label labels lan lapi laptop large last lasting late lately latency
  layers ldap leap least leave left legacy less let level lib lib64 libc license lighttpd like likely limit limits
  line lines link linux list listen listener listeners listening literal little live lladdr loadbalancer loadtest
  local localdomain localhost localhost4 localhost6 localnet location lock log login logs loki long look looks lookup
  loopback lua lustre lxc mac machine machines macos made magenta mail main make makes malformed managed manager
  manifest manjaro manual many map mapping mar march mariadb masked master max may maybe mcastprefix mdns mean means
  media members memory merge merged message metabase method metric metrics might mine mint minute mirror missing
  mistakes mnt mobile modelled modules mon monday mongo mongodb monitor monitoring monthly more most mount moves mqtt
  mta much must myhostname mysql name named names nameserver nameservers namespace nas nat ndots need needs neither
  net netbsd netdev network never new news next nfs nft nftables nginx nil noarp noble nobody nodata node none nor
  normal not note nothing notice notification notifications nov november now nowhere npm npx ntp null number numeral
  nxdomain object observation observations observe oct october off office often old omitted once one onestatus online
  onlink only onto open openbsd opened openrc openresty opensuse openwrt opnsense ops opt optional options ora oracle
  origin other others ours out outgoing output over overflow overrides own owner package packages pam panic papi
  paragraph parser parsers party pass passes passing password past path paths patterns pdf peer peers perhaps perl
  permanent pfctl pfsense pgx phase php pid pihole pipe pki plain platform please plugin plugins pod podman policy
  pool pop pop3 port portal possible post postfix postgres postgresql postgrest postoverflows pprof prefer preflight
  pretty primary private probe problem proc process processes prod production profiles program prohibit prometheus
  proto protocol prove proved proxied proxies proxmox proxy public public1 purpose put pve python query question quiet
  quite quot rabbitmq range rar raspberry raspberrypi raspbian rather raw rds reachable read readable readlink readme
  ready really reason reasons received recovers red redacted redhat redis refreshing refused registry rehearsal
  reinstall reject rejected relay release reload reloading remediation remedies remedy remember remote removal
  removals remove removed replayed replica repo report reports repository request requests require required reset
  resolve resolved resolver response responses restart restarting restarts result return reverse rhel right rocky role
  roles root rotate route router routines row rows rpm rsa rsyslog ruby rule ruleset run runner running runs runtime
  rust safe said samba same sandbox sat saturday saw say says sbin scalar scenario scenarios scheduler scheme scope
  script search second secondary secret secure sed see seem seems seen self selfsigned sent sentence sep september
  server servers serves service services session sessionid set settings setup several severity shall share shared she
  shell shop short should show shown side silence silent simulation since single size skip slave sleep sles slow small
  smb smbfs smtp snapshot socket some somebody something soon source sources spoken spool sql sqlite squid src srv ssh
  sshd sslmode stable stack stage staging stale stalled standalone standby start started starting state static stats
  status stays stderr stdout still stop stopped stops storage store straight stranger stream strict string subject
  subnet success such sudo summary sun sunday support sure suse svc switch symbol sys syslog system systemctl systemd
  table tables tail take taken takes tar target targets tcp tell tells template test testing text than thank that the
  their them then there these they thing things this those though through thu thursday thus till time timeout times
  title tls tmp today together token told tomcat toml too took tool topology tor toward trace traefik transform
  transient trixie true truncated trust trusted ttl tue tuesday tumbleweed tunnel turn twice two type typescript
  ubuntu udp ufw uid umbrella unable unavailable unbound uncertain undefined under understood undo unescaped unit unix
  unknown unmanaged unmet unnamed unpacking unreachable unreadable unregistered unseen unset until untouched untrusted
  unvalidated update upgrade upload upon uri url urls usage use used user username users usevc usr ustar utc value
  values vantage var variable variables vault vendor verbose verdict verify version versions very via victorialogs vpn
  waf waiting waits wal want wants warn warning was watcher way web webmail webserver website wed wednesday weekly
  well went were wget what whatever when where whether which while whitelist whitelists who whole whose why wifi wiki
  wildcard will windows wineventlog winsvc wireguard with within without wordpress words work worker works workstation
  worse would writable write writing written wsl www xml yaml yargs yauzl yazl year yellow yes yet you your zabbix zip
  zone zsh zstd
`
    .trim()
    .split(/\s+/),
);

/** Shorter names are to be found everywhere, and say as little. */
const MIN_LENGTH = 3;

/**
 * Whether a label is too ordinary to be replaced: such a word, or several with hyphens between them, or a number. `web-1` is
 * a name.
 */
export const isOrdinary = (label: string): boolean =>
  label.length < MIN_LENGTH ||
  ORDINARY.has(label) ||
  /^[\d-]+$/.test(label) ||
  label.split("-").every((part) => ORDINARY.has(part));
