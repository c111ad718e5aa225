import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { ZipFile } from "yazl";

/** What must not be found in anything that was cleaned; none of them is an ordinary word. */
export const CANARIES = {
  ctiKey: "cNRYctiKey0f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4",
  registration: "cnry-registration-token-0123456789abcdef0123456789abcdef",
  commented: "cnry-commented-Pa55",
  databaseInComment: "cnry-old-database-Pa55",
  lokiUrl: "cnry-loki-url-Pa55",
  lokiAuth: "cnry-loki-auth-Pa55",
  kafka: "cnry-kafka-sasl-Pa55",
  httpHeader: "cnry-http-header-t0ken",
  basicAuth: "cnry-basic-auth-Pa55",
  awsSecret: "cnRY/aws7MDENG/bPxRfiCYEXAMPLEKEYcnry+12",
  bouncerInLog: "cnryB0uncerKeyInALog0123456789abcdef",
  bearer: "cnryBearerT0ken.abcdefghijklmnopqrstuvwxyz",
  proxy: "cnry-proxy-Pa55",
  proxyEscaped: "cnry p@ss%word",
  dsn: "cnry-dsn-Pa55",
  enroll: "cnryenrollkey0123456789abc",
  apiKeyHash: "cafe0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab".repeat(2),
  notification: "cnrySlackT00000000/B00000000/XXXXcnryXXXXcnryXXXXcnry",
} as const;

/** Go's archive/zip writes sizes behind the data, since it does not know them before. */
const asGoWritesIt = (files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> => {
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(files)) zip.addReadStream(Readable.from([Buffer.from(content)]), name);
  zip.end();
  return buffer(zip.outputStream);
};

/**
 * config.yaml as `dumpConfigYAML` leaves it: values of `user:`, `password:` and `host:` are gone, and what stands in their
 * place makes YAML of it no more.
 */
const config = (yaml: string): string => yaml.replace(/(\s+password:|\s+user:|\s+host:)\s+.*/g, "$1 ****REDACTED****");

const CONFIG = `common:
  daemonize: true
  log_media: file
  log_dir: /var/log/
config_paths:
  config_dir: /etc/crowdsec/
crowdsec_service:
  acquisition_path: /etc/crowdsec/acquis.yaml
db_config:
  type: postgresql
  user: crowdsec
  password: gone-already
  #password: ${CANARIES.databaseInComment}
  host: db.internal.example
plugin_config:
  user: nobody # plugin process would be ran on behalf of this user
  group: nogroup
api:
  cti:
    key: ${CANARIES.ctiKey}
  server:
    listen_uri: 127.0.0.1:8080
    auto_registration:
      enabled: true
      token: "${CANARIES.registration}"
      allowed_ranges:
        - 10.0.0.0/8
prometheus:
  enabled: true
  listen_addr: 127.0.0.1
  listen_port: 6060
`;

const PROFILES = `name: default_ip_remediation
filters:
 - Alert.Remediation == true && Alert.GetScope() == "Ip"
decisions:
 - type: ban
   duration: 4h
# was: https://hooks.slack.com/services/${CANARIES.notification}
notifications:
  - slack_default
on_success: break
`;

const ACQUISITION = `filenames:
  - /var/log/nginx/access.log
labels:
  type: nginx
---
source: loki
url: http://reader:${CANARIES.lokiUrl}@loki.internal.example:3100/
auth:
  username: reader
  password: ${CANARIES.lokiAuth}
query: '{app="web"}'
labels:
  type: syslog
---
source: http
listen_addr: 127.0.0.1:8081
auth_type: headers
headers:
  X-Custom-Token: ${CANARIES.httpHeader}
basic_auth:
  username: writer
  password: "${CANARIES.basicAuth}"
labels:
  type: json
`;

const KAFKA = `source: kafka
brokers:
  - kafka.internal.example:9093
sasl:
  username: consumer
  password: '${CANARIES.kafka}'
# password: ${CANARIES.commented}
labels:
  type: nginx
---
source: cloudwatch
aws_access_key_id: AKIAIOSFODNN7EXAMPLE
aws_secret_access_key: ${CANARIES.awsSecret}
labels:
  type: syslog
`;

/** Lines as CrowdSec 1.7.8 and 1.4.6 write them, and what users have had in them. */
export const LOG = `time="2026-11-23T07:12:01Z" level=info msg="Crowdsec v1.7.8-debian-pragmatic-amd64" version=v1.7.8
time="2026-11-23T07:12:01Z" level=info msg="crowdsec local API running" addr="127.0.0.1:8080"
time="2026-11-23T07:12:02Z" level=error msg="Get \\"https://api.crowdsec.net/v2/decisions/stream\\": proxyconnect tcp: dial tcp 10.0.0.9:3128" proxy="http://squid:${CANARIES.proxy}@proxy.internal.example:3128"
time="2026-11-23T07:12:03Z" level=warning msg="proxy http://squid:${encodeURIComponent(CANARIES.proxyEscaped)}@10.0.0.9:3128/ does not answer"
time="2026-11-23T07:12:04Z" level=debug msg="[HEADERS] X-Api-Key: ${CANARIES.bouncerInLog}, Accept: */*"
time="2026-11-23T07:12:05Z" level=debug msg="Authorization: Bearer ${CANARIES.bearer}"
time="2026-11-23T07:12:06Z" level=fatal msg="unable to create database client: failed connecting to postgresql: host=db.internal.example port=5432 user=crowdsec password=${CANARIES.dsn} dbname=crowdsec sslmode=disable"
time="2026-11-23T07:12:07Z" level=info msg="sudo cscli console enroll ${CANARIES.enroll}"
time="2026-11-23T07:12:08Z" level=info msg="127.0.0.1 - [Mon, 23 Nov 2026 07:12:08 UTC] \\"GET /v1/decisions/stream?startup=true HTTP/1.1 200 1.2ms\\" \\"crowdsec-firewall-bouncer/v0.0.34\\""
`;

