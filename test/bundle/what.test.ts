import { expect, test } from "@jest/globals";
import { SCHEDULED, whatOfRead, whatOfSetting } from "../../src/bundle/what.ts";
import { fileRead, from, packageInstall } from "../support/topology.ts";

test.each([
  "/etc/crontab",
  "/etc/cron.d/e2scrub_all",
  "/etc/cron.daily/man-db",
  "/var/spool/cron/crontabs/root",
  "/usr/lib/systemd/system/apt-daily.timer",
  "/lib/systemd/system/dpkg-db-backup.service",
  "/usr/libexec/dpkg/dpkg-db-backup",
  "/opt/monitoring/check.sh",
  "/srv/app/docker-compose.yml",
])("%s is there because it was searched for logins", (path) => {
  expect(whatOfRead(path)).toBe(SCHEDULED);
});

test.each([
  ["/usr/lib/systemd/system/crowdsec-hubupdate.timer", "of CrowdSec's service or timer"],
  ["/etc/apt/sources.list.d/crowdsec.list", "where packages come from"],
  ["/etc/ssl/certs/ca-certificates.crt", "whom this host trusts"],
  ["/usr/local/share/ca-certificates/own.crt", "whom this host trusts"],
  ["/etc/crowdsec/hub/.index.json", "of CrowdSec, as a check read it"],
  ["/srv/local_api_credentials.yaml", "credentials of this machine, values taken out"],
  ["/usr/lib/os-release", "as a check read it"],
  ["/etc/hosts", "as a check read it"],
])("%s is not: %s", (path, what) => {
  expect(whatOfRead(path)).toBe(what);
});

test("a setting is told by its use before its name, and an overlay as one", () => {
  const topology = packageInstall({
    config: from("/srv/cs/config.yaml", "--config"),
    files: [
      fileRead("/srv/cs/acquis.yaml", "profiles"),
      fileRead("/srv/cs/config.yaml.local", "CrowdSec's configuration, overlay"),
    ],
  });
  const told = (path: string) => whatOfSetting(path, topology);
  expect(told("/srv/cs/acquis.yaml")).toBe("what is decided about alerts");
  expect(told("/srv/cs/config.yaml.local")).toBe("CrowdSec's configuration; overlay");
  expect(told("/srv/cs/simulation.yaml")).toBe("which scenarios decide nothing, and only tell");
  expect(told("/srv/cs/console.yaml.local")).toBe("what is sent to CrowdSec's console; overlay");
  expect(told("/srv/cs/own.yaml")).toBeUndefined();
  expect(told("/elsewhere/simulation.yaml")).toBeUndefined();
});
