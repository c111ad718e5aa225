import { expect, test } from "@jest/globals";
import { hostNamesIn, mailDomainsIn } from "../../src/anonymity/evidence.ts";
import { plainName } from "../../src/anonymity/names.ts";

const found = (text: string): string[] =>
  [...new Set([...hostNamesIn(text), ...mailDomainsIn(text)].flatMap((name) => plainName(name) ?? []))].sort();

test.each<[string, string, string[]]>([
  ["a URL", "see http://db1:8080/health", ["db1"]],
  ["a URL with a user", "https://me:pass@db1.corp/", ["db1.corp"]],
  ["a URL in an URL", "?to=https%3A%2F%2Fdb1.corp%2Fx", ["db1.corp"]],
  ["a database's URL", "postgres://u@db1:5432/crowdsec", ["db1"]],
  ["a key of YAML", "db_config:\n  host: db1\n  port: 1", ["db1"]],
  ["a key of JSON", '{"host":"db1","port":1}', ["db1"]],
  ["a variable", "HOSTNAME=web1\nX=1", ["web1"]],
  ["hostnamectl", " Static hostname: web1\n       Icon name: x", ["web1"]],
  ["libpq", "host=db1 port=5432 user=x", ["db1"]],
  ["Go's MySQL driver", "crowdsec:pw@tcp(db1:3306)/crowdsec", ["db1"]],
  ["MySQL", "Access denied for user 'crowdsec'@'web1' (using password: YES)", ["web1"]],
  ["PostgreSQL", 'could not translate host name "db1" to address', ["db1"]],
  ["Go's resolver", "dial tcp: lookup db1 on 10.0.0.1:53: no such host", ["db1"]],
  ["Go's resolver without a server", "dial tcp: lookup db1: no such host", ["db1"]],
  ["Node's resolver", "getaddrinfo ENOTFOUND db1", ["db1"]],
  ["Go's TLS", "x509: certificate is valid for lapi1, web1, not db1", ["db1", "lapi1", "web1"]],
  ["names of a certificate", "DNS:lapi1, DNS:*.corp.lan, IP Address:10.0.0.5", ["corp.lan", "lapi1"]],
  ["the subject of a certificate", '"subject":"CN=lapi1","x":1', ["lapi1"]],
  ["a certificate as observed", '"issuer":"CN=My CA","names":["lapi1","web1"],"validFrom":""', ["lapi1", "web1"]],
  ["NO_PROXY", "NO_PROXY=localhost,db1,.corp.lan,10.0.0.0/8", ["corp.lan", "db1", "localhost"]],
  ["a proxy without a scheme", "http_proxy=proxy1:3128", ["proxy1"]],
  ["nginx", "  server_name web1 www.corp.lan;", ["web1", "www.corp.lan"]],
  ["Prometheus", "- targets: ['web1:6060', \"web2:6060\"]", ["web1", "web2"]],
  ["an instance", '"metrics-target@web1:6060"', ["web1"]],
  ["a listen address", "listen_uri: web1:8080\n", ["web1"]],
  ["syslog", "Jan  2 10:20:30 web1 crowdsec[12]: started", ["web1"]],
  ["syslog of today", "2024-01-02T10:20:30.123456+01:00 web1 sshd[12]: x", ["web1"]],
  ["uname -a", "Linux web1 6.1.0-18-amd64 #1 SMP", ["web1"]],
  ["a clock", "server ntp1 iburst\n", ["ntp1"]],
  ["resolv.conf", "nameserver 10.0.0.1\nsearch corp.lan acme\n", ["acme", "corp.lan"]],
  ["resolv.conf as observed", '"search":["corp.lan","acme"]', ["acme", "corp.lan"]],
  ["a hosts file", "127.0.0.1 localhost\n# ours\n10.0.0.5\tdb1.corp db1 # x\n", ["db1", "db1.corp", "localhost"]],
  ["a hosts file in JSON", '{"content":"127.0.0.1\\tlocalhost\\n10.0.0.5\\tdb1\\n"}', ["db1", "localhost"]],
  ["a mail address", "mail admin@corp.lan please", ["corp.lan"]],
])("%s shows a host's name", (_, text, names) => {
  expect(found(text)).toEqual(names);
});

test.each([
  "10.0.0.5 refused the connection",
  "10.0.0.0/24 dev eth0 proto kernel scope link",
  "10.0.0.1 dev eth0 lladdr 00:11:22:33:44:55 REACHABLE",
  "search the log for it\n",
  "file:///var/log/auth.log and unix:///run/x.sock and journalctl://filters=x",
  "getty@tty1 and lapi-reachable@agent and install-script@debian",
  '"names":["config.yaml","bouncers"]',
  "time: 10:20:30, main.go:42, line:12",
])("%s shows none", (text) => {
  expect(found(text)).toEqual([]);
});

test.each([
  "\\",
  "-",
  ".",
  ":",
  "a.b.",
  "http://",
  "a@",
  "@a.a.a",
  "host:",
  '"',
  "no_proxy=",
  "search a\n",
  "valid for a, ",
])("a megabyte of %j in one line takes no longer than one of text", (text) => {
  const long = text.repeat(Math.ceil(1_000_000 / text.length));
  const from = performance.now();
  hostNamesIn(long);
  mailDomainsIn(long);
  expect(performance.now() - from).toBeLessThan(10_000);
});