const METRICS = `# HELP cs_info Information about Crowdsec.
# TYPE cs_info gauge
cs_info{version="v1.7.8-debian-pragmatic-amd64-4f1a2b3c"} 1
`;

/** Bytes that are no text: what a profile is. */
const PROFILE = gzipSync(Buffer.from(`\n\u0004memory of the program ${CANARIES.bearer}`));

/** What `cscli support dump` of 1.7.8 writes (cmd/crowdsec-cli/clisupport/support.go), with secrets wherever it leaves them. */
export const dumpOf178 = (): Promise<Buffer> =>
  asGoWritesIt({
    "metrics/metrics.prometheus": METRICS,
    "metrics/metrics.human": "Local API Metrics:\n+----------------------+--------+------+\n",
    "system.yaml": "timestamp: 2026-11-23T07:15:00Z\ngo_os: linux\nhost:\n    hostname: web1\n    uptime: 4711\n",
    "config/crowdsec.yaml": config(CONFIG),
    "hub.txt": "PARSERS\n crowdsecurity/nginx-logs  ✔️  enabled  1.7\n",
    "lapi/bouncers.txt":
      " Name     IP Address  Valid  Last API pull  Type\n fw-web1  127.0.0.1   ✔️     2026-11-23     crowdsec-firewall-bouncer\n",
    "lapi/agents.txt": " Name  IP Address  Last Update  Status\n web1  127.0.0.1   2026-11-23   ✔️\n",
    "capi_status.txt": "Trying to authenticate with username 4a5b6c on https://api.crowdsec.net/\n",
    "papi_status.txt": "You can successfully interact with Polling API (PAPI)\n",
    "lapi_status.txt": "Loaded credentials from /etc/crowdsec/local_api_credentials.yaml\n",
    "pprof/goroutine.pprof": PROFILE,
    "pprof/heap.pprof": PROFILE,
    "config/profiles.yaml": PROFILES,
    "config/acquis/___etc___crowdsec___acquis.yaml": ACQUISITION,
    "config/acquis/___etc___crowdsec___acquis.d___kafka.yaml": KAFKA,
    "crash/crowdsec-crash.4711.txt": `panic: runtime error\ngoroutine 1 [running]:\nmain.main() Authorization: Bearer ${CANARIES.bearer}\n`,
    "log/crowdsec.log": LOG,
    "log/crowdsec_api.log": LOG,
    "version.txt": "version: v1.7.8-debian-pragmatic-amd64\n",
    "features.txt": "",
    "dump.log": `time="2026-11-23T07:15:00Z" level=warning msg="could not connect: postgres://crowdsec:${CANARIES.dsn}@db.internal.example/crowdsec"\n`,
  });

/** That of 1.4.6 (cmd/crowdsec-cli/support.go), by `cscli -o json`: then its lists are JSON, with the keys' hashes in it. */
export const dumpOf146 = (): Promise<Buffer> =>
  asGoWritesIt({
    "version.txt": "version: v1.4.6-debian-pragmatic\n",
    "osinfo.txt": "Architecture: amd64\nFamily: Linux\nID: debian\n",
    "metrics/metrics.human": "",
    "metrics/metrics.prometheus": METRICS,
    "config/crowdsec.yaml": config(CONFIG),
    "hub/parsers.txt": "PARSERS\n",
    "hub/scenarios.txt": "SCENARIOS\n",
    "hub/postoverflows.txt": "",
    "hub/collections.txt": "COLLECTIONS\n",
    "lapi/bouncers.txt": `${JSON.stringify(
      [{ id: 1, name: "fw-web1", api_key: CANARIES.apiKeyHash, revoked: false, ip_address: "127.0.0.1" }],
      null,
      2,
    )}\n`,
    "lapi/agents.txt": `${JSON.stringify([{ id: 1, machineId: "web1", isValidated: true }], null, 2)}\n`,
    "lapi_status.txt": "Successfully authenticated to LAPI",
    "capi_status.txt": "Successfully authenticated to LAPI",
    "config/profiles.yaml": PROFILES,
    "config/acquis/___etc___crowdsec___acquis.yaml": ACQUISITION,
    "config/acquis/___etc___crowdsec___acquis.d___kafka.yaml": KAFKA,
  });

/** The canaries that are to be found in bytes, in any of the ways in which they are written. */
export const canariesIn = (bytes: Buffer): readonly string[] => {
  const text = bytes.toString("utf8");
  return Object.entries(CANARIES).flatMap(([name, value]) => {
    const base64 = Buffer.from(value).toString("base64").replace(/=+$/, "").slice(0, -1);
    const forms = [value, encodeURIComponent(value), base64, Buffer.from(value).toString("hex")];
    return forms.some((form) => text.includes(form)) ? [name] : [];
  });
};
