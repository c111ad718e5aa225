const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/**
 * Names that everybody knows, with all that is below them: CrowdSec's own (checks/endpoints.ts), where its packages, images
 * and those of distributions come from, public clocks, authorities, and what stands in comments of configurations.
 */
const PUBLIC = words(`
  crowdsec.net packagecloud.io d3fo0g5hm7lbuv.cloudfront.net d28dx6y1hfq314.cloudfront.net
  crowdsec-statics-assets.s3-eu-west-1.amazonaws.com crowdsec-statics-assets.s3.eu-west-1.amazonaws.com
  github.com github.io githubusercontent.com githubassets.com gitlab.com ghcr.io docker.com docker.io quay.io
  debian.org debian.net ubuntu.com launchpad.net linuxmint.com raspberrypi.org raspberrypi.com proxmox.com
  fedoraproject.org centos.org redhat.com rockylinux.org almalinux.org oracle.com opensuse.org suse.com suse.de
  alpinelinux.org archlinux.org gentoo.org freebsd.org opnsense.org pfsense.org openwrt.org kernel.org
  ntp.org time.cloudflare.com time.google.com time.windows.com time.apple.com nts.netnod.se
  golang.org go.dev gopkg.in nodejs.org npmjs.org npmjs.com python.org pypi.org rust-lang.org crates.io
  letsencrypt.org lencr.org digicert.com sectigo.com amazontrust.com pki.goog globalsign.com
  freedesktop.org systemd.io 0pointer.de gnu.org w3.org ietf.org rfc-editor.org iana.org wikipedia.org json-schema.org schema.org
  yaml.org kubernetes.io k8s.io prometheus.io containerd.io cncf.io helm.sh openssl.org sqlite.org postgresql.org
  mysql.com mariadb.org mariadb.com nginx.org nginx.com apache.org haproxy.org traefik.io caddyserver.com grafana.com
  maxmind.com microsoft.com cloudflare-dns.com dns.google one.one.one.one
  docker.internal containers.internal metadata.google.internal
`);

/** Below these, names are somebody's own, and these are not. */
const SHARED = words(`
  amazonaws.com compute.amazonaws.com compute.internal ec2.internal elb.amazonaws.com rds.amazonaws.com cloudfront.net
  cloudapp.azure.com database.azure.com mysql.database.azure.com postgres.database.azure.com azurewebsites.net
  windows.net googleusercontent.com run.app web.app ondigitalocean.app herokuapp.com fly.dev vercel.app netlify.app
  your-server.de ts.net fritz.box home.arpa in-addr.arpa ip6.arpa nip.io sslip.io duckdns.org dyndns.org no-ip.org
  ddns.net dynv6.net myfritz.net synology.me svc.cluster.local pod.cluster.local cluster.local
`);

/** The second last label of names under a country's: `co.uk`. */
const SECOND = words("ac co com edu gob gouv gov gv mil ne net nom or org");

/** Last labels that are nobody's: RFC 6762, RFC 8375, ICANN's `internal`, and those that people make up. */
const PRIVATE = words(`
  local localdomain internal intranet intra lan home corp private alt arpa box lab dmz vpn mgmt infra consul
`);

/** Last labels that stand for somebody's, or are: RFC 2606, RFC 7686. */
const OTHER_TLD = words("example invalid onion");

/** Countries, and what else is common. What is not among them is a name only where a structure says so. */
const PUBLIC_TLD = words(`
  com net org edu gov mil int info biz eu asia africa cat gal scot wales berlin hamburg koeln bayern wien swiss paris
  london tokyo nyc bzh app dev cloud online site shop tech xyz club digital solutions hosting systems email space
  website network world agency company group consulting gmbh ltd media
  ac ad ae af ag ai al ao aq ar at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by ca cd cf cg ch ci ck
  cl cm cn co cr cu cv cw cx cy cz de dj dk dm dz ec ee eg er es et eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm
  gn gp gq gr gs gt gu gw gy hk hn hr ht hu ie il im io iq ir it je jm jo jp ke kg kh ki km kn kp kr kw ky kz lb lc li
  lk lr ls lu lv ly ma mc me mg mh mn mo mp mq mr mt mu mv mw mx mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf
  pg ph pk pn pr pt pw qa re ro ru rw sa sb sd se sg si sk sl sm sn sr ss su sv sx sy sz tc td tg th tj tk tl tm tn tr
  tt tv tw tz ua ug uk us uy uz va vc ve vg vn vu wf ws ye yt za zm zw
`);

