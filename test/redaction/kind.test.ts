import { expect, test } from "@jest/globals";
import { kindOf } from "../../src/redaction/kind.ts";

test.each([
  ["/etc/crowdsec/config.yaml", "yaml"],
  ["/etc/crowdsec/config.yaml.local", "yaml"],
  ["/etc/crowdsec/acquis.d/x.yml", "yaml"],
  ["/etc/crowdsec/bouncers/crowdsec-nginx-bouncer.conf", "settings"],
  ["/etc/crowdsec/bouncers/crowdsec-nginx-bouncer.conf.local", "settings"],
  ["/etc/crowdsec/bouncers/crowdsec-apache2-bouncer.conf", "directives"],
  ["/lib/systemd/system/crowdsec.service", "unit"],
  ["/etc/systemd/system/crowdsec.service.d/proxy.conf", "unit"],
  ["/etc/systemd/system/x.timer", "unit"],
  ["/etc/systemd/system.conf", "unit"],
  ["/etc/environment", "environment"],
  ["/etc/default/crowdsec", "environment"],
  ["/etc/sysconfig/crowdsec", "environment"],
  ["/opt/crowdsec/.env", "environment"],
  ["/etc/passwd", "accounts"],
  ["/etc/crontab", "arguments"],
  ["/etc/anacrontab", "arguments"],
  ["/etc/cron.d/crowdsec", "arguments"],
  ["/var/spool/cron/crontabs/root", "arguments"],
  ["/var/spool/cron/root", "arguments"],
  ["/etc/sudoers.d/x", "arguments"],
  ["/usr/local/bin/x.sh", "arguments"],
  ["/etc/crowdsec/hub/.index.json", "json"],
  ["/var/log/crowdsec.log", "text"],
  ["/etc/resolv.conf", "text"],
  ["/etc/hosts", "text"],
])("%s is read as %s", (path, kind) => {
  expect(kindOf(path)).toBe(kind);
});
