import { expect, test } from "@jest/globals";
import { shown } from "./structures.ts";

test.each([
  ["--password=canary x", "--password=REDACTED-1 x"],
  ["x --password 'can ary' y", "x --password 'REDACTED-1' y"],
  ["cscli machines add m --password canary -f /etc/x", "cscli machines add m --password REDACTED-1 -f /etc/x"],
  ["cscli machines add m -p canary -f /etc/x", "cscli machines add m -p REDACTED-1 -f /etc/x"],
  ["cscli bouncers add b -k canary", "cscli bouncers add b -k REDACTED-1"],
  ["cscli lapi register --token canary -u http://h", "cscli lapi register --token REDACTED-1 -u http://h"],
  ["cscli console enroll -e context ckqlyuz9700000vji4abcdefg", "cscli console enroll -e context REDACTED-1"],
  ["mysql -u root -pcanary db", "mysql -u root -pREDACTED-1 db"],
  ["/usr/bin/sshpass -p canary ssh -p 22 h", "/usr/bin/sshpass -p REDACTED-1 ssh -p 22 h"],
  ["curl -u me:canary -H 'X-Api-Key: canary2' http://h", "curl -u me:REDACTED-1 -H 'X-Api-Key: REDACTED-2' http://h"],
  [
    'curl -H "Authorization: Bearer canary2" -H "Accept: x" h',
    'curl -H "Authorization: Bearer REDACTED-1" -H "Accept: x" h',
  ],
  ["curl -ume:canary http://h", "curl -ume:REDACTED-1 http://h"],
  ["curl --user=me:canary --proxy-user=me:canary2 h", "curl --user=me:REDACTED-1 --proxy-user=me:REDACTED-2 h"],
  ["curl --user=me -ume http://h:80", "curl --user=me -ume http://h:80"],
  ["cscli bouncers add n -kcanary", "cscli bouncers add n -kREDACTED-1"],
  ["cscli bouncers add n -k=canary", "cscli bouncers add n -k=REDACTED-1"],
  ["cscli bouncers add n --key canary", "cscli bouncers add n --key REDACTED-1"],
  ["cscli bouncers add n --key=canary", "cscli bouncers add n --key=REDACTED-1"],
  ["htpasswd -b /etc/f bob canary", "htpasswd -b /etc/f bob REDACTED-1"],
  ["htpasswd -nbB bob canary", "htpasswd -nbB bob REDACTED-1"],
  ["htpasswd -c /etc/f bob", "htpasswd -c /etc/f bob"],
  ["mysql -p$DB_PASSWORD db", "mysql -p$DB_PASSWORD db"],
  ["crowdsec -dsn loki://me:canary@h:3100/ -type x", "crowdsec -dsn loki://me:REDACTED-1@h:3100/ -type x"],
  ["5 * * * * root DB_PASSWORD=canary /usr/bin/backup", "5 * * * * root DB_PASSWORD=REDACTED-1 /usr/bin/backup"],
  [
    "docker run -p 8080:8080 -e AGENT_PASSWORD=canary crowdsec",
    "docker run -p 8080:8080 -e AGENT_PASSWORD=REDACTED-1 crowdsec",
  ],
  ["crowdsec -c /etc/crowdsec/config.yaml -t -error", "crowdsec -c /etc/crowdsec/config.yaml -t -error"],
  [
    "ssh -p 2222 h; mkdir -p /x; cscli -c /etc/x hub list -o raw",
    "ssh -p 2222 h; mkdir -p /x; cscli -c /etc/x hub list -o raw",
  ],
  [
    "x --key /etc/ssl/private/x.pem --key-file /x --token-file /y --password-stdin",
    "x --key /etc/ssl/private/x.pem --key-file /x --token-file /y --password-stdin",
  ],
  ["/bin/sh -c 'curl -u bob:canary http://x' y", "/bin/sh -c 'curl -u bob:REDACTED-1 http://x' y"],
  ['bash -c "foo --api-key canary"', 'bash -c "foo --api-key REDACTED-1"'],
  [
    String.raw`bash -c "curl -H \"X-Api-Key: canary\" -u bob:can\\ary h"`,
    String.raw`bash -c "curl -H \"X-Api-Key: REDACTED-1\" -u bob:REDACTED-1 h"`,
  ],
  ['0 5 * * * root su - bob -c "foo --token canary"', '0 5 * * * root su - bob -c "foo --token REDACTED-1"'],
  ["ssh h 'mysql -pcanary db'", "ssh h 'mysql -pREDACTED-1 db'"],
  [`ssh h "sh -c 'mysql -pcanary db'"`, `ssh h "sh -c 'mysql -pREDACTED-1 db'"`],
  ["git commit -m 'reads the key -u now'", "git commit -m 'reads the key -u now'"],
  ["curl -su bob:canary h", "curl -su bob:REDACTED-1 h"],
  ["curl -fsSu bob:canary h", "curl -fsSu bob:REDACTED-1 h"],
  ["curl -fsSubob:canary h", "curl -fsSubob:REDACTED-1 h"],
  ["curl -sH 'X-Api-Key: canary' h", "curl -sH 'X-Api-Key: REDACTED-1' h"],
  ["curl -fsSL -o /tmp/x:y http://h:80/", "curl -fsSL -o /tmp/x:y http://h:80/"],
  [
    "traefik --accesslog.fields.headers.names.Authorization=drop",
    "traefik --accesslog.fields.headers.names.Authorization=drop",
  ],
  ["redis-cli -acanary ping", "redis-cli -aREDACTED-1 ping"],
  ["docker login -u bob -p canary r.example", "docker login -u bob -p REDACTED-1 r.example"],
  ["mongosh -u bob -p canary db", "mongosh -u bob -p REDACTED-1 db"],
  ["smbclient -U bob%canary //h/s", "smbclient -U bob%REDACTED-1 //h/s"],
  ["echo bob:canary | chpasswd", "echo bob:REDACTED-1 | chpasswd"],
  ["echo 'canary' | passwd --stdin bob", "echo 'REDACTED-1' | passwd --stdin bob"],
  ["echo canary | sudo -S systemctl restart x", "echo REDACTED-1 | sudo -S systemctl restart x"],
  ["chpasswd <<< bob:canary", "chpasswd <<< bob:REDACTED-1"],
  ["echo done: x | sudo tee /tmp/x", "echo done: x | sudo tee /tmp/x"],
  [
    "crowdsec-preflight --cron --ping-url https://hc-ping.com/canary y",
    "crowdsec-preflight --cron --ping-url REDACTED-1 y",
  ],
  ["x --password -Hunt3r-x y", "x --password REDACTED-1 y"],
  ["curl \\\n  -u \\\n  bob:canary \\\n  h\nls", "curl \\\n  -u \\\n  bob:REDACTED-1 \\\n  h\nls"],
  ["x --token 'can \\\n ary' \\\n  y\nls", "x --token 'REDACTED-1' \\\n \\\n  y\nls"],
])("%s is shown as %s", (text, expected) => {
  expect(shown(text, "arguments")).toBe(expected);
});

test("a megabyte of quotes, backslashes and pipes is read in no time", () => {
  const begun = Date.now();
  for (const part of ['" \\"', "' ", "\\\n", "| echo x ", `"a '`, "-sssssssssssu ", "<<< x "])
    shown(part.repeat(Math.floor((1 << 20) / part.length)), "arguments");
  expect(Date.now() - begun).toBeLessThan(50_000);
});