/** Last labels that are endings of files, or words of a sentence, as well: of a name with three labels they count. */
const DOUBTFUL_TLD = words(`
  am as bar bz cc do gy host id in is la link live md mk ml mm mov ms my name one page pl pm pro ps pub py rs run sc
  services sh so software st store tf test to top vi zip zone
`);

/** Endings of files, which can follow a name: `www.corp.example.conf`. */
const ENDINGS = words(`
  access account automount bak bin bundle cache cert certs cfg cnf conf config copy crt csr csv ctl cur d data db deb default
  der desc device dpkg-dist dpkg-new dpkg-old env err error fullchain gz hosts htm html idx img in inc include ini js json
  key keyring lck link list local lock log lua mmdb mount netdev network new nft old orig out p12 path pem pfx pid pipe
  png policy private privkey properties pub py rc repo repos rpm rpmnew rpmsave rules save scope script sed service sh slice
  sock socket so sources sql sqlite state svg swap tar target temp template timer tmp toml ts txt vhost xml xz yaml yml
  zip zst
`);

/** Where `.local` is CrowdSec's overlay, or another program's, and no name. */
const OVERLAYS = words("rc.local jail.local fail2ban.local");

/** Whether a name is one that everybody knows. @param name in lower case */
export const isPublicName = (name: string): boolean => endsWithOneOf(name, PUBLIC) !== undefined;

const endsWithOneOf = (name: string, all: ReadonlySet<string>): string | undefined => {
  for (let at = 0; at !== -1; ) {
    const rest = name.slice(at);
    if (all.has(rest)) return rest;
    const dot = name.indexOf(".", at);
    at = dot === -1 ? -1 : dot + 1;
  }
  return undefined;
};

/** How many last labels of a name are nobody's own: of `db1.corp.co.uk` two. None where the last one is not known. */
export const publicLabels = (labels: readonly string[]): number => {
  const shared = endsWithOneOf(labels.join("."), SHARED);
  if (shared !== undefined) return shared.split(".").length;
  const last = labels.at(-1) ?? "";
  if (PRIVATE.has(last)) return 1;
  if (OTHER_TLD.has(last)) return 1;
  if (!PUBLIC_TLD.has(last) && !DOUBTFUL_TLD.has(last)) return 0;
  return labels.length > 2 && last.length === 2 && SECOND.has(labels.at(-2) ?? "") ? 2 : 1;
};

/** Whether the last label is one that people make up, or that no registry has. */
export const isPrivateSuffix = (labels: readonly string[]): boolean => PRIVATE.has(labels.at(-1) ?? "");

export const isEnding = (label: string): boolean => ENDINGS.has(label) || /^\d{1,3}$/.test(label);

/**
 * Whether a word with dots can be nothing but a host name, by its last label alone. @param labels in lower case, each fit
 * for a host name @param last as it was written
 */
export const looksLikeName = (labels: readonly string[], last: string): boolean => {
  const [ending = "", second = ""] = labels.toReversed();
  // Words with an underscore are keys, variables and files; a capital after a dot begins a sentence, or names a method.
  if (labels.some((label) => label.lastIndexOf("_") > 0) || /^[A-Z][a-z]/.test(last)) return false;
  if (PRIVATE.has(ending)) return !isEnding(second) && !OVERLAYS.has(labels.join("."));
  if (DOUBTFUL_TLD.has(ending)) return labels.length > 2 && !isEnding(second);
  return (OTHER_TLD.has(ending) || PUBLIC_TLD.has(ending)) && (/[a-z]/.test(second) || second.length > 2);
};
