import { expect, test } from "@jest/globals";
import { kindOf } from "../../src/redaction/kind.ts";

test.each([
  ["/etc/crowdsec/config.yaml", "yaml"],
  ["/etc/crowdsec/config.yaml.local", "yaml"],
  ["/etc/crowdsec/acquis.d/web.yml", "yaml"],
  ["/etc/crowdsec/bouncers/crowdsec-nginx-bouncer.conf", "settings"],
  ["/etc/crowdsec/bouncers/crowdsec-nginx-bouncer.conf.local", "settings"],
  ["/etc/crowdsec/bouncers/crowdsec-apache2-bouncer.conf", "directives"],
  ["/usr/lib/systemd/system/crowdsec.service", "unit"],
  ["/etc/systemd/system/crowdsec.service.d/proxy.conf", "unit"],
  ["/etc/systemd/system.conf.d/proxy.conf", "unit"],
  ["/etc/environment", "environment"],
  ["/etc/default/crowdsec", "environment"],
  ["/etc/sysconfig/crowdsec", "environment"],
  ["/opt/crowdsec/.env", "environment"],
  ["/etc/passwd", "accounts"],
  ["/etc/crontab", "arguments"],
  ["/etc/cron.d/crowdsec", "arguments"],
  ["/var/spool/cron/crontabs/root", "arguments"],
  ["/usr/local/bin/report.sh", "arguments"],
  ["/var/lib/crowdsec/hub/.index.json", "json"],
  ["/etc/hosts", "text"],
  ["/var/log/crowdsec.log", "text"],
])("%s is read as %s", (path, kind) => {
  expect(kindOf(path)).toBe(kind);
});
